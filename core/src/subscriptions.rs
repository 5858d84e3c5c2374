//! Which module wants which data types (PROTOCOL.md, section 6). Subscriptions belong to a connection and end with it.

use crate::event::ConnectionId;
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::util::sorted::SortedMap;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a NOTIFY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribed {
    /// It is a subscription now.
    New,
    /// It was one before: subscribing twice is one subscription.
    Already,
    /// It is dropped: there are [`SUBSCRIPTIONS_MAX`] already.
    TableFull,
}

/// All subscriptions, at most [`SUBSCRIPTIONS_MAX`]; past that new ones are dropped. Each lives as long as its
/// connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions {
    /// In the order of subscription, which is the order in which modules are told.
    by_type: BTreeMap<u16, Vec<ConnectionId>>,
    /// The same pairs the other way round. No set and no list is empty.
    by_connection: SortedMap<ConnectionId, BTreeSet<u16>>,
    len: usize,
}

impl Subscriptions {
    /// Subscribes a connection to a type, in time logarithmic in how many there are.
    pub(crate) fn subscribe(&mut self, connection: ConnectionId, data_type: u16) -> Subscribed {
        if self.by_connection.get(&connection).is_some_and(|types| types.contains(&data_type)) {
            return Subscribed::Already;
        }
        if self.len >= SUBSCRIPTIONS_MAX {
            return Subscribed::TableFull;
        }
        self.by_connection.change(connection, BTreeSet::new, |types| types.insert(data_type));
        self.by_type.entry(data_type).or_default().push(connection);
        self.len = self.len.saturating_add(1);
        Subscribed::New
    }

    /// Ends all subscriptions of a connection. Is there a type that nobody subscribes to any more?
    pub(crate) fn unsubscribe_all(&mut self, connection: ConnectionId) -> bool {
        let types = self.by_type.len();
        for data_type in self.by_connection.remove(&connection).unwrap_or_default() {
            let Some(subscribers) = self.by_type.get_mut(&data_type) else { continue };
            subscribers.retain(|other| *other != connection);
            if subscribers.is_empty() {
                self.by_type.remove(&data_type);
            }
            self.len = self.len.saturating_sub(1);
        }
        self.by_type.len() < types
    }

    /// The types that somebody subscribes to, in their order.
    pub(crate) fn types(&self) -> Vec<u16> {
        self.by_type.keys().copied().collect()
    }

    /// Who is subscribed to a type, in the order of subscription.
    pub(crate) fn subscribers(&self, data_type: u16) -> &[ConnectionId] {
        self.by_type.get(&data_type).map_or(&[], Vec::as_slice)
    }

    /// How many are subscribed to each type that has any, in the order of types.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u16, usize)> {
        self.by_type.iter().map(|(data_type, subscribers)| (*data_type, subscribers.len()))
    }

    /// See [`GossipState::touch`](crate::GossipState::touch).
    pub(crate) fn touch(&self) -> u64 {
        self.by_type.first_key_value().map_or(0, |(_, those)| those.len() as u64)
    }

    /// How many subscriptions there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many types one connection is subscribed to.
    pub(crate) fn types_of(&self, connection: ConnectionId) -> usize {
        self.by_connection.get(&connection).map_or(0, BTreeSet::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen};

    fn module(n: u64) -> ConnectionId {
        ConnectionId::accepted(n)
    }

    #[test]
    fn subscriptions_agree_with_a_plain_list_in_order() {
        for seed in 0..200 {
            let g = &mut Gen::from_size_and_seed(300, seed);
            let (mut subscriptions, mut model) = (Subscriptions::default(), Vec::<(ConnectionId, u16)>::new());
            for (kind, who, data_type) in Vec::<(u8, u8, u16)>::arbitrary(g) {
                let (who, data_type) = (module(u64::from(who % 6)), data_type % 8);
                if kind % 8 == 0 {
                    subscriptions.unsubscribe_all(who);
                    model.retain(|(other, _)| *other != who);
                } else {
                    let is_new = !model.contains(&(who, data_type));
                    let expected = if is_new { Subscribed::New } else { Subscribed::Already };
                    assert_eq!(subscriptions.subscribe(who, data_type), expected, "seed {seed}");
                    model.extend(is_new.then_some((who, data_type)));
                }
                for data_type in 0..8 {
                    let expected: Vec<_> = model.iter().filter(|(_, t)| *t == data_type).map(|(c, _)| *c).collect();
                    assert_eq!(subscriptions.subscribers(data_type), expected, "seed {seed}");
                }
                assert_eq!(subscriptions.counts().map(|(_, n)| n).sum::<usize>(), model.len(), "seed {seed}");
                assert!(subscriptions.counts().is_sorted() && subscriptions.counts().all(|(_, n)| n > 0));
                assert_eq!(subscriptions.len(), model.len(), "seed {seed}");
                assert_eq!(subscriptions.types_of(who), model.iter().filter(|(c, _)| *c == who).count());
            }
        }
    }

    #[test]
    fn subscribing_twice_is_one_subscription_that_ends_with_its_connection() {
        let mut subscriptions = Subscriptions::default();
        assert_eq!(subscriptions.subscribe(module(1), 7), Subscribed::New);
        assert_eq!(subscriptions.subscribe(module(1), 7), Subscribed::Already);
        assert_eq!((subscriptions.subscribers(7), subscriptions.len()), (&[module(1)][..], 1));
        subscriptions.unsubscribe_all(module(1));
        assert_eq!((subscriptions.subscribers(7), subscriptions.len()), (&[][..], 0));
        assert!(subscriptions.by_type.is_empty() && subscriptions.by_connection.is_empty());
    }

    #[test]
    fn past_the_bound_new_ones_are_refused_until_others_end() {
        let mut subscriptions = Subscriptions::default();
        for connection in 0..16 {
            for data_type in 0..=u16::MAX {
                assert_eq!(subscriptions.subscribe(module(connection), data_type), Subscribed::New);
            }
        }
        assert_eq!(subscriptions.len(), SUBSCRIPTIONS_MAX);
        assert_eq!(subscriptions.subscribe(module(16), 7), Subscribed::TableFull);
        assert_eq!(subscriptions.subscribe(module(3), 7), Subscribed::Already);
        subscriptions.unsubscribe_all(module(3));
        assert_eq!(subscriptions.subscribe(module(16), 7), Subscribed::New);
    }
}

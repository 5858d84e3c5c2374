//! Which module wants which data types (PROTOCOL.md, section 6). Subscriptions belong to a connection and end with it.

use crate::event::ConnectionId;
use crate::limits::SUBSCRIPTIONS_MAX;
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
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// In the order of subscription, which is the order in which modules are told.
    by_type: BTreeMap<u16, Vec<ConnectionId>>,
    /// The same pairs the other way round. No set and no list is empty.
    by_connection: BTreeMap<ConnectionId, BTreeSet<u16>>,
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
        self.by_connection.entry(connection).or_default().insert(data_type);
        self.by_type.entry(data_type).or_default().push(connection);
        self.len = self.len.saturating_add(1);
        Subscribed::New
    }

    /// Ends all subscriptions of a connection.
    pub(crate) fn unsubscribe_all(&mut self, connection: ConnectionId) {
        for data_type in self.by_connection.remove(&connection).unwrap_or_default() {
            let Some(subscribers) = self.by_type.get_mut(&data_type) else { continue };
            subscribers.retain(|other| *other != connection);
            if subscribers.is_empty() {
                self.by_type.remove(&data_type);
            }
            self.len = self.len.saturating_sub(1);
        }
    }

    /// Who is subscribed to a type, in the order of subscription.
    pub(crate) fn subscribers(&self, data_type: u16) -> &[ConnectionId] {
        self.by_type.get(&data_type).map_or(&[], Vec::as_slice)
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

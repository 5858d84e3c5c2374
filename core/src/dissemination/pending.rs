//! The waiting table: messages that modules were asked about (rules 2 and 3).

use super::fifo::Fifo;
use super::shares::{Amount, Shares};
use super::{NeighbourId, Source};
use crate::settings::Settings;
use crate::time::{Age, Instant};
use crate::wire::Payload;

/// A message that waits for VALIDATION.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Its slot in the memory.
    pub(super) seen: u32,
    /// Its id towards peers.
    pub(super) id: u16,
    /// How many hops it may go from here: the greatest ttl of its copies, or of an announcement (256 for no limit).
    pub(super) hops: u16,
    pub(super) payload: Payload,
    /// Where the first copy came from.
    pub(super) source: Source,
    /// Neighbours that sent a copy, the first included.
    pub(super) senders: Vec<NeighbourId>,
    /// How modules were told.
    pub(super) telling: u32,
    /// Until when it waits.
    pub(super) deadline: Instant,
    /// Its age, if it was asked for in repair (section 12).
    pub(super) fetched: Option<Box<Age>>,
}

/// The messages that wait, each at most `validation_timeout`, in the order in which they came, which is the order of
/// their deadlines. Bounded by `pending_max` and `pending_bytes`, in shares: see [`Shares`].
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    messages: Fifo<Waiting>,
    shares: Shares,
}

impl Pending {
    pub(super) fn total(&self) -> Amount {
        self.shares.total()
    }

    /// What waits of one source and type.
    pub(super) fn of(&self, source: Source, data_type: u16) -> Amount {
        self.shares.of(source, data_type)
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// See [`Shares::has_plenty`].
    pub(super) fn has_plenty(&self, settings: &Settings, bytes: usize) -> bool {
        self.shares.has_plenty(settings, bytes)
    }

    /// May one more wait? See [`Shares::has_room`].
    pub(super) fn has_room(
        &self,
        settings: &Settings,
        source: Source,
        data_type: u16,
        bytes: usize,
        part: u64,
    ) -> bool {
        self.shares.has_room(settings, source, data_type, bytes, part)
    }

    pub(super) fn push(&mut self, message: Waiting) -> u32 {
        self.shares.add(message.source, message.payload.data_type(), message.payload.len());
        self.messages.push(message)
    }

    /// A copy came from a neighbour, with so many hops to go.
    pub(super) fn add_copy(&mut self, slot: u32, sender: NeighbourId, hops: u16, senders_max: usize) {
        let Some(message) = self.messages.get_mut(slot) else { return };
        message.hops = message.hops.max(hops);
        if message.senders.len() < senders_max && !message.senders.contains(&sender) {
            message.senders.push(sender);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Waiting> {
        let message = self.messages.remove(slot)?;
        if !planted!(WaitingBytesLeaked) {
            self.shares.remove(message.source, message.payload.data_type(), message.payload.len());
        }
        Some(message)
    }

    /// Those that wait, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        let mut next = self.messages.front().map(|(slot, _)| slot);
        std::iter::from_fn(move || {
            let slot = next?;
            next = self.messages.after(slot);
            self.messages.get(slot)
        })
    }

    /// The first whose time is over.
    pub(super) fn overdue(&self, now: Instant) -> Option<u32> {
        self.messages
            .front()
            .filter(|(_, message)| message.deadline <= now && !planted!(WaitsForever))
            .map(|(slot, _)| slot)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.messages.front().map(|(_, message)| message.deadline)
    }

    /// Gives storage back if little waits.
    pub(super) fn trim(&mut self) {
        self.messages.trim();
    }

    /// Gives storage back if nothing waits.
    pub(super) fn shrink(&mut self) {
        self.messages.shrink();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_of_copies_are_noted_once_and_so_many() {
        let mut pending = Pending::default();
        assert!(pending.is_empty());
        let source = Source::Neighbour(NeighbourId(1));
        let slot = pending.push(Waiting {
            seen: 0,
            id: 1,
            hops: 3,
            payload: Payload::new(1337, b"x"),
            source,
            senders: vec![NeighbourId(1)],
            telling: 0,
            deadline: Instant::ZERO,
            fetched: None,
        });
        assert!(!pending.is_empty());
        let mut copy = |sender, hops| {
            pending.add_copy(slot, NeighbourId(sender), hops, 3);
            let message = pending.iter().next().unwrap();
            (message.hops, message.senders.iter().map(|sender| sender.0).collect::<Vec<_>>())
        };
        assert_eq!(copy(2, 2), (3, vec![1, 2]));
        assert_eq!(copy(2, 5), (5, vec![1, 2]), "twice is once");
        assert_eq!(copy(3, 1), (5, vec![1, 2, 3]));
        assert_eq!(copy(4, 9), (9, vec![1, 2, 3]), "no room, but its hops count");
    }
}

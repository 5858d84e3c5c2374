//! Messages held for neighbours to come (rule 4), because there were fewer than `degree` to spread them to.

use super::fifo::Fifo;
use super::{NeighbourId, Spread};
use crate::settings::Settings;
use crate::time::Instant;

/// A valid message for which neighbours are still wanted.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Its slot in the memory.
    pub(super) seen: u32,
    pub(super) spread: Spread,
    /// How many neighbours are still wanted.
    pub(super) wanted: u32,
    /// Neighbours that do not get it: those that sent a copy, then those that have it from us.
    pub(super) excluded: Vec<NeighbourId>,
    /// How many of these sent a copy.
    pub(super) senders: usize,
    /// Until when it is held.
    pub(super) deadline: Instant,
}

impl Held {
    /// A copy came from this neighbour.
    pub(super) fn add_sender(&mut self, sender: NeighbourId, excluded_max: usize) {
        let at = match self.excluded.iter().position(|other| *other == sender) {
            Some(at) if at < self.senders => return,
            Some(at) => at,
            None if self.excluded.len() >= excluded_max => return,
            None => {
                self.excluded.push(sender);
                self.excluded.len().saturating_sub(1)
            }
        };
        self.excluded.swap(at, self.senders);
        self.senders = self.senders.saturating_add(1);
    }

    /// Does it go to this neighbour, which has just joined? Then it has it from now on.
    fn goes_to(&mut self, neighbour: NeighbourId) -> bool {
        if self.wanted == 0 || self.excluded.contains(&neighbour) {
            return false;
        }
        self.excluded.push(neighbour);
        self.wanted = self.wanted.saturating_sub(1);
        true
    }
}

/// At most `cache_size` messages with at most `pending_bytes` bytes of type and data; past that the oldest leave. Each
/// is held until `suppression_time` after its decision or until `degree` neighbours have it.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldMessages {
    messages: Fifo<Held>,
    bytes: u64,
}

impl HeldMessages {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn push(&mut self, message: Held) -> u32 {
        self.bytes = self.bytes.saturating_add(message.spread.payload.len() as u64);
        self.messages.push(message)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Held> {
        self.messages.get_mut(slot)
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Held> {
        let message = self.messages.remove(slot)?;
        self.bytes = self.bytes.saturating_sub(message.spread.payload.len() as u64);
        Some(message)
    }

    /// The oldest, if there are too many.
    pub(super) fn too_many(&self, settings: &Settings) -> Option<u32> {
        let over = self.len() > settings.cache_size as usize || self.bytes > settings.pending_bytes;
        self.messages.front().filter(|_| over).map(|(slot, _)| slot)
    }

    /// The first whose time is over.
    pub(super) fn overdue(&self, now: Instant) -> Option<u32> {
        self.messages.front().filter(|(_, message)| message.deadline <= now).map(|(slot, _)| slot)
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.messages.front().map(|(_, message)| message.deadline)
    }

    /// A neighbour joined: appends what it gets, oldest first, and to `done` the slots for which nobody is wanted any
    /// more.
    pub(super) fn neighbour_up(&mut self, neighbour: NeighbourId, out: &mut Vec<Spread>, done: &mut Vec<u32>) {
        let mut next = self.messages.front().map(|(slot, _)| slot);
        while let Some(slot) = next {
            if let Some(message) = self.messages.get_mut(slot)
                && message.goes_to(neighbour)
            {
                out.push(message.spread.clone());
                if message.wanted == 0 {
                    done.push(slot);
                }
            }
            next = self.messages.after(slot);
        }
    }

    /// Gives storage back if little is held.
    pub(super) fn trim(&mut self) {
        self.messages.trim();
    }

    /// Gives storage back if nothing is held.
    pub(super) fn shrink(&mut self) {
        self.messages.shrink();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Addresses;
    use crate::time::Duration;
    use crate::wire::Payload;

    fn held(senders: &[u64], data: &[u8], deadline: u64) -> Held {
        let spread = Spread { ttl: 3, id: 1, payload: Payload::new(1337, data) };
        let excluded: Vec<_> = senders.iter().copied().map(NeighbourId).collect();
        let (senders, deadline) = (excluded.len(), Instant::ZERO.after(Duration::from_secs(deadline)));
        Held { seen: 0, spread, wanted: 2, excluded, senders, deadline }
    }

    #[test]
    fn senders_stand_before_those_that_have_it_from_us_each_once_and_bounded() {
        let mut message = held(&[1], b"x", 0);
        assert!(message.goes_to(NeighbourId(2)) && !message.goes_to(NeighbourId(1)));
        let mut add = |sender, excluded_max| {
            message.add_sender(NeighbourId(sender), excluded_max);
            (message.senders, message.excluded.iter().map(|neighbour| neighbour.0).collect::<Vec<_>>())
        };
        assert_eq!(add(3, 4), (2, vec![1, 3, 2]));
        assert_eq!(add(1, 4), (2, vec![1, 3, 2]), "twice is once");
        assert_eq!(add(3, 4), (2, vec![1, 3, 2]), "twice is once");
        assert_eq!(add(2, 3), (3, vec![1, 3, 2]), "it had it from us, and sent it");
        assert_eq!(add(4, 3), (3, vec![1, 3, 2]), "no room");
        assert_eq!(add(4, 4), (4, vec![1, 3, 2, 4]));
    }

    #[test]
    fn the_oldest_leaves_past_either_bound_and_not_before() {
        let mut settings = Settings::new(2, 3, Addresses::of("127.0.0.1:6001".parse().unwrap()));
        let mut messages = HeldMessages::default();
        let first = messages.push(held(&[], &[0; 8], 1));
        messages.push(held(&[], &[0; 8], 2));
        // Its type counts, too.
        settings.pending_bytes = 2 * Payload::new(1337, &[0; 8]).len() as u64;
        assert_eq!(messages.too_many(&settings), None);
        settings.pending_bytes -= 1;
        assert_eq!(messages.too_many(&settings), Some(first));
        settings.pending_bytes += 1;
        settings.cache_size = 1;
        assert_eq!(messages.too_many(&settings), Some(first));
        messages.remove(first);
        assert_eq!(messages.too_many(&settings), None);
    }

    #[test]
    fn the_next_to_be_released_is_the_oldest_at_its_deadline() {
        let mut messages = HeldMessages::default();
        assert_eq!((messages.next_expiry(), messages.overdue(Instant::from_micros(u64::MAX))), (None, None));
        let first = messages.push(held(&[], b"x", 1));
        messages.push(held(&[], b"y", 2));
        let deadline = Instant::ZERO.after(Duration::from_secs(1));
        assert_eq!(messages.next_expiry(), Some(deadline));
        assert_eq!(messages.overdue(deadline.before(Duration::from_micros(1))), None);
        assert_eq!(messages.overdue(deadline), Some(first));
    }
}

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

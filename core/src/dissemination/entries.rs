//! Where remembered messages lie: a slab that gives memory back while it is in use.

use super::fifo::NONE;
use super::seen::{Fate, Identity, halves};
use crate::time::Instant;

/// One remembered message, in 36 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) identity: Identity,
    /// When it was decided, in whole milliseconds rounded up: 48 bits of them, 8,900 years.
    pub(super) decided_low: u32,
    pub(super) decided_high: u16,
    /// The greatest ttl of its copies, taken as at most 32.
    pub(super) ttl: u8,
    pub(super) kind: Kind,
    /// A slot or a mask, as the kind says.
    pub(super) extra: u32,
    pub(super) lane: u32,
    /// The entry of its lane that was decided next; the next free entry while this one is free.
    pub(super) next: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Waits,
    Held,
    Valid,
    Dropped,
    /// The entry is free.
    Free,
}

impl Entry {
    pub(super) fn fate(&self) -> Fate {
        match self.kind {
            Kind::Waits => Fate::Waits(self.extra),
            Kind::Held => Fate::Held(self.extra),
            Kind::Valid => Fate::Valid(self.extra),
            Kind::Dropped | Kind::Free => Fate::Dropped,
        }
    }

    pub(super) fn set_fate(&mut self, fate: Fate) {
        (self.kind, self.extra) = match fate {
            Fate::Waits(slot) => (Kind::Waits, slot),
            Fate::Held(slot) => (Kind::Held, slot),
            Fate::Valid(mask) => (Kind::Valid, mask),
            Fate::Dropped => (Kind::Dropped, 0),
        };
    }

    pub(super) fn decided(&self) -> Instant {
        let millis = (u64::from(self.decided_high) << 32) | u64::from(self.decided_low);
        Instant::from_micros(millis.saturating_mul(1_000))
    }

    pub(super) fn set_decided(&mut self, at: Instant) {
        let (high, low) = halves(at.as_micros().div_ceil(1_000));
        (self.decided_high, self.decided_low) = (u16::try_from(high).unwrap_or(u16::MAX), low);
    }
}

/// Entries of one allocation but the first, which grows: memory follows need to within as many.
const CHUNK: usize = 1_024;

#[derive(Clone, Debug)]
struct Chunk {
    entries: Vec<Entry>,
    /// The slot that became free last.
    free: u32,
    used: usize,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.used >= CHUNK
    }
}

/// A newcomer is put into the first chunk with room, so that the last ones empty as their messages leave.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    chunks: Vec<Chunk>,
    /// No chunk before this one has room.
    roomy: usize,
}

impl Entries {
    pub(super) fn get(&self, slot: u32) -> Option<&Entry> {
        self.chunks.get(slot as usize / CHUNK)?.entries.get(slot as usize % CHUNK)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.chunks.get_mut(slot as usize / CHUNK)?.entries.get_mut(slot as usize % CHUNK)
    }

    /// Those in use, by slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        // At most `seen_max` of them, far fewer than 2^32. Every chunk but the last has all its places.
        let slots = (0_u32..).step_by(CHUNK);
        let places = slots.zip(&self.chunks).flat_map(|(first, chunk)| (first..).zip(&chunk.entries));
        places.filter(|(_, entry)| !matches!(entry.kind, Kind::Free))
    }

    /// The greatest slot, in use or not.
    pub(super) fn last(&self) -> u32 {
        let before = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let here = self.chunks.last().map_or(0, |chunk| chunk.entries.len().saturating_sub(1));
        u32::try_from(before.saturating_add(here)).unwrap_or(NONE)
    }

    /// Puts an entry where there is room.
    pub(super) fn place(&mut self, new: Entry) -> u32 {
        while self.chunks.get(self.roomy).is_some_and(Chunk::is_full) {
            self.roomy = self.roomy.saturating_add(1);
        }
        if self.roomy == self.chunks.len() {
            let at_once = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Chunk { entries: Vec::with_capacity(at_once), free: NONE, used: 0 });
        }
        let before = self.roomy.saturating_mul(CHUNK);
        let Some(chunk) = self.chunks.get_mut(self.roomy) else { return NONE };
        chunk.used = chunk.used.saturating_add(1);
        if let Some(entry) = chunk.entries.get_mut(chunk.free as usize % CHUNK).filter(|_| chunk.free != NONE) {
            let slot = std::mem::replace(&mut chunk.free, entry.next);
            *entry = new;
            return slot;
        }
        if chunk.entries.len() == chunk.entries.capacity() {
            // By an eighth, not to the double: this is most of what an idle node takes.
            chunk.entries.reserve_exact((chunk.entries.len() / 8).max(8));
        }
        let slot = before.saturating_add(chunk.entries.len());
        chunk.entries.push(new);
        u32::try_from(slot).unwrap_or(NONE)
    }

    /// An entry that is in use is so no longer.
    pub(super) fn free(&mut self, slot: u32) {
        let at = slot as usize / CHUNK;
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Some(entry) = chunk.entries.get_mut(slot as usize % CHUNK) else { return };
        entry.kind = Kind::Free;
        entry.next = std::mem::replace(&mut chunk.free, slot);
        chunk.used = chunk.used.saturating_sub(1);
        self.roomy = self.roomy.min(at);
    }

    /// Gives back the chunks behind the last one that is in use.
    pub(super) fn give_back(&mut self) {
        while self.chunks.last().is_some_and(|chunk| chunk.used == 0) {
            self.chunks.pop();
        }
        self.roomy = self.roomy.min(self.chunks.len());
    }

    /// See [`GossipState::touch`](crate::GossipState::touch).
    pub(super) fn touch(&self, depth: u8) -> u64 {
        match depth {
            0 => self.chunks.len() as u64,
            _ => self.chunks.first().map_or(0, |chunk| chunk.entries.len() as u64),
        }
    }

    /// Entries that there is a place for, in use or not.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.entries.len()).sum()
    }

    /// Bytes that it takes, all in.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let entries: usize = self.chunks.iter().map(|chunk| chunk.entries.capacity() * size_of::<Entry>()).sum();
        entries + self.chunks.capacity() * size_of::<Chunk>()
    }
}

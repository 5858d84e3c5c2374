//! The knowledge base: the latest valid messages (PROTOCOL.md, section 12).

use crate::settings::Settings;
use crate::time::{Age, Duration, Instant};
use crate::wire::{Digest, Payload};
use std::collections::{BTreeMap, VecDeque};

/// What tells messages apart in repair: cut from SHA-256 over id, type and data.
pub(crate) fn digest_of(id: u16, data_type: u16, data: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let ([a, b], [c, d]) = (id.to_be_bytes(), data_type.to_be_bytes());
    let hash: [u8; 32] = Sha256::new().chain_update([a, b, c, d]).chain_update(data).finalize().into();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// A valid message.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Type and data, shared with the queues.
    pub(super) payload: Payload,
    /// Meaningless until [`Knowledge::hash_before`] came by.
    digest: Digest,
    /// Since its announcement, as far as that is known.
    pub(super) age: Age,
    /// When it was found valid here.
    pub(super) entered: Instant,
    /// Links that need no offer of it: they have it, or were offered or pushed it. One bit a slot.
    pub(super) told: u64,
    /// Links that were offered it and have not asked.
    pub(super) open: u64,
    /// Links that have asked once and may ask once more: what they were sent may be lost.
    pub(super) again: u64,
    pub(super) id: u16,
    /// What it goes on with; none if it goes no further.
    pub(super) ttl: Option<u8>,
    /// It came because it was asked for.
    pub(super) is_fetched: bool,
}

impl Entry {
    /// A message found valid now, of which nobody was told yet.
    pub(super) fn new(now: Instant, age: Age, id: u16, ttl: Option<u8>, payload: Payload) -> Self {
        Self { payload, digest: 0, age, entered: now, told: 0, open: 0, again: 0, id, ttl, is_fetched: false }
    }
}

/// At most `cache_size` messages with at most `cache_bytes` bytes of type and data; past that the oldest leave, and with
/// `replay = no` also `suppression_time` after they came. Messages have numbers in the order in which they came, for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    entries: VecDeque<Entry>,
    /// The number of the first of them.
    first: u64,
    bytes: u64,
    /// Numbers by digest, of those before `hashed`: most messages of a busy node leave before anybody asks.
    index: BTreeMap<Digest, u64>,
    hashed: u64,
    /// When the last that was pushed out by newer ones had come: what is older may have been here.
    horizon: Option<Instant>,
}

impl Knowledge {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of the oldest.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next one gets.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.entries.len() as u64)
    }

    /// What is older than this may have been here and be gone.
    pub(super) fn horizon(&self) -> Option<Instant> {
        self.horizon
    }

    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(self.place(number)?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Entry> {
        let place = self.place(number)?;
        self.entries.get_mut(place)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    /// Takes a message in, and gives it a number. The oldest make room, and are handed out with theirs.
    pub(super) fn push(&mut self, settings: &Settings, entry: Entry, mut leaves: impl FnMut(u64, Entry)) -> u64 {
        let number = self.next();
        self.bytes = self.bytes.saturating_add(entry.payload.len() as u64);
        if self.len() == self.entries.capacity() {
            // By a quarter, not to the double, and no further than is ever needed: there are very many of these.
            let most = (settings.cache_size as usize).saturating_add(1).saturating_sub(self.len());
            self.entries.reserve_exact((self.len() / 4).max(8).min(most.max(1)));
        }
        self.entries.push_back(entry);
        while self.len() > settings.cache_size as usize || self.bytes > settings.cache_bytes {
            let first = self.first;
            let Some(oldest) = self.pop() else { break };
            self.horizon = Some(oldest.entered);
            leaves(first, oldest);
        }
        number
    }

    /// Forgets what came `span` ago or earlier.
    pub(super) fn expire(&mut self, now: Instant, span: Duration) {
        while self.entries.front().is_some_and(|oldest| oldest.entered.after(span) <= now) {
            self.pop();
        }
        if self.entries.is_empty() {
            (self.entries, self.index) = (VecDeque::new(), BTreeMap::new());
        }
    }

    /// When the next one is forgotten.
    pub(super) fn next_expiry(&self, span: Duration) -> Option<Instant> {
        self.entries.front().map(|oldest| oldest.entered.after(span))
    }

    /// Works out the digests of all before this number that have none yet.
    pub(super) fn hash_before(&mut self, number: u64) {
        self.hashed = self.hashed.max(self.first);
        while self.hashed < number.min(self.next()) {
            let at = self.hashed;
            let Some(entry) = self.get_mut(at) else { break };
            entry.digest = digest_of(entry.id, entry.payload.data_type(), entry.payload.data());
            let digest = entry.digest;
            self.hashed = self.hashed.saturating_add(1);
            if let Some(former) = self.index.insert(digest, at).and_then(|former| self.get_mut(former)) {
                // It was forgotten and has come again: the newer stands for both.
                former.ttl = None;
            }
        }
    }

    /// The digest of a message for which it was worked out.
    pub(super) fn digest(&self, number: u64) -> Option<Digest> {
        self.get(number).filter(|_| number < self.hashed).map(|entry| entry.digest)
    }

    /// The number of the message with this digest, of those for which it was worked out.
    pub(super) fn find(&self, digest: Digest) -> Option<u64> {
        self.index.get(&digest).copied()
    }

    /// Is this the last of all that say the same?
    pub(super) fn is_current(&self, number: u64) -> bool {
        self.digest(number).is_none_or(|digest| self.find(digest) == Some(number))
    }

    fn pop(&mut self) -> Option<Entry> {
        let oldest = self.entries.pop_front()?;
        let number = self.first;
        self.first = self.first.saturating_add(1);
        self.bytes = self.bytes.saturating_sub(oldest.payload.len() as u64);
        if number < self.hashed && self.index.get(&oldest.digest) == Some(&number) {
            self.index.remove(&oldest.digest);
        }
        Some(oldest)
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{digest, entry, seconds, settings};
    use super::*;

    #[test]
    fn what_says_the_same_twice_is_found_under_its_newer_number_until_that_leaves() {
        let (settings, mut knowledge) = (settings(), Knowledge::default());
        let mut left = Vec::new();
        let mut push = |knowledge: &mut Knowledge, id| {
            let number = knowledge.push(&settings, entry(seconds(u64::from(id)), id), |number, _| left.push(number));
            knowledge.hash_before(knowledge.next());
            number
        };
        assert_eq!([1, 2, 1].map(|id| push(&mut knowledge, id)), [0, 1, 2]);
        assert_eq!((knowledge.find(digest(1)), knowledge.find(digest(2))), (Some(2), Some(1)));
        assert_eq!((knowledge.is_current(0), knowledge.is_current(2)), (false, true));
        assert_eq!(knowledge.get(0).unwrap().ttl, None, "the newer stands for both");
        assert_eq!([3, 4].map(|id| push(&mut knowledge, id)), [3, 4]);
        assert_eq!((knowledge.first(), knowledge.find(digest(1))), (1, Some(2)), "the older has left");
        assert_eq!([5, 6].map(|id| push(&mut knowledge, id)), [5, 6]);
        assert_eq!((knowledge.first(), knowledge.find(digest(1)), knowledge.find(digest(2))), (3, None, None));
        assert_eq!((knowledge.index.len(), knowledge.horizon()), (4, Some(seconds(1))));
        assert_eq!(left, [0, 1, 2]);
    }

    #[test]
    fn what_nobody_asked_about_has_no_digest_and_leaves_no_trace() {
        let (settings, mut knowledge) = (settings(), Knowledge::default());
        (0..20).for_each(|id| _ = knowledge.push(&settings, entry(seconds(0), id), |_, _| ()));
        assert_eq!((knowledge.first(), knowledge.next(), knowledge.digest(17)), (16, 20, None));
        knowledge.hash_before(18);
        let digests = [15, 16, 17, 18].map(|number| knowledge.digest(number));
        assert_eq!(digests, [None, Some(digest(16)), Some(digest(17)), None]);
        assert_eq!(knowledge.index.len(), 2);
    }

    #[test]
    fn messages_are_forgotten_at_their_time_and_their_room_is_given_back() {
        let (settings, mut knowledge) = (settings(), Knowledge::default());
        let span = Duration::from_secs(60);
        assert_eq!(knowledge.next_expiry(span), None);
        (1..=3).for_each(|id| _ = knowledge.push(&settings, entry(seconds(u64::from(id)), id), |_, _| ()));
        assert_eq!(knowledge.next_expiry(span), Some(seconds(61)));
        knowledge.expire(seconds(61).before(Duration::from_micros(1)), span);
        assert_eq!(knowledge.len(), 3);
        knowledge.expire(seconds(61), span);
        assert_eq!((knowledge.len(), knowledge.next_expiry(span)), (2, Some(seconds(62))));
        knowledge.expire(seconds(63), span);
        assert_eq!((knowledge.len(), knowledge.bytes(), knowledge.entries.capacity()), (0, 0, 0));
        assert_eq!(knowledge.next(), 3, "numbers go on");
    }
}

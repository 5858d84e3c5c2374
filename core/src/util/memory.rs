//! Keys remembered until a time, at most so many.

use super::sorted::SortedMap;
use crate::time::Instant;
use std::marker::PhantomData;

/// Capacity: given at creation. Lifetime: per key. Expired keys go when their room is needed; when it is full of others,
/// the one that would have gone soonest.
#[derive(Clone, Debug)]
pub(crate) struct Memory<K, Kept = K> {
    until: SortedMap<Kept, Instant>,
    max: usize,
    keys: PhantomData<K>,
}

/// Keys are kept in a form of their own, perhaps a smaller one.
impl<K: Copy + Into<Kept>, Kept: Ord + Copy> Memory<K, Kept> {
    pub(crate) const fn new(max: usize) -> Self {
        Self { until: SortedMap::new(), max, keys: PhantomData }
    }

    /// Remembers a key until then; a key known already, until the later of both times.
    pub(crate) fn insert(&mut self, now: Instant, key: K, until: Instant) {
        let key = key.into();
        if let Some(known) = self.until.get_mut(&key) {
            *known = (*known).max(until);
            return;
        }
        // Before it grows, too: memory follows what is remembered, not what ever was.
        if self.until.len() >= self.max || self.until.is_at_capacity() {
            self.expire(now);
        }
        if self.until.len() >= self.max
            && let Some(soonest) = self.until.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            self.until.remove(&soonest);
        }
        self.until.insert(key, until);
    }

    /// Forgets expired keys now.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.until.retain(|_, until| *until > now);
    }

    /// Is it remembered?
    pub(crate) fn contains(&self, now: Instant, key: &K) -> bool {
        self.until(now, key).is_some()
    }

    /// Until when it is remembered.
    pub(crate) fn until(&self, now: Instant, key: &K) -> Option<Instant> {
        self.until.get(&(*key).into()).copied().filter(|until| *until > now)
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.until.remove(&(*key).into());
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.until.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_micros(n)
    }

    #[test]
    fn a_key_is_forgotten_when_its_time_has_come() {
        let mut memory = Memory::<u8>::new(4);
        memory.insert(at(0), 7, at(10));
        assert!(memory.contains(at(9), &7));
        assert!(!memory.contains(at(10), &7));
        memory.insert(at(0), 7, at(5));
        assert_eq!(memory.until(at(0), &7), Some(at(10)), "never shortened");
    }

    #[test]
    fn a_full_memory_drops_the_expired_then_the_soonest() {
        let mut memory = Memory::<u8>::new(2);
        memory.insert(at(0), 1, at(5));
        memory.insert(at(0), 2, at(50));
        memory.insert(at(6), 3, at(40));
        assert!(memory.contains(at(6), &2) && memory.contains(at(6), &3));
        memory.insert(at(7), 4, at(60));
        assert!(!memory.contains(at(7), &3) && memory.contains(at(7), &2) && memory.contains(at(7), &4));
        assert_eq!(memory.len(), 2);
    }
}

//! What happens next: events in the order of their time, ties in the order in which they were put in.

/// A queue for time that only moves on: a radix heap. Entries of one time come out in the order of their insertion, as
/// if each bore a growing u64 number; no number is stored, since every step below keeps that order.
///
/// An entry lies in the bucket of the highest bit in which its time differs from the last time taken out. It moves only
/// to lower buckets, in sequential sweeps, so that a queue of a million entries costs few cache misses.
#[derive(Debug)]
pub struct Queue<T> {
    /// Bucket 0 holds the entries of time `last`; those before `taken` are gone.
    buckets: Vec<Vec<Entry<T>>>,
    taken: usize,
    /// Bit b: bucket b has entries.
    filled: u128,
    last: u64,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: u64,
    what: T,
    /// See [`Queue::coming`].
    told: bool,
}

/// A bucket with room for more entries gives it back when it is emptied.
const KEPT: usize = 4_096;

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { buckets: (0..=64).map(|_| Vec::new()).collect(), taken: 0, filled: 0, last: 0, len: 0 }
    }
}

impl<T: Copy> Queue<T> {
    /// Puts `what` in at the time `at`, in microseconds; a time that has passed counts as the present one.
    pub fn push(&mut self, at: u64, what: T) {
        let at = at.max(self.last);
        self.len += 1;
        self.put(Entry { at, what, told: false });
    }

    /// Takes the next entry out, unless it lies after `limit`.
    pub fn pop_until(&mut self, limit: u64) -> Option<(u64, T)> {
        if self.taken == self.buckets[0].len() {
            self.buckets[0].clear();
            self.taken = 0;
            self.filled &= !1;
            self.refill(limit)?;
        } else if self.last > limit {
            return None;
        }
        let entry = self.buckets[0][self.taken];
        self.taken += 1;
        self.len -= 1;
        Some((entry.at, entry.what))
    }

    /// Appends those of the next entries that it has not told of yet, in no particular order: of at most `most`.
    pub fn coming(&mut self, most: usize, those: &mut Vec<T>) {
        let mut left = most;
        for (number, bucket) in self.buckets.iter_mut().enumerate() {
            let entries = &mut bucket[if number == 0 { self.taken } else { 0 }..];
            let Some(rest) = left.checked_sub(entries.len()) else { break };
            left = rest;
            for entry in entries.iter_mut().filter(|entry| !entry.told) {
                entry.told = true;
                those.push(entry.what);
            }
        }
    }

    /// Entries that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is nothing left to happen?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Moves the entries of the next time, if it is not after `limit`, to bucket 0.
    fn refill(&mut self, limit: u64) -> Option<()> {
        if self.filled == 0 {
            return None;
        }
        let lowest = self.filled.trailing_zeros() as usize;
        let mut entries = std::mem::take(&mut self.buckets[lowest]);
        let next = entries.iter().map(|entry| entry.at).min()?;
        if next > limit {
            self.buckets[lowest] = entries;
            return None;
        }
        self.filled &= !(1 << lowest);
        self.last = next;
        for entry in entries.drain(..) {
            self.put(entry);
        }
        // A small bucket keeps its allocation; a large one is seldom as full again soon.
        if entries.capacity() <= KEPT {
            self.buckets[lowest] = entries;
        }
        Some(())
    }

    fn put(&mut self, entry: Entry<T>) {
        let bucket = (64 - (entry.at ^ self.last).leading_zeros()) as usize;
        self.buckets[bucket].push(entry);
        self.filled |= 1 << bucket;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, Stream};
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    #[test]
    fn order_is_that_of_time_and_then_of_insertion() {
        for seed in 0..50 {
            let mut rng = Rng::new(seed, Stream::Network);
            let (mut queue, mut model) = (Queue::default(), BinaryHeap::new());
            let (mut now, mut sequence) = (0, 0u64);
            for _ in 0..5_000 {
                if rng.below(5) < 3 {
                    // Few different times make many ties; some lie far ahead.
                    let ahead = if rng.below(10) == 0 { rng.below(1 << 40) } else { rng.below(8) };
                    queue.push(now + ahead, sequence);
                    model.push(Reverse((now + ahead, sequence)));
                    sequence += 1;
                } else {
                    let limit = now + rng.below(20);
                    let expected = model.peek().is_some_and(|top| top.0.0 <= limit).then(|| model.pop().unwrap().0);
                    assert_eq!(queue.pop_until(limit), expected, "seed {seed}");
                    now = expected.map_or(now, |(at, _)| at);
                }
                assert_eq!(queue.len(), model.len());
            }
        }
    }

    #[test]
    fn what_is_coming_is_told_of_once_and_nothing_comes_before_it() {
        let mut rng = Rng::new(7, Stream::Network);
        let (mut queue, mut told) = (Queue::default(), Vec::new());
        let times: Vec<u64> = (0..2_000).map(|_| rng.below(100_000)).collect();
        times.iter().for_each(|&at| queue.push(at, at));
        for taken in 1..=2_000 {
            let (now, _) = queue.pop_until(u64::MAX).unwrap();
            let before = told.len();
            queue.coming(16, &mut told);
            let not_told = times.iter().filter(|at| **at > now && !told.contains(at)).min();
            let latest = told[before..].iter().max();
            assert!(latest.is_none_or(|latest| not_told.is_none_or(|at| latest < at)), "after {taken}");
        }
        assert!(told.len() > 1_000, "most are told of in time: {}", told.len());
        told.sort_unstable();
        let mut all = times;
        all.sort_unstable();
        let mut rest = all.iter();
        assert!(told.iter().all(|at| rest.any(|other| other == at)), "none twice");
    }

    #[test]
    fn an_entry_after_the_limit_stays_and_earlier_ones_may_still_come() {
        let mut queue = Queue::default();
        queue.push(100, 'b');
        assert_eq!(queue.pop_until(50), None);
        queue.push(60, 'a');
        assert_eq!(queue.pop_until(u64::MAX), Some((60, 'a')));
        assert_eq!(queue.pop_until(u64::MAX), Some((100, 'b')));
        assert!(queue.is_empty());
    }
}

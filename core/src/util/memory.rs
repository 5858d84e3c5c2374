//! Addresses remembered until a time, at most so many.

use super::addresses::AddressMap;
use crate::time::Instant;
use std::net::SocketAddr;

/// Capacity: given at creation. Lifetime: per address. Expired ones go when their room is needed; when it is full of
/// others, the one that would have gone soonest.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    until: AddressMap<Instant>,
    max: usize,
}

impl Memory {
    pub(crate) const fn new(max: usize) -> Self {
        Self { until: AddressMap::new(), max }
    }

    /// Remembers an address until then; one known already, until the later of both times.
    pub(crate) fn insert(&mut self, now: Instant, address: SocketAddr, until: Instant) {
        if let Some(known) = self.until.get_mut(&address) {
            *known = (*known).max(until);
            return;
        }
        // Before it grows, too: memory follows what is remembered, not what ever was.
        if self.until.len() >= self.max || self.until.is_at_capacity(&address) {
            self.expire(now);
        }
        if self.until.len() >= self.max
            && let Some(soonest) = self.until.iter().min_by_key(|(_, until)| **until).map(|(address, _)| address)
        {
            self.until.remove(&soonest);
        }
        self.until.insert(address, until);
    }

    /// Forgets what has expired now.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.until.retain(|until| *until > now);
    }

    /// Is it remembered?
    pub(crate) fn contains(&self, now: Instant, address: &SocketAddr) -> bool {
        self.until(now, address).is_some()
    }

    /// Until when it is remembered.
    pub(crate) fn until(&self, now: Instant, address: &SocketAddr) -> Option<Instant> {
        self.until.get(address).copied().filter(|until| *until > now)
    }

    pub(crate) fn remove(&mut self, address: &SocketAddr) {
        self.until.remove(address);
    }

    /// How many are kept, what has expired and was not looked at since included.
    pub(crate) fn len(&self) -> usize {
        self.until.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> SocketAddr {
        ([10, 0, 0, n], 6_001).into()
    }

    fn at(n: u64) -> Instant {
        Instant::from_micros(n)
    }

    #[test]
    fn a_key_is_forgotten_when_its_time_has_come() {
        let mut memory = Memory::new(4);
        memory.insert(at(0), address(7), at(10));
        assert!(memory.contains(at(9), &address(7)));
        assert!(!memory.contains(at(10), &address(7)));
        memory.insert(at(0), address(7), at(5));
        assert_eq!(memory.until(at(0), &address(7)), Some(at(10)), "never shortened");
    }

    #[test]
    fn what_has_expired_makes_room_before_more_is_taken() {
        let mut memory = Memory::new(1_000);
        for n in 0..1_000 {
            let address = ([10, 0, 0, 1], u16::try_from(n + 1).unwrap()).into();
            memory.insert(at(n), address, at(n + 2));
            assert!(memory.len() <= 4, "{} of which two are remembered", memory.len());
        }
        memory.expire(at(1_000));
        assert_eq!(memory.len(), 1);
        memory.expire(at(1_001));
        assert_eq!(memory.len(), 0, "at its very time");
    }

    #[test]
    fn what_is_removed_is_forgotten() {
        let mut memory = Memory::new(4);
        memory.insert(at(0), address(7), at(10));
        memory.remove(&address(7));
        assert_eq!((memory.contains(at(0), &address(7)), memory.len()), (false, 0));
    }

    #[test]
    fn a_full_memory_drops_the_expired_then_the_soonest() {
        let mut memory = Memory::new(2);
        memory.insert(at(0), address(1), at(5));
        memory.insert(at(0), address(2), at(50));
        memory.insert(at(6), address(3), at(40));
        assert!(memory.contains(at(6), &address(2)) && memory.contains(at(6), &address(3)));
        memory.insert(at(7), address(4), at(60));
        assert!(
            !memory.contains(at(7), &address(3))
                && memory.contains(at(7), &address(2))
                && memory.contains(at(7), &address(4))
        );
        assert_eq!(memory.len(), 2);
    }
}

//! Addresses that may become neighbours (PROTOCOL.md, section 4).

use crate::limits::{CANDIDATE_FAILURES_MAX, candidates_max};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::util::addresses::AddressMap;
use std::net::SocketAddr;

/// Capacity: [`candidates_max`]. When it is full, a newcomer takes the place of a
/// random address of the source that holds most, unless its own source is that one. Forgotten after three failures.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    known: AddressMap<Candidate>,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Who told us; a number of the caller's choice.
    source: u64,
    failures: u8,
    not_before: Instant,
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is a candidate now.
    New,
    /// It was one already.
    Known,
    /// There was no room for it.
    CrowdedOut,
}

impl Candidates {
    pub(crate) fn new(max_peers: u32) -> Self {
        Self { known: AddressMap::new(), max: candidates_max(max_peers) }
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn contains(&self, address: &SocketAddr) -> bool {
        self.known.get(address).is_some()
    }

    /// Adds an address, not to be dialed before a time.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        address: SocketAddr,
        source: u64,
        not_before: Instant,
        rng: &mut Rng,
    ) -> Added {
        if let Some(known) = self.known.get_mut(&address) {
            known.not_before = known.not_before.max(not_before);
            return Added::Known;
        }
        if self.known.len() >= self.max {
            // One that cannot be dialed yet takes nobody's place who can.
            let has_room = self.drop_parked(now) || (not_before <= now && self.make_room(source, rng));
            if !has_room {
                return Added::CrowdedOut;
            }
        }
        self.known.insert(address, Candidate { source, failures: 0, not_before });
        Added::New
    }

    /// Who cannot be dialed for the longest time makes room: else a walk through a crowded network would end with a
    /// table full of those that refused it.
    fn drop_parked(&mut self, now: Instant) -> bool {
        let latest = self.known.iter().max_by_key(|(_, candidate)| candidate.not_before);
        match latest.filter(|(_, candidate)| candidate.not_before > now).map(|(address, _)| address) {
            Some(parked) => self.known.remove(&parked).is_some(),
            None => false,
        }
    }

    fn make_room(&mut self, newcomer: u64, rng: &mut Rng) -> bool {
        let mut sources: Vec<u64> = self.known.values().map(|candidate| candidate.source).collect();
        sources.sort_unstable();
        // Of several that hold most, the last.
        let Some(greediest) = sources.chunk_by(|a, b| a == b).max_by_key(|held| held.len()) else { return false };
        let of_newcomer = self.known.values().filter(|candidate| candidate.source == newcomer).count();
        let (Some(&greedy), most) = (greediest.first(), greediest.len()) else { return false };
        if of_newcomer >= most {
            return false;
        }
        let of_greedy = self.known.iter().filter(|(_, candidate)| candidate.source == greedy);
        let mut theirs: Vec<SocketAddr> = of_greedy.map(|(address, _)| address).collect();
        rng.choose(&mut theirs, 1);
        theirs.iter().for_each(|address| {
            self.known.remove(address);
        });
        true
    }

    /// Is there nobody who might be dialed now?
    pub(crate) fn is_all_parked(&self, now: Instant) -> bool {
        self.known.values().all(|candidate| candidate.not_before > now)
    }

    pub(crate) fn remove(&mut self, address: &SocketAddr) {
        self.known.remove(address);
    }

    /// A dial failed: later, or never again.
    pub(crate) fn failed(&mut self, address: &SocketAddr, now: Instant, pause: Duration) {
        let Some(candidate) = self.known.get_mut(address) else { return };
        candidate.failures = candidate.failures.saturating_add(1);
        candidate.not_before = candidate.not_before.max(now.after(pause.times(u64::from(candidate.failures))));
        if candidate.failures >= CANDIDATE_FAILURES_MAX {
            self.known.remove(address);
        }
    }

    /// The addresses that may be dialed now and pass the test, the first `enough` of them; else when one may be at the
    /// earliest.
    pub(crate) fn ready(
        &self,
        now: Instant,
        enough: usize,
        not_before: impl Fn(&SocketAddr) -> Option<Instant>,
    ) -> Result<Vec<SocketAddr>, Option<Instant>> {
        let mut ready = Vec::new();
        let mut earliest: Option<Instant> = None;
        for (address, candidate) in self.known.iter() {
            let Some(allowed) = not_before(&address) else { continue };
            let at = allowed.max(candidate.not_before);
            if at <= now {
                ready.push(address);
                if ready.len() >= enough {
                    break;
                }
            } else {
                earliest = Some(earliest.map_or(at, |known| known.min(at)));
            }
        }
        if ready.is_empty() { Err(earliest) } else { Ok(ready) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn address(n: u32) -> SocketAddr {
        SocketAddr::new(std::net::Ipv4Addr::from(0x0a00_0000 + n).into(), 6_001)
    }

    fn rng() -> Rng {
        Rng::new([5; 32], Stream::Membership)
    }

    #[test]
    fn bounded_with_a_share_per_source() {
        let (mut candidates, mut rng) = (Candidates::new(8), rng());
        for n in 0..100 {
            candidates.add(Instant::ZERO, address(n), 1, Instant::ZERO, &mut rng);
        }
        assert_eq!(candidates.len(), 32);
        assert_eq!(candidates.add(Instant::ZERO, address(200), 1, Instant::ZERO, &mut rng), Added::CrowdedOut);
        let let_in = (300..332)
            .filter(|n| candidates.add(Instant::ZERO, address(*n), 2, Instant::ZERO, &mut rng) == Added::New)
            .count();
        assert_eq!(let_in, 16, "the other source gets its half");
        assert_eq!(candidates.len(), 32);
    }

    #[test]
    fn who_cannot_be_dialed_yet_makes_room_for_who_can_and_never_the_other_way_round() {
        let (mut candidates, mut rng) = (Candidates::new(8), rng());
        let later = Instant::from_micros(9);
        for n in 0..32 {
            let not_before = if n < 2 { later } else { Instant::ZERO };
            candidates.add(Instant::ZERO, address(n), 1, not_before, &mut rng);
        }
        assert_eq!(candidates.add(Instant::ZERO, address(100), 1, Instant::ZERO, &mut rng), Added::New);
        assert_eq!(candidates.add(Instant::ZERO, address(101), 1, Instant::ZERO, &mut rng), Added::New);
        assert!(!candidates.contains(&address(0)) && !candidates.contains(&address(1)));
        assert_eq!(candidates.add(Instant::ZERO, address(102), 2, later, &mut rng), Added::CrowdedOut);
        assert_eq!(candidates.len(), 32);
    }

    #[test]
    fn forgotten_after_three_failures_and_later_each_time() {
        let (mut candidates, mut rng) = (Candidates::new(8), rng());
        let pause = Duration::from_secs(5);
        let anyone = |_: &SocketAddr| Some(Instant::ZERO);
        candidates.add(Instant::ZERO, address(1), 1, Instant::ZERO, &mut rng);
        assert_eq!(candidates.ready(Instant::ZERO, 9, anyone), Ok(vec![address(1)]));
        candidates.failed(&address(1), Instant::ZERO, pause);
        let first = Instant::ZERO.after(pause);
        assert_eq!(candidates.ready(Instant::ZERO, 9, anyone), Err(Some(first)));
        candidates.failed(&address(1), first, pause);
        assert_eq!(candidates.ready(first, 9, anyone), Err(Some(first.after(pause.times(2)))));
        candidates.failed(&address(1), first, pause);
        assert!(!candidates.contains(&address(1)));
    }

    #[test]
    fn who_must_not_be_dialed_is_not_picked() {
        let (mut candidates, mut rng) = (Candidates::new(8), rng());
        candidates.add(Instant::ZERO, address(1), 1, Instant::ZERO, &mut rng);
        assert_eq!(candidates.ready(Instant::ZERO, 9, |_| None), Err(None));
        let later = Instant::from_micros(9);
        assert_eq!(candidates.ready(Instant::ZERO, 9, |_| Some(later)), Err(Some(later)));
    }
}

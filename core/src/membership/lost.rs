//! Neighbours that were lost and are looked for (PROTOCOL.md, section 4, Finding back).

use crate::limits::{LOST_TIME, REDIAL_PAUSE};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::util::sorted::SortedMap;
use std::net::SocketAddr;

/// Capacity: `max_peers`; when it is full, who was lost first makes room. Lifetime: an hour.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    entries: SortedMap<SocketAddr, Entry>,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    until: Instant,
    /// The next redial.
    at: Instant,
    /// The pause after that, before jitter.
    pause: Duration,
}

impl Lost {
    pub(crate) const fn new(max: usize) -> Self {
        Self { entries: SortedMap::new(), max }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn contains(&self, address: &SocketAddr) -> bool {
        self.entries.contains_key(address)
    }

    /// A neighbour was lost: redialed after about `pause`, then with growing pauses.
    pub(crate) fn add(&mut self, address: SocketAddr, now: Instant, pause: Duration, rng: &mut Rng) {
        if self.entries.len() >= self.max && !self.contains(&address) {
            self.expire(now);
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until).map(|(address, _)| *address);
            if self.entries.len() >= self.max
                && let Some(first) = first
            {
                self.entries.remove(&first);
            }
        }
        let at = now.after(rng.jittered(pause));
        self.entries.insert(address, Entry { until: now.after(LOST_TIME), at, pause: grown(pause) });
    }

    /// It was found, or is looked for no more. Returns its pause.
    pub(crate) fn remove(&mut self, address: &SocketAddr) -> Option<Duration> {
        self.entries.remove(address).map(|entry| entry.pause)
    }

    /// A redial failed.
    pub(crate) fn failed(&mut self, address: &SocketAddr, now: Instant, rng: &mut Rng) {
        if let Some(entry) = self.entries.get_mut(address) {
            entry.at = now.after(rng.jittered(entry.pause));
            entry.pause = grown(entry.pause);
        }
    }

    /// Ends the search for those lost an hour ago.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.entries.retain(|_, entry| entry.until > now);
    }

    /// The one whose redial is due the longest; else when the next is due.
    pub(crate) fn pick(
        &self,
        now: Instant,
        not_before: impl Fn(&SocketAddr) -> Option<Instant>,
    ) -> Result<SocketAddr, Option<Instant>> {
        let due = |(address, entry): (&SocketAddr, &Entry)| {
            not_before(address).map(|allowed| (entry.at.max(allowed), *address))
        };
        match self.entries.iter().filter_map(due).min() {
            Some((at, address)) if at <= now => Ok(address),
            Some((at, _)) => Err(Some(at)),
            None => Err(None),
        }
    }
}

/// The pause after this one.
pub(crate) fn grown(pause: Duration) -> Duration {
    pause.times(2).min(REDIAL_PAUSE.1).max(REDIAL_PAUSE.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn address(n: u8) -> SocketAddr {
        format!("10.0.0.{n}:6001").parse().unwrap()
    }

    fn seconds(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(n))
    }

    fn rng() -> Rng {
        Rng::new([8; 32], Stream::Membership)
    }

    fn anyone(_: &SocketAddr) -> Option<Instant> {
        Some(Instant::ZERO)
    }

    #[test]
    fn redialed_with_backoff_from_a_second_to_a_minute_for_an_hour() {
        let (mut lost, mut rng) = (Lost::new(4), rng());
        lost.add(address(1), seconds(0), REDIAL_PAUSE.0, &mut rng);
        let (mut now, mut pauses) = (seconds(0), Vec::new());
        while let Err(Some(at)) = lost.pick(now, anyone) {
            pauses.push(at.since(now).as_millis());
            now = at;
            lost.expire(now);
            if lost.pick(now, anyone) == Ok(address(1)) {
                lost.failed(&address(1), now, &mut rng);
            }
        }
        assert!((750..=1_250).contains(&pauses[0]), "{pauses:?}");
        assert!((1_500..=2_500).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses[7..].iter().all(|pause| (45_000..=75_000).contains(pause)), "{pauses:?}");
        assert!(now.since(seconds(0)) <= LOST_TIME.plus(Duration::from_secs(75)));
        assert!(pauses.len() > 50, "for an hour: {}", pauses.len());
        assert_eq!(lost.len(), 0);
    }

    #[test]
    fn holds_max_peers_entries_and_the_first_lost_makes_room() {
        let (mut lost, mut rng) = (Lost::new(2), rng());
        (1..=3).for_each(|n| lost.add(address(n), seconds(u64::from(n)), REDIAL_PAUSE.0, &mut rng));
        assert_eq!(lost.len(), 2);
        assert!(!lost.contains(&address(1)));
    }
}

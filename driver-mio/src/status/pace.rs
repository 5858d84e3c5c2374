//! How often something may happen.

use gossip_core::time::{Duration, Instant};

/// On average, once in so long: a hundred times a second.
pub(super) const INTERVAL: Duration = Duration::from_millis(10);
/// So many may come at once.
pub(super) const BURST: u64 = 32;

/// A bucket of [`BURST`] tokens, one more every [`INTERVAL`].
#[derive(Default)]
pub(super) struct Pace {
    /// When the bucket is full.
    full_at: Instant,
}

impl Pace {
    /// When it may happen next; in the past if it may now.
    pub(super) fn ready_at(&self) -> Instant {
        self.full_at.before(INTERVAL.times(BURST - 1))
    }

    /// It happens.
    pub(super) fn take(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now).after(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_an_interval() {
        let mut pace = Pace::default();
        let mut burst = |now| {
            let mut count = 0;
            while pace.ready_at() <= now {
                pace.take(now);
                count += 1;
            }
            assert!(pace.ready_at() <= now.after(INTERVAL));
            count
        };
        let start = Instant::from_micros(1_000_000_000);
        assert_eq!((burst(start), burst(start)), (BURST, 0));
        assert_eq!(burst(start.after(INTERVAL.times(5))), 5);
        assert_eq!(burst(start.after(Duration::from_secs(60))), BURST, "it holds no more");
    }
}

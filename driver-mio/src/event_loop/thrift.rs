//! Free memory goes back to the system when many have gone: else what a flood needed stays resident.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::unix::give_back_memory;
use gossip_core::time::{Duration, Instant};

/// From the end of a connection on: those who go with it are waited for.
const DELAY: Duration = Duration::from_secs(2);
/// Not oftener than so: it takes the longer the more memory there is.
const PAUSE: Duration = Duration::from_secs(60);

/// When it is time. Nothing wakes a loop on which no connection has ended.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    at: Option<Instant>,
    not_before: Option<Instant>,
}

impl Thrift {
    /// A connection has ended, and with it what it had taken.
    pub(super) fn connection_ended(&mut self, now: Instant) {
        let soonest = now.after(DELAY);
        let at = self.not_before.map_or(soonest, |at| at.max(soonest));
        self.at.get_or_insert(at);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// Gives back what is free if it is time to; says whether it was.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let is_time = self.at.is_some_and(|at| at <= now);
        if is_time {
            self.at = None;
            self.not_before = Some(now.after(PAUSE));
            give_back_memory();
        }
        is_time
    }
}

/// Other allocators see to it by themselves, or offer nothing for it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(seconds))
    }

    #[test]
    fn memory_is_given_back_soon_after_an_end_and_no_oftener_than_once_a_minute() {
        let mut thrift = Thrift::default();
        assert_eq!(thrift.deadline(), None, "nothing has ended");
        assert!(!thrift.tick(at(100)));
        (100..102).for_each(|second| thrift.connection_ended(at(second)));
        assert_eq!(thrift.deadline(), Some(at(102)), "one that ends later puts nothing off");
        assert!(!thrift.tick(at(101)) && thrift.tick(at(102)));
        assert_eq!(thrift.deadline(), None, "until another ends");
        thrift.connection_ended(at(110));
        assert_eq!(thrift.deadline(), Some(at(162)));
        assert!(thrift.tick(at(162)));
        thrift.connection_ended(at(1_000));
        assert_eq!(thrift.deadline(), Some(at(1_002)));
    }
}

//! Free memory goes back to the system when many have gone: else what a flood needed stays resident.

use super::EventLoop;
use crate::stream::SpareRoom;
use crate::system::give_back_memory;
use gossip_core::Actions;
use gossip_core::time::{Duration, Instant};

/// From the end of a connection on: those who go with it are waited for.
const DELAY: Duration = Duration::from_secs(2);
/// Not oftener than so: it takes the longer the more memory there is.
const PAUSE: Duration = Duration::from_secs(10);

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

    /// When [`is_time`](Self::is_time).
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// Is it time to give memory back? Once it was, only after another end.
    fn is_time(&mut self, now: Instant) -> bool {
        let is_time = self.at.is_some_and(|at| at <= now);
        if is_time {
            self.at = None;
            self.not_before = Some(now.after(PAUSE));
        }
        is_time
    }
}

impl<M> EventLoop<M> {
    /// Lets go of room that was kept for the next rush, and of what the allocator kept, if it is time to.
    pub(super) fn give_back(&mut self, now: Instant) {
        if self.thrift.is_time(now) {
            self.actions = Actions::new();
            self.spare = SpareRoom::default();
            give_back_memory();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(seconds))
    }

    #[test]
    fn memory_is_given_back_soon_after_an_end_and_no_oftener_than_once_in_ten_seconds() {
        let mut thrift = Thrift::default();
        assert_eq!(thrift.deadline(), None, "nothing has ended");
        assert!(!thrift.is_time(at(100)));
        (100..102).for_each(|second| thrift.connection_ended(at(second)));
        assert_eq!(thrift.deadline(), Some(at(102)), "one that ends later puts nothing off");
        assert!(!thrift.is_time(at(101)) && thrift.is_time(at(102)));
        assert_eq!(thrift.deadline(), None, "until another ends");
        thrift.connection_ended(at(105));
        assert_eq!(thrift.deadline(), Some(at(112)));
        assert!(thrift.is_time(at(112)));
        thrift.connection_ended(at(1_000));
        assert_eq!(thrift.deadline(), Some(at(1_002)));
    }
}

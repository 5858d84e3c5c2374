//! The system's monotonic clock in the core's units.

use gossip_core::time::{Duration, Instant};

/// Counts from its making.
pub(crate) struct Clock {
    zero: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { zero: std::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.zero.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// A span as the system's calls take it.
pub(crate) fn span(duration: Duration) -> std::time::Duration {
    std::time::Duration::from_micros(duration.as_micros())
}

//! The core's own time: integer microseconds, so that the same run gives the same numbers on every machine.
//!
//! All arithmetic saturates. A driver converts from its clock; a simulator counts from zero.

use std::fmt;

/// A span of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `n` microseconds.
    pub const fn from_micros(n: u64) -> Self {
        Self(n)
    }

    /// A span of `n` milliseconds.
    pub const fn from_millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// A span of `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// This span in whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// This span in whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// `n` times as long.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// An `n`th of it, rounded down; `n` = 0 counts as 1.
    #[must_use]
    pub const fn part(self, n: u64) -> Self {
        match self.0.checked_div(n) {
            Some(part) => Self(part),
            None => self,
        }
    }

    /// Both spans, one after the other.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match micros {
            0 => write!(f, "{seconds} s"),
            _ => write!(f, "{seconds}.{:03} s", micros / 1_000),
        }
    }
}

/// The first of these points in time, of those that there are.
///
/// (`flatten().min()` says the same, in some hundred instructions a place; this is asked after every event.)
pub(crate) fn earliest<const N: usize>(times: [Option<Instant>; N]) -> Option<Instant> {
    times.into_iter().fold(None, |first, at| match (first, at) {
        (Some(first), Some(at)) => Some(first.min(at)),
        (first, at) => first.or(at),
    })
}

/// A point in time: microseconds since whatever the driver calls zero (its start, or a simulation's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's zero.
    pub const ZERO: Self = Self(0);

    /// The point `n` microseconds after zero.
    pub const fn from_micros(n: u64) -> Self {
        Self(n)
    }

    /// Microseconds since zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The point that lies `span` after this one.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The point that lies `span` before this one, at the earliest zero.
    #[must_use]
    pub const fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

/// How old something is, for clocks that may have begun to run after it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    then: Instant,
    age: Duration,
}

impl Age {
    /// Of something that was so old then.
    pub(crate) const fn then(then: Instant, age: Duration) -> Self {
        Self { then, age }
    }

    /// How old it is now.
    pub(crate) const fn now(self, now: Instant) -> Duration {
        self.age.plus(now.since(self.then))
    }

    /// When it is so old: at the earliest then.
    pub(crate) const fn reaches(self, age: Duration) -> Instant {
        self.then.after(Duration(age.0.saturating_sub(self.age.0)))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let last = Instant::from_micros(u64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(Instant::ZERO.before(Duration::from_secs(1)), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(last), Duration::ZERO);
        assert_eq!(Duration::from_secs(u64::MAX).times(2).as_micros(), u64::MAX);
        assert_eq!(Duration::from_secs(1).part(0), Duration::from_secs(1));
    }

    #[test]
    fn an_age_goes_on_from_what_it_was_also_before_the_clocks_zero() {
        let age = Age::then(Instant::from_micros(5), Duration::from_secs(10));
        assert_eq!(age.now(Instant::from_micros(5)), Duration::from_secs(10));
        assert_eq!(age.now(Instant::from_micros(7)).as_micros(), 10_000_002);
        assert_eq!(age.reaches(Duration::from_secs(11)).as_micros(), 1_000_005);
        assert_eq!(age.reaches(Duration::from_secs(9)).as_micros(), 5);
    }

    #[test]
    fn time_is_printed_in_seconds() {
        assert_eq!(Duration::from_millis(1_250).to_string(), "1.250 s");
        assert_eq!(Duration::from_secs(5).to_string(), "5 s");
        assert_eq!(Instant::from_micros(1_000_042).to_string(), "1.000042");
    }
}

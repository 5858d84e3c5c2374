//! A token bucket in integers.

use crate::time::{Duration, Instant};

/// Lets so many things a minute pass, and a burst of them at once.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    per_minute: u32,
    burst: u32,
    /// In millionths of a minute's share: one token is [`Self::TOKEN`]. At most `burst` tokens.
    credit: u64,
    filled_at: Instant,
}

impl TokenBucket {
    const TOKEN: u64 = Duration::from_secs(60).as_micros();

    /// A full bucket: tokens a minute, and the burst.
    pub(crate) fn new((per_minute, burst): (u32, u32), now: Instant) -> Self {
        Self { per_minute, burst, credit: u64::from(burst).saturating_mul(Self::TOKEN), filled_at: now }
    }

    /// A full bucket whose burst is this part of what a minute brings.
    pub(crate) fn of_part(per_minute: u32, part: u32, now: Instant) -> Self {
        Self::new((per_minute, per_minute.checked_div(part).unwrap_or(per_minute).max(1)), now)
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1)
    }

    /// Takes so many tokens if there are as many.
    pub(crate) fn take_many(&mut self, now: Instant, tokens: u64) -> bool {
        self.fill(now);
        match self.credit.checked_sub(tokens.saturating_mul(Self::TOKEN)) {
            Some(rest) => {
                self.credit = rest;
                true
            }
            None => false,
        }
    }

    /// When the next token can be taken.
    pub(crate) fn ready_at(&mut self, now: Instant) -> Instant {
        self.fill(now);
        let missing = Self::TOKEN.saturating_sub(self.credit);
        now.after(Duration::from_micros(missing.div_ceil(u64::from(self.per_minute.max(1)))))
    }

    /// Are there so many tokens?
    pub(crate) fn has(&mut self, now: Instant, tokens: u64) -> bool {
        self.fill(now);
        self.credit >= tokens.saturating_mul(Self::TOKEN)
    }

    fn fill(&mut self, now: Instant) {
        let gain = now.since(self.filled_at).as_micros().saturating_mul(u64::from(self.per_minute));
        self.credit = self.credit.saturating_add(gain).min(u64::from(self.burst).saturating_mul(Self::TOKEN));
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_passes_then_the_rate() {
        let mut bucket = TokenBucket::new((60, 3), Instant::ZERO);
        let taken = (0..10).filter(|_| bucket.take(Instant::ZERO)).count();
        assert_eq!(taken, 3);
        let second = Instant::ZERO.after(Duration::from_secs(1));
        assert_eq!(bucket.ready_at(Instant::ZERO), second);
        assert!(!bucket.take(second.before(Duration::from_micros(1))));
        assert!(bucket.take(second));
        assert!(!bucket.take(second));
    }

    #[test]
    fn a_long_rest_fills_no_more_than_the_burst() {
        let mut bucket = TokenBucket::new((600, 5), Instant::ZERO);
        let later = Instant::ZERO.after(Duration::from_secs(86_400));
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 5);
    }
}

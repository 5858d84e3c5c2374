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
        let Limit { per_minute, burst } = Limit::of_part(per_minute, part);
        Self::new((per_minute, burst), now)
    }

    /// Other limits from now on; what is in stays, up to the new burst.
    pub(crate) fn refit(&mut self, limit: Limit, now: Instant) {
        self.fill(now);
        (self.per_minute, self.burst) = (limit.per_minute, limit.burst);
        self.credit = self.credit.min(limit.most());
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

    /// Could a token be taken?
    pub(crate) fn is_ready(&self, now: Instant) -> bool {
        self.clone().take(now)
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

/// So many things a minute, and at most a burst of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) per_minute: u32,
    pub(crate) burst: u32,
}

impl Limit {
    pub(crate) const fn new((per_minute, burst): (u32, u32)) -> Self {
        Self { per_minute, burst }
    }

    /// The burst is this part of what a minute brings.
    pub(crate) fn of_part(per_minute: u32, part: u32) -> Self {
        Self { per_minute, burst: per_minute.checked_div(part).unwrap_or(per_minute).max(1) }
    }

    fn most(self) -> u64 {
        u64::from(self.burst).saturating_mul(TokenBucket::TOKEN)
    }
}

/// Several token buckets that are filled together, in a few bytes: there are very many of them. What their limits are is
/// the owner's to remember, in the same order with every call.
#[derive(Clone, Debug)]
pub(crate) struct TokenBuckets<const N: usize> {
    credits: [u64; N],
    filled_at: Instant,
}

impl<const N: usize> TokenBuckets<N> {
    /// Full ones.
    pub(crate) fn new(limits: [Limit; N], now: Instant) -> Self {
        Self { credits: limits.map(Limit::most), filled_at: now }
    }

    /// Takes a token of the bucket with this number if there is one.
    pub(crate) fn take(&mut self, bucket: usize, limits: [Limit; N], now: Instant) -> bool {
        let passed = now.since(self.filled_at).as_micros();
        for (credit, limit) in self.credits.iter_mut().zip(limits) {
            *credit = credit.saturating_add(passed.saturating_mul(u64::from(limit.per_minute))).min(limit.most());
        }
        self.filled_at = self.filled_at.max(now);
        let Some(credit) = self.credits.get_mut(bucket) else { return false };
        let rest = credit.checked_sub(TokenBucket::TOKEN);
        *credit = rest.unwrap_or(*credit);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_limits_neither_fill_a_bucket_nor_leave_more_in_it_than_it_holds() {
        let (mut bucket, start) = (TokenBucket::new((60, 6), Instant::ZERO), Instant::ZERO);
        bucket.refit(Limit::new((60, 2)), start);
        assert_eq!((bucket.has(start, 2), bucket.has(start, 3)), (true, false));
        bucket.refit(Limit::new((120, 100)), start);
        assert_eq!((bucket.has(start, 2), bucket.has(start, 3)), (true, false));
        let later = start.after(Duration::from_secs(1));
        assert_eq!((bucket.has(later, 4), bucket.has(later, 5)), (true, false));
    }

    #[test]
    fn buckets_that_are_filled_together_let_pass_what_each_alone_would() {
        let limits = [(60, 3), (600, 1), (7, 20)];
        let mut together = TokenBuckets::new(limits.map(Limit::new), Instant::ZERO);
        let mut alone = limits.map(|limit| TokenBucket::new(limit, Instant::ZERO));
        let (mut now, mut taken) = (Instant::ZERO, [0; 3]);
        for n in 0..5_000u64 {
            let bucket = usize::try_from(n * n % 3).unwrap();
            now = now.after(Duration::from_micros(n * 7_919 % 500_000));
            let passes = alone[bucket].take(now);
            assert_eq!(together.take(bucket, limits.map(Limit::new), now), passes, "step {n}");
            taken[bucket] += u32::from(passes);
        }
        assert!(!together.take(3, limits.map(Limit::new), now), "there is no such bucket");
        assert!(taken[0] > 0 && taken[1] > 0 && taken[0] < 1_700, "some pass and some do not: {taken:?}");
    }

    #[test]
    fn burst_passes_then_the_rate() {
        let mut bucket = TokenBucket::new((60, 3), Instant::ZERO);
        let taken = (0..10).filter(|_| bucket.take(Instant::ZERO)).count();
        assert_eq!(taken, 3);
        let second = Instant::ZERO.after(Duration::from_secs(1));
        assert_eq!(bucket.ready_at(Instant::ZERO), second);
        let just_before = second.before(Duration::from_micros(1));
        assert!(!bucket.is_ready(just_before) && !bucket.take(just_before));
        assert!(bucket.is_ready(second) && bucket.take(second));
        assert!(!bucket.take(second));
    }

    #[test]
    fn a_long_rest_fills_no_more_than_the_burst() {
        let mut bucket = TokenBucket::new((600, 5), Instant::ZERO);
        let later = Instant::ZERO.after(Duration::from_secs(86_400));
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 5);
    }
}

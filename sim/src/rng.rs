//! The simulator's random numbers: ChaCha8 by name, one stream a part, integers only, so that no platform's floating
//! point decides anything.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// Which part draws. What one part draws does not change what another gets.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// Seeds of the peers' own states.
    Seeds = 1,
    /// Latency, jitter, cutting.
    Network = 2,
    /// Who announces what.
    Workload = 3,
    /// What modules say, and when.
    Modules = 4,
    /// Whom faults hit.
    Faults = 5,
    /// How long proofs of work take.
    Work = 6,
    /// Who joins when.
    Joins = 7,
    /// What `sim explore` makes up.
    Explore = 8,
    /// What adversaries do.
    Attack = 9,
    /// Which messages are lost.
    Losses = 10,
}

/// One part's random numbers.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of one part under this seed.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bytes: a peer's seed.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        key
    }

    /// A number below `n`, each equally likely but for at most one part in 2^64 / n; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(n);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// An index into something with `len` elements; 0 if it has none.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// A number between the two, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True `part` times in `of`.
    pub fn chance(&mut self, part: u64, of: u64) -> bool {
        self.below(of) < part
    }

    /// True so many times in a million.
    pub fn ppm(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.below(1_000_000) < u64::from(ppm)
    }

    /// Around `mean`, with this standard deviation, within six of them and never below zero: the sum of twelve uniform
    /// draws (Irwin and Hall), which needs no floating point.
    pub fn normal(&mut self, mean: u64, deviation: u64) -> u64 {
        let sum: u64 = (0..12).map(|_| self.below(1 << 20)).sum();
        let (centre, unit) = (6u64 << 20, 1u64 << 20);
        if sum >= centre {
            mean + scale(deviation, sum - centre, unit)
        } else {
            mean.saturating_sub(scale(deviation, centre - sum, unit))
        }
    }

    /// Exponentially distributed with this mean.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let nats = minus_ln(self.bits());
        u64::try_from((u128::from(mean) * u128::from(nats)) >> FRACTION).unwrap_or(u64::MAX)
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Moves `count` random elements, at most all, to the front, in random order.
    pub fn shuffle_front<T>(&mut self, items: &mut [T], count: usize) {
        for at in 0..count.min(items.len()) {
            let other = at + self.index(items.len() - at);
            items.swap(at, other);
        }
    }
}

/// Bits after the point of [`minus_ln`]'s result.
const FRACTION: u32 = 32;

fn scale(n: u64, part: u64, of: u64) -> u64 {
    u64::try_from(u128::from(n) * u128::from(part) / u128::from(of)).unwrap_or(u64::MAX)
}

/// -ln((bits + 1) / 2^64) with [`FRACTION`] bits after the point, by integer squaring: the same on every machine.
fn minus_ln(bits: u64) -> u64 {
    // The logarithm to base 2 of u = bits + 1, as whole + fraction.
    let u = u128::from(bits) + 1;
    let whole = 127 - u.leading_zeros();
    // The mantissa in 1..2, 63 bits after the point.
    let mut mantissa = if whole >= 63 { u >> (whole - 63) } else { u << (63 - whole) };
    let mut fraction = 0u64;
    for _ in 0..FRACTION {
        mantissa = (mantissa * mantissa) >> 63;
        fraction <<= 1;
        if mantissa >> 64 != 0 {
            fraction |= 1;
            mantissa >>= 1;
        }
    }
    let log2 = (u64::from(whole) << FRACTION) | fraction;
    let minus_log2 = (64u64 << FRACTION).saturating_sub(log2);
    // ln 2 with 32 bits after the point.
    const LN_2: u128 = 2_977_044_472;
    u64::try_from((u128::from(minus_log2) * LN_2) >> 32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_ln_is_that_of_the_textbook() {
        let as_thousandths = |bits| (u128::from(minus_ln(bits)) * 1_000) >> FRACTION;
        assert_eq!(minus_ln(u64::MAX), 0);
        assert_eq!(as_thousandths((1 << 63) - 1), 693); // ln 2 = 0.693
        assert_eq!(as_thousandths(u64::MAX / 10), 2_302); // ln 10 = 2.3026
        assert_eq!(as_thousandths(0), 44_361); // 64 ln 2 = 44.361
    }

    #[test]
    fn exponential_and_normal_have_the_mean_and_spread_that_they_should() {
        let mut rng = Rng::new(1, Stream::Work);
        let n = 20_000u64;
        let mean = (0..n).map(|_| rng.exponential(1_000)).sum::<u64>() / n;
        assert!((980..1_020).contains(&mean), "{mean}");
        let beyond = (0..n).filter(|_| rng.exponential(1_000) > 3_000).count(); // e^-3 = 4.98 %
        assert!((900..1_100).contains(&beyond), "{beyond}");

        let draws: Vec<_> = (0..n).map(|_| rng.normal(10_000, 1_000)).collect();
        let mean = draws.iter().sum::<u64>() / n;
        assert!((9_970..10_030).contains(&mean), "{mean}");
        let within_one = draws.iter().filter(|&&d| (9_000..=11_000).contains(&d)).count(); // 68.3 %
        assert!((13_400..13_950).contains(&within_one), "{within_one}");
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |stream| Rng::new(5, stream).bits();
        assert_eq!(draw(Stream::Work), draw(Stream::Work));
        assert_ne!(draw(Stream::Work), draw(Stream::Network));
    }
}

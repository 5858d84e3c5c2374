//! The core's random numbers: ChaCha20 by name, seeded from outside, one child stream a part, integers only.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::time::Duration;

/// Which part a stream of random numbers belongs to. The number is the stream's, so that a part that draws more does
/// not change what another part draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// The key of the hash that messages are known by.
    Keys = 1,
    /// Nonces, challenges, the instance number.
    Handshake = 2,
    /// Whom to dial, ask, evict, tell.
    Membership = 3,
    /// Message ids and to whom messages spread.
    Dissemination = 4,
    /// The key of the hash that neighbours are known by.
    Neighbours = 5,
    /// When repair offers.
    Repair = 6,
}

/// One part's random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    seed: [u8; 32],
    stream: Stream,
    /// Where the stream goes on when the generator is made again.
    word: u128,
    /// The generator with its block of numbers, five times as large as what it can be made from: only while it is used.
    generator: Option<Box<ChaCha20Rng>>,
}

impl Rng {
    /// The stream of one part under this seed.
    pub(crate) const fn new(seed: [u8; 32], stream: Stream) -> Self {
        Self { seed, stream, word: 0, generator: None }
    }

    /// Gives the generator's memory back until the next draw. The numbers are the same as without.
    pub(crate) fn rest(&mut self) {
        if let Some(generator) = self.generator.take() {
            self.word = generator.get_word_pos();
        }
    }

    fn generator(&mut self) -> &mut ChaCha20Rng {
        self.generator.get_or_insert_with(|| {
            let mut generator = ChaCha20Rng::from_seed(self.seed);
            generator.set_stream(self.stream as u64);
            generator.set_word_pos(self.word);
            Box::new(generator)
        })
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.generator().next_u64()
    }

    /// Sixteen random bits.
    pub(crate) fn id(&mut self) -> u16 {
        // The low bits of 32 fresh ones: nothing is lost but the rest of the draw.
        (self.generator().next_u32() & 0xffff) as u16
    }

    /// A number below `n`, each equally likely; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        // Draws from the largest multiple of n on would favour small numbers: drawn again.
        let Some(past_last_multiple) = u64::MAX.checked_rem(n) else { return 0 };
        let limit = u64::MAX.saturating_sub(past_last_multiple);
        loop {
            let draw = self.bits();
            if draw < limit {
                return draw.checked_rem(n).unwrap_or(0);
            }
        }
    }

    /// An index into something with `len` elements; 0 if it has none.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// A span between the two, both included.
    pub(crate) fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let width = longest.as_micros().saturating_sub(shortest.as_micros());
        shortest.plus(Duration::from_micros(self.below(width.saturating_add(1))))
    }

    /// A span between three and five quarters of this one.
    pub(crate) fn jittered(&mut self, span: Duration) -> Duration {
        let quarter = span.part(4);
        self.between(quarter.times(3), quarter.times(5))
    }

    /// Moves `count` random elements, at most all, to the front, in random order, and cuts the rest off.
    pub(crate) fn choose<T>(&mut self, from: &mut Vec<T>, count: usize) {
        let count = count.min(from.len());
        for at in 0..count {
            let rest = from.len().saturating_sub(at);
            let other = at.saturating_add(self.index(rest));
            from.swap(at, other);
        }
        from.truncate(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |stream| Rng::new([7; 32], stream).bits();
        assert_eq!(draw(Stream::Keys), draw(Stream::Keys));
        assert_ne!(draw(Stream::Keys), draw(Stream::Membership));
    }

    #[test]
    fn a_rest_does_not_change_the_numbers() {
        let (mut awake, mut rested) = (Rng::new([9; 32], Stream::Keys), Rng::new([9; 32], Stream::Keys));
        for n in 0..500u64 {
            if n % 3 == 0 {
                rested.rest();
            }
            assert_eq!((awake.id(), awake.below(n)), (rested.id(), rested.below(n)), "draw {n}");
        }
    }

    #[test]
    fn below_is_within_and_meets_every_number() {
        let mut rng = Rng::new([1; 32], Stream::Keys);
        let mut met = [0u32; 7];
        for _ in 0..7_000 {
            met[usize::try_from(rng.below(7)).unwrap()] += 1;
        }
        assert!(met.iter().all(|&n| (800..1_200).contains(&n)), "{met:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
        assert!((0..100).all(|_| rng.below(1 << 63) < 1 << 63));
    }

    #[test]
    fn choose_takes_distinct_elements_each_equally_often() {
        let mut rng = Rng::new([2; 32], Stream::Membership);
        let mut met = [0u32; 5];
        for _ in 0..5_000 {
            let mut from = vec![0usize, 1, 2, 3, 4];
            rng.choose(&mut from, 2);
            assert_eq!(from.len(), 2);
            assert_ne!(from[0], from[1]);
            from.into_iter().for_each(|at| met[at] += 1);
        }
        assert!(met.iter().all(|&n| (1_800..2_200).contains(&n)), "{met:?}");
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let mut rng = Rng::new([3; 32], Stream::Membership);
        let span = Duration::from_secs(8);
        assert!((0..1_000).map(|_| rng.jittered(span)).all(|d| (6..=10).contains(&d.as_secs()) && d.as_secs() <= 10));
    }
}

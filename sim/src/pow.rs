//! Proofs of work: real SHA-256 at few bits, and the time that the configured bits would take.

use crate::rng::Rng;
use gossip_core::ConnectionId;
use gossip_core::pow::Puzzle;

/// How long `tries` until the first hit take is geometrically distributed: each try hits with 2^-bits. `hash_rate` is in
/// tries a second; the result in microseconds.
pub fn solving_time(rng: &mut Rng, bits: u8, hash_rate: u64) -> u64 {
    let tries = tries_until_hit(rng, bits);
    let micros = u128::from(tries) * 1_000_000 / u128::from(hash_rate.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

fn tries_until_hit(rng: &mut Rng, bits: u8) -> u64 {
    if bits < 8 {
        // Few bits: try after try.
        let mut tries = 1;
        while rng.below(1 << bits) != 0 {
            tries += 1;
        }
        tries
    } else if bits < 64 {
        // Many bits: the exponential distribution is the geometric one's limit, off by 2^-bits.
        rng.exponential(1 << bits).saturating_add(1)
    } else {
        u64::MAX
    }
}

/// Finds the challenge at once: real work, few bits. `None` after far more tries than any honest puzzle needs.
pub fn solve(puzzle: &Puzzle, start: u64) -> Option<u64> {
    puzzle.search(start, 1 << 26)
}

/// One proof that a peer's worker is to find.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Who wants it.
    pub connection: ConnectionId,
    /// What is to be solved.
    pub puzzle: Puzzle,
    /// The first challenge to try.
    pub start: u64,
    /// What it takes, in microseconds, once its turn comes.
    pub takes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use gossip_core::pow::Target;

    #[test]
    fn tries_are_geometrically_distributed_at_few_and_many_bits() {
        let mut rng = Rng::new(3, Stream::Work);
        for bits in [0, 1, 4, 7, 8, 12, 24] {
            let n = 20_000u64;
            let draws: Vec<_> = (0..n).map(|_| tries_until_hit(&mut rng, bits)).collect();
            let hundred_means = draws.iter().sum::<u64>() * 100 / n;
            let expected = 1u64 << bits;
            let off = hundred_means.abs_diff(100 * expected);
            assert!(off <= 3 * expected, "{bits} bits: {hundred_means} / 100 instead of {expected}");
            // Over the mean lies (1 - p)^(1/p): 0 for 0 bits, 25 % for 1, up to 1/e = 36.8 %.
            let over = draws.iter().filter(|&&d| d > expected).count();
            let band = if bits == 0 {
                0..1
            } else if bits == 1 {
                4_750..5_250
            } else {
                6_900..7_600
            };
            assert!(band.contains(&over), "{bits} bits: {over}");
        }
    }

    #[test]
    fn solving_time_follows_the_hash_rate() {
        let mut rng = Rng::new(4, Stream::Work);
        let mean = (0..2_000).map(|_| solving_time(&mut rng, 24, 10_000_000)).sum::<u64>() / 2_000;
        assert!((1_580_000..1_780_000).contains(&mean), "2^24 tries at 10 MH/s take 1.678 s, not {mean} us");
    }

    #[test]
    fn solved_means_accepted() {
        let puzzle = Puzzle { nonce: 77, target: Target::ZeroBits(6) };
        assert!(puzzle.accepts(solve(&puzzle, 123).unwrap()));
    }
}

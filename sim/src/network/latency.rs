//! How long bytes take from host to host.

use crate::rng::{Rng, Stream};

/// The latency of links, drawn once a pair of hosts, so that a pair that meets again is as far apart as before.
/// Microseconds, one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latency {
    /// The same for all.
    Fixed(u64),
    /// Each pair somewhere between the two.
    Uniform(u64, u64),
    /// Mean and standard deviation; never below a tenth of the mean.
    Normal(u64, u64),
    /// By region: `matrix[a][b]`, and each pair up to a tenth more.
    Regions(Vec<Vec<u64>>),
}

impl Latency {
    /// Between hosts `a` and `b` of regions `regions`, the same either way unless a matrix says otherwise.
    pub fn between(&self, seed: u64, (a, b): (u32, u32), (region_a, region_b): (u8, u8)) -> u64 {
        let mut rng = {
            let (low, high) = (u64::from(a.min(b)), u64::from(a.max(b)));
            Rng::new(seed ^ ((high << 32) | low).wrapping_mul(0x9e37_79b9_7f4a_7c15), Stream::Network)
        };
        match self {
            Self::Fixed(latency) => *latency,
            Self::Uniform(least, most) => rng.between(*least, *most),
            Self::Normal(mean, deviation) => rng.normal(*mean, *deviation).max(mean / 10),
            Self::Regions(matrix) => {
                let latency = matrix[usize::from(region_a)][usize::from(region_b)];
                latency + rng.below(latency / 10 + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_keeps_its_latency_and_pairs_differ() {
        let latency = Latency::Uniform(10_000, 90_000);
        let of = |a, b| latency.between(7, (a, b), (0, 0));
        assert_eq!(of(1, 2), of(1, 2));
        assert_eq!(of(1, 2), of(2, 1));
        let draws: Vec<_> = (0..1_000).map(|b| of(0, b)).collect();
        assert!(draws.iter().all(|d| (10_000..=90_000).contains(d)));
        let mean = draws.iter().sum::<u64>() / 1_000;
        assert!((48_000..52_000).contains(&mean), "{mean}");
    }

    #[test]
    fn regions_follow_their_matrix_within_a_tenth() {
        let latency = Latency::Regions(vec![vec![1_000, 80_000], vec![90_000, 2_000]]);
        let of = |regions| latency.between(7, (3, 4), regions);
        assert!((1_000..=1_100).contains(&of((0, 0))));
        assert!((80_000..=88_000).contains(&of((0, 1))));
        assert!((90_000..=99_000).contains(&of((1, 0))));
    }
}

//! How this crate's property tests run: under fixed seeds, the failing one printed, the same on every machine.

use quickcheck::{Gen, QuickCheck, Testable};
use std::ops::Range;

/// The seeds that every property is run under.
const SEEDS: Range<u64> = 0..64;
/// Cases of each seed in [`check`].
const CASES: u64 = 16;

/// Runs a property whose arguments quickcheck makes, and on failure makes smaller.
///
/// `size` bounds the length of the collections among them. Only `fn`s are properties: name the type in a cast,
/// `check(50, property as fn(Vec<u8>) -> bool)`.
pub(crate) fn check(size: usize, property: impl Testable + Copy) {
    for seed in SEEDS {
        let _printed = PrintedOnPanic(seed);
        QuickCheck::new().tests(CASES).rng(Gen::from_size_and_seed(size, seed)).quickcheck(property);
    }
}

/// Runs a property that makes its own case from each seed's generator: for scripts and other things too tangled to be
/// one `Arbitrary` value.
pub(crate) fn for_seeds(size: usize, mut property: impl FnMut(&mut Gen)) {
    for seed in SEEDS {
        let _printed = PrintedOnPanic(seed);
        property(&mut Gen::from_size_and_seed(size, seed));
    }
}

struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the property failed under seed {}", self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::Arbitrary;

    #[test]
    fn a_seed_makes_the_same_case_every_time_and_seeds_differ() {
        let cases = || {
            let mut cases = Vec::new();
            for_seeds(10, |g| cases.push(<(u64, u64, u64)>::arbitrary(g)));
            cases
        };
        assert_eq!(cases(), cases());
        let mut distinct = cases();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), cases().len());
    }

    #[test]
    #[should_panic(expected = "TEST FAILED")]
    fn a_false_property_fails() {
        check(10, (|byte: u8| byte < 250) as fn(u8) -> bool);
    }
}

//! The check of instructions fails when it should: what it counts is counted by `cargo bench --bench instructions`.

#[path = "../benches/verdict/mod.rs"]
#[allow(dead_code)]
mod verdict;

use verdict::{Verdict, verdict};

#[test]
fn a_count_may_grow_by_5_percent_and_no_further() {
    for (now, expected) in [(105_000, Verdict::Same), (105_001, Verdict::Grew), (105_100, Verdict::Grew)] {
        assert_eq!(verdict(Some(now), Some(100_000)), expected, "{now}");
    }
    assert!(Verdict::Grew.is_failure() && !Verdict::Same.is_failure());
}

#[test]
fn a_count_that_shrank_is_said_and_is_no_failure() {
    for (now, expected) in [(100_000, Verdict::Same), (99_999, Verdict::Shrank)] {
        assert_eq!(verdict(Some(now), Some(105_000)), expected, "{now}");
    }
    assert!(!Verdict::Shrank.is_failure());
}

#[test]
fn a_count_that_is_new_or_gone_is_a_failure_until_the_file_is_renewed() {
    assert_eq!((verdict(Some(7), None), verdict(None, Some(7))), (Verdict::NotInTheFile, Verdict::Gone));
    assert!(Verdict::NotInTheFile.is_failure() && Verdict::Gone.is_failure());
}

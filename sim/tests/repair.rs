//! The scenarios of repair, made small: with it nobody misses anything, and without it somebody does.

use gossip_sim::run::{Options, Outcome, run};
use gossip_sim::scenario::{Fault, Measure, Scenario};
use std::path::Path;

const SEEDS: std::ops::Range<u64> = 0..3;

fn small(name: &str, peers: u32, cache_size: u32) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.ini"));
    let mut scenario = Scenario::read(&path).unwrap().0;
    (scenario.peers, scenario.joined, scenario.settings.cache_size) = (peers, peers, cache_size);
    scenario.expectations.retain(|one| !matches!(one.measure, Measure::Announcements));
    // As many of those that are left leave as of the thousand.
    for step in &mut scenario.timeline {
        if let Fault::Churn { every, .. } = &mut step.fault {
            *every = *every * 1_000 / u64::from(peers);
        }
    }
    scenario
}

fn outcomes(name: &str, peers: u32, cache_size: u32) -> Vec<Outcome> {
    SEEDS.map(|seed| run(small(name, peers, cache_size), seed, Options::default(), |_, _| {})).collect()
}

fn nobody_misses_anything_but_without_repair(name: &str, peers: u32) {
    for outcome in outcomes(name, peers, 500) {
        assert!(outcome.is_good(), "{name}, seed {}: {:?} {:?}", outcome.seed, outcome.missed, outcome.violations);
        assert!(outcome.stats.expected > 1_000, "{name}, seed {}: nothing to be missed", outcome.seed);
    }
    for outcome in outcomes(name, peers, 0) {
        assert_eq!(outcome.violations, [], "{name}, seed {}", outcome.seed);
        assert!(!outcome.missed.is_empty(), "{name}, seed {}, shows nothing", outcome.seed);
    }
}

#[test]
fn within_ten_seconds_nobody_misses_anything_of_what_was_lost_while_peers_come_and_go() {
    nobody_misses_anything_but_without_repair("repair-churn", 100);
}

#[test]
fn three_seconds_after_the_first_link_across_a_healed_partition_everybody_knows_everything() {
    nobody_misses_anything_but_without_repair("repair-partition", 60);
}

#[test]
fn after_four_fifths_vanished_the_others_miss_nothing_once_that_was_noticed() {
    nobody_misses_anything_but_without_repair("repair-mass-failure", 200);
}

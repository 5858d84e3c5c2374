//! Lazy push, made small (PROTOCOL.md, section 13): far fewer copies, and nobody misses anything.

use gossip_core::Spreading;
use gossip_sim::run::{Options, Outcome, run};
use gossip_sim::scenario::{Expectation, Fault, Measure, Scenario};
use std::path::Path;

const SEEDS: std::ops::Range<u64> = 0..3;

fn small(name: &str, peers: u32, spreading: Spreading) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.ini"));
    let mut scenario = Scenario::read(&path).unwrap().0;
    (scenario.peers, scenario.joined, scenario.settings.spreading) = (peers, peers, spreading);
    // In a small network what it takes to form weighs more.
    let of_many =
        |one: &Expectation| matches!(one.measure, Measure::Announcements | Measure::Hops | Measure::Redundancy);
    scenario.expectations.retain(|one| !of_many(one));
    // As many of those that are left leave as of the thousand.
    for step in &mut scenario.timeline {
        if let Fault::Churn { every, .. } = &mut step.fault {
            *every = *every * 1_000 / u64::from(peers);
        }
    }
    scenario
}

fn outcomes(name: &str, peers: u32, spreading: Spreading) -> Vec<Outcome> {
    let outcomes = SEEDS.map(|seed| run(small(name, peers, spreading), seed, Options::default(), |_, _| {}));
    outcomes.collect()
}

/// Nobody misses anything, and a peer gets at most so many copies more than one, in thousandths, and a third of what plain
/// push costs at most.
fn comes_once(name: &str, peers: u32, redundancy: u64) {
    for outcome in outcomes(name, peers, Spreading::Tree) {
        assert!(outcome.is_good(), "{name}, seed {}: {:?} {:?}", outcome.seed, outcome.missed, outcome.violations);
        assert!(outcome.stats.expected > 1_000, "{name}, seed {}: nothing to be missed", outcome.seed);
        let milli = outcome.stats.redundancy_milli();
        assert!(milli <= redundancy, "{name}, seed {}: {milli} copies in thousand too many", outcome.seed);
    }
    for outcome in outcomes(name, peers, Spreading::Push) {
        let milli = outcome.stats.redundancy_milli();
        assert!(milli >= 3 * redundancy, "{name}, seed {}: {milli} by plain push", outcome.seed);
    }
}

#[test]
fn what_one_says_comes_once() {
    comes_once("tree-one-sender", 100, 120);
}

#[test]
fn what_many_say_comes_once() {
    comes_once("tree-many-senders", 100, 300);
}

#[test]
fn nobody_misses_anything_while_messages_are_lost_and_peers_come_and_go() {
    comes_once("tree-churn", 100, 800);
}

#[test]
fn types_have_trees_of_their_own_and_none_starves() {
    comes_once("tree-types", 60, 500);
}

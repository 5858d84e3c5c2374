//! Attacks: what the committed table says holds, and each kind does what it is for.

use gossip_sim::attack::{Row, at_peace, measure};
use gossip_sim::run::{Options, run};
use gossip_sim::scenario::{ATTACKS, Adversary, Attack, Expectation, Measure, Relation, Scenario};
use gossip_sim::world::World;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names of the scenario files that begin so.
fn scenarios(prefix: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder("scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let names = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names
}

fn read(name: &str) -> Scenario {
    Scenario::read(&folder("scenarios").join(format!("{name}.ini"))).unwrap().0
}

#[test]
fn the_page_on_security_has_a_row_for_each_attack_and_names_what_is_open() {
    let page = std::fs::read_to_string(folder("../docs/SECURITY.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains(" ms | ")).collect();
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("attack-{}", row.split(" | ").next().unwrap().trim_start_matches("| ")))
        .collect();
    assert_eq!(names, scenarios("attack-"), "made by: sim attack sim/scenarios/attack-*.ini --markdown");
    for row in rows {
        assert!(row.ends_with("| holds |"), "{row}");
    }
    for open in scenarios("open-") {
        assert!(page.contains(&format!("`{open}.ini`")), "{open} is not on the page");
    }
}

#[test]
fn every_kind_of_attack_has_a_scenario_that_expects_delivery() {
    let all: Vec<Scenario> = scenarios("attack-").iter().map(|name| read(name)).collect();
    for (word, kind, _) in ATTACKS {
        assert!(all.iter().any(|scenario| scenario.adversaries.iter().any(|one| one.kind == *kind)), "{word}");
    }
    for scenario in &all {
        let delivery = |one: &&Expectation| one.measure == Measure::Delivery && one.relation == Relation::AtLeast;
        let least = scenario.expectations.iter().find(delivery).map_or(0, |expectation| expectation.bound);
        assert!(least >= 999_000, "{}", scenario.name);
        assert_eq!(scenario.peers, 200, "{}", scenario.name);
        assert!(scenario.settings.degree >= scenario.settings.max_peers, "{}", scenario.name);
    }
}

/// The network of a scenario, made small, with its adversary.
fn small(name: &str, change: impl FnOnce(&mut Adversary)) -> Scenario {
    let mut scenario = read(name);
    (scenario.peers, scenario.joined) = (40, 40);
    change(&mut scenario.adversaries[0]);
    scenario
}

fn row(scenario: &Scenario, seed: u64) -> Row {
    Row::of(scenario, &[measure(scenario, seed)], &[measure(&at_peace(scenario), seed)])
}

#[test]
fn a_small_network_outlives_attackers_of_a_fifth_of_it_and_a_flood_of_hellos() {
    let eclipse = small("attack-eclipse-20", |adversary| {
        (adversary.hosts, adversary.networks, adversary.connections) = (10, 10, 10);
    });
    let flood = small("attack-hello-flood", |_| {});
    for scenario in [eclipse, flood] {
        let row = row(&scenario, 1);
        assert_eq!(row.wrong, None, "{row:?}");
    }
}

/// What an attack is for must be seen: an adversary that does nothing would pass everything.
#[test]
fn each_kind_of_attack_reaches_the_peers() {
    for (word, kind, _) in ATTACKS {
        let mut scenario = read("attack-drip");
        (scenario.peers, scenario.joined, scenario.bootstrappers, scenario.duration) = (6, 6, 1, 90_000_000);
        scenario.join_over = 1_000_000;
        scenario.workloads[0].start = 30_000_000;
        scenario.expectations.clear();
        if *kind == Attack::AskAgain {
            // Who is pushed everything is offered nothing.
            scenario.settings.degree = 1;
        }
        if matches!(*kind, Attack::PruneAll | Attack::GraftAll | Attack::FalseParent) {
            scenario.settings.spreading = gossip_core::Spreading::Tree;
        }
        let adversary = &mut scenario.adversaries[0];
        (adversary.kind, adversary.hosts, adversary.networks, adversary.start) = (*kind, 4, 4, 10_000_000);
        (adversary.connections, adversary.every) = (2, 500_000);
        let outcome = run(scenario.clone(), 3, Options::default(), |_, _| {});
        assert_eq!(outcome.violations, [], "{word}");
        assert!(outcome.stats.attacks > 0, "{word}");
        let mut world = World::new(scenario, 3, true);
        world.run_until(90_000_000);
        let count = |name: &str| -> u64 {
            let of = |(_, state): (u32, &gossip_core::GossipState)| {
                state.metrics().iter().find(|(known, ..)| *known == name).map_or(0, |(.., value)| value)
            };
            world.running().map(of).sum()
        };
        let mark = match kind {
            Attack::HelloFlood | Attack::HalfFrame => "handshakes_timed_out",
            Attack::Sizes | Attack::WrongProofs => "bans",
            Attack::Garbage => "frames_unknown",
            Attack::Poison | Attack::Eclipse => "pushes",
            Attack::Invalid => "messages_refused",
            Attack::Ask => "look_ups_answered",
            Attack::Challenges => "frames_early",
            Attack::Collide | Attack::Flood => "messages_valid",
            Attack::Replay | Attack::ForgedTtl => "messages_duplicate",
            Attack::EmptyOffers => "digests_taken",
            Attack::AskAgain => "messages_answered",
            Attack::PruneAll => "prunes_taken",
            Attack::GraftAll => "grafts_taken",
            Attack::FalseParent => "prunes_sent",
            Attack::Drip | Attack::BlackHole | Attack::SlowReader | Attack::Churn => "handshakes",
        };
        assert!(count(mark) > 0, "{word}: no {mark}");
    }
}

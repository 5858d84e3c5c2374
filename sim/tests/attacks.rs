//! Attacks: what the committed table says holds, and each kind does what it is for.

use gossip_core::NeighbourStatus;
use gossip_sim::attack::{HEAD, Row, at_peace, markdown, measure};
use gossip_sim::scenario::{ATTACKS, Adversary, Attack, Expectation, Measure, Relation, Scenario, Who};
use gossip_sim::world::{World, peer_at};
use std::collections::BTreeMap;
use std::net::IpAddr;
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
fn the_page_on_security_shows_what_was_measured_of_each_attack_and_names_what_is_open() {
    let page = std::fs::read_to_string(folder("../docs/SECURITY.md")).unwrap();
    let measured = std::fs::read_to_string(folder("tests/attacks.json")).unwrap();
    let made_by = "made by: sim attack sim/scenarios/attack-*.ini --seeds 0..20 --json > sim/tests/attacks.json";
    let rows: Vec<Row> = serde_json::from_str(&measured).unwrap();
    let mut names: Vec<&str> = rows.iter().map(|row| row.attack.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, scenarios("attack-"), "{made_by}");
    for row in &rows {
        assert_eq!((&row.wrong, row.seeds), (&None, 20), "{}", row.attack);
    }
    let table: String = rows.iter().map(markdown).collect();
    assert!(page.contains(&format!("{HEAD}{table}")), "the page should have this table:\n\n{HEAD}{table}");
    for open in scenarios("open-") {
        assert!(page.contains(&format!("`{open}.ini`")), "{open} is not on the page");
    }
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn what_bounds_an_attack_names_every_scenario_keys_and_counters() {
    let page = std::fs::read_to_string(folder("../docs/SECURITY.md")).unwrap();
    let (_, section) = page.split_once("## What bounds each attack").unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows: Vec<Vec<&str>> =
        table.take_while(|line| line.starts_with('|')).map(|line| line.split(" | ").collect()).collect();
    let mut attacks: Vec<&str> = rows.iter().flat_map(|row| names(row[0])).collect();
    attacks.sort_unstable();
    let attacks: Vec<String> = attacks.iter().map(|attack| format!("attack-{attack}")).collect();
    assert_eq!(attacks, scenarios("attack-"));
    let counters: Vec<&str> = gossip_core::Metrics::default().iter().map(|(name, ..)| name).collect();
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        for key in names(row[1]) {
            assert!(gossip_config::KEYS.iter().any(|known| known.name == key), "{key} is no key");
        }
        assert!(!names(row[2]).is_empty(), "{row:?}");
        for counter in names(row[2]) {
            assert!(counters.contains(&counter), "{counter} is no counter");
        }
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

/// A network of six with four attackers of this kind, two connections of theirs to each peer.
fn tiny(kind: Attack) -> Scenario {
    let mut scenario = read(if kind == Attack::SlowReader { "attack-slow-reader" } else { "attack-drip" });
    (scenario.peers, scenario.joined, scenario.bootstrappers, scenario.duration) = (6, 6, 1, 90_000_000);
    scenario.join_over = 1_000_000;
    scenario.workloads[0].start = 30_000_000;
    scenario.workloads[0].stop = 90_000_000;
    scenario.expectations.clear();
    if kind == Attack::AskAgain {
        // Who is pushed everything is offered nothing.
        scenario.settings.degree = 1;
    }
    if matches!(kind, Attack::PruneAll | Attack::GraftAll | Attack::FalseParent) {
        scenario.settings.spreading = gossip_core::Spreading::Tree;
    }
    let adversary = &mut scenario.adversaries[0];
    (adversary.kind, adversary.hosts, adversary.networks, adversary.start) = (kind, 4, 4, 10_000_000);
    (adversary.connections, adversary.every) = (2, 500_000);
    scenario
}

/// The sums of the peers' counters in the end.
fn counters(world: &World) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::new();
    for (_, state) in world.running() {
        for (name, _, value) in state.metrics().iter() {
            *sums.entry(name).or_default() += value;
        }
    }
    sums
}

fn ran(scenario: Scenario, seed: u64) -> World {
    let duration = scenario.duration;
    let mut world = World::new(scenario, seed, true);
    world.run_until(duration);
    assert_eq!(world.violations(), [], "seed {seed}");
    world
}

/// How many neighbours of peers are attackers that were sent at least so many messages and never sent one.
fn mutes(world: &World, messages: u64) -> u64 {
    let is_mute = |neighbour: &NeighbourStatus| {
        let is_stranger = peer_at(neighbour.address, world.scenario().peers).is_none();
        is_stranger && neighbour.traffic.messages_in == 0 && neighbour.traffic.messages_out >= messages
    };
    views(world).map(|(_, view)| view.iter().filter(|neighbour| is_mute(neighbour)).count() as u64).sum()
}

/// Peers that run, with their neighbours.
fn views(world: &World) -> impl Iterator<Item = (u32, Vec<NeighbourStatus>)> {
    world.running().filter_map(|(peer, _)| Some((peer, world.status(peer)?.neighbours)))
}

/// What an attack is for must be seen, and not be seen at peace: an adversary that does nothing would pass everything.
#[test]
fn each_kind_of_attack_reaches_the_peers() {
    for (word, kind, _) in ATTACKS {
        let mark = match kind {
            Attack::HelloFlood | Attack::HalfFrame | Attack::Drip => "handshakes_timed_out",
            Attack::Sizes => "bans",
            Attack::WrongProofs => "proofs_wrong",
            Attack::Garbage => "frames_unknown",
            Attack::Poison | Attack::Eclipse => "pushes",
            Attack::Invalid => "messages_refused",
            Attack::Ask => "look_ups_answered",
            Attack::Challenges => "frames_early",
            Attack::Flood => "messages_valid",
            Attack::Collide | Attack::Replay => "messages_duplicate",
            Attack::ForgedTtl => "messages_respread",
            Attack::EmptyOffers => "messages_asked_for",
            Attack::AskAgain => "messages_answered",
            Attack::PruneAll => "prunes_taken",
            Attack::GraftAll => "grafts_taken",
            Attack::FalseParent => "offers_unanswered",
            Attack::SlowReader => "spread_dropped",
            Attack::Churn => "handshakes",
            Attack::BlackHole => "mutes",
        };
        let count = |scenario: Scenario| {
            let world = ran(scenario, 3);
            if mark == "mutes" { mutes(&world, 100) } else { counters(&world)[mark] }
        };
        let scenario = tiny(*kind);
        let (peace, attacked) = (count(at_peace(&scenario)), count(scenario));
        assert!(attacked > 3 * peace + 5, "{word}: {mark} {attacked}, {peace} at peace");
    }
}

/// Attackers connect to one peer only: what asks the others for proofs came on connections that these dialed.
#[test]
fn a_dialer_asked_for_proof_after_proof_does_what_pow_per_minute_allows_and_no_more() {
    let wanted = |per_minute: u32| -> u64 {
        let mut scenario = tiny(Attack::Challenges);
        scenario.settings.pow_per_minute = per_minute;
        scenario.adversaries[0].targets = Who::Peers(vec![1]);
        let world = ran(scenario, 3);
        let dialers = || world.running().filter(|(peer, _)| *peer != 1).map(|(_, state)| state.metrics());
        let dropped: u64 = dialers().map(|metrics| metrics.frames_early).sum();
        assert!(dropped > 200, "{dropped} questions too many");
        dialers().map(|metrics| metrics.proofs_wanted).max().unwrap()
    };
    // A minute's worth at once, and a minute and a half.
    let allowed = |per_minute: u64| per_minute + per_minute * 3 / 2;
    let (few, many) = (wanted(2), wanted(60));
    assert!(few <= allowed(2) && allowed(2) < many && many <= allowed(60), "{few} and {many}");
}

#[test]
fn no_view_has_more_of_one_network_than_subnet_share() {
    for name in ["attack-one-network", "attack-many-faced"] {
        let scenario = small(name, |_| {});
        let (room, duration) = (scenario.settings.subnet_room(), scenario.duration);
        let mut world = World::new(scenario, 1, true);
        let mut most = 0;
        for now in (40_000_000..=duration).step_by(5_000_000) {
            world.run_until(now);
            for (_, view) in views(&world) {
                let mut networks: BTreeMap<[u8; 2], u32> = BTreeMap::new();
                for neighbour in view {
                    let IpAddr::V4(ip) = neighbour.address.ip() else { unreachable!("all are of IPv4") };
                    let [first, second, ..] = ip.octets();
                    *networks.entry([first, second]).or_default() += 1;
                }
                most = most.max(networks.into_values().max().unwrap_or(0));
            }
        }
        assert_eq!(world.violations(), [], "{name}");
        assert_eq!(most, room, "{name}: as much as is allowed, and no more");
    }
}

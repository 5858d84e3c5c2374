//! A network that nothing disturbs comes to rest: in its last hour there is no dial, eviction or proof of work but the
//! periodic look-ups.

use gossip_sim::run::{Options, run};
use gossip_sim::scenario::Scenario;

const HOUR: u64 = 3_600_000_000;

fn undisturbed(peers: u32, max_peers: u32, hours: u64) -> Scenario {
    let text = format!(
        "[simulation]\npeers = {peers}\nduration = {hours} h\n[gossip]\ncache_size = 50\ndegree = 8\nmax_peers = {max_peers}\n\
         [expect]\nrest >= 1 h\noverlay = connected\nneighbours >= min_peers\n"
    );
    Scenario::parse("rest.ini", &text).unwrap_or_else(|error| panic!("{error}")).0
}

/// Dials of the last hour: all of them look-ups, if it was at rest.
fn rests(peers: u32, max_peers: u32, hours: u64) -> u64 {
    let scenario = undisturbed(peers, max_peers, hours);
    let mut before = 0;
    let outcome = run(scenario, 1, Options::default(), |now, world| {
        if now + HOUR <= hours * HOUR {
            before = world.stats().dials;
        }
    });
    assert!(outcome.is_good(), "{peers} peers, {max_peers} places: {:?} {:?}", outcome.missed, outcome.violations);
    outcome.stats.dials - before
}

/// A bootstrapper that is a neighbour is looked up without a dial. With eight places it has room for a few of fifty, and not
/// surely for eight.
#[test]
fn small_networks_come_to_rest_whether_or_not_everybody_has_room_for_everybody() {
    for peers in [2, 3, 4, 9, 50] {
        for max_peers in [8, 64] {
            let look_ups = rests(peers, max_peers, 2);
            let (has_room, is_crowded) = (peers < max_peers, peers > max_peers + 1);
            assert!(look_ups == 0 || !has_room, "{peers} peers, {max_peers} places: {look_ups}");
            assert!(look_ups > 0 || !is_crowded, "{peers} peers, {max_peers} places: none looked up");
        }
    }
}

#[test]
#[ignore = "a minute of processor"]
fn a_thousand_with_eight_places_come_to_rest() {
    assert!(rests(1_000, 8, 3) > 0);
}

#[test]
#[ignore = "minutes of processor"]
fn a_thousand_with_64_places_come_to_rest() {
    assert!(rests(1_000, 64, 3) > 0);
}

#[test]
fn who_is_asked_for_proofs_all_the_time_is_not_at_rest_though_no_neighbour_comes_or_goes() {
    let mut scenario = undisturbed(20, 64, 1);
    let attack = "[simulation]\npeers = 20\n[gossip]\ncache_size = 50\ndegree = 8\n[adversary a]\nkind = wrong-proofs\n\
                  hosts = 20\nconnections = 0\nevery = 10 s\nstop = 1 h\n";
    scenario.adversaries = Scenario::parse("attack.ini", attack).unwrap().0.adversaries;
    scenario.adversaries[0].stop = scenario.duration;
    scenario.expectations.truncate(1);
    let outcome = run(scenario, 1, Options::default(), |_, _| {});
    let measured = outcome.missed.first().and_then(|(_, rest)| *rest);
    assert!(measured.is_some_and(|rest| rest.floor() < HOUR / 60), "{:?}", outcome.met);
}

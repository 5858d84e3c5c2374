//! How fast and how small: a network that has joined and announces, timed in its steady state.

use crate::run::resident;
use crate::scenario::{Scenario, Workload};
use crate::world::World;
use std::time::Instant;

const SECOND: u64 = 1_000_000;

/// A network of so many peers with about eight neighbours each, that announces from the second minute on.
pub fn steady(peers: u32) -> Scenario {
    let mut scenario = Scenario::plain(peers);
    scenario.name = format!("steady {peers}");
    scenario.bootstrappers = (peers / 1_000).clamp(1, 32);
    scenario.join_over = 30 * SECOND;
    scenario.hash_rate = 100_000_000;
    scenario.settings.max_peers = 12;
    scenario.settings.target_peers = 4;
    scenario.settings.min_peers = 4;
    scenario.settings.degree = 8;
    scenario.network.cut_ppm = 0;
    scenario.network.loss_ppm = 0;
    scenario.modules[0].delay = (0, 0);
    scenario.workloads.push(Workload {
        name: "steady".to_owned(),
        types: vec![1337],
        every: SECOND / 10,
        random: true,
        start: 120 * SECOND,
        stop: u64::MAX,
        count: u64::MAX,
        size: (100, 100),
        ttl: 0,
        from: None,
        invalid_ppm: 0,
    });
    scenario
}

/// Runs it and tells what it cost.
pub fn main(peers: u32, checks: bool) {
    let empty = resident();
    let mut world = World::new(steady(peers), 0, checks);
    let begin = Instant::now();
    world.run_until(120 * SECOND);
    let joined = resident().saturating_sub(empty);
    let overlay = world.overlay();
    println!("{peers} peers, checks {}", if checks { "on" } else { "off" });
    let rate = |events: u64, begin: Instant| {
        u64::try_from(u128::from(events) * 1_000_000 / begin.elapsed().as_micros().max(1)).unwrap_or(u64::MAX)
    };
    println!(
        "joining: {} events in {:.3?}, {} a second",
        world.stats().events,
        begin.elapsed(),
        rate(world.stats().events, begin)
    );
    println!("overlay: {} pieces, {} to {} neighbours", overlay.pieces, overlay.fewest, overlay.most);
    println!("memory when joined: {} bytes a peer", joined / u64::from(peers));
    let (before, begin) = (world.stats().events, Instant::now());
    let mut until = 120 * SECOND;
    while begin.elapsed().as_secs() < 10 && world.violations().is_empty() {
        until += SECOND;
        world.run_until(until);
    }
    let events = world.stats().events - before;
    println!("announcing: {events} events in {:.3?}, {} a second", begin.elapsed(), rate(events, begin));
    println!("memory then: {} bytes a peer", resident().saturating_sub(empty) / u64::from(peers));
    world.violations().iter().for_each(|violation| println!("BROKEN {}", crate::telling::show(violation)));
}

//! How fast and how small: a network that has joined and announces, timed in its steady state.

use crate::run::{a_second, resident};
use crate::scenario::{Scenario, Workload};
use crate::telling::show;
use crate::world::World;
use serde::Serialize;
use std::time::Instant;

const SECOND: u64 = 1_000_000;
/// When all have joined and come to rest, and announcing begins.
const REST: u64 = 180 * SECOND;
/// Announcing is measured for so long: the memory of messages is as full as it will be then.
const ANNOUNCING: u64 = 70 * SECOND;

/// A network of so many peers with about eight neighbours each, that announces from the third minute on.
pub fn steady(peers: u32) -> Scenario {
    let mut scenario = Scenario::plain(peers);
    scenario.name = format!("steady {peers}");
    scenario.bootstrappers = (peers / 1_000).clamp(1, 32);
    scenario.join_over = 30 * SECOND;
    scenario.hash_rate = 100_000_000;
    scenario.settings.max_peers = 12;
    scenario.settings.target_peers = 4;
    scenario.settings.min_peers = 4;
    scenario.settings.degree = 4;
    scenario.network.cut_ppm = 0;
    scenario.network.loss_ppm = 0;
    scenario.modules[0].delay = (0, 0);
    scenario.workloads.push(Workload {
        name: "steady".to_owned(),
        types: vec![1337],
        every: SECOND,
        random: true,
        start: REST,
        stop: u64::MAX,
        count: u64::MAX,
        size: (100, 100),
        ttl: 0,
        from: None,
        invalid_ppm: 0,
    });
    scenario
}

/// What a span of a run took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Span {
    /// What peers' states were given.
    pub events: u64,
    /// Of those, how often one was told that bytes which it sent have left its queue. The others are deliveries of bytes,
    /// timers, connection changes and proofs of work.
    pub writes: u64,
    /// Of the clock on the wall.
    pub wall_micros: u64,
    /// Of the processor; the simulator has one thread.
    pub cpu_micros: u64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// How many peers.
    pub peers: u32,
    /// Were the checkers on?
    pub checks: bool,
    /// Neighbours of all peers, when joined.
    pub neighbours: u64,
    /// Pieces of the overlay, when joined.
    pub pieces: u64,
    /// Until all had joined and come to rest.
    pub joining: Span,
    /// With an announcement a second.
    pub announcing: Span,
    /// Bytes that a peer takes, when joined: what the process holds more than before, all in, by the number of peers.
    pub joined_bytes: u64,
    /// The same at the end of the announcing.
    pub announcing_bytes: u64,
    /// The most that the process ever held, bytes.
    pub peak: u64,
    /// Properties that were broken.
    pub broken: Vec<String>,
}

/// Runs it and tells what it cost.
pub fn measure(peers: u32, checks: bool) -> Measured {
    let empty = resident();
    let bytes = || resident().saturating_sub(empty) / u64::from(peers.max(1));
    let mut world = World::new(steady(peers), 0, checks);
    let joining = span(&mut world, |world| world.run_until(REST));
    let (overlay, joined_bytes) = (world.overlay(), bytes());
    let announcing = span(&mut world, |world| world.run_until(REST + ANNOUNCING));
    Measured {
        peers,
        checks,
        neighbours: overlay.neighbours,
        pieces: overlay.pieces,
        joining,
        announcing,
        joined_bytes,
        announcing_bytes: bytes(),
        peak: peak(),
        broken: world.violations().iter().map(show).collect(),
    }
}

/// What was measured, for people.
pub fn text(measured: &Measured) -> String {
    let Measured { peers, checks, neighbours, pieces, joining, announcing, .. } = measured;
    let mut lines = vec![format!("{peers} peers, checks {}", if *checks { "on" } else { "off" })];
    let tenths = neighbours * 10 / u64::from((*peers).max(1));
    lines.push(format!("overlay: {pieces} pieces, {}.{} neighbours a peer", tenths / 10, tenths % 10));
    for (name, span) in [("joining", joining), ("announcing", announcing)] {
        let millis = [span.wall_micros, span.cpu_micros].map(|micros| micros / 1_000);
        lines.push(format!("{name}: {} events in {} ms ({} ms of processor)", span.events, millis[0], millis[1]));
        let [rate, without] = [span.events, span.events - span.writes].map(|events| a_second(events, span.wall_micros));
        lines.push(format!("  {rate} a second; {without} without the {} that tell of bytes written", span.writes));
    }
    lines.push(format!(
        "memory: {} bytes a peer when joined, {} announcing",
        measured.joined_bytes, measured.announcing_bytes
    ));
    lines.push(format!("at most: {} MiB in all", measured.peak >> 20));
    lines.extend(measured.broken.iter().map(|violation| format!("BROKEN {violation}")));
    lines.join("\n") + "\n"
}

fn span(world: &mut World, run: impl FnOnce(&mut World)) -> Span {
    let counted = |world: &World| (world.stats().events, world.stats().writes);
    let (before, begin, cpu) = (counted(world), Instant::now(), cpu_micros());
    run(world);
    let wall_micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (events, writes) = counted(world);
    Span { events: events - before.0, writes: writes - before.1, wall_micros, cpu_micros: cpu_micros() - cpu }
}

/// Processor time of this thread so far; 0 where the system does not tell.
fn cpu_micros() -> u64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedule.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).map_or(0, |nanos| nanos / 1_000)
}

/// The most memory that this process ever held, bytes; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

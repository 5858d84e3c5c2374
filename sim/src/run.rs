//! One run from beginning to end, and what came of it.

use crate::check::Violation;
use crate::scenario::{Expectation, Measure, Measured, Scenario};
use crate::world::{Overlay, Stats, World};
use hdrhistogram::Histogram;

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Wall time, microseconds.
    pub wall_micros: u64,
    /// Bytes of memory that the process held in the end, more than before; 0 if that is not known.
    pub memory: u64,
}

/// So many in so many microseconds, a second.
pub(crate) fn a_second(number: u64, micros: u64) -> u64 {
    let rate = u128::from(number) * 1_000_000 / u128::from(micros.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// What else a run shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Watch over the properties; off only to measure what that costs.
    pub checks: bool,
    /// Record what this peer lives through.
    pub record: Option<u32>,
    /// Keep how messages spread, of so many at most.
    pub keep_messages: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { checks: true, record: None, keep_messages: 0 }
    }
}

/// Runs a scenario and measures what that costs.
pub fn measure_run(
    scenario: Scenario,
    seed: u64,
    options: Options,
    progress: impl FnMut(u64, &World),
) -> (Outcome, Cost) {
    let (begin, before) = (std::time::Instant::now(), resident());
    let outcome = run(scenario, seed, options, progress);
    let wall_micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    (outcome, Cost { wall_micros, memory: resident().saturating_sub(before) })
}

/// Bytes of physical memory that this process holds; 0 where the system does not tell.
pub fn resident() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64)
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Properties that were broken.
    pub violations: Vec<Violation>,
    /// Expectations that were missed, with what was measured instead; `None`: nothing was.
    pub missed: Vec<(Expectation, Option<Measured>)>,
    /// Expectations that were met, likewise.
    pub met: Vec<(Expectation, Option<Measured>)>,
    /// Counts.
    pub stats: Stats,
    /// Peers that ran at any time.
    pub peers: u64,
    /// The overlay in the end.
    pub overlay: Overlay,
    /// When it ended, microseconds.
    pub simulated: u64,
    /// The table of any peer that came nearest to its bound, but for the view, and how near, thousandths.
    pub fullest: (&'static str, u64),
    /// Steps of the timeline that there was nobody for, by their names.
    pub hit_nobody: Vec<String>,
    /// Messages that peers dropped because a table or queue was full.
    pub dropped: u64,
    /// See [`World::digest`].
    pub digest: u64,
    /// What the first peer that broke a property had counted by then: all that is not zero.
    pub counters: Vec<(&'static str, u64)>,
    /// The recordings of the peer that was to be recorded, one for each of its lives.
    pub recordings: Vec<Vec<u8>>,
}

impl Outcome {
    /// As expected, and nothing broken?
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.missed.is_empty()
    }
}

/// Runs a scenario under a seed. `progress` is called now and then with the time reached.
pub fn run(scenario: Scenario, seed: u64, options: Options, mut progress: impl FnMut(u64, &World)) -> Outcome {
    let duration = scenario.duration;
    let mut world = World::new(scenario, seed, options.checks);
    world.keep_messages(options.keep_messages);
    if let Some(peer) = options.record {
        world.record(peer);
    }
    let steps = 100;
    for step in 1..=steps {
        world.run_until(duration / steps * step);
        progress(world.now(), &world);
        if !world.violations().is_empty() {
            break;
        }
    }
    if world.violations().is_empty() {
        world.run_until(duration);
        world.finish();
    }
    let mut outcome = conclude(&world, seed);
    outcome.recordings = world.take_recordings();
    outcome
}

/// What came of a world that has run.
pub fn conclude(world: &World, seed: u64) -> Outcome {
    let overlay = world.overlay();
    let (mut met, mut missed) = (Vec::new(), Vec::new());
    for expectation in &world.scenario().expectations {
        let value = measure(expectation.measure, world, &overlay);
        // What was never measured says nothing, whatever was expected of it.
        let holds = value.is_some_and(|value| value.holds(expectation.relation, bound(expectation, &overlay)));
        if holds { &mut met } else { &mut missed }.push((expectation.clone(), value));
    }
    Outcome {
        seed,
        violations: world.violations().to_vec(),
        missed,
        met,
        stats: world.stats().clone(),
        peers: world.took_part(),
        overlay,
        simulated: world.now(),
        fullest: world.fullest(),
        hit_nobody: hit_nobody(world),
        dropped: world.dropped(),
        digest: world.digest(),
        counters: counters(world),
        recordings: Vec::new(),
    }
}

fn counters(world: &World) -> Vec<(&'static str, u64)> {
    let state = world.violations().first().and_then(|violation| world.state(violation.peer));
    let counters = state.into_iter().flat_map(|state| state.metrics().iter().map(|(name, _, value)| (name, value)));
    counters.filter(|&(_, value)| value > 0).collect()
}

fn hit_nobody(world: &World) -> Vec<String> {
    let steps = world.scenario().timeline.iter().enumerate();
    steps.filter(|(at, _)| world.stats().hits(*at) == Some(0)).map(|(_, step)| step.name.clone()).collect()
}

/// What an expectation comes to: nobody can have more neighbours than there are others.
pub(crate) fn bound(expectation: &Expectation, overlay: &Overlay) -> u64 {
    match expectation.measure {
        Measure::Neighbours => expectation.bound.min(overlay.peers.saturating_sub(1)),
        _ => expectation.bound,
    }
}

/// `None`: there is no sample of it.
fn measure(measure: Measure, world: &World, overlay: &Overlay) -> Option<Measured> {
    let stats = world.stats();
    let latency = |of: fn(&Histogram<u64>) -> u64| (!stats.latency.is_empty()).then(|| of(&stats.latency));
    let whole = match measure {
        Measure::Delivery => return stats.delivery(),
        Measure::Prompt => return stats.prompt(),
        Measure::Healed => return stats.healed(),
        Measure::Counted => return stats.counted(),
        Measure::Redundancy => return stats.redundancy(),
        Measure::HandshakeFrames => return stats.frames_per_handshake(),
        Measure::HandshakesPerJoin => return stats.handshakes_per_join(),
        Measure::P50 => latency(|latency| latency.value_at_quantile(0.5)),
        Measure::P99 => latency(|latency| latency.value_at_quantile(0.99)),
        Measure::Longest => latency(Histogram::max),
        Measure::Hops => (stats.receivers > 0).then(|| u64::from(stats.last_hop())),
        Measure::Pieces => (overlay.peers > 0).then_some(overlay.pieces),
        Measure::Neighbours => (overlay.peers > 0).then_some(overlay.fewest),
        Measure::Rest => (stats.starts > 0).then(|| world.now() - stats.last_change),
        Measure::Announcements => Some(stats.announcements),
        Measure::VictimConnects => Some(stats.victim_connects.iter().copied().max().unwrap_or(0).into()),
        Measure::HonestLost => Some(stats.honest_lost),
    };
    whole.map(Measured::whole)
}

#[cfg(test)]
mod tests;

//! One run of a sweep: what is kept of it.

use crate::report::Ending;
use crate::run::{Options, run};
use crate::scenario::Scenario;
use crate::telling;
use hdrhistogram::Histogram;

/// What is kept of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Deliveries that there should have been.
    pub expected: u64,
    /// Those of them that there were not.
    pub missed: u64,
    /// Copies received for each first one, minus one, thousandths.
    pub redundancy_milli: u64,
    /// The most hops of a first copy.
    pub last_hop: u64,
    /// From announcement to a module's being told, microseconds.
    pub latency: Histogram<u64>,
    /// Bytes that peers sent to peers, a peer and second, from the first announcement on.
    pub bytes: u64,
    /// Proofs of work for each start of a peer, thousandths.
    pub proofs_milli: u64,
    /// Messages dropped by peers because a table or queue was full.
    pub dropped: u64,
    /// Pieces of the overlay in the end.
    pub pieces: u64,
    /// How it ended.
    pub ending: Ending,
    /// The first thing that was not as it must be.
    pub wrong: Option<String>,
}

/// Runs one seed of a scenario.
pub fn measure(scenario: &Scenario, seed: u64) -> Run {
    let first = scenario.workloads.iter().map(|workload| workload.start).min().unwrap_or(0);
    // Looked at every hundredth of the time: the last look before the first announcement.
    let (mut from, mut before) = (0, 0);
    let outcome = run(scenario.clone(), seed, Options::default(), |now, world| {
        if now <= first {
            (from, before) = (now, world.stats().peer_bytes);
        }
    });
    let stats = &outcome.stats;
    let span = outcome.simulated.saturating_sub(from);
    Run {
        expected: stats.expected,
        missed: stats.missed,
        redundancy_milli: stats.redundancy_milli(),
        last_hop: stats.last_hop().into(),
        bytes: rate(stats.peer_bytes - before, scenario.peers, span),
        proofs_milli: stats.handshakes() * 1_000 / stats.starts.max(1),
        dropped: outcome.dropped,
        pieces: outcome.overlay.pieces,
        ending: match (outcome.violations.is_empty(), outcome.missed.is_empty()) {
            (false, _) => Ending::Broken,
            (true, false) => Ending::Missed,
            (true, true) => Ending::Passed,
        },
        wrong: telling::first_complaint(&outcome),
        latency: outcome.stats.latency,
    }
}

/// So many bytes in so many microseconds, a peer and second.
pub(super) fn rate(bytes: u64, peers: u32, micros: u64) -> u64 {
    let all = u128::from(bytes) * 1_000_000;
    u64::try_from(all / (u128::from(peers) * u128::from(micros)).max(1)).unwrap_or(u64::MAX)
}

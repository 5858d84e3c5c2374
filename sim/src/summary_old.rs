//! What came of a run, as a table for people and as JSON for programs.

use crate::check::Violation;
use crate::run::{Cost, Outcome};
use crate::scenario::{Measure, show_bound};
use std::fmt::Write as _;

/// The table that ends every run.
pub fn table(outcome: &Outcome, cost: &Cost) -> String {
    let (stats, overlay) = (&outcome.stats, &outcome.overlay);
    let latency = |quantile| show_bound(Measure::P50, stats.latency.value_at_quantile(quantile));
    let per = |total: u64, of: u64| total.checked_div(of).unwrap_or(0);
    let rows = [
        ("announcements", format!("{} ({} judged)", stats.announcements, stats.judged)),
        ("deliveries", format!("{} of {} expected", stats.expected - stats.missed, stats.expected)),
        ("missed", stats.missed.to_string()),
        ("copies suppressed", (stats.copies - stats.receivers).to_string()),
        ("redundancy", show_bound(Measure::Redundancy, stats.redundancy_milli())),
        ("last delivery hop", stats.last_hop.to_string()),
        ("latency p50 / p99 / max", format!("{} / {} / {}", latency(0.5), latency(0.99), latency(1.0))),
        ("bytes sent a peer", per(stats.peer_bytes, stats.starts.max(1)).to_string()),
        (
            "overlay",
            format!(
                "{} peers, {} pieces, {} to {} neighbours",
                overlay.peers, overlay.pieces, overlay.fewest, overlay.most
            ),
        ),
        (
            "handshakes",
            format!("{} ({} frames each)", stats.handshakes, per(stats.handshake_frames(), stats.handshakes)),
        ),
        ("simulated time", format!("{}.{:03} s", outcome.simulated / 1_000_000, outcome.simulated / 1_000 % 1_000)),
        ("wall time", format!("{}.{:03} s", cost.wall_micros / 1_000_000, cost.wall_micros / 1_000 % 1_000)),
        ("events", stats.events.to_string()),
        ("events a second", cost.events_a_second(stats.events).to_string()),
        ("memory a peer", format!("{} bytes", per(cost.memory, overlay.peers.max(1)))),
        ("trace digest", format!("{:016x}", outcome.digest)),
    ];
    let mut out = String::new();
    for (name, value) in rows {
        let _ = writeln!(out, "{name:<24} {value}");
    }
    out + &verdicts(outcome)
}

/// Expectations and broken properties, one a line.
pub fn verdicts(outcome: &Outcome) -> String {
    let mut out = String::new();
    for (word, expectations) in [("as expected", &outcome.met), ("MISSED", &outcome.missed)] {
        for (expectation, value) in expectations {
            let _ = writeln!(out, "{word:<12} {expectation}: {}", show_bound(expectation.measure, *value));
        }
    }
    for violation in &outcome.violations {
        let _ = writeln!(out, "{:<12} {}", "BROKEN", show(violation));
    }
    if let Some(violation) = outcome.violations.first() {
        let counters: Vec<_> = outcome.counters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let _ = writeln!(out, "peer {} had counted: {}", violation.peer, counters.join(", "));
    }
    out
}

/// A broken property in one line.
pub fn show(violation: &Violation) -> String {
    let Violation { at, peer, property, detail } = violation;
    format!("{property}: peer {peer} at {}.{:06} s: {detail}", at / 1_000_000, at % 1_000_000)
}

/// One line of JSON with everything that the table has, and the frames by type.
pub fn json(outcome: &Outcome, cost: &Cost) -> String {
    let (stats, overlay) = (&outcome.stats, &outcome.overlay);
    let quantile = |quantile| stats.latency.value_at_quantile(quantile);
    let verdict = |(expectation, value): &(crate::scenario::Expectation, u64), met: bool| serde_json::json!({ "expectation": expectation.to_string(), "measured": value, "met": met });
    let expectations: Vec<_> = outcome
        .met
        .iter()
        .map(|one| verdict(one, true))
        .chain(outcome.missed.iter().map(|one| verdict(one, false)))
        .collect();
    let kinds: serde_json::Map<_, _> = stats
        .kinds()
        .map(|(kind, frames, bytes)| (kind.to_string(), serde_json::json!({ "frames": frames, "bytes": bytes })))
        .collect();
    serde_json::json!({
        "seed": outcome.seed,
        "good": outcome.is_good(),
        "digest": format!("{:016x}", outcome.digest),
        "simulated_us": outcome.simulated,
        "wall_us": cost.wall_micros,
        "events": stats.events,
        "events_a_second": cost.events_a_second(stats.events),
        "memory_bytes": cost.memory,
        "announcements": stats.announcements,
        "judged": stats.judged,
        "expected": stats.expected,
        "missed": stats.missed,
        "deliveries": stats.deliveries,
        "copies": stats.copies,
        "receivers": stats.receivers,
        "redundancy_thousandths": stats.redundancy_milli(),
        "last_hop": stats.last_hop,
        "latency_us": { "p50": quantile(0.5), "p99": quantile(0.99), "max": quantile(1.0) },
        "peer_frames": stats.peer_frames,
        "peer_bytes": stats.peer_bytes,
        "handshakes": stats.handshakes,
        "starts": stats.starts,
        "dials": stats.dials,
        "peers": overlay.peers,
        "pieces": overlay.pieces,
        "fewest_neighbours": overlay.fewest,
        "frames": kinds,
        "expectations": expectations,
        "violations": outcome.violations.iter().map(show).collect::<Vec<_>>(),
    })
    .to_string()
}

//! For scripts: units are in the names, and what a person's table rounds is whole here.

use super::numbers::{Message, Values, log_edge, ppm};
use super::{Ending, Report};
use serde_json::{Value, json};

/// Grows when a name changes its meaning or goes.
const VERSION: u32 = 1;

pub(super) fn render(report: &Report) -> Value {
    let ending = match report.ending() {
        Ending::Passed => "passed",
        Ending::Missed => "missed",
        Ending::Broken => "broken",
    };
    let options: Vec<Value> =
        report.options.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "version": VERSION,
        "scenario": report.scenario,
        "seed": report.seed,
        "command": report.command,
        "ending": ending,
        "options": options,
        "verdicts": report.verdicts.iter().map(|verdict| json!({
            "expectation": verdict.expectation, "measured": verdict.measured, "met": verdict.met,
        })).collect::<Vec<_>>(),
        "broken": report.broken.iter().map(|broken| json!({
            "at_us": broken.at, "peer": broken.peer, "property": broken.property, "detail": broken.detail,
        })).collect::<Vec<_>>(),
        "summary": summary(report),
        "cost": report.cost.map(|cost| json!({ "wall_us": cost.wall, "bytes_a_peer": cost.bytes_a_peer })),
        "latency": latency(&report.latency),
        "hops": pairs(&report.hops, "hops"),
        "traffic": report.traffic.iter().map(|one| json!({
            "type": one.kind, "name": one.name, "frames": one.frames, "bytes": one.bytes,
        })).collect::<Vec<_>>(),
        "views": pairs(&Values::of(report.overlay.views.iter().map(|view| u64::from(view.1))), "neighbours"),
        "overlay": { "pieces": report.overlay.pieces, "edges": report.overlay.edges.len() },
        "messages_in_all": report.judged,
        "messages": report.messages.iter().map(message).collect::<Vec<_>>(),
        "faults": report.faults.iter().map(|fault| json!({
            "label": fault.label, "from_us": fault.from, "until_us": fault.until,
        })).collect::<Vec<_>>(),
    })
}

fn summary(report: &Report) -> Value {
    let summary = &report.summary;
    json!({
        "peers": summary.peers,
        "announcements": summary.announcements,
        "deliveries": summary.deliveries,
        "expected": summary.expected,
        "missed": summary.missed,
        "delivered_ppm": ppm(summary.expected.saturating_sub(summary.missed), summary.expected),
        "duplicates_suppressed": summary.suppressed,
        "redundancy_milli": summary.redundancy_milli,
        "last_delivery_hop": summary.last_hop,
        "peer_bytes": summary.peer_bytes,
        "simulated_us": summary.simulated,
        "events": summary.events,
    })
}

fn latency(values: &Values) -> Value {
    let bin = |(bin, times): (usize, u64)| json!({ "from_us": log_edge(bin), "count": times });
    json!({
        "count": values.count(),
        "p50_us": values.percentile(500_000),
        "p90_us": values.percentile(900_000),
        "p99_us": values.percentile(990_000),
        "p999_us": values.percentile(999_000),
        "max_us": values.percentile(1_000_000),
        "bins": values.log_bins().into_iter().map(bin).collect::<Vec<_>>(),
    })
}

fn pairs(values: &Values, name: &str) -> Vec<Value> {
    values.pairs().iter().map(|(value, times)| json!({ name: value, "count": times })).collect()
}

fn message(message: &Message) -> Value {
    json!({
        "at_us": message.at,
        "expected": message.expected,
        "reached": message.reached_by(u64::MAX),
        "last_us": message.last(),
    })
}

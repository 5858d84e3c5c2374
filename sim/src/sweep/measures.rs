//! What one chooses a setting by.

use super::{Figure, Run};
use crate::pooled;
use crate::report::Unit;

/// A column of the table, and a plot.
pub struct Measure {
    /// As `--measures` and JSON have it.
    pub key: &'static str,
    /// As people read it.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub note: &'static str,
    /// What its figures count.
    pub unit: Unit,
    /// Is the worst seed of interest beside the mean?
    pub tells_worst: bool,
    of: fn(&[Run]) -> Figure,
}

/// All there are, in the table's order.
pub const MEASURES: &[Measure] = &[
    Measure {
        key: "delivery",
        name: "delivery",
        note: "Of all that should have been delivered, in all seeds together.",
        unit: Unit::Share,
        tells_worst: true,
        of: |runs| Figure {
            mean: pooled::delivery_ppm(runs.iter().map(|run| (run.expected, run.missed))),
            worst: runs.iter().map(|run| pooled::delivery_ppm([(run.expected, run.missed)])).min().unwrap_or(0),
        },
    },
    Measure {
        key: "missed",
        name: "missed",
        note: "Deliveries that there should have been and were not, a seed.",
        unit: Unit::Thousandths,
        tells_worst: true,
        of: |runs| figure(runs, |run| run.missed * 1_000),
    },
    Measure {
        key: "redundancy",
        name: "redundancy",
        note: "Copies that a peer gets of a message, less the first.",
        unit: Unit::Thousandths,
        tells_worst: false,
        of: |runs| figure(runs, |run| run.redundancy_milli),
    },
    Measure {
        key: "last_hop",
        name: "last hop",
        note: "The most hops of a first copy.",
        unit: Unit::Thousandths,
        tells_worst: true,
        of: |runs| figure(runs, |run| run.last_hop * 1_000),
    },
    Measure {
        key: "p50",
        name: "latency p50",
        note: "Median latency, from announcement to a module's being told, in all seeds together.",
        unit: Unit::Micros,
        tells_worst: false,
        of: |runs| latency(runs, 0.5),
    },
    Measure {
        key: "p99",
        name: "latency p99",
        note: "Its 99th percentile, likewise.",
        unit: Unit::Micros,
        tells_worst: true,
        of: |runs| latency(runs, 0.99),
    },
    Measure {
        key: "max",
        name: "latency max",
        note: "The longest latency of a seed.",
        unit: Unit::Micros,
        tells_worst: true,
        of: |runs| figure(runs, |run| run.latency.max()),
    },
    Measure {
        key: "bytes",
        name: "bytes/peer/s",
        note: "Sent by a peer to peers in a second, from the first announcement on.",
        unit: Unit::Count,
        tells_worst: false,
        of: |runs| figure(runs, |run| run.bytes),
    },
    Measure {
        key: "proofs",
        name: "proofs/join",
        note: "Proofs of work for each start of a peer.",
        unit: Unit::Thousandths,
        tells_worst: false,
        of: |runs| figure(runs, |run| run.proofs_milli),
    },
    Measure {
        key: "dropped",
        name: "dropped",
        note: "Messages that peers dropped because a table or queue was full, a seed.",
        unit: Unit::Thousandths,
        tells_worst: true,
        of: |runs| figure(runs, |run| run.dropped * 1_000),
    },
    Measure {
        key: "pieces",
        name: "pieces",
        note: "Pieces of the overlay in the end.",
        unit: Unit::Thousandths,
        tells_worst: true,
        of: |runs| figure(runs, |run| run.pieces * 1_000),
    },
];

impl Measure {
    /// Over all seeds of a combination.
    pub fn of(&self, runs: &[Run]) -> Figure {
        (self.of)(runs)
    }

    /// By their keys, in the table's order.
    pub fn chosen(keys: &[String]) -> Vec<&'static Self> {
        MEASURES.iter().filter(|measure| keys.is_empty() || keys.iter().any(|key| key == measure.key)).collect()
    }
}

/// The mean, rounded down, and the largest.
fn figure(runs: &[Run], of: impl Fn(&Run) -> u64) -> Figure {
    let sum: u64 = runs.iter().map(&of).sum();
    Figure { mean: sum / (runs.len() as u64).max(1), worst: runs.iter().map(of).max().unwrap_or(0) }
}

/// A quantile of all seeds' latencies, and of the seed where it is the largest.
fn latency(runs: &[Run], quantile: f64) -> Figure {
    Figure {
        mean: pooled::latency(runs.iter().map(|run| &run.latency), quantile),
        worst: runs.iter().map(|run| run.latency.value_at_quantile(quantile)).max().unwrap_or(0),
    }
}

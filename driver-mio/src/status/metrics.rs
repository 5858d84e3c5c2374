//! `/metrics`: Prometheus' text format, version 0.0.4.
//!
//! Names follow the conventions there: `gossip_` first, base units, `_total` for what only grows. What each means is
//! said in one place: the core's counters, [`GAUGES`], and [`of_the_process`].

use super::look::{GAUGES, Gauge, Look};
use gossip_core::Metrics;
use std::fmt::{self, Write};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        })
    }
}

/// A metric as documents describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As `/metrics` has it.
    pub name: String,
    /// How it behaves.
    pub kind: Kind,
    /// One sentence: the HELP text.
    pub help: String,
}

/// Every metric, in the order of `/metrics`.
pub fn catalogue() -> Vec<Metric> {
    let mut all = Vec::new();
    of_the_process(None, |name, kind, help, _| all.push(Metric { name: name.to_owned(), kind, help: help.to_owned() }));
    for gauge in GAUGES {
        all.push(Metric { name: gauge_name(gauge), kind: Kind::Gauge, help: gauge.help.to_owned() });
        all.extend(limit_of(gauge));
    }
    let counters = Metrics::default();
    let counter = |(name, help, _): (&str, &str, u64)| Metric {
        name: counter_name(name),
        kind: Kind::Counter,
        help: help.to_owned(),
    };
    all.extend(counters.iter().map(counter));
    all
}

/// The whole answer.
pub(super) fn render(look: &Look<'_>) -> String {
    /// About what it comes to.
    const ROOM: usize = 20 << 10;
    let mut text = String::with_capacity(ROOM);
    of_the_process(Some(look), |name, kind, help, value| put(&mut text, name, kind, help, value));
    for gauge in GAUGES {
        put(&mut text, &gauge_name(gauge), Kind::Gauge, gauge.help, (gauge.value)(look));
        if let (Some(Metric { name, kind, help }), Some(limit)) = (limit_of(gauge), &gauge.limit) {
            put(&mut text, &name, kind, &help, (limit.most)(look.state.settings()));
        }
    }
    for (name, help, value) in look.state.metrics().iter() {
        put(&mut text, &counter_name(name), Kind::Counter, help, value);
    }
    text
}

/// What is the program's and not the protocol's. Without a look the values are empty.
fn of_the_process(look: Option<&Look<'_>>, mut each: impl FnMut(&str, Kind, &str, String)) {
    let value = |value: fn(&Look<'_>) -> String| look.map(value).unwrap_or_default();
    each(
        concat!("gossip_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        Kind::Gauge,
        "Always 1; its label says which version runs.",
        value(|_| "1".to_owned()),
    );
    each(
        "gossip_start_time_seconds",
        Kind::Gauge,
        "When the node started, in seconds since 1970.",
        value(|look| format!("{:.3}", look.about.started_seconds)),
    );
    each(
        "gossip_resident_memory_bytes",
        Kind::Gauge,
        "Memory of the process that is resident; 0 where the system does not say.",
        value(|_| memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem).to_string()),
    );
    each(
        "gossip_event_loop_turns_total",
        Kind::Counter,
        "Turns of the event loop.",
        value(|look| look.turns.to_string()),
    );
    each(
        "gossip_status_requests_total",
        Kind::Counter,
        "Questions at the status address answered before this one.",
        value(|look| look.answered.to_string()),
    );
}

fn put(text: &mut String, name: &str, kind: Kind, help: &str, value: impl fmt::Display) {
    let family = name.split('{').next().unwrap_or(name);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}\n{name} {value}");
}

fn gauge_name(gauge: &Gauge) -> String {
    format!("gossip_{}", gauge.name)
}

/// `gossip_x_limit`, its unit last.
fn limit_of(gauge: &Gauge) -> Option<Metric> {
    let key = gauge.limit.as_ref()?.key;
    let name = match gauge.name.strip_suffix("_bytes") {
        Some(name) => format!("gossip_{name}_limit_bytes"),
        None => format!("gossip_{}_limit", gauge.name),
    };
    Some(Metric { name, kind: Kind::Gauge, help: format!("The most that gossip_{} may come to ({key}).", gauge.name) })
}

/// `gossip_x_total`, its unit last but for that.
fn counter_name(name: &str) -> String {
    for (end, direction, unit) in [
        ("_bytes_in", "received", "bytes"),
        ("_bytes_out", "sent", "bytes"),
        ("_frames_in", "received", "frames"),
        ("_frames_out", "sent", "frames"),
    ] {
        if let Some(start) = name.strip_suffix(end) {
            return format!("gossip_{start}_{direction}_{unit}_total");
        }
    }
    format!("gossip_{name}_total")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_metric_has_a_name_of_its_own_by_the_conventions_and_a_sentence() {
        let all = catalogue();
        let names: BTreeSet<&str> = all.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "a name is there twice");
        for Metric { name, kind, help } in &all {
            let family = name.split('{').next().unwrap();
            assert!(family.starts_with("gossip_"), "{name}");
            assert!(family.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
            assert_eq!(family.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let unit = family.trim_end_matches("_total");
            assert!(!unit.contains("bytes") || unit.ends_with("_bytes"), "{name}: the unit comes last");
            assert!(help.ends_with('.') && !help.contains(['\n', '\\']), "{name}: {help}");
        }
        for name in ["gossip_neighbours", "gossip_messages_waiting_limit_bytes", "gossip_p2p_received_bytes_total"] {
            assert!(names.contains(name), "{name}");
        }
    }
}

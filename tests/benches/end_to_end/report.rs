//! What was measured, for a person and for a program.

use crate::chain::Carried;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    window: u64,
    rate: u64,
    pub(crate) throughput: Vec<Throughput>,
    pub(crate) latency: Vec<Latencies>,
}

/// Of one size of messages, through one length of chain.
#[derive(Debug, Serialize)]
pub(crate) struct Throughput {
    daemons: u8,
    size: usize,
    relay: Speed,
    gossip: Speed,
    /// What daemons carry of what relays carry, percent: of the medians, and of each round the least and the most.
    percent: f64,
    percent_least: f64,
    percent_most: f64,
    lost: u64,
}

/// The median round.
#[derive(Debug, Serialize)]
struct Speed {
    messages_per_second: f64,
    megabytes_per_second: f64,
    /// Processor time that all processes of the chain took for a message, microseconds.
    processor_us: f64,
}

impl Throughput {
    pub(crate) fn new(daemons: u8, size: usize, relay: Vec<Carried>, gossip: Vec<Carried>, lost: u64) -> Self {
        let rounds: Vec<f64> =
            relay.iter().zip(&gossip).map(|(relay, gossip)| 100.0 * rate(gossip) / rate(relay)).collect();
        let (relay, gossip) = (Speed::of(relay, size), Speed::of(gossip, size));
        Self {
            daemons,
            size,
            percent: 100.0 * gossip.messages_per_second / relay.messages_per_second,
            percent_least: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            percent_most: rounds.iter().copied().fold(0.0, f64::max),
            relay,
            gossip,
            lost,
        }
    }
}

impl Speed {
    fn of(mut rounds: Vec<Carried>, size: usize) -> Self {
        rounds.sort_by(|a, b| rate(a).total_cmp(&rate(b)));
        let median = rounds[rounds.len() / 2];
        let messages_per_second = rate(&median);
        Self {
            messages_per_second,
            megabytes_per_second: messages_per_second * number(size as u64) / 1e6,
            processor_us: median.worked.as_secs_f64() * 1e6 / number(median.messages),
        }
    }
}

fn rate(carried: &Carried) -> f64 {
    number(carried.messages) / carried.took.as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn number(n: u64) -> f64 {
    n as f64
}

/// From announcing to the last module, microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    daemons: u8,
    rate: u64,
    relay: Quantiles,
    gossip: Quantiles,
    lost: u64,
}

#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Latencies {
    pub(crate) fn new(daemons: u8, rate: u64, taken: [Vec<Duration>; 2], lost: u64) -> Self {
        let [relay, gossip] = taken.map(Quantiles::of);
        Self { daemons, rate, relay, gossip, lost }
    }
}

impl Quantiles {
    fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let last = samples.len().saturating_sub(1);
        let at = |percent: usize| samples.get(last * percent / 100).map_or(0.0, |sample| sample.as_secs_f64() * 1e6);
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

impl Report {
    pub(crate) fn new(window: u64, rate: u64) -> Self {
        Self { window, rate, throughput: Vec::new(), latency: Vec::new() }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.throughput.iter().map(|one| one.lost).chain(self.latency.iter().map(|one| one.lost)).sum()
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names")
    }

    pub(crate) fn table(&self) -> String {
        let mut speeds =
            table(&["daemons", "bytes", "", "messages/s", "MB/s", "µs of processor", "of the relay's", "lost"]);
        for one in &self.throughput {
            let lost = one.lost.to_string();
            let percent = format!("{:.0} % ({:.0} to {:.0})", one.percent, one.percent_least, one.percent_most);
            for (name, speed, end) in [("relay", &one.relay, ["", ""]), ("gossip", &one.gossip, [&*percent, &*lost])] {
                let rates = [speed.messages_per_second, speed.megabytes_per_second].map(|rate| format!("{rate:.0}"));
                let place = [one.daemons.to_string(), one.size.to_string(), name.to_owned()];
                let work = format!("{:.2}", speed.processor_us);
                let cells = place.into_iter().chain(rates).chain([work]).chain(end.map(str::to_owned));
                speeds.add_row(cells.map(right));
            }
        }
        let mut latencies = table(&["daemons", "", "p50", "p99", "max", "p50 of the relay's", "p99 of the relay's"]);
        for one in &self.latency {
            let times =
                [one.gossip.p50 / one.relay.p50, one.gossip.p99 / one.relay.p99].map(|ratio| format!("{ratio:.2}"));
            let empty = [String::new(), String::new()];
            for (name, quantiles, ratios) in [("relay", &one.relay, empty), ("gossip", &one.gossip, times)] {
                let spans = [quantiles.p50, quantiles.p99, quantiles.max].map(|span| format!("{span:.0} µs"));
                let cells = [one.daemons.to_string(), name.to_owned()].into_iter().chain(spans).chain(ratios);
                latencies.add_row(cells.map(right));
            }
        }
        let mut text = String::new();
        if !self.throughput.is_empty() {
            text = format!("{} messages on their way at once:\n{speeds}\n", self.window);
        }
        if !self.latency.is_empty() {
            text +=
                &format!("latency at {} messages of {} bytes a second:\n{latencies}\n", self.rate, crate::LATENCY_SIZE);
        }
        text
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header.iter().map(right));
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}

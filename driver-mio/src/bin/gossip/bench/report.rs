//! What a benchmark came to.

use super::Options;
use super::load::Seen;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;
use std::time::Instant;

/// What is printed, as JSON or as a table.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    announce: String,
    count: u64,
    size: usize,
    /// Messages a second asked for; none with a window.
    rate: Option<u64>,
    window: Option<u64>,
    sent: u64,
    /// From the first announcement until the last message came anywhere.
    seconds: f64,
    /// Every listener got everything.
    complete: bool,
    listeners: Vec<Listener>,
}

#[derive(Debug, Serialize)]
struct Listener {
    address: String,
    delivered: u64,
    lost: u64,
    duplicated: u64,
    messages_per_second: f64,
    bytes_per_second: f64,
    latency_us: Latency,
}

/// Microseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Report {
    pub(super) fn new(options: &Options, sent: u64, begin: Instant, complete: bool, seen: Vec<Seen>) -> Self {
        let took = |last: Option<Instant>| last.map_or(0.0, |last| last.duration_since(begin).as_secs_f64());
        let seconds = seen.iter().map(|one| took(one.last)).fold(0.0, f64::max);
        let listener = |one: Seen| {
            let per_second = |n: f64| if took(one.last) > 0.0 { n / took(one.last) } else { 0.0 };
            let at = |share: f64| one.latency.value_at_quantile(share);
            #[allow(clippy::cast_precision_loss)]
            let (messages, bytes) = (one.delivered as f64, one.delivered as f64 * options.size as f64);
            Listener {
                delivered: one.delivered,
                lost: options.count.saturating_sub(one.delivered),
                duplicated: one.duplicated,
                messages_per_second: per_second(messages),
                bytes_per_second: per_second(bytes),
                latency_us: Latency {
                    p50: at(0.5),
                    p90: at(0.9),
                    p99: at(0.99),
                    p999: at(0.999),
                    max: one.latency.max(),
                },
                address: one.address,
            }
        };
        Self {
            announce: options.announce.clone(),
            count: options.count,
            size: options.size,
            rate: options.rate,
            window: options.rate.is_none().then_some(options.window),
            sent,
            seconds,
            complete,
            listeners: seen.into_iter().map(listener).collect(),
        }
    }

    /// Messages that some listener did not get, of all listeners together.
    pub(super) fn lost(&self) -> u64 {
        self.listeners.iter().map(|listener| listener.lost).sum()
    }

    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "listener",
            "delivered",
            "lost",
            "twice",
            "messages/s",
            "MB/s",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
        ]);
        for one in &self.listeners {
            let latency = &one.latency_us;
            let times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(milliseconds);
            let numbers = [one.delivered, one.lost, one.duplicated].map(|n| n.to_string());
            let rates = [format!("{:.0}", one.messages_per_second), format!("{:.1}", one.bytes_per_second / 1e6)];
            let cells = numbers.into_iter().chain(rates).chain(times);
            let right = cells.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
            table.add_row(std::iter::once(Cell::new(&one.address)).chain(right));
        }
        let pace = match (self.rate, self.window) {
            (Some(rate), _) => format!("{rate} a second"),
            (None, window) => format!("window {}", window.unwrap_or(0)),
        };
        format!(
            "{} messages of {} bytes announced at {}, {pace}, in {:.2} s\n{table}\n",
            self.sent, self.size, self.announce, self.seconds
        )
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1_000, microseconds % 1_000)
}

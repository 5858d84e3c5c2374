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
    /// Messages that were to be announced and were not.
    unsent: u64,
    /// From the first announcement until the last message came anywhere.
    seconds: f64,
    /// Every listener got everything.
    complete: bool,
    /// Somebody ended it.
    interrupted: bool,
    /// What went wrong with a daemon; none if all of them stayed.
    trouble: Option<String>,
    listeners: Vec<Listener>,
}

/// How the run went, beside what listeners saw.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) begin: Instant,
    pub(crate) sent: u64,
    pub(crate) interrupted: bool,
    pub(crate) trouble: Option<String>,
}

#[derive(Debug, Serialize)]
struct Listener {
    address: String,
    delivered: u64,
    /// Announced, and not come although everybody was there until the end.
    lost: u64,
    /// Announced, and not come before the run was cut short.
    incomplete: u64,
    duplicated: u64,
    messages_per_second: f64,
    bytes_per_second: f64,
    /// None if nothing came.
    latency_us: Option<Latency>,
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
    pub(super) fn new(options: &Options, course: Course, seen: Vec<Seen>) -> Self {
        let Course { begin, sent, interrupted, trouble } = course;
        let is_cut_short = interrupted || trouble.is_some();
        let complete = seen.iter().all(|one| one.delivered >= options.count);
        let took = |last: Option<Instant>| last.map_or(0.0, |last| last.duration_since(begin).as_secs_f64());
        let seconds = seen.iter().map(|one| took(one.last)).fold(0.0, f64::max);
        let listener = |one: Seen| {
            let per_second = |n: f64| if took(one.last) > 0.0 { n / took(one.last) } else { 0.0 };
            let at = |share: f64| one.latency.value_at_quantile(share);
            #[allow(clippy::cast_precision_loss)]
            let (messages, bytes) = (one.delivered as f64, one.delivered as f64 * options.size as f64);
            let missing = sent.saturating_sub(one.delivered);
            Listener {
                delivered: one.delivered,
                lost: if is_cut_short { 0 } else { missing },
                incomplete: if is_cut_short { missing } else { 0 },
                duplicated: one.duplicated,
                messages_per_second: per_second(messages),
                bytes_per_second: per_second(bytes),
                latency_us: (!one.latency.is_empty()).then(|| Latency {
                    p50: at(0.5),
                    p90: at(0.9),
                    p99: at(0.99),
                    p999: at(0.999),
                    max: one.latency.max(),
                }),
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
            unsent: options.count.saturating_sub(sent),
            seconds,
            complete,
            interrupted,
            trouble,
            listeners: seen.into_iter().map(listener).collect(),
        }
    }

    /// Every listener got every message.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What went wrong with a daemon.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What is missing and why, for a person; none if nothing is.
    pub(super) fn complaint(&self) -> Option<String> {
        let lost: u64 = self.listeners.iter().map(|listener| listener.lost).sum();
        let incomplete: u64 = self.listeners.iter().map(|listener| listener.incomplete).sum();
        let parts = [
            (lost, "messages were lost"),
            (incomplete, "messages had not come when it ended"),
            (self.unsent, "messages were not announced"),
        ];
        let said: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "listener",
            "delivered",
            "lost",
            "incomplete",
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
            let times = one.latency_us.as_ref().map_or_else(
                || ["-"; 5].map(str::to_owned),
                |latency| [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(milliseconds),
            );
            let numbers = [one.delivered, one.lost, one.incomplete, one.duplicated].map(|n| n.to_string());
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

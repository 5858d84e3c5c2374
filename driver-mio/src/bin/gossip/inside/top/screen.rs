//! What the screen knows: the latest answers, and rates from the ones before.

use super::Answer;
use gossip_driver_mio::status::{LoggedEvent, NeighbourReport, StatusReport};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Answers whose rates are remembered: more than a terminal has columns.
const RATES_MAX: usize = 512;
/// Events that are remembered: more than a terminal has rows.
const EVENTS_MAX: usize = 256;

/// A second's worth of what went on, between two answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) received: f64,
    pub(super) sent: f64,
    pub(super) bytes: f64,
}

/// See the module.
pub(super) struct Screen {
    pub(super) address: String,
    pub(super) latest: Option<StatusReport>,
    /// Why the latest answer is old.
    pub(super) trouble: Option<String>,
    /// Of the whole node, oldest first.
    pub(super) rates: VecDeque<Rates>,
    /// Of each neighbour.
    pub(super) of_neighbours: BTreeMap<SocketAddr, Rates>,
    /// Latest last.
    pub(super) events: VecDeque<LoggedEvent>,
    /// The first neighbour that is shown.
    pub(super) first: usize,
}

impl Screen {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            latest: None,
            trouble: None,
            rates: VecDeque::new(),
            of_neighbours: BTreeMap::new(),
            events: VecDeque::new(),
            first: 0,
        }
    }

    pub(super) fn take(&mut self, answer: Answer) {
        let (status, events) = match answer {
            Ok(answer) => answer,
            Err(trouble) => {
                self.trouble = Some(trouble);
                return;
            }
        };
        self.trouble = None;
        match &self.latest {
            Some(before) if before.started == status.started => {
                let span = (status.uptime_seconds - before.uptime_seconds).max(0.001);
                self.rates.push_back(Rates::of_node(before, &status, span));
                let was = |address| before.neighbours.iter().find(|neighbour| neighbour.address == address);
                let rates = |now: &NeighbourReport| {
                    let rates = was(now.address).map(|was| Rates::of_neighbour(was, now, span));
                    (now.address, rates.unwrap_or_default())
                };
                self.of_neighbours = status.neighbours.iter().map(rates).collect();
            }
            // Another run: its counters begin anew.
            _ => {
                self.rates.clear();
                self.of_neighbours.clear();
            }
        }
        self.rates.drain(..self.rates.len().saturating_sub(RATES_MAX));
        self.events.extend(events.events);
        self.events.drain(..self.events.len().saturating_sub(EVENTS_MAX));
        self.latest = Some(status);
        self.scroll(0);
    }

    /// Moves in the list of neighbours.
    pub(super) fn scroll(&mut self, by: isize) {
        let last = self.latest.as_ref().map_or(0, |status| status.neighbours.len().saturating_sub(1));
        self.first = self.first.saturating_add_signed(by).min(last);
    }
}

impl Rates {
    fn of_node(before: &StatusReport, now: &StatusReport, seconds: f64) -> Self {
        let rate = |name| grown(before.counter(name), now.counter(name), seconds);
        Self {
            received: rate("peer_notifications"),
            sent: rate("spread"),
            bytes: rate("p2p_bytes_in") + rate("p2p_bytes_out"),
        }
    }

    fn of_neighbour(before: &NeighbourReport, now: &NeighbourReport, seconds: f64) -> Self {
        Self {
            received: grown(before.received_messages, now.received_messages, seconds),
            sent: grown(before.sent_messages, now.sent_messages, seconds),
            bytes: grown(before.received_bytes, now.received_bytes, seconds)
                + grown(before.sent_bytes, now.sent_bytes, seconds),
        }
    }
}

/// A neighbour that came back begins anew: nothing shrinks.
fn grown(before: u64, now: u64, seconds: f64) -> f64 {
    now.saturating_sub(before) as f64 / seconds
}

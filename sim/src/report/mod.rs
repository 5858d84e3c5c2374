//! What is told of a run: a table for the terminal, JSON for scripts, and one self-contained page for people.
//!
//! Plain data goes in, text comes out; nothing here knows the simulator's world. The same data give the same bytes, on
//! every machine: what is counted is counted in integers, and floats only place ink.

mod axis;
mod html;
mod ink;
mod json;
mod lines;
mod numbers;
mod overlay;
mod page;
mod plots;
#[cfg(test)]
#[path = "../../examples/report/sample.rs"]
mod sample;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod units;

pub use numbers::{Message, Values};
pub use sweep::{Curve, Line, Sweep, SweepRow};
pub use units::Unit;

use gossip_core::wire::kind;

/// All that is told of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The run's seed.
    pub seed: u64,
    /// The one command that repeats it.
    pub command: String,
    /// What it was run with, in reading order: names and values.
    pub options: Vec<(String, String)>,
    /// What was expected, in the scenario's order.
    pub verdicts: Vec<Verdict>,
    /// Safety properties that were broken, the first first.
    pub broken: Vec<Broken>,
    /// The totals.
    pub summary: Summary,
    /// What the run cost the machine; `None` where only what repeats to the byte is wanted.
    pub cost: Option<Cost>,
    /// Messages that count.
    pub judged: u64,
    /// All of them, or some, evenly spread, each with how it spread.
    pub messages: Vec<Message>,
    /// From announcement to a module's being told, microseconds.
    pub latency: Values,
    /// Hops of the first copies that peers received.
    pub hops: Values,
    /// What peers sent to peers.
    pub traffic: Vec<Traffic>,
    /// Who was whose neighbour in the end.
    pub overlay: Overlay,
    /// What went wrong on purpose, in order of time.
    pub faults: Vec<Fault>,
}

/// An expectation and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// As the scenario says it.
    pub expectation: String,
    /// What was measured, with its unit.
    pub measured: String,
    /// Met?
    pub met: bool,
}

/// A safety property that a peer broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// When, microseconds.
    pub at: u64,
    /// By which peer.
    pub peer: u32,
    /// Which property.
    pub property: String,
    /// What was seen.
    pub detail: String,
}

/// The totals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Peers that took part.
    pub peers: u64,
    /// Announcements made.
    pub announcements: u64,
    /// Times that a module was told of a message for the first time.
    pub deliveries: u64,
    /// Deliveries that there should have been.
    pub expected: u64,
    /// Those of them that there were not.
    pub missed: u64,
    /// Deliveries to all that ever subscribed, whether they could be expected or not.
    pub subscribed: u64,
    /// Copies that peers received of what they had already.
    pub suppressed: u64,
    /// Copies received for each first one, minus one, thousandths.
    pub redundancy_milli: u64,
    /// The most hops of a first copy.
    pub last_hop: u64,
    /// Bytes that peers sent to peers.
    pub peer_bytes: u64,
    /// The time that the network lived through, microseconds.
    pub simulated: u64,
    /// Deliveries of bytes, timers and connection changes to peers.
    pub events: u64,
}

/// What a run cost the machine: the only part that no seed repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// By the clock on the wall, microseconds.
    pub wall: u64,
    /// Bytes of memory for each peer, if they could be measured.
    pub bytes_a_peer: Option<u64>,
}

/// Frames of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Its number.
    pub kind: u16,
    /// Its name.
    pub name: String,
    /// How many were sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Traffic {
    /// Frames of a type between peers, under the protocol's name for it.
    pub fn new(kind: u16, frames: u64, bytes: u64) -> Self {
        let name = match kind {
            kind::PEER_REQUEST => "PEER REQUEST",
            kind::PEER_RESPONSE => "PEER RESPONSE",
            kind::VERIFICATION_REQUEST => "VERIFICATION REQUEST",
            kind::VERIFICATION_RESPONSE => "VERIFICATION RESPONSE",
            kind::HELLO => "HELLO",
            kind::PUSH => "PUSH",
            kind::PING => "PING",
            kind::PEER_NOTIFICATION => "PEER NOTIFICATION",
            kind::CAPABILITIES => "CAPABILITIES",
            kind::IPV6 => "IPv6 form",
            kind::PONG => "PONG",
            kind::IHAVE => "IHAVE",
            kind::IWANT => "IWANT",
            kind::TREE => "TREE",
            kind::INTEREST => "INTEREST",
            kind::GOODBYE => "GOODBYE",
            _ => "",
        };
        let name = if name.is_empty() { format!("type {kind}") } else { name.to_owned() };
        Self { kind, name, frames, bytes }
    }
}

/// Who is whose neighbour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// How many neighbours each running peer says it has: its number, and how many.
    pub views: Vec<(u32, u32)>,
    /// Pairs of neighbours, each pair once.
    pub edges: Vec<(u32, u32)>,
    /// Pieces that it falls into.
    pub pieces: u64,
}

/// Something that went wrong on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// What it was.
    pub label: String,
    /// When it began, microseconds.
    pub from: u64,
    /// When it ended; `None` if it was over at once.
    pub until: Option<u64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As expected.
    Passed,
    /// An expectation was missed.
    Missed,
    /// A safety property was broken.
    Broken,
}

impl Report {
    /// How the run ended: what is broken outweighs what is missed.
    pub fn ending(&self) -> Ending {
        match (self.broken.is_empty(), self.verdicts.iter().all(|verdict| verdict.met)) {
            (false, _) => Ending::Broken,
            (true, false) => Ending::Missed,
            (true, true) => Ending::Passed,
        }
    }

    /// The terminal's summary, at most 80 columns wide.
    pub fn table(&self) -> String {
        table::render(self)
    }

    /// How many of the messages that count are told of one by one, where these are not all.
    fn thinned(&self) -> Option<(u64, u64)> {
        let shown = self.messages.len() as u64;
        (shown < self.judged).then_some((shown, self.judged))
    }

    /// For scripts: totals, verdicts and distributions, units in the names.
    pub fn json(&self) -> serde_json::Value {
        json::render(self)
    }

    /// One page with everything in it: no network, no script.
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// The totals as the table and the page show them: names and values.
    fn figures(&self) -> Vec<(&'static str, String)> {
        use units::{bytes, count, micros, rate, share, thousandths};
        let Summary { peers, deliveries, expected, missed, subscribed, .. } = self.summary;
        let Summary { suppressed, redundancy_milli, last_hop, peer_bytes, simulated, events, .. } = self.summary;
        let at = |ppm| self.latency.percentile(ppm).map_or_else(|| "-".to_owned(), micros);
        let mut figures = vec![
            ("peers", count(peers)),
            ("announcements", count(self.summary.announcements)),
            ("deliveries", count(deliveries)),
            ("expected", count(expected)),
            ("counted", share(expected, subscribed)),
            ("missed", count(missed)),
            ("delivered", share(expected.saturating_sub(missed), expected)),
            ("duplicates suppressed", count(suppressed)),
            ("redundancy", thousandths(redundancy_milli)),
            ("last delivery hop", count(last_hop)),
            ("latency p50", at(500_000)),
            ("latency p99", at(990_000)),
            ("latency max", at(1_000_000)),
            ("bytes a peer", bytes(peer_bytes / peers.max(1))),
            ("simulated time", micros(simulated)),
            ("events", count(events)),
        ];
        if let Some(cost) = self.cost {
            figures.push(("wall time", micros(cost.wall)));
            figures.push(("events a second", rate(events, cost.wall)));
            figures.push(("memory a peer", cost.bytes_a_peer.map_or_else(|| "-".to_owned(), bytes)));
        }
        figures
    }
}

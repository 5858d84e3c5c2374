//! What is said at the end of a story.

use super::play::{Ending, Outcome};
use super::text::{count, grouped, harmless, hex, json_line};
use gossip_core::pow::Target;
use gossip_core::{GossipState, Settings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What the node was made with, in one line.
pub(super) fn node(settings: &Settings) -> String {
    let addresses: Vec<String> = settings.p2p_address.iter().map(|address| address.to_string()).collect();
    let work = match settings.pow {
        Target::ZeroBits(bits) => format!("{bits} bits"),
        Target::AsciiZeros => "ascii zeros".to_owned(),
    };
    let known: Vec<String> = settings.bootstrapper.iter().map(ToString::to_string).collect();
    let known = if known.is_empty() { "nobody".to_owned() } else { known.join(", ") };
    harmless(&format!(
        "peers reach it at {}; bootstrapper {known}; degree {}, at most {}, proof of work of {work}",
        addresses.join(" and "),
        settings.degree,
        count(u64::from(settings.max_peers), "peer"),
    ))
}

/// What happened, in a few lines.
pub(super) fn happenings(state: &GossipState, outcome: &Outcome, joined: u64, left: u64) -> String {
    let metrics = state.metrics();
    let neighbours = state.status(gossip_core::time::Instant::ZERO).neighbours;
    let mut out = String::new();
    let mut row = |name: &str, words: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<12} {words}");
    };
    row("lasted", format!("{}, {}", outcome.lasted, count(outcome.events, "event")));
    let mut peers = format!("{} joined, {left} left, {} at the end", grouped(joined), neighbours.len());
    if !neighbours.is_empty() {
        let shown: Vec<String> = neighbours.iter().take(8).map(|known| known.address.to_string()).collect();
        let more = if neighbours.len() > shown.len() { ", ..." } else { "" };
        let _ = write!(peers, ": {}{more}", shown.join(", "));
    }
    row("neighbours", peers);
    row(
        "joining",
        format!(
            "{} ({} failed), {} of others, {}, {} found",
            count(metrics.dials, "dial"),
            grouped(metrics.dials_failed),
            count(metrics.p2p_accepted, "call"),
            count(metrics.handshakes, "handshake"),
            count(metrics.proofs_found, "proof"),
        ),
    );
    if metrics.faults > 0 {
        row("misbehaved", format!("{}, {}", count(metrics.faults, "fault"), count(metrics.bans, "ban")));
    }
    row(
        "modules",
        format!(
            "{}; {} taken, {} sent to them",
            count(metrics.api_accepted, "connection"),
            count(metrics.announcements, "announcement"),
            count(metrics.notifications, "notification"),
        ),
    );
    row(
        "messages",
        format!(
            "{} from peers, {} of them copies, {} unwanted; {} valid, {} refused, {} not answered in time",
            grouped(metrics.peer_notifications),
            grouped(metrics.messages_duplicate),
            grouped(metrics.messages_unwanted),
            grouped(metrics.messages_valid),
            grouped(metrics.messages_refused),
            grouped(metrics.messages_timed_out),
        ),
    );
    row(
        "spread",
        format!(
            "{} to neighbours, {} announced on their maker's word alone",
            grouped(metrics.spread),
            grouped(metrics.messages_vouched),
        ),
    );
    row(
        "bytes",
        format!(
            "peers {} in, {} out; modules {} in, {} out",
            grouped(metrics.p2p_bytes_in),
            grouped(metrics.p2p_bytes_out),
            grouped(metrics.api_bytes_in),
            grouped(metrics.api_bytes_out),
        ),
    );
    out
}

/// The verdict, in one or two sentences.
pub(super) fn verdict(outcome: &Outcome) -> String {
    let (events, checks) = (count(outcome.events, "event"), count(outcome.checks, "check"));
    if let Some(difference) = outcome.difference {
        return format!(
            "DIFFERS between event {} and event {}: this program does something else there than the recorded one \
             did. Was it recorded by another version?\nrecorded {}\nreplayed {}",
            grouped(difference.after + 1),
            grouped(difference.by),
            hex(&difference.recorded).replace(' ', ""),
            hex(&difference.replayed).replace(' ', ""),
        );
    }
    let unproven = outcome.events - outcome.proven;
    let same = match (outcome.checks, unproven) {
        (0, 0) => "nothing happened, so there is nothing to compare".to_owned(),
        (0, _) => format!("{events}, none of them followed by a check: nothing is proven"),
        (_, 0) => format!("{events}, {checks}: the same, byte for byte"),
        (_, _) => {
            let (proven, unproven) = (grouped(outcome.proven), grouped(unproven));
            format!(
                "{events}, {checks}: the same, byte for byte, up to event {proven}; {unproven} more without a check"
            )
        }
    };
    match outcome.ending {
        Ending::Finished => format!("{same}."),
        Ending::Limit => format!("{same}. The recording had reached its size limit; the node went on."),
        Ending::Stopped => format!("{same}. The recording goes on."),
        Ending::CutShort { at } => format!(
            "{same}. CUT SHORT: whole up to byte {}, and no end after it. The node was killed or still runs, or the \
             file was not copied whole.",
            grouped(at as u64)
        ),
        Ending::Damaged { at } => {
            format!("{same}. DAMAGED at byte {}: what follows cannot be read.", grouped(at as u64))
        }
    }
}

/// All of it as the last line for programs.
pub(super) fn json(state: &GossipState, outcome: &Outcome, status: u8, lives: Vec<Value>) -> String {
    let (ending, at) = match outcome.ending {
        Ending::Finished => ("finished", None),
        Ending::Limit => ("limit", None),
        Ending::Stopped => ("stopped", None),
        Ending::CutShort { at } => ("cut_short", Some(at)),
        Ending::Damaged { at } => ("damaged", Some(at)),
    };
    let metrics: Map<String, Value> =
        state.metrics().iter().map(|(name, _, value)| (name.to_owned(), json!(value))).collect();
    let status_now = state.status(gossip_core::time::Instant::ZERO);
    let neighbours: Vec<String> = status_now.neighbours.iter().map(|known| known.address.to_string()).collect();
    let difference = outcome.difference.map(|difference| {
        json!({
            "after_event": difference.after,
            "by_event": difference.by,
            "recorded": hex(&difference.recorded).replace(' ', ""),
            "replayed": hex(&difference.replayed).replace(' ', ""),
        })
    });
    json_line(&End {
        kind: "end",
        status,
        same: outcome.difference.is_none(),
        ending,
        whole_bytes: at,
        events: outcome.events,
        checks: outcome.checks,
        proven_events: outcome.proven,
        lasted_us: outcome.lasted.as_micros(),
        difference,
        neighbours,
        messages: lives,
        metrics,
        text: verdict(outcome),
    })
}

#[derive(Serialize)]
struct End {
    kind: &'static str,
    status: u8,
    same: bool,
    ending: &'static str,
    whole_bytes: Option<usize>,
    events: u64,
    checks: u64,
    proven_events: u64,
    lasted_us: u64,
    difference: Option<Value>,
    neighbours: Vec<String>,
    messages: Vec<Value>,
    metrics: Map<String, Value>,
    text: String,
}

//! One line of the story.

use super::text::{harmless, json_line};
use gossip_core::ConnectionId;
use gossip_core::time::Duration;
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::SocketAddr;

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It came to the node.
    In,
    /// It left the node.
    Out,
    /// It happened within.
    Within,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// A module of this host.
    Module(SocketAddr),
    /// A peer: where it listens, else where it came from.
    Peer(SocketAddr),
}

/// One thing worth telling.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Since the start.
    pub(super) at: Duration,
    /// The number of the event that it belongs to.
    pub(super) event: u64,
    pub(super) way: Way,
    /// A short name of its kind, for programs.
    pub(super) kind: &'static str,
    /// For a person. May hold what others said: made harmless when shown.
    pub(super) text: String,
    pub(super) connection: Option<ConnectionId>,
    pub(super) party: Option<Party>,
    /// The peers that it concerns, by every address they are known by.
    pub(super) concerns: Vec<SocketAddr>,
    /// Is it part of the story of the neighbours?
    pub(super) is_gist: bool,
    /// The message that it is about, if that is being followed.
    pub(super) life: Option<u64>,
    /// Fields for programs alone.
    pub(super) fields: Map<String, Value>,
}

impl Moment {
    /// The line, ended.
    pub(super) fn line(&self, is_json: bool) -> String {
        if is_json { self.json() } else { self.plain() }
    }

    fn plain(&self) -> String {
        let sign = match self.way {
            Way::In => "<-",
            Way::Out => "->",
            Way::Within => "--",
        };
        format!("{} {sign} {}\n", clock(self.at), harmless(&self.text))
    }

    fn json(&self) -> String {
        let (module, peer) = match self.party {
            Some(Party::Module(address)) => (Some(address), None),
            Some(Party::Peer(address)) => (None, Some(address)),
            None => (None, None),
        };
        json_line(&Line {
            time_us: self.at.as_micros(),
            event: self.event,
            kind: self.kind,
            connection: self.connection.map(|connection| connection.to_string()),
            module,
            peer,
            fields: &self.fields,
            text: &self.text,
        })
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time_us: u64,
    event: u64,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
    text: &'a str,
}

/// Seconds since the start, aligned.
fn clock(at: Duration) -> String {
    let micros = at.as_micros();
    format!("{:>6}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

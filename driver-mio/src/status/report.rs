//! `/status`: everything at a glance, as JSON. Fields may be added in later versions; none changes its meaning.

use super::look::{GAUGES, Look};
use gossip_core::NeighbourStatus;
use gossip_core::time::Duration;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Data types that are listed with their subscribers; of more, how many.
const TYPES_MAX: usize = 256;

/// What `/status` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Of the daemon.
    pub version: String,
    /// When it started: RFC 3339, in UTC.
    pub started: String,
    /// For how long it has been running.
    pub uptime_seconds: f64,
    /// Where it can be reached.
    pub addresses: AddressReport,
    /// The view, in a stable order.
    pub neighbours: Vec<NeighbourReport>,
    /// Addresses that may become neighbours.
    pub candidates: u64,
    /// Neighbours lost and looked for.
    pub lost: u64,
    /// Connections, by kind.
    pub connections: ConnectionReport,
    /// Who wants what.
    pub subscriptions: SubscriptionReport,
    /// Messages here now.
    pub messages: MessageReport,
    /// Proofs of work.
    pub proofs_of_work: ProofReport,
    /// Every bounded table: how full it is, and how often its bound had a consequence.
    pub limits: Vec<LimitReport>,
    /// How often each thing happened since the start, by the core's names.
    pub counters: BTreeMap<Cow<'static, str>, u64>,
}

/// See [`StatusReport::addresses`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// Where peers connect to.
    pub p2p: Vec<SocketAddr>,
    /// Where peers are told to connect to; empty if that is `p2p`.
    pub advertised: Vec<SocketAddr>,
    /// Where modules connect to.
    pub api: Vec<SocketAddr>,
    /// Where this was asked.
    pub status: SocketAddr,
}

/// One neighbour. Its traffic is that of the connections that it has now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeighbourReport {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who began.
    pub direction: Direction,
    /// Does it speak this project's extensions?
    pub capable: bool,
    /// For how long it has been a neighbour.
    pub age_seconds: f64,
    /// How long ago it was last heard.
    pub silent_seconds: f64,
    /// Bytes received from it.
    pub received_bytes: u64,
    /// Bytes queued for it since it came.
    pub sent_bytes: u64,
    /// Messages received from it, copies included.
    pub received_messages: u64,
    /// Messages queued for it.
    pub sent_messages: u64,
    /// Bytes that wait for it now.
    pub queued_bytes: u64,
    /// Its TCP connections.
    pub connections: u64,
}

/// Who began a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// This node dialed.
    Dialed,
    /// The neighbour dialed.
    Accepted,
}

/// See [`StatusReport::connections`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// With peers, in whatever state.
    pub peers: u64,
    /// Of these, accepted and without proof of work.
    pub unverified: u64,
    /// Of modules.
    pub modules: u64,
}

/// See [`StatusReport::subscriptions`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionReport {
    /// All of them.
    pub total: u64,
    /// By data type; the first 256 types.
    pub types: Vec<TypeReport>,
    /// Types that are not listed.
    pub more_types: u64,
}

/// One data type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeReport {
    /// The type.
    pub r#type: u16,
    /// Connections subscribed to it.
    pub subscribers: u64,
}

/// See [`StatusReport::messages`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// Waiting for a module to call them valid.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Remembered, so that modules hear of each once.
    pub seen: u64,
    /// Valid ones held for neighbours to come: the knowledge base.
    pub knowledge: u64,
    /// Bytes of announcements that wait for room.
    pub parked_bytes: u64,
}

/// See [`StatusReport::proofs_of_work`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofReport {
    /// Wanted now, the one being looked for included.
    pub waiting: u64,
    /// Asked of the solver so far.
    pub begun: u64,
    /// Found so far.
    pub found: u64,
    /// No longer wanted before they were found.
    pub cancelled: u64,
    /// Of others, checked and found wrong.
    pub wrong: u64,
}

/// One bounded table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReport {
    /// What is bounded.
    pub of: Cow<'static, str>,
    /// The ini key that sets the bound, or the name of a built-in one.
    pub key: Cow<'static, str>,
    /// How much there is.
    pub used: u64,
    /// How much there may be.
    pub most: u64,
    /// How often something was dropped, refused or put off because of it.
    pub met: u64,
}

impl StatusReport {
    pub(super) fn of(look: &Look<'_>) -> Self {
        let (status, settings, metrics) = (&look.status, look.state.settings(), look.state.metrics());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: look.about.started.clone(),
            uptime_seconds: seconds(Duration::from_micros(look.now.as_micros())),
            addresses: AddressReport {
                p2p: settings.p2p_address.iter().collect(),
                advertised: settings.advertised_address.iter().collect(),
                api: look.about.api.clone(),
                status: look.about.status,
            },
            neighbours: status.neighbours.iter().map(NeighbourReport::of).collect(),
            candidates: status.candidates as u64,
            lost: status.lost as u64,
            connections: ConnectionReport {
                peers: status.peer_connections as u64,
                unverified: status.unverified as u64,
                modules: status.modules as u64,
            },
            subscriptions: SubscriptionReport::of(look),
            messages: MessageReport {
                waiting: status.waiting as u64,
                waiting_bytes: status.waiting_bytes,
                seen: status.seen as u64,
                knowledge: status.held as u64,
                parked_bytes: status.parked_bytes,
            },
            proofs_of_work: ProofReport {
                waiting: status.proofs as u64,
                begun: metrics.proofs_wanted,
                found: metrics.proofs_found,
                cancelled: metrics.proofs_cancelled,
                wrong: metrics.proofs_wrong,
            },
            limits: limits(look),
            counters: metrics.iter().map(|(name, _, value)| (Cow::Borrowed(name), value)).collect(),
        }
    }

    /// One of [`counters`](Self::counters); 0 if the daemon does not know it.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

impl NeighbourReport {
    fn of(neighbour: &NeighbourStatus) -> Self {
        Self {
            address: neighbour.address,
            direction: if neighbour.chosen { Direction::Dialed } else { Direction::Accepted },
            capable: neighbour.capable,
            age_seconds: seconds(neighbour.age),
            silent_seconds: seconds(neighbour.silent),
            received_bytes: neighbour.traffic.bytes_in,
            sent_bytes: neighbour.traffic.bytes_out,
            received_messages: neighbour.traffic.messages_in,
            sent_messages: neighbour.traffic.messages_out,
            queued_bytes: neighbour.queued,
            connections: neighbour.connections as u64,
        }
    }
}

impl SubscriptionReport {
    fn of(look: &Look<'_>) -> Self {
        let types = look.state.subscriptions();
        let report = |(r#type, subscribers)| TypeReport { r#type, subscribers: subscribers as u64 };
        let listed: Vec<TypeReport> = types.take(TYPES_MAX).map(report).collect();
        let more = look.state.subscriptions().skip(TYPES_MAX).count();
        Self { total: look.status.subscriptions as u64, types: listed, more_types: more as u64 }
    }
}

fn limits(look: &Look<'_>) -> Vec<LimitReport> {
    let report = |gauge: &super::look::Gauge| {
        let limit = gauge.limit.as_ref()?;
        Some(LimitReport {
            of: Cow::Borrowed(gauge.name),
            key: Cow::Borrowed(limit.key),
            used: (gauge.value)(look),
            most: (limit.most)(look.state.settings()),
            met: (limit.met)(look.state.metrics()),
        })
    };
    GAUGES.iter().filter_map(report).collect()
}

fn seconds(span: Duration) -> f64 {
    std::time::Duration::from_millis(span.as_millis()).as_secs_f64()
}

//! A look inside, for people. Looking changes nothing.

use crate::time::Duration;
use std::net::SocketAddr;

/// What went over connections. Sent is what was queued to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Messages (PEER NOTIFICATIONs) received, copies included.
    pub messages_in: u64,
    /// Messages (PEER NOTIFICATIONs) sent.
    pub messages_out: u64,
}

impl Traffic {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
            messages_in: self.messages_in.saturating_add(other.messages_in),
            messages_out: self.messages_out.saturating_add(other.messages_out),
        }
    }
}

/// A neighbour as seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourStatus {
    /// Where it listens.
    pub address: SocketAddr,
    /// Did we dial it?
    pub chosen: bool,
    /// Does it speak this project's extensions?
    pub capable: bool,
    /// For how long it has been a neighbour.
    pub age: Duration,
    /// How long it has been silent.
    pub silent: Duration,
    /// Bytes that wait for it.
    pub queued: u64,
    /// Its connections.
    pub connections: usize,
    /// What went over them.
    pub traffic: Traffic,
}

/// How full everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The view, in a stable order.
    pub neighbours: Vec<NeighbourStatus>,
    /// Addresses that may become neighbours.
    pub candidates: usize,
    /// Neighbours lost and looked for.
    pub lost: usize,
    /// Addresses remembered for a while: reached, refused, spoken of and the like.
    pub remembered_addresses: usize,
    /// Those with fault points, or those that are banned, whichever are more.
    pub faulty: usize,
    /// Connections of peers, in whatever state.
    pub peer_connections: usize,
    /// Accepted connections without proof of work.
    pub unverified: usize,
    /// Bytes of frames that have come in part, on all connections.
    pub partial_bytes: u64,
    /// Connections of modules.
    pub modules: usize,
    /// Subscriptions of all modules.
    pub subscriptions: usize,
    /// Messages waiting for validation.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Messages remembered.
    pub seen: usize,
    /// Messages held for neighbours to come.
    pub held: usize,
    /// Messages in the knowledge base.
    pub known: usize,
    /// Their bytes of type and data.
    pub known_bytes: u64,
    /// Messages asked for in repair, or remembered to have been.
    pub wanted: usize,
    /// Bytes of parked announcements.
    pub parked_bytes: u64,
    /// Proofs of work wanted, the one being solved included.
    pub proofs: usize,
    /// Timers that are set.
    pub timers: usize,
}

//! What is known of a connection while its story is told.

use super::moment::{Moment, Party};
use gossip_core::ConnectionId;
use gossip_core::time::Duration;
use gossip_core::wire::Deframer;
use std::net::SocketAddr;

/// A connection that the core knows.
pub(super) struct Link {
    pub(super) party: Party,
    /// Every address that a peer is known by: where it came from, where it says that it listens.
    pub(super) known_by: Vec<SocketAddr>,
    pub(super) deframer: Deframer,
    pub(super) is_lost: bool,
    is_dialed: bool,
    pub(super) solving_since: Option<Duration>,
    /// What happened before a caller said where it listens: it may be the peer that is asked for.
    pub(super) before_named: Vec<Moment>,
}

impl Link {
    pub(super) fn new(party: Party, connection: ConnectionId) -> Self {
        let known_by = match party {
            Party::Peer(address) => vec![address],
            Party::Module(_) => Vec::new(),
        };
        Self {
            party,
            known_by,
            deframer: Deframer::default(),
            is_lost: false,
            is_dialed: connection.is_dialed(),
            solving_since: None,
            before_named: Vec::new(),
        }
    }

    /// The peer says that it listens here. Another host's IP is not taken for its name (section 3).
    pub(super) fn claims(&mut self, address: SocketAddr) {
        /// Nobody has more than a few; only the first of somebody who makes them up are kept.
        const KEPT: usize = 8;
        if self.known_by.first().is_some_and(|remote| remote.ip() == address.ip()) {
            self.party = Party::Peer(address);
        }
        if !self.known_by.contains(&address) && self.known_by.len() < KEPT {
            self.known_by.push(address);
        }
    }

    /// It is a neighbour that listens here.
    pub(super) fn is_neighbour(&mut self, address: SocketAddr) {
        self.claims(address);
        self.party = Party::Peer(address);
    }

    /// May it still say where it listens?
    pub(super) fn is_unnamed(&self) -> bool {
        /// A caller that says so much before HELLO will not say it.
        const KEPT: usize = 16;
        let is_caller = matches!(self.party, Party::Peer(_)) && !self.is_dialed;
        is_caller && self.known_by.len() == 1 && self.before_named.len() < KEPT
    }

    /// How it is called in the story.
    pub(super) fn whom(&self, connection: ConnectionId) -> String {
        match self.party {
            Party::Module(address) => format!("module {address} ({connection})"),
            Party::Peer(address) => format!("{address} ({connection})"),
        }
    }
}

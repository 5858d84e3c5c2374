//! What an operator, a checker or a simulator's report may want to know. Notes are actions, so that they replay; they
//! ask for nothing.

use crate::error::{Fault, ModuleFault};
use crate::event::ConnectionId;
use crate::settings::Endpoint;
use crate::time::Duration;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something is wrong here: a module, a setting, this host.
    Warn,
    /// The neighbourhood changed.
    Info,
    /// What peers do; never shown by default.
    Debug,
}

/// Why a neighbour, or a connection on its way to become one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// Its TCP connection was reset or ended without a word.
    Gone,
    /// It said that it shuts down.
    ShutDown,
    /// It put another in our place.
    EvictedUs,
    /// Its view had no room for us.
    RefusedUs,
    /// Another connection with the same peer stays.
    Duplicate,
    /// It said that we broke a rule, or would not have us any more.
    RejectedUs,
    /// We put another in its place.
    Evicted,
    /// Our view had no room for it.
    Refused,
    /// Our view had no room for it, which it was told before it did any work.
    TurnedAway,
    /// It was silent for too long.
    Silent,
    /// It broke too many rules.
    Misbehaved,
    /// A step of the handshake took too long.
    TooSlow,
    /// Its queue did not drain.
    Stalled,
    /// It is ourselves.
    Ourselves,
    /// It did what it came for: a look-up, or a check that an address can be reached.
    Done,
    /// It made room: too many connections without proof of work.
    Crowded,
    /// It was restarted: a newer instance at its address took its place.
    Replaced,
    /// This node shuts down.
    ShuttingDown,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "connection gone",
            Self::ShutDown => "it shuts down",
            Self::EvictedUs => "it made room for another",
            Self::RefusedUs => "its view is full",
            Self::Duplicate => "second connection with the same peer",
            Self::RejectedUs => "it rejected us",
            Self::Evicted => "made room for another",
            Self::Refused => "our view is full",
            Self::TurnedAway => "our view is full, so it did no work",
            Self::Silent => "silent for too long",
            Self::Misbehaved => "broke too many rules",
            Self::TooSlow => "handshake took too long",
            Self::Stalled => "did not drain its queue",
            Self::Ourselves => "it is ourselves",
            Self::Done => "done",
            Self::Crowded => "too many connections without proof of work",
            Self::Replaced => "a newer instance took its place",
            Self::ShuttingDown => "shutting down",
        })
    }
}

/// One thing worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A peer is in the view.
    NeighbourUp {
        /// The connection that brought it there.
        connection: ConnectionId,
        /// Where it listens.
        address: SocketAddr,
        /// Does it speak this project's extensions?
        capable: bool,
    },
    /// A neighbour has left the view: its last connection ended.
    NeighbourDown {
        /// Where it listens.
        address: SocketAddr,
        /// Why.
        reason: EndReason,
    },
    /// A connection of a peer ended, in whatever state.
    PeerClosed {
        /// Which.
        connection: ConnectionId,
        /// Its other end.
        remote: SocketAddr,
        /// Why.
        reason: EndReason,
    },
    /// A dial, or the handshake after it, came to nothing.
    DialFailed {
        /// Where to.
        address: SocketAddr,
    },
    /// A bootstrapper's name has no address that we could dial.
    NameUnresolved {
        /// The configured endpoint.
        endpoint: Endpoint,
    },
    /// A peer broke a rule (section 7).
    PeerFault {
        /// On which connection.
        connection: ConnectionId,
        /// From where.
        remote: SocketAddr,
        /// Which rule.
        fault: Fault,
    },
    /// A peer is refused for a while.
    Banned {
        /// Its IP (with any port) or, if we dialed it, address.
        ip: IpAddr,
        /// For how long.
        time: Duration,
    },
    /// It closed twice right after our proof of work: what it asks may be other than what we solve.
    ProofsRejected {
        /// Where it listens.
        address: SocketAddr,
    },
    /// We dialed ourselves and know our address now.
    OwnAddress {
        /// As it was dialed.
        address: SocketAddr,
    },
    /// The view is empty and there is nobody to call: the node waits to be called.
    Alone,
    /// A module broke a rule (section 6).
    ModuleFault {
        /// On which connection.
        connection: ConnectionId,
        /// From where.
        remote: SocketAddr,
        /// Which rule.
        fault: ModuleFault,
    },
    /// A module was disconnected because it does not read.
    ModuleStalled {
        /// Which connection.
        connection: ConnectionId,
        /// From where.
        remote: SocketAddr,
        /// Bytes that waited for it.
        queued: u64,
    },
    /// A module leaves so many notifications unanswered that it is only told from now on.
    ModuleIsListener {
        /// Which connection.
        connection: ConnectionId,
        /// From where.
        remote: SocketAddr,
    },
    /// A table is full: what came was dropped, or something else for it.
    TableFull {
        /// What it holds, by the name of its setting or limit.
        table: &'static str,
    },
}

impl Note {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::NeighbourUp { .. }
            | Self::NeighbourDown { .. }
            | Self::Banned { .. }
            | Self::OwnAddress { .. }
            | Self::Alone => Level::Info,
            Self::PeerClosed { .. } | Self::DialFailed { .. } | Self::PeerFault { .. } => Level::Debug,
            Self::NameUnresolved { .. }
            | Self::ProofsRejected { .. }
            | Self::ModuleFault { .. }
            | Self::ModuleStalled { .. }
            | Self::ModuleIsListener { .. }
            | Self::TableFull { .. } => Level::Warn,
        }
    }

    /// A short name of its kind: what a log limits the rate of.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NeighbourUp { .. } => "neighbour_up",
            Self::NeighbourDown { .. } => "neighbour_down",
            Self::PeerClosed { .. } => "peer_closed",
            Self::DialFailed { .. } => "dial_failed",
            Self::NameUnresolved { .. } => "name_unresolved",
            Self::PeerFault { .. } => "peer_fault",
            Self::Banned { .. } => "banned",
            Self::ProofsRejected { .. } => "proofs_rejected",
            Self::OwnAddress { .. } => "own_address",
            Self::Alone => "alone",
            Self::ModuleFault { .. } => "module_fault",
            Self::ModuleStalled { .. } => "module_stalled",
            Self::ModuleIsListener { .. } => "module_is_listener",
            Self::TableFull { .. } => "table_full",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeighbourUp { connection, address, capable } => {
                let dialect = if *capable { "" } else { ", without extensions" };
                write!(f, "neighbour {address} joined ({connection}{dialect})")
            }
            Self::NeighbourDown { address, reason } => write!(f, "neighbour {address} left: {reason}"),
            Self::PeerClosed { connection, remote, reason } => {
                write!(f, "peer connection {connection} with {remote} ended: {reason}")
            }
            Self::DialFailed { address } => write!(f, "dialing {address} led to nothing"),
            Self::NameUnresolved { endpoint } => {
                write!(f, "bootstrapper {endpoint} has no usable address now; tried again later")
            }
            Self::PeerFault { connection, remote, fault } => {
                write!(f, "peer {remote} ({connection}): {fault}, {} points", fault.points())
            }
            Self::Banned { ip, time } => write!(f, "{ip} broke too many rules: refused for {time}"),
            Self::ProofsRejected { address } => write!(
                f,
                "{address} closed twice right after our proof of work: pow_bits or pow_scheme may differ there"
            ),
            Self::OwnAddress { address } => write!(f, "{address} is this node itself: not dialed again"),
            Self::Alone => f.write_str("no neighbours and nobody to call: waiting to be called"),
            Self::ModuleFault { connection, remote, fault } => write!(f, "module {remote} ({connection}): {fault}"),
            Self::ModuleStalled { connection, remote, queued } => {
                write!(f, "module {remote} ({connection}) does not read: disconnected with {queued} bytes waiting")
            }
            Self::ModuleIsListener { connection, remote } => write!(
                f,
                "module {remote} ({connection}) leaves its notifications unanswered: told from now on, not waited for"
            ),
            Self::TableFull { table } => write!(f, "{table} reached: some of what comes is dropped"),
        }
    }
}

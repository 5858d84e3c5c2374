//! What can happen to a [`GossipState`](crate::GossipState). Whatever influences a decision is an event: otherwise a
//! replay would differ from the run that it replays.

use crate::settings::Settings;
use crate::time::Instant;
use std::fmt;
use std::net::SocketAddr;

/// Names one connection for ever: an id is never used twice.
///
/// Whoever opens a connection names it: the driver those that it accepted, the core those that it dials. The two can't
/// meet: the highest bit tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    const DIALED: u64 = 1 << 63;

    /// The `n`th connection that a driver accepted. `n` is below 2^63.
    pub const fn accepted(n: u64) -> Self {
        Self(n & !Self::DIALED)
    }

    /// The `n`th connection that the core dialed. `n` is below 2^63.
    pub const fn dialed(n: u64) -> Self {
        Self(n | Self::DIALED)
    }

    /// Did the core dial it?
    pub const fn is_dialed(self) -> bool {
        self.0 & Self::DIALED != 0
    }

    /// The number as it stands in recordings.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The id that [`as_u64`](Self::as_u64) gave.
    pub const fn from_u64(n: u64) -> Self {
        Self(n)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_dialed() { "out#" } else { "in#" }, self.0 & !Self::DIALED)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which of the two ports a connection came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// `api_address`: modules of this host.
    Api,
    /// `p2p_address`: gossip peers.
    P2p,
}

/// Why a dial came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DialError {
    /// Nobody listens there.
    Refused,
    /// No answer from the other end or the way there.
    Unreachable,
    /// This host could not (no descriptor, no local address): says nothing about the peer.
    Local,
}

/// Which name an [`Action::Resolve`](crate::Action::Resolve) asked for; its answer bears the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResolveId(pub u64);

/// One thing that happened, handed to [`GossipState::handle`](crate::GossipState::handle).
///
/// An event for a connection that is closed already, by either side, is ignored: drivers need not filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A connection was accepted.
    Accepted {
        /// Its name, never used before: [`ConnectionId::accepted`].
        connection: ConnectionId,
        /// The port it came in on.
        listener: Listener,
        /// The other end.
        remote: SocketAddr,
    },
    /// A connection asked for by [`Action::Dial`](crate::Action::Dial) stands.
    DialSucceeded {
        /// Its name, as the action gave it.
        connection: ConnectionId,
    },
    /// A connection asked for by [`Action::Dial`](crate::Action::Dial) does not come about.
    DialFailed {
        /// Its name, as the action gave it. It is dead from now on.
        connection: ConnectionId,
        /// Why.
        error: DialError,
    },
    /// Bytes came in, in order, cut anywhere.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// Any number of them, frames and parts of frames.
        bytes: &'a [u8],
    },
    /// The other end will send no more. What it sent before was handed over before; it may still read.
    ReadClosed {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The connection is gone (reset, or an error of its socket). Not sent for one that the core closed.
    Closed {
        /// Which. It is dead from now on.
        connection: ConnectionId,
    },
    /// So many bytes of what the core sent have left the driver's queue since the last such event.
    Written {
        /// On which connection.
        connection: ConnectionId,
        /// How many, heads and bodies alike.
        bytes: u64,
    },
    /// [`GossipState::deadline`](crate::GossipState::deadline) was reached. Coming early or late does no harm.
    Timer,
    /// A proof of work was found ([`Action::Solve`](crate::Action::Solve)).
    Solved {
        /// The connection that it was wanted for.
        connection: ConnectionId,
        /// The challenge that makes the hash begin as it should.
        challenge: u64,
    },
    /// The answer to [`Action::Resolve`](crate::Action::Resolve): the addresses behind a name, in the resolver's
    /// order; empty when it has none or could not be asked.
    Resolved {
        /// The number that the action bore.
        query: ResolveId,
        /// With the port that was asked for.
        addresses: &'a [SocketAddr],
    },
    /// The operator wants other settings from now on. Taken over is what [`Settings::take_over`] says, all or, if the
    /// outcome does not go together ([`limits::check`](crate::limits::check)), nothing.
    SettingsChanged {
        /// All of them, changed or not.
        settings: &'a Settings,
    },
    /// The node shall end: say goodbye to neighbours and let what is queued go out.
    Shutdown,
}

/// An event and when it happened; what a recording or a simulator's queue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed<'a> {
    /// When it happened, by the driver's clock.
    pub at: Instant,
    /// What happened.
    pub event: Event<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_and_dialed_connections_never_have_the_same_id() {
        for n in [0, 1, 42, (1 << 63) - 1] {
            let (accepted, dialed) = (ConnectionId::accepted(n), ConnectionId::dialed(n));
            assert_eq!((accepted.is_dialed(), dialed.is_dialed()), (false, true));
            assert_eq!(accepted.as_u64(), n);
            assert_eq!([accepted, dialed].map(|id| ConnectionId::from_u64(id.as_u64())), [accepted, dialed]);
            assert_eq!([accepted, dialed].map(|id| id.to_string()), [format!("in#{n}"), format!("out#{n}")]);
            assert_eq!([accepted, dialed].map(|id| format!("{id:?}")), [format!("in#{n}"), format!("out#{n}")]);
        }
        assert_eq!(ConnectionId::accepted(u64::MAX).as_u64(), (1 << 63) - 1, "a driver's mistake dials nobody");
    }
}

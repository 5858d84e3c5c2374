//! What a [`GossipState`](crate::GossipState) wants done. The driver carries out the actions of one call in order.

use crate::event::{ConnectionId, ResolveId};
use crate::note::Note;
use crate::pow::Puzzle;
use crate::wire::Frame;
use std::net::{IpAddr, SocketAddr};

/// The actions of one or more calls, in the order in which they are to be carried out. Owned and reused by the caller.
pub type Actions = Vec<Action>;

/// What becomes of bytes that still wait when a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flush {
    /// They go out first: flush, shut down writing, discard what comes until its end or 5 s, close (section 3).
    First,
    /// They are thrown away and the connection is gone at once.
    Discard,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a TCP connection; answered by `DialSucceeded` or `DialFailed`, unless it is closed first.
    Dial {
        /// The name it will bear.
        connection: ConnectionId,
        /// Where to.
        to: SocketAddr,
        /// The local IP to bind to; the system's choice if `None`.
        from: Option<IpAddr>,
    },
    /// Queue a frame; to be written in one call where it fits.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The whole frame.
        frame: Frame,
    },
    /// End a connection. Nothing goes either way for it any more, and no event about it comes back.
    Close {
        /// Which.
        connection: ConnectionId,
        /// What becomes of what still waits to be written.
        flush: Flush,
    },
    /// Read no more from this connection until [`ResumeReading`](Self::ResumeReading).
    StopReading {
        /// Which.
        connection: ConnectionId,
    },
    /// Read again.
    ResumeReading {
        /// Which.
        connection: ConnectionId,
    },
    /// Look for a proof of work; answered by `Solved`. At most one is wanted at a time for a connection.
    Solve {
        /// The connection that wants it.
        connection: ConnectionId,
        /// What is to be solved.
        puzzle: Puzzle,
        /// The first challenge to try (section 2).
        start: u64,
    },
    /// That proof of work is no longer wanted.
    CancelSolve {
        /// The connection that wanted it.
        connection: ConnectionId,
    },
    /// Look a host name up, off the loop; answered by `Resolved`.
    Resolve {
        /// Comes back with the answer.
        query: ResolveId,
        /// The host's name.
        host: String,
        /// The port that the answer's addresses shall bear.
        port: u16,
    },
    /// Something that an operator may want to know; nothing needs to be done.
    Note(Note),
}

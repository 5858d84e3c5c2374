//! What can be due in a simulation.

use crate::network::EndId;

/// An entry of the queue: who is to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something sent from this end may have arrived at the other.
    Arrive(EndId),
    /// This end's dial may have been answered.
    Dialed(EndId),
    /// This end was closed in good order a while ago.
    Linger(EndId),
    /// This peer's deadline.
    Deadline(u32),
    /// This peer's worker has found a proof.
    Solved(u32),
    /// This peer starts.
    Join(u32),
    /// This peer, told to shut down, ends.
    Exit(u32),
    /// This module connects to its peer.
    Connect(u32),
    /// This entry of the table of delayed answers is due.
    Answer(u32),
    /// This workload announces.
    Announce(u32),
    /// This step of the timeline is due.
    Step(u32),
    /// What this step of the timeline did is over.
    Undo(u32),
    /// This adversary has something to do.
    Attack(u16),
    /// This adversary has the proof of work for this link of its own.
    Paid(u16, u32),
    /// Ten seconds have passed since this message was announced.
    Due(u64),
    /// Three seconds have passed since the first link across what was a partition.
    Healed,
    /// Everything is looked over.
    Sweep,
}

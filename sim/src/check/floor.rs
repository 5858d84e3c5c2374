//! Every peer's memory returns to its floor when traffic ends.

use gossip_core::{Settings, Status};

/// What a peer without traffic may still hold: nothing of these.
#[derive(Clone, Copy, Debug)]
pub struct Floor;

impl Floor {
    /// What lies above it.
    pub fn check(status: &Status, settings: &Settings) -> Vec<(&'static str, String)> {
        let queued = status.neighbours.iter().map(|neighbour| neighbour.queued).sum::<u64>();
        [
            ("waiting", status.waiting as u64),
            ("waiting bytes", status.waiting_bytes),
            ("seen", status.seen as u64),
            ("held", status.held as u64),
            ("known", if settings.replay { 0 } else { status.known as u64 }),
            ("wanted", status.wanted as u64),
            ("parked bytes", status.parked_bytes),
            ("queued", queued),
        ]
        .into_iter()
        .filter(|&(_, left)| left > 0)
        .map(|(name, left)| ("memory returns to its floor when traffic ends", format!("{name}: {left}")))
        .collect()
    }
}

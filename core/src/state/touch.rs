//! Memory read before it is needed, by whoever runs far more nodes than fit a processor's caches.

use super::GossipState;
use crate::event::ConnectionId;
use crate::time::Instant;

/// Depths of [`GossipState::touch`].
pub const TOUCH_DEPTH: u8 = 4;

impl GossipState {
    /// Reads memory that handling an event of this connection will read; what comes of it means nothing.
    ///
    /// To be called some events ahead, for several nodes: with depth 0 for all of them, then with 1, and so on below
    /// [`TOUCH_DEPTH`]. Each depth follows the pointers that the one before has read, so that the nodes' memory is
    /// waited for together, not a line at a time.
    pub fn touch(&self, connection: ConnectionId, depth: u8) -> u64 {
        let here = match depth {
            0 => self.touch_own(),
            1 => {
                let connections = self.peers.spots().flatten().fold(0, |sum, (id, _)| sum ^ id.as_u64());
                connections ^ self.membership.view.touch() ^ self.subscriptions.touch()
            }
            2 => match self.modules.get(&connection) {
                // What it answers may go out to all neighbours.
                Some(module) => {
                    let connections = self.peers().fold(module.outbox.queued(), |sum, (_, peer)| sum ^ peer.touch());
                    connections ^ self.membership.view.touch_all()
                }
                None => self.peers.get(&connection).map_or(0, |peer| peer.touch()),
            },
            _ => 0,
        };
        here ^ self.dissemination.touch(depth)
    }

    /// Some of each line of its own that most events read.
    fn touch_own(&self) -> u64 {
        let metrics = &self.metrics;
        let counters = [
            metrics.p2p_frames_in,
            metrics.p2p_bytes_in,
            metrics.peer_notifications,
            metrics.messages_duplicate,
            metrics.spread,
        ];
        let lengths = [self.peers.len(), self.subscriptions.len(), self.membership.view.chosen(), self.audience.len()];
        let others = [
            self.now.as_micros(),
            self.timers.deadline().map_or(0, Instant::as_micros),
            self.partials.bytes(),
            self.parked_bytes,
        ];
        let numbers = counters.into_iter().chain(lengths.map(|n| n as u64)).chain(others);
        numbers.fold(0, |sum, n| sum ^ n)
    }
}

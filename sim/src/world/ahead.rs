//! Memory that the next events need, read before they are handled.
//!
//! A network is far larger than the processor's caches, and every event is about another peer: waiting for memory, one
//! line after the other, would be most of the time. Here the lines of some dozen events come together: all that can be
//! reached at once is read for all of them, then what that points to, and so on. (One event after the other, each to
//! the end, brings nothing: each pointer is waited for.)

use super::World;
use crate::check::Seen;
use crate::network::{EndId, Owner};
use crate::wake::Wake;
use gossip_core::{ConnectionId, TOUCH_DEPTH};
use std::hint::black_box;

/// Of the next so many events at most.
const MOST: usize = 64;
/// After so many events.
const EVERY: u32 = 12;

#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// So many events are handled before the next look ahead.
    pause: u32,
    coming: Vec<Wake>,
    those: Vec<Coming>,
}

/// A peer that something comes for.
#[derive(Clone, Copy, Debug)]
struct Coming {
    peer: u32,
    connection: ConnectionId,
    /// The end that bytes come from.
    from: Option<EndId>,
    /// A message that a module vouches for goes out on all links.
    is_answer: bool,
}

impl World {
    /// Reads what the next events will need. Nothing else comes of it.
    pub(super) fn read_ahead(&mut self) {
        if let Some(pause) = self.ahead.pause.checked_sub(1) {
            self.ahead.pause = pause;
            return;
        }
        let Ahead { mut coming, mut those, .. } = std::mem::take(&mut self.ahead);
        self.queue.coming(MOST, &mut coming);
        for wake in &coming {
            if let Wake::Arrive(end) | Wake::Dialed(end) = *wake {
                black_box(self.network.touch(end));
            }
        }
        those.extend(coming.drain(..).filter_map(|wake| self.whom(wake)));
        for one in &those {
            let host = &self.peers[one.peer as usize];
            black_box(host.busy_until ^ host.accepted ^ u64::from(host.starts));
            black_box(one.from.map(|end| self.network.touch_front(end)));
        }
        for depth in 0..TOUCH_DEPTH {
            those.iter().for_each(|one| self.touch(*one, depth));
        }
        those.clear();
        self.ahead = Ahead { pause: EVERY - 1, coming, those };
    }

    fn whom(&self, wake: Wake) -> Option<Coming> {
        let (from, (owner, connection)) = match wake {
            Wake::Arrive(end) => (Some(end), self.network.holder(end.other())),
            Wake::Dialed(end) => (None, self.network.holder(end)),
            Wake::Deadline(peer) => (None, (Owner::Peer(peer), ConnectionId::accepted(0))),
            _ => return None,
        };
        let Owner::Peer(peer) = owner else { return None };
        let is_answer = from.is_some_and(|end| matches!(self.network.holder(end).0, Owner::Module(_)));
        Some(Coming { peer, connection, from, is_answer })
    }

    fn touch(&self, one: Coming, depth: u8) {
        let host = &self.peers[one.peer as usize];
        black_box(host.state.as_ref().map(|state| state.touch(one.connection, depth)));
        match (depth, one.from) {
            (0, Some(end)) => {
                black_box(self.network.touch_body(end));
            }
            (1, _) => {
                black_box((host.ends.first(), host.ends.last()));
            }
            (2, Some(_)) if one.is_answer => {
                host.ends.iter().for_each(|(_, end)| _ = black_box(self.network.touch(*end)));
            }
            (2, Some(end)) => {
                let seen = self.network.front(end).and_then(Seen::of);
                black_box(seen.map(|seen| self.checks.ledger.touch(one.peer, seen.number)));
            }
            _ => {}
        }
    }
}

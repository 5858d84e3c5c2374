//! Who comes in, and who goes when there is no room.

use super::{EventLoop, Machine};
use crate::stream::{Connection, Phase, tune};
use gossip_core::{ConnectionId, Event, Listener};

/// Connections accepted from one listener in one turn.
const ACCEPT_BUDGET: usize = 256;

impl<M: Machine> EventLoop<M> {
    pub(super) fn accept(&mut self) {
        for at in 0..self.acceptors.len() {
            for _ in 0..ACCEPT_BUDGET {
                let now = self.clock.now();
                // Handling the connection before may have begun the shutdown.
                if !self.acceptors.get(at).is_some_and(|acceptor| acceptor.wants_turn(now)) {
                    break;
                }
                let port = self.acceptors[at].port;
                let is_full = !self.has_room(port);
                let gives_way = if is_full { self.gives_way(port) } else { None };
                let acceptor = &mut self.acceptors[at];
                if is_full && gives_way.is_none() {
                    acceptor.pause(now, &"the limit of open files leaves no room (ulimit -n)");
                    break;
                }
                let Some((stream, remote)) = acceptor.accept(now) else { break };
                if let Some(slot) = gives_way {
                    acceptor.count_shed(now);
                    self.lose(slot);
                }
                let connection = ConnectionId::accepted(self.accepted);
                self.accepted += 1;
                tune(&stream);
                match self.insert(connection, port, stream, Phase::Open) {
                    Ok(()) => self.feed(Event::Accepted { connection, listener: port, remote }),
                    Err(error) => log::warn!("cannot watch the connection from {remote}, dropped: {error}"),
                }
            }
        }
    }

    /// Is there room for one more connection of this kind?
    pub(super) fn has_room(&self, port: Listener) -> bool {
        self.connections.len() < self.room.all && self.count(port) < self.room.of(port)
    }

    fn count(&self, port: Listener) -> usize {
        match port {
            Listener::P2p => self.peers,
            Listener::Api => self.connections.len() - self.peers,
        }
    }

    /// Whom a new connection of this kind replaces when there is no room: one that the core is done with, else one
    /// that is [idle](Self::half_closed).
    fn gives_way(&self, port: Listener) -> Option<usize> {
        self.done_with(port).or_else(|| self.half_closed(port))
    }

    /// Of the connections that the core has closed, and whose end makes room for this kind, the one that would go
    /// first.
    pub(super) fn done_with(&self, port: Listener) -> Option<usize> {
        self.closing
            .iter()
            .map(|&(_, slot)| slot)
            .find(|&slot| self.connections.get(slot).is_some_and(|connection| self.makes_room(connection, port)))
    }

    /// A connection whose other end sends nothing more, and has been told everything. It may well be gone altogether:
    /// TCP shows that only to who writes, or after a minute to keepalive.
    fn half_closed(&self, port: Listener) -> Option<usize> {
        let is_idle = |connection: &Connection| {
            connection.phase == Phase::Open
                && connection.read_ended
                && connection.queue.is_empty()
                && self.makes_room(connection, port)
        };
        self.connections.iter().find(|(_, connection)| is_idle(connection)).map(|(slot, _)| slot)
    }

    /// Would the end of this connection leave room for one of that kind?
    fn makes_room(&self, connection: &Connection, port: Listener) -> bool {
        connection.port == port || self.count(port) < self.room.of(port)
    }
}

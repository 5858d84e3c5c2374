//! What the core wants done with connections.

use super::{CLOSING_MAX, EventLoop, FLUSH_TIME, Machine};
use crate::dial;
use crate::stream::{Connection, Phase};
use gossip_core::time::{Duration, Instant};
use gossip_core::{Action, ConnectionId, DialError, Flush, Listener};
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io;
use std::net::{IpAddr, SocketAddr};

impl<M: Machine> EventLoop<M> {
    pub(super) fn carry_out(&mut self, now: Instant, action: Action) {
        match action {
            Action::Dial { connection, to, from } => self.dial(connection, to, from),
            Action::Send { connection, frame } => {
                let slot = self.slots.get(&connection).copied();
                if let Some((slot, stream)) = slot.and_then(|slot| Some((slot, self.connections.get_mut(slot)?))) {
                    stream.queue.push(frame, &mut self.spare);
                    self.want_flush(slot);
                }
            }
            Action::Close { connection, flush } => self.close(connection, flush),
            Action::StopReading { connection } => {
                if let Some((_, stream)) = self.known(connection) {
                    stream.reading_stopped = true;
                }
            }
            Action::ResumeReading { connection } => {
                if let Some((slot, stream)) = self.known(connection) {
                    stream.reading_stopped = false;
                    self.want_read(slot);
                }
            }
            Action::Solve { connection, puzzle, start } => self.solver.solve(connection, puzzle, start),
            Action::CancelSolve { connection } => self.solver.cancel(connection),
            Action::Resolve { query, host, port } => self.resolver.resolve(query, host, port),
            Action::Note(note) => self.notes.note(now, &note),
        }
    }

    pub(super) fn dial(&mut self, connection: ConnectionId, to: SocketAddr, from: Option<IpAddr>) {
        if !self.has_room(Listener::P2p) {
            let Some(slot) = self.done_with(Listener::P2p) else {
                self.failed_dials.push_back((connection, DialError::Local));
                return;
            };
            self.remove(slot);
        }
        let dialed = dial::connect(to, from).and_then(|stream| {
            self.insert(connection, Listener::P2p, stream, Phase::Connecting).map_err(|error| {
                log::debug!("cannot watch the connection to {to}: {error}");
                DialError::Local
            })
        });
        if let Err(error) = dialed {
            self.failed_dials.push_back((connection, error));
        }
    }

    /// From here on the core knows nothing of this connection, whatever its socket still does.
    pub(super) fn close(&mut self, id: ConnectionId, flush: Flush) {
        self.solver.cancel(id);
        self.failed_dials.retain(|(failed, _)| *failed != id);
        let Some(slot) = self.slots.remove(&id) else { return };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if flush == Flush::Discard || connection.phase == Phase::Connecting || connection.write_broken {
            self.remove(slot);
            return;
        }
        connection.phase = Phase::Closing { shut: false };
        connection.reading_stopped = false;
        // At the end of the loop all close at once, and that end is bounded by time.
        if self.ends.is_none()
            && self.closing.len() >= CLOSING_MAX
            && let Some(&(_, first)) = self.closing.first()
        {
            self.remove(first);
        }
        self.set_deadline(slot, FLUSH_TIME);
        self.want_flush(slot);
        self.want_read(slot);
    }

    pub(super) fn known(&mut self, id: ConnectionId) -> Option<(usize, &mut Connection)> {
        let slot = *self.slots.get(&id)?;
        Some((slot, self.connections.get_mut(slot)?))
    }

    pub(super) fn insert(
        &mut self,
        id: ConnectionId,
        port: Listener,
        mut stream: TcpStream,
        phase: Phase,
    ) -> io::Result<()> {
        let entry = self.connections.vacant_entry();
        watch(self.poll.registry(), &mut stream, entry.key())?;
        self.slots.insert(id, entry.key());
        entry.insert(Connection::new(id, port, stream, phase));
        self.peers += usize::from(port == Listener::P2p);
        Ok(())
    }

    /// Closes the socket.
    pub(super) fn remove(&mut self, slot: usize) -> Option<Connection> {
        let connection = self.connections.try_remove(slot)?;
        self.thrift.connection_ended(self.clock.now());
        self.peers -= usize::from(connection.port == Listener::P2p);
        if let Some(at) = connection.goes_at {
            self.closing.remove(&(at, slot));
        } else {
            self.slots.remove(&connection.id);
            self.solver.cancel(connection.id);
        }
        Some(connection)
    }

    pub(super) fn set_deadline(&mut self, slot: usize, after: Duration) {
        let at = self.clock.now().after(after);
        if let Some(connection) = self.connections.get_mut(slot) {
            if let Some(earlier) = connection.goes_at.replace(at) {
                self.closing.remove(&(earlier, slot));
            }
            self.closing.insert((at, slot));
        }
    }

    pub(super) fn want_read(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && connection.readable
            && !connection.reading_stopped
            && !std::mem::replace(&mut connection.to_read, true)
        {
            self.to_read.push_back(slot);
        }
    }

    pub(super) fn want_flush(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && (connection.writable || connection.write_broken)
            && (!connection.queue.is_empty() || connection.phase == Phase::Closing { shut: false })
            && !std::mem::replace(&mut connection.to_flush, true)
        {
            self.to_flush.push(slot);
        }
    }
}

fn watch(registry: &Registry, source: &mut impl Source, token: usize) -> io::Result<()> {
    source.register(registry, Token(token), Interest::READABLE | Interest::WRITABLE)
}

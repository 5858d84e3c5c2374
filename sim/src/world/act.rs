//! Events into a peer's state, and its actions carried out.

use super::World;
use super::peer::peer_at;
use crate::network::{EndId, Owner};
use crate::pow::{Task, solving_time};
use crate::wake::Wake;
use gossip_core::limits::FRAME_HEADER;
use gossip_core::pow::Puzzle;
use gossip_core::wire::{Features, Frame, PeerMessage, kind};
use gossip_core::{Action, ConnectionId, Event, Flush, Note};
use std::net::SocketAddr;

impl World {
    /// Hands an event to a peer and does what it wants.
    pub(super) fn feed(&mut self, peer: u32, event: Event<'_>) {
        let (code, detail) = match &event {
            Event::Accepted { connection, .. } => (1, connection.as_u64()),
            Event::DialSucceeded { connection } => (2, connection.as_u64()),
            Event::DialFailed { connection, .. } => (3, connection.as_u64()),
            Event::ReadClosed { connection } => (4, connection.as_u64()),
            Event::Closed { connection } => (5, connection.as_u64()),
            Event::Written { connection, bytes } => (6, connection.as_u64() ^ bytes.rotate_left(32)),
            Event::Timer => (7, 0),
            Event::Solved { connection, challenge } => (8, connection.as_u64() ^ challenge.rotate_left(32)),
            Event::Received { .. } | Event::Resolved { .. } | Event::SettingsChanged { .. } | Event::Shutdown => (9, 0),
        };
        self.stats.writes += u64::from(matches!(event, Event::Written { .. }));
        self.count_event(peer, code, detail);
        let host = &mut self.peers[peer as usize];
        let Some(state) = &mut host.state else { return };
        let local = host.clock.read(self.now);
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.peer == peer) {
            trace.event(local, &event);
        }
        state.handle(local, event, &mut self.actions);
        self.after(peer);
    }

    /// Hands the bytes that the network just read to a peer.
    pub(super) fn feed_bytes(&mut self, peer: u32, connection: ConnectionId) {
        self.digest = mix_bytes(self.digest, self.network.bytes());
        self.count_event(peer, 10, connection.as_u64());
        let host = &mut self.peers[peer as usize];
        let Some(state) = &mut host.state else { return };
        let event = Event::Received { connection, bytes: self.network.bytes() };
        let local = host.clock.read(self.now);
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.peer == peer) {
            trace.event(local, &event);
        }
        let is_message = |frame: &&Frame| frame.kind() == kind::PEER_NOTIFICATION;
        match self.network.completed().iter().find(is_message).and_then(Frame::shared) {
            // One copy of a message serves all peers.
            Some(shared) => state.handle_shared(local, event, shared, &mut self.actions),
            None => state.handle(local, event, &mut self.actions),
        }
        self.after(peer);
    }

    fn count_event(&mut self, peer: u32, code: u64, detail: u64) {
        self.stats.events += 1;
        self.digest = mix(mix(mix(self.digest, self.now), u64::from(peer) << 8 | code), detail);
        let host = &mut self.peers[peer as usize];
        if host.cost > 0 {
            host.busy_until = self.now.max(host.busy_until).saturating_add(host.cost);
        }
    }

    fn after(&mut self, peer: u32) {
        let mut actions = std::mem::take(&mut self.actions);
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.peer == peer) {
            trace.actions(&actions);
        }
        for action in actions.drain(..) {
            self.act(peer, action);
        }
        self.actions = actions;
        self.reschedule(peer);
    }

    /// Tells holders of ends what has left their queues, and does what they want then.
    pub(super) fn settle_written(&mut self) {
        while let Some((end, bytes)) = self.network.take_written() {
            if let (Owner::Peer(peer), connection) = self.network.holder(end)
                && self.peers[peer as usize].end(connection) == Some(end)
            {
                self.feed(peer, Event::Written { connection, bytes });
            }
        }
    }

    pub(super) fn reschedule(&mut self, peer: u32) {
        let host = &mut self.peers[peer as usize];
        let Some(deadline) = host.state.as_ref().and_then(|state| state.deadline()) else { return };
        let when = host.clock.when(deadline).max(self.now);
        // A later deadline than the one in the queue is put there when that one comes.
        if host.wake_at.is_none_or(|at| when < at) {
            host.wake_at = Some(when);
            self.queue.push(when, Wake::Deadline(peer));
        }
    }

    fn act(&mut self, peer: u32, action: Action) {
        match action {
            Action::Dial { connection, to, .. } => self.dial(peer, connection, to),
            Action::Send { connection, frame } => self.send(peer, connection, frame),
            Action::Close { connection, flush } => self.close(peer, connection, flush),
            Action::StopReading { connection } => self.read_on(peer, connection, false),
            Action::ResumeReading { connection } => self.read_on(peer, connection, true),
            Action::Solve { connection, puzzle, start } => self.solve(peer, connection, puzzle, start),
            Action::CancelSolve { connection } => self.cancel(peer, connection),
            // Simulated peers have addresses, not names.
            Action::Resolve { host, .. } => {
                self.checks.violate(self.now, peer, "only names are resolved", format!("asked for {host}"));
            }
            Action::Note(note) => self.note(peer, &note),
        }
    }

    fn dial(&mut self, peer: u32, connection: ConnectionId, to: SocketAddr) {
        self.stats.dials += 1;
        if !connection.is_dialed() || self.peers[peer as usize].end(connection).is_some() {
            self.misuse(peer, connection, "dials under a name that is taken");
            return;
        }
        let of_peer = peer_at(to, self.scenario.peers).map(Owner::Peer);
        let Some(target) = of_peer.or_else(|| self.stranger_at(to)) else {
            self.checks.violate(self.now, peer, "only addresses that somebody has are dialed", format!("dials {to}"));
            return;
        };
        if target == Owner::Victim {
            self.stats.victim_connects[peer as usize] += 1;
        }
        let end = self.network.dial(self.now, Owner::Peer(peer), connection, target, &mut self.queue);
        self.checks.new_link(self.now, end);
        self.peers[peer as usize].ends.push((connection, end));
    }

    fn send(&mut self, peer: u32, connection: ConnectionId, mut frame: Frame) {
        let Some(end) = self.open_end(peer, connection, "sends") else { return };
        if frame.kind() == kind::CAPABILITIES && connection.is_dialed() && !looks_up(&frame) {
            self.stats.last_change = self.now;
        }
        match self.network.holder(end.other()).0 {
            Owner::Peer(to) => {
                self.stats.sent(frame.kind(), frame.len(), self.now);
                self.checks.peer_sends(self.now, peer, Some(to), end, &frame);
            }
            Owner::Attacker(_) | Owner::Victim | Owner::Nobody => {
                self.stats.sent(frame.kind(), frame.len(), self.now);
                self.checks.peer_sends(self.now, peer, None, end, &frame);
            }
            // A module that ended hears nothing; its peer may know of its end only by FIN, which it could also half-close
            // with.
            Owner::Module(_) if !self.network.is_open(end.other()) => {}
            Owner::Module(module) => {
                // What waits behind a full socket was decided on long before it goes out.
                let prompt = !self.network.is_backed_up(end);
                if let Some(latency) = self.checks.module_is_told(self.now, peer, module, &frame, prompt) {
                    let was_there = self.has_been_there_since(module, self.now - latency);
                    self.stats.heard(latency, was_there);
                }
            }
        }
        if frame.kind() == kind::PEER_NOTIFICATION && self.rngs.losses.ppm(self.scenario.network.lost_ppm) {
            self.stats.lost += 1;
            frame = of_no_use(frame.len());
        }
        self.network.send(self.now, end, frame, &mut self.queue);
    }

    fn close(&mut self, peer: u32, connection: ConnectionId, flush: Flush) {
        let Some(end) = self.peers[peer as usize].end(connection) else {
            self.misuse(peer, connection, "closes");
            return;
        };
        self.peers[peer as usize].forget(connection);
        self.cancel(peer, connection);
        self.network.close(self.now, end, flush, &mut self.queue);
    }

    fn read_on(&mut self, peer: u32, connection: ConnectionId, reading: bool) {
        if let Some(end) = self.open_end(peer, connection, "stops or resumes reading") {
            self.network.set_reading(self.now, end, reading, &mut self.queue);
        }
    }

    fn solve(&mut self, peer: u32, connection: ConnectionId, puzzle: Puzzle, start: u64) {
        if self.open_end(peer, connection, "wants a proof of work for").is_none() {
            return;
        }
        self.stats.last_change = self.now;
        let takes = solving_time(&mut self.rngs.work, self.scenario.settings.pow.bits(), self.scenario.hash_rate);
        let host = &mut self.peers[peer as usize];
        let twice = host.tasks.iter().any(|task| task.connection == connection);
        host.tasks.push(Task { connection, puzzle, start, takes });
        if twice {
            self.misuse(peer, connection, "wants two proofs of work at once for");
        }
        if self.peers[peer as usize].tasks.len() == 1 {
            self.start_next_task(peer);
        }
    }

    /// Nothing is wrong with cancelling what was not wanted: it may just have been found.
    fn cancel(&mut self, peer: u32, connection: ConnectionId) {
        let host = &mut self.peers[peer as usize];
        if let Some(at) = host.tasks.iter().position(|task| task.connection == connection) {
            host.tasks.remove(at);
            if at == 0 {
                self.start_next_task(peer);
            }
        }
    }

    pub(super) fn start_next_task(&mut self, peer: u32) {
        let host = &mut self.peers[peer as usize];
        host.solved_at = host.tasks.first().map(|task| self.now + task.takes);
        if let Some(at) = host.solved_at {
            self.queue.push(at, Wake::Solved(peer));
        }
    }

    fn note(&mut self, peer: u32, note: &Note) {
        match note {
            Note::NeighbourUp { connection, .. } => {
                let view = self.stats.neighbour_up(peer, self.now);
                match self.peers[peer as usize].end(*connection) {
                    Some(end) => {
                        self.checks.neighbour_up(self.now, peer, end, !connection.is_dialed(), view);
                        if let Owner::Peer(other) = self.network.holder(end.other()).0 {
                            self.checks.are_neighbours(peer, other);
                            self.crosses(peer, other);
                        }
                    }
                    None => self.misuse(peer, *connection, "has a neighbour by"),
                }
            }
            Note::NeighbourDown { address, .. } => {
                if peer_at(*address, self.scenario.peers).is_some() {
                    self.stats.honest_lost += 1;
                }
                self.stats.neighbour_down(peer, self.now);
            }
            Note::Banned { ip, .. } if self.stranger_at((*ip, 1).into()).is_some() => self.stats.bans += 1,
            Note::Banned { ip, .. } => {
                let detail = format!("{ip} was banned by an honest peer among honest peers");
                self.checks.violate(self.now, peer, "honest peers are not punished", detail);
            }
            Note::PeerFault { remote, fault, .. } => {
                self.stats.faults += 1;
                self.stats.last_fault = Some(format!("peer {peer} about {remote}: {fault}"));
            }
            _ => {}
        }
    }

    /// The end of a connection on which something may still be done.
    fn open_end(&mut self, peer: u32, connection: ConnectionId, what: &str) -> Option<EndId> {
        let end = self.peers[peer as usize].end(connection).filter(|&end| self.network.is_open(end));
        if end.is_none() {
            self.misuse(peer, connection, what);
        }
        end
    }

    fn misuse(&mut self, peer: u32, connection: ConnectionId, what: &str) {
        let detail = format!("{what} {connection}, which it does not have");
        self.checks.violate(self.now, peer, "nothing is done on a connection that is not there", detail);
    }
}

/// Does it say that its connection is a look-up, and nothing else?
fn looks_up(capabilities: &Frame) -> bool {
    let bytes = capabilities.to_vec();
    let body = bytes.get(FRAME_HEADER..).unwrap_or_default();
    match PeerMessage::decode(capabilities.kind(), body) {
        Ok(PeerMessage::Capabilities(those)) => those.features.has(Features::LOOK_UP),
        _ => false,
    }
}

/// A message in place of one that is lost: of that length, and of a type that nobody subscribes to.
fn of_no_use(len: usize) -> Frame {
    const HEAD: usize = 10;
    let data = vec![0xff; len.saturating_sub(HEAD)];
    PeerMessage::PeerNotification { ttl: 0, id: 0, data_type: u16::MAX, data: &data }.frame()
}

/// Multiplication spreads every bit upwards, rotation brings it back down.
fn mix(digest: u64, value: u64) -> u64 {
    (digest ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

fn mix_bytes(digest: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let digest = words.iter().fold(digest, |digest, word| mix(digest, u64::from_le_bytes(*word)));
    rest.iter().fold(mix(digest, bytes.len() as u64), |digest, &byte| mix(digest, u64::from(byte)))
}

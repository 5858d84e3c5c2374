//! How a peer's connection ends, and what follows from it (PROTOCOL.md, sections 3, 4, 7 and 10).

use super::{GossipState, bump};
use crate::action::{Action, Actions, Flush};
use crate::address::holder;
use crate::connection::handshake::{Prover, Verifier};
use crate::connection::peer::{Origin, Peer, Purpose};
use crate::dissemination::NeighbourId;
use crate::error::Fault;
use crate::event::ConnectionId;
use crate::limits::BOOTSTRAPPER_BAN_TIME;
use crate::membership::Membership;
use crate::membership::faults::Offender;
use crate::membership::view::Neighbour;
use crate::note::{EndReason, Note};
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::{GoodbyeReason, PeerMessage};

impl GossipState {
    /// Ends a connection from our side: GOODBYE where the reason has one, then flush and close, or close at once.
    pub(super) fn end(&mut self, id: ConnectionId, reason: EndReason, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let goodbye = match reason {
            EndReason::ShuttingDown => Some(GoodbyeReason::ShuttingDown),
            EndReason::Evicted => Some(GoodbyeReason::Evicted),
            EndReason::Refused | EndReason::TurnedAway => Some(GoodbyeReason::ViewFull),
            EndReason::Duplicate => Some(GoodbyeReason::Duplicate),
            EndReason::Misbehaved => Some(GoodbyeReason::Fault),
            _ => None,
        };
        if reason == EndReason::Duplicate && peer.is_connected && peer.is_capable() {
            // It must learn whose duplicate it is, or it dials this address of ours again and again.
            self.introduce(id, false, out);
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let flushes = goodbye.is_some() || reason == EndReason::Done;
        let flush = if peer.is_connected && flushes { Flush::First } else { Flush::Discard };
        if let Some(reason) = goodbye.filter(|_| peer.is_connected && peer.is_capable()) {
            self.send(id, PeerMessage::Goodbye { reason }.frame(), out);
        }
        if flush == Flush::First
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.outbox.release(id, out);
        }
        out.push(Action::Close { connection: id, flush });
        self.ended(id, reason, out);
    }

    /// Forgets a connection that is closed, by whomever, and draws the conclusions.
    pub(super) fn ended(&mut self, id: ConnectionId, reason: EndReason, out: &mut Actions) {
        let Some(mut peer) = self.peers.remove(&id) else { return };
        if !planted!(TimerNotCancelled) {
            self.timers.clear(Timer::Connection(id));
        }
        self.partials.remove(id);
        self.is_view_changed = true;
        let reason = reason_of_proof(&peer, reason);
        out.push(Action::Note(Note::PeerClosed { connection: id, remote: peer.remote(), reason }));
        if matches!(peer.steps().prover, Prover::Solving { .. }) && !planted!(ProofNotCancelled) {
            self.cancel_proof(id, out);
        }
        for held in self.held_by(id) {
            self.release_held(held, out);
        }
        if let Some(twin) = peer.steps().held_by {
            self.stop_checking(twin);
        }
        if let Some(neighbour) = peer.neighbour.take() {
            self.neighbour_lost_connection(id, neighbour, reason, out);
        } else if peer.steps().suspended.is_none() && peer.purpose == Purpose::Neighbour {
            self.joining_failed(&peer, reason, out);
        } else if peer.purpose == Purpose::LookUp {
            self.look_up_ended(&peer, reason);
        }
    }

    /// Nobody waits for its answer any more.
    fn stop_checking(&mut self, id: ConnectionId) {
        if self.held_by(id).is_empty()
            && let Some(peer) = self.peers.get_mut(&id)
            && peer.steps().suspended.is_none()
        {
            peer.steps_mut().alive_by = None;
            self.arm(id);
        }
    }

    /// One of a neighbour's connections ended: it stays as long as it has another.
    fn neighbour_lost_connection(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        reason: EndReason,
        out: &mut Actions,
    ) {
        self.membership
            .view
            .change(neighbour, |known| known.connections.retain(|other| other != id || planted!(NeighbourOutlives)));
        let Some(known) = self.membership.view.get(neighbour) else { return };
        if let Some(survivor) = known.sends_on() {
            // An old peer forgets us with the connection that it used; a fresh proof on the other brings us back into
            // its view (section 10).
            let is_old = known.instance.is_none();
            let is_chosen = known.connections.iter().any(|other| other.is_dialed());
            self.membership.view.change(neighbour, |known| known.chosen = is_chosen);
            self.go_on_repairing(neighbour, out);
            if is_old && !self.is_shutting_down && reason != EndReason::Evicted {
                self.say_hello(survivor, out);
            }
            return;
        }
        if let Some(gone) = self.membership.view.remove(neighbour) {
            self.end_repair(neighbour, out);
            out.push(Action::Note(Note::NeighbourDown { address: gone.address, reason }));
            self.neighbour_gone(&gone, reason);
        }
    }

    fn neighbour_gone(&mut self, gone: &Neighbour, reason: EndReason) {
        match reason {
            EndReason::EvictedUs | EndReason::RefusedUs | EndReason::RejectedUs => {
                self.membership.lost_link();
                self.membership.refused_us(self.now, &self.settings, gone.address);
            }
            EndReason::Evicted | EndReason::Refused => {
                self.membership.displaced(self.now, &self.settings, gone.address);
            }
            EndReason::Gone
            | EndReason::ShutDown
            | EndReason::Silent
            | EndReason::Stalled
            | EndReason::TooSlow
            | EndReason::Duplicate => self.membership.lost_neighbour(self.now, &self.settings, gone),
            EndReason::Misbehaved
            | EndReason::Ourselves
            | EndReason::Done
            | EndReason::Crowded
            | EndReason::Replaced
            | EndReason::TurnedAway
            | EndReason::ShuttingDown => {}
        }
    }

    /// A connection ended before it came into the view.
    fn joining_failed(&mut self, peer: &Peer, reason: EndReason, out: &mut Actions) {
        let (now, Some(address)) = (self.now, peer.address()) else { return };
        let Some(origin) = peer.origin else {
            if reason == EndReason::Refused {
                self.membership.displaced(now, &self.settings, address);
            }
            return;
        };
        match reason {
            EndReason::EvictedUs | EndReason::RefusedUs => {
                self.membership.found_no_room();
                self.membership.refused_us(now, &self.settings, address);
                // What counts against it here is only that it waits its turn again.
                if let Origin::Bootstrapper(_) = origin {
                    self.membership.failed(now, address, origin);
                }
            }
            EndReason::Duplicate => {
                // The other connection may be known by another address: this one need not be dialed then.
                let is_twin = |other: &Peer| other.instance().is_some() && other.instance() == peer.instance();
                let other = self.peers.values().find(|other| is_twin(other)).and_then(|other| other.address());
                let is_alias = other.is_some_and(|other| other != address);
                self.membership.is_duplicate(now, address, origin, is_alias);
            }
            EndReason::Crowded => self.membership.postponed(now, address, origin),
            EndReason::Ourselves | EndReason::ShuttingDown => {}
            EndReason::RejectedUs => {
                self.membership.failed(now, address, origin);
                if self.membership.proof_was_rejected(now, address) {
                    out.push(Action::Note(Note::ProofsRejected { address }));
                }
            }
            _ => {
                self.membership.failed(now, address, origin);
                out.push(Action::Note(Note::DialFailed { address }));
            }
        }
    }

    /// Charges a peer for a fault (section 7), and ends what it ends.
    pub(super) fn fault(&mut self, id: ConnectionId, fault: Fault, out: &mut Actions) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        bump(&mut self.metrics.faults);
        let remote = peer.remote();
        out.push(Action::Note(Note::PeerFault { connection: id, remote, fault }));
        let mut is_too_many = peer.steps_mut().score.add(now, fault.points());
        let offender = if id.is_dialed() {
            Some(Offender::Address(remote))
        } else if Membership::counts_as_loopback(remote.ip()) {
            None
        } else {
            Some(Offender::Ip(holder(remote.ip())))
        };
        if let Some(offender) = offender
            && self.faults.charge(now, offender, fault.points())
        {
            is_too_many = true;
            bump(&mut self.metrics.bans);
            let bootstrappers = &self.membership.bootstrappers;
            let is_bootstrapper = match offender {
                Offender::Address(address) => bootstrappers.contains(&address),
                Offender::Ip(ip) => bootstrappers.contains_holder(ip),
            };
            let ban_time = self.settings.ban_time;
            let time = if is_bootstrapper { ban_time.min(BOOTSTRAPPER_BAN_TIME) } else { ban_time };
            self.faults.ban(now, offender, time);
            out.push(Action::Note(Note::Banned { ip: remote.ip(), time }));
        }
        if is_too_many || fault.closes() {
            self.end(id, if is_too_many { EndReason::Misbehaved } else { fault_ends_with(fault) }, out);
        }
    }

    /// Something about this peer's connection may be overdue.
    pub(super) fn check_peer(&mut self, id: ConnectionId, out: &mut Actions) {
        let now = self.now;
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !is_due(peer.overdue_at(&self.settings)) {
            self.arm(id);
            return;
        }
        if !peer.is_connected {
            bump(&mut self.metrics.dials_failed);
            self.end(id, EndReason::TooSlow, out);
        } else if is_due(peer.steps().alive_by) {
            let reason = if peer.steps().suspended.is_some() { EndReason::Replaced } else { EndReason::Silent };
            self.end(id, reason, out);
        } else if peer.outbox.is_stalled(now, self.settings.peer_stall_timeout) {
            self.end(id, EndReason::Stalled, out);
        } else if is_due(peer.verifier.overdue_at(&self.settings)) {
            if peer.is_established() {
                peer.verifier = Verifier::Quiet;
                self.arm(id);
            } else {
                bump(&mut self.metrics.handshakes_timed_out);
                self.fault(id, Fault::UnverifiedSilence, out);
            }
        } else if is_due(peer.steps().prover.overdue_at(&self.settings)) {
            if peer.is_established() {
                let was_solving = matches!(peer.steps().prover, Prover::Solving { .. });
                peer.steps_mut().prover = Prover::Idle;
                if was_solving {
                    self.cancel_proof(id, out);
                }
                self.arm(id);
            } else {
                bump(&mut self.metrics.handshakes_timed_out);
                if !planted!(LeftOpenPastTimeout) {
                    self.end(id, EndReason::TooSlow, out);
                }
            }
        } else if peer.purpose == Purpose::LookUp {
            self.end(id, EndReason::TooSlow, out);
        } else if now.since(peer.last_heard) >= self.settings.peer_timeout {
            self.end(id, EndReason::Silent, out);
        } else if !peer.is_pinged && now.since(peer.last_heard) >= self.settings.ping_interval {
            peer.is_pinged = true;
            self.send(id, PeerMessage::Ping.frame(), out);
            self.arm(id);
        } else {
            self.arm(id);
        }
    }

    pub(super) fn on_goodbye(&mut self, id: ConnectionId, reason: GoodbyeReason, out: &mut Actions) {
        if planted!(GoodbyeIgnored) {
            return;
        }
        let reason = match reason {
            GoodbyeReason::ShuttingDown => EndReason::ShutDown,
            GoodbyeReason::Evicted => EndReason::EvictedUs,
            GoodbyeReason::ViewFull => EndReason::RefusedUs,
            GoodbyeReason::Duplicate => EndReason::Duplicate,
            GoodbyeReason::Fault | GoodbyeReason::Other(_) => EndReason::RejectedUs,
        };
        // Not `end`: there is nothing more to say to one that left.
        out.push(Action::Close { connection: id, flush: Flush::First });
        if planted!(WritesAfterClose) {
            self.send(id, PeerMessage::Pong.frame(), out);
        }
        self.ended(id, reason, out);
    }
}

/// An acceptor that closes right after our 507 did not like it, whatever else it may seem.
fn reason_of_proof(peer: &Peer, reason: EndReason) -> EndReason {
    let is_rejection = reason == EndReason::Gone && matches!(peer.steps().prover, Prover::ProofSent { .. });
    if is_rejection && !peer.is_established() { EndReason::RejectedUs } else { reason }
}

/// How a fault that ends the connection by itself ends it. The silent are not told; an impossible size has lost the
/// stream, but what we say may still arrive.
const fn fault_ends_with(fault: Fault) -> EndReason {
    match fault {
        Fault::UnverifiedSilence => EndReason::TooSlow,
        _ => EndReason::Misbehaved,
    }
}

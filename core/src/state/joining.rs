//! The handshake, and who enters the view (PROTOCOL.md, sections 3 and 4).

use super::{GossipState, bump};
use crate::action::{Action, Actions};
use crate::address::{is_usable, vouched};
use crate::connection::handshake::{Prover, Verifier};
use crate::connection::peer::{Extended, Peer, Purpose, Rate, Suspended};
use crate::dissemination::NeighbourId;
use crate::error::Fault;
use crate::event::ConnectionId;
use crate::limits::{ALIVE_CHECK, CONNECTIONS_PER_NEIGHBOUR};
use crate::membership::Admission;
use crate::membership::connections::Connections;
use crate::membership::view::Neighbour;
use crate::note::{EndReason, Note};
use crate::pow::Puzzle;
use crate::settings::Spreading;
use crate::time::Instant;
use crate::wire::{Capabilities, Features, Hints, PeerMessage};
use std::hash::Hasher;
use std::net::SocketAddr;

/// What becomes of a connection when another one with the same peer is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twin {
    /// There is none, or the other end decides: go on.
    None,
    /// It is decided once the other one has answered a PING, or not.
    Undecided,
    /// This one was closed.
    ThisClosed,
}

/// How a peer comes into the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// We dialed it.
    pub(super) is_chosen: bool,
    /// It was there before, since then, and has just proved that it is alive: nothing needs to be said.
    pub(super) back_since: Option<Instant>,
}

impl GossipState {
    /// CAPABILITIES, with which every conversation begins on our side. Nothing if it went out already.
    pub(super) fn introduce(&mut self, id: ConnectionId, looks_up: bool, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if std::mem::replace(&mut peer.introduced, true) {
            return;
        }
        let is_urgent = !looks_up && id.is_dialed() && self.membership.is_urgent(&self.settings);
        let purpose = match (looks_up, is_urgent) {
            (true, _) => Features::LOOK_UP,
            (false, true) => Features::URGENT,
            (false, false) => Features::default(),
        };
        let features = if self.settings.cache_size > 0 { purpose.with(Features::REPAIR) } else { purpose };
        let has_trees = self.settings.cache_size > 0 && self.settings.spreading == Spreading::Tree;
        let features = if has_trees { features.with(Features::TREE) } else { features };
        let own = self.membership.addresses;
        let other_family = own.listens.iter().filter(|address| address.is_ipv6() != peer.is_v6);
        let hints: Vec<SocketAddr> =
            other_family.filter_map(|address| own.told_to(&address)).filter(is_usable).collect();
        let capabilities = Capabilities { version: 1, features, instance: self.instance, hints: Hints::new(&hints) };
        self.send(id, PeerMessage::Capabilities(capabilities).frame(), out);
    }

    /// Asks to be let in, or in again.
    pub(super) fn say_hello(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(address) = self.membership.addresses.told_to(&peer.remote()) else { return };
        if peer.steps().prover != Prover::Idle {
            return;
        }
        peer.steps_mut().prover = Prover::HelloSent { since: self.now };
        self.introduce(id, false, out);
        self.send(id, PeerMessage::Hello { address }.frame(), out);
        if !self.peers.get(&id).is_some_and(|peer| peer.is_established()) {
            // One without room answers with addresses instead of a question.
            self.expect_addresses(id, true);
        }
        self.arm(id);
    }

    pub(super) fn on_capabilities(&mut self, id: ConnectionId, theirs: Capabilities<'_>, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        // The first counts: who changes its instance on the way would only confuse.
        if peer.extended.is_some() || peer.is_established() {
            return;
        }
        let is_urgent = theirs.features.has(Features::URGENT);
        let repairs = theirs.features.has(Features::REPAIR);
        let trees = repairs && (theirs.features.has(Features::TREE) || planted!(TreesUnasked));
        peer.extended = Some(Extended { instance: theirs.instance, is_urgent, repairs, trees });
        let (is_dialed, is_untouched) = (id.is_dialed(), matches!(peer.verifier, Verifier::AwaitHello { .. }));
        if is_dialed && theirs.instance == self.instance {
            self.dialed_ourselves(id, out);
        } else if is_untouched && theirs.features.has(Features::LOOK_UP) {
            self.answer_look_up(id, out);
        }
    }

    fn dialed_ourselves(&mut self, id: ConnectionId, out: &mut Actions) {
        if let Some(address) = self.peers.get(&id).map(|peer| peer.remote()) {
            self.membership.learn_own(address);
            out.push(Action::Note(Note::OwnAddress { address }));
        }
        self.end(id, EndReason::Ourselves, out);
    }

    pub(super) fn on_hello(&mut self, id: ConnectionId, claimed: SocketAddr, out: &mut Actions) {
        let (now, check_source_ip) = (self.now, self.settings.check_source_ip);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.purpose != Purpose::Neighbour {
            bump(&mut self.metrics.frames_early);
            return;
        }
        match peer.verifier {
            Verifier::AwaitHello { .. } => {
                if !self.newcomers.take(now) {
                    bump(&mut self.metrics.newcomers_over_rate);
                    self.end(id, EndReason::Crowded, out);
                    return;
                }
                peer.is_v6 = claimed.is_ipv6();
                peer.set_address(vouched(claimed, peer.remote().ip(), check_source_ip));
                match self.weigh_twin(id, out) {
                    Twin::None if !self.has_room_for(id) => self.turn_away(id, out),
                    Twin::None => self.challenge(id, out),
                    Twin::Undecided => {
                        if let Some(peer) = self.peers.get_mut(&id) {
                            peer.verifier = Verifier::Held;
                        }
                        self.arm(id);
                    }
                    Twin::ThisClosed => {}
                }
            }
            // An answer is outstanding: it is the same question.
            Verifier::Held | Verifier::Challenged { .. } => {}
            // It wants to be in our view again (an old peer repairs its own so), or asks on a connection that we dialed.
            Verifier::Verified | Verifier::Quiet => {
                if peer.allows(Rate::Renewal, now, &self.settings) {
                    self.challenge(id, out);
                } else {
                    bump(&mut self.metrics.frames_over_rate);
                }
            }
        }
    }

    /// Would this newcomer enter the view as things stand? An old peer is not asked to understand a no, and who is here
    /// already takes no more room.
    fn has_room_for(&self, id: ConnectionId) -> bool {
        let Some(peer) = self.peers.get(&id) else { return false };
        let (Some(theirs), Some(address)) = (peer.extended, peer.address()) else { return true };
        let view = &self.membership.view;
        let is_known = view.by_instance(theirs.instance).is_some() || view.by_address(&address).is_some();
        is_known || self.membership.may_admit(self.now, &self.settings, address, theirs.is_urgent)
    }

    /// Asks for a proof of work with a fresh nonce.
    fn challenge(&mut self, id: ConnectionId, out: &mut Actions) {
        if planted!(UnverifiedAdmitted) {
            return self.admit(id, Arrival { is_chosen: false, back_since: None }, out);
        }
        let nonce = if planted!(NonceReused) { self.instance } else { self.rng.bits() };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.verifier = Verifier::Challenged { nonce, since: self.now };
        self.introduce(id, false, out);
        self.send(id, PeerMessage::VerificationRequest { nonce }.frame(), out);
        self.arm(id);
    }

    /// 506: answered only where we said HELLO, one at a time.
    pub(super) fn on_challenge(&mut self, id: ConnectionId, nonce: u64, out: &mut Actions) {
        if !self.peers.get(&id).is_some_and(|peer| matches!(peer.steps().prover, Prover::HelloSent { .. })) {
            bump(&mut self.metrics.frames_early);
            return;
        }
        if self.peers.values().any(|peer| peer.verifier.issued(nonce)) {
            self.dialed_ourselves(id, out);
            return;
        }
        match self.weigh_twin(id, out) {
            Twin::None => self.solve(id, nonce, out),
            Twin::Undecided => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.steps_mut().prover = Prover::Held { nonce };
                }
                self.arm(id);
            }
            Twin::ThisClosed => {}
        }
    }

    fn solve(&mut self, id: ConnectionId, nonce: u64, out: &mut Actions) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.steps_mut().prover = Prover::Solving { nonce, since: self.now };
            // One dial fewer waits for its 506: there may be room for another.
            self.is_view_changed = true;
            self.arm(id);
            self.want_proof(id, out);
        }
    }

    /// Two connections with the same pair of instances (section 3): only the end with the smaller instance closes one,
    /// an established one only if it is dead, else the one that it accepted.
    fn weigh_twin(&mut self, id: ConnectionId, out: &mut Actions) -> Twin {
        let Some(instance) = self.peers.get(&id).and_then(|peer| peer.instance()) else { return Twin::None };
        if self.instance >= instance || self.peers.get(&id).is_some_and(|peer| peer.is_established()) {
            return Twin::None;
        }
        let is_twin = |(other, peer): &(ConnectionId, &Peer)| {
            *other != id && peer.purpose == Purpose::Neighbour && peer.instance() == Some(instance)
        };
        let twins: Vec<(ConnectionId, bool)> =
            self.peers().filter(is_twin).map(|(other, peer)| (other, peer.is_established())).collect();
        if let Some((established, _)) = twins.iter().find(|(_, is_established)| *is_established) {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.steps_mut().held_by = Some(*established);
            }
            self.check_alive(*established, out);
            return Twin::Undecided;
        }
        let Some((other, _)) = twins.first().copied() else { return Twin::None };
        let keeps_this = id.is_dialed() && !other.is_dialed();
        self.end(if keeps_this { other } else { id }, EndReason::Duplicate, out);
        if keeps_this { Twin::None } else { Twin::ThisClosed }
    }

    /// PING: unless an answer comes soon, it is taken for dead.
    pub(super) fn check_alive(&mut self, id: ConnectionId, out: &mut Actions) {
        let by = self.now.after(ALIVE_CHECK);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.steps().alive_by.is_none() {
            peer.steps_mut().alive_by = Some(by);
            self.send(id, PeerMessage::Ping.frame(), out);
            self.arm(id);
        }
    }

    /// A PONG came where it decides something.
    pub(super) fn proved_alive(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.steps().alive_by.is_none() {
            return;
        }
        let steps = peer.steps_mut();
        steps.alive_by = None;
        let suspended = steps.suspended.take();
        self.arm(id);
        let held = self.held_by(id);
        held.into_iter().for_each(|twin| self.end(twin, EndReason::Duplicate, out));
        // Two peers behind one address, both alive: both stay, if there is room.
        if let Some(Suspended { chosen, since }) = suspended {
            self.admit(id, Arrival { is_chosen: chosen, back_since: Some(since) }, out);
        }
    }

    /// The connections that wait for this one's answer.
    pub(super) fn held_by(&self, id: ConnectionId) -> Vec<ConnectionId> {
        self.peers.iter().filter(|(_, peer)| peer.steps().held_by == Some(id)).map(|(held, _)| *held).collect()
    }

    /// The other connection with this peer is gone: the handshake goes on.
    pub(super) fn release_held(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.steps_mut().held_by = None;
        if let Prover::Held { nonce } = peer.steps().prover {
            self.solve(id, nonce, out);
        } else if peer.verifier == Verifier::Held {
            self.challenge(id, out);
        }
    }

    pub(super) fn on_proof(
        &mut self,
        id: ConnectionId,
        (nonce, challenge): (u64, u64),
        claimed: SocketAddr,
        out: &mut Actions,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let issued = match peer.verifier {
            Verifier::Challenged { nonce, .. } => nonce,
            Verifier::Verified | Verifier::Quiet | Verifier::Held => {
                bump(&mut self.metrics.frames_early);
                return;
            }
            Verifier::AwaitHello { .. } => {
                bump(&mut self.metrics.proofs_wrong);
                self.fault(id, Fault::WrongProof, out);
                return;
            }
        };
        if nonce != issued || !(Puzzle { nonce: issued, target: self.settings.pow }).accepts(challenge) {
            bump(&mut self.metrics.proofs_wrong);
            self.fault(id, Fault::WrongProof, out);
            return;
        }
        let address = vouched(claimed, peer.remote().ip(), self.settings.check_source_ip);
        if !is_usable(&address) || self.membership.is_own(&address) {
            self.fault(id, Fault::UnusableAddress, out);
            self.end(id, EndReason::Misbehaved, out);
            return;
        }
        peer.verifier = Verifier::Verified;
        if let Some(neighbour) = peer.neighbour {
            // A renewal: it is in the view already and wants to hear so.
            if !id.is_dialed() {
                peer.set_address(address);
                let is_reached = self.membership.is_reached(self.now, &address);
                self.membership.view.change(neighbour, |known| {
                    known.is_reached = is_reached || (known.is_reached && known.address == address);
                    known.address = address;
                });
            }
            let is_v6 = peer.is_v6;
            self.tell_addresses(id, address, is_v6, out);
            self.arm(id);
            return;
        }
        if !id.is_dialed() {
            peer.set_address(address);
        }
        // On a connection that we dialed the peer proved itself before it let us in: it is as good as let in by us.
        self.admit(id, Arrival { is_chosen: id.is_dialed(), back_since: None }, out);
    }

    /// The connection that a 505 on this one completes: itself, or with an old peer any one with the same address
    /// (section 10).
    pub(super) fn completed_by(&self, id: ConnectionId) -> Option<ConnectionId> {
        let waits = |peer: &Peer| matches!(peer.steps().prover, Prover::ProofSent { .. });
        let peer = self.peers.get(&id)?;
        if waits(peer) {
            return Some(id);
        }
        if peer.is_capable() {
            return None;
        }
        let is_same = |other: &Peer| !other.is_capable() && other.address() == peer.address() && waits(other);
        self.peers.iter().find(|(_, other)| is_same(other)).map(|(other, _)| *other)
    }

    /// 505 after our 507: we are in.
    pub(super) fn was_let_in(&mut self, id: ConnectionId, out: &mut Actions) -> bool {
        let completes = self.completed_by(id);
        let Some(completed) = completes else { return false };
        let Some(peer) = self.peers.get_mut(&completed) else { return false };
        peer.steps_mut().prover = Prover::Idle;
        if !peer.is_established() {
            self.admit(completed, Arrival { is_chosen: true, back_since: None }, out);
        }
        self.arm(completed);
        true
    }

    /// Where a peer is known by: the same peer has the same id when it comes back, a restarted one another.
    fn neighbour_id(&self, address: SocketAddr, instance: Option<u64>) -> NeighbourId {
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(self.identity_key.0, self.identity_key.1);
        match instance {
            Some(instance) => hasher.write_u64(instance.to_be()),
            None => hasher.write_u8(0),
        }
        match address {
            SocketAddr::V4(v4) => hasher.write(&v4.ip().octets()),
            SocketAddr::V6(v6) => hasher.write(&v6.ip().octets()),
        }
        hasher.write_u16(address.port().to_be());
        NeighbourId(hasher.finish())
    }

    /// A handshake is complete: the peer enters the view, if there is a place for it.
    fn admit(&mut self, id: ConnectionId, arrival: Arrival, out: &mut Actions) {
        let is_chosen = arrival.is_chosen;
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(address) = peer.address() else { return };
        let (instance, is_capable) = (peer.instance(), peer.is_capable());
        let is_urgent = peer.extended.is_none_or(|theirs| theirs.is_urgent);
        if arrival.back_since.is_none() {
            bump(&mut self.metrics.handshakes);
        }
        let twin = match instance {
            Some(instance) => self.membership.view.by_instance(instance),
            None => self.membership.view.by_address(&address).filter(|known| known.instance.is_none()),
        };
        if let Some(twin) = twin.map(|twin| twin.id) {
            self.join_twin(id, twin, out);
            self.welcome(id, address, arrival, out);
            return;
        }
        // Another instance at this address: a restart, most likely. The newer takes the place of the older, which may
        // prove that it is alive and come back; both stay then.
        if arrival.back_since.is_none() {
            let at_address = self.membership.view.iter().filter(|known| known.address == address);
            let formers: Vec<NeighbourId> = at_address.map(|former| former.id).collect();
            formers.into_iter().for_each(|former| self.suspend(former, out));
        }
        if is_chosen || arrival.back_since.is_some() {
            if !self.membership.has_place_for_chosen(&self.settings, &address) {
                self.end(id, EndReason::Refused, out);
                return;
            }
        } else {
            match self.membership.admit(self.now, &self.settings, address, (is_capable, is_urgent)) {
                Admission::Room => {}
                Admission::Displaces(displaced) => self.evict(displaced, out),
                Admission::Refused => {
                    bump(&mut self.metrics.newcomers_refused);
                    self.welcome(id, address, arrival, out);
                    self.end(id, EndReason::Refused, out);
                    return;
                }
            }
        }
        let origin = self.peers.get(&id).and_then(|peer| peer.origin);
        let redial_pause = self.membership.established(self.now, address, origin);
        let neighbour = self.neighbour_id(address, instance);
        self.membership.view.insert(Neighbour {
            id: neighbour,
            address,
            instance,
            connections: Connections::of(id),
            chosen: is_chosen,
            near: 0,
            is_reached: self.membership.is_reached(self.now, &address),
            since: arrival.back_since.unwrap_or(self.now),
            redial_pause,
        });
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.neighbour = Some(neighbour);
        }
        if is_capable {
            self.membership.bootstrappers.answers_look_ups(&address, true);
        }
        self.is_alone_noted = false;
        self.is_view_changed = true;
        out.push(Action::Note(Note::NeighbourUp { connection: id, address, capable: is_capable }));
        self.welcome(id, address, arrival, out);
        if !self.begin_repair(neighbour, out) {
            self.hand_over_held(neighbour, out);
        }
        self.arm(id);
    }

    /// A second connection with a neighbour: both are one (section 3).
    fn join_twin(&mut self, id: ConnectionId, twin: NeighbourId, out: &mut Actions) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.neighbour = Some(twin);
            if let Some(address) = peer.address() {
                self.membership.joined_twin(self.now, address, peer.origin);
            }
        }
        let mut surplus = None;
        self.membership.view.change(twin, |neighbour| {
            neighbour.attach(id);
            if neighbour.connections.len() > CONNECTIONS_PER_NEIGHBOUR {
                surplus = neighbour.connections.iter().copied().filter(|other| *other != id).min_by_key(|other| {
                    // Of the same direction first: it is what the new one repeats.
                    (other.is_dialed() != id.is_dialed(), *other)
                });
            }
        });
        self.is_view_changed = true;
        self.arm(id);
        if let Some(surplus) = surplus {
            self.end(surplus, EndReason::Duplicate, out);
        }
    }

    /// An older instance at a newcomer's address leaves the view until it has answered a PING. One that cannot answer
    /// is gone for good.
    fn suspend(&mut self, former: NeighbourId, out: &mut Actions) {
        let Some(neighbour) = self.membership.view.remove(former) else { return };
        self.end_repair(former, out);
        out.push(Action::Note(Note::NeighbourDown { address: neighbour.address, reason: EndReason::Replaced }));
        for &id in neighbour.connections.iter() {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.neighbour = None;
            peer.steps_mut().suspended = Some(Suspended { chosen: neighbour.chosen, since: neighbour.since });
            if peer.is_capable() {
                peer.steps_mut().alive_by = None;
                self.check_alive(id, out);
            } else {
                self.end(id, EndReason::Replaced, out);
            }
        }
    }

    /// A neighbour makes room for a newcomer.
    fn evict(&mut self, displaced: NeighbourId, out: &mut Actions) {
        bump(&mut self.metrics.neighbours_evicted);
        let connections = self.membership.view.get(displaced).map(|neighbour| neighbour.connections);
        let connections = connections.iter().flat_map(|connections| connections.iter());
        connections.for_each(|id| self.end(*id, EndReason::Evicted, out));
    }
}

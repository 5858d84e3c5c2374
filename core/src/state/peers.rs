//! What peers send (PROTOCOL.md, sections 1, 4, 5, 7 and 8).

use super::{GossipState, add, bump};
use crate::action::{Action, Actions};
use crate::address::{canonical, is_usable, scope};
use crate::connection::peer::{Origin, Purpose, Rate};
use crate::dissemination::{Arrival, NeighbourId, Source};
use crate::error::Fault;
use crate::event::ConnectionId;
use crate::note::{EndReason, Note};
use crate::timers::Timer;
use crate::wire::{AddressList, DecodeError, Frame, Next, PeerMessage, kind};
use std::net::SocketAddr;

impl GossipState {
    /// Queues a frame for a peer, counts it, and sees to it that a queue above its mark is judged in time, whatever
    /// filled it. A connection that ended meanwhile gets nothing.
    pub(super) fn send(&mut self, id: ConnectionId, frame: Frame, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        bump(&mut self.metrics.p2p_frames_out);
        let bytes = frame.len() as u64;
        add(&mut self.metrics.p2p_bytes_out, bytes);
        add(&mut peer.traffic.bytes_out, bytes);
        peer.outbox.send(self.now, id, frame, self.settings.peer_queue, out);
        if let Some(at) = peer.outbox.judged_at(self.settings.peer_stall_timeout) {
            self.timers.set_by(Timer::Connection(id), at);
        }
    }

    /// Bytes came from a peer. `near`: where it stands in the table.
    pub(super) fn peer_sent(&mut self, id: ConnectionId, mut near: u32, bytes: &[u8], out: &mut Actions) {
        let Some(peer) = self.peers.get_mut_near(&mut near, &id) else { return };
        peer.last_heard = self.now;
        peer.is_pinged = false;
        add(&mut self.metrics.p2p_bytes_in, bytes.len() as u64);
        add(&mut peer.traffic.bytes_in, bytes.len() as u64);
        let messages_before = self.metrics.peer_notifications;
        let mut deframer = peer.take_deframer();
        let mut input = bytes;
        let mut progressed = false;
        while let Some(peer) = self.peers.get_near(&mut near, &id) {
            let neighbour = peer.neighbour;
            let is_wanted = |frame_kind, size| {
                peer.wants(frame_kind, size) || (frame_kind == kind::PEER_RESPONSE && self.completed_by(id).is_some())
            };
            match deframer.next(&mut input, is_wanted) {
                Next::More => break,
                Next::Skipped { kind, .. } if PeerMessage::knows(kind) => bump(&mut self.metrics.frames_early),
                Next::Skipped { .. } => bump(&mut self.metrics.frames_unknown),
                Next::Lost { .. } => self.fault(id, Fault::ImpossibleSize, out),
                Next::Frame { kind, body } => {
                    progressed = true;
                    bump(&mut self.metrics.p2p_frames_in);
                    match PeerMessage::decode(kind, body) {
                        Ok(message) => self.on_peer_message(id, neighbour, message, out),
                        Err(DecodeError::UnknownType) => bump(&mut self.metrics.frames_unknown),
                        Err(DecodeError::WrongLength) => {
                            bump(&mut self.metrics.frames_malformed);
                            self.fault(id, Fault::WrongBodyLength, out);
                        }
                    }
                }
            }
        }
        if let Some(peer) = self.peers.get_mut_near(&mut near, &id) {
            let messages = self.metrics.peer_notifications.saturating_sub(messages_before);
            add(&mut peer.traffic.messages_in, messages);
            self.partials.set(id, deframer.kept(), progressed, self.now);
            peer.give_back(deframer);
            self.keep_to_partial_budget(out);
        }
    }

    /// What has come in part is bounded over all connections: whose frame has been on its way the longest goes.
    #[inline]
    pub(super) fn keep_to_partial_budget(&mut self, out: &mut Actions) {
        if self.partials.bytes() > self.settings.partial_bytes {
            self.crowd_out_partials(out);
        }
    }

    #[cold]
    fn crowd_out_partials(&mut self, out: &mut Actions) {
        while self.partials.bytes() > self.settings.partial_bytes
            && let Some(slowest) = self.partials.slowest()
        {
            bump(&mut self.metrics.partials_crowded_out);
            self.partials.remove(slowest);
            if self.peers.contains_key(&slowest) {
                self.end(slowest, EndReason::Stalled, out);
            } else {
                out.push(Action::Note(Note::TableFull { table: "half-received frames" }));
                self.disconnect(slowest, out);
            }
        }
    }

    fn on_peer_message(
        &mut self,
        id: ConnectionId,
        neighbour: Option<NeighbourId>,
        message: PeerMessage<'_>,
        out: &mut Actions,
    ) {
        match message {
            PeerMessage::Capabilities(theirs) => self.on_capabilities(id, theirs, out),
            PeerMessage::Hello { address } => self.on_hello(id, address, out),
            PeerMessage::VerificationRequest { nonce } => self.on_challenge(id, nonce, out),
            PeerMessage::VerificationResponse { nonce, challenge, address } => {
                self.on_proof(id, (nonce, challenge), address, out);
            }
            PeerMessage::PeerResponse(list) => self.on_addresses(id, list, out),
            PeerMessage::Goodbye { reason } => self.on_goodbye(id, reason, out),
            PeerMessage::Pong => self.proved_alive(id, out),
            PeerMessage::Ping
            | PeerMessage::PeerRequest
            | PeerMessage::Push { .. }
            | PeerMessage::IHave(_)
            | PeerMessage::IWant(_)
            | PeerMessage::Interest(_)
            | PeerMessage::Tree(_)
            | PeerMessage::PeerNotification { .. } => match neighbour {
                Some(neighbour) => self.on_neighbours_message(id, neighbour, message, out),
                // Before it is established it counts for nothing, and costs nothing.
                None => bump(&mut self.metrics.frames_early),
            },
        }
    }

    fn on_neighbours_message(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        message: PeerMessage<'_>,
        out: &mut Actions,
    ) {
        match message {
            PeerMessage::Ping if self.is_capable(id) && self.within(id, Rate::Ping, out) => {
                self.send(id, PeerMessage::Pong.frame(), out);
            }
            PeerMessage::PeerRequest if self.within(id, Rate::PeerRequest, out) => {
                bump(&mut self.metrics.peer_requests);
                if let Some(known) = self.membership.view.get(neighbour) {
                    let asker = known.address;
                    self.tell_addresses(id, asker, asker.is_ipv6(), out);
                }
            }
            PeerMessage::Push { ttl, address } => {
                bump(&mut self.metrics.pushes);
                if self.within(id, Rate::Push, out) {
                    self.on_push(id, neighbour, ttl, address, out);
                }
            }
            PeerMessage::PeerNotification { ttl, id: message_id, data_type, data } => {
                bump(&mut self.metrics.peer_notifications);
                let fetched = self.dissemination.repair.comes(self.now, neighbour, message_id, data_type, data);
                add(&mut self.metrics.messages_fetched, u64::from(fetched.is_some()));
                let (source, id, is_wanted) = (Source::Neighbour(neighbour), message_id, false);
                self.message_arrived(Arrival { source, id, ttl, data_type, data, is_wanted, fetched }, out);
            }
            PeerMessage::IHave(offers) => self.on_offers(id, neighbour, offers, out),
            PeerMessage::IWant(digests) => self.on_wants(id, neighbour, digests, out),
            PeerMessage::Tree(tree) => self.on_tree(id, neighbour, tree, out),
            PeerMessage::Interest(interest) => self.on_interest(id, neighbour, interest, out),
            _ => {}
        }
    }

    fn is_capable(&self, id: ConnectionId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.is_capable())
    }

    /// May it do this once more? What is over the rate is dropped; capable peers know better and are charged, old
    /// peers' storms are their normal behaviour (section 10).
    fn within(&mut self, id: ConnectionId, rate: Rate, out: &mut Actions) -> bool {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        if peer.allows(rate, now, &self.settings) {
            return true;
        }
        bump(&mut self.metrics.frames_over_rate);
        if peer.is_capable() && rate != Rate::Ping {
            self.fault(id, Fault::OverTheRate, out);
        }
        false
    }

    /// PUSH: somebody new (section 4). Followed once, and forwarded to one random neighbour.
    fn on_push(&mut self, id: ConnectionId, neighbour: NeighbourId, ttl: u16, address: SocketAddr, out: &mut Actions) {
        let address = canonical(address);
        let Some(teller) = self.membership.view.get(neighbour).map(|teller| teller.address) else { return };
        if !is_usable(&address) {
            bump(&mut self.metrics.addresses_unusable);
            self.fault_unless_old(id, Fault::UnusableAddress, out);
            return;
        }
        if !self.settings.discovery || self.membership.is_own(&address) {
            return;
        }
        if !crate::membership::may_be_told(scope(address.ip()), scope(teller.ip())) {
            bump(&mut self.metrics.addresses_out_of_scope);
            return;
        }
        if !self.membership.is_news(self.now, &self.settings, address) {
            return;
        }
        self.is_view_changed |= self.membership.consider(self.now, &mut self.metrics, neighbour.0, address);
        if ttl > 0 {
            let ttl = ttl.saturating_sub(1).min(self.settings.p2p_ttl);
            let told = self.membership.random_to_tell(1, address, &[neighbour]);
            let frame = PeerMessage::Push { ttl, address }.frame();
            told.into_iter().for_each(|one| self.push_to(one, frame.clone(), out));
        }
    }

    pub(super) fn push_to(&mut self, neighbour: NeighbourId, frame: Frame, out: &mut Actions) {
        let Some(id) = self.membership.view.get(neighbour).and_then(|known| known.sends_on()) else { return };
        let now = self.now;
        if !self.peers.get_mut(&id).is_some_and(|peer| peer.allows(Rate::PushSent, now, &self.settings)) {
            bump(&mut self.metrics.pushes_withheld);
            return;
        }
        bump(&mut self.metrics.pushes_sent);
        self.send(id, frame, out);
    }

    fn fault_unless_old(&mut self, id: ConnectionId, fault: Fault, out: &mut Actions) {
        if self.is_capable(id) {
            self.fault(id, fault, out);
        }
    }

    /// PEER RESPONSE: the last step of the handshake, or an answer to what we asked (section 4).
    fn on_addresses(&mut self, id: ConnectionId, list: AddressList<'_>, out: &mut Actions) {
        let completes = self.was_let_in(id, out);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let steps = peer.steps_mut();
        let was_expected = std::mem::take(if list.is_v6() { &mut steps.expects_v6 } else { &mut steps.expects_v4 });
        peer.settle();
        if !was_expected && !completes {
            self.fault_unless_old(id, Fault::UnaskedPeerResponse, out);
            return;
        }
        if peer.purpose == Purpose::LookUp {
            // The other family's list may follow: what it means is decided at the connection's end.
            peer.steps_mut().answer.get_or_insert_default().extend(list.iter());
            return;
        }
        let (remote, is_stranger) = (peer.remote(), peer.origin == Some(Origin::Stranger));
        let is_established = peer.is_established();
        let teller = peer.neighbour.map_or(crate::membership::OWN_KNOWLEDGE, |neighbour| neighbour.0);
        if !self.settings.discovery {
            return;
        }
        self.is_view_changed = true;
        let of = scope(remote.ip());
        if is_stranger && !completes && !is_established {
            self.membership.meet_strangers(of, None, list.iter());
        }
        let (now, metrics) = (self.now, &mut self.metrics);
        let has_unusable = self.membership.learn(now, &self.settings, metrics, teller, of, list.iter());
        if has_unusable {
            self.fault_unless_old(id, Fault::UnusableAddress, out);
        }
    }
}

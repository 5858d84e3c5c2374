//! What peers are told of others: look-ups, newcomers, whoever asks (PROTOCOL.md, sections 4 and 11).

use super::joining::Arrival;
use super::{GossipState, bump};
use crate::action::Actions;
use crate::connection::handshake::Verifier;
use crate::dissemination::NeighbourId;
use crate::event::ConnectionId;
use crate::note::EndReason;
use crate::wire::{AddressList, PeerMessage};
use std::net::SocketAddr;

impl GossipState {
    /// Another node asks for addresses and nothing else: no proof, no view (section 4, Looking up).
    pub(super) fn answer_look_up(&mut self, id: ConnectionId, out: &mut Actions) {
        if self.look_ups.take(self.now) {
            bump(&mut self.metrics.look_ups_answered);
            let remote = self.peers.get(&id).map(|peer| (peer.remote(), peer.remote().is_ipv6()));
            if let Some((remote, is_v6)) = remote {
                self.tell_addresses(id, remote, is_v6, out);
            }
        } else {
            bump(&mut self.metrics.frames_over_rate);
        }
        self.end(id, EndReason::Done, out);
    }

    /// There is no room: said before any work is done, and where else to ask (section 11). Addresses are as dear as in
    /// look-ups. Who we are does not matter to it.
    pub(super) fn turn_away(&mut self, id: ConnectionId, out: &mut Actions) {
        bump(&mut self.metrics.newcomers_turned_away);
        if self.look_ups.take(self.now)
            && let Some(peer) = self.peers.get(&id)
            && let Some(address) = peer.address()
        {
            let is_v6 = peer.is_v6;
            let sample = self.membership.sample_for_turned_away(self.now, &self.settings, address);
            self.send_addresses(id, &sample, is_v6, out);
            self.membership.remember_turned_away(self.now, &self.settings, address);
        }
        self.end(id, EndReason::TurnedAway, out);
    }

    /// What a newcomer that dialed us gets, whether it stays or not: our view; and the network hears of it.
    pub(super) fn welcome(&mut self, id: ConnectionId, address: SocketAddr, arrival: Arrival, out: &mut Actions) {
        let Some(peer) = self.peers.get(&id) else { return };
        // Where both sides proved themselves on one connection, the verified side still wants to hear so.
        if arrival.back_since.is_some() || (arrival.is_chosen && peer.verifier != Verifier::Verified) {
            return;
        }
        let (is_v6, neighbour) = (peer.is_v6, peer.neighbour);
        self.tell_addresses(id, address, is_v6, out);
        self.membership.wants_reached(self.now, &self.settings, address);
        self.is_view_changed = true;
        if self.settings.discovery && self.membership.is_newcomer(self.now, &self.settings, address) {
            let not: Vec<NeighbourId> = neighbour.into_iter().collect();
            let told = self.membership.random_to_tell(self.settings.push_fanout as usize, address, &not);
            let frame = PeerMessage::Push { ttl: self.settings.p2p_ttl, address }.frame();
            told.into_iter().for_each(|neighbour| self.push_to(neighbour, frame.clone(), out));
        }
    }

    /// PEER RESPONSE: a sample of the view, in the family of the handshake, and to capable peers in the other one too.
    pub(super) fn tell_addresses(&mut self, id: ConnectionId, asker: SocketAddr, is_v6: bool, out: &mut Actions) {
        let sample = self.membership.sample_for(self.now, &self.settings, asker);
        self.send_addresses(id, &sample, is_v6, out);
    }

    fn send_addresses(&mut self, id: ConnectionId, sample: &[SocketAddr], is_v6: bool, out: &mut Actions) {
        self.send(id, AddressList::frame_of(sample, is_v6), out);
        let is_capable = self.peers.get(&id).is_some_and(|peer| peer.is_capable());
        if is_capable && sample.iter().any(|address| address.is_ipv6() != is_v6) {
            self.send(id, AddressList::frame_of(sample, !is_v6), out);
        }
    }
}

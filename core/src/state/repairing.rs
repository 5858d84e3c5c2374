//! Repair between the connections and `repair` (PROTOCOL.md, section 12).

use super::{GossipState, add, bump};
use crate::action::Actions;
use crate::connection::peer::{Extended, Peer};
use crate::dissemination::NeighbourId;
use crate::error::Fault;
use crate::event::ConnectionId;
use crate::limits::QUEUE_MARK_PART;
use crate::membership::view::View;
use crate::repair::{Out, OverTheRate, Say};
use crate::settings::Settings;
use crate::tree::Turn;
use crate::util::sorted::SortedMap;
use crate::wire::{Digests, Interest, Offers, Tree, TreeAction, notification_of, peer_notification_of};

/// How many bytes may be queued for a neighbour: none if its queue is above its mark.
fn room(view: &View, peers: &SortedMap<ConnectionId, Box<Peer>>, settings: &Settings, neighbour: NeighbourId) -> u64 {
    let peer = view.get(neighbour).and_then(|known| peers.get(&known.sends_on()?));
    peer.map_or(0, |peer| (settings.peer_queue / QUEUE_MARK_PART).saturating_sub(peer.outbox.queued()))
}

impl GossipState {
    /// A neighbour has come. Does it take part in repair?
    pub(super) fn begin_repair(&mut self, neighbour: NeighbourId, out: &mut Actions) -> bool {
        if self.settings.cache_size == 0 || !self.takes_part(neighbour) || !self.dissemination.repair.link_up(neighbour)
        {
            return false;
        }
        if self.extensions_of(neighbour).is_some_and(|theirs| theirs.trees) {
            self.dissemination.repair.tree_up(neighbour);
        }
        if self.subscriptions.len() > 0 || self.dissemination.repair.waits_for_interest(neighbour) {
            self.say_interest(neighbour, out);
        }
        true
    }

    fn takes_part(&self, neighbour: NeighbourId) -> bool {
        self.extensions_of(neighbour).is_some_and(|theirs| theirs.repairs)
    }

    fn extensions_of(&self, neighbour: NeighbourId) -> Option<Extended> {
        let sends_on = self.membership.view.get(neighbour).and_then(|known| known.sends_on());
        sends_on.and_then(|id| self.peers.get(&id)).and_then(|peer| peer.extended)
    }

    /// A neighbour is gone. One that found no place may take part instead.
    pub(super) fn end_repair(&mut self, neighbour: NeighbourId, out: &mut Actions) {
        let was_full = !self.dissemination.repair.has_room();
        self.dissemination.repair.link_down(self.now, neighbour);
        if was_full && self.dissemination.repair.has_room() {
            let repair = &self.dissemination.repair;
            let waits = |other: &NeighbourId| !repair.is_linked(*other) && self.takes_part(*other);
            let next = self.membership.view.ids().iter().copied().find(waits);
            next.into_iter().for_each(|next| _ = self.begin_repair(next, out));
        }
    }

    /// One of a neighbour's connections ended, with whatever was on its way there; the other one goes on.
    pub(super) fn go_on_repairing(&mut self, neighbour: NeighbourId, out: &mut Actions) {
        if self.dissemination.repair.is_linked(neighbour) {
            self.dissemination.repair.may_have_missed(self.now, &self.settings, neighbour);
            if self.subscriptions.len() > 0 || self.dissemination.repair.waits_for_interest(neighbour) {
                self.say_interest(neighbour, out);
            }
        }
    }

    /// Messages for a neighbour were dropped from its queue.
    pub(super) fn offer_again(&mut self, id: ConnectionId) {
        if let Some(neighbour) = self.peers.get(&id).and_then(|peer| peer.neighbour) {
            self.dissemination.repair.may_have_missed(self.now, &self.settings, neighbour);
        }
    }

    /// Does what is due.
    pub(super) fn repair(&mut self, out: &mut Actions) {
        let mut says = Out::new();
        let (view, peers, settings) = (&self.membership.view, &self.peers, &self.settings);
        let room = |neighbour| room(view, peers, settings, neighbour);
        self.dissemination.repair.run(self.now, settings, &room, &mut says);
        self.say_all(says, out);
    }

    pub(super) fn on_offers(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        offers: Offers<'_>,
        out: &mut Actions,
    ) {
        let mut says = Out::new();
        let count = offers.iter().count() as u64;
        add(&mut self.metrics.digests_taken, count);
        let repair = &mut self.dissemination.repair;
        let taken = repair.offered(self.now, &self.settings, neighbour, offers.iter(), &mut says);
        self.dissemination.has_asked(self.now, &self.settings);
        self.say_all(says, out);
        self.charge(id, taken, out);
    }

    pub(super) fn on_wants(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        digests: Digests<'_>,
        out: &mut Actions,
    ) {
        let mut says = Out::new();
        let (view, peers, settings) = (&self.membership.view, &self.peers, &self.settings);
        let room = |neighbour| room(view, peers, settings, neighbour);
        let repair = &mut self.dissemination.repair;
        let taken = repair.wanted(self.now, settings, neighbour, digests.iter(), &room, &mut says);
        self.say_all(says, out);
        self.charge(id, taken, out);
    }

    pub(super) fn on_interest(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        interest: Interest<'_>,
        out: &mut Actions,
    ) {
        let taken = self.dissemination.repair.interest(self.now, neighbour, interest);
        for data_type in taken.iter().flatten() {
            self.say_turn((neighbour, *data_type, Turn::Prune), out);
        }
        self.charge(id, taken.map(|_| ()), out);
    }

    /// What modules here subscribe to has changed.
    pub(super) fn interest_changed(&mut self) {
        self.dissemination.repair.interest_changed(self.now);
        self.dissemination.repair.keep_trees(|| self.subscriptions.types());
    }

    /// TREE (section 13): how messages of a type go between us, or what is offered in place of pushing it.
    pub(super) fn on_tree(&mut self, id: ConnectionId, neighbour: NeighbourId, tree: Tree<'_>, out: &mut Actions) {
        let Tree { action, data_type, offers } = tree;
        let turn = match action {
            TreeAction::Prune => Turn::Prune,
            TreeAction::Graft => Turn::Graft,
            TreeAction::Offer => return self.on_lazy_offers(id, neighbour, data_type, offers, out),
            TreeAction::Other(_) => return,
        };
        let repair = &mut self.dissemination.repair;
        let taken = if self.subscriptions.subscribers(data_type).is_empty() {
            Ok(false)
        } else {
            repair.turned(self.now, neighbour, data_type, turn)
        };
        match (&taken, turn) {
            (Ok(true), Turn::Prune) => bump(&mut self.metrics.prunes_taken),
            (Ok(true), Turn::Graft) => bump(&mut self.metrics.grafts_taken),
            (Ok(false), _) => bump(&mut self.metrics.tree_ignored),
            (Err(OverTheRate), _) => {}
        }
        self.charge(id, taken.map(|_| ()), out);
    }

    fn on_lazy_offers(
        &mut self,
        id: ConnectionId,
        neighbour: NeighbourId,
        data_type: u16,
        offers: Offers<'_>,
        out: &mut Actions,
    ) {
        // It may have crossed our word that nobody subscribes any more.
        if self.subscriptions.subscribers(data_type).is_empty() {
            return;
        }
        let mut says = Out::new();
        let count = offers.iter().count() as u64;
        self.metrics.digests_taken = self.metrics.digests_taken.saturating_add(count);
        let repair = &mut self.dissemination.repair;
        let taken = repair.offered_lazily(self.now, &self.settings, neighbour, data_type, offers.iter(), &mut says);
        self.dissemination.has_asked(self.now, &self.settings);
        self.say_all(says, out);
        self.charge(id, taken, out);
    }

    /// A neighbour is told how it is to send us messages of a type from now on.
    pub(super) fn say_turn(&mut self, (neighbour, data_type, turn): (NeighbourId, u16, Turn), out: &mut Actions) {
        let Some(id) = self.membership.view.get(neighbour).and_then(|known| known.sends_on()) else { return };
        let action = match turn {
            Turn::Prune => {
                bump(&mut self.metrics.prunes_sent);
                TreeAction::Prune
            }
            Turn::Graft => {
                bump(&mut self.metrics.grafts_sent);
                TreeAction::Graft
            }
        };
        self.send(id, Tree::turn(action, data_type), out);
    }

    fn charge(&mut self, id: ConnectionId, taken: Result<(), OverTheRate>, out: &mut Actions) {
        if taken.is_err() {
            bump(&mut self.metrics.frames_over_rate);
            self.fault(id, Fault::OverTheRate, out);
        }
    }

    fn say_all(&mut self, says: Out, out: &mut Actions) {
        for (neighbour, say) in says {
            let Some(id) = self.membership.view.get(neighbour).and_then(|known| known.sends_on()) else { continue };
            match say {
                Say::Have(offers) => {
                    add(&mut self.metrics.digests_offered, offers.len() as u64);
                    self.send(id, Offers::frame_of(&offers), out);
                }
                Say::Want(digests) => {
                    let count = digests.len() as u64;
                    add(&mut self.metrics.messages_asked_for, count);
                    self.send(id, Digests::frame_of(&digests), out);
                }
                Say::Answer(spread) => {
                    bump(&mut self.metrics.messages_answered);
                    let frame = peer_notification_of(spread.ttl, spread.id, spread.payload);
                    self.spread_to(&[neighbour], &frame, None, out);
                }
                Say::Offer(data_type, offers) => {
                    let count = offers.len() as u64;
                    self.metrics.pushes_spared = self.metrics.pushes_spared.saturating_add(count);
                    self.send(id, Tree::frame_of(data_type, &offers), out);
                }
                Say::Unanswered => bump(&mut self.metrics.offers_unanswered),
                Say::Interest => self.say_interest(neighbour, out),
                Say::OffersAreEmpty => self.fault(id, Fault::EmptyOffers, out),
            }
        }
    }

    fn say_interest(&mut self, neighbour: NeighbourId, out: &mut Actions) {
        let Some(id) = self.membership.view.get(neighbour).and_then(|known| known.sends_on()) else { return };
        self.send(id, Interest::frame_of(&self.subscriptions.types()), out);
    }

    /// A module that subscribes late is told what is known (section 12).
    pub(super) fn replay(&mut self, module: ConnectionId, data_type: u16, out: &mut Actions) {
        /// The part of a module's queue that this may take.
        const QUEUE_PART: u64 = 2;
        let Some(queued) = self.modules.get(&module).map(|module| module.outbox.queued()) else { return };
        let bytes = (self.settings.api_queue / QUEUE_PART).saturating_sub(queued);
        let mut told = Vec::new();
        let (now, settings, metrics) = (self.now, &self.settings, &mut self.metrics);
        let into = (&mut told, &mut self.delivery.new_listeners);
        self.dissemination.replay(now, settings, metrics, module, data_type, bytes, into);
        for (id, payload) in told {
            self.tell(module, notification_of(id, payload), out);
        }
        self.deliver(out);
    }
}

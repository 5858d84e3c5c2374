//! A message between the connections and `dissemination` (PROTOCOL.md, section 5).

use super::{GossipState, bump};
use crate::action::{Action, Actions};
use crate::connection::module::Module;
use crate::connection::outbox::Outbox;
use crate::dissemination::{Around, Arrival, Delivery, NeighbourId, Source, Spread, Subscribers};
use crate::event::ConnectionId;
use crate::limits::FRAME_HEADER;
use crate::membership::view::Neighbour;
use crate::note::Note;
use crate::settings::Settings;
use crate::wire::{Frame, notification, peer_notification};
use std::collections::BTreeMap;

impl GossipState {
    /// A message was announced here or came from a neighbour. Whether it is wanted is found out here.
    pub(super) fn message_arrived(&mut self, mut arrival: Arrival<'_>, out: &mut Actions) {
        let Arrival { source, data_type, data, .. } = arrival;
        let mut audience = std::mem::take(&mut self.audience);
        let mut delivery = std::mem::take(&mut self.delivery);
        let mut full = Vec::new();
        let all = self.subscriptions.subscribers(data_type);
        let (settings, metrics, neighbours) = (&self.settings, &mut self.metrics, self.membership.view.ids());
        let (modules, told) = (&self.modules, &mut audience);
        let around = || {
            let audience = told;
            let subscribers = gather(all, modules, settings, source, data.len(), (audience, &mut full));
            Around { subscribers, audience }
        };
        arrival.is_wanted = !all.is_empty();
        self.dissemination.arrive(self.now, settings, metrics, arrival, neighbours, around, &mut delivery);
        if let Some((wire_id, payload)) = delivery.tell.take() {
            let frame = notification(wire_id, &payload);
            audience.iter().for_each(|module| self.tell(*module, frame.clone(), out));
        }
        self.deliver(&mut delivery, out);
        audience.clear();
        self.audience = audience;
        self.delivery = delivery;
        // Last: it may end connections, and the audience must be who is there.
        full.into_iter().for_each(|id| self.could_not_tell(id, out));
    }

    /// Sends what goes to neighbours, and says who became a listener.
    pub(super) fn deliver(&mut self, delivery: &mut Delivery, out: &mut Actions) {
        if let Some(spread) = delivery.spread.take() {
            let frame = peer_notification(spread.ttl, spread.id, &spread.payload);
            let mut targets = std::mem::take(&mut delivery.targets);
            match delivery.known {
                None => targets.drain(..).for_each(|target| _ = self.spread_to(target, frame.clone(), out)),
                Some(number) => {
                    for target in targets.drain(..) {
                        if self.spread_to(target, frame.clone(), out) {
                            self.dissemination.repair.pushed(number, target);
                        }
                    }
                }
            }
            delivery.targets = targets;
        }
        for id in delivery.new_listeners.drain(..) {
            if let Some(module) = self.modules.get(&id) {
                out.push(Action::Note(Note::ModuleIsListener { connection: id, remote: module.remote }));
            }
        }
    }

    /// Queues a message for a neighbour; a full queue drops it (section 5, Pressure). Is it queued?
    fn spread_to(&mut self, target: NeighbourId, frame: Frame, out: &mut Actions) -> bool {
        let Some(id) = self.membership.view.get(target).and_then(|known| known.sends_on()) else { return false };
        let Some(peer) = self.peers.get(&id) else { return false };
        if !peer.outbox.has_room(frame.len(), self.settings.peer_queue) && !planted!(QueueUnbounded) {
            bump(&mut self.metrics.spread_dropped);
            return false;
        }
        bump(&mut self.metrics.spread);
        self.queue(id, frame, Outbox::send_message, out);
        true
    }

    /// A neighbour has just come: it gets what was held for such.
    pub(super) fn hand_over_held(&mut self, neighbour: NeighbourId, out: &mut Actions) {
        let mut held: Vec<Spread> = Vec::new();
        self.dissemination.neighbour_up(self.now, &self.settings, neighbour, &mut held);
        for spread in held {
            self.spread_to(neighbour, peer_notification(spread.ttl, spread.id, &spread.payload), out);
        }
    }

    /// Must an ANNOUNCE of this module wait for room (section 5, Pressure)?
    pub(super) fn is_pressed(&self, id: ConnectionId, data_type: u16, len: usize) -> bool {
        let is_above = |module: &ConnectionId| {
            self.modules.get(module).is_some_and(|module| module.outbox.is_above_mark(self.settings.api_queue))
        };
        let is_blocked = |neighbour: &Neighbour| {
            let peer = neighbour.sends_on().and_then(|id| self.peers.get(&id));
            peer.is_some_and(|peer| peer.outbox.is_above_mark(self.settings.peer_queue))
        };
        let subscribers = self.subscriptions.subscribers(data_type);
        let view = &self.membership.view;
        is_above(&id)
            || (!subscribers.is_empty() && subscribers.iter().all(is_above))
            || (!view.is_empty() && view.iter().all(is_blocked))
            || self.dissemination.is_pressed(self.now, &self.settings, Source::Module(id), data_type, len)
    }
}

/// Who of those subscribed to a type can be told now (the first list), and whose queue is full (the second).
fn gather(
    subscribers: &[ConnectionId],
    modules: &BTreeMap<ConnectionId, Box<Module>>,
    settings: &Settings,
    source: Source,
    len: usize,
    (audience, full): (&mut Vec<ConnectionId>, &mut Vec<ConnectionId>),
) -> Subscribers {
    /// NOTIFICATION's fields before its data.
    const FIELDS: usize = 4;
    let size = len.saturating_add(FRAME_HEADER).saturating_add(FIELDS);
    let mut vouching = 0usize;
    for id in subscribers {
        let Some(module) = modules.get(id) else { continue };
        let is_announcer = source == Source::Module(*id);
        if module.can_answer() && !is_announcer {
            vouching = vouching.saturating_add(1);
        }
        if !module.is_open() {
            continue;
        }
        if module.outbox.has_room(size, settings.api_queue) {
            audience.push(*id);
        } else {
            full.push(*id);
        }
    }
    let announces = matches!(source, Source::Module(id) if subscribers.contains(&id));
    if announces && vouching == 0 { Subscribers::AnnouncerOnly } else { Subscribers::Others }
}

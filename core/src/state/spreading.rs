//! A message between the connections and `dissemination` (PROTOCOL.md, section 5).

use super::{GossipState, add, bump};
use crate::action::{Action, Actions};
use crate::connection::module::Module;
use crate::connection::outbox::Outbox;
use crate::dissemination::{Around, Arrival, NeighbourId, Source, Spread, Subscribers};
use crate::event::ConnectionId;
use crate::limits::{FRAME_HEADER, QUEUE_MARK_PART};
use crate::membership::view::Neighbour;
use crate::note::Note;
use crate::settings::Settings;
use crate::timers::Timer;
use crate::util::sorted::SortedMap;
use crate::wire::{Frame, notification_of, peer_notification_of};

impl GossipState {
    /// A message was announced here or came from a neighbour. Whether it is wanted is found out here.
    pub(super) fn message_arrived(&mut self, mut arrival: Arrival<'_>, out: &mut Actions) {
        let Arrival { source, data_type, data, .. } = arrival;
        let mut full = Vec::new();
        let all = self.subscriptions.subscribers(data_type);
        let (settings, metrics, neighbours) = (&self.settings, &mut self.metrics, self.membership.view.ids());
        let (modules, told) = (&self.modules, &mut self.audience);
        let around = || {
            let audience = told;
            let subscribers = gather(all, modules, settings, source, data.len(), (audience, &mut full));
            Around { subscribers, audience }
        };
        arrival.is_wanted = !all.is_empty();
        self.dissemination.arrive(self.now, settings, metrics, arrival, neighbours, around, &mut self.delivery);
        if let Some((wire_id, payload)) = self.delivery.tell.take() {
            let frame = notification_of(wire_id, payload);
            let audience = std::mem::take(&mut self.audience);
            if let Some((last, others)) = audience.split_last() {
                others.iter().for_each(|module| self.tell(*module, frame.clone(), out));
                self.tell(*last, frame, out);
            }
            self.audience = audience;
        }
        self.deliver(out);
        self.audience.clear();
        // Last: it may end connections, and the audience must be who is there.
        full.into_iter().for_each(|id| self.could_not_tell(id, out));
    }

    /// Sends what goes to neighbours, and says who became a listener.
    pub(super) fn deliver(&mut self, out: &mut Actions) {
        if let Some(spread) = self.delivery.spread.take() {
            let frame = peer_notification_of(spread.ttl, spread.id, spread.payload);
            let mut targets = std::mem::take(&mut self.delivery.targets);
            self.spread_to(&targets, &frame, self.delivery.known, out);
            targets.clear();
            self.delivery.targets = targets;
        }
        if let Some(turn) = self.delivery.turn.take() {
            self.say_turn(turn, out);
        }
        for id in self.delivery.new_listeners.drain(..) {
            if let Some(module) = self.modules.get(&id) {
                out.push(Action::Note(Note::ModuleIsListener { connection: id, remote: module.remote }));
            }
        }
    }

    /// Queues a message for these neighbours; a full queue drops it (section 5, Pressure). If the knowledge base has it,
    /// under a number, it is not offered to whom it was queued for.
    pub(super) fn spread_to(&mut self, targets: &[NeighbourId], frame: &Frame, known: Option<u64>, out: &mut Actions) {
        let (now, bound, patience) = (self.now, self.settings.peer_queue, self.settings.peer_stall_timeout);
        let len = frame.len();
        let room = Outbox::passes_up_to(len as u64, bound / QUEUE_MARK_PART);
        let (mut next, mut sent, mut dropped) = (0, 0u64, 0u64);
        let mut pushing = known.and_then(|number| self.dissemination.repair.pushing(number));
        out.reserve(targets.len());
        for target in targets {
            let Some(neighbour) = self.membership.view.get_next(&mut next, *target) else { continue };
            let Some(id) = neighbour.sends_on() else { continue };
            let Some(peer) = self.peers.get_mut_near(&mut neighbour.near, &id) else { continue };
            if peer.outbox.passes(len as u64, room) {
                out.push(Action::Send { connection: id, frame: frame.clone() });
            } else if peer.outbox.has_room(len, bound) || planted!(QueueUnbounded) {
                peer.outbox.send_message(now, id, frame.clone(), bound, out);
                if let Some(at) = peer.outbox.judged_at(patience) {
                    self.timers.set_by(Timer::Connection(id), at);
                }
            } else {
                bump(&mut dropped);
                continue;
            }
            if let Some(pushing) = &mut pushing {
                pushing.to(*target, next.saturating_sub(1));
            }
            bump(&mut sent);
            bump(&mut peer.traffic.messages_out);
            add(&mut peer.traffic.bytes_out, len as u64);
        }
        add(&mut self.metrics.spread_dropped, dropped);
        add(&mut self.metrics.spread, sent);
        add(&mut self.metrics.p2p_frames_out, sent);
        let bytes = sent.saturating_mul(len as u64);
        add(&mut self.metrics.p2p_bytes_out, bytes);
    }

    /// A neighbour has just come: it gets what was held for such.
    pub(super) fn hand_over_held(&mut self, neighbour: NeighbourId, out: &mut Actions) {
        let mut held: Vec<Spread> = Vec::new();
        self.dissemination.neighbour_up(self.now, &self.settings, neighbour, &mut held);
        for spread in held {
            let frame = peer_notification_of(spread.ttl, spread.id, spread.payload);
            self.spread_to(&[neighbour], &frame, None, out);
        }
    }

    /// Must an ANNOUNCE of this module wait for room (section 5, Pressure)?
    pub(super) fn is_pressed(&self, id: ConnectionId, data_type: u16, len: usize) -> bool {
        let is_above = |module: &ConnectionId| {
            self.modules.get(module).is_some_and(|module| module.outbox.is_above_mark(self.settings.api_queue))
        };
        // What it said of this type and waits will be queued too, once it is vouched for, with a head of its own: then
        // there must be room for it. (Not what others said: who never vouches must not hold up the rest.)
        let waiting = self.dissemination.waiting_bytes_of(Source::Module(id), data_type);
        let coming = waiting.saturating_add(waiting / 4).saturating_add(len as u64);
        let coming = if waiting == 0 { 0 } else { usize::try_from(coming).unwrap_or(usize::MAX) };
        let bound = self.settings.peer_queue;
        let is_blocked = |neighbour: &Neighbour| {
            let peer = neighbour.sends_on().and_then(|id| self.peers.get(&id));
            peer.is_some_and(|peer| peer.outbox.is_above_mark(bound) || !peer.outbox.has_room(coming, bound))
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
    modules: &SortedMap<ConnectionId, Box<Module>>,
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

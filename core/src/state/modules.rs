//! What modules send, and what becomes of their connections (PROTOCOL.md, sections 5 and 6).

use super::{GossipState, add, bump};
use crate::action::{Action, Actions, Flush};
use crate::connection::module::{Module, Parked};
use crate::dissemination::{Arrival, Source};
use crate::error::ModuleFault;
use crate::event::ConnectionId;
use crate::limits::{DATA_MAX, FRAME_HEADER, PARKED_BYTES_PER_MODULE};
use crate::note::Note;
use crate::subscriptions::Subscribed;
use crate::time::Duration;
use crate::timers::Timer;
use crate::wire::{ApiMessage, Deframer, Frame, Next, kind};

/// Modules whose turn to have announcements taken comes in one call, at most: the rest follow with the next event.
const TURNS_PER_EVENT: usize = 64;

impl GossipState {
    pub(super) fn module_sent(&mut self, id: ConnectionId, bytes: &[u8], out: &mut Actions) {
        let mut near = u32::MAX;
        let Some(module) = self.modules.get_mut_near(&mut near, &id).filter(|module| module.is_open()) else { return };
        let was_stopped = module.is_reading_stopped;
        add(&mut self.metrics.api_bytes_in, bytes.len() as u64);
        let mut deframer = std::mem::take(&mut module.deframer);
        let mut input = bytes;
        let frames = self.metrics.api_frames_in;
        self.take_frames(id, &mut deframer, &mut input, out);
        if let Some(module) = self.modules.get_mut_near(&mut near, &id) {
            deframer.keep(&mut input);
            // What waits while nothing is read is not the module's fault; the driver bounds it.
            let half_received = if module.is_reading_stopped || !module.is_open() { 0 } else { deframer.kept() };
            let progressed = self.metrics.api_frames_in > frames;
            module.deframer = deframer;
            self.partials.set(id, half_received, progressed, self.now);
            if module.is_reading_stopped && !was_stopped && module.is_open() {
                out.push(Action::StopReading { connection: id });
            }
            self.keep_to_partial_budget(out);
        }
    }

    /// Takes frame after frame until the input is used up or reading stops.
    fn take_frames(&mut self, id: ConnectionId, deframer: &mut Deframer, input: &mut &[u8], out: &mut Actions) {
        let mut near = u32::MAX;
        while self.modules.get_near(&mut near, &id).is_some_and(|module| !module.is_reading_stopped) {
            match deframer.next(input, wants) {
                Next::More => return,
                // Old peers' modules hear PINGs, and so may we (section 10).
                Next::Skipped { kind: kind::PING, .. } => bump(&mut self.metrics.frames_unknown),
                Next::Skipped { kind: kind::ANNOUNCE, size } => {
                    bump(&mut self.metrics.announcements_too_large);
                    let data = usize::from(size).saturating_sub(FRAME_HEADER).saturating_sub(4);
                    self.module_fault(id, ModuleFault::TooLarge { data }, out);
                }
                Next::Skipped { kind, size } => {
                    bump(&mut self.metrics.frames_unknown);
                    self.module_fault(id, ModuleFault::UnknownType { kind, size }, out);
                }
                Next::Lost { size } => {
                    self.module_fault(id, ModuleFault::ImpossibleSize { size }, out);
                    // The connection may live on for what it parked; its stream does not.
                    (*deframer, *input) = (Deframer::default(), &[]);
                    self.disconnect(id, out);
                }
                Next::Frame { kind, body } => {
                    bump(&mut self.metrics.api_frames_in);
                    match ApiMessage::decode(kind, body) {
                        Ok(message) => self.on_module_message(id, message, out),
                        Err(_) => {
                            bump(&mut self.metrics.frames_malformed);
                            self.module_fault(id, malformed(kind, body), out);
                        }
                    }
                }
            }
        }
    }

    fn on_module_message(&mut self, id: ConnectionId, message: ApiMessage<'_>, out: &mut Actions) {
        match message {
            ApiMessage::Announce { ttl, data_type, data } => self.on_announce(id, ttl, data_type, data, out),
            ApiMessage::Notify { data_type } => match self.subscriptions.subscribe(id, data_type) {
                Subscribed::New => {
                    if self.subscriptions.subscribers(data_type).len() == 1 {
                        self.interest_changed();
                    }
                    if self.settings.replay {
                        self.replay(id, data_type, out);
                    }
                }
                Subscribed::Already => {}
                Subscribed::TableFull => {
                    bump(&mut self.metrics.subscriptions_refused);
                    out.push(Action::Note(Note::TableFull { table: "subscriptions" }));
                }
            },
            ApiMessage::Validation { id: message, valid } => self.on_validation(id, message, valid, out),
            // `wants` lets no NOTIFICATION in.
            ApiMessage::Notification { .. } => {}
        }
    }

    /// ANNOUNCE: slowed, not lost, while there is no room (section 5, Pressure).
    fn on_announce(&mut self, id: ConnectionId, ttl: u8, data_type: u16, data: &[u8], out: &mut Actions) {
        let is_behind_others = self.modules.get(&id).is_some_and(|module| !module.parked.is_empty());
        if is_behind_others || self.is_pressed(id, data_type, data.len()) {
            self.park(id, Parked { ttl, data_type, data: data.into() });
        } else {
            self.announce(id, ttl, data_type, data, out);
        }
    }

    fn announce(&mut self, id: ConnectionId, ttl: u8, data_type: u16, data: &[u8], out: &mut Actions) {
        bump(&mut self.metrics.announcements);
        let source = Source::Module(id);
        self.message_arrived(Arrival { source, id: 0, ttl, data_type, data, is_wanted: false, fetched: None }, out);
    }

    /// Puts an announcement off. Past the bound of what may be parked, nothing more is taken from the connection: whoever
    /// feeds it says so to the driver.
    fn park(&mut self, id: ConnectionId, announcement: Parked) {
        let Some(module) = self.modules.get_mut(&id) else { return };
        bump(&mut self.metrics.announcements_parked);
        self.parked_bytes = self.parked_bytes.saturating_add(announcement.cost() as u64);
        if module.parked.is_empty() {
            self.parked.push_back(id);
        }
        module.park(announcement);
        module.is_reading_stopped =
            module.parked_bytes >= PARKED_BYTES_PER_MODULE || self.parked_bytes >= self.settings.pending_bytes;
    }

    /// Takes parked announcements, a module at a time in turn, as long as there is room.
    pub(super) fn unpark(&mut self, out: &mut Actions) {
        let mut turns = self.parked.len().min(TURNS_PER_EVENT);
        while turns > 0
            && let Some(id) = self.parked.pop_front()
        {
            turns = turns.saturating_sub(1);
            let Some(module) = self.modules.get_mut(&id) else { continue };
            let Some(next) = module.parked.front() else { continue };
            let (data_type, len) = (next.data_type, next.data.len());
            if self.is_pressed(id, data_type, len) {
                self.parked.push_back(id);
                continue;
            }
            let Some(module) = self.modules.get_mut(&id) else { continue };
            let Some(next) = module.unpark() else { continue };
            if !planted!(ParkedBytesLeaked) {
                self.parked_bytes = self.parked_bytes.saturating_sub(next.cost() as u64);
            }
            if !module.parked.is_empty() {
                self.parked.push_back(id);
                turns = turns.saturating_add(1).min(TURNS_PER_EVENT.max(self.parked.len()));
            }
            self.announce(id, next.ttl, next.data_type, &next.data, out);
            self.read_on(id, out);
        }
    }

    /// Reading goes on once half of the room for parked announcements is free again; what was kept meanwhile comes
    /// first. A module that is gone and has nothing more to say is forgotten.
    fn read_on(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(module) = self.modules.get_mut(&id) else { return };
        if module.is_reading_stopped && module.parked_bytes <= PARKED_BYTES_PER_MODULE / 2 {
            module.is_reading_stopped = false;
            let mut deframer = std::mem::take(&mut module.deframer);
            self.take_frames(id, &mut deframer, &mut &[][..], out);
            let Some(module) = self.modules.get_mut(&id) else { return };
            module.deframer = deframer;
            if !module.is_reading_stopped && !module.is_gone {
                out.push(Action::ResumeReading { connection: id });
            }
        }
        let Some(module) = self.modules.get(&id) else { return };
        if module.is_gone && !module.is_reading_stopped && module.parked.is_empty() {
            self.forget_module(id);
        } else if module.is_read_closed {
            self.close_if_done(id, out);
        }
    }

    fn on_validation(&mut self, id: ConnectionId, message: u16, valid: bool, out: &mut Actions) {
        let (now, neighbours) = (self.now, self.membership.view.ids());
        let (settings, metrics) = (&self.settings, &mut self.metrics);
        self.dissemination.validate(now, settings, metrics, id, message, valid, neighbours, &mut self.delivery);
        self.deliver(out);
    }

    /// The module will send no more. What it sent before still counts; it may still be told (section 6), but is waited
    /// for no longer.
    pub(super) fn module_read_closed(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(module) = self.modules.get_mut(&id) else { return };
        if std::mem::replace(&mut module.is_read_closed, true) {
            return;
        }
        if !module.is_reading_stopped {
            self.dissemination.module_closed(self.now, &mut self.metrics, id);
        }
        self.close_if_done(id, out);
    }

    /// Half-closed, and nothing that it could still be told or have announced: closed.
    fn close_if_done(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(module) = self.modules.get_mut(&id) else { return };
        let has_more_to_say = module.is_reading_stopped || !module.parked.is_empty();
        if module.is_read_closed && module.is_open() && !has_more_to_say && self.subscriptions.types_of(id) == 0 {
            module.outbox.release(id, out);
            out.push(Action::Close { connection: id, flush: Flush::First });
            self.module_closed(id);
        }
    }

    /// The module's connection is gone. Its subscriptions end with it, unless announcements are parked: these come
    /// first.
    pub(super) fn module_closed(&mut self, id: ConnectionId) {
        let Some(module) = self.modules.get_mut(&id) else { return };
        module.is_gone = true;
        self.partials.remove(id);
        module.outbox = Default::default();
        let has_no_more_to_say = module.parked.is_empty();
        self.timers.clear(Timer::Connection(id));
        self.dissemination.module_closed(self.now, &mut self.metrics, id);
        if has_no_more_to_say {
            self.forget_module(id);
        }
    }

    /// The last of a module that is gone.
    fn forget_module(&mut self, id: ConnectionId) {
        self.modules.remove(&id);
        if !planted!(SubscriptionsOutlive) && self.subscriptions.unsubscribe_all(id) {
            self.interest_changed();
        }
    }

    /// A queue of a module above its mark: does it drain?
    pub(super) fn check_module(&mut self, id: ConnectionId, out: &mut Actions) {
        let now = self.now;
        let Some(module) = self.modules.get_mut(&id) else { return };
        if module.outbox.is_stalled(now, self.settings.api_stall_timeout) {
            self.disconnect_stalled(id, out);
        } else {
            let at = module.outbox.judged_at(self.settings.api_stall_timeout);
            self.timers.set(Timer::Connection(id), at);
        }
    }

    fn disconnect_stalled(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(module) = self.modules.get(&id) else { return };
        bump(&mut self.metrics.modules_stalled);
        let (remote, queued) = (module.remote, module.outbox.queued());
        out.push(Action::Note(Note::ModuleStalled { connection: id, remote, queued }));
        self.disconnect(id, out);
    }

    /// Closes a module's connection at once, unless that is gone already.
    pub(super) fn disconnect(&mut self, id: ConnectionId, out: &mut Actions) {
        if self.modules.get(&id).is_some_and(|module| module.is_open()) {
            out.push(Action::Close { connection: id, flush: Flush::Discard });
            self.module_closed(id);
        }
    }

    /// Queues a NOTIFICATION. The caller has seen that there is room.
    pub(super) fn tell(&mut self, id: ConnectionId, frame: Frame, out: &mut Actions) {
        let now = self.now;
        let Some(module) = self.modules.get_mut(&id) else { return };
        bump(&mut self.metrics.notifications);
        bump(&mut self.metrics.api_frames_out);
        add(&mut self.metrics.api_bytes_out, frame.len() as u64);
        module.outbox.send(now, id, frame, self.settings.api_queue, out);
        if let Some(at) = module.outbox.judged_at(self.settings.api_stall_timeout) {
            self.timers.set_by(Timer::Connection(id), at);
        }
    }

    /// A module cannot be told for want of room. If it has read nothing for a while, it is disconnected (section 6).
    pub(super) fn could_not_tell(&mut self, id: ConnectionId, out: &mut Actions) {
        /// The part of the stall timeout after which a full queue that does not move at all is given up.
        const PATIENCE_PART: u64 = 10;
        bump(&mut self.metrics.notifications_dropped);
        let patience: Duration = self.settings.api_stall_timeout.part(PATIENCE_PART);
        if self.modules.get(&id).is_some_and(|module| module.outbox.unmoved_for(self.now) >= patience) {
            self.disconnect_stalled(id, out);
        }
    }

    fn module_fault(&mut self, id: ConnectionId, fault: ModuleFault, out: &mut Actions) {
        if let Some(Module { remote, .. }) = self.modules.get(&id).map(|module| &**module) {
            out.push(Action::Note(Note::ModuleFault { connection: id, remote: *remote, fault }));
        }
    }
}

/// Is a frame of this type and size worth storing?
fn wants(frame_kind: u16, size: u16) -> bool {
    match frame_kind {
        kind::ANNOUNCE => usize::from(size) <= DATA_MAX.saturating_add(FRAME_HEADER).saturating_add(4),
        // Of whatever size: the warning about a wrong one shows how it begins.
        kind::NOTIFY | kind::VALIDATION => true,
        _ => false,
    }
}

fn malformed(kind: u16, body: &[u8]) -> ModuleFault {
    let size = u16::try_from(body.len().saturating_add(FRAME_HEADER)).unwrap_or(u16::MAX);
    let mut start = [0u8; 16];
    let bytes = size.to_be_bytes().into_iter().chain(kind.to_be_bytes()).chain(body.iter().copied());
    start.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    ModuleFault::WrongBodyLength { kind, size, start }
}

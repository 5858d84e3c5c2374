//! Spreading knowledge (PROTOCOL.md, section 5): who is told, who decides, to whom a message goes on, and for how long
//! it is remembered.

mod entries;
mod fifo;
mod held;
mod ids;
mod index;
mod message;
mod pending;
mod seen;
mod shares;
mod spread;
#[cfg(test)]
mod tests;

use crate::event::ConnectionId;
use crate::limits::{PARTNERS_MAX, TREE_COPY_COUNTS, TREE_TTL_MIN, TREE_YOUNG};
use crate::metrics::Metrics;
use crate::repair::{Learned, Repair, Spreadable};
use crate::rng::{Rng, Stream};
use crate::settings::Settings;
use crate::time::{Age, Duration, Instant, earliest};
use crate::util::spare::SpareLists;
use crate::wire::Payload;
use held::{Held, HeldMessages};
use ids::{Answer, Ids};
pub(crate) use message::{Around, Arrival, Delivery, NeighbourId, Source, Spread, Subscribers};
use pending::{Pending, Waiting};
use seen::{Fate, HashKey, Identity, Seen};
use shares::Refusals;

/// The memory is swept about so often while something grows old in it.
const SWEEP: Duration = Duration::from_secs(1);

/// Draws of an id for an announcement, so that saying the same again is not taken for a copy of what was said before.
const ID_DRAWS: usize = 16;

/// The messages of one node.
#[derive(Clone, Debug)]
pub(crate) struct Dissemination {
    rng: Rng,
    /// Of the hash that messages are known by.
    key: HashKey,
    seen: Seen,
    pending: Pending,
    held: HeldMessages,
    ids: Ids,
    refusals: Refusals,
    /// What is known, and what neighbours have of it.
    pub(crate) repair: Repair,
    /// When the memory is swept next; none while nothing grows old in it.
    sweep_at: Option<Instant>,
    /// New messages came since the last sweep: room that is free for a moment is needed again.
    is_busy: bool,
    /// Lists of neighbours of messages that are gone, to be used again.
    spare: SpareLists<NeighbourId>,
    /// Slots, for the length of one call.
    slots: Vec<u32>,
    /// See [`GossipState::handle_shared`](crate::GossipState::handle_shared).
    pub(crate) shared: Option<Payload>,
}

impl Dissemination {
    /// Remembers nothing yet, and takes next to no memory.
    pub(crate) fn new(settings: &Settings, seed: [u8; 32], now: Instant) -> Self {
        let mut keys = Rng::new(seed, Stream::Keys);
        Self {
            rng: Rng::new(seed, Stream::Dissemination),
            key: std::array::from_fn(|_| keys.bits()),
            seen: Seen::default(),
            pending: Pending::default(),
            held: HeldMessages::default(),
            ids: Ids::default(),
            refusals: Refusals::default(),
            repair: Repair::new(settings, seed, now),
            sweep_at: None,
            is_busy: false,
            spare: SpareLists::default(),
            slots: Vec::new(),
            shared: None,
        }
    }

    /// Takes a message in (rules 1 to 6). `neighbours`: the whole view, in a stable order. A neighbour whose queue is full
    /// belongs in it: what it misses is its loss, not a reason to hold the message for others. `around` is asked only
    /// about messages that are new: most are copies.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn arrive<'a>(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        arrival: Arrival<'_>,
        neighbours: &[NeighbourId],
        around: impl FnOnce() -> Around<'a>,
        out: &mut Delivery,
    ) {
        out.clear();
        self.time_out(now, metrics);
        if !arrival.is_wanted {
            count(&mut metrics.messages_unwanted);
            return;
        }
        let (identity, id, known) = self.identify(&arrival);
        if let Some(slot) = known.filter(|_| !planted!(SuppressionForgotten)) {
            count(&mut metrics.messages_duplicate);
            self.take_copy(now, settings, metrics, slot, &arrival, neighbours, out);
            return;
        }
        let around = around();
        let is_announced = matches!(arrival.source, Source::Module(_));
        let vouched = planted!(SpreadUnvouched)
            || is_announced && around.subscribers == Subscribers::AnnouncerOnly && settings.announcer_vouches;
        if around.audience.is_empty() && !vouched {
            count(&mut metrics.messages_untold);
            self.found_no_room(now, id, &arrival);
            return;
        }
        let waits = !vouched && self.ids.can_ask(around.audience);
        if waits && !self.has_room(now, settings, arrival.source, arrival.data_type, arrival.data.len())
            || !self.make_room_to_remember(now, settings, metrics)
        {
            count(&mut metrics.messages_crowded_out);
            self.found_no_room(now, id, &arrival);
            return;
        }
        let hops = if is_announced { spread::announced_hops(arrival.ttl) } else { u16::from(arrival.ttl) };
        let seen = self.seen.insert(identity, arrival.source, spread::remembered_ttl(hops));
        if self.repair.has_trees() {
            let from = if let Source::Neighbour(sender) = arrival.source { Some(sender) } else { None };
            self.repair.remember(now, from, (id, arrival.data_type, arrival.data));
            // Limited messages go other ways, and say nothing about the tree.
            if let Some(sender) = from.filter(|_| arrival.ttl >= TREE_TTL_MIN) {
                out.turn = self.repair.first_came(now, sender, arrival.data_type, arrival.fetched.is_some());
            }
        }
        let shared = self.shared.take_if(|shared| shared.is_of(arrival.data_type, arrival.data));
        let payload = shared.unwrap_or_else(|| Payload::new(arrival.data_type, arrival.data));
        let told = self.ids.tell(now, &mut self.rng, id, around.audience, &mut out.new_listeners);
        self.sweep_by(now.after(settings.suppression_time));
        self.is_busy = true;
        bump(&mut metrics.modules_listening, out.new_listeners.len());
        if !around.audience.is_empty() {
            out.tell = Some((told.id, payload.clone()));
        }
        let mut senders = self.spare.take();
        if let Source::Neighbour(sender) = arrival.source {
            senders.push(sender);
        }
        let deadline = now.after(settings.validation_timeout);
        let telling = told.telling.unwrap_or(fifo::NONE);
        let (source, fetched) = (arrival.source, arrival.fetched.map(Box::new));
        let message = Waiting { seen, id, hops, payload, source, senders, telling, deadline, fetched };
        if vouched {
            count(&mut metrics.messages_vouched);
            self.spread(now, settings, metrics, message, neighbours, out);
        } else if told.asked == 0 {
            count(&mut metrics.messages_unanswerable);
            self.drop_message(now, message);
        } else {
            let slot = self.pending.push(message);
            self.seen.set_fate(seen, Fate::Waits(slot));
            self.ids.wait(telling, Some(slot));
        }
    }

    /// Takes a module's VALIDATION (rule 3). `neighbours` as for [`arrive`](Self::arrive).
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn validate(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        module: ConnectionId,
        wire_id: u16,
        valid: bool,
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        out.clear();
        self.time_out(now, metrics);
        let message = match self.ids.answer(module, wire_id) {
            Answer::Decides(slot) => self.take_waiting(slot),
            Answer::Ignored => None,
        };
        let Some(message) = message else {
            count(&mut metrics.validations_ignored);
            return;
        };
        count(&mut metrics.validations);
        if let Source::Neighbour(neighbour) = message.source {
            self.refusals.count(now, neighbour, !valid);
        }
        if valid || planted!(RefusedIsSpread) {
            count(&mut metrics.messages_valid);
            self.spread(now, settings, metrics, message, neighbours, out);
        } else {
            count(&mut metrics.messages_refused);
            self.drop_message(now, message);
        }
    }

    /// A module subscribes to a type: appends what it is told of what is known already (section 12), in at most so many
    /// bytes, each message with the id that the NOTIFICATION has. Nobody waits for its answers.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn replay(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        module: ConnectionId,
        data_type: u16,
        bytes: u64,
        (told, new_listeners): (&mut Vec<(u16, Payload)>, &mut Vec<ConnectionId>),
    ) {
        let of_type = self.pending.iter().filter(|message| message.payload.data_type() == data_type);
        let waiting = of_type.map(|message| (message.id, message.payload.clone()));
        let mut all = self.repair.replay(data_type, bytes);
        all.extend(waiting);
        for (id, payload) in all {
            let telling = self.ids.tell(now, &mut self.rng, id, &[module], new_listeners);
            told.push((telling.id, payload));
            count(&mut metrics.messages_replayed);
        }
        bump(&mut metrics.modules_listening, new_listeners.len());
        self.sweep_by(now.after(settings.suppression_time));
    }

    /// A module's connection is gone: its ids are free, and messages that nobody else was asked about are dropped.
    pub(crate) fn module_closed(&mut self, now: Instant, metrics: &mut Metrics, module: ConnectionId) {
        let mut slots = std::mem::take(&mut self.slots);
        self.ids.close(module, &mut slots);
        for slot in slots.drain(..) {
            if let Some(message) = self.take_waiting(slot) {
                count(&mut metrics.messages_unanswerable);
                self.drop_message(now, message);
            }
        }
        self.slots = slots;
    }

    /// A neighbour joined the view: appends the held messages that it gets, oldest first (rule 4).
    pub(crate) fn neighbour_up(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        out: &mut Vec<Spread>,
    ) {
        self.expire_held(now);
        let mut slots = std::mem::take(&mut self.slots);
        self.held.neighbour_up(neighbour, out, &mut slots);
        slots.drain(..).for_each(|slot| self.release_held(slot));
        self.slots = slots;
        // Its bound may have been lowered.
        while let Some(slot) = self.held.too_many(settings) {
            self.release_held(slot);
        }
    }

    /// Would an ANNOUNCE with `size` bytes of data have to be parked: is the waiting table, or the share of its type or
    /// source, full? One that its announcer vouches for does not wait and is taken whatever this says.
    pub(crate) fn is_pressed(
        &self,
        now: Instant,
        settings: &Settings,
        source: Source,
        data_type: u16,
        size: usize,
    ) -> bool {
        !self.has_room(now, settings, source, data_type, size)
    }

    /// Is this module only told, never waited for?
    #[cfg(test)]
    pub(crate) fn is_listener(&self, module: ConnectionId) -> bool {
        self.ids.is_listener(module)
    }

    /// For how long messages are really remembered now: `suppression_time`, or less while `seen_max` makes them leave
    /// early.
    pub(crate) fn memory_span(&self, now: Instant, settings: &Settings) -> Duration {
        self.seen.span(now, settings.suppression_time)
    }

    /// See [`GossipState::touch`](crate::GossipState::touch).
    pub(crate) fn touch(&self, depth: u8) -> u64 {
        let own = if depth == 0 { self.key[0] ^ self.deadline().map_or(0, Instant::as_micros) } else { 0 };
        own ^ self.seen.touch(depth)
    }

    /// Ends what has had its time. Waiting messages exactly, the memory about once a second.
    pub(crate) fn expire(&mut self, now: Instant, settings: &Settings, metrics: &mut Metrics) {
        self.time_out(now, metrics);
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep(now, settings);
        }
    }

    /// Repair remembers what it asked for: that grows old, too.
    pub(crate) fn has_asked(&mut self, now: Instant, settings: &Settings) {
        if self.repair.wants() > 0 {
            self.sweep_by(now.after(settings.suppression_time));
        }
    }

    /// Gives back what is made again when it is needed.
    pub(crate) fn tidy(&mut self) {
        self.rng.rest();
        self.repair.tidy();
    }

    /// When [`expire`](Self::expire) is wanted next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        earliest([self.pending.deadline(), self.sweep_at, self.repair.deadline()])
    }

    /// Messages that wait for VALIDATION.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Their bytes of type and data.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.pending.total().bytes
    }

    /// Those of one source and type.
    pub(crate) fn waiting_bytes_of(&self, source: Source, data_type: u16) -> u64 {
        self.pending.of(source, data_type).bytes
    }

    /// Messages remembered, waiting ones included.
    pub(crate) fn seen(&self) -> usize {
        self.seen.len()
    }

    /// Messages held for neighbours to come.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// What a message is known by, its id, and its slot if it is known. An announcement gets an id with which it is
    /// not known, if 16 draws find one.
    fn identify(&mut self, arrival: &Arrival<'_>) -> (Identity, u16, Option<u32>) {
        let (mut id, draws) = match arrival.source {
            Source::Neighbour(_) => (arrival.id, 1),
            Source::Module(_) => (self.rng.id(), ID_DRAWS),
        };
        let mut identity = seen::identity(self.key, id, arrival.data_type, arrival.data);
        let mut known = self.seen.find(&identity);
        for _ in 1..draws {
            if known.is_none() {
                break;
            }
            id = self.rng.id();
            identity = seen::identity(self.key, id, arrival.data_type, arrival.data);
            known = self.seen.find(&identity);
        }
        (identity, id, known)
    }

    /// What was asked for is asked for again, later: what came in answer, or, where offers take the place of pushes, at all.
    fn found_no_room(&mut self, now: Instant, id: u16, arrival: &Arrival<'_>) {
        if let Source::Neighbour(sender) = arrival.source
            && (arrival.fetched.is_some() || self.repair.has_trees())
        {
            self.repair.found_no_room(now, sender, (id, arrival.data_type, arrival.data));
        }
    }

    /// A copy of a message that is known (rules 5 and 6).
    #[allow(clippy::too_many_arguments)]
    fn take_copy(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        seen: u32,
        arrival: &Arrival<'_>,
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        let (Source::Neighbour(sender), Some(fate)) = (arrival.source, self.seen.fate(seen)) else { return };
        let greatest = self.seen.ttl(seen);
        let ttl = spread::remembered_ttl(u16::from(arrival.ttl));
        if self.repair.has_trees() && self.says_something(now, seen, fate, arrival) {
            out.turn = self.repair.copy_came(now, sender, arrival.data_type);
        }
        match fate {
            Fate::Waits(slot) => self.pending.add_copy(slot, sender, u16::from(arrival.ttl), PARTNERS_MAX),
            Fate::Held(slot) => {
                self.held.get_mut(slot).into_iter().for_each(|held| held.add_sender(sender, PARTNERS_MAX));
            }
            Fate::Valid(mask) => self.seen.set_fate(seen, Fate::Valid(mask | seen::mask(sender))),
            Fate::Dropped => return,
        }
        if self.repair.has_trees() && !matches!(fate, Fate::Waits(_)) {
            self.repair.has_sent(sender, (arrival.id, arrival.data_type, arrival.data));
        }
        // Once a message is valid, only what it was spread with counts: copies that creep up below the double, never
        // spread, must not stop it either.
        if matches!(fate, Fate::Waits(_)) {
            self.seen.set_ttl(seen, greatest.max(ttl));
            return;
        }
        if !spread::is_much_greater(arrival.ttl, greatest) {
            return;
        }
        self.seen.set_ttl(seen, ttl);
        let Some(ttl) = spread::outgoing_ttl(u16::from(arrival.ttl)) else { return };
        count(&mut metrics.messages_respread);
        let spread = Spread { ttl, id: arrival.id, payload: Payload::new(arrival.data_type, arrival.data) };
        self.repair.raise(now, settings, &spread);
        match self.seen.fate(seen) {
            Some(Fate::Held(slot)) => self.send_held_again(settings, slot, spread, neighbours, out),
            Some(Fate::Valid(mask)) => {
                let is_excluded = |neighbour| mask & seen::mask(neighbour) != 0;
                spread::choose_targets(&mut self.rng, neighbours, settings.degree, &mut out.targets, is_excluded);
                out.spread = Some(spread).filter(|_| !out.targets.is_empty());
            }
            _ => {}
        }
    }

    /// Does a copy say that its link need not push (section 13)?
    fn says_something(&self, now: Instant, seen: u32, fate: Fate, arrival: &Arrival<'_>) -> bool {
        let is_recent = || now.since(self.seen.decided(seen)) < TREE_COPY_COUNTS;
        arrival.fetched.is_none()
            && arrival.ttl >= TREE_TTL_MIN
            && !spread::is_much_greater(arrival.ttl, self.seen.ttl(seen))
            && (matches!(fate, Fate::Waits(_)) || is_recent())
    }

    /// A held message is to be spread again, with a greater ttl: those who have it from us get it once more, and so do
    /// those who come, in its old place and time.
    fn send_held_again(
        &mut self,
        settings: &Settings,
        slot: u32,
        spread: Spread,
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        let Some(held) = self.held.get_mut(slot) else { return };
        held.excluded.truncate(held.senders);
        held.spread = spread.clone();
        let is_excluded = |neighbour| held.excluded.contains(&neighbour);
        spread::choose_targets(&mut self.rng, neighbours, settings.degree, &mut out.targets, is_excluded);
        out.spread = Some(spread).filter(|_| !out.targets.is_empty());
        held.excluded.extend_from_slice(&out.targets);
        held.wanted = still_wanted(settings, out);
        if held.wanted == 0 {
            self.release_held(slot);
        }
    }

    /// A message is valid: it goes on (rule 4).
    fn spread(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        message: Waiting,
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        let Waiting { seen, id, hops, payload, senders, deadline, fetched, .. } = message;
        self.seen.decide(seen, now, Fate::Valid(mask_of(&senders)));
        let ttl = spread::outgoing_ttl(hops);
        // A message that was not asked for is as old as its arrival.
        let arrived = deadline.before(settings.validation_timeout);
        let is_fetched = fetched.is_some();
        let age = fetched.map_or(Age::then(arrived, Duration::ZERO), |age| *age);
        let learned = Learned { id, ttl, payload: &payload, age, is_fetched, senders: &senders };
        out.known = self.repair.learn(now, settings, learned);
        match ttl.map(|ttl| Spread { ttl, id, payload }) {
            None => self.spare.give(senders),
            Some(spread) if is_fetched && !(self.repair.has_trees() && age.now(now) < TREE_YOUNG) => {
                self.pass_on_fetched(now, settings, (spread, senders, age), neighbours, out);
            }
            Some(spread) => {
                let deadline = now.after(settings.suppression_time);
                self.send(now, settings, metrics, (seen, spread, senders, deadline), neighbours, out);
            }
        }
    }

    /// Pushes a message that was asked for to those who cannot be offered it, while it is young (section 12).
    fn pass_on_fetched(
        &mut self,
        now: Instant,
        settings: &Settings,
        (spread, senders, age): (Spread, Vec<NeighbourId>, Age),
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        if age.now(now) < settings.suppression_time.part(4) {
            let repair = &self.repair;
            let is_excluded = |neighbour| senders.contains(&neighbour) || repair.is_linked(neighbour);
            spread::choose_targets(&mut self.rng, neighbours, settings.degree, &mut out.targets, is_excluded);
            out.spread = Some(spread).filter(|_| !out.targets.is_empty());
        }
        self.spare.give(senders);
    }

    /// Chooses to whom a valid message goes, none of its senders, and holds it until the deadline if they are too few.
    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        (seen, spread, mut excluded, deadline): (u32, Spread, Vec<NeighbourId>, Instant),
        neighbours: &[NeighbourId],
        out: &mut Delivery,
    ) {
        let lazily = if let Some(number) = out.known.filter(|_| spread.ttl >= TREE_TTL_MIN && self.repair.has_trees()) {
            let message = Spreadable { number, data_type: spread.payload.data_type(), senders: &excluded };
            self.repair.choose(now, settings, &mut self.rng, message, neighbours, &mut out.targets)
        } else {
            let senders = if planted!(SentBack) { &[][..] } else { &excluded };
            spread::choose_others(&mut self.rng, neighbours, settings.degree, &mut out.targets, senders);
            0
        };
        let wanted = still_wanted(settings, out).saturating_sub(u32::try_from(lazily).unwrap_or(u32::MAX));
        if wanted == 0 || settings.cache_size == 0 {
            self.spare.give(excluded);
            out.spread = Some(spread).filter(|_| !out.targets.is_empty());
            return;
        }
        out.spread = (!out.targets.is_empty()).then(|| spread.clone());
        let senders = excluded.len();
        excluded.extend_from_slice(&out.targets);
        let slot = self.held.push(Held { seen, spread, wanted, excluded, senders, deadline });
        self.seen.set_fate(seen, Fate::Held(slot));
        count(&mut metrics.messages_held);
        while let Some(oldest) = self.held.too_many(settings) {
            count(&mut metrics.messages_held_dropped);
            self.release_held(oldest);
        }
    }

    /// A message goes nowhere.
    fn drop_message(&mut self, now: Instant, message: Waiting) {
        self.seen.decide(message.seen, now, Fate::Dropped);
        self.spare.give(message.senders);
    }

    /// Takes a message out of the waiting table.
    fn take_waiting(&mut self, slot: u32) -> Option<Waiting> {
        let message = self.pending.remove(slot)?;
        self.ids.wait(message.telling, None);
        Some(message)
    }

    /// Drops the messages that have waited for `validation_timeout`.
    #[inline]
    fn time_out(&mut self, now: Instant, metrics: &mut Metrics) {
        if self.pending.overdue(now).is_some() {
            self.drop_overdue(now, metrics);
        }
    }

    #[cold]
    fn drop_overdue(&mut self, now: Instant, metrics: &mut Metrics) {
        while let Some(slot) = self.pending.overdue(now) {
            let Some(message) = self.take_waiting(slot) else { return };
            count(&mut metrics.messages_timed_out);
            if let Source::Neighbour(neighbour) = message.source {
                self.refusals.count(now, neighbour, false);
            }
            self.drop_message(now, message);
        }
    }

    /// May one more message with `size` bytes of data wait?
    fn has_room(&self, now: Instant, settings: &Settings, source: Source, data_type: u16, size: usize) -> bool {
        let bytes = size.saturating_add(size_of::<u16>());
        self.pending.has_plenty(settings, bytes)
            || self.pending.has_room(settings, source, data_type, bytes, self.refusals.part(now, source))
    }

    /// Makes room in the memory for one more message, if that can be.
    fn make_room_to_remember(&mut self, now: Instant, settings: &Settings, metrics: &mut Metrics) -> bool {
        // Twice: else a bound that was lowered would never be reached while messages keep coming.
        for _ in 0..2 {
            match self.seen.make_room(now, settings.suppression_time, settings.seen_max) {
                Ok(None) => return true,
                Ok(Some(fate)) => {
                    count(&mut metrics.seen_forgotten_early);
                    if let Fate::Held(slot) = fate {
                        count(&mut metrics.messages_held_dropped);
                        self.forget_held(slot);
                    }
                }
                Err(seen::Full) => return false,
            }
        }
        true
    }

    /// What was to happen by the settings of before is looked at anew.
    pub(crate) fn settings_changed(&mut self, now: Instant, settings: &Settings) {
        self.sweep_by(now);
        self.repair.settings_changed(now, settings);
    }

    /// A message is held no more; the memory keeps who sent copies as far as it can.
    fn release_held(&mut self, slot: u32) {
        let Some(held) = self.held.remove(slot) else { return };
        let mask = mask_of(held.excluded.get(..held.senders).unwrap_or(&[]));
        self.seen.set_fate(held.seen, Fate::Valid(mask));
        self.spare.give(held.excluded);
    }

    /// A message is held no more and not remembered any more either.
    fn forget_held(&mut self, slot: u32) {
        if let Some(held) = self.held.remove(slot) {
            self.spare.give(held.excluded);
        }
    }

    fn expire_held(&mut self, now: Instant) {
        while let Some(slot) = self.held.overdue(now) {
            self.release_held(slot);
        }
    }

    /// Something grows old from now on, until `at`: what was to be swept later is not waited for.
    fn sweep_by(&mut self, at: Instant) {
        self.sweep_at = Some(self.sweep_at.map_or(at, |known| known.min(at)));
    }

    fn sweep(&mut self, now: Instant, settings: &Settings) {
        let span = settings.suppression_time;
        self.expire_held(now);
        self.repair.expire(now, settings);
        let forgets_after = if planted!(ForgottenTooEarly) { span.part(4) } else { span };
        if !planted!(NeverForgotten) {
            self.seen.expire(now, forgets_after);
        }
        self.ids.expire(now, span);
        self.refusals.expire(now);
        self.ids.trim();
        self.pending.trim();
        self.held.trim();
        self.spare.trim();
        if !std::mem::take(&mut self.is_busy) || self.seen.len() == 0 {
            self.give_back();
        }
        let next = [
            self.held.next_expiry(),
            self.seen.next_expiry(span),
            self.ids.next_expiry(span),
            self.refusals.next_expiry(),
            self.repair.next_expiry(settings),
            // What waits grows old once it is decided, now at the earliest.
            self.pending.deadline().map(|_| now.after(span)),
        ];
        self.sweep_at = earliest(next).map(|at| at.max(now.after(SWEEP)));
    }

    /// Gives back the room of what is empty.
    fn give_back(&mut self) {
        self.ids.shrink();
        if self.pending.is_empty() {
            self.pending.shrink();
            self.held.shrink();
        }
        if self.pending.is_empty() && self.held.len() == 0 {
            self.spare.shrink();
        }
    }
}

/// How many neighbours short of `degree` a delivery is.
fn still_wanted(settings: &Settings, out: &Delivery) -> u32 {
    settings.degree.saturating_sub(u32::try_from(out.targets.len()).unwrap_or(u32::MAX))
}

fn mask_of(neighbours: &[NeighbourId]) -> u32 {
    neighbours.iter().fold(0, |mask, neighbour| mask | seen::mask(*neighbour))
}

fn count(counter: &mut u64) {
    bump(counter, 1);
}

/// No counter of 64 bits comes round while anybody lives.
fn bump(counter: &mut u64, by: usize) {
    *counter = counter.wrapping_add(by as u64);
}

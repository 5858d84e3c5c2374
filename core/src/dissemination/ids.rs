//! Message ids towards modules (section 5, Identity): which are taken on which connection, and what an answer is about.

use super::fifo::Fifo;
use crate::event::ConnectionId;
use crate::limits::{TAKEN_IDS_MAX, TAKEN_IDS_TOTAL_MAX};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Draws for a free id. On one connection at least every second id is free.
const DRAWS: usize = 64;

/// One NOTIFICATION, as it was sent to an audience.
#[derive(Debug)]
struct Telling {
    id: u16,
    at: Instant,
    /// Everyone who was told and was no listener; some may have answered or closed since.
    modules: Vec<ConnectionId>,
    /// Connections on which its id is still taken by it.
    taken: u32,
    /// Those of `modules` whose answer counts, and that are open.
    asked: u32,
    /// The message's slot in the waiting table while it waits.
    pending: Option<u32>,
}

/// An id that is taken on one connection.
#[derive(Clone, Copy, Debug)]
struct Taken {
    telling: u32,
    /// The id was taken before and had to be used again: nobody could say what an answer would be about.
    ambiguous: bool,
}

#[derive(Debug, Default)]
struct Module {
    taken: BTreeMap<u16, Taken>,
    listener: bool,
}

/// What a VALIDATION is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A message that waits, in this slot of the waiting table.
    Decides(u32),
    /// Nothing that waits: to be ignored.
    Ignored,
}

/// The taken ids of all modules: at most [`TAKEN_IDS_MAX`] each and [`TAKEN_IDS_TOTAL_MAX`] in all. A module that
/// reaches its bound is a listener until none is taken.
#[derive(Debug, Default)]
pub(super) struct Ids {
    modules: BTreeMap<ConnectionId, Module>,
    tellings: Fifo<Telling>,
    total: usize,
    /// Lists of tellings that ended, to be used again.
    spare: Vec<Vec<ConnectionId>>,
}

/// How a message was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Under this id.
    pub(super) id: u16,
    /// The telling, if any id was taken: see [`Ids::wait`].
    pub(super) telling: Option<u32>,
    /// How many connections were asked, not only told.
    pub(super) asked: u32,
}

impl Ids {
    pub(super) fn is_listener(&self, module: ConnectionId) -> bool {
        self.modules.get(&module).is_some_and(|module| module.listener)
    }

    /// Will anyone of the audience be asked?
    pub(super) fn can_ask(&self, audience: &[ConnectionId]) -> bool {
        audience.iter().any(|module| !self.is_listener(*module))
    }

    /// Takes an id for a message on every connection of the audience that is no listener: `preferred` if it is free
    /// on all of them, else any that is. Appends who became a listener by that.
    pub(super) fn tell(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        preferred: u16,
        audience: &[ConnectionId],
        new_listeners: &mut Vec<ConnectionId>,
    ) -> Told {
        let mut modules = self.spare.pop().unwrap_or_default();
        modules.extend(audience.iter().copied().filter(|module| !self.is_listener(*module)));
        if modules.is_empty() {
            self.spare.push(modules);
            return Told { id: preferred, telling: None, asked: 0 };
        }
        let id = self.choose_id(rng, preferred, &modules);
        let count = u32::try_from(modules.len()).unwrap_or(u32::MAX);
        let telling = self.tellings.push(Telling { id, at: now, modules, taken: count, asked: 0, pending: None });
        let mut asked = 0_u32;
        for at in 0..count as usize {
            let Some(module) = self.tellings.get(telling).and_then(|told| told.modules.get(at)).copied() else { break };
            let share = TAKEN_IDS_MAX.min(TAKEN_IDS_TOTAL_MAX.saturating_sub(self.total));
            let record = self.modules.entry(module).or_default();
            let before = record.taken.insert(id, Taken { telling, ambiguous: false });
            if record.taken.len() >= share {
                record.listener = true;
                new_listeners.push(module);
            }
            match before {
                None => {
                    self.total = self.total.saturating_add(1);
                    asked = asked.saturating_add(1);
                }
                Some(before) => {
                    record.taken.insert(id, Taken { telling, ambiguous: true });
                    self.let_go(before.telling);
                }
            }
        }
        if let Some(told) = self.tellings.get_mut(telling) {
            told.asked = asked;
        }
        Told { id, telling: Some(telling), asked }
    }

    /// A message told waits in this slot, or (none) waits no more.
    pub(super) fn wait(&mut self, telling: u32, pending: Option<u32>) {
        if let Some(told) = self.tellings.get_mut(telling) {
            told.pending = pending;
        }
        self.end_if_over(telling);
    }

    /// A module answered: what about? Frees the id.
    pub(super) fn answer(&mut self, module: ConnectionId, id: u16) -> Answer {
        let Some(record) = self.modules.get_mut(&module) else { return Answer::Ignored };
        match record.taken.get(&id) {
            Some(Taken { ambiguous: false, telling }) if !record.listener => {
                let telling = *telling;
                record.taken.remove(&id);
                self.total = self.total.saturating_sub(1);
                let answer = match self.tellings.get(telling) {
                    Some(Telling { pending: Some(pending), .. }) => Answer::Decides(*pending),
                    _ => Answer::Ignored,
                };
                self.let_go(telling);
                answer
            }
            _ => Answer::Ignored,
        }
    }

    /// A module closed: its ids are free. Appends the slots of the messages that nobody else was asked about.
    pub(super) fn close(&mut self, module: ConnectionId, unanswerable: &mut Vec<u32>) {
        let Some(record) = self.modules.remove(&module) else { return };
        self.total = self.total.saturating_sub(record.taken.len());
        for Taken { telling, ambiguous } in record.taken.into_values() {
            if let Some(told) = self.tellings.get_mut(telling)
                && !ambiguous
            {
                told.asked = told.asked.saturating_sub(1);
                unanswerable.extend(told.pending.filter(|_| told.asked == 0));
            }
            self.let_go(telling);
        }
    }

    /// Frees the ids that were told `span` ago or earlier, answered or not.
    pub(super) fn expire(&mut self, now: Instant, span: Duration) {
        while let Some((slot, told)) = self.tellings.front()
            && told.at.after(span) <= now
        {
            let Some(told) = self.tellings.remove(slot) else { break };
            for module in &told.modules {
                let Some(record) = self.modules.get_mut(module) else { continue };
                if record.taken.get(&told.id).is_some_and(|taken| taken.telling == slot) {
                    record.taken.remove(&told.id);
                    self.total = self.total.saturating_sub(1);
                }
                record.listener &= !record.taken.is_empty();
            }
            self.recycle(told.modules);
        }
        if self.tellings.is_empty() {
            self.tellings.shrink();
            self.spare = Vec::new();
        }
    }

    /// When the next ids are freed.
    pub(super) fn next_expiry(&self, span: Duration) -> Option<Instant> {
        self.tellings.front().map(|(_, told)| told.at.after(span))
    }

    /// An id that is free on all these connections. If 64 draws find none (many modules, each with many taken): one
    /// whose takers wait for nothing any more, else the last drawn.
    fn choose_id(&self, rng: &mut Rng, preferred: u16, modules: &[ConnectionId]) -> u16 {
        let (mut id, mut idle) = (preferred, None);
        for _ in 0..DRAWS {
            let mut takers = modules.iter().filter_map(|module| self.modules.get(module)?.taken.get(&id)).peekable();
            if takers.peek().is_none() {
                return id;
            }
            let waits = |taken: &Taken| self.tellings.get(taken.telling).is_some_and(|told| told.pending.is_some());
            if !takers.any(waits) {
                idle = Some(id);
            }
            id = rng.id();
        }
        idle.unwrap_or(id)
    }

    /// One connection less on which the telling's id is taken.
    fn let_go(&mut self, telling: u32) {
        if let Some(told) = self.tellings.get_mut(telling) {
            told.taken = told.taken.saturating_sub(1);
        }
        self.end_if_over(telling);
    }

    /// Forgets a telling that nothing refers to any more.
    fn end_if_over(&mut self, telling: u32) {
        if let Some(Telling { taken: 0, pending: None, .. }) = self.tellings.get(telling)
            && let Some(told) = self.tellings.remove(telling)
        {
            self.recycle(told.modules);
        }
    }

    fn recycle(&mut self, mut list: Vec<ConnectionId>) {
        // As many as may be needed in a burst; beyond that the allocator serves.
        if self.spare.len() < 256 {
            list.clear();
            self.spare.push(list);
        }
    }
}

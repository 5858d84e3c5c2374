//! Message ids towards modules (section 5, Identity): which are taken on which connection, and what an answer is about.

use super::fifo::Fifo;
use crate::event::ConnectionId;
use crate::limits::{TAKEN_IDS_MAX, TAKEN_IDS_TOTAL_MAX};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::util::sorted::SortedMap;
use crate::util::spare::SpareLists;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Draws for a free id. On one connection at least every second id is free.
const DRAWS: usize = 64;

/// One NOTIFICATION, as it was sent to an audience.
#[derive(Clone, Debug)]
struct Telling {
    id: u16,
    at: Instant,
    /// Everyone who was told and was no listener; some may have answered or closed since.
    modules: Asked,
    /// Connections on which its id is still taken by it.
    taken: u32,
    /// Those of `modules` whose answer counts, and that are open.
    asked: u32,
    /// The message's slot in the waiting table while it waits.
    pending: Option<u32>,
}

impl Telling {
    /// Does nothing refer to it any more?
    fn is_over(&self) -> bool {
        self.taken == 0 && self.pending.is_none()
    }
}

/// Mostly it is one, and that needs no list.
#[derive(Clone, Debug)]
enum Asked {
    One(ConnectionId),
    These(Vec<ConnectionId>),
}

impl Asked {
    fn all(&self) -> &[ConnectionId] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::These(modules) => modules,
        }
    }
}

/// An id that is taken on one connection.
#[derive(Clone, Copy, Debug)]
struct Taken {
    id: u16,
    telling: u32,
    /// The id was taken before and had to be used again: nobody could say what an answer would be about.
    ambiguous: bool,
}

/// The ids that are taken on one connection.
#[derive(Clone, Debug, Default)]
struct TakenIds(HashTable<Taken>);

impl TakenIds {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, id: u16) -> Option<&Taken> {
        self.0.find(spread_out(id), |taken| taken.id == id)
    }

    /// Takes an id; what had taken it before.
    fn insert(&mut self, new: Taken) -> Option<Taken> {
        match self.0.entry(spread_out(new.id), |taken| taken.id == new.id, |taken| spread_out(taken.id)) {
            Entry::Occupied(mut known) => Some(std::mem::replace(known.get_mut(), new)),
            Entry::Vacant(place) => {
                place.insert(new);
                None
            }
        }
    }

    /// Frees an id that was taken once, and says by which telling. One that is ambiguous stays taken.
    fn free(&mut self, id: u16) -> Option<u32> {
        let known = self.0.find_entry(spread_out(id), |taken| taken.id == id).ok()?;
        let Taken { telling, ambiguous, .. } = *known.get();
        if ambiguous {
            return None;
        }
        known.remove();
        Some(telling)
    }

    fn remove(&mut self, id: u16) {
        if let Ok(known) = self.0.find_entry(spread_out(id), |taken| taken.id == id) {
            known.remove();
        }
    }

    /// Gives back what a burst needed.
    fn shrink(&mut self) {
        if self.0.is_empty() {
            self.0 = HashTable::new();
        }
    }

    /// All of them, in the order of their ids.
    fn into_sorted(self) -> Vec<Taken> {
        let mut all: Vec<Taken> = self.0.into_iter().collect();
        all.sort_unstable_by_key(|taken| taken.id);
        all
    }
}

/// The hash of an id. It needs no key: of 65,536 ids, no choice makes many meet in one place.
fn spread_out(id: u16) -> u64 {
    u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[derive(Clone, Debug, Default)]
struct Module {
    taken: TakenIds,
    listener: bool,
}

impl Module {
    /// Takes an id for a telling; says what had taken it before, and whether the module is a listener from now on because
    /// that makes `share` of them.
    fn take(&mut self, id: u16, telling: u32, share: usize) -> (Option<Taken>, bool) {
        let before = self.taken.insert(Taken { id, telling, ambiguous: false });
        if before.is_some() {
            self.taken.insert(Taken { id, telling, ambiguous: true });
        }
        let is_full = self.taken.len() >= share;
        self.listener |= is_full;
        (before, is_full)
    }
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
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    modules: SortedMap<ConnectionId, Module>,
    tellings: Fifo<Telling>,
    total: usize,
    /// Lists of tellings that ended, to be used again.
    spare: SpareLists<ConnectionId>,
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
        let Some(modules) = self.those_to_ask(audience) else {
            return Told { id: preferred, telling: None, asked: 0 };
        };
        let id = self.choose_id(rng, preferred, modules.all());
        let taken = u32::try_from(modules.all().len()).unwrap_or(u32::MAX);
        let new = Telling { id, at: now, modules: Asked::These(Vec::new()), taken, asked: 0, pending: None };
        let telling = self.tellings.push(new);
        let mut asked = 0_u32;
        for module in modules.all() {
            let share = TAKEN_IDS_MAX.min(TAKEN_IDS_TOTAL_MAX.saturating_sub(self.total));
            let (before, is_listener) =
                self.modules.change(*module, Module::default, |record| record.take(id, telling, share));
            if is_listener {
                new_listeners.push(*module);
            }
            match before {
                None => {
                    self.total = self.total.saturating_add(1);
                    asked = asked.saturating_add(1);
                }
                Some(before) => _ = self.let_go(before.telling),
            }
        }
        if let Some(told) = self.tellings.get_mut(telling) {
            (told.modules, told.asked) = (modules, asked);
        }
        Told { id, telling: Some(telling), asked }
    }

    /// Those of an audience that are no listeners; none if there are none.
    fn those_to_ask(&mut self, audience: &[ConnectionId]) -> Option<Asked> {
        let Self { modules, spare, .. } = self;
        let is_listener = |module: &ConnectionId| modules.get(module).is_some_and(|module| module.listener);
        let mut asked = audience.iter().copied().filter(|module| !is_listener(module));
        let only = asked.next()?;
        let Some(second) = asked.next() else { return Some(Asked::One(only)) };
        let mut these = spare.take();
        these.extend([only, second]);
        these.extend(asked);
        Some(Asked::These(these))
    }

    /// A message told waits in this slot, or (none) waits no more.
    pub(super) fn wait(&mut self, telling: u32, pending: Option<u32>) {
        if let Some(told) = self.tellings.get_mut(telling) {
            told.pending = pending;
            if told.is_over() {
                self.end(telling);
            }
        }
    }

    /// A module answered: what about? Frees the id.
    pub(super) fn answer(&mut self, module: ConnectionId, id: u16) -> Answer {
        let Some(record) = self.modules.get_mut(&module) else { return Answer::Ignored };
        if record.listener {
            return Answer::Ignored;
        }
        let Some(telling) = record.taken.free(id) else { return Answer::Ignored };
        self.total = self.total.saturating_sub(1);
        self.let_go(telling).map_or(Answer::Ignored, Answer::Decides)
    }

    /// A module closed: its ids are free. Appends the slots of the messages that nobody else was asked about.
    pub(super) fn close(&mut self, module: ConnectionId, unanswerable: &mut Vec<u32>) {
        let Some(record) = self.modules.remove(&module) else { return };
        self.total = self.total.saturating_sub(record.taken.len());
        for Taken { telling, ambiguous, .. } in record.taken.into_sorted() {
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
            for module in told.modules.all() {
                let Some(record) = self.modules.get_mut(module) else { continue };
                if record.taken.get(told.id).is_some_and(|taken| taken.telling == slot) {
                    record.taken.remove(told.id);
                    self.total = self.total.saturating_sub(1);
                }
                record.listener &= record.taken.len() > 0;
            }
            self.keep_room(told.modules);
        }
    }

    /// Gives room back if few ids are taken.
    pub(super) fn trim(&mut self) {
        self.tellings.trim();
        self.spare.trim();
    }

    /// Gives the room back if no id is taken.
    pub(super) fn shrink(&mut self) {
        if self.tellings.is_empty() {
            self.modules.values_mut().for_each(|record| record.taken.shrink());
            self.tellings.shrink();
            self.spare.shrink();
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
            let mut takers = modules.iter().filter_map(|module| self.modules.get(module)?.taken.get(id)).peekable();
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

    /// One connection less on which the telling's id is taken. The slot of its message, if that waits.
    fn let_go(&mut self, telling: u32) -> Option<u32> {
        let told = self.tellings.get_mut(telling)?;
        told.taken = told.taken.saturating_sub(1);
        let pending = told.pending;
        if told.is_over() {
            self.end(telling);
        }
        pending
    }

    /// Forgets a telling.
    fn end(&mut self, telling: u32) {
        if let Some(told) = self.tellings.remove(telling) {
            self.keep_room(told.modules);
        }
    }

    fn keep_room(&mut self, asked: Asked) {
        if let Asked::These(modules) = asked {
            self.spare.give(modules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use quickcheck::{Arbitrary, Gen};

    const SPAN: Duration = Duration::from_secs(60);

    fn module(n: u64) -> ConnectionId {
        ConnectionId::accepted(n)
    }

    /// Which message each module would mean by an id: what the table must never get wrong.
    #[test]
    fn an_answer_never_decides_a_message_other_than_the_one_it_is_about() {
        for seed in 0..300 {
            let g = &mut Gen::from_size_and_seed(400, seed);
            let (mut ids, mut rng, mut now) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination), Instant::ZERO);
            // (module, id, message, told at): unanswered tellings. A message's slot is its number.
            let mut told: Vec<(u64, u16, u32, Instant)> = Vec::new();
            let mut waiting: Vec<(u32, u32)> = Vec::new();
            for (n, (kind, pick)) in Vec::<(u8, u16)>::arbitrary(g).into_iter().enumerate() {
                let message = u32::try_from(n).unwrap();
                match kind % 8 {
                    0..=3 => {
                        let audience: Vec<u64> = (0..5).filter(|m| (pick >> m) & 1 == 1).collect();
                        let list: Vec<_> = audience.iter().map(|m| module(*m)).collect();
                        let preferred = (pick >> 5) % 4;
                        let was_free = audience.iter().all(|m| !told.iter().any(|t| (t.0, t.1) == (*m, preferred)));
                        let result = ids.tell(now, &mut rng, preferred, &list, &mut Vec::new());
                        assert_eq!(result.id == preferred, was_free || audience.is_empty(), "seed {seed}");
                        assert_eq!(result.asked as usize, audience.len(), "seed {seed}");
                        if let Some(telling) = result.telling {
                            ids.wait(telling, Some(message));
                            waiting.push((message, telling));
                            told.extend(audience.iter().map(|m| (*m, result.id, message, now)));
                        }
                    }
                    4 | 5 if !told.is_empty() => {
                        let (m, id, message, _) = told.remove(usize::from(pick) % told.len());
                        let at = waiting.iter().position(|w| w.0 == message);
                        let expected = if at.is_some() { Answer::Decides(message) } else { Answer::Ignored };
                        assert_eq!(ids.answer(module(m), id), expected, "seed {seed}");
                        assert_eq!(ids.answer(module(m), id), Answer::Ignored, "twice, seed {seed}");
                        if let Some(at) = at {
                            ids.wait(waiting.remove(at).1, None);
                        }
                    }
                    6 => {
                        let m = u64::from(pick % 5);
                        let mut unanswerable = Vec::new();
                        ids.close(module(m), &mut unanswerable);
                        let was_asked: Vec<u32> = told.iter().filter(|t| t.0 == m).map(|t| t.2).collect();
                        told.retain(|t| t.0 != m);
                        let mut expected: Vec<u32> = waiting.iter().map(|w| w.0).collect();
                        expected.retain(|w| was_asked.contains(w) && !told.iter().any(|t| t.2 == *w));
                        unanswerable.sort_unstable();
                        assert_eq!(unanswerable, expected, "seed {seed}");
                        for message in unanswerable {
                            let at = waiting.iter().position(|w| w.0 == message).unwrap();
                            ids.wait(waiting.remove(at).1, None);
                        }
                    }
                    _ => {
                        now = now.after(Duration::from_millis(u64::from(pick % 30_000)));
                        // What waits is decided before its ids are freed: validation_timeout is the shorter span.
                        for (_, telling) in waiting.drain(..) {
                            ids.wait(telling, None);
                        }
                        ids.expire(now, SPAN);
                        told.retain(|t| t.3.after(SPAN) > now);
                    }
                }
                assert_eq!(ids.total, told.len(), "seed {seed}");
            }
        }
    }

    #[test]
    fn all_modules_together_take_a_bounded_number_of_ids() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        ids.total = TAKEN_IDS_TOTAL_MAX - 30;
        let mut new_listeners = Vec::new();
        for who in [1, 2, 3] {
            for id in 0..20 {
                ids.tell(Instant::ZERO, &mut rng, id, &[module(who)], &mut new_listeners);
            }
        }
        // One may take half of what is free, the next half of the rest, and so on: nobody takes it all.
        assert_eq!(new_listeners, [module(1), module(2), module(3)]);
        let taken = |who| ids.modules.get(&module(who)).unwrap().taken.len();
        assert_eq!([1, 2, 3].map(taken), [16, 8, 4]);
        assert!(ids.total <= TAKEN_IDS_TOTAL_MAX);
    }

    #[test]
    fn a_listeners_answers_are_ignored_and_free_nothing() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        ids.total = TAKEN_IDS_TOTAL_MAX - 2;
        let told = ids.tell(Instant::ZERO, &mut rng, 1, &[module(1)], &mut Vec::new());
        ids.wait(told.telling.unwrap(), Some(7));
        assert!(!ids.is_listener(module(1)));
        ids.tell(Instant::ZERO, &mut rng, 2, &[module(1)], &mut Vec::new());
        assert!(ids.is_listener(module(1)));
        assert_eq!(ids.answer(module(1), 1), Answer::Ignored);
        assert_eq!(ids.total, TAKEN_IDS_TOTAL_MAX);
        ids.wait(told.telling.unwrap(), None);
        ids.expire(Instant::ZERO.after(SPAN), SPAN);
        assert!(!ids.is_listener(module(1)));
    }

    #[test]
    fn ids_are_freed_in_the_order_in_which_they_were_told_and_their_room_is_given_back() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        let later = Instant::ZERO.after(Duration::from_secs(1));
        let those = [module(1), module(2)];
        (0..1_000).for_each(|id| _ = ids.tell(Instant::ZERO, &mut rng, id, &those, &mut Vec::new()));
        ids.tell(later, &mut rng, 5_000, &those[..1], &mut Vec::new());
        let room = |ids: &Ids| ids.modules.get(&module(1)).unwrap().taken.0.allocation_size();
        let burst = room(&ids);
        assert_eq!(ids.next_expiry(SPAN), Some(Instant::ZERO.after(SPAN)));
        ids.expire(Instant::ZERO.after(SPAN), SPAN);
        assert_eq!((ids.total, ids.tellings.len(), ids.next_expiry(SPAN)), (1, 1, Some(later.after(SPAN))));
        ids.shrink();
        assert_eq!(room(&ids), burst, "not while an id is taken");
        ids.expire(later.after(SPAN), SPAN);
        assert_eq!((ids.total, ids.tellings.len(), ids.next_expiry(SPAN)), (0, 0, None));
        assert!(ids.spare.len() > 0, "lists of connections are used again");
        ids.shrink();
        assert_eq!((room(&ids), ids.spare.capacity()), (0, 0));
    }

    #[test]
    fn a_listener_is_one_until_none_of_its_ids_is_taken() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        ids.total = TAKEN_IDS_TOTAL_MAX - 3;
        let later = Instant::ZERO.after(Duration::from_secs(1));
        let tell = |ids: &mut Ids, rng: &mut Rng, at, id| _ = ids.tell(at, rng, id, &[module(1)], &mut Vec::new());
        assert!(ids.can_ask(&[module(1)]));
        tell(&mut ids, &mut rng, Instant::ZERO, 1);
        tell(&mut ids, &mut rng, later, 2);
        assert!(ids.is_listener(module(1)) && !ids.can_ask(&[module(1)]) && ids.can_ask(&[module(1), module(2)]));
        ids.expire(Instant::ZERO.after(SPAN), SPAN);
        assert!(ids.is_listener(module(1)));
        ids.expire(later.after(SPAN), SPAN);
        assert!(!ids.is_listener(module(1)) && ids.can_ask(&[module(1)]));
    }

    #[test]
    fn a_telling_that_all_have_answered_is_forgotten_at_once() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        let told = ids.tell(Instant::ZERO, &mut rng, 1, &[module(1), module(2)], &mut Vec::new());
        ids.wait(told.telling.unwrap(), Some(7));
        assert_eq!(ids.answer(module(1), 1), Answer::Decides(7));
        ids.wait(told.telling.unwrap(), None);
        assert_eq!((ids.tellings.len(), ids.spare.len()), (1, 0), "one may still answer");
        assert_eq!(ids.answer(module(2), 1), Answer::Ignored);
        assert_eq!((ids.tellings.len(), ids.spare.len()), (0, 1));
        ids.tell(Instant::ZERO, &mut rng, 1, &[module(1)], &mut Vec::new());
        assert_eq!(ids.spare.len(), 1, "one connection needs no list");
        ids.tell(Instant::ZERO, &mut rng, 1, &[module(1), module(2)], &mut Vec::new());
        assert_eq!(ids.spare.len(), 0, "its list of connections is used again");
    }

    #[test]
    fn an_id_that_had_to_be_used_again_is_nobodys_answer() {
        let (mut ids, mut rng) = (Ids::default(), Rng::new([3; 32], Stream::Dissemination));
        // Eight modules that together leave every id taken on at least one of them.
        let mut waiting = Vec::new();
        for id in 0..=u16::MAX {
            let told = ids.tell(Instant::ZERO, &mut rng, id, &[module(u64::from(id % 8))], &mut Vec::new());
            if id % 8 != 3 {
                waiting.push(told.telling.unwrap());
                ids.wait(told.telling.unwrap(), Some(id.into()));
            }
        }
        let all: Vec<_> = (0..8).map(module).collect();
        let told = ids.tell(Instant::ZERO, &mut rng, 5, &all, &mut Vec::new());
        ids.wait(told.telling.unwrap(), Some(77));
        assert_eq!((told.asked, ids.total), (7, 65_536 + 7));
        let taker = u64::from(told.id % 8);
        assert_eq!(taker, 3, "an id whose taker waits for nothing any more");
        assert_eq!(ids.answer(module(taker), told.id), Answer::Ignored);
        assert_eq!(ids.answer(module((taker + 1) % 8), told.id), Answer::Decides(77));
        ids.wait(told.telling.unwrap(), None);
        waiting.into_iter().for_each(|telling| ids.wait(telling, None));
        ids.expire(Instant::ZERO.after(SPAN), SPAN);
        assert_eq!((ids.total, ids.tellings.len(), ids.next_expiry(SPAN)), (0, 0, None));
    }
}

//! The knowledge base, and what neighbours tell each other of theirs (PROTOCOL.md, section 12).
//!
//! Plain values in and out: the state sends what [`Out`] says and hands in what came.

mod asking;
mod knowledge;
mod lazy;
mod link;
mod offering;

use crate::dissemination::{NeighbourId, Spread};
use crate::limits::{ANSWERS_TOTAL, INTEREST_PAUSE, OFFER_DELAY, REPAIR_LINKS_MAX, REPLAY_MAX};
use crate::rng::{Rng, Stream};
use crate::settings::Settings;
use crate::time::{Age, Duration, Instant, earliest};
use crate::util::bucket::TokenBucket;
use crate::util::sorted::SortedMap;
use crate::wire::{Digest, Interest, Offer, Payload};
use asking::Want;
pub(crate) use knowledge::digest_of;
use knowledge::{Entry, Knowledge};
use lazy::Lazy;
pub(crate) use lazy::Spreadable;
use link::{Link, Types};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be said to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// IHAVE.
    Have(Vec<Offer>),
    /// IWANT.
    Want(Vec<Digest>),
    /// INTEREST: what modules subscribe to now.
    Interest,
    /// PEER NOTIFICATION: it asked for this.
    Answer(Spread),
    /// TREE: these, of this type, in place of a push (section 13).
    Offer(u16, Vec<Offer>),
    /// Nothing: what it offered and was asked for did not come in time.
    Unanswered,
    /// Nothing: it offered much and had none of it.
    OffersAreEmpty,
}

/// What is to be said, in order.
pub(crate) type Out = Vec<(NeighbourId, Say)>;

/// A message that was found valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned<'a> {
    /// Towards peers.
    pub(crate) id: u16,
    /// What it goes on with; none if it goes no further.
    pub(crate) ttl: Option<u8>,
    pub(crate) payload: &'a Payload,
    /// Since its announcement, as far as that is known.
    pub(crate) age: Age,
    /// It came because it was asked for.
    pub(crate) is_fetched: bool,
    /// Neighbours that sent a copy.
    pub(crate) senders: &'a [NeighbourId],
}

/// What came in was more than the protocol allows; the rest was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverTheRate;

/// A message on its way to several neighbours.
#[derive(Debug)]
pub(crate) struct Pushing<'a> {
    links: &'a SortedMap<NeighbourId, Link>,
    told: &'a mut u64,
    data_type: u16,
}

impl Pushing<'_> {
    /// It was pushed to this one: it is not offered to it, unless it would have dropped it. `near`: where it stands in
    /// the view, which is where its link is found at once if all neighbours take part.
    #[inline]
    pub(crate) fn to(&mut self, neighbour: NeighbourId, near: usize) {
        let mut near = u32::try_from(near).unwrap_or(u32::MAX);
        let link = self.links.get_near(&mut near, &neighbour).filter(|link| link.interest.has(self.data_type));
        *self.told |= link.map_or(0, |link| link.bit);
    }
}

/// See the module. Bounded by the knowledge base and by [`REPAIR_LINKS_MAX`] links.
#[derive(Clone, Debug)]
pub(crate) struct Repair {
    rng: Rng,
    knowledge: Knowledge,
    links: SortedMap<NeighbourId, Link>,
    wants: BTreeMap<Digest, Want>,
    /// Present with `spreading = tree`.
    lazy: Option<Box<Lazy>>,
    /// When which want is looked at. Each is here at most once for each asking.
    waiting: BTreeSet<(Instant, Digest)>,
    /// With whom the last round of answers began.
    answered_first: Option<NeighbourId>,
    /// Somebody may have been asked for something that has not come. Most of the time nobody is, and links need not be
    /// looked through.
    is_asking: bool,
    /// Bits that links have.
    bits: u64,
    /// Bytes of answers to all.
    answers: TokenBucket,
    /// Messages from this number on may be such as were asked for and not offered on yet.
    fetched_from: u64,
    /// When neighbours are offered what is new.
    offers_at: Option<Instant>,
    /// When those are offered something who need not wait for that.
    soon_at: Option<Instant>,
    /// When answers that wait for the rate go on.
    answers_at: Option<Instant>,
    /// When INTEREST is said to all, and when that was last.
    interest_at: Option<Instant>,
    interest_said: Option<Instant>,
    /// The earliest of all that is due.
    due: Option<Instant>,
}

impl Repair {
    /// Knows nothing and nobody.
    pub(crate) fn new(settings: &Settings, seed: [u8; 32], now: Instant) -> Self {
        Self {
            rng: Rng::new(seed, Stream::Repair),
            knowledge: Knowledge::default(),
            links: SortedMap::new(),
            wants: BTreeMap::new(),
            lazy: Self::lazy_for(settings),
            waiting: BTreeSet::new(),
            answered_first: None,
            is_asking: false,
            bits: 0,
            answers: TokenBucket::new(ANSWERS_TOTAL, now),
            fetched_from: 0,
            offers_at: None,
            soon_at: None,
            answers_at: None,
            interest_at: None,
            interest_said: None,
            due: None,
        }
    }

    /// When [`run`](Self::run) is wanted next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Messages in the knowledge base.
    pub(crate) fn known(&self) -> usize {
        self.knowledge.len()
    }

    /// Their bytes of type and data.
    pub(crate) fn known_bytes(&self) -> u64 {
        self.knowledge.bytes()
    }

    /// What was asked for, or refused of what was, and is remembered.
    pub(crate) fn wants(&self) -> usize {
        self.wants.len()
    }

    /// Does this neighbour take part?
    pub(crate) fn is_linked(&self, neighbour: NeighbourId) -> bool {
        self.links.contains_key(&neighbour)
    }

    /// Could one more take part?
    pub(crate) fn has_room(&self) -> bool {
        self.links.len() < REPAIR_LINKS_MAX
    }

    /// A message is valid. Returns its number in the knowledge base, if it matters to whom it is pushed.
    pub(crate) fn learn(&mut self, now: Instant, settings: &Settings, learned: Learned<'_>) -> Option<u64> {
        if settings.cache_size == 0 {
            return None;
        }
        let Learned { id, ttl, payload, age, is_fetched, senders } = learned;
        let mut entry = Entry::new(now, age, id, ttl, payload.clone());
        entry.is_fetched = is_fetched;
        if self.links.is_empty() {
            self.knowledge.push(settings, entry, |_, _| ());
            return None;
        }
        entry.told = senders.iter().filter_map(|sender| self.links.get(sender)).fold(0, |bits, link| bits | link.bit);
        let lazy = &mut self.lazy;
        let leaves = |number, entry| lazy.iter_mut().for_each(|lazy| lazy.leaves(now, number, &entry));
        let number = self.knowledge.push(settings, entry, leaves);
        self.push_what_left(now);
        if ttl.is_some() {
            self.offer_soon_or_later(now, settings, is_fetched);
        }
        Some(number)
    }

    /// A message that is known is being pushed. None if it has left since.
    pub(crate) fn pushing(&mut self, number: u64) -> Option<Pushing<'_>> {
        let entry = self.knowledge.get_mut(number)?;
        let data_type = entry.payload.data_type();
        Some(Pushing { links: &self.links, told: &mut entry.told, data_type })
    }

    /// A message that is known is spread again, with a greater ttl: it can be offered with that.
    pub(crate) fn raise(&mut self, now: Instant, settings: &Settings, spread: &Spread) {
        self.knowledge.hash_before(self.knowledge.next());
        let digest = digest_of(spread.id, spread.payload.data_type(), spread.payload.data());
        let Some(number) = self.knowledge.find(digest) else { return };
        let Some(entry) = self.knowledge.get_mut(number) else { return };
        entry.ttl = entry.ttl.max(Some(spread.ttl));
        self.links.values_mut().for_each(|link| link.position = link.position.min(number));
        if !self.links.is_empty() {
            self.offer_soon_or_later(now, settings, false);
        }
    }

    /// Forgets what has had its time.
    pub(crate) fn expire(&mut self, now: Instant, settings: &Settings) {
        if !settings.replay {
            self.knowledge.expire(now, settings.suppression_time);
        }
        self.forget_old_wants(now, settings.suppression_time);
        self.lazy.iter_mut().for_each(|lazy| lazy.expire(now));
    }

    /// When [`expire`](Self::expire) finds something.
    pub(crate) fn next_expiry(&self, settings: &Settings) -> Option<Instant> {
        let span = settings.suppression_time;
        let known = self.knowledge.next_expiry(span).filter(|_| !settings.replay);
        let wanted = self.links.values().filter_map(|link| self.wants.get(link.wants.front()?));
        wanted.map(|want| want.age.reaches(span)).chain(known).min()
    }

    /// Gives back what is made again when it is needed.
    pub(crate) fn tidy(&mut self) {
        self.rng.rest();
    }

    /// A neighbour that takes part has come. Nothing is offered to it before its INTEREST.
    pub(crate) fn link_up(&mut self, neighbour: NeighbourId) -> bool {
        if self.is_linked(neighbour) || !self.has_room() {
            return false;
        }
        let bit = 1_u64.rotate_left(self.bits.trailing_ones());
        self.bits |= bit;
        self.untell(bit);
        self.lazy.iter_mut().for_each(|lazy| lazy.untell(bit));
        self.links.insert(neighbour, Link::new(bit, self.knowledge.first()));
        true
    }

    /// It is gone.
    pub(crate) fn link_down(&mut self, now: Instant, neighbour: NeighbourId) {
        let Some(link) = self.links.remove(&neighbour) else { return };
        self.bits &= !link.bit;
        if let Some(lazy) = &mut self.lazy {
            lazy.trees.link_down(link.bit);
            // With no such link left nothing is remembered.
            lazy.recent_from = lazy.recent_from.filter(|_| !lazy.trees.is_empty());
        }
        self.set_due();
        self.give_up_on(now, neighbour, link);
        if self.links.is_empty() {
            (self.offers_at, self.soon_at, self.answers_at, self.interest_at) = (None, None, None, None);
            (self.wants, self.waiting, self.due) = (BTreeMap::new(), BTreeSet::new(), None);
            self.lazy.iter_mut().for_each(|lazy| **lazy = Lazy::default());
        }
    }

    /// What went out to it lately may have been lost: it is offered all of it again.
    pub(crate) fn may_have_missed(&mut self, now: Instant, settings: &Settings, neighbour: NeighbourId) {
        let first = self.knowledge.first();
        let Some(link) = self.links.get_mut(&neighbour) else { return };
        link.position = first;
        let bit = link.bit;
        self.untell(bit);
        self.offer_soon_or_later(now, settings, false);
    }

    /// Its modules subscribe to this. Whether that is too often, or the types that it need not push.
    pub(crate) fn interest(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        interest: Interest<'_>,
    ) -> Result<Vec<u16>, OverTheRate> {
        let first = self.knowledge.first();
        let Some(link) = self.links.get_mut(&neighbour) else { return Ok(Vec::new()) };
        if !link.rates(now).interests.take(now) {
            return Err(OverTheRate);
        }
        let types = Types::of(interest);
        if types.exceeds(&link.interest) {
            (link.position, link.is_fresh) = (first, true);
            wake_by(&mut self.soon_at, &mut self.due, now.after(OFFER_DELAY));
        }
        let former = std::mem::replace(&mut link.interest, types);
        Ok(self.interest_came(now, neighbour, &former))
    }

    /// What modules here subscribe to has changed: said to all, in a while.
    pub(crate) fn interest_changed(&mut self, now: Instant) {
        if !self.links.is_empty() && self.interest_at.is_none() {
            let paused = self.interest_said.map_or(now, |said| said.after(INTEREST_PAUSE));
            wake_by(&mut self.interest_at, &mut self.due, paused.max(now.after(OFFER_DELAY)));
        }
    }

    /// What a late subscriber to this type is told: the newest that fit into so many bytes, oldest first.
    pub(crate) fn replay(&mut self, data_type: u16, bytes: u64) -> Vec<(u16, Payload)> {
        self.knowledge.hash_before(self.knowledge.next());
        let (mut room, mut number) = (bytes, self.knowledge.next());
        let mut found = Vec::new();
        for entry in self.knowledge.iter().rev() {
            number = number.saturating_sub(1);
            if entry.payload.data_type() != data_type || !self.knowledge.is_current(number) {
                continue;
            }
            let Some(rest) = room.checked_sub(entry.payload.len() as u64) else { break };
            room = rest;
            found.push((entry.id, entry.payload.clone()));
            if found.len() >= REPLAY_MAX {
                break;
            }
        }
        found.reverse();
        found
    }

    /// Does what is due. `room`: how many bytes may be queued for a neighbour now.
    pub(crate) fn run(&mut self, now: Instant, settings: &Settings, room: &dyn Fn(NeighbourId) -> u64, out: &mut Out) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let is_due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        if is_due(&mut self.interest_at) {
            self.interest_said = Some(now);
            out.extend(self.links.keys().map(|neighbour| (*neighbour, Say::Interest)));
        }
        self.lose_patience(now, settings, out);
        self.ask_what_waits(now, settings, out);
        self.offer_lazily(now, settings, room, out);
        if is_due(&mut self.answers_at) {
            self.answer_all(now, settings, room, out);
        }
        if is_due(&mut self.soon_at) {
            self.offer_what_cannot_wait(now, settings, room, out);
        }
        if is_due(&mut self.offers_at) {
            self.offer(now, settings, room, out);
        }
        self.set_due();
    }

    /// Younger than this is what may be offered, asked for and sent.
    fn age_limit(settings: &Settings) -> Duration {
        settings.suppression_time.part(4).times(3)
    }

    fn offer_soon_or_later(&mut self, now: Instant, settings: &Settings, soon: bool) {
        if soon && self.soon_at.is_none() {
            wake_by(&mut self.soon_at, &mut self.due, now.after(OFFER_DELAY));
        }
        if self.offers_at.is_none() {
            let pause = self.rng.jittered(settings.repair_interval);
            wake_by(&mut self.offers_at, &mut self.due, now.after(pause));
        }
    }

    /// Offers that are to be made are made by this interval.
    pub(crate) fn settings_changed(&mut self, now: Instant, settings: &Settings) {
        if self.offers_at.take().is_some() {
            self.offer_soon_or_later(now, settings, false);
        }
    }

    /// A link's bit has no meaning for what is there.
    fn untell(&mut self, bit: u64) {
        for entry in self.knowledge.iter_mut() {
            entry.told &= !bit;
            entry.open &= !bit;
            entry.again &= !bit;
        }
    }

    fn set_due(&mut self) {
        let asked = self.links.values().take_while(|_| self.is_asking);
        let patience = asked.filter_map(Link::patience_ends).min();
        self.is_asking = patience.is_some();
        let lazily = self.lazy.as_ref().and_then(|lazy| lazy.offers_at);
        let waiting = self.waiting.first().map(|(at, _)| *at);
        let others = [self.offers_at, self.soon_at, self.answers_at, self.interest_at];
        self.due = earliest([earliest(others), patience, waiting, lazily]);
    }
}

/// Something is due by then.
fn wake_by(timer: &mut Option<Instant>, due: &mut Option<Instant>, at: Instant) {
    *timer = Some(timer.map_or(at, |known| known.min(at)));
    due_by(due, at);
}

fn due_by(due: &mut Option<Instant>, at: Instant) {
    *due = Some(due.map_or(at, |known| known.min(at)));
}

#[cfg(test)]
mod tests;

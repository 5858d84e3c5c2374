//! What is offered to whom, and answers (section 12).

use super::knowledge::{Entry, Knowledge};
use super::link::{Link, Types};
use super::{Out, OverTheRate, Repair, Say, wake_by};
use crate::dissemination::{NeighbourId, Spread};
use crate::limits::{ANSWERS_WAITING_MAX, DIGESTS_PER_FRAME, TREE_YOUNG};
use crate::settings::Settings;
use crate::time::{Age, Duration, Instant};
use crate::wire::{Digest, Offer, peer_notification};

/// One unit of an offer's age.
pub(super) const AGE_UNIT: Duration = Duration::from_millis(100);
/// Answers that wait for the rate, or for room, are tried again after so long.
const ANSWERS_PAUSE: Duration = Duration::from_millis(100);
/// How often what was offered may be asked for: the first answer may be lost.
const ASKS_PER_OFFER: u32 = 2;

/// The age of a message as an offer says it, rounded up.
fn age_in_offer(now: Instant, age: Age) -> u16 {
    let units = age.now(now).as_micros().div_ceil(AGE_UNIT.as_micros());
    u16::try_from(units).unwrap_or(Offer::GONE)
}

/// Is this message worth offering over a link with this bit and interest?
pub(super) fn is_wanted(entry: &Entry, bit: u64, interest: &Types, now: Instant, limit: Duration) -> bool {
    entry.told & bit == 0
        && entry.ttl.is_some()
        && entry.age.now(now) < limit
        && age_in_offer(now, entry.age) != Offer::GONE
        && interest.has(entry.payload.data_type())
}

/// Offers a message, if the rate lets it; is that so?
pub(super) fn offer_one(
    knowledge: &mut Knowledge,
    link: &mut Link,
    number: u64,
    now: Instant,
    offers: &mut Vec<Offer>,
) -> bool {
    if offers.len() >= DIGESTS_PER_FRAME || !link.rates(now).offers_sent.take(now) {
        return false;
    }
    knowledge.hash_before(number.saturating_add(1));
    let Some(digest) = knowledge.digest(number) else { return true };
    let Some(entry) = knowledge.get_mut(number) else { return true };
    entry.told |= link.bit;
    entry.open |= link.bit;
    link.credit = link.credit.saturating_add(ASKS_PER_OFFER);
    offers.push(Offer { digest, age: age_in_offer(now, entry.age) });
    true
}

impl Repair {
    /// Everybody is offered what is new to them and old enough.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        settings: &Settings,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) {
        let mut is_more = false;
        let neighbours: Vec<NeighbourId> = self.links.keys().copied().collect();
        for neighbour in neighbours {
            is_more |= self.offer_to(now, settings, neighbour, room, out);
        }
        if is_more {
            let pause = self.rng.jittered(settings.repair_interval);
            wake_by(&mut self.offers_at, &mut self.due, now.after(pause));
        }
    }

    /// One neighbour is offered what is new to it and old enough. Is there more, or will there be?
    fn offer_to(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) -> bool {
        let (knowledge, limit) = (&mut self.knowledge, Self::age_limit(settings));
        let Some(link) = self.links.get_mut(&neighbour).filter(|link| !link.interest.is_none()) else { return false };
        if link.owed.len() >= ANSWERS_WAITING_MAX || room(neighbour) == 0 {
            return link.position < knowledge.next();
        }
        let entered_by = now.before(settings.repair_interval.part(2));
        let mut offers = Vec::new();
        link.position = link.position.max(knowledge.first());
        while let Some(entry) = knowledge.get(link.position)
            && entry.entered <= entered_by
        {
            let is_offered = is_wanted(entry, link.bit, &link.interest, now, limit);
            let number = link.position;
            if is_offered && !offer_one(knowledge, link, number, now, &mut offers) {
                break;
            }
            link.position = link.position.saturating_add(1);
        }
        if !offers.is_empty() {
            out.push((neighbour, Say::Have(offers)));
        }
        link.position < knowledge.next()
    }

    /// What was asked for is offered on, and to those whose INTEREST has grown what is there.
    pub(super) fn offer_what_cannot_wait(
        &mut self,
        now: Instant,
        settings: &Settings,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) {
        let from = std::mem::replace(&mut self.fetched_from, self.knowledge.next()).max(self.knowledge.first());
        let neighbours: Vec<NeighbourId> = self.links.keys().copied().collect();
        for neighbour in neighbours {
            let Some(link) = self.links.get_mut(&neighbour) else { continue };
            if std::mem::take(&mut link.is_fresh) && self.offer_to(now, settings, neighbour, room, out) {
                self.offer_soon_or_later(now, settings, false);
            }
            let Some(link) = self.links.get_mut(&neighbour) else { continue };
            if link.owed.len() >= ANSWERS_WAITING_MAX || room(neighbour) == 0 {
                continue;
            }
            let (knowledge, limit, mut offers) = (&mut self.knowledge, Self::age_limit(settings), Vec::new());
            for number in from..knowledge.next() {
                let is_offered =
                    |entry: &Entry| entry.is_fetched && is_wanted(entry, link.bit, &link.interest, now, limit);
                // What finds no room now is offered with the rest, later.
                if knowledge.get(number).is_some_and(is_offered)
                    && !offer_one(knowledge, link, number, now, &mut offers)
                {
                    break;
                }
            }
            if !offers.is_empty() {
                out.push((neighbour, Say::Have(offers)));
            }
        }
    }

    /// A neighbour asks for what it was offered. Whether it asks for more than that.
    pub(crate) fn wanted(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        digests: impl Iterator<Item = Digest>,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) -> Result<(), OverTheRate> {
        let Some(link) = self.links.get_mut(&neighbour) else { return Ok(()) };
        let mut gone = Vec::new();
        let mut result = Ok(());
        for digest in digests {
            let Some(credit) = link.credit.checked_sub(1) else {
                result = Err(OverTheRate);
                break;
            };
            link.credit = credit;
            let number = self.knowledge.find(digest);
            match number.and_then(|number| self.knowledge.get_mut(number)) {
                Some(entry) if (entry.open | entry.again) & link.bit != 0 => {
                    entry.again = entry.again & !link.bit | entry.open & link.bit;
                    entry.open &= !link.bit;
                    link.owed.extend(number.map(|number| (number, digest)));
                }
                _ => gone.push(Offer { digest, age: Offer::GONE }),
            }
        }
        if !gone.is_empty() {
            out.push((neighbour, Say::Have(gone)));
        }
        self.answer(now, settings, neighbour, room, out);
        result
    }

    pub(super) fn answer_all(
        &mut self,
        now: Instant,
        settings: &Settings,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) {
        let owed = self.links.iter().filter(|(_, link)| !link.owed.is_empty());
        let mut neighbours: Vec<NeighbourId> = owed.map(|(neighbour, _)| *neighbour).collect();
        // The rate of all is for each in turn: another begins each time.
        let next = neighbours.partition_point(|neighbour| Some(*neighbour) <= self.answered_first);
        neighbours.rotate_left(next);
        self.answered_first = neighbours.first().copied();
        neighbours.into_iter().for_each(|neighbour| self.answer(now, settings, neighbour, room, out));
    }

    /// Sends what a neighbour asked for, as far as the rates and its queue allow.
    fn answer(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) {
        let limit = Self::age_limit(settings);
        let Some(link) = self.links.get_mut(&neighbour) else { return };
        let is_in_tree = self.lazy.as_ref().is_some_and(|lazy| lazy.trees.has(link.bit));
        let (mut left, mut gone) = (room(neighbour), Vec::new());
        while let Some((number, digest)) = link.owed.front().copied() {
            let answer = self.knowledge.get(number).filter(|entry| entry.age.now(now) < limit);
            if let Some(entry) = answer
                && let Some(ttl) = entry.ttl
            {
                let spread = Spread { ttl, id: entry.id, payload: entry.payload.clone() };
                let len = peer_notification(ttl, entry.id, &entry.payload).len() as u64;
                // What would have been pushed is not counted (section 13).
                let is_free = is_in_tree && entry.age.now(now) < TREE_YOUNG;
                let answers = &mut link.rates(now).answers;
                if left < len || !is_free && (!answers.has(now, len) || !self.answers.take_many(now, len)) {
                    wake_by(&mut self.answers_at, &mut self.due, now.after(ANSWERS_PAUSE));
                    break;
                }
                if !is_free {
                    answers.take_many(now, len);
                }
                left = left.saturating_sub(len);
                out.push((neighbour, Say::Answer(spread)));
            } else {
                gone.push(Offer { digest, age: Offer::GONE });
            }
            link.owed.pop_front();
        }
        for gone in gone.chunks(DIGESTS_PER_FRAME) {
            out.push((neighbour, Say::Have(gone.to_vec())));
        }
    }
}

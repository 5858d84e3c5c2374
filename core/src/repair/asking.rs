//! What is asked for, of whom, and what comes of it (section 12).

use super::knowledge::digest_of;
use super::link::Link;
use super::offering::AGE_UNIT;
use super::{Out, OverTheRate, Repair, Say, due_by};
use crate::dissemination::NeighbourId;
use crate::limits::{
    ANSWER_PATIENCE, DIGESTS_PER_FRAME, EMPTY_OFFERS_MAX, OTHER_OFFERERS_MAX, TREE_PATIENCE, WANTS_PER_NEIGHBOUR,
};
use crate::settings::Settings;
use crate::time::{Age, Duration, Instant};
use crate::util::sorted::SortedMap;
use crate::wire::{Digest, Offer};

/// A message arrives within so much of its first arrival anywhere near: what left the knowledge base later than this
/// before an offered message was announced cannot be that message.
const PUSH_SKEW: Duration = Duration::from_secs(1);

/// How often the time that is waited for an answer is doubled (section 13).
const LATE_TURNS_COUNTED: u8 = 2;

/// Something that was asked for, and is remembered as long as somebody could offer it again.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// Since its announcement, by the least that was said: a greater age would keep it from going on.
    pub(super) age: Age,
    /// The links over which it is asked for now; none if it came, or if nobody was left to ask.
    pub(super) asked: u64,
    /// The links over which it was offered.
    pub(super) offered: u64,
    /// The links over which it was asked for since it was last offered there.
    pub(super) tried: u64,
    /// The links whose answers were late (section 13), and that were blamed for it.
    pub(super) blamed: u64,
    /// In whose share it is.
    owner: NeighbourId,
    /// It came.
    pub(super) is_done: bool,
    /// The first that was asked and did not send it, or whose copy found no room: it is asked once more, after the others.
    pub(super) once_more: Option<NeighbourId>,
    /// The first of those who offered it and are asked next.
    pub(super) others: Vec<NeighbourId>,
    /// It is offered in place of a push, so that the next is asked soon (section 13).
    pub(super) hurries: bool,
    /// How often all who were asked for it were late.
    pub(super) late_turns: u8,
    /// It found no room, and nobody is asked for it before it is looked at.
    pub(super) pauses: bool,
    /// When it is asked for, or asked of the next, if nothing happens before.
    pub(super) look_at: Option<Instant>,
}

impl Want {
    /// Nobody is asked for it yet.
    fn new(age: Age, owner: NeighbourId) -> Self {
        Self {
            age,
            asked: 0,
            offered: 0,
            tried: 0,
            blamed: 0,
            owner,
            is_done: false,
            once_more: None,
            others: Vec::new(),
            hurries: false,
            late_turns: 0,
            pauses: false,
            look_at: None,
        }
    }

    /// It is asked for over this link.
    pub(super) const fn ask(&mut self, bit: u64) {
        self.asked |= bit;
        self.tried |= bit;
        self.blamed &= !bit;
    }

    /// When others are asked if this link, asked now, does not answer: later for one whose answers take their time, and
    /// twice as late each time after the second.
    pub(super) fn gives_up_at(&self, now: Instant, link: &Link) -> Instant {
        let doublings = self.late_turns.saturating_sub(1).min(LATE_TURNS_COUNTED);
        now.after(TREE_PATIENCE.times(1 << doublings).max(link.answers_take.times(2).min(ANSWER_PATIENCE)))
    }

    /// Who is asked next, of those who offered it: whom nobody doubts (section 13) before the others; the first ones in the
    /// order of their offers, then who has not been asked, and in the end who is asked once more.
    fn next(&mut self, links: &SortedMap<NeighbourId, Link>) -> Option<NeighbourId> {
        let is_sound = |other: &NeighbourId| links.get(other).is_some_and(|link| link.doubt == 0);
        let in_order = self.others.iter().find(|other| is_sound(other) && self.once_more != Some(**other));
        let untried = || links.iter().filter(|(_, link)| link.bit & self.offered & !self.tried != 0);
        let rest = || untried().find(|(_, link)| link.doubt == 0).or_else(|| untried().next()).map(|(next, _)| next);
        let next = in_order.or_else(rest).or(self.others.first()).copied()?;
        self.others.retain(|other| *other != next);
        Some(next)
    }

    /// A neighbour was asked and did not send it, though it did not say that it is not there. Is that its first time?
    fn was_not_sent_by(&mut self, neighbour: NeighbourId, bit: u64) -> bool {
        self.asked &= !bit;
        let is_first_time = self.once_more != Some(neighbour);
        if self.once_more.is_none() {
            self.once_more = Some(neighbour);
            if !self.others.contains(&neighbour) {
                self.others.push(neighbour);
            }
        }
        is_first_time
    }
}

impl Repair {
    /// A neighbour offers messages: what is news is asked for. Whether it offers more than it may.
    pub(crate) fn offered(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        offers: impl Iterator<Item = Offer>,
        out: &mut Out,
    ) -> Result<(), OverTheRate> {
        if !self.is_linked(neighbour) {
            return Ok(());
        }
        self.knowledge.hash_before(self.knowledge.next());
        let limit = Self::age_limit(settings);
        let mut asks = Vec::new();
        let mut result = Ok(());
        for Offer { digest, age } in offers {
            let Some(link) = self.links.get_mut(&neighbour) else { break };
            if !link.rates(now).offers_taken.take(now) {
                result = Err(OverTheRate);
                break;
            }
            if age == Offer::GONE {
                self.is_not_there(now, settings, neighbour, digest, out);
                continue;
            }
            let (age, bit) = (AGE_UNIT.times(u64::from(age)), link.bit);
            if !self.is_here(digest, bit) && age < limit && self.is_news(now, neighbour, digest, age) {
                asks.push(digest);
            }
        }
        if !asks.is_empty() {
            self.ask(now, settings, neighbour, &asks);
            out.push((neighbour, Say::Want(asks)));
        }
        self.set_due();
        result
    }

    /// A message comes from a neighbour. Its age, if it was asked for.
    pub(crate) fn comes(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        id: u16,
        data_type: u16,
        data: &[u8],
    ) -> Option<Age> {
        if self.wants.is_empty() {
            return None;
        }
        if self.lazy.is_some() {
            return self.comes_by_tree(now, neighbour, (id, data_type, data));
        }
        let link = self.links.get_mut(&neighbour).filter(|link| now < link.answers_until)?;
        let digest = digest_of(id, data_type, data);
        let want = self.wants.get_mut(&digest)?;
        (link.came_at, link.empty) = (now, 0);
        (want.asked, want.is_done) = (0, true);
        let age = want.age;
        self.is_answered(now, neighbour, digest);
        Some(age)
    }

    /// Answers come in the order in which they were asked for (section 12): those before this one that did not come never
    /// will, and are asked of others with the next turn.
    pub(super) fn is_answered(&mut self, now: Instant, neighbour: NeighbourId, digest: Digest) {
        let Some(link) = self.links.get_mut(&neighbour) else { return };
        let Some(at) = link.asked.iter().position(|(_, asked)| *asked == digest) else { return };
        // Asked twice, this may be the first answer, late: it has overtaken nothing.
        if self.wants.get(&digest).is_some_and(|want| want.once_more == Some(neighbour)) {
            link.asked.remove(at);
            return;
        }
        if let Some((asked_at, _)) = link.asked.get(at) {
            link.took(now.since(*asked_at));
        }
        let (bit, overtaken) = (link.bit, link.asked.drain(..=at).map(|(_, digest)| digest));
        let overtaken: Vec<Digest> = overtaken.collect();
        for overtaken in overtaken {
            if let Some(want) = self.wants.get_mut(&overtaken).filter(|want| want.asked & bit != 0) {
                want.was_not_sent_by(neighbour, bit);
                self.ask_soon_if_nobody_is_asked(now, overtaken);
            }
        }
    }

    /// One who was asked for this will not send it: if nobody else is asked, the next is, with the next turn.
    fn ask_soon_if_nobody_is_asked(&mut self, now: Instant, digest: Digest) {
        if self.wants.get(&digest).is_some_and(|want| want.asked == 0) {
            self.look_again(digest, now);
        }
    }

    /// What came from a neighbour found no room. Nobody is to blame, and it is asked for again, but not at once.
    pub(crate) fn found_no_room(&mut self, now: Instant, neighbour: NeighbourId, message: (u16, u16, &[u8])) {
        let (id, data_type, data) = message;
        let (digest, bit) = (digest_of(id, data_type, data), self.bit_of(neighbour));
        let Some(want) = self.wants.get_mut(&digest).filter(|want| want.is_done) else { return };
        (want.is_done, want.hurries) = (false, false);
        if want.offered & bit != 0 {
            want.was_not_sent_by(neighbour, bit);
        }
        if !std::mem::replace(&mut want.pauses, true) {
            self.look_again(digest, now.after(ANSWER_PATIENCE));
        }
    }

    /// Should this be asked of this neighbour? If it is asked of another one already, or will be, this one is remembered.
    fn is_news(&mut self, now: Instant, neighbour: NeighbourId, digest: Digest, age: Duration) -> bool {
        let bit = self.may_be_asked(now, neighbour, digest, age);
        let Some((bit, want)) = bit.zip(self.wants.get_mut(&digest)) else { return false };
        // Its own second offer, too: the connection that it was asked over may have ended.
        if want.asked != 0 || want.look_at.is_some() {
            if want.others.len() < OTHER_OFFERERS_MAX && !want.others.contains(&neighbour) {
                want.others.push(neighbour);
            }
            return false;
        }
        want.ask(bit);
        if want.hurries {
            self.look_when_late(now, neighbour, digest);
        }
        true
    }

    /// A neighbour offers this, which is noted. Its bit, if it may be asked for it now or later: not if that came, or nobody
    /// can tell whether it did, or if there is no room in its share.
    pub(super) fn may_be_asked(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        digest: Digest,
        age: Duration,
    ) -> Option<u64> {
        if self.may_have_been_here(now, age) || self.is_asked_for_much(neighbour) {
            return None;
        }
        let bit = self.links.get(&neighbour)?.bit;
        if !self.wants.contains_key(&digest) {
            if !self.makes_room(neighbour) {
                return None;
            }
            self.wants.insert(digest, Want::new(Age::then(now, age), neighbour));
            self.links.get_mut(&neighbour)?.wants.push_back(digest);
        }
        let want = self.wants.get_mut(&digest).filter(|want| !want.is_done)?;
        want.offered |= bit;
        want.tried &= !bit;
        if age < want.age.now(now) {
            want.age = Age::then(now, age);
        }
        Some(bit)
    }

    /// Was it asked for so much that its offers, again and again of the same, say nothing?
    fn is_asked_for_much(&self, neighbour: NeighbourId) -> bool {
        self.links.get(&neighbour).is_none_or(|link| link.asked.len() >= 2 * WANTS_PER_NEIGHBOUR)
    }

    /// Is this in the knowledge base, or did it come lately (section 13)? Then the link with this bit has it, too.
    pub(super) fn is_here(&mut self, digest: Digest, bit: u64) -> bool {
        if let Some(number) = self.knowledge.find(digest) {
            if let Some(entry) = self.knowledge.get_mut(number) {
                entry.told |= bit;
                // It has it: it will not ask, and is not to be pushed it when that leaves too soon (section 13).
                entry.open &= !bit;
            }
            return true;
        }
        let recent = self.lazy.as_mut().and_then(|lazy| lazy.recent.get_mut(&digest));
        recent.map(|links| *links |= bit).is_some()
    }

    /// Does neither the knowledge base nor what came lately (section 13) reach back so far? Then nobody can tell.
    fn may_have_been_here(&self, now: Instant, age: Duration) -> bool {
        let falls_short = |from: Instant| now.since(from) <= age.plus(PUSH_SKEW);
        self.knowledge.horizon().is_some_and(falls_short)
            && self.lazy.as_ref().and_then(|lazy| lazy.recent_from).is_none_or(falls_short)
    }

    /// Has a neighbour's share room for one want more? The oldest makes it, unless it is still waited for, or somebody will
    /// be asked for it.
    fn makes_room(&mut self, neighbour: NeighbourId) -> bool {
        let Some(link) = self.links.get_mut(&neighbour) else { return false };
        if link.wants.len() < WANTS_PER_NEIGHBOUR {
            return true;
        }
        let Some(oldest) = link.wants.front().copied() else { return true };
        let is_alive = |want: &Want| !want.is_done && (want.asked != 0 || want.look_at.is_some());
        if self.wants.get(&oldest).is_some_and(is_alive) {
            return false;
        }
        link.wants.pop_front();
        self.wants.remove(&oldest);
        true
    }

    /// These are asked of a neighbour now.
    pub(super) fn ask(&mut self, now: Instant, settings: &Settings, neighbour: NeighbourId, digests: &[Digest]) {
        let Some(link) = self.links.get_mut(&neighbour) else { return };
        link.asked.extend(digests.iter().map(|digest| (now, *digest)));
        self.is_asking = true;
        // An answer that waits for longer in its sender's queue is not sent any more.
        link.answers_until = now.after(settings.suppression_time.part(2));
        if let Some(at) = link.patience_ends() {
            due_by(&mut self.due, at);
        }
    }

    /// It offered what is not there any more: the next one is asked.
    fn is_not_there(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        digest: Digest,
        out: &mut Out,
    ) {
        let Some(link) = self.links.get_mut(&neighbour) else { return };
        let at = link.asked.iter().position(|(_, asked)| *asked == digest);
        at.into_iter().for_each(|at| _ = link.asked.remove(at));
        let bit = link.bit;
        if let Some(want) = self.wants.get_mut(&digest).filter(|want| want.asked & bit != 0) {
            want.asked &= !bit;
            if want.asked == 0 {
                self.ask_the_next(now, settings, digest, out);
            }
        }
    }

    /// Whoever else offered it is asked, unless it came meanwhile. Is anybody?
    pub(super) fn ask_the_next(&mut self, now: Instant, settings: &Settings, digest: Digest, out: &mut Out) -> bool {
        self.knowledge.hash_before(self.knowledge.next());
        let is_here = self.is_here(digest, 0);
        let Some(want) = self.wants.get_mut(&digest) else { return false };
        if is_here {
            // It was pushed.
            (want.asked, want.is_done) = (0, true);
        }
        let next = if want.is_done { None } else { want.next(&self.links) };
        let Some((next, link)) = next.and_then(|next| Some((next, self.links.get(&next)?))) else {
            if want.asked == 0 {
                want.look_at = None;
            }
            return false;
        };
        // One of several who are asked at once: the slowest has its time.
        let others_until = want.look_at.take().filter(|_| want.asked != 0);
        want.ask(link.bit);
        let again = others_until.max(Some(want.gives_up_at(now, link))).filter(|_| want.hurries);
        self.ask(now, settings, next, &[digest]);
        // Answers keep the order of the questions: to the last frame, or a new one.
        match out.iter_mut().rev().find(|(to, say)| *to == next && matches!(say, Say::Want(_))) {
            Some((_, Say::Want(digests))) if digests.len() < DIGESTS_PER_FRAME => digests.push(digest),
            _ => out.push((next, Say::Want(vec![digest]))),
        }
        again.into_iter().for_each(|again| self.look_again(digest, again));
        true
    }

    /// What was asked for and does not come is asked of others. Who offered much and had none of it is named.
    pub(super) fn lose_patience(&mut self, now: Instant, settings: &Settings, out: &mut Out) {
        let asked = self.links.keys().take_while(|_| self.is_asking);
        let neighbours: Vec<NeighbourId> = asked.copied().collect();
        for neighbour in neighbours {
            // Of one silence, however much was asked for, one fault comes.
            let mut is_named = false;
            while let Some(link) = self.links.get_mut(&neighbour)
                && link.patience_ends().is_some_and(|at| at <= now)
                && let Some((_, digest)) = link.asked.pop_front()
            {
                let bit = link.bit;
                let Some(want) = self.wants.get_mut(&digest).filter(|want| want.asked & bit != 0) else { continue };
                let is_first_time = want.was_not_sent_by(neighbour, bit);
                let is_left = want.asked == 0;
                link.empty = link.empty.saturating_add(u32::from(is_first_time));
                if link.empty >= EMPTY_OFFERS_MAX {
                    link.empty = 0;
                    if !std::mem::replace(&mut is_named, true) {
                        out.push((neighbour, Say::OffersAreEmpty));
                    }
                }
                if is_left {
                    self.ask_the_next(now, settings, digest, out);
                }
            }
        }
    }

    /// A neighbour is gone, and its link with it: what was asked of it is asked of others with the next turn.
    pub(super) fn give_up_on(&mut self, now: Instant, neighbour: NeighbourId, gone: Link) {
        for (_, digest) in gone.asked {
            let asked = self.wants.get_mut(&digest).filter(|want| want.asked & gone.bit != 0);
            if let Some(want) = asked {
                want.asked &= !gone.bit;
                self.ask_soon_if_nobody_is_asked(now, digest);
            }
        }
        // It may come back, and knows nothing then of what it offered. Its bit will be another's.
        for want in self.wants.values_mut() {
            want.others.retain(|other| *other != neighbour);
            (want.offered, want.tried) = (want.offered & !gone.bit, want.tried & !gone.bit);
            want.blamed &= !gone.bit;
        }
        for digest in gone.wants {
            let Some(want) = self.wants.get_mut(&digest).filter(|want| want.owner == neighbour) else { continue };
            let may_inherit =
                |link: &Link| link.bit & want.offered != 0 && link.wants.len() < WANTS_PER_NEIGHBOUR && !want.is_done;
            let heir = self.links.iter().find(|(_, link)| may_inherit(link)).map(|(heir, _)| *heir);
            let Some((heir, link)) = heir.and_then(|heir| Some((heir, self.links.get_mut(&heir)?))) else {
                self.wants.remove(&digest);
                continue;
            };
            want.owner = heir;
            link.wants.push_back(digest);
        }
    }

    /// No bit, if it takes no part.
    pub(super) fn bit_of(&self, neighbour: NeighbourId) -> u64 {
        self.links.get(&neighbour).map_or(0, |link| link.bit)
    }

    /// What was to be looked at by now is asked for, or asked of another.
    pub(super) fn ask_what_waits(&mut self, now: Instant, settings: &Settings, out: &mut Out) {
        while self.waiting.first().is_some_and(|(at, _)| *at <= now)
            && let Some((at, digest)) = self.waiting.pop_first()
        {
            // Another was asked meanwhile, and has its own time.
            let Some(want) = self.wants.get_mut(&digest).filter(|want| want.look_at == Some(at)) else { continue };
            (want.look_at, want.pauses) = (None, false);
            if want.is_done {
                continue;
            }
            let late = std::mem::take(&mut want.asked);
            if late == 0 {
                self.ask_the_next(now, settings, digest, out);
            } else {
                self.are_late(now, settings, (digest, late), out);
            }
        }
    }

    /// If this neighbour, asked now, does not answer in time, others are asked.
    pub(super) fn look_when_late(&mut self, now: Instant, neighbour: NeighbourId, digest: Digest) {
        let asked = self.wants.get(&digest).zip(self.links.get(&neighbour));
        if let Some((want, link)) = asked {
            self.look_again(digest, want.gives_up_at(now, link));
        }
    }

    /// A want is looked at then.
    pub(super) fn look_again(&mut self, digest: Digest, at: Instant) {
        if let Some(want) = self.wants.get_mut(&digest) {
            want.look_at = Some(at);
            self.waiting.insert((at, digest));
            due_by(&mut self.due, at);
        }
    }

    /// Forgets what nobody could offer any more.
    pub(super) fn forget_old_wants(&mut self, now: Instant, span: Duration) {
        for link in self.links.values_mut() {
            while let Some(digest) = link.wants.front()
                && self.wants.get(digest).is_none_or(|want| want.age.now(now) >= span)
            {
                self.wants.remove(digest);
                link.wants.pop_front();
            }
        }
    }
}

//! What is asked for, of whom, and what comes of it (section 12).

use super::knowledge::digest_of;
use super::link::Link;
use super::offering::AGE_UNIT;
use super::{Out, OverTheRate, Repair, Say, due_by, wake_by};
use crate::dissemination::NeighbourId;
use crate::limits::{DIGESTS_PER_FRAME, EMPTY_OFFERS_MAX, OTHER_OFFERERS_MAX, TREE_PATIENCE, WANTS_PER_NEIGHBOUR};
use crate::settings::Settings;
use crate::time::{Age, Duration, Instant};
use crate::wire::{Digest, Offer};

/// A message arrives within so much of its first arrival anywhere near: what left the knowledge base later than this
/// before an offered message was announced cannot be that message.
const PUSH_SKEW: Duration = Duration::from_secs(1);

/// Something that was asked for, and is remembered as long as somebody could offer it again.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// Since its announcement, by the oldest offer.
    pub(super) age: Age,
    /// Of whom it is asked now; none if it came, or if nobody was left to ask.
    pub(super) asked: Option<NeighbourId>,
    /// In whose share it is.
    owner: NeighbourId,
    /// It came.
    pub(super) is_done: bool,
    /// The first that was asked and did not send it: it is asked once more, after the others, as its answer may be lost.
    pub(super) once_more: Option<NeighbourId>,
    /// Who else offered it and is asked next.
    pub(super) others: Vec<NeighbourId>,
    /// When it is asked for in place of a push, or asked of the next (section 13).
    pub(super) look_at: Option<Instant>,
}

impl Want {
    /// A neighbour was asked and did not send it, though it did not say that it is not there. Is that its first time?
    fn was_not_sent_by(&mut self, neighbour: NeighbourId) -> bool {
        self.asked = None;
        let is_first_time = self.once_more != Some(neighbour);
        if self.once_more.is_none() {
            self.once_more = Some(neighbour);
            if !self.others.contains(&neighbour) {
                self.others.push(neighbour);
            }
        }
        is_first_time
    }

    /// Nobody is asked for it yet; this neighbour offered it.
    pub(super) fn waiting(age: Age, owner: NeighbourId) -> Self {
        Self { age, asked: None, owner, is_done: false, once_more: None, others: vec![owner], look_at: None }
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
        (want.asked, want.is_done, want.others) = (None, true, Vec::new());
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
        for (_, overtaken) in link.asked.drain(..=at) {
            if let Some(want) = self.wants.get_mut(&overtaken).filter(|want| want.asked == Some(neighbour)) {
                want.was_not_sent_by(neighbour);
                self.orphans.push(overtaken);
            }
        }
        self.wake_for_orphans(now);
    }

    fn wake_for_orphans(&mut self, now: Instant) {
        if !self.orphans.is_empty() {
            wake_by(&mut self.orphaned_at, &mut self.due, now);
        }
    }

    /// Should this be asked of this neighbour? If it is asked of another one already, this one is remembered.
    fn is_news(&mut self, now: Instant, neighbour: NeighbourId, digest: Digest, age: Duration) -> bool {
        if self.may_have_been_here(now, age) || self.is_asked_for_much(neighbour) {
            return false;
        }
        if let Some(want) = self.wants.get_mut(&digest) {
            if want.age.now(now) < age {
                want.age = Age::then(now, age);
            }
            if want.is_done {
                return false;
            }
            // Its own second offer, too: the connection that it was asked over may have ended.
            if want.asked.is_some() {
                if want.others.len() < OTHER_OFFERERS_MAX && !want.others.contains(&neighbour) {
                    want.others.push(neighbour);
                }
                return false;
            }
            (want.asked, want.look_at) = (Some(neighbour), None);
            return true;
        }
        if !self.makes_room(neighbour) {
            return false;
        }
        let want = Want {
            age: Age::then(now, age),
            asked: Some(neighbour),
            owner: neighbour,
            is_done: false,
            once_more: None,
            others: Vec::new(),
            look_at: None,
        };
        self.wants.insert(digest, want);
        self.links.get_mut(&neighbour).into_iter().for_each(|link| link.wants.push_back(digest));
        true
    }

    /// Was it asked for so much that its offers, again and again of the same, say nothing?
    pub(super) fn is_asked_for_much(&self, neighbour: NeighbourId) -> bool {
        self.links.get(&neighbour).is_none_or(|link| link.asked.len() >= 2 * WANTS_PER_NEIGHBOUR)
    }

    /// Is this in the knowledge base, or did it come lately (section 13)? Then the link with this bit has it, too.
    pub(super) fn is_here(&mut self, digest: Digest, bit: u64) -> bool {
        if let Some(number) = self.knowledge.find(digest) {
            self.knowledge.get_mut(number).into_iter().for_each(|entry| entry.told |= bit);
            return true;
        }
        let recent = self.lazy.as_mut().and_then(|lazy| lazy.recent.get_mut(&digest));
        recent.map(|links| *links |= bit).is_some()
    }

    /// Does neither the knowledge base nor what came lately (section 13) reach back so far? Then nobody can tell.
    pub(super) fn may_have_been_here(&self, now: Instant, age: Duration) -> bool {
        let falls_short = |from: Instant| now.since(from) <= age.plus(PUSH_SKEW);
        self.knowledge.horizon().is_some_and(falls_short)
            && self.lazy.as_ref().and_then(|lazy| lazy.recent_from).is_none_or(falls_short)
    }

    /// Has a neighbour's share room for one want more? The oldest makes it, unless it is still waited for.
    pub(super) fn makes_room(&mut self, neighbour: NeighbourId) -> bool {
        let Some(link) = self.links.get_mut(&neighbour) else { return false };
        if link.wants.len() < WANTS_PER_NEIGHBOUR {
            return true;
        }
        let Some(oldest) = link.wants.front().copied() else { return true };
        if self.wants.get(&oldest).is_some_and(|want| want.asked.is_some()) {
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
        if self.wants.get(&digest).is_some_and(|want| want.asked == Some(neighbour)) {
            self.ask_the_next(now, settings, digest, out);
        }
    }

    /// Whoever else offered it is asked, and answers for it from now on if nobody does.
    pub(super) fn ask_the_next(&mut self, now: Instant, settings: &Settings, digest: Digest, out: &mut Out) {
        let Some(want) = self.wants.get_mut(&digest).filter(|want| !want.is_done) else { return };
        let links = &self.links;
        want.asked = None;
        let is_lazy = want.look_at.take().is_some();
        want.others.retain(|other| links.contains_key(other));
        if want.others.is_empty() {
            if !links.contains_key(&want.owner) {
                self.wants.remove(&digest);
            }
            return;
        }
        // Those in doubt (section 13) last.
        let is_sound = |other: &NeighbourId| links.get(other).is_some_and(|link| link.doubt == 0);
        let next = want.others.remove(want.others.iter().position(is_sound).unwrap_or(0));
        want.asked = Some(next);
        if !links.contains_key(&want.owner) {
            want.owner = next;
            self.links.get_mut(&next).into_iter().for_each(|link| link.wants.push_back(digest));
        }
        self.ask(now, settings, next, &[digest]);
        match out.last_mut() {
            Some((to, Say::Want(digests))) if *to == next && digests.len() < DIGESTS_PER_FRAME => digests.push(digest),
            _ => out.push((next, Say::Want(vec![digest]))),
        }
        if is_lazy {
            self.look_again(digest, now.after(TREE_PATIENCE));
        }
    }

    /// What was asked for and does not come is asked of others. Who offered much and had none of it is named.
    pub(super) fn lose_patience(&mut self, now: Instant, settings: &Settings, out: &mut Out) {
        self.orphaned_at = None;
        for digest in std::mem::take(&mut self.orphans) {
            self.ask_the_next(now, settings, digest, out);
        }
        let asked = self.links.keys().take_while(|_| self.is_asking);
        let neighbours: Vec<NeighbourId> = asked.copied().collect();
        for neighbour in neighbours {
            // Of one silence, however much was asked for, one fault comes.
            let mut is_named = false;
            while let Some(link) = self.links.get_mut(&neighbour)
                && let Some((_, digest)) = link.asked.front().copied()
            {
                let is_waited_for = self.wants.get(&digest).is_some_and(|want| want.asked == Some(neighbour));
                if is_waited_for && link.patience_ends().is_some_and(|at| at > now) {
                    break;
                }
                link.asked.pop_front();
                if !is_waited_for {
                    continue;
                }
                let is_first_time = self.wants.get_mut(&digest).is_some_and(|want| want.was_not_sent_by(neighbour));
                link.empty = link.empty.saturating_add(u32::from(is_first_time));
                if link.empty >= EMPTY_OFFERS_MAX {
                    link.empty = 0;
                    if !std::mem::replace(&mut is_named, true) {
                        out.push((neighbour, Say::OffersAreEmpty));
                    }
                }
                self.ask_the_next(now, settings, digest, out);
            }
        }
    }

    /// A neighbour is gone, and its link with it: what was asked of it is asked of others with the next turn.
    pub(super) fn give_up_on(&mut self, now: Instant, neighbour: NeighbourId, gone: Link) {
        for digest in gone.asked.into_iter().map(|(_, digest)| digest) {
            if let Some(want) = self.wants.get_mut(&digest).filter(|want| want.asked == Some(neighbour)) {
                want.asked = None;
                // What is its own follows below.
                if want.owner != neighbour {
                    self.orphans.push(digest);
                }
            }
        }
        // It may come back, and knows nothing then of what it offered.
        self.wants.values_mut().for_each(|want| want.others.retain(|other| *other != neighbour));
        for digest in gone.wants {
            let Some(want) = self.wants.get_mut(&digest).filter(|want| want.owner == neighbour) else { continue };
            if let Some(heir) = want.asked
                && let Some(link) = self.links.get_mut(&heir)
            {
                want.owner = heir;
                link.wants.push_back(digest);
            } else if want.is_done || want.others.is_empty() {
                self.wants.remove(&digest);
            } else {
                self.orphans.push(digest);
            }
        }
        self.wake_for_orphans(now);
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

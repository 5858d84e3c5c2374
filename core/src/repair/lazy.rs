//! Offers in place of a push (PROTOCOL.md, section 13).

use super::knowledge::Entry;
use super::link::{Link, Types};
use super::offering::{AGE_UNIT, is_wanted, offer_one};
use super::{Out, OverTheRate, Repair, Say, wake_by};
use crate::dissemination::{NeighbourId, Spread};
use crate::limits::{
    ASKED_AT_ONCE, DIGESTS_PER_FRAME, DOUBT, DOUBT_MAX, OTHER_OFFERERS_MAX, TREE_KEPT, TREE_OFFER_DELAY, TREE_PATIENCE,
    TREE_RECENT, TREE_RECENT_MAX, TREE_WAIT,
};
use crate::rng::Rng;
use crate::settings::{Settings, Spreading};
use crate::time::{Age, Duration, Instant};
use crate::tree::{Trees, Turn, Way};
use crate::util::bucket::TokenBucket;
use crate::wire::{Digest, Offer};
use std::collections::{BTreeMap, VecDeque};

/// What a node with `spreading = tree` has beside repair.
#[derive(Clone, Debug, Default)]
pub(super) struct Lazy {
    pub(super) trees: Trees,
    /// Messages of the knowledge base and the links that they are offered over, in the order of their numbers.
    offers: VecDeque<(u64, u64)>,
    /// When that is.
    pub(super) offers_at: Option<Instant>,
    /// Messages that came lately, and the links at whose ends they are: most wait for VALIDATION, so that the knowledge
    /// base does not have them.
    pub(super) recent: BTreeMap<Digest, u64>,
    recent_order: VecDeque<(Instant, Digest)>,
    /// Whatever came after this is among them; none if nothing need be.
    pub(super) recent_from: Option<Instant>,
    /// What left the knowledge base too soon after it was offered, or was to be: it is pushed over these links.
    leaving: Vec<(u64, Spread)>,
}

impl Lazy {
    /// Messages that came lately.
    fn remember(&mut self, now: Instant, digest: Digest, links: u64) {
        *self.recent.entry(digest).or_insert(0) |= links;
        self.recent_order.push_back((now, digest));
        while self.recent_order.len() > TREE_RECENT_MAX {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        if let Some((at, digest)) = self.recent_order.pop_front() {
            self.recent.remove(&digest);
            self.recent_from = self.recent_from.map(|from| from.max(at));
        }
    }

    /// Forgets what came long ago.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.recent_order.front().is_some_and(|(at, _)| at.after(TREE_RECENT) <= now) {
            self.forget_one();
        }
    }

    /// A link need not push a type. Is it to be told so?
    fn turns_away(&mut self, now: Instant, link: &mut Link, data_type: u16) -> bool {
        turns(link, now).has(now, 1) && self.trees.copy_came(now, data_type, link.bit) && turns(link, now).take(now)
    }

    /// A link's bit has no meaning for what is there.
    pub(super) fn untell(&mut self, bit: u64) {
        self.recent.values_mut().for_each(|links| *links &= !bit);
        self.offers.iter_mut().for_each(|(_, links)| *links &= !bit);
        self.leaving.iter_mut().for_each(|(links, _)| *links &= !bit);
    }

    /// A message leaves the knowledge base for newer ones. Those before it have left.
    pub(super) fn leaves(&mut self, now: Instant, number: u64, entry: &Entry) {
        let mut pending = 0;
        if self.offers.front().is_some_and(|(first, _)| *first == number) {
            pending = self.offers.pop_front().map_or(0, |(_, links)| links);
        }
        let links = pending & !entry.told | entry.open & self.trees.links();
        if links != 0
            && now.since(entry.entered) < TREE_KEPT
            && let Some(ttl) = entry.ttl
        {
            self.leaving.push((links, Spread { ttl, id: entry.id, payload: entry.payload.clone() }));
        }
    }
}

/// A message that is about to be spread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spreadable<'a> {
    /// In the knowledge base.
    pub(crate) number: u64,
    pub(crate) data_type: u16,
    /// Neighbours that sent a copy.
    pub(crate) senders: &'a [NeighbourId],
}

impl Repair {
    /// What a node with these settings has for lazy push.
    pub(super) fn lazy_for(settings: &Settings) -> Option<Box<Lazy>> {
        (settings.spreading == Spreading::Tree && settings.cache_size > 0).then(Box::default)
    }

    /// Does anybody here take offers in place of messages?
    pub(crate) fn has_trees(&self) -> bool {
        self.lazy.as_ref().is_some_and(|lazy| !lazy.trees.is_empty())
    }

    /// This neighbour, which takes part in repair, takes offers in place of messages from its INTEREST on: without that
    /// it may have found no place for us, and would be sent nothing for ever.
    pub(crate) fn tree_up(&mut self, neighbour: NeighbourId) {
        let link = self.links.get_mut(&neighbour).filter(|_| self.lazy.is_some());
        link.into_iter().for_each(|link| link.has_tree = true);
    }

    /// Does this neighbour wait for our INTEREST, though that may be nothing?
    pub(crate) fn waits_for_interest(&self, neighbour: NeighbourId) -> bool {
        self.links.get(&neighbour).is_some_and(|link| link.has_tree)
    }

    /// A neighbour's INTEREST came, and was another before. The types of which it is to send offers only from the start:
    /// somebody else brings them here.
    pub(super) fn interest_came(&mut self, now: Instant, neighbour: NeighbourId, former: &Types) -> Vec<u16> {
        let (Some(lazy), Some(link)) = (&mut self.lazy, self.links.get_mut(&neighbour)) else { return Vec::new() };
        if !link.has_tree {
            return Vec::new();
        }
        if lazy.trees.is_empty() {
            lazy.recent_from = Some(now);
        }
        lazy.trees.link_up(link.bit);
        lazy.trees.forget(link.bit, |data_type| link.interest.has(data_type));
        let mut named = lazy.trees.types();
        named.retain(|data_type| link.interest.has(*data_type) && !former.has(*data_type));
        named.retain(|data_type| lazy.turns_away(now, link, *data_type));
        named
    }

    /// Only these types are subscribed to here; sorted.
    pub(crate) fn keep_trees(&mut self, types: impl FnOnce() -> Vec<u16>) {
        if let Some(lazy) = self.lazy.as_mut().filter(|lazy| !lazy.trees.is_empty()) {
            lazy.trees.keep(&types());
        }
    }

    /// Chooses to whom a valid message goes in full, and sees to it that others are offered it. How many are offered it,
    /// or do not want it.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        settings: &Settings,
        rng: &mut Rng,
        spreadable: Spreadable<'_>,
        neighbours: &[NeighbourId],
        targets: &mut Vec<NeighbourId>,
    ) -> usize {
        let Spreadable { number, data_type, senders } = spreadable;
        self.knowledge.hash_before(number.saturating_add(1));
        let digest = self.knowledge.digest(number);
        let is_kept = digest.is_some() && self.knowledge.horizon().is_none_or(|from| now.since(from) >= TREE_KEPT);
        let (Some(lazy), links, degree) = (&mut self.lazy, &mut self.links, settings.degree as usize) else { return 0 };
        let has_it = digest.and_then(|digest| lazy.recent.get(&digest)).copied().unwrap_or(0);
        let is_in = |link: &Link| lazy.trees.has(link.bit);
        targets.clear();
        let plain = neighbours.iter().filter(|neighbour| !links.get(neighbour).is_some_and(is_in));
        targets.extend(plain.filter(|neighbour| !senders.contains(neighbour)));
        if targets.len() > degree {
            rng.choose(targets, degree);
        }
        let (mut pushed, mut offered, mut others) = (0usize, 0u64, 0usize);
        for neighbour in neighbours {
            let Some(link) = links.get_mut(neighbour).filter(|link| lazy.trees.has(link.bit)) else { continue };
            if senders.contains(neighbour) || has_it & link.bit != 0 {
                continue;
            }
            let wants_it = link.interest.has(data_type);
            let is_pushed = match lazy.trees.way(data_type, link.bit) {
                _ if !wants_it => false,
                Way::Grafted => true,
                Way::Push => {
                    pushed = pushed.saturating_add(1);
                    pushed <= degree
                }
                Way::Offer => {
                    let coming = link.coming.saturating_add(1);
                    !is_kept || !link.rates(now).offers_sent.has(now, coming)
                }
            };
            if is_pushed {
                targets.push(*neighbour);
                continue;
            }
            others = others.saturating_add(1);
            if wants_it {
                link.coming = link.coming.saturating_add(1);
                offered |= link.bit;
            }
        }
        if let Some(entry) = self.knowledge.get_mut(number) {
            entry.told |= has_it;
        }
        if offered != 0 {
            lazy.offers.push_back((number, offered));
            if lazy.offers_at.is_none() {
                wake_by(&mut lazy.offers_at, &mut self.due, now.after(TREE_OFFER_DELAY));
            }
        }
        others
    }

    /// What left the knowledge base too soon goes out at once.
    pub(super) fn push_what_left(&mut self, now: Instant) {
        if let Some(lazy) = self.lazy.as_mut().filter(|lazy| !lazy.leaving.is_empty()) {
            wake_by(&mut lazy.offers_at, &mut self.due, now);
        }
    }

    /// A message came that is new here, or was announced here.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        from: Option<NeighbourId>,
        (id, data_type, data): (u16, u16, &[u8]),
    ) {
        let from = from.map_or(0, |neighbour| self.bit_of(neighbour));
        let Some(lazy) = self.lazy.as_mut().filter(|lazy| !lazy.trees.is_empty()) else { return };
        let digest = super::digest_of(id, data_type, data);
        let offered = self.wants.get(&digest).map_or(0, |want| want.offered);
        lazy.remember(now, digest, offered | from);
    }

    /// It came from a neighbour. What is to be told to it.
    pub(crate) fn first_came(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        data_type: u16,
        is_fetched: bool,
    ) -> Option<(NeighbourId, u16, Turn)> {
        let (lazy, link) = (self.lazy.as_mut()?, self.links.get_mut(&neighbour)?);
        let is_grafted = lazy.trees.first_came(data_type, link.bit, is_fetched) && turns(link, now).take(now);
        is_grafted.then_some((neighbour, data_type, Turn::Graft))
    }

    /// A copy of a message that was valid here already came from a neighbour: it needs none of ours, not even of what leaves
    /// the knowledge base before it asked for it.
    pub(crate) fn has_sent(&mut self, neighbour: NeighbourId, (id, data_type, data): (u16, u16, &[u8])) {
        let bit = self.bit_of(neighbour);
        let Some(lazy) = self.lazy.as_mut().filter(|_| bit != 0) else { return };
        let is_this = |spread: &Spread| spread.id == id && spread.payload.is_of(data_type, data);
        let leaving = lazy.leaving.iter_mut().filter(|(_, spread)| is_this(spread));
        leaving.for_each(|(links, _)| *links &= !bit);
        self.knowledge.hash_before(self.knowledge.next());
        self.is_here(super::digest_of(id, data_type, data), bit);
    }

    /// A copy of a message that is here came in full, unasked. What is to be told to its sender.
    pub(crate) fn copy_came(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        data_type: u16,
    ) -> Option<(NeighbourId, u16, Turn)> {
        let (lazy, link) = (self.lazy.as_mut()?, self.links.get_mut(&neighbour)?);
        lazy.turns_away(now, link, data_type).then_some((neighbour, data_type, Turn::Prune))
    }

    /// A neighbour turns our direction of its link. Whether that was too often; false if it is ignored.
    pub(crate) fn turned(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        data_type: u16,
        turn: Turn,
    ) -> Result<bool, OverTheRate> {
        let (Some(lazy), Some(link)) = (&mut self.lazy, self.links.get_mut(&neighbour)) else { return Ok(false) };
        if !lazy.trees.has(link.bit) {
            return Ok(false);
        }
        if !link.rates(now).turns_taken.take(now) {
            return Err(OverTheRate);
        }
        Ok(lazy.trees.turned(data_type, link.bit, turn))
    }

    /// Offers what is to be offered in place of a push.
    pub(super) fn offer_lazily(
        &mut self,
        now: Instant,
        settings: &Settings,
        room: &dyn Fn(NeighbourId) -> u64,
        out: &mut Out,
    ) {
        let Some(lazy) = self.lazy.as_mut() else { return };
        if lazy.offers_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        let (offers, limit) = (std::mem::take(&mut lazy.offers), Self::age_limit(settings));
        for (links, spread) in std::mem::take(&mut lazy.leaving) {
            let over = self.links.iter().filter(|(_, link)| link.bit & links != 0);
            out.extend(over.map(|(neighbour, _)| (*neighbour, Say::Answer(spread.clone()))));
        }
        let over = offers.iter().fold(0, |all, (_, links)| all | links);
        let neighbours: Vec<NeighbourId> = self.links.keys().copied().collect();
        for neighbour in neighbours {
            let Some(link) = self.links.get_mut(&neighbour).filter(|link| link.bit & over != 0) else { continue };
            link.coming = 0;
            // Who has no room now is offered it with the rest, later.
            if room(neighbour) == 0 {
                continue;
            }
            let bit = link.bit;
            let mut by_type: Vec<(u16, Vec<Offer>)> = Vec::new();
            for (number, _) in offers.iter().filter(|(_, links)| links & bit != 0) {
                let entry = self.knowledge.get(*number);
                let Some(entry) = entry.filter(|entry| is_wanted(entry, link.bit, &link.interest, now, limit)) else {
                    continue;
                };
                let data_type = entry.payload.data_type();
                let has_room =
                    |(known, list): &(u16, Vec<Offer>)| *known == data_type && list.len() < DIGESTS_PER_FRAME;
                let at = by_type.iter().position(has_room).unwrap_or(by_type.len());
                if at == by_type.len() {
                    by_type.push((data_type, Vec::new()));
                }
                let Some((_, list)) = by_type.get_mut(at) else { continue };
                if !offer_one(&mut self.knowledge, link, *number, now, list) {
                    break;
                }
            }
            let said = by_type.into_iter().filter(|(_, offers)| !offers.is_empty());
            out.extend(said.map(|(data_type, offers)| (neighbour, Say::Offer(data_type, offers))));
        }
    }

    /// A neighbour offers messages of a type in place of pushing them. Whether it offers more than it may.
    pub(crate) fn offered_lazily(
        &mut self,
        now: Instant,
        settings: &Settings,
        neighbour: NeighbourId,
        data_type: u16,
        offers: impl Iterator<Item = Offer>,
        out: &mut Out,
    ) -> Result<(), OverTheRate> {
        let Some(bit) = self.links.get(&neighbour).map(|link| link.bit) else { return Ok(()) };
        let Some(lazy) = self.lazy.as_ref().filter(|lazy| lazy.trees.has(bit)) else { return Ok(()) };
        let interested = self.links.values().filter(|link| link.interest.has(data_type) && link.doubt == 0);
        let is_awaited = lazy.trees.is_pushed_by(data_type, interested.fold(0, |links, link| links | link.bit));
        self.knowledge.hash_before(self.knowledge.next());
        let mut asks = Vec::new();
        let mut result = Ok(());
        for Offer { digest, age } in offers {
            let Some(link) = self.links.get_mut(&neighbour) else { break };
            if !link.rates(now).offers_taken.take(now) {
                result = Err(OverTheRate);
                break;
            }
            let is_in_doubt = link.doubt > 0;
            if age != Offer::GONE && !self.is_here(digest, bit) {
                let waits = if is_awaited || is_in_doubt { TREE_WAIT } else { Duration::ZERO };
                let age = AGE_UNIT.times(u64::from(age));
                if age < Self::age_limit(settings) && self.is_to_be_asked(now, neighbour, (digest, age), waits) {
                    asks.push(digest);
                }
            }
        }
        if !asks.is_empty() {
            self.ask(now, settings, neighbour, &asks);
            asks.iter().for_each(|digest| self.look_when_late(now, neighbour, *digest));
            out.push((neighbour, Say::Want(asks)));
        }
        self.set_due();
        result
    }

    /// Is this asked of this neighbour at once? Else it may be asked later.
    fn is_to_be_asked(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        (digest, age): (Digest, Duration),
        waits: Duration,
    ) -> bool {
        let bit = self.may_be_asked(now, neighbour, digest, age);
        let Some((bit, want)) = bit.zip(self.wants.get_mut(&digest)) else { return false };
        want.hurries = !want.pauses;
        let in_doubt = |other: &NeighbourId| self.links.get(other).is_none_or(|link| link.doubt > 0);
        let is_sound = !in_doubt(&neighbour);
        // Who is in doubt is asked only until somebody else offers.
        let is_free = match want.asked {
            _ if want.pauses => false,
            0 => waits == Duration::ZERO,
            asked => is_sound && self.links.values().all(|link| link.bit & asked == 0 || link.doubt > 0),
        };
        if is_free {
            want.others.retain(|other| *other != neighbour);
            want.asked = 0;
            want.ask(bit);
            return true;
        }
        if !want.others.contains(&neighbour) {
            if is_sound && want.others.len() >= OTHER_OFFERERS_MAX {
                // The first to offer may be many that have nothing but haste: the latest is always among those asked.
                let at = want.others.iter().position(in_doubt).unwrap_or(OTHER_OFFERERS_MAX.saturating_sub(1));
                want.others.remove(at);
            }
            if want.others.len() < OTHER_OFFERERS_MAX {
                want.others.push(neighbour);
            }
        }
        if want.look_at.is_none() && !want.others.is_empty() {
            // For who was late already nobody waits once more.
            let waits = if want.asked & !want.blamed == 0 { waits } else { TREE_PATIENCE };
            self.look_again(digest, now.after(waits));
        }
        false
    }

    /// A message comes from a neighbour. Its age, if it was asked for of this one.
    pub(super) fn comes_by_tree(
        &mut self,
        now: Instant,
        neighbour: NeighbourId,
        (id, data_type, data): (u16, u16, &[u8]),
    ) -> Option<Age> {
        let digest = super::digest_of(id, data_type, data);
        let want = self.wants.get_mut(&digest)?;
        let link = self.links.get_mut(&neighbour);
        (want.asked, want.is_done) = (0, true);
        let link = link.filter(|link| link.asked.iter().any(|(_, asked)| *asked == digest))?;
        (link.came_at, link.empty, link.doubt) = (now, 0, link.doubt.saturating_sub(1));
        let age = want.age;
        self.is_answered(now, neighbour, digest);
        Some(age)
    }

    /// Who was asked in place of a push, over these links, has not sent it in time: they are in doubt now. More are asked at
    /// once: where one is silent, those that offered right after it may be of its kind.
    pub(super) fn are_late(&mut self, now: Instant, settings: &Settings, (digest, late): (Digest, u64), out: &mut Out) {
        let Some(want) = self.wants.get_mut(&digest) else { return };
        let to_blame = late & !want.blamed;
        want.blamed |= late;
        want.late_turns = want.late_turns.saturating_add(u8::from(to_blame != 0));
        let late_ones = self.links.iter().filter(|(_, link)| link.bit & to_blame != 0);
        out.extend(late_ones.map(|(neighbour, _)| (*neighbour, Say::Unanswered)));
        for link in self.links.values_mut().filter(|link| link.bit & to_blame != 0) {
            link.doubt = link.doubt.saturating_add(DOUBT).min(DOUBT_MAX);
        }
        for turn in 0..ASKED_AT_ONCE {
            if self.ask_the_next(now, settings, digest, out) {
                continue;
            }
            if turn == 0
                && let Some(want) = self.wants.get_mut(&digest).filter(|want| !want.is_done)
            {
                // Section 12's patience goes on.
                (want.asked, want.hurries) = (late, false);
            }
            break;
        }
    }
}

/// The prunes and grafts that may be sent over a link.
fn turns(link: &mut Link, now: Instant) -> &mut TokenBucket {
    &mut link.rates(now).turns_sent
}

#[cfg(test)]
mod tests {
    use super::super::tests::seconds;
    use super::*;
    use crate::wire::Payload;

    #[test]
    fn messages_that_came_lately_are_so_many_for_so_long_and_how_far_they_reach_back_is_known() {
        let mut lazy = Lazy { recent_from: Some(seconds(0)), ..Lazy::default() };
        let most = u64::try_from(TREE_RECENT_MAX).unwrap();
        (0..most).for_each(|digest| lazy.remember(seconds(1), digest, 1));
        assert_eq!((lazy.recent.len(), lazy.recent_from), (TREE_RECENT_MAX, Some(seconds(0))));
        lazy.remember(seconds(2), most, 2);
        assert_eq!((lazy.recent.len(), lazy.recent_from), (TREE_RECENT_MAX, Some(seconds(1))), "the oldest has left");
        assert!(!lazy.recent.contains_key(&0) && lazy.recent.contains_key(&1));
        lazy.expire(seconds(1).after(TREE_RECENT).before(Duration::from_micros(1)));
        assert_eq!(lazy.recent.len(), TREE_RECENT_MAX);
        lazy.expire(seconds(1).after(TREE_RECENT));
        assert_eq!((lazy.recent.len(), lazy.recent.get(&most)), (1, Some(&2)));
        lazy.expire(seconds(2).after(TREE_RECENT));
        assert_eq!((lazy.recent.len(), lazy.recent_from), (0, Some(seconds(2))));
    }

    #[test]
    fn a_bit_that_is_taken_back_is_taken_back_everywhere() {
        let mut lazy = Lazy::default();
        lazy.remember(seconds(0), 1, 6);
        lazy.remember(seconds(0), 1, 2);
        assert_eq!(lazy.recent.get(&1), Some(&6));
        lazy.untell(2);
        assert_eq!(lazy.recent.get(&1), Some(&4));
    }

    fn spread(id: u16) -> Spread {
        Spread { ttl: 9, id, payload: Payload::new(7, b"x") }
    }

    #[test]
    fn what_waits_to_be_offered_or_pushed_is_not_for_who_has_the_bit_next() {
        let mut lazy = Lazy { offers: VecDeque::from([(1, 6), (2, 2)]), ..Lazy::default() };
        lazy.leaving = vec![(3, spread(1)), (4, spread(2))];
        lazy.untell(2);
        assert_eq!(lazy.offers, [(1, 4), (2, 0)]);
        assert_eq!(lazy.leaving.iter().map(|(links, _)| *links).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn what_leaves_too_soon_is_pushed_to_whom_it_was_to_be_offered_or_who_has_not_asked() {
        // Offered soon to 1 and 2, of which 1 was told otherwise; offered to 4 (in the tree), 8 (not) and 16.
        let pushed = |first, ttl, after: Duration| {
            let mut lazy = Lazy { offers: VecDeque::from([(first, 3), (6, 3)]), ..Lazy::default() };
            [1, 2, 4, 16].into_iter().for_each(|link| lazy.trees.link_up(link));
            let mut entry =
                Entry::new(seconds(1), Age::then(seconds(1), Duration::ZERO), 5, ttl, Payload::new(7, b"x"));
            (entry.told, entry.open) = (1, 4 | 8 | 16);
            lazy.leaves(seconds(1).after(after), 5, &entry);
            (lazy.leaving.first().map(|(links, spread)| (*links, spread.id)), lazy.offers.len())
        };
        assert_eq!(pushed(5, Some(9), Duration::ZERO), (Some((2 | 4 | 16, 5)), 1));
        assert_eq!(pushed(4, Some(9), Duration::ZERO), (Some((4 | 16, 5)), 2), "it was not to be offered");
        assert_eq!(pushed(5, None, Duration::ZERO), (None, 1), "it goes no further");
        let moment = Duration::from_micros(1);
        assert!(pushed(5, Some(9), Duration::from_micros(TREE_KEPT.as_micros() - 1)).0.is_some());
        assert!(pushed(5, Some(9), TREE_KEPT).0.is_none() && pushed(5, Some(9), TREE_KEPT.plus(moment)).0.is_none());
        let mut lazy = Lazy::default();
        let entry = Entry::new(seconds(1), Age::then(seconds(1), Duration::ZERO), 5, Some(9), Payload::new(7, b"x"));
        lazy.leaves(seconds(1), 5, &entry);
        assert!(lazy.leaving.is_empty(), "nobody was offered it");
    }
}

//! The memory (rule 6): every message that modules were told of, from its receipt until `suppression_time` after its
//! decision.

use super::entries::{Entries, Entry, Kind};
use super::fifo::NONE;
use super::index::Index;
use super::{NeighbourId, Source};
use crate::limits::SOURCES_MAX;
use crate::time::{Duration, Instant};
use crate::util::sorted::SortedMap;
use highway::{HighwayHash as _, HighwayHasher, Key};

/// What a message is known by: a keyed 128-bit hash of its id, type and data.
pub(super) type Identity = [u32; 4];

/// The node's secret, which the hash of messages is keyed with.
pub(super) type HashKey = [u64; 4];

/// The hash of a message under the node's key.
///
/// HighwayHash, which is meant, as SipHash, to be a pseudorandom function for whoever lacks the key: that is what is
/// assumed here. Nobody sees the key or a hash, and the time of a look-up drowns in that of a network, so nothing is
/// learnt but whether two messages were taken for the same; and of 2^64 messages no two are likely to be. The same bits
/// choose the place in the index. Each processor has its own way to the same value.
pub(super) fn identity(key: HashKey, id: u16, data_type: u16, data: &[u8]) -> Identity {
    let mut hasher = HighwayHasher::new(Key(key));
    // Of fixed length, before data of any: no two messages give the same bytes.
    hasher.append(&((u64::from(id) << 16) | u64::from(data_type)).to_le_bytes());
    hasher.append(data);
    let [low, high] = hasher.finalize128();
    let ((a, b), (c, d)) = (halves(low), halves(high));
    [a, b, c, d]
}

#[allow(clippy::cast_possible_truncation)]
pub(super) const fn halves(n: u64) -> (u32, u32) {
    ((n >> 32) as u32, n as u32)
}

/// What became of a remembered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for VALIDATION, in this slot of the waiting table.
    Waits(u32),
    /// It is valid, and held in this slot for neighbours to come.
    Held(u32),
    /// It is valid. The mask has the bits ([`mask`]) of neighbours that sent a copy.
    Valid(u32),
    /// It goes nowhere.
    Dropped,
}

/// The bit of a neighbour among those that sent a copy. Two neighbours may share one: then a copy is not spread again
/// to one that could do with it, and never to one that sent it.
pub(super) const fn mask(neighbour: NeighbourId) -> u32 {
    1_u32.rotate_left((neighbour.0 & 31) as u32)
}

/// Whose messages leave early together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LaneKey {
    Neighbour(NeighbourId),
    /// Modules come and go with every message, so they share a fixed number of lanes; so do neighbours past
    /// [`SOURCES_MAX`].
    Shared(u64),
}

const SHARED_LANES: u64 = 64;

/// An index with room for no more than so many is never worth making smaller.
const SMALL_INDEX: usize = 1_024;

impl LaneKey {
    fn of(source: Source) -> Self {
        match source {
            Source::Neighbour(neighbour) => Self::Neighbour(neighbour),
            Source::Module(module) => Self::shared(module.as_u64()),
        }
    }

    fn shared(n: u64) -> Self {
        Self::Shared(n & SHARED_LANES.saturating_sub(1))
    }
}

/// The decided messages of one source, in the order of decision, which is the order in which they leave.
#[derive(Clone, Debug)]
struct Lane {
    key: LaneKey,
    head: u32,
    tail: u32,
    decided: u32,
    waiting: u32,
}

/// Remembered messages, at most `seen_max`. Past that the oldest decided one of the source that holds most leaves;
/// waiting ones never do. 36 bytes an entry and at most 10 of the index.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    entries: Entries,
    /// The slot that was filled last.
    latest: u32,
    /// Slots by identity.
    index: Index,
    lanes: Vec<Lane>,
    lane_of: SortedMap<LaneKey, u32>,
    free_lanes: Vec<u32>,
    /// The shortest time that a message that left early had been remembered, and when that was.
    early: Option<(Duration, Instant)>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            entries: Entries::default(),
            latest: NONE,
            index: Index::default(),
            lanes: Vec::new(),
            lane_of: SortedMap::new(),
            free_lanes: Vec::new(),
            early: None,
        }
    }
}

impl Seen {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The slot of a message, if it is remembered.
    pub(super) fn find(&self, identity: &Identity) -> Option<u32> {
        self.index
            .find(hash_of(identity), |slot| self.entries.get(slot).is_some_and(|entry| entry.identity == *identity))
    }

    /// See [`GossipState::touch`](crate::GossipState::touch): the entry of the latest message, of which another copy is
    /// most likely the next to come.
    pub(super) fn touch(&self, depth: u8) -> u64 {
        match depth {
            0 => self.entries.touch(0) ^ self.index.len() as u64 ^ self.lanes.len() as u64,
            1 => self.entries.touch(1),
            2 => self.entries.get(self.latest).map_or(0, |latest| hash_of(&latest.identity)),
            _ => {
                let latest = self.entries.get(self.latest);
                latest.and_then(|latest| self.find(&latest.identity)).map_or(0, u64::from)
            }
        }
    }

    pub(super) fn fate(&self, slot: u32) -> Option<Fate> {
        self.entries.get(slot).map(Entry::fate)
    }

    pub(super) fn set_fate(&mut self, slot: u32, fate: Fate) {
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.set_fate(fate);
        }
    }

    /// When it was decided.
    pub(super) fn decided(&self, slot: u32) -> Instant {
        self.entries.get(slot).map_or(Instant::ZERO, Entry::decided)
    }

    /// The greatest ttl of its copies, taken as at most 32.
    pub(super) fn ttl(&self, slot: u32) -> u8 {
        self.entries.get(slot).map_or(u8::MAX, |entry| entry.ttl)
    }

    pub(super) fn set_ttl(&mut self, slot: u32, ttl: u8) {
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.ttl = ttl;
        }
    }

    /// Remembers a message that is not yet decided. `seen_max` is kept by [`make_room`](Self::make_room) before.
    pub(super) fn insert(&mut self, identity: Identity, source: Source, ttl: u8) -> u32 {
        let lane = self.lane(source);
        if let Some(lane) = self.lanes.get_mut(lane as usize) {
            lane.waiting = lane.waiting.saturating_add(1);
        }
        let (kind, extra) = (Kind::Waits, NONE);
        let slot =
            self.entries.place(Entry { identity, decided_low: 0, decided_high: 0, ttl, kind, extra, lane, next: NONE });
        self.latest = slot;
        if !self.index.insert(hash_of(&identity), slot) {
            self.remake_index(self.index.len().saturating_add(1));
        }
        slot
    }

    /// An index of all entries, with room for so many. In the order of slots, not of the former index: the entries'
    /// memory is read once, line after line. The former index is given back before, not after.
    fn remake_index(&mut self, room: usize) {
        self.index = Index::default();
        self.index = Index::with_room(room, self.entries.last());
        for (slot, entry) in self.entries.iter() {
            let is_in = self.index.insert(hash_of(&entry.identity), slot);
            debug_assert!(is_in, "no room for slot {slot} in an index for {room}");
        }
    }

    /// A message is decided: from now on it grows old.
    pub(super) fn decide(&mut self, slot: u32, now: Instant, fate: Fate) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        entry.set_decided(now);
        entry.set_fate(fate);
        entry.next = NONE;
        let lane = entry.lane;
        let Some(lane) = self.lanes.get_mut(lane as usize) else { return };
        lane.waiting = lane.waiting.saturating_sub(1);
        lane.decided = lane.decided.saturating_add(1);
        let last = std::mem::replace(&mut lane.tail, slot);
        match self.entries.get_mut(last) {
            Some(last) => last.next = slot,
            None => lane.head = slot,
        }
    }

    /// Makes the oldest message of the fullest source leave if there are `seen_max`: its fate, for whoever still holds
    /// it. An error if there is no room and none can leave.
    pub(super) fn make_room(&mut self, now: Instant, span: Duration, seen_max: u32) -> Result<Option<Fate>, Full> {
        if self.len() < seen_max as usize {
            return Ok(None);
        }
        // The first of the fullest: `max_by_key` alone would take the last.
        let fullest = self.lanes.iter().enumerate().rev().max_by_key(|(_, lane)| lane.decided);
        let (lane, head) = match fullest {
            Some((lane, Lane { head, decided: 1.., .. })) => (lane, *head),
            _ => return Err(Full),
        };
        let remembered = self.entries.get(head).map_or(span, |entry| now.since(entry.decided()));
        self.early = match self.early {
            Some((shortest, at)) if shortest < remembered && now.since(at) < span => Some((shortest, at)),
            _ => Some((remembered, now)),
        };
        Ok(self.pop(lane))
    }

    /// For how long messages are remembered now, of the `span` that they should be.
    pub(super) fn span(&self, now: Instant, span: Duration) -> Duration {
        match self.early {
            Some((shortest, at)) if now.since(at) < span => shortest.min(span),
            _ => span,
        }
    }

    /// Forgets what was decided `span` ago or earlier.
    pub(super) fn expire(&mut self, now: Instant, span: Duration) {
        for lane in 0..self.lanes.len() {
            while self.head(lane).is_some_and(|entry| entry.decided().after(span) <= now) {
                self.pop(lane);
            }
            self.release(lane);
        }
        if self.index.is_empty() {
            *self = Self::default();
            return;
        }
        self.entries.give_back();
        // Left alone, the index of a flood would stay for as long as a message now and then keeps it from being empty.
        if self.index.room() > SMALL_INDEX && self.index.len() < self.index.room() / 8 {
            self.remake_index(self.index.len().saturating_mul(2));
        }
    }

    /// When the next message leaves.
    pub(super) fn next_expiry(&self, span: Duration) -> Option<Instant> {
        (0..self.lanes.len()).filter_map(|lane| self.head(lane)).map(|entry| entry.decided().after(span)).min()
    }

    /// Bytes that it takes, all in.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.entries.bytes() + self.index.bytes()
    }

    fn head(&self, lane: usize) -> Option<&Entry> {
        self.lanes.get(lane).and_then(|lane| self.entries.get(lane.head))
    }

    /// Forgets the oldest of a lane.
    fn pop(&mut self, lane: usize) -> Option<Fate> {
        let lane = self.lanes.get_mut(lane)?;
        let slot = lane.head;
        let leaving = self.entries.get(slot)?;
        let (identity, fate) = (leaving.identity, leaving.fate());
        lane.head = leaving.next;
        if lane.head == NONE {
            lane.tail = NONE;
        }
        lane.decided = lane.decided.saturating_sub(1);
        self.entries.free(slot);
        let Self { index, entries, .. } = self;
        index.remove(hash_of(&identity), slot, |other| entries.get(other).map_or(0, |entry| hash_of(&entry.identity)));
        Some(fate)
    }

    fn lane(&mut self, source: Source) -> u32 {
        let mut key = LaneKey::of(source);
        if let Some(lane) = self.lane_of.get(&key) {
            return *lane;
        }
        if let LaneKey::Neighbour(NeighbourId(n)) = key
            && self.lane_of.len() >= SOURCES_MAX
        {
            key = LaneKey::shared(n);
            if let Some(lane) = self.lane_of.get(&key) {
                return *lane;
            }
        }
        let new = Lane { key, head: NONE, tail: NONE, decided: 0, waiting: 0 };
        let lane = match self.free_lanes.pop() {
            Some(lane) => {
                self.lanes.get_mut(lane as usize).into_iter().for_each(|place| *place = Lane { ..new });
                lane
            }
            None => {
                self.lanes.push(new);
                u32::try_from(self.lanes.len().saturating_sub(1)).unwrap_or(NONE)
            }
        };
        self.lane_of.insert(key, lane);
        lane
    }

    /// Gives a lane without messages to whoever needs one.
    fn release(&mut self, lane: usize) {
        let Some(Lane { key, decided: 0, waiting: 0, .. }) = self.lanes.get(lane) else { return };
        let number = u32::try_from(lane).unwrap_or(NONE);
        if self.lane_of.get(key) == Some(&number) {
            self.lane_of.remove(key);
            self.free_lanes.push(number);
        }
    }
}

/// There is no room, and all that is remembered waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

fn hash_of(identity: &Identity) -> u64 {
    let [a, b, ..] = identity;
    (u64::from(*a) << 32) | u64::from(*b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen};

    const SPAN: Duration = Duration::from_secs(60);

    fn peer(n: u64) -> Source {
        Source::Neighbour(NeighbourId(n))
    }

    fn of(n: u32) -> Identity {
        identity([1, 2, 3, 4], 0, 0, &n.to_be_bytes())
    }

    /// What is remembered, as a plain list in the order of decision (waiting ones have none).
    #[derive(Default)]
    struct Model(Vec<(u32, u64, Option<Instant>)>);

    impl Model {
        fn make_room(&mut self, max: usize) -> Result<Option<u32>, Full> {
            if self.0.len() < max {
                return Ok(None);
            }
            let decided = |source| self.0.iter().filter(|(_, s, at)| *s == source && at.is_some()).count();
            let most = (0..4).map(decided).max().unwrap_or(0);
            if most == 0 {
                return Err(Full);
            }
            let fullest: Vec<u64> = (0..4).filter(|source| decided(*source) == most).collect();
            // Which of several equally full ones is the table's choice: the test reads it off.
            let at = self.0.iter().position(|(_, s, at)| fullest.contains(s) && at.is_some()).unwrap();
            Ok(Some(u32::try_from(at).unwrap()))
        }
    }

    #[test]
    fn seen_table_agrees_with_a_plain_list() {
        for seed in 0..300 {
            let g = &mut Gen::from_size_and_seed(500, seed);
            let (mut seen, mut model, mut now) = (Seen::default(), Model::default(), Instant::ZERO);
            for (n, (kind, pick)) in Vec::<(u8, u16)>::arbitrary(g).into_iter().enumerate() {
                let (n, source) = (u32::try_from(n).unwrap(), u64::from(pick % 4));
                match kind % 4 {
                    0 | 1 => {
                        let expected = model.make_room(30);
                        let room = seen.make_room(now, SPAN, 30);
                        assert_eq!(room.is_err(), expected.is_err(), "seed {seed}");
                        if let Ok(Some(_)) = expected {
                            let gone: Vec<_> = model.0.iter().filter(|(n, ..)| seen.find(&of(*n)).is_none()).collect();
                            let [&(gone, from, at)] = gone[..] else { panic!("{} left, seed {seed}", gone.len()) };
                            let decided =
                                |source| model.0.iter().filter(|(_, s, at)| *s == source && at.is_some()).count();
                            let older = model.0.iter().find(|(_, s, at)| *s == from && at.is_some()).unwrap().0;
                            assert!((0..4).all(|other| decided(other) <= decided(from)), "seed {seed}");
                            assert_eq!((gone, at.is_some()), (older, true), "seed {seed}");
                            model.0.retain(|(n, ..)| *n != gone);
                        }
                        if room.is_ok() {
                            seen.insert(of(n), peer(source), 3);
                            model.0.push((n, source, None));
                        }
                    }
                    2 => {
                        let waiting: Vec<usize> = (0..model.0.len()).filter(|at| model.0[*at].2.is_none()).collect();
                        if let Some(at) = waiting.get(usize::from(pick) % waiting.len().max(1)) {
                            let (n, source, _) = model.0.remove(*at);
                            seen.decide(seen.find(&of(n)).unwrap(), now, Fate::Valid(n));
                            model.0.push((n, source, Some(now)));
                        }
                    }
                    _ => {
                        now = now.after(Duration::from_millis(u64::from(pick % 20_000)));
                        seen.expire(now, SPAN);
                        model.0.retain(|(_, _, at)| at.is_none_or(|at| at.after(SPAN) > now));
                    }
                }
                assert_eq!(seen.len(), model.0.len(), "seed {seed}");
                for (n, _, at) in &model.0 {
                    let fate = seen.find(&of(*n)).and_then(|slot| seen.fate(slot));
                    let expected = if at.is_some() { Fate::Valid(*n) } else { Fate::Waits(NONE) };
                    assert_eq!(fate, Some(expected), "seed {seed}");
                }
                let next = model.0.iter().filter_map(|(_, _, at)| *at).min().map(|at| at.after(SPAN));
                assert_eq!(seen.next_expiry(SPAN), next, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_million_remembered_messages_take_at_most_48_bytes_each_and_give_them_back() {
        assert_eq!(size_of::<Entry>(), 36);
        let mut seen = Seen::default();
        assert_eq!(seen.bytes(), 0);
        let mut worst = 0;
        for n in 0..1_000_000 {
            let slot = seen.insert(of(n), peer(u64::from(n % 10)), 0);
            seen.decide(slot, Instant::ZERO, Fate::Dropped);
            if n > 100_000 {
                worst = worst.max(seen.bytes() * 100 / seen.len());
            }
        }
        let each = seen.bytes() * 100 / seen.len();
        println!("hundredths of a byte an entry: {each} at 1,000,000, {worst} at worst from 100,000 on");
        assert!(each <= 4_800 && worst <= 4_800, "{each}, {worst}");
        for n in 1_000_000..4_000_000 {
            seen.make_room(Instant::ZERO, SPAN, 1_000_000).unwrap();
            let slot = seen.insert(of(n), peer(u64::from(n % 10)), 0);
            seen.decide(slot, Instant::ZERO, Fate::Dropped);
        }
        assert_eq!((seen.len(), seen.bytes() * 100 / seen.len()), (1_000_000, each), "no more for having changed");
        seen.expire(Instant::ZERO.after(SPAN), SPAN);
        assert_eq!((seen.len(), seen.bytes(), seen.lanes.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_memory_allocates_nothing_however_many_come_and_go() {
        let mut seen = Seen::default();
        let mut remember = |n| {
            seen.make_room(Instant::ZERO, SPAN, 1_000).unwrap();
            let slot = seen.insert(of(n), peer(u64::from(n % 10)), 0);
            seen.decide(slot, Instant::ZERO, Fate::Dropped);
        };
        (0..1_000).for_each(&mut remember);
        let of_100_000 = allocation_counter::measure(|| (1_000..101_000).for_each(&mut remember));
        assert_eq!(of_100_000.count_total, 0);
    }

    #[test]
    fn what_a_flood_needed_is_given_back_though_messages_keep_coming() {
        let (mut seen, mut now) = (Seen::default(), Instant::ZERO);
        for n in 0..100_000 {
            let slot = seen.insert(of(n), peer(u64::from(n % 10)), 0);
            seen.decide(slot, now, Fate::Dropped);
        }
        let flooded = seen.bytes();
        for n in 100_000..100_240 {
            now = now.after(Duration::from_millis(500));
            seen.expire(now, SPAN);
            let slot = seen.insert(of(n), peer(0), 0);
            seen.decide(slot, now, Fate::Dropped);
        }
        assert_eq!(seen.len(), 120);
        assert!(flooded > 4_000_000 && seen.bytes() < 100_000, "{flooded} bytes, then {}", seen.bytes());
        assert!((100_120..100_240).all(|n| seen.find(&of(n)).is_some()));
    }

    #[test]
    fn a_node_that_remembers_little_takes_little() {
        let mut seen = Seen::default();
        seen.insert(of(0), peer(0), 0);
        assert!(seen.bytes() <= 512, "{}", seen.bytes());
    }

    #[test]
    fn lanes_of_sources_that_are_gone_are_used_again() {
        let (mut seen, mut now) = (Seen::default(), Instant::ZERO);
        seen.insert(of(1_000), peer(1_000), 0);
        for n in 0..100 {
            let slot = seen.insert(of(n), peer(u64::from(n)), 0);
            seen.decide(slot, now, Fate::Dropped);
            now = now.after(SPAN);
            seen.expire(now, SPAN);
        }
        assert_eq!((seen.len(), seen.lanes.len(), seen.lane_of.len()), (1, 2, 1));
    }

    #[test]
    fn slots_of_forgotten_messages_are_used_again() {
        let mut seen = Seen::default();
        for n in 0..100_000 {
            seen.make_room(Instant::ZERO, SPAN, 1_000).unwrap();
            let slot = seen.insert(of(n), peer(0), 0);
            seen.decide(slot, Instant::ZERO, Fate::Dropped);
        }
        assert_eq!((seen.len(), seen.entries.places()), (1_000, 1_000));
    }

    #[test]
    fn sources_up_to_their_bound_have_a_lane_each() {
        let mut seen = Seen::default();
        let most = u32::try_from(SOURCES_MAX).unwrap();
        (0..most).for_each(|n| _ = seen.insert(of(n), peer(u64::from(n)), 0));
        assert_eq!(seen.lanes.len(), SOURCES_MAX);
        (0..most).for_each(|n| _ = seen.insert(of(most + n), peer(u64::from(n)), 0));
        assert_eq!(seen.lanes.len(), SOURCES_MAX);
    }

    fn seconds(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(n))
    }

    #[test]
    fn the_span_is_the_shortest_that_anything_was_remembered_in_the_last_span() {
        let mut seen = Seen::default();
        let span = |seen: &Seen, at| seen.span(at, SPAN).as_secs();
        let mut decide = |n, at| {
            // Of two places, one is free after the oldest has left.
            seen.make_room(at, SPAN, 2).unwrap();
            let slot = seen.insert(of(n), peer(0), 0);
            seen.decide(slot, at, Fate::Dropped);
            (span(&seen, at), span(&seen, at.after(SPAN).before(Duration::from_micros(1))), span(&seen, at.after(SPAN)))
        };
        assert_eq!(decide(0, seconds(0)), (60, 60, 60), "none left early");
        assert_eq!(decide(1, seconds(10)), (60, 60, 60));
        assert_eq!(decide(2, seconds(20)), (20, 20, 60));
        assert_eq!(decide(3, seconds(25)), (15, 15, 60), "shorter");
        assert_eq!(decide(4, seconds(60)), (15, 60, 60), "longer: the shortest counts as long as it did");
        assert_eq!(decide(5, seconds(70)), (15, 60, 60));
        assert_eq!(decide(6, seconds(85)), (25, 25, 60), "the shortest is a span ago");
        assert_eq!(decide(7, seconds(95)), (25, 25, 60), "as short again");
    }

    #[test]
    fn a_time_of_decision_is_kept_to_the_millisecond_for_thousands_of_years() {
        let mut seen = Seen::default();
        let slot = seen.insert(of(0), peer(0), 0);
        for days in [0, 1, 49, 50, 100, 1_000_000] {
            let at = seconds(days * 86_400).after(Duration::from_millis(1_234));
            seen.decide(slot, at, Fate::Dropped);
            assert_eq!(seen.decided(slot), at, "day {days}");
        }
    }

    #[test]
    fn all_bits_of_an_identity_are_the_hashs() {
        assert_eq!(halves(0x0123_4567_89ab_cdef), (0x0123_4567, 0x89ab_cdef));
    }

    #[test]
    fn sources_past_their_bound_share_lanes() {
        let mut seen = Seen::default();
        for n in 0..10_000 {
            seen.insert(of(n), peer(u64::from(n)), 0);
            seen.insert(of(n + 10_000), Source::Module(crate::ConnectionId::accepted(n.into())), 0);
        }
        assert!(seen.lanes.len() <= SOURCES_MAX + 64, "{}", seen.lanes.len());
    }
}

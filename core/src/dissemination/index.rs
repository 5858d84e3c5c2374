//! Where remembered messages lie, by their hash: a table that does not grow from what comes and goes.

use super::seen::halves;

/// A place without a slot.
const EMPTY: u32 = 0;
/// One in the field of distance, the highest five bits: a slot in its home has 1 there, one in the place behind has 2.
const STEP: u32 = 1 << 27;
/// From here on the field no longer says how far away the home is.
const FAR: u32 = 31 * STEP;
/// The greatest slot that fits beside a distance.
const LAST_SLOT: u32 = STEP.wrapping_sub(1);
/// Places of the smallest table.
const FEWEST: usize = 4;
/// Up to here, a table is small: four lines of memory.
const FEW: usize = 64;

/// The slots of a slab, found by a hash: open addressing with linear probing over a power of two of places, at most four
/// fifths of which are filled (seven eighths of a small table, of which a simulator has very many). What leaves is not
/// marked: what stands behind moves up, so that the table is as if it had never been there, needs no making anew however
/// much comes and goes, and no memory but its own.
///
/// A place has a slot in its low bits, then as many bits of the hash (the *tag*) as there is room for, then how far it is
/// from its home, the place that its hash names. Both tell most strangers apart without a look at the slab: of a message
/// that is not there, one line of memory is read. And neither has to be worked out when others move up.
///
/// The hash has to be one that nobody else can know: who could choose what meets in one place would make each look-up
/// walk through all of it. That of a message is keyed with the node's secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    places: Box<[u32]>,
    len: u32,
    /// The bits of a place that are a slot's.
    slot_mask: u32,
}

impl Index {
    /// With places for so many slots, none of them greater than `last`.
    pub(super) fn with_room(room: usize, last: u32) -> Self {
        let mut places = FEWEST;
        while room_of(places) < room {
            places = places.saturating_mul(2);
        }
        // As long as slots are used again before new ones are made, none will be greater than there are places.
        let widest = last.max(u32::try_from(places.saturating_sub(1)).unwrap_or(LAST_SLOT)).min(LAST_SLOT);
        let slot_mask = u32::MAX.checked_shr(widest.leading_zeros()).unwrap_or(0);
        Self { places: vec![EMPTY; places].into_boxed_slice(), len: 0, slot_mask }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many slots it takes.
    pub(super) fn room(&self) -> usize {
        room_of(self.places.len())
    }

    /// The slot with this hash that passes the test.
    pub(super) fn find(&self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let (mut at, mut wanted) = self.start(hash);
        loop {
            let place = self.get(at);
            // Of the same distance and tag: only bits of the slot differ.
            if place ^ wanted <= self.slot_mask && is_meant(place & self.slot_mask) {
                return Some(place & self.slot_mask);
            }
            if place == EMPTY {
                return None;
            }
            (at, wanted) = (self.behind(at), farther(wanted));
        }
    }

    /// Takes in a slot that is not there. False if there is no room for it: then nothing has changed.
    #[must_use]
    pub(super) fn insert(&mut self, hash: u64, slot: u32) -> bool {
        if self.len() >= self.room() || slot > self.slot_mask {
            return false;
        }
        let (mut at, mut wanted) = self.start(hash);
        while self.get(at) != EMPTY {
            (at, wanted) = (self.behind(at), farther(wanted));
        }
        self.set(at, wanted | slot);
        self.len = self.len.saturating_add(1);
        true
    }

    /// Takes out a slot, if it is there. `hash_of` has the hashes of all others.
    pub(super) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let (mut at, mut wanted) = self.start(hash);
        while self.get(at) != wanted | slot {
            if self.get(at) == EMPTY {
                return;
            }
            (at, wanted) = (self.behind(at), farther(wanted));
        }
        self.close(at, hash_of);
        self.len = self.len.saturating_sub(1);
    }

    /// Empties a place: whatever stands behind and could stand here moves up, which empties another, up to the next empty
    /// one. So every slot can still be reached from its home without a gap.
    fn close(&mut self, mut hole: usize, hash_of: impl Fn(u32) -> u64) {
        let (mut at, mut gap) = (self.behind(hole), 1_usize);
        loop {
            let place = self.get(at);
            if place == EMPTY {
                break;
            }
            let distance = self.distance(at, place, &hash_of);
            if let Some(nearer) = distance.checked_sub(gap) {
                let field = u32::try_from(nearer).unwrap_or(u32::MAX).saturating_add(1).min(FAR / STEP);
                self.set(hole, field.wrapping_mul(STEP) | (place & LAST_SLOT));
                (hole, gap) = (at, 0);
            }
            (at, gap) = (self.behind(at), gap.saturating_add(1));
        }
        self.set(hole, EMPTY);
    }

    /// How far the slot in a place is from its home.
    fn distance(&self, at: usize, place: u32, hash_of: impl Fn(u32) -> u64) -> usize {
        if place < FAR {
            return (place / STEP).saturating_sub(1) as usize;
        }
        let (home, _) = self.start(hash_of(place & self.slot_mask));
        at.wrapping_sub(home) & self.mask()
    }

    /// The home of a hash, and what stands there if it is a slot with that hash, but for the slot.
    fn start(&self, hash: u64) -> (usize, u32) {
        let (tag, home) = halves(hash);
        (home as usize & self.mask(), STEP | (tag & LAST_SLOT & !self.slot_mask))
    }

    /// The place behind, which for the last one is the first.
    fn behind(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    fn get(&self, at: usize) -> u32 {
        self.places.get(at).copied().unwrap_or(EMPTY)
    }

    fn set(&mut self, at: usize, to: u32) {
        if let Some(place) = self.places.get_mut(at) {
            *place = to;
        }
    }

    /// Bytes that it takes besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.places)
    }
}

/// How many of so many places may be filled: never all, so that every walk ends.
const fn room_of(places: usize) -> usize {
    if places <= FEW { places.saturating_mul(7) / 8 } else { places.saturating_mul(4) / 5 }
}

/// The same a place further away from home.
const fn farther(wanted: u32) -> u32 {
    match wanted.checked_add(STEP) {
        Some(farther) => farther,
        None => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen};
    use std::collections::BTreeMap;

    /// An index, what should be in it (hashes by slot), and how slots are hashed.
    struct Both {
        index: Index,
        model: BTreeMap<u32, u64>,
        hash_of: fn(u32) -> u64,
    }

    impl Both {
        fn new(room: usize, last: u32, hash_of: fn(u32) -> u64) -> Self {
            Self { index: Index::with_room(room, last), model: BTreeMap::new(), hash_of }
        }

        fn insert(&mut self, slot: u32) {
            let hash = (self.hash_of)(slot);
            assert!(self.index.insert(hash, slot), "slot {slot}");
            self.model.insert(slot, hash);
        }

        fn remove(&mut self, slot: u32) {
            self.index.remove((self.hash_of)(slot), slot, self.hash_of);
            self.model.remove(&slot);
        }

        /// All that is in it is found and nothing else, and it looks as if what has left had never been there: every
        /// place says how far its slot is from home, and none in between is empty.
        fn check(&self, slots: impl IntoIterator<Item = u32>) {
            let Self { index, model, hash_of } = self;
            for slot in slots {
                let found = index.find(hash_of(slot), |other| other == slot);
                assert_eq!(found, model.contains_key(&slot).then_some(slot), "slot {slot}");
            }
            let filled: Vec<usize> = (0..index.places.len()).filter(|at| index.places[*at] != EMPTY).collect();
            assert_eq!((index.len(), filled.len()), (model.len(), model.len()));
            for at in filled {
                let place = index.places[at];
                let hash = model[&(place & index.slot_mask)];
                let distance = at.wrapping_sub(index.start(hash).0) & index.mask();
                assert_eq!(place / STEP, u32::try_from(distance).unwrap().saturating_add(1).min(31), "place {at}");
                assert_eq!(place & LAST_SLOT & !index.slot_mask, index.start(hash).1 & LAST_SLOT, "place {at}");
                assert!((0..distance).all(|n| index.places[at.wrapping_sub(n) & index.mask()] != EMPTY), "place {at}");
            }
        }
    }

    /// The end of SplitMix64: as good as chance.
    fn spread(slot: u32) -> u64 {
        let mixed = u64::from(slot).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// All in three clusters: one across the end, two that grow together; and every second one of the same tag.
    fn crowded(slot: u32) -> u64 {
        (u64::from(slot % 2) << 40) | [u64::MAX >> 32, 3, 20][slot as usize % 3]
    }

    /// All in one place, with one tag.
    fn alike(_: u32) -> u64 {
        (7 << 32) | 250
    }

    #[test]
    fn index_agrees_with_a_plain_map_however_hashes_meet() {
        for hash_of in [spread, crowded, alike] {
            let mut most = 0;
            for seed in 0..100 {
                let g = &mut Gen::from_size_and_seed(600, seed);
                let mut both = Both::new(80, 0, hash_of);
                assert_eq!(both.index.room(), 102, "of 128 places");
                for (n, (insert, slot)) in Vec::<(u8, u8)>::arbitrary(g).into_iter().enumerate() {
                    let slot = u32::from(slot % 120);
                    if both.model.contains_key(&slot) {
                        both.remove(slot);
                    } else if insert % 8 != 0 && both.index.len() < both.index.room() {
                        both.insert(slot);
                    } else {
                        both.remove(slot);
                    }
                    most = most.max(both.index.len());
                    if n % 7 == 0 {
                        both.check(0..120);
                    }
                }
                both.check(0..120);
                (0..120).for_each(|slot| both.remove(slot));
                assert!(both.index.is_empty() && both.index.places.iter().all(|place| *place == EMPTY), "seed {seed}");
            }
            assert!(most > 60, "at most {most}");
        }
    }

    #[test]
    fn what_leaves_at_the_end_is_filled_up_from_the_beginning() {
        // The last of eight places is the home of all but the last slot, whose home is the first.
        let mut both = Both::new(6, 0, |slot| if slot == 3 { 0 } else { 7 });
        (0..4).for_each(|slot| both.insert(slot));
        let slots = |both: &Both| [7, 0, 1, 2, 3].map(|at: usize| both.index.places[at] & LAST_SLOT);
        assert_eq!(slots(&both), [0, 1, 2, 3, 0]);
        both.remove(0);
        assert_eq!(slots(&both), [1, 2, 3, 0, 0]);
        both.check(0..4);
        both.remove(1);
        assert_eq!(slots(&both), [2, 3, 0, 0, 0]);
        both.check(0..4);
        both.remove(2);
        assert_eq!(slots(&both), [0, 3, 0, 0, 0], "none moves up past its home");
        both.check(0..4);
    }

    #[test]
    fn a_full_table_refuses_and_is_not_changed() {
        let mut both = Both::new(14, 0, alike);
        (0..14).for_each(|slot| both.insert(slot));
        let before = both.index.places.clone();
        assert_eq!((both.index.room(), before.len()), (14, 16));
        assert!(!both.index.insert(alike(14), 14));
        assert_eq!(both.index.places, before);
        both.check(0..16);
        both.remove(5);
        both.insert(14);
        both.check(0..16);
    }

    #[test]
    fn a_table_without_places_has_nothing_and_takes_nothing() {
        let mut index = Index::default();
        assert_eq!((index.room(), index.bytes(), index.find(7, |_| true)), (0, 0, None));
        assert!(!index.insert(7, 0));
        index.remove(7, 0, |_| 7);
        assert_eq!((index.len(), index.is_empty(), index.bytes()), (0, true, 0));
    }

    #[test]
    fn a_slot_that_is_not_there_is_not_taken_out_though_another_has_its_hash() {
        let mut both = Both::new(12, 0, alike);
        (0..5).for_each(|slot| both.insert(slot));
        both.index.remove(alike(5), 5, alike);
        both.check(0..16);
    }

    #[test]
    fn places_are_the_fewest_that_leave_a_fifth_empty_or_an_eighth_of_few() {
        let places = |room| Index::with_room(room, 0).places.len();
        assert_eq!([0, 1, 3, 4, 7, 8, 14, 15].map(places), [4, 4, 4, 8, 8, 16, 16, 32]);
        assert_eq!([56, 57, 102, 103].map(places), [64, 128, 128, 256]);
        assert_eq!([838_860, 838_861, 1_000_000].map(places), [1 << 20, 1 << 21, 1 << 21]);
    }

    #[test]
    fn slots_as_great_as_seen_max_allows_fit_beside_a_distance() {
        let (_, most) = crate::limits::range("seen_max").unwrap();
        let most = u32::try_from(most).unwrap();
        // Each of them but for those that a bound that was lowered by one leaves behind.
        assert!(most < LAST_SLOT, "{most}");
        let mut both = Both::new(3, most, spread);
        [0, 1, most].into_iter().for_each(|slot| both.insert(slot));
        both.check([0, 1, 2, most]);
    }

    #[test]
    fn a_slot_too_great_for_its_bits_is_refused() {
        let mut index = Index::with_room(3, 9);
        assert!(index.insert(1, 15) && !index.insert(2, 16));
        assert_eq!((index.len(), index.find(1, |_| true), index.find(2, |_| true)), (1, Some(15), None));
        let mut index = Index::with_room(3, u32::MAX);
        assert!(index.insert(1, LAST_SLOT) && !index.insert(2, LAST_SLOT + 1));
    }

    #[test]
    fn strangers_are_told_apart_without_a_look_at_the_slab() {
        let mut both = Both::new(13_000, 0, spread);
        (0..13_000).for_each(|slot| both.insert(slot));
        let asked = std::cell::Cell::new(0);
        let ask = |_| {
            asked.set(asked.get() + 1);
            false
        };
        for stranger in 20_000..30_000 {
            assert_eq!(both.index.find(spread(stranger), ask), None);
        }
        // Of 16,384 places, nearly as full as they may be, with 13 bits of tag.
        assert!(asked.get() < 20, "{} times of 10,000", asked.get());
    }
}

//! Shares of the waiting table (section 5, Pressure) and which neighbours have small ones (section 7).
//!
//! Dynamic thresholds: a class may hold at most [`SHARE_OF_FREE`] times as much as is still free. So one class alone gets
//! most of the table but never all, two get half of that each, and so on, and a new class finds room whatever the others
//! do.

use super::{NeighbourId, Source};
use crate::limits::{REFUSALS_MIN, SHARE_OF_FREE, SHRUNK_TIME, SOURCES_MAX};
use crate::settings::Settings;
use crate::time::Instant;
use crate::util::sorted::SortedMap;

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Amount {
    fn minus(self, other: Self) -> Self {
        let (count, bytes) = (self.count.saturating_sub(other.count), self.bytes.saturating_sub(other.bytes));
        Self { count, bytes }
    }

    fn plus(self, other: Self) -> Self {
        let (count, bytes) = (self.count.saturating_add(other.count), self.bytes.saturating_add(other.bytes));
        Self { count, bytes }
    }

    fn times(self, n: u64) -> Self {
        Self { count: self.count.saturating_mul(n), bytes: self.bytes.saturating_mul(n) }
    }

    fn fits(self, room: Self) -> bool {
        self.count <= room.count && self.bytes <= room.bytes
    }
}

/// By what the share of a source is divided whose messages are mostly refused.
const SHRUNK_PART: u64 = 10;

/// How much of the waiting table each type, each source, and each source within each type holds. Bounded by the table:
/// a class without messages is not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    total: Amount,
    types: SortedMap<u16, Amount>,
    sources: SortedMap<Source, Amount>,
    /// Without these, the loudest source of a type would take all of the type's share.
    within: SortedMap<(u16, Source), Amount>,
}

/// A message of this many bytes of type and data.
fn one(bytes: usize) -> Amount {
    Amount { count: 1, bytes: bytes as u64 }
}

impl Shares {
    pub(super) fn total(&self) -> Amount {
        self.total
    }

    /// What one source holds within one type.
    pub(super) fn of(&self, source: Source, data_type: u16) -> Amount {
        self.within.get(&(data_type, source)).copied().unwrap_or_default()
    }

    /// Does so little wait that one more message may, whatever its type and source? Then they need not be looked up.
    pub(super) fn has_plenty(&self, settings: &Settings, bytes: usize) -> bool {
        let free = self.free(settings);
        // If one class held all that waits, and counted as much as the worst source does, it would still have room.
        self.total.plus(one(bytes)).times(SHRUNK_PART).fits(free.minus(self.total))
    }

    /// May one more message wait? `part` is 1, or [`SHRUNK_PART`] for a source whose share is a tenth.
    pub(super) fn has_room(
        &self,
        settings: &Settings,
        source: Source,
        data_type: u16,
        bytes: usize,
        part: u64,
    ) -> bool {
        let free = self.free(settings);
        // What is free and no more is about a tenth of the table for one that counts tenfold.
        let share = if part == 1 { free.times(SHARE_OF_FREE) } else { free };
        let of_type = self.types.get(&data_type).copied().unwrap_or_default();
        let of_source = self.sources.get(&source).copied().unwrap_or_default();
        let within = self.of(source, data_type);
        let new = one(bytes);
        // The second keeps the type within its share, too: the least that fits is one message more of the type.
        new.fits(free)
            && of_source.plus(new).times(part).fits(share)
            && within.plus(new).times(part).fits(share.minus(of_type))
    }

    fn free(&self, settings: &Settings) -> Amount {
        // More than the memory holds could not be remembered.
        let most = u64::from(settings.pending_max.min(settings.seen_max));
        Amount { count: most, bytes: settings.pending_bytes }.minus(self.total)
    }

    pub(super) fn add(&mut self, source: Source, data_type: u16, bytes: usize) {
        let new = one(bytes);
        let grow = |amount: &mut Amount| *amount = amount.plus(new);
        grow(&mut self.total);
        self.types.change(data_type, Amount::default, grow);
        self.sources.change(source, Amount::default, grow);
        self.within.change((data_type, source), Amount::default, grow);
    }

    pub(super) fn remove(&mut self, source: Source, data_type: u16, bytes: usize) {
        let old = one(bytes);
        self.total = self.total.minus(old);
        shrink(&mut self.types, data_type, old);
        shrink(&mut self.sources, source, old);
        shrink(&mut self.within, (data_type, source), old);
    }
}

fn shrink<K: Ord>(classes: &mut SortedMap<K, Amount>, class: K, old: Amount) {
    classes.keep_if(&class, |amount| {
        *amount = amount.minus(old);
        amount.count > 0
    });
}

/// The span over which refusals are counted, in microseconds.
const MINUTE: u64 = 60_000_000;

/// Decisions about a neighbour's messages within one minute of the node's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    minute: u64,
    decided: u32,
    refused: u32,
}

impl Tally {
    fn turn(&mut self, minute: u64) {
        if self.minute != minute {
            *self = Self { minute, ..Self::default() };
        }
    }

    fn count(&mut self, refused: bool) {
        self.decided = self.decided.saturating_add(1);
        self.refused = self.refused.saturating_add(u32::from(refused));
    }

    fn mostly_refused(&self) -> bool {
        self.refused > self.decided / 2
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    tally: Tally,
    shrunk_until: Option<Instant>,
}

/// Who sends what modules here refuse. At most [`SOURCES_MAX`] neighbours; those past that are not watched. Each is
/// forgotten when its minute and its punishment are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    standings: SortedMap<NeighbourId, Standing>,
    all: Tally,
}

impl Refusals {
    /// A message whose first copy came from this neighbour was decided.
    pub(super) fn count(&mut self, now: Instant, neighbour: NeighbourId, refused: bool) {
        if self.standings.len() >= SOURCES_MAX && !self.standings.contains_key(&neighbour) {
            return;
        }
        let minute = minute_of(now);
        self.all.turn(minute);
        self.all.count(refused);
        let own = self.standings.change(neighbour, Standing::default, |standing| {
            standing.tally.turn(minute);
            standing.tally.count(refused);
            standing.tally
        });
        let all = self.all;
        let others = Tally {
            minute,
            decided: all.decided.saturating_sub(own.decided),
            refused: all.refused.saturating_sub(own.refused),
        };
        // If nobody else's messages were found better, the module may be what is wrong.
        let is_alone = others.decided > 0 && !others.mostly_refused();
        if refused
            && own.decided >= REFUSALS_MIN
            && own.mostly_refused()
            && is_alone
            && let Some(standing) = self.standings.get_mut(&neighbour)
        {
            standing.shrunk_until = Some(now.after(SHRUNK_TIME));
        }
    }

    /// By what the share of a source is divided now.
    pub(super) fn part(&self, now: Instant, source: Source) -> u64 {
        let Source::Neighbour(neighbour) = source else { return 1 };
        let shrunk_until = self.standings.get(&neighbour).and_then(|standing| standing.shrunk_until);
        if shrunk_until.is_some_and(|until| now < until) { SHRUNK_PART } else { 1 }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.standings.retain(|_, standing| end_of(standing) > now);
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.standings.values().map(end_of).min()
    }
}

fn minute_of(now: Instant) -> u64 {
    now.as_micros() / MINUTE
}

fn end_of(standing: &Standing) -> Instant {
    let end = Instant::from_micros(standing.tally.minute.saturating_add(1).saturating_mul(MINUTE));
    standing.shrunk_until.map_or(end, |until| until.max(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Addresses;
    use crate::time::Duration;
    use quickcheck::{Arbitrary, Gen};

    const BAD: NeighbourId = NeighbourId(1);
    const GOOD: NeighbourId = NeighbourId(2);

    fn seconds(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(n))
    }

    fn count(refusals: &mut Refusals, now: Instant, neighbour: NeighbourId, refused: u32, valid: u32) {
        (0..valid).for_each(|_| refusals.count(now, neighbour, false));
        (0..refused).for_each(|_| refusals.count(now, neighbour, true));
    }

    fn part(refusals: &Refusals, now: Instant) -> u64 {
        refusals.part(now, Source::Neighbour(BAD))
    }

    #[test]
    fn refusals_of_one_minute_count_and_not_those_of_the_one_before() {
        let mut refusals = Refusals::default();
        count(&mut refusals, seconds(59), BAD, REFUSALS_MIN - 1, 0);
        count(&mut refusals, seconds(60), GOOD, 0, 10);
        count(&mut refusals, seconds(60), BAD, 1, 0);
        assert_eq!(part(&refusals, seconds(60)), 1);
        count(&mut refusals, seconds(119), BAD, REFUSALS_MIN - 1, 0);
        assert_eq!(part(&refusals, seconds(119)), 10);
    }

    #[test]
    fn the_punishment_is_over_at_its_very_end_and_what_is_over_is_forgotten() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.next_expiry(), None);
        count(&mut refusals, seconds(30), GOOD, 0, 10);
        count(&mut refusals, seconds(30), BAD, REFUSALS_MIN, 0);
        let (minute_ends, punishment_ends) = (seconds(60), seconds(30).after(SHRUNK_TIME));
        let moment = Duration::from_micros(1);
        assert_eq!(refusals.next_expiry(), Some(minute_ends));
        refusals.expire(minute_ends.before(moment));
        assert_eq!(refusals.standings.len(), 2);
        refusals.expire(minute_ends);
        assert_eq!((refusals.standings.len(), refusals.next_expiry()), (1, Some(punishment_ends)));
        assert_eq!((part(&refusals, punishment_ends.before(moment)), part(&refusals, punishment_ends)), (10, 1));
        refusals.expire(punishment_ends.before(moment));
        assert_eq!(refusals.standings.len(), 1);
        refusals.expire(punishment_ends);
        assert_eq!(refusals.standings.len(), 0);
    }

    #[test]
    fn who_is_refused_half_the_time_is_not_refused_mostly() {
        for (refused, valid, expected) in [(REFUSALS_MIN, REFUSALS_MIN, 1), (REFUSALS_MIN + 2, REFUSALS_MIN, 10)] {
            let mut refusals = Refusals::default();
            count(&mut refusals, seconds(0), GOOD, 0, 10);
            count(&mut refusals, seconds(0), BAD, refused, valid);
            assert_eq!(part(&refusals, seconds(0)), expected, "{refused} refused, {valid} valid");
        }
    }

    #[test]
    fn a_full_table_watches_whom_it_watched_and_nobody_else() {
        let mut refusals = Refusals::default();
        count(&mut refusals, seconds(0), GOOD, 0, 10);
        let others = u64::try_from(SOURCES_MAX).unwrap() - 2;
        (0..others).for_each(|n| refusals.count(seconds(0), NeighbourId(100 + n), false));
        refusals.count(seconds(0), BAD, true);
        assert_eq!(refusals.standings.len(), SOURCES_MAX);
        count(&mut refusals, seconds(0), BAD, REFUSALS_MIN - 1, 0);
        assert_eq!(part(&refusals, seconds(0)), 10);
        let newcomer = NeighbourId(3);
        count(&mut refusals, seconds(0), newcomer, REFUSALS_MIN, 0);
        assert_eq!(refusals.part(seconds(0), Source::Neighbour(newcomer)), 1);
        assert_eq!(refusals.standings.len(), SOURCES_MAX);
    }

    #[test]
    fn where_there_is_plenty_there_is_room_for_everybody() {
        let mut settings = Settings::new(50, 4, Addresses::of("10.0.0.1:6001".parse().unwrap()));
        (settings.pending_max, settings.pending_bytes) = (200, 10_000);
        let mut verdicts = [0_u32; 2];
        for seed in 0..200 {
            let g = &mut Gen::from_size_and_seed(60, seed);
            let mut shares = Shares::default();
            for (neighbour, data_type, bytes) in Vec::<(u8, u8, u8)>::arbitrary(g) {
                // One of each makes most of the crowd, as a loud one would.
                let class = |n: u8| n.saturating_sub(200);
                let source = Source::Neighbour(NeighbourId(class(neighbour).into()));
                let (data_type, bytes) = (class(data_type).into(), bytes.into());
                let plenty = shares.has_plenty(&settings, bytes);
                let room = [1, SHRUNK_PART].map(|part| shares.has_room(&settings, source, data_type, bytes, part));
                assert!(!plenty || room == [true, true], "seed {seed}: {:?}", shares.total());
                verdicts[usize::from(plenty)] += 1;
                shares.add(source, data_type, bytes);
            }
        }
        assert!(verdicts.iter().all(|count| *count > 500), "{verdicts:?}");
    }
}

//! The report's arithmetic: percentiles, shares, bins. Integers only.

/// Steps that are kept of how a message spread: enough for half a per cent each.
const STEPS_MAX: usize = 200;

/// Twenty bins a decade: where those of 1000 to 10,000 begin.
const DECADE: [u64; 20] = [
    1_000, 1_122, 1_259, 1_413, 1_585, 1_778, 1_995, 2_239, 2_512, 2_818, 3_162, 3_548, 3_981, 4_467, 5_012, 5_623,
    6_310, 7_079, 7_943, 8_913,
];

/// How one message spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// When it was announced, microseconds.
    pub at: u64,
    /// How many were to get it.
    pub expected: u64,
    /// After so many microseconds so many had it; both grow. At most a few hundred steps.
    steps: Vec<(u64, u64)>,
}

impl Message {
    /// Announced at `at` to `expected`, who got it after these delays (in any order), microseconds.
    pub fn new(at: u64, expected: u64, mut delays: Vec<u64>) -> Self {
        delays.sort_unstable();
        let all = delays.len();
        let mut steps: Vec<(u64, u64)> = Vec::with_capacity(all.min(STEPS_MAX));
        let count = all.min(STEPS_MAX);
        for step in 1..=count {
            let rank = all * step / count;
            // Who came at the same moment came by that moment.
            let delay = delays[rank - 1];
            let by_then = delays.partition_point(|other| *other <= delay);
            if steps.last().is_none_or(|last| last.0 < delay) {
                steps.push((delay, by_then as u64));
            }
        }
        Self { at, expected, steps }
    }

    /// The first delay, and how many had it then, and so on.
    pub fn steps(&self) -> &[(u64, u64)] {
        &self.steps
    }

    /// How many had it so long after the announcement.
    pub fn reached_by(&self, delay: u64) -> u64 {
        match self.steps.partition_point(|step| step.0 <= delay) {
            0 => 0,
            after => self.steps[after - 1].1,
        }
    }

    /// The share that had it so long after the announcement, ppm.
    pub fn share_by(&self, delay: u64) -> u64 {
        ppm(self.reached_by(delay), self.expected)
    }

    /// The share that got it in the end, ppm.
    pub fn share(&self) -> u64 {
        self.share_by(u64::MAX)
    }

    /// When the last that got it had it, microseconds after the announcement.
    pub fn last(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.0)
    }
}

/// Values, each with how often it occurred; sorted by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<(u64, u64)>);

impl Values {
    /// Of pairs of a value and how often it occurred, in any order.
    pub fn new(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut pairs: Vec<(u64, u64)> = pairs.into_iter().filter(|(_, times)| *times > 0).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Self(pairs)
    }

    /// Of single values.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        Self::new(values.into_iter().map(|value| (value, 1)))
    }

    /// Each value once, with how often it occurred, the smallest first.
    pub fn pairs(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, times)| times).sum()
    }

    /// The smallest value that so many in a million do not exceed (nearest rank).
    pub fn percentile(&self, ppm: u32) -> Option<u64> {
        let rank = (u128::from(self.count()) * u128::from(ppm)).div_ceil(1_000_000).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(value, times)| {
            seen += u128::from(*times);
            (seen >= rank).then_some(*value)
        })
    }

    /// The mean in thousandths, rounded down.
    pub fn mean_milli(&self) -> Option<u64> {
        let sum: u128 = self.0.iter().map(|(value, times)| u128::from(*value) * u128::from(*times)).sum();
        let mean = (sum * 1_000).checked_div(u128::from(self.count()))?;
        u64::try_from(mean).ok()
    }

    /// How many fall into each bin, twenty a decade from 1000 on, from the first bin that has any to the last.
    /// What is less than 1000 counts as the first bin's.
    pub fn log_bins(&self) -> Vec<(usize, u64)> {
        fill(self.0.iter().map(|(value, times)| (log_bin(*value), *times)))
    }

    /// How many of each `width` consecutive values there are, from the first bin (that which has 0) to the last.
    pub fn even_bins(&self, width: u64) -> Vec<(usize, u64)> {
        let bin = |value: u64| usize::try_from(value / width.max(1)).expect("bins are few");
        let zero = self.0.first().map(|_| (0, 0));
        fill(zero.into_iter().chain(self.0.iter().map(|(value, times)| (bin(*value), *times))))
    }
}

/// Adds up what falls into the same bin, and puts empty bins in between. Bins come in growing order.
fn fill(pairs: impl Iterator<Item = (usize, u64)>) -> Vec<(usize, u64)> {
    let mut bins: Vec<(usize, u64)> = Vec::new();
    for (bin, times) in pairs {
        if let Some(&(last, _)) = bins.last() {
            bins.extend((last + 1..=bin).map(|between| (between, 0)));
        } else {
            bins.push((bin, 0));
        }
        bins.last_mut().expect("one was put in").1 += times;
    }
    bins
}

/// `part` of `whole` in millionths, rounded down; nothing is all of nothing.
pub(super) fn ppm(part: u64, whole: u64) -> u64 {
    match whole {
        0 => 1_000_000,
        whole => u64::try_from(u128::from(part.min(whole)) * 1_000_000 / u128::from(whole)).expect("at most a million"),
    }
}

/// Where logarithmic bin `n` begins: 1000 for the first, twenty a decade.
pub(super) fn log_edge(n: usize) -> u64 {
    let decade = u32::try_from(n / DECADE.len()).unwrap_or(u32::MAX);
    DECADE[n % DECADE.len()].saturating_mul(10_u64.saturating_pow(decade))
}

/// The bin of a value: the last that begins at or below it, else the first.
pub(super) fn log_bin(value: u64) -> usize {
    let mut bin = 0;
    while log_edge(bin + 1) <= value && log_edge(bin) < log_edge(bin + 1) {
        bin += 1;
    }
    bin
}

/// What a band of curves is at one place: the lowest, the tenth, half and nine tenths of the way up, the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) lowest: u64,
    pub(super) low: u64,
    pub(super) median: u64,
    pub(super) high: u64,
}

impl Band {
    /// Of some values; `None` of none.
    pub(super) fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let values = Values::of(values);
        Some(Self {
            lowest: values.percentile(0)?,
            low: values.percentile(100_000)?,
            median: values.percentile(500_000)?,
            high: values.percentile(900_000)?,
        })
    }
}

/// The share of those to be reached that so many messages had reached, from bin to bin of `log_edge`.
pub(super) fn coverage_by_delay(messages: &[Message]) -> Vec<(usize, Band)> {
    let delays = || messages.iter().flat_map(|message| message.steps());
    let (Some(first), Some(last)) = (delays().map(|step| step.0).min(), delays().map(|step| step.0).max()) else {
        return Vec::new();
    };
    (log_bin(first)..=log_bin(last) + 1)
        .filter_map(|edge| Band::of(messages.iter().map(|m| m.share_by(log_edge(edge)))).map(|band| (edge, band)))
        .collect()
}

/// The shares that messages reached in the end, together with those announced in the same of `bins` equal parts of the
/// time up to `until`: when that part begins and ends, and the band. Parts without a message are left out.
pub(super) fn coverage_by_announcement(messages: &[Message], until: u64, bins: u64) -> Vec<(u64, u64, Band)> {
    let width = until.div_ceil(bins.max(1)).max(1);
    let mut parts = std::collections::BTreeMap::<u64, Vec<u64>>::new();
    for message in messages {
        parts.entry(message.at / width).or_default().push(message.share());
    }
    let band = |(part, shares): (u64, Vec<u64>)| {
        Band::of(shares).map(|band| (part * width, ((part + 1) * width).min(until.max(part * width + 1)), band))
    };
    parts.into_iter().filter_map(band).collect()
}

/// A step of a scale, the least of 1, 2 or 5 times a power of ten with which at most `ticks` steps cover `span`.
pub(super) fn nice_step(span: u64, ticks: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(ticks) >= span || step == u64::MAX {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A step of a time axis, microseconds: as [`nice_step`] below a second, from there on parts of minutes, hours, days.
pub(super) fn nice_time_step(span: u64, ticks: u64) -> u64 {
    const SECOND: u64 = 1_000_000;
    const STEPS: [u64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800,
        604_800,
    ];
    if span < ticks.saturating_mul(SECOND) {
        return nice_step(span, ticks);
    }
    let fits = |step: &u64| (step * SECOND).saturating_mul(ticks) >= span;
    STEPS.into_iter().find(fits).map_or_else(|| nice_step(span, ticks), |step| step * SECOND)
}

/// Which row each span is drawn in, so that none covers another: the first that is free, in the order given (by
/// beginning). A span takes up `from..until`.
pub(super) fn rows(spans: impl IntoIterator<Item = (u64, u64)>) -> Vec<usize> {
    let mut free_from: Vec<u64> = Vec::new();
    spans
        .into_iter()
        .map(|(from, until)| {
            let row = free_from.iter().position(|free| *free <= from).unwrap_or(free_from.len());
            match free_from.get_mut(row) {
                Some(free) => *free = until,
                None => free_from.push(until),
            }
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let values = Values::new([(30, 2), (10, 1), (20, 1), (30, 1), (99, 0)]);
        assert_eq!(values.pairs(), [(10, 1), (20, 1), (30, 3)]);
        assert_eq!(values.count(), 5);
        for (ppm, value) in [(0, 10), (200_000, 10), (200_001, 20), (400_000, 20), (500_000, 30), (1_000_000, 30)] {
            assert_eq!(values.percentile(ppm), Some(value), "{ppm}");
        }
        assert_eq!(values.mean_milli(), Some(24_000));
        assert_eq!(Values::default().percentile(500_000), None);
        assert_eq!(Values::default().mean_milli(), None);
    }

    #[test]
    fn the_99th_percentile_of_1_to_100_is_99() {
        let values = Values::of(1..=100);
        assert_eq!((values.percentile(990_000), values.percentile(999_000)), (Some(99), Some(100)));
    }

    #[test]
    fn a_message_has_reached_whoever_got_it_by_then() {
        let message = Message::new(7, 4, vec![300, 100, 100]);
        assert_eq!(message.steps(), [(100, 2), (300, 3)]);
        assert_eq!([99, 100, 299, 300].map(|delay| message.reached_by(delay)), [0, 2, 2, 3]);
        assert_eq!([0, 100, 300].map(|delay| message.share_by(delay)), [0, 500_000, 750_000]);
        assert_eq!((message.share(), message.last()), (750_000, 300));
        assert_eq!(Message::new(0, 5, Vec::new()).share(), 0);
        assert_eq!(Message::new(0, 0, Vec::new()).share(), 1_000_000);
    }

    #[test]
    fn of_a_message_to_many_only_some_steps_are_kept_and_the_last_is_exact() {
        let message = Message::new(0, 100_000, (1..=100_000).collect());
        assert_eq!(message.steps().len(), STEPS_MAX);
        assert_eq!(message.steps()[0], (500, 500));
        assert_eq!(message.steps()[STEPS_MAX - 1], (100_000, 100_000));
        let uneven = Message::new(0, 1_001, (1..=1_001).collect());
        assert_eq!((uneven.share(), uneven.last()), (1_000_000, 1_001));
    }

    #[test]
    fn logarithmic_bins_hold_what_lies_between_their_edges() {
        assert_eq!([0, 1, 19, 20, 40].map(log_edge), [1_000, 1_122, 8_913, 10_000, 100_000]);
        assert_eq!([0, 1_000, 1_121, 1_122, 9_999, 10_000].map(log_bin), [0, 0, 0, 1, 19, 20]);
        assert_eq!(log_edge(log_bin(17_790_000_000_000_000_000)), 17_780_000_000_000_000_000);
        assert_eq!(log_edge(log_bin(u64::MAX)), u64::MAX);
        let values = Values::new([(500, 1), (1_000, 2), (1_300, 4), (1_122, 1)]);
        assert_eq!(values.log_bins(), [(0, 3), (1, 1), (2, 4)]);
        assert_eq!(Values::new([(1_000, 1), (1_500, 1)]).log_bins(), [(0, 1), (1, 0), (2, 0), (3, 1)]);
        assert_eq!(Values::default().log_bins(), []);
    }

    #[test]
    fn even_bins_start_at_nothing() {
        let values = Values::of([2, 3, 3, 7]);
        assert_eq!(values.even_bins(1), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 0), (5, 0), (6, 0), (7, 1)]);
        assert_eq!(values.even_bins(4), [(0, 3), (1, 1)]);
        assert_eq!(Values::of([0, 0]).even_bins(1), [(0, 2)]);
        assert_eq!(Values::default().even_bins(1), []);
    }

    #[test]
    fn coverage_by_delay_is_the_band_of_all_messages() {
        let slow = Message::new(0, 2, vec![1_122, 1_300]);
        let fast = Message::new(0, 2, vec![1_000, 1_100]);
        let at = |lowest, median, high| Band { lowest, low: lowest, median, high };
        let bands = coverage_by_delay(&[slow, fast]);
        // At 1000: 0 and 1/2; at 1122: 1/2 and all; at 1259: the same; at 1413: all.
        assert_eq!(bands[0], (0, at(0, 0, 500_000)));
        assert_eq!(bands[1], (1, at(500_000, 500_000, 1_000_000)));
        assert_eq!(bands[2], (2, at(500_000, 500_000, 1_000_000)));
        assert_eq!(bands[3], (3, at(1_000_000, 1_000_000, 1_000_000)));
        assert_eq!(bands.len(), 4);
        assert_eq!(coverage_by_delay(&[Message::new(0, 1, Vec::new())]), []);
    }

    #[test]
    fn coverage_by_announcement_keeps_apart_what_was_announced_apart() {
        let message = |at, got: u64| Message::new(at, 4, (0..got).collect());
        let parts = coverage_by_announcement(&[message(0, 4), message(9, 2), message(95, 1)], 100, 10);
        assert_eq!(parts.len(), 2);
        let (from, until, band) = parts[0];
        assert_eq!((from, until, band.lowest, band.median, band.high), (0, 10, 500_000, 500_000, 1_000_000));
        assert_eq!((parts[1].0, parts[1].1, parts[1].2.median), (90, 100, 250_000));
    }

    #[test]
    fn steps_are_round_and_few_enough() {
        assert_eq!([1, 5, 7, 41, 100, 101].map(|span| nice_step(span, 5)), [1, 1, 2, 10, 20, 50]);
        let seconds = [4, 30, 60, 61, 600, 3_600].map(|span| nice_time_step(span * 1_000_000, 6) / 1_000);
        assert_eq!(seconds, [1_000, 5_000, 10_000, 15_000, 120_000, 600_000]);
        assert_eq!(nice_time_step(u64::MAX, 6), 5_000_000_000_000_000_000);
    }

    #[test]
    fn spans_that_overlap_are_drawn_in_different_rows() {
        assert_eq!(rows([(0, 10), (5, 20), (10, 12), (11, 30), (20, 21)]), [0, 1, 0, 2, 0]);
        assert_eq!(rows([]), [0; 0]);
    }
}

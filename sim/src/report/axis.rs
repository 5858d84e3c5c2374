//! Axes with the ticks that we want, where plotters would choose its own.

use super::numbers::{log_edge, nice_step, nice_time_step};
use super::units::{count, moment, share, thousandths};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// A straight axis and its labelled ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// With no ticks.
    pub(super) fn bare(range: Range<f64>) -> Self {
        Self { range, ticks: Vec::new() }
    }

    /// Shares in millionths, labelled in per cent, with some room at the top.
    pub(super) fn shares() -> Self {
        let ticks = [0, 25, 50, 75, 100].map(|percent| (f64::from(percent) * 1e4, format!("{percent} %")));
        Self { range: 0.0..1_040_000.0, ticks: ticks.to_vec() }
    }

    /// Shares in millionths from about `least` to all of them, in so much detail as that needs.
    pub(super) fn shares_from(least: u64) -> Self {
        // A share is written to ten millionths.
        let span = 1_000_000_u64.saturating_sub(least).max(50);
        let step = nice_step(span, 5);
        let steps = span.div_ceil(step);
        let ticks: Vec<u64> = (0..=steps).filter_map(|n| 1_000_000_u64.checked_sub(n * step)).collect();
        let lowest = ticks.last().map_or(0.0, |tick| *tick as f64);
        let room = (1e6 - lowest) * 0.06;
        let ticks = ticks.into_iter().map(|tick| (tick as f64, share(tick, 1_000_000))).collect();
        Self { range: lowest..1e6 + room, ticks }
    }

    /// From zero to `most` thousandths with at most `ticks` steps, and some room at the end.
    pub(super) fn milli(most: u64, ticks: u64) -> Self {
        let mut axis = Self::steps(most, nice_step(most, ticks), thousandths);
        axis.range.end *= 1.06;
        axis
    }

    /// A place for each word, as far apart as the others; every so many are labelled, so that these have `room` letters
    /// in all.
    pub(super) fn words(words: &[String], room: usize) -> Self {
        let longest = words.iter().map(|word| word.chars().count() + 2).max().unwrap_or(1);
        let every = (words.len() * longest).div_ceil(room.max(1)).max(1);
        let tick = |(at, word): (usize, &String)| (at as f64 + 0.5, word.clone());
        Self {
            range: 0.0..words.len().max(1) as f64,
            ticks: words.iter().enumerate().map(tick).step_by(every).collect(),
        }
    }

    /// From zero to `until` microseconds with at most `ticks` steps.
    pub(super) fn times(until: u64, ticks: u64) -> Self {
        Self::steps(until, nice_time_step(until, ticks), moment)
    }

    /// From zero to `most` with at most `ticks` steps, and some room at the end.
    pub(super) fn counts(most: u64, ticks: u64) -> Self {
        let mut axis = Self::steps(most, nice_step(most, ticks), count);
        axis.range.end *= 1.06;
        axis
    }

    /// Histogram bars of `width` values each, `bars` of them; every so many bars one is labelled with its first value,
    /// so that there are at most `ticks`.
    pub(super) fn bars(bars: usize, width: u64, ticks: u64) -> Self {
        let every = usize::try_from(nice_step(bars as u64, ticks)).expect("bars are few");
        let tick = |bar: usize| (bar as f64 + if width == 1 { 0.5 } else { 0.0 }, count(bar as u64 * width));
        Self { range: 0.0..bars.max(1) as f64, ticks: (0..bars).step_by(every).map(tick).collect() }
    }

    /// Logarithmic bins of microseconds, from one edge to another; 1, 2 and 5 are labelled if there's room for as many
    /// as `ticks`, else the powers of ten.
    pub(super) fn log_micros(from: usize, to: usize, ticks: usize) -> Self {
        // 1995 and 5012 are as good as 2000 and 5000.
        let round = |fine: bool| {
            let of_decade =
                move |edge: &usize| [Some(0), fine.then_some(6), fine.then_some(14)].contains(&Some(edge % 20));
            let label = |edge: usize| {
                let figure = match edge % 20 {
                    0 => 1,
                    6 => 2,
                    _ => 5,
                };
                let power = u32::try_from(edge / 20).unwrap_or(u32::MAX);
                moment(10_u64.saturating_pow(power).saturating_mul(1_000 * figure))
            };
            (from..=to).filter(of_decade).map(|edge| (edge as f64, label(edge))).collect::<Vec<_>>()
        };
        let fine = round(true);
        let mut ticks = if fine.len() <= ticks { fine } else { round(false) };
        if ticks.is_empty() {
            ticks = vec![(from as f64, moment(log_edge(from)))];
        }
        Self { range: from as f64..to.max(from + 1) as f64, ticks }
    }

    fn steps(until: u64, step: u64, label: fn(u64) -> String) -> Self {
        let ticks = (0..=until / step).map(|n| ((n * step) as f64, label(n * step))).collect();
        Self { range: 0.0..until.max(1) as f64, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        let along = (f64::from(limit.1 - limit.0) * share.clamp(0.0, 1.0)).round();
        #[allow(clippy::cast_possible_truncation, reason = "no further than the limits are apart")]
        let along = along as i32;
        limit.0 + along
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Lines between ticks are only clutter.
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.iter().map(|tick| tick.0).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let near = |tick: &&(f64, String)| (tick.0 - value).abs() < 1e-9;
        self.ticks.iter().find(near).map_or_else(String::new, |tick| tick.1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_labelled() {
        assert_eq!(labels(&Axis::times(60_000_000, 6)), ["0", "10 s", "20 s", "30 s", "40 s", "50 s", "1 min"]);
        assert_eq!(labels(&Axis::counts(1_100, 4)), ["0", "500", "1,000"]);
        assert_eq!(labels(&Axis::bars(12, 1, 6)), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&Axis::log_micros(0, 26, 9)), ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"]);
        assert_eq!(labels(&Axis::log_micros(0, 60, 5)), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&Axis::log_micros(1, 3, 5)), ["1.122 ms"]);
        assert_eq!(labels(&Axis::shares_from(999_870)), ["100 %", "99.995 %", "99.99 %", "99.985 %"]);
        assert_eq!(labels(&Axis::shares_from(300_000)), ["100 %", "80 %", "60 %", "40 %", "20 %"]);
        assert_eq!(labels(&Axis::milli(2_600, 5)), ["0", "1", "2"]);
        let words = ["10", "100", "1000"].map(str::to_owned);
        assert_eq!(labels(&Axis::words(&words, 18)), ["10", "100", "1000"]);
        assert_eq!(labels(&Axis::words(&words, 17)), ["10", "1000"]);
    }

    #[test]
    fn an_axis_maps_its_ends_to_the_limits_in_either_direction() {
        let axis = Axis::bare(10.0..20.0);
        let ends = [10.0, 15.0, 20.0, 99.0].map(|value| axis.map(&value, (100, 300)));
        assert_eq!(ends, [100, 200, 300, 300]);
        assert_eq!([10.0, 20.0].map(|value| axis.map(&value, (300, 100))), [300, 100]);
    }
}

//! The page's plots of one run, as SVG by plotters.

use super::axis::Axis;
use super::ink::{Area, BLUE, CARD_HEIGHT, Chart, DRAWN, FAINT, GRID, INK, LABELS, LETTER, MARGIN, NARROW, ORANGE};
use super::ink::{chart, draw, put, text};
use super::numbers::{Band, Message, Values, coverage_by_announcement, coverage_by_delay, rows};
use super::units::{bytes, count, micros, share};
use super::{Fault, Report, Traffic};
use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text, TriangleMarker};
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

const WIDE: u32 = 2_240;
const ROW: u32 = 44;
const ROWS_MAX: usize = 12;
/// So many messages are drawn one by one.
pub(super) const SINGLE_MAX: usize = 30;

/// The shares that messages reached, at the times of their announcement, over the faults on the same time axis.
pub(super) fn coverage(report: &Report, wide: bool) -> String {
    let (width, height, bins, ticks) = if wide { (WIDE, 560, 140, 12) } else { (NARROW, 440, 50, 5) };
    let time = Axis::times(report.summary.simulated, ticks);
    let lanes = lanes(&report.faults, report.summary.simulated, u64::from(width - LABELS - MARGIN));
    let deep = lanes.iter().map(|lane| lane.row + 1).max().unwrap_or(0).min(ROWS_MAX);
    let below = ROW * u32::try_from(deep).expect("rows are few") + if deep > 0 { 28 } else { 0 };
    let single = report.messages.len() <= SINGLE_MAX;
    let alt = format!(
        "{} The time axis is the same for coverage and faults.",
        coverage_in_words(&report.messages, report.faults.len())
    );
    draw((width, height + below), &alt, |area| {
        let (upper, lower) = area.split_vertically(height);
        let mut chart = chart(&upper, LABELS, time.clone(), Axis::shares());
        for fault in &report.faults {
            let (from, until) = (fault.from as f64, fault.until.unwrap_or(fault.from) as f64);
            let corners = [(from, 0.0), (until.min(report.summary.simulated as f64), 1_040_000.0)];
            put(&mut chart, [Rectangle::new(corners, ORANGE.mix(0.1).filled())]);
        }
        if single {
            stems(&mut chart, &report.messages);
        } else {
            strip(&mut chart, &coverage_by_announcement(&report.messages, report.summary.simulated, bins));
        }
        if deep > 0 {
            timeline(&lower, time, &lanes, deep);
        }
    })
}

/// The share that messages have reached so long after their announcement.
pub(super) fn spread(messages: &[Message]) -> Option<String> {
    let bands = coverage_by_delay(messages);
    let (first, last) = (bands.first()?.0, bands.last()?.0);
    let alt = coverage_in_words(messages, 0);
    Some(draw((NARROW, CARD_HEIGHT), &alt, |area| {
        // One edge earlier nobody had anything, unless that is below the first.
        let mut chart = chart(area, LABELS, Axis::log_micros(first.saturating_sub(1), last, 5), Axis::shares());
        let line = |of: fn(&Band) -> u64| bands.iter().map(move |(edge, band)| (*edge as f64, of(band) as f64));
        if messages.len() > 1 {
            let outline: Vec<_> = line(|band| band.low).chain(line(|band| band.high).rev()).collect();
            put(&mut chart, [Polygon::new(outline, BLUE.mix(0.18))]);
            put(&mut chart, [PathElement::new(line(|band| band.lowest).collect::<Vec<_>>(), ORANGE.stroke_width(2))]);
        }
        put(&mut chart, [PathElement::new(line(|band| band.median).collect::<Vec<_>>(), BLUE.stroke_width(5))]);
    }))
}

/// How many deliveries took how long.
pub(super) fn latency(values: &Values) -> Option<String> {
    let bins = values.log_bins();
    let (first, last) = (bins.first()?.0, bins.last()?.0);
    let at = |ppm| values.percentile(ppm).map_or_else(String::new, micros);
    let alt = format!(
        "Histogram of {} latencies: half within {}, 99 % within {}, all within {}.",
        count(values.count()),
        at(500_000),
        at(990_000),
        at(1_000_000)
    );
    let most = bins.iter().map(|bin| bin.1).max()?;
    Some(draw((NARROW, CARD_HEIGHT), &alt, |area| {
        let mut chart = chart(area, LABELS + 20, Axis::log_micros(first, last + 1, 5), Axis::counts(most, 5));
        put(&mut chart, bins.iter().map(|(bin, times)| bar(*bin, *times)));
    }))
}

/// How many there are of each value: `what` is counted.
pub(super) fn histogram(values: &Values, what: &str) -> Option<String> {
    let (least, most) = (values.percentile(0)?, values.percentile(1_000_000)?);
    // More bars than this are too thin to be told apart.
    let width = super::numbers::nice_step(most.saturating_add(1), 40);
    let bins = values.even_bins(width);
    let highest = bins.iter().map(|bin| bin.1).max()?;
    let alt = format!(
        "Histogram of {} {what}: from {} to {}, half at most {}.",
        count(values.count()),
        count(least),
        count(most),
        values.percentile(500_000).map_or_else(String::new, count),
    );
    Some(draw((NARROW, CARD_HEIGHT), &alt, |area| {
        let mut chart = chart(area, LABELS + 20, Axis::bars(bins.len(), width, 8), Axis::counts(highest, 5));
        put(&mut chart, bins.iter().map(|(bin, times)| bar(*bin, *times)));
    }))
}

/// Bytes by type of frame, the most first.
pub(super) fn traffic(traffic: &[Traffic]) -> Option<String> {
    let mut sorted: Vec<&Traffic> = traffic.iter().collect();
    sorted.sort_by_key(|one| (u64::MAX - one.bytes, one.kind));
    let (most, all) = (sorted.first()?.bytes, traffic.iter().map(|one| one.bytes).sum::<u64>());
    let rows = sorted.len();
    let alt = format!(
        "Bars of the bytes of each type of frame, {} in all; the most are of {}: {}.",
        bytes(all),
        sorted[0].name,
        share(most, all)
    );
    let height = u32::try_from(rows).expect("types are few") * 66 + 16;
    Some(draw((NARROW, height), &alt, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .build_cartesian_2d(Axis::bare(0.0..most.max(1) as f64), Axis::bare(0.0..rows as f64))
            .expect(DRAWN);
        for (row, one) in sorted.iter().enumerate() {
            let top = (rows - row) as f64;
            put(&mut chart, [Rectangle::new([(0.0, top - 0.62), (most as f64, top - 0.84)], GRID.filled())]);
            put(&mut chart, [Rectangle::new([(0.0, top - 0.62), (one.bytes as f64, top - 0.84)], BLUE.filled())]);
            put(&mut chart, [Text::new(one.name.clone(), (0.0, top - 0.3), text(&INK, HPos::Left))]);
            let figure = format!("{} in {}", bytes(one.bytes), count(one.frames));
            put(&mut chart, [Text::new(figure, (most as f64, top - 0.3), text(&FAINT, HPos::Right))]);
        }
    }))
}

/// Where a fault's label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// It begins where the fault does.
    Within,
    /// It ends where the fault begins.
    Before,
    /// It ends where the axis does.
    Flush,
}

/// Where a fault is drawn in the timeline.
#[derive(Debug, PartialEq, Eq)]
struct Lane {
    from: u64,
    until: Option<u64>,
    label: String,
    side: Side,
    row: usize,
}

/// Puts faults in rows so that neither bars nor labels cover each other; the axis is `width` long.
fn lanes(faults: &[Fault], end: u64, width: u64) -> Vec<Lane> {
    let place = |time: u64| {
        let along = u128::from(time.min(end)) * u128::from(width) / u128::from(end.max(1));
        u64::try_from(along).expect("no more than the width")
    };
    let room = usize::try_from(width / LETTER).expect("letters are few");
    let mut lanes: Vec<(u64, u64, Lane)> = faults
        .iter()
        .map(|fault| {
            let label = match fault.label.chars().count() + 2 > room {
                true => fault.label.chars().take(room.saturating_sub(3)).chain(['…']).collect(),
                false => fault.label.clone(),
            };
            let (from, until) = (place(fault.from), place(fault.until.unwrap_or(fault.from)));
            let long = LETTER * (label.chars().count() as u64 + 2);
            let (side, from, until) = if from + long <= width {
                (Side::Within, from, until.max(from + long))
            } else if from >= long {
                (Side::Before, from - long, until.max(from + LETTER))
            } else {
                (Side::Flush, from.min(width - long.min(width)), width)
            };
            (from, until, Lane { from: fault.from, until: fault.until, label, side, row: 0 })
        })
        .collect();
    lanes.sort_by_key(|lane| lane.2.from);
    let rows = rows(lanes.iter().map(|(from, until, _)| (*from, *until)));
    lanes.into_iter().zip(rows).map(|((.., lane), row)| Lane { row, ..lane }).collect()
}

/// How many faults there is no row for in the timeline, wide or narrow.
pub(super) fn undrawn(report: &Report, wide: bool) -> usize {
    let width = if wide { WIDE } else { NARROW };
    let lanes = lanes(&report.faults, report.summary.simulated, u64::from(width - LABELS - MARGIN));
    lanes.iter().filter(|lane| lane.row >= ROWS_MAX).count()
}

fn timeline(area: &Area<'_>, time: Axis, lanes: &[Lane], deep: usize) {
    let end = plotters::coord::ranged1d::Ranged::range(&time).end;
    let mut chart = ChartBuilder::on(area)
        .margin_right(MARGIN)
        .margin_top(8)
        .margin_bottom(12)
        .set_label_area_size(plotters::chart::LabelAreaPosition::Left, LABELS)
        .build_cartesian_2d(time, Axis::bare(0.0..deep as f64))
        .expect(DRAWN);
    for lane in lanes.iter().filter(|lane| lane.row < deep) {
        let top = (deep - lane.row) as f64;
        let from = lane.from as f64;
        match lane.until {
            Some(until) => {
                let corners = [(from, top - 0.08), ((until as f64).min(end), top - 0.92)];
                put(&mut chart, [Rectangle::new(corners, ORANGE.mix(0.25).filled())]);
                // It would run through a label that does not begin or end here.
                if lane.side != Side::Flush {
                    let start = [(from, top - 0.08), (from, top - 0.92)];
                    put(&mut chart, [PathElement::new(start, ORANGE.stroke_width(5))]);
                }
            }
            None => put(&mut chart, [TriangleMarker::new((from, top - 0.5), 12, ORANGE.filled())]),
        }
        // Clear of the mark at the beginning.
        let gap = '\u{2002}';
        let (x, side, label) = match lane.side {
            Side::Within => (from, HPos::Left, format!("{gap}{}", lane.label)),
            Side::Before => (from, HPos::Right, format!("{}{gap}", lane.label)),
            Side::Flush => (end, HPos::Right, lane.label.clone()),
        };
        put(&mut chart, [Text::new(label, (x, top - 0.5), text(&INK, side))]);
    }
}

/// Each message: from its announcement up to the share that it reached.
fn stems(chart: &mut Chart<'_, '_>, messages: &[Message]) {
    for message in messages {
        let start = (message.at as f64, 0.0);
        let rise = message.steps().iter().map(|(delay, _)| {
            let at = message.at.saturating_add(*delay);
            (at as f64, message.share_by(*delay) as f64)
        });
        let line: Vec<_> = std::iter::once(start).chain(rise).collect();
        let top = *line.last().expect("it has a start");
        put(chart, [PathElement::new(line, BLUE.stroke_width(3))]);
        let colour = if message.share() == 1_000_000 { BLUE } else { ORANGE };
        put(chart, [Circle::new(top, 8, colour.filled())]);
    }
}

/// Messages announced about the same time: their median, what eight tenths of them are within, and the worst.
fn strip(chart: &mut Chart<'_, '_>, parts: &[(u64, u64, Band)]) {
    for (from, until, band) in parts {
        let (from, until) = (*from as f64, *until as f64);
        if band.low < band.high {
            let corners = [(from, band.low as f64), (until, band.high as f64)];
            put(chart, [Rectangle::new(corners, BLUE.mix(0.25).filled())]);
        }
        let median = [(from, band.median as f64), (until, band.median as f64)];
        put(chart, [PathElement::new(median, BLUE.stroke_width(6))]);
        if band.lowest < band.median {
            put(chart, [Circle::new(((from + until) / 2.0, band.lowest as f64), 6, ORANGE.filled())]);
        }
    }
}

fn coverage_in_words(messages: &[Message], faults: usize) -> String {
    let Some(band) = Band::of(messages.iter().map(Message::share)) else {
        return "No message was announced that counts.".to_owned();
    };
    let complete = messages.iter().filter(|message| message.share() == 1_000_000).count() as u64;
    let faults = match faults {
        0 => String::new(),
        1 => ", with 1 fault".to_owned(),
        n => format!(", with {n} faults"),
    };
    format!(
        "Coverage of {} messages{faults}: {} reached everybody, half reached at least {}, the worst {}.",
        count(messages.len() as u64),
        count(complete),
        share(band.median, 1_000_000),
        share(band.lowest, 1_000_000)
    )
}

/// A histogram's bar, with a gap to the next.
fn bar(bin: usize, times: u64) -> Rectangle<(f64, f64)> {
    let left = bin as f64;
    Rectangle::new([(left + 0.06, 0.0), (left + 0.94, times as f64)], BLUE.filled())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stay_on_the_axis_and_off_each_other() {
        let fault = |label: &str, from, until| Fault { label: label.to_owned(), from, until };
        let faults = [
            fault("aaaa", 0, Some(100)),
            fault("bb", 500, None),
            fault("ccccccccc", 950, Some(2_000)),
            fault("dddd", 850, Some(2_000)),
        ];
        let lanes = lanes(&faults, 1_000, 1_000);
        let placed: Vec<_> = lanes.iter().map(|lane| (lane.label.as_str(), lane.side, lane.row)).collect();
        // A letter is 13 wide, and two more are left free: "ccccccccc" takes 143.
        let by_hand = [
            ("aaaa", Side::Within, 0),
            ("bb", Side::Within, 0),
            ("dddd", Side::Within, 0),
            ("ccccccccc", Side::Before, 1),
        ];
        assert_eq!(placed, by_hand);
    }

    #[test]
    fn a_label_that_fits_on_neither_side_ends_with_the_axis() {
        let faults = [Fault { label: "twelve chars".to_owned(), from: 5, until: None }];
        assert_eq!(lanes(&faults, 10, 200)[0].side, Side::Flush);
    }

    #[test]
    fn a_label_longer_than_the_axis_is_cut() {
        let faults = [Fault { label: "x".repeat(200), from: 0, until: None }];
        let label = &lanes(&faults, 10, 130)[0].label;
        assert_eq!(label, "xxxxxxx…");
    }
}

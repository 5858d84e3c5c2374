//! A sweep's plots: a measure over the values of a setting, a line for each value of another.

use super::axis::Axis;
use super::ink::{Area, FONT, MARGIN, chart, draw, paint_inside, put};
use super::ink::{BLUE, CARD_HEIGHT, FAINT, GREEN, INK, LABELS, LETTER, NARROW, ORANGE, RED, VIOLET};
use super::page::STYLE;
use super::sweep::{Curve, Sweep};
use super::units::Unit;
use maud::{PreEscaped, html};
use plotters::element::{Circle, PathElement, Polygon};
use plotters::style::{Color, RGBColor};

/// A line's colour and the page's name for it: no more lines than these can be told apart.
const COLOURS: [(RGBColor, &str); 6] =
    [(BLUE, "blue"), (ORANGE, "orange"), (GREEN, "green"), (VIOLET, "violet"), (RED, "red"), (FAINT, "faint")];
/// Room for what stands at the left axis: `99.995 %`.
const FIGURES: u32 = LABELS + 40;
/// A picture of many plots has so many beside each other.
const ACROSS: usize = 3;
/// Room for a plot's title there, and for the legend.
const TITLE: u32 = 64;
const GAP: u32 = 24;

/// The class of a line's legend.
pub(super) fn colour(line: usize) -> &'static str {
    COLOURS[line % COLOURS.len()].1
}

/// A plot for a page.
pub(super) fn plot(curve: &Curve, sweep: &Sweep) -> String {
    let words = &sweep.settings[0].1;
    draw((NARROW, CARD_HEIGHT), &in_words(curve, sweep), |area| paint(area, curve, words))
}

/// All plots in one picture that stands for itself.
pub(super) fn picture(sweep: &Sweep) -> String {
    let legend: Vec<(usize, &str)> = match sweep.settings.get(1) {
        Some((_, values)) => values.iter().map(String::as_str).enumerate().collect(),
        None => Vec::new(),
    };
    let top = if legend.is_empty() { 0 } else { TITLE };
    let (columns, rows) = (sweep.curves.len().clamp(1, ACROSS), sweep.curves.len().div_ceil(ACROSS));
    let number = |n: usize| u32::try_from(n).expect("plots are few");
    let width = number(columns) * (NARROW + GAP) + GAP;
    let height = top + number(rows) * (TITLE + CARD_HEIGHT + GAP) + GAP;
    let place =
        |n: usize| (GAP + number(n % ACROSS) * (NARROW + GAP), top + number(n / ACROSS) * (TITLE + CARD_HEIGHT + GAP));
    let letters = |text: &str| u64::from(number(text.chars().count())) * LETTER;
    let mut along = u64::from(GAP);
    let font = format!("{:.0}", FONT * 0.8);
    let names = legend.iter().map(|(line, value)| {
        let text = format!("{} {value}", sweep.settings[1].0);
        let at = along;
        along += letters(&text) + 80;
        (*line, text, at)
    });
    let ink = hex(INK);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={ "Sweep of " (sweep.scenario) }
            viewBox={ "0 0 " (width) " " (height) } style={ "width:" (width / 2) "px;height:" (height / 2) "px" }
            font-family="system-ui, sans-serif" {
            style { (PreEscaped(STYLE)) }
            rect width=(width) height=(height) fill="#FFFFFF" {}
            @for (line, text, at) in names {
                rect x=(at) y="36" width="32" height="8" fill=(hex(COLOURS[line % COLOURS.len()].0)) {}
                text x=(at + 42) y="48" font-size=(font) fill=(ink) { (text) }
            }
            @for (n, curve) in sweep.curves.iter().enumerate() {
                g transform={ "translate(" (place(n).0) " " (place(n).1) ")" } {
                    title { (in_words(curve, sweep)) }
                    text x="0" y="48" font-size="30" font-weight="600" fill=(ink) {
                        (curve.name) " by " (sweep.settings[0].0)
                    }
                    g transform={ "translate(0 " (TITLE) ")" } {
                        (PreEscaped(paint_inside((NARROW, CARD_HEIGHT), |area| paint(area, curve, &sweep.settings[0].1))))
                    }
                }
            }
        }
    }
    .into_string()
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

fn paint(area: &Area<'_>, curve: &Curve, words: &[String]) {
    let letters = u64::from(NARROW - FIGURES - MARGIN) / LETTER;
    let x = Axis::words(words, usize::try_from(letters).expect("letters are few"));
    let mut chart = chart(area, FIGURES, x, vertical(curve));
    let at = |n: usize, value: u64| (n as f64 + 0.5, value as f64);
    for (line, (colour, _)) in curve.lines.iter().zip(COLOURS) {
        let means: Vec<_> = line.iter().enumerate().map(|(n, point)| at(n, point.0)).collect();
        let worst: Vec<_> = line.iter().enumerate().map(|(n, point)| at(n, point.1)).collect();
        if curve.tells_worst && means != worst {
            let outline: Vec<_> = means.iter().chain(worst.iter().rev()).copied().collect();
            put(&mut chart, [Polygon::new(outline, colour.mix(0.14))]);
            put(&mut chart, [PathElement::new(worst, colour.mix(0.6).stroke_width(2))]);
        }
        put(&mut chart, [PathElement::new(means.clone(), colour.stroke_width(5))]);
        put(&mut chart, means.into_iter().map(|point| Circle::new(point, 8, colour.filled())));
    }
}

fn vertical(curve: &Curve) -> Axis {
    let points = || curve.lines.iter().flatten();
    let ends = |point: &(u64, u64)| if curve.tells_worst { [point.0, point.1] } else { [point.0; 2] };
    let most = points().flat_map(ends).max().unwrap_or(0);
    match curve.unit {
        Unit::Share => Axis::shares_from(points().flat_map(ends).min().unwrap_or(0)),
        // A few whole things are not worth a tick between.
        Unit::Thousandths if points().flat_map(ends).all(|value| value.is_multiple_of(1_000)) => {
            Axis::milli(most.max(5_000), 5)
        }
        Unit::Thousandths => Axis::milli(most, 5),
        Unit::Micros => Axis::times(most.saturating_add(most / 16).max(1_000), 5),
        Unit::Count => Axis::counts(most.max(1), 5),
    }
}

fn in_words(curve: &Curve, sweep: &Sweep) -> String {
    let (name, words) = &sweep.settings[0];
    let told = curve.lines.iter().enumerate().map(|(n, line)| {
        let of = sweep.settings.get(1).map(|(name, values)| format!("with {name} {}: ", values[n]));
        let points = words.iter().zip(line).map(|(word, point)| format!("{} at {word}", curve.unit.show(point.0)));
        format!("{}{}", of.unwrap_or_default(), points.collect::<Vec<_>>().join(", "))
    });
    format!("{} by {name}: {}.", curve.name, told.collect::<Vec<_>>().join("; "))
}

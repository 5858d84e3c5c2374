//! What a value's text means, and how it is written. Every error says what is wrong and what would be right.

use crate::network::Latency;
use crate::scenario::{Expectation, Measure, Measured, Who};
use crate::workload::MESSAGE_MIN;
use gossip_core::limits::DATA_MAX;

/// So long is anything at most, so that times can be added up: a year, microseconds.
const SPAN_MAX: u64 = 365 * 24 * 3_600_000_000;

/// A span of time in microseconds: `20 ms`, `1.5 s`, `2 min`, `1 h`, `300 us`.
pub(super) fn span(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a span of time; 20 ms, 1.5 s, 2 min or 1 h would be right");
    let (number, unit) = split_unit(text);
    let unit = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(wrong()),
    };
    let span = decimal(number, unit).ok_or_else(wrong)?;
    if span > SPAN_MAX {
        return Err(format!("`{text}` is too long; a year (8760 h) at most would be right"));
    }
    Ok(span)
}

/// A span that is not nothing.
pub(super) fn pause(text: &str) -> Result<u64, String> {
    match span(text)? {
        0 => Err(format!("`{text}` is no time at all; 1 us at least would be right")),
        pause => Ok(pause),
    }
}

/// Writes a span with the largest unit that leaves no rest.
pub(super) fn show_span(micros: u64) -> String {
    match micros {
        0 => "0 s".to_owned(),
        _ if micros.is_multiple_of(3_600_000_000) => format!("{} h", micros / 3_600_000_000),
        _ if micros.is_multiple_of(1_000_000) => format!("{} s", micros / 1_000_000),
        _ if micros.is_multiple_of(1_000) => format!("{} ms", micros / 1_000),
        _ => format!("{micros} us"),
    }
}

/// Two spans with `to` between, or one for both.
pub(super) fn spans(text: &str) -> Result<(u64, u64), String> {
    between(text, span)
}

/// A share in millionths: `12.5 %` or `125000 ppm`.
pub(super) fn share(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is not a share; 0 % to 100 % would be right");
    let (number, unit) = split_unit(text);
    let ppm = match unit {
        "%" => decimal(number, 10_000),
        "ppm" => decimal(number, 1),
        _ => None,
    };
    ppm.and_then(|ppm| u32::try_from(ppm).ok()).filter(|&ppm| ppm <= 1_000_000).ok_or_else(wrong)
}

pub(super) fn show_share(ppm: u32) -> String {
    if ppm.is_multiple_of(10_000) { format!("{} %", ppm / 10_000) } else { format!("{ppm} ppm") }
}

/// A whole number with `to` before another, or one for both.
pub(super) fn sizes(text: &str) -> Result<(u32, u32), String> {
    let (least, most) = between(text, |text| {
        text.parse::<u32>()
            .ok()
            .filter(|&size| size >= MESSAGE_MIN && size as usize <= DATA_MAX)
            .ok_or_else(|| format!("`{text}` is not a size; {MESSAGE_MIN} to {DATA_MAX} would be right"))
    })?;
    Ok((least, most))
}

/// Data types: `1337`, `1, 2, 100-110`.
pub(super) fn types(text: &str) -> Result<Vec<u16>, String> {
    let wrong = || format!("`{text}` is not a list of data types; 1337 or 1, 2, 100-110 would be right");
    let mut types = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<u16>(), last.trim().parse::<u16>());
        let (Ok(first), Ok(last)) = (first, last) else { return Err(wrong()) };
        if first > last {
            return Err(wrong());
        }
        types.extend(first..=last);
    }
    Ok(types)
}

/// Whole numbers with commas between.
pub(super) fn numbers(text: &str) -> Result<Vec<u32>, String> {
    let all: Result<Vec<u32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    all.map_err(|_| format!("`{text}` is not a list of whole numbers; 1, 2, 3 would be right"))
}

/// Spans with commas between.
pub(super) fn span_list(text: &str) -> Result<Vec<u64>, String> {
    text.split(',').map(|part| span(part.trim())).collect()
}

/// Whom a fault hits: `30 %`, `5`, or `peers 1, 2`.
pub(super) fn who(text: &str) -> Result<Who, String> {
    if let Some(list) = text.strip_prefix("peers ") {
        return numbers(list).map(Who::Peers);
    }
    if let Ok(count) = text.parse() {
        return Ok(Who::Count(count));
    }
    share(text).map(Who::Share).map_err(|_| format!("`{text}` names nobody; 30 %, 5 or peers 1, 2 would be right"))
}

pub(super) fn show_who(who: &Who) -> String {
    match who {
        Who::Share(ppm) => show_share(*ppm),
        Who::Count(count) => count.to_string(),
        Who::Peers(peers) => format!("peers {}", join(peers)),
    }
}

/// `fixed 20 ms`, `uniform 5 ms to 80 ms`, `normal 50 ms 10 ms` or `regions`; the last without its matrix.
pub(super) fn latency(text: &str) -> Result<Latency, String> {
    let wrong = || {
        format!(
            "`{text}` is not a latency; fixed 20 ms, uniform 5 ms to 80 ms, normal 50 ms 10 ms or regions would be right"
        )
    };
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "fixed" => span(rest).map(Latency::Fixed).map_err(|_| wrong()),
        "uniform" => spans(rest).map(|(least, most)| Latency::Uniform(least, most)).map_err(|_| wrong()),
        "normal" => {
            // Two spans side by side: the second begins at the second number.
            let at = rest.match_indices(' ').nth(1).map(|(at, _)| at).ok_or_else(wrong)?;
            let (mean, deviation) = rest.split_at(at);
            let (mean, deviation) = (span(mean.trim()), span(deviation.trim()));
            Ok(Latency::Normal(mean.map_err(|_| wrong())?, deviation.map_err(|_| wrong())?))
        }
        "regions" if rest.is_empty() => Ok(Latency::Regions(Vec::new())),
        _ => Err(wrong()),
    }
}

pub(super) fn show_latency(latency: &Latency) -> String {
    match latency {
        Latency::Fixed(span) => format!("fixed {}", show_span(*span)),
        Latency::Uniform(least, most) => format!("uniform {} to {}", show_span(*least), show_span(*most)),
        Latency::Normal(mean, deviation) => format!("normal {} {}", show_span(*mean), show_span(*deviation)),
        Latency::Regions(_) => "regions".to_owned(),
    }
}

/// A bound of an expectation, in its measure's unit.
pub(super) fn bound(measure: Measure, text: &str, min_peers: u32) -> Result<u64, String> {
    match measure {
        Measure::Delivery | Measure::Prompt | Measure::Healed | Measure::Counted => share(text).map(u64::from),
        Measure::P50 | Measure::P99 | Measure::Longest | Measure::Rest => span(text),
        Measure::Redundancy | Measure::HandshakeFrames | Measure::HandshakesPerJoin => {
            decimal(text, 1_000).ok_or_else(|| format!("`{text}` is not a number; 2.5 would be right"))
        }
        Measure::Pieces if text == "connected" => Ok(1),
        Measure::Neighbours if text == "min_peers" => Ok(min_peers.into()),
        _ => text.parse().map_err(|_| format!("`{text}` is not a whole number")),
    }
}

/// A bound as a person writes it, and as it reads back.
pub fn show_bound(measure: Measure, value: u64) -> String {
    match measure {
        Measure::Delivery | Measure::Prompt | Measure::Healed | Measure::Counted => {
            format!("{} %", places(value, 10_000))
        }
        Measure::P50 | Measure::P99 | Measure::Longest | Measure::Rest => show_span(value),
        Measure::Redundancy | Measure::HandshakeFrames | Measure::HandshakesPerJoin => places(value, 1_000),
        Measure::Pieces if value == 1 => "connected".to_owned(),
        _ => value.to_string(),
    }
}

/// What was measured, with its unit, rounded so that it does not contradict what became of the expectation.
pub fn show_measured(expectation: &Expectation, measured: Option<Measured>) -> String {
    let Some(measured) = measured else { return "nothing was measured".to_owned() };
    let value = measured.against(expectation.relation, expectation.bound);
    match expectation.measure {
        Measure::P50 | Measure::P99 | Measure::Longest | Measure::Rest => show_exactly(value),
        Measure::Redundancy => format!("{} copies", places(value, 1_000)),
        Measure::HandshakeFrames => format!("{} frames", places(value, 1_000)),
        Measure::HandshakesPerJoin => format!("{} handshakes", places(value, 1_000)),
        Measure::Pieces => counted(value, "piece"),
        Measure::Hops => counted(value, "hop"),
        Measure::Neighbours => counted(value, "neighbour"),
        Measure::Announcements => counted(value, "announcement"),
        Measure::VictimConnects => counted(value, "connect"),
        Measure::HonestLost => counted(value, "end"),
        Measure::Delivery | Measure::Prompt | Measure::Healed | Measure::Counted => {
            show_bound(expectation.measure, value)
        }
    }
}

/// To the microsecond, in the units that fit it: `138.239 ms`, `1.018879 s`, `2 min 41.5 s`, `1 h 0 min 3 s`.
fn show_exactly(micros: u64) -> String {
    let (hours, minutes, rest) = (micros / 3_600_000_000, micros / 60_000_000 % 60, micros % 60_000_000);
    match micros {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{} ms", places(micros, 1_000)),
        1_000_000..120_000_000 => format!("{} s", places(micros, 1_000_000)),
        _ if hours == 0 => format!("{minutes} min {} s", places(rest, 1_000_000)),
        _ => format!("{hours} h {minutes} min {} s", places(rest, 1_000_000)),
    }
}

/// `value / unit`, a power of ten, with all its places but trailing zeros.
fn places(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn counted(value: u64, what: &str) -> String {
    format!("{value} {what}{}", if value == 1 { "" } else { "s" })
}

pub(super) fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn between<T: Copy + PartialOrd>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<(T, T), String> {
    let (least, most) = text.split_once(" to ").unwrap_or((text, text));
    let (least, most) = (parse(least.trim())?, parse(most.trim())?);
    if least > most {
        return Err(format!("`{text}` runs backwards; the smaller first would be right"));
    }
    Ok((least, most))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// A decimal number times `unit`, exactly or not at all.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 || text.ends_with('.') {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse().unwrap_or(0u64).checked_mul(unit)?;
    if !part.is_multiple_of(scale) {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Relation;

    #[test]
    fn values_mean_what_they_say_and_nothing_else_is_taken() {
        assert_eq!(span("1.5 s"), Ok(1_500_000));
        assert_eq!(span("20ms"), Ok(20_000));
        assert_eq!(share("99.9 %"), Ok(999_000));
        assert_eq!(share("12 ppm"), Ok(12));
        assert_eq!(types("1, 5-7"), Ok(vec![1, 5, 6, 7]));
        assert_eq!(latency("normal 50 ms 10 ms"), Ok(Latency::Normal(50_000, 10_000)));
        assert_eq!(who("peers 3, 4"), Ok(Who::Peers(vec![3, 4])));
        assert_eq!(bound(Measure::Redundancy, "2.5", 1), Ok(2_500));
        for wrong in ["", "s", "5", "-1 s", "1..5 s", "1. s", "0.0000001 s", "99999999999999999999 s", "5 s 3"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        assert!(share("101 %").is_err() && share("5").is_err());
        assert!(types("70000").is_err() && types("7-5").is_err() && types("").is_err());
        assert!(spans("3 s to 1 s").is_err());
        assert_eq!(span("8760 h"), Ok(SPAN_MAX));
        assert!(span("8760.1 h").unwrap_err().contains("8760 h") && pause("0 s").is_err());
        assert_eq!(sizes("9 to 65525"), Ok((9, 65_525)));
        assert!(sizes("8").is_err() && sizes("0 to 8").is_err() && sizes("65526").is_err());
        assert!(latency("normal 5 ms").is_err() && latency("regions 5").is_err() && latency("fast").is_err());
    }

    #[test]
    fn bounds_are_shown_as_people_write_them_and_read_back() {
        for (measure, text) in [
            (Measure::Delivery, "99.9 %"),
            (Measure::Counted, "100 %"),
            (Measure::Healed, "0.0001 %"),
            (Measure::P99, "500 ms"),
            (Measure::Longest, "1500 us"),
            (Measure::Rest, "1 h"),
            (Measure::Redundancy, "2.5"),
            (Measure::HandshakeFrames, "36"),
            (Measure::HandshakesPerJoin, "0.001"),
            (Measure::Pieces, "connected"),
            (Measure::Hops, "14"),
        ] {
            assert_eq!(show_bound(measure, bound(measure, text, 8).unwrap()), text);
        }
    }

    #[test]
    fn what_was_measured_has_its_unit_and_every_place_that_it_needs() {
        let shown = |measure, value| {
            let expectation = Expectation { measure, relation: Relation::AtMost, bound: 1 };
            show_measured(&expectation, Some(Measured::whole(value)))
        };
        for (measure, value, text) in [
            (Measure::P99, 312_000, "312 ms"),
            (Measure::P99, 500_001, "500.001 ms"),
            (Measure::Longest, 1_018_879, "1.018879 s"),
            (Measure::P50, 999, "999 us"),
            (Measure::P50, 0, "0 s"),
            (Measure::Rest, 161_500_000, "2 min 41.5 s"),
            (Measure::Rest, 3_603_000_000, "1 h 0 min 3 s"),
            (Measure::Delivery, 997_247, "99.7247 %"),
            (Measure::Redundancy, 122, "0.122 copies"),
            (Measure::HandshakeFrames, 17_300, "17.3 frames"),
            (Measure::Pieces, 1, "1 piece"),
            (Measure::Pieces, 52, "52 pieces"),
            (Measure::Hops, 16, "16 hops"),
        ] {
            assert_eq!(shown(measure, value), text);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for micros in [0, 1, 1_001, 20_000, 1_500_000, 60_000_000, 3_600_000_000] {
            assert_eq!(span(&show_span(micros)), Ok(micros));
        }
        for ppm in [0, 1, 10_000, 125_000, 1_000_000] {
            assert_eq!(share(&show_share(ppm)), Ok(ppm));
        }
    }
}

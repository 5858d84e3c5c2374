//! Numbers as people read them, with their units. Rounded half up, in integers.

use crate::run::a_second;

/// What a whole number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Millionths of a whole.
    Share,
    /// Thousandths.
    Thousandths,
    /// Microseconds.
    Micros,
    /// Single things.
    Count,
}

impl Unit {
    /// A value as people read it.
    pub fn show(self, value: u64) -> String {
        match self {
            Self::Share => share(value, 1_000_000),
            Self::Thousandths if value >= 1_000_000 => count((value + 500) / 1_000),
            Self::Thousandths => thousandths(value),
            Self::Micros => micros(value),
            Self::Count => count(value),
        }
    }
}

/// 1234567 as `1,234,567`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span of microseconds in the unit that fits it, with three figures.
pub(super) fn micros(value: u64) -> String {
    match value {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{value} us"),
        1_000..999_500 => figures(value, 1_000, "ms"),
        999_500..120_000_000 => figures(value, 1_000_000, "s"),
        _ => clock(value.saturating_add(500_000) / 1_000_000),
    }
}

/// A point in time to the microsecond, to be looked up in a trace.
pub(super) fn exact(value: u64) -> String {
    format!("{} s", gossip_core::time::Instant::from_micros(value))
}

/// A point on a time axis: `0`, `1.5 s`, `2 min`, `1 h 30 min`.
pub(super) fn moment(value: u64) -> String {
    let (whole, rest) = (value / 1_000_000, value % 1_000_000);
    match whole {
        0 if rest == 0 => "0".to_owned(),
        0 => plain(value, 1_000, "ms"),
        60 if rest == 0 => "1 min".to_owned(),
        1..120 if rest > 0 => plain(value, 1_000_000, "s"),
        1..120 => format!("{whole} s"),
        _ => clock(whole),
    }
}

/// Bytes in the unit that fits them, with three figures.
pub(super) fn bytes(value: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut unit, mut at) = (1, 0);
    while at + 1 < UNITS.len() && value / unit >= 1_000 {
        unit *= 1024;
        at += 1;
    }
    match at {
        0 => format!("{value} B"),
        _ => figures(value, unit, UNITS[at]),
    }
}

/// Thousandths with all their places but trailing zeros: 1500 as `1.5`.
pub(super) fn thousandths(value: u64) -> String {
    let text = format!("{}.{:03}", value / 1_000, value % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So much of so many in per cent. It says 100 % only of all, and 0 % only of none.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let (part, whole) = (u128::from(part.min(whole)), u128::from(whole));
    let milli = match (part * 100_000 + whole / 2) / whole {
        0 if part > 0 => return "< 0.001 %".to_owned(),
        100_000 if part < whole => 99_999,
        milli => milli,
    };
    let text = format!("{}.{:03}", milli / 1_000, milli % 1_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// So many in so many microseconds, a second.
pub(super) fn rate(events: u64, micros: u64) -> String {
    match micros {
        0 => "-".to_owned(),
        micros => count(a_second(events, micros)),
    }
}

/// Minutes and more: `2 min`, `2 min 5 s`, `1 h 30 min`, `3 d 2 h`.
fn clock(seconds: u64) -> String {
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")];
    let texts = parts.iter().skip_while(|(n, _)| *n == 0).take(2);
    texts.filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect::<Vec<_>>().join(" ")
}

/// `value / unit` with three figures.
fn figures(value: u64, unit: u64, name: &str) -> String {
    let (value, unit) = (u128::from(value), u128::from(unit));
    for (below, places, scale) in [(10, 2, 100), (100, 1, 10)] {
        let scaled = (value * scale + unit / 2) / unit;
        if scaled < below * scale {
            return format!("{}.{:0places$} {name}", scaled / scale, scaled % scale);
        }
    }
    format!("{} {name}", (value + unit / 2) / unit)
}

/// `value / unit` with as many places as it needs, at most three.
fn plain(value: u64, unit: u64, name: &str) -> String {
    format!("{} {name}", thousandths(value * 1_000 / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 999, 1_000, 1_234_567, 100_000].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "100,000"]);
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn spans_have_three_figures_in_a_unit_that_fits() {
        for (value, text) in [
            (0, "0 s"),
            (7, "7 us"),
            (999, "999 us"),
            (1_000, "1.00 ms"),
            (9_994, "9.99 ms"),
            (9_995, "10.0 ms"),
            (99_950, "100 ms"),
            (182_400, "182 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (60_000_000, "60.0 s"),
            (120_000_000, "2 min"),
            (5_400_000_000, "1 h 30 min"),
            (3_605_000_000, "1 h"),
            (180_000_000_000, "2 d 2 h"),
        ] {
            assert_eq!(micros(value), text, "{value}");
        }
    }

    #[test]
    fn moments_are_written_with_no_more_places_than_they_need() {
        for (value, text) in [
            (0, "0"),
            (250, "0.25 ms"),
            (500_000, "500 ms"),
            (60_000_000, "1 min"),
            (1_500_000, "1.5 s"),
            (90_000_000, "90 s"),
            (150_000_000, "2 min 30 s"),
        ] {
            assert_eq!(moment(value), text, "{value}");
        }
        assert_eq!(exact(12_000_042), "12.000042 s");
    }

    #[test]
    fn bytes_have_binary_units() {
        for (value, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "0.98 KiB"),
            (1_024, "1.00 KiB"),
            (1_536, "1.50 KiB"),
            (1 << 20, "1.00 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(value), text, "{value}");
        }
    }

    #[test]
    fn a_share_is_rounded_but_never_to_all_or_nothing() {
        for (part, whole, text) in [
            (0, 0, "-"),
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (1, 3, "33.333 %"),
            (1, 2, "50 %"),
            (9_999_999, 10_000_000, "99.999 %"),
            (1, 10_000_000, "< 0.001 %"),
            (9, 7, "100 %"),
        ] {
            assert_eq!(share(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn rates_and_thousandths() {
        assert_eq!([rate(3, 2_000_000), rate(1_000, 1_000), rate(5, 0)], ["1", "1,000,000", "-"]);
        assert_eq!([0, 1, 1_500, 2_000, 12_345].map(thousandths), ["0", "0.001", "1.5", "2", "12.345"]);
    }
}

//! Numbers for people.

/// With commas between thousands.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most six characters: `999`, `9.9 k`, `123 M`.
pub(crate) fn short(n: f64) -> String {
    scaled(n, 1_000.0, &["", " k", " M", " G", " T"])
}

/// Bytes in at most eight characters: `999 B`, `9.9 KiB`.
pub(crate) fn bytes(n: f64) -> String {
    scaled(n, 1_024.0, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

fn scaled(mut n: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while n >= 999.5 && unit + 1 < units.len() {
        n /= step;
        unit += 1;
    }
    let digits = usize::from(n < 9.95 && n.fract() > 0.0 && (unit > 0 || n >= 0.05));
    format!("{n:.digits$}{}", units[unit])
}

/// A time in its largest unit, rounded down: at most six characters for the next thousand years.
pub(crate) fn span(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let (size, name) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1.0, "s"));
    format!("{} {name}", (seconds / size).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_right() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let rates = [0.0, 0.04, 0.5, 3.0, 9.96, 12.4, 999.0, 999.9, 1_234.0, 45_678.0, 1e6, 2.5e9];
        let shown = ["0", "0", "0.5", "3", "10", "12", "999", "1.0 k", "1.2 k", "46 k", "1 M", "2.5 G"];
        assert_eq!(rates.map(short), shown.map(str::to_owned));
        assert_eq!([0.0, 1_023.0, 1_536.0, 1e9].map(bytes), ["0 B", "1.0 KiB", "1.5 KiB", "954 MiB"]);
        assert_eq!(
            [0.9, 59.9, 60.0, 3_599.0, 86_399.0, 1e6].map(span),
            ["0 s", "59 s", "1 min", "59 min", "23 h", "11 d"]
        );
    }
}

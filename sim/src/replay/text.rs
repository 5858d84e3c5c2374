//! What others said, made fit to be shown: nothing in it can upset a terminal.

use gossip_core::time::Duration;
use serde::Serialize;
use std::fmt::Write as _;

/// Characters of text, or bytes in hex, that one line shows of a message's data.
const SHOWN_CHARACTERS: usize = 60;
const SHOWN_BYTES: usize = 24;

/// Control characters, line ends and invisible or direction-changing characters escaped.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // escape_debug would escape these three as well: they are harmless, and common.
        if matches!(c, '"' | '\'' | '\\') {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    out
}

/// How a message's data begins: in quotes if it is text, else in hex.
pub(super) fn excerpt(data: &[u8]) -> String {
    if data.is_empty() {
        return "no data".to_owned();
    }
    // Cut between characters, not within one.
    let text = str::from_utf8(data).ok().filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    if let Some(text) = text {
        let end = text.char_indices().nth(SHOWN_CHARACTERS).map_or(text.len(), |(end, _)| end);
        let more = if end < text.len() { " ..." } else { "" };
        return format!("\"{}\"{more}", harmless(&text[..end]));
    }
    let shown = &data[..data.len().min(SHOWN_BYTES)];
    let mut out = hex(shown);
    if shown.len() < data.len() {
        out.push_str(" ...");
    }
    out
}

/// Bytes in hex, spaced.
pub(super) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// One object as one line of JSON, in which nothing can upset a terminal.
pub(super) fn json_line(value: &impl Serialize) -> String {
    let plain = serde_json::to_string(value).expect("structs of numbers and strings are always JSON");
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        // Outside strings JSON is ASCII, so whatever is escaped here stands in a string.
        if c == '\x7f' || (!c.is_ascii() && c.escape_debug().len() > 1) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

/// A span of time, short ones in milliseconds.
pub(super) fn span(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 1_000_000 { format!("{}.{:03} ms", micros / 1_000, micros % 1_000) } else { time.to_string() }
}

/// "1 event", "2,345 events".
pub(super) fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", grouped(n))
}

/// Digits in groups of three.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_could_upset_it() {
        let nasty = "a\u{1b}[31m\u{7}\u{7f}\u{9b}2J\u{202e}\u{200b}\u{feff}\u{2028}\r\n\tz";
        let is_harmless = |c: char| !c.is_control() && (c.escape_debug().len() == 1 || "\"'\\".contains(c));
        let json = json_line(&serde_json::json!({ "text": nasty }));
        for shown in [harmless(nasty), excerpt(nasty.as_bytes()), excerpt(b"\x1b[2J"), json.trim_end().to_owned()] {
            assert!(shown.chars().all(is_harmless), "{shown:?}");
        }
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["text"], nasty, "and JSON still says it exactly");
    }

    #[test]
    fn data_is_text_or_hex_and_cut() {
        assert_eq!(excerpt("größer \"x\"\n".as_bytes()), "\"größer \"x\"\\n\"");
        assert_eq!(excerpt(&[0, 255]), "00 ff");
        assert_eq!(excerpt(&[]), "no data");
        assert_eq!(excerpt("ä".repeat(61).as_bytes()), format!("\"{}\" ...", "ä".repeat(60)));
        assert!(excerpt(&[1; 100]).ends_with("01 ..."));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "event"), count(2, "event")], ["1 event", "2 events"]);
    }
}

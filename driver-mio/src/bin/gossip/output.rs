//! What a person or a program is shown. Whatever a peer said is made harmless for terminals first.

use crate::connection::Notification;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// How notifications are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line of text each, or a hex dump.
    Text,
    /// A JSON object a line.
    Json,
    /// Their data, nothing else.
    Raw,
}

/// Tells the person something, on standard error. With nobody there to read it, that is no failure.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// The bytes to print for one notification.
pub(crate) fn render(form: Form, time: jiff::Timestamp, notification: Notification<'_>) -> Vec<u8> {
    match form {
        Form::Text => text(time, notification).into_bytes(),
        Form::Json => json(time, notification).into_bytes(),
        Form::Raw => notification.data.to_vec(),
    }
}

fn text(time: jiff::Timestamp, Notification { id, data_type, data }: Notification<'_>) -> String {
    let head = format!("{time:.3} type {data_type} id {id} {} bytes", data.len());
    match readable(data) {
        Some(text) => format!("{head}: {text}\n"),
        None => format!("{head}:\n{}", hex_dump(data)),
    }
}

/// The data as text in one line, if it is text.
pub(crate) fn readable(data: &[u8]) -> Option<String> {
    let text = str::from_utf8(data).ok()?;
    let is_text = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    is_text.then(|| harmless(text))
}

/// Control characters, line ends and invisible or direction-changing characters escaped.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['"', '\'', '\\']) {
        // escape_debug would escape these three as well: they are harmless, and common.
        let plain = piece.trim_end_matches(['"', '\'', '\\']);
        out.extend(plain.escape_debug());
        out.push_str(&piece[plain.len()..]);
    }
    out
}

/// Sixteen bytes a line: offset, hex, characters.
fn hex_dump(data: &[u8]) -> String {
    let mut out = String::new();
    for (line, bytes) in data.chunks(16).enumerate() {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        let characters: String = bytes.iter().map(shown).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:08x}  {:<47}  |{characters}|", line * 16, hex.join(" "));
    }
    out
}

#[derive(Serialize)]
struct JsonNotification<'a> {
    time: String,
    id: u16,
    r#type: u16,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn json(time: jiff::Timestamp, Notification { id, data_type, data }: Notification<'_>) -> String {
    let text = str::from_utf8(data).ok();
    let base64 = if text.is_none() { Some(BASE64.encode(data)) } else { None };
    let time = format!("{time:.3}");
    json_line(&JsonNotification { time, id, r#type: data_type, size: data.len(), text, base64 })
}

/// One line of JSON, in which nothing can upset a terminal.
pub(crate) fn json_line(value: &impl Serialize) -> String {
    let plain = serde_json::to_string(value).expect("structs of numbers and strings are always JSON");
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        // Outside strings JSON is ASCII, so whatever is escaped here stands in a string.
        if c == '\x7f' || (!c.is_ascii() && c.escape_debug().len() > 1) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(data: &[u8]) -> Notification<'_> {
        Notification { id: 43_981, data_type: 1337, data }
    }

    fn shown(form: Form, data: &[u8]) -> String {
        let time = jiff::Timestamp::from_millisecond(1_234).unwrap();
        String::from_utf8(render(form, time, notification(data))).unwrap()
    }

    #[test]
    fn text_is_one_line() {
        let line = shown(Form::Text, "it's \"größer\" than C:\\new\nline".as_bytes());
        let head = "1970-01-01T00:00:01.234Z type 1337 id 43981 32 bytes: ";
        assert_eq!(line, format!("{head}it's \"größer\" than C:\\new\\nline\n"));
    }

    #[test]
    fn other_data_is_a_hex_dump() {
        let dump = shown(Form::Text, &[&[0, 0x1b], &b"[2Jabcdefghijklm~"[..], &[0xff]].concat());
        assert_eq!(
            dump,
            "1970-01-01T00:00:01.234Z type 1337 id 43981 20 bytes:\n  \
             00000000  00 1b 5b 32 4a 61 62 63 64 65 66 67 68 69 6a 6b  |..[2Jabcdefghijk|\n  \
             00000010  6c 6d 7e ff                                      |lm~.|\n"
        );
    }

    #[test]
    fn nothing_reaches_a_terminal_that_could_upset_it() {
        let nasty = "a\u{1b}[31m\u{7}\u{8}\u{7f}\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\r\n\tz";
        let harmless_char =
            |c: char| c == '\n' || (!c.is_control() && c.escape_debug().len() == 1) || "\"'\\".contains(c);
        for data in [nasty.as_bytes(), "a\u{202e}b\r\t".as_bytes(), &[0x1b, 0xff, 0x9b]] {
            for form in [Form::Text, Form::Json] {
                let out = shown(form, data);
                assert!(out.chars().all(harmless_char), "{out:?}");
            }
        }
        assert_eq!(readable("a\u{202e}b".as_bytes()).as_deref(), Some("a\\u{202e}b"));
    }

    #[test]
    fn json_says_the_data_exactly() {
        for text in ["", "plain", "\u{1b}\u{7f}\u{9b}\u{202e}\n\"\\", "größer 😀 \u{e0001}"] {
            let line = shown(Form::Json, text.as_bytes());
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["text"], text);
            assert_eq!((line.matches('\n').count(), value.get("base64")), (1, None));
        }
        let value: serde_json::Value = serde_json::from_str(&shown(Form::Json, &[0, 255, 254])).unwrap();
        let expected = r#"{"time":"1970-01-01T00:00:01.234Z","id":43981,"type":1337,"size":3,"base64":"AP/+"}"#;
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }

    #[test]
    fn raw_is_the_data_and_nothing_else() {
        let time = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(render(Form::Raw, time, notification(&[0x1b, 0, 255])), [0x1b, 0, 255]);
    }
}

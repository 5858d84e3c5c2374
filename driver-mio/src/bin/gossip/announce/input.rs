//! Where messages come from.

use crate::Failure;
use crate::output;
use gossip_core::limits::DATA_MAX;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// What the next message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Message(Vec<u8>),
    /// It cannot be sent, for this reason.
    Refused(String),
}

/// The messages in order.
pub(super) enum Source {
    /// From the command line, all read already.
    Given(std::vec::IntoIter<Vec<u8>>),
    /// Each line is one.
    Lines(Lines<Box<dyn BufRead + Send>>),
}

impl Source {
    /// Those on the command line, or the lines of standard input if there are none.
    pub(super) fn new(messages: &[String]) -> Result<Self, Failure> {
        if messages.is_empty() {
            return Ok(Self::Lines(Lines { input: Box::new(BufReader::new(io::stdin())), number: 0 }));
        }
        if messages.iter().filter(|message| *message == "-").count() > 1 {
            return Err(Failure::wrong_command_line("standard input can be only one message: write - once"));
        }
        let read = messages.iter().map(|message| read(message)).collect::<Result<Vec<_>, _>>();
        read.map(|messages| Self::Given(messages.into_iter())).map_err(Failure::wrong_command_line)
    }

    /// How many, if that is known.
    pub(super) fn len(&self) -> Option<u64> {
        match self {
            Self::Given(messages) => Some(messages.len() as u64),
            Self::Lines(_) => None,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        match self {
            Self::Given(messages) => Ok(messages.next().map(Item::Message)),
            Self::Lines(lines) => lines.next(),
        }
    }
}

fn read(message: &str) -> Result<Vec<u8>, String> {
    let (name, data) = if message == "-" {
        ("standard input".to_owned(), bounded(io::stdin()))
    } else if let Some(text) = message.strip_prefix('@').filter(|text| text.starts_with('@')) {
        return within_bounds("the message", text.as_bytes().to_vec());
    } else if let Some(path) = message.strip_prefix('@') {
        (path.to_owned(), File::open(path).and_then(bounded))
    } else {
        return within_bounds("the message", message.as_bytes().to_vec());
    };
    let data = data.map_err(|error| format!("cannot read {name}: {error}"))?;
    within_bounds(&name, data)
}

/// One byte more than fits is enough to know; there may be no end.
fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    from.take(DATA_MAX as u64 + 1).read_to_end(&mut data)?;
    Ok(data)
}

fn within_bounds(name: &str, data: Vec<u8>) -> Result<Vec<u8>, String> {
    if data.len() <= DATA_MAX { Ok(data) } else { Err(too_large(name)) }
}

fn too_large(name: &str) -> String {
    format!("{name} has more than {DATA_MAX} bytes, the most that a gossip message carries; not sent")
}

/// Lines as messages, without their ends (`\n` or `\r\n`).
pub(super) struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Option<Item>> {
        // The longest line and its end.
        const MOST: u64 = DATA_MAX as u64 + 2;
        let mut line = Vec::new();
        if self.input.by_ref().take(MOST).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        if whole {
            line.pop_if(|byte| *byte == b'\r');
        } else {
            self.input.skip_until(b'\n')?;
        }
        if line.len() <= DATA_MAX {
            Ok(Some(Item::Message(line)))
        } else {
            Ok(Some(Item::Refused(too_large(&format!("line {}", self.number)))))
        }
    }
}

/// Enough of a message to know it by.
pub(super) fn excerpt(data: &[u8]) -> String {
    const MOST: usize = 40;
    let start: String = String::from_utf8_lossy(data).chars().take(MOST).collect();
    let dots = if start.len() < data.len() { "..." } else { "" };
    format!("'{}{dots}' ({} bytes)", output::harmless(&start), data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Item> {
        let mut lines = Lines { input: text, number: 0 };
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let expected = [&b"a"[..], b"", b"b\r", b"\xff", b"last"].map(|line| Item::Message(line.to_vec()));
        assert_eq!(lines(b"a\n\r\nb\r\r\n\xff\nlast"), expected);
        assert_eq!(lines(b"a\n").len(), 1);
        assert_eq!(lines(b"").len(), 0);
    }

    #[test]
    fn only_a_line_that_is_too_long_is_refused() {
        let most = vec![b'x'; DATA_MAX];
        for end in [&b""[..], b"\n", b"\r\n"] {
            assert_eq!(lines(&[&most, end].concat()), [Item::Message(most.clone())], "{end:?}");
        }
        for more in [1, 2, 3, 200_000] {
            let text = [&most, &vec![b'x'; more][..], b"\nnext\n"].concat();
            let got = lines(&text);
            assert!(
                matches!(&got[..], [Item::Refused(why), Item::Message(next)]
                if why.starts_with("line 1 has more than 65525 bytes") && next == b"next"),
                "{more} more"
            );
        }
    }

    #[test]
    fn two_at_signs_are_one_that_is_meant() {
        assert_eq!(read("@@home").unwrap(), b"@home");
        assert_eq!(read("text").unwrap(), b"text");
        assert_eq!(read("").unwrap(), b"");
        assert!(read("@/nowhere/at/all").unwrap_err().starts_with("cannot read /nowhere/at/all: "));
    }

    #[test]
    fn an_endless_input_is_not_read_to_its_end() {
        assert_eq!(bounded(io::repeat(7)).unwrap().len(), DATA_MAX + 1);
    }
}

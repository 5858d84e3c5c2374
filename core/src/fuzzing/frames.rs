//! The deframer against a reading of the whole stream at once.

use super::Input;
use crate::limits::FRAME_HEADER;
use crate::wire::{Deframer, Next};

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame { kind: u16, body: Vec<u8> },
    Skipped { kind: u16, size: u16 },
    Lost { size: u16 },
}

/// Which frames are wanted, how the stream is cut, and which pieces are first put away: the first three bytes; then the
/// stream.
pub fn frames(data: &[u8]) {
    let mut input = Input::new(data);
    let (unwanted, piece, kept) = (input.u8(), usize::from(input.u8()).max(1), input.u8());
    let stream = input.rest();
    let wanted = |kind: u16, size: u16| (kind ^ size) & 7 != u16::from(unwanted & 7) || unwanted & 8 == 0;
    let mut deframer = Deframer::default();
    let mut seen = Vec::new();
    for (n, mut part) in stream.chunks(piece).enumerate() {
        if n & usize::from(kept) != 0 {
            deframer.keep(&mut part);
        }
        if !take(&mut deframer, &mut part, wanted, &mut seen) {
            break;
        }
        assert!(part.is_empty(), "{} bytes of input left though more is asked for", part.len());
    }
    let is_lost = take(&mut deframer, &mut &[][..], wanted, &mut seen);
    let (expected, rest) = read_at_once(stream, wanted);
    assert_eq!(seen, expected);
    if is_lost {
        assert_eq!(deframer.kept(), rest, "bytes kept at the end of {} frames", seen.len());
    }
}

/// Everything that can be read; false once the stream is lost.
fn take(
    deframer: &mut Deframer,
    part: &mut &[u8],
    wanted: impl Fn(u16, u16) -> bool + Copy,
    seen: &mut Vec<Seen>,
) -> bool {
    if matches!(seen.last(), Some(Seen::Lost { .. })) {
        return false;
    }
    loop {
        seen.push(match deframer.next(part, wanted) {
            Next::More => return true,
            Next::Frame { kind, body } => Seen::Frame { kind, body: body.to_vec() },
            Next::Skipped { kind, size } => Seen::Skipped { kind, size },
            Next::Lost { size } => {
                seen.push(Seen::Lost { size });
                return false;
            }
        });
    }
}

/// What section 1 says about this stream, and how many bytes of it wait for more.
fn read_at_once(mut stream: &[u8], wanted: impl Fn(u16, u16) -> bool) -> (Vec<Seen>, usize) {
    let mut seen = Vec::new();
    while let Some((&[a, b, c, d], body)) = stream.split_first_chunk::<FRAME_HEADER>() {
        let (size, kind) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let Some(len) = usize::from(size).checked_sub(FRAME_HEADER) else {
            seen.push(Seen::Lost { size });
            break;
        };
        let is_wanted = wanted(kind, size);
        match body.split_at_checked(len) {
            Some((body, rest)) if is_wanted => {
                seen.push(Seen::Frame { kind, body: body.to_vec() });
                stream = rest;
            }
            None if is_wanted => break,
            skipped => {
                seen.push(Seen::Skipped { kind, size });
                stream = skipped.map_or(&[], |(_, rest)| rest);
            }
        }
    }
    (seen, stream.len())
}

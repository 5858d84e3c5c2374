//! Cuts a stream of bytes into frames, however the bytes come.

use crate::limits::FRAME_HEADER;

/// What the stream holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole frame.
    Frame {
        /// Its type.
        kind: u16,
        /// Its body.
        body: &'a [u8],
    },
    /// A frame that was not wanted: its bytes are skipped as they come.
    Skipped {
        /// Its type.
        kind: u16,
        /// Its size, header included.
        size: u16,
    },
    /// A size below the header's own: the stream is lost (section 1).
    Lost {
        /// What the header says.
        size: u16,
    },
    /// The input is used up.
    More,
}

/// The receiving end of one connection.
///
/// Whole frames are lent straight out of the input; only what is cut is copied. Holds at most one frame, and what
/// [`keep`](Self::keep) put away.
///
/// ```
/// use gossip_core::wire::{Deframer, Next};
/// let mut deframer = Deframer::default();
/// let mut input: &[u8] = &[0, 4, 1, 254, 0, 5];
/// assert_eq!(deframer.next(&mut input, |_, _| true), Next::Frame { kind: 510, body: &[] });
/// assert_eq!(deframer.next(&mut input, |_, _| true), Next::More);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    /// Bytes that came before the input; those before `start` are used up. Invariant: `start <= buffer.len()`.
    buffer: Vec<u8>,
    start: usize,
    /// So many bytes belong to a frame that is not wanted.
    skip: usize,
}

impl Deframer {
    /// A buffer that grew beyond this is given back once it is empty.
    const BUFFER_KEPT: usize = 4_096;

    /// Takes the next frame off the front of what was kept and `input`.
    ///
    /// `wanted` is asked, with type and size, as soon as a header is whole; a frame that is not wanted is never stored.
    /// After [`Next::Lost`] the stream makes no sense any more.
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8], wanted: impl FnOnce(u16, u16) -> bool) -> Next<'a> {
        self.pass_skipped(input);
        if self.start >= self.buffer.len() {
            self.clear();
            return self.next_of_input(input, wanted);
        }
        if !self.fill(FRAME_HEADER, input) {
            return Next::More;
        }
        let Some((size, kind)) = header(self.buffered()) else { return Next::More };
        if is_impossible(size) {
            return Next::Lost { size };
        }
        if !wanted(kind, size) {
            self.skip = skipped(size);
            self.pass_skipped(input);
            return Next::Skipped { kind, size };
        }
        if !self.fill(usize::from(size), input) {
            return Next::More;
        }
        let begin = self.start;
        self.start = begin.saturating_add(usize::from(size));
        Next::Frame { kind, body: self.buffer.get(begin.saturating_add(FRAME_HEADER)..self.start).unwrap_or(&[]) }
    }

    fn next_of_input<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        wanted: impl FnOnce(u16, u16) -> bool,
    ) -> Next<'a> {
        let Some((size, kind)) = header(input) else {
            self.keep(input);
            return Next::More;
        };
        let whole = usize::from(size);
        if is_impossible(size) {
            return Next::Lost { size };
        }
        if !wanted(kind, size) {
            self.skip = skipped(size);
            self.pass_skipped(input);
            return Next::Skipped { kind, size };
        }
        match input.split_at_checked(whole) {
            Some((frame, rest)) => {
                *input = rest;
                Next::Frame { kind, body: frame.get(FRAME_HEADER..).unwrap_or(&[]) }
            }
            None => {
                self.keep(input);
                Next::More
            }
        }
    }

    /// Puts `input` away for later: nobody reads on for now.
    pub fn keep(&mut self, input: &mut &[u8]) {
        self.pass_skipped(input);
        // Whoever always keeps more than is read would otherwise never see the used bytes go. Moving the rest only when
        // it is the smaller part keeps the cost per byte constant.
        if self.start > self.kept() {
            self.compact();
        }
        self.buffer.extend_from_slice(input);
        *input = &[];
    }

    /// Bytes put away, waiting for more or for being read.
    pub fn kept(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Is it as a new one would be, between two frames?
    pub fn is_idle(&self) -> bool {
        self.kept() == 0 && self.skip == 0
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or(&[])
    }

    /// Tries to have `whole` bytes in the buffer, from `input` if need be.
    fn fill(&mut self, whole: usize, input: &mut &[u8]) -> bool {
        let missing = whole.saturating_sub(self.kept());
        if missing > 0 {
            self.compact();
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.buffer.extend_from_slice(taken);
            *input = rest;
        }
        self.kept() >= whole
    }

    #[inline]
    fn pass_skipped(&mut self, input: &mut &[u8]) {
        if self.skip > 0 {
            self.pass(input);
        }
    }

    fn pass(&mut self, input: &mut &[u8]) {
        let of_buffer = self.skip.min(self.kept());
        self.start = self.start.saturating_add(of_buffer);
        self.skip = self.skip.saturating_sub(of_buffer);
        let of_input = self.skip.min(input.len());
        *input = input.get(of_input..).unwrap_or(&[]);
        self.skip = self.skip.saturating_sub(of_input);
    }

    /// Gives up the bytes that are used up.
    fn compact(&mut self) {
        self.buffer.drain(..self.start.min(self.buffer.len()));
        self.start = 0;
    }

    fn clear(&mut self) {
        self.start = 0;
        if self.buffer.capacity() > Self::BUFFER_KEPT {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }
}

fn is_impossible(size: u16) -> bool {
    usize::from(size) < FRAME_HEADER.saturating_sub(usize::from(planted!(SizeBelowHeader)))
}

/// Bytes of a frame that is not wanted.
fn skipped(size: u16) -> usize {
    usize::from(size).saturating_sub(usize::from(planted!(SkippedTooLittle)))
}

fn header(bytes: &[u8]) -> Option<(u16, u16)> {
    let &[a, b, c, d] = bytes.first_chunk()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_more_than_is_read_does_not_hoard_used_bytes() {
        let frame = [0, 8, 1, 254, 1, 2, 3, 4];
        let mut deframer = Deframer::default();
        deframer.keep(&mut &[frame; 3].concat()[..]);
        for _ in 0..10_000 {
            deframer.keep(&mut &frame[..]);
            assert!(matches!(deframer.next(&mut &[][..], |_, _| true), Next::Frame { kind: 510, .. }));
            assert_eq!(deframer.kept(), 3 * frame.len());
        }
        assert!(deframer.buffer.len() < 16 * frame.len(), "{} bytes", deframer.buffer.len());
    }

    #[test]
    fn idle_is_between_two_frames_and_nowhere_else() {
        let mut deframer = Deframer::default();
        assert!(deframer.is_idle());
        let frame = [0, 8, 1, 254, 1, 2, 3, 4];
        for cut in 1..frame.len() {
            let (mut start, mut end) = frame.split_at(cut);
            assert_eq!(deframer.next(&mut start, |_, _| true), Next::More);
            assert!(!deframer.is_idle(), "half a frame, cut at {cut}");
            assert!(matches!(deframer.next(&mut end, |_, _| true), Next::Frame { .. }));
            assert!(deframer.is_idle());
        }
        let (mut start, mut end) = frame.split_at(6);
        assert!(matches!(deframer.next(&mut start, |_, _| false), Next::Skipped { .. }));
        assert_eq!((deframer.kept(), deframer.is_idle()), (0, false), "the rest is still to be skipped");
        assert_eq!(deframer.next(&mut end, |_, _| false), Next::More);
        assert!(deframer.is_idle());
    }

    #[test]
    fn a_large_buffer_is_given_back_once_it_is_empty() {
        let mut deframer = Deframer::default();
        let frame = [&[0xff, 0xff, 1, 254][..], &[7; 65_531]].concat();
        let (start, mut end) = frame.split_at(60_000);
        assert_eq!(deframer.next(&mut &*start, |_, _| true), Next::More);
        assert_eq!(deframer.next(&mut end, |_, _| true), Next::Frame { kind: 510, body: &frame[4..] });
        assert_eq!(deframer.next(&mut end, |_, _| true), Next::More);
        assert!(deframer.buffer.capacity() <= Deframer::BUFFER_KEPT);
    }
}

//! How much is read from a connection in one turn.
//!
//! What a turn brings goes on when the turn ends. Were a thousand small frames read at once, the next process would wait
//! until all of them were dealt with here, and then this one would wait for it: one processor would work at a time.
//! Frames of 64 bytes read 16 KiB at a time go through daemons 1.2 to 1.4 times as fast as 128 KiB at a time. Large frames
//! lose by that: each would come in pieces.

/// Bytes of one turn of one connection, by the frames that came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portion(usize);

impl Portion {
    /// The smallest, and the first.
    const LEAST: usize = 16 << 10;
    /// The largest: what the buffer must hold.
    pub(crate) const MOST: usize = 128 << 10;
    /// So many frames are one turn's work.
    const FRAMES: usize = 256;

    pub(crate) const fn new() -> Self {
        Self(Self::LEAST)
    }

    pub(crate) const fn bytes(self) -> usize {
        self.0
    }

    /// So many bytes came, and completed so many frames.
    pub(crate) fn came(&mut self, bytes: usize, frames: u64) {
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        let of_such = match bytes.checked_div(frames) {
            Some(size) => size.saturating_mul(Self::FRAMES),
            // Part of a large one. Little of one says nothing.
            None if bytes >= self.0 => self.0.saturating_mul(2),
            None => self.0,
        };
        self.0 = of_such.clamp(Self::LEAST, Self::MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(came: &[(usize, u64)]) -> usize {
        let mut portion = Portion::new();
        came.iter().for_each(|&(bytes, frames)| portion.came(bytes, frames));
        portion.bytes()
    }

    #[test]
    fn it_is_as_many_bytes_as_so_many_frames_like_the_last_have_within_its_bounds() {
        assert_eq!(after(&[]), Portion::LEAST);
        assert_eq!(after(&[(16_000, 2_000)]), Portion::LEAST);
        assert_eq!(after(&[(15_200, 200)]), 76 * Portion::FRAMES);
        assert_eq!(after(&[(10_000, 40)]), 250 * Portion::FRAMES);
        assert_eq!(after(&[(15_000, 15)]), Portion::MOST);
        assert_eq!(after(&[(15_000, 15), (7_600, 100)]), 76 * Portion::FRAMES, "what came last counts");
        assert_eq!(after(&[(usize::MAX, 1)]), Portion::MOST);
        assert_eq!(after(&[(1, u64::MAX)]), Portion::LEAST);
    }

    #[test]
    fn it_grows_by_pieces_of_a_large_frame_that_fill_it() {
        let full = Portion::LEAST;
        assert_eq!(after(&[(full, 0)]), 2 * full);
        assert_eq!(after(&[(full, 0), (2 * full - 1, 0)]), 2 * full, "a piece that does not says nothing");
        assert_eq!(after(&[(full, 0), (2 * full, 0), (4 * full, 0), (8 * full, 0)]), Portion::MOST);
    }
}

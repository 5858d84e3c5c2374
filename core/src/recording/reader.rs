//! Reading a recording back.

use super::encode::{Lent, Source};
use super::{CHUNK_END, CHUNK_EVENTS, CHUNK_HEAD, CHUNK_HEADER, End, MAGIC, VERSION, checksum};
use crate::event::Timed;
use crate::settings::Settings;
use crate::time::{Duration, Instant};
use std::fmt;

/// Why bytes are not, or not wholly, a recording. Everything before the fault was read rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingError {
    /// They do not begin as a recording does.
    NotARecording,
    /// They are of another version of the format.
    Version {
        /// Which.
        found: u16,
    },
    /// They end in the middle of something: a crash, or a copy that was cut short.
    CutShort {
        /// Where the last whole chunk ends.
        at: usize,
    },
    /// They are not what was written.
    Damaged {
        /// Where the chunk begins that is damaged.
        at: usize,
    },
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording => f.write_str("not a recording"),
            Self::Version { found } => {
                write!(f, "a recording of version {found}; this program reads version {VERSION}")
            }
            Self::CutShort { at } => write!(f, "cut short: whole up to byte {at}, and no end after it"),
            Self::Damaged { at } => write!(f, "damaged at byte {at}"),
        }
    }
}

impl std::error::Error for RecordingError {}

/// The next thing in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The state was given this.
    Event(Timed<'a>),
    /// By now, all its actions have this digest.
    Check {
        /// See [`ActionDigest`](super::ActionDigest).
        digest: [u8; 32],
    },
    /// It ends here.
    End(End),
}

/// Goes through a recording, entry by entry.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Where the next chunk begins.
    at: usize,
    /// Where the current chunk begins.
    chunk_at: usize,
    chunk: Source<'a>,
    /// Events left in the current chunk; none while there is no chunk.
    left: Option<u64>,
    has_ended: bool,
    last: Instant,
    seed: [u8; 32],
    settings: Settings,
    lent: Lent,
}

impl<'a> Reader<'a> {
    /// Reads the head of a recording.
    ///
    /// # Errors
    ///
    /// Any [`RecordingError`]: without a head there is nothing to replay.
    pub fn new(bytes: &'a [u8]) -> Result<Self, RecordingError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(RecordingError::NotARecording)?;
        let version = rest.first_chunk().ok_or(RecordingError::CutShort { at: 0 })?;
        let found = u16::from_be_bytes(*version);
        if found != VERSION {
            return Err(RecordingError::Version { found });
        }
        let at = MAGIC.len().saturating_add(2);
        let (kind, payload, next) = read_chunk(bytes, at)?;
        let mut head = Source(payload);
        let damaged = RecordingError::Damaged { at };
        if kind != CHUNK_HEAD {
            return Err(damaged);
        }
        let seed = head.array().ok_or(damaged)?;
        let start = Instant::from_micros(head.number().ok_or(damaged)?);
        let settings = head.settings().filter(|_| head.0.is_empty()).ok_or(damaged)?;
        Ok(Self {
            bytes,
            at: next,
            chunk_at: next,
            chunk: Source(&[]),
            left: None,
            has_ended: false,
            last: start,
            seed,
            settings,
            lent: Lent::default(),
        })
    }

    /// What the state was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the state was made with.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// The time of the last event; before the first, the time at which the state was made.
    pub fn time(&self) -> Instant {
        self.last
    }

    /// Bytes of the recording that are read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next entry; none after the end.
    ///
    /// # Errors
    ///
    /// [`RecordingError::CutShort`] where the bytes end without an end, [`RecordingError::Damaged`] where they make no
    /// sense, also after the end. Nothing follows an error.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, RecordingError> {
        if self.has_ended {
            let is_all = self.at == self.bytes.len();
            return if is_all { Ok(None) } else { Err(RecordingError::Damaged { at: self.at }) };
        }
        let Some(left) = self.left else { return self.next_chunk() };
        let damaged = RecordingError::Damaged { at: self.chunk_at };
        if left == 0 {
            self.left = None;
            let digest = self.chunk.array().filter(|_| self.chunk.0.is_empty()).ok_or(damaged)?;
            return Ok(Some(Entry::Check { digest }));
        }
        self.left = Some(left.saturating_sub(1));
        let pause = Duration::from_micros(self.chunk.number().ok_or(damaged)?);
        self.last = self.last.after(pause);
        let event = self.chunk.event(&mut self.lent).ok_or(damaged)?;
        Ok(Some(Entry::Event(Timed { at: self.last, event })))
    }

    fn next_chunk(&mut self) -> Result<Option<Entry<'_>>, RecordingError> {
        let at = self.at;
        let (kind, payload, next) = read_chunk(self.bytes, at)?;
        let damaged = RecordingError::Damaged { at };
        (self.chunk_at, self.at) = (at, next);
        match (kind, payload) {
            (CHUNK_EVENTS, payload) => {
                self.chunk = Source(payload);
                self.left = Some(self.chunk.number().ok_or(damaged)?);
                self.next()
            }
            (CHUNK_END, [why]) => {
                self.has_ended = true;
                let end = match why {
                    0 => End::Finished,
                    1 => End::Limit,
                    _ => return Err(damaged),
                };
                Ok(Some(Entry::End(end)))
            }
            _ => Err(damaged),
        }
    }
}

/// The chunk that begins at `at`: its kind, its payload, and where the next begins.
fn read_chunk(bytes: &[u8], at: usize) -> Result<(u8, &[u8], usize), RecordingError> {
    let cut_short = RecordingError::CutShort { at };
    let mut source = Source(bytes.get(at..).ok_or(cut_short)?);
    let kind = source.u8().ok_or(cut_short)?;
    let len = source.array().map(u32::from_be_bytes).ok_or(cut_short)?;
    let len = usize::try_from(len).map_err(|_| cut_short)?;
    let sum: [u8; 8] = source.array().ok_or(cut_short)?;
    let payload = source.take(len).ok_or(cut_short)?;
    if checksum(kind, payload) != sum && !planted!(ChecksumNotCompared) {
        return Err(RecordingError::Damaged { at });
    }
    Ok((kind, payload, at.saturating_add(CHUNK_HEADER).saturating_add(len)))
}

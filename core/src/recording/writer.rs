//! Making a recording.

use super::encode::Sink;
use super::{ActionDigest, CHUNK_END, CHUNK_EVENTS, CHUNK_HEAD, End, MAGIC, VERSION, checksum};
use crate::action::Action;
use crate::event::Event;
use crate::settings::Settings;
use crate::time::Instant;

/// Turns what a state is given and what it does into bytes.
///
/// ```
/// use gossip_core::recording::{End, Entry, Reader, Recorder};
/// use gossip_core::{Addresses, Event, GossipState, Settings, time::Instant};
/// let settings = Settings::new(50, 4, Addresses::of("127.0.0.1:6001".parse().unwrap()));
/// let mut state = GossipState::new(settings.clone(), [7; 32], Instant::ZERO).unwrap();
/// let (mut recorder, mut bytes) = Recorder::new(&settings, [7; 32], Instant::ZERO);
/// let mut actions = Vec::new();
/// recorder.event(Instant::ZERO, &Event::Timer);
/// state.handle(Instant::ZERO, Event::Timer, &mut actions);
/// recorder.actions(&actions);
/// bytes.extend(recorder.end(End::Finished));
///
/// let mut reader = Reader::new(&bytes).unwrap();
/// assert_eq!(reader.settings(), &settings);
/// assert!(matches!(reader.next().unwrap(), Some(Entry::Event(timed)) if timed.event == Event::Timer));
/// ```
#[derive(Debug)]
pub struct Recorder {
    events: Sink,
    count: u64,
    last: Instant,
    digest: ActionDigest,
}

impl Recorder {
    /// A recording of a state that was made with these, and its first bytes.
    pub fn new(settings: &Settings, seed: [u8; 32], start: Instant) -> (Self, Vec<u8>) {
        let mut head = Sink::default();
        head.raw(&seed);
        head.number(start.as_micros());
        head.settings(settings);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(chunk(CHUNK_HEAD, &head.0));
        (Self { events: Sink::default(), count: 0, last: start, digest: ActionDigest::default() }, bytes)
    }

    /// An event, before the state handles it.
    pub fn event(&mut self, at: Instant, event: &Event<'_>) {
        self.events.number(at.since(self.last).as_micros());
        self.last = self.last.max(at);
        self.events.event(event);
        self.count = self.count.saturating_add(1);
    }

    /// What the state did about it.
    pub fn actions(&mut self, actions: &[Action]) {
        actions.iter().for_each(|action| self.digest.add(action));
    }

    /// Bytes that would be lost in a crash: those since the last [`flush`](Self::flush).
    pub fn unflushed(&self) -> usize {
        self.events.0.len()
    }

    /// The bytes of everything since the last time, to be written down now. Empty if nothing happened.
    pub fn flush(&mut self) -> Vec<u8> {
        if self.count == 0 {
            return Vec::new();
        }
        let mut payload = Sink::default();
        payload.number(self.count);
        payload.raw(&self.events.0);
        payload.raw(&self.digest.value());
        self.count = 0;
        self.events.0.clear();
        chunk(CHUNK_EVENTS, &payload.0)
    }

    /// The last bytes: what is not flushed yet, and why the recording ends.
    pub fn end(&mut self, end: End) -> Vec<u8> {
        let mut bytes = self.flush();
        let why = match end {
            End::Finished => 0,
            End::Limit => 1,
        };
        bytes.extend(chunk(CHUNK_END, &[why]));
        bytes
    }
}

fn chunk(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    // A chunk holds what happened between two flushes: never near four gibibytes, and damaged if it were.
    bytes.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(checksum(kind, payload));
    bytes.extend(payload);
    bytes
}

/// A recording of these chunks, whatever is in them, as if they had been written so: a fuzzer does not find checksums.
#[cfg(feature = "fuzzing")]
pub(crate) fn sealed<'a>(chunks: impl Iterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_be_bytes());
    chunks.for_each(|(kind, payload)| bytes.extend(chunk(kind, payload)));
    bytes
}

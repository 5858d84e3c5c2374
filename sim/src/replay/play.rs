//! Feeding a recording to a fresh state, and comparing what it does with what was done.

use gossip_core::recording::{ActionDigest, End, Entry, Reader, RecordingError};
use gossip_core::time::Duration;
use gossip_core::{Action, Actions, Event, GossipState, Settings};
use std::fmt;
use std::ops::ControlFlow;

/// One event and what the state did about it.
#[derive(Clone, Copy)]
pub struct Happened<'a> {
    /// The event's number, from 1.
    pub number: u64,
    /// Since the state was made.
    pub at: Duration,
    /// What the state was given.
    pub event: &'a Event<'a>,
    /// What it did about it.
    pub actions: &'a [Action],
    /// The state afterwards.
    pub state: &'a GossipState,
    /// Bytes of the recording that are read so far.
    pub read: usize,
}

/// Why a replay went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The recorded node was shut down.
    Finished,
    /// The recording had reached its size limit.
    Limit,
    /// Whoever asked for the replay wanted no more of it.
    Stopped,
    /// The recording is whole up to this byte, and has no end.
    CutShort {
        /// Where its last whole chunk ends.
        at: usize,
    },
    /// The recording is not what was written.
    Damaged {
        /// Where the chunk begins that is damaged.
        at: usize,
    },
}

/// The state did something else than the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Up to this event, all was the same; 0 if nothing is known to be.
    pub after: u64,
    /// By this event, something was different.
    pub by: u64,
    /// The digest of all actions as recorded.
    pub recorded: [u8; 32],
    /// The digest of all actions now.
    pub replayed: [u8; 32],
}

/// What a replay showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Events that the state was given.
    pub events: u64,
    /// Digests compared and found the same.
    pub checks: u64,
    /// Events up to the last digest that was the same.
    pub proven: u64,
    /// From the making of the state to the last event.
    pub lasted: Duration,
    /// Why it went no further. [`Ending::Stopped`] at a difference.
    pub ending: Ending,
    /// The first difference, if there is one.
    pub difference: Option<Difference>,
}

/// Why there is nothing to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The recording has no head that makes sense.
    Recording(RecordingError),
    /// This program's state refuses the settings that the recorded one accepted.
    Settings(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recording(error) => error.fmt(f),
            Self::Settings(error) => write!(f, "this program refuses the recorded settings: {error}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A recording whose head is read.
pub struct Replay<'a> {
    reader: Reader<'a>,
    state: GossipState,
}

impl<'a> Replay<'a> {
    /// Makes the state that the recording begins with.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn new(recording: &'a [u8]) -> Result<Self, Refusal> {
        let reader = Reader::new(recording).map_err(Refusal::Recording)?;
        let state = GossipState::new(reader.settings().clone(), reader.seed(), reader.time())
            .map_err(|error| Refusal::Settings(error.to_string()))?;
        Ok(Self { reader, state })
    }

    /// What the recorded node was made with.
    pub fn settings(&self) -> &Settings {
        self.reader.settings()
    }

    /// The state, as far as the replay has come.
    pub fn state(&self) -> &GossipState {
        &self.state
    }

    /// Replays all of it, or up to a time since the start, or until the watcher breaks off.
    pub fn run(&mut self, until: Option<Duration>, mut watch: impl FnMut(&Happened<'_>) -> ControlFlow<()>) -> Outcome {
        let start = self.reader.time();
        let (mut digest, mut actions) = (ActionDigest::default(), Actions::new());
        let mut outcome = Outcome {
            events: 0,
            checks: 0,
            proven: 0,
            lasted: Duration::ZERO,
            ending: Ending::Stopped,
            difference: None,
        };
        let mut end = Ending::Stopped;
        loop {
            let read = self.reader.position();
            match self.reader.next() {
                Ok(Some(Entry::Event(timed))) => {
                    let at = timed.at.since(start);
                    if until.is_some_and(|until| at > until) {
                        return outcome;
                    }
                    outcome.events += 1;
                    outcome.lasted = at;
                    actions.clear();
                    self.state.handle(timed.at, timed.event.clone(), &mut actions);
                    actions.iter().for_each(|action| digest.add(action));
                    let (number, state) = (outcome.events, &self.state);
                    let happened = Happened { number, at, event: &timed.event, actions: &actions, state, read };
                    if watch(&happened).is_break() {
                        return outcome;
                    }
                }
                Ok(Some(Entry::Check { digest: recorded })) => {
                    let replayed = digest.value();
                    if recorded != replayed {
                        let (after, by) = (outcome.proven, outcome.events);
                        outcome.difference = Some(Difference { after, by, recorded, replayed });
                        return outcome;
                    }
                    outcome.checks += 1;
                    outcome.proven = outcome.events;
                }
                // It may be that more follows.
                Ok(Some(Entry::End(End::Finished))) => end = Ending::Finished,
                Ok(Some(Entry::End(End::Limit))) => end = Ending::Limit,
                Ok(None) => outcome.ending = end,
                Err(RecordingError::CutShort { at }) => outcome.ending = Ending::CutShort { at },
                // The head was read: what is wrong now is damage, whatever it looks like.
                Err(RecordingError::Damaged { at }) => outcome.ending = Ending::Damaged { at },
                Err(RecordingError::NotARecording | RecordingError::Version { .. }) => {
                    outcome.ending = Ending::Damaged { at: read };
                }
            }
            if outcome.ending != Ending::Stopped {
                return outcome;
            }
        }
    }
}

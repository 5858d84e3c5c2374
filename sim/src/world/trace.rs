//! A peer's life as a recording: the same bytes that a daemon would have written.

use gossip_core::recording::{End, Recorder};
use gossip_core::time::Instant;
use gossip_core::{Action, Event, Settings};

/// Unwritten bytes are put away at about this size.
const FLUSH: usize = 64 << 10;

/// What one peer lived through: one recording for each time that it was started.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) peer: u32,
    recorder: Option<Recorder>,
    lives: Vec<Vec<u8>>,
}

impl Trace {
    pub(super) fn of(peer: u32) -> Self {
        Self { peer, recorder: None, lives: Vec::new() }
    }

    pub(super) fn starts(&mut self, settings: &Settings, seed: [u8; 32], at: Instant) {
        let (recorder, head) = Recorder::new(settings, seed, at);
        self.recorder = Some(recorder);
        self.lives.push(head);
    }

    pub(super) fn event(&mut self, at: Instant, event: &Event<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.event(at, event);
        }
    }

    pub(super) fn actions(&mut self, actions: &[Action]) {
        if let (Some(recorder), Some(life)) = (&mut self.recorder, self.lives.last_mut()) {
            recorder.actions(actions);
            if recorder.unflushed() > FLUSH {
                life.extend(recorder.flush());
            }
        }
    }

    pub(super) fn ends(&mut self) {
        if let (Some(mut recorder), Some(life)) = (self.recorder.take(), self.lives.last_mut()) {
            life.extend(recorder.end(End::Finished));
        }
    }

    pub(super) fn into_lives(mut self) -> Vec<Vec<u8>> {
        self.ends();
        self.lives
    }
}

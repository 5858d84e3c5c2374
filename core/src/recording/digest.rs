//! A running digest of all that a state did: two runs with the same digest did the same, byte for byte.

use super::encode::Sink;
use crate::action::{Action, Flush};
use crate::pow::Target;
use sha2::{Digest, Sha256};
use std::fmt;

/// See the module. Depends on the actions and their order, not on how calls divided them.
#[derive(Clone, Default)]
pub struct ActionDigest {
    hasher: Sha256,
    actions: u64,
}

impl ActionDigest {
    /// Takes one action in.
    pub fn add(&mut self, action: &Action) {
        let mut sink = Sink::default();
        match action {
            Action::Dial { connection, to, from } => {
                sink.u8(0);
                sink.id(*connection);
                sink.address(*to);
                match from {
                    Some(ip) => sink.ip(*ip),
                    None => sink.u8(0),
                }
            }
            Action::Send { connection, frame } => {
                sink.u8(1);
                sink.id(*connection);
                sink.number(frame.len() as u64);
                self.hasher.update(&sink.0);
                frame.parts().into_iter().for_each(|part| self.hasher.update(part));
                sink.0.clear();
            }
            Action::Close { connection, flush } => {
                sink.u8(match flush {
                    Flush::First => 2,
                    Flush::Discard => 3,
                });
                sink.id(*connection);
            }
            Action::StopReading { connection } => {
                sink.u8(4);
                sink.id(*connection);
            }
            Action::ResumeReading { connection } => {
                sink.u8(5);
                sink.id(*connection);
            }
            Action::Solve { connection, puzzle, start } => {
                sink.u8(6);
                sink.id(*connection);
                sink.number(puzzle.nonce);
                match puzzle.target {
                    Target::ZeroBits(bits) => sink.u8(bits),
                    Target::AsciiZeros => sink.u8(u8::MAX),
                }
                sink.number(*start);
            }
            Action::CancelSolve { connection } => {
                sink.u8(7);
                sink.id(*connection);
            }
            Action::Resolve { query, host, port } => {
                sink.u8(8);
                sink.number(query.0);
                sink.bytes(host.as_bytes());
                sink.number(u64::from(*port));
            }
            Action::Note(note) => {
                // What a note says is all that it is.
                sink.u8(9);
                sink.bytes(note.kind().as_bytes());
                sink.bytes(note.to_string().as_bytes());
            }
        }
        self.hasher.update(&sink.0);
        self.actions = self.actions.saturating_add(1);
    }

    /// How many actions it has taken in.
    pub fn actions(&self) -> u64 {
        self.actions
    }

    /// The digest as of now.
    pub fn value(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }
}

impl fmt::Debug for ActionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActionDigest({self}, {} actions)", self.actions)
    }
}

impl fmt::Display for ActionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

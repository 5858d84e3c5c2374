//! A byte at a time, never a whole frame: before the handshake and after it.

use super::{Crew, Script, Stage};

/// A PEER NOTIFICATION of the greatest size: its first bytes.
const LONG: [u8; 4] = [255, 255, 1, 255];
/// A HELLO that claims 240 bytes, its header: the longest frame that is kept before the handshake has 256 (a longer one is
/// skipped as it comes), and a byte a second completes it long after `hello_timeout`.
const HELLO: [u8; 4] = [0, 240, 1, 252];

pub(super) struct Drip;

impl Script for Drip {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.at_stage(Stage::Open).into_iter().chain(crew.members()) {
            crew.raw(link, vec![1]);
        }
    }

    fn connected(&mut self, crew: &mut Crew, link: u32) {
        if link.is_multiple_of(2) {
            crew.raw(link, HELLO.to_vec());
        } else {
            crew.say_hello(link);
            // What comes on a connection before its handshake is over must be what the handshake wants.
            if let Some(state) = crew.link_mut(link) {
                state.stage = Stage::Waiting;
            }
        }
    }

    fn joined(&mut self, crew: &mut Crew, link: u32) {
        crew.raw(link, LONG.to_vec());
    }
}

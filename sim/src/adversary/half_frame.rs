//! Half a frame, and silence.

use super::{Crew, Script};

/// HELLO has ten bytes.
const HALF: [u8; 5] = [0, 10, 1, 252, 48];

pub(super) struct HalfFrame;

impl Script for HalfFrame {
    fn act(&mut self, crew: &mut Crew) {
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    fn connected(&mut self, crew: &mut Crew, link: u32) {
        crew.raw(link, HALF.to_vec());
    }
}

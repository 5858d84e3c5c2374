//! Random bytes after a good handshake.

use super::{Crew, Script};

pub(super) struct Garbage;

impl Script for Garbage {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            let mut bytes = vec![0; crew.plan().size as usize];
            crew.rng.fill(&mut bytes);
            crew.raw(link, bytes);
        }
    }
}

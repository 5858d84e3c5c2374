//! Neighbours that never read.

use super::{Crew, Script};

pub(super) struct SlowReader;

impl Script for SlowReader {
    fn joined(&mut self, crew: &mut Crew, link: u32) {
        crew.stop_reading(link);
    }
}

//! Whoever dials is asked for one proof of work after the other.

use super::{Crew, Script, Stage};

/// So many questions at once.
const AT_ONCE: usize = 8;

pub(super) struct Challenges;

impl Script for Challenges {
    fn act(&mut self, crew: &mut Crew) {
        // Those who wait for their answer get another question, and so do those who never asked to be let in.
        for link in crew.at_stage(Stage::Waiting).into_iter().chain(crew.members()) {
            crew.ask_again(link);
        }
    }

    fn greeted(&mut self, crew: &mut Crew, link: u32) {
        for _ in 0..AT_ONCE {
            crew.challenge(link);
        }
    }

    /// Nobody is ever let in.
    fn answered(&mut self, crew: &mut Crew, link: u32) -> bool {
        crew.ask_again(link);
        false
    }
}

//! More messages than anybody has to say, each of them good.

use super::{Crew, Script};

pub(super) struct Flood;

impl Script for Flood {
    fn act(&mut self, crew: &mut Crew) {
        crew.members().into_iter().for_each(|link| crew.make_up(link, true));
    }
}

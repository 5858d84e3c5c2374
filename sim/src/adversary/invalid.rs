//! Messages that every module refuses: whoever relayed one would look guilty.

use super::{Crew, Script};

pub(super) struct Invalid;

impl Script for Invalid {
    fn act(&mut self, crew: &mut Crew) {
        crew.members().into_iter().for_each(|link| crew.make_up(link, false));
    }
}

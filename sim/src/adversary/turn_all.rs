//! Every neighbour told, again and again, to send offers only, or everything in full.

use super::{Crew, Script};
use gossip_core::wire::{Features, Tree, TreeAction};

pub(super) struct TurnAll(pub(super) TreeAction);

impl TurnAll {
    fn turn(&self, crew: &mut Crew, link: u32) {
        let data_type = crew.plan().data_type;
        super::say(crew, link, &Tree::turn(self.0, data_type));
    }
}

impl Script for TurnAll {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            self.turn(crew, link);
        }
    }

    fn features(&self) -> Option<Features> {
        Some(Features::REPAIR.with(Features::TREE))
    }

    fn joined(&mut self, crew: &mut Crew, link: u32) {
        super::want_everything(crew, link);
        self.turn(crew, link);
    }
}

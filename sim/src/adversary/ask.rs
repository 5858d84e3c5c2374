//! Small questions with long answers.

use super::{Crew, Script};
use gossip_core::wire::{Features, PeerMessage};

pub(super) struct Ask;

impl Script for Ask {
    fn act(&mut self, crew: &mut Crew) {
        crew.members().into_iter().for_each(|link| crew.send(link, &PeerMessage::PeerRequest));
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    /// Every second one only looks up.
    fn connected(&mut self, crew: &mut Crew, link: u32) {
        if link.is_multiple_of(2) {
            crew.introduce(link, Features::LOOK_UP);
        } else {
            crew.say_hello(link);
        }
    }
}

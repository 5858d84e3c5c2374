//! First the fastest way for everything, so that others turn away; then offers of what never comes.

use super::{Crew, Script};
use gossip_core::wire::{Digest, Features, Offer, PeerMessage, Tree};

/// It is honest for so many acts, and false for as many.
const TURNS: u32 = 5;

#[derive(Default)]
pub(super) struct FalseParent {
    acts: u32,
}

impl Script for FalseParent {
    fn act(&mut self, _crew: &mut Crew) {
        self.acts = self.acts.wrapping_add(1);
    }

    fn features(&self) -> Option<Features> {
        Some(Features::REPAIR.with(Features::TREE))
    }

    fn joined(&mut self, crew: &mut Crew, link: u32) {
        super::want_everything(crew, link);
    }

    fn heard(&mut self, crew: &mut Crew, _link: u32, message: &PeerMessage<'_>) {
        let PeerMessage::PeerNotification { ttl, id, data_type, data } = *message else { return };
        if !crew.is_news(data) {
            return;
        }
        let is_false = self.acts / TURNS % 2 == 1;
        let digest: Digest = super::digest_of(id, data_type, data);
        let ttl = ttl.saturating_sub(1);
        for link in crew.members() {
            if is_false {
                super::say(crew, link, &Tree::frame_of(data_type, &[Offer { digest, age: 1 }]));
            } else {
                crew.send(link, &PeerMessage::PeerNotification { ttl, id, data_type, data });
            }
        }
    }
}

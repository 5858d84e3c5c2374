//! Everything that was offered, asked for again and again.

use super::{Crew, Script};
use gossip_core::wire::{Digest, Digests, Features, PeerMessage};
use std::collections::BTreeMap;

/// So many are kept for each connection.
const KEPT: usize = 512;

#[derive(Default)]
pub(super) struct AskAgain {
    offered: BTreeMap<u32, Vec<Digest>>,
}

fn ask(crew: &mut Crew, link: u32, digests: &[Digest]) {
    super::say(crew, link, &Digests::frame_of(digests));
}

impl Script for AskAgain {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            if let Some(offered) = self.offered.get(&link) {
                ask(crew, link, offered);
            }
        }
    }

    fn features(&self) -> Option<Features> {
        Some(Features::REPAIR)
    }

    fn joined(&mut self, crew: &mut Crew, link: u32) {
        super::want_everything(crew, link);
    }

    fn heard(&mut self, crew: &mut Crew, link: u32, message: &PeerMessage<'_>) {
        if let PeerMessage::IHave(offers) = message {
            let digests: Vec<Digest> = offers.iter().map(|offer| offer.digest).collect();
            let kept = self.offered.entry(link).or_default();
            kept.extend(&digests);
            kept.truncate(KEPT);
            ask(crew, link, &digests);
            ask(crew, link, &digests);
        }
    }
}

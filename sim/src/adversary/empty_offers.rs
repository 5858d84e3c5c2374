//! Offers of messages that never come, in both ways to offer: of what is heard, before anybody else can offer it, and of
//! what there is not.

use super::{Crew, Script};
use gossip_core::wire::{Digest, Features, Offer, Offers, PeerMessage, Tree};

pub(super) struct EmptyOffers;

fn offer(crew: &mut Crew, link: u32, digests: &[Digest]) {
    let offers: Vec<Offer> = digests.iter().map(|digest| Offer { digest: *digest, age: 1 }).collect();
    super::say(crew, link, &Offers::frame_of(&offers));
    super::say(crew, link, &Tree::frame_of(crew.plan().data_type, &offers));
}

impl Script for EmptyOffers {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            let digests: Vec<Digest> = (0..64).map(|_| crew.rng.bits()).collect();
            offer(crew, link, &digests);
        }
    }

    fn features(&self) -> Option<Features> {
        Some(Features::REPAIR.with(Features::TREE))
    }

    fn heard(&mut self, crew: &mut Crew, _link: u32, message: &PeerMessage<'_>) {
        if let PeerMessage::PeerNotification { id, data_type, data, .. } = message
            && crew.is_news(data)
        {
            let digest = super::digest_of(*id, *data_type, data);
            crew.members().into_iter().for_each(|link| offer(crew, link, &[digest]));
        }
    }
}

//! Offers of messages that never come: of what is heard, before anybody else can offer it, and of what there is not.

use super::{Crew, Script};
use gossip_core::wire::{Digest, Features, Offer, Offers, PeerMessage, kind};

pub(super) struct EmptyOffers;

fn offer(crew: &mut Crew, link: u32, digests: &[Digest]) {
    let offers: Vec<Offer> = digests.iter().map(|digest| Offer { digest: *digest, age: 1 }).collect();
    let frame = Offers::frame_of(&offers).to_vec();
    if let Ok(message) = PeerMessage::decode(kind::IHAVE, &frame[4..]) {
        crew.send(link, &message);
    }
}

/// As PROTOCOL.md has it, section 12.
fn digest_of(id: u16, data_type: u16, data: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let head = [id.to_be_bytes(), data_type.to_be_bytes()].concat();
    let hash = Sha256::new().chain_update(head).chain_update(data).finalize();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

impl Script for EmptyOffers {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            let digests: Vec<Digest> = (0..64).map(|_| crew.rng.bits()).collect();
            offer(crew, link, &digests);
        }
    }

    fn connected(&mut self, crew: &mut Crew, link: u32) {
        crew.introduce(link, Features::URGENT.with(Features::REPAIR));
        crew.say_hello(link);
    }

    fn greeted(&mut self, crew: &mut Crew, link: u32) {
        crew.introduce(link, Features::REPAIR);
        crew.challenge(link);
    }

    fn heard(&mut self, crew: &mut Crew, _link: u32, message: &PeerMessage<'_>) {
        if let PeerMessage::PeerNotification { id, data_type, data, .. } = message
            && crew.is_news(data)
        {
            let digest = digest_of(*id, *data_type, data);
            crew.members().into_iter().for_each(|link| offer(crew, link, &[digest]));
        }
    }
}

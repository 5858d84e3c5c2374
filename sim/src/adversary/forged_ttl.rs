//! What is heard is passed on at once with a ttl that would end it, or that would never end.

use super::{Crew, Script};
use gossip_core::wire::PeerMessage;

pub(super) struct ForgedTtl;

impl Script for ForgedTtl {
    fn heard(&mut self, crew: &mut Crew, link: u32, message: &PeerMessage<'_>) {
        let PeerMessage::PeerNotification { id, data_type, data, .. } = message else { return };
        if !crew.is_news(data) {
            return;
        }
        let ttl = [0, 1, 0, 255][crew.rng.index(4)];
        for member in crew.members().into_iter().filter(|member| *member != link) {
            crew.spread(member, ttl, *id, *data_type, data);
        }
    }
}

//! Other data under the same id: who knew messages by their ids alone would lose the true ones.

use super::{Crew, Script};
use gossip_core::wire::PeerMessage;

pub(super) struct Collide;

impl Script for Collide {
    fn heard(&mut self, crew: &mut Crew, link: u32, message: &PeerMessage<'_>) {
        let PeerMessage::PeerNotification { ttl, id, data_type, data } = message else { return };
        if !crew.is_news(data) {
            return;
        }
        let other = crew.message(true);
        for member in crew.members().into_iter().filter(|member| *member != link) {
            crew.spread(member, *ttl, *id, *data_type, &other);
        }
    }
}

//! Many paid identities around each peer, which name only each other and forward nothing.

use super::{Crew, Script};
use gossip_core::wire::PeerMessage;

pub(super) struct Eclipse;

impl Script for Eclipse {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            let address = crew.lure();
            crew.send(link, &PeerMessage::Push { ttl: 5, address });
        }
    }
}

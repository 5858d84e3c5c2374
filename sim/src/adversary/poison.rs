//! Addresses that lead nowhere, to the attacker, or to a victim.

use super::{Crew, Script};
use gossip_core::wire::PeerMessage;

/// Hops: as many as there are.
const TTL: u16 = u16::MAX;

pub(super) struct Poison;

impl Script for Poison {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            let address = crew.lure();
            crew.send(link, &PeerMessage::Push { ttl: TTL, address });
        }
    }
}

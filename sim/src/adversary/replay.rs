//! Old notifications once more, as they were or under another id.

use super::{Crew, Deed, Script};
use crate::workload;
use gossip_core::wire::PeerMessage;

/// So many are kept.
const KEPT: usize = 1_000;

#[derive(Default)]
pub(super) struct Replay {
    heard: Vec<(u16, u16, Vec<u8>)>,
    sent: u64,
}

impl Script for Replay {
    fn act(&mut self, crew: &mut Crew) {
        for link in crew.members() {
            if self.heard.is_empty() {
                return;
            }
            let (id, data_type, data) = &self.heard[crew.rng.index(self.heard.len())];
            self.sent += 1;
            let mut id = *id;
            if self.sent.is_multiple_of(4)
                && let Some((number, _)) = workload::read(data)
            {
                id = id.wrapping_add(1 + u16::try_from(self.sent % 1_000).unwrap_or(0));
                crew.deeds.push(Deed::Forged(number));
            }
            crew.spread(link, 255, id, *data_type, data);
        }
    }

    fn heard(&mut self, _crew: &mut Crew, _link: u32, message: &PeerMessage<'_>) {
        if let PeerMessage::PeerNotification { id, data_type, data, .. } = message {
            let known = (*id, *data_type, data.to_vec());
            if self.heard.len() < KEPT && !self.heard.contains(&known) {
                self.heard.push(known);
            }
        }
    }
}

//! Neighbours that a peer chose are never displaced by ones that chose it (section 4).

use super::Broken;
use crate::network::EndId;
use gossip_core::wire::{Frame, GoodbyeReason, PeerMessage};

/// A peer says goodbye through `end`. A neighbour that it dialed is one that it chose.
pub(super) fn check(end: EndId, frame: &Frame) -> Result<(), Broken> {
    let bytes = frame.to_vec();
    match PeerMessage::decode(frame.kind(), &bytes[4..]) {
        Ok(PeerMessage::Goodbye { reason: GoodbyeReason::Evicted }) if end.is_dialer() => {
            Err(("no neighbour that was chosen is displaced", "evicts one that it dialed".to_owned()))
        }
        _ => Ok(()),
    }
}

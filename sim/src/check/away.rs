//! Who was evicted or refused stays away for a minute (section 4).

use super::Broken;
use crate::network::EndId;
use gossip_core::limits::REFUSED_TIME;
use gossip_core::wire::{Frame, GoodbyeReason, PeerMessage};
use std::collections::BTreeMap;

/// Who was sent away by whom, and when, as long as it matters.
#[derive(Debug, Default)]
pub struct Away {
    sent: BTreeMap<(u32, u32), u64>,
    /// The end through which somebody said GOODBYE last.
    left: Option<EndId>,
}

impl Away {
    /// A peer says GOODBYE through `end`: what comes there is not listened to any more.
    pub(super) fn leaves(&mut self, end: EndId) {
        self.left = Some(end);
    }

    /// A peer has heard a GOODBYE of another at `end`, and has no other connection with it: else they may be neighbours
    /// all the same.
    pub(super) fn hears(&mut self, now: u64, (peer, end): (u32, EndId), by: u32, frame: &Frame) {
        if self.left == Some(end) {
            return;
        }
        let bytes = frame.to_vec();
        if let Ok(PeerMessage::Goodbye { reason: GoodbyeReason::Evicted | GoodbyeReason::ViewFull }) =
            PeerMessage::decode(frame.kind(), &bytes[4..])
        {
            self.sent.insert((peer, by), now);
        }
    }

    /// A peer says HELLO on a connection that it dialed at `dialed`. Its clock may be off by `drift_ppm`.
    pub(super) fn returns(&self, dialed: u64, peer: u32, to: u32, drift_ppm: u64) -> Result<(), Broken> {
        let span = REFUSED_TIME.as_micros();
        let least = span - span / 1_000_000 * drift_ppm.min(1_000_000);
        match self.sent.get(&(peer, to)) {
            Some(&sent) if sent < dialed && dialed - sent < least => {
                let detail = format!("dials peer {to}, which sent it away {} us before", dialed - sent);
                Err(("who was sent away stays away", detail))
            }
            _ => Ok(()),
        }
    }

    /// It was let in again.
    pub(super) fn is_back(&mut self, peer: u32, by: u32) {
        self.sent.remove(&(peer, by));
    }

    /// A peer remembers nothing any more.
    pub(super) fn forget(&mut self, peer: u32) {
        self.sent.retain(|(sent, _), _| *sent != peer);
    }

    /// What matters no more is forgotten.
    pub(super) fn expire(&mut self, now: u64) {
        self.sent.retain(|_, sent| *sent + REFUSED_TIME.as_micros() > now);
    }
}

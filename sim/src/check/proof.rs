//! Nobody who dialed enters a view without proof of work (section 3).

use crate::network::EndId;
use gossip_core::pow::{Puzzle, Target};
use gossip_core::wire::{Frame, PeerMessage};

pub(super) const PROPERTY: &str = "nobody who dialed enters a view without proof of work";

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    nonce: Option<u64>,
    proved: bool,
}

/// What was asked and answered, a link.
#[derive(Debug, Default)]
pub struct Proofs(Vec<Link>);

impl Proofs {
    fn link(&mut self, end: EndId) -> &mut Link {
        let link = end.index() / 2;
        if self.0.len() <= link {
            self.0.resize(link + 1, Link::default());
        }
        &mut self.0[link]
    }

    pub(super) fn forget(&mut self, end: EndId) {
        *self.link(end) = Link::default();
    }

    /// 506 was sent.
    pub(super) fn asked(&mut self, end: EndId, frame: &Frame) {
        let bytes = frame.to_vec();
        if let Ok(PeerMessage::VerificationRequest { nonce }) = PeerMessage::decode(frame.kind(), &bytes[4..]) {
            self.link(end).nonce = Some(nonce);
        }
    }

    /// 507 was received.
    pub(super) fn answered(&mut self, end: EndId, frame: &Frame, target: Target) {
        let bytes = frame.to_vec();
        let link = self.link(end);
        if let Ok(PeerMessage::VerificationResponse { nonce, challenge, .. }) =
            PeerMessage::decode(frame.kind(), &bytes[4..])
            && link.nonce == Some(nonce)
            && (Puzzle { nonce, target }).accepts(challenge)
        {
            link.proved = true;
        }
    }

    pub(super) fn is_proved(&self, end: EndId) -> bool {
        self.0.get(end.index() / 2).is_some_and(|link| link.proved)
    }
}

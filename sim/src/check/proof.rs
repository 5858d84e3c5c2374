//! Nobody who dialed enters a view without proof of work, and each is asked with a nonce of its own (section 3).

use super::Broken;
use crate::network::EndId;
use gossip_core::pow::Target;
use gossip_core::wire::{Frame, PeerMessage};
use sha2::{Digest, Sha256};

pub(super) const PROPERTY: &str = "nobody who dialed enters a view without proof of work";

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    nonce: Option<u64>,
    proved: bool,
}

/// What was asked and answered, a link, and with which nonce each peer asked last.
#[derive(Debug, Default)]
pub struct Proofs {
    links: Vec<Link>,
    last: Vec<Option<u64>>,
}

impl Proofs {
    fn link(&mut self, end: EndId) -> &mut Link {
        let link = end.index() / 2;
        if self.links.len() <= link {
            self.links.resize(link + 1, Link::default());
        }
        &mut self.links[link]
    }

    pub(super) fn forget(&mut self, end: EndId) {
        *self.link(end) = Link::default();
    }

    /// 506 was sent. Nobody draws the same 64 bits twice in a row.
    pub(super) fn asked(&mut self, peer: u32, end: EndId, frame: &Frame) -> Result<(), Broken> {
        let bytes = frame.to_vec();
        let Ok(PeerMessage::VerificationRequest { nonce }) = PeerMessage::decode(frame.kind(), &bytes[4..]) else {
            return Ok(());
        };
        self.link(end).nonce = Some(nonce);
        let peer = peer as usize;
        if self.last.len() <= peer {
            self.last.resize(peer + 1, None);
        }
        match self.last[peer].replace(nonce) {
            Some(before) if before == nonce => {
                Err(("a nonce is used once", format!("asks with {nonce:016x} once more")))
            }
            _ => Ok(()),
        }
    }

    /// 507 was received.
    pub(super) fn answered(&mut self, end: EndId, frame: &Frame, target: Target) {
        let bytes = frame.to_vec();
        let link = self.link(end);
        if let Ok(PeerMessage::VerificationResponse { nonce, challenge, .. }) =
            PeerMessage::decode(frame.kind(), &bytes[4..])
            && link.nonce == Some(nonce)
            && is_proof(nonce, challenge, target)
        {
            link.proved = true;
        }
    }

    pub(super) fn is_proved(&self, end: EndId) -> bool {
        self.links.get(end.index() / 2).is_some_and(|link| link.proved)
    }
}

/// Section 2, without the core's help.
fn is_proof(nonce: u64, challenge: u64, target: Target) -> bool {
    let hash = Sha256::new().chain_update(nonce.to_be_bytes()).chain_update(challenge.to_be_bytes()).finalize();
    match target {
        Target::ZeroBits(bits) => {
            let zeros = hash.iter().take_while(|&&byte| byte == 0).count();
            let rest = hash.get(zeros).map_or(0, |byte| byte.leading_zeros());
            8 * zeros + rest as usize >= usize::from(bits)
        }
        Target::AsciiZeros => hash.starts_with(b"000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::pow::Puzzle;

    #[test]
    fn a_proof_is_what_section_2_says_and_nothing_with_a_bit_less() {
        assert!(is_proof(0, 6_049_217, Target::AsciiZeros) && !is_proof(0, 6_049_216, Target::AsciiZeros));
        for bits in 1..=12 {
            let found = Puzzle { nonce: 5, target: Target::ZeroBits(bits) }.search(0, 1 << 20).unwrap();
            assert!(is_proof(5, found, Target::ZeroBits(bits)), "{bits} bits");
            assert!((0..found).all(|challenge| !is_proof(5, challenge, Target::ZeroBits(bits))), "{bits} bits");
        }
        assert!(is_proof(1, 1, Target::ZeroBits(0)));
    }
}

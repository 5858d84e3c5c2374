//! Proofs of work that are wrong, or somebody else's.

use super::{Crew, Script};

/// The first proof is paid for; from then on it is shown again, whole or in part, or one is made up.
#[derive(Default)]
pub(super) struct WrongProofs {
    good: Option<(u64, u64)>,
    answers: u64,
}

impl Script for WrongProofs {
    fn act(&mut self, crew: &mut Crew) {
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    fn challenged(&mut self, crew: &mut Crew, link: u32, nonce: u64) {
        let Some((old_nonce, old_challenge)) = self.good else {
            self.good = crate::pow::solve(&crew.puzzle(nonce), 0).map(|challenge| (nonce, challenge));
            crew.prove(link, nonce);
            return;
        };
        self.answers += 1;
        match self.answers % 3 {
            0 => crew.answer(link, old_nonce, old_challenge),
            1 => crew.answer(link, nonce, wrong(crew, nonce, old_challenge)),
            _ => crew.answer(link, nonce, wrong(crew, nonce, 0)),
        }
    }
}

/// The first from `challenge` on that is no proof: with few bits many are.
fn wrong(crew: &Crew, nonce: u64, mut challenge: u64) -> u64 {
    let puzzle = crew.puzzle(nonce);
    while puzzle.target != gossip_core::pow::Target::ZeroBits(0) && puzzle.accepts(challenge) {
        challenge = challenge.wrapping_add(1);
    }
    challenge
}

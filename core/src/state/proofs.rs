//! Whose proof of work is looked for (PROTOCOL.md, section 3): solving takes turns, and others can make us do only so
//! much of it.

use super::{GossipState, bump};
use crate::action::{Action, Actions};
use crate::connection::handshake::Prover;
use crate::event::ConnectionId;
use crate::pow::Puzzle;
use crate::time::Instant;
use crate::timers::Timer;
use crate::util::bucket::{Limit, TokenBucket};
use crate::wire::PeerMessage;
use std::collections::VecDeque;

/// The queue. Bounded by the dials that may be under way and the view's connections.
#[derive(Clone, Debug)]
pub(super) struct Proofs {
    waiting: VecDeque<ConnectionId>,
    solving: Option<ConnectionId>,
    allowance: TokenBucket,
}

impl Proofs {
    pub(super) fn new(per_minute: u32, now: Instant) -> Self {
        Self { waiting: VecDeque::new(), solving: None, allowance: TokenBucket::new((per_minute, per_minute), now) }
    }

    /// From now on so many a minute.
    pub(super) fn allow(&mut self, now: Instant, per_minute: u32) {
        self.allowance.refit(Limit::new((per_minute, per_minute)), now);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len().saturating_add(usize::from(self.solving.is_some()))
    }
}

impl GossipState {
    /// A connection wants a proof: it takes its turn.
    pub(super) fn want_proof(&mut self, id: ConnectionId, out: &mut Actions) {
        self.proofs.waiting.push_back(id);
        self.next_proof(out);
    }

    /// Begins the next proof if none is being looked for and the allowance lets it.
    pub(super) fn next_proof(&mut self, out: &mut Actions) {
        while self.proofs.solving.is_none()
            && let Some(&id) = self.proofs.waiting.front()
        {
            let nonce = match self.peers.get(&id).map(|peer| peer.steps().prover) {
                Some(Prover::Solving { nonce, .. }) => nonce,
                _ => {
                    self.proofs.waiting.pop_front();
                    continue;
                }
            };
            if !self.proofs.allowance.take(self.now) {
                let at = self.proofs.allowance.ready_at(self.now);
                self.timers.set_by(Timer::Proof, at);
                return;
            }
            self.proofs.waiting.pop_front();
            self.proofs.solving = Some(id);
            bump(&mut self.metrics.proofs_wanted);
            let puzzle = Puzzle { nonce, target: self.settings.pow };
            out.push(Action::Solve { connection: id, puzzle, start: self.rng.bits() });
        }
    }

    /// A connection's proof is no longer wanted.
    pub(super) fn cancel_proof(&mut self, id: ConnectionId, out: &mut Actions) {
        self.proofs.waiting.retain(|waiting| *waiting != id);
        if self.proofs.solving == Some(id) {
            self.proofs.solving = None;
            bump(&mut self.metrics.proofs_cancelled);
            out.push(Action::CancelSolve { connection: id });
            self.next_proof(out);
        }
    }

    pub(super) fn solved(&mut self, id: ConnectionId, challenge: u64, out: &mut Actions) {
        if self.proofs.solving != Some(id) {
            return;
        }
        self.proofs.solving = None;
        bump(&mut self.metrics.proofs_found);
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(&id)
            && let Prover::Solving { nonce, .. } = peer.steps().prover
            && let Some(address) = self.membership.addresses.told_to(&peer.remote())
        {
            peer.steps_mut().prover = Prover::ProofSent { since: now };
            self.expect_addresses(id, false);
            self.send(id, PeerMessage::VerificationResponse { nonce, challenge, address }.frame(), out);
            self.arm(id);
        }
        self.next_proof(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_that_others_may_make_us_do_is_bounded_by_what_holds_now() {
        let now = Instant::ZERO;
        let mut proofs = Proofs::new(600, now);
        proofs.allow(now, 2);
        assert_eq!((0..100).filter(|_| proofs.allowance.take(now)).count(), 2);
    }
}

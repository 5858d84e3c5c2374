//! The rules of joining and of the view in virtual time, over whole states.
//!
//! `net` is the network, `hand` a peer whose bytes a test writes itself, `old_peer` a Gossip-5 node. The rules are in
//! files by section; each test bears the name of its rule.

mod hand;
mod joining;
mod net;
mod networks;
mod old_peer;
mod simultaneous;

use super::GossipState;

impl GossipState {
    /// Everything that decides what it does next, but for random numbers and counters. Timers follow from the rest.
    fn fingerprint(&self) -> String {
        format!("{:?}{:?}{:?}{:?}{:?}", self.peers, self.membership, self.proofs, self.faults, self.queries)
    }
}

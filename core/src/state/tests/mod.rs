//! The rules of joining and of the view in virtual time, over whole states.
//!
//! Where each sentence of PROTOCOL.md is tested:
//!
//! | section | file |
//! |---|---|
//! | 3: the handshake, its limits and faults, restarts, two connections with one peer, IPv6 | `joining` |
//! | 3: two dials at the same moment, in every order of events | `simultaneous` |
//! | 4: room, eviction, refusal, PUSH, 504 and 505, finding back, looking up, bootstrappers | `view` |
//! | 4: small networks form, come to rest, survive deaths, restarts and partitions | `networks` |
//! | 7: prices, bans, whom they hit | `misbehaviour` |
//! | 8: PING and silence (`view`), GOODBYE (`view`, `joining`), 513 (`joining`) | |
//! | 9: other settings while running | `reconfiguring` |
//! | 10: old peers in either role | `old`, `simultaneous` |
//!
//! `net` is the network, `hand` a peer whose bytes a test writes itself, `old_peer` a Gossip-5 node. Each test bears
//! the name of its rule.

mod hand;
mod joining;
mod misbehaviour;
mod net;
mod networks;
mod old;
mod old_peer;
mod reconfiguring;
mod resolving;
mod simultaneous;
mod view;

use super::GossipState;

impl GossipState {
    /// Everything that decides what it does next, but for random numbers and counters. Timers follow from the rest.
    fn fingerprint(&self) -> String {
        format!("{:?}{:?}{:?}{:?}{:?}", self.peers, self.membership, self.proofs, self.faults, self.queries)
    }
}

//! Whole networks of gossip nodes in one deterministic program.

#![forbid(unsafe_code)]

pub mod network;
pub mod pow;
pub mod queue;
pub mod rng;
pub mod wake;

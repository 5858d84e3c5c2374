//! Whole networks of gossip nodes in one deterministic program.

#![forbid(unsafe_code)]

pub mod adversary;
pub mod attack;
pub mod bench;
pub mod check;
pub mod cores;
pub mod explore;
pub mod network;
pub mod pooled;
pub mod pow;
pub mod queue;
pub mod replay;
pub mod report;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod sweep;
pub mod telling;
pub mod wake;
pub mod workload;
pub mod world;

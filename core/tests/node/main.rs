//! One node in virtual time, through the public interface only: what modules and neighbours send in, what comes out.

// Tests may do what the state machine itself may not: stop at the first surprise.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod golden;
mod harness;
mod holders;
mod modules;
mod pieces;
mod pressure;
mod random;
mod repair;
mod replay;
mod spreading;
mod sweep;
mod tree;

//! The VoidPhone gossip protocol as a pure, deterministic state machine.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![deny(clippy::unwrap_used, clippy::panic, clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]
#![forbid(unsafe_code)]

mod action;
mod address;
mod connection;
mod dissemination;
mod error;
mod event;
pub mod limits;
mod membership;
mod metrics;
mod note;
pub mod pow;
pub mod recording;
mod rng;
mod settings;
mod state;
mod status;
mod subscriptions;
#[cfg(test)]
mod testing;
pub mod time;
mod timers;
mod util;
pub mod wire;

pub use action::{Action, Actions, Flush};
pub use error::{Fault, ModuleFault, SettingsError};
pub use event::{ConnectionId, DialError, Event, Listener, ResolveId, Timed};
pub use metrics::Metrics;
pub use note::{EndReason, Level, Note};
pub use settings::{Addresses, Endpoint, Settings};
pub use state::GossipState;
pub use status::{NeighbourStatus, Status};

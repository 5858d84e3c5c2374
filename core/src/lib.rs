//! The VoidPhone gossip protocol as a pure, deterministic state machine.
//!
//! [`GossipState`] is one node. It opens no socket, reads no clock and starts no thread: whoever runs it (a *driver*)
//! tells it what happened, an [`Event`] at a time, and carries out the [`Action`]s that come back. A daemon's loop over
//! real sockets, a simulator of thousands of nodes and a test of ten lines are drivers alike.
//!
//! # The run loop
//!
//! 1. Make a state from [`Settings`], 32 secret random bytes, and the time ([`time::Instant`], microseconds from
//!    wherever the driver counts). Begin to listen on both ports before.
//! 2. Wait until something happens, at the longest until [`GossipState::deadline`].
//! 3. Hand it in: [`GossipState::handle`] with the time and the event. At the deadline that is [`Event::Timer`]; with
//!    much traffic the deadline is to be kept as well. Several events may be handed in one after the other.
//! 4. Carry out the actions, all of them, in their order, before waiting again:
//!    * [`Dial`](Action::Dial) is answered by `DialSucceeded` or `DialFailed`, [`Solve`](Action::Solve) by `Solved`,
//!      [`Resolve`](Action::Resolve) by `Resolved`, each off the loop, whenever it is done.
//!    * [`Send`](Action::Send) queues a frame behind what was queued before. Bytes that have left the queue are told by
//!      [`Event::Written`]: without it the node takes the other end for one that does not read. It never has much more
//!      than [`limits::DRIVER_WINDOW`] bytes of a connection in the driver's hands.
//!    * [`Close`](Action::Close) is the last word about a connection. Nothing more goes either way, and no event about it
//!      comes back (one that was under way is ignored).
//!    * [`StopReading`](Action::StopReading) lasts until [`ResumeReading`](Action::ResumeReading): the other end is to
//!      feel it. Bytes read before may still be handed in.
//!    * A [`Note`] is for the log.
//! 5. Bytes come in order and before the end of their stream: `Received`, then `ReadClosed` (the other end sends no
//!    more; it may still read) or `Closed` (the connection is gone). They may be cut anywhere.
//! 6. To end: [`Event::Shutdown`], carry out what it brings, let the queues drain for as long as patience lasts.
//!
//! Two nodes, each with one module, in the memory of one process (`core/examples/memory.rs`; beside it, `threads.rs` has
//! a driver over blocking sockets and threads, and `tokio.rs` one over tokio):
//!
//! ```
#![doc = include_str!("../examples/memory.rs")]
//! ```
//!
//! # What is promised
//!
//! * **The same again.** Same settings, same seed, same events at the same times: same actions, byte for byte, on every
//!   machine. There are no floats, no addresses of memory and no order of a hash map in any decision; time is whole
//!   microseconds, and chance is ChaCha20 from the seed. The golden digest among the tests holds it to that, and
//!   [`recording`] makes use of it.
//! * **No event makes it panic**, neither what peers and modules send nor a driver's events about connections that are
//!   gone or never were. Arithmetic on what comes from outside saturates, and tables are reached by methods that can say
//!   no; lints deny the rest. Time that runs backwards stands still. What panics is a mistake of this crate itself:
//!   overflow checks stay on in release builds, and a debug build asserts more.
//! * **Every table has a bound**, in [`limits`] or in [`Settings`], and something defined, counted in [`Metrics`] and
//!   tested happens when it is reached. [`GossipState::status`] says how full they are.
//! * **Who is to blame shows in the type**: [`Fault`] is a peer's, [`ModuleFault`] a module's, [`SettingsError`] the
//!   embedder's.
//!
//! Where to read on: PROTOCOL.md among the project's documents is what the code implements, section by section.

#![deny(missing_docs)]
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![deny(clippy::unwrap_used, clippy::panic, clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]
#![forbid(unsafe_code)]

#[macro_use]
#[doc(hidden)]
pub mod planted;

mod action;
mod address;
mod connection;
mod dissemination;
mod error;
mod event;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
mod membership;
mod metrics;
mod note;
pub mod pow;
pub mod recording;
mod repair;
mod rng;
mod settings;
mod state;
mod status;
mod subscriptions;
#[cfg(test)]
mod testing;
pub mod time;
mod timers;
mod tree;
mod util;
pub mod wire;

pub use action::{Action, Actions, Flush};
pub use error::{Fault, ModuleFault, SettingsError};
pub use event::{ConnectionId, DialError, Event, Listener, ResolveId, Timed};
pub use metrics::Metrics;
pub use note::{EndReason, Level, Note};
pub use settings::{Addresses, Endpoint, Settings, Spreading};
pub use state::{GossipState, TOUCH_DEPTH};
pub use status::{NeighbourStatus, Status, Traffic};

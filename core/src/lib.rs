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
//! Two nodes, each with one module, in the memory of one process:
//!
//! ```
//! use gossip_core::time::Instant;
//! use gossip_core::wire::ApiMessage;
//! use gossip_core::{Action, Addresses, ConnectionId, DialError, Endpoint, Event, GossipState, Listener, Settings};
//!
//! let own = ["127.0.0.1:6001".parse().unwrap(), "127.0.0.1:6011".parse().unwrap()];
//! let mut settings = own.map(|address| Settings::new(50, 4, Addresses::of(address)));
//! settings[1].bootstrapper = vec![Endpoint::Address(own[0])];
//! let mut seed = [0; 32];
//! let mut nodes = settings.map(|mut settings| {
//!     settings.discovery = false; // nobody but the bootstrapper is called
//!     settings.pow = gossip_core::pow::Target::ZeroBits(8);
//!     seed[0] += 1; // nodes of the same seed would take each other for themselves; a real one is random
//!     GossipState::new(settings, seed, Instant::ZERO).unwrap()
//! });
//!
//! // Each node's module, connection 0, wants to hear of type 1337; the second's says something.
//! let (module, remote) = (ConnectionId::accepted(0), "127.0.0.1:40000".parse().unwrap());
//! let notify = ApiMessage::Notify { data_type: 1337 }.frame().to_vec();
//! let announce = ApiMessage::Announce { ttl: 0, data_type: 1337, data: b"hello" }.frame().to_vec();
//! let mut to_do = [Vec::new(), Vec::new()];
//! for (node, actions) in nodes.iter_mut().zip(&mut to_do) {
//!     node.handle(Instant::ZERO, Event::Accepted { connection: module, listener: Listener::Api, remote }, actions);
//!     node.handle(Instant::ZERO, Event::Received { connection: module, bytes: &notify }, actions);
//! }
//! nodes[1].handle(Instant::ZERO, Event::Received { connection: module, bytes: &announce }, &mut to_do[1]);
//!
//! // The second calls the first: one connection, with a name at each end.
//! let mut link = [ConnectionId::accepted(1); 2];
//! let mut heard = [Vec::new(), Vec::new()];
//! for _ in 0..100 {
//!     // Nothing else is left to happen: the time is that of the next timer.
//!     let next = (0..2).filter_map(|me| Some((me, nodes[me].deadline()?))).min_by_key(|(_, at)| *at);
//!     let Some((me, now)) = next.filter(|_| heard[0].is_empty()) else { break };
//!     nodes[me].handle(now, Event::Timer, &mut to_do[me]);
//!     while let Some(me) = (0..2).find(|me| !to_do[*me].is_empty()) {
//!         let them = 1 - me;
//!         match to_do[me].remove(0) {
//!             // The first would only see whether the second's address can be reached.
//!             Action::Dial { connection, .. } if me == 0 => {
//!                 nodes[me].handle(now, Event::DialFailed { connection, error: DialError::Refused }, &mut to_do[me]);
//!             }
//!             Action::Dial { connection, .. } => {
//!                 link[me] = connection;
//!                 let accepted = Event::Accepted { connection: link[them], listener: Listener::P2p, remote };
//!                 nodes[them].handle(now, accepted, &mut to_do[them]);
//!                 nodes[me].handle(now, Event::DialSucceeded { connection }, &mut to_do[me]);
//!             }
//!             Action::Send { connection, frame } => {
//!                 let bytes = frame.to_vec();
//!                 let written = Event::Written { connection, bytes: bytes.len() as u64 };
//!                 nodes[me].handle(now, written, &mut to_do[me]);
//!                 if connection == module {
//!                     heard[me].push(bytes);
//!                 } else {
//!                     let received = Event::Received { connection: link[them], bytes: &bytes };
//!                     nodes[them].handle(now, received, &mut to_do[them]);
//!                 }
//!             }
//!             Action::Solve { connection, puzzle, start } => {
//!                 let challenge = puzzle.search(start, u64::MAX).unwrap();
//!                 nodes[me].handle(now, Event::Solved { connection, challenge }, &mut to_do[me]);
//!             }
//!             other => println!("node {me}: {other:?}"),
//!         }
//!     }
//! }
//! // Said before there was a neighbour, held for the first that came, and told once at each end.
//! assert!(heard.iter().all(|frames| frames.len() == 1 && frames[0].ends_with(b"hello")));
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

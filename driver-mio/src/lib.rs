//! The gossip state machine on real sockets: one thread, one [`mio::Poll`], timers, proofs of work on threads of their
//! own.
//!
//! To embed a node: bind [`Listeners`], put the ports that they really got into [`Settings`](gossip_core::Settings),
//! and hand both to an [`EventLoop`]:
//!
//! ```no_run
//! use gossip_core::{Addresses, GossipState, Settings};
//! use gossip_driver_mio::{EventLoop, Listeners};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut listeners = Listeners::default();
//! listeners.bind_api("127.0.0.1:0".parse()?)?;
//! listeners.bind_p2p("127.0.0.1:0".parse()?)?;
//! let settings = Settings::new(50, 4, listeners.p2p_addresses());
//! let seed = [7; 32]; // from the system's entropy, elsewhere than in an example
//! let mut node = EventLoop::new(listeners, |now| GossipState::new(settings, seed, now))?;
//! let handle = node.handle();
//! std::thread::spawn(move || handle.shut_down()); // whenever it shall end
//! node.run()?;
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]

mod clock;
pub mod daemon;
mod dial;
mod event_loop;
mod inbox;
mod listener;
pub mod logging;
mod portion;
mod pow_worker;
pub mod record;
mod resolver;
mod room;
pub mod status;
mod stream;
mod system;

#[cfg(test)]
mod tests;

pub use event_loop::{EventLoop, Machine, StartError};
pub use inbox::Handle;
pub use listener::{BindError, Listeners};
pub use room::Room;

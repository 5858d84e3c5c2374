//! Real daemons as processes on loopback, and clients that speak bytes to them.
//!
//! Nothing here uses the project's own codecs or proof of work: what the daemons say is checked by something else than
//! themselves. Ports are always the system's choice, waiting is always reading with a deadline, and every daemon's seed
//! follows from the test's name and is printed, with the end of its log, when a test fails.

#![forbid(unsafe_code)]

mod bed;
pub mod browser;
mod daemon;
#[cfg(target_os = "linux")]
pub mod flood;
mod ini;
mod module;
mod peer;
mod process;
mod programs;
mod wire;

pub use bed::Bed;
pub use daemon::Daemon;
pub use ini::Ini;
pub use module::{Module, Notification};
pub use peer::{Handshake, Listening, Peer, Work};
pub use process::{Process, Signal};
pub use programs::{program, workspace};
pub use wire::{Frame, Reader, body, frame, kind};

use std::time::Duration;

/// Whatever takes longer has hung.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing having come for so long, nothing comes: for what must not happen.
pub const QUIET: Duration = Duration::from_millis(700);

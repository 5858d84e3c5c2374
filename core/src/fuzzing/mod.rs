//! Bodies for fuzzing (docs/TESTING.md, Fuzzing): each takes any bytes at all, makes something of them that the crate
//! has to cope with, and panics when the crate does not.
//!
//! They are here, and not where the fuzzer is, so that plain tests run them too. A device of the tests: no program has
//! the feature `fuzzing`.

mod events;
mod frames;
mod handshakes;
mod input;
mod messages;
mod node;
mod recording;

pub use events::events;
pub use frames::frames;
pub use handshakes::handshakes;
pub use input::Input;
pub use messages::messages;
pub use recording::recording;

//! The VoidPhone ini file (PROTOCOL.md, section 9), read into checked settings.
//!
//! Two layers: [`Document`] and [`Section`] read any ini file and collect what is wrong with it in [`Problems`], by line;
//! [`Config`] (the daemon's `[gossip]`) and [`read_settings`] (a simulated peer's) give the values their meaning, by the
//! one table [`KEYS`]. The `ini` crate reads the values; a thin scan of the lines supplies what it has no notion of.

#![forbid(unsafe_code)]

mod config;
mod document;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod protocol;
mod render;
mod report;
mod scan;
mod value;

pub use config::Config;
pub use document::{Document, FILE_MAX, Section};
pub use keys::{KEYS, Key, Standard};
pub use protocol::{Overrides, read_settings};
pub use render::every_key_ini;
pub use report::{ConfigError, Place, Problem, Problems};

/// A `status_address` from elsewhere than a file, a command line for example.
///
/// # Errors
///
/// What is wrong with the text, and what would be right: it is no address, or one that other hosts can reach.
pub fn status_address(text: &str) -> Result<gossip_core::Endpoint, String> {
    value::status_endpoint(text)
}

#[cfg(test)]
mod tests;

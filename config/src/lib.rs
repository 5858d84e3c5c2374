//! The VoidPhone ini file (PROTOCOL.md, section 9), read into checked settings.

#![forbid(unsafe_code)]

mod config;
mod report;

pub use config::{Config, Overrides};
pub use report::{ConfigError, Place, Problem, Problems};

//! What the daemon needs of its ini file.

use crate::report::{ConfigError, Place, Problem};
use gossip_core::{Addresses, Endpoint, Settings};
use log::LevelFilter;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the command line says in the file's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `-v SECONDS`, for `validation_timeout`.
    pub validation_timeout: Option<u64>,
    /// `-s SECONDS`, for `suppression_time`.
    pub suppression_time: Option<u64>,
}

/// A checked `[gossip]` section with what is the daemon's own business beside the protocol.
///
/// Listening addresses may be names, and may have port 0 (the system picks one). So the daemon resolves and binds
/// `p2p_address`, resolves `advertised_address`, and gets its final settings from [`Config::finish`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where modules connect to.
    pub api_address: Endpoint,
    /// Where peers connect to: one, or two, of which literal addresses are of different families.
    pub p2p_address: Vec<Endpoint>,
    /// What HELLO says when it differs from `p2p_address`: none, one, or one a family.
    pub advertised_address: Vec<Endpoint>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Where it is logged beside the terminal.
    pub log_file: Option<PathBuf>,
    /// Everything that concerns the protocol; of `p2p_address` and `advertised_address` what is literal.
    pub settings: Settings,
    /// Where each key stands, for messages.
    pub(crate) places: BTreeMap<&'static str, Place>,
    pub(crate) section: Place,
}

impl Config {
    /// Reads a file. Success comes with warnings (keys nobody knows, for example), failure with all mistakes.
    pub fn read(path: &Path, overrides: Overrides) -> Result<(Self, Vec<Problem>), ConfigError> {
        let _ = (path, overrides);
        Err(ConfigError { mistakes: Vec::new(), warnings: Vec::new() })
    }

    /// Reads a file's text; `name` is what messages call it.
    pub fn parse(name: &str, text: &str, overrides: Overrides) -> Result<(Self, Vec<Problem>), ConfigError> {
        let _ = (name, text, overrides);
        Err(ConfigError { mistakes: Vec::new(), warnings: Vec::new() })
    }

    /// The settings of a daemon that really listens at `p2p` and advertises `advertised` (empty: the same), checked
    /// again with them.
    pub fn finish(&self, p2p: Addresses, advertised: Addresses) -> Result<Settings, ConfigError> {
        Ok(Settings { p2p_address: p2p, advertised_address: advertised, ..self.settings.clone() })
    }

    /// Where `key` stands in the file (else the section that it is missing in), for messages about its value:
    /// `Problem { place: config.place("p2p_address"), message }`.
    pub fn place(&self, key: &str) -> Place {
        self.places.get(key).unwrap_or(&self.section).clone()
    }
}

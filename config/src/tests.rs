//! Tests of what a person's file comes to, by way of the public interface; of the scan against the `ini` crate, inside.

mod documents;
mod gossip;
mod properties;

use crate::{Config, ConfigError, Overrides, Problem};

/// The smallest file there is. Keys on lines 2 to 5.
const SMALLEST: &str =
    "[gossip]\ncache_size = 50\ndegree = 30\np2p_address = 127.0.0.1:6001\napi_address = 127.0.0.1:7001\n";

fn read(text: &str) -> Result<(Config, Vec<Problem>), ConfigError> {
    Config::parse("f.ini", text, Overrides::default())
}

/// The smallest file with more lines, the first of them on line 6.
fn with(lines: &str) -> Result<(Config, Vec<Problem>), ConfigError> {
    read(&format!("{SMALLEST}{lines}\n"))
}

#[track_caller]
fn good(text: &str) -> Config {
    match read(text) {
        Ok((config, warnings)) if warnings.is_empty() => config,
        Ok((_, warnings)) => panic!("warned of {text:?}: {warnings:?}"),
        Err(error) => panic!("refused {text:?}: {error}"),
    }
}

/// Everything that is told about a file that must be refused.
#[track_caller]
fn refusal(result: Result<(Config, Vec<Problem>), ConfigError>) -> String {
    result.expect_err("must be refused").to_string()
}

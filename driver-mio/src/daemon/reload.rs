//! SIGHUP: the file is read again, and the log opened anew.

use super::arguments::Arguments;
use super::lines;
use crate::system::{self, Moment};
use crate::{Handle, Room, logging};
use gossip_config::{Config, KEYS};
use gossip_core::limits;
use log::LevelFilter;

/// What a daemon runs with, to be compared with what the file says later.
pub(super) struct Reload {
    arguments: Arguments,
    running: Config,
    node: Handle,
}

impl Reload {
    pub(super) fn new(arguments: &Arguments, running: &Config, node: Handle) -> Self {
        let mut reload = Self { arguments: arguments.clone(), running: running.clone(), node };
        reload.running.log_level = reload.level(running);
        reload
    }

    /// Reads the file again, takes what a running daemon can take, and names that and what it cannot. A file that is
    /// wrong changes nothing. The log is opened anew in any case.
    pub(super) fn run(&mut self) {
        system::tell_service_manager(Moment::Reloading);
        logging::reopen();
        match self.arguments.read() {
            Err(error) => {
                log::warn!("SIGHUP: nothing is taken from the file: {}", error.to_string().replace('\n', "; "));
            }
            Ok((config, warnings)) => {
                if !warnings.is_empty() {
                    log::warn!("SIGHUP: {}", lines(&warnings).replace('\n', "; "));
                }
                self.take(config);
            }
        }
        system::tell_service_manager(Moment::Ready);
    }

    /// The command line has the last word.
    fn level(&self, config: &Config) -> LevelFilter {
        self.arguments.log_level.unwrap_or(config.log_level)
    }

    fn take(&mut self, mut config: Config) {
        config.log_level = self.level(&config);
        let file = self.arguments.config.display();
        let next = match taken_over(&self.running, &config) {
            Ok(next) => next,
            Err(why) => {
                log::warn!("SIGHUP: nothing is taken from {file} without a restart: {why}");
                return;
            }
        };
        let level = next.log_level;
        // Said by the more talkative of the two levels.
        log::set_max_level(level.max(log::max_level()).max(LevelFilter::Info));
        log::info!("SIGHUP: {file} read again, log opened anew; {}", changes(&self.running, &next));
        let waiting = differing(&next, &config);
        if !waiting.is_empty() {
            log::warn!("SIGHUP: changed in {file}, but in force only after a restart: {}", waiting.join(", "));
        }
        let mut settings = next.settings.clone();
        if let Some(told) = Room::of_this_process().fit(&mut settings) {
            log::warn!("{told}");
        }
        log::set_max_level(level);
        self.node.change_settings(settings);
        self.running = next;
    }
}

/// What a daemon that runs with the one runs with when told of the other; or why that goes together only after a restart.
fn taken_over(running: &Config, file: &Config) -> Result<Config, String> {
    let mut next = running.clone();
    next.log_level = file.log_level;
    next.settings.take_over(&file.settings);
    match limits::check(&next.settings).as_slice() {
        [] => Ok(next),
        [conflict, ..] => Err(format!("{}: {}", conflict.key, conflict.message)),
    }
}

/// What has changed, in words.
fn changes(before: &Config, after: &Config) -> String {
    let text = |config: &Config, key: &str| config.value_text(key).unwrap_or_else(|| "none".to_owned());
    let told = |key: &str| format!("{key} is {} now (was {})", text(after, key), text(before, key));
    match differing(before, after).into_iter().map(told).collect::<Vec<_>>() {
        told if told.is_empty() => "nothing has changed".to_owned(),
        told => told.join(", "),
    }
}

/// The keys whose values differ.
fn differing(one: &Config, other: &Config) -> Vec<&'static str> {
    KEYS.iter().map(|key| key.name).filter(|key| one.value_text(key) != other.value_text(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_config::Overrides;

    const TEXT: &str = "[gossip]\ncache_size = 50\ndegree = 30\np2p_address = 127.0.0.1:6001\n\
                        api_address = 127.0.0.1:7001\n";

    fn config(text: &str) -> Config {
        Config::parse("gossip.ini", text, Overrides::default()).unwrap().0
    }

    #[test]
    fn limits_and_times_are_taken_and_what_was_told_or_sized_waits_for_a_restart() {
        let running = config(TEXT);
        let file = config(&format!("{TEXT}log_file = gossip.log\nban_time = 7\nmax_peers = 20\nlog_level = debug\n"));
        let next = taken_over(&running, &file).unwrap();
        assert_eq!(differing(&running, &next), ["ban_time", "log_level"]);
        // The two keys that follow from max_peers wait with it.
        assert_eq!(differing(&next, &file), ["max_peers", "target_peers", "min_peers", "log_file"]);
        let told = changes(&running, &next);
        assert_eq!(told, "ban_time is 7 now (was 600), log_level is debug now (was info)");
        assert_eq!(changes(&next, &next), "nothing has changed");
    }

    #[test]
    fn what_goes_together_only_with_what_waits_for_a_restart_waits_with_it() {
        let running = config(TEXT);
        let file = config(&format!(
            "{TEXT}suppression_time = 3\nvalidation_timeout = 2\npeer_timeout = 3000\nping_interval = 2000\n"
        ));
        let next = taken_over(&running, &file).unwrap();
        assert_eq!(differing(&next, &file), ["validation_timeout", "suppression_time"]);
    }
}

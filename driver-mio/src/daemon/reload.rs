//! SIGHUP: the file is read again, and the log opened anew.

use super::arguments::Arguments;
use super::lines;
use crate::logging;
use crate::system::{self, Moment};
use gossip_config::{Config, KEYS};
use log::LevelFilter;

/// What a daemon was started with, to be compared with what the file says later.
pub(super) struct Reload {
    arguments: Arguments,
    started: Config,
}

impl Reload {
    pub(super) fn new(arguments: &Arguments, started: &Config) -> Self {
        Self { arguments: arguments.clone(), started: started.clone() }
    }

    /// Reads the file again. `log_level` is taken; everything else stays as it is, and what has changed is named. A file
    /// that is wrong changes nothing. The log is opened anew in any case.
    pub(super) fn run(&self) {
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
                self.take(&config);
            }
        }
        system::tell_service_manager(Moment::Ready);
    }

    fn take(&self, config: &Config) {
        let level = self.arguments.log_level.unwrap_or(config.log_level);
        // Said by the more talkative of the two levels.
        log::set_max_level(level.max(log::max_level()).max(LevelFilter::Info));
        let file = self.arguments.config.display();
        match waiting(&self.started, config).as_slice() {
            [] => log::info!("SIGHUP: {file} read again, log opened anew; log_level is {level}"),
            keys => log::warn!(
                "SIGHUP: {file} read again, log opened anew; log_level is {level}; changed, but in force only after a \
                 restart: {}",
                keys.join(", ")
            ),
        }
        log::set_max_level(level);
    }
}

/// Keys whose value has changed and that a running daemon does not take.
fn waiting(started: &Config, now: &Config) -> Vec<&'static str> {
    let changed = |key: &&str| *key != "log_level" && started.value_text(key) != now.value_text(key);
    KEYS.iter().map(|key| key.name).filter(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_config::Overrides;

    #[test]
    fn every_key_but_the_log_level_waits_for_a_restart() {
        let text =
            "[gossip]\ncache_size = 50\ndegree = 30\np2p_address = 127.0.0.1:6001\napi_address = 127.0.0.1:7001\n";
        let config = |text: &str| Config::parse("gossip.ini", text, Overrides::default()).unwrap().0;
        let started = config(text);
        assert_eq!(waiting(&started, &config(&format!("{text}log_level = debug\n"))), Vec::<&str>::new());
        let changed = format!("{}log_file = gossip.log\nban_time = 7\n", text.replace("degree = 30", "degree = 31"));
        assert_eq!(waiting(&started, &config(&changed)), ["degree", "ban_time", "log_file"]);
    }
}

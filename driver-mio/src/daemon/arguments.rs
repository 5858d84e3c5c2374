//! The command line.

use clap::Parser;
use gossip_config::{Config, ConfigError, Overrides, Problem};
use gossip_core::Endpoint;
use log::LevelFilter;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  gossipd -c config/bootstrapper.ini            run a node that others call
  gossipd -c config/peer1.ini                   run a node that calls it
  gossipd -c gossip.ini --check                 is this file right, and what would it do?
  gossipd -c gossip.ini --log-level debug --log-file gossip.log
  gossipd -c gossip.ini --status-address 127.0.0.1:8001   a page for browsers, and `gossip top`
  gossipd -c gossip.ini --record incident.rec   write down what happens, to replay it

Modules connect to api_address of the file and speak the gossip API; `gossip announce` and
`gossip subscribe` are two to try it with.

Signals:
  SIGINT (Ctrl-C), SIGTERM   say goodbye, write what is queued (2 s at most), exit; a second one exits at once
  SIGHUP                     read the file again (limits, times and log_level are taken; what needs a restart is
                             named) and open the log anew, as after its rotation

Exit status:
  0  ended by SIGINT, SIGTERM or --end-with-stdin
  1  could not run: an address is in use, for example
  2  the command line or the file is wrong: standard error says where, and what would be right";

/// Spreads knowledge among the modules of this host and of others: the VoidPhone gossip daemon.
#[derive(Clone, Debug, Parser)]
#[command(name = "gossipd", version, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The ini file; its gossip section is this program's.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(super) config: PathBuf,

    /// How long a message waits for a module to call it valid, above 0 [the file's validation_timeout, else 5]
    #[arg(short = 'v', long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) validation_timeout: Option<u64>,

    /// How long a message is remembered, so that modules hear of it once; above 0 and at least -v [the file's
    /// suppression_time, else 60]
    #[arg(short = 's', long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) suppression_time: Option<u64>,

    /// How much to log: off, error, warn, info, debug or trace [the file's log_level, else info]
    #[arg(long, value_name = "LEVEL", value_parser = log_level)]
    pub(super) log_level: Option<LevelFilter>,

    /// Log to the end of this file as well as to standard error [the file's log_file]
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,

    /// Let this host look inside at this address: HTTP, on loopback only [the file's status_address]
    #[arg(long, value_name = "HOST:PORT", value_parser = gossip_config::status_address)]
    pub(crate) status_address: Option<Endpoint>,

    /// Log nothing to standard error
    #[arg(short = 'q', long)]
    pub(super) quiet: bool,

    /// Draw all random numbers from this seed, 64 hexadecimal digits, to repeat a run; whoever knows it can foresee
    /// nonces [the system's entropy]
    #[arg(long, value_name = "HEX", value_parser = seed)]
    pub(super) seed: Option<Seed>,

    /// Write down everything this node is given, to be repeated by `sim replay`; the file holds the seed and all data,
    /// and is readable for its owner only
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,

    /// The recording ends, and the daemon goes on, at so many MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, requires = "record",
        value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub(super) record_limit: u64,

    /// End when standard input ends, as by SIGTERM: for a daemon that shall not outlive the program that started it
    #[arg(long)]
    pub(super) end_with_stdin: bool,

    /// Read the file, say what it would do, and open nothing; what would be a warning about the file is an error here
    #[arg(long)]
    pub(super) check: bool,
}

impl Arguments {
    /// What the file says, and this command line in its place; with warnings.
    pub(super) fn read(&self) -> Result<(Config, Vec<Problem>), ConfigError> {
        let overrides =
            Overrides { validation_timeout: self.validation_timeout, suppression_time: self.suppression_time };
        let (mut config, warnings) = Config::read(&self.config, overrides)?;
        if let Some(address) = &self.status_address {
            config.status_address = Some(address.clone());
        }
        Ok((config, warnings))
    }
}

/// Where random numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed(pub(super) [u8; 32]);

fn log_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "off, error, warn, info, debug or trace would be right".to_owned())
}

fn seed(text: &str) -> Result<Seed, String> {
    let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Option<Vec<u8>> = text.chars().map(digit).collect();
    match digits.as_deref() {
        Some(digits) if digits.len() == 64 => {
            let mut seed = [0; 32];
            seed.iter_mut().zip(digits.chunks_exact(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
            Ok(Seed(seed))
        }
        Some(digits) => Err(format!("{} hexadecimal digits; 64 would be right", digits.len())),
        None => Err("64 hexadecimal digits would be right".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_section_9_are_integers_above_0() {
        let arguments = parse("gossipd -c a.ini -v 7 -s 70").unwrap();
        assert_eq!((arguments.validation_timeout, arguments.suppression_time), (Some(7), Some(70)));
        for wrong in ["-v 0", "-s 0", "-v 1.5", "-s x", "-v -1", "--seed 12", "--log-level loud"] {
            let error = parse(&format!("gossipd -c a.ini {wrong}")).expect_err(wrong);
            assert_eq!(error.exit_code(), 2, "{wrong}");
        }
        assert_eq!(parse("gossipd").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_log_level_is_taken_in_either_case_and_a_wrong_one_is_told_what_would_be_right() {
        let arguments = parse("gossipd -c a.ini --log-level WARN").unwrap();
        assert_eq!(arguments.log_level, Some(LevelFilter::Warn));
        let told = parse("gossipd -c a.ini --log-level loud").unwrap_err().to_string();
        assert!(told.contains("off, error, warn, info, debug or trace would be right"), "{told}");
    }

    #[test]
    fn a_seed_is_64_hexadecimal_digits_most_significant_first() {
        let Seed(bytes) = seed(&format!("0aF1{}", "00".repeat(30))).unwrap();
        assert_eq!(bytes[..3], [0x0a, 0xf1, 0]);
        assert!(seed(&"0".repeat(63)).unwrap_err().contains("63"));
        assert!(seed(&"g".repeat(64)).is_err());
    }
}

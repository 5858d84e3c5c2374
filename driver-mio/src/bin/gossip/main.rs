//! `gossip`: announce to, listen at, and measure, the API of any VoidPhone gossip daemon; see a network of them; look
//! into one of ours.

mod announce;
mod bench;
mod connection;
mod demo;
mod generate;
mod inside;
mod output;
mod subscribe;

use clap::{Parser, Subcommand};
use gossip_driver_mio::daemon;
use std::ffi::OsString;
use std::process::ExitCode;

/// Announce to, and listen at, any VoidPhone gossip daemon; look into one of this project's
///
/// announce, subscribe and bench speak only the gossip API (message types 500 to 503), so any implementation's daemon
/// will do. status, peers, top and monitor ask at a gossipd's status_address.
#[derive(Debug, Parser)]
#[command(name = "gossip", version, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  gossip subscribe --type 1337                      listen at 127.0.0.1:7001
  gossip announce --type 1337 'hello'               tell the daemon there
  gossip announce -a '[::1]:7011' --type 1337 @file the file's content as one message
  seq 1000 | gossip announce --type 1337 --lines    a thousand messages
  gossip subscribe --type 1337 --json | jq .text

  gossip bench -a 127.0.0.1:7001 -s 127.0.0.1:7011  how much two daemons carry
  gossip demo                                       five daemons here, to look at

  gossip status                                     how the daemon with status_address 127.0.0.1:8001 is
  gossip top -c config/peer1.ini                    watch the one that runs with this file

`gossip help announce` and so on say more, exit statuses included.";

#[derive(Debug, Subcommand)]
enum Command {
    Announce(announce::Options),
    Subscribe(subscribe::Options),
    Bench(bench::Options),
    Demo(demo::Options),
    #[command(hide = true)]
    Generate(generate::Options),
    /// What `gossip demo` starts: gossipd, from this program
    #[command(hide = true, disable_help_flag = true)]
    DemoDaemon {
        /// As gossipd takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    Status(inside::status::Options),
    Peers(inside::peers::Options),
    Top(inside::top::Options),
    Monitor(inside::monitor::Options),
}

fn main() -> ExitCode {
    let ended = match CommandLine::parse().command {
        Command::Announce(options) => announce::run(options),
        Command::Subscribe(options) => subscribe::run(options),
        Command::Bench(options) => bench::run(options),
        Command::Demo(options) => demo::run(options),
        Command::Generate(options) => generate::run(&options),
        Command::DemoDaemon { arguments } => {
            return daemon::main(std::iter::once("gossipd".into()).chain(arguments));
        }
        Command::Status(options) => inside::status::run(options),
        Command::Peers(options) => inside::peers::run(options),
        Command::Top(options) => inside::top::run(options),
        Command::Monitor(options) => inside::monitor::run(options),
    };
    ended.unwrap_or_else(|failure| {
        output::say(format_args!("gossip: {}", failure.reason));
        failure.status.into()
    })
}

/// Why the program ends without having done what was asked.
#[derive(Debug)]
struct Failure {
    status: Status,
    reason: String,
}

/// Exit statuses other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// The daemon didn't do its part, or was not there.
    NotDone = 1,
    /// What was asked makes no sense; clap uses the same number.
    WrongCommandLine = 2,
    /// Somebody pressed Ctrl-C; what shells say of that.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

impl Failure {
    fn not_done(reason: impl ToString) -> Self {
        Self { status: Status::NotDone, reason: reason.to_string() }
    }

    fn wrong_command_line(reason: impl ToString) -> Self {
        Self { status: Status::WrongCommandLine, reason: reason.to_string() }
    }
}

impl From<connection::Trouble> for Failure {
    fn from(trouble: connection::Trouble) -> Self {
        Self::not_done(trouble)
    }
}

/// `HOST:PORT`, kept as it was written: it is looked up when it is called.
fn api_address(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("there is no port; write HOST:PORT, like 127.0.0.1:7001")?;
    match port.parse::<u16>() {
        Ok(1..) => {}
        _ => return Err(format!("'{port}' is not a port; write a number from 1 to 65535")),
    }
    let bracketed = host.starts_with('[') && host.ends_with(']');
    match host {
        "" => Err("there is no host; write HOST:PORT, like 127.0.0.1:7001".to_owned()),
        _ if host.contains(':') && !bracketed => Err(format!("write an IPv6 address in brackets: [{host}]:{port}")),
        _ => Ok(text.to_owned()),
    }
}

/// Seconds, fractions allowed.
fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "write a number of seconds above 0, like 5 or 0.5".to_owned();
    let number: f64 = text.parse().map_err(|_| wrong())?;
    let span = std::time::Duration::try_from_secs_f64(number).map_err(|_| wrong())?;
    // Beyond a year deadlines could leave the range of the clock.
    let year = std::time::Duration::from_secs(365 * 24 * 3_600);
    if span.is_zero() { Err(wrong()) } else { Ok(span.min(year)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn addresses_need_a_host_and_a_port() {
        for right in ["127.0.0.1:7001", "localhost:1", "[::1]:65535"] {
            assert_eq!(api_address(right).as_deref(), Ok(right));
        }
        for wrong in ["", "localhost", "localhost:", ":7001", "::1:7001", "a:0", "a:65536", "a:x"] {
            assert!(api_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(seconds("0.25"), Ok(std::time::Duration::from_millis(250)));
        for wrong in ["0", "-1", "", "NaN", "inf", "5s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}

//! What `gossip status`, `peers`, `top` and `monitor` have in common: where the daemon's status address is, and what is
//! asked there.

mod client;
pub(crate) mod monitor;
pub(crate) mod peers;
pub(crate) mod status;
pub(crate) mod top;
mod units;

use crate::{Failure, api_address};
use gossip_config::{Config, Overrides};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Where to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The daemon's status_address
    #[arg(short = 's', long = "status", value_name = "HOST:PORT", default_value = "127.0.0.1:8001", value_parser = api_address)]
    address: String,
    /// Take the address from the daemon's ini file
    #[arg(short = 'c', long = "config", value_name = "FILE", conflicts_with = "address")]
    config: Option<PathBuf>,
}

impl Where {
    /// The address, as the command line or the file has it.
    fn address(&self) -> Result<String, Failure> {
        let Some(path) = &self.config else { return Ok(self.address.clone()) };
        let file = path.display();
        let (config, _) = Config::read(path, Overrides::default()).map_err(Failure::wrong_command_line)?;
        let missing = || {
            Failure::wrong_command_line(format_args!(
                "{file} has no status_address; with `status_address = 127.0.0.1:8001` in [gossip], and the daemon \
                 started again, there would be something to see"
            ))
        };
        let endpoint = config.status_address.ok_or_else(missing)?;
        api_address(&endpoint.to_string()).map_err(|_| {
            Failure::wrong_command_line(format_args!(
                "{file} leaves the port of status_address to the system; take it from the daemon's log, with --status"
            ))
        })
    }
}

/// Prints a result. A reader who has seen enough is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::not_done(format_args!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  no daemon answers there
  2  wrong command line or file";

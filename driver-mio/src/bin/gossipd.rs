//! The gossip daemon: see [`gossip_driver_mio::daemon`].

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    gossip_driver_mio::daemon::main(std::env::args_os())
}

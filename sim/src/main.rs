//! `sim`: whole networks of gossip nodes in one deterministic program.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

//! `sim`: whole networks of gossip nodes in one deterministic program.

mod cli;
mod huge_pages;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

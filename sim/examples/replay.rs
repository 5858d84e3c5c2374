//! `cargo run -p gossip-sim --example replay -- FILE`: what `sim replay FILE` does.

use clap::Parser;
use gossip_sim::replay;
use std::process::ExitCode;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    arguments: replay::Arguments,
}

fn main() -> ExitCode {
    replay::main(&Program::parse().arguments)
}

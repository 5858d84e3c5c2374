//! What daemons carry from one end of a chain to the other, beside a plain relay that moves the same frames over the
//! same hops, in the same run: what a machine does in a second differs from day to day, the share of what its loopback
//! TCP can carry does not.
//!
//! `cargo bench -p gossip-tests --bench end_to_end [-- --help]`

#![cfg(target_os = "linux")]

mod chain;
mod ends;
mod relay;
mod report;

use chain::Chain;
use clap::Parser;
use report::{Latencies, Report, Throughput};
use std::process::ExitCode;
use std::time::Duration;

/// What gossip daemons carry, beside a plain relay of the same frames
#[derive(Debug, Parser)]
#[command(name = "end_to_end")]
struct Options {
    /// Lengths of the chains, in daemons
    #[arg(long, value_delimiter = ',', default_value = "2,3", value_parser = clap::value_parser!(u8).range(1..=16))]
    daemons: Vec<u8>,
    /// Bytes of data in each message
    #[arg(long, value_delimiter = ',', default_value = "64,1024,32768")]
    sizes: Vec<usize>,
    /// Messages on their way at once
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..))]
    window: u64,
    /// Measurements of each kind; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each takes
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Messages a second while latency is measured
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Measure no latency
    #[arg(long)]
    no_latency: bool,
    /// Print the result as a JSON object
    #[arg(long)]
    json: bool,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a relay; `first`, or the address to call
    #[arg(long, hide = true)]
    relay: Option<String>,
}

/// The size for which latency is measured.
const LATENCY_SIZE: usize = 64;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(upstream) = &options.relay {
        return relay::run(upstream);
    }
    if let Some(size) = options.sizes.iter().find(|size| !ends::SIZES.contains(size)) {
        eprintln!(
            "end_to_end: messages of {size} bytes are not possible: {} to {}",
            ends::SIZES.start(),
            ends::SIZES.end()
        );
        return ExitCode::from(2);
    }
    let mut report = Report::new(options.window, options.rate);
    for &length in &options.daemons {
        options.sizes.iter().for_each(|size| report.throughput.push(throughput(&options, length, *size)));
        if !options.no_latency {
            report.latency.push(latency(&options, length));
        }
    }
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    if report.lost() > 0 {
        eprintln!("end_to_end: {} messages were lost, repeated or out of order", report.lost());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Relay and daemons in turn, after a round for each that does not count.
fn throughput(options: &Options, length: u8, size: usize) -> Throughput {
    let (mut relays, mut daemons) = (Chain::of_relays(length, size), Chain::of_daemons(length, size));
    let time = Duration::from_secs_f64(options.seconds);
    for chain in [&mut relays, &mut daemons] {
        chain.carry(options.window, time / 4);
    }
    let (mut of_relays, mut of_daemons) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        of_relays.push(relays.carry(options.window, time));
        of_daemons.push(daemons.carry(options.window, time));
    }
    Throughput::new(length, size, of_relays, of_daemons, relays.wrong() + daemons.wrong())
}

fn latency(options: &Options, length: u8) -> Latencies {
    let mut chains = [Chain::of_relays(length, LATENCY_SIZE), Chain::of_daemons(length, LATENCY_SIZE)];
    let time = Duration::from_secs_f64(options.seconds);
    let mut taken = [Vec::new(), Vec::new()];
    for round in 0..=options.rounds {
        for (chain, taken) in chains.iter_mut().zip(&mut taken) {
            let samples = chain.time(options.rate, time);
            // The first round does not count.
            taken.extend(samples.into_iter().filter(|_| round > 0));
        }
    }
    let wrong = chains.iter().map(Chain::wrong).sum();
    Latencies::new(length, options.rate, taken, wrong)
}

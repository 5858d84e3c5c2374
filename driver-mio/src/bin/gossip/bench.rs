//! `gossip bench`: how much a network of gossip daemons carries, and how fast.
//!
//! One connection announces; at each daemon one connection subscribes, vouches for everything and takes the time. Each
//! subscriber is a thread over a blocking socket, the main one announces: nobody waits for somebody who waits for it,
//! since the connection that announces is told nothing.

mod load;
mod report;
mod sample;

use crate::output::{json_line, say};
use crate::{Failure, Status, api_address, connection, seconds};
use gossip_core::limits::DATA_MAX;
use indicatif::{ProgressBar, ProgressStyle};
use load::{Pace, Shared, Subscriber};
use report::{Course, Report};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Measure how many messages daemons carry, and how fast
///
/// Announces numbered messages at one daemon and counts them at others, where everything is vouched for. Works with any
/// implementation's daemons.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Options {
    /// The API of the daemon to announce at; somebody subscribes and vouches there too
    #[arg(short = 'a', long, value_name = "HOST:PORT", default_value = "127.0.0.1:7001", value_parser = api_address)]
    announce: String,
    /// The API of a daemon to listen at; may be given several times
    #[arg(short = 's', long, value_name = "HOST:PORT", value_parser = api_address)]
    subscribe: Vec<String>,
    /// How many messages
    #[arg(short = 'n', long, value_name = "MESSAGES", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: u64,
    /// Bytes of data in each, 24 to 65525
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size)]
    size: usize,
    /// So many may be on their way at once: numbers above the highest that the slowest listener has got
    #[arg(long, value_name = "MESSAGES", default_value_t = 1_024, conflicts_with = "rate", value_parser = clap::value_parser!(u64).range(1..))]
    window: u64,
    /// So many a second instead, whatever becomes of them
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// How many hops the messages go, 0 to 255; 0 is no limit
    #[arg(long, value_name = "HOPS", default_value_t = 0)]
    ttl: u8,
    /// The data type, 0 to 65535
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value_t = 1337)]
    data_type: u16,
    /// With nothing new for so long, what is missing is lost
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
    /// Print the result as a JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Print no progress
    #[arg(short, long)]
    quiet: bool,
}

const EXPLANATION: &str = "\
Latency is from when a message was to be announced (with --rate: by the clock, so that a
daemon that falls behind cannot hide it) until a listener has read it. Times of different
hosts are not compared: everything runs in this process.

Examples:
  gossip bench -a 127.0.0.1:7001 -s 127.0.0.1:7011
  gossip bench -a 127.0.0.1:7001 -s 127.0.0.1:7011 -s 127.0.0.1:7021 --size 1024 --json
  gossip bench -s 127.0.0.1:7011 --rate 1000 -n 10000

Exit status:
  0  every listener got every message
  1  some were lost, a daemon is not there or went away, or the result could not be written
  2  wrong command line
  130  interrupted (Ctrl-C); what was measured until then is printed";

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let at_announcer = std::iter::once(&options.announce).filter(|own| !options.subscribe.contains(own));
    let addresses: Vec<String> = at_announcer.chain(&options.subscribe).cloned().collect();
    let (writer, _) = connection::connect(&options.announce)?;
    let stamp = sample::Stamp::new(options.size);
    let shared = Arc::new(Shared::new(&addresses, stamp.run(), interruption()?));
    let mut subscribers = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        subscribers.push(Subscriber::start(address, index, options.data_type, options.count, shared.clone())?);
    }
    load::settle(&writer, &shared, options.data_type, 2 * options.timeout)?;
    let bar = progress(&options, addresses.len());
    let pace = options.rate.map_or(Pace::Window(options.window), Pace::Rate);
    let plan = load::Plan { count: options.count, pace, ttl: options.ttl, data_type: options.data_type };
    let begin = Instant::now();
    let announced = load::announce(&writer, &stamp, &plan, &shared, options.timeout, |done| bar.set_position(done));
    let has_all =
        !announced.has_stalled && load::wait(announced.sent, &shared, options.timeout, |done| bar.set_position(done));
    bar.finish_and_clear();
    // Who closes after everything has come has done its part.
    let is_done = has_all && announced.sent == options.count;
    let trouble = announced.trouble.map(|trouble| trouble.to_string()).or_else(|| shared.trouble());
    let trouble = trouble.filter(|_| !is_done);
    let interrupted = shared.is_interrupted();
    if has_all {
        load::linger(&shared);
    }
    shared.end();
    let listeners: Vec<_> = subscribers.into_iter().map(Subscriber::join).collect();
    let report = Report::new(&options, Course { begin, sent: announced.sent, interrupted, trouble }, listeners);
    let printed = if options.json { json_line(&report) } else { report.table() };
    if let Err(error) = io::stdout().lock().write_all(printed.as_bytes())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(Failure::not_done(format_args!("cannot write to standard output: {error}")));
    }
    Ok(end(&report, &options, interrupted))
}

/// Says what is missing, and with which status to end.
fn end(report: &Report, options: &Options, interrupted: bool) -> ExitCode {
    if let Some(trouble) = report.trouble() {
        say(format_args!("gossip: {trouble}"));
    }
    if let Some(complaint) = report.complaint()
        && !options.quiet
    {
        say(format_args!("gossip: {complaint}"));
    }
    match (interrupted, report.is_complete() && report.trouble().is_none()) {
        (true, _) => Status::Interrupted.into(),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => Status::NotDone.into(),
    }
}

/// Becomes true at the first Ctrl-C; the second ends the program at once.
fn interruption() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGINT;
        let status = i32::from(Status::Interrupted as u8);
        // In this order: at the first signal the flag that decides is not yet set.
        signal_hook::flag::register_conditional_shutdown(SIGINT, status, interrupted.clone())
            .and_then(|_| signal_hook::flag::register(SIGINT, interrupted.clone()))
            .map_err(|error| Failure::not_done(format_args!("cannot handle signals: {error}")))?;
    }
    Ok(interrupted)
}

/// Deliveries, for a person who watches.
fn progress(options: &Options, listeners: usize) -> ProgressBar {
    if options.quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {per_sec} {eta}");
    let all = options.count.saturating_mul(listeners as u64);
    ProgressBar::new(all).with_style(style.expect("the template above is well-formed"))
}

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ sample::LEAST..=DATA_MAX) => Ok(bytes),
        _ => Err(format!("write a number from {} (number and time are in it) to {DATA_MAX}", sample::LEAST)),
    }
}

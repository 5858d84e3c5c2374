//! `gossip monitor`: follows what a daemon logs.

use super::{Where, client};
use crate::Failure;
use crate::output::{harmless, json_line, say};
use gossip_driver_mio::status::LoggedEvent;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the daemon is asked.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is seen whether there was a signal.
const TICK: Duration = Duration::from_millis(50);

/// Follow what a daemon logs: neighbours that come and go, limits that are met, faults of modules
///
/// Begins with the latest events that the daemon still has (256 at most). Warnings and infos of the node, whatever its log_level (what the
/// daemon itself logs, about descriptors or SIGHUP, is in its log only);
/// of one kind at most ten in ten seconds, the rest is counted.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    /// Print a JSON object a line: number, time, level, kind, text
    #[arg(long)]
    json: bool,
    /// Begin with so many of the latest events only
    #[arg(short = 'n', long, value_name = "EVENTS")]
    lines: Option<usize>,
    /// Print what there is and end
    #[arg(long)]
    once: bool,
}

const EXPLANATION: &str = "\
Exit status:
  0  ended by --once, Ctrl-C, SIGTERM or a reader that closed the pipe
  1  no daemon answers there, or it went away
  2  wrong command line or file";

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let address = options.place.address()?;
    let ended = ended_by_signal()?;
    let mut next = 0;
    let mut begun: Option<String> = None;
    while !ended.load(Ordering::Relaxed) {
        let mut report = client::events(&address, next)?;
        match &begun {
            None => {
                let skip = report.events.len().saturating_sub(options.lines.unwrap_or(usize::MAX));
                report.events.drain(..skip);
            }
            Some(before) if *before != report.started => {
                say(format_args!("gossip: the daemon was started again at {}", report.started));
                report = client::events(&address, 0)?;
            }
            Some(_) if report.missed > 0 => say(format_args!("gossip: {} events were missed", report.missed)),
            Some(_) => {}
        }
        (next, begun) = (report.next, Some(report.started));
        for event in &report.events {
            if !show(&options, event)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if options.once {
            break;
        }
        let until = Instant::now() + PAUSE;
        while Instant::now() < until && !ended.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// False: nobody reads any more.
fn show(options: &Options, event: &LoggedEvent) -> Result<bool, Failure> {
    let line = if options.json { json_line(event) } else { text(event) };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::not_done(format_args!("cannot write to standard output: {error}"))),
    }
}

fn text(event: &LoggedEvent) -> String {
    let LoggedEvent { time, level, text, .. } = event;
    format!("{} {:<4} {}\n", harmless(time), harmless(level), harmless(text))
}

/// Becomes true at SIGINT or SIGTERM.
pub(super) fn ended_by_signal() -> Result<Arc<AtomicBool>, Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, ended.clone())
            .map_err(|error| Failure::not_done(format_args!("cannot handle signals: {error}")))?;
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_that_cannot_upset_a_terminal() {
        let event = LoggedEvent {
            number: 7,
            time: "2026-01-02T03:04:05.678Z".to_owned(),
            level: "warn".to_owned(),
            kind: "module_fault".to_owned(),
            text: "module\u{1b}[2J\nx".to_owned(),
        };
        assert_eq!(text(&event), "2026-01-02T03:04:05.678Z warn module\\u{1b}[2J\\nx\n");
    }
}

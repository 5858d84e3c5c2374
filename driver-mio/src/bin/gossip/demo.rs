//! `gossip demo`: a real network of daemons on this host, for somebody to look at.
//!
//! Every daemon is a child process: this program, as `gossip demo-daemon`, so that nothing has to be found and nothing
//! can be of another version. One module connects to each. One thread a connection and one a log tell the main thread
//! what comes; it announces, counts and shows.

mod network;
mod tally;
mod view;

use crate::{Failure, Status, seconds};
use network::Network;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use tally::Tally;
use view::View;

/// The data type that the demo's modules talk in.
const DATA_TYPE: u16 = 1337;
/// A network that takes longer to form has failed.
const FORMING_TIME: Duration = Duration::from_secs(60);
/// How often the picture is drawn anew when nothing happens.
const REDRAW: Duration = Duration::from_millis(250);

/// Start a small real network on this host and watch messages spread
///
/// Each peer is a daemon of its own, a child process, on free ports of the loopback address; nothing is open to the
/// outside. A module at each peer listens. Every second one of them, in turn, announces a message, and all are seen to be
/// told of it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Options {
    /// How many daemons, 2 to 10
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=10))]
    peers: u8,
    /// End after so many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The time from one message to the next
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    every: Duration,
    /// Zero bits that a proof of work has, 0 to 32; 24 is what real networks ask for, and takes seconds each
    #[arg(long, value_name = "BITS", default_value_t = 16, value_parser = clap::value_parser!(u8).range(0..=32))]
    pow_bits: u8,
    /// Print JSON objects, a line each: the network, every message, a summary
    #[arg(long)]
    json: bool,
}

const EXPLANATION: &str = "\
Output: on a terminal a table that is kept up to date, otherwise a line a message.
Ctrl-C ends it. The daemons end with this program, however it ends, and leave
nothing behind.

Examples:
  gossip demo
  gossip demo --peers 8 --count 20
  gossip demo --count 3 --json | jq .

  While it runs, at one of the addresses that it shows:
  gossip subscribe -a 127.0.0.1:PORT --type 1337 --validate never

Exit status:
  0  ended by --count, Ctrl-C, SIGTERM or a reader that closed the pipe, and every
     message reached every peer
  1  a message did not, or the network could not be started or broke
  2  wrong command line";

/// What the main thread hears of. Peers count from zero.
enum Event {
    /// A daemon logged a line.
    Logged { peer: usize, line: String },
    /// A daemon's log has ended, and so has the daemon.
    Ended { peer: usize },
    /// A module was told of something.
    Told { peer: usize, data_type: u16, data: Vec<u8>, at: Instant },
    /// A module's connection is gone.
    Lost { peer: usize, why: String },
    /// Ctrl-C, or another signal that means the end.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only signals say so"))]
    Interrupted,
}

/// Why the main thread stops what it does.
enum End {
    InGoodOrder,
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let (events, inbox) = mpsc::channel();
    end_on_signals(events.clone())?;
    let mut view = View::new(&options);
    let mut tally = Tally::new(options.peers.into());
    let ended = Network::start(&options, events, &inbox, &mut tally).and_then(|mut network| {
        let ended = view.introduce(&network.places()).and_then(|()| {
            network.subscribe()?;
            Demo { options: &options, inbox: &inbox, network: &mut network, tally: &mut tally, view: &mut view }.run()
        });
        network.end();
        ended
    });
    match ended {
        Err(End::Failed(failure)) => {
            view.give_way();
            Err(failure)
        }
        Ok(()) | Err(End::InGoodOrder) => {
            view.conclude(&tally)?;
            Ok(if tally.is_complete() { ExitCode::SUCCESS } else { Status::NotDone.into() })
        }
    }
}

struct Demo<'a> {
    options: &'a Options,
    inbox: &'a Receiver<Event>,
    network: &'a mut Network,
    tally: &'a mut Tally,
    view: &'a mut View,
}

impl Demo<'_> {
    fn run(&mut self) -> Result<(), End> {
        let begin = Instant::now();
        let mut next = None;
        loop {
            let now = Instant::now();
            if next.is_none() && self.tally.has_formed() {
                next = Some(now);
            }
            if next.is_none() && now.duration_since(begin) > FORMING_TIME {
                return Err(self.never_formed().into());
            }
            if next.is_some_and(|at| at <= now) && self.options.count.is_none_or(|count| self.tally.announced() < count)
            {
                self.announce()?;
                next = Some(now + self.options.every);
            }
            self.tally.give_up(now).into_iter().try_for_each(|message| self.view.message(&message))?;
            self.view.draw(self.tally)?;
            if self.options.count.is_some_and(|count| self.tally.finished() >= count) {
                return Err(End::InGoodOrder);
            }
            let wait = next.map_or(REDRAW, |at| at.saturating_duration_since(now)).min(REDRAW);
            // Everything that is there at once, so that the picture is drawn once for it.
            let mut event = self.inbox.recv_timeout(wait.max(Duration::from_millis(1)));
            loop {
                match event {
                    Ok(event) => self.take(event)?,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Err(End::InGoodOrder),
                }
                event = self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
        }
    }

    fn announce(&mut self) -> Result<(), End> {
        let (peer, data) = self.tally.announce(Instant::now());
        self.network.announce(peer, &data)
    }

    fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Logged { peer, line } => {
                self.tally.logged(peer, &line);
                self.network.remember(peer, line);
                Ok(())
            }
            Event::Told { peer, data_type, data, at } if data_type == DATA_TYPE => {
                self.tally.told(peer, &data, at).map_or(Ok(()), |message| self.view.message(&message))
            }
            Event::Told { peer, .. } => {
                self.tally.listens(peer);
                Ok(())
            }
            Event::Ended { peer } => Err(self.network.broke(peer, "ended by itself").into()),
            Event::Lost { peer, why } => Err(self.network.broke(peer, &why).into()),
            Event::Interrupted => Err(End::InGoodOrder),
        }
    }

    fn never_formed(&self) -> Failure {
        let lonely = self.tally.lonely().map(|peer| format!("peer {}", peer + 1)).collect::<Vec<_>>().join(", ");
        Failure::not_done(format_args!(
            "the network has not formed within {} s ({lonely} without neighbours); is --pow-bits {} too much here?",
            FORMING_TIME.as_secs(),
            self.options.pow_bits
        ))
    }
}

/// Ctrl-C and the like end the demo in good order; a second one at once. The daemons end in either case.
#[cfg(unix)]
fn end_on_signals(events: Sender<Event>) -> Result<(), Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::not_done(format_args!("cannot handle signals: {error}")))?;
    std::thread::spawn(move || {
        for (number, signal) in signals.forever().enumerate() {
            if number > 0 || events.send(Event::Interrupted).is_err() {
                std::process::exit(128 + signal);
            }
        }
    });
    Ok(())
}

/// Without Unix signals, the system's own way to end a process is all there is.
#[cfg(not(unix))]
fn end_on_signals(_: Sender<Event>) -> Result<(), Failure> {
    Ok(())
}

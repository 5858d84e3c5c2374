//! `gossip announce`: says something, and knows whether the daemon took it.
//!
//! It subscribes to the type first. A message counts as taken when the daemon's own notification of it has come back
//! (same type, same data) and has been vouched for. Three threads: one reads the input, one the socket, and the main one
//! writes, so that a daemon which writes to us before it reads on never waits for us while we wait for it.

mod input;
mod pending;

use crate::connection::{self, CLOSING_TIME, LastWord, Reader, Trouble, Writer};
use crate::output::{json_line, say};
use crate::{Failure, Status, api_address, seconds};
use gossip_core::wire::ApiMessage;
use indicatif::{ProgressBar, ProgressStyle};
use input::{Item, Source};
use pending::Pending;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Say something: knows by the daemon's own notification whether it was taken
///
/// Subscribes to the type, announces, sees each message come back and vouches for it. What others announce meanwhile is
/// left unanswered.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Options {
    /// The daemon's API
    #[arg(short = 'a', long = "api", value_name = "HOST:PORT", default_value = "127.0.0.1:7001", value_parser = api_address)]
    address: String,
    /// The data type, 0 to 65535
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    data_type: u16,
    /// How many hops the messages go, 0 to 255; 1 reaches the daemon's neighbours, 0 is no limit
    #[arg(long, value_name = "HOPS", default_value_t = 0)]
    ttl: u8,
    /// A message: text; @FILE for a file's content; - for standard input's; @@TEXT for text that begins with @
    #[arg(value_name = "MESSAGE", required_unless_present = "lines", conflicts_with = "lines")]
    messages: Vec<String>,
    /// Every line of standard input is a message
    #[arg(long)]
    lines: bool,
    /// How long a message may take to come back
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
    /// Don't wait for messages to come back: for daemons that don't notify who announced
    #[arg(long)]
    no_wait: bool,
    /// Print a summary as a JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

const EXPLANATION: &str = "\
A message has at most 65525 bytes; a larger one is refused, and nothing of it sent.

Examples:
  gossip announce --type 1337 --ttl 4 'hello' 'world'
  gossip announce -a node.example:7001 --type 1337 @picture.jpg
  date | gossip announce --type 1337 -
  tail -f log | gossip announce --type 1337 --lines

Exit status:
  0  the daemon took every message (with --no-wait: every message was sent)
  1  some message was not taken in time, the daemon is not there or went away, or
     the summary could not be written
  2  wrong command line, or a message on it that cannot be sent: nothing was sent";

/// What the main thread hears of.
enum Event {
    /// A message to send, already noted as pending.
    Input(u64, Arc<[u8]>),
    /// A line that cannot be a message: why.
    Refused(String),
    /// There is no more input, for this reason if it was not its end.
    InputEnded(Option<String>),
    /// A pending message came back, under this id.
    CameBack(u16),
    /// The daemon went.
    Gone(Trouble),
    /// After our last word the daemon has said everything.
    Quiet,
}

#[derive(Debug, Default, Serialize)]
struct Tally {
    sent: u64,
    taken: u64,
    not_taken: u64,
    refused: u64,
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let source = Source::new(&options.messages)?;
    let (writer, reader) = connection::connect(&options.address)?;
    let started = Instant::now();
    let (events, inbox) = mpsc::channel();
    let pending = Arc::new(Pending::default());
    let closing = Arc::new(AtomicBool::new(false));
    writer.send(ApiMessage::Notify { data_type: options.data_type })?;
    spawn_reader(reader, options.data_type, pending.clone(), closing.clone(), events.clone());
    let progress = Progress::new(&options, source.len());
    spawn_input(source, pending.clone(), events);
    let mut announcer = Announcer {
        options: &options,
        writer: &writer,
        inbox: &inbox,
        pending: &pending,
        progress,
        tally: Tally::default(),
        input_ended: false,
    };
    let done = announcer.work().and_then(|()| announcer.last_word(&closing));
    announcer.conclude(done, started.elapsed())
}

fn spawn_reader(
    mut reader: Reader,
    data_type: u16,
    pending: Arc<Pending>,
    closing: Arc<AtomicBool>,
    events: mpsc::Sender<Event>,
) {
    std::thread::spawn(move || {
        let mut last_word = LastWord::default();
        loop {
            let was_closing = closing.load(Ordering::Acquire);
            let read = reader.read(|notification| {
                // Only what is ours: the word of whoever announced something else is not ours to give.
                if notification.data_type == data_type && pending.take_back(notification.data) {
                    // Nobody listens any more only when the program ends.
                    let _ = events.send(Event::CameBack(notification.id));
                }
            });
            let end = match read {
                Err(trouble) => Event::Gone(trouble),
                Ok(came) if was_closing && last_word.is_over(came) => Event::Quiet,
                Ok(_) => continue,
            };
            let _ = events.send(end);
            return;
        }
    });
}

fn spawn_input(mut source: Source, pending: Arc<Pending>, events: mpsc::Sender<Event>) {
    std::thread::spawn(move || {
        let ended = loop {
            let event = match source.next() {
                Ok(Some(Item::Message(data))) => {
                    let data: Arc<[u8]> = data.into();
                    Event::Input(pending.add(data.clone()), data)
                }
                Ok(Some(Item::Refused(reason))) => Event::Refused(reason),
                Ok(None) => break None,
                Err(error) => break Some(format!("cannot read standard input: {error}")),
            };
            if events.send(event).is_err() {
                return;
            }
        };
        let _ = events.send(Event::InputEnded(ended));
    });
}

struct Announcer<'a> {
    options: &'a Options,
    writer: &'a Writer,
    inbox: &'a mpsc::Receiver<Event>,
    pending: &'a Pending,
    progress: Progress,
    tally: Tally,
    input_ended: bool,
}

impl Announcer<'_> {
    /// Sends everything and waits for everything to come back.
    fn work(&mut self) -> Result<(), Failure> {
        while !self.input_ended || self.tally.sent > self.tally.taken + self.tally.not_taken {
            let wait = self.pending.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.inbox.recv_timeout(wait.unwrap_or(self.options.timeout)) {
                Ok(event) => self.handle(event)?,
                // Only now, with nothing left to hear: what came back while we were busy writing was in time.
                Err(RecvTimeoutError::Timeout) => self.expire()?,
                Err(RecvTimeoutError::Disconnected) => unreachable!("the reader's last event ends this loop"),
            }
            self.progress.show(&self.tally);
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Input(number, data) => {
                let Options { ttl, data_type, .. } = *self.options;
                self.pending.start(number, Instant::now() + self.options.timeout);
                self.writer.send(ApiMessage::Announce { ttl, data_type, data: &data })?;
                self.tally.sent += 1;
                if self.options.no_wait {
                    self.pending.forget(number);
                    self.tally.taken += 1;
                } else {
                    // A daemon that was slow to read has not had it for long.
                    self.pending.start(number, Instant::now() + self.options.timeout);
                }
            }
            Event::Refused(reason) => {
                self.tally.refused += 1;
                self.progress.say(format_args!("gossip: {reason}"));
            }
            Event::InputEnded(None) => self.input_ended = true,
            Event::InputEnded(Some(reason)) => return Err(Failure::not_done(reason)),
            Event::CameBack(id) => {
                self.writer.send(ApiMessage::Validation { id, valid: true })?;
                self.tally.taken += 1;
            }
            Event::Gone(trouble) => return Err(trouble.into()),
            Event::Quiet => {}
        }
        Ok(())
    }

    fn expire(&mut self) -> Result<(), Failure> {
        for data in self.pending.expire(Instant::now()) {
            self.tally.not_taken += 1;
            let seconds = self.options.timeout.as_secs_f64();
            let what = input::excerpt(&data);
            self.progress.say(format_args!("gossip: not taken within {seconds} s (is this its api_address?): {what}"));
        }
        if self.tally.taken == 0 && self.tally.not_taken >= pending::WINDOW as u64 {
            return Err(Failure::not_done(
                "none of the first messages came back; does this daemon notify who announced (else use --no-wait)?",
            ));
        }
        Ok(())
    }

    /// Lets the daemon read to the end before the connection is closed. A reset meanwhile means that it did not.
    fn last_word(&mut self, closing: &AtomicBool) -> Result<(), Failure> {
        self.writer.finish()?;
        closing.store(true, Ordering::Release);
        let until = Instant::now() + CLOSING_TIME;
        loop {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Gone(trouble @ Trouble::Gone(_, Some(_)))) => return Err(trouble.into()),
                Ok(Event::Gone(_) | Event::Quiet) | Err(_) => return Ok(()),
                Ok(_) => {}
            }
        }
    }

    fn conclude(mut self, mut done: Result<(), Failure>, elapsed: Duration) -> Result<ExitCode, Failure> {
        self.progress.finish();
        let Tally { sent, taken, .. } = self.tally;
        self.tally.not_taken = sent.saturating_sub(taken);
        let Options { address, data_type, ttl, .. } = self.options;
        let seconds = elapsed.as_secs_f64();
        if self.options.json {
            let error = done.as_ref().err().map(|failure| failure.reason.as_str());
            let summary = Summary { address, r#type: *data_type, ttl: *ttl, tally: &self.tally, seconds, error };
            let printed = print(&json_line(&summary));
            // Of two failures, the daemon's says more.
            done = done.and(printed);
        } else if !self.options.quiet {
            let verb = if self.options.no_wait { "sent to" } else { "taken by" };
            let refused =
                if self.tally.refused > 0 { format!(", {} refused", self.tally.refused) } else { String::new() };
            let offered = sent + self.tally.refused;
            say(format_args!(
                "{taken} of {offered} messages of type {data_type} {verb} {address} in {seconds:.2} s{refused}"
            ));
        }
        done?;
        let all = self.tally.not_taken == 0 && self.tally.refused == 0;
        Ok(if all { ExitCode::SUCCESS } else { Status::NotDone.into() })
    }
}

/// A reader that is gone has no use for a summary; a disk that is full is another matter.
fn print(summary: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(summary.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::not_done(format_args!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    address: &'a str,
    r#type: u16,
    ttl: u8,
    #[serde(flatten)]
    tally: &'a Tally,
    seconds: f64,
    error: Option<&'a str>,
}

/// A bar, for long work that a person watches.
struct Progress {
    bar: Option<ProgressBar>,
    begin: Instant,
}

impl Progress {
    /// Shorter work shows none.
    const LONG: Duration = Duration::from_millis(500);

    fn new(options: &Options, len: Option<u64>) -> Self {
        let watched = !options.quiet && io::stderr().is_terminal();
        let bar = watched.then(|| {
            let (bar, template) = match len {
                Some(len) => (ProgressBar::new(len), "{msg} {wide_bar} {percent}% {elapsed}"),
                None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
            };
            bar.with_style(ProgressStyle::with_template(template).expect("the templates above are well-formed"))
        });
        Self { bar, begin: Instant::now() }
    }

    fn show(&self, tally: &Tally) {
        let Some(bar) = self.bar.as_ref().filter(|_| self.begin.elapsed() >= Self::LONG) else { return };
        bar.set_message(format!("{} taken, {} not", tally.taken, tally.not_taken + tally.refused));
        bar.set_position(tally.taken + tally.not_taken + tally.refused);
    }

    fn say(&self, what: std::fmt::Arguments<'_>) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(what)),
            None => say(what),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

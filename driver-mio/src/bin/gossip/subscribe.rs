//! `gossip subscribe`: prints what a daemon notifies of, and answers it.

use crate::connection::{self, CLOSING_TIME, LastWord, Notification, Reader, Writer};
use crate::output::{self, Form, say};
use crate::{Failure, api_address, seconds};
use gossip_core::wire::ApiMessage;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Print what is said, and vouch for it or not
///
/// A daemon asks the modules that subscribe to a type whether a message of that type may be spread further, and the
/// first answer decides. Without any, the message goes no further than this daemon.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Options {
    /// The daemon's API
    #[arg(short = 'a', long = "api", value_name = "HOST:PORT", default_value = "127.0.0.1:7001", value_parser = api_address)]
    address: String,
    /// A data type to listen to, 0 to 65535; may be given several times
    #[arg(short = 't', long = "type", value_name = "TYPE", required = true)]
    types: Vec<u16>,
    /// What to answer when the daemon asks whether a message may be spread
    #[arg(long, value_name = "ANSWER", default_value = "yes")]
    validate: Answer,
    /// Print a JSON object a line: time, id, type, size, and the data as text or, where it isn't UTF-8, base64
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Write the data alone, every byte as it is, nothing between messages
    #[arg(long)]
    raw: bool,
    /// End after so many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Print nothing but messages and errors
    #[arg(short, long)]
    quiet: bool,
}

const EXPLANATION: &str = "\
Output: a line of text a message, control and invisible characters escaped; a hex
dump where the data isn't text. --json for programs, --raw for the bytes.

Answers: `yes` makes this a module like any other, which is what passes messages
on where no other module does. Beside a real module use `never`: the first answer
decides, and a yes of ours would get ahead of its judgement.

Examples:
  gossip subscribe --type 1337
  gossip subscribe -a node.example:7001 -t 1 -t 2 --validate never
  gossip subscribe -t 1337 --json --count 10 | jq -r .text
  gossip subscribe -t 1337 --raw --count 1 > file

Exit status:
  0  ended by --count, Ctrl-C, SIGTERM, a reader that closed the pipe, or by
     --timeout without --count
  1  the daemon is not there or went away, or --timeout came before --count
  2  wrong command line";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Answer {
    /// Vouch for every message
    Yes,
    /// Refuse every message
    No,
    /// Ask the person at the terminal
    Ask,
    /// Don't answer: only look on
    Never,
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let judge = Judge::new(options.validate)?;
    let (writer, mut reader) = connection::connect(&options.address)?;
    let interrupted = end_on_signals(&writer)?;
    for &data_type in &options.types {
        writer.send(ApiMessage::Notify { data_type })?;
    }
    if !options.quiet {
        say(format_args!("listening at {}; {}", options.address, judge.intention()));
    }
    let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
    let mut listener = Listener { options: &options, writer: &writer, judge, printed: 0 };
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(ExitCode::SUCCESS);
        }
        let mut ended = None;
        let read = reader.read(|notification| {
            if ended.is_none() {
                ended = listener.take(notification).err();
            }
        });
        match ended {
            None => {}
            Some(End::InGoodOrder) => return last_word(&writer, &mut reader),
            Some(End::Failed(failure)) => return unless_interrupted(&interrupted, failure),
        }
        if let Err(trouble) = read {
            return unless_interrupted(&interrupted, trouble.into());
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return match options.count {
                Some(count) => Err(Failure::not_done(format_args!(
                    "{} of {count} messages came within the --timeout of {} s",
                    listener.printed,
                    options.timeout.unwrap_or_default().as_secs_f64()
                ))),
                None => last_word(&writer, &mut reader),
            };
        }
    }
}

/// The signal ends the connection under whatever was being done: not a failure then.
fn unless_interrupted(interrupted: &AtomicBool, failure: Failure) -> Result<ExitCode, Failure> {
    if interrupted.load(Ordering::Relaxed) { Ok(ExitCode::SUCCESS) } else { Err(failure) }
}

/// Lets the last answer arrive. Whether the daemon stays or goes meanwhile is all the same.
fn last_word(writer: &Writer, reader: &mut Reader) -> Result<ExitCode, Failure> {
    let until = Instant::now() + CLOSING_TIME;
    let mut last_word = LastWord::default();
    if writer.finish().is_ok() {
        while Instant::now() < until && reader.read(|_| {}).is_ok_and(|came| !last_word.is_over(came)) {}
    }
    Ok(ExitCode::SUCCESS)
}

enum End {
    InGoodOrder,
    Failed(Failure),
}

struct Listener<'a> {
    options: &'a Options,
    writer: &'a Writer,
    judge: Judge,
    printed: u64,
}

impl Listener<'_> {
    fn take(&mut self, notification: Notification<'_>) -> Result<(), End> {
        if !self.options.types.contains(&notification.data_type) {
            // Nobody asked for it: neither shown nor answered.
            return Ok(());
        }
        self.print(notification)?;
        if let Some(valid) = self.judge.judge(notification)? {
            let answer = ApiMessage::Validation { id: notification.id, valid };
            self.writer.send(answer).map_err(|trouble| End::Failed(trouble.into()))?;
        }
        self.printed += 1;
        if self.options.count == Some(self.printed) { Err(End::InGoodOrder) } else { Ok(()) }
    }

    fn print(&self, notification: Notification<'_>) -> Result<(), End> {
        let form = match (self.options.json, self.options.raw) {
            (true, _) => Form::Json,
            (_, true) => Form::Raw,
            _ => Form::Text,
        };
        let bytes = output::render(form, jiff::Timestamp::now(), notification);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            // Whoever read the pipe has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(End::InGoodOrder),
            Err(error) => Err(End::Failed(Failure::not_done(format_args!("cannot write to standard output: {error}")))),
        }
    }
}

/// Who decides what is answered.
enum Judge {
    Always(bool),
    Never,
    Person { input: Box<dyn BufRead>, output: Box<dyn Write> },
}

impl Judge {
    fn new(answer: Answer) -> Result<Self, Failure> {
        match answer {
            Answer::Yes => Ok(Self::Always(true)),
            Answer::No => Ok(Self::Always(false)),
            Answer::Never => Ok(Self::Never),
            Answer::Ask => {
                // Standard input and output may be pipes: the person is asked on the terminal itself.
                let terminal = File::options().read(true).write(true).open("/dev/tty");
                let both = terminal.and_then(|terminal| Ok((terminal.try_clone()?, terminal)));
                let (input, output) = both.map_err(|error| {
                    Failure::wrong_command_line(format_args!(
                        "--validate ask needs a terminal to ask on, and there is none ({error}); use yes, no or never"
                    ))
                })?;
                Ok(Self::Person { input: Box::new(BufReader::new(input)), output: Box::new(output) })
            }
        }
    }

    fn intention(&self) -> &'static str {
        match self {
            Self::Always(true) => "every message is vouched for (--validate never only looks on)",
            Self::Always(false) => "every message is refused",
            Self::Never => "only looking on",
            Self::Person { .. } => "you will be asked about every message",
        }
    }

    fn judge(&mut self, notification: Notification<'_>) -> Result<Option<bool>, End> {
        match self {
            Self::Always(valid) => Ok(Some(*valid)),
            Self::Never => Ok(None),
            Self::Person { input, output } => {
                let seen = io::stdout().is_terminal();
                ask(input, output, notification, seen).map_err(|error| {
                    End::Failed(Failure::not_done(format_args!("cannot ask on the terminal: {error}")))
                })?
            }
        }
    }
}

/// Asks until there is an answer. The inner error is a person's wish to end.
fn ask(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    Notification { id, data_type, data }: Notification<'_>,
    seen: bool,
) -> io::Result<Result<Option<bool>, End>> {
    const PREVIEW: usize = 200;
    if !seen {
        let start = String::from_utf8_lossy(data.get(..PREVIEW).unwrap_or(data));
        let dots = if data.len() > PREVIEW { " ..." } else { "" };
        writeln!(output, "{}{dots}", output::harmless(&start))?;
    }
    loop {
        write!(
            output,
            "May message {id} (type {data_type}, {} bytes) be spread? [y]es, [n]o, [s]kip, [q]uit: ",
            data.len()
        )?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(Err(End::InGoodOrder));
        }
        match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(Ok(Some(true))),
            "n" | "no" => return Ok(Ok(Some(false))),
            "s" | "skip" => return Ok(Ok(None)),
            "q" | "quit" => return Ok(Err(End::InGoodOrder)),
            _ => {}
        }
    }
}

/// Makes SIGINT and SIGTERM end the connection, and the loop that reads it.
#[cfg(unix)]
fn end_on_signals(writer: &Writer) -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    /// For how long the loop may hang elsewhere: at the terminal's prompt, or writing to a pipe that nobody reads.
    const GRACE: Duration = Duration::from_millis(500);

    let interrupted = Arc::new(AtomicBool::new(false));
    let failed = |error: io::Error| Failure::not_done(format_args!("cannot handle signals: {error}"));
    let handle = writer.handle().map_err(failed)?;
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let flag = interrupted.clone();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            flag.store(true, Ordering::Relaxed);
            let _ = handle.shutdown(std::net::Shutdown::Both);
            std::thread::sleep(GRACE);
            std::process::exit(0);
        }
    });
    Ok(interrupted)
}

#[cfg(not(unix))]
fn end_on_signals(_: &Writer) -> Result<Arc<AtomicBool>, Failure> {
    Ok(Arc::new(AtomicBool::new(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &str, data: &[u8], seen: bool) -> (Result<Option<bool>, ()>, String) {
        let mut output = Vec::new();
        let notification = Notification { id: 7, data_type: 1337, data };
        let answer = ask(&mut answers.as_bytes(), &mut output, notification, seen).unwrap();
        (answer.map_err(|_| ()), String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_person_is_asked_until_there_is_an_answer() {
        let (answer, shown) = asked("what?\n\nYes\n", b"data", true);
        assert_eq!((answer, shown.matches("message 7 (type 1337, 4 bytes)").count()), (Ok(Some(true)), 3));
        assert_eq!(asked("n\n", b"", true).0, Ok(Some(false)));
        assert_eq!(asked("skip\n", b"", true).0, Ok(None));
        assert_eq!(asked("q\n", b"", true).0, Err(()));
    }

    #[test]
    fn the_end_of_the_terminal_is_the_end() {
        assert_eq!(asked("", b"data", true).0, Err(()));
    }

    #[test]
    fn who_cannot_see_the_message_is_shown_its_start_made_harmless() {
        let (_, shown) = asked("y\n", &[b"\x1b[2Jx".as_slice(), &[b'a'; 500]].concat(), false);
        assert!(shown.starts_with("\\u{1b}[2Jxaaa") && shown.contains("aaa ...\n"), "{shown:?}");
        assert!(!shown.contains('\x1b'));
    }
}

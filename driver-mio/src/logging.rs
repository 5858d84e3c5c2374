//! The log: one line an event, RFC 3339 times, on the terminal, in a file, or both.
//!
//! A line is one line whatever others put into it: control characters are escaped. What peers and modules can cause is
//! limited in rate by kind. Whoever logs never waits for the terminal or the disk: threads of their own write.

mod behind;

use crate::status::EventLog;
use behind::Behind;
use gossip_core::time::{Duration, Instant};
use gossip_core::{Level, Note};
use log::{LevelFilter, Log, Metadata, Record};
use simplelog::{CombinedLogger, Config, ConfigBuilder, SharedLogger, WriteLogger};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Notes of one kind that are logged within one window.
const NOTES_PER_WINDOW: u32 = 10;
/// How long a window lasts.
const WINDOW: Duration = Duration::from_secs(10);

/// Sends everything that is logged at `level` or above to the terminal (standard error), and to the end of `file`.
/// [`finish`] is to be called at the end of the program.
///
/// A place that does not take its lines goes without, and is told how many when it takes them again; that a file cannot
/// be written is also said on standard error, once in a while.
pub fn start(level: LevelFilter, terminal: bool, file: Option<&Path>) -> io::Result<()> {
    let mut loggers: Vec<Box<dyn SharedLogger>> = Vec::new();
    // The level is the one that log itself has, so that it can change: these let everything pass.
    let all = LevelFilter::Trace;
    if terminal {
        // Nowhere is left to complain of standard error.
        loggers.push(WriteLogger::new(all, format(), Behind::new(io::stderr(), |_| ())?));
    }
    if let Some(path) = file {
        let name = path.display().to_string();
        let complain = move |error: &str| {
            let told = format!("cannot log to {name}: {error}; what is missing there is counted, the node goes on");
            let _ = io::stderr().write_all(&behind::warning(&told));
        };
        loggers.push(WriteLogger::new(all, format(), Behind::new(LogFile::open(path)?, complain)?));
    }
    log::set_boxed_logger(Box::new(OneLine(CombinedLogger::new(loggers)))).map_err(io::Error::other)?;
    log::set_max_level(level);
    Ok(())
}

/// Has the file opened anew, under its name, before the next line: after a rotation that is another file.
pub fn reopen() {
    OPENINGS.fetch_add(1, Ordering::Relaxed);
}

/// Waits until what was logged is written, for places that take it: a second each at most.
pub fn finish() {
    log::logger().flush();
}

/// How often the file was asked to be opened anew.
static OPENINGS: AtomicU64 = AtomicU64::new(0);

/// The end of a file, whichever bears its name.
struct LogFile {
    path: PathBuf,
    file: File,
    openings: u64,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        let openings = OPENINGS.load(Ordering::Relaxed);
        Ok(Self { path: path.to_owned(), file: Self::end_of(path)?, openings })
    }

    fn end_of(path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let openings = OPENINGS.load(Ordering::Relaxed);
        if openings != self.openings {
            self.openings = openings;
            match Self::end_of(&self.path) {
                Ok(file) => self.file = file,
                Err(error) => {
                    let told =
                        format!("cannot open {} again: {error}; its lines go where they went", self.path.display());
                    let _ = io::stderr().write_all(&behind::warning(&told));
                }
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn format() -> Config {
    ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build()
}

/// Escapes what would break a line, or drive a terminal.
struct OneLine<L>(L);

impl<L: Log> Log for OneLine<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let message = record.args().to_string();
        match escaped(&message) {
            Cow::Borrowed(_) => self.0.log(record),
            Cow::Owned(clean) => self.0.log(
                &Record::builder()
                    .metadata(record.metadata().clone())
                    .module_path(record.module_path())
                    .args(format_args!("{clean}"))
                    .build(),
            ),
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

fn escaped(message: &str) -> Cow<'_, str> {
    if message.chars().any(char::is_control) {
        let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        message.chars().map(escape).collect::<String>().into()
    } else {
        message.into()
    }
}

/// How many notes of one kind there were lately.
struct Window {
    ends: Instant,
    logged: u32,
    suppressed: u64,
    level: log::Level,
}

/// Logs the core's notes, of each kind at most so many at a time, and keeps the latest.
#[derive(Default)]
pub(crate) struct NoteLog {
    windows: BTreeMap<&'static str, Window>,
    events: EventLog,
}

impl NoteLog {
    pub(crate) fn note(&mut self, now: Instant, note: &Note) {
        let level = match note.level() {
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => return log::debug!("{note}"),
        };
        // Each table is a kind of its own here, and once is enough: there is nothing more to be told of it.
        let (kind, most) = match note {
            Note::TableFull { table } => (*table, 1),
            _ => (note.kind(), NOTES_PER_WINDOW),
        };
        if self.admit(now, kind, most, level) {
            log::log!(level, "{note}");
            self.events.record(level, note.kind(), note.to_string());
        }
    }

    /// What was logged last, at whatever level the log is.
    pub(crate) fn events(&self) -> &EventLog {
        &self.events
    }

    /// When [`tick`](Self::tick) has something to say. Quiet kinds need no timer.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.windows.values().filter(|window| window.suppressed > 0).map(|window| window.ends).min()
    }

    /// Says how much was left out of windows that are over.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.close_windows(|window| window.ends <= now);
    }

    /// Says what is left to be said.
    pub(crate) fn finish(&mut self) {
        self.close_windows(|_| true);
    }

    fn admit(&mut self, now: Instant, kind: &'static str, most: u32, level: log::Level) -> bool {
        self.tick(now);
        let window =
            self.windows.entry(kind).or_insert(Window { ends: now.after(WINDOW), logged: 0, suppressed: 0, level });
        if window.logged < most {
            window.logged += 1;
            true
        } else {
            window.suppressed += 1;
            false
        }
    }

    fn close_windows(&mut self, over: impl Fn(&Window) -> bool) {
        let Self { windows, events } = self;
        windows.retain(|kind, window| {
            let over = over(window);
            if over && window.suppressed > 0 {
                let told = format!("{} more of kind {kind} in {WINDOW}, not logged", window.suppressed);
                log::log!(window.level, "{told}");
                events.record(window.level, kind, told);
            }
            !over
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_is_one_line_whatever_it_holds() {
        assert_eq!(escaped("plain \u{e4} text"), "plain \u{e4} text");
        assert_eq!(escaped("a\nb\r\u{1b}[2Jc\u{85}"), "a\\nb\\r\\u{1b}[2Jc\\u{85}");
    }

    #[test]
    fn notes_of_one_kind_are_limited_and_counted_and_other_kinds_are_not_touched() {
        let mut notes = NoteLog::default();
        let start = Instant::from_micros(5);
        let admitted = (0..25).filter(|_| notes.admit(start, "banned", 10, log::Level::Info)).count();
        assert_eq!(admitted, 10);
        assert!(notes.admit(start, "table_full", 10, log::Level::Warn));
        assert_eq!(notes.windows["banned"].suppressed, 15);
        assert_eq!(notes.deadline(), Some(start.after(WINDOW)));
        notes.tick(start.after(WINDOW));
        assert_eq!(notes.deadline(), None);
        assert!(notes.admit(start.after(WINDOW), "banned", 10, log::Level::Info));
    }

    #[test]
    fn a_quiet_log_needs_no_timer() {
        let mut notes = NoteLog::default();
        assert!(notes.admit(Instant::ZERO, "alone", 10, log::Level::Info));
        assert_eq!(notes.deadline(), None);
    }

    #[test]
    fn of_a_full_table_one_line_a_window_is_enough() {
        let mut notes = NoteLog::default();
        (0..5).for_each(|_| notes.note(Instant::ZERO, &Note::TableFull { table: "pending_max" }));
        notes.note(Instant::ZERO, &Note::TableFull { table: "seen_max" });
        let counts = |kind| (notes.windows[kind].logged, notes.windows[kind].suppressed);
        assert_eq!((counts("pending_max"), counts("seen_max")), ((1, 4), (1, 0)));
    }
}

//! Lines on their way out, and a bar that shows how far the replay has come.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

/// Lines are written when there are so many bytes of them, or so much time has passed.
const BUFFER: usize = 64 << 10;
const PAUSE: Duration = Duration::from_millis(100);
/// Recordings below this are replayed before a bar could be read.
const BAR_FROM: usize = 8 << 20;

/// See the module.
pub(super) struct Output<'w> {
    to: &'w mut dyn Write,
    lines: String,
    bar: ProgressBar,
    written: Instant,
    /// Why nothing more can be written.
    broken: Option<io::Error>,
}

impl<'w> Output<'w> {
    /// Writes to `to`; the bar, if the person is at a terminal, is about `bytes` bytes.
    pub(super) fn new(to: &'w mut dyn Write, bytes: usize) -> Self {
        let bar = if bytes >= BAR_FROM && io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {eta} left");
            ProgressBar::new(bytes as u64).with_style(style.expect("the template is one"))
        } else {
            ProgressBar::hidden()
        };
        Self { to, lines: String::new(), bar, written: Instant::now(), broken: None }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.lines.push_str(line);
        if self.lines.len() >= BUFFER {
            self.flush();
        }
    }

    /// To be called now and then: shows how far things are. False: nobody reads on.
    pub(super) fn progress(&mut self, read: usize) -> bool {
        if self.written.elapsed() >= PAUSE {
            self.bar.set_position(read as u64);
            self.flush();
        }
        self.broken.is_none()
    }

    /// Writes what is left. A reader that has gone is no failure.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.flush();
        match self.broken {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) {
        self.written = Instant::now();
        if self.broken.is_none() && !self.lines.is_empty() {
            let (to, lines) = (&mut self.to, &self.lines);
            self.broken = self.bar.suspend(|| to.write_all(lines.as_bytes()).and_then(|()| to.flush())).err();
        }
        self.lines.clear();
    }
}

//! A process of ours: what it says, and how it ends.

use crate::PATIENCE;
use rustix::process::{Pid, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

/// Lines that a process said, as they come.
#[derive(Default)]
pub(crate) struct Lines {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    is_over: bool,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let to = Arc::clone(&lines);
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                to.lock().lines.push(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned());
                to.more.notify_all();
                line.clear();
            }
            to.lock().is_over = true;
            to.more.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `wanted` makes of all lines, as soon as it makes something of them; none when the time, or the stream, is
    /// over before.
    pub(crate) fn wait<T>(&self, within: Duration, mut wanted: impl FnMut(&[String]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut said = self.lock();
        loop {
            if let Some(found) = wanted(&said.lines) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if said.is_over || left.is_zero() {
                return None;
            }
            said = self.more.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end of the stream.
    fn wait_for_end(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let mut said = self.lock();
        while !said.is_over {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            said = self.more.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().lines.clone()
    }
}

/// Killed, by its own id, when dropped.
pub struct Process {
    name: String,
    child: Child,
    pub(crate) out: Arc<Lines>,
    pub(crate) err: Arc<Lines>,
}

impl Process {
    /// Starts it, with nothing to read.
    pub(crate) fn start(name: &str, program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let out = Lines::of(child.stdout.take().expect("it is piped"));
        let err = Lines::of(child.stderr.take().expect("it is piped"));
        Self { name: name.to_owned(), child, out, err }
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // The child is not waited for before `self` goes, so that the id is its own for as long.
        kill_process(Pid::from_child(&self.child), signal).expect("it is a child of ours");
    }

    /// How it ended, if it ends in time.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        // Its end closes both; both ends are its own, as it starts no processes.
        let deadline = Instant::now() + within;
        let is_over =
            self.err.wait_for_end(within) && self.out.wait_for_end(deadline.saturating_duration_since(Instant::now()));
        is_over.then(|| self.child.wait().expect("it is a child of ours"))
    }

    /// Its exit status, standard output and standard error, once it has ended.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        let status =
            self.wait(PATIENCE).unwrap_or_else(|| panic!("{} hung; it had said: {:?}", self.name, self.err.all()));
        (status.code(), self.out.all().join("\n"), self.err.all().join("\n"))
    }

    /// Waits until a line of its standard output has this in it.
    pub fn prints(&self, part: &str) {
        let found = self.out.wait(PATIENCE, |lines| lines.iter().any(|line| line.contains(part)).then_some(()));
        assert!(found.is_some(), "{} did not print '{part}' but {:?}", self.name, self.out.all());
    }

    /// Waits until a line of its standard error has this in it.
    pub fn says(&self, part: &str) {
        let found = self.err.wait(PATIENCE, |lines| lines.iter().any(|line| line.contains(part)).then_some(()));
        assert!(found.is_some(), "{} did not say '{part}' but {:?}", self.name, self.err.all());
    }

    /// The lines of its standard output so far.
    pub fn printed(&self) -> Vec<String> {
        self.out.all()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

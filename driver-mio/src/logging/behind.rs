//! Writing behind the log's back: a place that takes lines slowly (a terminal held with Ctrl-S, a pipe that nobody
//! reads) or not at all (a full disk) costs lines, which are counted, and never the loop's time.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that wait for one place at most; lines past that are left out.
const WAITING_MAX: usize = 1 << 20;

/// How long the end of the program waits for one place to take what waits.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// How long standard error is spared another word about a file that cannot be written.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Bytes of a writer's stack: it calls nothing deep.
const STACK: usize = 128 << 10;

/// Takes lines, piece by piece, for a thread that writes them. Never waits but to [flush](Write::flush), and then not
/// for long; never fails.
pub(super) struct Behind {
    shared: Arc<Shared>,
    /// The line in the making.
    line: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    more: Condvar,
    /// Everything was written, or given up.
    done: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Whole lines.
    waiting: Vec<u8>,
    /// Lines left out after those.
    left_out: u64,
    /// The thread has taken what waited, and is at it.
    is_writing: bool,
    /// Nothing more comes.
    is_over: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.left_out == 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Behind {
    /// Starts a thread that writes to `to`. Failures are told to `complain`, once in a while.
    pub(super) fn new(
        to: impl Write + Send + 'static,
        complain: impl FnMut(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let place = Place { to, complain, missing: 0, is_torn: false, silent_until: None };
        let theirs = Arc::clone(&shared);
        let writer = thread::Builder::new().name("log".to_owned()).stack_size(STACK);
        writer.spawn(move || write_all(&theirs, place))?;
        Ok(Self { shared, line: Vec::new() })
    }

    fn push(&mut self) {
        let mut queue = self.shared.lock();
        // Once a line was left out, so is the rest until the writer has come round: what is missing is missing in one
        // place.
        if queue.left_out > 0 || queue.waiting.len() + self.line.len() > WAITING_MAX {
            queue.left_out += 1;
        } else {
            queue.waiting.extend_from_slice(&self.line);
        }
        drop(queue);
        self.shared.more.notify_one();
        self.line.clear();
    }
}

impl Write for Behind {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(piece);
        if self.line.ends_with(b"\n") {
            self.push();
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let queue = self.shared.lock();
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.is_empty();
        drop(self.shared.done.wait_timeout_while(queue, FLUSH_TIME, is_busy));
        Ok(())
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.more.notify_one();
    }
}

/// The thread.
fn write_all(shared: &Shared, mut place: Place<impl Write, impl FnMut(&str)>) {
    let mut queue = shared.lock();
    loop {
        if queue.is_empty() {
            queue.is_writing = false;
            shared.done.notify_all();
            if queue.is_over {
                return;
            }
            queue = shared.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        queue.is_writing = true;
        let lines = std::mem::take(&mut queue.waiting);
        let left_out = std::mem::take(&mut queue.left_out);
        drop(queue);
        // Line by line: what other processes write to the same terminal or pipe comes between lines, not into them.
        lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| place.write(line));
        if left_out > 0 {
            place.write(&warning(&format!("{left_out} lines are missing here: they came faster than they were taken")));
        }
        queue = shared.lock();
    }
}

/// Where lines go in the end.
struct Place<W, C> {
    to: W,
    complain: C,
    /// Lines that could not be written since the last that could.
    missing: u64,
    /// The last one was written in part.
    is_torn: bool,
    silent_until: Option<Instant>,
}

impl<W: Write, C: FnMut(&str)> Place<W, C> {
    fn write(&mut self, line: &[u8]) {
        let written = self.make_good().and_then(|()| self.put(line));
        if let Err(error) = written {
            self.missing += 1;
            if self.silent_until.is_none_or(|until| until <= Instant::now()) {
                (self.complain)(&error.to_string());
                self.silent_until = Some(Instant::now() + WARNING_PAUSE);
            }
        }
    }

    /// After a failure: says first how much is missing. Only then is there room for more.
    fn make_good(&mut self) -> io::Result<()> {
        if self.missing > 0 {
            let told = warning(&format!("{} lines are missing here: they could not be written", self.missing));
            let line_end: &[u8] = if self.is_torn { b"\n" } else { b"" };
            self.put(&[line_end, &told].concat())?;
            self.missing = 0;
        }
        Ok(())
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    rest = &rest[n..];
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A line as the log's own are.
pub(super) fn warning(text: &str) -> Vec<u8> {
    format!("{} [WARN] {text}\n", jiff::Timestamp::now()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes so many bytes whenever it is told to, and fails for others.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self(Arc::new(Mutex::new((room, Vec::new()))))
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().1.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let n = bytes.len().min(disk.0);
            if n == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            disk.0 -= n;
            disk.1.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits for a permit before each write.
    struct Held(Receiver<()>, Disk);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // No permit will ever come again: nothing is held any more.
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn held() -> (Sender<()>, Held, Disk) {
        let (permits, permit) = channel();
        let disk = Disk::with_room(usize::MAX);
        (permits, Held(permit, disk.clone()), disk)
    }

    #[test]
    fn lines_come_whole_and_in_order_though_they_are_written_in_pieces() {
        let disk = Disk::with_room(usize::MAX);
        let mut behind = Behind::new(disk.clone(), |error| panic!("{error}")).unwrap();
        let mut expected = String::new();
        for n in 0..5_000 {
            write!(behind, "line ").unwrap();
            writeln!(behind, "{n}").unwrap();
            expected += &format!("line {n}\n");
        }
        behind.flush().unwrap();
        assert_eq!(disk.text(), expected);
    }

    #[test]
    fn a_place_that_takes_nothing_holds_nobody_up_and_is_told_later_what_it_missed() {
        let (permits, place, disk) = held();
        let mut behind = Behind::new(place, |error| panic!("{error}")).unwrap();
        let line = "x".repeat(999);
        let begun = Instant::now();
        for _ in 0..10_000 {
            writeln!(behind, "{line}").unwrap();
        }
        assert!(behind.shared.lock().waiting.len() <= WAITING_MAX);
        behind.flush().unwrap();
        assert!(begun.elapsed() < FLUSH_TIME * 10, "{:?}", begun.elapsed());
        drop(permits);
        // Room for all that still waits, however often it takes.
        while behind.shared.lock().is_writing {
            behind.flush().unwrap();
        }
        writeln!(behind, "here again").unwrap();
        behind.flush().unwrap();
        let text = disk.text();
        let kept = text.lines().filter(|kept| **kept == line).count();
        // In one place, or in two if the writer came to take the first lines only after that.
        let count = |told: &str| told.split(' ').nth(2).and_then(|n| n.parse::<usize>().ok());
        let told: Vec<&str> = text.lines().filter(|told| told.contains("are missing here")).collect();
        assert!((1..=2).contains(&told.len()), "{told:?}");
        assert_eq!(told.iter().filter_map(|told| count(told)).sum::<usize>(), 10_000 - kept, "{told:?}");
        assert!(text.ends_with("here again\n"));
        assert!((1_000..2_200).contains(&kept), "{kept}");
    }

    #[test]
    fn a_full_disk_is_told_once_and_the_log_resumes_with_how_much_is_missing() {
        let disk = Disk::with_room(25);
        let (complaints, complained) = channel();
        let complain = move |error: &str| complaints.send(error.to_owned()).unwrap();
        let mut behind = Behind::new(disk.clone(), complain).unwrap();
        for n in 0..10 {
            writeln!(behind, "line number {n}").unwrap();
        }
        behind.flush().unwrap();
        assert_eq!(disk.text(), "line number 0\nline number");
        disk.0.lock().unwrap().0 = usize::MAX;
        writeln!(behind, "there is room").unwrap();
        behind.flush().unwrap();
        let text = disk.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[2].ends_with("[WARN] 9 lines are missing here: they could not be written"), "{text}");
        assert_eq!(lines[3], "there is room");
        drop(behind);
        assert_eq!(complained.iter().count(), 1);
    }
}

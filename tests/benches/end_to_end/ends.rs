//! Who announces, and who vouches: as lean as they can be, since what they take the chain between them does not have.

use gossip_tests::{body, kind};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The data type of every message.
pub(crate) const TYPE: u16 = 1337;
/// Bytes of data: number and time at the least, and what a frame between peers has room for at most.
pub(crate) const SIZES: RangeInclusive<usize> = 16..=65_525;
/// ANNOUNCE and NOTIFICATION: bytes before the data.
const HEAD: usize = 8;
/// Bytes announced in one write, about.
const BATCH: usize = 128 << 10;
/// The number of a message that only shows that messages get through.
const PROBE: u64 = u64::MAX;
/// Whatever takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the module at one daemon has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Messages in their order.
    got: AtomicU64,
    /// Numbers that were skipped or came again.
    wrong: AtomicU64,
    is_probed: AtomicBool,
    is_timing: AtomicBool,
    latencies: Mutex<Vec<Duration>>,
}

impl Seen {
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Acquire)
    }
}

/// Announces numbered messages of one size.
pub(crate) struct Source {
    stream: TcpStream,
    /// As many frames as one write takes, to be numbered.
    batch: Vec<u8>,
    frame_len: usize,
    sent: u64,
    epoch: Instant,
    modules: Vec<Arc<Seen>>,
}

impl Source {
    /// Subscribes a module at each of these, announces at the first, and waits until messages get through to all.
    pub(crate) fn new(apis: &[SocketAddr], size: usize) -> Self {
        let epoch = Instant::now();
        let modules: Vec<Arc<Seen>> = apis.iter().map(|api| vouch(connect(*api), epoch, thread::current())).collect();
        let announce = body::announce(0, TYPE, &vec![0x5a; size]);
        let batch = announce.repeat((BATCH / announce.len()).max(1));
        let mut source = Self { stream: connect(apis[0]), batch, frame_len: announce.len(), sent: 0, epoch, modules };
        source.settle();
        source
    }

    fn settle(&mut self) {
        let begin = Instant::now();
        let is_through = |source: &Self| source.modules.iter().all(|seen| seen.is_probed.load(Ordering::Acquire));
        while !is_through(self) {
            assert!(begin.elapsed() < PATIENCE, "messages do not get through");
            self.number(0, PROBE, Instant::now());
            self.write(1);
            let pause = Instant::now() + Duration::from_millis(200);
            while Instant::now() < pause && !is_through(self) {
                thread::park_timeout(Duration::from_millis(10));
            }
        }
    }

    /// Messages that every module has.
    fn slowest(&self) -> u64 {
        self.modules.iter().map(|seen| seen.got.load(Ordering::Acquire)).min().unwrap_or(0)
    }

    /// So many at once on their way, for so long and until all have come: how many in what time.
    pub(crate) fn carry(&mut self, window: u64, time: Duration) -> (u64, Duration) {
        let (from, begin) = (self.sent, Instant::now());
        let most = (self.batch.len() / self.frame_len) as u64;
        while begin.elapsed() < time {
            let open = (self.slowest() + window).saturating_sub(self.sent).min(most);
            if open == 0 {
                thread::park_timeout(PATIENCE);
                continue;
            }
            let now = Instant::now();
            for at in 0..open {
                self.number(usize::try_from(at).expect("a batch fits memory"), self.sent + at, now);
            }
            self.write(open);
            self.sent += open;
        }
        self.wait();
        (self.sent - from, begin.elapsed())
    }

    /// So many a second, one by one: how long each took to the last module.
    pub(crate) fn time(&mut self, rate: u64, time: Duration) -> Vec<Duration> {
        let last = Arc::clone(self.modules.last().expect("there is a daemon"));
        last.is_timing.store(true, Ordering::Release);
        let begin = Instant::now();
        for n in 0.. {
            let due = Duration::from_nanos(n * 1_000_000_000 / rate);
            if due >= time {
                break;
            }
            thread::sleep((begin + due).saturating_duration_since(Instant::now()));
            // Not from when it was due: how late this thread wakes is neither side's.
            self.number(0, self.sent, Instant::now());
            self.write(1);
            self.sent += 1;
        }
        self.wait();
        last.is_timing.store(false, Ordering::Release);
        std::mem::take(&mut last.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Until everything has come everywhere.
    fn wait(&self) {
        let mut moved = (self.slowest(), Instant::now());
        while moved.0 < self.sent {
            thread::park_timeout(Duration::from_millis(100));
            if self.slowest() != moved.0 {
                moved = (self.slowest(), Instant::now());
            }
            assert!(moved.1.elapsed() < PATIENCE, "{} of {} messages came, and no more", moved.0, self.sent);
        }
    }

    fn number(&mut self, at: usize, number: u64, now: Instant) {
        let data = at * self.frame_len + HEAD;
        let nanos = u64::try_from(now.duration_since(self.epoch).as_nanos()).expect("no run lasts so long");
        self.batch[data..data + 8].copy_from_slice(&number.to_be_bytes());
        self.batch[data + 8..data + 16].copy_from_slice(&nanos.to_be_bytes());
    }

    fn write(&mut self, frames: u64) {
        let len = usize::try_from(frames).expect("a batch fits memory") * self.frame_len;
        self.stream.write_all(&self.batch[..len]).expect("the chain takes announcements");
    }

    pub(crate) fn modules(&self) -> &[Arc<Seen>] {
        &self.modules
    }
}

fn connect(api: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(api).unwrap_or_else(|error| panic!("{api}: {error}"));
    stream.set_nodelay(true).expect("TCP has this option");
    stream
}

/// A module in a thread of its own, until its connection ends: subscribes, vouches for everything, counts.
fn vouch(mut stream: TcpStream, epoch: Instant, source: Thread) -> Arc<Seen> {
    stream.write_all(&body::notify(TYPE)).expect("a module may subscribe");
    let seen = Arc::new(Seen::default());
    let module = Arc::clone(&seen);
    thread::spawn(move || {
        let (mut buffer, mut filled, mut answers) = (vec![0; 512 << 10], 0, Vec::new());
        while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
            filled += read;
            let now = Instant::now();
            let mut at = 0;
            while let Some(frame) = first_frame(&buffer[at..filled]) {
                module.take(frame, now.duration_since(epoch), &mut answers);
                at += frame.len();
            }
            buffer.copy_within(at..filled, 0);
            filled -= at;
            if stream.write_all(&answers).is_err() {
                break;
            }
            answers.clear();
            source.unpark();
        }
    });
    seen
}

/// The frame that these bytes begin with, if all of it is there.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<&[u8]> {
    let size = u16::from_be_bytes(*bytes.first_chunk()?);
    bytes.get(..usize::from(size))
}

impl Seen {
    fn take(&self, frame: &[u8], now: Duration, answers: &mut Vec<u8>) {
        if frame[2..4] != kind::NOTIFICATION.to_be_bytes() {
            return;
        }
        let mut validation = [0, 8, 1, 0xf7, 0, 0, 0, 1];
        validation[4..6].copy_from_slice(&frame[4..6]);
        answers.extend_from_slice(&validation);
        let field = |at: usize| u64::from_be_bytes(frame[at..at + 8].try_into().expect("eight bytes"));
        let number = field(HEAD);
        if number == PROBE {
            self.is_probed.store(true, Ordering::Release);
            return;
        }
        // One way from end to end: whoever is not next was lost, repeated or overtaken.
        let expected = self.got.load(Ordering::Relaxed);
        if number != expected {
            self.wrong.fetch_add(1, Ordering::AcqRel);
        }
        self.got.store(expected.max(number + 1), Ordering::Release);
        if self.is_timing.load(Ordering::Acquire) {
            let latency = now.saturating_sub(Duration::from_nanos(field(HEAD + 8)));
            self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        }
    }
}

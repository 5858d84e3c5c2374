//! Who announces and who listens.

use super::sample::{LEAST, Run, Stamp};
use crate::connection::{self, Trouble, Writer};
use crate::{Failure, Status};
use gossip_core::wire::ApiMessage;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes that are handed over in one write, about.
const BATCH: usize = 64 << 10;
/// A probe that did not come back in this time is repeated.
const PROBE_PAUSE: Duration = Duration::from_millis(200);
/// Numbers from here on are probes'.
const PROBES: u64 = 1 << 63;
/// After everything has come, listening goes on until nothing has for this long: a daemon may say things twice, later.
const QUIET: Duration = Duration::from_millis(500);
/// That, too, ends.
const LINGERING: Duration = Duration::from_secs(5);
/// What is on its way when somebody interrupts is waited for with this patience.
const PATIENCE_INTERRUPTED: Duration = Duration::from_millis(500);

/// How fast to announce.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many on their way at once.
    Window(u64),
    /// So many a second.
    Rate(u64),
}

/// What to announce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) count: u64,
    pub(crate) pace: Pace,
    pub(crate) ttl: u8,
    pub(crate) data_type: u16,
}

/// What the threads know of each other.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Of the listeners' daemons.
    addresses: Vec<String>,
    /// Different messages that each listener has got.
    got: Vec<AtomicU64>,
    /// One above the highest number that each listener has got. What is missing below it does not count as on its way:
    /// it may never come, and would take room in the window for good.
    reached: Vec<AtomicU64>,
    /// Messages that each listener was told, those that it had got before included.
    told: Vec<AtomicU64>,
    /// Probes that each listener has got.
    probed: Vec<AtomicBool>,
    run: Run,
    is_over: AtomicBool,
    is_interrupted: Arc<AtomicBool>,
    trouble: Mutex<Option<String>>,
    announcer: thread::Thread,
}

/// What one listener saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) address: String,
    pub(crate) delivered: u64,
    pub(crate) duplicated: u64,
    /// Microseconds.
    pub(crate) latency: Histogram<u64>,
    /// When the last new message came.
    pub(crate) last: Option<Instant>,
}

impl Shared {
    /// Made by the thread that announces.
    pub(crate) fn new(addresses: &[String], run: Run, is_interrupted: Arc<AtomicBool>) -> Self {
        let zeros = || addresses.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            addresses: addresses.to_vec(),
            got: zeros(),
            reached: zeros(),
            told: zeros(),
            probed: addresses.iter().map(|_| AtomicBool::new(false)).collect(),
            run,
            is_over: AtomicBool::new(false),
            is_interrupted,
            trouble: Mutex::new(None),
            announcer: thread::current(),
        }
    }

    /// Nobody need listen any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// What went wrong first at a listener.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().ok().and_then(|trouble| trouble.clone())
    }

    fn has_trouble(&self) -> bool {
        self.trouble.lock().is_ok_and(|trouble| trouble.is_some())
    }

    /// Did somebody ask for the end?
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Acquire)
    }

    /// Different messages that every listener has got.
    fn fewest(&self) -> u64 {
        least(&self.got)
    }

    /// How far every listener has come.
    fn slowest(&self) -> u64 {
        least(&self.reached)
    }

    fn all(&self) -> u64 {
        sum(&self.got)
    }
}

fn least(counts: &[AtomicU64]) -> u64 {
    counts.iter().map(|count| count.load(Ordering::Acquire)).min().unwrap_or(0)
}

fn sum(counts: &[AtomicU64]) -> u64 {
    counts.iter().map(|count| count.load(Ordering::Acquire)).sum()
}

/// One that listens, in a thread of its own.
#[derive(Debug)]
pub(crate) struct Subscriber(JoinHandle<Seen>);

impl Subscriber {
    pub(crate) fn start(
        address: &str,
        index: usize,
        data_type: u16,
        count: u64,
        shared: Arc<Shared>,
    ) -> Result<Self, Trouble> {
        let (writer, mut reader) = connection::connect(address)?;
        writer.send(ApiMessage::Notify { data_type })?;
        let mut listener = Listener {
            seen: Seen { address: address.to_owned(), delivered: 0, duplicated: 0, latency: latencies(), last: None },
            had: vec![0; usize::try_from(count.div_ceil(64)).unwrap_or(0)],
            count,
            reached: 0,
            answers: Vec::new(),
        };
        Ok(Self(thread::spawn(move || {
            while !shared.is_over.load(Ordering::Acquire) {
                let mut was_probed = false;
                // One time for all that came in one piece: the clock is dear. Taken when it has come, not before.
                let mut came_at = None;
                let read = reader.read(|notification| {
                    if notification.data_type == data_type {
                        let now = *came_at.get_or_insert_with(Instant::now);
                        was_probed |= listener.take(notification.id, notification.data, shared.run, now);
                    }
                });
                let answered = writer.send_bytes(&listener.answers);
                listener.answers.clear();
                shared.got[index].store(listener.seen.delivered, Ordering::Release);
                shared.reached[index].store(listener.reached, Ordering::Release);
                shared.told[index].store(listener.seen.delivered + listener.seen.duplicated, Ordering::Release);
                if was_probed {
                    shared.probed[index].store(true, Ordering::Release);
                }
                shared.announcer.unpark();
                if let Err(trouble) = read.and(answered) {
                    if let Ok(mut first) = shared.trouble.lock() {
                        first.get_or_insert_with(|| trouble.to_string());
                    }
                    break;
                }
            }
            listener.seen
        })))
    }

    /// What it saw; call after [`Shared::end`].
    pub(crate) fn join(self) -> Seen {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Microseconds up to an hour, three digits of each.
fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds above are allowed")
}

struct Listener {
    seen: Seen,
    /// A bit for each message that came.
    had: Vec<u64>,
    count: u64,
    /// One above the highest number that came.
    reached: u64,
    /// VALIDATIONs to be sent.
    answers: Vec<u8>,
}

impl Listener {
    /// Vouches for a notification and counts it; says whether it was a probe.
    fn take(&mut self, id: u16, data: &[u8], run: Run, now: Instant) -> bool {
        self.answers.extend(ApiMessage::Validation { id, valid: true }.frame().to_vec());
        let Some(sample) = run.read(data, now) else { return false };
        if sample.number >= self.count {
            return sample.number >= PROBES;
        }
        let (word, bit) = (usize::try_from(sample.number / 64).unwrap_or(0), 1u64 << (sample.number % 64));
        if self.had[word] & bit != 0 {
            self.seen.duplicated += 1;
            return false;
        }
        self.had[word] |= bit;
        self.reached = self.reached.max(sample.number + 1);
        self.seen.delivered += 1;
        self.seen.last = Some(now);
        self.seen.latency.saturating_record(u64::try_from(sample.latency.as_micros()).unwrap_or(u64::MAX));
        false
    }
}

/// Waits until a message gets through to every listener: subscriptions take a moment, and so do neighbours.
pub(crate) fn settle(writer: &Writer, shared: &Shared, data_type: u16, patience: Duration) -> Result<(), Failure> {
    let probe = Stamp::of_run(shared.run, LEAST);
    let (begin, mut data) = (Instant::now(), Vec::new());
    for number in PROBES.. {
        probe.write(number, Instant::now(), &mut data);
        writer.send(ApiMessage::Announce { ttl: 0, data_type, data: &data })?;
        let until = Instant::now() + PROBE_PAUSE;
        while Instant::now() < until {
            if shared.probed.iter().all(|probed| probed.load(Ordering::Acquire)) {
                return Ok(());
            }
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        if let Some(trouble) = shared.trouble() {
            return Err(Failure::not_done(trouble));
        }
        if shared.is_interrupted() {
            let reason = "interrupted before anything was measured".to_owned();
            return Err(Failure { status: Status::Interrupted, reason });
        }
        if begin.elapsed() >= patience {
            break;
        }
    }
    let all = shared.addresses.iter().zip(&shared.probed);
    let missing: Vec<&str> =
        all.filter(|(_, probed)| !probed.load(Ordering::Acquire)).map(|(address, _)| address.as_str()).collect();
    Err(Failure::not_done(format_args!(
        "nothing of what was announced reached the listener at {} within {} s; are the daemons one network?",
        missing.join(", "),
        patience.as_secs_f64()
    )))
}

/// What became of announcing.
#[derive(Debug)]
pub(crate) struct Announced {
    /// Messages that the daemon took, or its host for it.
    pub(crate) sent: u64,
    /// Nothing came for the timeout: there is no more to wait for.
    pub(crate) has_stalled: bool,
    /// Why there could not be more.
    pub(crate) trouble: Option<Trouble>,
}

/// Announces everything, unless something is in the way.
pub(crate) fn announce(
    writer: &Writer,
    stamp: &Stamp,
    plan: &Plan,
    shared: &Shared,
    timeout: Duration,
    mut progress: impl FnMut(u64),
) -> Announced {
    let begin = Instant::now();
    let (mut sent, mut batch, mut data) = (0u64, Vec::with_capacity(2 * BATCH), Vec::new());
    let mut moved = (shared.slowest(), Instant::now());
    while sent < plan.count && !shared.has_trouble() && !shared.is_interrupted() {
        let now = Instant::now();
        let may = match plan.pace {
            Pace::Window(window) => shared.slowest().saturating_add(window),
            Pace::Rate(rate) => due_by(now.duration_since(begin), rate),
        };
        let mut next = sent;
        while next < may.min(plan.count) && batch.len() < BATCH {
            let due = match plan.pace {
                Pace::Window(_) => now,
                Pace::Rate(rate) => begin + Duration::from_nanos(next.saturating_mul(1_000_000_000) / rate),
            };
            stamp.write(next, due, &mut data);
            let (ttl, data_type) = (plan.ttl, plan.data_type);
            batch.extend(ApiMessage::Announce { ttl, data_type, data: &data }.frame().to_vec());
            next += 1;
        }
        if !batch.is_empty() {
            if let Err(trouble) = writer.send_bytes(&batch) {
                return Announced { sent, has_stalled: false, trouble: Some(trouble) };
            }
            sent = next;
            batch.clear();
            progress(shared.all());
            continue;
        }
        match plan.pace {
            Pace::Window(_) => {
                let slowest = shared.slowest();
                if slowest != moved.0 {
                    moved = (slowest, Instant::now());
                } else if moved.1.elapsed() >= timeout {
                    return Announced { sent, has_stalled: true, trouble: None };
                }
                thread::park_timeout(Duration::from_millis(100));
            }
            Pace::Rate(rate) => {
                let next = begin + Duration::from_nanos(sent.saturating_mul(1_000_000_000) / rate);
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
    }
    Announced { sent, has_stalled: false, trouble: None }
}

/// How many messages are due after this time.
fn due_by(elapsed: Duration, rate: u64) -> u64 {
    let due = elapsed.as_nanos().saturating_mul(u128::from(rate)) / 1_000_000_000;
    u64::try_from(due).unwrap_or(u64::MAX).saturating_add(1)
}

/// Waits until every listener has everything that was sent, or nothing new has come for `timeout`: then false.
pub(crate) fn wait(sent: u64, shared: &Shared, timeout: Duration, mut progress: impl FnMut(u64)) -> bool {
    let mut moved = (shared.all(), Instant::now());
    while shared.fewest() < sent {
        thread::park_timeout(Duration::from_millis(50));
        let all = shared.all();
        progress(all);
        let patience = if shared.is_interrupted() { timeout.min(PATIENCE_INTERRUPTED) } else { timeout };
        if all != moved.0 {
            moved = (all, Instant::now());
        } else if moved.1.elapsed() >= patience || shared.has_trouble() {
            return false;
        }
    }
    true
}

/// Listens on after everything has come: what comes now comes twice.
pub(crate) fn linger(shared: &Shared) {
    let begin = Instant::now();
    let mut moved = (sum(&shared.told), begin);
    while moved.1.elapsed() < QUIET && begin.elapsed() < LINGERING && !shared.has_trouble() && !shared.is_interrupted()
    {
        thread::park_timeout(Duration::from_millis(50));
        let told = sum(&shared.told);
        if told != moved.0 {
            moved = (told, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_by_the_clock() {
        assert_eq!(due_by(Duration::ZERO, 10), 1);
        assert_eq!(due_by(Duration::from_millis(99), 10), 1);
        assert_eq!(due_by(Duration::from_millis(100), 10), 2);
        assert_eq!(due_by(Duration::from_secs(100), 1_000), 100_001);
    }

    #[test]
    fn a_listener_vouches_for_everything_and_counts_each_message_once() {
        let stamp = Stamp::new(LEAST);
        let mut listener = Listener {
            seen: Seen { address: String::new(), delivered: 0, duplicated: 0, latency: latencies(), last: None },
            had: vec![0; 2],
            count: 100,
            reached: 0,
            answers: Vec::new(),
        };
        let mut data = Vec::new();
        let (now, mut probed) = (Instant::now(), 0);
        for number in [0, 99, 0, 100, PROBES + 3] {
            stamp.write(number, now, &mut data);
            probed += u32::from(listener.take(7, &data, stamp.run(), now));
        }
        listener.take(8, b"somebody else's", stamp.run(), now);
        assert_eq!((listener.seen.delivered, listener.seen.duplicated, probed), (2, 1, 1));
        assert_eq!(listener.reached, 100, "a probe is not among the numbers");
        assert_eq!(listener.answers.len(), 6 * 8);
        assert_eq!(listener.seen.latency.len(), 2);
    }
}

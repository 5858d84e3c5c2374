//! Messages under way: the window that bounds them, and what comes back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Messages that may be under way at once.
pub(super) const WINDOW: usize = 256;
/// Bytes that may be under way at once: past it, one message at a time.
const WINDOW_BYTES: usize = 1 << 20;

/// Shared by the threads that read the input, write and read the socket.
#[derive(Debug, Default)]
pub(super) struct Pending {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By number, so the oldest first. The deadline runs from when the message was sent.
    waiting: BTreeMap<u64, (Arc<[u8]>, Option<Instant>)>,
    /// The numbers of those with this data, the oldest first.
    by_data: HashMap<Arc<[u8]>, VecDeque<u64>>,
    bytes: usize,
    next: u64,
}

impl Pending {
    /// Notes a message that is about to be sent; waits for room first.
    pub(super) fn add(&self, data: Arc<[u8]>) -> u64 {
        let full = |state: &mut State| state.waiting.len() >= WINDOW || state.bytes >= WINDOW_BYTES;
        let mut state = self.room.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.bytes += data.len();
        state.by_data.entry(data.clone()).or_default().push_back(number);
        state.waiting.insert(number, (data, None));
        number
    }

    /// A message is being sent: from now on it can come back, and its time runs. Anew if this is said again.
    pub(super) fn start(&self, number: u64, deadline: Instant) {
        if let Some((_, until)) = self.lock().waiting.get_mut(&number) {
            *until = Some(deadline);
        }
    }

    /// This data came: is it ours? Then one message fewer is under way.
    pub(super) fn take_back(&self, data: &[u8]) -> bool {
        let mut state = self.lock();
        let Some(number) = state.by_data.get(data).and_then(|numbers| numbers.front().copied()) else { return false };
        // Before it was sent, these are somebody else's words that happen to be the same.
        let was_sent = state.waiting.get(&number).is_some_and(|(_, deadline)| deadline.is_some());
        was_sent && self.remove(&mut state, number).is_some()
    }

    /// Nobody waits for this message.
    pub(super) fn forget(&self, number: u64) {
        self.remove(&mut self.lock(), number);
    }

    /// When the oldest message runs out of time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.lock().waiting.first_key_value().and_then(|(_, (_, deadline))| *deadline)
    }

    /// Takes out what has run out of time.
    pub(super) fn expire(&self, now: Instant) -> Vec<Arc<[u8]>> {
        let mut state = self.lock();
        let late = state.waiting.iter().take_while(|(_, (_, until))| until.is_some_and(|until| until <= now));
        let late: Vec<u64> = late.map(|(number, _)| *number).collect();
        late.into_iter().filter_map(|number| self.remove(&mut state, number)).collect()
    }

    fn remove(&self, state: &mut State, number: u64) -> Option<Arc<[u8]>> {
        let (data, _) = state.waiting.remove(&number)?;
        state.bytes -= data.len();
        if let Some(numbers) = state.by_data.get_mut(&data) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                state.by_data.remove(&data);
            }
        }
        self.room.notify_all();
        Some(data)
    }

    /// A thread that panicked leaves the table as it is between two calls: each change is complete.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_message_comes_back_once_even_with_equal_words() {
        let pending = Pending::default();
        for text in ["a", "b"] {
            let number = pending.add(text.as_bytes().into());
            assert!(!pending.take_back(b"b"), "not sent yet");
            pending.start(number, Instant::now());
        }
        let third = pending.add(b"a"[..].into());
        pending.start(third, Instant::now());
        assert!(!pending.take_back(b"c"));
        assert!(pending.take_back(b"a") && pending.take_back(b"a") && !pending.take_back(b"a"));
        assert!(pending.take_back(b"b") && !pending.take_back(b"b"));
    }

    #[test]
    fn only_what_was_sent_runs_out_of_time() {
        let pending = Pending::default();
        let now = Instant::now();
        let numbers = ["a", "b", "c"].map(|text| pending.add(text.as_bytes().into()));
        assert_eq!(pending.deadline(), None);
        pending.start(numbers[0], now);
        pending.start(numbers[1], now + Duration::from_secs(1));
        assert_eq!(pending.deadline(), Some(now));
        assert_eq!(pending.expire(now), [Arc::from(&b"a"[..])]);
        assert_eq!(pending.deadline(), Some(now + Duration::from_secs(1)));
        assert!(!pending.take_back(b"a"), "too late");
        assert_eq!(pending.expire(now + Duration::from_secs(9)), [Arc::from(&b"b"[..])]);
        assert_eq!(pending.expire(now + Duration::from_secs(9)).len(), 0);
    }

    #[test]
    fn the_window_bounds_what_is_under_way() {
        for (len, most) in [(1, WINDOW), (65_525, WINDOW_BYTES.div_ceil(65_525))] {
            let pending = Arc::new(Pending::default());
            let (said, heard) = std::sync::mpsc::channel();
            let adder = pending.clone();
            let thread = std::thread::spawn(move || {
                for number in 0..=most {
                    adder.add(vec![7; len].into());
                    said.send(number).unwrap();
                }
            });
            assert_eq!(heard.iter().take(most).count(), most);
            // Full: nothing is added however long one waits, and one that leaves makes room for one.
            assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
            pending.forget(0);
            assert_eq!(heard.recv(), Ok(most));
            thread.join().unwrap();
        }
    }
}

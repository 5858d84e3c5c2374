//! What is due when. One deadline goes out; the earliest comes first, ties in the order in which they were set.

use crate::event::ConnectionId;
use crate::time::Instant;
use crate::util::sorted::SortedMap;

/// Everything that time brings about, but for the messages' own expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A step of this connection's life may be overdue: handshake, PING, silence, a queue that does not drain.
    Connection(ConnectionId),
    /// Somebody may be dialed.
    Dial,
    /// A neighbour is asked for addresses.
    Ask,
    /// A bootstrapper is looked up.
    LookUp,
    /// A proof of work may be begun again: there was no token.
    Proof,
}

/// At most one time for each timer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    set: SortedMap<Timer, Due>,
    /// The earliest of `set`: asked for after every event, while timers seldom change.
    next: Option<(Due, Timer)>,
    sequence: u64,
}

/// When a timer is due, and the number that orders ties.
type Due = (Instant, u64);

impl Timers {
    /// Sets or moves a timer; clears it if `at` is none.
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        let Some(at) = at else {
            self.clear(timer);
            return;
        };
        if self.set.get(&timer).is_some_and(|(known, _)| *known == at) {
            return;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let due = (at, self.sequence);
        self.set.insert(timer, due);
        match self.next {
            Some((_, next)) if next == timer => self.find_next(),
            Some((next, _)) if next <= due => {}
            _ => self.next = Some((due, timer)),
        }
    }

    /// Sets a timer unless it is due earlier already.
    pub(crate) fn set_by(&mut self, timer: Timer, at: Instant) {
        if self.set.get(&timer).is_none_or(|(known, _)| *known > at) {
            self.set(timer, Some(at));
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if self.set.remove(&timer).is_some() && self.next.is_some_and(|(_, next)| next == timer) {
            self.find_next();
        }
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }

    /// When the next one is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next.map(|((at, _), _)| at)
    }

    /// Takes the next timer that is due by now.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        let ((at, _), timer) = self.next?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }

    fn find_next(&mut self) {
        self.next = self.set.iter().map(|(timer, due)| (*due, *timer)).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_micros(n)
    }

    fn due(timers: &mut Timers, now: u64) -> Vec<Timer> {
        std::iter::from_fn(|| timers.pop(at(now))).collect()
    }

    #[test]
    fn earliest_first_and_ties_in_the_order_of_setting() {
        let mut timers = Timers::default();
        timers.set(Timer::LookUp, Some(at(5)));
        timers.set(Timer::Ask, Some(at(5)));
        timers.set(Timer::Dial, Some(at(3)));
        assert_eq!(timers.deadline(), Some(at(3)));
        assert_eq!(due(&mut timers, 4), [Timer::Dial]);
        assert_eq!(due(&mut timers, 5), [Timer::LookUp, Timer::Ask]);
        assert_eq!(timers.deadline(), None);
    }

    #[test]
    fn timers_are_counted_once_each() {
        let mut timers = Timers::default();
        timers.set(Timer::Dial, Some(at(5)));
        timers.set(Timer::Ask, Some(at(5)));
        timers.set(Timer::Dial, Some(at(9)));
        assert_eq!(timers.len(), 2);
        timers.clear(Timer::Dial);
        timers.clear(Timer::Dial);
        assert_eq!((timers.len(), timers.deadline()), (1, Some(at(5))));
        assert_eq!((due(&mut timers, 5), timers.len()), (vec![Timer::Ask], 0));
    }

    #[test]
    fn a_timer_has_one_time() {
        let mut timers = Timers::default();
        timers.set(Timer::Dial, Some(at(5)));
        timers.set(Timer::Dial, Some(at(9)));
        assert_eq!(due(&mut timers, 8), []);
        timers.set_by(Timer::Dial, at(10));
        assert_eq!(timers.deadline(), Some(at(9)));
        timers.set_by(Timer::Dial, at(7));
        assert_eq!(timers.deadline(), Some(at(7)));
        timers.set(Timer::Dial, None);
        assert_eq!(due(&mut timers, 100), []);
    }
}

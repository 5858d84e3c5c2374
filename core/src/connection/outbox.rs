//! What waits to be written to one connection.
//!
//! The driver holds at most [`DRIVER_WINDOW`] bytes; the rest waits here, where a message that grew stale can still be
//! dropped. Capacity: the caller's bound, above which [`Outbox::has_room`] says no.

use crate::action::{Action, Actions};
use crate::event::ConnectionId;
use crate::limits::{DRIVER_WINDOW, QUEUE_MARK_PART};
use crate::time::{Duration, Instant};
use crate::wire::Frame;
use std::collections::VecDeque;

/// See the module. Most of the time nothing waits, and a counter is all there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    /// Bytes sent to the driver that it has not reported as written.
    with_driver: u64,
    /// Present while something waits or the queue is watched.
    backlog: Option<Box<Backlog>>,
}

#[derive(Clone, Debug, Default)]
struct Backlog {
    waiting: VecDeque<Waiting>,
    waiting_bytes: u64,
    watch: Option<Watch>,
}

#[derive(Clone, Debug)]
struct Waiting {
    frame: Frame,
    /// When a message was queued; none for what never grows stale.
    message_since: Option<Instant>,
}

/// A queue above its mark is watched: does it drain?
#[derive(Clone, Copy, Debug)]
struct Watch {
    since: Instant,
    /// Bytes queued at that time.
    level: u64,
    /// Bytes written since.
    drained: u64,
    /// When bytes were last written.
    moved: Instant,
}

impl Outbox {
    /// Bytes that wait, here and with the driver.
    pub(crate) fn queued(&self) -> u64 {
        self.backlog.as_ref().map_or(0, |backlog| backlog.waiting_bytes).saturating_add(self.with_driver)
    }

    /// Can so many bytes more be queued under this bound?
    pub(crate) fn has_room(&self, bytes: usize, bound: u64) -> bool {
        self.queued().saturating_add(bytes as u64) <= bound
    }

    /// Is the queue above its mark?
    pub(crate) fn is_above_mark(&self, bound: u64) -> bool {
        self.queued() > bound / QUEUE_MARK_PART
    }

    /// With at most how many bytes with the driver a frame of this length goes straight there and leaves the queue at or
    /// below this mark. None if with no bytes at all it would not.
    pub(crate) fn passes_up_to(len: u64, mark: u64) -> Option<u64> {
        mark.checked_sub(len).map(|rest| rest.min(DRIVER_WINDOW.saturating_sub(1)))
    }

    /// Does a frame of this length go straight to the driver, by [`passes_up_to`](Self::passes_up_to)? Then it counts as
    /// sent, and the caller sends it: the usual case, which has to cost next to nothing. Else it is to be queued.
    #[inline]
    pub(crate) fn passes(&mut self, len: u64, up_to: Option<u64>) -> bool {
        let passes = self.backlog.is_none() && up_to.is_some_and(|most| self.with_driver <= most);
        if passes {
            self.with_driver = self.with_driver.saturating_add(len);
        }
        passes
    }

    /// Queues a frame that must go out however long it waits.
    pub(crate) fn send(&mut self, now: Instant, connection: ConnectionId, frame: Frame, bound: u64, out: &mut Actions) {
        self.queue(now, connection, (frame, None), bound, out);
    }

    /// Queues a message that is dropped when it has waited for too long (section 5, rule 6).
    pub(crate) fn send_message(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        frame: Frame,
        bound: u64,
        out: &mut Actions,
    ) {
        self.queue(now, connection, (frame, Some(now)), bound, out);
    }

    fn queue(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        (frame, message_since): (Frame, Option<Instant>),
        bound: u64,
        out: &mut Actions,
    ) {
        let len = frame.len() as u64;
        let is_waiting = self.backlog.as_ref().is_some_and(|backlog| !backlog.waiting.is_empty());
        if !is_waiting && self.with_driver < DRIVER_WINDOW {
            self.with_driver = self.with_driver.saturating_add(len);
            out.push(Action::Send { connection, frame });
        } else {
            self.hold_back(Waiting { frame, message_since });
        }
        if self.is_above_mark(bound) {
            self.watch_from(now);
        }
    }

    #[cold]
    fn hold_back(&mut self, next: Waiting) {
        let backlog = self.backlog.get_or_insert_default();
        backlog.waiting_bytes = backlog.waiting_bytes.saturating_add(next.frame.len() as u64);
        backlog.waiting.push_back(next);
    }

    #[cold]
    fn watch_from(&mut self, now: Instant) {
        let level = self.queued();
        let backlog = self.backlog.get_or_insert_default();
        backlog.watch.get_or_insert(Watch { since: now, level, drained: 0, moved: now });
    }

    /// The driver wrote so many bytes: hands it more. Messages that have waited for longer than `stale_after` are
    /// dropped; returns how many.
    pub(crate) fn written(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        bytes: u64,
        bound: u64,
        stale_after: Duration,
        out: &mut Actions,
    ) -> u64 {
        self.with_driver = self.with_driver.saturating_sub(if planted!(WrittenForgotten) { 0 } else { bytes });
        let Some(backlog) = &mut self.backlog else { return 0 };
        if let Some(watch) = &mut backlog.watch {
            watch.drained = watch.drained.saturating_add(bytes);
            watch.moved = now;
        }
        let mut stale = 0u64;
        while self.with_driver < DRIVER_WINDOW
            && let Some(next) = backlog.waiting.pop_front()
        {
            let len = next.frame.len() as u64;
            backlog.waiting_bytes = backlog.waiting_bytes.saturating_sub(len);
            if next.message_since.is_some_and(|since| now.since(since) > stale_after) {
                stale = stale.saturating_add(1);
            } else {
                self.with_driver = self.with_driver.saturating_add(len);
                out.push(Action::Send { connection, frame: next.frame });
            }
        }
        let is_empty = backlog.waiting.is_empty();
        if !self.is_above_mark(bound) {
            self.backlog.iter_mut().for_each(|backlog| backlog.watch = None);
            // An empty queue gives its room back.
            self.backlog = self.backlog.take().filter(|_| !is_empty);
        }
        stale
    }

    /// Hands everything to the driver: the connection ends and what waits shall go out first.
    pub(crate) fn release(&mut self, connection: ConnectionId, out: &mut Actions) {
        self.with_driver = self.queued();
        let Some(backlog) = &mut self.backlog else { return };
        backlog.waiting_bytes = 0;
        for next in std::mem::take(&mut backlog.waiting) {
            out.push(Action::Send { connection, frame: next.frame });
        }
    }

    fn watch(&self) -> Option<&Watch> {
        self.backlog.as_ref()?.watch.as_ref()
    }

    /// When it is next to be judged whether the queue drains.
    pub(crate) fn judged_at(&self, stall_timeout: Duration) -> Option<Instant> {
        self.watch().map(|watch| watch.since.after(stall_timeout))
    }

    /// Did a queue above its mark drain less than a quarter of it within the stall timeout? If it did drain, a new
    /// term begins.
    pub(crate) fn is_stalled(&mut self, now: Instant, stall_timeout: Duration) -> bool {
        let queued = self.queued();
        let Some(watch) = self.backlog.as_mut().and_then(|backlog| backlog.watch.as_mut()) else { return false };
        if now < watch.since.after(stall_timeout) {
            return false;
        }
        if watch.drained < watch.level / 4 {
            return true;
        }
        *watch = Watch { since: now, level: queued, drained: 0, moved: watch.moved };
        false
    }

    /// For how long nothing has been written while the queue is above its mark.
    pub(crate) fn unmoved_for(&self, now: Instant) -> Duration {
        self.watch().map_or(Duration::ZERO, |watch| now.since(watch.moved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Payload, peer_notification};

    const BOUND: u64 = 1 << 20;
    const STALE: Duration = Duration::from_secs(15);

    fn id() -> ConnectionId {
        ConnectionId::accepted(1)
    }

    fn seconds(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(n))
    }

    fn frame() -> Frame {
        peer_notification(1, 2, &Payload::new(3, &[0; 32_756]))
    }

    fn fill(outbox: &mut Outbox, now: Instant, frames: usize) -> usize {
        let mut out = Vec::new();
        (0..frames).for_each(|_| outbox.send_message(now, id(), frame(), BOUND, &mut out));
        out.len()
    }

    #[test]
    fn the_driver_gets_a_window_and_the_rest_as_it_writes() {
        let mut outbox = Outbox::default();
        let len = frame().len() as u64;
        let sent = fill(&mut outbox, seconds(0), 20);
        assert_eq!(sent as u64, DRIVER_WINDOW.div_ceil(len));
        assert_eq!(outbox.queued(), 20 * len);
        let mut out = Vec::new();
        assert_eq!(outbox.written(seconds(1), id(), 2 * len, BOUND, STALE, &mut out), 0);
        assert_eq!(out.len(), 2);
        assert_eq!(outbox.queued(), 18 * len);
    }

    #[test]
    fn messages_that_waited_for_too_long_are_dropped_and_others_not() {
        let mut outbox = Outbox::default();
        let sent = fill(&mut outbox, seconds(0), 12) as u64;
        let mut out = Vec::new();
        outbox.send(seconds(0), id(), crate::wire::PeerMessage::Ping.frame(), BOUND, &mut out);
        let len = frame().len() as u64;
        let stale = outbox.written(seconds(16), id(), sent * len, BOUND, STALE, &mut out);
        assert_eq!(stale, 12 - sent);
        assert_eq!(out.len(), 1, "the PING goes out");
        assert_eq!(outbox.queued(), 4);
    }

    #[test]
    fn a_queue_that_drains_less_than_a_quarter_in_time_is_stalled() {
        let timeout = Duration::from_secs(30);
        let len = frame().len() as u64;
        let mut out = Vec::new();
        let mut slow = Outbox::default();
        fill(&mut slow, seconds(0), 24);
        slow.written(seconds(5), id(), 2 * len, BOUND, STALE, &mut out);
        assert!(!slow.is_stalled(seconds(29), timeout));
        assert!(slow.is_stalled(seconds(30), timeout));
        let mut steady = Outbox::default();
        fill(&mut steady, seconds(0), 24);
        steady.written(seconds(5), id(), 5 * len, BOUND, Duration::from_secs(1_000), &mut out);
        assert!(!steady.is_stalled(seconds(30), timeout));
        assert_eq!(steady.judged_at(timeout), Some(seconds(60)), "a new term begins");
        assert!(steady.is_stalled(seconds(60), timeout));
    }

    #[test]
    fn the_driver_is_handed_more_as_long_as_it_holds_less_than_a_window() {
        let (mut outbox, mut out) = (Outbox::default(), Vec::new());
        let eighth =
            || peer_notification(1, 2, &Payload::new(3, &vec![0; usize::try_from(DRIVER_WINDOW).unwrap() / 8 - 10]));
        assert_eq!(eighth().len() as u64, DRIVER_WINDOW / 8);
        (0..10).for_each(|_| outbox.send(seconds(0), id(), eighth(), BOUND, &mut out));
        assert_eq!(out.len(), 8, "a window, to the byte");
        outbox.written(seconds(0), id(), 0, BOUND, STALE, &mut out);
        assert_eq!(out.len(), 8);
        outbox.written(seconds(0), id(), 1, BOUND, STALE, &mut out);
        assert_eq!(out.len(), 9);
    }

    #[test]
    fn a_frame_passes_straight_to_the_driver_below_the_mark_with_nothing_in_its_way() {
        let mark = DRIVER_WINDOW / 2;
        assert_eq!(Outbox::passes_up_to(1_000, mark), Some(mark - 1_000));
        assert_eq!((Outbox::passes_up_to(mark, mark), Outbox::passes_up_to(mark + 1, mark)), (Some(0), None));
        assert_eq!(Outbox::passes_up_to(1_000, 9 * DRIVER_WINDOW), Some(DRIVER_WINDOW - 1));
        let mut outbox = Outbox::default();
        let up_to = Outbox::passes_up_to(1_000, mark);
        let passed = (0..1_000).filter(|_| outbox.passes(1_000, up_to)).count() as u64;
        assert_eq!((passed, outbox.queued()), (mark / 1_000, mark / 1_000 * 1_000));
        assert!(!outbox.is_above_mark(2 * mark), "what passes never needs to be watched");
        assert!(!outbox.passes(1, None));
        let mut waits = Outbox::default();
        fill(&mut waits, seconds(0), 20);
        assert!(!waits.passes(1, Some(u64::MAX)), "it does not overtake");
    }

    #[test]
    fn exactly_a_quarter_drained_is_enough_and_exactly_the_mark_is_not_above_it() {
        let timeout = Duration::from_secs(30);
        for (drained, is_stalled) in [(0, true), (1, false)] {
            let (mut outbox, mut out) = (Outbox::default(), Vec::new());
            fill(&mut outbox, seconds(0), 24);
            let level = outbox.watch().unwrap().level;
            let quarter = level / 4 - 1 + drained;
            outbox.written(seconds(5), id(), quarter, BOUND, Duration::from_secs(1_000), &mut out);
            assert_eq!(outbox.is_stalled(seconds(30), timeout), is_stalled, "{quarter} of {level}");
        }
        let mut outbox = Outbox::default();
        fill(&mut outbox, seconds(0), 2);
        let queued = outbox.queued();
        assert!(!outbox.is_above_mark(queued * QUEUE_MARK_PART) && outbox.is_above_mark(queued * QUEUE_MARK_PART - 1));
    }

    #[test]
    fn a_queue_below_its_mark_is_not_watched() {
        let mut outbox = Outbox::default();
        fill(&mut outbox, seconds(0), 10);
        assert_eq!(outbox.judged_at(Duration::from_secs(30)), None);
        assert!(!outbox.is_stalled(seconds(1_000), Duration::from_secs(30)));
    }
}

//! Frames that have come in part, of all connections together: a budget (section 11).

use crate::event::ConnectionId;
use crate::time::Instant;
use std::collections::BTreeMap;

/// Who keeps how many bytes of a frame whose end has not come. Only connections that do are in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partials {
    of: BTreeMap<ConnectionId, Partial>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Partial {
    bytes: usize,
    /// When its latest whole frame came, or its first part.
    since: Instant,
}

impl Partials {
    /// A connection keeps so many bytes now. `progressed`: a frame of it was completed.
    #[inline]
    pub(crate) fn set(&mut self, id: ConnectionId, bytes: usize, progressed: bool, now: Instant) {
        // The usual case: nobody keeps anything.
        if bytes > 0 || !self.of.is_empty() {
            self.note(id, bytes, progressed, now);
        }
    }

    fn note(&mut self, id: ConnectionId, bytes: usize, progressed: bool, now: Instant) {
        let former = self.of.get(&id).copied();
        self.bytes = self.bytes.saturating_sub(former.map_or(0, |former| former.bytes as u64));
        if bytes == 0 {
            if former.is_some() {
                self.of.remove(&id);
            }
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let since = former.filter(|_| !progressed).map_or(now, |former| former.since);
        self.of.insert(id, Partial { bytes, since });
    }

    /// It keeps nothing any more.
    pub(crate) fn remove(&mut self, id: ConnectionId) {
        self.set(id, 0, false, Instant::ZERO);
    }

    /// Bytes of all.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whose frame has been on its way the longest.
    pub(crate) fn slowest(&self) -> Option<ConnectionId> {
        self.of.iter().min_by_key(|(id, partial)| (partial.since, **id)).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_the_slowest_is_who_has_completed_nothing_for_longest() {
        let (a, b) = (ConnectionId::accepted(1), ConnectionId::accepted(2));
        let mut partials = Partials::default();
        partials.set(a, 10, false, Instant::from_micros(1));
        partials.set(b, 20, false, Instant::from_micros(2));
        assert_eq!((partials.bytes(), partials.slowest()), (30, Some(a)));
        partials.set(a, 15, false, Instant::from_micros(3));
        assert_eq!((partials.bytes(), partials.slowest()), (35, Some(a)), "more of the same frame");
        partials.set(a, 5, true, Instant::from_micros(4));
        assert_eq!((partials.bytes(), partials.slowest()), (25, Some(b)), "another frame");
        partials.remove(b);
        partials.set(a, 0, true, Instant::from_micros(5));
        assert_eq!((partials.bytes(), partials.slowest()), (0, None));
    }
}

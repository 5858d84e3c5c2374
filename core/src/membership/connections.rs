//! The connections of one neighbour.

use crate::event::ConnectionId;
use crate::limits::CONNECTIONS_PER_NEIGHBOUR;
use std::ops::Deref;

/// One more than a neighbour may have: which one is too many is decided when it is here.
const MOST: usize = CONNECTIONS_PER_NEIGHBOUR + 1;

/// A short list in place: whoever finds the neighbour has found its connections. One that does not fit pushes the last
/// out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    ids: [ConnectionId; MOST],
    len: usize,
}

impl Connections {
    /// Just this one.
    pub(crate) const fn of(id: ConnectionId) -> Self {
        Self { ids: [id; MOST], len: 1 }
    }

    pub(super) fn push_front(&mut self, id: ConnectionId) {
        self.ids.rotate_right(1);
        if let Some(first) = self.ids.first_mut() {
            *first = id;
        }
        self.len = self.len.saturating_add(1).min(MOST);
    }

    pub(super) fn push_back(&mut self, id: ConnectionId) {
        if let Some(place) = self.ids.get_mut(self.len) {
            *place = id;
            self.len = self.len.saturating_add(1);
        }
    }

    /// Keeps those for which the test holds.
    pub(crate) fn retain(&mut self, test: impl Fn(ConnectionId) -> bool) {
        let former = *self;
        self.len = 0;
        former.iter().filter(|id| test(**id)).for_each(|id| self.push_back(*id));
    }
}

impl Deref for Connections {
    type Target = [ConnectionId];

    fn deref(&self) -> &[ConnectionId] {
        self.ids.get(..self.len).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stay_in_order_and_one_too_many_pushes_the_last_out() {
        let [a, b, c, d] = [1, 2, 3, 4].map(ConnectionId::accepted);
        let mut connections = Connections::of(a);
        connections.push_back(b);
        connections.push_front(c);
        assert_eq!(connections[..], [c, a, b]);
        connections.push_front(d);
        assert_eq!(connections[..], [d, c, a]);
        connections.retain(|id| id != c);
        assert_eq!(connections[..], [d, a]);
        connections.push_back(b);
        connections.push_back(c);
        assert_eq!(connections[..], [d, a, b]);
        connections.retain(|_| false);
        assert!(connections.is_empty());
    }
}

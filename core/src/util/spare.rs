//! Lists that are used again, so that a message costs no allocation.

/// Lists kept: as many as may be needed in a burst; beyond that the allocator serves.
const LISTS_MAX: usize = 256;
/// A list with room for more than this is not kept: filling it costs more than allocating it does, and a crowd that has
/// left would leave its memory here.
const ROOM_MAX: usize = 64;

/// Empty lists, with their room.
#[derive(Clone, Debug)]
pub(crate) struct SpareLists<T>(Vec<Vec<T>>);

impl<T> Default for SpareLists<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> SpareLists<T> {
    /// An empty list.
    pub(crate) fn take(&mut self) -> Vec<T> {
        self.0.pop().unwrap_or_default()
    }

    /// Keeps a list's room, if there is use for it.
    pub(crate) fn give(&mut self, mut list: Vec<T>) {
        if self.0.len() < LISTS_MAX && list.capacity() <= ROOM_MAX {
            list.clear();
            self.0.push(list);
        }
    }

    /// Gives back half of them, those that have been here the longest: they lie where a rush has left them, and each can
    /// keep a whole page of memory from the system.
    pub(crate) fn trim(&mut self) {
        self.0.drain(..self.0.len() / 2);
    }

    /// Gives all the room back.
    pub(crate) fn shrink(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_used_again_with_its_room_and_without_what_was_in_it() {
        let mut lists = SpareLists::default();
        lists.give(Vec::from_iter(0..10));
        let list = lists.take();
        assert!(list.is_empty() && list.capacity() >= 10);
        assert_eq!(lists.take().capacity(), 0, "there was one");
    }

    #[test]
    fn neither_more_lists_are_kept_than_a_burst_needs_nor_long_ones() {
        let mut lists = SpareLists::default();
        lists.give(Vec::<u8>::with_capacity(ROOM_MAX + 1));
        assert_eq!(lists.len(), 0);
        (0..=LISTS_MAX).for_each(|_| lists.give(Vec::with_capacity(ROOM_MAX)));
        assert_eq!(lists.len(), LISTS_MAX);
        lists.shrink();
        assert_eq!(lists.capacity(), 0);
    }

    #[test]
    fn those_that_a_rush_has_left_are_given_back_by_halves_and_the_last_is_kept() {
        let mut lists = SpareLists::default();
        (1..=10).for_each(|room| lists.give(Vec::<u8>::with_capacity(room)));
        lists.trim();
        assert_eq!((lists.len(), lists.take().capacity()), (5, 10), "the latest stay");
        (0..10).for_each(|_| lists.trim());
        assert_eq!(lists.len(), 1);
    }
}

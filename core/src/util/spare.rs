//! Lists that are used again, so that a message costs no allocation.

/// Lists kept: as many as may be needed in a burst; beyond that the allocator serves.
const LISTS_MAX: usize = 256;
/// A list with room for more than this is not kept: filling it costs more than allocating it does, and a crowd that has
/// left would leave its memory here.
const ROOM_MAX: usize = 64;

/// Empty lists, with their room.
#[derive(Clone, Debug)]
pub(crate) struct SpareLists<T> {
    lists: Vec<Vec<T>>,
    /// The fewest that there were since [`trim`](Self::trim).
    fewest: usize,
}

impl<T> Default for SpareLists<T> {
    fn default() -> Self {
        Self { lists: Vec::new(), fewest: 0 }
    }
}

impl<T> SpareLists<T> {
    /// An empty list.
    pub(crate) fn take(&mut self) -> Vec<T> {
        let list = self.lists.pop().unwrap_or_default();
        self.fewest = self.fewest.min(self.lists.len());
        list
    }

    /// Keeps a list's room, if there is use for it.
    pub(crate) fn give(&mut self, mut list: Vec<T>) {
        if self.lists.len() < LISTS_MAX && list.capacity() <= ROOM_MAX {
            list.clear();
            self.lists.push(list);
        }
    }

    /// Gives back the lists that nobody has needed since the last call: those lie where a rush has left them, and each
    /// can keep a whole page of memory from the system.
    pub(crate) fn trim(&mut self) {
        self.lists.drain(..self.fewest.min(self.lists.len()));
        self.fewest = self.lists.len();
    }

    /// Gives all the room back.
    pub(crate) fn shrink(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lists.len()
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.lists.capacity()
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
    fn what_nobody_has_needed_since_the_last_time_is_given_back_and_the_rest_is_kept() {
        let mut lists = SpareLists::default();
        (0..10).for_each(|_| lists.give(Vec::<u8>::with_capacity(1)));
        lists.trim();
        assert_eq!(lists.len(), 10, "they have just come");
        let used = [lists.take(), lists.take(), lists.take()];
        used.into_iter().for_each(|list| lists.give(list));
        lists.trim();
        assert_eq!(lists.len(), 3, "so many were needed at once");
        let _used = lists.take();
        lists.trim();
        assert_eq!(lists.len(), 0, "two were not needed");
        lists.trim();
    }
}

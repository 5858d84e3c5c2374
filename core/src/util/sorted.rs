//! A map for tables that are small most of the time: one sorted vector.
//!
//! A tree preallocates room for eleven entries a node and scatters them over the heap; at a hundred thousand nodes in one
//! process that is most of the memory, and most of the time. Here an entry costs its size and little more, and a look-up
//! touches a line or two. Insertion moves what lies behind: owners hold at most some thousands of small entries.

/// Entries in the order of their keys. Capacity: the owner's business; room that is no longer needed is given back.
#[derive(Clone, Debug)]
pub(crate) struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// All entries, in order.
    pub(crate) fn into_entries(self) -> Vec<(K, V)> {
        self.entries
    }

    /// See [`GossipState::touch`](crate::GossipState::touch): entries on different lines of memory.
    pub(crate) fn spots(&self) -> impl Iterator<Item = Option<&(K, V)>> {
        [self.entries.first(), self.entries.get(self.entries.len() / 2), self.entries.last()].into_iter()
    }

    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Keeps the entries for which the test holds.
    pub(crate) fn retain(&mut self, mut test: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| test(key, value));
        self.shrink();
    }

    /// Can nothing be added without more memory?
    pub(crate) fn is_at_capacity(&self) -> bool {
        self.entries.len() == self.entries.capacity()
    }

    /// Gives back what a crowd that is gone needed, but not what the next few need again.
    fn shrink(&mut self) {
        let needed = self.entries.len();
        if needed.saturating_add(4) <= self.entries.capacity() / 2 {
            self.entries.shrink_to(needed.saturating_add(needed / 4));
        }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(self.position(key).ok()?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.position(key).ok()?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// The same for who asks again and again: `near` is where the key stood last, and is kept right.
    pub(crate) fn get_near(&self, near: &mut u32, key: &K) -> Option<&V> {
        self.entries.get(self.position_near(near, key)?).map(|(_, value)| value)
    }

    /// See [`get_near`](Self::get_near).
    pub(crate) fn get_mut_near(&mut self, near: &mut u32, key: &K) -> Option<&mut V> {
        let at = self.position_near(near, key)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    fn position_near(&self, near: &mut u32, key: &K) -> Option<usize> {
        if self.entries.get(*near as usize).is_none_or(|(known, _)| known != key) {
            *near = u32::try_from(self.position(key).ok()?).unwrap_or(u32::MAX);
        }
        Some(*near as usize)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.position(key).is_ok()
    }

    /// Sets a key's value; returns the one before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Ok(at) => self.entries.get_mut(at).map(|(_, known)| std::mem::replace(known, value)),
            Err(at) => {
                if self.is_at_capacity() {
                    // By a quarter, not to the double: there are very many such tables.
                    self.entries.reserve_exact((self.len() / 4).max(4));
                }
                self.entries.insert(at, (key, value));
                None
            }
        }
    }

    /// Changes a key's value, made before if there is none.
    pub(crate) fn change<R>(&mut self, key: K, make: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        if let Some(known) = self.get_mut(&key) {
            return change(known);
        }
        let mut value = make();
        let result = change(&mut value);
        self.insert(key, value);
        result
    }

    /// Keeps a key's value, which may be changed, if the test holds for it.
    pub(crate) fn keep_if(&mut self, key: &K, test: impl FnOnce(&mut V) -> bool) {
        let Ok(at) = self.position(key) else { return };
        if self.entries.get_mut(at).is_some_and(|(_, value)| !test(value)) {
            self.entries.remove(at);
            self.shrink();
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.position(key).ok()?;
        let (_, value) = self.entries.remove(at);
        self.shrink();
        Some(value)
    }

    fn position(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen};
    use std::collections::BTreeMap;

    #[test]
    fn does_what_a_tree_does() {
        for seed in 0..200 {
            let g = &mut Gen::from_size_and_seed(300, seed);
            let (mut map, mut tree) = (SortedMap::new(), BTreeMap::new());
            for (key, value, act) in Vec::<(u8, u16, u8)>::arbitrary(g) {
                match act % 4 {
                    0 | 1 => assert_eq!(map.insert(key, value), tree.insert(key, value), "seed {seed}"),
                    2 if act > 128 => {
                        map.keep_if(&key, |known| std::mem::replace(known, value) < value);
                        if tree.insert(key, value).is_none_or(|known| known >= value) {
                            tree.remove(&key);
                        }
                    }
                    2 => assert_eq!(map.remove(&key), tree.remove(&key), "seed {seed}"),
                    _ if act > 250 => {
                        map.retain(|key, _| key % 2 == 0);
                        tree.retain(|key, _| key % 2 == 0);
                    }
                    _ => {
                        assert_eq!(map.get(&key), tree.get(&key), "seed {seed}");
                        let mut near = u32::from(act);
                        for _ in 0..2 {
                            assert_eq!(map.get_mut_near(&mut near, &key), tree.get_mut(&key), "seed {seed}");
                        }
                    }
                }
                assert!(map.iter().eq(tree.iter()) && map.len() == tree.len(), "seed {seed}");
            }
        }
    }

    #[test]
    fn room_grows_by_a_quarter_and_shrinks_when_half_of_it_is_free() {
        let mut map = SortedMap::new();
        let mut grows = Vec::new();
        for n in 0..200 {
            let before = map.entries.capacity();
            assert_eq!(map.is_at_capacity(), map.len() == before);
            map.insert(n, n);
            grows.extend((map.entries.capacity() != before).then(|| map.entries.capacity()));
        }
        assert_eq!(grows, [4, 8, 12, 16, 20, 25, 31, 38, 47, 58, 72, 90, 112, 140, 175, 218]);
        map.retain(|n, _| *n < 106);
        assert_eq!(map.entries.capacity(), 218, "it may soon be needed again");
        map.retain(|n, _| *n < 105);
        assert_eq!(map.entries.capacity(), 105 + 105 / 4);
    }

    #[test]
    fn room_that_a_crowd_needed_is_given_back() {
        let mut map = SortedMap::new();
        (0..1_000).for_each(|n| assert_eq!(map.insert(n, n), None));
        (0..990).for_each(|n| assert_eq!(map.remove(&n), Some(n)));
        assert!(map.entries.capacity() <= 64, "{}", map.entries.capacity());
        (990..1_000).for_each(|n| assert_eq!(map.remove(&n), Some(n)));
        assert!(map.entries.capacity() < 8, "{}", map.entries.capacity());
        assert!(map.is_empty());
    }
}

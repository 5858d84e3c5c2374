//! A queue whose elements keep a number while they are in it, so that any of them can leave at once.

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// So many slots are never worth giving back before the last is free.
const SMALL: usize = 256;

/// Elements in the order in which they came; each can be reached and taken out by its slot's number in constant time.
///
/// Bounded by its owner. A slot's number is used again after its element left.
#[derive(Clone, Debug)]
pub(super) struct Fifo<T> {
    nodes: Vec<Node<T>>,
    free: u32,
    head: u32,
    tail: u32,
    len: u32,
}

#[derive(Clone, Debug)]
struct Node<T> {
    /// None while the slot is free.
    value: Option<T>,
    before: u32,
    /// The next free slot while this one is free.
    after: u32,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NONE, head: NONE, tail: NONE, len: 0 }
    }
}

impl<T> Fifo<T> {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends an element. Its slot's number is never [`NONE`].
    pub(super) fn push(&mut self, value: T) -> u32 {
        let node = Node { value: Some(value), before: self.tail, after: NONE };
        let slot = match self.nodes.get_mut(self.free as usize) {
            Some(place) => {
                let slot = self.free;
                self.free = place.after;
                *place = node;
                slot
            }
            None => {
                self.nodes.push(node);
                // Owners hold far fewer than 2^32 elements.
                u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(NONE)
            }
        };
        match self.nodes.get_mut(self.tail as usize) {
            Some(last) => last.after = slot,
            None => self.head = slot,
        }
        self.tail = slot;
        self.len = self.len.saturating_add(1);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.nodes.get(slot as usize)?.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.nodes.get_mut(slot as usize)?.value.as_mut()
    }

    /// Takes an element out.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let node = self.nodes.get_mut(slot as usize)?;
        let value = node.value.take()?;
        let (before, after) = (node.before, node.after);
        node.after = self.free;
        self.free = slot;
        match self.nodes.get_mut(before as usize) {
            Some(node) => node.after = after,
            None => self.head = after,
        }
        match self.nodes.get_mut(after as usize) {
            Some(node) => node.before = before,
            None => self.tail = before,
        }
        self.len = self.len.saturating_sub(1);
        Some(value)
    }

    /// The oldest element and its slot.
    pub(super) fn front(&self) -> Option<(u32, &T)> {
        Some((self.head, self.get(self.head)?))
    }

    /// The slot of the next younger element.
    pub(super) fn after(&self, slot: u32) -> Option<u32> {
        let node = self.nodes.get(slot as usize)?;
        (node.value.is_some() && node.after != NONE).then_some(node.after)
    }

    /// Gives back most of the storage if most of it is free, as after a rush of which little is left.
    pub(super) fn trim(&mut self) {
        if self.nodes.capacity() <= SMALL || self.len() >= self.nodes.capacity() / 8 {
            return;
        }
        while self.nodes.last().is_some_and(|node| node.value.is_none()) {
            self.nodes.pop();
        }
        self.nodes.shrink_to(self.len().saturating_mul(2));
        // The first slots are used first, so that the last ones are free next time.
        self.free = NONE;
        let slots = 0..u32::try_from(self.nodes.len()).unwrap_or(NONE);
        for (slot, node) in slots.zip(&mut self.nodes).rev().filter(|(_, node)| node.value.is_none()) {
            node.after = std::mem::replace(&mut self.free, slot);
        }
    }

    /// Gives the storage back if nothing is in it.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen};

    fn contents(fifo: &Fifo<u32>) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        let mut at = fifo.front().map(|(slot, _)| slot);
        while let Some(slot) = at {
            found.push((slot, *fifo.get(slot).unwrap()));
            at = fifo.after(slot);
        }
        found
    }

    #[test]
    fn elements_stay_in_order_whichever_of_them_leave() {
        for seed in 0..200 {
            let g = &mut Gen::from_size_and_seed(200, seed);
            let (mut fifo, mut model) = (Fifo::default(), Vec::<(u32, u32)>::new());
            for (n, (push, pick)) in Vec::<(bool, usize)>::arbitrary(g).into_iter().enumerate() {
                if push || model.is_empty() {
                    let value = u32::try_from(n).unwrap();
                    model.push((fifo.push(value), value));
                } else {
                    let (slot, value) = model.remove(pick % model.len());
                    assert_eq!(fifo.remove(slot), Some(value), "seed {seed}");
                    assert_eq!(fifo.remove(slot), None, "seed {seed}");
                }
                assert_eq!((contents(&fifo), fifo.len()), (model.clone(), model.len()), "seed {seed}");
            }
        }
    }

    #[test]
    fn what_a_rush_needed_is_given_back_though_some_of_it_stays() {
        let mut fifo = Fifo::default();
        let slots: Vec<u32> = (0..10_000).map(|n| fifo.push(n)).collect();
        let stays = |n: &usize| n % 5_000 == 7;
        (0..10_000).filter(|n| !stays(n)).for_each(|n| assert!(fifo.remove(slots[n]).is_some()));
        fifo.trim();
        assert_eq!((fifo.nodes.len(), contents(&fifo)), (5_008, vec![(7, 7), (5_007, 5_007)]));
        let later: Vec<u32> = (0..10).map(|n| fifo.push(n)).collect();
        assert_eq!(later, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10], "the first that are free");
        fifo.remove(5_007);
        fifo.trim();
        assert_eq!((fifo.nodes.len(), fifo.len()), (11, 11));
        assert!(fifo.nodes.capacity() < 100, "{}", fifo.nodes.capacity());
    }

    #[test]
    fn slots_are_used_again_and_storage_is_given_back() {
        let mut fifo = Fifo::default();
        for round in 0..1_000 {
            let slot = fifo.push(round);
            fifo.remove(slot);
        }
        assert_eq!(fifo.nodes.len(), 1);
        fifo.shrink();
        assert_eq!(fifo.nodes.capacity(), 0);
    }
}

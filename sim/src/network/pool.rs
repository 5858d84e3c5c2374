//! Bytes under way, of all links together: one slab, so that a link at rest costs nothing and a message no allocation.

use gossip_core::wire::Frame;
use std::sync::Arc;

/// What travels along one direction of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The acceptor learns of the connection.
    Open,
    /// Bytes.
    Frame(Frame),
    /// Bytes that may be no frame.
    Raw(Arc<[u8]>),
    /// The sender sends no more.
    Fin,
    /// The connection is broken.
    Reset,
}

impl Content {
    /// Bytes of the stream that it holds.
    pub(super) fn len(&self) -> u32 {
        match self {
            Self::Frame(frame) => u32::try_from(frame.len()).unwrap_or(u32::MAX),
            Self::Raw(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Self::Open | Self::Fin | Self::Reset => 0,
        }
    }

    /// These bytes, in order; none of a mark.
    pub(super) fn parts(&self) -> Option<[&[u8]; 2]> {
        match self {
            Self::Frame(frame) => Some(frame.parts()),
            Self::Raw(bytes) => Some([bytes, &[]]),
            Self::Open | Self::Fin | Self::Reset => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Item {
    /// When it is there, microseconds.
    pub(super) at: u64,
    pub(super) content: Content,
    /// Bytes of it that were delivered already.
    pub(super) delivered: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// A first-in-first-out queue inside a [`Pool`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Fifo {
    head: u32,
    tail: u32,
}

impl Default for Fifo {
    fn default() -> Self {
        Self { head: NONE, tail: NONE }
    }
}

impl Fifo {
    pub(super) fn is_empty(self) -> bool {
        self.head == NONE
    }
}

/// The items of all queues. Free places form a list and are used again, the latest first.
#[derive(Debug)]
pub(super) struct Pool {
    items: Vec<Item>,
    free: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Self { items: Vec::new(), free: NONE }
    }
}

impl Pool {
    pub(super) fn push(&mut self, fifo: &mut Fifo, at: u64, content: Content) {
        let item = Item { at, content, delivered: 0, next: NONE };
        let place = if self.free == NONE {
            self.items.push(item);
            u32::try_from(self.items.len() - 1).expect("fewer than 2^32 frames under way")
        } else {
            let place = self.free;
            self.free = self.items[place as usize].next;
            self.items[place as usize] = item;
            place
        };
        if fifo.tail == NONE {
            fifo.head = place;
        } else {
            self.items[fifo.tail as usize].next = place;
        }
        fifo.tail = place;
    }

    pub(super) fn front(&self, fifo: Fifo) -> Option<&Item> {
        (fifo.head != NONE).then(|| &self.items[fifo.head as usize])
    }

    pub(super) fn front_mut(&mut self, fifo: Fifo) -> Option<&mut Item> {
        (fifo.head != NONE).then(|| &mut self.items[fifo.head as usize])
    }

    pub(super) fn pop(&mut self, fifo: &mut Fifo) -> Option<Content> {
        if fifo.head == NONE {
            return None;
        }
        let place = fifo.head;
        let item = &mut self.items[place as usize];
        // Whatever it shares is given back now, not when the place is used again.
        let content = std::mem::replace(&mut item.content, Content::Open);
        fifo.head = item.next;
        item.next = self.free;
        self.free = place;
        if fifo.head == NONE {
            fifo.tail = NONE;
        }
        Some(content)
    }

    pub(super) fn clear(&mut self, fifo: &mut Fifo) {
        while self.pop(fifo).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_of_one_pool_keep_their_order_and_share_the_places() {
        let mut pool = Pool::default();
        let mut fifos = [Fifo::default(); 3];
        for round in 0..100u64 {
            for fifo in &mut fifos {
                pool.push(fifo, round, Content::Fin);
            }
            if round >= 4 {
                for fifo in &mut fifos {
                    assert_eq!(pool.front(*fifo).unwrap().at, round - 4);
                    assert_eq!(pool.pop(fifo), Some(Content::Fin));
                }
            }
        }
        assert_eq!(pool.items.len(), 15);
        for fifo in &mut fifos {
            pool.clear(fifo);
            assert!(fifo.is_empty());
        }
    }
}

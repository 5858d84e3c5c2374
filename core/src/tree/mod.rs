//! Over which links a message is pushed, and over which it is only offered (PROTOCOL.md, section 13).
//!
//! A link is a bit, as in repair. Each direction belongs to who receives on it: what others told of their own, what we
//! told them of ours, for each data type.

#[cfg(test)]
mod tests;

use crate::limits::{GRAFT_AFTER, TREE_PRUNE_AGAIN, TREE_TYPES_MAX};
use crate::time::Instant;
use std::collections::BTreeMap;

/// How the messages of a type go out over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In full, as at the start.
    Push,
    /// In full: it asked for that.
    Grafted,
    /// They are offered.
    Offer,
}

/// What is said about one direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Of this type send offers only.
    Prune,
    /// Of this type send everything in full.
    Graft,
}

/// One data type.
#[derive(Clone, Copy, Debug, Default)]
struct Tree {
    /// Links over which only offers are to go out.
    pruned_by: u64,
    /// Links that asked for everything in full.
    grafted_by: u64,
    /// Links that we told to send offers only.
    pruned: u64,
    /// Those that were told so in this span of [`TREE_PRUNE_AGAIN`], and in the one before: the word is under way.
    pruned_lately: [u64; 2],
    span_from: Instant,
    /// The link that brought the last message first, perhaps gone meanwhile, and how many in a row had to be fetched from
    /// it: fewer than [`GRAFT_AFTER`].
    fetched_from: u64,
    fetched: u8,
}

/// See the module. At most [`TREE_TYPES_MAX`] types are remembered; those past that are pushed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trees {
    /// Links that take part.
    links: u64,
    types: BTreeMap<u16, Tree>,
}

impl Trees {
    /// Does nobody take part?
    pub(crate) const fn is_empty(&self) -> bool {
        self.links == 0
    }

    /// Does this link take part?
    pub(crate) const fn has(&self, link: u64) -> bool {
        self.links & link != 0
    }

    /// All that do.
    pub(crate) const fn links(&self) -> u64 {
        self.links
    }

    /// This link takes part from now on.
    pub(crate) const fn link_up(&mut self, link: u64) {
        self.links |= link;
    }

    /// It is gone.
    pub(crate) fn link_down(&mut self, link: u64) {
        self.links &= !link;
        self.types.retain(|_, tree| {
            if tree.fetched_from == link {
                tree.fetched = 0;
            }
            tree.forget(link)
        });
    }

    /// The types of which messages have come over links that take part.
    pub(crate) fn types(&self) -> Vec<u16> {
        self.types.iter().filter(|(_, tree)| tree.fetched_from != 0).map(|(data_type, _)| *data_type).collect()
    }

    /// Only these types are subscribed to here; sorted.
    pub(crate) fn keep(&mut self, types: &[u16]) {
        self.types.retain(|data_type, _| types.binary_search(data_type).is_ok());
    }

    /// What a link told, or was told, of the types for which `is_left` says no means nothing any more.
    pub(crate) fn forget(&mut self, link: u64, is_left: impl Fn(u16) -> bool) {
        self.types.retain(|data_type, tree| is_left(*data_type) || tree.forget(link));
    }

    /// How messages of a type go out over this link.
    pub(crate) fn way(&self, data_type: u16, link: u64) -> Way {
        match self.types.get(&data_type) {
            Some(tree) if tree.pruned_by & link != 0 => Way::Offer,
            Some(tree) if tree.grafted_by & link != 0 => Way::Grafted,
            _ => Way::Push,
        }
    }

    /// A link's other end turns our direction of it. False if there is no room to remember that.
    pub(crate) fn turned(&mut self, data_type: u16, link: u64, turn: Turn) -> bool {
        let Some(tree) = self.tree(data_type) else { return false };
        match turn {
            Turn::Prune => {
                tree.pruned_by |= link;
                tree.grafted_by &= !link;
            }
            Turn::Graft => {
                tree.pruned_by &= !link;
                tree.grafted_by |= link;
            }
        }
        true
    }

    /// May messages of a type be on their way in full from any of these links? Not if the last one had to be fetched.
    pub(crate) fn is_pushed_by(&self, data_type: u16, links: u64) -> bool {
        let tree = self.types.get(&data_type).copied().unwrap_or_default();
        self.links & links & !tree.pruned != 0 && tree.fetched == 0
    }

    /// A copy of what is here already came over a link, unasked. Is that link to be pruned? Once more if it seems not to
    /// have heard or heeded it.
    pub(crate) fn copy_came(&mut self, now: Instant, data_type: u16, link: u64) -> bool {
        if !self.has(link) {
            return false;
        }
        let Some(tree) = self.tree(data_type) else { return false };
        let passed = now.since(tree.span_from);
        if passed >= TREE_PRUNE_AGAIN {
            let [last, _] = tree.pruned_lately;
            let before = if passed < TREE_PRUNE_AGAIN.times(2) { last } else { 0 };
            (tree.pruned_lately, tree.span_from) = ([0, before], now);
        }
        let [lately, before] = &mut tree.pruned_lately;
        let is_news = (*lately | *before) & link == 0;
        *lately |= if is_news { link } else { 0 };
        tree.pruned |= link;
        is_news
    }

    /// A new message came over a link, because it was asked for or unasked. Is that link to be grafted?
    pub(crate) fn first_came(&mut self, data_type: u16, link: u64, is_fetched: bool) -> bool {
        if !self.has(link) {
            return false;
        }
        let Some(tree) = self.tree(data_type) else { return false };
        if tree.fetched_from != link {
            (tree.fetched_from, tree.fetched) = (link, 0);
        }
        tree.fetched = if is_fetched { tree.fetched.saturating_add(1) } else { 0 };
        if tree.fetched < GRAFT_AFTER {
            return false;
        }
        tree.fetched = 0;
        tree.unprune(link);
        true
    }

    fn tree(&mut self, data_type: u16) -> Option<&mut Tree> {
        if self.types.len() >= TREE_TYPES_MAX && !self.types.contains_key(&data_type) {
            return None;
        }
        Some(self.types.entry(data_type).or_default())
    }
}

impl Tree {
    fn unprune(&mut self, link: u64) {
        self.pruned &= !link;
        self.pruned_lately.iter_mut().for_each(|links| *links &= !link);
    }

    /// What a link told, or was told, means nothing any more. Is there anything left to remember?
    fn forget(&mut self, link: u64) -> bool {
        self.pruned_by &= !link;
        self.grafted_by &= !link;
        self.unprune(link);
        self.pruned_by | self.grafted_by | self.pruned | self.fetched_from != 0
    }
}

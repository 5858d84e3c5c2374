//! What the next messages of a piece are known by, worked out before their turn: so that what the memory holds of them is
//! read together, not each time from a line that is far away.

use super::seen::{HashKey, Identity, Seen, identity};
use crate::wire::{PeerMessage, peek};
use std::hint::black_box;

/// So many at once: about what a processor waits for at a time.
const MOST: usize = 16;

/// Identities of messages at the front of a piece of input, at most [`MOST`].
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    /// Each with how much of the piece was left before its frame, which tells the frames of a piece apart. The next to
    /// come is the last.
    known: Vec<(usize, Identity)>,
}

impl Ahead {
    /// A new piece begins.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Gives the room back.
    pub(super) fn shrink(&mut self) {
        self.known = Vec::new();
    }

    /// The identity of the message that the rest of a piece begins with. None if it begins with anything else, or if that
    /// is all there is: then it is worked out when it is needed.
    pub(super) fn first(
        &mut self,
        key: HashKey,
        seen: &Seen,
        input: &[u8],
        is_wanted: impl Fn(u16) -> bool,
    ) -> Option<Identity> {
        if self.known.is_empty() {
            self.look(key, seen, input, is_wanted);
        }
        self.known.pop_if(|(left, _)| *left == input.len()).map(|(_, identity)| identity)
    }

    fn look(&mut self, key: HashKey, seen: &Seen, input: &[u8], is_wanted: impl Fn(u16) -> bool) {
        let mut rest = input;
        while self.known.len() < MOST
            && let Some((kind, body, after)) = peek(rest)
            // One alone would gain nothing.
            && !(after.is_empty() && self.known.is_empty())
            && let Ok(PeerMessage::PeerNotification { id, data_type, data, .. }) = PeerMessage::decode(kind, body)
            && is_wanted(data_type)
        {
            self.known.push((rest.len(), identity(key, id, data_type, data)));
            rest = after;
        }
        self.known.reverse();
        self.known.iter().for_each(|(_, identity)| _ = black_box(seen.find(identity)));
    }
}

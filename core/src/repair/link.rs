//! One neighbour that takes part in repair.

use crate::limits::{ANSWER_PATIENCE, ANSWERS, INTERESTS, OFFERS_SENT, OFFERS_TAKEN, TURNS_SENT, TURNS_TAKEN};
use crate::time::{Duration, Instant};
use crate::util::bucket::TokenBucket;
use crate::wire::{Digest, Interest};
use std::collections::VecDeque;

/// Over so many answers the time that they take is averaged.
const ANSWERS_AVERAGED: u64 = 8;

/// The data types that a neighbour's modules subscribe to, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Types {
    All,
    /// Mostly it is one, and whether a message is wanted is asked for every neighbour that it goes to.
    One(u16),
    /// Sorted, each once, but not just one; none until INTEREST came.
    These(Vec<u16>),
}

impl Types {
    pub(super) fn of(interest: Interest<'_>) -> Self {
        if interest.is_all() {
            return Self::All;
        }
        Self::listed(interest.iter().collect())
    }

    pub(super) fn listed(mut types: Vec<u16>) -> Self {
        types.sort_unstable();
        types.dedup();
        if let [only] = types[..] { Self::One(only) } else { Self::These(types) }
    }

    pub(super) fn has(&self, data_type: u16) -> bool {
        match self {
            Self::All => true,
            Self::One(only) => *only == data_type,
            Self::These(types) => types.binary_search(&data_type).is_ok(),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::These(Vec::new())
    }

    /// Is there any among these that is not in `other`?
    pub(super) fn exceeds(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => false,
            (Self::All, _) => true,
            (Self::One(only), _) => !other.has(*only),
            (Self::These(types), _) => types.iter().any(|data_type| !other.has(*data_type)),
        }
    }
}

/// See the module. What it was offered is a bit of each message in the knowledge base.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Which bit.
    pub(super) bit: u64,
    pub(super) interest: Types,
    /// It takes offers in place of messages, as soon as its INTEREST came (section 13).
    pub(super) has_tree: bool,
    /// Messages with lower numbers were looked at for it.
    pub(super) position: u64,
    /// Its INTEREST has grown: it is offered what is there soon.
    pub(super) is_fresh: bool,
    /// Digests that it was offered, less those that it asked for.
    pub(super) credit: u32,
    /// Offers in place of a push that are about to go out.
    pub(super) coming: u64,
    /// The messages that it asked for and that are still to be sent, by number and digest.
    pub(super) owed: VecDeque<(u64, Digest)>,
    /// What it was asked for and when, oldest first; some came meanwhile.
    pub(super) asked: VecDeque<(Instant, Digest)>,
    /// The wants that count as its own, oldest first: at most [`WANTS_PER_NEIGHBOUR`](crate::limits::WANTS_PER_NEIGHBOUR).
    pub(super) wants: VecDeque<Digest>,
    /// When something that was asked for last came from it.
    pub(super) came_at: Instant,
    /// How long its answers took lately, on average; zero before the first.
    pub(super) answers_take: Duration,
    /// Until when what comes from it may be an answer.
    pub(super) answers_until: Instant,
    /// Offers in a row that led to nothing.
    pub(super) empty: u32,
    /// How many good answers it owes before it is asked as others are (section 13).
    pub(super) doubt: u32,
    rates: Option<Box<Rates>>,
}

/// Made when the first is needed.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    pub(super) offers_sent: TokenBucket,
    pub(super) offers_taken: TokenBucket,
    pub(super) interests: TokenBucket,
    pub(super) answers: TokenBucket,
    pub(super) turns_sent: TokenBucket,
    pub(super) turns_taken: TokenBucket,
}

impl Link {
    pub(super) fn new(bit: u64, position: u64) -> Self {
        Self {
            bit,
            interest: Types::These(Vec::new()),
            has_tree: false,
            position,
            is_fresh: false,
            credit: 0,
            coming: 0,
            owed: VecDeque::new(),
            asked: VecDeque::new(),
            wants: VecDeque::new(),
            came_at: Instant::ZERO,
            answers_take: Duration::ZERO,
            answers_until: Instant::ZERO,
            empty: 0,
            doubt: 0,
            rates: None,
        }
    }

    pub(super) fn rates(&mut self, now: Instant) -> &mut Rates {
        self.rates.get_or_insert_with(|| {
            Box::new(Rates {
                offers_sent: TokenBucket::new(OFFERS_SENT, now),
                offers_taken: TokenBucket::new(OFFERS_TAKEN, now),
                interests: TokenBucket::new(INTERESTS, now),
                answers: TokenBucket::new(ANSWERS, now),
                turns_sent: TokenBucket::new(TURNS_SENT, now),
                turns_taken: TokenBucket::new(TURNS_TAKEN, now),
            })
        })
    }

    /// An answer of its took so long.
    pub(super) fn took(&mut self, span: Duration) {
        let known = if self.answers_take == Duration::ZERO { span } else { self.answers_take };
        self.answers_take = known.times(ANSWERS_AVERAGED - 1).plus(span).part(ANSWERS_AVERAGED);
    }

    /// When what it was asked for longest ago is given up.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.asked.front().map(|(at, _)| (*at).max(self.came_at).after(ANSWER_PATIENCE))
    }
}

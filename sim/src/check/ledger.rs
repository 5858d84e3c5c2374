//! Every message that was announced and still matters: who knows it, who vouched for it, which links it crossed.

use super::Seen;
use crate::network::EndId;
use std::collections::VecDeque;
use std::ops::Range;

/// A message as it was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// When, microseconds.
    pub at: u64,
    /// By a module of which peer.
    pub peer: u32,
    /// In which of that peer's lives.
    pub life: u32,
    /// Its type.
    pub data_type: u16,
    /// As announced; 0 is no limit.
    pub ttl: u8,
    /// Made valid?
    pub valid: bool,
}

/// A message under observation.
#[derive(Debug)]
pub struct Message {
    /// As it was announced.
    pub announced: Announced,
    pub(super) peers: Vec<PeerCell>,
    /// For each module: when it was told last, microseconds after the announcement plus one; 0 if never, [`EARLIER_LIFE`]
    /// if only before its peer's restart.
    pub(super) told: Vec<u32>,
    /// One bit for each direction of a link: it came through there.
    pub(super) crossed: Vec<u64>,
    outcome: Outcome,
    /// An adversary sent it under another id: to peers it is another message, and nothing can be said of who has told
    /// whom of which.
    pub(super) is_forged: bool,
    /// First copies by their hops.
    hops: Vec<u32>,
    /// For each module: when it was told first, microseconds after the announcement plus one; 0 if never.
    first_told: Vec<u32>,
}

/// What became of a message so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Copies that peers received.
    pub copies: u64,
    /// Peers that received one or more, the announcer not counted.
    pub peers: u64,
}

const EARLIER_LIFE: u32 = u32::MAX;

/// What one peer knows of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeerCell {
    /// A module of it, or the announcer's word, vouched for it.
    pub(super) vouched: bool,
    /// It may pass it on with a ttl below this.
    pub(super) ttl_below: u8,
    received: bool,
}

impl Message {
    /// When the module was told last in its peer's present life, microseconds of the simulation.
    pub(super) fn told_at(&self, module: u32) -> Option<u64> {
        match self.told[module as usize] {
            0 | EARLIER_LIFE => None,
            after => Some(self.announced.at + u64::from(after) - 1),
        }
    }

    /// Was it told, in whatever life?
    pub fn was_told(&self, module: u32) -> bool {
        self.told[module as usize] != 0
    }

    pub(super) fn tell(&mut self, module: u32, now: u64) {
        let after = u32::try_from(now - self.announced.at + 1).unwrap_or(EARLIER_LIFE - 1).min(EARLIER_LIFE - 1);
        self.told[module as usize] = after;
        let first = &mut self.first_told[module as usize];
        if *first == 0 {
            *first = after;
        }
    }

    /// How long after the announcement it was told first, microseconds.
    pub fn first_told_after(&self, module: u32) -> Option<u64> {
        self.first_told[module as usize].checked_sub(1).map(u64::from)
    }

    /// First copies by their hops.
    pub fn hops(&self) -> &[u32] {
        &self.hops
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// With which ttl it leaves its announcer (section 5).
    fn first_ttl(&self) -> u8 {
        if self.announced.ttl == 0 { 255 } else { self.announced.ttl - 1 }
    }
}

/// The messages under observation, by number.
#[derive(Debug)]
pub struct Ledger {
    peers: usize,
    modules: usize,
    /// How long a message is observed, microseconds.
    span: u64,
    first: u64,
    messages: VecDeque<Message>,
}

impl Ledger {
    /// Nothing announced yet among so many peers and modules.
    pub fn new(peers: usize, modules: usize, span: u64) -> Self {
        Self { peers, modules, span, first: 0, messages: VecDeque::new() }
    }

    /// The number that the next message gets.
    pub fn next_number(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// Takes the next message up. `vouched`: its announcer's word is enough (section 5, rule 3).
    pub fn announce(&mut self, announced: Announced, vouched: bool) {
        let mut message = Message {
            announced,
            peers: vec![PeerCell::default(); self.peers],
            told: vec![0; self.modules],
            crossed: Vec::new(),
            outcome: Outcome::default(),
            is_forged: false,
            hops: Vec::new(),
            first_told: vec![0; self.modules],
        };
        // The ttl of an announcement falls when it leaves, unless it is 0, which becomes 255.
        let below = if announced.ttl == 0 { 255 } else { announced.ttl };
        message.peers[announced.peer as usize] = PeerCell { vouched, ttl_below: below, received: true };
        self.messages.push_back(message);
    }

    /// The oldest message, once its time is over; it is forgotten with this.
    pub fn retire(&mut self, now: u64) -> Option<Message> {
        let over = self.messages.front().is_some_and(|message| message.announced.at + self.span <= now);
        if !over {
            return None;
        }
        self.first += 1;
        self.messages.pop_front()
    }

    /// A message under observation.
    pub fn live(&self, number: u64) -> Option<&Message> {
        self.messages.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn live_mut(&mut self, number: u64) -> Option<&mut Message> {
        self.messages.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// An adversary sends this message under another id.
    pub fn forge(&mut self, number: u64) {
        if let Some(message) = self.live_mut(number) {
            message.is_forged = true;
        }
    }

    /// A module of this peer says that the message is valid.
    pub fn vouch(&mut self, peer: u32, number: u64) {
        if let Some(message) = self.live_mut(number) {
            message.peers[peer as usize].vouched = true;
        }
    }

    /// A module of this peer is gone: of what was announced here and is not handled yet, the announcer may be left alone
    /// to vouch for it.
    pub fn vouch_for_own(&mut self, peer: u32) {
        let own = self.messages.iter_mut().filter(|message| message.announced.peer == peer);
        own.for_each(|message| message.peers[peer as usize].vouched = true);
    }

    /// Reads what a copy of this message at this peer will be compared with.
    pub fn touch(&self, peer: u32, end: EndId, number: u64) -> u64 {
        let Some(message) = self.live(number) else { return 0 };
        let crossed = message.crossed.get(end.index() / 64).copied().unwrap_or(0);
        crossed ^ u64::from(message.peers[peer as usize].ttl_below)
    }

    /// A peer received a copy.
    pub(super) fn received(&mut self, peer: u32, seen: Seen) {
        let Some(message) = self.live_mut(seen.number) else { return };
        message.outcome.copies += 1;
        let first_ttl = message.first_ttl();
        let cell = &mut message.peers[peer as usize];
        cell.ttl_below = cell.ttl_below.max(seen.ttl);
        if !cell.received {
            cell.received = true;
            message.outcome.peers += 1;
            let hop = first_ttl.saturating_sub(seen.ttl).saturating_add(1);
            let hop = usize::from(hop);
            if message.hops.len() <= hop {
                message.hops.resize(hop + 1, 0);
            }
            message.hops[hop] += 1;
        }
    }

    /// A peer has handled a copy that came through `end`, the sender's. If it remembers the message, for these modules
    /// were told, it must not send it back there. What nobody there is subscribed to now is dropped without a look
    /// (section 5, rule 1).
    pub(super) fn handled(&mut self, end: EndId, mut modules: impl Iterator<Item = u32>, seen: Seen) {
        let Some(message) = self.live_mut(seen.number) else { return };
        if !modules.any(|module| message.told_at(module).is_some()) {
            return;
        }
        let word = end.index() / 64;
        if message.crossed.len() <= word {
            message.crossed.resize(word + 1, 0);
        }
        message.crossed[word] |= 1 << (end.index() % 64);
    }

    pub(super) fn forget_link(&mut self, end: EndId) {
        for message in &mut self.messages {
            for end in [end, end.other()] {
                if let Some(word) = message.crossed.get_mut(end.index() / 64) {
                    *word &= !(1 << (end.index() % 64));
                }
            }
        }
    }

    /// What a module was told counts no more: on its next connection it may be told all of it again.
    pub fn forget_module(&mut self, module: u32) {
        for message in &mut self.messages {
            let told = &mut message.told[module as usize];
            if *told != 0 {
                *told = EARLIER_LIFE;
            }
        }
    }

    /// Those under observation.
    pub fn iter(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    pub(super) fn forget_peer(&mut self, peer: u32, modules: Range<u32>) {
        for message in &mut self.messages {
            let cell = &mut message.peers[peer as usize];
            *cell = PeerCell { received: cell.received, ..PeerCell::default() };
            for module in modules.clone() {
                let told = &mut message.told[module as usize];
                if *told != 0 {
                    *told = EARLIER_LIFE;
                }
            }
        }
    }
}

//! What came in time: within ten seconds, and after a partition.

use super::{SECOND, World};
use crate::check::Message;
use crate::wake::Wake;

/// A delivery is prompt within so long.
pub(super) const PROMPT: u64 = 10 * SECOND;
/// So long after the first link across, everybody knows everything.
const HEALED: u64 = 3 * SECOND;

/// A partition that heals.
#[derive(Debug)]
pub(super) struct Split {
    began: u64,
    /// For each group, whether each peer is in it.
    groups: Vec<Vec<bool>>,
    ended: Option<u64>,
    /// When the first link across came afterwards.
    crossed: Option<u64>,
}

impl Split {
    pub(super) fn new(now: u64, groups: Vec<Vec<bool>>) -> Self {
        Self { began: now, groups, ended: None, crossed: None }
    }

    pub(super) fn ends(&mut self, now: u64) {
        self.ended = Some(now);
    }
}

impl World {
    /// Has a module been subscribed, at a peer with neighbours, since then?
    pub(super) fn has_been_there_since(&self, module: u32, then: u64) -> bool {
        let state = &self.modules[module as usize];
        state.since.is_some_and(|since| since <= then)
            && self.stats.established_since(state.peer).is_some_and(|since| since <= then)
    }

    /// How many deliveries there should be by now of a message that counts, and how many there are not.
    fn expected_and_missed(&self, message: &Message) -> (u64, u64) {
        let announced = message.announced;
        let host = &self.peers[announced.peer as usize];
        let lived_on = host.state.is_some() && host.starts == announced.life;
        if announced.ttl != 0 || !announced.valid || !lived_on || self.scenario.peers < 2 {
            return (0, 0);
        }
        let (mut expected, mut missed) = (0, 0);
        for (module, state) in (0..).zip(&self.modules) {
            let class = &self.scenario.modules[usize::from(state.class)];
            let wants = class.reads && class.types.contains(&announced.data_type);
            if wants && self.has_been_there_since(module, announced.at) {
                expected += 1;
                missed += u64::from(message.first_told_after(module).is_none());
            }
        }
        (expected, missed)
    }

    /// Ten seconds have passed since this message was announced.
    pub(super) fn is_due(&mut self, number: u64) {
        let Some(message) = self.checks.ledger.live(number) else { return };
        let (expected, missed) = self.expected_and_missed(message);
        self.stats.prompt_expected += expected;
        self.stats.prompt_missed += missed;
    }

    /// Two peers have become neighbours.
    pub(super) fn crosses(&mut self, peer: u32, other: u32) {
        let Some(split) = self.split.as_mut().filter(|split| split.crossed.is_none()) else { return };
        let Some(ended) = split.ended else { return };
        let group_of = |peer: u32| split.groups.iter().position(|group| group[peer as usize]);
        if group_of(peer) != group_of(other) {
            split.crossed = Some(self.now);
            self.stats.healed_after = Some(self.now - ended);
            self.queue.push(self.now + HEALED, Wake::Healed);
        }
    }

    /// Three seconds have passed since the first link across.
    pub(super) fn is_healed(&mut self) {
        // Another partition since then began anew.
        let Some((split, crossed)) = self.split.take_if(|split| split.crossed.is_some()).and_then(|split| {
            let crossed = split.crossed?;
            Some((split, crossed))
        }) else {
            return;
        };
        let within = |message: &&Message| (split.began..crossed).contains(&message.announced.at);
        let those = self.checks.ledger.iter().filter(within).map(|message| self.expected_and_missed(message));
        let (expected, missed) = those.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        self.stats.partitions_healed += 1;
        self.stats.healed_expected += expected;
        self.stats.healed_missed += missed;
    }
}

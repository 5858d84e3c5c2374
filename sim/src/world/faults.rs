//! The timeline: what goes wrong, and what is put right again.

use super::World;
use super::healing::Split;
use crate::network::CutId;
use crate::scenario::{Fault, LEAVING, Who};
use crate::wake::Wake;
use gossip_core::Event;
use std::collections::BTreeMap;

/// What is put right when a fault's time is over.
#[derive(Debug)]
pub(super) enum Undo {
    /// These cuts heal.
    Heal(Vec<CutId>),
    /// Peers are as they were before.
    Mend,
}

/// What is wrong with one peer, as long as a step lasts.
#[derive(Debug)]
pub(super) struct Wrong {
    step: u32,
    peer: u32,
    harm: Harm,
}

#[derive(Clone, Copy, Debug)]
enum Harm {
    /// Each event takes it so long, microseconds; of several the longest counts.
    Slow(u64),
    /// Its clock gains so many ppm; of several the last counts.
    Drift(i32),
}

impl World {
    /// A step of the timeline is due.
    pub(super) fn step(&mut self, at: u32) {
        let step = self.scenario.timeline[at as usize].clone();
        let back = step.lasts;
        let hit = match &step.fault {
            Fault::Partition(shares) => {
                let (cuts, parted) = self.partition(shares, back.is_some());
                self.undo_later(at, back, Undo::Heal(cuts));
                parted
            }
            Fault::OneWay(who) => {
                let chosen = self.set_of(who);
                let unheard = chosen.iter().filter(|in_set| **in_set).count();
                let others = chosen.iter().map(|in_set| !in_set).collect();
                let cut = self.network.reach().cut(chosen, others);
                self.undo_later(at, back, Undo::Heal(vec![cut]));
                unheard
            }
            Fault::Kill(who) => self.end_some(who, Way::Kill, back),
            Fault::Vanish(who) => self.end_some(who, Way::Vanish, back),
            Fault::Leave(who) => self.end_some(who, Way::Leave, back),
            Fault::Pause(who) => {
                let until = back.map_or(u64::MAX, |lasts| self.now + lasts);
                let chosen = self.choose(who);
                for &peer in &chosen {
                    // A shorter pause within a longer one ends nothing.
                    let busy_until = &mut self.peers[peer as usize].busy_until;
                    *busy_until = until.max(*busy_until);
                }
                chosen.len()
            }
            Fault::Slow(who, cost) => {
                let chosen = self.choose(who);
                chosen.iter().for_each(|&peer| self.harm(at, peer, Harm::Slow(*cost)));
                self.undo_later(at, back, Undo::Mend);
                chosen.len()
            }
            Fault::Silence(ppm) => self.on_links(*ppm, |world, end| world.network.silence(end)),
            Fault::Reset(ppm) => {
                self.on_links(*ppm, |world, end| world.network.break_link(world.now, end, &mut world.queue))
            }
            Fault::Drift(who, most_ppm) => {
                let chosen = self.choose(who);
                for &peer in &chosen {
                    let drift = self.rngs.faults.between(0, 2 * u64::from(*most_ppm));
                    let drift = i64::try_from(drift).unwrap_or(0) - i64::from(*most_ppm);
                    self.harm(at, peer, Harm::Drift(i32::try_from(drift).unwrap_or(0)));
                }
                self.undo_later(at, back, Undo::Mend);
                chosen.len()
            }
            Fault::Modules(who) => {
                let chosen = self.choose(who);
                let those: Vec<u32> = chosen.iter().flat_map(|&peer| self.modules_of(peer)).collect();
                those.iter().for_each(|&module| self.module_ends(module));
                those.len()
            }
            Fault::Join(count, over) => self.join_more(*count, *over),
            Fault::Churn { every, down } => {
                let over = back.is_some_and(|lasts| self.now >= step.at + lasts);
                if over {
                    return;
                }
                let gone = self.churn(*down);
                let pause = self.rngs.faults.exponential(*every).max(1);
                self.queue.push(self.now + pause, Wake::Step(at));
                gone
            }
        };
        self.stats.hit(at as usize, hit as u64);
    }

    /// So many more peers join, if there are so many.
    fn join_more(&mut self, count: u32, over: u64) -> usize {
        let before = self.next_to_join;
        while self.next_to_join < self.scenario.peers && self.next_to_join - before < count {
            let delay = self.rngs.joins.below(over + 1);
            self.queue.push(self.now + delay, Wake::Join(self.next_to_join));
            self.next_to_join += 1;
        }
        (self.next_to_join - before) as usize
    }

    fn harm(&mut self, step: u32, peer: u32, harm: Harm) {
        self.wrongs.push(Wrong { step, peer, harm });
        match harm {
            Harm::Slow(cost) => {
                let slowest = &mut self.peers[peer as usize].cost;
                *slowest = cost.max(*slowest);
            }
            Harm::Drift(ppm) => self.drift(peer, ppm),
        }
    }

    fn drift(&mut self, peer: u32, ppm: i32) {
        self.peers[peer as usize].clock.drift(self.now, ppm);
        self.peers[peer as usize].wake_at = None;
        self.reschedule(peer);
    }

    /// What a step did to peers is over; what others did to them goes on.
    fn mend(&mut self, step: u32) {
        let (over, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.wrongs).into_iter().partition(|wrong| wrong.step == step);
        let mut drifts = BTreeMap::new();
        for Wrong { peer, harm, .. } in over {
            match harm {
                Harm::Slow(_) => self.peers[peer as usize].cost = 0,
                Harm::Drift(_) => drop(drifts.insert(peer, 0)),
            }
        }
        for &Wrong { peer, harm, .. } in &left {
            match harm {
                Harm::Slow(cost) => {
                    let slowest = &mut self.peers[peer as usize].cost;
                    *slowest = cost.max(*slowest);
                }
                Harm::Drift(ppm) => drop(drifts.get_mut(&peer).map(|drift| *drift = ppm)),
            }
        }
        self.wrongs = left;
        drifts.into_iter().for_each(|(peer, ppm)| self.drift(peer, ppm));
    }

    /// A step's time is over.
    pub(super) fn undo(&mut self, at: u32) {
        let Some(place) = self.undos.iter().position(|(step, _)| *step == at) else { return };
        match self.undos.remove(place).1 {
            Undo::Heal(cuts) => {
                cuts.into_iter().for_each(|cut| self.network.reach().heal(cut));
                if matches!(self.scenario.timeline[at as usize].fault, Fault::Partition(_)) {
                    self.split.iter_mut().for_each(|split| split.ends(self.now));
                }
                self.network.retransmit(self.now, &mut self.queue);
                self.settle_written();
            }
            Undo::Mend => self.mend(at),
        }
    }

    fn undo_later(&mut self, step: u32, lasts: Option<u64>, undo: Undo) {
        if let Some(lasts) = lasts {
            self.undos.push((step, undo));
            self.queue.push(self.now + lasts, Wake::Undo(step));
        }
    }

    /// The cuts, and how many peers are not in the largest group.
    fn partition(&mut self, shares: &[u32], heals: bool) -> (Vec<CutId>, usize) {
        let total = shares.iter().map(|&share| u64::from(share)).sum::<u64>().max(1);
        let mut groups: Vec<Vec<bool>> = vec![Vec::with_capacity(self.peers.len()); shares.len()];
        for _ in 0..self.peers.len() {
            let draw = self.rngs.faults.below(total);
            let mut passed = 0;
            for (group, &share) in groups.iter_mut().zip(shares) {
                group.push((passed..passed + u64::from(share)).contains(&draw));
                passed += u64::from(share);
            }
        }
        let mut cuts = Vec::new();
        for from in 0..groups.len() {
            for to in (0..groups.len()).filter(|&to| to != from) {
                cuts.push(self.network.reach().cut(groups[from].clone(), groups[to].clone()));
            }
        }
        let largest = groups.iter().map(|group| group.iter().filter(|in_it| **in_it).count()).max();
        self.stats.partitions += 1;
        self.split = heals.then(|| Split::new(self.now, groups));
        (cuts, self.peers.len() - largest.unwrap_or(0))
    }

    fn churn(&mut self, down: u64) -> usize {
        let back = self.rngs.faults.between(1, down.max(1));
        let way = match self.rngs.faults.below(3) {
            0 => Way::Kill,
            1 => Way::Vanish,
            _ => Way::Leave,
        };
        self.end_some(&Who::Count(1), way, Some(back))
    }

    fn end_some(&mut self, who: &Who, way: Way, back: Option<u64>) -> usize {
        let chosen = self.choose(who);
        chosen.iter().for_each(|&peer| self.end_for(peer, way, back));
        chosen.len()
    }

    fn end_for(&mut self, peer: u32, way: Way, back: Option<u64>) {
        match way {
            Way::Kill => self.end_process(peer, false),
            Way::Vanish => self.end_process(peer, true),
            Way::Leave => {
                let host = &mut self.peers[peer as usize];
                if host.state.is_some() && !host.leaving {
                    host.leaving = true;
                    self.queue.push(self.now + LEAVING, Wake::Exit(peer));
                    self.feed(peer, Event::Shutdown);
                    self.settle_written();
                }
            }
        }
        if let Some(back) = back {
            let after = if way == Way::Leave { LEAVING + 1 } else { 0 };
            self.queue.push(self.now + after + back, Wake::Join(peer));
        }
    }

    /// Peers that run and may be hit, in random order, as many as `who` says.
    fn choose(&mut self, who: &Who) -> Vec<u32> {
        if let Who::Peers(peers) = who {
            let there = |peer: &u32| self.peers.get(*peer as usize).is_some_and(|host| host.state.is_some());
            return peers.iter().copied().filter(there).collect();
        }
        let runs = |&peer: &u32| self.peers[peer as usize].listens();
        let mut among: Vec<u32> = (self.scenario.bootstrappers..self.scenario.peers).filter(runs).collect();
        let count = match who {
            Who::Share(ppm) => among.len() * (*ppm as usize) / 1_000_000,
            Who::Count(count) => *count as usize,
            Who::Peers(_) => 0,
        };
        self.rngs.faults.shuffle_front(&mut among, count);
        among.truncate(count);
        among
    }

    fn set_of(&mut self, who: &Who) -> Vec<bool> {
        let mut set = vec![false; self.peers.len()];
        self.choose(who).into_iter().for_each(|peer| set[peer as usize] = true);
        set
    }

    fn on_links(&mut self, ppm: u32, mut act: impl FnMut(&mut Self, crate::network::EndId)) -> usize {
        let mut hit = 0;
        for peer in 0..self.peers.len() {
            let dialed = self.peers[peer].ends.iter().filter(|(connection, _)| connection.is_dialed());
            let ends: Vec<_> = dialed.map(|&(_, end)| end).collect();
            for end in ends {
                if self.network.is_open(end) && self.rngs.faults.ppm(ppm) {
                    act(self, end);
                    hit += 1;
                }
            }
        }
        hit
    }
}

/// How a peer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Kill,
    Vanish,
    Leave,
}

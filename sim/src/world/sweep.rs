//! Looking over: tables and connections of peers, messages whose time is over, and, in the end, the overlay.

use super::modules::Module;
use super::{SECOND, World};
use crate::check::{Floor, Held, Message};
use crate::network::{EndId, Owner};
use crate::report;
use crate::scenario::Step;
use crate::world::peer_at;
use gossip_core::Status;
use gossip_core::time::Instant;

/// So many peers are looked over each time.
const SAMPLE: usize = 1_000;
/// A message younger than this at the end is not judged.
const YOUNGEST: u64 = 10 * SECOND;

/// The overlay at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Peers that run.
    pub peers: u64,
    /// Pieces that they form.
    pub pieces: u64,
    /// The fewest neighbours that any has.
    pub fewest: u64,
    /// The most neighbours that any has.
    pub most: u64,
    /// Neighbours of all.
    pub neighbours: u64,
    /// Neighbours that don't know of it.
    pub one_sided: u64,
    /// Neighbours that are no peers of the scenario: attackers. Not among the others.
    pub strangers: u64,
    /// Each running peer and how many neighbours it has.
    pub views: Vec<(u32, u32)>,
    /// Pairs of neighbours, each once.
    pub edges: Vec<(u32, u32)>,
}

impl World {
    pub(super) fn sweep(&mut self) {
        self.checks.expire(self.now);
        let count = self.peers.len();
        for _ in 0..count.min(SAMPLE) {
            self.swept = (self.swept + 1) % count;
            self.look_over(u32::try_from(self.swept).unwrap_or(0));
        }
        while let Some(message) = self.checks.ledger.retire(self.now) {
            self.judge(&message);
        }
    }

    fn look_over(&mut self, peer: u32) {
        if !self.checks.are_on() {
            return;
        }
        let Some(status) = self.status(peer) else { return };
        let mut held = Held { with_peers: 0, with_modules: 0, wanted: 0, is_idle: self.is_idle(peer) };
        for &(_, end) in &self.peers[peer as usize].ends {
            match self.network.holder(end.other()).0 {
                Owner::Peer(_) | Owner::Attacker(_) | Owner::Victim | Owner::Nobody => held.with_peers += 1,
                Owner::Module(module) => {
                    held.with_modules += 1;
                    held.wanted += self.scenario.modules[usize::from(self.modules[module as usize].class)].types.len();
                }
            }
        }
        self.checks.look_over(self.now, peer, &status, held);
    }

    /// Has it done all that was due, and long ago?
    fn is_idle(&self, peer: u32) -> bool {
        self.peers[peer as usize].busy_until.saturating_add(SECOND) <= self.now
    }

    /// A running peer's public status.
    pub fn status(&self, peer: u32) -> Option<Status> {
        let host = &self.peers[peer as usize];
        let now: Instant = host.clock.read(self.now);
        host.state.as_ref().map(|state| state.status(now))
    }

    /// Counts what a message achieved.
    fn judge(&mut self, message: &Message) {
        let (announced, outcome) = (message.announced, message.outcome());
        self.stats.copies += outcome.copies;
        self.stats.receivers += outcome.peers;
        for (total, of_message) in self.stats.hops.iter_mut().zip(message.hops()) {
            *total += u64::from(*of_message);
        }
        let host = &self.peers[announced.peer as usize];
        let lived_on = host.state.is_some() && host.starts == announced.life;
        if announced.ttl != 0 || !announced.valid || self.scenario.peers < 2 || announced.at + YOUNGEST > self.now {
            return;
        }
        let wants = |module: &Module| {
            let class = &self.scenario.modules[usize::from(module.class)];
            class.reads && class.types.contains(&announced.data_type)
        };
        self.stats.subscribed += self.modules.iter().filter(|module| wants(module)).count() as u64;
        if !lived_on {
            return;
        }
        self.stats.judged += 1;
        let is_kept = self.stats.keeps_last();
        let expected_before = self.stats.expected;
        let mut delays = Vec::new();
        for (module, state) in (0..).zip(&self.modules) {
            let was_there = state.since.is_some_and(|since| since <= announced.at)
                && self.stats.established_since(state.peer).is_some_and(|since| since <= announced.at);
            if was_there && wants(state) {
                self.stats.expected += 1;
                match message.first_told_after(module) {
                    None => self.stats.missed += 1,
                    Some(delay) if is_kept => delays.push(delay),
                    Some(_) => {}
                }
            }
        }
        if is_kept {
            let expected = self.stats.expected - expected_before;
            self.stats.keep_last(report::Message::new(announced.at, expected, delays));
        }
    }

    /// At the end: all messages are judged, all peers looked over; and, if there was no traffic for long enough, nothing
    /// may be left of it.
    pub fn finish(&mut self) {
        for peer in 0..self.scenario.peers {
            self.look_over(peer);
        }
        while let Some(message) = self.checks.ledger.retire(u64::MAX) {
            self.judge(&message);
        }
        if self.checks.are_on() && self.has_been_calm(self.checks.joining_time()) {
            for peer in 0..self.scenario.peers {
                let Some(status) = self.status(peer) else { continue };
                let ends = self.peers[peer as usize].ends.iter().map(|&(_, end)| end);
                let is_with_peer = |end: &EndId| !matches!(self.network.holder(end.other()).0, Owner::Module(_));
                let ends: Vec<EndId> = ends.filter(is_with_peer).collect();
                self.checks.look_over_calm(self.now, peer, &status, &ends);
            }
        }
        if self.checks.are_on() && self.has_been_quiet() {
            for peer in 0..self.scenario.peers {
                let Some(status) = self.status(peer) else { continue };
                for (property, detail) in Floor::check(&status, &self.scenario.settings) {
                    self.checks.violate(self.now, peer, property, detail);
                }
            }
        }
    }

    /// Has all traffic ended, and its memory with it, by the peers' settings?
    fn has_been_quiet(&self) -> bool {
        let settings = &self.scenario.settings;
        let memory = settings.suppression_time.as_micros() * 2 + settings.validation_timeout.as_micros() + 30 * SECOND;
        self.stats.last_message.max(self.stats.last_announcement) + memory <= self.now
            && self.scenario.modules.iter().all(|class| class.reads)
            && self.has_been_calm(memory)
    }

    /// Has nothing of the timeline happened for so long, microseconds, and was no host's line so busy that what was said came
    /// too late to matter?
    pub(super) fn has_been_calm(&self, span: u64) -> bool {
        let faults = self.scenario.timeline.iter().map(Step::over);
        let attacks = self.scenario.adversaries.iter().map(|adversary| Some(adversary.stop));
        let jams = self.network.held_up_until().map(Some);
        faults.chain(attacks).chain(jams).all(|over| over.is_some_and(|over| over.saturating_add(span) <= self.now))
    }

    /// Messages that peers dropped so far because a table or queue was full.
    pub fn dropped(&self) -> u64 {
        let running = self.running().map(|(_, state)| super::stats::dropped(state.metrics()));
        self.stats.dropped_by_ended + running.sum::<u64>()
    }

    /// The overlay as the peers' views have it. Two peers are joined when each has the other in its view.
    pub fn overlay(&self) -> Overlay {
        let count = self.peers.len();
        let mut strangers = 0;
        let views: Vec<Option<Vec<u32>>> = (0..self.scenario.peers)
            .map(|peer| {
                let all = self.status(peer)?.neighbours;
                let known = all.iter().filter_map(|neighbour| peer_at(neighbour.address, self.scenario.peers));
                let known: Vec<u32> = known.collect();
                strangers += (all.len() - known.len()) as u64;
                Some(known)
            })
            .collect();
        let mut piece: Vec<usize> = (0..count).collect();
        let mut overlay = Overlay {
            peers: 0,
            pieces: 0,
            fewest: u64::MAX,
            most: 0,
            neighbours: 0,
            one_sided: 0,
            strangers,
            views: Vec::new(),
            edges: Vec::new(),
        };
        for (peer, view) in views.iter().enumerate() {
            let Some(view) = view else { continue };
            overlay.peers += 1;
            overlay.views.push((u32::try_from(peer).unwrap_or(0), u32::try_from(view.len()).unwrap_or(0)));
            overlay.neighbours += view.len() as u64;
            overlay.most = overlay.most.max(view.len() as u64);
            overlay.fewest = overlay.fewest.min(view.len() as u64);
            for &other in view {
                let back = views[other as usize].as_ref();
                if back.is_some_and(|back| back.iter().any(|&back| back as usize == peer)) {
                    join(&mut piece, peer, other as usize);
                    if peer < other as usize {
                        overlay.edges.push((u32::try_from(peer).unwrap_or(0), other));
                    }
                } else {
                    overlay.one_sided += 1;
                }
            }
        }
        overlay.fewest = overlay.fewest.min(overlay.most);
        overlay.pieces = (0..count).filter(|&at| views[at].is_some() && root(&mut piece, at) == at).count() as u64;
        overlay
    }
}

fn root(piece: &mut [usize], mut at: usize) -> usize {
    while piece[at] != at {
        piece[at] = piece[piece[at]];
        at = piece[at];
    }
    at
}

fn join(piece: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(piece, a), root(piece, b));
    piece[a] = b;
}

//! Virtual modules: they speak the API's bytes, through a link of their own, like any module.

use super::{SECOND, World, healing};
use crate::check::Announced;
use crate::network::{Arrival, EndId, Owner};
use crate::rng::Rng;
use crate::scenario::{Scenario, Verdict};
use crate::wake::Wake;
use crate::workload;
use gossip_core::wire::{ApiMessage, Deframer, Frame, Next};
use gossip_core::{ConnectionId, Flush};
use std::collections::BTreeSet;

/// A module that lost its connection to a peer that runs tries again after so long.
const RECONNECT: u64 = 5 * SECOND;

/// One module.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) peer: u32,
    pub(super) class: u16,
    /// Its connection, standing or being made.
    end: Option<EndId>,
    /// Since when its peer has known what it subscribes to; `None` if it does not.
    pub(super) since: Option<u64>,
    deframer: Deframer,
    /// Connections so far: a delayed answer belongs to one.
    connections: u32,
}

/// An answer that takes its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    module: u32,
    connection: u32,
    id: u16,
    number: u64,
    valid: bool,
}

/// Each host's region, by the regions' shares.
pub(super) fn regions(scenario: &Scenario, rng: &mut Rng) -> Vec<u8> {
    let total: u64 = scenario.regions.iter().map(|region| u64::from(region.share)).sum();
    let mut region = || {
        let mut draw = rng.below(total);
        let within = |share: u64| {
            let hit = draw < share;
            draw = draw.saturating_sub(share);
            hit
        };
        let at = scenario.regions.iter().map(|region| u64::from(region.share)).position(within);
        u8::try_from(at.unwrap_or(0)).unwrap_or(0)
    };
    (0..scenario.peers).map(|_| if total == 0 { 0 } else { region() }).collect()
}

/// The modules of all peers, and where each peer's begin.
pub(super) fn place(scenario: &Scenario, rng: &mut Rng) -> (Vec<Module>, Vec<u32>) {
    let (mut modules, mut first) = (Vec::new(), vec![0]);
    for peer in 0..scenario.peers {
        for (class, of_class) in (0..).zip(&scenario.modules) {
            if rng.ppm(of_class.share_ppm) {
                let deframer = Deframer::default();
                modules.push(Module { peer, class, end: None, since: None, deframer, connections: 0 });
            }
        }
        first.push(u32::try_from(modules.len()).expect("fewer than 2^32 modules"));
    }
    (modules, first)
}

/// For each workload, the modules that may announce: subscribed to one of its types, and reading; not where a module
/// refuses everything, for what is announced there goes nowhere.
pub(super) fn announcers(scenario: &Scenario, modules: &[Module]) -> Vec<Vec<u32>> {
    let class_of = |module: &Module| &scenario.modules[usize::from(module.class)];
    let refuse: BTreeSet<u32> =
        modules.iter().filter(|module| class_of(module).verdict == Verdict::No).map(|module| module.peer).collect();
    let of_workload = |workload: &crate::scenario::Workload| {
        let fits = |module: &Module| {
            let class = class_of(module);
            class.reads
                && !refuse.contains(&module.peer)
                && workload.from.is_none_or(|peer| peer == module.peer)
                && workload.types.iter().any(|data_type| class.types.contains(data_type))
        };
        (0..).zip(modules).filter(|(_, module)| fits(module)).map(|(at, _)| at).collect()
    };
    scenario.workloads.iter().map(of_workload).collect()
}

impl World {
    pub(super) fn connect(&mut self, module: u32) {
        let peer = self.modules[module as usize].peer;
        if self.peers[peer as usize].state.is_none() || self.modules[module as usize].end.is_some() {
            return;
        }
        let name = ConnectionId::accepted(0);
        let end = self.network.dial(self.now, Owner::Module(module), name, Owner::Peer(peer), &mut self.queue);
        self.modules[module as usize].end = Some(end);
    }

    pub(super) fn module_connected(&mut self, module: u32) {
        if self.scenario.settings.replay {
            // It is told again of what it knew on its last connection.
            self.checks.ledger.forget_module(module);
        }
        let state = &mut self.modules[module as usize];
        state.deframer = Deframer::default();
        state.connections += 1;
        state.since = None;
        let Some(end) = state.end else { return };
        let class = &self.scenario.modules[usize::from(state.class)];
        let frames: Vec<_> = class.types.iter().map(|&data_type| ApiMessage::Notify { data_type }.frame()).collect();
        let reads = class.reads;
        for frame in frames {
            self.network.send(self.now, end, frame, &mut self.queue);
        }
        if !reads {
            self.network.set_reading(self.now, end, false, &mut self.queue);
        }
    }

    /// Its peer has handled what it said last: what it subscribes to, at first.
    pub(super) fn module_is_heard(&mut self, module: u32, end: EndId) {
        let state = &mut self.modules[module as usize];
        if state.end == Some(end) {
            state.since.get_or_insert(self.now);
        }
    }

    /// Its process ends. It is started again, as after any loss of its connection.
    pub(super) fn module_ends(&mut self, module: u32) {
        if let Some(end) = self.modules[module as usize].end {
            self.network.kill(self.now, end, &mut self.queue);
            self.module_lost(module);
        }
    }

    /// The connection is gone, or was never made.
    pub(super) fn module_lost(&mut self, module: u32) {
        let state = &mut self.modules[module as usize];
        (state.end, state.since) = (None, None);
        if self.scenario.settings.announcer_vouches {
            self.checks.ledger.vouch_for_own(state.peer);
        }
        let state = &self.modules[module as usize];
        if self.peers[state.peer as usize].listens() {
            self.queue.push(self.now + RECONNECT, Wake::Connect(module));
        }
    }

    pub(super) fn arrive_at_module(&mut self, module: u32, end: EndId, arrival: Arrival) {
        match arrival {
            Arrival::Opened => {}
            Arrival::Bytes => self.module_reads(module, end),
            Arrival::Fin | Arrival::Reset => {
                if self.modules[module as usize].end == Some(end) {
                    self.network.close(self.now, end, Flush::First, &mut self.queue);
                    self.module_lost(module);
                }
            }
        }
    }

    fn module_reads(&mut self, module: u32, end: EndId) {
        let state = &mut self.modules[module as usize];
        let class = &self.scenario.modules[usize::from(state.class)];
        let (peer, connection) = (state.peer, state.connections);
        let mut input = self.network.bytes();
        let mut answers: Vec<(u64, Answer)> = Vec::new();
        loop {
            match state.deframer.next(&mut input, |_, _| true) {
                Next::Frame { kind, body } => match ApiMessage::decode(kind, body) {
                    Ok(ApiMessage::Notification { id, data, .. }) => {
                        let Some((number, content)) = workload::read(data) else { continue };
                        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
                        if self.checks.are_on() && workload::compose(number, content, size) != data {
                            let detail = format!("module {module} got message {number} with other data");
                            self.checks.violate(self.now, peer, "what is delivered is what was announced", detail);
                        }
                        let valid = match class.verdict {
                            Verdict::Yes => true,
                            Verdict::No => false,
                            Verdict::Content => content,
                            Verdict::Never => continue,
                        };
                        let delay = self.rngs.modules.between(class.delay.0, class.delay.1);
                        answers.push((delay, Answer { module, connection, id, number, valid }));
                    }
                    other => {
                        let detail = format!("module {module} got a frame of type {kind}: {other:?}");
                        self.checks.violate(self.now, peer, "modules get notifications and nothing else", detail);
                    }
                },
                Next::More => break,
                odd @ (Next::Skipped { .. } | Next::Lost { .. }) => {
                    let detail = format!("module {module} got {odd:?}");
                    self.checks.violate(self.now, peer, "modules get notifications and nothing else", detail);
                    break;
                }
            }
        }
        for (delay, answer) in answers {
            if delay == 0 {
                self.say(answer, end);
            } else {
                self.say_later(delay, answer);
            }
        }
    }

    fn say_later(&mut self, delay: u64, answer: Answer) {
        let at = self.free_answers.pop().unwrap_or_else(|| {
            self.answers.push(answer);
            u32::try_from(self.answers.len() - 1).expect("fewer than 2^32 answers under way")
        });
        self.answers[at as usize] = answer;
        self.queue.push(self.now + delay, Wake::Answer(at));
    }

    pub(super) fn answer(&mut self, at: u32) {
        self.free_answers.push(at);
        let answer = self.answers[at as usize];
        let module = &self.modules[answer.module as usize];
        if module.connections == answer.connection
            && let Some(end) = module.end
        {
            self.say(answer, end);
        }
    }

    fn say(&mut self, answer: Answer, end: EndId) {
        if answer.valid {
            let peer = self.modules[answer.module as usize].peer;
            self.checks.ledger.vouch(peer, answer.number);
        }
        self.module_sends(end, ApiMessage::Validation { id: answer.id, valid: answer.valid }.frame());
    }

    fn module_sends(&mut self, end: EndId, frame: Frame) {
        if self.network.is_open(end) {
            self.network.send(self.now, end, frame, &mut self.queue);
        }
    }

    /// A workload's next announcement.
    pub(super) fn announce(&mut self, at: u32) {
        let workload = &self.scenario.workloads[at as usize];
        let made = self.announced[at as usize];
        if made >= workload.count || self.now >= workload.stop {
            return;
        }
        let random = &mut self.rngs.workload;
        let pause = if workload.random { random.exponential(workload.every) } else { workload.every };
        self.queue.push(self.now + pause.max(1), Wake::Announce(at));
        let data_type = workload.types[random.index(workload.types.len())];
        let size = u32::try_from(random.between(workload.size.0.into(), workload.size.1.into())).unwrap_or(0);
        let (ttl, valid) = (workload.ttl, !random.ppm(workload.invalid_ppm));
        let Some(module) = self.pick_announcer(at as usize, data_type) else {
            self.stats.unannounced += 1;
            return;
        };
        self.announced[at as usize] += 1;
        self.stats.announcements += 1;
        self.stats.last_announcement = self.now;
        let peer = self.modules[module as usize].peer;
        let number = self.checks.ledger.next_number();
        let data = workload::compose(number, valid, size);
        let vouched = self.scenario.settings.announcer_vouches && self.may_vouch_alone(module, data_type);
        let life = self.peers[peer as usize].starts;
        let announced = Announced { at: self.now, peer, life, data_type, ttl, valid };
        self.checks.ledger.announce(announced, vouched);
        self.queue.push(self.now + healing::PROMPT, Wake::Due(number));
        if let Some(end) = self.modules[module as usize].end {
            self.module_sends(end, ApiMessage::Announce { ttl, data_type, data: &data }.frame());
        }
    }

    /// A random module that can announce this type now: of a peer that others can hear.
    fn pick_announcer(&mut self, workload: usize, data_type: u16) -> Option<u32> {
        let among = &self.announcers[workload];
        let tries = 64.min(among.len() * 4);
        (0..tries).map(|_| among[self.rngs.workload.index(among.len())]).find(|&module| {
            let module = &self.modules[module as usize];
            let class = &self.scenario.modules[usize::from(module.class)];
            let settled = module.since.is_some();
            let heard = self.scenario.peers == 1 || self.stats.established_since(module.peer).is_some();
            settled && heard && self.peers[module.peer as usize].listens() && class.types.contains(&data_type)
        })
    }

    /// Is there perhaps no other module at this peer that could vouch for the type? One that does not read may have been
    /// disconnected without noticing.
    fn may_vouch_alone(&self, module: u32, data_type: u16) -> bool {
        let peer = self.modules[module as usize].peer;
        self.modules_of(peer).filter(|&other| other != module).all(|other| {
            let other = &self.modules[other as usize];
            let class = &self.scenario.modules[usize::from(other.class)];
            !(other.since.is_some() && class.reads && class.types.contains(&data_type))
        })
    }
}

//! A whole network in virtual time.

mod act;
mod ahead;
mod attackers;
mod faults;
mod healing;
mod modules;
mod peer;
mod stats;
mod sweep;
mod trace;

pub use peer::{address_of, peer_at};
pub use stats::Stats;
pub use sweep::Overlay;

#[cfg(test)]
mod tests;

use crate::adversary::Gang;
use crate::check::{Checks, Ledger, Violation};
use crate::network::{Arrival, DialState, EndId, Network, Owner};
use crate::queue::Queue;
use crate::rng::{Rng, Stream};
use crate::scenario::{Fault, Scenario};
use crate::wake::Wake;
use faults::Undo;
use gossip_core::pow::Target;
use gossip_core::wire::kind;
use gossip_core::{Actions, ConnectionId, DialError, Endpoint, Event, GossipState, Listener, Settings};
use modules::{Answer, Module};
use peer::Peer;
use std::sync::Arc;
use trace::Trace;

/// One second, microseconds.
pub(crate) const SECOND: u64 = 1_000_000;
/// How often everything is looked over.
const SWEEP: u64 = 10 * SECOND;

/// Nobody configures more bootstrappers than so many; where there are more, peers take turns.
const BOOTSTRAPPERS_EACH: u32 = 8;

/// The random numbers of each part.
struct Rngs {
    seeds: Rng,
    workload: Rng,
    modules: Rng,
    faults: Rng,
    work: Rng,
    joins: Rng,
    losses: Rng,
}

/// A network that runs.
pub struct World {
    scenario: Scenario,
    /// Those of the first peer: what is not about addresses is the same for all.
    settings: Arc<Settings>,
    now: u64,
    queue: Queue<Wake>,
    network: Network,
    peers: Vec<Peer>,
    modules: Vec<Module>,
    /// The first module of each peer; one more entry than peers.
    first_module: Vec<u32>,
    /// For each workload: the modules that may announce.
    announcers: Vec<Vec<u32>>,
    announced: Vec<u64>,
    answers: Vec<Answer>,
    free_answers: Vec<u32>,
    /// What is to be put right, by the step that made it wrong.
    undos: Vec<(u32, Undo)>,
    /// Whose clocks run wrong and who is slow, in the order in which that came about.
    wrongs: Vec<faults::Wrong>,
    /// The last partition.
    split: Option<healing::Split>,
    /// The peer that was looked over last.
    swept: usize,
    /// The next peer that has not joined yet.
    next_to_join: u32,
    gangs: Vec<Gang>,
    checks: Checks,
    stats: Stats,
    actions: Actions,
    rngs: Rngs,
    digest: u64,
    trace: Option<Trace>,
    ahead: ahead::Ahead,
}

impl World {
    /// The network of `scenario` before anything has happened. Without `checks` nothing is checked: only to measure.
    pub fn new(scenario: Scenario, seed: u64, checks: bool) -> Self {
        let count = scenario.peers as usize;
        let rng = |stream| Rng::new(seed, stream);
        let network =
            Network::new(scenario.network.clone(), seed, modules::regions(&scenario, &mut rng(Stream::Joins)));
        let (modules, first_module) = modules::place(&scenario, &mut rng(Stream::Modules));
        let announcers = modules::announcers(&scenario, &modules);
        let drifts = |fault: &Fault| if let Fault::Drift(_, ppm) = fault { u64::from(*ppm) } else { 0 };
        let drift_ppm = scenario.timeline.iter().map(|step| drifts(&step.fault)).max().unwrap_or(0);
        let mut settings = real_settings(&scenario);
        settings.p2p_address = gossip_core::Addresses::of(address_of(0));
        let span = 2 * settings.suppression_time.as_micros() + settings.validation_timeout.as_micros() + 10 * SECOND;
        let ledger = Ledger::new(count, modules.len(), span);
        let mut world = Self {
            now: 0,
            queue: Queue::default(),
            network,
            peers: (0..count).map(|_| Peer::default()).collect(),
            first_module,
            announced: vec![0; scenario.workloads.len()],
            announcers,
            answers: Vec::new(),
            free_answers: Vec::new(),
            undos: Vec::new(),
            wrongs: Vec::new(),
            split: None,
            swept: 0,
            next_to_join: 0,
            gangs: attackers::gangs(&scenario, seed),
            checks: Checks::new(checks, settings.clone(), ledger, 2 * drift_ppm),
            stats: Stats::new(count),
            actions: Vec::new(),
            rngs: Rngs {
                seeds: rng(Stream::Seeds),
                workload: rng(Stream::Workload),
                modules: rng(Stream::Modules),
                faults: rng(Stream::Faults),
                work: rng(Stream::Work),
                joins: rng(Stream::Joins),
                losses: rng(Stream::Losses),
            },
            digest: 0,
            trace: None,
            ahead: ahead::Ahead::default(),
            modules,
            settings: Arc::new(settings),
            scenario,
        };
        world.prepare();
        world
    }

    /// Runs until `until`, microseconds, or the first broken property.
    pub fn run_until(&mut self, until: u64) {
        while self.checks.violations().is_empty()
            && let Some((now, wake)) = self.queue.pop_until(until)
        {
            self.now = now;
            self.read_ahead();
            self.wake(wake);
        }
        if self.checks.violations().is_empty() {
            self.now = until;
        }
    }

    /// Records what this peer lives through, from now on.
    pub fn record(&mut self, peer: u32) {
        self.trace = Some(Trace::of(peer));
    }

    /// The recordings of the peer named to [`record`](Self::record), one for each of its lives; they end here.
    pub fn take_recordings(&mut self) -> Vec<Vec<u8>> {
        self.trace.take().map_or(Vec::new(), Trace::into_lives)
    }

    /// Keeps how messages spread, of so many at most, for a report.
    pub fn keep_messages(&mut self, most: usize) {
        self.stats.keep = most;
    }

    /// The time, microseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What it is about.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Links in memory.
    pub fn links(&self) -> usize {
        self.network.links()
    }

    /// What was broken so far.
    pub fn violations(&self) -> &[Violation] {
        self.checks.violations()
    }

    /// The table of any peer that came nearest to its bound so far, but for the view, and how near, thousandths.
    pub fn fullest(&self) -> (&'static str, u64) {
        self.checks.fullest()
    }

    /// Everything that happened, in one number: two runs with the same one were the same.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The state of a peer that runs.
    pub fn state(&self, peer: u32) -> Option<&GossipState> {
        self.peers[peer as usize].state.as_ref()
    }

    /// Peers that run.
    pub fn running(&self) -> impl Iterator<Item = (u32, &GossipState)> {
        (0..).zip(&self.peers).filter_map(|(peer, host)| Some((peer, host.state.as_ref()?)))
    }

    /// Peers that ran at any time so far.
    pub fn took_part(&self) -> u64 {
        self.peers.iter().filter(|host| host.starts > 0).count() as u64
    }

    fn prepare(&mut self) {
        for peer in 0..self.scenario.joined.min(self.scenario.peers) {
            // Bootstrappers are there first.
            let at =
                if peer < self.scenario.bootstrappers { 0 } else { self.rngs.joins.below(self.scenario.join_over + 1) };
            self.queue.push(at, Wake::Join(peer));
        }
        self.next_to_join = self.scenario.joined;
        for (step, at) in (0..).zip(self.scenario.timeline.iter().map(|step| step.at)) {
            self.queue.push(at, Wake::Step(step));
        }
        for (workload, start) in (0..).zip(self.scenario.workloads.iter().map(|workload| workload.start)) {
            self.queue.push(start, Wake::Announce(workload));
        }
        for (gang, start) in (0..).zip(self.scenario.adversaries.iter().map(|adversary| adversary.start)) {
            self.queue.push(start, Wake::Attack(gang));
        }
        self.queue.push(SWEEP, Wake::Sweep);
    }

    fn wake(&mut self, wake: Wake) {
        if let Some(peer) = self.concerned(wake)
            && self.peers[peer as usize].busy_until > self.now
        {
            self.postpone(peer, wake);
            return;
        }
        match wake {
            Wake::Arrive(end) => self.arrive(end),
            Wake::Deadline(peer) => self.deadline(peer),
            Wake::Dialed(end) => self.dialed(end),
            Wake::Linger(end) => self.network.linger_over(self.now, end, &mut self.queue),
            Wake::Solved(peer) => self.solved(peer),
            Wake::Join(peer) => self.join(peer),
            Wake::Exit(peer) => self.exit(peer),
            Wake::Connect(module) => self.connect(module),
            Wake::Answer(answer) => self.answer(answer),
            Wake::Announce(workload) => self.announce(workload),
            Wake::Step(step) => self.step(step),
            Wake::Undo(step) => self.undo(step),
            Wake::Attack(gang) => self.attack(gang),
            Wake::Paid(gang, link) => self.paid(gang, link),
            Wake::Due(number) => self.is_due(number),
            Wake::Healed => self.is_healed(),
            Wake::Sweep => {
                self.sweep();
                self.queue.push(self.now + SWEEP, Wake::Sweep);
            }
        }
    }

    /// A peer that is busy does what is due when it is done.
    fn postpone(&mut self, peer: u32, wake: Wake) {
        let host = &mut self.peers[peer as usize];
        if let Wake::Deadline(_) = wake {
            if host.wake_at != Some(self.now) {
                return;
            }
            host.wake_at = Some(host.busy_until);
        }
        self.queue.push(host.busy_until, wake);
    }

    /// The peer that would have to do something.
    fn concerned(&self, wake: Wake) -> Option<u32> {
        let owner = match wake {
            Wake::Deadline(peer) | Wake::Solved(peer) => return Some(peer),
            Wake::Arrive(end) => self.network.holder(end.other()).0,
            Wake::Dialed(end) => self.network.holder(end).0,
            _ => return None,
        };
        match owner {
            Owner::Peer(peer) => Some(peer),
            _ => None,
        }
    }

    fn arrive(&mut self, end: EndId) {
        self.network.woken(end);
        while let Some(arrival) = self.network.arrive(self.now, end, &mut self.queue) {
            let reader = end.other();
            match self.network.holder(reader) {
                (Owner::Peer(peer), connection) => self.arrive_at_peer(peer, connection, reader, arrival),
                (Owner::Module(module), _) => self.arrive_at_module(module, reader, arrival),
                (Owner::Attacker(host), name) => self.arrive_at_attacker(host, name, reader, arrival),
                (Owner::Victim | Owner::Nobody, _) => self.arrive_at_victim(reader, arrival),
            }
            self.settle_written();
            // A slow peer has had enough for now.
            if self.concerned(Wake::Arrive(end)).is_some_and(|peer| self.peers[peer as usize].busy_until > self.now) {
                break;
            }
        }
    }

    fn arrive_at_peer(&mut self, peer: u32, connection: ConnectionId, reader: EndId, arrival: Arrival) {
        match arrival {
            Arrival::Opened => self.accept(peer, reader),
            Arrival::Bytes => {
                let sender = reader.other();
                let from = self.network.holder(sender).0;
                let from_peer = !matches!(from, Owner::Module(_));
                if from_peer {
                    self.network.completed().iter().for_each(|frame| self.checks.peer_receives(peer, sender, frame));
                }
                self.feed_bytes(peer, connection);
                match from {
                    Owner::Module(module) => self.module_is_heard(module, sender),
                    Owner::Peer(from) => self.goodbye_is_heard(peer, from, reader),
                    Owner::Attacker(_) | Owner::Victim | Owner::Nobody => {}
                }
                // What waits behind a full socket was decided on before the copy came.
                if from_peer && self.network.is_open(reader) && !self.network.is_backed_up(reader) {
                    let are_there = |module: &u32| self.modules[*module as usize].since.is_some();
                    let modules = self.modules_of(peer).filter(are_there);
                    for frame in self.network.completed() {
                        self.checks.peer_has_handled(sender, modules.clone(), frame);
                    }
                }
            }
            Arrival::Fin => self.feed(peer, Event::ReadClosed { connection }),
            Arrival::Reset => {
                self.peers[peer as usize].forget(connection);
                self.feed(peer, Event::Closed { connection });
            }
        }
    }

    fn goodbye_is_heard(&mut self, peer: u32, from: u32, reader: EndId) {
        let Some(goodbye) = self.network.completed().iter().find(|frame| frame.kind() == kind::GOODBYE) else { return };
        let is_another = |end: EndId| end != reader && self.network.holder(end.other()).0 == Owner::Peer(from);
        if !self.peers[peer as usize].ends.iter().any(|(_, end)| is_another(*end)) {
            self.checks.peer_is_left(self.now, (peer, reader), from, goodbye);
        }
    }

    fn accept(&mut self, peer: u32, end: EndId) {
        let (other, _) = self.network.holder(end.other());
        self.checks.new_link(self.now, end);
        let host = &mut self.peers[peer as usize];
        if host.state.is_none() {
            // The process ended while the connection was being made.
            self.network.kill(self.now, end, &mut self.queue);
            return;
        }
        let connection = ConnectionId::accepted(host.accepted);
        host.accepted += 1;
        host.ends.push((connection, end));
        self.network.name(end, connection);
        let (listener, remote) = match other {
            Owner::Peer(dialer) => {
                // Some port of the other host.
                let mut remote = address_of(dialer);
                remote.set_port(32_768 + u16::try_from(end.index() % 28_000).unwrap_or(0));
                (Listener::P2p, remote)
            }
            Owner::Module(module) => {
                (Listener::Api, ([127, 0, 0, 1], 32_768 + u16::try_from(module % 28_000).unwrap_or(0)).into())
            }
            Owner::Attacker(host) => (Listener::P2p, self.attackers_remote(host, end)),
            Owner::Victim | Owner::Nobody => return,
        };
        self.feed(peer, Event::Accepted { connection, listener, remote });
    }

    fn dialed(&mut self, end: EndId) {
        let (owner, connection) = self.network.holder(end);
        let (to, _) = self.network.holder(end.other());
        let state = self.network.dial_state(self.now, end, &mut self.queue);
        let outcome = match state {
            DialState::Abandoned | DialState::Waiting => return,
            DialState::Unreachable => Err(DialError::Unreachable),
            DialState::Reached(Owner::Peer(target)) if self.peers[target as usize].listens() => {
                self.network.establish(self.now, end, &mut self.queue);
                Ok(())
            }
            DialState::Reached(Owner::Attacker(host)) if self.attacker_listens(host) => {
                self.network.establish(self.now, end, &mut self.queue);
                Ok(())
            }
            DialState::Reached(Owner::Victim) => {
                self.network.establish(self.now, end, &mut self.queue);
                Ok(())
            }
            DialState::Reached(_) => {
                self.network.refuse(end);
                Err(DialError::Refused)
            }
        };
        match (owner, outcome) {
            (Owner::Peer(peer), Ok(())) => self.feed(peer, Event::DialSucceeded { connection }),
            (Owner::Peer(peer), Err(error)) => {
                // It never said what for. Only bootstrappers are looked up.
                if !matches!(to, Owner::Peer(other) if other < self.scenario.bootstrappers) {
                    self.stats.last_change = self.now;
                }
                self.peers[peer as usize].forget(connection);
                self.feed(peer, Event::DialFailed { connection, error });
            }
            (Owner::Module(module), Ok(())) => self.module_connected(module),
            (Owner::Module(module), Err(_)) => self.module_lost(module),
            (Owner::Attacker(host), outcome) => self.attacker_dialed(host, connection, outcome.is_ok()),
            (Owner::Victim | Owner::Nobody, _) => {}
        }
        self.settle_written();
    }

    fn deadline(&mut self, peer: u32) {
        let host = &mut self.peers[peer as usize];
        if host.wake_at != Some(self.now) {
            return;
        }
        host.wake_at = None;
        let Some(state) = &host.state else { return };
        match state.deadline().map(|deadline| host.clock.when(deadline)) {
            Some(when) if when <= self.now => {
                if host.timers_at(self.now) > 1_000 {
                    let detail = "a thousand timers at one instant, and the next is due at once".to_owned();
                    self.checks.violate(self.now, peer, "no timer outlives its reason", detail);
                    return;
                }
                self.feed(peer, Event::Timer);
                self.settle_written();
            }
            _ => self.reschedule(peer),
        }
    }

    fn solved(&mut self, peer: u32) {
        let host = &mut self.peers[peer as usize];
        if host.solved_at.is_none_or(|at| at > self.now) || host.tasks.is_empty() {
            return;
        }
        let task = host.tasks.remove(0);
        self.start_next_task(peer);
        match crate::pow::solve(&task.puzzle, task.start) {
            Some(challenge) => self.feed(peer, Event::Solved { connection: task.connection, challenge }),
            None => {
                let detail = format!("a puzzle without solution: {:?}", task.puzzle);
                self.checks.violate(self.now, peer, "every puzzle can be solved", detail);
            }
        }
        self.settle_written();
    }

    fn join(&mut self, peer: u32) {
        if self.peers[peer as usize].state.is_some() {
            return;
        }
        let mut settings = Settings::clone(&self.settings);
        settings.p2p_address = gossip_core::Addresses::of(address_of(peer));
        let bootstrappers = self.scenario.bootstrappers.min(self.scenario.peers);
        let those = (0..bootstrappers.min(BOOTSTRAPPERS_EACH)).map(|n| (peer % bootstrappers + n) % bootstrappers);
        settings.bootstrapper = those.map(|other| Endpoint::Address(address_of(other))).collect();
        let key = self.rngs.seeds.key();
        let host = &mut self.peers[peer as usize];
        let local = host.clock.read(self.now);
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.peer == peer) {
            trace.starts(&settings, key, local);
        }
        let state = GossipState::new_sharing(settings, &self.settings, key, local)
            .expect("the scenario's settings were checked");
        host.state = Some(state);
        host.starts += 1;
        host.leaving = false;
        self.network.reach().set_down(peer, false);
        self.network.retransmit(self.now, &mut self.queue);
        self.stats.starts += 1;
        self.reschedule(peer);
        for module in self.modules_of(peer) {
            let delay = self.rngs.modules.between(1_000, 100_000);
            self.queue.push(self.now + delay, Wake::Connect(module));
        }
    }

    /// A peer's process ends: what it had is gone.
    fn end_process(&mut self, peer: u32, vanish: bool) {
        let host = &mut self.peers[peer as usize];
        let Some(state) = host.state.take() else { return };
        self.stats.dropped_by_ended += stats::dropped(state.metrics());
        (host.wake_at, host.solved_at, host.leaving) = (None, None, false);
        // What paused was the process.
        host.busy_until = 0;
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.peer == peer) {
            trace.ends();
        }
        host.tasks.clear();
        for (_, end) in std::mem::take(&mut host.ends) {
            let local = matches!(self.network.holder(end.other()).0, Owner::Module(_));
            if vanish && !local {
                self.network.vanish(end);
            } else {
                self.network.kill(self.now, end, &mut self.queue);
            }
        }
        if vanish {
            self.network.reach().set_down(peer, true);
        }
        self.stats.left(peer, self.now);
        self.checks.forget_peer(peer, self.modules_of(peer));
    }

    fn exit(&mut self, peer: u32) {
        if self.peers[peer as usize].leaving {
            self.end_process(peer, false);
        }
    }

    fn modules_of(&self, peer: u32) -> std::ops::Range<u32> {
        self.first_module[peer as usize]..self.first_module[peer as usize + 1]
    }
}

/// What peers are really configured with: the scenario's proof of work costs time, not computing.
fn real_settings(scenario: &Scenario) -> Settings {
    let bits = scenario.real_pow_bits.min(scenario.settings.pow.bits());
    Settings { pow: Target::ZeroBits(bits), ..scenario.settings.clone() }
}

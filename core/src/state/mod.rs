//! The place where the parts meet.
//!
//! `modules` handles what modules send, `peers` what peers send, `joining` the handshake and the view, `dialing` whom to
//! call, `telling` what peers are told of others; each is an `impl` block of [`GossipState`] over the same parts.

mod dialing;
mod ending;
mod joining;
mod modules;
mod peers;
mod proofs;
mod reconfiguring;
mod repairing;
mod spreading;
mod telling;
#[cfg(test)]
mod tests;
mod touch;

pub use touch::TOUCH_DEPTH;

use crate::action::{Action, Actions, Flush};
use crate::address::{canonical, holder};
use crate::connection::module::Module;
use crate::connection::partial::Partials;
use crate::connection::peer::{Peer, Purpose};
use crate::dissemination::{Delivery, Dissemination};
use crate::error::SettingsError;
use crate::event::{ConnectionId, DialError, Event, Listener};
use crate::limits;
use crate::membership::Membership;
use crate::membership::faults::Faults;
use crate::metrics::Metrics;
use crate::note::{EndReason, Note};
use crate::rng::{Rng, Stream};
use crate::settings::Settings;
use crate::status::{NeighbourStatus, Status, Traffic};
use crate::subscriptions::Subscriptions;
use crate::time::{Instant, earliest};
use crate::timers::{Timer, Timers};
use crate::util::bucket::TokenBucket;
use crate::util::sorted::SortedMap;
use crate::wire::Payload;
use proofs::Proofs;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// One gossip node, pure and deterministic: see the crate's front page for how to run it.
///
/// A clone goes on from the same point, with the same random numbers to come.
#[derive(Clone)]
pub struct GossipState {
    /// In one allocation for all the nodes that share them.
    settings: Arc<Settings>,
    /// The latest time heard of: time that runs backwards is ignored.
    now: Instant,
    rng: Rng,
    /// Drawn at the start: tells our restarts apart (section 3).
    instance: u64,
    identity_key: (u64, u64),
    peers: SortedMap<ConnectionId, Box<Peer>>,
    modules: SortedMap<ConnectionId, Box<Module>>,
    membership: Membership,
    faults: Faults,
    subscriptions: Subscriptions,
    dissemination: Dissemination,
    proofs: Proofs,
    timers: Timers,
    metrics: Metrics,
    /// Look-ups that we answer, all peers together.
    look_ups: TokenBucket,
    /// Newcomers that we answer at all, likewise.
    newcomers: TokenBucket,
    partials: Partials,
    dialed: u64,
    queries: SortedMap<u64, dialing::Query>,
    asked: u64,
    /// When memory that is no longer needed was last given back.
    tidied_at: Instant,
    /// Modules with parked announcements, in the order of their turns.
    parked: VecDeque<ConnectionId>,
    parked_bytes: u64,
    /// Something happened that may change whom to dial.
    is_view_changed: bool,
    is_alone_noted: bool,
    is_shutting_down: bool,
    delivery: Delivery,
    audience: Vec<ConnectionId>,
}

impl GossipState {
    /// A node that has just started. Same settings, same seed, same events: same actions.
    ///
    /// `seed` must be secret and drawn anew for each node: nonces, message ids and the keys of tables come from it.
    ///
    /// # Errors
    ///
    /// The conflicts that [`limits::check`] finds.
    pub fn new(settings: Settings, seed: [u8; 32], now: Instant) -> Result<Self, SettingsError> {
        let settings = Arc::new(settings);
        Self::starting(&settings, &settings, seed, now)
    }

    /// The same, for whoever runs many nodes in one process: if `shared` are settings that go together and are those of
    /// this node but for addresses and bootstrappers, they are kept in place of a copy, until
    /// [`Event::SettingsChanged`]. It does the same otherwise, whatever `shared` is; but [`GossipState::settings`] has the
    /// addresses and bootstrappers of `shared`.
    ///
    /// # Errors
    ///
    /// Those of [`GossipState::new`].
    pub fn new_sharing(
        settings: Settings,
        shared: &Arc<Settings>,
        seed: [u8; 32],
        now: Instant,
    ) -> Result<Self, SettingsError> {
        if settings.is_like(shared) && limits::check(shared).is_empty() {
            Self::starting(&settings, shared, seed, now)
        } else {
            Self::new(settings, seed, now)
        }
    }

    /// `kept` is what is looked up from now on.
    fn starting(
        settings: &Settings,
        kept: &Arc<Settings>,
        seed: [u8; 32],
        now: Instant,
    ) -> Result<Self, SettingsError> {
        let conflicts = limits::check(settings);
        if !conflicts.is_empty() {
            return Err(SettingsError(conflicts));
        }
        let mut keys = Rng::new(seed, Stream::Neighbours);
        let mut rng = Rng::new(seed, Stream::Handshake);
        let mut state = Self {
            now,
            instance: rng.bits(),
            identity_key: (keys.bits(), keys.bits()),
            rng,
            peers: SortedMap::new(),
            modules: SortedMap::new(),
            membership: Membership::new(settings, seed, now),
            faults: Faults::new(),
            subscriptions: Subscriptions::default(),
            dissemination: Dissemination::new(settings, seed, now),
            proofs: Proofs::new(settings.pow_per_minute, now),
            timers: Timers::default(),
            metrics: Metrics::default(),
            look_ups: TokenBucket::of_part(settings.look_ups_per_minute, limits::LOOK_UPS_PART, now),
            newcomers: TokenBucket::of_part(settings.handshakes_per_minute, limits::NEWCOMERS_PART, now),
            partials: Partials::default(),
            dialed: 0,
            queries: SortedMap::new(),
            asked: 0,
            tidied_at: now,
            parked: VecDeque::new(),
            parked_bytes: 0,
            is_view_changed: false,
            is_alone_noted: false,
            is_shutting_down: false,
            delivery: Delivery::default(),
            audience: Vec::new(),
            settings: Arc::clone(kept),
        };
        // The first calls go out at the first timer: actions come from `handle` only.
        state.timers.set(Timer::Dial, Some(now));
        if !state.membership.bootstrappers.is_empty() {
            let at = state.membership.next_look_up(now);
            state.timers.set(Timer::LookUp, Some(at));
        }
        Ok(state)
    }

    /// The only way in. Appends what is to be done to `actions`, in the order in which it is to be done.
    ///
    /// No event can make it panic; one about a connection that is closed is ignored.
    pub fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions) {
        self.now = self.now.max(now);
        match event {
            Event::Accepted { connection, listener, remote } => self.accepted(connection, listener, remote, actions),
            Event::DialSucceeded { connection } => self.dial_succeeded(connection, actions),
            Event::DialFailed { connection, error } => self.dial_failed(connection, error, actions),
            Event::Received { connection, bytes } => self.received(connection, bytes, actions),
            Event::ReadClosed { connection } => self.read_closed(connection, actions),
            Event::Closed { connection } => self.closed(connection, actions),
            Event::Written { connection, bytes } => self.written(connection, bytes, actions),
            Event::Timer => self.time_passed(actions),
            Event::Solved { connection, challenge } => self.solved(connection, challenge, actions),
            Event::Resolved { query, addresses } => self.resolved(query, addresses, actions),
            Event::SettingsChanged { settings } => self.take_over(settings),
            Event::Shutdown => self.shut_down(actions),
        }
        self.unpark(actions);
        if self.is_view_changed {
            self.is_view_changed = false;
            self.look_for_neighbours(actions);
        }
    }

    /// The same, for whoever runs many nodes in one process: a new message with the type and data of `shared` is kept as
    /// that, not copied. It does the same otherwise, whatever `shared` is.
    pub fn handle_shared(&mut self, now: Instant, event: Event<'_>, shared: Payload, actions: &mut Actions) {
        self.dissemination.shared = Some(shared);
        self.handle(now, event, actions);
        self.dissemination.shared = None;
    }

    /// When [`Event::Timer`] is wanted next.
    pub fn deadline(&self) -> Option<Instant> {
        earliest([self.timers.deadline(), self.dissemination.deadline()])
    }

    /// How often each thing happened.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What it was made with and has taken over since; see also [`GossipState::new_sharing`].
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How full everything is.
    pub fn status(&self, now: Instant) -> Status {
        let peer = |connection: &ConnectionId| self.peers.get(connection);
        let neighbours = self.membership.view.iter().map(|neighbour| NeighbourStatus {
            address: neighbour.address,
            chosen: neighbour.chosen,
            capable: neighbour.instance.is_some(),
            age: now.since(neighbour.since),
            silent: now.since(neighbour.connections.iter().filter_map(peer).map(|p| p.last_heard).max().unwrap_or(now)),
            queued: neighbour.connections.iter().filter_map(peer).map(|p| p.outbox.queued()).sum(),
            connections: neighbour.connections.len(),
            traffic: traffic_of(neighbour.connections.iter().filter_map(peer)),
        });
        Status {
            neighbours: neighbours.collect(),
            candidates: self.membership.candidates(),
            lost: self.membership.lost(),
            remembered_addresses: self.membership.remembered(),
            faulty: self.faults.len(),
            peer_connections: self.peers.len(),
            unverified: self.unverified().count(),
            partial_bytes: self.partials.bytes(),
            modules: self.modules.values().filter(|module| module.is_open()).count(),
            subscriptions: self.subscriptions.len(),
            waiting: self.dissemination.waiting(),
            waiting_bytes: self.dissemination.waiting_bytes(),
            seen: self.dissemination.seen(),
            held: self.dissemination.held(),
            known: self.dissemination.repair.known(),
            known_bytes: self.dissemination.repair.known_bytes(),
            wanted: self.dissemination.repair.wants(),
            parked_bytes: self.parked_bytes,
            proofs: self.proofs.len(),
            timers: self.timers.len(),
        }
    }

    /// How many modules subscribe to each type that any subscribes to, in the order of types.
    pub fn subscriptions(&self) -> impl Iterator<Item = (u16, usize)> {
        self.subscriptions.counts()
    }

    /// Accepted connections that have not proved their work.
    fn unverified(&self) -> impl Iterator<Item = (ConnectionId, &Peer)> {
        self.peers().filter(|(id, peer)| !id.is_dialed() && peer.is_joining())
    }

    /// All connections of peers, oldest accepted first, then those that we dialed.
    fn peers(&self) -> impl Iterator<Item = (ConnectionId, &Peer)> {
        self.peers.iter().map(|(id, peer)| (*id, &**peer))
    }

    fn accepted(&mut self, id: ConnectionId, listener: Listener, remote: SocketAddr, out: &mut Actions) {
        let remote = canonical(remote);
        if self.peers.contains_key(&id) || self.modules.contains_key(&id) {
            // Only a driver's mistake: what it calls so goes on as it is.
            return;
        }
        if id.is_dialed() || self.is_shutting_down {
            out.push(Action::Close { connection: id, flush: Flush::Discard });
            return;
        }
        match listener {
            Listener::Api if self.modules.len() >= limits::API_CONNECTIONS_MAX => {
                bump(&mut self.metrics.api_refused);
                out.push(Action::Note(Note::TableFull { table: "api connections" }));
                out.push(Action::Close { connection: id, flush: Flush::Discard });
            }
            Listener::Api => {
                bump(&mut self.metrics.api_accepted);
                self.modules.insert(id, Box::new(Module::new(remote)));
            }
            Listener::P2p => self.peer_accepted(id, remote, out),
        }
    }

    /// A peer dialed us: bounded in all and for each source IP (section 3). When all places are taken, a random one
    /// without proof makes room.
    fn peer_accepted(&mut self, id: ConnectionId, remote: SocketAddr, out: &mut Actions) {
        let ip = remote.ip();
        let of_ip = self.unverified().filter(|(_, peer)| holder(peer.remote().ip()) == holder(ip)).count();
        let is_crowding = !Membership::counts_as_loopback(ip) && of_ip >= self.settings.unverified_per_ip as usize;
        if is_crowding || self.faults.refuses_ip(self.now, ip) {
            bump(&mut self.metrics.p2p_refused);
            out.push(Action::Close { connection: id, flush: Flush::Discard });
            return;
        }
        let mut unverified: Vec<ConnectionId> = self.unverified().map(|(id, _)| id).collect();
        if unverified.len() >= self.settings.unverified_max as usize {
            bump(&mut self.metrics.unverified_crowded_out);
            out.push(Action::Note(Note::TableFull { table: "unverified_max" }));
            self.rng.choose(&mut unverified, 1);
            unverified.into_iter().for_each(|crowded| self.end(crowded, EndReason::Crowded, out));
        }
        bump(&mut self.metrics.p2p_accepted);
        self.peers.insert(id, Box::new(Peer::accepted(remote, self.now)));
        self.arm(id);
    }

    fn received(&mut self, id: ConnectionId, bytes: &[u8], out: &mut Actions) {
        let mut near = u32::MAX;
        // There are fewer modules than peers, as a rule.
        if self.modules.contains_key(&id) {
            self.module_sent(id, bytes, out);
        } else if self.peers.get_near(&mut near, &id).is_some_and(|peer| peer.is_connected) {
            // Nothing can come before the dial has succeeded.
            self.peer_sent(id, near, bytes, out);
        }
    }

    fn read_closed(&mut self, id: ConnectionId, out: &mut Actions) {
        if self.modules.contains_key(&id) {
            self.module_read_closed(id, out);
        } else if let Some(peer) = self.peers.get(&id) {
            // An old peer says by FIN that another took our place (section 10).
            let is_eviction = peer.is_established() && !peer.is_capable();
            self.end(id, if is_eviction { EndReason::EvictedUs } else { EndReason::Gone }, out);
        }
    }

    fn closed(&mut self, id: ConnectionId, out: &mut Actions) {
        if self.modules.contains_key(&id) {
            self.module_closed(id);
        } else {
            self.ended(id, EndReason::Gone, out);
        }
    }

    fn written(&mut self, id: ConnectionId, bytes: u64, out: &mut Actions) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(&id) {
            let stale_after = self.dissemination.memory_span(now, &self.settings).part(4);
            let bound = self.settings.peer_queue;
            let stale = peer.outbox.written(now, id, bytes, bound, stale_after, out);
            if stale > 0 {
                add(&mut self.metrics.spread_stale, stale);
                self.offer_again(id);
            }
        } else if let Some(module) = self.modules.get_mut(&id) {
            // A module's notifications never grow stale: it was promised them.
            let never = crate::time::Duration::from_micros(u64::MAX);
            module.outbox.written(now, id, bytes, self.settings.api_queue, never, out);
        }
    }

    fn time_passed(&mut self, out: &mut Actions) {
        if self.tidied_at.after(limits::TIDY_PAUSE) <= self.now {
            self.tidied_at = self.now;
            self.membership.tidy(self.now);
            self.faults.tidy(self.now);
            self.dissemination.tidy();
            self.rng.rest();
        }
        self.dissemination.expire(self.now, &self.settings, &mut self.metrics);
        self.repair(out);
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::Connection(id) if self.peers.contains_key(&id) => self.check_peer(id, out),
                Timer::Connection(id) => self.check_module(id, out),
                Timer::Dial => self.is_view_changed = true,
                Timer::Ask => self.ask_a_neighbour(out),
                Timer::LookUp => self.look_up(out),
                Timer::Proof => self.next_proof(out),
            }
        }
    }

    fn dial_succeeded(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.is_connected = true;
        peer.last_heard = self.now;
        self.membership.reached(self.now, peer.remote());
        match peer.purpose {
            Purpose::Probe => self.end(id, EndReason::Done, out),
            Purpose::LookUp => {
                self.introduce(id, true, out);
                self.expect_addresses(id, true);
            }
            Purpose::Neighbour => self.say_hello(id, out),
        }
        self.arm(id);
    }

    fn dial_failed(&mut self, id: ConnectionId, error: DialError, out: &mut Actions) {
        if self.peers.get(&id).is_none_or(|peer| peer.is_connected) {
            return;
        }
        bump(&mut self.metrics.dials_failed);
        let reason = match error {
            DialError::Refused | DialError::Unreachable => EndReason::Gone,
            DialError::Local => EndReason::Crowded,
        };
        self.ended(id, reason, out);
    }

    fn shut_down(&mut self, out: &mut Actions) {
        if self.is_shutting_down {
            return;
        }
        self.is_shutting_down = true;
        let peers: Vec<ConnectionId> = self.peers.keys().copied().collect();
        peers.into_iter().for_each(|id| self.end(id, EndReason::ShuttingDown, out));
        for (id, module) in std::mem::take(&mut self.modules).into_entries() {
            if module.is_open() {
                let Module { mut outbox, .. } = *module;
                outbox.release(id, out);
                out.push(Action::Close { connection: id, flush: Flush::First });
            }
        }
        self.timers = Timers::default();
        self.partials = Partials::default();
        self.subscriptions = Subscriptions::default();
        self.parked.clear();
        self.parked_bytes = 0;
    }

    /// Sets the timer of a peer's connection to what is overdue next.
    fn arm(&mut self, id: ConnectionId) {
        let at = self.peers.get_mut(&id).and_then(|peer| {
            peer.settle();
            peer.overdue_at(&self.settings)
        });
        self.timers.set(Timer::Connection(id), at);
    }
}

fn traffic_of<'a>(connections: impl Iterator<Item = &'a Box<Peer>>) -> Traffic {
    connections.fold(Traffic::default(), |sum, peer| sum.plus(peer.traffic))
}

/// One more.
fn bump(counter: &mut u64) {
    add(counter, 1);
}

/// So many more. No counter of 64 bits comes round while anybody lives: to make sure of it would cost more than to count.
fn add(counter: &mut u64, by: u64) {
    *counter = counter.wrapping_add(by);
}

//! Who the neighbours are, and whom to call next (PROTOCOL.md, section 4).
//!
//! Knows addresses and times, no connections: the state tells it what became of each dial and each neighbour, and asks
//! whom to dial, ask, look up, and make room for.

pub(crate) mod bootstrap;
pub(crate) mod candidates;
pub(crate) mod faults;
pub(crate) mod lost;
pub(crate) mod view;

use crate::address::{self, Scope, scope};
use crate::connection::peer::Origin;
use crate::dissemination::NeighbourId;
use crate::limits;
use crate::metrics::Metrics;
use crate::rng::{Rng, Stream};
use crate::settings::Settings;
use crate::time::{Duration, Instant};
use crate::util::memory::Memory;
use bootstrap::Bootstrappers;
use candidates::{Added, Candidates};
use lost::Lost;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use view::{Neighbour, View};

/// Who told us of an address when it was nobody in particular.
pub(crate) const OWN_KNOWLEDGE: u64 = 0;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    rng: Rng,
    pub(crate) view: View,
    candidates: Candidates,
    lost: Lost,
    pub(crate) bootstrappers: Bootstrappers,
    /// Our own addresses: configured, advertised, and learned by dialing ourselves.
    own: BTreeSet<SocketAddr>,
    /// Not dialed for a while: they evicted or refused us, or are parked.
    refused: Memory<SocketAddr>,
    /// Displace nobody for a while: we evicted or refused them.
    displaced: Memory<SocketAddr>,
    /// Made known to the network, or heard of by PUSH.
    pushed: Memory<SocketAddr>,
    /// Reached by dialing: may be passed on.
    reached: Memory<SocketAddr>,
    /// Closed once right after our proof of work.
    proof_rejected: Memory<SocketAddr>,
    /// Neighbours' addresses that are yet to be reached.
    unreached: VecDeque<SocketAddr>,
    /// When the next candidate is dialed: a random delay after the need arose.
    dial_at: Option<Instant>,
    /// The lost and candidates take turns: whose it is.
    is_turn_of_lost: bool,
    /// A network that we have not met may be behind this one.
    stranger: Option<SocketAddr>,
    ask_at: Instant,
    ask_pause: Duration,
    /// As of the last [`next_dial`](Self::next_dial): neighbours are wanted and nobody can be dialed for it.
    is_short: bool,
}

/// Dials that are under way, and whom not to dial besides neighbours.
pub(crate) struct UnderWay<'a> {
    /// Connections dialed to become neighbours, not established yet.
    pub(crate) dials: usize,
    /// Those of them that may still wait for their 506.
    pub(crate) unanswered: usize,
    /// One of them is to a bootstrapper.
    pub(crate) bootstrapping: bool,
    /// Addresses with a connection that may yet become a neighbour.
    pub(crate) busy: &'a BTreeSet<SocketAddr>,
    /// Until when an address is banned.
    pub(crate) banned_until: &'a dyn Fn(SocketAddr) -> Option<Instant>,
}

/// What to do about the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Dial this one now, and ask again.
    Dial(SocketAddr, Origin),
    /// Look the name of the bootstrapper with this index up, and ask again.
    Resolve(usize),
    /// Nothing before this time, unless something happens.
    Wait(Option<Instant>),
}

/// How a newcomer that dialed us is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// There is room.
    Room,
    /// This one makes room.
    Displaces(NeighbourId),
    /// There is none.
    Refused,
}

impl Membership {
    /// The pause after a candidate's first failure; then twice that.
    const FAILURE_PAUSE: Duration = Duration::from_secs(10);

    pub(crate) fn new(settings: &Settings, seed: [u8; 32], now: Instant) -> Self {
        let own: BTreeSet<_> = settings.p2p_address.iter().chain(settings.advertised_address.iter()).collect();
        let bootstrappers = Bootstrappers::new(&settings.bootstrapper, &own, now);
        let max_peers = usize::try_from(settings.max_peers).unwrap_or(usize::MAX);
        Self {
            rng: Rng::new(seed, Stream::Membership),
            view: View::default(),
            candidates: Candidates::new(settings.max_peers),
            lost: Lost::new(max_peers),
            bootstrappers,
            own,
            refused: Memory::new(limits::ADDRESS_MEMORY_MAX),
            displaced: Memory::new(limits::ADDRESS_MEMORY_MAX),
            pushed: Memory::new(limits::PUSHED_MAX),
            reached: Memory::new(limits::ADDRESS_MEMORY_MAX),
            proof_rejected: Memory::new(limits::ADDRESS_MEMORY_MAX),
            unreached: VecDeque::new(),
            dial_at: None,
            is_turn_of_lost: true,
            stranger: None,
            ask_at: now.after(limits::PEER_REQUEST_PAUSE.0),
            ask_pause: limits::PEER_REQUEST_PAUSE.0,
            is_short: false,
        }
    }

    pub(crate) fn candidates(&self) -> usize {
        self.candidates.len()
    }

    pub(crate) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// Is this one of our own addresses?
    pub(crate) fn is_own(&self, address: &SocketAddr) -> bool {
        self.own.contains(address)
    }

    /// An address turned out to be ours: never dialed again.
    pub(crate) fn learn_own(&mut self, address: SocketAddr) {
        /// More would mean that somebody maps the whole world to us.
        const OWN_MAX: usize = 64;
        if self.own.len() < OWN_MAX {
            self.own.insert(address);
        }
        self.candidates.remove(&address);
        self.lost.remove(&address);
        self.bootstrappers.strike(address);
    }

    /// Would more neighbours be welcome, counting these dials as if they were?
    fn needs(&self, settings: &Settings, dials: usize) -> bool {
        let (chosen, all) = (self.view.chosen().saturating_add(dials), self.view.len().saturating_add(dials));
        let wanted = chosen < settings.target_peers as usize || all < settings.min_peers as usize;
        wanted && all < settings.max_peers as usize
    }

    /// Is the place free that is kept for the lost?
    fn has_spare(&self, settings: &Settings, dials: usize) -> bool {
        let (chosen, all) = (self.view.chosen().saturating_add(dials), self.view.len().saturating_add(dials));
        chosen <= settings.target_peers as usize && all < settings.max_peers as usize
    }

    /// When an address may be dialed; none if never, as things stand.
    fn dialable_at(
        &self,
        now: Instant,
        settings: &Settings,
        under_way: &UnderWay<'_>,
        address: &SocketAddr,
    ) -> Option<Instant> {
        let is_out = under_way.busy.contains(address)
            || self.is_own(address)
            || settings.own_address(address).is_none()
            || self.view.by_address(address).is_some();
        if is_out {
            return None;
        }
        let refused = self.refused.until(now, address);
        Some(refused.max((under_way.banned_until)(*address)).unwrap_or(Instant::ZERO))
    }

    /// Whom to dial now, or when to ask again (section 4).
    pub(crate) fn next_dial(&mut self, now: Instant, settings: &Settings, under_way: &UnderWay<'_>) -> Next {
        self.is_short = false;
        if under_way.unanswered >= limits::DIALS_MAX {
            return Next::Wait(None);
        }
        let has_room = self.view.len().saturating_add(under_way.dials) < settings.max_peers as usize;
        let calls_bootstrapper =
            if settings.discovery { self.view.is_empty() && !under_way.bootstrapping } else { has_room };
        let mut wake: Option<Instant> = None;
        let mut wait_for = |at: Option<Instant>| wake = [wake, at].into_iter().flatten().min();
        if calls_bootstrapper {
            let dialable = |address: &SocketAddr| self.dialable_at(now, settings, under_way, address);
            match self.bootstrappers.next(settings.discovery, dialable) {
                Some((at, index)) if at <= now => {
                    if let Some(next) = self.bootstrappers.call(index) {
                        return next;
                    }
                }
                later => wait_for(later.map(|(at, _)| at)),
            }
        }
        if !settings.discovery {
            return Next::Wait(wake);
        }
        let (needs, has_spare) = (self.needs(settings, under_way.dials), self.has_spare(settings, under_way.dials));
        if let Some(address) = self.stranger.take()
            && has_spare
            && self.dialable_at(now, settings, under_way, &address).is_some_and(|at| at <= now)
        {
            return Next::Dial(address, Origin::Known);
        }
        self.lost.expire(now);
        let dialable = |address: &SocketAddr| self.dialable_at(now, settings, under_way, address);
        let of_lost = if needs || has_spare { self.lost.pick(now, dialable) } else { Err(None) };
        let of_candidates = if needs { self.candidates.ready(now, dialable) } else { Err(None) };
        if !needs {
            self.dial_at = None;
        }
        self.is_short = needs && of_candidates.is_err() && of_lost.is_err();
        if let Err(at) = of_lost {
            wait_for(at);
        }
        let candidate = match of_candidates {
            Err(at) => {
                wait_for(at);
                None
            }
            Ok(mut ready) => {
                let delay = self.rng.between(limits::DIAL_DELAY.0, limits::DIAL_DELAY.1);
                let at = *self.dial_at.get_or_insert(now.after(delay));
                if at > now {
                    wait_for(Some(at));
                }
                self.rng.choose(&mut ready, 1);
                ready.pop().filter(|_| at <= now)
            }
        };
        match (of_lost.ok(), candidate) {
            (Some(lost), None) => Next::Dial(lost, Origin::Known),
            (Some(lost), Some(_)) if self.is_turn_of_lost => {
                self.is_turn_of_lost = false;
                Next::Dial(lost, Origin::Known)
            }
            (_, Some(candidate)) => {
                self.is_turn_of_lost = true;
                self.dial_at = None;
                Next::Dial(candidate, Origin::Known)
            }
            (None, None) => Next::Wait(wake),
        }
    }

    /// When a neighbour is to be asked for addresses, if one is: nobody can be dialed, and neighbours are wanted.
    pub(crate) fn next_ask(&self, settings: &Settings) -> Option<Instant> {
        (settings.discovery && self.is_short && !self.view.is_empty()).then_some(self.ask_at)
    }

    /// A neighbour is being asked; the pause before the next time grows until something new comes.
    pub(crate) fn asking(&mut self, now: Instant) {
        let pause = self.rng.jittered(self.ask_pause);
        self.ask_at = now.after(pause);
        self.ask_pause = self.ask_pause.times(2).min(limits::PEER_REQUEST_PAUSE.1);
    }

    /// A random neighbour for whom the test holds.
    pub(crate) fn random_neighbour(&mut self, test: impl Fn(&Neighbour) -> bool) -> Option<&Neighbour> {
        self.view.random(&mut self.rng, test)
    }

    /// Addresses came in a PEER RESPONSE: at most half of `max_peers` of them, picked at random, become candidates.
    /// Says whether there was one that nobody could dial.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        settings: &Settings,
        metrics: &mut Metrics,
        source: u64,
        of: Scope,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> bool {
        let mut has_unusable = false;
        let mut sound: Vec<SocketAddr> = Vec::new();
        for address in addresses.map(address::canonical).take(limits::PEER_RESPONSE_MAX) {
            if !address::is_usable(&address) {
                has_unusable = true;
                metrics.addresses_unusable = metrics.addresses_unusable.saturating_add(1);
            } else if !may_be_told(scope(address.ip()), of) {
                metrics.addresses_out_of_scope = metrics.addresses_out_of_scope.saturating_add(1);
            } else if !self.is_own(&address) {
                sound.push(address);
            }
        }
        self.rng.choose(&mut sound, (settings.max_peers / 2).max(1) as usize);
        for address in sound {
            self.consider(now, metrics, source, address);
        }
        has_unusable
    }

    /// None of these was known: one of them is dialed, for a network that we never met may be behind it (section 4,
    /// Looking up).
    pub(crate) fn meet_strangers(&mut self, addresses: impl Iterator<Item = SocketAddr>, now: Instant, of: Scope) {
        let mut sound: Vec<SocketAddr> = addresses
            .map(address::canonical)
            .filter(|address| address::is_usable(address) && may_be_told(scope(address.ip()), of))
            .filter(|address| !self.is_own(address))
            .take(limits::PEER_RESPONSE_MAX)
            .collect();
        if sound.iter().all(|address| !self.is_known(now, address)) {
            self.rng.choose(&mut sound, 1);
            self.stranger = sound.pop();
        }
    }

    fn is_known(&self, now: Instant, address: &SocketAddr) -> bool {
        self.view.by_address(address).is_some()
            || self.candidates.contains(address)
            || self.lost.contains(address)
            || self.pushed.contains(now, address)
            || self.reached.contains(now, address)
    }

    /// Makes an address a candidate unless it is something already; says whether it is new.
    pub(crate) fn consider(&mut self, now: Instant, metrics: &mut Metrics, source: u64, address: SocketAddr) -> bool {
        if self.is_own(&address) || self.view.by_address(&address).is_some() || self.lost.contains(&address) {
            return false;
        }
        match self.candidates.add(address, source, now, &mut self.rng) {
            Added::New => {
                metrics.candidates_added = metrics.candidates_added.saturating_add(1);
                self.ask_pause = limits::PEER_REQUEST_PAUSE.0;
                true
            }
            Added::Known => false,
            Added::CrowdedOut => {
                metrics.addresses_crowded_out = metrics.addresses_crowded_out.saturating_add(1);
                false
            }
        }
    }

    /// A PUSH speaks of an address: is it news, to be considered and forwarded?
    pub(crate) fn is_news(&mut self, now: Instant, settings: &Settings, address: SocketAddr) -> bool {
        let is_known = self.is_own(&address)
            || self.view.by_address(&address).is_some()
            || self.candidates.contains(&address)
            || self.pushed.contains(now, &address);
        if !is_known {
            self.pushed.insert(now, address, now.after(settings.suppression_time));
        }
        !is_known
    }

    /// A peer completed its handshake with us: shall the network be told of it?
    pub(crate) fn is_newcomer(&mut self, now: Instant, settings: &Settings, address: SocketAddr) -> bool {
        let is_known = self.pushed.contains(now, &address) || self.candidates.contains(&address);
        self.pushed.insert(now, address, now.after(settings.suppression_time));
        !is_known
    }

    /// Random neighbours that may be told of an address, but for these two.
    pub(crate) fn random_to_tell(
        &mut self,
        count: usize,
        address: SocketAddr,
        not: &[NeighbourId],
    ) -> Vec<NeighbourId> {
        let fits = |neighbour: &&Neighbour| {
            !not.contains(&neighbour.id)
                && neighbour.address != address
                && may_be_told(scope(address.ip()), scope(neighbour.address.ip()))
                && (address.is_ipv4() || neighbour.instance.is_some())
        };
        let mut told: Vec<_> = self.view.iter().filter(fits).map(|neighbour| neighbour.id).collect();
        self.rng.choose(&mut told, count);
        told
    }

    /// What we tell an asker of our view: what was reached and is of its scope, at most `max_peers`, in random order.
    pub(crate) fn sample_for(&mut self, now: Instant, settings: &Settings, asker: SocketAddr) -> Vec<SocketAddr> {
        let of = scope(asker.ip());
        let mut sample: Vec<SocketAddr> = self
            .view
            .iter()
            .map(|neighbour| neighbour.address)
            .filter(|address| *address != asker && may_be_told(scope(address.ip()), of))
            .filter(|address| self.reached.contains(now, address))
            .collect();
        self.rng.choose(&mut sample, settings.max_peers as usize);
        sample
    }

    /// An address was dialed with success.
    pub(crate) fn reached(&mut self, now: Instant, address: SocketAddr) {
        self.reached.insert(now, address, now.after(limits::REACHED_TIME));
    }

    /// A neighbour that dialed us: its address is to be reached once, if it was not lately.
    pub(crate) fn wants_reached(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        let is_dialable = settings.own_address(&address).is_some() && !self.is_own(&address);
        let has_room = self.unreached.len() < settings.max_peers as usize;
        if is_dialable && has_room && !self.reached.contains(now, &address) && !self.unreached.contains(&address) {
            self.unreached.push_back(address);
        }
    }

    /// The next address to be reached by a bare connect.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Option<SocketAddr> {
        while let Some(address) = self.unreached.pop_front() {
            if !self.reached.contains(now, &address) {
                return Some(address);
            }
        }
        None
    }

    /// How a peer that dialed us and proved its work is received (section 4).
    pub(crate) fn admit(&mut self, now: Instant, settings: &Settings, address: SocketAddr, capable: bool) -> Admission {
        let has_room =
            self.view.inbound() < settings.inbound_room() as usize && self.view.len() < settings.max_peers as usize;
        if has_room {
            return Admission::Room;
        }
        if self.displaced.contains(now, &address) {
            return Admission::Refused;
        }
        let grace = if capable { limits::NEWCOMER_GRACE } else { Duration::ZERO };
        match self.view.displaceable(now, grace, &mut self.rng) {
            Some(id) => Admission::Displaces(id),
            None => Admission::Refused,
        }
    }

    /// We dialed it and it let us in: is there a place for it? It may have been taken meanwhile.
    pub(crate) fn has_place_for_chosen(&self, settings: &Settings) -> bool {
        self.view.len() < settings.max_peers as usize
    }

    /// A peer is in the view now: no longer looked for. Returns the pause before its next redial, should it be lost.
    pub(crate) fn established(&mut self, now: Instant, address: SocketAddr, origin: Option<Origin>) -> Duration {
        self.candidates.remove(&address);
        self.proof_rejected.remove(&address);
        let of_lost = self.lost.remove(&address);
        let of_bootstrapper = match origin {
            Some(Origin::Bootstrapper(index)) => self.bootstrappers.established(index, now),
            Some(Origin::Known) | None => None,
        };
        of_lost.or(of_bootstrapper).unwrap_or(limits::REDIAL_PAUSE.0)
    }

    /// A dial came to nothing, at whatever step.
    pub(crate) fn failed(&mut self, now: Instant, address: SocketAddr, origin: Origin) {
        self.candidates.failed(&address, now, Self::FAILURE_PAUSE);
        self.lost.failed(&address, now, &mut self.rng);
        if let Origin::Bootstrapper(index) = origin {
            self.bootstrappers.failed(index, now, &mut self.rng);
        }
    }

    /// It closed right after our proof of work. The second time in a row, it is parked: true.
    pub(crate) fn proof_was_rejected(&mut self, now: Instant, address: SocketAddr) -> bool {
        if self.proof_rejected.contains(now, &address) {
            self.refused.insert(now, address, now.after(limits::PARKED_TIME));
            return true;
        }
        self.proof_rejected.insert(now, address, now.after(limits::LOST_TIME));
        false
    }

    /// It evicted or refused us: not dialed for a minute, and a candidate after that.
    pub(crate) fn refused_us(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        let until = now.after(limits::REFUSED_TIME);
        self.refused.insert(now, address, until);
        self.lost.remove(&address);
        if settings.discovery {
            self.candidates.add(address, OWN_KNOWLEDGE, until, &mut self.rng);
        }
    }

    /// We evicted or refused it: it displaces nobody for a minute.
    pub(crate) fn displaced(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        let until = now.after(limits::REFUSED_TIME);
        self.displaced.insert(now, address, until);
        if settings.discovery {
            self.candidates.add(address, OWN_KNOWLEDGE, until, &mut self.rng);
        }
    }

    /// This host could not dial it: later, and not its fault.
    pub(crate) fn postponed(&mut self, now: Instant, address: SocketAddr, origin: Origin) {
        self.candidates.add(address, OWN_KNOWLEDGE, now.after(Self::FAILURE_PAUSE), &mut self.rng);
        self.lost.failed(&address, now, &mut self.rng);
        if let Origin::Bootstrapper(index) = origin {
            self.bootstrappers.failed(index, now, &mut self.rng);
        }
    }

    /// A bootstrapper's name led nowhere.
    pub(crate) fn bootstrapper_failed(&mut self, now: Instant, index: usize) {
        self.bootstrappers.failed(index, now, &mut self.rng);
    }

    /// The peer has another connection with us. If that one is known by another address, this one is not dialed for as
    /// long as addresses count as reached.
    pub(crate) fn is_duplicate(&mut self, now: Instant, address: SocketAddr, origin: Origin, is_alias: bool) {
        self.candidates.remove(&address);
        if is_alias {
            self.refused.insert(now, address, now.after(limits::REACHED_TIME));
        }
        if let Origin::Bootstrapper(index) = origin {
            self.bootstrappers.failed(index, now, &mut self.rng);
        }
    }

    /// A neighbour is gone without having evicted or refused us: it is looked for (section 4, Finding back).
    pub(crate) fn lost_neighbour(&mut self, now: Instant, settings: &Settings, neighbour: &Neighbour) {
        let is_settled = now.since(neighbour.since) >= limits::SETTLED_TIME;
        let pause = if is_settled { limits::REDIAL_PAUSE.0 } else { neighbour.redial_pause };
        self.bootstrappers.lost(&neighbour.address, now, pause, &mut self.rng);
        if settings.discovery {
            self.lost.add(neighbour.address, now, pause, &mut self.rng);
            self.ask_at = now;
        }
    }

    /// When bootstrappers are looked up next.
    pub(crate) fn next_look_up(&mut self, now: Instant) -> Instant {
        now.after(self.rng.jittered(limits::LOOK_UP_PAUSE))
    }

    /// Has the view what it wants?
    pub(crate) fn is_satisfied(&self, settings: &Settings) -> bool {
        !self.needs(settings, 0) && !self.view.is_empty()
    }

    /// Limits for each IP make no sense for this host's own.
    pub(crate) fn counts_as_loopback(ip: IpAddr) -> bool {
        scope(ip.to_canonical()) == Scope::Loopback
    }
}

/// May an address of this scope be told to, or taken from, a peer of that scope? Global ones may everywhere; the others
/// mean something only among their own (section 4).
pub(crate) fn may_be_told(address: Scope, peer: Scope) -> bool {
    address == Scope::Global || address == peer
}

//! Who the neighbours are, and whom to call next (PROTOCOL.md, section 4).
//!
//! Knows addresses and times, no connections: the state tells it what became of each dial and each neighbour, and asks
//! whom to dial, ask, look up, and make room for.

pub(crate) mod bootstrap;
mod calling;
pub(crate) mod candidates;
pub(crate) mod connections;
pub(crate) mod faults;
mod hearsay;
pub(crate) mod lost;
mod turned_away;
pub(crate) mod view;

use crate::address::{Scope, network, of_holder, scope};
use crate::connection::peer::Origin;
use crate::dissemination::NeighbourId;
use crate::limits;
use crate::rng::{Rng, Stream};
use crate::settings::{OwnAddresses, Settings};
use crate::time::{Duration, Instant};
use crate::util::bucket::TokenBucket;
use crate::util::memory::Memory;
use bootstrap::Bootstrappers;
pub(crate) use calling::{Next, UnderWay};
use candidates::Candidates;
pub(crate) use hearsay::may_be_told;
use lost::Lost;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use turned_away::TurnedAway;
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
    /// Where we listen and what we tell others of that.
    pub(crate) addresses: OwnAddresses,
    /// Whom we must not dial, as it is ourselves: these, and those learned by dialing ourselves.
    own: Vec<SocketAddr>,
    /// Not dialed for a while: they evicted or refused us, or are parked.
    refused: Memory,
    /// Displace nobody for a while: we evicted or refused them.
    displaced: Memory,
    /// Made known to the network, or heard of by PUSH.
    pushed: Memory,
    /// Reached by dialing: may be passed on.
    reached: Memory,
    /// Holders of public IPs, with port 0, where a dial of a candidate failed lately.
    unreachable: Memory,
    /// Closed once right after our proof of work.
    proof_rejected: Memory,
    /// Newcomers that found no room.
    turned_away: TurnedAway,
    /// Neighbours that newcomers may yet displace.
    displacements: TokenBucket,
    /// Neighbours' addresses that are yet to be reached.
    unreached: VecDeque<SocketAddr>,
    /// When the next candidate is dialed: a random delay after the need arose.
    dial_at: Option<Instant>,
    /// The lost and candidates take turns: whose it is.
    is_turn_of_lost: bool,
    /// A network that we have not met may be behind this one.
    stranger: Option<SocketAddr>,
    /// So many look-ups that are answered may yet find strangers: we may have been cut off from them. Nothing but a
    /// lost link cuts a network, so one that nothing disturbs comes to rest.
    suspicious_for: u32,
    /// How many strangers may yet be dialed in this look-up.
    strangers_left: u32,
    /// Refused so often in a row.
    refusals: u32,
    asked_at: Instant,
    ask_at: Instant,
    ask_pause: Duration,
    /// As of the last [`next_dial`](Self::next_dial): neighbours are wanted and nobody can be dialed for it.
    is_short: bool,
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
    pub(crate) fn new(settings: &Settings, seed: [u8; 32], now: Instant) -> Self {
        let addresses = settings.own_addresses();
        let own: Vec<SocketAddr> = addresses.iter().collect();
        let bootstrappers = Bootstrappers::new(&settings.bootstrapper, &own, now);
        let max_peers = usize::try_from(settings.max_peers).unwrap_or(usize::MAX);
        Self {
            rng: Rng::new(seed, Stream::Membership),
            view: View::default(),
            candidates: Candidates::new(settings.max_peers),
            lost: Lost::new(max_peers),
            bootstrappers,
            addresses,
            own,
            refused: Memory::new(limits::ADDRESS_MEMORY_MAX),
            displaced: Memory::new(limits::ADDRESS_MEMORY_MAX),
            pushed: Memory::new(limits::PUSHED_MAX),
            reached: Memory::new(limits::ADDRESS_MEMORY_MAX),
            unreachable: Memory::new(limits::ADDRESS_MEMORY_MAX),
            proof_rejected: Memory::new(limits::ADDRESS_MEMORY_MAX),
            turned_away: TurnedAway::default(),
            displacements: TokenBucket::new(limits::DISPLACEMENTS, now),
            unreached: VecDeque::new(),
            dial_at: None,
            is_turn_of_lost: true,
            stranger: None,
            suspicious_for: limits::LOOK_UPS_AFTER_LOSS,
            strangers_left: 0,
            refusals: 0,
            asked_at: now,
            ask_at: now.after(limits::PEER_REQUEST_PAUSE.0),
            ask_pause: limits::PEER_REQUEST_PAUSE.0,
            is_short: false,
        }
    }

    pub(crate) fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// Addresses that are remembered for a while, all together.
    pub(crate) fn remembered(&self) -> usize {
        let of_others = [&self.refused, &self.displaced, &self.reached, &self.unreachable, &self.proof_rejected];
        let all = of_others.into_iter().chain([&self.pushed]).map(Memory::len).chain([self.turned_away.len()]);
        all.fold(0, usize::saturating_add)
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
        if self.own.len() < OWN_MAX && !self.is_own(&address) {
            self.own.push(address);
        }
        self.candidates.remove(&address);
        self.lost.remove(&address);
        self.bootstrappers.strike(address);
    }

    /// A random neighbour for whom the test holds.
    pub(crate) fn random_neighbour(&mut self, test: impl Fn(&Neighbour) -> bool) -> Option<&Neighbour> {
        self.view.random(&mut self.rng, test)
    }

    /// How a peer that dialed us and proved its work is received (section 4).
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        settings: &Settings,
        address: SocketAddr,
        (is_capable, is_urgent): (bool, bool),
    ) -> Admission {
        if self.is_of_crowded_network(settings, &address) {
            return Admission::Refused;
        }
        if self.has_room(settings) {
            return Admission::Room;
        }
        if !self.may_displace(now, &address, is_urgent) {
            return Admission::Refused;
        }
        let grace = if is_capable { limits::NEWCOMER_GRACE } else { Duration::ZERO };
        match self.view.displaceable(now, grace, &mut self.rng) {
            Some(id) if self.displacements.take(now) => Admission::Displaces(id),
            Some(_) | None => Admission::Refused,
        }
    }

    fn has_room(&self, settings: &Settings) -> bool {
        let is_in_bounds =
            self.view.inbound() < settings.inbound_room() as usize && self.view.len() < settings.max_peers as usize;
        is_in_bounds || planted!(ViewBoundOffByOne) && self.view.len() <= settings.max_peers as usize
    }

    /// May somebody make room for this one? Only if it found none elsewhere, and not just after it made room itself; and
    /// only so often: who is in need and who says so cannot be told apart.
    fn may_displace(&self, now: Instant, address: &SocketAddr, is_urgent: bool) -> bool {
        is_urgent && !self.displaced.contains(now, address) && self.displacements.is_ready(now)
    }

    /// Would a capable newcomer be admitted, as things stand?
    pub(crate) fn may_admit(&self, now: Instant, settings: &Settings, address: SocketAddr, is_urgent: bool) -> bool {
        if self.is_of_crowded_network(settings, &address) {
            return false;
        }
        self.has_room(settings)
            || (self.may_displace(now, &address, is_urgent) && self.view.has_displaceable(now, limits::NEWCOMER_GRACE))
    }

    /// We were refused: yet another without room for us.
    pub(crate) fn found_no_room(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    /// May others be displaced for us? Only when too few neighbours are left and asking around did not help: each
    /// displaced one costs somebody another handshake.
    pub(crate) fn is_urgent(&self, settings: &Settings) -> bool {
        self.refusals >= limits::REFUSALS_BEFORE_URGENT && self.view.len() < settings.min_peers as usize
    }

    /// We dialed it and it let us in: is there a place for it? It may have been taken meanwhile.
    pub(crate) fn has_place_for_chosen(&self, settings: &Settings, address: &SocketAddr) -> bool {
        self.view.len() < settings.max_peers as usize && !self.is_of_crowded_network(settings, address)
    }

    /// Has its network, if it is a public one, all of the view that one network may have (section 11)? Whoever owns one
    /// network must not own a view.
    fn is_of_crowded_network(&self, settings: &Settings, address: &SocketAddr) -> bool {
        let Some(its) = network(address.ip()) else { return false };
        let of_it = self.view.iter().filter(|neighbour| network(neighbour.address.ip()) == Some(its)).count();
        of_it >= settings.subnet_room() as usize
    }

    /// A peer is in the view now: no longer looked for. Returns the pause before its next redial, should it be lost.
    pub(crate) fn established(&mut self, now: Instant, address: SocketAddr, origin: Option<Origin>) -> Duration {
        self.refusals = 0;
        self.candidates.remove(&address);
        self.proof_rejected.remove(&address);
        self.turned_away.remove(&address);
        let of_lost = self.lost.remove(&address);
        let of_bootstrapper = match origin {
            Some(Origin::Bootstrapper(index)) => self.bootstrappers.established(index, now),
            Some(Origin::Known | Origin::Stranger) | None => None,
        };
        of_lost.or(of_bootstrapper).unwrap_or(limits::REDIAL_PAUSE.0)
    }

    /// A dial came to nothing, at whatever step.
    pub(crate) fn failed(&mut self, now: Instant, address: SocketAddr, origin: Origin) {
        // By where it came from, not by whether it is a candidate still: it may have been crowded out meanwhile.
        let is_hearsay = !matches!(origin, Origin::Bootstrapper(_)) && !self.lost.contains(&address);
        if is_hearsay && scope(address.ip()) == Scope::Global {
            self.unreachable.insert(now, of_holder(address.ip()), now.after(limits::FAILURE_PAUSE));
        }
        self.candidates.failed(&address, now, limits::FAILURE_PAUSE);
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
            self.candidates.add(now, address, OWN_KNOWLEDGE, until, &mut self.rng);
        }
    }

    /// We evicted or refused it: it displaces nobody for a minute.
    pub(crate) fn displaced(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        let until = now.after(limits::REFUSED_TIME);
        self.displaced.insert(now, address, until);
        if settings.discovery {
            self.candidates.add(now, address, OWN_KNOWLEDGE, until, &mut self.rng);
        }
    }

    /// This host could not dial it: later, and not its fault.
    pub(crate) fn postponed(&mut self, now: Instant, address: SocketAddr, origin: Origin) {
        self.candidates.add(now, address, OWN_KNOWLEDGE, now.after(limits::FAILURE_PAUSE), &mut self.rng);
        self.lost.failed(&address, now, &mut self.rng);
        if let Origin::Bootstrapper(index) = origin {
            self.bootstrappers.failed(index, now, &mut self.rng);
        }
    }

    /// A bootstrapper's name led nowhere.
    pub(crate) fn bootstrapper_failed(&mut self, now: Instant, index: usize) {
        self.bootstrappers.failed(index, now, &mut self.rng);
    }

    /// It is in the view already, over another connection: this address of it is no longer looked for.
    pub(crate) fn joined_twin(&mut self, now: Instant, address: SocketAddr, origin: Option<Origin>) {
        self.candidates.remove(&address);
        self.lost.remove(&address);
        if let Some(Origin::Bootstrapper(index)) = origin {
            self.bootstrappers.established(index, now);
        }
    }

    /// The peer has another connection with us. If that one is known by another address, this one is not dialed for as
    /// long as addresses count as reached.
    pub(crate) fn is_duplicate(&mut self, now: Instant, address: SocketAddr, origin: Origin, is_alias: bool) {
        self.candidates.remove(&address);
        self.lost.failed(&address, now, &mut self.rng);
        if is_alias {
            self.lost.remove(&address);
            self.refused.insert(now, address, now.after(limits::REACHED_TIME));
        }
        if let Origin::Bootstrapper(index) = origin {
            self.bootstrappers.failed(index, now, &mut self.rng);
        }
    }

    /// A link to a neighbour is gone, for whatever reason: it may have been the one that held the network together.
    pub(crate) fn lost_link(&mut self) {
        self.suspicious_for = limits::LOOK_UPS_AFTER_LOSS;
    }

    /// A neighbour is gone without having evicted or refused us: it is looked for (section 4, Finding back).
    pub(crate) fn lost_neighbour(&mut self, now: Instant, settings: &Settings, neighbour: &Neighbour) {
        self.lost_link();
        let is_settled = now.since(neighbour.since) >= limits::SETTLED_TIME;
        let pause = if is_settled { limits::REDIAL_PAUSE.0 } else { neighbour.redial_pause };
        self.bootstrappers.lost(&neighbour.address, now, pause, &mut self.rng);
        // One of a family that we do not speak dialed us by a relay's or its own mistake: nobody could find it.
        if settings.discovery && self.addresses.told_to(&neighbour.address).is_some() && !planted!(LostNotLookedFor) {
            self.lost.add(neighbour.address, now, pause, &mut self.rng);
            self.ask_at = now.max(self.asked_at.after(limits::PEER_REQUEST_PAUSE_MIN));
        }
    }

    /// When bootstrappers are looked up next.
    pub(crate) fn next_look_up(&mut self, now: Instant) -> Instant {
        self.strangers_left = limits::STRANGERS_PER_LOOK_UP;
        now.after(self.rng.jittered(limits::LOOK_UP_PAUSE))
    }

    /// Has the view what it wants?
    pub(crate) fn is_satisfied(&self, settings: &Settings) -> bool {
        !self.needs(settings, 0) && !self.view.is_empty()
    }

    /// Gives back what addresses no longer remembered took. Nothing else notices.
    pub(crate) fn tidy(&mut self, now: Instant) {
        let memories = [
            &mut self.refused,
            &mut self.displaced,
            &mut self.pushed,
            &mut self.reached,
            &mut self.unreachable,
            &mut self.proof_rejected,
        ];
        memories.into_iter().for_each(|memory| memory.expire(now));
        self.turned_away.expire(now);
        self.rng.rest();
    }

    /// Limits for each IP make no sense for this host's own.
    pub(crate) fn counts_as_loopback(ip: IpAddr) -> bool {
        scope(ip.to_canonical()) == Scope::Loopback
    }
}

#[cfg(test)]
mod tests;

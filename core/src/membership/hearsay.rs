//! Addresses that others tell us, and that we tell others (PROTOCOL.md, section 4).

use super::Membership;
use super::candidates::Added;
use super::view::Neighbour;
use crate::address::{self, Scope, scope};
use crate::dissemination::NeighbourId;
use crate::limits;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::time::Instant;
use std::net::SocketAddr;

impl Membership {
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

    /// A look-up was answered. If none of the answer's addresses is a neighbour's, one of them is dialed, for a network
    /// that we never met may be behind it (section 4, Looking up): that others spoke of them once does not say that they
    /// still could. Only for a while after a link was lost, though: in a large network most of it is no neighbour of ours. A
    /// `stranger` that knows nobody is alone, and dialed itself; none is given by one that was dialed so and has no room.
    pub(crate) fn meet_strangers(
        &mut self,
        of: Scope,
        stranger: Option<SocketAddr>,
        addresses: impl Iterator<Item = SocketAddr>,
    ) {
        let mut sound: Vec<SocketAddr> = addresses
            .map(address::canonical)
            .filter(|address| address::is_usable(address) && may_be_told(scope(address.ip()), of))
            .filter(|address| !self.is_own(address))
            .take(limits::PEER_RESPONSE_MAX)
            .collect();
        let is_suspicious = self.suspicious_for > 0;
        if stranger.is_some() {
            self.suspicious_for = self.suspicious_for.saturating_sub(1);
        }
        if sound.is_empty() {
            self.stranger = stranger;
        } else if (is_suspicious || stranger.is_none())
            && sound.iter().all(|address| self.view.by_address(address).is_none())
        {
            self.rng.choose(&mut sound, 1);
            self.stranger = sound.pop();
        }
    }

    /// Makes an address a candidate unless it is something already; says whether it is new.
    pub(crate) fn consider(&mut self, now: Instant, metrics: &mut Metrics, source: u64, address: SocketAddr) -> bool {
        if self.is_own(&address) || self.view.by_address(&address).is_some() || self.lost.contains(&address) {
            return false;
        }
        match self.candidates.add(now, address, source, now, &mut self.rng) {
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
            .filter(|neighbour| neighbour.is_reached || self.reached.contains(now, &neighbour.address))
            .map(|neighbour| neighbour.address)
            .filter(|address| *address != asker && may_be_told(scope(address.ip()), of))
            .collect();
        self.rng.choose(&mut sample, settings.max_peers as usize);
        sample
    }

    /// What we tell a newcomer for whom there is no room, at most `max_peers`: up to half of them were turned away lately and
    /// have room most likely, the others are of our view. The former were not reached; but their IPs are those that they
    /// came from, so nobody else is dialed for it.
    pub(crate) fn sample_for_turned_away(
        &mut self,
        now: Instant,
        settings: &Settings,
        asker: SocketAddr,
    ) -> Vec<SocketAddr> {
        let (of, most) = (scope(asker.ip()), settings.max_peers as usize);
        let fits = |address: &SocketAddr| *address != asker && may_be_told(scope(address.ip()), of);
        let mut turned_away: Vec<SocketAddr> = self.turned_away.iter(now).filter(fits).collect();
        self.rng.choose(&mut turned_away, most / 2);
        let mut sample = self.sample_for(now, settings, asker);
        sample.truncate(most.saturating_sub(turned_away.len()));
        sample.append(&mut turned_away);
        sample
    }

    /// There was no room for this newcomer: others will be told of it, unless its IP is only what it says.
    pub(crate) fn remember_turned_away(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        if settings.discovery && settings.check_source_ip && address::is_usable(&address) && !self.is_own(&address) {
            self.turned_away.insert(now, address);
        }
    }

    /// An address was dialed with success.
    pub(crate) fn reached(&mut self, now: Instant, address: SocketAddr) {
        self.reached.insert(now, address, now.after(limits::REACHED_TIME));
        self.view.mark_reached(&address);
    }

    /// Has an address been reached lately?
    pub(crate) fn is_reached(&self, now: Instant, address: &SocketAddr) -> bool {
        self.reached.contains(now, address)
    }

    /// A neighbour that dialed us: its address is to be reached once, if it was not lately.
    pub(crate) fn wants_reached(&mut self, now: Instant, settings: &Settings, address: SocketAddr) {
        let is_dialable = self.addresses.told_to(&address).is_some() && !self.is_own(&address);
        let has_room = self.unreached.len() < settings.max_peers as usize;
        // Without discovery nobody is dialed but the bootstrappers.
        let is_wanted = settings.discovery && is_dialable && has_room;
        if is_wanted && !self.reached.contains(now, &address) && !self.unreached.contains(&address) {
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
}

/// May an address of this scope be told to, or taken from, a peer of that scope? Global ones may everywhere; the others
/// mean something only among their own (section 4).
pub(crate) fn may_be_told(address: Scope, peer: Scope) -> bool {
    address == Scope::Global || address == peer
}

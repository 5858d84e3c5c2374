//! One peer of a simulated network: the real state, and what surrounds it on its host.

use crate::network::EndId;
use crate::pow::Task;
use gossip_core::time::Instant;
use gossip_core::{ConnectionId, GossipState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where every peer listens.
const PORT: u16 = 6001;
/// Peers' addresses are spread over 32.0.0.0 to 47.255.255.255 by a bijection, so that neighbours by number are not
/// neighbours by address.
const SPACE_BITS: u32 = 28;
const SPACE_BASE: u32 = 0x2000_0000;
const FACTOR: u32 = 0x09e3_779b;
const INVERSE: u32 = inverse_of(FACTOR);

/// A host with at most one gossip process.
#[derive(Default)]
pub(super) struct Peer {
    /// The process, while it runs.
    pub(super) state: Option<GossipState>,
    /// Its connections, oldest first.
    pub(super) ends: Vec<(ConnectionId, EndId)>,
    /// When its deadline is in the queue.
    pub(super) wake_at: Option<u64>,
    /// It handles nothing before.
    pub(super) busy_until: u64,
    /// Each event takes it so long.
    pub(super) cost: u64,
    pub(super) clock: Clock,
    /// Connections accepted so far.
    pub(super) accepted: u64,
    /// Processes started so far.
    pub(super) starts: u32,
    /// Proofs wanted; the first is being worked on.
    pub(super) tasks: Vec<Task>,
    /// When the first is found.
    pub(super) solved_at: Option<u64>,
    /// When its last timer was, and how many there were at that instant.
    timers: (u64, u32),
    /// Told to shut down.
    pub(super) leaving: bool,
}

impl Peer {
    /// The end behind a connection of this peer.
    pub(super) fn end(&self, connection: ConnectionId) -> Option<EndId> {
        // The newest are asked for most while a network forms; there are few in any case.
        self.ends.iter().rev().find(|(id, _)| *id == connection).map(|&(_, end)| end)
    }

    /// Does it take connections?
    pub(super) fn listens(&self) -> bool {
        self.state.is_some() && !self.leaving
    }

    /// Counts a timer; how many there were at this instant.
    pub(super) fn timers_at(&mut self, now: u64) -> u32 {
        let (at, count) = self.timers;
        self.timers = (now, if at == now { count + 1 } else { 1 });
        self.timers.1
    }

    pub(super) fn forget(&mut self, connection: ConnectionId) {
        if let Some(at) = self.ends.iter().position(|(id, _)| *id == connection) {
            self.ends.remove(at);
        }
    }
}

/// A host's clock: microseconds since its own zero, running a little fast or slow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Since this time of the simulation...
    since: u64,
    /// ... when it showed this, ...
    shown: u64,
    /// ... it gains so many ppm.
    drift_ppm: i32,
}

impl Clock {
    /// What it shows at the simulation's time `now`.
    pub(super) fn read(&self, now: u64) -> Instant {
        let passed = now.saturating_sub(self.since);
        if self.drift_ppm == 0 {
            return Instant::from_micros(self.shown + passed);
        }
        let rate = u128::from(1_000_000u32.saturating_add_signed(self.drift_ppm));
        let gone = u128::from(passed) * rate / 1_000_000;
        Instant::from_micros(self.shown.saturating_add(u64::try_from(gone).unwrap_or(u64::MAX)))
    }

    /// The first time of the simulation at which it shows at least `local`.
    pub(super) fn when(&self, local: Instant) -> u64 {
        let ahead = local.as_micros().saturating_sub(self.shown);
        if self.drift_ppm == 0 {
            return self.since.saturating_add(ahead);
        }
        let rate = u128::from(1_000_000u32.saturating_add_signed(self.drift_ppm));
        let passed = (u128::from(ahead) * 1_000_000).div_ceil(rate);
        self.since.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// From `now` on it gains `drift_ppm`.
    pub(super) fn drift(&mut self, now: u64, drift_ppm: i32) {
        *self = Self { since: now, shown: self.read(now).as_micros(), drift_ppm };
    }
}

/// Where a peer listens.
pub fn address_of(peer: u32) -> SocketAddr {
    let spread = peer.wrapping_mul(FACTOR) & ((1 << SPACE_BITS) - 1);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from(SPACE_BASE | spread)), PORT)
}

/// Who listens there, if there are so many peers.
pub fn peer_at(address: SocketAddr, peers: u32) -> Option<u32> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let bits = u32::from(ip);
    if bits & !((1 << SPACE_BITS) - 1) != SPACE_BASE || address.port() != PORT {
        return None;
    }
    let peer = (bits & ((1 << SPACE_BITS) - 1)).wrapping_mul(INVERSE) & ((1 << SPACE_BITS) - 1);
    (peer < peers).then_some(peer)
}

/// The number that makes 1 with an odd one, modulo 2^32: Newton's iteration doubles the right bits.
const fn inverse_of(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_different_public_and_lead_back() {
        for peer in (0..1_000).chain([99_999, 1 << 20, (1 << 28) - 1]) {
            assert_eq!(peer_at(address_of(peer), 1 << 28), Some(peer));
            assert_eq!(peer_at(address_of(peer), peer), None);
        }
        assert_eq!(peer_at("10.0.0.1:6001".parse().unwrap(), 1 << 28), None);
        assert_eq!(peer_at("[::1]:6001".parse().unwrap(), 1 << 28), None);
    }

    #[test]
    fn a_clock_that_drifts_shows_the_time_that_it_should_and_never_goes_back() {
        let mut clock = Clock::default();
        clock.drift(10_000_000, 50_000);
        assert_eq!(clock.read(10_000_000).as_micros(), 10_000_000);
        assert_eq!(clock.read(11_000_000).as_micros(), 11_050_000);
        clock.drift(11_000_000, -50_000);
        assert_eq!(clock.read(12_000_000).as_micros(), 12_000_000);
        for local in (11_050_001..11_060_000).map(Instant::from_micros) {
            let when = clock.when(local);
            assert!(clock.read(when) >= local && clock.read(when - 1) < local, "{local}");
        }
    }
}

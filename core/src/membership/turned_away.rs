//! Newcomers that found no room here: they have some, most likely (PROTOCOL.md, section 11, No room is said first).

use crate::address::{Scope, holder, network, scope};
use crate::limits::{TURNED_AWAY_MAX, TURNED_AWAY_OF_NETWORK, TURNED_AWAY_TIME};
use crate::time::Instant;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Capacity: [`TURNED_AWAY_MAX`]; when it is full, the one who has waited the longest goes. Lifetime:
/// [`TURNED_AWAY_TIME`]. Coming costs nothing, so a public IP has one place, and a public network
/// [`TURNED_AWAY_OF_NETWORK`].
#[derive(Clone, Debug, Default)]
pub(super) struct TurnedAway {
    /// Until when each is remembered, in this order.
    those: VecDeque<(SocketAddr, Instant)>,
}

impl TurnedAway {
    /// This one was turned away now.
    pub(super) fn insert(&mut self, now: Instant, address: SocketAddr) {
        self.expire(now);
        let is_public = scope(address.ip()) == Scope::Global;
        self.those.retain(|(other, _)| *other != address && !(is_public && holder(other.ip()) == holder(address.ip())));
        let its = network(address.ip());
        let of_network = |(other, _): &(SocketAddr, Instant)| its.is_some() && network(other.ip()) == its;
        if self.those.iter().filter(|one| of_network(one)).count() >= TURNED_AWAY_OF_NETWORK
            && let Some(oldest) = self.those.iter().position(of_network)
        {
            self.those.remove(oldest);
        }
        if self.those.len() >= TURNED_AWAY_MAX {
            self.those.pop_front();
        }
        self.those.push_back((address, now.after(TURNED_AWAY_TIME)));
    }

    /// It has found room here.
    pub(super) fn remove(&mut self, address: &SocketAddr) {
        self.those.retain(|(other, _)| other != address);
    }

    /// Those who may still be looking, who came first first.
    pub(super) fn iter(&self, now: Instant) -> impl Iterator<Item = SocketAddr> {
        self.those.iter().filter(move |(_, until)| *until > now).map(|(address, _)| *address)
    }

    /// Forgets whoever has found room by now, and gives back what a crowd took.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.those.front().is_some_and(|(_, until)| *until <= now) {
            self.those.pop_front();
        }
        if self.those.is_empty() {
            self.those = VecDeque::new();
        }
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.those.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(seconds))
    }

    fn all(turned_away: &TurnedAway, now: Instant) -> Vec<String> {
        turned_away.iter(now).map(|address| address.to_string()).collect()
    }

    fn after_all(addresses: &[&str]) -> TurnedAway {
        let mut turned_away = TurnedAway::default();
        addresses.iter().for_each(|address| turned_away.insert(at(0), address.parse().unwrap()));
        turned_away
    }

    #[test]
    fn the_latest_few_are_remembered_each_once() {
        let mut turned_away = TurnedAway::default();
        for n in 0..20_u8 {
            turned_away.insert(at(0), ([90 + n, 1, 1, 1], 6_001).into());
        }
        assert_eq!(turned_away.len(), TURNED_AWAY_MAX);
        assert_eq!(all(&turned_away, at(0))[0], "94.1.1.1:6001", "who came first went first");
        turned_away.insert(at(0), "94.1.1.1:6001".parse().unwrap());
        assert_eq!(turned_away.len(), TURNED_AWAY_MAX);
        assert_eq!(all(&turned_away, at(0))[15], "94.1.1.1:6001", "the latest again");
        turned_away.remove(&"105.1.1.1:6001".parse().unwrap());
        assert_eq!(turned_away.len(), TURNED_AWAY_MAX - 1);
        assert!(!all(&turned_away, at(0)).contains(&"105.1.1.1:6001".to_owned()));
    }

    #[test]
    fn whoever_was_turned_away_a_minute_ago_has_found_room() {
        let mut turned_away = TurnedAway::default();
        turned_away.insert(at(0), "91.1.1.1:6001".parse().unwrap());
        turned_away.insert(at(30), "92.1.1.1:6001".parse().unwrap());
        assert_eq!(all(&turned_away, at(59)), ["91.1.1.1:6001", "92.1.1.1:6001"]);
        assert_eq!(all(&turned_away, at(60)), ["92.1.1.1:6001"]);
        turned_away.expire(at(60));
        assert_eq!(turned_away.len(), 1);
        turned_away.expire(at(90));
        assert_eq!((turned_away.len(), turned_away.those.capacity()), (0, 0));
    }

    #[test]
    fn one_public_ip_has_one_place_and_one_public_network_two() {
        let ports = after_all(&["91.1.1.1:1", "91.1.1.1:2", "92.1.1.1:1", "91.1.1.1:3"]);
        assert_eq!(all(&ports, at(0)), ["92.1.1.1:1", "91.1.1.1:3"]);
        let v6 = after_all(&["[2a00:1:2:3::1]:1", "[2a00:1:2:3::2]:1", "[2a00:1:2:4::1]:1"]);
        assert_eq!(all(&v6, at(0)), ["[2a00:1:2:3::2]:1", "[2a00:1:2:4::1]:1"]);
        let network = after_all(&["91.1.1.1:1", "92.1.1.1:1", "91.1.1.2:1", "91.1.1.3:1"]);
        assert_eq!(all(&network, at(0)), ["92.1.1.1:1", "91.1.1.2:1", "91.1.1.3:1"]);
        let private = after_all(&["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "10.0.0.3:1"]);
        assert_eq!(private.len(), 4, "laboratories are exempt");
    }
}

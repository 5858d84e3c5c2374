//! A map from addresses: there are several in each node, and nearly all addresses are of one family.

use super::sorted::SortedMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// IP and port in eight bytes, in their order.
type V4 = (u32, u16);
/// IP and port in their order.
type V6 = ([u8; 16], [u8; 2]);

/// A sorted map for each family, so that an IPv4 address takes no more than it needs: IPv4 ones come first, then by IP
/// and port. Canonical addresses only. Capacity: the owner's business.
#[derive(Clone, Debug)]
pub(crate) struct AddressMap<V> {
    v4: SortedMap<V4, V>,
    v6: SortedMap<V6, V>,
}

/// An address as a key of one of the two.
enum Key {
    V4(V4),
    V6(V6),
}

fn key(address: &SocketAddr) -> Key {
    match address {
        SocketAddr::V4(v4) => Key::V4(((*v4.ip()).into(), v4.port())),
        SocketAddr::V6(v6) => Key::V6((v6.ip().octets(), v6.port().to_be_bytes())),
    }
}

impl<V> AddressMap<V> {
    pub(crate) const fn new() -> Self {
        Self { v4: SortedMap::new(), v6: SortedMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.v4.len().saturating_add(self.v6.len())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketAddr, &V)> {
        let v4 = self.v4.iter().map(|((ip, port), value)| (SocketAddr::new(Ipv4Addr::from(*ip).into(), *port), value));
        let v6 = self
            .v6
            .iter()
            .map(|((ip, port), value)| (SocketAddr::new(Ipv6Addr::from(*ip).into(), u16::from_be_bytes(*port)), value));
        v4.chain(v6)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.v4.values().chain(self.v6.values())
    }

    /// Keeps the entries for which the test holds.
    pub(crate) fn retain(&mut self, mut test: impl FnMut(&mut V) -> bool) {
        self.v4.retain(|_, value| test(value));
        self.v6.retain(|_, value| test(value));
    }

    /// Would another address like this one take more memory?
    pub(crate) fn is_at_capacity(&self, address: &SocketAddr) -> bool {
        if address.is_ipv4() { self.v4.is_at_capacity() } else { self.v6.is_at_capacity() }
    }

    pub(crate) fn get(&self, address: &SocketAddr) -> Option<&V> {
        match key(address) {
            Key::V4(key) => self.v4.get(&key),
            Key::V6(key) => self.v6.get(&key),
        }
    }

    pub(crate) fn get_mut(&mut self, address: &SocketAddr) -> Option<&mut V> {
        match key(address) {
            Key::V4(key) => self.v4.get_mut(&key),
            Key::V6(key) => self.v6.get_mut(&key),
        }
    }

    /// Sets an address's value.
    pub(crate) fn insert(&mut self, address: SocketAddr, value: V) {
        match key(&address) {
            Key::V4(key) => self.v4.insert(key, value),
            Key::V6(key) => self.v6.insert(key, value),
        };
    }

    pub(crate) fn remove(&mut self, address: &SocketAddr) -> Option<V> {
        match key(address) {
            Key::V4(key) => self.v4.remove(&key),
            Key::V6(key) => self.v6.remove(&key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_are_found_and_come_in_the_order_of_addresses() {
        let texts = ["[2001:db8::1]:256", "1.2.3.4:10", "[::1]:7", "200.0.0.1:1", "1.2.3.4:9", "[2001:db8::1]:255"];
        let addresses = texts.map(|text| text.parse::<SocketAddr>().unwrap());
        let mut map = AddressMap::new();
        for (n, address) in addresses.iter().enumerate() {
            assert_eq!(map.get(address), None);
            map.insert(*address, n);
            map.insert(*address, n);
        }
        assert!(addresses.iter().enumerate().all(|(n, address)| map.get(address) == Some(&n)));
        let listed: Vec<SocketAddr> = map.iter().map(|(address, _)| address).collect();
        assert!(listed.is_sorted() && listed.len() == map.len() && map.len() == 6, "{listed:?}");
        map.retain(|n| *n % 2 == 0);
        assert_eq!((map.len(), map.remove(&addresses[0]), map.remove(&addresses[1])), (3, Some(0), None));
    }

    #[test]
    fn each_family_has_its_own_room() {
        let [v4, v6] = ["10.0.0.1:1", "[::1]:1"].map(|text| text.parse::<SocketAddr>().unwrap());
        let mut map = AddressMap::new();
        assert!(map.is_at_capacity(&v4) && map.is_at_capacity(&v6), "nothing is allocated");
        map.insert(v4, ());
        assert!(!map.is_at_capacity(&v4) && map.is_at_capacity(&v6));
        (2..=4).for_each(|port| map.insert(SocketAddr::new(v4.ip(), port), ()));
        assert!(map.is_at_capacity(&v4));
    }

    #[test]
    fn an_ipv4_address_takes_eight_bytes() {
        assert_eq!(size_of::<(V4, crate::time::Instant)>(), 16);
    }
}

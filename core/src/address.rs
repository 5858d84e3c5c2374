//! Which addresses can be dialed, and who may be told of them (PROTOCOL.md, sections 3 and 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How far an address reaches. One of a scope is of no use, or of another's business, outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// This host.
    Loopback,
    /// This wire.
    LinkLocal,
    /// This organisation's network.
    Private,
    /// Everywhere.
    Global,
}

/// The scope of an IP.
pub(crate) fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(v4) if v4.is_loopback() => Scope::Loopback,
        IpAddr::V4(v4) if v4.is_link_local() => Scope::LinkLocal,
        IpAddr::V4(v4) if v4.is_private() => Scope::Private,
        IpAddr::V6(v6) if v6.is_loopback() => Scope::Loopback,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Scope::LinkLocal,
        IpAddr::V6(v6) if v6.is_unique_local() => Scope::Private,
        IpAddr::V4(_) | IpAddr::V6(_) => Scope::Global,
    }
}

/// The network of an IP, as far as diversity goes: IPv4 addresses with the first 16 bits in common, IPv6 ones with the
/// first 32. None for loopback, link-local and private ones: there, all are neighbours.
pub(crate) fn network(ip: IpAddr) -> Option<(bool, [u8; 4])> {
    let ip = ip.to_canonical();
    let bits = match ip {
        IpAddr::V4(v4) => v4.octets().first_chunk().map(|[a, b]| [*a, *b, 0, 0]),
        IpAddr::V6(v6) => v6.octets().first_chunk().copied(),
    };
    bits.filter(|_| scope(ip) == Scope::Global).map(|bits| (ip.is_ipv6(), bits))
}

/// The one way in which this program writes an address: an IPv4-mapped IPv6 address is the IPv4 one, and flow and
/// scope numbers are gone.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An address as tables keep it: in 20 bytes instead of 32, in the same order, quickly compared. Canonical ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Compact {
    V4(u32, u16),
    V6([u8; 16], [u8; 2]),
}

impl From<SocketAddr> for Compact {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::V4((*v4.ip()).into(), v4.port()),
            SocketAddr::V6(v6) => Self::V6(v6.ip().octets(), v6.port().to_be_bytes()),
        }
    }
}

impl From<Compact> for SocketAddr {
    fn from(compact: Compact) -> Self {
        match compact {
            Compact::V4(ip, port) => Self::new(Ipv4Addr::from(ip).into(), port),
            Compact::V6(ip, port) => Self::new(Ipv6Addr::from(ip).into(), u16::from_be_bytes(port)),
        }
    }
}

/// Could somebody listen there? Not if unspecified, port 0, multicast or broadcast.
pub(crate) fn is_usable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    let broadcast = matches!(ip, IpAddr::V4(Ipv4Addr::BROADCAST));
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

/// Where a peer that says `claimed` on a connection from `source` really listens: nobody can lend us a third party's
/// IP (section 3). Any loopback address matches any other.
pub(crate) fn vouched(claimed: SocketAddr, source: IpAddr, check_source_ip: bool) -> SocketAddr {
    let claimed = canonical(claimed);
    let source = source.to_canonical();
    let same = claimed.ip() == source || (claimed.ip().is_loopback() && source.is_loopback());
    let keep = same || (!check_source_ip && !claimed.ip().is_unspecified());
    if keep { claimed } else { SocketAddr::new(source, claimed.port()) }
}

/// What one subscriber has for the price of one address: a public IPv6 address is any of its /64 network.
pub(crate) fn holder(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if scope(ip) == Scope::Global => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        _ => ip,
    }
}

/// A [`holder`] as an address that stands for all of its ports: nobody listens at port 0.
pub(crate) fn of_holder(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(holder(ip), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_16_bits_of_public_ipv4_and_32_of_public_ipv6() {
        let of = |ip: &str| network(ip.parse().unwrap());
        assert_eq!(of("91.2.3.4"), of("91.2.200.1"));
        assert_eq!(of("91.2.3.4"), of("::ffff:91.2.9.9"));
        assert_ne!(of("91.2.3.4"), of("91.3.3.4"));
        assert_eq!(of("2a00:1:2::3"), of("2a00:1:ffff::"));
        assert_ne!(of("2a00:1:2::3"), of("2a00:2:2::3"));
        for exempt in ["127.0.0.1", "10.1.1.1", "192.168.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"] {
            assert_eq!(of(exempt), None, "{exempt}");
        }
    }

    #[test]
    fn a_public_ipv6_address_stands_for_its_64_bits_and_any_other_for_itself() {
        let of = |ip: &str| holder(ip.parse().unwrap()).to_string();
        assert_eq!(of("2a00:1:2:3:4:5:6:7"), "2a00:1:2:3::");
        assert_eq!(of("2a00:1:2:3::"), "2a00:1:2:3::");
        for itself in ["91.2.3.4", "10.0.0.1", "127.0.0.1", "::1", "fd00::1:2:3:4", "fe80::1:2:3:4"] {
            assert_eq!(of(itself), itself);
        }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn unusable_addresses_are_unspecified_port_0_multicast_and_broadcast() {
        for text in ["0.0.0.0:1", "1.2.3.4:0", "224.0.0.1:1", "255.255.255.255:1", "[::]:1", "[ff02::1]:1", "[::1]:0"] {
            assert!(!is_usable(&address(text)), "{text}");
        }
        for text in ["127.0.0.1:1", "10.0.0.1:65535", "8.8.8.8:1", "[::1]:1", "[2001:db8::1]:6001"] {
            assert!(is_usable(&address(text)), "{text}");
        }
    }

    #[test]
    fn a_compact_address_leads_back_and_keeps_the_order() {
        assert_eq!(size_of::<Compact>(), 20);
        let texts = [
            "1.2.3.4:9",
            "1.2.3.4:10",
            "1.2.4.0:1",
            "200.0.0.1:1",
            "[::1]:7",
            "[2001:db8::1]:255",
            "[2001:db8::1]:256",
        ];
        let addresses = texts.map(address);
        assert!(addresses.is_sorted() && addresses.map(Compact::from).is_sorted());
        assert_eq!(addresses.map(|address| SocketAddr::from(Compact::from(address))), addresses);
    }

    #[test]
    fn scopes() {
        for (text, expected) in [
            ("127.9.9.9", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("169.254.1.1", Scope::LinkLocal),
            ("fe80::1", Scope::LinkLocal),
            ("10.1.1.1", Scope::Private),
            ("172.16.0.1", Scope::Private),
            ("192.168.0.1", Scope::Private),
            ("fd00::1", Scope::Private),
            ("8.8.8.8", Scope::Global),
            ("2001:db8::1", Scope::Global),
        ] {
            assert_eq!(scope(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_third_partys_ip_is_replaced_by_the_source_ip() {
        let source: IpAddr = "10.0.0.7".parse().unwrap();
        assert_eq!(vouched(address("10.0.0.7:6001"), source, true), address("10.0.0.7:6001"));
        assert_eq!(vouched(address("8.8.8.8:6001"), source, true), address("10.0.0.7:6001"));
        assert_eq!(vouched(address("0.0.0.0:6001"), source, true), address("10.0.0.7:6001"));
        assert_eq!(vouched(address("8.8.8.8:6001"), source, false), address("8.8.8.8:6001"));
        assert_eq!(vouched(address("0.0.0.0:6001"), source, false), address("10.0.0.7:6001"));
    }

    #[test]
    fn any_loopback_address_matches_any_other_and_mapped_ipv4_is_ipv4() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(vouched(address("127.0.0.2:6001"), loopback, true), address("127.0.0.2:6001"));
        let elsewhere: IpAddr = "10.0.0.7".parse().unwrap();
        assert_eq!(vouched(address("127.0.0.1:6001"), elsewhere, true), address("10.0.0.7:6001"), "not from elsewhere");
        assert_eq!(vouched(address("10.0.0.7:6001"), loopback, true), address("127.0.0.1:6001"));
        let mapped: IpAddr = "::ffff:10.0.0.7".parse().unwrap();
        assert_eq!(vouched(address("10.0.0.7:6001"), mapped, true), address("10.0.0.7:6001"));
        assert_eq!(canonical(address("[::ffff:10.0.0.7]:5")), address("10.0.0.7:5"));
    }
}

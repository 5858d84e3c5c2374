//! Where adversaries, victims and nobody are: outside the range of peers' addresses.

use super::Crew;
use crate::rng::Rng;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The first adversary's hosts are in 48.0.0.0/8, the next one's in 49.0.0.0/8, and so on.
const FIRST: u8 = 48;
/// Somebody who has no part in this.
const VICTIM: Ipv4Addr = Ipv4Addr::new(80, 0, 0, 1);
/// Nobody is in this /8.
const DEAD: u8 = 96;

/// Whose address it is, if no peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The host with this number of this adversary.
    Attacker(u16, u32),
    /// The victim's.
    Victim,
    /// Nobody's: no answer ever comes from there.
    Nobody,
}

/// Whose this address is, by the crews of the scenario.
pub fn whose<'c>(address: SocketAddr, crews: impl ExactSizeIterator<Item = &'c Crew>) -> Option<Whose> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let [first, network, high, low] = ip.octets();
    if ip == VICTIM {
        return Some(Whose::Victim);
    }
    if first == DEAD {
        return Some(Whose::Nobody);
    }
    let number = first.checked_sub(FIRST)?;
    let crew = crews.into_iter().nth(number.into())?;
    let within = u32::from(u16::from_be_bytes([high, low])).checked_sub(1)?;
    let host = within * crew.plan().networks + u32::from(network);
    (u32::from(network) < crew.plan().networks && host < crew.plan().hosts)
        .then_some(Whose::Attacker(u16::from(number), host))
}

/// The IP of a host of the adversary with this number.
pub(super) fn of_host(number: u16, networks: u32, host: u32) -> IpAddr {
    let first = FIRST + u8::try_from(number).unwrap_or(0);
    let network = u8::try_from(host % networks).unwrap_or(0);
    let [high, low] = u16::try_from(host / networks + 1).unwrap_or(1).to_be_bytes();
    Ipv4Addr::new(first, network, high, low).into()
}

/// Any port of the victim.
pub(super) fn of_victim(rng: &mut Rng) -> SocketAddr {
    SocketAddr::new(VICTIM.into(), port(rng))
}

/// An address from which no answer comes.
pub(super) fn of_nobody(rng: &mut Rng) -> SocketAddr {
    let [a, b, c, ..] = rng.bits().to_be_bytes();
    SocketAddr::new(Ipv4Addr::new(DEAD, a, b, c).into(), port(rng))
}

/// A port that anybody may listen on.
pub(super) fn port(rng: &mut Rng) -> u16 {
    u16::try_from(rng.between(1_024, 65_535)).unwrap_or(1_024)
}

//! What an operator decides (PROTOCOL.md, section 9). The ini file's reader makes one of these; embedders make their
//! own with [`Settings::new`] and change what they like.

use crate::pow::Target;
use crate::time::Duration;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// At most one address a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The IPv4 one.
    pub v4: Option<SocketAddrV4>,
    /// The IPv6 one.
    pub v6: Option<SocketAddrV6>,
}

impl Addresses {
    /// Just this one.
    pub fn of(address: SocketAddr) -> Self {
        let mut addresses = Self::default();
        addresses.set(address);
        addresses
    }

    /// Sets the address of its family.
    pub fn set(&mut self, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => self.v4 = Some(v4),
            SocketAddr::V6(v6) => self.v6 = Some(v6),
        }
    }

    /// The address of the family that `other` has.
    pub fn same_family_as(&self, other: &SocketAddr) -> Option<SocketAddr> {
        match other {
            SocketAddr::V4(_) => self.v4.map(SocketAddr::V4),
            SocketAddr::V6(_) => self.v6.map(SocketAddr::V6),
        }
    }

    /// Those there are, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let (v4, v6) = (self.v4.map(SocketAddr::V4), self.v6.map(SocketAddr::V6));
        v4.into_iter().chain(v6)
    }
}

/// Where a peer can be found: an address, or a name that is looked up whenever it is to be dialed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `IPv4:port` or `[IPv6]:port`.
    Address(SocketAddr),
    /// `name:port`.
    Name {
        /// The host's name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) if planted!(BracketsForgotten) => write!(f, "{}:{}", address.ip(), address.port()),
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// Where a node is found: of each family the address that it listens at, and the one that it tells others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnAddresses {
    /// `p2p_address`.
    pub listens: Addresses,
    /// `advertised_address`.
    pub advertised: Addresses,
}

impl OwnAddresses {
    /// What HELLO says to a peer of `other`'s family; none if this node does not listen in that family.
    pub(crate) fn told_to(&self, other: &SocketAddr) -> Option<SocketAddr> {
        self.advertised.same_family_as(other).or_else(|| self.listens.same_family_as(other))
    }

    /// Those of both kinds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.listens.iter().chain(self.advertised.iter())
    }
}

/// How valid messages go on (sections 5 and 13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spreading {
    /// In full to `degree` neighbours.
    #[default]
    Push,
    /// In full to neighbours that are there for it, in offers to the others, where both can do that.
    Tree,
}

/// Everything that an operator decides about the protocol. Each field is the ini key of its name in `[gossip]`;
/// [`limits::check`](crate::limits::check) says which values go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many valid messages the knowledge base holds, and how many are held for neighbours that come later.
    pub cache_size: u32,
    /// To how many neighbours a message is spread.
    pub degree: u32,
    /// `p2p_address`: where peers reach us; the real ports, after binding.
    pub p2p_address: Addresses,
    /// `advertised_address`: what HELLO says; per family, else `p2p_address`.
    pub advertised_address: Addresses,
    /// `bootstrapper`: whom to dial with an empty view, in this order.
    pub bootstrapper: Vec<Endpoint>,
    /// How far a PUSH goes, hops.
    pub p2p_ttl: u16,
    /// Neighbours, at most.
    pub max_peers: u32,
    /// Neighbours that we chose ourselves, wanted.
    pub target_peers: u32,
    /// Neighbours in all, wanted.
    pub min_peers: u32,
    /// To how many neighbours a newcomer is made known.
    pub push_fanout: u32,
    /// Are others dialed than the bootstrappers?
    pub discovery: bool,
    /// Does an announcement vouch for itself when nobody else here could?
    pub announcer_vouches: bool,
    /// How long a message waits for its VALIDATION (`-v`).
    pub validation_timeout: Duration,
    /// For how long a message is remembered (`-s`).
    pub suppression_time: Duration,
    /// `pow_bits` and `pow_scheme`: the work asked of those who dial us, and done for those whom we dial.
    pub pow: Target,
    /// How many proofs of work others can make us do in a minute.
    pub pow_per_minute: u32,
    /// How long a dial may take.
    pub connect_timeout: Duration,
    /// How long HELLO, 506 after HELLO and 505 after 507 are waited for.
    pub hello_timeout: Duration,
    /// How long 507 is waited for.
    pub verification_timeout: Duration,
    /// A neighbour silent for so long gets a PING.
    pub ping_interval: Duration,
    /// A neighbour silent for so long is closed.
    pub peer_timeout: Duration,
    /// For how long a misbehaving address is refused.
    pub ban_time: Duration,
    /// Messages remembered, at most.
    pub seen_max: u32,
    /// Messages waiting for VALIDATION, at most.
    pub pending_max: u32,
    /// Their bytes, at most; held and parked messages have as much again each.
    pub pending_bytes: u64,
    /// Bytes waiting for one module, at most.
    pub api_queue: u64,
    /// Bytes waiting for one neighbour, at most.
    pub peer_queue: u64,
    /// How long a module may leave its queue above its mark without draining a quarter of it.
    pub api_stall_timeout: Duration,
    /// The same for a neighbour.
    pub peer_stall_timeout: Duration,
    /// Accepted connections without proof of work, at most.
    pub unverified_max: u32,
    /// The same, for each source IP but loopback.
    pub unverified_per_ip: u32,
    /// Must HELLO's IP be the connection's?
    pub check_source_ip: bool,
    /// Newcomers whom we ask for a proof of work, or tell that there is no room, in a minute.
    pub handshakes_per_minute: u32,
    /// PEER REQUESTs of one neighbour answered in a minute.
    pub peer_requests_per_minute: u32,
    /// PUSHes of one neighbour followed in a minute.
    pub pushes_per_minute: u32,
    /// Look-ups, and newcomers without room, that are told addresses in a minute.
    pub look_ups_per_minute: u32,
    /// Bytes of frames that have come in part, of all connections together.
    pub partial_bytes: u64,
    /// How much of the view may be of one public network, in percent: the IPv4 addresses with the first 16 bits in
    /// common, the IPv6 ones with the first 32.
    pub subnet_share: u32,
    /// How often neighbours are offered what is new; see section 12.
    pub repair_interval: Duration,
    /// Bytes of type and data of the knowledge base, at most.
    pub cache_bytes: u64,
    /// Is a module that subscribes told what the knowledge base holds?
    pub replay: bool,
    /// How do valid messages go on?
    pub spreading: Spreading,
}

impl Settings {
    /// Section 9's defaults for what the operator must say: `cache_size`, `degree`, and where peers reach us.
    pub fn new(cache_size: u32, degree: u32, p2p_address: Addresses) -> Self {
        let max_peers = Self::max_peers_for(cache_size);
        Self {
            cache_size,
            degree,
            p2p_address,
            advertised_address: Addresses::default(),
            bootstrapper: Vec::new(),
            p2p_ttl: 5,
            max_peers,
            target_peers: Self::target_peers_for(max_peers),
            min_peers: Self::min_peers_for(degree, max_peers),
            push_fanout: 3,
            discovery: true,
            announcer_vouches: true,
            validation_timeout: Duration::from_secs(5),
            suppression_time: Duration::from_secs(60),
            pow: Target::ZeroBits(24),
            pow_per_minute: 60,
            connect_timeout: Duration::from_secs(5),
            hello_timeout: Self::hello_timeout_for(Target::ZeroBits(24)),
            verification_timeout: Self::verification_timeout_for(Target::ZeroBits(24)),
            ping_interval: Duration::from_secs(15),
            peer_timeout: Duration::from_secs(45),
            ban_time: Duration::from_secs(600),
            seen_max: 1_000_000,
            pending_max: 16_384,
            pending_bytes: 64 << 20,
            api_queue: 8 << 20,
            peer_queue: 8 << 20,
            api_stall_timeout: Duration::from_secs(30),
            peer_stall_timeout: Self::peer_stall_timeout_for(Target::ZeroBits(24)),
            unverified_max: 256,
            unverified_per_ip: 16,
            check_source_ip: true,
            handshakes_per_minute: 6_000,
            peer_requests_per_minute: 30,
            pushes_per_minute: 600,
            look_ups_per_minute: 6_000,
            partial_bytes: 16 << 20,
            subnet_share: 50,
            repair_interval: Duration::from_secs(1),
            cache_bytes: 16 << 20,
            replay: false,
            spreading: Spreading::Push,
        }
    }

    /// Takes over what a running node can change. Left as they are: addresses, bootstrappers, `discovery`, and what tables
    /// are sized by, messages wait or are remembered by, or neighbours were told (`max_peers`, `cache_size`,
    /// `validation_timeout`, `suppression_time`, `pow`, `spreading`); with another `max_peers` also `target_peers` and
    /// `min_peers`, which are parts of it. A lowered bound on what is held already is reached as that leaves.
    pub fn take_over(&mut self, new: &Self) {
        let parts = if new.max_peers == self.max_peers { new } else { &*self };
        *self = Self {
            cache_size: self.cache_size,
            p2p_address: self.p2p_address,
            advertised_address: self.advertised_address,
            bootstrapper: self.bootstrapper.clone(),
            max_peers: self.max_peers,
            target_peers: parts.target_peers,
            min_peers: parts.min_peers,
            discovery: self.discovery,
            validation_timeout: self.validation_timeout,
            suppression_time: self.suppression_time,
            pow: self.pow,
            spreading: self.spreading,
            ..new.clone()
        };
    }

    /// `max_peers` where the file has none: `cache_size` within 8..=64.
    pub const fn max_peers_for(cache_size: u32) -> u32 {
        match cache_size {
            0..=8 => 8,
            9..=63 => cache_size,
            _ => 64,
        }
    }

    /// `target_peers` where the file has none: a third of `max_peers`, at least 1.
    pub const fn target_peers_for(max_peers: u32) -> u32 {
        match max_peers / 3 {
            0 => 1,
            third => third,
        }
    }

    /// `min_peers` where the file has none: the smaller of `degree` and half of `max_peers`, at least 1.
    pub const fn min_peers_for(degree: u32, max_peers: u32) -> u32 {
        let half = max_peers / 2;
        let smaller = if degree < half { degree } else { half };
        if smaller == 0 { 1 } else { smaller }
    }

    /// `hello_timeout` where the file has none: 10 s, or 600 s among Gossip-5 nodes, which solve with their eyes shut.
    pub const fn hello_timeout_for(pow: Target) -> Duration {
        match pow {
            Target::ZeroBits(_) => Duration::from_secs(10),
            Target::AsciiZeros => Duration::from_secs(600),
        }
    }

    /// `verification_timeout` where the file has none: 60 s, or 600 s among Gossip-5 nodes.
    pub const fn verification_timeout_for(pow: Target) -> Duration {
        match pow {
            Target::ZeroBits(_) => Duration::from_secs(60),
            Target::AsciiZeros => Duration::from_secs(600),
        }
    }

    /// `peer_stall_timeout` where the file has none: 60 s, or 600 s among Gossip-5 nodes.
    pub const fn peer_stall_timeout_for(pow: Target) -> Duration {
        Self::verification_timeout_for(pow)
    }

    /// What HELLO says to a peer of `other`'s family: `advertised_address`, else `p2p_address`; none if this node
    /// does not listen in that family.
    pub fn own_address(&self, other: &SocketAddr) -> Option<SocketAddr> {
        self.own_addresses().told_to(other)
    }

    pub(crate) const fn own_addresses(&self) -> OwnAddresses {
        OwnAddresses { listens: self.p2p_address, advertised: self.advertised_address }
    }

    /// Are these the same but for what no two nodes have in common: addresses and bootstrappers?
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let (p2p_address, advertised_address) = (other.p2p_address, other.advertised_address);
        Self { p2p_address, advertised_address, bootstrapper: other.bootstrapper.clone(), ..self.clone() } == *other
    }

    /// How many neighbours may be of one public network: at least one.
    pub fn subnet_room(&self) -> u32 {
        let room = u64::from(self.max_peers).saturating_mul(u64::from(self.subnet_share)) / 100;
        u32::try_from(room).unwrap_or(u32::MAX).max(1)
    }

    /// How many neighbours that dialed us fit in the view: what `target_peers` and the spare leave (section 4).
    pub const fn inbound_room(&self) -> u32 {
        self.max_peers.saturating_sub(self.target_peers).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_other_keys_is_as_section_9_says() {
        let max_peers = [0, 8, 9, 50, 63, 64, 65, 100_000].map(Settings::max_peers_for);
        assert_eq!(max_peers, [8, 8, 9, 50, 63, 64, 64, 64], "cache_size within 8..=64");
        assert_eq!([1, 2, 3, 8, 50, 64].map(Settings::target_peers_for), [1, 1, 1, 2, 16, 21], "a third, at least 1");
        let min_peers = [(30, 50), (4, 50), (25, 50), (26, 50), (30, 8), (4, 1), (0, 50)];
        assert_eq!(
            min_peers.map(|(degree, max_peers)| Settings::min_peers_for(degree, max_peers)),
            [25, 4, 25, 25, 4, 1, 1],
            "the smaller of degree and half of max_peers, at least 1"
        );
        for (pow, hello, verification) in [(Target::ZeroBits(24), 10, 60), (Target::AsciiZeros, 600, 600)] {
            assert_eq!(Settings::hello_timeout_for(pow), Duration::from_secs(hello));
            assert_eq!(Settings::verification_timeout_for(pow), Duration::from_secs(verification));
            assert_eq!(Settings::peer_stall_timeout_for(pow), Duration::from_secs(verification));
        }
    }

    #[test]
    fn an_endpoint_is_written_as_it_is_configured() {
        let address = |text: &str| Endpoint::Address(text.parse().unwrap()).to_string();
        assert_eq!(address("10.0.0.1:6001"), "10.0.0.1:6001");
        assert_eq!(address("[fc00::1]:6001"), "[fc00::1]:6001");
        assert_eq!(Endpoint::Name { host: "peer.example".to_owned(), port: 7 }.to_string(), "peer.example:7");
    }
}

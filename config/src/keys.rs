//! The one table of the keys in `[gossip]`: reading, writing, checking and explaining them all go by it.

use gossip_core::time::Duration;
use gossip_core::{Settings, limits};
use std::ops::RangeInclusive;

/// What holds where the file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// The file must say it; this is an example.
    Required(&'static str),
    /// This value, as one would write it.
    Value(&'static str),
    /// Worked out from other keys.
    Derived(&'static str),
    /// Nothing; this is an example of a value.
    Nothing(&'static str),
}

/// One key of `[gossip]`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What holds without it.
    pub standard: Standard,
    /// One sentence.
    pub explanation: &'static str,
    pub(crate) kind: Kind,
}

/// What kind of value a key has, and where it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Count(fn(&mut Settings) -> &mut u32),
    Hops(fn(&mut Settings) -> &mut u16),
    Seconds(fn(&mut Settings) -> &mut Duration),
    Bytes(fn(&mut Settings) -> &mut u64),
    Switch(fn(&mut Settings) -> &mut bool),
    PowBits,
    PowScheme,
    Spreading,
    Listen,
    Advertised,
    Bootstrapper,
    Status,
    LogLevel,
    LogFile,
}

impl Key {
    /// The smallest and greatest value of a numeric key (seconds or bytes, where it is such).
    pub fn range(&self) -> Option<RangeInclusive<u64>> {
        limits::range(self.name).map(|(low, high)| low..=high)
    }

    /// Does it concern the protocol, for a simulated peer too? Addresses and logging are a daemon's own.
    pub fn is_protocol(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Listen | Kind::Advertised | Kind::Bootstrapper | Kind::Status | Kind::LogLevel | Kind::LogFile
        )
    }

    /// The values that it can have, in words: `1 to 1024`, `yes or no`.
    pub fn values(&self) -> String {
        let range = self.range().unwrap_or(0..=u64::MAX);
        match self.kind {
            Kind::Count(_) | Kind::Hops(_) | Kind::PowBits => format!("{} to {}", range.start(), range.end()),
            Kind::Seconds(_) => format!("{} to {} seconds", range.start(), range.end()),
            Kind::Bytes(_) => {
                let (low, high) = (crate::value::in_bytes(*range.start()), crate::value::in_bytes(*range.end()));
                format!("{low} to {high}; K, M and G stand for powers of 1024 bytes")
            }
            Kind::Switch(_) => "yes or no".to_owned(),
            Kind::PowScheme => POW_SCHEMES.join(" or "),
            Kind::Spreading => SPREADINGS.join(" or "),
            Kind::Listen | Kind::Advertised => "IPv4:port, [IPv6]:port or name:port".to_owned(),
            Kind::Bootstrapper => "IPv4:port, [IPv6]:port or name:port, several with commas".to_owned(),
            Kind::Status => crate::value::STATUS_FORMS.to_owned(),
            Kind::LogLevel => LOG_LEVELS.join(", "),
            Kind::LogFile => "a path".to_owned(),
        }
    }
}

/// The words of `pow_scheme`.
pub(crate) const POW_SCHEMES: &[&str] = &["zero-bits", "ascii-zeros"];
/// The words of `spreading`.
pub(crate) const SPREADINGS: &[&str] = &["push", "tree"];
/// The words of `log_level`, from nothing to everything, as `log::LevelFilter` counts them.
pub(crate) const LOG_LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Every key, in the order in which a person would want to read about them.
pub const KEYS: &[Key] = &[
    Key {
        name: "cache_size",
        standard: Standard::Required("50"),
        explanation: "How many messages are kept for neighbours that missed them; 0 turns this off.",
        kind: Kind::Count(|s| &mut s.cache_size),
    },
    Key {
        name: "degree",
        standard: Standard::Required("30"),
        explanation: "To how many neighbours, at most, a message is spread.",
        kind: Kind::Count(|s| &mut s.degree),
    },
    Key {
        name: "p2p_address",
        standard: Standard::Required("127.0.0.1:6001"),
        explanation: "Where peers connect to: one address, or an IPv4 and an IPv6 one with a comma between.",
        kind: Kind::Listen,
    },
    Key {
        name: "api_address",
        standard: Standard::Required("127.0.0.1:7001"),
        explanation: "Where the other modules of this host connect to.",
        kind: Kind::Listen,
    },
    Key {
        name: "bootstrapper",
        standard: Standard::Nothing("127.0.0.1:6011, [::1]:6021"),
        explanation: "Whom to call first, in this order; a node without waits to be called.",
        kind: Kind::Bootstrapper,
    },
    Key {
        name: "advertised_address",
        standard: Standard::Nothing("192.0.2.1:6001"),
        explanation: "Where peers are told to find this node, when that is not p2p_address (one address a family).",
        kind: Kind::Advertised,
    },
    Key {
        name: "max_peers",
        standard: Standard::Derived("cache_size within 8 to 64"),
        explanation: "How many neighbours there are at most.",
        kind: Kind::Count(|s| &mut s.max_peers),
    },
    Key {
        name: "target_peers",
        standard: Standard::Derived("a third of max_peers"),
        explanation: "How many neighbours this node chooses itself; below max_peers.",
        kind: Kind::Count(|s| &mut s.target_peers),
    },
    Key {
        name: "min_peers",
        standard: Standard::Derived("the smaller of degree and half of max_peers"),
        explanation: "With fewer neighbours than this, chosen by whomever, the node looks for more.",
        kind: Kind::Count(|s| &mut s.min_peers),
    },
    Key {
        name: "p2p_ttl",
        standard: Standard::Value("5"),
        explanation: "How many hops the news of a new peer travels.",
        kind: Kind::Hops(|s| &mut s.p2p_ttl),
    },
    Key {
        name: "push_fanout",
        standard: Standard::Value("3"),
        explanation: "To how many neighbours a new peer is made known.",
        kind: Kind::Count(|s| &mut s.push_fanout),
    },
    Key {
        name: "discovery",
        standard: Standard::Value("yes"),
        explanation: "With no, only the bootstrappers are dialed: for fixed topologies and tests.",
        kind: Kind::Switch(|s| &mut s.discovery),
    },
    Key {
        name: "announcer_vouches",
        standard: Standard::Value("yes"),
        explanation: "Is a message spread when its announcer is the only module here that could validate it?",
        kind: Kind::Switch(|s| &mut s.announcer_vouches),
    },
    Key {
        name: "spreading",
        standard: Standard::Value("push"),
        explanation: "With tree, neighbours that can are offered what others will have sent them: far fewer bytes, later.",
        kind: Kind::Spreading,
    },
    Key {
        name: "replay",
        standard: Standard::Value("no"),
        explanation: "Is a module that subscribes told what is kept of that type? Its answers to that count for nothing.",
        kind: Kind::Switch(|s| &mut s.replay),
    },
    Key {
        name: "repair_interval",
        standard: Standard::Value("1"),
        explanation: "How often neighbours are offered what they may have missed.",
        kind: Kind::Seconds(|s| &mut s.repair_interval),
    },
    Key {
        name: "cache_bytes",
        standard: Standard::Value("16M"),
        explanation: "How many bytes the messages that are kept (cache_size) have at most.",
        kind: Kind::Bytes(|s| &mut s.cache_bytes),
    },
    Key {
        name: "validation_timeout",
        standard: Standard::Value("5"),
        explanation: "How long a message waits for the modules' validation (-v on the command line).",
        kind: Kind::Seconds(|s| &mut s.validation_timeout),
    },
    Key {
        name: "suppression_time",
        standard: Standard::Value("60"),
        explanation: "How long a message is remembered, so that copies are dropped (-s); at least validation_timeout.",
        kind: Kind::Seconds(|s| &mut s.suppression_time),
    },
    Key {
        name: "pow_scheme",
        standard: Standard::Value("zero-bits"),
        explanation: "The form of the proof of work; ascii-zeros is the Gossip-5 program's, to live among its nodes.",
        kind: Kind::PowScheme,
    },
    Key {
        name: "pow_bits",
        standard: Standard::Value("24"),
        explanation: "How hard the proof of work is: each bit doubles it; the same in the whole network.",
        kind: Kind::PowBits,
    },
    Key {
        name: "pow_per_minute",
        standard: Standard::Value("60"),
        explanation: "How many proofs of work others can make this node do in a minute.",
        kind: Kind::Count(|s| &mut s.pow_per_minute),
    },
    Key {
        name: "check_source_ip",
        standard: Standard::Value("yes"),
        explanation: "Must a peer's address have the IP that its connection comes from? No for networks with NAT.",
        kind: Kind::Switch(|s| &mut s.check_source_ip),
    },
    Key {
        name: "connect_timeout",
        standard: Standard::Value("5"),
        explanation: "How long a dial may take.",
        kind: Kind::Seconds(|s| &mut s.connect_timeout),
    },
    Key {
        name: "hello_timeout",
        standard: Standard::Value("10"),
        explanation: "How long each step of a handshake but the proof of work may take; 600 with ascii-zeros.",
        kind: Kind::Seconds(|s| &mut s.hello_timeout),
    },
    Key {
        name: "verification_timeout",
        standard: Standard::Value("60"),
        explanation: "How long a newcomer's proof of work may take; 600 with ascii-zeros.",
        kind: Kind::Seconds(|s| &mut s.verification_timeout),
    },
    Key {
        name: "ping_interval",
        standard: Standard::Value("15"),
        explanation: "A neighbour silent for so long gets a PING.",
        kind: Kind::Seconds(|s| &mut s.ping_interval),
    },
    Key {
        name: "peer_timeout",
        standard: Standard::Value("45"),
        explanation: "A neighbour silent for so long is gone; more than ping_interval.",
        kind: Kind::Seconds(|s| &mut s.peer_timeout),
    },
    Key {
        name: "ban_time",
        standard: Standard::Value("600"),
        explanation: "For how long a peer that misbehaved is refused.",
        kind: Kind::Seconds(|s| &mut s.ban_time),
    },
    Key {
        name: "unverified_max",
        standard: Standard::Value("256"),
        explanation: "How many connections without proof of work are accepted at once.",
        kind: Kind::Count(|s| &mut s.unverified_max),
    },
    Key {
        name: "unverified_per_ip",
        standard: Standard::Value("16"),
        explanation: "The same for each source IP (loopback excepted); at most unverified_max.",
        kind: Kind::Count(|s| &mut s.unverified_per_ip),
    },
    Key {
        name: "handshakes_per_minute",
        standard: Standard::Value("6000"),
        explanation: "How many newcomers are answered in a minute; the others are closed at once.",
        kind: Kind::Count(|s| &mut s.handshakes_per_minute),
    },
    Key {
        name: "look_ups_per_minute",
        standard: Standard::Value("6000"),
        explanation: "How many strangers, and newcomers that find no room, are told addresses in a minute.",
        kind: Kind::Count(|s| &mut s.look_ups_per_minute),
    },
    Key {
        name: "peer_requests_per_minute",
        standard: Standard::Value("30"),
        explanation: "How many requests for addresses one neighbour may make in a minute.",
        kind: Kind::Count(|s| &mut s.peer_requests_per_minute),
    },
    Key {
        name: "pushes_per_minute",
        standard: Standard::Value("600"),
        explanation: "How many new peers one neighbour may make known in a minute.",
        kind: Kind::Count(|s| &mut s.pushes_per_minute),
    },
    Key {
        name: "subnet_share",
        standard: Standard::Value("50"),
        explanation: "How many percent of max_peers may be of one public /16 (IPv4) or /32 (IPv6).",
        kind: Kind::Count(|s| &mut s.subnet_share),
    },
    Key {
        name: "partial_bytes",
        standard: Standard::Value("16M"),
        explanation: "How many bytes of half-received frames all connections may have together.",
        kind: Kind::Bytes(|s| &mut s.partial_bytes),
    },
    Key {
        name: "seen_max",
        standard: Standard::Value("1000000"),
        explanation: "How many messages are remembered at most; when full, the oldest leave before suppression_time.",
        kind: Kind::Count(|s| &mut s.seen_max),
    },
    Key {
        name: "pending_max",
        standard: Standard::Value("16384"),
        explanation: "How many messages wait for validation at most.",
        kind: Kind::Count(|s| &mut s.pending_max),
    },
    Key {
        name: "pending_bytes",
        standard: Standard::Value("64M"),
        explanation: "How many bytes they have at most; held and parked messages have as much again each.",
        kind: Kind::Bytes(|s| &mut s.pending_bytes),
    },
    Key {
        name: "api_queue",
        standard: Standard::Value("8M"),
        explanation: "How many bytes wait for one module at most.",
        kind: Kind::Bytes(|s| &mut s.api_queue),
    },
    Key {
        name: "peer_queue",
        standard: Standard::Value("8M"),
        explanation: "How many bytes wait for one neighbour at most.",
        kind: Kind::Bytes(|s| &mut s.peer_queue),
    },
    Key {
        name: "api_stall_timeout",
        standard: Standard::Value("30"),
        explanation: "A module that leaves its queue full for so long is disconnected.",
        kind: Kind::Seconds(|s| &mut s.api_stall_timeout),
    },
    Key {
        name: "peer_stall_timeout",
        standard: Standard::Value("60"),
        explanation: "A neighbour that leaves its queue full for so long is disconnected; 600 with ascii-zeros.",
        kind: Kind::Seconds(|s| &mut s.peer_stall_timeout),
    },
    Key {
        name: "status_address",
        standard: Standard::Nothing("127.0.0.1:8001"),
        explanation: "Where this host, and nobody else, can look inside: a page for browsers, figures for programs.",
        kind: Kind::Status,
    },
    Key {
        name: "log_level",
        standard: Standard::Value("info"),
        explanation: "How much is logged.",
        kind: Kind::LogLevel,
    },
    Key {
        name: "log_file",
        standard: Standard::Nothing("gossip.log"),
        explanation: "A file to log to beside the terminal.",
        kind: Kind::LogFile,
    },
];

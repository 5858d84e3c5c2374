//! What a simulation is about: who is there, what they do, what goes wrong, and what is expected in the end.

mod adversary;
mod fault;
mod file;
mod measured;
mod sense;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use adversary::{ATTACKS, Adversary, Attack, Lure};
pub(crate) use fault::LEAVING;
pub use file::{KEYS, Key, MEASURES};
pub use measured::Measured;
pub use value::{show_bound, show_measured};

use crate::network;
use gossip_core::Settings;

/// Everything but the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The file's name.
    pub name: String,
    /// Peers in all, those that join later included.
    pub peers: u32,
    /// The first so many peers are bootstrappers; each peer knows eight of them at most.
    pub bootstrappers: u32,
    /// So many peers join at the start; the others when the timeline says so.
    pub joined: u32,
    /// The first joins are spread over so long, microseconds.
    pub join_over: u64,
    /// How long it takes, microseconds.
    pub duration: u64,
    /// SHA-256 a second of one peer: what the configured proof of work takes.
    pub hash_rate: u64,
    /// Bits of the proofs that are really solved and checked.
    pub real_pow_bits: u8,
    /// What all peers are configured with, but for their addresses. `pow` is what the time goes by.
    pub settings: Settings,
    /// Links.
    pub network: network::Config,
    /// Of all hosts, so many parts are in each region.
    pub regions: Vec<Region>,
    /// Who subscribes to what.
    pub modules: Vec<ModuleClass>,
    /// Who announces what.
    pub workloads: Vec<Workload>,
    /// What goes wrong, and when.
    pub timeline: Vec<Step>,
    /// Who attacks.
    pub adversaries: Vec<Adversary>,
    /// What must hold in the end.
    pub expectations: Vec<Expectation>,
}

/// A part of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its share of the hosts, relative to the other regions'.
    pub share: u32,
}

/// Modules that are alike: one on each of some peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleClass {
    /// Its name.
    pub name: String,
    /// The data types it subscribes to.
    pub types: Vec<u16>,
    /// So many peers in a million have one.
    pub share_ppm: u32,
    /// What it says of what it is told.
    pub verdict: Verdict,
    /// After how long it says so, at least and at most, microseconds.
    pub delay: (u64, u64),
    /// Does it read what it is told?
    pub reads: bool,
}

/// What a module says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid, always.
    Yes,
    /// Invalid, always.
    No,
    /// Nothing.
    Never,
    /// Whether the message is one that its workload made valid.
    Content,
}

/// Announcements that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Of these data types, at random.
    pub types: Vec<u16>,
    /// One each so long, microseconds, at the start of each such span or at random (Poisson).
    pub every: u64,
    /// Poisson?
    pub random: bool,
    /// From this time on, microseconds.
    pub start: u64,
    /// Until this time.
    pub stop: u64,
    /// At most so many.
    pub count: u64,
    /// Bytes of data, at least and at most; at least [`MESSAGE_MIN`](crate::workload::MESSAGE_MIN).
    pub size: (u32, u32),
    /// Hops; 0 is no limit.
    pub ttl: u8,
    /// From this peer only; from any if `None`.
    pub from: Option<u32>,
    /// So many in a million are such that modules that look at the content refuse them.
    pub invalid_ppm: u32,
}

/// One thing that goes wrong, or right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in the file.
    pub name: String,
    /// When, microseconds.
    pub at: u64,
    /// What.
    pub fault: Fault,
    /// For how long, where that makes sense, microseconds; for ever if `None`.
    pub lasts: Option<u64>,
}

/// What can happen to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Peers fall into groups of these shares (ppm), which don't hear each other.
    Partition(Vec<u32>),
    /// What this share of the peers says is not heard by the others, which they hear.
    OneWay(Who),
    /// These processes end at once; back with nothing after `lasts`.
    Kill(Who),
    /// These hosts lose power; back with nothing after `lasts`.
    Vanish(Who),
    /// These shut down in good order; back with nothing after `lasts`.
    Leave(Who),
    /// These do nothing for a while, and then go on.
    Pause(Who),
    /// These take so long for each event, microseconds.
    Slow(Who, u64),
    /// So many links in a million go dead and nobody is told.
    Silence(u32),
    /// So many links in a million are reset.
    Reset(u32),
    /// The clocks of these run wrong by up to so many ppm, either way.
    Drift(Who, u32),
    /// The modules of these end, and come back five seconds later.
    Modules(Who),
    /// So many more peers join, within so many microseconds.
    Join(u32, u64),
    /// As long as this lasts, once every so many microseconds (on average) a random peer leaves by one of the three
    /// ways, and comes back after up to so many.
    Churn {
        /// Mean pause between two departures.
        every: u64,
        /// Longest absence.
        down: u64,
    },
}

/// Whom a fault hits: never a bootstrapper, unless the peer is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// So many in a million of those that run.
    Share(u32),
    /// So many.
    Count(u32),
    /// These.
    Peers(Vec<u32>),
}

/// What must hold in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What is measured.
    pub measure: Measure,
    /// How it compares.
    pub relation: Relation,
    /// With what, in the measure's unit.
    pub bound: u64,
}

/// What can be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Deliveries of those that should be, ppm.
    Delivery,
    /// Deliveries within ten seconds of those that should be, ppm.
    Prompt,
    /// Deliveries three seconds after the first link across a healed partition of those that should be, ppm.
    Healed,
    /// Of all deliveries to whoever subscribed, those that count, ppm.
    Counted,
    /// Median latency, microseconds.
    P50,
    /// 99th percentile of the latency, microseconds.
    P99,
    /// The longest latency, microseconds.
    Longest,
    /// Messages received a peer that got them, minus one, thousandths.
    Redundancy,
    /// The last delivery's hop.
    Hops,
    /// Pieces of the overlay.
    Pieces,
    /// The fewest neighbours that any peer has, counted up to min(`min_peers`, n - 1): that, or less.
    Neighbours,
    /// For so long nothing has happened but look-ups, microseconds.
    Rest,
    /// Frames of joining and finding for each handshake, thousandths.
    HandshakeFrames,
    /// Handshakes (proofs of work sent) for each start of a peer, thousandths.
    HandshakesPerJoin,
    /// Announcements made.
    Announcements,
    /// The most connects that one peer made to somebody who has no part in this.
    VictimConnects,
    /// Links among honest peers that broke.
    HonestLost,
}

/// How a measure compares with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At least.
    AtLeast,
    /// At most.
    AtMost,
    /// Exactly.
    Equal,
}

impl Scenario {
    /// So many peers that join within ten seconds, one module each, and nothing else: what a file's reader and tests
    /// start from.
    pub fn plain(peers: u32) -> Self {
        Self {
            name: "plain".to_owned(),
            peers,
            bootstrappers: 1,
            joined: peers,
            join_over: 10_000_000,
            duration: 60_000_000,
            hash_rate: 20_000_000,
            real_pow_bits: 4,
            settings: Settings::new(50, 30, gossip_core::Addresses::default()),
            network: network::Config {
                latency: network::Latency::Uniform(5_000, 80_000),
                jitter: 5_000,
                bandwidth: None,
                cut_ppm: 10_000,
                loss_ppm: 1_000,
                send_buffer: 256 << 10,
                lost_ppm: 0,
            },
            regions: Vec::new(),
            modules: vec![ModuleClass {
                name: "all".to_owned(),
                types: vec![1337],
                share_ppm: 1_000_000,
                verdict: Verdict::Content,
                delay: (0, 20_000),
                reads: true,
            }],
            workloads: Vec::new(),
            timeline: Vec::new(),
            adversaries: Vec::new(),
            expectations: Vec::new(),
        }
    }
}

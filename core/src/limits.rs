//! Every bound that is not a setting, in one place, and the relations between bounds.
//!
//! The relations among the built-in ones hold at compile time (the `const` block below); [`check`] holds configured
//! values to theirs at the start.

use crate::settings::Settings;
use crate::time::Duration;

/// The largest frame: its size field has 16 bits (section 1).
pub const FRAME_MAX: usize = 65_535;
/// A frame's header: size and type (section 1).
pub const FRAME_HEADER: usize = 4;
/// The most data that an ANNOUNCE can carry (section 1).
pub const ANNOUNCE_DATA_MAX: usize = 65_527;
/// The most data that crosses the network: a PEER NOTIFICATION's room (section 1).
pub const DATA_MAX: usize = 65_525;

/// Dials that may wait for their 506 at once (section 3).
pub const DIALS_MAX: usize = 8;
/// Connections that one neighbour may have, both read from (sections 3 and 10).
pub const CONNECTIONS_PER_NEIGHBOUR: usize = 2;
/// How long a PING that decides between two connections, or two instances, waits (section 3).
pub const ALIVE_CHECK: Duration = Duration::from_secs(5);

/// Addresses that may become neighbours (section 4).
pub const CANDIDATES_MAX: usize = 512;

/// How many of them there may be: four times `max_peers`, at most [`CANDIDATES_MAX`].
pub const fn candidates_max(max_peers: u32) -> usize {
    let four_views = (max_peers as usize).saturating_mul(4);
    if four_views < CANDIDATES_MAX { four_views } else { CANDIDATES_MAX }
}

/// Dials of one candidate that may fail before it is forgotten (section 4).
pub const CANDIDATE_FAILURES_MAX: u8 = 3;
/// The shortest and longest wait before a candidate is dialed: spreads the load of a flash crowd.
pub const DIAL_DELAY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// The shortest and longest pause between PEER REQUESTs that bring nothing new (section 4).
pub const PEER_REQUEST_PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// The shortest pause between PEER REQUESTs, whatever happens: within the rate of one neighbour.
pub const PEER_REQUEST_PAUSE_MIN: Duration = Duration::from_millis(2_500);
/// The shortest and longest pause between redials of a lost neighbour or bootstrapper (section 4).
pub const REDIAL_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// For how long a lost neighbour is redialed (section 4).
pub const LOST_TIME: Duration = Duration::from_secs(3_600);
/// Connected for so long, a neighbour's redial pause falls back to the shortest (section 4).
pub const SETTLED_TIME: Duration = Duration::from_secs(600);
/// For how long an address that evicted or refused us is not dialed, and one that we evicted displaces nobody
/// (section 4).
pub const REFUSED_TIME: Duration = Duration::from_secs(60);
/// For how long an address is not dialed that closed twice right after our proof of work (section 2).
pub const PARKED_TIME: Duration = Duration::from_secs(600);
/// Addresses remembered as refused, evicted, parked or reached, each at most.
pub const ADDRESS_MEMORY_MAX: usize = 1_024;
/// After so many refusals in a row a node with fewer than `min_peers` neighbours asks others to make room for it
/// (section 11).
pub const REFUSALS_BEFORE_URGENT: u32 = 6;
/// A burst of answered look-ups is this part of `look_ups_per_minute`.
pub const LOOK_UPS_PART: u32 = 10;
/// A burst of answered newcomers is this part of `handshakes_per_minute`.
pub const NEWCOMERS_PART: u32 = 10;
/// Neighbours that newcomers may displace here, tokens a minute and burst: need is only claimed, and free to claim
/// (section 11).
pub const DISPLACEMENTS: (u32, u32) = (4, 4);
/// For how long no candidate with a public IP is dialed after a dial of one there failed, at whatever port: the pause
/// after a candidate's first failure (section 11).
pub const FAILURE_PAUSE: Duration = Duration::from_secs(10);
/// So many answered look-ups after a link was lost may find strangers (section 11).
pub const LOOK_UPS_AFTER_LOSS: u32 = 3;
/// Strangers dialed after one look-up, each named by the one before, which had no room (section 11).
pub const STRANGERS_PER_LOOK_UP: u32 = 8;
/// An inbound neighbour younger than this is never displaced by a capable newcomer (section 4).
pub const NEWCOMER_GRACE: Duration = Duration::from_secs(30);
/// For how long an address counts as reached, and how often one is probed (section 4).
pub const REACHED_TIME: Duration = Duration::from_secs(3_600);
/// Bare connects to check an address that may be under way at once.
pub const PROBES_MAX: usize = 4;
/// How often bootstrappers are looked up with a satisfied view, before jitter (section 4).
pub const LOOK_UP_PAUSE: Duration = Duration::from_secs(600);
/// Newcomers without room here that are told of to the next ones (section 11).
pub const TURNED_AWAY_MAX: usize = 16;
/// Those of them that may be in one public /16 (IPv4) or /32 (IPv6).
pub const TURNED_AWAY_OF_NETWORK: usize = 2;
/// For how long they are taken to be looking for room.
pub const TURNED_AWAY_TIME: Duration = Duration::from_secs(60);
/// PUSHed addresses remembered, so that each is followed once (section 4).
pub const PUSHED_MAX: usize = 4_096;
/// Addresses remembered for a while, all together: pushed, turned away, and five tables of the others.
pub const REMEMBERED_MAX: usize = PUSHED_MAX + TURNED_AWAY_MAX + 5 * ADDRESS_MEMORY_MAX;
/// Memory that is no longer needed is given back with a timer about so often.
pub const TIDY_PAUSE: Duration = Duration::from_secs(60);
/// Addresses in one PEER RESPONSE that are read (section 4: at most half of `max_peers` of them are kept).
pub const PEER_RESPONSE_MAX: usize = (FRAME_MAX - FRAME_HEADER) / 6;

/// PUSHes that we send to one neighbour, tokens a minute and burst, so that nobody honest is ever over the rate,
/// whatever crowd joins here.
pub const PUSHES_SENT: (u32, u32) = (480, 100);
/// The least `pushes_per_minute`: what honest peers send in a minute must never be over anybody's rate.
pub const PUSHES_MIN: u32 = 600;
/// Token buckets of one neighbour, tokens a minute and burst: PING answered.
pub const PINGS: (u32, u32) = (120, 20);
/// Repeated HELLOs that are challenged again on one established connection, tokens a minute and burst (section 3).
pub const RENEWALS: (u32, u32) = (6, 4);

/// Points within [`FAULT_WINDOW`] at which a peer is refused (section 7).
pub const FAULT_POINTS_MAX: u32 = 100;
/// See [`FAULT_POINTS_MAX`].
pub const FAULT_WINDOW: Duration = Duration::from_secs(600);
/// For how long a misbehaving bootstrapper is refused (section 7).
pub const BOOTSTRAPPER_BAN_TIME: Duration = Duration::from_secs(60);
/// Addresses with points, and addresses banned, each at most.
pub const FAULTY_MAX: usize = 4_096;

/// Timers that belong to no connection: dial, ask, look up, prove. A connection has one at most.
pub const TIMERS_OF_NODE: usize = 4;

/// API connections at once.
pub const API_CONNECTIONS_MAX: usize = 65_536;
/// Subscriptions of all modules together.
pub const SUBSCRIPTIONS_MAX: usize = 1 << 20;
/// Message ids that a module may leave unanswered before it is only a listener (section 5).
pub const TAKEN_IDS_MAX: usize = 32_768;
/// Ids taken on all modules together. One module may take at most as many as are still free, so that this many modules
/// and more may ignore their notifications without end.
pub const TAKEN_IDS_TOTAL_MAX: usize = 1 << 23;
/// Neighbours, present and gone, whose remembered messages and refusals are counted one by one.
pub const SOURCES_MAX: usize = 4_096;
/// Neighbours known, for one message that waits or is held, to have sent a copy or to have got it.
pub const PARTNERS_MAX: usize = 1_024;
/// Bytes of parked ANNOUNCEs of one module at which reading from it stops (section 5).
pub const PARKED_BYTES_PER_MODULE: usize = 1 << 20;
/// The greatest ttl that a later copy is taken to have (section 5, rule 5).
pub const RESPREAD_TTL_MAX: u8 = 32;
/// What a hop-unlimited announcement goes out with (section 5).
pub const UNLIMITED_TTL: u8 = 255;
/// A data type, and a source, may hold so many times as much of the waiting table as is still free (section 5,
/// Pressure): one alone four fifths of it, so that a burst of 10,000 messages finds room.
pub const SHARE_OF_FREE: u64 = 8;
/// Messages refused of one neighbour in a minute from which its share may shrink (section 7).
pub const REFUSALS_MIN: u32 = 50;
/// For how long its share stays shrunk (section 7).
pub const SHRUNK_TIME: Duration = Duration::from_secs(300);

/// Neighbours that take part in repair at once (section 12): a message has one bit for each.
pub const REPAIR_LINKS_MAX: usize = 64;
/// Entries of IHAVE and of IWANT, sent and read, at most (section 12).
pub const DIGESTS_PER_FRAME: usize = 512;
/// Types named in INTEREST at most; more are all (section 12).
pub const INTEREST_TYPES_MAX: usize = 256;
/// The shortest pause between two INTERESTs to everybody (section 12).
pub const INTEREST_PAUSE: Duration = Duration::from_secs(1);
/// Offers wait so long for others to go out with them, where they are not put off for longer (section 12).
pub const OFFER_DELAY: Duration = Duration::from_millis(20);
/// Digests offered to one neighbour, tokens a minute and burst (section 12).
pub const OFFERS_SENT: (u32, u32) = (60_000, 2_048);
/// Digests taken from one neighbour, likewise.
pub const OFFERS_TAKEN: (u32, u32) = (120_000, 8_192);
/// INTERESTs taken from one neighbour, likewise.
pub const INTERESTS: (u32, u32) = (120, 20);
/// Bytes of answers to one neighbour, a minute and burst (section 12).
pub const ANSWERS: (u32, u32) = (60 << 20, 1 << 20);
/// Bytes of answers to all neighbours, a minute and burst (section 12).
pub const ANSWERS_TOTAL: (u32, u32) = (240 << 20, 4 << 20);
/// A neighbour for which more answers wait is offered nothing (section 12).
pub const ANSWERS_WAITING_MAX: usize = 256;
/// What was asked of one neighbour and is remembered, at most (section 12).
pub const WANTS_PER_NEIGHBOUR: usize = 1_024;
/// Neighbours that offered what another one was asked for, remembered in their order (section 12).
pub const OTHER_OFFERERS_MAX: usize = 4;
/// How many are asked at once where one was silent (section 13).
pub const ASKED_AT_ONCE: usize = 4;
/// How long what was asked for is waited for, from the asking or the last that came (section 12).
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Offers in a row that led to nothing, from which it is a fault (section 12).
pub const EMPTY_OFFERS_MAX: u32 = 32;

/// What goes on with at least this ttl goes by the tree (section 13): without limit, for its first half of the hops.
pub const TREE_TTL_MIN: u8 = 128;
/// Data types for which links are pruned at most (section 13): as many as INTEREST can name.
pub const TREE_TYPES_MAX: usize = 256;
/// Messages fetched in a row from one neighbour, from which it is grafted (section 13).
pub const GRAFT_AFTER: u8 = 4;
/// Offers in place of a push wait so long for others to go out with them (section 13).
pub const TREE_OFFER_DELAY: Duration = Duration::from_millis(5);
/// How long an offered message is waited for while somebody may push it (section 13).
pub const TREE_WAIT: Duration = Duration::from_millis(100);
/// How long what was asked for in place of a push is waited for before the next is asked (section 13).
pub const TREE_PATIENCE: Duration = Duration::from_millis(400);
/// For how long the knowledge base must keep a message for it to be offered in place of a push: nearly all who want it ask
/// for it within that (section 13).
pub const TREE_KEPT: Duration = Duration::from_secs(1);
/// Younger than this a message that was fetched is passed on as one that was pushed (section 13).
pub const TREE_YOUNG: Duration = Duration::from_secs(3);
/// A copy that comes so long after the message was decided says nothing about its link (section 13).
pub const TREE_COPY_COUNTS: Duration = Duration::from_secs(2);
/// A link that was pruned and goes on pushing is pruned again when the last word is this old, or twice this (section 13).
pub const TREE_PRUNE_AGAIN: Duration = Duration::from_secs(2);
/// Messages that came and are remembered so that offers of them are no news, and for how long (section 13).
pub const TREE_RECENT_MAX: usize = 4_096;
/// See [`TREE_RECENT_MAX`]: longer than most modules take to decide.
pub const TREE_RECENT: Duration = Duration::from_secs(10);
/// What one offer that led to nothing costs in good answers (section 13).
pub const DOUBT: u32 = 8;
/// The most that can be owed so: trust can be won back within a minute of a busy network.
pub const DOUBT_MAX: u32 = 512;
/// Prunes and grafts sent to one neighbour, tokens a minute and burst (section 13).
pub const TURNS_SENT: (u32, u32) = (600, 600);
/// Prunes and grafts taken from one neighbour, likewise.
pub const TURNS_TAKEN: (u32, u32) = (1_200, 1_200);
/// Messages that a late subscriber is told, at most (section 12): a quarter of the ids that it may leave unanswered.
pub const REPLAY_MAX: usize = TAKEN_IDS_MAX / 4;

/// Bytes of one connection that are with the driver, unwritten, at most; the rest waits here, where it can still be
/// dropped when it grows stale.
pub const DRIVER_WINDOW: u64 = 256 << 10;
/// A queue above a half of its bound is above its mark (section 5).
pub const QUEUE_MARK_PART: u64 = 2;

const _: () = {
    assert!(DATA_MAX == FRAME_MAX - FRAME_HEADER - 6, "PEER NOTIFICATION has six bytes before its data");
    assert!(ANNOUNCE_DATA_MAX == FRAME_MAX - FRAME_HEADER - 4, "ANNOUNCE has four bytes before its data");
    assert!(TAKEN_IDS_TOTAL_MAX >= 2 * TAKEN_IDS_MAX, "one module must never take what all share");
    assert!(TAKEN_IDS_MAX < 65_536, "a free id must always be found below the bound");
    assert!(DRIVER_WINDOW >= 2 * FRAME_MAX as u64, "a connection must never wait for one frame alone");
    assert!(PARKED_BYTES_PER_MODULE >= 2 * FRAME_MAX, "one announcement must never fill the bound");
    assert!(REDIAL_PAUSE.0.as_micros() < REDIAL_PAUSE.1.as_micros());
    assert!(DIAL_DELAY.0.as_micros() < DIAL_DELAY.1.as_micros());
    assert!(PEER_REQUEST_PAUSE.0.as_micros() < PEER_REQUEST_PAUSE.1.as_micros());
    assert!(REFUSED_TIME.as_micros() >= NEWCOMER_GRACE.as_micros());
    assert!(PUSHES_SENT.0 + PUSHES_SENT.1 <= PUSHES_MIN, "a minute's PUSHes at once must be within the rate");
    assert!(DIGESTS_PER_FRAME * 10 <= FRAME_MAX - FRAME_HEADER, "a full IHAVE must fit into a frame");
    assert!(WANTS_PER_NEIGHBOUR >= 2 * DIGESTS_PER_FRAME, "what one IHAVE offers must find room");
    assert!(TURNS_SENT.0 + TURNS_SENT.1 <= TURNS_TAKEN.0, "a minute's prunes and grafts must be within the rate");
    assert!(TREE_TYPES_MAX <= TURNS_SENT.1 as usize, "all types can be pruned at once");
    assert!(OFFERS_SENT.0 + OFFERS_SENT.1 <= OFFERS_TAKEN.0, "a minute's offers must be within the rate");
    assert!(ANSWERS.1 as usize >= 2 * FRAME_MAX && ANSWERS_TOTAL.1 >= ANSWERS.1, "any message must be able to go out");
    assert!(CANDIDATES_MAX >= 64, "candidates must be able to replace a whole view");
};

/// Two or more settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The ini key to blame.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The smallest and the greatest value of each numeric key, as section 9 and common sense have them. Durations are in
/// seconds. The ini file's reader and [`check`] share this table.
pub const RANGES: &[(&str, u64, u64)] = &[
    ("cache_size", 0, 1_000_000),
    ("degree", 1, 1_024),
    ("p2p_ttl", 0, 65_535),
    ("max_peers", 2, 1_024),
    ("target_peers", 1, 1_023),
    ("min_peers", 1, 1_024),
    ("push_fanout", 0, 64),
    ("validation_timeout", 1, 86_400),
    ("suppression_time", 1, 86_400),
    ("pow_bits", 0, 64),
    ("pow_per_minute", 1, 60_000),
    ("connect_timeout", 1, 600),
    ("hello_timeout", 1, 86_400),
    ("verification_timeout", 1, 86_400),
    ("ping_interval", 1, 3_600),
    ("peer_timeout", 2, 86_400),
    ("ban_time", 1, 31_536_000),
    ("seen_max", 1_000, 100_000_000),
    ("pending_max", 16, 1_000_000),
    ("pending_bytes", 1 << 20, 1 << 40),
    ("api_queue", 1 << 18, 1 << 34),
    ("peer_queue", 1 << 18, 1 << 34),
    ("api_stall_timeout", 1, 3_600),
    ("peer_stall_timeout", 1, 86_400),
    ("unverified_max", 1, 65_536),
    ("unverified_per_ip", 1, 65_536),
    ("handshakes_per_minute", 60, 6_000_000),
    ("peer_requests_per_minute", 12, 60_000),
    ("pushes_per_minute", PUSHES_MIN as u64, 600_000),
    ("look_ups_per_minute", 60, 6_000_000),
    ("partial_bytes", 1 << 20, 1 << 34),
    ("subnet_share", 1, 100),
    ("repair_interval", 1, 3_600),
    ("cache_bytes", 1 << 20, 1 << 40),
];

/// The range of a numeric key in [`RANGES`].
pub fn range(key: &str) -> Option<(u64, u64)> {
    RANGES.iter().find(|(name, ..)| *name == key).map(|&(_, low, high)| (low, high))
}

/// What is wrong with these settings; nothing if they can be used.
pub fn check(s: &Settings) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let mut conflict = |key, message| conflicts.push(Conflict { key, message });
    for (key, value) in [
        ("cache_size", u64::from(s.cache_size)),
        ("degree", u64::from(s.degree)),
        ("max_peers", u64::from(s.max_peers)),
        ("target_peers", u64::from(s.target_peers)),
        ("min_peers", u64::from(s.min_peers)),
        ("push_fanout", u64::from(s.push_fanout)),
        ("validation_timeout", s.validation_timeout.as_secs()),
        ("suppression_time", s.suppression_time.as_secs()),
        ("pow_bits", u64::from(s.pow.bits())),
        ("pow_per_minute", u64::from(s.pow_per_minute)),
        ("connect_timeout", s.connect_timeout.as_secs()),
        ("hello_timeout", s.hello_timeout.as_secs()),
        ("verification_timeout", s.verification_timeout.as_secs()),
        ("ping_interval", s.ping_interval.as_secs()),
        ("peer_timeout", s.peer_timeout.as_secs()),
        ("ban_time", s.ban_time.as_secs()),
        ("seen_max", u64::from(s.seen_max)),
        ("pending_max", u64::from(s.pending_max)),
        ("pending_bytes", s.pending_bytes),
        ("api_queue", s.api_queue),
        ("peer_queue", s.peer_queue),
        ("api_stall_timeout", s.api_stall_timeout.as_secs()),
        ("peer_stall_timeout", s.peer_stall_timeout.as_secs()),
        ("unverified_max", u64::from(s.unverified_max)),
        ("unverified_per_ip", u64::from(s.unverified_per_ip)),
        ("handshakes_per_minute", u64::from(s.handshakes_per_minute)),
        ("peer_requests_per_minute", u64::from(s.peer_requests_per_minute)),
        ("pushes_per_minute", u64::from(s.pushes_per_minute)),
        ("look_ups_per_minute", u64::from(s.look_ups_per_minute)),
        ("partial_bytes", s.partial_bytes),
        ("subnet_share", u64::from(s.subnet_share)),
        ("repair_interval", s.repair_interval.as_secs()),
        ("cache_bytes", s.cache_bytes),
    ] {
        if let Some((low, high)) = range(key)
            && !(low..=high).contains(&value)
        {
            conflict(key, format!("{value} is out of range; {low} to {high} would be right"));
        }
    }
    if s.target_peers >= s.max_peers {
        let most = s.max_peers.saturating_sub(1);
        conflict(
            "target_peers",
            format!("{} leaves no room below max_peers = {}; at most {most}", s.target_peers, s.max_peers),
        );
    }
    if s.min_peers > s.max_peers {
        conflict("min_peers", format!("{} is more than max_peers = {}; at most that many", s.min_peers, s.max_peers));
    }
    if s.suppression_time < s.validation_timeout {
        conflict(
            "suppression_time",
            format!(
                "{} is shorter than validation_timeout (-v), {}; at least as long would be right",
                s.suppression_time, s.validation_timeout
            ),
        );
    }
    if s.peer_timeout <= s.ping_interval {
        conflict(
            "peer_timeout",
            format!(
                "{} leaves a PING no time to be answered; more than ping_interval, {}",
                s.peer_timeout, s.ping_interval
            ),
        );
    }
    if s.unverified_per_ip > s.unverified_max {
        conflict(
            "unverified_per_ip",
            format!("{} is more than unverified_max = {}; at most that many", s.unverified_per_ip, s.unverified_max),
        );
    }
    if !s.discovery && s.bootstrapper.len() > s.max_peers as usize {
        conflict(
            "bootstrapper",
            format!("{} of them, with discovery = no, are more than max_peers = {}", s.bootstrapper.len(), s.max_peers),
        );
    }
    if s.p2p_address.iter().next().is_none() {
        conflict("p2p_address", "is missing; IPv4:port or [IPv6]:port, or one of each".to_owned());
    }
    for address in s.advertised_address.iter() {
        if s.p2p_address.same_family_as(&address).is_none() {
            conflict("advertised_address", format!("{address} is of a family that p2p_address does not listen in"));
        }
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Addresses, Endpoint};

    fn sound() -> Settings {
        Settings::new(50, 4, Addresses::of("127.0.0.1:6001".parse().unwrap()))
    }

    fn blamed(settings: &Settings) -> Vec<&'static str> {
        check(settings).into_iter().map(|c| c.key).collect()
    }

    #[test]
    fn defaults_of_section_9_go_together_for_every_cache_size_and_degree() {
        for cache_size in [0, 1, 8, 9, 50, 64, 65, 100_000] {
            for degree in [1, 2, 4, 30, 1_024] {
                let settings = Settings::new(cache_size, degree, sound().p2p_address);
                assert_eq!(check(&settings), [], "cache_size {cache_size}, degree {degree}");
            }
        }
    }

    #[test]
    fn ranges_are_known_by_key_and_those_of_bytes_are_what_they_are_said_to_be() {
        let (kib, mib, gib) = (1_024, 1_048_576, 1_073_741_824);
        assert_eq!(range("pending_bytes"), Some((mib, 1_024 * gib)));
        assert_eq!(range("cache_bytes"), Some((mib, 1_024 * gib)));
        assert_eq!(range("partial_bytes"), Some((mib, 16 * gib)));
        assert_eq!(
            (range("api_queue"), range("peer_queue")),
            (Some((256 * kib, 16 * gib)), Some((256 * kib, 16 * gib)))
        );
        assert_eq!(range("bootstrapper"), None);
    }

    #[test]
    fn what_is_worked_out_from_other_bounds_is_what_it_is_said_to_be() {
        assert_eq!((SUBSCRIPTIONS_MAX, TAKEN_IDS_TOTAL_MAX), (1_048_576, 8_388_608));
        assert_eq!((ANSWERS, ANSWERS_TOTAL), ((62_914_560, 1_048_576), (251_658_240, 4_194_304)));
        assert_eq!((PARKED_BYTES_PER_MODULE, DRIVER_WINDOW), (1_048_576, 262_144));
        assert_eq!((PEER_RESPONSE_MAX, REPLAY_MAX), (10_921, 8_192));
    }

    #[test]
    fn each_relation_holds_up_to_its_very_bound() {
        type Stretch = fn(&mut Settings);
        let cases: &[Stretch] = &[
            |s| s.target_peers = s.max_peers - 1,
            |s| s.min_peers = s.max_peers,
            |s| s.suppression_time = s.validation_timeout,
            |s| s.peer_timeout = s.ping_interval.plus(Duration::from_secs(1)),
            |s| s.unverified_per_ip = s.unverified_max,
            |s| (s.discovery, s.bootstrapper) = (false, bootstrappers(s.max_peers)),
            |s| s.bootstrapper = bootstrappers(s.max_peers + 1),
        ];
        for (at, stretch) in cases.iter().enumerate() {
            let mut settings = sound();
            stretch(&mut settings);
            assert_eq!(check(&settings), [], "case {at}");
        }
    }

    fn bootstrappers(count: u32) -> Vec<Endpoint> {
        let port = |n: u32| u16::try_from(n + 1).unwrap();
        (0..count).map(|n| Endpoint::Name { host: "peer.example".to_owned(), port: port(n) }).collect()
    }

    #[test]
    fn each_relation_is_blamed_on_its_key() {
        type Spoil = fn(&mut Settings);
        let cases: &[(&str, Spoil)] = &[
            ("target_peers", |s| s.target_peers = s.max_peers),
            ("min_peers", |s| s.min_peers = s.max_peers + 1),
            ("suppression_time", |s| s.suppression_time = Duration::from_secs(4)),
            ("peer_timeout", |s| s.peer_timeout = s.ping_interval),
            ("unverified_per_ip", |s| s.unverified_per_ip = s.unverified_max + 1),
            ("p2p_address", |s| s.p2p_address = Addresses::default()),
            ("advertised_address", |s| s.advertised_address = Addresses::of("[::1]:1".parse().unwrap())),
            ("bootstrapper", |s| (s.discovery, s.bootstrapper) = (false, bootstrappers(s.max_peers + 1))),
            ("degree", |s| s.degree = 0),
            ("pending_max", |s| s.pending_max = 0),
        ];
        for (key, spoil) in cases {
            let mut settings = sound();
            spoil(&mut settings);
            assert!(blamed(&settings).contains(key), "{key} not blamed: {:?}", check(&settings));
        }
    }
}

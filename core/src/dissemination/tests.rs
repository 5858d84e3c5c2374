//! The rules of section 5 in virtual time, each test named after its rule.

use super::*;
use crate::limits::{REFUSALS_MIN, SHRUNK_TIME, TAKEN_IDS_MAX};
use crate::settings::Addresses;
use quickcheck::{Arbitrary, Gen};

const TYPE: u16 = 1337;

fn module(n: u64) -> ConnectionId {
    ConnectionId::accepted(n)
}

fn neighbours(n: u64) -> Vec<NeighbourId> {
    (0..n).map(NeighbourId).collect()
}

/// A node with its surroundings, driven step by step.
struct Node {
    now: Instant,
    settings: Settings,
    metrics: Metrics,
    messages: Dissemination,
    audience: Vec<ConnectionId>,
    neighbours: Vec<NeighbourId>,
    out: Delivery,
}

impl Node {
    /// One module subscribed, ten neighbours, degree 3.
    fn new() -> Self {
        let settings = Settings::new(50, 3, Addresses::of("127.0.0.1:6001".parse().unwrap()));
        let messages = Dissemination::new(&settings, [7; 32], Instant::ZERO);
        let (metrics, out) = (Metrics::default(), Delivery::default());
        let (audience, neighbours) = (vec![module(1)], neighbours(10));
        Self { now: Instant::ZERO, settings, metrics, messages, audience, neighbours, out }
    }

    fn arrive(&mut self, source: Source, id: u16, ttl: u8, data: &[u8]) {
        self.arrive_as(source, id, ttl, TYPE, data);
    }

    fn arrive_as(&mut self, source: Source, id: u16, ttl: u8, data_type: u16, data: &[u8]) {
        let around = Around { subscribers: Subscribers::of(&self.audience, source), audience: &self.audience };
        let arrival = Arrival { source, id, ttl, data_type, data, is_wanted: !self.audience.is_empty(), fetched: None };
        let (settings, metrics, neighbours) = (&self.settings, &mut self.metrics, &self.neighbours);
        self.messages.arrive(self.now, settings, metrics, arrival, neighbours, || around, &mut self.out);
    }

    fn peer_sends(&mut self, neighbour: u64, id: u16, ttl: u8, data: &[u8]) {
        self.arrive(Source::Neighbour(NeighbourId(neighbour)), id, ttl, data);
    }

    fn announce(&mut self, announcer: u64, ttl: u8, data: &[u8]) {
        self.arrive(Source::Module(module(announcer)), 0, ttl, data);
    }

    fn validate(&mut self, from: u64, id: u16, valid: bool) {
        let (settings, out) = (&self.settings, &mut self.out);
        self.messages.validate(self.now, settings, &mut self.metrics, module(from), id, valid, &self.neighbours, out);
    }

    fn close(&mut self, from: u64) {
        self.messages.module_closed(self.now, &mut self.metrics, module(from));
        self.audience.retain(|other| *other != module(from));
    }

    /// Lets time pass; every deadline on the way is kept.
    fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        while let Some(at) = self.messages.deadline()
            && at <= end
        {
            self.now = self.now.max(at);
            self.messages.expire(self.now, &self.settings, &mut self.metrics);
            assert!(self.messages.deadline() != Some(at), "the deadline at {at} stays");
        }
        self.now = end;
    }

    fn up(&mut self, neighbour: u64) -> Vec<Spread> {
        let mut out = Vec::new();
        self.messages.neighbour_up(self.now, &self.settings, NeighbourId(neighbour), &mut out);
        self.neighbours.push(NeighbourId(neighbour));
        out
    }

    /// The id under which modules were told.
    fn told(&self) -> Option<u16> {
        self.out.tell.as_ref().map(|(id, _)| *id)
    }

    fn spread_ttl(&self) -> Option<u8> {
        assert_eq!(self.out.spread.is_some(), !self.out.targets.is_empty());
        self.out.spread.as_ref().map(|spread| spread.ttl)
    }

    /// A message from neighbour 0 that is validated at once: the ttl with which it goes on.
    fn valid_from_peer(&mut self, id: u16, ttl: u8, data: &[u8]) -> Option<u8> {
        self.peer_sends(0, id, ttl, data);
        let told = self.told().unwrap();
        self.validate(1, told, true);
        self.spread_ttl()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn lists_of_senders_are_used_again_and_kept_as_long_as_anything_is_held() {
    let mut node = Node::new();
    (0..100).for_each(|id| node.peer_sends(0, id, 4, &id.to_be_bytes()));
    (0..100).for_each(|id| node.validate(1, id, false));
    assert_eq!((node.messages.waiting(), node.messages.spare.len()), (0, 100));
    node.peer_sends(0, 1_000, 4, b"x");
    assert_eq!(node.messages.spare.len(), 99, "one is used again");
    node.pass(Duration::from_secs(30));
    node.neighbours.clear();
    node.peer_sends(0, 2_000, 4, b"held");
    node.validate(1, 2_000, true);
    assert_eq!((node.messages.waiting(), node.messages.held()), (0, 1));
    // The memory is swept now, and something is held still.
    node.pass(Duration::from_secs(31));
    assert_eq!(node.messages.held(), 1);
    assert!(node.messages.spare.len() > 0);
    node.pass(Duration::from_secs(60));
    assert_eq!((node.messages.held(), node.messages.spare.capacity()), (0, 0), "with nothing held nothing is kept");
}

#[test]
fn what_a_driver_shares_is_kept_in_place_of_a_copy_if_it_is_what_came() {
    let mut node = Node::new();
    let shared = Payload::new(TYPE, b"x");
    let is_shared = |node: &Node| {
        let (_, told) = node.out.tell.as_ref().unwrap();
        assert_eq!((told.data_type(), told.data()), (TYPE, &b"x"[..]));
        std::ptr::eq(told.data(), shared.data())
    };
    node.messages.shared = Some(shared.clone());
    node.peer_sends(0, 1, 4, b"x");
    assert!(is_shared(&node));
    for other in [Payload::new(TYPE + 1, b"x"), Payload::new(TYPE, b"y"), Payload::new(TYPE, b"")] {
        node.messages.shared = Some(other);
        let id = u16::try_from(node.messages.seen()).unwrap() + 1;
        node.peer_sends(0, id, 4, b"x");
        assert!(!is_shared(&node));
    }
}

#[test]
fn two_senders_that_share_a_bit_are_both_remembered_as_senders() {
    let of = |ids: &[u64]| mask_of(&ids.iter().copied().map(NeighbourId).collect::<Vec<_>>());
    assert_eq!(of(&[]), 0);
    assert_eq!((of(&[3]), of(&[3, 35]), of(&[3, 35, 4])), (1 << 3, 1 << 3, 1 << 3 | 1 << 4));
}

#[test]
fn a_lowered_seen_max_is_reached_while_messages_keep_coming() {
    let mut node = Node::new();
    (0..100).for_each(|id| node.peer_sends(0, id, 4, &id.to_be_bytes()));
    (0..100).for_each(|id| node.validate(1, id, true));
    node.settings.seen_max = 50;
    (100..150).for_each(|id| {
        node.peer_sends(0, id, 4, &id.to_be_bytes());
        node.validate(1, id, true);
    });
    assert_eq!(node.messages.seen(), 50);
}

#[test]
fn rule_1_what_nobody_subscribes_to_is_dropped_and_not_remembered() {
    let mut node = Node::new();
    node.audience.clear();
    node.peer_sends(0, 5, 4, b"x");
    node.announce(9, 4, b"y");
    assert_eq!((node.told(), node.spread_ttl()), (None, None));
    assert_eq!((node.metrics.messages_unwanted, node.messages.seen(), node.messages.deadline()), (2, 0, None));
    node.audience.push(module(1));
    node.peer_sends(0, 5, 4, b"x");
    assert_eq!(node.told(), Some(5));
}

#[test]
fn rule_2_everyone_subscribed_is_told_once_under_one_id_with_type_and_data() {
    let mut node = Node::new();
    node.audience.push(module(2));
    node.announce(1, 4, b"hello");
    let (_, payload) = node.out.tell.clone().unwrap();
    assert_eq!((payload.data_type(), payload.data()), (TYPE, &b"hello"[..]));
    assert_eq!((node.messages.waiting(), node.messages.waiting_bytes(), node.spread_ttl()), (1, 7, None));
}

#[test]
fn rule_3_first_validation_decides_and_later_ones_are_ignored() {
    let mut node = Node::new();
    node.audience.push(module(2));
    node.peer_sends(0, 5, 4, b"x");
    node.validate(2, 5, true);
    assert_eq!((node.spread_ttl(), node.out.targets.len()), (Some(3), 3));
    assert_eq!(node.out.spread.as_ref().unwrap().id, 5);
    node.validate(1, 5, false);
    node.validate(2, 5, true);
    assert_eq!(node.spread_ttl(), None);
    assert_eq!((node.metrics.validations, node.metrics.validations_ignored), (1, 2));
    assert_eq!((node.metrics.messages_valid, node.metrics.messages_refused), (1, 0));
}

#[test]
fn rule_3_a_connection_that_was_not_told_decides_nothing() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    node.validate(2, 5, true);
    node.validate(1, 6, true);
    assert_eq!((node.spread_ttl(), node.metrics.validations_ignored, node.messages.waiting()), (None, 2, 1));
    node.validate(1, 5, true);
    assert_eq!(node.spread_ttl(), Some(3));
}

#[test]
fn rule_3_v_0_drops_and_counts() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    node.validate(1, 5, false);
    assert_eq!((node.spread_ttl(), node.metrics.messages_refused, node.messages.waiting()), (None, 1, 0));
    node.peer_sends(1, 5, 200, b"x");
    assert_eq!((node.told(), node.spread_ttl(), node.metrics.messages_duplicate), (None, None, 1));
}

#[test]
fn rule_3_no_word_within_validation_timeout_drops_at_that_very_time() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    assert_eq!(node.messages.deadline(), Some(node.now.after(node.settings.validation_timeout)));
    node.now = Instant::from_micros(4_999_999);
    node.peer_sends(0, 6, 4, b"y");
    node.messages.expire(node.now, &node.settings, &mut node.metrics);
    assert_eq!((node.messages.waiting(), node.metrics.messages_timed_out), (2, 0));
    // Late by nothing, and before the timer came: still too late.
    node.now = Instant::from_micros(5_000_000);
    node.validate(1, 5, true);
    assert_eq!((node.spread_ttl(), node.metrics.messages_timed_out, node.metrics.validations_ignored), (None, 1, 1));
    node.validate(1, 6, true);
    assert_eq!(node.spread_ttl(), Some(3));
}

#[test]
fn rule_3_dropped_when_every_asked_connection_has_closed() {
    let mut node = Node::new();
    node.audience.push(module(2));
    node.peer_sends(0, 5, 4, b"x");
    node.close(1);
    assert_eq!((node.messages.waiting(), node.metrics.messages_unanswerable), (1, 0));
    node.close(2);
    assert_eq!((node.messages.waiting(), node.metrics.messages_unanswerable), (0, 1));
}

#[test]
fn announcers_word_spreads_at_once_and_its_answer_is_ignored() {
    let mut node = Node::new();
    node.announce(1, 4, b"x");
    assert_eq!((node.spread_ttl(), node.out.targets.len()), (Some(3), 3));
    let told = node.told().expect("still notified");
    node.validate(1, told, false);
    assert_eq!((node.metrics.validations_ignored, node.metrics.messages_vouched), (1, 1));
    assert_eq!((node.metrics.messages_refused, node.messages.waiting()), (0, 0));
}

#[test]
fn announcers_word_needs_no_place_in_the_waiting_table() {
    let mut node = Node::new();
    (node.settings.announcer_vouches, node.settings.pending_max) = (true, 1);
    node.peer_sends(0, 5, 4, b"waits");
    assert_eq!(node.messages.waiting(), 1);
    node.peer_sends(0, 6, 4, b"no room");
    assert_eq!(node.metrics.messages_crowded_out, 1);
    node.announce(1, 4, b"vouched");
    assert_eq!((node.spread_ttl(), node.metrics.messages_crowded_out), (Some(3), 1));
}

#[test]
fn announcers_word_needs_the_setting_and_nobody_else() {
    let mut node = Node::new();
    node.settings.announcer_vouches = false;
    node.announce(1, 4, b"x");
    assert_eq!((node.spread_ttl(), node.messages.waiting()), (None, 1));
    node.settings.announcer_vouches = true;
    node.announce(2, 4, b"another's");
    assert_eq!((node.spread_ttl(), node.messages.waiting()), (None, 2));
    node.audience.push(module(2));
    node.announce(1, 4, b"two subscribers");
    assert_eq!((node.spread_ttl(), node.messages.waiting()), (None, 3));
}

#[test]
fn announcers_word_holds_for_one_that_closed_right_after() {
    let mut node = Node::new();
    let arrival = Arrival {
        source: Source::Module(module(1)),
        id: 0,
        ttl: 0,
        data_type: TYPE,
        data: b"x",
        is_wanted: true,
        fetched: None,
    };
    let around = Around { subscribers: Subscribers::AnnouncerOnly, audience: &[] };
    let neighbours = node.neighbours.clone();
    let (settings, metrics) = (&node.settings, &mut node.metrics);
    node.messages.arrive(node.now, settings, metrics, arrival, &neighbours, || around, &mut node.out);
    assert_eq!((node.told(), node.spread_ttl()), (None, Some(255)));
    // Gossip-5's way there is nobody to ask.
    node.settings.announcer_vouches = false;
    let (settings, metrics) = (&node.settings, &mut node.metrics);
    node.messages.arrive(node.now, settings, metrics, arrival, &neighbours, || around, &mut node.out);
    assert_eq!((node.told(), node.spread_ttl(), node.metrics.messages_untold), (None, None, 1));
}

#[test]
fn rule_4_spread_never_goes_to_one_that_sent_a_copy() {
    let mut node = Node::new();
    node.settings.degree = 8;
    for round in 0..50_u16 {
        node.peer_sends(0, round, 4, b"x");
        node.peer_sends(3, round, 4, b"x");
        node.validate(1, round, true);
        assert_eq!(node.out.targets.len(), 8);
        assert!(!node.out.targets.contains(&NeighbourId(0)) && !node.out.targets.contains(&NeighbourId(3)));
        node.pass(node.settings.suppression_time);
    }
}

#[test]
fn rule_4_targets_are_distinct_and_each_neighbour_equally_likely() {
    let mut node = Node::new();
    let mut met = [0_u32; 10];
    for round in 0..5_000_u32 {
        node.announce(1, 4, &round.to_be_bytes());
        let mut targets = node.out.targets.clone();
        targets.sort_unstable();
        targets.dedup();
        assert_eq!(targets.len(), 3);
        targets.iter().for_each(|target| met[usize::try_from(target.0).unwrap()] += 1);
    }
    assert!(met.iter().all(|n| (1_350..1_650).contains(n)), "{met:?}");
}

#[test]
fn rule_4_held_for_those_who_come_until_degree_is_reached() {
    let mut node = Node::new();
    node.neighbours.truncate(2);
    assert_eq!(node.valid_from_peer(5, 4, b"x"), Some(3));
    assert_eq!((node.out.targets.clone(), node.messages.held()), (vec![NeighbourId(1)], 1));
    // A copy came from 7, which is not in the view yet: neither it nor those that have it get the message.
    node.peer_sends(7, 5, 1, b"x");
    assert_eq!((node.up(7), node.up(0), node.up(1)), (vec![], vec![], vec![]));
    let got = node.up(8);
    assert_eq!((got.len(), got[0].ttl, got[0].id, got[0].payload.data()), (1, 3, 5, &b"x"[..]));
    assert_eq!(node.up(8), vec![], "not twice");
    assert_eq!((node.up(9).len(), node.messages.held()), (1, 0));
    assert_eq!(node.up(10), vec![], "degree is reached");
}

#[test]
fn rule_4_held_no_longer_than_suppression_time() {
    let mut node = Node::new();
    node.neighbours.clear();
    node.announce(1, 4, b"x");
    node.now = node.now.after(Duration::from_micros(59_999_999));
    assert_eq!(node.up(1).len(), 1);
    node.now = node.now.after(Duration::from_micros(1));
    assert_eq!((node.up(2).len(), node.messages.held()), (0, 0));
}

#[test]
fn rule_4_held_messages_are_bounded_by_cache_size_and_bytes_and_the_oldest_leave() {
    let mut node = Node::new();
    node.neighbours.clear();
    for n in 0..60_u8 {
        node.announce(1, 4, &[n]);
    }
    assert_eq!((node.messages.held(), node.metrics.messages_held_dropped), (50, 10));
    assert_eq!(node.up(1)[0].payload.data(), [10]);
    node.settings.cache_size = 0;
    let mut node =
        Node { messages: Dissemination::new(&node.settings, [7; 32], Instant::ZERO), neighbours: vec![], ..node };
    node.announce(1, 4, b"x");
    assert_eq!(node.messages.held(), 0);
    node.settings.cache_size = 50;
    node.settings.pending_bytes = 100;
    node.announce(1, 4, &[0; 60]);
    node.announce(1, 4, &[1; 60]);
    assert_eq!((node.messages.held(), node.up(1)[0].payload.data()[0]), (1, 1));
}

#[test]
fn rule_5_announced_ttl_goes_out_less_one_and_0_as_255() {
    let mut node = Node::new();
    for (announced, out) in [(0, 255), (1, 0), (2, 1), (255, 254)] {
        node.announce(1, announced, b"x");
        assert_eq!(node.spread_ttl(), Some(out), "announced {announced}");
    }
}

#[test]
fn rule_5_a_peers_ttl_counts_down_and_0_goes_no_further() {
    let mut node = Node::new();
    for (id, (ttl, out)) in [(0, None), (1, Some(0)), (2, Some(1)), (255, Some(254))].into_iter().enumerate() {
        assert_eq!(node.valid_from_peer(u16::try_from(id).unwrap(), ttl, b"x"), out, "ttl {ttl}");
    }
    assert_eq!(node.metrics.messages_valid, 4);
    assert_eq!(node.messages.held(), 0);
}

#[test]
fn rule_5_the_greatest_ttl_of_copies_counts_while_a_message_waits() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 2, b"x");
    node.peer_sends(1, 5, 9, b"x");
    node.peer_sends(2, 5, 4, b"x");
    assert_eq!(node.told(), None);
    node.validate(1, 5, true);
    assert_eq!(node.spread_ttl(), Some(8));
}

#[test]
fn rule_5_later_copies_are_measured_by_the_greatest_ttl_while_it_waited() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 6, b"x");
    node.peer_sends(1, 5, 9, b"x");
    node.peer_sends(2, 5, 32, b"other");
    node.validate(1, 5, true);
    node.peer_sends(2, 5, 17, b"x");
    assert_eq!((node.spread_ttl(), node.metrics.messages_respread), (None, 0));
    node.peer_sends(2, 5, 18, b"x");
    assert_eq!((node.spread_ttl(), node.metrics.messages_respread), (Some(17), 1));
}

#[test]
fn rule_5_a_later_copy_spreads_again_from_twice_the_greatest_ttl_without_telling_modules() {
    let mut node = Node::new();
    assert_eq!(node.valid_from_peer(5, 3, b"x"), Some(2));
    node.settings.degree = 10;
    for (ttl, out) in [(5, None), (10, Some(9)), (19, None), (20, Some(19)), (255, None), (40, None)] {
        node.peer_sends(1, 5, ttl, b"x");
        assert_eq!((node.told(), node.spread_ttl()), (None, out), "ttl {ttl}");
        if out.is_some() {
            assert_eq!(node.out.targets.len(), 8, "all but the two that sent copies");
            assert!(!node.out.targets.contains(&NeighbourId(0)) && !node.out.targets.contains(&NeighbourId(1)));
        }
    }
    assert_eq!(node.metrics.messages_respread, 2);
}

#[test]
fn rule_5_at_most_32_counts_in_a_later_copy() {
    let mut node = Node::new();
    node.valid_from_peer(5, 16, b"x");
    node.peer_sends(1, 5, 200, b"x");
    assert_eq!(node.spread_ttl(), Some(199), "32 is twice 16");
    node.valid_from_peer(6, 17, b"x");
    node.peer_sends(1, 6, 255, b"x");
    assert_eq!(node.spread_ttl(), None, "32 is not twice 17");
    node.valid_from_peer(7, 0, b"x");
    node.peer_sends(1, 7, 0, b"x");
    assert_eq!(node.spread_ttl(), None, "0 is not at least 1");
    node.peer_sends(1, 7, 1, b"x");
    assert_eq!(node.spread_ttl(), Some(0));
}

#[test]
fn rule_5_a_held_message_spreads_again_in_its_place_and_time() {
    let mut node = Node::new();
    node.neighbours.truncate(2);
    node.valid_from_peer(5, 1, b"x");
    node.pass(Duration::from_secs(30));
    node.peer_sends(7, 5, 8, b"x");
    assert_eq!((node.out.targets.clone(), node.spread_ttl()), (vec![NeighbourId(1)], Some(7)));
    assert_eq!((node.up(7), node.up(8)[0].ttl), (vec![], 7));
    node.pass(Duration::from_secs(31));
    assert_eq!((node.messages.held(), node.messages.seen(), node.messages.deadline()), (0, 0, None));
}

#[test]
fn rule_6_remembered_from_receipt_until_suppression_time_after_the_decision() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    node.pass(SECOND.times(4));
    node.validate(1, 5, true);
    node.now = Instant::from_micros(63_999_999);
    node.peer_sends(1, 5, 4, b"x");
    assert_eq!((node.told(), node.metrics.messages_duplicate), (None, 1));
    // Sweeping is coarse, by a second at most.
    node.now = Instant::from_micros(65_000_000);
    node.messages.expire(node.now, &node.settings, &mut node.metrics);
    node.peer_sends(1, 5, 4, b"x");
    assert_eq!(node.told(), Some(5));
}

#[test]
fn rule_6_whatever_became_of_it() {
    for fate in 0..4 {
        let mut node = Node::new();
        node.peer_sends(0, 5, 4, b"x");
        match fate {
            0 => node.validate(1, 5, true),
            1 => node.validate(1, 5, false),
            2 => node.pass(SECOND.times(5)),
            _ => node.close(1),
        }
        node.audience = vec![module(2)];
        node.peer_sends(1, 5, 4, b"x");
        assert_eq!((node.told(), node.metrics.messages_duplicate), (None, 1), "fate {fate}");
    }
}

#[test]
fn rule_6_past_seen_max_the_oldest_of_the_source_that_holds_most_leaves() {
    let mut node = Node::new();
    node.settings.seen_max = 100;
    for n in 0..10_u16 {
        node.peer_sends(1, n, 4, b"quiet");
        node.validate(1, n, true);
    }
    for n in 100..190_u16 {
        node.peer_sends(2, n, 4, b"loud");
        node.validate(1, n, true);
        node.pass(SECOND.part(10));
    }
    assert_eq!(node.messages.memory_span(node.now, &node.settings), SECOND.times(60));
    node.peer_sends(3, 999, 4, b"new");
    assert_eq!((node.told(), node.messages.seen(), node.metrics.seen_forgotten_early), (Some(999), 100, 1));
    assert_eq!(node.messages.memory_span(node.now, &node.settings), SECOND.times(9));
    node.peer_sends(4, 0, 4, b"quiet");
    assert_eq!(node.told(), None, "the oldest of all, of a quiet source, stays");
    node.peer_sends(4, 100, 4, b"loud");
    assert_eq!(node.told(), Some(100), "the loud one's oldest is gone");
    node.pass(SECOND.times(70));
    assert_eq!(node.messages.memory_span(node.now, &node.settings), SECOND.times(60));
}

#[test]
fn rule_6_what_leaves_the_memory_early_is_not_held_any_more() {
    let mut node = Node::new();
    (node.settings.seen_max, node.neighbours) = (10, vec![]);
    for n in 0..15_u8 {
        node.announce(1, 4, &[n]);
    }
    assert_eq!((node.messages.seen(), node.messages.held()), (10, 10));
    assert_eq!((node.metrics.seen_forgotten_early, node.metrics.messages_held_dropped), (5, 5));
    assert_eq!(node.up(1)[0].payload.data(), [5]);
}

#[test]
fn identity_same_id_with_other_data_or_type_is_another_message() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    assert_eq!(node.told(), Some(5));
    node.peer_sends(1, 5, 4, b"y");
    let second = node.told().unwrap();
    assert_ne!(second, 5, "taken until the module answers");
    node.arrive_as(Source::Neighbour(NeighbourId(2)), 5, 4, TYPE + 1, b"x");
    let third = node.told().unwrap();
    node.validate(1, third, true);
    assert_eq!(node.out.spread.as_ref().map(|s| (s.id, s.payload.data_type())), Some((5, TYPE + 1)));
    node.validate(1, second, true);
    assert_eq!(node.out.spread.as_ref().map(|s| (s.id, s.payload.data())), Some((5, &b"y"[..])));
    node.peer_sends(3, 5, 4, b"y");
    assert_eq!(node.metrics.messages_duplicate, 1);
}

#[test]
fn identity_saying_the_same_again_is_a_new_announcement() {
    let mut node = Node::new();
    for _ in 0..3_000 {
        node.announce(1, 4, b"alive");
        assert!(node.spread_ttl().is_some());
    }
    assert_eq!((node.metrics.messages_duplicate, node.messages.seen()), (0, 3_000));
}

#[test]
fn identity_a_late_answer_frees_the_id_and_decides_nothing() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    node.pass(SECOND.times(6));
    node.peer_sends(0, 5, 4, b"y");
    let other = node.told().unwrap();
    assert_ne!(other, 5, "taken for suppression_time");
    node.validate(1, 5, true);
    assert_eq!((node.spread_ttl(), node.messages.waiting()), (None, 1));
    node.peer_sends(0, 5, 4, b"z");
    assert_eq!(node.told(), Some(5), "free again");
}

#[test]
fn identity_an_unanswered_id_is_free_after_suppression_time_or_when_the_module_closes() {
    let mut node = Node::new();
    node.peer_sends(0, 5, 4, b"x");
    node.pass(SECOND.times(61));
    node.peer_sends(0, 5, 4, b"y");
    assert_eq!(node.told(), Some(5));
    node.close(1);
    node.audience = vec![module(1)];
    node.peer_sends(0, 5, 4, b"z");
    assert_eq!(node.told(), Some(5));
}

#[test]
fn listener_is_told_under_any_id_never_waited_for_until_none_is_taken() {
    let mut node = Node::new();
    node.settings.degree = 1;
    for n in 0..u32::try_from(TAKEN_IDS_MAX).unwrap() {
        assert!(!node.messages.is_listener(module(1)), "{n}");
        node.announce(1, 4, &n.to_be_bytes());
        assert!(node.told().is_some());
    }
    assert_eq!((node.out.new_listeners.clone(), node.metrics.modules_listening), (vec![module(1)], 1));
    assert!(node.messages.is_listener(module(1)));
    // The announcer's word still holds; what a peer sends is told, dropped, counted, and remembered.
    node.announce(1, 4, b"mine");
    assert!(node.told().is_some() && node.spread_ttl().is_some() && node.out.new_listeners.is_empty());
    node.peer_sends(0, 5, 4, b"x");
    let told = node.told().unwrap();
    assert_eq!((node.messages.waiting(), node.metrics.messages_unanswerable), (0, 1));
    node.validate(1, told, true);
    assert_eq!((node.spread_ttl(), node.metrics.validations_ignored), (None, 1));
    node.peer_sends(1, 5, 4, b"x");
    assert_eq!(node.metrics.messages_duplicate, 1);
    // Another module is asked as ever, and the listener's answer does not count for it.
    node.audience.push(module(2));
    node.peer_sends(0, 6, 4, b"y");
    node.validate(1, 6, false);
    assert_eq!(node.messages.waiting(), 1);
    node.validate(2, 6, true);
    assert_eq!(node.spread_ttl(), Some(3));
    node.pass(SECOND.times(61));
    assert!(!node.messages.is_listener(module(1)));
    assert_eq!((node.messages.seen(), node.messages.deadline()), (0, None));
}

#[test]
fn messages_whose_audience_has_no_room_are_dropped_and_not_remembered() {
    let mut node = Node::new();
    let arrival = Arrival {
        source: Source::Neighbour(NeighbourId(0)),
        id: 5,
        ttl: 3,
        data_type: TYPE,
        data: b"x",
        is_wanted: true,
        fetched: None,
    };
    let around = Around { subscribers: Subscribers::Others, audience: &[] };
    let neighbours = [];
    let (settings, metrics) = (&node.settings, &mut node.metrics);
    node.messages.arrive(node.now, settings, metrics, arrival, &neighbours, || around, &mut node.out);
    assert_eq!((node.metrics.messages_untold, node.messages.seen()), (1, 0));
}

/// Lets messages of a type come from a source until one is crowded out; how many were taken.
fn fill(node: &mut Node, source: Source, data_type: u16, size: usize) -> usize {
    let before = (node.messages.waiting(), node.metrics.messages_crowded_out);
    for n in 0..100_000_u32 {
        let mut data = n.to_be_bytes().to_vec();
        data.resize(size.max(4), 0);
        let pressed = node.messages.is_pressed(node.now, &node.settings, source, data_type, data.len());
        let id = u16::try_from(n & 0xffff).unwrap();
        let seen = node.messages.seen();
        node.arrive_as(source, id, 4, data_type, &data);
        assert_eq!(pressed, node.metrics.messages_crowded_out > before.1);
        if pressed {
            assert_eq!(node.told(), None);
            assert_eq!(node.messages.seen(), seen, "what is crowded out is not remembered");
            break;
        }
    }
    node.messages.waiting() - before.0
}

#[test]
fn pressure_no_type_or_source_takes_all_and_new_ones_find_room() {
    for (count, bytes, size) in [(1_000, 1 << 30, 4), (1_000_000, 102_000, 100)] {
        let mut node = Node::new();
        (node.settings.pending_max, node.settings.pending_bytes) = (count, bytes);
        let taken = fill(&mut node, Source::Neighbour(NeighbourId(0)), 1, size);
        assert!((780..=810).contains(&taken), "a burst finds four fifths: {taken}");
        // Another source of the same type, the same source with another type, and a module.
        for (source, data_type, least) in [
            (Source::Neighbour(NeighbourId(1)), 1, 50),
            (Source::Neighbour(NeighbourId(0)), 2, 10),
            (Source::Neighbour(NeighbourId(2)), 3, 50),
            (Source::Module(module(9)), 4, 10),
        ] {
            let taken = fill(&mut node, source, data_type, size);
            assert!(taken >= least, "{source:?} of type {data_type}: {taken}");
        }
        assert!(node.messages.waiting() <= 1_000);
    }
}

#[test]
fn pressure_one_source_with_many_types_and_one_type_of_many_sources_leave_a_ninth_free() {
    type Class = fn(u16) -> (Source, u16);
    let classes: [Class; 2] =
        [|n| (Source::Neighbour(NeighbourId(0)), n), |n| (Source::Neighbour(NeighbourId(u64::from(n))), 0)];
    for class in classes {
        let mut node = Node::new();
        node.settings.pending_max = 1_000;
        for n in 0..2_000 {
            let (source, data_type) = class(n);
            node.arrive_as(source, n, 4, data_type, b"x");
        }
        assert_eq!(node.messages.waiting(), 889);
        node.arrive_as(Source::Neighbour(NeighbourId(5_000)), 0, 4, 5_000, b"x");
        assert_eq!(node.messages.waiting(), 890);
    }
}

#[test]
fn pressure_an_answer_makes_room_again() {
    let mut node = Node::new();
    node.settings.pending_max = 16;
    let source = Source::Neighbour(NeighbourId(0));
    fill(&mut node, source, 1, 4);
    assert!(node.messages.is_pressed(node.now, &node.settings, source, 1, 4));
    node.validate(1, 0, true);
    assert!(!node.messages.is_pressed(node.now, &node.settings, source, 1, 4));
}

fn refuse(node: &mut Node, neighbour: u64, count: u32, valid: bool) {
    for n in 0..count {
        let data = [neighbour.to_be_bytes().as_slice(), &n.to_be_bytes(), &node.now.as_micros().to_be_bytes()].concat();
        node.peer_sends(neighbour, 5, 4, &data);
        let told = node.told().unwrap();
        node.validate(1, told, valid);
    }
}

#[test]
fn refusals_shrink_a_neighbours_share_to_a_tenth_for_a_while() {
    let share = |mut node: Node| {
        node.settings.pending_max = 1_000;
        fill(&mut node, Source::Neighbour(NeighbourId(1)), TYPE, 64)
    };
    let mut node = Node::new();
    refuse(&mut node, 2, 10, true);
    refuse(&mut node, 1, REFUSALS_MIN - 1, false);
    assert!(share(node) > 300, "one refusal short");

    let mut node = Node::new();
    refuse(&mut node, 1, REFUSALS_MIN, false);
    assert!(share(node) > 300, "no other neighbour to compare with");

    let mut node = Node::new();
    refuse(&mut node, 2, 10, true);
    refuse(&mut node, 1, REFUSALS_MIN, false);
    node.settings.pending_max = 1_000;
    let taken = fill(&mut node, Source::Neighbour(NeighbourId(1)), TYPE, 64);
    assert!((50..=100).contains(&taken), "{taken}");
    assert!(fill(&mut node, Source::Neighbour(NeighbourId(2)), TYPE, 64) > 200, "the other's share is whole");
    node.pass(SHRUNK_TIME);
    assert!(fill(&mut node, Source::Neighbour(NeighbourId(1)), TYPE, 64) > 300, "over");
}

#[test]
fn memory_returns_to_its_floor_when_traffic_ends() {
    let mut node = Node::new();
    node.neighbours.truncate(2);
    refuse(&mut node, 0, 100, false);
    refuse(&mut node, 1, 100, true);
    node.audience.push(module(2));
    refuse(&mut node, 3, 100, true);
    node.peer_sends(0, 7, 4, b"waits");
    node.pass(SECOND.times(500));
    let messages = &node.messages;
    assert_eq!((messages.waiting(), messages.waiting_bytes(), messages.held(), messages.seen()), (0, 0, 0, 0));
    assert_eq!(messages.deadline(), None);
    assert_eq!((messages.seen.bytes(), messages.spare.capacity()), (0, 0));
}

#[test]
fn an_empty_node_takes_a_few_hundred_bytes() {
    assert!(size_of::<Dissemination>() <= 1_072, "{}", size_of::<Dissemination>());
}

#[test]
fn same_seed_and_script_give_the_same_deliveries() {
    let run = |seed| {
        let mut node = Node::new();
        let g = &mut Gen::from_size_and_seed(300, seed);
        let mut log = String::new();
        for (kind, n, data) in Vec::<(u8, u16, u8)>::arbitrary(g) {
            script(&mut node, kind, n, data);
            log += &format!("{:?}", node.out);
        }
        log
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// One step of a random script: few modules, few ids, few contents, so that everything collides.
fn script(node: &mut Node, kind: u8, n: u16, data: u8) {
    let (who, id) = (u64::from(n % 7), n % 16);
    match kind % 8 {
        0..=2 => node.peer_sends(who, id, data, &[data % 4]),
        3 => node.announce(who, data % 3, &[data % 4]),
        4 => node.validate(who, node.told().unwrap_or(id), data.is_multiple_of(2)),
        5 => node.validate(who, id, !data.is_multiple_of(3)),
        6 if data < 64 => node.close(who),
        6 => {
            if !node.audience.contains(&module(who)) {
                node.audience.push(module(who));
            }
        }
        _ if data < 128 => drop(node.up(who + 20)),
        _ => node.pass(SECOND.times(u64::from(data % 8)).part(2)),
    }
}

#[test]
fn bounds_hold_and_sums_agree_whatever_happens() {
    for seed in 0..300 {
        let mut node = Node::new();
        (node.settings.seen_max, node.settings.pending_max, node.settings.cache_size) = (40, 16, 5);
        node.settings.pending_bytes = 64;
        node.neighbours.truncate(usize::try_from(seed % 5).unwrap());
        let g = &mut Gen::from_size_and_seed(400, seed);
        for (kind, n, data) in Vec::<(u8, u16, u8)>::arbitrary(g) {
            script(&mut node, kind, n, data);
            let messages = &node.messages;
            assert!(messages.seen() <= 40 && messages.waiting() <= 16 && messages.held() <= 5, "seed {seed}");
            assert!(messages.waiting_bytes() <= 64, "seed {seed}");
            assert_eq!(messages.pending.total().count, messages.waiting() as u64, "seed {seed}");
            assert!(messages.waiting() == 0 || messages.deadline().is_some(), "seed {seed}");
        }
        let m = &node.metrics;
        let ended = m.messages_valid + m.messages_refused + m.messages_timed_out + m.messages_unanswerable;
        let (spread, held) = (m.messages_held, node.messages.held() as u64);
        assert!(held <= spread, "seed {seed}");
        node.pass(SECOND.times(500));
        let m = &node.metrics;
        let ended_now = m.messages_valid + m.messages_refused + m.messages_timed_out + m.messages_unanswerable;
        assert!(ended_now >= ended, "seed {seed}");
        assert_eq!((node.messages.seen(), node.messages.held(), node.messages.waiting()), (0, 0, 0), "seed {seed}");
        assert_eq!(node.messages.deadline(), None, "seed {seed}");
    }
}

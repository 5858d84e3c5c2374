//! PROTOCOL.md, section 5, Pressure: bounds reached, and what follows.

use crate::harness::{Node, data_of};
use gossip_core::limits::PARKED_BYTES_PER_MODULE;
use gossip_core::time::Duration;
use gossip_core::wire::{ApiMessage, PeerMessage, kind};
use gossip_core::{ConnectionId, EndReason, Event, Flush, Note, Settings};

const TYPE: u16 = 1337;

fn announce(data: &[u8]) -> Vec<u8> {
    ApiMessage::Announce { ttl: 3, data_type: TYPE, data }.frame().to_vec()
}

/// A waiting table of sixteen: one module's messages of one type have thirteen places (dynamic thresholds).
fn tiny(settings: &mut Settings) {
    settings.pending_max = 16;
}
const PLACES: usize = 13;

/// Validates what this module was told until nothing more comes; returns the data in order.
fn validate_all(node: &mut Node, judge: ConnectionId) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let told = node.told(judge);
        if told.is_empty() {
            return all;
        }
        for one in told {
            node.validate(judge, one.id, true);
            all.push(one.data);
        }
    }
}

/// This many pieces of data, all different, of this length.
fn numbered(count: u32, len: usize) -> Vec<Vec<u8>> {
    let one = |n: u32| [&n.to_be_bytes()[..], &vec![0xaa; len - 4]].concat();
    (0..count).map(one).collect()
}

fn sorted(mut data: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    data.sort();
    data
}

#[test]
fn announcements_are_slowed_not_lost_while_the_waiting_table_is_full() {
    let mut node = Node::new(tiny);
    let (neighbour, judge, announcer) = (node.neighbour(), node.subscriber(TYPE), node.module());
    (0..40u8).for_each(|n| node.announce(announcer, 3, TYPE, &[n]));
    assert_eq!(node.state.status(node.now).waiting, PLACES);
    assert_eq!(node.metrics().announcements_parked, 40 - PLACES as u64);
    let expected: Vec<Vec<u8>> = (0..40).map(|n| vec![n]).collect();
    assert_eq!(validate_all(&mut node, judge), expected, "in order");
    assert_eq!(node.got(neighbour).into_iter().map(|got| got.data).collect::<Vec<_>>(), expected);
    assert_eq!(node.state.status(node.now).parked_bytes, 0);
}

#[test]
fn announcements_are_slowed_not_lost_before_what_waits_overfills_every_neighbours_queue() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 18);
    let (neighbour, judge, announcer) = (node.neighbour(), node.subscriber(TYPE), node.module());
    node.deafen(neighbour);
    let data = numbered(40, 32_000);
    data.iter().for_each(|one| node.announce(announcer, 3, TYPE, one));
    let mut told = validate_all(&mut node, judge);
    while node.state.status(node.now).parked_bytes > 0 {
        node.read(neighbour, 64_000);
        told.extend(validate_all(&mut node, judge));
    }
    node.hear_again(neighbour);
    assert_eq!((told.len(), node.metrics().spread_dropped), (40, 0));
    assert_eq!(node.got(neighbour).into_iter().map(|got| got.data).collect::<Vec<_>>(), data, "in order");
}

#[test]
fn announcements_are_slowed_not_lost_while_nobody_answers() {
    let mut node = Node::new(tiny);
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    (0..40u8).for_each(|n| node.announce(announcer, 3, TYPE, &[n]));
    node.pass_secs(5 * 7);
    let told = node.told(judge);
    assert_eq!(data_of(&told), (0..40).map(|n| [n]).collect::<Vec<_>>());
}

#[test]
fn validation_and_notify_behind_parked_announcements_are_handled() {
    let mut node = Node::new(tiny);
    let (neighbour, _judge, announcer) = (node.neighbour(), node.subscriber(TYPE), node.subscriber(TYPE + 1));
    node.hear(neighbour, 3, 7, TYPE + 1, b"mine to judge");
    let other = node.neighbour();
    let many: Vec<u8> = (0..20u8).flat_map(|n| announce(&[n])).collect();
    let validation = ApiMessage::Validation { id: 7, valid: true }.frame().to_vec();
    let notify = ApiMessage::Notify { data_type: TYPE + 2 }.frame().to_vec();
    node.say_bytes(announcer, &[many, validation, notify].concat());
    assert!(node.state.status(node.now).parked_bytes > 0);
    assert_eq!(node.got(other).len(), 1, "the VALIDATION was heard");
    node.hear(neighbour, 3, 8, TYPE + 2, b"x");
    assert_eq!(node.told(announcer).last().map(|told| told.id), Some(8), "the NOTIFY was heard");
}

#[test]
fn reading_stops_past_the_bound_and_resumes_and_nothing_is_lost() {
    for in_one_event in [true, false] {
        let mut node = Node::new(tiny);
        let (neighbour, judge, announcer) = (node.neighbour(), node.subscriber(TYPE), node.module());
        let all = numbered(120, 30_000);
        let frames: Vec<Vec<u8>> = all.iter().map(|data| announce(data)).collect();
        if in_one_event {
            node.say_bytes(announcer, &frames.concat());
        } else {
            frames.iter().for_each(|frame| node.say_bytes(announcer, frame));
        }
        assert!(node.is_reading_stopped(announcer));
        let parked = node.state.status(node.now).parked_bytes;
        assert!((1 << 20..(1 << 20) + 40_000).contains(&parked), "{parked}");
        assert_eq!(validate_all(&mut node, judge), all);
        assert!(!node.is_reading_stopped(announcer));
        assert_eq!(node.got(neighbour).len(), 120);
        node.subscribe(announcer, TYPE + 1);
        assert_eq!(node.state.status(node.now).subscriptions, 2, "it is read again");
    }
}

#[test]
fn reading_goes_on_once_half_of_the_room_for_announcements_is_free_again() {
    let mut node = Node::new(tiny);
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    let all = numbered(60, 30_000);
    all.iter().for_each(|data| node.say_bytes(announcer, &announce(data)));
    assert!(node.is_reading_stopped(announcer));
    let mut told = std::collections::VecDeque::from(node.told(judge));
    let mut parked = node.state.status(node.now).parked_bytes;
    while node.is_reading_stopped(announcer) {
        parked = node.state.status(node.now).parked_bytes;
        let one = told.pop_front().unwrap();
        node.validate(judge, one.id, true);
        told.extend(node.told(judge));
    }
    // One announcement before, there was more than half; what was kept meanwhile fills it up again.
    let half = PARKED_BYTES_PER_MODULE as u64 / 2;
    assert!((half + 1..half + 40_000).contains(&parked), "{parked}");
}

#[test]
fn a_module_that_half_closes_behind_stopped_reading_has_everything_announced() {
    let mut node = Node::new(tiny);
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    let all = numbered(120, 30_000);
    all.iter().for_each(|data| node.say_bytes(announcer, &announce(data)));
    node.half_close(announcer);
    assert_eq!(node.closed(announcer), None);
    assert_eq!(validate_all(&mut node, judge), all);
    assert_eq!(node.closed(announcer), Some(Flush::First), "nothing more to be said or told");
    assert_eq!(node.state.status(node.now).modules, 1);
}

#[test]
fn a_module_that_closes_has_its_parked_announcements_vouched_for_by_its_subscriptions() {
    let mut node = Node::new(|settings| (settings.peer_queue, settings.degree) = (1 << 18, 1));
    let (neighbour, announcer) = (node.neighbour(), node.subscriber(TYPE));
    node.deafen(neighbour);
    let all = numbered(20, 20_000);
    all.iter().for_each(|data| node.say_bytes(announcer, &announce(data)));
    let announced = node.metrics().announcements;
    assert!(announced < 20, "the only neighbour's queue is above its mark");
    node.reset(announcer);
    let status = node.state.status(node.now);
    assert_eq!((status.modules, status.subscriptions), (0, 1), "kept alive by what is parked");
    node.hear_again(neighbour);
    let got: Vec<Vec<u8>> = node.got(neighbour).into_iter().map(|got| got.data).collect();
    assert_eq!((got, node.metrics().messages_vouched), (all, 20));
    assert_eq!((node.state.status(node.now).subscriptions, node.state.status(node.now).parked_bytes), (0, 0));
}

#[test]
fn announcements_are_parked_while_the_announcers_own_queue_is_above_its_mark() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 18);
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    node.deafen(module);
    let all = numbered(20, 20_000);
    all.iter().for_each(|data| node.say_bytes(module, &announce(data)));
    assert_eq!((node.metrics().announcements, node.metrics().notifications_dropped), (7, 0));
    node.hear_again(module);
    assert_eq!(node.told(module).into_iter().map(|told| told.data).collect::<Vec<_>>(), all);
    assert_eq!(node.got(neighbour).len(), 20);
}

#[test]
fn an_announcer_that_does_not_read_is_slowed_though_others_read() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 18);
    let (deaf, judge) = (node.subscriber(TYPE), node.subscriber(TYPE));
    node.deafen(deaf);
    numbered(20, 20_000).iter().for_each(|data| node.say_bytes(deaf, &announce(data)));
    assert_eq!((node.metrics().announcements, node.told(judge).len()), (7, 7));
    assert_eq!(node.metrics().notifications_dropped, 0);
    node.hear_again(deaf);
    assert_eq!((node.told(deaf).len(), node.told(judge).len()), (20, 13));
}

#[test]
fn bytes_that_were_under_way_when_reading_stopped_are_kept() {
    let mut node = Node::new(tiny);
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    let all = numbered(120, 30_000);
    for data in &all {
        // A driver that had read it before it was told to stop: the harness would keep it back.
        node.handle(Event::Received { connection: announcer, bytes: &announce(data) });
    }
    assert!(node.is_reading_stopped(announcer));
    assert_eq!(validate_all(&mut node, judge), all);
    assert!(!node.is_reading_stopped(announcer));
}

#[test]
fn announcements_are_parked_while_the_queues_of_every_neighbour_are_above_their_mark() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 18);
    let (one, two, module) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    node.deafen(one);
    node.deafen(two);
    let all = numbered(20, 20_000);
    all.iter().for_each(|data| node.say_bytes(module, &announce(data)));
    assert_eq!((node.metrics().announcements, node.metrics().spread_dropped), (7, 0));
    node.hear_again(two);
    assert_eq!(node.metrics().announcements, 20, "one that has room is enough");
    assert_eq!(node.got(two).len(), 20);
}

#[test]
fn a_full_neighbours_queue_drops_the_newest() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 18);
    let (slow, fast, module) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    node.deafen(slow);
    let all = numbered(20, 20_000);
    all.iter().for_each(|data| node.say_bytes(module, &announce(data)));
    assert_eq!((node.got(fast).len(), node.metrics().spread_dropped), (20, 7));
    node.hear_again(slow);
    let got: Vec<Vec<u8>> = node.got(slow).into_iter().map(|got| got.data).collect();
    assert_eq!(got, all[..13]);
}

#[test]
fn a_neighbour_that_does_not_drain_its_queue_is_closed() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 18);
    let (stalled, fast, module) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    node.deafen(stalled);
    numbered(10, 20_000).iter().for_each(|data| node.say_bytes(module, &announce(data)));
    node.pass_secs(59);
    assert_eq!(node.closed(stalled), None);
    node.pass_secs(1);
    assert_eq!((node.closed(stalled), node.closed(fast)), (Some(Flush::Discard), None));
    let is_down = |note: &Note| matches!(note, Note::NeighbourDown { reason: EndReason::Stalled, .. });
    assert!(node.notes.iter().any(is_down), "{:?}", node.notes);
}

#[test]
fn a_neighbours_requests_alone_do_not_fill_a_queue_that_nobody_watches() {
    // An old peer has no PING whose silence would show: only its queue can.
    let mut node = Node::new(|settings| (settings.peer_queue, settings.max_peers) = (1 << 18, 1_024));
    node.pass_secs(1);
    let greedy = node.neighbour();
    node.deafen(greedy);
    let request = [0, 4, 1, 0xf8];
    for _ in 0..3_600 * 24 * 30 / 2 {
        node.say_bytes(greedy, &request);
        node.pass_secs(2);
        if node.closed(greedy).is_some() {
            return;
        }
    }
    panic!("{} bytes wait for it", node.state.status(node.now).neighbours[0].queued);
}

#[test]
fn messages_that_waited_for_a_quarter_of_the_memory_are_not_sent_any_more() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 21);
    let (slow, module) = (node.neighbour(), node.subscriber(TYPE));
    node.deafen(slow);
    let all = numbered(40, 20_000);
    all.iter().for_each(|data| node.say_bytes(module, &announce(data)));
    let with_driver = node.got(slow).len();
    assert!(with_driver < 20);
    node.pass_secs(15);
    node.read(slow, 10 * 20_010);
    let fresh = node.got(slow).len();
    assert_eq!((fresh, node.metrics().spread_stale), (10, 0), "just in time");
    node.pass_secs(1);
    node.hear_again(slow);
    assert_eq!(node.metrics().spread_stale, (40 - with_driver - fresh) as u64);
    assert_eq!(node.got(slow), []);
    node.say_bytes(module, &announce(b"new"));
    assert_eq!(node.got(slow).len(), 1);
}

#[test]
fn one_type_that_nobody_validates_does_not_starve_the_others() {
    let mut node = Node::new(tiny);
    let (sender, other) = (node.neighbour(), node.neighbour());
    let (_lazy, judge) = (node.subscriber(TYPE), node.subscriber(TYPE + 1));
    for id in 0..200 {
        node.hear(sender, 3, id, TYPE, b"never validated");
        node.hear(sender, 3, id + 1_000, TYPE + 1, b"validated");
        assert_eq!(validate_all(&mut node, judge).len(), 1, "message {id}");
    }
    assert_eq!(node.got(other).len(), 200);
    assert!(node.metrics().messages_crowded_out > 100);
}

#[test]
fn one_loud_neighbour_does_not_starve_the_others() {
    let mut node = Node::new(tiny);
    let (loud, quiet, judge) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    (0..1_000).for_each(|id| node.hear(loud, 3, id, TYPE, b"x"));
    let before = node.told(judge).len();
    node.hear(quiet, 3, 5_000, TYPE, b"x");
    assert_eq!((before, node.told(judge).len()), (PLACES, 1));
}

#[test]
fn ten_thousand_announcements_in_one_write_reach_an_announcer_that_reads() {
    let mut node = Node::new(|_| {});
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    let all = numbered(10_000, 1_000);
    let bytes: Vec<u8> = all.iter().flat_map(|data| announce(data)).collect();
    node.say_bytes(module, &bytes);
    assert_eq!(node.told(module).into_iter().map(|told| told.data).collect::<Vec<_>>(), all);
    assert_eq!(node.got(neighbour).into_iter().map(|got| got.data).collect::<Vec<_>>(), all);
    assert!(!node.is_reading_stopped(module));
}

#[test]
fn ten_thousand_announcements_in_one_write_reach_another_module_that_validates() {
    for pending_max in [16, 16_384] {
        let mut node = Node::new(|settings| settings.pending_max = pending_max);
        let (neighbour, judge, module) = (node.neighbour(), node.subscriber(TYPE), node.module());
        let all = numbered(10_000, 100);
        let bytes: Vec<u8> = all.iter().flat_map(|data| announce(data)).collect();
        node.say_bytes(module, &bytes);
        assert_eq!(sorted(validate_all(&mut node, judge)), all, "pending_max {pending_max}");
        assert_eq!(node.got(neighbour).into_iter().map(|got| got.data).collect::<Vec<_>>(), all);
    }
}

#[test]
fn ten_thousand_announcements_of_each_of_three_modules_take_turns() {
    let mut node = Node::new(tiny);
    let judge = node.subscriber(TYPE);
    let modules = [node.module(), node.module(), node.module()];
    let all = numbered(30_000, 8);
    for (module, share) in modules.iter().zip(all.chunks(10_000)) {
        let bytes: Vec<u8> = share.iter().flat_map(|data| announce(data)).collect();
        node.say_bytes(*module, &bytes);
    }
    let told = validate_all(&mut node, judge);
    let of_first_third = told[..10_000].iter().filter(|data| **data < all[10_000]).count();
    assert!((3_000..4_000).contains(&of_first_third), "{of_first_third} of the first module");
    assert_eq!(sorted(told), all);
}

#[test]
fn a_module_that_announces_and_validates_on_one_connection_never_stalls_for_good() {
    let mut node = Node::new(|settings| {
        tiny(settings);
        (settings.announcer_vouches, settings.api_queue) = (false, 1 << 18);
    });
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    // Both tables at their bound: more is parked than may be, its queue is above its mark, and its VALIDATIONs stand
    // behind ANNOUNCEs that are not read any more.
    let all = numbered(600, 20_000);
    node.deafen(module);
    all.iter().for_each(|data| node.say_bytes(module, &announce(data)));
    assert!(node.is_reading_stopped(module));
    assert!(node.state.status(node.now).parked_bytes >= PARKED_BYTES_PER_MODULE as u64);
    node.hear_again(module);
    let mut told = Vec::new();
    for _ in 0..1_000 {
        for one in node.told(module) {
            node.validate(module, one.id, true);
            told.push(one.data);
        }
        node.pass_secs(1);
    }
    assert_eq!(told, all, "each announced, once, in order");
    let status = node.state.status(node.now);
    assert_eq!((status.waiting, status.parked_bytes, node.is_reading_stopped(module)), (0, 0, false));
    assert_eq!(node.closed(module), None);
    node.announce(module, 3, TYPE, b"alive");
    let id = node.told_one(module).id;
    node.got(neighbour);
    node.validate(module, id, true);
    assert_eq!(node.got(neighbour).len(), 1);
}

#[test]
fn a_neighbours_table_share_shrinks_when_modules_refuse_it_while_others_are_believed() {
    let mut node = Node::new(|settings| settings.pending_max = 1_000);
    let (liar, honest, judge) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    let holds = |node: &mut Node, from: ConnectionId, first: u16| {
        (first..first + 1_000).for_each(|id| node.hear(from, 3, id, TYPE, b"flood"));
        let waiting = node.state.status(node.now).waiting;
        node.pass_secs(6);
        node.told(judge);
        waiting
    };
    let before = holds(&mut node, liar, 0);
    node.pass_secs(60);
    for id in 2_000..2_060 {
        node.hear(honest, 3, id, TYPE, b"good");
        node.hear(liar, 3, id + 1_000, TYPE, b"bad");
        let told = node.told(judge);
        assert_eq!(data_of(&told), [&b"good"[..], b"bad"]);
        node.validate(judge, told[0].id, true);
        node.validate(judge, told[1].id, false);
    }
    let (after, of_honest) = (holds(&mut node, liar, 10_000), holds(&mut node, honest, 20_000));
    assert!(after * 3 < before && of_honest == before, "{before}, then {after} and {of_honest}");
    assert_eq!(node.closed(liar), None, "its link stays");
    node.pass_secs(360);
    assert_eq!(holds(&mut node, liar, 30_000), before, "for a while only");
}

#[test]
fn half_received_frames_share_a_budget_and_the_slowest_goes() {
    let half = [&[0xf0, 0x00, 1, 0xf4][..], &[7; 60_000]].concat();
    let mut node = Node::new(|settings| settings.partial_bytes = 1 << 20);
    let (slowest, neighbour) = (node.module(), node.neighbour());
    node.say_bytes(slowest, &half[..100]);
    node.pass_secs(1);
    let modules: Vec<_> = (0..17).map(|_| node.module()).collect();
    modules.iter().for_each(|module| node.say_bytes(*module, &half));
    assert!(node.closed(slowest).is_none(), "a megabyte is allowed");
    // A neighbour's counts like a module's.
    node.pass_secs(1);
    node.say_bytes(neighbour, &[&[0xf0, 0x00, 1, 0xff][..], &half[4..]].concat());
    assert!(node.closed(slowest).is_some(), "the first to begin");
    assert_eq!(node.closed(modules[0]), Some(Flush::Discard), "and the next, until there is room");
    assert!(node.closed(modules[1]).is_none() && node.closed(neighbour).is_none());
    assert_eq!(node.metrics().partials_crowded_out, 2);
    // What was begun by others goes on undisturbed.
    let subscriber = node.subscriber(1);
    node.say_bytes(modules[1], &[7; 0xf000 - 60_004]);
    assert_eq!(node.metrics().partials_crowded_out, 2);
    assert!(node.told(subscriber).is_empty(), "its type is another");
}

#[test]
fn a_module_that_half_closes_is_closed_after_the_last_of_its_parked_announcements() {
    let mut node = Node::new(tiny);
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    (0..20u8).for_each(|n| node.announce(announcer, 3, TYPE, &[n]));
    assert!(node.state.status(node.now).parked_bytes > 0 && !node.is_reading_stopped(announcer));
    node.half_close(announcer);
    assert_eq!(node.closed(announcer), None);
    assert_eq!(validate_all(&mut node, judge).len(), 20);
    assert_eq!(node.closed(announcer), Some(Flush::First));
}

#[test]
fn of_modules_with_half_a_frame_who_has_completed_none_for_the_longest_makes_room() {
    let mut node = Node::new(|settings| settings.partial_bytes = 1 << 20);
    let frame = announce(&[7; 60_000]);
    let (start, end) = frame.split_at(59_000);
    let (busy, dripping) = (node.module(), node.module());
    node.say_bytes(busy, start);
    node.pass_secs(1);
    node.say_bytes(dripping, start);
    node.pass_secs(1);
    node.say_bytes(busy, &[end, start].concat());
    node.pass_secs(1);
    node.say_bytes(dripping, &end[..1]);
    let others: Vec<ConnectionId> = (0..16).map(|_| node.module()).collect();
    others.iter().for_each(|id| node.say_bytes(*id, start));
    assert_eq!(node.metrics().partials_crowded_out, 1);
    assert_eq!((node.closed(busy), node.closed(dripping)), (None, Some(Flush::Discard)));
}

#[test]
fn what_waits_for_a_neighbour_goes_out_before_the_node_ends() {
    let mut node = Node::new(|_| {});
    let (sender, deaf, judge) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    node.deafen(deaf);
    for (id, data) in (0..20).zip(numbered(20, 30_000)) {
        node.hear(sender, 3, id, TYPE, &data);
    }
    validate_all(&mut node, judge);
    node.handle(Event::Shutdown);
    assert_eq!((node.got(deaf).len(), node.closed(deaf)), (20, Some(Flush::First)));
}

#[test]
fn what_is_vouched_for_finds_room_in_a_neighbours_queue_with_a_quarter_to_spare() {
    let mut node = Node::new(|settings| settings.peer_queue = 1 << 18);
    let (_neighbour, _judge, announcer) = (node.neighbour(), node.subscriber(TYPE), node.module());
    numbered(40, 32_000).iter().for_each(|one| node.announce(announcer, 3, TYPE, one));
    // With five of them waiting, 1.25 * 5 * 32,002 + 32,000 bytes fit into 2^18, with six they do not.
    assert_eq!(node.state.status(node.now).waiting, 6);
    assert!(node.metrics().announcements_parked > 0);
}

#[test]
fn what_waits_while_nothing_is_read_is_not_half_received() {
    let mut node = Node::new(|settings| (settings.pending_max, settings.partial_bytes) = (16, 1 << 20));
    let (judge, announcer) = (node.subscriber(TYPE), node.module());
    let all = numbered(120, 30_000);
    node.say_bytes(announcer, &all.iter().flat_map(|data| announce(data)).collect::<Vec<u8>>());
    assert!(node.is_reading_stopped(announcer), "and far more than a mebibyte waits");
    assert_eq!((node.closed(announcer), node.metrics().partials_crowded_out), (None, 0));
    assert_eq!(validate_all(&mut node, judge), all);
}

#[test]
fn a_neighbour_whose_queue_is_judged_is_not_pinged_before_it_has_been_silent_for_long_enough() {
    let mut node = Node::new(|settings| {
        settings.peer_queue = 1 << 18;
        settings.peer_stall_timeout = Duration::from_secs(20);
    });
    let (from, judge) = (node.neighbour(), node.subscriber(TYPE));
    let slow = node.join(([10, 2, 0, 1], 6001).into(), Some(1));
    node.deafen(slow);
    for (n, data) in (0..).zip(numbered(7, 30_000)) {
        node.hear(from, 9, n, TYPE, &data);
        validate_all(&mut node, judge);
    }
    // Above its mark, but it drains.
    node.read(slow, 60_000);
    node.pass_secs(10);
    node.say(slow, &PeerMessage::Pong.frame());
    node.pass_secs(11);
    let is_pinged = |node: &mut Node| node.take(slow).iter().any(|frame| frame.kind() == kind::PING);
    assert!(node.closed(slow).is_none() && !is_pinged(&mut node), "judged after 20 s, heard after 10");
    node.pass_secs(5);
    assert!(is_pinged(&mut node), "silent for 15 s");
}

//! PROTOCOL.md, sections 1 and 6: what modules may do on the API port, and what becomes of them.

use crate::harness::{Node, data_of};
use gossip_core::limits::{ANNOUNCE_DATA_MAX, API_CONNECTIONS_MAX, DATA_MAX};
use gossip_core::wire::{ApiMessage, kind};
use gossip_core::{Event, Flush, Listener, ModuleFault, Note};

const TYPE: u16 = 1337;

fn frame(size: u16, kind: u16, body: &[u8]) -> Vec<u8> {
    [&size.to_be_bytes()[..], &kind.to_be_bytes(), body].concat()
}

fn announce(ttl: u8, data: &[u8]) -> Vec<u8> {
    ApiMessage::Announce { ttl, data_type: TYPE, data }.frame().to_vec()
}

fn faults(node: &Node) -> Vec<ModuleFault> {
    let fault = |note: &Note| match note {
        Note::ModuleFault { fault, .. } => Some(*fault),
        _ => None,
    };
    node.notes.iter().filter_map(fault).collect()
}

#[test]
fn subscribing_twice_is_one_subscription() {
    let mut node = Node::new(|_| {});
    let (sender, module) = (node.neighbour(), node.subscriber(TYPE));
    node.subscribe(module, TYPE);
    assert_eq!(node.state.status(node.now).subscriptions, 1);
    node.hear(sender, 3, 7, TYPE, b"x");
    assert_eq!(node.told(module).len(), 1);
}

#[test]
fn subscriptions_belong_to_a_connection_and_end_with_it() {
    let mut node = Node::new(|_| {});
    let (sender, module, other) = (node.neighbour(), node.subscriber(TYPE), node.module());
    node.subscribe(module, TYPE + 1);
    node.reset(module);
    assert_eq!(node.state.status(node.now).subscriptions, 0);
    node.hear(sender, 3, 7, TYPE, b"x");
    assert_eq!((node.metrics().messages_unwanted, node.told(other)), (1, vec![]));
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_loses_nothing() {
    let mut node = Node::new(|_| {});
    let (neighbour, module) = (node.neighbour(), node.module());
    let notify = ApiMessage::Notify { data_type: TYPE }.frame().to_vec();
    let bytes = [notify, announce(3, b"one"), announce(3, b""), announce(3, &[7; 300])].concat();
    bytes.iter().for_each(|byte| node.say_bytes(module, &[*byte]));
    let told = node.told(module);
    assert_eq!(data_of(&told), [&b"one"[..], b"", &[7; 300]]);
    assert_eq!(node.got(neighbour).len(), 3);
}

#[test]
fn half_close_may_still_be_told_until_it_goes() {
    let mut node = Node::new(|_| {});
    let (sender, module) = (node.neighbour(), node.subscriber(TYPE));
    node.half_close(module);
    assert_eq!(node.closed(module), None);
    node.hear(sender, 3, 7, TYPE, b"x");
    assert_eq!(node.told(module).len(), 1);
    node.reset(module);
    assert_eq!((node.state.status(node.now).modules, node.state.status(node.now).subscriptions), (0, 0));
}

#[test]
fn half_close_without_a_subscription_is_closed_after_what_it_sent_counted() {
    let mut node = Node::new(|_| {});
    let (neighbour, module, announcer) = (node.neighbour(), node.subscriber(TYPE), node.module());
    node.say_bytes(announcer, &announce(3, b"x"));
    node.half_close(announcer);
    assert_eq!(node.closed(announcer), Some(Flush::First));
    let id = node.told_one(module).id;
    node.validate(module, id, true);
    assert_eq!(node.got(neighbour).len(), 1);
}

#[test]
fn a_half_closed_module_is_not_waited_for() {
    let mut node = Node::new(|_| {});
    let (sender, module) = (node.neighbour(), node.subscriber(TYPE));
    node.hear(sender, 3, 7, TYPE, b"x");
    node.half_close(module);
    assert_eq!((node.metrics().messages_unanswerable, node.state.status(node.now).waiting), (1, 0));
    // Another announcer's word does not hang on a module that can say no more.
    let announcer = node.subscriber(TYPE);
    node.announce(announcer, 3, TYPE, b"y");
    assert_eq!((node.metrics().messages_vouched, node.got(sender).len()), (1, 1));
    assert_eq!(node.told(module).len(), 2);
}

#[test]
fn data_of_65_525_bytes_crosses_and_more_is_refused_while_the_connection_goes_on() {
    for piece in [usize::MAX, 1_000] {
        let mut node = Node::new(|_| {});
        let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
        let largest: Vec<u8> = (0..DATA_MAX).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut say = |bytes: &[u8]| bytes.chunks(piece).for_each(|part| node.say_bytes(module, part));
        say(&announce(3, &largest));
        say(&announce(3, &vec![1; DATA_MAX + 1]));
        say(&announce(3, &[2; ANNOUNCE_DATA_MAX]));
        say(&announce(3, b"after"));
        let got = node.got(neighbour);
        assert_eq!(got.iter().map(|got| got.data.len()).collect::<Vec<_>>(), [DATA_MAX, 5], "pieces of {piece}");
        assert!(got[0].data == largest);
        let told = node.told(module);
        assert_eq!(told.len(), 2, "one that cannot be spread is not told either");
        let too_large = [ModuleFault::TooLarge { data: 65_526 }, ModuleFault::TooLarge { data: 65_527 }];
        assert_eq!((faults(&node), node.metrics().announcements_too_large), (too_large.to_vec(), 2));
        assert_eq!(node.closed(module), None);
    }
}

#[test]
fn a_malformed_frame_is_dropped_with_a_warning_that_shows_its_start() {
    let mut node = Node::new(|_| {});
    let module = node.module();
    let long = [&[0xab; 5][..], &[0; 95]].concat();
    let cases: [(u16, u16, &[u8]); 7] = [
        (4, kind::ANNOUNCE, &[]),
        (7, kind::ANNOUNCE, &[3, 0, 5]),
        (6, kind::NOTIFY, &[0, 0]),
        (9, kind::NOTIFY, &[0, 0, 5, 0x39, 1]),
        (104, kind::NOTIFY, &long),
        (104, kind::VALIDATION, &long),
        (7, kind::VALIDATION, &[0, 7, 0]),
    ];
    for (size, kind, body) in cases {
        let bytes = frame(size, kind, body);
        node.say_bytes(module, &bytes);
        let mut start = [0; 16];
        start.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        assert_eq!(faults(&node).last(), Some(&ModuleFault::WrongBodyLength { kind, size, start }));
    }
    assert_eq!((node.metrics().frames_malformed, node.state.status(node.now).subscriptions), (7, 0));
    assert!(faults(&node)[0].to_string().ends_with("it begins 00 04 01 f4"), "{}", faults(&node)[0]);
    node.subscribe(module, TYPE);
    assert_eq!((node.closed(module), node.state.status(node.now).subscriptions), (None, 1));
}

#[test]
fn a_type_without_business_on_the_api_port_is_dropped_without_an_answer() {
    let mut node = Node::new(|_| {});
    let module = node.module();
    for kind in [0, 499, kind::NOTIFICATION, kind::PEER_REQUEST, kind::PEER_NOTIFICATION, 512, 520, 65_535] {
        node.say_bytes(module, &frame(12, kind, &[0; 8]));
        assert_eq!(faults(&node).last(), Some(&ModuleFault::UnknownType { kind, size: 12 }));
    }
    node.say_bytes(module, &frame(4, kind::PING, &[]));
    assert_eq!((faults(&node).len(), node.metrics().frames_unknown), (8, 9), "old peers PING on the API port too");
    assert_eq!((node.take(module), node.closed(module)), (vec![], None));
    // Skipped as it comes in, not stored: half of a large one, then the rest and a good one.
    node.say_bytes(module, &frame(60_000, 700, &[0; 30_000]));
    node.say_bytes(module, &[&[0; 29_996][..], &ApiMessage::Notify { data_type: TYPE }.frame().to_vec()].concat());
    assert_eq!(node.state.status(node.now).subscriptions, 1);
}

#[test]
fn a_size_below_4_closes_and_what_came_before_counts() {
    for size in 0..4 {
        let mut node = Node::new(|_| {});
        let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
        node.say_bytes(module, &[announce(3, b"x"), frame(size, kind::NOTIFY, &[0; 40])].concat());
        assert_eq!(faults(&node), [ModuleFault::ImpossibleSize { size }]);
        assert_eq!(node.closed(module), Some(Flush::Discard));
        assert_eq!((node.got(neighbour).len(), node.state.status(node.now).modules), (1, 0));
    }
}

#[test]
fn a_size_below_4_behind_parked_announcements_closes_once_and_they_still_count() {
    let mut node = Node::new(|settings| settings.pending_max = 16);
    let (neighbour, judge, module) = (node.neighbour(), node.subscriber(TYPE), node.module());
    let many: Vec<u8> = (0..20u8).flat_map(|n| announce(3, &[n])).collect();
    node.say_bytes(module, &[many, frame(3, kind::NOTIFY, &[0; 40])].concat());
    assert_eq!((faults(&node).len(), node.closed(module)), (1, Some(Flush::Discard)));
    let mut seen = Vec::new();
    loop {
        let told = node.told(judge);
        if told.is_empty() {
            break;
        }
        told.iter().for_each(|told| node.validate(judge, told.id, true));
        seen.extend(told.into_iter().flat_map(|told| told.data));
    }
    assert_eq!(seen, (0..20).collect::<Vec<u8>>());
    assert_eq!(node.got(neighbour).len(), 20);
}

#[test]
fn an_event_about_a_module_that_is_gone_is_ignored() {
    let mut node = Node::new(|settings| settings.pending_max = 16);
    let (judge, module) = (node.subscriber(TYPE), node.module());
    (0..20u8).for_each(|n| node.announce(module, 3, TYPE, &[n]));
    node.reset(module);
    let before = node.metrics().clone();
    let bytes = announce(3, b"from beyond");
    node.handle(Event::Received { connection: module, bytes: &bytes });
    node.handle(Event::ReadClosed { connection: module });
    node.handle(Event::Closed { connection: module });
    node.handle(Event::Written { connection: module, bytes: 99 });
    assert_eq!(*node.metrics(), before, "its parked announcements go on, nothing is added");
    node.pass_secs(60);
    assert!(node.told(judge).iter().all(|told| told.data != b"from beyond"));
    assert_eq!((node.state.status(node.now).modules, node.state.status(node.now).parked_bytes), (1, 0));
}

#[test]
fn a_module_that_stalls_is_disconnected_with_a_note_that_names_it_and_others_lose_nothing() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 18);
    let (sender, healthy, stalled) = (node.neighbour(), node.subscriber(TYPE), node.subscriber(TYPE));
    node.deafen(stalled);
    // Above its mark, not full: judged by the timer.
    for id in 0..8 {
        node.hear(sender, 3, id, TYPE, &[0; 20_000]);
    }
    node.pass_secs(29);
    assert_eq!(node.closed(stalled), None);
    node.pass_secs(1);
    assert_eq!(node.closed(stalled), Some(Flush::Discard));
    let named = node.notes.iter().find_map(|note| match note {
        Note::ModuleStalled { connection, remote, queued } => Some((*connection, remote.to_string(), *queued)),
        _ => None,
    });
    let (connection, remote, queued) = named.expect("a note");
    assert_eq!((connection, queued), (stalled, 8 * 20_008));
    assert!(remote.starts_with("127.0.0.1:4000"), "{remote}");
    assert_eq!((node.told(healthy).len(), node.closed(healthy)), (8, None));
    assert_eq!(node.state.status(node.now).subscriptions, 1);
}

#[test]
fn a_module_with_a_full_queue_that_reads_nothing_is_disconnected_sooner() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 18);
    let (sender, healthy, stalled) = (node.neighbour(), node.subscriber(TYPE), node.subscriber(TYPE));
    node.deafen(stalled);
    for id in 0..14 {
        node.hear(sender, 3, id, TYPE, &[0; 20_000]);
    }
    assert_eq!((node.closed(stalled), node.metrics().notifications_dropped), (None, 1), "a burst alone is no stall");
    node.pass_secs(4);
    node.hear(sender, 3, 99, TYPE, &[0; 20_000]);
    assert_eq!((node.closed(stalled), node.metrics().modules_stalled), (Some(Flush::Discard), 1));
    assert_eq!(node.told(healthy).len(), 15);
}

#[test]
fn a_slow_module_that_drains_a_quarter_in_time_stays() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 18);
    let (sender, slow) = (node.neighbour(), node.subscriber(TYPE));
    node.deafen(slow);
    (0..100).for_each(|id| node.hear(sender, 3, id, TYPE, &[0; 2_000]));
    for id in 100..1_000 {
        node.hear(sender, 3, id, TYPE, &[0; 2_000]);
        node.read(slow, 2_008);
        node.pass_secs(1);
    }
    assert_eq!((node.closed(slow), node.told(slow).len()), (None, 1_000));
}

#[test]
fn shutting_down_lets_what_is_queued_go_out_and_forgets_everything() {
    let mut node = Node::new(|settings| settings.api_queue = 1 << 20);
    let (sender, module) = (node.neighbour(), node.subscriber(TYPE));
    node.deafen(module);
    for id in 0..20 {
        node.hear(sender, 3, id, TYPE, &[0; 20_000]);
    }
    node.handle(Event::Shutdown);
    assert_eq!((node.told(module).len(), node.closed(module)), (20, Some(Flush::First)));
    assert!(node.closed(sender).is_some());
    node.pass_secs(70);
    assert_eq!(node.state.status(node.now), gossip_core::Status::default());
    assert_eq!(node.state.deadline(), None);
}

#[test]
fn subscriptions_are_listed_by_type_with_how_many_there_are() {
    let mut node = Node::new(|_| {});
    assert_eq!(node.state.subscriptions().count(), 0);
    let (one, _other) = (node.subscriber(TYPE), node.subscriber(TYPE));
    node.subscribe(one, 7);
    assert_eq!(node.state.subscriptions().collect::<Vec<_>>(), [(7, 1), (TYPE, 2)]);
    node.reset(one);
    assert_eq!(node.state.subscriptions().collect::<Vec<_>>(), [(TYPE, 1)]);
}

#[test]
fn past_the_bound_of_connections_a_module_is_closed_at_once_until_another_goes() {
    let mut node = Node::new(|_| {});
    let first = node.module();
    (1..API_CONNECTIONS_MAX).for_each(|_| _ = node.module());
    let refused = node.module();
    assert_eq!((node.closed(first), node.closed(refused)), (None, Some(Flush::Discard)));
    assert_eq!((node.metrics().api_accepted, node.metrics().api_refused), (API_CONNECTIONS_MAX as u64, 1));
    node.reset(first);
    let after = node.module();
    assert_eq!((node.closed(after), node.state.status(node.now).modules), (None, API_CONNECTIONS_MAX));
}

#[test]
fn nobody_is_let_in_once_the_node_ends_and_a_drivers_mistake_changes_nothing() {
    let mut node = Node::new(|_| {});
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    for connection in [neighbour, module] {
        for listener in [Listener::Api, Listener::P2p] {
            node.handle(Event::Accepted { connection, listener, remote: ([10, 0, 0, 1], 1).into() });
        }
    }
    assert_eq!((node.metrics().api_accepted, node.state.status(node.now).modules), (1, 1), "known already");
    node.hear(neighbour, 3, 7, TYPE, b"x");
    assert_eq!(node.told(module).len(), 1, "what it calls so goes on as it is");
    node.handle(Event::Shutdown);
    let late = [Listener::Api, Listener::P2p].map(|listener| node.accept(listener, ([10, 0, 0, 2], 1).into()));
    assert_eq!(late.map(|id| node.closed(id)), [Some(Flush::Discard); 2]);
}

//! PROTOCOL.md, section 5: the rules of spreading, each alone.

use crate::harness::{Got, Node, Told, data_of};
use gossip_core::wire::{ApiMessage, Payload, kind, peer_notification};
use gossip_core::{ConnectionId, Note};

const TYPE: u16 = 1337;

/// A node, one neighbour, and a module subscribed to [`TYPE`].
fn with_one_each() -> (Node, ConnectionId, ConnectionId) {
    let mut node = Node::new(|_| {});
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    (node, neighbour, module)
}

#[test]
fn an_announced_ttl_goes_out_one_less_and_0_as_255() {
    for (ttl, expected) in [(0, 255), (1, 0), (2, 1), (3, 2), (255, 254)] {
        let (mut node, neighbour, module) = with_one_each();
        node.announce(module, ttl, TYPE, b"x");
        let got = node.got(neighbour);
        assert_eq!(got.iter().map(|got| got.ttl).collect::<Vec<_>>(), [expected], "announced with {ttl}");
        assert_eq!((got[0].data_type, got[0].data.as_slice()), (TYPE, &b"x"[..]));
    }
}

#[test]
fn a_peers_ttl_0_is_told_and_goes_no_further_and_t_goes_on_as_t_minus_1() {
    for (ttl, expected) in [(0, None), (1, Some(0)), (2, Some(1)), (254, Some(253)), (255, Some(254))] {
        let (mut node, sender, module) = with_one_each();
        let other = node.neighbour();
        node.hear(sender, ttl, 7, TYPE, b"x");
        assert_eq!(node.told_one(module), Told { id: 7, data_type: TYPE, data: b"x".to_vec() });
        node.validate(module, 7, true);
        let on = node.got(other);
        assert_eq!(on.first().map(|got| (got.ttl, got.id)), expected.map(|ttl| (ttl, 7)), "heard with {ttl}");
        assert_eq!(on.len(), usize::from(expected.is_some()));
    }
}

#[test]
fn rule_1_what_no_module_here_wants_is_dropped_and_not_remembered() {
    let mut node = Node::new(|_| {});
    let neighbour = node.neighbour();
    node.hear(neighbour, 3, 7, TYPE, b"x");
    assert_eq!((node.metrics().messages_unwanted, node.state.status(node.now).seen), (1, 0));
    let module = node.subscriber(TYPE);
    assert_eq!(node.told(module), []);
    node.hear(neighbour, 3, 7, TYPE, b"x");
    assert_eq!(node.told_one(module).id, 7, "not taken for a copy");
}

#[test]
fn rule_2_every_subscriber_is_told_the_announcer_included() {
    let mut node = Node::new(|_| {});
    let modules: Vec<_> = (0..3).map(|_| node.subscriber(TYPE)).collect();
    let stranger = node.subscriber(TYPE + 1);
    node.announce(modules[1], 3, TYPE, b"x");
    let told: Vec<Told> = modules.iter().map(|module| node.told_one(*module)).collect();
    assert!(told.iter().all(|one| *one == told[0] && one.data == b"x"), "{told:?}");
    assert_eq!(node.told(stranger), []);
}

#[test]
fn rule_3_the_first_validation_decides() {
    for (first, second) in [(true, false), (false, true)] {
        let (mut node, sender, one) = with_one_each();
        let (two, other) = (node.subscriber(TYPE), node.neighbour());
        node.hear(sender, 3, 7, TYPE, b"x");
        let (id_one, id_two) = (node.told_one(one).id, node.told_one(two).id);
        node.validate(two, id_two, first);
        assert_eq!(node.got(other).len(), usize::from(first));
        node.validate(one, id_one, second);
        assert_eq!(node.got(other), [], "decided already");
        let metrics = node.metrics();
        assert_eq!((metrics.messages_valid, metrics.messages_refused), (u64::from(first), u64::from(!first)));
        assert_eq!((metrics.validations, metrics.validations_ignored), (1, 1));
    }
}

#[test]
fn rule_3_v_0_drops_the_message_and_its_copies() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.validate(module, 7, false);
    node.hear(other, 30, 7, TYPE, b"x");
    assert_eq!(node.told(module).len(), 1, "told once");
    assert_eq!((node.got(sender), node.got(other)), (vec![], vec![]));
    assert_eq!((node.metrics().messages_refused, node.metrics().messages_duplicate), (1, 1));
}

#[test]
fn rule_3_only_the_lowest_bit_of_validation_counts() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    for (id, flags, valid) in [(7u16, 0xfffe_u16, false), (8, 0xffff, true)] {
        node.hear(sender, 3, id, TYPE, &id.to_be_bytes());
        let [id_high, id_low] = id.to_be_bytes();
        let [high, low] = flags.to_be_bytes();
        node.say_bytes(module, &[0, 8, 1, 0xf7, id_high, id_low, high, low]);
        assert_eq!(node.got(other).len(), usize::from(valid), "flags {flags:04x}");
    }
}

#[test]
fn rule_3_a_late_validation_is_ignored_and_the_message_is_not_told_again() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.pass_secs(5);
    assert_eq!((node.metrics().messages_timed_out, node.state.status(node.now).waiting), (1, 0));
    node.validate(module, 7, true);
    assert_eq!((node.metrics().validations, node.metrics().validations_ignored), (0, 1));
    node.hear(other, 3, 7, TYPE, b"x");
    assert_eq!((node.got(sender), node.got(other)), (vec![], vec![]));
    assert_eq!(node.told(module).len(), 1);
}

#[test]
fn rule_3_a_validation_just_in_time_counts() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.pass(gossip_core::time::Duration::from_micros(4_999_999));
    node.validate(module, 7, true);
    assert_eq!(node.got(other).len(), 1);
}

#[test]
fn rule_3_validating_twice_spreads_once() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.validate(module, 7, true);
    node.validate(module, 7, true);
    node.validate(module, 7, false);
    assert_eq!(node.got(other).len(), 1);
    assert_eq!(node.metrics().validations_ignored, 2);
}

#[test]
fn rule_3_an_id_that_the_module_was_never_told_decides_nothing() {
    let (mut node, sender, module) = with_one_each();
    let (other, stranger) = (node.neighbour(), node.subscriber(TYPE + 1));
    node.hear(sender, 3, 7, TYPE, b"x");
    node.validate(module, 8, true);
    // Told to another module, not to this one.
    node.validate(stranger, 7, true);
    node.validate(stranger, 7, false);
    assert_eq!((node.got(other), node.metrics().validations_ignored), (vec![], 3));
    node.validate(module, 7, true);
    assert_eq!(node.got(other).len(), 1, "the one who was asked still decides");
}

#[test]
fn rule_3_a_message_is_dropped_when_every_asked_connection_closed() {
    let (mut node, sender, one) = with_one_each();
    let (two, other) = (node.subscriber(TYPE), node.neighbour());
    node.hear(sender, 3, 7, TYPE, b"x");
    node.reset(one);
    assert_eq!(node.state.status(node.now).waiting, 1);
    node.reset(two);
    assert_eq!((node.state.status(node.now).waiting, node.metrics().messages_unanswerable), (0, 1));
    node.subscriber(TYPE);
    node.pass_secs(10);
    assert_eq!(node.got(other), []);
}

#[test]
fn announcers_word_yes_spreads_at_once_and_ignores_its_answer() {
    let (mut node, neighbour, module) = with_one_each();
    node.announce(module, 3, TYPE, b"x");
    let told = node.told_one(module);
    assert_eq!(node.got(neighbour), [Got { ttl: 2, id: told.id, data_type: TYPE, data: b"x".to_vec() }]);
    node.validate(module, told.id, false);
    assert_eq!((node.metrics().messages_vouched, node.metrics().messages_refused), (1, 0));
    assert_eq!(node.metrics().validations_ignored, 1);
}

#[test]
fn announcers_word_no_waits_like_any_other() {
    let mut node = Node::new(|settings| settings.announcer_vouches = false);
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    node.announce(module, 3, TYPE, b"x");
    assert_eq!(node.got(neighbour), []);
    let id = node.told_one(module).id;
    node.validate(module, id, true);
    assert_eq!(node.got(neighbour).len(), 1);
    node.announce(module, 3, TYPE, b"y");
    node.reset(module);
    assert_eq!((node.got(neighbour), node.metrics().messages_unanswerable), (vec![], 1));
}

#[test]
fn announcers_word_does_not_count_when_another_module_could_answer() {
    let (mut node, neighbour, announcer) = with_one_each();
    let other = node.subscriber(TYPE);
    node.announce(announcer, 3, TYPE, b"x");
    assert_eq!(node.got(neighbour), []);
    let id = node.told_one(other).id;
    node.validate(other, id, true);
    assert_eq!(node.got(neighbour).len(), 1);
}

#[test]
fn announcers_word_holds_when_it_closes_right_after_announce_in_one_write() {
    let mut node = Node::new(|_| {});
    let (neighbour, module) = (node.neighbour(), node.module());
    let notify = ApiMessage::Notify { data_type: TYPE }.frame().to_vec();
    let announce = ApiMessage::Announce { ttl: 3, data_type: TYPE, data: b"x" }.frame().to_vec();
    node.say_bytes(module, &[notify, announce].concat());
    node.half_close(module);
    node.reset(module);
    assert_eq!(node.got(neighbour).len(), 1);
    assert_eq!(node.state.status(node.now).subscriptions, 0);
}

#[test]
fn an_announcer_that_is_not_subscribed_leaves_the_word_to_others_also_when_it_closes() {
    let (mut node, neighbour, module) = with_one_each();
    let announcer = node.module();
    node.announce(announcer, 3, TYPE, b"x");
    node.half_close(announcer);
    assert!(node.closed(announcer).is_some(), "nothing more to be said or told");
    let told = node.told_one(module);
    assert_eq!(node.got(neighbour), []);
    node.validate(module, told.id, true);
    assert_eq!(node.got(neighbour).len(), 1);
    let lonely = node.module();
    node.announce(lonely, 3, TYPE + 1, b"x");
    node.reset(lonely);
    assert_eq!((node.got(neighbour), node.metrics().messages_unwanted), (vec![], 1));
}

#[test]
fn rule_4_at_most_degree_neighbours_get_it_and_all_do_in_the_long_run() {
    let mut node = Node::new(|settings| settings.degree = 3);
    let neighbours: Vec<_> = (0..8).map(|_| node.neighbour()).collect();
    let module = node.subscriber(TYPE);
    let mut counts = [0; 8];
    for n in 0..100u8 {
        node.announce(module, 3, TYPE, &[n]);
        let got: Vec<usize> = neighbours.iter().map(|neighbour| node.got(*neighbour).len()).collect();
        assert_eq!((got.iter().sum::<usize>(), got.iter().max()), (3, Some(&1)));
        counts.iter_mut().zip(got).for_each(|(count, got)| *count += got);
    }
    assert!(counts.iter().all(|count| (20..=55).contains(count)), "{counts:?}");
}

#[test]
fn rule_4_never_back_to_one_that_sent_a_copy() {
    let (mut node, first, module) = with_one_each();
    let (second, third) = (node.neighbour(), node.neighbour());
    node.hear(first, 3, 7, TYPE, b"x");
    node.hear(second, 3, 7, TYPE, b"x");
    node.validate(module, 7, true);
    assert_eq!((node.got(first), node.got(second), node.got(third).len()), (vec![], vec![], 1));
    // Held for a third target: a copy comes from the only one who has none... and it returns to nobody.
    node.hear(third, 3, 7, TYPE, b"x");
    assert!([first, second, third].into_iter().all(|neighbour| node.got(neighbour).is_empty()));
}

#[test]
fn rule_4_a_message_is_held_for_neighbours_who_come_within_suppression_time() {
    let mut node = Node::new(|settings| settings.degree = 2);
    let module = node.subscriber(TYPE);
    node.announce(module, 3, TYPE, b"x");
    node.pass_secs(59);
    let (one, two, three) = (node.neighbour(), node.neighbour(), node.neighbour());
    let got = node.got(one);
    assert_eq!(data_of_got(&got), [b"x"]);
    assert_eq!(got[0].ttl, 2);
    assert_eq!((node.got(two), node.got(three)), (got, vec![]), "degree is two");
    node.announce(module, 1, TYPE, b"y");
    let before: usize = [one, two, three].into_iter().map(|neighbour| node.got(neighbour).len()).sum();
    assert_eq!(before, 2);
    let mut late = Node::new(|_| {});
    let module = late.subscriber(TYPE);
    late.announce(module, 3, TYPE, b"x");
    late.pass_secs(61);
    let neighbour = late.neighbour();
    assert_eq!((late.got(neighbour), late.state.status(late.now).held), (vec![], 0));
}

#[test]
fn rule_4_cache_size_bounds_what_is_held_and_the_oldest_leave() {
    let mut node = Node::new(|settings| settings.cache_size = 5);
    let module = node.subscriber(TYPE);
    (0..8u8).for_each(|n| node.announce(module, 3, TYPE, &[n]));
    assert_eq!((node.state.status(node.now).held, node.metrics().messages_held_dropped), (5, 3));
    let neighbour = node.neighbour();
    assert_eq!(data_of_got(&node.got(neighbour)), [[3], [4], [5], [6], [7]]);
}

#[test]
fn rule_4_ttl_0_is_never_held() {
    let (mut node, sender, module) = with_one_each();
    node.hear(sender, 0, 7, TYPE, b"x");
    node.validate(module, 7, true);
    assert_eq!(node.state.status(node.now).held, 0);
}

#[test]
fn rule_5_while_a_message_waits_the_greatest_ttl_of_its_copies_counts() {
    let (mut node, first, module) = with_one_each();
    let (second, third) = (node.neighbour(), node.neighbour());
    node.hear(first, 1, 7, TYPE, b"x");
    node.hear(second, 9, 7, TYPE, b"x");
    node.hear(second, 4, 7, TYPE, b"x");
    node.validate(module, 7, true);
    assert_eq!(node.got(third).first().map(|got| got.ttl), Some(8));
    node.hear(first, 17, 7, TYPE, b"x");
    assert_eq!(node.got(third), [], "less than twice the 9 that it was spread with");
    node.hear(first, 18, 7, TYPE, b"x");
    assert_eq!(node.got(third).first().map(|got| got.ttl), Some(17));
    assert_eq!(node.told(module).len(), 1);
}

#[test]
fn rule_5_a_copy_with_twice_the_ttl_is_spread_again_without_telling_modules() {
    let (mut node, first, module) = with_one_each();
    let (second, third) = (node.neighbour(), node.neighbour());
    node.hear(first, 2, 7, TYPE, b"x");
    node.validate(module, 7, true);
    assert_eq!(node.got(third).first().map(|got| got.ttl), Some(1));
    node.got(second);
    node.hear(second, 3, 7, TYPE, b"x");
    assert_eq!(node.got(third), [], "an honest difference of a hop");
    node.hear(second, 4, 7, TYPE, b"x");
    assert_eq!(node.got(third).first().map(|got| got.ttl), Some(3));
    node.hear(second, 255, 7, TYPE, b"x");
    assert_eq!(node.got(third).first().map(|got| got.ttl), Some(254));
    node.hear(first, 255, 7, TYPE, b"x");
    assert_eq!((node.got(third), node.metrics().messages_respread), (vec![], 2), "255 counts as 32 on both sides");
    assert_eq!((node.told(module).len(), node.metrics().validations), (1, 1));
}

#[test]
fn rule_6_copies_are_dropped_until_suppression_time_after_the_decision() {
    let (mut node, sender, module) = with_one_each();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.pass_secs(4);
    node.validate(module, 7, true);
    assert_eq!(node.told(module).len(), 1);
    for _ in 0..59 {
        node.pass_secs(1);
        node.hear(sender, 3, 7, TYPE, b"x");
    }
    assert_eq!(node.told(module), [], "copies do not prolong it, and are not told");
    node.pass_secs(3);
    node.hear(sender, 3, 7, TYPE, b"x");
    assert_eq!(node.told(module).len(), 1, "forgotten: new again");
    node.pass_secs(5);
    node.pass_secs(62);
    assert_eq!(node.state.status(node.now).seen, 0);
}

#[test]
fn rule_6_a_refused_and_a_timed_out_message_are_remembered_as_well() {
    for refuse in [true, false] {
        let (mut node, sender, module) = with_one_each();
        node.hear(sender, 3, 7, TYPE, b"x");
        if refuse {
            node.validate(module, 7, false);
        }
        node.pass_secs(50);
        node.hear(sender, 3, 7, TYPE, b"x");
        assert_eq!(node.told(module).len(), 1, "refused: {refuse}");
    }
}

#[test]
fn identity_two_messages_that_merely_share_an_id_are_both_delivered() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.subscribe(module, TYPE + 1);
    node.hear(sender, 3, 7, TYPE, b"x");
    node.hear(sender, 3, 7, TYPE, b"y");
    node.hear(sender, 3, 7, TYPE + 1, b"x");
    let told = node.told(module);
    assert_eq!(data_of(&told), [b"x", b"y", b"x"]);
    assert!(told[0].id == 7 && told[1].id != 7 && told[2].id != 7 && told[1].id != told[2].id, "{told:?}");
    // Each answer decides its own message; towards peers the wire's id is kept.
    node.validate(module, told[1].id, true);
    assert_eq!(node.got(other), [Got { ttl: 2, id: 7, data_type: TYPE, data: b"y".to_vec() }]);
    node.validate(module, told[2].id, false);
    node.validate(module, told[0].id, true);
    assert_eq!(node.got(other), [Got { ttl: 2, id: 7, data_type: TYPE, data: b"x".to_vec() }]);
    assert_eq!(node.metrics().messages_refused, 1);
}

#[test]
fn identity_an_id_is_free_again_once_it_was_answered() {
    let (mut node, sender, module) = with_one_each();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.validate(module, 7, true);
    node.hear(sender, 3, 7, TYPE, b"y");
    assert_eq!(node.told(module).iter().map(|told| told.id).collect::<Vec<_>>(), [7, 7]);
}

#[test]
fn identity_a_late_answer_never_decides_another_message() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    node.hear(sender, 3, 7, TYPE, b"x");
    node.pass_secs(6);
    node.hear(sender, 3, 7, TYPE, b"y");
    let told = node.told(module);
    assert_ne!(told[1].id, 7, "7 stays taken until its answer or suppression_time");
    node.validate(module, 7, true);
    assert_eq!(node.got(other), []);
    node.validate(module, told[1].id, true);
    assert_eq!(data_of_got(&node.got(other)), [b"y"]);
}

#[test]
fn identity_two_announcements_of_the_same_are_two_messages() {
    let (mut node, neighbour, module) = with_one_each();
    node.announce(module, 3, TYPE, b"x");
    node.announce(module, 3, TYPE, b"x");
    let got = node.got(neighbour);
    assert_eq!(got.len(), 2);
    assert_ne!(got[0].id, got[1].id);
}

#[test]
fn a_connection_with_32_768_ids_taken_is_a_listener_until_none_is() {
    let mut node = Node::new(|settings| settings.pending_max = 131_072);
    let (sender, module, other) = (node.neighbour(), node.subscriber(TYPE), node.neighbour());
    let hear = |node: &mut Node, n: u32| {
        let id = u16::try_from(n & 0xffff).unwrap();
        node.hear(sender, 3, id, TYPE, &n.to_be_bytes());
    };
    (0..32_767).for_each(|n| hear(&mut node, n));
    assert_eq!(node.metrics().modules_listening, 0);
    hear(&mut node, 32_767);
    assert_eq!(node.metrics().modules_listening, 1);
    assert!(matches!(node.notes.last(), Some(Note::ModuleIsListener { connection, .. }) if *connection == module));
    assert_eq!(node.told(module).len(), 32_768);
    // Told, not waited for; its answers, to old ones too, are ignored.
    hear(&mut node, 32_768);
    let told = node.told_one(module);
    assert_eq!((node.metrics().messages_unanswerable, node.state.status(node.now).waiting), (1, 32_768));
    node.validate(module, told.id, true);
    node.validate(module, 5, true);
    assert_eq!((node.got(other), node.metrics().validations_ignored), (vec![], 2));
    // Its own word still holds.
    node.announce(module, 3, TYPE, b"own");
    assert_eq!(data_of_got(&node.got(other)), [b"own"]);
    // A second module that answers decides for both.
    let second = node.subscriber(TYPE);
    hear(&mut node, 32_769);
    let id = node.told_one(second).id;
    node.validate(second, id, true);
    assert_eq!(node.got(other).len(), 1);
    node.reset(second);
    node.pass_secs(62);
    node.told(module);
    hear(&mut node, 99_999);
    let id = node.told_one(module).id;
    node.validate(module, id, true);
    assert_eq!(node.got(other).len(), 1, "no id is taken any more: asked again");
}

#[test]
fn an_unsubscribed_port_type_costs_nothing_and_reserved_fields_are_ignored() {
    let (mut node, neighbour, module) = with_one_each();
    node.say_bytes(module, &[0, 9, 1, 0xf4, 3, 0xff, 5, 0x39, b'x']);
    assert_eq!(node.got(neighbour).len(), 1);
    node.say_bytes(neighbour, &[0, 11, 1, 0xff, 3, 0xff, 0, 9, 5, 0x39, b'y']);
    assert_eq!(node.told(module).last().map(|told| (told.id, told.data.clone())), Some((9, b"y".to_vec())));
    node.say_bytes(module, &[0, 8, 1, 0xf5, 0xff, 0xff, 0, 1]);
    assert_eq!(node.state.status(node.now).subscriptions, 2);
    assert!(node.take(neighbour).iter().all(|frame| frame.kind() != kind::NOTIFICATION));
}

#[test]
fn the_last_step_of_suppression_holds_for_announcements_that_come_back() {
    let (mut node, neighbour, module) = with_one_each();
    node.announce(module, 3, TYPE, b"x");
    let got = node.got(neighbour);
    node.hear(neighbour, 2, got[0].id, TYPE, b"x");
    assert_eq!((node.told(module).len(), node.metrics().messages_duplicate), (1, 1));
    assert_eq!(node.got(neighbour), []);
}

fn data_of_got(got: &[Got]) -> Vec<&[u8]> {
    got.iter().map(|one| one.data.as_slice()).collect()
}

#[test]
fn each_neighbours_traffic_is_what_went_over_its_own_connection() {
    let (mut node, sender, module) = with_one_each();
    let other = node.neighbour();
    let traffic = |node: &Node| {
        let of = |status: gossip_core::NeighbourStatus| (status.address, status.traffic);
        node.state.status(node.now).neighbours.into_iter().map(of).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = traffic(&node);
    let size = peer_notification(2, 7, &Payload::new(TYPE, b"xyz")).len() as u64;
    node.hear(sender, 3, 7, TYPE, b"xyz");
    node.hear(sender, 3, 7, TYPE, b"xyz");
    node.validate(module, 7, true);
    assert_eq!((node.got(other).len(), node.got(sender).len()), (1, 0));
    let grown: Vec<_> = traffic(&node)
        .into_iter()
        .map(|(address, now)| {
            let was = before[&address];
            let bytes = (now.bytes_in - was.bytes_in, now.bytes_out - was.bytes_out);
            (bytes, (now.messages_in - was.messages_in, now.messages_out - was.messages_out))
        })
        .collect();
    let (sends, hears) = (((2 * size, 0), (2, 0)), ((0, size), (0, 1)));
    assert!(grown.contains(&sends) && grown.contains(&hears) && grown.len() == 2, "{grown:?}");
}

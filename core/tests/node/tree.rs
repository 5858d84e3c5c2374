//! PROTOCOL.md, section 13: who is pushed to, who is offered what, who is asked when; each rule alone.

use crate::harness::{Got, Node};
use gossip_core::time::Duration;
use gossip_core::wire::{
    Digest, Digests, Features, Frame, Interest, Offer, Offers, PeerMessage, Tree, TreeAction, kind,
};
use gossip_core::{ConnectionId, Settings, Spreading, limits};
use std::net::SocketAddr;

const TYPE: u16 = 1337;
const FAR: u8 = 250;

/// What a neighbour is told that is not about joining.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Offer(u16, Vec<Digest>),
    Prune(u16),
    Graft(u16),
    Have,
    Want(Vec<Digest>),
    Message(Got),
}

fn read(frame: &Frame) -> Option<Heard> {
    let bytes = frame.to_vec();
    match PeerMessage::decode(frame.kind(), &bytes[4..]).unwrap() {
        PeerMessage::Tree(Tree { action, data_type, offers }) => Some(match action {
            TreeAction::Prune => Heard::Prune(data_type),
            TreeAction::Graft => Heard::Graft(data_type),
            TreeAction::Offer => Heard::Offer(data_type, offers.iter().map(|offer| offer.digest).collect()),
            TreeAction::Other(number) => panic!("action {number}"),
        }),
        PeerMessage::IHave(_) => Some(Heard::Have),
        PeerMessage::IWant(digests) => Some(Heard::Want(digests.iter().collect())),
        PeerMessage::PeerNotification { ttl, id, data_type, data } => {
            Some(Heard::Message(Got { ttl, id, data_type, data: data.to_vec() }))
        }
        _ => None,
    }
}

fn heard(node: &mut Node, id: ConnectionId) -> Vec<Heard> {
    node.take(id).iter().filter_map(read).collect()
}

/// Section 12, in other words.
fn digest(id: u16, data_type: u16, data: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let all = [&id.to_be_bytes()[..], &data_type.to_be_bytes(), data].concat();
    Sha256::digest(&all)[..8].iter().fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

fn address(n: u8) -> SocketAddr {
    ([10, 2, 0, n], 6001).into()
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn node_with(change: impl FnOnce(&mut Settings)) -> (Node, ConnectionId) {
    let mut node = Node::new(|settings| {
        (settings.degree, settings.spreading) = (8, Spreading::Tree);
        change(settings);
    });
    let module = node.subscriber(TYPE);
    (node, module)
}

/// A node that can, and a module.
fn tree_node() -> (Node, ConnectionId) {
    node_with(|_| {})
}

/// The `n`th neighbour that can, of this interest. What it was told at first is taken.
fn partner(node: &mut Node, n: u8, types: &[u16]) -> ConnectionId {
    let id = node.join_with(address(n), Some(u64::from(n)), Features::REPAIR.with(Features::TREE));
    node.say(id, &Interest::frame_of(types));
    node.pass(millis(50));
    node.take(id);
    id
}

fn partners(node: &mut Node, count: u8) -> Vec<ConnectionId> {
    (1..=count).map(|n| partner(node, n, &[TYPE])).collect()
}

fn turn(node: &mut Node, id: ConnectionId, action: TreeAction) {
    node.say(id, &Tree::turn(action, TYPE));
}

fn offer(node: &mut Node, id: ConnectionId, digest: Digest) {
    node.say(id, &Tree::frame_of(TYPE, &[Offer { digest, age: 1 }]));
}

/// A message comes from a neighbour and is vouched for.
fn learn(node: &mut Node, from: ConnectionId, module: ConnectionId, id: u16, ttl: u8) -> Digest {
    node.hear(from, ttl, id, TYPE, b"x");
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    digest(id, TYPE, b"x")
}

fn messages(heard: &[Heard]) -> usize {
    heard.iter().filter(|one| matches!(one, Heard::Message(_))).count()
}

#[test]
fn the_capability_is_said_with_the_setting_and_a_knowledge_base_only() {
    for (spreading, cache_size, can) in
        [(Spreading::Tree, 9, true), (Spreading::Tree, 0, false), (Spreading::Push, 9, false)]
    {
        let mut node = Node::new(|settings| (settings.spreading, settings.cache_size) = (spreading, cache_size));
        let id = node.accept(gossip_core::Listener::P2p, address(1));
        node.say(id, &PeerMessage::Hello { address: address(1) }.frame());
        let frames = node.take(id);
        let bytes = frames.iter().find(|frame| frame.kind() == kind::CAPABILITIES).unwrap().to_vec();
        let said = PeerMessage::decode(kind::CAPABILITIES, &bytes[4..]).unwrap();
        let PeerMessage::Capabilities(said) = said else { panic!() };
        assert_eq!(said.features.has(Features::TREE), can, "{spreading:?}, cache_size {cache_size}");
    }
}

#[test]
fn who_pruned_is_offered_within_5_ms_and_gets_what_it_asks_for_and_who_grafts_is_pushed_to_again() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 3);
    turn(&mut node, all[1], TreeAction::Prune);
    let first = learn(&mut node, all[0], module, 1, FAR);
    assert_eq!(messages(&heard(&mut node, all[2])), 1, "pushed at once");
    assert_eq!(heard(&mut node, all[1]), []);
    node.pass(millis(5));
    assert_eq!(heard(&mut node, all[1]), [Heard::Offer(TYPE, vec![first])]);
    node.say(all[1], &Digests::frame_of(&[first]));
    assert_eq!(messages(&heard(&mut node, all[1])), 1);
    turn(&mut node, all[1], TreeAction::Graft);
    learn(&mut node, all[0], module, 2, FAR);
    assert_eq!(messages(&heard(&mut node, all[1])), 1);
    node.pass_secs(5);
    assert_eq!(heard(&mut node, all[1]), [], "nothing is offered that was pushed");
    assert_eq!((node.metrics().prunes_taken, node.metrics().grafts_taken), (1, 1));
}

#[test]
fn limited_messages_are_pushed_to_all_who_pruned_as_well() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 3);
    all.iter().for_each(|id| turn(&mut node, *id, TreeAction::Prune));
    learn(&mut node, all[0], module, 1, limits::TREE_TTL_MIN);
    assert_eq!((messages(&heard(&mut node, all[1])), messages(&heard(&mut node, all[2]))), (1, 1), "127 goes on");
    learn(&mut node, all[0], module, 2, limits::TREE_TTL_MIN + 1);
    assert_eq!((messages(&heard(&mut node, all[1])), messages(&heard(&mut node, all[2]))), (0, 0), "128 goes on");
}

#[test]
fn a_type_has_a_tree_of_its_own_and_who_does_not_subscribe_is_told_nothing() {
    let (mut node, module) = tree_node();
    node.subscribe(module, 7);
    let from = partner(&mut node, 1, &[7, TYPE]);
    let both = partner(&mut node, 2, &[7, TYPE]);
    let other = partner(&mut node, 3, &[7]);
    turn(&mut node, both, TreeAction::Prune);
    learn(&mut node, from, module, 1, FAR);
    node.pass(millis(10));
    assert!(matches!(heard(&mut node, both)[..], [Heard::Offer(TYPE, _)]));
    assert_eq!(heard(&mut node, other), [], "not of its interest");
    node.hear(from, FAR, 2, 7, b"y");
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    assert_eq!((messages(&heard(&mut node, both)), messages(&heard(&mut node, other))), (1, 1), "pruned of 1337 only");
}

#[test]
fn a_copy_that_was_not_asked_for_prunes_its_link_once_and_one_that_was_does_not() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 4);
    node.hear(all[0], FAR, 1, TYPE, b"x");
    node.hear(all[1], FAR, 1, TYPE, b"x");
    assert_eq!(heard(&mut node, all[1]), [Heard::Prune(TYPE)], "though it still waits for VALIDATION");
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    node.hear(all[1], FAR, 1, TYPE, b"x");
    node.hear(all[0], FAR, 1, TYPE, b"x");
    assert_eq!(heard(&mut node, all[1]), []);
    assert_eq!(heard(&mut node, all[0]), [Heard::Prune(TYPE)], "twice from the same: so it need not push");
    // Asked for of one, it comes from another first.
    let wanted = digest(2, TYPE, b"x");
    turn(&mut node, all[2], TreeAction::Prune);
    node.hear(all[3], FAR, 3, TYPE, b"z");
    offer(&mut node, all[2], wanted);
    node.pass(millis(100));
    assert!(heard(&mut node, all[2]).contains(&Heard::Want(vec![wanted])));
    node.hear(all[3], FAR, 2, TYPE, b"x");
    node.hear(all[2], FAR, 2, TYPE, b"x");
    assert!(!heard(&mut node, all[2]).contains(&Heard::Prune(TYPE)), "it was asked for");
    assert_eq!(node.metrics().prunes_sent, 2);
}

#[test]
fn copies_of_limited_or_long_decided_messages_prune_nobody() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    learn(&mut node, all[0], module, 1, limits::TREE_TTL_MIN - 1);
    node.hear(all[1], limits::TREE_TTL_MIN - 1, 1, TYPE, b"x");
    learn(&mut node, all[0], module, 2, FAR);
    node.pass_secs(2);
    node.hear(all[1], FAR, 2, TYPE, b"x");
    assert_eq!(node.metrics().prunes_sent, 0);
    assert_eq!(node.metrics().messages_duplicate, 2);
}

#[test]
fn a_new_neighbour_need_not_push_what_others_bring() {
    let (mut node, module) = tree_node();
    node.subscribe(module, 7);
    let first = partner(&mut node, 1, &[TYPE]);
    learn(&mut node, first, module, 1, FAR);
    let second = node.join_with(address(2), Some(2), Features::REPAIR.with(Features::TREE));
    node.say(second, &Interest::frame_of(&[7]));
    assert_eq!(heard(&mut node, second), [], "it does not subscribe to it yet");
    node.say(second, &Interest::frame_of(&[7, TYPE]));
    assert_eq!(heard(&mut node, second), [Heard::Prune(TYPE)], "of type 7 nothing came yet");
    node.say(second, &Interest::frame_of(&[7]));
    node.say(second, &Interest::frame_of(&[7, TYPE]));
    assert_eq!(heard(&mut node, second), [Heard::Prune(TYPE)], "it forgot that when nobody there subscribed");
}

#[test]
fn an_offer_waits_for_the_parent_100_ms_and_not_at_all_without_one() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    offer(&mut node, all[0], 77);
    node.pass(millis(99));
    assert_eq!(heard(&mut node, all[0]), []);
    node.pass(millis(1));
    assert_eq!(heard(&mut node, all[0]), [Heard::Want(vec![77])]);
    // Both are pruned: nobody pushes any more.
    for (id, n) in all.iter().zip(1..) {
        learn(&mut node, all[0], module, n, FAR);
        node.hear(*id, FAR, n, TYPE, b"x");
    }
    assert_eq!(node.metrics().prunes_sent, 2);
    node.take(all[1]);
    offer(&mut node, all[1], 78);
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![78])]);
}

#[test]
fn a_message_that_came_is_not_asked_for_though_it_waits_for_validation_or_was_refused() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    node.hear(all[0], FAR, 1, TYPE, b"x");
    offer(&mut node, all[1], digest(1, TYPE, b"x"));
    let told = node.told_one(module);
    node.validate(module, told.id, false);
    offer(&mut node, all[1], digest(1, TYPE, b"x"));
    node.pass_secs(1);
    assert_eq!(heard(&mut node, all[1]), []);
    // One that comes in the wait neither.
    offer(&mut node, all[1], digest(2, TYPE, b"x"));
    node.pass(millis(50));
    learn(&mut node, all[0], module, 2, FAR);
    node.pass_secs(4);
    assert_eq!(heard(&mut node, all[1]), [], "neither asked nor sent back to who has it");
    // And one that was asked for comes from another first.
    let wanted = digest(3, TYPE, b"x");
    offer(&mut node, all[1], wanted);
    node.pass(millis(100));
    learn(&mut node, all[0], module, 3, FAR);
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![wanted])], "it has it");
}

#[test]
fn who_does_not_answer_within_400_ms_is_in_doubt_and_the_next_is_asked() {
    let (mut node, _) = tree_node();
    let all = partners(&mut node, 3);
    all[..2].iter().for_each(|id| offer(&mut node, *id, 77));
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[0]), [Heard::Want(vec![77])]);
    node.pass(millis(399));
    assert_eq!(heard(&mut node, all[1]), []);
    node.pass(millis(1));
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![77])]);
    assert_eq!(node.metrics().offers_unanswered, 1);
    // From now on others come first.
    all.iter().for_each(|id| offer(&mut node, *id, 78));
    node.pass(millis(100));
    assert_eq!((heard(&mut node, all[0]), heard(&mut node, all[1])), (vec![], vec![Heard::Want(vec![78])]));
    // And it is asked only until somebody else offers.
    offer(&mut node, all[0], 79);
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[0]), [Heard::Want(vec![79])]);
    offer(&mut node, all[2], 79);
    assert_eq!(heard(&mut node, all[2]), [Heard::Want(vec![79])]);
}

#[test]
fn who_had_to_be_asked_four_times_in_a_row_is_grafted() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    for n in 1..=5 {
        let wanted = digest(n, TYPE, b"x");
        offer(&mut node, all[0], wanted);
        node.pass(millis(100));
        assert_eq!(heard(&mut node, all[0]).last(), Some(&Heard::Want(vec![wanted])), "message {n}");
        learn(&mut node, all[0], module, n, FAR);
        let is_grafted = heard(&mut node, all[0]).contains(&Heard::Graft(TYPE));
        assert_eq!(is_grafted, n == 4, "message {n}");
        assert_eq!(messages(&heard(&mut node, all[1])), 1, "what was fetched young is pushed on");
    }
    assert_eq!((node.metrics().grafts_sent, node.metrics().messages_fetched), (1, 5));
}

#[test]
fn turning_too_often_is_a_fault_and_turns_about_types_of_nobody_are_ignored() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    node.say(all[0], &Tree::turn(TreeAction::Prune, 9));
    node.say(all[0], &Tree::turn(TreeAction::Other(7), TYPE));
    assert_eq!((node.metrics().tree_ignored, node.metrics().frames_over_rate), (1, 0));
    for _ in 0..limits::TURNS_TAKEN.1 / 2 {
        turn(&mut node, all[0], TreeAction::Graft);
        turn(&mut node, all[0], TreeAction::Prune);
    }
    assert_eq!(node.metrics().frames_over_rate, 0);
    turn(&mut node, all[0], TreeAction::Graft);
    assert_eq!((node.metrics().frames_over_rate, node.metrics().faults), (1, 1));
    learn(&mut node, all[1], module, 1, FAR);
    assert_eq!(messages(&heard(&mut node, all[0])), 0, "the last that counted was a prune");
}

#[test]
fn degree_bounds_who_is_pushed_to_unasked_and_plain_neighbours_are_pushed_to_as_ever() {
    let (mut node, module) = node_with(|settings| settings.degree = 2);
    let plain: Vec<ConnectionId> = (0..4).map(|_| node.neighbour()).collect();
    let all = partners(&mut node, 5);
    turn(&mut node, all[4], TreeAction::Graft);
    plain.iter().for_each(|id| _ = node.take(*id));
    learn(&mut node, all[0], module, 1, FAR);
    node.pass(millis(10));
    assert_eq!(plain.iter().map(|id| messages(&heard(&mut node, *id))).sum::<usize>(), 2);
    let said: Vec<Vec<Heard>> = all[1..].iter().map(|id| heard(&mut node, *id)).collect();
    assert_eq!(messages(&said[3]), 1, "it asked for it");
    assert_eq!(said[..3].iter().map(|said| messages(said)).sum::<usize>(), 2);
    let offers = said.concat().iter().filter(|one| matches!(one, Heard::Offer(..))).count();
    assert_eq!(offers, 1, "the others are offered it");
}

#[test]
fn peers_that_cannot_are_not_listened_to_about_it() {
    let (mut node, module) = tree_node();
    let id = node.join_with(address(1), Some(1), Features::REPAIR);
    node.say(id, &Interest::frame_of(&[TYPE]));
    turn(&mut node, id, TreeAction::Prune);
    offer(&mut node, id, 77);
    node.announce(module, 0, TYPE, b"x");
    node.pass_secs(1);
    let said = heard(&mut node, id);
    assert!(matches!(said[..], [Heard::Message(_)]), "pushed and nothing else: {said:?}");
    assert_eq!(node.metrics().tree_ignored, 1);
    let mut plain = Node::new(|_| {});
    let module = plain.subscriber(TYPE);
    let id = partner(&mut plain, 1, &[TYPE]);
    turn(&mut plain, id, TreeAction::Prune);
    plain.announce(module, 0, TYPE, b"x");
    assert_eq!(messages(&heard(&mut plain, id)), 1, "spreading = push: nobody prunes it");
}

#[test]
fn what_is_offered_is_asked_for_though_the_knowledge_base_reaches_back_for_less_than_a_second() {
    let (mut node, module) = node_with(|settings| settings.cache_size = 4);
    let all = partners(&mut node, 2);
    node.pass_secs(15);
    let came: Vec<Digest> = (0..10).map(|n| learn(&mut node, all[0], module, n, FAR)).collect();
    node.take(all[1]);
    offer(&mut node, all[1], 77);
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![77])]);
    offer(&mut node, all[1], came[0]);
    node.say(all[1], &Offers::frame_of(&[Offer { digest: came[1], age: 1 }, Offer { digest: 78, age: 1 }]));
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![78])], "what came lately left the knowledge base only");
    node.say(all[1], &Tree::frame_of(TYPE, &[Offer { digest: 79, age: 200 }]));
    node.pass_secs(1);
    assert_eq!(heard(&mut node, all[1]), [], "nobody remembers what came 20 s ago");
}

#[test]
fn what_would_leave_the_knowledge_base_before_it_is_asked_for_is_pushed() {
    let (mut node, module) = node_with(|settings| settings.cache_size = 4);
    let all = partners(&mut node, 3);
    turn(&mut node, all[1], TreeAction::Prune);
    turn(&mut node, all[2], TreeAction::Prune);
    let offered: Vec<Digest> = (0..2).map(|n| learn(&mut node, all[0], module, n, FAR)).collect();
    node.pass(millis(5));
    assert_eq!(heard(&mut node, all[1]), [Heard::Offer(TYPE, offered.clone())]);
    node.take(all[2]);
    node.say(all[2], &Digests::frame_of(&offered[..1]));
    assert_eq!(messages(&heard(&mut node, all[2])), 1);
    (2..10).for_each(|n| _ = learn(&mut node, all[0], module, n, FAR));
    node.pass(millis(5));
    for (id, pushed) in [(all[1], 0..10), (all[2], 1..10)] {
        let said = heard(&mut node, id);
        let mut ids: Vec<u16> = Vec::new();
        said.iter().for_each(|one| {
            if let Heard::Message(got) = one {
                ids.push(got.id);
            }
        });
        ids.sort_unstable();
        assert_eq!(ids, pushed.collect::<Vec<u16>>(), "each once: {said:?}");
        assert_eq!(said.len(), ids.len(), "and nothing is offered: {said:?}");
    }
    // What left long after it came is no loss.
    node.pass_secs(2);
    (10..14).for_each(|n| _ = learn(&mut node, all[0], module, n, FAR));
    node.pass(millis(5));
    assert!(matches!(&heard(&mut node, all[1])[..], [Heard::Offer(TYPE, offers)] if offers.len() == 4));
}

#[test]
fn a_neighbour_takes_no_part_before_its_interest_and_is_pushed_to() {
    let (mut node, module) = tree_node();
    let from = partner(&mut node, 1, &[TYPE]);
    let silent = node.join_with(address(2), Some(2), Features::REPAIR.with(Features::TREE));
    node.take(silent);
    learn(&mut node, from, module, 1, FAR);
    assert_eq!(messages(&heard(&mut node, silent)), 1, "it may have found no room for us");
    node.say(silent, &Interest::frame_of(&[]));
    learn(&mut node, from, module, 2, FAR);
    assert_eq!(heard(&mut node, silent), [], "it subscribes to nothing");
}

#[test]
fn a_link_that_goes_on_pushing_is_pruned_again_after_2_to_4_s() {
    let (mut node, _) = tree_node();
    let all = partners(&mut node, 2);
    let prunes = |node: &mut Node, n: u16| {
        node.hear(all[0], FAR, n, TYPE, b"x");
        node.hear(all[1], FAR, n, TYPE, b"x");
        heard(node, all[1]).iter().filter(|one| **one == Heard::Prune(TYPE)).count()
    };
    assert_eq!(prunes(&mut node, 1), 1);
    node.pass(millis(1_900));
    assert_eq!(prunes(&mut node, 2), 0, "it may be under way");
    node.pass(millis(2_100));
    assert_eq!((prunes(&mut node, 3), prunes(&mut node, 4)), (1, 0), "it was not listened to");
}

#[test]
fn who_has_the_place_of_one_that_is_gone_is_not_taken_for_it() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    node.hear(all[0], FAR, 1, TYPE, b"x");
    let told = node.told_one(module);
    offer(&mut node, all[1], digest(1, TYPE, b"x"));
    node.reset(all[1]);
    let newcomer = partner(&mut node, 3, &[TYPE]);
    node.validate(module, told.id, true);
    assert_eq!(messages(&heard(&mut node, newcomer)), 1);
}

#[test]
fn who_offers_what_nobody_else_had_in_the_end_is_asked() {
    let (mut node, _) = tree_node();
    let all = partners(&mut node, 3);
    let gone = Offers::frame_of(&[Offer { digest: 77, age: Offer::GONE }]);
    offer(&mut node, all[0], 77);
    node.pass(millis(100));
    node.say(all[0], &gone);
    node.pass_secs(1);
    offer(&mut node, all[1], 77);
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![77])]);
    // Its answer is lost; the other is in doubt as well.
    offer(&mut node, all[2], 78);
    node.pass(millis(500));
    assert_eq!(node.metrics().offers_unanswered, 2);
    node.take(all[2]);
    offer(&mut node, all[2], 77);
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[2]), [Heard::Want(vec![77])]);
    // So is this one's, with its connection; the other one offers it again.
    node.pass(millis(800));
    node.take(all[2]);
    offer(&mut node, all[2], 77);
    node.pass(millis(100));
    assert_eq!(heard(&mut node, all[2]), [Heard::Want(vec![77])]);
}

#[test]
fn where_one_is_silent_four_are_asked_at_once_the_first_and_the_latest_who_offered_and_then_the_rest() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 11);
    all.iter().for_each(|id| offer(&mut node, *id, digest(7, TYPE, b"x")));
    let asked = |node: &mut Node| -> Vec<usize> {
        let is_asked = |n: &usize| heard(node, all[n - 1]) == [Heard::Want(vec![digest(7, TYPE, b"x")])];
        (1..=11).filter(is_asked).collect()
    };
    node.pass(millis(100));
    assert_eq!(asked(&mut node), [1]);
    let mut all_asked = vec![1];
    for (turn, (count, unanswered)) in [(4, 1), (4, 5), (2, 9)].into_iter().enumerate() {
        // From the second time on twice as long each time.
        node.pass(millis([399, 399, 799][turn]));
        assert_eq!(asked(&mut node), []);
        node.pass(millis(1));
        let now = asked(&mut node);
        assert_eq!((now.len(), node.metrics().offers_unanswered), (count, unanswered));
        assert!(turn > 0 || [2, 3, 11].iter().all(|n| now.contains(n)), "{now:?}");
        all_asked.extend(now);
    }
    all_asked.sort_unstable();
    assert_eq!(all_asked, (1..=11).collect::<Vec<_>>(), "each once");
    // All of them are in doubt now, and one was only late.
    node.pass(millis(1_600));
    assert_eq!((asked(&mut node), node.metrics().offers_unanswered), (vec![], 11));
    learn(&mut node, all[9], module, 7, FAR);
    assert_eq!(node.metrics().messages_fetched, 1);
    node.pass_secs(5);
    assert_eq!((asked(&mut node), node.metrics().faults), (vec![], 0));
}

#[test]
fn nobody_is_blamed_for_the_time_in_which_another_was_asked() {
    let (mut node, _) = tree_node();
    let all = partners(&mut node, 3);
    all[..2].iter().for_each(|id| offer(&mut node, *id, 77));
    node.pass(millis(400));
    node.say(all[0], &Offers::frame_of(&[Offer { digest: 77, age: Offer::GONE }]));
    assert_eq!(heard(&mut node, all[1]), [Heard::Want(vec![77])]);
    node.pass(millis(399));
    assert_eq!(node.metrics().offers_unanswered, 0);
    node.pass(millis(1));
    assert_eq!(node.metrics().offers_unanswered, 1);
}

#[test]
fn limited_messages_that_had_to_be_asked_for_graft_nobody() {
    let (mut node, module) = tree_node();
    let all = partners(&mut node, 2);
    for n in 1..=5 {
        node.say(all[0], &Offers::frame_of(&[Offer { digest: digest(n, TYPE, b"x"), age: 1 }]));
        learn(&mut node, all[0], module, n, limits::TREE_TTL_MIN - 1);
    }
    assert_eq!((node.metrics().grafts_sent, node.metrics().messages_fetched), (0, 5));
}

#[test]
fn a_burst_is_offered_in_several_frames_and_what_is_over_the_rate_is_pushed() {
    let (mut node, module) = node_with(|settings| settings.cache_size = 5_000);
    let all = partners(&mut node, 2);
    turn(&mut node, all[1], TreeAction::Prune);
    let most = u16::try_from(limits::OFFERS_SENT.1).unwrap();
    (0..most + 50).for_each(|n| _ = learn(&mut node, all[0], module, n, FAR));
    node.pass(millis(5));
    let said = heard(&mut node, all[1]);
    assert_eq!(messages(&said), 50);
    let counts =
        said.iter().filter_map(|one| if let Heard::Offer(_, offers) = one { Some(offers.len()) } else { None });
    assert_eq!(
        counts.collect::<Vec<_>>(),
        vec![limits::DIGESTS_PER_FRAME; usize::from(most) / limits::DIGESTS_PER_FRAME]
    );
}

#[test]
fn interest_is_said_to_those_who_can_though_it_is_nothing() {
    let mut node = Node::new(|settings| settings.spreading = Spreading::Tree);
    for (n, features, count) in [(1, Features::REPAIR.with(Features::TREE), 1), (2, Features::REPAIR, 0)] {
        let id = node.join_with(address(n), Some(u64::from(n)), features);
        let said = node.take(id).iter().filter(|frame| frame.kind() == kind::INTEREST).count();
        assert_eq!(said, count, "neighbour {n}");
    }
}

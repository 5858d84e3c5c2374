//! PROTOCOL.md, section 12: what is offered, asked for and answered, each rule alone.

use crate::harness::{Got, Node};
use gossip_core::limits;
use gossip_core::time::Duration;
use gossip_core::wire::{Digest, Digests, Features, Frame, Interest, Offer, Offers, PeerMessage, kind};
use gossip_core::{ConnectionId, Event, Note, Settings};
use std::net::SocketAddr;

const TYPE: u16 = 1337;

/// What a neighbour is told about repair.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Have(Vec<Offer>),
    Want(Vec<Digest>),
    Interest(bool, Vec<u16>),
    Message(Got),
}

fn read(frame: &Frame) -> Option<Heard> {
    let bytes = frame.to_vec();
    match PeerMessage::decode(frame.kind(), &bytes[4..]).unwrap() {
        PeerMessage::IHave(offers) => Some(Heard::Have(offers.iter().collect())),
        PeerMessage::IWant(digests) => Some(Heard::Want(digests.iter().collect())),
        PeerMessage::Interest(interest) => Some(Heard::Interest(interest.is_all(), interest.iter().collect())),
        PeerMessage::PeerNotification { ttl, id, data_type, data } => {
            Some(Heard::Message(Got { ttl, id, data_type, data: data.to_vec() }))
        }
        _ => None,
    }
}

/// What a neighbour heard since the last look.
fn heard(node: &mut Node, id: ConnectionId) -> Vec<Heard> {
    node.take(id).iter().filter_map(read).collect()
}

/// The digests that a neighbour was offered since the last look, and nothing else was said to it.
fn offered(node: &mut Node, id: ConnectionId) -> Vec<Digest> {
    let digests = |heard: Heard| match heard {
        Heard::Have(offers) => offers.into_iter().map(|offer| offer.digest).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    heard(node, id).into_iter().flat_map(digests).collect()
}

/// Section 12, in other words.
fn digest(id: u16, data_type: u16, data: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let all = [&id.to_be_bytes()[..], &data_type.to_be_bytes(), data].concat();
    let hash = Sha256::digest(&all);
    hash[..8].iter().fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

fn address(n: u8) -> SocketAddr {
    ([10, 2, 0, n], 6001).into()
}

/// The `n`th neighbour that takes part in repair. What it was told at first is taken.
fn partner(node: &mut Node, n: u8) -> ConnectionId {
    let id = node.join_with(address(n), Some(u64::from(n)), Features::REPAIR);
    node.take(id);
    id
}

fn interest(node: &mut Node, id: ConnectionId, types: &[u16]) {
    node.say(id, &Interest::frame_of(types));
}

/// The `n`th one, of this interest.
fn interested(node: &mut Node, n: u8, types: &[u16]) -> ConnectionId {
    let id = partner(node, n);
    interest(node, id, types);
    id
}

fn offer(node: &mut Node, id: ConnectionId, digests: &[Digest], age: u16) {
    let offers: Vec<Offer> = digests.iter().map(|digest| Offer { digest: *digest, age }).collect();
    node.say(id, &Offers::frame_of(&offers));
}

fn ask(node: &mut Node, id: ConnectionId, digests: &[Digest]) {
    node.say(id, &Digests::frame_of(digests));
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A neighbour, not of those who take part, sends a message, and a module vouches for it.
fn learn(node: &mut Node, from: ConnectionId, module: ConnectionId, id: u16, data: &[u8]) -> Digest {
    node.hear(from, 9, id, TYPE, data);
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    digest(id, TYPE, data)
}

/// A node that pushes to nobody who takes part: only to the old neighbour, if it did not come from there. The old one, and
/// a module.
fn quiet_node(change: impl FnOnce(&mut Settings)) -> (Node, ConnectionId, ConnectionId) {
    let mut node = Node::new(|settings| {
        settings.degree = 1;
        change(settings);
    });
    let old = node.neighbour();
    let module = node.subscriber(TYPE);
    (node, old, module)
}

/// Makes the one message that a node may push go to somebody who does not matter: there is nobody else at that time.
fn known_before(node: &mut Node, old: ConnectionId, module: ConnectionId, count: u16) -> Vec<Digest> {
    (0..count).map(|n| learn(node, old, module, n, format!("message {n}").as_bytes())).collect()
}

#[test]
fn the_capability_is_said_unless_there_is_no_knowledge_base() {
    for (cache_size, repairs) in [(1, true), (0, false)] {
        let mut node = Node::new(|settings| settings.cache_size = cache_size);
        let id = node.accept(gossip_core::Listener::P2p, address(1));
        node.say(id, &PeerMessage::Hello { address: address(1) }.frame());
        let frames = node.take(id);
        let bytes = frames.iter().find(|frame| frame.kind() == kind::CAPABILITIES).unwrap().to_vec();
        let Ok(PeerMessage::Capabilities(said)) = PeerMessage::decode(kind::CAPABILITIES, &bytes[4..]) else {
            panic!()
        };
        assert_eq!(said.features.has(Features::REPAIR), repairs, "cache_size {cache_size}");
    }
}

#[test]
fn peers_without_the_capability_never_hear_of_repair_and_are_not_listened_to_about_it() {
    let (mut node, old, module) = quiet_node(|_| {});
    let capable = node.join_with(address(9), Some(9), Features::default());
    for id in [old, capable] {
        interest(&mut node, id, &[TYPE]);
    }
    known_before(&mut node, old, module, 5);
    for id in [old, capable] {
        offer(&mut node, id, &[77], 1);
        ask(&mut node, id, &[digest(0, TYPE, b"message 0")]);
    }
    node.pass_secs(10);
    for id in [old, capable] {
        let kinds: Vec<u16> = node.take(id).iter().map(Frame::kind).collect();
        assert!(kinds.iter().all(|of| ![515, 516, 518].contains(of)), "{kinds:?}");
    }
    assert_eq!(node.metrics().faults, 0);
    let mut without = Node::new(|settings| settings.cache_size = 0);
    let module = without.subscriber(TYPE);
    let id = without.join_with(address(1), Some(1), Features::REPAIR);
    interest(&mut without, id, &[TYPE]);
    without.announce(module, 0, TYPE, b"x");
    without.pass_secs(10);
    let said = heard(&mut without, id);
    assert!(matches!(said[..], [Heard::Message(_)]), "pushed and nothing else: {said:?}");
}

#[test]
fn interest_is_said_to_new_neighbours_and_when_it_changes_once_a_second_at_most() {
    let mut node = Node::new(|_| {});
    let first = node.join_with(address(1), Some(1), Features::REPAIR);
    assert_eq!(heard(&mut node, first), [], "nothing to be interested in");
    let module = node.subscriber(9);
    node.subscribe(module, 7);
    node.pass(millis(50));
    assert_eq!(heard(&mut node, first), [Heard::Interest(false, vec![7, 9])], "both at once, in order");
    let second = node.join_with(address(2), Some(2), Features::REPAIR);
    assert_eq!(heard(&mut node, second), [Heard::Interest(false, vec![7, 9])]);
    node.subscribe(module, 8);
    node.pass(millis(900));
    assert_eq!(heard(&mut node, first), [], "too early to repeat it");
    node.subscribe(module, 6);
    node.pass(millis(200));
    assert_eq!(heard(&mut node, first), [Heard::Interest(false, vec![6, 7, 8, 9])]);
    node.subscriber(9);
    node.pass_secs(5);
    assert_eq!(heard(&mut node, first), [], "that somebody else subscribes to it changes nothing");
    node.reset(module);
    node.pass_secs(2);
    assert_eq!(heard(&mut node, second).last(), Some(&Heard::Interest(false, vec![9])));
    let module = node.module();
    (0..300).for_each(|data_type| node.subscribe(module, data_type));
    node.pass_secs(2);
    assert_eq!(heard(&mut node, first).last(), Some(&Heard::Interest(true, vec![])), "too many to name");
}

#[test]
fn offers_go_out_after_half_an_interval_once_and_then_there_is_silence() {
    let (mut node, old, module) = quiet_node(|_| {});
    let partner = interested(&mut node, 1, &[TYPE]);
    let other = interested(&mut node, 2, &[TYPE]);
    node.pass_secs(1);
    // The old neighbour sent it, one of the two is pushed it: the other is offered it.
    let message = learn(&mut node, old, module, 5, b"x");
    node.pass(millis(500));
    let [pushed, offered_to] = if node.got(partner).is_empty() { [other, partner] } else { [partner, other] };
    node.take(pushed);
    assert_eq!(heard(&mut node, offered_to), [], "not yet: the push is under way");
    node.pass(millis(2_000));
    let said = heard(&mut node, offered_to);
    let [Heard::Have(offers)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].digest, message);
    assert!((6..=26).contains(&offers[0].age), "{offers:?}");
    assert_eq!(heard(&mut node, pushed), [], "it has it");
    let frames = node.metrics().p2p_frames_out;
    node.pass_secs(10);
    assert_eq!(node.metrics().p2p_frames_out, frames, "nothing new, nothing said");
    assert_eq!(heard(&mut node, offered_to), []);
}

#[test]
fn nothing_is_offered_before_interest_nor_of_other_types_and_what_was_passed_over_when_it_grows() {
    let (mut node, old, module) = quiet_node(|_| {});
    node.subscribe(module, TYPE + 1);
    let known = known_before(&mut node, old, module, 3);
    let partner = partner(&mut node, 1);
    node.pass_secs(3);
    assert_eq!(heard(&mut node, partner), []);
    interest(&mut node, partner, &[TYPE + 1]);
    node.pass_secs(3);
    assert_eq!(heard(&mut node, partner), [], "of another type");
    interest(&mut node, partner, &[TYPE, TYPE + 1]);
    node.pass(millis(30));
    assert_eq!(offered(&mut node, partner), known, "at once, oldest first");
    interest(&mut node, partner, &[TYPE]);
    interest(&mut node, partner, &[TYPE, TYPE + 1]);
    node.pass_secs(5);
    assert_eq!(offered(&mut node, partner), [], "never twice");
}

#[test]
fn not_offered_is_what_goes_no_further_what_is_too_old_and_what_is_there_already() {
    let (mut node, old, module) = quiet_node(|_| {});
    node.hear(old, 0, 40, TYPE, b"of ttl 0");
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    let early = known_before(&mut node, old, module, 1);
    node.pass_secs(46);
    let late = learn(&mut node, old, module, 50, b"young");
    let offered_here = learn(&mut node, old, module, 51, b"it offers this itself");
    let partner = partner(&mut node, 1);
    offer(&mut node, partner, &[offered_here], 3);
    interest(&mut node, partner, &[TYPE]);
    let sent_here = learn(&mut node, partner, module, 52, b"it sends this itself");
    node.pass_secs(3);
    let got = offered(&mut node, partner);
    assert_eq!(got, [late], "{early:x?}, {offered_here:x}, {sent_here:x}");
}

#[test]
fn a_new_neighbour_is_offered_what_is_known_instead_of_being_handed_what_is_held() {
    let mut node = Node::new(|_| {});
    let module = node.subscriber(TYPE);
    node.announce(module, 0, TYPE, b"to nobody");
    assert_eq!(node.state.status(node.now).held, 1);
    node.pass_secs(20);
    let partner = interested(&mut node, 1, &[TYPE]);
    node.pass(millis(30));
    let said = heard(&mut node, partner);
    let [Heard::Have(offers)] = &said[..] else { panic!("{said:?}") };
    assert!((200..=202).contains(&offers[0].age), "{offers:?}");
    ask(&mut node, partner, &[offers[0].digest]);
    let said = heard(&mut node, partner);
    let [Heard::Message(message)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((message.ttl, message.data_type, message.data.as_slice()), (255, TYPE, &b"to nobody"[..]));
    assert_eq!(digest(message.id, TYPE, b"to nobody"), offers[0].digest);
    // One that does not take part is handed it, as ever.
    let old = node.neighbour();
    assert_eq!(node.got(old).len(), 1);
}

#[test]
fn answered_is_what_was_offered_on_that_link_and_twice_at_most() {
    let (mut node, old, module) = quiet_node(|_| {});
    let known = known_before(&mut node, old, module, 3);
    let partner = interested(&mut node, 1, &[TYPE]);
    ask(&mut node, partner, &known[..1]);
    assert_eq!((node.metrics().faults, node.got(partner)), (1, vec![]), "nothing was offered yet");
    node.pass_secs(1);
    assert_eq!(offered(&mut node, partner), known);
    for _ in 0..2 {
        ask(&mut node, partner, &known[..1]);
        let got = node.got(partner);
        assert_eq!(got, [Got { ttl: 8, id: 0, data_type: TYPE, data: b"message 0".to_vec() }]);
    }
    ask(&mut node, partner, &[known[0], 12_345]);
    let gone = |digest| Offer { digest, age: Offer::GONE };
    assert_eq!(heard(&mut node, partner), [Heard::Have(vec![gone(known[0]), gone(12_345)])], "not a third time");
    assert_eq!(node.metrics().faults, 1);
    ask(&mut node, partner, &[4, 5, 6]);
    assert_eq!((node.metrics().faults, node.metrics().frames_over_rate), (2, 2), "three were offered, six asked for");
    assert_eq!(node.got(partner), []);
}

#[test]
fn what_was_pushed_out_meanwhile_is_said_to_be_gone() {
    let (mut node, old, module) = quiet_node(|settings| settings.cache_size = 2);
    let known = known_before(&mut node, old, module, 2);
    let partner = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(1);
    assert_eq!(offered(&mut node, partner), known);
    learn(&mut node, old, module, 9, b"newer");
    node.take(partner);
    ask(&mut node, partner, &known);
    let said = heard(&mut node, partner);
    let gone = Heard::Have(vec![Offer { digest: known[0], age: Offer::GONE }]);
    assert!(matches!(&said[..], [first, Heard::Message(second)] if *first == gone && second.id == 1), "{said:?}");
    assert_eq!(node.state.status(node.now).known, 2);
}

/// A node that knows forty messages of 60,000 bytes, its neighbour and its module; and a partner that has just asked for all.
fn asked_for_forty_large(cache_size: u32) -> (Node, ConnectionId, ConnectionId, ConnectionId) {
    let (mut node, old, module) = quiet_node(|settings| settings.cache_size = cache_size);
    let data = |n: u16| vec![u8::try_from(n).unwrap(); 60_000];
    let known: Vec<Digest> = (0..40).map(|n| learn(&mut node, old, module, n, &data(n))).collect();
    let partner = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(1);
    assert_eq!(offered(&mut node, partner), known);
    ask(&mut node, partner, &known);
    (node, old, module, partner)
}

#[test]
fn what_left_while_its_answer_waited_for_the_rate_is_said_to_be_gone() {
    let (mut node, old, module, partner) = asked_for_forty_large(40);
    assert_eq!(node.got(partner).len(), 17, "the rest waits");
    (100..130).for_each(|n| _ = learn(&mut node, old, module, n, b"newer"));
    node.take(partner);
    node.pass(millis(100));
    let said = heard(&mut node, partner);
    let Some(Heard::Have(gone)) = said.last() else { panic!("nothing is said to be gone") };
    assert!(gone.len() == 13 && gone.iter().all(|one| one.age == Offer::GONE), "{gone:?}");
}

#[test]
fn who_offers_again_what_it_was_asked_for_is_asked_again_once_patience_ends() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partner = partner(&mut node, 1);
    (0..2).for_each(|_| offer(&mut node, partner, &[7], 1));
    assert_eq!(heard(&mut node, partner), [Heard::Want(vec![7])]);
    // The connection ended that it was asked over, say.
    node.pass_secs(2);
    assert_eq!(heard(&mut node, partner), [Heard::Want(vec![7])]);
    node.pass_secs(9);
    assert_eq!(heard(&mut node, partner), [], "once for each offer");
}

#[test]
fn one_at_a_time_is_asked_and_the_next_when_it_has_it_not_is_silent_or_leaves() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partners: Vec<ConnectionId> = (1..=4).map(|n| partner(&mut node, n)).collect();
    let wanted = digest(7, TYPE, b"missed");
    partners.iter().for_each(|id| offer(&mut node, *id, &[wanted], 3));
    let asked = |node: &mut Node| -> Vec<usize> {
        let is_asked = |n: &usize| heard(node, partners[*n]) == [Heard::Want(vec![wanted])];
        (0..4).filter(is_asked).collect()
    };
    assert_eq!(asked(&mut node), [0]);
    offer(&mut node, partners[0], &[wanted], Offer::GONE);
    assert_eq!(asked(&mut node), [1], "the first has it not");
    node.pass(millis(1_900));
    assert_eq!(asked(&mut node), []);
    node.pass(millis(200));
    assert_eq!(asked(&mut node), [2], "the second does not answer");
    node.reset(partners[2]);
    node.pass(millis(1));
    let said = heard(&mut node, partners[3]);
    assert_eq!(said, [Heard::Want(vec![wanted])], "the third is gone");
    node.hear(partners[3], 5, 7, TYPE, b"missed");
    node.pass_secs(5);
    offer(&mut node, partners[0], &[wanted], 60);
    assert_eq!(heard(&mut node, partners[0]), [], "it came");
    assert_eq!((node.metrics().messages_asked_for, node.metrics().messages_fetched), (4, 1));
}

#[test]
fn who_alone_offered_what_did_not_come_is_asked_once_more() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partner = partner(&mut node, 1);
    offer(&mut node, partner, &[7], 1);
    assert_eq!(heard(&mut node, partner), [Heard::Want(vec![7])]);
    node.pass(millis(1_900));
    assert_eq!(heard(&mut node, partner), []);
    node.pass(millis(200));
    assert_eq!(heard(&mut node, partner), [Heard::Want(vec![7])], "its answer may be lost");
    node.pass_secs(9);
    assert_eq!(heard(&mut node, partner), []);
}

#[test]
fn a_late_first_answer_to_what_was_asked_twice_has_overtaken_nothing() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partner = partner(&mut node, 1);
    let [early, late] = [digest(7, TYPE, b"early"), digest(8, TYPE, b"late")];
    offer(&mut node, partner, &[early], 1);
    node.pass_secs(1);
    offer(&mut node, partner, &[late], 1);
    node.pass(millis(1_100));
    let asked = [vec![early], vec![late], vec![early]];
    assert_eq!(heard(&mut node, partner), asked.map(Heard::Want));
    node.hear(partner, 5, 7, TYPE, b"early");
    node.pass(millis(1));
    assert_eq!(heard(&mut node, partner), []);
}

#[test]
fn one_silence_is_one_fault_however_much_was_asked_for() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partner = partner(&mut node, 1);
    let digests: Vec<Digest> = (1..=320).collect();
    offer(&mut node, partner, &digests, 1);
    node.pass(millis(2_100));
    assert_eq!(node.metrics().faults, 1);
    offer(&mut node, partner, &[1_000], 1);
    assert_eq!(heard(&mut node, partner).last(), Some(&Heard::Want(vec![1_000])), "it is a neighbour still");
}

#[test]
fn what_a_later_answer_has_overtaken_is_asked_of_the_next_at_once() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let (one, other) = (partner(&mut node, 1), partner(&mut node, 2));
    let [lost, later] = [digest(7, TYPE, b"lost"), digest(8, TYPE, b"later")];
    offer(&mut node, one, &[lost], 3);
    assert_eq!(heard(&mut node, one), [Heard::Want(vec![lost])]);
    offer(&mut node, other, &[lost], 3);
    node.pass_secs(1);
    offer(&mut node, one, &[later], 1);
    assert_eq!(heard(&mut node, one), [Heard::Want(vec![later])]);
    assert_eq!(heard(&mut node, other), []);
    node.hear(one, 5, 8, TYPE, b"later");
    node.pass(millis(1));
    assert_eq!(heard(&mut node, other), [Heard::Want(vec![lost])]);
    node.hear(other, 5, 7, TYPE, b"lost");
    node.pass_secs(5);
    assert_eq!((node.metrics().messages_asked_for, node.metrics().messages_fetched), (3, 2));
}

#[test]
fn when_the_first_that_offered_are_silent_everybody_else_who_did_is_asked_before_the_first_again() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partners: Vec<ConnectionId> = (1..=8).map(|n| partner(&mut node, n)).collect();
    partners.iter().for_each(|id| offer(&mut node, *id, &[7], 1));
    let mut asked = Vec::new();
    for turn in 1..=9 {
        let before = asked.len();
        asked.extend((1..=8).filter(|n| heard(&mut node, partners[n - 1]) == [Heard::Want(vec![7])]));
        assert_eq!(asked.len(), before + 1, "turn {turn}");
        node.pass(millis(2_010));
    }
    assert_eq!((&asked[..5], asked[8]), (&[1, 2, 3, 4, 5][..], 1), "in the order of their offers, {asked:?}");
    asked[..8].sort_unstable();
    assert_eq!(asked[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn what_came_and_found_no_room_is_asked_for_again_once_patience_ends() {
    let mut node = Node::new(|settings| settings.pending_max = 16);
    let (loud, module) = (node.neighbour(), node.subscriber(TYPE));
    let (one, other) = (partner(&mut node, 1), partner(&mut node, 2));
    let [wanted, alone] = [digest(700, TYPE, b"missed"), digest(701, TYPE, b"missed")];
    offer(&mut node, one, &[wanted, alone], 1);
    offer(&mut node, other, &[wanted], 1);
    assert_eq!(heard(&mut node, one), [Heard::Want(vec![wanted, alone])]);
    for id in 0..64 {
        let from = [loud, one, other][usize::from(id % 3)];
        node.hear(from, 3, id, TYPE, b"waits");
    }
    let waiting = node.told(module);
    let before = node.metrics().messages_crowded_out;
    // However often it comes.
    for _ in 0..3 {
        node.hear(one, 5, 700, TYPE, b"missed");
        node.hear(one, 5, 701, TYPE, b"missed");
        node.pass(millis(300));
    }
    assert_eq!(node.metrics().messages_crowded_out - before, 6);
    waiting.iter().for_each(|told| node.validate(module, told.id, true));
    node.pass(millis(1_090));
    node.take(one);
    assert_eq!(heard(&mut node, other).iter().filter(|said| matches!(said, Heard::Want(_))).count(), 0);
    node.pass(millis(20));
    assert!(heard(&mut node, other).contains(&Heard::Want(vec![wanted])));
    assert!(heard(&mut node, one).contains(&Heard::Want(vec![alone])), "nobody else offered it");
    node.hear(other, 5, 700, TYPE, b"missed");
    assert_eq!(node.told_one(module).data, b"missed");
    node.pass_secs(9);
    assert!(!heard(&mut node, one).contains(&Heard::Want(vec![wanted])), "it is here");
    assert_eq!(node.metrics().faults, 0);
}

#[test]
fn not_asked_for_is_what_is_known_or_too_old_or_was_refused_already() {
    let mut node = Node::new(|_| {});
    let module = node.subscriber(TYPE);
    let (one, other) = (partner(&mut node, 1), partner(&mut node, 2));
    let known = learn(&mut node, one, module, 1, b"known");
    node.take(other);
    offer(&mut node, other, &[known], 1);
    offer(&mut node, other, &[77], 450);
    assert_eq!(heard(&mut node, other), []);
    offer(&mut node, other, &[78], 449);
    assert_eq!(heard(&mut node, other), [Heard::Want(vec![78])], "45 s are three quarters of a minute");
    node.hear(one, 5, 2, TYPE, b"refused");
    let told = node.told_one(module);
    node.validate(module, told.id, false);
    let refused = digest(2, TYPE, b"refused");
    offer(&mut node, other, &[refused], 1);
    assert_eq!(heard(&mut node, other), [Heard::Want(vec![refused])], "a copy, once");
    node.hear(other, 5, 2, TYPE, b"refused");
    offer(&mut node, one, &[refused], 1);
    assert_eq!(heard(&mut node, one), []);
    assert_eq!(node.told(module), []);
}

#[test]
fn what_was_asked_for_in_vain_is_forgotten() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let partner = partner(&mut node, 1);
    offer(&mut node, partner, &[1, 2, 3], 10);
    assert_eq!(node.state.status(node.now).wanted, 3);
    node.pass_secs(40);
    node.say(partner, &PeerMessage::Pong.frame());
    node.pass_secs(40);
    assert_eq!(node.state.status(node.now).wanted, 0);
}

#[test]
fn what_may_have_left_the_knowledge_base_is_not_asked_for() {
    let mut node = Node::new(|settings| (settings.cache_size, settings.degree) = (3, 1));
    let module = node.subscriber(TYPE);
    let (old, partner) = (node.neighbour(), partner(&mut node, 1));
    node.pass_secs(10);
    for n in 0..4 {
        learn(&mut node, old, module, n, b"x");
    }
    node.pass_secs(3);
    node.take(partner);
    // The oldest left that had come 3 s ago.
    offer(&mut node, partner, &[71], 30);
    offer(&mut node, partner, &[72], 21);
    assert_eq!(heard(&mut node, partner), []);
    offer(&mut node, partner, &[73], 19);
    assert_eq!(heard(&mut node, partner), [Heard::Want(vec![73])]);
}

#[test]
fn what_was_asked_for_is_offered_on_at_once_with_its_age_and_pushed_only_to_who_is_not_offered_it() {
    for (age, is_pushed) in [(100u16, true), (200, false)] {
        let mut node = Node::new(|settings| settings.degree = 8);
        let module = node.subscriber(TYPE);
        let old = node.neighbour();
        let (from, to) = (interested(&mut node, 1, &[TYPE]), interested(&mut node, 2, &[TYPE]));
        node.pass_secs(1);
        let wanted = digest(7, TYPE, b"missed");
        offer(&mut node, from, &[wanted], age);
        node.pass(millis(500));
        node.hear(from, 5, 7, TYPE, b"missed");
        assert_eq!(node.told_one(module).id, 7);
        node.validate(module, 7, true);
        let got = node.got(old);
        assert_eq!(got.len(), usize::from(is_pushed), "a quarter of a minute is the limit of a push: {got:?}");
        assert_eq!(heard(&mut node, to), []);
        node.pass(millis(21));
        assert_eq!(heard(&mut node, to), [Heard::Have(vec![Offer { digest: wanted, age: age + 6 }])]);
        let said = heard(&mut node, from);
        assert_eq!(said, [Heard::Want(vec![wanted])], "nothing goes back");
        node.pass_secs(60);
        assert!(heard(&mut node, to).is_empty() && heard(&mut node, from).is_empty());
    }
}

#[test]
fn offers_that_lead_to_nothing_are_a_fault_from_32_in_a_row_on() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let liar = partner(&mut node, 1);
    let digests: Vec<Digest> = (0..31).collect();
    offer(&mut node, liar, &digests, 1);
    node.pass_secs(3);
    assert_eq!(node.metrics().faults, 0);
    let kept = digest(7, TYPE, b"kept its word");
    offer(&mut node, liar, &[kept], 1);
    node.hear(liar, 5, 7, TYPE, b"kept its word");
    offer(&mut node, liar, &digests.iter().map(|digest| digest + 100).collect::<Vec<_>>(), 1);
    node.pass_secs(3);
    assert_eq!(node.metrics().faults, 0, "it did once");
    offer(&mut node, liar, &[999], 1);
    node.pass_secs(3);
    assert_eq!(node.metrics().faults, 1);
    assert!(node.notes.iter().any(|note| note.to_string().contains("offers of messages that it does not send")));
    for round in 0..9 {
        let digests: Vec<Digest> = (0..32).map(|n| 10_000 + round * 32 + n).collect();
        offer(&mut node, liar, &digests, 1);
        node.pass_secs(3);
    }
    assert!(node.notes.iter().any(|note| matches!(note, Note::NeighbourDown { .. })), "100 points");
}

#[test]
fn rates_of_offers_and_interest_are_kept_to() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let loud = partner(&mut node, 1);
    let digests: Vec<Digest> = (0..512).collect();
    for _ in 0..16 {
        offer(&mut node, loud, &digests, 1);
    }
    assert_eq!(node.metrics().faults, 0, "8,192 at once");
    offer(&mut node, loud, &digests, 1);
    assert_eq!(node.metrics().faults, 1);
    let eager = partner(&mut node, 2);
    (0..20).for_each(|_| interest(&mut node, eager, &[1]));
    assert_eq!(node.metrics().faults, 1);
    interest(&mut node, eager, &[1]);
    assert_eq!(node.metrics().faults, 2);
    assert!(node.state.status(node.now).wanted <= limits::WANTS_PER_NEIGHBOUR);
}

#[test]
fn answers_are_bounded_in_bytes_a_second_and_the_rest_follows() {
    let (mut node, _, _, partner) = asked_for_forty_large(100);
    let at_once = node.got(partner).len();
    assert_eq!(at_once, 17, "a mebibyte");
    node.pass_secs(1);
    let in_a_second = node.got(partner).len();
    assert!((15..=18).contains(&in_a_second), "{in_a_second}");
    node.pass_secs(1);
    assert_eq!(at_once + in_a_second + node.got(partner).len(), 40);
}

#[test]
fn a_neighbour_that_reads_nothing_is_offered_and_answered_nothing_more() {
    let (mut node, old, module) = quiet_node(|settings| {
        (settings.cache_size, settings.peer_queue) = (100, 1 << 18);
    });
    let known: Vec<Digest> = (0..10).map(|n| learn(&mut node, old, module, n, &[1; 30_000])).collect();
    let partner = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(1);
    assert_eq!(offered(&mut node, partner), known);
    node.deafen(partner);
    ask(&mut node, partner, &known);
    let queued = |node: &Node| node.state.status(node.now).neighbours.iter().map(|one| one.queued).max().unwrap();
    assert!(queued(&node) <= 1 << 17, "{}", queued(&node));
    node.pass_secs(5);
    let stuck = queued(&node);
    node.hear_again(partner);
    node.pass_secs(5);
    assert!(stuck <= 1 << 17);
    let got = node.got(partner);
    assert_eq!(got.len(), 10, "all of it in the end");
}

#[test]
fn when_one_of_two_connections_ends_what_was_offered_is_offered_again() {
    let (mut node, old, module) = quiet_node(|_| {});
    let known = known_before(&mut node, old, module, 2);
    let first = interested(&mut node, 1, &[TYPE]);
    let second = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(3);
    let to_first: Vec<Heard> = heard(&mut node, first);
    assert_eq!((offered(&mut node, second), to_first.len()), (known, 0), "on the newer one");
    node.reset(second);
    node.pass_secs(3);
    let said = heard(&mut node, first);
    assert!(matches!(&said[..], [Heard::Interest(false, _), Heard::Have(offers)] if offers.len() == 2), "{said:?}");
}

#[test]
fn sixty_four_neighbours_take_part_and_one_more_when_one_leaves() {
    let (mut node, old, module) = quiet_node(|settings| {
        (settings.max_peers, settings.target_peers, settings.cache_size) = (128, 1, 100);
        settings.subnet_share = 100;
    });
    let partners: Vec<ConnectionId> = (1..=65).map(|n| interested(&mut node, n, &[TYPE])).collect();
    let message = known_before(&mut node, old, module, 1)[0];
    node.pass_secs(3);
    let is_offered =
        |node: &mut Node, id| node.take(id).iter().filter_map(read).any(|heard| matches!(heard, Heard::Have(_)));
    let count = partners.iter().filter(|id| is_offered(&mut node, **id)).count();
    assert!((63..=64).contains(&count), "{count}: one may have been pushed it");
    let last = partners[64];
    node.reset(partners[0]);
    interest(&mut node, last, &[TYPE]);
    node.pass_secs(2);
    let said = heard(&mut node, last);
    let is_message = |offers: &[Offer]| offers.len() == 1 && offers[0].digest == message;
    assert!(matches!(&said[..], [Heard::Interest(..), Heard::Have(offers)] if is_message(offers)), "{said:?}");
}

#[test]
fn the_knowledge_base_is_bounded_and_forgets_what_cannot_be_offered() {
    let (mut node, old, module) = quiet_node(|settings| (settings.cache_size, settings.cache_bytes) = (30, 1 << 20));
    for n in 0..40 {
        learn(&mut node, old, module, n, b"small");
    }
    assert_eq!((node.state.status(node.now).known, node.state.status(node.now).known_bytes), (30, 30 * 7));
    for n in 40..60 {
        learn(&mut node, old, module, n, &[0; 60_000]);
        let status = node.state.status(node.now);
        assert!(status.known <= 30 && status.known_bytes <= 1 << 20, "{status:?}");
    }
    assert_eq!(node.state.status(node.now).known, 17, "what a mebibyte holds");
    node.pass_secs(59);
    assert_eq!(node.state.status(node.now).known, 17);
    node.pass_secs(2);
    assert_eq!((node.state.status(node.now).known, node.state.status(node.now).known_bytes), (0, 0));
}

#[test]
fn a_greater_ttl_makes_offered_what_went_no_further() {
    let (mut node, old, module) = quiet_node(|_| {});
    let partner = interested(&mut node, 1, &[TYPE]);
    node.hear(old, 0, 5, TYPE, b"raced in");
    let told = node.told_one(module);
    node.validate(module, told.id, true);
    node.pass_secs(3);
    assert_eq!(heard(&mut node, partner), []);
    let other = interested(&mut node, 2, &[TYPE]);
    node.hear(old, 9, 5, TYPE, b"raced in");
    node.pass_secs(3);
    let mut all = heard(&mut node, partner);
    all.extend(heard(&mut node, other));
    let offers = all
        .iter()
        .filter(|heard| matches!(heard, Heard::Have(offers) if offers[0].digest == digest(5, TYPE, b"raced in")));
    assert_eq!(offers.count(), 2, "{all:?}");
}

#[test]
fn a_shorter_interval_counts_for_offers_that_are_under_way() {
    let (mut node, _old, module) = quiet_node(|settings| settings.repair_interval = Duration::from_secs(60));
    let one = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(3);
    node.take(one);
    // Each is pushed to one of two.
    let other = node.neighbour();
    (0..20).for_each(|id| _ = learn(&mut node, other, module, id, b"x"));
    node.pass_secs(3);
    let pushed = heard(&mut node, one);
    assert!(pushed.len() < 20 && pushed.iter().all(|one| matches!(one, Heard::Message(_))), "{pushed:?}");
    let settings = Settings { repair_interval: Duration::from_secs(1), ..node.state.settings().clone() };
    node.handle(Event::SettingsChanged { settings: &settings });
    node.pass_secs(3);
    assert_eq!(offered(&mut node, one).len(), 20 - pushed.len());
}

#[test]
fn what_grew_stale_in_a_neighbours_queue_is_offered_once_it_reads_again() {
    let mut node = Node::new(|_| {});
    let module = node.subscriber(TYPE);
    let old = node.neighbour();
    let one = interested(&mut node, 1, &[TYPE]);
    node.pass_secs(3);
    node.take(one);
    node.deafen(one);
    for id in 0..20 {
        learn(&mut node, old, module, id, &[0; 30_000]);
    }
    node.pass_secs(16);
    node.hear_again(one);
    node.pass_secs(3);
    let stale = node.metrics().spread_stale;
    let said = heard(&mut node, one);
    let pushed = said.iter().filter(|one| matches!(one, Heard::Message(_))).count() as u64;
    let offers = |one: &Heard| if let Heard::Have(offers) = one { offers.len() as u64 } else { 0 };
    assert!(stale > 0 && pushed + stale == 20, "{pushed} pushed, {stale} stale");
    // Whether those that went out have arrived cannot be known: they are offered as well.
    assert_eq!(said.iter().map(offers).sum::<u64>(), 20);
}

#[test]
fn interest_in_nothing_is_not_said_when_one_of_two_connections_ends() {
    let mut node = Node::new(|_| {});
    let (first, second) = (partner(&mut node, 1), partner(&mut node, 1));
    node.reset(second);
    node.pass_secs(2);
    assert_eq!(heard(&mut node, first), []);
    node.subscriber(TYPE);
    let third = partner(&mut node, 1);
    node.pass_secs(2);
    node.take(first);
    node.reset(third);
    assert_eq!(heard(&mut node, first), [Heard::Interest(false, vec![TYPE])], "what was said there may be lost");
}

#[test]
fn what_was_asked_for_is_not_pushed_to_who_takes_part_however_young_it_is() {
    let mut node = Node::new(|settings| settings.degree = 8);
    let module = node.subscriber(TYPE);
    let (from, to) = (interested(&mut node, 1, &[TYPE]), interested(&mut node, 2, &[TYPE]));
    node.pass_secs(1);
    let wanted = digest(7, TYPE, b"missed");
    offer(&mut node, from, &[wanted], 1);
    node.hear(from, 5, 7, TYPE, b"missed");
    node.validate(module, 7, true);
    assert_eq!(heard(&mut node, to), []);
    node.pass(millis(21));
    assert_eq!(offered(&mut node, to), [wanted]);
}

#[test]
fn a_neighbour_that_leaves_gives_its_place_only_to_one_that_had_found_none() {
    let mut node = Node::new(|_| {});
    node.subscriber(TYPE);
    let leaving = partner(&mut node, 1);
    // Who takes part is settled when a neighbour comes; that its second connection says otherwise changes nothing...
    node.join_with(address(2), Some(2), Features::default());
    let second = node.join_with(address(2), Some(2), Features::REPAIR);
    assert_eq!(node.state.status(node.now).neighbours.iter().map(|one| one.connections).max(), Some(2));
    let is_told = |node: &mut Node, id| node.take(id).iter().any(|frame| frame.kind() == kind::INTEREST);
    assert!(!is_told(&mut node, second));
    // ... also when a third one leaves: no place was missing.
    node.reset(leaving);
    node.pass_secs(2);
    assert!(!is_told(&mut node, second), "it has a place now, though nobody waited for one");
    let newcomer = node.join_with(address(3), Some(3), Features::REPAIR);
    assert!(is_told(&mut node, newcomer), "who comes has one");
}

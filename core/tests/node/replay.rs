//! PROTOCOL.md, section 12, Replay: what a module is told that subscribes late.

use crate::harness::{Node, data_of};
use gossip_core::Settings;

const TYPE: u16 = 1337;

fn with_known(change: impl FnOnce(&mut Settings), messages: &[&[u8]]) -> Node {
    let mut node = Node::new(|settings| {
        settings.replay = true;
        change(settings);
    });
    let module = node.subscriber(TYPE);
    node.subscribe(module, TYPE + 1);
    messages.iter().for_each(|data| node.announce(module, 0, TYPE, data));
    node
}

#[test]
fn a_late_subscriber_is_told_what_is_known_of_its_type_oldest_first_and_once() {
    let mut node = with_known(|_| {}, &[b"one", b"two", b"three"]);
    node.pass_secs(600);
    let late = node.module();
    node.subscribe(late, TYPE + 1);
    assert_eq!(node.told(late), [], "of another type");
    node.subscribe(late, TYPE);
    assert_eq!(data_of(&node.told(late)), [&b"one"[..], b"two", b"three"]);
    node.subscribe(late, TYPE);
    assert_eq!(node.told(late), [], "once a connection and type");
    let again = node.subscriber(TYPE);
    assert_eq!(node.told(again).len(), 3, "another connection");
    assert_eq!(node.metrics().messages_replayed, 6);
}

#[test]
fn without_replay_a_late_subscriber_is_told_nothing_old() {
    let mut node = with_known(|settings| settings.replay = false, &[b"one"]);
    let late = node.subscriber(TYPE);
    assert_eq!(node.told(late), []);
}

#[test]
fn validations_of_what_was_replayed_are_ignored_and_decide_nothing_else() {
    let mut node = with_known(|settings| settings.announcer_vouches = false, &[]);
    let (neighbour, other) = (node.neighbour(), node.neighbour());
    let module = node.subscriber(TYPE);
    node.hear(neighbour, 5, 7, TYPE, b"one");
    node.validate(module, 7, true);
    assert_eq!(node.got(other).len(), 1);
    let late = node.subscriber(TYPE);
    let replayed = node.told_one(late);
    // Another message that bears the same id on the wire, waiting.
    node.hear(neighbour, 5, replayed.id, TYPE, b"two");
    let waiting = node.told_one(late);
    assert_ne!(waiting.id, replayed.id, "the id is taken on this connection");
    let ignored = node.metrics().validations_ignored;
    node.validate(late, replayed.id, false);
    assert_eq!((node.metrics().validations_ignored, node.metrics().messages_refused), (ignored + 1, 0));
    node.validate(late, waiting.id, true);
    assert_eq!(node.got(other).len(), 1, "the one that waited goes on");
}

#[test]
fn what_waits_for_validation_is_told_as_well() {
    let mut node = with_known(|_| {}, &[b"known"]);
    let neighbour = node.neighbour();
    node.hear(neighbour, 5, 7, TYPE, b"waits");
    let late = node.subscriber(TYPE);
    assert_eq!(data_of(&node.told(late)), [&b"known"[..], b"waits"]);
}

#[test]
fn the_newest_that_fit_into_half_of_the_queue_are_told() {
    let messages: Vec<Vec<u8>> = (0..6).map(|n| vec![n; 30_000]).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut node = with_known(|settings| settings.api_queue = 1 << 18, &messages);
    let late = node.subscriber(TYPE);
    let told = node.told(late);
    assert_eq!(data_of(&told), messages[2..], "131,072 bytes hold four");
}

#[test]
fn replayed_messages_leave_only_for_newer_ones() {
    let mut node = with_known(|settings| settings.cache_size = 2, &[b"one", b"two", b"three"]);
    node.pass_secs(10_000);
    assert_eq!(node.state.status(node.now).known, 2);
    let late = node.subscriber(TYPE);
    assert_eq!(data_of(&node.told(late)), [&b"two"[..], b"three"]);
}

#[test]
fn a_message_that_was_forgotten_and_came_again_is_told_once() {
    let mut node = with_known(|_| {}, &[]);
    let (neighbour, module) = (node.neighbour(), node.subscriber(TYPE));
    for _ in 0..2 {
        node.hear(neighbour, 5, 7, TYPE, b"x");
        let told = node.told_one(module);
        node.validate(module, told.id, true);
        node.pass_secs(130);
    }
    assert_eq!(node.state.status(node.now).known, 2);
    let late = node.subscriber(TYPE);
    assert_eq!(data_of(&node.told(late)), [b"x"]);
}

//! What clients do to the API port (PROTOCOL.md, sections 1, 5 and 6).

use gossip_tests::{Bed, Daemon, Ini, Module, PATIENCE, body, frame, kind};
use std::collections::BTreeSet;
use std::io::Write;
use std::thread;

const TYPE: u16 = 540;

/// Two neighbours, the second of which calls the first.
fn pair(bed: &Bed) -> (Daemon, Daemon) {
    let first = bed.start("first", &Ini::new());
    // Of the messages that wait for a module, those of one neighbour and one type may be a third: a neighbour's 10,000
    // at once must fit when the module here comes to answer none of them in time.
    let second = bed.start("second", &Ini::new().calling(&[first.peers()]));
    first.knows(&[second.peers()]);
    second.knows(&[first.peers()]);
    (first, second)
}

/// So many announcements, all different, in one piece; and what they say.
fn many(count: usize, size: usize) -> (Vec<u8>, BTreeSet<Vec<u8>>) {
    let said = (0..count).map(|n| format!("{n:0size$}").into_bytes());
    let said: BTreeSet<Vec<u8>> = said.collect();
    assert_eq!(said.len(), count);
    (said.iter().flat_map(|data| body::announce(0, TYPE, data)).collect(), said)
}

fn expect_each_once(module: &mut Module, said: &BTreeSet<Vec<u8>>) {
    let mut missing = said.clone();
    for data in module.collect(said.len()) {
        assert!(missing.remove(&data), "told twice: {:?}", String::from_utf8_lossy(&data));
    }
    module.expect_nothing();
}

/// Calls the next so many valid as they come, and nothing more comes; what they said.
fn vouch_for(module: &mut Module, count: usize) -> BTreeSet<Vec<u8>> {
    let mut said = BTreeSet::new();
    for n in 0..count {
        let told =
            module.receive_within(PATIENCE).unwrap_or_else(|| panic!("notification {n} of {count} did not come"));
        module.validate(told.id, true);
        assert!(said.insert(told.data), "notification {n} was told before");
    }
    module.expect_nothing();
    said
}

#[test]
fn notify_and_announce_and_an_immediate_close_are_delivered_elsewhere() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut listener = second.subscriber(&[TYPE]);
    for n in 0..20 {
        let said = format!("last words {n}");
        let mut hasty = first.module();
        hasty.send(&[body::notify(TYPE), body::announce(0, TYPE, said.as_bytes())].concat());
        drop(hasty);
        listener.expect(&said);
    }
    listener.expect_nothing();
}

#[test]
fn one_byte_at_a_time_is_as_good() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut listener = second.subscriber(&[TYPE]);
    let mut slow = first.module();
    let said = [body::notify(TYPE), body::announce(0, TYPE, b"s-l-o-w"), frame(999, &[b"unknown"])].concat();
    for byte in [said, body::announce(0, TYPE, b"slower")].concat() {
        slow.send(&[byte]);
    }
    for module in [&mut slow, &mut listener] {
        module.expect("s-l-o-w");
        module.expect("slower");
    }
    first.logs("frame of type 999");
}

#[test]
fn ten_thousand_announcements_in_one_write_from_a_subscriber_lose_nothing() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut listener = second.subscriber(&[TYPE]);
    let listening = thread::spawn(move || vouch_for(&mut listener, 10_000));
    let mut announcer = first.subscriber(&[TYPE]);
    let (bytes, said) = many(10_000, 40);
    let mut writer = announcer.writer();
    let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
    expect_each_once(&mut announcer, &said);
    writing.join().unwrap();
    assert!(listening.join().unwrap() == said);
}

#[test]
fn ten_thousand_announcements_in_one_write_from_a_stranger_lose_nothing() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut listener = second.subscriber(&[TYPE]);
    let listening = thread::spawn(move || vouch_for(&mut listener, 10_000));
    let mut vouching = first.subscriber(&[TYPE]);
    let (bytes, said) = many(10_000, 40);
    let mut announcer = first.module();
    announcer.send(&bytes);
    drop(announcer);
    assert!(vouch_for(&mut vouching, 10_000) == said);
    assert!(listening.join().unwrap() == said);
}

#[test]
fn validations_behind_parked_announcements_of_the_same_connection_make_room() {
    let bed = Bed::new();
    let small = Ini::new().with("announcer_vouches", "no").with("pending_max", 16).with("validation_timeout", 20);
    let first = bed.start("first", &small);
    let second = bed.start("second", &Ini::new().calling(&[first.peers()]));
    first.knows(&[second.peers()]);
    let mut listener = second.subscriber(&[TYPE]);
    let vouch_there = thread::spawn(move || vouch_for(&mut listener, 300));
    let mut busy = first.subscriber(&[TYPE]);
    let (bytes, said) = many(300, 40);
    busy.send(&bytes);
    // With 16 places, and 20 s until one becomes free by itself, only these validations can let all of it through.
    assert_eq!(vouch_for(&mut busy, 300), said);
    assert_eq!(vouch_there.join().unwrap(), said);
}

#[test]
fn an_announcer_that_never_validates_is_slowed_by_full_tables_and_not_stopped() {
    let bed = Bed::new();
    let small = Ini::new().with("announcer_vouches", "no").with("pending_bytes", "1M").with("validation_timeout", 1);
    let node = bed.start("node", &small);
    let mut busy = node.subscriber(&[TYPE]);
    // Six times what may wait: more than is parked, too, so that reading stops.
    let (bytes, said) = many(100, 60_000);
    let mut writer = busy.writer();
    let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
    expect_each_once(&mut busy, &said);
    writing.join().unwrap();
    busy.is_heard();
}

#[test]
fn frames_without_business_on_the_api_port_change_nothing() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut module = node.subscriber(&[TYPE]);
    module.send(&frame(kind::PING, &[]));
    module.send(&frame(kind::NOTIFICATION, &[&[0, 1, 0, 2], b"?"]));
    module.send(&frame(kind::NOTIFY, &[&[0, 0, 1]]));
    module.announce(0, TYPE, "still here");
    module.expect("still here");
    node.logs("frame of type 501 with the wrong length");
    module.send(&[0, 3, 1, 2]);
    module.expect_end();
    node.subscriber(&[TYPE]);
}

#[test]
fn a_subscription_ends_with_its_connection() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut listener = second.subscriber(&[TYPE]);
    drop(first.subscriber(&[TYPE]));
    let mut announcer = first.module();
    announcer.announce(0, TYPE, "nobody here vouches for it");
    announcer.is_heard();
    listener.expect_nothing();
}

#[test]
fn a_module_that_has_said_all_is_still_told() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut listener = node.subscriber(&[TYPE]);
    listener.half_close();
    node.module().announce(0, TYPE, "to listeners");
    listener.expect("to listeners");
}

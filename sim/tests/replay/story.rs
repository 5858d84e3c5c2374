//! What is told, and what is not.

use crate::tape::{DATA, NEIGHBOUR, STRANGER, Tape, id_of, recorded};
use crate::told;
use gossip_core::recording::End;
use gossip_core::wire::ApiMessage;
use gossip_core::{Action, Event, Listener};
use gossip_sim::replay::{Arguments, Wanted};
use serde_json::Value;
use std::fs;

/// The lines of the story alone, without the summary around it; times cut off.
fn lines(wish: impl FnOnce(&mut Arguments)) -> Vec<String> {
    let (story, status) = on_the_tape(wish);
    assert_eq!(status, 0, "{story}");
    let is_moment = |line: &&str| line.get(14..16).is_some_and(|sign| ["<-", "->", "--"].contains(&sign));
    story.lines().filter(is_moment).map(|line| line[14..].to_owned()).collect()
}

fn on_the_tape(wish: impl FnOnce(&mut Arguments)) -> (String, u8) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.rec");
    fs::write(&path, recorded().0.end(End::Finished)).unwrap();
    told(&path, wish).unwrap()
}

fn assert_in_order(lines: &[String], expected: &[&str]) {
    let mut rest = lines.iter();
    for part in expected {
        assert!(rest.any(|line| line.contains(part)), "{part:?} missing or out of order in {lines:#?}");
    }
}

#[test]
fn by_default_the_story_is_that_of_the_neighbours() {
    let story = lines(|_| {});
    let expected = [
        "-- no neighbours and nobody to call: waiting to be called".to_owned(),
        format!("-- neighbour {NEIGHBOUR} joined (in#3)"),
        "<- told to shut down".to_owned(),
        format!("-- neighbour {NEIGHBOUR} left: shutting down"),
    ];
    assert_eq!(story, expected);
    let (whole, _) = on_the_tape(|_| {});
    assert!(whole.contains("neighbours   1 joined, 1 left, 0 at the end\n"), "{whole}");
    assert!(whole.contains("verdict      13 events, 3 checks: the same, byte for byte.\n"), "{whole}");
}

#[test]
fn all_is_every_frame_either_way_and_what_became_of_it() {
    let expected = [
        "<- module 127.0.0.1:50001 connects (in#1)",
        "<- module 127.0.0.1:50001 (in#1): NOTIFY tell me of type 7",
        "<- module 127.0.0.1:50002 (in#2): ANNOUNCE type 7, ttl 3, 18 bytes: 68 65",
        "-> module 127.0.0.1:50001 (in#1): NOTIFICATION id ",
        "<- module 127.0.0.1:50001 (in#1): VALIDATION id ",
        "-- messages held for neighbours to come: +1",
        "<- 127.0.0.1:40003 calls (in#3)",
        "<- 127.0.0.1:40003 (in#3): CAPABILITIES version 1",
        "<- 127.0.0.1:6003 (in#3): HELLO listening on 127.0.0.1:6003",
        "-> 127.0.0.1:6003 (in#3): VERIFICATION REQUEST nonce ",
        "<- 127.0.0.1:6003 (in#3): VERIFICATION RESPONSE challenge 1 for nonce",
        "-- neighbour 127.0.0.1:6003 joined (in#3)",
        "-> 127.0.0.1:6003 (in#3): PEER NOTIFICATION id ",
        "<- 127.0.0.1:6003 (in#3): PEER NOTIFICATION id ",
        "-- copies of messages known already: +1",
        "<- 127.0.0.1:6004 (in#4): HELLO",
        "<- 127.0.0.1:6004 (in#4): PEER NOTIFICATION id 1, type 7, ttl 1, 8 bytes: \"a ",
        "-- frames dropped: they came before their connection was established: +1",
        "<- told to shut down",
        "-> 127.0.0.1:6003 (in#3): GOODBYE shutting down",
        "-> hangs up on 127.0.0.1:6003 (in#3), once all is written",
    ];
    assert_in_order(&lines(|wish| wish.all = true), &expected);
}

#[test]
fn the_life_of_a_message_is_found_by_its_text_its_bytes_and_its_id() {
    let (_, id) = recorded();
    let asked = ["hello".parse().unwrap(), "0x1b5b324a".parse().unwrap(), Wanted::Id(id)];
    let stories = asked.map(|wanted| lines(|wish| wish.message = Some(wanted)));
    let expected = [
        "ANNOUNCE",
        "-> module 127.0.0.1:50001 (in#1): NOTIFICATION",
        "is valid [decides]",
        "held for neighbours",
        "-> 127.0.0.1:6003 (in#3): PEER NOTIFICATION",
        "[a copy]",
        "copies of messages known already",
    ];
    assert_in_order(&stories[0], &expected);
    assert_eq!(stories[0].len(), expected.len(), "nothing else: {:#?}", stories[0]);
    assert_eq!(stories[0], stories[1]);
    assert_eq!(stories[0], stories[2]);
    let (whole, _) = on_the_tape(|wish| wish.message = Some(Wanted::Id(id)));
    let life = "announced by module 127.0.0.1:50002 (in#2) at 0.004 s; 1 module told; found valid after 1.000 ms; \
                spread once to neighbours; came once more";
    assert!(whole.contains(life), "{whole}");
    let (none, _) = on_the_tape(|wish| wish.message = Some("no such text".parse().unwrap()));
    assert!(none.contains("message      none like that\n"), "{none}");
}

#[test]
fn a_life_says_who_decided_or_that_nobody_did() {
    let mut tape = Tape::new();
    tape.accept(1, 1, Listener::Api, "127.0.0.1:50001");
    tape.module_says(2, 1, ApiMessage::Notify { data_type: 7 });
    let actions = tape.module_says(3, 1, ApiMessage::Announce { ttl: 0, data_type: 7, data: b"on its maker's word" });
    let [Action::Send { frame, .. }] = actions.as_slice() else { panic!("one NOTIFICATION expected: {actions:?}") };
    tape.module_says(4, 1, ApiMessage::Validation { id: id_of(frame), valid: false });
    tape.accept(5, 2, Listener::Api, "127.0.0.1:50002");
    tape.module_says(6, 2, ApiMessage::Announce { ttl: 0, data_type: 7, data: b"left unanswered" });
    tape.module_says(7, 2, ApiMessage::Announce { ttl: 0, data_type: 8, data: b"of no interest" });
    tape.give(6_000, Event::Timer);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.rec");
    fs::write(&path, tape.end(End::Finished)).unwrap();
    let life_of = |text: &str| told(&path, |wish| wish.message = Some(text.parse().unwrap())).unwrap().0;

    let vouched = life_of("maker's word");
    assert!(vouched.contains("is refused [ignored: its announcer vouched for it]"), "{vouched}");
    assert!(vouched.contains("1 module told; its announcer vouched for it; not spread\n"), "{vouched}");
    let unanswered = life_of("unanswered");
    assert!(unanswered.contains("6.000000 -- no module answered in time: the message is dropped"), "{unanswered}");
    assert!(unanswered.contains("1 module told; validated by nobody after 5.994 s; not spread\n"), "{unanswered}");
    let unwanted = life_of("no interest");
    assert!(unwanted.contains("messages dropped: no module here subscribes to their type: +1"), "{unwanted}");
    assert!(unwanted.contains("at 0.007 s; no module told; not spread\n"), "{unwanted}");
}

#[test]
fn what_is_asked_of_messages_is_an_id_hex_or_text() {
    let bytes = |text: &str| Ok(Wanted::Data(text.as_bytes().to_vec()));
    assert_eq!("43981".parse(), Ok(Wanted::Id(43_981)));
    assert_eq!("text:43981".parse(), bytes("43981"));
    assert_eq!("65536".parse(), bytes("65536"));
    assert_eq!("0x00fF".parse(), Ok(Wanted::Data(vec![0, 255])));
    assert_eq!("text:0xzz".parse(), bytes("0xzz"));
    assert_eq!("groß".parse(), bytes("groß"));
    for wrong in ["", "0x", "0x0", "0xzz", "0x+f"] {
        assert!(wrong.parse::<Wanted>().is_err(), "{wrong:?}");
    }
}

#[test]
fn one_peer_is_told_of_from_its_call_on_and_nobody_else() {
    let story = lines(|wish| wish.peer = Some(NEIGHBOUR.parse().unwrap()));
    assert_in_order(&story, &["40003 calls (in#3)", "CAPABILITIES", "HELLO", "joined", "GOODBYE", "left"]);
    assert!(story.iter().all(|line| !line.contains("in#4") && !line.contains("module")), "{story:#?}");
    let stranger = lines(|wish| wish.peer = Some(STRANGER.parse().unwrap()));
    assert_in_order(&stranger, &["40004 calls (in#4)", "HELLO", "VERIFICATION REQUEST", "ended: shutting down"]);
    assert!(stranger.iter().all(|line| !line.contains("in#3")), "{stranger:#?}");
    let of_host = lines(|wish| wish.peer = Some("127.0.0.1".parse().unwrap()));
    assert_in_order(&of_host, &["calls (in#3)", "calls (in#4)"]);
    assert_eq!(lines(|wish| wish.peer = Some("127.0.0.2".parse().unwrap())), [""; 0]);
}

#[test]
fn until_ends_the_story_there() {
    let until = |micros| Some(gossip_core::time::Duration::from_micros(micros));
    let (story, status) = on_the_tape(|wish| wish.until = until(1_003_000));
    assert!(story.contains("neighbours   1 joined, 0 left, 1 at the end: 127.0.0.1:6003\n"), "{story}");
    let verdict = "9 events, 1 check: the same, byte for byte, up to event 6; 3 more without a check. The recording \
                   goes on.";
    assert!(story.contains(verdict), "{story}");
    assert_eq!(status, 0);
    let (before, _) = on_the_tape(|wish| wish.until = until(1_002_999));
    assert!(!before.contains("joined (in#3)"), "{before}");
}

#[test]
fn json_is_one_object_a_line_and_says_the_data_exactly() {
    let (story, _) = on_the_tape(|wish| {
        wish.json = true;
        wish.all = true;
        wish.message = Some("hello".parse().unwrap());
    });
    let objects: Vec<Value> = story.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let announced = &objects[0];
    assert_eq!((&announced["kind"], &announced["time_us"]), (&"received".into(), &4_000.into()));
    assert_eq!((&announced["module"], &announced["connection"]), (&"127.0.0.1:50002".into(), &"in#2".into()));
    assert_eq!(announced["message"]["data_text"], str::from_utf8(DATA).unwrap());
    let end = objects.last().unwrap();
    assert_eq!((&end["kind"], &end["same"], &end["status"]), (&"end".into(), &true.into(), &0.into()));
    assert_eq!((&end["messages"][0]["decision"], &end["messages"][0]["spread"]), (&"valid".into(), &1.into()));
    assert_eq!(end["metrics"]["announcements"], 1);
}

#[test]
fn nothing_that_passed_through_the_node_can_upset_a_terminal() {
    for is_json in [false, true] {
        let (story, _) = on_the_tape(|wish| (wish.all, wish.json) = (true, is_json));
        let upsetting = |c: &char| *c != '\n' && (c.is_control() || *c == '\u{202e}');
        assert_eq!(story.chars().find(upsetting), None);
        assert!(story.contains(if is_json { "a \\u202eb\\nc" } else { "\"a \\u{202e}b\\nc\"" }), "{story}");
    }
}

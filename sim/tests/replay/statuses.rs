//! What the replay shows about the recording itself, and the exit statuses.

use crate::tape::{Tape, recorded};
use crate::told;
use gossip_core::recording::{End, Reader};
use gossip_core::{ConnectionId, DialError, Event, Listener};
use gossip_sim::replay::Wanted;
use gossip_sim::rng::{Rng, Stream};
use std::fs;

/// Story and status, or complaint and status.
fn status_of(bytes: &[u8]) -> (String, u8) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.rec");
    fs::write(&path, bytes).unwrap();
    told(&path, |wish| wish.quiet = true).unwrap_or_else(|complaint| (complaint.text, complaint.status))
}

fn whole() -> Vec<u8> {
    recorded().0.end(End::Finished)
}

#[test]
fn the_same_and_ended_is_0_whether_finished_or_at_the_limit() {
    assert_eq!(status_of(&whole()), ("verdict      13 events, 3 checks: the same, byte for byte.\n".to_owned(), 0));
    let (verdict, status) = status_of(&recorded().0.end(End::Limit));
    assert!(verdict.contains("size limit"), "{verdict}");
    assert_eq!(status, 0);
    assert_eq!(status_of(&Tape::new().end(End::Finished)).1, 0, "a node that was given nothing");
}

#[test]
fn cut_short_is_1_with_what_was_whole() {
    let bytes = whole();
    let head = Reader::new(&bytes).unwrap().position();
    for len in head..bytes.len() {
        let (verdict, status) = status_of(&bytes[..len]);
        assert_eq!(status, 1, "{len} bytes: {verdict}");
        assert!(verdict.contains("CUT SHORT: whole up to byte"), "{len} bytes: {verdict}");
    }
    let (verdict, _) = status_of(&bytes[..bytes.len() - 1]);
    assert!(verdict.contains("13 events, 3 checks: the same, byte for byte. CUT SHORT"), "{verdict}");
    let (complaint, status) = status_of(&bytes[..head - 1]);
    assert!(complaint.contains("cut short"), "{complaint}");
    assert_eq!(status, 1);
}

#[test]
fn damaged_is_1_and_never_told_as_the_truth() {
    let bytes = whole();
    let head = Reader::new(&bytes).unwrap().position();
    for at in head..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x04;
        let (verdict, status) = status_of(&damaged);
        // A length that became too large looks like an end that is missing.
        assert!(verdict.contains("DAMAGED at byte") || verdict.contains("CUT SHORT"), "byte {at}: {verdict}");
        assert_eq!(status, 1, "byte {at}: {verdict}");
    }
}

#[test]
fn what_follows_the_end_was_not_written_by_the_recorder() {
    for end in [End::Finished, End::Limit] {
        let mut bytes = recorded().0.end(end);
        let whole = bytes.len();
        bytes.extend(b"\n");
        let (verdict, status) = status_of(&bytes);
        let place = verdict.split("DAMAGED at byte ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or("");
        assert_eq!(place.replace(',', ""), whole.to_string(), "{verdict}");
        assert_eq!(status, 1, "{verdict}");
    }
    let twice = [whole(), whole()].concat();
    assert_eq!(status_of(&twice).1, 1, "one recording after the other");
}

#[test]
fn not_a_recording_another_version_or_no_file_is_2() {
    let mut newer = whole();
    newer[9] += 1;
    let (complaint, status) = status_of(&newer);
    assert!(complaint.contains("a recording of version 5; this program reads version 4"), "{complaint}");
    assert_eq!(status, 2);
    let (complaint, status) = status_of(b"[gossip]\ncache_size = 50\n");
    assert!(complaint.contains("not a recording"), "{complaint}");
    assert_eq!(status, 2);
    let folder = tempfile::tempdir().unwrap();
    let complaint = told(&folder.path().join("none.rec"), |_| {}).unwrap_err();
    assert!(complaint.text.starts_with("cannot read "), "{complaint:?}");
    assert_eq!(complaint.status, 2);
}

#[test]
fn something_else_is_3_and_says_between_which_events() {
    let (mut tape, _) = recorded();
    tape.flush();
    tape.give(4_000, Event::Timer);
    tape.flush();
    // Accepting after the shutdown is answered by a close; this recording says that it was not.
    tape.lies = true;
    let remote = "127.0.0.1:40005".parse().unwrap();
    let connection = ConnectionId::accepted(5);
    tape.give(4_001, Event::Accepted { connection, listener: Listener::P2p, remote });
    tape.give(4_002, Event::Timer);
    tape.flush();
    tape.give(4_003, Event::Timer);
    let (verdict, status) = status_of(&tape.end(End::Finished));
    assert!(verdict.contains("DIFFERS between event 15 and event 16"), "{verdict}");
    assert_eq!(status, 3);
}

fn small(rng: &mut Rng, below: u64) -> u16 {
    u16::try_from(rng.below(below)).unwrap()
}

/// One event out of few connections, so that they meet; frames of every type, with bodies that may be wrong.
fn give_any(tape: &mut Tape, rng: &mut Rng, millis: u64) {
    let accepted = ConnectionId::accepted(rng.below(4));
    let connection = if rng.below(4) == 0 { ConnectionId::dialed(rng.below(3)) } else { accepted };
    let remote = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000 + small(rng, 4)));
    let listener = if rng.below(2) == 0 { Listener::Api } else { Listener::P2p };
    let mut bytes = Vec::new();
    for _ in 0..rng.below(4) {
        let body: Vec<u8> = (0..rng.below(24))
            .map(|_| [0, 1, 127, small(rng, 256).to_be_bytes()[1]][usize::from(small(rng, 4))])
            .collect();
        bytes.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend((499 + small(rng, 22)).to_be_bytes());
        bytes.extend(body);
    }
    bytes.truncate(bytes.len() - usize::from(small(rng, 3)).min(bytes.len()));
    tape.give(
        millis,
        match rng.below(16) {
            0..=3 => Event::Accepted { connection: accepted, listener, remote },
            4 => Event::DialSucceeded { connection },
            5 => Event::DialFailed { connection, error: DialError::Refused },
            6 => Event::ReadClosed { connection },
            7 => Event::Closed { connection },
            8 => Event::Timer,
            9 => Event::Solved { connection, challenge: rng.below(9) },
            10 => Event::Written { connection, bytes: rng.below(100) },
            _ => Event::Received { connection, bytes: &bytes },
        },
    );
}

#[test]
fn whatever_a_node_was_given_is_told_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.rec");
    for seed in 0..200 {
        let (mut tape, mut rng) = (Tape::new(), Rng::new(seed, Stream::Explore));
        for turn in 0..300 {
            give_any(&mut tape, &mut rng, turn * 100);
        }
        fs::write(&path, tape.end(End::Finished)).unwrap();
        for wish in 0..4 {
            let (story, status) = told(&path, |arguments| match wish {
                0 => arguments.all = true,
                1 => arguments.peer = Some("127.0.0.1".parse().unwrap()),
                2 => arguments.message = Some(Wanted::Id(1)),
                _ => (arguments.json, arguments.message) = (true, Some(Wanted::Data(vec![1]))),
            })
            .unwrap();
            assert_eq!(status, 0, "seed {seed}, wish {wish}: {story}");
            assert!(story.contains("300 events, 1 check: the same, byte for byte."), "seed {seed}, wish {wish}");
        }
    }
}

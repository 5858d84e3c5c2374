use super::*;
use crate::event::{ConnectionId, DialError, Event, Listener, ResolveId};
use crate::settings::{Addresses, Endpoint, Settings};
use crate::state::GossipState;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

fn settings() -> Settings {
    let mut settings = Settings::new(50, 4, Addresses::of("127.0.0.1:6001".parse().unwrap()));
    settings.p2p_address.set("[::1]:6002".parse().unwrap());
    settings.bootstrapper = vec![
        Endpoint::Address("10.0.0.1:6001".parse().unwrap()),
        Endpoint::Name { host: "gossip.example".to_owned(), port: 6001 },
    ];
    settings.ban_time = Duration::from_secs(31_536_000);
    settings.discovery = false;
    settings
}

fn one_of_each<'a>(addresses: &'a [SocketAddr], other: &'a Settings) -> Vec<Event<'a>> {
    let (accepted, dialed) = (ConnectionId::accepted(300), ConnectionId::dialed(0));
    let remote = "[2001:db8::7]:50000".parse().unwrap();
    vec![
        Event::Accepted { connection: accepted, listener: Listener::Api, remote },
        Event::Accepted { connection: ConnectionId::accepted(0), listener: Listener::P2p, remote },
        Event::DialSucceeded { connection: dialed },
        Event::DialFailed { connection: dialed, error: DialError::Refused },
        Event::DialFailed { connection: dialed, error: DialError::Unreachable },
        Event::DialFailed { connection: dialed, error: DialError::Local },
        Event::Received { connection: accepted, bytes: &[0, 8, 1, 245, 0, 0, 5, 57] },
        Event::Received { connection: accepted, bytes: &[] },
        Event::ReadClosed { connection: accepted },
        Event::Closed { connection: ConnectionId::dialed((1 << 63) - 1) },
        Event::Written { connection: accepted, bytes: u64::MAX },
        Event::Timer,
        Event::Solved { connection: dialed, challenge: 6_049_217 },
        Event::Resolved { query: ResolveId(9), addresses },
        Event::Resolved { query: ResolveId(10), addresses: &[] },
        Event::SettingsChanged { settings: other },
        Event::Shutdown,
    ]
}

fn recorded(events: &[Event<'_>]) -> Vec<u8> {
    let start = Instant::from_micros(5);
    let (mut recorder, mut bytes) = Recorder::new(&settings(), [9; 32], start);
    let mut state = GossipState::new(settings(), [9; 32], start).unwrap();
    for (n, event) in (0u64..).zip(events) {
        let now = start.after(Duration::from_millis(n * n));
        let mut actions = Vec::new();
        recorder.event(now, event);
        state.handle(now, event.clone(), &mut actions);
        recorder.actions(&actions);
        if n % 5 == 4 {
            bytes.extend(recorder.flush());
        }
    }
    bytes.extend(recorder.end(End::Finished));
    bytes
}

/// Feeds a recording to a fresh state; how many events and checks it held.
fn replay(bytes: &[u8]) -> Result<(usize, usize), RecordingError> {
    let mut reader = Reader::new(bytes)?;
    let mut state = GossipState::new(reader.settings().clone(), reader.seed(), reader.time()).unwrap();
    let (mut digest, mut actions) = (ActionDigest::default(), Vec::new());
    let (mut events, mut checks) = (0, 0);
    while let Some(entry) = reader.next()? {
        match entry {
            Entry::Event(timed) => {
                state.handle(timed.at, timed.event, &mut actions);
                actions.drain(..).for_each(|action| digest.add(&action));
                events += 1;
            }
            Entry::Check { digest: expected } => {
                assert_eq!(digest.value(), expected, "after {events} events");
                checks += 1;
            }
            Entry::End(end) => assert_eq!(end, End::Finished),
        }
    }
    Ok((events, checks))
}

#[test]
fn settings_seed_and_every_kind_of_event_come_back_as_they_were() {
    let addresses = ["10.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()];
    let other = Settings { degree: 7, ..settings() };
    let events = one_of_each(&addresses, &other);
    let bytes = recorded(&events);
    let mut reader = Reader::new(&bytes).unwrap();
    assert_eq!((reader.settings(), reader.seed()), (&settings(), [9; 32]));
    let mut back = 0;
    while let Some(entry) = reader.next().unwrap() {
        if let Entry::Event(timed) = entry {
            assert_eq!(timed.event, events[back]);
            assert_eq!(timed.at, Instant::from_micros(5 + 1_000 * (back * back) as u64));
            back += 1;
        }
    }
    assert_eq!(back, events.len());
}

#[test]
fn a_replay_does_the_same_and_an_altered_event_is_noticed() {
    let accepted = ConnectionId::accepted(1);
    let remote = "127.0.0.1:50000".parse().unwrap();
    let hello: &[u8] = &[0, 10, 1, 252, 127, 0, 0, 1, 23, 113];
    let events = [
        Event::Timer,
        Event::Accepted { connection: accepted, listener: Listener::P2p, remote },
        Event::Received { connection: accepted, bytes: hello },
        Event::Timer,
        Event::Shutdown,
    ];
    assert_eq!(replay(&recorded(&events)), Ok((5, 1)));
    let mut one = ActionDigest::default();
    let mut other = ActionDigest::default();
    one.add(&crate::action::Action::CancelSolve { connection: accepted });
    other.add(&crate::action::Action::StopReading { connection: accepted });
    assert_ne!(one.value(), other.value());
    assert_eq!(one.to_string().len(), 64);
}

#[test]
fn cut_short_anywhere_is_reported_and_what_is_whole_is_read() {
    let bytes = recorded(&one_of_each(&[], &settings()));
    for len in 0..bytes.len() {
        let error = replay(&bytes[..len]).expect_err("no end");
        let expected = matches!(error, RecordingError::CutShort { .. })
            || (len < MAGIC.len() && error == RecordingError::NotARecording);
        assert!(expected, "{len} bytes: {error}");
    }
}

#[test]
fn bytes_after_the_end_are_reported_with_their_place() {
    let mut bytes = recorded(&[Event::Timer]);
    let whole = bytes.len();
    assert_eq!(replay(&bytes), Ok((1, 1)));
    bytes.push(0);
    assert_eq!(replay(&bytes), Err(RecordingError::Damaged { at: whole }));
}

#[test]
fn a_flipped_bit_anywhere_is_reported() {
    let bytes = recorded(&one_of_each(&[], &settings()));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(replay(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = recorded(&[]);
    bytes[9] = 7;
    assert_eq!(Reader::new(&bytes).err(), Some(RecordingError::Version { found: 7 }));
    assert_eq!(Reader::new(b"[gossip]\n").err(), Some(RecordingError::NotARecording));
}

#[test]
fn numbers_of_every_length_come_back() {
    for n in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut sink = encode::Sink::default();
        sink.number(n);
        assert_eq!(encode::Source(&sink.0).number(), Some(n));
    }
    assert_eq!(encode::Source(&[0xff; 10]).number(), None);
    assert_eq!(encode::Source(&[0x80]).number(), None);
}

#[test]
fn numbers_have_one_shortest_form_and_those_past_64_bits_are_refused() {
    let lengths = [(0, 1), (0x7f, 1), (0x80, 2), (0x3fff, 2), (0x4000, 3), (u64::MAX >> 1, 9), (u64::MAX, 10)];
    for (n, length) in lengths {
        let mut sink = encode::Sink::default();
        sink.number(n);
        assert_eq!(sink.0.len(), length, "{n:#x}");
    }
    let tenth = |byte| encode::Source(&[&[0x80; 9][..], &[byte]].concat()).number();
    assert_eq!([0, 1, 2, 3, 0x7f].map(tenth), [Some(0), Some(1 << 63), None, None, None]);
}

#[test]
fn a_recorder_knows_what_a_crash_would_lose_and_a_reader_where_it_is() {
    let start = Instant::from_micros(5);
    let (mut recorder, mut bytes) = Recorder::new(&settings(), [9; 32], start);
    assert_eq!((recorder.unflushed(), recorder.flush()), (0, vec![]));
    recorder.event(start.after(Duration::from_secs(1)), &Event::Timer);
    let one = recorder.unflushed();
    recorder.event(start.after(Duration::from_secs(2)), &Event::Timer);
    // A pause and a kind each.
    assert!(one > 1 && recorder.unflushed() == 2 * one);
    let head = bytes.len();
    bytes.extend(recorder.flush());
    assert_eq!(recorder.unflushed(), 0);
    let events = bytes.len();
    bytes.extend(recorder.end(End::Limit));
    let mut reader = Reader::new(&bytes).unwrap();
    assert_eq!((reader.position(), reader.time()), (head, start));
    for n in 1..=2 {
        assert!(matches!(reader.next(), Ok(Some(Entry::Event(_)))));
        assert_eq!((reader.position(), reader.time()), (events, start.after(Duration::from_secs(n))));
    }
    assert!(matches!(reader.next(), Ok(Some(Entry::Check { .. }))));
    assert!(matches!(reader.next(), Ok(Some(Entry::End(End::Limit)))));
    assert_eq!((reader.position(), reader.next().unwrap().is_none()), (bytes.len(), true));
}

#[test]
fn what_is_wrong_with_a_recording_is_said_with_the_place() {
    let said = |error: RecordingError| error.to_string();
    assert!(said(RecordingError::CutShort { at: 4_711 }).contains("4711"));
    assert!(said(RecordingError::Damaged { at: 4_711 }).contains("4711"));
    assert!(said(RecordingError::Version { found: 77 }).contains("77"));
    let mut digest = ActionDigest::default();
    digest.add(&crate::action::Action::CancelSolve { connection: ConnectionId::accepted(1) });
    assert_eq!(digest.actions(), 1);
    assert_eq!(format!("{digest:?}"), format!("ActionDigest({digest}, 1 actions)"));
}

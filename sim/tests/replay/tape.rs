//! A recording made by hand: one node, two modules, two peers, one message.

use gossip_core::pow::Target;
use gossip_core::recording::{End, Recorder};
use gossip_core::time::{Duration, Instant};
use gossip_core::wire::{ApiMessage, Capabilities, Features, Frame, Hints, PeerMessage};
use gossip_core::{Action, Actions, Addresses, ConnectionId, Event, GossipState, Listener, Settings};
use std::net::SocketAddr;

/// What the message says: text that would clear a terminal.
pub(crate) const DATA: &[u8] = b"hello\x1b[2J \xe2\x80\xaeworld";
/// Text without control characters that is upsetting all the same; sent by the peer that does not join.
pub(crate) const BACKWARDS: &str = "a \u{202e}b\nc";
/// Where the peer listens that joins, and the one that does not.
pub(crate) const NEIGHBOUR: &str = "127.0.0.1:6003";
pub(crate) const STRANGER: &str = "127.0.0.1:6004";

/// A state being recorded.
pub(crate) struct Tape {
    state: GossipState,
    recorder: Recorder,
    bytes: Vec<u8>,
    /// Leaves the actions of the next event out of the digest, as if the recorded program had done something else.
    pub(crate) lies: bool,
}

impl Tape {
    pub(crate) fn new() -> Self {
        let mut settings = Settings::new(50, 4, Addresses::of(address("127.0.0.1:6001")));
        settings.pow = Target::ZeroBits(0);
        let start = Instant::from_micros(77);
        let (recorder, bytes) = Recorder::new(&settings, [5; 32], start);
        let state = GossipState::new(settings, [5; 32], start).unwrap();
        Self { state, recorder, bytes, lies: false }
    }

    /// The node is given an event, so many milliseconds after its start.
    pub(crate) fn give(&mut self, millis: u64, event: Event<'_>) -> Actions {
        let at = Instant::from_micros(77).after(Duration::from_millis(millis));
        let mut actions = Actions::new();
        self.recorder.event(at, &event);
        self.state.handle(at, event, &mut actions);
        if !std::mem::take(&mut self.lies) {
            self.recorder.actions(&actions);
        }
        actions
    }

    pub(crate) fn flush(&mut self) {
        self.bytes.extend(self.recorder.flush());
    }

    pub(crate) fn end(mut self, end: End) -> Vec<u8> {
        self.bytes.extend(self.recorder.end(end));
        self.bytes
    }

    pub(crate) fn module_says(&mut self, millis: u64, n: u64, message: ApiMessage<'_>) -> Actions {
        let (connection, bytes) = (ConnectionId::accepted(n), message.frame().to_vec());
        self.give(millis, Event::Received { connection, bytes: &bytes })
    }

    fn peer_says(&mut self, millis: u64, n: u64, messages: &[PeerMessage<'_>]) -> Actions {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| message.frame().to_vec()).collect();
        self.give(millis, Event::Received { connection: ConnectionId::accepted(n), bytes: &bytes })
    }

    pub(crate) fn accept(&mut self, millis: u64, n: u64, listener: Listener, remote: &str) {
        let connection = ConnectionId::accepted(n);
        self.give(millis, Event::Accepted { connection, listener, remote: address(remote) });
    }
}

/// The whole story, its last event the shutdown. Returns the tape before its end, and the message's id.
///
/// | ms | |
/// |---|---|
/// | 0 | the first timer: nobody to call |
/// | 1-4 | module in#1 subscribes to type 7; module in#2 announces |
/// | 5 | in#1 vouches: the message is held, for there is no neighbour |
/// | 1000-1003 | the peer at 6003 calls (in#3), proves its work, joins and gets the message |
/// | 1010 | it sends the message back with a text of its own, which no module has seen |
/// | 2000 | the peer at 6004 calls (in#4) and sends a message instead of a proof |
/// | 3000 | told to shut down |
pub(crate) fn recorded() -> (Tape, u16) {
    let mut tape = Tape::new();
    tape.give(0, Event::Timer);
    tape.accept(1, 1, Listener::Api, "127.0.0.1:50001");
    tape.module_says(2, 1, ApiMessage::Notify { data_type: 7 });
    tape.accept(3, 2, Listener::Api, "127.0.0.1:50002");
    let told = tape.module_says(4, 2, ApiMessage::Announce { ttl: 3, data_type: 7, data: DATA });
    let [Action::Send { frame, .. }] = told.as_slice() else { panic!("one NOTIFICATION expected: {told:?}") };
    let id = id_of(frame);
    tape.module_says(5, 1, ApiMessage::Validation { id, valid: true });
    tape.flush();

    tape.accept(1_000, 3, Listener::P2p, "127.0.0.1:40003");
    let hello = PeerMessage::Hello { address: address(NEIGHBOUR) };
    let features = Features::default();
    let me = PeerMessage::Capabilities(Capabilities { version: 1, features, instance: 3, hints: Hints::new(&[]) });
    let asked = tape.peer_says(1_001, 3, &[me, hello]);
    let proof =
        PeerMessage::VerificationResponse { nonce: nonce_of(&asked), challenge: 1, address: address(NEIGHBOUR) };
    tape.peer_says(1_003, 3, &[proof]);
    let copy = PeerMessage::PeerNotification { ttl: 1, id, data_type: 7, data: DATA };
    tape.peer_says(1_010, 3, &[copy]);

    tape.accept(2_000, 4, Listener::P2p, "127.0.0.1:40004");
    let hello = PeerMessage::Hello { address: address(STRANGER) };
    let early = PeerMessage::PeerNotification { ttl: 1, id: 1, data_type: 7, data: BACKWARDS.as_bytes() };
    tape.peer_says(2_001, 4, &[hello, early]);
    tape.flush();
    tape.give(3_000, Event::Shutdown);
    (tape, id)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn id_of(frame: &Frame) -> u16 {
    let bytes = frame.to_vec();
    let Ok(ApiMessage::Notification { id, .. }) = ApiMessage::decode(frame.kind(), &bytes[4..]) else {
        panic!("NOTIFICATION expected: {frame:?}");
    };
    id
}

fn nonce_of(actions: &[Action]) -> u64 {
    let of_frame = |action: &Action| {
        let Action::Send { frame, .. } = action else { return None };
        match PeerMessage::decode(frame.kind(), &frame.to_vec()[4..]) {
            Ok(PeerMessage::VerificationRequest { nonce }) => Some(nonce),
            _ => None,
        }
    };
    actions.iter().find_map(of_frame).expect("HELLO is answered by 506")
}

//! What benches and the test of allocations measure: a node with neighbours and a module, and one message of each kind.

// Each of them uses its own part of this.
#![allow(dead_code)]

use gossip_core::pow::Target;
use gossip_core::time::{Duration, Instant};
use gossip_core::wire::{
    AddressList, ApiMessage, Capabilities, Features, Frame, GoodbyeReason, Hints, Interest, Payload, PeerMessage, kind,
    peer_notification,
};
use gossip_core::{Action, Actions, Addresses, ConnectionId, Event, GossipState, Listener, Settings};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const TYPE: u16 = 1337;
/// From one message to the next: with the memory of the settings below, 1,000 messages are remembered, and after the
/// first thousand one is forgotten for each that comes.
const PACE: Duration = Duration::from_millis(1);
const MEMORY: Duration = Duration::from_secs(1);

/// Messages of a size that a driver reads at once, at most.
pub(crate) fn together(size: usize) -> u64 {
    (65_536 / (size as u64 + 10)).min(64)
}

/// What all neighbours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// As this project's daemons: they take part in repair, and their modules subscribe to what is spread.
    Capable,
    /// Peers that know no extensions.
    Old,
}

/// A node in the middle of a network: messages come from one neighbour, one module vouches for them, and they go on to
/// all other neighbours.
pub(crate) struct Node {
    state: GossipState,
    now: Instant,
    actions: Actions,
    accepted: u64,
    module: ConnectionId,
    source: ConnectionId,
    peers: Peers,
    targets: usize,
    payload: Vec<u8>,
    number: u64,
    /// Bytes that the driver has been given and not reported.
    unwritten: BTreeMap<ConnectionId, u64>,
    frames: Vec<u8>,
    answers: Vec<u8>,
}

impl Node {
    /// Joined by `targets` neighbours and the one that messages of `size` bytes come from.
    pub(crate) fn new(peers: Peers, targets: usize, size: usize) -> Self {
        let mut settings = Settings::new(50, 30, Addresses::of("10.9.9.9:6001".parse().unwrap()));
        settings.pow = Target::ZeroBits(0);
        settings.discovery = false;
        settings.degree = u32::try_from(targets).unwrap().max(1);
        (settings.max_peers, settings.target_peers, settings.min_peers) = (64, 1, 1);
        (settings.suppression_time, settings.validation_timeout) = (MEMORY, MEMORY);
        // Only one neighbour ever says anything.
        (settings.ping_interval, settings.peer_timeout) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        settings.handshakes_per_minute = 1_000_000;
        let state = GossipState::new(settings, [7; 32], Instant::ZERO).unwrap();
        let none = ConnectionId::accepted(u64::MAX);
        let mut node = Self {
            state,
            now: Instant::ZERO,
            actions: Actions::new(),
            accepted: 0,
            module: none,
            source: none,
            peers,
            targets,
            payload: vec![0x5a; size],
            number: 0,
            unwritten: BTreeMap::new(),
            frames: Vec::new(),
            answers: Vec::new(),
        };
        node.module = node.accept(Listener::Api, "127.0.0.1:40000".parse().unwrap());
        node.hear(node.module, &ApiMessage::Notify { data_type: TYPE }.frame().to_vec());
        node.source = node.join();
        for _ in 0..targets {
            node.join();
        }
        assert_eq!(node.state.status(node.now).neighbours.len(), targets + 1);
        node
    }

    /// A peer dials in, proves its work and is a neighbour.
    pub(crate) fn join(&mut self) -> ConnectionId {
        let [.., a, b, c] = self.accepted.to_be_bytes();
        let address = SocketAddr::from(([10, a, b, c], 6001));
        let id = self.accept(Listener::P2p, SocketAddr::new(address.ip(), 50_000));
        if self.peers == Peers::Capable {
            let (features, hints) = (Features::REPAIR, Hints::new(&[]));
            let capabilities = Capabilities { version: 1, features, instance: self.accepted, hints };
            self.hear(id, &PeerMessage::Capabilities(capabilities).frame().to_vec());
        }
        let asked = self.hear(id, &PeerMessage::Hello { address }.frame().to_vec());
        let asked = asked.last().expect("an answer to HELLO").to_vec();
        let Ok(PeerMessage::VerificationRequest { nonce }) =
            PeerMessage::decode(kind::VERIFICATION_REQUEST, &asked[4..])
        else {
            panic!("{asked:?} after HELLO");
        };
        self.hear(id, &PeerMessage::VerificationResponse { nonce, challenge: 0, address }.frame().to_vec());
        if self.peers == Peers::Capable {
            self.hear(id, &Interest::frame_of(&[TYPE]).to_vec());
        }
        id
    }

    /// A neighbour goes.
    pub(crate) fn leave(&mut self, connection: ConnectionId) {
        self.handle(Event::Closed { connection });
        self.actions.clear();
        self.unwritten.remove(&connection);
    }

    /// So many messages come together, are told and vouched for together, and go on to all others. `Events` do what a
    /// driver would, and can be measured.
    pub(crate) fn carry(
        &mut self,
        messages: u64,
        measured: impl Fn(&mut GossipState, Instant, Event<'_>, &mut Actions),
    ) {
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        for _ in 0..messages {
            self.number += 1;
            self.payload[..8].copy_from_slice(&self.number.to_be_bytes());
            let id = u16::try_from(self.number % 65_536).unwrap();
            let frame = peer_notification(9, id, &Payload::new(TYPE, &self.payload));
            frame.parts().into_iter().for_each(|part| frames.extend_from_slice(part));
            self.now = self.now.after(PACE);
        }
        if self.state.deadline().is_some_and(|at| at <= self.now) {
            measured(&mut self.state, self.now, Event::Timer, &mut self.actions);
        }
        let received = Event::Received { connection: self.source, bytes: &frames };
        measured(&mut self.state, self.now, received, &mut self.actions);
        self.frames = frames;

        let mut answers = std::mem::take(&mut self.answers);
        answers.clear();
        for frame in self.drain() {
            let [head, _] = frame.parts();
            answers.extend_from_slice(&[0, 8, 1, 0xf7, head[4], head[5], 0, 1]);
        }
        assert_eq!(answers.len() as u64, 8 * messages, "each message is told once");
        let received = Event::Received { connection: self.module, bytes: &answers };
        measured(&mut self.state, self.now, received, &mut self.actions);
        self.answers = answers;
        assert_eq!(self.drain().count(), self.targets * usize::try_from(messages).unwrap());
    }

    /// The driver reports what it has written.
    pub(crate) fn written(&mut self, measured: impl Fn(&mut GossipState, Instant, Event<'_>, &mut Actions)) {
        for (connection, bytes) in &mut self.unwritten {
            let event = Event::Written { connection: *connection, bytes: std::mem::take(bytes) };
            measured(&mut self.state, self.now, event, &mut self.actions);
        }
    }

    fn drain(&mut self) -> impl Iterator<Item = Frame> {
        let unwritten = &mut self.unwritten;
        self.actions.drain(..).filter_map(|action| match action {
            Action::Send { connection, frame } => {
                *unwritten.entry(connection).or_default() += frame.len() as u64;
                Some(frame)
            }
            _ => None,
        })
    }

    fn accept(&mut self, listener: Listener, remote: SocketAddr) -> ConnectionId {
        let connection = ConnectionId::accepted(self.accepted);
        self.accepted += 1;
        self.handle(Event::Accepted { connection, listener, remote });
        connection
    }

    /// Bytes come in; the frames that come out.
    fn hear(&mut self, connection: ConnectionId, bytes: &[u8]) -> Vec<Frame> {
        self.handle(Event::Received { connection, bytes });
        self.drain().collect()
    }

    fn handle(&mut self, event: Event<'_>) {
        self.now = self.now.after(PACE);
        self.state.handle(self.now, event, &mut self.actions);
    }
}

/// One of each message.
pub(crate) const MESSAGES: [&str; 16] = [
    "announce",
    "notify",
    "notification",
    "validation",
    "peer request",
    "peer response",
    "verification request",
    "verification response",
    "hello",
    "push",
    "ping",
    "peer notification",
    "capabilities",
    "hello v6",
    "pong",
    "goodbye",
];

/// Its frame, made from its meaning.
pub(crate) fn encode(name: &str) -> Frame {
    let (address, v6) = (SocketAddr::from(([10, 1, 2, 3], 6001)), SocketAddr::from(([1; 8], 6001)));
    let (data_type, id, data, nonce) = (TYPE, 7, &[0x5a; 64], 1 << 60);
    match name {
        "announce" => ApiMessage::Announce { ttl: 3, data_type, data }.frame(),
        "notify" => ApiMessage::Notify { data_type }.frame(),
        "notification" => ApiMessage::Notification { id, data_type, data }.frame(),
        "validation" => ApiMessage::Validation { id, valid: true }.frame(),
        "peer request" => PeerMessage::PeerRequest.frame(),
        "peer response" => AddressList::frame_of(&[address; 8], false),
        "verification request" => PeerMessage::VerificationRequest { nonce }.frame(),
        "verification response" => PeerMessage::VerificationResponse { nonce, challenge: 9, address }.frame(),
        "hello" => PeerMessage::Hello { address }.frame(),
        "push" => PeerMessage::Push { ttl: 5, address }.frame(),
        "ping" => PeerMessage::Ping.frame(),
        "peer notification" => peer_notification(3, id, &Payload::new(data_type, data)),
        "capabilities" => {
            let (features, hints) = (Features::default(), Hints::new(&[]));
            PeerMessage::Capabilities(Capabilities { version: 1, features, instance: nonce, hints }).frame()
        }
        "hello v6" => PeerMessage::Hello { address: v6 }.frame(),
        "pong" => PeerMessage::Pong.frame(),
        "goodbye" => PeerMessage::Goodbye { reason: GoodbyeReason::Evicted }.frame(),
        other => panic!("no message is called {other}"),
    }
}

/// Its meaning, read from a body; whether it has one.
pub(crate) fn decode(frame_kind: u16, body: &[u8]) -> bool {
    match frame_kind {
        kind::ANNOUNCE..=kind::VALIDATION => ApiMessage::decode(frame_kind, body).is_ok(),
        _ => PeerMessage::decode(frame_kind, body).is_ok(),
    }
}

//! A good conversation spoilt in every place: cut off anywhere, any bit turned, any length in a header. The frame goes, or
//! the connection; nobody else notices, and nothing is left.

mod dialing;
mod lengths;

use crate::harness::Node;
use gossip_core::time::Duration;
use gossip_core::wire::{ApiMessage, Capabilities, Features, GoodbyeReason, Hints, PeerMessage, kind};
use gossip_core::{ConnectionId, Listener, Status, Traffic};
use std::net::SocketAddr;

/// What a bystander listens to.
const TYPE: u16 = 9;
/// So many cases pass between looks at everything that takes time to be forgotten.
const CASES_BETWEEN_LOOKS: u64 = 1_024;

/// A node with a module and a neighbour that have nothing to do with what is spoilt.
struct Bystanders {
    node: Node,
    module: ConnectionId,
    neighbour: ConnectionId,
    floor: Status,
    cases: u64,
}

impl Bystanders {
    fn new() -> Self {
        let mut node = Node::new(|settings| settings.handshakes_per_minute = 6_000_000);
        let module = node.subscriber(TYPE);
        let neighbour = node.neighbour();
        let floor = ageless(node.state.status(node.now));
        Self { node, module, neighbour, floor, cases: 0 }
    }

    /// The same once more, from here on by themselves.
    fn fork(&self) -> Self {
        Self { node: self.node.fork(), floor: self.floor.clone(), ..*self }
    }

    /// One spoilt conversation, after which its connection breaks if it is still there.
    fn meet(&mut self, listener: Listener, play: impl FnOnce(&mut Node, ConnectionId)) {
        let id = self.node.accept(listener, from());
        play(&mut self.node, id);
        self.met(id);
        self.look_now_and_then();
    }

    /// A spoilt conversation is over.
    fn met(&mut self, id: ConnectionId) {
        self.node.reset(id);
        let (is, was) = (self.node.state.status(self.node.now), &self.floor);
        assert_eq!((is.modules, is.subscriptions), (was.modules, was.subscriptions));
        assert_eq!((is.peer_connections, is.unverified, is.proofs), (was.peer_connections, 0, 0));
        assert_eq!(is.neighbours.len(), 1);
        assert_eq!((self.node.closed(self.module), self.node.closed(self.neighbour)), (None, None));
        self.node.notes.clear();
        self.node.take(self.module);
        self.node.take(self.neighbour);
        self.cases += 1;
    }

    fn look_now_and_then(&mut self) {
        if self.cases.is_multiple_of(CASES_BETWEEN_LOOKS) {
            self.are_served_and_alone();
        }
    }

    /// Messages go both ways between them.
    fn are_served(&mut self) {
        let (node, said) = (&mut self.node, self.cases.to_be_bytes());
        node.announce(self.module, 3, TYPE, &said);
        let told = node.told_one(self.module);
        assert_eq!(told.data, said);
        assert_eq!(node.got(self.neighbour).len(), 1);
        node.hear(self.neighbour, 3, 1, TYPE, b"and back");
        let told = node.told_one(self.module);
        assert_eq!(told.data, b"and back");
        node.validate(self.module, told.id, true);
    }

    /// And once the messages are forgotten, all tables are as full as before.
    fn are_served_and_alone(&mut self) {
        self.are_served();
        let node = &mut self.node;
        node.pass(Duration::from_secs(70));
        assert_eq!(ageless(node.state.status(node.now)), self.floor, "after {} cases", self.cases);
    }
}

/// Faults are never laid at loopback's door, so that each case is met like the first.
fn from() -> SocketAddr {
    ([127, 0, 0, 1], 50_000).into()
}

fn ageless(mut status: Status) -> Status {
    for neighbour in &mut status.neighbours {
        (neighbour.age, neighbour.silent) = (Duration::ZERO, Duration::ZERO);
        neighbour.traffic = Traffic::default();
    }
    status
}

fn of_module() -> Vec<u8> {
    let said = [
        ApiMessage::Notify { data_type: 5 },
        ApiMessage::Announce { ttl: 3, data_type: TYPE, data: b"of a swept module" },
        ApiMessage::Validation { id: 1, valid: true },
        ApiMessage::Notify { data_type: 6 },
        ApiMessage::Announce { ttl: 0, data_type: 5, data: b"" },
    ];
    said.iter().flat_map(|message| message.frame().to_vec()).collect()
}

/// Up to the question.
fn knock() -> Vec<u8> {
    let (features, hints) = (Features::REPAIR, Hints::new(&[]));
    let introduction = PeerMessage::Capabilities(Capabilities { version: 1, features, instance: 77, hints });
    [introduction.frame().to_vec(), PeerMessage::Hello { address: from() }.frame().to_vec()].concat()
}

/// From the answer on.
fn talk(nonce: u64) -> Vec<u8> {
    let pushed = "[2001:db8::7]:6001".parse().unwrap();
    let said = [
        PeerMessage::VerificationResponse { nonce, challenge: 0, address: from() },
        PeerMessage::PeerRequest,
        PeerMessage::Push { ttl: 3, address: ([10, 3, 3, 3], 6001).into() },
        PeerMessage::Push { ttl: 3, address: pushed },
        PeerMessage::Ping,
        PeerMessage::PeerNotification { ttl: 4, id: 7, data_type: TYPE, data: b"of a swept peer" },
        PeerMessage::decode(kind::INTEREST, &[0, 0, 5, 0x39]).unwrap(),
        PeerMessage::decode(kind::IHAVE, &[1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 255, 255]).unwrap(),
        PeerMessage::decode(kind::IWANT, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap(),
        PeerMessage::Pong,
        PeerMessage::VerificationRequest { nonce: 5 },
        PeerMessage::Goodbye { reason: GoodbyeReason::ShuttingDown },
    ];
    said.iter().flat_map(|message| message.frame().to_vec()).collect()
}

/// Says the whole conversation of a peer, as `spoil` has it: it is told where in the conversation each part begins.
fn converse(node: &mut Node, id: ConnectionId, spoil: impl Fn(usize, &mut Vec<u8>)) {
    let mut first = knock();
    let len = first.len();
    spoil(0, &mut first);
    node.say_bytes(id, &first);
    let mut second = talk(node.nonce(id).unwrap_or_default());
    spoil(len, &mut second);
    node.say_bytes(id, &second);
}

/// A good conversation of a peer does what it should: what is spoilt below is worth spoiling.
#[test]
fn the_conversations_that_are_spoilt_are_good_ones() {
    let mut bystanders = Bystanders::new();
    bystanders.meet(Listener::Api, |node, id| {
        node.say_bytes(id, &of_module());
        assert_eq!(node.told(id).len(), 1, "its own word to itself");
        assert_eq!(node.metrics().announcements, 2);
    });
    bystanders.meet(Listener::P2p, |node, id| {
        converse(node, id, |_, _| {});
        let kinds: Vec<u16> = node.take(id).iter().map(|frame| frame.kind()).collect();
        assert!(kinds.contains(&kind::PONG) && kinds.contains(&kind::PEER_RESPONSE), "{kinds:?}");
    });
    let metrics = bystanders.node.metrics();
    assert_eq!((metrics.handshakes, metrics.pushes, metrics.peer_notifications), (2, 2, 1));
    assert_eq!((metrics.frames_malformed, metrics.frames_unknown), (0, 0));
    bystanders.are_served_and_alone();
}

#[test]
fn a_conversation_cut_off_anywhere_leaves_nothing() {
    let mut bystanders = Bystanders::new();
    let whole = of_module();
    for len in 0..=whole.len() {
        for is_reset in [false, true] {
            bystanders.meet(Listener::Api, |node, id| {
                node.say_bytes(id, &whole[..len]);
                if !is_reset {
                    node.half_close(id);
                }
            });
        }
    }
    let whole = knock().len() + talk(0).len();
    for len in 0..=whole {
        for is_reset in [false, true] {
            bystanders.meet(Listener::P2p, |node, id| {
                converse(node, id, |begin, part| part.truncate(len.saturating_sub(begin)));
                if !is_reset {
                    node.half_close(id);
                    assert!(node.closed(id).is_some(), "a peer that says no more is no peer");
                }
            });
        }
    }
    // Who never says the rest, and never closes, is not waited for for ever.
    let mut cut_off = Vec::new();
    for len in 0..=knock().len() {
        let id = bystanders.node.accept(Listener::P2p, from());
        bystanders.node.say_bytes(id, &knock()[..len]);
        cut_off.push(id);
    }
    bystanders.node.pass_secs(70);
    assert!(cut_off.iter().all(|id| bystanders.node.closed(*id).is_some()), "somebody is still waited for");
    bystanders.node.notes.clear();
    bystanders.are_served_and_alone();
}

#[test]
fn any_bit_of_a_conversation_turned_costs_a_frame_or_the_connection_and_nothing_else() {
    let mut bystanders = Bystanders::new();
    let turn = |bytes: &mut [u8], bit: usize| {
        bytes.get_mut(bit / 8).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
    };
    let whole = of_module();
    for bit in 0..whole.len() * 8 {
        let mut spoilt = whole.clone();
        turn(&mut spoilt, bit);
        bystanders.meet(Listener::Api, |node, id| node.say_bytes(id, &spoilt));
    }
    let whole = knock().len() + talk(0).len();
    for bit in 0..whole * 8 {
        bystanders.meet(Listener::P2p, |node, id| {
            converse(node, id, |begin, part| {
                if let Some(bit) = bit.checked_sub(begin * 8) {
                    turn(part, bit);
                }
            });
        });
    }
    assert!(bystanders.cases > 1_500, "{} cases", bystanders.cases);
    bystanders.are_served_and_alone();
}

/// Lengths with nothing behind them: whoever claims much and sends little takes no room for it.
#[test]
fn a_length_that_is_only_claimed_is_not_stored() {
    let mut bystanders = Bystanders::new();
    for len in 4..=u16::MAX {
        for listener in [Listener::Api, Listener::P2p] {
            bystanders.meet(listener, |node, id| {
                let frame_kind = if listener == Listener::Api { kind::ANNOUNCE } else { kind::PEER_NOTIFICATION };
                node.say_bytes(id, &[&len.to_be_bytes()[..], &frame_kind.to_be_bytes()].concat());
                assert_eq!(node.closed(id), None);
                let status = node.state.status(node.now);
                assert_eq!((status.waiting, status.waiting_bytes, status.parked_bytes), (0, 0, 0));
            });
        }
    }
    bystanders.are_served_and_alone();
}

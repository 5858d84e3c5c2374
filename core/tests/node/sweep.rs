//! A good conversation spoilt in every place: cut off anywhere, any bit turned, any length in a header. The frame goes, or
//! the connection; nobody else notices, and nothing is left.

use crate::harness::Node;
use gossip_core::time::Duration;
use gossip_core::wire::{ApiMessage, Capabilities, Features, GoodbyeReason, Hints, PeerMessage, kind};
use gossip_core::{ConnectionId, Flush, Listener, Status, Traffic};
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

    /// One spoilt conversation, after which its connection breaks if it is still there.
    fn meet(&mut self, listener: Listener, play: impl FnOnce(&mut Node, ConnectionId)) {
        let id = self.node.accept(listener, from());
        play(&mut self.node, id);
        self.node.reset(id);
        let (is, was) = (self.node.state.status(self.node.now), &self.floor);
        assert_eq!((is.modules, is.subscriptions), (was.modules, was.subscriptions));
        assert_eq!((is.peer_connections, is.unverified, is.proofs), (was.peer_connections, 0, 0));
        assert_eq!(is.neighbours.len(), 1);
        self.node.notes.clear();
        self.node.take(self.module);
        self.node.take(self.neighbour);
        self.cases += 1;
        if self.cases.is_multiple_of(CASES_BETWEEN_LOOKS) {
            self.are_served_and_alone();
        }
    }

    /// Messages go both ways between them, and once they are forgotten all tables are as full as before.
    fn are_served_and_alone(&mut self) {
        let (node, said) = (&mut self.node, self.cases.to_be_bytes());
        node.announce(self.module, 3, TYPE, &said);
        let told = node.told_one(self.module);
        assert_eq!(told.data, said);
        assert_eq!(node.got(self.neighbour).len(), 1);
        node.hear(self.neighbour, 3, 1, TYPE, b"and back");
        let told = node.told_one(self.module);
        assert_eq!(told.data, b"and back");
        node.validate(self.module, told.id, true);
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

/// A header that says `len`, and as many bytes behind it as that takes.
fn of_length(kind: u16, len: u16, zeros: &[u8]) -> Vec<u8> {
    let body = &zeros[..usize::from(len).saturating_sub(4)];
    [&len.to_be_bytes()[..], &kind.to_be_bytes(), body].concat()
}

/// No length that gets as far as being judged: below a header's own, the stream is lost.
const NEVER: std::ops::RangeInclusive<u16> = 0..=0;

#[test]
fn any_length_in_a_modules_header_costs_that_frame_or_the_connection() {
    let mut bystanders = Bystanders::new();
    let zeros = vec![0; usize::from(u16::MAX)];
    let heard = ApiMessage::Notify { data_type: 77 }.frame().to_vec();
    for (frame_kind, right) in [(kind::NOTIFY, 8..=8), (kind::ANNOUNCE, 8..=65_533), (kind::NOTIFICATION, NEVER)] {
        for len in 0..=u16::MAX {
            bystanders.meet(Listener::Api, |node, id| {
                let before = node.metrics().clone();
                node.say_bytes(id, &[of_length(frame_kind, len, &zeros), heard.clone()].concat());
                let (after, subscriptions) = (node.metrics(), node.state.status(node.now).subscriptions);
                if len < 4 {
                    return assert_eq!((node.closed(id), subscriptions), (Some(Flush::Discard), 1), "length {len}");
                }
                assert_eq!(node.closed(id), None, "length {len} of type {frame_kind}");
                let is_right = right.contains(&len);
                let counts_as_subscription = usize::from(is_right && frame_kind == kind::NOTIFY);
                assert_eq!(subscriptions, 2 + counts_as_subscription, "length {len}: the frame behind it is heard");
                let dropped = after.frames_malformed + after.frames_unknown + after.announcements_too_large
                    - (before.frames_malformed + before.frames_unknown + before.announcements_too_large);
                assert_eq!(dropped, u64::from(!is_right), "length {len} of type {frame_kind}");
            });
        }
    }
    bystanders.are_served_and_alone();
}

#[test]
fn any_length_in_a_peers_header_costs_that_frame_or_the_connection() {
    let mut bystanders = Bystanders::new();
    let zeros = vec![0; usize::from(u16::MAX)];
    // Before the handshake, and in it.
    for len in 0..=u16::MAX {
        bystanders.meet(Listener::P2p, |node, id| {
            node.say_bytes(id, &of_length(kind::PEER_NOTIFICATION, len, &zeros));
            assert_eq!(node.closed(id).is_some(), len < 4, "length {len} before HELLO");
            node.say_bytes(id, &of_length(kind::CAPABILITIES, len, &zeros));
            node.say_bytes(id, &knock());
            assert_eq!(node.nonce(id).is_some(), len >= 4, "length {len}: HELLO behind it is heard");
        });
    }
    // Of a neighbour; those whose list or data may have any length last.
    let established = [
        (kind::VERIFICATION_RESPONSE, 26..=26),
        (kind::PUSH, 12..=12),
        (kind::GOODBYE, NEVER),
        (kind::PEER_NOTIFICATION, 10..=65_535),
    ];
    for (frame_kind, right) in established {
        for len in (0..=u16::MAX).filter(|len| frame_kind != kind::GOODBYE || *len < 6) {
            bystanders.meet(Listener::P2p, |node, id| {
                converse(node, id, |begin, part| part.truncate(if begin == 0 { usize::MAX } else { 26 }));
                node.take(id);
                let malformed = node.metrics().frames_malformed;
                let heard = PeerMessage::Ping.frame().to_vec();
                node.say_bytes(id, &[of_length(frame_kind, len, &zeros), heard].concat());
                let malformed = node.metrics().frames_malformed - malformed;
                if len < 4 {
                    return assert!(node.closed(id).is_some(), "length {len} of type {frame_kind}");
                }
                if frame_kind == kind::VERIFICATION_RESPONSE && right.contains(&len) {
                    // Nobody asked: it is not a matter of its length what becomes of it.
                    return;
                }
                assert_eq!(malformed, u64::from(!right.contains(&len)), "length {len} of type {frame_kind}");
                let answered = node.take(id).iter().any(|frame| frame.kind() == kind::PONG);
                assert!(answered, "length {len} of type {frame_kind}: the PING behind it is heard");
            });
        }
    }
    bystanders.are_served_and_alone();
}

/// The same lengths with nothing behind them: whoever claims much and sends little takes no room for it.
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

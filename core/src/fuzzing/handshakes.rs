//! Handshakes in both roles, by any number of peers, in any order, right and wrong.

use super::Input;
use super::node::Node;
use crate::event::{ConnectionId, DialError, Event, Listener};
use crate::settings::{Addresses, Endpoint, Settings, Spreading};
use crate::time::Duration;
use crate::wire::{AddressList, Capabilities, Features, Frame, GoodbyeReason, Hints, PeerMessage, kind};
use std::net::SocketAddr;

/// Events of one script, at most: more tell nothing new.
const EVENTS_MAX: usize = 96;

/// The first bytes are settings; then each byte is what happens next, and those after it say how.
pub fn handshakes(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(mut node) = Node::new(settings(&mut input)) else { return };
    node.live(&mut input, EVENTS_MAX, happen);
}

fn settings(input: &mut Input<'_>) -> Settings {
    let own = Addresses::of(([10, 9, 9, 9], 6_001).into());
    let mut settings = Settings::new(8, 2, own);
    let choices = input.u8();
    // Short memories: whole lives pass in one input.
    (settings.validation_timeout, settings.suppression_time) = (Duration::from_secs(2), Duration::from_secs(8));
    settings.pow = crate::pow::Target::ZeroBits(2);
    settings.max_peers = if choices & 1 == 0 { 3 } else { 8 };
    settings.target_peers = 1;
    settings.min_peers = 1;
    settings.check_source_ip = choices & 2 == 0;
    settings.discovery = choices & 4 == 0;
    (settings.unverified_max, settings.unverified_per_ip) = if choices & 8 == 0 { (4, 2) } else { (64, 16) };
    for _ in 0..(choices >> 4 & 3) {
        settings.bootstrapper.push(Endpoint::Address(address(input)));
    }
    if choices & 64 != 0 {
        settings.p2p_address.set("[2001:db8::9]:6001".parse().unwrap_or(([10, 9, 9, 9], 6_001).into()));
    }
    if choices & 128 != 0 {
        settings.spreading = Spreading::Tree;
    }
    settings
}

/// Few addresses, so that they meet again.
pub(super) fn address(input: &mut Input<'_>) -> SocketAddr {
    let choice = input.u8();
    match choice >> 4 {
        0 => ([0, 0, 0, 0], 0).into(),
        1 => ([10, 9, 9, 9], 6_001).into(),
        2 => ([127, 0, 0, 1], 6_001).into(),
        3 => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(choice & 3)], 6_001).into(),
        4 => ([0, 0, 0, 0, 0, 0xffff, 0x0a00, u16::from(choice & 3)], 6_001).into(),
        5 => ([224, 0, 0, choice & 3], 6_001).into(),
        _ => ([10, 0, choice >> 6, choice & 7], 6_001).into(),
    }
}

fn happen(node: &mut Node, input: &mut Input<'_>) {
    let (what, whom) = (input.u8(), input.u8());
    let id = node.nth(whom);
    match (what % 24, id) {
        (0..=2, _) | (_, None) => {
            let remote = address(input);
            node.accept(Listener::P2p, remote);
        }
        (3..=4, _) => join(node, input),
        (5..=6, Some(id)) => node.dialed(id, Ok(())),
        (7, Some(id)) => {
            let error = input.one_of(&[DialError::Refused, DialError::Unreachable, DialError::Local]);
            node.dialed(id, Err(error.unwrap_or(DialError::Refused)));
        }
        (8, _) => node.solve(),
        (9, Some(id)) => node.reset(id),
        (10, Some(connection)) => node.handle(Event::ReadClosed { connection }),
        (11, _) => node.pass(Duration::from_millis(u64::from(whom).saturating_mul(20))),
        (12, _) => node.pass(Duration::from_secs(u64::from(whom) / 2)),
        (13, Some(id)) => {
            let to = address(input);
            node.prove(id, u64::from(whom), to);
        }
        (14..=15, Some(id)) => {
            let (to, right) = (address(input), node.nonce(id).and_then(proof_of));
            node.prove(id, right.unwrap_or(0), to);
        }
        (16, Some(id)) => {
            // A body of any length, of a handshake's type.
            let kind = 504_u16.saturating_add(u16::from(whom % 17));
            let len = input.below(32);
            // Work is only proved knowingly here.
            let kind = if kind == kind::VERIFICATION_RESPONSE || kind == kind::IPV6 { kind::HELLO } else { kind };
            node.say(id, &frame(kind, input.bytes(len)));
        }
        (17, Some(connection)) => {
            node.handle(Event::Solved { connection, challenge: u64::from(whom) });
        }
        (_, Some(id)) => {
            let said = message(input);
            node.say(id, &said.to_vec());
        }
    }
}

/// What makes the hash begin with two zero bits.
fn proof_of(nonce: u64) -> Option<u64> {
    crate::pow::Puzzle { nonce, target: crate::pow::Target::ZeroBits(2) }.search(0, 1 << 10)
}

pub(super) fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len().saturating_add(crate::limits::FRAME_HEADER)).unwrap_or(u16::MAX);
    [&size.to_be_bytes()[..], &kind.to_be_bytes(), body].concat()
}

/// The whole of a handshake, as far as the node lets it go.
fn join(node: &mut Node, input: &mut Input<'_>) {
    let (from, choices) = (address(input), input.u8());
    let id = node.accept(Listener::P2p, from);
    if choices & 1 == 0 {
        node.say(id, &introduction(choices).to_vec());
    }
    node.say(id, &PeerMessage::Hello { address: from }.frame().to_vec());
    if let Some(challenge) = node.nonce(id).and_then(proof_of) {
        node.prove(id, challenge, from);
    }
}

pub(super) fn introduction(choices: u8) -> Frame {
    let repair = if choices & 0b10_0000 == 0 { Features::REPAIR } else { Features::default() };
    let tree = if choices & 2 == 0 { Features::default() } else { Features::TREE };
    let (features, hints) = (Features(u32::from(choices >> 6)).with(repair).with(tree), Hints::new(&[]));
    let instance = u64::from(choices >> 2 & 7).wrapping_mul(0x2000_0000_0000_0001);
    PeerMessage::Capabilities(Capabilities { version: 1, features, instance, hints }).frame()
}

/// Anything that belongs to a handshake, but 507.
fn message(input: &mut Input<'_>) -> Frame {
    let (kind, how) = (input.u8(), input.u8());
    match kind % 9 {
        0..=1 => introduction(how),
        2..=3 => PeerMessage::Hello { address: address(input) }.frame(),
        4 => PeerMessage::VerificationRequest { nonce: u64::from(how & 3) }.frame(),
        5..=6 => {
            let list: Vec<SocketAddr> = (0..how & 7).map(|_| address(input)).collect();
            AddressList::frame_of(&list, how & 8 != 0)
        }
        7 => PeerMessage::Goodbye { reason: GoodbyeReason::from(u16::from(how & 7)) }.frame(),
        _ if how & 1 == 0 => PeerMessage::Ping.frame(),
        _ => PeerMessage::Pong.frame(),
    }
}

/// A connection that the node has never heard of, or not any more.
pub(super) fn absurd(node: &mut Node, connection: ConnectionId) {
    node.handle(Event::Received { connection, bytes: &[0, 0, 0, 0] });
    node.handle(Event::ReadClosed { connection });
    node.handle(Event::Closed { connection });
    node.handle(Event::DialSucceeded { connection });
    node.handle(Event::DialFailed { connection, error: DialError::Local });
    node.handle(Event::Written { connection, bytes: u64::MAX });
    node.handle(Event::Solved { connection, challenge: 0 });
}

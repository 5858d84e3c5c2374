//! Whole sequences of events: modules, peers, time, and a driver that has gone mad.

use super::Input;
use super::handshakes::{absurd, address, frame, introduction};
use super::node::Node;
use crate::event::{ConnectionId, DialError, Event, Listener, ResolveId};
use crate::settings::{Addresses, Endpoint, Settings, Spreading};
use crate::time::{Duration, Instant};
use crate::wire::{
    AddressList, ApiMessage, Digest, Digests, Frame, GoodbyeReason, Interest, Offer, Offers, Payload, PeerMessage,
    Tree, TreeAction, kind, peer_notification,
};
use std::net::SocketAddr;

/// Events of one script, at most.
const EVENTS_MAX: usize = 128;

/// The first two bytes are settings; then each byte is what happens next, and those after it say how.
pub fn events(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(mut node) = Node::new(settings(&mut input)) else { return };
    node.trusts = true;
    node.live(&mut input, EVENTS_MAX, happen);
}

fn settings(input: &mut Input<'_>) -> Settings {
    let (choices, more) = (input.u8(), input.u8());
    let mut settings = Settings::new(u32::from(choices & 7), 2, Addresses::of(([10, 9, 9, 9], 6_001).into()));
    // Short memories: whole lives pass in one input.
    (settings.validation_timeout, settings.suppression_time) = (Duration::from_secs(2), Duration::from_secs(8));
    settings.pow = crate::pow::Target::ZeroBits(0);
    settings.pending_max = 16;
    settings.seen_max = 1_000;
    (settings.api_queue, settings.peer_queue, settings.pending_bytes) = (1 << 18, 1 << 18, 1 << 20);
    (settings.unverified_max, settings.unverified_per_ip) = (6, 3);
    settings.discovery = choices & 8 == 0;
    settings.announcer_vouches = choices & 16 == 0;
    settings.check_source_ip = choices & 32 == 0;
    if choices & 64 != 0 {
        settings.bootstrapper.push(Endpoint::Address(([10, 0, 1, 1], 6_001).into()));
    }
    if choices & 128 != 0 {
        settings.bootstrapper.push(Endpoint::Name { host: "bootstrapper.example".to_owned(), port: 6_001 });
    }
    settings.spreading = if more & 1 == 0 { Spreading::Push } else { Spreading::Tree };
    settings.replay = more & 2 != 0;
    settings.degree = if more & 4 == 0 { 2 } else { 1 };
    settings
}

/// Others, of which one part can be taken over, the other cannot; and some that do not go together.
fn other_settings(input: &mut Input<'_>) -> Settings {
    let (mut settings, how) = (settings(input), input.u8());
    settings.pending_max = if how & 1 == 0 { 16 } else { 64 };
    (settings.unverified_max, settings.unverified_per_ip) = if how & 2 == 0 { (6, 3) } else { (2, 1) };
    if how & 4 != 0 {
        (settings.api_queue, settings.peer_queue, settings.pending_bytes) = (1 << 20, 1 << 20, 4 << 20);
    }
    if how & 8 != 0 {
        (settings.ping_interval, settings.peer_timeout) = (Duration::from_secs(1), Duration::from_secs(2));
    }
    if how & 16 != 0 {
        settings.repair_interval = Duration::from_secs(3);
        (settings.pow_per_minute, settings.handshakes_per_minute) = (1, 60);
    }
    if how & 32 != 0 {
        let short = Duration::from_secs(1);
        (settings.hello_timeout, settings.verification_timeout, settings.connect_timeout) = (short, short, short);
        (settings.api_stall_timeout, settings.peer_stall_timeout) = (short, short);
    }
    if how & 64 != 0 {
        (settings.target_peers, settings.min_peers) = (1, 1);
        settings.validation_timeout = Duration::from_secs(20);
    }
    if how & 128 != 0 {
        settings.degree = 0;
    }
    settings
}

fn happen(node: &mut Node, input: &mut Input<'_>) {
    let (what, whom) = (input.u8(), input.u8());
    let id = node.nth(whom);
    match (what % 32, id) {
        (0, _) => {
            node.accept(Listener::Api, ([127, 0, 0, 1], 40_000).into());
        }
        (1, _) => {
            let remote = address(input);
            node.accept(Listener::P2p, remote);
        }
        (2..=4, _) => a_peer_joins(node, input),
        (5, _) => a_module_subscribes(node, whom),
        (6, Some(id)) => node.dialed(id, Ok(())),
        (7, Some(id)) => node.dialed(id, Err(DialError::Refused)),
        (8, _) => node.solve(),
        (9, Some(id)) => node.reset(id),
        (10, Some(connection)) => node.handle(Event::ReadClosed { connection }),
        (11..=12, Some(id)) => node.read(id, u64::MAX),
        (13, Some(id)) => node.read(id, u64::from(whom)),
        (14..=15, _) => node.pass(Duration::from_millis(u64::from(whom).saturating_mul(10))),
        (16, _) => node.pass(Duration::from_secs(u64::from(whom) / 4)),
        (17, _) => node.handle_at(Instant::from_micros(u64::from(whom)), Event::Timer),
        (18, _) => {
            let addresses: Vec<SocketAddr> = (0..whom & 3).map(|_| address(input)).collect();
            node.handle(Event::Resolved { query: ResolveId(u64::from(whom >> 2 & 3)), addresses: &addresses });
        }
        (19, _) if whom & 15 == 0 => node.shut_down(),
        (19, _) => absurd(node, node.dead(whom)),
        (20, Some(id)) => {
            let len = usize::from(input.u8());
            node.say(id, input.bytes(len));
        }
        (21, Some(connection)) => {
            node.handle(Event::Written { connection, bytes: u64::from(whom).saturating_mul(1_000) });
        }
        (22, _) => {
            let settings = other_settings(input);
            node.change_settings(&settings);
        }
        (_, Some(id)) => {
            let bytes = said(node, id, input);
            node.say(id, &bytes);
        }
        (_, None) => {}
    }
}

fn a_peer_joins(node: &mut Node, input: &mut Input<'_>) {
    let (from, choices) = (address(input), input.u8());
    let id = node.accept(Listener::P2p, from);
    if choices & 1 == 0 {
        node.say(id, &introduction(choices & 0b11_1111).to_vec());
    }
    node.say(id, &PeerMessage::Hello { address: from }.frame().to_vec());
    if node.nonce(id).is_some() {
        node.prove(id, 0, from);
    }
    // What its modules subscribe to.
    if choices >> 6 != 0 {
        node.say(id, &interest(choices >> 6).to_vec());
    }
}

/// In the first so many types.
fn interest(types: u8) -> Frame {
    Interest::frame_of(&(0..u16::from(types)).collect::<Vec<_>>())
}

fn a_module_subscribes(node: &mut Node, data_type: u8) {
    let id = node.accept(Listener::Api, ([127, 0, 0, 1], 40_000).into());
    node.say(id, &ApiMessage::Notify { data_type: u16::from(data_type & 3) }.frame().to_vec());
}

/// One frame that the other end of this connection might send, whole or with its end cut off, its body spoilt, or its
/// size wrong.
fn said(node: &Node, id: ConnectionId, input: &mut Input<'_>) -> Vec<u8> {
    let frame = match node.listener(id) {
        Some(Listener::Api) => of_module(node.told(id), input),
        _ => of_peer(input),
    };
    let mut bytes = frame;
    let (how, where_) = (input.u8(), input.u8());
    match how {
        250 => bytes.truncate(usize::from(where_)),
        251 => spoil(&mut bytes, usize::from(where_), how ^ where_),
        252 => spoil(&mut bytes, 1, where_),
        253 => bytes.extend_from_slice(input.bytes(usize::from(where_))),
        254 => spoil(&mut bytes, 0, where_),
        _ => {}
    }
    bytes
}

fn spoil(bytes: &mut [u8], at: usize, with: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= with;
    }
}

fn of_module(told: Option<u16>, input: &mut Input<'_>) -> Vec<u8> {
    let (choice, how) = (input.u8(), input.u8());
    let data_type = u16::from(how & 3);
    match choice % 8 {
        0..=2 => ApiMessage::Announce { ttl: how >> 2, data_type, data: &data(input) }.frame().to_vec(),
        3 => ApiMessage::Notify { data_type }.frame().to_vec(),
        4..=6 => ApiMessage::Validation { id: told.unwrap_or(u16::from(how)), valid: how & 4 == 0 }.frame().to_vec(),
        _ => frame(kind::ANNOUNCE.saturating_add(u16::from(how & 7)), input.bytes(usize::from(how >> 4))),
    }
}

fn of_peer(input: &mut Input<'_>) -> Vec<u8> {
    let (choice, how) = (input.u8(), input.u8());
    let said: Frame = match choice % 32 {
        0 => PeerMessage::PeerRequest.frame(),
        1 => PeerMessage::Ping.frame(),
        2 => PeerMessage::Pong.frame(),
        3 => PeerMessage::Push { ttl: u16::from(how), address: address(input) }.frame(),
        4 => {
            let list: Vec<SocketAddr> = (0..how & 15).map(|_| address(input)).collect();
            AddressList::frame_of(&list, how & 16 != 0)
        }
        5 => PeerMessage::Goodbye { reason: GoodbyeReason::from(u16::from(how & 7)) }.frame(),
        6 => PeerMessage::VerificationRequest { nonce: u64::from(how) }.frame(),
        7 => PeerMessage::Hello { address: address(input) }.frame(),
        9 => Interest::frame_of(&[0, 1, 2, 3].map(|data_type| data_type & u16::from(how))),
        10 | 11 => {
            let offer = |_| Offer { digest: some_digest(input), age: u16::from(input.u8()) };
            Offers::frame_of(&(0..how & 15).map(offer).collect::<Vec<_>>())
        }
        12 => Digests::frame_of(&(0..how & 15).map(|_| some_digest(input)).collect::<Vec<_>>()),
        16 | 17 => {
            let action = match how >> 6 {
                0 => TreeAction::Other(u16::from(how >> 2 & 15)),
                1 => TreeAction::Graft,
                _ => TreeAction::Prune,
            };
            Tree::turn(action, u16::from(how & 3))
        }
        18 | 19 => {
            let offer = |_| Offer { digest: some_digest(input), age: u16::from(input.u8()) };
            Tree::frame_of(u16::from(how & 3), &(0..how >> 2 & 15).map(offer).collect::<Vec<_>>())
        }
        20 => interest(how % 5),
        8 => return frame(504_u16.saturating_add(u16::from(how & 15)), input.bytes(usize::from(how >> 4))),
        _ => {
            let (id, data) = (u16::from(how >> 2 & 7), data(input));
            peer_notification(how, id, &Payload::new(u16::from(how & 3), &data))
        }
    };
    said.to_vec()
}

/// Of a message as [`of_peer`] makes them, or of one of a few that there are not.
fn some_digest(input: &mut Input<'_>) -> Digest {
    let (how, choice) = (input.u8(), input.u8());
    if choice & 1 == 0 {
        return u64::from(how);
    }
    let len = usize::from(choice >> 1 & 7);
    crate::repair::digest_of(u16::from(how >> 2 & 7), u16::from(how & 3), &vec![choice >> 4 & 3; len])
}

/// Mostly short; at times enough to fill queues.
fn data(input: &mut Input<'_>) -> Vec<u8> {
    let choice = input.u8();
    let len = match choice >> 5 {
        0 => 60_000,
        1 => 9_000,
        _ => usize::from(choice & 7),
    };
    vec![choice & 3; len]
}

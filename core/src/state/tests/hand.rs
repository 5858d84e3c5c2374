//! A peer whose every byte a test writes by hand.

use super::net::{Actor, Net, NodeId, address};
use crate::action::{Action, Flush};
use crate::event::{ConnectionId, Event};
use crate::pow::{Puzzle, Target};
use crate::settings::Addresses;
use crate::time::Duration;
use crate::wire::{Capabilities, Deframer, Features, Frame, GoodbyeReason, Hints, Next, PeerMessage, kind};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Accepts whoever calls, keeps what it hears, says nothing by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Hand {
    dialed: u64,
    connections: BTreeMap<ConnectionId, Heard>,
}

#[derive(Clone, Debug, Default)]
struct Heard {
    deframer: Deframer,
    frames: Vec<(u16, Vec<u8>)>,
    is_ended: bool,
}

impl Hand {
    pub(super) fn handle(&mut self, event: &Event<'_>) {
        match *event {
            Event::Accepted { connection, .. } | Event::DialSucceeded { connection } => {
                self.connections.entry(connection).or_default();
            }
            Event::Received { connection, bytes } => {
                let heard = self.connections.entry(connection).or_default();
                let mut input = bytes;
                while let Next::Frame { kind, body } = heard.deframer.next(&mut input, |_, _| true) {
                    heard.frames.push((kind, body.to_vec()));
                }
            }
            Event::ReadClosed { connection } | Event::Closed { connection } => {
                self.connections.entry(connection).or_default().is_ended = true;
            }
            Event::DialFailed { connection, .. } => {
                self.connections.entry(connection).or_default().is_ended = true;
            }
            _ => {}
        }
    }

    /// The connections of those who called, oldest first.
    pub(super) fn accepted(&self) -> Vec<ConnectionId> {
        self.connections.keys().filter(|id| !id.is_dialed()).copied().collect()
    }

    /// Has the other end closed it?
    pub(super) fn is_ended(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|heard| heard.is_ended)
    }

    /// The types of the frames that came on a connection.
    pub(super) fn kinds(&self, id: ConnectionId) -> Vec<u16> {
        self.connections.get(&id).into_iter().flat_map(|heard| &heard.frames).map(|(kind, _)| *kind).collect()
    }

    /// The bodies of the frames of one type.
    pub(super) fn bodies(&self, id: ConnectionId, kind: u16) -> Vec<Vec<u8>> {
        let frames = self.connections.get(&id).into_iter().flat_map(|heard| &heard.frames);
        frames.filter(|(its, _)| *its == kind).map(|(_, body)| body.clone()).collect()
    }

    /// The GOODBYE that came, if one did.
    pub(super) fn goodbye(&self, id: ConnectionId) -> Option<GoodbyeReason> {
        let bodies = self.bodies(id, kind::GOODBYE);
        bodies.last().map(|body| u16::from_be_bytes([body[0], body[1]]).into())
    }

    /// The nonce of the latest 506.
    pub(super) fn nonce(&self, id: ConnectionId) -> Option<u64> {
        let bodies = self.bodies(id, kind::VERIFICATION_REQUEST);
        bodies.last().map(|body| u64::from_be_bytes(body[..].try_into().unwrap()))
    }
}

/// CAPABILITIES with this instance.
pub(super) fn capabilities(instance: u64) -> Frame {
    let (features, hints) = (Features::default(), Hints::new(&[]));
    PeerMessage::Capabilities(Capabilities { version: 1, features, instance, hints }).frame()
}

/// CAPABILITIES of one that found no room elsewhere.
pub(super) fn urgent(instance: u64) -> Frame {
    let hints = Hints::new(&[]);
    PeerMessage::Capabilities(Capabilities { version: 1, features: Features::URGENT, instance, hints }).frame()
}

/// The right answer to a nonce, under the tests' usual target.
pub(super) fn proof(nonce: u64, address: SocketAddr) -> Frame {
    let challenge = Puzzle { nonce, target: Target::ZeroBits(4) }.search(0, 1 << 20).unwrap();
    PeerMessage::VerificationResponse { nonce, challenge, address }.frame()
}

/// A second, in which everything on its way arrives.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

impl Net {
    /// Adds a scripted peer at the `n`th address.
    pub(super) fn scripted(&mut self, n: usize) -> NodeId {
        self.add(Actor::Hand(Hand::default()), Addresses::of(address(n)))
    }

    /// A scripted peer calls.
    pub(super) fn call(&mut self, node: NodeId, to: SocketAddr) -> ConnectionId {
        let hand = self.hand(node);
        let connection = ConnectionId::dialed(hand.dialed);
        hand.dialed += 1;
        self.act(node, vec![Action::Dial { connection, to, from: None }]);
        self.run(MOMENT);
        connection
    }

    /// A scripted peer says this.
    pub(super) fn say(&mut self, node: NodeId, connection: ConnectionId, frames: &[Frame]) {
        let send = |frame: &Frame| Action::Send { connection, frame: frame.clone() };
        self.act(node, frames.iter().map(send).collect());
        self.run(MOMENT);
    }

    /// A scripted peer closes a connection.
    pub(super) fn hang_up(&mut self, node: NodeId, connection: ConnectionId) {
        self.act(node, vec![Action::Close { connection, flush: Flush::First }]);
        self.run(MOMENT);
    }

    /// A scripted peer, capable if it has an instance, joins by the book; returns its connection.
    pub(super) fn join(&mut self, node: NodeId, to: SocketAddr, instance: Option<u64>) -> ConnectionId {
        let id = self.greet(node, to, instance.map(capabilities));
        self.prove(node, id);
        id
    }

    /// A scripted peer that found no room elsewhere joins by the book; returns its connection.
    pub(super) fn join_urgently(&mut self, node: NodeId, to: SocketAddr, instance: u64) -> ConnectionId {
        let id = self.greet(node, to, Some(urgent(instance)));
        self.prove(node, id);
        id
    }

    /// A scripted peer calls and says HELLO, after this.
    pub(super) fn greet(&mut self, node: NodeId, to: SocketAddr, first: Option<Frame>) -> ConnectionId {
        let address = self.nodes[node].listens.same_family_as(&to).unwrap();
        let id = self.call(node, to);
        let frames: Vec<Frame> = first.into_iter().chain([PeerMessage::Hello { address }.frame()]).collect();
        self.say(node, id, &frames);
        id
    }

    /// A scripted peer answers the 506 that came, if one did.
    pub(super) fn prove(&mut self, node: NodeId, id: ConnectionId) {
        let own = self.nodes[node].listens.iter().next().unwrap();
        if let Some(nonce) = self.hand(node).nonce(id) {
            self.say(node, id, &[proof(nonce, own)]);
        }
    }

    /// A scripted peer lets the caller of a connection in by the book, without work.
    pub(super) fn let_in(&mut self, node: NodeId, id: ConnectionId, instance: Option<u64>) {
        let mut frames: Vec<Frame> = instance.map(capabilities).into_iter().collect();
        frames.push(PeerMessage::VerificationRequest { nonce: 77 }.frame());
        self.say(node, id, &frames);
        let proofs = self.hand(node).bodies(id, kind::VERIFICATION_RESPONSE).len();
        assert_eq!(proofs, 1, "a proof came");
        self.say(node, id, &[crate::wire::AddressList::frame_of(&[], false)]);
    }
}

//! A conversation with a peer that we dialed, spoilt in every place.

use super::lengths::Step;
use super::{Bystanders, TYPE, ageless};
use crate::harness::Node;
use gossip_core::time::Duration;
use gossip_core::wire::{
    AddressList, Capabilities, Features, GoodbyeReason, Hints, Interest, Offer, Offers, PeerMessage, Tree, TreeAction,
    kind,
};
use gossip_core::{ConnectionId, DialError, Endpoint, Event, Spreading, Status};
use std::net::SocketAddr;

/// Half of the view's room out of one PEER RESPONSE, which a turned bit may make longer, and a few more.
const CANDIDATES: usize = 30;

/// A node that dials its bootstrapper, whose words a test writes.
pub(super) struct Called {
    all: Bystanders,
    pub(super) id: ConnectionId,
}

impl Called {
    /// They are connected, and we said HELLO.
    fn new() -> Self {
        let mut node = Node::new(|settings| {
            settings.bootstrapper = vec![Endpoint::Address(bootstrapper())];
            settings.discovery = true;
            settings.spreading = Spreading::Tree;
        });
        node.pass_secs(1);
        let [id] = node.dialing()[..] else { panic!("{:?} are dialed", node.dialing()) };
        let module = node.subscriber(TYPE);
        let neighbour = node.neighbour();
        for probe in node.dialing().into_iter().filter(|other| *other != id) {
            node.dialed(probe, Err(DialError::Refused));
        }
        node.dialed(id, Ok(()));
        let mut floor = ageless(node.state.status(node.now));
        floor.peer_connections -= 1;
        Self { all: Bystanders { node, module, neighbour, floor, cases: 0 }, id }
    }

    /// The same, and the conversation has come to a step.
    pub(super) fn up_to(step: Step) -> Self {
        let mut called = Self::new();
        let node = &mut called.all.node;
        if step != Step::Calling {
            node.say_bytes(called.id, &answer());
        }
        if matches!(step, Step::Proved | Step::Neighbour) {
            assert!(solved(node, called.id), "a proof is wanted");
        }
        if step == Step::Neighbour {
            node.say_bytes(called.id, &AddressList::frame_of(&[], false).to_vec());
            assert_eq!(node.metrics().handshakes, 2);
        }
        called
    }

    pub(super) fn fork(&self) -> Bystanders {
        self.all.fork()
    }

    /// One spoilt conversation, in a world of its own.
    fn meet(&self, play: impl FnOnce(&mut Node, ConnectionId)) {
        let mut all = self.fork();
        play(&mut all.node, self.id);
        all.met(self.id);
        Self::are_served_and_alone(&mut all);
    }

    /// The bystanders are served, and all but the search for neighbours is as it was.
    pub(super) fn are_served_and_alone(all: &mut Bystanders) {
        all.are_served();
        let node = &mut all.node;
        pass_unanswered(node, Duration::from_secs(70));
        let is = ageless(node.state.status(node.now));
        assert!(is.candidates <= CANDIDATES && is.lost <= 1, "{is:?}");
        // Whoever was spoken of, or dialed in vain, is remembered for a while.
        let (remembered_addresses, faulty) = (is.remembered_addresses, is.faulty);
        assert!(remembered_addresses <= 2 * CANDIDATES + 2 && faulty <= 1, "{is:?}");
        let (candidates, lost, timers) = (is.candidates, is.lost, is.timers);
        assert_eq!(is, Status { candidates, lost, timers, remembered_addresses, faulty, ..all.floor.clone() });
    }
}

/// Time passes, and nobody answers who is dialed.
fn pass_unanswered(node: &mut Node, span: Duration) {
    let until = node.now.after(span);
    while let Some(at) = node.state.deadline().filter(|at| *at <= until) {
        node.pass(at.since(node.now));
        for id in node.dialing() {
            node.dialed(id, Err(DialError::Refused));
        }
    }
    node.pass(until.since(node.now));
}

fn bootstrapper() -> SocketAddr {
    ([10, 3, 3, 3], 6001).into()
}

/// The proof that is wanted on a connection is found, if one is.
fn solved(node: &mut Node, id: ConnectionId) -> bool {
    let is_wanted = node.wanted_proofs().contains(&id);
    if is_wanted {
        node.handle(Event::Solved { connection: id, challenge: 0 });
    }
    is_wanted
}

fn said(messages: &[PeerMessage<'_>]) -> Vec<u8> {
    messages.iter().flat_map(|message| message.frame().to_vec()).collect()
}

/// To our HELLO.
fn answer() -> Vec<u8> {
    let (features, hints) = (Features::REPAIR.with(Features::TREE), Hints::new(&[]));
    let introduction = PeerMessage::Capabilities(Capabilities { version: 1, features, instance: 77, hints });
    said(&[introduction, PeerMessage::VerificationRequest { nonce: 5 }])
}

/// After our proof: lets us in, and says what a neighbour may say, and that it wants to be let in, too.
fn let_in() -> Vec<u8> {
    let others: Vec<SocketAddr> = (4..7).map(|n| ([10, 3, 3, n], 6001).into()).collect();
    let other: SocketAddr = "[2001:db8::7]:6001".parse().unwrap();
    let offers = [Offer { digest: 0x0102_0304_0506_0708, age: 3 }, Offer { digest: 9, age: 1 }];
    let frames = [
        AddressList::frame_of(&others, false),
        AddressList::frame_of(&[other], true),
        Interest::frame_of(&[TYPE, 0x539]),
        Tree::turn(TreeAction::Prune, TYPE),
        Tree::turn(TreeAction::Graft, TYPE),
        Tree::frame_of(TYPE, &offers),
        Offers::frame_of(&offers),
        PeerMessage::decode(kind::IWANT, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap().frame(),
    ];
    let rest = [
        PeerMessage::PeerNotification { ttl: 4, id: 7, data_type: TYPE, data: b"of a swept peer" },
        PeerMessage::PeerRequest,
        PeerMessage::Push { ttl: 3, address: ([10, 3, 3, 7], 6001).into() },
        PeerMessage::Ping,
        PeerMessage::Pong,
        PeerMessage::Hello { address: bootstrapper() },
    ];
    frames.iter().flat_map(|frame| frame.to_vec()).chain(said(&rest)).collect()
}

/// After our question.
fn proof_and_end(nonce: u64) -> Vec<u8> {
    said(&[
        PeerMessage::VerificationResponse { nonce, challenge: 0, address: bootstrapper() },
        PeerMessage::VerificationRequest { nonce: 6 },
        PeerMessage::Goodbye { reason: GoodbyeReason::ShuttingDown },
    ])
}

/// Its whole conversation, as `spoil` has it: it is told where in the conversation each part begins.
fn converse(node: &mut Node, id: ConnectionId, spoil: impl Fn(usize, &mut Vec<u8>)) {
    let mut begin = 0;
    let mut say = |node: &mut Node, mut part: Vec<u8>| {
        let len = part.len();
        spoil(begin, &mut part);
        begin += len;
        node.say_bytes(id, &part);
    };
    say(node, answer());
    solved(node, id);
    say(node, let_in());
    // What was offered is asked for.
    pass_unanswered(node, Duration::from_millis(200));
    let nonce = node.nonce(id).unwrap_or_default();
    say(node, proof_and_end(nonce));
}

fn length() -> usize {
    answer().len() + let_in().len() + proof_and_end(0).len()
}

#[test]
fn the_conversation_with_one_that_we_dialed_is_a_good_one() {
    let called = Called::new();
    called.meet(|node, id| {
        let before = node.metrics().clone();
        converse(node, id, |_, _| {});
        let after = node.metrics();
        let kinds: Vec<u16> = node.fork().take(id).iter().map(|frame| frame.kind()).collect();
        for kind in [
            kind::CAPABILITIES,
            kind::HELLO,
            kind::VERIFICATION_RESPONSE,
            kind::INTEREST,
            kind::IWANT,
            kind::PEER_RESPONSE,
            kind::PONG,
            kind::VERIFICATION_REQUEST,
        ] {
            assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
        }
        assert_eq!(after.handshakes - before.handshakes, 1);
        assert_eq!((after.prunes_taken, after.grafts_taken, after.tree_ignored), (1, 1, 0));
        assert_eq!((after.pushes, after.peer_notifications, after.peer_requests), (1, 1, 1));
        assert_eq!((after.frames_malformed, after.frames_unknown), (0, 0));
        assert_eq!(after.faults, 1, "it asks for what it was not offered: {:?}", node.notes);
        assert_eq!(after.frames_early, 1, "the question that nobody had asked for");
        assert_eq!(node.state.status(node.now).candidates, 5, "whom it told of and whom it pushed");
        assert!(node.closed(id).is_some(), "it said GOODBYE");
    });
}

#[test]
fn a_conversation_with_one_that_we_dialed_cut_off_anywhere_leaves_nothing() {
    let called = Called::new();
    for len in 0..=length() {
        for is_reset in [false, true] {
            called.meet(|node, id| {
                converse(node, id, |begin, part| part.truncate(len.saturating_sub(begin)));
                if !is_reset {
                    node.half_close(id);
                    assert!(node.closed(id).is_some(), "a peer that says no more is no peer");
                }
            });
        }
    }
    println!("{} cases", 2 * (length() + 1));
}

#[test]
fn any_bit_of_a_conversation_with_one_that_we_dialed_turned_costs_a_frame_or_the_connection() {
    let called = Called::new();
    for bit in 0..length() * 8 {
        called.meet(|node, id| {
            converse(node, id, |begin, part| {
                if let Some(byte) = (bit / 8).checked_sub(begin).and_then(|at| part.get_mut(at)) {
                    *byte ^= 1 << (bit % 8);
                }
            });
        });
    }
    println!("{} cases", length() * 8);
}

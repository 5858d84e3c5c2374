//! Every length that a header can say, in frames of every type, at every step of a conversation.

use super::{Bystanders, CASES_BETWEEN_LOOKS, from, knock};
use crate::harness::Node;
use crate::sweep::dialing::Called;
use gossip_core::wire::{PeerMessage, kind};
use gossip_core::{ConnectionId, Flush, Listener, Metrics};

/// So many faults are made on one connection: at 5 points each it is not closed for them yet.
const FAULTS_PER_CONNECTION: u64 = 16;
/// So many frames come on one connection of a module.
const FRAMES_PER_CONNECTION: u8 = 16;
/// A type that nobody knows: what is behind a spoilt frame is heard when this is counted.
const UNKNOWN: u16 = 600;
/// The longest frame that is read for its own sake before a peer is a neighbour.
const HANDSHAKE_FRAME_MAX: u16 = 256;

/// A frame's type, and for IPv6 forms what it is a form of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: u16,
    form_of: u16,
}

/// All types of the peers' port, those of the modules' port, and one that nobody knows.
fn shapes() -> impl Iterator<Item = Shape> {
    let forms = [kind::PEER_RESPONSE, kind::VERIFICATION_RESPONSE, kind::HELLO, kind::PUSH];
    let plain = (kind::ANNOUNCE..=kind::GOODBYE).chain([UNKNOWN]).map(|kind| Shape { kind, form_of: 0 });
    plain.chain(forms.map(|form_of| Shape { kind: kind::IPV6, form_of }))
}

impl Shape {
    /// Is it one of the protocol's sizes for this type? Trailing bytes are an extension's business (section 8).
    fn is_right(self, len: u16) -> bool {
        match (self.kind, self.form_of) {
            (kind::PEER_REQUEST | kind::PING, _) => len == 4,
            (kind::PEER_RESPONSE, _) => (len - 4).is_multiple_of(6),
            (kind::VERIFICATION_REQUEST | kind::PUSH, _) => len == 12,
            (kind::VERIFICATION_RESPONSE, _) => len == 26,
            (kind::HELLO, _) => len == 10,
            (kind::PEER_NOTIFICATION, _) => len >= 10,
            (kind::CAPABILITIES, _) => len >= 18,
            (kind::IPV6, kind::VERIFICATION_RESPONSE) => len >= 40,
            (kind::IPV6, kind::HELLO) => len >= 24,
            (kind::IPV6, kind::PUSH) => len >= 26,
            (kind::IPV6 | kind::INTEREST | kind::GOODBYE, _) => len >= 6,
            (kind::TREE, _) => len >= 8,
            _ => true,
        }
    }

    /// Is it a form of something that has none?
    fn is_nothings_form(self) -> bool {
        self.kind == kind::IPV6 && self.form_of == 0
    }

    fn is_proof(self) -> bool {
        kind::VERIFICATION_RESPONSE == if self.kind == kind::IPV6 { self.form_of } else { self.kind }
    }
}

/// Zeros, out of which frames are cut.
struct Zeros(Vec<u8>);

impl Zeros {
    fn new() -> Self {
        Self(vec![0; usize::from(u16::MAX) + 4])
    }

    /// A frame that says `len` and is as long, and behind it one of an unknown type.
    fn frame(&mut self, shape: Shape, len: u16, say: impl FnOnce(&[u8])) {
        let end = usize::from(len.max(4));
        let form_of = shape.form_of.to_be_bytes();
        let form_of = &form_of[..form_of.len().min(end - 4)];
        self.0[..2].copy_from_slice(&len.to_be_bytes());
        self.0[2..4].copy_from_slice(&shape.kind.to_be_bytes());
        self.0[4..4 + form_of.len()].copy_from_slice(form_of);
        self.0[end..end + 4].copy_from_slice(&[0, 4, UNKNOWN.to_be_bytes()[0], UNKNOWN.to_be_bytes()[1]]);
        say(&self.0[..end + 4]);
        self.0[end..end + 4].fill(0);
        self.0[4..6].fill(0);
    }
}

/// What the node counted of a frame: read, malformed, unknown, early, faults.
type Counts = [u64; 5];

fn counts(metrics: &Metrics) -> Counts {
    let Metrics { p2p_frames_in, frames_malformed, frames_unknown, frames_early, faults, .. } = *metrics;
    [p2p_frames_in, frames_malformed, frames_unknown, frames_early, faults]
}

/// Where in the conversation with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It dialed us and said nothing.
    Unasked,
    /// It said HELLO, and was asked for a proof.
    Asked,
    /// We dialed it, and wait for an answer to HELLO.
    Calling,
    /// We work on its question.
    Solving,
    /// We answered it.
    Proved,
    /// A neighbour, whoever dialed.
    Neighbour,
}

impl Step {
    /// Is such a frame read, or skipped as it comes in?
    fn reads(self, shape: Shape, len: u16) -> bool {
        let is_short = len <= HANDSHAKE_FRAME_MAX;
        let expects_addresses = matches!(self, Self::Calling | Self::Solving | Self::Proved);
        match shape.kind {
            _ if self == Self::Neighbour => PeerMessage::knows(shape.kind),
            kind::PEER_RESPONSE => expects_addresses,
            kind::IPV6 => expects_addresses || is_short,
            kind::VERIFICATION_REQUEST
            | kind::VERIFICATION_RESPONSE
            | kind::HELLO
            | kind::CAPABILITIES
            | kind::PONG
            | kind::GOODBYE => is_short,
            _ => false,
        }
    }

    /// Is what frames of this shape come to the same again after the first?
    fn stays(self, shape: Shape) -> bool {
        let is_dialed = matches!(self, Self::Calling | Self::Solving | Self::Proved);
        self == Self::Neighbour
            || shape.is_nothings_form()
            || (is_dialed && shape.kind == kind::IPV6 && shape.form_of != kind::PEER_RESPONSE)
    }

    /// A frame comes on a connection at this step, and another behind it. How many faults that was, or none if the
    /// connection has another step now, or is closed.
    fn meets(self, node: &mut Node, id: ConnectionId, shape: Shape, len: u16, zeros: &mut Zeros) -> Option<u64> {
        let before = counts(node.metrics());
        zeros.frame(shape, len, |bytes| node.say_bytes(id, bytes));
        let after = counts(node.metrics());
        let [read, malformed, unknown, early, faults] = std::array::from_fn(|n| after[n] - before[n]);
        let of = || format!("{shape:?} of length {len} at {self:?}");
        if len < 4 {
            assert_eq!((node.closed(id).is_some(), read, faults), (true, 0, 1), "{}", of());
            return None;
        }
        let is_read = self.reads(shape, len);
        let is_right = is_read && shape.is_right(len);
        let is_wrong_proof = shape.is_proof() && matches!(self, Self::Unasked | Self::Asked);
        let is_end = is_right && (shape.kind == kind::GOODBYE || is_wrong_proof);
        assert_eq!(node.closed(id).is_some(), is_end, "{}", of());
        assert_eq!((read, malformed), (u64::from(is_read), u64::from(is_read && !is_right)), "{}", of());
        let is_unknown = if is_read { is_right && shape.is_nothings_form() } else { !PeerMessage::knows(shape.kind) };
        assert_eq!(unknown, u64::from(is_unknown) + u64::from(!is_end), "{}: what is behind it is heard", of());
        if !is_read {
            assert_eq!((early, faults), (u64::from(!is_unknown), 0), "{}: too early, and no fault", of());
        }
        (!is_end && (!is_right || self.stays(shape))).then_some(faults)
    }
}

/// All shapes and lengths at a step of conversations that `begin` brings there. How many frames.
fn all_lengths(step: Step, all: &mut Bystanders, mut begin: impl FnMut(&mut Bystanders) -> ConnectionId) -> u64 {
    let (mut zeros, mut frames) = (Zeros::new(), 0);
    for shape in shapes() {
        let mut open = None;
        for len in 0..=u16::MAX {
            let (id, faults) = open.take().unwrap_or_else(|| (begin(all), 0));
            frames += 1;
            match step.meets(&mut all.node, id, shape, len, &mut zeros) {
                Some(more) if faults + more < FAULTS_PER_CONNECTION => open = Some((id, faults + more)),
                _ => all.met(id),
            }
        }
        open.into_iter().for_each(|(id, _)| all.met(id));
    }
    frames
}

fn accepted(step: Step) {
    let mut all = Bystanders::new();
    let frames = all_lengths(step, &mut all, |all| {
        all.look_now_and_then();
        let id = all.node.accept(Listener::P2p, from());
        if step != Step::Unasked {
            all.node.say_bytes(id, &knock());
        }
        if step == Step::Neighbour {
            let nonce = all.node.nonce(id).expect("506 after HELLO");
            let answer = PeerMessage::VerificationResponse { nonce, challenge: 0, address: from() };
            all.node.say_bytes(id, &answer.frame().to_vec());
        }
        all.node.take(id);
        id
    });
    all.are_served_and_alone();
    println!("{step:?}: {frames} frames on {} connections", all.cases);
}

fn dialed(step: Step) {
    let called = Called::up_to(step);
    let mut all = called.fork();
    let frames = all_lengths(step, &mut all, |all| {
        let cases = all.cases;
        if cases > 0 && cases.is_multiple_of(CASES_BETWEEN_LOOKS) {
            Called::are_served_and_alone(all);
        }
        *all = Bystanders { cases, ..called.fork() };
        called.id
    });
    println!("{step:?}: {frames} frames on {} connections that were dialed", all.cases);
}

#[test]
fn any_length_of_any_type_before_hello_costs_that_frame_or_the_connection() {
    accepted(Step::Unasked);
}

#[test]
fn any_length_of_any_type_before_a_peers_proof_costs_that_frame_or_the_connection() {
    accepted(Step::Asked);
}

#[test]
fn any_length_of_any_type_from_a_neighbour_costs_that_frame_or_the_connection() {
    accepted(Step::Neighbour);
}

#[test]
fn any_length_of_any_type_from_one_that_we_call_costs_that_frame_or_the_connection() {
    dialed(Step::Calling);
}

#[test]
fn any_length_of_any_type_while_we_work_for_a_peer_costs_that_frame_or_the_connection() {
    dialed(Step::Solving);
}

#[test]
fn any_length_of_any_type_after_our_proof_costs_that_frame_or_the_connection() {
    dialed(Step::Proved);
}

#[test]
fn any_length_of_any_type_from_a_neighbour_that_we_chose_costs_that_frame_or_the_connection() {
    dialed(Step::Neighbour);
}

#[test]
fn any_length_of_any_type_from_a_module_costs_that_frame_or_the_connection() {
    let (mut all, mut zeros, mut frames) = (Bystanders::new(), Zeros::new(), 0_u64);
    for shape in shapes().filter(|shape| shape.form_of == 0) {
        for first in (0..=u16::MAX).step_by(FRAMES_PER_CONNECTION.into()) {
            // Who lost its stream says no more.
            let is_lost = first < 4;
            let lens = first..=first + u16::from(if is_lost { 0 } else { FRAMES_PER_CONNECTION - 1 });
            let below = (1..FRAMES_PER_CONNECTION.into()).filter(|_| is_lost).map(|len| len..=len);
            for lens in std::iter::once(lens).chain(below) {
                all.meet(Listener::Api, |node, id| {
                    lens.for_each(|len| {
                        frames += 1;
                        of_module(node, id, shape, len, &mut zeros);
                    });
                });
            }
        }
    }
    all.are_served_and_alone();
    println!("{frames} frames on {} connections of modules", all.cases);
}

fn of_module(node: &mut Node, id: ConnectionId, shape: Shape, len: u16, zeros: &mut Zeros) {
    let counts = |node: &Node| {
        let Metrics { api_frames_in, frames_malformed, frames_unknown, announcements_too_large, .. } = *node.metrics();
        [api_frames_in, frames_malformed, frames_unknown, announcements_too_large]
    };
    let before = counts(node);
    zeros.frame(shape, len, |bytes| node.say_bytes(id, bytes));
    let after = counts(node);
    let came: [u64; 4] = std::array::from_fn(|n| after[n] - before[n]);
    let of = || format!("{shape:?} of length {len}");
    if len < 4 {
        assert_eq!((node.closed(id), came), (Some(Flush::Discard), [0; 4]), "{}", of());
        return;
    }
    assert_eq!(node.closed(id), None, "{}", of());
    // The one behind it is heard: counted as unknown.
    let expected = match (shape.kind, len) {
        (kind::NOTIFY | kind::VALIDATION, 8) | (kind::ANNOUNCE, 8..=65_533) => [1, 0, 1, 0],
        (kind::ANNOUNCE, 65_534..) => [0, 0, 1, 1],
        (kind::ANNOUNCE | kind::NOTIFY | kind::VALIDATION, _) => [1, 1, 1, 0],
        _ => [0, 0, 2, 0],
    };
    assert_eq!(came, expected, "{}: read, malformed, unknown, too large", of());
}

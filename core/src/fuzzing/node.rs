//! A node, and a driver that checks every action and how full the node's tables are after every event.

use super::Input;
use crate::action::{Action, Actions};
use crate::event::{ConnectionId, DialError, Event, Listener};
use crate::limits;
use crate::note::Note;
use crate::pow::Puzzle;
use crate::settings::{Settings, Spreading};
use crate::state::GossipState;
use crate::status::Status;
use crate::time::{Duration, Instant};
use crate::wire::{ApiMessage, Deframer, Features, Frame, Next, PeerMessage, kind};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// In so many spans of `validation_timeout` everything that is parked finds room: each makes room for a quarter of a
/// mebibyte at least, and what one input can have parked is a few.
const PARKED_TURNS_MAX: u32 = 256;

/// A connection that is open, or being dialed.
#[derive(Debug)]
struct End {
    listener: Listener,
    is_connected: bool,
    is_reading_stopped: bool,
    unwritten: u64,
    /// What it was asked last, and has not answered.
    nonce: Option<u64>,
    /// It answered what it was asked, or was never asked since the node dialed it.
    may_join: bool,
    /// Ids of NOTIFICATIONs that it has not answered, the last of them.
    told: Option<u16>,
    /// Which instance it said it is, first of all.
    instance: Option<u64>,
    heard: Deframer,
}

impl End {
    /// What it says that it can do.
    fn introductions(&mut self, mut bytes: &[u8], mut said: impl FnMut(u64, Features)) {
        loop {
            match self.heard.next(&mut bytes, |kind, _| kind == kind::CAPABILITIES) {
                Next::Frame { kind, body } => {
                    if let Ok(PeerMessage::Capabilities(theirs)) = PeerMessage::decode(kind, body) {
                        let instance = *self.instance.get_or_insert(theirs.instance);
                        said(instance, theirs.features);
                    }
                }
                Next::Skipped { .. } => {}
                Next::Lost { .. } | Next::More => return,
            }
        }
    }
}

/// See the module.
pub(super) struct Node {
    state: GossipState,
    now: Instant,
    open: BTreeMap<ConnectionId, End>,
    dead: BTreeSet<ConnectionId>,
    /// Proofs that are being looked for, and their puzzles.
    proofs: BTreeMap<ConnectionId, Puzzle>,
    nonces: BTreeSet<u64>,
    /// What each instance has said that it can do, on all its connections together.
    can: BTreeMap<u64, Features>,
    accepted: u64,
    actions: Actions,
    is_shut_down: bool,
    /// How full it was after the last event.
    last: Status,
    /// The greatest `peer_queue` that was in force.
    peer_queue_most: u64,
    /// Bytes of the test's own can prove work without its knowledge: who may join is not checked.
    pub(super) trusts: bool,
}

impl Node {
    /// None if the settings do not go together.
    pub(super) fn new(settings: Settings) -> Option<Self> {
        let state = GossipState::new(settings, [9; 32], Instant::ZERO).ok()?;
        Some(Self {
            last: Status::default(),
            peer_queue_most: state.settings().peer_queue,
            state,
            now: Instant::ZERO,
            open: BTreeMap::new(),
            dead: BTreeSet::new(),
            proofs: BTreeMap::new(),
            nonces: BTreeSet::new(),
            can: BTreeMap::new(),
            accepted: 0,
            actions: Vec::new(),
            is_shut_down: false,
            trusts: false,
        })
    }

    /// The `n`th open connection, counted round and round.
    pub(super) fn nth(&self, n: u8) -> Option<ConnectionId> {
        let at = usize::from(n).checked_rem(self.open.len())?;
        self.open.keys().nth(at).copied()
    }

    /// The port of an open connection.
    pub(super) fn listener(&self, id: ConnectionId) -> Option<Listener> {
        self.open.get(&id).map(|end| end.listener)
    }

    /// What it was asked last, and has not answered.
    pub(super) fn nonce(&self, id: ConnectionId) -> Option<u64> {
        self.open.get(&id)?.nonce
    }

    /// The id under which it was told of something last.
    pub(super) fn told(&self, id: ConnectionId) -> Option<u16> {
        self.open.get(&id)?.told
    }

    /// A connection that is gone, or never was.
    pub(super) fn dead(&self, n: u8) -> ConnectionId {
        let at = usize::from(n).checked_rem(self.dead.len()).unwrap_or(0);
        self.dead.iter().nth(at).copied().unwrap_or(ConnectionId::from_u64(u64::MAX))
    }

    pub(super) fn accept(&mut self, listener: Listener, remote: SocketAddr) -> ConnectionId {
        let connection = ConnectionId::accepted(self.accepted);
        self.accepted = self.accepted.saturating_add(1);
        self.opened(connection, listener, true);
        self.handle(Event::Accepted { connection, listener, remote });
        connection
    }

    fn opened(&mut self, id: ConnectionId, listener: Listener, is_connected: bool) {
        let end = End {
            listener,
            is_connected,
            is_reading_stopped: false,
            unwritten: 0,
            nonce: None,
            may_join: id.is_dialed(),
            told: None,
            instance: None,
            heard: Deframer::default(),
        };
        assert!(self.open.insert(id, end).is_none() && !self.dead.contains(&id), "{id} is used twice");
    }

    /// Bytes come in, unless nobody could send any.
    pub(super) fn say(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(end) = self.open.get_mut(&id).filter(|end| end.is_connected) {
            let can = &mut self.can;
            if end.listener == Listener::P2p {
                end.introductions(bytes, |instance, features| {
                    let known = can.entry(instance).or_default();
                    *known = known.with(features);
                });
            }
            self.handle(Event::Received { connection: id, bytes });
        }
    }

    /// 507 with this challenge to what was asked last.
    pub(super) fn prove(&mut self, id: ConnectionId, challenge: u64, address: SocketAddr) {
        let target = self.state.settings().pow;
        let nonce = self.nonce(id).unwrap_or(0);
        if let Some(end) = self.open.get_mut(&id)
            && let Some(nonce) = end.nonce.take()
        {
            end.may_join |= independently_accepts(target, nonce, challenge);
        }
        let frame = PeerMessage::VerificationResponse { nonce, challenge, address }.frame();
        self.say(id, &frame.to_vec());
    }

    pub(super) fn dialed(&mut self, id: ConnectionId, outcome: Result<(), DialError>) {
        let Some(end) = self.open.get_mut(&id).filter(|end| !end.is_connected) else { return };
        match outcome {
            Ok(()) => {
                end.is_connected = true;
                self.handle(Event::DialSucceeded { connection: id });
            }
            Err(error) => {
                self.gone(id);
                self.handle(Event::DialFailed { connection: id, error });
            }
        }
    }

    /// The proof that the connection with the lowest id wants is found.
    pub(super) fn solve(&mut self) {
        let Some((connection, puzzle)) = self.proofs.pop_first() else { return };
        let challenge = puzzle.search(0, 1 << 12).unwrap_or(0);
        self.handle(Event::Solved { connection, challenge });
    }

    pub(super) fn reset(&mut self, id: ConnectionId) {
        if self.open.get(&id).is_some_and(|end| end.is_connected) {
            self.gone(id);
            self.handle(Event::Closed { connection: id });
        }
    }

    /// The other end reads all that waits for it.
    pub(super) fn read(&mut self, id: ConnectionId, most: u64) {
        let Some(end) = self.open.get_mut(&id) else { return };
        let bytes = most.min(end.unwritten);
        end.unwritten = end.unwritten.saturating_sub(bytes);
        self.handle(Event::Written { connection: id, bytes });
    }

    /// The operator wants these: all that can change does, or, if that does not go together, nothing.
    pub(super) fn change_settings(&mut self, new: &Settings) {
        let before = self.state.settings().clone();
        let mut wanted = before.clone();
        wanted.take_over(new);
        let expected = if limits::check(&wanted).is_empty() { wanted } else { before.clone() };
        self.peer_queue_most = self.peer_queue_most.max(expected.peer_queue);
        self.handle(Event::SettingsChanged { settings: new });
        let after = self.state.settings();
        assert_eq!(*after, expected, "of {before:?} and {new:?}");
        let stays = |s: &Settings| {
            let (own, sizes) = (s.p2p_address, (s.max_peers, s.cache_size, s.pow, s.spreading));
            (own, sizes, s.discovery, s.validation_timeout, s.suppression_time, s.bootstrapper.clone())
        };
        assert_eq!(stays(after), stays(&before), "what cannot change");
    }

    pub(super) fn shut_down(&mut self) {
        self.is_shut_down = true;
        self.handle(Event::Shutdown);
        assert!(self.open.is_empty(), "left open by a shutdown: {:?}", self.open.keys());
    }

    /// Time passes, with every timer on the way. What a timer brings about may be due at once, but not for ever.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        let mut at_once = 0_u32;
        while let Some(at) = self.state.deadline().filter(|at| *at <= end) {
            at_once = if at > self.now { 0 } else { at_once.saturating_add(1) };
            assert!(at_once < 4, "a deadline at {at:?} stays in the past of {:?}", self.now);
            self.now = self.now.max(at);
            self.handle(Event::Timer);
        }
        self.now = end;
    }

    /// The clock says something else for one event.
    pub(super) fn handle_at(&mut self, now: Instant, event: Event<'_>) {
        let after = std::mem::replace(&mut self.now, now);
        self.handle(event);
        self.now = after;
    }

    /// What the input says happens, at most so many times; then everybody leaves.
    pub(super) fn live(&mut self, input: &mut Input<'_>, most: usize, happen: fn(&mut Self, &mut Input<'_>)) {
        for _ in 0..most {
            if input.is_empty() {
                break;
            }
            happen(self, input);
        }
        self.everybody_leaves();
    }

    /// Everybody leaves: nobody and nothing is remembered for them.
    fn everybody_leaves(&mut self) {
        // Whom it dials meanwhile leaves as well.
        for _ in 0..4 {
            let all: Vec<ConnectionId> = self.open.keys().copied().collect();
            for id in all {
                self.dialed(id, Err(DialError::Unreachable));
                self.reset(id);
            }
        }
        let settings = self.state.settings();
        let (patience, span) = (settings.validation_timeout, settings.suppression_time);
        // Announcements that are still parked are told, and wait, only when room comes: by turns.
        for _ in 0..PARKED_TURNS_MAX {
            let status = self.state.status(self.now);
            if status.parked_bytes == 0 && status.waiting == 0 {
                break;
            }
            self.pass(patience);
        }
        self.pass(patience.plus(span).plus(Duration::from_secs(1)).times(2));
        let status = self.state.status(self.now);
        let (candidates, lost, timers, peer_connections) =
            (status.candidates, status.lost, status.timers, status.peer_connections);
        // What late subscribers may be told is kept.
        let is_kept = self.state.settings().replay;
        let (known, known_bytes) = if is_kept { (status.known, status.known_bytes) } else { (0, 0) };
        // What has expired may lie there until somebody looks again.
        let (remembered_addresses, faulty) = (status.remembered_addresses, status.faulty);
        let kept = Status { remembered_addresses, faulty, known, known_bytes, ..Status::default() };
        let nothing = Status { candidates, lost, timers, peer_connections, ..kept };
        assert_eq!(status, nothing, "after everybody left");
    }

    pub(super) fn handle(&mut self, event: Event<'_>) {
        if let Event::Solved { connection, .. } = event {
            self.proofs.remove(&connection);
        }
        let mut actions = std::mem::take(&mut self.actions);
        self.state.handle(self.now, event, &mut actions);
        actions.drain(..).for_each(|action| self.carry_out(action));
        self.actions = actions;
        self.check();
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Dial { connection, .. } => {
                assert!(connection.is_dialed(), "{connection} is not of the core's names");
                self.opened(connection, Listener::P2p, false);
            }
            Action::Send { connection, frame } => self.sent(connection, &frame),
            Action::Close { connection, .. } => {
                self.end(connection);
                self.gone(connection);
            }
            Action::StopReading { connection } => {
                let was = self.end(connection).map(|end| std::mem::replace(&mut end.is_reading_stopped, true));
                assert_eq!(was, Some(false), "{connection} is stopped already");
            }
            Action::ResumeReading { connection } => {
                let was = self.end(connection).map(|end| std::mem::replace(&mut end.is_reading_stopped, false));
                assert_eq!(was, Some(true), "{connection} reads already");
            }
            Action::Solve { connection, puzzle, .. } => {
                self.end(connection);
                assert!(self.proofs.insert(connection, puzzle).is_none(), "{connection} wants two proofs");
            }
            Action::CancelSolve { connection } => {
                assert!(self.proofs.remove(&connection).is_some(), "{connection} wants no proof");
            }
            Action::Resolve { .. } => {}
            Action::Note(note) => self.noted(&note),
        }
    }

    /// Only what can be read, by who it is for, goes out; and no question twice.
    fn sent(&mut self, id: ConnectionId, frame: &Frame) {
        let trusts = self.trusts;
        let Some(end) = self.end(id) else { return };
        assert!(end.is_connected, "{id} is sent something before it is connected");
        end.unwritten = end.unwritten.saturating_add(frame.len() as u64);
        let bytes = frame.to_vec();
        let mut deframer = Deframer::default();
        let Next::Frame { kind, body } = deframer.next(&mut &*bytes, |_, _| true) else {
            return assert!(bytes.is_empty(), "{frame:?} is not one whole frame");
        };
        match end.listener {
            Listener::Api => {
                let message = ApiMessage::decode(kind, body);
                assert!(matches!(message, Ok(ApiMessage::Notification { .. })), "a module is sent {message:?}");
                if let Ok(ApiMessage::Notification { id, .. }) = message {
                    end.told = Some(id);
                }
            }
            Listener::P2p => match PeerMessage::decode(kind, body) {
                Ok(PeerMessage::VerificationRequest { nonce }) => {
                    end.nonce = Some(nonce);
                    assert!(self.nonces.insert(nonce), "nonce {nonce:#x} is used twice");
                }
                Ok(PeerMessage::PeerNotification { .. }) => {
                    assert!(end.may_join || trusts, "{id} is told things without having proved its work");
                }
                other => {
                    assert!(other.is_ok(), "a peer is sent what it cannot read: {kind}, {body:?}");
                    let can = end.instance.and_then(|instance| self.can.get(&instance)).copied().unwrap_or_default();
                    let must = other.ok().and_then(|said| wanted_by(said, self.state.settings()));
                    assert!(must.is_some_and(|must| can.has(must)), "{id} cannot do with {kind}, {body:?}");
                }
            },
        }
    }

    fn noted(&mut self, note: &Note) {
        assert!(!note.to_string().is_empty());
        if let Note::NeighbourUp { connection, .. } = note {
            let may_join = self.open.get(connection).is_some_and(|end| end.may_join);
            assert!(may_join || self.trusts, "{connection} is a neighbour without having proved its work");
        }
    }

    /// A connection that something may still be done with.
    fn end(&mut self, id: ConnectionId) -> Option<&mut End> {
        let end = self.open.get_mut(&id);
        assert!(end.is_some(), "something is done with {id}, which is not open");
        end
    }

    fn gone(&mut self, id: ConnectionId) {
        self.open.remove(&id);
        self.dead.insert(id);
    }

    /// The node's own account of itself, against its bounds and against what its driver knows. A table whose bound was
    /// lowered may stay as full as it is, and grows no more.
    fn check(&mut self) {
        let s = self.state.status(self.now);
        let (last, settings) = (std::mem::take(&mut self.last), self.state.settings());
        let of = |listener| self.open.values().filter(|end| end.listener == listener).count();
        let max_peers = settings.max_peers as usize;
        assert_eq!((s.modules, s.peer_connections), (of(Listener::Api), of(Listener::P2p)), "connections");
        assert!(s.neighbours.len() <= max_peers, "{} neighbours", s.neighbours.len());
        assert!(s.unverified <= last.unverified.max(settings.unverified_max as usize), "{} unverified", s.unverified);
        assert!(
            s.candidates <= limits::candidates_max(settings.max_peers) && s.lost <= max_peers,
            "{} candidates",
            s.candidates
        );
        assert!(s.waiting <= last.waiting.max(settings.pending_max as usize), "{} waiting", s.waiting);
        assert!(s.waiting_bytes <= last.waiting_bytes.max(settings.pending_bytes), "{} bytes wait", s.waiting_bytes);
        assert!(s.remembered_addresses <= limits::REMEMBERED_MAX, "{} addresses", s.remembered_addresses);
        assert!(s.faulty <= limits::FAULTY_MAX, "{} are faulty", s.faulty);
        assert!(s.partial_bytes <= last.partial_bytes.max(settings.partial_bytes), "{} bytes in part", s.partial_bytes);
        assert!(s.waiting > 0 || s.waiting_bytes == 0, "nothing waits, of {} bytes", s.waiting_bytes);
        assert!(s.seen <= last.seen.max(settings.seen_max as usize), "{} seen", s.seen);
        assert!(s.held <= settings.cache_size as usize && s.known <= settings.cache_size as usize, "{s:?}");
        assert!(s.known_bytes <= last.known_bytes.max(settings.cache_bytes), "{} bytes known", s.known_bytes);
        let wanted_max = limits::REPAIR_LINKS_MAX.saturating_mul(limits::WANTS_PER_NEIGHBOUR);
        assert!(s.wanted <= wanted_max, "{} wanted", s.wanted);
        // Parked announcements keep the subscriptions of a module that is gone (section 5, Pressure).
        let has_subscribers = s.modules > 0 || s.parked_bytes > 0;
        assert!(s.subscriptions == 0 || has_subscribers, "{} subscriptions of nobody", s.subscriptions);
        assert!(s.proofs >= self.proofs.len() && s.proofs <= s.peer_connections, "{} proofs", s.proofs);
        let timers_max = s.peer_connections.saturating_add(s.modules).saturating_add(limits::TIMERS_OF_NODE);
        assert!(s.timers <= timers_max, "{} timers, {timers_max} have a reason", s.timers);
        let parked_max = limits::PARKED_BYTES_PER_MODULE.saturating_add(limits::FRAME_MAX) as u64;
        assert!(s.parked_bytes <= parked_max.saturating_mul(64), "{} bytes parked", s.parked_bytes);
        let queued_max = self.peer_queue_most.saturating_add(limits::DRIVER_WINDOW);
        let mut connections = 0_usize;
        for neighbour in &s.neighbours {
            connections = connections.saturating_add(neighbour.connections);
            assert!((1..=limits::CONNECTIONS_PER_NEIGHBOUR).contains(&neighbour.connections), "{neighbour:?}");
            assert!(neighbour.queued <= queued_max, "{neighbour:?}");
        }
        assert!(connections <= s.peer_connections, "{connections} connections of neighbours");
        if self.is_shut_down {
            assert_eq!((s.peer_connections, s.modules, s.timers), (0, 0, 0), "after a shutdown");
        }
        self.last = s;
    }
}

/// What a peer must be able to do that is sent this (sections 12 and 13), or None if nobody must be by such settings.
fn wanted_by(said: PeerMessage<'_>, settings: &Settings) -> Option<Features> {
    let has_trees = settings.spreading == Spreading::Tree;
    match said {
        PeerMessage::IHave(_) | PeerMessage::IWant(_) | PeerMessage::Interest(_) => {
            (settings.cache_size > 0).then_some(Features::REPAIR)
        }
        PeerMessage::Tree(_) => (settings.cache_size > 0 && has_trees).then_some(Features::REPAIR.with(Features::TREE)),
        PeerMessage::Capabilities(ours) => (has_trees || !ours.features.has(Features::TREE)).then_some(Features(0)),
        _ => Some(Features(0)),
    }
}

/// Section 2, in other words than [`Puzzle::accepts`].
fn independently_accepts(target: crate::pow::Target, nonce: u64, challenge: u64) -> bool {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(nonce.to_be_bytes());
    hasher.update(challenge.to_be_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let zeros = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first).leading_zeros());
    zeros >= u32::from(target.bits())
}

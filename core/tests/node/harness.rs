//! A node, a driver that checks every action, and scripted modules and neighbours.

use crate::golden::Trail;
use gossip_core::time::{Duration, Instant};
use gossip_core::wire::{
    ApiMessage, Capabilities, Features, Frame, Hints, Payload, PeerMessage, kind, peer_notification,
};
use gossip_core::{
    Action, Actions, Addresses, ConnectionId, DialError, Event, Flush, GossipState, Listener, Metrics, Note, Settings,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What the driver and the other end hold of one connection.
#[derive(Clone, Debug, Default)]
struct End {
    /// The port it came in on; none if the node dialed it.
    listener: Option<Listener>,
    is_connected: bool,
    /// Frames that came out of the node and that no test has taken yet.
    inbox: Vec<Frame>,
    /// Bytes that the other end has not read.
    unwritten: u64,
    /// The other end reads nothing.
    is_deaf: bool,
    /// Bytes that the other end sent while the node did not read.
    backlog: Vec<u8>,
    /// The other end's last word, behind the backlog.
    is_finished: bool,
    is_reading_stopped: bool,
    /// How it ended; `Discard` for one that the other end closed.
    closed: Option<Flush>,
}

/// A NOTIFICATION as a module reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: u16,
    pub(crate) data_type: u16,
    pub(crate) data: Vec<u8>,
}

/// A PEER NOTIFICATION as a neighbour reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) ttl: u8,
    pub(crate) id: u16,
    pub(crate) data_type: u16,
    pub(crate) data: Vec<u8>,
}

/// One node. Whoever is connected reads at once what it is sent, unless [`Node::deafen`]ed.
pub(crate) struct Node {
    pub(crate) state: GossipState,
    pub(crate) now: Instant,
    pub(crate) notes: Vec<Note>,
    ends: BTreeMap<ConnectionId, End>,
    /// Connections with bytes to be read, or to be handed in.
    busy: BTreeSet<ConnectionId>,
    /// Proofs of work that are being looked for.
    proofs: BTreeSet<ConnectionId>,
    accepted: u64,
    actions: Actions,
    /// Every action, if a test wants them all.
    pub(crate) trail: Option<Trail>,
}

impl Node {
    /// A node that asks no work and dials nobody, with these settings changed.
    pub(crate) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(50, 3, Addresses::of("10.9.9.9:6001".parse().unwrap()));
        settings.pow = gossip_core::pow::Target::ZeroBits(0);
        settings.discovery = false;
        change(&mut settings);
        Self::of(GossipState::new(settings, [7; 32], Instant::ZERO).unwrap())
    }

    /// A node that somebody else made.
    pub(crate) fn of(state: GossipState) -> Self {
        let (ends, busy, proofs) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self {
            state,
            now: Instant::ZERO,
            notes: Vec::new(),
            ends,
            busy,
            proofs,
            accepted: 0,
            actions: Vec::new(),
            trail: None,
        }
    }

    /// The same once more, from here on by itself.
    pub(crate) fn fork(&self) -> Self {
        Self {
            state: self.state.clone(),
            now: self.now,
            notes: self.notes.clone(),
            ends: self.ends.clone(),
            busy: self.busy.clone(),
            proofs: self.proofs.clone(),
            accepted: self.accepted,
            actions: Vec::new(),
            trail: None,
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.state.metrics()
    }

    /// Lets something happen, and what follows from it until everybody waits.
    pub(crate) fn handle(&mut self, event: Event<'_>) {
        self.step(event);
        while let Some(id) = self.busy.pop_first() {
            let Some(end) = self.ends.get_mut(&id).filter(|end| end.closed.is_none()) else { continue };
            if end.unwritten > 0 && !end.is_deaf {
                let bytes = std::mem::take(&mut end.unwritten);
                self.busy.insert(id);
                self.step(Event::Written { connection: id, bytes });
            } else if !end.is_reading_stopped && !end.backlog.is_empty() {
                let bytes = std::mem::take(&mut end.backlog);
                self.busy.insert(id);
                self.step(Event::Received { connection: id, bytes: &bytes });
            } else if !end.is_reading_stopped && std::mem::take(&mut end.is_finished) {
                self.busy.insert(id);
                self.step(Event::ReadClosed { connection: id });
            }
        }
    }

    /// The same with a clock that says something else.
    pub(crate) fn handle_at(&mut self, now: Instant, event: Event<'_>) {
        let after = std::mem::replace(&mut self.now, now);
        self.handle(event);
        self.now = after;
    }

    /// A dial ends, if it is one.
    pub(crate) fn dialed(&mut self, connection: ConnectionId, outcome: Result<(), DialError>) {
        let end = self.ends.get_mut(&connection).filter(|end| end.closed.is_none() && !end.is_connected);
        match (end, outcome) {
            (Some(end), Ok(())) => {
                end.is_connected = true;
                self.handle(Event::DialSucceeded { connection });
            }
            (Some(end), Err(error)) => {
                end.closed = Some(Flush::Discard);
                self.handle(Event::DialFailed { connection, error });
            }
            (None, _) => {}
        }
    }

    /// The connections that are open or being dialed, and those that are dead.
    pub(crate) fn connections(&self) -> (Vec<(ConnectionId, Listener)>, Vec<ConnectionId>) {
        let (open, dead): (Vec<_>, Vec<_>) = self.ends.iter().partition(|(_, end)| end.closed.is_none());
        let with_listener = |(id, end): (&ConnectionId, &End)| (*id, end.listener.unwrap_or(Listener::P2p));
        (open.into_iter().map(with_listener).collect(), dead.into_iter().map(|(id, _)| *id).collect())
    }

    /// The dials under way.
    pub(crate) fn dialing(&self) -> Vec<ConnectionId> {
        let is_dialing = |end: &End| end.closed.is_none() && !end.is_connected;
        self.ends.iter().filter(|(_, end)| is_dialing(end)).map(|(id, _)| *id).collect()
    }

    /// The nonce of the last 506 that came out on a connection and that no test has taken.
    pub(crate) fn nonce(&self, id: ConnectionId) -> Option<u64> {
        let inbox = &self.ends.get(&id)?.inbox;
        let asked = inbox.iter().rev().find(|frame| frame.kind() == kind::VERIFICATION_REQUEST)?;
        Some(u64::from_be_bytes(asked.to_vec().get(4..12)?.try_into().ok()?))
    }

    /// The proofs of work that the node wants and that nobody has found.
    pub(crate) fn wanted_proofs(&self) -> Vec<ConnectionId> {
        self.proofs.iter().copied().collect()
    }

    fn step(&mut self, event: Event<'_>) {
        if let Event::Solved { connection, .. } = event {
            self.proofs.remove(&connection);
        }
        let mut actions = std::mem::take(&mut self.actions);
        self.state.handle(self.now, event, &mut actions);
        actions.drain(..).for_each(|action| self.carry_out(action));
        self.actions = actions;
    }

    fn carry_out(&mut self, action: Action) {
        if let Some(trail) = &mut self.trail {
            trail.add(self.now, &action);
        }
        match action {
            Action::Dial { connection, .. } => {
                assert!(self.ends.insert(connection, End::default()).is_none(), "{connection} is used twice");
            }
            Action::Send { connection, frame } => {
                let end = self.open(connection);
                assert!(end.is_connected, "{connection} is not connected");
                end.unwritten += frame.len() as u64;
                end.inbox.push(frame);
                self.busy.insert(connection);
            }
            Action::Close { connection, flush } => {
                let end = self.open(connection);
                end.closed = Some(flush);
                (end.backlog, end.is_finished) = (Vec::new(), false);
            }
            Action::StopReading { connection } => {
                let end = self.open(connection);
                assert!(!std::mem::replace(&mut end.is_reading_stopped, true), "{connection} is stopped already");
            }
            Action::ResumeReading { connection } => {
                let end = self.open(connection);
                assert!(std::mem::replace(&mut end.is_reading_stopped, false), "{connection} reads already");
                self.busy.insert(connection);
            }
            Action::Solve { connection, .. } => {
                self.open(connection);
                assert!(self.proofs.insert(connection), "{connection} wants two proofs");
            }
            Action::CancelSolve { connection } => {
                assert!(self.proofs.remove(&connection), "{connection} wants no proof");
            }
            Action::Resolve { .. } => {}
            Action::Note(note) => self.notes.push(note),
        }
    }

    /// A connection that something may still be done with.
    fn open(&mut self, id: ConnectionId) -> &mut End {
        let end = self.ends.get_mut(&id).unwrap_or_else(|| panic!("{id} is unknown"));
        assert!(end.closed.is_none(), "{id} is closed");
        end
    }

    /// Time passes, with every timer on the way. What a timer brings about may be due at once, but not for ever.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        let mut at_once = 0;
        while let Some(at) = self.state.deadline().filter(|at| *at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 4, "a deadline at {at:?} stays in the past of {:?}", self.now);
            self.now = self.now.max(at);
            self.handle(Event::Timer);
        }
        self.now = end;
    }

    pub(crate) fn pass_secs(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Somebody connects.
    pub(crate) fn accept(&mut self, listener: Listener, remote: SocketAddr) -> ConnectionId {
        let connection = ConnectionId::accepted(self.accepted);
        self.accepted += 1;
        self.ends.insert(connection, End { listener: Some(listener), is_connected: true, ..End::default() });
        self.handle(Event::Accepted { connection, listener, remote });
        connection
    }

    /// A module connects.
    pub(crate) fn module(&mut self) -> ConnectionId {
        let port = 40_000 + u16::try_from(self.accepted % 20_000).unwrap();
        self.accept(Listener::Api, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// A module connects and subscribes to one type.
    pub(crate) fn subscriber(&mut self, data_type: u16) -> ConnectionId {
        let id = self.module();
        self.subscribe(id, data_type);
        id
    }

    /// A peer without extensions (never silent for too long) dials in and proves its work.
    pub(crate) fn neighbour(&mut self) -> ConnectionId {
        let n = self.accepted.to_be_bytes();
        let address = SocketAddr::from(([10, 1, n[6], n[7]], 6001));
        self.join(address, None)
    }

    /// A peer dials in from this address and proves its work; with extensions if it has an instance.
    pub(crate) fn join(&mut self, address: SocketAddr, instance: Option<u64>) -> ConnectionId {
        let id = self.join_with(address, instance, Features::default());
        assert!(matches!(self.notes.last(), Some(Note::NeighbourUp { connection, .. }) if *connection == id));
        // What was held for later neighbours is left for the test to take.
        let end = self.ends.get_mut(&id).unwrap();
        end.inbox.retain(|frame| frame.kind() == kind::PEER_NOTIFICATION);
        id
    }

    /// A peer with these features; all that it is sent is left for the test to take, but for 506.
    pub(crate) fn join_with(&mut self, address: SocketAddr, instance: Option<u64>, features: Features) -> ConnectionId {
        let id = self.accept(Listener::P2p, SocketAddr::new(address.ip(), 50_000));
        if let Some(instance) = instance {
            let hints = Hints::new(&[]);
            self.say(id, &PeerMessage::Capabilities(Capabilities { version: 1, features, instance, hints }).frame());
        }
        self.say(id, &PeerMessage::Hello { address }.frame());
        let frames = self.take(id);
        let asked = frames.iter().find(|frame| frame.kind() == kind::VERIFICATION_REQUEST).expect("506 after HELLO");
        let nonce = u64::from_be_bytes(asked.to_vec()[4..12].try_into().unwrap());
        self.say(id, &PeerMessage::VerificationResponse { nonce, challenge: 0, address }.frame());
        id
    }

    /// The other end sends a frame.
    pub(crate) fn say(&mut self, id: ConnectionId, frame: &Frame) {
        self.say_bytes(id, &frame.to_vec());
    }

    /// The other end sends bytes; they wait while the node does not read.
    pub(crate) fn say_bytes(&mut self, id: ConnectionId, bytes: &[u8]) {
        let is_connected = |end: &&mut End| end.closed.is_none() && end.is_connected && !end.is_finished;
        let Some(end) = self.ends.get_mut(&id).filter(is_connected) else { return };
        if end.is_reading_stopped || !end.backlog.is_empty() {
            end.backlog.extend_from_slice(bytes);
        } else {
            self.handle(Event::Received { connection: id, bytes });
        }
    }

    pub(crate) fn subscribe(&mut self, id: ConnectionId, data_type: u16) {
        self.say(id, &ApiMessage::Notify { data_type }.frame());
    }

    pub(crate) fn announce(&mut self, id: ConnectionId, ttl: u8, data_type: u16, data: &[u8]) {
        self.say(id, &ApiMessage::Announce { ttl, data_type, data }.frame());
    }

    pub(crate) fn validate(&mut self, id: ConnectionId, message: u16, valid: bool) {
        self.say(id, &ApiMessage::Validation { id: message, valid }.frame());
    }

    /// A neighbour spreads a message to us.
    pub(crate) fn hear(&mut self, id: ConnectionId, ttl: u8, message: u16, data_type: u16, data: &[u8]) {
        self.say(id, &peer_notification(ttl, message, &Payload::new(data_type, data)));
    }

    /// The other end sends no more, but reads on.
    pub(crate) fn half_close(&mut self, id: ConnectionId) {
        let is_connected = |end: &&mut End| end.closed.is_none() && end.is_connected;
        let Some(end) = self.ends.get_mut(&id).filter(is_connected) else { return };
        if end.is_reading_stopped {
            end.is_finished = true;
        } else {
            self.handle(Event::ReadClosed { connection: id });
        }
    }

    /// The connection breaks.
    pub(crate) fn reset(&mut self, id: ConnectionId) {
        let Some(end) = self.ends.get_mut(&id).filter(|end| end.closed.is_none()) else { return };
        end.closed = Some(Flush::Discard);
        self.handle(Event::Closed { connection: id });
    }

    /// The other end reads nothing from now on.
    pub(crate) fn deafen(&mut self, id: ConnectionId) {
        self.ends.get_mut(&id).into_iter().for_each(|end| end.is_deaf = true);
    }

    /// It reads so many bytes of what waits for it, and no more.
    pub(crate) fn read(&mut self, id: ConnectionId, bytes: u64) {
        let Some(end) = self.ends.get_mut(&id).filter(|end| end.closed.is_none()) else { return };
        let bytes = bytes.min(end.unwritten);
        end.unwritten -= bytes;
        self.handle(Event::Written { connection: id, bytes });
    }

    /// It reads again, all that waits.
    pub(crate) fn hear_again(&mut self, id: ConnectionId) {
        self.ends.get_mut(&id).into_iter().for_each(|end| end.is_deaf = false);
        self.read(id, u64::MAX);
    }

    /// How the node ended a connection, if it did.
    pub(crate) fn closed(&self, id: ConnectionId) -> Option<Flush> {
        self.ends[&id].closed
    }

    pub(crate) fn is_reading_stopped(&self, id: ConnectionId) -> bool {
        self.ends[&id].is_reading_stopped
    }

    /// Everything that came out on a connection since the last look.
    pub(crate) fn take(&mut self, id: ConnectionId) -> Vec<Frame> {
        std::mem::take(&mut self.ends.get_mut(&id).unwrap().inbox)
    }

    /// The NOTIFICATIONs that a module got since the last look.
    pub(crate) fn told(&mut self, id: ConnectionId) -> Vec<Told> {
        let told = |frame: Frame| {
            let bytes = frame.to_vec();
            match ApiMessage::decode(frame.kind(), &bytes[4..]) {
                Ok(ApiMessage::Notification { id, data_type, data }) => Told { id, data_type, data: data.to_vec() },
                other => panic!("a module was sent {other:?}"),
            }
        };
        self.take(id).into_iter().map(told).collect()
    }

    /// The PEER NOTIFICATIONs that a neighbour got since the last look.
    pub(crate) fn got(&mut self, id: ConnectionId) -> Vec<Got> {
        let got = |frame: Frame| {
            let bytes = frame.to_vec();
            match PeerMessage::decode(frame.kind(), &bytes[4..]) {
                Ok(PeerMessage::PeerNotification { ttl, id, data_type, data }) => {
                    Some(Got { ttl, id, data_type, data: data.to_vec() })
                }
                _ => None,
            }
        };
        self.take(id).into_iter().filter_map(got).collect()
    }

    /// The one NOTIFICATION that a module got since the last look.
    pub(crate) fn told_one(&mut self, id: ConnectionId) -> Told {
        let told = self.told(id);
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().unwrap()
    }
}

/// The data of each, in order.
pub(crate) fn data_of(told: &[Told]) -> Vec<&[u8]> {
    told.iter().map(|one| one.data.as_slice()).collect()
}

//! The loop: what sockets, timers and other threads have to say goes into the state machine; what it wants done is
//! done.

mod accepting;
mod actions;
mod thrift;

use crate::clock::{Clock, span};
use crate::inbox::{Handle, Inbox, Message};
use crate::listener::{Acceptor, Listeners};
use crate::logging::NoteLog;
use crate::portion::Portion;
use crate::pow_worker::Solver;
use crate::resolver::Resolver;
use crate::room::Room;
use crate::status;
use crate::stream::{Connection, Dialed, Input, Phase, SCRATCH, SpareRoom};
use gossip_core::time::{Duration, Instant};
use gossip_core::{Actions, ConnectionId, DialError, Event, GossipState};
use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, ErrorKind};
use std::sync::mpsc::Receiver;
use thrift::Thrift;

/// Events taken from the system at once.
const EVENTS: usize = 1_024;
/// Connections that the core has closed and that still write, or wait for the other end to close. Past that, the one
/// that would go first does: whoever is sent away by the thousand must not take more than the core admits.
const CLOSING_MAX: usize = 1_024;

/// How long a connection that the core closed may take to write what is queued.
const FLUSH_TIME: Duration = Duration::from_secs(10);
/// How long the other end may then take to close (section 3).
const LINGER_TIME: Duration = Duration::from_secs(5);
/// The same once the node shuts down: nobody is waited for who has nothing to say.
const LINGER_AT_END: Duration = Duration::from_millis(250);
/// How long all connections together may take once the node shuts down.
const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// Tokens from here on, downward: the waker, then the listeners. Connections count up from zero.
const WAKER: usize = usize::MAX;

/// What the loop drives: a [`GossipState`], or something that stands around or in for one.
pub trait Machine {
    /// See [`GossipState::handle`].
    fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions);
    /// See [`GossipState::deadline`].
    fn deadline(&self) -> Option<Instant>;

    /// The state to look into; none if there is no such thing.
    fn inspect(&self) -> Option<&GossipState> {
        None
    }
}

impl Machine for GossipState {
    fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions) {
        Self::handle(self, now, event, actions);
    }

    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    fn inspect(&self) -> Option<&GossipState> {
        Some(self)
    }
}

/// Why a loop cannot start.
#[derive(Debug)]
pub enum StartError<E> {
    /// The system has no poll, or no room in it.
    Io(io::Error),
    /// The machine could not be made.
    Machine(E),
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot set up the event loop: {error}"),
            Self::Machine(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for StartError<E> {}

impl<E> From<io::Error> for StartError<E> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One node on real sockets.
///
/// A turn of it: wait; timer; connects that came about; messages of other threads; accept; read; write. Whatever is
/// left over because a budget was spent has its next turn at once. Everything else happens between these, in
/// [`Machine::handle`].
pub struct EventLoop<M> {
    machine: M,
    actions: Actions,
    clock: Clock,
    poll: Poll,
    handle: Handle,
    messages: Receiver<Message>,
    acceptors: Vec<Acceptor>,
    /// All sockets by token, those that the core has closed already included.
    pub(crate) connections: Slab<Connection>,
    /// Those that the core knows.
    slots: HashMap<ConnectionId, usize, BuildHasherDefault<Spread>>,
    /// How many of them are peers'; the rest are modules'.
    peers: usize,
    /// When what the core has closed goes even if it is not done.
    closing: BTreeSet<(Instant, usize)>,
    /// Connections accepted so far: names the next one.
    accepted: u64,
    to_read: VecDeque<usize>,
    to_flush: Vec<usize>,
    /// Dials that failed at once; told after the actions that they came from.
    failed_dials: VecDeque<(ConnectionId, DialError)>,
    read_buffer: Vec<u8>,
    scratch: Vec<u8>,
    spare: SpareRoom,
    solver: Solver,
    resolver: Resolver,
    notes: NoteLog,
    thrift: Thrift,
    status: Option<status::Server>,
    pub(crate) room: Room,
    /// Shutting down: the end, done or not.
    ends: Option<Instant>,
    /// How often the loop woke: what a test of idleness counts.
    pub(crate) turns: u64,
}

impl<M: Machine> EventLoop<M> {
    /// A loop over these listeners and the machine that `make` makes, given the loop's time.
    pub fn new<E>(listeners: Listeners, make: impl FnOnce(Instant) -> Result<M, E>) -> Result<Self, StartError<E>> {
        let poll = Poll::new()?;
        let (inbox, messages) = Inbox::new(Waker::new(poll.registry(), Token(WAKER))?);
        let api = listeners.api_addresses().to_vec();
        let serve = |(socket, at)| status::Server::new(socket, at, &api, poll.registry());
        let status = listeners.status.map(serve).transpose()?;
        let mut acceptors = Vec::new();
        for (number, (port, mut socket)) in listeners.sockets.into_iter().enumerate() {
            socket.register(poll.registry(), Token(WAKER - 1 - number), Interest::READABLE)?;
            acceptors.push(Acceptor::new(port, socket));
        }
        let clock = Clock::start();
        let machine = make(clock.now()).map_err(StartError::Machine)?;
        Ok(Self {
            machine,
            actions: Actions::new(),
            clock,
            poll,
            handle: Handle { inbox: inbox.clone() },
            messages,
            acceptors,
            connections: Slab::new(),
            slots: HashMap::default(),
            peers: 0,
            closing: BTreeSet::new(),
            accepted: 0,
            to_read: VecDeque::new(),
            to_flush: Vec::new(),
            failed_dials: VecDeque::new(),
            read_buffer: vec![0; Portion::MOST],
            scratch: Vec::with_capacity(SCRATCH),
            spare: SpareRoom::default(),
            solver: Solver::new(inbox.clone()),
            resolver: Resolver::new(inbox),
            notes: NoteLog::default(),
            thrift: Thrift::default(),
            status,
            room: Room::of_this_process(),
            ends: None,
            turns: 0,
        })
    }

    /// Ends the loop from elsewhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The machine, to look at.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, when the loop has ended.
    pub fn into_machine(self) -> M {
        self.machine
    }

    /// Runs until told to shut down. An error is the loop's own, never a connection's.
    pub fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.has_ended() {
            self.turn(&mut events)?;
        }
        self.notes.finish();
        Ok(())
    }

    /// One turn. Bounded work, whatever the other ends do.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        self.turns += 1;
        self.run_timers();
        let mut woken = false;
        for event in &*events {
            match event.token() {
                Token(WAKER) => woken = true,
                Token(token) if token >= WAKER - self.acceptors.len() => {
                    self.acceptors[WAKER - 1 - token].ready = true;
                }
                Token(token) if status::Server::owns(token) => {
                    if let Some(server) = &mut self.status {
                        server.note(event);
                    }
                }
                Token(slot) => self.note_readiness(slot, event),
            }
        }
        if woken {
            self.read_messages();
        }
        self.accept();
        self.read();
        self.report_failed_dials();
        self.flush();
        self.serve_status();
        Ok(())
    }

    /// How long there is nothing to do unless something happens; for ever if `None`.
    fn timeout(&self) -> Option<std::time::Duration> {
        let now = self.clock.now();
        let left_over = !self.to_read.is_empty() || !self.to_flush.is_empty() || !self.failed_dials.is_empty();
        if left_over || self.acceptors.iter().any(|acceptor| acceptor.wants_turn(now)) {
            return Some(std::time::Duration::ZERO);
        }
        let accepting = self.acceptors.iter().filter(|acceptor| acceptor.ready).filter_map(|a| a.paused_until).min();
        let closing = self.closing.first().map(|&(at, _)| at);
        let status = self.status.as_ref().and_then(status::Server::deadline);
        [self.machine.deadline(), accepting, closing, self.notes.deadline(), self.thrift.deadline(), status, self.ends]
            .into_iter()
            .flatten()
            .min()
            .map(|at| span(at.since(now)))
    }

    fn run_timers(&mut self) {
        let now = self.clock.now();
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.feed(Event::Timer);
        }
        while let Some(&(at, slot)) = self.closing.first()
            && at <= now
        {
            self.remove(slot);
        }
        self.notes.tick(now);
        self.give_back(now);
    }

    /// Remembers what the system says about a connection; reading and writing have their own time. A late word about a
    /// socket whose slot has a new owner does no harm: the next read or write finds nothing.
    fn note_readiness(&mut self, slot: usize, event: &mio::event::Event) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let failed = event.is_error() || event.is_write_closed();
        if connection.phase == Phase::Connecting {
            if event.is_writable() || failed {
                self.finish_dial(slot);
            }
        } else if event.is_writable() {
            connection.writable = true;
            self.want_flush(slot);
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if event.is_readable() || event.is_read_closed() || failed {
            connection.readable = true;
            connection.hung_up |= event.is_read_closed() || failed;
            // Half-closed before, and now the other half is gone as well.
            connection.write_broken |= failed && connection.read_ended;
            self.want_read(slot);
        }
    }

    fn finish_dial(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let id = connection.id;
        match connection.dialed() {
            Dialed::Pending => {}
            Dialed::Done => {
                self.feed(Event::DialSucceeded { connection: id });
                self.want_flush(slot);
            }
            Dialed::Failed(error) => {
                self.remove(slot);
                self.feed(Event::DialFailed { connection: id, error });
            }
        }
    }

    fn read_messages(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Solved { job, challenge } => {
                    if let Some(connection) = self.solver.take(job) {
                        self.feed(Event::Solved { connection, challenge });
                    }
                }
                Message::Resolved { query, addresses } => self.feed(Event::Resolved { query, addresses: &addresses }),
                Message::Settings(settings) => self.feed(Event::SettingsChanged { settings: &settings }),
                Message::ShutDown => self.shut_down(),
            }
        }
    }

    fn shut_down(&mut self) {
        if self.ends.is_none() {
            self.ends = Some(self.clock.now().after(SHUTDOWN_TIME));
            self.acceptors.clear();
            self.status = None;
            self.feed(Event::Shutdown);
        }
    }

    /// Told to shut down, and nothing is left that would still be written, or it takes too long.
    fn has_ended(&self) -> bool {
        let Some(ends) = self.ends else { return false };
        let done = |connection: &Connection| match connection.phase {
            Phase::Connecting => true,
            Phase::Open => connection.queue.is_empty(),
            Phase::Closing { .. } => false,
        };
        self.connections.iter().all(|(_, connection)| done(connection)) || self.clock.now() >= ends
    }

    /// Gives each connection that may have something its turn.
    fn read(&mut self) {
        let mut buffer = std::mem::take(&mut self.read_buffer);
        for _ in 0..self.to_read.len() {
            if let Some(slot) = self.to_read.pop_front() {
                self.read_from(slot, &mut buffer);
            }
        }
        self.read_buffer = buffer;
    }

    fn read_from(&mut self, slot: usize, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.to_read = false;
        let id = connection.id;
        let mut budget = connection.portion.bytes();
        loop {
            // What came before may have closed it, and even given its slot away.
            let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.id == id) else {
                return;
            };
            if !connection.readable || connection.reading_stopped || connection.phase == Phase::Connecting {
                return;
            }
            if budget == 0 {
                return self.want_read(slot);
            }
            let closing = connection.is_closing();
            match connection.read(&mut buffer[..budget]) {
                Input::Data(n) => {
                    budget = budget.saturating_sub(n);
                    if !closing {
                        self.feed_bytes(slot, id, &buffer[..n]);
                    }
                }
                Input::Blocked => {
                    connection.readable = false;
                    if connection.write_broken {
                        self.lose(slot);
                    }
                }
                Input::Ended if closing || connection.write_broken => return self.lose(slot),
                Input::Ended => {
                    connection.readable = false;
                    if !std::mem::replace(&mut connection.read_ended, true) {
                        self.feed(Event::ReadClosed { connection: id });
                    }
                }
                Input::Broken => return self.lose(slot),
            }
        }
    }

    fn feed_bytes(&mut self, slot: usize, id: ConnectionId, bytes: &[u8]) {
        let before = self.frames_in();
        self.feed(Event::Received { connection: id, bytes });
        let frames = self.frames_in().saturating_sub(before);
        if let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.id == id) {
            connection.portion.came(bytes.len(), frames);
        }
    }

    /// All frames that came so far, as far as the machine can tell.
    fn frames_in(&self) -> u64 {
        let metrics = self.machine.inspect().map(GossipState::metrics);
        metrics.map_or(0, |metrics| metrics.api_frames_in.saturating_add(metrics.p2p_frames_in))
    }

    /// The socket is of no more use. The core hears of it, unless it closed the connection itself.
    fn lose(&mut self, slot: usize) {
        if let Some(connection) = self.remove(slot)
            && !connection.is_closing()
        {
            self.feed(Event::Closed { connection: connection.id });
        }
    }

    fn report_failed_dials(&mut self) {
        for _ in 0..self.failed_dials.len() {
            if let Some((connection, error)) = self.failed_dials.pop_front() {
                self.feed(Event::DialFailed { connection, error });
            }
        }
    }

    /// Writes what this turn queued, each connection's at once. What the core then queues in a freed window has the
    /// next turn.
    fn flush(&mut self) {
        for slot in std::mem::take(&mut self.to_flush) {
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.to_flush = false;
            if connection.phase == Phase::Connecting {
                continue;
            }
            let written = connection.flush(&mut self.scratch, &mut self.spare);
            let id = connection.id;
            let unfinished = connection.writable && !connection.queue.is_empty();
            if connection.write_broken {
                // Reading tells when there is nothing more to come.
                (connection.readable, connection.hung_up) = (true, true);
                self.want_read(slot);
            } else if connection.phase == (Phase::Closing { shut: false }) && connection.queue.is_empty() {
                if connection.read_ended {
                    self.remove(slot);
                    continue;
                }
                connection.shut_writing();
                let linger = if self.ends.is_some() { LINGER_AT_END } else { LINGER_TIME };
                self.set_deadline(slot, linger);
            }
            if unfinished {
                self.want_flush(slot);
            }
            if written > 0 && self.slots.get(&id) == Some(&slot) {
                self.feed(Event::Written { connection: id, bytes: written });
            }
        }
    }

    /// Lets this host look inside, if it wants to now.
    fn serve_status(&mut self) {
        let Some(server) = &mut self.status else { return };
        let now = self.clock.now();
        if server.deadline().is_some_and(|at| at <= now) {
            let state = self.machine.inspect();
            let window = status::Window { now, state, events: self.notes.events(), turns: self.turns };
            server.serve(self.poll.registry(), &window);
        }
    }

    /// Tells the machine what happened and does what it then wants done.
    fn feed(&mut self, event: Event<'_>) {
        let now = self.clock.now();
        let mut actions = std::mem::take(&mut self.actions);
        self.machine.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            self.carry_out(now, action);
        }
        self.actions = actions;
    }
}

/// Spreads the numbers of connections over a table. They are counted up here and by the core: nobody else chooses them.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

//! A driver over blocking sockets and threads of the standard library, and two nodes on it that find each other on
//! loopback: `cargo run -p gossip-core --example threads`.
//!
//! One thread owns the state and carries out its actions; every connection has one thread that reads and one that
//! writes; dials, proofs of work and look-ups of names have a thread each. They all report through one bounded channel:
//! when the node is busy, readers wait, and TCP makes the other ends wait.

// The core's own rules: a driver is where sockets, threads and clocks belong.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use gossip_core::pow::Target;
use gossip_core::time::Instant;
use gossip_core::wire::{ApiMessage, Deframer, Frame, Next, kind};
use gossip_core::{
    Action, Addresses, ConnectionId, DialError, Endpoint, Event, Flush, GossipState, Listener, ResolveId, Settings,
};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What threads report: an [`Event`] that owns its parts, or the stream of a new connection.
enum Report {
    Accepted(Listener, TcpStream, SocketAddr),
    Dialed(ConnectionId, Result<TcpStream, DialError>),
    Received(ConnectionId, Vec<u8>),
    ReadClosed(ConnectionId),
    Closed(ConnectionId),
    Written(ConnectionId, u64),
    Solved(ConnectionId, u64),
    Resolved(ResolveId, Vec<SocketAddr>),
    Shutdown,
}

/// What the node's thread keeps of a connection. Dropping `frames` has its writer finish and shut down writing.
struct Connection {
    frames: Sender<Frame>,
    stream: TcpStream,
    gate: Arc<Gate>,
}

/// Where a reader waits while reading is stopped.
#[derive(Default)]
struct Gate {
    is_shut: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        drop(self.changed.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap());
    }
}

struct Node {
    state: GossipState,
    begin: std::time::Instant,
    reports: SyncSender<Report>,
    inbox: Receiver<Report>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Raised when a proof of work, or a dial, is not wanted any more.
    cancelled: BTreeMap<ConnectionId, Arc<AtomicBool>>,
    accepted: u64,
}

impl Node {
    fn new(settings: Settings, seed: [u8; 32], api: TcpListener, p2p: TcpListener) -> Self {
        let (reports, inbox) = sync_channel(1_024);
        for (port, listener) in [(Listener::Api, api), (Listener::P2p, p2p)] {
            let reports = reports.clone();
            thread::spawn(move || {
                while let Ok((stream, remote)) = listener.accept() {
                    if reports.send(Report::Accepted(port, stream, remote)).is_err() {
                        return;
                    }
                }
            });
        }
        let state = GossipState::new(settings, seed, Instant::ZERO).expect("settings that go together");
        let begin = std::time::Instant::now();
        let (connections, cancelled) = (BTreeMap::new(), BTreeMap::new());
        Self { state, begin, reports, inbox, connections, cancelled, accepted: 0 }
    }

    /// The run loop: wait for a report or the deadline, hand it in, carry out what comes back.
    fn run(mut self) {
        loop {
            let wait = self.state.deadline().map_or(Duration::MAX, |at| micros(at.since(self.now())));
            match self.inbox.recv_timeout(wait.min(Duration::from_secs(3_600))) {
                Ok(Report::Shutdown) => return self.feed(Event::Shutdown),
                Ok(report) => self.take(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender ourselves"),
            }
            // With much to do there is never a time-out, but timers are to be kept all the same.
            if self.state.deadline().is_some_and(|at| at <= self.now()) {
                self.feed(Event::Timer);
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Accepted(listener, stream, remote) => {
                let connection = ConnectionId::accepted(self.accepted);
                self.accepted += 1;
                self.open(connection, stream);
                self.feed(Event::Accepted { connection, listener, remote });
            }
            Report::Dialed(connection, dialed) => {
                // Closed meanwhile: the stream goes with the report.
                if self.cancelled.remove(&connection).is_none() {
                    return;
                }
                match dialed {
                    Ok(stream) => {
                        self.open(connection, stream);
                        self.feed(Event::DialSucceeded { connection });
                    }
                    Err(error) => self.feed(Event::DialFailed { connection, error }),
                }
            }
            Report::Received(connection, bytes) => self.feed(Event::Received { connection, bytes: &bytes }),
            Report::ReadClosed(connection) => self.feed(Event::ReadClosed { connection }),
            Report::Closed(connection) => {
                // Only the first of its two threads to notice is heard, and neither once we have closed it.
                if self.connections.remove(&connection).is_some() {
                    self.feed(Event::Closed { connection });
                }
            }
            Report::Written(connection, bytes) => self.feed(Event::Written { connection, bytes }),
            Report::Solved(connection, challenge) => self.feed(Event::Solved { connection, challenge }),
            Report::Resolved(query, addresses) => self.feed(Event::Resolved { query, addresses: &addresses }),
            Report::Shutdown => {}
        }
    }

    fn feed(&mut self, event: Event<'_>) {
        let mut actions = Vec::new();
        self.state.handle(self.now(), event, &mut actions);
        actions.into_iter().for_each(|action| self.carry_out(action));
    }

    fn carry_out(&mut self, action: Action) {
        let reports = self.reports.clone();
        match action {
            Action::Dial { connection, to, from } => {
                self.cancelled.insert(connection, Arc::default());
                thread::spawn(move || reports.send(Report::Dialed(connection, dial(to, from))));
            }
            Action::Send { connection, frame } => {
                if let Some(connection) = self.connections.get(&connection) {
                    // A writer that has failed reports it by itself.
                    let _ = connection.frames.send(frame);
                }
            }
            Action::Close { connection, flush } => {
                self.cancelled.remove(&connection).inspect(|flag| flag.store(true, Ordering::Relaxed));
                if let Some(closed) = self.connections.remove(&connection) {
                    closed.gate.set(false);
                    match flush {
                        // The writer ends the stream; whatever still comes is read and ignored, for five seconds.
                        Flush::First => drop(closed.stream.set_read_timeout(Some(Duration::from_secs(5)))),
                        Flush::Discard => drop(closed.stream.shutdown(Shutdown::Both)),
                    }
                }
            }
            Action::StopReading { connection } => self.gate(connection, true),
            Action::ResumeReading { connection } => self.gate(connection, false),
            Action::Solve { connection, puzzle, mut start } => {
                const SLICE: u64 = 1 << 16;
                let cancelled = Arc::<AtomicBool>::default();
                self.cancelled.insert(connection, Arc::clone(&cancelled));
                thread::spawn(move || {
                    while !cancelled.load(Ordering::Relaxed) {
                        if let Some(challenge) = puzzle.search(start, SLICE) {
                            return drop(reports.send(Report::Solved(connection, challenge)));
                        }
                        start = start.wrapping_add(SLICE);
                    }
                });
            }
            Action::CancelSolve { connection } => {
                self.cancelled.remove(&connection).inspect(|flag| flag.store(true, Ordering::Relaxed));
            }
            Action::Resolve { query, host, port } => {
                thread::spawn(move || {
                    let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
                    reports.send(Report::Resolved(query, found))
                });
            }
            Action::Note(note) => println!("{} {note}", self.now()),
        }
    }

    fn gate(&self, connection: ConnectionId, is_shut: bool) {
        if let Some(connection) = self.connections.get(&connection) {
            connection.gate.set(is_shut);
        }
    }

    fn open(&mut self, id: ConnectionId, stream: TcpStream) {
        let (frames, queue) = channel();
        let gate = Arc::<Gate>::default();
        let _ = stream.set_nodelay(true);
        let (reader, writer) = (stream.try_clone().expect("a descriptor"), stream.try_clone().expect("a descriptor"));
        let (reports, theirs) = (self.reports.clone(), Arc::clone(&gate));
        thread::spawn(move || read_all(id, reader, &theirs, &reports));
        let reports = self.reports.clone();
        thread::spawn(move || write_all(id, writer, &queue, &reports));
        self.connections.insert(id, Connection { frames, stream, gate });
    }
}

fn read_all(id: ConnectionId, mut stream: TcpStream, gate: &Gate, reports: &SyncSender<Report>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        gate.pass();
        let report = match stream.read(&mut buffer) {
            Ok(0) => Report::ReadClosed(id),
            Ok(len) => Report::Received(id, buffer[..len].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => Report::Closed(id),
        };
        let is_last = !matches!(report, Report::Received(..));
        if reports.send(report).is_err() || is_last {
            return;
        }
    }
}

fn write_all(id: ConnectionId, mut stream: TcpStream, frames: &Receiver<Frame>, reports: &SyncSender<Report>) {
    while let Ok(frame) = frames.recv() {
        let bytes = frame.to_vec();
        let report = match stream.write_all(&bytes) {
            Ok(()) => Report::Written(id, bytes.len() as u64),
            Err(_) => Report::Closed(id),
        };
        let is_last = matches!(report, Report::Closed(_));
        if reports.send(report).is_err() || is_last {
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}

/// The standard library cannot bind a socket before it connects: `from` is left to the system here.
fn dial(to: SocketAddr, _from: Option<IpAddr>) -> Result<TcpStream, DialError> {
    TcpStream::connect_timeout(&to, Duration::from_secs(5)).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => DialError::Unreachable,
        _ => DialError::Local,
    })
}

fn micros(span: gossip_core::time::Duration) -> Duration {
    Duration::from_micros(span.as_micros())
}

/// Starts a node on free ports; returns where modules and peers find it, how to end it, and its thread.
fn start(
    seed: u8,
    bootstrapper: Option<SocketAddr>,
) -> (SocketAddr, SocketAddr, SyncSender<Report>, thread::JoinHandle<()>) {
    let [api, p2p] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let (modules, peers) = (api.local_addr().unwrap(), p2p.local_addr().unwrap());
    let mut settings = Settings::new(50, 4, Addresses::of(peers));
    settings.bootstrapper = bootstrapper.map(Endpoint::Address).into_iter().collect();
    settings.pow = Target::ZeroBits(8); // 24 in a real network: then all nodes must agree on it
    let seed = [seed; 32]; // from the system's entropy, elsewhere than in an example
    let node = Node::new(settings, seed, api, p2p);
    let reports = node.reports.clone();
    (modules, peers, reports, thread::spawn(move || node.run()))
}

/// A module: asks to be told of type 1337.
fn module(at: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(at).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&ApiMessage::Notify { data_type: 1337 }.frame().to_vec()).unwrap();
    stream
}

/// The data of the first notification.
fn told(stream: &mut TcpStream) -> Vec<u8> {
    let (mut deframer, mut buffer) = (Deframer::default(), [0; 4_096]);
    loop {
        let len = stream.read(&mut buffer).expect("a notification in time");
        assert!(len > 0, "the node closed");
        let mut input = &buffer[..len];
        if let Next::Frame { kind, body } = deframer.next(&mut input, |kind, _| kind == kind::NOTIFICATION) {
            match ApiMessage::decode(kind, body) {
                Ok(ApiMessage::Notification { data, .. }) => return data.to_vec(),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn main() {
    let (first_api, first_p2p, end_first, first) = start(1, None);
    let (second_api, _, end_second, second) = start(2, Some(first_p2p));
    let (mut listening, mut announcing) = (module(first_api), module(second_api));
    // Said before the two are neighbours: held for whoever comes.
    let announce = ApiMessage::Announce { ttl: 0, data_type: 1337, data: b"hello" };
    announcing.write_all(&announce.frame().to_vec()).unwrap();
    assert_eq!(told(&mut announcing), b"hello");
    assert_eq!(told(&mut listening), b"hello");
    println!("both modules were told");
    for (end, node) in [(end_second, second), (end_first, first)] {
        end.send(Report::Shutdown).unwrap();
        node.join().unwrap();
    }
}

#[test]
fn two_nodes_on_threads_find_each_other_and_pass_on_what_is_said() {
    main();
}

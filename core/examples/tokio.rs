//! A driver over tokio, and two nodes on it that find each other on loopback:
//! `cargo run -p gossip-core --example tokio`.
//!
//! One task owns the state and carries out its actions; every connection has a task that reads and one that writes.
//! They report through one bounded channel: when the node is busy, readers wait, and TCP makes the other ends wait.

// The core's own rules: a driver is where sockets, tasks and clocks belong.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use gossip_core::pow::Target;
use gossip_core::time::Instant;
use gossip_core::wire::{ApiMessage, Deframer, Frame, Next, kind};
use gossip_core::{
    Action, Addresses, ConnectionId, DialError, Endpoint, Event, Flush, GossipState, Listener, ResolveId, Settings,
};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep_until, timeout};

/// What tasks report: an [`Event`] that owns its parts, or the stream of a new connection.
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

/// What the node's task keeps of a connection. Dropping `frames` has its writer finish and shut down writing.
struct Connection {
    frames: mpsc::UnboundedSender<Frame>,
    /// Is reading stopped?
    stopped: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

struct Node {
    state: GossipState,
    begin: tokio::time::Instant,
    reports: mpsc::Sender<Report>,
    inbox: mpsc::Receiver<Report>,
    connections: BTreeMap<ConnectionId, Connection>,
    dials: BTreeMap<ConnectionId, JoinHandle<()>>,
    /// Raised when a proof of work is not wanted any more.
    cancelled: BTreeMap<ConnectionId, Arc<AtomicBool>>,
    accepted: u64,
}

impl Node {
    fn new(settings: Settings, seed: [u8; 32], api: TcpListener, p2p: TcpListener) -> Self {
        let (reports, inbox) = mpsc::channel(1_024);
        for (port, listener) in [(Listener::Api, api), (Listener::P2p, p2p)] {
            let reports = reports.clone();
            tokio::spawn(async move {
                while let Ok((stream, remote)) = listener.accept().await {
                    if reports.send(Report::Accepted(port, stream, remote)).await.is_err() {
                        return;
                    }
                }
            });
        }
        let state = GossipState::new(settings, seed, Instant::ZERO).expect("settings that go together");
        let begin = tokio::time::Instant::now();
        let (connections, dials, cancelled) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { state, begin, reports, inbox, connections, dials, cancelled, accepted: 0 }
    }

    /// The run loop: wait for a report or the deadline, hand it in, carry out what comes back.
    async fn run(mut self) {
        loop {
            let hour = self.now().after(gossip_core::time::Duration::from_secs(3_600));
            let deadline = self.state.deadline().unwrap_or(hour).min(hour);
            let at = self.begin + Duration::from_micros(deadline.as_micros());
            let report = tokio::select! {
                // Timers first: much traffic must not keep them waiting.
                biased;
                () = sleep_until(at) => None,
                report = self.inbox.recv() => report,
            };
            match report {
                None => self.feed(Event::Timer),
                Some(Report::Shutdown) => return self.feed(Event::Shutdown),
                Some(report) => self.take(report),
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
            Report::Dialed(connection, dialed) => match self.dials.remove(&connection).map(|_| dialed) {
                Some(Ok(stream)) => {
                    self.open(connection, stream);
                    self.feed(Event::DialSucceeded { connection });
                }
                Some(Err(error)) => self.feed(Event::DialFailed { connection, error }),
                // Closed meanwhile: the stream goes with the report.
                None => {}
            },
            Report::Received(connection, bytes) => self.feed(Event::Received { connection, bytes: &bytes }),
            Report::ReadClosed(connection) => self.feed(Event::ReadClosed { connection }),
            Report::Closed(connection) => {
                // Only the first of its two tasks to notice is heard, and neither once we have closed it.
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
                let dial = async move { drop(reports.send(Report::Dialed(connection, dial(to, from).await)).await) };
                self.dials.insert(connection, tokio::spawn(dial));
            }
            Action::Send { connection, frame } => {
                if let Some(connection) = self.connections.get(&connection) {
                    // A writer that has failed reports it by itself.
                    let _ = connection.frames.send(frame);
                }
            }
            Action::Close { connection, flush } => self.close(connection, flush),
            Action::StopReading { connection } => self.set_stopped(connection, true),
            Action::ResumeReading { connection } => self.set_stopped(connection, false),
            Action::Solve { connection, puzzle, mut start } => {
                const SLICE: u64 = 1 << 16;
                let cancelled = Arc::<AtomicBool>::default();
                self.cancelled.insert(connection, Arc::clone(&cancelled));
                spawn_blocking(move || {
                    while !cancelled.load(Ordering::Relaxed) {
                        if let Some(challenge) = puzzle.search(start, SLICE) {
                            return drop(reports.blocking_send(Report::Solved(connection, challenge)));
                        }
                        start = start.wrapping_add(SLICE);
                    }
                });
            }
            Action::CancelSolve { connection } => self.cancel(connection),
            Action::Resolve { query, host, port } => {
                tokio::spawn(async move {
                    let found = tokio::net::lookup_host((host, port)).await.map(Iterator::collect).unwrap_or_default();
                    reports.send(Report::Resolved(query, found)).await
                });
            }
            Action::Note(note) => println!("{} {note}", self.now()),
        }
    }

    fn close(&mut self, id: ConnectionId, flush: Flush) {
        self.cancel(id);
        self.dials.remove(&id).inspect(JoinHandle::abort);
        let Some(Connection { frames, stopped, tasks: [reader, writer] }) = self.connections.remove(&id) else {
            return;
        };
        match flush {
            Flush::Discard => [reader, writer].iter().for_each(JoinHandle::abort),
            // The writer ends the stream; whatever still comes is read and ignored, for five seconds.
            Flush::First => {
                drop(frames);
                tokio::spawn(async move {
                    let _ = stopped.send(false);
                    let abort = reader.abort_handle();
                    let _ = writer.await;
                    if timeout(Duration::from_secs(5), reader).await.is_err() {
                        abort.abort();
                    }
                });
            }
        }
    }

    fn cancel(&mut self, id: ConnectionId) {
        self.cancelled.remove(&id).inspect(|flag| flag.store(true, Ordering::Relaxed));
    }

    fn set_stopped(&self, id: ConnectionId, is_stopped: bool) {
        if let Some(connection) = self.connections.get(&id) {
            let _ = connection.stopped.send(is_stopped);
        }
    }

    fn open(&mut self, id: ConnectionId, stream: TcpStream) {
        let (frames, queue) = mpsc::unbounded_channel();
        let (stopped, gate) = watch::channel(false);
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let tasks = [
            tokio::spawn(read_all(id, reader, gate, self.reports.clone())),
            tokio::spawn(write_all(id, writer, queue, self.reports.clone())),
        ];
        self.connections.insert(id, Connection { frames, stopped, tasks });
    }
}

async fn read_all(
    id: ConnectionId,
    mut stream: OwnedReadHalf,
    mut stopped: watch::Receiver<bool>,
    reports: mpsc::Sender<Report>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        // Its sender is gone when the connection is closed: then what comes is read, and ignored.
        let _ = stopped.wait_for(|is_stopped| !is_stopped).await;
        let report = match stream.read(&mut buffer).await {
            Ok(0) => Report::ReadClosed(id),
            Ok(len) => Report::Received(id, buffer[..len].to_vec()),
            Err(_) => Report::Closed(id),
        };
        let is_last = !matches!(report, Report::Received(..));
        if reports.send(report).await.is_err() || is_last {
            return;
        }
    }
}

async fn write_all(
    id: ConnectionId,
    mut stream: OwnedWriteHalf,
    mut frames: mpsc::UnboundedReceiver<Frame>,
    reports: mpsc::Sender<Report>,
) {
    while let Some(frame) = frames.recv().await {
        let bytes = frame.to_vec();
        let report = match stream.write_all(&bytes).await {
            Ok(()) => Report::Written(id, bytes.len() as u64),
            Err(_) => Report::Closed(id),
        };
        let is_last = matches!(report, Report::Closed(_));
        if reports.send(report).await.is_err() || is_last {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

async fn dial(to: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream, DialError> {
    let connect = async {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(ip) = from {
            socket.bind(SocketAddr::new(ip, 0))?;
        }
        socket.connect(to).await
    };
    match timeout(Duration::from_secs(5), connect).await {
        Ok(connected) => connected.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => DialError::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => DialError::Unreachable,
            _ => DialError::Local,
        }),
        Err(_) => Err(DialError::Unreachable),
    }
}

/// Starts a node on free ports; returns where modules and peers find it, how to end it, and its task.
async fn start(
    seed: u8,
    bootstrapper: Option<SocketAddr>,
) -> io::Result<(SocketAddr, SocketAddr, mpsc::Sender<Report>, JoinHandle<()>)> {
    let (api, p2p) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let (modules, peers) = (api.local_addr()?, p2p.local_addr()?);
    let mut settings = Settings::new(50, 4, Addresses::of(peers));
    settings.bootstrapper = bootstrapper.map(Endpoint::Address).into_iter().collect();
    settings.pow = Target::ZeroBits(8); // 24 in a real network: then all nodes must agree on it
    let seed = [seed; 32]; // from the system's entropy, elsewhere than in an example
    let node = Node::new(settings, seed, api, p2p);
    let reports = node.reports.clone();
    Ok((modules, peers, reports, tokio::spawn(node.run())))
}

/// A module: asks to be told of type 1337.
async fn module(at: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(&ApiMessage::Notify { data_type: 1337 }.frame().to_vec()).await?;
    Ok(stream)
}

/// The data of the first notification.
async fn told(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut deframer, mut buffer) = (Deframer::default(), [0; 4_096]);
    loop {
        let len = timeout(Duration::from_secs(30), stream.read(&mut buffer)).await??;
        assert!(len > 0, "the node closed");
        let mut input = &buffer[..len];
        if let Next::Frame { kind, body } = deframer.next(&mut input, |kind, _| kind == kind::NOTIFICATION) {
            match ApiMessage::decode(kind, body) {
                Ok(ApiMessage::Notification { data, .. }) => return Ok(data.to_vec()),
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn two_nodes() -> io::Result<()> {
    let (first_api, first_p2p, end_first, first) = start(1, None).await?;
    let (second_api, _, end_second, second) = start(2, Some(first_p2p)).await?;
    let (mut listening, mut announcing) = (module(first_api).await?, module(second_api).await?);
    // Said before the two are neighbours: held for whoever comes.
    let announce = ApiMessage::Announce { ttl: 0, data_type: 1337, data: b"hello" };
    announcing.write_all(&announce.frame().to_vec()).await?;
    assert_eq!(told(&mut announcing).await?, b"hello");
    assert_eq!(told(&mut listening).await?, b"hello");
    println!("both modules were told");
    for (end, node) in [(end_second, second), (end_first, first)] {
        assert!(end.send(Report::Shutdown).await.is_ok());
        node.await?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(two_nodes())
}

#[test]
fn two_nodes_on_tokio_find_each_other_and_pass_on_what_is_said() {
    main().unwrap();
}

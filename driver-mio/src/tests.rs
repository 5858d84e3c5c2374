//! The loop's mechanics on real sockets, driven by a scripted machine. Ports are the system's choice.

mod closing;
mod dialing;
mod flow;
mod idling;
mod looking;

use crate::{EventLoop, Handle, Listeners, Machine, Room};
use gossip_core::time::Instant;
use gossip_core::wire::{Frame, Payload, notification};
use gossip_core::{Action, Actions, ConnectionId, DialError, Event, Flush, Listener};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long anything may take before a test fails; never waited for when things work.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event that outlives its buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Accepted(ConnectionId, Listener),
    DialSucceeded(ConnectionId),
    DialFailed(ConnectionId, DialError),
    Received(ConnectionId, Vec<u8>),
    ReadClosed(ConnectionId),
    Closed(ConnectionId),
    Written(ConnectionId, u64),
    Timer,
    Solved(ConnectionId),
    Resolved(u64, Vec<SocketAddr>),
    /// By its degree.
    SettingsChanged(u32),
    Shutdown,
}

impl Seen {
    fn of(event: &Event<'_>) -> Self {
        match *event {
            Event::Accepted { connection, listener, .. } => Self::Accepted(connection, listener),
            Event::DialSucceeded { connection } => Self::DialSucceeded(connection),
            Event::DialFailed { connection, error } => Self::DialFailed(connection, error),
            Event::Received { connection, bytes } => Self::Received(connection, bytes.to_vec()),
            Event::ReadClosed { connection } => Self::ReadClosed(connection),
            Event::Closed { connection } => Self::Closed(connection),
            Event::Written { connection, bytes } => Self::Written(connection, bytes),
            Event::Timer => Self::Timer,
            Event::Solved { connection, .. } => Self::Solved(connection),
            Event::Resolved { query, addresses } => Self::Resolved(query.0, addresses.to_vec()),
            Event::SettingsChanged { settings } => Self::SettingsChanged(settings.degree),
            Event::Shutdown => Self::Shutdown,
        }
    }
}

/// Does what a test's closure says, and tells the test what it saw.
struct Scripted<F> {
    script: F,
    seen: Sender<Seen>,
    /// Reached once: the first event, from which a script can begin.
    deadline: Option<Instant>,
}

impl<F: FnMut(&Seen, &mut Actions)> Machine for Scripted<F> {
    fn handle(&mut self, _now: Instant, event: Event<'_>, actions: &mut Actions) {
        let seen = Seen::of(&event);
        if seen == Seen::Timer {
            self.deadline = None;
        }
        (self.script)(&seen, actions);
        // A test that has seen enough no longer listens.
        let _ = self.seen.send(seen);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// A loop on a thread of its own.
struct Node {
    api: SocketAddr,
    p2p: SocketAddr,
    status: SocketAddr,
    seen: Receiver<Seen>,
    handle: Handle,
    thread: Option<JoinHandle<Ended>>,
}

/// What was left of a loop.
#[derive(Debug)]
struct Ended {
    turns: u64,
    connections: usize,
}

impl Node {
    fn start(script: impl FnMut(&Seen, &mut Actions) + Send + 'static) -> Self {
        Self::start_with_room(Room { all: usize::MAX, peers: usize::MAX, modules: usize::MAX }, script)
    }

    /// A node that has only so many connections at once.
    fn start_with_room(room: Room, script: impl FnMut(&Seen, &mut Actions) + Send + 'static) -> Self {
        let mut listeners = Listeners::default();
        let api = listeners.bind_api("127.0.0.1:0".parse().unwrap()).unwrap();
        let p2p = listeners.bind_p2p("127.0.0.1:0".parse().unwrap()).unwrap();
        let status = listeners.bind_status("127.0.0.1:0".parse().unwrap()).unwrap();
        let (sender, seen) = channel();
        let (handles, handle) = channel();
        let thread = std::thread::spawn(move || {
            let machine = Scripted { script, seen: sender, deadline: Some(Instant::ZERO) };
            let mut node = EventLoop::new(listeners, |_| Ok::<_, Infallible>(machine)).unwrap();
            node.room = room;
            handles.send(node.handle()).unwrap();
            node.run().unwrap();
            Ended { turns: node.turns, connections: node.connections.len() }
        });
        Self { api, p2p, status, seen, handle: handle.recv().unwrap(), thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.api).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("an event in time")
    }

    /// Waits for an event, passing over others.
    fn wait(&self, mut wanted: impl FnMut(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.next();
            if wanted(&seen) {
                return seen;
            }
        }
    }

    fn end(mut self) -> Ended {
        self.handle.shut_down();
        self.thread.take().unwrap().join().expect("the loop ends without a panic")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.shut_down();
    }
}

/// A frame of `data` bytes and a few more.
fn frame(id: u16, data: usize) -> Frame {
    notification(id, &Payload::new(7, &vec![id.to_be_bytes()[1]; data]))
}

fn first(seen: &Seen) -> bool {
    matches!(seen, Seen::Accepted(connection, _) if *connection == ConnectionId::accepted(0))
}

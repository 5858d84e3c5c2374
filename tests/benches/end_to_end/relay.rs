//! The least that could stand in a daemon's place: one mio loop that moves the frames which a daemon would, and knows
//! nothing but their sizes.
//!
//! What comes from upstream (ANNOUNCE from the API, or PEER NOTIFICATION from the relay before it) goes to the module as
//! NOTIFICATION, and for each VALIDATION the oldest message that waits for one goes downstream as PEER NOTIFICATION. No
//! message is looked at, checked, remembered or dropped. Bytes are read straight to where they stay until they have gone
//! out on both sides; small frames are copied together, large ones written from where they are, in batches as large as
//! what has come allows.

use crate::ends::{TYPE, first_frame};
use gossip_tests::kind;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

const API: Token = Token(0);
const PEERS: Token = Token(1);
/// The three connections; who comes to the API is known by its first frame.
const UPSTREAM: Token = Token(2);
const DOWNSTREAM: Token = Token(3);
const MODULE: Token = Token(4);
const STRANGER: Token = Token(5);

const READ: usize = 256 << 10;
/// As in a daemon: frames up to this size are copied together.
const SMALL: usize = 4 << 10;
const WRITE: usize = 256 << 10;
const SLICES: usize = 64;
/// NOTIFICATION's bytes before the data.
const HEAD: usize = 8;

/// Relays until it is killed.
pub(crate) fn run(upstream: &str) -> ExitCode {
    match relay(upstream) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn relay(upstream: &str) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (mut api, mut peers) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    println!("{} {}", api.local_addr()?, peers.local_addr()?);
    poll.registry().register(&mut api, API, Interest::READABLE)?;
    poll.registry().register(&mut peers, PEERS, Interest::READABLE)?;
    let mut relay = Relay::default();
    if let Ok(address) = upstream.parse() {
        relay.upstream = Some(watch(poll.registry(), TcpStream::connect(address)?, UPSTREAM)?);
    }
    let mut events = Events::with_capacity(16);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                PEERS => {
                    while let Some(stream) = accept(&peers)? {
                        relay.downstream = Some(watch(poll.registry(), stream, DOWNSTREAM)?);
                    }
                }
                API => {
                    while let Some(stream) = accept(&api)? {
                        relay.strangers.push_back(watch(poll.registry(), stream, STRANGER)?);
                    }
                }
                STRANGER => relay.meet(poll.registry())?,
                UPSTREAM => relay.read_upstream()?,
                MODULE => relay.read_module()?,
                _ => {}
            }
        }
        relay.write()?;
    }
}

fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn watch(registry: &Registry, mut stream: TcpStream, token: Token) -> io::Result<TcpStream> {
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    // A stream that is being connected has no such option yet everywhere; Linux takes it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A message's data in the log, by the number of bytes that ever came before it.
#[derive(Clone, Copy)]
struct Message {
    at: u64,
    len: usize,
}

/// How far one of the two ways out has come.
#[derive(Default)]
struct Way {
    /// Messages that may go out on it and have not done so whole.
    waiting: VecDeque<Message>,
    /// Bytes of the first of them that have gone.
    gone: usize,
    id: u16,
}

#[derive(Default)]
struct Relay {
    upstream: Option<TcpStream>,
    downstream: Option<TcpStream>,
    module: Option<TcpStream>,
    strangers: VecDeque<TcpStream>,
    /// What came from upstream and is still needed, and room for more behind it.
    log: Vec<u8>,
    filled: usize,
    /// Bytes that came before the log's first.
    dropped: u64,
    /// How much of the log has been cut into messages.
    cut: usize,
    to_module: Way,
    unvalidated: VecDeque<Message>,
    to_downstream: Way,
    /// Bytes of a VALIDATION that has come in part.
    half: usize,
    scratch: Vec<u8>,
}

impl Relay {
    /// The announcer or the module: NOTIFY says which.
    fn meet(&mut self, registry: &Registry) -> io::Result<()> {
        for _ in 0..self.strangers.len() {
            let Some(mut stream) = self.strangers.pop_front() else { break };
            let mut header = [0; 8];
            match stream.peek(&mut header) {
                Ok(4..) if header[2..4] == kind::NOTIFY.to_be_bytes() => {
                    stream.read_exact(&mut header)?;
                    registry.reregister(&mut stream, MODULE, Interest::READABLE | Interest::WRITABLE)?;
                    self.module = Some(stream);
                }
                Ok(4..) => {
                    registry.reregister(&mut stream, UPSTREAM, Interest::READABLE | Interest::WRITABLE)?;
                    self.upstream = Some(stream);
                }
                Ok(_) => self.strangers.push_back(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.strangers.push_back(stream),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_upstream(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.upstream else { return Ok(()) };
        loop {
            let end = self.filled + READ;
            if end > self.log.len() {
                self.log.resize(2 * end, 0);
            }
            match stream.read(&mut self.log[self.filled..end]) {
                // Less than there was room for: nothing is left, and what comes next comes with an event of its own.
                Ok(read) => {
                    self.filled += read;
                    if read < READ {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        while let Some(frame) = first_frame(&self.log[self.cut..self.filled]) {
            let kind = u16::from_be_bytes([frame[2], frame[3]]);
            let head = if kind == kind::ANNOUNCE { 8 } else { 10 };
            let at = self.dropped + (self.cut + head) as u64;
            let message = Message { at, len: frame.len() - head };
            self.to_module.waiting.push_back(message);
            self.unvalidated.push_back(message);
            self.cut += frame.len();
        }
        Ok(())
    }

    /// Each VALIDATION lets the oldest message go on. What they say is not looked at.
    fn read_module(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.module else { return Ok(()) };
        self.scratch.resize(READ, 0);
        loop {
            let read = match stream.read(&mut self.scratch) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            self.half += read;
            for _ in 0..self.half / 8 {
                self.to_downstream.waiting.extend(self.unvalidated.pop_front());
            }
            self.half %= 8;
            if read < READ {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let Self { log, dropped, scratch, .. } = self;
        if let Some(stream) = &mut self.module {
            write(stream, &mut self.to_module, (log, *dropped), kind::NOTIFICATION, scratch)?;
        }
        match &mut self.downstream {
            Some(stream) => {
                write(stream, &mut self.to_downstream, (log, *dropped), kind::PEER_NOTIFICATION, scratch)?;
            }
            None => self.to_downstream.waiting.clear(),
        }
        // A message that has gone downstream has gone to the module before.
        let needed = self.to_downstream.waiting.front().or(self.unvalidated.front());
        let unneeded = needed.map_or(self.cut, |message| usize::try_from(message.at - self.dropped).unwrap_or(0));
        // Moving what is left once in a while keeps the cost of a byte constant.
        if unneeded > self.filled / 2 {
            self.log.copy_within(unneeded..self.filled, 0);
            self.filled -= unneeded;
            self.dropped += unneeded as u64;
            self.cut -= unneeded;
        }
        Ok(())
    }
}

/// Writes until nothing waits or the socket takes no more.
fn write(
    stream: &mut TcpStream,
    way: &mut Way,
    (log, dropped): (&[u8], u64),
    kind: u16,
    scratch: &mut Vec<u8>,
) -> io::Result<()> {
    while !way.waiting.is_empty() {
        let data = |message: &Message| {
            let at = usize::try_from(message.at - dropped).unwrap_or(usize::MAX);
            &log[at..at + message.len]
        };
        let first = way.waiting[0].len;
        let heads =
            |batch| std::iter::successors(Some(way.id), |id| Some(id.wrapping_add(1))).zip(&way.waiting).take(batch);
        let written = if first <= SMALL {
            scratch.clear();
            for (id, message) in heads(WRITE / first.max(1)) {
                scratch.extend_from_slice(&head(kind, id, message.len)[..head_len(kind)]);
                scratch.extend_from_slice(data(message));
            }
            stream.write(&scratch[way.gone..])
        } else {
            let heads: Vec<[u8; 10]> = heads(SLICES / 2).map(|(id, message)| head(kind, id, message.len)).collect();
            let parts = heads.iter().zip(&way.waiting);
            let parts = parts.flat_map(|(head, message)| [&head[..head_len(kind)], data(message)]);
            let mut skip = way.gone;
            let rest = |part: &'_ [u8]| {
                let skipped = skip.min(part.len());
                skip -= skipped;
                skipped
            };
            let skips: Vec<usize> = parts.clone().map(rest).collect();
            let slices: Vec<IoSlice<'_>> = parts.zip(skips).map(|(part, skip)| IoSlice::new(&part[skip..])).collect();
            stream.write_vectored(&slices)
        };
        match written {
            Ok(written) => way.advance(written, kind),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Way {
    fn advance(&mut self, written: usize, kind: u16) {
        self.gone += written;
        while let Some(first) = self.waiting.front()
            && let whole = head_len(kind) + first.len
            && self.gone >= whole
        {
            self.gone -= whole;
            self.id = self.id.wrapping_add(1);
            self.waiting.pop_front();
        }
    }
}

fn head_len(kind: u16) -> usize {
    if kind == kind::NOTIFICATION { HEAD } else { HEAD + 2 }
}

/// The bytes before a message's data; NOTIFICATION has two less.
fn head(kind: u16, id: u16, len: usize) -> [u8; 10] {
    let size = u16::try_from(head_len(kind) + len).expect("the data came in a frame");
    let ([a, b], [c, d], [e, f]) = (size.to_be_bytes(), kind.to_be_bytes(), id.to_be_bytes());
    let [g, h] = TYPE.to_be_bytes();
    if kind == kind::NOTIFICATION { [a, b, c, d, e, f, g, h, 0, 0] } else { [a, b, c, d, 255, 0, e, f, g, h] }
}

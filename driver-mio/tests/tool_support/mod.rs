//! A scripted gossip daemon for the tool to talk to, and the tool as a process. Bytes are written out by hand here, so
//! that the tool's codec is checked by something else than itself.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Whatever takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that takes one connection and follows a script.
pub(crate) struct Daemon<T> {
    pub(crate) address: String,
    script: JoinHandle<T>,
}

impl<T: Send + 'static> Daemon<T> {
    pub(crate) fn new(script: impl FnOnce(Peer) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let script = thread::spawn(move || script(Peer::accept(&listener)));
        Self { address, script }
    }

    /// The script's result, or its failure.
    pub(crate) fn end(self) -> T {
        self.script.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// An address that refuses connections.
pub(crate) fn nobodys_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The daemon's end of the connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("the tool did not connect: {error}"),
            }
        };
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// The next whole frame, header included; none at the end of the stream.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 4];
        match self.0.read(&mut frame[..1]).expect("the tool says something or closes") {
            0 => return None,
            _ => self.0.read_exact(&mut frame[1..]).unwrap(),
        }
        frame.resize(usize::from(u16::from_be_bytes([frame[0], frame[1]])), 0);
        self.0.read_exact(&mut frame[4..]).unwrap();
        Some(frame)
    }

    pub(crate) fn expect(&mut self, frame: &[u8]) {
        assert_eq!(self.frame().as_deref(), Some(frame));
    }

    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.frame(), None);
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn send_byte_by_byte(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.send(&[*byte]));
    }

    pub(crate) fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }
}

fn frame(kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = u16::try_from(body.len() + 4).unwrap();
    [&size.to_be_bytes()[..], &kind.to_be_bytes(), &body].concat()
}

pub(crate) fn announce(ttl: u8, data_type: u16, data: &[u8]) -> Vec<u8> {
    frame(500, &[&[ttl, 0], &data_type.to_be_bytes(), data])
}

pub(crate) fn notify(data_type: u16) -> Vec<u8> {
    frame(501, &[&[0, 0], &data_type.to_be_bytes()])
}

pub(crate) fn notification(id: u16, data_type: u16, data: &[u8]) -> Vec<u8> {
    frame(502, &[&id.to_be_bytes(), &data_type.to_be_bytes(), data])
}

pub(crate) fn validation(id: u16, valid: bool) -> Vec<u8> {
    frame(503, &[&id.to_be_bytes(), &[0, valid.into()]])
}

/// The data of an ANNOUNCE.
pub(crate) fn announced(frame: &[u8]) -> &[u8] {
    assert_eq!(frame[2..4], [1, 0xf4], "an ANNOUNCE: {frame:02x?}");
    &frame[8..]
}

/// The tool, with nothing to read.
pub(crate) fn gossip(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossip"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn expect_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:?}");
        self
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn expect_error(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no '{part}' in: {}", self.stderr);
        self
    }
}

/// Runs the tool to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    end_of(gossip(arguments).spawn().unwrap())
}

/// Runs the tool to its end with this on its standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: Vec<u8>) -> Ended {
    let mut child = gossip(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The tool may end without having read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let ended = end_of(child);
    writer.join().unwrap();
    ended
}

/// Waits for a process of ours; one that hangs is killed, and fails the test.
pub(crate) fn end_of(mut child: Child) -> Ended {
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            let said = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
            panic!("the tool hung; it had said: {said}");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Ended { status: status.code(), stdout, stderr: String::from_utf8(stderr).unwrap() }
}

fn collect(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            from.read_to_end(&mut bytes).unwrap();
        }
        bytes
    })
}

//! A peer whose every byte the test writes: one in the manner of the Gossip-5 program (PROTOCOL.md, section 10), or a
//! capable one.

use crate::PATIENCE;
use crate::module::OWN_TYPES;
use crate::wire::{Came, Frame, Reader, body, frame, kind};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What a proof of work must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The hash begins with so many zero bits.
    ZeroBits(u32),
    /// The hash begins with the text `000`.
    AsciiZeros,
}

impl Work {
    /// Does this challenge prove it?
    pub fn accepts(self, nonce: u64, challenge: u64) -> bool {
        let mut hasher = Sha256::new();
        hasher.update(nonce.to_be_bytes());
        hasher.update(challenge.to_be_bytes());
        let hash = hasher.finalize();
        match self {
            Self::ZeroBits(bits) => {
                hash.iter()
                    .flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1))
                    .take_while(|bit| *bit == 0)
                    .count()
                    >= bits as usize
            }
            Self::AsciiZeros => hash.starts_with(b"000"),
        }
    }

    /// How long the documented work takes one thread on average, at the pace that this machine has now.
    pub fn average_time() -> Duration {
        const PART: u32 = 64;
        let begun = Instant::now();
        let found =
            (0..(1 << 24) / u64::from(PART)).filter(|challenge| Self::ZeroBits(64).accepts(0, *challenge)).count();
        assert_eq!(found, 0, "nobody finds 64 bits so soon");
        begun.elapsed() * PART
    }

    /// Does the work.
    pub fn solve(self, nonce: u64) -> u64 {
        (0..).find(|challenge| self.accepts(nonce, *challenge)).expect("there is a proof for every nonce")
    }
}

/// What passed in a handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Where the other end says that it listens.
    pub address: Option<Vec<u8>>,
    /// Addresses in its 505.
    pub response: Vec<u8>,
}

/// Where a peer of the test listens.
pub struct Listening(TcpListener);

impl Listening {
    /// On a port of the system's choice.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        listener.set_nonblocking(true).expect("a listener takes it");
        Self(listener)
    }

    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    /// The next connection that brings a frame, and that frame. Bare connects, with which nodes check addresses, bring
    /// none.
    pub fn accept(&self) -> (Peer, Frame) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).expect("a connected socket takes it");
                    let mut peer = Peer::over(stream);
                    if let Came::Frame(first) = peer.reader.next(deadline.saturating_duration_since(Instant::now())) {
                        return (peer, first);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("nobody called {}: {error}", self.address()),
            }
        }
    }

    /// Takes a daemon in that calls us, as an old peer would: 506, a look at its 507, and an empty 505.
    pub fn accept_as_old(&self, work: Work) -> (Peer, Handshake) {
        let (mut peer, mut next) = self.accept();
        while next.0 != kind::HELLO {
            next = peer.receive();
        }
        let nonce = 0x0123_4567_89ab_cdef_u64;
        peer.send(&frame(kind::VERIFICATION_REQUEST, &[&nonce.to_be_bytes()]));
        let proof = peer.expect(kind::VERIFICATION_RESPONSE);
        assert_eq!(proof[..8], nonce.to_be_bytes(), "507 repeats the nonce");
        let challenge = u64::from_be_bytes(proof[8..16].try_into().expect("eight bytes"));
        assert!(work.accepts(nonce, challenge), "507 proves the work {work:?}");
        peer.send(&frame(kind::PEER_RESPONSE, &[]));
        (peer, Handshake { address: Some(proof[16..].to_vec()), response: Vec::new() })
    }
}

impl Default for Listening {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection of it.
pub struct Peer {
    stream: TcpStream,
    reader: Reader,
    /// Was CAPABILITIES seen? An old peer does not know it.
    pub saw_capabilities: bool,
}

impl Peer {
    /// Calls a daemon and says nothing.
    pub fn connect(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens for peers"))
    }

    /// Calls a daemon as an old peer that listens at `own`, and is let in.
    pub fn join_as_old(to: SocketAddr, own: SocketAddr, work: Work) -> (Self, Handshake) {
        let mut peer = Self::connect(to);
        peer.send(&frame(kind::HELLO, &[&body::address(own)]));
        let handshake = peer.prove(own, work);
        (peer, handshake)
    }

    /// The same, with extensions.
    pub fn join_as_capable(to: SocketAddr, own: SocketAddr, instance: u64, work: Work) -> (Self, Handshake) {
        let mut peer = Self::connect(to);
        peer.send(&frame(kind::CAPABILITIES, &[&[0, 1], &[0; 4], &instance.to_be_bytes()]));
        peer.send(&frame(kind::HELLO, &[&body::address(own)]));
        let handshake = peer.prove(own, work);
        (peer, handshake)
    }

    /// After HELLO: 506, work, 507, 505.
    pub fn prove(&mut self, own: SocketAddr, work: Work) -> Handshake {
        let nonce = self.expect(kind::VERIFICATION_REQUEST);
        let challenge = work.solve(u64::from_be_bytes(nonce[..].try_into().expect("a nonce has eight bytes")));
        let own = body::address(own);
        self.send(&frame(kind::VERIFICATION_RESPONSE, &[&nonce, &challenge.to_be_bytes(), &own]));
        Handshake { address: None, response: self.expect(kind::PEER_RESPONSE) }
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a connected socket takes it");
        stream.set_write_timeout(Some(PATIENCE)).expect("a connected socket takes it");
        let reader = Reader::new(stream.try_clone().expect("descriptors are left"));
        Self { stream, reader, saw_capabilities: false }
    }

    /// Sends bytes as they are, in one write.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the daemon reads");
    }

    /// The next frame but CAPABILITIES, PUSH and PING, which may come at any time, and what [`Module::is_heard`] says.
    ///
    /// [`Module::is_heard`]: crate::Module::is_heard
    pub fn receive(&mut self) -> Frame {
        self.receive_within(PATIENCE).expect("the daemon says something")
    }

    /// The same, if one comes in time.
    pub fn receive_within(&mut self, within: Duration) -> Option<Frame> {
        let deadline = Instant::now() + within;
        loop {
            match self.reader.next(deadline.saturating_duration_since(Instant::now())) {
                Came::Frame((kind::CAPABILITIES, _)) => self.saw_capabilities = true,
                Came::Frame((kind::PUSH | kind::PING, _)) => {}
                Came::Frame(frame) if is_of_a_module_of_ours(&frame) => {}
                Came::Frame(frame) => return Some(frame),
                Came::Nothing => return None,
                Came::End => panic!("the daemon closed a peer's connection"),
            }
        }
    }

    /// The next such frame must be of this type; its body.
    pub fn expect(&mut self, wanted: u16) -> Vec<u8> {
        let (kind, body) = self.receive();
        assert_eq!(kind, wanted, "a frame's type; its body: {body:02x?}");
        body
    }

    /// A PEER NOTIFICATION must come next: its ttl, id, type and data.
    pub fn expect_message(&mut self, data: impl AsRef<[u8]>) -> (u8, u16, u16) {
        let body = self.expect(kind::PEER_NOTIFICATION);
        assert_eq!(String::from_utf8_lossy(&body[6..]), String::from_utf8_lossy(data.as_ref()));
        (body[0], u16::from_be_bytes([body[2], body[3]]), u16::from_be_bytes([body[4], body[5]]))
    }

    /// Nothing but what may come at any time comes for a while.
    pub fn expect_nothing(&mut self) {
        let next = self.receive_within(crate::QUIET);
        assert_eq!(next, None, "nothing more was to come");
    }

    /// The daemon closes, having said no more than what may come at any time.
    pub fn expect_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.reader.next(deadline.saturating_duration_since(Instant::now())) {
                Came::Frame((kind::CAPABILITIES | kind::PUSH | kind::PING, _)) => {}
                Came::Frame(frame) if is_of_a_module_of_ours(&frame) => {}
                other => return assert_eq!(other, Came::End, "the daemon closes"),
            }
        }
    }
}

fn is_of_a_module_of_ours((kind, body): &Frame) -> bool {
    *kind == kind::PEER_NOTIFICATION && u16::from_be_bytes([body[4], body[5]]) >= OWN_TYPES
}

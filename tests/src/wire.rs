//! Frames by hand (PROTOCOL.md, section 1).

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Frame types.
#[allow(missing_docs, reason = "the names of section 1's table")]
pub mod kind {
    pub const ANNOUNCE: u16 = 500;
    pub const NOTIFY: u16 = 501;
    pub const NOTIFICATION: u16 = 502;
    pub const VALIDATION: u16 = 503;
    pub const PEER_REQUEST: u16 = 504;
    pub const PEER_RESPONSE: u16 = 505;
    pub const VERIFICATION_REQUEST: u16 = 506;
    pub const VERIFICATION_RESPONSE: u16 = 507;
    pub const HELLO: u16 = 508;
    pub const PUSH: u16 = 509;
    pub const PING: u16 = 510;
    pub const PEER_NOTIFICATION: u16 = 511;
    pub const CAPABILITIES: u16 = 512;
    pub const IPV6: u16 = 513;
    pub const PONG: u16 = 514;
    pub const IHAVE: u16 = 515;
    pub const IWANT: u16 = 516;
    pub const TREE: u16 = 517;
    pub const INTEREST: u16 = 518;
    pub const GOODBYE: u16 = 519;
}

/// A frame that came: its type and its body.
pub type Frame = (u16, Vec<u8>);

/// A frame's bytes.
pub fn frame(kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = u16::try_from(body.len() + 4).expect("the body fits a frame");
    [&size.to_be_bytes()[..], &kind.to_be_bytes(), &body].concat()
}

/// Bodies that tests write.
pub mod body {
    use super::{SocketAddr, frame, kind};

    /// IPv4 4, port u16.
    pub fn address(address: SocketAddr) -> Vec<u8> {
        let SocketAddr::V4(v4) = address else { panic!("{address} has no place in an IPv4 field") };
        [&v4.ip().octets()[..], &v4.port().to_be_bytes()].concat()
    }

    /// A whole PEER NOTIFICATION.
    pub fn peer_notification(ttl: u8, id: u16, data_type: u16, data: &[u8]) -> Vec<u8> {
        frame(kind::PEER_NOTIFICATION, &[&[ttl, 0], &id.to_be_bytes(), &data_type.to_be_bytes(), data])
    }

    /// A whole ANNOUNCE.
    pub fn announce(ttl: u8, data_type: u16, data: &[u8]) -> Vec<u8> {
        frame(kind::ANNOUNCE, &[&[ttl, 0], &data_type.to_be_bytes(), data])
    }

    /// A whole NOTIFY.
    pub fn notify(data_type: u16) -> Vec<u8> {
        frame(kind::NOTIFY, &[&[0, 0], &data_type.to_be_bytes()])
    }

    /// A whole VALIDATION.
    pub fn validation(id: u16, is_valid: bool) -> Vec<u8> {
        frame(kind::VALIDATION, &[&id.to_be_bytes(), &[0, is_valid.into()]])
    }
}

/// Cuts a stream into frames, with deadlines.
pub struct Reader {
    stream: TcpStream,
    bytes: Vec<u8>,
    start: usize,
}

/// What waiting for a frame came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Frame(Frame),
    Nothing,
    End,
}

impl Reader {
    /// Reads from this.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, bytes: Vec::new(), start: 0 }
    }

    /// The next frame, unless the time or the stream is over before.
    pub(crate) fn next(&mut self, within: Duration) -> Came {
        let deadline = Instant::now() + within;
        loop {
            if let Some(frame) = self.take() {
                return Came::Frame(frame);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Came::Nothing;
            }
            self.stream.set_read_timeout(Some(left)).expect("the time left is above zero");
            let mut buffer = [0; 64 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Came::End,
                Ok(n) => self.bytes.extend_from_slice(&buffer[..n]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Came::End,
                },
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let rest = &self.bytes[self.start..];
        let header = rest.first_chunk::<4>()?;
        let size = usize::from(u16::from_be_bytes([header[0], header[1]]));
        assert!(size >= 4, "a frame of size {size} came");
        let frame = rest.get(..size)?;
        let came = (u16::from_be_bytes([header[2], header[3]]), frame[4..].to_vec());
        self.start += size;
        // Moving what is left once in a while keeps reading linear.
        if self.start > 1 << 20 || self.start == self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Some(came)
    }
}

//! One connection to a gossip API, over blocking sockets: the tool has nothing else to wait for.

use gossip_core::wire::{ApiMessage, Deframer, Frame, Next, kind};
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long each address of the daemon is given to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A daemon that takes nothing for so long has hung.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a reader looks up from its socket.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_millis(100);
/// After what was said last, a daemon that says nothing for so many read timeouts has nothing left to say.
const QUIET_READS: u32 = 2;
/// After what was said last, not even a daemon that never stops talking is listened to for longer.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(2);

/// What the other end did.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The name means no address.
    Resolve(String, io::Error),
    /// Nobody answers there.
    Connect(String, io::Error),
    /// The daemon closed, in good order or not.
    Gone(String, Option<io::Error>),
    /// It closed before it said anything.
    Silent(String),
    /// The daemon reads nothing.
    Stuck(String),
    /// What came isn't the gossip API's.
    Nonsense(String, u16),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(at, error) => write!(f, "cannot find the address of {at}: {error}; is the name right?"),
            Self::Connect(at, error) => {
                write!(f, "cannot reach a gossip daemon at {at}: {error}; is it running, and is this its api_address?")
            }
            Self::Gone(at, None) => write!(f, "the daemon at {at} closed the connection"),
            Self::Silent(at) => write!(
                f,
                "the daemon at {at} closed the connection without a word: it stopped, or this is not its api_address"
            ),
            Self::Gone(at, Some(error)) => write!(f, "the connection to the daemon at {at} broke: {error}"),
            Self::Stuck(at) => {
                write!(f, "the daemon at {at} has read nothing for {} s; giving up", WRITE_TIMEOUT.as_secs())
            }
            Self::Nonsense(at, size) => write!(
                f,
                "what {at} sent is not the gossip API's (a frame of {size} bytes); is this the api_address of a gossip \
                 daemon, not its p2p_address or another service?"
            ),
        }
    }
}

/// A NOTIFICATION as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification<'a> {
    pub(crate) id: u16,
    pub(crate) data_type: u16,
    pub(crate) data: &'a [u8],
}

/// The end that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: TcpStream,
    address: String,
}

/// The end that reads.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: TcpStream,
    address: String,
    deframer: Deframer,
    buffer: Vec<u8>,
    heard: bool,
}

/// Connects to the first of the name's addresses that answers.
pub(crate) fn connect(address: &str) -> Result<(Writer, Reader), Trouble> {
    let resolved = address.to_socket_addrs().map_err(|error| Trouble::Resolve(address.to_owned(), error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for socket_address in resolved {
        match open(socket_address) {
            Ok((stream, twin)) => {
                let writer = Writer { stream, address: address.to_owned() };
                let buffer = vec![0; 65_536];
                let (address, deframer) = (address.to_owned(), Deframer::default());
                let reader = Reader { stream: twin, address, deframer, buffer, heard: false };
                return Ok((writer, reader));
            }
            Err(error) => last = error,
        }
    }
    Err(Trouble::Connect(address.to_owned(), last))
}

fn open(address: std::net::SocketAddr) -> io::Result<(TcpStream, TcpStream)> {
    let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let twin = stream.try_clone()?;
    Ok((stream, twin))
}

impl Writer {
    /// Hands one message over, in one write: some daemons read a body with one read.
    pub(crate) fn send(&self, message: ApiMessage<'_>) -> Result<(), Trouble> {
        let frame: Frame = message.frame();
        self.send_bytes(&frame.to_vec())
    }

    /// Hands over as many whole frames as are in these bytes, together.
    pub(crate) fn send_bytes(&self, frames: &[u8]) -> Result<(), Trouble> {
        (&self.stream).write_all(frames).map_err(|error| self.trouble(error))
    }

    /// Says that nothing more will be said.
    pub(crate) fn finish(&self) -> Result<(), Trouble> {
        match self.stream.shutdown(Shutdown::Write) {
            // The other end closed first, having read everything.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done.map_err(|error| self.trouble(error)),
        }
    }

    /// Something that ends the connection at once, from another thread.
    #[cfg(unix)]
    pub(crate) fn handle(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    fn trouble(&self, error: io::Error) -> Trouble {
        if is_timeout(&error) {
            Trouble::Stuck(self.address.clone())
        } else {
            Trouble::Gone(self.address.clone(), unless_plain(error))
        }
    }
}

impl Reader {
    /// Waits for bytes, at most [`READ_TIMEOUT`], and hands over every notification that is whole. False if nothing
    /// came.
    pub(crate) fn read(&mut self, mut on_notification: impl FnMut(Notification<'_>)) -> Result<bool, Trouble> {
        let len = match self.stream.read(&mut self.buffer) {
            Ok(0) if !self.heard => return Err(Trouble::Silent(self.address.clone())),
            Ok(0) => return Err(Trouble::Gone(self.address.clone(), None)),
            Ok(len) => len,
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(Trouble::Gone(self.address.clone(), unless_plain(error))),
        };
        self.heard = true;
        let mut input = &self.buffer[..len];
        loop {
            match self.deframer.next(&mut input, |kind, _| kind == kind::NOTIFICATION) {
                Next::Frame { kind, body } => {
                    // A body too short to be a notification is the daemon's mistake, and says nothing to us.
                    if let Ok(ApiMessage::Notification { id, data_type, data }) = ApiMessage::decode(kind, body) {
                        on_notification(Notification { id, data_type, data });
                    }
                }
                // Old daemons send PING on this port too.
                Next::Skipped { .. } => {}
                Next::Lost { size } => return Err(Trouble::Nonsense(self.address.clone(), size)),
                Next::More => return Ok(true),
            }
        }
    }
}

/// Whether to go on listening after the last word, so that closing with unread bytes does not make the system reset
/// the connection and take our last word with it.
#[derive(Debug, Default)]
pub(crate) struct LastWord {
    quiet: u32,
}

impl LastWord {
    /// Takes the result of one read; true once the daemon has nothing left to say.
    pub(crate) fn is_over(&mut self, came: bool) -> bool {
        self.quiet = if came { 0 } else { self.quiet + 1 };
        self.quiet >= QUIET_READS
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A reset says no more than "closed"; anything else is worth showing.
fn unless_plain(error: io::Error) -> Option<io::Error> {
    let plain = matches!(error.kind(), io::ErrorKind::BrokenPipe);
    (!plain).then_some(error)
}

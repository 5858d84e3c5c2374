//! One connection: a request, its answer, the end.

use super::http::{HEAD_MAX, Parsed, Request, Response, parse};
use gossip_core::time::{Duration, Instant};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// How long a request may take to come.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long its answer may take to go.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long the other end may then take to close.
const LINGER_TIME: Duration = Duration::from_secs(1);
/// Bytes that are thrown away after the request, so that closing does not cut the answer off.
const DISCARDED_MAX: usize = 64 << 10;

enum Step {
    /// Of the request this has come.
    Asked(Vec<u8>),
    /// Of the answer so many bytes are written.
    Answering(Vec<u8>, usize),
    /// Everything is said; of what still comes so many bytes were thrown away.
    Closing(usize),
    Over,
}

/// See the module.
pub(super) struct Exchange {
    stream: TcpStream,
    /// The how manyth of the server's.
    pub(super) number: u64,
    step: Step,
    /// When it ends if it is not done.
    until: Instant,
    /// An edge was seen, and no WouldBlock since.
    is_readable: bool,
    is_writable: bool,
}

impl Exchange {
    pub(super) fn new(
        mut stream: TcpStream,
        registry: &Registry,
        token: Token,
        number: u64,
        now: Instant,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let until = now.after(REQUEST_TIME);
        Ok(Self { stream, number, step: Step::Asked(Vec::new()), until, is_readable: true, is_writable: true })
    }

    pub(super) fn note(&mut self, event: &mio::event::Event) {
        let failed = event.is_error();
        self.is_readable |= event.is_readable() || event.is_read_closed() || failed;
        self.is_writable |= event.is_writable() || event.is_write_closed() || failed;
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.step, Step::Over)
    }

    /// When there is something to do; in the past if there is now.
    pub(super) fn deadline(&self) -> Instant {
        let is_ready = match self.step {
            Step::Asked(_) | Step::Closing(_) => self.is_readable,
            Step::Answering(..) => self.is_writable,
            Step::Over => true,
        };
        if is_ready { Instant::ZERO } else { self.until }
    }

    /// Goes as far as the socket lets it.
    pub(super) fn advance(&mut self, now: Instant, answer: impl FnOnce(&Request) -> Response) {
        if now >= self.until {
            self.step = Step::Over;
        }
        let went = self.ask(now, answer).and_then(|()| self.write(now)).and_then(|()| self.close());
        if let Err(error) = went
            && error.kind() != ErrorKind::WouldBlock
        {
            self.step = Step::Over;
        }
    }

    fn ask(&mut self, now: Instant, answer: impl FnOnce(&Request) -> Response) -> io::Result<()> {
        let Step::Asked(head) = &mut self.step else { return Ok(()) };
        let mut buffer = [0; 2 << 10];
        let bytes = loop {
            if !self.is_readable {
                return Err(ErrorKind::WouldBlock.into());
            }
            let room = buffer.len().min(HEAD_MAX - head.len());
            match read(&mut self.stream, &mut buffer[..room], &mut self.is_readable)? {
                // Whoever closes before asking wants nothing.
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => head.extend_from_slice(&buffer[..n]),
            }
            match parse(head) {
                Parsed::Part => {}
                Parsed::Whole(request) => break answer(&request).to_bytes(request.is_head),
                Parsed::Refused(refusal) => break Response::from(refusal).to_bytes(head.starts_with(b"HEAD ")),
            }
        };
        self.step = Step::Answering(bytes, 0);
        self.until = now.after(ANSWER_TIME);
        Ok(())
    }

    fn write(&mut self, now: Instant) -> io::Result<()> {
        let Step::Answering(bytes, written) = &mut self.step else { return Ok(()) };
        while *written < bytes.len() {
            if !self.is_writable {
                return Err(ErrorKind::WouldBlock.into());
            }
            match self.stream.write(&bytes[*written..]) {
                Ok(n) => *written += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_writable = error.kind() != ErrorKind::WouldBlock;
                    return Err(error);
                }
            }
        }
        self.stream.shutdown(Shutdown::Write)?;
        self.step = Step::Closing(0);
        self.until = now.after(LINGER_TIME);
        Ok(())
    }

    /// Waits for the other end: closing with something unread would make the system reset the connection, and the
    /// answer might be lost with it.
    fn close(&mut self) -> io::Result<()> {
        let Step::Closing(discarded) = &mut self.step else { return Ok(()) };
        let mut buffer = [0; 4 << 10];
        while *discarded < DISCARDED_MAX {
            if !self.is_readable {
                return Err(ErrorKind::WouldBlock.into());
            }
            match read(&mut self.stream, &mut buffer, &mut self.is_readable)? {
                0 => break,
                n => *discarded += n,
            }
        }
        self.step = Step::Over;
        Ok(())
    }
}

fn read(stream: &mut TcpStream, buffer: &mut [u8], is_readable: &mut bool) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => {
                *is_readable = !matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock);
                return read;
            }
        }
    }
}

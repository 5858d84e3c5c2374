//! A module: the API port from the other side.

use crate::PATIENCE;
use crate::wire::{Came, Reader, body, kind};
use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Types from here on are for [`Module::is_heard`] alone.
pub(crate) const OWN_TYPES: u16 = 60_000;

/// What a daemon told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// To be answered with.
    pub id: u16,
    /// Whom it concerns.
    pub data_type: u16,
    /// What was announced.
    pub data: Vec<u8>,
}

/// See the module.
pub struct Module {
    stream: TcpStream,
    reader: Reader,
    early: VecDeque<Notification>,
}

impl Module {
    /// Connects.
    pub fn connect(api: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&api, PATIENCE).expect("the daemon listens for modules"))
    }

    /// Connects with a receive buffer as small as the system allows.
    pub fn connect_narrow(api: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::for_address(api), socket2::Type::STREAM, None)
            .expect("the system has sockets");
        socket.set_recv_buffer_size(1).expect("before it is connected, a socket's buffer can be set");
        socket.connect(&api.into()).expect("the daemon listens for modules");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a connected socket takes it");
        stream.set_write_timeout(Some(PATIENCE)).expect("a connected socket takes it");
        let reader = Reader::new(stream.try_clone().expect("descriptors are left"));
        Self { stream, reader, early: VecDeque::new() }
    }

    /// Sends bytes as they are, in one write where the system takes it.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the daemon reads");
    }

    /// Another handle to write with.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("descriptors are left")
    }

    /// NOTIFY.
    pub fn notify(&mut self, data_type: u16) {
        self.send(&body::notify(data_type));
    }

    /// ANNOUNCE.
    pub fn announce(&mut self, ttl: u8, data_type: u16, data: impl AsRef<[u8]>) {
        self.send(&body::announce(ttl, data_type, data.as_ref()));
    }

    /// VALIDATION.
    pub fn validate(&mut self, id: u16, is_valid: bool) {
        self.send(&body::validation(id, is_valid));
    }

    /// Comes back when the daemon has handled all that was sent here: an announcement to a type of this module's own
    /// has come back.
    pub fn is_heard(&mut self) {
        static TYPES: AtomicU16 = AtomicU16::new(0);
        let own = OWN_TYPES + TYPES.fetch_add(1, Ordering::Relaxed) % (u16::MAX - OWN_TYPES);
        self.notify(own);
        self.announce(1, own, "heard?");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.read(deadline) {
                Some(heard) if heard.data_type == own => return,
                Some(other) => self.early.push_back(other),
                None => panic!("the daemon did not answer an announcement to its announcer"),
            }
        }
    }

    /// The next notification.
    pub fn receive(&mut self) -> Notification {
        self.receive_within(PATIENCE).expect("a notification comes")
    }

    /// The next notification must be of this data; its id.
    pub fn expect(&mut self, data: impl AsRef<[u8]>) -> u16 {
        let next = self.receive();
        let (is, expected) = (String::from_utf8_lossy(&next.data), String::from_utf8_lossy(data.as_ref()));
        assert_eq!(is, expected, "the next notification");
        next.id
    }

    /// The next notification, if one comes in time.
    pub fn receive_within(&mut self, within: Duration) -> Option<Notification> {
        self.early.pop_front().or_else(|| self.read(Instant::now() + within))
    }

    /// The next so many notifications' data, in order.
    pub fn collect(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| match self.receive_within(PATIENCE) {
                Some(notification) => notification.data,
                None => panic!("notification {n} of {count} did not come"),
            })
            .collect()
    }

    /// Nothing comes for a while.
    pub fn expect_nothing(&mut self) {
        let next = self.receive_within(crate::QUIET);
        assert_eq!(next, None, "nothing more was to come");
    }

    /// The daemon closes.
    pub fn expect_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while let Came::Frame(_) = self.come(deadline) {}
        assert_eq!(self.come(deadline), Came::End, "the daemon closes");
    }

    /// Nothing more is written.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("it is connected");
    }

    /// Closes with a reset, so that the daemon knows at once. (Who only closes looks like one that has said all and
    /// still listens.)
    pub fn vanish(self) {
        let reset = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        reset.expect("a connected socket takes it");
    }

    fn read(&mut self, deadline: Instant) -> Option<Notification> {
        match self.come(deadline) {
            Came::Frame((kind::NOTIFICATION, body)) => {
                let (id, data_type) = (u16::from_be_bytes([body[0], body[1]]), u16::from_be_bytes([body[2], body[3]]));
                Some(Notification { id, data_type, data: body[4..].to_vec() })
            }
            Came::Frame(other) => panic!("{} has no business on the API port", other.0),
            Came::Nothing => None,
            Came::End => panic!("the daemon closed a module's connection"),
        }
    }

    fn come(&mut self, deadline: Instant) -> Came {
        self.reader.next(deadline.saturating_duration_since(Instant::now()))
    }
}

//! Listening sockets.

use crate::system;
use gossip_core::time::{Duration, Instant};
use gossip_core::{Addresses, Listener};
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Connections that the system holds for us while the loop is busy.
const BACKLOG: i32 = 1_024;

/// How long accepting pauses when there is nothing left to accept with.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the log is spared another warning about that.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The ini key that it stands under.
    pub key: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, address, error } = self;
        write!(f, "cannot listen on {address} ({key}): ")?;
        match error.kind() {
            ErrorKind::AddrInUse => f.write_str("the address is in use; is another gossipd running there?"),
            ErrorKind::AddrNotAvailable => f.write_str("this host has no such address"),
            ErrorKind::PermissionDenied => write!(f, "not permitted; port {} may be reserved", address.port()),
            _ => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Sockets that listen already, so that nothing else can go wrong with them once a node runs.
#[derive(Default)]
pub struct Listeners {
    pub(crate) sockets: Vec<(Listener, TcpListener)>,
    pub(crate) status: Option<(TcpListener, SocketAddr)>,
    api: Vec<SocketAddr>,
    p2p: Addresses,
}

impl Listeners {
    /// Listens for modules, on as many addresses as one likes; the real port is in the answer.
    pub fn bind_api(&mut self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let bound = self.bind(Listener::Api, "api_address", address)?;
        self.api.push(bound);
        Ok(bound)
    }

    /// Listens for peers, on one address a family; the real port is in the answer.
    pub fn bind_p2p(&mut self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        if self.p2p.same_family_as(&address).is_some() {
            let error = io::Error::new(ErrorKind::InvalidInput, "there is an address of this family already");
            return Err(BindError { key: "p2p_address", address, error });
        }
        let bound = self.bind(Listener::P2p, "p2p_address", address)?;
        self.p2p.set(bound);
        Ok(bound)
    }

    /// Lets this host look inside, at one address; the real port is in the answer. Others than loopback are refused:
    /// whoever connects there is told everything.
    pub fn bind_status(&mut self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let refused = |error| BindError { key: "status_address", address, error };
        if !address.ip().is_loopback() {
            let error = io::Error::new(ErrorKind::InvalidInput, "other hosts might reach it; 127.0.0.1 would be right");
            return Err(refused(error));
        }
        let (socket, bound) = listen(address).map_err(refused)?;
        self.status = Some((socket, bound));
        Ok(bound)
    }

    /// Where this host can look inside, if anywhere.
    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(|(_, address)| *address)
    }

    /// Where modules can connect to.
    pub fn api_addresses(&self) -> &[SocketAddr] {
        &self.api
    }

    /// Where peers can connect to: what belongs into [`Settings::p2p_address`](gossip_core::Settings::p2p_address).
    pub fn p2p_addresses(&self) -> Addresses {
        self.p2p
    }

    fn bind(&mut self, port: Listener, key: &'static str, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let (socket, bound) = listen(address).map_err(|error| BindError { key, address, error })?;
        self.sockets.push((port, socket));
        Ok(bound)
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Each family has its own socket; otherwise a pair on one port would be in its own way.
        socket.set_only_v6(true)?;
    }
    system::allow_quick_restart(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into());
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// A listening socket in the loop.
pub(crate) struct Acceptor {
    pub(crate) port: Listener,
    pub(crate) socket: TcpListener,
    /// There may be connections to accept: an edge was seen, and no WouldBlock since.
    pub(crate) ready: bool,
    /// Nothing to accept with until then.
    pub(crate) paused_until: Option<Instant>,
    /// It was said that nothing can be accepted; not said again until then.
    silent_until: Option<Instant>,
    /// Connections that made room for new ones since that was last said.
    shed: u64,
    shed_silent_until: Option<Instant>,
}

impl Acceptor {
    pub(crate) fn new(port: Listener, socket: TcpListener) -> Self {
        Self { port, socket, ready: false, paused_until: None, silent_until: None, shed: 0, shed_silent_until: None }
    }

    pub(crate) fn wants_turn(&self, now: Instant) -> bool {
        self.ready && self.paused_until.is_none_or(|until| until <= now)
    }

    /// The next connection, if there is one and it can be had now.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept() {
                Ok(accepted) => {
                    self.paused_until = None;
                    return Some(accepted);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        self.ready = false;
                        return None;
                    }
                    // It is the one connection that failed, before we came to accept it.
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                    _ => {
                        self.pause(now, &error);
                        return None;
                    }
                },
            }
        }
    }

    /// Waits for room. Accepting would only fail again at once, and a waiting connection gives no second edge.
    pub(crate) fn pause(&mut self, now: Instant, why: &dyn fmt::Display) {
        if self.silent_until.is_none_or(|until| until <= now) {
            log::warn!("cannot accept more connections of {} for now: {why}", self.whose());
            self.silent_until = Some(now.after(WARNING_PAUSE));
        }
        self.paused_until = Some(now.after(PAUSE));
    }

    /// A connection that was over, or idle, made room for a new one.
    pub(crate) fn count_shed(&mut self, now: Instant) {
        self.shed += 1;
        if self.shed_silent_until.is_none_or(|until| until <= now) {
            log::warn!(
                "the limit of open files (ulimit -n) is reached: {} ended or idle connections made room for new ones \
                 of {}",
                self.shed,
                self.whose()
            );
            self.shed = 0;
            self.shed_silent_until = Some(now.after(WARNING_PAUSE));
        }
    }

    fn whose(&self) -> &'static str {
        match self.port {
            Listener::Api => "modules",
            Listener::P2p => "peers",
        }
    }
}

//! Opening connections, and what their failures say about whom.

use crate::system;
use gossip_core::DialError;
use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

/// Begins to connect to `to`, from `from` if given.
pub(crate) fn connect(to: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream, DialError> {
    let socket = prepare(to, from).map_err(|error| {
        log::debug!("cannot dial {to}: {error}");
        DialError::Local
    })?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if system::is_connect_under_way(&error) => {}
        Err(error) => return Err(reason(&error)),
    }
    Ok(TcpStream::from_std(socket.into()))
}

fn prepare(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(ip) = from {
        socket.bind(&SocketAddr::new(ip, 0).into())?;
    }
    Ok(socket)
}

/// Whose fault it is that a connect failed.
pub(crate) fn reason(error: &io::Error) -> DialError {
    match error.kind() {
        ErrorKind::ConnectionRefused => DialError::Refused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::TimedOut
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe => DialError::Unreachable,
        _ => DialError::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_address_that_is_not_ours_is_a_local_failure() {
        let to = "127.0.0.1:9".parse().unwrap();
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert_eq!(connect(to, Some("192.0.2.1".parse().unwrap())).err(), Some(DialError::Local));
        assert_eq!(connect(to, Some("::1".parse().unwrap())).err(), Some(DialError::Local));
    }
}

//! One question to a status address, over a blocking socket.

use crate::Failure;
use gossip_driver_mio::status::{EventsReport, StatusReport};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// A daemon of this host that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read: some thirty times that of a daemon with a thousand neighbours.
const ANSWER_MAX: u64 = 16 << 20;
/// Headers of an answer.
const HEADERS_MAX: usize = 64;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The name means no address.
    Resolve(String, io::Error),
    /// Nobody listens there.
    Nobody(String, io::Error),
    /// The connection broke.
    Broken(String, io::Error),
    /// Nothing came in time.
    Silent(String),
    /// Something else than a daemon of this kind answered.
    Stranger(String, String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(at, error) => write!(f, "cannot find the address of {at}: {error}; is the name right?"),
            Self::Nobody(at, error) => write!(
                f,
                "no daemon answers at {at}: {error}; is it running, and is status_address set to this in its file?"
            ),
            Self::Broken(at, error) => write!(f, "the connection to the daemon at {at} broke: {error}"),
            Self::Silent(at) => write!(
                f,
                "what listens at {at} does not answer within {} s; is this the status_address of a gossipd?",
                PATIENCE.as_secs()
            ),
            Self::Stranger(at, what) => {
                write!(f, "what answers at {at} is no gossipd of this version ({what}); is this its status_address?")
            }
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::not_done(trouble)
    }
}

/// How the daemon is.
pub(crate) fn status(address: &str) -> Result<StatusReport, Trouble> {
    ask(address, "/status")
}

/// What it has logged, from event `since` on.
pub(crate) fn events(address: &str, since: u64) -> Result<EventsReport, Trouble> {
    ask(address, &format!("/events?since={since}"))
}

fn ask<T: DeserializeOwned>(address: &str, path: &str) -> Result<T, Trouble> {
    let stranger = |what: String| Trouble::Stranger(address.to_owned(), what);
    let resolved = address.to_socket_addrs().map_err(|error| Trouble::Resolve(address.to_owned(), error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for one in resolved {
        match TcpStream::connect_timeout(&one, PATIENCE) {
            Ok(stream) => {
                let answer = exchange(stream, one, path).map_err(|error| match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Trouble::Silent(address.to_owned()),
                    _ => Trouble::Broken(address.to_owned(), error),
                })?;
                return serde_json::from_slice(body(&answer).map_err(stranger)?).map_err(|e| stranger(e.to_string()));
            }
            Err(error) => last = error,
        }
    }
    Err(Trouble::Nobody(address.to_owned(), last))
}

/// Asks, and reads until the other end closes.
fn exchange(mut stream: TcpStream, host: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// What a good answer carries; otherwise what is wrong with it.
fn body(answer: &[u8]) -> Result<&[u8], String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(answer) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Err("its answer breaks off".to_owned()),
        Err(_) => return Err("it does not speak HTTP".to_owned()),
    };
    let code = response.code.unwrap_or_default();
    if code != 200 {
        return Err(format!("it says {code} {}", crate::output::harmless(response.reason.unwrap_or_default())));
    }
    let body = &answer[head..];
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let told = length.and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    match told {
        Some(told) if told != body.len() => Err("its answer breaks off".to_owned()),
        _ => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_with_200_has_a_body() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Ok(&b"ok"[..]));
        for (answer, part) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"[..], "breaks off"),
            (b"HTTP/1.1 200 OK\r\nConte", "breaks off"),
            (b"", "breaks off"),
            (b"HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
            (b"\0\x08\x01\xf4", "does not speak HTTP"),
        ] {
            let told = body(answer).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
    }
}

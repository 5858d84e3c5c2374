//! A server between browser and daemon: the page comes from the daemon, the frame around it from here, under one
//! origin, so that the frame's script can see what the page became.

use gossip_tests::PATIENCE;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What is changed on the way from the daemon.
pub(crate) type Change = fn(String) -> String;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
}

struct Shared {
    daemon: SocketAddr,
    frame: String,
    change: Change,
    /// The frame's script has seen enough.
    is_done: (Mutex<bool>, Condvar),
}

impl Proxy {
    /// Serves `/frame` and what the daemon serves, until the test ends.
    pub(crate) fn start(daemon: SocketAddr, frame: String, change: Change) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared { daemon, frame, change, is_done: Default::default() });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address }
    }
}

/// One request. A browser that goes away meanwhile is none of this test's concern.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => request.extend_from_slice(&buffer[..n]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let answer = match text.split(' ').nth(1) {
        Some("/frame") => page(&shared.frame, "text/html; charset=utf-8"),
        Some("/done") => {
            *shared.is_done.0.lock().expect("nobody panics with it") = true;
            shared.is_done.1.notify_all();
            page("", "text/plain")
        }
        // The document is not loaded before this picture is.
        Some("/hold.svg") => {
            let done = shared.is_done.0.lock().expect("nobody panics with it");
            let _ = shared.is_done.1.wait_timeout_while(done, 2 * PATIENCE, |done| !*done);
            page("<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
        }
        _ => match ask(shared.daemon, &request) {
            Some(answer) => (shared.change)(answer),
            None => return,
        },
    };
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn ask(daemon: SocketAddr, request: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(daemon).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    // A changed body has another length; the end of the connection tells it as well.
    let lines = answer.split_inclusive("\r\n").filter(|line| !line.starts_with("Content-Length: "));
    Some(lines.collect())
}

fn page(body: &str, content_type: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n{body}")
}

//! As much of HTTP/1.1 as looking needs: one GET or HEAD a connection, no body.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a request's line and headers, at most.
pub(super) const HEAD_MAX: usize = 8 << 10;
/// Headers of a request, at most.
const HEADERS_MAX: usize = 64;

/// What has come of a request so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Its end has not come yet.
    Part,
    /// It is whole and in order.
    Whole(Request),
    /// It is answered with an error, whatever else comes.
    Refused(Refusal),
}

/// A request in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// HEAD: the headers alone are wanted.
    pub(super) is_head: bool,
    /// Before the question mark.
    pub(super) path: String,
    /// After it.
    pub(super) query: Option<String>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400, with what is wrong.
    Malformed(&'static str),
    /// 403: it was sent to a name that is not this host's own. So does a web page whose name was made to lead here.
    WrongHost,
    /// 404.
    NotFound,
    /// 405.
    WrongMethod,
    /// 431.
    TooLong,
    /// 503.
    Unavailable,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    status: &'static str,
    content_type: &'static str,
    /// Further header lines, each with its line end.
    headers: String,
    body: Vec<u8>,
}

/// Reads what has come of a request.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => match check(&request) {
            Ok(request) => Parsed::Whole(request),
            Err(refusal) => Parsed::Refused(refusal),
        },
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => Parsed::Part,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => Parsed::Refused(Refusal::TooLong),
        Err(_) => Parsed::Refused(Refusal::Malformed("this is no HTTP/1 request")),
    }
}

fn check(request: &httparse::Request<'_, '_>) -> Result<Request, Refusal> {
    let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_local(host.value) => {}
        (Some(_), None) => return Err(Refusal::WrongHost),
        // HTTP/1.0 knows no Host. Browsers, which could be led here by a false name, always send it.
        (None, _) if request.version == Some(0) => {}
        _ => return Err(Refusal::Malformed("exactly one Host header is wanted")),
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Refusal::WrongMethod),
    };
    let target = request.path.unwrap_or_default();
    if !target.starts_with('/') {
        return Err(Refusal::Malformed("the path does not begin with /"));
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    Ok(Request { is_head, path: path.to_owned(), query })
}

/// Is this, with any port or none, a name of this host that no name server can give to another? (DNS rebinding: a web
/// page's script may talk to the page's own name, and whoever owns the name may have it lead to loopback.)
fn is_local(host: &[u8]) -> bool {
    let Ok(host) = str::from_utf8(host) else { return false };
    let (name, port) = match host.rfind(']') {
        Some(end) => host.split_at(end + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.len() <= 5 && digits.bytes().all(|c| c.is_ascii_digit()));
    let is_ipv6 = |name: &str| {
        let inside = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.and_then(|ip| ip.parse::<Ipv6Addr>().ok()).is_some_and(|ip| ip.is_loopback())
    };
    let is_ipv4 = |name: &str| name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    is_port && (name.eq_ignore_ascii_case("localhost") || is_ipv4(name) || is_ipv6(name))
}

impl Response {
    pub(super) fn ok(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: "200 OK", content_type, headers: String::new(), body: body.into() }
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// What goes over the wire. Without a body (for HEAD) its length is still told.
    pub(super) fn to_bytes(&self, is_head: bool) -> Vec<u8> {
        let date = jiff::Timestamp::now();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap_or_default();
        let Self { status, content_type, headers, body } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\n{headers}\r\n",
            body.len()
        );
        let mut bytes = head.into_bytes();
        if !is_head {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let (status, told) = match refusal {
            Refusal::Malformed(what) => ("400 Bad Request", what),
            Refusal::WrongHost => {
                ("403 Forbidden", "only answered under a name of this host itself: localhost, 127.0.0.1 or [::1]")
            }
            Refusal::NotFound => ("404 Not Found", "there is /, /status, /metrics, /events and /healthz"),
            Refusal::WrongMethod => ("405 Method Not Allowed", "only GET and HEAD: nothing can be changed here"),
            Refusal::TooLong => ("431 Request Header Fields Too Large", "a request has at most 8 KiB and 64 headers"),
            Refusal::Unavailable => ("503 Service Unavailable", "there is no gossip node to look into"),
        };
        let response = Self { status, ..Self::ok("text/plain; charset=utf-8", format!("{told}\n")) };
        if refusal == Refusal::WrongMethod { response.with_header("Allow", "GET, HEAD") } else { response }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, headers: &str) -> Parsed {
        parse(format!("{line}\r\n{headers}\r\n").as_bytes())
    }

    fn whole(path: &str, query: Option<&str>) -> Parsed {
        Parsed::Whole(Request { is_head: false, path: path.to_owned(), query: query.map(str::to_owned) })
    }

    #[test]
    fn a_request_is_whole_with_its_empty_line_and_not_before() {
        let request = b"GET /events?since=7 HTTP/1.1\r\nHost: localhost:8001\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(parse(&request[..end]), Parsed::Part, "{end}");
        }
        assert_eq!(parse(request), whole("/events", Some("since=7")));
        assert_eq!(parse(&[request, &b"GET / HTTP/1.1"[..]].concat()), whole("/events", Some("since=7")));
    }

    #[test]
    fn head_and_get_are_told_apart_and_nothing_else_is_taken() {
        let host = "Host: localhost\r\n";
        let head = Request { is_head: true, path: "/".to_owned(), query: None };
        assert_eq!(parsed("HEAD / HTTP/1.1", host), Parsed::Whole(head));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "CONNECT"] {
            let refused = Parsed::Refused(Refusal::WrongMethod);
            assert_eq!(parsed(&format!("{method} / HTTP/1.1"), host), refused, "{method}");
        }
    }

    #[test]
    fn only_names_of_this_host_that_nobody_else_can_give_are_answered() {
        let local = ["localhost", "LocalHost:8001", "127.0.0.1", "127.0.0.1:80", "127.3.2.1:1", "[::1]", "[::1]:8001"];
        for host in local {
            assert_eq!(parsed("GET / HTTP/1.1", &format!("Host: {host}\r\n")), whole("/", None), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8001",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "0.0.0.0",
            "192.0.2.1",
            "[::]",
            "[::1].evil.example",
            "[::1",
            "::1",
            "localhost:80:80",
            "localhost:x",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "",
        ] {
            let refused = Parsed::Refused(Refusal::WrongHost);
            assert_eq!(parsed("GET / HTTP/1.1", &format!("Host: {host}\r\n")), refused, "{host}");
        }
        assert!(matches!(parsed("GET / HTTP/1.1", ""), Parsed::Refused(Refusal::Malformed(_))));
        let two = "Host: localhost\r\nhost: evil.example\r\n";
        assert!(matches!(parsed("GET / HTTP/1.1", two), Parsed::Refused(Refusal::Malformed(_))));
        assert_eq!(parsed("GET / HTTP/1.0", ""), whole("/", None));
        assert_eq!(parsed("GET / HTTP/1.0", "Host: evil.example\r\n"), Parsed::Refused(Refusal::WrongHost));
    }

    #[test]
    fn what_is_too_long_or_no_request_is_refused_at_once() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD_MAX));
        assert_eq!(parse(&long.as_bytes()[..HEAD_MAX - 1]), Parsed::Part);
        assert_eq!(parse(&long.as_bytes()[..HEAD_MAX]), Parsed::Refused(Refusal::TooLong));
        let many = "A: b\r\n".repeat(HEADERS_MAX + 1);
        assert_eq!(parsed("GET / HTTP/1.1", &many), Parsed::Refused(Refusal::TooLong));
        for wrong in [&b"\x16\x03\x01\x02\x00"[..], b"GET / HTTP/2.0\r\n\r\n", b"\0\x08\x01\xf5\0\0\0\x07", b"GET\r\n"]
        {
            assert!(matches!(parse(wrong), Parsed::Refused(Refusal::Malformed(_))), "{wrong:02x?}");
        }
        for target in ["http://localhost/", "*", "localhost:1", "?"] {
            let parsed = parsed(&format!("GET {target} HTTP/1.1"), "Host: localhost\r\n");
            assert!(matches!(parsed, Parsed::Refused(Refusal::Malformed(_))), "{target}");
        }
    }

    #[test]
    fn an_answer_to_head_is_that_to_get_without_its_body() {
        let response = Response::ok("text/plain", "hello").with_header("X-Test", "1");
        let text = |is_head| String::from_utf8(response.to_bytes(is_head)).unwrap();
        let without_date =
            |text: String| text.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n");
        assert_eq!(without_date(text(false)), without_date(text(true)) + "\nhello");
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Response::new(&mut headers);
        let told = text(true);
        assert!(parsed.parse(told.as_bytes()).unwrap().is_complete());
        assert_eq!((parsed.code, parsed.version), (Some(200), Some(1)));
        assert!(text(true).contains("Content-Length: 5\r\n") && text(true).contains("\r\nX-Test: 1\r\n"));
    }

    #[test]
    fn every_refusal_says_why_and_405_what_is_allowed() {
        for (refusal, status) in [
            (Refusal::Malformed("x"), "400 "),
            (Refusal::WrongHost, "403 "),
            (Refusal::NotFound, "404 "),
            (Refusal::WrongMethod, "405 "),
            (Refusal::TooLong, "431 "),
            (Refusal::Unavailable, "503 "),
        ] {
            let text = String::from_utf8(Response::from(refusal).to_bytes(false)).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.ends_with('\n'), "{text}");
            assert_eq!(text.contains("\r\nAllow: GET, HEAD\r\n"), refusal == Refusal::WrongMethod);
        }
    }
}

//! The status address under people who mean no good, and beside work.

use super::*;
use std::io::ErrorKind;
use std::time::Instant as Clock;

/// What the scripted machine cannot answer: there is no state behind it. The loop's own paths work all the same.
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn connect(status: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(status).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes until the end; an end by force counts as none.
fn rest(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it neither answers nor closes"),
        _ => String::from_utf8(bytes).unwrap(),
    }
}

fn ask(status: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(status);
    stream.write_all(request).unwrap();
    rest(&stream)
}

fn get(status: SocketAddr, path: &str) -> String {
    ask(status, format!("GET {path} HTTP/1.1\r\nHost: {status}\r\n\r\n").as_bytes())
}

#[test]
fn each_path_and_each_mistake_has_its_answer() {
    let node = Node::start(|_, _| {});
    let status = node.status;
    assert!(get(status, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(get(status, "/").contains("Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
    assert!(get(status, "/events").ends_with("\"next\":0,\"missed\":0,\"events\":[]}\n"));
    for (path, code) in [("/status", 503), ("/metrics", 503), ("/x", 404), ("//", 404), ("/events?since=x", 400)] {
        let answer = get(status, path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{path}: {answer}");
    }
    let head = ask(status, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Length: 3\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
    let refused = ask(status, b"HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.ends_with("\r\n\r\n"), "{refused}");
    let post = ask(status, b"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("Allow: GET, HEAD\r\n"), "{post}");
    assert!(ask(status, b"\x16\x03\x01\0\0").starts_with("HTTP/1.1 400 "), "not TLS");
    node.end();
}

#[test]
fn the_answer_arrives_though_more_was_sent_than_was_read() {
    let node = Node::start(|_, _| {});
    let status = node.status;
    let mut stream = connect(status);
    let long = [b"GET /", vec![b'a'; 60 << 10].as_slice()].concat();
    stream.write_all(&long).unwrap();
    assert!(rest(&stream).starts_with("HTTP/1.1 431 "));
    node.end();
}

#[test]
fn a_request_that_trickles_in_ends_in_time_and_one_in_pieces_is_answered() {
    let node = Node::start(|_, _| {});
    let status = node.status;
    let mut pieces = connect(status);
    for byte in HEALTH {
        pieces.write_all(&[*byte]).unwrap();
    }
    assert!(rest(&pieces).ends_with("ok\n"));
    let (mut slow, begun) = (connect(status), Clock::now());
    // A byte now and then keeps nothing open.
    slow.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut ended = false;
    for byte in HEALTH.iter().cycle().take(100) {
        ended = slow.write_all(&[if *byte == b'\n' { b'x' } else { *byte }]).is_err()
            || !matches!(slow.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        if ended {
            break;
        }
    }
    let took = begun.elapsed();
    assert!(ended && took >= Duration::from_secs(4) && took < Duration::from_secs(15), "{ended} after {took:?}");
    node.end();
}

#[test]
fn many_idle_connections_neither_pile_up_nor_keep_others_out() {
    let node = Node::start(|_, _| {});
    let status = node.status;
    let idle: Vec<TcpStream> = (0..60).map(|_| connect(status)).collect();
    assert!(get(status, "/healthz").ends_with("ok\n"), "somebody who asks is answered");
    // Of those accepted before, at most as many as there may be are still open.
    let is_open = |stream: &&TcpStream| {
        stream.set_nonblocking(true).unwrap();
        matches!((&**stream).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let open = idle.iter().filter(is_open).count();
    assert!((1..=16).contains(&open), "{open} of 60 are open");
    node.end();
}

#[test]
fn a_flood_of_questions_is_paced_and_modules_are_served_meanwhile() {
    let node = Node::start(|seen, actions| {
        if let Seen::Received(connection, _) = seen {
            actions.push(Action::Send { connection: *connection, frame: frame(1, 10) });
        }
    });
    let (status, begun) = (node.status, Clock::now());
    let asked: Vec<String> = std::thread::scope(|scope| {
        let askers: Vec<_> =
            (0..8).map(|_| scope.spawn(move || (0..25).map(|_| get(status, "/healthz")).collect::<Vec<_>>())).collect();
        let mut module = node.connect();
        for _ in 0..50 {
            module.write_all(b"x").unwrap();
            module.read_exact(&mut [0; 18]).expect("modules are served");
        }
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    assert!(asked.len() == 200 && asked.iter().all(|answer| answer.ends_with("ok\n")), "all are answered");
    // 32 at once, then one every 10 ms.
    assert!(begun.elapsed() >= Duration::from_millis(1_600), "200 answers in {:?}", begun.elapsed());
    node.end();
}

#[test]
fn who_does_not_read_the_answer_costs_a_connection_for_a_while_and_no_more() {
    let node = Node::start(|_, _| {});
    let status = node.status;
    let mut deaf: Vec<TcpStream> = (0..16).map(|_| connect(status)).collect();
    for stream in &mut deaf {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    assert!(get(status, "/healthz").ends_with("ok\n"));
    let ended = node.end();
    assert_eq!(ended.connections, 0, "they are none of the loop's own");
}

#[test]
fn only_loopback_is_bound() {
    let mut listeners = Listeners::default();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let told = listeners.bind_status(address.parse().unwrap()).unwrap_err().to_string();
        assert!(told.contains("(status_address)") && told.contains("other hosts"), "{told}");
    }
    assert_eq!(listeners.status_address(), None);
}

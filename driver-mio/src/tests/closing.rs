//! Ends of connections, and of the loop.

use super::*;

#[test]
fn a_closed_connection_writes_what_is_queued_and_discards_what_comes() {
    const FRAMES: u16 = 50;
    let node = Node::start(|seen, actions| {
        if let Seen::Received(connection, _) = *seen {
            actions.extend((0..FRAMES).map(|n| Action::Send { connection, frame: frame(n, 60_000) }));
            actions.push(Action::Close { connection, flush: Flush::First });
        }
    });
    let mut client = node.connect();
    client.write_all(&[1]).unwrap();
    // What a reset would destroy: bytes on their way in while others are on their way out.
    let mut sender = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        (0..100).for_each(|_| sender.write_all(&[2; 10_000]).expect("input is discarded, not refused"));
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("an end in good order");
    sending.join().unwrap();
    assert!(received == (0..FRAMES).flat_map(|n| frame(n, 60_000).to_vec()).collect::<Vec<u8>>());
    drop(client);
    // A new connection comes after whatever the old one could still have caused.
    drop(node.connect());
    let closed = ConnectionId::accepted(0);
    let mut after_close = false;
    loop {
        match node.next() {
            Seen::Received(connection, _) if connection == closed => {
                assert!(!std::mem::replace(&mut after_close, true), "bytes after close");
            }
            Seen::ReadClosed(connection) if connection != closed => break,
            Seen::Closed(connection) | Seen::ReadClosed(connection) | Seen::Written(connection, _) => {
                assert_ne!(connection, closed, "an event after close");
            }
            _ => {}
        }
    }
    assert!(after_close);
}

#[test]
fn a_connection_closed_without_flush_is_gone_at_once() {
    let node = Node::start(|seen, actions| {
        if let Seen::Accepted(connection, _) = *seen {
            actions.push(Action::Send { connection, frame: frame(1, 10) });
            actions.push(Action::Close { connection, flush: Flush::Discard });
        }
    });
    let mut received = Vec::new();
    node.connect().read_to_end(&mut received).unwrap();
    assert_eq!(received, [0_u8; 0]);
    assert_eq!(node.end().connections, 0);
}

#[test]
fn a_reset_connection_is_that_connections_end_and_no_more() {
    let node = Node::start(|_, _| ());
    let (steady, reset) = (node.connect(), node.connect());
    socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
    (0..2).for_each(|_| drop(node.wait(|seen| matches!(seen, Seen::Accepted(..)))));
    drop(reset);
    assert!(matches!(node.wait(|seen| matches!(seen, Seen::Closed(_))), Seen::Closed(id) if id.as_u64() == 1));
    (&steady).write_all(b"still here").unwrap();
    node.wait(|seen| matches!(seen, Seen::Received(id, _) if id.as_u64() == 0));
}

#[test]
fn shutting_down_flushes_what_the_machine_still_says() {
    let mut open = None;
    let node = Node::start(move |seen, actions| match *seen {
        Seen::Accepted(connection, _) => open = Some(connection),
        Seen::Shutdown => {
            let connection = open.expect("it was accepted");
            actions.extend((0..100).map(|n| Action::Send { connection, frame: frame(n, 60_000) }));
            actions.push(Action::Close { connection, flush: Flush::First });
        }
        _ => {}
    });
    let mut client = node.connect();
    node.wait(first);
    node.handle.shut_down();
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    drop(client);
    assert_eq!(received.len(), (0..100).map(|n| frame(n, 60_000).len()).sum::<usize>());
    let api = node.api;
    assert_eq!(node.end().connections, 0);
    assert!(TcpStream::connect(api).is_err(), "still accepting");
}

#[test]
fn nobody_who_does_not_read_holds_a_shutdown_up_for_more_than_two_seconds() {
    let mut open = None;
    let node = Node::start(move |seen, actions| match *seen {
        Seen::Accepted(connection, _) => open = Some(connection),
        Seen::Shutdown => {
            let connection = open.expect("it was accepted");
            actions.extend((0..400).map(|n| Action::Send { connection, frame: frame(n, 60_000) }));
            actions.push(Action::Close { connection, flush: Flush::First });
        }
        _ => {}
    });
    let client = node.connect();
    node.wait(first);
    let begin = std::time::Instant::now();
    let ended = node.end();
    let took = begin.elapsed();
    assert_eq!(ended.connections, 1);
    assert!((Duration::from_millis(1_900)..Duration::from_secs(15)).contains(&took), "{took:?}");
    drop(client);
}

#[test]
fn a_loop_without_anything_to_flush_ends_at_once_though_modules_stay_connected() {
    let node = Node::start(|_, _| ());
    let clients: Vec<TcpStream> = (0..5).map(|_| node.connect()).collect();
    (0..5).for_each(|_| drop(node.wait(|seen| matches!(seen, Seen::Accepted(..)))));
    let begin = std::time::Instant::now();
    assert_eq!(node.end().connections, 5);
    assert!(begin.elapsed() < Duration::from_millis(1_900), "{:?}", begin.elapsed());
    drop(clients);
}

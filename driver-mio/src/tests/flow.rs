//! Bytes in and out.

use super::*;
use std::io::ErrorKind;

#[test]
fn data_comes_before_the_end_of_the_stream() {
    let node = Node::start(|_, _| ());
    let data: Vec<u8> = (0..300_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut client = node.connect();
    client.write_all(&data).unwrap();
    drop(client);
    node.wait(first);
    let mut received = Vec::new();
    loop {
        match node.next() {
            Seen::Received(_, bytes) => received.extend(bytes),
            Seen::ReadClosed(_) => break,
            Seen::Timer => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(received == data, "{} of {} bytes before the end", received.len(), data.len());
}

#[test]
fn a_half_closed_connection_is_still_written_to_until_nobody_is_there() {
    let half = ConnectionId::accepted(0);
    let node = Node::start(move |seen, actions| {
        if matches!(seen, Seen::ReadClosed(_)) {
            actions.push(Action::Send { connection: half, frame: frame(1, 10) });
        }
    });
    let mut client = node.connect();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = vec![0; frame(1, 10).len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, frame(1, 10).to_vec());
    drop(client);
    // Its end was seen before; that it is gone shows when the next frame is answered with a reset.
    drop(node.connect());
    node.wait(|seen| *seen == Seen::Closed(half));
}

#[test]
fn ten_thousand_small_frames_arrive_whole_and_in_order_and_are_counted() {
    let node = Node::start(|seen, actions| {
        if let Seen::Accepted(connection, _) = *seen {
            actions.extend((0..10_000).map(|n| Action::Send { connection, frame: frame(n, 64) }));
        }
    });
    let expected: Vec<u8> = (0..10_000).flat_map(|n| frame(n, 64).to_vec()).collect();
    let mut received = vec![0; expected.len()];
    node.connect().read_exact(&mut received).unwrap();
    assert!(received == expected);
    let (mut written, mut flushes) = (0, 0);
    while written < expected.len() as u64 {
        if let Seen::Written(_, bytes) = node.next() {
            written += bytes;
            flushes += 1;
        }
    }
    assert_eq!(written, expected.len() as u64);
    assert!(flushes < 100, "{flushes} reports for 10,000 frames");
}

#[test]
fn reading_really_stops_and_resumes_with_nothing_lost() {
    const TOTAL: usize = 32 << 20;
    let stopped = ConnectionId::accepted(0);
    let mut stopped_once = false;
    let node = Node::start(move |seen, actions| match *seen {
        Seen::Received(connection, _) if connection == stopped && !stopped_once => {
            stopped_once = true;
            actions.push(Action::StopReading { connection });
        }
        // A word on any other connection has it resumed.
        Seen::Received(connection, _) if connection != stopped => {
            actions.push(Action::ResumeReading { connection: stopped });
        }
        _ => {}
    });
    let mut client = node.connect();
    node.wait(first);
    let mut control = node.connect();
    client.write_all(&[0]).unwrap();
    node.wait(|seen| matches!(seen, Seen::Received(connection, _) if *connection == stopped));
    // With nobody reading, the system's buffers fill up: only then is it sure that everything waits.
    client.set_nonblocking(true).unwrap();
    let mut sent = 1;
    loop {
        match client.write(&vec![1; 1 << 16]) {
            Ok(n) => sent += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < TOTAL, "somebody reads");
    }
    control.write_all(&[1]).unwrap();
    let mut received = 1;
    let next = node.wait(|seen| matches!(seen, Seen::Received(..)));
    assert!(matches!(next, Seen::Received(connection, _) if connection != stopped), "read while stopped");
    client.set_nonblocking(false).unwrap();
    let writer = std::thread::spawn(move || {
        client.write_all(&vec![2; TOTAL - sent]).unwrap();
    });
    while received < TOTAL {
        if let Seen::Received(_, bytes) = node.next() {
            received += bytes.len();
        }
    }
    assert_eq!(received, TOTAL);
    writer.join().unwrap();
    node.wait(|seen| *seen == Seen::ReadClosed(stopped));
}

#[test]
fn what_came_while_reading_was_stopped_is_read_at_once_when_it_resumes() {
    let stopped = ConnectionId::accepted(0);
    let node = Node::start(move |seen, actions| match *seen {
        Seen::Accepted(connection, _) if connection == stopped => actions.push(Action::StopReading { connection }),
        Seen::Received(connection, _) if connection != stopped => {
            actions.push(Action::ResumeReading { connection: stopped });
        }
        _ => {}
    });
    let mut client = node.connect();
    node.wait(first);
    client.write_all(b"waiting").unwrap();
    // Nothing more comes on it: no second edge will tell.
    node.connect().write_all(&[1]).unwrap();
    let read = node.wait(|seen| matches!(seen, Seen::Received(connection, _) if *connection == stopped));
    assert_eq!(read, Seen::Received(stopped, b"waiting".to_vec()));
}

#[test]
fn what_was_sent_before_a_reset_counts_though_writing_failed() {
    let module = ConnectionId::accepted(0);
    let node = Node::start(move |seen, actions| match *seen {
        Seen::Accepted(connection, _) if connection == module => {
            actions.push(Action::StopReading { connection });
            actions.extend((0..64).map(|n| Action::Send { connection, frame: frame(n, 60_000) }));
        }
        Seen::Received(connection, _) if connection != module => {
            actions.push(Action::Send { connection: module, frame: frame(99, 10) });
            actions.push(Action::ResumeReading { connection: module });
        }
        _ => {}
    });
    let mut client = node.connect();
    client.write_all(b"last words").unwrap();
    // What was sent to it is there, and it closes without having read it: its system answers with a reset.
    client.read_exact(&mut [0; 1]).unwrap();
    drop(client);
    // All that was queued leaves the queue, written or not.
    let queued: u64 = (0..64).map(|n| frame(n, 60_000).len() as u64).sum();
    let mut left = 0;
    while left < queued {
        if let Seen::Written(_, bytes) = node.wait(|seen| matches!(seen, Seen::Written(..))) {
            left += bytes;
        }
    }
    assert_eq!(left, queued);
    node.connect().write_all(&[1]).unwrap();
    let read = node.wait(|seen| matches!(seen, Seen::Received(connection, _) if *connection == module));
    assert_eq!(read, Seen::Received(module, b"last words".to_vec()));
    node.wait(|seen| *seen == Seen::Closed(module));
}

#[test]
fn a_flood_on_one_connection_leaves_others_their_turn() {
    let node = Node::start(|seen, actions| {
        if let Seen::Received(connection, bytes) = seen
            && bytes.as_slice() == b"ping"
        {
            actions.push(Action::Send { connection: *connection, frame: frame(1, 0) });
        }
    });
    let mut flood = node.connect();
    let flooding = std::thread::spawn(move || while flood.write_all(&[0; 1 << 16]).is_ok() {});
    let mut client = node.connect();
    for _ in 0..20 {
        client.write_all(b"ping").unwrap();
        client.read_exact(&mut vec![0; frame(1, 0).len()]).unwrap();
    }
    node.end();
    flooding.join().unwrap();
}

//! The loop sleeps unless there is something to do.

use super::*;
use gossip_core::pow::{Puzzle, Target};

#[test]
fn an_idle_loop_does_not_wake() {
    let node = Node::start(|_, _| ());
    let clients: Vec<TcpStream> = (0..10).map(|_| node.connect()).collect();
    for client in &clients {
        let mut client = client;
        client.write_all(b"x").unwrap();
    }
    let mut received = 0;
    while received < clients.len() {
        received += usize::from(matches!(node.next(), Seen::Received(..)));
    }
    // Nothing can be waited for here: that nothing happens takes time to see.
    std::thread::sleep(Duration::from_millis(500));
    let turns = node.end().turns;
    assert!(turns <= 50, "{turns} turns for 10 connections with one byte each");
}

#[test]
fn a_stopped_connection_with_bytes_waiting_does_not_keep_the_loop_busy() {
    let node = Node::start(|seen, actions| {
        if let Seen::Accepted(connection, _) = *seen {
            actions.push(Action::StopReading { connection });
        }
    });
    let mut client = node.connect();
    node.wait(first);
    client.write_all(&[1; 100_000]).unwrap();
    drop(client);
    std::thread::sleep(Duration::from_millis(300));
    let turns = node.end().turns;
    assert!(turns <= 30, "{turns} turns");
}

#[test]
fn a_proof_of_work_leaves_the_loop_its_turn_and_comes_back() {
    let node = Node::start(|seen, actions| match *seen {
        Seen::Accepted(connection, _) => {
            let puzzle = Puzzle { nonce: 5, target: Target::ZeroBits(64) };
            actions.push(Action::Solve { connection, puzzle, start: 0 });
        }
        Seen::Received(connection, _) => {
            actions.push(Action::CancelSolve { connection });
            let puzzle = Puzzle { nonce: 5, target: Target::ZeroBits(12) };
            actions.push(Action::Solve { connection, puzzle, start: 0 });
        }
        _ => {}
    });
    let mut client = node.connect();
    node.wait(first);
    client.write_all(b"an easier one, please").unwrap();
    node.wait(|seen| matches!(seen, Seen::Received(..)));
    assert_eq!(node.wait(|seen| matches!(seen, Seen::Solved(_))), Seen::Solved(ConnectionId::accepted(0)));
}

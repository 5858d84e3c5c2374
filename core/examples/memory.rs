//! Two nodes, each with one module, in the memory of one process: `cargo run -p gossip-core --example memory`.

use gossip_core::time::Instant;
use gossip_core::wire::ApiMessage;
use gossip_core::{Action, Addresses, ConnectionId, DialError, Endpoint, Event, GossipState, Listener, Settings};

fn main() {
    let own = ["127.0.0.1:6001".parse().unwrap(), "127.0.0.1:6011".parse().unwrap()];
    let mut settings = own.map(|address| Settings::new(50, 4, Addresses::of(address)));
    settings[1].bootstrapper = vec![Endpoint::Address(own[0])];
    let mut seed = [0; 32];
    let mut nodes = settings.map(|mut settings| {
        settings.discovery = false; // nobody but the bootstrapper is called
        settings.pow = gossip_core::pow::Target::ZeroBits(8);
        seed[0] += 1; // nodes of the same seed would take each other for themselves; a real one is random
        GossipState::new(settings, seed, Instant::ZERO).unwrap()
    });

    // Each node's module, connection 0, wants to hear of type 1337; the second's says something.
    let (module, remote) = (ConnectionId::accepted(0), "127.0.0.1:40000".parse().unwrap());
    let notify = ApiMessage::Notify { data_type: 1337 }.frame().to_vec();
    let announce = ApiMessage::Announce { ttl: 0, data_type: 1337, data: b"hello" }.frame().to_vec();
    let mut to_do = [Vec::new(), Vec::new()];
    for (node, actions) in nodes.iter_mut().zip(&mut to_do) {
        node.handle(Instant::ZERO, Event::Accepted { connection: module, listener: Listener::Api, remote }, actions);
        node.handle(Instant::ZERO, Event::Received { connection: module, bytes: &notify }, actions);
    }
    nodes[1].handle(Instant::ZERO, Event::Received { connection: module, bytes: &announce }, &mut to_do[1]);

    // The second calls the first: one connection, with a name at each end.
    let mut link = [ConnectionId::accepted(1); 2];
    let mut heard = [Vec::new(), Vec::new()];
    for _ in 0..100 {
        // Nothing else is left to happen: the time is that of the next timer.
        let next = (0..2).filter_map(|me| Some((me, nodes[me].deadline()?))).min_by_key(|(_, at)| *at);
        let Some((me, now)) = next.filter(|_| heard[0].is_empty()) else { break };
        nodes[me].handle(now, Event::Timer, &mut to_do[me]);
        while let Some(me) = (0..2).find(|me| !to_do[*me].is_empty()) {
            let them = 1 - me;
            match to_do[me].remove(0) {
                // The first would only see whether the second's address can be reached.
                Action::Dial { connection, .. } if me == 0 => {
                    nodes[me].handle(now, Event::DialFailed { connection, error: DialError::Refused }, &mut to_do[me]);
                }
                Action::Dial { connection, .. } => {
                    link[me] = connection;
                    let accepted = Event::Accepted { connection: link[them], listener: Listener::P2p, remote };
                    nodes[them].handle(now, accepted, &mut to_do[them]);
                    nodes[me].handle(now, Event::DialSucceeded { connection }, &mut to_do[me]);
                }
                Action::Send { connection, frame } => {
                    let bytes = frame.to_vec();
                    let written = Event::Written { connection, bytes: bytes.len() as u64 };
                    nodes[me].handle(now, written, &mut to_do[me]);
                    if connection == module {
                        heard[me].push(bytes);
                    } else {
                        let received = Event::Received { connection: link[them], bytes: &bytes };
                        nodes[them].handle(now, received, &mut to_do[them]);
                    }
                }
                Action::Solve { connection, puzzle, start } => {
                    let challenge = puzzle.search(start, u64::MAX).unwrap();
                    nodes[me].handle(now, Event::Solved { connection, challenge }, &mut to_do[me]);
                }
                other => println!("node {me}: {other:?}"),
            }
        }
    }
    // Said before there was a neighbour, held for the first that came, and told once at each end.
    assert!(heard.iter().all(|frames| frames.len() == 1 && frames[0].ends_with(b"hello")));
}

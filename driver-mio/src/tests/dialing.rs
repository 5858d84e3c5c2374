//! Connects, accepts and names.

use super::*;
use gossip_core::ResolveId;
use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener};

/// A node that dials once, at its start.
fn dial(to: SocketAddr, from: Option<IpAddr>) -> Node {
    Node::start(move |seen, actions| match *seen {
        Seen::Timer => actions.push(Action::Dial { connection: ConnectionId::dialed(1), to, from }),
        Seen::DialSucceeded(connection) => actions.push(Action::Send { connection, frame: frame(3, 5) }),
        _ => {}
    })
}

#[test]
fn a_dial_that_succeeds_is_bound_as_asked_and_carries_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let from: IpAddr = "127.0.0.2".parse().unwrap();
    let node = dial(listener.local_addr().unwrap(), Some(from));
    let (mut stream, remote) = listener.accept().unwrap();
    assert_eq!(remote.ip(), from);
    assert_eq!(node.wait(|seen| *seen != Seen::Timer), Seen::DialSucceeded(ConnectionId::dialed(1)));
    let mut received = vec![0; frame(3, 5).len()];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(received, frame(3, 5).to_vec());
}

#[test]
fn a_dial_of_a_port_where_nobody_listens_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = dial(free, None);
    assert_eq!(node.wait(|seen| *seen != Seen::Timer), Seen::DialFailed(ConnectionId::dialed(1), DialError::Refused));
}

#[test]
fn a_dial_from_an_address_that_is_not_ours_fails_here() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // TEST-NET-1 (RFC 5737) is nobody's.
    let node = dial(listener.local_addr().unwrap(), Some("192.0.2.1".parse().unwrap()));
    assert_eq!(node.wait(|seen| *seen != Seen::Timer), Seen::DialFailed(ConnectionId::dialed(1), DialError::Local));
}

#[test]
fn a_dial_closed_in_the_same_breath_is_never_reported() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = Node::start(move |seen, actions| {
        if *seen == Seen::Timer {
            let connection = ConnectionId::dialed(1);
            actions.push(Action::Dial { connection, to: free, from: None });
            // Fails at once, not later.
            actions.push(Action::Dial {
                connection: ConnectionId::dialed(2),
                to: free,
                from: Some([192, 0, 2, 1].into()),
            });
            actions.push(Action::Close { connection, flush: Flush::Discard });
            actions.push(Action::Close { connection: ConnectionId::dialed(2), flush: Flush::First });
        }
    });
    drop(node.connect());
    node.wait(|seen| matches!(seen, Seen::DialFailed(..) | Seen::Closed(_) | Seen::ReadClosed(_)));
    assert_eq!(node.end().connections, 1);
}

#[test]
fn every_connection_of_a_storm_is_accepted_under_a_name_of_its_own() {
    const STORM: usize = 600;
    let node = Node::start(|_, _| ());
    let clients: Vec<TcpStream> =
        (0..STORM).map(|n| TcpStream::connect(if n % 2 == 0 { node.api } else { node.p2p }).unwrap()).collect();
    let mut names = BTreeSet::new();
    let mut of_peers = 0;
    while names.len() < STORM {
        if let Seen::Accepted(connection, listener) = node.next() {
            assert!(names.insert(connection), "{connection} twice");
            of_peers += usize::from(listener == Listener::P2p);
        }
    }
    assert_eq!(of_peers, STORM / 2);
    drop(clients);
}

#[test]
fn without_descriptors_accepting_pauses_and_goes_on_when_there_is_room() {
    let node = Node::start_with_room(Room { all: 3, peers: 3, modules: 3 }, |seen, actions| {
        if let Seen::ReadClosed(connection) = *seen {
            actions.push(Action::Close { connection, flush: Flush::Discard });
        }
    });
    let mut clients: Vec<TcpStream> = (0..6).map(|_| node.connect()).collect();
    let mut open = 0usize;
    let mut accepted = 0;
    while accepted < 6 {
        match node.next() {
            Seen::Accepted(..) => {
                accepted += 1;
                open += 1;
                assert!(open <= 3, "more than there is room for");
            }
            Seen::ReadClosed(_) => open -= 1,
            _ => {}
        }
        if open == 3 && accepted < 6 {
            clients.remove(0);
        }
    }
}

#[test]
fn without_descriptors_a_half_closed_connection_gives_way_to_a_new_one_and_only_then() {
    let node = Node::start_with_room(Room { all: 2, peers: 2, modules: 2 }, |_, _| {});
    let clients = [node.connect(), node.connect()];
    clients[1].shutdown(Shutdown::Write).unwrap();
    node.wait(|seen| *seen == Seen::ReadClosed(ConnectionId::accepted(1)));
    let _third = node.connect();
    assert_eq!(node.next(), Seen::Closed(ConnectionId::accepted(1)));
    assert_eq!(node.next(), Seen::Accepted(ConnectionId::accepted(2), Listener::Api));
    // Nobody else is half-closed: a fourth waits until one of them is.
    let _fourth = node.connect();
    (&clients[0]).write_all(b"still here").unwrap();
    assert_eq!(node.next(), Seen::Received(ConnectionId::accepted(0), b"still here".to_vec()));
    clients[0].shutdown(Shutdown::Write).unwrap();
    assert_eq!(node.next(), Seen::ReadClosed(ConnectionId::accepted(0)));
    assert_eq!(node.next(), Seen::Closed(ConnectionId::accepted(0)));
    assert_eq!(node.next(), Seen::Accepted(ConnectionId::accepted(3), Listener::Api));
}

#[test]
fn peers_leave_modules_their_places_and_modules_leave_peers_theirs() {
    let node = Node::start_with_room(Room { all: 4, peers: 3, modules: 3 }, |seen, actions| {
        if let Seen::ReadClosed(connection) = *seen {
            actions.push(Action::Close { connection, flush: Flush::Discard });
        }
    });
    let accepted = |wanted| move |seen: &Seen| matches!(seen, Seen::Accepted(_, port) if *port == wanted);
    let peers: Vec<TcpStream> = (0..6).map(|_| TcpStream::connect(node.p2p).unwrap()).collect();
    (0..3).for_each(|_| drop(node.wait(accepted(Listener::P2p))));
    let modules: Vec<TcpStream> = (0..6).map(|_| node.connect()).collect();
    assert!(matches!(node.next(), Seen::Accepted(_, Listener::Api)), "a fourth peer took the last module's place");
    // Now peers go: two of the modules that wait have their places, and no more, so that a peer finds one.
    drop(peers);
    (0..2).for_each(|_| drop(node.wait(accepted(Listener::Api))));
    let mut peer = TcpStream::connect(node.p2p).unwrap();
    peer.write_all(b"let in").unwrap();
    node.wait(|seen| {
        assert!(!accepted(Listener::Api)(seen), "a fourth module took the last peer's place");
        matches!(seen, Seen::Received(_, bytes) if bytes == b"let in")
    });
    drop(modules);
}

#[test]
fn without_descriptors_a_dial_fails_for_want_of_them_or_takes_the_place_of_what_is_over() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap();
    let node = Node::start_with_room(Room { all: 2, peers: 1, modules: 2 }, move |seen, actions| {
        if let Seen::Accepted(connection, Listener::P2p) = *seen {
            actions.push(Action::Dial { connection: ConnectionId::dialed(0), to, from: None });
            actions.push(Action::Close { connection, flush: Flush::First });
            actions.push(Action::Dial { connection: ConnectionId::dialed(1), to, from: None });
        }
    });
    let _peer = TcpStream::connect(node.p2p).unwrap();
    let (mut failed, mut done) = (None, None);
    while failed.is_none() || done.is_none() {
        match node.next() {
            Seen::DialFailed(id, error) => failed = Some((id, error)),
            Seen::DialSucceeded(id) => done = Some(id),
            _ => {}
        }
    }
    assert_eq!(failed, Some((ConnectionId::dialed(0), DialError::Local)));
    assert_eq!(done, Some(ConnectionId::dialed(1)));
}

#[test]
fn an_address_in_use_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = TcpListener::bind(taken).unwrap();
    let mut listeners = Listeners::default();
    let (api, p2p) = (listeners.bind_api(taken).unwrap_err(), listeners.bind_p2p(taken).unwrap_err());
    assert!(api.to_string().starts_with(&format!("cannot listen on {taken} (api_address): the address is in use")));
    assert_eq!(p2p.key, "p2p_address");
}

#[test]
fn both_families_listen_on_one_port() {
    let mut listeners = Listeners::default();
    let Ok(v6) = listeners.bind_p2p("[::]:0".parse().unwrap()) else {
        return eprintln!("not run: this host has no IPv6");
    };
    let v4 = listeners.bind_p2p(SocketAddr::new("0.0.0.0".parse().unwrap(), v6.port())).unwrap();
    assert_eq!(listeners.p2p_addresses().iter().collect::<Vec<_>>(), [v4, v6]);
}

#[test]
fn names_are_looked_up_and_those_without_address_answered_empty() {
    let node = Node::start(|seen, actions| {
        if *seen == Seen::Timer {
            // A label of 64 letters is one too many for any name (RFC 1035): refused without asking anybody.
            for (query, host) in [(1, "localhost".to_owned()), (2, "x".repeat(64))] {
                actions.push(Action::Resolve { query: ResolveId(query), host, port: 42 });
            }
        }
    });
    for _ in 0..2 {
        match node.wait(|seen| matches!(seen, Seen::Resolved(..))) {
            Seen::Resolved(1, found) => {
                assert!(!found.is_empty() && found.iter().all(|a| a.ip().is_loopback() && a.port() == 42), "{found:?}");
            }
            Seen::Resolved(2, found) => assert_eq!(found, []),
            other => panic!("{other:?}"),
        }
    }
}

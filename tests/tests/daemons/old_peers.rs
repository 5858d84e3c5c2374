//! Peers in the manner of the Gossip-5 program (PROTOCOL.md, section 10).

use gossip_tests::{Bed, Daemon, Ini, Listening, Peer, Work, body, frame, kind};
use std::time::{Duration, Instant};

const TYPE: u16 = 9;
const BITS: Work = Work::ZeroBits(8);

fn went_unpunished(node: &Daemon) {
    let is_price = |line: &str| line.contains(" points") || line.contains("refused for");
    assert!(node.stays_silent(0, Duration::ZERO, is_price), "{} punished somebody", node.name());
}

/// One message each way.
fn exchange(node: &Daemon, peer: &mut Peer) {
    let mut module = node.subscriber(&[TYPE]);
    peer.send(&body::peer_notification(4, 99, TYPE, b"from the old peer"));
    let id = module.expect("from the old peer");
    module.validate(id, true);
    module.announce(3, TYPE, "to the old peer");
    module.expect("to the old peer");
    let (ttl, _, data_type) = peer.expect_message("to the old peer");
    assert_eq!((ttl, data_type), (2, TYPE), "an announced ttl goes out less one");
}

#[test]
fn an_old_peer_that_dials_is_let_in_with_our_view_and_exchanges_messages() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let other = bed.start("other", &Ini::new().calling(&[node.peers()]));
    node.knows(&[other.peers()]);
    let own = Listening::new();
    let (mut peer, handshake) = Peer::join_as_old(node.peers(), own.address(), BITS);
    assert_eq!(handshake.response, body::address(other.peers()), "505: the view less the asker");
    node.knows(&[own.address()]);
    node.logs("without extensions");
    exchange(&node, &mut peer);
    went_unpunished(&node);
}

#[test]
fn an_old_peer_that_is_dialed_gets_our_address_and_exchanges_messages() {
    let bed = Bed::new();
    let own = Listening::new();
    let node = bed.start("node", &Ini::new().calling(&[own.address()]));
    let (mut peer, handshake) = own.accept_as_old(BITS);
    assert_eq!(handshake.address, Some(body::address(node.peers())), "507 says where the node listens");
    node.knows(&[own.address()]);
    exchange(&node, &mut peer);
    went_unpunished(&node);
}

#[test]
fn old_peers_in_both_roles_join_a_network_of_ours_and_hear_each_other_through_it() {
    let bed = Bed::new();
    let (called, calling) = (Listening::new(), Listening::new());
    let first = bed.start("first", &Ini::calling_only(&[called.address()]));
    let (mut accepted, _) = called.accept_as_old(BITS);
    let second = bed.start("second", &Ini::calling_only(&[first.peers()]));
    let (mut dialed, _) = Peer::join_as_old(second.peers(), calling.address(), BITS);
    first.knows(&[called.address(), second.peers()]);
    second.knows(&[calling.address(), first.peers()]);
    let (mut near, mut far) = (first.subscriber(&[TYPE]), second.subscriber(&[TYPE]));
    accepted.send(&body::peer_notification(5, 1, TYPE, b"across"));
    for module in [&mut near, &mut far] {
        let id = module.expect("across");
        module.validate(id, true);
    }
    assert_eq!(dialed.expect_message("across"), (3, 1, TYPE), "two hops on, under the wire's id");
    dialed.send(&body::peer_notification(5, 2, TYPE, b"and back"));
    for module in [&mut far, &mut near] {
        let id = module.expect("and back");
        module.validate(id, true);
    }
    assert_eq!(accepted.expect_message("and back"), (3, 2, TYPE));
    went_unpunished(&first);
    went_unpunished(&second);
}

#[test]
fn habits_of_old_peers_cost_nothing() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut module = node.subscriber(&[TYPE]);
    let own = Listening::new();
    let push = frame(kind::PUSH, &[&[0, 5], &body::address(own.address())]);
    let hello = frame(kind::HELLO, &[&[0; 6]]);
    let mut peer = Peer::connect(node.peers());
    // Before it is verified: a request, a push and a message; HELLO once per queued reason, with nothing in it.
    let early = [frame(kind::PEER_REQUEST, &[]), push.clone(), body::peer_notification(4, 1, TYPE, b"too early")];
    peer.send(&early.concat());
    peer.send(&hello.repeat(5));
    let handshake = peer.prove(own.address(), BITS);
    assert_eq!(handshake.response, [0_u8; 0], "nobody else is there");
    node.knows(&[own.address()]);
    // Afterwards: a push of itself, a 505 with addresses never asked for, PINGs, and copies sent back.
    peer.send(&[push, frame(kind::PING, &[]).repeat(10)].concat());
    module.announce(0, TYPE, "and back again");
    module.expect("and back again");
    let (ttl, id, _) = peer.expect_message("and back again");
    peer.send(&body::peer_notification(ttl - 1, id, TYPE, b"and back again"));
    peer.send(&body::peer_notification(4, 2, TYPE, b"in time"));
    module.expect("in time");
    went_unpunished(&node);
}

#[test]
fn a_hello_after_a_good_proof_is_challenged_again() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let own = Listening::new();
    let (mut peer, _) = Peer::join_as_old(node.peers(), own.address(), BITS);
    peer.send(&frame(kind::HELLO, &[&body::address(own.address())]));
    peer.prove(own.address(), BITS);
    exchange(&node, &mut peer);
    went_unpunished(&node);
}

#[test]
fn a_wrong_proof_closes_the_connection() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new().with("pow_bits", 40));
    let own = Listening::new();
    let mut peer = Peer::connect(node.peers());
    peer.send(&frame(kind::HELLO, &[&body::address(own.address())]));
    let nonce = peer.expect(kind::VERIFICATION_REQUEST);
    peer.send(&frame(kind::VERIFICATION_RESPONSE, &[&nonce, &[0; 8], &body::address(own.address())]));
    peer.expect_end();
    assert!(node.neighbours().is_empty());
}

#[test]
fn the_real_work_of_old_nodes_lets_an_old_peer_in_and_us_into_its_view() {
    let bed = Bed::alone();
    let begun = Instant::now();
    let called = Listening::new();
    let ini = Ini::new().with("pow_scheme", "ascii-zeros").without("pow_bits").calling(&[called.address()]);
    let node = bed.start("node", &ini);
    let (mut accepted, _) = called.accept_as_old(Work::AsciiZeros);
    node.knows(&[called.address()]);
    println!("the daemon's work: {:.1?}", begun.elapsed());
    let own = Listening::new();
    let (mut dialed, handshake) = Peer::join_as_old(node.peers(), own.address(), Work::AsciiZeros);
    println!("with the old peer's: {:.1?}", begun.elapsed());
    assert_eq!(handshake.response, body::address(called.address()));
    let mut module = node.subscriber(&[TYPE]);
    accepted.send(&body::peer_notification(4, 3, TYPE, b"through"));
    let id = module.expect("through");
    module.validate(id, true);
    dialed.expect_message("through");
    went_unpunished(&node);
}

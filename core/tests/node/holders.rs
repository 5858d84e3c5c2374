//! Who has many IPv6 addresses for the price of one is one (PROTOCOL.md, section 11, One holder).

use crate::harness::Node;
use gossip_core::{ConnectionId, Listener};
use std::net::SocketAddr;

/// The host of this number in a public network of 64 bits.
fn host(network: u16, number: u16) -> SocketAddr {
    format!("[2a00:1:2:{network:x}::{number:x}]:50000").parse().unwrap()
}

fn call(node: &mut Node, from: SocketAddr) -> ConnectionId {
    node.accept(Listener::P2p, from)
}

#[test]
fn unverified_connections_are_bounded_for_each_64_bits_of_public_ipv6() {
    let mut node = Node::new(|its| its.unverified_per_ip = 3);
    (0..5).for_each(|n| _ = call(&mut node, host(1, n)));
    assert_eq!(node.metrics().p2p_refused, 2);
    (0..3).for_each(|n| _ = call(&mut node, host(2, n)));
    assert_eq!(node.metrics().p2p_refused, 2, "of another holder");
    for n in 0..5u16 {
        call(&mut node, format!("[fd00::{n:x}]:50000").parse().unwrap());
    }
    assert_eq!(node.metrics().p2p_refused, 2, "private ones stand for themselves");
}

#[test]
fn faults_add_up_and_bans_hold_for_each_64_bits_of_public_ipv6() {
    let mut node = Node::new(|_| ());
    for n in 0..10 {
        let id = call(&mut node, host(1, n));
        node.say_bytes(id, &[0, 3, 0, 0]);
        assert_eq!(node.metrics().bans, u64::from(n == 9), "ten points each");
    }
    call(&mut node, host(1, 99));
    assert_eq!(node.metrics().p2p_refused, 1);
    call(&mut node, host(2, 99));
    assert_eq!(node.metrics().p2p_refused, 1, "of another holder");
}

//! Section 10: in one network with Gossip-5 nodes, in either role.

use super::hand::{MOMENT, proof};
use super::net::{Actor, Net, NodeId, address, seed, settings};
use super::old_peer::OldPeer;
use crate::pow::Target;
use crate::settings::{Addresses, Endpoint};
use crate::time::Duration;
use crate::wire::{AddressList, PeerMessage, kind};

const MINUTE: Duration = Duration::from_secs(60);

impl Net {
    /// Adds a Gossip-5 node at the `n`th address.
    fn old_peer(&mut self, n: usize, bootstrapper: Option<usize>) -> NodeId {
        let old = OldPeer::new(address(n), bootstrapper.map(address), Target::ZeroBits(4));
        self.add(Actor::Old(old), Addresses::of(address(n)))
    }
}

#[test]
fn old_and_new_nodes_in_either_role_are_neighbours_unpunished_and_at_rest() {
    for seed_number in 0..4 {
        // Ours calls an old one, and an old one calls ours.
        let mut net = Net::default();
        let mut its = settings(&address(0).to_string());
        its.bootstrapper = vec![Endpoint::Address(address(1))];
        net.core(its, seed(0, seed_number));
        net.old_peer(1, None);
        net.old_peer(2, Some(0));
        net.old_peer(3, Some(0));
        net.run(MINUTE.times(10));
        assert_eq!(net.view(0), [address(1), address(2), address(3)], "seed {seed_number}");
        for old in 1..4 {
            assert!(
                net.old(old).view.contains_key(&address(0)),
                "seed {seed_number}: {old} has {:?}",
                net.old(old).view
            );
        }
        let proofs = net.state(0).metrics.proofs_wanted;
        net.run(MINUTE.times(60));
        assert_eq!(net.view(0), [address(1), address(2), address(3)], "seed {seed_number}");
        assert_eq!(net.state(0).metrics.faults, 0, "its habits cost nothing");
        assert_eq!(net.state(0).metrics.proofs_wanted, proofs, "at rest");
    }
}

#[test]
fn an_old_peer_that_solves_for_longer_than_a_minute_is_waited_for() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    // What section 9 has for ascii-zeros.
    its.hello_timeout = Duration::from_secs(600);
    its.verification_timeout = Duration::from_secs(600);
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    let old = net.old_peer(1, Some(0));
    net.nodes[old].solving_takes = Duration::from_secs(75);
    net.run(MINUTE.times(5));
    assert_eq!(net.view(0), [address(1)]);
    assert!(net.old(old).view.contains_key(&address(0)) && net.state(0).metrics.faults == 0);
}

#[test]
fn hello_is_repeated_on_the_surviving_connection_when_one_of_two_with_an_old_peer_ends() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    let old = net.old_peer(1, Some(0));
    net.run(MINUTE);
    assert_eq!(net.state(0).status(net.now).neighbours[0].connections, 2);
    let mut actions = Vec::new();
    let Actor::Old(peer) = &mut net.nodes[old].actor else { panic!() };
    peer.evict(address(0), &mut actions);
    net.act(old, actions);
    assert!(net.old(old).view.is_empty(), "it forgot us");
    net.run(Duration::from_secs(10));
    assert_eq!(net.state(0).status(net.now).neighbours[0].connections, 1);
    assert!(net.old(old).view.contains_key(&address(0)), "a fresh 507 brought us back");
}

#[test]
fn with_an_old_peer_we_send_on_the_connection_that_we_dialed() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    net.old_peer(1, Some(0));
    net.run(MINUTE);
    let sends_on = net.state(0).membership.view.iter().next().unwrap().sends_on().unwrap();
    assert!(sends_on.is_dialed());
}

#[test]
fn a_505_of_an_old_peer_completes_the_handshake_on_any_connection_with_its_address() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    let node = net.scripted(1);
    net.run(MOMENT);
    let dialed = net.hand(node).accepted()[0];
    // It dials us too, and its own proof is not done yet when it answers ours over there.
    let other = net.call(node, address(0));
    net.say(node, other, &[PeerMessage::Hello { address: address(1) }.frame()]);
    net.say(node, dialed, &[PeerMessage::VerificationRequest { nonce: 8 }.frame()]);
    assert_eq!(net.hand(node).bodies(dialed, kind::VERIFICATION_RESPONSE).len(), 1);
    net.say(node, other, &[AddressList::frame_of(&[address(0)], false)]);
    assert_eq!(net.view(0), [address(1)]);
    let nonce = net.hand(node).nonce(other).unwrap();
    net.say(node, other, &[proof(nonce, address(1))]);
    let neighbours = net.state(0).status(net.now).neighbours;
    assert_eq!((neighbours.len(), neighbours[0].connections), (1, 2));
    assert_eq!(net.state(0).metrics.faults, 0);
}

#[test]
fn two_old_connections_from_one_address_are_one_neighbour_with_at_most_two() {
    let mut net = Net::default();
    net.core(settings(&address(0).to_string()), seed(0, 1));
    let node = net.scripted(1);
    let ids: Vec<_> = (0..4).map(|_| net.join(node, address(0), None)).collect();
    let neighbours = net.state(0).status(net.now).neighbours;
    assert_eq!((neighbours.len(), neighbours[0].connections), (1, 2));
    let open: Vec<bool> = ids.iter().map(|id| !net.hand(node).is_ended(*id)).collect();
    assert_eq!(open, [false, false, true, true], "the oldest made room");
}

#[test]
fn a_505_of_an_old_peer_completes_nobody_elses_handshake() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    let (asked, other) = (net.scripted(1), net.scripted(2));
    net.run(MOMENT);
    let id = net.hand(asked).accepted()[0];
    net.say(asked, id, &[PeerMessage::VerificationRequest { nonce: 77 }.frame()]);
    assert_eq!(net.hand(asked).bodies(id, kind::VERIFICATION_RESPONSE).len(), 1, "it waits for 505");
    let theirs = net.join(other, address(0), None);
    net.say(other, theirs, &[AddressList::frame_of(&[], false)]);
    assert_eq!(net.view(0), [address(2)], "the one that proved its work, and nobody else");
}

#[test]
fn an_old_peer_that_lists_itself_and_the_asker_is_not_dialed_again_for_it_and_neither_are_we() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    net.core(its, seed(0, 1));
    let node = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(node).accepted()[0];
    net.say(node, id, &[PeerMessage::VerificationRequest { nonce: 77 }.frame()]);
    let list = AddressList::frame_of(&[address(1), address(0)], false);
    net.say(node, id, std::slice::from_ref(&list));
    assert_eq!(net.view(0), [address(1)]);
    assert_eq!(net.state(0).membership.candidates(), 0, "neither is news");
    // In answer to our questions it says the same.
    let mut answered = 0;
    for _ in 0..60 {
        net.run(MINUTE);
        let asked = net.hand(node).bodies(id, kind::PEER_REQUEST).len();
        (answered..asked).for_each(|_| net.say(node, id, std::slice::from_ref(&list)));
        answered = asked;
    }
    assert!(answered > 2, "{answered} questions");
    assert_eq!(net.hand(node).accepted(), [id], "one connection, and nobody looks for another");
    assert_eq!((net.nodes[0].dialed_to_stay, net.state(0).membership.candidates()), (1, 0));
    assert_eq!((net.view(0), net.state(0).metrics.faults), (vec![address(1)], 0));
}

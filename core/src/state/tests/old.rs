//! Section 10: in one network with Gossip-5 nodes, in either role.

use super::hand::{MOMENT, proof};
use super::net::{Actor, Net, NodeId, address, seed, settings};
use super::old_peer::OldPeer;
use crate::note::Note;
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

    /// The same, but one that closes a connection on which something unknown comes.
    fn strict_old_peer(&mut self, n: usize, bootstrapper: Option<usize>) -> NodeId {
        let old = OldPeer::new(address(n), bootstrapper.map(address), Target::ZeroBits(4)).strict();
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

/// How long a node waits, at most, before it calls a bootstrapper again: a minute, jittered by a quarter.
const LONGEST_PAUSE: Duration = Duration::from_secs(75);

#[test]
fn a_bootstrapper_that_closes_on_what_it_does_not_know_is_called_more_and_more_rarely_and_never_banned() {
    for seed_number in 0..4 {
        let mut net = Net::default();
        let mut its = settings(&address(0).to_string());
        its.bootstrapper = vec![Endpoint::Address(address(1))];
        net.core(its, seed(0, seed_number));
        let strict = net.strict_old_peer(1, None);
        let dials = |net: &Net| net.nodes[0].dialed_to_stay;
        net.run(MINUTE);
        assert!((3..=8).contains(&dials(&net)), "seed {seed_number}: {} dials in the first minute", dials(&net));
        let before = dials(&net);
        net.run(MINUTE.times(60));
        let an_hour = dials(&net) - before;
        assert!((48..=80).contains(&an_hour), "seed {seed_number}: {an_hour} dials an hour");
        assert_eq!(net.old(strict).opened(), dials(&net), "nothing but these dials comes to it");
        assert!(net.view(0).is_empty() && net.old(strict).connections().is_empty());
        let metrics = &net.state(0).metrics;
        assert_eq!((metrics.faults, metrics.bans, metrics.proofs_wanted), (0, 0, 0), "seed {seed_number}");
        // It learns to drop what it does not know: it is a neighbour with the next call.
        let old = OldPeer::new(address(1), None, Target::ZeroBits(4));
        net.nodes[strict].actor = Actor::Old(old);
        net.run(LONGEST_PAUSE);
        assert_eq!(net.view(0), [address(1)], "seed {seed_number}");
    }
}

#[test]
fn an_old_peer_that_calls_and_closes_on_what_it_does_not_know_leaves_nothing_and_is_not_called_back() {
    let mut net = Net::default();
    net.core(settings(&address(0).to_string()), seed(0, 1));
    let strict = net.strict_old_peer(1, Some(0));
    net.run(MOMENT);
    assert_eq!(net.old(strict).opened(), 1, "it called");
    let status = net.state(0).status(net.now);
    assert_eq!((status.peer_connections, status.unverified, status.candidates, status.lost), (0, 0, 0, 0));
    net.run(MINUTE.times(60));
    assert_eq!((net.old(strict).opened(), net.nodes[0].dialed_to_stay), (1, 0));
    assert_eq!((net.state(0).metrics.faults, net.state(0).metrics.bans), (0, 0));
    // Nobody is refused for it: one of the same host that drops what it does not know is let in.
    net.nodes[strict].actor = Actor::Old(OldPeer::new(address(1), Some(address(0)), Target::ZeroBits(4)));
    net.run(MINUTE);
    assert_eq!(net.view(0), [address(1)]);
}

#[test]
fn an_old_peer_that_closes_on_what_it_does_not_know_costs_the_others_nothing() {
    for seed_number in 0..4 {
        // Two of ours and two old ones; of these the strict one is a bootstrapper of ours, and calls one of them.
        let mut net = Net::default();
        for node in 0..2 {
            let mut its = settings(&address(node).to_string());
            its.bootstrapper = [3, 2, 1 - node].map(|n| Endpoint::Address(address(n))).to_vec();
            net.core(its, seed(node, seed_number));
        }
        let old = net.old_peer(2, None);
        let strict = net.strict_old_peer(3, Some(0));
        net.run(MINUTE.times(10));
        assert_eq!(net.view(0), [address(1), address(2)], "seed {seed_number}");
        assert_eq!(net.view(1), [address(0), address(2)], "seed {seed_number}");
        let its: Vec<_> = net.old(old).view.keys().copied().collect();
        assert_eq!(its, [address(0), address(1)], "seed {seed_number}");
        let (opened, ups) = (net.old(strict).opened(), ups(&net));
        net.run(MINUTE.times(60));
        let calls = net.old(strict).opened() - opened;
        assert!(calls <= 2 * 12, "seed {seed_number}: {calls} calls an hour by two");
        println!("seed {seed_number}: {calls} calls an hour at the strict one, {ups} links came up");
        assert_eq!((net.view(0).len(), net.view(1).len()), (2, 2), "seed {seed_number}");
        assert!(net.old(strict).connections().is_empty() && net.old(strict).view.is_empty());
        assert_eq!(self::ups(&net), ups, "seed {seed_number}: no link was lost for it");
        for node in 0..2 {
            let metrics = &net.state(node).metrics;
            assert_eq!((metrics.faults, metrics.bans), (0, 0), "seed {seed_number}: node {node}");
        }
    }
}

/// How often ours have found a neighbour.
fn ups(net: &Net) -> usize {
    let notes = net.nodes[..2].iter().flat_map(|node| &node.notes);
    notes.filter(|(_, note)| matches!(note, Note::NeighbourUp { .. })).count()
}

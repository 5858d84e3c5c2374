//! Section 7: what faults cost, and whom.

use super::hand::{MOMENT, capabilities};
use super::net::{Actor, Net, NodeId, address, seed, settings};
use crate::event::ConnectionId;
use crate::note::Note;
use crate::settings::{Addresses, Endpoint, Settings};
use crate::time::Duration;
use crate::wire::{AddressList, PeerMessage, kind};
use std::net::SocketAddr;

fn ours_and_hand(change: impl Fn(&mut Settings)) -> (Net, NodeId) {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    change(&mut its);
    net.core(its, seed(0, 1));
    let hand = net.scripted(1);
    (net, hand)
}

/// Bytes that are no frame of ours.
fn raw(net: &mut Net, node: NodeId, id: ConnectionId, bytes: &[u8]) {
    let to = net.other_end(node, id);
    net.event(to.0, &crate::Event::Received { connection: to.1, bytes });
    net.run(MOMENT);
}

fn points(net: &Net) -> u32 {
    let of = |(_, note): &(_, Note)| if let Note::PeerFault { fault, .. } = note { fault.points() } else { 0 };
    net.nodes[0].notes.iter().map(of).sum()
}

fn is_banned(net: &Net) -> Option<Duration> {
    net.nodes[0]
        .notes
        .iter()
        .find_map(|(_, note)| if let Note::Banned { time, .. } = note { Some(*time) } else { None })
}

const WRONG_LENGTH: [u8; 6] = [0, 6, 1, 252, 9, 9];

#[test]
fn each_fault_has_its_price() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), Some(5));
    raw(&mut net, hand, id, &WRONG_LENGTH);
    assert_eq!(points(&net), 5);
    net.say(hand, id, &[AddressList::frame_of(&[], false)]);
    assert_eq!(points(&net), 6, "505 not asked for");
    net.say(hand, id, &[PeerMessage::Push { ttl: 1, address: "10.0.0.9:0".parse().unwrap() }.frame()]);
    assert_eq!(points(&net), 7, "unusable address");
    net.say(hand, id, &vec![PeerMessage::PeerRequest.frame(); 12]);
    assert!((8..=10).contains(&points(&net)), "504 over the rate: {}", points(&net));
    let before = points(&net);
    raw(&mut net, hand, id, &[0, 3, 1, 254]);
    assert_eq!(points(&net), before + 10, "size below 4");
    assert!(net.hand(hand).is_ended(id));
}

#[test]
fn frames_of_unknown_types_cost_nothing_and_leave_the_connection_open() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), Some(5));
    for kind in [0u16, 499, 500, 501, 503, 522, 520, 521, 65_535] {
        raw(&mut net, hand, id, &[&[0, 6][..], &kind.to_be_bytes(), &[1, 2]].concat());
    }
    assert_eq!((points(&net), net.state(0).metrics.frames_unknown), (0, 9));
    assert!(!net.hand(hand).is_ended(id));
}

#[test]
fn a_hundred_points_within_ten_minutes_close_and_refuse_for_ban_time() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), Some(5));
    for _ in 0..19 {
        raw(&mut net, hand, id, &WRONG_LENGTH);
    }
    assert!(!net.hand(hand).is_ended(id) && is_banned(&net).is_none());
    raw(&mut net, hand, id, &WRONG_LENGTH);
    assert!(net.hand(hand).is_ended(id));
    assert_eq!(net.hand(hand).goodbye(id), Some(crate::wire::GoodbyeReason::Fault));
    assert_eq!(is_banned(&net), Some(Duration::from_secs(600)));
    net.run(Duration::from_secs(590));
    let again = net.call(hand, address(0));
    assert!(net.hand(hand).is_ended(again));
    net.run(Duration::from_secs(20));
    net.join(hand, address(0), Some(5));
    assert_eq!(net.view(0), [address(1)]);
}

#[test]
fn points_go_to_the_source_ip_whatever_port_is_claimed_and_add_up_over_connections() {
    let (mut net, hand) = ours_and_hand(|_| ());
    for port in 1..=5u16 {
        let id = net.call(hand, address(0));
        let claimed = SocketAddr::new(address(1).ip(), port);
        net.say(hand, id, &[capabilities(u64::from(port)), PeerMessage::Hello { address: claimed }.frame()]);
        let wrong = PeerMessage::VerificationResponse { nonce: 0, challenge: 0, address: claimed }.frame();
        net.say(hand, id, &[wrong]);
    }
    assert!(is_banned(&net).is_some());
    let id = net.call(hand, address(0));
    assert!(net.hand(hand).is_ended(id));
}

#[test]
fn a_source_ip_of_loopback_is_never_charged_but_its_connection_is() {
    let mut net = Net::default();
    net.core(settings("127.0.0.1:6001"), seed(0, 1));
    let own: SocketAddr = "127.0.0.1:6002".parse().unwrap();
    let hand = net.add(Actor::Hand(super::hand::Hand::default()), Addresses::of(own));
    let to = "127.0.0.1:6001".parse().unwrap();
    for n in 0..3 {
        let id = net.join(hand, to, Some(5 + n));
        for _ in 0..20 {
            assert!(!net.hand(hand).is_ended(id));
            raw(&mut net, hand, id, &WRONG_LENGTH);
        }
        assert!(net.hand(hand).is_ended(id), "a hundred points on one connection close it");
    }
    assert!(is_banned(&net).is_none());
}

#[test]
fn the_address_itself_is_charged_when_we_dialed_it_and_a_bootstrapper_is_refused_for_a_minute() {
    let (mut net, hand) = ours_and_hand(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    net.run(MOMENT);
    let id = net.hand(hand).accepted()[0];
    net.let_in(hand, id, Some(5));
    raw(&mut net, hand, id, &WRONG_LENGTH.repeat(20));
    assert!(net.hand(hand).is_ended(id));
    assert_eq!(is_banned(&net), Some(Duration::from_secs(60)));
    net.run(Duration::from_secs(57));
    assert_eq!(net.hand(hand).accepted().len(), 1, "not dialed meanwhile");
    let inbound = net.call(hand, address(0));
    assert!(!net.hand(hand).is_ended(inbound), "its IP is not charged: others may live there");
    net.run(Duration::from_secs(5));
    assert_eq!(net.hand(hand).accepted().len(), 2);
}

#[test]
fn a_bootstrapper_that_dialed_us_is_refused_for_a_minute_too() {
    let (mut net, hand) = ours_and_hand(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let id = net.join(hand, address(0), Some(u64::MAX));
    raw(&mut net, hand, id, &WRONG_LENGTH.repeat(20));
    assert_eq!(is_banned(&net), Some(Duration::from_secs(60)));
}

#[test]
fn who_never_says_hello_pays_two_points_each_time() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.run(Duration::from_secs(11));
    assert!(net.hand(hand).is_ended(id));
    assert_eq!((points(&net), net.hand(hand).kinds(id)), (2, vec![]), "and is told nothing");
    let polite = net.call(hand, address(0));
    net.hang_up(hand, polite);
    net.run(Duration::from_secs(11));
    assert_eq!(points(&net), 2, "a bare connect that closes costs nothing");
}

#[test]
fn who_says_what_it_can_and_then_nothing_is_closed_without_a_word() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[capabilities(5)]);
    let heard = net.hand(hand).kinds(id);
    net.run(Duration::from_secs(11));
    assert!(net.hand(hand).is_ended(id));
    assert_eq!((net.hand(hand).kinds(id), net.hand(hand).goodbye(id)), (heard, None));
}

#[test]
fn old_peers_habits_cost_nothing() {
    let (mut net, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), None);
    net.say(hand, id, &vec![PeerMessage::PeerRequest.frame(); 100]);
    net.say(hand, id, &vec![PeerMessage::Push { ttl: 3, address: address(7) }.frame(); 400]);
    net.say(hand, id, &[AddressList::frame_of(&["0.0.0.0:0".parse().unwrap()], false)]);
    net.say(hand, id, &vec![PeerMessage::Ping.frame(); 100]);
    assert_eq!(points(&net), 0);
    assert!(!net.hand(hand).is_ended(id));
    assert!(net.hand(hand).bodies(id, kind::PONG).is_empty(), "an old peer would not know it");
}

//! Section 3, sentence by sentence. What two simultaneous dials do is in `simultaneous`, old peers' ways in `old`.

use super::hand::{MOMENT, capabilities, proof};
use super::net::{Net, NodeId, address, seed, settings};
use crate::action::Action;
use crate::event::{ConnectionId, Event};
use crate::note::{EndReason, Note};
use crate::settings::{Addresses, Endpoint, Settings};
use crate::time::Duration;
use crate::wire::{AddressList, Frame, GoodbyeReason, PeerMessage, kind};
use std::net::SocketAddr;

const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
const VERIFICATION_TIMEOUT: Duration = Duration::from_secs(60);

fn hello(n: usize) -> Frame {
    PeerMessage::Hello { address: address(n) }.frame()
}

/// Ours at the first address, a scripted peer at the second.
fn ours_and_hand(change: impl Fn(&mut Settings)) -> (Net, NodeId, NodeId) {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    change(&mut its);
    let ours = net.core(its, seed(0, 1));
    let hand = net.scripted(1);
    (net, ours, hand)
}

/// Ours dials the scripted peer, its bootstrapper: the connection, as the peer knows it.
fn dialed_hand(change: impl Fn(&mut Settings)) -> (Net, NodeId, NodeId, ConnectionId) {
    let (mut net, ours, hand) = ours_and_hand(|its| {
        its.bootstrapper = vec![Endpoint::Address(address(1))];
        change(its);
    });
    net.run(MOMENT);
    let id = net.hand(hand).accepted()[0];
    (net, ours, hand, id)
}

fn faults(net: &Net, node: NodeId) -> Vec<crate::Fault> {
    let fault = |(_, note): &(_, Note)| match note {
        Note::PeerFault { fault, .. } => Some(*fault),
        _ => None,
    };
    net.nodes[node].notes.iter().filter_map(fault).collect()
}

#[test]
fn unverified_connections_are_bounded_per_source_ip() {
    let (mut net, ours, hand) = ours_and_hand(|its| its.unverified_per_ip = 3);
    let ids: Vec<_> = (0..5).map(|_| net.call(hand, address(0))).collect();
    let ended: Vec<_> = ids.iter().map(|id| net.hand(hand).is_ended(*id)).collect();
    assert_eq!(ended, [false, false, false, true, true]);
    assert_eq!((net.state(ours).status(net.now).unverified, net.state(ours).metrics.p2p_refused), (3, 2));
}

#[test]
fn unverified_connections_are_bounded_in_all_and_a_random_one_makes_room() {
    let (mut net, ours, _) = ours_and_hand(|its| (its.unverified_max, its.unverified_per_ip) = (4, 4));
    let callers: Vec<_> = (2..8).map(|n| net.scripted(n)).collect();
    let ids: Vec<_> = callers.iter().map(|node| net.call(*node, address(0))).collect();
    let open = callers.iter().zip(&ids).filter(|(node, id)| net.is_open(**node, **id)).count();
    assert_eq!((open, net.state(ours).metrics.unverified_crowded_out), (4, 2));
    assert!(net.is_open(callers[5], ids[5]), "the newcomer itself has its chance");
}

#[test]
fn a_nonce_is_for_one_connection_and_used_once() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let (one, other) = (net.call(hand, address(0)), net.call(hand, address(0)));
    net.say(hand, one, &[hello(1)]);
    net.say(hand, other, &[hello(1)]);
    let (nonce, others) = (net.hand(hand).nonce(one).unwrap(), net.hand(hand).nonce(other).unwrap());
    assert_ne!(nonce, others);
    net.say(hand, one, &[proof(nonce, address(1))]);
    assert_eq!(net.view(ours), [address(1)]);
    net.say(hand, one, &[proof(nonce, address(1))]);
    assert_eq!(net.hand(hand).bodies(one, kind::PEER_RESPONSE).len(), 1, "a nonce answered is no question any more");
    net.say(hand, other, &[proof(nonce, address(1))]);
    assert!(net.hand(hand).is_ended(other), "another connection's nonce");
}

#[test]
fn a_wrong_507_closes_the_connection() {
    let wrong_hash = |nonce: u64| {
        let puzzle = crate::pow::Puzzle { nonce, target: crate::pow::Target::ZeroBits(4) };
        let challenge = (0..).find(|challenge| !puzzle.accepts(*challenge)).unwrap();
        PeerMessage::VerificationResponse { nonce, challenge, address: address(1) }.frame()
    };
    let wrong_nonce = |nonce: u64| proof(nonce ^ 1, address(1));
    for wrong in [&wrong_hash as &dyn Fn(u64) -> Frame, &wrong_nonce] {
        let (mut net, ours, hand) = ours_and_hand(|_| ());
        let id = net.call(hand, address(0));
        net.say(hand, id, &[hello(1)]);
        let nonce = net.hand(hand).nonce(id).unwrap();
        net.say(hand, id, &[wrong(nonce)]);
        assert!(net.hand(hand).is_ended(id));
        assert_eq!(faults(&net, ours), [crate::Fault::WrongProof]);
        assert!(net.view(ours).is_empty() && net.state(ours).peers.is_empty());
    }
}

#[test]
fn a_507_from_an_address_that_nobody_can_dial_or_that_is_ours_closes_the_connection() {
    let port_0 = "10.0.0.2:0".parse().unwrap();
    for (check_source_ip, claimed, is_let_in) in
        [(true, address(1), true), (true, port_0, false), (false, port_0, false), (false, address(0), false)]
    {
        let (mut net, ours, hand) = ours_and_hand(|its| its.check_source_ip = check_source_ip);
        let id = net.call(hand, address(0));
        net.say(hand, id, &[capabilities(5), hello(1)]);
        let nonce = net.hand(hand).nonce(id).unwrap();
        net.say(hand, id, &[proof(nonce, claimed)]);
        let case = format!("{claimed}, check_source_ip {check_source_ip}");
        assert_eq!((net.view(ours).len(), net.hand(hand).is_ended(id)), (usize::from(is_let_in), !is_let_in), "{case}");
        let expected = if is_let_in { vec![] } else { vec![crate::Fault::UnusableAddress] };
        assert_eq!(faults(&net, ours), expected, "{case}");
    }
}

#[test]
fn a_507_that_was_not_asked_for_closes_the_connection() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[proof(1, address(1))]);
    assert!(net.hand(hand).is_ended(id));
    assert_eq!(faults(&net, ours), [crate::Fault::WrongProof]);
}

#[test]
fn the_acceptor_is_established_by_507_and_answers_505() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[capabilities(5), hello(1)]);
    assert_eq!(net.hand(hand).kinds(id), [kind::CAPABILITIES, kind::VERIFICATION_REQUEST], "512 right before 506");
    assert!(net.view(ours).is_empty(), "nobody who dials enters a view without proof");
    let nonce = net.hand(hand).nonce(id).unwrap();
    net.say(hand, id, &[proof(nonce, address(1))]);
    assert_eq!(net.view(ours), [address(1)]);
    assert_eq!(net.hand(hand).kinds(id).last(), Some(&kind::PEER_RESPONSE));
}

#[test]
fn the_dialer_is_established_by_505_after_507_and_not_before() {
    let (mut net, ours, hand, id) = dialed_hand(|_| ());
    assert_eq!(net.hand(hand).kinds(id), [kind::CAPABILITIES, kind::HELLO], "512 right before 508");
    net.say(hand, id, &[capabilities(5), AddressList::frame_of(&[], false)]);
    assert!(net.view(ours).is_empty());
    net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
    let answer = net.hand(hand).bodies(id, kind::VERIFICATION_RESPONSE).pop().unwrap();
    let challenge = u64::from_be_bytes(answer[8..16].try_into().unwrap());
    let puzzle = crate::pow::Puzzle { nonce: 3, target: crate::pow::Target::ZeroBits(4) };
    assert!(answer[..8] == 3u64.to_be_bytes() && puzzle.accepts(challenge));
    assert_eq!(answer[16..], [10, 0, 0, 1, 0x17, 0x71], "where we listen");
    assert!(net.view(ours).is_empty());
    net.say(hand, id, &[AddressList::frame_of(&[], false)]);
    assert_eq!(net.view(ours), [address(1)]);
    assert!(net.state(ours).status(net.now).neighbours[0].chosen);
}

#[test]
fn up_to_eight_dials_wait_for_506_at_once() {
    let (mut net, ours, hand, id) = dialed_hand(|its| (its.target_peers, its.min_peers) = (20, 4));
    let others: Vec<_> = (2..20).map(|n| net.scripted(n)).collect();
    let list: Vec<SocketAddr> = (2..20).map(address).collect();
    net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
    net.say(hand, id, &[AddressList::frame_of(&list, false)]);
    net.run(Duration::from_secs(8));
    let called = |net: &mut Net| others.iter().filter(|node| !net.hand(**node).accepted().is_empty()).count();
    assert_eq!(called(&mut net), 8);
    // One of them asks for its proof: it waits for 506 no more, and another is dialed.
    let asked = others.iter().copied().find(|node| !net.hand(*node).accepted().is_empty()).unwrap();
    let its = net.hand(asked).accepted()[0];
    net.nodes[ours].solving_takes = Duration::from_secs(30);
    net.say(asked, its, &[PeerMessage::VerificationRequest { nonce: 4 }.frame()]);
    assert_eq!(called(&mut net), 9);
}

#[test]
fn solving_takes_turns_and_one_given_up_does_not_block_the_others() {
    let (mut net, ours, hand, id) = dialed_hand(|its| its.bootstrapper.push(Endpoint::Address(address(2))));
    net.let_in(hand, id, Some(4));
    let others = [net.scripted(2), net.scripted(3)];
    net.nodes[ours].solving_takes = Duration::from_secs(1_000);
    let ask = PeerMessage::PeerRequest.frame();
    net.run(Duration::from_secs(10));
    assert!(net.hand(hand).kinds(id).contains(&ask.kind()), "short of candidates it asks");
    net.say(hand, id, &[AddressList::frame_of(&[address(2), address(3)], false)]);
    let ids: Vec<_> = others.iter().map(|node| (*node, net.hand(*node).accepted()[0])).collect();
    for (node, its) in &ids {
        net.say(*node, *its, &[PeerMessage::VerificationRequest { nonce: 9 }.frame()]);
    }
    let status = net.state(ours).status(net.now);
    assert_eq!((status.proofs, net.state(ours).metrics.proofs_wanted), (2, 2), "one done before, one begun, one waits");
    net.nodes[ours].solving_takes = Duration::from_millis(100);
    net.run(VERIFICATION_TIMEOUT);
    let metrics = &net.state(ours).metrics;
    assert_eq!((metrics.proofs_wanted, metrics.proofs_cancelled, metrics.proofs_found), (3, 1, 2));
    assert_eq!(net.state(ours).status(net.now).proofs, 0);
}

#[test]
fn the_dialer_waits_hello_timeout_for_506_and_every_trace_is_freed() {
    let (mut net, ours, hand, id) = dialed_hand(|_| ());
    net.run(HELLO_TIMEOUT.plus(MOMENT));
    assert!(net.hand(hand).is_ended(id));
    assert!(!net.state(ours).peers.keys().any(|its| net.other_end(ours, *its) == (hand, id)));
}

#[test]
fn the_dialer_waits_hello_timeout_for_505() {
    let (mut net, ours, hand, id) = dialed_hand(|_| ());
    net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
    net.run(HELLO_TIMEOUT.part(2));
    assert!(!net.hand(hand).is_ended(id));
    net.run(HELLO_TIMEOUT.part(2).plus(MOMENT));
    assert!(net.hand(hand).is_ended(id) && net.view(ours).is_empty());
}

#[test]
fn the_acceptor_waits_hello_timeout_for_hello_and_verification_timeout_for_507() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let (mute, lazy) = (net.call(hand, address(0)), net.call(hand, address(0)));
    net.say(hand, lazy, &[hello(1)]);
    net.run(HELLO_TIMEOUT);
    assert!(net.hand(hand).is_ended(mute) && !net.hand(hand).is_ended(lazy));
    net.run(VERIFICATION_TIMEOUT);
    assert!(net.hand(hand).is_ended(lazy));
    assert_eq!(faults(&net, ours), [crate::Fault::UnverifiedSilence; 2]);
    let state = net.state(ours);
    assert!(state.peers.is_empty() && state.deadline().is_none(), "every trace is freed");
}

#[test]
fn a_506_is_answered_only_where_we_said_hello_and_one_at_a_time() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), Some(5));
    net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
    assert_eq!(net.state(ours).metrics.proofs_wanted, 0, "it dialed us");
    let (mut net, ours, hand, id) = dialed_hand(|_| ());
    let ask = |nonce| PeerMessage::VerificationRequest { nonce }.frame();
    net.say(hand, id, &[ask(3), ask(4), ask(5)]);
    assert_eq!(net.hand(hand).bodies(id, kind::VERIFICATION_RESPONSE).len(), 1);
    assert_eq!(net.state(ours).metrics.proofs_wanted, 1);
}

#[test]
fn pow_per_minute_bounds_the_work_that_others_make_us_do() {
    let (mut net, ours, hand) = ours_and_hand(|its| {
        its.pow_per_minute = 2;
        its.bootstrapper = vec![Endpoint::Address(address(1))];
    });
    // It asks, takes the proof, and closes: again and again.
    for _ in 0..40 {
        net.run(Duration::from_secs(3));
        let Some(id) = net.hand(hand).accepted().last().copied().filter(|id| net.is_open(hand, *id)) else { continue };
        net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
        net.hang_up(hand, id);
    }
    let (minutes, wanted) = (net.now.as_micros() / 60_000_000, net.state(ours).metrics.proofs_wanted);
    assert!(wanted > 0 && wanted <= 2 + 2 * (minutes + 1), "{wanted} proofs in {minutes} minutes");
}

#[test]
fn a_repeated_hello_is_ignored_while_506_is_unanswered_and_asks_for_a_new_proof_afterwards() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[hello(1), hello(1), hello(1)]);
    assert_eq!(net.hand(hand).bodies(id, kind::VERIFICATION_REQUEST).len(), 1);
    let first = net.hand(hand).nonce(id).unwrap();
    net.say(hand, id, &[proof(first, address(1)), hello(1)]);
    let second = net.hand(hand).nonce(id).unwrap();
    assert_ne!(first, second);
    net.say(hand, id, &[proof(second, address(1))]);
    assert_eq!(net.hand(hand).bodies(id, kind::PEER_RESPONSE).len(), 2);
    assert_eq!((net.view(ours), net.state(ours).metrics.faults), (vec![address(1)], 0));
}

#[test]
fn who_dials_itself_closes_and_learns_its_address() {
    let mut net = Net::default();
    let mut its = settings("10.0.0.1:6001");
    its.bootstrapper = vec![Endpoint::Address("10.0.0.1:7777".parse().unwrap())];
    let ours = net.core(its, seed(0, 1));
    // Another address that leads to the same node.
    net.nodes[ours].listens = Addresses::of("10.0.0.1:7777".parse().unwrap());
    net.run(Duration::from_secs(3_600));
    let state = net.state(ours);
    assert_eq!((state.metrics.dials, state.metrics.proofs_wanted), (1, 0));
    assert!(state.peers.is_empty() && state.membership.is_own(&"10.0.0.1:7777".parse().unwrap()));
    assert!(net.nodes[ours].notes.iter().any(|(_, note)| matches!(note, Note::OwnAddress { .. })));
}

#[test]
fn a_506_with_a_nonce_of_our_own_means_that_we_dialed_ourselves() {
    let (mut net, ours, hand, id) = dialed_hand(|_| ());
    // A mirror without extensions: what we say on one connection it says to us on another.
    let other = net.call(hand, address(0));
    net.say(hand, other, &[hello(1)]);
    let nonce = net.hand(hand).nonce(other).unwrap();
    net.say(hand, id, &[PeerMessage::VerificationRequest { nonce }.frame()]);
    assert!(net.hand(hand).is_ended(id));
    assert!(net.state(ours).membership.is_own(&address(1)) && net.state(ours).metrics.proofs_wanted == 0);
}

#[test]
fn an_ip_that_is_not_the_connections_is_replaced_free_of_charge() {
    let claims = |claimed: &str, check: bool| {
        let (mut net, ours, hand) = ours_and_hand(|its| its.check_source_ip = check);
        let id = net.call(hand, address(0));
        let claimed: SocketAddr = claimed.parse().unwrap();
        net.say(hand, id, &[PeerMessage::Hello { address: claimed }.frame()]);
        let nonce = net.hand(hand).nonce(id).unwrap();
        net.say(hand, id, &[proof(nonce, claimed)]);
        assert_eq!(net.state(ours).metrics.faults, 0, "{claimed}");
        net.view(ours)[0].to_string()
    };
    assert_eq!(claims("8.8.8.8:99", true), "10.0.0.2:99");
    assert_eq!(claims("0.0.0.0:99", true), "10.0.0.2:99");
    assert_eq!(claims("8.8.8.8:99", false), "8.8.8.8:99");
    assert_eq!(claims("0.0.0.0:99", false), "10.0.0.2:99");
}

#[test]
fn the_address_in_507_replaces_that_of_hello() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[hello(1)]);
    let nonce = net.hand(hand).nonce(id).unwrap();
    net.say(hand, id, &[proof(nonce, "10.0.0.2:99".parse().unwrap())]);
    assert_eq!(net.view(ours), ["10.0.0.2:99".parse().unwrap()]);
}

#[test]
fn dials_are_bound_to_the_ip_we_listen_on_unless_it_is_unspecified_and_hello_says_the_advertised_address() {
    let from = |listens: &str| {
        let mut its = settings(listens);
        its.bootstrapper = vec![Endpoint::Address(address(1))];
        let mut state = super::GossipState::new(its, seed(0, 1), crate::time::Instant::ZERO).unwrap();
        let mut out = Vec::new();
        state.handle(crate::time::Instant::ZERO, Event::Timer, &mut out);
        out.iter().find_map(|action| if let Action::Dial { from, .. } = action { Some(*from) } else { None }).unwrap()
    };
    assert_eq!(from("10.0.0.1:6001"), Some("10.0.0.1".parse().unwrap()));
    assert_eq!(from("0.0.0.0:6001"), None);
    let (mut net, _, hand, id) =
        dialed_hand(|its| its.advertised_address = Addresses::of("192.0.2.7:4000".parse().unwrap()));
    assert_eq!(net.hand(hand).bodies(id, kind::HELLO), [[192, 0, 2, 7, 0x0f, 0xa0]]);
}

#[test]
fn before_it_is_established_nothing_but_handshake_frames_counts_and_the_rest_is_not_punished() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    let early = [
        PeerMessage::PeerRequest.frame(),
        PeerMessage::Push { ttl: 3, address: address(5) }.frame(),
        PeerMessage::PeerNotification { ttl: 3, id: 1, data_type: 1, data: &[7; 3_000] }.frame(),
        PeerMessage::Ping.frame(),
        AddressList::frame_of(&[address(6)], false),
        hello(1),
    ];
    net.say(hand, id, &early);
    let state = net.state(ours);
    assert_eq!((state.metrics.frames_early, state.metrics.faults, state.membership.candidates()), (5, 0, 0));
    assert_eq!(net.hand(hand).kinds(id), [kind::CAPABILITIES, kind::VERIFICATION_REQUEST]);
}

#[test]
fn a_restart_replaces_the_older_instance_once_its_507_is_good() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let old = net.join(hand, address(0), Some(5));
    let new = net.call(hand, address(0));
    net.say(hand, new, &[capabilities(6), hello(1)]);
    assert!(net.state(ours).membership.view.by_instance(5).is_some(), "not before its 507");
    let nonce = net.hand(hand).nonce(new).unwrap();
    net.say(hand, new, &[proof(nonce, address(1))]);
    assert!(net.state(ours).membership.view.by_instance(6).is_some());
    assert!(net.state(ours).membership.view.by_instance(5).is_none());
    net.run(Duration::from_secs(6));
    assert!(net.hand(hand).is_ended(old) && !net.hand(hand).is_ended(new));
    assert_eq!(net.view(ours), [address(1)]);
}

#[test]
fn two_instances_at_one_address_that_both_prove_alive_both_stay() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let old = net.join(hand, address(0), Some(5));
    let new = net.join(hand, address(0), Some(6));
    net.say(hand, old, &[PeerMessage::Pong.frame()]);
    for _ in 0..20 {
        // Each answers whatever it is asked.
        for id in [old, new] {
            net.say(hand, id, &[PeerMessage::Pong.frame()]);
        }
    }
    assert!(!net.hand(hand).is_ended(old) && !net.hand(hand).is_ended(new));
    assert_eq!(net.view(ours), [address(1); 2]);
    let ages: Vec<_> = net.state(ours).status(net.now).neighbours.iter().map(|neighbour| neighbour.age).collect();
    assert!(ages[0].as_secs().abs_diff(ages[1].as_secs()) >= 3, "the older is as old as it was: {ages:?}");
    let pings = net.hand(hand).bodies(old, kind::PING).len() + net.hand(hand).bodies(new, kind::PING).len();
    assert!(pings <= 3, "asked once, not for ever: {pings} PINGs");
}

/// Ours has the smaller instance: a capable peer can be made to have a greater one.
fn greater(net: &Net, node: NodeId) -> u64 {
    net.state(node).instance.checked_add(1).expect("the seed gives no such instance")
}

#[test]
fn of_two_connections_with_one_peer_the_established_one_stays_if_it_answers_a_ping() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let instance = greater(&net, ours);
    let first = net.join(hand, address(0), Some(instance));
    let second = net.call(hand, address(0));
    net.say(hand, second, &[capabilities(instance), hello(1)]);
    assert_eq!(net.hand(hand).kinds(first).last(), Some(&kind::PING));
    assert_eq!(net.hand(hand).nonce(second), None, "it waits");
    net.say(hand, first, &[PeerMessage::Pong.frame()]);
    assert_eq!(net.hand(hand).goodbye(second), Some(GoodbyeReason::Duplicate));
    assert!(net.hand(hand).is_ended(second) && !net.hand(hand).is_ended(first));
}

#[test]
fn of_two_connections_with_one_peer_a_dead_one_makes_way_after_five_seconds() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let instance = greater(&net, ours);
    let first = net.join(hand, address(0), Some(instance));
    let second = net.call(hand, address(0));
    net.say(hand, second, &[capabilities(instance), hello(1)]);
    net.run(Duration::from_secs(5));
    assert!(net.hand(hand).is_ended(first));
    let nonce = net.hand(hand).nonce(second).expect("its handshake goes on");
    net.say(hand, second, &[proof(nonce, address(1))]);
    assert_eq!(net.view(ours), [address(1)]);
}

#[test]
fn a_held_handshake_goes_on_at_once_when_the_other_connection_ends_and_is_forgotten_with_its_own() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let instance = greater(&net, ours);
    let first = net.join(hand, address(0), Some(instance));
    let second = net.call(hand, address(0));
    net.say(hand, second, &[capabilities(instance), hello(1)]);
    net.hang_up(hand, second);
    net.run(Duration::from_secs(10));
    assert!(!net.hand(hand).is_ended(first), "nobody waits for its answer any more");
    let third = net.call(hand, address(0));
    net.say(hand, third, &[capabilities(instance), hello(1)]);
    assert_eq!(net.hand(hand).nonce(third), None);
    net.hang_up(hand, first);
    assert!(net.hand(hand).nonce(third).is_some());
    assert_eq!(net.state(ours).peers.len(), 1);
}

#[test]
fn the_end_with_the_greater_instance_treats_both_as_one_neighbour_and_sends_on_the_newer() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let smaller = net.state(ours).instance - 1;
    let first = net.join(hand, address(0), Some(smaller));
    let second = net.join(hand, address(0), Some(smaller));
    assert!(!net.hand(hand).is_ended(first) && !net.hand(hand).is_ended(second));
    let neighbours = net.state(ours).status(net.now).neighbours;
    assert_eq!((neighbours.len(), neighbours[0].connections), (1, 2));
    let sends_on = net.state(ours).membership.view.iter().next().unwrap().sends_on().unwrap();
    assert_eq!(net.other_end(ours, sends_on), (hand, second));
    net.hang_up(hand, second);
    assert_eq!(net.state(ours).status(net.now).neighbours[0].connections, 1);
}

#[test]
fn a_duplicate_is_told_by_whom_so_that_another_address_of_the_same_peer_is_not_dialed_again() {
    // Two addresses of one peer whose instance is greater than ours, and both are dialed.
    for is_ours_smaller in [true, false] {
        let mut net = Net::default();
        let bootstrapper: SocketAddr = address(0);
        let alias: SocketAddr = "10.0.0.1:7777".parse().unwrap();
        let one = (0..).find(|n| {
            let instance =
                |node| super::GossipState::new(settings("1.1.1.1:1"), seed(node, *n), net.now).unwrap().instance;
            (instance(1) < instance(0)) == is_ours_smaller
        });
        let theirs = net.core(settings(&bootstrapper.to_string()), seed(0, one.unwrap()));
        let mut its = settings(&address(1).to_string());
        its.discovery = false;
        its.bootstrapper = vec![Endpoint::Address(bootstrapper), Endpoint::Address(alias)];
        let ours = net.core(its, seed(1, one.unwrap()));
        net.nodes[theirs].aliases = vec![alias];
        net.run(Duration::from_secs(3_000));
        assert_eq!(net.state(ours).status(net.now).neighbours.len(), 1);
        let dials = net.state(ours).metrics.dials;
        assert!(dials <= 5, "{dials} dials, ours is smaller: {is_ours_smaller}");
    }
}

#[test]
fn closing_in_good_order_is_goodbye_and_the_end_of_the_stream() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.join(hand, address(0), Some(5));
    net.event(ours, &Event::Shutdown);
    net.run(MOMENT);
    assert_eq!(net.hand(hand).goodbye(id), Some(GoodbyeReason::ShuttingDown));
    assert!(net.hand(hand).is_ended(id));
    let late = net.call(hand, address(0));
    assert!(net.hand(hand).is_ended(late), "nobody is let in any more");
}

#[test]
fn two_closes_right_after_507_park_the_address_and_are_noted_once() {
    let (mut net, ours, hand, first) = dialed_hand(|_| ());
    let mut id = first;
    for _ in 0..2 {
        net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 3 }.frame()]);
        net.hang_up(hand, id);
        net.run(Duration::from_secs(5));
        id = *net.hand(hand).accepted().last().unwrap();
    }
    let dials = net.state(ours).metrics.dials;
    assert_eq!(dials, 2);
    net.run(Duration::from_secs(590));
    assert_eq!(net.state(ours).metrics.dials, dials, "parked for ten minutes");
    let noted = net.nodes[ours].notes.iter().filter(|(_, note)| matches!(note, Note::ProofsRejected { .. })).count();
    assert_eq!(noted, 1);
    net.run(Duration::from_secs(8));
    assert_eq!(net.state(ours).metrics.dials, dials + 1);
}

#[test]
fn a_dial_that_hangs_is_given_up_after_connect_timeout() {
    let (mut net, ours, hand) = ours_and_hand(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    net.kill_silently(hand);
    net.run(Duration::from_secs(4));
    assert_eq!(net.state(ours).peers.len(), 1);
    net.run(Duration::from_millis(1_200));
    assert!(net.state(ours).peers.is_empty());
    assert_eq!(net.state(ours).metrics.dials_failed, 1);
    let reasons = net.nodes[ours].notes.iter().filter_map(|(_, note)| match note {
        Note::PeerClosed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [EndReason::TooSlow]);
}

#[test]
fn ipv6_nodes_join_in_the_forms_of_513() {
    let mut net = Net::default();
    let (one, other): (SocketAddr, SocketAddr) =
        ("[2001:db8::1]:6001".parse().unwrap(), "[2001:db8::2]:6001".parse().unwrap());
    let ours = net.core(settings(&one.to_string()), seed(0, 1));
    let mut its = settings(&other.to_string());
    its.bootstrapper = vec![Endpoint::Address(one)];
    let theirs = net.core(its, seed(1, 1));
    net.run(Duration::from_secs(2));
    assert_eq!((net.view(ours), net.view(theirs)), (vec![other], vec![one]));
    // What goes over the wire in it: a scripted third.
    let third = net.add(super::net::Actor::Hand(super::hand::Hand::default()), {
        Addresses::of("[2001:db8::3]:6001".parse().unwrap())
    });
    let id = net.join(third, one, Some(5));
    assert_eq!(net.view(ours).len(), 2);
    let forms = net.hand(third).bodies(id, kind::IPV6);
    assert!(forms.iter().any(|body| body[..2] == kind::PEER_RESPONSE.to_be_bytes()), "{forms:?}");
    assert!(net.hand(third).bodies(id, kind::PEER_RESPONSE).is_empty(), "no IPv4 address is known");
}

#[test]
fn a_node_of_two_families_is_one_neighbour() {
    let mut net = Net::default();
    let (v4, v6): (SocketAddr, SocketAddr) = (address(0), "[2001:db8::1]:6001".parse().unwrap());
    let both = |v4: SocketAddr, v6: &str| {
        let mut its = settings(&v4.to_string());
        its.p2p_address.set(v6.parse().unwrap());
        its
    };
    let ours = net.core(both(v4, "[2001:db8::1]:6001"), seed(0, 1));
    let mut its = both(address(1), "[2001:db8::2]:6001");
    its.bootstrapper = vec![Endpoint::Address(v6), Endpoint::Address(v4)];
    its.discovery = false;
    let theirs = net.core(its, seed(1, 1));
    net.run(Duration::from_secs(120));
    for node in [ours, theirs] {
        let neighbours = net.state(node).status(net.now).neighbours;
        assert_eq!((neighbours.len(), neighbours[0].connections), (1, 1), "{neighbours:?}");
    }
}

#[test]
fn the_first_that_a_peer_says_of_itself_counts() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let id = net.call(hand, address(0));
    net.say(hand, id, &[capabilities(5), capabilities(6), hello(1)]);
    net.prove(hand, id);
    net.say(hand, id, &[capabilities(7)]);
    let view: Vec<_> = net.state(ours).membership.view.iter().map(|neighbour| neighbour.instance).collect();
    assert_eq!(view, [Some(5)]);
    let old = net.scripted(2);
    let id = net.join(old, address(0), None);
    net.say(old, id, &[capabilities(8)]);
    let of_old = net.state(ours).membership.view.by_address(&address(2)).map(|neighbour| neighbour.instance);
    assert_eq!(of_old, Some(None), "too late");
}

#[test]
fn of_two_dials_to_one_peer_the_first_to_be_asked_for_its_proof_goes_on() {
    let (mut net, ours, hand) = ours_and_hand(|its| (its.target_peers, its.min_peers) = (8, 4));
    let alias: SocketAddr = "10.0.0.2:7777".parse().unwrap();
    net.nodes[hand].aliases = vec![alias];
    let teller = net.scripted(2);
    let id = net.join(teller, address(0), Some(9));
    net.say(teller, id, &[address(1), alias].map(|address| PeerMessage::Push { ttl: 0, address }.frame()));
    net.run(MOMENT.times(2));
    let dials = net.hand(hand).accepted();
    let [first, second] = dials[..] else { panic!("{dials:?}") };
    let instance = greater(&net, ours);
    for (id, nonce) in [(second, 3), (first, 4)] {
        let ask = PeerMessage::VerificationRequest { nonce }.frame();
        net.nodes[ours].solving_takes = Duration::from_secs(30);
        net.say(hand, id, &[capabilities(instance), ask]);
    }
    assert_eq!(net.hand(hand).goodbye(first), Some(GoodbyeReason::Duplicate));
    assert!(net.hand(hand).is_ended(first) && !net.hand(hand).is_ended(second));
}

#[test]
fn of_three_connections_with_one_peer_the_oldest_of_the_newest_ones_direction_goes() {
    let (mut net, ours, hand, dialed) = dialed_hand(|_| ());
    let smaller = net.state(ours).instance - 1;
    net.let_in(hand, dialed, Some(smaller));
    let first = net.join(hand, address(0), Some(smaller));
    let second = net.join(hand, address(0), Some(smaller));
    let ended = [dialed, first, second].map(|id| net.hand(hand).is_ended(id));
    assert_eq!(ended, [false, true, false]);
    assert_eq!(net.hand(hand).goodbye(first), Some(GoodbyeReason::Duplicate));
    assert_eq!(net.state(ours).status(net.now).neighbours[0].connections, 2);
}

#[test]
fn who_let_us_in_is_not_welcomed_unless_it_proved_itself_to_us_as_well_and_nobody_is_told_of_it() {
    for proves_itself in [false, true] {
        let (mut net, _, hand, id) = dialed_hand(|_| ());
        let other = net.scripted(2);
        let of_other = net.join(other, address(0), Some(9));
        net.say(hand, id, &[capabilities(5)]);
        if proves_itself {
            net.say(hand, id, &[hello(1)]);
            net.prove(hand, id);
        } else {
            net.say(hand, id, &[PeerMessage::VerificationRequest { nonce: 77 }.frame()]);
            net.say(hand, id, &[AddressList::frame_of(&[], false)]);
        }
        let (said, told) = (net.hand(hand).kinds(id), net.hand(other).kinds(of_other));
        assert_eq!(said.contains(&kind::PEER_RESPONSE), proves_itself, "{said:?}");
        assert_eq!(told.contains(&kind::PUSH), proves_itself, "{told:?}");
    }
}

#[test]
fn a_peer_that_joins_again_within_suppression_time_is_not_pushed_again() {
    let (mut net, ours, hand) = ours_and_hand(|_| ());
    let other = net.scripted(2);
    let of_other = net.join(other, address(0), Some(9));
    for _ in 0..2 {
        let id = net.join(hand, address(0), Some(5));
        net.hang_up(hand, id);
        assert_eq!(net.hand(other).bodies(of_other, kind::PUSH).len(), 1);
    }
    assert_eq!(net.state(ours).metrics.pushes_sent, 1);
}

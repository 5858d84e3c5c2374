//! Section 4, sentence by sentence. Whole networks are in `networks`, tables alone beside their code.

use super::hand::{Hand, MOMENT, capabilities, proof};
use super::net::{Actor, Net, NodeId, address, seed, settings};
use crate::action::Action;
use crate::event::{ConnectionId, DialError, Event};
use crate::note::{EndReason, Note};
use crate::settings::{Addresses, Endpoint, Settings};
use crate::time::Duration;
use crate::wire::{AddressList, Capabilities, Features, GoodbyeReason, Hints, PeerMessage, kind};
use std::net::SocketAddr;

const MINUTE: Duration = Duration::from_secs(60);

/// Ours at the first address, with room for a few.
fn ours(change: impl Fn(&mut Settings)) -> Net {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    (its.max_peers, its.target_peers, its.min_peers) = (6, 1, 1);
    change(&mut its);
    net.core(its, seed(0, 1));
    net
}

/// Scripted peers at the addresses of these numbers that have joined ours; who they are and their connections.
fn joined(net: &mut Net, numbers: std::ops::Range<usize>) -> Vec<(NodeId, ConnectionId)> {
    let join = |n: usize| {
        let node = net.scripted(n);
        (node, net.join(node, address(0), Some(1_000 + n as u64)))
    };
    numbers.map(join).collect()
}

/// Lets time pass while these answer PINGs.
fn live(net: &mut Net, peers: &[(NodeId, ConnectionId)], span: Duration) {
    for _ in 0..span.as_secs() / 10 {
        // Each that speaks takes a moment of the ten seconds.
        net.run(MOMENT.times(10 - peers.len() as u64));
        for (node, id) in peers {
            if net.is_open(*node, *id) {
                net.say(*node, *id, &[PeerMessage::Pong.frame()]);
            } else {
                net.run(MOMENT);
            }
        }
    }
}

fn addresses(body: &[u8]) -> Vec<SocketAddr> {
    let PeerMessage::PeerResponse(list) = PeerMessage::decode(kind::PEER_RESPONSE, body).unwrap() else { panic!() };
    list.iter().collect()
}

fn dials_to(net: &mut Net, node: NodeId) -> usize {
    net.hand(node).accepted().len()
}

#[test]
fn a_newcomer_displaces_a_young_inbound_neighbour_older_than_30_s_and_never_the_longer_connected_half() {
    let mut net = ours(|_| ());
    let first = joined(&mut net, 1..3);
    live(&mut net, &first, Duration::from_secs(20));
    let second = joined(&mut net, 3..5);
    let everybody = [first.clone(), second.clone()].concat();
    assert_eq!(net.view(0).len(), 4, "the inbound room is full");
    live(&mut net, &everybody, Duration::from_secs(40));
    let polite = joined(&mut net, 6..7)[0];
    assert_eq!(net.hand(polite.0).goodbye(polite.1), Some(GoodbyeReason::ViewFull), "only for who found no room");
    let newcomer = net.scripted(5);
    let its = net.join_urgently(newcomer, address(0), 1_005);
    assert!(net.is_open(newcomer, its));
    assert!(first.iter().all(|(node, id)| net.is_open(*node, *id)), "the longer-connected half stays");
    let gone: Vec<_> =
        second.iter().filter(|(node, id)| !net.is_open(*node, *id) || net.hand(*node).is_ended(*id)).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(net.hand(gone[0].0).goodbye(gone[0].1), Some(GoodbyeReason::Evicted));
    assert_eq!(net.view(0).len(), 4);
}

#[test]
fn a_newcomer_that_finds_no_room_gets_505_and_goodbye_and_the_network_hears_of_it_all_the_same() {
    let mut net = ours(|_| ());
    let mut members = joined(&mut net, 1..4);
    // Two are asked for proofs while there is one place.
    let (last, node) = (net.scripted(4), net.scripted(5));
    let of_last = net.greet(last, address(0), Some(capabilities(1_004)));
    let id = net.greet(node, address(0), Some(capabilities(1_005)));
    net.prove(last, of_last);
    members.push((last, of_last));
    net.prove(node, id);
    let kinds = net.hand(node).kinds(id);
    assert_eq!(kinds[kinds.len() - 2..], [kind::PEER_RESPONSE, kind::GOODBYE]);
    assert_eq!(net.hand(node).goodbye(id), Some(GoodbyeReason::ViewFull));
    let told = net.hand(node).bodies(id, kind::PEER_RESPONSE);
    assert_eq!(addresses(&told[0]).len(), 4, "whom to ask next");
    assert!(net.hand(node).is_ended(id));
    let pushed = members.iter().filter(|(node, id)| {
        net.clone().hand(*node).bodies(*id, kind::PUSH).iter().any(|body| body[2..] == [10, 0, 0, 6, 0x17, 0x71])
    });
    assert_eq!(pushed.count(), 3, "push_fanout");
    assert_eq!(net.state(0).metrics.neighbours_evicted, 0);
}

#[test]
fn who_would_find_no_room_is_told_so_and_whom_to_ask_before_it_does_any_work() {
    let mut net = ours(|_| ());
    joined(&mut net, 1..5);
    let pushes = net.state(0).metrics.pushes_sent;
    let node = net.scripted(5);
    for first in [capabilities(1_005), super::hand::urgent(1_005)] {
        // Nobody is old enough to make room for the urgent one either.
        let id = net.greet(node, address(0), Some(first));
        assert_eq!(net.hand(node).kinds(id), [kind::PEER_RESPONSE, kind::GOODBYE]);
        assert_eq!(net.hand(node).goodbye(id), Some(GoodbyeReason::ViewFull));
        assert_eq!(addresses(&net.hand(node).bodies(id, kind::PEER_RESPONSE)[0]).len(), 4);
        assert!(net.hand(node).is_ended(id));
    }
    let metrics = &net.state(0).metrics;
    assert_eq!((metrics.newcomers_turned_away, metrics.newcomers_refused), (2, 0));
    assert_eq!(metrics.pushes_sent, pushes, "nothing is spread for who did no work");
    let known = net.scripted(1);
    let id = net.greet(known, address(0), Some(capabilities(1_001)));
    assert!(net.hand(known).nonce(id).is_some(), "who is here already takes no more room");
}

#[test]
fn who_finds_no_room_is_told_who_found_none_in_the_last_minute() {
    let told = |net: &mut Net, n: usize, from: &str| {
        let node = net.add(Actor::Hand(Hand::default()), Addresses::of(from.parse().unwrap()));
        let id = net.greet(node, address(0), Some(capabilities(1_000 + n as u64)));
        let bodies = net.hand(node).bodies(id, kind::PEER_RESPONSE);
        addresses(&bodies[0]).iter().map(SocketAddr::to_string).collect::<Vec<_>>()
    };
    let [first, second, third] = ["10.0.0.21:6001", "10.0.0.22:6001", "10.0.0.23:6001"];
    let mut net = ours(|_| ());
    let members = joined(&mut net, 1..5);
    assert!(!told(&mut net, 5, first).contains(&first.to_owned()), "not of itself");
    assert_eq!(told(&mut net, 6, second).iter().filter(|address| *address == first).count(), 1);
    let both = told(&mut net, 7, third);
    assert_eq!(both.len(), 6, "max_peers: four neighbours and two without room");
    assert!(both.contains(&first.to_owned()) && both.contains(&second.to_owned()));
    live(&mut net, &members, Duration::from_secs(70));
    assert_eq!(told(&mut net, 8, "10.0.0.24:6001").len(), 4, "by now they have found room");

    let mut unchecked = ours(|its| its.check_source_ip = false);
    joined(&mut unchecked, 1..5);
    told(&mut unchecked, 5, first);
    assert_eq!(told(&mut unchecked, 6, second).len(), 4, "an IP that is only claimed may be a victim's");
}

#[test]
fn at_most_half_of_what_who_finds_no_room_is_told_are_others_like_it() {
    let mut net = ours(|_| ());
    joined(&mut net, 1..5);
    let mut told = Vec::new();
    for n in 5..15 {
        let node = net.scripted(n);
        let id = net.greet(node, address(0), Some(capabilities(1_000 + n as u64)));
        told = addresses(&net.hand(node).bodies(id, kind::PEER_RESPONSE)[0]);
    }
    assert_eq!(told.len(), 6);
    let of_view = (1..5).filter(|n| told.contains(&address(*n))).count();
    assert_eq!(of_view, 3);
}

#[test]
fn who_is_told_that_there_is_no_room_does_no_work_and_asks_those_that_it_was_told_of() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let (full, next) = (net.scripted(1), net.scripted(2));
    net.run(MOMENT);
    let id = net.hand(full).accepted()[0];
    net.say(full, id, &[AddressList::frame_of(&[address(2)], false)]);
    net.say(full, id, &[PeerMessage::Goodbye { reason: GoodbyeReason::ViewFull }.frame()]);
    net.run(MOMENT);
    assert_eq!(dials_to(&mut net, next), 1);
    let metrics = &net.state(0).metrics;
    assert_eq!((metrics.proofs_wanted, metrics.faults), (0, 0));
    net.run(Duration::from_secs(50));
    assert_eq!(dials_to(&mut net, full), 1, "not for a minute");
}

#[test]
fn who_is_turned_away_again_and_again_and_has_few_neighbours_asks_others_to_make_room() {
    let mut net = ours(|its| {
        its.bootstrapper = vec![Endpoint::Address(address(1))];
        its.min_peers = 2;
    });
    let mut urgent = Vec::new();
    let crowd: Vec<NodeId> = (1..11).map(|n| net.scripted(n)).collect();
    for (n, full) in (1..10).zip(crowd) {
        net.run(MOMENT.times(2));
        let id = net.hand(full).accepted()[0];
        let said = net.hand(full).bodies(id, kind::CAPABILITIES);
        let Ok(PeerMessage::Capabilities(theirs)) = PeerMessage::decode(kind::CAPABILITIES, &said[0]) else { panic!() };
        urgent.push(theirs.features.has(Features::URGENT));
        let told = AddressList::frame_of(&[address(n + 1)], false);
        net.say(full, id, &[told, PeerMessage::Goodbye { reason: GoodbyeReason::ViewFull }.frame()]);
    }
    assert_eq!(urgent, [false, false, false, false, false, false, true, true, true]);
}

/// Scripted peers that join from these addresses; who they are and their connections.
fn joined_from(net: &mut Net, from: &[&str]) -> Vec<(NodeId, ConnectionId)> {
    let join = |text: &&str| {
        let node = net.add(Actor::Hand(Hand::default()), Addresses::of(text.parse().unwrap()));
        let instance = net.nodes.len() as u64;
        (node, net.join(node, address(0), Some(instance)))
    };
    from.iter().map(join).collect()
}

#[test]
fn one_public_network_gets_its_share_of_the_view_and_no_more() {
    let mut net = ours(|its| (its.max_peers, its.target_peers, its.subnet_share) = (12, 1, 25));
    let of_one = joined_from(&mut net, &["91.1.0.1:6001", "91.1.0.2:6001", "91.1.3.3:6001", "91.1.4.4:6001"]);
    assert_eq!(net.view(0).len(), 3, "a quarter of twelve");
    let (node, id) = of_one[3];
    assert_eq!(net.hand(node).kinds(id), [kind::PEER_RESPONSE, kind::GOODBYE], "no work was asked of the fourth");
    let urgent = net.add(Actor::Hand(Hand::default()), Addresses::of("91.1.5.5:6001".parse().unwrap()));
    let id = net.join_urgently(urgent, address(0), 77);
    assert_eq!(net.hand(urgent).goodbye(id), Some(GoodbyeReason::ViewFull), "nor does it help to be urgent");
    joined_from(&mut net, &["91.2.0.1:6001", "91.3.0.1:6001", "192.168.0.1:6001", "192.168.0.2:6001"]);
    joined(&mut net, 1..4);
    assert_eq!(net.view(0).len(), 10, "others have their places, and private networks are exempt");
}

#[test]
fn a_candidate_of_a_network_that_has_its_share_is_not_dialed() {
    let mut net = ours(|its| (its.max_peers, its.target_peers, its.min_peers, its.subnet_share) = (12, 4, 6, 16));
    let told = joined_from(&mut net, &["91.1.0.1:6001", "91.2.0.1:6001"]);
    let hand = |net: &mut Net, text: &str| net.add(Actor::Hand(Hand::default()), Addresses::of(text.parse().unwrap()));
    let (of_crowded, of_other) = (hand(&mut net, "91.1.7.7:6001"), hand(&mut net, "91.7.0.7:6001"));
    for text in ["91.1.7.7:6001", "91.7.0.7:6001"] {
        let push = PeerMessage::Push { ttl: 0, address: text.parse().unwrap() };
        net.say(told[1].0, told[1].1, &[push.frame()]);
    }
    live(&mut net, &told, MINUTE);
    assert_eq!(dials_to(&mut net, of_crowded), 0);
    assert!(dials_to(&mut net, of_other) > 0);
}

#[test]
fn more_newcomers_than_handshakes_per_minute_are_closed_at_once() {
    let mut net = ours(|its| its.handshakes_per_minute = 60);
    for n in 1..10 {
        let node = net.scripted(n);
        let id = net.call(node, address(0));
        let hello = PeerMessage::Hello { address: address(n) }.frame();
        net.act(node, vec![Action::Send { connection: id, frame: hello }]);
        net.now = net.now.before(MOMENT);
        net.run(Duration::from_millis(50));
    }
    let metrics = &net.state(0).metrics;
    // A burst is a tenth of a minute's; one more comes by each second.
    assert!((1..=3).contains(&metrics.newcomers_over_rate), "{}", metrics.newcomers_over_rate);
}

#[test]
fn an_old_peer_may_displace_an_inbound_neighbour_of_any_age() {
    let mut net = ours(|_| ());
    joined(&mut net, 1..5);
    let node = net.scripted(5);
    let id = net.join(node, address(0), None);
    assert!(!net.hand(node).is_ended(id) && net.view(0).contains(&address(5)));
    assert_eq!(net.state(0).metrics.neighbours_evicted, 1);
}

#[test]
fn whoever_dials_within_60_s_of_being_evicted_displaces_nobody() {
    let mut net = ours(|_| ());
    let first = joined(&mut net, 1..5);
    live(&mut net, &first, Duration::from_secs(40));
    let newest = net.scripted(5);
    let newest = (newest, net.join_urgently(newest, address(0), 1_005));
    let out = first.iter().copied().find(|(node, id)| net.clone().hand(*node).is_ended(*id)).expect("one is evicted");
    let rest: Vec<_> = first.iter().copied().chain([newest]).filter(|one| *one != out).collect();
    live(&mut net, &rest, Duration::from_secs(40));
    let again = net.join_urgently(out.0, address(0), 7);
    assert_eq!(net.hand(out.0).goodbye(again), Some(GoodbyeReason::ViewFull));
    assert_eq!(net.state(0).metrics.neighbours_evicted, 1);
    live(&mut net, &rest, MINUTE);
    net.join_urgently(out.0, address(0), 7);
    assert_eq!(net.state(0).metrics.neighbours_evicted, 2, "later it may");
}

#[test]
fn whoever_claims_to_be_in_need_displaces_no_more_than_a_few_neighbours_a_minute() {
    let mut net = ours(|its| {
        (its.max_peers, its.target_peers) = (34, 1);
        // Nobody needs to be heard of meanwhile.
        (its.ping_interval, its.peer_timeout) = (MINUTE.times(10), MINUTE.times(20));
    });
    joined(&mut net, 1..33);
    assert_eq!(net.view(0).len(), 32, "the inbound room is full");
    let begun = net.now;
    let (mut displaced, mut refused) = (0_u64, 0_u64);
    for n in 40..70 {
        let newcomer = net.scripted(n);
        let id = net.join_urgently(newcomer, address(0), 1_000 + n as u64);
        let is_refused = net.hand(newcomer).goodbye(id) == Some(GoodbyeReason::ViewFull);
        (displaced, refused) = (displaced + u64::from(!is_refused), refused + u64::from(is_refused));
        net.run(MOMENT.times(2));
    }
    let (per_minute, burst) = crate::limits::DISPLACEMENTS;
    let most = u64::from(burst) + u64::from(per_minute) * (net.now.since(begun).as_secs() + 59) / 60;
    assert_eq!(displaced, net.state(0).metrics.neighbours_evicted);
    assert!((u64::from(burst)..=most).contains(&displaced), "{displaced} displaced, {most} at most");
    assert!(refused > displaced, "{refused} refused");
}

/// How often ours dials any port of a public IP in a minute, when a neighbour names a new one each second.
fn dials_to_a_victim(answers: bool) -> usize {
    const VICTIM: &str = "91.80.0.1";
    let mut net = ours(|its| (its.max_peers, its.target_peers, its.min_peers) = (32, 12, 16));
    let (node, id) = joined_from(&mut net, &["91.7.0.1:6001"])[0];
    let mut hands = Vec::new();
    for port in 7_000..7_060 {
        let address: SocketAddr = format!("{VICTIM}:{port}").parse().unwrap();
        if answers {
            hands.push(net.add(Actor::Hand(Hand::default()), Addresses::of(address)));
        }
        net.say(node, id, &[PeerMessage::Push { ttl: 0, address }.frame(), PeerMessage::Pong.frame()]);
    }
    let taken: usize = hands.into_iter().map(|hand| dials_to(&mut net, hand)).sum();
    let metrics = &net.state(0).metrics;
    assert!(metrics.candidates_added >= 50, "{}", metrics.candidates_added);
    let dials = usize::try_from(metrics.dials - metrics.probes).unwrap();
    assert_eq!(taken, if answers { dials } else { 0 });
    dials
}

#[test]
fn a_public_ip_of_which_others_told_us_is_dialed_no_oftener_than_once_in_ten_seconds_whatever_the_ports() {
    let refusing = dials_to_a_victim(false);
    assert!((3..=7).contains(&refusing), "{refusing} dials in a minute");
    // Ten seconds pass before silence is a failure.
    let silent = dials_to_a_victim(true);
    assert!((2..=4).contains(&silent), "{silent} dials in a minute");
}

#[test]
fn neighbours_that_we_chose_are_never_displaced_by_ones_that_chose_us() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let chosen = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(chosen).accepted()[0];
    net.let_in(chosen, id, None);
    for n in 2..20 {
        let node = net.scripted(n);
        net.join(node, address(0), None);
    }
    assert!(net.view(0).contains(&address(1)) && !net.hand(chosen).is_ended(id));
    assert!(net.state(0).metrics.neighbours_evicted > 5);
}

#[test]
fn evicted_or_refused_is_not_dialed_again_for_60_s_bootstrappers_included() {
    for reason in [GoodbyeReason::Evicted, GoodbyeReason::ViewFull] {
        for is_in in [true, false] {
            let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
            let node = net.scripted(1);
            net.run(MOMENT);
            let id = net.hand(node).accepted()[0];
            if is_in {
                net.let_in(node, id, Some(3));
            } else {
                net.say(node, id, &[capabilities(3)]);
            }
            net.say(node, id, &[PeerMessage::Goodbye { reason }.frame()]);
            net.run(Duration::from_secs(57));
            assert_eq!(dials_to(&mut net, node), 1, "{reason:?}, let in before: {is_in}");
            net.run(Duration::from_secs(10));
            assert_eq!(dials_to(&mut net, node), 2, "{reason:?}, let in before: {is_in}");
        }
    }
}

#[test]
fn a_fin_from_an_old_peer_counts_as_eviction() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let node = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(node).accepted()[0];
    net.let_in(node, id, None);
    net.hang_up(node, id);
    let down = |(_, note): &(_, Note)| matches!(note, Note::NeighbourDown { reason: EndReason::EvictedUs, .. });
    assert!(net.nodes[0].notes.iter().any(down));
    net.run(Duration::from_secs(55));
    assert_eq!(dials_to(&mut net, node), 1);
}

#[test]
fn the_redial_pause_falls_back_to_1_s_only_after_10_min_connected() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let node = net.scripted(1);
    net.run(MOMENT);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let id = *net.hand(node).accepted().last().unwrap();
        net.let_in(node, id, Some(3));
        let (lost_at, dialed) = (net.now, dials_to(&mut net, node));
        net.hang_up(node, id);
        while net.hand(node).accepted().len() == dialed {
            net.run(MOMENT);
        }
        pauses.push(net.now.since(lost_at).as_secs());
    }
    assert!(pauses[0] <= 2 && pauses[7] >= 44, "{pauses:?}");
    let id = *net.hand(node).accepted().last().unwrap();
    net.let_in(node, id, Some(3));
    live(&mut net, &[(node, id)], MINUTE.times(11));
    let dialed = dials_to(&mut net, node);
    net.hang_up(node, id);
    net.run(MOMENT);
    assert_eq!(dials_to(&mut net, node), dialed + 1, "settled");
}

#[test]
fn peer_request_is_answered_to_neighbours_with_the_view_less_the_asker_and_too_often_is_dropped() {
    let mut net = ours(|_| ());
    let members = joined(&mut net, 1..4);
    let (node, id) = members[0];
    let before = net.hand(node).bodies(id, kind::PEER_RESPONSE).len();
    net.say(node, id, &[PeerMessage::PeerRequest.frame()]);
    let answers = net.hand(node).bodies(id, kind::PEER_RESPONSE);
    let mut told = addresses(answers.last().unwrap());
    told.sort_unstable();
    assert_eq!((answers.len(), told), (before + 1, vec![address(2), address(3)]));
    net.say(node, id, &vec![PeerMessage::PeerRequest.frame(); 30]);
    let answered = net.hand(node).bodies(id, kind::PEER_RESPONSE).len() - before;
    assert!((9..=11).contains(&answered), "{answered} answers");
    assert!(net.state(0).metrics.frames_over_rate >= 20);
    let stranger = net.scripted(9);
    let id = net.call(stranger, address(0));
    net.say(stranger, id, &[PeerMessage::PeerRequest.frame()]);
    assert!(net.hand(stranger).kinds(id).is_empty());
}

#[test]
fn at_most_half_of_max_peers_of_a_response_become_candidates_and_only_when_asked_for() {
    let mut net = ours(|its| {
        (its.max_peers, its.target_peers) = (8, 2);
        its.bootstrapper = vec![Endpoint::Address(address(1))];
    });
    let node = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(node).accepted()[0];
    net.say(node, id, &[capabilities(3), PeerMessage::VerificationRequest { nonce: 1 }.frame()]);
    let list: Vec<SocketAddr> = (10..60).map(address).collect();
    net.say(node, id, &[AddressList::frame_of(&list, false)]);
    assert_eq!(net.state(0).metrics.candidates_added, 4);
    let other: Vec<SocketAddr> = (60..90).map(address).collect();
    net.say(node, id, &[AddressList::frame_of(&other, false)]);
    assert_eq!((net.state(0).metrics.candidates_added, net.state(0).metrics.faults), (4, 1));
}

#[test]
fn a_response_passes_on_only_what_was_reached_and_for_as_long_as_it_is_a_neighbour() {
    let mut net = ours(|_| ());
    let reachable = net.scripted(1);
    // It says that it listens where nobody does.
    let liar = net.scripted(2);
    let its_own = net.join(reachable, address(0), Some(5));
    let id = net.call(liar, address(0));
    let nowhere: SocketAddr = "10.0.0.3:9".parse().unwrap();
    net.say(liar, id, &[capabilities(6), PeerMessage::Hello { address: nowhere }.frame()]);
    let nonce = net.hand(liar).nonce(id).unwrap();
    net.say(liar, id, &[proof(nonce, nowhere)]);
    let peers = [(reachable, its_own), (liar, id)];
    let asker = net.scripted(3);
    let asks = net.join(asker, address(0), Some(7));
    assert_eq!(addresses(&net.hand(asker).bodies(asks, kind::PEER_RESPONSE)[0]), [address(1)]);
    assert_eq!(net.state(0).metrics.probes, 3, "one bare connect to each");
    live(&mut net, &[&peers[..], &[(asker, asks)]].concat(), MINUTE.times(70));
    net.say(asker, asks, &[PeerMessage::PeerRequest.frame()]);
    let last = net.hand(asker).bodies(asks, kind::PEER_RESPONSE).pop().unwrap();
    assert_eq!(addresses(&last), [address(1)], "after more than an hour too");
}

#[test]
fn private_addresses_go_only_to_askers_of_that_scope_and_are_dropped_free_of_charge_from_others() {
    let mut net = ours(|its| its.check_source_ip = false);
    let private = net.scripted(1);
    net.join(private, address(0), Some(5));
    let global: SocketAddr = "192.0.2.7:6001".parse().unwrap();
    let asker = net.add(Actor::Hand(Hand::default()), Addresses::of(global));
    let id = net.join(asker, address(0), Some(6));
    assert!(addresses(&net.hand(asker).bodies(id, kind::PEER_RESPONSE)[0]).is_empty());
    net.say(asker, id, &[PeerMessage::Push { ttl: 3, address: address(9) }.frame()]);
    let metrics = &net.state(0).metrics;
    assert_eq!((metrics.addresses_out_of_scope, metrics.faults, metrics.candidates_added), (1, 0, 0));
}

#[test]
fn a_push_becomes_a_candidate_and_goes_on_to_one_other_with_a_smaller_ttl_once() {
    let mut net = ours(|_| ());
    let members = joined(&mut net, 1..5);
    let (teller, id) = members[0];
    let pushes = |net: &mut Net| -> Vec<Vec<u8>> {
        let of = |(node, id): &(NodeId, ConnectionId)| net.hand(*node).bodies(*id, kind::PUSH);
        let all: Vec<_> = members.iter().flat_map(of).collect();
        all.into_iter().filter(|body| body[2..6] == [10, 0, 0, 10]).collect()
    };
    net.say(teller, id, &[PeerMessage::Push { ttl: 200, address: address(9) }.frame()]);
    assert_eq!(pushes(&mut net), [[0, 5, 10, 0, 0, 10, 0x17, 0x71]], "to one, ttl at most p2p_ttl");
    assert!(net.hand(teller).bodies(id, kind::PUSH).iter().all(|body| body[5] != 10), "never back");
    net.say(teller, id, &[PeerMessage::Push { ttl: 200, address: address(9) }.frame()]);
    assert_eq!(pushes(&mut net).len(), 1, "known");
    net.say(teller, id, &[PeerMessage::Push { ttl: 0, address: "10.0.0.10:2".parse().unwrap() }.frame()]);
    assert_eq!(pushes(&mut net).len(), 1, "ttl 0 goes no further");
    assert_eq!(net.state(0).metrics.candidates_added, 2);
    net.say(teller, id, &[PeerMessage::Push { ttl: 2, address: address(0) }.frame()]);
    assert_eq!((net.state(0).metrics.candidates_added, net.state(0).metrics.faults), (2, 0), "our own is ignored");
    net.say(teller, id, &[PeerMessage::Push { ttl: 2, address: "10.0.0.10:0".parse().unwrap() }.frame()]);
    assert_eq!(
        (net.state(0).metrics.candidates_added, net.state(0).metrics.faults),
        (2, 1),
        "nobody listens at port 0"
    );
}

#[test]
fn a_lost_neighbour_is_redialed_also_with_a_satisfied_view_and_a_shutdown_counts_as_lost() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let bootstrapper = net.scripted(1);
    net.run(MOMENT);
    let first = net.hand(bootstrapper).accepted()[0];
    net.let_in(bootstrapper, first, Some(3));
    let (node, id) = joined(&mut net, 2..3)[0];
    let dialed = dials_to(&mut net, node);
    net.say(node, id, &[PeerMessage::Goodbye { reason: GoodbyeReason::ShuttingDown }.frame()]);
    net.run(Duration::from_secs(2));
    assert_eq!(dials_to(&mut net, node), dialed + 1, "the spare place is for this");
    let again = *net.hand(node).accepted().last().unwrap();
    net.let_in(node, again, Some(1_002));
    assert_eq!(net.view(0), [address(1), address(2)]);
    let chosen = net.state(0).status(net.now).neighbours.iter().filter(|neighbour| neighbour.chosen).count();
    assert_eq!(chosen, 2, "the first one found keeps it");
}

#[test]
fn with_an_empty_view_bootstrappers_are_tried_for_ever_in_turn_with_backoff() {
    let mut net = ours(|its| its.bootstrapper = (1..4).map(|n| Endpoint::Address(address(n))).collect());
    net.run(MINUTE.times(300));
    let dials = net.state(0).metrics.dials;
    // Three of them, each after a minute or so in the end.
    assert!((600..=1_300).contains(&dials), "{dials} dials in five hours");
    let node = net.scripted(2);
    net.run(MINUTE.times(2));
    assert!(dials_to(&mut net, node) >= 1);
}

/// A node with two networks' worth of trust: its view is satisfied by one scripted peer, another is its bootstrapper.
fn satisfied_with_stranger() -> (Net, (NodeId, ConnectionId), NodeId) {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1)), Endpoint::Address(address(2))]);
    let first = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(first).accepted()[0];
    net.let_in(first, id, Some(3));
    let stranger = net.scripted(2);
    (net, (first, id), stranger)
}

/// Lets the node look up its bootstrappers until the stranger is called; the connection.
fn looked_up(net: &mut Net, first: (NodeId, ConnectionId), stranger: NodeId) -> ConnectionId {
    let before = dials_to(net, stranger);
    for _ in 0..300 {
        live(net, &[first], Duration::from_secs(10));
        if dials_to(net, stranger) > before {
            return *net.hand(stranger).accepted().last().unwrap();
        }
    }
    panic!("nobody looked the stranger up")
}

#[test]
fn a_capable_stranger_is_looked_up_by_a_flag_and_one_of_what_it_knows_is_dialed_if_none_is_known() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    let id = looked_up(&mut net, first, stranger);
    assert_eq!(net.hand(stranger).kinds(id), [kind::CAPABILITIES], "no HELLO");
    let said = net.hand(stranger).bodies(id, kind::CAPABILITIES);
    let Ok(PeerMessage::Capabilities(theirs)) = PeerMessage::decode(kind::CAPABILITIES, &said[0]) else { panic!() };
    assert!(theirs.features.has(Features::LOOK_UP));
    let of_theirs = net.scripted(5);
    net.say(stranger, id, &[AddressList::frame_of(&[address(5)], false)]);
    net.hang_up(stranger, id);
    assert_eq!(dials_to(&mut net, of_theirs), 1);
    // It answered: it is looked up again.
    looked_up(&mut net, first, stranger);
}

#[test]
fn that_others_once_spoke_of_a_looked_up_strangers_neighbours_does_not_make_them_known() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    net.say(first.0, first.1, &[PeerMessage::Push { ttl: 0, address: address(5) }.frame()]);
    assert_eq!(net.state(0).metrics.candidates_added, 1);
    let id = looked_up(&mut net, first, stranger);
    let of_theirs = net.scripted(5);
    net.say(stranger, id, &[AddressList::frame_of(&[address(5)], false)]);
    net.hang_up(stranger, id);
    assert_eq!(dials_to(&mut net, of_theirs), 1);
}

#[test]
fn a_stranger_without_room_names_the_next() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    let id = looked_up(&mut net, first, stranger);
    let (full, next) = (net.scripted(5), net.scripted(6));
    net.say(stranger, id, &[AddressList::frame_of(&[address(5)], false)]);
    net.hang_up(stranger, id);
    let id = net.hand(full).accepted()[0];
    net.say(full, id, &[AddressList::frame_of(&[address(6)], false)]);
    net.say(full, id, &[PeerMessage::Goodbye { reason: GoodbyeReason::ViewFull }.frame()]);
    assert_eq!(dials_to(&mut net, next), 1);
}

#[test]
fn a_look_up_whose_answer_holds_a_neighbour_dials_nobody() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    let id = looked_up(&mut net, first, stranger);
    let of_theirs = net.scripted(5);
    net.say(stranger, id, &[AddressList::frame_of(&[address(5), address(1)], false)]);
    net.hang_up(stranger, id);
    live(&mut net, &[first], MINUTE);
    assert_eq!(dials_to(&mut net, of_theirs), 0);
}

#[test]
fn an_old_stranger_is_not_looked_up_again_and_lets_nobody_in_by_it() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    let id = looked_up(&mut net, first, stranger);
    net.say(stranger, id, &[PeerMessage::Hello { address: address(2) }.frame()]);
    assert_eq!(net.hand(stranger).nonce(id), None, "the connection is for a question only");
    live(&mut net, &[first], MINUTE.times(60));
    assert_eq!(dials_to(&mut net, stranger), 1);
}

#[test]
fn a_bootstrapper_that_is_down_at_a_look_up_is_looked_up_again() {
    let (mut net, first, stranger) = satisfied_with_stranger();
    net.kill(stranger);
    live(&mut net, &[first], MINUTE.times(60));
    net.nodes[stranger].actor = Actor::Hand(Hand::default());
    looked_up(&mut net, first, stranger);
}

#[test]
fn a_look_up_is_answered_with_505_and_the_end_and_leaves_no_trace() {
    let mut net = ours(|_| ());
    joined(&mut net, 1..4);
    let stranger = net.scripted(9);
    let (pushes, probes) = (net.state(0).metrics.pushes_sent, net.state(0).metrics.probes);
    let (features, hints) = (Features::LOOK_UP, Hints::new(&[]));
    let flag = PeerMessage::Capabilities(Capabilities { version: 1, features, instance: 4, hints }).frame();
    let id = net.call(stranger, address(0));
    net.say(stranger, id, std::slice::from_ref(&flag));
    assert_eq!(net.hand(stranger).kinds(id), [kind::PEER_RESPONSE]);
    assert_eq!(addresses(&net.hand(stranger).bodies(id, kind::PEER_RESPONSE)[0]).len(), 3);
    assert!(net.hand(stranger).is_ended(id));
    let metrics = &net.state(0).metrics;
    assert_eq!((net.view(0).len(), metrics.pushes_sent, metrics.probes), (3, pushes, probes));
    for _ in 0..1_000 {
        let hand = net.call(stranger, address(0));
        net.act(stranger, vec![Action::Send { connection: hand, frame: flag.clone() }]);
        net.now = net.now.before(Duration::from_millis(999));
    }
    net.run(MOMENT);
    let answered = net.state(0).metrics.look_ups_answered;
    assert!((600..800).contains(&answered), "rate-limited: {answered}");
}

#[test]
fn our_own_address_is_struck_from_the_bootstrappers_and_with_none_left_the_node_waits_to_be_called() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(0))]);
    net.run(MINUTE.times(60));
    assert_eq!(net.state(0).metrics.dials, 0);
    let alone = net.nodes[0].notes.iter().filter(|(_, note)| matches!(note, Note::Alone)).count();
    assert_eq!(alone, 1);
}

#[test]
fn a_bootstrappers_name_is_looked_up_and_its_addresses_tried_in_turn() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Name { host: "boot".into(), port: 6001 }]);
    net.run(MINUTE);
    let unresolved = net.nodes[0].notes.iter().filter(|(_, note)| matches!(note, Note::NameUnresolved { .. })).count();
    assert_eq!((unresolved, net.state(0).metrics.dials), (1, 0), "said once");
    let ips = ["10.0.0.77", "10.0.0.1", "10.0.0.3"].map(|ip| ip.parse().unwrap()).to_vec();
    net.nodes[0].names.insert("boot".into(), ips);
    let node = net.scripted(2);
    net.run(MINUTE.times(4));
    assert!(dials_to(&mut net, node) >= 1, "the one that lives is found");
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Name { host: "me".into(), port: 6001 }];
    let mut net = Net::default();
    net.core(its, seed(0, 1));
    net.nodes[0].names.insert("me".into(), vec![address(0).ip()]);
    net.run(MINUTE);
    assert!(net.nodes[0].notes.iter().any(|(_, note)| matches!(note, Note::Alone)), "it leads to ourselves");
}

#[test]
fn a_bootstrappers_name_is_looked_up_at_every_try_and_each_time_that_it_is_lost_is_said_once() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Name { host: "boot".into(), port: 6001 }]);
    let unresolved =
        |net: &Net| net.nodes[0].notes.iter().filter(|(_, note)| matches!(note, Note::NameUnresolved { .. })).count();
    // Neither answers, so each try is followed by another.
    for place in [1, 2] {
        let node = net.scripted(place);
        net.nodes[0].names.insert("boot".into(), vec![address(place).ip()]);
        net.run(MINUTE.times(4));
        assert!(dials_to(&mut net, node) >= 1, "it moved, and is followed");
    }
    for times in 1..=2 {
        let known = net.nodes[0].names.remove("boot").unwrap();
        net.run(MINUTE.times(10));
        assert_eq!(unresolved(&net), times);
        net.nodes[0].names.insert("boot".into(), known);
        net.run(MINUTE.times(4));
    }
}

#[test]
fn discovery_off_neither_sends_nor_follows_push_and_learns_nothing_from_505() {
    let mut net = ours(|its| {
        its.discovery = false;
        its.bootstrapper = vec![Endpoint::Address(address(1))];
    });
    let node = net.scripted(1);
    net.run(MOMENT);
    let id = net.hand(node).accepted()[0];
    net.say(node, id, &[capabilities(3), PeerMessage::VerificationRequest { nonce: 1 }.frame()]);
    net.say(node, id, &[AddressList::frame_of(&[address(7)], false)]);
    joined(&mut net, 2..4);
    net.say(node, id, &[PeerMessage::Push { ttl: 4, address: address(8) }.frame()]);
    let metrics = &net.state(0).metrics;
    assert_eq!((metrics.candidates_added, metrics.pushes_sent, metrics.faults), (0, 0, 0));
    let (lost, lost_id) = joined(&mut net, 4..5)[0];
    let called = dials_to(&mut net, lost);
    net.event(lost, &Event::Timer);
    net.hang_up(lost, lost_id);
    net.run(MINUTE);
    assert_eq!(dials_to(&mut net, lost), called, "only bootstrappers are dialed");
}

#[test]
fn a_silent_capable_neighbour_gets_a_ping_and_is_closed_after_peer_timeout_an_old_one_is_not() {
    let mut net = ours(|_| ());
    let (node, id) = joined(&mut net, 1..2)[0];
    let old = net.scripted(2);
    let old_id = net.join(old, address(0), None);
    net.run(Duration::from_secs(20));
    assert_eq!(net.hand(node).bodies(id, kind::PING).len(), 1);
    net.run(Duration::from_secs(30));
    assert!(net.hand(node).is_ended(id), "45 s of silence");
    net.run(MINUTE.times(10));
    assert!(!net.hand(old).is_ended(old_id) && net.view(0) == [address(2)]);
}

#[test]
fn a_capable_asker_is_told_of_both_families_and_an_old_one_of_its_own() {
    let v6: SocketAddr = "[2001:db8::1]:6001".parse().unwrap();
    let mut net = ours(|its| its.p2p_address.set(v6));
    let far = net.add(Actor::Hand(Hand::default()), Addresses::of("[2001:db8::9]:6001".parse().unwrap()));
    let near = net.scripted(1);
    net.join(far, v6, Some(5));
    net.join(near, address(0), Some(6));
    net.run(MOMENT);
    for (n, instance, expected) in [(2, Some(7), true), (3, None, false)] {
        let asker = net.scripted(n);
        let id = net.join(asker, address(0), instance);
        let hand = net.hand(asker);
        let of = |kind| hand.bodies(id, kind);
        assert_eq!(of(kind::PEER_RESPONSE).len(), 1);
        assert!(addresses(&of(kind::PEER_RESPONSE)[0]).contains(&address(1)));
        assert_eq!(!of(kind::IPV6).is_empty(), expected, "{instance:?}");
    }
}

#[test]
fn a_renewal_from_another_address_is_not_passed_on_before_that_is_reached() {
    let mut net = ours(|_| ());
    let hand = net.scripted(1);
    let id = net.join(hand, address(0), Some(5));
    net.run(MOMENT);
    let reached = |net: &Net| net.state(0).membership.view.iter().map(|known| (known.address, known.is_reached)).next();
    assert_eq!(reached(&net), Some((address(1), true)));
    let renew = |net: &mut Net, address: SocketAddr| {
        net.say(hand, id, &[PeerMessage::Hello { address }.frame()]);
        let nonce = net.hand(hand).nonce(id).unwrap();
        net.act(hand, vec![Action::Send { connection: id, frame: proof(nonce, address) }]);
        net.run(Duration::from_millis(6));
        reached(net)
    };
    assert_eq!(renew(&mut net, address(1)), Some((address(1), true)));
    let nowhere: SocketAddr = "10.0.0.2:9".parse().unwrap();
    assert_eq!(renew(&mut net, nowhere), Some((nowhere, false)));
    assert_eq!(renew(&mut net, address(1)), Some((address(1), true)), "it was, not long ago");
}

/// Ours has called the scripted peer, its only bootstrapper, and the dial has ended so.
fn dial_ended(error: DialError) -> Net {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    net.scripted(1);
    net.event(0, &Event::Timer);
    let dialed = *net.state(0).peers.keys().next().unwrap();
    net.event(0, &Event::DialFailed { connection: dialed, error });
    net
}

#[test]
fn a_dial_that_this_host_could_not_make_says_nothing_about_the_peer() {
    for (error, is_noted) in [(DialError::Local, false), (DialError::Refused, true)] {
        let net = dial_ended(error);
        let is_lament = |(_, note): &(_, Note)| matches!(note, Note::DialFailed { .. });
        assert_eq!(net.nodes[0].notes.iter().any(is_lament), is_noted, "{error:?}");
        assert_eq!(net.state(0).membership.candidates(), usize::from(!is_noted), "{error:?}: called again, soon");
    }
}

#[test]
fn that_we_called_ourselves_is_no_failure() {
    let mut net = Net::default();
    let other: SocketAddr = "10.0.0.1:7777".parse().unwrap();
    let mut its = settings("10.0.0.1:6001");
    its.bootstrapper = vec![Endpoint::Address(other)];
    net.core(its, seed(0, 1));
    net.nodes[0].listens = Addresses::of(other);
    net.run(MOMENT);
    assert!(net.state(0).membership.is_own(&other));
    let notes = &net.nodes[0].notes;
    assert!(!notes.iter().any(|(_, note)| matches!(note, Note::DialFailed { .. })), "{notes:?}");
}

#[test]
fn who_calls_us_a_duplicate_of_nobody_is_called_again() {
    let mut net = ours(|its| (its.target_peers, its.min_peers) = (4, 2));
    let members = joined(&mut net, 1..2);
    let stranger = net.scripted(2);
    net.say(members[0].0, members[0].1, &[PeerMessage::Push { ttl: 0, address: address(2) }.frame()]);
    net.run(MOMENT.times(2));
    let id = net.hand(stranger).accepted()[0];
    let duplicate = PeerMessage::Goodbye { reason: GoodbyeReason::Duplicate }.frame();
    net.say(stranger, id, &[capabilities(1_002), duplicate]);
    net.say(members[0].0, members[0].1, &[PeerMessage::Push { ttl: 0, address: address(2) }.frame()]);
    live(&mut net, &members, MINUTE.times(2));
    net.say(members[0].0, members[0].1, &[PeerMessage::Push { ttl: 0, address: address(2) }.frame()]);
    live(&mut net, &members, MINUTE);
    assert!(dials_to(&mut net, stranger) > 1, "nobody of that instance is here under another address");
}

#[test]
fn where_else_to_ask_is_not_called_while_the_view_is_satisfied() {
    let mut net = ours(|its| its.bootstrapper = vec![Endpoint::Address(address(1))]);
    let (chosen, beyond) = (net.scripted(1), net.scripted(9));
    net.run(MOMENT);
    let members = [(chosen, net.hand(chosen).accepted()[0])];
    net.let_in(chosen, members[0].1, Some(1_001));
    let (lost, its) = joined(&mut net, 2..3)[0];
    net.hang_up(lost, its);
    net.run(MOMENT.times(3));
    let again = *net.hand(lost).accepted().last().unwrap();
    assert_eq!(net.hand(lost).kinds(again).last(), Some(&kind::HELLO), "it is looked for");
    net.say(lost, again, &[AddressList::frame_of(&[address(9)], false)]);
    net.say(lost, again, &[PeerMessage::Goodbye { reason: GoodbyeReason::ViewFull }.frame()]);
    live(&mut net, &members, MINUTE);
    assert!(net.state(0).membership.candidates() > 0);
    assert_eq!(dials_to(&mut net, beyond), 0);
}

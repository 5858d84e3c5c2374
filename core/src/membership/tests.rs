//! Who is received, who is called, and what bounds it (PROTOCOL.md, sections 4 and 11).

use super::connections::Connections;
use super::*;
use crate::event::ConnectionId;
use crate::metrics::Metrics;
use crate::settings::{Addresses, Endpoint};

const NOBODY_UNDER_WAY: UnderWay<'static> =
    UnderWay { dials: 0, unanswered: 0, dialing: &[], bootstrapping: false, busy: &[], banned_until: &|_| None };

fn address(n: u64) -> SocketAddr {
    format!("10.0.0.{n}:6001").parse().unwrap()
}

fn seconds(n: u64) -> Instant {
    Instant::ZERO.after(Duration::from_secs(n))
}

/// Eight neighbours at most: two chosen and a spare, five inbound; four are enough.
fn settings() -> Settings {
    let mut settings = Settings::new(50, 4, Addresses::of("10.9.9.9:6001".parse().unwrap()));
    (settings.max_peers, settings.target_peers, settings.min_peers) = (8, 2, 4);
    settings
}

fn membership(settings: &Settings) -> Membership {
    Membership::new(settings, [7; 32], Instant::ZERO)
}

fn join(membership: &mut Membership, n: u64, address: SocketAddr, chosen: bool) {
    let id = if chosen { ConnectionId::dialed(n) } else { ConnectionId::accepted(n) };
    membership.view.insert(Neighbour {
        id: NeighbourId(n),
        address,
        instance: Some(n),
        connections: Connections::of(id),
        chosen,
        near: 0,
        is_reached: true,
        since: Instant::ZERO,
        redial_pause: limits::REDIAL_PAUSE.0,
    });
}

/// A membership with so many neighbours that it dialed and so many that dialed it.
fn with_neighbours(settings: &Settings, chosen: u64, inbound: u64) -> Membership {
    let mut membership = membership(settings);
    (1..=chosen + inbound).for_each(|n| join(&mut membership, n, address(n), n <= chosen));
    membership
}

/// How a capable newcomer is received long after everybody else came.
fn admission(membership: &mut Membership, settings: &Settings, is_urgent: bool) -> Admission {
    membership.admit(seconds(1_000), settings, address(200), (true, is_urgent))
}

#[test]
fn a_view_never_has_more_than_max_peers_whoever_dialed_whom() {
    let settings = settings();
    for (chosen, inbound, room_for_inbound, room_for_chosen) in
        [(2, 4, true, true), (2, 5, false, true), (7, 0, true, true), (8, 0, false, false), (3, 5, false, false)]
    {
        let mut membership = with_neighbours(&settings, chosen, inbound);
        let case = format!("{chosen} chosen, {inbound} inbound");
        let expected = if room_for_inbound { Admission::Room } else { Admission::Refused };
        assert_eq!(admission(&mut membership, &settings, false), expected, "{case}");
        assert_eq!(
            membership.may_admit(seconds(1_000), &settings, address(200), false),
            room_for_inbound,
            "what is foretold is what happens: {case}"
        );
        assert_eq!(membership.has_place_for_chosen(&settings, &address(200)), room_for_chosen, "{case}");
    }
}

#[test]
fn one_public_network_has_its_share_of_the_view_and_no_more() {
    let mut settings = settings();
    settings.subnet_share = 25;
    let public = |n: u64| format!("91.7.0.{n}:6001").parse().unwrap();
    let mut membership = membership(&settings);
    for (n, has_place) in [(1, true), (2, true), (3, false)] {
        assert_eq!(membership.has_place_for_chosen(&settings, &public(n)), has_place, "neighbour {n}");
        let admission = membership.admit(seconds(1_000), &settings, public(n), (true, true));
        assert_eq!(admission == Admission::Room, has_place, "neighbour {n}");
        assert_eq!(membership.may_admit(seconds(1_000), &settings, public(n), true), has_place, "neighbour {n}");
        join(&mut membership, n, public(n), true);
    }
    assert!(membership.has_place_for_chosen(&settings, &"91.8.0.1:6001".parse().unwrap()), "another network");
}

#[test]
fn only_the_urgent_displace_and_only_so_many() {
    let settings = settings();
    let mut membership = with_neighbours(&settings, 3, 5);
    assert_eq!(admission(&mut membership, &settings, false), Admission::Refused);
    let (_, burst) = limits::DISPLACEMENTS;
    for n in 0..burst {
        assert!(membership.may_admit(seconds(1_000), &settings, address(200), true), "newcomer {n}");
        let admission = admission(&mut membership, &settings, true);
        assert!(matches!(admission, Admission::Displaces(_)), "newcomer {n}: {admission:?}");
    }
    assert!(!membership.may_admit(seconds(1_000), &settings, address(200), true));
    assert_eq!(admission(&mut membership, &settings, true), Admission::Refused, "past the rate");
    let later = seconds(2_000);
    membership.displaced(later, &settings, address(200));
    let admission = membership.admit(later, &settings, address(200), (true, true));
    assert_eq!(admission, Admission::Refused, "it made room itself just now");
}

#[test]
fn urgent_is_who_was_refused_six_times_and_has_fewer_than_min_peers() {
    let settings = settings();
    let mut few = with_neighbours(&settings, 3, 0);
    (1..limits::REFUSALS_BEFORE_URGENT).for_each(|_| few.found_no_room());
    assert!(!few.is_urgent(&settings));
    few.found_no_room();
    assert!(few.is_urgent(&settings));
    join(&mut few, 100, address(100), true);
    assert!(!few.is_urgent(&settings), "min_peers are enough");
    few.view.remove(NeighbourId(100));
    few.established(seconds(1), address(101), Some(Origin::Known));
    assert!(!few.is_urgent(&settings), "somebody had room");
}

#[test]
fn a_view_is_satisfied_that_has_somebody_and_wants_nobody() {
    let mut settings = settings();
    for (chosen, inbound, satisfied) in [(1, 5, false), (2, 1, false), (2, 2, true), (3, 5, true), (0, 8, true)] {
        let membership = with_neighbours(&settings, chosen, inbound);
        assert_eq!(membership.is_satisfied(&settings), satisfied, "{chosen} chosen, {inbound} inbound");
    }
    (settings.target_peers, settings.min_peers) = (0, 0);
    assert!(!membership(&settings).is_satisfied(&settings), "an empty view never is");
}

#[test]
fn own_addresses_are_at_most_64_each_once_and_nobody_elses_any_more() {
    let settings = settings();
    let mut membership = membership(&settings);
    let port = |n: u16| SocketAddr::from(([10, 0, 0, 1], n));
    membership.candidates.add(Instant::ZERO, port(1), 1, Instant::ZERO, &mut membership.rng);
    membership.lost.add(port(1), Instant::ZERO, Duration::ZERO, &mut membership.rng);
    assert_eq!((membership.candidates(), membership.lost()), (1, 1));
    for n in 1..=100 {
        membership.learn_own(port(n));
        membership.learn_own(port(n));
    }
    assert_eq!(membership.own.len(), 64);
    let mut distinct = membership.own.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 64);
    assert_eq!((membership.candidates(), membership.lost()), (0, 0), "what is ours is not dialed");
}

#[test]
fn a_dial_that_this_host_could_not_make_is_made_later_wherever_its_address_is_from() {
    let mut settings = settings();
    settings.bootstrapper = vec![Endpoint::Address(address(1))];
    let mut membership = membership(&settings);
    assert_eq!(membership.next_dial(seconds(0), &settings, &NOBODY_UNDER_WAY), dial(1, Origin::Bootstrapper(0)));
    membership.postponed(seconds(0), address(1), Origin::Bootstrapper(0));
    assert!(matches!(membership.next_dial(seconds(0), &settings, &NOBODY_UNDER_WAY), Next::Wait(Some(_))));
    assert_eq!(membership.candidates(), 1);
    assert!(membership.candidates.is_all_parked(seconds(0)));
    assert!(!membership.candidates.is_all_parked(Instant::ZERO.after(limits::FAILURE_PAUSE)));
    membership.lost.add(address(2), seconds(0), Duration::ZERO, &mut membership.rng);
    assert_eq!(membership.lost.pick(seconds(0), |_| Some(Instant::ZERO)), Ok(address(2)));
    membership.postponed(seconds(0), address(2), Origin::Known);
    assert!(membership.lost.pick(seconds(0), |_| Some(Instant::ZERO)).is_err(), "a redial later");
}

fn dial(n: u64, origin: Origin) -> Next {
    Next::Dial(address(n), origin)
}

#[test]
fn a_bootstrapper_whose_name_leads_nowhere_is_looked_up_again_with_growing_pauses() {
    let mut settings = settings();
    settings.bootstrapper = vec![Endpoint::Name { host: "peer.example".to_owned(), port: 6001 }];
    let mut membership = membership(&settings);
    let (mut now, mut pauses) = (Instant::ZERO, Vec::new());
    for _ in 0..4 {
        assert_eq!(membership.next_dial(now, &settings, &NOBODY_UNDER_WAY), Next::Resolve(0));
        membership.bootstrappers.resolved(0, &[]);
        membership.bootstrapper_failed(now, 0);
        let Next::Wait(Some(at)) = membership.next_dial(now, &settings, &NOBODY_UNDER_WAY) else { panic!("no pause") };
        pauses.push(at.since(now));
        now = at;
    }
    assert!(pauses.windows(2).all(|two| two[0] < two[1]), "{pauses:?}");
}

#[test]
fn a_neighbours_second_address_is_looked_for_no_longer() {
    let mut settings = settings();
    settings.bootstrapper = vec![Endpoint::Address(address(1))];
    let mut membership = membership(&settings);
    membership.candidates.add(Instant::ZERO, address(1), 1, Instant::ZERO, &mut membership.rng);
    membership.lost.add(address(1), Instant::ZERO, Duration::ZERO, &mut membership.rng);
    membership.failed(Instant::ZERO, address(1), Origin::Bootstrapper(0));
    membership.joined_twin(seconds(1), address(1), Some(Origin::Bootstrapper(0)));
    assert_eq!((membership.candidates(), membership.lost()), (0, 0));
    assert_eq!(
        membership.bootstrappers.next(true, |_| Some(Instant::ZERO)),
        Some((seconds(3), 0)),
        "it counts as called"
    );
}

#[test]
fn strangers_are_met_for_a_while_after_a_link_was_lost_and_not_for_ever() {
    let settings = settings();
    let mut membership = with_neighbours(&settings, 2, 2);
    let meets = |membership: &mut Membership| {
        membership.meet_strangers(Scope::Private, Some(address(50)), [address(60)].into_iter());
        membership.stranger.take().is_some()
    };
    let count = |membership: &mut Membership| (0..100).filter(|_| meets(membership)).count();
    let suspicious_for = limits::LOOK_UPS_AFTER_LOSS as usize;
    assert_eq!(count(&mut membership), suspicious_for, "a node that has only just begun");
    assert_eq!(count(&mut membership), 0);
    membership.lost_link();
    assert_eq!(count(&mut membership), suspicious_for);
}

#[test]
fn addresses_that_are_no_longer_remembered_take_no_room() {
    let settings = settings();
    let mut membership = membership(&settings);
    let now = Instant::ZERO;
    membership.refused_us(now, &settings, address(1));
    membership.displaced(now, &settings, address(2));
    membership.is_newcomer(now, &settings, address(3));
    membership.reached(now, address(4));
    membership.failed(now, "91.7.0.1:6001".parse().unwrap(), Origin::Known);
    membership.proof_was_rejected(now, address(6));
    let lengths = |membership: &Membership| {
        let (those, others) = (
            [&membership.refused, &membership.displaced, &membership.pushed],
            [&membership.reached, &membership.unreachable, &membership.proof_rejected],
        );
        those.into_iter().chain(others).map(Memory::len).collect::<Vec<_>>()
    };
    membership.tidy(now);
    assert_eq!(lengths(&membership), [1; 6]);
    membership.tidy(seconds(100_000));
    assert_eq!(lengths(&membership), [0; 6]);
}

#[test]
fn two_bootstrappers_without_room_bring_those_that_they_named_first_as_long_as_any_can_be_dialed() {
    let mut settings = settings();
    settings.bootstrapper = vec![Endpoint::Address(address(1))];
    for (refusals, candidate, dials, calls) in [
        (0, Some(0), 0, true),
        (1, Some(0), 0, true),
        (2, Some(0), 0, false),
        (2, Some(10), 0, true),
        (2, None, 0, true),
        (2, None, 1, false),
    ] {
        let mut membership = membership(&settings);
        (0..refusals).for_each(|_| membership.found_no_room());
        if let Some(not_before) = candidate {
            membership.candidates.add(seconds(0), address(2), 1, seconds(not_before), &mut membership.rng);
        }
        let under_way = UnderWay { dials, ..NOBODY_UNDER_WAY };
        let next = membership.next_dial(seconds(0), &settings, &under_way);
        let expected = next == dial(1, Origin::Bootstrapper(0));
        assert_eq!(expected, calls, "{refusals} refusals, candidate {candidate:?}, {dials} dials: {next:?}");
    }
}

#[test]
fn with_discovery_off_bootstrappers_are_called_until_the_view_is_full_and_nobody_else() {
    let mut settings = settings();
    (settings.discovery, settings.bootstrapper) = (false, vec![Endpoint::Address(address(1))]);
    for (neighbours, dials, calls) in [(0, 0, true), (7, 0, true), (8, 0, false), (5, 2, true), (5, 3, false)] {
        let mut membership = membership(&settings);
        (100..100 + neighbours).for_each(|n| join(&mut membership, n, address(n), true));
        membership.candidates.add(seconds(0), address(2), 1, seconds(0), &mut membership.rng);
        let under_way = UnderWay { dials, ..NOBODY_UNDER_WAY };
        let next = membership.next_dial(seconds(0), &settings, &under_way);
        let expected = if calls { dial(1, Origin::Bootstrapper(0)) } else { Next::Wait(None) };
        assert_eq!(next, expected, "{neighbours} neighbours, {dials} dials");
    }
}

#[test]
fn the_lost_and_candidates_are_dialed_in_turn() {
    let settings = settings();
    let mut membership = with_neighbours(&settings, 1, 0);
    for n in 10..14 {
        membership.lost.add(address(n), seconds(0), Duration::ZERO, &mut membership.rng);
    }
    for n in 20..24 {
        membership.candidates.add(seconds(0), address(n), 1, seconds(0), &mut membership.rng);
    }
    let mut next_is_lost = || {
        // The delay of the next candidate is over.
        membership.dial_at = Some(seconds(0));
        let next = membership.next_dial(seconds(0), &settings, &NOBODY_UNDER_WAY);
        let Next::Dial(address, Origin::Known) = next else { panic!("{next:?}") };
        membership.candidates.remove(&address);
        membership.lost.remove(&address).is_some()
    };
    assert_eq!([(); 6].map(|()| next_is_lost()), [true, false, true, false, true, false]);
}

#[test]
fn what_is_known_is_no_news_and_no_candidate() {
    let settings = settings();
    let mut membership = with_neighbours(&settings, 1, 0);
    let now = seconds(0);
    let own = "10.9.9.9:6001".parse().unwrap();
    membership.lost.add(address(50), now, Duration::ZERO, &mut membership.rng);
    membership.candidates.add(now, address(51), 1, now, &mut membership.rng);
    let mut metrics = Metrics::default();
    let mut consider = |membership: &mut Membership, address| membership.consider(now, &mut metrics, 1, address);
    for (known, is_news) in [(own, false), (address(1), false), (address(50), true), (address(51), false)] {
        assert!(!consider(&mut membership, known), "{known}");
        assert_eq!(membership.is_news(now, &settings, known), is_news, "{known}");
        assert!(!membership.is_news(now, &settings, known), "{known} for the second time");
    }
    assert_eq!(membership.candidates(), 1);
    assert!(membership.is_news(now, &settings, address(60)));
    assert!(!membership.is_news(now, &settings, address(60)), "twice is no news");
    assert!(consider(&mut membership, address(60)));
    assert!(!membership.is_newcomer(now, &settings, address(60)), "the network has heard of it");
    assert!(membership.is_newcomer(now, &settings, address(61)));
    assert!(!membership.is_newcomer(now, &settings, address(61)));
    assert!(membership.is_newcomer(now.after(settings.suppression_time), &settings, address(61)));
}

#[test]
fn only_a_look_up_that_names_no_neighbour_and_while_a_link_was_lost_lately_leads_to_strangers() {
    let settings = settings();
    let (stranger, neighbour, unknown) = (address(50), address(1), address(60));
    let unusable = SocketAddr::from(([10, 0, 0, 1], 0));
    let public = "91.7.0.1:6001".parse().unwrap();
    let meet = |is_suspicious: bool, stranger: Option<SocketAddr>, named: &[SocketAddr]| {
        let mut membership = with_neighbours(&settings, 1, 0);
        membership.suspicious_for = u32::from(is_suspicious);
        membership.meet_strangers(Scope::Private, stranger, named.iter().copied());
        (membership.stranger, membership.suspicious_for)
    };
    let own = "10.9.9.9:6001".parse().unwrap();
    assert_eq!(meet(true, Some(stranger), &[unknown]), (Some(unknown), 0));
    assert_eq!(meet(false, Some(stranger), &[unknown]), (None, 0));
    assert_eq!(meet(false, None, &[unknown]), (Some(unknown), 0), "asked of one that was dialed so");
    assert_eq!(meet(true, None, &[unknown]), (Some(unknown), 1), "it is no look-up");
    assert_eq!(meet(true, Some(stranger), &[unknown, neighbour]), (None, 0));
    assert_eq!(meet(false, Some(stranger), &[]), (Some(stranger), 0), "it is alone");
    assert_eq!(meet(false, Some(stranger), &[unusable, own]), (Some(stranger), 0), "it knows nobody that could be");
    assert_eq!(meet(true, Some(stranger), &[unusable, public]), (Some(public), 0), "whoever is global may be told");
    let loopback = "127.0.0.1:6001".parse().unwrap();
    assert_eq!(meet(true, Some(stranger), &[loopback]), (Some(stranger), 0), "of another scope");
}

#[test]
fn a_neighbour_that_dialed_us_is_reached_once_if_it_can_be_and_was_not_lately() {
    let settings = settings();
    let mut membership = membership(&settings);
    let v6 = "[fc00::1]:6001".parse().unwrap();
    for (who, is_wanted) in [(address(1), true), ("10.9.9.9:6001".parse().unwrap(), false), (v6, false)] {
        membership.wants_reached(seconds(0), &settings, who);
        membership.wants_reached(seconds(0), &settings, who);
        let next = membership.next_probe(seconds(0));
        assert_eq!((next, membership.next_probe(seconds(0))), (is_wanted.then_some(who), None), "{who}");
    }
    membership.reached(seconds(0), address(2));
    assert!(membership.is_reached(seconds(0), &address(2)) && !membership.is_reached(seconds(0), &address(3)));
    membership.wants_reached(seconds(0), &settings, address(2));
    assert_eq!(membership.next_probe(seconds(0)), None, "it was reached");
    (1..=20).filter(|n| *n != 2).for_each(|n| membership.wants_reached(seconds(0), &settings, address(n)));
    assert_eq!(membership.unreached.len(), settings.max_peers as usize);
    let without_discovery = Settings { discovery: false, ..settings };
    let mut membership = self::membership(&without_discovery);
    membership.wants_reached(seconds(0), &without_discovery, address(1));
    assert_eq!(membership.next_probe(seconds(0)), None);
}

#[test]
fn a_bootstrapper_that_is_ourselves_is_struck_and_the_others_are_looked_up_in_turn() {
    let endpoints: Vec<_> = (1..=3).map(|n| Endpoint::Address(address(n))).collect();
    let mut bootstrappers = Bootstrappers::new(&endpoints, &[], Instant::ZERO);
    assert!(bootstrappers.contains(&address(1)) && !bootstrappers.contains(&address(9)));
    let turns = |bootstrappers: &mut Bootstrappers, must_answer| {
        let next = |_| bootstrappers.next_look_up(must_answer).and_then(|(_, address)| address);
        (0..4).map(next).map(|found| found.map(|found| found.ip().to_string())).collect::<Vec<_>>()
    };
    let ip = |n: u8| Some(format!("10.0.0.{n}"));
    assert_eq!(turns(&mut bootstrappers, false), [ip(1), ip(2), ip(3), ip(1)]);
    bootstrappers.strike(address(2));
    assert_eq!(turns(&mut bootstrappers, false), [ip(3), ip(1), ip(3), ip(1)]);
    bootstrappers.answers_look_ups(&address(1), false);
    bootstrappers.answers_look_ups(&address(3), true);
    assert_eq!(
        turns(&mut bootstrappers, true),
        [ip(3), ip(3), ip(3), ip(3)],
        "one that does not answer is passed over"
    );
    assert_eq!(turns(&mut bootstrappers, false), [ip(1), ip(3), ip(1), ip(3)], "unless any will do");
    assert!(!bootstrappers.is_empty());
    [1, 3].into_iter().for_each(|n| bootstrappers.strike(address(n)));
    assert!(bootstrappers.is_empty());
    assert_eq!(turns(&mut bootstrappers, false), [None, None, None, None]);
}

#[test]
fn a_bootstrapper_that_was_reached_is_not_called_again_at_once() {
    let mut bootstrappers = Bootstrappers::new(&[Endpoint::Address(address(1))], &[], Instant::ZERO);
    let next = |bootstrappers: &Bootstrappers| bootstrappers.next(true, |_| Some(Instant::ZERO));
    assert_eq!(next(&bootstrappers), Some((seconds(0), 0)));
    assert_eq!(bootstrappers.established(0, seconds(5)), Some(limits::REDIAL_PAUSE.0));
    assert_eq!(next(&bootstrappers), Some((seconds(5).after(limits::REDIAL_PAUSE.0), 0)));
    assert_eq!(bootstrappers.established(1, seconds(5)), None, "nobody");
}

#[test]
fn the_lost_are_as_many_as_the_view_and_the_first_lost_makes_room() {
    let settings = settings();
    let mut membership = membership(&settings);
    let (most, rng) = (u64::from(settings.max_peers), &mut membership.rng);
    (1..=most).for_each(|n| membership.lost.add(address(n), seconds(n), Duration::ZERO, rng));
    membership.lost.add(address(2), seconds(20), Duration::ZERO, rng);
    assert_eq!(membership.lost.len() as u64, most, "lost again is lost once");
    assert!(membership.lost.contains(&address(1)));
    membership.lost.add(address(100), seconds(21), Duration::ZERO, rng);
    membership.lost.add(address(101), seconds(22), Duration::ZERO, rng);
    let here: Vec<bool> = [1, 2, 3, 4, 100, 101].map(|n| membership.lost.contains(&address(n))).to_vec();
    assert_eq!((here, membership.lost.len() as u64), (vec![false, true, false, true, true, true], most));
    membership.lost.expire(seconds(4).after(limits::LOST_TIME));
    assert!(!membership.lost.contains(&address(4)) && membership.lost.contains(&address(5)), "at its very time");
}

#[test]
fn candidates_are_all_parked_if_none_may_be_dialed_now() {
    let settings = settings();
    let mut membership = membership(&settings);
    assert!(membership.candidates.is_all_parked(seconds(0)), "there are none");
    membership.candidates.add(seconds(0), address(1), 1, seconds(5), &mut membership.rng);
    membership.candidates.add(seconds(0), address(2), 1, seconds(9), &mut membership.rng);
    assert_eq!([0, 4, 5, 9].map(|n| membership.candidates.is_all_parked(seconds(n))), [true, true, false, false]);
}

#[test]
fn never_dialed_is_what_is_dialed_already_ours_foreign_a_neighbour_or_of_a_crowded_network() {
    let mut settings = settings();
    settings.p2p_address = Addresses::of("91.9.9.9:6001".parse().unwrap());
    settings.subnet_share = 1;
    let mut membership = membership(&settings);
    let [neighbour, crowded, free, busy, v6] =
        ["91.7.0.1:1", "91.7.0.2:1", "91.8.0.1:1", "91.8.0.2:1", "[2001:db8::1]:1"].map(|text| text.parse().unwrap());
    join(&mut membership, 1, neighbour, true);
    membership.learn_own("91.8.0.3:1".parse().unwrap());
    let under_way = UnderWay { busy: &[busy], ..NOBODY_UNDER_WAY };
    let is_dialed = |membership: &Membership, address: SocketAddr| {
        let mut membership = membership.clone();
        membership.candidates.add(seconds(0), address, 1, seconds(0), &mut membership.rng);
        membership.dial_at = Some(seconds(0));
        let next = membership.next_dial(seconds(0), &settings, &under_way);
        next == Next::Dial(address, Origin::Known)
    };
    assert!(is_dialed(&membership, free));
    let private: SocketAddr = "10.0.0.1:1".parse().unwrap();
    assert!(is_dialed(&membership, private), "private networks are exempt");
    for (never, why) in [
        (busy, "dialed already"),
        ("91.9.9.9:6001".parse().unwrap(), "ours"),
        ("91.8.0.3:1".parse().unwrap(), "learned to be ours"),
        (v6, "of a family without us"),
        (neighbour, "a neighbour"),
        (crowded, "of a crowded network"),
    ] {
        assert!(!is_dialed(&membership, never), "{why}");
    }
    join(&mut membership, 2, private, true);
    assert!(!is_dialed(&membership, private), "a neighbour of a network that is never crowded");
}

#[test]
fn after_a_failed_dial_nobody_of_the_same_64_bits_of_public_ipv6_is_dialed_for_10_s() {
    let mut settings = settings();
    settings.p2p_address.set("[2001:db8::9]:6001".parse().unwrap());
    let mut membership = membership(&settings);
    let [failed, sibling, stranger] =
        ["[2a00:1:2:3::1]:1", "[2a00:1:2:3::2]:2", "[2a00:1:2:4::1]:1"].map(|text| text.parse().unwrap());
    membership.failed(seconds(0), failed, Origin::Known);
    let dialable_at = |membership: &Membership, address: SocketAddr, dialing: &[IpAddr]| {
        let under_way = UnderWay { dialing, ..NOBODY_UNDER_WAY };
        membership.hearsay_dialable_at(seconds(0), &settings, &under_way, &address)
    };
    assert_eq!(dialable_at(&membership, sibling, &[]), Some(seconds(10)));
    assert_eq!(dialable_at(&membership, stranger, &[]), Some(Instant::ZERO));
    let being_dialed = crate::address::holder("2a00:1:2:4::7".parse().unwrap());
    assert_eq!(dialable_at(&membership, stranger, &[being_dialed]), None, "one at a time");
}

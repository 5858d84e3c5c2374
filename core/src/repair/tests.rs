//! Rules of section 12 and 13 that are seen better from within than by a neighbour.

use super::*;
use crate::limits::{OTHER_OFFERERS_MAX, WANTS_PER_NEIGHBOUR};
use crate::settings::{Addresses, Spreading};
use crate::wire::PeerMessage;

mod asking;
mod lazy;
mod turns;

const TYPE: u16 = 1337;

pub(super) fn settings() -> Settings {
    Settings::new(4, 3, Addresses::of("10.9.9.9:6001".parse().unwrap()))
}

pub(super) fn seconds(n: u64) -> Instant {
    Instant::ZERO.after(Duration::from_secs(n))
}

pub(super) fn entry(now: Instant, id: u16) -> Entry {
    Entry::new(now, Age::then(now, Duration::ZERO), id, Some(9), Payload::new(TYPE, &id.to_be_bytes()))
}

pub(super) fn digest(id: u16) -> Digest {
    digest_of(id, TYPE, &id.to_be_bytes())
}

/// Repair with neighbours of these numbers, all interested in the type.
fn repair(settings: &Settings, neighbours: &[u64]) -> Repair {
    let mut repair = Repair::new(settings, [7; 32], Instant::ZERO);
    neighbours.iter().for_each(|n| link(&mut repair, *n));
    repair
}

fn link(repair: &mut Repair, n: u64) {
    assert!(repair.link_up(NeighbourId(n)));
    let frame = Interest::frame_of(&[TYPE]).to_vec();
    let Ok(PeerMessage::Interest(interest)) = PeerMessage::decode(crate::wire::kind::INTEREST, &frame[4..]) else {
        panic!("no INTEREST")
    };
    assert_eq!(repair.interest(Instant::ZERO, NeighbourId(n), interest), Ok(vec![]));
}

fn link_of(repair: &mut Repair, n: u64) -> &mut Link {
    repair.links.get_mut(&NeighbourId(n)).unwrap()
}

fn offered(repair: &mut Repair, now: Instant, from: u64, digests: &[Digest], age: u16) -> Out {
    let mut out = Out::new();
    let offers = digests.iter().map(|digest| Offer { digest: *digest, age });
    assert_eq!(repair.offered(now, &settings(), NeighbourId(from), offers, &mut out), Ok(()));
    out
}

fn wanted(n: u64, digests: &[Digest]) -> (NeighbourId, Say) {
    (NeighbourId(n), Say::Want(digests.to_vec()))
}

#[test]
fn what_grows_old_next_is_what_is_known_unless_it_is_replayed_or_what_is_wanted() {
    let mut settings = settings();
    let mut repair = repair(&settings, &[1]);
    assert_eq!(repair.next_expiry(&settings), None);
    let payload = Payload::new(TYPE, b"x");
    let age = Age::then(seconds(5), Duration::ZERO);
    repair.learn(
        seconds(5),
        &settings,
        Learned { id: 7, ttl: Some(9), payload: &payload, age, is_fetched: false, senders: &[] },
    );
    assert_eq!(repair.next_expiry(&settings), Some(seconds(5).after(settings.suppression_time)));
    settings.replay = true;
    assert_eq!(repair.next_expiry(&settings), None);
    // Ten seconds old, in tenths.
    offered(&mut repair, seconds(20), 1, &[99], 100);
    let old = repair.wants.values().next().unwrap().age.now(seconds(20));
    assert_eq!(repair.next_expiry(&settings), Some(seconds(20).after(settings.suppression_time).before(old)));
}

#[test]
fn a_want_is_as_young_as_the_youngest_that_was_said_of_it() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2, 3]);
    let age = |repair: &Repair| repair.wants.get(&99).unwrap().age.now(seconds(0));
    assert_eq!(offered(&mut repair, seconds(0), 1, &[99], 20), [wanted(1, &[99])]);
    let first = age(&repair);
    assert!(offered(&mut repair, seconds(0), 2, &[99], 40).is_empty());
    assert_eq!(age(&repair), first, "older: it would not go on");
    assert!(offered(&mut repair, seconds(0), 3, &[99], 10).is_empty());
    assert_eq!(age(&repair), first.part(2), "younger");
}

#[test]
fn others_that_offer_the_same_are_noted_once_each_and_so_many() {
    let settings = settings();
    let neighbours: Vec<u64> = (1..=8).collect();
    let mut repair = repair(&settings, &neighbours);
    for n in neighbours.iter().chain(&neighbours) {
        offered(&mut repair, seconds(0), *n, &[99], 1);
    }
    let expected: Vec<_> = (2..).take(OTHER_OFFERERS_MAX).map(NeighbourId).collect();
    assert_eq!(repair.wants.get(&99).unwrap().others, expected);
}

#[test]
fn a_neighbour_has_so_many_wants_and_those_that_are_waited_for_stay() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2]);
    let mut offer = |from, first: u64, count| {
        let digests: Vec<Digest> = (first..first + count as u64).collect();
        let asked = offered(&mut repair, seconds(0), from, &digests, 1);
        asked.iter().map(|(_, say)| if let Say::Want(asked) = say { asked.len() } else { 0 }).sum::<usize>()
    };
    let half = WANTS_PER_NEIGHBOUR / 2;
    assert_eq!((offer(1, 0, half), offer(1, 10_000, half), offer(1, 20_000, half)), (half, half, 0));
    assert_eq!(offer(2, 30_000, half), half, "another's share");
    // What is waited for no more makes room for as many.
    for digest in 0..10 {
        repair.wants.get_mut(&digest).unwrap().asked = 0;
    }
    let digests: Vec<Digest> = (40_000..40_020).collect();
    assert_eq!(offered(&mut repair, seconds(0), 1, &digests, 1), [wanted(1, &digests[..10])]);
    assert_eq!(repair.wants(), WANTS_PER_NEIGHBOUR + half);
}

#[test]
fn what_several_neighbours_left_behind_is_asked_of_the_next_in_one_frame() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2, 3]);
    assert_eq!(offered(&mut repair, seconds(0), 1, &[10, 11, 12], 1), [wanted(1, &[10, 11, 12])]);
    offered(&mut repair, seconds(0), 2, &[10, 11], 1);
    offered(&mut repair, seconds(0), 3, &[12], 1);
    repair.link_down(seconds(1), NeighbourId(1));
    let mut out = Out::new();
    repair.run(seconds(1), &settings, &|_| u64::MAX, &mut out);
    assert_eq!(out, [wanted(2, &[10, 11]), wanted(3, &[12])]);
    let own = |n| repair.links.get(&NeighbourId(n)).unwrap().wants.iter().copied().collect::<Vec<_>>();
    assert_eq!((own(2), own(3)), (vec![10, 11], vec![12]), "they answer for it now");
}

#[test]
fn what_nobody_else_offered_leaves_with_its_neighbour_and_so_does_what_came() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2]);
    offered(&mut repair, seconds(0), 1, &[digest(7), 10], 1);
    offered(&mut repair, seconds(0), 2, &[digest(7)], 1);
    assert!(repair.comes(seconds(0), NeighbourId(1), 7, TYPE, &7u16.to_be_bytes()).is_some());
    assert!(repair.wants.get(&digest(7)).unwrap().is_done);
    repair.link_down(seconds(1), NeighbourId(1));
    assert_eq!(repair.wants(), 0);
}

#[test]
fn a_link_has_a_bit_of_its_own_that_means_nothing_to_who_has_it_next() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2, 3]);
    let bit = |repair: &Repair, n| repair.links.get(&NeighbourId(n)).unwrap().bit;
    assert_eq!([1, 2, 3].map(|n| bit(&repair, n)), [1, 2, 4]);
    let payload = Payload::new(TYPE, b"x");
    let age = Age::then(seconds(0), Duration::ZERO);
    let senders = [NeighbourId(1), NeighbourId(2), NeighbourId(2)];
    let learned = Learned { id: 7, ttl: Some(9), payload: &payload, age, is_fetched: false, senders: &senders };
    let number = repair.learn(seconds(0), &settings, learned).unwrap();
    repair.knowledge.get_mut(number).unwrap().open = 7;
    assert_eq!(repair.knowledge.get(number).unwrap().told, 3);
    repair.link_down(seconds(0), NeighbourId(2));
    link(&mut repair, 4);
    assert_eq!([1, 3, 4].map(|n| bit(&repair, n)), [1, 4, 2], "the place that is free");
    let entry = repair.knowledge.get(number).unwrap();
    assert_eq!((entry.told, entry.open), (1, 5));
}

#[test]
fn who_offers_what_is_here_has_it_and_is_not_offered_it() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2]);
    let number = repair.knowledge.push(&settings, entry(seconds(0), 7), |_, _| ());
    assert!(offered(&mut repair, seconds(0), 2, &[digest(7)], 1).is_empty());
    assert!(offered(&mut repair, seconds(0), 1, &[digest(7)], 1).is_empty());
    assert_eq!((repair.knowledge.get(number).unwrap().told, repair.wants()), (3, 0));
}

#[test]
fn whom_a_message_was_pushed_to_is_marked_wherever_it_is_looked_for_and_only_if_it_subscribes() {
    let settings = settings();
    let mut repair = repair(&settings, &[3, 1, 2, 5]);
    link_of(&mut repair, 5).interest = Types::listed(vec![TYPE + 1]);
    let payload = Payload::new(TYPE, b"x");
    let age = Age::then(seconds(5), Duration::ZERO);
    let learned = Learned { id: 7, ttl: Some(9), payload: &payload, age, is_fetched: false, senders: &[] };
    let number = repair.learn(seconds(5), &settings, learned).unwrap();
    let mut pushing = repair.pushing(number).unwrap();
    // 3 is the third, 1 is not the last, 4 takes no part, 5 does not subscribe.
    [(3, 2), (1, 3), (4, 0), (5, 3)].into_iter().for_each(|(n, near)| pushing.to(NeighbourId(n), near));
    let told = repair.knowledge.get(number).unwrap().told;
    assert_eq!(told, link_of(&mut repair, 1).bit | link_of(&mut repair, 3).bit);
    assert!(repair.pushing(number + 1).is_none());
}

#[test]
fn with_spreading_tree_there_is_something_for_it_only_with_a_knowledge_base() {
    let mut settings = settings();
    assert!(repair(&settings, &[]).lazy.is_none());
    settings.spreading = Spreading::Tree;
    assert!(repair(&settings, &[]).lazy.is_some());
    settings.cache_size = 0;
    assert!(repair(&settings, &[]).lazy.is_none());
}

#[test]
fn types_exceed_others_by_any_that_those_have_not() {
    let these = |types: &[u16]| Types::listed(types.to_vec());
    let cases = [
        (Types::All, Types::All, false),
        (Types::All, these(&[1]), true),
        (these(&[1]), Types::All, false),
        (these(&[]), these(&[]), false),
        (these(&[1]), these(&[]), true),
        (these(&[1, 2]), these(&[1, 3]), true),
        (these(&[1]), these(&[1, 3]), false),
        (these(&[1]), these(&[3]), true),
        (these(&[1, 3]), these(&[1]), true),
    ];
    for (types, other, exceeds) in cases {
        assert_eq!(types.exceeds(&other), exceeds, "{types:?} and {other:?}");
    }
    assert!(these(&[]).is_none() && !these(&[1]).is_none() && !Types::All.is_none());
    assert!(Types::All.has(7) && these(&[7]).has(7) && !these(&[8]).has(7));
    assert!(these(&[9, 7, 9]).has(7) && !these(&[9, 7, 9]).has(8) && these(&[7, 7]) == these(&[7]));
}

#[test]
fn what_is_too_young_to_be_offered_is_offered_with_the_next_turn_and_then_there_is_silence() {
    let settings = settings();
    let mut repair = repair(&settings, &[1]);
    let mut out = Out::new();
    let mut turn = |repair: &mut Repair| {
        let at = repair.deadline()?;
        out.clear();
        repair.run(at, &settings, &|_| u64::MAX, &mut out);
        let offers = |(_, say): &(NeighbourId, Say)| if let Say::Have(offers) = say { offers.len() } else { 0 };
        Some(out.iter().map(offers).sum::<usize>())
    };
    // The first turns are INTEREST's.
    while turn(&mut repair).is_some() {}
    let learn = |repair: &mut Repair, at: Instant, id: u16| {
        let payload = Payload::new(TYPE, &id.to_be_bytes());
        let age = Age::then(at, Duration::ZERO);
        repair.learn(
            at,
            &settings,
            Learned { id, ttl: Some(9), payload: &payload, age, is_fetched: false, senders: &[] },
        );
    };
    learn(&mut repair, seconds(10), 1);
    let at = repair.deadline().unwrap();
    learn(&mut repair, at.before(settings.repair_interval.part(10)), 2);
    assert_eq!(repair.deadline(), Some(at));
    assert_eq!([(); 3].map(|()| turn(&mut repair)), [Some(1), Some(1), None]);
}

/// The same with `spreading = tree`, all neighbours taking part in that.
fn with_trees(neighbours: &[u64]) -> Repair {
    let mut repair = repair(&Settings { spreading: Spreading::Tree, ..settings() }, neighbours);
    let bits: u64 = repair.links.values().map(|link| link.bit).sum();
    repair.lazy.as_mut().unwrap().trees.link_up(bits);
    repair
}

#[test]
fn trees_of_types_without_subscribers_here_are_forgotten() {
    let mut repair = with_trees(&[1]);
    let way = |repair: &Repair| repair.lazy.as_ref().unwrap().trees.way(7, 1);
    repair.lazy.as_mut().unwrap().trees.turned(7, 1, crate::tree::Turn::Prune);
    repair.keep_trees(|| vec![6, 7]);
    assert_eq!(way(&repair), crate::tree::Way::Offer);
    repair.keep_trees(|| vec![6, 8]);
    assert_eq!(way(&repair), crate::tree::Way::Push);
}

#[test]
fn whoever_offered_sent_or_says_that_it_has_what_came_lately_has_it() {
    let mut repair = with_trees(&[1, 2, 3, 4]);
    let mut out = Out::new();
    for n in [1, 2] {
        let offers = [Offer { digest: digest(7), age: 1 }].into_iter();
        assert_eq!(repair.offered_lazily(seconds(0), &settings(), NeighbourId(n), TYPE, offers, &mut out), Ok(()));
    }
    assert_eq!(out, [], "it may be on its way");
    // One of those that offered it was the one that sent it.
    repair.remember(seconds(0), Some(NeighbourId(2)), (7, TYPE, &7u16.to_be_bytes()));
    let has_it = |repair: &Repair| repair.lazy.as_ref().unwrap().recent.get(&digest(7)).copied();
    assert_eq!(has_it(&repair), Some(1 | 2));
    assert!(repair.is_here(digest(7), 4) && !repair.is_here(digest(8), 4));
    assert_eq!(has_it(&repair), Some(1 | 2 | 4));
}

//! Section 12, one turn at a time: what is offered, asked of the next and answered when there is little room.

use super::*;
use crate::limits::{ANSWERS_WAITING_MAX, DIGESTS_PER_FRAME, EMPTY_OFFERS_MAX, OFFERS_SENT};
use crate::repair::offering::offer_one;

fn learn(repair: &mut Repair, now: Instant, id: u16, is_fetched: bool) -> u64 {
    let payload = Payload::new(TYPE, &id.to_be_bytes());
    let age = Age::then(now, Duration::ZERO);
    let learned = Learned { id, ttl: Some(9), payload: &payload, age, is_fetched, senders: &[] };
    repair.learn(now, &settings(), learned).unwrap()
}

/// Repair with these neighbours, which have been told everything so far.
fn at_rest(settings: &Settings, neighbours: &[u64]) -> Repair {
    let mut repair = repair(settings, neighbours);
    while let Some(at) = repair.deadline() {
        repair.run(at, settings, &|_| u64::MAX, &mut Out::new());
    }
    repair
}

/// How many messages whom is offered.
fn offers_in(out: &Out) -> Vec<(u64, usize)> {
    let count = |(neighbour, say): &(NeighbourId, Say)| match say {
        Say::Have(offers) => Some((neighbour.0, offers.len())),
        _ => None,
    };
    out.iter().filter_map(count).collect()
}

#[test]
fn an_offer_finds_no_place_in_a_full_frame_nor_beyond_the_rate() {
    let settings = settings();
    let mut repair = repair(&settings, &[1]);
    let number = learn(&mut repair, seconds(1), 7, false);
    let mut offers = |count: usize, rest: u64| {
        let mut list = vec![Offer { digest: 0, age: 0 }; count];
        let mut link = link_of(&mut repair, 1).clone();
        let all = u64::from(OFFERS_SENT.1);
        assert!(link.rates(seconds(1)).offers_sent.take_many(seconds(1), all - rest));
        let is_offered = offer_one(&mut repair.knowledge, &mut link, number, seconds(1), &mut list);
        assert_eq!(list.len(), count + usize::from(is_offered));
        is_offered
    };
    assert!(offers(DIGESTS_PER_FRAME - 1, 1));
    assert!(!offers(DIGESTS_PER_FRAME, 1) && !offers(0, 0));
}

#[test]
fn who_has_no_room_or_is_owed_much_is_offered_the_rest_later() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2, 3]);
    learn(&mut repair, seconds(10), 7, false);
    link_of(&mut repair, 3).owed = vec![(0, 0); ANSWERS_WAITING_MAX].into();
    let turn = |repair: &mut Repair, room: u64| {
        let at = repair.deadline()?;
        let mut out = Out::new();
        repair.offers_at = repair.offers_at.filter(|offers_at| *offers_at > at);
        repair.offer(at, &settings, &|neighbour| if neighbour == NeighbourId(1) { room } else { u64::MAX }, &mut out);
        repair.set_due();
        Some(offers_in(&out))
    };
    assert_eq!(turn(&mut repair, 0), Some(vec![(2, 1)]));
    assert_eq!(turn(&mut repair, 0), Some(vec![]), "and tried again");
    assert_eq!(turn(&mut repair, u64::MAX), Some(vec![(1, 1)]));
    link_of(&mut repair, 3).owed.clear();
    assert_eq!(turn(&mut repair, u64::MAX), Some(vec![(3, 1)]));
    assert_eq!(turn(&mut repair, u64::MAX), None, "then there is silence");
}

#[test]
fn who_has_no_room_and_nothing_to_be_offered_is_not_tried_again() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2]);
    learn(&mut repair, seconds(10), 7, false);
    while let Some(at) = repair.deadline() {
        repair.run(at, &settings, &|_| u64::MAX, &mut Out::new());
    }
    repair.may_have_missed(seconds(20), &settings, NeighbourId(2));
    let mut out = Out::new();
    let at = repair.deadline().unwrap();
    repair.run(at, &settings, &|neighbour| if neighbour == NeighbourId(1) { 0 } else { u64::MAX }, &mut out);
    assert_eq!((offers_in(&out), repair.deadline()), (vec![(2, 1)], None));
}

#[test]
fn what_was_fetched_is_offered_on_to_who_has_room_and_is_not_owed_much() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2, 3]);
    learn(&mut repair, seconds(10), 7, true);
    learn(&mut repair, seconds(10), 8, true);
    link_of(&mut repair, 3).owed = vec![(0, 0); ANSWERS_WAITING_MAX].into();
    let mut out = Out::new();
    let room = |neighbour| if neighbour == NeighbourId(1) { 0 } else { u64::MAX };
    repair.offer_what_cannot_wait(seconds(10), &settings, &room, &mut out);
    assert_eq!(offers_in(&out), [(2, 2)], "both of them");
}

#[test]
fn the_owner_of_a_want_keeps_it_while_it_is_there_and_another_is_asked() {
    let settings = settings();
    let mut repair = repair(&settings, &[1, 2]);
    assert_eq!(offered(&mut repair, seconds(0), 1, &[99], 1), [wanted(1, &[99])]);
    assert!(offered(&mut repair, seconds(0), 2, &[99], 1).is_empty());
    let gone = offered(&mut repair, seconds(0), 1, &[99], Offer::GONE);
    assert_eq!(gone, [wanted(2, &[99])]);
    let own = |repair: &Repair, n| repair.links.get(&NeighbourId(n)).unwrap().wants.len();
    assert_eq!((own(&repair, 1), own(&repair, 2)), (1, 0));
    assert!(offered(&mut repair, seconds(0), 2, &[99], Offer::GONE).is_empty());
    assert_eq!(repair.wants(), 1, "nobody is left to ask, but its owner is here");
}

/// It says that this is not there any more; what is said to anybody.
fn gone(repair: &mut Repair, from: u64, digest: Digest) -> Out {
    offered(repair, seconds(0), from, &[digest], Offer::GONE)
}

#[test]
fn asked_next_are_the_first_to_offer_in_their_order_then_whom_nobody_doubts_and_nobody_twice() {
    let mut repair = at_rest(&settings(), &[1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(offered(&mut repair, seconds(0), 1, &[99], 1), [wanted(1, &[99])]);
    for n in [5, 4, 3, 2, 6, 7] {
        assert!(offered(&mut repair, seconds(0), n, &[99], 1).is_empty());
    }
    link_of(&mut repair, 6).doubt = 1;
    assert_eq!(gone(&mut repair, 1, 99), [wanted(5, &[99])]);
    repair.link_down(seconds(0), NeighbourId(1));
    for (one, next) in [(5, 4), (4, 3), (3, 2), (2, 7), (7, 6)] {
        assert_eq!(gone(&mut repair, one, 99), [wanted(next, &[99])], "after {one}");
    }
    assert!(gone(&mut repair, 6, 99).is_empty(), "nobody is left");
}

#[test]
fn who_was_asked_for_much_and_sent_nothing_is_asked_for_no_more() {
    for (asked, expected) in [(2 * WANTS_PER_NEIGHBOUR - 1, 1), (2 * WANTS_PER_NEIGHBOUR, 0)] {
        let mut repair = at_rest(&settings(), &[1]);
        link_of(&mut repair, 1).asked = vec![(seconds(0), 0); asked].into();
        assert_eq!(offered(&mut repair, seconds(0), 1, &[99], 1).len(), expected, "{asked} asked");
    }
}

#[test]
fn what_is_asked_of_the_next_at_once_is_asked_in_frames_of_512() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2]);
    let digests: Vec<Digest> = (1..=600).collect();
    for n in [1, 2] {
        offered(&mut repair, seconds(0), n, &digests, 1);
    }
    repair.link_down(seconds(1), NeighbourId(1));
    let mut out = Out::new();
    repair.run(seconds(1), &settings, &|_| u64::MAX, &mut out);
    let sizes = out.iter().map(|(neighbour, say)| match say {
        Say::Want(digests) => (neighbour.0, digests.len()),
        other => panic!("{other:?}"),
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [(2, DIGESTS_PER_FRAME), (2, 600 - DIGESTS_PER_FRAME)]);
}

#[test]
fn who_said_that_it_is_not_there_is_not_blamed_for_who_was_asked_next() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2]);
    let digests: Vec<Digest> = (1..=u64::from(EMPTY_OFFERS_MAX)).collect();
    for n in [1, 2] {
        offered(&mut repair, seconds(0), n, &digests, 1);
    }
    digests.iter().for_each(|digest| assert_eq!(gone(&mut repair, 1, *digest), [wanted(2, &[*digest])]));
    let mut out = Out::new();
    repair.run(seconds(3), &settings, &|_| u64::MAX, &mut out);
    let blamed: Vec<_> = out.iter().filter(|(_, say)| *say == Say::OffersAreEmpty).map(|(one, _)| one.0).collect();
    assert_eq!(blamed, [2]);
    assert_eq!((link_of(&mut repair, 1).empty, link_of(&mut repair, 1).asked.len()), (0, 0));
}

#[test]
fn what_may_be_asked_for_once_more_is_not_for_who_has_the_bit_next() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2, 3]);
    let number = learn(&mut repair, seconds(1), 7, false);
    repair.knowledge.get_mut(number).unwrap().again = 7;
    repair.link_down(seconds(1), NeighbourId(2));
    link(&mut repair, 4);
    assert_eq!(repair.knowledge.get(number).unwrap().again, 5);
}

#[test]
fn answers_that_wait_go_on_with_another_neighbour_each_time() {
    let settings = settings();
    let mut repair = at_rest(&settings, &[1, 2, 3]);
    let mut first = || {
        [1, 2, 3].iter().for_each(|n| link_of(&mut repair, *n).owed = vec![(0, 0)].into());
        let mut out = Out::new();
        repair.answer_all(seconds(1), &settings, &|_| u64::MAX, &mut out);
        assert_eq!(out.len(), 3);
        out[0].0.0
    };
    assert_eq!([(); 4].map(|()| first()), [1, 2, 3, 1]);
}

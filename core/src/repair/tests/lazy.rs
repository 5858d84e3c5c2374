//! Section 13, one decision at a time: who is asked for what is offered in place of a push, and what leaves too soon.

use super::*;
use crate::limits::{DOUBT, TREE_PATIENCE, TREE_WAIT, TREE_YOUNG};
use crate::tree::Turn;

pub(super) fn tree_settings() -> Settings {
    Settings { spreading: Spreading::Tree, ..settings() }
}

pub(super) fn millis(n: u64) -> Instant {
    Instant::ZERO.after(Duration::from_millis(n))
}

/// A neighbour offers this in place of a push; what is said to anybody.
pub(super) fn offers(repair: &mut Repair, now: Instant, from: u64, digest: Digest) -> Out {
    let mut out = Out::new();
    let offers = [Offer { digest, age: 1 }].into_iter();
    assert_eq!(repair.offered_lazily(now, &tree_settings(), NeighbourId(from), TYPE, offers, &mut out), Ok(()));
    out
}

pub(super) fn run(repair: &mut Repair, now: Instant) -> Out {
    let mut out = Out::new();
    repair.run(now, &tree_settings(), &|_| u64::MAX, &mut out);
    out.retain(|(_, say)| !matches!(say, Say::Interest | Say::Unanswered));
    out
}

/// These are told to send offers only, and have heard it.
pub(super) fn prune(repair: &mut Repair, neighbours: &[u64]) {
    for n in neighbours {
        let turn = repair.copy_came(Instant::ZERO, NeighbourId(*n), TYPE);
        assert_eq!(turn, Some((NeighbourId(*n), TYPE, Turn::Prune)));
    }
}

fn others(repair: &Repair, digest: Digest) -> Vec<u64> {
    repair.wants.get(&digest).unwrap().others.iter().map(|other| other.0).collect()
}

fn learn(repair: &mut Repair, now: Instant, id: u16, is_fetched: bool) -> u64 {
    let payload = Payload::new(TYPE, &id.to_be_bytes());
    let age = Age::then(now, Duration::ZERO);
    let learned = Learned { id, ttl: Some(200), payload: &payload, age, is_fetched, senders: &[] };
    repair.learn(now, &tree_settings(), learned).unwrap()
}

#[test]
fn who_is_in_doubt_or_does_not_subscribe_is_not_waited_for() {
    // The second and third are pruned. Is the first one's push waited for?
    for (doubt, subscribes, waits) in [(0, true, true), (1, true, false), (0, false, false), (1, false, false)] {
        let mut repair = with_trees(&[1, 2]);
        prune(&mut repair, &[2]);
        link_of(&mut repair, 1).doubt = doubt;
        if !subscribes {
            link_of(&mut repair, 1).interest = Types::listed(vec![TYPE + 1]);
        }
        let asked = offers(&mut repair, seconds(1), 2, 99);
        let expected = if waits { vec![] } else { vec![wanted(2, &[99])] };
        assert_eq!(asked, expected, "doubt {doubt}, subscribes {subscribes}");
    }
}

#[test]
fn who_is_in_doubt_itself_is_asked_after_100_ms_though_nobody_else_pushes() {
    let mut repair = with_trees(&[1, 2]);
    prune(&mut repair, &[1, 2]);
    link_of(&mut repair, 2).doubt = DOUBT;
    assert_eq!(offers(&mut repair, seconds(1), 2, 99), []);
    let at = seconds(1).after(TREE_WAIT);
    assert_eq!(run(&mut repair, at.before(Duration::from_micros(1))), []);
    assert_eq!(run(&mut repair, at), [wanted(2, &[99])]);
    assert_eq!(offers(&mut repair, at, 1, 98), [wanted(1, &[98])], "the sound one at once");
}

#[test]
fn what_is_asked_of_a_sound_neighbour_is_not_asked_of_another_that_offers_it() {
    let mut repair = with_trees(&[1, 2, 3, 4]);
    prune(&mut repair, &[1, 2, 3, 4]);
    assert_eq!(offers(&mut repair, seconds(1), 1, 99), [wanted(1, &[99])]);
    assert_eq!(offers(&mut repair, seconds(1), 2, 99), []);
    link_of(&mut repair, 3).doubt = DOUBT;
    assert_eq!(offers(&mut repair, seconds(1), 3, 99), []);
    // Of one in doubt it is taken by the next sound one, and by no other in doubt.
    link_of(&mut repair, 1).doubt = DOUBT;
    assert_eq!(offers(&mut repair, seconds(1), 3, 99), []);
    assert_eq!(offers(&mut repair, seconds(1), 4, 99), [wanted(4, &[99])]);
}

#[test]
fn who_is_asked_at_once_is_not_asked_again_after_the_others_that_offered() {
    let mut repair = with_trees(&[1, 2, 3]);
    for n in [1, 2] {
        assert_eq!(offers(&mut repair, seconds(1), n, 99), []);
    }
    assert_eq!(others(&repair, 99), [1, 2]);
    prune(&mut repair, &[1, 2, 3]);
    assert_eq!(offers(&mut repair, seconds(1), 2, 99), [wanted(2, &[99])]);
    assert_eq!(others(&repair, 99), [1]);
}

#[test]
fn four_others_are_noted_once_each_and_when_these_are_full_a_sound_one_takes_the_place_of_one_in_doubt_or_the_last() {
    let mut repair = with_trees(&[1, 2, 3, 4, 5, 6, 7]);
    let look_at = |repair: &Repair| repair.wants.get(&99).unwrap().look_at;
    link_of(&mut repair, 2).doubt = DOUBT;
    for n in [1, 2, 3, 3, 2, 1] {
        assert_eq!(offers(&mut repair, seconds(1), n, 99), []);
    }
    assert_eq!(others(&repair, 99), [1, 2, 3], "once each");
    assert_eq!(look_at(&repair), Some(seconds(1).after(TREE_WAIT)));
    offers(&mut repair, seconds(1).after(Duration::from_millis(50)), 4, 99);
    assert_eq!(others(&repair, 99), [1, 2, 3, 4], "while there is room nobody goes");
    assert_eq!(look_at(&repair), Some(seconds(1).after(TREE_WAIT)), "counted from the first");
    link_of(&mut repair, 7).doubt = DOUBT;
    offers(&mut repair, seconds(1), 7, 99);
    assert_eq!(others(&repair, 99), [1, 2, 3, 4], "no better than who is there");
    offers(&mut repair, seconds(1), 5, 99);
    assert_eq!(others(&repair, 99), [1, 3, 4, 5]);
    offers(&mut repair, seconds(1), 6, 99);
    assert_eq!(others(&repair, 99), [1, 3, 4, 6], "all of them sound");
    offers(&mut repair, seconds(1), 7, 99);
    assert_eq!(others(&repair, 99), [1, 3, 4, 6], "no better than who is there");
    offers(&mut repair, seconds(1), 3, 99);
    assert_eq!(others(&repair, 99), [1, 3, 4, 6], "noted already");
}

#[test]
fn what_was_refused_by_all_and_is_offered_once_more_is_looked_at_again() {
    let mut repair = with_trees(&[1, 2]);
    assert_eq!(offers(&mut repair, seconds(1), 1, 99), []);
    let at = seconds(1).after(TREE_WAIT);
    assert_eq!(run(&mut repair, at), [wanted(1, &[99])]);
    assert_eq!(repair.wants.get(&99).unwrap().look_at, Some(at.after(TREE_PATIENCE)));
    assert_eq!(offers(&mut repair, at, 2, 99), []);
    assert_eq!(repair.wants.get(&99).unwrap().look_at, Some(at.after(TREE_PATIENCE)), "not later");
    assert_eq!(run(&mut repair, at.after(TREE_PATIENCE)), [wanted(2, &[99])]);
}

#[test]
fn what_leaves_too_soon_after_its_offer_is_pushed_at_once_to_who_has_not_asked_and_to_nobody_else() {
    let mut repair = with_trees(&[1, 2, 3]);
    run(&mut repair, seconds(1));
    let kept = tree_settings().cache_size;
    let first = learn(&mut repair, seconds(5), 100, false);
    repair.knowledge.get_mut(first).unwrap().open = 2;
    for id in 1..u16::try_from(kept).unwrap() {
        learn(&mut repair, seconds(5), id, false);
    }
    assert!(repair.deadline().unwrap() > seconds(5), "nothing has left");
    learn(&mut repair, seconds(5), 99, false);
    assert_eq!(repair.deadline(), Some(seconds(5)));
    let payload = Payload::new(TYPE, &100u16.to_be_bytes());
    let pushed = Say::Answer(Spread { ttl: 200, id: 100, payload });
    assert_eq!(run(&mut repair, seconds(5)), [(NeighbourId(2), pushed)]);
    assert!(repair.deadline().unwrap() > seconds(5));
}

/// Offered to 1, 2 and 3, a message leaves the knowledge base. Who is pushed it, if `meanwhile` happens before, and
/// `then` before the push?
fn pushed_to(meanwhile: impl Fn(&mut Repair), then: impl Fn(&mut Repair)) -> Vec<u64> {
    let mut repair = with_trees(&[1, 2, 3]);
    run(&mut repair, seconds(1));
    let first = learn(&mut repair, seconds(5), 100, false);
    repair.knowledge.get_mut(first).unwrap().open = 1 | 2 | 4;
    repair.knowledge.get_mut(first).unwrap().told = 1 | 2 | 4;
    meanwhile(&mut repair);
    for id in 1..=u16::try_from(tree_settings().cache_size).unwrap() {
        learn(&mut repair, seconds(5), id, false);
    }
    then(&mut repair);
    let said = run(&mut repair, seconds(5));
    assert!(said.iter().all(|(_, say)| matches!(say, Say::Answer(spread) if spread.id == 100)), "{said:?}");
    said.iter().map(|(to, _)| to.0).collect()
}

#[test]
fn what_leaves_too_soon_is_not_pushed_to_who_has_sent_or_offered_it_meanwhile() {
    let sends =
        |n: u64, id: u16| move |repair: &mut Repair| repair.has_sent(NeighbourId(n), (id, TYPE, &id.to_be_bytes()));
    assert_eq!(pushed_to(|_| (), |_| ()), [1, 2, 3]);
    assert_eq!(pushed_to(sends(2, 100), |_| ()), [1, 3]);
    assert_eq!(pushed_to(|_| (), sends(2, 100)), [1, 3], "it has left, and was not pushed yet");
    assert_eq!(pushed_to(sends(2, 101), sends(2, 101)), [1, 2, 3], "another message");
    assert_eq!(pushed_to(sends(9, 100), sends(9, 100)), [1, 2, 3], "by nobody who takes part");
    let offered = |repair: &mut Repair| drop(offers(repair, seconds(5), 3, digest(100)));
    assert_eq!(pushed_to(offered, |_| ()), [1, 2]);
}

#[test]
fn what_would_have_been_pushed_is_answered_for_three_seconds_whatever_the_rate() {
    let (young, moment) = (seconds(1).after(TREE_YOUNG), Duration::from_micros(1));
    for (now, is_in_tree, is_answered) in [
        (young.before(moment), true, true),
        (young, true, false),
        (young.after(moment), true, false),
        (young.before(moment), false, false),
    ] {
        let mut repair = with_trees(&[1]);
        if !is_in_tree {
            repair.lazy.as_mut().unwrap().trees.link_down(1);
        }
        let number = learn(&mut repair, seconds(1), 7, false);
        let link = link_of(&mut repair, 1);
        let all = u64::from(crate::limits::ANSWERS.1);
        assert!(link.rates(now).answers.take_many(now, all), "nothing is left of the rate");
        link.credit = 1;
        repair.knowledge.hash_before(number + 1);
        repair.knowledge.get_mut(number).unwrap().open = 1;
        let mut out = Out::new();
        let asked = [digest(7)].into_iter();
        assert_eq!(repair.wanted(now, &tree_settings(), NeighbourId(1), asked, &|_| u64::MAX, &mut out), Ok(()));
        let answers = out.iter().filter(|(_, say)| matches!(say, Say::Answer(_))).count();
        assert_eq!((answers, out.len()), (usize::from(is_answered), answers), "{now:?}, in the tree: {is_in_tree}");
        assert_eq!(repair.answers_at.is_some(), !is_answered, "{now:?}, in the tree: {is_in_tree}");
    }
}

#[test]
fn offers_that_cannot_go_out_now_are_left_to_the_next_turn() {
    let mut repair = with_trees(&[1, 2]);
    run(&mut repair, seconds(1));
    for n in [1, 2] {
        assert_eq!(repair.turned(seconds(1), NeighbourId(n), TYPE, Turn::Prune), Ok(true));
    }
    let number = learn(&mut repair, millis(5_000), 7, false);
    let spreadable = Spreadable { number, data_type: TYPE, senders: &[] };
    let mut rng = Rng::new([7; 32], Stream::Repair);
    let (neighbours, mut targets) = ([NeighbourId(1), NeighbourId(2)], Vec::new());
    let now = millis(5_000);
    assert_eq!(repair.choose(now, &tree_settings(), &mut rng, spreadable, &neighbours, &mut targets), 2);
    assert_eq!(targets, []);
    let mut out = Out::new();
    let room = |neighbour| if neighbour == NeighbourId(1) { 0 } else { u64::MAX };
    let at = repair.deadline().unwrap();
    repair.run(at, &tree_settings(), &room, &mut out);
    let to: Vec<_> = out.iter().map(|(neighbour, say)| (neighbour.0, matches!(say, Say::Offer(..)))).collect();
    assert_eq!(to, [(2, true)], "the other one has no room");
    assert_eq!((link_of(&mut repair, 1).coming, link_of(&mut repair, 2).coming), (0, 0));
    out.clear();
    while let Some(at) = repair.deadline()
        && at < seconds(9)
    {
        repair.run(at, &tree_settings(), &|_| u64::MAX, &mut out);
    }
    let to: Vec<_> = out.iter().map(|(neighbour, say)| (neighbour.0, matches!(say, Say::Have(..)))).collect();
    assert_eq!(to, [(1, true)], "and is offered it with the rest");
}

fn gone(repair: &mut Repair, now: Instant, from: u64, digest: Digest) -> Out {
    offered(repair, now, from, &[digest], Offer::GONE)
}

#[test]
fn who_was_not_asked_cannot_hasten_the_question_by_what_it_has_not() {
    let mut repair = with_trees(&[1, 2]);
    assert_eq!(offers(&mut repair, seconds(1), 1, 99), []);
    assert_eq!(gone(&mut repair, seconds(1), 2, 99), []);
    assert_eq!(gone(&mut repair, seconds(1), 1, 99), []);
    assert_eq!(run(&mut repair, seconds(1).after(TREE_WAIT)), [wanted(1, &[99])]);
}

#[test]
fn who_was_asked_in_vain_leaves_and_another_that_waits_is_asked_in_its_time() {
    let mut repair = with_trees(&[1, 2, 3]);
    for n in [3, 2] {
        assert_eq!(offers(&mut repair, seconds(1), n, 99), []);
    }
    let now = seconds(1).after(TREE_WAIT);
    assert_eq!(run(&mut repair, now), [wanted(3, &[99])]);
    assert_eq!(gone(&mut repair, now, 3, 99), [wanted(2, &[99])]);
    assert_eq!(gone(&mut repair, now, 2, 99), [], "nobody else offered it");
    assert_eq!(offers(&mut repair, now, 1, 99), [], "it may be pushed");
    repair.link_down(now, NeighbourId(2));
    assert_eq!(run(&mut repair, now), []);
    assert_eq!(run(&mut repair, now.after(TREE_PATIENCE)), [wanted(1, &[99])]);
}

#[test]
fn who_sent_what_found_no_room_but_did_not_offer_it_is_not_asked_for_it() {
    let mut repair = with_trees(&[1, 2]);
    let message = (7, TYPE, &7u16.to_be_bytes()[..]);
    assert_eq!(offers(&mut repair, seconds(1), 1, digest(7)), []);
    assert_eq!(repair.comes(seconds(1), NeighbourId(2), 7, TYPE, message.2), None);
    repair.found_no_room(seconds(1), NeighbourId(2), message);
    assert!(!repair.wants.get(&digest(7)).unwrap().is_done);
    assert_eq!(others(&repair, digest(7)), [1]);
}

#[test]
fn offered_in_place_of_a_push_is_only_what_was_to_be_and_what_found_no_room_in_a_queue_with_the_rest() {
    let mut repair = with_trees(&[1, 2]);
    run(&mut repair, seconds(1));
    let now = seconds(5);
    let mut rng = Rng::new([7; 32], Stream::Repair);
    let mut choose = |repair: &mut Repair, id: u16| {
        let number = learn(repair, now, id, false);
        let spreadable = Spreadable { number, data_type: TYPE, senders: &[] };
        let (neighbours, mut targets) = ([NeighbourId(1), NeighbourId(2)], Vec::new());
        repair.choose(now, &tree_settings(), &mut rng, spreadable, &neighbours, &mut targets);
        targets
    };
    assert_eq!(repair.turned(now, NeighbourId(1), TYPE, Turn::Prune), Ok(true));
    // Its push to the second is dropped.
    assert_eq!(choose(&mut repair, 7), [NeighbourId(2)]);
    assert_eq!(repair.turned(now, NeighbourId(2), TYPE, Turn::Prune), Ok(true));
    assert_eq!(choose(&mut repair, 8), []);
    let at = repair.deadline().unwrap();
    let offered: Vec<_> = run(&mut repair, at)
        .into_iter()
        .map(|(neighbour, say)| match say {
            Say::Offer(TYPE, offers) => (neighbour.0, offers.iter().map(|offer| offer.digest).collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(offered, [(1, vec![digest(7), digest(8)]), (2, vec![digest(8)])]);
}

#[test]
fn what_came_lately_is_remembered_while_there_is_a_link_that_takes_part() {
    let mut repair = with_trees(&[1, 2]);
    link(&mut repair, 3);
    let from = |repair: &Repair| repair.lazy.as_ref().unwrap().recent_from;
    repair.lazy.as_mut().unwrap().recent_from = Some(seconds(1));
    repair.link_down(seconds(2), NeighbourId(1));
    assert_eq!(from(&repair), Some(seconds(1)));
    repair.link_down(seconds(2), NeighbourId(2));
    assert_eq!(from(&repair), None, "the third does not");
}

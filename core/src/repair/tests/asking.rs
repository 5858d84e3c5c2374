//! Section 12 and 13, one decision at a time: who is asked for what, who is blamed, and what is remembered of it.

use super::lazy::{millis, offers, prune, run, tree_settings};
use super::*;
use crate::limits::{ANSWER_PATIENCE, DOUBT};
use std::collections::{BTreeMap, BTreeSet};

fn haves(repair: &mut Repair, now: Instant, from: u64, digest: Digest, age: u16) -> Out {
    offered(repair, now, from, &[digest], age)
}

fn comes(repair: &mut Repair, now: Instant, from: u64, id: u16) -> Option<Age> {
    repair.comes(now, NeighbourId(from), id, TYPE, &id.to_be_bytes())
}

/// It comes while the tables are full.
fn comes_in_vain(repair: &mut Repair, now: Instant, from: u64, id: u16) {
    comes(repair, now, from, id);
    repair.found_no_room(now, NeighbourId(from), (id, TYPE, &id.to_be_bytes()));
}

/// Who was asked for this, when, in milliseconds, from `from` to `to`, if nobody answers.
fn asked_until(repair: &mut Repair, from: u64, to: u64, digest: Digest) -> Vec<(u64, u64)> {
    let mut asked = Vec::new();
    for t in (from..=to).step_by(10) {
        for (neighbour, say) in run(repair, millis(t)) {
            if matches!(say, Say::Want(digests) if digests.contains(&digest)) {
                asked.push((t, neighbour.0));
            }
        }
    }
    asked
}

fn junk() -> Vec<Digest> {
    (10_000..10_000 + WANTS_PER_NEIGHBOUR as u64).collect()
}

#[test]
fn who_offers_much_else_does_not_push_out_what_somebody_will_be_asked_for() {
    let mut repair = with_trees(&[1, 2]);
    offers(&mut repair, millis(0), 1, 99);
    offers(&mut repair, millis(1), 2, 99);
    junk().iter().for_each(|digest| _ = offers(&mut repair, millis(2), 1, *digest));
    assert_eq!(asked_until(&mut repair, 10, 1_000, 99), [(100, 1), (500, 2)]);

    let mut repair = with_trees(&[1, 2]);
    haves(&mut repair, millis(0), 1, digest(7), 1);
    comes_in_vain(&mut repair, millis(10), 1, 7);
    junk().iter().for_each(|digest| _ = haves(&mut repair, millis(20), 1, *digest, 1));
    assert_eq!(asked_until(&mut repair, 30, 3_000, digest(7)), [(2_010, 1)]);
}

#[test]
fn what_will_be_asked_for_is_asked_for_then_whoever_offers_it_in_between() {
    let mut repair = with_trees(&[1, 2, 3]);
    offers(&mut repair, millis(0), 2, 99);
    offers(&mut repair, millis(1), 3, 99);
    assert!(haves(&mut repair, millis(10), 1, 99, 1).is_empty(), "it would have 2 s");
    assert_eq!(asked_until(&mut repair, 20, 1_000, 99), [(100, 2), (500, 3), (500, 1)]);
}

#[test]
fn from_the_second_time_on_the_time_for_an_answer_doubles() {
    let mut repair = with_trees(&(1..=30).collect::<Vec<_>>());
    (1..=30).for_each(|n| _ = offers(&mut repair, millis(0), n, 99));
    let mut asked = BTreeMap::new();
    for (at, _) in asked_until(&mut repair, 10, 5_500, 99) {
        *asked.entry(at).or_insert(0) += 1;
    }
    assert_eq!(asked, BTreeMap::from([(100, 1), (500, 4), (900, 4), (1_700, 4), (3_300, 4), (4_900, 4)]));
}

#[test]
fn whose_answers_take_their_time_is_given_twice_that_and_no_more_than_2_s() {
    for (takes, given) in [(100, 400), (600, 1_200), (1_800, 2_000)] {
        let mut repair = with_trees(&[1, 2]);
        let mut t = 0;
        for id in 0..30 {
            offers(&mut repair, millis(t), 1, digest(id));
            t += 100;
            run(&mut repair, millis(t));
            t += takes;
            assert!(comes(&mut repair, millis(t), 1, id).is_some());
            t += 100;
        }
        link_of(&mut repair, 1).doubt = 0;
        offers(&mut repair, millis(t), 1, 99);
        offers(&mut repair, millis(t), 2, 99);
        assert_eq!(
            asked_until(&mut repair, t, t + 100 + given, 99),
            [(t + 100, 1), (t + 100 + given, 2)],
            "{takes} ms"
        );
    }
}

#[test]
fn an_answer_that_is_late_is_one_still() {
    let mut repair = with_trees(&[1, 2, 3]);
    offers(&mut repair, millis(0), 1, digest(7));
    offers(&mut repair, millis(0), 2, digest(7));
    assert_eq!(asked_until(&mut repair, 10, 640, digest(7)), [(100, 1), (500, 2)]);
    assert_eq!(link_of(&mut repair, 1).doubt, DOUBT);
    // Something else is due meanwhile.
    offers(&mut repair, millis(640), 3, 99);
    run(&mut repair, millis(740));
    assert!(comes(&mut repair, millis(750), 1, 7).is_some());
    assert_eq!(link_of(&mut repair, 1).doubt, DOUBT - 1);
}

#[test]
fn one_silence_is_blamed_once() {
    let mut repair = with_trees(&[1, 2]);
    link_of(&mut repair, 2).doubt = 1;
    offers(&mut repair, millis(0), 1, 99);
    assert_eq!(asked_until(&mut repair, 10, 590, 99), [(100, 1)]);
    offers(&mut repair, millis(600), 2, 99);
    assert_eq!(asked_until(&mut repair, 610, 2_000, 99), [(700, 2)]);
    assert_eq!(link_of(&mut repair, 1).doubt, DOUBT);
}

#[test]
fn what_finds_no_room_comes_once_in_2_s_whoever_has_it() {
    let mut repair = with_trees(&(1..=6).collect::<Vec<_>>());
    // Nobody pushes, so that nothing is waited for.
    prune(&mut repair, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(offers(&mut repair, millis(0), 1, digest(7)), [wanted(1, &[digest(7)])]);
    comes_in_vain(&mut repair, millis(10), 1, 7);
    assert!((2..=5).all(|n| offers(&mut repair, millis(10 + n), n, digest(7)).is_empty()));
    assert!(haves(&mut repair, millis(20), 6, digest(7), 1).is_empty());
    let mut asked = Vec::new();
    for t in (20..9_000).step_by(10) {
        for (neighbour, _) in run(&mut repair, millis(t)) {
            asked.push(t);
            comes_in_vain(&mut repair, millis(t), neighbour.0, 7);
        }
    }
    assert_eq!(asked, [2_010, 4_010, 6_010, 8_010]);
}

#[test]
fn who_offers_again_is_asked_again_though_four_others_are_noted() {
    let mut repair = repair(&settings(), &(1..=6).collect::<Vec<_>>());
    (1..=6).for_each(|n| _ = haves(&mut repair, millis(0), n, 99, 1));
    assert_eq!(asked_until(&mut repair, 10, 2_000, 99), [(2_000, 2)]);
    // Three more wait, and the first, to be asked once more.
    haves(&mut repair, millis(2_010), 2, 99, 1);
    let mut asked: Vec<u64> = asked_until(&mut repair, 2_020, 30_000, 99).into_iter().map(|(_, n)| n).collect();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2, 3, 4, 5, 6]);
    let mut repair = super::repair(&settings(), &[1, 2]);
    haves(&mut repair, millis(0), 1, 99, 1);
    assert_eq!(asked_until(&mut repair, 10, 9_000, 99), [(2_000, 1)]);
    haves(&mut repair, millis(9_010), 2, 99, 1);
    haves(&mut repair, millis(9_010), 1, 99, 1);
    assert_eq!(asked_until(&mut repair, 9_020, 20_000, 99), [(11_010, 1)], "once more was before");
}

#[test]
fn what_is_here_already_is_not_asked_of_the_next() {
    let mut repair = repair(&settings(), &[1, 2, 3]);
    haves(&mut repair, millis(0), 1, digest(7), 1);
    haves(&mut repair, millis(0), 2, digest(7), 1);
    let age = Age::then(millis(100), Duration::ZERO);
    let payload = Payload::new(TYPE, &7_u16.to_be_bytes());
    let learned = Learned { id: 7, ttl: Some(9), payload: &payload, age, is_fetched: false, senders: &[] };
    repair.learn(millis(100), &settings(), learned);
    assert_eq!(asked_until(&mut repair, 110, 9_000, digest(7)), []);
}

#[test]
fn who_says_that_it_has_it_not_and_then_that_it_has_is_given_the_whole_time() {
    let mut repair = repair(&settings(), &[1]);
    haves(&mut repair, millis(0), 1, 99, 1);
    haves(&mut repair, millis(100), 1, 99, Offer::GONE);
    assert_eq!(haves(&mut repair, millis(1_900), 1, 99, 1), [wanted(1, &[99])]);
    assert_eq!(asked_until(&mut repair, 1_910, 5_000, 99), [(3_900, 1)], "once more");
    assert_eq!(link_of(&mut repair, 1).empty, 1);
}

#[test]
fn who_leaves_leaves_its_wants_to_who_offered_them_and_none_to_nobody() {
    let mut repair = with_trees(&[1, 2, 3]);
    for n in [1, 2] {
        offers(&mut repair, millis(0), n, digest(7));
    }
    offers(&mut repair, millis(0), 1, 99);
    repair.link_down(millis(50), NeighbourId(1));
    assert_eq!(repair.wants(), 1);
    comes(&mut repair, millis(50), 2, 7);
    run(&mut repair, millis(60));
    repair.expire(seconds(100), &tree_settings());
    assert_eq!((repair.wants(), link_of(&mut repair, 2).wants.len()), (0, 0));

    // No share grows by what it inherits.
    junk().iter().for_each(|digest| _ = haves(&mut repair, seconds(200), 3, *digest, 1));
    for digest in junk().iter().map(|digest| digest + 10_000) {
        [2, 3].into_iter().for_each(|n| _ = haves(&mut repair, seconds(200), n, digest, 1));
    }
    repair.link_down(seconds(200), NeighbourId(2));
    assert_eq!((repair.wants(), link_of(&mut repair, 3).wants.len()), (WANTS_PER_NEIGHBOUR, WANTS_PER_NEIGHBOUR));
}

/// What must be so of wants and links at any time.
fn check(repair: &Repair, seed: u8) {
    let bits = repair.links.values().fold(0, |bits, link| bits | link.bit);
    for (digest, want) in &repair.wants {
        let known = want.asked | want.offered | want.tried | want.blamed;
        assert_eq!(known & !bits, 0, "seed {seed}: a link that is gone is known");
        assert_eq!(want.asked & !want.offered, 0, "seed {seed}: asked for what was not offered");
        assert!(!want.is_done || want.asked == 0, "seed {seed}: asked for what came");
        let has_asked = |link: &Link| link.asked.iter().any(|(_, asked)| asked == digest);
        let mut asked = repair.links.values().filter(|link| link.bit & want.asked != 0);
        assert!(asked.all(has_asked), "seed {seed}: its answer would be none");
        assert!(want.look_at.is_none_or(|at| repair.waiting.contains(&(at, *digest))), "seed {seed}: a look is lost");
        let shares = repair.links.values().filter(|link| link.wants.contains(digest)).count();
        assert_eq!(shares, 1, "seed {seed}: in nobody's share, or in two");
        let is_left = want.offered & !want.tried != 0 || !want.others.is_empty();
        let is_idle = !want.is_done && want.asked == 0 && want.look_at.is_none();
        assert!(!is_idle || !is_left, "seed {seed}: somebody could be asked, and nobody will");
    }
    for link in repair.links.values() {
        let wants: BTreeSet<_> = link.wants.iter().collect();
        assert_eq!(wants.len(), link.wants.len(), "seed {seed}: twice in a share");
        assert!(link.wants.len() <= WANTS_PER_NEIGHBOUR);
    }
    assert!(repair.waiting.len() < 400, "seed {seed}: {} looks", repair.waiting.len());
}

#[test]
fn wants_and_links_agree_whatever_happens_and_nobody_is_asked_more_than_twice_an_offer() {
    for seed in 0..100_u8 {
        let mut rng = Rng::new([seed; 32], Stream::Repair);
        let mut repair = with_trees(&[1, 2, 3, 4, 5, 6]);
        let (mut t, mut newest) = (0, 6);
        let mut owed: BTreeMap<(NeighbourId, Digest), i64> = BTreeMap::new();
        for _ in 0..400 {
            t += [0, 1, 20, 90, 300, 700][rng.index(6)];
            let now = millis(t);
            let all: Vec<NeighbourId> = repair.links.keys().copied().collect();
            let from = all[rng.index(all.len())];
            let id = rng.id() % 40;
            let mut out = Out::new();
            match rng.below(12) {
                kind @ 0..=5 => {
                    *owed.entry((from, digest(id))).or_default() += 2;
                    let offer = if kind < 4 { offers } else { |r: &mut Repair, now, n, d| haves(r, now, n, d, 1) };
                    out = offer(&mut repair, now, from.0, digest(id));
                }
                6 => out = haves(&mut repair, now, from.0, digest(id), Offer::GONE),
                7 => _ = comes(&mut repair, now, from.0, id),
                8 => comes_in_vain(&mut repair, now, from.0, id),
                9 if rng.below(4) == 0 => {
                    repair.link_down(now, from);
                    owed.retain(|(neighbour, _), _| *neighbour != from);
                    check(&repair, seed);
                    newest += 1;
                    link(&mut repair, newest);
                    let bit = link_of(&mut repair, newest).bit;
                    repair.lazy.as_mut().unwrap().trees.link_up(bit);
                }
                10 => repair.expire(now, &tree_settings()),
                _ => {}
            }
            if rng.below(3) > 0 {
                let mut turns = 0;
                while repair.deadline().is_some_and(|due| due <= now) {
                    out.extend(run(&mut repair, now));
                    turns += 1;
                    assert!(turns < 4, "seed {seed}: it is never done");
                }
            }
            for (to, say) in out {
                let Say::Want(digests) = say else { continue };
                for digest in digests {
                    let left = owed.entry((to, digest)).or_default();
                    *left -= 1;
                    assert!(*left >= 0, "seed {seed}: asked more than was offered");
                }
            }
            check(&repair, seed);
        }
        assert!(repair.waiting.iter().all(|(at, _)| *at <= millis(t).after(ANSWER_PATIENCE)), "seed {seed}");
    }
}

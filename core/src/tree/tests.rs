use super::*;

const A: u64 = 1;
const B: u64 = 2;
const NOW: Instant = Instant::ZERO;

fn trees() -> Trees {
    let mut trees = Trees::default();
    trees.link_up(A);
    trees.link_up(B);
    trees
}

#[test]
fn a_link_is_pruned_for_one_type_and_once() {
    let mut trees = trees();
    assert!(trees.copy_came(NOW, 7, A));
    assert!(!trees.copy_came(NOW, 7, A), "it is under way already");
    assert!(trees.copy_came(NOW, 8, A), "another type has another tree");
    assert!(!trees.copy_came(NOW, 7, 4), "it takes no part");
    assert!(!trees.is_pushed_by(7, A) && trees.is_pushed_by(7, A | B) && trees.is_pushed_by(9, A));
}

#[test]
fn a_link_that_goes_on_pushing_is_pruned_again_and_one_whose_peer_forgot_at_once() {
    let (mut trees, again) = (trees(), TREE_PRUNE_AGAIN);
    let at = |n: u64| NOW.after(again.part(2).times(n));
    assert!(trees.copy_came(at(0), 7, A));
    assert!(trees.copy_came(at(1), 7, B));
    assert!(!trees.copy_came(at(1), 7, A) && !trees.copy_came(at(2), 7, B), "it is under way");
    assert!(trees.copy_came(at(4), 7, A) && !trees.copy_came(at(4), 7, A), "it was not listened to");
    assert!(!trees.copy_came(at(5), 7, A));
    trees.forget(A, |_| false);
    assert!(trees.is_pushed_by(7, A));
    assert!(trees.copy_came(at(5), 7, A));
    assert!(!trees.copy_came(at(6), 7, A) && trees.copy_came(at(60), 7, A) && !trees.copy_came(at(61), 7, A));
}

#[test]
fn who_brings_four_in_a_row_because_they_were_asked_for_is_grafted() {
    let mut trees = trees();
    assert!(trees.copy_came(NOW, 7, A));
    assert!(trees.is_pushed_by(7, B));
    assert!(!trees.first_came(7, A, true));
    assert!(!trees.is_pushed_by(7, B), "it was not pushed lately");
    assert!(!trees.first_came(7, A, true));
    assert!(!trees.first_came(7, B, true), "another was faster");
    assert!(!trees.first_came(7, A, true));
    assert!(!trees.first_came(8, A, true), "of another type");
    assert!(!trees.first_came(7, A, true));
    assert!(!trees.first_came(7, A, true));
    assert!(trees.first_came(7, A, true));
    assert!(trees.is_pushed_by(7, A), "from now on it pushes");
    assert!(!trees.first_came(7, A, true), "it counts from the start");
    assert!(!trees.first_came(7, A, false), "unasked: it pushes");
    assert!(!trees.first_came(7, A, true));
}

#[test]
fn what_others_say_turns_our_direction_and_not_theirs() {
    let mut trees = trees();
    assert_eq!(trees.way(7, A), Way::Push);
    assert!(trees.turned(7, A, Turn::Prune));
    assert_eq!((trees.way(7, A), trees.way(7, B), trees.way(8, A)), (Way::Offer, Way::Push, Way::Push));
    assert!(trees.is_pushed_by(7, A));
    assert!(trees.turned(7, A, Turn::Graft));
    assert_eq!(trees.way(7, A), Way::Grafted);
}

#[test]
fn nothing_is_left_of_a_link_that_is_gone() {
    let mut trees = trees();
    trees.turned(7, A, Turn::Prune);
    trees.copy_came(NOW, 7, A);
    trees.first_came(7, A, true);
    trees.first_came(7, A, true);
    trees.link_down(A);
    trees.link_up(A);
    assert_eq!(trees.way(7, A), Way::Push);
    assert!(trees.is_pushed_by(7, A));
    assert!(!trees.first_came(7, A, true), "who has the bit now starts anew");
}

#[test]
fn of_a_type_of_which_messages_come_newcomers_need_send_offers_only() {
    let mut trees = trees();
    trees.turned(8, A, Turn::Prune);
    trees.first_came(7, A, false);
    assert_eq!(trees.types(), [7]);
    trees.link_down(A);
    assert_eq!(trees.types(), [7], "another will bring them");
}

#[test]
fn types_that_nobody_here_or_there_subscribes_to_are_forgotten() {
    let mut trees = trees();
    trees.turned(7, A, Turn::Prune);
    trees.turned(8, A, Turn::Prune);
    trees.forget(A, |data_type| data_type == 7);
    assert_eq!((trees.way(7, A), trees.way(8, A)), (Way::Offer, Way::Push));
    trees.keep(&[8]);
    assert_eq!(trees.way(7, A), Way::Push);
    assert_eq!(trees.types.len(), 0);
}

#[test]
fn types_past_the_bound_are_pushed() {
    let mut trees = trees();
    let past = u16::try_from(TREE_TYPES_MAX).unwrap();
    for data_type in 0..past {
        assert!(trees.turned(data_type, A, Turn::Prune));
    }
    assert!(!trees.turned(past, A, Turn::Prune) && !trees.copy_came(NOW, past, A));
    assert_eq!((trees.way(past, A), trees.way(0, A)), (Way::Push, Way::Offer));
    assert_eq!(trees.types.len(), TREE_TYPES_MAX);
}

#[test]
fn a_link_that_is_gone_takes_no_part_and_others_go_on() {
    let mut trees = trees();
    trees.link_down(A);
    assert!(!trees.has(A) && trees.links() & A == 0);
    assert!(!trees.copy_came(NOW, 7, A) && !trees.first_came(7, A, true));
    let before = trees.links();
    trees.link_down(A);
    assert_eq!(trees.links(), before);
}

#[test]
fn a_type_is_remembered_for_any_of_what_a_link_may_have_told_or_been_told_of_it() {
    let is_kept = |tell: &dyn Fn(&mut Trees)| {
        let mut trees = trees();
        tell(&mut trees);
        trees.forget(B, |_| false);
        trees.types.contains_key(&7)
    };
    assert!(!is_kept(&|trees| _ = trees.turned(7, B, Turn::Prune)));
    assert!(!is_kept(&|trees| _ = trees.turned(7, B, Turn::Graft)));
    assert!(!is_kept(&|trees| _ = trees.copy_came(NOW, 7, B)));
    assert!(is_kept(&|trees| _ = trees.turned(7, A, Turn::Prune)));
    assert!(is_kept(&|trees| _ = trees.turned(7, A, Turn::Graft)));
    assert!(is_kept(&|trees| _ = trees.copy_came(NOW, 7, A)));
    assert!(is_kept(&|trees| _ = trees.first_came(7, A, false)));
    assert!(is_kept(&|trees| {
        trees.turned(7, A, Turn::Prune);
        trees.first_came(7, A, false);
    }));
    assert!(is_kept(&|trees| {
        trees.turned(7, A, Turn::Prune);
        trees.copy_came(NOW, 7, A);
    }));
}

#[test]
fn who_pruned_after_it_grafted_is_offered_and_the_other_way_round() {
    let mut trees = trees();
    let turned = |trees: &mut Trees, turn| {
        trees.turned(7, A, turn);
        let tree = trees.types[&7];
        (trees.way(7, A), tree.pruned_by & A != 0, tree.grafted_by & A != 0)
    };
    assert_eq!(turned(&mut trees, Turn::Graft), (Way::Grafted, false, true));
    assert_eq!(turned(&mut trees, Turn::Prune), (Way::Offer, true, false));
    assert_eq!(turned(&mut trees, Turn::Graft), (Way::Grafted, false, true));
}

//! Small networks come to rest, and find together again (section 4).

use super::net::{Net, NodeId, address, seed, settings};
use crate::event::Event;
use crate::settings::Endpoint;
use crate::time::Duration;
use std::collections::BTreeSet;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Each of these nodes has its neighbours, and from each all others can be reached.
fn assert_formed(net: &Net, nodes: &[NodeId], what: &str) {
    for &node in nodes {
        let wanted = (net.state(node).settings().min_peers as usize).min(nodes.len() - 1);
        let view = net.view(node);
        let distinct: BTreeSet<_> = view.iter().collect();
        assert_eq!(distinct.len(), view.len(), "{what}: node {node} has a neighbour twice: {view:?}");
        assert!(view.len() >= wanted, "{what}: node {node} has {view:?}, {wanted} wanted");
        assert!(view.len() <= net.state(node).settings().max_peers as usize, "{what}: node {node} has {view:?}");
    }
    assert!(is_whole(net, nodes), "{what}: in parts");
}

/// Do the links of the views connect all of these?
fn is_whole(net: &Net, nodes: &[NodeId]) -> bool {
    let mut reached = BTreeSet::from([nodes[0]]);
    let mut next = vec![nodes[0]];
    while let Some(node) = next.pop() {
        for other in nodes.iter().copied().filter(|other| net.view(node).contains(&address(*other))) {
            if reached.insert(other) {
                next.push(other);
            }
        }
    }
    reached.len() == nodes.len()
}

/// What is not to happen any more once a network has come to rest.
fn unrest(net: &Net, nodes: &[NodeId]) -> u64 {
    let of_node = |node: &NodeId| {
        let metrics = &net.state(*node).metrics;
        net.nodes[*node].dialed_to_stay + metrics.neighbours_evicted + metrics.proofs_wanted + metrics.newcomers_refused
    };
    nodes.iter().map(of_node).sum()
}

fn all(n: usize) -> Vec<NodeId> {
    (0..n).collect()
}

#[test]
fn a_small_network_forms_and_comes_to_rest() {
    for n in [2, 3, 4, 9] {
        for max_peers in [8, 64] {
            for seed_number in 0..4 {
                let what = format!("n {n}, max_peers {max_peers}, seed {seed_number}");
                let mut net = Net::of(n, seed_number, |_, its| {
                    its.max_peers = max_peers;
                    its.target_peers = max_peers / 3;
                });
                net.run(MINUTE.times(10));
                assert_formed(&net, &all(n), &what);
                let (before, asked) = (unrest(&net, &all(n)), requests(&net, n));
                net.run(HOUR);
                assert_formed(&net, &all(n), &what);
                assert_eq!(unrest(&net, &all(n)), before, "{what}: at rest");
                let asked = requests(&net, n) - asked;
                assert!(asked <= 15 * n as u64, "{what}: {asked} PEER REQUESTs in an hour");
                let faults: u64 = all(n).iter().map(|node| net.state(*node).metrics.faults).sum();
                assert_eq!(faults, 0, "{what}");
            }
        }
    }
}

fn requests(net: &Net, n: usize) -> u64 {
    (0..n).map(|node| net.state(node).metrics.peer_requests).sum()
}

#[test]
fn nodes_that_all_start_at_the_same_moment_and_know_each_other_come_to_rest() {
    for seed_number in 0..4 {
        let mut net = Net::of(4, seed_number, |number, its| {
            its.bootstrapper = (0..4).filter(|other| *other != number).map(|n| Endpoint::Address(address(n))).collect();
        });
        net.run(MINUTE.times(5));
        assert_formed(&net, &all(4), "all at once");
        let before = unrest(&net, &all(4));
        net.run(HOUR);
        assert_eq!(unrest(&net, &all(4)), before, "seed {seed_number}");
    }
}

#[test]
fn a_bootstrapper_started_last_still_gathers_everyone() {
    for seed_number in 0..4 {
        let mut net = Net::of(5, seed_number, |_, _| ());
        let its = net.state(0).settings().clone();
        net.kill(0);
        net.run(MINUTE.times(10));
        assert!((1..5).all(|node| net.view(node).is_empty()));
        net.restart(0, its, seed(0, 100 + seed_number));
        net.run(MINUTE.times(3));
        assert_formed(&net, &all(5), &format!("seed {seed_number}"));
    }
}

#[test]
fn a_network_whose_bootstrapper_dies_keeps_together_and_takes_it_back_after_hours() {
    for seed_number in 0..4 {
        let mut net = Net::of(4, seed_number, |_, _| ());
        net.run(MINUTE.times(5));
        let its = net.state(0).settings().clone();
        net.kill(0);
        net.run(HOUR.times(3));
        assert_formed(&net, &[1, 2, 3], &format!("without it, seed {seed_number}"));
        net.restart(0, its, seed(0, 100 + seed_number));
        net.run(MINUTE.times(30));
        assert_formed(&net, &all(4), &format!("with it again, seed {seed_number}"));
    }
}

#[test]
fn a_peer_killed_without_a_word_and_restarted_on_the_same_address_is_back() {
    for seed_number in 0..4 {
        for node in [0, 2] {
            let what = format!("node {node}, seed {seed_number}");
            let mut net = Net::of(4, seed_number, |_, _| ());
            net.run(MINUTE.times(5));
            let its = net.state(node).settings().clone();
            net.kill_silently(node);
            net.run(MINUTE.times(2));
            let others: Vec<NodeId> = all(4).into_iter().filter(|other| *other != node).collect();
            assert_formed(&net, &others, &what);
            assert!(others.iter().all(|other| !net.view(*other).contains(&address(node))), "{what}: it is missed");
            net.restart(node, its, seed(node, 100 + seed_number));
            net.run(MINUTE.times(5));
            assert_formed(&net, &all(4), &what);
            let before = unrest(&net, &all(4));
            net.run(MINUTE.times(20));
            assert_eq!(unrest(&net, &all(4)), before, "{what}: at rest");
        }
    }
}

#[test]
fn a_peer_restarted_before_it_was_missed_replaces_its_former_instance() {
    for seed_number in 0..4 {
        let mut net = Net::of(4, seed_number, |_, _| ());
        net.run(MINUTE.times(5));
        let its = net.state(2).settings().clone();
        net.kill_silently(2);
        net.run(Duration::from_secs(3));
        net.restart(2, its, seed(2, 100 + seed_number));
        net.run(MINUTE.times(3));
        assert_formed(&net, &all(4), &format!("seed {seed_number}"));
    }
}

#[test]
fn halves_of_a_partition_find_each_other_when_it_heals() {
    for (n, parted_for) in [(4, MINUTE.times(10)), (6, MINUTE.times(50)), (4, HOUR.times(3)), (9, HOUR.times(3))] {
        for seed_number in 0..3 {
            let what = format!("n {n}, parted for {parted_for}, seed {seed_number}");
            let mut net = Net::of(n, seed_number, |_, _| ());
            net.run(MINUTE.times(5));
            net.regroup(n / 2..n, 1);
            net.run(parted_for);
            let halves: [Vec<NodeId>; 2] = [(0..n / 2).collect(), (n / 2..n).collect()];
            halves.iter().for_each(|half| assert_formed(&net, half, &what));
            assert!(!is_whole(&net, &all(n)));
            net.regroup(n / 2..n, 0);
            net.run(MINUTE.times(30));
            assert_formed(&net, &all(n), &what);
        }
    }
}

#[test]
fn two_networks_that_never_met_grow_together_through_a_look_up() {
    for seed_number in 0..3 {
        // Seven nodes of two networks; one of the second has the first's bootstrapper as its second one, which was down
        // when it started.
        let mut net = Net::of(14, seed_number, |number, its| {
            its.max_peers = 8;
            (its.target_peers, its.min_peers) = (2, 2);
            its.bootstrapper = match number {
                0 | 7 => Vec::new(),
                1..7 => vec![Endpoint::Address(address(0))],
                8 => vec![Endpoint::Address(address(7)), Endpoint::Address(address(0))],
                _ => vec![Endpoint::Address(address(7))],
            };
        });
        net.regroup(7..14, 1);
        net.run(MINUTE.times(5));
        assert!(!is_whole(&net, &all(14)));
        net.regroup(7..14, 0);
        net.run(HOUR);
        assert_formed(&net, &all(14), &format!("seed {seed_number}"));
    }
}

#[test]
fn a_peer_that_shuts_down_in_good_order_is_found_again_after_its_restart() {
    let mut net = Net::of(4, 1, |_, _| ());
    net.run(MINUTE.times(5));
    let its = net.state(2).settings().clone();
    net.event(2, &Event::Shutdown);
    net.run(MINUTE);
    net.kill(2);
    let mut without_bootstrapper = its;
    without_bootstrapper.bootstrapper.clear();
    net.restart(2, without_bootstrapper, seed(2, 100));
    net.run(MINUTE.times(3));
    assert_formed(&net, &all(4), "found by the others");
}

#[test]
fn a_topology_with_discovery_off_is_what_its_bootstrappers_say_and_nothing_else() {
    // A line: each calls the next.
    let mut net = Net::default();
    for number in 0..4 {
        let mut its = settings(&address(number).to_string());
        its.discovery = false;
        its.bootstrapper = (number < 3).then(|| Endpoint::Address(address(number + 1))).into_iter().collect();
        net.core(its, seed(number, 1));
    }
    let line = |net: &Net| {
        let expected =
            [vec![1], vec![0, 2], vec![1, 3], vec![2]].map(|ns| ns.into_iter().map(address).collect::<Vec<_>>());
        (0..4).all(|node| net.view(node) == expected[node])
    };
    net.run(MINUTE);
    assert!(line(&net), "{:?}", all(4).iter().map(|node| net.view(*node)).collect::<Vec<_>>());
    net.run(HOUR);
    assert!(line(&net) && net.state(1).metrics.pushes_sent == 0);
    let its = net.state(2).settings().clone();
    net.kill(2);
    net.run(MINUTE.times(10));
    assert!(net.view(3).is_empty() && net.view(1) == [address(0)]);
    net.restart(2, its, seed(2, 100));
    net.run(MINUTE.times(3));
    assert!(line(&net), "again whenever lost");
}

#[test]
fn in_a_network_larger_than_a_view_every_node_has_its_min_peers_and_little_is_dialed_in_the_end() {
    let n = 30;
    for seed_number in 0..2 {
        let what = format!("seed {seed_number}");
        let mut net = Net::of(n, seed_number, |_, its| (its.max_peers, its.target_peers, its.min_peers) = (8, 2, 4));
        net.run(MINUTE.times(20));
        assert_formed(&net, &all(n), &what);
        let before = unrest(&net, &all(n));
        net.run(HOUR);
        assert_formed(&net, &all(n), &what);
        let unrest = unrest(&net, &all(n)) - before;
        println!("{what}: {unrest} in an hour");
        assert!(unrest <= n as u64, "{what}: {unrest} dials, evictions, refusals and proofs in an hour");
    }
}

use super::*;
use crate::scenario::{Fault, Step, Who, Workload};

fn talking(peers: u32) -> Scenario {
    let mut scenario = Scenario::plain(peers);
    scenario.duration = 260 * SECOND;
    scenario.workloads.push(Workload {
        name: "talk".to_owned(),
        types: vec![1337],
        every: SECOND,
        random: true,
        start: 30 * SECOND,
        stop: 90 * SECOND,
        count: u64::MAX,
        size: (20, 2_000),
        ttl: 0,
        from: None,
        invalid_ppm: 50_000,
    });
    scenario
}

#[test]
fn a_small_network_forms_and_everything_reaches_everyone() {
    for seed in 0..10 {
        let mut world = World::new(talking(20), seed, true);
        world.run_until(world.scenario().duration);
        world.finish();
        assert_eq!(world.violations(), [], "seed {seed}");
        let (stats, overlay) = (world.stats(), world.overlay());
        assert_eq!((overlay.pieces, overlay.one_sided), (1, 0), "seed {seed}");
        assert!(stats.judged > 30 && stats.missed == 0, "seed {seed}: {} of {}", stats.missed, stats.expected);
    }
}

fn troubled(peers: u32, duration: u64, timeline: Vec<(u64, Fault, Option<u64>)>) -> World {
    let mut scenario = Scenario::plain(peers);
    scenario.duration = duration * SECOND;
    scenario.timeline = timeline
        .into_iter()
        .map(|(at, fault, lasts)| {
            let (at, lasts) = (at * SECOND, lasts.map(|lasts| lasts * SECOND));
            Step { name: format!("at {at}"), at, fault, lasts }
        })
        .collect();
    World::new(scenario, 1, true)
}

fn peers(those: &[u32]) -> Who {
    Who::Peers(those.to_vec())
}

#[test]
fn a_pause_without_an_end_is_for_ever_and_one_with_an_end_is_not() {
    for (lasts, neighbours) in [(None, 2), (Some(20), 3)] {
        let mut world = troubled(4, 400, vec![(60, Fault::Pause(peers(&[2])), lasts)]);
        world.run_until(50 * SECOND);
        assert_eq!(world.status(0).unwrap().neighbours.len(), 3);
        world.run_until(400 * SECOND);
        world.finish();
        assert_eq!(world.violations(), [], "{lasts:?}");
        assert_eq!(world.status(0).unwrap().neighbours.len(), neighbours, "{lasts:?}");
    }
}

#[test]
fn a_process_that_replaces_a_paused_one_is_not_paused() {
    let timeline = vec![(60, Fault::Pause(peers(&[2])), None), (90, Fault::Kill(peers(&[2])), Some(10))];
    let mut world = troubled(4, 400, timeline);
    world.run_until(400 * SECOND);
    assert_eq!(world.violations(), []);
    assert_eq!(world.status(0).unwrap().neighbours.len(), 3);
}

#[test]
fn a_clock_runs_right_again_after_its_drift_and_of_several_drifts_the_last_counts() {
    let all = || peers(&[1]);
    // Within the second drift the first ends, and says nothing; the third has no end.
    let timeline = vec![
        (10, Fault::Drift(all(), 400_000), Some(20)),
        (20, Fault::Drift(all(), 400_000), Some(20)),
        (60, Fault::Drift(all(), 400_000), None),
    ];
    let mut world = troubled(2, 100, timeline);
    let mut gains = Vec::new();
    let mut before = 0;
    for now in (5..100).step_by(5) {
        world.run_until(now * SECOND);
        let shown = world.peers[1].clock.read(world.now).as_micros();
        gains.push(i64::try_from(shown - before).unwrap() - 5_000_000);
        before = shown;
    }
    let [first, second, third] = [gains[2], gains[4], gains[12]];
    assert!(first != 0 && second != 0 && third != 0 && first != second, "{gains:?}");
    let by_hand: Vec<i64> = [(2, 0), (2, first), (4, second), (4, 0), (7, third)]
        .into_iter()
        .flat_map(|(times, gain)| vec![gain; times])
        .collect();
    assert!(gains.iter().zip(&by_hand).all(|(got, right)| got.abs_diff(*right) <= 1), "{gains:?} {by_hand:?}");
}

#[test]
fn a_peer_stays_slow_until_the_last_that_slowed_it_is_over() {
    let slow = |cost| Fault::Slow(peers(&[1]), cost);
    let timeline = vec![(10, slow(300), Some(20)), (20, slow(200), Some(20)), (50, slow(100), None)];
    let mut world = troubled(2, 70, timeline);
    let mut costs = Vec::new();
    for now in [5, 15, 25, 35, 45, 55, 65] {
        world.run_until(now * SECOND);
        costs.push(world.peers[1].cost);
    }
    assert_eq!(costs, [0, 300, 300, 200, 0, 100, 100]);
}

#[test]
fn a_fault_without_an_end_leaves_the_network_never_calm() {
    for (fault, is_calm) in [
        (Fault::Slow(peers(&[1]), 2 * SECOND), false),
        (Fault::Pause(peers(&[1])), false),
        (Fault::Partition(vec![1, 1]), false),
        (Fault::OneWay(peers(&[1])), false),
        (Fault::Churn { every: 100 * SECOND, down: SECOND }, false),
        (Fault::Kill(peers(&[1])), true),
        (Fault::Reset(1_000_000), true),
    ] {
        for seed in 0..10 {
            let mut world = troubled(10, 300, vec![(40, fault.clone(), None)]);
            world = World::new(world.scenario.clone(), seed, true);
            world.run_until(300 * SECOND);
            world.finish();
            assert_eq!(world.has_been_calm(100 * SECOND), is_calm, "{fault:?}");
            assert_eq!(world.violations(), [], "{fault:?}, seed {seed}");
        }
    }
}

/// With 300 bytes a second a message takes seconds to leave, twenty copies of it minutes, and handshakes wait behind them.
/// Where lines are fast enough, the same network is looked over as ever.
#[test]
fn a_network_whose_lines_are_jammed_is_not_calm_and_breaks_no_property() {
    for (bandwidth, is_calm) in [(100, false), (300, false), (1_000, false), (200_000, true)] {
        for seed in 0..5 {
            let mut scenario = talking(20);
            scenario.network.bandwidth = Some(bandwidth);
            let mut world = World::new(scenario, seed, true);
            world.run_until(world.scenario().duration);
            world.finish();
            assert_eq!(world.violations(), [], "{bandwidth} bytes a second, seed {seed}");
            assert_eq!(world.has_been_calm(60 * SECOND), is_calm, "{bandwidth} bytes a second, seed {seed}");
        }
    }
}

#[test]
fn a_step_knows_whether_there_was_anybody_for_it() {
    let timeline = vec![
        (30, Fault::Kill(Who::Share(200_000)), None),
        (31, Fault::Vanish(peers(&[9])), None),
        (32, Fault::Join(5, 0), None),
        (33, Fault::Kill(peers(&[2])), None),
        (34, Fault::Pause(peers(&[2])), Some(1)),
        (35, Fault::Reset(1_000_000), None),
        (36, Fault::OneWay(Who::Count(2)), Some(1)),
        (37, Fault::Modules(peers(&[0, 1])), None),
        (99, Fault::Leave(peers(&[0])), None),
    ];
    let mut world = troubled(5, 60, timeline);
    world.run_until(60 * SECOND);
    let hits: Vec<_> = (0..9).map(|step| world.stats().hits(step)).collect();
    assert_eq!(hits[..5], [Some(0), Some(0), Some(0), Some(1), Some(0)]);
    assert!(hits[5] >= Some(3), "{hits:?}");
    assert_eq!(hits[6..], [Some(2), Some(2), None]);
    let outcome = crate::run::conclude(&world, 1);
    assert_eq!(outcome.hit_nobody.len(), 4, "{:?}", outcome.hit_nobody);
    assert!(crate::telling::warnings(&outcome).starts_with("[fault at 30000000] hit nobody"));
}

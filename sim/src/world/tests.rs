use super::*;
use crate::scenario::Workload;

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

//! Scenarios drawn from a seed, swarm style: for each run some kinds of faults are fully off and the others weighted
//! wildly, so that each kind is met both alone and among many.

use crate::network::{Config, Latency};
use crate::rng::{Rng, Stream};
use crate::scenario::{Expectation, Fault, Measure, ModuleClass, Relation, Scenario, Step, Verdict, Who, Workload};
use gossip_core::Settings;
use gossip_core::pow::Target;
use gossip_core::time::Duration;

const SECOND: u64 = 1_000_000;
/// Faults begin and end within this time.
const TROUBLE: (u64, u64) = (40 * SECOND, 200 * SECOND);
/// After the last fault, the network has so long to find together: a redial pause, a proof of work and some.
const RECOVERY: u64 = 400 * SECOND;
/// Views with fewer places than this are so often full that pieces may meet by look-ups only, and not by the first.
const ROOMY: u32 = 8;
const RECOVERY_BY_LOOK_UPS: u64 = 2_700 * SECOND;

/// The scenario of a seed.
pub fn draw(seed: u64) -> Scenario {
    let rng = &mut Rng::new(seed, Stream::Explore);
    let peers = match rng.below(10) {
        0..3 => rng.between(2, 9),
        3..8 => rng.between(10, 40),
        8 => rng.between(41, 90),
        _ => rng.between(91, 200),
    };
    let peers = u32::try_from(peers).unwrap_or(2);
    let mut scenario = Scenario::plain(peers);
    scenario.name = format!("explore {seed}");
    scenario.bootstrappers = small(rng, 1, 3).min(peers);
    scenario.join_over = rng.below(20 * SECOND);
    scenario.hash_rate = [1_000_000, 10_000_000, 100_000_000][rng.index(3)];
    scenario.real_pow_bits = 3;
    settings(rng, &mut scenario.settings);
    scenario.network = network(rng);
    modules(rng, &mut scenario);
    let mut kinds: Vec<usize> = (0..KINDS).filter(|_| rng.chance(1, 3)).collect();
    if rng.chance(1, 6) {
        kinds.clear();
    }
    if kinds.contains(&JOIN) && peers > 4 {
        scenario.joined = peers - small(rng, 1, u64::from(peers) / 2);
    }
    let steps = if kinds.is_empty() { 0 } else { rng.between(1, 12) };
    for at in 0..steps {
        let kind = kinds[rng.index(kinds.len())];
        let mut step = fault(rng, kind);
        step.name = format!("f{at}");
        scenario.timeline.push(step);
    }
    if rng.chance(1, 3) {
        scenario.workloads.push(burst(rng));
        if rng.chance(1, 2) {
            small_bounds(&mut scenario.settings);
        }
    }
    if rng.chance(1, 3) {
        for number in 0..rng.between(1, 3) {
            let at = rng.between(TROUBLE.0, TROUBLE.1);
            let fault = Fault::Modules(Who::Share(small(rng, 1, 1_000_000)));
            scenario.timeline.push(Step { name: format!("m{number}"), at, fault, lasts: None });
        }
    }
    scenario.timeline.sort_by_key(|step| step.at);
    let is_roomy = scenario.settings.max_peers >= ROOMY;
    scenario.duration = TROUBLE.1 + if is_roomy { RECOVERY } else { RECOVERY_BY_LOOK_UPS };
    let expect = |measure, relation, bound| Expectation { measure, relation, bound };
    scenario.expectations = vec![
        expect(Measure::Pieces, Relation::Equal, 1),
        expect(Measure::Neighbours, Relation::AtLeast, u64::from(scenario.settings.min_peers)),
    ];
    scenario
}

fn small(rng: &mut Rng, least: u64, most: u64) -> u32 {
    u32::try_from(rng.between(least, most.max(least))).unwrap_or(u32::MAX)
}

fn settings(rng: &mut Rng, settings: &mut Settings) {
    let cache_size = [0, 3, 10, 50, 200][rng.index(5)];
    let degree = [1, 2, 3, 5, 8, 30][rng.index(6)];
    *settings = Settings::new(cache_size, degree, settings.p2p_address);
    settings.max_peers = [4, 6, 8, 8, 12, 20, 64][rng.index(7)];
    settings.target_peers = Settings::target_peers_for(settings.max_peers);
    settings.min_peers = Settings::min_peers_for(degree, settings.max_peers);
    settings.announcer_vouches = rng.chance(1, 2);
    settings.validation_timeout = Duration::from_secs(rng.between(1, 8));
    settings.suppression_time = settings.validation_timeout.plus(Duration::from_secs(rng.between(0, 40)));
    settings.p2p_ttl = [0, 1, 5, 100][rng.index(4)];
    settings.push_fanout = small(rng, 1, 4);
    settings.pow = Target::ZeroBits([0, 10, 20, 24][rng.index(4)]);
    settings.ping_interval = Duration::from_secs([5, 15][rng.index(2)]);
    settings.peer_timeout = settings.ping_interval.times(3);
    if rng.chance(1, 4) {
        (settings.pending_max, settings.pending_bytes) = (16, 1 << 20);
    }
    if rng.chance(1, 4) {
        (settings.api_queue, settings.peer_queue) = (1 << 18, 1 << 18);
    }
}

fn network(rng: &mut Rng) -> Config {
    let latency = match rng.below(3) {
        0 => Latency::Fixed(rng.between(100, 200_000)),
        1 => Latency::Uniform(1_000, rng.between(1_000, 400_000)),
        _ => Latency::Normal(rng.between(5_000, 150_000), rng.between(0, 50_000)),
    };
    Config {
        latency,
        jitter: if rng.chance(1, 2) { 0 } else { rng.below(200_000) },
        bandwidth: rng.chance(1, 3).then(|| rng.between(200_000, 20_000_000)),
        cut_ppm: [0, 10_000, 500_000, 1_000_000][rng.index(4)],
        loss_ppm: [0, 0, 1_000, 50_000][rng.index(4)],
        send_buffer: [4 << 10, 64 << 10, 256 << 10][rng.index(3)],
        lost_ppm: 0,
    }
}

fn modules(rng: &mut Rng, scenario: &mut Scenario) {
    let types = [1, 7, 1337, 65_535];
    let timeout = scenario.settings.validation_timeout.as_micros();
    scenario.modules.clear();
    for at in 0..rng.between(1, 4) {
        let mut subscribed: Vec<u16> = types.into_iter().filter(|_| rng.chance(1, 2)).collect();
        if subscribed.is_empty() || at == 0 {
            subscribed = types.to_vec();
        }
        // The first class keeps the network useful; the others do what modules do.
        let verdict = match rng.below(6) {
            _ if at == 0 => Verdict::Content,
            0 => Verdict::Never,
            1 => Verdict::No,
            2 => Verdict::Yes,
            _ => Verdict::Content,
        };
        let longest = match rng.below(5) {
            0 => 0,
            1..4 => rng.below(timeout),
            _ => 2 * timeout,
        };
        scenario.modules.push(ModuleClass {
            name: format!("m{at}"),
            types: subscribed,
            share_ppm: if at == 0 { [1_000_000, 600_000][rng.index(2)] } else { small(rng, 50_000, 1_000_000) },
            verdict,
            delay: (0, if at == 0 { longest.min(timeout / 2) } else { longest }),
            reads: at == 0 || !rng.chance(1, 8),
        });
    }
    for at in 0..rng.between(1, 3) {
        let most = [50, 2_000, 65_525][rng.index(3)];
        scenario.workloads.push(Workload {
            name: format!("w{at}"),
            types: vec![types[rng.index(4)], types[rng.index(4)]],
            every: rng.between(SECOND / 5, 10 * SECOND),
            random: rng.chance(1, 2),
            start: rng.below(60 * SECOND),
            stop: TROUBLE.1,
            count: u64::MAX,
            size: (9, most),
            ttl: [0, 0, 0, 1, 2, 4, 255][rng.index(7)],
            from: None,
            invalid_ppm: [0, 100_000][rng.index(2)],
        });
    }
}

/// Such that a burst fills them.
fn small_bounds(settings: &mut Settings) {
    (settings.pending_max, settings.pending_bytes) = (16, 1 << 20);
    (settings.api_queue, settings.peer_queue) = (1 << 18, 1 << 18);
}

/// Much at once, from one peer or from all: what queues and tables are bounded for.
fn burst(rng: &mut Rng) -> Workload {
    Workload {
        name: "burst".to_owned(),
        types: vec![[1, 7, 1337, 65_535][rng.index(4)]],
        every: rng.between(500, 20_000),
        random: rng.chance(1, 2),
        start: rng.between(30 * SECOND, TROUBLE.1),
        stop: TROUBLE.1,
        count: rng.between(20, 200),
        size: (9, [50, 2_000, 65_525][rng.index(3)]),
        ttl: [0, 0, 0, 1, 2, 4, 255][rng.index(7)],
        from: rng.chance(1, 2).then_some(0),
        invalid_ppm: [0, 100_000][rng.index(2)],
    }
}

const KINDS: usize = 12;
const JOIN: usize = 10;

fn fault(rng: &mut Rng, kind: usize) -> Step {
    let at = rng.between(TROUBLE.0, TROUBLE.1 - 30 * SECOND);
    let longest = [5, 60, 160][rng.index(3)] * SECOND;
    let lasts = rng.between(SECOND, longest.min(TROUBLE.1 - at));
    let few = Who::Share(small(rng, 1, 500_000));
    let mut lasting = Some(lasts);
    let fault = match kind {
        0 => Fault::Partition(vec![small(rng, 1, 9), small(rng, 1, 9)]),
        1 => Fault::Partition(vec![1, 1, 1]),
        2 => Fault::OneWay(few),
        3 => Fault::Kill(few),
        4 => Fault::Vanish(few),
        5 => Fault::Leave(few),
        6 => Fault::Pause(few),
        7 => Fault::Slow(few, rng.between(10, 20_000)),
        8 => Fault::Silence(small(rng, 1, 500_000)),
        9 => Fault::Reset(small(rng, 1, 1_000_000)),
        JOIN => Fault::Join(small(rng, 1, 100), rng.below(10 * SECOND)),
        _ if rng.chance(1, 2) => Fault::Drift(few, small(rng, 1, 20_000)),
        _ => Fault::Churn { every: rng.between(SECOND / 2, 10 * SECOND), down: rng.between(SECOND, 30 * SECOND) },
    };
    if matches!(fault, Fault::Kill(_) | Fault::Vanish(_) | Fault::Leave(_)) && rng.chance(1, 4) {
        lasting = None;
    }
    let lasts = lasting.filter(|_| fault.may_last());
    Step { name: String::new(), at, fault, lasts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::limits;

    #[test]
    fn whatever_is_drawn_is_sound_and_the_same_each_time() {
        for seed in 0..500 {
            let scenario = draw(seed);
            assert_eq!(scenario, draw(seed));
            let mut settings = scenario.settings.clone();
            settings.p2p_address = gossip_core::Addresses::of("127.0.0.1:1".parse().unwrap());
            assert_eq!(limits::check(&settings), [], "seed {seed}");
            let last = scenario.timeline.iter().map(|step| step.at + step.lasts.unwrap_or(0)).max();
            assert!(last.is_none_or(|last| last <= TROUBLE.1), "seed {seed}");
        }
    }
}

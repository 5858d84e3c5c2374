use super::*;
use crate::scenario::{Fault, Relation, Step, Workload};

const SECOND: u64 = 1_000_000;

/// Measures of messages.
const OF_MESSAGES: [Measure; 8] = [
    Measure::Delivery,
    Measure::Prompt,
    Measure::Healed,
    Measure::P50,
    Measure::P99,
    Measure::Longest,
    Measure::Redundancy,
    Measure::Hops,
];

fn plain(peers: u32, duration: u64) -> Scenario {
    let mut scenario = Scenario::plain(peers);
    scenario.duration = duration;
    scenario
}

fn talk(start: u64, stop: u64) -> Workload {
    Workload {
        name: "talk".to_owned(),
        types: vec![1337],
        every: SECOND,
        random: false,
        start,
        stop,
        count: u64::MAX,
        size: (20, 20),
        ttl: 0,
        from: None,
        invalid_ppm: 0,
    }
}

fn partition(at: u64, lasts: Option<u64>) -> Step {
    Step { name: "split".to_owned(), at, fault: Fault::Partition(vec![1, 1]), lasts }
}

/// Whatever a measure may be, it is at least nothing, and at most all there is.
fn of_anything(mut scenario: Scenario, measures: &[Measure]) -> Outcome {
    for &measure in measures {
        for (relation, bound) in [(Relation::AtLeast, 0), (Relation::AtMost, u64::MAX)] {
            scenario.expectations.push(Expectation { measure, relation, bound });
        }
    }
    run(scenario, 1, Options::default(), |_, _| {})
}

#[test]
fn what_was_never_measured_is_missed_whatever_was_expected_of_it() {
    let mut nobody_listens = plain(4, 120 * SECOND);
    nobody_listens.workloads.push(talk(30 * SECOND, 60 * SECOND));
    nobody_listens.modules[0].types = vec![1];
    let mut after_the_end = plain(4, 60 * SECOND);
    after_the_end.workloads.push(talk(90 * SECOND, 95 * SECOND));
    for scenario in [plain(4, 60 * SECOND), nobody_listens, after_the_end] {
        let outcome = of_anything(scenario, &OF_MESSAGES);
        assert_eq!((outcome.met.len(), outcome.missed.len()), (0, 16), "{:?}", outcome.met);
        assert!(outcome.missed.iter().all(|(_, value)| value.is_none()), "{:?}", outcome.missed);
        let told = crate::telling::complaints(&outcome);
        assert!(told.contains("missed: p99 <= ") && told.contains("nothing was measured"), "{told}");
    }
}

#[test]
fn what_was_measured_is_held_against_its_bound() {
    let mut scenario = plain(20, 360 * SECOND);
    scenario.settings.cache_size = 500;
    scenario.workloads.push(talk(30 * SECOND, 100 * SECOND));
    scenario.timeline.push(partition(60 * SECOND, Some(60 * SECOND)));
    let outcome = of_anything(scenario, &OF_MESSAGES);
    assert_eq!((outcome.met.len(), outcome.missed.len()), (16, 0), "{:?}", outcome.missed);
}

#[test]
fn a_partition_that_never_heals_has_not_healed() {
    let never = [partition(60 * SECOND, None)];
    let once_of_two = [partition(50 * SECOND, Some(60 * SECOND)), partition(200 * SECOND, None)];
    let too_late = [partition(60 * SECOND, Some(250 * SECOND))];
    for timeline in [never.to_vec(), once_of_two.to_vec(), too_late.to_vec()] {
        let mut scenario = plain(20, 300 * SECOND);
        scenario.settings.cache_size = 500;
        scenario.workloads.push(talk(30 * SECOND, 100 * SECOND));
        scenario.timeline = timeline;
        let outcome = of_anything(scenario, &[Measure::Healed]);
        let values: Vec<_> = outcome.missed.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [None, None], "{:?}", outcome.met);
    }
}

/// Five announcements among four peers, of which one loses power after the first two and before the last three, and is
/// told of none of these.
#[test]
fn the_summary_tells_what_was_counted_by_hand() {
    let mut scenario = plain(4, 200 * SECOND);
    scenario.bootstrappers = 1;
    scenario.network.lost_ppm = 0;
    let mut workload = talk(40 * SECOND, 45 * SECOND);
    workload.from = Some(1);
    scenario.workloads.push(workload);
    let fault = Fault::Vanish(crate::scenario::Who::Peers(vec![3]));
    scenario.timeline.push(Step { name: "power".to_owned(), at: 41_500_000, fault, lasts: None });
    let outcome = run(scenario.clone(), 1, Options::default(), |_, _| {});
    let stats = &outcome.stats;
    assert_eq!((stats.announcements, stats.judged, stats.subscribed), (5, 5, 20));
    // Peer 3 was gone when they were judged; it had been told of two.
    assert_eq!((stats.expected, stats.missed), (5 * 3, 0));
    assert_eq!(stats.deliveries, 2 * 4 + 3 * 3);
    let report = crate::telling::report(&scenario, &outcome, None, String::new());
    assert_eq!((report.summary.peers, report.summary.deliveries), (4, stats.deliveries));
    assert!(crate::telling::counted(&outcome).starts_with("counted 5 of 5 announcements, "));
    assert_eq!(outcome.overlay.peers, 3);
}

/// What comes of `[expect]` lines in a network of so many peers that know nobody but their one bootstrapper: whether
/// each was met, and what it was.
fn cost_of_joining(peers: u32, discovery: &str, seconds: u32, expect: &[&str]) -> Vec<(bool, String)> {
    let text = format!(
        "[simulation]\npeers = {peers}\nduration = {seconds} s\njoin_over = 1 s\n\
         [gossip]\ncache_size = 50\ndegree = 3\ndiscovery = {discovery}\n\
         [network]\nlatency = fixed 10 ms\njitter = 0 s\ncut = 0 %\nloss = 0 %\n[expect]\n{}\n",
        expect.join("\n")
    );
    let (scenario, _) = Scenario::parse("joining.ini", &text).unwrap_or_else(|error| panic!("{error}"));
    let outcome = run(scenario.clone(), 1, Options::default(), |_, _| {});
    let report = crate::telling::report(&scenario, &outcome, None, String::new());
    report.verdicts.into_iter().map(|verdict| (verdict.met, verdict.measured)).collect()
}

/// PROTOCOL.md, section 3: who joins sends CAPABILITIES, HELLO and the proof (507), and is sent CAPABILITIES, the nonce (506)
/// and a view (505): six frames. Without discovery there is nothing else: each but the bootstrapper joins it once.
#[test]
fn what_joining_costs_is_what_is_counted_by_hand() {
    let six = (true, "6 frames".to_owned());
    for (peers, joins) in [(2, "0.5 handshakes"), (3, "0.666 handshakes"), (4, "0.75 handshakes")] {
        let verdicts = cost_of_joining(peers, "no", 8, &["handshake_frames = 6", "handshakes_per_join <= 0.75"]);
        assert_eq!(verdicts, [six.clone(), (true, joins.to_owned())], "{peers} peers");
    }
    // Two peers that look for more ask each other once within eight seconds: PEER REQUEST and its answer, both ways.
    let verdicts = cost_of_joining(2, "yes", 8, &["handshake_frames = 10", "handshake_frames <= 9.999"]);
    assert_eq!(verdicts, [(true, "10 frames".to_owned()), (false, "10 frames".to_owned())]);
}

/// Two handshakes for three starts: a third is no whole thousandth.
#[test]
fn what_joining_costs_is_not_rounded_before_it_is_compared() {
    let said = |expect: &[&str]| cost_of_joining(3, "no", 8, expect);
    let shown = |met, text: &str| (met, format!("{text} handshakes"));
    let around = said(&["handshakes_per_join <= 0.666", "handshakes_per_join >= 0.666"]);
    assert_eq!(around, [shown(false, "0.667"), shown(true, "0.666")]);
    assert_eq!(said(&["handshakes_per_join >= 0.667"]), [shown(false, "0.666")]);
}

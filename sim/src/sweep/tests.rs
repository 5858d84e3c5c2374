use super::*;
use crate::cores;
use crate::report::{Ending, Sweep};
use hdrhistogram::Histogram;
use std::sync::Mutex;

const FILE: &str = "[simulation]\npeers = 20\n[gossip]\ncache_size = 50\ndegree = 3\n[modules all]\ntypes = 7\n\
    [workload talk]\ntypes = 7\nevery = 1 s\nstart = 20 s\nstop = 40 s\n[fault off and on]\nat = 30 s\nlasts = 5 s\n\
    kind = kill\nwho = peers 1, 2\n[expect]\nredundancy <= 2\n";

fn vary(texts: &[&str]) -> Vec<Vary> {
    texts.iter().map(|text| Vary::parse(text).unwrap()).collect()
}

fn plan(texts: &[&str]) -> Plan {
    Plan::new("x.ini", FILE, vary(texts)).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn mistakes(texts: &[&str]) -> Vec<String> {
    Plan::new("x.ini", FILE, vary(texts)).err().unwrap_or_default()
}

/// A run that is as expected if nothing is missed.
fn run(missed: u64, latencies: &[u64], of_each: u64) -> Run {
    let mut latency = Histogram::new(3).unwrap();
    latencies.iter().for_each(|value| latency.record(*value).unwrap());
    let (ending, wrong) = match missed {
        0 => (Ending::Passed, None),
        _ => (Ending::Missed, Some("seed 1: delivery".to_owned())),
    };
    Run {
        expected: 1_000,
        missed,
        redundancy_milli: 2_000 + of_each,
        last_hop: 5 + of_each,
        latency,
        bytes: 100 * of_each,
        proofs_milli: 1_000 * of_each,
        dropped: of_each,
        pieces: of_each,
        ending,
        wrong,
    }
}

#[test]
fn a_row_is_the_one_computed_by_hand() {
    // 100 deliveries within 64 us and one after 1000; in the other seed all within 64.
    let runs = [run(3, &[&[64; 99][..], &[1_000]].concat(), 4), run(0, &[64; 100], 1)];
    let row = Row::of(&["2".to_owned()], &runs);
    let by_hand = [
        // 3 of 2000 missed, 3 of 1000 in the worst seed.
        ("delivery", 998_500, 997_000),
        ("missed", 1_500, 3_000),
        ("redundancy", 2_002, 2_004),
        ("last_hop", 7_500, 9_000),
        ("p50", 64, 64),
        // The 198th of 200, and the 99th of 100.
        ("p99", 64, 64),
        ("max", (64 + 1_000) / 2, 1_000),
        ("bytes", 250, 400),
        ("proofs", 2_500, 4_000),
        ("dropped", 2_500, 4_000),
        ("pieces", 2_500, 4_000),
    ];
    let got: Vec<_> = MEASURES.iter().zip(&row.figures).map(|(m, figure)| (m.key, figure.mean, figure.worst)).collect();
    assert_eq!(got, by_hand);
    assert_eq!((row.good, row.seeds, row.ending), (1, 2, Ending::Missed));
    assert_eq!(row.wrong.as_deref(), Some("seed 1: delivery"));
}

#[test]
fn bytes_are_those_of_a_peer_and_second() {
    // 3000 bytes of 10 peers in half a second.
    assert_eq!(run::rate(3_000, 10, 500_000), 600);
    assert_eq!(run::rate(u64::MAX, 1, 1), u64::MAX);
    assert_eq!(run::rate(5, 0, 0), 5_000_000);
}

#[test]
fn bytes_of_joining_do_not_count() {
    let scenario = crate::scenario::Scenario::parse("x.ini", FILE).unwrap().0;
    let mut world = crate::world::World::new(scenario.clone(), 1, true);
    // The first announcement is at 20 s; a hundredth of the minute is 600 ms.
    world.run_until(19_800_000);
    let before = world.stats().peer_bytes;
    world.run_until(60_000_000);
    let sent = world.stats().peer_bytes - before;
    assert!(before > sent / 10, "joining sent {before} bytes: too few to be noticed beside {sent}");
    assert_eq!(measure(&scenario, 1).bytes, sent * 10 / (20 * 402));
}

#[test]
fn what_is_varied_is_in_the_file_s_own_words_and_what_follows_from_it_follows() {
    let plan = plan(&["gossip.cache_size=10,0", "Simulation.Peers=7"]);
    let of = |variant: &Variant| {
        let Variant { values, scenario } = variant;
        (values.join(" "), scenario.settings.cache_size, scenario.settings.max_peers, scenario.peers)
    };
    // max_peers is cache_size within 8 to 64 where the file does not say it.
    let by_hand = [("10 7".to_owned(), 10, 10, 7), ("0 7".to_owned(), 0, 8, 7)];
    assert_eq!(plan.variants.iter().map(of).collect::<Vec<_>>(), by_hand);
    assert_eq!((plan.scenario.peers, plan.scenario.settings.cache_size), (20, 50));
}

#[test]
fn keys_that_the_file_does_not_have_are_added_to_their_section() {
    let plan = plan(&["network.latency=fixed 20 ms,uniform 1 ms to 2 ms", "fault off and on.who=peers 1, 2;50 %"]);
    let all: Vec<_> =
        plan.variants.iter().map(|one| (&one.scenario.network.latency, one.scenario.timeline[0].label())).collect();
    use crate::network::Latency::{Fixed, Uniform};
    let (slow, fast) = (Fixed(20_000), Uniform(1_000, 2_000));
    let (two, half) = ("kill peers 1, 2".to_owned(), "kill 50 %".to_owned());
    assert_eq!(all, [(&slow, two.clone()), (&slow, half.clone()), (&fast, two), (&fast, half)]);
}

#[test]
fn a_setting_that_cannot_be_read_says_what_would_be_right() {
    for (text, words) in [
        ("degree", "has no values"),
        ("degree=3", "names no section"),
        ("gossip.degree=", "is empty"),
        ("gossip.degree=3,,4", "is empty"),
        ("gossip.degree=3,4,3", "the value 3 twice"),
        ("gossip.degree=3 # three", "cannot be a value"),
        ("gossip.degree=3\n[expect]", "cannot be a value"),
        ("expect.delivery=100 %", "no setting"),
    ] {
        let told = Vary::parse(text).unwrap_err();
        assert!(told.contains(words), "{text}: {told}");
    }
}

#[test]
fn mistakes_name_the_option_and_what_would_be_right() {
    for (texts, told) in [
        (&["gossip.degre=3,4"][..], "--vary gossip.degre=3: no such key; the nearest known one is degree"),
        (&["simulation.colour=3"], "--vary simulation.colour=3: no such key here; one of peers, "),
        (&["gossip.degree=3,none", "gossip.cache_size=1,2"], "--vary gossip.degree=none: 'none' is not a whole number"),
        (&["gossip.repair_interval=500ms"], "--vary gossip.repair_interval=500ms: '500ms' is not"),
        (
            &["workload tlak.every=1 s"],
            "--vary workload tlak.every=1 s: the file has no section [workload tlak]; it has ",
        ),
        (&["workload talk.every=soon"], "--vary workload talk.every=soon: `soon` is not a span of time"),
        (&["gossip.max_peers=20", "gossip.min_peers=10,30"], "--vary gossip.min_peers=30: "),
        (&["gossip.degree=3", "gossip.degree=4"], "--vary gossip.degree is there twice"),
        (&["gossip.degree=3", "gossip.cache_size=1,2,3,4,5,6,7"], "7 values are too many for the second setting"),
        (&["gossip.degree=3", "gossip.cache_size=1", "simulation.peers=3"], "more than two settings"),
    ] {
        let all = mistakes(texts);
        assert_eq!(all.len(), 1, "{texts:?}: {all:?}");
        assert!(all[0].contains(told), "{texts:?}: {all:?}");
    }
    assert_eq!(mistakes(&["gossip.degree=none,0,3"]).len(), 2, "all at once");
}

fn swept(cores: usize) -> (Vec<Row>, Sweep) {
    let plan = plan(&["gossip.degree=1,3", "gossip.cache_size=0,50"]);
    let columns = Columns::new(&plan, &[], 2);
    let rows = Mutex::new(Vec::new());
    cores::all_seeds(
        &plan.variants,
        3..5,
        cores,
        |one, seed| measure(&one.scenario, seed),
        |at, runs| {
            rows.lock().unwrap().push(Row::of(&plan.variants[at].values, &runs[at]));
        },
    );
    let rows = rows.into_inner().unwrap();
    let page = page(&plan, &columns, &rows, "sim sweep".to_owned());
    (rows, page)
}

#[test]
fn one_core_and_two_give_the_same_bytes() {
    let (one, two) = (swept(1), swept(2));
    assert_eq!(one, two);
    assert_eq!((one.1.html(), one.1.svg()), (two.1.html(), two.1.svg()));
    let values: Vec<_> = one.0.iter().map(|row| row.values.join(" ")).collect();
    assert_eq!(values, ["1 0", "1 50", "3 0", "3 50"]);
    // Who pushes to three has more copies than who pushes to one, with repair and without.
    let redundancy = |at: usize| one.0[at].figure("redundancy").unwrap().mean;
    assert!(redundancy(2) > redundancy(0) && redundancy(3) > redundancy(1));
    let curve = &one.1.curves[2];
    assert_eq!((curve.name.as_str(), curve.lines.len()), ("redundancy", 2));
    assert_eq!(curve.lines[1].iter().map(|point| point.0).collect::<Vec<_>>(), [redundancy(1), redundancy(3)]);
}

#[test]
fn the_table_has_the_worst_seed_in_brackets_and_says_what_was_missed() {
    let plan = plan(&["gossip.degree=2,10"]);
    let columns = Columns::new(&plan, &["missed".to_owned(), "redundancy".to_owned()], 2);
    assert_eq!(columns.head(), "gossip.degree                 missed  redundancy");
    let row = Row::of(&["2".to_owned()], &[run(3, &[1], 4), run(0, &[1], 1)]);
    assert_eq!(columns.row(&row), "2                            1.5 (3)       2.002  1 of 2 seeds; seed 1: delivery");
    let head = "| `gossip.degree` | missed | redundancy | as expected |\n|---|---|---|---|\n";
    assert_eq!(columns.markdown_head(), head);
    assert_eq!(columns.markdown(&row), "| 2 | 1.5 (3) | 2.002 | 1 of 2 seeds; seed 1: delivery |\n");
    let good = Row::of(&["10".to_owned()], &[run(0, &[1], 1), run(0, &[1], 1)]);
    assert_eq!(columns.markdown(&good), "| 10 | 0 | 2.001 | all |\n");
}

#[test]
fn json_has_every_measure_with_its_unit_in_the_name() {
    let plan = plan(&["gossip.degree=2,10"]);
    let row = Row::of(&["2".to_owned()], &[run(3, &[1], 4), run(0, &[1], 1)]);
    let json = row.json(&plan, &(3..5));
    assert_eq!(json["settings"]["gossip.degree"], "2");
    assert_eq!(json["measures"]["delivery_ppm"]["worst"], 997_000);
    assert_eq!(json["measures"]["missed_milli"]["mean"], 1_500);
    assert_eq!((&json["seeds"]["first"], &json["ending"]), (&3.into(), &"missed".into()));
    assert_eq!(json["measures"].as_object().map(serde_json::Map::len), Some(MEASURES.len()));
}

#[test]
fn the_command_repeats_what_a_shell_would_take_apart() {
    let option = |text: &str| Vary::parse(text).unwrap().option();
    assert_eq!(option("gossip.degree=2, 3"), "--vary gossip.degree=2,3");
    assert_eq!(option("workload talk.every=1 s"), "--vary 'workload talk.every=1 s'");
    assert_eq!(option("fault x.who=peers 1, 2; 50 %"), "--vary 'fault x.who=peers 1, 2;50 %'");
}

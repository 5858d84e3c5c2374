//! The ready-made scenarios through the program itself: what they come to is committed, and exit statuses are what the
//! manual says.

use gossip_sim::cores::for_each;
use gossip_sim::run::{Options, run};
use gossip_sim::scenario::{Measure, Relation, Scenario};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// The program of these tests' own build, or the one that SIM_PROGRAM names: `.ci/run release` holds a release build to the
/// same results.
fn program() -> PathBuf {
    std::env::var_os("SIM_PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_sim")), PathBuf::from)
}

fn sim(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().expect("the program can be started")
}

fn scenario(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Scenarios whose results are committed, and with how many peers they are run where the file's take too long.
const GOLDEN: &[(&str, Option<u32>)] = &[
    ("smoke.ini", None),
    ("partition-and-heal.ini", None),
    ("slow-modules.ini", None),
    ("regions.ini", None),
    ("hundreds.ini", None),
    ("churn.ini", None),
    ("mass-failure.ini", None),
    ("flash-crowd.ini", None),
    ("many-types.ini", None),
    ("at-rest.ini", None),
    ("repair-churn.ini", None),
    ("repair-partition.ini", None),
    ("repair-mass-failure.ini", None),
    ("tree-one-sender.ini", Some(300)),
    ("tree-churn.ini", None),
    ("tuning-example.ini", None),
    ("tuning-outage.ini", None),
    ("tuning-steady.ini", None),
];

/// Those whose results are not, and why. Attacks are held by tests/attacks.rs.
const NOT_GOLDEN: &[(&str, &str)] = &[
    ("loud-neighbour.ini", "takes twelve seconds"),
    ("ten-thousand.ini", "takes a minute"),
    ("hundred-thousand.ini", "takes minutes"),
    ("million.ini", "takes twenty minutes and 18 GiB"),
    ("must-fail.ini", "is missed, as it must be"),
    ("open-joining-full.ini", "is missed: an open problem"),
    ("tree-many-senders.ini", "is missed by a hop under seed 1; tests/tree.rs runs it smaller"),
    ("tree-types.ini", "is missed by 65 deliveries under seed 1; tests/tree.rs runs it smaller"),
];

/// What of a run is the same on every machine and in every build.
fn golden_lines(&(name, peers): &(&str, Option<u32>)) -> String {
    let path = scenario(name);
    let peers = peers.map(|peers| peers.to_string());
    let mut arguments = vec!["run", &path, "--seed", "1", "--json"];
    arguments.extend(peers.iter().flat_map(|peers| ["--peers", peers]));
    let output = sim(&arguments);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    let values = |of: &serde_json::Value, keys: &[&str]| {
        let values: Vec<_> =
            keys.iter().map(|key| format!("{key} {}", of.get(*key).unwrap_or_else(|| panic!("no {key}")))).collect();
        values.join(", ")
    };
    let network = values(&json, &["digest", "handshakes", "starts", "dials", "fewest_neighbours", "handshake_frames"]);
    let messages = ["announcements", "deliveries", "expected", "missed", "redundancy_milli", "last_delivery_hop"];
    let (messages, latency) = (values(&json["summary"], &messages), values(&json["latency"], &["p50_us", "p99_us"]));
    let smaller = peers.map_or(String::new(), |peers| format!(" --peers {peers}"));
    format!("{name}{smaller}: {network}\n  {messages}, {latency}\n")
}

#[test]
fn quick_scenarios_come_true_and_give_the_committed_results() {
    let got: String = GOLDEN.iter().map(golden_lines).collect();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &got).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(got, golden, "if this change is meant, run the test again with BLESS=1 and commit {}", path.display());
}

#[test]
fn every_scenarios_results_are_committed_or_it_is_said_why_not() {
    let mut named: Vec<&str> = GOLDEN.iter().map(|(name, _)| *name).collect();
    named.extend(NOT_GOLDEN.iter().map(|(name, _)| *name));
    named.sort_unstable();
    let files = std::fs::read_dir(scenario("")).unwrap();
    let mut files: Vec<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|name| !name.starts_with("attack-"));
    files.sort_unstable();
    assert_eq!(named, files);
}

#[test]
fn the_same_seed_gives_the_same_digest_in_another_process_and_beside_other_seeds() {
    let digest = |arguments: &[&str]| {
        let output = sim(arguments);
        let out = text(&output.stdout);
        let json = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("one object a line"));
        json.map(|json| (json["seed"].to_string(), json["digest"].to_string())).collect::<Vec<_>>()
    };
    let types = scenario("many-types.ini");
    let many = digest(&["run", &types, "--seeds", "3..7", "--json"]);
    assert_eq!(many.len(), 4);
    for (seed, of_many) in &many {
        assert_eq!(&digest(&["run", &types, "--seed", seed, "--json"]), &[(seed.clone(), of_many.clone())]);
    }
    assert_ne!(many[0].1, many[1].1);
}

#[test]
fn seeds_give_the_same_digests_on_one_core_and_on_two() {
    let (types, _) = Scenario::read(Path::new(&scenario("many-types.ini"))).unwrap();
    let digests = |cores| {
        let found = Mutex::new(BTreeMap::new());
        for_each(0..4, cores, |seed| {
            let outcome = run(types.clone(), seed, Options::default(), |_, _| {});
            found.lock().unwrap().insert(seed, outcome.digest).is_none()
        });
        found.into_inner().unwrap()
    };
    let on_one = digests(1);
    assert_eq!((on_one.len(), &on_one), (4, &digests(2)));
}

#[test]
fn what_cannot_come_true_fails_with_status_1_and_says_how_to_repeat_it() {
    let output = sim(&["run", &scenario("must-fail.ini"), "--seed", "4"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("latency <= 40 ms") && complaint.contains("--seed 4"), "{complaint}");
}

#[test]
fn a_wrong_file_or_command_line_has_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.ini");
    std::fs::write(&wrong, "[simulation]\npeers = many\n[gossip]\ncache_size = 5\n").unwrap();
    let output = sim(&["run", &wrong.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("wrong.ini:2: [simulation] peers: `many`"), "{complaint}");
    assert!(complaint.contains("degree"), "{complaint}");
    assert_eq!(sim(&["run", "no-such-file.ini"]).status.code(), Some(2));
    assert_eq!(sim(&["run"]).status.code(), Some(2));
    assert_eq!(sim(&["explore", "--seeds", "5..5"]).status.code(), Some(2));
}

/// As `head` does in the end: nobody reads any more.
#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    use std::io::Read;
    use std::process::Stdio;
    for arguments in [
        vec!["run".to_owned(), scenario("smoke.ini"), "--seeds".to_owned(), "0..4".to_owned()],
        vec!["explore".to_owned(), scenario("must-fail.ini"), "--seeds".to_owned(), "0..4".to_owned()],
    ] {
        let mut child = Command::new(program())
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        drop(child.stdout.take());
        let mut complaints = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        assert!(!complaints.contains("panicked"), "{complaints}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{complaints}");
    }
}

#[test]
fn seeds_are_told_in_their_order() {
    let output = sim(&["run", &scenario("smoke.ini"), "--seeds", "7..12"]);
    let out = text(&output.stdout);
    let starts: Vec<_> = out.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(starts, ["seed 7", "seed 8", "seed 9", "seed 10", "seed 11"]);
}

#[test]
fn a_step_that_hits_nobody_and_peers_that_never_join_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("few.ini").display().to_string();
    let few = "[simulation]\npeers = 5\njoined = 4\nduration = 20 s\n[gossip]\ncache_size = 5\ndegree = 3\n\
               [fault all]\nat = 15 s\nkind = kill\nwho = 20 %\n";
    std::fs::write(&file, few).unwrap();
    let output = sim(&["run", &file]);
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stderr);
    assert!(told.contains("1 of 5 peers never join") && told.contains("[fault all] hit nobody"), "{told}");
}

#[test]
fn a_traced_peer_replays_to_the_same_actions() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("peer.rec").display().to_string();
    let page = folder.path().join("page.html").display().to_string();
    let output =
        sim(&["run", &scenario("smoke.ini"), "--seed", "2", "--trace", &trace, "--trace-peer", "7", "--report", &page]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let replayed = sim(&["replay", "--quiet", &trace]);
    assert_eq!(replayed.status.code(), Some(0), "{}{}", text(&replayed.stdout), text(&replayed.stderr));
    assert!(std::fs::read_to_string(&page).unwrap().contains("<html"));

    // One byte of the events is another: found out.
    let mut bytes = std::fs::read(&trace).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&trace, bytes).unwrap();
    assert_ne!(sim(&["replay", "--quiet", &trace]).status.code(), Some(0));
}

#[test]
fn random_networks_break_no_property() {
    let output = sim(&["explore", "--seeds", "0..12"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_scenario_that_fails_is_made_smaller_and_still_fails() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.ini").display().to_string();
    let output = sim(&["explore", &scenario("must-fail.ini"), "--seeds", "4..5", "--shrink", &small]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let read = |path: &str| Scenario::read(Path::new(path)).unwrap().0;
    assert!(read(&small).peers < read(&scenario("must-fail.ini")).peers);
    assert_eq!(sim(&["run", &small, "--seed", "4"]).status.code(), Some(1));
}

#[test]
fn every_scenario_file_can_be_read() {
    for entry in std::fs::read_dir(scenario("")).unwrap() {
        let path = entry.unwrap().path();
        let (scenario, warnings) = Scenario::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(warnings.is_empty() && !scenario.expectations.is_empty(), "{}: {warnings:?}", path.display());
    }
}

/// Shares and percentiles say nothing of how much they are of: whoever is missed for something that went wrong is left out.
#[test]
fn a_ready_made_scenario_that_expects_something_of_messages_expects_that_there_are_enough() {
    let of_messages = [Measure::Delivery, Measure::Prompt, Measure::Healed, Measure::P50, Measure::P99];
    for entry in std::fs::read_dir(scenario("")).unwrap() {
        let (scenario, _) = Scenario::read(&entry.unwrap().path()).unwrap();
        let has = |measure: Measure, least: u64| {
            let floors = scenario.expectations.iter().filter(|one| one.relation != Relation::AtMost);
            floors.filter(|one| one.measure == measure).any(|one| one.bound >= least)
        };
        if scenario.expectations.iter().any(|one| of_messages.contains(&one.measure)) {
            let enough = has(Measure::Counted, 200_000) && has(Measure::Announcements, 1);
            assert!(enough, "{}: counted >= SHARE and announcements >= NUMBER are missing", scenario.name);
        }
    }
}

#[test]
fn the_manual_names_every_key_and_measure() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SIMULATION.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    for (section, key, standard, _) in gossip_sim::scenario::KEYS {
        let row = format!("| `{key}` | {standard} |");
        assert!(manual.contains(&row), "[{section}] has no row {row}");
    }
    for (name, _, sentence) in gossip_sim::scenario::MEASURES {
        assert!(manual.contains(&format!("| `{name}` | {sentence} |")), "no row for {name}");
    }
}

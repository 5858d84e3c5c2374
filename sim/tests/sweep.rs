//! `sim sweep` through the program itself.

use std::path::Path;
use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments).output();
    output.expect("the program can be started")
}

fn smoke() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke.ini").display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_sweep_prints_a_row_for_each_combination_in_order_and_writes_its_pictures() {
    let folder = tempfile::tempdir().expect("a folder for the page");
    let (page, svg) = (folder.path().join("out.html"), folder.path().join("out.svg"));
    let files = ["--report", &page.display().to_string(), "--svg", &svg.display().to_string()];
    let varied = ["--vary", "gossip.degree=2,5", "--vary", "network.lost=0 %,1 %", "--seeds", "3..5"];
    let output =
        sim(&[&["sweep", &smoke(), "--markdown", "--measures", "redundancy,last_hop"], &varied[..], &files].concat());
    let out = text(&output.stdout);
    let begins: Vec<_> = out.lines().map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(", ")).collect();
    let by_hand =
        ["| `gossip.degree`, `network.lost`", "|---|---|---|---|---|", "| 2, 0 %", "| 2, 1 %", "| 5, 0 %", "| 5, 1 %"];
    assert_eq!(begins, by_hand, "{}", text(&output.stderr));
    let page = std::fs::read_to_string(page).expect("the page was written");
    let again = format!("{} --vary gossip.degree=2,5 --vary &#39;network.lost=0 %,1 %&#39; --seeds 3..5", smoke());
    let again = [again.clone(), again.replace("&#39;", "'")];
    assert!(again.iter().any(|again| page.contains(again.as_str())), "the command that repeats it is missing");
    assert_eq!(page.matches("<svg").count(), 2, "two measures");
    assert!(std::fs::read_to_string(svg).expect("the picture was written").starts_with("<svg xmlns="));
}

#[test]
fn json_is_an_object_a_row_and_the_same_each_time() {
    let arguments = ["sweep", &smoke(), "--vary", "gossip.degree=2,5", "--seeds", "0..3", "--json"];
    let (one, other) = (sim(&arguments), sim(&arguments));
    assert_eq!(one.stdout, other.stdout);
    let rows: Vec<serde_json::Value> =
        text(&one.stdout).lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["settings"]["gossip.degree"], "5");
    let redundancy = |row: &serde_json::Value| row["measures"]["redundancy_milli"]["mean"].as_u64();
    assert!(redundancy(&rows[0]) < redundancy(&rows[1]), "who pushes to more has more copies: {rows:?}");
}

#[test]
fn exit_statuses_are_those_of_run() {
    let sweep = |varied: &str, more: &[&str]| {
        let output = sim(&[&["sweep", &smoke(), "--vary", varied, "--seeds", "0..1"], more].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(sweep("gossip.degree=30", &[]).0, Some(0));
    // The file expects all to be delivered: nobody can be told within no time.
    let (status, told, _) = sweep("workload talk.stop=31 s", &[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("0 of 1 seeds; seed 0: announcements"), "{told}");
    for (varied, words) in [
        ("gossip.degre=5", "the nearest known one is degree"),
        ("gossip.degree=none", "--vary gossip.degree=none: 'none' is not a whole number"),
        ("nonsense", "gossip.degree=2,3,4 would be right"),
    ] {
        let (status, told, wrong) = sweep(varied, &[]);
        assert_eq!((status, told.as_str()), (Some(2), ""), "{varied}");
        assert!(wrong.contains(words), "{varied}: {wrong}");
    }
    let (status, _, wrong) = sweep("gossip.degree=5", &["--measures", "luck"]);
    assert_eq!(status, Some(2));
    assert!(wrong.contains("one of delivery, missed, "), "{wrong}");
    assert_eq!(sweep("gossip.degree=30", &["--report", "/nowhere/out.html"]).0, Some(2));
}

//! docs/SECURITY.md names nothing that there is not.

use gossip_core::Metrics;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn what_bounds_an_attack_names_every_scenario_keys_and_counters() {
    let page = std::fs::read_to_string(folder("../docs/SECURITY.md")).unwrap();
    let (_, section) = page.split_once("## What bounds each attack").unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows: Vec<Vec<&str>> =
        table.take_while(|line| line.starts_with('|')).map(|line| line.split(" | ").collect()).collect();
    let mut attacks: Vec<&str> = rows.iter().flat_map(|row| names(row[0])).collect();
    attacks.sort_unstable();
    let files = std::fs::read_dir(folder("scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let stems = files.filter_map(|path| Some(path.file_stem()?.to_str()?.strip_prefix("attack-")?.to_owned()));
    let mut scenarios: Vec<String> = stems.collect();
    scenarios.sort_unstable();
    assert_eq!(attacks, scenarios);
    let counters: Vec<&str> = Metrics::default().iter().map(|(name, ..)| name).collect();
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        for key in names(row[1]) {
            assert!(gossip_config::KEYS.iter().any(|known| known.name == key), "{key} is no key");
        }
        assert!(!names(row[2]).is_empty(), "{row:?}");
        for counter in names(row[2]) {
            assert!(counters.contains(&counter), "{counter} is no counter");
        }
    }
}

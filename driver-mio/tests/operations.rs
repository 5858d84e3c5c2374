//! `docs/OPERATIONS.md` names every metric and every warning that there is, and no metric that there is not.

use gossip_driver_mio::status;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manual() -> String {
    read(&root().join("docs/OPERATIONS.md"))
}

#[test]
fn every_metric_is_explained_and_nothing_else() {
    let text = manual();
    let explained: BTreeSet<&str> = text.split('`').filter(|word| word.starts_with("gossip_")).collect();
    let catalogue = status::catalogue();
    let there: BTreeSet<&str> = catalogue.iter().map(|metric| metric.name.split('{').next().unwrap()).collect();
    assert_eq!(there.difference(&explained).collect::<Vec<_>>(), Vec::<&&str>::new(), "not explained");
    assert_eq!(explained.difference(&there).collect::<Vec<_>>(), Vec::<&&str>::new(), "no such metric");
}

#[test]
fn every_warning_of_the_core_is_explained() {
    let notes = read(&root().join("core/src/note.rs"));
    let (levels, _) = notes.split_once("=> Level::Warn").expect("notes have levels");
    let (_, warnings) = levels.rsplit_once("=> Level::Debug").expect("warnings are the last group");
    let kinds: Vec<String> = warnings.split("Self::").skip(1).map(snake_case).collect();
    assert!(kinds.contains(&"module_stalled".to_owned()), "{kinds:?}");
    let text = manual();
    let missing: Vec<_> = kinds.iter().filter(|kind| !text.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// `ModuleStalled { .. }` to `module_stalled`.
fn snake_case(variant: &str) -> String {
    let mut name = String::new();
    for c in variant.chars().take_while(|c| c.is_alphanumeric()) {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_warning_and_error_of_the_daemon_is_explained() {
    let text = manual();
    let mut found = 0;
    let mut missing = Vec::new();
    for path in sources(&root().join("driver-mio/src")) {
        for words in said(&read(&path)) {
            found += 1;
            if !text.contains(&words) {
                missing.push(format!("{}: {words}", path.display()));
            }
        }
    }
    assert!(found > 12, "{found} warnings: does this test still find them?");
    assert!(missing.is_empty(), "not in docs/OPERATIONS.md:\n{}", missing.join("\n"));
}

/// Of each warning and error in a source, the longest run of fixed words that it begins its first sentence with.
fn said(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let calls = ["log::warn!(", "log::error!("].into_iter().flat_map(|call| source.split(call).skip(1));
    calls.filter_map(|rest| fixed_words(rest.trim_start())).collect()
}

fn fixed_words(call: &str) -> Option<String> {
    let literal = call.strip_prefix('"')?;
    let literal = &literal[..literal.find('"')?];
    // A line that ends in a backslash goes on in the next one.
    let literal: String = literal.split("\\\n").map(str::trim_start).collect();
    let pieces = literal.split(['{', '}']).step_by(2);
    let words =
        pieces.map(|piece| piece.trim_matches([' ', ':', ';', ',', '(', ')'])).max_by_key(|piece| piece.len())?;
    let words: Vec<&str> = words.split(' ').take(6).collect();
    (!words.concat().is_empty()).then(|| words.join(" "))
}

#[test]
fn the_words_of_a_warning_are_found_in_a_source() {
    let source =
        "log::warn!(\"cannot {what} it: {error}\"); log::warn!(\n  \"a \\\n   b {c} d\"\n); log::error!(\"{e}\")";
    assert_eq!(said(source), ["cannot", "a b"]);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        // The tool says what it has to say itself.
        .filter(|path| !path.components().any(|part| part.as_os_str() == "bin"))
        .collect();
    all.sort();
    all
}

//! The bodies as they are find nothing.

use crate::inputs::{TARGETS, Target};
use std::collections::BTreeSet;

/// All corpora together, bytes.
const CORPUS_MAX: usize = 96 << 10;

struct Printed<'a>(&'a str, String);

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("target {}: {}", self.0, self.1);
        }
    }
}

fn finds_nothing(name: &str) {
    let target = Target::of(name);
    let corpus = target.corpus();
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for (file, input) in &corpus {
        let _printed = Printed(name, format!("corpus file {file}"));
        (target.body)(input);
    }
    for seed in 0..target.inputs {
        let input = target.input(&corpus, seed);
        let _printed = Printed(name, format!("seed {seed}, input {input:02x?}"));
        (target.body)(&input);
    }
}

#[test]
fn any_stream_is_cut_into_the_frames_that_are_in_it_however_it_comes() {
    finds_nothing("frames");
}

#[test]
fn any_body_of_any_type_is_refused_or_said_again_in_the_same_words() {
    finds_nothing("messages");
}

#[test]
fn any_handshakes_keep_tables_in_their_bounds_and_let_nobody_in_without_proof() {
    finds_nothing("handshakes");
}

#[test]
fn any_events_keep_tables_in_their_bounds_and_leave_nothing_behind() {
    finds_nothing("events");
}

#[test]
fn any_bytes_as_a_recording_are_read_as_far_as_they_are_one() {
    finds_nothing("recording");
}

#[test]
fn any_bytes_as_an_ini_file_are_read_or_refused_with_reasons() {
    finds_nothing("ini");
}

#[test]
fn each_target_is_a_program_of_the_fuzzer_and_the_corpora_are_small() {
    let fuzz = gossip_tests::workspace().join("fuzz");
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(fuzz.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("fuzz_targets"), names);
    assert_eq!(listed("corpus"), names);
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml has no program {name}");
    }
    let bytes: usize = TARGETS.iter().flat_map(Target::corpus).map(|(_, input)| input.len()).sum();
    assert!(bytes <= CORPUS_MAX, "the corpora have {bytes} bytes; leave out what tells least");
}

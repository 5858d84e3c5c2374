//! Faults planted in the core, one at a time, are found by what `sim explore` does (docs/SIMULATION.md, Planted faults).
//! They exist with debug assertions only, and so do these tests.
#![cfg(debug_assertions)]

use gossip_core::planted::{self, Planted};
use gossip_sim::explore;
use gossip_sim::shrink::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A fault that takes more seeds counts as not found.
const SEEDS: u64 = 200;

/// What `sim explore` finds with this seed.
fn explored(seed: u64) -> Option<Failure> {
    Failure::of_run(&explore::draw(seed), seed)
}

/// The first seed that fails with the fault and not without it, and how.
fn found(fault: Planted) -> Option<(u64, Failure)> {
    (0..SEEDS).find_map(|seed| {
        let failure = planted::with(fault, || explored(seed))?;
        explored(seed).is_none().then_some((seed, failure))
    })
}

/// Calls `each` for every one, on all cores.
fn on_all_cores<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(one);
                }
            });
        }
    });
}

#[test]
fn each_planted_fault_is_found_within_200_seeds_that_find_nothing_without_it() {
    let results = Mutex::new(BTreeMap::new());
    // Those that only time brings out come last in the list and take longest: they begin first.
    let faults: Vec<Planted> = Planted::ALL.iter().rev().copied().collect();
    on_all_cores(&faults, |fault| {
        let found = found(*fault);
        results.lock().unwrap().insert(*fault, found);
    });
    let results = results.into_inner().unwrap();
    for (fault, found) in &results {
        match found {
            Some((seed, failure)) => println!("{fault:?}: seed {seed}, {failure:?}"),
            None => println!("{fault:?}: not found by seeds 0..{SEEDS}"),
        }
    }
    let missed: Vec<_> = results.iter().filter(|(_, found)| found.is_none()).map(|(fault, _)| fault).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn a_fault_is_planted_for_one_call_on_one_thread() {
    let passes = || explored(0).is_none();
    assert!(passes());
    let nested = planted::with(Planted::TtlNotLowered, || {
        let elsewhere = std::thread::scope(|scope| scope.spawn(passes).join().unwrap());
        (elsewhere, passes(), planted::with(Planted::SentBack, || explored(0)), passes())
    });
    let sent_back = Failure::Broken("no peer sends a message to where it came from");
    assert_eq!(nested, (true, false, Some(sent_back), false));
    assert!(std::panic::catch_unwind(|| planted::with(Planted::TtlNotLowered, || panic!("on purpose"))).is_err());
    assert!(passes());
}

#[test]
fn the_manual_has_a_row_for_each_planted_fault_and_no_other() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SIMULATION.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let chapter = manual.split("\n## ").find(|chapter| chapter.starts_with("Planted faults")).expect("a chapter");
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    let planted: BTreeSet<String> = Planted::ALL.iter().map(|fault| format!("{fault:?}")).collect();
    assert_eq!(named, planted);
}

//! The bodies find faults that are planted (core/src/planted.rs), and find nothing in the same input without the fault.
//! Faults exist with debug assertions only, and so does this.
#![cfg(debug_assertions)]

use crate::inputs::Target;
use gossip_core::planted::{self, Planted};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A fault that takes more seeded executions counts as not found.
const EXECUTIONS: u64 = 5_000;

/// The seed under which a target finds a fault, and what it says.
fn found(target: &Target, fault: Planted) -> Option<(u64, String)> {
    let corpus = target.corpus();
    (0..EXECUTIONS).find_map(|seed| {
        let input = target.input(&corpus, seed);
        let finding = planted::with(fault, || catch_unwind(AssertUnwindSafe(|| (target.body)(&input)))).err()?;
        (target.body)(&input);
        let told = finding.downcast_ref::<String>().cloned();
        Some((seed, told.or_else(|| finding.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()))
    })
}

#[track_caller]
fn all_are_found(target: &str, faults: &[Planted]) {
    for fault in faults {
        let (seed, told) = found(Target::of(target), *fault)
            .unwrap_or_else(|| panic!("{target} does not find {fault:?} in {EXECUTIONS} executions"));
        println!("{target} finds {fault:?} in {} executions: {}", seed + 1, told.lines().next().unwrap_or_default());
    }
}

#[test]
fn frames_finds_a_size_that_cannot_be_and_bytes_skipped_wrongly() {
    all_are_found("frames", &[Planted::SizeBelowHeader, Planted::SkippedTooLittle]);
}

#[test]
fn messages_finds_trailing_bytes_that_are_overlooked() {
    all_are_found("messages", &[Planted::TrailingBytesOverlooked]);
}

#[test]
fn recording_finds_a_checksum_that_is_not_compared() {
    all_are_found("recording", &[Planted::ChecksumNotCompared]);
}

#[test]
fn ini_finds_what_is_not_read_as_it_was_written() {
    all_are_found("ini", &[Planted::BracketsForgotten]);
}

#[test]
fn every_fault_of_readers_has_a_target_that_finds_it() {
    use Planted::{BracketsForgotten, ChecksumNotCompared, ConflictTakenOver, SizeBelowHeader};
    use Planted::{SkippedTooLittle, TrailingBytesOverlooked, TreesUnasked};
    let of_bytes = [SizeBelowHeader, SkippedTooLittle, TrailingBytesOverlooked, ChecksumNotCompared];
    let of_others = [BracketsForgotten, TreesUnasked, ConflictTakenOver];
    assert_eq!(Planted::OF_READERS, [&of_bytes[..], &of_others].concat());
}

#[test]
fn handshakes_finds_who_comes_in_without_proof_and_what_stays_afterwards() {
    use Planted::{NonceReused, ProofOneBitShort, TimerNotCancelled, UnverifiedAdmitted, ViewBoundOffByOne};
    let faults = [UnverifiedAdmitted, ProofOneBitShort, NonceReused, ViewBoundOffByOne, TimerNotCancelled];
    all_are_found("handshakes", &faults);
}

#[test]
fn events_finds_tables_that_grow_and_words_after_the_last() {
    use Planted::{NeighbourOutlives, SubscriptionsOutlive, WaitingBytesLeaked, WaitsForever, WritesAfterClose};
    all_are_found(
        "events",
        &[SubscriptionsOutlive, WaitingBytesLeaked, WaitsForever, WritesAfterClose, NeighbourOutlives],
    );
}

#[test]
fn events_finds_what_is_said_to_those_who_cannot_and_settings_taken_over_wrongly() {
    all_are_found("events", &[Planted::TreesUnasked, Planted::ConflictTakenOver]);
}

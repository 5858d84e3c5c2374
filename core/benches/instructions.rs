//! Instructions that a message takes, counted under `valgrind --tool=callgrind`: unlike times, they are the same on a
//! busy machine and an idle one, so that a check can hold them to within a few percent.
//!
//! `cargo bench -p gossip-core --bench instructions` compares with `instructions.txt` beside this file, and fails if
//! a count grew by more than 5 %; with `-- --renew` it writes that file anew. SHA-256 is in none of them: nothing of
//! what is counted here calls it.

mod rig;
mod verdict;

use gossip_core::time::Instant;
use gossip_core::wire::{Deframer, Frame, Next};
use gossip_core::{Actions, Event, GossipState};
use rig::{MESSAGES, Node, Peers};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use verdict::{TOLERANCE, verdict};

/// Counted repetitions, after as many that are not.
const MESSAGES_COUNTED: u64 = 2_048;
const CODINGS_COUNTED: u64 = 64;
/// What neighbours are called in the name of a case if they know no extensions.
const OLD: &str = "old neighbours";
/// The functions whose instructions, and those of all that they call, are counted.
const COUNTED: &str = "*counted_*";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--count", case] => {
            run(case);
            ExitCode::SUCCESS
        }
        [] => compare(),
        ["--renew"] => renew(),
        _ => {
            eprintln!("instructions: write --renew to make the figures anew, or nothing to compare with them");
            ExitCode::from(2)
        }
    }
}

/// Everything that is counted, by its name in the file.
fn cases() -> Vec<String> {
    let notification = |together: u64, neighbours: usize, size: usize| {
        format!("notification of {size} bytes to {neighbours} neighbours, {together} in a piece")
    };
    let mut cases = vec![notification(1, 10, 64), notification(1, 10, 64).replace("neighbours", OLD)];
    for size in [64, 1_024, 32_768] {
        cases.extend([1, 10, 30].map(|neighbours| notification(rig::together(size), neighbours, size)));
    }
    cases.extend(MESSAGES.iter().flat_map(|name| [format!("decode {name}"), format!("encode {name}")]));
    cases
}

fn repetitions(case: &str) -> u64 {
    if case.starts_with("notification") { MESSAGES_COUNTED } else { CODINGS_COUNTED }
}

fn run(case: &str) {
    match case.split_once(' ') {
        Some(("decode", name)) => decode(name),
        Some(("encode", name)) => encode(name),
        _ => {
            let numbers = case.split(' ').filter_map(|word| word.parse().ok()).collect::<Vec<usize>>();
            let [size, neighbours, together] = numbers[..] else { panic!("no such case: {case}") };
            let peers = if case.contains(OLD) { Peers::Old } else { Peers::Capable };
            carry(peers, size, neighbours, together as u64);
        }
    }
}

fn carry(peers: Peers, size: usize, neighbours: usize, together: u64) {
    let mut node = Node::new(peers, neighbours, size);
    for _ in 0..MESSAGES_COUNTED / together {
        node.carry(together, GossipState::handle);
        node.written(GossipState::handle);
    }
    for _ in 0..MESSAGES_COUNTED / together {
        node.carry(together, counted_handle);
        node.written(GossipState::handle);
    }
}

#[inline(never)]
fn counted_handle(state: &mut GossipState, now: Instant, event: Event<'_>, actions: &mut Actions) {
    state.handle(now, event, actions);
}

fn decode(name: &str) {
    let frame = rig::encode(name).to_vec();
    (0..CODINGS_COUNTED).for_each(|_| assert!(black_box(counted_decode(black_box(&frame)))));
}

#[inline(never)]
fn counted_decode(mut frame: &[u8]) -> bool {
    let mut deframer = Deframer::default();
    match deframer.next(&mut frame, |_, _| true) {
        Next::Frame { kind, body } => rig::decode(kind, body),
        _ => false,
    }
}

fn encode(name: &str) {
    (0..CODINGS_COUNTED).for_each(|_| drop(black_box(counted_encode(black_box(name)))));
}

#[inline(never)]
fn counted_encode(name: &str) -> Frame {
    rig::encode(name)
}

/// Instructions for one repetition. None if valgrind is not there.
fn count(case: &str) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(std::env::current_exe().expect("a program knows where it is"))
        .args(["--count", case])
        // The C library copies bytes in a way that depends on the processor; this one all have.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM,-AVX_Fast_Unaligned_Load")
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind failed:\n{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = collected.unwrap_or_else(|| panic!("no count from valgrind:\n{said}"));
    let all: u64 = number.trim().parse().unwrap_or_else(|_| panic!("'{number}' instructions?\n{said}"));
    assert!(all > 0, "nothing of {case} was counted");
    Some(all.div_ceil(repetitions(case)))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt")
}

fn no_valgrind() -> ExitCode {
    eprintln!("instructions: NOT COUNTED: valgrind cannot be run here (Debian's package is called valgrind)");
    ExitCode::FAILURE
}

/// The hash of messages takes more instructions without.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn renew() -> ExitCode {
    if !has_avx2() {
        eprintln!("instructions: NOT RENEWED: the committed counts are those of processors with AVX2");
        return ExitCode::FAILURE;
    }
    let mut text =
        "# Instructions for one message; `cargo bench -p gossip-core --bench instructions -- --renew` makes \
                    this anew.\n"
            .to_owned();
    for case in cases() {
        let Some(count) = count(&case) else { return no_valgrind() };
        println!("{count:>8} {case}");
        text += &format!("{count:>8} {case}\n");
    }
    std::fs::write(file(), text).expect("the file can be written");
    ExitCode::SUCCESS
}

fn compare() -> ExitCode {
    if !has_avx2() {
        println!("instructions: NOT CHECKED: the committed counts are those of processors with AVX2");
        return ExitCode::SUCCESS;
    }
    let text = std::fs::read_to_string(file()).expect("the file of figures is there");
    let known: BTreeMap<&str, u64> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.trim().split_once(' ').expect("a count and a name"))
        .map(|(count, case)| (case, count.parse().expect("a count")))
        .collect();
    let cases = cases();
    let gone = known.keys().filter(|case| !cases.iter().any(|counted| counted == *case)).map(|case| (*case).to_owned());
    let mut failed = 0;
    for case in cases.iter().cloned().chain(gone) {
        let now = if cases.contains(&case) {
            let Some(now) = count(&case) else { return no_valgrind() };
            Some(now)
        } else {
            None
        };
        let before = known.get(case.as_str()).copied();
        let verdict = verdict(now, before);
        println!("{:>8} (was {:>8}) {case} {}", now.unwrap_or(0), before.unwrap_or(0), verdict.word());
        failed += usize::from(verdict.is_failure());
    }
    if failed == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "instructions: {failed} counts are more than {TOLERANCE} % above {}, or not in it, or gone. If that is wanted, \
         renew the file and say why.",
        file().display()
    );
    ExitCode::FAILURE
}

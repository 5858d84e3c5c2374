//! What a daemon takes from its host while it does little: `cargo bench -p gossip-tests --bench burden`.
//!
//! Memory and wake-ups of an idle one, memory of idle connections of modules, and latency while it looks for a proof of
//! work on all cores, beside its latency before.

#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "another bench uses the rest")]
#[path = "end_to_end/ends.rs"]
mod ends;

use ends::Source;
use gossip_tests::flood::{Held, raise_descriptor_limit};
use gossip_tests::{Bed, Daemon, Ini, Listening, frame, kind};
use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 10_000;
const WATCHED: Duration = Duration::from_secs(20);
/// Messages a second, and for how long each of the runs takes its latencies.
const RATE: u64 = 1_000;
const RUN: Duration = Duration::from_secs(1);
const RUNS: usize = 5;

fn main() {
    let bed = Bed::new();
    idle(&bed);
    connections(&bed);
    solving(&bed);
}

fn start(bed: &Bed, name: &str, ini: &Ini) -> Daemon {
    bed.start_with(name, ini, &["--log-level", "info"])
}

/// One of two neighbours.
fn idle(bed: &Bed) {
    let first = start(bed, "first", &Ini::new());
    let second = start(bed, "second", &Ini::new().calling(&[first.peers()]));
    second.knows(&[first.peers()]);
    // What joining brings about is over.
    thread::sleep(Duration::from_secs(5));
    let before = woken(&second);
    thread::sleep(WATCHED);
    let rate = f64::from(u32::try_from(woken(&second) - before).expect("few")) / WATCHED.as_secs_f64();
    println!("idle, one neighbour: {} resident, {rate:.2} wake-ups a second", mib(Held::by(&second).resident));
}

fn connections(bed: &Bed) {
    raise_descriptor_limit();
    let daemon = start(bed, "connected", &Ini::new());
    let connect = |_| TcpStream::connect(daemon.api()).expect("the daemon accepts");
    let modules: Vec<TcpStream> = (0..CONNECTIONS).map(connect).collect();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Held::by(&daemon).descriptors < CONNECTIONS {
        assert!(Instant::now() < deadline, "{} connections accepted", Held::by(&daemon).descriptors);
        thread::sleep(Duration::from_millis(20));
    }
    println!("{} idle connections of modules: {} resident", modules.len(), mib(Held::by(&daemon).resident));
}

/// Latency at one daemon, before and while it works on a proof that does not exist.
fn solving(bed: &Bed) {
    let peer = Listening::new();
    // It waits for the challenge, and for its own proof, as long as all runs take.
    let ini = Ini::calling_only(&[peer.address()]).with("pow_bits", 64).with("hello_timeout", 600);
    let daemon = start(bed, "solving", &ini.with("verification_timeout", 600));
    let (mut called, _) = peer.accept();
    let mut source = Source::new(&[daemon.api()], 64);
    let mut runs = || -> Vec<Duration> { (0..RUNS).map(|_| median(source.time(RATE, RUN))).collect() };
    let before = runs();
    let threads = || fs::read_dir(format!("/proc/{}/task", daemon.id())).expect("it runs").count();
    let few = threads();
    called.send(&frame(kind::VERIFICATION_REQUEST, &[&7_u64.to_be_bytes()]));
    let deadline = Instant::now() + Duration::from_secs(10);
    while threads() == few {
        assert!(Instant::now() < deadline, "the daemon does not begin to solve");
        thread::sleep(Duration::from_millis(20));
    }
    let during = runs();
    let (calm, busy) = (median(before.clone()), median(during.clone()));
    println!(
        "median latency through one daemon, median of {RUNS} runs: {calm:.1?} idle {before:.1?}, {busy:.1?} while it \
         solves {during:.1?}: {:.2} times",
        busy.as_secs_f64() / calm.as_secs_f64()
    );
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort_unstable();
    spans[spans.len() / 2]
}

/// How often threads of a daemon have waited and been woken.
fn woken(daemon: &Daemon) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).expect("it runs");
    let of_task = |path: std::path::PathBuf| {
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.map(|task| of_task(task.expect("it runs").path())).sum()
}

fn mib(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}

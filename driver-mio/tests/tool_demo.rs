//! `gossip demo`: its daemons are real, and never outlive it.

#![cfg(unix)]

mod tool_support;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tool_support::{Ended, end_of, gossip};

const PATIENCE: Duration = Duration::from_secs(30);
const QUICK: [&str; 7] = ["demo", "--json", "--every", "0.05", "--pow-bits", "4", "--peers"];

/// A demo under way, and what it has printed.
struct Demo {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    modules: Vec<String>,
}

impl Demo {
    /// Returns once the network is there.
    fn start(peers: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = gossip(&[&QUICK[..], &[peers], options].concat()).env("TMPDIR", folder.path()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut demo = Self { child: Some(child), stdout, folder, modules: Vec::new() };
        let network = demo.line();
        let peers = network["network"].as_array().unwrap_or_else(|| panic!("{network}"));
        demo.modules = peers.iter().map(|peer| peer["modules"].as_str().unwrap().to_owned()).collect();
        demo
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: '{line}'"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    fn end(&mut self) -> Ended {
        end_of(self.child.take().unwrap())
    }

    /// The processes that it started.
    #[cfg(target_os = "linux")]
    fn daemons(&self) -> Vec<Pid> {
        let id = self.child.as_ref().unwrap().id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(|id| Pid::from_raw(id.parse().unwrap()).unwrap()).collect()
    }

    /// Nobody listens any more where the daemons did.
    fn expect_nothing_left(&self, within: Duration) {
        let deadline = Instant::now() + within;
        for address in &self.modules {
            while TcpStream::connect(address).is_ok() {
                assert!(Instant::now() < deadline, "the daemon at {address} outlived the demo");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        assert_eq!(files_in(self.folder.path()), Vec::<String>::new());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_message_reaches_every_peer_and_nothing_is_left_at_the_end() {
    let mut demo = Demo::start("3", &["--count", "4"]);
    assert_eq!(demo.modules.len(), 3);
    for number in 1..=4u64 {
        let message = demo.line();
        assert_eq!((&message["message"], &message["announced_at"]), (&number.into(), &((number - 1) % 3 + 1).into()));
        let told = message["told"].as_array().unwrap();
        assert!(told.len() == 3 && told.iter().all(|peer| peer["ms"].as_f64().is_some_and(|ms| ms > 0.0)), "{message}");
    }
    assert_eq!(demo.line(), serde_json::json!({"messages": 4, "reached_all_peers": 4}));
    demo.end().expect_status(0);
    demo.expect_nothing_left(Duration::ZERO);
}

#[test]
fn ctrl_c_ends_it_and_its_daemons_in_good_order() {
    let mut demo = Demo::start("2", &[]);
    assert_eq!(demo.line()["message"], 1);
    demo.signal(Signal::INT);
    demo.end().expect_status(0);
    demo.expect_nothing_left(Duration::ZERO);
}

#[test]
fn its_daemons_end_even_when_it_is_killed() {
    let mut demo = Demo::start("2", &[]);
    demo.signal(Signal::KILL);
    assert_eq!(demo.end().status, None);
    demo.expect_nothing_left(PATIENCE);
}

#[test]
fn whoever_reads_its_output_may_have_seen_enough() {
    let mut child = gossip(&[&QUICK[..], &["2"]].concat()).spawn().unwrap();
    drop(child.stdout.take());
    end_of(child).expect_status(0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_breaks_ends_it_with_a_reason_and_takes_the_others_along() {
    let mut demo = Demo::start("3", &[]);
    let daemons = demo.daemons();
    assert_eq!(daemons.len(), 3);
    kill_process(daemons[1], Signal::KILL).unwrap();
    demo.end().expect_status(1).expect_error("gossip: peer 2: ").expect_error("listening for modules on");
    demo.expect_nothing_left(Duration::ZERO);
}

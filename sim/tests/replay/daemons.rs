//! A production incident replayed: real daemons record, are driven through their API, one is killed; what they wrote is
//! replayed by the real program.

use gossip_core::Event;
use gossip_sim::replay::Replay;
use gossip_tests::{Bed, Daemon, Ini, Module, PATIENCE, Signal};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The type that the modules of all daemons subscribe to.
const TYPE: u16 = 1_337;
/// A recording is written down whenever so much has come, or a second has passed.
const BLOCK: usize = 64 << 10;

fn recording(bed: &Bed, name: &str) -> PathBuf {
    bed.folder().join(format!("{name}.rec"))
}

fn start(bed: &Bed, name: &str, bootstrappers: &[SocketAddr], more: &[&str]) -> Daemon {
    let file = recording(bed, name);
    let arguments = [&["--record", file.to_str().unwrap()], more].concat();
    bed.start_with(name, &Ini::new().calling(bootstrappers), &arguments)
}

/// The real program.
fn replay(arguments: &[&str], recording: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.arg("replay").args(arguments).arg(recording).output().expect("the program can be started")
}

/// The last object of `--json`: what came of it all, and of the messages that hold this text.
fn outcome(recording: &Path, text: &str) -> Value {
    let output = replay(&["--json", "--message", text], recording);
    let lines = String::from_utf8(output.stdout).expect("a story is text");
    let end: Value = serde_json::from_str(lines.lines().last().expect("an end")).expect("an object a line");
    assert_eq!(end["status"].as_i64(), output.status.code().map(i64::from), "{end:#}");
    end
}

/// What the node did with the one message that holds this text.
fn life(recording: &Path, text: &str) -> Value {
    let end = outcome(recording, text);
    let [life] = end["messages"].as_array().unwrap().as_slice() else { panic!("one message expected: {end:#}") };
    life.clone()
}

/// Every event happened again, and what the node did about it, byte for byte.
fn assert_all_the_same(end: &Value, ending: &str, status: i64) {
    assert_eq!((&end["ending"], &end["status"]), (&ending.into(), &status.into()), "{end:#}");
    assert_eq!((&end["same"], &end["difference"]), (&true.into(), &Value::Null), "{end:#}");
    assert_eq!(end["proven_events"], end["events"], "{end:#}");
    assert!(end["events"].as_u64() > Some(10) && end["checks"].as_u64() > Some(0), "{end:#}");
}

/// Does the recording, as it stands on the disk, hold this data before its last check?
fn holds(recording: &Path, data: &str) -> bool {
    let bytes = fs::read(recording).unwrap();
    let mut at_event = None;
    let Ok(mut replay) = Replay::new(&bytes) else { return false };
    let outcome = replay.run(None, |happened| {
        if let Event::Received { bytes, .. } = happened.event
            && bytes.windows(data.len()).any(|window| window == data.as_bytes())
        {
            at_event = Some(happened.number);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(outcome.difference, None, "{}", recording.display());
    at_event.is_some_and(|event| event <= outcome.proven)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Is told this next, and says what it thinks of it.
fn hears(module: &mut Module, data: &str, is_valid: bool) {
    let id = module.expect(data);
    module.validate(id, is_valid);
}

/// Announces to everybody by a connection of its own, so that `module`, which is told of it as well, vouches for it.
fn says(daemon: &Daemon, module: &mut Module, data: &str) {
    daemon.module().announce(0, TYPE, data);
    hears(module, data, true);
}

fn end(mut daemon: Daemon) {
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(PATIENCE).map(|status| status.code()), Some(Some(0)), "{} ends", daemon.name());
}

#[test]
fn three_real_daemons_one_killed_replay_to_the_same_digest() {
    let bed = Bed::new();
    let first = start(&bed, "first", &[], &[]);
    let killed = start(&bed, "killed", &[first.peers()], &[]);
    let last = start(&bed, "last", &[first.peers()], &[]);
    // All are each other's neighbours, so that one less divides nobody.
    first.has_neighbours(2);
    killed.has_neighbours(2);
    last.has_neighbours(2);
    let mut at_first = first.subscriber(&[TYPE]);
    let mut at_killed = killed.subscriber(&[TYPE]);
    let mut at_last = last.subscriber(&[TYPE]);

    says(&first, &mut at_first, "from the first");
    hears(&mut at_killed, "from the first", true);
    hears(&mut at_last, "from the first", true);
    says(&killed, &mut at_killed, "from the killed");
    hears(&mut at_first, "from the killed", true);
    hears(&mut at_last, "from the killed", false);
    let of_killed = recording(&bed, "killed");
    wait_until("a recording is written down every second", || holds(&of_killed, "from the killed"));

    // It dies in the middle of its work: two blocks' worth of messages have come to its module, which has answered half.
    let burst: Vec<String> = (0..2 * BLOCK / 1_000).map(|n| format!("burst {n} {}", "x".repeat(1_000))).collect();
    let mut announcer = killed.module();
    burst.iter().for_each(|data| announcer.announce(0, TYPE, data));
    let (answered, unanswered) = burst.split_at(burst.len() / 2);
    answered.iter().for_each(|data| hears(&mut at_killed, data, true));
    answered.iter().for_each(|data| hears(&mut at_last, data, true));
    for data in unanswered {
        at_killed.expect(data);
    }
    killed.kill();
    answered.iter().for_each(|data| hears(&mut at_first, data, true));

    says(&last, &mut at_last, "without it");
    hears(&mut at_first, "without it", true);
    end(first);
    end(last);

    let [of_first, of_last] = ["first", "last"].map(|name| recording(&bed, name));
    assert_all_the_same(&outcome(&of_first, "nothing"), "finished", 0);
    assert_all_the_same(&outcome(&of_last, "nothing"), "finished", 0);
    assert_all_the_same(&outcome(&of_killed, "nothing"), "cut_short", 1);

    assert_eq!(life(&of_first, "from the first")["announced_here"], true);
    assert_eq!(life(&of_killed, "from the first")["decision"], "valid");
    assert_eq!(life(&of_first, "from the killed")["decision"], "valid");
    assert_eq!(life(&of_last, "from the killed")["decision"], "refused");
    assert_eq!(life(&of_last, "without it")["told"], 1);
    let story = String::from_utf8(replay(&["--all"], &of_killed).stdout).unwrap();
    assert!(story.contains("from the first") && story.contains("from the killed"), "{story}");

    what_a_cut_in_the_last_block_leaves_is_the_same(&of_killed);
}

/// The system may have had time for a part of a block only: what stands before it counts.
fn what_a_cut_in_the_last_block_leaves_is_the_same(recording: &Path) {
    let bytes = fs::read(recording).unwrap();
    let whole = outcome(recording, "burst 0 ");
    for lost in [1, 2, 100] {
        let cut = recording.with_extension("cut");
        fs::write(&cut, &bytes[..bytes.len() - lost]).unwrap();
        let end = outcome(&cut, "from the killed");
        assert_all_the_same(&end, "cut_short", 1);
        assert!(end["whole_bytes"].as_u64() < Some((bytes.len() - lost) as u64), "{end:#}");
        assert!(
            end["events"].as_u64() < whole["events"].as_u64(),
            "{lost} bytes of a block are not its events: {end:#}"
        );
        assert_eq!(end["messages"][0]["announced_here"], true, "{end:#}");
    }
}

#[test]
fn a_recording_is_its_owners_only_and_ends_at_its_limit_with_a_mark_and_a_warning() {
    const LIMIT: u64 = 1 << 20;
    let bed = Bed::new();
    let node = start(&bed, "node", &[], &["--record-limit", "1"]);
    let recording = recording(&bed, "node");
    assert_eq!(fs::metadata(&recording).unwrap().mode() & 0o777, 0o600);
    let mut module = node.subscriber(&[TYPE]);
    says(&node, &mut module, "before the limit");
    let large = "x".repeat(60_000);
    let ends = "the recording has reached its limit and ends; the node goes on";
    for n in 0..2 * LIMIT / 60_000 {
        says(&node, &mut module, &format!("{n} {large}"));
    }
    node.logs(ends);
    says(&node, &mut module, "after the limit");
    let warnings: Vec<_> = node.log().into_iter().filter(|line| line.contains(ends)).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("WARN"), "{warnings:?}");
    end(node);

    let size = fs::metadata(&recording).unwrap().len();
    assert!((LIMIT - 2 * BLOCK as u64..LIMIT + 64).contains(&size), "{size}");
    assert_all_the_same(&outcome(&recording, "nothing"), "limit", 0);
    assert_eq!(life(&recording, "before the limit")["decision"], "valid");
    assert_eq!(outcome(&recording, "after the limit")["messages"], Value::Array(Vec::new()));
}

//! Two daemons that dial each other (PROTOCOL.md, section 3).
#![cfg(target_os = "linux")]

use gossip_tests::{Bed, Daemon, Ini, PATIENCE, QUIET};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longer than the PING with which one end decides between two connections may take.
const SETTLED: Duration = Duration::from_secs(6);

#[test]
fn two_that_dial_each_other_at_once_end_with_one_connection_and_stay_so() {
    let bed = Bed::new();
    let pairs: Vec<(Daemon, Daemon)> = (0..20).map(|n| meet(&bed, n)).collect();
    for (a, b) in &pairs {
        a.knows(&[b.peers()]);
        b.knows(&[a.peers()]);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut counts = connections(&pairs);
    while counts.iter().any(|count| *count != 1) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        counts = connections(&pairs);
    }
    assert_eq!(counts, vec![1; pairs.len()], "connections between each two");
    let both_dialed = |(a, b): &&(Daemon, Daemon)| accepted_any(a) && accepted_any(b);
    println!("{} of {} pairs had two connections at first", pairs.iter().filter(both_dialed).count(), pairs.len());
    // Checks that an address can be reached, each a connection for a moment, come to their end.
    let (first, _) = &pairs[0];
    while !first.stays_silent(first.log().len(), QUIET, is_change) {}
    let lines: Vec<(usize, usize)> = pairs.iter().map(|(a, b)| (a.log().len(), b.log().len())).collect();
    assert!(pairs[0].0.stays_silent(lines[0].0, SETTLED, is_change), "the first pair rests");
    for ((a, b), (from_a, from_b)) in pairs.iter().zip(lines) {
        for (node, from) in [(a, from_a), (b, from_b)] {
            assert!(node.stays_silent(from, Duration::ZERO, is_change), "{} does not rest", node.name());
            assert!(node.stays_silent(0, Duration::ZERO, |line| line.contains(" left: ")), "{} lost it", node.name());
        }
    }
    assert_eq!(connections(&pairs), vec![1; pairs.len()], "connections between each two, later");
}

/// Two that have each other's address from the start, and start together.
fn meet(bed: &Bed, n: usize) -> (Daemon, Daemon) {
    let addresses = [bed.used_address(), bed.used_address()];
    let launch = |own: usize| {
        let ini = Ini::calling_only(&[addresses[1 - own]]).with("p2p_address", addresses[own]);
        bed.launch(&format!("pair {n} {}", ["a", "b"][own]), &ini, &[])
    };
    let (mut a, mut b) = (launch(0), launch(1));
    a.listens();
    b.listens();
    (a, b)
}

fn is_change(line: &str) -> bool {
    line.contains("neighbour ") || line.contains("peer connection ")
}

/// Did the other one's dial come to something here?
fn accepted_any(node: &Daemon) -> bool {
    node.log().iter().any(|line| line.contains("ended: second connection with the same peer"))
}

/// How many connections each two have: those that the system says are established at the accepting end.
fn connections(pairs: &[(Daemon, Daemon)]) -> Vec<usize> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut accepted: BTreeMap<u16, usize> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields[3] == ESTABLISHED {
            let port = fields[1].rsplit(':').next().unwrap();
            *accepted.entry(u16::from_str_radix(port, 16).unwrap()).or_default() += 1;
        }
    }
    let at = |node: &Daemon| accepted.get(&node.peers().port()).copied().unwrap_or(0);
    pairs.iter().map(|(a, b)| at(a) + at(b)).collect()
}

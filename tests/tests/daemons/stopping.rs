//! How a daemon ends (issue 2, point 3).

use gossip_tests::{Bed, Daemon, Ini, Listening, Module, PATIENCE, Peer, QUIET, Signal, Work, kind};
use std::time::{Duration, Instant};

const TYPE: u16 = 88;

#[test]
fn sigterm_and_sigint_end_it_with_status_0_and_a_goodbye() {
    for signal in [Signal::TERM, Signal::INT] {
        let bed = Bed::new();
        let mut node = bed.start("node", &Ini::new());
        let neighbour = bed.start("neighbour", &Ini::new().calling(&[node.peers()]));
        node.knows(&[neighbour.peers()]);
        neighbour.knows(&[node.peers()]);
        let own = Listening::new();
        let (mut peer, _) = Peer::join_as_capable(node.peers(), own.address(), 7, Work::ZeroBits(8));
        let mut module = node.subscriber(&[TYPE]);
        node.signal(signal);
        assert_eq!(peer.expect(kind::GOODBYE), [0, 0], "GOODBYE, shutting down");
        peer.expect_end();
        module.expect_end();
        assert_eq!(node.wait(PATIENCE).map(|status| status.code()), Some(Some(0)), "{signal:?}");
        neighbour.logs(&format!("neighbour {} left: it shuts down", node.peers()));
    }
}

/// A daemon with megabytes for a module that reads nothing.
fn with_a_module_that_never_reads(bed: &Bed) -> (Daemon, Module) {
    let node = bed.start("node", &Ini::new().with("api_queue", "64M"));
    let mut deaf = Module::connect_narrow(node.api());
    deaf.notify(TYPE);
    let mut announcer = node.module();
    // Whoever was told of this has subscribed before.
    let mut witness = node.subscriber(&[TYPE]);
    deaf.announce(1, TYPE, "subscribed");
    witness.expect("subscribed");
    for _ in 0..320 {
        announcer.announce(1, TYPE, vec![b'x'; 60_000]);
        let told = witness.receive();
        witness.validate(told.id, true);
    }
    (node, deaf)
}

#[test]
fn a_module_that_never_reads_holds_the_end_no_longer_than_2_s() {
    let bed = Bed::new();
    let (mut node, _deaf) = with_a_module_that_never_reads(&bed);
    let asked = Instant::now();
    node.signal(Signal::TERM);
    assert_eq!(node.wait(PATIENCE).map(|status| status.code()), Some(Some(0)));
    let took = asked.elapsed();
    println!("ended after {took:.2?}");
    assert!(took < Duration::from_secs(4), "it took {took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let bed = Bed::new();
    let (mut node, _deaf) = with_a_module_that_never_reads(&bed);
    node.signal(Signal::TERM);
    node.logs("shutting down");
    let asked = Instant::now();
    node.signal(Signal::INT);
    let status = node.wait(PATIENCE).expect("it ends");
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(128 + 2));
}

#[test]
fn a_signal_before_anything_happened_ends_it_too() {
    let bed = Bed::new();
    let mut node = bed.start("node", &Ini::new());
    assert_eq!(node.wait(QUIET), None, "it runs until it is told to end");
    node.signal(Signal::INT);
    assert_eq!(node.wait(PATIENCE).map(|status| status.code()), Some(Some(0)));
}

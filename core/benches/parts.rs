//! The parts of a node, timed: `cargo bench -p gossip-core --bench parts`.
//!
//! The simulator's events a second: `cargo run --release -p gossip-sim -- bench`. Whole daemons:
//! `cargo bench -p gossip-tests --bench end_to_end`.

mod rig;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use gossip_core::pow::{Puzzle, Target};
use gossip_core::wire::{Deframer, Next};
use gossip_core::{Actions, Event, GossipState, time::Instant};
use rig::{MESSAGES, Node, Peers};
use sha2::block_api::compress256;

fn main() {
    divan::main();
}

/// Tries of a proof of work in one measurement.
const TRIES: u64 = 1 << 14;

fn handle(state: &mut GossipState, now: Instant, event: Event<'_>, actions: &mut Actions) {
    state.handle(now, event, actions);
}

/// (a) A notification in, told, validated, out to so many neighbours.
#[divan::bench(consts = [64, 1_024, 32_768], args = [1, 10, 30])]
fn notification<const SIZE: usize>(bencher: Bencher<'_, '_>, neighbours: usize) {
    let (mut node, messages) = (Node::new(Peers::Capable, neighbours, SIZE), rig::together(SIZE));
    bencher.counter(ItemsCount::new(messages)).counter(BytesCount::new(messages * SIZE as u64)).bench_local(|| {
        node.carry(messages, handle);
        node.written(handle);
    });
}

/// (b) A peer dials in, is asked, answers and is let in; then it goes.
#[divan::bench]
fn handshake_accepted(bencher: Bencher<'_, '_>) {
    let mut node = Node::new(Peers::Capable, 8, 64);
    bencher.counter(ItemsCount::new(1_u64)).bench_local(|| {
        let connection = node.join();
        node.leave(connection);
    });
}

/// (c) Proof of work, and what it is made of.
#[divan::bench(threads = [1, 2])]
fn proof_of_work_tries(bencher: Bencher<'_, '_>) {
    let puzzle = Puzzle { nonce: 7, target: Target::ZeroBits(64) };
    bencher.counter(ItemsCount::new(TRIES)).bench(|| black_box(puzzle).search(black_box(3), TRIES));
}

#[divan::bench(threads = [1, 2])]
fn proof_of_work_bare_compression(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(TRIES)).bench(|| {
        let (mut state, block) = ([1; 8], black_box([0; 64]));
        for _ in 0..TRIES {
            compress256(&mut state, std::slice::from_ref(&block));
        }
        state
    });
}

/// (d) Each message, from its frame and to it.
#[divan::bench(args = MESSAGES)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let frame = rig::encode(name).to_vec();
    let mut deframer = Deframer::default();
    bencher.bench_local(|| match deframer.next(&mut black_box(&frame[..]), |_, _| true) {
        Next::Frame { kind, body } => rig::decode(kind, body),
        other => panic!("{other:?}"),
    });
}

#[divan::bench(args = MESSAGES)]
fn encode(name: &str) -> gossip_core::wire::Frame {
    rig::encode(black_box(name))
}

//! What a message costs in allocations once tables have their size.

#[path = "../benches/rig/mod.rs"]
mod rig;

use allocation_counter::measure;
use rig::{Node, Peers};
use std::cell::Cell;

const MESSAGES: u64 = 8_192;

/// Allocations of all that handling so many messages takes, after as many that fill the tables.
fn allocations(peers: Peers, neighbours: usize, size: usize, together: u64) -> u64 {
    let mut node = Node::new(peers, neighbours, size);
    let counted = Cell::new(0);
    for round in 0..2 * MESSAGES / together {
        let counts = round >= MESSAGES / together;
        node.carry(together, |state, now, event, actions| {
            let info = measure(|| state.handle(now, event, actions));
            counted.set(counted.get() + if counts { info.count_total } else { 0 });
        });
        node.written(|state, now, event, actions| {
            let info = measure(|| state.handle(now, event, actions));
            counted.set(counted.get() + if counts { info.count_total } else { 0 });
        });
    }
    counted.get()
}

#[test]
fn a_message_takes_at_most_one_allocation_and_none_for_a_neighbour() {
    use Peers::{Capable, Old};
    for (peers, neighbours, size, together) in [
        (Capable, 0, 64, 64),
        (Capable, 1, 64, 1),
        (Capable, 10, 64, 64),
        (Capable, 30, 64, 64),
        (Capable, 10, 1_024, 32),
        (Old, 10, 64, 64),
    ] {
        let count = allocations(peers, neighbours, size, together);
        let case = format!("{neighbours} {peers:?} neighbours, {size} bytes, {together} in a piece");
        // Once in a long while a table grows or a sweep has to make room again: that is no message's.
        assert!(count <= MESSAGES + MESSAGES / 100, "{count} allocations for {MESSAGES} messages: {case}");
        assert!(count > 0, "nothing was counted: {case}");
    }
}

//! No table grows above its bound.

use super::Broken;
use gossip_core::{Settings, Status, limits};

const PROPERTY: &str = "no table is above its bound";

pub(super) fn check_view(view: u32, settings: &Settings) -> Result<(), Broken> {
    if view <= settings.max_peers {
        return Ok(());
    }
    Err((PROPERTY, format!("{view} neighbours, max_peers is {}", settings.max_peers)))
}

/// A table's name, how much is in it, and its bound.
type Table = (&'static str, u64, u64);

fn tables(status: &Status, s: &Settings) -> Vec<Table> {
    vec![
        ("neighbours", status.neighbours.len() as u64, u64::from(s.max_peers)),
        ("candidates", status.candidates as u64, limits::candidates_max(s.max_peers) as u64),
        ("lost", status.lost as u64, u64::from(s.max_peers)),
        ("remembered addresses", status.remembered_addresses as u64, limits::REMEMBERED_MAX as u64),
        ("faulty", status.faulty as u64, limits::FAULTY_MAX as u64),
        ("half-received bytes", status.partial_bytes, s.partial_bytes),
        ("unverified", status.unverified as u64, u64::from(s.unverified_max)),
        ("modules", status.modules as u64, limits::API_CONNECTIONS_MAX as u64),
        ("subscriptions", status.subscriptions as u64, limits::SUBSCRIPTIONS_MAX as u64),
        ("waiting", status.waiting as u64, u64::from(s.pending_max)),
        ("waiting bytes", status.waiting_bytes, s.pending_bytes),
        ("seen", status.seen as u64, u64::from(s.seen_max)),
        ("held", status.held as u64, u64::from(s.cache_size)),
        ("known", status.known as u64, u64::from(s.cache_size)),
        ("known bytes", status.known_bytes, s.cache_bytes),
        ("wanted", status.wanted as u64, (limits::REPAIR_LINKS_MAX * limits::WANTS_PER_NEIGHBOUR) as u64),
        // Past the bound reading stops: each of a few modules may be one announcement over.
        ("parked bytes", status.parked_bytes, s.pending_bytes + limits::PARKED_BYTES_PER_MODULE as u64),
        ("timers", status.timers as u64, (status.peer_connections + status.modules + limits::TIMERS_OF_NODE) as u64),
        ("proofs", status.proofs as u64, (limits::DIALS_MAX + s.max_peers as usize) as u64),
    ]
}

/// The table that is nearest to its bound, but for the view, what comes with it and what must be full to do its work,
/// and how near, thousandths.
pub(super) fn fullest(status: &Status, s: &Settings) -> (&'static str, u64) {
    let queued = status.neighbours.iter().map(|neighbour| neighbour.queued).max().unwrap_or(0);
    let of_memory = |(name, ..): &Table| {
        !matches!(*name, "neighbours" | "candidates" | "timers" | "proofs" | "lost" | "held" | "known")
    };
    let tables = tables(status, s).into_iter().filter(of_memory);
    let tables = tables.chain([("a neighbour's queue", queued, s.peer_queue + limits::DRIVER_WINDOW)]);
    let permille = tables.map(|(name, value, bound)| (name, value * 1_000 / bound.max(1)));
    permille.max_by_key(|(_, permille)| *permille).unwrap_or(("", 0))
}

pub(super) fn check(status: &Status, s: &Settings) -> Vec<Broken> {
    let tables = tables(status, s);
    let over = tables.iter().filter(|(_, value, bound)| value > bound);
    let mut broken: Vec<_> =
        over.map(|(name, value, bound)| (PROPERTY, format!("{name}: {value} of {bound}"))).collect();
    for neighbour in &status.neighbours {
        if neighbour.connections > limits::CONNECTIONS_PER_NEIGHBOUR {
            broken.push((PROPERTY, format!("{} connections with {}", neighbour.connections, neighbour.address)));
        }
        if neighbour.queued > s.peer_queue + limits::DRIVER_WINDOW {
            broken.push((PROPERTY, format!("{} bytes queued for {}", neighbour.queued, neighbour.address)));
        }
    }
    broken
}

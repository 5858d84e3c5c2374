//! Nothing outlives its reason: connections, subscriptions, neighbours. What a peer thinks it has is what it has.

use super::Broken;
use crate::network::EndId;
use gossip_core::limits::ALIVE_CHECK;
use gossip_core::time::Duration;
use gossip_core::{Settings, Status};

const PROPERTY: &str = "no connection outlives its reason";

/// What a peer has, seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Connections with peers.
    pub with_peers: usize,
    /// Connections with modules.
    pub with_modules: usize,
    /// Types that these modules want, at most.
    pub wanted: usize,
    /// It has had the time to do all that is due.
    pub is_idle: bool,
}

pub(super) fn check(status: &Status, held: Held, settings: &Settings) -> Option<Broken> {
    let Held { with_peers, with_modules, wanted, is_idle } = held;
    if status.peer_connections != with_peers {
        let detail = format!("{with_peers} connections with peers, by its own count {}", status.peer_connections);
        return Some((PROPERTY, detail));
    }
    if status.modules != with_modules {
        let detail = format!("{with_modules} connections with modules, by its own count {}", status.modules);
        return Some((PROPERTY, detail));
    }
    // Parked announcements keep the subscriptions of a connection that closed (section 5, Pressure).
    if status.subscriptions > wanted && status.parked_bytes == 0 {
        let detail = format!("{} subscriptions, and modules that want {wanted}", status.subscriptions);
        return Some(("no subscription outlives its connection", detail));
    }
    silent_neighbour(status, settings).filter(|_| is_idle)
}

/// A neighbour silent for longer than `peer_timeout` is closed (section 8).
fn silent_neighbour(status: &Status, settings: &Settings) -> Option<Broken> {
    let patience = settings.peer_timeout.plus(Duration::from_secs(5));
    let silent = status.neighbours.iter().find(|neighbour| neighbour.capable && neighbour.silent > patience)?;
    Some(("no neighbour outlives its silence", format!("{} has been silent for {}", silent.address, silent.silent)))
}

/// Since when each link has been.
#[derive(Debug, Default)]
pub struct Ages(Vec<u64>);

impl Ages {
    /// This end is new: a link is as old as its dialer's end.
    pub(super) fn begin(&mut self, now: u64, end: EndId) {
        if !end.is_dialer() {
            return;
        }
        let link = end.index() / 2;
        if self.0.len() <= link {
            self.0.resize(link + 1, 0);
        }
        self.0[link] = now;
    }

    /// When this end's link was dialed.
    pub(super) fn since(&self, end: EndId) -> u64 {
        self.0.get(end.index() / 2).copied().unwrap_or(0)
    }

    /// In a calm network: connections that led to no neighbour end in time. `ends` are those with peers.
    pub(super) fn check(&self, now: u64, status: &Status, ends: &[EndId], settings: &Settings) -> Result<(), Broken> {
        let of_neighbours: usize = status.neighbours.iter().map(|neighbour| neighbour.connections).sum();
        let young = ends.iter().filter(|end| self.since(**end) + joining_time(settings) > now).count();
        match ends.len().checked_sub(of_neighbours) {
            Some(others) if others <= young => Ok(()),
            Some(others) => {
                let detail = format!("{others} connections are no neighbour's, and only {young} of all are young");
                Err((PROPERTY, detail))
            }
            None => Err((PROPERTY, format!("{of_neighbours} connections of neighbours, {} in all", ends.len()))),
        }
    }
}

/// The longest that joining may take, at either end, and some (section 3), microseconds.
pub(super) fn joining_time(settings: &Settings) -> u64 {
    let steps = [
        settings.connect_timeout,
        settings.hello_timeout.times(2),
        settings.verification_timeout,
        ALIVE_CHECK.times(2),
        Duration::from_secs(10),
    ];
    steps.iter().map(|step| step.as_micros()).sum()
}

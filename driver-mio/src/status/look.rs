//! What there is to be seen, once, for all ways of showing it.

use super::events::EventLog;
use gossip_core::time::Instant;
use gossip_core::{GossipState, Metrics, NeighbourStatus, Settings, Status, limits};
use std::net::SocketAddr;

/// What does not change while a node runs.
pub(crate) struct About {
    /// When it started: RFC 3339.
    pub(crate) started: String,
    /// The same, in seconds since 1970.
    pub(crate) started_seconds: f64,
    /// Where modules connect to.
    pub(crate) api: Vec<SocketAddr>,
    /// Where it can be looked into.
    pub(crate) status: SocketAddr,
}

/// What the loop lets be seen; nothing is worked out before somebody looks.
pub(crate) struct Window<'a> {
    /// The loop's time, which began with it.
    pub(crate) now: Instant,
    /// None if what the loop drives is no such thing.
    pub(crate) state: Option<&'a GossipState>,
    pub(crate) events: &'a EventLog,
    /// How often the loop woke.
    pub(crate) turns: u64,
}

/// A look at a node. Its cost is bounded by `max_peers` and the number of connections; the tables of messages are only
/// asked how full they are.
pub(crate) struct Look<'a> {
    pub(crate) about: &'a About,
    pub(crate) now: Instant,
    pub(crate) state: &'a GossipState,
    pub(crate) status: Status,
    pub(crate) turns: u64,
    /// Questions answered before this one.
    pub(crate) answered: u64,
}

/// A figure that goes up and down.
pub(crate) struct Gauge {
    /// Without prefix; `_bytes` at the end where that is its unit.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) help: &'static str,
    pub(crate) value: fn(&Look<'_>) -> u64,
    pub(crate) limit: Option<Limit>,
}

/// How far a figure may go.
pub(crate) struct Limit {
    /// The ini key, or the name of the built-in bound.
    pub(crate) key: &'static str,
    pub(crate) most: fn(&Settings) -> u64,
    /// How often something was dropped, refused or put off because of it.
    pub(crate) met: fn(&Metrics) -> u64,
}

/// Every figure that goes up and down, in the order in which a person would want to read about them. Those that only
/// grow are the core's, in [`Metrics`].
pub(crate) const GAUGES: &[Gauge] = &[
    Gauge {
        name: "neighbours",
        help: "Neighbours in the view.",
        value: |look| count(look.status.neighbours.len()),
        limit: Some(Limit {
            key: "max_peers",
            most: |settings| settings.max_peers.into(),
            met: |metrics| metrics.neighbours_evicted + metrics.newcomers_refused + metrics.newcomers_turned_away,
        }),
    },
    Gauge {
        name: "neighbours_dialed",
        help: "Neighbours that this node dialed; the others dialed it.",
        value: |look| look.neighbours(|neighbour| neighbour.chosen),
        limit: None,
    },
    Gauge {
        name: "neighbours_capable",
        help: "Neighbours that speak this project's extensions.",
        value: |look| look.neighbours(|neighbour| neighbour.capable),
        limit: None,
    },
    Gauge {
        name: "neighbours_lost",
        help: "Neighbours lost and looked for.",
        value: |look| count(look.status.lost),
        limit: None,
    },
    Gauge {
        name: "neighbours_queued_bytes",
        help: "Bytes that wait to be sent to neighbours.",
        value: |look| look.status.neighbours.iter().map(|neighbour| neighbour.queued).sum(),
        limit: None,
    },
    Gauge {
        name: "candidates",
        help: "Addresses that may become neighbours.",
        value: |look| count(look.status.candidates),
        limit: Some(Limit {
            key: "candidates",
            most: |settings| count(limits::candidates_max(settings.max_peers)),
            met: |metrics| metrics.addresses_crowded_out,
        }),
    },
    Gauge {
        name: "peer_connections",
        help: "Connections with peers, in whatever state.",
        value: |look| count(look.status.peer_connections),
        limit: None,
    },
    Gauge {
        name: "unverified_connections",
        help: "Accepted connections of peers without proof of work.",
        value: |look| count(look.status.unverified),
        limit: Some(Limit {
            key: "unverified_max",
            most: |settings| settings.unverified_max.into(),
            met: |metrics| metrics.unverified_crowded_out,
        }),
    },
    Gauge {
        name: "module_connections",
        help: "Connections of modules.",
        value: |look| count(look.status.modules),
        limit: Some(Limit {
            key: "api connections",
            most: |_| count(limits::API_CONNECTIONS_MAX),
            met: |metrics| metrics.api_refused,
        }),
    },
    Gauge {
        name: "subscriptions",
        help: "Subscriptions of all modules.",
        value: |look| count(look.status.subscriptions),
        limit: Some(Limit {
            key: "subscriptions",
            most: |_| count(limits::SUBSCRIPTIONS_MAX),
            met: |metrics| metrics.subscriptions_refused,
        }),
    },
    Gauge {
        name: "messages_waiting",
        help: "Messages that wait for a module to call them valid.",
        value: |look| count(look.status.waiting),
        limit: Some(Limit {
            key: "pending_max",
            most: |settings| settings.pending_max.into(),
            met: |metrics| metrics.messages_crowded_out,
        }),
    },
    Gauge {
        name: "messages_waiting_bytes",
        help: "Bytes of messages that wait for a module to call them valid.",
        value: |look| look.status.waiting_bytes,
        limit: Some(Limit {
            key: "pending_bytes",
            most: |settings| settings.pending_bytes,
            met: |metrics| metrics.messages_crowded_out,
        }),
    },
    Gauge {
        name: "announcements_parked_bytes",
        help: "Bytes of announcements that wait for room.",
        value: |look| look.status.parked_bytes,
        limit: Some(Limit {
            key: "pending_bytes",
            most: |settings| settings.pending_bytes,
            met: |metrics| metrics.announcements_parked,
        }),
    },
    Gauge {
        name: "messages_seen",
        help: "Messages remembered, so that modules hear of each once.",
        value: |look| count(look.status.seen),
        limit: Some(Limit {
            key: "seen_max",
            most: |settings| settings.seen_max.into(),
            met: |metrics| metrics.seen_forgotten_early,
        }),
    },
    Gauge {
        name: "messages_held",
        help: "Valid messages held for neighbours to come (the knowledge base).",
        value: |look| count(look.status.held),
        limit: Some(Limit {
            key: "cache_size",
            most: |settings| settings.cache_size.into(),
            met: |metrics| metrics.messages_held_dropped,
        }),
    },
    Gauge {
        name: "proofs_waiting",
        help: "Proofs of work wanted, the one being looked for included.",
        value: |look| count(look.status.proofs),
        limit: None,
    },
    Gauge { name: "timers", help: "Timers that are set.", value: |look| count(look.status.timers), limit: None },
];

impl<'a> Look<'a> {
    pub(crate) fn through(window: &Window<'a>, about: &'a About, answered: u64) -> Option<Self> {
        let state = window.state?;
        let status = state.status(window.now);
        Some(Self { about, now: window.now, state, status, turns: window.turns, answered })
    }

    fn neighbours(&self, wanted: impl Fn(&NeighbourStatus) -> bool) -> u64 {
        count(self.status.neighbours.iter().filter(|neighbour| wanted(neighbour)).count())
    }
}

fn count(n: usize) -> u64 {
    n as u64
}

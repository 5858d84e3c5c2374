//! Spreading knowledge (PROTOCOL.md, section 5): who is told, who decides, to whom a message goes on, and for how long
//! it is remembered.

use crate::event::ConnectionId;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::time::{Duration, Instant};
use crate::wire::Payload;

/// One peer as dissemination knows it. The same peer (address and instance) has the same id when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NeighbourId(pub(crate) u64);

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// ANNOUNCE of a module; it may be closed by now.
    Module(ConnectionId),
    /// PEER NOTIFICATION of a neighbour.
    Neighbour(NeighbourId),
}

/// A message that has just come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// From whom.
    pub(crate) source: Source,
    /// The id that the peer gave; for an ANNOUNCE it is ignored, one is drawn.
    pub(crate) id: u16,
    /// As it stands in the frame.
    pub(crate) ttl: u8,
    /// Whom it concerns.
    pub(crate) data_type: u16,
    /// What is said; at most [`DATA_MAX`](crate::limits::DATA_MAX) bytes.
    pub(crate) data: &'a [u8],
}

/// Who is subscribed to a message's type here. Connections that are gone but kept alive by their parked announcements
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribers {
    /// Nobody.
    Nobody,
    /// The connection that announces the message and nobody else.
    AnnouncerOnly,
    /// Others, perhaps the announcer too.
    Others,
}

impl Subscribers {
    /// Reads a list of subscribers.
    pub(crate) fn of(subscribers: &[ConnectionId], source: Source) -> Self {
        match subscribers {
            [] => Self::Nobody,
            [only] if source == Source::Module(*only) => Self::AnnouncerOnly,
            _ => Self::Others,
        }
    }
}

/// What surrounds the node when a message comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    /// Who is subscribed to the message's type.
    pub(crate) subscribers: Subscribers,
    /// Those of them that are open and whose queue has room, in the order in which they are to be told.
    pub(crate) audience: &'a [ConnectionId],
    /// The whole view, in a stable order. A neighbour whose queue is full belongs in it: what it misses is its loss,
    /// not a reason to hold the message for others.
    pub(crate) neighbours: &'a [NeighbourId],
}

/// What goes to neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// As it is to stand in the frame.
    pub(crate) ttl: u8,
    /// The id that the message bears towards peers.
    pub(crate) id: u16,
    /// Type and data.
    pub(crate) payload: Payload,
}

/// What to do with a message. Owned and reused by the caller; every call that takes one overwrites it.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// A NOTIFICATION with this id to everyone in the audience.
    pub(crate) tell: Option<(u16, Payload)>,
    /// A PEER NOTIFICATION to all `targets`.
    pub(crate) spread: Option<Spread>,
    /// The neighbours that get it; empty without `spread`.
    pub(crate) targets: Vec<NeighbourId>,
    /// Modules that became listeners by this call.
    pub(crate) new_listeners: Vec<ConnectionId>,
}

/// The messages of one node.
#[derive(Debug)]
pub(crate) struct Dissemination {}

impl Dissemination {
    /// Remembers nothing yet, and takes next to no memory.
    pub(crate) fn new(_settings: &Settings, _seed: [u8; 32]) -> Self {
        Self {}
    }

    /// Takes a message in (rules 1 to 6).
    pub(crate) fn arrive(
        &mut self,
        _now: Instant,
        _settings: &Settings,
        _metrics: &mut Metrics,
        _arrival: Arrival<'_>,
        _around: Around<'_>,
        _out: &mut Delivery,
    ) {
    }

    /// Takes a module's VALIDATION (rule 3). `neighbours` as in [`Around`].
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn validate(
        &mut self,
        _now: Instant,
        _settings: &Settings,
        _metrics: &mut Metrics,
        _module: ConnectionId,
        _wire_id: u16,
        _valid: bool,
        _neighbours: &[NeighbourId],
        _out: &mut Delivery,
    ) {
    }

    /// A module's connection is gone: its ids are free, and messages that nobody else was asked about are dropped.
    pub(crate) fn module_closed(&mut self, _now: Instant, _metrics: &mut Metrics, _module: ConnectionId) {}

    /// A neighbour joined the view: appends the held messages that it gets, oldest first (rule 4).
    pub(crate) fn neighbour_up(
        &mut self,
        _now: Instant,
        _settings: &Settings,
        _neighbour: NeighbourId,
        _out: &mut Vec<Spread>,
    ) {
    }

    /// Would an ANNOUNCE with `size` bytes of data have to be parked: is the waiting table, or the share of its type or
    /// source, full?
    pub(crate) fn is_pressed(
        &self,
        _now: Instant,
        _settings: &Settings,
        _source: Source,
        _data_type: u16,
        _size: usize,
    ) -> bool {
        false
    }

    /// Is this module only told, never waited for?
    pub(crate) fn is_listener(&self, _module: ConnectionId) -> bool {
        false
    }

    /// For how long messages are really remembered now: `suppression_time`, or less while `seen_max` makes them leave
    /// early.
    pub(crate) fn memory_span(&self, _now: Instant, settings: &Settings) -> Duration {
        settings.suppression_time
    }

    /// Ends what has had its time. Waiting messages exactly, the memory about once a second.
    pub(crate) fn expire(&mut self, _now: Instant, _settings: &Settings, _metrics: &mut Metrics) {}

    /// When [`expire`](Self::expire) is wanted next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Messages that wait for VALIDATION.
    pub(crate) fn waiting(&self) -> usize {
        0
    }

    /// Their bytes of type and data.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        0
    }

    /// Messages remembered, waiting ones included.
    pub(crate) fn seen(&self) -> usize {
        0
    }

    /// Messages held for neighbours to come.
    pub(crate) fn held(&self) -> usize {
        0
    }
}

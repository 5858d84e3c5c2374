//! What comes into dissemination and what goes out: plain values.

use crate::event::ConnectionId;
use crate::time::Age;
use crate::tree::Turn;
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
    /// Somebody is subscribed to its type here.
    pub(crate) is_wanted: bool,
    /// Its age, if it was asked for in repair (section 12).
    pub(crate) fetched: Option<Age>,
}

/// Who is subscribed to a message's type here. Connections that are gone but kept alive by their parked announcements
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribers {
    /// The connection that announces the message and nobody else.
    AnnouncerOnly,
    /// Others, perhaps the announcer too.
    Others,
}

#[cfg(test)]
impl Subscribers {
    /// Reads a list of subscribers.
    pub(crate) fn of(subscribers: &[ConnectionId], source: Source) -> Self {
        match subscribers {
            [only] if source == Source::Module(*only) => Self::AnnouncerOnly,
            _ => Self::Others,
        }
    }
}

/// Who is there for a new message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    /// Who is subscribed to the message's type.
    pub(crate) subscribers: Subscribers,
    /// Those of them that are open and whose queue has room, in the order in which they are to be told.
    pub(crate) audience: &'a [ConnectionId],
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
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// A NOTIFICATION with this id to everyone in the audience.
    pub(crate) tell: Option<(u16, Payload)>,
    /// A PEER NOTIFICATION to all `targets`.
    pub(crate) spread: Option<Spread>,
    /// The neighbours that get it; empty without `spread`.
    pub(crate) targets: Vec<NeighbourId>,
    /// Its number in the knowledge base, if it has come there by this call.
    pub(crate) known: Option<u64>,
    /// How a neighbour is to send messages of a type from now on (section 13).
    pub(crate) turn: Option<(NeighbourId, u16, Turn)>,
    /// Modules that became listeners by this call.
    pub(crate) new_listeners: Vec<ConnectionId>,
}

impl Delivery {
    pub(super) fn clear(&mut self) {
        (self.tell, self.spread, self.known, self.turn) = (None, None, None, None);
        self.targets.clear();
        self.new_listeners.clear();
    }
}

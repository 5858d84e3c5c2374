//! One connection of a module.

use super::outbox::Outbox;
use crate::wire::Deframer;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub(crate) remote: SocketAddr,
    pub(crate) deframer: Deframer,
    pub(crate) outbox: Outbox,
    /// ANNOUNCEs that wait for room, oldest first.
    pub(crate) parked: VecDeque<Parked>,
    pub(crate) parked_bytes: usize,
    /// The driver was told to read no more.
    pub(crate) is_reading_stopped: bool,
    /// It will send no more; it may still be told.
    pub(crate) is_read_closed: bool,
    /// The connection is gone; what it parked is still to be announced.
    pub(crate) is_gone: bool,
}

/// An ANNOUNCE that waits for room.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    pub(crate) ttl: u8,
    pub(crate) data_type: u16,
    pub(crate) data: Box<[u8]>,
}

impl Parked {
    /// What an entry costs beside its data: so that a million empty ones are not free.
    const OVERHEAD: usize = 32;

    pub(crate) fn cost(&self) -> usize {
        self.data.len().saturating_add(Self::OVERHEAD)
    }
}

impl Module {
    pub(crate) fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            deframer: Deframer::default(),
            outbox: Outbox::default(),
            parked: VecDeque::new(),
            parked_bytes: 0,
            is_reading_stopped: false,
            is_read_closed: false,
            is_gone: false,
        }
    }

    /// Can it still be told anything?
    pub(crate) fn is_open(&self) -> bool {
        !self.is_gone
    }

    /// Could it still answer?
    pub(crate) fn can_answer(&self) -> bool {
        !self.is_gone && !self.is_read_closed
    }

    pub(crate) fn park(&mut self, announcement: Parked) {
        self.parked_bytes = self.parked_bytes.saturating_add(announcement.cost());
        self.parked.push_back(announcement);
    }

    pub(crate) fn unpark(&mut self) -> Option<Parked> {
        let announcement = self.parked.pop_front()?;
        self.parked_bytes = self.parked_bytes.saturating_sub(announcement.cost());
        Some(announcement)
    }
}

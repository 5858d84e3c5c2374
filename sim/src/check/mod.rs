//! Checkers: each watches one property from outside, all the time. What they know they saw on the wire or at the API;
//! they never ask a peer's state for anything but its public status.

mod away;
mod bounds;
mod chosen;
mod echo;
mod floor;
mod ledger;
mod lifetimes;
mod proof;
mod told;
mod ttl;
mod vouched;

pub use away::Away;
pub use floor::Floor;
pub use ledger::{Announced, Ledger, Message, Outcome};
pub use lifetimes::{Ages, Held};
pub use proof::Proofs;

use crate::network::EndId;
use gossip_core::wire::{Frame, kind};
use gossip_core::{Settings, Status};
use std::collections::BTreeMap;
use std::ops::Range;

/// A property that was broken: a bug in the peers, or in the checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, microseconds.
    pub at: u64,
    /// By which peer.
    pub peer: u32,
    /// Which property.
    pub property: &'static str,
    /// What was seen.
    pub detail: String,
}

/// A PEER NOTIFICATION or NOTIFICATION as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// 511's ttl; 0 for 502.
    pub ttl: u8,
    /// Which message.
    pub number: u64,
}

impl Seen {
    /// Reads a frame that carries a message.
    pub fn of(frame: &Frame) -> Option<Self> {
        let skip = match frame.kind() {
            kind::PEER_NOTIFICATION => 10,
            kind::NOTIFICATION => 8,
            _ => return None,
        };
        let [head, body] = frame.parts();
        let byte = |at: usize| head.get(at).or_else(|| body.get(at - head.len().min(at))).copied();
        let mut number = [0; 8];
        for (at, place) in number.iter_mut().enumerate() {
            *place = byte(skip + at)?;
        }
        let ttl = if frame.kind() == kind::PEER_NOTIFICATION { byte(4)? } else { 0 };
        Some(Self { ttl, number: u64::from_be_bytes(number) })
    }
}

/// All checkers and what they share.
#[derive(Debug)]
pub struct Checks {
    /// Off only to measure what they cost.
    on: bool,
    /// Every message that still matters.
    pub ledger: Ledger,
    /// Who proved what.
    pub proofs: Proofs,
    ages: Ages,
    away: Away,
    violations: Vec<Violation>,
    /// Messages that were asked for through the other end of each end, by its index: those may be sent back there.
    asked: BTreeMap<usize, usize>,
    /// The table that came nearest to its bound, and how near, thousandths.
    fullest: (&'static str, u64),
    settings: Settings,
    /// What a clock may be off, in millionths: spans are that much shorter or longer.
    drift_ppm: u64,
}

impl Checks {
    /// Checkers for so many peers with these settings.
    pub fn new(on: bool, settings: Settings, ledger: Ledger, drift_ppm: u64) -> Self {
        let (proofs, ages, away) = Default::default();
        let asked = BTreeMap::new();
        Self { on, ledger, proofs, ages, away, violations: Vec::new(), asked, fullest: ("", 0), settings, drift_ppm }
    }

    /// Are they on?
    pub fn are_on(&self) -> bool {
        self.on
    }

    /// What was broken so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The table of any peer that came nearest to its bound so far, but for the view, and how near, thousandths.
    pub fn fullest(&self) -> (&'static str, u64) {
        self.fullest
    }

    /// Notes a broken property.
    pub fn violate(&mut self, at: u64, peer: u32, property: &'static str, detail: String) {
        self.violations.push(Violation { at, peer, property, detail });
    }

    /// A peer sends a frame through `end`, to the honest peer `to` or to somebody else.
    pub fn peer_sends(&mut self, now: u64, peer: u32, to: Option<u32>, end: EndId, frame: &Frame) {
        if !self.on {
            return;
        }
        let found = match frame.kind() {
            kind::PEER_NOTIFICATION => {
                let Some(seen) = Seen::of(frame) else { return };
                let Some(message) = self.ledger.live(seen.number) else { return };
                let mut came_from_there = echo::check(message, end);
                // Who asks has forgotten it, or has lost it.
                if came_from_there.is_err()
                    && let Some(asked @ 1..) = self.asked.get_mut(&end.index())
                {
                    *asked -= 1;
                    came_from_there = Ok(());
                }
                [vouched::check(message, peer), ttl::check(message, peer, seen.ttl), came_from_there]
            }
            kind::VERIFICATION_REQUEST => [self.proofs.asked(peer, end, frame), Ok(()), Ok(())],
            kind::HELLO if end.is_dialer() => {
                let Some(to) = to else { return };
                [self.away.returns(self.ages.since(end), peer, to, self.drift_ppm), Ok(()), Ok(())]
            }
            kind::GOODBYE => {
                self.away.leaves(end);
                [chosen::check(end, frame), Ok(()), Ok(())]
            }
            _ => return,
        };
        for (property, detail) in found.into_iter().filter_map(Result::err) {
            self.violate(now, peer, property, detail);
        }
    }

    /// A peer sends a frame to one of its modules, `prompt`ly or after it had waited for the module to read. How long after its announcement, microseconds, if it is the first time
    /// that the module is told of this message.
    pub fn module_is_told(&mut self, now: u64, peer: u32, module: u32, frame: &Frame, prompt: bool) -> Option<u64> {
        if frame.kind() != kind::NOTIFICATION {
            return None;
        }
        let seen = Seen::of(frame)?;
        let span = self.settings.suppression_time.as_micros();
        let least = span - span / 1_000_000 * self.drift_ppm.min(1_000_000);
        let message = self.ledger.live_mut(seen.number)?;
        let first = !message.was_told(module);
        let latency = now - message.announced.at;
        if let Err((property, detail)) = told::check(message, module, now, least)
            && self.on
            && prompt
        {
            self.violate(now, peer, property, detail);
        }
        first.then_some(latency)
    }

    /// A frame's last byte reaches a peer through `end`, the sender's.
    pub fn peer_receives(&mut self, peer: u32, end: EndId, frame: &Frame) {
        if let kind::PEER_NOTIFICATION = frame.kind() {
            if let Some(seen) = Seen::of(frame) {
                self.ledger.received(peer, seen);
            }
        } else if self.on && frame.kind() == kind::IWANT {
            *self.asked.entry(end.other().index()).or_default() += (frame.len() - 4) / 8;
        } else if self.on && frame.kind() == kind::VERIFICATION_RESPONSE {
            self.proofs.answered(end, frame, self.settings.pow);
        }
    }

    /// The peer, with these modules connected, has handled the read that the frame's last byte came with. Before, it
    /// could not know of what came last.
    pub fn peer_has_handled(&mut self, end: EndId, modules: impl Iterator<Item = u32>, frame: &Frame) {
        if self.on
            && frame.kind() == kind::PEER_NOTIFICATION
            && let Some(seen) = Seen::of(frame)
        {
            self.ledger.handled(end, modules, seen);
        }
    }

    /// A peer says that it has a neighbour.
    pub fn neighbour_up(&mut self, now: u64, peer: u32, end: EndId, accepted: bool, view: u32) {
        if !self.on {
            return;
        }
        if accepted && !self.proofs.is_proved(end) {
            let detail = "a neighbour that dialed in gave no good proof of work".to_owned();
            self.violate(now, peer, proof::PROPERTY, detail);
        }
        if let Err((property, detail)) = bounds::check_view(view, &self.settings) {
            self.violate(now, peer, property, detail);
        }
    }

    /// Looks a peer's tables over, and what it has.
    pub fn look_over(&mut self, now: u64, peer: u32, status: &Status, held: Held) {
        if !self.on {
            return;
        }
        let fullest = bounds::fullest(status, &self.settings);
        if fullest.1 > self.fullest.1 {
            self.fullest = fullest;
        }
        let broken = bounds::check(status, &self.settings);
        let strays = lifetimes::check(status, held, &self.settings);
        for (property, detail) in broken.into_iter().chain(strays) {
            self.violate(now, peer, property, detail);
        }
    }

    /// In the end, when nothing has disturbed the network for [`joining_time`](Self::joining_time): a peer's connections
    /// with peers.
    pub fn look_over_calm(&mut self, now: u64, peer: u32, status: &Status, ends: &[EndId]) {
        if let Err((property, detail)) = self.ages.check(now, status, ends, &self.settings) {
            self.violate(now, peer, property, detail);
        }
    }

    /// A GOODBYE of another has reached a peer at its `end` of their only connection.
    pub fn peer_is_left(&mut self, now: u64, (peer, end): (u32, EndId), by: u32, goodbye: &Frame) {
        if self.on {
            self.away.hears(now, (peer, end), by, goodbye);
        }
    }

    /// Two peers are neighbours again.
    pub fn are_neighbours(&mut self, peer: u32, other: u32) {
        self.away.is_back(peer, other);
    }

    /// What cannot matter any more is forgotten.
    pub fn expire(&mut self, now: u64) {
        self.away.expire(now);
    }

    /// The longest that joining may take, microseconds.
    pub fn joining_time(&self) -> u64 {
        lifetimes::joining_time(&self.settings)
    }

    /// A peer's process is gone, with all that it remembered.
    pub fn forget_peer(&mut self, peer: u32, modules: Range<u32>) {
        self.ledger.forget_peer(peer, modules);
        self.away.forget(peer);
    }

    /// A link is new: what was seen at this end's predecessor does not count.
    pub fn new_link(&mut self, now: u64, end: EndId) {
        self.ages.begin(now, end);
        self.ledger.forget_link(end);
        self.asked.remove(&end.index());
        self.asked.remove(&end.other().index());
        self.proofs.forget(end);
    }
}

/// What a checker found: the property and what was seen.
type Broken = (&'static str, String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;
    use gossip_core::wire::{Payload, PeerMessage, notification, peer_notification};

    #[test]
    fn a_message_is_recognised_in_either_kind_of_frame_however_it_is_laid_out() {
        let data = workload::compose(0x0102_0304_0506_0708, true, 40);
        let payload = Payload::new(7, &data);
        let shared = peer_notification(9, 1, &payload);
        let plain = PeerMessage::PeerNotification { ttl: 9, id: 1, data_type: 7, data: &data }.frame();
        let short = PeerMessage::PeerNotification { ttl: 9, id: 1, data_type: 7, data: &data[..9] }.frame();
        for frame in [shared, plain, short] {
            assert_eq!(Seen::of(&frame), Some(Seen { ttl: 9, number: 0x0102_0304_0506_0708 }));
        }
        let told = notification(1, &payload);
        assert_eq!(Seen::of(&told), Some(Seen { ttl: 0, number: 0x0102_0304_0506_0708 }));
        assert_eq!(Seen::of(&PeerMessage::Ping.frame()), None);
        let tiny = PeerMessage::PeerNotification { ttl: 9, id: 1, data_type: 7, data: &data[..3] }.frame();
        assert_eq!(Seen::of(&tiny), None);
    }
}

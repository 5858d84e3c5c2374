//! One connection of a peer.

use super::handshake::{Prover, Verifier};
use super::outbox::Outbox;
use crate::address::Compact;
use crate::dissemination::NeighbourId;
use crate::event::ConnectionId;
use crate::limits;
use crate::membership::faults::Score;
use crate::settings::Settings;
use crate::status::Traffic;
use crate::time::{Instant, earliest};
use crate::util::bucket::{Limit, TokenBuckets};
use crate::wire::{Deframer, kind};
use std::net::SocketAddr;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To become, or be, a neighbour.
    Neighbour,
    /// We dialed to ask for addresses only (section 4, Looking up).
    LookUp,
    /// We dialed to see whether the address can be reached.
    Probe,
}

/// Why we dialed an address; what happens to it is told there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The bootstrapper with this index.
    Bootstrapper(usize),
    /// The list of the lost, or a candidate.
    Known,
    /// Another network may be behind it: if it has no room, whom it names is tried next (section 4, Looking up).
    Stranger,
}

/// What is known of the other end from CAPABILITIES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extended {
    pub(crate) instance: u64,
    /// It found no room elsewhere: a neighbour may be displaced for it.
    pub(crate) is_urgent: bool,
    /// It takes part in repair.
    pub(crate) repairs: bool,
    /// It takes offers in place of messages.
    pub(crate) trees: bool,
}

/// What a neighbour was, should it prove that it is alive beside a newer instance at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suspended {
    pub(crate) chosen: bool,
    pub(crate) since: Instant,
}

/// See the module. A neighbour at rest is all but [`Steps`]: there are very many of these.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    remote: Compact,
    address: Option<Compact>,
    pub(crate) purpose: Purpose,
    pub(crate) origin: Option<Origin>,
    /// When it was accepted or the dial began.
    opened: Instant,
    /// The TCP connection stands.
    pub(crate) is_connected: bool,
    /// Made when a frame comes in parts.
    deframer: Option<Box<Deframer>>,
    pub(crate) outbox: Outbox,
    pub(crate) verifier: Verifier,
    /// The handshake is in the IPv6 forms.
    pub(crate) is_v6: bool,
    /// Present if it speaks the extensions.
    pub(crate) extended: Option<Extended>,
    /// Our CAPABILITIES went out on it.
    pub(crate) introduced: bool,
    /// In the view as this neighbour.
    pub(crate) neighbour: Option<NeighbourId>,
    pub(crate) last_heard: Instant,
    pub(crate) traffic: Traffic,
    /// A PING is out that nothing has followed.
    pub(crate) is_pinged: bool,
    /// None while all is as in [`Steps::NONE`].
    steps: Option<Box<Steps>>,
    /// By [`Rate`]; made when the first token is needed.
    rates: Option<Box<TokenBuckets<{ Rate::ALL }>>>,
}

/// What is under way on a connection, most of all before it is established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) prover: Prover,
    /// It was a neighbour until a newer instance came to its address.
    pub(crate) suspended: Option<Suspended>,
    /// Its handshake waits until this other connection has answered a PING, or not.
    pub(crate) held_by: Option<ConnectionId>,
    /// Unless a PONG comes by then, it is taken for dead.
    pub(crate) alive_by: Option<Instant>,
    /// PEER RESPONSEs that we asked for, one a family.
    pub(crate) expects_v4: bool,
    pub(crate) expects_v6: bool,
    /// What a look-up's connection answered.
    pub(crate) answer: Option<Vec<SocketAddr>>,
    pub(crate) score: Score,
}

impl Steps {
    const NONE: &Self = &Self {
        prover: Prover::Idle,
        suspended: None,
        held_by: None,
        alive_by: None,
        expects_v4: false,
        expects_v6: false,
        answer: None,
        score: Score::CLEAN,
    };
}

/// What is counted per connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    PeerRequest,
    Push,
    PushSent,
    Ping,
    Renewal,
}

impl Rate {
    const ALL: usize = 5;

    /// In the order of the variants.
    fn limits(settings: &Settings) -> [Limit; Self::ALL] {
        [
            Limit::of_part(settings.peer_requests_per_minute, 3),
            Limit::of_part(settings.pushes_per_minute, 1),
            Limit::new(limits::PUSHES_SENT),
            Limit::new(limits::PINGS),
            Limit::new(limits::RENEWALS),
        ]
    }
}

impl Peer {
    pub(crate) fn accepted(remote: SocketAddr, now: Instant) -> Self {
        Self::new(remote, Purpose::Neighbour, None, Verifier::AwaitHello { since: now }, now)
    }

    pub(crate) fn dialed(address: SocketAddr, purpose: Purpose, origin: Option<Origin>, now: Instant) -> Self {
        let mut peer = Self::new(address, purpose, origin, Verifier::Quiet, now);
        peer.is_connected = false;
        peer.set_address(address);
        peer.is_v6 = address.is_ipv6();
        peer
    }

    fn new(remote: SocketAddr, purpose: Purpose, origin: Option<Origin>, verifier: Verifier, now: Instant) -> Self {
        Self {
            remote: remote.into(),
            address: None,
            purpose,
            origin,
            opened: now,
            is_connected: true,
            deframer: None,
            outbox: Outbox::default(),
            verifier,
            is_v6: false,
            extended: None,
            introduced: false,
            neighbour: None,
            last_heard: now,
            traffic: Traffic::default(),
            is_pinged: false,
            steps: None,
            rates: None,
        }
    }

    /// The other end of the TCP connection.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote.into()
    }

    /// Where it listens, as far as known: what we dialed, or what HELLO and 507 said.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address.map(SocketAddr::from)
    }

    pub(crate) fn set_address(&mut self, address: SocketAddr) {
        self.address = Some(address.into());
    }

    /// What is under way.
    pub(crate) fn steps(&self) -> &Steps {
        self.steps.as_deref().unwrap_or(Steps::NONE)
    }

    /// The same, to be changed.
    pub(crate) fn steps_mut(&mut self) -> &mut Steps {
        self.steps.get_or_insert_with(|| Box::new(Steps::NONE.clone()))
    }

    /// Gives back the room of steps that are done.
    pub(crate) fn settle(&mut self) {
        self.steps = self.steps.take().filter(|steps| **steps != *Steps::NONE);
    }

    /// Takes the deframer; to be given back.
    pub(crate) fn take_deframer(&mut self) -> Deframer {
        self.deframer.as_mut().map(|deframer| std::mem::take(&mut **deframer)).unwrap_or_default()
    }

    pub(crate) fn give_back(&mut self, deframer: Deframer) {
        match &mut self.deframer {
            Some(place) => **place = deframer,
            None if deframer.is_idle() => {}
            None => self.deframer = Some(Box::new(deframer)),
        }
    }

    /// See [`GossipState::touch`](crate::GossipState::touch).
    pub(crate) fn touch(&self) -> u64 {
        let flags = u64::from(self.is_connected) ^ u64::from(self.is_pinged) ^ u64::from(self.is_v6);
        let counts = self.last_heard.as_micros() ^ self.outbox.queued();
        flags ^ counts ^ self.opened.as_micros() ^ u64::from(self.neighbour.is_some())
    }

    pub(crate) fn is_established(&self) -> bool {
        self.neighbour.is_some()
    }

    pub(crate) fn is_capable(&self) -> bool {
        self.extended.is_some()
    }

    pub(crate) fn instance(&self) -> Option<u64> {
        self.extended.map(|extended| extended.instance)
    }

    /// Is it on its way to become a neighbour?
    pub(crate) fn is_joining(&self) -> bool {
        self.purpose == Purpose::Neighbour && !self.is_established() && self.steps().suspended.is_none()
    }

    /// Is a frame of this type and size worth storing? What will be dropped anyway is skipped as it comes in (section
    /// 1): before it is established nothing but handshake frames counts, and those are short.
    pub(crate) fn wants(&self, frame_kind: u16, size: u16) -> bool {
        /// Room for CAPABILITIES with hints, and the longest of the others.
        const HANDSHAKE_FRAME_MAX: u16 = 256;
        let steps = self.steps();
        let expects_addresses =
            steps.expects_v4 || steps.expects_v6 || matches!(steps.prover, Prover::ProofSent { .. });
        match frame_kind {
            _ if self.is_established() => crate::wire::PeerMessage::knows(frame_kind),
            kind::PEER_RESPONSE | kind::IPV6 if expects_addresses => true,
            kind::VERIFICATION_REQUEST
            | kind::VERIFICATION_RESPONSE
            | kind::HELLO
            | kind::CAPABILITIES
            | kind::IPV6
            | kind::PONG
            | kind::GOODBYE => size <= HANDSHAKE_FRAME_MAX,
            _ => false,
        }
    }

    /// May it do this once more? Over the rate of the protocol's limits it may not.
    pub(crate) fn allows(&mut self, rate: Rate, now: Instant, settings: &Settings) -> bool {
        let limits = Rate::limits(settings);
        let rates = self.rates.get_or_insert_with(|| Box::new(TokenBuckets::new(limits, now)));
        rates.take(rate as usize, limits, now)
    }

    /// When something about this connection is overdue next.
    pub(crate) fn overdue_at(&self, settings: &Settings) -> Option<Instant> {
        if !self.is_connected {
            return Some(self.opened.after(settings.connect_timeout));
        }
        let look_up = (self.purpose == Purpose::LookUp).then(|| self.opened.after(settings.hello_timeout));
        let silence = (self.is_established() && self.is_capable() && !planted!(SilenceUnnoticed)).then(|| {
            let patience = if self.is_pinged { settings.peer_timeout } else { settings.ping_interval };
            self.last_heard.after(patience)
        });
        earliest([
            look_up,
            silence,
            self.steps().alive_by,
            self.steps().prover.overdue_at(settings),
            self.verifier.overdue_at(settings),
            self.outbox.judged_at(settings.peer_stall_timeout),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_only_where_they_are_expected_before_it_is_a_neighbour() {
        let expects = |v4, v6, prover| {
            let address = "10.0.0.1:6001".parse().unwrap();
            let mut peer = Peer::dialed(address, Purpose::Neighbour, None, Instant::ZERO);
            let steps = peer.steps_mut();
            (steps.expects_v4, steps.expects_v6, steps.prover) = (v4, v6, prover);
            peer.wants(kind::PEER_RESPONSE, 60_000)
        };
        let sent = Prover::ProofSent { since: Instant::ZERO };
        assert!(!expects(false, false, Prover::Idle));
        assert!(
            expects(true, false, Prover::Idle) && expects(false, true, Prover::Idle) && expects(false, false, sent)
        );
    }
}

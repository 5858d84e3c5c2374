//! What all attacks need: hosts, connections, messages.

use super::address;
use crate::network::EndId;
use crate::rng::Rng;
use crate::scenario::{Adversary, Attack, Lure};
use crate::workload;
use crate::world::address_of;
use gossip_core::Flush;
use gossip_core::pow::{Puzzle, Target};
use gossip_core::wire::{AddressList, Capabilities, Deframer, Features, Frame, Hints, PeerMessage};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Where hosts listen that are one peer each.
const PORT: u16 = 6_001;
/// How often lost connections are looked for.
const UPKEEP: u64 = 500_000;
/// A target that lost or refused a connection is left alone for so long.
const PAUSE: u64 = 5_000_000;
/// Numbers of messages that adversaries make up begin here: nobody else gets as far.
const NUMBERS: u64 = 1 << 62;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Connect a host to a peer.
    Dial {
        /// What the connection is called.
        link: u32,
        /// Whose it is.
        host: u32,
        /// To whom.
        peer: u32,
    },
    /// Send a frame as it should be.
    Send(EndId, Frame),
    /// Send bytes.
    Raw(EndId, Vec<u8>),
    /// End a connection.
    Close(EndId, Flush),
    /// Read no more from it.
    StopReading(EndId),
    /// Work for so long, microseconds, and then say so.
    Work(u32, u64),
    /// This message, by its number, was sent under another id: modules will be told of it again.
    Forged(u64),
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Asked for.
    Dialing,
    /// It stands, and no more.
    Open,
    /// Working on this nonce.
    Working(u64),
    /// 507 was sent; or 506, at the other end.
    Waiting,
    /// The other end takes us for a neighbour.
    In,
}

/// A connection.
#[derive(Debug)]
pub struct Link {
    /// Its end in the network, once there is one.
    pub end: Option<EndId>,
    /// Whose.
    pub host: u32,
    /// The peer at the other end.
    pub peer: u32,
    /// How far it is.
    pub stage: Stage,
    /// Did we dial it?
    pub is_dialed: bool,
    pub(super) deframer: Deframer,
    /// What it says that it listens on.
    address: SocketAddr,
    pub(super) is_introduced: bool,
}

/// The hosts of one adversary.
pub struct Crew {
    plan: Adversary,
    number: u16,
    /// Bits of the proofs that the peers want, and what they take in bits of time.
    bits: (u8, u8),
    targets: Vec<u32>,
    /// Until when each target is left alone.
    left_alone: Vec<u64>,
    /// Connections dialed to each target that are there or on the way.
    dialed: Vec<u32>,
    links: BTreeMap<u32, Link>,
    /// How many connections each host has with each peer.
    pairs: BTreeMap<(u32, u32), u32>,
    next_link: u32,
    /// What each host's CAPABILITIES say.
    instances: Vec<u64>,
    /// Until when each host works.
    busy: Vec<u64>,
    messages: u64,
    /// Numbers of messages heard.
    known: BTreeSet<u64>,
    upkeep_at: u64,
    pub(super) act_at: u64,
    pub(super) now: u64,
    pub(super) rng: Rng,
    /// What is to be done, in this order.
    pub deeds: Vec<Deed>,
    is_gone: bool,
}

impl Crew {
    /// The hosts of the adversary with this number against these peers, who want proofs of so many bits that take as
    /// long as ones of so many.
    pub fn new(plan: Adversary, number: u16, targets: Vec<u32>, bits: (u8, u8), mut rng: Rng) -> Self {
        Self {
            number,
            bits,
            left_alone: vec![0; targets.len()],
            dialed: vec![0; targets.len()],
            targets,
            links: BTreeMap::new(),
            pairs: BTreeMap::new(),
            next_link: 0,
            instances: (0..plan.hosts).map(|_| rng.bits()).collect(),
            busy: vec![0; plan.hosts as usize],
            messages: 0,
            known: BTreeSet::new(),
            upkeep_at: plan.start,
            act_at: plan.start,
            now: 0,
            rng,
            deeds: Vec::new(),
            is_gone: false,
            plan,
        }
    }

    /// What it was made with.
    pub fn plan(&self) -> &Adversary {
        &self.plan
    }

    /// Does somebody here take connections now?
    pub fn listens(&self) -> bool {
        self.now >= self.plan.start && !self.is_gone
    }

    /// A connection.
    pub fn link(&self, link: u32) -> Option<&Link> {
        self.links.get(&link)
    }

    pub(super) fn link_mut(&mut self, link: u32) -> Option<&mut Link> {
        self.links.get_mut(&link)
    }

    /// The network calls this connection so.
    pub fn begun(&mut self, link: u32, end: EndId) {
        if let Some(link) = self.links.get_mut(&link) {
            link.end = Some(end);
        }
    }

    /// Where this host of the crew is.
    pub fn ip(&self, host: u32) -> std::net::IpAddr {
        address::of_host(self.number, self.plan.networks, host)
    }

    /// A peer has dialed one of the hosts.
    pub fn accepted(&mut self, now: u64, host: u32, peer: u32, end: EndId) -> u32 {
        self.now = now;
        let link = self.add(host, peer, false, Stage::Open);
        self.begun(link, end);
        link
    }

    /// A connection is gone, or never was.
    pub fn lost(&mut self, now: u64, link: u32) {
        self.now = now;
        let Some(lost) = self.links.remove(&link) else { return };
        let pair = (lost.host, lost.peer);
        if let Some(count) = self.pairs.get_mut(&pair) {
            *count -= 1;
            if *count == 0 {
                self.pairs.remove(&pair);
            }
        }
        if lost.is_dialed
            && let Some(at) = self.targets.iter().position(|target| *target == lost.peer)
        {
            self.dialed[at] -= 1;
            self.left_alone[at] = now + PAUSE;
        }
    }

    pub(super) fn stands(&mut self, link: u32) -> bool {
        self.links.get_mut(&link).is_some_and(|link| {
            link.stage = Stage::Open;
            true
        })
    }

    pub(super) fn wake_at(&self) -> u64 {
        self.act_at.min(self.upkeep_at).min(self.plan.stop)
    }

    pub(super) fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// Dials wherever there are fewer than there should be.
    pub(super) fn keep_up(&mut self) {
        if self.now < self.upkeep_at {
            return;
        }
        self.upkeep_at = self.now + UPKEEP;
        for at in 0..self.targets.len() {
            if self.left_alone[at] <= self.now {
                for _ in self.dialed[at]..self.plan.connections {
                    self.dial(self.targets[at]);
                }
            }
        }
    }

    /// Everybody goes without a word.
    pub(super) fn leave(&mut self) {
        self.is_gone = true;
        let links: Vec<u32> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.close(link, Flush::Discard));
    }

    /// A random host dials this peer.
    pub(super) fn dial(&mut self, peer: u32) {
        let mut host = self.random_host();
        // One that knows it already would only be a duplicate.
        let knows = |host: u32| self.pairs.contains_key(&(host, peer));
        if !self.plan.is_many
            && let Some(free) = (0..self.plan.hosts).map(|at| (host + at) % self.plan.hosts).find(|host| !knows(*host))
        {
            host = free;
        }
        let link = self.add(host, peer, true, Stage::Dialing);
        if let Some(at) = self.targets.iter().position(|target| *target == peer) {
            self.dialed[at] += 1;
        }
        self.deeds.push(Deed::Dial { link, host, peer });
    }

    fn random_host(&mut self) -> u32 {
        u32::try_from(self.rng.below(self.plan.hosts.into())).unwrap_or(0)
    }

    fn add(&mut self, host: u32, peer: u32, is_dialed: bool, stage: Stage) -> u32 {
        let name = self.next_link;
        self.next_link += 1;
        let deframer = Deframer::default();
        // Hosts listen on all ports.
        let port = if self.plan.is_many { 1_024 + u16::try_from(name % 64_000).unwrap_or(0) } else { PORT };
        let address = SocketAddr::new(self.ip(host), port);
        let link = Link { end: None, host, peer, stage, is_dialed, deframer, address, is_introduced: false };
        self.links.insert(name, link);
        *self.pairs.entry((host, peer)).or_default() += 1;
        name
    }

    pub(super) fn close(&mut self, link: u32, flush: Flush) {
        self.on(link, |end| Deed::Close(end, flush));
        self.lost(self.now, link);
    }

    /// Something is to be done on a connection, if the network knows it.
    fn on(&mut self, link: u32, deed: impl FnOnce(EndId) -> Deed) {
        let end = self.links.get(&link).and_then(|link| link.end);
        self.deeds.extend(end.map(deed));
    }

    pub(super) fn send(&mut self, link: u32, message: &PeerMessage<'_>) {
        self.on(link, |end| Deed::Send(end, message.frame()));
    }

    pub(super) fn raw(&mut self, link: u32, bytes: Vec<u8>) {
        self.on(link, |end| Deed::Raw(end, bytes));
    }

    pub(super) fn stop_reading(&mut self, link: u32) {
        self.on(link, Deed::StopReading);
    }

    /// Connections at this stage.
    pub(super) fn at_stage(&self, stage: Stage) -> Vec<u32> {
        self.links.iter().filter(|(_, link)| link.stage == stage).map(|(name, _)| *name).collect()
    }

    /// Everybody who takes us for a neighbour.
    pub(super) fn members(&self) -> Vec<u32> {
        self.at_stage(Stage::In)
    }

    /// CAPABILITIES, once a connection. Whoever attacks claims to be in need.
    pub(super) fn introduce(&mut self, link: u32, features: Features) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let instance = if self.plan.is_many { self.rng.bits() } else { self.instances[state.host as usize] };
        if !std::mem::replace(&mut state.is_introduced, true) {
            let capabilities = Capabilities { version: 1, features, instance, hints: Hints::new(&[]) };
            self.send(link, &PeerMessage::Capabilities(capabilities));
        }
    }

    pub(super) fn say_hello(&mut self, link: u32) {
        self.introduce(link, Features::URGENT);
        if let Some(address) = self.links.get(&link).map(|link| link.address) {
            self.send(link, &PeerMessage::Hello { address });
        }
    }

    /// Works on a proof as its host finds time.
    pub(super) fn prove(&mut self, link: u32, nonce: u64) {
        let takes = crate::pow::solving_time(&mut self.rng, self.bits.1, self.plan.hash_rate);
        let Some(state) = self.links.get_mut(&link) else { return };
        state.stage = Stage::Working(nonce);
        let busy = &mut self.busy[state.host as usize];
        *busy = (*busy).max(self.now) + takes;
        self.deeds.push(Deed::Work(link, *busy - self.now));
    }

    pub(super) fn puzzle(&self, nonce: u64) -> Puzzle {
        Puzzle { nonce, target: Target::ZeroBits(self.bits.0) }
    }

    /// The work is done: 507.
    pub(super) fn say_proof(&mut self, link: u32) {
        let Some(Stage::Working(nonce)) = self.links.get(&link).map(|link| link.stage) else { return };
        if let Some(challenge) = crate::pow::solve(&self.puzzle(nonce), 0) {
            self.answer(link, nonce, challenge);
        }
    }

    /// 507 with whatever is said to be a proof.
    pub(super) fn answer(&mut self, link: u32, nonce: u64, challenge: u64) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.stage = Stage::Waiting;
        let address = state.address;
        self.send(link, &PeerMessage::VerificationResponse { nonce, challenge, address });
    }

    /// 506 to a peer that dialed us.
    pub(super) fn challenge(&mut self, link: u32) {
        self.introduce(link, Features::default());
        let nonce = self.rng.bits();
        if let Some(state) = self.links.get_mut(&link) {
            state.stage = Stage::Waiting;
        }
        self.send(link, &PeerMessage::VerificationRequest { nonce });
    }

    /// 506 once more, whatever came of the last one.
    pub(super) fn ask_again(&mut self, link: u32) {
        let nonce = self.rng.bits();
        self.send(link, &PeerMessage::VerificationRequest { nonce });
    }

    /// Is this data of a peer's message that nobody here has heard before? Attackers react to the first copy: they need
    /// not be quicker than that, and to answer each would only repeat it.
    pub(super) fn is_news(&mut self, data: &[u8]) -> bool {
        workload::read(data).is_some_and(|(number, _)| number < NUMBERS && self.known.insert(number))
    }

    /// 505 with so many addresses.
    pub(super) fn tell_addresses(&mut self, link: u32, count: usize) {
        // Who does not want to mislead names whom it knows: its own and everybody else.
        let is_honest = !matches!(self.plan.kind, Attack::Poison | Attack::Eclipse);
        let known = self.plan.hosts as usize + self.targets.len();
        let address = |crew: &mut Self| match crew.targets.get(crew.rng.index(known)) {
            Some(peer) if is_honest => address_of(*peer),
            _ => crew.lure(),
        };
        let addresses: Vec<SocketAddr> = (0..count).map(|_| address(self)).collect();
        self.on(link, |end| Deed::Send(end, AddressList::frame_of(&addresses, false)));
    }

    /// An address such as the plan wants to be spread.
    pub(super) fn lure(&mut self) -> SocketAddr {
        match self.plan.addresses {
            Lure::Own => {
                let host = self.random_host();
                let port = if self.plan.is_many { address::port(&mut self.rng) } else { PORT };
                SocketAddr::new(self.ip(host), port)
            }
            Lure::Dead => address::of_nobody(&mut self.rng),
            Lure::Victim => address::of_victim(&mut self.rng),
        }
    }

    /// A message of ours that nobody has seen before, with data that modules like or refuse.
    pub(super) fn message(&mut self, valid: bool) -> Vec<u8> {
        let number = NUMBERS + (u64::from(self.number) << 48) + self.messages;
        self.messages += 1;
        workload::compose(number, valid, self.plan.size)
    }

    /// Sends a message on.
    pub(super) fn spread(&mut self, link: u32, ttl: u8, id: u16, data_type: u16, data: &[u8]) {
        self.send(link, &PeerMessage::PeerNotification { ttl, id, data_type, data });
    }

    /// A new message of the plan's type, on this connection.
    pub(super) fn make_up(&mut self, link: u32, valid: bool) {
        let data = self.message(valid);
        let id = u16::try_from(self.rng.below(65_536)).unwrap_or(0);
        let data_type = self.plan.data_type;
        self.spread(link, 255, id, data_type, &data);
    }
}

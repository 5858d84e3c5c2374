//! A small network in virtual time: nodes, links of bytes, and who gets what next.
//!
//! Whatever is on its way waits in a channel of its own, first in, first out. A test lets time pass
//! ([`Net::run`]), or decides itself which channel delivers next ([`Net::choices`], [`Net::deliver`]).

use super::hand::Hand;
use super::old_peer::OldPeer;
use crate::action::{Action, Actions, Flush};
use crate::connection::peer::Purpose;
use crate::event::{ConnectionId, DialError, Event, Listener, ResolveId};
use crate::note::Note;
use crate::settings::{Addresses, Endpoint, Settings};
use crate::state::GossipState;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// One way, between any two nodes.
const LATENCY: Duration = Duration::from_millis(5);

/// A node's number.
pub(super) type NodeId = usize;

/// Who lives at an address.
#[derive(Clone)]
pub(super) enum Actor {
    Core(Box<GossipState>),
    Old(OldPeer),
    Hand(Hand),
    /// The process is gone; the host answers with resets.
    Gone,
    /// The host is gone: nobody answers at all.
    Silent,
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) actor: Actor,
    pub(super) listens: Addresses,
    /// Other addresses that lead to it.
    pub(super) aliases: Vec<SocketAddr>,
    pub(super) notes: Vec<(Instant, Note)>,
    /// Nodes of different groups do not hear each other.
    pub(super) group: u8,
    /// What a proof of work takes here.
    pub(super) solving_takes: Duration,
    pub(super) names: BTreeMap<String, Vec<IpAddr>>,
    dialed: u64,
    /// Dials of ours but for look-ups.
    pub(super) dialed_to_stay: u64,
}

/// Where something waits to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// Whether a dial came about.
    Dial(NodeId, ConnectionId),
    /// What arrives at one end of a connection.
    To(NodeId, ConnectionId),
    /// A proof of work.
    Solve(NodeId),
    /// A name's addresses.
    Resolve(NodeId, ResolveId),
}

impl Channel {
    const fn node(self) -> NodeId {
        match self {
            Self::Dial(node, _) | Self::To(node, _) | Self::Solve(node) | Self::Resolve(node, _) => node,
        }
    }
}

#[derive(Clone, Debug)]
enum What {
    DialDone(Result<(), DialError>),
    Open(SocketAddr),
    Bytes(Vec<u8>),
    Fin,
    Reset,
    Solved(ConnectionId, u64),
    Resolved(Vec<SocketAddr>),
}

#[derive(Clone)]
struct Pending {
    at: Instant,
    sequence: u64,
    what: What,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
struct End {
    other: (NodeId, ConnectionId),
    is_open: bool,
    /// One of its nodes died, or they were parted: nothing comes through any more.
    is_severed: bool,
}

#[derive(Clone, Default)]
pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) nodes: Vec<Node>,
    /// Each frame travels by itself; else what is sent in one go does so together.
    pub(super) is_split: bool,
    ends: BTreeMap<(NodeId, ConnectionId), End>,
    pending: BTreeMap<Channel, VecDeque<Pending>>,
    sequence: u64,
}

/// The settings of most tests: quick proofs, small tables.
pub(super) fn settings(address: &str) -> Settings {
    let mut settings = Settings::new(64, 4, Addresses::of(address.parse().unwrap()));
    settings.pow = crate::pow::Target::ZeroBits(4);
    settings.seen_max = 1_000;
    settings
}

/// Its seed is the node's number and a number of the test's choice.
pub(super) fn seed(node: NodeId, n: u8) -> [u8; 32] {
    let mut seed = [n; 32];
    seed[0] = u8::try_from(node).unwrap();
    seed
}

/// The address of the `n`th node.
pub(super) fn address(n: usize) -> SocketAddr {
    format!("10.0.0.{}:6001", n + 1).parse().unwrap()
}

impl Net {
    /// Adds a node of ours; it starts with the next event.
    pub(super) fn core(&mut self, settings: Settings, seed: [u8; 32]) -> NodeId {
        let listens = settings.p2p_address;
        let state = GossipState::new(settings, seed, self.now).expect("settings of a test go together");
        self.add(Actor::Core(Box::new(state)), listens)
    }

    pub(super) fn add(&mut self, actor: Actor, listens: Addresses) -> NodeId {
        self.nodes.push(Node {
            actor,
            listens,
            aliases: Vec::new(),
            notes: Vec::new(),
            group: 0,
            solving_takes: Duration::from_millis(100),
            names: BTreeMap::new(),
            dialed: 0,
            dialed_to_stay: 0,
        });
        self.nodes.len() - 1
    }

    /// A network of ours: the first is everybody's bootstrapper.
    pub(super) fn of(n: usize, seed_number: u8, change: impl Fn(usize, &mut Settings)) -> Self {
        let mut net = Self::default();
        for number in 0..n {
            let mut its = settings(&address(number).to_string());
            if number > 0 {
                its.bootstrapper = vec![Endpoint::Address(address(0))];
            }
            change(number, &mut its);
            net.core(its, seed(number, seed_number));
        }
        net
    }

    pub(super) fn state(&self, node: NodeId) -> &GossipState {
        match &self.nodes[node].actor {
            Actor::Core(state) => state,
            _ => panic!("node {node} is none of ours"),
        }
    }

    pub(super) fn old(&self, node: NodeId) -> &OldPeer {
        match &self.nodes[node].actor {
            Actor::Old(old) => old,
            _ => panic!("node {node} is no old peer"),
        }
    }

    pub(super) fn hand(&mut self, node: NodeId) -> &mut Hand {
        match &mut self.nodes[node].actor {
            Actor::Hand(hand) => hand,
            _ => panic!("node {node} is not scripted"),
        }
    }

    /// The addresses in a node's view.
    pub(super) fn view(&self, node: NodeId) -> Vec<SocketAddr> {
        let mut view: Vec<_> = self.state(node).membership.view.iter().map(|neighbour| neighbour.address).collect();
        view.sort_unstable();
        view
    }

    /// The other end of a connection.
    pub(super) fn other_end(&self, node: NodeId, id: ConnectionId) -> (NodeId, ConnectionId) {
        self.ends[&(node, id)].other
    }

    /// Is this end of a connection open still?
    pub(super) fn is_open(&self, node: NodeId, id: ConnectionId) -> bool {
        self.ends.get(&(node, id)).is_some_and(|end| end.is_open)
    }

    // ---- what happens to nodes ----

    /// The process ends without a word; its host closes its connections.
    pub(super) fn kill(&mut self, node: NodeId) {
        self.nodes[node].actor = Actor::Gone;
        for (id, end) in self.ends_of(node) {
            self.ends.get_mut(&(node, id)).unwrap().is_open = false;
            if end.is_open {
                self.send(end.other, What::Fin);
            }
        }
        self.pending.retain(|channel, _| channel.node() != node);
    }

    /// The host falls silent: no packet leaves it any more.
    pub(super) fn kill_silently(&mut self, node: NodeId) {
        self.nodes[node].actor = Actor::Silent;
        for (id, end) in self.ends_of(node) {
            self.ends.get_mut(&(node, id)).unwrap().is_open = false;
            self.sever((node, id), end.other);
        }
        self.pending.retain(|channel, _| channel.node() != node);
    }

    /// Somebody else, or the same settings with another seed, starts at the node's address.
    pub(super) fn restart(&mut self, node: NodeId, settings: Settings, seed: [u8; 32]) {
        let state = GossipState::new(settings, seed, self.now).unwrap();
        self.nodes[node].actor = Actor::Core(Box::new(state));
        // Connection ids are never used twice by one state; here a new one begins to count anew.
        let ids: Vec<_> = self.ends_of(node).into_iter().map(|(id, _)| id).collect();
        for id in ids {
            let end = self.ends.remove(&(node, id)).unwrap();
            if let Some(other) = self.ends.get_mut(&end.other) {
                other.is_severed = true;
            }
        }
        self.nodes[node].notes.clear();
    }

    /// Puts nodes into a group: what they had with those of others is cut without a word.
    pub(super) fn regroup(&mut self, nodes: std::ops::Range<NodeId>, group: u8) {
        nodes.clone().for_each(|node| self.nodes[node].group = group);
        for node in nodes {
            for (id, end) in self.ends_of(node) {
                if self.nodes[end.other.0].group != group {
                    self.sever((node, id), end.other);
                }
            }
        }
    }

    fn ends_of(&self, node: NodeId) -> Vec<(ConnectionId, End)> {
        let from = (node, ConnectionId::from_u64(0));
        let to = (node, ConnectionId::from_u64(u64::MAX));
        self.ends.range(from..=to).map(|(&(_, id), end)| (id, *end)).collect()
    }

    fn sever(&mut self, one: (NodeId, ConnectionId), other: (NodeId, ConnectionId)) {
        for end in [one, other] {
            if let Some(known) = self.ends.get_mut(&end) {
                known.is_severed = true;
            }
            self.pending.remove(&Channel::To(end.0, end.1));
        }
    }

    // ---- time ----

    /// Lets a span of time pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now.after(span);
        while self.step(end) {}
        self.now = end;
    }

    /// The next thing due until then happens; no if there is none.
    fn step(&mut self, end: Instant) -> bool {
        let of_channels = self.choices().into_iter().map(|channel| {
            let head = &self.pending[&channel][0];
            (head.at.max(self.now), head.sequence, Some(channel), 0)
        });
        let of_nodes = (0..self.nodes.len())
            .filter_map(|node| Some((self.deadline(node)?.max(self.now), u64::MAX, None, node)))
            .collect::<Vec<_>>();
        let Some((at, _, channel, node)) = of_channels.chain(of_nodes).min() else { return false };
        if at > end {
            return false;
        }
        self.now = at;
        match channel {
            Some(channel) => self.deliver(channel),
            None => self.event(node, &Event::Timer),
        }
        true
    }

    fn deadline(&self, node: NodeId) -> Option<Instant> {
        match &self.nodes[node].actor {
            Actor::Core(state) => state.deadline(),
            Actor::Old(old) => old.deadline(),
            Actor::Hand(_) | Actor::Gone | Actor::Silent => None,
        }
    }

    // ---- deliveries ----

    /// The channels of which each could deliver next.
    pub(super) fn choices(&self) -> Vec<Channel> {
        let can_deliver = |channel: &Channel| match *channel {
            Channel::Solve(_) | Channel::Resolve(..) => true,
            Channel::Dial(node, _) => !self.is_blind(node),
            Channel::To(node, id) => !self.is_blind(node) && !self.pending.contains_key(&Channel::Dial(node, id)),
        };
        self.pending.keys().filter(|channel| can_deliver(channel)).copied().collect()
    }

    /// An old peer that solves sees nothing else (section 10).
    fn is_blind(&self, node: NodeId) -> bool {
        matches!(&self.nodes[node].actor, Actor::Old(old) if old.is_solving())
    }

    /// The head of a channel arrives.
    pub(super) fn deliver(&mut self, channel: Channel) {
        let queue = self.pending.get_mut(&channel).expect("a channel with something in it");
        let Pending { what, .. } = queue.pop_front().unwrap();
        if queue.is_empty() {
            self.pending.remove(&channel);
        }
        let node = channel.node();
        match (channel, what) {
            (Channel::Dial(_, connection), What::DialDone(Ok(()))) => {
                self.event(node, &Event::DialSucceeded { connection });
            }
            (Channel::Dial(_, connection), What::DialDone(Err(error))) => {
                self.event(node, &Event::DialFailed { connection, error });
            }
            (Channel::To(_, connection), what) => self.arrive(node, connection, what),
            (Channel::Solve(_), What::Solved(connection, challenge)) => {
                self.event(node, &Event::Solved { connection, challenge });
            }
            (Channel::Resolve(_, query), What::Resolved(addresses)) => {
                self.event(node, &Event::Resolved { query, addresses: &addresses });
            }
            (channel, what) => panic!("{what:?} in {channel:?}"),
        }
    }

    fn arrive(&mut self, node: NodeId, connection: ConnectionId, what: What) {
        if matches!(self.nodes[node].actor, Actor::Gone) && !matches!(what, What::Reset) {
            if let Some(end) = self.ends.get(&(node, connection)).copied() {
                self.send(end.other, What::Reset);
            }
            return;
        }
        let Some(end) = self.ends.get_mut(&(node, connection)).filter(|end| end.is_open) else { return };
        match what {
            What::Open(remote) => self.event(node, &Event::Accepted { connection, listener: Listener::P2p, remote }),
            What::Bytes(bytes) => self.event(node, &Event::Received { connection, bytes: &bytes }),
            What::Fin => self.event(node, &Event::ReadClosed { connection }),
            What::Reset => {
                end.is_open = false;
                self.event(node, &Event::Closed { connection });
            }
            what => panic!("{what:?} on a connection"),
        }
    }

    /// Something happens at a node, and it acts.
    pub(super) fn event(&mut self, node: NodeId, event: &Event<'_>) {
        let mut actions = Actions::new();
        let now = self.now;
        match &mut self.nodes[node].actor {
            Actor::Core(state) => state.handle(now, event.clone(), &mut actions),
            Actor::Old(old) => old.handle(event, &mut actions),
            Actor::Hand(hand) => hand.handle(event),
            Actor::Gone | Actor::Silent => {}
        }
        self.act(node, actions);
    }

    /// Carries out what a node wants done.
    pub(super) fn act(&mut self, node: NodeId, actions: Actions) {
        let mut bursts: BTreeMap<ConnectionId, Vec<u8>> = BTreeMap::new();
        for action in actions {
            match action {
                Action::Send { connection, frame } if self.is_split => {
                    self.flush(node, connection, Some(frame.to_vec()));
                }
                Action::Send { connection, frame } => {
                    bursts.entry(connection).or_default().extend(frame.to_vec());
                }
                Action::Close { connection, flush } => {
                    self.flush(node, connection, bursts.remove(&connection));
                    self.close(node, connection, flush);
                }
                Action::Dial { connection, to, from } => self.dial(node, connection, to, from),
                Action::Solve { connection, puzzle, start } => {
                    let challenge = puzzle.search(start, 1 << 24).expect("few bits");
                    let takes = self.nodes[node].solving_takes;
                    self.push(Channel::Solve(node), takes, What::Solved(connection, challenge));
                }
                Action::CancelSolve { .. } => {
                    self.pending.remove(&Channel::Solve(node));
                }
                Action::Resolve { query, host, port } => {
                    let ips = self.nodes[node].names.get(&host).cloned().unwrap_or_default();
                    let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                    self.push(Channel::Resolve(node, query), LATENCY, What::Resolved(addresses));
                }
                Action::Note(note) => self.nodes[node].notes.push((self.now, note)),
                Action::StopReading { .. } | Action::ResumeReading { .. } => panic!("only modules are slowed"),
            }
        }
        let written: Vec<_> = bursts.iter().map(|(id, bytes)| (*id, bytes.len() as u64)).collect();
        bursts.into_iter().for_each(|(id, bytes)| self.flush(node, id, Some(bytes)));
        for (connection, bytes) in written {
            if self.is_open(node, connection) {
                self.event(node, &Event::Written { connection, bytes });
            }
        }
    }

    fn flush(&mut self, node: NodeId, id: ConnectionId, bytes: Option<Vec<u8>>) {
        if let (Some(bytes), Some(end)) = (bytes, self.ends.get(&(node, id)).copied()) {
            assert!(end.is_open, "node {node} sends on {id}, which it closed");
            self.send(end.other, What::Bytes(bytes));
        }
    }

    fn close(&mut self, node: NodeId, id: ConnectionId, flush: Flush) {
        // Not connected yet: what the other end may have accepted meanwhile ends there too.
        self.pending.remove(&Channel::Dial(node, id));
        if let Some(end) = self.ends.get_mut(&(node, id)).filter(|end| end.is_open) {
            end.is_open = false;
            let other = end.other;
            self.send(other, if flush == Flush::First { What::Fin } else { What::Reset });
        }
    }

    fn dial(&mut self, node: NodeId, id: ConnectionId, to: SocketAddr, from: Option<IpAddr>) {
        let dialed = self.nodes[node].dialed;
        self.nodes[node].dialed += 1;
        let is_look_up = match &self.nodes[node].actor {
            Actor::Core(state) => state.peers.get(&id).is_some_and(|peer| peer.purpose == Purpose::LookUp),
            _ => false,
        };
        self.nodes[node].dialed_to_stay += u64::from(!is_look_up);
        let listens = |other: &NodeId| {
            let Node { listens, aliases, .. } = &self.nodes[*other];
            listens.iter().chain(aliases.iter().copied()).any(|address| address == to)
        };
        let Some(other) = (0..self.nodes.len()).find(listens) else {
            self.push(Channel::Dial(node, id), LATENCY.times(2), What::DialDone(Err(DialError::Refused)));
            return;
        };
        let is_parted = self.nodes[node].group != self.nodes[other].group;
        match self.nodes[other].actor {
            Actor::Silent => return,
            _ if is_parted => return,
            Actor::Gone => {
                self.push(Channel::Dial(node, id), LATENCY.times(2), What::DialDone(Err(DialError::Refused)));
                return;
            }
            Actor::Core(_) | Actor::Old(_) | Actor::Hand(_) => {}
        }
        let ip = from.or_else(|| self.nodes[node].listens.same_family_as(&to).map(|own| own.ip())).unwrap();
        let remote = SocketAddr::new(ip, 40_000 + u16::try_from(dialed % 20_000).unwrap());
        let theirs = ConnectionId::accepted(node as u64 * 1_000_000 + dialed);
        self.ends.insert((node, id), End { other: (other, theirs), is_open: true, is_severed: false });
        self.ends.insert((other, theirs), End { other: (node, id), is_open: true, is_severed: false });
        self.push(Channel::To(other, theirs), LATENCY, What::Open(remote));
        self.push(Channel::Dial(node, id), LATENCY.times(2), What::DialDone(Ok(())));
    }

    fn send(&mut self, to: (NodeId, ConnectionId), what: What) {
        let Some(end) = self.ends.get(&to).copied() else {
            // The process that had it is gone, its successor does not know it.
            let senders: Vec<_> = self.ends.iter().filter(|(_, end)| end.other == to).map(|(key, _)| *key).collect();
            let is_heard = !matches!(self.nodes[to.0].actor, Actor::Silent);
            for sender in senders.into_iter().filter(|_| is_heard && !matches!(what, What::Reset)) {
                self.push(Channel::To(sender.0, sender.1), LATENCY.times(2), What::Reset);
            }
            return;
        };
        let (one, other) = (end.other.0, to.0);
        let is_heard = self.nodes[one].group == self.nodes[other].group
            && !matches!(self.nodes[one].actor, Actor::Silent)
            && !matches!(self.nodes[other].actor, Actor::Silent);
        if !is_heard {
            self.sever(to, end.other);
        } else if end.is_severed && !matches!(what, What::Reset) {
            self.push(Channel::To(end.other.0, end.other.1), LATENCY.times(2), What::Reset);
        } else {
            self.push(Channel::To(to.0, to.1), LATENCY, what);
        }
    }

    fn push(&mut self, channel: Channel, after: Duration, what: What) {
        self.sequence += 1;
        let pending = Pending { at: self.now.after(after), sequence: self.sequence, what };
        self.pending.entry(channel).or_default().push_back(pending);
    }

    /// All that decides how things go on, but for random numbers and the time of day.
    pub(super) fn fingerprint(&self) -> u64 {
        use std::hash::Hasher;
        let mut hasher = siphasher::sip::SipHasher13::new();
        for node in &self.nodes {
            match &node.actor {
                Actor::Core(state) => hasher.write(state.fingerprint().as_bytes()),
                Actor::Old(old) => hasher.write(format!("{old:?}").as_bytes()),
                Actor::Hand(hand) => hasher.write(format!("{hand:?}").as_bytes()),
                Actor::Gone | Actor::Silent => {}
            }
        }
        hasher.write(format!("{:?}", self.ends).as_bytes());
        for (channel, queue) in &self.pending {
            let whats: Vec<_> = queue.iter().map(|pending| &pending.what).collect();
            hasher.write(format!("{channel:?}{whats:?}").as_bytes());
        }
        hasher.finish()
    }
}

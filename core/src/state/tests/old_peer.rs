//! A Gossip-5 node as section 10 describes it: speaks 500 to 511 only, and has its habits.

use crate::action::{Action, Actions, Flush};
use crate::event::{ConnectionId, Event};
use crate::pow::{Puzzle, Target};
use crate::time::Instant;
use crate::wire::{AddressList, Deframer, Frame, Next, PeerMessage};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct OldPeer {
    pub(super) address: SocketAddr,
    /// Tried once, at the start.
    bootstrapper: Option<SocketAddr>,
    target: Target,
    dialed: u64,
    opened: u64,
    nonces: u64,
    connections: BTreeMap<ConnectionId, Link>,
    /// Whom it knows, and the connection that it sends on. It forgets who closes that one.
    pub(super) view: BTreeMap<SocketAddr, ConnectionId>,
    solving: Option<(ConnectionId, u64)>,
    /// Closes a connection on which a frame comes that it does not know, or that has the wrong length; else drops it.
    is_strict: bool,
    /// What modules here announced to it, for the tests.
    pub(super) heard: Vec<(u16, Vec<u8>)>,
}

#[derive(Clone, Debug, Default)]
struct Link {
    /// In what order connections were opened: the older is the one that it uses.
    order: u64,
    peer: Option<SocketAddr>,
    is_connected: bool,
    challenged: Option<u64>,
    deframer: Deframer,
}

impl OldPeer {
    pub(super) fn new(address: SocketAddr, bootstrapper: Option<SocketAddr>, target: Target) -> Self {
        Self {
            address,
            bootstrapper,
            target,
            dialed: 0,
            opened: 0,
            nonces: 0,
            connections: BTreeMap::new(),
            view: BTreeMap::new(),
            solving: None,
            is_strict: false,
            heard: Vec::new(),
        }
    }

    /// The same, but a bad or unknown frame ends its connection.
    pub(super) fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// How many connections it has had, whoever dialed.
    pub(super) const fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        if self.bootstrapper.is_some() { Some(Instant::ZERO) } else { None }
    }

    pub(super) const fn is_solving(&self) -> bool {
        self.solving.is_some()
    }

    /// Its open connections.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// It closes the connection that it uses with a peer: so it evicts.
    pub(super) fn evict(&mut self, peer: SocketAddr, out: &mut Actions) {
        if let Some(connection) = self.view.remove(&peer) {
            self.connections.remove(&connection);
            out.push(Action::Close { connection, flush: Flush::First });
        }
    }

    pub(super) fn handle(&mut self, event: &Event<'_>, out: &mut Actions) {
        match *event {
            Event::Timer => {
                if let Some(bootstrapper) = self.bootstrapper.take() {
                    self.dial(bootstrapper, out);
                }
            }
            Event::Accepted { connection, .. } => {
                self.open(connection, None);
                send(connection, &PeerMessage::PeerRequest, out);
            }
            Event::DialSucceeded { connection } => self.connected(connection, out),
            Event::Received { connection, bytes } => self.received(connection, bytes, out),
            Event::DialFailed { connection, .. } | Event::Closed { connection } => self.gone(connection),
            Event::ReadClosed { connection } => {
                self.gone(connection);
                out.push(Action::Close { connection, flush: Flush::Discard });
            }
            Event::Solved { connection, challenge } => {
                if let Some((_, nonce)) = self.solving.take().filter(|(solved, _)| *solved == connection) {
                    let address = self.address;
                    send(connection, &PeerMessage::VerificationResponse { nonce, challenge, address }, out);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, id: ConnectionId, peer: Option<SocketAddr>) {
        self.opened += 1;
        let link = Link { order: self.opened, peer, is_connected: !id.is_dialed(), ..Link::default() };
        self.connections.insert(id, link);
    }

    fn dial(&mut self, to: SocketAddr, out: &mut Actions) {
        let connection = ConnectionId::dialed(self.dialed);
        self.dialed += 1;
        self.open(connection, Some(to));
        out.push(Action::Dial { connection, to, from: None });
    }

    /// Sends before anybody asked, and HELLO once for each reason that it has.
    fn connected(&mut self, id: ConnectionId, out: &mut Actions) {
        let Some(link) = self.connections.get_mut(&id) else { return };
        link.is_connected = true;
        send(id, &PeerMessage::PeerRequest, out);
        send(id, &PeerMessage::Push { ttl: 3, address: self.address }, out);
        send(id, &PeerMessage::PeerNotification { ttl: 3, id: 9, data_type: 9, data: b"early" }, out);
        send(id, &PeerMessage::Hello { address: self.address }, out);
        send(id, &PeerMessage::Hello { address: self.address }, out);
    }

    fn gone(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.view.retain(|_, used| *used != id);
    }

    fn received(&mut self, id: ConnectionId, bytes: &[u8], out: &mut Actions) {
        let Some(link) = self.connections.get_mut(&id) else { return };
        let mut deframer = std::mem::take(&mut link.deframer);
        let mut input = bytes;
        while let Next::Frame { kind, body } = deframer.next(&mut input, |_, _| true) {
            if let (500..=511, Ok(message)) = (kind, PeerMessage::decode(kind, body)) {
                self.hears(id, message, out);
            } else if self.is_strict {
                self.gone(id);
                out.push(Action::Close { connection: id, flush: Flush::First });
                return;
            }
        }
        if let Some(link) = self.connections.get_mut(&id) {
            link.deframer = deframer;
        }
    }

    fn hears(&mut self, id: ConnectionId, message: PeerMessage<'_>, out: &mut Actions) {
        let Some(link) = self.connections.get_mut(&id) else { return };
        let peer = link.peer;
        let is_known = peer.is_some_and(|peer| self.view.contains_key(&peer));
        match message {
            PeerMessage::PeerRequest if is_known => self.respond(id, out),
            PeerMessage::Hello { .. } => {
                self.nonces += 1;
                link.challenged = Some(self.nonces);
                send(id, &PeerMessage::VerificationRequest { nonce: self.nonces }, out);
            }
            // One after the other; a question that comes meanwhile is lost on it.
            PeerMessage::VerificationRequest { nonce } if (id.is_dialed() || is_known) && self.solving.is_none() => {
                self.solving = Some((id, nonce));
                let puzzle = Puzzle { nonce, target: self.target };
                out.push(Action::Solve { connection: id, puzzle, start: 0 });
            }
            PeerMessage::VerificationResponse { nonce, challenge, address } => {
                let is_right =
                    link.challenged.take() == Some(nonce) && Puzzle { nonce, target: self.target }.accepts(challenge);
                if is_right {
                    link.peer = Some(address);
                    self.let_in(address, out);
                } else {
                    self.gone(id);
                    out.push(Action::Close { connection: id, flush: Flush::First });
                }
            }
            PeerMessage::PeerResponse(_) => {
                if let Some(peer) = peer.filter(|_| id.is_dialed()) {
                    let used = self.used(peer).unwrap_or(id);
                    self.view.insert(peer, used);
                }
            }
            PeerMessage::Push { ttl, address } if is_known && address != self.address => {
                let is_dialed = self.connections.values().any(|link| link.peer == Some(address));
                if !self.view.contains_key(&address) && !is_dialed {
                    self.dial(address, out);
                }
                if let Some(ttl) = ttl.checked_sub(1) {
                    let everybody: Vec<_> = self.view.values().copied().collect();
                    everybody.into_iter().for_each(|one| send(one, &PeerMessage::Push { ttl, address }, out));
                }
            }
            PeerMessage::PeerNotification { data_type, data, .. } => self.heard.push((data_type, data.to_vec())),
            _ => {}
        }
    }

    /// Of two connections with a peer it uses the one that it dialed, or the older.
    fn used(&self, peer: SocketAddr) -> Option<ConnectionId> {
        let with_peer = self.connections.iter().filter(|(_, link)| link.is_connected && link.peer == Some(peer));
        with_peer.min_by_key(|(id, link)| (!id.is_dialed(), link.order)).map(|(id, _)| *id)
    }

    /// A good 507: the view, 505 on the older connection, PUSH to everybody, and a 504 after everything.
    fn let_in(&mut self, peer: SocketAddr, out: &mut Actions) {
        let Some(used) = self.used(peer) else { return };
        self.view.insert(peer, used);
        let older = self.connections.iter().filter(|(_, link)| link.is_connected && link.peer == Some(peer));
        if let Some(older) = older.min_by_key(|(_, link)| link.order).map(|(id, _)| *id) {
            self.respond(older, out);
        }
        let everybody: Vec<_> = self.view.values().copied().collect();
        for one in everybody {
            send(one, &PeerMessage::Push { ttl: 5, address: peer }, out);
        }
        send(used, &PeerMessage::PeerRequest, out);
        send(used, &PeerMessage::Ping, out);
    }

    /// Lists itself and the asker too, and an address that it never reached.
    fn respond(&self, id: ConnectionId, out: &mut Actions) {
        let mut list: Vec<SocketAddr> = self.view.keys().copied().collect();
        list.push(self.address);
        list.push("10.9.9.9:6001".parse().unwrap());
        out.push(Action::Send { connection: id, frame: AddressList::frame_of(&list, false) });
    }
}

fn send(connection: ConnectionId, message: &PeerMessage<'_>, out: &mut Actions) {
    let frame: Frame = message.frame();
    out.push(Action::Send { connection, frame });
}

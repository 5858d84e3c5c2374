//! Adversaries in the network: what happens to their connections, and what they want done.

use super::{SECOND, World};
use crate::adversary::{Crew, Deed, Gang, Whose, whose};
use crate::network::{Arrival, EndId, Owner};
use crate::rng::{Rng, Stream};
use crate::scenario::{Scenario, Who};
use crate::wake::Wake;
use gossip_core::{ConnectionId, Flush};
use std::net::SocketAddr;

/// An attacker's name in the network: which gang, which of its hosts.
fn name_of(gang: u16, host: u32) -> Owner {
    Owner::Attacker(u32::from(gang) << 16 | host)
}

fn gang_of(owner: u32) -> (u16, u32) {
    (u16::try_from(owner >> 16).unwrap_or(0), owner & 0xffff)
}

/// The link that a crew calls so.
fn link_of(connection: ConnectionId) -> u32 {
    u32::try_from(connection.as_u64() & u64::from(u32::MAX)).unwrap_or(0)
}

/// The gangs of a scenario.
pub(super) fn gangs(scenario: &Scenario, seed: u64) -> Vec<Gang> {
    let mut rng = Rng::new(seed, Stream::Attack);
    let bits = scenario.settings.pow.bits();
    let bits = (scenario.real_pow_bits.min(bits), bits);
    let gang = |(number, plan): (u16, &crate::scenario::Adversary)| {
        let mut targets: Vec<u32> = (0..scenario.peers).collect();
        let count = match &plan.targets {
            Who::Share(ppm) => targets.len() * (*ppm as usize) / 1_000_000,
            Who::Count(count) => *count as usize,
            Who::Peers(peers) => {
                targets.retain(|peer| peers.contains(peer));
                targets.len()
            }
        };
        rng.shuffle_front(&mut targets, count);
        targets.truncate(count);
        let own = Rng::new(seed ^ u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), Stream::Attack);
        Gang::new(Crew::new(plan.clone(), number, targets, bits, own))
    };
    (0..).zip(&scenario.adversaries).map(gang).collect()
}

impl World {
    /// Whose address it is, if no peer's.
    pub(super) fn stranger_at(&self, address: SocketAddr) -> Option<Owner> {
        if self.gangs.is_empty() {
            return None;
        }
        whose(address, self.gangs.iter().map(|gang| &gang.crew)).map(|whose| match whose {
            Whose::Attacker(gang, host) => name_of(gang, host),
            Whose::Victim => Owner::Victim,
            Whose::Nobody => Owner::Nobody,
        })
    }

    /// An attacker's listening IP, with some port.
    pub(super) fn attackers_remote(&self, owner: u32, end: EndId) -> SocketAddr {
        let (gang, host) = gang_of(owner);
        let port = 32_768 + u16::try_from(end.index() % 28_000).unwrap_or(0);
        SocketAddr::new(self.gangs[usize::from(gang)].crew.ip(host), port)
    }

    /// Does this attacker take connections?
    pub(super) fn attacker_listens(&self, owner: u32) -> bool {
        self.gangs[usize::from(gang_of(owner).0)].crew.listens()
    }

    /// It is time for an adversary to act.
    pub(super) fn attack(&mut self, gang: u16) {
        let next = self.gangs[usize::from(gang)].wake(self.now);
        self.do_deeds(gang);
        if let Some(at) = next {
            self.queue.push(at.max(self.now + 1), Wake::Attack(gang));
        }
    }

    /// An adversary has a proof of work.
    pub(super) fn paid(&mut self, gang: u16, link: u32) {
        self.gangs[usize::from(gang)].proved(self.now, link);
        self.do_deeds(gang);
    }

    /// An attacker's dial was answered.
    pub(super) fn attacker_dialed(&mut self, owner: u32, connection: ConnectionId, stands: bool) {
        let (gang, _) = gang_of(owner);
        let link = link_of(connection);
        if stands {
            self.gangs[usize::from(gang)].connected(self.now, link);
        } else {
            self.gangs[usize::from(gang)].crew.lost(self.now, link);
        }
        self.do_deeds(gang);
    }

    pub(super) fn arrive_at_attacker(&mut self, owner: u32, connection: ConnectionId, end: EndId, arrival: Arrival) {
        let (number, host) = gang_of(owner);
        let gang = &mut self.gangs[usize::from(number)];
        let link = link_of(connection);
        match arrival {
            Arrival::Opened => {
                let Owner::Peer(peer) = self.network.holder(end.other()).0 else { return };
                let link = gang.crew.accepted(self.now, host, peer, end);
                self.network.name(end, ConnectionId::accepted(link.into()));
            }
            Arrival::Bytes => gang.received(self.now, link, self.network.bytes()),
            Arrival::Fin => {
                gang.crew.lost(self.now, link);
                self.network.close(self.now, end, Flush::First, &mut self.queue);
            }
            Arrival::Reset => gang.crew.lost(self.now, link),
        }
        self.do_deeds(number);
    }

    /// A victim takes every connection, says nothing, and is gone when the other end is.
    pub(super) fn arrive_at_victim(&mut self, end: EndId, arrival: Arrival) {
        if arrival == Arrival::Fin {
            self.network.close(self.now, end, Flush::First, &mut self.queue);
        }
    }

    fn do_deeds(&mut self, gang: u16) {
        let mut deeds = std::mem::take(&mut self.gangs[usize::from(gang)].crew.deeds);
        // Links that are closed are forgotten by their crew before this is carried out.
        for deed in deeds.drain(..) {
            self.do_deed(gang, deed);
        }
        self.gangs[usize::from(gang)].crew.deeds = deeds;
    }

    fn do_deed(&mut self, number: u16, deed: Deed) {
        match deed {
            Deed::Dial { link, host, peer } => {
                self.stats.attacks += 1;
                let (from, to) = (name_of(number, host), Owner::Peer(peer));
                let name = ConnectionId::dialed(link.into());
                let end = self.network.dial(self.now, from, name, to, &mut self.queue);
                self.checks.new_link(self.now, end);
                self.gangs[usize::from(number)].crew.begun(link, end);
            }
            Deed::Send(end, frame) => {
                if self.network.is_open(end) && !self.is_overfed(end) {
                    self.network.send(self.now, end, frame, &mut self.queue);
                }
            }
            Deed::Raw(end, bytes) => {
                if self.network.is_open(end) && !self.is_overfed(end) {
                    self.network.send_raw(self.now, end, &bytes, &mut self.queue);
                }
            }
            Deed::Close(end, flush) => self.network.close(self.now, end, flush, &mut self.queue),
            Deed::StopReading(end) => self.network.set_reading(self.now, end, false, &mut self.queue),
            Deed::Work(link, takes) => self.queue.push(self.now + takes.min(86_400 * SECOND), Wake::Paid(number, link)),
            Deed::Forged(message) => self.checks.ledger.forge(message),
        }
    }

    /// Nobody keeps more for a peer than its socket takes.
    fn is_overfed(&self, end: EndId) -> bool {
        self.network.is_backed_up(end)
    }
}

//! The view: established neighbours only (PROTOCOL.md, section 4).

use crate::dissemination::NeighbourId;
use crate::event::ConnectionId;
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

/// One neighbour, over one connection or two.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) id: NeighbourId,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// None for a peer without extensions.
    pub(crate) instance: Option<u64>,
    /// The first is the one that we send on. Never empty.
    pub(crate) connections: Vec<ConnectionId>,
    /// Did we dial it?
    pub(crate) chosen: bool,
    /// Where its connection stands in the state's table of peers, to be found at once.
    pub(crate) near: u32,
    /// Its address was reached: it may be passed on as long as it is a neighbour.
    pub(crate) is_reached: bool,
    pub(crate) since: Instant,
    /// The pause before its next redial, should it be lost before it has settled.
    pub(crate) redial_pause: Duration,
}

impl Neighbour {
    /// The connection that we send on.
    pub(crate) fn sends_on(&self) -> Option<ConnectionId> {
        self.connections.first().copied()
    }

    /// Adds a connection. With a capable peer the newer is sent on (section 3); with an old one the one that we dialed,
    /// which it reads while it may have forgotten the other (section 10).
    pub(crate) fn attach(&mut self, connection: ConnectionId) {
        let first = self.instance.is_some() || connection.is_dialed();
        let at = if first { 0 } else { self.connections.len() };
        self.connections.insert(at, connection);
        self.chosen |= connection.is_dialed();
    }
}

/// Neighbours in the order of their ids, which is random and stable.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    neighbours: Vec<Neighbour>,
    /// The ids of `neighbours`, in the same order.
    ids: Vec<NeighbourId>,
    chosen: usize,
}

impl View {
    pub(crate) fn len(&self) -> usize {
        self.neighbours.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }

    /// How many we dialed.
    pub(crate) const fn chosen(&self) -> usize {
        self.chosen
    }

    /// How many dialed us.
    pub(crate) fn inbound(&self) -> usize {
        self.len().saturating_sub(self.chosen)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.iter()
    }

    /// Everybody's id.
    pub(crate) fn ids(&self) -> &[NeighbourId] {
        &self.ids
    }

    /// See [`GossipState::touch`](crate::GossipState::touch).
    pub(crate) fn touch(&self) -> u64 {
        self.ids.first().map_or(0, |id| id.0) ^ self.ids.last().map_or(0, |id| id.0)
    }

    fn position(&self, id: NeighbourId) -> Result<usize, usize> {
        self.ids.binary_search(&id)
    }

    pub(crate) fn get(&self, id: NeighbourId) -> Option<&Neighbour> {
        self.neighbours.get(self.position(id).ok()?)
    }

    /// The same for who asks for several in their order: `next` is where the one after the last was, to begin with 0.
    pub(crate) fn get_next(&mut self, next: &mut usize, id: NeighbourId) -> Option<&mut Neighbour> {
        if self.ids.get(*next) != Some(&id) {
            *next = self.position(id).ok()?;
        }
        let at = *next;
        *next = at.saturating_add(1);
        self.neighbours.get_mut(at)
    }

    /// Changes a neighbour; what it counts as is seen to afterwards.
    pub(crate) fn change(&mut self, id: NeighbourId, change: impl FnOnce(&mut Neighbour)) {
        if let Ok(at) = self.position(id)
            && let Some(neighbour) = self.neighbours.get_mut(at)
        {
            change(neighbour);
            self.recount();
        }
    }

    /// This address was reached.
    pub(crate) fn mark_reached(&mut self, address: &SocketAddr) {
        let those = self.neighbours.iter_mut().filter(|neighbour| neighbour.address == *address);
        those.for_each(|neighbour| neighbour.is_reached = true);
    }

    pub(crate) fn by_address(&self, address: &SocketAddr) -> Option<&Neighbour> {
        self.iter().find(|neighbour| neighbour.address == *address)
    }

    pub(crate) fn by_instance(&self, instance: u64) -> Option<&Neighbour> {
        self.iter().find(|neighbour| neighbour.instance == Some(instance))
    }

    /// Adds a neighbour; one with the same id is replaced.
    pub(crate) fn insert(&mut self, neighbour: Neighbour) {
        match self.position(neighbour.id) {
            Ok(at) => {
                if let Some(place) = self.neighbours.get_mut(at) {
                    *place = neighbour;
                }
            }
            Err(at) => {
                // Not to the double: there are very many views, and each grows but a few times.
                self.ids.reserve_exact(1);
                self.neighbours.reserve_exact(1);
                self.ids.insert(at, neighbour.id);
                self.neighbours.insert(at, neighbour);
            }
        }
        self.recount();
    }

    pub(crate) fn remove(&mut self, id: NeighbourId) -> Option<Neighbour> {
        let at = self.position(id).ok()?;
        self.ids.remove(at);
        let removed = self.neighbours.remove(at);
        self.recount();
        Some(removed)
    }

    fn recount(&mut self) {
        self.chosen = self.iter().filter(|neighbour| neighbour.chosen).count();
    }

    /// A random one for whom the test holds.
    pub(crate) fn random(&self, rng: &mut Rng, test: impl Fn(&Neighbour) -> bool) -> Option<&Neighbour> {
        let mut fitting: Vec<&Neighbour> = self.iter().filter(|neighbour| test(neighbour)).collect();
        rng.choose(&mut fitting, 1);
        fitting.pop()
    }

    /// Could anybody make room for a newcomer?
    pub(crate) fn has_displaceable(&self, now: Instant, grace: Duration) -> bool {
        !self.all_displaceable(now, grace).is_empty()
    }

    /// Who makes room for a newcomer: a random one of the inbound neighbours that are at least `grace` old, but for
    /// the longer-connected half of all that are inbound (section 4).
    pub(crate) fn displaceable(&self, now: Instant, grace: Duration, rng: &mut Rng) -> Option<NeighbourId> {
        let mut those = self.all_displaceable(now, grace);
        rng.choose(&mut those, 1);
        those.pop().map(|(_, id)| id)
    }

    /// The half is that of all: of those old enough alone, a crowd of newcomers would leave half again and again, until
    /// nobody is left.
    fn all_displaceable(&self, now: Instant, grace: Duration) -> Vec<(Instant, NeighbourId)> {
        let those = self.iter().filter(|neighbour| !neighbour.chosen || planted!(EvictsChosen));
        let mut inbound: Vec<(Instant, NeighbourId)> = those.map(|neighbour| (neighbour.since, neighbour.id)).collect();
        inbound.sort_unstable();
        let mut newer = inbound.split_off(inbound.len() / 2);
        newer.retain(|(since, _)| now.since(*since) >= grace);
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use std::collections::BTreeSet;

    fn neighbour(n: u64, chosen: bool, since: u64) -> Neighbour {
        Neighbour {
            id: NeighbourId(n),
            address: format!("10.0.0.{n}:6001").parse().unwrap(),
            instance: Some(n),
            connections: vec![if chosen { ConnectionId::dialed(n) } else { ConnectionId::accepted(n) }],
            chosen,
            near: 0,
            is_reached: chosen,
            since: Instant::ZERO.after(Duration::from_secs(since)),
            redial_pause: Duration::from_secs(1),
        }
    }

    #[test]
    fn chosen_and_inbound_are_counted_through_every_change() {
        let mut view = View::default();
        (1..=5).for_each(|n| view.insert(neighbour(n, n <= 2, 0)));
        assert_eq!((view.len(), view.chosen(), view.inbound()), (5, 2, 3));
        view.change(NeighbourId(4), |neighbour| neighbour.attach(ConnectionId::dialed(40)));
        assert_eq!((view.chosen(), view.inbound()), (3, 2));
        view.remove(NeighbourId(1));
        view.remove(NeighbourId(99));
        assert_eq!((view.len(), view.chosen()), (4, 2));
    }

    #[test]
    fn the_longer_connected_half_and_the_chosen_and_the_young_are_never_displaced() {
        let mut view = View::default();
        // 1..=4 inbound, at 0, 10, 20, 30 s; 5 inbound but young; 6 chosen.
        (1..=4).for_each(|n| view.insert(neighbour(n, false, (n - 1) * 10)));
        view.insert(neighbour(5, false, 95));
        view.insert(neighbour(6, true, 0));
        let now = Instant::ZERO.after(Duration::from_secs(100));
        let mut rng = Rng::new([1; 32], Stream::Membership);
        let grace = Duration::from_secs(30);
        let met: BTreeSet<u64> =
            (0..200).filter_map(|_| view.displaceable(now, grace, &mut rng)).map(|id| id.0).collect();
        assert_eq!(met, BTreeSet::from([3, 4]));
        let any_age: BTreeSet<u64> =
            (0..200).filter_map(|_| view.displaceable(now, Duration::ZERO, &mut rng)).map(|id| id.0).collect();
        assert_eq!(any_age, BTreeSet::from([3, 4, 5]));
    }

    #[test]
    fn however_many_newcomers_come_the_longer_connected_half_stays() {
        let mut view = View::default();
        (1..=8).for_each(|n| view.insert(neighbour(n, false, n)));
        let mut rng = Rng::new([1; 32], Stream::Membership);
        let grace = Duration::from_secs(30);
        for newcomer in 100..200 {
            let now = Instant::ZERO.after(Duration::from_secs(newcomer));
            if let Some(displaced) = view.displaceable(now, grace, &mut rng) {
                assert!(view.has_displaceable(now, grace));
                view.remove(displaced);
                view.insert(neighbour(newcomer, false, newcomer));
            }
        }
        assert!((1..=4).all(|n| view.get(NeighbourId(n)).is_some()));
        assert!((5..=8).all(|n| view.get(NeighbourId(n)).is_none()), "the others do make room");
    }

    #[test]
    fn sends_on_the_newer_with_a_capable_peer_and_on_the_dialed_with_an_old_one() {
        let (dialed, accepted) = (ConnectionId::dialed(7), ConnectionId::accepted(8));
        let mut capable = neighbour(1, true, 0);
        capable.connections = vec![dialed];
        capable.attach(accepted);
        assert_eq!(capable.sends_on(), Some(accepted));
        let mut old = neighbour(2, true, 0);
        old.instance = None;
        old.connections = vec![dialed];
        old.attach(accepted);
        assert_eq!(old.sends_on(), Some(dialed));
        let mut old = neighbour(3, false, 0);
        old.instance = None;
        old.connections = vec![accepted];
        old.attach(dialed);
        assert_eq!(old.sends_on(), Some(dialed));
        assert!(old.chosen);
    }
}

//! Whom to call: carries out what membership decides (PROTOCOL.md, section 4).

use super::{GossipState, bump};
use crate::action::{Action, Actions};
use crate::address::{canonical, holder, is_usable, scope};
use crate::connection::handshake::Prover;
use crate::connection::peer::{Origin, Peer, Purpose};
use crate::event::{ConnectionId, ResolveId};
use crate::limits::PROBES_MAX;
use crate::membership::bootstrap::Resolved;
use crate::membership::{Next, OWN_KNOWLEDGE, UnderWay};
use crate::note::{EndReason, Note};
use crate::settings::Endpoint;
use crate::timers::Timer;
use crate::wire::PeerMessage;
use std::net::{IpAddr, SocketAddr};

/// What a name is being looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    bootstrapper: usize,
    purpose: Purpose,
}

impl GossipState {
    /// Dials whoever is to be dialed now, and sets the timers for what comes later.
    pub(super) fn look_for_neighbours(&mut self, out: &mut Actions) {
        if self.is_shutting_down {
            return;
        }
        loop {
            match self.next_dial() {
                Next::Dial(address, origin) => self.dial(address, Purpose::Neighbour, Some(origin), out),
                Next::Resolve(bootstrapper) => self.resolve(bootstrapper, Purpose::Neighbour, out),
                Next::Wait(at) => {
                    self.timers.set(Timer::Dial, at);
                    break;
                }
            }
        }
        self.timers.set(Timer::Ask, self.membership.next_ask(&self.settings));
        self.probe(out);
        let is_alone = self.membership.view.is_empty() && self.membership.bootstrappers.is_empty();
        if is_alone && !std::mem::replace(&mut self.is_alone_noted, true) {
            out.push(Action::Note(Note::Alone));
        }
    }

    fn next_dial(&mut self) -> Next {
        let is_dial = |(id, peer): &(ConnectionId, &Peer)| id.is_dialed() && peer.is_joining();
        let dials: Vec<&Peer> = self.peers().filter(is_dial).map(|(_, peer)| peer).collect();
        let waits_for_506 = |peer: &&&Peer| matches!(peer.steps().prover, Prover::Idle | Prover::HelloSent { .. });
        let busy: Vec<SocketAddr> = self
            .peers
            .values()
            .filter(|peer| peer.purpose != Purpose::Probe)
            .filter_map(|peer| peer.address())
            .collect();
        let dialing: Vec<IpAddr> = dials.iter().map(|peer| holder(peer.remote().ip())).collect();
        let (faults, now) = (&self.faults, self.now);
        let is_to_bootstrapper = |peer: &&Peer| matches!(peer.origin, Some(Origin::Bootstrapper(_)));
        let under_way = UnderWay {
            dials: dials.len(),
            unanswered: dials.iter().filter(waits_for_506).count(),
            dialing: &dialing,
            bootstrapping: dials.iter().any(is_to_bootstrapper),
            busy: &busy,
            banned_until: &|address| faults.refuses_address_until(now, address),
        };
        self.membership.next_dial(now, &self.settings, &under_way)
    }

    /// Opens a connection. Bound to the IP that we listen on, so that the other end sees it as ours (section 3).
    fn dial(&mut self, to: SocketAddr, purpose: Purpose, origin: Option<Origin>, out: &mut Actions) {
        let connection = ConnectionId::dialed(self.dialed);
        self.dialed = self.dialed.saturating_add(1);
        bump(&mut self.metrics.dials);
        let listens_on = self.membership.addresses.listens.same_family_as(&to).map(|own| own.ip());
        let from = listens_on.filter(|ip| !ip.is_unspecified() && can_reach(*ip, to.ip()));
        self.peers.insert(connection, Box::new(Peer::dialed(to, purpose, origin, self.now)));
        out.push(Action::Dial { connection, to, from });
        self.arm(connection);
    }

    fn resolve(&mut self, bootstrapper: usize, purpose: Purpose, out: &mut Actions) {
        let Some(Endpoint::Name { host, port }) = self.membership.bootstrappers.endpoint(bootstrapper) else { return };
        let query = self.asked;
        self.asked = self.asked.saturating_add(1);
        out.push(Action::Resolve { query: ResolveId(query), host: host.clone(), port: *port });
        self.queries.insert(query, Query { bootstrapper, purpose });
    }

    pub(super) fn resolved(&mut self, query: ResolveId, addresses: &[SocketAddr], out: &mut Actions) {
        let Some(Query { bootstrapper, purpose }) = self.queries.remove(&query.0) else { return };
        let addresses: Vec<SocketAddr> = addresses.iter().copied().map(canonical).collect();
        let is_ours = |address: &SocketAddr| self.membership.is_own(address);
        let can_be_dialed = |address: &&SocketAddr| {
            is_usable(address) && !is_ours(address) && self.membership.addresses.told_to(address).is_some()
        };
        let usable: Vec<SocketAddr> = addresses.iter().filter(can_be_dialed).copied().collect();
        let is_ourselves = !addresses.is_empty() && addresses.iter().all(is_ours);
        match self.membership.bootstrappers.resolved(bootstrapper, &usable) {
            Resolved::To(_) if self.is_shutting_down => {}
            Resolved::To(address) if purpose == Purpose::Neighbour => {
                if self.membership.view.by_address(&address).is_none() && !self.is_busy(&address) {
                    self.dial(address, purpose, Some(Origin::Bootstrapper(bootstrapper)), out);
                }
            }
            Resolved::To(address) => self.look_up_at(address, out),
            Resolved::Nowhere { .. } if is_ourselves => self.membership.bootstrappers.strike_index(bootstrapper),
            Resolved::Nowhere { lament } => {
                self.membership.bootstrapper_failed(self.now, bootstrapper);
                if lament && let Some(endpoint) = self.membership.bootstrappers.endpoint(bootstrapper) {
                    out.push(Action::Note(Note::NameUnresolved { endpoint: endpoint.clone() }));
                }
            }
        }
        self.is_view_changed = true;
    }

    fn is_busy(&self, address: &SocketAddr) -> bool {
        self.peers.values().any(|peer| peer.purpose != Purpose::Probe && peer.address() == Some(*address))
    }

    /// Checks with a bare connect that neighbours who dialed us can be reached (section 4).
    fn probe(&mut self, out: &mut Actions) {
        let mut under_way = self.peers().filter(|(_, peer)| peer.purpose == Purpose::Probe).count();
        while under_way < PROBES_MAX
            && let Some(address) = self.membership.next_probe(self.now)
        {
            bump(&mut self.metrics.probes);
            self.dial(address, Purpose::Probe, None, out);
            under_way = under_way.saturating_add(1);
        }
    }

    /// PEER REQUEST to a random neighbour (section 4).
    pub(super) fn ask_a_neighbour(&mut self, out: &mut Actions) {
        self.membership.asking(self.now);
        if let Some(id) = self.membership.random_neighbour(|_| true).and_then(|neighbour| neighbour.sends_on()) {
            self.ask(id, out);
        }
        self.is_view_changed = true;
    }

    fn ask(&mut self, id: ConnectionId, out: &mut Actions) {
        self.expect_addresses(id, false);
        self.send(id, PeerMessage::PeerRequest.frame(), out);
    }

    /// A PEER RESPONSE on this connection is no surprise from now on: in the IPv4 form, and from a capable peer in the
    /// other one too. `of_anyone`: whether it is capable is not known yet.
    pub(super) fn expect_addresses(&mut self, id: ConnectionId, of_anyone: bool) {
        if let Some(peer) = self.peers.get_mut(&id) {
            let expects_v6 = peer.is_capable() || of_anyone;
            let steps = peer.steps_mut();
            (steps.expects_v4, steps.expects_v6) = (true, expects_v6);
        }
    }

    /// One bootstrapper, now and then, while the view is satisfied: another network may have formed behind it.
    pub(super) fn look_up(&mut self, out: &mut Actions) {
        let at = self.membership.next_look_up(self.now);
        self.timers.set(Timer::LookUp, Some(at));
        if !self.settings.discovery || self.membership.view.is_empty() {
            return;
        }
        match self.membership.bootstrappers.next_look_up(self.membership.is_satisfied(&self.settings)) {
            Some((_, Some(address))) => self.look_up_at(address, out),
            Some((bootstrapper, None)) => self.resolve(bootstrapper, Purpose::LookUp, out),
            None => {}
        }
    }

    /// A neighbour is asked, a stranger is called for it; but if more neighbours are wanted, it may as well be one.
    fn look_up_at(&mut self, address: SocketAddr, out: &mut Actions) {
        let neighbour = self.membership.view.by_address(&address);
        let is_refused = self.faults.refuses_address_until(self.now, address).is_some();
        let is_foreign = self.membership.addresses.told_to(&address).is_none() || self.membership.is_own(&address);
        match neighbour.map(|neighbour| (neighbour.sends_on(), neighbour.instance.is_some())) {
            Some((Some(id), _)) => {
                bump(&mut self.metrics.look_ups);
                self.ask(id, out);
            }
            None if !self.membership.is_satisfied(&self.settings) => {
                self.membership.consider(self.now, &mut self.metrics, OWN_KNOWLEDGE, address);
                self.is_view_changed = true;
            }
            None if !is_refused && !is_foreign && !self.is_busy(&address) => {
                bump(&mut self.metrics.look_ups);
                self.dial(address, Purpose::LookUp, None, out);
            }
            Some((None, _)) | None => {}
        }
    }

    /// A look-up's connection is gone: what was answered is learned. One that stood and said nothing is to an old peer,
    /// most likely; one that did not come about, or was closed for too many questions, says nothing for ever.
    pub(super) fn look_up_ended(&mut self, peer: &Peer, reason: EndReason) {
        let Some(answer) = &peer.steps().answer else {
            if peer.is_connected && reason == EndReason::TooSlow {
                self.membership.bootstrappers.answers_look_ups(&peer.remote(), false);
            }
            return;
        };
        let (now, of) = (self.now, scope(peer.remote().ip()));
        self.membership.bootstrappers.answers_look_ups(&peer.remote(), true);
        self.membership.meet_strangers(of, Some(peer.remote()), answer.iter().copied());
        let (settings, metrics) = (&self.settings, &mut self.metrics);
        self.membership.learn(now, settings, metrics, OWN_KNOWLEDGE, of, answer.iter().copied());
    }
}

/// Can a socket bound to this local IP reach that one at all? A loopback IP reaches loopback only, and loopback needs
/// one.
fn can_reach(from: IpAddr, to: IpAddr) -> bool {
    from.is_loopback() == to.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::peer::Extended;
    use crate::dissemination::NeighbourId;
    use crate::membership::connections::Connections;
    use crate::membership::faults::Offender;
    use crate::membership::view::Neighbour;
    use crate::settings::{Addresses, Settings};
    use crate::time::{Duration, Instant};

    #[test]
    fn loopback_reaches_loopback_only_and_is_reached_from_there_only() {
        let [loopback, loopback_v6, other] = ["127.0.0.1", "::1", "10.0.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        assert!(can_reach(loopback, loopback) && can_reach(loopback, loopback_v6) && can_reach(other, other));
        assert!(!can_reach(loopback, other) && !can_reach(other, loopback));
    }

    /// A node with one neighbour, and with that all that it wants.
    fn satisfied() -> GossipState {
        let mut settings = Settings::new(50, 4, Addresses::of("10.0.0.1:6001".parse().unwrap()));
        (settings.target_peers, settings.min_peers) = (1, 1);
        settings.bootstrapper = vec![Endpoint::Name { host: "boot".to_owned(), port: 6001 }];
        let mut state = GossipState::new(settings, [7; 32], Instant::ZERO).unwrap();
        state.membership.view.insert(Neighbour {
            id: NeighbourId(1),
            address: address(2),
            instance: Some(2),
            connections: Connections::of(ConnectionId::dialed(50)),
            chosen: true,
            near: 0,
            is_reached: true,
            since: Instant::ZERO,
            redial_pause: Duration::ZERO,
        });
        state
    }

    fn address(n: u8) -> SocketAddr {
        ([10, 0, 0, n], 6001).into()
    }

    fn dials(out: &Actions) -> Vec<SocketAddr> {
        out.iter().filter_map(|action| if let Action::Dial { to, .. } = action { Some(*to) } else { None }).collect()
    }

    fn under_way(state: &mut GossipState, to: SocketAddr, purpose: Purpose) {
        state.peers.insert(ConnectionId::dialed(60), Box::new(Peer::dialed(to, purpose, None, Instant::ZERO)));
    }

    #[test]
    fn a_stranger_is_called_for_a_look_up_unless_it_is_refused_foreign_ourselves_or_called_already() {
        let looked_up = |whom: SocketAddr, prepare: &dyn Fn(&mut GossipState)| {
            let (mut state, mut out) = (satisfied(), Vec::new());
            prepare(&mut state);
            state.look_up_at(whom, &mut out);
            (dials(&out), state.metrics.look_ups, state.membership.candidates())
        };
        let called = (vec![address(9)], 1, 0);
        let nobody = (vec![], 0, 0);
        assert_eq!(looked_up(address(9), &|_| ()), called);
        assert_eq!(looked_up(address(9), &|state| under_way(state, address(9), Purpose::LookUp)), nobody);
        assert_eq!(looked_up(address(9), &|state| under_way(state, address(8), Purpose::LookUp)), called);
        assert_eq!(looked_up(address(9), &|state| under_way(state, address(9), Purpose::Probe)), called);
        let ban = |state: &mut GossipState| {
            state.faults.ban(Instant::ZERO, Offender::Ip(address(9).ip()), Duration::from_secs(60));
        };
        assert_eq!(looked_up(address(9), &ban), nobody);
        assert_eq!(looked_up(address(1), &|_| ()), nobody, "ourselves");
        assert_eq!(looked_up("[fc00::9]:6001".parse().unwrap(), &|_| ()), nobody, "of a family without us");
        assert_eq!(looked_up(address(2), &|_| ()), (vec![], 1, 0), "a neighbour is asked as it is");
        let alone = |state: &mut GossipState| _ = state.membership.view.remove(NeighbourId(1));
        assert_eq!(looked_up(address(9), &alone), (vec![], 0, 1), "it may as well be a neighbour");
    }

    #[test]
    fn where_a_name_leads_is_called_for_what_it_was_asked_for() {
        for (purpose, expected) in [(Purpose::LookUp, vec![]), (Purpose::Neighbour, vec![address(9)])] {
            let (mut state, mut out) = (satisfied(), Vec::new());
            state.membership.view.remove(NeighbourId(1));
            state.queries.insert(9, Query { bootstrapper: 0, purpose });
            state.resolved(ResolveId(9), &[address(9)], &mut out);
            assert_eq!(dials(&out), expected, "{purpose:?}");
            state.resolved(ResolveId(9), &[address(9)], &mut out);
            assert_eq!(dials(&out), expected, "an answer counts once");
        }
    }

    #[test]
    fn nobody_is_looked_up_without_discovery_or_with_an_empty_view() {
        let asked = |prepare: &dyn Fn(&mut GossipState)| {
            let (mut state, mut out) = (satisfied(), Vec::new());
            prepare(&mut state);
            state.look_up(&mut out);
            out.iter().filter(|action| matches!(action, Action::Resolve { .. })).count()
        };
        assert_eq!(asked(&|_| ()), 1);
        assert_eq!(asked(&|state| std::sync::Arc::make_mut(&mut state.settings).discovery = false), 0);
        assert_eq!(asked(&|state| _ = state.membership.view.remove(NeighbourId(1))), 0);
    }

    #[test]
    fn only_a_silence_on_a_connection_that_stood_says_that_look_ups_are_not_answered() {
        for (is_connected, reason, answers) in [
            (true, EndReason::TooSlow, false),
            (true, EndReason::Gone, true),
            (false, EndReason::TooSlow, true),
            (false, EndReason::Gone, true),
        ] {
            let mut state = satisfied();
            state.membership.bootstrappers.resolved(0, &[address(9)]);
            let mut peer = Peer::dialed(address(9), Purpose::LookUp, None, Instant::ZERO);
            peer.is_connected = is_connected;
            state.look_up_ended(&peer, reason);
            let next = state.membership.bootstrappers.next_look_up(true);
            assert_eq!(next.is_some(), answers, "connected {is_connected}, {reason:?}");
        }
    }

    #[test]
    fn four_bare_connects_are_under_way_at_once() {
        let (mut state, mut out) = (satisfied(), Vec::new());
        let settings = state.settings.clone();
        (20..30).for_each(|n| state.membership.wants_reached(Instant::ZERO, &settings, address(n)));
        state.probe(&mut out);
        assert_eq!(dials(&out).len(), PROBES_MAX);
        state.probe(&mut out);
        assert_eq!(dials(&out).len(), PROBES_MAX);
    }

    #[test]
    fn addresses_of_the_other_family_are_expected_of_who_can_say_them_or_may_be_able_to() {
        for (is_capable, of_anyone, expects_v6) in [(false, false, false), (true, false, true), (false, true, true)] {
            let mut state = satisfied();
            under_way(&mut state, address(9), Purpose::Neighbour);
            let id = ConnectionId::dialed(60);
            let extended = Extended { instance: 9, is_urgent: false, repairs: false, trees: false };
            state.peers.get_mut(&id).unwrap().extended = is_capable.then_some(extended);
            state.expect_addresses(id, of_anyone);
            let steps = state.peers.get(&id).unwrap().steps().clone();
            assert_eq!((steps.expects_v4, steps.expects_v6), (true, expects_v6), "capable {is_capable}, {of_anyone}");
        }
    }
}

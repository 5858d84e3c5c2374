//! Section 4: what becomes of the answer to the question where a bootstrapper's name leads.

use super::net::{address, seed, settings};
use crate::action::Action;
use crate::connection::peer::{Origin, Peer, Purpose};
use crate::event::{ConnectionId, Event};
use crate::settings::Endpoint;
use crate::state::GossipState;
use crate::time::Instant;
use std::net::SocketAddr;

/// What a node wants done about the answer to the question where its bootstrapper, a name, is; `prepare` comes between.
fn dials_after_answer(answer: &str, prepare: impl Fn(&mut GossipState)) -> Vec<SocketAddr> {
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Name { host: "boot".into(), port: 6001 }];
    let mut state = GossipState::new(its, seed(0, 1), Instant::ZERO).unwrap();
    let mut out = Vec::new();
    state.handle(Instant::ZERO, Event::Timer, &mut out);
    let query =
        out.iter().find_map(|action| if let Action::Resolve { query, .. } = action { Some(*query) } else { None });
    prepare(&mut state);
    out.clear();
    let addresses: Vec<SocketAddr> = answer.split_whitespace().map(|text| text.parse().unwrap()).collect();
    state.handle(Instant::ZERO, Event::Resolved { query: query.unwrap(), addresses: &addresses }, &mut out);
    out.iter().filter_map(|action| if let Action::Dial { to, .. } = action { Some(*to) } else { None }).collect()
}

#[test]
fn where_a_name_leads_is_dialed_unless_it_cannot_be_or_is_already_or_the_node_ends() {
    assert_eq!(dials_after_answer("10.0.0.2:6001", |_| ()), [address(1)]);
    assert_eq!(
        dials_after_answer("0.0.0.0:6001 10.0.0.2:0 [fc00::1]:6001 10.0.0.1:6001 10.0.0.2:6001", |_| ()),
        [address(1)]
    );
    assert_eq!(dials_after_answer("10.0.0.1:6001", |_| ()), []);
    assert_eq!(dials_after_answer("", |_| ()), []);
    let shut_down = |state: &mut GossipState| state.handle(Instant::ZERO, Event::Shutdown, &mut Vec::new());
    assert_eq!(dials_after_answer("10.0.0.2:6001", shut_down), []);
    let dialing = |state: &mut GossipState| {
        let peer = Peer::dialed(address(1), Purpose::Neighbour, Some(Origin::Known), Instant::ZERO);
        state.peers.insert(ConnectionId::dialed(77), Box::new(peer));
    };
    assert_eq!(dials_after_answer("10.0.0.2:6001", dialing), [], "it is under way");
    let probing = |state: &mut GossipState| {
        let peer = Peer::dialed(address(1), Purpose::Probe, None, Instant::ZERO);
        state.peers.insert(ConnectionId::dialed(77), Box::new(peer));
    };
    assert_eq!(dials_after_answer("10.0.0.2:6001", probing), [address(1)], "a bare connect is no dial");
}

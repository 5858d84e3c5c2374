//! Two nodes that dial each other at the same moment (section 3, Two connections with one peer): every order in which
//! what both do can arrive is walked, and each ends well.

use super::net::{Actor, Channel, Net, NodeId, address, seed, settings};
use super::old_peer::OldPeer;
use crate::event::{ConnectionId, Event};
use crate::pow::Target;
use crate::settings::{Addresses, Endpoint};
use crate::time::Duration;
use std::collections::BTreeMap;

/// What a walk has met.
#[derive(Default)]
struct Walk {
    /// Distinct states, and in how many orders each goes on to its ends.
    met: BTreeMap<u64, u128>,
    ends: usize,
}

impl Walk {
    /// Delivers what is on its way in every order, depth first; a state met before is not walked again. `check` judges
    /// the state in which nothing is on its way any more; `path` is what led there. Returns the number of orders.
    fn walk(&mut self, net: &Net, path: &mut Vec<Channel>, check: &impl Fn(Net, &[Channel])) -> u128 {
        let fingerprint = net.fingerprint();
        if let Some(orders) = self.met.get(&fingerprint) {
            return *orders;
        }
        let choices = net.choices();
        let mut orders = 0;
        for &channel in &choices {
            let mut next = net.clone();
            next.deliver(channel);
            path.push(channel);
            orders += self.walk(&next, path, check);
            path.pop();
        }
        if choices.is_empty() {
            self.ends += 1;
            check(net.clone(), path);
            orders = 1;
        }
        self.met.insert(fingerprint, orders);
        orders
    }

    fn report(&self, what: &str, orders: u128) {
        println!("{what}: {orders} orders over {} distinct states with {} ends", self.met.len(), self.ends);
    }
}

/// Two nodes of ours that have each other as bootstrapper, both dials under way.
fn two_capable(seed_number: u8, is_split: bool) -> Net {
    let mut net = Net::default();
    net.is_split = is_split;
    for number in 0..2 {
        let mut its = settings(&address(number).to_string());
        its.bootstrapper = vec![Endpoint::Address(address(1 - number))];
        net.core(its, seed(number, seed_number));
    }
    net.event(0, &Event::Timer);
    net.event(1, &Event::Timer);
    net
}

fn connections(net: &Net, node: NodeId) -> Vec<ConnectionId> {
    net.state(node).peers.keys().copied().collect()
}

fn assert_one_connection(net: &Net, path: &[Channel]) {
    for node in 0..2 {
        let status = net.state(node).status(net.now);
        assert_eq!(status.neighbours.len(), 1, "node {node} after {path:?}");
        assert_eq!(status.neighbours[0].connections, 1, "node {node} after {path:?}");
        assert_eq!(connections(net, node).len(), 1, "node {node} after {path:?}");
    }
    let (of_0, of_1) = (connections(net, 0)[0], connections(net, 1)[0]);
    assert_eq!(net.other_end(0, of_0), (1, of_1), "both keep the same after {path:?}");
}

#[test]
fn two_nodes_that_dial_each_other_at_the_same_moment_end_with_one_connection_in_every_interleaving() {
    for is_split in [false, true] {
        let mut met_smaller = [false; 2];
        for seed_number in 0..4 {
            let net = two_capable(seed_number, is_split);
            let smaller = usize::from(net.state(1).instance < net.state(0).instance);
            if !std::mem::replace(&mut met_smaller[smaller], true) {
                let orders = walk_two_capable(&net, &format!("node {smaller} is smaller, frames split: {is_split}"));
                assert!(orders > 100_000, "only {orders} orders");
            }
        }
        assert_eq!(met_smaller, [true; 2], "either of them has had the smaller instance");
    }
}

fn walk_two_capable(net: &Net, what: &str) -> u128 {
    let dials = |net: &Net| net.state(0).metrics.dials + net.state(1).metrics.dials;
    let mut walk = Walk::default();
    let orders = walk.walk(net, &mut Vec::new(), &|mut net, path| {
        assert_one_connection(&net, path);
        let (kept, dialed) = (connections(&net, 0), dials(&net));
        net.run(Duration::from_secs(600));
        assert_one_connection(&net, path);
        assert_eq!(connections(&net, 0), kept, "it stays so after {path:?}");
        assert_eq!(dials(&net), dialed, "nobody dials after {path:?}");
    });
    walk.report(what, orders);
    orders
}

#[test]
fn a_node_and_an_old_peer_that_dial_each_other_are_one_neighbour_in_every_interleaving() {
    for is_split in [false, true] {
        let mut net = Net::default();
        net.is_split = is_split;
        let mut ours = settings(&address(0).to_string());
        ours.bootstrapper = vec![Endpoint::Address(address(1))];
        net.core(ours, seed(0, 1));
        let old = OldPeer::new(address(1), Some(address(0)), Target::ZeroBits(4));
        net.add(Actor::Old(old), Addresses::of(address(1)));
        net.event(0, &Event::Timer);
        net.event(1, &Event::Timer);
        let mut walk = Walk::default();
        let orders = walk.walk(&net, &mut Vec::new(), &|mut net, path| {
            assert_two_as_one(&net, path);
            net.run(Duration::from_secs(600));
            assert_two_as_one(&net, path);
        });
        walk.report(&format!("with an old peer, frames split: {is_split}"), orders);
        assert!(orders > 100_000, "only {orders} orders");
    }
}

/// Ours and the old peer have each other in their views, over two connections.
fn assert_two_as_one(net: &Net, path: &[Channel]) {
    let neighbours = net.state(0).status(net.now).neighbours;
    assert_eq!(neighbours.len(), 1, "after {path:?}");
    assert_eq!((neighbours[0].address, neighbours[0].connections), (address(1), 2), "after {path:?}");
    assert_eq!(net.old(1).view.len(), 1, "it has us in its view after {path:?}");
    assert!(net.old(1).view.contains_key(&address(0)), "it has us in its view after {path:?}");
    assert_eq!(net.old(1).connections().len(), 2, "both stay open after {path:?}");
    assert_eq!(net.state(0).metrics.faults, 0, "its habits cost nothing, after {path:?}");
}

//! Section 9: what a running node takes over.

use super::net::{Net, address, seed, settings};
use crate::action::Action;
use crate::event::Event;
use crate::settings::{Endpoint, Settings};
use crate::time::Duration;
use crate::wire::{PeerMessage, kind};

fn told(net: &mut Net, change: impl Fn(&mut Settings)) -> Settings {
    let mut its = net.state(0).settings().clone();
    change(&mut its);
    net.event(0, &Event::SettingsChanged { settings: &its });
    net.run(Duration::from_millis(10));
    net.state(0).settings().clone()
}

#[test]
fn a_running_node_takes_limits_over_at_once() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.hello_timeout = Duration::from_secs(60);
    net.core(its, seed(0, 1));
    let refused = |net: &mut Net, newcomers: std::ops::Range<usize>| {
        let before = net.state(0).metrics.newcomers_over_rate;
        let calls = newcomers.map(|n| (net.scripted(n), n)).collect::<Vec<_>>();
        let calls = calls.into_iter().map(|(node, n)| (node, net.call(node, address(0)), n)).collect::<Vec<_>>();
        for (node, connection, n) in calls {
            let frame = PeerMessage::Hello { address: address(n) }.frame();
            net.act(node, vec![Action::Send { connection, frame }]);
        }
        net.run(Duration::from_millis(10));
        net.state(0).metrics.newcomers_over_rate - before
    };
    assert_eq!(refused(&mut net, 1..12), 0);
    told(&mut net, |its| its.handshakes_per_minute = 60);
    assert_eq!(refused(&mut net, 20..30), 4, "a burst is a tenth of a minute's");
    told(&mut net, |its| its.handshakes_per_minute = 6_000);
    assert_eq!(refused(&mut net, 30..40), 0);
}

#[test]
fn a_node_that_is_told_to_have_more_neighbours_looks_for_them() {
    let mut net = Net::default();
    let mut its = settings(&address(0).to_string());
    its.bootstrapper = vec![Endpoint::Address(address(1))];
    (its.max_peers, its.target_peers, its.min_peers) = (8, 1, 1);
    net.core(its, seed(0, 1));
    for n in 1..16 {
        let mut its = settings(&address(n).to_string());
        (its.max_peers, its.target_peers, its.min_peers) = (6, 1, 1);
        its.bootstrapper = (n > 1).then_some(Endpoint::Address(address(1))).into_iter().collect();
        net.core(its, seed(n, 1));
    }
    net.run(Duration::from_secs(60));
    let before = net.state(0).status(net.now).neighbours.iter().filter(|neighbour| neighbour.chosen).count();
    told(&mut net, |its| its.target_peers = 4);
    net.run(Duration::from_secs(60));
    let after = net.state(0).status(net.now).neighbours.iter().filter(|neighbour| neighbour.chosen).count();
    assert!(after > before, "{before} chosen before, {after} after");
}

#[test]
fn what_was_told_or_sized_stays_and_what_does_not_go_together_changes_nothing() {
    let mut net = Net::default();
    net.core(settings(&address(0).to_string()), seed(0, 1));
    let before = net.state(0).settings().clone();
    let after = told(&mut net, |its| {
        (its.cache_size, its.max_peers) = (its.cache_size + 1, its.max_peers + 1);
        (its.target_peers, its.min_peers) = (its.target_peers + 1, its.min_peers + 1);
        (its.validation_timeout, its.suppression_time) = (Duration::from_secs(1), Duration::from_secs(2));
        its.p2p_address = crate::settings::Addresses::of(address(9));
        its.advertised_address = crate::settings::Addresses::of(address(9));
        its.bootstrapper = vec![Endpoint::Address(address(9))];
        its.discovery = !its.discovery;
        its.pow = crate::pow::Target::ZeroBits(1);
        its.spreading = crate::settings::Spreading::Tree;
        its.degree += 1;
    });
    assert_eq!(after, Settings { degree: before.degree + 1, ..before });
    let refused = told(&mut net, |its| (its.target_peers, its.degree) = (its.max_peers + 1, 1));
    assert_eq!(refused, after);
}

#[test]
fn a_neighbour_that_is_silent_for_longer_than_it_may_be_from_now_on_is_asked_before_it_is_closed() {
    let mut net = Net::default();
    net.core(settings(&address(0).to_string()), seed(0, 1));
    let peer = net.scripted(1);
    let id = net.join(peer, address(0), Some(1_001));
    net.run(Duration::from_secs(12));
    let heard = net.hand(peer).kinds(id).len();
    told(&mut net, |its| {
        (its.ping_interval, its.peer_timeout) = (Duration::from_secs(3), Duration::from_secs(10));
    });
    net.run(Duration::from_secs(1));
    let new = net.hand(peer).kinds(id).split_off(heard);
    assert_eq!((new, net.hand(peer).is_ended(id)), (vec![kind::PING], false));
    net.run(Duration::from_secs(10));
    assert!(net.hand(peer).is_ended(id));
}

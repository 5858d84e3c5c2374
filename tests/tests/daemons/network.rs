//! Networks form, stay, and find back (PROTOCOL.md, sections 3 and 4).

use gossip_tests::{Bed, Daemon, Ini, QUIET, Work};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Any type that these tests' modules agree on.
const TYPE: u16 = 1_337;

/// Some node, and three that call it.
fn four(bed: &Bed, ini: &Ini) -> Vec<Daemon> {
    let mut nodes = vec![bed.start("bootstrapper", ini)];
    let joins = ini.clone().calling(&[nodes[0].peers()]);
    nodes.extend(["peer1", "peer2", "peer3"].map(|name| bed.start(name, &joins)));
    nodes
}

fn all_know_each_other(nodes: &[Daemon]) {
    for node in nodes {
        let others: Vec<SocketAddr> = nodes.iter().map(Daemon::peers).filter(|other| *other != node.peers()).collect();
        node.knows(&others);
    }
}

/// An announcement at each reaches the subscribers at all the others, and its own, exactly once.
fn knowledge_spreads_from_each_to_all(nodes: &[Daemon], round: &str) {
    let mut modules: Vec<_> = nodes.iter().map(|node| node.subscriber(&[TYPE])).collect();
    for (n, node) in nodes.iter().enumerate() {
        let said = format!("{round}, from {}", node.name());
        modules[n].announce(0, TYPE, &said);
        for (m, module) in modules.iter_mut().enumerate() {
            let id = module.expect(&said);
            if m != n {
                module.validate(id, true);
            }
        }
    }
    // Copies come from every neighbour within moments; each node has had all of them by now or soon.
    modules.iter_mut().for_each(|module| module.expect_nothing());
}

#[test]
fn ready_made_files_form_one_network_with_real_work_within_15_s_and_stay_one() {
    let bed = Bed::alone();
    // 15 s are promised. A machine busy with other things gets what three proofs take it now, with room for bad luck.
    let limit = Duration::from_secs(15).max(Work::average_time() * 6);
    let local = |file: &str| {
        let ini = Ini::ready_made(file);
        assert!(!ini.to_string().contains("pow_bits"), "the real work is the default");
        let local = "127.0.0.1:0";
        ini.with("p2p_address", local).with("api_address", local).with("status_address", local)
    };
    let mut nodes = vec![bed.start("bootstrapper", &local("bootstrapper.ini"))];
    for name in ["peer1", "peer2", "peer3"] {
        nodes.push(bed.start(name, &local(&format!("{name}.ini")).calling(&[nodes[0].peers()])));
    }
    let started = Instant::now();
    nodes[0].has_neighbours_within(limit, 3);
    println!("one network {:.1?} after the last start ({limit:.1?} allowed), 24 bits of work", started.elapsed());
    knowledge_spreads_from_each_to_all(&nodes, "at once");
    all_know_each_other(&nodes);
    println!("everyone knows everyone {:.1?} after the last start", started.elapsed());
    knowledge_spreads_from_each_to_all(&nodes, "later");
    for node in &nodes {
        assert!(node.stays_silent(0, Duration::ZERO, |line| line.contains(" left: ")), "{} lost somebody", node.name());
    }
}

#[test]
fn a_killed_peer_that_restarts_on_its_address_is_back_without_help() {
    let bed = Bed::new();
    let mut nodes = four(&bed, &Ini::new());
    all_know_each_other(&nodes);
    let restarted = bed.restart(nodes.pop().unwrap());
    nodes.push(restarted);
    nodes[3].has_neighbours(3);
    all_know_each_other(&nodes);
    knowledge_spreads_from_each_to_all(&nodes, "after the restart");
}

#[test]
fn a_killed_bootstrapper_that_restarts_on_its_address_is_back_without_help() {
    let bed = Bed::new();
    let mut nodes = four(&bed, &Ini::new());
    all_know_each_other(&nodes);
    // It calls nobody: the others must find it.
    let restarted = bed.restart(nodes.remove(0));
    nodes.insert(0, restarted);
    all_know_each_other(&nodes);
    knowledge_spreads_from_each_to_all(&nodes, "after the restart");
}

#[test]
fn a_bootstrapper_started_last_gathers_everyone() {
    let bed = Bed::new();
    let address = bed.used_address();
    let joins = Ini::new().calling(&[address]);
    let mut nodes: Vec<Daemon> = ["peer1", "peer2", "peer3"].map(|name| bed.start(name, &joins)).into();
    nodes.iter().for_each(|node| node.logs(&format!("dialing {address} led to nothing")));
    nodes.insert(0, bed.start("bootstrapper", &Ini::new().with("p2p_address", address)));
    all_know_each_other(&nodes);
    knowledge_spreads_from_each_to_all(&nodes, "gathered");
}

#[test]
fn a_network_whose_bootstrapper_dies_keeps_working() {
    let bed = Bed::new();
    let mut nodes = four(&bed, &Ini::new());
    all_know_each_other(&nodes);
    let bootstrapper = nodes.remove(0);
    let address = bootstrapper.peers();
    bootstrapper.kill();
    nodes.iter().for_each(|node| node.logs(&format!("neighbour {address} left: ")));
    all_know_each_other(&nodes);
    knowledge_spreads_from_each_to_all(&nodes, "without bootstrapper");
}

#[test]
fn a_node_that_is_its_own_bootstrapper_waits_to_be_called() {
    let bed = Bed::new();
    let own = bed.used_address();
    let first = bed.start("first", &Ini::new().with("p2p_address", own).calling(&[own]));
    let second = bed.start("second", &Ini::new().calling(&[own]));
    first.knows(&[second.peers()]);
    assert!(first.stays_silent(0, QUIET, |line| line.contains(&format!("neighbour {own} joined"))));
}

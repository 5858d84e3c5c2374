//! IPv6, both families at once, and names (PROTOCOL.md, sections 8 and 9).

use gossip_tests::{Bed, Daemon, Ini};
use std::net::TcpListener;

const TYPE: u16 = 6;

/// Says so if there is no IPv6 loopback here.
fn has_ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("SKIPPED: this machine has no IPv6 loopback, so nothing was shown about IPv6");
    }
    has
}

fn v6() -> Ini {
    Ini::new().with("p2p_address", "[::1]:0").with("api_address", "[::1]:0")
}

fn both() -> Ini {
    Ini::new().with("p2p_address", "127.0.0.1:0, [::1]:0")
}

/// From the first over all of them to the last, each of which vouches.
fn passes_along(nodes: &[&Daemon], said: &str) {
    let mut modules: Vec<_> = nodes.iter().map(|node| node.subscriber(&[TYPE])).collect();
    modules[0].announce(0, TYPE, said);
    for module in &mut modules {
        let id = module.expect(said);
        module.validate(id, true);
    }
}

#[test]
fn ipv6_nodes_form_a_network_and_spread_knowledge() {
    if !has_ipv6() {
        return;
    }
    let bed = Bed::new();
    let first = bed.start("first", &v6());
    let joins = v6().calling(&[first.peers()]);
    let (second, third) = (bed.start("second", &joins), bed.start("third", &joins));
    for node in [&first, &second, &third] {
        assert!(node.peers().is_ipv6() && node.api().is_ipv6());
        node.has_neighbours(2);
    }
    passes_along(&[&first, &second, &third], "over six");
    passes_along(&[&third, &second, &first], "and back");
}

#[test]
fn a_node_of_both_families_joins_nodes_of_one_each() {
    if !has_ipv6() {
        return;
    }
    let bed = Bed::new();
    let (four, six) = (bed.start("four", &Ini::new()), bed.start("six", &v6()));
    let mixed = bed.start("both", &both().with("discovery", "no").calling(&[four.peers(), six.peers()]));
    let [own_four, own_six] = mixed.all_peers() else { panic!("two addresses: {:?}", mixed.all_peers()) };
    mixed.knows(&[four.peers(), six.peers()]);
    four.knows(&[*own_four]);
    six.knows(&[*own_six]);
    passes_along(&[&four, &mixed, &six], "from four to six");
    passes_along(&[&six, &mixed, &four], "from six to four");
    assert_eq!((four.neighbours().len(), six.neighbours().len()), (1, 1));
}

#[test]
fn two_nodes_of_both_families_are_one_neighbour_to_each_other() {
    if !has_ipv6() {
        return;
    }
    let bed = Bed::new();
    let first = bed.start("first", &both());
    let second = bed.start("second", &both().calling(first.all_peers()));
    first.has_neighbours(1);
    second.has_neighbours(1);
    passes_along(&[&first, &second], "once");
}

#[test]
fn a_bootstrapper_may_be_a_name() {
    let bed = Bed::new();
    let first = bed.start("first", &Ini::new());
    let second = bed.start("second", &Ini::new().calling(&[format!("localhost:{}", first.peers().port())]));
    second.knows(&[first.peers()]);
    passes_along(&[&second, &first], "by name");
}

#[test]
fn a_name_that_nobody_has_does_not_keep_the_next_bootstrapper_from_being_called() {
    let bed = Bed::new();
    let first = bed.start("first", &Ini::new());
    let list = ["nobody.invalid:6001".to_owned(), first.peers().to_string()];
    let second = bed.start("second", &Ini::new().calling(&list));
    second.knows(&[first.peers()]);
}

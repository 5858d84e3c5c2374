//! How far, how often and how much (PROTOCOL.md, sections 1 and 5).

use gossip_tests::{Bed, Daemon, Ini, Listening, Module, Peer, Work, body};

const TYPE: u16 = 4_711;

/// Daemons of which each calls the one before, and nobody else.
fn line(bed: &Bed, names: &[&str]) -> Vec<Daemon> {
    let mut nodes: Vec<Daemon> = Vec::new();
    for name in names {
        let before: Vec<_> = nodes.last().map(Daemon::peers).into_iter().collect();
        nodes.push(bed.start(name, &Ini::calling_only(&before)));
        if let [.., before, node] = &nodes[..] {
            node.knows(&[before.peers()]);
            before.knows(&[node.peers()]);
        }
    }
    nodes
}

#[test]
fn ttl_1_reaches_direct_neighbours_2_theirs_and_0_everyone_exactly_once() {
    let bed = Bed::new();
    let nodes = line(&bed, &["a", "b", "c", "d"]);
    let mut modules: Vec<Module> = nodes.iter().map(|node| node.subscriber(&[TYPE])).collect();
    let mut announcer = nodes[0].module();
    // Streams keep their order: what comes after a message that reaches all shows what did not come before it.
    for (ttl, said) in [(1, "one hop"), (2, "two hops"), (3, "three hops"), (0, "everywhere"), (255, "far"), (0, "end")]
    {
        announcer.announce(ttl, TYPE, said);
        let reached = if ttl == 0 { 4 } else { nodes.len().min(usize::from(ttl) + 1) };
        for module in &mut modules[..reached] {
            let id = module.expect(said);
            module.validate(id, true);
        }
    }
    modules.iter_mut().for_each(Module::expect_nothing);
    for (node, count) in nodes.iter().zip([1, 2, 2, 1]) {
        assert_eq!(node.neighbours().len(), count, "the line stayed a line at {}", node.name());
    }
}

#[test]
fn what_no_module_here_subscribes_to_is_not_passed_on() {
    let bed = Bed::new();
    let nodes = line(&bed, &["a", "b", "c"]);
    let mut near = nodes[1].subscriber(&[TYPE]);
    let mut far = nodes[2].subscriber(&[TYPE, TYPE + 1]);
    let mut announcer = nodes[0].subscriber(&[TYPE, TYPE + 1]);
    announcer.announce(0, TYPE + 1, "nobody at b knows this type");
    announcer.announce(0, TYPE, "everybody knows this one");
    let id = near.expect("everybody knows this one");
    near.validate(id, true);
    far.expect("everybody knows this one");
}

#[test]
fn messages_with_one_id_and_different_content_are_both_delivered_and_passed_on() {
    let bed = Bed::new();
    let nodes = line(&bed, &["a", "b"]);
    let (mut here, mut there) = (nodes[0].subscriber(&[TYPE]), nodes[1].subscriber(&[TYPE]));
    let own = Listening::new();
    let (mut peer, _) = Peer::join_as_old(nodes[0].peers(), own.address(), Work::ZeroBits(8));
    let both = [body::peer_notification(0xff, 77, TYPE, b"one"), body::peer_notification(0xff, 77, TYPE, b"other")];
    peer.send(&both.concat());
    let (one, other) = (here.expect("one"), here.expect("other"));
    assert_ne!(one, other, "a module can tell them apart while both wait");
    // The copies are dropped.
    peer.send(&both.concat());
    here.validate(other, true);
    there.expect("other");
    here.validate(one, true);
    there.expect("one");
    peer.send(&both.concat());
    here.expect_nothing();
    there.expect_nothing();
}

#[test]
fn a_copy_from_another_neighbour_is_not_told_again() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut module = node.subscriber(&[TYPE]);
    let places = [Listening::new(), Listening::new()];
    let work = Work::ZeroBits(8);
    let mut peers = places.each_ref().map(|own| Peer::join_as_old(node.peers(), own.address(), work).0);
    peers[0].send(&body::peer_notification(9, 5, TYPE, b"said once"));
    let id = module.expect("said once");
    peers[1].send(&body::peer_notification(9, 5, TYPE, b"said once"));
    peers[1].send(&body::peer_notification(9, 6, TYPE, b"marker"));
    module.expect("marker");
    module.validate(id, true);
    // Both sent a copy: neither gets one.
    peers.iter_mut().for_each(Peer::expect_nothing);
}

#[test]
fn data_of_65525_bytes_crosses_and_65526_are_refused_with_a_warning() {
    let bed = Bed::new();
    let nodes = line(&bed, &["a", "b", "c"]);
    let mut modules: Vec<Module> = nodes.iter().map(|node| node.subscriber(&[TYPE])).collect();
    let most: Vec<u8> = (0..65_525_u32).map(|n| (n % 251) as u8).collect();
    let mut announcer = nodes[0].module();
    for size in [65_526, 65_527] {
        announcer.announce(0, TYPE, vec![1; size]);
        nodes[0].logs(&format!("announcement of {size} bytes dropped"));
    }
    assert!(nodes[0].log().iter().any(|line| line.contains("WARN") && line.contains("65526")), "it is a warning");
    announcer.announce(0, TYPE, &most);
    for module in &mut modules {
        let told = module.receive();
        assert!(told.data == most, "{} bytes came, beginning {:?}", told.data.len(), &told.data[..4]);
        module.validate(told.id, true);
    }
    announcer.announce(0, TYPE, "the daemon goes on");
    modules[0].expect("the daemon goes on");
}

#[test]
fn a_message_announced_to_nobody_is_held_for_the_first_neighbour_that_comes() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut module = node.subscriber(&[TYPE]);
    module.announce(0, TYPE, "said to nobody");
    module.expect("said to nobody");
    let own = Listening::new();
    let (mut peer, _) = Peer::join_as_old(node.peers(), own.address(), Work::ZeroBits(8));
    peer.expect_message("said to nobody");
}

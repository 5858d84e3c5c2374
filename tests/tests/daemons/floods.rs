//! Floods, and few descriptors (issue 4, point 4): what they cost is given back, and modules are served meanwhile.

use gossip_tests::flood::{
    FLOODS, Held, Sizes, announce_to_whoever_is_left, daemon, hello_and_silence, raise_descriptor_limit, time_to_serve,
};
use gossip_tests::{Bed, Daemon, Ini, Listening, Module, PATIENCE, Peer, Work};
use std::io::Read;
use std::time::{Duration, Instant};

/// So that nothing else than the limit of open files bounds anything.
const MANY: usize = 600;

#[test]
fn after_each_flood_descriptors_are_back_and_a_fresh_module_is_served_at_once() {
    raise_descriptor_limit();
    let bed = Bed::alone();
    let mut complaints = Vec::new();
    for flood in FLOODS {
        let node = daemon(&bed, &Sizes::QUICK);
        let figures = flood.run(&node, &Sizes::QUICK);
        println!("{figures}");
        complaints.extend(figures.complaints());
        // Small floods need little; memory coming back is what the full size shows.
        if figures.after.resident > figures.before.resident + (24 << 20) {
            complaints.push(format!("{}: {} bytes stay", figures.name, figures.after.resident));
        }
        if figures.lines > 60 {
            complaints.push(format!("{}: {} lines logged", figures.name, figures.lines));
        }
    }
    assert_eq!(complaints, Vec::<String>::new());
}

fn with_256_descriptors(bed: &Bed) -> Daemon {
    bed.start_within("-n 256", "narrow", &Ini::new(), &["--log-level", "info"])
}

fn returns_to(node: &Daemon, before: Held) {
    let deadline = Instant::now() + PATIENCE;
    while Held::by(node).descriptors > before.descriptors {
        assert!(Instant::now() < deadline, "{} descriptors stay", Held::by(node).descriptors);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn with_256_descriptors_a_flood_of_peers_leaves_modules_their_places_and_newcomers_a_chance() {
    raise_descriptor_limit();
    let bed = Bed::alone();
    let node = with_256_descriptors(&bed);
    node.logs("unverified_max is 94 instead of 256");
    time_to_serve(&node);
    let before = Held::by(&node);
    let flood = hello_and_silence(node.peers(), MANY);
    let modules: Vec<Module> = (0..40).map(|_| node.subscriber(&[7])).collect();
    let served = time_to_serve(&node);
    assert!(served < Duration::from_millis(100), "{served:?}");
    let own = Listening::new();
    let (peer, _) = Peer::join_as_old(node.peers(), own.address(), Work::ZeroBits(8));
    node.knows(&[own.address()]);
    assert!(Held::by(&node).descriptors < 256);
    drop((flood, modules, peer));
    announce_to_whoever_is_left(&node, 7);
    returns_to(&node, before);
    let told: Vec<String> = node.log().into_iter().filter(|line| line.contains("unverified_max reached")).collect();
    assert!((1..=3).contains(&told.len()), "a flood is told of, once in a while: {told:?}");
}

#[test]
fn with_256_descriptors_a_flood_of_modules_leaves_peers_their_places() {
    raise_descriptor_limit();
    let bed = Bed::alone();
    let node = with_256_descriptors(&bed);
    time_to_serve(&node);
    let before = Held::by(&node);
    let modules: Vec<Module> = (0..MANY).map(|_| node.module()).collect();
    node.logs("cannot accept more connections of modules for now");
    let own = Listening::new();
    let (peer, _) = Peer::join_as_old(node.peers(), own.address(), Work::ZeroBits(8));
    node.knows(&[own.address()]);
    // Whoever waited is served when others go.
    drop((modules, peer));
    let served = time_to_serve(&node);
    assert!(served < Duration::from_secs(5), "{served:?}");
    returns_to(&node, before);
    let told = node.log().into_iter().filter(|line| line.contains("cannot accept more")).count();
    assert_eq!(told, 1, "once in a while, not once a connection");
}

#[test]
fn a_peer_that_was_sent_away_in_a_flood_sees_its_connection_end() {
    let bed = Bed::alone();
    let node = bed.start("node", &Ini::new().with("unverified_max", 16));
    let flood = hello_and_silence(node.peers(), 100);
    let is_over = |mut stream: &std::net::TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let mut said = [0; 1_024];
        loop {
            match stream.read(&mut said) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    // Long before hello_timeout or verification_timeout would end the rest.
    while flood.iter().filter(|stream| is_over(stream)).count() < 84 {
        assert!(Instant::now() < deadline, "some who made room were never told");
    }
}

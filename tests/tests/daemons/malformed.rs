//! Good conversations spoilt in every place, over real sockets: cut off anywhere, any bit turned, lengths of all kinds.
//! What is spoilt goes; a module and a neighbour beside it are served, and the daemon holds what it held before.
//! Every length from 0 to 65,535 is among them.

use gossip_tests::{Bed, Daemon, Ini, Listening, Module, PATIENCE, Peer, Work, body, frame, kind};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

const TYPE: u16 = 540;
/// Nobody listens to this one, nor to what a turned bit makes of it.
const OTHER_TYPE: u16 = 995;
const BITS: Work = Work::ZeroBits(0);
/// Spoilt conversations between looks at the bystanders.
const CASES_BETWEEN_LOOKS: usize = 256;
/// What the daemon may hold more at the end, bytes: a build for tests, whose allocator keeps what it had.
const GROWTH_MAX: u64 = 8 << 20;

/// A daemon with a module and a neighbour that have nothing to do with what is spoilt.
struct Bystanders {
    node: Daemon,
    module: Module,
    neighbour: Peer,
    cases: usize,
    looks: usize,
    descriptors: usize,
    resident: u64,
}

impl Bystanders {
    fn new(bed: &Bed) -> Self {
        let node = bed.start(
            "node",
            &Ini::new()
                .with("pow_bits", 0)
                .with("discovery", "no")
                .with("handshakes_per_minute", 6_000_000)
                .with("spreading", "tree"),
        );
        let (module, own) = (node.subscriber(&[TYPE]), Listening::new());
        let (neighbour, _) = Peer::join_as_old(node.peers(), own.address(), BITS);
        let (descriptors, resident) = (descriptors(&node), resident(&node));
        let mut all = Self { node, module, neighbour, cases: 0, looks: 0, descriptors, resident };
        all.are_served();
        all
    }

    /// One more spoilt conversation is over.
    fn met_one(&mut self) {
        self.cases += 1;
        if self.cases.is_multiple_of(CASES_BETWEEN_LOOKS) {
            self.are_served();
        }
    }

    /// A message each way.
    fn are_served(&mut self) {
        self.looks += 1;
        let said = format!("look {} after {} cases", self.looks, self.cases);
        self.module.announce(3, TYPE, &said);
        self.module.expect(&said);
        // What spoilt conversations have announced in good form comes first.
        while !self.neighbour.receive().1.ends_with(said.as_bytes()) {}
        self.neighbour.send(&body::peer_notification(3, 7, TYPE, format!("back {said}").as_bytes()));
        let id = self.module.expect(format!("back {said}"));
        self.module.validate(id, true);
    }

    /// Both are served, and all else is gone.
    fn are_served_and_alone(mut self) {
        self.are_served();
        let deadline = Instant::now() + PATIENCE;
        while descriptors(&self.node) > self.descriptors {
            // A module that said that it will say no more may still listen, to type 5 or to what a turned bit made of
            // it: that it does not shows when it is told something (else after a minute).
            for data_type in (0..16).map(|bit| 5 ^ 1 << bit).chain([5]) {
                self.module.announce(1, data_type, format!("{:?}", Instant::now()));
            }
            assert!(Instant::now() < deadline, "{} descriptors, before {}", descriptors(&self.node), self.descriptors);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let grown = resident(&self.node).saturating_sub(self.resident);
        println!("{} cases, {} KiB grown", self.cases, grown >> 10);
        assert!(grown <= GROWTH_MAX, "{} bytes held before, {grown} more after", self.resident);
    }
}

fn descriptors(node: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", node.id())).expect("it runs").count()
}

fn resident(node: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux has this line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Connects and says this; the daemon may have closed before all of it was said.
fn say(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes it");
    let _ = stream.write_all(bytes);
    stream
}

/// The daemon closes this.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 1_024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn turned(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut spoilt = bytes.to_vec();
    spoilt[bit / 8] ^= 1 << (bit % 8);
    spoilt
}

/// A header that says `len`, and as many bytes behind it as that takes.
fn of_length(kind: u16, len: u16) -> Vec<u8> {
    [&len.to_be_bytes()[..], &kind.to_be_bytes(), &vec![0; usize::from(len).saturating_sub(4)]].concat()
}

/// Those at the edges, and one in so many of the others.
fn lengths(one_in: u16) -> impl Iterator<Item = u16> {
    (4..=u16::MAX).filter(move |len| *len <= 600 || *len >= 65_480 || len % one_in == 0)
}

fn of_module() -> Vec<u8> {
    [
        body::notify(5),
        body::announce(3, OTHER_TYPE, b"of a swept module"),
        body::validation(1, true),
        body::announce(0, 5, b""),
    ]
    .concat()
}

fn knock(own: SocketAddr) -> Vec<u8> {
    // It takes part in repair and in trees.
    let introduction = frame(kind::CAPABILITIES, &[&[0, 1], &[0, 0, 0, 12], &77_u64.to_be_bytes()]);
    [introduction, frame(kind::HELLO, &[&body::address(own)])].concat()
}

fn talk(nonce: &[u8], own: SocketAddr) -> Vec<u8> {
    let own = body::address(own);
    let (other_type, digest, other_digest) = (OTHER_TYPE.to_be_bytes(), [8; 8], [9; 8]);
    let v6_push = [&kind::PUSH.to_be_bytes()[..], &[0, 3], &[0xfd; 16], &[23, 113]].concat();
    [
        frame(kind::VERIFICATION_RESPONSE, &[nonce, &[0; 8], &own]),
        frame(kind::INTEREST, &[&[0, 0], &other_type]),
        frame(kind::TREE, &[&[0, 0], &other_type]),
        frame(kind::TREE, &[&[0, 2], &other_type, &digest, &[0, 3]]),
        frame(kind::IHAVE, &[&digest, &[0, 3], &other_digest, &[0, 9]]),
        frame(kind::IWANT, &[&digest]),
        frame(kind::PEER_REQUEST, &[]),
        frame(kind::PEER_RESPONSE, &[&own]),
        frame(kind::PUSH, &[&[0, 3], &own]),
        frame(kind::IPV6, &[&v6_push]),
        frame(kind::PING, &[]),
        body::peer_notification(4, 9, OTHER_TYPE, b"of a swept peer"),
        frame(kind::PONG, &[]),
        frame(kind::VERIFICATION_REQUEST, &[&[7; 8]]),
        frame(kind::GOODBYE, &[&[0, 0]]),
    ]
    .concat()
}

#[test]
fn a_modules_conversation_spoilt_anywhere_costs_nobody_else_anything() {
    let bed = Bed::new();
    let mut bystanders = Bystanders::new(&bed);
    let (api, whole) = (bystanders.node.api(), of_module());
    for len in 0..=whole.len() {
        let stream = say(api, &whole[..len]);
        if len % 2 == 0 {
            stream.shutdown(Shutdown::Write).expect("it is connected");
        }
        bystanders.met_one();
    }
    for bit in 0..whole.len() * 8 {
        say(api, &turned(&whole, bit));
        bystanders.met_one();
    }
    bystanders.are_served_and_alone();
}

#[test]
fn a_peers_conversation_spoilt_anywhere_costs_nobody_else_anything() {
    let bed = Bed::new();
    let mut bystanders = Bystanders::new(&bed);
    // Not the neighbour's address: whoever claims that would be taken for it.
    let (peers, spoilt) = (bystanders.node.peers(), Listening::new());
    let (knock, own) = (knock(spoilt.address()), spoilt.address());
    let asked = || {
        let mut peer = Peer::connect(peers);
        peer.send(&knock);
        let nonce = peer.expect(kind::VERIFICATION_REQUEST);
        (peer, nonce)
    };
    for len in 0..knock.len() {
        say(peers, &knock[..len]);
        bystanders.met_one();
    }
    for bit in 0..knock.len() * 8 {
        say(peers, &[turned(&knock, bit), talk(&[0; 8], own)].concat());
        bystanders.met_one();
    }
    let whole = talk(&[0; 8], own).len();
    for len in 0..whole {
        let (mut peer, nonce) = asked();
        peer.send(&talk(&nonce, own)[..len]);
        bystanders.met_one();
    }
    for bit in 0..whole * 8 {
        let (mut peer, nonce) = asked();
        peer.send(&turned(&talk(&nonce, own), bit));
        bystanders.met_one();
    }
    bystanders.are_served_and_alone();
}

#[test]
fn lengths_that_cannot_be_close_the_connection_on_both_ports() {
    let bed = Bed::new();
    let mut bystanders = Bystanders::new(&bed);
    let ports = [(bystanders.node.api(), kind::NOTIFY), (bystanders.node.peers(), kind::HELLO)];
    for (port, kind) in ports {
        for len in 0..4 {
            // Alone, behind a good frame, and with more behind it.
            let good = if kind == kind::NOTIFY { body::notify(5) } else { frame(kind::PING, &[]) };
            let bad = of_length(kind, len);
            for bytes in [bad.clone(), [&good[..], &bad].concat(), [&bad[..], &good].concat()] {
                assert!(is_closed(&mut say(port, &bytes)), "length {len} of type {kind}");
                bystanders.met_one();
            }
        }
    }
    bystanders.are_served_and_alone();
}

#[test]
fn frames_of_wrong_lengths_go_and_those_behind_them_are_heard() {
    let bed = Bed::new();
    let mut bystanders = Bystanders::new(&bed);
    wrong_lengths(&mut bystanders, 97);
    // What buffers and an allocator keep for next time is theirs; a second time, with every length, must not take more.
    bystanders.resident = resident(&bystanders.node);
    wrong_lengths(&mut bystanders, 1);
    bystanders.are_served_and_alone();
}

fn wrong_lengths(bystanders: &mut Bystanders, one_in: u16) {
    let mut module = bystanders.node.module();
    for len in lengths(one_in) {
        module.send(&of_length(kind::NOTIFY, len));
        bystanders.met_one();
    }
    module.is_heard();
    // Before the handshake all is skipped; afterwards a message that nobody here listens to may have any length.
    let (peers, mut peer) = (bystanders.node.peers(), Peer::connect(bystanders.node.peers()));
    for len in lengths(one_in) {
        peer.send(&of_length(kind::PEER_NOTIFICATION, len));
        bystanders.met_one();
    }
    let own = Listening::new();
    peer.send(&knock(own.address()));
    peer.prove(own.address(), BITS);
    for len in lengths(one_in).filter(|len| *len >= 10) {
        peer.send(&of_length(kind::PEER_NOTIFICATION, len));
        bystanders.met_one();
    }
    peer.send(&frame(kind::PING, &[]));
    // The bystanders' messages come first.
    while peer.receive().0 != kind::PONG {}
    drop((module, peer));
    // Much claimed and little sent, by many at once.
    let open: Vec<TcpStream> = (0..200)
        .map(|n| if n % 2 == 0 { (bystanders.node.api(), kind::ANNOUNCE) } else { (peers, kind::CAPABILITIES) })
        .map(|(port, kind)| say(port, &of_length(kind, u16::MAX)[..40]))
        .collect();
    bystanders.are_served();
    drop(open);
    bystanders.are_served();
}

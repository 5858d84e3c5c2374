//! Same settings, same seed, same events: same actions, byte for byte, on every machine.
//!
//! The digest of all actions of one long script stands in `golden.txt`. Whoever changes what the node does on purpose
//! renews it with `GOLDEN_RENEW=1 cargo test -p gossip-core --test node golden` and shows the new file in the review.

use crate::harness::Node;
use gossip_core::recording::ActionDigest;
use gossip_core::time::{Duration, Instant};
use gossip_core::wire::{AddressList, ApiMessage, Capabilities, Features, Hints, PeerMessage};
use gossip_core::{
    Action, Addresses, ConnectionId, DialError, Endpoint, Event, GossipState, Listener, ResolveId, Settings,
};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

const GOLDEN: &str = include_str!("golden.txt");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/golden.txt");
/// Actions between two lines of the file: how finely a difference is located.
const STRIDE: u64 = 100;

/// All actions of a run.
#[derive(Default)]
pub(crate) struct Trail {
    digest: ActionDigest,
    /// One line a stride, and the last.
    lines: Vec<String>,
    /// The actions for people, to be shown around a difference.
    actions: Vec<String>,
}

impl Trail {
    pub(crate) fn add(&mut self, now: Instant, action: &Action) {
        self.digest.add(action);
        self.actions.push(format!("{now:?} {action:?}"));
        if self.digest.actions().is_multiple_of(STRIDE) {
            self.mark(8);
        }
    }

    /// So many bytes of the digest so far.
    fn mark(&mut self, bytes: usize) {
        let mut line = format!("{:6} ", self.digest.actions());
        self.digest.value()[..bytes].iter().for_each(|byte| write!(line, "{byte:02x}").unwrap());
        self.lines.push(line);
    }
}

/// A generator that no library's next version can change (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn small(&mut self, n: u64) -> u16 {
        u16::try_from(self.below(n)).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

struct Play {
    node: Node,
    dice: Dice,
    modules: Vec<ConnectionId>,
    neighbours: Vec<ConnectionId>,
}

/// Of the scripts' node.
const SEED: [u8; 32] = [42; 32];

fn settings() -> Settings {
    let mut settings = Settings::new(40, 3, Addresses::of("10.9.9.9:6001".parse().unwrap()));
    settings.pow = gossip_core::pow::Target::ZeroBits(0);
    (settings.api_queue, settings.peer_queue, settings.pending_max) = (1 << 18, 1 << 18, 64);
    (settings.max_peers, settings.target_peers, settings.min_peers) = (14, 4, 3);
    settings.bootstrapper = vec![
        Endpoint::Name { host: "bootstrapper.example".to_owned(), port: 6001 },
        Endpoint::Address("10.5.0.1:6001".parse().unwrap()),
    ];
    settings
}

impl Play {
    fn new() -> Self {
        Self::of(GossipState::new(settings(), SEED, Instant::ZERO).unwrap())
    }

    fn of(state: GossipState) -> Self {
        let mut node = Node::of(state);
        node.trail = Some(Trail::default());
        Self { node, dice: Dice(2022), modules: Vec::new(), neighbours: Vec::new() }
    }

    fn run(mut self) -> Trail {
        self.node.pass_secs(1);
        let addresses = ["10.5.0.2:6001".parse().unwrap(), "10.5.0.3:6001".parse().unwrap()];
        self.node.handle(Event::Resolved { query: ResolveId(0), addresses: &addresses });
        for turn in 0..1_500u64 {
            self.turn(turn);
        }
        self.node.pass_secs(120);
        self.node.handle(Event::Shutdown);
        self.node.pass_secs(70);
        let mut trail = self.node.trail.take().unwrap();
        trail.mark(32);
        trail
    }

    fn turn(&mut self, turn: u64) {
        self.serve_dials();
        let (node, dice) = (&mut self.node, &mut self.dice);
        let is_open = |node: &Node, id: &ConnectionId| node.closed(*id).is_none();
        self.modules.retain(|id| is_open(node, id));
        self.neighbours.retain(|id| is_open(node, id));
        match dice.below(100) {
            _ if self.modules.len() < 2 => self.modules.push(node.subscriber(dice.small(3))),
            0..=1 if self.modules.len() < 6 => self.modules.push(node.subscriber(dice.small(3))),
            0..=5 => self.peer_comes(turn),
            6..=25 => {
                let (ttl, kind, data) = (dice.small(6), dice.small(4), turn.to_be_bytes());
                node.announce(dice.pick(&self.modules), u8::try_from(ttl).unwrap(), kind, &data);
            }
            26..=60 if !self.neighbours.is_empty() => {
                let (from, ttl) = (dice.pick(&self.neighbours), u8::try_from(dice.small(8)).unwrap());
                let about = turn.saturating_sub(dice.below(3));
                // Copies of one message carry one id, as on the wire.
                let id = u16::try_from(about % 40).unwrap();
                node.hear(from, ttl, id, dice.small(3), &about.to_be_bytes());
            }
            61..=80 => {
                let module = dice.pick(&self.modules);
                node.told(module).into_iter().for_each(|told| node.validate(module, told.id, dice.below(4) > 0));
            }
            81..=90 => node.pass(Duration::from_millis(dice.below(2_000))),
            91 => node.pass_secs(dice.below(40)),
            92 => {
                let module = dice.pick(&self.modules);
                node.subscribe(module, dice.small(4));
                node.deafen(module);
            }
            93 => node.hear_again(dice.pick(&self.modules)),
            94 => node.reset(dice.pick(&self.modules)),
            95 if !self.neighbours.is_empty() => node.reset(dice.pick(&self.neighbours)),
            96 => self.flood(),
            97 if !self.neighbours.is_empty() => {
                let address = SocketAddr::from(([10, 7, 0, u8::try_from(dice.small(200)).unwrap()], 6001));
                node.say(dice.pick(&self.neighbours), &PeerMessage::Push { ttl: 3, address }.frame());
            }
            98 => node.say_bytes(dice.pick(&self.modules), &[0, 7, 1, 0xf5, 9, 9, 9]),
            _ => {
                let id = node.accept(Listener::P2p, "10.8.0.1:50000".parse().unwrap());
                node.say_bytes(id, &[0, 3, 0, 0]);
            }
        }
    }

    /// A peer dials in, every second one with extensions.
    fn peer_comes(&mut self, turn: u64) {
        let (node, dice) = (&mut self.node, &mut self.dice);
        let address = SocketAddr::from(([10, 6, 0, u8::try_from(dice.small(25)).unwrap()], 6001));
        let id = node.accept(Listener::P2p, SocketAddr::new(address.ip(), 50_000));
        if turn.is_multiple_of(2) {
            let (features, hints) = (dice.pick(&[Features::default(), Features::URGENT]), Hints::new(&[]));
            let capabilities = Capabilities { version: 1, features, instance: dice.below(30), hints };
            node.say(id, &PeerMessage::Capabilities(capabilities).frame());
        }
        node.say(id, &PeerMessage::Hello { address }.frame());
        if let Some(nonce) = node.nonce(id) {
            node.say(id, &PeerMessage::VerificationResponse { nonce, challenge: 0, address }.frame());
            self.neighbours.push(id);
        }
    }

    /// What the node dials answers, or not.
    fn serve_dials(&mut self) {
        let (node, dice) = (&mut self.node, &mut self.dice);
        for id in node.dialing() {
            match dice.below(4) {
                0 => node.dialed(id, Err(DialError::Refused)),
                _ => {
                    node.dialed(id, Ok(()));
                    node.say(id, &PeerMessage::VerificationRequest { nonce: dice.below(1 << 30) }.frame());
                    self.neighbours.push(id);
                }
            }
        }
        for connection in node.wanted_proofs() {
            node.handle(Event::Solved { connection, challenge: dice.below(99) });
            let list = [SocketAddr::from(([10, 7, 1, u8::try_from(dice.small(200)).unwrap()], 6001))];
            node.say(connection, &AddressList::frame_of(&list, false));
        }
    }

    /// A module writes more at once than anybody has room for.
    fn flood(&mut self) {
        let announcement = |n: u8| ApiMessage::Announce { ttl: 2, data_type: 1, data: &[n; 3_000] }.frame().to_vec();
        let bytes: Vec<u8> = (0..=255).flat_map(announcement).collect();
        self.node.say_bytes(self.dice.pick(&self.modules), &bytes);
    }
}

#[test]
fn golden_actions_are_the_same_on_every_machine_and_in_every_run() {
    let trail = Play::new().run();
    let again = Play::new().run();
    assert!(trail.actions == again.actions && trail.lines == again.lines, "two runs in one process differ");
    let text = trail.lines.join("\n") + "\n";
    if std::env::var_os("GOLDEN_RENEW").is_some() {
        std::fs::write(FILE, &text).unwrap();
        return;
    }
    let same = trail.lines.iter().zip(GOLDEN.lines()).take_while(|(ours, golden)| ours == golden).count();
    if text != GOLDEN {
        let stride = usize::try_from(STRIDE).unwrap();
        let from = (same * stride).min(trail.actions.len());
        let window = &trail.actions[from..(from + stride).min(trail.actions.len())];
        panic!(
            "the actions differ from golden.txt first between numbers {from} and {}. They are now:\n{}\nIf that is meant: \
             GOLDEN_RENEW=1 cargo test -p gossip-core --test node golden",
            from + stride,
            window.join("\n")
        );
    }
}

#[test]
fn golden_script_brings_about_what_it_is_to_guard() {
    let mut play = Play::new();
    play.node.pass_secs(1);
    (0..1_500).for_each(|turn| play.turn(turn));
    let metrics = play.node.metrics();
    for (name, count) in [
        ("announcements_parked", metrics.announcements_parked),
        ("handshakes", metrics.handshakes),
        ("messages_duplicate", metrics.messages_duplicate),
        ("messages_held", metrics.messages_held),
        ("messages_refused", metrics.messages_refused),
        ("messages_timed_out", metrics.messages_timed_out),
        ("messages_valid", metrics.messages_valid),
        ("modules_stalled", metrics.modules_stalled),
        ("neighbours_evicted", metrics.neighbours_evicted),
        ("newcomers_turned_away", metrics.newcomers_turned_away),
        ("proofs_found", metrics.proofs_found),
        ("pushes_sent", metrics.pushes_sent),
        ("spread", metrics.spread),
    ] {
        assert!(count > 0, "the script brings about no {name}");
    }
}

#[test]
fn a_node_that_shares_its_settings_does_the_same_as_one_that_does_not() {
    let another = Settings {
        p2p_address: Addresses::of("[2001:db8::7]:7".parse().unwrap()),
        advertised_address: Addresses::of("[2001:db8::8]:8".parse().unwrap()),
        bootstrapper: Vec::new(),
        ..settings()
    };
    let not_sound = Settings { p2p_address: Addresses::default(), ..another.clone() };
    let not_alike = Settings { degree: 9, ..another.clone() };
    let changed = Settings { degree: 1, ping_interval: Duration::from_secs(20), ..settings() };
    let run = |mut play: Play| {
        play.node.handle(Event::SettingsChanged { settings: &changed });
        play.run().lines
    };
    let alone = run(Play::new());
    assert!(alone != Play::new().run().lines, "the other settings were not taken over");
    for (shared, is_kept) in [(another, true), (not_sound, false), (not_alike, false)] {
        let shared = Arc::new(shared);
        let state = GossipState::new_sharing(settings(), &shared, SEED, Instant::ZERO).unwrap();
        assert_eq!(Arc::strong_count(&shared), if is_kept { 2 } else { 1 });
        assert!(run(Play::of(state)) == alone, "kept: {is_kept}");
    }
}

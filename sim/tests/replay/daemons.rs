//! A production incident replayed: three real nodes record, are driven through their API, one is killed.

use crate::told;
use gossip_core::pow::Target;
use gossip_core::time::Instant;
use gossip_core::wire::{ApiMessage, kind};
use gossip_core::{Actions, Endpoint, Event, Settings};
use gossip_driver_mio::record::{self, Recorded};
use gossip_driver_mio::{EventLoop, Handle, Listeners, Machine};
use gossip_sim::replay::{Ending, Replay};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant as WallClock};

/// How long anything may take before a test fails; never waited for when things work.
const PATIENCE: Duration = Duration::from_secs(60);
/// The type that the modules of all nodes subscribe to.
const TYPE: u16 = 1_337;

/// How a node ends when it is told to.
#[derive(Clone, Copy, PartialEq)]
enum AtEnd {
    /// As `gossipd` does.
    Finish,
    /// Its thread is torn down where it stands: no goodbye, no end of the recording.
    Die,
}

/// What a killed node's thread is unwound with.
struct Killed;

struct Node {
    recorded: Recorded,
    at_end: AtEnd,
}

impl Machine for Node {
    fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions) {
        if event == Event::Shutdown && self.at_end == AtEnd::Die {
            std::panic::resume_unwind(Box::new(Killed));
        }
        self.recorded.handle(now, event, actions);
    }

    fn deadline(&self) -> Option<Instant> {
        self.recorded.deadline()
    }
}

/// A node on a thread of its own.
struct Daemon {
    api: SocketAddr,
    p2p: SocketAddr,
    recording: PathBuf,
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Daemon {
    fn start(folder: &Path, seed: u8, bootstrapper: Option<SocketAddr>, at_end: AtEnd) -> Self {
        let mut listeners = Listeners::default();
        let api = listeners.bind_api("127.0.0.1:0".parse().unwrap()).unwrap();
        let p2p = listeners.bind_p2p("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut settings = Settings::new(50, 30, listeners.p2p_addresses());
        settings.pow = Target::ZeroBits(8);
        settings.bootstrapper = bootstrapper.map(Endpoint::Address).into_iter().collect();
        let recording = folder.join(format!("node{seed}.rec"));
        let file = record::create(&recording).unwrap();
        let (handles, handle) = channel();
        let thread = std::thread::spawn(move || {
            let make = |now| {
                let recorded = Recorded::new(settings, [seed; 32], now, Some((file, 1 << 30)))?;
                Ok::<_, gossip_core::SettingsError>(Node { recorded, at_end })
            };
            let mut node = EventLoop::new(listeners, make).unwrap();
            handles.send(node.handle()).unwrap();
            node.run().unwrap();
            node.into_machine().recorded.finish();
        });
        Self { api, p2p, recording, handle: handle.recv().unwrap(), thread }
    }

    /// Tells it to end; what is left is its recording.
    fn end(self, at_end: AtEnd) -> PathBuf {
        self.handle.shut_down();
        match (self.thread.join(), at_end) {
            (Ok(()), AtEnd::Finish) => {}
            (Err(reason), AtEnd::Die) if reason.is::<Killed>() => {}
            (Ok(()), AtEnd::Die) => panic!("a node that was to be killed ended in good order"),
            (Err(reason), _) => std::panic::resume_unwind(reason),
        }
        self.recording
    }
}

/// A module at a node's API, subscribed.
struct Module(TcpStream);

impl Module {
    /// Subscribes to [`TYPE`], and makes sure that this was heard: `private` is a type of its own.
    fn subscribe(api: SocketAddr, private: u16) -> Self {
        let stream = TcpStream::connect(api).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut module = Self(stream);
        module.say(ApiMessage::Notify { data_type: TYPE });
        module.say(ApiMessage::Notify { data_type: private });
        module.say(ApiMessage::Announce { ttl: 0, data_type: private, data: b"am I heard?" });
        let (id, data) = module.hear();
        assert_eq!(data, b"am I heard?");
        module.answer(id, true);
        module
    }

    fn say(&mut self, message: ApiMessage<'_>) {
        self.0.write_all(&message.frame().to_vec()).unwrap();
    }

    fn announce(&mut self, data: &str) {
        self.say(ApiMessage::Announce { ttl: 0, data_type: TYPE, data: data.as_bytes() });
        self.expect(data, true);
    }

    fn answer(&mut self, id: u16, valid: bool) {
        self.say(ApiMessage::Validation { id, valid });
    }

    /// The next notification.
    fn hear(&mut self) -> (u16, Vec<u8>) {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).expect("a notification in time");
        let [size, kind] = [[header[0], header[1]], [header[2], header[3]]].map(u16::from_be_bytes);
        assert_eq!(kind, kind::NOTIFICATION);
        let mut body = vec![0; usize::from(size) - header.len()];
        self.0.read_exact(&mut body).unwrap();
        match ApiMessage::decode(kind, &body) {
            Ok(ApiMessage::Notification { id, data, .. }) => (id, data.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    /// Hears this next, and says what it thinks of it.
    fn expect(&mut self, data: &str, valid: bool) {
        let (id, heard) = self.hear();
        assert_eq!(String::from_utf8_lossy(&heard), data);
        self.answer(id, valid);
    }
}

/// Does the recording, as it stands on the disk, hold this data before its last check?
fn holds(recording: &Path, data: &[u8]) -> bool {
    let bytes = fs::read(recording).unwrap();
    let mut at_event = None;
    let Ok(mut replay) = Replay::new(&bytes) else { return false };
    let outcome = replay.run(None, |happened| {
        if let Event::Received { bytes, .. } = happened.event
            && bytes.windows(data.len()).any(|window| window == data)
        {
            at_event = Some(happened.number);
        }
        ControlFlow::Continue(())
    });
    at_event.is_some_and(|event| event <= outcome.proven)
}

/// The last object of `--json --message`: what the node did with a message.
fn life_of(recording: &Path, data: &str) -> Value {
    let (story, _) = told(recording, |wish| {
        wish.json = true;
        wish.message = Some(data.parse().unwrap());
    })
    .unwrap();
    let end: Value = serde_json::from_str(story.lines().last().unwrap()).unwrap();
    let [life] = end["messages"].as_array().unwrap().as_slice() else { panic!("one message expected: {end:#}") };
    life.clone()
}

#[test]
fn three_real_nodes_one_killed_replay_to_the_same_digest() {
    let folder = tempfile::tempdir().unwrap();
    let first = Daemon::start(folder.path(), 1, None, AtEnd::Finish);
    let killed = Daemon::start(folder.path(), 2, Some(first.p2p), AtEnd::Die);
    let last = Daemon::start(folder.path(), 3, Some(first.p2p), AtEnd::Finish);
    let mut at_first = Module::subscribe(first.api, 1);
    let mut at_killed = Module::subscribe(killed.api, 2);
    let mut at_last = Module::subscribe(last.api, 3);

    // Whoever is not joined yet gets these later: they are held.
    at_first.announce("from the first");
    at_killed.expect("from the first", true);
    at_last.expect("from the first", true);
    at_killed.announce("from the killed");
    at_first.expect("from the killed", true);
    at_last.expect("from the killed", false);

    let patience = WallClock::now() + PATIENCE;
    while !holds(&killed.recording, b"from the killed") {
        assert!(WallClock::now() < patience, "a recording is flushed every second");
        std::thread::sleep(Duration::from_millis(50));
    }
    let killed = killed.end(AtEnd::Die);
    at_last.announce("without it");
    at_first.expect("without it", true);
    let (first, last) = (first.end(AtEnd::Finish), last.end(AtEnd::Finish));

    for (recording, is_killed) in [(&first, false), (&killed, true), (&last, false)] {
        let bytes = fs::read(recording).unwrap();
        let outcome = Replay::new(&bytes).unwrap().run(None, |_| ControlFlow::Continue(()));
        assert_eq!(outcome.difference, None, "{}", recording.display());
        let ending = if is_killed { Ending::CutShort { at: bytes.len() } } else { Ending::Finished };
        assert_eq!((outcome.ending, outcome.proven), (ending, outcome.events), "{}", recording.display());
        assert!(outcome.checks > 0 && outcome.events > 10, "{outcome:?}");
        let (_, status) = told(recording, |wish| wish.all = true).unwrap();
        assert_eq!(status, u8::from(is_killed));
    }
    assert_eq!(life_of(&first, "from the first")["announced_here"], true);
    assert_eq!(life_of(&killed, "from the first")["decision"], "valid");
    assert_eq!(life_of(&first, "from the killed")["decision"], "valid");
    assert_eq!(life_of(&last, "from the killed")["decision"], "refused");
    assert_eq!(life_of(&last, "without it")["told"], 1);
}

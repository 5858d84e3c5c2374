//! Floods: what strangers and careless modules can do to a daemon's ports, and what it costs the daemon. In a size for
//! the test suite, and in the full one (`cargo run --release -p gossip-tests --example flood`).

use crate::wire::{body, frame, kind};
use crate::{Bed, Daemon, Ini, Module, PATIENCE};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const TYPE: u16 = 540;
/// Bytes of each message.
const MESSAGE: usize = 1 << 10;
/// Messages under way at once towards the one module that reads.
const BATCH: usize = 200;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Connections that say HELLO and never answer.
    pub hellos: usize,
    /// Modules that subscribe and never read.
    pub readers: usize,
    /// Messages of 1 KiB that pass meanwhile.
    pub messages: usize,
    /// Subscriptions on one connection.
    pub subscriptions: usize,
    /// Connections with an impossible header, of each size and on each port.
    pub headers: usize,
    /// Connections that bring a body a byte a second.
    pub drips: usize,
    /// How long those, and the announcer that never stops, are at it.
    pub time: Duration,
    /// `api_queue` of the daemon: what one slow reader may cost.
    pub api_queue: &'static str,
    /// Is something announced afterwards? A module that subscribed and closed looks like one that is still to be told
    /// things, until it is, or until TCP asks after a minute.
    pub announces: bool,
    /// How long descriptors, and then resident memory, may take to come back.
    pub patience: (Duration, Duration),
}

impl Sizes {
    /// For every run of the suite.
    pub const QUICK: Self = Self {
        hellos: 600,
        readers: 50,
        messages: 2_000,
        subscriptions: 100_000,
        headers: 10,
        drips: 10,
        time: Duration::from_millis(1_500),
        api_queue: "512K",
        announces: true,
        patience: (Duration::from_secs(5), Duration::ZERO),
    };
    /// As issue 4 has it.
    pub const FULL: Self = Self {
        hellos: 10_000,
        readers: 1_000,
        messages: 100_000,
        subscriptions: 100_000,
        headers: 1_000,
        drips: 1_000,
        time: Duration::from_secs(30),
        api_queue: "8M",
        announces: false,
        patience: (Duration::from_secs(150), Duration::from_secs(150)),
    };
}

/// What a process of the system holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Bytes of resident memory (VmRSS).
    pub resident: u64,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Held {
    /// By this daemon.
    pub fn by(daemon: &Daemon) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", daemon.id())).expect("it runs").count();
        Self { resident: status(daemon, "VmRSS:"), descriptors }
    }
}

/// A line of the system's account of a process, in bytes.
fn status(daemon: &Daemon, name: &str) -> u64 {
    let all = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it runs");
    let line = all.lines().find_map(|line| line.strip_prefix(name)).expect("Linux has this line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// What a flood did.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What the daemon held before.
    pub before: Held,
    /// Its descriptors while it lasted, and the most memory that it ever had (VmHWM).
    pub during: Held,
    /// What it held at the end.
    pub after: Held,
    /// How long descriptors took to come back, from the end of the flood; none if they did not.
    pub descriptors_back: Option<Duration>,
    /// The same for memory.
    pub memory_back: Option<Duration>,
    /// In what time a fresh module was served while it lasted, and afterwards.
    pub served: (Duration, Duration),
    /// Lines of the log that it cost.
    pub lines: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20);
        let back = |time: Option<Duration>| time.map_or("not back".to_owned(), |time| format!("back after {time:.1?}"));
        write!(
            f,
            "{:<38} {:>6.1?}; memory {} before, {} at most, {} after ({}); descriptors {}, {}, {} ({}); a fresh module \
             served in {:.1?} meanwhile, {:.1?} afterwards; {} lines logged",
            self.name,
            self.took,
            mib(self.before.resident),
            mib(self.during.resident),
            mib(self.after.resident),
            back(self.memory_back),
            self.before.descriptors,
            self.during.descriptors,
            self.after.descriptors,
            back(self.descriptors_back),
            self.served.0,
            self.served.1,
            self.lines,
        )
    }
}

impl Figures {
    /// What issue 4 asks for, as far as this is not so.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.after.descriptors > self.before.descriptors {
            complaints.push(format!("{}: {} descriptors stay", self.name, self.after.descriptors));
        }
        if self.served.1 > Duration::from_millis(100) {
            complaints.push(format!("{}: a fresh module was served only after {:?}", self.name, self.served.1));
        }
        complaints
    }
}

/// One kind of flood.
#[derive(Clone, Copy)]
pub struct Flood {
    /// What happens.
    pub name: &'static str,
    /// Does it go on for [`Sizes::time`]?
    lasts: bool,
    begin: fn(&Daemon, &Sizes) -> Attack,
}

/// All of them.
pub const FLOODS: &[Flood] = &[
    Flood { name: "HELLO that never answers", lasts: false, begin: hellos },
    Flood { name: "slow readers", lasts: false, begin: slow_readers },
    Flood { name: "subscriptions on one connection", lasts: false, begin: subscriptions },
    Flood { name: "header sizes 0 to 3", lasts: false, begin: headers },
    Flood { name: "a body dripped a byte a second", lasts: true, begin: drips },
    Flood { name: "an announcer that never stops", lasts: true, begin: announcer },
];

/// What lasts until it is dropped.
#[derive(Default)]
struct Attack {
    acts: Acts,
    streams: Vec<TcpStream>,
    modules: Vec<Module>,
}

/// Threads that do something again and again until the end.
#[derive(Default)]
struct Acts {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Acts {
    fn keep(&mut self, mut act: impl FnMut() + Send + 'static) {
        let stop = Arc::clone(&self.stop);
        self.threads.push(thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                act();
            }
        }));
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// As many descriptors as the system lets this process have: floods need two or three thousand, or ten.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("up to the hard limit one may");
}

/// A daemon for floods, which forgets soon.
pub fn daemon(bed: &Bed, sizes: &Sizes) -> Daemon {
    let ini = Ini::new().with("api_queue", sizes.api_queue);
    let daemon = bed.start_with("flooded", &ini, &["--log-level", "info", "-v", "1", "-s", "1"]);
    // Its first module pays for what is loaded and allocated once.
    time_to_serve(&daemon);
    daemon
}

impl Flood {
    /// Does it to a fresh daemon and tells what became of it.
    pub fn run(&self, daemon: &Daemon, sizes: &Sizes) -> Figures {
        let before = Held::by(daemon);
        let lines = daemon.log().len();
        let begun = Instant::now();
        let attack = (self.begin)(daemon, sizes);
        let served_meanwhile = time_to_serve(daemon);
        let during = Held::by(daemon);
        if self.lasts {
            thread::sleep(sizes.time.saturating_sub(begun.elapsed()));
        }
        drop(attack);
        let ended = Instant::now();
        let served = time_to_serve(daemon);
        if sizes.announces {
            announce_to_whoever_is_left(daemon, TYPE);
        }
        let are_back = || Held::by(daemon).descriptors <= before.descriptors;
        let descriptors_back = wait_until(sizes.patience.0, are_back).then(|| ended.elapsed());
        // Life goes on: an allocator gives memory back while there is something to do.
        let mut next = Instant::now();
        let is_back = || {
            if sizes.patience.1 > Duration::ZERO && Instant::now() >= next {
                time_to_serve(daemon);
                next = Instant::now() + Duration::from_millis(200);
            }
            Held::by(daemon).resident <= before.resident + before.resident / 5
        };
        let memory_back = wait_until(sizes.patience.1, is_back).then(|| ended.elapsed());
        // The last that were served meanwhile go, too.
        wait_until(sizes.patience.0, are_back);
        Figures {
            name: self.name,
            took: ended - begun,
            before,
            during: Held { resident: status(daemon, "VmHWM:"), ..during },
            after: Held::by(daemon),
            descriptors_back,
            memory_back,
            served: (served_meanwhile, served),
            lines: daemon.log().len() - lines,
        }
    }
}

/// Writes to every module that is subscribed to this, so that those that are gone show it.
pub fn announce_to_whoever_is_left(daemon: &Daemon, data_type: u16) {
    let mut module = daemon.module();
    for _ in 0..2 {
        module.announce(1, data_type, "is anybody left?");
        module.is_heard();
    }
    module.vanish();
}

/// How long a fresh module takes to connect, subscribe, and be told: the quickest of three, as this machine may be busy
/// with other things.
pub fn time_to_serve(daemon: &Daemon) -> Duration {
    let time = |_| {
        let begun = Instant::now();
        let mut module = daemon.module();
        module.is_heard();
        let took = begun.elapsed();
        module.vanish();
        took
    };
    (0..3).map(time).min().expect("three times")
}

fn wait_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Says HELLO so often from one thread; whoever is sent away meanwhile is.
pub fn hello_and_silence(to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let hello = |n: usize| {
        let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens for peers");
        let port = u16::try_from(1 + n % 60_000).expect("below 65,536");
        let own = body::address(SocketAddr::from(([127, 0, 0, 1], port)));
        // It may have been sent away already.
        let _ = stream.write_all(&frame(kind::HELLO, &[&own]));
        stream
    };
    (0..count).map(hello).collect()
}

fn hellos(daemon: &Daemon, sizes: &Sizes) -> Attack {
    Attack { streams: hello_and_silence(daemon.peers(), sizes.hellos), ..Attack::default() }
}

fn slow_readers(daemon: &Daemon, sizes: &Sizes) -> Attack {
    let subscribed = |_| {
        let mut reader = Module::connect_narrow(daemon.api());
        reader.notify(TYPE);
        reader
    };
    let modules = (0..sizes.readers).map(subscribed).collect();
    let mut witness = daemon.subscriber(&[TYPE]);
    let mut announcer = daemon.module();
    let mut announced = 0;
    while announced < sizes.messages {
        let batch = BATCH.min(sizes.messages - announced);
        let message = |n: usize| body::announce(0, TYPE, format!("{:0MESSAGE$}", announced + n).as_bytes());
        announcer.send(&(0..batch).flat_map(message).collect::<Vec<u8>>());
        let mut answers = Vec::new();
        for _ in 0..batch {
            answers.extend(body::validation(witness.receive().id, true));
        }
        witness.send(&answers);
        announced += batch;
    }
    Attack { modules, ..Attack::default() }
}

fn subscriptions(daemon: &Daemon, sizes: &Sizes) -> Attack {
    let mut module = daemon.module();
    let notify = |n: usize| body::notify(u16::try_from(n % 65_536).expect("below 65,536"));
    module.send(&(0..sizes.subscriptions).flat_map(notify).collect::<Vec<u8>>());
    module.is_heard();
    Attack { modules: vec![module], ..Attack::default() }
}

fn headers(daemon: &Daemon, sizes: &Sizes) -> Attack {
    let mut streams = Vec::new();
    for to in [daemon.api(), daemon.peers()] {
        for size in 0..4 {
            for _ in 0..sizes.headers {
                let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket takes it");
                stream.write_all(&[0, size, 1, 244, 0, 0, 0, 0]).expect("the daemon reads");
                streams.push(stream);
            }
        }
    }
    for stream in &mut streams {
        // With or without a GOODBYE, and a reset for what it did not read, is all the same: it ends.
        let mut rest = Vec::new();
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "a connection with such a header ends");
        }
    }
    Attack { streams, ..Attack::default() }
}

fn drips(daemon: &Daemon, sizes: &Sizes) -> Attack {
    let mut attack = Attack::default();
    for n in 0..sizes.drips {
        let (to, header) = match n % 3 {
            0 => (daemon.api(), [0xff, 0xff, 1, 244]),
            // HELLO, as long as is kept before the handshake: never whole before it is too late.
            1 => (daemon.peers(), [0, 240, 1, 252]),
            _ => (daemon.peers(), [0xff, 0xff, 1, 255]),
        };
        let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the daemon listens");
        stream.write_all(&header).expect("the daemon reads");
        attack.streams.push(stream);
    }
    let dripping: Vec<TcpStream> = attack.streams.iter().map(|stream| stream.try_clone().expect("room")).collect();
    let mut next = Instant::now();
    attack.acts.keep(move || {
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            // Those that the daemon has sent away are done.
            dripping.iter().for_each(|mut stream| drop(stream.write(&[7])));
        }
        thread::sleep(Duration::from_millis(20));
    });
    attack
}

/// It is its own only listener, so that every message is also told, remembered and spread.
fn announcer(daemon: &Daemon, _sizes: &Sizes) -> Attack {
    let mut attack = Attack::default();
    let module = daemon.subscriber(&[TYPE]);
    let (mut writer, mut reader) = (module.writer(), module.writer());
    reader.set_read_timeout(Some(Duration::from_millis(50))).expect("a connected socket takes it");
    writer.set_write_timeout(Some(Duration::from_millis(50))).expect("a connected socket takes it");
    attack.modules.push(module);
    let mut buffer = vec![0; 1 << 16];
    attack.acts.keep(move || drop(reader.read(&mut buffer)));
    let (mut number, mut rest) = (0_u64, Vec::new());
    attack.acts.keep(move || {
        if rest.is_empty() {
            number += 1;
            rest = body::announce(0, TYPE, format!("{number:0MESSAGE$}").as_bytes());
        }
        if let Ok(written) = writer.write(&rest) {
            rest.drain(..written);
        }
    });
    attack
}

//! Processes in a row, each calling the one before it; a module at each, and an announcer at the first.

use crate::ends::{Seen, Source};
use gossip_tests::{Bed, Daemon, Ini};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Ended when dropped.
pub(crate) struct Chain {
    source: Source,
    ids: Vec<u32>,
    _processes: Processes,
}

enum Processes {
    Daemons { _daemons: Vec<Daemon>, _bed: Bed },
    Relays { _relays: Vec<Relay> },
}

impl Chain {
    /// Daemons with the settings that an administrator would begin with.
    pub(crate) fn of_daemons(length: u8, size: usize) -> Self {
        let bed = Bed::new();
        let mut daemons: Vec<Daemon> = Vec::new();
        for n in 0..length {
            let upstream: Vec<SocketAddr> = daemons.last().map(Daemon::peers).into_iter().collect();
            let ini = Ini::calling_only(&upstream);
            let daemon = bed.start_with(&format!("daemon {n}"), &ini, &["--log-level", "info"]);
            daemon.knows(&upstream);
            daemons.push(daemon);
        }
        let apis: Vec<SocketAddr> = daemons.iter().map(Daemon::api).collect();
        let ids = daemons.iter().map(Daemon::id).collect();
        let source = Source::new(&apis, size);
        Self { source, ids, _processes: Processes::Daemons { _daemons: daemons, _bed: bed } }
    }

    /// Plain relays.
    pub(crate) fn of_relays(length: u8, size: usize) -> Self {
        let mut relays: Vec<Relay> = Vec::new();
        for _ in 0..length {
            let relay = Relay::start(relays.last().map(|relay| relay.peers));
            relays.push(relay);
        }
        let apis: Vec<SocketAddr> = relays.iter().map(|relay| relay.api).collect();
        let ids = relays.iter().map(|relay| relay.child.id()).collect();
        let source = Source::new(&apis, size);
        Self { source, ids, _processes: Processes::Relays { _relays: relays } }
    }

    /// Messages carried with so many on their way at once, in what time, and what its processes worked meanwhile.
    pub(crate) fn carry(&mut self, window: u64, time: Duration) -> Carried {
        let before = self.worked();
        let (messages, took) = self.source.carry(window, time);
        Carried { messages, took, worked: self.worked().saturating_sub(before) }
    }

    /// Latencies from end to end of so many messages a second.
    pub(crate) fn time(&mut self, rate: u64, time: Duration) -> Vec<Duration> {
        self.source.time(rate, time)
    }

    /// Messages that were lost, repeated or overtaken so far.
    pub(crate) fn wrong(&self) -> u64 {
        self.source.modules().iter().map(Arc::as_ref).map(Seen::wrong).sum()
    }

    /// Processor time of all processes so far.
    fn worked(&self) -> Duration {
        let of = |id: &u32| {
            let schedule = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
            schedule.split(' ').next().and_then(|nanos| nanos.parse().ok()).map_or(Duration::ZERO, Duration::from_nanos)
        };
        self.ids.iter().map(of).sum()
    }
}

/// What one measurement came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) messages: u64,
    pub(crate) took: Duration,
    /// Processor time of daemons or relays.
    pub(crate) worked: Duration,
}

/// This program in another process, being a relay.
struct Relay {
    child: Child,
    api: SocketAddr,
    peers: SocketAddr,
}

impl Relay {
    fn start(upstream: Option<SocketAddr>) -> Self {
        let upstream = upstream.map_or("first".to_owned(), |address| address.to_string());
        let mut child = Command::new(std::env::current_exe().expect("a program knows where it is"))
            .args(["--relay", &upstream])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a relay says where");
        let mut addresses = line.split_whitespace().map(|word| word.parse().expect("an address"));
        let (api, peers) = (addresses.next().expect("two of them"), addresses.next().expect("two of them"));
        Self { child, api, peers }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

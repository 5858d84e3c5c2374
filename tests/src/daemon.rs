//! A daemon of ours.

use crate::PATIENCE;
use crate::ini::Ini;
use crate::module::Module;
use crate::process::{Process, Signal};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitStatus;
use std::time::Duration;

/// Lines of a log that are shown when a test fails.
const TAIL: usize = 40;

/// See the module.
pub struct Daemon {
    process: Process,
    ini: Ini,
    seed: String,
    arguments: Vec<String>,
    modules: Vec<SocketAddr>,
    peers: Vec<SocketAddr>,
}

impl Daemon {
    pub(crate) fn new(process: Process, ini: Ini, seed: String, arguments: Vec<String>) -> Self {
        Self { process, ini, seed, arguments, modules: Vec::new(), peers: Vec::new() }
    }

    /// Waits until it listens; learns where from its log's first lines.
    pub fn listens(&mut self) {
        let places = self.process.err.wait(PATIENCE, |lines| {
            lines
                .iter()
                .any(|line| line.contains("going to "))
                .then(|| (addresses(lines, "listening for modules on "), addresses(lines, "listening for peers on ")))
        });
        let (modules, peers) = places.unwrap_or_else(|| panic!("{} does not listen: {:?}", self.name(), self.log()));
        assert!(!modules.is_empty() && !peers.is_empty(), "{}'s first lines: {:?}", self.name(), self.log());
        (self.modules, self.peers) = (modules, peers);
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        self.process.name()
    }

    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Where modules connect to.
    pub fn api(&self) -> SocketAddr {
        self.modules[0]
    }

    /// Where peers connect to; the first if there is one a family.
    pub fn peers(&self) -> SocketAddr {
        self.peers[0]
    }

    /// Where peers connect to, in each family.
    pub fn all_peers(&self) -> &[SocketAddr] {
        &self.peers
    }

    /// Its file with the ports that it got.
    pub fn ini_with_ports(&self) -> Ini {
        let peers: Vec<String> = self.peers.iter().map(ToString::to_string).collect();
        self.ini.clone().with("p2p_address", peers.join(", ")).with("api_address", self.api())
    }

    /// Where this host can look inside: its log says it.
    pub fn status(&self) -> SocketAddr {
        let lines = self.log();
        let address = lines.iter().find_map(|line| line.split_once("look inside at http://")?.1.split_once('/'));
        address.expect("its file has a status_address").0.parse().expect("it names an address")
    }

    /// What it answers there: a status and a body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.status()).expect("its status address answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.status());
        stream.write_all(request.as_bytes()).expect("it takes a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        let (head, body) = answer.split_once("\r\n\r\n").expect("headers end with an empty line");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an answer has a status");
        (status, body.to_owned())
    }

    /// A module's connection to it.
    pub fn module(&self) -> Module {
        Module::connect(self.api())
    }

    /// A module that listens to these types: the daemon knows when this comes back.
    pub fn subscriber(&self, data_types: &[u16]) -> Module {
        let mut module = self.module();
        data_types.iter().for_each(|data_type| module.notify(*data_type));
        module.is_heard();
        module
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// SIGKILL: no goodbye.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        assert!(self.process.wait(PATIENCE).is_some(), "{} outlived SIGKILL", self.name());
    }

    /// How it ended, if it ends in time.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        self.process.wait(within)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its log so far.
    pub fn log(&self) -> Vec<String> {
        self.process.err.all()
    }

    /// Waits until a line of its log has this in it.
    pub fn logs(&self, part: &str) {
        self.process.says(part);
    }

    /// Waits until a line of its log that `wanted` accepts has come, of those from the `from`th on.
    pub fn logs_after(&self, from: usize, wanted: impl Fn(&str) -> bool) -> bool {
        let any = |lines: &[String]| lines.iter().skip(from).any(|line| wanted(line)).then_some(());
        self.process.err.wait(PATIENCE, any).is_some()
    }

    /// Does no such line come for a while?
    pub fn stays_silent(&self, from: usize, within: Duration, unwanted: impl Fn(&str) -> bool) -> bool {
        let any = |lines: &[String]| lines.iter().skip(from).any(|line| unwanted(line)).then_some(());
        self.process.err.wait(within, any).is_none()
    }

    /// Its neighbours, as its log tells.
    pub fn neighbours(&self) -> BTreeSet<SocketAddr> {
        neighbours(&self.log())
    }

    /// Waits until these are its neighbours, and possibly others.
    pub fn knows(&self, wanted: &[SocketAddr]) {
        let all = |lines: &[String]| {
            let known = neighbours(lines);
            wanted.iter().all(|one| known.contains(one)).then_some(())
        };
        let met = self.process.err.wait(PATIENCE, all);
        assert!(met.is_some(), "{}: {wanted:?} are not all neighbours: {:?}", self.name(), self.neighbours());
    }

    /// Waits until it has so many neighbours.
    pub fn has_neighbours(&self, wanted: usize) {
        self.has_neighbours_within(PATIENCE, wanted);
    }

    /// The same, with another patience.
    pub fn has_neighbours_within(&self, patience: Duration, wanted: usize) {
        let enough = |lines: &[String]| (neighbours(lines).len() == wanted).then_some(());
        let met = self.process.err.wait(patience, enough);
        let name = self.name();
        assert!(met.is_some(), "{name}: {wanted} neighbours expected in {patience:?}: {:?}", self.neighbours());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = &log[log.len().saturating_sub(TAIL)..];
            eprintln!("--- {}: --seed {}\n{}{}", self.name(), self.seed, self.ini, tail.join("\n"));
        }
    }
}

fn addresses(lines: &[String], after: &str) -> Vec<SocketAddr> {
    lines.iter().filter_map(|line| address_after(line, after)).collect()
}

fn address_after(line: &str, words: &str) -> Option<SocketAddr> {
    line.split_once(words)?.1.split([' ', ',']).next()?.trim_end_matches(':').parse().ok()
}

fn neighbours(lines: &[String]) -> BTreeSet<SocketAddr> {
    let mut known = BTreeSet::new();
    for line in lines {
        let Some(address) = address_after(line, "neighbour ") else { continue };
        if line.contains(" joined (") {
            known.insert(address);
        } else if line.contains(" left: ") {
            known.remove(&address);
        }
    }
    known
}

//! The daemons and the modules connected to them.

use super::{DATA_TYPE, End, Event, Options, Tally};
use crate::Failure;
use crate::connection::{self, Reader, Writer};
use gossip_core::wire::ApiMessage;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a daemon may take from its start until it says where it listens.
const STARTING_TIME: Duration = Duration::from_secs(30);
/// How long a daemon may take to say goodbye. It gives itself two seconds.
const ENDING_TIME: Duration = Duration::from_secs(4);
/// Lines of a daemon's log that are shown when it breaks.
const LOG_TAIL: usize = 8;

/// Where a daemon listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) modules: String,
    pub(super) peers: String,
}

/// Ends its daemons when it is dropped.
pub(super) struct Network {
    daemons: Vec<Daemon>,
    events: Sender<Event>,
}

struct Daemon {
    child: Child,
    /// The daemon ends when this closes: by us, or by the system when this process is no more.
    lifeline: Option<ChildStdin>,
    place: Place,
    log: VecDeque<String>,
    writer: Option<Arc<Writer>>,
}

impl Network {
    /// Starts the daemons: one, then the others, who know where the first one listens.
    pub(super) fn start(
        options: &Options,
        events: Sender<Event>,
        inbox: &Receiver<Event>,
        tally: &mut Tally,
    ) -> Result<Self, End> {
        let failed = |error: std::io::Error| Failure::not_done(format_args!("cannot make a folder for files: {error}"));
        // Read at the start and then not needed any more: gone when this function ends.
        let folder = tempfile::Builder::new().prefix("gossip-demo-").tempdir().map_err(failed)?;
        let mut network = Self { daemons: Vec::new(), events };
        network.spawn(folder.path(), options, None)?;
        network.learn_places(inbox, tally)?;
        let first = network.daemons.first().map(|daemon| daemon.place.peers.clone());
        for _ in 1..options.peers {
            network.spawn(folder.path(), options, first.as_deref())?;
        }
        network.learn_places(inbox, tally)?;
        Ok(network)
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.daemons.iter().map(|daemon| daemon.place.clone()).collect()
    }

    /// Connects a module to each daemon, that listens and vouches for everything. It is known to listen when it is told
    /// of what it announces in a type of its own.
    pub(super) fn subscribe(&mut self) -> Result<(), End> {
        for (peer, place) in self.places().into_iter().enumerate() {
            let broke = |trouble: connection::Trouble| self.broke(peer, &trouble.to_string());
            let (writer, reader) = connection::connect(&place.modules).map_err(broke)?;
            let writer = Arc::new(writer);
            let own_type = DATA_TYPE + 1 + u16::try_from(peer).expect("peers are few");
            let hello = [
                ApiMessage::Notify { data_type: DATA_TYPE },
                ApiMessage::Notify { data_type: own_type },
                ApiMessage::Announce { ttl: 1, data_type: own_type, data: b"do you hear me?" },
            ];
            hello.into_iter().try_for_each(|message| writer.send(message)).map_err(broke)?;
            let (theirs, events) = (Arc::clone(&writer), self.events.clone());
            thread::spawn(move || listen(peer, reader, &theirs, &events));
            if let Some(daemon) = self.daemons.get_mut(peer) {
                daemon.writer = Some(writer);
            }
        }
        Ok(())
    }

    pub(super) fn announce(&self, peer: usize, data: &[u8]) -> Result<(), End> {
        match self.daemons.get(peer).and_then(|daemon| daemon.writer.as_ref()) {
            Some(writer) => writer
                .send(ApiMessage::Announce { ttl: 0, data_type: DATA_TYPE, data })
                .map_err(|trouble| self.broke(peer, &trouble.to_string()).into()),
            None => Ok(()),
        }
    }

    pub(super) fn remember(&mut self, peer: usize, line: String) {
        if let Some(daemon) = self.daemons.get_mut(peer) {
            if daemon.log.len() == LOG_TAIL {
                daemon.log.pop_front();
            }
            daemon.log.push_back(line);
        }
    }

    /// Why the demo cannot go on, with what the daemon said last.
    pub(super) fn broke(&self, peer: usize, why: &str) -> Failure {
        let log = self.daemons.get(peer).map(|daemon| &daemon.log);
        let tail: String = log.into_iter().flatten().map(|line| format!("\n  {line}")).collect();
        Failure::not_done(format_args!("peer {}: {why}; its log ends with:{tail}", peer + 1))
    }

    /// Has all daemons say goodbye, and waits for them.
    pub(super) fn end(&mut self) {
        self.daemons.iter_mut().for_each(|daemon| drop(daemon.lifeline.take()));
        let deadline = Instant::now() + ENDING_TIME;
        for mut daemon in self.daemons.drain(..) {
            while matches!(daemon.child.try_wait(), Ok(None)) {
                if Instant::now() >= deadline {
                    // One that does not even end is beyond help.
                    let _ = daemon.child.kill();
                    let _ = daemon.child.wait();
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn spawn(&mut self, folder: &Path, options: &Options, bootstrapper: Option<&str>) -> Result<(), End> {
        let peer = self.daemons.len();
        let failed = |error: std::io::Error| Failure::not_done(format_args!("cannot start peer {}: {error}", peer + 1));
        let file = folder.join(format!("peer{}.ini", peer + 1));
        let bootstrapper = bootstrapper.map(|address| format!("bootstrapper = {address}\n")).unwrap_or_default();
        let text = format!(
            "[gossip]\ncache_size = 50\ndegree = 30\npow_bits = {}\np2p_address = 127.0.0.1:0\n\
             api_address = 127.0.0.1:0\n{bootstrapper}",
            options.pow_bits
        );
        std::fs::write(&file, text).map_err(failed)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("demo-daemon").arg("-c").arg(file).arg("--end-with-stdin");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C is for us alone: the daemons end in good order, after the last word of their modules.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let (lifeline, log) = (child.stdin.take(), child.stderr.take());
        self.daemons.push(Daemon { child, lifeline, place: Place::default(), log: VecDeque::new(), writer: None });
        let events = self.events.clone();
        thread::spawn(move || {
            for line in log.into_iter().flat_map(|log| BufReader::new(log).lines().map_while(Result::ok)) {
                // Nobody listens any more only when the program ends.
                let _ = events.send(Event::Logged { peer, line });
            }
            let _ = events.send(Event::Ended { peer });
        });
        Ok(())
    }

    /// Waits until all daemons have said where they listen. The first may have neighbours before the last one is there.
    fn learn_places(&mut self, inbox: &Receiver<Event>, tally: &mut Tally) -> Result<(), End> {
        let deadline = Instant::now() + STARTING_TIME;
        while let Some(waiting) = self.daemons.iter().position(|daemon| daemon.place.peers.is_empty()) {
            match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Logged { peer, line }) => {
                    if let Some(daemon) = self.daemons.get_mut(peer) {
                        daemon.place.learn(&line);
                    }
                    tally.logged(peer, &line);
                    self.remember(peer, line);
                }
                Ok(Event::Ended { peer }) => return Err(self.broke(peer, "ended at its start").into()),
                Ok(Event::Interrupted) => return Err(End::InGoodOrder),
                Ok(_) => {}
                Err(_) => return Err(self.broke(waiting, "does not start").into()),
            }
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.end();
    }
}

impl Place {
    /// A daemon's log says on which ports it really listens; for modules before for peers.
    fn learn(&mut self, line: &str) {
        let address = |words| {
            let (_, rest) = line.split_once(words)?;
            rest.split_whitespace().next().map(ToOwned::to_owned)
        };
        if let Some(modules) = address("listening for modules on ") {
            self.modules = modules;
        }
        if let Some(peers) = address("listening for peers on ") {
            self.peers = peers;
        }
    }
}

/// A module's thread.
fn listen(peer: usize, mut reader: Reader, writer: &Writer, events: &Sender<Event>) {
    loop {
        let mut answered = Ok(());
        let read = reader.read(|notification| {
            let (data_type, data, at) = (notification.data_type, notification.data.to_vec(), Instant::now());
            let _ = events.send(Event::Told { peer, data_type, data, at });
            let answer = writer.send(ApiMessage::Validation { id: notification.id, valid: true });
            answered = std::mem::replace(&mut answered, Ok(())).and(answer);
        });
        if let Err(trouble) = read.map(drop).and(answered) {
            let _ = events.send(Event::Lost { peer, why: trouble.to_string() });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemons_log_says_where_it_listens() {
        let mut place = Place::default();
        place.learn("2026-01-01T00:00:00Z [INFO] gossipd 0.1.0");
        place.learn("2026-01-01T00:00:00Z [INFO] listening for modules on 127.0.0.1:7001 (api_address)");
        assert_eq!((place.modules.as_str(), place.peers.as_str()), ("127.0.0.1:7001", ""));
        place.learn("2026-01-01T00:00:00Z [INFO] listening for peers on 127.0.0.1:6001 (p2p_address), told to find");
        assert_eq!(place.peers, "127.0.0.1:6001");
    }
}

//! What the daemons of one test share: a folder, and a turn on this machine.

use crate::daemon::Daemon;
use crate::ini::Ini;
use crate::process::Process;
use crate::programs::program;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Held by all tests, exclusively by those that need the processors to themselves.
static MACHINE: RwLock<()> = RwLock::new(());

enum Turn {
    Shared(#[allow(dead_code, reason = "held, not read")] RwLockReadGuard<'static, ()>),
    Alone(#[allow(dead_code, reason = "held, not read")] RwLockWriteGuard<'static, ()>),
}

/// One test's.
pub struct Bed {
    folder: PathBuf,
    starts: AtomicU32,
    _turn: Turn,
}

impl Bed {
    /// For a test that other tests may run beside.
    pub fn new() -> Self {
        Self::with(Turn::Shared(MACHINE.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// For a test that measures time or works hard.
    pub fn alone() -> Self {
        Self::with(Turn::Alone(MACHINE.write().unwrap_or_else(PoisonError::into_inner)))
    }

    fn with(turn: Turn) -> Self {
        static BEDS: AtomicU32 = AtomicU32::new(0);
        let name = format!("gossip-tests-{}-{}", std::process::id(), BEDS.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Self { folder, starts: AtomicU32::new(0), _turn: turn }
    }

    /// Where files of this test may be; gone at its end.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file there.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Starts a daemon, and comes back when it listens.
    pub fn start(&self, name: &str, ini: &Ini) -> Daemon {
        self.start_with(name, ini, &[])
    }

    /// Starts a daemon with further arguments.
    pub fn start_with(&self, name: &str, ini: &Ini, arguments: &[&str]) -> Daemon {
        let mut daemon = self.launch(name, ini, arguments);
        daemon.listens();
        daemon
    }

    /// Starts a daemon within limits, as a shell's `ulimit` takes them, and comes back when it listens.
    pub fn start_within(&self, limits: &str, name: &str, ini: &Ini, arguments: &[&str]) -> Daemon {
        let mut daemon = self.launch_by(name, ini, arguments, |gossipd, arguments| {
            let script = format!("ulimit {limits} && exec \"$0\" \"$@\"");
            let gossipd = gossipd.to_str().expect("the target folder has a plain name");
            Process::start(name, Path::new("sh"), &[&["-c", &script, gossipd], arguments].concat())
        });
        daemon.listens();
        daemon
    }

    /// Starts a daemon and does not wait for it.
    pub fn launch(&self, name: &str, ini: &Ini, arguments: &[&str]) -> Daemon {
        self.launch_by(name, ini, arguments, |gossipd, arguments| Process::start(name, gossipd, arguments))
    }

    fn launch_by(
        &self,
        name: &str,
        ini: &Ini,
        arguments: &[&str],
        start: impl FnOnce(&Path, &[&str]) -> Process,
    ) -> Daemon {
        let file = self.file(&format!("{name}.ini"), ini.to_string());
        let seed = self.next_seed(name);
        let file = file.to_str().expect("the system's temporary folder has a plain name");
        let mut all = vec!["-c", file, "--seed", &seed];
        if !arguments.contains(&"--log-level") {
            all.extend(["--log-level", "debug"]);
        }
        all.extend(arguments);
        let process = start(&program("gossipd"), &all);
        Daemon::new(process, ini.clone(), seed, arguments.iter().map(ToString::to_string).collect())
    }

    /// Ends a daemon without warning, and starts it again where it listened.
    pub fn restart(&self, daemon: Daemon) -> Daemon {
        let (name, ini, arguments) = (daemon.name().to_owned(), daemon.ini_with_ports(), daemon.arguments().to_vec());
        daemon.kill();
        self.start_with(&name, &ini, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// An address for peers that the system handed out to a daemon that ran before.
    pub fn used_address(&self) -> SocketAddr {
        let daemon = self.start("before", &Ini::new());
        let address = daemon.peers();
        daemon.kill();
        address
    }

    /// The daemon program with these arguments, to its end: its exit status, standard output and standard error.
    pub fn gossipd(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        Process::start("gossipd", &program("gossipd"), arguments).end()
    }

    /// The tool, running.
    pub fn gossip(&self, arguments: &[&str]) -> Process {
        Process::start("gossip", &program("gossip"), arguments)
    }

    /// The same whenever the test runs; another one for each start, as a restarted daemon is another instance.
    fn next_seed(&self, name: &str) -> String {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let start = self.starts.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::digest(format!("{test}/{name}/{start}"));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Nothing depends on it; the system empties its temporary folder some day.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

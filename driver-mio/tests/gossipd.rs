//! The daemon as a process: its exit status and what it says. Ports are the system's choice.

#![cfg(unix)]

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An ini file that goes when the test ends.
struct Ini(PathBuf);

impl Ini {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gossipd-test-{}-{name}.ini", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn sound(name: &str, api: &str) -> Self {
        let text = format!("[gossip]\ncache_size = 50\ndegree = 4\np2p_address = 127.0.0.1:0\napi_address = {api}\n");
        Self::new(name, &text)
    }
}

impl Drop for Ini {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn gossipd(ini: &Ini, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossipd"));
    command.arg("-c").arg(&ini.0).args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A daemon that runs, killed if the test ends before it.
struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    fn start(ini: &Ini, options: &[&str]) -> Self {
        let mut child = gossipd(ini, options).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// The rest of the first line of the log that holds `words`, after them.
    fn says(&mut self, words: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ended without '{words}'");
            if let Some((_, rest)) = line.split_once(words) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_where_it_listens_and_ends_with_0_after_either_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let ini = Ini::sound(&format!("signal-{}", signal.as_raw()), "127.0.0.1:0");
        let mut daemon = Daemon::start(&ini, &[]);
        let api = daemon.says("listening for modules on ");
        let api = api.split(' ').next().unwrap().to_owned();
        assert!(!api.ends_with(":0"), "{api} is no real port");
        daemon.says("listening for peers on 127.0.0.1:");
        daemon.says("wait to be called");
        drop(TcpStream::connect(&api).expect("it listens where it says"));
        daemon.signal(signal);
        assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
        assert!(TcpStream::connect(&api).is_err());
    }
}

#[test]
fn with_the_end_of_standard_input_it_ends_if_so_told() {
    let ini = Ini::sound("stdin", "127.0.0.1:0");
    let mut child = gossipd(&ini, &["--end-with-stdin"]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, log) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
    let mut daemon = Daemon { child, log };
    daemon.says("going to");
    // Words are no end.
    stdin.write_all(b"hello\n").unwrap();
    assert!(daemon.child.try_wait().unwrap().is_none());
    drop(stdin);
    daemon.says("standard input has ended");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}

#[test]
fn hangup_opens_the_log_anew_takes_what_it_can_and_names_what_needs_a_restart() {
    let ini = Ini::sound("reload", "127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let (log, rotated) = (folder.path().join("gossip.log"), folder.path().join("gossip.log.1"));
    let mut daemon = Daemon::start(&ini, &["--log-file", log.to_str().unwrap()]);
    let peers = daemon.says("listening for peers on ").split(' ').next().unwrap().to_owned();
    daemon.says("going to");
    // The file is written behind the terminal.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(&log).unwrap().contains("going to") {
        assert!(Instant::now() < deadline, "the log's file is still without its first lines");
        thread::sleep(Duration::from_millis(5));
    }
    fs::rename(&log, &rotated).unwrap();
    let text = fs::read_to_string(&ini.0).unwrap();
    fs::write(&ini.0, format!("{text}ban_time = 7\nmax_peers = 9\nlog_level = debug\n")).unwrap();
    daemon.signal(Signal::HUP);
    let told = daemon.says("SIGHUP: ");
    assert!(
        told.contains("log_level is debug now (was info)") && told.contains("ban_time is 7 now (was 600)"),
        "{told}"
    );
    let told = daemon.says("[WARN] SIGHUP: ");
    assert!(told.ends_with("after a restart: max_peers, target_peers"), "{told}");
    drop(TcpStream::connect(&peers).unwrap());
    daemon.says("[DEBUG] peer connection in#0");
    // Back again, and quieter than the line that says so.
    fs::write(&ini.0, format!("{text}log_level = error\n")).unwrap();
    daemon.signal(Signal::HUP);
    let told = daemon.says("SIGHUP: ");
    assert!(
        told.contains("log_level is error now (was debug)") && told.contains("ban_time is 600 now (was 7)"),
        "{told}"
    );
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    let (old, new) = (fs::read_to_string(&rotated).unwrap(), fs::read_to_string(&log).unwrap());
    assert!(old.contains("going to") && !old.contains("SIGHUP"), "{old}");
    assert!(new.matches("SIGHUP: ").count() == 3 && !new.contains("shutting down"), "{new}");
}

#[test]
fn hangup_with_a_wrong_file_changes_nothing_and_says_where_it_is_wrong() {
    let ini = Ini::sound("wrong-reload", "127.0.0.1:0");
    let mut daemon = Daemon::start(&ini, &[]);
    daemon.says("going to");
    let text = fs::read_to_string(&ini.0).unwrap();
    fs::write(&ini.0, format!("{}log_level = off\n", text.replace("degree = 4", "degree = four"))).unwrap();
    daemon.signal(Signal::HUP);
    let told = daemon.says("[WARN] SIGHUP: nothing is taken from the file: ");
    assert!(told.contains(":3: [gossip] degree"), "{told}");
    daemon.signal(Signal::TERM);
    daemon.says("shutting down");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}

/// What a service manager is told is written down in sd_notify(3).
#[test]
fn the_service_manager_is_told_when_it_is_ready_reloads_and_stops() {
    let ini = Ini::sound("notify", "127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let next = || {
        let mut buffer = [0; 1_000];
        let len = manager.recv(&mut buffer).expect("word of the daemon in time");
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    };
    let mut child = gossipd(&ini, &[]).env("NOTIFY_SOCKET", &path).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut daemon = Daemon { child, log };
    assert_eq!(next().trim_end(), "READY=1");
    daemon.signal(Signal::HUP);
    let reloading = next();
    let mut lines = reloading.lines();
    assert_eq!(lines.next(), Some("RELOADING=1"));
    let since = lines.next().and_then(|line| line.strip_prefix("MONOTONIC_USEC=")).map(str::parse::<u64>);
    assert!(matches!(since, Some(Ok(1..))), "{reloading}");
    assert_eq!(next().trim_end(), "READY=1");
    daemon.signal(Signal::TERM);
    assert_eq!(next().trim_end(), "STOPPING=1");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let ini = Ini::sound("second", "127.0.0.1:0");
    let mut daemon = Daemon::start(&ini, &[]);
    let api = daemon.says("listening for modules on ");
    // A module that does not read what it is told holds the first one up, for 2 s.
    let mut module = TcpStream::connect(api.split(' ').next().unwrap()).unwrap();
    daemon.says("going to");
    fill(&mut module);
    daemon.signal(Signal::TERM);
    daemon.says("shutting down");
    let begin = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_millis(1_500), "{:?}", begin.elapsed());
    drop(module);
}

/// Has the daemon tell this module more than both ends' sockets take, and reads none of it.
fn fill(module: &mut TcpStream) {
    const DATA: usize = 60_000;
    let mut announce = [&u16::try_from(8 + DATA).unwrap().to_be_bytes()[..], &[1, 244, 1, 0, 0, 7]].concat();
    announce.resize(8 + DATA, b'x');
    module.write_all(&[0, 8, 1, 245, 0, 0, 0, 7]).unwrap();
    module.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Until the daemon reads no more, because its queue for the answers is full.
    while module.write_all(&announce).is_ok() {}
}

/// Standard output and standard error of these go to a full disk.
#[cfg(target_os = "linux")]
#[test]
fn nobody_to_read_what_it_says_is_no_reason_to_panic() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let sound = Ini::sound("full", "127.0.0.1:0");
    let (status, _, error) = told(&gossipd(&sound, &["--check"]).stdout(full()).output().unwrap());
    assert_eq!(status, Some(1));
    assert!(error.starts_with("gossipd: cannot write to standard output"), "{error}");
    let missing = Ini(std::env::temp_dir().join("gossipd-test-no-such-file.ini"));
    assert_eq!(told(&gossipd(&missing, &[]).stderr(full()).output().unwrap()).0, Some(2));
}

#[test]
fn a_log_that_nobody_takes_holds_up_neither_modules_nor_the_end() {
    let ini = Ini::sound("stuck", "127.0.0.1:0");
    let mut daemon = Daemon::start(&ini, &["--log-level", "debug"]);
    let api = daemon.says("listening for modules on ");
    let api = api.split(' ').next().unwrap().to_owned();
    let peers = daemon.says("listening for peers on ");
    let peers = peers.split(' ').next().unwrap().to_owned();
    daemon.says("going to");
    // Each of these costs a line, until the pipe is full: from then on only the log's own thread waits for us to read.
    let deadline = Instant::now() + Duration::from_secs(30);
    let (mut waiting, mut since) = (0, Instant::now());
    while waiting < 60_000 || since.elapsed() < Duration::from_millis(300) {
        assert!(Instant::now() < deadline, "the log's pipe never filled: {waiting} bytes");
        TcpStream::connect(&peers).expect("it goes on accepting");
        let now_waiting = rustix::io::ioctl_fionread(daemon.log.get_ref()).unwrap();
        if now_waiting != waiting {
            (waiting, since) = (now_waiting, Instant::now());
        }
    }
    let mut module = TcpStream::connect(api).unwrap();
    module.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    module.write_all(&[0, 8, 1, 245, 0, 0, 0, 7, 0, 11, 1, 244, 1, 0, 0, 7, b'a', b'b', b'c']).unwrap();
    let mut told = [0; 11];
    module.read_exact(&mut told).expect("modules are served");
    assert_eq!(&told[6..], [0, 7, b'a', b'b', b'c']);
    daemon.signal(Signal::TERM);
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        assert!(Instant::now() < deadline, "it does not end");
        thread::sleep(Duration::from_millis(20));
        if let Some(status) = daemon.child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_address_in_use_is_named_and_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ini = Ini::sound("taken", &address);
    let (status, _, error) = told(&gossipd(&ini, &[]).output().unwrap());
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains(&address) && error.contains("api_address") && error.contains("in use"), "{error}");
}

#[test]
fn a_wrong_file_or_command_line_ends_with_2() {
    let missing = Ini(std::env::temp_dir().join("gossipd-test-no-such-file.ini"));
    let empty = Ini::new("empty", "");
    let directory = Ini(std::env::temp_dir());
    for (what, ini) in [("missing", &missing), ("empty", &empty), ("directory", &directory)] {
        let (status, _, error) = told(&gossipd(ini, &[]).output().unwrap());
        assert_eq!(status, Some(2), "{what}: {error}");
        assert!(error.starts_with("gossipd: "), "{what}: {error}");
    }
    std::mem::forget(directory);
    let sound = Ini::sound("options", "127.0.0.1:0");
    for options in [["-v", "0"], ["-s", "1"], ["--seed", "1234"]] {
        assert_eq!(told(&gossipd(&sound, &options).output().unwrap()).0, Some(2), "{options:?}");
    }
}

#[test]
fn check_opens_nothing_and_takes_no_unknown_key() {
    // What it would listen on is taken: --check does not mind, for it opens nothing.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, plan, error) = told(&gossipd(&Ini::sound("check", &address), &["--check"]).output().unwrap());
    assert_eq!((status, error.as_str()), (Some(0), ""));
    assert!(plan.contains(&format!("listen for modules on {address}")), "{plan}");
    let text = fs::read_to_string(&Ini::sound("known", &address).0).unwrap();
    let unknown = Ini::new("unknown", &format!("{text}degre = 5\n"));
    let (status, _, error) = told(&gossipd(&unknown, &["--check"]).output().unwrap());
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("degre"), "{error}");
}

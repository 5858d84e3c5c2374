//! `gossip announce` against daemons that do as they should, and others.

mod tool_support;

use std::io::Read as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tool_support::{
    Daemon, Peer, announce, announced, end_of, gossip, nobodys_address, notification, notify, run, run_with_input,
    validation,
};

/// A file of this test's own, gone at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn as_message(&self) -> String {
        format!("@{}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Notifies of everything, and returns what was announced once every answer was right and the tool closed.
fn take_everything(mut peer: Peer) -> Vec<Vec<u8>> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let mut answered = 0;
    let subscription = peer.frame().unwrap();
    assert_eq!(subscription[..6], [0, 8, 1, 0xf5, 0, 0]);
    while let Some(frame) = peer.frame() {
        if frame[2..4] == [1, 0xf7] {
            answered += 1;
            assert_eq!(frame, validation(answered, true));
            continue;
        }
        taken.push(announced(&frame).to_vec());
        let id = u16::try_from(taken.len()).unwrap();
        peer.send(&notification(id, u16::from_be_bytes([frame[6], frame[7]]), announced(&frame)));
    }
    assert_eq!(usize::from(answered), taken.len(), "every notification is answered before the tool closes");
    taken
}

#[test]
fn ttl_type_and_data_go_out_as_on_the_command_line() {
    for (ttl, data_type) in [(0, 0), (4, 1337), (255, 65_535)] {
        let daemon = Daemon::new(move |mut peer| {
            peer.expect(&notify(data_type));
            peer.expect(&announce(ttl, data_type, "größer".as_bytes()));
            peer.send(&notification(0xabcd, data_type, "größer".as_bytes()));
            peer.expect(&[0, 8, 1, 0xf7, 0xab, 0xcd, 0, 1]);
            peer.expect_end();
        });
        let (ttl, data_type) = (ttl.to_string(), data_type.to_string());
        let ended = run(&["announce", "-a", &daemon.address, "--type", &data_type, "--ttl", &ttl, "größer"]);
        daemon.end();
        ended.expect_status(0).expect_error("1 of 1 messages");
    }
}

#[test]
fn what_does_not_come_back_was_not_taken() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.expect(&announce(0, 1, b"lost \x1b[m"));
        peer.expect(&announce(0, 1, b"taken"));
        peer.send(&notification(1, 1, b"taken"));
        peer.expect(&validation(1, true));
        peer.expect_end();
    });
    let arguments = ["announce", "-a", &daemon.address, "-t", "1", "--timeout", "0.3", "lost \x1b[m", "taken"];
    let ended = run(&arguments).expect_status(1);
    daemon.end();
    ended
        .expect_error("not taken within 0.3 s (is this its api_address?): 'lost \\u{1b}[m'")
        .expect_error("1 of 2 messages");
}

#[test]
fn a_daemon_that_goes_away_midway_is_named() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.expect(&announce(0, 1, b"a"));
        peer.expect(&announce(0, 1, b"b"));
        peer.send(&notification(1, 1, b"a"));
        peer.expect(&validation(1, true));
    });
    let address = daemon.address.clone();
    let started = Instant::now();
    let ended = run(&["announce", "-a", &address, "-t", "1", "--timeout", "25", "a", "b"]).expect_status(1);
    daemon.end();
    assert!(started.elapsed() < Duration::from_secs(20), "noticed at once, not by the timeout");
    ended.expect_error(&format!("the daemon at {address} closed the connection")).expect_error("1 of 2 messages");
}

#[test]
fn a_daemon_that_dies_before_it_reads_the_answer_has_not_taken_it() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.expect(&announce(0, 1, b"a"));
        peer.send(&notification(1, 1, b"a"));
        // There, and never read: closing now is what a process that dies does.
        assert_eq!(peer.0.peek(&mut [0; 8]).unwrap(), 8);
    });
    let ended = run(&["announce", "-a", &daemon.address, "-t", "1", "a"]);
    daemon.end();
    ended.expect_status(1).expect_error("broke");
}

#[test]
fn a_daemon_that_is_not_there_is_named() {
    let address = nobodys_address().to_string();
    run(&["announce", "-a", &address, "-t", "1", "a"])
        .expect_status(1)
        .expect_error(&format!("cannot reach a gossip daemon at {address}"));
    run(&["announce", "-a", "no-such-host.invalid:7001", "-t", "1", "a"])
        .expect_status(1)
        .expect_error("cannot find the address of no-such-host.invalid:7001");
}

#[test]
fn a_daemon_that_sends_one_byte_at_a_time_is_understood() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.expect(&announce(0, 1, b"slowly"));
        // PING, as Gossip-5 sends it, and an unknown type come first.
        peer.send_byte_by_byte(&[0, 4, 1, 0xfe, 0, 6, 0x7f, 0xff, 1, 2]);
        peer.send_byte_by_byte(&notification(9, 1, b"slowly"));
        peer.expect(&validation(9, true));
        peer.expect_end();
    });
    let ended = run(&["announce", "-a", &daemon.address, "-t", "1", "slowly"]);
    daemon.end();
    ended.expect_status(0);
}

#[test]
fn only_own_messages_are_vouched_for() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(7));
        for own in [b"a", b"b", b"c"] {
            peer.expect(&announce(0, 7, own));
        }
        // In one segment, out of order, among others': other words, another type, and one's own words once too often.
        let notifications = [
            notification(1, 7, b"foreign"),
            notification(2, 7, b"c"),
            notification(3, 8, b"a"),
            notification(4, 7, b"a"),
            notification(5, 7, b"c"),
            notification(6, 7, b""),
            notification(7, 7, b"b"),
        ];
        peer.send(&notifications.concat());
        for id in [2, 4, 7] {
            peer.expect(&validation(id, true));
        }
        peer.expect_end();
    });
    let ended = run(&["announce", "-a", &daemon.address, "-t", "7", "a", "b", "c"]);
    daemon.end();
    ended.expect_status(0).expect_error("3 of 3 messages");
}

#[test]
fn equal_messages_are_each_taken() {
    let daemon = Daemon::new(take_everything);
    let ended = run(&["announce", "-a", &daemon.address, "-t", "7", "same", "same", "same"]);
    assert_eq!(daemon.end(), vec![b"same".to_vec(); 3]);
    ended.expect_status(0);
}

#[test]
fn a_message_that_cannot_be_spread_is_refused_before_anyone_is_called() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let file = File::new("too-large", &[7; 65_526]);
    run(&["announce", "-a", &address, "-t", "1", "fits", &file.as_message()])
        .expect_status(2)
        .expect_error("has more than 65525 bytes");
    run_with_input(&["announce", "-a", &address, "-t", "1", "-"], vec![7; 1_000_000])
        .expect_status(2)
        .expect_error("standard input has more than 65525 bytes");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody called");
}

#[test]
fn the_largest_message_goes_through_whole() {
    let content: Vec<u8> = (0..65_525u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let file = File::new("largest", &content);
    let daemon = Daemon::new(take_everything);
    let ended = run(&["announce", "-a", &daemon.address, "-t", "1", &file.as_message()]);
    assert_eq!(daemon.end(), [content]);
    ended.expect_status(0);
}

#[test]
fn messages_are_texts_files_and_standard_input() {
    let file = File::new("content", b"two\nlines\n");
    let daemon = Daemon::new(take_everything);
    let arguments = ["announce", "-a", &daemon.address, "-t", "1", "", &file.as_message(), "-", "@@at"];
    let ended = run_with_input(&arguments, b"from\0stdin\n".to_vec());
    assert_eq!(daemon.end(), [&b""[..], b"two\nlines\n", b"from\0stdin\n", b"@at"]);
    ended.expect_status(0);
}

#[test]
fn every_line_is_a_message() {
    let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
    let daemon = Daemon::new(take_everything);
    let ended = run_with_input(&["announce", "-a", &daemon.address, "-t", "1", "--lines"], lines.join("\n").into());
    let expected: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
    assert_eq!(daemon.end(), expected);
    ended.expect_status(0).expect_error("5000 of 5000 messages");
}

#[test]
fn lines_are_sent_no_faster_than_they_are_taken() {
    const WINDOW: usize = 256;
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        let first: Vec<_> = (0..WINDOW).map(|_| announced(&peer.frame().unwrap()).to_vec()).collect();
        peer.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(peer.0.read(&mut [0]).is_err(), "more than a window came before anything was taken");
        peer.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        peer.send(&notification(1, 1, &first[0]));
        let mut next = [peer.frame().unwrap(), peer.frame().unwrap()];
        next.sort();
        assert_eq!(next, [validation(1, true), announce(0, 1, b"257")]);
    });
    let input: Vec<String> = (1..=300).map(|n| n.to_string()).collect();
    let ended = run_with_input(&["announce", "-a", &daemon.address, "-t", "1", "--lines"], input.join("\n").into());
    daemon.end();
    ended.expect_status(1);
}

#[test]
fn a_line_that_is_too_long_is_named_and_the_others_go() {
    let daemon = Daemon::new(take_everything);
    let input = [b"first\n", &vec![b'x'; 70_000][..], b"\nlast\n"].concat();
    let ended = run_with_input(&["announce", "-a", &daemon.address, "-t", "1", "--lines"], input);
    assert_eq!(daemon.end(), [b"first".to_vec(), b"last".to_vec()]);
    ended.expect_status(1).expect_error("line 2 has more than 65525 bytes").expect_error("2 of 3 messages");
}

#[test]
fn no_wait_waits_for_nothing() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.expect(&announce(3, 1, b"a"));
        peer.expect(&announce(3, 1, b"b"));
        peer.expect_end();
    });
    let started = Instant::now();
    let arguments =
        ["announce", "-a", &daemon.address, "-t", "1", "--ttl", "3", "--no-wait", "--timeout", "25", "a", "b"];
    let ended = run(&arguments).expect_status(0);
    daemon.end();
    assert!(started.elapsed() < Duration::from_secs(20));
    ended.expect_error("2 of 2 messages of type 1 sent to");
}

#[test]
fn the_json_summary_is_one_object() {
    let daemon = Daemon::new(take_everything);
    let ended = run(&["announce", "-a", &daemon.address, "-t", "5", "--ttl", "2", "--json", "a", "b"]).expect_status(0);
    let summary: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let of = |key: &str| summary[key].as_u64();
    assert_eq!([of("type"), of("ttl"), of("sent"), of("taken")], [Some(5), Some(2), Some(2), Some(2)]);
    assert_eq!([of("not_taken"), of("refused")], [Some(0), Some(0)]);
    assert!(summary["error"].is_null() && summary["address"] == daemon.address.as_str() && ended.stderr.is_empty());
    daemon.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_summary_that_a_full_disk_takes_no_more_is_a_failure() {
    let daemon = Daemon::new(take_everything);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = gossip(&["announce", "-a", &daemon.address, "-t", "5", "--json", "a"]);
    let ended = end_of(command.stdout(full).spawn().unwrap()).expect_status(1);
    ended.expect_error("cannot write to standard output");
    daemon.end();
}

#[test]
fn quiet_is_quiet() {
    let daemon = Daemon::new(take_everything);
    let ended = run(&["announce", "-a", &daemon.address, "-t", "5", "--quiet", "a"]).expect_status(0);
    assert_eq!((ended.text(), &ended.stderr[..]), ("", ""));
    daemon.end();
}

#[test]
fn what_is_not_a_gossip_api_is_called_so() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.send(&[0, 3, 1, 0xf6]);
        // Reading to the end, so that the tool reads these bytes before any reset.
        while peer.frame().is_some() {}
    });
    let ended = run(&["announce", "-a", &daemon.address, "-t", "1", "a"]);
    daemon.end();
    ended.expect_status(1).expect_error("is not the gossip API's");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for arguments in [
        &["announce"][..],
        &["announce", "text"],
        &["announce", "-t", "1"],
        &["announce", "-t", "65536", "text"],
        &["announce", "-t", "-1", "text"],
        &["announce", "-t", "1", "--ttl", "256", "text"],
        &["announce", "-t", "1", "--timeout", "0", "text"],
        &["announce", "-t", "1", "--lines", "text"],
        &["announce", "-t", "1", "-a", "localhost", "text"],
        &["announce", "-t", "1", "-a", "::1:7001", "text"],
        &["announce", "-t", "1", "@/no/such/file"],
        &["announce", "-t", "1", "-", "-"],
        &["announcement", "-t", "1", "text"],
    ] {
        let ended = run(arguments);
        assert!(ended.status == Some(2) && !ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn the_help_teaches() {
    let help = end_of(gossip(&["announce", "--help"]).spawn().unwrap()).expect_status(0);
    for part in ["Examples:", "Exit status:", "65525 bytes", "--no-wait", "@FILE", "left unanswered"] {
        assert!(help.text().contains(part), "{part}");
    }
    assert!(run(&["--help"]).expect_status(0).text().contains("Examples:"));
}

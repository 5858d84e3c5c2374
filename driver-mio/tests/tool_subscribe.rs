//! `gossip subscribe` against daemons that do as they should, and others.

mod tool_support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};
use tool_support::{Daemon, end_of, gossip, nobodys_address, notification, notify, run, validation};

/// Subscribes to type 1 with these arguments more, at a daemon that says `says` and expects `answers`; then the end.
fn told(arguments: &[&str], says: Vec<u8>, answers: Vec<Vec<u8>>) -> tool_support::Ended {
    let daemon = Daemon::new(move |mut peer| {
        peer.expect(&notify(1));
        peer.send(&says);
        answers.iter().for_each(|answer| peer.expect(answer));
        peer.expect_end();
    });
    let ended = run(&[&["subscribe", "-a", &daemon.address, "-t", "1"], arguments].concat());
    daemon.end();
    ended
}

#[test]
fn every_message_is_printed_and_vouched_for() {
    let says = [notification(1, 1, b"first"), notification(0xabcd, 1, "zwölf".as_bytes()), notification(2, 1, b"")];
    let answers = vec![validation(1, true), validation(0xabcd, true), validation(2, true)];
    let ended = told(&["--count", "3"], says.concat(), answers).expect_status(0);
    let lines: Vec<&str> = ended.text().lines().collect();
    assert!(lines[0].ends_with(" type 1 id 1 5 bytes: first"), "{lines:?}");
    assert!(lines[1].ends_with(" type 1 id 43981 6 bytes: zwölf"), "{lines:?}");
    assert!(lines[2].ends_with(" type 1 id 2 0 bytes: ") && lines.len() == 3, "{lines:?}");
    ended.expect_error("every message is vouched for");
}

#[test]
fn no_refuses_and_never_leaves_unanswered() {
    let says = [notification(1, 1, b"a"), notification(2, 1, b"b")].concat();
    let refusals = vec![validation(1, false), validation(2, false)];
    told(&["--count", "2", "--validate", "no"], says.clone(), refusals).expect_status(0);
    let ended = told(&["--count", "2", "--validate", "never", "--quiet"], says, vec![]).expect_status(0);
    assert_eq!((ended.text().lines().count(), &ended.stderr[..]), (2, ""));
}

#[test]
fn count_ends_after_so_many_even_if_more_came() {
    let says = [notification(1, 1, b"a"), notification(2, 1, b"b"), notification(3, 1, b"c")].concat();
    let ended = told(&["--count", "2"], says, vec![validation(1, true), validation(2, true)]).expect_status(0);
    assert_eq!(ended.text().lines().count(), 2);
}

#[test]
fn each_type_is_subscribed_to_and_others_are_not_shown() {
    let daemon = Daemon::new(|mut peer| {
        for data_type in [0, 1337, 65_535] {
            peer.expect(&notify(data_type));
        }
        let says = [notification(1, 8, b"unasked"), notification(2, 65_535, b"a"), notification(3, 0, b"b")];
        peer.send(&says.concat());
        peer.expect(&validation(2, true));
        peer.expect(&validation(3, true));
        peer.expect_end();
    });
    let types = ["--type", "0", "--type", "1337", "--type", "65535"];
    let ended = run(&[&["subscribe", "-a", &daemon.address, "-n", "2"][..], &types].concat()).expect_status(0);
    daemon.end();
    assert!(ended.text().contains("type 65535 id 2") && ended.text().contains("type 0 id 3"));
    assert!(!ended.text().contains("unasked"));
}

#[test]
fn a_daemon_that_sends_one_byte_at_a_time_is_understood() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.send_byte_by_byte(&[&[0, 4, 1, 0xfe][..], &notification(5, 1, b"slowly"), &[0]].concat());
        peer.expect(&validation(5, true));
        peer.expect_end();
    });
    let ended = run(&["subscribe", "-a", &daemon.address, "-t", "1", "-n", "1", "--raw"]).expect_status(0);
    daemon.end();
    assert_eq!(ended.text(), "slowly");
}

#[test]
fn json_is_an_object_a_line() {
    let says = [notification(1, 1, b"te\"xt\n"), notification(2, 1, &[0, 255])].concat();
    let ended = told(&["-n", "2", "--json"], says, vec![validation(1, true), validation(2, true)]).expect_status(0);
    let objects: Vec<serde_json::Value> =
        ended.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&objects[0]["text"], &objects[0]["id"]), (&"te\"xt\n".into(), &1.into()));
    assert_eq!(
        (&objects[1]["base64"], &objects[1]["size"], &objects[1]["type"]),
        (&"AP8=".into(), &2.into(), &1.into())
    );
    let time = objects[0]["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
}

#[test]
fn raw_is_the_bytes_as_they_are() {
    let data: Vec<u8> = (0..=255).cycle().take(65_527).collect();
    let says = [notification(1, 1, b"\x1b[31m"), notification(2, 1, &data)].concat();
    let ended = told(&["-n", "2", "--raw"], says, vec![validation(1, true), validation(2, true)]).expect_status(0);
    assert_eq!(ended.stdout, [b"\x1b[31m", &data[..]].concat());
}

#[test]
fn what_is_said_cannot_control_the_terminal() {
    let says = [notification(1, 1, b"\x1b[2J\x07"), notification(2, 1, "\u{9b}2J\r\u{202e}".as_bytes())].concat();
    for form in [&["-n", "2"][..], &["-n", "2", "--json"]] {
        let ended = told(form, says.clone(), vec![validation(1, true), validation(2, true)]).expect_status(0);
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ended.text().contains(harmful), "{:?}", ended.text());
    }
}

#[test]
fn a_reader_that_closes_the_pipe_ends_it_quietly() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        // Until the tool, told by its next write that nobody reads, goes.
        let deadline = Instant::now() + Duration::from_secs(20);
        while peer.0.write_all(&notification(1, 1, &[b'x'; 1_000])).is_ok() {
            assert!(Instant::now() < deadline, "the tool goes on without a reader");
        }
    });
    let mut child = gossip(&["subscribe", "-a", &daemon.address, "-t", "1", "--quiet"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("xxx"));
    let ended = end_of(child).expect_status(0);
    assert_eq!(ended.stderr, "");
    daemon.end();
}

#[test]
fn a_daemon_that_goes_away_or_is_not_there_is_named() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        peer.send(&notification(1, 1, b"last"));
        peer.expect(&validation(1, true));
    });
    let address = daemon.address.clone();
    let ended = run(&["subscribe", "-a", &address, "-t", "1"]).expect_status(1);
    daemon.end();
    assert!(ended.text().ends_with("last\n"));
    let ended = ended.expect_error(&format!("the daemon at {address} closed the connection"));
    assert!(!ended.stderr.contains("api_address"));
    let daemon = Daemon::new(|mut peer| peer.expect(&notify(1)));
    let ended = run(&["subscribe", "-a", &daemon.address, "-t", "1"]).expect_status(1);
    daemon.end();
    ended.expect_error("closed the connection without a word: it stopped, or this is not its api_address");
    let address = nobodys_address().to_string();
    run(&["subscribe", "-a", &address, "-t", "1"]).expect_status(1).expect_error("cannot reach a gossip daemon at");
}

#[test]
fn the_timeout_is_a_failure_only_with_a_count() {
    told(&["--timeout", "0.2"], vec![], vec![]).expect_status(0);
    let ended = told(&["--timeout", "0.4", "-n", "2"], notification(1, 1, b"a"), vec![validation(1, true)]);
    ended.expect_status(1).expect_error("1 of 2 messages came");
}

#[cfg(unix)]
#[test]
fn signals_end_it_in_good_order() {
    for signal in ["-INT", "-TERM"] {
        let (answer, answered) = std::sync::mpsc::channel();
        let daemon = Daemon::new(move |mut peer| {
            peer.expect(&notify(1));
            peer.send(&notification(1, 1, b"a"));
            peer.expect(&validation(1, true));
            answer.send(()).unwrap();
            peer.expect_end();
        });
        let child = gossip(&["subscribe", "-a", &daemon.address, "-t", "1", "--quiet"]).spawn().unwrap();
        // Once it has answered it has its handlers, and nothing left that the signal could cut short.
        answered.recv().expect("an answer before the signal");
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let ended = end_of(child).expect_status(0);
        assert_eq!(ended.stderr, "");
        daemon.end();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn asking_needs_a_terminal() {
    // In a session of its own the tool has no terminal, wherever this test runs.
    let mut command = std::process::Command::new("setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_gossip"), "subscribe", "-t", "1", "--validate", "ask"]);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    end_of(command.spawn().unwrap()).expect_status(2).expect_error("--validate ask needs a terminal");
}

#[test]
fn a_frame_that_outlasts_the_read_timeout_is_not_lost() {
    let daemon = Daemon::new(|mut peer| {
        peer.expect(&notify(1));
        for id in 1..=3 {
            let frame = notification(id, 1, &[b'a'; 3_000]);
            let (start, end) = frame.split_at(usize::from(id) * 700);
            peer.send(start);
            // Longer than the tool's read timeout: what came so far must not be lost with it.
            std::thread::sleep(Duration::from_millis(250));
            peer.send(end);
            peer.expect(&validation(id, true));
        }
        peer.half_close();
        peer.expect_end();
    });
    let ended = run(&["subscribe", "-a", &daemon.address, "-t", "1", "-n", "3", "--raw"]).expect_status(0);
    daemon.end();
    assert_eq!(ended.stdout, [b'a'; 9_000]);
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for arguments in [
        &["subscribe"][..],
        &["subscribe", "-t", "x"],
        &["subscribe", "-t", "1", "--count", "0"],
        &["subscribe", "-t", "1", "--json", "--raw"],
        &["subscribe", "-t", "1", "--validate", "maybe"],
        &["subscribe", "-t", "1", "-a", "localhost:0"],
    ] {
        let ended = run(arguments);
        assert!(ended.status == Some(2) && !ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
}

//! `gossip bench` against a daemon that carries everything, late, not quite, or not at all.

mod tool_support;

use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};
use tool_support::{Peer, announced, end_of, gossip, notification, run};

/// What a scripted daemon does to the messages.
#[derive(Clone, Copy)]
struct Way {
    late: Duration,
    /// Numbers that are not passed on.
    loses: fn(u64) -> bool,
    /// Numbers that are passed on twice.
    repeats: fn(u64) -> bool,
    /// With this number it closes towards the listener.
    leaves_at: u64,
    /// After this number it says everything again, 300 ms later.
    says_again_after: u64,
}

const FAITHFUL: Way =
    Way { late: Duration::ZERO, loses: |_| false, repeats: |_| false, leaves_at: u64::MAX, says_again_after: u64::MAX };

/// Numbers from here on are probes'.
const PROBES: u64 = 1 << 63;

/// A daemon for one announcing and one listening connection; returns how many VALIDATIONs came, and all were right.
fn daemon(way: Way) -> (String, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let script = std::thread::spawn(move || {
        let (mut announcer, mut subscriber) = (Peer::accept(&listener), Peer::accept(&listener));
        assert_eq!(subscriber.frame().unwrap(), [0, 8, 1, 0xf5, 0, 0, 5, 57]);
        let mut answers = Peer(subscriber.0.try_clone().unwrap());
        let judge = std::thread::spawn(move || {
            let frames = std::iter::from_fn(|| answers.frame());
            frames.inspect(|frame| assert_eq!((&frame[..4], &frame[6..]), (&[0, 8, 1, 0xf7][..], &[0, 1][..]))).count()
        });
        let (mut id, mut has_left, mut said) = (0u16, false, Vec::new());
        while let Some(frame) = announcer.frame() {
            let data = announced(&frame);
            let number = u64::from_be_bytes(data[8..16].try_into().unwrap());
            std::thread::sleep(way.late);
            if number == way.leaves_at {
                has_left = true;
                let _ = subscriber.0.shutdown(Shutdown::Write);
            }
            if has_left || number < PROBES && (way.loses)(number) {
                continue;
            }
            for _ in 0..1 + usize::from((way.repeats)(number)) {
                id = id.wrapping_add(1);
                subscriber.send(&notification(id, 1337, data));
            }
            if way.says_again_after != u64::MAX && number < PROBES {
                said.push(data.to_vec());
            }
            if number == way.says_again_after {
                std::thread::sleep(Duration::from_millis(300));
                said.iter().for_each(|data| subscriber.send(&notification(id, 1337, data)));
            }
        }
        let _ = subscriber.0.shutdown(Shutdown::Write);
        judge.join().unwrap()
    });
    (address, script)
}

fn bench(address: &str, options: &[&str]) -> (Option<i32>, serde_json::Value, String) {
    let ended = run(&[&["bench", "-a", address, "--json"], options].concat());
    let json = serde_json::from_slice(&ended.stdout).unwrap_or_default();
    (ended.status, json, ended.stderr)
}

#[test]
fn everything_delivered_is_status_0_and_everything_is_vouched_for() {
    let (address, script) = daemon(FAITHFUL);
    let (status, json, complaint) = bench(&address, &["-n", "3000", "--size", "100"]);
    assert_eq!(status, Some(0), "{complaint}");
    let listener = &json["listeners"][0];
    assert_eq!((&json["sent"], &json["complete"]), (&3_000.into(), &true.into()));
    assert_eq!(
        (&listener["delivered"], &listener["lost"], &listener["duplicated"]),
        (&3_000.into(), &0.into(), &0.into())
    );
    // The probe that shows that messages get through comes first.
    assert!(script.join().unwrap() > 3_000);
}

#[test]
fn lost_and_repeated_messages_are_counted_and_lost_ones_are_status_1() {
    let (address, _script) = daemon(Way { loses: |number| number == 5, repeats: |number| number == 7, ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "50", "--timeout", "0.3"]);
    assert_eq!(status, Some(1), "{complaint}");
    assert!(complaint.contains("1 messages were lost"), "{complaint}");
    let listener = &json["listeners"][0];
    assert_eq!(
        (&listener["delivered"], &listener["lost"], &listener["duplicated"]),
        (&49.into(), &1.into(), &1.into())
    );
}

#[test]
fn a_window_stays_as_wide_as_it_is_however_many_messages_were_lost() {
    // Ten times as many are lost as fit into the window.
    let (address, _script) = daemon(Way { loses: |number| number % 10 == 3, ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "10000", "--window", "100", "--timeout", "1"]);
    assert_eq!(status, Some(1), "{complaint}");
    let listener = &json["listeners"][0];
    assert_eq!((&json["sent"], &json["unsent"]), (&10_000.into(), &0.into()), "{json}");
    assert_eq!((&listener["delivered"], &listener["lost"]), (&9_000.into(), &1_000.into()), "{json}");
}

#[test]
fn what_comes_again_after_everything_has_come_is_counted_too() {
    let (address, _script) = daemon(Way { says_again_after: 49, ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "50"]);
    assert_eq!(status, Some(0), "{complaint}");
    assert_eq!(json["listeners"][0]["duplicated"], 50, "{json}");
}

#[test]
fn what_was_never_announced_because_a_daemon_left_is_not_lost() {
    let (address, _script) = daemon(Way { leaves_at: 500, ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "1000000", "--timeout", "20"]);
    assert_eq!(status, Some(1), "{complaint}");
    assert!(complaint.contains("closed the connection"), "{complaint}");
    let (listener, sent) = (&json["listeners"][0], json["sent"].as_u64().unwrap());
    assert!((500..1_000_000).contains(&sent), "{json}");
    assert_eq!(json["unsent"], 1_000_000 - sent, "{json}");
    assert_eq!((&listener["delivered"], &listener["lost"]), (&500.into(), &0.into()), "{json}");
    assert_eq!(listener["incomplete"], sent - 500, "{json}");
    assert!(json["trouble"].as_str().unwrap().contains(&address), "{json}");
}

#[test]
fn a_listener_that_got_nothing_has_no_latency_and_the_timeout_is_waited_for_once() {
    let begin = Instant::now();
    let (address, _script) = daemon(Way { loses: |_| true, ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "5000", "--window", "10", "--timeout", "4"]);
    assert_eq!(status, Some(1), "{complaint}");
    assert!(begin.elapsed() < Duration::from_secs(8), "once is 4 s: {:?}", begin.elapsed());
    let listener = &json["listeners"][0];
    assert_eq!((&json["sent"], &listener["lost"]), (&10.into(), &10.into()), "{json}");
    assert!(listener["latency_us"].is_null() && json["trouble"].is_null(), "{json}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_prints_what_was_measured_and_is_status_130() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let child = gossip(&["bench", "-a", &address, "--json", "--rate", "100", "-n", "100000"]).spawn().unwrap();
    let pid = child.id().to_string();
    let _script = std::thread::spawn(move || {
        let (mut announcer, mut subscriber) = (Peer::accept(&listener), Peer::accept(&listener));
        while let Some(frame) = announcer.frame() {
            let data = announced(&frame);
            subscriber.send(&notification(1, 1337, data));
            if data[8..16] == 20u64.to_be_bytes() {
                assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
            }
        }
    });
    let ended = end_of(child).expect_status(130);
    let json: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let (sent, delivered) = (json["sent"].as_u64().unwrap(), json["listeners"][0]["delivered"].as_u64().unwrap());
    assert!((21..100_000).contains(&sent) && delivered >= 21 && delivered <= sent, "{json}");
    assert_eq!((&json["interrupted"], &json["complete"]), (&true.into(), &false.into()));
    assert_eq!((&json["unsent"], &json["listeners"][0]["lost"]), (&(100_000 - sent).into(), &0.into()), "{json}");
}

#[test]
fn latency_is_from_announcing_until_a_listener_has_read_it() {
    let (address, _script) = daemon(Way { late: Duration::from_millis(20), ..FAITHFUL });
    let (status, json, complaint) = bench(&address, &["-n", "20", "--window", "1"]);
    assert_eq!(status, Some(0), "{complaint}");
    let latency = &json["listeners"][0]["latency_us"];
    let at = |name: &str| latency[name].as_u64().unwrap();
    assert!(at("p50") >= 20_000, "{latency}");
    assert!(at("p50") <= at("p90") && at("p90") <= at("p99") && at("p99") <= at("max"), "{latency}");
}

#[test]
fn a_rate_is_kept_and_what_falls_behind_it_shows_as_latency() {
    let (address, _script) = daemon(FAITHFUL);
    let (status, json, complaint) = bench(&address, &["-n", "100", "--rate", "500"]);
    assert_eq!(status, Some(0), "{complaint}");
    assert!(json["seconds"].as_f64().unwrap() >= 0.198, "the last is due after 99 / 500 s: {json}");

    // 5 ms each, but one is due each millisecond: the last waits for 4 ms for each before it.
    let (address, _script) = daemon(Way { late: Duration::from_millis(5), ..FAITHFUL });
    let (_, json, _) = bench(&address, &["-n", "50", "--rate", "1000"]);
    assert!(json["listeners"][0]["latency_us"]["max"].as_u64().unwrap() >= 150_000, "{json}");
}

#[test]
fn daemons_that_pass_nothing_on_are_named_as_the_trouble() {
    let begin = Instant::now();
    let (address, _script) = daemon(FAITHFUL);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let (status, _, complaint) = bench(&address, &["-s", &silent, "--timeout", "0.5"]);
    assert_eq!(status, Some(1));
    assert!(complaint.contains(&silent), "{complaint}");
    assert!(begin.elapsed() < Duration::from_secs(15));
}

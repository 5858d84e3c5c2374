//! `gossip bench` against a daemon that carries everything, late, not quite, or not at all.

mod tool_support;

use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};
use tool_support::{Peer, announced, notification, run};

/// What a scripted daemon does to the messages.
#[derive(Clone, Copy)]
struct Way {
    late: Duration,
    /// Numbers that are not passed on.
    loses: u64,
    /// Numbers that are passed on twice.
    repeats: u64,
}

const FAITHFUL: Way = Way { late: Duration::ZERO, loses: u64::MAX, repeats: u64::MAX };

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
        let mut id = 0;
        while let Some(frame) = announcer.frame() {
            let data = announced(&frame);
            let number = u64::from_be_bytes(data[8..16].try_into().unwrap());
            std::thread::sleep(way.late);
            let times = if number == way.loses { 0 } else { 1 + usize::from(number == way.repeats) };
            for _ in 0..times {
                id += 1;
                subscriber.send(&notification(id, 1337, data));
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
    let (address, _script) = daemon(Way { loses: 5, repeats: 7, ..FAITHFUL });
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
    let (address, _script) = daemon(Way { loses: u64::MAX, ..FAITHFUL });
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let (status, _, complaint) = bench(&address, &["-s", &silent, "--timeout", "0.5"]);
    assert_eq!(status, Some(1));
    assert!(complaint.contains(&silent), "{complaint}");
    assert!(begin.elapsed() < Duration::from_secs(15));
}

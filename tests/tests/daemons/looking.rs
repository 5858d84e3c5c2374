//! What daemons tell at their status address, and the tool's commands that ask there.

use gossip_tests::{Bed, Daemon, Ini, PATIENCE, Signal};
use serde_json::Value;
use std::time::Instant;

const TYPE: u16 = 1_337;

fn open() -> Ini {
    Ini::new().with("status_address", "127.0.0.1:0")
}

fn pair(bed: &Bed) -> (Daemon, Daemon) {
    let first = bed.start("first", &open());
    let second = bed.start("second", &open().calling(&[first.peers()]));
    first.knows(&[second.peers()]);
    second.knows(&[first.peers()]);
    (first, second)
}

fn json(daemon: &Daemon, path: &str) -> Value {
    let (status, body) = daemon.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("it is JSON")
}

/// Asks until what it says is as wanted: a frame may still be on its way.
fn becomes(daemon: &Daemon, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = json(daemon, "/status");
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{}: {status:#}", daemon.name());
    }
}

#[test]
fn status_tells_the_truth_before_and_after_a_message() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let (mut here, mut there) = (first.module(), second.module());
    here.notify(TYPE);
    here.notify(7);
    there.notify(TYPE);
    becomes(&first, |status| status["subscriptions"]["total"] == 2);
    becomes(&second, |status| status["subscriptions"]["total"] == 1);
    let before = [&first, &second].map(|daemon| json(daemon, "/status"));
    for (status, daemon, other, direction) in
        [(&before[0], &first, &second, "accepted"), (&before[1], &second, &first, "dialed")]
    {
        assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(status["addresses"]["p2p"][0], daemon.peers().to_string());
        assert_eq!(status["addresses"]["api"][0], daemon.api().to_string());
        assert_eq!(status["addresses"]["status"], daemon.status().to_string());
        assert_eq!(status["neighbours"].as_array().map(Vec::len), Some(1));
        let neighbour = &status["neighbours"][0];
        assert_eq!(neighbour["address"], other.peers().to_string());
        assert_eq!((&neighbour["direction"], &neighbour["capable"]), (&direction.into(), &true.into()));
        assert_eq!((&neighbour["received_messages"], &neighbour["sent_messages"]), (&0.into(), &0.into()));
        assert!(neighbour["received_bytes"].as_u64() > Some(0) && neighbour["sent_bytes"].as_u64() > Some(0));
        let age = neighbour["age_seconds"].as_f64().unwrap();
        let (silent, up) = (neighbour["silent_seconds"].as_f64().unwrap(), status["uptime_seconds"].as_f64().unwrap());
        assert!(0.0 <= silent && silent <= age + 0.1 && age <= up && up < PATIENCE.as_secs_f64(), "{status:#}");
        assert_eq!(status["connections"]["modules"], 1);
    }
    assert_eq!(before[0]["subscriptions"]["total"], 2);
    let types = serde_json::json!([{"type": 7, "subscribers": 1}, {"type": TYPE, "subscribers": 1}]);
    assert_eq!(before[0]["subscriptions"]["types"], types);
    assert_eq!(before[1]["proofs_of_work"]["found"], 1, "who dials proves");
    assert_eq!(before[0]["proofs_of_work"]["found"], 0);

    here.announce(0, TYPE, b"hello");
    here.expect(b"hello");
    let id = there.expect(b"hello");
    let waiting = json(&second, "/status");
    assert_eq!((&waiting["messages"]["waiting"], &waiting["messages"]["seen"]), (&1.into(), &1.into()));
    there.validate(id, true);
    let after = becomes(&second, |status| status["messages"]["waiting"] == 0);
    assert_eq!(after["counters"]["messages_valid"], 1);
    assert_eq!(after["messages"]["knowledge"], 1, "held for others: its announcer has it");
    let received = &after["neighbours"][0];
    assert_eq!((&received["received_messages"], &received["sent_messages"]), (&1.into(), &0.into()));
    let sent = json(&first, "/status");
    assert_eq!(sent["neighbours"][0]["sent_messages"], 1);
    let grown = |now: &Value, was: &Value, what: &str| {
        now["neighbours"][0][what].as_u64().unwrap() - was["neighbours"][0][what].as_u64().unwrap()
    };
    // A frame of 5 bytes of data: 4 of header, 6 of fields. PINGs may have come beside it.
    assert!(grown(&sent, &before[0], "sent_bytes") >= 15 && grown(&after, &before[1], "received_bytes") >= 15);
    assert_eq!(sent["counters"]["announcements"], 1);
    let limit = |status: &Value, key: &str| {
        let limits = status["limits"].as_array().unwrap();
        limits.iter().find(|limit| limit["key"] == key).unwrap().clone()
    };
    assert_eq!((&limit(&after, "cache_size")["used"], &limit(&after, "cache_size")["most"]), (&1.into(), &50.into()));
    assert_eq!(limit(&after, "seen_max")["used"], 1);
}

#[test]
fn metrics_agree_with_status_and_every_one_is_described_before_it() {
    let bed = Bed::new();
    let (first, _second) = pair(&bed);
    let (status, text) = first.get("/metrics");
    assert_eq!(status, 200);
    let mut described = (String::new(), String::new());
    let mut values = std::collections::BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            described.0 = help.split(' ').next().unwrap().to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            described.1 = kind.split(' ').next().unwrap().to_owned();
            assert!(kind.ends_with(" counter") || kind.ends_with(" gauge"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            assert!(described.0 == family && described.1 == family, "{line} is not described");
            assert_eq!(values.insert(name.to_owned(), value.parse::<f64>().unwrap()), None, "{name} twice");
        }
    }
    assert!(values["gossip_neighbours"] == 1.0 && values["gossip_neighbours_dialed"] == 0.0);
    assert!(values["gossip_resident_memory_bytes"] > 1e6 && values["gossip_start_time_seconds"] > 1.7e9);
    let status = json(&first, "/status");
    let counters = status["counters"].as_object().unwrap();
    for (name, value) in counters.iter().filter(|(name, _)| !name.ends_with("_in") && !name.ends_with("_out")) {
        let value = value.as_f64().unwrap();
        assert!(values[&format!("gossip_{name}_total")] <= value, "{name} went back");
    }
    assert_eq!(values["gossip_handshakes_total"], counters["handshakes"].as_f64().unwrap());
    for limit in status["limits"].as_array().unwrap() {
        let name = limit["of"].as_str().unwrap();
        let family = match name.strip_suffix("_bytes") {
            Some(start) => format!("gossip_{start}_limit_bytes"),
            None => format!("gossip_{name}_limit"),
        };
        assert_eq!(values[&family], limit["most"].as_f64().unwrap(), "{name}");
    }
}

#[test]
fn who_comes_and_goes_is_in_the_events_and_on_the_monitor() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let address = first.status().to_string();
    let mut monitor = bed.gossip(&["monitor", "--status", &address]);
    monitor.prints(&format!("info neighbour {} joined", second.peers()));
    let events = json(&first, "/events");
    // Before it, the log said that nobody is there to be called.
    let kinds: Vec<&str> = events["events"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!((&events["missed"], &kinds[..]), (&0.into(), &["alone", "neighbour_up"][..]));
    let next = events["next"].as_u64().unwrap();
    let gone = second.peers();
    second.kill();
    monitor.prints(&format!("info neighbour {gone} left: connection gone"));
    let news = json(&first, &format!("/events?since={next}"));
    assert_eq!(news["events"][0]["number"], next);
    assert_eq!(news["events"][0]["kind"], "neighbour_down");
    let (status, printed, _) = bed.gossip(&["monitor", "--status", &address, "--json", "--once", "-n", "1"]).end();
    assert_eq!((status, printed.lines().count()), (Some(0), 1), "{printed}");
    let last: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(last["level"], "info");
    monitor.signal(Signal::INT);
    assert_eq!(monitor.wait(PATIENCE).and_then(|status| status.code()), Some(0), "Ctrl-C ends it in good order");
}

#[test]
fn the_tools_find_the_daemon_by_address_or_file_and_print_for_people_and_programs() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let address = first.status().to_string();
    let file = bed.file("known.ini", first.ini_with_ports().with("status_address", &address).to_string());
    for place in [["--status", &address], ["-c", file.to_str().unwrap()]] {
        let run = |command: &[&str]| {
            let (status, printed, said) = bed.gossip(&[command, &place].concat()).end();
            assert_eq!(status, Some(0), "{command:?}: {said}");
            printed
        };
        let text = run(&["status"]);
        assert!(
            text.contains("gossipd") && text.contains("1 (0 dialed)") && text.contains("limits met   none"),
            "{text}"
        );
        let whole: Value = serde_json::from_str(&run(&["status", "--json"])).unwrap();
        assert_eq!(whole["neighbours"][0]["address"], second.peers().to_string());
        let peers = run(&["peers"]);
        assert!(peers.contains(&second.peers().to_string()) && peers.contains(" it "), "{peers}");
        let peer: Value = serde_json::from_str(&run(&["peers", "--json"])).unwrap();
        assert_eq!(peer["address"], whole["neighbours"][0]["address"]);
        assert_eq!(peer["direction"], "accepted");
    }
}

#[test]
fn who_asks_in_vain_is_told_why() {
    let bed = Bed::new();
    let daemon = bed.start("closed", &Ini::new());
    assert!(!daemon.log().iter().any(|line| line.contains("look inside")), "off unless it is asked for");
    let api = daemon.api().to_string();
    let nobody = bed.used_address().to_string();
    let unset = bed.file("unset.ini", daemon.ini_with_ports().to_string());
    let unset = unset.to_str().unwrap();
    for command in ["status", "peers", "monitor"] {
        for (place, status, part) in [
            (["--status", &nobody], 1, format!("no daemon answers at {nobody}")),
            (["--status", &nobody], 1, "is status_address set".to_owned()),
            (["--status", &api], 1, format!("what listens at {api} does not answer within 5 s")),
            (["-c", unset], 2, "has no status_address".to_owned()),
            (["-c", "no/such/file.ini"], 2, "no/such/file.ini".to_owned()),
        ] {
            let (ended, _, said) = bed.gossip(&[&[command][..], &place].concat()).end();
            assert_eq!(ended, Some(status), "{command} {place:?}: {said}");
            assert!(said.starts_with("gossip: ") && said.contains(&part), "{command} {place:?}: {said}");
        }
    }
    let (ended, _, said) = bed.gossip(&["top", "--status", &nobody]).end();
    assert!(ended == Some(2) && said.contains("needs a terminal"), "{said}");
}

#[test]
fn the_command_line_opens_it_and_nothing_but_loopback_can() {
    let bed = Bed::new();
    let daemon = bed.start_with("by-option", &Ini::new(), &["--status-address", "localhost:0"]);
    assert_eq!(daemon.get("/healthz"), (200, "ok\n".to_owned()));
    let file = bed.file("any.ini", Ini::new().with("status_address", "0.0.0.0:8001").to_string());
    let file = file.to_str().unwrap();
    let (status, _, said) = bed.gossipd(&["-c", file]);
    assert_eq!(status, Some(2));
    assert!(said.contains("status_address: '0.0.0.0:8001' may be reached from other hosts"), "{said}");
    let fine = bed.file("fine.ini", Ini::new().to_string());
    let (status, _, said) = bed.gossipd(&["-c", fine.to_str().unwrap(), "--status-address", "192.0.2.1:1"]);
    assert!(
        status == Some(2) && said.contains("127.0.0.1:port, [::1]:port or localhost:port would be right"),
        "{said}"
    );
}

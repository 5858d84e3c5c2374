//! A made-up run: a network that is cut in two and heals.

use super::{Broken, Cost, Fault, Message, Overlay, Report, Summary, Traffic, Values, Verdict};

const SECOND: u64 = 1_000_000;
const SIMULATED: u64 = 600 * SECOND;

/// Such a run of so many peers (the last of whom never found anybody) and so many messages.
pub(super) fn sample(peers: u32, messages: u64) -> Report {
    let expected = u64::from(peers);
    let spread: Vec<(Message, Vec<u64>)> = (0..messages).map(|n| message(n, messages, expected)).collect();
    let delays = || spread.iter().flat_map(|(_, delays)| delays.iter().copied());
    let deliveries = delays().count() as u64;
    let edges = edges(peers);
    let views = (0..peers).map(|peer| {
        let neighbours = edges.iter().filter(|(one, other)| *one == peer || *other == peer).count();
        (peer, u32::try_from(neighbours).expect("neighbours are few"))
    });
    let views: Vec<(u32, u32)> = views.collect();
    Report {
        scenario: "partition-and-heal".to_owned(),
        seed: 42,
        command: "sim run sim/scenarios/partition-and-heal.ini --seed 42".to_owned(),
        options: [("degree", "30"), ("latency", "uniform 5 ms to 80 ms"), ("max_peers", "50"), ("pow_bits", "24")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        verdicts: verdicts(deliveries, expected * messages),
        broken: Vec::new(),
        summary: Summary {
            peers: expected,
            announcements: messages,
            deliveries,
            expected: expected * messages,
            missed: expected * messages - deliveries,
            subscribed: expected * messages * 10 / 9,
            suppressed: deliveries * 23 / 10,
            redundancy_milli: 2_300,
            last_hop: 6,
            peer_bytes: deliveries * 3_300,
            simulated: SIMULATED,
            events: deliveries * 9,
        },
        cost: Some(Cost { wall: 4_321_000, bytes_a_peer: Some(7_412) }),
        judged: messages,
        messages: spread.iter().map(|(message, _)| message.clone()).collect(),
        latency: Values::of(delays()),
        hops: Values::new((1..=6).zip([8, 61, 420, 333, 27, 2].map(|share| share * deliveries / 851))),
        traffic: traffic(deliveries),
        overlay: Overlay { views, edges, pieces: 2 },
        faults: faults(),
    }
}

/// The same run with something broken, and texts that a page must not take for markup.
#[allow(dead_code, reason = "the tests use it, the example does not")]
pub(super) fn hostile() -> Report {
    let evil = "<script>alert('&')</script>\"";
    let mut report = sample(20, 40);
    report.scenario = evil.to_owned();
    report.command = format!("sim run '{evil}'");
    report.options.push((evil.to_owned(), evil.to_owned()));
    report.verdicts[0].expectation = evil.to_owned();
    report.verdicts[0].measured = evil.to_owned();
    report.faults[0].label = evil.to_owned();
    report.traffic[7].name = evil.to_owned();
    report.broken =
        vec![Broken { at: 12_345_678, peer: 17, property: evil.to_owned(), detail: format!("message 3 {evil}") }];
    report
}

fn verdicts(deliveries: u64, expected: u64) -> Vec<Verdict> {
    let milli = deliveries * 100_000 / expected.max(1);
    let delivery = format!("{}.{:03} %", milli / 1_000, milli % 1_000);
    [
        ("delivery >= 99.9 %", delivery.as_str(), false),
        ("p99 latency <= 500 ms", "300 ms", true),
        ("redundancy <= 3", "2.3", true),
        ("overlay = connected", "2 pieces", false),
        ("rest >= 1 min", "2 min 41 s", true),
    ]
    .map(|(expectation, measured, met)| Verdict {
        expectation: expectation.to_owned(),
        measured: measured.to_owned(),
        met,
    })
    .to_vec()
}

fn message(n: u64, messages: u64, expected: u64) -> (Message, Vec<u64>) {
    let at = 20 * SECOND + n * 560 * SECOND / messages;
    // From 200 s to 300 s the network is in two parts of 40 % and 60 %; in a crowd some get nothing.
    let reach = match at / SECOND {
        200..300 => expected * if scatter(n) % 5 < 2 { 2 } else { 3 } / 5,
        410..440 => expected * (90 + scatter(n) % 9) / 100,
        _ => expected - 1,
    };
    let delay = |peer: u64| {
        let hops = [1, 2, 3, 3, 3, 4, 4, 5][usize::try_from(scatter(n * 7_919 + peer) % 8).expect("below eight")];
        (0..hops).map(|hop| 12_000 + scatter(n * 131 + peer * 17 + hop) % 70_000).sum::<u64>()
    };
    let delays: Vec<u64> = (0..reach).map(delay).collect();
    (Message::new(at, expected, delays.clone()), delays)
}

fn edges(peers: u32) -> Vec<(u32, u32)> {
    let mut edges = Vec::new();
    let linked = u64::from(peers.saturating_sub(1));
    for one in 1..linked {
        for choice in 0..4 {
            let other = scatter(one * 31 + choice) % one;
            edges.push((u32::try_from(other).expect("a peer"), u32::try_from(one).expect("a peer")));
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn traffic(deliveries: u64) -> Vec<Traffic> {
    [
        (504, 3, 4),
        (505, 9, 120),
        (506, 6, 12),
        (507, 6, 26),
        (508, 6, 10),
        (509, 40, 12),
        (510, 90, 4),
        (511, 2_300, 310),
        (512, 12, 20),
        (514, 90, 4),
    ]
    .map(|(kind, share, size)| {
        let frames = deliveries * share / 1_000;
        Traffic::new(kind, frames, frames * size)
    })
    .to_vec()
}

fn faults() -> Vec<Fault> {
    [
        ("churn: one leaves every 5 s", 60, Some(180)),
        ("partition 40 % / 60 %", 200, Some(300)),
        ("kill 3 peers", 240, None),
        ("flash crowd: 40 join", 410, Some(440)),
        ("slow: 10 % take 5 ms an event", 420, Some(520)),
        ("clock drift of up to 200 ppm", 570, None),
    ]
    .map(|(label, from, until): (&str, u64, Option<u64>)| Fault {
        label: label.to_owned(),
        from: from * SECOND,
        until: until.map(|until| until * SECOND),
    })
    .to_vec()
}

/// Numbers that look random enough.
fn scatter(n: u64) -> u64 {
    let mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

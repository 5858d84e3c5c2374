//! Scenario files: ini, read through the same layer as the daemon's, with the same quality of messages.

use super::adversary::{ATTACKS, Adversary, LURES, Lure};
use super::fault::{self, FAULTS};
use super::{Expectation, Fault, Measure, ModuleClass, Region, Relation, Scenario, Step, Verdict, Who, Workload};
use super::{sense, value};
use crate::network::Latency;
use crate::workload::MESSAGE_MIN;
use gossip_config::{ConfigError, Document, Place, Problem, Problems, Section, read_settings};

/// One key: its kind of section, its name, what holds without it, and one sentence.
pub type Key = (&'static str, &'static str, &'static str, &'static str);

/// Every key but those of `[gossip]`, which are the daemon's, and `[expect]`, which are [`MEASURES`].
pub const KEYS: &[Key] = &[
    ("simulation", "peers", "required", "How many peers there are in all."),
    ("simulation", "bootstrappers", "1", "The first so many are bootstrappers; a peer knows eight of them at most."),
    ("simulation", "joined", "all", "How many join at the start; the others when a fault of kind join says so."),
    ("simulation", "join_over", "10 s", "The first joins are spread over so long."),
    ("simulation", "duration", "60 s", "How long it takes, simulated."),
    ("simulation", "hash_rate", "20000000", "SHA-256 a second of one peer: what pow_bits cost in simulated time."),
    ("simulation", "real_pow_bits", "4", "So many bits are really solved and checked."),
    ("network", "latency", "uniform 5 ms to 80 ms", "One way: fixed, uniform, normal (mean, deviation) or regions."),
    ("network", "jitter", "5 ms", "Each frame takes up to so much longer, never overtaking."),
    ("network", "bandwidth", "unlimited", "What a host can send, bytes a second."),
    ("network", "cut", "1 %", "So many reads bring only a part of what is there."),
    ("network", "loss", "0.1 %", "So many frames come late, by a retransmission."),
    ("network", "send_buffer", "262144", "Bytes between two programs: both sockets' buffers."),
    ("region", "share", "1", "Its share of the hosts, relative to other regions'."),
    ("region", "latency", "required", "To each region, in the file's order, with commas."),
    ("network", "lost", "0 %", "So many messages between peers are lost, as by a full queue or a reset."),
    ("modules", "types", "required", "The data types that they subscribe to."),
    ("modules", "share", "100 %", "So many peers have one."),
    ("modules", "verdict", "content", "What they say of a message: content (by what is in it), yes, no or never."),
    ("modules", "delay", "0 s to 20 ms", "After how long they say it."),
    ("modules", "reads", "yes", "no: they never read what they are told."),
    ("workload", "types", "required", "Which data types are announced, at random."),
    ("workload", "every", "required", "The pause between announcements."),
    ("workload", "random", "yes", "Pauses are exponentially distributed around `every`."),
    ("workload", "start", "30 s", "From then on."),
    ("workload", "stop", "the end", "Until then."),
    ("workload", "count", "any", "At most so many."),
    ("workload", "size", "200", "Bytes of data, at least 9: one number or two with `to`."),
    ("workload", "ttl", "0", "Hops; 0 is no limit. Delivery counts only those without limit."),
    ("workload", "from", "anybody", "The number of the only peer that announces."),
    ("workload", "invalid", "0 %", "So many are such that modules that look at the content refuse them."),
    ("fault", "at", "required", "When."),
    (
        "fault",
        "kind",
        "required",
        "partition, one-way, kill, vanish, leave, pause, slow, silence, reset, drift, modules, join or churn.",
    ),
    ("fault", "lasts", "for ever", "For how long; ended peers start anew after it."),
    (
        "fault",
        "who",
        "required",
        "Of pause, slow, kill, vanish, leave, drift, modules, one-way: 30 %, 5, or peers 1, 2.",
    ),
    ("fault", "groups", "1, 1", "Of partition: the groups' shares."),
    ("fault", "cost", "1 ms", "Of slow: how long each event takes."),
    ("fault", "links", "10 %", "Of silence and reset: how many links."),
    ("fault", "ppm", "100", "Of drift: how wrong clocks run at most, millionths."),
    ("fault", "count", "required", "Of join: how many peers."),
    ("fault", "over", "0 s", "Of join: spread over so long."),
    ("fault", "every", "1 s", "Of churn: the mean pause between two departures."),
    ("fault", "down", "30 s", "Of churn: the longest absence."),
    ("adversary", "kind", "required", "What its hosts do: see the list of attacks."),
    ("adversary", "hosts", "1", "How many hosts there are, each with an IP of its own and all its ports."),
    ("adversary", "many_faced", "no", "yes: each connection claims to be another peer, at another port of its host."),
    ("adversary", "networks", "256", "Over so many /16 networks these are spread, at most one a host."),
    ("adversary", "targets", "100 %", "Which peers they attack: 30 %, 5, or peers 1, 2; bootstrappers as well."),
    ("adversary", "connections", "1", "So many connections to each target they keep up, all hosts together."),
    ("adversary", "every", "1 s", "The pause between two acts against each target, or on each connection."),
    ("adversary", "start", "30 s", "From then on."),
    ("adversary", "stop", "the end", "Until then; then they are gone without a word."),
    ("adversary", "size", "200", "Bytes of data of what they make up."),
    ("adversary", "type", "1337", "The data type of messages that they make up."),
    ("adversary", "addresses", "own", "Whose addresses they pass on: own, dead (nobody answers) or victim (one host)."),
    ("adversary", "hash_rate", "20000000", "SHA-256 a second of each of their hosts."),
];

/// What `[expect]` can bound, and what it is.
pub const MEASURES: &[(&str, Measure, &str)] = &[
    ("delivery", Measure::Delivery, "Deliveries of valid, unlimited messages to modules that were there all the time."),
    ("prompt", Measure::Prompt, "Of these, those within 10 s, to modules whose peer had neighbours throughout them."),
    (
        "healed",
        Measure::Healed,
        "What was said during a partition, told to all who were there 3 s after the first new link across.",
    ),
    (
        "counted",
        Measure::Counted,
        "How much `delivery` counts, of what there were subscribers for, whether these and the announcer were there or not.",
    ),
    ("p50", Measure::P50, "Median latency from announcement to a module's being told."),
    ("p99", Measure::P99, "Its 99th percentile."),
    ("latency", Measure::Longest, "The longest."),
    ("redundancy", Measure::Redundancy, "Copies that a peer gets of a message, less the first."),
    ("hops", Measure::Hops, "The most hops of a first copy."),
    ("overlay", Measure::Pieces, "Pieces of the overlay in the end: `connected` is 1."),
    ("neighbours", Measure::Neighbours, "The fewest neighbours of any peer in the end; `min_peers` is the setting."),
    (
        "rest",
        Measure::Rest,
        "For so long, in the end, no neighbour came or went, no proof of work was wanted, and nobody was dialed but for look-ups.",
    ),
    ("handshake_frames", Measure::HandshakeFrames, "Frames of joining and finding, for each handshake."),
    ("handshakes_per_join", Measure::HandshakesPerJoin, "Handshakes (proofs of work sent) for each start of a peer."),
    ("announcements", Measure::Announcements, "Announcements made."),
    (
        "victim_connects",
        Measure::VictimConnects,
        "The most connects that one peer made to somebody who has no part in this.",
    ),
    ("honest_lost", Measure::HonestLost, "Neighbourhoods among honest peers that ended, counted at each end."),
];

const VERDICTS: &[&str] = &["content", "yes", "no", "never"];
impl Scenario {
    /// Reads a scenario file's text; `name` is what messages call it.
    pub fn parse(name: &str, text: &str) -> Result<(Self, Vec<Problem>), ConfigError> {
        let document = Document::from_bytes(name, text.as_bytes())?;
        let mut problems = Problems::new();
        let scenario = read(&document, &mut problems);
        problems.finish(scenario)
    }

    /// Reads a scenario file.
    pub fn read(path: &std::path::Path) -> Result<(Self, Vec<Problem>), ConfigError> {
        let document = Document::read(path)?;
        let mut problems = Problems::new();
        let scenario = read(&document, &mut problems);
        problems.finish(scenario)
    }
}

/// A section being read, and where to tell what is wrong with it.
struct Reader<'d, 'p> {
    section: Section<'d>,
    kind: &'static str,
    problems: &'p mut Problems,
}

impl<'d> Reader<'d, '_> {
    fn get<T>(&mut self, key: &str, parse: impl FnOnce(&'d str) -> Result<T, String>) -> Option<T> {
        debug_assert!(KEYS.iter().any(|(kind, name, ..)| *kind == self.kind && *name == key), "{key}");
        let text = self.section.raw(key)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problems.mistake(self.section.place(key), message);
                None
            }
        }
    }

    fn required<T>(&mut self, key: &str, parse: impl FnOnce(&'d str) -> Result<T, String>) -> Option<T> {
        if !self.section.has(key) {
            let of = KEYS.iter().find(|(kind, name, ..)| *kind == self.kind && *name == key);
            let what = of.map_or("", |(.., sentence)| sentence);
            self.problems.mistake(self.section.header(), format!("{key} is missing: {what}"));
        }
        self.get(key, parse)
    }

    fn number(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        self.get(key, |text| match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("`{text}` is not a whole number within {least} to {most}")),
        })
    }

    fn small(&mut self, key: &str, least: u32, most: u32) -> Option<u32> {
        self.number(key, least.into(), most.into()).and_then(|number| u32::try_from(number).ok())
    }

    fn switch(&mut self, key: &str) -> Option<bool> {
        self.section.switch(key, self.problems)
    }

    fn choice(&mut self, key: &str, words: &[&str]) -> Option<usize> {
        self.section.choice(key, words, self.problems)
    }
}

fn read(document: &Document, problems: &mut Problems) -> Option<Scenario> {
    let mut scenario = Scenario::plain(1);
    scenario.modules.clear();
    let name = std::path::Path::new(document.name()).file_stem();
    scenario.name = name.map_or(String::new(), |name| name.to_string_lossy().into_owned());
    if let Some(section) = document.require_section("gossip", problems) {
        scenario.settings = read_gossip(&section, problems);
    }
    let mut latencies = Vec::new();
    document.require_section("simulation", problems);
    let names: Vec<String> = document.sections().map(str::to_owned).collect();
    for name in &names {
        let (kind, title) = name.split_once(' ').unwrap_or((name, ""));
        if ["gossip", "expect"].contains(&kind) && title.is_empty() {
            continue;
        }
        let Some(section) = document.section(name, problems) else { continue };
        let known = KEYS.iter().find(|(of, ..)| *of == kind && sense::is_header(kind, title));
        let Some((kind, ..)) = known else {
            let right = "simulation, gossip, network, region NAME, modules NAME, workload NAME, fault NAME, adversary NAME, expect";
            problems.mistake(section.header(), format!("[{name}] is not known here; {right} would be right"));
            continue;
        };
        refuse_unknown(&section, kind, problems);
        let mut reader = Reader { section, kind, problems };
        match *kind {
            "simulation" => read_simulation(&mut reader, &mut scenario),
            "network" => read_network(&mut reader, &mut scenario),
            "region" => {
                let share = reader.small("share", 1, 1_000_000).unwrap_or(1);
                scenario.regions.push(Region { name: title.to_owned(), share });
                let places = reader.section.place("latency");
                latencies.push((places, reader.required("latency", value::span_list).unwrap_or_default()));
            }
            "modules" => read_modules(&mut reader, title, &mut scenario),
            "workload" => read_workload(&mut reader, title, &mut scenario),
            "adversary" => read_adversary(&mut reader, title, &mut scenario),
            _ => read_fault(&mut reader, title, &mut scenario),
        }
    }
    join_regions(&mut scenario, latencies, problems);
    read_expectations(document, &mut scenario, problems);
    let duration = scenario.duration;
    scenario.workloads.iter_mut().for_each(|workload| workload.stop = workload.stop.min(duration));
    scenario.adversaries.iter_mut().for_each(|adversary| adversary.stop = adversary.stop.min(duration));
    scenario.timeline.sort_by_key(|step| step.at);
    sense::check(document, &scenario, problems);
    Some(scenario)
}

/// What a daemon only warns of is a mistake here: a run without it is not the one that was meant.
fn read_gossip(section: &Section<'_>, problems: &mut Problems) -> gossip_core::Settings {
    let mut told = Problems::new();
    let settings = read_settings(section, &mut told);
    told.mistakes().iter().for_each(|one| problems.mistake(one.place.clone(), one.message.clone()));
    for one in told.warnings() {
        match one.message.starts_with("no such key") {
            true => problems.mistake(one.place.clone(), one.message.clone()),
            false => problems.warning(one.place.clone(), one.message.clone()),
        }
    }
    settings
}

fn refuse_unknown(section: &Section<'_>, kind: &str, problems: &mut Problems) {
    let known = || KEYS.iter().filter(|(of, ..)| *of == kind).map(|(_, name, ..)| *name);
    for key in section.keys().filter(|key| !known().any(|name| name == *key)) {
        let right: Vec<_> = known().collect();
        problems.mistake(section.place(key), format!("no such key here; one of {} would be right", right.join(", ")));
    }
}

fn read_simulation(reader: &mut Reader<'_, '_>, scenario: &mut Scenario) {
    let peers = reader.required("peers", |text| match text.parse() {
        Ok(peers @ 1..=1_000_000) => Ok(peers),
        _ => Err(format!("`{text}` is not a number of peers; 1 to 1000000 would be right")),
    });
    scenario.peers = peers.unwrap_or(1);
    // More than there are is told later, when it is certain how many there are.
    scenario.bootstrappers = reader.small("bootstrappers", 0, 64).unwrap_or(1).min(scenario.peers);
    let joined = reader.get("joined", |text| match text {
        "all" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| format!("`{text}` is not a number of peers, nor all")),
    });
    scenario.joined = joined.unwrap_or(u32::MAX).min(scenario.peers);
    scenario.join_over = reader.get("join_over", value::span).unwrap_or(scenario.join_over);
    scenario.duration = reader.get("duration", value::pause).unwrap_or(scenario.duration);
    scenario.hash_rate = reader.number("hash_rate", 1, u64::MAX).unwrap_or(scenario.hash_rate);
    let bits = reader.number("real_pow_bits", 0, 16).and_then(|bits| u8::try_from(bits).ok());
    scenario.real_pow_bits = bits.unwrap_or(scenario.real_pow_bits);
}

fn read_network(reader: &mut Reader<'_, '_>, scenario: &mut Scenario) {
    let network = &mut scenario.network;
    if let Some(latency) = reader.get("latency", value::latency) {
        network.latency = latency;
    }
    network.jitter = reader.get("jitter", value::span).unwrap_or(network.jitter);
    let bandwidth = reader.get("bandwidth", |text| match (text, text.parse::<u64>()) {
        ("unlimited", _) => Ok(None),
        (_, Ok(bandwidth)) if bandwidth > 0 => Ok(Some(bandwidth)),
        _ => Err(format!("`{text}` is not a bandwidth; bytes a second or unlimited would be right")),
    });
    network.bandwidth = bandwidth.unwrap_or(network.bandwidth);
    network.cut_ppm = reader.get("cut", value::share).unwrap_or(network.cut_ppm);
    network.loss_ppm = reader.get("loss", value::share).unwrap_or(network.loss_ppm);
    network.lost_ppm = reader.get("lost", value::share).unwrap_or(network.lost_ppm);
    network.send_buffer = reader.small("send_buffer", 1, 1 << 30).unwrap_or(network.send_buffer);
}

fn read_modules(reader: &mut Reader<'_, '_>, title: &str, scenario: &mut Scenario) {
    let verdict = match reader.choice("verdict", VERDICTS) {
        Some(1) => Verdict::Yes,
        Some(2) => Verdict::No,
        Some(3) => Verdict::Never,
        _ => Verdict::Content,
    };
    scenario.modules.push(ModuleClass {
        name: title.to_owned(),
        types: reader.required("types", value::types).unwrap_or_default(),
        share_ppm: reader.get("share", value::share).unwrap_or(1_000_000),
        verdict,
        delay: reader.get("delay", value::spans).unwrap_or((0, 20_000)),
        reads: reader.switch("reads").unwrap_or(true),
    });
}

fn read_workload(reader: &mut Reader<'_, '_>, title: &str, scenario: &mut Scenario) {
    let from = reader.get("from", |text| match text {
        "anybody" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("`{text}` is not the number of a peer, nor anybody")),
    });
    let (least, most) = reader.get("size", value::sizes).unwrap_or((200, 200));
    scenario.workloads.push(Workload {
        name: title.to_owned(),
        types: reader.required("types", value::types).unwrap_or_default(),
        every: reader.required("every", value::pause).unwrap_or(1),
        random: reader.switch("random").unwrap_or(true),
        start: reader.get("start", value::span).unwrap_or(30_000_000),
        stop: reader.get("stop", value::span).unwrap_or(u64::MAX),
        count: reader.number("count", 0, u64::MAX).unwrap_or(u64::MAX),
        size: (least, most),
        ttl: reader.number("ttl", 0, 255).and_then(|ttl| u8::try_from(ttl).ok()).unwrap_or(0),
        from: from.unwrap_or(None),
        invalid_ppm: reader.get("invalid", value::share).unwrap_or(0),
    });
}

fn read_fault(reader: &mut Reader<'_, '_>, title: &str, scenario: &mut Scenario) {
    let at = reader.required("at", value::span);
    let words: Vec<&str> = FAULTS.iter().map(|(word, _)| *word).collect();
    let kind = match reader.section.has("kind") {
        true => reader.choice("kind", &words),
        false => reader.required("kind", |_| Ok(0)),
    };
    let Some(kind) = kind else { return };
    let (kind, keys) = FAULTS[kind];
    let known = |key: &str| KEYS.iter().any(|(of, name, ..)| *of == "fault" && *name == key);
    for key in reader.section.keys().filter(|key| known(key) && !["at", "kind"].contains(key) && !keys.contains(key)) {
        let message = format!("means nothing to {kind}; at, kind, {} would be right", keys.join(", "));
        reader.problems.mistake(reader.section.place(key), message);
    }
    let who = if keys.contains(&"who") { reader.required("who", value::who) } else { None };
    let lasts = if keys.contains(&"lasts") { reader.get("lasts", value::span) } else { None };
    let fault = match (kind, who) {
        ("partition", _) => Fault::Partition(reader.get("groups", fault::groups).unwrap_or(vec![1, 1])),
        ("one-way", Some(who)) => Fault::OneWay(who),
        ("kill", Some(who)) => Fault::Kill(who),
        ("vanish", Some(who)) => Fault::Vanish(who),
        ("leave", Some(who)) => Fault::Leave(who),
        ("pause", Some(who)) => Fault::Pause(who),
        ("slow", Some(who)) => Fault::Slow(who, reader.get("cost", value::span).unwrap_or(1_000)),
        ("silence", _) => Fault::Silence(reader.get("links", value::share).unwrap_or(100_000)),
        ("reset", _) => Fault::Reset(reader.get("links", value::share).unwrap_or(100_000)),
        ("drift", Some(who)) => Fault::Drift(who, reader.small("ppm", 0, 500_000).unwrap_or(100)),
        ("modules", Some(who)) => Fault::Modules(who),
        ("join", _) => {
            let count = reader.required("count", |text| text.parse().map_err(|_| format!("`{text}` is not a number")));
            Fault::Join(count.unwrap_or(0), reader.get("over", value::span).unwrap_or(0))
        }
        ("churn", _) => Fault::Churn {
            every: reader.get("every", value::pause).unwrap_or(1_000_000),
            down: reader.get("down", value::span).unwrap_or(30_000_000),
        },
        _ => return,
    };
    scenario.timeline.push(Step { name: title.to_owned(), at: at.unwrap_or(0), fault, lasts });
}

fn read_adversary(reader: &mut Reader<'_, '_>, title: &str, scenario: &mut Scenario) {
    let words: Vec<&str> = ATTACKS.iter().map(|(word, ..)| *word).collect();
    let kind = match reader.section.has("kind") {
        true => reader.choice("kind", &words),
        false => reader.required("kind", |_| Ok(0)),
    };
    let addresses = match reader.choice("addresses", LURES) {
        Some(1) => Lure::Dead,
        Some(2) => Lure::Victim,
        _ => Lure::Own,
    };
    let hosts = reader.small("hosts", 1, 10_000).unwrap_or(1);
    let data_type = reader.number("type", 0, 65_535).and_then(|data_type| u16::try_from(data_type).ok());
    let adversary = Adversary {
        name: title.to_owned(),
        kind: kind.map_or(ATTACKS[0].1, |kind| ATTACKS[kind].1),
        hosts,
        is_many: reader.switch("many_faced").unwrap_or(false),
        networks: reader.small("networks", 1, 256).unwrap_or(256).min(hosts),
        targets: reader.get("targets", value::who).unwrap_or(Who::Share(1_000_000)),
        connections: reader.small("connections", 0, 10_000).unwrap_or(1),
        every: reader.get("every", value::pause).unwrap_or(1_000_000),
        start: reader.get("start", value::span).unwrap_or(30_000_000),
        stop: reader.get("stop", value::span).unwrap_or(u64::MAX),
        size: reader.small("size", MESSAGE_MIN, 65_525).unwrap_or(200),
        data_type: data_type.unwrap_or(1_337),
        addresses,
        hash_rate: reader.number("hash_rate", 1, u64::MAX).unwrap_or(20_000_000),
    };
    scenario.adversaries.push(adversary);
    // An address says which section its host is of.
    if scenario.adversaries.len() > 16 {
        reader
            .problems
            .mistake(reader.section.header(), "more than 16 adversaries; fewer with more hosts would be right");
    }
}

fn join_regions(scenario: &mut Scenario, rows: Vec<(Place, Vec<u64>)>, problems: &mut Problems) {
    let Latency::Regions(matrix) = &mut scenario.network.latency else {
        for (place, _) in rows {
            problems.mistake(place, "regions mean nothing without latency = regions in [network]");
        }
        return;
    };
    let count = rows.len();
    if count == 0 {
        let place = rows.first().map(|(place, _)| place.clone());
        let place = place.unwrap_or(Place::File { file: format!("{}.ini", scenario.name) });
        problems.mistake(place, "latency = regions needs sections [region NAME]");
    }
    for (place, row) in rows {
        if row.len() != count {
            let message = format!("{} spans for {count} regions; one for each, in the file's order", row.len());
            problems.mistake(place, message);
        }
        matrix.push(row);
    }
}

fn read_expectations(document: &Document, scenario: &mut Scenario, problems: &mut Problems) {
    let Some(section) = document.section("expect", problems) else { return };
    for key in section.keys() {
        // `delivery >= 99.9 %` is divided at the `=`.
        let (name, relation) = match key.strip_suffix(['>', '<']) {
            Some(name) if key.ends_with('>') => (name.trim(), Relation::AtLeast),
            Some(name) => (name.trim(), Relation::AtMost),
            None => (key, Relation::Equal),
        };
        let Some(&(_, measure, _)) = MEASURES.iter().find(|(known, ..)| *known == name) else {
            let known: Vec<_> = MEASURES.iter().map(|(known, ..)| *known).collect();
            problems.mistake(
                section.place(key),
                format!("nothing here is called {name}; one of {} would be right", known.join(", ")),
            );
            continue;
        };
        match value::bound(measure, section.raw(key).unwrap_or_default(), scenario.settings.min_peers) {
            Ok(bound) => scenario.expectations.push(Expectation { measure, relation, bound }),
            Err(message) => problems.mistake(section.place(key), message),
        }
    }
}

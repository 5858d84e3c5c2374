//! A scenario as a file.

use super::adversary::LURES;
use super::file::MEASURES;
use super::value::{join, show_bound, show_latency, show_share, show_span, show_who};
use super::{Adversary, Expectation, Fault, Relation, Scenario, Step, Verdict, Who, Workload};
use crate::network::Latency;
use gossip_core::pow::Target;
use gossip_core::{Settings, Spreading};
use std::fmt::Write as _;

/// Writes to a string, which cannot fail.
macro_rules! line {
    ($out:expr, $($what:tt)*) => {{ let _ = writeln!($out, $($what)*); }};
}

impl Scenario {
    /// The file that reads as this scenario.
    pub fn to_ini(&self) -> String {
        let mut out = String::new();
        line!(out, "[simulation]");
        line!(out, "peers = {}", self.peers);
        line!(out, "bootstrappers = {}", self.bootstrappers);
        line!(out, "joined = {}", self.joined);
        line!(out, "join_over = {}", show_span(self.join_over));
        line!(out, "duration = {}", show_span(self.duration));
        line!(out, "hash_rate = {}", self.hash_rate);
        line!(out, "real_pow_bits = {}", self.real_pow_bits);
        write_settings(&mut out, &self.settings);
        line!(out, "\n[network]");
        line!(out, "latency = {}", show_latency(&self.network.latency));
        line!(out, "jitter = {}", show_span(self.network.jitter));
        let bandwidth = self.network.bandwidth.map_or("unlimited".to_owned(), |bandwidth| bandwidth.to_string());
        line!(out, "bandwidth = {bandwidth}");
        line!(out, "cut = {}", show_share(self.network.cut_ppm));
        line!(out, "lost = {}", show_share(self.network.lost_ppm));
        line!(out, "loss = {}", show_share(self.network.loss_ppm));
        line!(out, "send_buffer = {}", self.network.send_buffer);
        for (at, region) in self.regions.iter().enumerate() {
            line!(out, "\n[region {}]", region.name);
            line!(out, "share = {}", region.share);
            if let Latency::Regions(matrix) = &self.network.latency {
                line!(out, "latency = {}", join(&matrix[at].iter().map(|&span| show_span(span)).collect::<Vec<_>>()));
            }
        }
        for class in &self.modules {
            let verdict = match class.verdict {
                Verdict::Content => "content",
                Verdict::Yes => "yes",
                Verdict::No => "no",
                Verdict::Never => "never",
            };
            line!(out, "\n[modules {}]", class.name);
            line!(out, "types = {}", join(&class.types));
            line!(out, "share = {}", show_share(class.share_ppm));
            line!(out, "verdict = {verdict}");
            line!(out, "delay = {} to {}", show_span(class.delay.0), show_span(class.delay.1));
            line!(out, "reads = {}", yes(class.reads));
        }
        self.workloads.iter().for_each(|workload| write_workload(&mut out, workload));
        self.timeline.iter().for_each(|step| write_step(&mut out, step));
        self.adversaries.iter().for_each(|adversary| write_adversary(&mut out, adversary));
        line!(out, "\n[expect]");
        self.expectations.iter().for_each(|expectation| line!(out, "{expectation}"));
        out
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = MEASURES.iter().find(|(_, measure, _)| *measure == self.measure).map_or("", |(name, ..)| name);
        let relation = match self.relation {
            Relation::AtLeast => ">=",
            Relation::AtMost => "<=",
            Relation::Equal => "=",
        };
        write!(f, "{name} {relation} {}", show_bound(self.measure, self.bound))
    }
}

fn yes(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn write_settings(out: &mut String, settings: &Settings) {
    // Destructured, so that a new setting is not forgotten here.
    let Settings {
        cache_size,
        degree,
        p2p_address: _,
        advertised_address: _,
        bootstrapper: _,
        p2p_ttl,
        max_peers,
        target_peers,
        min_peers,
        push_fanout,
        discovery,
        announcer_vouches,
        validation_timeout,
        suppression_time,
        pow,
        pow_per_minute,
        connect_timeout,
        hello_timeout,
        verification_timeout,
        ping_interval,
        peer_timeout,
        ban_time,
        seen_max,
        pending_max,
        pending_bytes,
        api_queue,
        peer_queue,
        api_stall_timeout,
        peer_stall_timeout,
        unverified_max,
        unverified_per_ip,
        check_source_ip,
        handshakes_per_minute,
        peer_requests_per_minute,
        pushes_per_minute,
        look_ups_per_minute,
        partial_bytes,
        subnet_share,
        repair_interval,
        cache_bytes,
        replay,
        spreading,
    } = settings;
    line!(out, "\n[gossip]");
    for (key, value) in [
        ("cache_size", u64::from(*cache_size)),
        ("degree", u64::from(*degree)),
        ("p2p_ttl", u64::from(*p2p_ttl)),
        ("max_peers", u64::from(*max_peers)),
        ("target_peers", u64::from(*target_peers)),
        ("min_peers", u64::from(*min_peers)),
        ("push_fanout", u64::from(*push_fanout)),
        ("validation_timeout", validation_timeout.as_secs()),
        ("suppression_time", suppression_time.as_secs()),
        ("pow_bits", u64::from(pow.bits())),
        ("pow_per_minute", u64::from(*pow_per_minute)),
        ("connect_timeout", connect_timeout.as_secs()),
        ("hello_timeout", hello_timeout.as_secs()),
        ("verification_timeout", verification_timeout.as_secs()),
        ("ping_interval", ping_interval.as_secs()),
        ("peer_timeout", peer_timeout.as_secs()),
        ("ban_time", ban_time.as_secs()),
        ("seen_max", u64::from(*seen_max)),
        ("pending_max", u64::from(*pending_max)),
        ("pending_bytes", *pending_bytes),
        ("api_queue", *api_queue),
        ("peer_queue", *peer_queue),
        ("api_stall_timeout", api_stall_timeout.as_secs()),
        ("peer_stall_timeout", peer_stall_timeout.as_secs()),
        ("unverified_max", u64::from(*unverified_max)),
        ("unverified_per_ip", u64::from(*unverified_per_ip)),
        ("handshakes_per_minute", u64::from(*handshakes_per_minute)),
        ("look_ups_per_minute", u64::from(*look_ups_per_minute)),
        ("peer_requests_per_minute", u64::from(*peer_requests_per_minute)),
        ("pushes_per_minute", u64::from(*pushes_per_minute)),
        ("subnet_share", u64::from(*subnet_share)),
        ("partial_bytes", *partial_bytes),
        ("repair_interval", repair_interval.as_secs()),
        ("cache_bytes", *cache_bytes),
    ] {
        line!(out, "{key} = {value}");
    }
    line!(out, "pow_scheme = {}", if *pow == Target::AsciiZeros { "ascii-zeros" } else { "zero-bits" });
    line!(out, "discovery = {}", yes(*discovery));
    line!(out, "announcer_vouches = {}", yes(*announcer_vouches));
    line!(out, "check_source_ip = {}", yes(*check_source_ip));
    line!(out, "replay = {}", yes(*replay));
    line!(out, "spreading = {}", if *spreading == Spreading::Tree { "tree" } else { "push" });
}

fn write_workload(out: &mut String, workload: &Workload) {
    line!(out, "\n[workload {}]", workload.name);
    line!(out, "types = {}", join(&workload.types));
    line!(out, "every = {}", show_span(workload.every));
    line!(out, "random = {}", yes(workload.random));
    line!(out, "start = {}", show_span(workload.start));
    line!(out, "stop = {}", show_span(workload.stop));
    if workload.count != u64::MAX {
        line!(out, "count = {}", workload.count);
    }
    line!(out, "size = {} to {}", workload.size.0, workload.size.1);
    line!(out, "ttl = {}", workload.ttl);
    if let Some(from) = workload.from {
        line!(out, "from = {from}");
    }
    line!(out, "invalid = {}", show_share(workload.invalid_ppm));
}

fn write_step(out: &mut String, step: &Step) {
    line!(out, "\n[fault {}]", step.name);
    line!(out, "at = {}", show_span(step.at));
    if let Some(lasts) = step.lasts {
        line!(out, "lasts = {}", show_span(lasts));
    }
    let (kind, who) = kind_and_who(&step.fault);
    line!(out, "kind = {kind}");
    if let Some(who) = who {
        line!(out, "who = {}", show_who(who));
    }
    match &step.fault {
        Fault::Partition(groups) => line!(out, "groups = {}", join(groups)),
        Fault::Slow(_, cost) => line!(out, "cost = {}", show_span(*cost)),
        Fault::Silence(links) | Fault::Reset(links) => line!(out, "links = {}", show_share(*links)),
        Fault::Drift(_, ppm) => line!(out, "ppm = {ppm}"),
        Fault::Join(count, over) => line!(out, "count = {count}\nover = {}", show_span(*over)),
        Fault::Churn { every, down } => line!(out, "every = {}\ndown = {}", show_span(*every), show_span(*down)),
        _ => {}
    }
}

fn write_adversary(out: &mut String, adversary: &Adversary) {
    let Adversary {
        name,
        kind,
        hosts,
        is_many,
        networks,
        targets,
        connections,
        every,
        start,
        stop,
        size,
        data_type,
        addresses,
        hash_rate,
    } = adversary;
    line!(out, "\n[adversary {name}]");
    line!(out, "kind = {}", kind.word());
    line!(out, "hosts = {hosts}");
    line!(out, "many_faced = {}", yes(*is_many));
    line!(out, "networks = {networks}");
    line!(out, "targets = {}", show_who(targets));
    line!(out, "connections = {connections}");
    line!(out, "every = {}", show_span(*every));
    line!(out, "start = {}", show_span(*start));
    line!(out, "stop = {}", show_span(*stop));
    line!(out, "size = {size}");
    line!(out, "type = {data_type}");
    line!(out, "addresses = {}", LURES[*addresses as usize]);
    line!(out, "hash_rate = {hash_rate}");
}

impl Step {
    /// What happens, in a few words.
    pub fn label(&self) -> String {
        match kind_and_who(&self.fault) {
            (kind, Some(who)) => format!("{kind} {}", show_who(who)),
            (kind, None) => kind.to_owned(),
        }
    }
}

fn kind_and_who(fault: &Fault) -> (&'static str, Option<&Who>) {
    match fault {
        Fault::Partition(_) => ("partition", None),
        Fault::OneWay(who) => ("one-way", Some(who)),
        Fault::Kill(who) => ("kill", Some(who)),
        Fault::Vanish(who) => ("vanish", Some(who)),
        Fault::Leave(who) => ("leave", Some(who)),
        Fault::Pause(who) => ("pause", Some(who)),
        Fault::Slow(who, _) => ("slow", Some(who)),
        Fault::Silence(_) => ("silence", None),
        Fault::Reset(_) => ("reset", None),
        Fault::Drift(who, _) => ("drift", Some(who)),
        Fault::Modules(who) => ("modules", Some(who)),
        Fault::Join(..) => ("join", None),
        Fault::Churn { .. } => ("churn", None),
    }
}

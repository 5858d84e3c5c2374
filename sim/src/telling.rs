//! An outcome as the report takes it.

use crate::check::Violation;
use crate::report::{Broken, Cost, Fault, Overlay, Report, Summary, Traffic, Values, Verdict};
use crate::run::{self, Outcome};
use crate::scenario::{Expectation, Measure, Measured, Scenario, Step, show_measured};
use crate::world::Stats;

/// Everything that is told of a run; `command` repeats it.
pub fn report(scenario: &Scenario, outcome: &Outcome, cost: Option<run::Cost>, command: String) -> Report {
    let stats = &outcome.stats;
    let verdict = |(expectation, value): &(Expectation, Option<Measured>), met| Verdict {
        expectation: expected(expectation, scenario, outcome),
        measured: show_measured(expectation, *value),
        met,
    };
    let met = outcome.met.iter().map(|one| (one, true));
    let mut verdicts: Vec<_> = met.chain(outcome.missed.iter().map(|one| (one, false))).collect();
    verdicts.sort_by_key(|((expectation, _), _)| scenario.expectations.iter().position(|one| one == expectation));
    let verdicts = verdicts.into_iter().map(|(one, met)| verdict(one, met)).collect();
    let traffic = stats.kinds().map(|(kind, frames, bytes)| Traffic::new(kind, frames, bytes));
    let mut options = options(scenario);
    options.push(("trace digest".to_owned(), digest(outcome)));
    Report {
        scenario: scenario.name.clone(),
        seed: outcome.seed,
        command,
        options,
        verdicts,
        broken: outcome.violations.iter().map(broken).collect(),
        summary: Summary {
            peers: outcome.peers,
            announcements: stats.announcements,
            deliveries: stats.deliveries,
            expected: stats.expected,
            missed: stats.missed,
            subscribed: stats.subscribed,
            suppressed: stats.copies.saturating_sub(stats.receivers),
            redundancy_milli: stats.redundancy_milli(),
            last_hop: u64::from(stats.last_hop()),
            peer_bytes: stats.peer_bytes,
            simulated: outcome.simulated,
            events: stats.events,
        },
        cost: cost.map(|cost| Cost {
            wall: cost.wall_micros,
            bytes_a_peer: (cost.memory > 0).then(|| cost.memory / outcome.peers.max(1)),
        }),
        judged: stats.judged,
        messages: stats.kept.clone(),
        latency: Values::new(stats.latency.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value()))),
        hops: Values::new((0..).zip(stats.hops.iter().copied())),
        traffic: traffic.collect(),
        overlay: Overlay {
            views: outcome.overlay.views.clone(),
            edges: outcome.overlay.edges.clone(),
            pieces: outcome.overlay.pieces,
        },
        faults: scenario.timeline.iter().enumerate().map(|(at, step)| fault(step, stats.hits(at))).collect(),
    }
}

/// As the scenario says it, and what that comes to here where it does not say so itself.
fn expected(expectation: &Expectation, scenario: &Scenario, outcome: &Outcome) -> String {
    let bound = run::bound(expectation, &outcome.overlay);
    let is_setting = expectation.bound == u64::from(scenario.settings.min_peers);
    match expectation.measure {
        Measure::Neighbours if bound < expectation.bound => format!("{expectation}, or all {bound} others"),
        Measure::Neighbours if is_setting => format!("{expectation} (min_peers)"),
        _ => expectation.to_string(),
    }
}

/// The report's JSON and what else a program may want to know.
pub fn json(report: &Report, outcome: &Outcome) -> serde_json::Value {
    let mut json = report.json();
    if let Some(map) = json.as_object_mut() {
        let stats = &outcome.stats;
        for (name, value) in [
            ("digest", serde_json::json!(digest(outcome))),
            ("starts", serde_json::json!(stats.starts)),
            ("dials", serde_json::json!(stats.dials)),
            ("handshakes", serde_json::json!(stats.handshakes())),
            ("handshake_frames", serde_json::json!(stats.handshake_frames())),
            ("fewest_neighbours", serde_json::json!(outcome.overlay.fewest)),
            ("subscribed", serde_json::json!(stats.subscribed)),
            ("running", serde_json::json!(outcome.overlay.peers)),
            ("hit_nobody", serde_json::json!(outcome.hit_nobody)),
            ("lost", serde_json::json!(stats.lost)),
            ("prompt_expected", serde_json::json!(stats.prompt_expected)),
            ("prompt_missed", serde_json::json!(stats.prompt_missed)),
            ("healed_expected", serde_json::json!(stats.healed_expected)),
            ("healed_missed", serde_json::json!(stats.healed_missed)),
            ("healed_after", serde_json::json!(stats.healed_after)),
        ] {
            map.entry(name).or_insert(value);
        }
    }
    json
}

/// How much of what there were subscribers for the figures count, in a line.
pub fn counted(outcome: &Outcome) -> String {
    let Stats { expected, subscribed, judged, announcements, .. } = outcome.stats;
    format!("counted {judged} of {announcements} announcements, {expected} of {subscribed} deliveries to subscribers")
}

/// What a person should know of a run that did otherwise what was asked, one a line.
pub fn warnings(outcome: &Outcome) -> String {
    outcome.hit_nobody.iter().map(|name| format!("[fault {name}] hit nobody (warning)\n")).collect()
}

/// What went wrong, one a line, and what the first peer to blame had counted.
pub fn complaints(outcome: &Outcome) -> String {
    let missed = outcome
        .missed
        .iter()
        .map(|(expectation, value)| format!("missed: {expectation}; it was {}\n", show_measured(expectation, *value)));
    let broken = outcome.violations.iter().map(|violation| format!("broken: {}\n", show(violation)));
    let counters: Vec<_> = outcome.counters.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let counted =
        outcome.violations.first().map(|one| format!("peer {} had counted: {}\n", one.peer, counters.join(", ")));
    missed.chain(broken).chain(counted).collect()
}

/// The first thing that was not as it must be, with its seed, in one line.
pub fn first_complaint(outcome: &Outcome) -> Option<String> {
    let broken = outcome.violations.first().map(|violation| format!("{}: {}", violation.property, violation.detail));
    let missed = outcome
        .missed
        .first()
        .map(|(expectation, value)| format!("{expectation}; it was {}", show_measured(expectation, *value)));
    broken.or(missed).map(|what| format!("seed {}: {what}", outcome.seed))
}

/// A broken property in one line.
pub fn show(violation: &Violation) -> String {
    let Violation { at, peer, property, detail } = violation;
    format!("{property}: peer {peer} at {}.{:06} s: {detail}", at / 1_000_000, at % 1_000_000)
}

/// The run's digest as it is printed.
pub fn digest(outcome: &Outcome) -> String {
    format!("{:016x}", outcome.digest)
}

fn broken(violation: &Violation) -> Broken {
    let Violation { at, peer, property, detail } = violation.clone();
    Broken { at, peer, property: property.to_owned(), detail }
}

fn fault(step: &Step, hits: Option<u64>) -> Fault {
    let until = step.lasts.map(|lasts| step.at.saturating_add(lasts));
    let nobody = if hits == Some(0) { " (hit nobody)" } else { "" };
    Fault { label: format!("{}{nobody}", step.label()), from: step.at, until }
}

/// Every line of the scenario as a file.
pub fn options(scenario: &Scenario) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut options = Vec::new();
    for line in scenario.to_ini().lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once(" = ")
            && section != "expect"
        {
            options.push((format!("{section}: {key}"), value.to_owned()));
        }
    }
    options
}

//! What a section says that only the rest of the file shows to be wrong.

use super::Scenario;
use super::value;
use super::{Fault, Step, Who};
use gossip_config::{Document, Problems};
use gossip_core::pow::Target;

/// Kinds of sections of which there may be several, each with a name.
const NAMED: &[&str] = &["region", "modules", "workload", "fault", "adversary"];

/// May a section of this kind have this name?
pub(super) fn is_header(kind: &str, title: &str) -> bool {
    title.is_empty() || NAMED.contains(&kind)
}

/// Tells of peers that there are not, and of times after the end.
pub(super) fn check(document: &Document, scenario: &Scenario, problems: &mut Problems) {
    let names: Vec<String> = document.sections().map(str::to_owned).collect();
    for name in &names {
        // What cannot be read of it was told before.
        let Some(section) = document.section(name, &mut Problems::new()) else { continue };
        let kind = name.split(' ').next().unwrap_or_default();
        let most = |key: &str, problems: &mut Problems| {
            let number = section.raw(key).and_then(|text| text.parse::<u32>().ok());
            if number.is_some_and(|number| number > scenario.peers) {
                let message = format!("there are only {} peers in all", scenario.peers);
                problems.mistake(section.place(key), message);
            }
        };
        let named = |key: &str, problems: &mut Problems| {
            let Some(Ok(Who::Peers(peers))) = section.raw(key).map(value::who) else { return };
            if let Some(peer) = peers.iter().find(|&&peer| peer >= scenario.peers) {
                problems.mistake(section.place(key), no_peer(*peer, scenario));
            }
        };
        match kind {
            "simulation" => {
                most("joined", problems);
                most("bootstrappers", problems);
            }
            "gossip" if scenario.settings.pow == Target::AsciiZeros => {
                let message = "simulated peers have zero-bits only; leave it out";
                problems.mistake(section.place("pow_scheme"), message);
            }
            "workload" => {
                if let Some(Ok(peer)) = section.raw("from").map(str::parse::<u32>)
                    && peer >= scenario.peers
                {
                    problems.mistake(section.place("from"), no_peer(peer, scenario));
                }
            }
            "fault" => {
                named("who", problems);
                if let Some(Ok(at)) = section.raw("at").map(value::span)
                    && at > scenario.duration
                {
                    problems.mistake(section.place("at"), "comes after the end; see duration in [simulation]");
                }
            }
            "adversary" => named("targets", problems),
            _ => {}
        }
    }
}

fn no_peer(peer: u32, scenario: &Scenario) -> String {
    format!("there is no peer {peer}; 0 to {} would be right", scenario.peers - 1)
}

impl Scenario {
    /// What can be run, but is hardly meant: one sentence each.
    pub fn oddities(&self) -> Vec<String> {
        let mut odd = Vec::new();
        let more = |step: &Step| if let Fault::Join(count, _) = step.fault { u64::from(count) } else { 0 };
        let (joined, peers) = (u64::from(self.joined), u64::from(self.peers));
        let in_all = joined + self.timeline.iter().map(more).sum::<u64>();
        if in_all < peers {
            odd.push(format!(
                "{} of {peers} peers never join: {in_all} do, by joined and faults of kind join",
                peers - in_all
            ));
        }
        if in_all > peers && joined <= peers {
            odd.push(format!(
                "faults of kind join let {} peers join, of which there are {}",
                in_all - joined,
                peers - joined
            ));
        }
        for workload in &self.workloads {
            if workload.start >= workload.stop {
                odd.push(format!("[workload {}] is over before it starts, or starts after the end", workload.name));
            }
            if workload.from.is_some_and(|peer| peer >= self.peers) {
                odd.push(format!("[workload {}] is announced by a peer that there is not", workload.name));
            }
        }
        odd
    }
}

//! Making a scenario that fails smaller, as long as it still fails in the same way.

use crate::run::{Options, Outcome, run};
use crate::scenario::{Expectation, Fault, Measure, Scenario, Who};

/// How a run failed, so that a smaller one can be held against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This property was broken.
    Broken(&'static str),
    /// This was not as expected.
    Missed(Measure),
    /// The program itself panicked.
    Panicked,
}

impl Failure {
    /// How this run failed, if it did.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        if let Some(violation) = outcome.violations.first() {
            return Some(Self::Broken(violation.property));
        }
        outcome.missed.first().map(|(Expectation { measure, .. }, _)| Self::Missed(*measure))
    }

    /// How this scenario fails under this seed, if it does.
    pub fn of_run(scenario: &Scenario, seed: u64) -> Option<Self> {
        let scenario = scenario.clone();
        match std::panic::catch_unwind(|| run(scenario, seed, Options::default(), |_, _| {})) {
            Ok(outcome) => Self::of(&outcome),
            Err(_) => Some(Self::Panicked),
        }
    }
}

/// The smallest scenario found that fails as `failure` says under the seed; `progress` is called after each try.
pub fn shrink(scenario: &Scenario, seed: u64, failure: &Failure, mut progress: impl FnMut(&Scenario)) -> Scenario {
    let mut best = scenario.clone();
    // What is expected in the end is expected after as much time to recover as ever.
    let recovery = match failure {
        Failure::Missed(_) => scenario.duration.saturating_sub(trouble_over(scenario)),
        Failure::Broken(_) | Failure::Panicked => 0,
    };
    loop {
        let mut improved = false;
        for candidate in smaller(&best, recovery) {
            progress(&best);
            if Failure::of_run(&candidate, seed).as_ref() == Some(failure) {
                best = candidate;
                improved = true;
                break;
            }
        }
        if !improved {
            return best;
        }
    }
}

/// Scenarios a step smaller than this one, the greatest steps first.
fn smaller(scenario: &Scenario, recovery: u64) -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    let mut offer = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        if candidate != *scenario {
            all.push(candidate);
        }
    };
    // Half of the timeline, then step by step.
    let steps = scenario.timeline.len();
    if steps > 1 {
        offer(&|s| s.timeline.truncate(steps / 2));
        offer(&|s| drop(s.timeline.drain(..steps / 2)));
    }
    for at in 0..steps {
        offer(&|s| drop(s.timeline.remove(at)));
    }
    for fewer in [scenario.peers / 2, scenario.peers * 3 / 4, scenario.peers.saturating_sub(1)] {
        if fewer >= 2 {
            offer(&|s| fewer_peers(s, fewer));
        }
    }
    for at in 0..scenario.workloads.len() {
        offer(&|s| drop(s.workloads.remove(at)));
    }
    for at in 0..scenario.modules.len() {
        offer(&|s| drop(s.modules.remove(at)));
    }
    for at in 0..scenario.adversaries.len() {
        offer(&|s| drop(s.adversaries.remove(at)));
        offer(&|s| s.adversaries[at].hosts = (s.adversaries[at].hosts / 2).max(1));
        offer(&|s| s.adversaries[at].connections /= 2);
        offer(&|s| s.adversaries[at].stop = s.adversaries[at].stop.midpoint(s.adversaries[at].start));
    }
    let least = trouble_over(scenario) + recovery;
    for shorter in [least, scenario.duration / 2, scenario.duration / 4 * 3] {
        if (least..scenario.duration).contains(&shorter) {
            offer(&|s| s.duration = shorter);
        }
    }
    offer(&|s| s.network.cut_ppm = 0);
    offer(&|s| s.network.lost_ppm = 0);
    offer(&|s| s.network.loss_ppm = 0);
    offer(&|s| s.network.jitter = 0);
    offer(&|s| s.network.bandwidth = None);
    offer(&|s| s.network.latency = crate::network::Latency::Fixed(10_000));
    // No slower than once a run, or shrinking would never end.
    let duration = scenario.duration;
    offer(&|s| {
        let quick = s.workloads.iter_mut().filter(|workload| workload.every < duration);
        quick.for_each(|workload| workload.every = workload.every.saturating_mul(2));
    });
    offer(&|s| s.workloads.iter_mut().for_each(|workload| workload.size = (9, 9)));
    offer(&|s| s.joined = s.peers);
    for at in 0..steps {
        offer(&|s| {
            if let Some(lasts) = &mut s.timeline[at].lasts {
                *lasts /= 2;
            }
        });
        offer(&|s| {
            if let Fault::Kill(who) | Fault::Vanish(who) | Fault::Leave(who) | Fault::Pause(who) =
                &mut s.timeline[at].fault
                && let Who::Share(ppm) = who
            {
                *ppm /= 2;
            }
        });
    }
    all
}

/// When the last fault is over.
fn trouble_over(scenario: &Scenario) -> u64 {
    let faults = scenario.timeline.iter().map(|step| step.over().unwrap_or(step.at));
    let attacks = scenario.adversaries.iter().map(|adversary| adversary.stop.min(scenario.duration));
    faults.chain(attacks).max().unwrap_or(0)
}

fn fewer_peers(scenario: &mut Scenario, peers: u32) {
    scenario.peers = peers;
    scenario.joined = scenario.joined.min(peers);
    scenario.bootstrappers = scenario.bootstrappers.min(peers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore;
    use crate::scenario::Relation;

    #[test]
    fn a_failing_scenario_becomes_smaller_and_still_fails() {
        let mut scenario = explore::draw(12);
        assert!(scenario.peers > 2 && !scenario.timeline.is_empty() && !scenario.workloads.is_empty());
        // Nobody can have so many.
        let impossible = Expectation { measure: Measure::Announcements, relation: Relation::AtLeast, bound: u64::MAX };
        scenario.expectations = vec![impossible];
        let failure = Failure::of_run(&scenario, 12).expect("it cannot be met");
        let small = shrink(&scenario, 12, &failure, |_| {});
        assert_eq!(Failure::of_run(&small, 12), Some(failure));
        assert_eq!((small.peers, small.timeline.len(), small.workloads.len(), small.modules.len()), (2, 0, 0, 0));
    }
}

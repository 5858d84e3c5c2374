//! What attacks cost: scenarios with their adversaries and without, side by side over many seeds.

use crate::run::{Options, Outcome, run};
use crate::scenario::{Expectation, Measure, Relation, Scenario};
use crate::{pooled, telling};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What is kept of one run.
#[derive(Clone, Debug)]
pub struct Measured {
    expected: u64,
    missed: u64,
    latency: Histogram<u64>,
    lost: u64,
    bans: u64,
    pieces: u64,
    victim_connects: u32,
    /// Attackers in honest views at the end, and all who are.
    in_views: (u64, u64),
    fullest: (&'static str, u64),
    wrong: Option<String>,
}

/// Runs one seed of a scenario.
pub fn measure(scenario: &Scenario, seed: u64) -> Measured {
    let outcome: Outcome = run(scenario.clone(), seed, Options::default(), |_, _| {});
    let wrong = telling::first_complaint(&outcome);
    let stats = outcome.stats;
    Measured {
        expected: stats.expected,
        missed: stats.missed,
        lost: stats.honest_lost,
        bans: stats.bans,
        pieces: outcome.overlay.pieces,
        victim_connects: stats.victim_connects.iter().copied().max().unwrap_or(0),
        in_views: (outcome.overlay.strangers, outcome.overlay.strangers + outcome.overlay.neighbours),
        fullest: outcome.fullest,
        wrong,
        latency: stats.latency,
    }
}

/// The same network at peace: nobody attacks, nothing is expected.
pub fn at_peace(scenario: &Scenario) -> Scenario {
    Scenario { name: "peace".to_owned(), adversaries: Vec::new(), expectations: Vec::new(), ..scenario.clone() }
}

/// One attack: what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The scenario's name.
    pub attack: String,
    /// Seeds measured.
    pub seeds: usize,
    /// Deliveries at peace, millionths.
    pub delivery_at_peace_ppm: u64,
    /// Deliveries under the attack, millionths.
    pub delivery_ppm: u64,
    /// 99th percentile of the latency at peace, microseconds.
    pub p99_at_peace_us: u64,
    /// The same under the attack.
    pub p99_us: u64,
    /// Times that an attacker was banned, a seed.
    pub bans: u64,
    /// The most pieces of the honest overlay in the end.
    pub pieces: u64,
    /// Neighbourhoods among honest peers that ended, at peace, a seed.
    pub lost_at_peace: u64,
    /// The same under the attack.
    pub lost: u64,
    /// The most connects that one peer made to a victim.
    pub victim_connects: u32,
    /// Attackers among all neighbours of honest peers in the end, thousandths.
    pub in_views_permille: u64,
    /// The table that came nearest to its bound, but for the view.
    pub fullest: String,
    /// How full it was, thousandths of its bound.
    pub fullest_permille: u64,
    /// The first thing that was not as it must be.
    pub wrong: Option<String>,
}

impl Row {
    /// Of the runs of a scenario with its adversaries, and of those at peace.
    pub fn of(scenario: &Scenario, with: &[Measured], without: &[Measured]) -> Self {
        let (delivery_at_peace_ppm, delivery_ppm) = (delivery(without), delivery(with));
        let (p99_at_peace_us, p99_us) = (p99(without), p99(with));
        let each =
            |runs: &[Measured], of: fn(&Measured) -> u64| runs.iter().map(of).sum::<u64>() / (runs.len() as u64).max(1);
        let (fullest, fullest_permille) =
            with.iter().map(|run| run.fullest).max_by_key(|(_, permille)| *permille).unwrap_or(("", 0));
        let mut row = Self {
            attack: scenario.name.clone(),
            seeds: with.len(),
            delivery_at_peace_ppm,
            delivery_ppm,
            p99_at_peace_us,
            p99_us,
            bans: each(with, |run| run.bans),
            pieces: with.iter().map(|run| run.pieces).max().unwrap_or(0),
            lost_at_peace: each(without, |run| run.lost),
            lost: each(with, |run| run.lost),
            victim_connects: with.iter().map(|run| run.victim_connects).max().unwrap_or(0),
            in_views_permille: 1_000 * with.iter().map(|run| run.in_views.0).sum::<u64>()
                / with.iter().map(|run| run.in_views.1).sum::<u64>().max(1),
            fullest: fullest.to_owned(),
            fullest_permille,
            wrong: with.iter().chain(without).find_map(|run| run.wrong.clone()),
        };
        row.wrong = row.wrong.take().or_else(|| row.shortfall(&scenario.expectations));
        row
    }

    /// What must hold beside what the file expects: as much is delivered as at peace, or the share of it that the file
    /// says, and the 99th percentile at most doubles.
    fn shortfall(&self, expectations: &[Expectation]) -> Option<String> {
        let of_delivery = expectations
            .iter()
            .find(|expectation| expectation.measure == Measure::Delivery && expectation.relation == Relation::AtLeast);
        let share = of_delivery.map_or(1_000_000, |expectation| expectation.bound);
        if self.delivery_ppm < self.delivery_at_peace_ppm * share / 1_000_000 {
            return Some(format!("{} ppm delivered, {} at peace", self.delivery_ppm, self.delivery_at_peace_ppm));
        }
        (self.p99_us > 2 * self.p99_at_peace_us).then(|| "the 99th percentile more than doubled".to_owned())
    }
}

fn delivery(runs: &[Measured]) -> u64 {
    pooled::delivery_ppm(runs.iter().map(|run| (run.expected, run.missed)))
}

fn p99(runs: &[Measured]) -> u64 {
    pooled::latency(runs.iter().map(|run| &run.latency), 0.99)
}

/// How the table begins as a page's Markdown.
pub const HEAD: &str = "| attack | delivery at peace | under attack | p99 at peace | under attack | attackers banned | \
     pieces | of views | honest links lost at peace | under attack | connects to a victim | fullest table | verdict |\n\
     |---|---|---|---|---|---|---|---|---|---|---|---|---|\n";

/// A row of the table as a page's Markdown.
pub fn markdown(row: &Row) -> String {
    let share = |ppm: u64| format!("{}.{:03} %", ppm / 10_000, ppm % 10_000 / 10);
    let verdict = row.wrong.as_ref().map_or("holds".to_owned(), |what| format!("OPEN: {what}"));
    let cells = [
        row.attack.trim_start_matches("attack-").to_owned(),
        share(row.delivery_at_peace_ppm),
        share(row.delivery_ppm),
        format!("{} ms", row.p99_at_peace_us / 1_000),
        format!("{} ms", row.p99_us / 1_000),
        row.bans.to_string(),
        row.pieces.to_string(),
        format!("{}.{} %", row.in_views_permille / 10, row.in_views_permille % 10),
        (row.lost_at_peace / 2).to_string(),
        (row.lost / 2).to_string(),
        row.victim_connects.to_string(),
        format!("{}, {}.{} %", row.fullest, row.fullest_permille / 10, row.fullest_permille % 10),
        verdict,
    ];
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(expected: u64, missed: u64, latency: u64) -> Measured {
        let mut histogram = Histogram::new(3).unwrap();
        histogram.record(latency).unwrap();
        Measured {
            expected,
            missed,
            latency: histogram,
            lost: 4,
            bans: 3,
            pieces: 1,
            victim_connects: 2,
            in_views: (1, 8),
            fullest: ("seen", 10),
            wrong: None,
        }
    }

    #[test]
    fn a_row_compares_with_peace_and_says_what_falls_short() {
        let mut scenario = Scenario::plain(2);
        let peace = [measured(100, 0, 1_000), measured(100, 1, 1_000)];
        let row = Row::of(&scenario, &[measured(100, 0, 2_000), measured(100, 1, 2_000)], &peace);
        assert_eq!((row.delivery_at_peace_ppm, row.delivery_ppm, row.wrong), (995_000, 995_000, None));
        let row = Row::of(&scenario, &[measured(100, 0, 2_000), measured(100, 2, 2_000)], &peace);
        assert!(row.wrong.unwrap().contains("990000 ppm delivered"));
        let row = Row::of(&scenario, &[measured(100, 0, 3_000), measured(100, 1, 3_000)], &peace);
        assert!(row.wrong.unwrap().contains("doubled"));
        let lenient = Expectation { measure: Measure::Delivery, relation: Relation::AtLeast, bound: 900_000 };
        scenario.expectations.push(lenient);
        let row = Row::of(&scenario, &[measured(100, 0, 2_000), measured(100, 2, 2_000)], &peace);
        assert_eq!(row.wrong, None);
        assert!(markdown(&row).contains(
            "| plain | 99.500 % | 99.000 % | 1 ms | 2 ms | 3 | 1 | 12.5 % | 2 | 2 | 2 | seen, 1.0 % | holds |"
        ));
    }
}

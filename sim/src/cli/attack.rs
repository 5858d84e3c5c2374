//! `sim attack`.

use super::seeds::{Seeds, all_seeds, seed_range};
use super::{GOOD, MISSED, read, resize};
use clap::Args;
use gossip_sim::attack;
use gossip_sim::scenario::Scenario;
use std::path::PathBuf;
use std::sync::Mutex;

#[derive(Args)]
pub(super) struct Attack {
    /// Scenarios with adversaries.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The seeds, A..B without B.
    #[arg(long, value_parser = seed_range, default_value = "0..20")]
    seeds: Seeds,
    /// So many peers instead of what the files say.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    peers: Option<u32>,
    /// One line of JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// The table as Markdown, and nothing else.
    #[arg(long)]
    markdown: bool,
}

impl Attack {
    pub(super) fn main(&self) -> u8 {
        let mut attacks = Vec::new();
        for file in &self.files {
            match read(file) {
                Ok(mut scenario) => {
                    self.peers.into_iter().for_each(|peers| resize(&mut scenario, peers));
                    attacks.push(scenario);
                }
                Err(status) => return status,
            }
        }
        // Many attacks are against the same network: at peace it is measured once.
        let mut scenarios: Vec<Scenario> = Vec::new();
        let of_attack: Vec<usize> = attacks
            .iter()
            .map(|scenario| {
                let peace = attack::at_peace(scenario);
                scenarios.iter().position(|known| *known == peace).unwrap_or_else(|| {
                    scenarios.push(peace);
                    scenarios.len() - 1
                })
            })
            .collect();
        let first_attack = scenarios.len();
        scenarios.extend(attacks);
        if self.markdown && !self.json {
            out!("{}", attack::HEAD);
        }
        let rows = Mutex::new(Vec::new());
        all_seeds(&scenarios, self.seeds, attack::measure, |at, runs| {
            let Some(peace) = at.checked_sub(first_attack).and_then(|attack| of_attack.get(attack)) else { return };
            let row = attack::Row::of(&scenarios[at], &runs[at], &runs[*peace]);
            // Told at once: who interrupts the rest has these.
            if self.markdown && !self.json {
                out!("{}", attack::markdown(&row));
            } else if !self.json {
                outln!("{}: {}", row.attack, row.wrong.as_deref().unwrap_or("holds"));
            }
            rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
        });
        let rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.json {
            outln!("{}", serde_json::to_string(&rows).expect("numbers and text"));
        }
        if rows.iter().all(|row| row.wrong.is_none()) { GOOD } else { MISSED }
    }
}

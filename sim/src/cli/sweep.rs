//! `sim sweep`.

use super::seeds::{Seeds, all_seeds, seed_range};
use super::{BROKEN, GOOD, MANY, MISSED, WRONG, read};
use crate::huge_pages;
use clap::Args;
use gossip_sim::report::Ending;
use gossip_sim::sweep::{Columns, MEASURES, Plan, Row, Vary, measure, page};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

#[derive(Args)]
pub(super) struct Sweep {
    /// The scenario, an ini file.
    file: PathBuf,
    /// A setting and its values, SECTION.KEY=VALUE,VALUE, as the file would have them; with semicolons between values
    /// that have commas. Once or twice.
    #[arg(long, required = true, value_name = "SETTING", value_parser = Vary::parse)]
    vary: Vec<Vary>,
    /// The seeds, A..B without B.
    #[arg(long, value_parser = seed_range, default_value = "0..5")]
    seeds: Seeds,
    /// Only these columns and plots, with commas between.
    #[arg(long, value_name = "KEYS", value_delimiter = ',', value_parser = measure_key)]
    measures: Vec<String>,
    /// One line of JSON for each combination, with all measures.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// The table as Markdown, and nothing else.
    #[arg(long)]
    markdown: bool,
    /// Write a page with plots and table: one file, nothing else needed to look at it.
    #[arg(long, value_name = "OUT.html")]
    report: Option<PathBuf>,
    /// Write the plots as one picture.
    #[arg(long, value_name = "OUT.svg")]
    svg: Option<PathBuf>,
}

fn measure_key(text: &str) -> Result<String, String> {
    let known = || MEASURES.iter().map(|measure| measure.key);
    match known().any(|key| key == text) {
        true => Ok(text.to_owned()),
        false => {
            Err(format!("`{text}` is not measured; one of {} would be right", known().collect::<Vec<_>>().join(", ")))
        }
    }
}

impl Sweep {
    pub(super) fn main(&self) -> u8 {
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(status) => return status,
        };
        if plan.variants.iter().any(|variant| variant.scenario.peers >= MANY) {
            huge_pages::ask_for();
        }
        let columns = Columns::new(&plan, &self.measures, self.seeds.count());
        match (self.json, self.markdown) {
            (true, _) => {}
            (_, true) => out!("{}", columns.markdown_head()),
            _ => outln!("{}", columns.head()),
        }
        let rows = Mutex::new(Vec::new());
        all_seeds(
            &plan.variants,
            self.seeds,
            |variant, seed| measure(&variant.scenario, seed),
            |at, runs| {
                let row = Row::of(&plan.variants[at].values, &runs[at]);
                // Told at once: who interrupts the rest has these.
                match (self.json, self.markdown) {
                    (true, _) => outln!("{}", row.json(&plan, &self.seeds.range())),
                    (_, true) => out!("{}", columns.markdown(&row)),
                    _ => outln!("{}", columns.row(&row)),
                }
                rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
            },
        );
        let rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !self.json && !self.markdown {
            columns.remark().into_iter().for_each(|remark| outln!("{remark}"));
        }
        let page = page(&plan, &columns, &rows, self.again());
        let files = [(&self.report, page.html()), (&self.svg, page.svg() + "\n")];
        let written = files.iter().filter_map(|(path, text)| path.as_ref().map(|path| write(path, text)));
        let status = rows.iter().map(status_of).max().unwrap_or(GOOD);
        written.fold(status, |status, written| if written { status } else { WRONG })
    }

    fn plan(&self) -> Result<Plan, u8> {
        read(&self.file)?;
        let name = self.file.display().to_string();
        let text = std::fs::read_to_string(&self.file).map_err(|error| {
            errln!("{name}: cannot be read: {error}");
            WRONG
        })?;
        Plan::new(&name, &text, self.vary.clone()).map_err(|mistakes| {
            mistakes.iter().for_each(|mistake| errln!("{mistake}"));
            WRONG
        })
    }

    fn again(&self) -> String {
        let vary = self.vary.iter().map(Vary::option).collect::<Vec<_>>().join(" ");
        let Seeds { first, past } = self.seeds;
        let measures = match self.measures.is_empty() {
            true => String::new(),
            false => format!(" --measures {}", self.measures.join(",")),
        };
        format!("sim sweep {} {vary} --seeds {first}..{past}{measures}", self.file.display())
    }
}

fn status_of(row: &Row) -> u8 {
    match row.ending {
        Ending::Passed => GOOD,
        Ending::Missed => MISSED,
        Ending::Broken => BROKEN,
    }
}

fn write(path: &Path, text: &str) -> bool {
    let written = std::fs::write(path, text);
    if let Err(error) = &written {
        errln!("{} cannot be written: {error}", path.display());
    }
    written.is_ok()
}

//! The page of a sweep: what settings bring and cost, in plots and a table.

use super::page::{card, columns, named_values, page};
use super::units::{Unit, count};
use super::{Ending, lines};
use maud::{Markup, html};

/// All that is told of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The scenario's name.
    pub scenario: String,
    /// How many seeds each combination was run with.
    pub seeds: u64,
    /// The one command that repeats it.
    pub command: String,
    /// One or two settings, each with its values: the first is along the axes, the second has a line for each value.
    pub settings: Vec<(String, Vec<String>)>,
    /// The plots.
    pub curves: Vec<Curve>,
    /// The table's columns, but for the settings.
    pub columns: Vec<String>,
    /// The table.
    pub rows: Vec<SweepRow>,
    /// What it says of the worst seed.
    pub remark: Option<String>,
    /// The scenario as it is in its file, in reading order: names and values.
    pub options: Vec<(String, String)>,
}

/// For each value of the first setting: the mean, and the worst seed.
pub type Line = Vec<(u64, u64)>;

/// A measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// What it is.
    pub note: String,
    /// What it counts.
    pub unit: Unit,
    /// Is the worst seed shown?
    pub tells_worst: bool,
    /// One for each value of the second setting; one if there is none.
    pub lines: Vec<Line>,
}

/// A combination of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRow {
    /// A value for each setting.
    pub values: Vec<String>,
    /// A figure for each column, with its unit.
    pub cells: Vec<String>,
    /// How the worst seed ended.
    pub ending: Ending,
    /// What was not as it must be.
    pub wrong: Option<String>,
}

impl Sweep {
    /// One page with everything in it: no network, no script.
    pub fn html(&self) -> String {
        let names: Vec<_> = self.settings.iter().map(|(name, _)| name.as_str()).collect();
        let title = format!("{}: {}", self.scenario, names.join(" and "));
        let content = html! {
            (legend(self))
            div.grid {
                @for curve in &self.curves {
                    (card(&curve.name, &curve.note, Some(lines::plot(curve, self)), None))
                }
            }
            (table(self))
            (named_values("Scenario", "as it is in its file", &self.options))
        };
        page(&title, &header(self, &names), &content)
    }

    /// The plots alone, as a picture for a document.
    pub fn svg(&self) -> String {
        lines::picture(self)
    }
}

fn header(sweep: &Sweep, names: &[&str]) -> Markup {
    let seeds = if sweep.seeds == 1 { "one seed".to_owned() } else { format!("{} seeds", count(sweep.seeds)) };
    html! {
        header {
            h1 { (sweep.scenario) " by " (names.join(" and ")) }
            p { (count(sweep.rows.len() as u64)) " combinations of values, each over " (seeds) "." }
            p.command { span { "Repeat this sweep" } code { (sweep.command) } }
        }
    }
}

fn legend(sweep: &Sweep) -> Markup {
    let tells_worst = sweep.curves.iter().any(|curve| curve.tells_worst);
    html! {
        section {
            h2 { "How to read the plots" }
            p.note { "Along each axis is " (sweep.settings[0].0) ", its values as far apart as the next ones, however large." }
            p.legend {
                @match sweep.settings.get(1) {
                    Some((name, values)) => {
                        @for (n, value) in values.iter().enumerate() {
                            span.key.line.(lines::colour(n)) { (name) " " (value) }
                        }
                    }
                    None => span.key.line { "all seeds" },
                }
                @if tells_worst { span.key.band { "as far as the worst seed" } }
            }
        }
    }
}

fn table(sweep: &Sweep) -> Markup {
    let is_wrong = sweep.rows.iter().any(|row| row.wrong.is_some());
    let texts: &[&str] = if is_wrong { &["Verdict"] } else { &[] };
    let names = sweep.settings.iter().map(|(name, _)| name).chain(&sweep.columns);
    let numbers: Vec<_> = names.map(String::as_str).collect();
    html! {
        section {
            h2 { "Figures" }
            div.scroll tabindex="0" role="region" aria-label="Figures" {
                table {
                    @if let Some(remark) = &sweep.remark { caption { (remark) } }
                    (columns(texts, &numbers))
                    tbody {
                        @for row in &sweep.rows {
                            tr {
                                @if is_wrong { td { span.badge.(row.ending.badge().0) { (row.ending.badge().1) } } }
                                @for value in &row.values { th.number scope="row" { (value) } }
                                @for cell in &row.cells { td.number { (cell) } }
                            }
                        }
                    }
                }
            }
            @for row in &sweep.rows {
                @if let Some(wrong) = &row.wrong { p.note { (row.values.join(", ")) ": " (wrong) } }
            }
        }
    }
}

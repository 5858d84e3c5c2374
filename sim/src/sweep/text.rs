//! The table as lines that can be told one by one: for a terminal, and as a page's Markdown.

use super::{Figure, MEASURES, Measure, Plan, Row};

/// What the worst seed's figure takes at most, with its brackets.
const BOTH: usize = 21;
const ONE: usize = 10;

/// The columns of a table.
pub struct Columns {
    /// The settings' names and widths.
    settings: Vec<(String, usize)>,
    /// In the table's order.
    measures: Vec<&'static Measure>,
    seeds: u64,
    /// Is anything expected?
    expects: bool,
}

impl Columns {
    /// Of a sweep over so many seeds, with the measures of these keys; with all if there are none.
    pub fn new(plan: &Plan, measures: &[String], seeds: u64) -> Self {
        let width = |name: &str, values: &[String]| {
            values.iter().map(String::as_str).chain([name]).map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let settings = plan.settings.iter().map(|setting| (setting.name(), width(&setting.name(), &setting.values)));
        Self {
            settings: settings.collect(),
            measures: Measure::chosen(measures),
            seeds,
            expects: !plan.scenario.expectations.is_empty(),
        }
    }

    /// Those shown.
    pub fn measures(&self) -> &[&'static Measure] {
        &self.measures
    }

    /// What a page says of the worst seed; nothing if there is only one.
    pub fn remark(&self) -> Option<&'static str> {
        let tells = self.measures.iter().any(|measure| self.tells_worst(measure));
        tells.then_some("In brackets: the worst seed, where it is not as the mean.")
    }

    /// A figure as a person reads it, and the worst seed's in brackets if that is another.
    pub fn show(&self, measure: &Measure, figure: Figure) -> String {
        let (mean, worst) = (measure.unit.show(figure.mean), measure.unit.show(figure.worst));
        if self.tells_worst(measure) && mean != worst { format!("{mean} ({worst})") } else { mean }
    }

    /// The terminal's first line.
    pub fn head(&self) -> String {
        let names = self.measures.iter().map(|measure| measure.name.to_owned()).collect();
        self.line(self.settings.iter().map(|(name, _)| name.clone()).collect(), names, "")
    }

    /// A row for the terminal.
    pub fn row(&self, row: &Row) -> String {
        self.line(row.values.clone(), self.cells(row), &self.verdict(row))
    }

    /// How the table begins as a page's Markdown.
    pub fn markdown_head(&self) -> String {
        let mut names: Vec<String> = self.settings.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.extend(self.measures.iter().map(|measure| measure.name.to_owned()));
        names.extend(self.expects.then(|| "as expected".to_owned()));
        let rules = names.iter().map(|_| "---|").collect::<String>();
        format!("| {} |\n|{rules}\n", names.join(" | "))
    }

    /// A row of the table as a page's Markdown.
    pub fn markdown(&self, row: &Row) -> String {
        let mut cells = row.values.clone();
        cells.extend(self.cells(row));
        cells.extend((self.expects || row.wrong.is_some()).then(|| self.verdict(row)));
        format!("| {} |\n", cells.join(" | "))
    }

    /// What is shown of a row, without its values.
    pub fn cells(&self, row: &Row) -> Vec<String> {
        let all = MEASURES.iter().zip(&row.figures);
        let shown = all.filter(|(measure, _)| self.measures.iter().any(|one| one.key == measure.key));
        shown.map(|(measure, figure)| self.show(measure, *figure)).collect()
    }

    /// Were all seeds as expected?
    pub fn verdict(&self, row: &Row) -> String {
        match &row.wrong {
            Some(wrong) => format!("{} of {} seeds; {wrong}", row.good, row.seeds),
            None if self.expects => "all".to_owned(),
            None => String::new(),
        }
    }

    /// Is the worst seed of interest beside the mean?
    pub fn tells_worst(&self, measure: &Measure) -> bool {
        measure.tells_worst && self.seeds > 1
    }

    fn line(&self, values: Vec<String>, cells: Vec<String>, verdict: &str) -> String {
        let values = values.into_iter().zip(&self.settings).map(|(value, (_, width))| format!("{value:<width$}"));
        let cells = cells.into_iter().zip(&self.measures).map(|(cell, measure)| {
            let width = if self.tells_worst(measure) { BOTH } else { ONE }.max(measure.name.len());
            format!("{cell:>width$}")
        });
        let line = values.chain(cells).chain([verdict.to_owned()]).collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    }
}

//! The terminal's summary, 80 columns wide at most.

use super::units::{count, exact};
use super::{Ending, Report};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// One more stands before each line.
const COLUMNS: u16 = 79;
/// More broken properties than this are only counted.
const BROKEN_MAX: usize = 10;

pub(super) fn render(report: &Report) -> String {
    let ending = match report.ending() {
        Ending::Passed => "PASSED",
        Ending::Missed => "MISSED an expectation",
        Ending::Broken => "BROKEN: a safety property",
    };
    let mut parts = vec![format!("{}, seed {}: {ending}\n", report.scenario, report.seed)];
    parts.extend(verdicts(report));
    parts.extend(broken(report));
    parts.push(figures(report));
    parts.push(format!("repeat: {}\n", report.command));
    parts.join("\n")
}

fn verdicts(report: &Report) -> Option<String> {
    let mut table = plain();
    for verdict in &report.verdicts {
        let met = if verdict.met { "met" } else { "MISSED" };
        table.add_row([met, &verdict.expectation, &verdict.measured]);
    }
    table.set_constraints([ColumnConstraint::Absolute(Width::Fixed(8))]);
    align_right(&mut table, 2);
    (!report.verdicts.is_empty()).then(|| print(&table))
}

fn broken(report: &Report) -> Option<String> {
    let mut table = plain();
    for broken in report.broken.iter().take(BROKEN_MAX) {
        let place = format!("{}, peer {}", exact(broken.at), broken.peer);
        table.add_row(["BROKEN", &place, &format!("{}: {}", broken.property, broken.detail)]);
    }
    table.set_constraints([ColumnConstraint::Absolute(Width::Fixed(8))]);
    let more = report.broken.len().saturating_sub(BROKEN_MAX);
    let rest = if more > 0 { format!("and {} more\n", count(more as u64)) } else { String::new() };
    (!report.broken.is_empty()).then(|| print(&table) + &rest)
}

/// The totals in two columns, to be read down.
fn figures(report: &Report) -> String {
    let figures = report.figures();
    let (left, right) = figures.split_at(figures.len().div_ceil(2));
    let mut table = plain();
    for (row, (name, value)) in left.iter().enumerate() {
        let (other, figure) = right.get(row).map_or(("", ""), |(name, value)| (*name, value.as_str()));
        table.add_row([*name, value, "", other, figure]);
    }
    align_right(&mut table, 1);
    align_right(&mut table, 4);
    print(&table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table
}

fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn print(table: &Table) -> String {
    table.lines().map(|line| format!(" {}\n", line.trim_end())).collect()
}

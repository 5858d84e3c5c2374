//! A sweep as its page takes it.

use super::{Columns, Plan, Row};
use crate::report::{Curve, Sweep, SweepRow};
use crate::telling;

/// Of all combinations, in the plan's order; `command` repeats them.
pub fn page(plan: &Plan, columns: &Columns, rows: &[Row], command: String) -> Sweep {
    let settings: Vec<_> = plan.settings.iter().map(|setting| (setting.name(), setting.values.clone())).collect();
    let lines = settings.get(1).map_or(1, |(_, values)| values.len());
    let curves = columns.measures().iter().map(|measure| {
        let figures: Vec<_> = rows.iter().filter_map(|row| row.figure(measure.key)).collect();
        Curve {
            name: measure.name.to_owned(),
            note: measure.note.to_owned(),
            unit: measure.unit,
            tells_worst: columns.tells_worst(measure),
            // The second setting changes first.
            lines: (0..lines)
                .map(|line| figures.iter().skip(line).step_by(lines).map(|one| (one.mean, one.worst)).collect())
                .collect(),
        }
    });
    Sweep {
        scenario: plan.scenario.name.clone(),
        seeds: rows.first().map_or(0, |row| row.seeds as u64),
        command,
        curves: curves.collect(),
        columns: columns.measures().iter().map(|measure| measure.name.to_owned()).collect(),
        rows: rows
            .iter()
            .map(|row| SweepRow {
                values: row.values.clone(),
                cells: columns.cells(row),
                ending: row.ending,
                wrong: row.wrong.clone(),
            })
            .collect(),
        remark: columns.remark().map(str::to_owned),
        options: telling::options(&plan.scenario),
        settings,
    }
}

//! A row for scripts: whole numbers, units in the names.

use super::{MEASURES, Plan, Row};
use crate::report::{Ending, Unit};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Grows when a name changes its meaning or goes.
const VERSION: u32 = 1;

impl Row {
    /// All measures, whichever are shown.
    pub fn json(&self, plan: &Plan, seeds: &Range<u64>) -> Value {
        let settings = plan.settings.iter().zip(&self.values).map(|(one, value)| (one.name(), json!(value)));
        let measures = MEASURES.iter().zip(&self.figures).map(|(measure, figure)| {
            let unit = match measure.unit {
                Unit::Share => "_ppm",
                Unit::Thousandths => "_milli",
                Unit::Micros => "_us",
                Unit::Count => "",
            };
            (format!("{}{unit}", measure.key), json!({ "mean": figure.mean, "worst": figure.worst }))
        });
        let ending = match self.ending {
            Ending::Passed => "passed",
            Ending::Missed => "missed",
            Ending::Broken => "broken",
        };
        json!({
            "version": VERSION,
            "scenario": plan.scenario.name,
            "settings": settings.collect::<Map<_, _>>(),
            "seeds": { "first": seeds.start, "past": seeds.end },
            "measures": measures.collect::<Map<_, _>>(),
            "as_expected": self.good,
            "ending": ending,
            "wrong": self.wrong,
        })
    }
}

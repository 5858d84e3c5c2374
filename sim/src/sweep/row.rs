//! One combination of values: what its seeds came to.

use super::{MEASURES, Run};
use crate::report::Ending;

/// A measure of a combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Over all seeds.
    pub mean: u64,
    /// Of the worst one.
    pub worst: u64,
}

/// One combination of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A value for each setting.
    pub values: Vec<String>,
    /// One for each of [`MEASURES`].
    pub figures: Vec<Figure>,
    /// Seeds that were as expected.
    pub good: usize,
    /// Seeds that were run.
    pub seeds: usize,
    /// How the worst of them ended.
    pub ending: Ending,
    /// The first thing that was not as it must be.
    pub wrong: Option<String>,
}

impl Row {
    /// Of the runs with these values.
    pub fn of(values: &[String], runs: &[Run]) -> Self {
        let ended = |ending: Ending| runs.iter().any(|run| run.ending == ending);
        let ending = [Ending::Broken, Ending::Missed].into_iter().find(|ending| ended(*ending));
        Self {
            values: values.to_vec(),
            figures: MEASURES.iter().map(|measure| measure.of(runs)).collect(),
            good: runs.iter().filter(|run| run.ending == Ending::Passed).count(),
            seeds: runs.len(),
            ending: ending.unwrap_or(Ending::Passed),
            wrong: runs.iter().find_map(|run| run.wrong.clone()),
        }
    }

    /// The measure of this key; see [`MEASURES`].
    pub fn figure(&self, key: &str) -> Option<Figure> {
        MEASURES.iter().zip(&self.figures).find(|(measure, _)| measure.key == key).map(|(_, figure)| *figure)
    }
}

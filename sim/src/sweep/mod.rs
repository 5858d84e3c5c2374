//! What settings cost and bring: a scenario with one or two of them varied, each combination over the same seeds.

mod json;
mod measures;
mod page;
mod plan;
mod row;
mod run;
mod text;
mod vary;

pub use measures::{MEASURES, Measure};
pub use page::page;
pub use plan::{Plan, Variant};
pub use row::{Figure, Row};
pub use run::{Run, measure};
pub use text::Columns;
pub use vary::Vary;

#[cfg(test)]
mod tests;

//! Many seeds, on all cores, under a bar.

use gossip_sim::cores;
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::Range;

/// Seeds from one to before another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds {
    pub(super) first: u64,
    pub(super) past: u64,
}

/// `A..B`, without B.
pub(super) fn seed_range(text: &str) -> Result<Seeds, String> {
    let right = || format!("`{text}` is not a range of seeds; 0..100 would be right");
    let (first, past) = text.split_once("..").ok_or_else(right)?;
    match (first.parse(), past.parse()) {
        (Ok(first), Ok(past)) if first < past => Ok(Seeds { first, past }),
        _ => Err(right()),
    }
}

impl Seeds {
    pub(super) fn range(self) -> Range<u64> {
        self.first..self.past
    }

    pub(super) fn count(self) -> u64 {
        self.past - self.first
    }
}

/// Calls `each` for every seed, on all cores, until one call says no.
pub(super) fn for_seeds(seeds: Seeds, each: impl Fn(u64, &ProgressBar) -> bool + Sync) {
    let bar = bar(seeds.count(), "seeds");
    cores::for_each(seeds.range(), cores::available(), |seed| {
        let goes_on = each(seed, &bar);
        bar.inc(1);
        goes_on
    });
    bar.finish_and_clear();
}

/// All seeds of all subjects, on all cores; see [`cores::all_seeds`].
pub(super) fn all_seeds<S: Sync, R: Send>(
    subjects: &[S],
    seeds: Seeds,
    measure: impl Fn(&S, u64) -> R + Sync,
    done: impl Fn(usize, &[Vec<R>]) + Sync,
) {
    let bar = bar(seeds.count() * subjects.len() as u64, "seeds");
    let measure = |subject: &S, seed| {
        let run = measure(subject, seed);
        bar.inc(1);
        run
    };
    cores::all_seeds(subjects, seeds.range(), cores::available(), measure, |at, runs| bar.suspend(|| done(at, runs)));
    bar.finish_and_clear();
}

/// Drawn only on a terminal.
pub(super) fn bar(len: u64, unit: &str) -> ProgressBar {
    ProgressBar::new(len).with_style(style(&format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{elapsed}}")))
}

/// Of a bar.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

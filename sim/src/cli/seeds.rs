//! Many seeds, on all cores, under a bar.

use gossip_sim::cores;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
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
        let measured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| measure(subject, seed)));
        let Ok(run) = measured else {
            // There is no row without it. What is finished has been told.
            bar.suspend(|| errln!("seed {seed} PANICKED"));
            std::process::exit(super::BROKEN.into());
        };
        bar.inc(1);
        run
    };
    cores::all_seeds(subjects, seeds.range(), cores::available(), measure, |at, runs| bar.suspend(|| done(at, runs)));
    bar.finish_and_clear();
}

/// Puts what comes for each seed in the seeds' order.
pub(super) struct InOrder<T> {
    next: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> InOrder<T> {
    pub(super) fn from(first: u64) -> Self {
        Self { next: first, waiting: BTreeMap::new() }
    }

    pub(super) fn put(&mut self, seed: u64, what: T) {
        self.waiting.insert(seed, what);
    }

    /// That of the next seed, if it has come.
    pub(super) fn next(&mut self) -> Option<T> {
        let what = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(what)
    }
}

/// Drawn only on a terminal.
pub(super) fn bar(len: u64, unit: &str) -> ProgressBar {
    ProgressBar::new(len).with_style(style(&format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{elapsed}}")))
}

/// Of a bar.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_of_order_is_told_in_order_as_soon_as_it_can_be() {
        let mut told = InOrder::from(3);
        let mut all = |seed| {
            told.put(seed, seed);
            std::iter::from_fn(|| told.next()).collect::<Vec<_>>()
        };
        assert_eq!([all(4), all(3), all(6), all(5)], [vec![], vec![3, 4], vec![], vec![5, 6]]);
    }
}

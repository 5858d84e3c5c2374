//! Many runs at once, one a core.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many cores there are.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Calls `each` for every job, on so many cores, until one call says no.
pub fn for_each(jobs: Range<u64>, cores: usize, each: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(jobs.start);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs.end {
                        return;
                    }
                    if !each(job) {
                        next.store(jobs.end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

/// Measures all seeds of all `subjects`, on so many cores. Whenever a subject has all of its runs, and all before it have
/// theirs, `done` is told which it is, and the runs of each subject so far, by seed: what it says is in the same order on
/// any number of cores.
pub fn all_seeds<S: Sync, R: Send>(
    subjects: &[S],
    seeds: Range<u64>,
    cores: usize,
    measure: impl Fn(&S, u64) -> R + Sync,
    done: impl Fn(usize, &[Vec<R>]) + Sync,
) {
    struct Runs<R> {
        unfinished: Vec<BTreeMap<u64, R>>,
        finished: Vec<Vec<R>>,
    }
    let count = seeds.end.saturating_sub(seeds.start);
    let unfinished = subjects.iter().map(|_| BTreeMap::new()).collect();
    let runs = Mutex::new(Runs { unfinished, finished: Vec::new() });
    for_each(0..count * subjects.len() as u64, cores, |job| {
        let at = usize::try_from(job / count).expect("subjects are in memory");
        let seed = seeds.start + job % count;
        let run = measure(&subjects[at], seed);
        let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Runs { unfinished, finished } = &mut *runs;
        unfinished[at].insert(seed, run);
        while unfinished.get(finished.len()).is_some_and(|runs| runs.len() as u64 == count) {
            let at = finished.len();
            finished.push(std::mem::take(&mut unfinished[at]).into_values().collect());
            done(at, finished);
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Later jobs end first: whoever tells what is ready as it comes tells it in the wrong order.
    #[test]
    fn subjects_are_told_in_their_order_with_their_runs_by_seed_on_any_number_of_cores() {
        for cores in [1, 2, 5] {
            let told = Mutex::new(Vec::new());
            let first_done = AtomicU64::new(0);
            let measure = |subject: &u64, seed: u64| {
                let waits = *subject == 10 && seed == 3 && cores > 1;
                while waits && first_done.load(Ordering::Acquire) == 0 {
                    std::hint::spin_loop();
                }
                first_done.store(1, Ordering::Release);
                subject + seed
            };
            all_seeds(&[10, 20, 30], 3..5, cores, measure, |at, runs| {
                told.lock().unwrap().push((at, runs.last().cloned()));
            });
            let by_hand = [(0, Some(vec![13, 14])), (1, Some(vec![23, 24])), (2, Some(vec![33, 34]))];
            assert_eq!(told.into_inner().unwrap(), by_hand, "{cores} cores");
        }
    }

    #[test]
    fn a_no_ends_it() {
        let last = AtomicU64::new(0);
        for_each(5..1_000_000_000, 1, |job| {
            last.store(job, Ordering::Relaxed);
            job < 7
        });
        assert_eq!(last.into_inner(), 7);
    }
}

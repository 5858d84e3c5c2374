//! What many seeds come to together.

use hdrhistogram::Histogram;

/// Deliveries that there were of those that there should have been, millionths, of runs with so many expected and missed.
pub fn delivery_ppm(runs: impl IntoIterator<Item = (u64, u64)>) -> u64 {
    let (expected, missed) = runs.into_iter().fold((0, 0), |(e, m), (expected, missed)| (e + expected, m + missed));
    ((expected - missed) * 1_000_000).checked_div(expected).unwrap_or(1_000_000)
}

/// A quantile of the latencies of all runs.
pub fn latency<'h>(runs: impl IntoIterator<Item = &'h Histogram<u64>>, quantile: f64) -> u64 {
    let mut all = Histogram::<u64>::new(3).expect("three digits are possible");
    runs.into_iter().for_each(|run| all.add(run).expect("the histogram grows as it must"));
    all.value_at_quantile(quantile)
}

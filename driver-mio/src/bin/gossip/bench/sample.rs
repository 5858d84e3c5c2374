//! What a benchmark's message carries: which run, which number, and when it was to be announced.

use std::time::{Duration, Instant};

/// The fewest bytes that hold it.
pub(crate) const LEAST: usize = 24;

/// Makes this run's messages, and knows them again.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    run: Run,
    size: usize,
}

/// Which run, and when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    tag: u64,
    epoch: Instant,
}

/// One message as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    pub(crate) latency: Duration,
}

impl Stamp {
    /// Messages of this size, at least [`LEAST`], unlike any other run's.
    pub(crate) fn new(size: usize) -> Self {
        let mut tag = [0; 8];
        // Without randomness from the system, the process is still not another one.
        if getrandom::fill(&mut tag).is_err() {
            tag = u64::from(std::process::id()).to_be_bytes();
        }
        Self { run: Run { tag: u64::from_be_bytes(tag), epoch: Instant::now() }, size: size.max(LEAST) }
    }

    /// Messages of another size of a run that has begun.
    pub(crate) const fn of_run(run: Run, size: usize) -> Self {
        Self { run, size }
    }

    pub(crate) const fn run(&self) -> Run {
        self.run
    }

    /// Writes the data of a message that is due now, or then, into `data`.
    pub(crate) fn write(&self, number: u64, due: Instant, data: &mut Vec<u8>) {
        data.clear();
        data.extend(self.run.tag.to_be_bytes());
        data.extend(number.to_be_bytes());
        let nanos = due.saturating_duration_since(self.run.epoch).as_nanos();
        data.extend(u64::try_from(nanos).unwrap_or(u64::MAX).to_be_bytes());
        data.resize(self.size, 0x5a);
    }
}

impl Run {
    /// The message, if it is of this run.
    pub(crate) fn read(self, data: &[u8], now: Instant) -> Option<Sample> {
        let field = |at: usize| data.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        if field(0)? != self.tag {
            return None;
        }
        let due = self.epoch + Duration::from_nanos(field(16)?);
        Some(Sample { number: field(8)?, latency: now.saturating_duration_since(due) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again_by_its_run_only() {
        let (stamp, other) = (Stamp::new(100), Stamp::new(LEAST));
        let mut data = Vec::new();
        stamp.write(7, stamp.run.epoch + Duration::from_millis(5), &mut data);
        assert_eq!(data.len(), 100);
        let now = stamp.run.epoch + Duration::from_millis(12);
        assert_eq!(stamp.run().read(&data, now), Some(Sample { number: 7, latency: Duration::from_millis(7) }));
        assert_eq!(other.run().read(&data, now), None);
        assert_eq!(stamp.run().read(&data[..23], now), None);
    }
}

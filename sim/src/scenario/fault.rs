//! The timeline's steps: which keys each kind of fault has, and until when it matters.

use super::value;
use super::{Fault, Step};

/// A process told to shut down has so long to say goodbye, microseconds.
pub(crate) const LEAVING: u64 = 2_000_000;

/// Each kind, and its keys beside `at` and `kind`.
pub(super) const FAULTS: &[(&str, &[&str])] = &[
    ("partition", &["lasts", "groups"]),
    ("one-way", &["lasts", "who"]),
    ("kill", &["lasts", "who"]),
    ("vanish", &["lasts", "who"]),
    ("leave", &["lasts", "who"]),
    ("pause", &["lasts", "who"]),
    ("slow", &["lasts", "who", "cost"]),
    ("silence", &["links"]),
    ("reset", &["links"]),
    ("drift", &["lasts", "who", "ppm"]),
    ("modules", &["who"]),
    ("join", &["count", "over"]),
    ("churn", &["lasts", "every", "down"]),
];

impl Fault {
    /// Can it last, or be undone? Else it is over at once.
    pub fn may_last(&self) -> bool {
        !matches!(self, Self::Silence(_) | Self::Reset(_) | Self::Modules(_) | Self::Join(..))
    }
}

impl Step {
    /// From when on nothing of it is under way any more, microseconds; `None`: never.
    pub fn over(&self) -> Option<u64> {
        let end = self.lasts.map(|lasts| self.at.saturating_add(lasts));
        match &self.fault {
            Fault::Partition(_) | Fault::OneWay(_) | Fault::Pause(_) | Fault::Slow(..) => end,
            // Who left last is back after so long.
            Fault::Churn { down, .. } => end.map(|end| end.saturating_add(LEAVING).saturating_add(*down)),
            // Checkers allow for clocks that run wrong.
            Fault::Drift(..) | Fault::Kill(_) | Fault::Vanish(_) => Some(end.unwrap_or(self.at)),
            Fault::Leave(_) => Some(end.unwrap_or(self.at).saturating_add(LEAVING)),
            Fault::Silence(_) | Fault::Reset(_) | Fault::Modules(_) => Some(self.at),
            Fault::Join(_, over) => Some(self.at.saturating_add(*over)),
        }
    }
}

/// The groups of a partition: two at least that somebody is in.
pub(super) fn groups(text: &str) -> Result<Vec<u32>, String> {
    let groups = value::numbers(text)?;
    match groups.iter().filter(|&&share| share > 0).count() {
        0 | 1 => Err(format!("`{text}` parts nobody from anybody; at least two shares above 0 would be right")),
        _ => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Who;

    #[test]
    fn a_step_is_over_when_nothing_of_it_is_under_way() {
        let over = |fault, lasts| Step { name: String::new(), at: 10, fault, lasts }.over();
        let who = || Who::Count(1);
        let churn = || Fault::Churn { every: 1, down: 7 };
        for (fault, without, with) in [
            (Fault::Partition(vec![1, 1]), None, Some(15)),
            (Fault::OneWay(who()), None, Some(15)),
            (Fault::Pause(who()), None, Some(15)),
            (Fault::Slow(who(), 1), None, Some(15)),
            (Fault::Drift(who(), 1), Some(10), Some(15)),
            (Fault::Kill(who()), Some(10), Some(15)),
            (Fault::Vanish(who()), Some(10), Some(15)),
            (Fault::Leave(who()), Some(2_000_010), Some(2_000_015)),
            (churn(), None, Some(2_000_022)),
        ] {
            assert_eq!((over(fault.clone(), None), over(fault.clone(), Some(5))), (without, with), "{fault:?}");
            assert!(fault.may_last(), "{fault:?}");
        }
        for (fault, at) in
            [(Fault::Silence(1), 10), (Fault::Reset(1), 10), (Fault::Modules(who()), 10), (Fault::Join(1, 20), 30)]
        {
            assert_eq!(over(fault.clone(), None), Some(at), "{fault:?}");
            assert!(!fault.may_last(), "{fault:?}");
        }
    }
}

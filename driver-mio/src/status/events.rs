//! The latest of what the log was told, for who follows it from outside.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Events kept; older ones are gone. What the log leaves out (see `NoteLog`) is not here either.
pub(crate) const EVENTS_MAX: usize = 256;

/// One line of the event log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Counts up from 0, without gaps.
    pub number: u64,
    /// When it was logged: RFC 3339, in UTC, to the millisecond.
    pub time: String,
    /// `warn` or `info`.
    pub level: String,
    /// A short name of its kind.
    pub kind: String,
    /// The line itself. Peers may have had a hand in it: to be escaped wherever it is shown.
    pub text: String,
}

/// What `/events` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsReport {
    /// When the node started: another value, another run, whose numbers begin at 0 again.
    pub started: String,
    /// The number that the next event will have: what to ask for next.
    pub next: u64,
    /// How many of those asked for are gone already.
    pub missed: u64,
    /// The others, oldest first.
    pub events: Vec<LoggedEvent>,
}

/// The latest events, at most [`EVENTS_MAX`].
#[derive(Default)]
pub(crate) struct EventLog {
    latest: VecDeque<Kept>,
    next: u64,
}

/// An event as it is kept: in few blocks of memory, each of which could keep a page that a flood has left behind.
struct Kept {
    at: jiff::Timestamp,
    level: log::Level,
    kind: &'static str,
    text: Box<str>,
}

impl Kept {
    fn logged(&self, number: u64) -> LoggedEvent {
        LoggedEvent {
            number,
            time: format!("{:.3}", self.at),
            level: self.level.as_str().to_ascii_lowercase(),
            kind: self.kind.to_owned(),
            text: self.text.to_string(),
        }
    }
}

impl EventLog {
    pub(crate) fn record(&mut self, level: log::Level, kind: &'static str, text: String) {
        if self.latest.len() >= EVENTS_MAX {
            self.latest.pop_front();
        }
        let at = jiff::Timestamp::now();
        self.latest.push_back(Kept { at, level, kind, text: text.into_boxed_str() });
        self.next += 1;
    }

    /// Everything from event `since` on that is still here. Who asks for what has not come yet gets nothing.
    pub(crate) fn since(&self, since: u64, started: &str) -> EventsReport {
        let oldest = self.next - self.latest.len() as u64;
        let skip = usize::try_from(since.saturating_sub(oldest)).unwrap_or(usize::MAX);
        EventsReport {
            started: started.to_owned(),
            next: self.next,
            missed: oldest.saturating_sub(since),
            events: (oldest..).zip(&self.latest).skip(skip).map(|(number, kept)| kept.logged(number)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(report: &EventsReport) -> Vec<u64> {
        report.events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn events_are_numbered_without_gaps_and_asked_for_by_number() {
        let mut log = EventLog::default();
        assert_eq!((log.since(0, "x").next, log.since(7, "x").events), (0, vec![]));
        (0..3).for_each(|n| log.record(log::Level::Info, "alone", n.to_string()));
        assert_eq!(numbers(&log.since(0, "x")), [0, 1, 2]);
        assert_eq!(numbers(&log.since(2, "x")), [2]);
        assert_eq!((numbers(&log.since(3, "x")), log.since(3, "x").next), (vec![], 3));
        assert_eq!(numbers(&log.since(u64::MAX, "x")), [0; 0]);
    }

    #[test]
    fn only_the_latest_are_kept_and_what_is_gone_is_counted() {
        let mut log = EventLog::default();
        (0..EVENTS_MAX + 10).for_each(|n| log.record(log::Level::Warn, "table_full", n.to_string()));
        let all = log.since(0, "x");
        assert_eq!((all.events.len(), all.missed, all.events[0].number), (EVENTS_MAX, 10, 10));
        assert_eq!((log.since(10, "x").missed, log.since(4, "x").missed), (0, 6));
        assert_eq!((all.events[0].level.as_str(), all.events[0].text.as_str()), ("warn", "10"));
    }
}

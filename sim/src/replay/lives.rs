//! The lives of the messages that somebody asked for.

use super::frames::Carried;
use super::text::{count, excerpt, span};
use gossip_core::ConnectionId;
use gossip_core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::str::FromStr;

/// A message may bear the id that is looked for only later: an announcement when it goes out, any other when modules are
/// told under another id. So many may wait for that; the oldest are forgotten.
const UNNAMED_MAX: usize = 1_024;

/// Which messages are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that bear this id, among peers or towards a module.
    Id(u16),
    /// Those whose data holds these bytes.
    Data(Vec<u8>),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(text) = text.strip_prefix("text:").filter(|text| !text.is_empty()) {
            return Ok(Self::Data(text.as_bytes().to_vec()));
        }
        if let Some(digits) = text.strip_prefix("0x") {
            return unhex(digits).map(Self::Data).ok_or_else(|| {
                "not an even number of hex digits; text that begins so is asked for as text:0x...".to_owned()
            });
        }
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if !text.is_empty() => Ok(Self::Data(text.as_bytes().to_vec())),
            Err(_) => Err("every message has that; give an id, a part of its text, or 0x and hex digits".to_owned()),
        }
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let is_whole = rest.is_empty() && !pairs.is_empty();
    is_whole.then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// How a message fared here.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The id that it bears among peers.
    id: Option<u16>,
    /// The id that modules are told it under.
    module_id: Option<u16>,
    data_type: u16,
    data: Rc<[u8]>,
    /// When it first came, and whence.
    first: Duration,
    origin: String,
    is_announced_here: bool,
    is_vouched: bool,
    /// Modules told, and when the first was.
    told: u64,
    told_at: Option<Duration>,
    decided: Option<(Decision, Duration)>,
    /// Neighbours that it was spread to.
    spread: u64,
    /// More of it that came.
    copies: u64,
    is_wanted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Valid,
    Refused,
    TimedOut,
}

/// All lives followed.
#[derive(Debug)]
pub(super) struct Lives {
    wanted: Wanted,
    validation_timeout: Duration,
    next: u64,
    lives: BTreeMap<u64, Life>,
    /// The lives of a type and data, oldest first.
    by_content: BTreeMap<u16, BTreeMap<Rc<[u8]>, Vec<u64>>>,
    /// What a module's answer will be about.
    told_as: BTreeMap<(ConnectionId, u16), u64>,
    undecided: VecDeque<u64>,
    /// Lives of which it is not known whether they are wanted, oldest first.
    unnamed: VecDeque<u64>,
}

impl Lives {
    pub(super) fn new(wanted: Wanted, validation_timeout: Duration) -> Self {
        Self {
            wanted,
            validation_timeout,
            next: 0,
            lives: BTreeMap::new(),
            by_content: BTreeMap::new(),
            told_as: BTreeMap::new(),
            undecided: VecDeque::new(),
            unnamed: VecDeque::new(),
        }
    }

    /// A frame with a message came in; `from` names who sent it. The life that it belongs to, and what is to be said
    /// of it besides.
    pub(super) fn came(
        &mut self,
        at: Duration,
        connection: ConnectionId,
        from: &str,
        message: Carried<'_>,
    ) -> Option<(u64, &'static str)> {
        match message {
            Carried::Announce { data_type, data } => {
                let life = self.begin(at, None, data_type, data, from)?;
                Some((life, ""))
            }
            Carried::PeerNotification { id, data_type, data } => {
                let Some(known) = self.find(data_type, data, |life| life.id == Some(id)) else {
                    return Some((self.begin(at, Some(id), data_type, data, from)?, " [new here]"));
                };
                let life = self.lives.get_mut(&known)?;
                life.copies += 1;
                Some((known, " [a copy]"))
            }
            Carried::Validation { id, valid } => {
                let known = self.told_as.remove(&(connection, id))?;
                let life = self.lives.get_mut(&known)?;
                if life.is_vouched_for() {
                    return Some((known, " [ignored: its announcer vouched for it]"));
                }
                if life.decided.is_some() {
                    return Some((known, " [decided before]"));
                }
                life.decided = Some((if valid { Decision::Valid } else { Decision::Refused }, at));
                Some((known, " [decides]"))
            }
            Carried::Notification { .. } => None,
        }
    }

    /// A frame with a message went out.
    pub(super) fn went(&mut self, at: Duration, connection: ConnectionId, message: Carried<'_>) -> Option<u64> {
        let (data_type, data) = message.content()?;
        let id = message.id()?;
        let is_told = matches!(message, Carried::Notification { .. });
        let known = if is_told {
            let is_it = |life: &Life| life.module_id == Some(id);
            self.find(data_type, data, is_it).or_else(|| self.find(data_type, data, |life| life.module_id.is_none()))
        } else {
            let may_be = |life: &Life| life.id.or(life.module_id).is_none_or(|known| known == id);
            let is_it = |life: &Life| life.id == Some(id);
            let is_unnamed = |life: &Life| life.id.is_none();
            let known = self.find(data_type, data, is_it).or_else(|| self.find(data_type, data, may_be));
            known.or_else(|| self.find(data_type, data, is_unnamed))
        }?;
        let is_named = self.wanted == Wanted::Id(id);
        let life = self.lives.get_mut(&known)?;
        life.is_wanted |= is_named;
        if !is_told {
            life.id.get_or_insert(id);
            life.spread += 1;
            return Some(known);
        }
        life.module_id = Some(id);
        life.told += 1;
        if life.told_at.is_none() {
            life.told_at = Some(at);
            self.undecided.push_back(known);
        }
        self.told_as.insert((connection, id), known);
        Some(known)
    }

    /// All that was announced at this time was vouched for by its announcers.
    pub(super) fn vouched(&mut self, at: Duration, life: u64) {
        if let Some(life) = self.lives.get_mut(&life).filter(|life| life.is_announced_here && life.first == at) {
            life.is_vouched = true;
        }
    }

    /// Messages that no module has decided in time by now.
    pub(super) fn timed_out(&mut self, at: Duration) -> Vec<u64> {
        let mut late = Vec::new();
        // Oldest first: all have the same time.
        while let Some(&known) = self.undecided.front() {
            if let Some(life) = self.lives.get_mut(&known).filter(|life| life.decided.is_none()) {
                if life.told_at.is_some_and(|told| told.plus(self.validation_timeout) > at) {
                    break;
                }
                if !life.is_vouched_for() {
                    life.decided = Some((Decision::TimedOut, at));
                    late.push(known);
                }
            }
            self.undecided.pop_front();
        }
        late
    }

    /// A module's connection is gone, and its answers with it.
    pub(super) fn ended(&mut self, connection: ConnectionId) {
        let of_it: Vec<_> = self.told_as.range((connection, 0)..=(connection, u16::MAX)).map(|(key, _)| *key).collect();
        for key in of_it {
            self.told_as.remove(&key);
        }
    }

    /// Is it known to be one of those asked for?
    pub(super) fn shows(&self, life: u64) -> bool {
        self.lives.get(&life).is_some_and(|life| life.is_wanted)
    }

    /// Those asked for, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Life> {
        self.lives.values().filter(|life| life.is_wanted)
    }

    fn is_wanted(&self, id: Option<u16>, data: &[u8]) -> bool {
        match &self.wanted {
            Wanted::Id(wanted) => id == Some(*wanted),
            Wanted::Data(part) => data.windows(part.len().max(1)).any(|window| window == part),
        }
    }

    /// The latest life of this content that is as asked.
    fn find(&self, data_type: u16, data: &[u8], is_it: impl Fn(&Life) -> bool) -> Option<u64> {
        let known = self.by_content.get(&data_type)?.get(data)?;
        known.iter().rev().copied().find(|life| self.lives.get(life).is_some_and(&is_it))
    }

    fn begin(&mut self, at: Duration, id: Option<u16>, data_type: u16, data: &[u8], from: &str) -> Option<u64> {
        let is_wanted = self.is_wanted(id, data);
        let may_be_named = matches!(self.wanted, Wanted::Id(_));
        if !is_wanted && !may_be_named {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let data: Rc<[u8]> = data.into();
        let content = self.by_content.entry(data_type).or_default();
        content.entry(Rc::clone(&data)).or_default().push(number);
        self.lives.insert(
            number,
            Life {
                id,
                module_id: None,
                data_type,
                data,
                first: at,
                origin: from.to_owned(),
                is_announced_here: id.is_none(),
                is_vouched: false,
                told: 0,
                told_at: None,
                decided: None,
                spread: 0,
                copies: 0,
                is_wanted,
            },
        );
        if !is_wanted {
            self.unnamed.push_back(number);
            if self.unnamed.len() > UNNAMED_MAX {
                self.forget_unnamed();
            }
        }
        Some(number)
    }

    fn forget_unnamed(&mut self) {
        let Some(oldest) = self.unnamed.pop_front() else { return };
        if self.shows(oldest) {
            return;
        }
        let Some(life) = self.lives.remove(&oldest) else { return };
        let Some(content) = self.by_content.get_mut(&life.data_type) else { return };
        if let Some(known) = content.get_mut(&life.data) {
            known.retain(|other| *other != oldest);
            if known.is_empty() {
                content.remove(&life.data);
            }
        }
    }
}

impl Life {
    /// Its announcer's word is enough: known to be so, or spread without a word of any module.
    fn is_vouched_for(&self) -> bool {
        let is_spread_unanswered = self.is_announced_here && self.decided.is_none() && self.spread > 0;
        self.is_vouched || is_spread_unanswered
    }

    /// Its whole life in a few words.
    pub(super) fn summary(&self) -> String {
        let id = self.id.map(|id| format!("id {id}, ")).unwrap_or_default();
        let how = if self.is_announced_here { "announced by" } else { "from" };
        let mut parts = vec![format!("{how} {} at {}", self.origin, self.first)];
        parts.push(match (self.told, self.told_at) {
            (0, _) | (_, None) => "no module told".to_owned(),
            (told, Some(_)) => format!("{} told", count(told, "module")),
        });
        match self.decided {
            Some((decision, at)) => {
                let word = match decision {
                    Decision::Valid => "found valid",
                    Decision::Refused => "refused",
                    Decision::TimedOut => "validated by nobody",
                };
                let after = Duration::from_micros(at.as_micros() - self.told_at.unwrap_or(at).as_micros());
                parts.push(format!("{word} after {}", span(after)));
            }
            None if self.is_vouched_for() => parts.push("its announcer vouched for it".to_owned()),
            None => {}
        }
        parts.push(match self.spread {
            0 => "not spread".to_owned(),
            spread => format!("spread {} to neighbours", times(spread)),
        });
        if self.copies > 0 {
            parts.push(format!("came {} more", times(self.copies)));
        }
        format!("{id}type {}, {}: {}", self.data_type, excerpt(&self.data), parts.join("; "))
    }

    /// The same for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "type": self.data_type,
            "size": self.data.len(),
            "first_us": self.first.as_micros(),
            "announced_here": self.is_announced_here,
            "told": self.told,
            "decision": self.decided.map(|(decision, _)| match decision {
                Decision::Valid => "valid",
                Decision::Refused => "refused",
                Decision::TimedOut => "timed_out",
            }),
            "decided_us": self.decided.map(|(_, at)| at.as_micros()),
            "spread": self.spread,
            "copies": self.copies,
            "text": self.summary(),
        })
    }
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", super::text::grouped(n)),
    }
}

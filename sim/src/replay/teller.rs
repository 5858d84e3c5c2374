//! Events, actions and notes turned into the moments of a story.

use super::frames::{self, Said};
use super::link::Link;
use super::lives::Lives;
use super::moment::{Moment, Party, Way};
use super::play::Happened;
use super::text::span;
use super::wish::{PeerFilter, Wish};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gossip_core::pow::Target;
use gossip_core::time::Duration;
use gossip_core::wire::Next;
use gossip_core::{Action, ConnectionId, DialError, EndReason, Event, Flush, Level, Listener, Metrics, Note, Settings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Counters that tell what became of something that no action shows.
const TOLD_COUNTERS: [&str; 28] = [
    "api_refused",
    "p2p_refused",
    "unverified_crowded_out",
    "frames_unknown",
    "frames_early",
    "frames_malformed",
    "frames_over_rate",
    "announcements_parked",
    "announcements_dropped",
    "messages_unwanted",
    "messages_duplicate",
    "messages_crowded_out",
    "messages_untold",
    "notifications_dropped",
    "validations_ignored",
    "messages_refused",
    "messages_timed_out",
    "messages_unanswerable",
    "messages_vouched",
    "messages_respread",
    "messages_held",
    "messages_held_dropped",
    "seen_forgotten_early",
    "spread_dropped",
    "spread_stale",
    "candidates_added",
    "addresses_unusable",
    "addresses_out_of_scope",
];

/// Tells a story, moment by moment.
pub(super) struct Teller {
    wish: Wish,
    links: BTreeMap<ConnectionId, Link>,
    lives: Option<Lives>,
    /// Names being looked up, by query.
    queries: BTreeMap<u64, String>,
    counted: Metrics,
    /// Of the current event.
    moments: Vec<Moment>,
    /// Frames that carry a message in the current event.
    carrying: u32,
    /// Connections that the current event ended: what is said of them after that is still about them.
    ended: Vec<ConnectionId>,
}

impl Teller {
    pub(super) fn new(wish: Wish, settings: &Settings) -> Self {
        let lives = wish.message.clone().map(|wanted| Lives::new(wanted, settings.validation_timeout));
        Self {
            wish,
            links: BTreeMap::new(),
            lives,
            queries: BTreeMap::new(),
            counted: Metrics::default(),
            moments: Vec::new(),
            carrying: 0,
            ended: Vec::new(),
        }
    }

    /// The lines to be told about an event, in order.
    pub(super) fn tell(&mut self, happened: &Happened<'_>, mut line: impl FnMut(String)) {
        self.moments.clear();
        self.carrying = 0;
        self.event(happened);
        for action in happened.actions {
            self.action(happened, action);
        }
        if self.wish.is_close_look() {
            self.what_became(happened);
        }
        // A neighbour's last connection and the neighbour go together: once is enough.
        for at in 1..self.moments.len() {
            if self.moments[at].kind == "neighbour_down" && self.moments[at - 1].kind == "peer_closed" {
                self.moments[at - 1].is_gist = false;
            }
        }
        let is_json = self.wish.is_json;
        for moment in std::mem::take(&mut self.moments) {
            let link = moment.connection.and_then(|connection| self.links.get_mut(&connection));
            let known_by = link.as_ref().map_or(&[][..], |link| &link.known_by);
            if self.wish.shows(&moment, known_by, self.lives.as_ref()) {
                if let Some(link) = link.filter(|link| self.wish.is_about(&link.known_by)) {
                    link.before_named.drain(..).for_each(|earlier| line(earlier.line(is_json)));
                }
                line(moment.line(is_json));
            } else if let Some(link) = link.filter(|link| self.wish.may_name(link)) {
                link.before_named.push(moment);
            }
        }
        for connection in self.ended.drain(..) {
            self.links.remove(&connection);
            if let Some(lives) = &mut self.lives {
                lives.ended(connection);
            }
        }
    }

    /// The lives of the messages asked for.
    pub(super) fn lives(&self) -> Option<&Lives> {
        self.lives.as_ref()
    }

    fn event(&mut self, now: &Happened<'_>) {
        match *now.event {
            Event::Accepted { connection, listener, remote } => {
                let (party, text) = match listener {
                    Listener::Api => (Party::Module(remote), format!("module {remote} connects ({connection})")),
                    Listener::P2p => (Party::Peer(remote), format!("{remote} calls ({connection})")),
                };
                self.links.insert(connection, Link::new(party, connection));
                self.add(now, Way::In, "accepted", Some(connection), text);
            }
            Event::DialSucceeded { connection } => {
                let Some(whom) = self.whom(connection) else { return };
                self.add(now, Way::In, "dial_succeeded", Some(connection), format!("{whom} takes the call"));
            }
            Event::DialFailed { connection, error } => {
                let Some(whom) = self.whom(connection) else { return };
                let why = match error {
                    DialError::Refused => "refused",
                    DialError::Unreachable => "not reached",
                    DialError::Local => "this host could not dial",
                };
                self.add(now, Way::In, "dial_failed", Some(connection), format!("the call to {whom} fails: {why}"));
                self.forget(connection);
            }
            Event::Received { connection, bytes } if self.wish.is_close_look() => self.received(now, connection, bytes),
            Event::Received { .. } | Event::Written { .. } | Event::Timer => {}
            Event::ReadClosed { connection } => {
                let Some(whom) = self.whom(connection) else { return };
                let text = format!("{whom} will send no more");
                self.add(now, Way::In, "read_closed", Some(connection), text);
            }
            Event::Closed { connection } => {
                let Some(whom) = self.whom(connection) else { return };
                self.add(now, Way::In, "closed", Some(connection), format!("the connection with {whom} is gone"));
                self.forget(connection);
            }
            Event::Solved { connection, challenge } => {
                let Some(whom) = self.whom(connection) else { return };
                let since = self.links.get_mut(&connection).and_then(|link| link.solving_since.take());
                let took = Duration::from_micros(now.at.as_micros() - since.unwrap_or(now.at).as_micros());
                let text = format!("finds the proof for {whom} after {}", span(took));
                let moment = self.add(now, Way::Within, "solved", Some(connection), text);
                moment.is_gist = true;
                moment.fields.insert("challenge".to_owned(), json!(challenge));
            }
            Event::Resolved { query, addresses } => {
                let name = self.queries.remove(&query.0).unwrap_or_else(|| format!("query {}", query.0));
                let found: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let found = if found.is_empty() { "no address".to_owned() } else { found.join(", ") };
                let moment = self.add(now, Way::In, "resolved", None, format!("{name} is {found}"));
                moment.concerns = addresses.to_vec();
                moment.is_gist = true;
            }
            Event::SettingsChanged { .. } => {
                let text = "told to take other settings over".to_owned();
                self.add(now, Way::In, "settings", None, text).is_gist = true;
            }
            Event::Shutdown => {
                self.add(now, Way::In, "shutdown", None, "told to shut down".to_owned()).is_gist = true;
            }
        }
    }

    fn action(&mut self, now: &Happened<'_>, action: &Action) {
        match action {
            Action::Dial { connection, to, .. } => {
                self.links.insert(*connection, Link::new(Party::Peer(*to), *connection));
                self.add(now, Way::Out, "dial", Some(*connection), format!("calls {to} ({connection})"));
            }
            Action::Send { connection, frame } if self.wish.is_close_look() => {
                let bytes = frame.to_vec();
                let (_header, body) = bytes.split_at(gossip_core::limits::FRAME_HEADER.min(bytes.len()));
                self.frame(now, *connection, Way::Out, frame.kind(), body);
            }
            Action::Send { .. } => {}
            Action::Close { connection, flush } => {
                let Some(whom) = self.whom(*connection) else { return };
                let how = match flush {
                    Flush::First => "once all is written",
                    Flush::Discard => "at once",
                };
                let text = format!("hangs up on {whom}, {how}");
                self.add(now, Way::Out, "close", Some(*connection), text);
                self.forget(*connection);
            }
            Action::StopReading { connection } => {
                let Some(whom) = self.whom(*connection) else { return };
                self.add(now, Way::Within, "stop_reading", Some(*connection), format!("reads no more from {whom}"));
            }
            Action::ResumeReading { connection } => {
                let Some(whom) = self.whom(*connection) else { return };
                self.add(now, Way::Within, "resume_reading", Some(*connection), format!("reads on from {whom}"));
            }
            Action::Solve { connection, puzzle, .. } => {
                let Some(whom) = self.whom(*connection) else { return };
                if let Some(link) = self.links.get_mut(connection) {
                    link.solving_since = Some(now.at);
                }
                let work = match puzzle.target {
                    Target::ZeroBits(bits) => format!("{bits} bits"),
                    Target::AsciiZeros => "ascii zeros".to_owned(),
                };
                let text = format!("works on a proof of {work} for {whom}");
                self.add(now, Way::Within, "solve", Some(*connection), text).is_gist = true;
            }
            Action::CancelSolve { connection } => {
                // The connection may have ended by an action before this one.
                let whom = self.whom(*connection).unwrap_or_else(|| connection.to_string());
                let text = format!("the proof of work for {whom} is no longer wanted");
                self.add(now, Way::Within, "cancel_solve", Some(*connection), text);
            }
            Action::Resolve { query, host, port } => {
                let name = format!("{host}:{port}");
                self.queries.insert(query.0, name.clone());
                self.add(now, Way::Out, "resolve", None, format!("looks up {name}")).is_gist = true;
            }
            Action::Note(note) => self.note(now, note),
        }
    }

    fn note(&mut self, now: &Happened<'_>, note: &Note) {
        let (connection, address) = match note {
            Note::NeighbourUp { connection, address, .. } => {
                if let Some(link) = self.links.get_mut(connection) {
                    link.is_neighbour(*address);
                }
                (Some(*connection), Some(*address))
            }
            Note::PeerClosed { connection, remote, .. } | Note::PeerFault { connection, remote, .. } => {
                (Some(*connection), Some(*remote))
            }
            Note::NeighbourDown { address, .. }
            | Note::DialFailed { address }
            | Note::ProofsRejected { address }
            | Note::OwnAddress { address } => (None, Some(*address)),
            Note::ModuleFault { connection, .. }
            | Note::ModuleStalled { connection, .. }
            | Note::ModuleIsListener { connection, .. } => (Some(*connection), None),
            Note::Banned { ip, .. } => (None, Some(SocketAddr::new(*ip, 0))),
            Note::NameUnresolved { .. } | Note::Alone | Note::TableFull { .. } => (None, None),
        };
        let is_banned = matches!(note, Note::Banned { .. });
        let by_ip = self.wish.peer;
        let moment = self.add(now, Way::Within, note.kind(), connection, note.to_string());
        moment.is_gist = note.level() != Level::Debug || is_failure(note);
        moment.concerns.extend(address);
        // A ban is of an IP: whoever asks for one peer wants to know that its IP is refused.
        if let (true, Some(PeerFilter::Address(wanted)), Some(address)) = (is_banned, by_ip, address)
            && wanted.ip() == address.ip()
        {
            moment.concerns.push(wanted);
        }
    }

    fn received(&mut self, now: &Happened<'_>, connection: ConnectionId, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&connection).filter(|link| !link.is_lost) else { return };
        let mut deframer = std::mem::take(&mut link.deframer);
        let mut input = bytes;
        loop {
            match deframer.next(&mut input, |_, _| true) {
                Next::More => break,
                Next::Frame { kind, body } => self.frame(now, connection, Way::In, kind, body),
                // Nothing is unwanted here.
                Next::Skipped { .. } => {}
                Next::Lost { size } => {
                    if let Some(link) = self.links.get_mut(&connection) {
                        link.is_lost = true;
                    }
                    let whom = self.whom(connection).unwrap_or_default();
                    let text = format!("{whom}: a frame of size {size}; the stream makes no sense any more");
                    self.add(now, Way::In, "lost", Some(connection), text);
                    break;
                }
            }
        }
        if let Some(link) = self.links.get_mut(&connection) {
            link.deframer = deframer;
        }
    }

    fn frame(&mut self, now: &Happened<'_>, connection: ConnectionId, way: Way, kind: u16, body: &[u8]) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let said = match link.party {
            Party::Module(_) => frames::of_module(kind, body),
            Party::Peer(_) => frames::of_peer(kind, body),
        };
        if way == Way::In
            && matches!(said.name, "HELLO" | "VERIFICATION RESPONSE")
            && let &[address] = said.addresses.as_slice()
        {
            link.claims(address);
        }
        let from = link.whom(connection);
        let mut life = None;
        let mut remark = "";
        if let (Some(message), Some(lives)) = (said.message, &mut self.lives) {
            match way {
                Way::Out => life = lives.went(now.at, connection, message),
                _ => {
                    if let Some((known, said_of_it)) = lives.came(now.at, connection, &from, message) {
                        (life, remark) = (Some(known), said_of_it);
                    }
                }
            }
        }
        self.carrying += u32::from(way == Way::In && said.message.is_some());
        let space = if said.words.is_empty() { "" } else { " " };
        let text = format!("{from}: {}{space}{}{remark}", said.name, said.words);
        let fields = self.fields(&said, kind);
        let name = if way == Way::In { "received" } else { "sent" };
        let moment = self.add(now, way, name, Some(connection), text);
        moment.life = life;
        moment.fields = fields;
        moment.concerns.extend(said.addresses);
    }

    fn fields(&self, said: &Said<'_>, kind: u16) -> Map<String, Value> {
        let mut fields = Map::new();
        if !self.wish.is_json {
            return fields;
        }
        fields.insert("frame".to_owned(), json!(said.name));
        fields.insert("frame_type".to_owned(), json!(kind));
        if let Some(message) = said.message {
            let mut object = Map::new();
            if let Some(id) = message.id() {
                object.insert("id".to_owned(), json!(id));
            }
            if let Some((data_type, data)) = message.content() {
                object.insert("type".to_owned(), json!(data_type));
                object.insert("size".to_owned(), json!(data.len()));
                match str::from_utf8(data) {
                    Ok(text) => object.insert("data_text".to_owned(), json!(text)),
                    Err(_) => object.insert("data_base64".to_owned(), json!(BASE64.encode(data))),
                };
            }
            if let frames::Carried::Validation { valid, .. } = message {
                object.insert("valid".to_owned(), json!(valid));
            }
            fields.insert("message".to_owned(), Value::Object(object));
        }
        fields
    }

    /// What the counters say that no action does.
    fn what_became(&mut self, now: &Happened<'_>) {
        let metrics = now.state.metrics();
        if *metrics == self.counted {
            return;
        }
        let before = std::mem::replace(&mut self.counted, metrics.clone());
        let connection = match *now.event {
            Event::Received { connection, .. } | Event::Accepted { connection, .. } => Some(connection),
            _ => None,
        };
        // With one message in the event, what became of a message is about that one.
        let of_event = self.moments.iter().find(|moment| moment.way == Way::In && moment.life.is_some());
        let life = of_event.filter(|_| self.carrying == 1).and_then(|moment| moment.life);
        for ((name, help, after), (_, _, before)) in metrics.iter().zip(before.iter()) {
            if after == before || !TOLD_COUNTERS.contains(&name) {
                continue;
            }
            let often = after - before;
            let text = format!("{}: +{often}", lowered(help.trim_end_matches('.')));
            let moment = self.add(now, Way::Within, "counted", connection, text);
            moment.life = life.filter(|_| !matches!(name, "candidates_added" | "messages_timed_out"));
            moment.fields.insert("counter".to_owned(), json!(name));
            moment.fields.insert("by".to_owned(), json!(often));
        }
        let vouched = metrics.messages_vouched - before.messages_vouched;
        let are_all_vouched = vouched > 0 && vouched == metrics.announcements - before.announcements;
        if let Some(lives) = self.lives.as_mut().filter(|_| are_all_vouched) {
            let came = self.moments.iter().filter(|moment| moment.way == Way::In);
            came.filter_map(|moment| moment.life).for_each(|life| lives.vouched(now.at, life));
        }
        if metrics.messages_timed_out > before.messages_timed_out {
            let late = self.lives.as_mut().map(|lives| lives.timed_out(now.at)).unwrap_or_default();
            for life in late {
                let text = "no module answered in time: the message is dropped".to_owned();
                self.add(now, Way::Within, "timed_out", None, text).life = Some(life);
            }
        }
    }

    fn add(
        &mut self,
        now: &Happened<'_>,
        way: Way,
        kind: &'static str,
        connection: Option<ConnectionId>,
        text: String,
    ) -> &mut Moment {
        let link = connection.and_then(|connection| self.links.get(&connection));
        let moment = Moment {
            at: now.at,
            event: now.number,
            way,
            kind,
            text,
            connection,
            party: link.map(|link| link.party),
            concerns: link.map(|link| link.known_by.clone()).unwrap_or_default(),
            is_gist: false,
            life: None,
            fields: Map::new(),
        };
        self.moments.push(moment);
        self.moments.last_mut().expect("a moment was pushed just now")
    }

    fn whom(&self, connection: ConnectionId) -> Option<String> {
        self.links.get(&connection).map(|link| link.whom(connection))
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.ended.push(connection);
    }
}

/// Did joining fail in a way of which nothing else tells?
fn is_failure(note: &Note) -> bool {
    match note {
        Note::DialFailed { .. } => true,
        Note::PeerClosed { reason, .. } => {
            !matches!(reason, EndReason::Done | EndReason::Gone | EndReason::ShuttingDown)
        }
        _ => false,
    }
}

/// A sentence as part of another.
fn lowered(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

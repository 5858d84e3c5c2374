//! The keys that concern the protocol: a section's values into [`Settings`].

use crate::document::Section;
use crate::keys::{KEYS, Kind, POW_SCHEMES, SPREADINGS};
use crate::report::{Place, Problems};
use gossip_core::limits::{self, Conflict};
use gossip_core::pow::Target;
use gossip_core::time::Duration;
use gossip_core::{Addresses, Settings, Spreading};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the command line says in the file's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `-v SECONDS`, for `validation_timeout`.
    pub validation_timeout: Option<u64>,
    /// `-s SECONDS`, for `suppression_time`.
    pub suppression_time: Option<u64>,
}

impl Overrides {
    fn of(&self, key: &str) -> Option<(&'static str, u64)> {
        match key {
            "validation_timeout" => Some(("-v", self.validation_timeout?)),
            "suppression_time" => Some(("-s", self.suppression_time?)),
            _ => None,
        }
    }
}

/// Reads a simulated peer's settings from a section of any name: `[gossip]` without a daemon's own keys (addresses,
/// logging), which are unknown here. Where peers live is left open: `p2p_address` and `bootstrapper` are empty.
pub fn read_settings(section: &Section<'_>, problems: &mut Problems) -> Settings {
    section.warn_of_unknown(KEYS.iter().filter(|key| key.is_protocol()).map(|key| key.name), problems);
    let protocol = Protocol::read(section, Overrides::default(), problems);
    protocol.check(&protocol.settings, section, problems);
    protocol.settings
}

/// A setting's value, wherever it is kept.
#[derive(Clone, Copy)]
enum Value {
    Number(u64),
    Span(Duration),
    Switch(bool),
    Spreading(Spreading),
}

/// Settings in the making.
pub(crate) struct Protocol {
    pub(crate) settings: Settings,
    /// Keys whose value is missing or wrong, or was worked out from such: what else is wrong with them only follows.
    doubtful: BTreeSet<&'static str>,
    overrides: Overrides,
}

impl Protocol {
    /// Reads all keys that concern the protocol.
    pub(crate) fn read(section: &Section<'_>, overrides: Overrides, problems: &mut Problems) -> Self {
        let mut doubtful = BTreeSet::new();
        let mut values = BTreeMap::new();
        for key in KEYS {
            let range = key.range().unwrap_or(0..=u64::MAX);
            let value = match key.kind {
                Kind::Count(_) | Kind::Hops(_) | Kind::PowBits => {
                    section.integer(key.name, range.clone(), problems).map(Value::Number)
                }
                Kind::Bytes(_) => section.bytes(key.name, range.clone(), problems).map(Value::Number),
                Kind::Seconds(_) => section.seconds(key.name, range.clone(), problems).map(Value::Span),
                Kind::Switch(_) => section.switch(key.name, problems).map(Value::Switch),
                Kind::Spreading => section
                    .choice(key.name, SPREADINGS, problems)
                    .map(|word| Value::Spreading(if word == 1 { Spreading::Tree } else { Spreading::Push })),
                _ => continue,
            };
            let mut is_wrong = section.has(key.name) && value.is_none();
            let mut value = value;
            if let Some((option, seconds)) = overrides.of(key.name) {
                is_wrong = !range.contains(&seconds);
                value = Some(Value::Span(Duration::from_secs(seconds)));
                if is_wrong {
                    value = None;
                    let right = format!("{} to {} would be right", range.start(), range.end());
                    let message = format!("{seconds} seconds is out of range; {right}");
                    problems.mistake(Place::CommandLine { option }, message);
                }
            }
            if is_wrong {
                doubtful.insert(key.name);
            }
            if let Some(value) = value {
                values.insert(key.name, value);
            }
        }
        let pow = read_pow(section, &values, &mut doubtful, problems);
        for name in ["cache_size", "degree"] {
            if !section.has(name) {
                problems.mistake(section.place(name), format!("is missing; {} would be right", values_of(name)));
                doubtful.insert(name);
            }
        }
        // The only derived default that a relation is checked against.
        if doubtful.contains("cache_size") && !section.has("max_peers") {
            doubtful.insert("max_peers");
        }
        Self { settings: assemble(&values, pow), doubtful, overrides }
    }

    /// Tells which of `settings` (these, with addresses) do not go together, unless that only follows from a mistake
    /// already told.
    pub(crate) fn check(&self, settings: &Settings, section: &Section<'_>, problems: &mut Problems) {
        let mut settings = settings.clone();
        if settings.p2p_address == Addresses::default() {
            // Nothing to check yet: any addresses will do.
            settings.p2p_address = Addresses::of(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
            settings.p2p_address.set(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
        }
        for Conflict { key, message } in limits::check(&settings) {
            if self.doubtful.iter().any(|&doubtful| key == doubtful || mentions(&message, doubtful)) {
                continue;
            }
            match (key, self.overrides.of("suppression_time"), self.overrides.of("validation_timeout")) {
                ("suppression_time", Some((option, _)), _) => problems.mistake(Place::CommandLine { option }, message),
                ("suppression_time", None, Some((option, _))) => {
                    let (longer, shorter) = (settings.validation_timeout, settings.suppression_time);
                    let message = format!(
                        "{longer} is longer than suppression_time (-s), {shorter}; at most as long would be right"
                    );
                    problems.mistake(Place::CommandLine { option }, message);
                }
                _ => problems.mistake(section.place(key), message),
            }
        }
    }
}

/// What the key `name` can be, in words.
pub(crate) fn values_of(name: &str) -> String {
    KEYS.iter().find(|key| key.name == name).map(|key| key.values()).unwrap_or_default()
}

fn read_pow(
    section: &Section<'_>,
    values: &BTreeMap<&'static str, Value>,
    doubtful: &mut BTreeSet<&'static str>,
    problems: &mut Problems,
) -> Target {
    let scheme = section.choice("pow_scheme", POW_SCHEMES, problems);
    if section.has("pow_scheme") && scheme.is_none() {
        doubtful.insert("pow_scheme");
    }
    let bits = match values.get("pow_bits") {
        Some(&Value::Number(bits)) => u8::try_from(bits).unwrap_or(u8::MAX),
        _ => 24,
    };
    match scheme {
        Some(1) => {
            if bits != Target::AsciiZeros.bits() {
                let message =
                    format!("{bits} does not go with pow_scheme = ascii-zeros, which always has 24; 24 would be right");
                problems.mistake(section.place("pow_bits"), message);
                doubtful.insert("pow_bits");
            }
            Target::AsciiZeros
        }
        _ => Target::ZeroBits(bits),
    }
}

fn assemble(values: &BTreeMap<&'static str, Value>, pow: Target) -> Settings {
    let number = |key| match values.get(key) {
        Some(&Value::Number(number)) => Some(u32::try_from(number).unwrap_or(u32::MAX)),
        _ => None,
    };
    let degree = number("degree").unwrap_or(1);
    let mut settings = Settings::new(number("cache_size").unwrap_or(0), degree, Addresses::default());
    if let Some(max_peers) = number("max_peers") {
        settings.target_peers = Settings::target_peers_for(max_peers);
        settings.min_peers = Settings::min_peers_for(degree, max_peers);
    }
    settings.pow = pow;
    settings.hello_timeout = Settings::hello_timeout_for(pow);
    settings.verification_timeout = Settings::verification_timeout_for(pow);
    settings.peer_stall_timeout = Settings::peer_stall_timeout_for(pow);
    for key in KEYS {
        match (key.kind, values.get(key.name)) {
            (Kind::Count(field), Some(&Value::Number(number))) => {
                *field(&mut settings) = u32::try_from(number).unwrap_or(u32::MAX);
            }
            (Kind::Hops(field), Some(&Value::Number(number))) => {
                *field(&mut settings) = u16::try_from(number).unwrap_or(u16::MAX);
            }
            (Kind::Bytes(field), Some(&Value::Number(number))) => *field(&mut settings) = number,
            (Kind::Seconds(field), Some(&Value::Span(span))) => *field(&mut settings) = span,
            (Kind::Switch(field), Some(&Value::Switch(on))) => *field(&mut settings) = on,
            (Kind::Spreading, Some(&Value::Spreading(spreading))) => settings.spreading = spreading,
            _ => {}
        }
    }
    settings
}

/// Is `key` among the words of `message`?
fn mentions(message: &str, key: &str) -> bool {
    message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == key)
}

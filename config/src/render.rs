//! Settings back into an ini text.

use crate::config::Config;
use crate::keys::{KEYS, Key, Kind, Standard};
use crate::protocol::Overrides;
use gossip_core::pow::Target;
use gossip_core::{Endpoint, Settings, Spreading};

impl Config {
    /// What is in force, as a `[gossip]` section that reads back as this configuration. Keys without a value are left
    /// out.
    pub fn to_ini(&self) -> String {
        let mut text = String::from("[gossip]\n");
        let mut settings = self.settings.clone();
        for key in KEYS {
            if let Some(value) = self.text_of(key, &mut settings) {
                // After white space these two would begin a comment.
                let space = if value.starts_with([';', '#']) { "" } else { " " };
                text.push_str(&format!("{} ={space}{value}\n", key.name));
            }
        }
        text
    }

    /// The value in force of the key `name`, as one would write it; `None` for one without a value, or an unknown key.
    pub fn value_text(&self, name: &str) -> Option<String> {
        let key = KEYS.iter().find(|key| key.name == name)?;
        self.text_of(key, &mut self.settings.clone())
    }

    /// `settings` are these; the table of keys can only lend them to be changed.
    fn text_of(&self, key: &Key, settings: &mut Settings) -> Option<String> {
        let list = |endpoints: &[Endpoint]| {
            let list = endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(", ");
            (!list.is_empty()).then_some(list)
        };
        match key.kind {
            Kind::Listen if key.name == "api_address" => Some(self.api_address.to_string()),
            Kind::Listen => list(&self.p2p_address),
            Kind::Advertised => list(&self.advertised_address),
            Kind::Bootstrapper => list(&self.settings.bootstrapper),
            Kind::Status => self.status_address.as_ref().map(Endpoint::to_string),
            Kind::LogLevel => Some(self.log_level.as_str().to_ascii_lowercase()),
            Kind::LogFile => self.log_file.as_ref().map(|path| path.display().to_string()),
            kind => Some(protocol_value(kind, settings)),
        }
    }
}

/// The whole of `config/every-key.ini`: every key explained and set to what holds without it.
pub fn every_key_ini() -> String {
    let mut text = String::from(EVERY_KEY_HEADER);
    let required: String = KEYS
        .iter()
        .filter_map(|key| match key.standard {
            Standard::Required(example) => Some(format!("{} = {example}\n", key.name)),
            _ => None,
        })
        .collect();
    let defaults = Config::parse("examples", &format!("[gossip]\n{required}"), Overrides::default());
    for key in KEYS {
        let derived = defaults.as_ref().ok().and_then(|(config, _)| config.value_text(key.name)).unwrap_or_default();
        let (word, line) = match key.standard {
            Standard::Required(example) => ("required".to_owned(), format!("{} = {example}", key.name)),
            Standard::Value(value) => (format!("default {value}"), format!("{} = {value}", key.name)),
            Standard::Derived(how) => (format!("default {how}"), format!("{} = {derived}", key.name)),
            Standard::Nothing(example) => ("default none".to_owned(), format!(";{} = {example}", key.name)),
        };
        text.push_str(&format!("\n; {}\n; ({}; {word})\n{line}\n", key.explanation, key.values()));
    }
    text
}

const EVERY_KEY_HEADER: &str = "\
; Every key of [gossip], explained and set to its default: copy what you need. Keys without a default are commented out.
; Run it:   cargo run --release --bin gossipd -- -c config/every-key.ini
;
; A line that begins with ; or # is a comment, and so is the rest of a line after white space and ; or #.
; This file follows from the table of keys: cargo run -p gossip-config --example every-key > config/every-key.ini

[global]
; For the other modules of this host, which share this file; gossip has no use for it.
hostkey = hostkey.pem

[gossip]
";

fn protocol_value(kind: Kind, settings: &mut Settings) -> String {
    match kind {
        Kind::Count(field) => field(settings).to_string(),
        Kind::Hops(field) => field(settings).to_string(),
        Kind::Seconds(field) => field(settings).as_secs().to_string(),
        Kind::Bytes(field) => field(settings).to_string(),
        Kind::Switch(field) => if *field(settings) { "yes" } else { "no" }.to_owned(),
        Kind::PowBits => settings.pow.bits().to_string(),
        Kind::Spreading => match settings.spreading {
            Spreading::Push => "push".to_owned(),
            Spreading::Tree => "tree".to_owned(),
        },
        Kind::PowScheme => match settings.pow {
            Target::ZeroBits(_) => "zero-bits".to_owned(),
            Target::AsciiZeros => "ascii-zeros".to_owned(),
        },
        _ => String::new(),
    }
}

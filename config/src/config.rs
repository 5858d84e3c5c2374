//! What the daemon needs of its ini file.

use crate::document::{Document, Section};
use crate::keys::{KEYS, LOG_LEVELS};
use crate::protocol::{Overrides, Protocol, values_of};
use crate::report::{ConfigError, Place, Problem, Problems};
use crate::value;
use gossip_core::{Addresses, Endpoint, Settings, limits};
use log::LevelFilter;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A checked `[gossip]` section with what is the daemon's own business beside the protocol.
///
/// Listening addresses may be names, and may have port 0 (the system picks one). So the daemon resolves and binds
/// `p2p_address`, resolves `advertised_address`, and gets its final settings from [`Config::finish`].
///
/// ```
/// use gossip_config::{Config, Overrides};
/// let text = "[gossip]\ncache_size = 50\ndegree = 30\np2p_address = 127.0.0.1:6001\napi_address = 127.0.0.1:7001\n";
/// let (config, warnings) = Config::parse("gossip.ini", text, Overrides::default()).unwrap();
/// assert_eq!(config.settings.max_peers, 50);
/// assert!(warnings.is_empty());
///
/// let error = Config::parse("gossip.ini", &text.replace("30", "many"), Overrides::default()).unwrap_err();
/// let told = "gossip.ini:3: [gossip] degree: 'many' is not a whole number; 1 to 1024 would be right";
/// assert_eq!(error.to_string(), told);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where modules connect to.
    pub api_address: Endpoint,
    /// Where peers connect to: one, or two, of which literal addresses are of different families.
    pub p2p_address: Vec<Endpoint>,
    /// What HELLO says when it differs from `p2p_address`: none, one, or one a family.
    pub advertised_address: Vec<Endpoint>,
    /// Where this host can look inside: on loopback, if at all.
    pub status_address: Option<Endpoint>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Where it is logged beside the terminal.
    pub log_file: Option<PathBuf>,
    /// Everything that concerns the protocol; of `p2p_address` and `advertised_address` what is literal.
    pub settings: Settings,
    file: String,
    /// The line of the section's header.
    header: usize,
    /// The lines of the keys that the file has.
    lines: Vec<(&'static str, usize)>,
}

impl Config {
    /// Reads a file. Success comes with warnings (keys nobody knows, for example), failure with all mistakes.
    pub fn read(path: &Path, overrides: Overrides) -> Result<(Self, Vec<Problem>), ConfigError> {
        Self::from_document(&Document::read(path)?, overrides)
    }

    /// Reads a file's text; `name` is what messages call it.
    pub fn parse(name: &str, text: &str, overrides: Overrides) -> Result<(Self, Vec<Problem>), ConfigError> {
        Self::from_document(&Document::from_bytes(name, text.as_bytes())?, overrides)
    }

    /// Reads `[gossip]` of a file.
    pub fn from_document(document: &Document, overrides: Overrides) -> Result<(Self, Vec<Problem>), ConfigError> {
        let mut problems = Problems::new();
        let config = document
            .require_section("gossip", &mut problems)
            .and_then(|section| Self::from_section(&section, overrides, document.name(), &mut problems));
        problems.finish(config)
    }

    /// The settings of a daemon that really listens at `p2p` and advertises `advertised` (empty: the same), checked
    /// again with them.
    pub fn finish(&self, p2p: Addresses, advertised: Addresses) -> Result<Settings, ConfigError> {
        let settings = Settings { p2p_address: p2p, advertised_address: advertised, ..self.settings.clone() };
        let mut problems = Problems::new();
        for conflict in limits::check(&settings) {
            problems.mistake(self.place(conflict.key), conflict.message);
        }
        problems.finish(Some(settings)).map(|(settings, _)| settings)
    }

    /// Where `key` stands in the file (the section's header if it doesn't), for messages about its value:
    /// `Problem { place: config.place("p2p_address"), message }`.
    pub fn place(&self, key: &str) -> Place {
        let file = self.file.clone();
        if !KEYS.iter().any(|known| known.name == key) {
            return Place::File { file };
        }
        let line = self.lines.iter().find(|(known, _)| *known == key).map_or(self.header, |(_, line)| *line);
        Place::Line { file, line, section: Some("gossip".to_owned()), key: Some(key.to_owned()) }
    }

    fn from_section(section: &Section<'_>, overrides: Overrides, file: &str, problems: &mut Problems) -> Option<Self> {
        section.warn_of_unknown(KEYS.iter().map(|key| key.name), problems);
        let mut protocol = Protocol::read(section, overrides, problems);
        let p2p_address = listening(section, "p2p_address", problems);
        let api_address = listening(section, "api_address", problems);
        let advertised_address = advertised(section, problems);
        let bootstrapper = bootstrappers(section, problems);
        let status_address = section.get("status_address", problems, value::status_endpoint);
        let log_level = section.choice("log_level", LOG_LEVELS, problems).map_or(LevelFilter::Info, level);
        let log_file = section.text("log_file", problems).map(PathBuf::from);

        // What is wrong was told, and nothing else is found wrong with an empty list.
        let p2p_address = p2p_address.unwrap_or_default();
        let advertised_address = advertised_address.unwrap_or_default();
        let settings = &mut protocol.settings;
        settings.p2p_address = literals(&p2p_address);
        settings.advertised_address = literals(&advertised_address);
        settings.bootstrapper = bootstrapper.unwrap_or_default();
        let settings = settings.clone();

        // A name may turn out to be of either family.
        let known = p2p_address.iter().all(|endpoint| matches!(endpoint, Endpoint::Address(_)));
        let p2p = if known { settings.p2p_address } else { Addresses::default() };
        protocol.check(&Settings { p2p_address: p2p, ..settings.clone() }, section, problems);

        let api_address = api_address?.into_iter().next()?;
        if p2p_address.iter().any(|p2p| clash(p2p, &api_address)) {
            let message = format!("{api_address} is taken by p2p_address already; another port would be right");
            problems.mistake(section.place("api_address"), message);
        }
        let others = p2p_address.iter().map(|p2p| ("p2p_address", p2p)).chain([("api_address", &api_address)]);
        for (key, other) in others {
            if let Some(status) = status_address.as_ref().filter(|status| clash(other, status)) {
                let message = format!("{status} is taken by {key} already; another port would be right");
                problems.mistake(section.place("status_address"), message);
            }
        }
        let has_line = |name: &&str| section.has(name);
        let line = |name| Some((name, section.place(name).line()?));
        let lines = KEYS.iter().map(|key| key.name).filter(has_line).filter_map(line).collect();
        Some(Self {
            api_address,
            p2p_address,
            advertised_address,
            status_address,
            log_level,
            log_file,
            settings,
            file: file.to_owned(),
            header: section.header().line().unwrap_or(1),
            lines,
        })
    }
}

/// `p2p_address` or `api_address`.
fn listening(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Vec<Endpoint>> {
    if !section.has(key) {
        problems.mistake(section.place(key), format!("is missing; {} would be right", values_of(key)));
        return None;
    }
    let endpoints = section.endpoints(key, problems)?;
    let told = problems.mistakes().len();
    for endpoint in &endpoints {
        if ip(endpoint).is_some_and(is_multicast_or_broadcast) {
            problems.mistake(
                section.place(key),
                format!("{endpoint} is no address to listen at; one of this host would be right"),
            );
        }
    }
    if key == "api_address" {
        if endpoints.len() > 1 {
            problems.mistake(section.place(key), "has more than one address; one would be right");
        }
    } else {
        one_a_family(section, key, &endpoints, problems);
    }
    (problems.mistakes().len() == told).then_some(endpoints)
}

fn advertised(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<Endpoint>> {
    let endpoints = section.endpoints("advertised_address", problems)?;
    let told = problems.mistakes().len();
    diallable(section, "advertised_address", &endpoints, problems);
    one_a_family(section, "advertised_address", &endpoints, problems);
    (problems.mistakes().len() == told).then_some(endpoints)
}

fn bootstrappers(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<Endpoint>> {
    // `bootstrapper =` is how people write that there is none.
    if section.raw("bootstrapper").is_some_and(str::is_empty) {
        return Some(Vec::new());
    }
    let endpoints = section.endpoints("bootstrapper", problems)?;
    let told = problems.mistakes().len();
    diallable(section, "bootstrapper", &endpoints, problems);
    let mut once: Vec<Endpoint> = Vec::new();
    for endpoint in endpoints {
        if once.contains(&endpoint) {
            problems.warning(section.place("bootstrapper"), format!("{endpoint} is listed twice; once would do"));
        } else {
            once.push(endpoint);
        }
    }
    (problems.mistakes().len() == told).then_some(once)
}

fn diallable(section: &Section<'_>, key: &str, endpoints: &[Endpoint], problems: &mut Problems) {
    for endpoint in endpoints {
        let unusable = ip(endpoint).is_some_and(|ip| ip.is_unspecified() || is_multicast_or_broadcast(ip));
        if unusable || port(endpoint) == 0 {
            let message =
                format!("{endpoint} is nothing that a peer could dial; a host's own address and port would be right");
            problems.mistake(section.place(key), message);
        }
    }
}

fn one_a_family(section: &Section<'_>, key: &str, endpoints: &[Endpoint], problems: &mut Problems) {
    let families = endpoints.iter().filter_map(ip).map(|ip| ip.is_ipv4()).collect::<Vec<_>>();
    if endpoints.len() > 2 || matches!(families[..], [first, second] if first == second) {
        problems.mistake(section.place(key), "has too many addresses; one, or one IPv4 and one IPv6, would be right");
    }
}

fn literals(endpoints: &[Endpoint]) -> Addresses {
    let mut addresses = Addresses::default();
    for endpoint in endpoints {
        if let Endpoint::Address(address) = endpoint {
            addresses.set(*address);
        }
    }
    addresses
}

/// Can these two not both be listened at?
fn clash(one: &Endpoint, other: &Endpoint) -> bool {
    let (Endpoint::Address(a), Endpoint::Address(b)) = (one, other) else {
        return one == other && port(one) != 0;
    };
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && a.is_ipv4() == b.is_ipv4() && same_ip
}

fn ip(endpoint: &Endpoint) -> Option<IpAddr> {
    match endpoint {
        Endpoint::Address(address) => Some(address.ip()),
        Endpoint::Name { .. } => None,
    }
}

fn port(endpoint: &Endpoint) -> u16 {
    match endpoint {
        Endpoint::Address(address) => address.port(),
        Endpoint::Name { port, .. } => *port,
    }
}

fn is_multicast_or_broadcast(ip: IpAddr) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(v4) if v4.is_broadcast())
}

fn level(index: usize) -> LevelFilter {
    LevelFilter::iter().nth(index).unwrap_or(LevelFilter::Info)
}

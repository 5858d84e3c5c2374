//! Any ini file: sections, keys, values and the lines they stand on. What the keys mean is the reader's business.

use crate::report::{ConfigError, Place, Problems, shown};
use crate::scan::{self, BEFORE_ALL, Scan};
use crate::value;
use gossip_core::Endpoint;
use gossip_core::time::Duration;
use ini::configparser::ini::{Ini, IniDefault};
use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::Path;

/// The largest file that is read, bytes: nobody writes more by hand.
pub const FILE_MAX: u64 = 1 << 20;

/// An ini file as it was read.
///
/// * Section names and keys are lower-case, whatever the file has. `=` and `:` both divide key and value.
/// * A line that begins with `;` or `#` is a comment, and so is the rest of a line from a `;` or `#` that follows white
///   space. Any other `;` or `#` belongs to the value. A value ends with its line.
/// * Headers of the same name make one section; a key given twice in it is a mistake.
/// * Lines may end with LF, CR LF or CR. A byte order mark is skipped.
/// * A line that cannot be read is a mistake to whoever reads its section, and nobody else's business.
#[derive(Debug)]
pub struct Document {
    name: String,
    scan: Scan,
}

impl Document {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let fail = |message: String| ConfigError::of(Place::File { file: name.clone() }, message);
        let explain = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => fail("there is no such file; check its path".to_owned()),
            ErrorKind::PermissionDenied => fail("this user may not read it; check its permissions".to_owned()),
            ErrorKind::IsADirectory => fail("this is a directory; an ini file would be right".to_owned()),
            _ => fail(format!("cannot be read: {error}")),
        };
        let file = File::open(path).map_err(explain)?;
        let mut bytes = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(explain)?;
        Self::from_bytes(&name, &bytes)
    }

    /// Takes a file's content; `name` is what messages call it.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        let file = Place::File { file: name.to_owned() };
        if bytes.len() as u64 > FILE_MAX {
            return Err(ConfigError::of(file, "far too large for an ini file, more than 1 MiB; is it the right one?"));
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(ConfigError::of(file, "this is UTF-16 text; save it as UTF-8"));
        }
        let broken = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.iter().position(|&byte| byte == 0),
            Err(error) => Some(error.valid_up_to()),
        };
        if let Some(at) = broken {
            let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
            let place = Place::Line { file: name.to_owned(), line, section: None, key: None };
            let message = format!("byte {:#04x} here is not UTF-8 text; save the file as UTF-8", bytes[at]);
            return Err(ConfigError::of(place, message));
        }
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
            return Err(ConfigError::of(file, "the file is empty; config/every-key.ini shows what goes into one"));
        }
        Ok(Self::parse(name, text))
    }

    /// Takes a file's text; `name` is what messages call it.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut scan = Scan::of(text);
        take_values(&mut scan);
        Self { name: name.to_owned(), scan }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all sections, in the file's order.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.scan.sections.iter().map(|section| section.name.as_str()).filter(|&name| name != BEFORE_ALL)
    }

    /// The section `name` (lower-case), if there is one. Whatever cannot be read of it is told to `problems`.
    pub fn section(&self, name: &str, problems: &mut Problems) -> Option<Section<'_>> {
        let data = self.scan.sections.iter().find(|section| section.name == name);
        for unclosed in &self.scan.unclosed {
            let word =
                unclosed.name.split(|c: char| c.is_whitespace() || matches!(c, ';' | '#')).next().unwrap_or_default();
            let is_ours = word == name || (data.is_none() && value::is_near(name, word));
            if is_ours || unclosed.within.as_deref() == Some(name) {
                let message = format!("the header {} has no closing bracket", shown(&format!("[{}", unclosed.name)));
                problems.mistake(self.line(unclosed.line, None, None), message);
            }
        }
        let data = data?;
        let section = Section { document: self, data };
        for oddity in &data.oddities {
            problems.mistake(self.line(oddity.line, Some(name), oddity.key.as_deref()), &*oddity.message);
        }
        if let [first, later @ ..] = &data.headers[..] {
            for &line in later {
                let message = format!("the section began on line {first}; both are read as one");
                problems.warning(self.line(line, Some(name), None), message);
            }
        }
        Some(section)
    }

    /// The section `name`; its absence is a mistake.
    pub fn require_section(&self, name: &str, problems: &mut Problems) -> Option<Section<'_>> {
        let told = problems.mistakes().len();
        let section = self.section(name, problems);
        if section.is_none() && problems.mistakes().len() == told {
            let nearest = value::nearest(name, self.sections());
            let hint = match nearest.filter(|other| value::is_near(name, other)) {
                Some(other) => format!("; is {} meant to be it?", shown(&format!("[{other}]"))),
                None => "; config/every-key.ini shows what goes into it".to_owned(),
            };
            problems.mistake(Place::File { file: self.name.clone() }, format!("there is no section [{name}]{hint}"));
        }
        section
    }

    fn line(&self, line: usize, section: Option<&str>, key: Option<&str>) -> Place {
        Place::Line { file: self.name.clone(), line, section: section.map(str::to_owned), key: key.map(str::to_owned) }
    }
}

/// Has the `ini` crate read the values; a value that it reads in another way than the scan is not to be trusted.
fn take_values(scan: &mut Scan) {
    let map = ini_reader().read(std::mem::take(&mut scan.normalised));
    for section in &mut scan.sections {
        let read = map.as_ref().ok().and_then(|map| map.get(&section.name));
        for entry in &section.entries {
            let value = read.and_then(|keys| keys.get(&entry.key));
            if value != Some(&entry.value) {
                let message = "cannot be read for certain; write it as plain key = value".to_owned();
                section.oddities.push(scan::Oddity { line: entry.line, key: Some(entry.key.clone()), message });
            }
        }
    }
}

/// The `ini` crate's reader for normalised text: its own way with comments is off, the scan has taken them away.
pub(crate) fn ini_reader() -> Ini {
    let mut defaults = IniDefault::default();
    defaults.default_section = BEFORE_ALL.to_owned();
    // Symbols of inline comments are these too, unless set apart.
    defaults.comment_symbols = Vec::new();
    Ini::new_from_defaults(defaults)
}

/// One section of a [`Document`], with a getter for each kind of value.
///
/// A getter gives `None` for a key that is not there, and also for a value that is wrong, after telling `problems` what
/// would be right. [`has`](Self::has) tells the two apart.
#[derive(Clone, Copy, Debug)]
pub struct Section<'d> {
    document: &'d Document,
    data: &'d scan::Section,
}

impl<'d> Section<'d> {
    /// Its name, lower-case.
    pub fn name(&self) -> &'d str {
        &self.data.name
    }

    /// Its keys, lower-case, in the file's order.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.data.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Is the key there, whatever its value?
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// A key's value as it stands; `None` also for a key without a delimiter.
    pub fn raw(&self, key: &str) -> Option<&'d str> {
        self.entry(key).and_then(|entry| entry.value.as_deref())
    }

    /// Where the key stands; for one that is not there, the section's header.
    pub fn place(&self, key: &str) -> Place {
        let header = self.data.headers.first().copied().unwrap_or(1);
        self.document.line(self.entry(key).map_or(header, |entry| entry.line), Some(&self.data.name), Some(key))
    }

    /// Where the section begins.
    pub fn header(&self) -> Place {
        self.document.line(self.data.headers.first().copied().unwrap_or(1), Some(&self.data.name), None)
    }

    /// A whole number within `range`.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>, problems: &mut Problems) -> Option<u64> {
        self.get(key, problems, |text| value::integer(text, range))
    }

    /// A whole number of seconds within `range`.
    pub fn seconds(&self, key: &str, range: RangeInclusive<u64>, problems: &mut Problems) -> Option<Duration> {
        self.get(key, problems, |text| value::seconds(text, range))
    }

    /// A number of bytes within `range`: plain, or with K, M, G or T (KiB and so on, powers of 1024).
    pub fn bytes(&self, key: &str, range: RangeInclusive<u64>, problems: &mut Problems) -> Option<u64> {
        self.get(key, problems, |text| value::bytes(text, range))
    }

    /// yes or no; also true or false, on or off.
    pub fn switch(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        self.get(key, problems, value::switch)
    }

    /// One of `words`, which are lower-case; gives its index.
    pub fn choice(&self, key: &str, words: &[&str], problems: &mut Problems) -> Option<usize> {
        self.get(key, problems, |text| value::choice(text, words))
    }

    /// Text that is not empty.
    pub fn text(&self, key: &str, problems: &mut Problems) -> Option<&'d str> {
        self.get(key, problems, value::text)
    }

    /// `IPv4:port`, `[IPv6]:port` or `name:port`.
    pub fn endpoint(&self, key: &str, problems: &mut Problems) -> Option<Endpoint> {
        self.get(key, problems, value::endpoint)
    }

    /// Such endpoints, divided by commas; each wrong one is told.
    pub fn endpoints(&self, key: &str, problems: &mut Problems) -> Option<Vec<Endpoint>> {
        let (good, wrong): (Vec<_>, Vec<_>) = self
            .get(key, problems, value::text)?
            .split(',')
            .map(|item| value::endpoint(item.trim()))
            .partition(Result::is_ok);
        for message in wrong.iter().filter_map(|result| result.as_ref().err()) {
            problems.mistake(self.place(key), message);
        }
        wrong.is_empty().then(|| good.into_iter().flatten().collect())
    }

    /// Warns of each key that is not among `known`, with the nearest that is.
    pub fn warn_of_unknown<'k>(&self, known: impl Iterator<Item = &'k str> + Clone, problems: &mut Problems) {
        let is_known: HashSet<usize> = known.clone().filter_map(|key| self.data.index_of(key)).collect();
        let unknown = self.keys().enumerate().filter(|(index, _)| !is_known.contains(index));
        for (_, key) in unknown {
            let nearest = value::nearest(key, known.clone());
            let hint = nearest.map_or(String::new(), |other| format!("; the nearest known one is {other}"));
            problems.warning(self.place(key), format!("no such key{hint}"));
        }
    }

    fn entry(&self, key: &str) -> Option<&'d scan::Entry> {
        self.data.entry(key)
    }

    pub(crate) fn get<T>(
        &self,
        key: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&'d str) -> Result<T, String>,
    ) -> Option<T> {
        self.entry(key)?;
        match parse(self.raw(key).unwrap_or_default()) {
            Ok(value) => Some(value),
            Err(message) => {
                problems.mistake(self.place(key), message);
                None
            }
        }
    }
}

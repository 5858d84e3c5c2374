//! A thin scan of an ini text, line by line. The `ini` crate reads the values; the scan finds what that crate forgets
//! or gets wrong: line numbers, keys given twice, a byte order mark, where an inline comment begins.

use crate::report::shown;
use std::collections::HashMap;

/// The name under which keys before the first header are kept: no header can spell it.
pub(crate) const BEFORE_ALL: &str = "\n";

/// What a `key = value` line says.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Lower-case.
    pub(crate) key: String,
    /// None without a delimiter.
    pub(crate) value: Option<String>,
    /// From 1.
    pub(crate) line: usize,
}

/// All that stands under headers of one name.
#[derive(Debug)]
pub(crate) struct Section {
    /// Lower-case.
    pub(crate) name: String,
    /// The lines of its headers; none for what comes before the first header.
    pub(crate) headers: Vec<usize>,
    /// In the file's order; of a key given twice, the first.
    pub(crate) entries: Vec<Entry>,
    /// Lines that cannot be read, with what is wrong; a mistake only to those who read this section.
    pub(crate) oddities: Vec<Oddity>,
    /// Which entry a key has.
    index: HashMap<String, usize>,
}

impl Section {
    /// A key's entry.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(self.index_of(key)?)
    }

    /// Which of the entries that is.
    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        self.index.get(key).copied()
    }
}

/// A line that cannot be read as it stands.
#[derive(Debug)]
pub(crate) struct Oddity {
    pub(crate) line: usize,
    pub(crate) key: Option<String>,
    pub(crate) message: String,
}

/// A header without its closing bracket. What follows it belongs to no section.
#[derive(Debug)]
pub(crate) struct Unclosed {
    pub(crate) line: usize,
    /// What the header seems to say, lower-case.
    pub(crate) name: String,
    /// The section that it stands in.
    pub(crate) within: Option<String>,
}

/// A scanned text.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) sections: Vec<Section>,
    pub(crate) unclosed: Vec<Unclosed>,
    /// What the `ini` crate gets: what can be read, without comments, a header or an entry a line.
    pub(crate) normalised: String,
}

impl Scan {
    /// Scans a text. Nothing fails here: what cannot be read is an oddity of its section.
    pub(crate) fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let mut current = Some(BEFORE_ALL.to_owned());
        for (number, line) in (1..).zip(lines(text)) {
            let line = line.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                current = scan.header(number, rest, current);
            } else if let Some(section) = &current {
                scan.entry(number, line, section);
            }
        }
        scan
    }

    /// Reads a header, of which `rest` follows the bracket; says which section comes after it.
    fn header(&mut self, line: usize, rest: &str, within: Option<String>) -> Option<String> {
        let Some((name, after)) = rest.split_once(']') else {
            let name = without_comment(rest).trim().to_lowercase();
            self.unclosed.push(Unclosed { line, name, within });
            return None;
        };
        let name = name.trim().to_lowercase();
        let after = after.trim_start();
        self.normalised.push_str(&format!("[{name}]\n"));
        let section = self.section(&name);
        section.headers.push(line);
        if !(after.is_empty() || after.starts_with([';', '#'])) {
            let message = format!("text after the header: {}; keys go on lines of their own", shown(after));
            section.oddities.push(Oddity { line, key: None, message });
        }
        Some(name)
    }

    fn entry(&mut self, line: usize, text: &str, section: &str) {
        let text = without_comment(text).trim_end();
        let (key, value) = match text.split_once(['=', ':']) {
            Some((key, value)) => (key.trim().to_lowercase(), Some(value.trim().to_owned())),
            None => (text.to_lowercase(), None),
        };
        let section = self.section(section);
        let oddity = match (key.is_empty(), section.entry(&key)) {
            (true, _) => Some((None, "a value without a key; key = value would be right".to_owned())),
            (_, Some(Entry { line: first, .. })) => {
                Some((Some(key.clone()), format!("given twice, first on line {first}; keep one of the two")))
            }
            _ => None,
        };
        if let Some((key, message)) = oddity {
            section.oddities.push(Oddity { line, key, message });
            return;
        }
        section.index.insert(key.clone(), section.entries.len());
        section.entries.push(Entry { key, value, line });
        self.normalised.push_str(text);
        self.normalised.push('\n');
    }

    fn section(&mut self, name: &str) -> &mut Section {
        let index = self.sections.iter().position(|section| section.name == name).unwrap_or_else(|| {
            let name = name.to_owned();
            let (headers, entries, oddities) = (Vec::new(), Vec::new(), Vec::new());
            self.sections.push(Section { name, headers, entries, oddities, index: HashMap::new() });
            self.sections.len() - 1
        });
        &mut self.sections[index]
    }
}

/// The lines of a text that ends them with LF, CR LF or CR, less a byte order mark.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// A `;` or `#` after white space begins a comment; any other belongs to the value.
fn without_comment(line: &str) -> &str {
    let mut previous_is_space = false;
    for (index, c) in line.char_indices() {
        if previous_is_space && matches!(c, ';' | '#') {
            return &line[..index];
        }
        previous_is_space = c.is_whitespace();
    }
    line
}

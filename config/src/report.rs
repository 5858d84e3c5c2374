//! What there is to say about a file: mistakes, which forbid its use, and warnings, which don't.

use std::fmt;

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file as a whole.
    File {
        /// Its name, as the user gave it.
        file: String,
    },
    /// A line of a file.
    Line {
        /// The file's name, as the user gave it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The section that the line is in; none before the first.
        section: Option<String>,
        /// The key to blame, if it is one.
        key: Option<String>,
    },
    /// An option of the command line.
    CommandLine {
        /// As it is typed: `-s`.
        option: &'static str,
    },
}

impl Place {
    /// The line, from 1, if it is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Line { line, .. } => Some(*line),
            Self::File { .. } | Self::CommandLine { .. } => None,
        }
    }

    /// The key to blame, if it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Line { key, .. } => key.as_deref(),
            Self::File { .. } | Self::CommandLine { .. } => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => f.write_str(file),
            Self::Line { file, line, section, key } => {
                write!(f, "{file}:{line}")?;
                if let Some(section) = section {
                    write!(f, ": [{}]", printable(section))?;
                }
                match key {
                    Some(key) => write!(f, "{}{}", if section.is_some() { " " } else { ": " }, printable(key)),
                    None => Ok(()),
                }
            }
            Self::CommandLine { option } => write!(f, "command line: {option}"),
        }
    }
}

/// One mistake or warning; prints as `file:line: [section] key: what is wrong, what would be right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Mistakes and warnings, collected while a file is read so that all are told at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    mistakes: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Problems {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mistake.
    pub fn mistake(&mut self, place: Place, message: impl Into<String>) {
        self.mistakes.push(Problem { place, message: message.into() });
    }

    /// Adds a warning.
    pub fn warning(&mut self, place: Place, message: impl Into<String>) {
        self.warnings.push(Problem { place, message: message.into() });
    }

    /// The mistakes so far.
    pub fn mistakes(&self) -> &[Problem] {
        &self.mistakes
    }

    /// The warnings so far.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// `value` with the warnings if there was no mistake, else all mistakes (and warnings), in the file's order.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<(T, Vec<Problem>), ConfigError> {
        self.mistakes.sort_by_key(|problem| problem.place.line());
        self.warnings.sort_by_key(|problem| problem.place.line());
        match value {
            Some(value) if self.mistakes.is_empty() => Ok((value, self.warnings)),
            _ => Err(ConfigError { mistakes: self.mistakes, warnings: self.warnings }),
        }
    }
}

/// Why a file cannot be used: all of its mistakes. Prints one a line, warnings after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What has to be put right, in the file's order.
    pub mistakes: Vec<Problem>,
    /// What also looks odd.
    pub warnings: Vec<Problem>,
}

impl ConfigError {
    /// One mistake and nothing else.
    pub fn of(place: Place, message: impl Into<String>) -> Self {
        Self { mistakes: vec![Problem { place, message: message.into() }], warnings: Vec::new() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for mistake in &self.mistakes {
            write!(f, "{separator}{mistake}")?;
            separator = "\n";
        }
        for warning in &self.warnings {
            write!(f, "{separator}{warning} (warning)")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Someone's text within a message, quoted.
pub(crate) fn shown(text: &str) -> String {
    format!("'{}'", printable(text))
}

/// Someone's text, short and without anything that a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '\'' | '"' | '\\' => short.push(c),
            _ => short.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        short.push_str("...");
    }
    short
}

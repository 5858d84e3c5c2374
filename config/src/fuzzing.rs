//! A body for fuzzing (docs/TESTING.md, Fuzzing): it takes any bytes at all, reads them as a file, and panics when what
//! comes of it is not what this crate promises. A device of the tests: no program has the feature `fuzzing`.

use crate::{Config, ConfigError, Document, KEYS, Overrides, Problem, Problems, read_settings};

/// The smallest file there is.
const SMALLEST: &str =
    "[gossip]\ncache_size = 50\ndegree = 30\np2p_address = 127.0.0.1:6001\napi_address = 127.0.0.1:7001\n";

/// What files are made of, beside keys.
const PIECES: &[&str] = &[
    "\n",
    "\n",
    " = ",
    ":",
    "[gossip]\n",
    "[other]\n",
    "[",
    "]",
    " ; ",
    "#",
    ", ",
    "0",
    "1",
    "8",
    "30",
    "65535",
    "99999999999999999999",
    "-",
    "ms",
    "s",
    "M",
    "yes",
    "no",
    "127.0.0.1:",
    "[::1]:",
    "host.example:6001",
    "0.0.0.0:0",
    "ascii-zeros",
    "trace",
    "\r",
    "\u{feff}",
    "İ",
];

/// The first byte says what the rest is: a file, lines after those of the smallest one, or numbers of keys and pieces;
/// and whether it is a daemon's file or a simulated peer's section.
pub fn ini(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let check = if mode & 4 == 0 { of_daemon } else { of_peer };
    match mode & 3 {
        0 => check(rest),
        1 => check(&[SMALLEST.as_bytes(), rest].concat()),
        2 => check(pieces(rest).as_bytes()),
        _ => check([SMALLEST, &pieces(rest)].concat().as_bytes()),
    }
}

fn pieces(numbers: &[u8]) -> String {
    let all: Vec<&str> = KEYS.iter().map(|key| key.name).chain(PIECES.iter().copied()).collect();
    numbers.iter().filter_map(|number| all.get(usize::from(*number) % all.len())).copied().collect()
}

fn lines(bytes: &[u8]) -> usize {
    1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count()
}

fn of_daemon(bytes: &[u8]) {
    let lines = lines(bytes);
    let read = Document::from_bytes("f.ini", bytes)
        .and_then(|document| Config::from_document(&document, Overrides::default()));
    match read {
        Ok((config, warnings)) => {
            warnings.iter().for_each(|warning| is_in_the_file(warning, lines));
            let text = config.to_ini();
            let (again, warnings) = Config::parse("f.ini", &text, Overrides::default())
                .unwrap_or_else(|error| panic!("what was written out is refused: {error}\n{text}"));
            assert_eq!(warnings, [], "{text}");
            assert_eq!(again.settings, config.settings);
            assert_eq!(again.to_ini(), text);
        }
        Err(error) => told(&error, lines),
    }
}

fn of_peer(bytes: &[u8]) {
    let lines = lines(bytes);
    match Document::from_bytes("f.ini", bytes) {
        Ok(document) => {
            let mut problems = Problems::new();
            if let Some(section) = document.section("gossip", &mut problems) {
                read_settings(&section, &mut problems);
            }
            problems.mistakes().iter().for_each(|mistake| is_in_the_file(mistake, lines));
        }
        Err(error) => told(&error, lines),
    }
}

/// Nothing is refused without a reason, and each reason is a line of printable text about a place that there is.
fn told(error: &ConfigError, lines: usize) {
    assert!(!error.mistakes.is_empty(), "refused without a reason");
    error.mistakes.iter().for_each(|mistake| is_in_the_file(mistake, lines));
}

fn is_in_the_file(problem: &Problem, lines: usize) {
    if let Some(line) = problem.place.line() {
        assert!((1..=lines).contains(&line), "line {line} of {lines}: {problem}");
    }
    let text = problem.to_string();
    assert!(!text.contains(|c: char| c.is_control()), "{text:?} would garble a terminal");
}

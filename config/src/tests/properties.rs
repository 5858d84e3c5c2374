//! Properties, each tried on many inputs from a fixed seed, which a failure prints.

use super::{good, read};
use crate::document::ini_reader;
use crate::keys::Kind;
use crate::scan::Scan;
use crate::value::nearest;
use crate::{Config, Document, KEYS, Overrides};
use quickcheck::{Arbitrary, Gen};
use std::collections::BTreeMap;

/// Runs `property` on `cases` inputs made by `make`.
fn for_all<T: std::fmt::Debug>(seed: u64, cases: u64, make: impl Fn(&mut Gen) -> T, property: impl Fn(&T)) {
    for case in seed..seed + cases {
        let mut random = Gen::from_size_and_seed(60, case);
        let input = make(&mut random);
        if let Err(cause) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| property(&input))) {
            eprintln!("seed {case}: {input:?}");
            std::panic::resume_unwind(cause);
        }
    }
}

/// Text of pieces that an ini file is made of, in any order, with anything between.
fn ini_like(random: &mut Gen) -> String {
    const PIECES: &[&str] = &[
        "[gossip]",
        "[",
        "]",
        "=",
        ":",
        ";",
        "#",
        " ",
        "\t",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "\u{feff}",
        "degree",
        "Degree",
        "cache_size",
        "p2p_address",
        "127.0.0.1:1",
        "[::1]:1",
        "30",
        "yes",
        ",",
        "\"",
        "'",
        "\\",
        "-",
        "\0",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "İ",
        "ΑΣ",
        "[other]",
        "[default]",
        "\u{b}",
        "\u{c}",
        "bootstrapper",
        "8M",
    ];
    let mut text = String::new();
    for _ in 0..usize::arbitrary(random) % 60 {
        match u8::arbitrary(random) % 12 {
            0 => text.push_str(&String::arbitrary(random)),
            1 => text.push(char::arbitrary(random)),
            _ => text.push_str(random.choose(PIECES).unwrap_or(&"")),
        }
    }
    text
}

#[test]
fn no_text_makes_the_reader_panic_or_fail_in_silence() {
    for_all(1_000, 3_000, ini_like, |text| {
        if let Err(error) = read(text) {
            assert!(!error.mistakes.is_empty());
            assert!(error.mistakes.iter().all(|told| told.place.line().unwrap_or(1) <= text.lines().count() * 60 + 1));
        }
        let _ = Config::parse("f.ini", &format!("[gossip]\n{text}"), Overrides::default());
    });
    for_all(5_000, 500, Vec::<u8>::arbitrary, |bytes| {
        let _ = Document::from_bytes("f.ini", bytes)
            .and_then(|document| Config::from_document(&document, Overrides::default()));
    });
}

#[test]
fn scan_and_ini_crate_see_the_same_keys_and_values() {
    let mut entries_seen = std::cell::Cell::new(0_usize);
    for_all(10_000, 3_000, ini_like, |text| {
        let scan = Scan::of(text);
        let map = ini_reader().read(scan.normalised.clone()).unwrap();
        let by_ini: BTreeMap<_, _> = map
            .iter()
            .flat_map(|(section, keys)| {
                keys.iter().map(move |(key, value)| ((section.clone(), key.clone()), value.clone()))
            })
            .collect();
        let by_scan: BTreeMap<_, _> = scan
            .sections
            .iter()
            .flat_map(|section| {
                section.entries.iter().map(|entry| ((section.name.clone(), entry.key.clone()), entry.value.clone()))
            })
            .collect();
        assert_eq!(by_ini, by_scan);
        entries_seen.set(entries_seen.get() + by_scan.len());
    });
    assert!(*entries_seen.get_mut() > 3_000, "the texts hardly have entries");
}

/// A file that is right, of random values, among random white space and comments.
fn right_file(random: &mut Gen) -> String {
    let pick = |random: &mut Gen, low: u64, high: u64| low + u64::arbitrary(random) % (high - low + 1);
    let max_peers = pick(random, 2, 1_024);
    let ping = pick(random, 1, 3_600);
    let validation = pick(random, 1, 86_400);
    let unverified = pick(random, 1, 65_536);
    let ascii = bool::arbitrary(random);
    let mut lines = Vec::new();
    for key in KEYS {
        let range = key.range().unwrap_or(0..=0);
        let (low, high) = match key.name {
            "max_peers" => (max_peers, max_peers),
            "target_peers" => (1, max_peers - 1),
            "min_peers" => (1, max_peers),
            "ping_interval" => (ping, ping),
            "peer_timeout" => (ping + 1, 86_400),
            "validation_timeout" => (validation, validation),
            "suppression_time" => (validation, 86_400),
            "unverified_max" => (unverified, unverified),
            "unverified_per_ip" => (1, unverified),
            "pow_bits" if ascii => (24, 24),
            _ => (*range.start(), *range.end()),
        };
        let value = match key.kind {
            Kind::Switch(_) => if bool::arbitrary(random) { "on" } else { "No" }.to_owned(),
            Kind::Spreading => if bool::arbitrary(random) { "Tree" } else { "push" }.to_owned(),
            Kind::PowScheme => if ascii { "ascii-zeros" } else { "zero-bits" }.to_owned(),
            Kind::Listen if key.name == "api_address" => format!("127.0.0.1:{}", pick(random, 1, 9_999)),
            Kind::Listen => format!("[::1]:{}, 0.0.0.0:{}", pick(random, 0, 65_535), pick(random, 10_000, 65_535)),
            Kind::Advertised => "host.example:1".to_owned(),
            Kind::Bootstrapper => format!("a:{}, [2001:db8::7]:1", pick(random, 1, 65_535)),
            Kind::Status => format!("localhost:{}", pick(random, 0, 65_535)),
            Kind::LogLevel => "trace".to_owned(),
            Kind::LogFile => "a b;c.log".to_owned(),
            _ => pick(random, low, high).to_string(),
        };
        let delimiter = random.choose(&["=", " = ", ": ", "\t=  "]).unwrap_or(&"=");
        let end = random.choose(&["\n", "\r\n", " ; comment\n", "\n\n# comment\n"]).unwrap_or(&"\n");
        lines.push(format!("{}{delimiter}{value}{end}", key.name));
    }
    for index in (1..lines.len()).rev() {
        lines.swap(index, usize::try_from(pick(random, 0, index as u64)).unwrap_or(0));
    }
    format!("hostkey = x\n[gossip]\n{}", lines.concat())
}

#[test]
fn configuration_written_out_reads_back_the_same() {
    for_all(20_000, 500, right_file, |text| {
        let first = good(text);
        let second = good(&first.to_ini());
        assert_eq!(first.settings, second.settings);
        assert_eq!(first.p2p_address, second.p2p_address);
        assert_eq!(first.advertised_address, second.advertised_address);
        assert_eq!(
            (first.api_address.clone(), first.log_level, first.log_file.clone()),
            (second.api_address.clone(), second.log_level, second.log_file.clone())
        );
        assert_eq!(first.status_address, second.status_address);
        assert_eq!(first.to_ini(), second.to_ini());
    });
}

/// A key with a few slips of the pen, or text of a file.
fn slipped(random: &mut Gen) -> String {
    const SLIPS: &[char] = &['a', 'e', 's', '_', '-', '3', 'ß', 'İ', '\u{1f980}'];
    if bool::arbitrary(random) {
        return ini_like(random);
    }
    let mut word: Vec<char> = random.choose(KEYS).map(|key| key.name.chars().collect()).unwrap_or_default();
    for _ in 0..u8::arbitrary(random) % 5 {
        let at = usize::arbitrary(random) % (word.len() + 1);
        match u8::arbitrary(random) % 3 {
            0 => word.insert(at, *random.choose(SLIPS).unwrap_or(&'x')),
            1 if at < word.len() => drop(word.remove(at)),
            _ if at + 1 < word.len() => word.swap(at, at + 1),
            _ => {}
        }
    }
    word.into_iter().collect()
}

#[test]
fn nearest_known_key_is_the_first_of_those_with_the_fewest_edits() {
    for_all(7_000, 3_000, slipped, |word| {
        let short: String = word.chars().take(24).collect();
        let plain = KEYS.iter().map(|key| key.name).min_by_key(|name| strsim::osa_distance(&short, name));
        assert_eq!(nearest(word, KEYS.iter().map(|key| key.name)), plain);
    });
}

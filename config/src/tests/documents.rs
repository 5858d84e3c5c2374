//! Traps of ini files in general.

use super::{SMALLEST, good, read, refusal, with};
use crate::{Config, Document, FILE_MAX, Overrides, Problems};
use std::path::{Path, PathBuf};

/// A path for this test alone, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gossip-config-{}-{name}", std::process::id()));
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn value(text: &str, key: &str) -> Option<String> {
    let document = Document::parse("f.ini", text);
    let mut problems = Problems::new();
    let value = document.section("s", &mut problems)?.raw(key).map(str::to_owned);
    assert_eq!(problems.mistakes(), [], "{text:?}");
    value
}

#[test]
fn semicolon_and_hash_within_a_value_belong_to_it() {
    assert_eq!(value("[s]\nk = a;b#c\n", "k").as_deref(), Some("a;b#c"));
    assert_eq!(value("[s]\nk = #1\n", "k").as_deref(), Some(""));
    assert_eq!(value("[s]\nk =#1\n", "k").as_deref(), Some("#1"));
}

#[test]
fn semicolon_or_hash_after_white_space_begins_a_comment() {
    for comment in [" ; x", "\t# x", "   ;x", " #", " ; a = b"] {
        assert_eq!(value(&format!("[s]\nk = v{comment}\n"), "k").as_deref(), Some("v"), "{comment:?}");
    }
    assert_eq!(good(&SMALLEST.replace("= 30", "= 30 ; neighbours")).settings.degree, 30);
    assert_eq!(good(&SMALLEST.replace("[gossip]", "[gossip]; ours")).settings.degree, 30);
    assert_eq!(good(&SMALLEST.replace("[gossip]", "  # one\n\t; two\n[gossip] # ours")).settings.degree, 30);
}

#[test]
fn byte_order_mark_eats_nothing() {
    assert_eq!(good(&format!("\u{feff}{SMALLEST}")).settings.degree, 30);
}

#[test]
fn line_endings_may_be_any_and_the_last_may_be_absent() {
    for end in ["\n", "\r\n", "\r"] {
        let text = SMALLEST.replace('\n', end);
        assert_eq!(good(&text).settings.degree, 30, "{end:?}");
        assert_eq!(good(text.trim_end()).api_address.to_string(), "127.0.0.1:7001", "{end:?}");
        let wrong = read(&text.replace("= 30", "= x"));
        assert!(refusal(wrong).starts_with("f.ini:3: [gossip] degree: "), "{end:?}");
    }
}

#[test]
fn white_space_upper_case_and_colons_are_read_as_meant() {
    let text = "\t[ GOSSIP ]\n  Cache_Size\t=\t50  \nDEGREE:30\n p2p_address : [::1]:6001\napi_address=127.0.0.1:7001";
    let config = good(text);
    assert_eq!((config.settings.cache_size, config.settings.degree), (50, 30));
    assert_eq!(config.p2p_address[0].to_string(), "[::1]:6001");
}

#[test]
fn key_given_twice_is_a_mistake_that_names_both_lines() {
    let told = "f.ini:6: [gossip] degree: given twice, first on line 3; keep one of the two";
    assert_eq!(refusal(with("Degree = 4")), told);
    let told = "f.ini:8: [gossip] degree: given twice, first on line 3; keep one of the two";
    assert!(refusal(with("[other]\n[gossip]\ndegree = 4")).starts_with(told));
}

#[test]
fn section_given_twice_is_read_as_one_with_a_warning() {
    let (config, warnings) = with("[other]\n[gossip]\np2p_ttl = 7").unwrap();
    assert_eq!(config.settings.p2p_ttl, 7);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].to_string(), "f.ini:7: [gossip]: the section began on line 1; both are read as one");
}

#[test]
fn other_sections_are_nobodys_business_whatever_is_in_them() {
    let others = "hostkey = a\nhostkey = b\n= c\n[global]\nhostkey = /hostkey.pem\nhostkey = x\ngarbage ]] [[ ; #\n\
                  = 1\n[dht]\n[unclosed\n[voip] text\n[]\n] = [\n";
    assert_eq!(good(&format!("{others}{SMALLEST}")).settings.degree, 30);
    assert_eq!(good(&format!("{SMALLEST}{others}").replace("hostkey = a\nhostkey = b\n= c\n", "")).settings.degree, 30);
}

#[test]
fn keys_of_a_section_named_default_or_before_all_sections_do_not_leak_into_ours() {
    let text = SMALLEST.replace("degree = 30\n", "");
    for elsewhere in ["degree = 30\n", "[default]\ndegree = 30\n", "[DEFAULT]\ndegree = 30\n"] {
        assert!(refusal(read(&format!("{elsewhere}{text}"))).contains("degree: is missing"), "{elsewhere:?}");
    }
}

#[test]
fn line_that_cannot_be_read_is_refused_in_our_section() {
    assert_eq!(refusal(with("= 5")), "f.ini:6: [gossip]: a value without a key; key = value would be right");
    assert_eq!(refusal(with("[dht")), "f.ini:6: the header '[dht' has no closing bracket");
    let told = refusal(read(&SMALLEST.replace("[gossip]", "[gossip] degree = 3")));
    assert_eq!(told, "f.ini:1: [gossip]: text after the header: 'degree = 3'; keys go on lines of their own");
    let told = refusal(read(&SMALLEST.replace("degree = 30", "degree")));
    assert_eq!(told, "f.ini:3: [gossip] degree: has no value; 1 to 1024 would be right");
}

#[test]
fn our_header_without_its_bracket_is_found_wherever_it_stands() {
    for before in ["", "[dht]\n"] {
        let told = refusal(read(&format!("{before}{}", SMALLEST.replace("[gossip]", "[Gossip ; ours"))));
        let line = 1 + before.lines().count();
        assert_eq!(told, format!("f.ini:{line}: the header '[gossip' has no closing bracket"));
    }
    let told = refusal(read(&SMALLEST.replace("[gossip]", "[gosip")));
    assert_eq!(told, "f.ini:1: the header '[gosip' has no closing bracket");
    let told = refusal(with("[dht]\n[gossip\np2p_ttl = 3"));
    assert_eq!(told, "f.ini:7: the header '[gossip' has no closing bracket");
    good(&format!("{SMALLEST}[dht]\n[gossip2\n"));
}

#[test]
fn absent_section_is_told_with_the_one_that_may_be_meant() {
    let told = refusal(read(&SMALLEST.replace("gossip", "gosip")));
    assert_eq!(told, "f.ini: there is no section [gossip]; is '[gosip]' meant to be it?");
    let told = refusal(read("[dht]\nx = 1\n"));
    assert_eq!(told, "f.ini: there is no section [gossip]; config/every-key.ini shows what goes into it");
    assert_eq!(refusal(read("; nothing\n")), told);
}

#[test]
fn file_that_is_no_file_is_told_apart() {
    let told = |path: &Path| refusal(Config::read(path, Overrides::default()));
    let absent = Scratch::new("absent.ini");
    let name = absent.0.display().to_string();
    assert_eq!(told(&absent.0), format!("{name}: there is no such file; check its path"));

    let directory = Scratch::new("directory");
    std::fs::create_dir(&directory.0).unwrap();
    let name = directory.0.display().to_string();
    assert_eq!(told(&directory.0), format!("{name}: this is a directory; an ini file would be right"));

    let file = Scratch::new("content.ini");
    for (content, part) in [
        (&b""[..], ": the file is empty; "),
        (b" \r\n\t\n", ": the file is empty; "),
        (b"\xef\xbb\xbf\n", ": the file is empty; "),
        (b"[gossip]\n; M\xfcnchen\n", ":2: byte 0xfc here is not UTF-8 text; "),
        (b"[gossip]\n\0\n", ":2: byte 0x00 here is not UTF-8 text; "),
        (b"\xff\xfe[\0g\0", ": this is UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff\0[\0g", ": this is UTF-16 text; save it as UTF-8"),
    ] {
        std::fs::write(&file.0, content).unwrap();
        let told = told(&file.0);
        assert!(told.starts_with(&format!("{}{part}", file.0.display())), "{content:?}: {told}");
    }
    let comment = |size: u64| format!("{SMALLEST};{}", "x".repeat(usize::try_from(size).unwrap() - SMALLEST.len() - 1));
    std::fs::write(&file.0, comment(FILE_MAX)).unwrap();
    assert!(Config::read(&file.0, Overrides::default()).is_ok());
    std::fs::write(&file.0, comment(FILE_MAX + 1)).unwrap();
    assert!(told(&file.0).contains(": far too large for an ini file, more than 1 MiB"));
}

#[test]
fn someones_text_reaches_no_terminal_raw_and_no_message_at_length() {
    let told = refusal(with(&format!("p2p_ttl = \u{1b}[31m{}\n\u{7}k = 1", "9".repeat(5_000))));
    assert!(!told.contains(['\u{1b}', '\u{7}']), "{told:?}");
    assert!(told.len() < 500, "{}", told.len());
}

//! A daemon that cannot run, or should not, says so (PROTOCOL.md, section 9).

use gossip_tests::{Bed, Ini, Listening};

/// The daemon's exit status and words for this file.
fn run(bed: &Bed, ini: impl AsRef<[u8]>, more: &[&str]) -> (Option<i32>, String, String) {
    let file = bed.file("gossip.ini", ini);
    bed.gossipd(&[&["-c", file.to_str().unwrap()], more].concat())
}

#[test]
fn an_address_in_use_is_named_with_its_key_and_status_1() {
    let bed = Bed::new();
    let listening = Listening::new();
    let taken = listening.address();
    for key in ["p2p_address", "api_address"] {
        let (status, _, said) = run(&bed, Ini::new().with(key, taken).to_string(), &[]);
        assert_eq!(status, Some(1), "{said}");
        for part in [key, &taken.to_string(), "the address is in use", "gossip.ini:"] {
            assert!(said.contains(part), "no '{part}' in: {said}");
        }
    }
}

#[test]
fn a_file_that_is_no_file_of_ours_is_refused_with_status_2() {
    let bed = Bed::new();
    let folder = bed.folder().to_str().unwrap().to_owned();
    let missing = format!("{folder}/missing.ini");
    let text = bed.file("bytes.ini", [0xff, 0xfe, 0, 0x80, b'[', b'g']);
    let empty = bed.file("empty.ini", "");
    for (file, why) in [
        (missing.as_str(), &["missing.ini"][..]),
        (&folder, &["directory"]),
        (text.to_str().unwrap(), &["bytes.ini", "text"]),
        (empty.to_str().unwrap(), &["empty.ini", "the file is empty"]),
    ] {
        for arguments in [&["-c", file][..], &["-c", file, "--check"]] {
            let (status, printed, said) = bed.gossipd(arguments);
            assert_eq!((status, printed.as_str()), (Some(2), ""), "{file}: {said}");
            why.iter().for_each(|part| assert!(said.contains(part), "no '{part}' in: {said}"));
            assert!(!said.contains("panicked"), "{said}");
        }
    }
}

#[test]
fn five_mistakes_are_reported_at_once_each_with_line_and_key() {
    let bed = Bed::new();
    let wrong = "[gossip]\ncache_size = many\ndegree = 0\np2p_address = 127.0.0.1\napi_address = 127.0.0.1:99999\n\
                 pow_bits = 65\ndiscovery = perhaps\n";
    let (status, _, said) = run(&bed, wrong, &[]);
    assert_eq!(status, Some(2), "{said}");
    let keys = ["cache_size", "degree", "p2p_address", "api_address", "pow_bits", "discovery"];
    for (line, key) in (2..).zip(keys) {
        let place = format!("gossip.ini:{line}: [gossip] {key}: ");
        assert!(said.contains(&place), "no '{place}' in: {said}");
    }
    assert!(!said.contains("listening"), "no port was opened: {said}");
}

#[test]
fn check_says_what_it_would_do_and_opens_nothing() {
    let bed = Bed::new();
    let listening = Listening::new();
    let taken = listening.address();
    let ini = Ini::new().with("p2p_address", taken).calling(&["192.0.2.7:6001", "node.example:6001"]);
    let (status, printed, said) = run(&bed, ini.to_string(), &["--check"]);
    assert_eq!(status, Some(0), "{said}");
    for part in [&taken.to_string(), "192.0.2.7:6001", "node.example:6001"] {
        assert!(printed.contains(part), "no '{part}' in: {printed}");
    }
}

#[test]
fn a_key_it_does_not_know_is_a_warning_and_an_error_in_a_check() {
    let bed = Bed::new();
    let ini = Ini::new().with("max_peer", 12);
    let node = bed.start("node", &ini);
    node.logs("max_peers");
    let (status, _, said) = run(&bed, ini.to_string(), &["--check"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("max_peer") && said.contains("max_peers"), "{said}");
}

#[test]
fn a_wrong_command_line_ends_with_status_2() {
    let bed = Bed::new();
    let file = bed.file("gossip.ini", Ini::new().to_string());
    let file = file.to_str().unwrap();
    for arguments in [
        &[][..],
        &["-c"],
        &["-c", file, "-v", "0"],
        &["-c", file, "-s", "-3"],
        &["-c", file, "--no-such-option"],
        &["-c", file, "-v", "9", "-s", "8"],
    ] {
        let (status, _, said) = bed.gossipd(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(!said.is_empty());
    }
    for arguments in [["--help"], ["--version"]] {
        let (status, printed, _) = bed.gossipd(&arguments);
        assert_eq!(status, Some(0));
        assert!(printed.contains("gossipd"), "{printed}");
    }
}

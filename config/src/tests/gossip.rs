//! What the keys of `[gossip]` mean.

use super::{SMALLEST, good, read, refusal, with};
use crate::keys::Kind;
use crate::{Config, Document, KEYS, Overrides, Problems, Standard, every_key_ini, read_settings};
use gossip_core::pow::Target;
use gossip_core::time::Duration;
use gossip_core::{Addresses, Settings, limits};
use std::path::Path;

fn p2p() -> Addresses {
    Addresses::of("127.0.0.1:6001".parse().unwrap())
}

#[test]
fn smallest_file_has_the_defaults_of_section_9() {
    let config = good(SMALLEST);
    assert_eq!(config.settings, Settings::new(50, 30, p2p()));
    assert_eq!(config.api_address.to_string(), "127.0.0.1:7001");
    assert_eq!((config.log_level, config.log_file), (log::LevelFilter::Info, None));
    assert_eq!(config.status_address, None, "nobody can look inside unless asked for");
}

#[test]
fn five_mistakes_are_told_at_once_with_their_lines() {
    let text = "; five\n[gossip]\ncache_size = -1\ndegree = 4;\np2p_address = 127.0.0.1\n\n[dht]\nx\n[gossip]\n\
                discovery = maybe\nmax_peers = 40\ndegre = 4\ntarget_peers = 40\n";
    let told = "\
f.ini:2: [gossip] api_address: is missing; IPv4:port, [IPv6]:port or name:port would be right
f.ini:3: [gossip] cache_size: '-1' is out of range; 0 to 1000000 would be right
f.ini:4: [gossip] degree: '4;' is not a whole number; 1 to 1024 would be right
f.ini:5: [gossip] p2p_address: '127.0.0.1' has no port; IPv4:port, [IPv6]:port or name:port would be right
f.ini:10: [gossip] discovery: 'maybe' is not a switch; yes or no would be right
f.ini:13: [gossip] target_peers: 40 leaves no room below max_peers = 40; at most 39
f.ini:9: [gossip]: the section began on line 2; both are read as one (warning)
f.ini:12: [gossip] degre: no such key; the nearest known one is degree (warning)";
    assert_eq!(refusal(read(text)), told);
}

#[test]
fn every_required_key_is_missed() {
    for (index, key) in ["cache_size", "degree", "p2p_address", "api_address"].iter().enumerate() {
        let text = SMALLEST.lines().enumerate().filter(|(line, _)| *line != index + 1);
        let text = text.map(|(_, line)| format!("{line}\n")).collect::<String>();
        let told = refusal(read(&text));
        assert!(told.starts_with(&format!("f.ini:1: [gossip] {key}: is missing; ")), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn unknown_key_is_a_warning_with_the_nearest() {
    for (key, nearest) in [("bootstraper", "bootstrapper"), ("maxpeers", "max_peers"), ("pow-bits", "pow_bits")] {
        let (_, warnings) = with(&format!("{key} = 1")).unwrap();
        let told = format!("f.ini:6: [gossip] {key}: no such key; the nearest known one is {nearest}");
        assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
        assert_eq!((warnings[0].place.line(), warnings[0].place.key()), (Some(6), Some(key)));
    }
}

#[test]
fn numeric_keys_take_their_range_and_nothing_else() {
    for key in KEYS.iter().filter(|key| key.range().is_some()) {
        let range = key.range().unwrap();
        let one = |value: &str| {
            let others = SMALLEST.lines().filter(|line| !line.starts_with(key.name)).collect::<Vec<_>>().join("\n");
            read(&format!("{others}\n{} = {value}\n", key.name))
        };
        let blamed = |value: &str| {
            let told = one(value).expect_err("refused").mistakes;
            told.into_iter().find(|told| told.place.key() == Some(key.name)).map(|told| told.message)
        };
        let bounds = if matches!(key.kind, Kind::Bytes(_)) {
            format!(
                "{} to {} would be right",
                crate::value::in_bytes(*range.start()),
                crate::value::in_bytes(*range.end())
            )
        } else {
            format!("{} to {} would be right", range.start(), range.end())
        };
        for end in [range.start(), range.end()] {
            let told = one(&end.to_string()).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!told.contains("would be right") || told.contains("shorter than"), "{} = {end}: {told}", key.name);
        }
        let mut beyond = vec!["-1".to_owned(), (range.end() + 1).to_string(), "18446744073709551616".to_owned()];
        beyond.extend(range.start().checked_sub(1).map(|below| below.to_string()));
        for value in beyond {
            let message = blamed(&value).unwrap_or_default();
            assert!(message.ends_with(&bounds), "{} = {value}: {message}", key.name);
        }
        for value in ["", "x", "5s", "1.5", "+5", "1_000", "0x10", "\"5\"", "5 5", "٥"] {
            let message = blamed(value).unwrap_or_default();
            assert!(message.contains(&bounds), "{} = {value}: {message}", key.name);
        }
    }
}

#[test]
fn bytes_may_have_a_unit() {
    for (text, bytes) in
        [("1048576", 1 << 20), ("1024K", 1 << 20), ("8MiB", 8 << 20), ("8 m", 8 << 20), ("1g", 1 << 30)]
    {
        let config = good(&format!("{SMALLEST}api_queue = {text}\n"));
        assert_eq!(config.settings.api_queue, bytes, "{text}");
    }
    for text in ["8MB", "M", "8 mega", "99999999999999999999G", "1.5M"] {
        assert!(refusal(with(&format!("api_queue = {text}"))).ends_with("256 KiB to 16 GiB would be right"), "{text}");
    }
}

#[test]
fn switches_and_choices_take_their_words_in_any_case() {
    for (word, on) in [("yes", true), ("TRUE", true), ("On", true), ("no", false), ("false", false), ("OFF", false)] {
        assert_eq!(good(&format!("{SMALLEST}discovery = {word}\n")).settings.discovery, on, "{word}");
    }
    assert_eq!(good(&format!("{SMALLEST}log_level = Debug\n")).log_level, log::LevelFilter::Debug);
    assert_eq!(good(&format!("{SMALLEST}log_level = off\n")).log_level, log::LevelFilter::Off);
    let told = "f.ini:6: [gossip] log_level: 'inof' is not known here; one of off, error, warn, info, debug, trace \
                would be right (is info meant?)";
    assert_eq!(refusal(with("log_level = inof")), told);
    assert_eq!(
        refusal(with("pow_scheme =")),
        "f.ini:6: [gossip] pow_scheme: has no value; one of zero-bits, ascii-zeros would be right"
    );
}

#[test]
fn gossip5s_proof_of_work_brings_its_long_timeouts_and_its_bits() {
    let settings = good(&format!("{SMALLEST}pow_scheme = ascii-zeros\npow_bits = 24\n")).settings;
    assert_eq!(settings.pow, Target::AsciiZeros);
    let spans = [settings.hello_timeout, settings.verification_timeout, settings.peer_stall_timeout];
    assert_eq!(spans, [Duration::from_secs(600); 3]);
    let settings = good(&format!("{SMALLEST}pow_scheme = ascii-zeros\nhello_timeout = 20\n")).settings;
    assert_eq!(settings.hello_timeout, Duration::from_secs(20));
    let told = "f.ini:7: [gossip] pow_bits: 8 does not go with pow_scheme = ascii-zeros, which always has 24; 24 \
                would be right";
    assert_eq!(refusal(with("pow_scheme = ascii-zeros\npow_bits = 8")), told);
    assert_eq!(good(&format!("{SMALLEST}pow_bits = 8\n")).settings.pow, Target::ZeroBits(8));
}

#[test]
fn derived_keys_follow_what_they_derive_from() {
    let settings = good(&format!("{SMALLEST}max_peers = 9\n")).settings;
    assert_eq!((settings.max_peers, settings.target_peers, settings.min_peers), (9, 3, 4));
    let settings = good(&SMALLEST.replace("= 50", "= 12").replace("= 30", "= 2")).settings;
    assert_eq!((settings.max_peers, settings.target_peers, settings.min_peers), (12, 4, 2));
}

#[test]
fn relations_are_blamed_on_the_keys_line_and_defaulted_ones_on_the_section() {
    assert_eq!(
        refusal(with("ping_interval = 60")),
        "f.ini:1: [gossip] peer_timeout: 45 s leaves a PING no time to be answered; more than ping_interval, 60 s"
    );
    let told =
        refusal(with("discovery = no\nmax_peers = 2\ntarget_peers = 1\nmin_peers = 3\nbootstrapper = a:1,b:1,c:1"));
    assert!(told.contains("f.ini:9: [gossip] min_peers: 3 is more than max_peers = 2"), "{told}");
    assert!(told.contains("f.ini:10: [gossip] bootstrapper: 3 of them, with discovery = no"), "{told}");
    let told = refusal(with("advertised_address = [2001:db8::1]:6001"));
    assert!(told.starts_with("f.ini:6: [gossip] advertised_address: [2001:db8::1]:6001 is of a family"), "{told}");
}

#[test]
fn what_only_follows_from_a_mistake_is_not_told() {
    for (lines, key) in [
        ("max_peers = x\ntarget_peers = 60", "max_peers"),
        ("cache_size = x\ntarget_peers = 40", "cache_size"),
        ("\ntarget_peers = 40", "cache_size"),
        ("target_peers = x\nmax_peers = 2", "target_peers"),
        ("bootstrapper = a:1,b:1,c\ndiscovery = no\nmax_peers = 2", "bootstrapper"),
        ("ping_interval = 0\npeer_timeout = 10", "ping_interval"),
        ("p2p_address = 1\nadvertised_address = [2001:db8::1]:6001", "p2p_address"),
    ] {
        let others = SMALLEST.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        let told = refusal(read(&format!("{others}\n{lines}\n")));
        assert_eq!(told.lines().count(), 1, "{lines:?}: {told}");
        assert!(told.contains(key), "{lines:?}: {told}");
    }
}

#[test]
fn addresses_are_told_apart_from_what_only_looks_like_one() {
    for good_one in ["1.2.3.4:5", "[2001:db8::1]:80", "localhost:6001", "a-b.c_d.example.:65535", "[fe80::1%2]:9"] {
        let config = good(&format!("{SMALLEST}bootstrapper = {good_one}\n"));
        assert_eq!(config.settings.bootstrapper[0].to_string(), good_one);
    }
    for (wrong, part) in [
        ("1.2.3.4", "has no port"),
        ("1.2.3.4:", "has no port"),
        ("[::1]", "has no port"),
        ("localhost", "has no port"),
        ("1.2.3.4:x", "where a port should be"),
        ("1.2.3.4:+1", "where a port should be"),
        ("1.2.3.4:65536", "port out of range"),
        ("1.2.3.4:0", "nothing that a peer could dial"),
        ("1.2.3.256:5", "is not an IPv4 address"),
        ("1.2.3:5", "is not an IPv4 address"),
        ("::1:6001", "without brackets"),
        ("2001:db8:0:0:0:0:0:1:6001", "no brackets around"),
        ("[::1:6001", "is not an IPv6 address"),
        ("[fe80::1%eth0]:1", "is not an IPv6 address"),
        ("[1.2.3.4]:1", "is not an IPv6 address"),
        ("[::ffff:1.2.3.4]:1", "1.2.3.4:1 would be right"),
        ("http://host:1", "has colons"),
        ("ho st:1", "is not a host name"),
        ("-host:1", "is not a host name"),
        ("a..b:1", "is not a host name"),
        (":6001", "is not a"),
        ("münchen:1", "is not a host name"),
        ("\"host:1\"", "quotes around it"),
        ("0.0.0.0:1", "nothing that a peer could dial"),
        ("[::]:1", "nothing that a peer could dial"),
        ("224.0.0.1:1", "nothing that a peer could dial"),
        ("255.255.255.255:1", "nothing that a peer could dial"),
        ("1.2.3.4:1,", "empty place"),
        (",", "empty place"),
    ] {
        let told = refusal(with(&format!("bootstrapper = {wrong}")));
        assert!(told.starts_with("f.ini:6: [gossip] bootstrapper: ") && told.contains(part), "{wrong}: {told}");
        assert!(told.contains("would be right"), "{wrong}: {told}");
    }
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", &label[..61]);
    assert_eq!(longest.len(), 253);
    good(&format!("{SMALLEST}bootstrapper = {longest}:1\n"));
    for wrong in [format!("{longest}a"), format!("a{label}.b")] {
        assert!(refusal(with(&format!("bootstrapper = {wrong}:1"))).contains("is not a host name"), "{wrong}");
    }
    let (first, second) =
        ("f.ini:6: [gossip] bootstrapper: 'a' has no port", "f.ini:6: [gossip] bootstrapper: 'c:x' has");
    let told = refusal(with("bootstrapper = a, b:1, c:x"));
    assert!(told.starts_with(first) && told.contains(second), "{told}");
}

#[test]
fn bootstrappers_keep_their_order_and_none_may_be_written_so() {
    let config = good(&format!("{SMALLEST}bootstrapper = b:2 , 127.0.0.1:1,[::1]:3 ; three\n"));
    let list = config.settings.bootstrapper.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(list, ["b:2", "127.0.0.1:1", "[::1]:3"]);
    assert_eq!(good(&format!("{SMALLEST}bootstrapper =\n")).settings.bootstrapper, []);
    let (config, warnings) = with("bootstrapper = b:2, c:3, b:2").unwrap();
    assert_eq!(warnings[0].to_string(), "f.ini:6: [gossip] bootstrapper: b:2 is listed twice; once would do");
    assert_eq!(config.value_text("bootstrapper").as_deref(), Some("b:2, c:3"), "once is enough");
}

#[test]
fn listening_addresses_are_one_a_family_of_this_host_and_do_not_clash() {
    let p2p = |addresses: &str| read(&SMALLEST.replace("127.0.0.1:6001", addresses));
    let (config, _) = p2p("127.0.0.1:0, [::1]:0").unwrap();
    assert_eq!(config.settings.p2p_address.iter().count(), 2);
    let (config, _) = p2p("localhost:6001").unwrap();
    assert_eq!(config.settings.p2p_address, Addresses::default());
    for (wrong, part) in [
        ("127.0.0.1:1, 127.0.0.2:1", "too many addresses"),
        ("a:1, b:2, c:3", "too many addresses"),
        ("239.1.1.1:1", "no address to listen at"),
        ("127.0.0.1:7001", "api_address: 127.0.0.1:7001 is taken by p2p_address"),
        ("0.0.0.0:7001", "api_address: 127.0.0.1:7001 is taken by p2p_address"),
    ] {
        assert!(refusal(p2p(wrong)).contains(part), "{wrong}");
    }
    assert!(p2p("127.0.0.2:7001").is_ok());
    let told = refusal(read(&SMALLEST.replace(":7001", ":7001, [::1]:7001")));
    assert_eq!(told, "f.ini:5: [gossip] api_address: has more than one address; one would be right");
}

#[test]
fn status_address_is_one_that_only_this_host_can_reach_and_that_is_free() {
    for right in ["127.0.0.1:8001", "127.9.9.9:1", "[::1]:8001", "localhost:8001", "LOCALHOST:0", "127.0.0.1:0"] {
        let config = good(&format!("{SMALLEST}status_address = {right}\n"));
        assert_eq!(config.status_address.map(|endpoint| endpoint.to_string()).as_deref(), Some(right));
    }
    let told = "f.ini:6: [gossip] status_address: '0.0.0.0:8001' may be reached from other hosts, which must not look \
                inside; 127.0.0.1:port, [::1]:port or localhost:port would be right";
    assert_eq!(refusal(with("status_address = 0.0.0.0:8001")), told);
    for (wrong, part) in [
        ("[::]:8001", "may be reached from other hosts"),
        ("192.0.2.1:8001", "may be reached from other hosts"),
        ("localhost.example:8001", "may be reached from other hosts"),
        ("127.0.0.1", "has no port"),
        ("127.0.0.1:8001, [::1]:8001", "has more than one address; one would be right"),
        ("", "has no value"),
        ("127.0.0.1:6001", "is taken by p2p_address already; another port would be right"),
        ("127.0.0.1:7001", "is taken by api_address already; another port would be right"),
    ] {
        let told = refusal(with(&format!("status_address = {wrong}")));
        assert!(told.starts_with("f.ini:6: [gossip] status_address: ") && told.contains(part), "{wrong}: {told}");
    }
    assert_eq!(crate::status_address("[::1]:1").unwrap().to_string(), "[::1]:1");
    assert!(crate::status_address("10.0.0.1:1").unwrap_err().contains("other hosts"));
}

#[test]
fn advertised_addresses_are_one_a_family_that_peers_can_dial() {
    let config = good(&format!("{SMALLEST}advertised_address = 192.0.2.1:6001\n"));
    assert_eq!(config.settings.advertised_address, Addresses::of("192.0.2.1:6001".parse().unwrap()));
    let config = good(&format!("{SMALLEST}advertised_address = gossip.example:6001\n"));
    assert_eq!(config.settings.advertised_address, Addresses::default());
    assert_eq!(config.advertised_address[0].to_string(), "gossip.example:6001");
    for (wrong, part) in [
        ("0.0.0.0:6001", "nothing that a peer could dial"),
        ("192.0.2.1:0", "nothing that a peer could dial"),
        ("192.0.2.1:1, 192.0.2.2:1", "too many addresses"),
        ("", "has no value"),
    ] {
        let told = refusal(with(&format!("advertised_address = {wrong}")));
        assert!(told.starts_with("f.ini:6: [gossip] advertised_address: ") && told.contains(part), "{wrong}: {told}");
    }
}

#[test]
fn finished_settings_have_the_bound_addresses_and_are_checked_with_them() {
    let (config, _) = read(&SMALLEST.replace("127.0.0.1:6001", "localhost:0")).unwrap();
    let settings = config.finish(p2p(), Addresses::default()).unwrap();
    assert_eq!(settings, Settings::new(50, 30, p2p()));
    let told = config.finish(p2p(), Addresses::of("[::1]:1".parse().unwrap())).unwrap_err().to_string();
    assert!(told.starts_with("f.ini:1: [gossip] advertised_address: [::1]:1 is of a family"), "{told}");
    assert_eq!(config.place("p2p_address").line(), Some(4));
}

#[test]
fn command_line_overrides_the_file_and_takes_the_blame() {
    let run = |lines: &str, v: Option<u64>, s: Option<u64>| {
        let overrides = Overrides { validation_timeout: v, suppression_time: s };
        Config::parse("f.ini", &format!("{SMALLEST}{lines}\n"), overrides)
    };
    let (config, _) = run("validation_timeout = 7\nsuppression_time = 8", Some(20), Some(30)).unwrap();
    assert_eq!(config.settings.validation_timeout, Duration::from_secs(20));
    assert_eq!(config.settings.suppression_time, Duration::from_secs(30));
    assert_eq!(
        refusal(run("", None, Some(4))),
        "command line: -s: 4 s is shorter than validation_timeout (-v), 5 s; at least as long would be right"
    );
    assert_eq!(
        refusal(run("", Some(61), None)),
        "command line: -v: 61 s is longer than suppression_time (-s), 60 s; at most as long would be right"
    );
    let told = refusal(run("degree = 0", Some(0), Some(86_401)));
    assert!(told.contains("command line: -v: 0 seconds is out of range; 1 to 86400 would be right"), "{told}");
    assert!(told.contains("command line: -s: 86401 seconds is out of range"), "{told}");
    assert!(run("validation_timeout = 100", Some(50), None).is_ok());
    assert!(refusal(run("validation_timeout = x", Some(5), None)).starts_with("f.ini:6: [gossip] validation_timeout"));
}

#[test]
fn log_file_keeps_its_odd_characters_but_not_quotes() {
    assert_eq!(
        good(&format!("{SMALLEST}log_file = /tmp/a;b#c d.log\n")).log_file.unwrap(),
        Path::new("/tmp/a;b#c d.log")
    );
    let told = "f.ini:6: [gossip] log_file: '\"a b\"' has quotes around it; without them would be right: a b";
    assert_eq!(refusal(with("log_file = \"a b\"")), told);
    assert_eq!(refusal(with("log_file =")), "f.ini:6: [gossip] log_file: has no value");
    let told = "f.ini:6: [gossip] log_file: '\"a\\u{4}b\"' has quotes around it; without them would be right: a\\u{4}b";
    assert_eq!(refusal(with("log_file = \"a\u{4}b\"")), told, "a terminal obeys nothing of it");
}

#[test]
fn simulated_peers_settings_come_from_any_section_without_addresses() {
    let document = Document::parse("s.ini", "[peers]\ncache_size = 20\ndegree = 3\napi_address = a:1\npow_bits = 4\n");
    let mut problems = Problems::new();
    let section = document.require_section("peers", &mut problems).unwrap();
    let settings = read_settings(&section, &mut problems);
    let ((), warnings) = problems.finish(Some(())).unwrap();
    assert_eq!(settings, Settings { pow: Target::ZeroBits(4), ..Settings::new(20, 3, Addresses::default()) });
    assert!(warnings[0].to_string().starts_with("s.ini:4: [peers] api_address: no such key"), "{warnings:?}");
}

#[test]
fn table_has_each_key_once_and_a_row_for_each_range() {
    for (index, key) in KEYS.iter().enumerate() {
        assert!(KEYS[..index].iter().all(|other| other.name != key.name), "{} twice", key.name);
        assert!(key.explanation.ends_with(['.', '?', ')']) && key.explanation.len() > 15, "{}", key.name);
        let numeric =
            matches!(key.kind, Kind::Count(_) | Kind::Hops(_) | Kind::Seconds(_) | Kind::Bytes(_) | Kind::PowBits);
        assert_eq!(numeric, key.range().is_some(), "{}", key.name);
        let most = match key.kind {
            Kind::Count(_) => u64::from(u32::MAX),
            Kind::Hops(_) => u64::from(u16::MAX),
            Kind::PowBits => 64,
            _ => u64::MAX,
        };
        assert!(key.range().is_none_or(|range| *range.end() <= most), "{}", key.name);
    }
    for (name, ..) in limits::RANGES {
        assert!(KEYS.iter().any(|key| key.name == *name), "{name} has a range and no row");
    }
}

#[test]
fn every_default_of_the_table_is_the_one_in_force() {
    let config = good(SMALLEST);
    for key in KEYS {
        if let Standard::Value(value) = key.standard {
            assert_eq!(good(&format!("{SMALLEST}{} = {value}\n", key.name)), relocated(&config, key.name));
        }
    }
}

/// The same configuration with `key` on line 6.
fn relocated(config: &Config, key: &str) -> Config {
    let same = config.value_text(key).unwrap();
    good(&format!("{SMALLEST}{key} = {same}\n"))
}

#[test]
fn ready_made_files_are_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, p2p, api, status, bootstrapper) in [
        ("bootstrapper.ini", "127.0.0.1:6001", "127.0.0.1:7001", Some("127.0.0.1:8001"), None),
        ("peer1.ini", "127.0.0.1:6011", "127.0.0.1:7011", Some("127.0.0.1:8011"), Some("127.0.0.1:6001")),
        ("peer2.ini", "127.0.0.1:6021", "127.0.0.1:7021", Some("127.0.0.1:8021"), Some("127.0.0.1:6001")),
        ("peer3.ini", "127.0.0.1:6031", "127.0.0.1:7031", Some("127.0.0.1:8031"), Some("127.0.0.1:6001")),
        ("ipv6.ini", "[::1]:6041", "[::1]:7041", Some("[::1]:8041"), None),
        ("every-key.ini", "127.0.0.1:6001", "127.0.0.1:7001", None, None),
    ] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.contains(&format!("cargo run --release --bin gossipd -- -c config/{name}\n")), "{name}");
        let (config, warnings) = Config::read(&folder.join(name), Overrides::default()).unwrap();
        assert_eq!(warnings, [], "{name}");
        assert_eq!(config.value_text("p2p_address").as_deref(), Some(p2p), "{name}");
        assert_eq!(config.value_text("api_address").as_deref(), Some(api), "{name}");
        assert_eq!(config.value_text("status_address").as_deref(), status, "{name}");
        assert_eq!(config.value_text("bootstrapper").as_deref(), bootstrapper, "{name}");
    }
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files.filter(|path| path.extension().is_some_and(|end| end == "ini")).count(), 6, "one is not tested");
}

#[test]
fn every_key_ini_is_the_table_of_keys() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("every-key.ini")).unwrap();
    assert_eq!(text, every_key_ini(), "cargo run -p gossip-config --example every-key > config/every-key.ini");
    let ours = text.split_once("[gossip]\n").unwrap().1;
    for key in KEYS {
        let set = ours.lines().filter(|line| line.trim_start_matches(';').starts_with(&format!("{} = ", key.name)));
        assert_eq!(set.count(), 1, "{}", key.name);
        assert!(ours.contains(&format!("; {}\n", key.explanation)), "{}", key.name);
    }
    assert_eq!(good(&text).to_ini(), good(SMALLEST).to_ini());
    let uncommented =
        KEYS.iter().fold(text, |text, key| text.replace(&format!("\n;{} = ", key.name), &format!("\n{} = ", key.name)));
    let told = refusal(read(&uncommented.replace("advertised_address = ", "advertised_address = [::1]:1, ")));
    assert_eq!(told.lines().count(), 1, "examples of keys without a default are right but for the spoilt one: {told}");
}

#[test]
fn a_value_that_begins_with_a_comments_sign_is_written_out_so_that_it_reads_back() {
    for value in ["#5", ";x", "a#b", "#;"] {
        let config = good(&format!("{SMALLEST}log_file ={value}\n"));
        assert_eq!(config.log_file.as_deref(), Some(Path::new(value)));
        assert_eq!(good(&config.to_ini()).log_file, config.log_file);
    }
}

#[test]
fn a_page_of_text_where_a_key_should_be_has_a_nearest_key_as_well_and_is_not_waited_for() {
    let long = format!("max_peers{}", "x".repeat(100_000));
    let (_, warnings) = Config::parse("f.ini", &format!("{SMALLEST}{long} = 5\n"), Overrides::default()).unwrap();
    assert!(warnings[0].message.contains("the nearest known one is "), "{}", warnings[0].message);
}

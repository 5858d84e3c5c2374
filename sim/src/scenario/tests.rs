use super::*;
use crate::explore;

const SMALL: &str = "[simulation]\npeers = 20\n[gossip]\ncache_size = 50\ndegree = 30\n";

fn mistakes(text: &str) -> Vec<String> {
    match Scenario::parse("x.ini", text) {
        Ok(_) => Vec::new(),
        Err(error) => error.mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn whatever_is_drawn_reads_back_from_its_file() {
    for seed in 0..300 {
        let mut scenario = explore::draw(seed);
        scenario.name = "drawn".to_owned();
        let file = scenario.to_ini();
        let (read, warnings) = Scenario::parse("drawn.ini", &file).unwrap_or_else(|error| panic!("{error}\n{file}"));
        assert_eq!(warnings, [], "seed {seed}");
        assert_eq!(read, scenario, "seed {seed}:\n{file}");
    }
}

#[test]
fn regions_read_back_from_their_file() {
    let text = format!(
        "{SMALL}[network]\nlatency = regions\n[region a]\nshare = 2\nlatency = 1 ms, 50 ms\n[region b]\nlatency = 60 ms, 2 ms\n"
    );
    let (scenario, _) = Scenario::parse("x.ini", &text).unwrap();
    assert_eq!(scenario.network.latency, network::Latency::Regions(vec![vec![1_000, 50_000], vec![60_000, 2_000]]));
    assert_eq!(Scenario::parse("x.ini", &scenario.to_ini()).unwrap().0, scenario);
}

#[test]
fn a_small_file_is_enough_and_expectations_mean_what_they_say() {
    let text =
        format!("{SMALL}[expect]\ndelivery >= 99.9 %\np99 <= 500 ms\noverlay = connected\nneighbours >= min_peers\n");
    let (scenario, warnings) = Scenario::parse("dir/x.ini", &text).unwrap();
    assert_eq!(warnings, []);
    assert_eq!((scenario.name.as_str(), scenario.peers, scenario.joined), ("x", 20, 20));
    let all: Vec<_> = scenario.expectations.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["delivery >= 99.9 %", "p99 <= 500 ms", "overlay = connected", "neighbours >= 25"]);
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines() {
    let text = "[simulation]\npeers = none\ncolour = red\n[gossip]\ncache_size = 50\n[network]\nlatency = slow\n\
        [modules m]\nverdict = maybe\n[fault f]\nat = noon\nkind = kill\n[expect]\ndelivery >= 200 %\nluck = 5\n[nonsense]\n";
    let told = mistakes(text);
    for (line, words) in [
        (2, "1 to 1000000 would be right"),
        (3, "no such key"),
        (4, "degree"),
        (7, "uniform 5 ms to 80 ms"),
        (8, "types is missing"),
        (9, "maybe"),
        (10, "who is missing"),
        (11, "1.5 s"),
        (14, "100 %"),
        (15, "nothing here is called luck"),
        (16, "is not known here"),
    ] {
        let place = format!("x.ini:{line}");
        assert!(told.iter().any(|one| one.starts_with(&place) && one.contains(words)), "{line} {words}: {told:#?}");
    }
    assert_eq!(told.len(), 11, "{told:#?}");
}

#[test]
fn adversaries_read_back_from_their_file_and_their_mistakes_are_told() {
    let text = format!(
        "{SMALL}[adversary one]\nkind = eclipse\nhosts = 7\nnetworks = 3\nmany_faced = yes\ntargets = peers 1, 2\n\
         connections = 4\nevery = 20 ms\nstart = 5 s\nstop = 50 s\nsize = 99\ntype = 7\naddresses = victim\nhash_rate = 5\n\
         [adversary two]\nkind = flood\n"
    );
    let (scenario, warnings) = Scenario::parse("x.ini", &text).unwrap();
    assert_eq!((warnings, scenario.adversaries.len()), (Vec::new(), 2));
    assert_eq!((scenario.adversaries[0].kind, scenario.adversaries[0].addresses), (Attack::Eclipse, Lure::Victim));
    assert_eq!(Scenario::parse("x.ini", &scenario.to_ini()).unwrap().0, scenario);

    let told =
        mistakes(&format!("{SMALL}[adversary one]\nhosts = 0\n[adversary two]\nkind = tickle\naddresses = mine\n"));
    for (line, words) in [(6, "kind is missing"), (7, "1 to 10000"), (9, "hello-flood"), (10, "victim")] {
        let place = format!("x.ini:{line}");
        assert!(told.iter().any(|one| one.starts_with(&place) && one.contains(words)), "{line} {words}: {told:#?}");
    }
}

#[test]
fn a_file_without_what_it_needs_says_so() {
    assert!(mistakes("[gossip]\ncache_size = 5\ndegree = 3\n").iter().any(|one| one.contains("[simulation]")));
    assert!(mistakes("[simulation]\npeers = 3\n").iter().any(|one| one.contains("[gossip]")));
    assert!(
        mistakes(&format!("{SMALL}[network]\nlatency = regions\n")).iter().any(|one| one.contains("[region NAME]"))
    );
}

/// Each of these lines, at the end of a small file, is told of on its line with these words.
#[test]
fn what_would_run_otherwise_than_written_is_a_mistake() {
    for (more, words) in [
        ("[simulation x]\npeers = 5", "[simulation x] is not known here"),
        ("[network 2]\njitter = 1 ms", "[network 2] is not known here"),
        ("[gossip x]\ndegree = 5", "[gossip x] is not known here"),
        ("[fault f]\nkind = kill\nat = 1 s\nwho = 1\ngroups = 1, 1", "means nothing to kill; at, kind, lasts, who"),
        ("[fault f]\nkind = kill\nat = 1 s\nwho = 1\ncost = 1 s", "means nothing to kill"),
        ("[fault f]\nkind = reset\nat = 1 s\nlasts = 5 s", "means nothing to reset; at, kind, links would be right"),
        ("[fault f]\nkind = join\nat = 1 s\ncount = 5\nwho = 5", "means nothing to join"),
        ("[fault f]\nkind = partition\nat = 1 s\ngroups = 0, 7", "parts nobody"),
        ("[fault f]\nkind = partition\nat = 1 s\ngroups = 1", "parts nobody"),
        ("[fault f]\nkind = reset\nat = 61 s", "after the end"),
        ("[fault f]\nkind = kill\nat = 1 s\nwho = peers 3, 20", "no peer 20; 0 to 19"),
        ("[fault f]\nkind = churn\nat = 1 s\nevery = 0 s", "no time at all"),
        ("[adversary a]\nkind = flood\ntargets = peers 500", "no peer 500"),
        ("[modules m]\ntypes = 1\n[workload w]\ntypes = 1\nevery = 1 s\nfrom = 20", "no peer 20"),
        ("[workload w]\ntypes = 1\nevery = 0 s", "no time at all"),
        ("[workload w]\ntypes = 1\nevery = 1 s\nsize = 0 to 8", "9 to 65525"),
        ("[workload w]\ntypes = 1\nevery = 1 s\nsize = 65526", "9 to 65525"),
        ("[region r]\nlatency = 1 ms", "without latency = regions"),
        ("[network]\nlatency = fixed 5000000000 h", "fixed 20 ms"),
    ] {
        let text = format!("{SMALL}{more}\n");
        let line = if more.starts_with("[simulation x]")
            || more.starts_with("[network 2]")
            || more.starts_with("[gossip x]")
        {
            6
        } else {
            text.lines().count()
        };
        let told = mistakes(&text);
        assert_eq!(told.len(), 1, "{more}: {told:#?}");
        assert!(told[0].starts_with(&format!("x.ini:{line}:")) && told[0].contains(words), "{more}: {told:#?}");
    }
    for (changed, words) in [
        (SMALL.replace("degree", "degre"), "the nearest known one is degree"),
        (SMALL.replace("degree = 30", "degree = 30\nfan_out = 3"), "no such key"),
        (SMALL.replace("degree = 30", "degree = 30\npow_scheme = ascii-zeros"), "zero-bits only"),
        (SMALL.replace("peers = 20", "peers = 20\njoined = 21"), "only 20 peers"),
        (SMALL.replace("peers = 20", "peers = 20\nbootstrappers = 21"), "only 20 peers"),
        (SMALL.replace("peers = 20", "peers = 20\nduration = 0 s"), "no time at all"),
        (SMALL.replace("peers = 20", "peers = 20\nduration = 8761 h"), "a year (8760 h)"),
    ] {
        let told = mistakes(&changed);
        assert!(told.iter().any(|one| one.contains(words)), "{changed}: {told:#?}");
    }
}

#[test]
fn each_key_of_a_fault_means_something_to_some_kind_and_each_kind_reads_with_all_of_its_own() {
    for (_, key, ..) in KEYS.iter().filter(|(kind, key, ..)| *kind == "fault" && !["at", "kind"].contains(key)) {
        assert!(fault::FAULTS.iter().any(|(_, keys)| keys.contains(key)), "{key}");
    }
    for (kind, keys) in fault::FAULTS {
        let value = |key: &&str| match *key {
            "who" => "3",
            "groups" => "1, 2",
            "links" => "5 %",
            "ppm" | "count" => "7",
            _ => "4 s",
        };
        let lines: String = keys.iter().map(|key| format!("{key} = {}\n", value(key))).collect();
        let text = format!("{SMALL}[fault f]\nat = 1 s\nkind = {kind}\n{lines}");
        let (scenario, _) = Scenario::parse("x.ini", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.timeline[0].fault.may_last(), keys.contains(&"lasts"), "{kind}");
        assert_eq!(Scenario::parse("x.ini", &scenario.to_ini()).unwrap().0, scenario, "{kind}");
    }
}

#[test]
fn what_is_hardly_meant_is_odd() {
    let odd = |more: &str, peers: u32| {
        let mut scenario = Scenario::parse("x.ini", &format!("{SMALL}{more}")).unwrap().0;
        scenario.joined = 5;
        scenario.peers = peers;
        scenario.oddities().join("; ")
    };
    let crowd = "[fault f]\nat = 1 s\nkind = join\ncount = 15\n";
    assert_eq!(odd(crowd, 20), "");
    assert!(odd(crowd, 100).contains("80 of 100 peers never join"), "{}", odd(crowd, 100));
    assert!(odd(crowd, 10).contains("let 15 peers join, of which there are 5"), "{}", odd(crowd, 10));
    assert!(odd(&format!("{crowd}[workload w]\ntypes = 1\nevery = 1 s\nstart = 90 s\n"), 20).contains("starts after"));
    assert!(odd(&format!("{crowd}[workload w]\ntypes = 1\nevery = 1 s\nfrom = 19\n"), 15).contains("there is not"));
}

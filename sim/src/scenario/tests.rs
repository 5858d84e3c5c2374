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
    assert_eq!(all, ["delivery >= 99.9000 %", "p99 <= 500 ms", "overlay = connected", "neighbours >= 25"]);
    assert!(Relation::AtLeast.holds(5, 5) && !Relation::AtLeast.holds(4, 5));
    assert!(Relation::AtMost.holds(5, 5) && !Relation::AtMost.holds(6, 5));
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

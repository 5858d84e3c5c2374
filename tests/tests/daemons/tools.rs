//! The `gossip` tool against real daemons.

use gossip_tests::{Bed, Daemon, Ini, PATIENCE, Process, Signal};

const TYPE: &str = "1337";

fn pair(bed: &Bed) -> (Daemon, Daemon) {
    let first = bed.start("first", &Ini::new());
    let second = bed.start("second", &Ini::new().calling(&[first.peers()]));
    first.knows(&[second.peers()]);
    second.knows(&[first.peers()]);
    (first, second)
}

/// `gossip subscribe`, once the daemon has heard of it: what others announce there comes out.
fn subscribe(bed: &Bed, at: &Daemon, more: &[&str]) -> Process {
    let api = at.api().to_string();
    let tool = bed.gossip(&[&["subscribe", "-a", &api, "--type", TYPE], more].concat());
    tool.says("listening at");
    // It says so when it has sent its subscription; the daemon has it when a message of that type is printed.
    let ask =
        |n: usize| bed.gossip(&["announce", "-a", &api, "--type", TYPE, "--ttl", "1", &format!("ready {n}")]).end();
    let seen = (0..100).any(|n| {
        assert_eq!(ask(n).0, Some(0));
        tool.printed().iter().any(|line| line.contains("ready"))
    });
    assert!(seen, "the subscription does not arrive");
    tool
}

#[test]
fn what_announce_says_at_one_daemon_subscribe_prints_at_the_other_once() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let there = subscribe(&bed, &second, &[]);
    let api = first.api().to_string();
    let (status, _, said) = bed.gossip(&["announce", "-a", &api, "--type", TYPE, "--ttl", "4", "hello", "world"]).end();
    assert_eq!(status, Some(0), "{said}");
    there.prints("hello");
    there.prints("world");
    let (status, _, said) = bed.gossip(&["announce", "-a", &api, "--type", TYPE, "goodbye"]).end();
    assert_eq!(status, Some(0), "{said}");
    there.prints("goodbye");
    let hellos = there.printed().iter().filter(|line| line.contains("hello")).count();
    assert_eq!(hellos, 1);
}

#[test]
fn subscribe_with_a_count_ends_by_itself() {
    let bed = Bed::new();
    let (first, second) = pair(&bed);
    let mut announcer = first.subscriber(&[1_337]);
    let api = second.api().to_string();
    let tool = bed.gossip(&["subscribe", "-a", &api, "--type", TYPE, "--count", "2", "--json"]);
    tool.says("listening at");
    // Whatever it missed before the daemon had its subscription, two of these it will not miss.
    let mut tool = Some(tool);
    for n in 0.. {
        announcer.announce(0, 1_337, format!("message {n}"));
        announcer.expect(format!("message {n}"));
        if tool.as_mut().unwrap().wait(gossip_tests::QUIET).is_some() {
            break;
        }
        assert!(n < 20, "it does not end");
    }
    let (status, printed, said) = tool.take().unwrap().end();
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(printed.lines().all(|line| line.starts_with('{') && line.contains("message ")), "{printed}");
}

#[test]
fn ctrl_c_ends_subscribe_with_status_0() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let mut tool = subscribe(&bed, &node, &[]);
    tool.signal(Signal::INT);
    assert_eq!(tool.wait(PATIENCE).map(|status| status.code()), Some(Some(0)));
    node.subscriber(&[1_337]);
}

#[test]
fn a_daemon_that_dies_ends_subscribe_with_status_1_and_a_reason() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let tool = subscribe(&bed, &node, &[]);
    node.kill();
    let (status, _, said) = tool.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.lines().last().is_some_and(|line| line.starts_with("gossip: ")), "{said}");
}

#[test]
fn a_daemon_that_shuts_down_ends_subscribe_with_status_1() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let tool = subscribe(&bed, &node, &[]);
    node.signal(Signal::TERM);
    assert_eq!(tool.end().0, Some(1));
}

#[test]
fn announce_where_no_daemon_is_ends_with_status_1_and_names_the_address() {
    let bed = Bed::new();
    let node = bed.start("node", &Ini::new());
    let api = node.api().to_string();
    node.kill();
    let (status, _, said) = bed.gossip(&["announce", "-a", &api, "--type", TYPE, "anyone?"]).end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&api), "{said}");
}

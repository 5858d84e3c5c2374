//! The report as a whole: what it says, that it says it safely, and the same every time.

use super::sample::{hostile, sample};
use super::*;

#[test]
fn the_table_is_the_golden_one() {
    assert_eq!(sample(20, 40).table(), include_str!("golden.txt"), "if this is meant, change golden.txt");
}

#[test]
fn no_line_of_the_table_is_wider_than_80_columns_whatever_is_in_it() {
    let mut report = hostile();
    report.command = "sim run x".to_owned();
    report.verdicts[0].expectation = "word ".repeat(60);
    report.broken[0].detail = "x".repeat(300);
    report.broken.extend(vec![report.broken[0].clone(); 20]);
    let table = report.table();
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(table.contains("and 11 more"), "{table}");
}

#[test]
fn what_a_run_costs_the_machine_is_left_out_when_it_must_repeat() {
    let mut report = sample(20, 40);
    report.cost = None;
    assert!(!report.table().contains("wall time"));
    assert!(!report.html().contains("wall time"));
    assert!(report.json()["cost"].is_null());
}

#[test]
fn what_is_broken_outweighs_what_is_missed() {
    let mut report = sample(20, 40);
    assert_eq!(report.ending(), Ending::Missed);
    report.verdicts.iter_mut().for_each(|verdict| verdict.met = true);
    assert_eq!(report.ending(), Ending::Passed);
    report.broken = hostile().broken;
    assert_eq!(report.ending(), Ending::Broken);
    report.verdicts[0].met = false;
    assert_eq!(report.ending(), Ending::Broken);
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let (one, other) = (sample(60, 100), sample(60, 100));
    assert_eq!(one.html(), other.html());
    assert_eq!(one.json().to_string(), other.json().to_string());
}

#[test]
fn texts_are_never_taken_for_markup() {
    let page = hostile().html();
    assert!(!page.contains("<script"), "a text became an element");
    assert!(!page.contains("alert('&')"), "an ampersand was left as it is");
    // Title, heading, command, verdict twice, option twice, broken twice, fault and frame type in pictures and lists.
    assert!(page.matches("&lt;script&gt;").count() >= 11, "a text is missing");
    // An attribute's value ends at a quote: none of the texts' may be there.
    for label in page.split("aria-label=\"").skip(1) {
        let value = label.split('"').next().expect("a split has a first part");
        assert!(value.ends_with('.') || value.ends_with("properties"), "{value}");
    }
}

#[test]
fn the_page_fetches_nothing() {
    let page = sample(20, 40).html();
    let style = include_str!("style.css");
    for outside in ["src=", "@import", "url(", "<script", "<iframe"] {
        assert!(!page.contains(outside) && !style.contains(outside), "{outside}");
    }
    let links = page.matches("href=").count();
    assert_eq!((links, page.matches("href=\"data:,\"").count()), (1, 1));
    let addresses = page.matches("http").count();
    let names = page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count() + page.matches("http-equiv").count();
    assert_eq!(addresses, names);
}

#[test]
fn a_run_in_which_nothing_happened_can_be_told() {
    let report = Report::default();
    assert!(report.html().contains("No message was announced that counts."));
    assert!(report.table().contains("latency p50"));
    assert_eq!(report.json()["latency"]["p50_us"], serde_json::Value::Null);
    assert_eq!(report.ending(), Ending::Passed);
}

#[test]
fn a_network_too_large_to_draw_is_counted_instead() {
    let (drawn, counted) = (sample(500, 2).html(), sample(501, 2).html());
    assert!(drawn.contains("<circle class=\"stray\"") && !drawn.contains("Too many peers to draw"));
    assert!(!counted.contains("class=\"overlay\"") && counted.contains("Too many peers to draw"));
}

#[test]
fn json_says_what_the_rows_say() {
    let mut report = Report { seed: 7, ..Report::default() };
    report.latency = Values::new([(1_000, 98), (2_000, 1), (50_000, 1)]);
    report.messages = vec![Message::new(5, 4, vec![10, 30, 20])];
    report.judged = 3;
    report.summary = Summary { expected: 2_000, missed: 3, ..Summary::default() };
    report.overlay.views = vec![(0, 2), (1, 2), (2, 1)];
    let json = report.json();
    assert_eq!(json["latency"]["p50_us"], 1_000);
    assert_eq!(json["latency"]["p99_us"], 2_000);
    assert_eq!(json["latency"]["max_us"], 50_000);
    assert_eq!(json["messages"][0], serde_json::json!({ "at_us": 5, "expected": 4, "reached": 3, "last_us": 30 }));
    assert_eq!(json["messages_in_all"], 3);
    assert!(report.html().contains("1 of 3 messages are shown"));
    report.judged = 1;
    assert!(!report.html().contains("messages are shown"));
    assert_eq!(json["summary"]["delivered_ppm"], 998_500);
    assert_eq!(json["views"][1], serde_json::json!({ "neighbours": 2, "count": 2 }));
}

//! The report's page and a sweep's, in a real browser.

use gossip_sim::report::{Broken, Cost, Fault, Message, Overlay, Report, Summary, Traffic, Values, Verdict};
use gossip_sim::report::{Curve, Ending, Sweep, SweepRow, Unit};
use gossip_tests::browser::{self, Seen};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

#[path = "../examples/report/sample.rs"]
mod sample;

/// Opens a page; `None` where there is no browser to do it.
fn open(page: &str, switches: &[&str]) -> Option<Seen> {
    let folder = tempfile::tempdir().expect("a folder for the page and the browser's files");
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).expect("the page can be written");
    browser::open(folder.path(), &format!("file://{}", file.display()), switches, None)
}

/// A script of the test's own, in a page whose policy allows none, so that the policy is widened for the test.
fn measured(page: &str, script: &str) -> String {
    let policy = "default-src 'none'; ";
    assert!(page.contains(policy), "the page's policy has changed");
    page.replace(policy, "default-src 'none'; script-src 'unsafe-inline'; ")
        .replace("</body>", &format!("<script>{script}</script></body>"))
}

#[test]
fn the_page_opens_without_a_word_on_the_console_and_shows_every_plot() {
    let report = sample::sample(60, 100);
    let Some(seen) = open(&report.html(), &[]) else { return };
    assert_eq!(seen.console, [""; 0]);
    // Coverage twice (wide and narrow), spread, latency, hops, overlay, traffic, views.
    assert_eq!(seen.document.matches("<svg").count(), 8);
    for heading in ["Coverage over time", "Spread of a message", "Latency", "Hops", "Overlay", "Traffic", "View sizes"]
    {
        assert!(seen.document.contains(heading), "{heading} is missing");
    }
}

#[test]
fn a_text_that_looks_like_markup_stays_a_text_in_the_browser() {
    let Some(seen) = open(&sample::hostile().html(), &[]) else { return };
    assert_eq!(seen.console, [""; 0]);
    assert!(!seen.document.contains("<script"));
}

#[test]
fn what_the_browser_finds_wrong_is_noticed() {
    let page = measured(&sample::sample(4, 2).html(), "console.error('planted')");
    let Some(seen) = open(&page, &[]) else { return };
    assert!(seen.console.iter().any(|line| line.contains("planted")), "{:?}", seen.console);
}

/// A sweep of two settings, the second with as many values as there are colours, with names that look like markup.
fn sweep() -> Sweep {
    let line = |n: u64| (1..=8).map(|value| (value * n * 1_000, value * n * 1_500)).collect();
    let curve = |unit, tells_worst| Curve {
        name: "<i>what</i>".to_owned(),
        note: "What it is.".to_owned(),
        unit,
        tells_worst,
        lines: (1..=6).map(line).collect(),
    };
    let values = |count: u32| (1..=count).map(|n| format!("{} s", n * 1_000)).collect::<Vec<_>>();
    let row = |ending| SweepRow {
        values: vec!["1000 s".to_owned(), "2000 s".to_owned()],
        cells: vec!["1.234 ms (5.678 ms)".to_owned(); 12],
        ending,
        wrong: (ending != Ending::Passed).then(|| "seed 3: <b>delivery</b>".to_owned()),
    };
    let units = [Unit::Share, Unit::Thousandths, Unit::Micros, Unit::Count];
    Sweep {
        scenario: "<b>sample</b>".to_owned(),
        seeds: 5,
        command: "sim sweep sample.ini".to_owned(),
        settings: vec![("gossip.suppression_time".to_owned(), values(8)), ("workload a.every".to_owned(), values(6))],
        curves: units.iter().map(|unit| curve(*unit, true)).chain([curve(Unit::Count, false)]).collect(),
        columns: vec!["latency p99".to_owned(); 12],
        rows: [Ending::Passed, Ending::Missed, Ending::Broken].into_iter().map(row).collect(),
        remark: Some("In brackets: the worst seed.".to_owned()),
        options: vec![("gossip: degree".to_owned(), "4".to_owned())],
    }
}

#[test]
fn the_page_of_a_sweep_opens_without_a_word_on_the_console_and_shows_every_plot() {
    let sweep = sweep();
    let Some(seen) = open(&sweep.html(), &[]) else { return };
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.document.matches("<svg").count(), sweep.curves.len());
    assert!(!seen.document.contains("<b>") && !seen.document.contains("<i>"), "a text became markup");
}

/// Nothing sticks out sideways, every plot has a size and its text is large enough to read; at both widths, in light and
/// in dark, where ink and paper are far apart.
fn fits(page: &str, plots: usize) {
    let script = "
        const shown = [...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
        const heights = shown.flatMap(svg => [...svg.querySelectorAll('text')].map(
            text => parseFloat(text.getAttribute('font-size')) * svg.getScreenCTM().a));
        const light = colour => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
        const card = light(getComputedStyle(document.querySelector('section')).backgroundColor);
        const inks = [document.body, ...document.querySelectorAll('svg text')].map(element => {
            const style = getComputedStyle(element);
            return Math.abs(light(element instanceof SVGElement ? style.fill : style.color) - card);
        });
        document.body.dataset.seen = JSON.stringify({
            window: innerWidth,
            over: document.documentElement.scrollWidth - innerWidth,
            plots: shown.length,
            least: Math.min(...shown.map(svg => svg.getBoundingClientRect().height)),
            text: Math.min(...heights),
            dark: card < 0.5,
            contrast: Math.min(...inks),
        });";
    let page = measured(page, script);
    // Chromium's own window is never narrower than 500 pixels: a frame is.
    for width in [400, 1280] {
        for (scheme, dark) in [("1", false), ("0", true)] {
            let framed = framed(&page, width);
            let blink = format!("--blink-settings=preferredColorScheme={scheme}");
            let Some(seen) = open(&framed, &["--window-size=1400,1000", "--allow-file-access-from-files", &blink])
            else {
                return;
            };
            assert_eq!(seen.console, [""; 0]);
            let found: Value = serde_json::from_str(&seen.found()).expect("the script writes JSON");
            assert_eq!(found["window"], width, "{found}");
            assert!(found["over"].as_i64() <= Some(0), "the page is wider than its window: {found}");
            assert_eq!(found["plots"], plots, "{found}");
            assert!(found["least"].as_f64() > Some(100.0), "a plot is too low to be seen: {found}");
            assert!(found["text"].as_f64() > Some(10.0), "a plot's text is too small: {found}");
            assert_eq!(found["dark"], dark, "{found}");
            assert!(found["contrast"].as_f64() > Some(0.35), "a text is too faint: {found}");
        }
    }
}

/// A number with its unit, in the unit's smallest part: `1.02 s` and `1,020 ms` are 1,020,000 us.
fn micros(text: &str) -> f64 {
    let (number, unit) = text.split_once(' ').unwrap_or_else(|| panic!("{text} has no unit"));
    let unit = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => panic!("{text}: what unit is that?"),
    };
    number.replace(',', "").parse::<f64>().unwrap_or_else(|error| panic!("{text}: {error}")) * unit
}

/// A page of a real run, some of whose expectations are missed, against the JSON of the same run.
#[test]
fn the_page_in_the_browser_says_what_the_json_says() {
    let folder = tempfile::tempdir().expect("a folder for the run's files");
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let churn = std::fs::read_to_string(scenarios.join("churn.ini")).expect("a ready-made scenario");
    let (file, page) = (folder.path().join("churn.ini"), folder.path().join("page.html"));
    let wanted = churn.replace("[expect]\n", "[expect]\np99 <= 100 ms\n") + "handshakes_per_join <= 5.5\np50 <= 2 s\n";
    std::fs::write(&file, wanted).expect("a scenario with more expectations");
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "--seed", "1", "--json", "--report"])
        .args([&page, &file])
        .output()
        .expect("the program can be started");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).expect("one object");

    let script = "
        const text = element => element.innerText.trim();
        const names = list => Object.fromEntries(
            [...list.querySelectorAll('div')].map(one => [...one.children].map(text)));
        const card = title => [...document.querySelectorAll('section')].find(
            section => text(section.querySelector('h2')) === title);
        document.body.dataset.seen = JSON.stringify({
            verdicts: [...card('Expectations').querySelectorAll('tbody tr')].map(row => [...row.children].map(text)),
            totals: names(card('Totals').querySelector('dl')),
            latency: names(card('Latency').querySelector('dl')),
        });";
    let shown = measured(&std::fs::read_to_string(&page).expect("a page was written"), script);
    let Some(seen) = open(&shown, &[]) else { return };
    assert_eq!(seen.console, [""; 0]);
    let seen: Value = serde_json::from_str(&seen.found()).expect("the script writes JSON");

    let verdicts = json["verdicts"].as_array().expect("a list");
    let said: Vec<Value> = verdicts
        .iter()
        .map(|verdict| {
            let word = if verdict["met"] == true { "met" } else { "missed" };
            json!([word, verdict["expectation"], verdict["measured"]])
        })
        .collect();
    assert_eq!(seen["verdicts"], Value::Array(said));
    let order: Vec<_> = verdicts.iter().filter_map(|one| one["expectation"].as_str()?.split(' ').next()).collect();
    let of_file =
        ["p99", "overlay", "neighbours", "delivery", "counted", "announcements", "handshakes_per_join", "p50"];
    assert_eq!(order, of_file, "the file's order");
    // The bounds are those of the file, and both sides of each have their units.
    let row = |name: &str| {
        let rows = seen["verdicts"].as_array().into_iter().flatten();
        let row =
            rows.map(|row| [0, 1, 2].map(|at| row[at].as_str().expect("text"))).find(|row| row[1].starts_with(name));
        row.unwrap_or_else(|| panic!("no verdict on {name}: {seen:#}"))
    };
    let p99 = row("p99");
    assert_eq!(p99[..2], ["missed", "p99 <= 100 ms"]);
    assert_eq!(json["latency"]["p99_us"].as_f64(), Some(micros(p99[2]).round()));
    assert_eq!(row("p50")[..2], ["met", "p50 <= 2 s"]);
    assert_eq!(row("delivery"), ["met", "delivery >= 99 %", "100 %"]);
    assert_eq!(row("overlay"), ["met", "overlay = connected", "1 piece"]);
    assert!(row("neighbours")[1].ends_with("(min_peers)"), "{seen:#}");
    let joins = row("handshakes_per_join");
    assert_eq!(joins[..2], ["missed", "handshakes_per_join <= 5.5"]);
    assert!(joins[2].ends_with(" handshakes"), "{joins:?}");

    for key in ["announcements", "deliveries", "expected", "missed", "peers"] {
        let shown = seen["totals"][key].as_str().map(|text| text.replace(',', ""));
        assert_eq!(shown, Some(json["summary"][key].to_string()), "{key}");
    }
    for (name, key) in
        [("p50", "p50_us"), ("p90", "p90_us"), ("p99", "p99_us"), ("p99.9", "p999_us"), ("max", "max_us")]
    {
        let shown = micros(seen["latency"][name].as_str().expect("text"));
        let said = json["latency"][key].as_f64().expect("a number");
        // Three figures of it.
        assert!((shown - said).abs() <= said / 199.0, "{name}: {shown} us, and {said} us");
    }
}

/// One of the two coverage plots shows.
#[test]
fn the_page_fits_wide_and_narrow_windows_in_light_and_dark() {
    fits(&sample::sample(60, 100).html(), 7);
}

#[test]
fn the_page_of_a_sweep_fits_wide_and_narrow_windows_in_light_and_dark() {
    fits(&sweep().html(), 5);
}

/// A page that shows another in a frame so wide, and says what the other's script found.
fn framed(page: &str, width: u32) -> String {
    let inside = page.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><meta name=color-scheme content='light dark'><title>frame</title><body>
        <iframe width={width} height=900 style='border:0' srcdoc=\"{inside}\"
            onload=\"document.body.dataset.seen = this.contentDocument.body.dataset.seen; this.remove()\"></iframe>"
    )
}

//! The live page of a real daemon, in a real browser. With `PAGE_PICTURES=folder` screenshots are left there, to be
//! looked at.

mod proxy;

use gossip_tests::browser::open;
use gossip_tests::{Bed, Daemon, Ini};
use proxy::{Change, Proxy};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const TYPE: u16 = 1_337;

/// Waits until the page is live and has plotted something, then says what it looks like.
const SCRIPT: &str = "
    const frame = document.querySelector('iframe');
    const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
    const watch = setInterval(() => {
        const page = frame.contentDocument, view = frame.contentWindow;
        const curve = page?.querySelector('#plot-messages .curve.second');
        if (page?.querySelector('#state')?.textContent !== 'live' || curve.points.length < 4) return;
        clearInterval(watch);
        const drawings = [...page.querySelectorAll('svg')];
        const card = light(view.getComputedStyle(page.querySelector('section')).backgroundColor);
        const inks = [page.body, ...page.querySelectorAll('svg text:not(.self-name), td, dt, a')].map(element => {
            const style = view.getComputedStyle(element);
            return Math.abs(light(element instanceof view.SVGElement ? style.fill : style.color) - card);
        });
        const heights = [...page.querySelectorAll('svg text')].map(
            text => parseFloat(view.getComputedStyle(text).fontSize) * text.getScreenCTM().a);
        document.body.dataset.seen = JSON.stringify({
            window: view.innerWidth,
            over: page.documentElement.scrollWidth - view.innerWidth,
            drawings: drawings.length,
            least: Math.min(...drawings.map(svg => svg.getBoundingClientRect().height)),
            text: Math.min(...heights),
            dark: card < 0.5,
            contrast: Math.min(...inks),
            nodes: page.querySelectorAll('#picture .node').length,
            named: page.querySelector('#picture').textContent,
            rows: page.querySelectorAll('#neighbours tr').length,
            limits: page.querySelectorAll('#limits tr').length,
            figures: page.querySelector('#figures').textContent,
            events: page.querySelector('#events').textContent,
            rises: new Set([...curve.points].map(point => point.y)).size,
            foreign: page.querySelectorAll('img, iframe, b b').length,
        });
        fetch('/done');
    }, 100);";

/// A daemon, its two neighbours, and messages that pass.
struct Scene {
    here: Daemon,
    others: Vec<Daemon>,
    is_over: Arc<AtomicBool>,
    talker: Option<JoinHandle<()>>,
}

impl Scene {
    fn new(bed: &Bed) -> Self {
        let here = bed.start("here", &Ini::new().with("status_address", "127.0.0.1:0"));
        let others: Vec<Daemon> =
            (0..2).map(|n| bed.start(&format!("other{n}"), &Ini::new().calling(&[here.peers()]))).collect();
        here.has_neighbours(2);
        let mut module = here.subscriber(&[TYPE]);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let talker = std::thread::spawn(move || {
            for n in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                // Now more, now less, so that the plots have a shape.
                (0..n % 40).for_each(|m| module.announce(0, TYPE, format!("{n} {m}")));
                module.collect(usize::try_from(n % 40).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { here, others, is_over, talker: Some(talker) }
    }

    fn open(&self, bed: &Bed, width: u32, is_dark: bool, change: Change, more: &str) -> Option<Shown> {
        let frame = format!(
            "<!DOCTYPE html><meta name=color-scheme content='light dark'><link rel=icon href='data:,'>
            <title>frame</title><style>body {{ margin: 0 }} iframe {{ display: block; border: 0 }}</style>
            <body><iframe width={width} height=2400 src='/'></iframe><img src='/hold.svg' alt=''>
            <script>{more}
{SCRIPT}</script>"
        );
        // What was held once is held no more: each opening has its own.
        let url = || format!("http://{}/frame", Proxy::start(self.here.status(), frame.clone(), change).address);
        let scheme = if is_dark { "0" } else { "1" };
        let blink = format!("--blink-settings=preferredColorScheme={scheme}");
        // Chromium's own window is never narrower than 500 pixels: a frame is.
        let size = format!("--window-size={},2400", width.max(500));
        let switches = [size.as_str(), &blink];
        if let Some(folder) = std::env::var_os("PAGE_PICTURES").filter(|_| more.is_empty()) {
            let name = format!("page-{width}-{}.png", if is_dark { "dark" } else { "light" });
            open(bed.folder(), &url(), &switches, Some(&PathBuf::from(folder).join(name)))?;
        }
        let seen = open(bed.folder(), &url(), &switches, None)?;
        let found = serde_json::from_str(&seen.found()).expect("the script writes JSON");
        Some(Shown { found, console: seen.console })
    }
}

/// What the browser showed.
struct Shown {
    /// What the frame's script found.
    found: serde_json::Value,
    console: Vec<String>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(talker) = self.talker.take() {
            // A talker that failed has printed why; the page is what is tested.
            let _ = talker.join();
        }
    }
}

fn unchanged(answer: String) -> String {
    answer
}

/// Nothing sticks out sideways, everything has its size, text is large and dark enough to read, and what is shown is
/// what happens; at both widths, in light and in dark.
#[test]
fn the_page_shows_the_node_in_wide_and_narrow_windows_in_light_and_dark_without_a_word_on_the_console() {
    let bed = Bed::alone();
    let scene = Scene::new(&bed);
    for width in [400, 1280] {
        for is_dark in [false, true] {
            let Some(Shown { found, console }) = scene.open(&bed, width, is_dark, unchanged, "") else { return };
            assert_eq!(console, [""; 0]);
            assert_eq!((&found["window"], &found["dark"]), (&width.into(), &is_dark.into()), "{found}");
            assert!(found["over"].as_i64() <= Some(0), "the page is wider than its window: {found}");
            assert_eq!(found["drawings"], 5, "a picture and four plots: {found}");
            assert!(found["least"].as_f64() > Some(100.0), "a drawing is too low to be seen: {found}");
            assert!(found["text"].as_f64() > Some(10.0), "a drawing's text is too small: {found}");
            assert!(found["contrast"].as_f64() > Some(0.3), "a text is too faint: {found}");
            assert_eq!((&found["nodes"], &found["rows"]), (&3.into(), &2.into()), "{found}");
            assert!(found["limits"].as_u64() >= Some(8), "{found}");
            assert!(found["rises"].as_u64() >= Some(2), "the plot of messages is flat: {found}");
            assert!(found["figures"].as_str().unwrap().contains("Neighbours2 (0 dialed)"), "{found}");
            for other in &scene.others {
                let address = other.peers().to_string();
                for place in ["named", "events"] {
                    assert!(found[place].as_str().unwrap().contains(&address), "{address} is not in {place}: {found}");
                }
            }
        }
    }
}

#[test]
fn what_looks_like_markup_stays_a_text() {
    fn hostile(answer: String) -> String {
        answer
            .replace("\"text\":\"neighbour", "\"text\":\"<img src=/x onerror=console.error(1)><b><b>neighbour")
            .replace("\"address\":\"127.", "\"address\":\"<img src=/x onerror=console.error(2)>127.")
            .replace("\"of\":\"", "\"of\":\"<img src=/x>")
            .replace("\"version\":\"", "\"version\":\"</p><img src=/x>")
    }
    let bed = Bed::alone();
    let scene = Scene::new(&bed);
    let Some(Shown { found, console }) = scene.open(&bed, 1280, false, hostile, "// no picture") else { return };
    assert_eq!(console, [""; 0]);
    assert_eq!(found["foreign"], 0, "{found}");
    assert!(found["events"].as_str().unwrap().contains("<img src=/x onerror=console.error(1)>"), "{found}");
}

#[test]
fn what_the_browser_finds_wrong_is_noticed() {
    fn unhashed(answer: String) -> String {
        answer.replace("</header>", "</header><script>1</script>")
    }
    let bed = Bed::alone();
    let scene = Scene::new(&bed);
    let Some(Shown { console, .. }) = scene.open(&bed, 1280, false, unhashed, "console.error('planted')") else {
        return;
    };
    assert!(console.iter().any(|line| line.contains("planted")), "{console:?}");
    assert!(console.iter().any(|line| line.contains("Content Security Policy")), "a foreign script runs: {console:?}");
}

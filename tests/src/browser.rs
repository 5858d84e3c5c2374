//! A real browser without a window. Where there is none, tests say so and do nothing, unless `CI=true`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the browser made of a page.
pub struct Seen {
    /// The document after it was loaded.
    pub document: String,
    /// What the browser said on its console.
    pub console: Vec<String>,
}

impl Seen {
    /// What a script of the page put into `document.body.dataset.seen`.
    pub fn found(&self) -> String {
        let value = self.document.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
        let text = value.unwrap_or_else(|| panic!("the script put nothing there: {}", self.document));
        text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }
}

/// Opens a page, with `folder` for the browser's own files; `None` where there is no browser to do it. With `picture` a
/// screenshot is kept, and no document.
pub fn open(folder: &Path, url: &str, switches: &[&str], picture: Option<&Path>) -> Option<Seen> {
    let Some(browser) = browser() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs one of {NAMES:?} on the path");
        println!("SKIPPED: none of {NAMES:?} is on the path (Debian: apt-get install chromium)");
        return None;
    };
    let (document, said) = (folder.join("document"), folder.join("said"));
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr", "--hide-scrollbars"])
        .args(switches)
        .arg(format!("--user-data-dir={}", folder.join("profile").display()));
    match picture {
        Some(picture) => command.arg(format!("--screenshot={}", picture.display())),
        None => command.arg("--dump-dom"),
    };
    let mut child = command
        .arg(url)
        .stdout(File::create(&document).expect("a file for the document"))
        .stderr(File::create(&said).expect("a file for the console"))
        .spawn()
        .expect("the browser can be started");
    let status = ended(&mut child);
    let text = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).expect("it was written")).into_owned();
    let (document, said) = (text(&document), text(&said));
    assert!(status.is_some_and(|status| status.success()), "the browser ended with {status:?}: {said}");
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Some(Seen { document, console })
}

/// How the browser ended; `None` if it did not by itself.
fn ended(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("the browser can be asked") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("the browser can be ended");
    child.wait().expect("the browser ends");
    None
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let is_file = |path: &Path| path.metadata().is_ok_and(|data| data.is_file());
    let found = |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_file(file));
    NAMES.iter().find_map(|name| found(name))
}

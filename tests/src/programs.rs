//! Where the programs under test are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// A program of the driver, built with the profile of the tests.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// The root of the repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace's folder")
}

/// Cargo names programs to tests of their own package only. `cargo test` of the whole workspace has built them before
/// these tests run; otherwise they may be missing or old, and are built now.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps");
    if !are_up_to_date(folder) {
        run_cargo(folder);
    }
    folder.to_owned()
}

fn run_cargo(folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()).expect("a profile's name is text") {
        "debug" => "dev",
        name => name,
    };
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "gossip-driver-mio", "--bins", "--profile", profile])
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.parent().expect("a profile's folder lies in the target folder"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the programs under test cannot be built");
}

/// Are the programs newer than all that they are made of? Asking cargo instead would cost a build more: for one package
/// alone it chooses other features of the libraries than for the workspace.
fn are_up_to_date(folder: &Path) -> bool {
    let sources = ["core", "config", "driver-mio", "Cargo.toml", "Cargo.lock"].map(|name| workspace().join(name));
    let Some(newest) = sources.iter().filter_map(|path| newest_in(path)).max() else { return false };
    let built =
        ["gossipd", "gossip"].map(|name| changed(&folder.join(name).with_extension(std::env::consts::EXE_EXTENSION)));
    built.into_iter().all(|built| built.is_some_and(|built| built >= newest))
}

fn newest_in(path: &Path) -> Option<SystemTime> {
    let inside = std::fs::read_dir(path).into_iter().flatten().filter_map(|entry| newest_in(&entry.ok()?.path()));
    inside.chain(changed(path)).max()
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

//! Where the programs under test are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A program of the driver, built with the profile of the tests.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// The root of the repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace's folder")
}

/// Cargo names programs to tests of their own package only. Building them once more costs nothing when they are up to
/// date, and otherwise old programs would be tested.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps");
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
    folder.to_owned()
}

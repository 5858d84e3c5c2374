//! The header is the one of today's sources, and a C program that uses it works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_header_is_that_of_the_sources() {
    let config = cbindgen::Config::from_file(here().join("cbindgen.toml")).unwrap();
    let sources = ["lib.rs", "node.rs", "codec.rs"].map(|name| here().join("src").join(name));
    let builder = sources.iter().fold(cbindgen::Builder::new().with_config(config), cbindgen::Builder::with_src);
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let (made, path) = (String::from_utf8(made).unwrap(), here().join("include/gossip.h"));
    if std::env::var_os("GOSSIP_RENEW").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(made.contains("gossip_node_received("), "{made}");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "include/gossip.h is old: `GOSSIP_RENEW=1 cargo test -p gossip-capi` renews it");
}

/// Cargo has built the library for this test, into the folder that the test lies in, with or without a hash in its name.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    let folders = [deps.to_owned(), deps.parent().unwrap().to_owned()];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let libraries = files.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == "libgossip.a" || (name.starts_with("libgossip-") && name.ends_with(".a"))
    });
    let changed = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    libraries.max_by_key(changed).expect("cargo builds the static library before its tests")
}

#[cfg(unix)]
#[test]
fn a_c_program_runs_two_nodes_that_tell_each_others_modules() {
    let program = std::env::temp_dir().join(format!("gossip-capi-two-nodes-{}", std::process::id()));
    let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-I"])
        .arg(here().join("include"))
        .arg(here().join("examples/two_nodes.c"))
        .arg(library())
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program)
        .output()
        .expect("a C compiler: Rust links with one");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(&program).output();
    if std::env::var_os("GOSSIP_KEEP").is_none() {
        fs::remove_file(&program).unwrap();
    }
    let ran = ran.unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("told: 1 and 1 times"), "{said}{complained}");
}

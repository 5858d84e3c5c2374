//! Rules of this folder.

use std::fs;
use std::path::Path;

/// Every folder here is a program of its own with a main.rs, every other file a module of one.
#[test]
fn no_test_file_is_an_orphan() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let manifest = fs::read_to_string(tests.with_file_name("Cargo.toml")).unwrap();
    // Benches have no harness, on purpose.
    let manifest: String = manifest.split("\n[").filter(|section| !section.starts_with("[bench]]")).collect();
    for switch in ["autotests", "[[test]]", "harness"] {
        assert!(!manifest.contains(switch), "with {switch} a file could be skipped silently");
    }
    let mut programs = 0;
    for entry in fs::read_dir(&tests).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.is_dir(), "{}: a program of its own is linked for it; make it a module", path.display());
        assert_eq!(orphans(&path), Vec::<String>::new(), "not named in {}/main.rs", path.display());
        programs += 1;
    }
    assert!(programs > 0);
}

fn orphans(program: &Path) -> Vec<String> {
    let main =
        fs::read_to_string(program.join("main.rs")).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let stems = fs::read_dir(program).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    });
    stems.filter(|stem| stem != "main" && !main.lines().any(|line| line == format!("mod {stem};"))).collect()
}

#[test]
fn an_orphan_would_be_found() {
    let bed = gossip_tests::Bed::new();
    bed.file("main.rs", "mod one;\n");
    bed.file("one.rs", "");
    bed.file("two.rs", "");
    assert_eq!(orphans(bed.folder()), ["two"]);
}

//! What lies in `packaging/` is what the programs make of their own command lines today.

mod tool_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tool_support::run;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).map(read).collect()
}

#[test]
fn manuals_and_completions_are_those_of_the_command_lines() {
    let made = tempfile::tempdir().unwrap();
    run(&["generate", made.path().to_str().unwrap()]).expect_status(0);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging");
    for folder in ["man", "completions"] {
        let (made, kept) = (files(&made.path().join(folder)), files(&kept.join(folder)));
        assert_eq!(made.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>(), "{folder}");
        for (name, text) in &made {
            let renew = "`cargo run --bin gossip -- generate packaging` renews it";
            assert!(kept[name] == *text, "packaging/{folder}/{name} is not what the command line says now; {renew}");
        }
    }
    assert!(files(&kept.join("man"))["gossipd.1"].contains("validation"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    run(&["generate", path]).expect_status(1).expect_error(path);
}

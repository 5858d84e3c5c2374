//! The floods of issue 4 in full size, each against a fresh daemon: prints what they cost, and fails if a promise is not
//! kept.
//!
//! Needs a limit of open files (`ulimit -n`) of at least 11,000, and about ten minutes.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use gossip_tests::Bed;
    use gossip_tests::flood::{FLOODS, Sizes, daemon, raise_descriptor_limit};

    raise_descriptor_limit();
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut complaints = Vec::new();
    for flood in FLOODS.iter().filter(|flood| flood.name.contains(&wanted)) {
        let bed = Bed::alone();
        let node = daemon(&bed, &Sizes::FULL);
        let figures = flood.run(&node, &Sizes::FULL);
        println!("{figures}");
        complaints.extend(figures.complaints());
        if figures.memory_back.is_none() {
            complaints.push(format!("{}: memory is not back", flood.name));
        }
    }
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    if complaints.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("memory and descriptors of another process are looked up in Linux's /proc");
}

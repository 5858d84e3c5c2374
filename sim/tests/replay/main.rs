//! `sim replay`, through its library: recordings of real nodes, and one made by hand whose story is known.

mod daemons;
mod statuses;
mod story;
mod tape;

use gossip_sim::replay::{Arguments, Complaint, tell};
use std::path::Path;

/// What is told about a recording, and the exit status.
fn told(path: &Path, wish: impl FnOnce(&mut Arguments)) -> Result<(String, u8), Complaint> {
    let mut arguments = Arguments { file: path.to_owned(), ..Arguments::default() };
    wish(&mut arguments);
    let mut out = Vec::new();
    let status = tell(&arguments, &mut out)?;
    Ok((String::from_utf8(out).expect("a story is text"), status))
}

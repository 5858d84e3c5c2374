//! SIGINT and SIGTERM: the first one shuts down in good order, a second one ends the process at once.

use crate::inbox::Handle;
use std::io;

/// From now on SIGINT and SIGTERM shut this loop down; the second of them exits with 128 and the signal's number, as a
/// shell reports a process that a signal ended.
///
/// They are waited for on a thread, so that the second one counts even when the loop is stuck.
#[cfg(unix)]
pub fn shut_down_on_signals(handle: Handle) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(move || {
        let mut pending = signals.forever();
        if let Some(first) = pending.next() {
            log::info!("{}: shutting down; once more ends this at once", name(first));
            handle.shut_down();
        }
        if let Some(second) = pending.next() {
            log::warn!("{} again: ending at once", name(second));
            std::process::exit(128 + second);
        }
    })?;
    Ok(())
}

/// Without Unix signals, the system's own way to end a process is all there is.
#[cfg(not(unix))]
pub fn shut_down_on_signals(_handle: Handle) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}

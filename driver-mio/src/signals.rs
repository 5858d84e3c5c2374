//! SIGINT and SIGTERM: the first one shuts down in good order, a second one ends the process at once.

use crate::inbox::Handle;
use std::io;

/// From now on SIGINT and SIGTERM shut this loop down; the second of them exits with 128 and the signal's number, as a
/// shell reports a process that a signal ended.
///
/// The second one exits within its handler, so that it counts even when every thread is stuck: in a log that goes to a
/// terminal held with Ctrl-S, for example.
#[cfg(unix)]
pub fn shut_down_on_signals(handle: Handle) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: a first signal finds the flag down, and then raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signalled))?;
        flag::register(signal, Arc::clone(&signalled))?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(move || {
        if let Some(first) = signals.forever().next() {
            log::info!("{}: shutting down; once more ends this at once", name(first));
            handle.shut_down();
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

/// From now on a write past the limit of file sizes (`ulimit -f`) fails like one to a full disk, instead of ending the
/// process.
#[cfg(unix)]
pub fn survive_the_file_size_limit() -> io::Result<()> {
    // A handler that does nothing of use is what makes the write return with an error.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default()).map(drop)
}

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub fn survive_the_file_size_limit() -> io::Result<()> {
    Ok(())
}

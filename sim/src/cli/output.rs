//! What the program says. Whoever closes the pipe has read enough: it ends quietly then.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// `print!`, but for closed pipes.
macro_rules! out {
    ($($what:tt)*) => { $crate::cli::output::to_stdout(format_args!($($what)*)) };
}

/// `println!`, but for closed pipes.
macro_rules! outln {
    ($($what:tt)*) => { $crate::cli::output::to_stdout(format_args!("{}\n", format_args!($($what)*))) };
}

/// `eprintln!`, but for closed pipes.
macro_rules! errln {
    ($($what:tt)*) => { $crate::cli::output::to_stderr(format_args!("{}\n", format_args!($($what)*))) };
}

/// Writes at once. If nobody reads any more, the program ends; what cannot be written otherwise is a wrong command line.
pub(super) fn to_stdout(what: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    match out.write_fmt(what).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(super::GOOD.into()),
        Err(error) => {
            to_stderr(format_args!("the output cannot be written: {error}\n"));
            std::process::exit(super::WRONG.into());
        }
    }
}

/// Writes what nobody may read: there is no other place to say so.
pub(super) fn to_stderr(what: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(what);
}

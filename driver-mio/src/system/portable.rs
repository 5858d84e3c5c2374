//! Where there is no Unix: nothing of this, or what the standard library has of it. Compiled for Windows, and not
//! tested there (docs/NON-GOALS.md).

use super::Moment;
use socket2::Socket;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};

/// Without Unix signals, the system's own way to end a process is all there is.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn on_signals(
    _end: impl FnOnce() + Send + 'static,
    _reload: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    Ok(())
}

/// There is no such signal.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn survive_the_file_size_limit() -> io::Result<()> {
    Ok(())
}

/// Nobody counts.
pub(crate) fn descriptor_limit() -> usize {
    usize::MAX
}

/// Nobody counts.
pub(crate) fn raise_descriptor_limit() {}

/// The scheduler does as it likes.
pub(crate) fn give_way(_wholly: bool) {}

/// Its allocator sees to it by itself.
pub(crate) fn give_back_memory() {}

/// Does this error of a connect only say that it is under way?
pub(crate) fn is_connect_under_way(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// On Windows the option of that name would mean something else: two listeners on one port.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn allow_quick_restart(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// A new file is whoever's the folder says.
pub(crate) fn for_the_owner_only(_options: &mut OpenOptions) {}

/// There is none.
pub(crate) fn tell_service_manager(_moment: Moment) {}

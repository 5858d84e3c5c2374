//! What systems do differently: signals, limits of open files, priorities, word to the service manager.
//!
//! `unix.rs` and `portable.rs` offer the same functions; nothing else of the library asks which system it is on.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use portable::*;
#[cfg(unix)]
pub(crate) use unix::*;

/// What the service manager is told, where there is one that wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It listens.
    Ready,
    /// It reads its file again; [`Ready`](Self::Ready) follows.
    Reloading,
    /// It has begun to end.
    Stopping,
}

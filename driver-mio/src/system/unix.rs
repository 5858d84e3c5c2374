//! Unix. What only Linux has is done there alone.

use super::Moment;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use socket2::Socket;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

/// From now on the first SIGINT or SIGTERM calls `end`, and a second one exits with 128 and the signal's number, as a
/// shell reports a process that a signal ended. Every SIGHUP until then calls `reload`. Both are called on a thread of
/// their own.
///
/// The second one exits within its handler, so that it counts even when every thread is stuck: in a log that goes to a
/// terminal held with Ctrl-S, for example.
pub(crate) fn on_signals(
    end: impl FnOnce() + Send + 'static,
    mut reload: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: a first signal finds the flag down, and then raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signalled))?;
        flag::register(signal, Arc::clone(&signalled))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(move || {
        for signal in signals.forever() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            if signal == SIGHUP {
                reload();
            } else {
                log::info!("{name}: shutting down; once more ends this at once");
                return end();
            }
        }
    })?;
    Ok(())
}

/// From now on a write past the limit of file sizes (`ulimit -f`) fails like one to a full disk, instead of ending the
/// process.
pub(crate) fn survive_the_file_size_limit() -> io::Result<()> {
    // A handler that does nothing of use is what makes the write return with an error.
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// How many files and sockets this process may have open.
pub(crate) fn descriptor_limit() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Takes as many as the system lets this process have, and logs that.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let count = |limit: Option<u64>| limit.map_or("any number".to_owned(), |limit| limit.to_string());
    if limit.current != limit.maximum {
        match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
            Ok(()) => {
                let (from, to) = (count(limit.current), count(limit.maximum));
                log::info!("limit of open files (ulimit -n) raised from {from} to {to}");
            }
            Err(error) => log::warn!("cannot raise the limit of open files (ulimit -n): {error}"),
        }
    }
}

/// Has the calling thread let all others go first: wholly if `wholly`, so that it may get nothing on a busy host.
///
/// On Linux, scheduling is a thread's own; elsewhere this would slow the whole process.
pub(crate) fn give_way(wholly: bool) {
    #[cfg(target_os = "linux")]
    {
        let is_idle = wholly && schedule_when_idle();
        if !is_idle && let Err(error) = rustix::process::setpriority_process(None, 10) {
            log::debug!("proofs of work run at the loop's own priority: {error}");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = wholly;
}

/// Has the calling thread run only while nothing else on the host wants its core. False where the system refuses.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "one call of the C library, with nothing that it keeps; no library offers it safely")]
fn schedule_when_idle() -> bool {
    // SAFETY: the structure is integers only (how many depends on the C library), all of them 0 for this class; 0 is the
    // calling thread, and `parameters` outlives the call, which only reads it.
    unsafe {
        let parameters: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) == 0
    }
}

/// Gives free memory back to the system that glibc's allocator would keep; others see to it by themselves.
pub(crate) fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        trim_heap();
        empty_cache();
        trim_heap();
    }
}

/// Has the blocks freed that glibc keeps at hand for the calling thread, up to seven of each small size: one on a page
/// keeps the whole page, and after a rush nearly each lies on another. They are given back only when their thread ends.
/// So they are taken, and freed by a thread that ends.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn empty_cache() {
    /// The largest block that is kept; their sizes are 16 bytes apart.
    const BLOCK_MAX: usize = 1032;
    /// More than seven: what is free elsewhere fills the cache up again as long as there is any.
    const BLOCKS: usize = 32;
    let sizes = (1..=BLOCK_MAX).step_by(16);
    let blocks: Vec<Vec<u8>> = sizes.flat_map(|size| (0..BLOCKS).map(move |_| Vec::with_capacity(size))).collect();
    let ending = thread::Builder::new().name("thrift".to_owned()).stack_size(64 << 10).spawn(move || drop(blocks));
    match ending {
        Ok(thread) => drop(thread.join()),
        Err(error) => log::debug!("no thread to free memory on: {error}"),
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "one call of the C library, without pointers; no library offers it safely")]
fn trim_heap() {
    // SAFETY: it takes no pointer, touches only what is free, and may be called beside threads that allocate.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Does this error of a connect only say that it is under way?
pub(crate) fn is_connect_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// Lets a listening socket have its address at once after a restart, while connections of the process before linger.
pub(crate) fn allow_quick_restart(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Has a new file be readable and writable for its owner, and for nobody else.
pub(crate) fn for_the_owner_only(options: &mut OpenOptions) {
    OpenOptionsExt::mode(options, 0o600);
}

/// Tells the service manager (`sd_notify`), if this was started by one that asks for it.
pub(crate) fn tell_service_manager(moment: Moment) {
    let told = match moment {
        Moment::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Moment::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        Moment::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        log::warn!("cannot tell the service manager ({moment:?}): {error}");
    }
}

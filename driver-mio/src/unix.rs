//! What no library offers safely.

/// Has the calling thread run only while nothing else on the host wants its core. False where the system refuses.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "one call of the C library, with nothing that it keeps")]
pub(crate) fn schedule_when_idle() -> bool {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread, and `parameters` outlives the call, which only reads it.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) == 0 }
}

/// Gives free memory back to the system that the C library's allocator would keep.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "one call of the C library, without pointers")]
pub(crate) fn give_back_memory() {
    // SAFETY: it takes no pointer, touches only what is free, and may be called beside threads that allocate.
    unsafe {
        libc::malloc_trim(0);
    }
}

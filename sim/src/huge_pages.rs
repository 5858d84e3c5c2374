//! Large pages of memory.

/// Starts this program anew so that its allocator asks the system for large pages, where it is one that can: the GNU C
/// library's, on Linux. It reads that from the environment alone, at its start. Whoever has set `GLIBC_TUNABLES`, to
/// whatever, is left alone.
///
/// A network of thousands of peers takes hundreds of megabytes and every event is somewhere else in them: with pages of
/// 4 KiB the processor looks for the place of nearly every line that it reads.
pub(crate) fn ask_for() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::os::unix::process::CommandExt;
        const TUNABLES: &str = "GLIBC_TUNABLES";
        if let (None, Ok(program)) = (std::env::var_os(TUNABLES), std::env::current_exe()) {
            let mut anew = std::process::Command::new(program);
            // Comes back only if it cannot be: then with small pages.
            _ = anew.args(std::env::args_os().skip(1)).env(TUNABLES, "glibc.malloc.hugetlb=1").exec();
        }
    }
}

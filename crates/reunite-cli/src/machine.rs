//! What this machine has.

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Of the machine's memory or the cgroup's, whichever is less; 256 MiB where nobody knows.
pub(crate) fn half_of_what_is_free() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = match system.cgroup_limits() {
        Some(limits) => limits.free_memory.min(system.available_memory()),
        None => system.available_memory(),
    };
    (free / 2).max(256 << 20)
}

//! Facts about the machine.

/// The least amount of free memory that is assumed, also where the system does not report it.
const LEAST_MEMORY: u64 = 256 << 20;

/// Returns the number of cores this process may use; 1 where the system does not tell.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns half of the free memory in bytes, at least 256 MiB. Free is what the machine or the cgroup has left,
/// whichever is less.
pub fn half_of_free_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = match system.cgroup_limits() {
        Some(limits) => limits.free_memory.min(system.available_memory()),
        None => system.available_memory(),
    };
    (free / 2).max(LEAST_MEMORY)
}

//! The pools that are measured, and how.

use std::sync::mpsc;
use std::time::Instant;

pub(super) fn pool(threads: usize) -> reunite::Pool {
    let builder = reunite::Pool::builder().threads(threads);
    builder.build().expect("a pool of ours")
}

pub(super) fn rayon(threads: usize) -> rayon::ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    builder.build().expect("a pool of rayon's")
}

/// A rayon pool whose threads each have a stack of this many bytes.
pub(super) fn rayon_with_stack(threads: usize, stack: usize) -> rayon::ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let builder = builder.stack_size(stack);
    builder.build().expect("a pool of rayon's")
}

pub(super) fn chili(threads: usize) -> chili::ThreadPool {
    chili::ThreadPool::with_config(chili::Config {
        thread_count: std::num::NonZero::new(threads),
        ..chili::Config::default()
    })
}

/// Runs `f` on a worker of `pool`, while the caller sleeps and takes no part.
pub(super) fn on_worker<R: Send + 'static>(
    pool: &reunite::Pool,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (tell, told) = mpsc::channel();
    pool.spawn(move || tell.send(f()).expect("somebody waits"))
        .detach();
    told.recv().expect("the task ran")
}

pub(super) fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

/// The processor time of the whole process.
pub(super) fn cpu() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

/// The processor time of the calling thread.
pub(super) fn thread_cpu() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

pub(super) fn cpu_seconds(f: impl FnOnce()) -> f64 {
    let start = cpu();
    f();
    cpu() - start
}

/// Takes a result that was made only to be measured.
pub(super) fn consume<T>(_: T) {}

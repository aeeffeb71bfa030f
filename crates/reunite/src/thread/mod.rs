//! Operating system threads: started in one place, recycled, named after the task they run.

mod builder;
mod launch;
#[cfg(any(not(reunite_model), test))]
mod recycle;

pub use builder::{Builder, detached, shutdown, shutdown_deadline, spawn};
pub(crate) use launch::{THREADS, examine, start_helper, start_worker};

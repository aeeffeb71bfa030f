//! Operating system threads: started in one place, recycled, named after the task they run.

mod builder;
mod launch;
mod recycle;

pub(crate) use builder::admit;
pub use builder::{Builder, detached, shutdown, spawn};
#[cfg(all(unix, feature = "signal"))]
pub(crate) use launch::start_helper;
pub(crate) use launch::{examine, start, start_worker};

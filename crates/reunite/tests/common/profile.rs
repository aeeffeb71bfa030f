//! Profiles by a clock that only counts work.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reunite::profile::{self, Profile};

thread_local! {
    static WORKED: Cell<u64> = const { Cell::new(0) };
}

/// Moves the clock of this thread on.
pub(crate) fn work(ms: u64) {
    WORKED.set(WORKED.get() + ms);
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Lets one test run at a time: every observer is called for the whole process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn profile_of(program: impl FnOnce()) -> Profile {
    let _alone = alone();
    WORKED.set(0);
    let profiling = profile::start_by(|| ms(WORKED.get()));
    program();
    profiling.finish()
}

//! The global pool, which threads use that take part in no other pool.

use std::panic::Location;

use super::builder::{Pool, PoolBuilder};
use super::member::{Visit, visit};
use super::this_thread;
use crate::primitive::OnceLock;

impl Pool {
    /// Returns the global pool, which every thread uses that takes part in no other pool. It is made when
    /// it is first needed; its threads are started when there is work for them. The environment variable
    /// `REUNITE_THREADS` sets its [size](crate::PoolBuilder::threads).
    ///
    /// ```
    /// let pool = reunite::Pool::global();
    /// assert!(pool.threads() >= 1);
    /// assert_eq!(pool.join(|| 1, || 2), (1, 2));
    /// ```
    #[track_caller]
    pub fn global() -> &'static Self {
        global(Location::caller())
    }
}

/// Returns the global pool. If this call makes it, `at` is recorded as the line that built it.
fn global(at: &'static Location<'static>) -> &'static Pool {
    static GLOBAL: OnceLock<Pool> = OnceLock::new();
    GLOBAL.get_or_init(|| PoolBuilder::new().pool(at))
}

/// Takes part in the global pool; see `global` for `at`.
pub(super) fn visit_global(at: &'static Location<'static>) -> Option<Visit> {
    visit(&global(at).shared)
}

/// Runs `f` as a member of a pool: the pool for which this thread works, or the global one.
pub(crate) fn take_part<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let _visit = if this_thread::seat().is_none() {
        visit_global(at)
    } else {
        None
    };
    f()
}

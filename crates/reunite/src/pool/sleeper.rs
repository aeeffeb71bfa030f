//! Sleeping workers; `members` explains which threads may wake one.

use crate::deadlock::{count_idle, uncount_idle};
use crate::park::{Parker, park_until};
use crate::primitive::{Arc, AtomicBool, Instant, Ordering};

/// A sleeping worker.
pub(super) struct Sleeper {
    woken: AtomicBool,
    /// True if it is counted as idle. Changed under the lock of `Members` while it is in the list, and by the
    /// thread that has removed it.
    is_idle: AtomicBool,
    parker: Parker,
}

impl Sleeper {
    pub(super) fn current() -> Arc<Self> {
        Arc::new(Self {
            woken: AtomicBool::new(false),
            is_idle: AtomicBool::new(false),
            parker: Parker::current(),
        })
    }

    pub(super) fn set_idle(&self) {
        self.is_idle.store(true, Ordering::Relaxed);
        count_idle();
    }

    /// Uncounts a sleeper that was removed from the list.
    pub(super) fn uncount_idle(&self) {
        if self.is_idle.swap(false, Ordering::Relaxed) {
            uncount_idle();
        }
    }

    pub(super) fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.parker.unpark();
    }

    /// Sleeps until another thread wakes the sleeper. Calls `look` before each park, which lasts at
    /// most until the instant that `look` returns.
    pub(super) fn sleep(&self, mut look: impl FnMut() -> Option<Instant>) {
        while !self.woken.swap(false, Ordering::Acquire) {
            park_until(look());
        }
    }
}

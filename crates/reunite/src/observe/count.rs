//! Counts for the whole process, which change where the cost does not matter: at the start and the end of a
//! thread, at a steal, and after a sleep.

use crate::primitive::{Counter, Duration, Ordering};

static BLOCKED_NANOS: Counter = Counter::new(0);
static STOLEN: Counter = Counter::new(0);
static THREADS: Counter = Counter::new(0);

/// Adds the time that a task has waited.
pub(crate) fn count_blocked(waited: Duration) {
    let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
    BLOCKED_NANOS.fetch_add(nanos, Ordering::Relaxed);
}

/// Counts that a thread of a pool has taken work from another.
pub(crate) fn count_stolen() {
    STOLEN.fetch_add(1, Ordering::Relaxed);
}

/// Counts a thread as existing until this is dropped.
pub(crate) struct CountedThread(());

pub(crate) fn count_thread() -> CountedThread {
    THREADS.fetch_add(1, Ordering::Relaxed);
    CountedThread(())
}

impl Drop for CountedThread {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The counts at this moment.
pub(crate) struct Totals {
    pub(crate) threads: u64,
    pub(crate) stolen: u64,
    pub(crate) blocked: Duration,
}

pub(crate) fn counted() -> Totals {
    Totals {
        threads: THREADS.load(Ordering::Relaxed),
        stolen: STOLEN.load(Ordering::Relaxed),
        blocked: Duration::from_nanos(BLOCKED_NANOS.load(Ordering::Relaxed)),
    }
}

//! Totals that only grow, counted where it costs nothing that matters: beside a thread's start, a theft, a sleep.

use crate::primitive::{Counter, Duration, Ordering};

static BLOCKED_NANOS: Counter = Counter::new(0);
static STOLEN: Counter = Counter::new(0);
static THREADS: Counter = Counter::new(0);

/// A task has waited this long.
pub(crate) fn count_blocked(waited: Duration) {
    let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
    BLOCKED_NANOS.fetch_add(nanos, Ordering::Relaxed);
}

/// A thread of a pool has taken work from another.
pub(crate) fn count_stolen() {
    STOLEN.fetch_add(1, Ordering::Relaxed);
}

/// The thread that it was made for exists until it is dropped.
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

/// What was counted by now.
pub(crate) struct Counted {
    pub(crate) threads: u64,
    pub(crate) stolen: u64,
    pub(crate) blocked: Duration,
}

pub(crate) fn counted() -> Counted {
    Counted {
        threads: THREADS.load(Ordering::Relaxed),
        stolen: STOLEN.load(Ordering::Relaxed),
        blocked: Duration::from_nanos(BLOCKED_NANOS.load(Ordering::Relaxed)),
    }
}

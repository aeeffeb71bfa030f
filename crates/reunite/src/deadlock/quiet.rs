//! Whether anybody is left who could do anything: needed for waits that anybody may end.
//!
//! Threads of this library are idle between two tasks. Whoever gives an idle thread something to do counts it
//! out first, so one that is counted idle does nothing. The counter also counts its changes: the process's
//! threads are counted between two looks at it, and if it did not change, none of the idle ones left.

use std::cell::Cell;

use crate::primitive::{Counter, Ordering, thread_local, threads_of_process};

const CHANGE: u64 = 1 << 32;

/// Idle threads in the lower half, changes of that in the upper.
static IDLE: Counter = Counter::new(0);
/// Threads that this library started and that have not ended.
static ALIVE: Counter = Counter::new(0);

/// The calling thread has nothing to do, unless somebody finds it where it has left its address.
pub(crate) fn idle_one_more() {
    IDLE.fetch_add(CHANGE + 1, Ordering::SeqCst);
}

/// An idle thread was taken from where it had left its address: it is about to have something to do.
pub(crate) fn idle_one_less() {
    IDLE.fetch_add(CHANGE - 1, Ordering::SeqCst);
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// A thread that this library starts; goes with it.
pub(crate) struct Alive(());

impl Alive {
    pub(crate) fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// On the thread itself.
    pub(crate) fn begin(&self) {
        IS_OURS.with(|ours| ours.set(true));
    }
}

/// Whether this library started the calling thread.
pub(super) fn is_ours() -> bool {
    IS_OURS.with(Cell::get)
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether all threads that this library started are so many that wait, or idle. Others may run.
pub(super) fn is_all_of_ours(waiting: usize) -> bool {
    waiting as u64 + IDLE.load(Ordering::SeqCst) % CHANGE >= ALIVE.load(Ordering::SeqCst)
}

/// Whether every thread of the process is one of these many or idle. Where the system does not tell how many
/// there are: no.
pub(super) fn is_everyone(blocked: usize) -> bool {
    let before = IDLE.load(Ordering::SeqCst);
    let counted = blocked as u64 + before % CHANGE;
    // What it started itself it knows without asking the system.
    counted >= ALIVE.load(Ordering::SeqCst)
        && threads_of_process().is_some_and(|threads| threads as u64 == counted)
        && IDLE.load(Ordering::SeqCst) == before
}

//! The count of the threads that this library starts. Each is counted from before it begins until no code runs on it
//! any more.

use std::cell::Cell;

use super::graph::look_again;
use super::live_threads;
#[cfg(not(reunite_model))]
use crate::primitive::thread_local;
use crate::primitive::thread_number;

/// A guard: a thread that this library starts is counted until this is dropped.
pub(crate) struct ThreadGuard {
    /// The thread's number in the system, once it runs.
    number: Cell<Option<u32>>,
}

#[cfg(not(reunite_model))]
thread_local! {
    static THIS: Cell<Option<ThreadGuard>> = const { Cell::new(None) };
}

impl ThreadGuard {
    pub(crate) fn new() -> Self {
        live_threads::count_started();
        #[cfg(reunite_model)]
        crate::primitive::count_in_model(1);
        Self {
            number: Cell::new(None),
        }
    }

    /// Runs `work`. Must be called on the thread itself, before anything else runs there: thread-locals are dropped in
    /// the reverse order of their first use (by glibc and std), so the guard is dropped after those of all other code.
    #[cfg(not(reunite_model))]
    pub(crate) fn run(self, work: impl FnOnce()) {
        self.number.set(thread_number());
        live_threads::mark_started_here();
        THIS.with(|this| this.set(Some(self)));
        work();
    }

    /// Runs `work` and drops the guard. In a model, destructors of thread-locals do nothing that matters.
    #[cfg(reunite_model)]
    pub(crate) fn run(self, work: impl FnOnce()) {
        self.number.set(thread_number());
        live_threads::mark_started_here();
        work();
        drop(self);
    }
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        #[cfg(reunite_model)]
        crate::primitive::count_in_model(-1);
        live_threads::count_ended(self.number.get());
        look_again();
    }
}

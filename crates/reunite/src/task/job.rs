//! The requests made of a task: how to treat its closure and its conclusion, and on which kind of
//! thread to run it.

use std::io;

use crate::error::Cancelled;
use crate::id::Label;

/// The way in which a task's closure is treated.
pub(crate) enum JobFate {
    /// The closure is run.
    Run,
    /// The task was cancelled before it started: the closure is dropped.
    Cancelled(Cancelled),
    /// The system refused a thread: the closure is dropped.
    Refused(io::Error),
}

/// The time at which a task is concluded: everything after its closure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Now,
    /// Another thread concludes the task, after the end of this thread.
    #[cfg(not(reunite_model))]
    Deferred,
}

/// The properties that a task is spawned with, besides its closure.
pub(crate) struct Spec {
    pub(crate) label: Label,
    pub(crate) on: OnThread,
    pub(crate) inherit: bool,
}

/// The kind of thread that a task asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnThread {
    /// The size of the thread's stack in bytes; the system's default if `None`.
    pub(crate) stack_size: Option<usize>,
    /// True for a thread that was never used before and has ended when the task completes.
    pub(crate) is_fresh: bool,
}

impl OnThread {
    /// Returns the kind of thread for a task that asks for `self`, in a scope that asks for
    /// `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            stack_size: self.stack_size.or(other.stack_size),
            is_fresh: self.is_fresh || other.is_fresh,
        }
    }
}

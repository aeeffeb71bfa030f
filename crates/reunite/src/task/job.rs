//! What is to be done with a task, and what it asks for besides its closure.

use std::io;

use crate::error::Cancelled;
use crate::id::Label;

/// What is to be done with a task's closure.
pub(crate) enum JobFate {
    Run,
    /// The task was cancelled before it started: the closure is dropped.
    Cancelled(Cancelled),
    Refused(io::Error),
}

/// What is to be done with the conclusion of a task, which is all but its closure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Now,
    /// Another thread carries it out, after the end of this one.
    #[cfg(not(reunite_model))]
    Deferred,
}

/// What a task is spawned with, besides its closure.
pub(crate) struct Spec {
    pub(crate) label: Label,
    pub(crate) on: OnThread,
    pub(crate) inherit: bool,
}

/// The kind of thread that a task asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnThread {
    /// The size of its stack; the system's default if `None`.
    pub(crate) stack_size: Option<usize>,
    /// True for a thread never used before, and gone when the task completes.
    pub(crate) is_fresh: bool,
}

impl OnThread {
    /// Returns what a task asks for whose scope asks for `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            stack_size: self.stack_size.or(other.stack_size),
            is_fresh: self.is_fresh || other.is_fresh,
        }
    }
}

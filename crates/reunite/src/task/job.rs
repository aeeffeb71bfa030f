//! The request made of a task: what is done with its closure and conclusion, and the properties of its thread.

use std::io;

use crate::error::Cancelled;
use crate::id::Label;

/// The treatment of a task's closure.
pub(crate) enum JobFate {
    Run,
    /// The task was cancelled before it started: the closure is dropped.
    Cancelled(Cancelled),
    Refused(io::Error),
}

/// The time at which a task is concluded: everything after its closure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Now,
    /// Another thread carries it out, after the end of this one.
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

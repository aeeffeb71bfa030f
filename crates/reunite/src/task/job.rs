//! Jobs: closures that are ready to run, and what a task asks for besides its closure.

use std::io;

use crate::error::Cancelled;
use crate::id::Label;

/// Returns what is left to do, where it was told to leave that.
pub(crate) type Job<'a> = Box<dyn FnOnce(Go) -> Option<Conclusion<'a>> + Send + 'a>;

/// What is done when the closure is over: all steps of a job but the first.
pub(crate) type Conclusion<'a> = Box<dyn FnOnce() + Send + 'a>;

/// What becomes of a job.
pub(crate) enum Go {
    Run,
    /// On a thread of its own, after whose end another carries out the conclusion.
    #[cfg(not(reunite_model))]
    Apart,
    /// Cancelled before it started: the closure is dropped.
    Cancelled(Cancelled),
    Refused(io::Error),
}

impl Go {
    pub(super) fn is_apart(&self) -> bool {
        #[cfg(not(reunite_model))]
        return matches!(self, Self::Apart);
        #[cfg(reunite_model)]
        return false;
    }
}

/// What a task is spawned with, besides its closure.
pub(crate) struct Spec {
    pub(crate) label: Label,
    pub(crate) on: OnThread,
    pub(crate) inherit: bool,
}

/// What thread a task asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnThread {
    /// The system's, if not told.
    pub(crate) stack_size: Option<usize>,
    /// Never used before, and gone when the task completes.
    pub(crate) is_fresh: bool,
}

impl OnThread {
    /// What a task asks for whose scope asks for `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            stack_size: self.stack_size.or(other.stack_size),
            is_fresh: self.is_fresh || other.is_fresh,
        }
    }
}

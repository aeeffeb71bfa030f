//! Policies: when is a scope decided?

use crate::id::Label;
use crate::observe::Completion;
use crate::primitive::{AtomicUsize, Ordering};

/// What a policy wants after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// The scope is decided: cancel what still runs, start nothing more.
    Cancel,
}

/// What becomes of the body's value when the scope's deadline cut it short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// The scope returns an error.
    Fail,
    /// The scope returns what the body returned: partial results are welcome.
    KeepPartial,
}

/// Decides, event by event, when the rest of a scope is to be cancelled. A value: one per scope, called
/// from the threads of its tasks, never twice at once for the same task.
///
/// A policy that panics counts as [`Verdict::Cancel`], and its panic is one of the scope's failures.
///
/// ```
/// use reunite::Completion;
/// use reunite::policy::{Policy, Verdict};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// /// Gives up after the third failure.
/// struct ThreeStrikes(AtomicU32);
/// impl Policy for ThreeStrikes {
///     fn on_complete(&self, _: &reunite::Label, how: Completion) -> Verdict {
///         let failed = how == Completion::Error || how == Completion::Panic;
///         if failed && self.0.fetch_add(1, Ordering::Relaxed) == 2 { Verdict::Cancel } else { Verdict::Continue }
///     }
/// }
///
/// let result = reunite::ScopeBuilder::new().policy(ThreeStrikes(AtomicU32::new(0))).try_scope(|s| {
///     for n in 0..3 { drop(s.spawn(move || Err::<(), _>(format!("strike {n}")))); }
///     Ok(())
/// });
/// assert_eq!(result.unwrap_err().failures().len(), 3);
/// ```
pub trait Policy: Send + Sync {
    /// A task is about to start.
    fn on_spawn(&self, task: &Label) -> Verdict {
        let _ = task;
        Verdict::Continue
    }

    /// A task completed.
    fn on_complete(&self, task: &Label, how: Completion) -> Verdict;

    /// The scope's deadline passed with work undone.
    fn on_timeout(&self) -> OnTimeout {
        OnTimeout::Fail
    }

    /// Asked once, at the end: whether the goal was reached, so that failures nobody joined do not fail
    /// the scope.
    fn is_satisfied(&self) -> bool {
        false
    }
}

/// Every task runs to its end, whatever the others do. The policy of [`scope`](crate::scope).
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitAll;

impl Policy for WaitAll {
    fn on_complete(&self, _: &Label, _: Completion) -> Verdict {
        Verdict::Continue
    }
}

/// The first error or panic cancels the rest. The policy of [`try_scope`](crate::try_scope).
#[derive(Clone, Copy, Debug, Default)]
pub struct FailFast;

impl Policy for FailFast {
    fn on_complete(&self, _: &Label, how: Completion) -> Verdict {
        match how {
            Completion::Error | Completion::Panic => Verdict::Cancel,
            Completion::Value | Completion::Cancelled => Verdict::Continue,
        }
    }
}

/// The first `n` values decide; failures before that are forgiven.
#[derive(Debug)]
pub struct Quorum {
    wanted: usize,
    values: AtomicUsize,
}

impl Quorum {
    /// Decided by `n` values.
    pub fn new(n: usize) -> Self {
        Self {
            wanted: n,
            values: AtomicUsize::new(0),
        }
    }
}

impl Policy for Quorum {
    fn on_complete(&self, _: &Label, how: Completion) -> Verdict {
        if how != Completion::Value {
            return Verdict::Continue;
        }
        let values = self.values.fetch_add(1, Ordering::Relaxed) + 1;
        if values >= self.wanted {
            Verdict::Cancel
        } else {
            Verdict::Continue
        }
    }

    fn is_satisfied(&self) -> bool {
        self.values.load(Ordering::Relaxed) >= self.wanted
    }
}

/// The first value decides: a [`Quorum`] of one.
#[derive(Debug)]
pub struct FirstSuccess(Quorum);

impl FirstSuccess {
    /// A race that nobody has won yet.
    pub fn new() -> Self {
        Self(Quorum::new(1))
    }
}

impl Default for FirstSuccess {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for FirstSuccess {
    fn on_complete(&self, task: &Label, how: Completion) -> Verdict {
        self.0.on_complete(task, how)
    }

    fn is_satisfied(&self) -> bool {
        self.0.is_satisfied()
    }
}

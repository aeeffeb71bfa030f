//! Policies: they decide when a scope is decided.

use crate::id::Label;
use crate::observe::Completion;
use crate::primitive::{AtomicUsize, Ordering};

/// A policy's answer to an event: whether the scope goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// The scope is decided: cancel what still runs, start nothing more.
    Cancel,
}

/// The treatment of the body's value when the scope's deadline cut it short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// The scope returns an error.
    Fail,
    /// The scope returns what the body returned, although the work is partial.
    KeepPartial,
}

/// A value that decides, event by event, when the rest of a scope is to be cancelled.
///
/// Each scope has one. Its methods are called from the threads of the scope's tasks, several at once for
/// different tasks, but never two at once for the same task.
///
/// A panic in a policy counts as [`Verdict::Cancel`] and is one of the scope's failures.
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
    /// Called when a task is about to start.
    fn on_spawn(&self, task: &Label) -> Verdict {
        let _ = task;
        Verdict::Continue
    }

    /// Called when a task has completed.
    fn on_complete(&self, task: &Label, how: Completion) -> Verdict;

    /// Called when the scope's deadline passed with work undone.
    fn on_timeout(&self) -> OnTimeout {
        OnTimeout::Fail
    }

    /// Called once, at the end of the scope. Returns true if the goal was reached, so that failures that no
    /// join took do not fail the scope.
    fn is_satisfied(&self) -> bool {
        false
    }
}

/// The policy of [`scope`](crate::scope()): every task runs to its end, whatever the others do.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitAll;

impl Policy for WaitAll {
    fn on_complete(&self, _: &Label, _: Completion) -> Verdict {
        Verdict::Continue
    }
}

/// The policy of [`try_scope`](crate::try_scope): the first error or panic cancels the rest.
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

/// The policy of [`quorum`](crate::quorum): the first `n` values decide; failures before that are forgiven.
///
/// ```
/// use reunite::policy::Quorum;
/// reunite::ScopeBuilder::new().policy(Quorum::new(1)).try_scope(|s| {
///     s.spawn(|| Err::<(), _>("the mirror is down"));
///     s.spawn(|| Ok(()));
///     Ok(())
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct Quorum {
    wanted: usize,
    values: AtomicUsize,
}

impl Quorum {
    /// Creates a policy that is decided by `n` values.
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

/// The policy of [`race`](crate::race()): the first value decides. A [`Quorum`] of one.
///
/// ```
/// use reunite::policy::FirstSuccess;
/// let error = reunite::ScopeBuilder::new().policy(FirstSuccess::new()).try_scope(|s| {
///     for n in 0..2 { drop(s.spawn(move || Err::<(), _>(n))); }
///     Ok(())
/// });
/// assert_eq!(error.unwrap_err().failures().len(), 2);
/// ```
#[derive(Debug)]
pub struct FirstSuccess(Quorum);

impl FirstSuccess {
    /// Creates the policy of a race.
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

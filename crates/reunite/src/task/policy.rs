//! Policies: they decide whether a scope goes on.

use crate::id::Label;
use crate::observe::Completion;
use crate::primitive::{AtomicUsize, Ordering};

/// A policy's answer: whether the scope goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The scope goes on.
    Continue,
    /// The scope is cancelled: its running tasks are asked to stop, and no more tasks start.
    Cancel,
}

/// The result of a scope that was cancelled by its own deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// The scope returns an error.
    Fail,
    /// The scope returns what the body returned, although the work is partial.
    KeepPartial,
}

/// A value that decides when the rest of a scope is cancelled. It is asked at each spawn and at each completion of
/// a task.
///
/// Each scope has one policy. [`on_spawn`](Self::on_spawn) is called on the thread that spawns the task,
/// [`on_complete`](Self::on_complete) on the thread that completes it, the other methods on the thread of the
/// scope's body. Several threads may call at once for different tasks, but never for the same task.
///
/// A panic in a policy cancels the scope. A panic in `on_complete` is one of the scope's failures; in the other
/// methods it continues in their callers: the spawning task, or the caller of the scope.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "use one of those in `reunite::policy`, such as `FailFast` or `WaitAll`, or implement `Policy` for a type of yours"
)]
pub trait Policy: Send + Sync {
    /// Called when a task is about to start or to be queued. If it returns [`Verdict::Cancel`], this task does not
    /// start either: it completes as cancelled.
    fn on_spawn(&self, task: &Label) -> Verdict {
        let _ = task;
        Verdict::Continue
    }

    /// Called when a task has completed, before its scope counts it as ended.
    fn on_complete(&self, task: &Label, how: Completion) -> Verdict;

    /// Called when all tasks have ended, if the scope was cancelled by its own deadline. Decides what the scope
    /// returns.
    fn on_timeout(&self) -> OnTimeout {
        OnTimeout::Fail
    }

    /// Called when all tasks have ended, if there are failures that no join took. Returns true if these do not
    /// fail the scope, because its goal was reached.
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

/// The policy of [`quorum`](crate::quorum): when `n` tasks have completed with values, the rest is cancelled, and
/// failures do not fail the scope.
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
    /// Creates a policy that cancels the rest of the scope after `n` values.
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

/// The policy of [`race`](crate::race()): when one task has completed with a value, the rest is cancelled, and
/// failures do not fail the scope. A [`Quorum`] of one.
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

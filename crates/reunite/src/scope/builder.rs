//! Choices about a scope.

use std::panic::Location;

use super::frame::{Plan, run_scope, run_try_scope};
use super::{Scope, TryScope};
use crate::deadline;
use crate::error::{JoinError, ScopeError};
use crate::id::{Kind, Label};
use crate::primitive::{Duration, Instant};
use crate::task::{FailFast, Policy, Rules, WaitAll};

/// A scope with a name, a deadline, a policy, a limit on threads.
///
/// **A scope ends when its tasks are back, not when its deadline passes.** Tasks borrow from the body's
/// stack, so the scope must wait for them: at the deadline it cancels them; those that do not stop are
/// named on standard error (or to [`on_stragglers`](crate::on_stragglers)) until they do.
///
/// ```
/// use std::time::Duration;
/// let error = reunite::ScopeBuilder::new()
///     .name("lookup")
///     .timeout(Duration::from_millis(5))
///     .scope(|s| s.spawn(|| reunite::sleep(Duration::from_secs(3600))).join().is_ok())
///     .unwrap_err();
/// assert!(error.is_timeout());
/// ```
#[must_use = "a builder does nothing until `scope` or `try_scope` is called"]
pub struct ScopeBuilder {
    name: Option<String>,
    deadline: Option<Instant>,
    policy: Option<Box<dyn Policy>>,
    max_threads: Option<usize>,
    stack_size: Option<usize>,
}

impl Default for ScopeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ScopeBuilder {
    /// No name, no deadline, no limit; the policy that `scope` or `try_scope` has.
    pub fn new() -> Self {
        Self {
            name: None,
            deadline: None,
            policy: None,
            max_threads: None,
            stack_size: None,
        }
    }

    /// A name for messages.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The instant at which the scope is cancelled. An earlier deadline of this builder, or of a scope
    /// around, still holds.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = deadline::earlier(self.deadline, Some(deadline));
        self
    }

    /// A [`deadline`](Self::deadline) that is `timeout` from now.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.deadline = deadline::earlier(self.deadline, deadline::after(timeout));
        self
    }

    /// When the scope is decided: see [`policy`](crate::policy).
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// At most `limit` tasks of this scope run at a time (at least one); the others queue in spawn order.
    /// A task of this scope that joins a queued one runs it in its own place, so the scope's joins cannot
    /// starve; a join with a timeout, or one nested too deep in such joins, gets a thread beyond the
    /// limit instead.
    pub fn max_threads(mut self, limit: usize) -> Self {
        self.max_threads = Some(limit.max(1));
        self
    }

    /// The size in bytes of the stacks of this scope's threads, at least 64 KiB, which are then not recycled.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Runs `body` in a [`Scope`], like [`scope`](crate::scope()), but returns failures that no join took
    /// instead of panicking with them, and says when the scope was cut short.
    ///
    /// # Errors
    /// A task panicked (or was refused a thread) and no join took that; the deadline passed with work
    /// undone; a cancellation from above stopped the scope; or the body was left, see [partial
    /// results](crate#partial-results).
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    #[track_caller]
    pub fn scope<'env, T, F>(self, body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        run_scope(self.plan(WaitAll, Location::caller()), body).into_result()
    }

    /// Runs `body` in a [`TryScope`], like [`try_scope`](crate::try_scope).
    ///
    /// # Errors
    /// As [`try_scope`](crate::try_scope).
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    #[track_caller]
    pub fn try_scope<'env, T, E, F>(self, body: F) -> Result<T, ScopeError<E>>
    where
        F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, JoinError<E>>,
    {
        run_try_scope(self.plan(FailFast, Location::caller()), body).into_result()
    }

    /// Who the scope is, for messages.
    pub(crate) fn label(&self, at: &'static Location<'static>) -> Label {
        Label::new(Kind::Scope, self.name.clone(), at)
    }

    pub(super) fn plan(
        self,
        policy: impl Policy + 'static,
        at: &'static Location<'static>,
    ) -> Plan {
        Plan {
            label: self.label(at),
            deadline: self.deadline,
            rules: Rules {
                policy: self.policy.unwrap_or_else(|| Box::new(policy)),
                max_threads: self.max_threads,
            },
            stack_size: self.stack_size,
        }
    }
}

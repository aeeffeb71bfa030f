//! Choices about a scope.

use std::panic::Location;

use super::Scope;
use super::ended::Ended;
use super::frame::{Plan, run};
use crate::deadline;
use crate::error::{Fallible, JoinError, ScopeError};
use crate::id::{Kind, Label};
use crate::primitive::{Duration, Instant};
use crate::task::{FailFast, OnThread, Policy, Rules, WaitAll};

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
    on: OnThread,
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
            on: OnThread::default(),
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
        self.on.stack_size = Some(bytes);
        self
    }

    /// Whether each of this scope's tasks, the workers of its maps included, runs on a thread that was never used before, the
    /// destructors of whose thread-locals have run when the task completes; see
    /// [`Builder::fresh_threads`](crate::Builder::fresh_threads).
    pub fn fresh_threads(mut self, fresh: bool) -> Self {
        self.on.is_fresh = fresh;
        self
    }

    /// Runs `body` in a [`Scope`], like [`scope`](crate::scope()), but returns failures that no join took
    /// instead of panicking with them, and says when the scope was cut short.
    ///
    /// # Errors
    /// A task panicked (or was refused a thread) and no join took that; the deadline passed with work
    /// undone; a cancellation from above stopped the scope; or the body was left, see [partial
    /// results](crate#partial-results). What the body returned is then dropped: [`scope_ended`](Self::scope_ended) hands
    /// out both.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    #[track_caller]
    pub fn scope<'env, T, F>(self, body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        self.scope_ended(body).into_result()
    }

    /// Runs `body` in a [`Scope`] of tasks that can fail, like [`try_scope`](crate::try_scope).
    ///
    /// # Errors
    /// As [`try_scope`](crate::try_scope). What the body returned is then dropped:
    /// [`try_scope_ended`](Self::try_scope_ended) hands out both.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    ///
    /// ```
    /// use reunite::policy::WaitAll;
    /// // Every task runs to its end, and every error is told.
    /// let error = reunite::ScopeBuilder::new().policy(WaitAll).try_scope(|s| {
    ///     for n in 0..3 {
    ///         s.spawn(move || if n == 1 { Ok(()) } else { Err(n) });
    ///     }
    ///     Ok(())
    /// });
    /// let told: Vec<_> = error.unwrap_err().into_failures().into_iter().map(|e| e.into_error().unwrap()).collect();
    /// assert_eq!(told.len(), 2);
    /// ```
    #[track_caller]
    pub fn try_scope<'env, T, E, F>(self, body: F) -> Result<T, ScopeError<E>>
    where
        E: 'env,
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, Fallible<E>>) -> Result<T, JoinError<E>>,
    {
        self.try_scope_ended(body).into_result()
    }

    /// [`scope`](Self::scope) that hands out what the body returned although the scope failed or was cut short.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    ///
    /// ```
    /// let ended = reunite::ScopeBuilder::new().scope_ended(|s| {
    ///     s.spawn(|| panic!("nobody joins this one"));
    ///     "done"
    /// });
    /// assert_eq!(ended.value, Some("done"));
    /// assert!(ended.error.unwrap().root().unwrap().is_panic());
    /// ```
    #[track_caller]
    pub fn scope_ended<'env, T, F>(self, body: F) -> Ended<T>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        run(self.plan(WaitAll, Location::caller()), |s| Ok(body(s))).into_ended()
    }

    /// [`try_scope`](Self::try_scope) that hands out what the body returned although the scope failed or was cut short.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task is back.
    ///
    /// ```
    /// let ended = reunite::ScopeBuilder::new().try_scope_ended(|s| {
    ///     s.spawn(|| Err::<(), _>("out of paper"));
    ///     Ok(3)
    /// });
    /// assert_eq!(ended.value, Some(3));
    /// assert_eq!(ended.error.unwrap().into_error().unwrap(), "out of paper");
    /// ```
    #[track_caller]
    pub fn try_scope_ended<'env, T, E, F>(self, body: F) -> Ended<T, E>
    where
        E: 'env,
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, Fallible<E>>) -> Result<T, JoinError<E>>,
    {
        run(self.plan(FailFast, Location::caller()), body).into_ended()
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
                policy: Some(self.policy.unwrap_or_else(|| Box::new(policy))),
                max_threads: self.max_threads,
            },
            on: self.on,
        }
    }
}

//! The builder of a scope: name, deadline, policy, threads.

use std::panic::Location;

use super::Scope;
use super::ended::Ended;
use super::frame::{ScopeOptions, run};
use crate::deadline;
use crate::error::{Fallible, JoinError, ScopeError};
use crate::id::{Label, LabelKind};
use crate::primitive::{Duration, Instant};
use crate::task::{FailFast, OnThread, Policy, Rules, WaitAll};

/// A builder of scopes: chooses a name, a deadline, a policy, a limit on threads.
///
/// **A scope ends when its tasks have completed, not when its deadline passes.** Tasks borrow from the body's
/// stack, so the scope must wait for them. At the deadline it cancels them; tasks that do not stop are named
/// on standard error (or to [`on_stragglers`](crate::on_stragglers)) until they do.
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
    /// Creates a builder without name, deadline or limit. Unless a policy is set, the scope has [`WaitAll`]
    /// for `scope` and [`FailFast`] for `try_scope`.
    pub fn new() -> Self {
        Self {
            name: None,
            deadline: None,
            policy: None,
            max_threads: None,
            on: OnThread::default(),
        }
    }

    /// Sets the scope's name, for messages.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the instant at which the scope is cancelled. An earlier deadline of this builder, or of an
    /// enclosing scope, still applies.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = deadline::earlier(self.deadline, Some(deadline));
        self
    }

    /// Sets the [`deadline`](Self::deadline) to `timeout` from now.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.deadline = deadline::earlier(self.deadline, deadline::after(timeout));
        self
    }

    /// Sets the policy, which decides at each completion whether to cancel the rest of the scope: see
    /// [`policy`](crate::policy).
    ///
    /// ```
    /// use reunite::policy::FirstSuccess;
    /// let value = reunite::ScopeBuilder::new().policy(FirstSuccess::new()).try_scope(|s| {
    ///     s.spawn(|| Err::<(), _>("forgiven"));
    ///     s.spawn(|| Ok(()));
    ///     Ok("one of them succeeded")
    /// });
    /// assert_eq!(value.unwrap(), "one of them succeeded");
    /// ```
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Limits the tasks of this scope that run at a time to `limit` (at least one); the others queue in spawn
    /// order.
    ///
    /// A task of this scope that joins a queued one runs it on its own thread, so joins within the scope
    /// cannot starve. If the join has a timeout, or is nested in too many such joins, the queued task gets a
    /// thread beyond the limit instead.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// let (running, most) = (AtomicU32::new(0), AtomicU32::new(0));
    /// reunite::ScopeBuilder::new().max_threads(2).scope(|s| {
    ///     for _ in 0..8 {
    ///         s.spawn(|| {
    ///             most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    ///             running.fetch_sub(1, Ordering::SeqCst);
    ///         });
    ///     }
    /// }).unwrap();
    /// assert!(most.into_inner() <= 2);
    /// ```
    pub fn max_threads(mut self, limit: usize) -> Self {
        self.max_threads = Some(limit.max(1));
        self
    }

    /// Sets the stack size of this scope's threads in bytes, at least 64 KiB. These threads are not recycled.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.on.stack_size = Some(bytes);
        self
    }

    /// Chooses whether each task of this scope, the workers of its maps included, runs on a thread that was
    /// never used before. Such a task completes after the destructors of the thread's thread-locals have run;
    /// see [`Builder::fresh_threads`](crate::Builder::fresh_threads).
    pub fn fresh_threads(mut self, fresh: bool) -> Self {
        self.on.is_fresh = fresh;
        self
    }

    /// Runs `body` in a [`Scope`], like [`scope`](crate::scope()), but returns the failures that no join took
    /// instead of panicking with them, and returns an error if the scope was cut short.
    ///
    /// # Errors
    /// - A task panicked (or was refused a thread), and no join took that failure.
    /// - The deadline passed before the work was done.
    /// - A cancellation from outside the scope stopped it.
    /// - The body left (see [partial results](crate#partial-results)).
    ///
    /// What the body returned is then dropped; [`scope_ended`](Self::scope_ended) returns both.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task has completed.
    ///
    /// ```
    /// let error = reunite::ScopeBuilder::new().scope(|s| { s.spawn(|| panic!("out of paper"));
    /// }).unwrap_err();
    /// assert!(error.root().unwrap().is_panic());
    /// ```
    #[track_caller]
    pub fn scope<'env, T, F>(self, body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        self.scope_ended(body).into_result()
    }

    /// Runs `body` in a [`Scope`] whose tasks return `Result`s, like [`try_scope`](crate::try_scope).
    ///
    /// # Errors
    /// As [`try_scope`](crate::try_scope). What the body returned is then dropped;
    /// [`try_scope_ended`](Self::try_scope_ended) returns both.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task has completed.
    ///
    /// ```
    /// use reunite::policy::WaitAll;
    /// // Every task runs to its end, and every error is returned.
    /// let error = reunite::ScopeBuilder::new().policy(WaitAll).try_scope(|s| {
    ///     for n in 0..3 {
    ///         s.spawn(move || if n == 1 { Ok(()) } else { Err(n) });
    ///     }
    ///     Ok(())
    /// });
    /// let errors: Vec<_> = error.unwrap_err().into_failures().into_iter().map(|e|
    /// e.into_error().unwrap()).collect();
    /// assert_eq!(errors.len(), 2);
    /// ```
    #[track_caller]
    pub fn try_scope<'env, T, E, F>(self, body: F) -> Result<T, ScopeError<E>>
    where
        E: 'env,
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, Fallible<E>>) -> Result<T, JoinError<E>>,
    {
        self.try_scope_ended(body).into_result()
    }

    /// Runs `body` like [`scope`](Self::scope), and returns what the body returned even if the scope failed
    /// or was cut short.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task has completed.
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

    /// Runs `body` like [`try_scope`](Self::try_scope), and returns what the body returned even if the scope
    /// failed or was cut short.
    ///
    /// # Panics
    /// If the body panics: with its payload, after every task has completed.
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

    /// Returns the label of the scope, for messages.
    pub(crate) fn label(&self, at: &'static Location<'static>) -> Label {
        Label::new(LabelKind::Scope, self.name.clone(), at)
    }

    pub(super) fn plan(
        self,
        policy: impl Policy + 'static,
        at: &'static Location<'static>,
    ) -> ScopeOptions {
        ScopeOptions {
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

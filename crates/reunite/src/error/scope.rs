//! The error of a scope.

use std::convert::Infallible;
use std::fmt;

use super::{Cancelled, JoinError};
use crate::id::Label;

/// The error of a scope. It keeps all failures of the scope's tasks and of its body: the root cause first, the others
/// in the order in which their tasks were spawned.
///
/// The root cause is the failure that happened first. Failures of tasks that had been told of a cancellation before
/// they failed are consequences: none of them comes before a failure that is not a consequence. Tasks that completed
/// cancelled are counted, and listed only if there is no other failure.
///
/// ```
/// let error = reunite::try_scope(|s| {
///     s.spawn(|| "x".parse::<u32>());
///     Ok(())
/// })
/// .unwrap_err();
/// assert!(error.root().unwrap().is_error());
/// assert_eq!(error.failures().len(), 1);
/// ```
pub struct ScopeError<E = Infallible>(Box<ScopeErrorDetails<E>>);

struct ScopeErrorDetails<E> {
    scope: Label,
    failures: Vec<JoinError<E>>,
    cause: Option<Cancelled>,
    cancelled: usize,
}

impl<E> ScopeError<E> {
    /// Makes the error of `scope`. `failures` may be in any order; `cause` is the cancellation of the scope, if any.
    pub(crate) fn new(
        scope: Label,
        mut failures: Vec<JoinError<E>>,
        cause: Option<Cancelled>,
        cancelled: usize,
    ) -> Self {
        failures.sort_by_key(|failure| failure.task().map(Label::id));
        let root = (0..failures.len()).min_by_key(|&i| failures[i].rank());
        if let Some(root) = root {
            failures[..=root].rotate_right(1);
        }
        Self(Box::new(ScopeErrorDetails {
            scope,
            failures,
            cause,
            cancelled,
        }))
    }

    /// The scope that failed.
    pub fn scope(&self) -> &Label {
        &self.0.scope
    }

    /// The root cause: the failure that happened first. `None` if there is no failure: the scope was only cancelled,
    /// by its deadline or from outside, or too few contenders of a quorum had values.
    pub fn root(&self) -> Option<&JoinError<E>> {
        self.0.failures.first()
    }

    /// All failures: the root cause first, the others in spawn order.
    pub fn failures(&self) -> &[JoinError<E>] {
        &self.0.failures
    }

    /// Takes out all failures, in the same order.
    pub fn into_failures(self) -> Vec<JoinError<E>> {
        self.0.failures
    }

    /// Takes out the root cause's own error.
    ///
    /// # Errors
    /// Gives `self` back if the root cause is not an error of type `E`.
    ///
    /// ```
    /// let error = reunite::try_scope(|s| s.spawn(|| Err::<(), _>("no disk")).join()).unwrap_err();
    /// assert_eq!(error.into_error().unwrap(), "no disk");
    /// ```
    pub fn into_error(mut self) -> Result<E, Self> {
        if !self.root().is_some_and(JoinError::is_error) {
            return Err(self);
        }
        self.0
            .failures
            .remove(0)
            .into_error()
            .map_err(|_| unreachable!("the root is an error"))
    }

    /// The cancellation of the scope, if it was cancelled.
    pub fn cancelled(&self) -> Option<&Cancelled> {
        self.0.cause.as_ref()
    }

    /// The number of tasks that completed cancelled.
    pub fn cancelled_tasks(&self) -> usize {
        self.0.cancelled
    }

    /// Returns true if the scope was cancelled by a deadline: its own, or that of an enclosing scope.
    pub fn is_timeout(&self) -> bool {
        self.0.cause.as_ref().is_some_and(Cancelled::is_deadline)
    }

    /// Continues the panic of the root cause with its own payload, or panics with this error's message.
    ///
    /// # Panics
    /// Always.
    pub fn resume(mut self) -> !
    where
        E: fmt::Display,
    {
        if self.root().is_some_and(JoinError::is_panic) {
            self.0.failures.remove(0).resume();
        }
        panic!("{self}")
    }
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScopeErrorDetails {
            scope,
            failures,
            cause,
            cancelled,
        } = &*self.0;
        match (failures.first(), cause) {
            (Some(root), _) => write!(f, "{root}")?,
            (None, Some(cause)) => write!(f, "{scope} was {cause}")?,
            (None, None) => write!(f, "{scope} failed")?,
        }
        match (failures.len().saturating_sub(1), cancelled) {
            (0, 0) => Ok(()),
            (0, n) => write!(f, " ({n} cancelled)"),
            (more, 0) => write!(f, " (and {more} more failed)"),
            (more, n) => write!(f, " (and {more} more failed, {n} cancelled)"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeError")
            .field("scope", &self.0.scope)
            .field("failures", &self.0.failures)
            .field("cause", &self.0.cause)
            .field("cancelled", &self.0.cancelled)
            .finish()
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ScopeError<E> {}

//! The result of a scope whose tasks have all completed.

use crate::cut_short::leave;
use crate::error::{CutShort, ScopeError};

/// The result of the body of a scope.
pub(super) enum BodyOutcome<T> {
    Value(T),
    /// The body left, because of a cancellation or a refused wait. Where panics abort the process it returned
    /// nevertheless, with a partial value.
    Partial(Option<T>),
    /// The body returned an error, which is among the scope's failures.
    Nothing,
}

/// A scope whose tasks have all completed.
pub(super) struct FinishedScope<T, E> {
    pub(super) body: BodyOutcome<T>,
    /// A task or the body failed, no join took the failure, and the policy does not forgive it.
    pub(super) failed: bool,
    /// The reason why the caller must leave: the body left; or a cancellation from outside the scope stopped
    /// tasks, and no wait or checkpoint of the body returned that cancellation. `None` if there is a failure,
    /// which explains more.
    pub(super) left: Option<CutShort>,
    /// A cancellation from outside the scope, or the deadline, stopped the scope.
    pub(super) cut_short: bool,
    pub(super) error: ScopeError<E>,
}

impl<T, E> FinishedScope<T, E> {
    /// Returns the value and the error side by side.
    pub(super) fn into_ended(self) -> Ended<T, E> {
        let value = match self.body {
            BodyOutcome::Value(value) => Some(value),
            // A partial result must never pass for a whole one.
            BodyOutcome::Partial(_) | BodyOutcome::Nothing => None,
        };
        let is_whole = value.is_some() && !self.failed && !self.cut_short && self.left.is_none();
        Ended {
            value,
            error: (!is_whole).then_some(self.error),
        }
    }

    /// Returns the value, or the error if the scope failed or was cut short.
    pub(super) fn into_result(self) -> Result<T, ScopeError<E>> {
        self.into_ended().into_result()
    }

    /// Returns the value of a plain scope. Where there is none, makes the caller leave or panic, because a
    /// plain scope cannot return an error.
    pub(super) fn into_value(self) -> T
    where
        E: std::fmt::Display,
    {
        let is_left = self.left.is_some();
        if let Some(why) = self.left {
            leave(why, self.error.scope());
        }
        match self.body {
            // Where panics abort the process, `leave` returns, and the caller counts as having left.
            BodyOutcome::Value(value) | BodyOutcome::Partial(Some(value))
                if !self.failed || is_left =>
            {
                value
            }
            _ => self.error.resume(),
        }
    }
}

/// The value that a scope's body returned and the scope's error, side by side.
///
/// Returned by [`ScopeBuilder::scope_ended`](crate::ScopeBuilder::scope_ended) and
/// [`try_scope_ended`](crate::ScopeBuilder::try_scope_ended), for callers that use what was done in time.
///
/// ```
/// use std::time::Duration;
/// let ended = reunite::ScopeBuilder::new().timeout(Duration::from_millis(5)).scope_ended(|s| {
///     s.spawn(|| reunite::sleep(Duration::from_secs(3600)));
///     let mut sums = 0;
///     while reunite::sleep(Duration::from_millis(1)).is_ok() { sums += 1 }
///     sums
/// });
/// assert!(ended.error.unwrap().is_timeout());
/// println!("{} sums in time", ended.value.unwrap());
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it may hold failures"]
pub struct Ended<T, E = std::convert::Infallible> {
    /// The value that the body returned; `None` if the body returned an error or left (see [partial
    /// results](crate#partial-results)). If there is no value, there is an `error`.
    pub value: Option<T>,
    /// The error of the scope; `None` if the scope did not fail. If there is no error, there is a `value`.
    pub error: Option<ScopeError<E>>,
}

impl<T, E> Ended<T, E> {
    /// Returns the value, if the scope did not fail, as [`ScopeBuilder::scope`](crate::ScopeBuilder::scope)
    /// and [`try_scope`](crate::ScopeBuilder::try_scope) do.
    ///
    /// # Errors
    /// The scope failed. The value, if there is one, is dropped.
    pub fn into_result(self) -> Result<T, ScopeError<E>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.value.expect("a scope that did not fail has a value")),
        }
    }
}

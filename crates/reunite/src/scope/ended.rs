//! A scope whose tasks are all back: what is made of it.

use crate::cut_short::leave;
use crate::error::{CutShort, ScopeError};

/// What the body of a scope left.
pub(super) enum Left<T> {
    Value(T),
    /// It was left by a cancellation or a refused wait. Where panics abort it returned all the same, a part of what it
    /// would have returned.
    Partial(Option<T>),
    /// An error, which is among the scope's failures.
    Nothing,
}

/// A scope whose tasks are all back.
pub(super) struct Finished<T, E> {
    pub(super) body: Left<T>,
    /// Somebody failed, nobody took the failure, and the policy does not forgive it.
    pub(super) failed: bool,
    /// The body was left, or a cancellation from above, of which it was not told, left tasks undone; and no failure
    /// tells more.
    pub(super) left: Option<CutShort>,
    /// A cancellation from above or the deadline left work undone.
    pub(super) cut_short: bool,
    pub(super) error: ScopeError<E>,
}

impl<T, E> Finished<T, E> {
    /// For those who want both.
    pub(super) fn into_ended(self) -> Ended<T, E> {
        let value = match self.body {
            Left::Value(value) => Some(value),
            // A partial result never passes for a whole one.
            Left::Partial(_) | Left::Nothing => None,
        };
        let is_whole = value.is_some() && !self.failed && !self.cut_short && self.left.is_none();
        Ended {
            value,
            error: (!is_whole).then_some(self.error),
        }
    }

    /// For scopes that can say that they were cut short.
    pub(super) fn into_result(self) -> Result<T, ScopeError<E>> {
        self.into_ended().into_result()
    }

    /// For the plain scope, which has only its value or a panic to give.
    pub(super) fn into_value(self) -> T
    where
        E: std::fmt::Display,
    {
        let is_left = self.left.is_some();
        if let Some(why) = self.left {
            leave(why, self.error.scope());
        }
        match self.body {
            // Where `leave` returned, whoever called the scope is left all the same.
            Left::Value(value) | Left::Partial(Some(value)) if !self.failed || is_left => value,
            _ => self.error.resume(),
        }
    }
}

/// How a scope ended: what its body returned, and how the scope failed, side by side.
///
/// From [`ScopeBuilder::scope_ended`](crate::ScopeBuilder::scope_ended) and
/// [`try_scope_ended`](crate::ScopeBuilder::try_scope_ended), for those who go on with what was done in time.
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
    /// What the body returned; `None` if it returned an error, or was left (see [partial
    /// results](crate#partial-results)). Then there is an `error`.
    pub value: Option<T>,
    /// How the scope failed; `None` if it did not. Then there is a `value`.
    pub error: Option<ScopeError<E>>,
}

impl<T, E> Ended<T, E> {
    /// What [`ScopeBuilder::scope`](crate::ScopeBuilder::scope) and [`try_scope`](crate::ScopeBuilder::try_scope) return:
    /// the value, if the scope did not fail.
    ///
    /// # Errors
    /// The scope failed. The value, if there is one, is dropped.
    ///
    pub fn into_result(self) -> Result<T, ScopeError<E>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.value.expect("a scope that did not fail has a value")),
        }
    }
}

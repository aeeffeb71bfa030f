//! Loops over items on several threads, which end before the call returns.

use std::panic::Location;

use super::Map;
use crate::error::ScopeError;
use crate::scope::scope;

/// Calls `f` with every item, on as many threads as the machine has cores, and stops at the first panic: items that run
/// are cancelled, and no others are begun. `f` may borrow.
///
/// For an `f` that returns a `Result`, see [`try_for_each`]; for other numbers of threads, [`map`](crate::map()) and
/// [`Scope::map`](crate::Scope::map).
///
/// # Errors
/// An item panicked: the error holds all panics, the root cause first. Or the current task was cancelled, or the
/// operating system refused the first thread.
///
/// # Panics
/// If the iterator panics: with its payload.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// let sum = AtomicU64::new(0);
/// reunite::for_each(1..=10, |n| { sum.fetch_add(n, Ordering::Relaxed); }).unwrap();
/// assert_eq!(sum.into_inner(), 55);
/// ```
#[track_caller]
pub fn for_each<I, F>(items: I, f: F) -> Result<(), ScopeError>
where
    I: IntoIterator<IntoIter: Send, Item: Send>,
    F: Fn(I::Item) + Send + Sync,
{
    try_for_each(items, |item| {
        f(item);
        Ok(())
    })
}

/// Calls `f` with every item like [`for_each`], and stops at the first error or panic.
///
/// # Errors
/// As [`for_each`]; or an item failed.
///
/// # Panics
/// If the iterator panics: with its payload.
///
/// ```
/// let is_even = |n| if n % 2 == 0 { Ok(()) } else { Err(format!("{n} is odd")) };
/// assert!(reunite::try_for_each([2, 4], is_even).is_ok());
/// let error = reunite::try_for_each([2, 3], is_even).unwrap_err();
/// assert_eq!(error.into_error().unwrap(), "3 is odd");
/// ```
#[track_caller]
pub fn try_for_each<I, E, F>(items: I, f: F) -> Result<(), ScopeError<E>>
where
    I: IntoIterator<IntoIter: Send, Item: Send>,
    E: Send,
    F: Fn(I::Item) -> Result<(), E> + Send + Sync,
{
    let (items, at) = (items.into_iter(), Location::caller());
    scope(|s| {
        let mut map = Map::new(items, f, s, at).fail_fast();
        // `unordered` would keep an index for each item.
        map.plan.ordered = false;
        map.collect_values()
    })
    .map(drop)
}

//! `try_collect`: collecting what items succeed with, with the place of the failure.

use std::error::Error;
use std::fmt;

use super::consumers::Gathering;
use super::part_range::{FoundPart, PartRange};
use super::plumbing::{Consumer, sends_itself};
use crate::current::checkpoint;
use crate::error::Cancelled;

/// The failure of an item, or a cancellation, which ended
/// [`try_collect`](crate::iter::ParallelIterator::try_collect).
///
/// ```
/// use reunite::prelude::*;
/// let numbers = ["1", "x", "3"].par_iter().map(|text| text.parse::<i32>()).try_collect::<Vec<_>>();
/// let failed = numbers.unwrap_err();
/// assert_eq!(failed.index(), 1);
/// assert_eq!(failed.to_string(), "item 1 failed: invalid digit found in string");
/// let error = failed.into_error().unwrap();
/// assert_eq!(error, "x".parse::<i32>().unwrap_err());
/// ```
#[derive(Debug)]
pub struct ItemError<E> {
    index: usize,
    cause: ItemCause<E>,
}

#[derive(Debug)]
enum ItemCause<E> {
    Failed(E),
    Cancelled(Cancelled),
}

impl<E> ItemError<E> {
    /// Returns the number of the item that failed, among the items that reach the ending; after a cancellation, that
    /// of the first item that was not begun in the same part of the items.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns true if the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.as_cancelled().is_some()
    }

    /// Returns the cancellation, if the task was cancelled.
    #[must_use]
    pub fn as_cancelled(&self) -> Option<&Cancelled> {
        match &self.cause {
            ItemCause::Cancelled(cancelled) => Some(cancelled),
            ItemCause::Failed(_) => None,
        }
    }

    /// Returns the error of the item, if an item failed.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        match &self.cause {
            ItemCause::Failed(error) => Some(error),
            ItemCause::Cancelled(_) => None,
        }
    }

    /// Converts it into the error of the item.
    ///
    /// # Errors
    /// The cancellation, if the task was cancelled.
    pub fn into_error(self) -> Result<E, Cancelled> {
        match self.cause {
            ItemCause::Failed(error) => Ok(error),
            ItemCause::Cancelled(cancelled) => Err(cancelled),
        }
    }
}

impl<E: fmt::Display> fmt::Display for ItemError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        match &self.cause {
            ItemCause::Failed(error) => write!(f, "item {index} failed: {error}"),
            ItemCause::Cancelled(cancelled) => {
                write!(f, "stopped before item {index}: {cancelled}")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for ItemError<E> {}

/// Items of [`try_collect`](crate::iter::ParallelIterator::try_collect): results. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`try_collect` collects the values of `Result`s, but the items are of type `{Self}`",
    note = "use `collect`, or let `map` return a `Result`"
)]
pub trait IsResult: sealed::SealedResult + Send {
    /// The type of the value.
    type Value: Send;
    /// The type of the error.
    type Error: Send;

    /// Returns `self`.
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T: Send, E: Send> IsResult for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

mod sealed {
    pub trait SealedResult {}
    impl<T, E> SealedResult for Result<T, E> {}
}

/// The consumer of `try_collect`. A part stops if a part to its left has failed; parts to the left of a failure go on,
/// so the failure that counts is the first one, as in a loop, and its number is known.
pub(super) struct TryGathering<'a, T, E> {
    values: Gathering<T>,
    /// The number of values.
    count: usize,
    failure: Option<ItemError<E>>,
    range: PartRange,
    first: &'a FoundPart,
}

impl<'a, T: Send, E: Send> TryGathering<'a, T, E> {
    pub(super) fn new(first: &'a FoundPart) -> Self {
        Self::of_part(PartRange::ALL, first)
    }

    fn of_part(range: PartRange, first: &'a FoundPart) -> Self {
        Self {
            values: Gathering::new(),
            count: 0,
            failure: None,
            range,
            first,
        }
    }

    pub(super) fn into_result(self) -> Result<Vec<T>, ItemError<E>> {
        match self.failure {
            None => Ok(self.values.into_vec()),
            Some(failure) => Err(failure),
        }
    }

    fn fail(&mut self, cause: ItemCause<E>) {
        let index = self.count;
        self.failure = Some(ItemError { index, cause });
        self.range.mark_as_first(self.first);
    }
}

impl<T: Send, E: Send> Consumer<Result<T, E>> for TryGathering<'_, T, E> {
    sends_itself!();

    fn consume<I: Iterator<Item = Result<T, E>>>(&mut self, mut items: I) {
        if self.failure.is_some() {
            return;
        }
        if let Err(cancelled) = checkpoint() {
            return self.fail(ItemCause::Cancelled(cancelled));
        }
        let count = &mut self.count;
        let mut failed = None;
        let values = items.by_ref().map_while(|item| match item {
            Ok(value) => {
                *count += 1;
                Some(value)
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        self.values.consume(values);
        if let Some(error) = failed {
            self.fail(ItemCause::Failed(error));
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self::of_part(self.range.split_off(at), self.first)
    }

    fn append(&mut self, right: Self) {
        self.range.append(right.range);
        if self.failure.is_some() {
            return;
        }
        self.failure = right.failure.map(|failure| ItemError {
            index: self.count + failure.index,
            ..failure
        });
        self.count += right.count;
        self.values.append(right.values);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.failure.is_some() || self.range.is_after_first(self.first)
    }
}

//! The methods of a map that run it.

use super::{Home, Map, Order};
use crate::error::{JoinError, ScopeError};

impl<'a, I, U, E, F, H, O> Map<'a, I, F, H, O>
where
    O: Order<U, Value: 'a>,
    I: Iterator<Item: Send + 'a> + Send + 'a,
    U: Send + 'a,
    E: Send + 'a,
    F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'a,
    H: Home<'a>,
{
    /// Runs the map and collects its outcomes, as [`Iterator::collect`] does. Into a `Result` of a collection, it stops
    /// at the first error; [`collect_values`](Self::collect_values) returns all errors.
    ///
    /// ```
    /// let outcomes: Vec<Result<usize, _>> = reunite::map(["to", "be"], str::len).threads(2).collect();
    /// assert_eq!(outcomes.into_iter().map(Result::unwrap).sum::<usize>(), 4);
    ///
    /// let lengths: Result<Vec<usize>, reunite::JoinError> = reunite::map(["to", "be"], str::len).collect();
    /// assert_eq!(lengths.unwrap(), [2, 2]);
    /// ```
    pub fn collect<C>(self) -> C
    where
        C: FromIterator<Result<O::Value, JoinError<E>>>,
    {
        self.into_iter().collect()
    }

    /// Runs the map and returns all values, in the map's order.
    ///
    /// # Errors
    /// As [`Outcomes::collect_values`](crate::Outcomes::collect_values).
    ///
    /// ```
    /// let numbers = reunite::try_map(["1", "x"], |text| text.parse::<u32>()).threads(2).collect_values();
    /// assert_eq!(numbers.unwrap_err().root().unwrap().item(), Some(1));
    /// ```
    pub fn collect_values(self) -> Result<Vec<O::Value>, ScopeError<E>> {
        self.into_iter().collect_values()
    }

    /// Runs the map and calls `f` with each outcome, on the calling thread. To call a closure on several threads, pass it
    /// to [`map`](crate::map()) or [`for_each`](crate::for_each).
    ///
    /// ```
    /// let mut total = 0;
    /// reunite::map(["to", "be"], str::len).threads(2).for_each(|outcome| total += outcome.unwrap());
    /// assert_eq!(total, 4);
    /// ```
    pub fn for_each(self, f: impl FnMut(Result<O::Value, JoinError<E>>)) {
        self.into_iter().for_each(f);
    }
}

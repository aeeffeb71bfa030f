//! Conversions into parallel iterators, and from them into collections.

use super::plumbing::Drive;

/// A conversion into a parallel iterator. Every parallel iterator is one already.
///
/// ```
/// use reunite::prelude::*;
/// let squares: Vec<u32> = (1..4_u32).into_par_iter().map(|n| n * n).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into a parallel iterator",
    note = "slices, vectors, arrays, ranges of integers, `Option`, `Result` and the collections of std can; an iterator \
            can with `.par_bridge()`"
)]
pub trait IntoParallelIterator {
    /// The type of the items.
    type Item: Send;
    /// The type of the parallel iterator.
    type Iter: Drive<Item = Self::Item>;

    /// Returns a parallel iterator over the items.
    fn into_par_iter(self) -> Self::Iter;
}

impl<I: Drive> IntoParallelIterator for I {
    type Item = I::Item;
    type Iter = I;

    fn into_par_iter(self) -> I {
        self
    }
}

/// A conversion into a parallel iterator over references, for every type of which `&Self` is [`IntoParallelIterator`].
///
/// ```
/// use reunite::prelude::*;
/// assert_eq!(vec![1, 2, 3].par_iter().sum::<i32>(), 6);
/// ```
pub trait IntoParallelRefIterator<'data> {
    /// The type of the items.
    type Item: Send + 'data;
    /// The type of the parallel iterator.
    type Iter: Drive<Item = Self::Item>;

    /// Returns a parallel iterator over references to the items.
    fn par_iter(&'data self) -> Self::Iter;
}

impl<'data, C: ?Sized + 'data> IntoParallelRefIterator<'data> for C
where
    &'data C: IntoParallelIterator,
    <&'data C as IntoParallelIterator>::Item: 'data,
{
    type Item = <&'data C as IntoParallelIterator>::Item;
    type Iter = <&'data C as IntoParallelIterator>::Iter;

    fn par_iter(&'data self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// A conversion into a parallel iterator over mutable references, for every type of which `&mut Self` is
/// [`IntoParallelIterator`].
///
/// ```
/// use reunite::prelude::*;
/// let mut numbers = vec![1, 2, 3];
/// numbers.par_iter_mut().for_each(|n| *n *= 10);
/// assert_eq!(numbers, [10, 20, 30]);
/// ```
pub trait IntoParallelRefMutIterator<'data> {
    /// The type of the items.
    type Item: Send + 'data;
    /// The type of the parallel iterator.
    type Iter: Drive<Item = Self::Item>;

    /// Returns a parallel iterator over mutable references to the items.
    fn par_iter_mut(&'data mut self) -> Self::Iter;
}

impl<'data, C: ?Sized + 'data> IntoParallelRefMutIterator<'data> for C
where
    &'data mut C: IntoParallelIterator,
    <&'data mut C as IntoParallelIterator>::Item: 'data,
{
    type Item = <&'data mut C as IntoParallelIterator>::Item;
    type Iter = <&'data mut C as IntoParallelIterator>::Iter;

    fn par_iter_mut(&'data mut self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// A collection that can be made of the items of a parallel iterator, by
/// [`collect`](crate::iter::ParallelIterator::collect).
///
/// ```
/// use reunite::iter::FromParallelIterator;
/// use reunite::prelude::*;
///
/// struct Total(u64);
/// impl FromParallelIterator<u64> for Total {
///     fn from_par_iter<I: IntoParallelIterator<Item = u64>>(items: I) -> Self {
///         Total(items.into_par_iter().sum())
///     }
/// }
/// let total: Total = (1..=4_u64).into_par_iter().collect();
/// assert_eq!(total.0, 10);
/// ```
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be collected from parallel items of type `{T}`",
    note = "the collections of std, `String`, and `Option` and `Result` of these can"
)]
pub trait FromParallelIterator<T: Send>: Sized {
    /// Makes a collection of the items, in their order.
    #[track_caller]
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self;
}

/// A collection to which the items of a parallel iterator can be added.
///
/// ```
/// use reunite::prelude::*;
/// let mut numbers = vec![0];
/// numbers.par_extend((1..4).into_par_iter());
/// assert_eq!(numbers, [0, 1, 2, 3]);
/// ```
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be extended by parallel items of type `{T}`",
    note = "the collections of std and `String` can"
)]
pub trait ParallelExtend<T: Send> {
    /// Adds the items, in their order.
    #[track_caller]
    fn par_extend<I: IntoParallelIterator<Item = T>>(&mut self, items: I);
}

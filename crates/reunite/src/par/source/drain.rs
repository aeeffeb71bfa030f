//! Taking items out of collections that stay.

use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::ops::RangeBounds;

use crate::par::owned::VecIter;

/// Collections of which a range of items can be removed.
pub trait ParallelDrainRange<Index = usize> {
    /// The type of the items.
    type Item: Send;

    /// Removes the items of `range` and returns a parallel iterator over them. They are removed even if the iterator is
    /// dropped.
    ///
    /// # Panics
    /// If the range is out of bounds.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = vec![1, 2, 3, 4];
    /// assert_eq!(numbers.par_drain(1..3).sum::<i32>(), 5);
    /// assert_eq!(numbers, [1, 4]);
    /// ```
    fn par_drain<R: RangeBounds<Index>>(self, range: R) -> VecIter<Self::Item>;
}

impl<T: Send> ParallelDrainRange for &mut Vec<T> {
    type Item = T;

    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> VecIter<T> {
        VecIter(self.drain(range).collect())
    }
}

impl<T: Send> ParallelDrainRange for &mut VecDeque<T> {
    type Item = T;

    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> VecIter<T> {
        VecIter(self.drain(range).collect())
    }
}

impl ParallelDrainRange for &mut String {
    type Item = char;

    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> VecIter<char> {
        VecIter(self.drain(range).collect())
    }
}

/// Collections of which all items can be removed.
pub trait ParallelDrainFull {
    /// The type of the items.
    type Item: Send;

    /// Removes all items and returns a parallel iterator over them. They are removed even if the iterator is dropped.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut seen = std::collections::HashSet::from([1, 2]);
    /// assert_eq!(seen.par_drain().sum::<i32>(), 3);
    /// assert!(seen.is_empty());
    /// ```
    fn par_drain(self) -> VecIter<Self::Item>;
}

impl<T: Ord + Send> ParallelDrainFull for &mut BinaryHeap<T> {
    type Item = T;

    fn par_drain(self) -> VecIter<T> {
        VecIter(self.drain().collect())
    }
}

impl<T: Send, S: BuildHasher> ParallelDrainFull for &mut HashSet<T, S> {
    type Item = T;

    fn par_drain(self) -> VecIter<T> {
        VecIter(self.drain().collect())
    }
}

impl<K: Send, V: Send, S: BuildHasher> ParallelDrainFull for &mut HashMap<K, V, S> {
    type Item = (K, V);

    fn par_drain(self) -> VecIter<(K, V)> {
        VecIter(self.drain().collect())
    }
}

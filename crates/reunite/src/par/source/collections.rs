//! Vectors, arrays, options and the other collections of std.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::BuildHasher;

use super::slice::{SliceIter, SliceIterMut};
use crate::par::chain::Chained;
use crate::par::convert::IntoParallelIterator;
use crate::par::owned::VecIter;

/// Implements the conversion for types that `into_iter` turns into a slice's iterator.
macro_rules! as_slice {
    ($($collection:ty, [$($generics:tt)*];)*) => {$(
        impl<'a, $($generics)*> IntoParallelIterator for &'a $collection
        where
            T: Sync,
        {
            type Item = &'a T;
            type Iter = SliceIter<'a, T>;

            fn into_par_iter(self) -> Self::Iter {
                SliceIter(self)
            }
        }

        impl<'a, $($generics)*> IntoParallelIterator for &'a mut $collection
        where
            T: Send,
        {
            type Item = &'a mut T;
            type Iter = SliceIterMut<'a, T>;

            fn into_par_iter(self) -> Self::Iter {
                SliceIterMut(self)
            }
        }
    )*};
}

as_slice! {
    Vec<T>, [T];
    [T; N], [T, const N: usize];
    Box<[T]>, [T];
}

/// Implements the conversion by first putting the items into a vector.
macro_rules! by_vec {
    ($($collection:ty, of $item:ty, [$($generics:tt)*] where {$($bounds:tt)*};)*) => {$(
        impl<$($generics)*> IntoParallelIterator for $collection where $($bounds)* {
            type Item = $item;
            type Iter = VecIter<$item>;

            fn into_par_iter(self) -> Self::Iter {
                VecIter(Vec::from_iter(self))
            }
        }
    )*};
}

by_vec! {
    Vec<T>, of T, [T] where {T: Send};
    [T; N], of T, [T, const N: usize] where {T: Send};
    Box<[T]>, of T, [T] where {T: Send};
    VecDeque<T>, of T, [T] where {T: Send};
    BinaryHeap<T>, of T, [T] where {T: Ord + Send};
    LinkedList<T>, of T, [T] where {T: Send};
    &'a LinkedList<T>, of &'a T, ['a, T] where {T: Sync};
    &'a mut LinkedList<T>, of &'a mut T, ['a, T] where {T: Send};
    BTreeSet<T>, of T, [T] where {T: Ord + Send};
    &'a BTreeSet<T>, of &'a T, ['a, T] where {T: Ord + Sync};
    BTreeMap<K, V>, of (K, V), [K, V] where {K: Ord + Send, V: Send};
    &'a BTreeMap<K, V>, of (&'a K, &'a V), ['a, K, V] where {K: Ord + Sync, V: Sync};
    &'a mut BTreeMap<K, V>, of (&'a K, &'a mut V), ['a, K, V] where {K: Ord + Sync, V: Send};
    HashSet<T, S>, of T, [T, S] where {T: Send, S: BuildHasher};
    &'a HashSet<T, S>, of &'a T, ['a, T, S] where {T: Sync, S: BuildHasher};
    HashMap<K, V, S>, of (K, V), [K, V, S] where {K: Send, V: Send, S: BuildHasher};
    &'a HashMap<K, V, S>, of (&'a K, &'a V), ['a, K, V, S] where {K: Sync, V: Sync, S: BuildHasher};
    &'a mut HashMap<K, V, S>, of (&'a K, &'a mut V), ['a, K, V, S] where {K: Sync, V: Send, S: BuildHasher};
    Option<T>, of T, [T] where {T: Send};
    &'a Option<T>, of &'a T, ['a, T] where {T: Sync};
    &'a mut Option<T>, of &'a mut T, ['a, T] where {T: Send};
    Result<T, E>, of T, [T, E] where {T: Send};
    &'a Result<T, E>, of &'a T, ['a, T, E] where {T: Sync};
    &'a mut Result<T, E>, of &'a mut T, ['a, T, E] where {T: Send};
}

impl<'a, T: Ord + Sync> IntoParallelIterator for &'a BinaryHeap<T> {
    type Item = &'a T;
    type Iter = SliceIter<'a, T>;

    fn into_par_iter(self) -> Self::Iter {
        SliceIter(self.as_slice())
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a VecDeque<T> {
    type Item = &'a T;
    type Iter = Chained<SliceIter<'a, T>, SliceIter<'a, T>>;

    fn into_par_iter(self) -> Self::Iter {
        let (a, b) = self.as_slices();
        Chained {
            a: SliceIter(a),
            b: SliceIter(b),
        }
    }
}

impl<'a, T: Send> IntoParallelIterator for &'a mut VecDeque<T> {
    type Item = &'a mut T;
    type Iter = Chained<SliceIterMut<'a, T>, SliceIterMut<'a, T>>;

    fn into_par_iter(self) -> Self::Iter {
        let (a, b) = self.as_mut_slices();
        Chained {
            a: SliceIterMut(a),
            b: SliceIterMut(b),
        }
    }
}

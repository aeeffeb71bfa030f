//! The methods of all parallel iterators.

use std::cmp::Ordering;
use std::collections::LinkedList;
use std::iter::{Product, Sum};
use std::panic::Location;

use either::Either;

use super::adaptor::Adapted;
use super::adaptors::{
    Checking, Cloning, FilterMapping, Filtering, FlatMappingIter, Inspecting, Mapping, SkippingAny,
    SkippingAnyWhile, TakingAny, TakingAnyWhile, Updating, WhileSome,
};
use super::chain::Chained;
use super::collect::gather;
use super::consumers::{Accumulator, AsProduct, AsSum, Count, Dividing, ForEach, Reduce};
use super::convert::{FromParallelIterator, IntoParallelIterator, ParallelExtend};
use super::find::{FindAny, FindFirst, FindLast};
use super::flat_map::{FlatMap, Flatten, FlattenIter};
use super::fold::Fold;
use super::intersperse::Intersperse;
use super::map_with::{MapInit, MapWith};
use super::part_range::FoundPart;
use super::plumbing::Drive;
use super::try_collect::{IsResult, ItemError, TryGathering};
use super::try_endings::{Try, TryFold, TryReduce};
use crate::error::Cancelled;
use crate::primitive::{AtomicBool, Mutex};

/// The methods of parallel iterators. Adaptors, such as [`map`](Self::map), return another parallel iterator and do
/// nothing yet. Endings, such as [`collect`](Self::collect), work on all items in parallel and return the result.
///
/// The names and meanings are those of rayon. Closures are shared by threads, so they are `Fn + Sync`.
/// See [`par`](crate::par()) for where the work runs, and for cancellation and panics.
///
/// ```
/// use reunite::prelude::*;
/// let words = ["to", "be", "or", "not"];
/// let total: usize = words.par_iter().filter(|word| word.len() > 2).map(|word| word.len()).sum();
/// assert_eq!(total, 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a parallel iterator",
    note = "call `.into_par_iter()`, `.par_iter()` or `reunite::par(..)` on the collection, or `.par_bridge()` on an \
            iterator, with `use reunite::prelude::*`"
)]
pub trait ParallelIterator: Drive {
    /// Applies `f` to each item.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1, 2, 3].par_iter().map(|n| n * n).collect::<Vec<_>>(), [1, 4, 9]);
    /// ```
    fn map<R: Send, F: Fn(Self::Item) -> R + Send + Sync>(self, f: F) -> Adapted<Self, Mapping<F>> {
        Adapted::new(self, Mapping(f))
    }

    /// Applies `f` to each item, with a state that is cloned for each part of the items that another thread takes.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (tx, rx) = reunite::channel::unbounded();
    /// (0..4).into_par_iter().map_with(tx, |tx, n| tx.send(n).unwrap()).count();
    /// assert_eq!(rx.iter().sum::<i32>(), 6);
    /// ```
    fn map_with<S, R, F>(self, state: S, f: F) -> MapWith<Self, S, F>
    where
        S: Clone + Send,
        R: Send,
        F: Fn(&mut S, Self::Item) -> R + Send + Sync,
    {
        MapWith {
            base: self,
            state,
            f,
        }
    }

    /// Applies `f` to each item, with a state that `init` makes for each part of the items that a thread works on. The
    /// state stays on that thread, so it need not be `Send`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let lengths: Vec<usize> = (0..3).into_par_iter().map_init(String::new, |text, n| {
    ///     text.clear();
    ///     (0..n).for_each(|_| text.push('x'));
    ///     text.len()
    /// }).collect();
    /// assert_eq!(lengths, [0, 1, 2]);
    /// ```
    fn map_init<N, S, R, F>(self, init: N, f: F) -> MapInit<Self, N, F>
    where
        N: Fn() -> S + Send + Sync,
        R: Send,
        F: Fn(&mut S, Self::Item) -> R + Send + Sync,
    {
        MapInit {
            base: self,
            init,
            f,
        }
    }

    /// Clones the items, which are references.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let words: Vec<String> = ["to".to_string()].par_iter().cloned().collect();
    /// assert_eq!(words, ["to"]);
    /// ```
    fn cloned<'a, T>(self) -> Adapted<Self, Cloning>
    where
        T: Clone + Send + Sync + 'a,
        Self: Drive<Item = &'a T>,
    {
        Adapted::new(self, Cloning)
    }

    /// Copies the items, which are references.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1, 2].par_iter().copied().max(), Some(2));
    /// ```
    fn copied<'a, T>(self) -> Adapted<Self, Cloning>
    where
        T: Copy + Send + Sync + 'a,
        Self: Drive<Item = &'a T>,
    {
        Adapted::new(self, Cloning)
    }

    /// Calls `f` with a reference to each item as it goes by; for instance, to count progress.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// let done = AtomicUsize::new(0);
    /// let sum: i32 = [1, 2].par_iter().inspect(|_| { done.fetch_add(1, Relaxed); }).sum();
    /// assert_eq!((sum, done.into_inner()), (3, 2));
    /// ```
    fn inspect<F: Fn(&Self::Item) + Send + Sync>(self, f: F) -> Adapted<Self, Inspecting<F>> {
        Adapted::new(self, Inspecting(f))
    }

    /// Changes each item.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..3).into_par_iter().update(|n| *n *= 2).sum::<i32>(), 6);
    /// ```
    fn update<F: Fn(&mut Self::Item) + Send + Sync>(self, f: F) -> Adapted<Self, Updating<F>> {
        Adapted::new(self, Updating(f))
    }

    /// Keeps the items for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..9).into_par_iter().filter(|n| n % 4 == 0).collect::<Vec<_>>(), [0, 4, 8]);
    /// ```
    fn filter<F>(self, predicate: F) -> Adapted<Self, Filtering<F>>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        Adapted::new(self, Filtering(predicate))
    }

    /// Applies `f` to each item and keeps the values of the `Some` that it returns.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let numbers: Vec<i32> = ["1", "x"].par_iter().filter_map(|text| text.parse().ok()).collect();
    /// assert_eq!(numbers, [1]);
    /// ```
    fn filter_map<R, F>(self, f: F) -> Adapted<Self, FilterMapping<F>>
    where
        R: Send,
        F: Fn(Self::Item) -> Option<R> + Send + Sync,
    {
        Adapted::new(self, FilterMapping(f))
    }

    /// Applies `f` to each item and goes over the items of the parallel iterators, or collections, that it returns.
    /// These are split among threads like others.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let all: Vec<u32> = (1..4_u32).into_par_iter().flat_map(|n| 0..n).collect();
    /// assert_eq!(all, [0, 0, 1, 0, 1, 2]);
    /// ```
    fn flat_map<R, F>(self, f: F) -> FlatMap<Self, F>
    where
        R: IntoParallelIterator,
        F: Fn(Self::Item) -> R + Send + Sync,
    {
        FlatMap { base: self, f }
    }

    /// Applies `f` to each item and goes over the items of the sequential iterators that it returns. It suits many
    /// short iterators better than [`flat_map`](Self::flat_map).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let all: String = ["ab", "c"].par_iter().flat_map_iter(|word| word.chars()).collect();
    /// assert_eq!(all, "abc");
    /// ```
    fn flat_map_iter<R, F>(self, f: F) -> Adapted<Self, FlatMappingIter<F>>
    where
        R: IntoIterator<Item: Send>,
        F: Fn(Self::Item) -> R + Send + Sync,
    {
        Adapted::new(self, FlatMappingIter(f))
    }

    /// Goes over the items of the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(vec![vec![1], vec![2, 3]].into_par_iter().flatten().sum::<i32>(), 6);
    /// ```
    fn flatten(self) -> Flatten<Self>
    where
        Self::Item: IntoParallelIterator,
    {
        FlatMap {
            base: self,
            f: |items| items,
        }
    }

    /// Goes over the items of the items, each of which one thread goes over.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(vec![Some(1), None].into_par_iter().flatten_iter().count(), 1);
    /// ```
    fn flatten_iter(self) -> FlattenIter<Self>
    where
        Self::Item: IntoIterator<Item: Send>,
    {
        Adapted::new(self, FlatMappingIter(|items| items))
    }

    /// Goes over the items, then over those of `other`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1].par_iter().chain(&[2, 3]).collect::<Vec<_>>(), [&1, &2, &3]);
    /// ```
    fn chain<C>(self, other: C) -> Chained<Self, C::Iter>
    where
        C: IntoParallelIterator<Item = Self::Item>,
    {
        Chained {
            a: self,
            b: other.into_par_iter(),
        }
    }

    /// Puts a clone of `separator` between each two items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(vec!["a", "b"].into_par_iter().intersperse("-").collect::<String>(), "a-b");
    /// ```
    fn intersperse(self, separator: Self::Item) -> Intersperse<Self, Self::Item>
    where
        Self::Item: Clone,
    {
        Intersperse {
            base: self,
            separator,
        }
    }

    /// Keeps the values of items that are `Some`, and stops soon after a `None` is found.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!((0..99).into_par_iter().map(|n| (n != 7).then_some(n)).while_some().count() < 99);
    /// ```
    fn while_some<T: Send>(self) -> Adapted<Self, WhileSome>
    where
        Self: Drive<Item = Option<T>>,
    {
        Adapted::new(self, WhileSome::default())
    }

    /// Keeps any `count` items, in their order.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..99).into_par_iter().filter(|n| n % 2 == 0).take_any(5).count(), 5);
    /// ```
    fn take_any(self, count: usize) -> Adapted<Self, TakingAny> {
        Adapted::new(self, TakingAny::new(count))
    }

    /// Drops any `count` items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..99).into_par_iter().skip_any(5).count(), 94);
    /// ```
    fn skip_any(self, count: usize) -> Adapted<Self, SkippingAny> {
        Adapted::new(self, SkippingAny::new(count))
    }

    /// Keeps items until `predicate` returns false for any of them.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!((0..99).into_par_iter().take_any_while(|n| *n < 50).all(|n| n < 50));
    /// ```
    fn take_any_while<F>(self, predicate: F) -> Adapted<Self, TakingAnyWhile<F>>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        Adapted::new(self, TakingAnyWhile::new(predicate))
    }

    /// Drops items until `predicate` returns false for any of them.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!((0..99).into_par_iter().skip_any_while(|n| *n < 50).count() >= 49);
    /// ```
    fn skip_any_while<F>(self, predicate: F) -> Adapted<Self, SkippingAnyWhile<F>>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        Adapted::new(self, SkippingAnyWhile::new(predicate))
    }

    /// Returns `self`: in all parallel iterators a panic stops the other threads at their next check.
    fn panic_fuse(self) -> Self {
        self
    }

    /// Folds the items of each part that a thread works on into one value, which becomes an item. How the items are
    /// divided into parts changes from call to call; there is at least one part.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// use std::collections::HashMap;
    /// let counts = ["be", "or", "be"].par_iter().fold(HashMap::new, |mut counts, word| {
    ///     *counts.entry(*word).or_insert(0) += 1;
    ///     counts
    /// }).reduce(HashMap::new, |mut a, b| {
    ///     b.into_iter().for_each(|(word, count)| *a.entry(word).or_insert(0) += count);
    ///     a
    /// });
    /// assert_eq!(counts["be"], 2);
    /// ```
    fn fold<A, N, F>(self, identity: N, f: F) -> Fold<Self, N, F>
    where
        A: Send,
        N: Fn() -> A + Send + Sync,
        F: Fn(A, Self::Item) -> A + Send + Sync,
    {
        Fold {
            base: self,
            identity,
            f,
        }
    }

    /// Folds the items of each part like [`fold`](Self::fold), from clones of `start`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..4).into_par_iter().fold_with(0, |a, n| a + n).sum::<i32>(), 6);
    /// ```
    fn fold_with<A, F>(self, start: A, f: F) -> Fold<Self, impl Fn() -> A + Clone + Send + Sync, F>
    where
        A: Clone + Send + Sync,
        F: Fn(A, Self::Item) -> A + Send + Sync,
    {
        self.fold(move || start.clone(), f)
    }

    /// Folds the items of each part like [`fold`](Self::fold), until `f` returns a failure, which then becomes the item
    /// of that part.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sum = |items: &[i32]| {
    ///     items.par_iter().try_fold(|| 0_i32, |a, n| a.checked_add(*n)).try_reduce(|| 0, i32::checked_add)
    /// };
    /// assert_eq!((sum(&[1, 2]), sum(&[i32::MAX, 1])), (Some(3), None));
    /// ```
    fn try_fold<T, R, N, F>(self, identity: N, f: F) -> TryFold<Self, N, F, R>
    where
        R: Try<Output = T> + Send,
        N: Fn() -> T + Send + Sync,
        F: Fn(T, Self::Item) -> R + Send + Sync,
    {
        TryFold::new(self, identity, f)
    }

    /// Folds the items of each part like [`try_fold`](Self::try_fold), from clones of `start`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sums = [1, 2].par_iter().try_fold_with(0_i32, |a, n| a.checked_add(*n));
    /// assert_eq!(sums.try_reduce(|| 0, i32::checked_add), Some(3));
    /// ```
    fn try_fold_with<T, R, F>(
        self,
        start: T,
        f: F,
    ) -> TryFold<Self, impl Fn() -> T + Clone + Send + Sync, F, R>
    where
        T: Clone + Send + Sync,
        R: Try<Output = T> + Send,
        F: Fn(T, Self::Item) -> R + Send + Sync,
    {
        self.try_fold(move || start.clone(), f)
    }

    /// Calls `f` with each item.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1, 2, 3];
    /// numbers.par_iter_mut().for_each(|n| *n *= 10);
    /// assert_eq!(numbers, [10, 20, 30]);
    /// ```
    #[track_caller]
    fn for_each<F: Fn(Self::Item) + Send + Sync>(self, f: F) {
        self.drive(Location::caller(), ForEach::new(&f));
    }

    /// Calls `f` with each item and a state; see [`map_with`](Self::map_with).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (tx, rx) = reunite::channel::unbounded();
    /// (0..4).into_par_iter().for_each_with(tx, |tx, n| tx.send(n).unwrap());
    /// assert_eq!(rx.iter().count(), 4);
    /// ```
    #[track_caller]
    fn for_each_with<S, F>(self, state: S, f: F)
    where
        S: Clone + Send,
        F: Fn(&mut S, Self::Item) + Send + Sync,
    {
        self.map_with(state, f).for_each(|()| {});
    }

    /// Calls `f` with each item and a state; see [`map_init`](Self::map_init).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [0; 3];
    /// numbers.par_iter_mut().for_each_init(|| 5, |state, n| *n = *state);
    /// assert_eq!(numbers, [5, 5, 5]);
    /// ```
    #[track_caller]
    fn for_each_init<N, S, F>(self, init: N, f: F)
    where
        N: Fn() -> S + Send + Sync,
        F: Fn(&mut S, Self::Item) + Send + Sync,
    {
        self.map_init(init, f).for_each(|()| {});
    }

    /// Calls `f` with each item until one of the calls returns a failure: an `Err`, a `None` or a `Break`. Items that
    /// have begun are finished; others are not begun. Returns the leftmost failure that occurred.
    ///
    /// For a cancellation to stop it, too, see [`checked`](Self::checked).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let check = |n: &i32| if *n > 0 { Ok(()) } else { Err(format!("{n} is not positive")) };
    /// assert_eq!([1, -2].par_iter().try_for_each(check), Err("-2 is not positive".to_string()));
    /// ```
    #[track_caller]
    fn try_for_each<R, F>(self, f: F) -> R
    where
        R: Try<Output = ()> + Send,
        F: Fn(Self::Item) -> R + Send + Sync,
    {
        self.map(f).try_reduce(|| (), |(), ()| R::from_output(()))
    }

    /// Does what [`try_for_each`](Self::try_for_each) does, with a state; see [`map_with`](Self::map_with).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (tx, _) = reunite::channel::unbounded();
    /// assert!((0..4).into_par_iter().try_for_each_with(tx, |tx, n| tx.send(n)).is_err());
    /// ```
    #[track_caller]
    fn try_for_each_with<S, R, F>(self, state: S, f: F) -> R
    where
        S: Clone + Send,
        R: Try<Output = ()> + Send,
        F: Fn(&mut S, Self::Item) -> R + Send + Sync,
    {
        self.map_with(state, f)
            .try_reduce(|| (), |(), ()| R::from_output(()))
    }

    /// Does what [`try_for_each`](Self::try_for_each) does, with a state; see [`map_init`](Self::map_init).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let done = (0..4).into_par_iter().try_for_each_init(|| 3, |most, n| (n <= *most).then_some(()));
    /// assert_eq!(done, Some(()));
    /// ```
    #[track_caller]
    fn try_for_each_init<N, S, R, F>(self, init: N, f: F) -> R
    where
        N: Fn() -> S + Send + Sync,
        R: Try<Output = ()> + Send,
        F: Fn(&mut S, Self::Item) -> R + Send + Sync,
    {
        self.map_init(init, f)
            .try_reduce(|| (), |(), ()| R::from_output(()))
    }

    /// Reduces the items to one by `f`, which combines neighbours. How they are grouped changes from call to call, so
    /// `f` should be associative; it need not be commutative. `identity` makes the result of no items, and should
    /// not change an item that it is combined with.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let text = vec!["to", "be"].into_par_iter().map(String::from).reduce(String::new, |a, b| a + &b);
    /// assert_eq!(text, "tobe");
    /// ```
    #[track_caller]
    fn reduce<N, F>(self, identity: N, f: F) -> Self::Item
    where
        N: Fn() -> Self::Item + Send + Sync,
        F: Fn(Self::Item, Self::Item) -> Self::Item + Send + Sync,
    {
        self.reduce_with(f).unwrap_or_else(identity)
    }

    /// Reduces the items like [`reduce`](Self::reduce); returns `None` if there are none.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..5).into_par_iter().reduce_with(|a, b| a * b), Some(24));
    /// ```
    #[track_caller]
    fn reduce_with<F>(self, f: F) -> Option<Self::Item>
    where
        F: Fn(Self::Item, Self::Item) -> Self::Item + Send + Sync,
    {
        self.drive(Location::caller(), Reduce::new(&f))
            .into_reduced()
    }

    /// Reduces the values of the items until an item or `f` is a failure: an `Err`, a `None` or a `Break`. Returns the
    /// leftmost failure that occurred.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sum = |items: &[Option<i32>]| items.par_iter().copied().try_reduce(|| 0, i32::checked_add);
    /// assert_eq!((sum(&[Some(1), Some(2)]), sum(&[Some(1), None])), (Some(3), None));
    /// ```
    #[track_caller]
    fn try_reduce<T, N, F>(self, identity: N, f: F) -> Self::Item
    where
        Self::Item: Try<Output = T>,
        T: Send,
        N: Fn() -> T + Send + Sync,
        F: Fn(T, T) -> Self::Item + Send + Sync,
    {
        self.try_reduce_with(f)
            .unwrap_or_else(|| Self::Item::from_output(identity()))
    }

    /// Reduces the values of the items like [`try_reduce`](Self::try_reduce); returns `None` if there are no items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sum = vec![Ok::<i32, ()>(1), Ok(2)].into_par_iter().try_reduce_with(|a, b| Ok(a + b));
    /// assert_eq!(sum, Some(Ok(3)));
    /// ```
    #[track_caller]
    fn try_reduce_with<T, F>(self, f: F) -> Option<Self::Item>
    where
        Self::Item: Try<Output = T>,
        T: Send,
        F: Fn(T, T) -> Self::Item + Send + Sync,
    {
        let is_over = AtomicBool::new(false);
        self.drive(Location::caller(), TryReduce::new(&f, &is_over))
            .into_reduced()
    }

    /// Adds up the items. Floating-point numbers are added in an order that changes from call to call.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..=100).into_par_iter().sum::<u32>(), 5050);
    /// ```
    #[track_caller]
    fn sum<S: Send + Sum<Self::Item> + Sum<S>>(self) -> S {
        self.drive(Location::caller(), Accumulator::new())
            .into_result(|| AsSum(std::iter::empty::<S>().sum()))
            .0
    }

    /// Multiplies the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..=5).into_par_iter().product::<u32>(), 120);
    /// ```
    #[track_caller]
    fn product<P: Send + Product<Self::Item> + Product<P>>(self) -> P {
        self.drive(Location::caller(), Accumulator::new())
            .into_result(|| AsProduct(std::iter::empty::<P>().product()))
            .0
    }

    /// Counts the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..10).into_par_iter().filter(|n| n % 3 == 0).count(), 4);
    /// ```
    #[track_caller]
    fn count(self) -> usize {
        self.drive(Location::caller(), Count(0)).0
    }

    /// Returns the least item; of equal ones, the first.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([3, 1, 2].par_iter().min(), Some(&1));
    /// ```
    #[track_caller]
    fn min(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.reduce_with(Ord::min)
    }

    /// Returns the least item by a comparison; of equal ones, the first.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([2.5, -1.0].par_iter().copied().min_by(f64::total_cmp), Some(-1.0));
    /// ```
    #[track_caller]
    fn min_by<F>(self, compare: F) -> Option<Self::Item>
    where
        F: Fn(&Self::Item, &Self::Item) -> Ordering + Send + Sync,
    {
        self.reduce_with(|a, b| if compare(&a, &b).is_le() { a } else { b })
    }

    /// Returns the item with the least key; of equal ones, the first.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["not", "to", "be"].par_iter().min_by_key(|word| word.len()), Some(&"to"));
    /// ```
    #[track_caller]
    fn min_by_key<K, F>(self, key: F) -> Option<Self::Item>
    where
        K: Ord + Send,
        F: Fn(&Self::Item) -> K + Send + Sync,
    {
        let keyed = self.map(|item| (key(&item), item));
        keyed.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
    }

    /// Returns the greatest item; of equal ones, the last.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([3, 1, 2].par_iter().max(), Some(&3));
    /// ```
    #[track_caller]
    fn max(self) -> Option<Self::Item>
    where
        Self::Item: Ord,
    {
        self.reduce_with(Ord::max)
    }

    /// Returns the greatest item by a comparison; of equal ones, the last.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([2.5, -1.0].par_iter().copied().max_by(f64::total_cmp), Some(2.5));
    /// ```
    #[track_caller]
    fn max_by<F>(self, compare: F) -> Option<Self::Item>
    where
        F: Fn(&Self::Item, &Self::Item) -> Ordering + Send + Sync,
    {
        self.reduce_with(|a, b| if compare(&a, &b).is_gt() { a } else { b })
    }

    /// Returns the item with the greatest key; of equal ones, the last.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["to", "be", "a"].par_iter().max_by_key(|word| word.len()), Some(&"be"));
    /// ```
    #[track_caller]
    fn max_by_key<K, F>(self, key: F) -> Option<Self::Item>
    where
        K: Ord + Send,
        F: Fn(&Self::Item) -> K + Send + Sync,
    {
        let keyed = self.map(|item| (key(&item), item));
        keyed.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
    }

    /// Returns an item for which `predicate` returns true: the first in the order of time. The search stops then.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let found = (0..1_000).into_par_iter().find_any(|n| n % 7 == 6).unwrap();
    /// assert_eq!(found % 7, 6);
    /// ```
    #[track_caller]
    fn find_any<F>(self, predicate: F) -> Option<Self::Item>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        let is_over = AtomicBool::new(false);
        self.drive(Location::caller(), FindAny::new(&predicate, &is_over))
            .into_found()
    }

    /// Returns the first item, in the order of the items, for which `predicate` returns true. Once one is found, later
    /// items are not begun, except for a few that a thread is about to work on.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..1_000).into_par_iter().find_first(|n| n % 7 == 0), Some(7));
    /// ```
    #[track_caller]
    fn find_first<F>(self, predicate: F) -> Option<Self::Item>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        let first = FoundPart::none_of_first();
        self.drive(Location::caller(), FindFirst::new(&predicate, &first))
            .into_found()
    }

    /// Returns the last item, in the order of the items, for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..1_000).into_par_iter().find_last(|n| n % 7 == 0), Some(994));
    /// ```
    #[track_caller]
    fn find_last<F>(self, predicate: F) -> Option<Self::Item>
    where
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        let last = FoundPart::none_of_last();
        self.drive(Location::caller(), FindLast::new(&predicate, &last))
            .into_found()
    }

    /// Returns the value of a `Some` that `f` returns for any item.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["x", "7"].par_iter().find_map_any(|text| text.parse::<u8>().ok()), Some(7));
    /// ```
    #[track_caller]
    fn find_map_any<R: Send, F>(self, f: F) -> Option<R>
    where
        F: Fn(Self::Item) -> Option<R> + Send + Sync,
    {
        self.filter_map(f).find_any(|_| true)
    }

    /// Returns the value of the first `Some` that `f` returns, in the order of the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["x", "7", "8"].par_iter().find_map_first(|text| text.parse::<u8>().ok()), Some(7));
    /// ```
    #[track_caller]
    fn find_map_first<R: Send, F>(self, f: F) -> Option<R>
    where
        F: Fn(Self::Item) -> Option<R> + Send + Sync,
    {
        self.filter_map(f).find_first(|_| true)
    }

    /// Returns the value of the last `Some` that `f` returns, in the order of the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["7", "8", "x"].par_iter().find_map_last(|text| text.parse::<u8>().ok()), Some(8));
    /// ```
    #[track_caller]
    fn find_map_last<R: Send, F>(self, f: F) -> Option<R>
    where
        F: Fn(Self::Item) -> Option<R> + Send + Sync,
    {
        self.filter_map(f).find_last(|_| true)
    }

    /// Returns true if `predicate` returns true for any item.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2].par_iter().any(|n| *n == 2));
    /// ```
    #[track_caller]
    fn any<F: Fn(Self::Item) -> bool + Send + Sync>(self, predicate: F) -> bool {
        self.map(predicate).find_any(|is_true| *is_true).is_some()
    }

    /// Returns true if `predicate` returns true for all items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2].par_iter().all(|n| *n > 0));
    /// ```
    #[track_caller]
    fn all<F: Fn(Self::Item) -> bool + Send + Sync>(self, predicate: F) -> bool {
        !self.any(|item| !predicate(item))
    }

    /// Collects the items, in their order, into a collection; or, of `Result`s or `Option`s, the values: then it stops
    /// soon after a failure is found, and returns that.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let squares: Vec<u64> = (1..4_u64).into_par_iter().map(|n| n * n).collect();
    /// let parsed: Result<Vec<i32>, _> = ["1", "x"].par_iter().map(|text| text.parse::<i32>()).collect();
    /// assert_eq!(squares, [1, 4, 9]);
    /// assert!(parsed.is_err());
    /// ```
    #[track_caller]
    fn collect<C: FromParallelIterator<Self::Item>>(self) -> C {
        C::from_par_iter(self)
    }

    /// Collects the values of items that are `Result`s. Returns the failure of the first item, in the order of
    /// the items, that failed, with its number; later items are not begun, except for a few. Stops at a cancellation of
    /// the task, too.
    ///
    /// # Errors
    /// An item failed, or the task was cancelled; see [`ItemError`].
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let numbers = ["1", "x"].par_iter().map(|text| text.parse::<i32>()).try_collect::<Vec<_>>();
    /// assert_eq!(numbers.unwrap_err().to_string(), "item 1 failed: invalid digit found in string");
    /// ```
    #[track_caller]
    fn try_collect<C>(self) -> Result<C, ItemError<<Self::Item as IsResult>::Error>>
    where
        Self::Item: IsResult,
        C: FromIterator<<Self::Item as IsResult>::Value>,
    {
        let first = FoundPart::none_of_first();
        let results = Adapted::new(self, Mapping(IsResult::into_result));
        let values = results.drive(Location::caller(), TryGathering::new(&first));
        values.into_result().map(C::from_iter)
    }

    /// Collects the items into the vectors that threads made of their parts.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let parts = (0..9).into_par_iter().collect_vec_list();
    /// assert_eq!(parts.into_iter().flatten().count(), 9);
    /// ```
    #[track_caller]
    fn collect_vec_list(self) -> LinkedList<Vec<Self::Item>> {
        let parts = gather(Location::caller(), self).into_parts();
        parts.into_iter().collect()
    }

    /// Collects the left and the right parts of items that are pairs.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (words, lengths): (Vec<&str>, Vec<usize>) = ["to"].into_par_iter().map(|word| (word, word.len())).unzip();
    /// assert_eq!((words, lengths), (vec!["to"], vec![2]));
    /// ```
    #[track_caller]
    fn unzip<A, B, CA, CB>(self) -> (CA, CB)
    where
        Self: Drive<Item = (A, B)>,
        A: Send,
        B: Send,
        CA: Default + Send + ParallelExtend<A>,
        CB: Default + Send + ParallelExtend<B>,
    {
        divide(
            Location::caller(),
            self,
            |(a, b), left: &mut Vec<A>, right: &mut Vec<B>| {
                left.push(a);
                right.push(b);
            },
        )
    }

    /// Collects the items for which `predicate` returns true, and the others.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (even, odd): (Vec<_>, Vec<_>) = (0..4).into_par_iter().partition(|n| n % 2 == 0);
    /// assert_eq!((even, odd), (vec![0, 2], vec![1, 3]));
    /// ```
    #[track_caller]
    fn partition<CA, CB, F>(self, predicate: F) -> (CA, CB)
    where
        CA: Default + Send + ParallelExtend<Self::Item>,
        CB: Default + Send + ParallelExtend<Self::Item>,
        F: Fn(&Self::Item) -> bool + Send + Sync,
    {
        let put = |item, yes: &mut Vec<Self::Item>, no: &mut Vec<Self::Item>| {
            let side = if predicate(&item) { yes } else { no };
            side.push(item);
        };
        divide(Location::caller(), self, put)
    }

    /// Collects the values of the `Left` and of the `Right` that `f` returns.
    ///
    /// ```
    /// use reunite::iter::Either;
    /// use reunite::prelude::*;
    /// let (numbers, others): (Vec<i32>, Vec<&str>) = ["1", "x"].into_par_iter().partition_map(|text| {
    ///     text.parse::<i32>().map_or(Either::Right(text), Either::Left)
    /// });
    /// assert_eq!((numbers, others), (vec![1], vec!["x"]));
    /// ```
    #[track_caller]
    fn partition_map<A, B, CA, CB, F>(self, f: F) -> (CA, CB)
    where
        A: Send,
        B: Send,
        CA: Default + Send + ParallelExtend<A>,
        CB: Default + Send + ParallelExtend<B>,
        F: Fn(Self::Item) -> Either<A, B> + Send + Sync,
    {
        let put = |item, left: &mut Vec<A>, right: &mut Vec<B>| match f(item) {
            Either::Left(item) => left.push(item),
            Either::Right(item) => right.push(item),
        };
        divide(Location::caller(), self, put)
    }

    /// Runs `ending` on the items, and stops it when the task is cancelled or its deadline passes: items that have begun
    /// are finished, others are not begun, and what `ending` returned is dropped, because it is not whole.
    ///
    /// Any ending can be used so, with any error type.
    ///
    /// # Errors
    /// The cancellation.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// use std::time::Duration;
    /// let ended = reunite::ScopeBuilder::new().timeout(Duration::from_millis(5)).scope(|_| {
    ///     (0..u64::MAX).into_par_iter().checked(|items| items.filter(|n| n % 2 == 0).count())
    /// });
    /// assert!(ended.is_err() || ended.is_ok_and(|count| count.is_err()));
    /// ```
    #[track_caller]
    fn checked<R>(
        self,
        ending: impl FnOnce(Adapted<Self, Checking<'_>>) -> R,
    ) -> Result<R, Cancelled> {
        let cancelled = Mutex::new(None);
        let result = ending(Adapted::new(self, Checking::new(&cancelled)));
        match cancelled.into_inner() {
            None => Ok(result),
            Some(cancelled) => Err(cancelled),
        }
    }
}

impl<I: Drive> ParallelIterator for I {}

fn divide<I, L, R, CL, CR, F>(at: &'static Location<'static>, items: I, put: F) -> (CL, CR)
where
    I: Drive,
    L: Send,
    R: Send,
    CL: Default + ParallelExtend<L>,
    CR: Default + ParallelExtend<R>,
    F: Fn(I::Item, &mut Vec<L>, &mut Vec<R>) + Copy + Send,
{
    let (left, right) = items.drive(at, Dividing::new(put)).into_vecs();
    let mut both = (CL::default(), CR::default());
    both.0.par_extend(left);
    both.1.par_extend(right);
    both
}

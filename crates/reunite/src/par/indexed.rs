//! The methods of parallel iterators whose number of items is known.

use std::cmp::Ordering;
use std::panic::Location;

use super::adaptor::Adapted;
use super::adaptors::{Mapping, NumbersOfTrue};
use super::blocks::Blocks;
use super::chunks::{Gathered, IntoFolded, IntoVec};
use super::convert::IntoParallelIterator;
use super::interleave::Interleave;
use super::iterator::ParallelIterator;
use super::owned::collect_indexed;
use super::plumbing::DriveIndexed;
use super::selection::{MinLen, Rev, Section, StepBy};
use super::source::assert_size;
use super::zip::{Enumerate, Zip};

/// The result of [`positions`](IndexedParallelIterator::positions).
pub type Positions<I, F> = Adapted<Enumerate<Adapted<I, Mapping<F>>>, NumbersOfTrue>;

/// The methods of parallel iterators in which each item has a place: those over slices, vectors and ranges, and what
/// adaptors such as `map` make of them.
///
/// ```
/// use reunite::prelude::*;
/// let (a, b) = ([1, 2, 3], [10, 20, 30]);
/// let sums: Vec<i32> = a.par_iter().zip(&b).map(|(a, b)| a + b).collect();
/// assert_eq!(sums, [11, 22, 33]);
/// ```
#[diagnostic::on_unimplemented(
    message = "the number of items of `{Self}` is not known",
    note = "`filter`, `flat_map`, `fold` and the like make a parallel iterator whose items have no known places; call \
            `enumerate`, `zip`, `rev`, `skip`, `take`, `chunks` and the like before them"
)]
pub trait IndexedParallelIterator: DriveIndexed {
    /// Returns the number of items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..10).into_par_iter().len(), 10);
    /// ```
    fn len(&self) -> usize {
        self.exact_len()
    }

    /// Returns true if there are no items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!((0..0).into_par_iter().is_empty());
    /// ```
    fn is_empty(&self) -> bool {
        self.exact_len() == 0
    }

    /// Pairs the items with those of `other`, up to the end of the shorter one.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..9).into_par_iter().zip(["a", "b"]).collect::<Vec<_>>(), [(0, "a"), (1, "b")]);
    /// ```
    fn zip<Z>(self, other: Z) -> Zip<Self, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: DriveIndexed>,
    {
        Zip {
            a: self,
            b: other.into_par_iter(),
        }
    }

    /// Pairs the items with those of `other`, which has as many.
    ///
    /// # Panics
    /// If the numbers of items differ.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..2).into_par_iter().zip_eq(["a", "b"]).count(), 2);
    /// ```
    #[track_caller]
    fn zip_eq<Z>(self, other: Z) -> Zip<Self, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: DriveIndexed>,
    {
        let zip = self.zip(other);
        let (a, b) = (zip.a.exact_len(), zip.b.exact_len());
        assert_eq!(
            a, b,
            "`zip_eq` of iterators with different numbers of items"
        );
        zip
    }

    /// Pairs each item with its number, from zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(["a", "b"].par_iter().enumerate().max(), Some((1, &"b")));
    /// ```
    fn enumerate(self) -> Enumerate<Self> {
        Enumerate { base: self }
    }

    /// Reverses the order of the items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..3).into_par_iter().rev().collect::<Vec<_>>(), [2, 1, 0]);
    /// ```
    fn rev(self) -> Rev<Self> {
        Rev { base: self }
    }

    /// Leaves out the first `count` items. The closures of adaptors before it are not called for these, unlike those of
    /// std and rayon.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..5).into_par_iter().skip(3).collect::<Vec<_>>(), [3, 4]);
    /// ```
    fn skip(self, count: usize) -> Section<Self> {
        let end = self.exact_len();
        Section {
            base: self,
            first: count.min(end),
            end,
        }
    }

    /// Leaves out all but the first `count` items.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..5).into_par_iter().take(2).collect::<Vec<_>>(), [0, 1]);
    /// ```
    fn take(self, count: usize) -> Section<Self> {
        let end = count.min(self.exact_len());
        Section {
            base: self,
            first: 0,
            end,
        }
    }

    /// Leaves out all but the first of each `step` items.
    ///
    /// # Panics
    /// If `step` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..5).into_par_iter().step_by(2).collect::<Vec<_>>(), [0, 2, 4]);
    /// ```
    #[track_caller]
    fn step_by(self, step: usize) -> StepBy<Self> {
        assert!(step > 0, "the step must be greater than zero");
        StepBy { base: self, step }
    }

    /// Groups the items into vectors of `size` items, of which the last may be shorter.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..3).into_par_iter().chunks(2).collect::<Vec<_>>(), [vec![0, 1], vec![2]]);
    /// ```
    #[track_caller]
    fn chunks(self, size: usize) -> Gathered<Self, IntoVec> {
        Gathered::new(self, size, IntoVec)
    }

    /// Folds each `size` items into one, of which the last stands for fewer, perhaps.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sums = (1..6).into_par_iter().fold_chunks(2, || 0, |a, n| a + n);
    /// assert_eq!(sums.collect::<Vec<_>>(), [3, 7, 5]);
    /// ```
    #[track_caller]
    fn fold_chunks<A, N, F>(
        self,
        size: usize,
        identity: N,
        f: F,
    ) -> Gathered<Self, IntoFolded<N, F>>
    where
        A: Send,
        N: Fn() -> A + Send + Sync,
        F: Fn(A, Self::Item) -> A + Send + Sync,
    {
        Gathered::new(self, size, IntoFolded { identity, f })
    }

    /// Folds each `size` items like [`fold_chunks`](Self::fold_chunks), from clones of `start`.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((1..4).into_par_iter().fold_chunks_with(2, 10, |a, n| a + n).collect::<Vec<_>>(), [13, 13]);
    /// ```
    #[track_caller]
    fn fold_chunks_with<A, F>(
        self,
        size: usize,
        start: A,
        f: F,
    ) -> Gathered<Self, IntoFolded<impl Fn() -> A + Clone + Send + Sync, F>>
    where
        A: Clone + Send + Sync,
        F: Fn(A, Self::Item) -> A + Send + Sync,
    {
        self.fold_chunks(size, move || start.clone(), f)
    }

    /// Alternates the items with those of `other`. Once one has no more, the rest of the other follows.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..3).into_par_iter().interleave(vec![7]).collect::<Vec<_>>(), [0, 7, 1, 2]);
    /// ```
    fn interleave<B>(self, other: B) -> Interleave<Self, B::Iter>
    where
        B: IntoParallelIterator<Item = Self::Item, Iter: DriveIndexed>,
    {
        Interleave {
            a: self,
            b: other.into_par_iter(),
        }
    }

    /// Alternates the items with those of `other`, until the one whose turn it is has no more.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..3).into_par_iter().interleave_shortest(vec![7]).collect::<Vec<_>>(), [0, 7, 1]);
    /// ```
    fn interleave_shortest<B>(self, other: B) -> Interleave<Section<Self>, Section<B::Iter>>
    where
        B: IntoParallelIterator<Item = Self::Item, Iter: DriveIndexed>,
    {
        let b = other.into_par_iter();
        let (of_a, of_b) = (self.exact_len(), b.exact_len());
        let (of_a, of_b) = if of_a <= of_b {
            (of_a, of_a)
        } else {
            (of_b + 1, of_b)
        };
        Interleave {
            a: self.take(of_a),
            b: b.take(of_b),
        }
    }

    /// Keeps at least `min` items together: no thread gets fewer by a split. Seldom of use, because items are only
    /// split when another thread has nothing to do.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!((0..1_000).into_par_iter().with_min_len(100).sum::<u32>(), 499_500);
    /// ```
    fn with_min_len(self, min: usize) -> MinLen<Self> {
        MinLen { base: self, min }
    }

    /// Works on the items in blocks of `size`: all items of a block are done before the first of the next one is begun.
    /// The items have no known places any more.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// let most = AtomicUsize::new(0);
    /// (0..100_usize).into_par_iter().by_uniform_blocks(10).for_each(|n| {
    ///     let before = most.fetch_max(n, Ordering::SeqCst);
    ///     assert!(before < n / 10 * 10 + 10, "no item of a later block was begun");
    /// });
    /// ```
    #[track_caller]
    fn by_uniform_blocks(self, size: usize) -> Blocks<Self> {
        assert_size(size);
        Blocks::uniform(self, size)
    }

    /// Works on the items in blocks, each twice as large as the one before: all items of a block are done before the first
    /// of the next one is begun. The first has one item for each thread of the pool. The items have no known places any
    /// more.
    ///
    /// Where a search ends early, fewer items are done in vain.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let found = (0..1_000_000_u32).into_par_iter().by_exponential_blocks().find_first(|n| n % 7 == 6);
    /// assert_eq!(found, Some(6));
    /// ```
    fn by_exponential_blocks(self) -> Blocks<Self> {
        Blocks::exponential(self)
    }

    /// Returns `self`: items are split whenever another thread has nothing to do, so there is no need of a greatest
    /// length.
    fn with_max_len(self, max: usize) -> Self {
        let _ = max;
        self
    }

    /// Goes over the numbers of the items for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([5, 1, 5].par_iter().positions(|n| *n == 5).collect::<Vec<_>>(), [0, 2]);
    /// ```
    fn positions<F>(self, predicate: F) -> Positions<Self, F>
    where
        F: Fn(Self::Item) -> bool + Send + Sync,
    {
        Adapted::new(self.map(predicate).enumerate(), NumbersOfTrue)
    }

    /// Returns the number of any item for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([5, 1].par_iter().position_any(|n| *n == 1), Some(1));
    /// ```
    #[track_caller]
    fn position_any<F: Fn(Self::Item) -> bool + Send + Sync>(self, predicate: F) -> Option<usize> {
        self.positions(predicate).find_any(|_| true)
    }

    /// Returns the number of the first item for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([5, 1, 1].par_iter().position_first(|n| *n == 1), Some(1));
    /// ```
    #[track_caller]
    fn position_first<F: Fn(Self::Item) -> bool + Send + Sync>(
        self,
        predicate: F,
    ) -> Option<usize> {
        self.positions(predicate).find_first(|_| true)
    }

    /// Returns the number of the last item for which `predicate` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1, 1, 5].par_iter().position_last(|n| *n == 1), Some(1));
    /// ```
    #[track_caller]
    fn position_last<F: Fn(Self::Item) -> bool + Send + Sync>(self, predicate: F) -> Option<usize> {
        self.positions(predicate).find_last(|_| true)
    }

    /// Replaces what is in `target` by the items. The vector keeps its memory.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut squares = vec![0];
    /// (1..4).into_par_iter().map(|n| n * n).collect_into_vec(&mut squares);
    /// assert_eq!(squares, [1, 4, 9]);
    /// ```
    #[track_caller]
    fn collect_into_vec(self, target: &mut Vec<Self::Item>) {
        let len = self.exact_len();
        collect_indexed(Location::caller(), self, len, target);
    }

    /// Replaces what is in `left` and `right` by the parts of items that are pairs.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (mut left, mut right) = (Vec::new(), Vec::new());
    /// [(1, 'a'), (2, 'b')].into_par_iter().unzip_into_vecs(&mut left, &mut right);
    /// assert_eq!((left, right), (vec![1, 2], vec!['a', 'b']));
    /// ```
    #[track_caller]
    fn unzip_into_vecs<A: Send, B: Send>(self, left: &mut Vec<A>, right: &mut Vec<B>)
    where
        Self: DriveIndexed<Item = (A, B)>,
    {
        let (mut a, mut b): (Vec<A>, Vec<B>) = self.unzip();
        left.clear();
        left.append(&mut a);
        right.clear();
        right.append(&mut b);
    }

    /// Compares the items with those of `other`, as sequences.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2].par_iter().cmp(&[1, 3]).is_lt());
    /// ```
    #[track_caller]
    fn cmp<B>(self, other: B) -> Ordering
    where
        B: IntoParallelIterator<Item = Self::Item, Iter: DriveIndexed>,
        Self::Item: Ord,
    {
        let other = other.into_par_iter();
        let lengths = self.exact_len().cmp(&other.exact_len());
        let compared = self.zip(other).map(|(a, b)| a.cmp(&b));
        compared
            .find_first(|order| order.is_ne())
            .unwrap_or(lengths)
    }

    /// Compares the items with those of `other`, as sequences, if they can be compared.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([f64::NAN].par_iter().partial_cmp(&[1.0]), None);
    /// ```
    #[track_caller]
    fn partial_cmp<B>(self, other: B) -> Option<Ordering>
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialOrd<B::Item>,
    {
        let other = other.into_par_iter();
        let lengths = self.exact_len().cmp(&other.exact_len());
        let compared = self.zip(other).map(|(a, b)| a.partial_cmp(&b));
        let differs = |order: &Option<Ordering>| *order != Some(Ordering::Equal);
        compared.find_first(differs).unwrap_or(Some(lengths))
    }

    /// Returns true if the items equal those of `other`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2].par_iter().eq(&[1, 2]));
    /// ```
    #[track_caller]
    fn eq<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialEq<B::Item>,
    {
        let other = other.into_par_iter();
        self.exact_len() == other.exact_len() && self.zip(other).all(|(a, b)| a == b)
    }

    /// Returns true if the items do not equal those of `other`.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2].par_iter().ne(&[1]));
    /// ```
    #[track_caller]
    fn ne<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialEq<B::Item>,
    {
        !self.eq(other)
    }

    /// Returns true if the items are less than those of `other`, as sequences.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1].par_iter().lt(&[1, 2]));
    /// ```
    #[track_caller]
    fn lt<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialOrd<B::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_lt)
    }

    /// Returns true if the items are less than those of `other` or equal to them, as sequences.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1].par_iter().le(&[1]));
    /// ```
    #[track_caller]
    fn le<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialOrd<B::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_le)
    }

    /// Returns true if the items are greater than those of `other`, as sequences.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([2].par_iter().gt(&[1, 2]));
    /// ```
    #[track_caller]
    fn gt<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialOrd<B::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_gt)
    }

    /// Returns true if the items are greater than those of `other` or equal to them, as sequences.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([2].par_iter().ge(&[2]));
    /// ```
    #[track_caller]
    fn ge<B>(self, other: B) -> bool
    where
        B: IntoParallelIterator<Iter: DriveIndexed>,
        Self::Item: PartialOrd<B::Item>,
    {
        self.partial_cmp(other).is_some_and(Ordering::is_ge)
    }
}

impl<I: DriveIndexed> IndexedParallelIterator for I {}

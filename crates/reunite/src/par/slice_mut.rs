//! The extension trait of mutable slices.

use std::cmp::Ordering;
use std::panic::Location;

use super::sort::{cached_key, stable, unstable};
use super::source::{
    ChunkingBy, ChunksExact, ChunksMut, PieceIter, RChunksMut, Splitting, SplittingInclusive,
    assert_size,
};

/// The methods of slices that change them in parallel: sorts, and parallel iterators over mutable parts.
///
/// The methods have the names and signatures of those of rayon's trait `ParallelSliceMut`. They sort on the threads of
/// the pool for which the calling thread works, or has [entered](crate::Pool::enter), or else of the global pool. In a
/// pool of one thread they call the sorts of the standard library.
///
/// | order of equal elements | methods | memory |
/// |---|---|---|
/// | kept | [`par_sort`](Self::par_sort), `…_by`, `…_by_key` | a buffer as long as the slice, and those of `std` |
/// | kept | [`par_sort_by_cached_key`](Self::par_sort_by_cached_key) | the keys, and a buffer as long as the slice |
/// | not kept | [`par_sort_unstable`](Self::par_sort_unstable), `…_by`, `…_by_key` | none |
///
/// ```
/// use reunite::prelude::*;
/// let mut words = vec!["not", "to", "be", "or"];
/// words.par_sort();
/// assert_eq!(words, ["be", "not", "or", "to"]);
/// ```
///
/// # Cancellation
/// The sorts run to the end even if the task is cancelled.
///
/// # Panics
/// All methods panic if the comparison (or the function that computes the keys) panics: with its payload, once no
/// closure runs any more. They may also panic if the comparison is not a [total
/// order](slice::sort_by). In all these cases the slice still has each of its elements exactly once, in an
/// unspecified order. That is also so if a sort returns after it has used a comparison that is not a total order.
pub trait ParallelSliceMut<T: Send> {
    /// Returns the slice that the other methods work on.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [2, 1];
    /// assert_eq!(numbers.as_parallel_slice_mut(), [2, 1]);
    /// ```
    fn as_parallel_slice_mut(&mut self) -> &mut [T];

    /// Returns a parallel iterator over mutable chunks of `size` items, of which the last may be shorter.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut pixels = [3, 1, 2, 9, 8, 7];
    /// pixels.par_chunks_mut(3).for_each(|row| row.sort_unstable());
    /// assert_eq!(pixels, [1, 2, 3, 7, 8, 9]);
    /// ```
    ///
    /// # Panics
    /// If `size` is zero.
    #[track_caller]
    fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
        ChunksMut::new(self.as_parallel_slice_mut(), size)
    }

    /// Returns a parallel iterator over the mutable chunks of exactly `size` items. Fewer items at the end are left
    /// over; see [`into_remainder`](ChunksExact::into_remainder).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [2, 1, 5];
    /// numbers.par_chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    /// assert_eq!(numbers, [1, 2, 5]);
    /// ```
    ///
    /// # Panics
    /// If `size` is zero.
    #[track_caller]
    fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksExact<ChunksMut<'_, T>, &mut [T]> {
        assert_size(size);
        let slice = self.as_parallel_slice_mut();
        let (whole, remainder) = slice.split_at_mut(slice.len() - slice.len() % size);
        ChunksExact {
            chunks: ChunksMut::new(whole, size),
            remainder,
        }
    }

    /// Returns a parallel iterator over mutable chunks of `size` items from the end of the slice, of which the last may
    /// be shorter.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1, 2, 3];
    /// numbers.par_rchunks_mut(2).enumerate().for_each(|(number, chunk)| chunk.fill(number));
    /// assert_eq!(numbers, [1, 0, 0]);
    /// ```
    ///
    /// # Panics
    /// If `size` is zero.
    #[track_caller]
    fn par_rchunks_mut(&mut self, size: usize) -> RChunksMut<'_, T> {
        RChunksMut::new(self.as_parallel_slice_mut(), size)
    }

    /// Returns a parallel iterator over the mutable chunks of exactly `size` items from the end of the slice. Fewer items
    /// at the front are left over.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1, 3, 2];
    /// numbers.par_rchunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    /// assert_eq!(numbers, [1, 2, 3]);
    /// ```
    ///
    /// # Panics
    /// If `size` is zero.
    #[track_caller]
    fn par_rchunks_exact_mut(&mut self, size: usize) -> ChunksExact<RChunksMut<'_, T>, &mut [T]> {
        assert_size(size);
        let slice = self.as_parallel_slice_mut();
        let (remainder, whole) = slice.split_at_mut(slice.len() % size);
        ChunksExact {
            chunks: RChunksMut::new(whole, size),
            remainder,
        }
    }

    /// Returns a parallel iterator over the mutable pieces between items for which `is_separator` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [3, 1, 0, 2, 1];
    /// numbers.par_split_mut(|n| *n == 0).for_each(|piece| piece.sort_unstable());
    /// assert_eq!(numbers, [1, 3, 0, 1, 2]);
    /// ```
    fn par_split_mut<F>(&mut self, is_separator: F) -> PieceIter<&mut [T], Splitting<F>>
    where
        F: Fn(&T) -> bool + Send + Sync,
    {
        let slice = self.as_parallel_slice_mut();
        PieceIter::new(Some(slice), Splitting(is_separator))
    }

    /// Returns a parallel iterator over the mutable pieces that end with an item for which `is_end` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1, 0, 2, 2, 0];
    /// numbers.par_split_inclusive_mut(|n| *n == 0).for_each(|piece| piece.reverse());
    /// assert_eq!(numbers, [0, 1, 0, 2, 2]);
    /// ```
    fn par_split_inclusive_mut<F>(
        &mut self,
        is_end: F,
    ) -> PieceIter<&mut [T], SplittingInclusive<F>>
    where
        F: Fn(&T) -> bool + Send + Sync,
    {
        let slice = self.as_parallel_slice_mut();
        let whole = Some(slice).filter(|slice| !slice.is_empty());
        PieceIter::new(whole, SplittingInclusive(is_end))
    }

    /// Returns a parallel iterator over the longest mutable pieces in which `belong_together` returns true for each two
    /// neighbours.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1, 1, 2];
    /// numbers.par_chunk_by_mut(|a, b| a == b).for_each(|piece| piece[0] = piece.len());
    /// assert_eq!(numbers, [2, 1, 1]);
    /// ```
    fn par_chunk_by_mut<F>(&mut self, belong_together: F) -> PieceIter<&mut [T], ChunkingBy<F>>
    where
        F: Fn(&T, &T) -> bool + Send + Sync,
    {
        let slice = self.as_parallel_slice_mut();
        PieceIter::new(Some(slice), ChunkingBy(belong_together))
    }

    /// Sorts the slice, and keeps the order of equal elements.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [5, 4, 1, -3, 2];
    /// numbers.par_sort();
    /// assert_eq!(numbers, [-3, 1, 2, 4, 5]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort(&mut self)
    where
        T: Ord,
    {
        stable::sort(Location::caller(), self.as_parallel_slice_mut(), &T::cmp);
    }

    /// Sorts the slice by the comparison `compare`, and keeps the order of equal elements.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut words = ["not", "to", "be", "or"];
    /// words.par_sort_by(|a, b| b.len().cmp(&a.len()));
    /// assert_eq!(words, ["not", "to", "be", "or"]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_by<F>(&mut self, compare: F)
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        stable::sort(Location::caller(), self.as_parallel_slice_mut(), &compare);
    }

    /// Sorts the slice by a key, which `f` computes for each comparison, and keeps the order of elements with equal
    /// keys. If the key takes long, use [`par_sort_by_cached_key`](Self::par_sort_by_cached_key).
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [-5_i32, 4, 1, -3, 2];
    /// numbers.par_sort_by_key(|n| n.abs());
    /// assert_eq!(numbers, [1, 2, -3, 4, -5]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_by_key<K, F>(&mut self, f: F)
    where
        K: Ord,
        F: Fn(&T) -> K + Sync,
    {
        let compare = |a: &T, b: &T| f(a).cmp(&f(b));
        stable::sort(Location::caller(), self.as_parallel_slice_mut(), &compare);
    }

    /// Sorts the slice by a key, which `f` computes once for each element, in parallel, and keeps the order of
    /// elements with equal keys. If the slice has fewer than two elements, `f` is not called.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [-5_i32, 4, 32, -3, 2];
    /// numbers.par_sort_by_cached_key(|n| n.to_string());
    /// assert_eq!(numbers, [-3, -5, 2, 32, 4]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_by_cached_key<K, F>(&mut self, f: F)
    where
        K: Ord + Send,
        F: Fn(&T) -> K + Sync,
    {
        cached_key::sort(Location::caller(), self.as_parallel_slice_mut(), &f);
    }

    /// Sorts the slice in place; the order of equal elements is not kept.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [5, 4, 1, -3, 2];
    /// numbers.par_sort_unstable();
    /// assert_eq!(numbers, [-3, 1, 2, 4, 5]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_unstable(&mut self)
    where
        T: Ord,
    {
        unstable::sort(Location::caller(), self.as_parallel_slice_mut(), &T::cmp);
    }

    /// Sorts the slice in place by the comparison `compare`; the order of equal elements is not kept.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [1.5, -2.0, 0.25];
    /// numbers.par_sort_unstable_by(f64::total_cmp);
    /// assert_eq!(numbers, [-2.0, 0.25, 1.5]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_unstable_by<F>(&mut self, compare: F)
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        unstable::sort(Location::caller(), self.as_parallel_slice_mut(), &compare);
    }

    /// Sorts the slice in place by a key, which `f` computes for each comparison; the order of elements with equal keys
    /// is not kept.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let mut numbers = [-5_i32, 4, 1, -3, 2];
    /// numbers.par_sort_unstable_by_key(|n| n.abs());
    /// assert_eq!(numbers, [1, 2, -3, 4, -5]);
    /// ```
    ///
    /// # Panics
    /// As [all methods](Self#panics).
    #[track_caller]
    fn par_sort_unstable_by_key<K, F>(&mut self, f: F)
    where
        K: Ord,
        F: Fn(&T) -> K + Sync,
    {
        let compare = |a: &T, b: &T| f(a).cmp(&f(b));
        unstable::sort(Location::caller(), self.as_parallel_slice_mut(), &compare);
    }
}

impl<T: Send> ParallelSliceMut<T> for [T] {
    fn as_parallel_slice_mut(&mut self) -> &mut [T] {
        self
    }
}

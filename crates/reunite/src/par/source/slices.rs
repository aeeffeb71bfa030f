//! The methods of slices that return parallel iterators.

use super::pieces::PieceIter;
use super::slice::{Chunks, ChunksExact, RChunks, Windows, assert_size};
use super::slice_pieces::{ChunkingBy, Splitting, SplittingInclusive};
use crate::par::adaptor::Adapted;
use crate::par::adaptors::Mapping;

/// The result of [`par_array_windows`](ParallelSlice::par_array_windows).
pub type ArrayWindows<'a, T, const N: usize> =
    Adapted<Windows<'a, T>, Mapping<fn(&'a [T]) -> &'a [T; N]>>;

/// The methods of slices that return parallel iterators over parts of them.
pub trait ParallelSlice<T: Sync> {
    /// Returns the slice.
    fn as_parallel_slice(&self) -> &[T];

    /// Returns a parallel iterator over chunks of `size` items, of which the last may be shorter.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let sums: Vec<i32> = [1, 2, 3, 4, 5].par_chunks(2).map(|chunk| chunk.iter().sum()).collect();
    /// assert_eq!(sums, [3, 7, 5]);
    /// ```
    #[track_caller]
    fn par_chunks(&self, size: usize) -> Chunks<'_, T> {
        Chunks::new(self.as_parallel_slice(), size)
    }

    /// Returns a parallel iterator over the chunks of exactly `size` items. Fewer items at the end are left over; see
    /// [`remainder`](ChunksExact::remainder).
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let pairs = [1, 2, 3].par_chunks_exact(2);
    /// assert_eq!((pairs.remainder(), pairs.count()), (&[3][..], 1));
    /// ```
    #[track_caller]
    fn par_chunks_exact(&self, size: usize) -> ChunksExact<Chunks<'_, T>, &[T]> {
        assert_size(size);
        let slice = self.as_parallel_slice();
        let (whole, remainder) = slice.split_at(slice.len() - slice.len() % size);
        ChunksExact {
            chunks: Chunks::new(whole, size),
            remainder,
        }
    }

    /// Returns a parallel iterator over chunks of `size` items from the end of the slice, of which the last may be
    /// shorter.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1, 2, 3].par_rchunks(2).collect::<Vec<_>>(), [&[2, 3][..], &[1]]);
    /// ```
    #[track_caller]
    fn par_rchunks(&self, size: usize) -> RChunks<'_, T> {
        RChunks::new(self.as_parallel_slice(), size)
    }

    /// Returns a parallel iterator over the chunks of exactly `size` items from the end of the slice. Fewer items at
    /// the front are left over.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!([1, 2, 3].par_rchunks_exact(2).collect::<Vec<_>>(), [&[2, 3]]);
    /// ```
    #[track_caller]
    fn par_rchunks_exact(&self, size: usize) -> ChunksExact<RChunks<'_, T>, &[T]> {
        assert_size(size);
        let slice = self.as_parallel_slice();
        let (remainder, whole) = slice.split_at(slice.len() % size);
        ChunksExact {
            chunks: RChunks::new(whole, size),
            remainder,
        }
    }

    /// Returns a parallel iterator over all windows of `size` neighbouring items.
    ///
    /// # Panics
    /// If `size` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2, 4].par_windows(2).all(|pair| pair[0] < pair[1]));
    /// ```
    #[track_caller]
    fn par_windows(&self, size: usize) -> Windows<'_, T> {
        Windows::new(self.as_parallel_slice(), size)
    }

    /// Returns a parallel iterator over all windows of `N` neighbouring items, as arrays.
    ///
    /// # Panics
    /// If `N` is zero.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert!([1, 2, 4].par_array_windows().all(|[a, b]| a < b));
    /// ```
    #[track_caller]
    fn par_array_windows<const N: usize>(&self) -> ArrayWindows<'_, T, N> {
        Adapted::new(self.par_windows(N), Mapping(as_array))
    }

    /// Returns a parallel iterator over the pieces between items for which `is_separator` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let pieces: Vec<&[i32]> = [1, 0, 2, 3].par_split(|n| *n == 0).collect();
    /// assert_eq!(pieces, [&[1][..], &[2, 3]]);
    /// ```
    fn par_split<F>(&self, is_separator: F) -> PieceIter<&[T], Splitting<F>>
    where
        F: Fn(&T) -> bool + Send + Sync,
    {
        PieceIter::new(Some(self.as_parallel_slice()), Splitting(is_separator))
    }

    /// Returns a parallel iterator over the pieces that end with an item for which `is_end` returns true.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let pieces: Vec<&[i32]> = [1, 0, 2, 0].par_split_inclusive(|n| *n == 0).collect();
    /// assert_eq!(pieces, [&[1, 0], &[2, 0]]);
    /// ```
    fn par_split_inclusive<F>(&self, is_end: F) -> PieceIter<&[T], SplittingInclusive<F>>
    where
        F: Fn(&T) -> bool + Send + Sync,
    {
        let slice = self.as_parallel_slice();
        let whole = Some(slice).filter(|slice| !slice.is_empty());
        PieceIter::new(whole, SplittingInclusive(is_end))
    }

    /// Returns a parallel iterator over the longest pieces in which `belong_together` returns true for each two
    /// neighbours.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let runs: Vec<&[i32]> = [1, 1, 2].par_chunk_by(|a, b| a == b).collect();
    /// assert_eq!(runs, [&[1, 1][..], &[2]]);
    /// ```
    fn par_chunk_by<F>(&self, belong_together: F) -> PieceIter<&[T], ChunkingBy<F>>
    where
        F: Fn(&T, &T) -> bool + Send + Sync,
    {
        PieceIter::new(Some(self.as_parallel_slice()), ChunkingBy(belong_together))
    }
}

impl<T: Sync> ParallelSlice<T> for [T] {
    fn as_parallel_slice(&self) -> &[T] {
        self
    }
}

fn as_array<T, const N: usize>(window: &[T]) -> &[T; N] {
    window.try_into().expect("a window has N items")
}

//! Slices: their items, and runs of items of equal length.

use crate::par::convert::IntoParallelIterator;
use crate::par::drive::drive_by_producer;
use crate::par::plumbing::{Drive, DriveIndexed, Producer};

/// A parallel iterator over references to the items of a slice.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct SliceIter<'a, T>(pub(super) &'a [T]);

impl<T> Clone for SliceIter<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<'a, T: Sync> Producer for SliceIter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn split_at(self, at: usize) -> (Self, Self) {
        let (left, right) = self.0.split_at(at);
        (Self(left), Self(right))
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = &'a T> {
        let (block, rest) = self.0.split_at(size);
        self.0 = rest;
        block.iter()
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = &'a T> {
        self.0.iter().rev()
    }
}

/// A parallel iterator over mutable references to the items of a slice.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct SliceIterMut<'a, T>(pub(super) &'a mut [T]);

impl<'a, T: Send> Producer for SliceIterMut<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn split_at(self, at: usize) -> (Self, Self) {
        let (left, right) = self.0.split_at_mut(at);
        (Self(left), Self(right))
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = &'a mut T> {
        let (block, rest) = std::mem::take(&mut self.0).split_at_mut(size);
        self.0 = rest;
        block.iter_mut()
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = &'a mut T> {
        self.0.iter_mut().rev()
    }
}

/// A parallel iterator over chunks of a slice, of which the last may be shorter.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Chunks<'a, T> {
    slice: &'a [T],
    size: usize,
}

/// A parallel iterator over mutable chunks of a slice, of which the last may be shorter.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct ChunksMut<'a, T> {
    slice: &'a mut [T],
    size: usize,
}

/// A parallel iterator over chunks of a slice from its end, of which the last may be shorter.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct RChunks<'a, T> {
    slice: &'a [T],
    size: usize,
}

/// A parallel iterator over mutable chunks of a slice from its end, of which the last may be shorter.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct RChunksMut<'a, T> {
    slice: &'a mut [T],
    size: usize,
}

/// Panics unless `size` is a size for chunks or windows.
#[track_caller]
pub(in crate::par) fn assert_size(size: usize) {
    assert!(size > 0, "the size must be greater than zero");
}

/// Implements the producer of a kind of chunks. `middle` is the place in the slice after the next `at` chunks;
/// `next` returns the part of the slice in which these are, and what follows.
macro_rules! chunks {
    ($($name:ident, $slice:ty, $item:ty, $bound:ident, $split:ident, $chunks:ident;)*) => {$(
        impl<'a, T> $name<'a, T> {
            #[track_caller]
            pub(in crate::par) fn new(slice: $slice, size: usize) -> Self {
                assert_size(size);
                Self { slice, size }
            }
        }

        impl<'a, T: $bound> Producer for $name<'a, T> {
            type Item = $item;

            #[inline]
            fn len(&self) -> usize {
                self.slice.len().div_ceil(self.size)
            }

            #[inline]
            fn split_at(self, at: usize) -> (Self, Self) {
                let size = self.size;
                let span = at.saturating_mul(size).min(self.slice.len());
                let (next, rest) = $split(self.slice, span);
                (Self { slice: next, size }, Self { slice: rest, size })
            }

            #[inline]
            fn next_block(&mut self, size: usize) -> impl Iterator<Item = $item> {
                let span = size.saturating_mul(self.size).min(self.slice.len());
                let (next, rest) = $split(std::mem::take(&mut self.slice), span);
                self.slice = rest;
                next.$chunks(self.size)
            }
        }
    )*};
}

chunks! {
    Chunks, &'a [T], &'a [T], Sync, from_front, chunks;
    ChunksMut, &'a mut [T], &'a mut [T], Send, from_front_mut, chunks_mut;
    RChunks, &'a [T], &'a [T], Sync, from_back, rchunks;
    RChunksMut, &'a mut [T], &'a mut [T], Send, from_back_mut, rchunks_mut;
}

fn from_front<T>(slice: &[T], count: usize) -> (&[T], &[T]) {
    slice.split_at(count)
}

fn from_front_mut<T>(slice: &mut [T], count: usize) -> (&mut [T], &mut [T]) {
    slice.split_at_mut(count)
}

fn from_back<T>(slice: &[T], count: usize) -> (&[T], &[T]) {
    let (rest, next) = slice.split_at(slice.len() - count);
    (next, rest)
}

fn from_back_mut<T>(slice: &mut [T], count: usize) -> (&mut [T], &mut [T]) {
    let (rest, next) = slice.split_at_mut(slice.len() - count);
    (next, rest)
}

/// A parallel iterator over the windows of a slice.
#[derive(Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Windows<'a, T> {
    slice: &'a [T],
    size: usize,
}

/// Implements `Clone` for iterators over shared slices, whose items need not be `Clone`.
macro_rules! clone {
    ($($name:ident),*) => {$(
        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                Self { ..*self }
            }
        }
    )*};
}
clone!(Chunks, RChunks, Windows);

impl<'a, T> Windows<'a, T> {
    #[track_caller]
    pub(super) fn new(slice: &'a [T], size: usize) -> Self {
        assert_size(size);
        Self { slice, size }
    }
}

impl<'a, T: Sync> Producer for Windows<'a, T> {
    type Item = &'a [T];

    #[inline]
    fn len(&self) -> usize {
        let after_first = self.slice.len().checked_sub(self.size);
        after_first.map_or(0, |others| others + 1)
    }

    #[inline]
    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { slice, size } = self;
        let of_left = slice.len().min(at + size - 1);
        let left = Self {
            slice: if at == 0 { &[] } else { &slice[..of_left] },
            size,
        };
        let right = Self {
            slice: &slice[at..],
            size,
        };
        (left, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = &'a [T]> {
        let block = &self.slice[..size + self.size - 1];
        self.slice = &self.slice[size..];
        block.windows(self.size)
    }
}

/// Implements the iterators of this file, which are their own producers.
macro_rules! drive {
    ($($name:ident, $item:ty, $bound:ident, |$it:ident| $copy:expr;)*) => {$(
        impl<'a, T: $bound> Drive for $name<'a, T> {
            type Item = $item;
            drive_by_producer!();
        }

        impl<'a, T: $bound> DriveIndexed for $name<'a, T> {
            type Producer<'b> = $name<'a, T> where Self: 'b;

            fn exact_len(&self) -> usize {
                Producer::len(self)
            }

            fn producer(&mut self) -> $name<'a, T> {
                let $it = self;
                $copy
            }
        }
    )*};
}

drive! {
    SliceIter, &'a T, Sync, |it| Self(it.0);
    SliceIterMut, &'a mut T, Send, |it| Self(std::mem::take(&mut it.0));
    Chunks, &'a [T], Sync, |it| Self { ..*it };
    ChunksMut, &'a mut [T], Send, |it| Self { slice: std::mem::take(&mut it.slice), size: it.size };
    RChunks, &'a [T], Sync, |it| Self { ..*it };
    RChunksMut, &'a mut [T], Send, |it| Self { slice: std::mem::take(&mut it.slice), size: it.size };
    Windows, &'a [T], Sync, |it| Self { ..*it };
}

/// The chunks of a slice that all have the same length; see
/// [`par_chunks_exact`](crate::iter::ParallelSlice::par_chunks_exact).
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct ChunksExact<C, R> {
    pub(in crate::par) chunks: C,
    pub(in crate::par) remainder: R,
}

impl<C, R> ChunksExact<C, R> {
    /// Returns the items that are left over, fewer than a chunk.
    pub fn remainder(&self) -> R
    where
        R: Copy,
    {
        self.remainder
    }

    /// Returns the items that are left over, fewer than a chunk.
    pub fn into_remainder(self) -> R {
        self.remainder
    }

    /// Returns the items that are left over, and leaves none.
    pub fn take_remainder(&mut self) -> R
    where
        R: Default,
    {
        std::mem::take(&mut self.remainder)
    }
}

impl<C: DriveIndexed, R: Send> Drive for ChunksExact<C, R> {
    type Item = C::Item;
    drive_by_producer!();
}

impl<C: DriveIndexed, R: Send> DriveIndexed for ChunksExact<C, R> {
    type Producer<'a>
        = C::Producer<'a>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.chunks.exact_len()
    }

    fn producer(&mut self) -> C::Producer<'_> {
        self.chunks.producer()
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a [T] {
    type Item = &'a T;
    type Iter = SliceIter<'a, T>;

    fn into_par_iter(self) -> Self::Iter {
        SliceIter(self)
    }
}

impl<'a, T: Send> IntoParallelIterator for &'a mut [T] {
    type Item = &'a mut T;
    type Iter = SliceIterMut<'a, T>;

    fn into_par_iter(self) -> Self::Iter {
        SliceIterMut(self)
    }
}

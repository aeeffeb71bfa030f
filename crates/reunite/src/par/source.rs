//! The sources of items that `par` takes.

use std::ops::Range;
use std::vec;

/// Items in an order that can be split in two at any place.
///
/// Implement it for a collection of your own, and [`IntoSource`] with it, to use it with [`par`](super::par).
///
/// ```
/// use reunite::{IntoSource, Source, par};
/// /// The numbers from `.0` to `.1`, exclusive, in steps of ten.
/// struct Tens(usize, usize);
///
/// impl Source for Tens {
///     type Item = usize;
///     fn len(&self) -> usize { (self.1 - self.0).div_ceil(10) }
///     fn split_at(self, at: usize) -> (Self, Self) {
///         let middle = self.1.min(self.0 + 10 * at);
///         (Tens(self.0, middle), Tens(middle, self.1))
///     }
///     fn next_block(&mut self, size: usize) -> impl Iterator<Item = usize> {
///         let block = (self.0..self.1).step_by(10).take(size);
///         self.0 = self.1.min(self.0 + 10 * size);
///         block
///     }
/// }
/// impl IntoSource for Tens {
///     type Source = Self;
///     fn into_source(self) -> Self { self }
/// }
///
/// assert_eq!(par(Tens(0, 45)).map(|n| n / 10), [0, 1, 2, 3, 4]);
/// ```
pub trait Source: Send + Sized {
    /// The type of the items.
    type Item;

    /// Returns the number of items that remain.
    fn len(&self) -> usize;

    /// Returns true if no item remains.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Splits the items into the first `at` and the others. `at` is at most [`len`](Self::len).
    fn split_at(self, at: usize) -> (Self, Self);

    /// Removes the first `size` items and returns them in order. `size` is at most [`len`](Self::len).
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item>;
}

/// A conversion into the [`Source`] that [`par`](super::par()) works on.
pub trait IntoSource {
    /// The type of the source.
    type Source: Source;
    /// Returns the source of the items.
    fn into_source(self) -> Self::Source;
}

impl<'a, T: Sync> Source for &'a [T] {
    type Item = &'a T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at(self, at)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        let (block, rest) = <[T]>::split_at(self, size);
        *self = rest;
        block.iter()
    }
}

impl<'a, T: Send> Source for &'a mut [T] {
    type Item = &'a mut T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        let (block, rest) = std::mem::take(self).split_at_mut(size);
        *self = rest;
        block.iter_mut()
    }
}

impl<T: Send> Source for vec::IntoIter<T> {
    type Item = T;

    fn len(&self) -> usize {
        ExactSizeIterator::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let mut left: Vec<T> = self.collect();
        let right = left.split_off(at);
        (left.into_iter(), right.into_iter())
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = T> {
        self.take(size)
    }
}

macro_rules! ranges {
    ($($number:ty),*) => {$(
        impl Source for Range<$number> {
            type Item = $number;

            fn len(&self) -> usize {
                if self.start < self.end {
                    usize::try_from(self.end.abs_diff(self.start)).unwrap_or(usize::MAX)
                } else {
                    0
                }
            }

            fn split_at(self, at: usize) -> (Self, Self) {
                // The conversion wraps modulo two to the type's width, so an `at` too large for the type is
                // still right.
                let middle = self.start.wrapping_add(at as $number);
                (self.start..middle, middle..self.end)
            }

            fn next_block(&mut self, size: usize) -> impl Iterator<Item = $number> {
                let block = self.start..self.start.wrapping_add(size as $number);
                self.start = block.end;
                block
            }
        }

        impl IntoSource for Range<$number> {
            type Source = Self;
            fn into_source(self) -> Self {
                self
            }
        }
    )*};
}
ranges!(i32, i64, u32, u64, usize);

impl<T: Sync> IntoSource for &[T] {
    type Source = Self;
    fn into_source(self) -> Self {
        self
    }
}

impl<'a, T: Sync, const N: usize> IntoSource for &'a [T; N] {
    type Source = &'a [T];
    fn into_source(self) -> &'a [T] {
        self
    }
}

impl<'a, T: Sync> IntoSource for &'a Vec<T> {
    type Source = &'a [T];
    fn into_source(self) -> &'a [T] {
        self
    }
}

impl<T: Send> IntoSource for &mut [T] {
    type Source = Self;
    fn into_source(self) -> Self {
        self
    }
}

impl<'a, T: Send> IntoSource for &'a mut Vec<T> {
    type Source = &'a mut [T];
    fn into_source(self) -> &'a mut [T] {
        self
    }
}

impl<T: Send> IntoSource for Vec<T> {
    type Source = vec::IntoIter<T>;
    fn into_source(self) -> vec::IntoIter<T> {
        self.into_iter()
    }
}

/// The chunks of a slice; see [`Par::chunks`](super::Par::chunks).
pub struct Chunks<S> {
    slice: S,
    size: usize,
}

impl<S> Chunks<S> {
    pub(super) fn new(slice: S, size: usize) -> Self {
        assert!(size > 0, "the chunk size must be greater than zero");
        Self { slice, size }
    }
}

impl<'a, T: Sync> Source for Chunks<&'a [T]> {
    type Item = &'a [T];

    fn len(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let size = self.size;
        let (left, right) = self.slice.split_at(self.slice.len().min(at * size));
        (Self::new(left, size), Self::new(right, size))
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        let (block, rest) = self.slice.split_at(self.slice.len().min(size * self.size));
        self.slice = rest;
        block.chunks(self.size)
    }
}

impl<'a, T: Send> Source for Chunks<&'a mut [T]> {
    type Item = &'a mut [T];

    fn len(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let size = self.size;
        let middle = self.slice.len().min(at * size);
        let (left, right) = self.slice.split_at_mut(middle);
        (Self::new(left, size), Self::new(right, size))
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item> {
        let slice = std::mem::take(&mut self.slice);
        let middle = slice.len().min(size * self.size);
        let (block, rest) = slice.split_at_mut(middle);
        self.slice = rest;
        block.chunks_mut(self.size)
    }
}

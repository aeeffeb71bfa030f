//! Ranges of integers and characters.

use std::ops::{Range, RangeInclusive};
use std::panic::Location;

use crate::par::convert::IntoParallelIterator;
use crate::par::drive::drive_producer;
use crate::par::plumbing::{Consumer, Drive, DriveIndexed, Producer};

/// A number or character of which ranges are parallel iterators. This trait is sealed.
pub trait RangeItem: sealed::SealedItem + Copy + PartialOrd + Send {
    /// Returns the number of items from `start` to `end`, exclusive, or `usize::MAX` if there are more.
    #[doc(hidden)]
    fn distance(start: Self, end: Self) -> usize;

    /// Returns the item that follows after `count` others.
    #[doc(hidden)]
    fn offset(self, count: usize) -> Self;

    /// Returns the item in the middle between `start` and `end`, which is not less.
    #[doc(hidden)]
    fn middle(start: Self, end: Self) -> Self;

    /// Returns the next item, if there is one.
    #[doc(hidden)]
    fn successor(self) -> Option<Self>;

    /// Returns the items of a range in order.
    #[doc(hidden)]
    fn items(range: Range<Self>) -> impl DoubleEndedIterator<Item = Self>;
}

/// A [`RangeItem`] of which no range has more items than `usize` can count on 64-bit machines, but for inclusive ranges
/// over all numbers of 64 bits: adaptors that need the number of items panic for these. This trait is sealed.
pub trait IndexedRangeItem: RangeItem {}

mod sealed {
    pub trait SealedItem {}
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        impl sealed::SealedItem for $number {}

        impl RangeItem for $number {
            #[inline]
            fn distance(start: Self, end: Self) -> usize {
                if start < end {
                    usize::try_from(end.abs_diff(start)).unwrap_or(usize::MAX)
                } else {
                    0
                }
            }

            #[inline]
            fn offset(self, count: usize) -> Self {
                // The conversion wraps modulo two to the type's width, so a count too large for the type is still
                // right.
                self.wrapping_add(count as $number)
            }

            fn middle(start: Self, end: Self) -> Self {
                start.wrapping_add((end.abs_diff(start) / 2) as $number)
            }

            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            #[inline]
            fn items(range: Range<Self>) -> impl DoubleEndedIterator<Item = Self> {
                range
            }
        }
    )*};
}
integers!(
    i8, i16, i32, i64, isize, i128, u8, u16, u32, u64, usize, u128
);

macro_rules! indexed {
    ($($item:ty),*) => {$(impl IndexedRangeItem for $item {})*};
}
indexed!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, char);

/// The code points that are no characters.
const SURROGATES: Range<u32> = 0xd800..0xe000;

impl sealed::SealedItem for char {}

impl RangeItem for char {
    fn distance(start: Self, end: Self) -> usize {
        let (start, end) = (u32::from(start), u32::from(end));
        let gap = if start < SURROGATES.start && SURROGATES.end <= end {
            SURROGATES.end - SURROGATES.start
        } else {
            0
        };
        (end.saturating_sub(start).saturating_sub(gap)) as usize
    }

    fn offset(self, count: usize) -> Self {
        let start = u32::from(self);
        let end = start + count as u32;
        let gap = if start < SURROGATES.start && SURROGATES.start <= end {
            SURROGATES.end - SURROGATES.start
        } else {
            0
        };
        Self::from_u32(end + gap).expect("the range has the item")
    }

    fn middle(start: Self, end: Self) -> Self {
        start.offset(Self::distance(start, end) / 2)
    }

    fn successor(self) -> Option<Self> {
        (self < Self::MAX).then(|| self.offset(1))
    }

    fn items(range: Range<Self>) -> impl DoubleEndedIterator<Item = Self> {
        range
    }
}

/// A parallel iterator over a range of integers or characters, which is also its producer.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct RangeIter<T> {
    range: Range<T>,
    /// The end of an inclusive range, if it is the greatest item of its type.
    last: Option<T>,
}

impl<T> From<Range<T>> for RangeIter<T> {
    fn from(range: Range<T>) -> Self {
        Self { range, last: None }
    }
}

impl<T: RangeItem> RangeIter<T> {
    /// Returns how many of the next `count` items are in `range`.
    #[inline]
    fn of_range(&self, count: usize) -> usize {
        count.min(T::distance(self.range.start, self.range.end))
    }
}

impl<T: RangeItem> RangeIter<T> {
    /// Returns the number of items, unless it exceeds `usize::MAX`.
    fn checked_len(&self) -> Option<usize> {
        let Range { start, end } = self.range;
        let len = T::distance(start, end);
        let is_exact = len == 0 || start.offset(len) == end;
        let with_last = len.checked_add(usize::from(self.last.is_some()));
        with_last.filter(|_| is_exact)
    }
}

impl<T: RangeItem> Producer for RangeIter<T> {
    type Item = T;

    #[inline]
    fn len(&self) -> usize {
        let len = T::distance(self.range.start, self.range.end);
        len.saturating_add(usize::from(self.last.is_some()))
    }

    #[inline]
    fn split_at(self, at: usize) -> (Self, Self) {
        let Range { start, end } = self.range;
        if self.checked_len().is_none() {
            // `at` is no measure for so many items.
            let middle = T::middle(start, end);
            let right = Self {
                range: middle..end,
                ..self
            };
            return ((start..middle).into(), right);
        }
        let of_range = self.of_range(at);
        let middle = start.offset(of_range);
        let left = Self {
            range: start..middle,
            last: self.last.filter(|_| at > of_range),
        };
        let right = Self {
            range: middle..end,
            last: self.last.filter(|_| at <= of_range),
        };
        (left, right)
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = T> {
        let of_range = self.of_range(size);
        let start = self.range.start;
        self.range.start = start.offset(of_range);
        let last = if size > of_range {
            self.last.take()
        } else {
            None
        };
        T::items(start..self.range.start).chain(last)
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = T> {
        let Range { start, end } = self.range;
        let end = if start < end { end } else { start };
        self.last.into_iter().chain(T::items(start..end).rev())
    }
}

impl<T: RangeItem> Drive for RangeIter<T> {
    type Item = T;

    fn drive<C: Consumer<T>>(self, at: &'static Location<'static>, consumer: C) -> C {
        drive_producer(at, self, consumer)
    }

    fn opt_len(&self) -> Option<usize> {
        self.checked_len()
    }
}

impl<T: IndexedRangeItem> DriveIndexed for RangeIter<T> {
    type Producer<'a>
        = Self
    where
        T: 'a;

    fn exact_len(&self) -> usize {
        self.checked_len()
            .expect("the number of items of the range exceeds usize::MAX")
    }

    fn producer(&mut self) -> Self {
        // Adaptors such as `rev` count from the end.
        self.exact_len();
        self.clone()
    }
}

impl<T: RangeItem> IntoParallelIterator for Range<T> {
    type Item = T;
    type Iter = RangeIter<T>;

    fn into_par_iter(self) -> RangeIter<T> {
        self.into()
    }
}

impl<T: RangeItem> IntoParallelIterator for RangeInclusive<T> {
    type Item = T;
    type Iter = RangeIter<T>;

    fn into_par_iter(self) -> RangeIter<T> {
        let is_empty = self.is_empty();
        let (start, end) = self.into_inner();
        if is_empty {
            return (start..start).into();
        }
        match end.successor() {
            Some(after) => (start..after).into(),
            None => RangeIter {
                range: start..end,
                last: Some(end),
            },
        }
    }
}

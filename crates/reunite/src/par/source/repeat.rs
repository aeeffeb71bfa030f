//! Parallel iterators over no item, one item, or copies of one.

use std::iter;
use std::mem;
use std::panic::Location;

use crate::par::convert::IntoParallelIterator;
use crate::par::drive::drive_by_producer;
use crate::par::drive::drive_producer;
use crate::par::owned::VecIter;
use crate::par::plumbing::{Consumer, Drive, DriveIndexed, Producer};
use crate::par::zip::Zip;

/// Returns a parallel iterator over no items.
///
/// ```
/// use reunite::prelude::*;
/// assert_eq!(reunite::iter::empty::<u8>().count(), 0);
/// ```
pub fn empty<T: Send>() -> VecIter<T> {
    Vec::new().into_par_iter()
}

/// Returns a parallel iterator over one item, to be chained to others.
///
/// ```
/// use reunite::prelude::*;
/// let numbers = reunite::iter::once(7).chain(0..2);
/// assert_eq!(numbers.collect::<Vec<_>>(), [7, 0, 1]);
/// ```
pub fn once<T: Send>(item: T) -> VecIter<T> {
    vec![item].into_par_iter()
}

/// A parallel iterator over endless copies of one value; see [`repeat`].
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Repeat<T> {
    value: T,
}

/// Returns a parallel iterator over clones of `value` without an end: only endings that stop early, such as
/// `find_any`, return.
///
/// ```
/// use reunite::prelude::*;
/// let pairs = reunite::iter::repeat("n").zip(1..3);
/// assert_eq!(pairs.collect::<Vec<_>>(), [("n", 1), ("n", 2)]);
/// assert_eq!(reunite::iter::repeat("ab").take(2).collect::<String>(), "abab");
/// ```
pub fn repeat<T: Clone + Send>(value: T) -> Repeat<T> {
    Repeat { value }
}

impl<T: Clone + Send> Repeat<T> {
    /// Goes over `count` clones of the value, as [`repeat_n`] does.
    pub fn take(self, count: usize) -> RepeatN<T> {
        repeat_n(self.value, count)
    }

    /// Pairs a clone of the value with each item of `other`.
    pub fn zip<Z>(self, other: Z) -> Zip<RepeatN<T>, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: DriveIndexed>,
    {
        let b = other.into_par_iter();
        let a = self.take(b.exact_len());
        Zip { a, b }
    }
}

impl<T: Clone + Send> Drive for Repeat<T> {
    type Item = T;

    fn drive<C: Consumer<T>>(self, at: &'static Location<'static>, consumer: C) -> C {
        // No machine makes as many clones.
        drive_producer(at, self.take(usize::MAX), consumer)
    }
}

/// A parallel iterator over copies of one value; see [`repeat_n`].
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct RepeatN<T> {
    /// `None` if there are no items.
    value: Option<T>,
    count: usize,
}

/// Returns a parallel iterator over `count` copies of `value`: clones, and the value itself.
///
/// ```
/// use reunite::prelude::*;
/// assert_eq!(reunite::iter::repeat_n("ab", 3).collect::<String>(), "ababab");
/// ```
pub fn repeat_n<T: Clone + Send>(value: T, count: usize) -> RepeatN<T> {
    RepeatN {
        value: (count > 0).then_some(value),
        count,
    }
}

impl<T: Clone + Send> Drive for RepeatN<T> {
    type Item = T;
    drive_by_producer!();
}

impl<T: Clone + Send> DriveIndexed for RepeatN<T> {
    type Producer<'a>
        = Self
    where
        T: 'a;

    fn exact_len(&self) -> usize {
        self.count
    }

    fn producer(&mut self) -> Self {
        let count = mem::take(&mut self.count);
        let value = self.value.take();
        Self { value, count }
    }
}

impl<T: Clone + Send> Producer for RepeatN<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.count
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { value, count } = self;
        let of_right = count - at;
        let (left, right) = match value {
            Some(value) if at > 0 && of_right > 0 => (Some(value.clone()), Some(value)),
            value if of_right > 0 => (None, value),
            value => (value, None),
        };
        let left = Self {
            value: left,
            count: at,
        };
        let right = Self {
            value: right,
            count: of_right,
        };
        (left, right)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = T> {
        self.count -= size;
        let last = self.value.take_if(|_| self.count == 0);
        let all = last.map(|value| iter::repeat_n(value, size));
        let clones = (0..size).map_while(|_| self.value.clone());
        all.into_iter().flatten().chain(clones)
    }
}

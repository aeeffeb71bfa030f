//! The parts of parallel iterators: producers, which split, and consumers, which combine.
//!
//! # Protocol
//! A *producer* holds items that have not been handed out. One thread owns it: it hands out the first items as a
//! block, or splits the items in two, and gives one part to another thread. A *consumer* takes items. When a producer
//! is split at `at`, its consumer makes a seed by `split_off(at)` and goes on with the left items. The thread that takes
//! the right items makes a consumer of the seed. When both parts are done, the right consumer is finished, and the left
//! one appends what that left. So
//! 1. a consumer stays on one thread, and gets the items of its part in order;
//! 2. what a finished consumer leaves is appended to the consumer from which it was split, or dropped by unwinding;
//! 3. neighbours are appended, the right one to the left one. So the order is kept without numbers.
//!
//! Producers and consumers borrow from the iterator, which stays in the frame of the method that runs it, and waits
//! there for all threads. So a closure is stored once, however often the items are split.
//!
//! Source: the division into producers and consumers is that of rayon.

use std::panic::Location;

/// Items in an order, which can be split.
///
/// Most producers are *indexed*: each unit of [`len`](Self::len) is one item. The producer of an iterator that
/// is not indexed counts something else, such as the bytes of a text; there a split may be made near the place that
/// was asked for.
pub trait Producer: Send + Sized {
    /// The type of the items.
    type Item: Send;

    /// Returns the number of units that remain; zero only if no item remains.
    fn len(&self) -> usize;

    /// Returns true if no item remains.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Splits the items into the first `at` and the others. `at` is at most [`len`](Self::len).
    fn split_at(self, at: usize) -> (Self, Self);

    /// Removes the first `size` units and returns their items in order. `size` is at least 1 and at most
    /// [`len`](Self::len). Items that the caller does not take are dropped.
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = Self::Item>;

    /// Returns all items from the last to the first. Only called if the producer is indexed.
    fn into_rev_iter(self) -> impl Iterator<Item = Self::Item> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let part = rest.take()?;
            let before_last = part.len().checked_sub(1)?;
            let (left, mut last) = part.split_at(before_last);
            rest = Some(left);
            last.next_block(1).next()
        })
    }

    /// Returns the least number of units that a part should have.
    fn min_len(&self) -> usize {
        1
    }
}

/// A taker of the items of a part, which stays on the thread that works on the part.
pub trait Consumer<T>: Sized {
    /// The value of which the thread that works on another part makes its consumer.
    type Seed: Send;
    /// The value that is left of a consumer when its part is done.
    type Done: Send;

    /// Makes the consumer of a part, on the thread that works on it.
    fn begin(seed: Self::Seed) -> Self;

    /// Takes items, all of them unless it [is full](Self::is_full).
    fn consume<I: Iterator<Item = T>>(&mut self, items: I);

    /// Returns the seed for the items after the next `at` units, which `self` goes on to take. `at` is zero if their
    /// number is not known; then they are few of all items.
    fn split_off(&mut self, at: usize) -> Self::Seed;

    /// Ends the part.
    fn finish(self) -> Self::Done;

    /// Appends what a consumer that was split off `self` has left. Its items come after those that `self` has taken.
    fn append(&mut self, right: Self::Done);

    /// Returns true if it needs no more items.
    fn is_full(&self) -> bool {
        false
    }
}

/// Implements a part of [`Consumer`] for a type that moves between threads itself.
macro_rules! sends_itself {
    () => {
        type Seed = Self;
        type Done = Self;

        #[inline]
        fn begin(seed: Self) -> Self {
            seed
        }

        #[inline]
        fn finish(self) -> Self {
            self
        }
    };
}
pub(super) use sends_itself;

/// The basis of a [`ParallelIterator`](crate::iter::ParallelIterator), which is implemented for every type that
/// implements this trait.
///
/// Implement it, and [`DriveIndexed`] if the number of items is known, to make a parallel iterator of a type of your
/// own:
///
/// ```
/// use std::panic::Location;
/// use reunite::iter::plumbing::{Consumer, Drive, DriveIndexed, Producer, drive_producer};
/// use reunite::prelude::*;
///
/// /// The numbers from `.0` to `.1`, exclusive, in steps of ten.
/// struct Tens(usize, usize);
///
/// impl Producer for Tens {
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
/// impl Drive for Tens {
///     type Item = usize;
///     fn drive<C: Consumer<usize>>(self, at: &'static Location<'static>, consumer: C) -> C {
///         drive_producer(at, self, consumer)
///     }
///     fn opt_len(&self) -> Option<usize> { Some(Producer::len(self)) }
/// }
/// impl DriveIndexed for Tens {
///     type Producer<'a> = Tens;
///     fn exact_len(&self) -> usize { Producer::len(self) }
///     fn producer(&mut self) -> Tens { Tens(self.0, self.1) }
/// }
///
/// assert_eq!(Tens(0, 45).map(|n| n / 10).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a parallel iterator",
    note = "call `.into_par_iter()`, `.par_iter()` or `reunite::par(..)` on the collection, or `.par_bridge()` on an \
            iterator, with `use reunite::prelude::*`"
)]
pub trait Drive: Send + Sized {
    /// The type of the items.
    type Item: Send;

    /// Hands all items to `consumer` and to consumers that are split off it; returns it with these appended. `at`
    /// is the user's source line.
    fn drive<C: Consumer<Self::Item>>(self, at: &'static Location<'static>, consumer: C) -> C;

    /// Returns the number of items, if it is known before. Then consumers are split at numbers of items.
    fn opt_len(&self) -> Option<usize> {
        None
    }
}

/// The basis of an [`IndexedParallelIterator`](crate::iter::IndexedParallelIterator).
#[diagnostic::on_unimplemented(
    message = "the number of items of `{Self}` is not known",
    note = "if it is a parallel iterator: `filter`, `flat_map`, `fold` and the like make a parallel iterator whose items have no known places; call \
            `enumerate`, `zip`, `rev`, `skip`, `take`, `chunks` and the like before them"
)]
pub trait DriveIndexed: Drive {
    /// The producer, which may borrow from the iterator.
    type Producer<'a>: Producer<Item = Self::Item>
    where
        Self: 'a;

    /// Returns the number of items.
    fn exact_len(&self) -> usize;

    /// Returns the producer of the items. A second call may return a producer of no items.
    fn producer(&mut self) -> Self::Producer<'_>;
}

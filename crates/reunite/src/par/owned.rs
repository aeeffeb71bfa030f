//! Parallel iteration over owned items, and writing items into a vector.
//!
//! # Safety
//! Two types hold parts of the memory of a vector whose length is zero meanwhile, so that the vector drops none of it:
//! 1. `OwnedProducer`: *every* slot of its slice is initialized and owned by it. It reads a slot only after the slot
//!    has left its slice, or drops what is left in its slice.
//! 2. `WriteConsumer`: exactly the slots that `filled` and `written` count are initialized and owned by it.
//!
//! Slices are only split, never joined, so no slot has two owners. If a value is leaked, its items are leaked.

use std::mem::{self, MaybeUninit};

use super::drive::drive_by_producer;
use super::plumbing::{Consumer, Drive, DriveIndexed, Producer};

/// A parallel iterator over the items of a vector, by value.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct VecIter<T>(pub(super) Vec<T>);

impl<T: Send> Drive for VecIter<T> {
    type Item = T;
    drive_by_producer!();
}

impl<T: Send> DriveIndexed for VecIter<T> {
    type Producer<'a>
        = OwnedProducer<'a, T>
    where
        Self: 'a;

    fn exact_len(&self) -> usize {
        self.0.len()
    }

    fn producer(&mut self) -> OwnedProducer<'_, T> {
        let len = self.0.len();
        // SAFETY: zero is at most the capacity, and no slot below zero has to be initialized.
        unsafe { self.0.set_len(0) };
        OwnedProducer(&mut self.0.spare_capacity_mut()[..len])
    }
}

/// The producer of [`VecIter`].
pub struct OwnedProducer<'a, T>(&'a mut [MaybeUninit<T>]);

impl<T> Drop for OwnedProducer<'_, T> {
    fn drop(&mut self) {
        let items: &mut [MaybeUninit<T>] = mem::take(&mut self.0);
        // SAFETY: by rule 1 all slots are initialized and owned by `self`, which has given up its slice. A slice of
        // `MaybeUninit<T>` has the layout of a slice of `T`.
        unsafe { std::ptr::drop_in_place(items as *mut [MaybeUninit<T>] as *mut [T]) };
    }
}

impl<'a, T: Send> Producer for OwnedProducer<'a, T> {
    type Item = T;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn split_at(mut self, at: usize) -> (Self, Self) {
        let (left, right) = mem::take(&mut self.0).split_at_mut(at);
        (Self(left), Self(right))
    }

    #[inline]
    fn next_block(&mut self, size: usize) -> impl Iterator<Item = T> {
        let (block, rest) = mem::take(&mut self.0).split_at_mut(size);
        self.0 = rest;
        OwnedBlock(OwnedProducer(block))
    }

    #[inline]
    fn into_rev_iter(self) -> impl Iterator<Item = T> {
        OwnedBlock(self).rev()
    }
}

/// The items of a block.
struct OwnedBlock<'a, T>(OwnedProducer<'a, T>);

impl<T> Iterator for OwnedBlock<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let slots = &mut self.0.0;
        let (slot, rest) = mem::take(slots).split_first_mut()?;
        *slots = rest;
        // SAFETY: by rule 1 the slot was initialized and owned; it has left the slice.
        Some(unsafe { slot.assume_init_read() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.0.0.len();
        (left, Some(left))
    }
}

impl<T> DoubleEndedIterator for OwnedBlock<'_, T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        let slots = &mut self.0.0;
        let (slot, rest) = mem::take(slots).split_last_mut()?;
        *slots = rest;
        // SAFETY: by rule 1 the slot was initialized and owned; it has left the slice.
        Some(unsafe { slot.assume_init_read() })
    }
}

impl<T> ExactSizeIterator for OwnedBlock<'_, T> {}

/// Replaces the items of `vec` by those of a parallel iterator, whose number is known before.
///
/// # Panics
/// If the iterator has another number of items than it says.
pub(super) fn collect_indexed<I: Drive>(
    at: &'static std::panic::Location<'static>,
    items: I,
    len: usize,
    vec: &mut Vec<I::Item>,
) {
    vec.clear();
    vec.reserve(len);
    let consumer = WriteConsumer {
        slots: &mut vec.spare_capacity_mut()[..len],
        filled: 0,
        written: Vec::new(),
    };
    let written = items.drive(at, consumer).into_len();
    assert_eq!(
        written, len,
        "a parallel iterator has another number of items than it says"
    );
    // SAFETY: the consumer has given up `len` slots, which all lie in the first `len` slots of the vector and are
    // different from each other. So all of these are initialized, by rule 2, and owned by no other value.
    unsafe { vec.set_len(len) };
}

/// The consumer that writes each item to its slot.
struct WriteConsumer<'a, T> {
    slots: &'a mut [MaybeUninit<T>],
    /// The number of slots that are initialized, at the front.
    filled: usize,
    /// The slots to the right of `slots`, all initialized, which other consumers have filled.
    written: Vec<&'a mut [MaybeUninit<T>]>,
}

impl<'a, T> WriteConsumer<'a, T> {
    /// Gives up its slots, divided after `at` empty ones. Panics, and keeps its slots, if it has fewer.
    fn split_slots(&mut self, at: usize) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        let empty = self.slots.len() - self.filled;
        assert!(
            at <= empty,
            "a parallel iterator is split after more items than it says"
        );
        mem::take(&mut self.slots).split_at_mut(self.filled + at)
    }

    /// Gives up the items, and returns how many there are.
    fn into_len(mut self) -> usize {
        let written = mem::take(&mut self.written);
        mem::take(&mut self.filled) + written.iter().map(|slots| slots.len()).sum::<usize>()
    }
}

/// The number of slots that are filled by a block. Adds it to the whole number when it is dropped, also if the next item
/// panics.
struct Filled<'a> {
    whole: &'a mut usize,
    new: usize,
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        *self.whole += self.new;
    }
}

impl<T> Drop for WriteConsumer<'_, T> {
    fn drop(&mut self) {
        let filled = mem::take(&mut self.filled);
        let (filled, _) = mem::take(&mut self.slots).split_at_mut(filled);
        // By rule 1 and 2 these producers own their slots, and drop the items.
        let _own = OwnedProducer(filled);
        let written = mem::take(&mut self.written);
        let _others: Vec<_> = written.into_iter().map(OwnedProducer).collect();
    }
}

impl<'a, T: Send> Consumer<T> for WriteConsumer<'a, T> {
    super::plumbing::sends_itself!();

    #[inline]
    fn consume<I: Iterator<Item = T>>(&mut self, mut items: I) {
        let empty = &mut self.slots[self.filled..];
        let mut filled = Filled {
            whole: &mut self.filled,
            new: 0,
        };
        let write = |(slot, item): (&mut MaybeUninit<T>, T)| {
            slot.write(item);
            filled.new += 1;
        };
        let (least, most) = items.size_hint();
        if most == Some(least) && least <= empty.len() {
            // Not by reference, so that loops over slices are compiled as such.
            empty.iter_mut().zip(items).for_each(write);
            return;
        }
        empty.iter_mut().zip(items.by_ref()).for_each(write);
        assert!(
            filled.new < empty.len() || items.next().is_none(),
            "a parallel iterator has more items than it says"
        );
    }

    fn split_off(&mut self, at: usize) -> Self {
        let (left, right) = self.split_slots(at);
        self.slots = left;
        Self {
            slots: right,
            filled: 0,
            written: Vec::new(),
        }
    }

    fn append(&mut self, mut right: Self) {
        if self.filled < self.slots.len() {
            // Another thread unwinds, so this one has stopped early; or the iterator has fewer items than it says,
            // which the sum of all lengths will show. Either way the items of `right` are dropped.
            return;
        }
        let filled = mem::take(&mut right.filled);
        let (slots, _) = mem::take(&mut right.slots).split_at_mut(filled);
        self.written.push(slots);
        self.written.append(&mut right.written);
    }
}

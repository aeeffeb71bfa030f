//! A parallel, stable merge of two neighbouring runs of a slice.
//!
//! # Protocol
//! 1. *The slice owns the elements* from the first to the last step, and the buffer owns nothing: it is
//!    `MaybeUninit`, and nothing in it is ever dropped or compared.
//! 2. *Copying.* The elements are copied, bit by bit, into the buffer, in merged order. A [`Merge`] holds the
//!    exclusive references to the elements that are not copied yet, and to the part of the buffer that gets them.
//!    It passes only such elements to the comparison: it removes those that it has copied, or counts them until the end
//!    of a block of steps. So a comparison that changes what it compares (through a `Cell`) never changes an element
//!    that is copied.
//! 3. *Copying back.* Once all elements are copied, the buffer is copied over the slice. No code of the user sees the
//!    slice meanwhile. Every element was copied exactly once, so the slice then has the same elements in another order.
//!
//! If a comparison panics, the merge ends in step 2. The slice is as it was, except for what comparisons
//! changed inside the elements, and the buffer is forgotten. A comparison that is no total order changes the order
//! in which elements are copied, but not how many times: the positions at which a merge is divided are within
//! its bounds whatever the comparison returns.
//!
//! Two threads that work on parts of one merge have disjoint exclusive references, so no two of them compare the same
//! element at the same time: elements need not be `Sync`.
//!
//! A merge is divided where its output has a middle (Odeh, Green, Mwassi, Shmueli, Birk: "Merge path", 2012). Both
//! halves are then merged in one loop, since the steps of one merge wait for each other, and those of two do not. If
//! another thread is hungry, it gets one of the halves.

use std::cmp::Ordering;
use std::hint::select_unpredictable;
use std::mem::{MaybeUninit, take};
use std::panic::Location;

use super::bits::{bits_of, copy, copy_one, replace};
use crate::pool::{is_hungry, join_at};

/// The number of steps between two checks for hungry threads.
const BLOCK: usize = 1024;
/// The size from which a merge is worth a fork.
const FORK: usize = 4096;
/// A merge is lopsided if its shorter run is shorter than this, or has less than one of so many elements.
const SHORT: usize = 8;
const LOPSIDED: usize = 32;

/// Merges the sorted runs `items[..middle]` and `items[middle..]`, by way of `buffer`, which is as long as `items`.
pub(super) fn merge<T, F>(
    at: &'static Location<'static>,
    items: &mut [T],
    middle: usize,
    buffer: &mut [MaybeUninit<T>],
    compare: &F,
) where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let (left, right) = items.split_at(middle);
    let (Some(highest), Some(lowest)) = (left.last(), right.first()) else {
        return;
    };
    if compare(lowest, highest) != Ordering::Less {
        return;
    }
    // The elements before `start` and from `end` on are in place.
    let start = left.partition_point(|item| compare(lowest, item) != Ordering::Less);
    let end = middle + right.partition_point(|item| compare(item, highest) == Ordering::Less);
    let items = &mut items[start..end];
    let buffer = &mut buffer[start..end];
    let (left, right) = items.split_at_mut(middle - start);
    let merge = Merge {
        left,
        right,
        buffer,
    };
    merge.run(at, compare);
    // SAFETY: `run` has copied each element of both runs exactly once (rule 2), and `buffer` is as long as both.
    unsafe { replace(at, items, buffer) };
}

/// Two neighbouring runs, without the elements that are copied already, and the rest of the buffer. The buffer is as
/// long as both runs together.
struct Merge<'a, T> {
    left: &'a mut [T],
    right: &'a mut [T],
    buffer: &'a mut [MaybeUninit<T>],
}

impl<T: Send> Merge<'_, T> {
    /// Copies all elements to the buffer, in merged order.
    fn run<F>(mut self, at: &'static Location<'static>, compare: &F)
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        while !self.is_lopsided() || is_shared(self.buffer.len()) {
            let (lower, upper) = self.halve(compare);
            match Self::run_pair(at, lower, upper, compare) {
                Some(rest) => self = rest,
                None => return,
            }
        }
        self.copy_by_search(compare);
    }

    /// Copies all elements of two merges, except for what remains of one of them.
    fn run_pair<F>(
        at: &'static Location<'static>,
        mut a: Self,
        mut b: Self,
        compare: &F,
    ) -> Option<Self>
    where
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        loop {
            if is_shared(a.buffer.len() + b.buffer.len()) {
                join_at(at, || a.run(at, compare), || b.run(at, compare));
                return None;
            }
            if a.is_lopsided() {
                a.copy_by_search(compare);
                return Some(b);
            }
            if b.is_lopsided() {
                b.copy_by_search(compare);
                return Some(a);
            }
            let steps = a.shorter().min(b.shorter()).min(BLOCK);
            let (mut from_a, mut from_b) = (0, 0);
            for step in 0..steps {
                from_a += usize::from(a.step(step - from_a, from_a, compare));
                from_b += usize::from(b.step(step - from_b, from_b, compare));
            }
            a.remove(steps - from_a, from_a);
            b.remove(steps - from_b, from_b);
        }
    }

    /// Compares the elements at `left` and `right`, the numbers of those that were copied from each run since
    /// elements were last removed. Copies the lower one, and returns true if that is the right one.
    #[inline(always)]
    fn step(&mut self, left: usize, right: usize, compare: &impl Fn(&T, &T) -> Ordering) -> bool {
        let (left_item, right_item) = (&self.left[left], &self.right[right]);
        let is_right = compare(right_item, left_item) == Ordering::Less;
        let lower = select_unpredictable(is_right, right_item, left_item);
        copy_one(lower, &mut self.buffer[left + right]);
        is_right
    }

    /// Removes elements that were copied, of the left run and of the right run.
    fn remove(&mut self, left: usize, right: usize) {
        self.left = &mut take(&mut self.left)[left..];
        self.right = &mut take(&mut self.right)[right..];
        self.buffer = &mut take(&mut self.buffer)[left + right..];
    }

    /// Copies all elements: for each one of the shorter run, searches for those of the other run that precede it.
    fn copy_by_search(mut self, compare: &impl Fn(&T, &T) -> Ordering) {
        while let (Some(left), Some(right)) = (self.left.first(), self.right.first()) {
            if self.left.len() <= self.right.len() {
                let precedes = |item: &T| compare(item, left) == Ordering::Less;
                let count = count_first(self.right, precedes);
                self.copy_from_right(count);
                self.copy_from_left(1);
            } else {
                let precedes = |item: &T| compare(right, item) != Ordering::Less;
                let count = count_first(self.left, precedes);
                self.copy_from_left(count);
                self.copy_from_right(1);
            }
        }
        self.copy_from_left(self.left.len());
        self.copy_from_right(self.right.len());
    }

    fn copy_from_left(&mut self, count: usize) {
        copy(bits_of(&self.left[..count]), &mut self.buffer[..count]);
        self.remove(count, 0);
    }

    fn copy_from_right(&mut self, count: usize) {
        copy(bits_of(&self.right[..count]), &mut self.buffer[..count]);
        self.remove(0, count);
    }

    /// Divides the merge in the middle of its output.
    fn halve(self, compare: &impl Fn(&T, &T) -> Ordering) -> (Self, Self) {
        let middle = self.buffer.len() / 2;
        // The number of elements of the left run in the lower half is searched for between these bounds. The rest of
        // the lower half comes from the right run.
        let mut low = middle.saturating_sub(self.right.len());
        let mut high = middle.min(self.left.len());
        while low < high {
            let from_left = low + (high - low) / 2;
            let last_right = &self.right[middle - from_left - 1];
            if compare(last_right, &self.left[from_left]) == Ordering::Less {
                high = from_left;
            } else {
                low = from_left + 1;
            }
        }
        let (left, upper_left) = self.left.split_at_mut(low);
        let (right, upper_right) = self.right.split_at_mut(middle - low);
        let (buffer, upper_buffer) = self.buffer.split_at_mut(middle);
        let lower = Self {
            left,
            right,
            buffer,
        };
        let upper = Self {
            left: upper_left,
            right: upper_right,
            buffer: upper_buffer,
        };
        (lower, upper)
    }

    /// Returns true if a loop over the elements would be slower than searches.
    fn is_lopsided(&self) -> bool {
        self.shorter() < SHORT.max(self.buffer.len() / LOPSIDED)
    }

    fn shorter(&self) -> usize {
        self.left.len().min(self.right.len())
    }
}

/// Returns true if a merge of `count` elements should be shared with another thread.
fn is_shared(count: usize) -> bool {
    count >= FORK && is_hungry()
}

/// Returns the number of elements at the front for which `is_first` returns true, in time of the logarithm of that
/// number (Bentley and Yao: "An almost optimal algorithm for unbounded searching", 1976).
fn count_first<T>(items: &[T], is_first: impl Fn(&T) -> bool) -> usize {
    let mut bound = 1;
    while bound < items.len() && is_first(&items[bound - 1]) {
        bound *= 2;
    }
    let known = bound / 2;
    let rest = &items[known..bound.min(items.len())];
    known + rest.partition_point(is_first)
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::{Pool, ask};

    /// Merges two runs that are made by `make`, and asks for work at every comparison, so that the merge is divided
    /// whenever it can be.
    fn check(left: usize, right: usize, make: impl Fn(usize) -> usize) {
        let mut items: Vec<(usize, usize)> = (0..left + right).map(|n| (make(n), n)).collect();
        items[..left].sort();
        items[left..].sort();
        let mut expected = items.clone();
        expected.sort_by_key(|item| item.0);
        let mut buffer = Vec::with_capacity(items.len());
        let buffer = &mut buffer.spare_capacity_mut()[..items.len()];
        let compare = |a: &(usize, usize), b: &(usize, usize)| {
            ask();
            a.0.cmp(&b.0)
        };
        merge(Location::caller(), &mut items, left, buffer, &compare);
        assert!(items == expected, "{left} and {right}");
    }

    #[test]
    fn merges_runs_of_all_proportions() {
        let pool = Pool::builder().threads(1).build().unwrap();
        let scramble = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        pool.enter(|| {
            for left in [0, 1, 2, 9, 40, 700, 5_000, 20_000] {
                for right in [0, 1, 3, 8, 50, 650, 6_000, 20_000] {
                    check(left, right, scramble);
                    check(left, right, |n| scramble(n) % 5);
                    check(left, right, |n| n);
                    check(left, right, |n| usize::MAX - n);
                    check(left, right, |n| scramble(n) % (1 + n / 2));
                }
            }
        });
    }
}

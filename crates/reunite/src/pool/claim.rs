//! Items that one thread takes one after the other, while others may cut off the rest at any time.
//!
//! # Protocol
//! A `Share` holds the items. Its `Runner`, of which there is one, takes them from the front; any thread may
//! [cut](Share::cut). There are three numbers:
//!
//! * `next` is the number of items that the runner has claimed. Only the runner writes it.
//! * `truth` is the end of the runner's items. It changes only under its lock, and only decreases.
//! * `end` repeats `truth`, or is zero while a thread cuts.
//!
//! The runner *claims* item `n`: it stores `n + 1` into `next`, (light barrier), and loads `end`. If `end` is
//! greater than `n`, the item belongs to the runner. If not, the runner takes the lock, and compares `n` with
//! `truth`.
//!
//! A thread that *cuts* takes the lock, stores zero into `end`, (heavy barrier), and loads `next`. The items
//! from `next` to `truth` belong to this thread. It lowers `truth` to `next`, and stores the same number into
//! `end`.
//!
//! The barriers order the store before the load on both sides. So of a claim and a cut at the same time, at
//! least one sees the other: either the cut finds the item claimed, and does not take it; or the claim finds
//! zero or the new `end`, waits for the lock, and reads `truth`. So each item has exactly one owner.
//!
//! A heavy barrier acts on all threads at once (see `primitive`), which is why a light one costs nothing: a
//! claim is a plain store, a load and a comparison. Cilk-5 takes from its deques in this way (Frigo,
//! Leiserson, Randall 1998), but with a fence in the worker instead of the thief.
//!
//! # Access rules for items
//! 1. The runner moves an item out, once, after it has claimed it.
//! 2. The thread that holds the lock may move out the items from `next` to `truth`, after the heavy barrier,
//!    and lowers `truth`.
//! 3. When the share is dropped, no other thread refers to it: the items from `next` to `truth` are dropped.

use std::mem::ManuallyDrop;
use std::ptr;

use crate::primitive::{AtomicUsize, LightBarrier, Mutex, Ordering, heavy_barrier};

pub(super) struct Share<T> {
    /// The memory of a vector, with its initial number of items and its capacity.
    first: *mut T,
    count: usize,
    capacity: usize,
    next: AtomicUsize,
    end: AtomicUsize,
    truth: Mutex<usize>,
}

// SAFETY: each item is moved out by one thread (rules 1, 2, 3), and may be sent to it; the pointer never
// changes.
unsafe impl<T: Send> Sync for Share<T> {}
// SAFETY: the items may be sent, and the memory at the pointer goes along.
unsafe impl<T: Send> Send for Share<T> {}

impl<T> Share<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        let mut items = ManuallyDrop::new(items);
        let count = items.len();
        Self {
            first: items.as_mut_ptr(),
            count,
            capacity: items.capacity(),
            next: AtomicUsize::new(0),
            end: AtomicUsize::new(count),
            truth: Mutex::new(count),
        }
    }

    /// Returns the runner, and the reference by which other threads cut. If any thread cuts, `barrier` must
    /// not be [`unobserved`](LightBarrier::unobserved).
    pub(super) fn split(&mut self, barrier: LightBarrier) -> (Runner<'_, T>, &Self) {
        let at = self.next.load(Ordering::Relaxed);
        let share = &*self;
        (Runner { share, at, barrier }, share)
    }

    /// Returns how many items the runner has claimed; `None` if it has claimed all. May be out of date.
    pub(super) fn claimed(&self) -> Option<usize> {
        let next = self.next.load(Ordering::Relaxed);
        (next < *self.truth.lock()).then_some(next)
    }

    /// Returns the place of the item that the runner has claimed last, if there is one. May be out of date.
    pub(super) fn last_claimed(&self) -> Option<usize> {
        let last = self.next.load(Ordering::Relaxed).checked_sub(1)?;
        // The runner may have claimed an item that had been cut off before.
        (last < *self.truth.lock()).then_some(last)
    }

    /// Takes the items that the runner has not claimed, and passes the place of the first one and the items
    /// to `to`. The runner cannot notice before `to` has returned. Returns false if there are no such items.
    pub(super) fn cut(&self, to: impl FnOnce(usize, Vec<T>)) -> bool {
        let mut truth = self.truth.lock();
        self.end.store(0, Ordering::Relaxed);
        let next = if heavy_barrier() {
            self.next.load(Ordering::Relaxed)
        } else {
            // Without the barrier it is unknown which items the runner has claimed.
            *truth
        };
        // SAFETY: rule 2: the lock is held, and the heavy barrier was before the load.
        let rest = unsafe { self.take_from(next, &mut truth) };
        self.end.store(*truth, Ordering::Relaxed);
        let is_cut = !rest.is_empty();
        if is_cut {
            to(*truth, rest);
        }
        is_cut
    }

    /// Moves out the items from `next` to `truth`, and lowers `truth`.
    ///
    /// # Safety
    /// The runner has claimed `next` items, and claims no more before it has seen `truth`.
    unsafe fn take_from(&self, next: usize, truth: &mut usize) -> Vec<T> {
        let count = truth.saturating_sub(next);
        let mut rest = Vec::with_capacity(count);
        if count > 0 {
            // SAFETY: `next` is less than `truth`, which is at most the number of items.
            let from = unsafe { self.first.add(next) };
            // SAFETY: there are `count` items from there on, which only this thread touches (rules 2, 3), and
            // room for them.
            unsafe { ptr::copy_nonoverlapping(from, rest.as_mut_ptr(), count) };
            // SAFETY: they were moved there. They are gone from the share, as `truth` says from now on.
            unsafe { rest.set_len(count) };
            *truth = next;
        }
        rest
    }

    /// Returns true if the item at `at`, which the runner has claimed, belongs to the runner. Called if `end`
    /// does not show that.
    #[cold]
    fn is_claimed(&self, at: usize) -> bool {
        // A claim beyond the number of items finds nothing.
        at < self.count && at < *self.truth.lock()
    }
}

impl<T> Drop for Share<T> {
    fn drop(&mut self) {
        let next = self.next.load(Ordering::Relaxed);
        let rest = if next < self.count {
            // SAFETY: rule 3: there is no runner any more.
            unsafe { self.take_from(next, &mut self.truth.lock()) }
        } else {
            Vec::new()
        };
        // SAFETY: it came from a vector of that capacity, and its items were moved out.
        let memory = unsafe { Vec::from_raw_parts(self.first, 0, self.capacity) };
        drop(memory);
        drop(rest);
    }
}

/// The iterator by which one thread takes the items of a share.
pub(super) struct Runner<'a, T> {
    share: &'a Share<T>,
    at: usize,
    barrier: LightBarrier,
}

impl<T> Runner<'_, T> {
    /// Returns how many items the runner gets if no thread cuts.
    pub(super) fn most(&self) -> usize {
        self.share.count
    }
}

impl<T> Iterator for Runner<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let at = self.at;
        self.share.next.store(at + 1, Ordering::Relaxed);
        self.barrier.pass();
        if at >= self.share.end.load(Ordering::Relaxed) && !self.share.is_claimed(at) {
            return None;
        }
        self.at = at + 1;
        // SAFETY: `at` was less than `truth` when it was claimed, and so is less than the number of items.
        let item = unsafe { self.share.first.add(at) };
        // SAFETY: rule 1: the item is claimed, and `at` only grows.
        Some(unsafe { item.read() })
    }
}

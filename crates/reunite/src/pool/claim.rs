//! Items that one thread takes, one after the other, and of which others may cut off the rest at any time.
//!
//! # Protocol
//! `Share` has the items; its `Runner`, of which there is one, takes them from the front; anybody may [cut](Share::cut).
//! `next` says how many items the runner has claimed, and only the runner writes it. `truth` says where what is the
//! runner's ends, and is changed under its lock; it only sinks. `end` repeats `truth`, or is zero while somebody cuts.
//!
//! * The runner *claims* item `n`: it stores `n + 1` into `next`, (light barrier), and loads `end`. If that is larger than
//!   `n`, the item is its own. If not, it takes the lock, and asks `truth`.
//! * Whoever *cuts* takes the lock, stores zero into `end`, (heavy barrier), and loads `next`. The items from there to
//!   `truth` are its own. It lowers `truth` to `next`, and stores that into `end`.
//!
//! The barriers order the store before the load on both sides. So of a claim and a cut at the same time, one at least
//! sees the other: either the cut finds the item claimed, and leaves it; or the claim finds the zero, or the end that
//! came after it, and waits for the lock, behind which the truth is known. So no item has two owners, and none has none.
//!
//! A heavy barrier counts on all threads at once (see `primitive`), which is why a light one costs nothing: a claim is a
//! plain store, a load and a comparison. This is how Cilk-5 takes from its deques (Frigo, Leiserson, Randall 1998), with
//! the fence of the one who works moved to the one who steals.
//!
//! Who may touch an item:
//!
//! 1. The runner, once, after it has claimed it.
//! 2. Whoever has the lock may move away those from `next` to `truth`, after the heavy barrier, and lowers `truth`.
//! 3. When the share is dropped, nobody else has it: what is left from `next` to `truth` is dropped.

use std::mem::ManuallyDrop;
use std::ptr;

use crate::primitive::{AtomicUsize, LightBarrier, Mutex, Ordering, heavy_barrier};

pub(super) struct Share<T> {
    /// The memory of a vector, with so many items at first, and room for so many.
    first: *mut T,
    count: usize,
    capacity: usize,
    next: AtomicUsize,
    end: AtomicUsize,
    truth: Mutex<usize>,
}

// SAFETY: an item is moved away by one thread, by the rules above, and may be sent to it; the pointer never changes.
unsafe impl<T: Send> Sync for Share<T> {}
// SAFETY: the items may be sent, and the pointer is to memory that goes along.
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

    /// The one who takes the items, and the others' way to what is left. If anybody cuts, the barrier is no lone one.
    pub(super) fn split(&mut self, barrier: LightBarrier) -> (Runner<'_, T>, &Self) {
        let at = self.next.load(Ordering::Relaxed);
        let share = &*self;
        (Runner { share, at, barrier }, share)
    }

    /// How many items the runner has claimed, or `None` if that is all there are. May be out of date.
    pub(super) fn claimed(&self) -> Option<usize> {
        let next = self.next.load(Ordering::Relaxed);
        (next < *self.truth.lock()).then_some(next)
    }

    /// The place of the item that the runner has claimed last, if there is one. May be out of date.
    pub(super) fn at_hand(&self) -> Option<usize> {
        let last = self.next.load(Ordering::Relaxed).checked_sub(1)?;
        // It may have claimed one that had been cut off.
        (last < *self.truth.lock()).then_some(last)
    }

    /// Takes away what the runner has not claimed, and gives it to `to`, with the place where it began, before the runner
    /// can learn of that. False if nothing is left.
    pub(super) fn cut(&self, to: impl FnOnce(usize, Vec<T>)) -> bool {
        let mut truth = self.truth.lock();
        self.end.store(0, Ordering::Relaxed);
        let next = if heavy_barrier() {
            self.next.load(Ordering::Relaxed)
        } else {
            // It cannot be known what the runner has claimed.
            *truth
        };
        // SAFETY: rule 2: the lock is held, and the barrier stands before the load.
        let rest = unsafe { self.take_from(next, &mut truth) };
        self.end.store(*truth, Ordering::Relaxed);
        let is_cut = !rest.is_empty();
        if is_cut {
            to(*truth, rest);
        }
        is_cut
    }

    /// Moves the items from `next` to `truth` away, and lowers that.
    ///
    /// # Safety
    /// The runner has claimed `next` items, and claims no more before it has seen `truth`.
    unsafe fn take_from(&self, next: usize, truth: &mut usize) -> Vec<T> {
        let count = truth.saturating_sub(next);
        let mut rest = Vec::with_capacity(count);
        if count > 0 {
            // SAFETY: `next` is less than `truth`, and that no more than there are items.
            let from = unsafe { self.first.add(next) };
            // SAFETY: there are so many items from there on, which nobody else touches, and room for them.
            unsafe { ptr::copy_nonoverlapping(from, rest.as_mut_ptr(), count) };
            // SAFETY: they were put there. Those in the share are gone, as `truth` says from now on.
            unsafe { rest.set_len(count) };
            *truth = next;
        }
        rest
    }

    /// Whether an item that the runner has claimed is its own, when `end` said that it may not be.
    #[cold]
    fn is_claimed(&self, at: usize) -> bool {
        // Whoever has come that far has claimed all there are.
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
        // SAFETY: it came from a vector of that capacity, and its items are gone.
        let memory = unsafe { Vec::from_raw_parts(self.first, 0, self.capacity) };
        drop(memory);
        drop(rest);
    }
}

/// Takes the items of a share.
pub(super) struct Runner<'a, T> {
    share: &'a Share<T>,
    at: usize,
    barrier: LightBarrier,
}

impl<T> Runner<'_, T> {
    /// How many items there are, if nobody cuts.
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
        self.barrier.stand();
        if at >= self.share.end.load(Ordering::Relaxed) && !self.share.is_claimed(at) {
            return None;
        }
        self.at = at + 1;
        // SAFETY: less than `truth` was at some time, and so than the number of items.
        let item = unsafe { self.share.first.add(at) };
        // SAFETY: rule 1: claimed, and `at` only grows.
        Some(unsafe { item.read() })
    }
}

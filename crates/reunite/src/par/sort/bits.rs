//! Copies of elements, bit by bit, that own nothing.
//!
//! A `MaybeUninit<T>` may hold the bits of an element that something else owns: it drops nothing, and safe code
//! cannot use it as a `T`. So only [`replace`], which makes elements of copied bits, has an obligation for its callers.

use std::mem::MaybeUninit;
use std::panic::Location;

use crate::contain::AbortOnUnwind;
use crate::pool::{is_hungry, join_at};

/// The number of bytes from which a copy is worth a fork.
const FORK: usize = 1 << 18;

/// The message with which the process ends if anything unwinds while elements are moved. Nothing should: no code of the
/// user sees them then.
const TORN: &str = "a sort was interrupted while it moved its elements; ending the process";

/// The bits of elements, for several threads.
pub(super) struct SharedBits<'a, T>(&'a [MaybeUninit<T>]);

// SAFETY: nothing but bits are accessible through it, and all accesses are reads.
unsafe impl<T> Sync for SharedBits<'_, T> {}

// SAFETY: as above.
unsafe impl<T> Send for SharedBits<'_, T> {}

impl<T> Clone for SharedBits<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedBits<'_, T> {}

impl<'a, T> SharedBits<'a, T> {
    pub(super) fn new(items: &'a [T]) -> Self {
        Self(bits_of(items))
    }

    /// Copies the bits of the element at `index`.
    #[inline(always)]
    pub(super) fn copy(self, index: usize, to: &mut MaybeUninit<T>) {
        copy(&self.0[index..=index], std::slice::from_mut(to));
    }
}

/// Returns a view of elements as bits.
pub(super) fn bits_of<T>(items: &[T]) -> &[MaybeUninit<T>] {
    // SAFETY: the layout is the same. The elements live as long as the borrow, and a shared reference to bits
    // allows no writes.
    unsafe { &*(std::ptr::from_ref(items) as *const [MaybeUninit<T>]) }
}

/// Copies the bits of one element.
#[inline(always)]
pub(super) fn copy_one<T>(from: &T, to: &mut MaybeUninit<T>) {
    let from = std::ptr::from_ref(from).cast::<MaybeUninit<T>>();
    // SAFETY: `from` is a reference to an element, whose bits are valid for a `MaybeUninit`, which is `T` in layout.
    *to = unsafe { from.read() };
}

/// Copies `from` to `to`, which is as long.
pub(super) fn copy<T>(from: &[MaybeUninit<T>], to: &mut [MaybeUninit<T>]) {
    assert_eq!(from.len(), to.len());
    // SAFETY: both are that long and aligned, and as `to` is exclusive, they do not overlap. Any bits are a valid
    // `MaybeUninit`.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
}

/// Replaces the elements of `items` by those whose bits are in `buffer`, which is as long. Calls no method of the
/// elements.
///
/// # Safety
/// `buffer` holds the bits of each element of `items` exactly once, in any order.
pub(super) unsafe fn replace<T: Send>(
    at: &'static Location<'static>,
    items: &mut [T],
    buffer: &mut [MaybeUninit<T>],
) {
    let abort = AbortOnUnwind(TORN);
    // SAFETY: the layout is the same. When the reference ends, `items` holds the same elements in another order, as
    // the caller guarantees. Nothing sees `items` before that, because the guard lets nothing unwind.
    let items = unsafe { &mut *(std::ptr::from_mut(items) as *mut [MaybeUninit<T>]) };
    copy_in_parallel(at, buffer, items);
    std::mem::forget(abort);
}

/// Copies `from` to `to`, which is as long, on several threads if others are hungry.
fn copy_in_parallel<T: Send>(
    at: &'static Location<'static>,
    from: &mut [MaybeUninit<T>],
    to: &mut [MaybeUninit<T>],
) {
    if size_of_val(to) < FORK || !is_hungry() {
        copy(from, to);
        return;
    }
    let middle = to.len() / 2;
    let (from, upper_from) = from.split_at_mut(middle);
    let (to, upper_to) = to.split_at_mut(middle);
    join_at(
        at,
        || copy_in_parallel(at, from, to),
        || copy_in_parallel(at, upper_from, upper_to),
    );
}

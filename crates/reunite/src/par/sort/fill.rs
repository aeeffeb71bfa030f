//! A parallel computation of a vector.
//!
//! # Protocol
//! [`Filled`] owns the first values of a part of the vector's memory, and drops them if the computation unwinds. A
//! part that is shared between two threads is divided in two, each with its own `Filled`. When both are full, the
//! `Filled` of the whole part takes their values over; at last the vector does.

use std::mem::{MaybeUninit, forget};
use std::panic::Location;

use crate::pool::{is_hungry, join_at};

/// Returns the values of `compute` for each element and its index, in the order of the elements.
pub(super) fn compute_all<T, R, F>(
    at: &'static Location<'static>,
    items: &mut [T],
    compute: &F,
) -> Vec<R>
where
    T: Send,
    R: Send,
    F: Fn(&T, usize) -> R + Sync,
{
    let mut values = Vec::with_capacity(items.len());
    let places = &mut values.spare_capacity_mut()[..items.len()];
    forget(fill(at, items, 0, places, compute));
    // SAFETY: the capacity is at least that, and `fill` has initialized as many values, which nothing else owns.
    unsafe { values.set_len(items.len()) };
    values
}

/// The owner of the first `count` values.
struct Filled<'a, R> {
    places: &'a mut [MaybeUninit<R>],
    count: usize,
}

impl<R> Drop for Filled<'_, R> {
    fn drop(&mut self) {
        for place in &mut self.places[..self.count] {
            // SAFETY: the value was initialized, and is dropped here only.
            unsafe { place.assume_init_drop() };
        }
    }
}

/// Computes a value for each element; `places` is as long as `items`. The first element has the index `first`.
/// Returns the owner of all values.
fn fill<'a, T, R, F>(
    at: &'static Location<'static>,
    items: &mut [T],
    first: usize,
    places: &'a mut [MaybeUninit<R>],
    compute: &F,
) -> Filled<'a, R>
where
    T: Send,
    R: Send,
    F: Fn(&T, usize) -> R + Sync,
{
    let mut filled = Filled { places, count: 0 };
    // A value may take long to compute, so this checks for hungry threads each time.
    while let Some(item) = items.get(filled.count)
        && !(items.len() - filled.count > 1 && is_hungry())
    {
        filled.places[filled.count].write(compute(item, first + filled.count));
        filled.count += 1;
    }
    let first = first + filled.count;
    let items = &mut items[filled.count..];
    if !items.is_empty() {
        let half = items.len() / 2;
        let (left, right) = items.split_at_mut(half);
        let places = &mut filled.places[filled.count..];
        let (left_places, right_places) = places.split_at_mut(half);
        let (left, right) = join_at(
            at,
            || fill(at, left, first, left_places, compute),
            || fill(at, right, first + half, right_places, compute),
        );
        let count = left.count + right.count;
        forget((left, right));
        filled.count += count;
    }
    filled
}

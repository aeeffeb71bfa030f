//! A parallel sort by keys that are computed once for each element.
//!
//! The keys are computed and sorted with the index of their element. No code of the user runs any more when the elements
//! are permuted, and none of it sees the elements in between.

use std::cmp::Ordering;
use std::mem::MaybeUninit;
use std::panic::Location;

use super::bits::{SharedBits, replace};
use super::run::{RunOrder, reverse};
use super::unstable;
use crate::par::collect::gather_vec;
use crate::par::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use crate::pool::{is_hungry, join_at, places, take_part};

/// The number of elements from which a permutation is worth a fork.
const FORK: usize = 4096;

/// Sorts `items` by their keys, and keeps the order of elements with equal keys.
pub(in crate::par) fn sort<T, K, F>(at: &'static Location<'static>, items: &mut [T], key: &F)
where
    T: Send,
    K: Ord + Send,
    F: Fn(&T) -> K + Sync,
{
    if items.len() < 2 {
        return;
    }
    take_part(at, || {
        if places() == 1 {
            items.sort_by_cached_key(key);
        } else if u32::try_from(items.len()).is_ok() {
            sort_with::<T, K, u32>(at, items, key);
        } else {
            sort_with::<T, K, usize>(at, items, key);
        }
    });
}

/// The index of an element: small if possible, so that there is less to move.
trait Index: Copy + Ord + Send {
    fn new(index: usize) -> Self;
    fn get(self) -> usize;
}

impl Index for u32 {
    fn new(index: usize) -> Self {
        index as Self
    }

    fn get(self) -> usize {
        self as usize
    }
}

impl Index for usize {
    fn new(index: usize) -> Self {
        index
    }

    fn get(self) -> usize {
        self
    }
}

/// Sorts as [`sort`] does, with indices of type `I`, which holds all of them.
fn sort_with<T, K, I>(
    at: &'static Location<'static>,
    items: &mut [T],
    key: &(impl Fn(&T) -> K + Sync),
) where
    T: Send,
    K: Ord + Send,
    I: Index,
{
    let keyed = items.par_iter_mut().enumerate();
    let mut keyed = gather_vec(at, keyed.map(|(index, item)| (key(item), I::new(index))));
    // The indices are all different, so the order of equal keys is kept.
    let compare = |(a, a_index): &(K, I), (b, b_index): &(K, I)| match a.cmp(b) {
        Ordering::Equal => a_index.cmp(b_index),
        order => order,
    };
    match unstable::sort(at, &mut keyed, &compare) {
        Some(RunOrder::Ascending) => {}
        Some(RunOrder::Descending) => reverse(at, items),
        // SAFETY: each index was computed exactly once, and a sort only changes the order, whatever the comparison
        // returns. It cannot reach the indices.
        None => unsafe { permute(at, items, &mut keyed) },
    }
}

/// Puts the elements in the order in which `keyed` refers to them.
///
/// # Safety
/// `keyed` has each index below `items.len()` exactly once.
unsafe fn permute<T, K, I>(at: &'static Location<'static>, items: &mut [T], keyed: &mut [(K, I)])
where
    T: Send,
    K: Send,
    I: Index,
{
    let mut buffer = Vec::with_capacity(items.len());
    let buffer = &mut buffer.spare_capacity_mut()[..items.len()];
    gather(at, SharedBits::new(items), keyed, buffer);
    // SAFETY: `gather` has copied the bits of the element at each index in `keyed`, so of each element exactly once.
    unsafe { replace(at, items, buffer) };
}

/// Copies the elements that `keyed` refers to, in this order, to `buffer`, which is as long.
fn gather<T, K, I>(
    at: &'static Location<'static>,
    items: SharedBits<'_, T>,
    keyed: &mut [(K, I)],
    buffer: &mut [MaybeUninit<T>],
) where
    T: Send,
    K: Send,
    I: Index,
{
    if keyed.len() < FORK || !is_hungry() {
        for ((_, index), place) in keyed.iter().zip(buffer) {
            items.copy(index.get(), place);
        }
        return;
    }
    let middle = keyed.len() / 2;
    let (keyed, upper_keyed) = keyed.split_at_mut(middle);
    let (buffer, upper_buffer) = buffer.split_at_mut(middle);
    join_at(
        at,
        || gather(at, items, keyed, buffer),
        || gather(at, items, upper_keyed, upper_buffer),
    );
}

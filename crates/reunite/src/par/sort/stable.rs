//! A parallel merge sort: the standard library sorts pieces of the slice, on several threads, and `merge` merges
//! neighbouring pieces.

use std::cmp::Ordering;
use std::mem::MaybeUninit;
use std::panic::Location;

use super::merge::merge;
use super::pieces::in_pieces;
use super::run::sort_run;
use crate::pool::join_at;

/// Sorts `items` and keeps the order of equal elements.
pub(in crate::par) fn sort<T, F>(at: &'static Location<'static>, items: &mut [T], compare: &F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let is_sorted = in_pieces(at, items, |items, piece| {
        if sort_run(at, items, compare).is_none() {
            let mut buffer = Vec::with_capacity(items.len());
            let buffer = &mut buffer.spare_capacity_mut()[..items.len()];
            let sort = MergeSort { at, compare, piece };
            sort.sort(items, buffer);
        }
    });
    if is_sorted.is_none() {
        items.sort_by(compare);
    }
}

/// A sort in progress.
struct MergeSort<'a, F> {
    at: &'static Location<'static>,
    compare: &'a F,
    piece: usize,
}

impl<F> MergeSort<'_, F> {
    /// Sorts `items`, by way of `buffer`, which is as long.
    fn sort<T>(&self, items: &mut [T], buffer: &mut [MaybeUninit<T>])
    where
        T: Send,
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        if items.len() < 2 * self.piece {
            items.sort_by(self.compare);
            return;
        }
        let middle = items.len() / 2;
        let (left, right) = items.split_at_mut(middle);
        let (left_buffer, right_buffer) = buffer.split_at_mut(middle);
        join_at(
            self.at,
            || self.sort(left, left_buffer),
            || self.sort(right, right_buffer),
        );
        merge(self.at, items, middle, buffer, self.compare);
    }
}

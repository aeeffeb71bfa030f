//! A parallel quicksort.

use std::cmp::Ordering;
use std::panic::Location;

use crate::pool::{join_at, take_part};

/// The largest number of items that are sorted by the standard library on one thread.
const SMALL: usize = 4096;

/// Sorts `items` in parallel in the pool; the order of equal items is not kept.
///
/// # Panics
/// If a comparison panics; see [`par_sort_unstable_by`].
///
/// ```
/// let mut words = vec!["not", "to", "be", "or"];
/// reunite::par_sort_unstable(&mut words);
/// assert_eq!(words, ["be", "not", "or", "to"]);
/// ```
#[track_caller]
pub fn par_sort_unstable<T: Ord + Send>(items: &mut [T]) {
    par_sort_unstable_by(items, T::cmp);
}

/// Sorts `items` like [`par_sort_unstable`], by the comparison `compare`.
///
/// # Panics
/// If `compare` panics; possibly also if `compare` is not a total order. The slice then still has all of its
/// items, in an unspecified order.
///
/// ```
/// let mut numbers = vec![1.5, -2.0, 0.25];
/// reunite::par_sort_unstable_by(&mut numbers, f64::total_cmp);
/// assert_eq!(numbers, [-2.0, 0.25, 1.5]);
/// ```
#[track_caller]
pub fn par_sort_unstable_by<T, F>(items: &mut [T], compare: F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    // The depth is limited because partitions may come out badly: past twice the depth of a good run, the
    // standard sort, whose worst case is n log n, sorts the rest.
    let limit = 2 * items.len().max(1).ilog2();
    let at = Location::caller();
    take_part(at, || sort(at, items, &compare, limit));
}

fn sort<T, F>(at: &'static Location<'static>, items: &mut [T], compare: &F, limit: u32)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    if items.len() <= SMALL || limit == 0 {
        items.sort_unstable_by(compare);
        return;
    }
    let (less, equal_to) = partition(items, compare);
    let (left, rest) = items.split_at_mut(less);
    let right = &mut rest[equal_to..];
    join_at(
        at,
        || sort(at, left, compare, limit - 1),
        || sort(at, right, compare, limit - 1),
    );
}

/// Moves the items less than a pivot to the front and equal ones behind them; returns how many of each.
fn partition<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let pivot = median_of_medians(items, compare);
    let last = items.len() - 1;
    items.swap(pivot, last);
    let (rest, pivot) = items.split_at_mut(last);
    let pivot = &pivot[0];
    // Without a branch on the comparison, which no processor could predict (Lomuto's scheme, as in
    // "BlockQuicksort", Edelkamp and Weiß, 2016).
    let mut less = 0;
    for at in 0..rest.len() {
        let is_less = compare(&rest[at], pivot) == Ordering::Less;
        rest.swap(less, at);
        less += usize::from(is_less);
    }
    // Many equal items would be split off one at a time: move those next to the pivot, too.
    let mut equal = less;
    if less < rest.len() / 8 {
        for at in less..rest.len() {
            let is_equal = compare(&rest[at], pivot) == Ordering::Equal;
            rest.swap(equal, at);
            equal += usize::from(is_equal);
        }
    }
    items.swap(equal, last);
    (less, equal - less + 1)
}

/// Returns the index of an item near the middle: the median of three medians of three.
fn median_of_medians<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let median = |places: [usize; 3]| {
        let [mut a, mut b, c] = places;
        if compare(&items[a], &items[b]) == Ordering::Greater {
            std::mem::swap(&mut a, &mut b);
        }
        if compare(&items[b], &items[c]) != Ordering::Greater {
            b
        } else if compare(&items[a], &items[c]) == Ordering::Greater {
            a
        } else {
            c
        }
    };
    let step = items.len() / 10;
    median([
        median([step, 2 * step, 3 * step]),
        median([4 * step, 5 * step, 6 * step]),
        median([7 * step, 8 * step, 9 * step]),
    ])
}

//! A parallel quicksort in place: partitions until there is a piece for each thread, which the standard library sorts.
//! Inputs that are mostly in order are partitioned so that they remain so, and then sorted by `mostly_sorted`.

use std::cmp::Ordering;
use std::panic::Location;

use super::mostly_sorted;
use super::pieces::in_pieces;
use super::run::{RunOrder, reverse, sort_run};
use crate::pool::join_at;

/// The largest sample from which a pivot is chosen, and the number of elements for each in the sample.
const LARGEST_SAMPLE: usize = 1023;
const PER_SAMPLE: usize = 64;

/// The number of pairs of neighbours in the sample from which the order of an input is estimated, and the largest
/// number of exceptions in an input that counts as mostly in order.
const PAIRS: usize = 128;
const EXCEPTIONS: usize = PAIRS / 16;

/// Sorts `items`; the order of equal elements is not kept. Returns the order in which they were, if that is known:
/// then they are unchanged or reversed.
pub(in crate::par) fn sort<T, F>(
    at: &'static Location<'static>,
    items: &mut [T],
    compare: &F,
) -> Option<RunOrder>
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    in_pieces(at, items, |items, piece| {
        let run = sort_run(at, items, compare);
        if run.is_some() {
            return run;
        }
        let order = SampledOrder::of(items, compare);
        if order == SampledOrder::MostlyReversed {
            reverse(at, items);
        }
        let sort = Quicksort {
            at,
            compare,
            piece,
            is_mostly_sorted: order != SampledOrder::Other,
        };
        // The depth is limited because partitions may come out badly. Beyond twice the depth of a good run, the
        // standard sort, whose worst case is n log n, sorts the rest.
        sort.sort(items, 2 * items.len().ilog2());
        None
    })
    .unwrap_or_else(|| {
        items.sort_unstable_by(compare);
        None
    })
}

/// An estimate of the order of an input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SampledOrder {
    MostlySorted,
    MostlyReversed,
    Other,
}

impl SampledOrder {
    fn of<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> Self {
        let step = items.len() / PAIRS;
        let pairs = items.chunks_exact(step).take(PAIRS);
        let is_descent = |pair: &&[T]| compare(&pair[1], &pair[0]) == Ordering::Less;
        let descents = pairs.filter(is_descent).count();
        if descents <= EXCEPTIONS {
            Self::MostlySorted
        } else if descents >= PAIRS - EXCEPTIONS {
            Self::MostlyReversed
        } else {
            Self::Other
        }
    }
}

/// A sort in progress.
struct Quicksort<'a, F> {
    at: &'static Location<'static>,
    compare: &'a F,
    piece: usize,
    is_mostly_sorted: bool,
}

impl<F> Quicksort<'_, F> {
    fn sort<T>(&self, items: &mut [T], limit: u32)
    where
        T: Send,
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        let compare = self.compare;
        if items.len() < 2 * self.piece || limit == 0 {
            if self.is_mostly_sorted {
                mostly_sorted::sort(items, compare);
            } else {
                items.sort_unstable_by(compare);
            }
            return;
        }
        let pivot = self.pivot(items);
        items.swap(0, pivot);
        let (less, equal) = self.partition(items);
        let (left, rest) = items.split_at_mut(less);
        let right = &mut rest[equal..];
        join_at(
            self.at,
            || self.sort(left, limit - 1),
            || self.sort(right, limit - 1),
        );
    }

    /// Returns the index of an element near the median.
    fn pivot<T>(&self, items: &mut [T]) -> usize
    where
        F: Fn(&T, &T) -> Ordering,
    {
        if self.is_mostly_sorted {
            return items.len() / 2;
        }
        let count = (items.len() / PER_SAMPLE).min(LARGEST_SAMPLE);
        let step = items.len() / count;
        for number in 0..count {
            items.swap(number, number * step + step / 2);
        }
        items[..count].sort_unstable_by(self.compare);
        count / 2
    }

    /// Moves the elements less than the first one to the front, and that one behind them, with equal ones if there
    /// may be many. Returns the numbers of both.
    fn partition<T>(&self, items: &mut [T]) -> (usize, usize)
    where
        F: Fn(&T, &T) -> Ordering,
    {
        let Some((pivot, rest)) = items.split_first_mut() else {
            return (0, 0);
        };
        let is_less = |item: &T| (self.compare)(item, pivot) == Ordering::Less;
        let less = if self.is_mostly_sorted {
            partition_from_both_ends(rest, is_less)
        } else {
            partition(rest, is_less)
        };
        let mut equal = 0;
        // Many equal elements would be split off one at a time.
        if less < rest.len() / 8 {
            let is_equal = |item: &T| (self.compare)(item, pivot) == Ordering::Equal;
            equal = partition(&mut rest[less..], is_equal);
        }
        items.swap(0, less);
        (less, equal + 1)
    }
}

/// Moves the elements for which `is_first` returns true to the front; returns their number. Has no branch on that,
/// which no processor could predict (Lomuto's scheme, as in "BlockQuicksort", Edelkamp and Weiß, 2016).
fn partition<T>(items: &mut [T], is_first: impl Fn(&T) -> bool) -> usize {
    let mut count = 0;
    for at in 0..items.len() {
        let is_first = is_first(&items[at]);
        items.swap(count, at);
        count += usize::from(is_first);
    }
    count
}

/// Does what [`partition`] does, and moves no element that is on its side (Hoare's scheme). So what is mostly
/// sorted remains so; Lomuto's scheme would gather the misplaced elements.
fn partition_from_both_ends<T>(items: &mut [T], is_first: impl Fn(&T) -> bool) -> usize {
    let (mut low, mut high) = (0, items.len());
    loop {
        while low < high && is_first(&items[low]) {
            low += 1;
        }
        while low < high && !is_first(&items[high - 1]) {
            high -= 1;
        }
        if low == high {
            return low;
        }
        high -= 1;
        items.swap(low, high);
        low += 1;
    }
}

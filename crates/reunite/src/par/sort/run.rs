//! Slices that are one run: sorted already, or in reverse.

use std::cmp::Ordering;
use std::mem::swap;
use std::panic::Location;

use crate::pool::{is_hungry, join_at};

/// The number of elements between two checks for hungry threads.
const BLOCK: usize = 2048;
/// The number of pairs that are compared without a branch on the results.
const GROUP: usize = 8;
/// The number of elements from which a check or a reversal is worth a fork.
const FORK: usize = 16_384;

/// The order of a slice that was one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::par) enum RunOrder {
    /// The order in which no element is less than the one before it.
    Ascending,
    /// The order in which each element is less than the one before it.
    Descending,
}

/// Sorts `items` if they are one run: leaves them as they are or reverses them. Otherwise changes nothing and
/// returns `None`.
pub(super) fn sort_run<T, F>(
    at: &'static Location<'static>,
    items: &mut [T],
    compare: &F,
) -> Option<RunOrder>
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let is_less = |item: &T, before: &T| compare(item, before) == Ordering::Less;
    match items {
        [first, second, ..] if is_less(second, first) => {
            let is_run = is_run(at, items, &is_less);
            is_run.then(|| reverse(at, items))?;
            Some(RunOrder::Descending)
        }
        _ => {
            let is_run = is_run(at, items, &|item, before| !is_less(item, before));
            is_run.then_some(RunOrder::Ascending)
        }
    }
}

/// Returns true if `follows` returns true for each element and the one before it. Each element is compared by one thread at a
/// time.
fn is_run<T, F>(at: &'static Location<'static>, mut items: &mut [T], follows: &F) -> bool
where
    T: Send,
    F: Fn(&T, &T) -> bool + Sync,
{
    loop {
        let block = items.len().min(BLOCK);
        if !is_block_of_run(&items[..block], follows) {
            return false;
        }
        if items.len() == block {
            return true;
        }
        // The last element of the block is the first of the next one.
        items = &mut items[block - 1..];
        if items.len() >= FORK && is_hungry() {
            break;
        }
    }
    let middle = items.len() / 2;
    let (left, right) = items.split_at_mut(middle);
    let (is_left, is_right) = join_at(
        at,
        || is_run(at, left, follows),
        || is_run(at, right, follows),
    );
    is_left && is_right && follows(&items[middle], &items[middle - 1])
}

fn is_block_of_run<T>(mut items: &[T], follows: &impl Fn(&T, &T) -> bool) -> bool {
    while let Some(group) = items.first_chunk::<{ GROUP + 1 }>() {
        let pairs = (0..GROUP).map(|pair| follows(&group[pair + 1], &group[pair]));
        if !pairs.fold(true, |all, is_next| all & is_next) {
            return false;
        }
        items = &items[GROUP..];
    }
    items.is_sorted_by(|before, item| follows(item, before))
}

/// Reverses the order of `items`.
pub(super) fn reverse<T: Send>(at: &'static Location<'static>, items: &mut [T]) {
    let half = items.len() / 2;
    let (front, rest) = items.split_at_mut(half);
    let back = rest.len() - half;
    exchange(at, front, &mut rest[back..]);
}

/// Exchanges the first element of `front` with the last of `back`, which is as long, and so on.
fn exchange<T: Send>(at: &'static Location<'static>, front: &mut [T], back: &mut [T]) {
    if front.len() < FORK || !is_hungry() {
        let pairs = front.iter_mut().zip(back.iter_mut().rev());
        pairs.for_each(|(front, back)| swap(front, back));
        return;
    }
    let middle = front.len() / 2;
    let (front, inner_front) = front.split_at_mut(middle);
    let (inner_back, back) = back.split_at_mut(back.len() - middle);
    join_at(
        at,
        || exchange(at, front, back),
        || exchange(at, inner_front, inner_back),
    );
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::{Pool, ask};

    /// Two threads that check a half each do not compare the neighbours at the border.
    #[test]
    fn a_run_that_ends_where_the_check_is_divided_is_none() {
        let size = FORK + BLOCK;
        let border = BLOCK - 1 + (size - (BLOCK - 1)) / 2;
        let pool = Pool::builder().threads(1).build().unwrap();
        let order = |items: &mut [usize]| {
            pool.enter(|| {
                ask();
                sort_run(Location::caller(), items, &usize::cmp)
            })
        };
        for start in border - 2..=border + 2 {
            let mut items: Vec<usize> = (0..size).map(|n| (n + size - start) % size).collect();
            assert_eq!(order(&mut items), None, "{start}");
            items.iter_mut().for_each(|item| *item = size - *item);
            assert_eq!(order(&mut items), None, "{start}");
        }
        let mut items: Vec<usize> = (0..size).rev().collect();
        assert_eq!(order(&mut items), Some(RunOrder::Descending));
        assert_eq!(order(&mut items), Some(RunOrder::Ascending));
        assert!(items.into_iter().eq(0..size));
    }
}

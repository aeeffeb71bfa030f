//! `split`: the parts of a value that the user's function splits.

use std::fmt;
use std::panic::Location;

use crate::par::convert::IntoParallelIterator;
use crate::par::plumbing::{Consumer, Drive};
use crate::pool::{places, take_part};

/// The number of parts for each thread: so few that splitting costs little, and so many that a thread whose parts are
/// small finds others.
const PARTS_OF_A_THREAD: usize = 8;

/// Returns a parallel iterator over parts of `data`. `splitter` splits a part in two, or returns `None` beside a part
/// that cannot be split. The parts come in the order of the splits: the first half before the second.
///
/// The value is split when the iteration begins, on the calling thread, until there are several parts for each thread
/// or no part can be split. In a pool of one thread it is not split. So a part can be as large as `data`; go through it
/// by a loop. Where the items are in a slice, a range or a text, their own parallel iterators share them out better.
///
/// ```
/// use reunite::prelude::*;
/// // The sum of the products of two coordinates, over a square that is split into smaller ones.
/// type Square = (std::ops::Range<u64>, std::ops::Range<u64>);
/// let halves = |(x, y): Square| {
///     if x.end - x.start < 2 {
///         return ((x, y), None);
///     }
///     let middle = (x.start + x.end) / 2;
///     ((x.start..middle, y.clone()), Some((middle..x.end, y)))
/// };
/// let sum: u64 = reunite::iter::split((0..100, 0..100), halves)
///     .map(|(x, y)| x.map(|x| y.clone().map(|y| x * y).sum::<u64>()).sum::<u64>())
///     .sum();
/// assert_eq!(sum, 4950 * 4950);
/// ```
pub fn split<D, S>(data: D, splitter: S) -> SplitIter<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Send + Sync,
{
    SplitIter { data, splitter }
}

/// A parallel iterator over the parts of a value; see [`split`].
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct SplitIter<D, S> {
    data: D,
    splitter: S,
}

impl<D: fmt::Debug, S> fmt::Debug for SplitIter<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("SplitIter");
        fields.field("data", &self.data).finish_non_exhaustive()
    }
}

impl<D, S> Drive for SplitIter<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Send + Sync,
{
    type Item = D;

    fn drive<C: Consumer<D>>(self, at: &'static Location<'static>, consumer: C) -> C {
        take_part(at, || {
            let most = match places() {
                1 => 1,
                places => places * PARTS_OF_A_THREAD,
            };
            let parts = self.parts(most);
            parts.into_par_iter().drive(at, consumer)
        })
    }
}

impl<D, S: Fn(D) -> (D, Option<D>)> SplitIter<D, S> {
    /// Splits in rounds, in which each part is split once, until there are `most` parts or none can be split.
    fn parts(self, most: usize) -> Vec<D> {
        let mut parts = vec![self.data];
        loop {
            let before = parts.len();
            let mut next = Vec::with_capacity(most.min(2 * before));
            let mut unsplit = before;
            for part in parts {
                unsplit -= 1;
                if next.len() + unsplit + 1 < most {
                    let (left, right) = (self.splitter)(part);
                    next.push(left);
                    next.extend(right);
                } else {
                    next.push(part);
                }
            }
            parts = next;
            if parts.len() == before {
                return parts;
            }
        }
    }
}

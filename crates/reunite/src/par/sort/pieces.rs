//! The size of the pieces that the standard library sorts, one on each thread at a time.

use std::panic::Location;

use crate::pool::{places, take_part};

/// The smallest piece: waking a thread for a smaller one takes longer than sorting it.
const SMALLEST: usize = 2048;
/// The number of pieces for each thread of the pool. One would do if all threads were equally fast; with two, a
/// thread that is late delays the others by less.
const PER_THREAD: usize = 2;

/// Returns the result of `sort`, called with the number of elements of a piece, as a member of a pool. Returns `None`
/// if one thread should sort `items` in one piece.
pub(super) fn in_pieces<T, R>(
    at: &'static Location<'static>,
    items: &mut [T],
    sort: impl FnOnce(&mut [T], usize) -> R,
) -> Option<R> {
    if items.len() < 2 * SMALLEST || size_of::<T>() == 0 {
        return None;
    }
    take_part(at, || {
        let threads = places();
        let piece = SMALLEST.max(items.len() / (threads * PER_THREAD));
        let is_divided = threads > 1 && items.len() >= 2 * piece;
        is_divided.then(|| sort(items, piece))
    })
}

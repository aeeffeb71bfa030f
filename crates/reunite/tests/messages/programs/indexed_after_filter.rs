//! A function that needs the places of the items.
//~ the number of items
//~ call `enumerate`, `zip`, `rev`, `skip`, `take`, `chunks` and the like before them

use reunite::prelude::*;

fn last(items: impl IndexedParallelIterator<Item = u32>) -> Option<u32> {
    items.rev().find_first(|_| true)
}

fn main() {
    let numbers = (0..10_u32).into_par_iter();
    #[cfg(not(mended))]
    let last = last(numbers.flat_map(|n| [n, n]));
    #[cfg(mended)]
    let last = last(numbers);
    assert_eq!(last, Some(9));
}

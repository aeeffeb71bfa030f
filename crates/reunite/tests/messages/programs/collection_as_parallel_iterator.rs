//! A collection where a parallel iterator is needed.
//~ `Vec<{integer}>` is not a parallel iterator
//~ call `.into_par_iter()`, `.par_iter()` or `reunite::par(..)` on the collection

use reunite::prelude::*;

fn total(items: impl ParallelIterator<Item = u32>) -> u32 {
    items.sum()
}

fn main() {
    #[cfg(not(mended))]
    let total = total(vec![1, 2]);
    #[cfg(mended)]
    let total = total(vec![1, 2].into_par_iter());
    assert_eq!(total, 3);
}

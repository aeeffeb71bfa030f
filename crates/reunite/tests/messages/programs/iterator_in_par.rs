//! An iterator where a parallel iterator is needed.
//~ `std::str::Split<'_, char>` cannot be turned into a parallel iterator
//~ an iterator can with `.par_bridge()`

use reunite::prelude::*;

fn main() {
    let words = "to be or not".split(' ');
    #[cfg(not(mended))]
    let count = reunite::par(words).count();
    #[cfg(mended)]
    let count = words.par_bridge().count();
    assert_eq!(count, 4);
}

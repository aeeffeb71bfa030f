//! The places of filtered items are not known.
//~ the number of items is not known after the adaptor
//~ call `enumerate`, `zip`, `rev`, `skip`, `take`, `chunks` and the like before them

use reunite::prelude::*;

fn main() {
    let (left, right) = ([1, 2, 3], [4, 5, 6]);
    #[cfg(not(mended))]
    let pairs = left.par_iter().zip(right.par_iter().filter(|n| **n > 4));
    #[cfg(mended)]
    let pairs = left.par_iter().zip(&right).filter(|(_, n)| **n > 4);
    drop(pairs.collect::<Vec<_>>());
}

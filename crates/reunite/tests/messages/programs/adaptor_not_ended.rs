//! A chain of parallel iterators without an ending.
//~ parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called
#![deny(unused_must_use)]

use reunite::prelude::*;

fn main() {
    let numbers = [1, 2].par_iter();
    #[cfg(not(mended))]
    numbers.map(|n| println!("{n}"));
    #[cfg(mended)]
    numbers.for_each(|n| println!("{n}"));
}

//! `try_collect` of items that cannot fail.
//~ `try_collect` collects the values of `Result`s, but the items are of type `u32`
//~ use `collect`, or let `map` return a `Result`

use reunite::prelude::*;

fn main() {
    let numbers = (0..10_u32).into_par_iter();
    #[cfg(not(mended))]
    let numbers = numbers.try_collect::<Vec<u32>>();
    #[cfg(mended)]
    let numbers = numbers.map(Ok::<u32, String>).try_collect::<Vec<u32>>();
    drop(numbers);
}

//! A type that cannot be collected.
//~ a `u64` cannot be collected from parallel items of type `u64`
//~ the collections of std, `String`, and `Option` and `Result` of these can

use reunite::prelude::*;

fn main() {
    let numbers = (0..10_u64).into_par_iter();
    #[cfg(not(mended))]
    let sum: u64 = numbers.collect();
    #[cfg(mended)]
    let sum = numbers.collect::<Vec<u64>>().into_iter().sum::<u64>();
    assert_eq!(sum, 45);
}

//! A closure of `try_for_each` that returns no `Result`.
//~ the closure returns a value of type `()`, which does not tell whether to go on
//~ return an `Option`, a `Result` or a `ControlFlow`; for closures that always go on there are `for_each`

use reunite::prelude::*;

fn main() {
    let numbers = (0..10_u32).into_par_iter();
    #[cfg(not(mended))]
    numbers.try_for_each(|n| println!("{n}"));
    #[cfg(mended)]
    numbers.for_each(|n| println!("{n}"));
}

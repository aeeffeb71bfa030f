//! A map that is never run.
//~ Map` that must be used
//~ a map does nothing until it is iterated: call `collect`, `collect_values` or `for_each`
#![deny(unused_must_use)]

fn main() {
    let map = reunite::map([1, 2], |n| println!("{n}")).threads(2);
    #[cfg(not(mended))]
    map.window(3);
    #[cfg(mended)]
    map.window(3).for_each(drop);
}

//! A text as a pattern.
//~ `&str` is not a pattern by which a text can be cut in parallel
//~ use a `char`, an array or a slice of `char`s, or a closure

use reunite::prelude::*;

fn main() {
    #[cfg(not(mended))]
    let parts = "to, be".par_split(", ");
    #[cfg(mended)]
    let parts = "to, be".par_split([',', ' ']);
    drop(parts.collect::<Vec<_>>());
}

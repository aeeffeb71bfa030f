//! Parallel sorts of slices.

#[allow(unsafe_code)]
mod bits;
#[allow(unsafe_code)]
pub(super) mod cached_key;
#[allow(unsafe_code)]
mod merge;
mod mostly_sorted;
mod pieces;
mod run;
pub(super) mod stable;
pub(super) mod unstable;

//! Parallel sorts of slices.
//!
//! | module | what it holds |
//! |---|---|
//! | `stable`, `merge` | a merge sort, and the merge of two runs through a buffer |
//! | `unstable`, `mostly_sorted` | a quicksort in place; what it does with inputs that are mostly in order |
//! | `cached_key` | a sort by keys that are computed once |
//! | `run` | inputs that are sorted already, or in reverse |
//! | `pieces` | the size of the pieces that the standard library sorts |
//! | `bits` | copies of elements that own nothing |
//!
//! All sorts divide their input into a fixed number of pieces for each thread of the pool. Checks, merges and copies are
//! divided when another thread is hungry.

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

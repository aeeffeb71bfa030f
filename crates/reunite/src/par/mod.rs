//! Parallel iterators.
//!
//! | module | what it holds |
//! |---|---|
//! | `plumbing`, `drive` | producers and consumers; sharing them out to hungry threads |
//! | `convert` | conversions into parallel iterators, and from them |
//! | `owned`, `source`, `either` | what parallel iterators go over |
//! | `adaptor`, `adaptors` | adaptors without a state of each part: `map`, `filter` and others |
//! | `map_with`, `fold`, `flat_map`, `chain`, `zip`, `selection`, `chunks`, `blocks`, `interleave`, `intersperse` | the other adaptors |
//! | `consumers`, `find`, `part_range`, `collect`, `try_endings`, `try_collect` | endings |
//! | `iterator`, `indexed` | the methods that users call |
//! | `slice_mut`, `sort` | sorting slices |

mod adaptor;
mod adaptors;
mod blocks;
mod chain;
mod chunks;
mod collect;
mod consumers;
mod convert;
mod drive;
mod either;
mod find;
mod flat_map;
mod fold;
mod indexed;
mod interleave;
mod intersperse;
mod iterator;
mod map_with;
mod maybe;
#[allow(unsafe_code)]
mod owned;
mod part_range;
mod plumbing;
mod selection;
mod slice_mut;
mod sort;
mod source;
mod try_collect;
mod try_endings;
mod zip;

/// Works on `items` in parallel in the pool: the items of a slice, a vector, a range, a map, and other collections.
///
/// Returns a parallel iterator; its methods are those of
/// [`ParallelIterator`](crate::iter::ParallelIterator), to be imported with `use reunite::prelude::*`. Adaptors such as
/// `map` and `filter` are lazy; an ending such as `collect`, `sum` or `for_each` does the work, and returns when all of
/// it is done. `par(items)` is the same as `items.into_par_iter()`.
///
/// There is no grain size to tune: a thread goes through its items in order, and splits the remaining ones in two
/// when another thread has nothing to do. It checks that after each item that takes half a microsecond or more; between
/// quicker items after half a microsecond, if they go on as before, and after 2,048 items at the latest. So items that
/// cost a nanosecond and items that cost a second are both balanced. Results come in the order of the items.
///
/// A thread that works for a pool, or has [entered](crate::Pool::enter) one, uses that pool; other threads use the
/// global one. The calling thread takes part, on its own stack; inside [`Pool::install`](crate::Pool::install) the
/// calling thread is one of the pool's. For items that wait (for sockets, disks, other tasks), use
/// [`map`](crate::map()), which has threads of its own.
///
/// A thread hands over items to other threads only between two items. So while an item blocks, the items that its
/// thread would run next wait, too. That is so whether the item blocks in a wait of this library or elsewhere, and
/// with or without [`blocking`](crate::blocking). Therefore an item must not wait for what another item does.
///
/// ```
/// use reunite::prelude::*;
/// let words = ["to", "be", "or", "not"];
/// let lengths: Vec<usize> = reunite::par(&words).map(|word| word.len()).collect();
/// assert_eq!(lengths, [2, 2, 2, 3]);
/// assert_eq!(reunite::par(1..=1_000_000_u64).filter(|n| n % 3 == 0).count(), 333_333);
/// ```
///
/// # Cancellation
/// Endings work on all items even if the task is cancelled; their closures can call
/// [`checkpoint`](crate::checkpoint). [`checked`](crate::iter::ParallelIterator::checked) makes any ending stop at a
/// cancellation and return it as an error; [`try_collect`](crate::iter::ParallelIterator::try_collect) does so, too.
///
/// # Panics
/// Endings panic if a closure panics: with its payload, once no closure runs any more. The other threads stop at their
/// next check.
pub fn par<I: convert::IntoParallelIterator>(items: I) -> I::Iter {
    items.into_par_iter()
}

/// Parallel iterators, with the names that rayon gave them. Import the traits with `use reunite::prelude::*`.
pub mod iter {
    pub use super::adaptor::Adapted;
    pub use super::blocks::Blocks;
    pub use super::chain::Chained;
    pub use super::chunks::Gathered;
    pub use super::convert::{
        FromParallelIterator, IntoParallelIterator, IntoParallelRefIterator,
        IntoParallelRefMutIterator, ParallelExtend,
    };
    pub use super::flat_map::{FlatMap, Flatten, FlattenIter};
    pub use super::fold::Fold;
    pub use super::indexed::{IndexedParallelIterator, Positions};
    pub use super::interleave::Interleave;
    pub use super::intersperse::Intersperse;
    pub use super::iterator::ParallelIterator;
    pub use super::map_with::{MapInit, MapWith};
    pub use super::owned::VecIter;
    pub use super::selection::{MinLen, Rev, Section, StepBy};
    pub use super::slice_mut::ParallelSliceMut;
    pub use super::source::{
        ArrayWindows, Bridge, Chunks, ChunksExact, ChunksMut, IndexedRangeItem, Lines,
        ParallelBridge, ParallelDrainFull, ParallelDrainRange, ParallelSlice, ParallelString,
        Pattern, PieceIter, RChunks, RChunksMut, RangeItem, RangeIter, Repeat, RepeatN, SliceIter,
        SliceIterMut, SplitIter, TreeWalk, Utf16Units, Windows, Words, empty, once, repeat,
        repeat_n, split, walk_tree, walk_tree_postfix, walk_tree_prefix,
    };
    pub use super::try_collect::{IsResult, ItemError};
    pub use super::try_endings::{Try, TryFold};
    pub use super::zip::{Enumerate, MultiZip, Zip};
    pub use either::Either;

    /// The traits of which parallel iterators are made, to make some for types of your own; see [`Drive`](plumbing::Drive).
    pub mod plumbing {
        pub use crate::par::drive::drive_producer;
        pub use crate::par::plumbing::{Consumer, Drive, DriveIndexed, Producer};
    }
}

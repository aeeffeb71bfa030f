//! The sources of parallel iterators: slices, ranges, texts, collections, sequential iterators.

mod bridge;
mod collections;
mod drain;
mod pieces;
mod range;
mod repeat;
mod slice;
mod slice_pieces;
mod slices;
mod split;
mod text;
mod text_pieces;
mod tree;

pub use bridge::{Bridge, ParallelBridge};
pub use drain::{ParallelDrainFull, ParallelDrainRange};
pub use pieces::PieceIter;
pub use range::{IndexedRangeItem, RangeItem, RangeIter};
pub use repeat::{Repeat, RepeatN, empty, once, repeat, repeat_n};
pub(super) use slice::assert_size;
pub use slice::{
    Chunks, ChunksExact, ChunksMut, RChunks, RChunksMut, SliceIter, SliceIterMut, Windows,
};
pub(super) use slice_pieces::{ChunkingBy, Splitting, SplittingInclusive};
pub use slices::{ArrayWindows, ParallelSlice};
pub use split::{SplitIter, split};
pub use text::{Lines, ParallelString, Utf16Units, Words};
pub use text_pieces::Pattern;
pub use tree::{TreeWalk, walk_tree, walk_tree_postfix, walk_tree_prefix};

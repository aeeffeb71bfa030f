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
mod text;
mod text_pieces;

pub use bridge::{Bridge, ParallelBridge};
pub use drain::{ParallelDrainFull, ParallelDrainRange};
pub use pieces::PieceIter;
pub use range::{IndexedRangeItem, RangeItem, RangeIter};
pub use repeat::{Repeat, RepeatN, empty, once, repeat, repeat_n};
pub(super) use slice::assert_size;
pub use slice::{
    Chunks, ChunksExact, ChunksMut, RChunks, RChunksMut, SliceIter, SliceIterMut, Windows,
};
pub use slices::{ArrayWindows, ParallelSlice};
pub use text::{Lines, ParallelString, Utf16Units, Words};
pub use text_pieces::Pattern;

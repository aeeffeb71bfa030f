//! The sources of parallel iterators: slices, ranges, texts, collections, sequential iterators.

mod bridge;
mod collections;
mod drain;
mod pieces;
mod range;
mod slice;
mod slice_pieces;
mod slices;
mod text;

pub use bridge::{Bridge, ParallelBridge};
pub use drain::{ParallelDrainFull, ParallelDrainRange};
pub use pieces::PieceIter;
pub use range::{IndexedRangeItem, RangeItem, RangeIter, RepeatN, repeat_n};
pub(super) use slice::assert_size;
pub use slice::{
    Chunks, ChunksExact, ChunksMut, RChunks, RChunksMut, SliceIter, SliceIterMut, Windows,
};
pub use slices::ParallelSlice;
pub use text::{Lines, ParallelString, Pattern};

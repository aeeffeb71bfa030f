//! What parallel iterators go over.

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
pub use pieces::Pieces;
pub use range::{IndexedRangeItem, RangeItem, RangeIter, RepeatN, repeat_n};
pub use slice::{
    Chunks, ChunksExact, ChunksMut, RChunks, RChunksMut, SliceIter, SliceIterMut, Windows,
};
pub use slices::ParallelSlice;
pub use text::{ParallelString, Pattern};

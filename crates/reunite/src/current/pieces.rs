//! The functions by which the pool describes the calling thread: its newest fork, and the pieces that it runs.

use std::cell::Cell;
use std::ops::Range;

use super::task_record::Context;
use crate::primitive::{Arc, thread_local};

/// An identifier of an open fork, unique among those of its thread; zero is none.
pub(crate) type ForkMark = usize;

/// The functions by which the pool describes the calling thread.
pub(crate) struct Pieces {
    /// Returns the newest open fork.
    pub(crate) newest_fork: fn() -> ForkMark,
    /// Returns how many pieces of work the thread runs, one inside the wait of another.
    pub(crate) count: fn() -> usize,
    /// Returns the context of the last piece in a range of them, if there is one. It is made for a piece that
    /// runs in the given context, or returned only if it was made before, see [`Make`].
    pub(crate) context: OfPieces,
}

type OfPieces = fn(Range<usize>, &Arc<Context>, Make) -> Option<Arc<Context>>;

/// Says if a context that was not made yet is to be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Now,
    /// Runs no user code.
    Never,
}

static NO_PIECES: Pieces = Pieces {
    newest_fork: || 0,
    count: || 0,
    context: |_, _, _| None,
};

thread_local! {
    pub(super) static PIECES: Cell<&'static Pieces> = const { Cell::new(&NO_PIECES) };
}

/// Registers `pieces` as what tells which pieces this thread runs for a pool.
pub(crate) fn tell_pieces_by(pieces: &'static Pieces) {
    PIECES.with(|here| here.set(pieces));
}

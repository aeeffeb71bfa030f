//! Who is told of each picture, and may hold it up or stop it.

use reunite::Canceller;

use super::error::FileError;
use crate::geometry::Size;

/// A result that is in its place.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Of the result, in pixels.
    pub size: Size,
    /// Of the input file.
    pub bytes_in: u64,
    /// Of the result file.
    pub bytes_out: u64,
}

/// Watches a batch picture by picture; `place` is the picture's place in the list of jobs.
///
/// Each method is called on the thread on which it happens. [`done`](Self::done) is called once for each
/// picture unless the batch is cancelled before.
pub trait Watch: Send + Sync {
    /// Whether the picture is still wanted: asked before its file is read, in the order of the list. While
    /// this waits, no further file is read. A picture that is not wanted has [`FileError::Unwanted`].
    fn wanted(&self, place: usize) -> bool {
        let _ = place;
        true
    }

    /// The picture is about to be transformed; `canceller` stops it alone, now or later. While this waits
    /// the picture waits, and what is under way elsewhere goes on.
    fn begins(&self, place: usize, canceller: Canceller) {
        let _ = (place, canceller);
    }

    /// The picture will have no result. Told when that is known, in whatever order; [`done`](Self::done) tells
    /// it again when it is this picture's turn.
    fn fails(&self, place: usize, error: &FileError) {
        let _ = (place, error);
    }

    /// The picture's outcome, in the order of the list, on the thread that saves: a result that is in its
    /// place has been told.
    fn done(&self, place: usize, outcome: Result<Written, FileError>);
}

/// Who wants to hear outcomes only.
pub(super) struct Done<F>(pub(super) F);

impl<F: Fn(usize, Result<Written, FileError>) + Send + Sync> Watch for Done<F> {
    fn done(&self, place: usize, outcome: Result<Written, FileError>) {
        (self.0)(place, outcome);
    }
}

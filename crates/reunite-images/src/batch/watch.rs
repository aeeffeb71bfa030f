//! Callbacks for each picture of a batch, which may delay or cancel it.

use reunite::Canceller;

use super::error::FileError;
use crate::geometry::Size;

/// A result that was written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The size of the result, in pixels.
    pub size: Size,
    /// The length of the input file.
    pub bytes_in: u64,
    /// The length of the result file.
    pub bytes_out: u64,
}

/// Callbacks for each picture of a batch; `index` is the picture's index in the list of jobs.
///
/// Each method is called on the thread that reaches that step. [`done`](Self::done) is called once for each picture,
/// unless the batch is cancelled before.
pub trait Watch: Send + Sync {
    /// Returns whether the picture's file should be read. Called before that, in the order of the list; while this
    /// waits, no further file is read. If this returns false, the picture's outcome is [`FileError::Skipped`].
    fn should_load(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// Called before the picture is transformed; `canceller` cancels only this picture, now or later. While this waits,
    /// only this picture waits.
    fn before_transform(&self, index: usize, canceller: Canceller) {
        let _ = (index, canceller);
    }

    /// Called as soon as the picture fails to load or to transform, in any order. [`done`](Self::done) follows in the
    /// order of the list, with the same error.
    fn failed_early(&self, index: usize, error: &FileError) {
        let _ = (index, error);
    }

    /// Called with the picture's outcome, in the order of the list, on the thread that saves, right after a result is
    /// written.
    fn done(&self, index: usize, outcome: Result<Written, FileError>);
}

/// A watch that only receives outcomes.
pub(super) struct Done<F>(pub(super) F);

impl<F: Fn(usize, Result<Written, FileError>) + Send + Sync> Watch for Done<F> {
    fn done(&self, index: usize, outcome: Result<Written, FileError>) {
        (self.0)(index, outcome);
    }
}

//! The fact of having been cancelled: why, and by whom.

use std::fmt;

use crate::id::Label;
use crate::primitive::Arc;
use crate::unwind::Mark;

/// Work was asked to stop. Every blocking call of the cancelled task, and [`checkpoint`](crate::checkpoint),
/// returns this from then on; the operation did not happen.
///
/// It carries the reason and the source: the task or scope where the cancellation began, however far up
/// the tree that was.
pub struct Cancelled {
    cause: Arc<Cause>,
    /// Of one that a thread unwinds with.
    mark: Option<Mark>,
}

struct Cause {
    why: Why,
    source: Label,
}

/// Why a part of the tree was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody asked, in these words.
    Requested(String),
    /// The source's deadline passed.
    Deadline,
    /// The source failed, and its scope's policy stops the rest.
    Failed,
    /// The source completed, and its scope's policy needs no more.
    Decided,
    /// The body of the source scope failed or panicked.
    BodyFailed,
    /// The source's handle was dropped, or the map it belongs to was.
    Dropped,
    /// The outcomes of the map were forgotten: nobody would take them.
    Forgotten,
    /// The program is shutting down.
    Shutdown,
}

impl Cancelled {
    pub(crate) fn new(why: Why, source: Label) -> Self {
        Self {
            cause: Arc::new(Cause { why, source }),
            mark: None,
        }
    }

    /// Whether this is the same cancellation, come down the tree.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cause, &other.cause)
    }

    /// The task or scope where the cancellation began.
    pub fn source(&self) -> &Label {
        &self.cause.source
    }

    /// Why, in a few words: the text given to `cancel`, or what the library did.
    pub fn reason(&self) -> &str {
        match &self.cause.why {
            Why::Requested(text) => text,
            Why::Deadline => "its deadline passed",
            Why::Failed => "it failed",
            Why::Decided => "its result was enough",
            Why::BodyFailed => "its body failed",
            Why::Dropped => "its handle was dropped",
            Why::Forgotten => "its outcomes were forgotten, and nobody would take them",
            Why::Shutdown => "the program is shutting down",
        }
    }

    /// Whether a deadline that passed was the reason.
    pub fn is_deadline(&self) -> bool {
        self.cause.why == Why::Deadline
    }

    /// Whether it began with a failure of its source.
    pub(crate) fn is_failure(&self) -> bool {
        self.cause.why == Why::Failed
    }

    /// The mark of a payload, which is one if it has that.
    pub(super) fn mark(&mut self) -> &mut Option<Mark> {
        &mut self.mark
    }
}

impl Clone for Cancelled {
    /// The mark stays with the payload.
    fn clone(&self) -> Self {
        Self {
            cause: Arc::clone(&self.cause),
            mark: None,
        }
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled by {}: {}", self.source(), self.reason())
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancelled({self})")
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for std::io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

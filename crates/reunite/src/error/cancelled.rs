//! The error of cancelled work: its reason and its source.

use std::fmt;

use crate::id::Label;
use crate::primitive::Arc;
use crate::unwind::UnwindMark;

/// The error of work that was asked to stop. From then on every blocking call of the cancelled task, and
/// [`checkpoint`](crate::checkpoint), returns this error; the operation did not happen.
///
/// It contains the reason and the source: the task or scope where the cancellation began. That may be an
/// enclosing task or scope.
///
/// ```
/// use std::time::Duration;
/// let cancelled = reunite::scope(|s| {
///     s.cancel("enough");
///     reunite::sleep(Duration::from_secs(3600)).unwrap_err()
/// });
/// assert_eq!(cancelled.reason(), "enough");
/// ```
pub struct Cancelled {
    cause: Arc<Cause>,
    /// Set while a thread unwinds with this value.
    mark: Option<UnwindMark>,
}

struct Cause {
    why: Why,
    source: Label,
}

/// The reason why a part of the tree was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The program cancelled the source, for this reason.
    Requested(String),
    /// The source's deadline passed.
    Deadline,
    /// The source failed, and its scope's policy stops the rest.
    Failed,
    /// The source completed, and its scope's policy needs no more.
    Decided,
    /// The body of the source scope failed or panicked.
    BodyFailed,
    /// The source's handle, or the map to which the source belongs, was dropped.
    Dropped,
    /// The outcomes of the map were forgotten (`mem::forget`), so nothing could take them.
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

    /// Returns true if `other` is the same cancellation, passed down the tree.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cause, &other.cause)
    }

    /// The task or scope where the cancellation began.
    pub fn source(&self) -> &Label {
        &self.cause.source
    }

    /// The reason, in a few words: the text given to `cancel`, or a description of what the library did.
    pub fn reason(&self) -> &str {
        match &self.cause.why {
            Why::Requested(text) => text,
            Why::Deadline => "its deadline passed",
            Why::Failed => "it failed",
            Why::Decided => "its result was enough",
            Why::BodyFailed => "its body failed",
            Why::Dropped => "its handle was dropped",
            Why::Forgotten => "its outcomes were forgotten, so nothing could take them",
            Why::Shutdown => "the program is shutting down",
        }
    }

    /// Returns true if the reason is a deadline that passed.
    pub fn is_deadline(&self) -> bool {
        self.cause.why == Why::Deadline
    }

    /// Returns true if the reason is a failure of the source.
    pub(crate) fn is_failure(&self) -> bool {
        self.cause.why == Why::Failed
    }

    /// The mark, which is set only if this value is the payload of an unwinding thread.
    pub(super) fn mark(&mut self) -> &mut Option<UnwindMark> {
        &mut self.mark
    }
}

impl Clone for Cancelled {
    /// The clone has no mark: the mark stays with the payload.
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

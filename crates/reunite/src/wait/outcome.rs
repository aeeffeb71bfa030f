//! What a wait heeds, and how it ends.

use crate::cancel::Node;
use crate::current;
use crate::error::{Cancelled, CutShort, Refusal};

/// How a wait ended.
#[must_use]
pub(crate) enum Wait {
    Ready,
    TimedOut,
    Cancelled(Cancelled),
    /// It would never have ended. Only a wait without a deadline that heeds its task ends like this.
    Refused(Refusal),
}

/// Whose cancellation, or deadline, ends the wait.
#[derive(Clone, Copy)]
pub(crate) enum Heed<'a> {
    /// The current task's: what every wait of user code does. The task counts as told if the wait ends without what
    /// it waits for.
    Task,
    /// As that, but what is waited for may have been handed over all the same: only the caller can say, and
    /// if not, has to tell the task by [`tell_task`].
    TaskUntold,
    /// This scope's: its end, which wants to know when it turns from waiting to chasing stragglers.
    Node(&'a Node),
    /// Nobody's: those waited for must come back.
    Nothing,
    /// Nobody's, and the deadline is only to look up at, not to give up at.
    Patiently,
    /// As that, but rather than never it ends refused: what is waited for goes on without the waiter.
    UnlessForEver,
}

/// The current task is told that a wait of its ended so: if that leaves its work undone, it passes that on.
pub(crate) fn tell_task(ended: &Wait) {
    match ended {
        Wait::Ready | Wait::TimedOut => {}
        Wait::Cancelled(_) => current::tell_cancelled(),
        Wait::Refused(refusal) => current::tell_here(&CutShort::Refused(refusal.clone())),
    }
}

//! The causes and the results of the end of a wait.

use crate::cancel::CancelNode;
use crate::current;
use crate::error::{Cancelled, CutShort, Refusal};

/// The result of a wait.
#[must_use]
pub(crate) enum WaitOutcome {
    Ready,
    TimedOut,
    Cancelled(Cancelled),
    /// The wait would never have ended. Only a wait without a deadline that heeds its task ends in this way.
    Refused(Refusal),
}

/// The cancellation and the deadline that end the wait.
#[derive(Clone, Copy)]
pub(crate) enum Heed<'a> {
    /// Those of the current task: what every wait of user code heeds. The task counts as told if the wait ends without
    /// its result.
    Task,
    /// Those of the current task, but the result may have been handed over all the same: only the caller knows. If it
    /// was not, the caller has to tell the task by [`tell_task`].
    TaskUntold,
    /// Those of this scope: for the wait for its end, which must know when to start chasing stragglers.
    Node(&'a CancelNode),
    /// None: the awaited tasks must come back.
    Nothing,
    /// None, and the deadline is only a time to look up, not to give up.
    Patiently,
    /// Like `Patiently`, but a wait that would never end is refused: the awaited task goes on without the waiter.
    UnlessForEver,
}

/// Tells the current task how one of its waits ended. If that leaves the task's work undone, the task passes it on.
pub(crate) fn tell_task(ended: &WaitOutcome) {
    match ended {
        WaitOutcome::Ready | WaitOutcome::TimedOut => {}
        WaitOutcome::Cancelled(_) => current::tell_cancelled(),
        WaitOutcome::Refused(refusal) => {
            current::tell_current_task(&CutShort::Refused(refusal.clone()))
        }
    }
}

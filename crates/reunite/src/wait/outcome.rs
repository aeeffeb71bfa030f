//! The ends of a wait: the events that it heeds besides its result, and its outcome.

use crate::cancel::CancelNode;
use crate::current;
use crate::error::{Cancelled, CutShort, Refusal};

/// The result of a wait.
#[must_use]
pub(crate) enum WaitOutcome {
    Ready,
    TimedOut,
    Cancelled(Cancelled),
    /// The wait would never have ended. Only waits without a deadline that heed their task, and waits with
    /// [`UnlessForEver`](Heed::UnlessForEver), end in this way.
    Refused(Refusal),
}

/// The cancellation, and the deadlines up the tree, that end a wait besides its own deadline.
#[derive(Clone, Copy)]
pub(crate) enum Heed<'a> {
    /// The cancellation and the deadlines of the current task end the wait, as in every wait of user code. The task
    /// counts as told of them if they end the wait.
    Task,
    /// The cancellation and the deadlines of the current task end the wait. But its result may have been handed to it
    /// at the same moment, which only the caller can find out. If it was not, the caller must call [`tell_task`].
    TaskUntold,
    /// The cancellation and the deadlines of this scope end the wait. For the wait for the end of the scope, which
    /// reports stragglers from then on.
    Node(&'a CancelNode),
    /// None: the awaited tasks must end first.
    Nothing,
    /// None. At its own deadline the caller only checks something, and then waits again.
    Patiently,
    /// Like `Patiently`, but a wait that would never end is refused: the awaited task goes on without the waiter.
    UnlessForEver,
}

/// Tells the current task how one of its waits ended. If it was cancelled or refused, the task's work is incomplete,
/// and the task passes that on with the channels that it drops.
pub(crate) fn tell_task(ended: &WaitOutcome) {
    match ended {
        WaitOutcome::Ready | WaitOutcome::TimedOut => {}
        WaitOutcome::Cancelled(_) => current::tell_cancelled(),
        WaitOutcome::Refused(refusal) => {
            current::tell_current_task(&CutShort::Refused(refusal.clone()))
        }
    }
}

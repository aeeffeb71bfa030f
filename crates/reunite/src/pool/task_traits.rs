//! The views of a pool task that the queue, the handle and the live tree have; `task` explains the protocol.

use std::panic::Location;
use std::ptr::NonNull;

use super::cells::Ref;
use super::member_state::MemberState;
use super::parent::Parent;
use super::piece::Piece;
use crate::current::{Context, TaskRecord};
use crate::error::JoinError;
use crate::part::Part;
use crate::primitive::{Arc, Mutex};
use crate::task::Callback;

/// A failure, until its joiner or the scope's end takes it.
pub(super) type PoolFailureSlot = Arc<Mutex<Option<JoinError>>>;

/// The kind of a task, which decides whether it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskRole {
    /// A task of the user.
    Task,
    /// A batch of a map's items, which are tasks of their own: the batch itself is not shown.
    Batch,
}

/// The operations that the queue calls on a task.
pub(super) trait RunTask: Piece + Send + Sync {
    /// Runs the task on the calling thread, unless another has begun it; or drops the result, if it was
    /// queued again for that. Does not unwind. `member_state` is the thread's in its pool.
    fn run(&self, parent: &Parent, member_state: Option<&MemberState>);

    /// Completes the task undone, if no thread has begun it, it was not asked for anything, no thread waits
    /// for it, and its closure holds nothing to drop. Returns true if it did. The scope is cancelled and has
    /// [heard](Parent::record_cancellation) of it, and counts the task later.
    fn drop_unobserved(&self) -> bool;

    /// Returns true if [`run`](Self::run) would do nothing: the task was begun, and no result was left
    /// behind.
    fn is_begun(&self) -> bool;

    /// Returns true if no thread has begun the task.
    fn is_queued(&self) -> bool;

    /// Returns the task's number, which is unique.
    fn number(&self) -> u64;

    /// Returns the task's record, if the task has not completed and is shown in the live tree.
    fn shown(&self, around: &Arc<Context>) -> Option<Part<TaskRecord>>;
}

/// The operations that the handle calls on a task.
pub(super) trait JoinTask<T>: RunTask {
    /// Returns the line that spawned the task.
    fn at(&self) -> &'static Location<'static>;

    fn role(&self) -> TaskRole;

    fn is_done(&self) -> bool;

    /// Returns true if the task is done; otherwise marks it as awaited, so that its completion wakes the
    /// waiters of the scope.
    fn is_done_or_awaited(&self) -> bool;

    /// Takes the result, if there is one. The inner `None` stands for a failure that was taken elsewhere.
    fn take(&self, parent: &Parent) -> Option<Result<T, Option<JoinError>>>;

    /// Records that the handle was dropped. Returns true if there is a result that was not taken: then the
    /// task must be queued once more, to drop it.
    fn leave(&self) -> bool;

    /// Calls `callback` when the task is done.
    fn on_complete(&self, around: &Arc<Context>, callback: Callback);
}

/// A reference to a task that runs in the place of its joiner. It is followed only under the lock of its
/// scope's queue.
#[derive(Clone, Copy)]
pub(super) struct InPlaceTask(NonNull<dyn RunTask>);

// SAFETY: in effect a shared reference, and `RunTask` is `Sync`.
unsafe impl Send for InPlaceTask {}

impl PartialEq for InPlaceTask {
    fn eq(&self, other: &Self) -> bool {
        self.0.addr() == other.0.addr()
    }
}

impl InPlaceTask {
    /// Creates the reference.
    ///
    /// # Safety
    /// The reference must be removed from the list of the queue before `'a` ends.
    pub(super) unsafe fn new<'a>(task: &'a (dyn RunTask + 'a)) -> Self {
        // SAFETY: the types differ only in the lifetime bound of the trait object; it is not used longer, as
        // the caller guarantees.
        Self(unsafe {
            std::mem::transmute::<NonNull<dyn RunTask + 'a>, NonNull<dyn RunTask>>(NonNull::from(
                task,
            ))
        })
    }

    /// Returns the task. Called under the lock of the list, on an entry of the list.
    pub(super) fn get(&self) -> &dyn RunTask {
        // SAFETY: the task is alive while it is listed, as the caller of `new` guarantees, and taking it off
        // needs the lock.
        unsafe { self.0.as_ref() }
    }
}

/// A reference to a task, as it lies in a queue.
pub(super) type QueuedTask = Ref<dyn RunTask>;

/// Erases the lifetime of a task.
///
/// # Safety
/// Before `'a` ends, the reference must be given up, and the task's closure must have returned.
#[inline]
pub(super) unsafe fn erase<'a>(task: Ref<dyn RunTask + 'a>) -> QueuedTask {
    // SAFETY: the two types differ only in the lifetime bound of a trait object, which has no influence on
    // layout or vtable. The caller guarantees that the task is gone when `'a` ends.
    unsafe { std::mem::transmute::<Ref<dyn RunTask + 'a>, QueuedTask>(task) }
}

//! What others know of a task of a pool's scope: the queue, its handle, and those who look. The protocol is told in `task`.

use std::panic::Location;
use std::ptr::NonNull;

use super::cells::Ref;
use super::life::Life;
use super::parent::Parent;
use super::piece::Piece;
use crate::current::{Context, Who};
use crate::error::JoinError;
use crate::part::Part;
use crate::primitive::{Arc, Mutex};
use crate::task::Callback;

/// A failure, until its joiner or the scope's end takes it.
pub(super) type Slot = Arc<Mutex<Option<JoinError>>>;

/// What a task is to those who look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A task of the user.
    Task,
    /// A batch of a map's items, which are tasks of their own: nobody is shown it.
    Batch,
}

/// What the queue knows of a task.
pub(super) trait Run: Piece + Send + Sync {
    /// Runs the task here, unless somebody else has begun; or drops what it left, if it was queued again for that.
    /// Does not unwind. `life` is the thread's in its pool.
    fn run(&self, core: &Parent, life: Option<&Life>);

    /// Completes the task undone, if nobody has begun it, has asked anything of it, or waits for it, and its closure holds nothing.
    /// Whether it did so. The scope is cancelled and has [heard](Parent::hear) of it, and counts the task later.
    fn drop_unasked(&self) -> bool;

    /// Whether [`run`](Self::run) would do nothing: somebody has begun the task, and nothing was left behind.
    fn is_begun(&self) -> bool;

    /// Whether nobody has begun it.
    fn is_queued(&self) -> bool;

    /// Its number, which tells it from all others.
    fn number(&self) -> u64;

    /// Its live record, if it has not completed and is one to be shown.
    fn shown(&self, around: &Arc<Context>) -> Option<Part<Who>>;
}

/// What the handle knows of a task.
pub(super) trait Join<T>: Run {
    /// Where it was spawned.
    fn at(&self) -> &'static Location<'static>;

    fn role(&self) -> Role;

    fn is_done(&self) -> bool;

    /// Done, or else marked as awaited: its completion wakes the waiters of `core`.
    fn is_done_or_awaited(&self) -> bool;

    /// The result, if it is there. A failure that somebody else has taken is none.
    fn take(&self, core: &Parent) -> Option<Result<T, Option<JoinError>>>;

    /// The handle is gone. True if it leaves a result behind: the task is to be queued once more.
    fn leave(&self) -> bool;

    /// Has `callback` called when it is done.
    fn on_complete(&self, around: &Arc<Context>, callback: Callback);
}

/// A task that runs in the place of its joiner, as others may look at it: under the lock of its scope's queue.
#[derive(Clone, Copy)]
pub(super) struct Aside(NonNull<dyn Run>);

// SAFETY: a shared reference, in effect, and `Run` is `Sync`.
unsafe impl Send for Aside {}

impl PartialEq for Aside {
    fn eq(&self, other: &Self) -> bool {
        self.0.addr() == other.0.addr()
    }
}

impl Aside {
    /// # Safety
    /// It must be off the list of the queue before the reference ends.
    pub(super) unsafe fn new<'a>(task: &'a (dyn Run + 'a)) -> Self {
        // SAFETY: the types differ in the lifetime bound of the trait object only; nobody uses it longer, by the
        // caller's promise.
        Self(unsafe {
            std::mem::transmute::<NonNull<dyn Run + 'a>, NonNull<dyn Run>>(NonNull::from(task))
        })
    }

    /// Of one that is listed, under the lock of the list.
    pub(super) fn get(&self) -> &dyn Run {
        // SAFETY: it lives while it is listed, by the promise of whoever made it, who needs the lock to take it off.
        unsafe { self.0.as_ref() }
    }
}

/// A reference to a task, as it lies in a queue.
pub(super) type Queued = Ref<dyn Run>;

/// Forgets how long a task may live.
///
/// # Safety
/// The reference must be given up, and the task's closure have returned, when `'a` ends.
#[inline]
pub(super) unsafe fn erase<'a>(task: Ref<dyn Run + 'a>) -> Queued {
    // SAFETY: the two types differ in the lifetime bound of a trait object only, which has no influence
    // on layout or vtable; that the task is gone when `'a` ends is the caller's promise.
    unsafe { std::mem::transmute::<Ref<dyn Run + 'a>, Queued>(task) }
}

//! A task of a pool's scope: a closure until somebody takes it, a result until its joiner does.
//!
//! # Protocol
//! `Queued` → `Running` (whoever takes the closure: a worker, the scope's owner, the joiner) → `Done` (by
//! the same) → `Taken` (by the joiner). All under one lock. A joiner that finds it queued or running marks it
//! awaited in the same critical section; whoever completes it finds the mark in the one that stores the result.
//!
//! # Lifetimes
//! A task may borrow what lives for `'scope`. [`erase`] forgets that for the queue; the scope's end waits
//! until every queued reference to a task was dropped and every closure has returned (see `scope`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fork;
use super::job::{Ancestor, Lineage};
use super::scope::Core;
use crate::contain::assert_outside;
use crate::cut_short::catch_task;
use crate::error::JoinError;
use crate::primitive::{Arc, Mutex};

/// A failure, until its joiner or the scope's end takes it.
type Slot = Arc<Mutex<Option<JoinError>>>;

pub(super) struct Task<F, T> {
    lineage: Lineage,
    stage: Mutex<Stage<F, T>>,
}

enum Stage<F, T> {
    Queued { f: F, awaited: bool },
    Running { awaited: bool },
    Done(Result<T, Slot>),
    Taken,
}

/// What the queue knows of a task.
pub(super) trait Run: Send + Sync {
    /// Runs the task here, unless somebody else has begun. Does not unwind.
    fn run(&self, core: &Core);
}

/// What the handle knows of a task.
pub(super) trait Join<T>: Run {
    fn as_ancestor(&self) -> Ancestor;

    fn is_done(&self) -> bool;

    /// Done, or else marked as awaited: its completion wakes the waiters of `core`.
    fn is_done_or_awaited(&self) -> bool;

    /// Whether nobody has begun it.
    fn is_queued(&self) -> bool;

    /// The result, if it is there.
    fn take(&self) -> Option<Result<T, Slot>>;
}

impl<F, T> Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    pub(super) fn new(up: Ancestor, f: F) -> Self {
        Self {
            lineage: Lineage::new(Some(up)),
            stage: Mutex::new(Stage::Queued { f, awaited: false }),
        }
    }
}

impl<F, T> Run for Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self, core: &Core) {
        let f = {
            let mut stage = self.stage.lock();
            match std::mem::replace(&mut *stage, Stage::Running { awaited: false }) {
                Stage::Queued { f, awaited } => {
                    *stage = Stage::Running { awaited };
                    f
                }
                begun => {
                    *stage = begun;
                    return;
                }
            }
        };
        assert_outside();
        let result = match core.cause() {
            Some(cancelled) => {
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(f)));
                Err(core.record(dropped.map_err(Some).err().unwrap_or(None), Some(cancelled)))
            }
            None => fork::running(self.lineage.as_ancestor(), || catch_task(f))
                .map_err(|payload| core.record(Some(payload), None)),
        };
        let before = std::mem::replace(&mut *self.stage.lock(), Stage::Done(result));
        if let Stage::Running { awaited: true } = before {
            core.wake();
        }
    }
}

impl<F, T> Join<T> for Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    fn is_done(&self) -> bool {
        matches!(*self.stage.lock(), Stage::Done(_) | Stage::Taken)
    }

    fn is_done_or_awaited(&self) -> bool {
        let mut stage = self.stage.lock();
        if let Stage::Queued { awaited, .. } | Stage::Running { awaited } = &mut *stage {
            *awaited = true;
        }
        matches!(*stage, Stage::Done(_) | Stage::Taken)
    }

    fn is_queued(&self) -> bool {
        matches!(*self.stage.lock(), Stage::Queued { .. })
    }

    fn take(&self) -> Option<Result<T, Slot>> {
        let mut stage = self.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Taken) {
            Stage::Done(result) => Some(result),
            other => {
                *stage = other;
                None
            }
        }
    }
}

/// Forgets how long a task may live.
///
/// # Safety
/// The reference must be dropped, and the task's closure have returned, when `'a` ends.
pub(super) unsafe fn erase<'a>(task: Arc<dyn Run + 'a>) -> Arc<dyn Run> {
    // SAFETY: the two types differ in the lifetime bound of a trait object only, which has no influence
    // on layout or vtable; that the task is gone when `'a` ends is the caller's promise.
    unsafe { std::mem::transmute::<Arc<dyn Run + 'a>, Arc<dyn Run>>(task) }
}

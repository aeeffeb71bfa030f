//! Batches of a scope's tasks, which a thread takes at a time and runs; `scope_state` explains the protocol.

use std::ops::Range;

use super::cells::Freed;
use super::member_state::MemberState;
use super::parent::Parent;
use super::task_traits::{QueuedTask, RunTask};
use crate::error::Cancelled;
use crate::primitive::{Arc, AtomicUsize, Ordering};

/// The most tasks that a thread takes at a time.
pub(super) const BATCH: usize = 256;

/// Tasks that a thread has taken to run them one after the other.
#[derive(Default)]
pub(super) struct TaskBatch {
    pub(super) tasks: Vec<QueuedTask>,
    /// The first task that its thread has not begun; only that thread changes it.
    next: AtomicUsize,
    /// The end of the tasks left to it; changed under the queue's lock.
    pub(super) end: AtomicUsize,
}

impl TaskBatch {
    pub(super) fn of(tasks: Vec<QueuedTask>) -> Self {
        Self {
            next: AtomicUsize::new(1),
            end: AtomicUsize::new(tasks.len()),
            tasks,
        }
    }

    /// Returns the tasks that its thread has not begun.
    pub(super) fn remaining(&self) -> Range<usize> {
        let end = self.end.load(Ordering::Relaxed);
        // Its thread may have gone on to one that was taken from it.
        self.next.load(Ordering::Relaxed).min(end)..end
    }

    /// Returns the task that its thread runs, or has run last.
    pub(super) fn current_task(&self) -> &dyn RunTask {
        &*self.tasks[self.next.load(Ordering::Relaxed) - 1]
    }

    /// Runs its tasks, except those that other threads have taken meanwhile.
    pub(super) fn run(&self, parent: &Parent, member_state: Option<&MemberState>) {
        match self.cause(parent) {
            None => self.run_each(|task| task.run(parent, member_state)),
            Some(cancelled) => self.drop_each(&cancelled, parent, member_state),
        }
    }

    /// Returns the cancellation because of which its tasks are dropped undone, if there is one.
    fn cause(&self, parent: &Parent) -> Option<Cancelled> {
        // Asking for the cause counts as being told, so there must be a task to drop undone: one that is
        // queued only for its result is none.
        let is_cancelled =
            parent.own.must_tasks_look() && self.tasks.iter().any(|it| it.is_queued());
        is_cancelled.then(|| parent.cause()).flatten()
    }

    /// [`run`](Self::run) for tasks that are cancelled. Most of them were not asked for anything; these are
    /// counted at once.
    #[cold]
    #[inline(never)]
    fn drop_each(
        &self,
        cancelled: &Cancelled,
        parent: &Parent,
        member_state: Option<&MemberState>,
    ) {
        parent.record_cancellation(cancelled);
        // This comes first: the joiner of such a task claims what is recorded here.
        parent.failures.count_undone(cancelled, 0);
        let mut count = 0;
        self.run_each(|task| {
            if task.drop_unobserved() {
                count += 1;
            } else {
                task.run(parent, member_state);
            }
        });
        parent.failures.count_undone(cancelled, count);
    }

    #[inline]
    fn run_each(&self, mut run: impl FnMut(&dyn RunTask)) {
        let mut next = 1;
        loop {
            run(&*self.tasks[next - 1]);
            if next >= self.end.load(Ordering::Relaxed) {
                return;
            }
            next += 1;
            self.next.store(next, Ordering::Relaxed);
        }
    }
}

/// The rest of the batch before the one that a thread runs. The thread gave up the batch's references while its
/// tasks were still in the cache; it tells the queue when it takes the next batch.
#[derive(Default)]
pub(super) struct FinishedBatch {
    pub(super) freed: Freed,
    pub(super) batch: Option<Arc<TaskBatch>>,
    /// The number of references it had.
    pub(super) count: usize,
}

impl FinishedBatch {
    /// Gives up the references of a batch that was [taken off the list](super::queue::ScopeQueue::unlist).
    ///
    /// # Safety
    /// No one follows them any more.
    pub(super) unsafe fn give_up(&mut self, mut batch: Arc<TaskBatch>) {
        self.count = batch.tasks.len();
        // The list had the only other reference.
        if let Some(over) = Arc::get_mut(&mut batch) {
            // SAFETY: they are counted, and not followed any more, as the caller guarantees.
            unsafe { self.freed.add(&mut over.tasks) };
            self.batch = Some(batch);
        }
    }
}

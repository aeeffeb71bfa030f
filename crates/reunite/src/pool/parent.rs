//! The part of a pool's scope that its tasks use: the context they run in, the place of their failures, and the
//! list of waiters.

use std::convert::Infallible;

use super::lineage::{Ancestor, Lineage};
use super::this_thread;
use crate::current::{self, Context, Entered, LazyContext, TasksOf};
use crate::error::{Cancelled, Failure, JoinError};
use crate::id::Label;
use crate::observe::{Quiet, is_quiet};
use crate::park::Parker;
use crate::primitive::{Arc, Mutex};
use crate::task::Failures;

pub(super) struct Parent {
    lineage: Lineage,
    /// The context of the scope's body, made on demand.
    pub(super) own: Arc<LazyContext>,
    pub(super) failures: Failures<Infallible>,
    /// The scope's end, and the joiners of its tasks, while they wait.
    waiters: Mutex<Vec<Parker>>,
    /// True if the scope was opened by an observer, or inside one: observers are not called for its tasks.
    pub(super) is_quiet: bool,
}

/// A guard: the calling thread runs tasks of a scope until it is dropped.
pub(super) struct InTasks {
    _entered: Entered,
    _quiet: Option<Quiet>,
}

impl Parent {
    /// Creates the parent of a scope that the calling thread opens.
    pub(super) fn new(own: Arc<LazyContext>) -> Self {
        Self {
            lineage: Lineage::new(this_thread::innermost()),
            own,
            failures: Failures::new(),
            waiters: Mutex::new(Vec::new()),
            is_quiet: is_quiet(),
        }
    }

    /// Returns the context of the scope's body. Makes it if it was not made yet.
    pub(super) fn context(&self) -> &Arc<Context> {
        self.own.get()
    }

    /// Makes this equal to a [new](Self::new) one.
    #[inline]
    pub(super) fn renew(&mut self) {
        self.lineage = Lineage::new(this_thread::innermost());
        self.is_quiet = is_quiet();
    }

    /// Clears this for a scope that has had tasks, has ended, and that no other thread uses any more.
    pub(super) fn forget_tasks(&mut self) {
        self.waiters.lock().clear();
        // Tasks can have failed only if their context was made.
        if self.own.known_tasks().is_some() {
            self.failures = Failures::new();
        }
    }

    pub(super) fn label(&self) -> &Label {
        self.context().node.label()
    }

    /// Returns the cancellation of the scope, if there is one: then no task of the scope begins. The tasks then
    /// count as told of it, because their closures are dropped without being run. The task that opened the
    /// scope does not.
    #[inline]
    pub(super) fn cause(&self) -> Option<Cancelled> {
        if !self.own.must_tasks_look() {
            return None;
        }
        let node = &self.tasks().node;
        // `look` reads the clock, so it comes second.
        let cancelled = node.cause().or_else(|| node.look().err())?;
        self.mark_cancellation_observed();
        Some(cancelled)
    }

    /// Cancels the node of the scope's tasks with a cancellation that was found at a node above, and may not
    /// have reached this one yet.
    pub(super) fn record_cancellation(&self, cancelled: &Cancelled) {
        let node = &self.tasks().node;
        if !node.is_cancelled() {
            node.record_cause(cancelled);
        }
    }

    #[cold]
    pub(super) fn mark_cancellation_observed(&self) {
        self.context().node.mark_observed_here();
    }

    pub(super) fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    /// Returns the context in which the scope's tasks run. Makes it if it was not made yet. Each task may have
    /// a context of its own below this one.
    #[inline]
    pub(super) fn tasks(&self) -> &Arc<Context> {
        self.own.tasks()
    }

    /// Sets the context of the tasks as that of the calling thread.
    pub(super) fn enter(&self) -> InTasks {
        let quiet = self.is_quiet.then(Quiet::keep);
        InTasks {
            _entered: current::enter_for_pieces(TasksOf(Arc::clone(&self.own))),
            _quiet: quiet,
        }
    }

    /// Records that a task failed, or was cancelled before it began.
    pub(super) fn record(
        &self,
        task: Label,
        failure: Failure<Infallible>,
        after_cancel: bool,
    ) -> Arc<Mutex<Option<JoinError>>> {
        self.failures.record(task, failure, after_cancel)
    }

    pub(super) fn wake(&self) {
        let waiters = std::mem::take(&mut *self.waiters.lock());
        waiters.iter().for_each(Parker::unpark);
    }

    /// Returns the result of `over`. Stores the parker before it calls `over`, as a condition that is given to
    /// `wait` must do.
    pub(super) fn ask_or_wake(&self, parker: &Parker, over: impl Fn() -> bool) -> bool {
        {
            let mut waiters = self.waiters.lock();
            waiters.retain(|waiter| !waiter.is_same(parker));
            waiters.push(parker.clone());
        }
        over()
    }
}

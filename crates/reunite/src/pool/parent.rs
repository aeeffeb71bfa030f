//! What a pool's scope is to its tasks: what they run in, where their failures go, and who waits for them.

use std::convert::Infallible;

use super::here;
use super::job::{Ancestor, Lineage};
use crate::current::{self, Context, Entered, Later, TasksOf};
use crate::error::{Cancelled, Failure, JoinError};
use crate::id::Label;
use crate::observe::{Quiet, is_quiet};
use crate::park::Parker;
use crate::primitive::{Arc, Mutex};
use crate::task::Failures;

pub(super) struct Parent {
    lineage: Lineage,
    /// What its body runs in.
    pub(super) own: Arc<Later>,
    pub(super) failures: Failures<Infallible>,
    /// The scope's end, and those that join one of its tasks.
    waiters: Mutex<Vec<Parker>>,
    /// Opened by an observer, or below: observers are not told of the tasks.
    pub(super) is_quiet: bool,
}

/// The calling thread runs tasks of a scope until this is dropped.
pub(super) struct InTasks {
    _entered: Entered,
    _quiet: Option<Quiet>,
}

impl Parent {
    /// Of a scope that the calling thread opens.
    pub(super) fn new(own: Arc<Later>) -> Self {
        Self {
            lineage: Lineage::new(here::innermost()),
            own,
            failures: Failures::new(),
            waiters: Mutex::new(Vec::new()),
            is_quiet: is_quiet(),
        }
    }

    /// What its body runs in, made now if nobody has asked before.
    pub(super) fn context(&self) -> &Arc<Context> {
        self.own.get()
    }

    /// As if it were [new](Self::new).
    #[inline]
    pub(super) fn renew(&mut self) {
        self.lineage = Lineage::new(here::innermost());
        self.is_quiet = is_quiet();
    }

    /// Of a scope that has had tasks, has ended, and that nobody else has any more.
    pub(super) fn forget_tasks(&mut self) {
        self.waiters.lock().clear();
        // Without the contexts of the tasks nobody could fail.
        if self.own.known_tasks().is_some() {
            self.failures = Failures::new();
        }
    }

    pub(super) fn label(&self) -> &Label {
        self.context().node.label()
    }

    /// Why the scope is cancelled, if it is: then a task of it does not begin. That counts as told there, as what the
    /// task's closure holds is dropped undone; the task around the scope has not heard of it.
    #[inline]
    pub(super) fn cause(&self) -> Option<Cancelled> {
        if !self.own.must_tasks_look() {
            return None;
        }
        let node = &self.tasks().node;
        // To look reads the clock.
        let cancelled = node.cause().or_else(|| node.look().err())?;
        self.mark_told();
        Some(cancelled)
    }

    /// The scope's tasks hear of a cancellation that may still be on its way down from where it was found.
    pub(super) fn hear(&self, cancelled: &Cancelled) {
        let node = &self.tasks().node;
        if !node.is_cancelled() {
            node.hear(cancelled);
        }
    }

    #[cold]
    pub(super) fn mark_told(&self) {
        self.context().node.mark_observed_here();
    }

    pub(super) fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    /// What the scope's tasks run in, made now if nobody has asked before: each has a context of its own below that.
    #[inline]
    pub(super) fn tasks(&self) -> &Arc<Context> {
        self.own.tasks()
    }

    /// Makes the context of the tasks the calling thread's.
    pub(super) fn enter(&self) -> InTasks {
        let quiet = self.is_quiet.then(Quiet::keep);
        InTasks {
            _entered: current::enter_for_pieces(TasksOf(Arc::clone(&self.own))),
            _quiet: quiet,
        }
    }

    /// A task failed, or was cancelled before it began.
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

    /// The question at the door: `over`, or else `parker` was left before `over` was asked.
    pub(super) fn ask_or_wake(&self, parker: &Parker, over: impl Fn() -> bool) -> bool {
        {
            let mut waiters = self.waiters.lock();
            waiters.retain(|waiter| !waiter.is_same(parker));
            waiters.push(parker.clone());
        }
        over()
    }
}

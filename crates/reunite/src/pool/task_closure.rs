//! The end of a pool task's closure, on the thread that has begun the task: the closure runs, or it is dropped
//! because the task is cancelled. `task` explains the states.

use std::any::Any;
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::parent::Parent;
use super::piece::PieceIdentity;
use super::task::{Failed, LEFT, ScopeTask};
use super::task_traits::TaskRole;
use super::this_thread;
use crate::contain::{assert_outside, contain};
use crate::cut_short::catch_task;
use crate::deadlock::{self, Holding};
use crate::error::{Cancelled, Failure};
use crate::observe::{Completion, Event, tell};
use crate::task::Unjoined;

impl<F, T> ScopeTask<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    /// Calls `f` as a part of the task: its forks descend from the task.
    pub(super) fn run_below<R>(
        &self,
        parent: &Parent,
        f: impl FnOnce() -> R,
    ) -> Result<R, Box<dyn Any + Send>> {
        assert_outside();
        let holding = deadlock::holding();
        let done = this_thread::running(self, || catch_unwind(AssertUnwindSafe(f)));
        if holding.has_leaked() {
            self.tell_leaks(holding, parent);
        }
        done
    }

    /// Runs the closure, or drops it if the task is cancelled. Returns `None` if the handle was gone, and the
    /// value was dropped.
    pub(super) fn complete(&self, f: F, parent: &Parent) -> Option<Result<T, Failed>> {
        let known = self.own.known();
        if let Some(cancelled) = parent.cause().or_else(|| known?.context.node.cause()) {
            return if known.is_some() || self.role == TaskRole::Batch {
                self.drop_undone(f, cancelled, parent)
            } else {
                self.drop_unknown(f, &cancelled, parent)
            };
        }
        match known {
            None => self.run_closure(f, parent),
            Some(made) => self.run_known(made, f, parent),
        }
    }

    /// Drops the closure of a task that is cancelled and never begins.
    #[cold]
    fn drop_undone(
        &self,
        f: F,
        cancelled: Cancelled,
        parent: &Parent,
    ) -> Option<Result<T, Failed>> {
        // It counts as told: what the closure holds is dropped undone, and tasks that depend on that must
        // know.
        let made = self.made(parent.tasks());
        made.context.node.record_cause(&cancelled);
        made.context.node.mark_observed_here();
        let dropped = self.run_below(parent, || {
            drop(std::mem::take(&mut *made.inherited.lock()));
            drop(f);
        });
        let failure = match dropped {
            Ok(()) => Failure::Cancelled(cancelled),
            Err(payload) => Failure::panicked(payload),
        };
        Some(Err(self.fail(parent, failure)))
    }

    /// [`drop_undone`](Self::drop_undone) for a task that was not asked for anything, and that is cancelled
    /// with its scope.
    #[cold]
    fn drop_unknown(
        &self,
        f: F,
        cancelled: &Cancelled,
        parent: &Parent,
    ) -> Option<Result<T, Failed>> {
        parent.record_cancellation(cancelled);
        if needs_drop::<F>() {
            // This comes first: a context that the destructor asks for is that of a task that was told.
            self.mark_undone();
            if let Err(payload) = self.run_below(parent, || drop(f)) {
                return Some(Err(self.fail(parent, Failure::panicked(payload))));
            }
        }
        parent.failures.count_undone(cancelled, 1);
        (!self.has(LEFT)).then_some(Err(Failed::Undone))
    }

    /// [`run_closure`](Self::run_closure) for a task that may inherit something.
    #[cold]
    fn run_known(&self, made: &PieceIdentity, f: F, parent: &Parent) -> Option<Result<T, Failed>> {
        let inherited = std::mem::take(&mut *made.inherited.lock());
        let inheriting = || {
            let _ambient = inherited.enter(made.label());
            f()
        };
        self.run_closure(inheriting, parent)
    }

    #[inline]
    fn run_closure(&self, f: impl FnOnce() -> T, parent: &Parent) -> Option<Result<T, Failed>> {
        let unless_left = || {
            let value = f();
            self.keep_unjoined(&value, parent);
            if self.has(LEFT) {
                drop(self.unjoined());
                drop(value);
                return None;
            }
            Some(value)
        };
        assert_outside();
        let holding = deadlock::holding();
        let value = this_thread::running(self, || catch_task(unless_left));
        if holding.has_leaked() {
            self.tell_leaks(holding, parent);
        }
        if let Some(made) = self.own.known() {
            made.context.node.mark_over();
        }
        match value {
            Ok(value) => value.map(Ok),
            Err(payload) => Some(Err(self.fail(parent, Failure::panicked(payload)))),
        }
    }

    #[cold]
    fn tell_leaks(&self, holding: Holding, parent: &Parent) {
        let made = self.made(parent.tasks());
        deadlock::leak(made.label(), holding.leaked());
    }

    /// [`complete`](Self::complete), with observers told of the start and the completion.
    #[cold]
    pub(super) fn complete_and_tell(&self, f: F, parent: &Parent) -> Option<Result<T, Failed>> {
        if self.role == TaskRole::Batch {
            return self.complete(f, parent);
        }
        let label = || self.made(parent.tasks()).label();
        this_thread::running(self, || tell(|| Event::Start { task: label() }));
        let result = self.complete(f, parent);
        let how = completion(&result);
        this_thread::running(self, || tell(|| Event::Complete { task: label(), how }));
        result
    }

    /// [`call_back`](Self::call_back) on the thread that ran the task.
    #[cold]
    pub(super) fn call_back_and_tell(&self, parent: &Parent) {
        let holding = deadlock::holding();
        self.call_back();
        if holding.has_leaked() {
            self.tell_leaks(holding, parent);
        }
    }

    /// Calls the callbacks that were left.
    #[cold]
    pub(super) fn call_back(&self) {
        let made = self.own.known();
        let callbacks = made.map(|made| std::mem::take(&mut *made.callbacks.lock()));
        let callbacks = callbacks.into_iter().flatten();
        this_thread::running(self, || callbacks.for_each(contain));
    }

    /// Keeps what reports an error that the task has returned as its value and that is never taken. Not if
    /// the task was told of a cancellation: then the error is most likely that.
    fn keep_unjoined(&self, value: &T, parent: &Parent) {
        let label = || self.made(parent.tasks()).label().clone();
        let Some(unjoined) = Unjoined::of(value, label) else {
            return;
        };
        if let Some(made) = self.own.known() {
            if made.context.node.was_observed() {
                unjoined.take();
            } else {
                *made.unjoined.lock() = Some(unjoined);
            }
        }
    }
}

/// Returns how a task completed, for observers.
fn completion<T>(result: &Option<Result<T, Failed>>) -> Completion {
    let slot = match result {
        Some(Err(Failed::Known(slot))) => slot,
        Some(Err(Failed::Undone)) => return Completion::Cancelled,
        _ => return Completion::Value,
    };
    match &*slot.lock() {
        Some(error) if error.is_panic() => Completion::Panic,
        Some(error) if error.is_cancelled() => Completion::Cancelled,
        _ => Completion::Error,
    }
}

//! Scopes in a pool: many small tasks that may borrow. `scope_state` explains how tasks are queued, taken and
//! waited for.

use std::alloc::Layout;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;

use super::cells::{Ref, RefCounted};
use super::handle::PoolTask;
use super::piece::CoarseSpawnTime;
use super::scope_cache::CachedScope;
use super::scope_state::ScopeState;
use super::shared::PoolShared;
use super::task::ScopeTask;
use super::task_traits::{RunTask, TaskRole, erase};
use crate::cancel::{CancelNode, Canceller};
use crate::contain::AbortOnUnwind;
use crate::context::{Inherited, is_inherited};
use crate::current::{self, Context};
use crate::cut_short::{Caught, catch_body, leave};
use crate::error::{Cancelled, CutShort, ScopeError, Why, resume};
use crate::id::Label;
use crate::observe::{Event, is_on, tell};
use crate::primitive::Arc;
use crate::profile;
use crate::task::Unclaimed;

/// The scope of a pool through which the body of [`Pool::scope`](crate::Pool::scope) spawns tasks.
pub struct PoolScope<'scope, 'env> {
    pub(super) state: &'scope Arc<ScopeState>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Opens a scope in `pool`, runs `body` here, and ends the scope.
pub(super) fn run<'env, R, F>(pool: &Arc<PoolShared>, at: &'static Location<'static>, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope PoolScope<'scope, 'env>) -> R,
{
    let CachedScope {
        state,
        listed,
        entered,
    } = CachedScope::take(pool, at);
    let shared = &state;
    let scope = PoolScope {
        state: shared,
        scope: PhantomData,
        env: PhantomData,
    };
    let own = &shared.parent.own;
    let guard = AbortOnUnwind("a pool's scope was torn open by a panic; this is a bug in reunite");
    let inside = shared.open(listed);
    tell(|| Event::Open {
        scope: shared.parent.label(),
        by: &own.get().record.label,
    });
    let entered = current::enter_scope(entered);
    let body = catch_body(|| body(&scope));
    let (entered, is_told) = entered.leave();
    if is_told && own.around().node.is_cancelled() {
        current::mark_cancellation_observed();
    }
    let left = match body {
        Caught::Value(_) => None,
        Caught::Left(..) | Caught::Panic(_) => Some(fail(shared)),
    };
    shared.end(at);
    let listed = shared.close();
    drop(inside);
    tell(|| Event::End {
        scope: shared.parent.label(),
        by: &own.get().record.label,
    });
    // If a profile was asked for, it is an observer.
    if is_on() && own.get().record.is_foreign() {
        profile::write_if_asked();
    }
    std::mem::forget(guard);

    let value = match body {
        // The scope's context was never made: so no task of it has failed, and none was told of anything.
        Caught::Value(value) if own.known().is_none() => value,
        caught => gather(
            shared,
            Body {
                caught,
                observed_cancellation: is_told,
                left,
            },
        ),
    };
    if let Some((listed, entered)) = listed.zip(entered) {
        let spare = CachedScope {
            state,
            listed,
            entered,
        };
        spare.put_back();
    }
    value
}

/// Cancels a scope whose body left or panicked.
#[cold]
#[inline(never)]
fn fail(state: &ScopeState) -> BodyLeft {
    let node = &state.parent.context().node;
    let left = BodyLeft {
        order: state.parent.failures.order(),
        after_cancel: node.was_observed(),
    };
    node.cancel(Cancelled::new(Why::BodyFailed, node.label().clone()));
    left
}

/// Returns the layout of the memory that a task of this closure needs.
#[inline]
fn layout_of<F: FnOnce() -> T + Send, T: Send>(_: &F) -> Layout {
    Ref::<ScopeTask<F, T>>::layout()
}

/// The result of a scope's body.
struct Body<R> {
    caught: Caught<R>,
    /// True if it was told of a cancellation.
    observed_cancellation: bool,
    /// The moment at which the body ended, if it left or panicked.
    left: Option<BodyLeft>,
}

/// The moment at which a body left or panicked.
struct BodyLeft {
    /// The place of the body's failure in the order of failures.
    order: u64,
    /// True if a task of the scope, or the body, had been told of a cancellation by then.
    after_cancel: bool,
}

/// Returns the body's value, or fails as its body or tasks did, now that all tasks have completed. Not
/// inlined, as its frame is large and would lie below every task that the end of the scope runs.
#[inline(never)]
fn gather<R>(state: &ScopeState, body: Body<R>) -> R {
    let Body {
        caught,
        observed_cancellation: is_told,
        left,
    } = body;
    let node = &state.parent.context().node;
    let outer_node = &state.parent.own.around().node;
    let mut unclaimed = state.parent.failures.take_unclaimed(node, outer_node);
    let (value, left) = match caught {
        Caught::Panic(payload) => resume(payload),
        Caught::Value(value) => (
            Some(value),
            // A body that was told of the cancellation knows whether its value is whole.
            unclaimed
                .undone
                .take()
                .filter(|_| !is_told)
                .map(CutShort::Cancelled),
        ),
        Caught::Left(why, partial) => {
            let Some(BodyLeft {
                order,
                after_cancel,
            }) = left
            else {
                unreachable!("it was left")
            };
            let is_root = unclaimed.add_left_body(&why, order, after_cancel);
            (partial, is_root.then_some(why))
        }
    };
    conclude(node, value, left, unclaimed)
}

/// Ends a scope whose tasks have completed: returns its body's value, or leaves or panics.
fn conclude<R>(
    node: &CancelNode,
    value: Option<R>,
    left: Option<CutShort>,
    unclaimed: Unclaimed<Infallible>,
) -> R {
    let (label, is_left) = (node.label().clone(), left.is_some());
    if let Some(why) = left {
        leave(why, &label);
    }
    match value {
        // Where panics abort the process, `leave` returns, and the caller counts as having left.
        Some(value) if unclaimed.failures.is_empty() || is_left => value,
        _ => {
            let cause = node.cause();
            ScopeError::new(label, unclaimed.failures, cause, unclaimed.cancelled).resume()
        }
    }
}

impl<'scope> PoolScope<'scope, '_> {
    /// Queues a task for the pool's workers. If no worker has begun it, its joiner or the end of the scope
    /// runs it. In a cancelled scope no task starts: the new task completes as cancelled.
    ///
    /// ```
    /// let pool = reunite::Pool::global();
    /// let squares = pool.scope(|s| {
    ///     let tasks: Vec<_> = (0..10).map(|n| s.spawn(move || n * n)).collect();
    ///     tasks.into_iter().map(|task| task.join().unwrap()).collect::<Vec<_>>()
    /// });
    /// assert_eq!(squares[9], 81);
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&'scope self, f: F) -> PoolTask<'scope, T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        let at = Location::caller();
        if is_on() || is_inherited() {
            return self.spawn_prepared(None, at, f);
        }
        let (task, is_first) = self.enqueue(at, TaskRole::Task, f);
        if is_first {
            self.state.pool().published();
        }
        task
    }

    /// Queues a task like [`spawn`](Self::spawn), with a name for messages and the [live
    /// tree](crate::dump()).
    ///
    /// ```
    /// let message = reunite::Pool::global().scope(|s| {
    ///     let task = s.spawn_named("parse", || panic!("no header"));
    ///     let error = task.join().map(|never: u32| never).unwrap_err();
    ///     error.to_string()
    /// });
    /// assert!(message.starts_with("task `parse` ("));
    /// ```
    #[track_caller]
    pub fn spawn_named<T, F>(&'scope self, name: impl Into<String>, f: F) -> PoolTask<'scope, T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        self.spawn_prepared(Some(name.into()), Location::caller(), f)
    }

    /// Spawns a task whose context is made at once.
    fn spawn_prepared<T, F>(
        &'scope self,
        name: Option<String>,
        at: &'static Location<'static>,
        f: F,
    ) -> PoolTask<'scope, T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        let state = &self.state;
        // This runs user code: if it panics, there is no task yet.
        let inherited = Inherited::capture();
        let memory = state.queue.lock().cells.take(layout_of(&f));
        let task = ScopeTask::new(state.parent.as_ancestor(), at, TaskRole::Task, f);
        // SAFETY: as in `enqueue`.
        let task = unsafe { Ref::new(memory, task) };
        task.spawned_at(CoarseSpawnTime::now());
        task.number_as(state.queue.lock().next_number());
        let made = task.prepare(state.parent.tasks(), name, inherited);
        if is_on() {
            let by = current::shared();
            tell(|| Event::Spawn {
                task: made.label(),
                by: &by.record.label,
                scope: state.parent.label(),
            });
        }
        let queued = task.map(|task| task as NonNull<RefCounted<dyn RunTask + 'scope>>);
        // SAFETY: as in `enqueue`.
        state.push(unsafe { erase(queued) });
        PoolTask::new(task.map(|task| task as _), state)
    }

    /// Queues a task without waking a thread. Returns true with the handle if it is the only one queued: then
    /// the caller must make that known to the pool.
    pub(super) fn enqueue<T, F>(
        &'scope self,
        at: &'static Location<'static>,
        role: TaskRole,
        f: F,
    ) -> (PoolTask<'scope, T>, bool)
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        let state = &self.state;
        let looks = state.pool().watch.looks();
        let up = state.parent.as_ancestor();
        let mut handle = None;
        let is_first = state.enqueue(|queue| {
            let memory = queue.cells.take(layout_of(&f));
            // SAFETY: the queue uses the task only until the scope has ended; the handle borrows the scope.
            let task = unsafe { Ref::new(memory, ScopeTask::new(up, at, role, f)) };
            task.number_as(queue.next_number());
            // A batch is never shown, and its items are as old as the run of the batch.
            if role == TaskRole::Task {
                task.spawned_at(queue.clock.now(looks, CoarseSpawnTime::now));
            }
            handle = Some(task.map(|task| task as _));
            let queued = task.map(|task| task as NonNull<RefCounted<dyn RunTask + 'scope>>);
            // SAFETY: the scope, and `'scope` with it, ends only after `ScopeState::end`: by then every
            // queued reference was given up and every closure has returned.
            unsafe { erase(queued) }
        });
        let Some(handle) = handle else {
            unreachable!("it was queued")
        };
        (PoolTask::new(handle, state), is_first)
    }

    pub(super) fn label(&self) -> &Label {
        self.state.parent.label()
    }

    /// Records that an item of the scope is dropped undone, because of the cancellation.
    pub(super) fn mark_cancellation_observed(&self) {
        self.state.parent.mark_cancellation_observed();
    }

    pub(super) fn context_of_tasks(&self) -> &Arc<Context> {
        self.state.parent.tasks()
    }

    pub(super) fn pool(&self) -> &Arc<PoolShared> {
        self.state.pool()
    }

    /// Returns how many threads work at a time in the scope's pool.
    pub(super) fn threads(&self) -> usize {
        self.state.pool().members.size
    }

    /// Cancels the scope: tasks that have not begun never will, and the checkpoints of the others fail.
    ///
    /// ```
    /// let value = reunite::Pool::global().scope(|s| {
    ///     s.spawn(|| while reunite::checkpoint().is_ok() {});
    ///     s.cancel("the answer is known");
    ///     42
    /// });
    /// assert_eq!(value, 42);
    /// ```
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// Returns a handle that cancels the scope from any thread.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.state.parent.context().node.clone())
    }
}

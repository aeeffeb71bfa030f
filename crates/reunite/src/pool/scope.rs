//! Scopes in a pool: many small tasks that may borrow. How they are queued, taken and waited for is told in
//! `scope_state`.

use std::alloc::Layout;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;

use super::cells::{Counted, Ref};
use super::handle::PoolTask;
use super::piece::Spawned;
use super::run::{Role, Run, erase};
use super::scope_state::ScopeState;
use super::shared::Shared;
use super::spares::Spare;
use super::task::Task;
use crate::cancel::{Canceller, Node};
use crate::contain::AbortOnUnwind;
use crate::context::{Inherited, is_inherited};
use crate::current::{self, Context};
use crate::cut_short::{Caught, catch_body, leave};
use crate::error::{Cancelled, CutShort, ScopeError, Why, resume};
use crate::id::Label;
use crate::observe::{Event, is_on, tell};
use crate::primitive::Arc;
use crate::task::Unclaimed;

/// What the body of a [`Pool::scope`](crate::Pool::scope) spawns through.
pub struct PoolScope<'scope, 'env> {
    pub(super) core: &'scope Arc<ScopeState>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Opens a scope in `pool`, runs `body` here, and ends the scope.
pub(super) fn run<'env, R, F>(pool: &Arc<Shared>, at: &'static Location<'static>, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope PoolScope<'scope, 'env>) -> R,
{
    let Spare {
        state,
        listed,
        entered,
    } = Spare::take(pool, at);
    let core = &state;
    let scope = PoolScope {
        core,
        scope: PhantomData,
        env: PhantomData,
    };
    let own = &core.parent.own;
    let guard = AbortOnUnwind("a pool's scope was torn open by a panic; this is a bug in reunite");
    let inside = core.open(listed);
    tell(|| Event::Open {
        scope: core.parent.label(),
        by: &own.get().who.label,
    });
    let entered = current::enter_scope(entered);
    let body = catch_body(|| body(&scope));
    let (entered, is_told) = entered.leave();
    if is_told && own.around().node.is_cancelled() {
        current::mark_told();
    }
    let left = match body {
        Caught::Value(_) => None,
        Caught::Left(..) | Caught::Panic(_) => Some(fail(core)),
    };
    core.end(at);
    let listed = core.close();
    drop(inside);
    tell(|| Event::End {
        scope: core.parent.label(),
        by: &own.get().who.label,
    });
    std::mem::forget(guard);

    let value = match body {
        // Nobody has asked who the scope is: so nothing has failed in it, and nobody was told of anything.
        Caught::Value(value) if own.known().is_none() => value,
        caught => gather(
            core,
            Body {
                caught,
                is_told,
                left,
            },
        ),
    };
    if let Some((listed, entered)) = listed.zip(entered) {
        let spare = Spare {
            state,
            listed,
            entered,
        };
        spare.put_back();
    }
    value
}

/// Cancels a scope whose body was left.
#[cold]
#[inline(never)]
fn fail(core: &ScopeState) -> Left {
    let node = &core.parent.context().node;
    let left = Left {
        order: core.parent.failures.order(),
        after_cancel: node.was_observed(),
    };
    node.cancel(Cancelled::new(Why::BodyFailed, node.label().clone()));
    left
}

/// The memory that a task of this closure needs.
#[inline]
fn layout_of<F: FnOnce() -> T + Send, T: Send>(_: &F) -> Layout {
    Ref::<Task<F, T>>::layout()
}

/// What a scope's body came to.
struct Body<R> {
    caught: Caught<R>,
    /// Of a cancellation.
    is_told: bool,
    /// If it has no value.
    left: Option<Left>,
}

/// When a body was left.
struct Left {
    /// Its place among the failures.
    order: u64,
    /// Whether somebody had been told of a cancellation by then.
    after_cancel: bool,
}

/// What becomes of a body, now that the tasks are back. Apart, as its frame is large, and would lie below every task that the
/// end runs.
#[inline(never)]
fn gather<R>(core: &ScopeState, body: Body<R>) -> R {
    let Body {
        caught,
        is_told,
        left,
    } = body;
    let node = &core.parent.context().node;
    let outer_node = &core.parent.own.around().node;
    let mut unclaimed = core.parent.failures.take_unclaimed(node, outer_node);
    let (value, left) = match caught {
        Caught::Panic(payload) => resume(payload),
        Caught::Value(value) => (
            Some(value),
            // A body that was told of the cancellation knows what its value is.
            unclaimed
                .undone
                .take()
                .filter(|_| !is_told)
                .map(CutShort::Cancelled),
        ),
        Caught::Left(why, partial) => {
            let Some(Left {
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

/// The end of a scope whose tasks are back: its body's value, or what happened instead.
fn conclude<R>(
    node: &Node,
    value: Option<R>,
    left: Option<CutShort>,
    unclaimed: Unclaimed<Infallible>,
) -> R {
    let (label, is_left) = (node.label().clone(), left.is_some());
    if let Some(why) = left {
        leave(why, &label);
    }
    match value {
        // Where `leave` returned, whoever called the scope is left all the same.
        Some(value) if unclaimed.failures.is_empty() || is_left => value,
        _ => {
            let cause = node.cause();
            ScopeError::new(label, unclaimed.failures, cause, unclaimed.cancelled).resume()
        }
    }
}

impl<'scope> PoolScope<'scope, '_> {
    /// Queues a task for the pool's workers. Its joiner, or the scope's end, runs it if no worker has begun
    /// it. In a cancelled scope nothing starts: the task completes cancelled.
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
        let (task, is_first) = self.enqueue(at, Role::Task, f);
        if is_first {
            self.core.pool().published();
        }
        task
    }

    /// [`spawn`](Self::spawn) with a name for messages and the [live tree](crate::dump()).
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

    /// Spawns a task of which something is known from the beginning.
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
        let core = &self.core;
        // Code of users: should it panic, there is no task yet.
        let inherited = Inherited::capture();
        let memory = core.queue.lock().cells.take(layout_of(&f));
        let task = Task::new(core.parent.as_ancestor(), at, Role::Task, f);
        // SAFETY: as in `enqueue`.
        let task = unsafe { Ref::new(memory, task) };
        task.spawned_at(Spawned::now());
        task.number_as(core.queue.lock().next_number());
        let made = task.prepare(core.parent.tasks(), name, inherited);
        if is_on() {
            let by = current::here();
            tell(|| Event::Spawn {
                task: made.label(),
                by: &by.who.label,
                scope: core.parent.label(),
            });
        }
        let queued = task.map(|task| task as NonNull<Counted<dyn Run + 'scope>>);
        // SAFETY: as in `enqueue`.
        core.push(unsafe { erase(queued) });
        PoolTask::new(task.map(|task| task as _), core)
    }

    /// Queues a task, and wakes nobody. Whether it is the first that lies there: then somebody is to be told.
    pub(super) fn enqueue<T, F>(
        &'scope self,
        at: &'static Location<'static>,
        role: Role,
        f: F,
    ) -> (PoolTask<'scope, T>, bool)
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        let core = &self.core;
        let looks = core.pool().watch.looks();
        let up = core.parent.as_ancestor();
        let mut handle = None;
        let is_first = core.enqueue(|queue| {
            let memory = queue.cells.take(layout_of(&f));
            // SAFETY: the queue follows it until the scope has ended, and the handle no longer, as it borrows that.
            let task = unsafe { Ref::new(memory, Task::new(up, at, role, f)) };
            task.number_as(queue.next_number());
            // Nobody is shown a batch, and its items are as old as its running.
            if role == Role::Task {
                task.spawned_at(queue.now(looks, Spawned::now));
            }
            handle = Some(task.map(|task| task as _));
            let queued = task.map(|task| task as NonNull<Counted<dyn Run + 'scope>>);
            // SAFETY: the scope ends, and `'scope` with it, after `ScopeState::end`: when every queued reference was
            // given up and every closure has returned.
            unsafe { erase(queued) }
        });
        let Some(handle) = handle else {
            unreachable!("it was queued")
        };
        (PoolTask::new(handle, core), is_first)
    }

    pub(super) fn label(&self) -> &Label {
        self.core.parent.label()
    }

    /// Something of the scope is dropped undone, as it is cancelled.
    pub(super) fn mark_told(&self) {
        self.core.parent.mark_told();
    }

    pub(super) fn context_of_tasks(&self) -> &Arc<Context> {
        self.core.parent.tasks()
    }

    pub(super) fn pool(&self) -> &Arc<Shared> {
        self.core.pool()
    }

    /// How many threads work at a time in the scope's pool.
    pub(super) fn threads(&self) -> usize {
        self.core.pool().roster.size
    }

    /// Cancels the scope: what has not begun never will, and the tasks' checkpoints fail.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// A way to cancel the scope from anywhere else.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.core.parent.context().node.clone())
    }
}

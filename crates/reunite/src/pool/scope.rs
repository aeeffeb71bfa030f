//! Scopes in a pool: many small tasks that may borrow.
//!
//! # Protocol
//! A scope's tasks queue in the order of their spawning. Workers, and the scope's owner at its end, take
//! them from the front, several at a time while they are short.
//!
//! *What was taken and has not begun can be taken by others at any time.* A batch of two or more is listed in the
//! queue until it is over. Its thread only says how far it is (`next`). A thread that finds nothing queued copies
//! references from the far end of a listed batch, under the queue's lock, and shortens the batch (`end`). Both numbers may
//! be out of date for the other side: which of the two runs a task is decided by the task itself (see `task`), and the
//! other then leaves it alone. So a task's thread that blocks, here or in a way that nobody sees, hides nothing. (A task
//! may be a batch of a map's items: how others take from that is told in `stream`.)
//!
//! `pending` counts the references in the queue and in batches, copies included, and the tasks that a joiner runs in
//! its own place; the scope ends when it is zero and the body has returned. A task that spawns another does so before
//! its own reference is given up, so zero is final. Whoever brings it to zero, or completes a task that is marked as
//! awaited, unparks all who left their parker, under the lock they left it under. A joiner that runs a task leaves the
//! reference in the queue; it gives such references up once they may be half of all, and whoever finds one at the front
//! does. References to tasks that are
//! over lie in `over`, from where the next spawn, or the scope's end, frees them.
//!
//! `is_listed` says that the roster counts the scope among those with something to begin. It is raised with the
//! first task, and lowered by whoever finds, under the lock, that there is nothing to begin. Only a spawn that raises it
//! wakes anybody: while it is raised, somebody was told of it, and whoever takes from it tells another (see `roster`).

use std::convert::Infallible;
use std::io::{Write, stderr};
use std::marker::PhantomData;
use std::panic::Location;

use super::builder::Shared;
use super::job::{Ancestor, Lineage};
use super::queue::{Batch, Queue};
use super::seat::Seat;
use super::task::{Aside, Join, Role, Run, Task, erase};
use super::{fork, member};
use crate::cancel::{Canceller, Node};
use crate::context::is_inherited;
use crate::current::{self, Context};
use crate::cut_short::{Caught, catch_body, leave};
use crate::deadline;
use crate::deadlock::{self, Bond, Object, On, Site};
use crate::error::{
    Cancelled, CutShort, Failure, JoinError, JoinErrorKind, ScopeError, Why, resume,
};
use crate::id::{Kind, Label, TaskId};
use crate::observe::{Event, Verb, is_on, tell};
use crate::park::{Parker, spin_loop};
use crate::primitive::{Arc, AtomicUsize, Duration, Instant, Mutex, MutexGuard, Ordering, now};
use crate::task::{Failures, Picture, Unclaimed};
use crate::wait::{self, Heed, Wait};

/// Tasks are taken several at a time as long as a batch lasts less than this.
const SHORT: Duration = Duration::from_micros(4);
const LONG: Duration = Duration::from_micros(16);
const BATCH: usize = 256;
/// How many tasks a thread runs one inside the join of another.
const MAX_NESTED_JOINS: usize = 128;
/// How many tasks that nobody has begun the live tree shows of a scope.
const SHOWN: usize = 100;
/// A few microseconds.
const PAUSES: u32 = 100;

/// How long a thread runs a scope's tasks.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// As long as there are some to begin.
    Done,
    /// No longer than its place is not wanted.
    Crowded,
}

/// What a scope's tasks, their joiners and the workers share.
pub(super) struct Core {
    lineage: Lineage,
    pool: Arc<Shared>,
    /// Where the thread sits that opened the scope.
    owner: Option<&'static Seat>,
    context: Arc<Context>,
    /// What the tasks run in.
    tasks: Arc<Context>,
    failures: Failures<Infallible>,
    queue: Mutex<Queue>,
    pending: AtomicUsize,
    waiters: Mutex<Vec<Parker>>,
}

impl Core {
    pub(super) fn label(&self) -> &Label {
        self.context.node.label()
    }

    /// Why the scope is cancelled, if it is: then a task of it does not begin. That counts as told there, as what the
    /// task's closure holds is dropped undone; the task around the scope has not heard of it.
    pub(super) fn cause(&self) -> Option<Cancelled> {
        let cancelled = self.tasks.node.look().err()?;
        self.tasks.node.mark_observed_here();
        self.context.node.mark_observed_here();
        Some(cancelled)
    }

    pub(super) fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    /// What the scope's tasks run in: each has a context of its own below that.
    pub(super) fn context_of_tasks(&self) -> &Arc<Context> {
        &self.tasks
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

    /// The scope as the live tree shows it.
    pub(super) fn picture(&self) -> Picture {
        let (mut tasks, mut queued) = (Vec::new(), Vec::new());
        let more_queued = {
            let queue = self.queue.lock();
            queue.each_running(|task| tasks.extend(task.shown(&self.tasks)));
            queue.each_queued(SHOWN, |task| queued.extend(task.shown(&self.tasks)))
        };
        tasks.extend(queued);
        // Others may have taken what a batch says that it has at hand.
        tasks.sort_by_key(|who| who.label.id());
        tasks.dedup_by_key(|who| who.label.id());
        Picture {
            scope: self.label().clone(),
            owner: Some(Arc::clone(&self.context.who)),
            cause: self.context.node.cause(),
            tasks,
            more_queued,
        }
    }

    /// The task of that number, if somebody runs it.
    pub(super) fn running(&self, number: u64) -> Option<Label> {
        let mut found = None;
        self.queue.lock().each_running(|task| {
            if task.number() == number {
                found = task.shown(&self.tasks);
            }
        });
        found.map(|who| who.label.clone())
    }

    /// Whether anything is left to begin, in a scope below `target`.
    pub(super) fn has_tasks(&self, target: Option<Ancestor>) -> bool {
        let mut queue = self.queue.lock();
        let left_behind = queue.drop_begun();
        let was_last = self.fewer_pending(left_behind, &queue);
        let found = self.list(&mut queue)
            && target.is_none_or(|target| {
                // SAFETY: tasks are pending, so the scope has not ended, nor has anything around it.
                unsafe { self.as_ancestor().descends(target) }
            });
        drop(queue);
        if was_last {
            self.wake();
        }
        found
    }

    /// Corrects `is_listed`, and returns it.
    fn list(&self, queue: &mut Queue) -> bool {
        let has_tasks = queue.has_tasks();
        if queue.is_listed && !has_tasks {
            self.pool.roster.queue_emptied();
        } else if has_tasks && !queue.is_listed {
            self.pool.roster.queue_filled();
        }
        queue.is_listed = has_tasks;
        has_tasks
    }

    fn push(&self, task: Arc<dyn Run>) {
        if self.enqueue(task, |_| {}) {
            self.pool.published();
        }
    }

    /// Whether it is the first that lies there: then somebody is to be told. `number` may give it its number.
    #[inline]
    fn enqueue(&self, task: Arc<dyn Run>, number: impl FnOnce(&mut Queue)) -> bool {
        let mut queue = self.queue.lock();
        self.more_pending(1, &queue);
        number(&mut queue);
        queue.tasks.push_back(task);
        let first = !queue.is_listed;
        if first {
            queue.is_listed = true;
            self.pool.roster.queue_filled();
        }
        let over = if queue.over.len() < BATCH {
            Vec::new()
        } else {
            std::mem::take(&mut queue.over)
        };
        drop(queue);
        drop(over);
        first
    }

    /// Counts more that the scope's end waits for. The count changes under the queue's lock, which every
    /// spawn takes anyway.
    fn more_pending(&self, count: usize, _: &MutexGuard<'_, Queue>) {
        let pending = self.pending.load(Ordering::Relaxed);
        self.pending.store(pending + count, Ordering::Relaxed);
    }

    /// Whether those were the last. Their references were given up.
    fn fewer_pending(&self, count: usize, _: &MutexGuard<'_, Queue>) -> bool {
        let left = self.pending.load(Ordering::Relaxed) - count;
        self.pending.store(left, Ordering::Release);
        count > 0 && left == 0
    }

    /// Takes the next tasks, after the last batch is over.
    fn take(&self, count: usize, last: Option<Arc<Batch>>) -> Option<Arc<Batch>> {
        let mut queue = self.queue.lock();
        let finished = last.map_or(0, |batch| queue.finish(batch));
        let was_last = self.fewer_pending(finished, &queue);
        let (tasks, more) = queue.take(count);
        self.more_pending(more, &queue);
        let batch = (!tasks.is_empty()).then(|| Batch::new(tasks));
        queue.batches.extend(batch.clone());
        self.list(&mut queue);
        drop(queue);
        if was_last {
            self.wake();
        }
        batch
    }

    /// Runs tasks until there are none to begin, or for as long as `until` says.
    pub(super) fn work(self: &Arc<Self>, until: Until) {
        let mine = self.is_mine();
        let life = fork::seat().map(Seat::life);
        let mut last = None;
        let mut count = 1;
        while let Some(batch) = self.take(count, last.take()) {
            let start = now();
            let entered = current::enter_for_pieces(Arc::clone(&self.tasks));
            let holding = deadlock::holding();
            if let Some(life) = life {
                life.begin();
            }
            batch.run(self, life);
            if let Some(life) = life {
                self.pool.roster.take_again(life);
            }
            deadlock::leak(self.label(), holding.leaked());
            drop(entered);
            last = Some(batch);
            if matches!(until, Until::Crowded) && self.pool.roster.is_crowded() {
                count = 0;
                continue;
            }
            let spent = now().duration_since(start);
            if spent < SHORT {
                count = (count * 2).min(BATCH);
                if !mine {
                    // Whoever spawns such short tasks needs the lock more, and will have a batch soon.
                    (0..PAUSES).for_each(|_| spin_loop());
                }
            } else if spent > LONG {
                count = (count / 2).max(1);
            }
        }
    }

    /// A task that nobody has begun.
    pub(super) fn next_task(&self) -> Option<Label> {
        if !self.has_tasks(None) {
            return None;
        }
        let who = self.queue.lock().next_task()?.context(&self.tasks);
        Some(who.who.label.clone())
    }

    /// Whether who sits there opened the scope.
    pub(super) fn is_of(&self, seat: &'static Seat) -> bool {
        self.owner.is_some_and(|owner| std::ptr::eq(owner, seat))
    }

    /// Whether the calling thread opened the scope.
    fn is_mine(&self) -> bool {
        let both = fork::seat().zip(self.owner);
        both.is_some_and(|(here, owner)| std::ptr::eq(here, owner))
    }

    /// A joiner runs a task in its own place.
    fn begin_aside(&self, task: Aside) {
        let mut queue = self.queue.lock();
        // The reference in the queue may be dropped meanwhile.
        self.more_pending(1, &queue);
        queue.aside(task);
    }

    /// It is over.
    fn end_aside(&self, task: Aside) {
        let mut queue = self.queue.lock();
        queue.not_aside_any_more(task);
        let left = queue.left_behind();
        let was_last = self.fewer_pending(1 + left, &queue);
        self.list(&mut queue);
        drop(queue);
        if was_last {
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        let waiters = std::mem::take(&mut *self.waiters.lock());
        waiters.iter().for_each(Parker::unpark);
    }

    /// The question at the door: `over`, or else `parker` was left before `over` was asked.
    fn ask_or_wake(&self, parker: &Parker, over: impl Fn() -> bool) -> bool {
        {
            let mut waiters = self.waiters.lock();
            waiters.retain(|waiter| !waiter.is_same(parker));
            waiters.push(parker.clone());
        }
        over()
    }

    fn is_over(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Works, helps, and waits until every task is over; frees what they left.
    fn end(self: &Arc<Self>, at: &'static Location<'static>) {
        self.wait_for_all(at);
        let over = std::mem::take(&mut self.queue.lock().over);
        drop(over);
    }

    fn wait_for_all(self: &Arc<Self>, at: &'static Location<'static>) {
        while !self.is_over() {
            self.work(Until::Done);
            member::help_until(self.as_ancestor(), || self.is_over());
            if self.is_over() {
                return;
            }
            self.block(at);
        }
    }

    /// Apart, as its frame is large, and would lie below every task that the end runs.
    #[cold]
    #[inline(never)]
    fn block(&self, at: &'static Location<'static>) {
        let site = Site {
            verb: Verb::End,
            object: Object::Label(self.label().clone()),
            at,
            on: On::Bond(Bond::Job(self.as_ancestor().address())),
        };
        let over = |parker: &_| self.ask_or_wake(parker, || self.is_over());
        let _over = wait::block_until(site, None, Heed::Nothing, over);
    }
}

/// What the body of a [`Pool::scope`](crate::Pool::scope) spawns through.
pub struct PoolScope<'scope, 'env> {
    core: Arc<Core>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Unwinding past a scope would free what its tasks borrow.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        let _closed = writeln!(
            stderr(),
            "reunite: a pool's scope was torn open by a panic; this is a bug in reunite"
        );
        std::process::abort();
    }
}

/// Makes what a scope's tasks share, and tells the node around the scope. Apart, as its frame would lie below every task that
/// the end runs.
#[inline(never)]
fn open(pool: &Arc<Shared>, at: &'static Location<'static>) -> (Arc<Core>, Arc<Node>) {
    let outer = current::current();
    let outer_node = Arc::clone(&outer.node);
    let node = Node::child(&outer.node, Label::new(Kind::Scope, None, at), None);
    let tasks = Arc::new(Context {
        who: Arc::clone(&outer.who),
        node: Node::of_tasks(&node),
    });
    let context = Arc::new(Context {
        who: outer.who,
        node: Arc::clone(&node),
    });
    let core = Arc::new(Core {
        lineage: Lineage::new(fork::innermost()),
        pool: Arc::clone(pool),
        owner: fork::seat(),
        context,
        tasks,
        failures: Failures::new(),
        queue: Mutex::default(),
        pending: AtomicUsize::new(0),
        waiters: Mutex::new(Vec::new()),
    });
    (core, outer_node)
}

/// Opens a scope in `pool`, runs `body` here, and ends the scope.
pub(super) fn run<'env, R, F>(pool: &Arc<Shared>, at: &'static Location<'static>, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope PoolScope<'scope, 'env>) -> R,
{
    let (core, outer_node) = open(pool, at);
    let node = &core.context.node;
    let scope = PoolScope {
        core: Arc::clone(&core),
        scope: PhantomData,
        env: PhantomData,
    };
    let guard = AbortOnUnwind;
    pool.roster.open(&core);
    tell(|| Event::Open {
        scope: node.label(),
        by: &core.context.who.label,
    });
    let entered = current::enter(Arc::clone(&core.context));
    let body = catch_body(|| body(&scope));
    let is_told = current::was_told();
    drop(entered);
    if is_told && outer_node.is_cancelled() {
        current::mark_told();
    }
    let (order, after_cancel) = (core.failures.order(), node.was_observed());
    if !matches!(body, Caught::Value(_)) {
        node.cancel(Cancelled::new(Why::BodyFailed, node.label().clone()));
    }
    core.end(at);
    pool.roster.close_scope(&core);
    tell(|| Event::End {
        scope: node.label(),
        by: &core.context.who.label,
    });
    std::mem::forget(guard);

    let body = Body {
        caught: body,
        is_told,
        order,
        after_cancel,
    };
    gather(&core, &outer_node, body)
}

/// What a scope's body came to.
struct Body<R> {
    caught: Caught<R>,
    /// Of a cancellation.
    is_told: bool,
    /// Its place among the failures.
    order: u64,
    /// Whether somebody had been told of a cancellation by then.
    after_cancel: bool,
}

/// What becomes of a body, now that the tasks are back. Apart, as its frame is large, and would lie below every task that the
/// end runs.
#[inline(never)]
fn gather<R>(core: &Core, outer_node: &Node, body: Body<R>) -> R {
    let Body {
        caught,
        is_told,
        order,
        after_cancel,
    } = body;
    let node = &core.context.node;
    let mut unclaimed = core.failures.take_unclaimed(node, outer_node);
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
            self.core.pool.published();
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
        let task = Task::new(core.as_ancestor(), at, Role::Task, f);
        let number = core.queue.lock().next_number();
        task.number_to_be().store(number, Ordering::Relaxed);
        let made = task.prepare(&core.tasks, name);
        if is_on() {
            let by = current::here();
            tell(|| Event::Spawn {
                task: made.label(),
                by: &by.who.label,
                scope: core.label(),
            });
        }
        let task = Arc::new(task);
        let queued = Arc::clone(&task) as Arc<dyn Run + 'scope>;
        // SAFETY: as in `enqueue`.
        self.core.push(unsafe { erase(queued) });
        PoolTask { task, core }
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
        let task = Arc::new(Task::new(core.as_ancestor(), at, role, f));
        let queued: Arc<dyn Run + 'scope> = Arc::clone(&task) as Arc<dyn Run + 'scope>;
        // SAFETY: the scope ends, and `'scope` with it, after `Core::end`: when every queued reference was
        // dropped and every closure has returned.
        let queued = unsafe { erase(queued) };
        let is_first = core.enqueue(queued, |queue| {
            task.number_to_be()
                .store(queue.next_number(), Ordering::Relaxed);
        });
        (PoolTask { task, core }, is_first)
    }

    pub(super) fn label(&self) -> &Label {
        self.core.label()
    }

    pub(super) fn context_of_tasks(&self) -> &Arc<Context> {
        &self.core.tasks
    }

    pub(super) fn pool(&self) -> &Arc<Shared> {
        &self.core.pool
    }

    /// How many threads work at a time in the scope's pool.
    pub(super) fn threads(&self) -> usize {
        self.core.pool.roster.size
    }

    /// Cancels the scope: what has not begun never will, and the tasks' checkpoints fail.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// A way to cancel the scope from anywhere else.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(Arc::clone(&self.core.context.node))
    }
}

/// The right to the result of a pool's task. May be dropped freely: the scope joins the task.
pub struct PoolTask<'scope, T> {
    task: Arc<dyn Join<T> + 'scope>,
    core: &'scope Arc<Core>,
}

impl<T> PoolTask<'_, T> {
    /// Takes the task's value; runs the task here if nobody has begun it, and otherwise helps with its
    /// parts, or waits.
    ///
    /// # Errors
    /// Its panic, or its cancellation; the caller's own cancellation; at once if the task is, or waits for,
    /// the caller.
    #[track_caller]
    pub fn join(mut self) -> Result<T, JoinError> {
        self.join_until(None, Location::caller())
    }

    /// [`join`](Self::join) for at most `timeout`. The task is not run here, as it could not be stopped.
    ///
    /// # Errors
    /// As [`join`](Self::join), or that the time ran out: the handle stays usable.
    #[track_caller]
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(Some(deadline::after(timeout)), Location::caller())
    }

    /// [`join`](Self::join) until `deadline`.
    ///
    /// # Errors
    /// As [`join_timeout`](Self::join_timeout).
    #[track_caller]
    pub fn join_deadline(&mut self, deadline: Instant) -> Result<T, JoinError> {
        self.join_until(Some(Some(deadline)), Location::caller())
    }

    /// The result, if the task has completed and was not joined before.
    #[track_caller]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        self.take(Location::caller())
    }

    /// Whether the task has completed, one way or another.
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    /// Asks the task to stop, and no other of its scope: as [`JoinHandle::cancel`](crate::JoinHandle::cancel). If nobody has
    /// begun it, nobody will.
    pub fn cancel(&self) {
        let why = Why::Requested("cancelled through its handle".to_owned());
        let own = self.context();
        own.node.cancel(Cancelled::new(why, own.who.label.clone()));
        self.core.tasks.node.mark_below();
    }

    /// Calls `f` when the task has completed and its result can be taken without waiting: on the thread that ran the task,
    /// or here and now if it has completed already. As [`JoinHandle::on_complete`](crate::JoinHandle::on_complete).
    ///
    /// A panic in `f` ends `f` alone.
    pub fn on_complete(&self, f: impl FnOnce() + Send + 'static) {
        self.task.on_complete(&self.core.tasks, Box::new(f));
    }

    /// Who this is a handle of: number, name, spawn site.
    pub fn label(&self) -> Label {
        self.context().who.label.clone()
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        TaskId::of_block(self.task.number())
    }

    /// The source line that spawned it.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.task.at()
    }

    fn context(&self) -> Arc<Context> {
        self.task.context(&self.core.tasks)
    }

    fn take(&self, at: &'static Location<'static>) -> Option<Result<T, JoinError>> {
        let result = self.task.take()?;
        if is_on() {
            let (by, task) = (current::here(), self.label());
            tell(|| Event::Join {
                task: &task,
                by: &by.who.label,
                at,
            });
        }
        Some(result.map_err(|slot| {
            let error = slot.lock().take();
            error.unwrap_or_else(|| self.error(JoinErrorKind::AlreadyJoined))
        }))
    }

    /// Of a task that has completed.
    fn take_done(&self, at: &'static Location<'static>) -> Result<T, JoinError> {
        let again = || Err(self.error(JoinErrorKind::AlreadyJoined));
        self.take(at).unwrap_or_else(again)
    }

    fn join_until(
        &mut self,
        deadline: Option<Option<Instant>>,
        at: &'static Location<'static>,
    ) -> Result<T, JoinError> {
        if let Some(result) = self.take(at) {
            return result;
        }
        if self.task.is_done() {
            return self.take_done(at);
        }
        if let Some(refusal) = self.refusal() {
            return Err(self.error(refusal));
        }
        if deadline.is_none() {
            // Deeper, it waits for a worker, whose stack is fresh, or who begins at the other end of a chain.
            if fork::nesting() < MAX_NESTED_JOINS {
                self.run_if_queued();
            }
            member::help_until(self.task.as_ancestor(), || self.task.is_done());
        }
        if self.task.is_done() {
            return self.take_done(at);
        }
        let site = Site {
            verb: Verb::Join,
            object: Object::Label(self.label()),
            at,
            on: On::Bond(Bond::Job(self.task.as_ancestor().address())),
        };
        let ready = |parker: &_| {
            self.core
                .ask_or_wake(parker, || self.task.is_done_or_awaited())
        };
        match wait::wait(site, deadline.flatten(), Heed::Task, ready) {
            Wait::Ready => self.take_done(at),
            Wait::TimedOut => {
                let who = &self.context().who;
                let (age, doing) = (who.age(), who.doing());
                Err(self.error(JoinErrorKind::TimedOut { age, doing }))
            }
            Wait::Cancelled(cancelled) => Err(self.error(JoinErrorKind::Interrupted(cancelled))),
            Wait::Refused(refusal) => Err(self.error(JoinErrorKind::Refused(refusal))),
        }
    }

    /// Runs the task here if nobody has begun it, and the pool has a place for this thread.
    pub(super) fn run_if_queued(&self) -> bool {
        let queued = self.task.is_queued();
        if queued {
            let Ok(_visit) = member::visit_if_free(&self.core.pool) else {
                return false;
            };
            let task: &dyn Run = &*self.task;
            // SAFETY: taken off the list below; to run it does not unwind.
            let aside = unsafe { Aside::new(task) };
            self.core.begin_aside(aside);
            let entered = current::enter_for_pieces(Arc::clone(&self.core.tasks));
            task.run(self.core, fork::seat().map(Seat::life));
            drop(entered);
            self.core.end_aside(aside);
        }
        queued
    }

    /// A join that could never end: the caller is the task, or is waited for by it.
    fn refusal(&self) -> Option<JoinErrorKind<Infallible>> {
        let task = self.task.as_ancestor();
        if !fork::is_inside(task) {
            return None;
        }
        let is_itself = self.id() == current::here().who.label.id();
        Some(if is_itself {
            JoinErrorKind::SelfJoin
        } else {
            JoinErrorKind::AncestorJoin
        })
    }

    fn error(&self, kind: JoinErrorKind<Infallible>) -> JoinError {
        JoinError::new(self.label(), kind)
    }
}

impl<T> Drop for PoolTask<'_, T> {
    fn drop(&mut self) {
        if self.task.leave() {
            // Its destructor is the user's, and may want what the caller holds.
            let left: Arc<dyn Run + '_> = Arc::clone(&self.task) as Arc<dyn Run + '_>;
            // SAFETY: as in `spawn`: the scope has not ended, as it outlives its handles.
            self.core.push(unsafe { erase(left) });
        }
    }
}

impl<T> std::fmt::Debug for PoolTask<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = &self.context().who;
        write!(f, "PoolTask({}, {})", who.label, who.doing())
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::Pool;

    fn kept(s: &PoolScope<'_, '_>) -> usize {
        let queue = s.core.queue.lock();
        queue.tasks.len() + queue.over.len()
    }

    /// The caller has the only place, so that no worker takes the references out of the queue.
    #[test]
    fn what_joiners_have_run_is_given_up() {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.scope(|s| {
            for n in 0..5_000 {
                assert_eq!(s.spawn(move || n).join().unwrap(), n);
            }
            assert!(kept(s) <= 2 * BATCH, "{} are kept", kept(s));
            // Behind one that is not joined, and with others between.
            let _first = s.spawn(|| 0);
            let mut last = s.spawn(|| 0);
            for n in 1..5_000 {
                let next = s.spawn(move || n);
                assert_eq!(last.join().unwrap(), n - 1);
                last = next;
            }
            assert!(kept(s) <= 2 * BATCH, "{} are kept", kept(s));
            last.join().unwrap();
        });
    }

    #[test]
    fn a_scope_whose_tasks_were_all_joined_has_nothing_to_begin() {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.scope(|s| {
            let mut tasks: Vec<_> = (0..10).map(|n| s.spawn(move || n)).collect();
            while !tasks.is_empty() {
                tasks.remove(tasks.len() / 2).join().unwrap();
            }
            assert!(s.core.next_task().is_none());
            assert!(!s.core.pool.roster.has_work());
        });
    }

    /// What a thread has taken and not begun is found by others, and no more than that; of a batch that is over nothing
    /// is kept.
    #[test]
    fn a_batch_leaves_to_others_what_its_thread_has_not_begun() {
        fn next(core: &Core) -> Option<u32> {
            core.next_task().map(|task| task.spawned_at().line())
        }

        let pool = Pool::builder().threads(1).build().unwrap();
        let seen = Mutex::new(Vec::new());
        pool.scope(|s| {
            let core = &s.core;
            let look = || {
                let left = (next(core), core.has_tasks(None));
                seen.lock().push(left);
            };
            let first = line!() + 1;
            drop(s.spawn(look));
            drop(s.spawn(look));
            drop(s.spawn(look));
            let batch = core.take(3, None).unwrap();
            assert_eq!(next(core), Some(first + 1));
            assert!(core.take(0, None).is_none(), "it has no place");
            batch.run(core, None);
            assert!(core.take(1, Some(batch)).is_none());
            let (second, third) = (Some(first + 1), Some(first + 2));
            let expected = [(second, true), (third, true), (None, false)];
            assert_eq!(*seen.lock(), expected);
            let queue = core.queue.lock();
            assert_eq!((queue.batches.len(), queue.over.len()), (0, 3));
        });
    }
}

//! The state that a pool's scope shares with its tasks, their joiners and the workers.
//!
//! # Protocol
//! A scope's tasks queue in the order in which they were spawned. Workers, and the scope's owner at its end, take
//! them from the front, in *batches*: several at a time if the tasks take little time.
//!
//! *Other threads can take tasks that have not begun at any time*, even out of the batch of another thread. A
//! batch is listed in the queue until it is over. Its thread only records how far it has come (`next`). A thread
//! that finds nothing queued copies references from the far end of a listed batch, under the queue's lock, and
//! shortens the batch (`end`). Each of the two threads may read an outdated number of the other. So both may try
//! to run a task; the task's own state decides which of them does (see `task`), and the other skips the task.
//! Therefore a batch whose thread blocks, whether the library sees that or not, keeps no task from other
//! threads. (A task may itself be a batch of a map's items: `items` explains how other threads take those.)
//!
//! *The count.* `pending` counts the references in the queue and in batches, copies included, and the tasks that
//! joiners run on their own stacks. The scope ends when `pending` is zero and the body has returned. A task that
//! spawns another does so before its own reference is given up, so zero is final. The thread that brings
//! `pending` to zero, or completes a task that is marked as awaited, unparks all threads that have stored their
//! parkers, under the same lock under which they stored them.
//!
//! *Joiners.* A joiner that runs a task leaves the task's reference in the queue. Such references are given up by
//! a joiner when they may be half of all, and by a thread that finds one at the front. While a joiner runs the
//! task, the task is also listed in the queue by a reference into the joiner's frame (`add_in_place`). That
//! reference is followed only under the lock, and removed before the frame ends.
//!
//! *Giving up.* When tasks are over, their references are given up and their memory is used again (`cells`). The
//! thread of a batch gives it up after it has removed the batch from the list and taken the next one; the batch
//! is counted in `pending` until then. The references of tasks that joiners have run, and of a thread's last
//! batch, go to `over`, where the next spawn, or the end of the scope, finds them.
//!
//! *Listing.* `is_listed` says that the scope is listed in `open_scopes` among the scopes with a task to begin. It
//! is raised with the first task, and lowered by a thread that finds, under the lock, that there is no task to
//! begin. Only a spawn that raises it wakes a thread: while it is raised, a thread has been woken for the scope,
//! and each thread that takes tasks from the scope wakes another (see `members`).

use std::panic::Location;

use super::cells::Memory;
use super::job::Ancestor;
use super::member;
use super::open_scopes::{self, InScope, OpenScope, OpenScopes, Since, SlotIndex, Slots, Until};
use super::parent::Parent;
use super::queue::{BATCH, FinishedBatch, FinishedTasks, ScopeQueue, TaskBatch, Weight};
use super::seat::Seat;
use super::shared::PoolShared;
use super::task_traits::{InPlaceTask, QueuedTask};
use super::this_thread;
use crate::current::LazyContext;
use crate::deadlock::{Resource, WaitObject, WaitSite, WaitsOn};
use crate::id::Label;
use crate::observe::Verb;
use crate::park::spin_loop;
use crate::primitive::{
    Arc, AtomicBool, AtomicUsize, Duration, Mark, Mutex, MutexGuard, Ordering, now,
};
use crate::task::ScopeSnapshot;
use crate::wait::{self, Heed};

/// Batches grow while a batch takes less than `SHORT`, and shrink when one takes more than `LONG`.
const SHORT: Duration = Duration::from_micros(4);
const LONG: Duration = Duration::from_micros(16);
/// The largest number of a scope's tasks that the live tree shows although they have not begun.
const SHOWN: usize = 100;
/// The number of pauses that take a few microseconds.
const PAUSES: u32 = 100;

/// The state that a scope shares with its tasks, their joiners and the workers.
pub(super) struct ScopeState {
    /// The part of the state that its tasks use.
    pub(super) parent: Parent,
    /// A pointer to the reference to the pool that the opener of the scope holds. Null when the scope has ended.
    pool: Mark<Arc<PoolShared>>,
    /// The seat of the thread that opened the scope.
    owner: Option<&'static Seat>,
    pub(super) queue: Mutex<ScopeQueue>,
    pending: AtomicUsize,
    /// The scope's slot among the open scopes of the pool, once it has one.
    slot: AtomicUsize,
    /// True from the first task on.
    has_had_tasks: AtomicBool,
    /// The amount of memory that the state keeps for tasks.
    weight: Weight,
    /// The last listing of a scope in the pool when this scope was opened.
    pub(super) since: Since,
}

impl ScopeState {
    /// Creates the state of a scope in `pool` that the calling thread opens.
    pub(super) fn new(pool: &Arc<PoolShared>, own: Arc<LazyContext>) -> Self {
        Self {
            parent: Parent::new(own),
            pool: Mark::new(std::ptr::from_ref(pool).cast_mut()),
            owner: this_thread::seat(),
            queue: Mutex::default(),
            pending: AtomicUsize::new(0),
            slot: AtomicUsize::new(0),
            has_had_tasks: AtomicBool::new(false),
            weight: Weight::Little,
            since: pool.members.backlog.scopes.since(),
        }
    }

    /// Resets the state, with the same `own`, to that of a [new](Self::new) scope.
    #[inline]
    pub(super) fn renew(&mut self, pool: &Arc<PoolShared>) {
        self.parent.renew();
        self.pool = Mark::new(std::ptr::from_ref(pool).cast_mut());
        self.owner = this_thread::seat();
        self.since = pool.members.backlog.scopes.since();
    }

    /// Clears the state of a scope that has ended and that no other thread uses any more. Returns how much memory
    /// the state keeps for tasks.
    #[inline]
    pub(super) fn forget(&mut self) -> Weight {
        if *self.has_had_tasks.get_mut() {
            self.forget_tasks();
        }
        self.weight
    }

    #[cold]
    #[inline(never)]
    fn forget_tasks(&mut self) {
        self.parent.forget_tasks();
        self.has_had_tasks = AtomicBool::new(false);
        self.weight = self.queue.lock().forget();
    }

    /// Returns the pool. Only for a scope that has not ended: the caller is its owner, has a handle or a task
    /// of it, or holds the lock of the queue while something is listed or left there.
    #[inline]
    pub(super) fn pool(&self) -> &Arc<PoolShared> {
        let pool = self.pool.load(Ordering::Relaxed);
        assert!(!pool.is_null(), "the scope has ended");
        // SAFETY: it points to a reference that `scope::run` holds until the scope has ended, and the scope has
        // not ended.
        unsafe { &*pool }
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn has_pool(&self) -> bool {
        !self.pool.load(Ordering::Relaxed).is_null()
    }

    fn scopes(&self) -> &OpenScopes {
        &self.pool().members.backlog.scopes
    }

    /// Adds the scope to the open scopes of the pool, before it has any task. Called by the thread that opens the
    /// scope. `listed` is the scope itself.
    pub(super) fn open(&self, listed: Arc<dyn OpenScope>) -> InScope {
        let slot = self.scopes().open(listed);
        self.slot.store(slot, Ordering::Relaxed);
        open_scopes::enter(self.since)
    }

    /// Removes the scope from the open scopes of the pool. Returns the reference that was given to `open`.
    pub(super) fn close(&self) -> Option<Arc<dyn OpenScope>> {
        let listed = self.scopes().close(self.slot());
        self.pool.store(std::ptr::null_mut(), Ordering::Relaxed);
        listed
    }

    fn slot(&self) -> SlotIndex {
        self.slot.load(Ordering::Relaxed)
    }

    /// Lists or unlists the scope so that `is_listed` is right, and returns it.
    fn list(&self, queue: &mut ScopeQueue) -> bool {
        let has_tasks = queue.has_tasks();
        if queue.is_listed && !has_tasks {
            self.scopes().unlist(self.slot());
        } else if has_tasks && !queue.is_listed {
            self.scopes().list(self.slot());
        }
        queue.is_listed = has_tasks;
        has_tasks
    }

    pub(super) fn push(&self, task: QueuedTask) {
        if self.enqueue(|_| task) {
            self.pool().published();
        }
    }

    /// Queues the task that `make` makes under the lock; `make` calls no user code. Returns true if the scope was
    /// not listed before: then the caller must tell the pool (`published`).
    #[inline]
    pub(super) fn enqueue(&self, make: impl FnOnce(&mut ScopeQueue) -> QueuedTask) -> bool {
        let mut queue = self.queue.lock();
        self.more_pending(1, &queue);
        let task = make(&mut queue);
        queue.tasks.push_back(task);
        let first = !queue.is_listed;
        if first {
            self.has_had_tasks.store(true, Ordering::Relaxed);
            queue.is_listed = true;
            self.scopes().list(self.slot());
        }
        let over = queue.take_over(BATCH);
        drop(queue);
        if let Some(over) = over {
            self.free(over);
        }
        first
    }

    /// Gives up references to tasks that are over.
    #[cold]
    fn free(&self, mut over: FinishedTasks) {
        // SAFETY: they were taken out of the queue, so no other thread can follow these references any more.
        unsafe { over.give_up() };
        self.queue.lock().keep_memory(over);
    }

    /// Takes back the memory of a task whose handle had the last reference.
    #[cold]
    pub(super) fn give_back(&self, memory: Memory) {
        self.queue.lock().cells.give_back(memory);
    }

    /// Adds `count` to `pending`, for which the end of the scope waits. The count changes under the queue's lock,
    /// which every spawn takes anyway.
    #[inline]
    fn more_pending(&self, count: usize, _: &MutexGuard<'_, ScopeQueue>) {
        let pending = self.pending.load(Ordering::Relaxed);
        self.pending.store(pending + count, Ordering::Relaxed);
    }

    /// Takes `count` from `pending`, because that many references were given up. Returns true if they were the last.
    fn fewer_pending(&self, count: usize, _: &MutexGuard<'_, ScopeQueue>) -> bool {
        let left = self.pending.load(Ordering::Relaxed) - count;
        self.pending.store(left, Ordering::Release);
        count > 0 && left == 0
    }

    /// Takes the next batch, of up to `count` tasks, after the batch `last` is over.
    pub(super) fn take(
        &self,
        count: usize,
        last: Option<Arc<TaskBatch>>,
        over: &mut FinishedBatch,
    ) -> Option<Arc<TaskBatch>> {
        let mut queue = self.queue.lock();
        let mut given_up = queue.take_back(over);
        if let Some(last) = &last {
            queue.unlist(last);
        }
        let (batch, more) = queue.take(count);
        // A thread that gets no further batch does not call this again, so its last batch is given up now.
        let (last, left) = last.map_or((None, None), |last| match batch {
            Some(_) => (Some(last), None),
            None => (None, Some(last)),
        });
        given_up += left.map_or(0, |last| queue.finish(last));
        let was_last = self.fewer_pending(given_up, &queue);
        self.more_pending(more, &queue);
        self.list(&mut queue);
        drop(queue);
        if was_last {
            self.parent.wake();
        }
        if let Some(last) = last {
            // SAFETY: the batch is not listed any more, so only this thread has it.
            unsafe { over.give_up(last) };
        }
        batch
    }

    /// Returns true if the calling thread opened the scope.
    fn is_mine(&self) -> bool {
        let both = this_thread::seat().zip(self.owner);
        both.is_some_and(|(here, owner)| std::ptr::eq(here, owner))
    }

    /// Lists a task that a joiner runs on its own stack.
    pub(super) fn begin_in_place(&self, task: InPlaceTask) {
        let mut queue = self.queue.lock();
        // The task is counted once more, because the reference in the queue may be dropped in the meantime.
        self.more_pending(1, &queue);
        queue.add_in_place(task);
    }

    /// Removes a task that a joiner has run on its own stack from the list.
    pub(super) fn end_in_place(&self, task: InPlaceTask) {
        let mut queue = self.queue.lock();
        queue.remove_in_place(task);
        let left = queue.drop_finished();
        let was_last = self.fewer_pending(1 + left, &queue);
        self.list(&mut queue);
        drop(queue);
        if was_last {
            self.parent.wake();
        }
    }

    fn is_over(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Runs tasks of the scope, helps, and waits, until every task is over. Then frees the memory of the tasks.
    pub(super) fn end(self: &Arc<Self>, at: &'static Location<'static>) {
        if !self.has_had_tasks.load(Ordering::Relaxed) {
            return;
        }
        self.wait_for_all(at);
        let over = self.queue.lock().take_over(1);
        if let Some(over) = over {
            self.free(over);
        }
    }

    fn wait_for_all(self: &Arc<Self>, at: &'static Location<'static>) {
        while !self.is_over() {
            Arc::clone(self).work(Until::Done);
            let scope = self.parent.as_ancestor();
            member::help_until(scope, Some(self.since), || self.is_over());
            if self.is_over() {
                return;
            }
            self.block(at);
        }
    }

    /// Blocks until every task is over. Not inlined, because its frame is large and would lie below every task that
    /// the end of the scope runs.
    #[cold]
    #[inline(never)]
    fn block(&self, at: &'static Location<'static>) {
        let site = WaitSite {
            verb: Verb::End,
            object: WaitObject::Label(self.parent.label().clone()),
            at,
            on: WaitsOn::Resource(Resource::Job(self.parent.as_ancestor().address())),
        };
        let over = |parker: &_| self.parent.ask_or_wake(parker, || self.is_over());
        let _over = wait::block_until(site, None, Heed::Nothing, over);
    }
}

impl OpenScope for ScopeState {
    fn label(&self) -> &Label {
        self.parent.label()
    }

    fn snapshot(&self) -> ScopeSnapshot {
        let (mut tasks, mut queued) = (Vec::new(), Vec::new());
        let more_queued = {
            let queue = self.queue.lock();
            queue.each_running(|task| tasks.extend(task.shown(self.parent.tasks())));
            queue.each_queued(SHOWN, |task| queued.extend(task.shown(self.parent.tasks())))
        };
        tasks.extend(queued);
        // The task that a batch records as current may have been taken by another thread.
        tasks.sort_by_key(|record| record.label.id());
        tasks.dedup_by_key(|record| record.label.id());
        ScopeSnapshot {
            scope: self.parent.label().clone(),
            owner: Some(self.parent.context().record.clone()),
            cause: self.parent.context().node.cause(),
            tasks,
            more_queued,
        }
    }

    fn running(&self, number: u64) -> Option<Label> {
        let mut found = None;
        self.queue.lock().each_running(|task| {
            if task.number() == number {
                found = task.shown(self.parent.tasks());
            }
        });
        found.map(|record| record.label.clone())
    }

    fn has_tasks(&self) -> bool {
        let mut queue = self.queue.lock();
        let left_behind = queue.drop_begun();
        let was_last = self.fewer_pending(left_behind, &queue);
        let found = self.list(&mut queue);
        drop(queue);
        if was_last {
            self.parent.wake();
        }
        found
    }

    fn descends(&self, target: Ancestor, _: &Slots) -> bool {
        // SAFETY: rule 2 of `open_scopes`: the scope is listed, so neither it nor anything around it has
        // ended.
        unsafe { self.parent.as_ancestor().descends(target) }
    }

    fn next_task(&self) -> Option<Label> {
        if !self.has_tasks() {
            return None;
        }
        let record = self.queue.lock().next_task()?.context(self.parent.tasks());
        Some(record.record.label.clone())
    }

    fn is_of(&self, seat: &'static Seat) -> bool {
        self.owner.is_some_and(|owner| std::ptr::eq(owner, seat))
    }

    /// Runs the scope's tasks on the calling thread. Must not be inlined: its frame would lie below the tasks that
    /// the end of a scope runs.
    #[inline(never)]
    fn work(self: Arc<Self>, until: Until) {
        let mine = self.is_mine();
        let member_state = this_thread::seat().map(Seat::member_state);
        let mut last = None;
        let mut over = FinishedBatch::default();
        let mut count = 1;
        while let Some(batch) = self.take(count, last.take(), &mut over) {
            let start = now();
            let entered = self.parent.enter();
            if let Some(member_state) = member_state {
                member_state.begin();
            }
            batch.run(&self.parent, member_state);
            if let Some(member_state) = member_state {
                self.pool().members.take_again(member_state);
            }
            this_thread::forget_captured();
            drop(entered);
            last = Some(batch);
            if matches!(until, Until::Crowded) && self.pool().members.is_crowded() {
                count = 0;
                continue;
            }
            let spent = now().duration_since(start);
            if spent < SHORT {
                count = (count * 2).min(BATCH);
                if !mine {
                    // The thread that spawns such short tasks needs the lock more, and will soon have queued a batch.
                    (0..PAUSES).for_each(|_| spin_loop());
                }
            } else if spent > LONG {
                count = (count / 2).max(1);
            }
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::observe::Quiet;
    use crate::pool::piece::CoarseSpawnTime;
    use crate::pool::scope::PoolScope;
    use crate::pool::task_traits::TaskRole;
    use crate::pool::{Pool, PoolTask};
    use crate::primitive::yield_now;

    fn kept(s: &PoolScope<'_, '_>) -> usize {
        let queue = s.state.queue.lock();
        queue.tasks.len() + queue.count_over()
    }

    /// The test's thread has the only place, so that no worker takes the references out of the queue.
    #[test]
    fn references_to_tasks_that_joiners_have_run_are_given_up() {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.scope(|s| {
            for n in 0..5_000 {
                assert_eq!(s.spawn(move || n).join().unwrap(), n);
            }
            assert!(kept(s) <= 2 * BATCH, "{} are kept", kept(s));
            // The tasks are behind one that is not joined, and there are others between them.
            let _first = s.spawn(|| 0);
            let mut last = s.spawn(|| 0);
            for n in 1..5_000 {
                let next = s.spawn(move || n);
                assert_eq!(last.join().unwrap(), n - 1);
                last = next;
            }
            assert!(kept(s) <= 2 * BATCH, "{} are kept", kept(s));
            last.join().unwrap();
            let cells = s.state.queue.lock().cells.count();
            assert!(cells <= 8 * BATCH, "there are {cells} cells");
        });
    }

    /// A scope may have any number of tasks in all, because it keeps no memory for the tasks that are over.
    #[test]
    fn the_memory_of_finished_tasks_is_used_for_the_next() {
        let pool = Pool::builder().threads(1).build().unwrap();
        // The caller has the only place, so that no worker takes tasks.
        pool.enter(|| {
            pool.scope(|s| {
                let round = || {
                    (0..1_000).for_each(|n| drop(s.spawn(move || n)));
                    Arc::clone(s.state).work(Until::Done);
                    s.state.queue.lock().cells.count()
                };
                let first = round();
                assert!((0..100).all(|_| round() <= 2 * first));
            });
        });
    }

    /// The tests of `queue` have no joiners.
    #[test]
    fn the_clock_is_read_again_when_a_joiner_has_run_a_task() {
        let pool = Pool::builder().threads(1).build().unwrap();
        // The caller has the only place, so that no worker takes tasks.
        pool.enter(|| {
            pool.scope(|s| {
                let is_read = || {
                    let mut is_read = false;
                    s.state.queue.lock().now(Some(0), || {
                        is_read = true;
                        CoarseSpawnTime::default()
                    });
                    is_read
                };
                let task = s.spawn(|| 1);
                let _by_the_spawn = is_read();
                assert!(!is_read());
                task.join().unwrap();
                assert!(is_read());
                assert!(!is_read());
            })
        });
    }

    /// Spawns learn from the watch's looks that time passes.
    #[test]
    fn a_pool_whose_threads_are_all_busy_is_watched_while_tasks_are_queued() {
        let pool = Pool::builder()
            .threads(1)
            .spare_after(Duration::from_millis(1))
            .build()
            .unwrap();
        let limit = now() + Duration::from_secs(60);
        pool.scope(|s| {
            let looks = || s.state.pool().watch.looks();
            let before = looks();
            drop(s.spawn(move || {
                while looks() == before {
                    assert!(now() < limit, "the watch does not look");
                    yield_now();
                }
            }));
            drop(s.spawn(|| ()));
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
            assert!(s.state.next_task().is_none());
            assert!(!s.state.pool().members.backlog.has_work());
        });
    }

    /// A cancelled scope may have many tasks, so their contexts are made only on demand.
    #[test]
    fn nothing_is_made_for_tasks_that_are_cancelled_with_their_scope() {
        // Not watched, as the watch asks which tasks wait.
        let pool = Pool::builder()
            .threads(1)
            .spare_after(None)
            .build()
            .unwrap();
        // The only worker is busy.
        let (busy, end) = {
            let (begin, begun) = std::sync::mpsc::channel();
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let busy = pool.spawn(move || {
                begin.send(()).unwrap();
                ended.recv().unwrap_err();
            });
            begun.recv().unwrap();
            (busy, end)
        };
        pool.enter(|| {
            pool.scope(|s| {
                let state = &s.state;
                // Bypasses hooks of other tests, with which a spawn would ask for the task's context.
                let spawn = |n| {
                    let f = move || n;
                    s.enqueue(Location::caller(), TaskRole::Task, f).0
                };
                let mut tasks: Vec<_> = (0..1_000).map(spawn).collect();
                let held = Box::new(0);
                let holds = move || *held;
                let (holds, _) = s.enqueue(Location::caller(), TaskRole::Task, holds);
                // Everything that is made for a task has a reference to the node above the task's own.
                let made = || Arc::strong_count(state.parent.tasks().node.whole());
                let before = made();
                s.cancel("a test's own");
                Arc::clone(state).work(Until::Done);
                assert!(holds.is_finished() && tasks.iter().all(|task| task.is_finished()));
                assert_eq!(made(), before);
                let joined = tasks[500].try_join().unwrap();
                assert!(joined.unwrap_err().is_cancelled());
                assert_eq!(made(), before + 1);
            })
        });
        drop(end);
        busy.join().unwrap();
    }

    /// The tasks are dropped in three ways: together with others, one by one for their destructors, or by joiners.
    #[test]
    fn a_scope_is_left_for_a_cancellation_from_above_unless_all_its_tasks_were_joined() {
        let pool = Pool::builder().threads(1).build().unwrap();
        let ends = |joined: usize| {
            let inner = |outer: &PoolScope<'_, '_>| {
                pool.scope(|s| {
                    let at = Location::caller();
                    let spawn = |n: usize| {
                        let held = Box::new(n);
                        if n.is_multiple_of(10) {
                            s.enqueue(at, TaskRole::Task, move || *held).0
                        } else {
                            s.enqueue(at, TaskRole::Task, move || n).0
                        }
                    };
                    let tasks: Vec<_> = (0..99).map(spawn).collect();
                    outer.cancel("a test's own");
                    Arc::clone(s.state).work(Until::Done);
                    for mut task in tasks.into_iter().take(joined) {
                        let joined = task.try_join().unwrap();
                        assert!(joined.unwrap_err().is_cancelled());
                    }
                });
            };
            // The caller has the only place, so that no worker takes tasks.
            pool.enter(|| {
                pool.scope(|outer| catch_unwind(AssertUnwindSafe(|| inner(outer))).is_ok())
            })
        };
        assert!(ends(99));
        assert!(!ends(98) && !ends(0));
    }

    /// The tasks are dropped before the batch with which they are counted is over.
    #[test]
    fn the_joiner_of_a_task_that_was_dropped_with_others_learns_why() {
        struct Joins<'a>(PoolTask<'a, u32>, &'a Mutex<Option<bool>>);

        impl Drop for Joins<'_> {
            fn drop(&mut self) {
                let joined = self.0.try_join().unwrap();
                *self.1.lock() = Some(joined.unwrap_err().is_cancelled());
            }
        }

        let pool = Pool::builder().threads(1).build().unwrap();
        let told = Mutex::new(None);
        // The caller has the only place, so that no worker takes tasks.
        pool.enter(|| {
            pool.scope(|s| {
                let at = Location::caller();
                let (first, _) = s.enqueue(at, TaskRole::Task, || 1);
                let joins = Joins(first, &told);
                drop(s.enqueue(at, TaskRole::Task, move || drop(joins)));
                s.cancel("a test's own");
                let mut over = FinishedBatch::default();
                let batch = s.state.take(2, None, &mut over).unwrap();
                batch.run(&s.state.parent, None);
                assert!(s.state.take(1, Some(batch), &mut over).is_none());
            });
        });
        assert_eq!(*told.lock(), Some(true));
    }

    #[test]
    fn no_context_is_made_for_a_scope_that_is_not_asked_for_one() {
        // Not watched, as the watch asks which tasks wait.
        let pool = Pool::builder()
            .threads(1)
            .spare_after(None)
            .build()
            .unwrap();
        pool.enter(|| {
            pool.scope(|s| {
                let is_made = || s.state.parent.own.known().is_some();
                let spawn = |n| {
                    let f = move || crate::checkpoint().map(|()| n);
                    s.enqueue(Location::caller(), TaskRole::Task, f).0
                };
                assert_eq!(spawn(1).join().unwrap().unwrap(), 1);
                drop(spawn(2));
                Arc::clone(s.state).work(Until::Done);
                pool.scope(|_| crate::checkpoint().unwrap());
                assert!(!is_made());
                s.canceller();
                assert!(is_made());
            });
        });
    }

    #[test]
    fn a_scope_in_the_memory_of_another_belongs_to_its_opener() {
        let pools = [(); 2].map(|()| Pool::builder().threads(1).build().unwrap());
        let is_quiet = || {
            let check = |pool: &Pool| {
                pool.scope(|s| {
                    assert!(s.state.is_mine());
                    s.state.parent.is_quiet
                })
            };
            pools.each_ref().map(|pool| pool.enter(|| check(pool)))
        };
        assert_eq!(is_quiet(), [false, false]);
        let quiet = Quiet::keep();
        assert_eq!(is_quiet(), [true, true]);
        drop(quiet);
        assert_eq!(is_quiet(), [false, false]);
    }

    #[test]
    fn a_scope_without_tasks_makes_no_node_for_them() {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.scope(|s| {
            let users = || Arc::strong_count(s.state.parent.context().node.whole());
            let before = users();
            s.cancel("a test's own");
            assert_eq!(users(), before);
            let error = crate::shield(|| s.spawn(|| ()).join()).unwrap_err();
            assert_eq!(error.as_cancelled().unwrap().reason(), "a test's own");
            assert_eq!(users(), before + 1);
        });
    }

    /// Other threads find exactly the tasks that a thread has taken and not begun. A batch that is over keeps no
    /// task.
    #[test]
    fn a_batch_leaves_to_other_threads_the_tasks_that_have_not_begun() {
        fn next(state: &ScopeState) -> Option<u32> {
            state.next_task().map(|task| task.spawned_at().line())
        }

        let pool = Pool::builder().threads(1).build().unwrap();
        let seen = Mutex::new(Vec::new());
        pool.scope(|s| {
            let state = &s.state;
            let look = || {
                let left = (next(state), state.has_tasks());
                seen.lock().push(left);
            };
            let first = line!() + 1;
            drop(s.spawn(look));
            drop(s.spawn(look));
            drop(s.spawn(look));
            let mut over = FinishedBatch::default();
            let batch = state.take(3, None, &mut over).unwrap();
            assert_eq!(next(state), Some(first + 1));
            assert!(state.take(0, None, &mut over).is_none(), "it has no place");
            batch.run(&state.parent, None);
            assert!(state.take(1, Some(batch), &mut over).is_none());
            let (second, third) = (Some(first + 1), Some(first + 2));
            let expected = [(second, true), (third, true), (None, false)];
            assert_eq!(*seen.lock(), expected);
            let queue = state.queue.lock();
            assert_eq!((queue.batches.len(), queue.count_over()), (0, 3));
        });
    }
}

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
use super::member;
use super::open_scopes::{self, InScope, OpenScope, OpenScopes, Since, SlotIndex, Until};
use super::parent::Parent;
use super::queue::{FinishedTasks, ScopeQueue, Weight};
use super::seat::Seat;
use super::shared::PoolShared;
use super::task_batch::{BATCH, FinishedBatch, TaskBatch};
use super::task_traits::{InPlaceTask, QueuedTask};
use super::this_thread;
use crate::current::LazyContext;
use crate::deadlock::{Resource, WaitObject, WaitSite, WaitsOn};
use crate::observe::Verb;
use crate::primitive::{Arc, AtomicBool, AtomicUsize, Mark, Mutex, MutexGuard, Ordering};
use crate::wait::{self, Heed};

/// The state that a scope shares with its tasks, their joiners and the workers.
pub(super) struct ScopeState {
    /// The part of the state that its tasks use.
    pub(super) parent: Parent,
    /// A pointer to the reference to the pool that the opener of the scope holds. Null when the scope has ended.
    pool: Mark<Arc<PoolShared>>,
    /// The seat of the thread that opened the scope.
    pub(super) owner: Option<&'static Seat>,
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
    pub(super) fn list(&self, queue: &mut ScopeQueue) -> bool {
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
    pub(super) fn fewer_pending(&self, count: usize, _: &MutexGuard<'_, ScopeQueue>) -> bool {
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
    pub(super) fn is_mine(&self) -> bool {
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

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::observe::Quiet;
    use crate::pool::piece::CoarseSpawnTime;
    use crate::pool::scope::PoolScope;
    use crate::pool::task_traits::TaskRole;
    use crate::pool::{Pool, PoolTask};

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

    /// The tests of `queue` have no joiners.
    #[test]
    fn the_clock_is_read_again_when_a_joiner_has_run_a_task() {
        let pool = Pool::builder().threads(1).build().unwrap();
        // The caller has the only place, so that no worker takes tasks.
        pool.enter(|| {
            pool.scope(|s| {
                let is_read = || {
                    let mut is_read = false;
                    s.state.queue.lock().clock.now(Some(0), || {
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
}

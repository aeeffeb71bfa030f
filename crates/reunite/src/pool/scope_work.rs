//! An open scope as the threads of its pool see it: what it shows of its tasks, and how a thread runs them.
//! `scope_state` explains the protocol.

use super::lineage::Ancestor;
use super::open_scopes::{OpenScope, Slots, Until};
use super::scope_state::ScopeState;
use super::seat::Seat;
use super::task_batch::{BATCH, FinishedBatch};
use super::this_thread;
use crate::id::Label;
use crate::park::spin_loop;
use crate::primitive::{Arc, Duration, now};
use crate::task::ScopeSnapshot;

/// Batches grow while a batch takes less than `SHORT`, and shrink when one takes more than `LONG`.
const SHORT: Duration = Duration::from_micros(4);
const LONG: Duration = Duration::from_micros(16);
/// The largest number of a scope's tasks that the live tree shows although they have not begun.
const SHOWN: usize = 100;
/// The number of pauses that take a few microseconds.
const PAUSES: u32 = 100;

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
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};

    use super::*;
    use crate::pool::Pool;
    use crate::pool::scope::PoolScope;
    use crate::pool::task_traits::TaskRole;
    use crate::primitive::{Mutex, yield_now};

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

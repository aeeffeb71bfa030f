//! The group of the tasks that `Pool::spawn` and `Pool::install` start.

use super::member;
use super::shared::PoolShared;
use crate::cancel::CancelNode;
use crate::id::{Label, LabelKind};
use crate::primitive::{Arc, Weak};
use crate::task::{Group, Rules, Starter, Task, TaskQueue};

impl PoolShared {
    /// Returns the group of the tasks that `Pool::spawn` and `Pool::install` start.
    pub(super) fn group(self: &Arc<Self>) -> &Arc<Group> {
        self.group.get().unwrap_or_else(|| self.make_group())
    }

    #[cold]
    fn make_group(self: &Arc<Self>) -> &Arc<Group> {
        let label = Label::new(LabelKind::Scope, Some(self.name.clone()), self.built_at);
        let rules = Rules {
            policy: None,
            max_threads: None,
        };
        let starter = Starter::Pool(Box::new(PoolQueue(Arc::downgrade(self))));
        let made = Group::new(CancelNode::root(label, None), None, rules, starter);
        // `get_or_init` would hold its own lock while making the group takes others.
        let _too_late = self.group.set(made);
        let Some(group) = self.group.get() else {
            unreachable!("it was set, here or by another")
        };
        group
    }
}

impl PoolShared {
    /// Queues a task outside scopes for a worker.
    pub(super) fn enqueue(self: &Arc<Self>, task: Arc<dyn Task>) {
        self.members.backlog.enqueue(task);
        self.published();
    }
}

/// The reference of a group to its pool.
struct PoolQueue(Weak<PoolShared>);

impl TaskQueue for PoolQueue {
    fn enqueue(&self, task: &Arc<dyn Task>) {
        match self.0.upgrade() {
            Some(pool) => pool.enqueue(Arc::clone(task)),
            // The spawner has the pool, so this does not happen; if that changes, the task is not lost.
            None => task.run(),
        }
    }

    fn run_here(&self, task: &Arc<dyn Task>) {
        match self.0.upgrade() {
            Some(pool) => {
                if let Ok(visit) = member::visit_if_free(&pool) {
                    member::run_aside(&pool, task, visit.is_some());
                }
            }
            None => task.run(),
        }
    }

    fn tasks(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        let pool = self.0.upgrade();
        pool.map_or_else(Default::default, |pool| {
            pool.members.backlog.tasks(most_queued)
        })
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::pool::Pool;
    use crate::primitive::yield_now;
    use crate::task::JoinHandle;

    fn pool() -> Pool {
        // This pool is not watched, because the watch asks for the labels of queued tasks.
        let pool = Pool::builder().threads(1).spare_after(None);
        pool.build().unwrap()
    }

    /// Keeps the pool's only thread busy until the sender is dropped.
    fn occupy(pool: &Pool) -> (JoinHandle<()>, mpsc::Sender<()>) {
        let (begun, has_begun) = mpsc::channel();
        let (end, is_to_end) = mpsc::channel();
        let task = pool.spawn(move || {
            begun.send(()).unwrap();
            is_to_end.recv().unwrap_err();
        });
        has_begun.recv().unwrap();
        (task, end)
    }

    /// Checks this for every thread that may run the task, and for every end of its handle. Left out with the
    /// feature, as observers of other tests, and spans, ask for identities.
    #[cfg(not(feature = "tracing"))]
    #[test]
    fn no_identity_is_made_for_a_task_that_is_not_asked_for_one() {
        let pool = pool();
        let spawn = || {
            let handle = pool.spawn(|| crate::checkpoint().unwrap());
            (Arc::clone(handle.task()), handle)
        };
        let run_by_a_worker = || {
            let (task, mut handle) = spawn();
            while !handle.is_finished() {
                yield_now();
            }
            handle.try_join().unwrap().unwrap();
            task
        };
        let run_by_its_joiner = || {
            pool.enter(|| {
                let (task, handle) = spawn();
                handle.join().unwrap();
                task
            })
        };
        let detached = || {
            let (task, handle) = spawn();
            handle.detach();
            while !task.is_over() {
                yield_now();
            }
            task
        };
        let ways: [&dyn Fn() -> Arc<dyn Task>; 3] =
            [&run_by_a_worker, &run_by_its_joiner, &detached];
        for (at, run) in ways.iter().enumerate() {
            let mut tries = (0..1_000).map(|_| run());
            assert!(tries.any(|task| task.known().is_none()), "{at}");
        }
    }

    #[test]
    fn a_running_task_without_an_identity_is_told_that_it_is_cancelled() {
        let pool = pool();
        let (begun, has_begun) = mpsc::channel();
        let task = pool.spawn(move || {
            begun.send(()).unwrap();
            while crate::checkpoint().is_ok() {
                yield_now();
            }
            crate::checkpoint().unwrap_err()
        });
        has_begun.recv().unwrap();
        task.cancel();
        let told = task.join().unwrap();
        assert_eq!(told.reason(), "cancelled through its handle");
    }

    /// Wherever they are in the queue.
    #[test]
    fn tasks_that_joiners_have_run_behind_one_that_has_not_begun_are_not_kept() {
        let pool = pool();
        let (busy, end) = occupy(&pool);
        let front = pool.spawn(|| ());
        let joined: Vec<_> = (0..1_000)
            .map(|n| {
                let task = pool.spawn(move || n);
                let known = Arc::downgrade(task.task());
                assert_eq!(pool.enter(|| task.join()).unwrap(), n);
                known
            })
            .collect();
        let kept = joined.iter().filter(|task| task.upgrade().is_some());
        let (kept, is_begun) = (kept.count(), front.is_finished());
        drop(end);
        busy.join().unwrap();
        front.join().unwrap();
        assert!(kept < 100 && !is_begun, "{kept}");
    }

    #[test]
    fn a_finished_task_does_not_keep_its_spawner() {
        let pool = Arc::new(pool());
        let ours = Arc::clone(&pool);
        let parent = pool.spawn(move || ours.spawn(|| ()));
        let known = Arc::downgrade(parent.task());
        let mut child = parent.join().unwrap();
        while !child.is_finished() {
            yield_now();
        }
        assert!(child.try_join().unwrap().is_ok());
        // The worker may still refer to it.
        while known.upgrade().is_some() {
            yield_now();
        }
        assert!(child.task().is_over());
    }

    /// Even if no worker takes from the queue.
    #[test]
    fn tasks_that_joiners_have_run_are_not_kept() {
        let pool = pool();
        let (busy, end) = occupy(&pool);
        let mut last = pool.spawn(|| 0);
        let first = Arc::downgrade(last.task());
        for n in 1..1_000 {
            let next = pool.spawn(move || n);
            assert_eq!(last.join().unwrap(), n - 1);
            last = next;
        }
        last.join().unwrap();
        assert!(first.upgrade().is_none());
        assert!(!pool.shared.members.backlog.has_work());
        drop(end);
        busy.join().unwrap();
    }

    #[test]
    fn a_task_is_listed_from_its_spawn_to_its_end_wherever_it_is() {
        let pool = pool();
        let (busy, end) = occupy(&pool);
        let shared = &pool.shared;
        let listed = |most| {
            let (tasks, more) = shared.members.backlog.tasks(most);
            let mut ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.remove(0), busy.id());
            (ids, more)
        };
        let here = Arc::clone(shared);
        let look = move || here.members.backlog.tasks(usize::MAX).0.len() - 1;
        let mut tasks: Vec<_> = (0..3).map(|_| pool.spawn(look.clone())).collect();
        let ids: Vec<_> = tasks.iter().map(JoinHandle::id).collect();
        assert_eq!(listed(usize::MAX), (ids.clone(), 0));
        assert_eq!(listed(2), (ids[..2].to_vec(), 1));
        // While it runs in its joiner's place, the task is one of them.
        assert_eq!(tasks.remove(1).join().unwrap(), 3);
        assert_eq!(listed(usize::MAX), (vec![ids[0], ids[2]], 0));
        // The same for a joiner that has no seat.
        let last = tasks.remove(1);
        let task = last.task();
        shared
            .members
            .backlog
            .run_in_place(task, None, || task.run());
        assert_eq!(last.join().unwrap(), 2);
        assert_eq!(listed(usize::MAX), (vec![ids[0]], 0));
        assert_eq!(tasks.remove(0).join().unwrap(), 1);
        assert_eq!(listed(usize::MAX), (Vec::new(), 0));
        drop(end);
        busy.join().unwrap();
    }
}

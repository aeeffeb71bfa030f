//! The group of the tasks that `Pool::spawn` and `Pool::install` start.

use super::member;
use super::shared::Shared;
use crate::cancel::Node;
use crate::id::{Kind, Label};
use crate::primitive::{Arc, Weak};
use crate::task::{Group, Queue, Rules, Starter, Task};

impl Shared {
    /// The group of the tasks that [`Pool::spawn`] and [`Pool::install`] start.
    pub(super) fn group(self: &Arc<Self>) -> &Arc<Group> {
        self.group.get().unwrap_or_else(|| self.make_group())
    }

    #[cold]
    fn make_group(self: &Arc<Self>) -> &Arc<Group> {
        let label = Label::new(Kind::Scope, Some(self.name.clone()), self.built_at);
        let rules = Rules {
            policy: None,
            max_threads: None,
        };
        let starter = Starter::Pool(Box::new(QueueOf(Arc::downgrade(self))));
        let made = Group::new(Node::root(label, None), None, rules, starter);
        // Not by `get_or_init`: making it takes locks.
        let _too_late = self.group.set(made);
        let Some(group) = self.group.get() else {
            unreachable!("it was set, here or by another")
        };
        group
    }
}

impl Shared {
    /// Leaves a task of no scope to a worker.
    pub(super) fn enqueue(self: &Arc<Self>, task: Arc<dyn Task>) {
        self.roster.backlog.enqueue(task);
        self.published();
    }
}

/// What a group knows of its pool.
struct QueueOf(Weak<Shared>);

impl Queue for QueueOf {
    fn enqueue(&self, task: &Arc<dyn Task>) {
        match self.0.upgrade() {
            Some(pool) => pool.enqueue(Arc::clone(task)),
            // Whoever spawns has the pool; should that change, the task is not lost.
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
            pool.roster.backlog.tasks(most_queued)
        })
    }
}

//! Groups and their tasks: the data, and the interfaces between them. A group counts a scope's tasks, queues those over
//! its limit (`admission`), asks its policy (`ask_policy`), and notices when the last task has left.
//!
//! *Pools.* A pool's tasks are neither counted nor listed here: no thread waits for all of them, they have no
//! limit, and the pool knows where each that has not completed lies ([`TaskQueue::tasks`]).
//!
//! *Memory.* A task is one allocation: its entry here, its identity, its closure, and then its result (see
//! `prepare`). In some cases the identity is an allocation of its own (see `identity`). `members` keeps a
//! reference to each task from its admission until it leaves. A cancellation of the group reaches the nodes
//! of the tasks through `members`, because they are not linked to the group's node (see `cancel`).

use std::collections::VecDeque;
use std::io;
use std::ops::Deref;

use super::identity::{HasIdentity, TaskState};
use super::job::{Conclusion, JobFate};
use super::live;
use super::policy::Policy;
use crate::cancel::CancelNode;
use crate::contain::contain;
use crate::current::{SpawnTime, TaskContext, TaskRecord};
use crate::deadlock::TaskSet;
#[cfg(not(reunite_model))]
use crate::id::Label;
use crate::id::{ByNumber, TaskId};
use crate::park::Parker;
use crate::part::{Part, Whole};
use crate::primitive::{Arc, Mutex};
use crate::wait_queue::WaitQueue;

/// The means by which a group's tasks are run.
pub(crate) enum Starter {
    /// A thread for each task that has a place; it then runs the tasks that queue for the place. If the system refuses
    /// the thread, the task has not begun.
    Threads(Threads),
    /// A pool, which queues the task.
    Pool(Box<dyn TaskQueue>),
}

/// The functions that start threads.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    /// Starts a thread for a task, and for the tasks that queue for its place.
    pub(crate) start: fn(&Arc<dyn Task>) -> io::Result<()>,
    /// Starts a thread for the closure of a task that asks for a fresh one.
    #[cfg(not(reunite_model))]
    pub(crate) run_on_fresh_thread: RunOnFreshThread,
}

/// A function that runs a closure on a fresh thread with the name of the task and this stack size, and returns when
/// that thread has ended.
///
/// # Errors
/// The system refused the thread; the closure was dropped.
#[cfg(not(reunite_model))]
pub(crate) type RunOnFreshThread =
    fn(&Label, Option<usize>, Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// The interface of a pool for its groups.
pub(crate) trait TaskQueue: Send + Sync {
    /// Queues the task for a worker.
    fn enqueue(&self, task: &Arc<dyn Task>);

    /// Runs the task on the calling thread, as work of the pool.
    fn run_here(&self, task: &Arc<dyn Task>);

    /// Returns the tasks that have not completed, with at most `most_queued` tasks that have not begun. Also
    /// returns an upper bound on the number of tasks left out; joiners may have run some of those.
    fn tasks(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize);
}

impl Starter {
    pub(super) fn start(&self, task: &Arc<dyn Task>) -> io::Result<()> {
        match self {
            Self::Threads(threads) => (threads.start)(task),
            Self::Pool(queue) => {
                queue.enqueue(task);
                Ok(())
            }
        }
    }
}

pub(crate) struct Group {
    pub(super) node: Part<CancelNode>,
    /// The task that waits for the tasks of this group, and is the parent of all of them. `None` if each task
    /// has a parent of its own.
    owner: Option<Part<TaskRecord>>,
    pub(super) rules: Rules,
    starter: Starter,
    pub(super) state: Mutex<GroupState>,
}

/// The choices of a scope's builder that concern its group.
pub(crate) struct Rules {
    /// `None` to [wait for all](super::WaitAll).
    pub(crate) policy: Option<Box<dyn Policy>>,
    pub(crate) max_threads: Option<usize>,
}

#[derive(Default)]
pub(super) struct GroupState {
    pub(super) pending: usize,
    pub(super) running: usize,
    pub(super) between: usize,
    pub(super) queue: VecDeque<Arc<dyn Task>>,
    pub(super) members: ByNumber<TaskId, Arc<dyn Task>>,
    pub(super) waiters: Vec<Parker>,
    /// The nodes to cancel when every task is idle; see `idle`.
    pub(super) idle: WaitQueue<Part<CancelNode>>,
    /// The parkers of threads that wait for only some of the members. They check again whenever a member
    /// leaves.
    pub(super) partial_waiters: Vec<Parker>,
    /// The tasks for which no thread of `partial_waiters` waits.
    pub(super) left_out: Vec<TaskId>,
}

/// The part of a task that does not depend on its closure.
pub(crate) struct TaskHeader {
    pub(crate) id: TaskId,
    pub(crate) group: Arc<Group>,
    pub(super) stage: TaskState,
    pub(super) begins: Begins,
    /// True if an observer spawned the task, or a quiet task did. Observers are not told of such a task.
    pub(super) is_quiet: bool,
}

/// A task, whatever type its closure returns. Only the thread that has begun the task calls `execute` and
/// `conclude`.
pub(crate) trait Task: Whole + TaskSet + TaskContext {
    fn entry(&self) -> &TaskHeader;

    fn named(&self) -> &dyn HasIdentity;

    /// Runs the closure or drops it, as `fate` says. Then concludes the task, or leaves that for later, as
    /// `then` says.
    fn execute(&self, fate: JobFate, then: Conclusion);

    /// Concludes a task for which that was left for later.
    #[cfg(not(reunite_model))]
    fn conclude(&self);
}

impl Deref for dyn Task {
    type Target = TaskHeader;

    fn deref(&self) -> &TaskHeader {
        self.entry()
    }
}

/// The condition under which a task's closure runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// The closure does not run if the task was cancelled before it began.
    UnlessCancelled,
    /// The closure runs in any case: a thread waits for the value that it returns.
    Always,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        // The calling thread may be that of the last task. A panic of the policy's destructor must not reach it.
        if let Some(policy) = self.rules.policy.take() {
            contain(|| drop(policy));
        }
    }
}

impl Group {
    pub(crate) fn new(
        node: Part<CancelNode>,
        owner: Option<Part<TaskRecord>>,
        rules: Rules,
        starter: Starter,
    ) -> Arc<Self> {
        let group = Arc::new(Self {
            node,
            owner,
            rules,
            starter,
            state: Mutex::default(),
        });
        let weak = Arc::downgrade(&group);
        group.node.has_tasks(weak.clone());
        live::show(group.node.label().id(), weak);
        group
    }

    /// Removes the group from the live tree: its tasks have left and its scope ends. The thread of the last task
    /// may still have a reference to it.
    pub(crate) fn end(&self) {
        live::hide(self.node.label().id());
    }

    pub(crate) fn node(&self) -> &Part<CancelNode> {
        &self.node
    }

    /// Returns the task that waits for the tasks of this group.
    pub(crate) fn owner(&self) -> Option<Part<TaskRecord>> {
        self.owner.clone()
    }

    /// Returns the spawn time of a task that is spawned now. It is imprecise for the tasks of a pool, because an
    /// exact clock would cost too much for such small tasks.
    pub(super) fn created(&self) -> SpawnTime {
        match &self.starter {
            Starter::Threads(_) => SpawnTime::now(),
            Starter::Pool(_) => SpawnTime::about_now(),
        }
    }

    pub(super) fn starter(&self) -> &Starter {
        &self.starter
    }

    /// Returns the pool in which the group's tasks run; `None` if they run on threads.
    pub(crate) fn queue(&self) -> Option<&dyn TaskQueue> {
        match &self.starter {
            Starter::Threads(_) => None,
            Starter::Pool(queue) => Some(&**queue),
        }
    }

    /// Returns the functions that start threads for the group's tasks; `None` if the tasks run in a pool.
    #[cfg(not(reunite_model))]
    pub(super) fn threads(&self) -> Option<Threads> {
        match &self.starter {
            Starter::Threads(threads) => Some(*threads),
            Starter::Pool(_) => None,
        }
    }
}

//! Groups: a group counts a scope's tasks, queues those over its limit, and notices when the last one has left.
//!
//! # Protocol
//! *The count.* `pending` counts the tasks that were admitted and have not left. A task is admitted before it
//! can run. It leaves as the very last thing, on the thread that ran it. The owner checks under the lock
//! whether `pending` is zero and, if not, stores its parker there. The thread that brings `pending` to zero
//! takes the parkers in the same critical section and unparks them afterwards. A thread that waits for only
//! some of the tasks checks again whenever a task leaves. A task that spawns a sibling admits it before it
//! leaves itself, so zero is final once the body has ended.
//!
//! *The limit.* `running` counts the places that are taken. A task over the limit queues. A thread that
//! finishes a task either takes the next one and keeps the place, or gives the place up, in one critical
//! section: no task is left in the queue while a place is free. `between` counts the places whose thread is
//! being started, or is between two tasks. While it is not zero, a queued task may be taken at any moment, so
//! it is unknown which tasks keep it from beginning. It changes in the same critical sections as the counts
//! with which it is compared. A joiner inside the scope can also run a queued task before its turn (see
//! `handle`); the thread that takes the task from the queue then finds it begun and skips it.
//!
//! *Pools.* A pool's tasks are neither counted nor listed here: no thread waits for all of them, they have no
//! limit, and the pool knows where each that has not completed lies ([`TaskQueue::tasks`]).
//!
//! *Memory.* A task is one allocation: its entry here, its identity, its closure, and then its result (see
//! `prepare`). In some cases the identity is an allocation of its own (see `identity`). `members` keeps a
//! reference to each task from its admission until it leaves. A cancellation of the group reaches the nodes
//! of the tasks through `members`, because they are not linked to the group's node (see `cancel`).

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::identity::{HasIdentity, Identity, IdentitySeed, NodeOf, TaskState};
use super::job::{Conclusion, JobFate, OnThread};
use super::live;
use super::policy::{OnTimeout, Policy, Verdict};
use crate::cancel::CancelNode;
use crate::contain::{assert_outside, contain};
use crate::current::{SpawnTime, TaskContext, TaskRecord};
use crate::deadlock::{self, Need, Resource, TaskSet};
use crate::error::{Cancelled, Why};
use crate::id::{ByNumber, Label, TaskId, shrink_if_sparse};
use crate::observe::{Completion, is_quiet};
use crate::park::Parker;
use crate::part::{Part, Whole};
use crate::primitive::{Arc, Mutex, MutexGuard};
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
    rules: Rules,
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
    running: usize,
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

impl GroupState {
    /// Returns the tasks that were begun and have not left.
    pub(super) fn begun(&self) -> Vec<TaskId> {
        let members = self.members.iter();
        let begun = members.filter(|(_, entry)| !entry.is_waiting_to_start());
        let mut begun: Vec<_> = begun.map(|(id, _)| *id).collect();
        begun.sort_unstable();
        begun
    }

    pub(super) fn has_begun(&self, task: TaskId) -> bool {
        let entry = self.members.get(&task);
        entry.is_some_and(|entry| !entry.is_waiting_to_start())
    }
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

impl dyn Task {
    /// Returns the task's identity; makes it if it is not made yet.
    pub(crate) fn identity(&self) -> &Identity {
        self.named().identity(self.of())
    }

    /// Returns the task's identity, if it is made already.
    #[inline]
    pub(crate) fn known(&self) -> Option<&Identity> {
        self.named().known()
    }

    pub(crate) fn label(&self) -> &Label {
        &self.record().label
    }

    pub(crate) fn on(&self) -> OnThread {
        self.named().on()
    }

    /// Detaches the task: its handle was given up, so no task joins it.
    pub(super) fn detach(&self) {
        self.named().detach(&self.stage);
    }

    /// Returns a reference to the task's record, which keeps the task alive.
    pub(crate) fn shared_record(self: &Arc<Self>) -> Part<TaskRecord> {
        Part::of(Arc::clone(self), |task| task.record(), |task| task as _)
    }

    /// Returns a reference to the node under which the task runs.
    pub(crate) fn shared_node(self: &Arc<Self>) -> Part<CancelNode> {
        if let NodeOf::Another(node) = &self.identity().node {
            return node.clone();
        }
        Part::of(
            Arc::clone(self),
            |task| &*task.identity().node,
            |task| task as _,
        )
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

impl TaskHeader {
    /// Creates the entry of a task of `group`.
    #[inline]
    pub(super) fn new(id: TaskId, stage: TaskState, group: &Arc<Group>, begins: Begins) -> Self {
        Self {
            id,
            group: Arc::clone(group),
            stage,
            begins,
            is_quiet: is_quiet(),
        }
    }

    pub(super) fn of(&self) -> IdentitySeed<'_> {
        IdentitySeed {
            id: self.id,
            stage: &self.stage,
            group: self.group.node(),
        }
    }

    /// Returns true if no thread has begun to run the task.
    pub(crate) fn is_waiting_to_start(&self) -> bool {
        !self.stage.has_begun()
    }

    /// Returns true if the task is concluded.
    pub(crate) fn is_over(&self) -> bool {
        self.stage.is_over()
    }
}

/// The next step for a task that was admitted.
#[must_use]
pub(super) enum Admitted {
    /// The task has a place: the caller must start its thread.
    Place,
    Queued,
    /// The task was cancelled already: the caller must call `run`, which completes it as cancelled.
    NeverBegins,
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

    /// Counts a task. Gives it a place, or queues it.
    pub(super) fn admit(&self, entry: &Arc<dyn Task>) -> Admitted {
        if self.queue().is_some() {
            return Admitted::Place;
        }
        let mut state = self.state.lock();
        state.pending += 1;
        state.members.insert(entry.id, Arc::clone(entry));
        let node = &entry.identity().node;
        if let NodeOf::Itself(node) = node {
            node.is_listed();
        }
        if entry.begins == Begins::UnlessCancelled && node.is_cancelled() {
            return Admitted::NeverBegins;
        }
        let is_full = |limit| state.running >= limit;
        if self.rules.max_threads.is_some_and(is_full) {
            state.queue.push_back(Arc::clone(entry));
            return Admitted::Queued;
        }
        state.running += 1;
        state.between += 1;
        Admitted::Place
    }

    /// Takes a place beyond the limit.
    pub(super) fn add_place(&self) {
        let mut state = self.state.lock();
        state.running += 1;
        state.between += 1;
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

    /// Returns the next queued task for a thread that has a place. If there is none, gives the place up.
    pub(crate) fn next_in_queue(&self) -> Option<Arc<dyn Task>> {
        let mut state = self.state.lock();
        let over = self
            .rules
            .max_threads
            .is_some_and(|limit| state.running > limit);
        let next = if over { None } else { state.queue.pop_front() };
        if next.is_none() {
            state.running -= 1;
            state.between -= 1;
            self.remove_begun(state);
        }
        next
    }

    /// Records that a thread that has a place has begun a task.
    pub(super) fn begin_in_place(&self) {
        self.state.lock().between -= 1;
    }

    /// Gives up a place whose thread the system refused. If no place is left, returns the queued tasks.
    #[must_use]
    pub(super) fn give_place_up(&self) -> Vec<Arc<dyn Task>> {
        let mut state = self.state.lock();
        state.running -= 1;
        state.between -= 1;
        if state.running == 0 {
            return state.queue.drain(..).collect();
        }
        self.remove_begun(state);
        Vec::new()
    }

    /// Uncounts a task that is done. `in_place` says that its thread has a place and keeps it.
    pub(super) fn leave(&self, task: TaskId, in_place: bool) {
        if self.queue().is_some() {
            return;
        }
        let mut state = self.state.lock();
        state.between += usize::from(in_place);
        let member = state.members.remove(&task);
        shrink_if_sparse(&mut state.members);
        state.pending -= 1;
        let mut waiters = std::mem::take(&mut state.partial_waiters);
        if state.pending == 0 {
            waiters.append(&mut state.waiters);
        } else {
            waiters.append(&mut state.wake_if_abandoned());
        }
        let look_again = !in_place && self.is_place_waited_for(&state);
        drop(state);
        drop(member);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.resource());
        }
    }

    /// Checks for waits that can no longer end. A thread that could have run a queued task has given its place
    /// up, so all other threads with a place may be waiting.
    fn remove_begun(&self, mut state: MutexGuard<'_, GroupState>) {
        let look_again = self.is_place_waited_for(&state);
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.resource());
        }
    }

    /// Returns the tasks for which a queued task of this group waits: one of the tasks that hold the places must
    /// end. Returns an empty list if that is not known, or if the group has no limit.
    pub(super) fn need_of_queued(&self) -> Need {
        let state = self.state.lock();
        Need::Any(if self.has_limit() && state.between == 0 {
            state.begun()
        } else {
            Vec::new()
        })
    }

    fn is_place_waited_for(&self, state: &GroupState) -> bool {
        self.has_limit() && !state.queue.is_empty()
    }

    pub(super) fn has_limit(&self) -> bool {
        self.rules.max_threads.is_some()
    }

    pub(super) fn resource(&self) -> Resource {
        Resource::Group(self.node.label().id())
    }

    /// Asks the policy about a completion, and cancels the group if it says so.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(crate) fn decide<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
        how: Completion,
    ) -> Result<(), Box<dyn Any + Send>> {
        let why = if how == Completion::Value {
            Why::Decided
        } else {
            Why::Failed
        };
        self.judge(task, why, |policy, task| policy.on_complete(task, how))
    }

    /// Asks the policy about a new task, and cancels the group if it says so.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(super) fn ask_policy<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
    ) -> Result<(), Box<dyn Any + Send>> {
        self.judge(task, Why::Decided, |policy, task| policy.on_spawn(task))
    }

    fn judge<'a>(
        &self,
        task: impl FnOnce() -> &'a Label,
        why: Why,
        ask: impl FnOnce(&dyn Policy, &Label) -> Verdict,
    ) -> Result<(), Box<dyn Any + Send>> {
        assert_outside();
        let Some(policy) = &self.rules.policy else {
            return Ok(());
        };
        let task = task();
        let verdict = catch_unwind(AssertUnwindSafe(|| ask(&**policy, task)));
        if !matches!(verdict, Ok(Verdict::Continue)) {
            self.node.cancel(Cancelled::new(why, task.clone()));
        }
        verdict.map(drop)
    }

    pub(crate) fn keeps_partial_results(&self) -> bool {
        let policy = self.rules.policy.as_ref();
        policy.is_some_and(|policy| policy.on_timeout() == OnTimeout::KeepPartial)
    }

    pub(crate) fn is_satisfied(&self) -> bool {
        let policy = self.rules.policy.as_ref();
        policy.is_some_and(|policy| policy.is_satisfied())
    }
}

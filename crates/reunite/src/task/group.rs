//! Groups: they count a scope's tasks, queue those over its limit, and notice when the last has left.
//!
//! # Protocol
//! *The count.* `pending` counts the tasks that were admitted and have not left. A task is admitted before it
//! can run and leaves as the very last thing, on the thread that ran it. The owner checks under the lock if
//! `pending` is zero and, if not, leaves its parker there; the thread that brings it to zero takes the
//! parkers in the same critical section and unparks after it. A thread that waits for only some of the tasks
//! checks again whenever one leaves. A task that spawns a sibling admits it before it leaves itself, so zero
//! is final once the body has ended.
//!
//! *The limit.* `running` counts the places taken. A task over the limit queues. A thread that finishes a
//! task takes the next and keeps the place, or gives the place up, in one critical section: no task is left
//! in the queue while a place is free. `between` counts those of the places whose thread is being started, or
//! has finished one task and not begun the next: while it is not zero, it is unknown what a queued task waits
//! for. It changes in the same critical sections as the counts that it is compared with. A queued task can
//! also be taken out of turn by a joiner inside the scope (see `handle`); the thread that takes it from the
//! queue finds it begun and skips it.
//!
//! *Pools.* A pool's tasks are neither counted nor listed here: no thread waits for all of them, they have no
//! limit, and the pool knows where each that has not completed lies ([`TaskQueue::tasks`]).
//!
//! *Memory.* A task is one allocation: its entry here, its identity (see `identity`, also for when that is
//! made apart), its closure, and then its result (see `prepare`). `members` has a reference to each from when
//! it is admitted until it leaves, and so reaches the nodes, which are not linked into that of the group (see
//! `cancel`).

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
    /// A thread for each, which then runs the chain. If the system refuses one, the task is untouched.
    Threads(Threads),
    /// A pool, which takes the task into its queue.
    Pool(Box<dyn TaskQueue>),
}

/// The functions that start threads.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    /// Starts one for a task, and for those that queue behind it.
    pub(crate) start: fn(&Arc<dyn Task>) -> io::Result<()>,
    /// Starts one for the closure of a task that asks for a fresh thread.
    #[cfg(not(reunite_model))]
    pub(crate) run_on_fresh_thread: RunOnFreshThread,
}

/// Runs a closure on a fresh thread with that name and stack size, and returns when that thread has ended.
///
/// # Errors
/// The system refuses a thread; the closure was dropped.
#[cfg(not(reunite_model))]
pub(crate) type RunOnFreshThread =
    fn(&Label, Option<usize>, Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// A pool, as a group knows it.
pub(crate) trait TaskQueue: Send + Sync {
    /// Queues the task for a worker.
    fn enqueue(&self, task: &Arc<dyn Task>);

    /// Runs the task on the calling thread, as work of the pool.
    fn run_here(&self, task: &Arc<dyn Task>);

    /// Returns the tasks that have not completed, including at most `most_queued` of those that have not
    /// begun; and how many more of these there may be: joiners may have run some.
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
    /// The task that waits for this group's, and is the parent of them all. `None` if each has a parent of
    /// its own.
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
    /// The nodes to cancel if every task is idle; see `idle`.
    pub(super) idle: WaitQueue<Part<CancelNode>>,
    /// The parkers of threads that wait for some of the members, and check again whenever one leaves.
    pub(super) partial_waiters: Vec<Parker>,
    /// The tasks that those threads do not wait for: each of them leaves out all of these.
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

/// The part that all tasks have.
pub(crate) struct TaskHeader {
    pub(crate) id: TaskId,
    pub(crate) group: Arc<Group>,
    pub(super) stage: TaskState,
    pub(super) begins: Begins,
    /// True if it was spawned by an observer, or by such a task: observers are not told of it.
    pub(super) is_quiet: bool,
}

/// A task, whatever its closure returns. Only the thread that has begun it calls the methods that run it.
pub(crate) trait Task: Whole + TaskSet + TaskContext {
    fn entry(&self) -> &TaskHeader;

    fn named(&self) -> &dyn HasIdentity;

    /// Runs the closure, or drops it, and concludes the task, or leaves that for later.
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
    /// Returns its identity, made if need be.
    pub(crate) fn identity(&self) -> &Identity {
        self.named().identity(self.of())
    }

    /// Returns its identity, if that was made.
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

    /// Detaches it: no task waits for it any more.
    pub(super) fn detach(&self) {
        self.named().detach(&self.stage);
    }

    /// Returns a reference to its record, which keeps the task.
    pub(crate) fn shared_record(self: &Arc<Self>) -> Part<TaskRecord> {
        Part::of(Arc::clone(self), |task| task.record(), |task| task as _)
    }

    /// Returns a reference to the node under which it runs.
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
    /// It does not run if the task is cancelled before.
    UnlessCancelled,
    /// It runs in any case: a thread waits for what it returns.
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
    /// It has a place: its thread must be started.
    Place,
    Queued,
    /// It was cancelled before: the caller runs it, which completes it as cancelled.
    NeverBegins,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        // This may be the thread of the last task, which goes on.
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

    /// Takes the group out of the live tree: its tasks have left, and its scope ends, although the thread of
    /// the last task may still refer to it.
    pub(crate) fn end(&self) {
        live::hide(self.node.label().id());
    }

    pub(crate) fn node(&self) -> &Part<CancelNode> {
        &self.node
    }

    /// Returns the task that waits for those of this group.
    pub(crate) fn owner(&self) -> Option<Part<TaskRecord>> {
        self.owner.clone()
    }

    /// Counts a task, and gives it a place or queues it.
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

    /// Adds one place more than the limit allows.
    pub(super) fn add_place(&self) {
        let mut state = self.state.lock();
        state.running += 1;
        state.between += 1;
    }

    /// Returns the time of spawning for a task that is spawned now. For a pool's tasks, which are small, it
    /// is imprecise.
    pub(super) fn created(&self) -> SpawnTime {
        match &self.starter {
            Starter::Threads(_) => SpawnTime::now(),
            Starter::Pool(_) => SpawnTime::about_now(),
        }
    }

    pub(super) fn starter(&self) -> &Starter {
        &self.starter
    }

    /// Returns the pool in which its tasks run, if they do.
    pub(crate) fn queue(&self) -> Option<&dyn TaskQueue> {
        match &self.starter {
            Starter::Threads(_) => None,
            Starter::Pool(queue) => Some(&**queue),
        }
    }

    /// Returns the functions that start its tasks' threads, if they have any.
    #[cfg(not(reunite_model))]
    pub(super) fn threads(&self) -> Option<Threads> {
        match &self.starter {
            Starter::Threads(threads) => Some(*threads),
            Starter::Pool(_) => None,
        }
    }

    /// Returns the next task for a thread that has a place; gives the place up if there is none.
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

    /// Gives up a place whose thread the system refused. Returns the tasks that queued for it, if there is no
    /// other.
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

    /// Uncounts a task that is done. `in_place` says that its thread has a place, and keeps it.
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

    /// Checks for waits that can no longer end: one of the threads that could have let a queued task begin is
    /// gone without beginning any, so all that are left may be waiting.
    fn remove_begun(&self, mut state: MutexGuard<'_, GroupState>) {
        let look_again = self.is_place_waited_for(&state);
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.resource());
        }
    }

    /// Returns what a task of this group that was not begun waits for: the tasks that hold the places, if
    /// places are all that it needs.
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

    /// Asks the policy about a completion, and carries out its verdict.
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

    /// Asks the policy about a new task, and carries out its verdict.
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

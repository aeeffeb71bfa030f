//! Groups: who counts a scope's tasks, queues those over its limit, and knows when the last is gone.
//!
//! # Protocol
//! `pending` counts the tasks that were admitted and have not left. A task is admitted before it can run
//! and leaves as the very last thing, on the thread that ran it. The owner asks under the lock whether
//! `pending` is zero and, if not, leaves its parker there; whoever brings it to zero takes the parkers in
//! the same critical section and unparks after it. Who waits for some of the tasks only asks again whenever one
//! leaves. A task that spawns a sibling admits it before it leaves
//! itself, so zero is final once the body has ended.
//!
//! With a limit, `running` counts the places taken. A task over the limit queues; a thread that finishes
//! one takes the next and keeps the place, or gives the place up, in one critical section: no task is left
//! in the queue while a place is free. `between` counts those of the places whose thread is on its way, or has
//! finished one task and not begun the next: while there is one, nobody can tell what a queued task waits for. It
//! changes in the same critical sections as what it is told apart from. A queued task can also be taken out of turn by a joiner inside the
//! scope (see `handle`); it is then found begun and skipped.
//!
//! A pool's tasks are neither counted nor listed here: nobody waits for all of them, they have no limit, and the pool knows where
//! each lies that has not completed ([`Queue::tasks`]).
//!
//! A task is one allocation: its entry here, and who it is (see `identity`, also for when that is made apart); behind that its closure,
//! and then its result (see `prepare`). `members` has a reference to each from when it is admitted until it leaves, and so reaches the
//! nodes, which are not linked into that of the group (see `cancel`).

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::identity::{Identity, Named, NodeOf, Of, Stage};
use super::job::{Go, OnThread, Then};
use super::live;
use super::policy::{OnTimeout, Policy, Verdict};
use crate::cancel::Node;
use crate::contain::{assert_outside, contain};
use crate::current::{Asked, Created, Who};
use crate::deadlock::{self, Bond, Crew, Need};
use crate::error::{Cancelled, Why};
use crate::id::{ByNumber, Label, TaskId, give_room_back};
use crate::observe::{Completion, is_quiet};
use crate::park::Parker;
use crate::part::{Part, Whole};
use crate::primitive::{Arc, Mutex, MutexGuard};
use crate::wait_queue::WaitQueue;

/// Who runs a group's tasks.
pub(crate) enum Starter {
    /// A thread for each, which then runs the chain. On refusal the task is untouched.
    Threads(Threads),
    /// A pool, which takes the task into its queue.
    Pool(Box<dyn Queue>),
}

/// How threads are started.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    /// For a task, and what queues behind it.
    pub(crate) start: fn(&Arc<dyn Task>) -> io::Result<()>,
    /// For the closure of a task that asks for a fresh one.
    #[cfg(not(reunite_model))]
    pub(crate) run_apart: RunApart,
}

/// Runs a closure on a fresh thread, of that name and stack size, and returns when that has ended.
///
/// # Errors
/// The system refuses one; the closure was dropped.
#[cfg(not(reunite_model))]
pub(crate) type RunApart = fn(&Label, Option<usize>, Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// A pool, as a group knows it.
pub(crate) trait Queue: Send + Sync {
    /// Leaves the task to a worker.
    fn enqueue(&self, task: &Arc<dyn Task>);

    /// Runs it here and now, as work of the pool.
    fn run_here(&self, task: &Arc<dyn Task>);

    /// Those that have not completed, of those that nobody has begun at most so many; and how many more of these there may be: joiners may have run
    /// some.
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
    pub(super) node: Part<Node>,
    /// The task that waits for this group's: the parent of them all. None: each has its own.
    owner: Option<Part<Who>>,
    rules: Rules,
    starter: Starter,
    pub(super) state: Mutex<State>,
}

/// What a scope's builder can choose.
pub(crate) struct Rules {
    /// None to [wait for all](super::WaitAll).
    pub(crate) policy: Option<Box<dyn Policy>>,
    pub(crate) max_threads: Option<usize>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) pending: usize,
    running: usize,
    pub(super) between: usize,
    pub(super) queue: VecDeque<Arc<dyn Task>>,
    pub(super) members: ByNumber<TaskId, Arc<dyn Task>>,
    pub(super) waiters: Vec<Parker>,
    /// What is to be cancelled if every task is idle; see there.
    pub(super) idle: WaitQueue<Part<Node>>,
    /// Who waits for some of the members: asks again whenever one leaves.
    pub(super) choosers: Vec<Parker>,
    /// Whom those who do so have left out: nobody else who does waits for them.
    pub(super) left_out: Vec<TaskId>,
}

impl State {
    /// The tasks that were begun and have not left.
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

/// What every task has.
pub(crate) struct Entry {
    pub(crate) id: TaskId,
    pub(crate) group: Arc<Group>,
    pub(super) stage: Stage,
    pub(super) begins: Begins,
    /// Spawned by an observer, or by such a task: observers are not told of it.
    pub(super) is_quiet: bool,
}

/// A task, whatever its closure returns. Whoever has begun it calls what runs it, and nobody else does.
pub(crate) trait Task: Whole + Crew + Asked {
    fn entry(&self) -> &Entry;

    fn named(&self) -> &dyn Named;

    /// Runs the closure, or drops it, and carries out the rest, or leaves that for later.
    fn execute(&self, go: Go, then: Then);

    /// Carries out what was left.
    #[cfg(not(reunite_model))]
    fn conclude(&self);
}

impl Deref for dyn Task {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        self.entry()
    }
}

impl dyn Task {
    /// Who it is.
    pub(crate) fn identity(&self) -> &Identity {
        self.named().identity(self.of())
    }

    /// Who it is, if somebody has asked for that.
    #[inline]
    pub(crate) fn known(&self) -> Option<&Identity> {
        self.named().known()
    }

    pub(crate) fn label(&self) -> &Label {
        &self.who().label
    }

    pub(crate) fn on(&self) -> OnThread {
        self.named().on()
    }

    /// Nobody waits for it any more.
    pub(super) fn detach(&self) {
        self.named().detach(&self.stage);
    }

    /// Its record, and with it the task.
    pub(crate) fn shared_who(self: &Arc<Self>) -> Part<Who> {
        Part::of(Arc::clone(self), |task| task.who(), |task| task as _)
    }

    /// The node under which it runs.
    pub(crate) fn shared_node(self: &Arc<Self>) -> Part<Node> {
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

/// Whether a task's closure runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// Not if the task is cancelled before.
    UnlessCancelled,
    /// Whatever happens: somebody waits who needs what it returns.
    Always,
}

impl Entry {
    /// Of a task of `group`.
    #[inline]
    pub(super) fn new(id: TaskId, stage: Stage, group: &Arc<Group>, begins: Begins) -> Self {
        Self {
            id,
            group: Arc::clone(group),
            stage,
            begins,
            is_quiet: is_quiet(),
        }
    }

    pub(super) fn of(&self) -> Of<'_> {
        Of {
            id: self.id,
            stage: &self.stage,
            group: self.group.node(),
        }
    }

    /// Whether nobody has begun to run it.
    pub(crate) fn is_waiting_to_start(&self) -> bool {
        !self.stage.has_begun()
    }

    /// Whether all that there was to do of it is done.
    pub(crate) fn is_over(&self) -> bool {
        self.stage.is_over()
    }
}

/// What becomes of a task that was admitted.
#[must_use]
pub(super) enum Admitted {
    /// It has a place: its thread is to be started.
    Place,
    Queued,
    /// It was cancelled before: whoever runs it completes it so.
    NeverBegins,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        // Perhaps on the thread of the last task, which goes on.
        if let Some(policy) = self.rules.policy.take() {
            contain(|| drop(policy));
        }
    }
}

impl Group {
    pub(crate) fn new(
        node: Part<Node>,
        owner: Option<Part<Who>>,
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

    /// Takes the group out of the live tree: its tasks have left, and its scope ends, although the thread of the last
    /// task may still refer to it.
    pub(crate) fn end(&self) {
        live::hide(self.node.label().id());
    }

    pub(crate) fn node(&self) -> &Part<Node> {
        &self.node
    }

    /// The task that waits for those of this group.
    pub(crate) fn owner(&self) -> Option<Part<Who>> {
        self.owner.clone()
    }

    /// Counts a task in, and gives it a place, or a place in the queue.
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

    /// One place more than the limit allows.
    pub(super) fn add_place(&self) {
        let mut state = self.state.lock();
        state.running += 1;
        state.between += 1;
    }

    /// When a task is spawned now: of a pool's tasks, which are small, not to the millisecond.
    pub(super) fn created(&self) -> Created {
        match &self.starter {
            Starter::Threads(_) => Created::now(),
            Starter::Pool(_) => Created::about_now(),
        }
    }

    pub(super) fn starter(&self) -> &Starter {
        &self.starter
    }

    /// The pool in which its tasks run, if they do.
    pub(crate) fn queue(&self) -> Option<&dyn Queue> {
        match &self.starter {
            Starter::Threads(_) => None,
            Starter::Pool(queue) => Some(&**queue),
        }
    }

    /// How its tasks' threads are started, if they have any.
    #[cfg(not(reunite_model))]
    pub(super) fn threads(&self) -> Option<Threads> {
        match &self.starter {
            Starter::Threads(threads) => Some(*threads),
            Starter::Pool(_) => None,
        }
    }

    /// The next task for a thread that has a place; gives the place up if there is none.
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
            self.one_less(state);
        }
        next
    }

    /// A thread that has a place has begun a task.
    pub(super) fn begin_in_place(&self) {
        self.state.lock().between -= 1;
    }

    /// The system refused the thread that this place was for. Returns the tasks that queued for it, if there is no other.
    #[must_use]
    pub(super) fn give_place_up(&self) -> Vec<Arc<dyn Task>> {
        let mut state = self.state.lock();
        state.running -= 1;
        state.between -= 1;
        if state.running == 0 {
            return state.queue.drain(..).collect();
        }
        self.one_less(state);
        Vec::new()
    }

    /// The task is done; `in_place`: its thread has a place, and keeps it.
    pub(super) fn leave(&self, task: TaskId, in_place: bool) {
        if self.queue().is_some() {
            return;
        }
        let mut state = self.state.lock();
        state.between += usize::from(in_place);
        let member = state.members.remove(&task);
        give_room_back(&mut state.members);
        state.pending -= 1;
        let mut waiters = std::mem::take(&mut state.choosers);
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
            deadlock::look_at(self.bond());
        }
    }

    /// One of those is gone who could have let a queued task begin, and begins none: perhaps all that are left wait
    /// themselves.
    fn one_less(&self, mut state: MutexGuard<'_, State>) {
        let look_again = self.is_place_waited_for(&state);
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.bond());
        }
    }

    /// What a task of this group waits for that was not begun: those that hold the places, if places are all
    /// that it needs.
    pub(super) fn need_of_queued(&self) -> Need {
        let state = self.state.lock();
        Need::Any(if self.has_limit() && state.between == 0 {
            state.begun()
        } else {
            Vec::new()
        })
    }

    fn is_place_waited_for(&self, state: &State) -> bool {
        self.has_limit() && !state.queue.is_empty()
    }

    pub(super) fn has_limit(&self) -> bool {
        self.rules.max_threads.is_some()
    }

    pub(super) fn bond(&self) -> Bond {
        Bond::Group(self.node.label().id())
    }

    /// Asks the policy what a completion means, and does it.
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

    /// Asks the policy whether to go on with a new task, and does what it says.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(super) fn consider<'a>(
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

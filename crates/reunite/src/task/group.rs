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
//! scope (see `handle`); its entry is then found empty and skipped.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::job::{Job, OnThread};
use super::live::{self, Picture, Visible};
use super::policy::{OnTimeout, Policy, Verdict, WaitAll};
use crate::cancel::Node;
use crate::contain::{assert_outside, contain};
use crate::current::Who;
use crate::deadlock::{self, Bond, Need};
use crate::error::{Cancelled, Why};
use crate::id::{Label, TaskId};
use crate::observe::{Completion, is_quiet};
use crate::park::Parker;
use crate::primitive::{Arc, Mutex, MutexGuard};
use crate::wait_queue::WaitQueue;

/// Who runs a group's tasks.
pub(crate) enum Starter {
    /// A thread for each, which then runs the chain. On refusal the entry is untouched.
    Threads(Threads),
    /// A pool, which takes the entry into its queue.
    Pool(Box<dyn Queue>),
}

/// How threads are started.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    /// For an entry, and what queues behind it.
    pub(crate) start: fn(&Arc<Entry>) -> io::Result<()>,
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
    /// Leaves the entry to a worker.
    fn enqueue(&self, entry: &Arc<Entry>);

    /// Runs it here and now, as work of the pool.
    fn run_here(&self, entry: &Entry);
}

impl Starter {
    pub(super) fn start(&self, entry: &Arc<Entry>) -> io::Result<()> {
        match self {
            Self::Threads(threads) => (threads.start)(entry),
            Self::Pool(queue) => {
                queue.enqueue(entry);
                Ok(())
            }
        }
    }
}

pub(crate) struct Group {
    pub(super) node: Arc<Node>,
    /// The task that waits for this group's: the parent of them all. None: each has its own.
    owner: Option<Arc<Who>>,
    rules: Rules,
    starter: Starter,
    pub(super) state: Mutex<State>,
}

/// What a scope's builder can choose.
pub(crate) struct Rules {
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) max_threads: Option<usize>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) pending: usize,
    running: usize,
    pub(super) between: usize,
    pub(super) queue: VecDeque<Arc<Entry>>,
    pub(super) members: BTreeMap<TaskId, Arc<Entry>>,
    pub(super) waiters: Vec<Parker>,
    /// What is to be cancelled if every task is idle; see there.
    pub(super) idle: WaitQueue<Arc<Node>>,
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
        begun.map(|(id, _)| *id).collect()
    }

    pub(super) fn has_begun(&self, task: TaskId) -> bool {
        let entry = self.members.get(&task);
        entry.is_some_and(|entry| !entry.is_waiting_to_start())
    }
}

pub(crate) struct Entry {
    pub(super) job: Mutex<Option<Job<'static>>>,
    pub(crate) who: Arc<Who>,
    pub(crate) node: Arc<Node>,
    pub(crate) group: Arc<Group>,
    pub(crate) on: OnThread,
    pub(super) begins: Begins,
    /// Spawned by an observer, or by such a task: observers are not told of it.
    pub(super) is_quiet: bool,
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
    pub(crate) fn new(
        job: Job<'static>,
        who: Arc<Who>,
        node: Arc<Node>,
        group: Arc<Group>,
        on: OnThread,
    ) -> Arc<Self> {
        Arc::new(Self {
            on,
            ..Self::that_begins(Begins::UnlessCancelled, job, who, node, group)
        })
    }

    /// A task that runs in a cancelled task as well.
    pub(crate) fn always(
        job: Job<'static>,
        who: Arc<Who>,
        node: Arc<Node>,
        group: Arc<Group>,
    ) -> Arc<Self> {
        Arc::new(Self::that_begins(Begins::Always, job, who, node, group))
    }

    fn that_begins(
        begins: Begins,
        job: Job<'static>,
        who: Arc<Who>,
        node: Arc<Node>,
        group: Arc<Group>,
    ) -> Self {
        Self {
            job: Mutex::new(Some(job)),
            who,
            node,
            group,
            on: OnThread::default(),
            begins,
            is_quiet: is_quiet(),
        }
    }

    /// Whether it is over before it has begun.
    pub(super) fn never_begins(&self) -> bool {
        self.begins == Begins::UnlessCancelled && self.node.is_cancelled()
    }

    /// Whether nobody has begun to run it.
    pub(crate) fn is_waiting_to_start(&self) -> bool {
        self.job.lock().is_some()
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
        let policy = std::mem::replace(&mut self.rules.policy, Box::new(WaitAll));
        contain(|| drop(policy));
    }
}

impl Group {
    pub(crate) fn new(
        node: Arc<Node>,
        owner: Option<Arc<Who>>,
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
        live::show(group.node.label().id(), weak);
        group
    }

    /// Takes the group out of the live tree: its tasks have left, and its scope ends, although the thread of the last
    /// task may still refer to it.
    pub(crate) fn end(&self) {
        live::hide(self.node.label().id());
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The record of a new task of this group.
    pub(crate) fn member(&self, label: &Label) -> Arc<Who> {
        Who::new(label.clone(), self.owner.clone())
    }

    /// Whether `who` runs inside this group: as one of its tasks, or below one.
    pub(crate) fn is_around(&self, who: &Arc<Who>) -> bool {
        let state = self.state.lock();
        who.lineage(self.node.label().id())
            .any(|who| state.members.contains_key(&who.label.id()))
    }

    /// Counts a task in, and gives it a place, or a place in the queue.
    pub(super) fn admit(&self, entry: &Arc<Entry>) -> Admitted {
        let mut state = self.state.lock();
        state.pending += 1;
        state
            .members
            .insert(entry.who.label.id(), Arc::clone(entry));
        if entry.never_begins() {
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
    pub(crate) fn next_in_queue(&self) -> Option<Arc<Entry>> {
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
    pub(super) fn give_place_up(&self) -> Vec<Arc<Entry>> {
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
    pub(super) fn leave(&self, who: &Who, in_place: bool) {
        let mut state = self.state.lock();
        state.between += usize::from(in_place);
        let member = state.members.remove(&who.label.id());
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
    pub(crate) fn decide(&self, task: &Label, how: Completion) -> Result<(), Box<dyn Any + Send>> {
        let why = if how == Completion::Value {
            Why::Decided
        } else {
            Why::Failed
        };
        self.judge(task, why, || self.rules.policy.on_complete(task, how))
    }

    /// Asks the policy whether to go on with a new task, and does what it says.
    ///
    /// # Errors
    /// The policy panicked; the group is cancelled.
    pub(super) fn consider(&self, task: &Label) -> Result<(), Box<dyn Any + Send>> {
        self.judge(task, Why::Decided, || self.rules.policy.on_spawn(task))
    }

    fn judge(
        &self,
        task: &Label,
        why: Why,
        ask: impl FnOnce() -> Verdict,
    ) -> Result<(), Box<dyn Any + Send>> {
        assert_outside();
        let verdict = catch_unwind(AssertUnwindSafe(ask));
        if !matches!(verdict, Ok(Verdict::Continue)) {
            self.node.cancel(Cancelled::new(why, task.clone()));
        }
        verdict.map(drop)
    }

    pub(crate) fn keeps_partial_results(&self) -> bool {
        self.rules.policy.on_timeout() == OnTimeout::KeepPartial
    }

    pub(crate) fn is_satisfied(&self) -> bool {
        self.rules.policy.is_satisfied()
    }

    /// Cancels each task that has not left, but for these, and not the group. Returns how many.
    pub(crate) fn cancel_members_but(&self, except: &[TaskId], why: &Why) -> usize {
        let members: Vec<_> = self.state.lock().members.values().cloned().collect();
        let is_meant = |entry: &Arc<Entry>| !except.contains(&entry.who.label.id());
        let members: Vec<_> = members.into_iter().filter(is_meant).collect();
        for entry in &members {
            entry
                .node
                .cancel(Cancelled::new(why.clone(), self.node.label().clone()));
        }
        members.len()
    }
}

impl Visible for Group {
    fn pictures(&self) -> Vec<Picture> {
        let tasks = {
            let state = self.state.lock();
            let members = state.members.values();
            let shown = members.filter(|entry| !entry.who.is_carrier());
            shown.map(|entry| Arc::clone(&entry.who)).collect()
        };
        vec![Picture {
            scope: self.node.label().clone(),
            owner: self.owner.clone(),
            cause: self.node.cause(),
            tasks,
            more_queued: 0,
        }]
    }
}

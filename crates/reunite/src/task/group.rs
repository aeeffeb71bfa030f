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
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

#[cfg(not(reunite_model))]
use super::apart::RunApart;
use super::entry::Entry;
use super::live::{self, Picture, Visible};
use super::policy::{OnTimeout, Policy, Verdict, WaitAll};
use crate::cancel::Node;
use crate::contain::{assert_outside, contain};
use crate::current::{self, Who};
use crate::deadline;
use crate::deadlock::{self, Bond, Crew, Need, Object, On, Site};
use crate::error::{Cancelled, Why, resume};
use crate::id::{Label, TaskId};
use crate::observe::{Completion, Event, Straggler, Verb, is_on, report_stragglers, tell};
use crate::park::Parker;
use crate::primitive::{Arc, Duration, Instant, Mutex, MutexGuard};
use crate::wait::{Heed, Wait, wait};

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

/// A pool, as a group knows it.
pub(crate) trait Queue: Send + Sync {
    /// Leaves the entry to a worker.
    fn enqueue(&self, entry: &Arc<Entry>);

    /// Runs it here and now, as work of the pool.
    fn run_here(&self, entry: &Entry);
}

impl Starter {
    fn start(&self, entry: &Arc<Entry>) -> io::Result<()> {
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
    node: Arc<Node>,
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
    members: BTreeMap<TaskId, Arc<Entry>>,
    pub(super) waiters: Vec<Parker>,
    /// What is to be cancelled if every task is idle; see there.
    pub(super) idle: Vec<Arc<Node>>,
    /// Who waits for some of the members: asks again whenever one leaves.
    choosers: Vec<Parker>,
    /// Whom those who do so have left out: nobody else who does waits for them.
    left_out: Vec<TaskId>,
}

impl State {
    /// The tasks that were begun and have not left.
    pub(super) fn begun(&self) -> Vec<TaskId> {
        let members = self.members.iter();
        let begun = members.filter(|(_, entry)| !entry.is_waiting_to_start());
        begun.map(|(id, _)| *id).collect()
    }

    fn has_begun(&self, task: TaskId) -> bool {
        let entry = self.members.get(&task);
        entry.is_some_and(|entry| !entry.is_waiting_to_start())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        // Perhaps on the thread of the last task, which goes on.
        let policy = std::mem::replace(&mut self.rules.policy, Box::new(WaitAll));
        contain(|| drop(policy));
    }
}

/// How long a cancelled group waits for stragglers before it names them, at first.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

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

    /// Starts the task, or queues it, or, if the group is cancelled, completes it cancelled without
    /// starting anything.
    ///
    /// # Errors
    /// The system refused a thread. The task was admitted: the caller must `run` or `refuse` it.
    pub(crate) fn start(&self, entry: &Arc<Entry>) -> io::Result<()> {
        let label = &entry.who.label;
        if is_on() {
            let by = current::current().who;
            tell(|| Event::Spawn {
                task: label,
                by: &by.label,
                scope: self.node.label(),
            });
        }
        if let Err(payload) = self.judge(label, Why::Decided, || self.rules.policy.on_spawn(label))
        {
            // In the spawner's own call: it is the spawner's panic. The scope is cancelled already.
            resume(payload);
        }
        let place = {
            let mut state = self.state.lock();
            state.pending += 1;
            state
                .members
                .insert(entry.who.label.id(), Arc::clone(entry));
            let place = self
                .rules
                .max_threads
                .is_none_or(|limit| state.running < limit);
            if entry.never_begins() {
                drop(state);
                entry.run();
                return Ok(());
            }
            if place {
                state.running += 1;
                state.between += 1;
            } else {
                state.queue.push_back(Arc::clone(entry));
            }
            place
        };
        if !place {
            return Ok(());
        }
        self.starter
            .start(entry)
            .inspect_err(|_| self.give_place_up())
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

    /// A thread over the limit, for a queued task that a joiner inside the scope needs and cannot run.
    pub(crate) fn start_beyond_limit(&self, entry: &Arc<Entry>) -> io::Result<()> {
        {
            let mut state = self.state.lock();
            state.running += 1;
            state.between += 1;
        }
        self.starter
            .start(entry)
            .inspect_err(|_| self.give_place_up())
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

    /// The system refused the thread that this place was for. The queue may hold tasks that counted on it.
    fn give_place_up(&self) {
        let orphans: Vec<_> = {
            let mut state = self.state.lock();
            state.running -= 1;
            state.between -= 1;
            if state.running == 0 {
                state.queue.drain(..).collect()
            } else {
                self.one_less(state);
                Vec::new()
            }
        };
        for orphan in orphans {
            orphan.refuse(io::Error::other(
                "no thread is left to run the queue of its scope",
            ));
        }
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

    /// The tasks that have not left and are so, in spawn order.
    pub(crate) fn stragglers_if(&self, filter: impl Fn(&Who) -> bool) -> Vec<Straggler> {
        let members: Vec<_> = self.state.lock().members.values().cloned().collect();
        members
            .iter()
            .map(|entry| &*entry.who)
            .filter(|who| filter(who))
            .map(straggler)
            .collect()
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

    /// Whether every task has left, or none will by itself.
    fn is_over_or_wake(&self, parker: &Parker) -> bool {
        let mut state = self.state.lock();
        let is_over = state.pending == 0 || state.is_abandoned();
        if !is_over {
            state.waiters.retain(|waiter| !waiter.is_same(parker));
            state.waiters.push(parker.clone());
        }
        is_over
    }

    fn site(self: &Arc<Self>, verb: Verb, at: &'static Location<'static>) -> Site {
        Site {
            verb,
            object: Object::Label(self.node.label().clone()),
            at,
            on: On::Crew(Arc::clone(self) as Arc<dyn Crew>),
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

    /// Waits until every task has left. A cancellation or the deadline cancels them, never this wait;
    /// from then on those that do not come back are reported, again and again.
    pub(crate) fn wait_all(self: &Arc<Self>, at: &'static Location<'static>) {
        let label = self.node.label();
        let wait_until = |deadline, heed: Heed<'_>| loop {
            let site = self.site(Verb::End, at);
            let ended = wait(site, deadline, heed, |parker| self.is_over_or_wake(parker));
            if !matches!(ended, Wait::Ready) || !self.close_abandoned() {
                return ended;
            }
        };
        if let Wait::Ready = wait_until(None, Heed::Node(&self.node)) {
            return;
        }
        chase(
            label,
            |deadline| wait_until(deadline, Heed::Patiently),
            || self.stragglers_if(|_| true),
        );
    }

    /// Waits until every task but these has left or `deadline` has passed: true in the first case.
    pub(crate) fn wait_for_all_but(
        self: &Arc<Self>,
        except: &[TaskId],
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> bool {
        let others = Others {
            group: Arc::clone(self),
        };
        let site = Site {
            on: On::Crew(Arc::new(others)),
            ..self.site(Verb::Shutdown, at)
        };
        self.leave_out(|left_out| left_out.extend(except));
        let ended = wait(site, deadline, Heed::Nothing, |parker| {
            let mut state = self.state.lock();
            let is_left_out = |id| state.left_out.contains(id);
            let have_left = state.members.keys().all(is_left_out);
            if !have_left && !state.choosers.iter().any(|other| other.is_same(parker)) {
                state.choosers.push(parker.clone());
            }
            have_left
        });
        self.leave_out(|left_out| {
            for id in except {
                let at = left_out.iter().position(|other| other == id);
                at.map(|at| left_out.swap_remove(at));
            }
        });
        matches!(ended, Wait::Ready)
    }

    fn leave_out(&self, change: impl FnOnce(&mut Vec<TaskId>)) {
        let mut state = self.state.lock();
        change(&mut state.left_out);
        let choosers = std::mem::take(&mut state.choosers);
        drop(state);
        choosers.iter().for_each(Parker::unpark);
    }
}

/// The tasks of a group but those that are left out, by whoever waits for the others: that is what the wait asks.
struct Others {
    group: Arc<Group>,
}

impl Crew for Others {
    fn need(&self) -> Need {
        let state = self.group.state.lock();
        let is_meant = |id: &TaskId| !state.left_out.contains(id);
        Need::All(state.begun().into_iter().filter(is_meant).collect())
    }

    fn size(&self) -> usize {
        self.group.size()
    }

    fn needs(&self, task: TaskId) -> bool {
        let state = self.group.state.lock();
        state.has_begun(task) && !state.left_out.contains(&task)
    }

    fn bonds(&self) -> Vec<Bond> {
        vec![self.group.bond()]
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

impl Crew for Group {
    /// Of the end: every task that was begun. Those that queue come when their turn does.
    fn need(&self) -> Need {
        Need::All(self.state.lock().begun())
    }

    fn size(&self) -> usize {
        self.state.lock().members.len()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.state.lock().has_begun(task)
    }

    fn bonds(&self) -> Vec<Bond> {
        vec![self.bond()]
    }
}

pub(crate) fn straggler(who: &Who) -> Straggler {
    Straggler {
        task: who.label.clone(),
        age: who.age(),
        doing: who.doing(),
    }
}

/// Waits for what was cancelled, naming whoever is late at growing intervals. False if the wait was refused,
/// which only one that says so can be.
pub(crate) fn chase(
    waiting: &Label,
    mut wait_until: impl FnMut(Option<Instant>) -> Wait,
    stragglers: impl Fn() -> Vec<Straggler>,
) -> bool {
    let mut patience = PATIENCE;
    loop {
        match wait_until(deadline::after(patience)) {
            Wait::Ready => return true,
            Wait::Refused(_) => return false,
            Wait::TimedOut | Wait::Cancelled(_) => {}
        }
        report_stragglers(waiting, &stragglers());
        patience = LONGEST_PATIENCE.min(patience * 2);
    }
}

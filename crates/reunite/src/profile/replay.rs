//! Replaying the records in the order in which the events happened: which task ran when, and how long the
//! longest chain is.
//!
//! # The measure
//! As in Cilkview (He, Leiserson, Leiserson, SPAA 2010). A task begins with the span that its parent had when it
//! spawned it. Running adds to the span, and so do sleeping and calls marked as blocking. A join makes the joiner's
//! span at least the joined task's; the end of a scope does so for all its tasks. The *burdened* span adds the costs of
//! starts and wake-ups. The program's span is the largest span at the end.

use std::collections::BTreeMap;
use std::panic::Location;

use super::chain::Chain;
use super::model::{Run, ScopeProfile, Step, TaskProfile, Waited};
use super::record::{EventRecord, RecordedEvent};
use crate::id::{ByNumber, Label, TaskId};
use crate::observe::Completion;
use crate::primitive::Duration;

/// The costs of a start and a wake-up.
#[derive(Clone, Copy, Default)]
pub(super) struct Burden {
    pub(super) start: Duration,
    pub(super) wake: Duration,
}

pub(super) struct Replay {
    burden: Burden,
    /// Joins at this line count only at the end of the joiner's scope: to compute the span if they came later.
    deferred: Option<&'static Location<'static>>,
    tasks: ByNumber<TaskId, ReplayTask>,
    order: Vec<TaskId>,
    pub(super) scopes: Vec<ScopeProfile>,
    members: BTreeMap<TaskId, Vec<TaskId>>,
    /// The tasks that each thread runs, one inside the other's wait. Only the last one runs, unless it waits.
    stacks: Vec<Vec<(TaskId, bool)>>,
    pub(super) work: Duration,
}

struct ReplayTask {
    profile: TaskProfile,
    running_since: Option<(usize, Duration)>,
    /// True if it is known where it runs, or that it does not run.
    is_placed: bool,
    waits: Option<Waited>,
    chain: Chain,
    deferred: Vec<TaskId>,
}

impl Replay {
    pub(super) fn new(burden: Burden, deferred: Option<&'static Location<'static>>) -> Self {
        Self {
            burden,
            deferred,
            tasks: ByNumber::default(),
            order: Vec::new(),
            scopes: Vec::new(),
            members: BTreeMap::new(),
            stacks: Vec::new(),
            work: Duration::ZERO,
        }
    }

    /// Replays the records of all threads. `until` is when the profile ended, by each thread's clock.
    pub(super) fn run(
        &mut self,
        pages: &[(String, Vec<EventRecord>)],
        until: impl Fn(usize) -> Duration,
    ) {
        let mut all: Vec<(usize, &EventRecord)> = Vec::new();
        for (thread, (_, records)) in pages.iter().enumerate() {
            all.extend(records.iter().map(|record| (thread, record)));
        }
        all.sort_unstable_by_key(|(_, record)| record.number);
        self.stacks = vec![Vec::new(); pages.len()];
        for (thread, record) in all {
            self.step(thread, record);
        }
        for thread in 0..self.stacks.len() {
            if let Some((task, true)) = self.stacks[thread].last().copied() {
                self.pause(task, until(thread));
            }
        }
    }

    fn step(&mut self, thread: usize, record: &EventRecord) {
        let at = record.at;
        match &record.what {
            RecordedEvent::Open { scope, by } => {
                self.place_on_thread(thread, by);
                self.scopes.push(ScopeProfile {
                    scope: scope.clone(),
                    owner: by.id(),
                    opened: at,
                    ended: None,
                });
            }
            RecordedEvent::End { scope, by } => self.end(scope, by.id(), at),
            RecordedEvent::Spawn { task, by, scope } => {
                if scope.is_fork() {
                    // The thread that took it reports this event.
                    self.ensure_known(by);
                } else {
                    self.place_on_thread(thread, by);
                }
                self.spawn(task, by.id(), scope.id(), at);
            }
            RecordedEvent::Start { task } => self.start(thread, task, at),
            RecordedEvent::Complete { task, how } => self.complete(thread, task, *how, at),
            RecordedEvent::Block {
                task,
                verb,
                object,
                at: line,
                holds,
            } => {
                self.place_on_thread(thread, task);
                let waited = Waited {
                    verb: *verb,
                    object: object.clone(),
                    at: line,
                    thread,
                    from: at,
                    to: at,
                    holds: *holds,
                };
                self.block(waited);
            }
            RecordedEvent::Resume => self.resume(thread, at),
            RecordedEvent::Join { task, by, at: line } => {
                self.place_on_thread(thread, by);
                self.join(task.id(), by.id(), line, at);
            }
        }
    }

    fn end(&mut self, scope: &Label, by: TaskId, at: Duration) {
        self.flush(by, at);
        let members = self.members.get(&scope.id()).cloned().unwrap_or_default();
        let deferred = self.take_deferred(by);
        for member in members.into_iter().chain(deferred) {
            self.merge(by, member, scope.spawned_at(), false);
        }
        let mut scopes = self.scopes.iter_mut();
        if let Some(ended) = scopes.rfind(|seen| seen.scope.id() == scope.id()) {
            ended.ended = Some(at);
        }
    }

    fn spawn(&mut self, task: &Label, by: TaskId, scope: TaskId, at: Duration) {
        self.flush(by, at);
        let parent = &self.tasks[&by];
        let mut chain = parent
            .chain
            .handed_on(&parent.profile.task, task.spawned_at());
        if !parent.is_placed {
            chain.lengthen(at);
        }
        let mut child = ReplayTask::new(task.clone(), at, chain);
        child.profile.parent = Some(by);
        child.profile.scope = Some(scope);
        self.members.entry(scope).or_default().push(task.id());
        self.order.push(task.id());
        self.tasks.insert(task.id(), child);
    }

    fn start(&mut self, thread: usize, task: &Label, at: Duration) {
        if let Some((outer, true)) = self.stacks[thread].last().copied() {
            self.pause(outer, at);
        }
        if !self.tasks.contains_key(&task.id()) {
            // Its spawn was discarded, or came before the profile.
            self.order.push(task.id());
            self.tasks.insert(
                task.id(),
                ReplayTask::new(task.clone(), at, Chain::default()),
            );
        }
        let burden = self.burden.start;
        let known = self.task(task.id());
        known.profile.started = Some(at);
        known.running_since = Some((thread, at));
        known.chain.burdened += burden;
        self.stacks[thread].push((task.id(), true));
    }

    fn complete(&mut self, thread: usize, task: &Label, how: Completion, at: Duration) {
        self.flush(task.id(), at);
        for member in self.take_deferred(task.id()) {
            self.merge(task.id(), member, task.spawned_at(), false);
        }
        if let Some(known) = self.tasks.get_mut(&task.id()) {
            known.running_since = None;
            known.profile.completed = Some((at, how));
        }
        let stack = &mut self.stacks[thread];
        if let Some(place) = stack.iter().rposition(|(id, _)| *id == task.id()) {
            stack.truncate(place);
        }
        if let Some((outer, true)) = stack.last().copied() {
            self.task(outer).running_since = Some((thread, at));
        }
    }

    /// Notes that the task that runs on that thread begins to wait.
    fn block(&mut self, waited: Waited) {
        let stack = &mut self.stacks[waited.thread];
        let top = stack.last_mut().expect("the task that waits was met");
        top.1 = false;
        let running = top.0;
        self.pause(running, waited.from);
        self.task(running).waits = Some(waited);
    }

    fn resume(&mut self, thread: usize, at: Duration) {
        let Some(top) = self.stacks[thread].last_mut() else {
            return;
        };
        top.1 = true;
        let running = top.0;
        let known = self.task(running);
        known.running_since = Some((thread, at));
        let Some(mut waited) = known.waits.take() else {
            return;
        };
        waited.to = at;
        let lasted = waited.to.saturating_sub(waited.from);
        let is_work = waited.verb.passes_by_itself();
        if is_work {
            known.chain.lengthen(lasted);
        }
        known.profile.waits.push(waited);
        if is_work {
            self.work += lasted;
        }
    }

    fn join(&mut self, task: TaskId, by: TaskId, line: &'static Location<'static>, at: Duration) {
        self.flush(by, at);
        if let Some(known) = self.tasks.get_mut(&task) {
            known.profile.joined = Some((at, by, line));
        }
        // A half of a fork is joined where it was made, and cannot be joined later.
        let is_half = self.tasks.get(&task).is_some_and(ReplayTask::is_half);
        if self.deferred == Some(line) && !is_half {
            self.task(by).deferred.push(task);
        } else {
            self.merge(by, task, line, true);
        }
    }

    fn task(&mut self, id: TaskId) -> &mut ReplayTask {
        self.tasks.get_mut(&id).expect("a task that was met")
    }

    fn take_deferred(&mut self, id: TaskId) -> Vec<TaskId> {
        let task = self.tasks.get_mut(&id);
        task.map(|task| std::mem::take(&mut task.deferred))
            .unwrap_or_default()
    }

    /// Adds a task whose beginning the profile has not seen: it has run since the profile began, on this thread.
    fn place_on_thread(&mut self, thread: usize, label: &Label) {
        self.ensure_known(label);
        let task = self.task(label.id());
        if !task.is_placed {
            task.is_placed = true;
            task.running_since = Some((thread, Duration::ZERO));
        }
        if self.stacks[thread].is_empty() {
            self.stacks[thread].push((label.id(), true));
        }
    }

    /// Adds a task whose beginning the profile may not have seen, and of which it may not be known yet where it runs.
    fn ensure_known(&mut self, label: &Label) {
        if !self.tasks.contains_key(&label.id()) {
            let mut task = ReplayTask::new(label.clone(), Duration::ZERO, Chain::default());
            task.profile.started = Some(Duration::ZERO);
            task.is_placed = false;
            self.order.push(label.id());
            self.tasks.insert(label.id(), task);
        }
    }

    /// Counts the time that the task has run until now; it runs on.
    fn flush(&mut self, id: TaskId, at: Duration) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        let Some((thread, since)) = task.running_since else {
            return;
        };
        // Another thread's clock may be behind.
        if at <= since {
            return;
        }
        let ran = at - since;
        task.running_since = Some((thread, at));
        task.chain.lengthen(ran);
        match task.profile.runs.last_mut() {
            Some(run) if run.thread == thread && run.to == since => run.to = at,
            _ => task.profile.runs.push(Run {
                thread,
                from: since,
                to: at,
            }),
        }
        self.work += ran;
    }

    fn pause(&mut self, id: TaskId, at: Duration) {
        self.flush(id, at);
        self.task(id).running_since = None;
    }

    /// Notes that `by` goes on after `joined`.
    fn merge(&mut self, by: TaskId, joined: TaskId, at: &'static Location<'static>, is_join: bool) {
        let wake = self.burden.wake;
        let Some(other) = self.tasks.get(&joined) else {
            return;
        };
        if other.profile.completed.is_none() {
            return;
        }
        let (chain, label) = (other.chain.clone(), other.profile.task.clone());
        if let Some(task) = self.tasks.get_mut(&by) {
            task.chain.follow(&chain, &label, (at, is_join), wake);
        }
    }

    /// The longest chain: the span, the burdened span, and the steps.
    pub(super) fn longest(&self) -> (Duration, Duration, Vec<Step>) {
        let tasks = || self.order.iter().filter_map(|id| self.tasks.get(id));
        let Some(last) = tasks().max_by_key(|task| task.chain.span) else {
            return (Duration::ZERO, Duration::ZERO, Vec::new());
        };
        let burdened = tasks().map(|task| task.chain.burdened).max();
        let steps = last.chain.steps(&last.profile.task);
        (last.chain.span, burdened.unwrap_or_default(), steps)
    }

    pub(super) fn into_tasks(mut self) -> (Vec<TaskProfile>, Vec<ScopeProfile>) {
        let tasks = self.order.iter().filter_map(|id| self.tasks.remove(id));
        (tasks.map(|task| task.profile).collect(), self.scopes)
    }
}

impl ReplayTask {
    fn new(label: Label, spawned: Duration, chain: Chain) -> Self {
        Self {
            profile: TaskProfile {
                task: label,
                parent: None,
                scope: None,
                spawned,
                started: None,
                completed: None,
                runs: Vec::new(),
                waits: Vec::new(),
                joined: None,
            },
            running_since: None,
            is_placed: true,
            waits: None,
            chain,
            deferred: Vec::new(),
        }
    }

    /// Returns true for a half of a fork: it is joined at the very place where it was made.
    fn is_half(&self) -> bool {
        let joined = self.profile.joined;
        joined.is_some_and(|(_, _, at)| at == self.profile.task.spawned_at())
    }
}

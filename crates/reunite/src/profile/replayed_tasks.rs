//! The tasks of a replay: when each has run, and the longest chain that ends in it.
//!
//! # The measure
//! As in Cilkview (He, Leiserson, Leiserson, SPAA 2010). A task begins with the span that its parent had when it
//! spawned it. Running adds to the span, and so do sleeping and calls marked as blocking. A join makes the joiner's
//! span at least the joined task's; the end of a scope does so for all its tasks. The *burdened* span adds the costs of
//! starts and wake-ups. The program's span is the largest span at the end.

use std::collections::BTreeMap;
use std::panic::Location;

use super::chain::{CameBy, Chain};
use super::model::{Run, Step, TaskProfile, Waited};
use crate::id::{ByNumber, Label, TaskId};
use crate::observe::Completion;
use crate::primitive::Duration;

/// The costs of a start and a wake-up.
#[derive(Clone, Copy, Default)]
pub(super) struct Burden {
    pub(super) start: Duration,
    pub(super) wake: Duration,
}

pub(super) struct ReplayedTasks {
    burden: Burden,
    tasks: ByNumber<TaskId, ReplayedTask>,
    /// In the order in which the replay met them.
    order: Vec<TaskId>,
    members: BTreeMap<TaskId, Vec<TaskId>>,
    pub(super) work: Duration,
}

struct ReplayedTask {
    profile: TaskProfile,
    running_since: Option<(usize, Duration)>,
    /// True if it is known where it runs, or that it does not run.
    is_placed: bool,
    waits: Option<Waited>,
    chain: Chain,
    deferred: Vec<TaskId>,
}

impl ReplayedTasks {
    pub(super) fn new(burden: Burden) -> Self {
        Self {
            burden,
            tasks: ByNumber::default(),
            order: Vec::new(),
            members: BTreeMap::new(),
            work: Duration::ZERO,
        }
    }

    pub(super) fn spawn(&mut self, task: &Label, by: TaskId, scope: TaskId, at: Duration) {
        self.flush(by, at);
        let parent = &self.tasks[&by];
        let mut chain = parent
            .chain
            .handed_on(&parent.profile.task, task.spawned_at());
        if !parent.is_placed {
            chain.lengthen(at);
        }
        let mut child = ReplayedTask::new(task.clone(), at, chain);
        child.profile.parent = Some(by);
        child.profile.scope = Some(scope);
        self.members.entry(scope).or_default().push(task.id());
        self.insert(child);
    }

    /// Notes that the task begins to run on that thread.
    pub(super) fn start(&mut self, task: &Label, thread: usize, at: Duration) {
        if !self.tasks.contains_key(&task.id()) {
            // Its spawn was discarded, or came before the profile.
            self.insert(ReplayedTask::new(task.clone(), at, Chain::default()));
        }
        let burden = self.burden.start;
        let known = self.task(task.id());
        known.profile.started = Some(at);
        known.running_since = Some((thread, at));
        known.chain.burdened += burden;
    }

    pub(super) fn complete(&mut self, task: &Label, how: Completion, at: Duration) {
        self.flush(task.id(), at);
        for member in self.take_deferred(task.id()) {
            self.merge(task.id(), member, task.spawned_at(), CameBy::End);
        }
        if let Some(known) = self.tasks.get_mut(&task.id()) {
            known.running_since = None;
            known.profile.completed = Some((at, how));
        }
    }

    /// Notes that the task stops running.
    pub(super) fn pause(&mut self, id: TaskId, at: Duration) {
        self.flush(id, at);
        self.task(id).running_since = None;
    }

    /// Notes that the task runs again, on that thread.
    pub(super) fn run_on(&mut self, id: TaskId, thread: usize, at: Duration) {
        self.task(id).running_since = Some((thread, at));
    }

    /// Notes that the task begins to wait.
    pub(super) fn block(&mut self, id: TaskId, waited: Waited) {
        self.pause(id, waited.from);
        self.task(id).waits = Some(waited);
    }

    /// Notes that the task runs again, on that thread, and that the wait which it began last is over.
    pub(super) fn resume(&mut self, id: TaskId, thread: usize, at: Duration) {
        self.run_on(id, thread, at);
        let known = self.task(id);
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

    /// Notes that `by` joined the task. With `is_deferred`, that counts only when `by` ends a scope or completes.
    pub(super) fn join(
        &mut self,
        task: TaskId,
        by: TaskId,
        line: &'static Location<'static>,
        at: Duration,
        is_deferred: bool,
    ) {
        self.flush(by, at);
        if let Some(known) = self.tasks.get_mut(&task) {
            known.profile.joined = Some((at, by, line));
        }
        // A half of a fork is joined where it was made, and cannot be joined later.
        let is_half = self.tasks.get(&task).is_some_and(ReplayedTask::is_half);
        if is_deferred && !is_half {
            self.task(by).deferred.push(task);
        } else {
            self.merge(by, task, line, CameBy::Join);
        }
    }

    /// Notes that `by` has waited for the end of a scope.
    pub(super) fn end_scope(&mut self, scope: &Label, by: TaskId, at: Duration) {
        self.flush(by, at);
        let members = self.members.get(&scope.id()).cloned().unwrap_or_default();
        let deferred = self.take_deferred(by);
        for member in members.into_iter().chain(deferred) {
            self.merge(by, member, scope.spawned_at(), CameBy::End);
        }
    }

    /// Adds a task whose beginning the profile has not seen: it has run since the profile began, on this thread.
    pub(super) fn ensure_placed(&mut self, label: &Label, thread: usize) {
        self.ensure_known(label);
        let task = self.task(label.id());
        if !task.is_placed {
            task.is_placed = true;
            task.running_since = Some((thread, Duration::ZERO));
        }
    }

    /// Adds a task whose beginning the profile may not have seen, and of which it may not be known yet where it runs.
    pub(super) fn ensure_known(&mut self, label: &Label) {
        if !self.tasks.contains_key(&label.id()) {
            let mut task = ReplayedTask::new(label.clone(), Duration::ZERO, Chain::default());
            task.profile.started = Some(Duration::ZERO);
            task.is_placed = false;
            self.insert(task);
        }
    }

    fn insert(&mut self, task: ReplayedTask) {
        let id = task.profile.task.id();
        self.order.push(id);
        self.tasks.insert(id, task);
    }

    fn task(&mut self, id: TaskId) -> &mut ReplayedTask {
        self.tasks.get_mut(&id).expect("a task that was met")
    }

    fn take_deferred(&mut self, id: TaskId) -> Vec<TaskId> {
        let task = self.tasks.get_mut(&id);
        task.map(|task| std::mem::take(&mut task.deferred))
            .unwrap_or_default()
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

    /// Notes that `by` goes on after `other`, if that has completed.
    fn merge(&mut self, by: TaskId, other: TaskId, at: &'static Location<'static>, came: CameBy) {
        let wake = self.burden.wake;
        let Some(other) = self.tasks.get(&other) else {
            return;
        };
        if other.profile.completed.is_none() {
            return;
        }
        let (chain, label) = (other.chain.clone(), other.profile.task.clone());
        if let Some(task) = self.tasks.get_mut(&by) {
            task.chain.follow(&chain, &label, (at, came), wake);
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

    pub(super) fn into_profiles(mut self) -> Vec<TaskProfile> {
        let tasks = self.order.iter().filter_map(|id| self.tasks.remove(id));
        tasks.map(|task| task.profile).collect()
    }
}

impl ReplayedTask {
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

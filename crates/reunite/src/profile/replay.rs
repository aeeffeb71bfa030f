//! Replaying the records in the order in which the events happened: which task ran when, and on which thread.

use std::panic::Location;

use super::model::{ScopeProfile, Step, TaskProfile, Waited};
use super::record::{EventRecord, RecordedEvent};
use super::replayed_tasks::{Burden, ReplayedTasks};
use crate::id::{Label, TaskId};
use crate::observe::Completion;
use crate::primitive::Duration;

pub(super) struct Replay {
    tasks: ReplayedTasks,
    scopes: Vec<ScopeProfile>,
    /// Joins at this line count only at the end of the joiner's scope: to compute the span if they came later.
    deferred: Option<&'static Location<'static>>,
    /// The tasks that each thread runs, one inside the other's wait.
    stacks: Vec<Vec<StackedTask>>,
}

/// A task on the stack of a thread.
#[derive(Clone, Copy)]
struct StackedTask {
    id: TaskId,
    /// False while it waits. If it is the last of the stack and does not wait, it runs.
    is_ready: bool,
}

impl Replay {
    pub(super) fn new(burden: Burden, deferred: Option<&'static Location<'static>>) -> Self {
        Self {
            tasks: ReplayedTasks::new(burden),
            scopes: Vec::new(),
            deferred,
            stacks: Vec::new(),
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
            if let Some(task) = self.running_on(thread) {
                self.tasks.pause(task, until(thread));
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
                    self.tasks.ensure_known(by);
                } else {
                    self.place_on_thread(thread, by);
                }
                self.tasks.spawn(task, by.id(), scope.id(), at);
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
                self.block(Waited {
                    verb: *verb,
                    object: object.clone(),
                    at: line,
                    thread,
                    from: at,
                    to: at,
                    holds: *holds,
                });
            }
            RecordedEvent::Resume => self.resume(thread, at),
            RecordedEvent::Join { task, by, at: line } => {
                self.place_on_thread(thread, by);
                let is_deferred = self.deferred == Some(line);
                self.tasks.join(task.id(), by.id(), line, at, is_deferred);
            }
        }
    }

    fn end(&mut self, scope: &Label, by: TaskId, at: Duration) {
        self.tasks.end_scope(scope, by, at);
        let mut scopes = self.scopes.iter_mut();
        if let Some(ended) = scopes.rfind(|seen| seen.scope.id() == scope.id()) {
            ended.ended = Some(at);
        }
    }

    fn start(&mut self, thread: usize, task: &Label, at: Duration) {
        if let Some(outer) = self.running_on(thread) {
            self.tasks.pause(outer, at);
        }
        self.tasks.start(task, thread, at);
        self.stacks[thread].push(StackedTask::ready(task));
    }

    fn complete(&mut self, thread: usize, task: &Label, how: Completion, at: Duration) {
        self.tasks.complete(task, how, at);
        let stack = &mut self.stacks[thread];
        if let Some(place) = stack.iter().rposition(|stacked| stacked.id == task.id()) {
            stack.truncate(place);
        }
        if let Some(outer) = self.running_on(thread) {
            self.tasks.run_on(outer, thread, at);
        }
    }

    /// Notes that the task that runs on that thread begins to wait.
    fn block(&mut self, waited: Waited) {
        let stack = &mut self.stacks[waited.thread];
        let top = stack.last_mut().expect("the task that waits was met");
        top.is_ready = false;
        self.tasks.block(top.id, waited);
    }

    fn resume(&mut self, thread: usize, at: Duration) {
        if let Some(top) = self.stacks[thread].last_mut() {
            top.is_ready = true;
            self.tasks.resume(top.id, thread, at);
        }
    }

    /// Returns the task that runs on that thread, unless it waits.
    fn running_on(&self, thread: usize) -> Option<TaskId> {
        let top = self.stacks[thread].last()?;
        top.is_ready.then_some(top.id)
    }

    /// Adds a task whose beginning the profile has not seen: it has run since the profile began, on this thread.
    fn place_on_thread(&mut self, thread: usize, label: &Label) {
        self.tasks.ensure_placed(label, thread);
        let stack = &mut self.stacks[thread];
        if stack.is_empty() {
            stack.push(StackedTask::ready(label));
        }
    }

    /// The time that all tasks together have worked.
    pub(super) fn work(&self) -> Duration {
        self.tasks.work
    }

    /// The longest chain: the span, the burdened span, and the steps.
    pub(super) fn longest(&self) -> (Duration, Duration, Vec<Step>) {
        self.tasks.longest()
    }

    pub(super) fn into_profiles(self) -> (Vec<TaskProfile>, Vec<ScopeProfile>) {
        (self.tasks.into_profiles(), self.scopes)
    }
}

impl StackedTask {
    fn ready(task: &Label) -> Self {
        Self {
            id: task.id(),
            is_ready: true,
        }
    }
}

//! The contents of a profile.

use std::panic::Location;

use crate::id::{Label, TaskId};
use crate::observe::{Completion, Verb};
use crate::primitive::Duration;

/// A profile: how parallel a program was, how parallel it could be, and what held it back; see [`start`](super::start).
///
/// All instants are given as durations since the profile began.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// The duration of the profile.
    pub wall: Duration,
    /// The number of cores that the process may use.
    pub cores: usize,
    /// The time that tasks ran, slept, or were in calls marked as [`blocking`](crate::blocking): the duration of the
    /// program if everything were done one after another. Other waits in this library do not count.
    pub work: Duration,
    /// The duration of the longest chain of things that had to happen one after another: no number of cores makes it
    /// shorter. Joins and ends of scopes connect the chain; waits for locks and channels do not.
    pub span: Duration,
    /// The span with the measured costs of a spawn and a wake-up added wherever the chain passes one.
    pub burdened_span: Duration,
    /// Every task that was seen, in the order in which they were spawned.
    pub tasks: Vec<TaskProfile>,
    /// Every scope that was seen, in the order in which they were opened.
    pub scopes: Vec<ScopeProfile>,
    /// Every thread that ran a task.
    pub threads: Vec<ThreadProfile>,
    /// The lines that waited for tasks; those where most time was lost come first.
    pub sites: Vec<JoinSite>,
    /// The chain that makes the span.
    pub critical_path: Vec<Step>,
    /// Suggestions of what to look at first.
    pub hints: Vec<Hint>,
    /// The number of older events that were discarded because a thread's buffer was full.
    pub forgotten: u64,
}

/// A task, or a thread that this library did not start, in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskProfile {
    /// The task or thread.
    pub task: Label,
    /// The task or thread that spawned this one.
    pub parent: Option<TaskId>,
    /// The scope to which the task belongs.
    pub scope: Option<TaskId>,
    /// The instant at which the task was spawned.
    pub spawned: Duration,
    /// The instant at which the task began to run.
    pub started: Option<Duration>,
    /// The instant at which the task completed, and how.
    pub completed: Option<(Duration, Completion)>,
    /// The stretches of time in which the task ran, with their threads.
    pub runs: Vec<Run>,
    /// The task's waits.
    pub waits: Vec<Waited>,
    /// The instant at which the task's result was taken, the task that took it, and the line.
    pub joined: Option<(Duration, TaskId, &'static Location<'static>)>,
}

/// A stretch of time in which a task ran on a thread.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Run {
    /// An index into [`Profile::threads`].
    pub thread: usize,
    /// The instant at which it began.
    pub from: Duration,
    /// The instant at which it ended.
    pub to: Duration,
}

/// A wait of a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waited {
    /// The operation.
    pub verb: Verb,
    /// The task or scope for which the task waited; `None` if it waited for something else.
    pub object: Option<Label>,
    /// The line where it waited.
    pub at: &'static Location<'static>,
    /// The thread: an index into [`Profile::threads`].
    pub thread: usize,
    /// The instant at which it began.
    pub from: Duration,
    /// The instant at which it ended.
    pub to: Duration,
    /// The number of locks that the task held.
    pub holds: usize,
}

/// A scope in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeProfile {
    /// The scope.
    pub scope: Label,
    /// The task that opened the scope.
    pub owner: TaskId,
    /// The instant at which the scope was opened.
    pub opened: Duration,
    /// The instant at which it ended.
    pub ended: Option<Duration>,
}

/// A thread in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadProfile {
    /// The thread's name in the system.
    pub name: String,
}

/// A line that waited for tasks, and what that cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JoinSite {
    /// The line.
    pub at: &'static Location<'static>,
    /// The operation; one that [waits for tasks](Verb::is_for_tasks).
    pub verb: Verb,
    /// The number of waits.
    pub waits: usize,
    /// The duration of all waits together.
    pub lost: Duration,
    /// The part in which the awaited task had not begun.
    pub not_started: Duration,
    /// The part in which the awaited task ran.
    pub running: Duration,
    /// The part in which the awaited task waited itself.
    pub blocked: Duration,
    /// The part from the completion of the awaited task until the waiting task went on.
    pub waking: Duration,
}

/// A part of the critical path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The task.
    pub task: Label,
    /// The line that connects this step to the one before: the line that spawned this task, the line of a join, or the
    /// line that opened a scope for whose end the task waited.
    pub at: &'static Location<'static>,
    /// True if `at` is the line of a join.
    pub is_join: bool,
    /// The duration of this step.
    pub lasts: Duration,
}

/// A suggestion of what to look at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hint {
    /// The kind of hint.
    pub kind: HintKind,
    /// The line.
    pub at: &'static Location<'static>,
    /// The time by which the span might be shorter.
    pub saves: Duration,
    /// A sentence that tells what was seen, and what to try.
    pub text: String,
}

/// Kinds of [`Hint`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HintKind {
    /// A join waits before its caller spawns more tasks.
    PrematureJoin,
    /// A task is joined right after it is spawned.
    SpawnThenJoin,
    /// A scope has only one task.
    LonelyScope,
    /// A join waits although tasks that are joined later are done.
    HeadOfLine,
    /// Tasks are so short that starting them costs more than running them.
    FineGrain,
    /// A lock is held during a wait for a task.
    LockAcrossJoin,
}

impl Profile {
    /// Work divided by span: more cores than this would not make the program faster.
    pub fn parallelism(&self) -> f64 {
        ratio(self.work, self.span)
    }

    /// [`parallelism`](Self::parallelism) with the costs of spawning and waking added to the span.
    pub fn burdened_parallelism(&self) -> f64 {
        ratio(self.work, self.burdened_span)
    }

    /// The share of the cores' time in which tasks ran, from 0 to 1.
    pub fn utilisation(&self) -> f64 {
        let runs = self.tasks.iter().flat_map(|task| &task.runs);
        ratio(
            runs.map(|run| run.to.saturating_sub(run.from)).sum(),
            self.wall * u32::try_from(self.cores).unwrap_or(u32::MAX),
        )
    }
}

fn ratio(a: Duration, b: Duration) -> f64 {
    if b.is_zero() {
        0.0
    } else {
        a.as_secs_f64() / b.as_secs_f64()
    }
}

//! What a profile holds.

use std::panic::Location;

use crate::id::{Label, TaskId};
use crate::observe::{Completion, Verb};
use crate::primitive::Duration;

/// How parallel a program was, how parallel it could be, and what held it back; see [`start`](super::start).
///
/// All instants are durations since the profile began.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// From beginning to end.
    pub wall: Duration,
    /// How many cores the process may use.
    pub cores: usize,
    /// The time that tasks ran, slept, or were in calls marked as [`blocking`](crate::blocking): what would pass
    /// if one thing were done after another. This library's other waits are left out.
    pub work: Duration,
    /// The longest chain of what had to happen one after another: no number of cores makes it shorter. Joins
    /// and scopes are counted; what is waited for through locks and queues is not known.
    pub span: Duration,
    /// The span with what a spawn and a wake-up cost here, as measured, added where the chain passes one.
    pub burdened_span: Duration,
    /// Every task that was seen, in the order in which they were spawned.
    pub tasks: Vec<TaskProfile>,
    /// Every scope that was seen, in the order in which they were opened.
    pub scopes: Vec<ScopeProfile>,
    /// Every thread that ran a task.
    pub threads: Vec<ThreadProfile>,
    /// The lines that waited for tasks, the one that lost most time first.
    pub sites: Vec<JoinSite>,
    /// The chain that makes the span.
    pub critical_path: Vec<Step>,
    /// What to look at first.
    pub hints: Vec<Hint>,
    /// Events that a full ring forgot.
    pub forgotten: u64,
}

/// A task, or a thread that this library did not start, in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskProfile {
    /// Which.
    pub task: Label,
    /// Who spawned it.
    pub parent: Option<TaskId>,
    /// The scope it belongs to.
    pub scope: Option<TaskId>,
    /// When it was spawned.
    pub spawned: Duration,
    /// When it began to run.
    pub started: Option<Duration>,
    /// When it completed, and how.
    pub completed: Option<(Duration, Completion)>,
    /// When and on which thread (an index into [`Profile::threads`]) it ran.
    pub runs: Vec<Run>,
    /// What it waited for.
    pub waits: Vec<Waited>,
    /// When its result was taken, by whom, at which line.
    pub joined: Option<(Duration, TaskId, &'static Location<'static>)>,
}

/// A stretch of time on a thread.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Run {
    /// An index into [`Profile::threads`].
    pub thread: usize,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
}

/// A wait of a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waited {
    /// The operation.
    pub verb: Verb,
    /// The task or scope it waited for, if it was one.
    pub object: Option<Label>,
    /// The line where it waited.
    pub at: &'static Location<'static>,
    /// On which thread: an index into [`Profile::threads`].
    pub thread: usize,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
    /// How many locks it held.
    pub holds: usize,
}

/// A scope in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeProfile {
    /// Which.
    pub scope: Label,
    /// Who opened it.
    pub owner: TaskId,
    /// When.
    pub opened: Duration,
    /// When it had ended.
    pub ended: Option<Duration>,
}

/// A thread in a [`Profile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadProfile {
    /// What the system calls it.
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
    /// How often it waited.
    pub waits: usize,
    /// For how long, in all.
    pub lost: Duration,
    /// Of that: while its task had not begun.
    pub not_started: Duration,
    /// While its task ran.
    pub running: Duration,
    /// While its task waited itself.
    pub blocked: Duration,
    /// From the completion of its task until it went on.
    pub waking: Duration,
}

/// A part of the critical path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Whose.
    pub task: Label,
    /// How the chain came to this task: where it was spawned, or the line of the join.
    pub at: &'static Location<'static>,
    /// Whether it came by a join.
    pub is_join: bool,
    /// How long this part is.
    pub lasts: Duration,
}

/// Something to look at. Its text is a sentence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hint {
    /// What kind of thing.
    pub kind: HintKind,
    /// The line.
    pub at: &'static Location<'static>,
    /// By how much the span would be shorter, at a guess.
    pub saves: Duration,
    /// What was seen, and what to try.
    pub text: String,
}

/// Kinds of [`Hint`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HintKind {
    /// A join waits although its caller has more to spawn.
    PrematureJoin,
    /// A task is joined right after it was spawned.
    SpawnThenJoin,
    /// A scope has one task.
    LonelyScope,
    /// Joins in order wait for the first although others are done.
    HeadOfLine,
    /// Tasks are so short that starting them costs more.
    FineGrain,
    /// A lock is held while a task is waited for.
    LockAcrossJoin,
}

impl Profile {
    /// Work by span: with so many cores it would be as fast as it can get.
    pub fn parallelism(&self) -> f64 {
        ratio(self.work, self.span)
    }

    /// [`parallelism`](Self::parallelism) with the costs of spawning and waking.
    pub fn burdened_parallelism(&self) -> f64 {
        ratio(self.work, self.burdened_span)
    }

    /// The part of the cores' time in which tasks ran, from 0 to 1.
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

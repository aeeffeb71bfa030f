//! A snapshot of the tree of scopes and tasks, as it is sent to the page.

use reunite::{Counters, DumpScope, DumpTask, DumpWait, Label};
use serde::Serialize;

use crate::counters::{EventCounters, Totals, program_waits};
use crate::is_its_own;

/// The maximum number of tasks sent per scope, started tasks first.
pub const MOST_OF_A_SCOPE: usize = 100;
/// The maximum number of tasks sent in total.
pub const MOST_TASKS: usize = 1_000;

#[derive(Serialize)]
pub(crate) struct Snapshot {
    #[serde(flatten)]
    totals: Totals,
    /// Excludes the view's own tasks.
    #[serde(flatten)]
    counts: StateCounts,
    threads: u64,
    steals: u64,
    blocked_seconds: f64,
    scopes: Vec<ScopeView>,
    /// The view's own tasks.
    own: Vec<TaskView>,
}

#[derive(Serialize)]
struct StateCounts {
    queued: usize,
    running: usize,
    blocked: usize,
}

#[derive(Serialize)]
struct ScopeView {
    id: u64,
    name: Option<String>,
    at: String,
    cancelled: Option<String>,
    /// The task that opened it, as messages name it.
    owner: Option<String>,
    owner_waits: Option<WaitView>,
    tasks: Vec<TaskView>,
    left_off: usize,
}

#[derive(Serialize)]
struct TaskView {
    id: u64,
    name: Option<String>,
    at: String,
    age: f64,
    state: &'static str,
    detached: bool,
    waits: Option<WaitView>,
    scopes: Vec<ScopeView>,
}

#[derive(Serialize)]
struct WaitView {
    what: String,
    at: String,
    seconds: f64,
    holds: Vec<String>,
}

impl Snapshot {
    pub(crate) fn now(counters: &EventCounters) -> Self {
        let mut dump = reunite::dump();
        let mut own = Vec::new();
        for scope in &mut dump.scopes {
            own.extend(scope.tasks.extract_if(.., |task| is_its_own(task)));
        }
        dump.scopes
            .retain(|scope| !scope.tasks.is_empty() || scope.owner.is_some());
        // Tasks outside of scopes come last.
        dump.scopes.sort_by_key(|scope| scope.owner.is_none());
        let totals = dump.counters();
        let (mut budget, mut own_budget) = (MOST_TASKS, MOST_OF_A_SCOPE);
        Self {
            totals: counters.totals(),
            counts: totals.into(),
            threads: totals.threads,
            steals: totals.steals,
            blocked_seconds: program_waits(totals.blocked_time).as_secs_f64(),
            scopes: dump
                .scopes
                .iter()
                .map(|scope| ScopeView::of(scope, &mut budget))
                .collect(),
            own: own
                .iter()
                .map(|task| TaskView::of(task, &mut own_budget))
                .collect(),
        }
    }
}

impl From<Counters> for StateCounts {
    fn from(counters: Counters) -> Self {
        Self {
            queued: counters.queued,
            running: counters.running,
            blocked: counters.blocked,
        }
    }
}

fn state(task: &DumpTask) -> &'static str {
    match (task.has_begun, &task.waits) {
        (false, _) => "queued",
        (true, None) => "running",
        (true, Some(_)) => "blocked",
    }
}

fn line(label: &Label) -> String {
    let at = label.spawned_at();
    format!("{}:{}", at.file(), at.line())
}

/// Returns the name of a task as in messages, without its source line.
fn name_of(label: &Label) -> String {
    let whole = label.to_string();
    match whole.strip_suffix(&format!(" ({})", line(label))) {
        Some(name) => name.to_owned(),
        None => whole,
    }
}

impl ScopeView {
    fn of(scope: &DumpScope, budget: &mut usize) -> Self {
        let mut tasks: Vec<&DumpTask> = scope.tasks.iter().collect();
        // A stable sort: spawn order is kept otherwise.
        tasks.sort_by_key(|task| !task.has_begun);
        let mut sent = Vec::new();
        for task in tasks.iter().take(MOST_OF_A_SCOPE) {
            if *budget == 0 {
                break;
            }
            *budget -= 1;
            sent.push(TaskView::of(task, budget));
        }
        Self {
            id: scope.scope.id().as_u64(),
            name: scope.scope.name().map(str::to_owned),
            at: line(&scope.scope),
            cancelled: scope.cancelled.clone(),
            owner: scope.owner.as_ref().map(name_of),
            owner_waits: scope.owner_waits.as_ref().map(WaitView::of),
            left_off: scope.tasks.len() - sent.len(),
            tasks: sent,
        }
    }
}

impl TaskView {
    fn of(task: &DumpTask, budget: &mut usize) -> Self {
        Self {
            id: task.task.id().as_u64(),
            name: task.task.name().map(str::to_owned),
            at: line(&task.task),
            age: task.age.as_secs_f64(),
            state: state(task),
            detached: task.is_detached,
            waits: task.waits.as_ref().map(WaitView::of),
            scopes: task
                .scopes
                .iter()
                .map(|scope| ScopeView::of(scope, budget))
                .collect(),
        }
    }
}

impl WaitView {
    fn of(wait: &DumpWait) -> Self {
        Self {
            what: wait.what.clone(),
            at: format!("{}:{}", wait.at.file(), wait.at.line()),
            seconds: wait.lasted.as_secs_f64(),
            holds: wait.holds.clone(),
        }
    }
}

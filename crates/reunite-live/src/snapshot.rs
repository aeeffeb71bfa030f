//! What there is to see at one moment, as the page gets it.

use reunite::{Counters, DumpScope, DumpTask, DumpWait, Label};
use serde::Serialize;

use crate::is_its_own;
use crate::tally::{Tally, Totals};

/// How many tasks are sent of a scope: those that have begun first.
pub const MOST_OF_A_SCOPE: usize = 100;
/// How many tasks are sent in all.
pub const MOST_TASKS: usize = 1_000;

#[derive(Serialize)]
pub(crate) struct Moment {
    #[serde(flatten)]
    totals: Totals,
    /// Of what is watched; the view itself is left out.
    #[serde(flatten)]
    counts: Counts,
    threads: u64,
    steals: u64,
    blocked_seconds: f64,
    scopes: Vec<Scope>,
    /// The view's own tasks.
    own: Vec<Task>,
}

#[derive(Serialize)]
struct Counts {
    queued: usize,
    running: usize,
    blocked: usize,
}

#[derive(Serialize)]
struct Scope {
    id: u64,
    name: Option<String>,
    at: String,
    cancelled: Option<String>,
    /// Who opened it, in words.
    owner: Option<String>,
    owner_waits: Option<Wait>,
    tasks: Vec<Task>,
    left_off: usize,
}

#[derive(Serialize)]
struct Task {
    id: u64,
    name: Option<String>,
    at: String,
    age: f64,
    state: &'static str,
    detached: bool,
    waits: Option<Wait>,
    scopes: Vec<Scope>,
}

#[derive(Serialize)]
struct Wait {
    what: String,
    at: String,
    seconds: f64,
    holds: Vec<String>,
}

impl Moment {
    pub(crate) fn now(tally: &Tally) -> Self {
        let mut dump = reunite::dump();
        let mut own = Vec::new();
        for scope in &mut dump.scopes {
            own.extend(scope.tasks.extract_if(.., |task| is_its_own(task)));
        }
        dump.scopes
            .retain(|scope| !scope.tasks.is_empty() || scope.owner.is_some());
        // What is outside of scopes comes last.
        dump.scopes.sort_by_key(|scope| scope.owner.is_none());
        let counters = dump.counters();
        let (mut room, mut own_room) = (MOST_TASKS, MOST_OF_A_SCOPE);
        Self {
            totals: tally.totals(),
            counts: counters.into(),
            threads: counters.threads,
            steals: counters.steals,
            blocked_seconds: tally.waits_of_others(counters.blocked_time).as_secs_f64(),
            scopes: dump
                .scopes
                .iter()
                .map(|scope| Scope::of(scope, &mut room))
                .collect(),
            own: own
                .iter()
                .map(|task| Task::of(task, &mut own_room))
                .collect(),
        }
    }
}

impl From<Counters> for Counts {
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

/// As messages call it, without its line.
fn who(label: &Label) -> String {
    let whole = label.to_string();
    match whole.strip_suffix(&format!(" ({})", line(label))) {
        Some(name) => name.to_owned(),
        None => whole,
    }
}

impl Scope {
    fn of(scope: &DumpScope, room: &mut usize) -> Self {
        let mut tasks: Vec<&DumpTask> = scope.tasks.iter().collect();
        // In spawn order otherwise.
        tasks.sort_by_key(|task| !task.has_begun);
        let mut sent = Vec::new();
        for task in tasks.iter().take(MOST_OF_A_SCOPE) {
            if *room == 0 {
                break;
            }
            *room -= 1;
            sent.push(Task::of(task, room));
        }
        Self {
            id: scope.scope.id().as_u64(),
            name: scope.scope.name().map(str::to_owned),
            at: line(&scope.scope),
            cancelled: scope.cancelled.clone(),
            owner: scope.owner.as_ref().map(who),
            owner_waits: scope.owner_waits.as_ref().map(Wait::of),
            left_off: scope.tasks.len() - sent.len(),
            tasks: sent,
        }
    }
}

impl Task {
    fn of(task: &DumpTask, room: &mut usize) -> Self {
        Self {
            id: task.task.id().as_u64(),
            name: task.task.name().map(str::to_owned),
            at: line(&task.task),
            age: task.age.as_secs_f64(),
            state: state(task),
            detached: task.is_detached,
            waits: task.waits.as_ref().map(Wait::of),
            scopes: task
                .scopes
                .iter()
                .map(|scope| Scope::of(scope, room))
                .collect(),
        }
    }
}

impl Wait {
    fn of(wait: &DumpWait) -> Self {
        Self {
            what: wait.what.clone(),
            at: format!("{}:{}", wait.at.file(), wait.at.line()),
            seconds: wait.lasted.as_secs_f64(),
            holds: wait.holds.clone(),
        }
    }
}

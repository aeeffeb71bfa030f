//! Snapshots of the live tree of tasks and of a run's timeline, taken in the background.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::profile::{Profile, Profiling, TaskProfile};
use reunite::{DumpScope, DumpTask};
use reunite_base::units::counted;

use crate::background::{BackgroundTask, Wake};

/// The shortest time between two snapshots.
const PAUSE: Duration = Duration::from_millis(500);
/// Snapshots take at most one part in so many of the time.
const SHARE: u32 = 20;
/// The events kept of each thread.
const EVENTS: usize = 20_000;
/// Spans closer to each other than this fraction of the whole time are merged.
const GRAIN: u32 = 1_000;
/// The most lanes shown.
const LANES: usize = 24;

/// A snapshot of the tasks and the timeline.
#[derive(Debug, Default)]
pub struct Insight {
    /// The live tree, one line per scope or task.
    pub tree: Vec<Line>,
    /// The timeline, one lane per task.
    pub lanes: Vec<Lane>,
    /// The time from the start of the run to this snapshot.
    pub wall: Duration,
    /// Figures and hints, one sentence each.
    pub notes: Vec<String>,
}

/// A scope or a task in the live tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The depth in the tree.
    pub depth: usize,
    /// True for a scope, false for a task.
    pub is_scope: bool,
    /// The name.
    pub name: String,
    /// The object of the task's wait, or the time that the task has run.
    pub doing: String,
    /// True if the task waits.
    pub waits: bool,
}

/// A task in the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The name.
    pub name: String,
    /// The runs, then the waits, which are drawn over the runs.
    pub spans: Vec<Span>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// True if the task waited.
    pub waits: bool,
    /// The start, from the start of the run.
    pub from: Duration,
    /// The end, from the start of the run.
    pub to: Duration,
}

/// Takes snapshots while the panel of tasks is open.
pub(crate) struct Watcher {
    wake: Wake,
    profiling: Option<Arc<Profiling>>,
    looking: Option<BackgroundTask<(Insight, Duration)>>,
    /// True from the end of the run until its last snapshot is taken.
    last: bool,
    next: Option<Instant>,
    insight: Option<Insight>,
}

impl Watcher {
    pub(crate) fn new(wake: Wake) -> Self {
        Self {
            wake,
            profiling: None,
            looking: None,
            last: false,
            next: None,
            insight: None,
        }
    }

    pub(crate) fn begin(&mut self) {
        self.profiling = Some(Arc::new(reunite::profile::flight_recorder(
            EVENTS,
            |_, _| {},
        )));
        self.insight = None;
        self.looking = None;
        self.last = false;
        self.next = None;
    }

    pub(crate) fn end(&mut self) {
        self.last = self.profiling.is_some();
    }

    pub(crate) fn insight(&self) -> Option<&Insight> {
        self.insight.as_ref()
    }

    /// Takes a finished snapshot and starts the next one if it is due. Returns when to call this again.
    pub(crate) fn tick(&mut self, now: Instant, watched: bool, working: bool) -> Option<Duration> {
        if let Some(seen) = self.looking.as_mut().and_then(BackgroundTask::take) {
            self.looking = None;
            if let Ok((insight, cost)) = seen {
                self.insight = Some(insight);
                self.next = Some(now + PAUSE.max(cost * SHARE));
            }
        }
        if self.looking.is_some() {
            return None;
        }
        if self.last {
            self.last = false;
            self.look(true);
            return None;
        }
        if !(watched && working) {
            return None;
        }
        if self.next.is_some_and(|next| now < next) {
            return self.next.map(|next| next - now);
        }
        self.look(false);
        None
    }

    fn look(&mut self, last: bool) {
        let profiling = if last {
            self.profiling.take()
        } else {
            self.profiling.clone()
        };
        if let Some(profiling) = profiling {
            self.looking = Some(BackgroundTask::start("insight", &self.wake, move || {
                let start = Instant::now();
                let insight = look(&profiling);
                (insight, start.elapsed())
            }));
        }
    }
}

fn look(profiling: &Profiling) -> Insight {
    let mut tree = Vec::new();
    for scope in &reunite::dump().scopes {
        list_scope(scope, 0, &mut tree);
    }
    let profile = profiling.look();
    Insight {
        tree,
        lanes: lanes(&profile),
        wall: profile.wall,
        notes: notes(&profile),
    }
}

fn list_scope(scope: &DumpScope, depth: usize, lines: &mut Vec<Line>) {
    lines.push(Line {
        depth,
        is_scope: true,
        name: called(scope.scope.name(), "scope"),
        doing: scope
            .cancelled
            .as_ref()
            .map_or(String::new(), |why| format!("cancelled: {why}")),
        waits: false,
    });
    for task in &scope.tasks {
        list_task(task, depth + 1, lines);
    }
}

fn list_task(task: &DumpTask, depth: usize, lines: &mut Vec<Line>) {
    let age = format!("for {:.1} s", task.age.as_secs_f64());
    lines.push(Line {
        depth,
        is_scope: false,
        name: called(task.task.name(), "task"),
        doing: match &task.waits {
            Some(wait) => format!("{}, for {:.1} s", wait.what, wait.lasted.as_secs_f64()),
            None if task.has_begun => format!("runs {age}"),
            None => format!("queued {age}"),
        },
        waits: task.waits.is_some(),
    });
    for scope in &task.scopes {
        list_scope(scope, depth + 1, lines);
    }
}

fn called(name: Option<&str>, otherwise: &str) -> String {
    name.unwrap_or(otherwise).to_owned()
}

fn lanes(profile: &Profile) -> Vec<Lane> {
    let grain = profile.wall / GRAIN;
    let shown = |task: &&TaskProfile| task.started.is_some() && task.parent.is_some();
    let mut lanes: Vec<Lane> = profile
        .tasks
        .iter()
        .filter(shown)
        .map(|task| Lane {
            name: called(task.task.name(), "task"),
            spans: spans(task, grain),
        })
        .filter(|lane| !lane.spans.is_empty())
        .collect();
    lanes.truncate(LANES);
    lanes
}

/// Returns the runs, then the waits, each merged where they are closer than `grain`.
fn spans(task: &TaskProfile, grain: Duration) -> Vec<Span> {
    let runs = task.runs.iter().map(|run| (run.from, run.to));
    let waits = task.waits.iter().map(|wait| (wait.from, wait.to));
    let waits = waits.filter(|(from, to)| to.saturating_sub(*from) > grain);
    let mut spans: Vec<Span> = Vec::new();
    let all = runs
        .map(|run| (false, run))
        .chain(waits.map(|wait| (true, wait)));
    for (waits, (from, to)) in all {
        match spans.last_mut() {
            Some(last) if last.waits == waits && from >= last.from && from <= last.to + grain => {
                last.to = last.to.max(to);
            }
            _ => spans.push(Span { waits, from, to }),
        }
    }
    spans
}

fn notes(profile: &Profile) -> Vec<String> {
    let mut notes = vec![format!(
        "{:.1} s of work in {:.1} s: {:.0} % of {}",
        profile.work.as_secs_f64(),
        profile.wall.as_secs_f64(),
        profile.utilisation() * 100.0,
        counted(profile.cores, "core"),
    )];
    notes.extend(profile.sites.iter().take(2).map(|site| {
        format!(
            "{} at {}:{}: {}, {:.1} s",
            site.verb,
            short(site.at.file()),
            site.at.line(),
            counted(site.waits, "wait"),
            site.lost.as_secs_f64()
        )
    }));
    notes
}

/// Returns the last two components of a source file's path.
fn short(file: &str) -> &str {
    file.rmatch_indices('/')
        .nth(1)
        .map_or(file, |(at, _)| &file[at + 1..])
}

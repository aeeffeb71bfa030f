//! Counts of tasks, and reports of failures, since the view started.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reunite::{Completion, Event, Label, Observer, Observing, TaskId};
use serde::Serialize;

use crate::own;

/// The total waiting time of the tasks of all views, in nanoseconds. Each wait is added by one view's observer.
static OWN_WAITS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The task of a view that waits on this thread, and since when.
    static WAITS_SINCE: Cell<Option<(TaskId, Instant)>> = const { Cell::new(None) };
}

/// The maximum number of reports; older ones are dropped.
const MAX_REPORTS: usize = 50;

pub(crate) struct EventCounters {
    began: Instant,
    spawned: AtomicU64,
    completed: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    reports: Mutex<Reports>,
}

#[derive(Default)]
struct Reports {
    /// Newest first.
    newest: VecDeque<ReportEntry>,
    count: u64,
}

/// A deadlock, stall, panic or straggler.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportEntry {
    number: u64,
    seconds: f64,
    kind: &'static str,
    text: String,
}

/// Totals since the view started.
#[derive(Serialize)]
pub(crate) struct Totals {
    pub(crate) seconds: f64,
    spawned: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    reports: Vec<ReportEntry>,
    report_count: u64,
}

/// The observer. The library owns it, so it shares the counters with the view.
struct CountingObserver(Arc<EventCounters>);

impl EventCounters {
    /// Returns counters, and the registration of their observer: they count until it is dropped.
    pub(crate) fn begin() -> (Arc<Self>, Observing) {
        let counters = Arc::new(Self {
            began: Instant::now(),
            spawned: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            reports: Mutex::default(),
        });
        let observing = reunite::observe(CountingObserver(Arc::clone(&counters)));
        (counters, observing)
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn add_report(&self, kind: &'static str, text: String) {
        let seconds = self.seconds();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.count += 1;
        let number = reports.count;
        reports.newest.push_front(ReportEntry {
            number,
            seconds,
            kind,
            text,
        });
        reports.newest.truncate(MAX_REPORTS);
    }

    pub(crate) fn totals(&self) -> Totals {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        Totals {
            seconds: self.seconds(),
            spawned: count(&self.spawned),
            completed: count(&self.completed),
            failed: count(&self.failed),
            cancelled: count(&self.cancelled),
            reports: reports.newest.iter().cloned().collect(),
            report_count: reports.count,
        }
    }

    fn completed(&self, task: &Label, how: Completion) {
        increment(&self.completed);
        match how {
            Completion::Value => {}
            Completion::Error => increment(&self.failed),
            Completion::Cancelled => increment(&self.cancelled),
            Completion::Panic => {
                increment(&self.failed);
                self.add_report("panic", format!("{task} panicked"));
            }
        }
    }
}

/// Returns the waiting time of the program's tasks: `all` without that of the tasks of views.
pub(crate) fn program_waits(all: Duration) -> Duration {
    let own = Duration::from_nanos(OWN_WAITS.load(Ordering::Relaxed));
    all.saturating_sub(own)
}

fn increment(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

impl Observer for CountingObserver {
    fn on_event(&self, event: &Event<'_>) {
        let counters = &self.0;
        match *event {
            Event::Start { task } => own::starts(task),
            Event::Spawn { task, by, .. } => {
                let is_own = own::spawns(task, by);
                if !is_own {
                    increment(&counters.spawned);
                }
            }
            Event::Complete { task, .. } if own::completes(task) => {}
            Event::Complete { task, how } => counters.completed(task, how),
            Event::Block { task, .. } if own::runs(task) => {
                WAITS_SINCE.set(Some((task.id(), Instant::now())));
            }
            // The first observer takes the time; those of other views then find none.
            Event::Resume { task } => {
                if let Some((waiting, since)) = WAITS_SINCE.take()
                    && waiting == task.id()
                {
                    let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    OWN_WAITS.fetch_add(nanos, Ordering::Relaxed);
                }
            }
            Event::Deadlock { deadlock } => counters.add_report("deadlock", deadlock.to_string()),
            Event::Stall { stall } if !stall.is_idle => {
                counters.add_report("stall", stall.to_string())
            }
            Event::Late {
                waiting,
                stragglers,
            } => {
                for straggler in stragglers {
                    counters.add_report("late", format!("{waiting} waits: {straggler}"));
                }
            }
            _ => {}
        }
    }
}

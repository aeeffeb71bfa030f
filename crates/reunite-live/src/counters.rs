//! What comes and goes, and what went wrong, since the view began.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reunite::{Completion, Event, Label, Observer, Observing};
use serde::Serialize;

use crate::own::{is_of_the_view, is_spawned_here, unmark_thread};

thread_local! {
    /// Since when a task of the view's waits on this thread.
    static WAITS_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How many reports are kept: the newest.
const MOST_REPORTS: usize = 50;

pub(crate) struct Tally {
    began: Instant,
    spawned: AtomicU64,
    completed: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    /// For how long the view's own tasks have waited.
    own_waits: AtomicU64,
    reports: Mutex<Reports>,
}

#[derive(Default)]
struct Reports {
    /// Newest first.
    newest: VecDeque<Report>,
    count: u64,
}

/// Something that people should know of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    number: u64,
    seconds: f64,
    kind: &'static str,
    text: String,
}

/// Totals since the view began.
#[derive(Serialize)]
pub(crate) struct Totals {
    pub(crate) seconds: f64,
    spawned: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    reports: Vec<Report>,
    report_count: u64,
}

/// The observer's share, as the observer is the library's to drop.
struct Told(Arc<Tally>);

impl Tally {
    /// Counts until the second is dropped.
    pub(crate) fn begin() -> (Arc<Self>, Observing) {
        let tally = Arc::new(Self {
            began: Instant::now(),
            spawned: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            own_waits: AtomicU64::new(0),
            reports: Mutex::default(),
        });
        let observing = reunite::observe(Told(Arc::clone(&tally)));
        (tally, observing)
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Without what the view's own tasks have of it.
    pub(crate) fn waits_of_others(&self, all: Duration) -> Duration {
        let own = Duration::from_nanos(self.own_waits.load(Ordering::Relaxed));
        all.saturating_sub(own)
    }

    fn report(&self, kind: &'static str, text: String) {
        let seconds = self.seconds();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.count += 1;
        let number = reports.count;
        reports.newest.push_front(Report {
            number,
            seconds,
            kind,
            text,
        });
        reports.newest.truncate(MOST_REPORTS);
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
        one_more(&self.completed);
        match how {
            Completion::Value => {}
            Completion::Error => one_more(&self.failed),
            Completion::Cancelled => one_more(&self.cancelled),
            Completion::Panic => {
                one_more(&self.failed);
                self.report("panic", format!("{task} panicked"));
            }
        }
    }
}

fn one_more(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let tally = &self.0;
        match *event {
            Event::Start { .. } => unmark_thread(),
            Event::Spawn { task, by, .. } if is_spawned_here(task) || is_spawned_here(by) => {}
            Event::Spawn { .. } => one_more(&tally.spawned),
            Event::Complete { task, .. } if is_of_the_view(task) => {}
            Event::Complete { task, how } => tally.completed(task, how),
            Event::Block { task, .. } if is_of_the_view(task) => {
                WAITS_SINCE.set(Some(Instant::now()));
            }
            Event::Resume { .. } => {
                if let Some(since) = WAITS_SINCE.take() {
                    let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    tally.own_waits.fetch_add(nanos, Ordering::Relaxed);
                }
            }
            Event::Deadlock { deadlock } => tally.report("deadlock", deadlock.to_string()),
            Event::Stall { stall } if !stall.is_idle => tally.report("stall", stall.to_string()),
            Event::Late {
                waiting,
                stragglers,
            } => {
                for straggler in stragglers {
                    tally.report("late", format!("{waiting} waits: {straggler}"));
                }
            }
            _ => {}
        }
    }
}

//! What comes and goes, and what went wrong, since the view began.

use std::collections::VecDeque;
use std::io::{Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use reunite::{Completion, Event, Observer, Observing, Stall};
use serde::Serialize;

use crate::moment::Moment;

/// How many reports are kept: the newest.
const MOST_REPORTS: usize = 50;

pub(crate) struct Tally {
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
            reports: Mutex::default(),
        });
        let told = Arc::downgrade(&tally);
        reunite::on_stall(move |stall| {
            if let Some(tally) = told.upgrade() {
                tally.stalled(stall);
            }
            if !stall.is_idle {
                let _closed = writeln!(stderr(), "reunite: {stall}");
            }
        });
        let observing = reunite::observe(Told(Arc::clone(&tally)));
        (tally, observing)
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn stalled(&self, stall: &Stall) {
        if !stall.is_idle {
            self.report("stall", stall.to_string());
        }
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

    /// All that there is to see now, as JSON.
    pub(crate) fn moment(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Moment::now(self.totals()))
    }
}

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let tally = &self.0;
        let one_more = |of: &AtomicU64| {
            of.fetch_add(1, Ordering::Relaxed);
        };
        match event {
            Event::Spawn { .. } => one_more(&tally.spawned),
            Event::Complete { task, how } => {
                one_more(&tally.completed);
                match how {
                    Completion::Value => {}
                    Completion::Error => one_more(&tally.failed),
                    Completion::Cancelled => one_more(&tally.cancelled),
                    Completion::Panic => {
                        one_more(&tally.failed);
                        tally.report("panic", format!("{task} panicked"));
                    }
                }
            }
            Event::Deadlock { deadlock } => tally.report("deadlock", deadlock.to_string()),
            _ => {}
        }
    }
}

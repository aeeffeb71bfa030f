//! Recording events cheaply: each thread into a list of its own.
//!
//! A record has a number, which orders all records, and an instant. The numbers, not the instants, tell which event
//! came first: instants of different threads may be read in another order than the one in which the events happened.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::Location;

use crate::id::Label;
use crate::observe::{Completion, Event, Observer, Verb};
use crate::primitive::{
    Arc, Counter, Duration, Inside, Instant, Mutex, Ordering, foreign_thread_name, now,
    thread_local,
};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct EventRecord {
    pub(super) number: u64,
    pub(super) at: Duration,
    pub(super) what: RecordedEvent,
}

#[derive(Clone, Debug)]
pub(super) enum RecordedEvent {
    Open {
        scope: Label,
        by: Label,
    },
    End {
        scope: Label,
        by: Label,
    },
    Spawn {
        task: Label,
        by: Label,
        scope: Label,
    },
    Start {
        task: Label,
    },
    Complete {
        task: Label,
        how: Completion,
    },
    Block {
        task: Label,
        verb: Verb,
        object: Option<Label>,
        at: &'static Location<'static>,
        holds: usize,
    },
    Resume,
    Join {
        task: Label,
        by: Label,
        at: &'static Location<'static>,
    },
}

/// The clock of a profile.
pub(super) enum Clock {
    /// The time since this instant.
    Since(Instant),
    /// Returns how long the calling thread has worked, by a measure of the user.
    OfThread(Box<dyn Fn() -> Duration + Send + Sync>),
}

impl Clock {
    /// The time from now on.
    pub(super) fn begin() -> Self {
        Self::Since(now())
    }

    fn now(&self) -> Duration {
        match self {
            Self::Since(begin) => now().saturating_duration_since(*begin),
            Self::OfThread(worked) => worked(),
        }
    }
}

/// The records of one thread.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) records: Mutex<VecDeque<EventRecord>>,
}

pub(super) struct Recorder {
    number: u64,
    pub(super) clock: Clock,
    /// The number of records that a thread keeps; older ones are discarded.
    limit: usize,
    next: Counter,
    forgotten: Counter,
    pages: Mutex<Vec<Arc<Page>>>,
}

thread_local! {
    /// The pages of this thread, each with the number of its recorder, because there may be several recorders at the
    /// same time.
    static PAGES: RefCell<Vec<(u64, Arc<Page>)>> = const { RefCell::new(Vec::new()) };
}

impl Recorder {
    pub(super) fn new(clock: Clock, limit: usize) -> Self {
        static RECORDERS: Counter = Counter::new(0);
        Self {
            number: RECORDERS.fetch_add(1, Ordering::Relaxed),
            clock,
            limit,
            next: Counter::new(0),
            forgotten: Counter::new(0),
            pages: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// The number of events so far.
    pub(super) fn count(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The pages, each with the records that it holds now.
    pub(super) fn pages(&self) -> Vec<(String, Vec<EventRecord>)> {
        let pages = self.pages.lock().clone();
        let read = |page: &Arc<Page>| {
            let records = page.records.lock().iter().cloned().collect();
            (page.name.clone(), records)
        };
        pages.iter().map(read).collect()
    }

    fn page(&self) -> Arc<Page> {
        let page = PAGES.try_with(|here| {
            let _inside = Inside::mark();
            let mut here = here.borrow_mut();
            if let Some((_, page)) = here.iter().find(|(number, _)| *number == self.number) {
                return Arc::clone(page);
            }
            // A page to which only this thread refers belongs to a recorder that was dropped.
            here.retain(|(_, page)| Arc::strong_count(page) > 1);
            let page = self.new_page();
            here.push((self.number, Arc::clone(&page)));
            page
        });
        page.unwrap_or_else(|_| self.new_page())
    }

    fn new_page(&self) -> Arc<Page> {
        let page = Arc::new(Page {
            name: foreign_thread_name().unwrap_or_else(|| "unnamed".to_owned()),
            records: Mutex::new(VecDeque::new()),
        });
        self.pages.lock().push(Arc::clone(&page));
        page
    }

    fn write(&self, what: RecordedEvent) {
        let at = self.now();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let page = self.page();
        let mut records = page.records.lock();
        if records.len() >= self.limit {
            records.pop_front();
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        records.push_back(EventRecord { number, at, what });
    }
}

/// The observer that passes events to a recorder.
pub(super) struct Scribe(pub(super) Arc<Recorder>);

impl Observer for Scribe {
    fn on_event(&self, event: &Event<'_>) {
        self.0.write(match *event {
            Event::Open { scope, by } => RecordedEvent::Open {
                scope: scope.clone(),
                by: by.clone(),
            },
            Event::End { scope, by } => RecordedEvent::End {
                scope: scope.clone(),
                by: by.clone(),
            },
            Event::Spawn { task, by, scope } => RecordedEvent::Spawn {
                task: task.clone(),
                by: by.clone(),
                scope: scope.clone(),
            },
            Event::Start { task } => RecordedEvent::Start { task: task.clone() },
            Event::Complete { task, how } => RecordedEvent::Complete {
                task: task.clone(),
                how,
            },
            Event::Block {
                task,
                verb,
                object,
                at,
                holds,
            } => RecordedEvent::Block {
                task: task.clone(),
                verb,
                object: object.cloned(),
                at,
                holds,
            },
            Event::Resume { .. } => RecordedEvent::Resume,
            Event::Join { task, by, at } => RecordedEvent::Join {
                task: task.clone(),
                by: by.clone(),
                at,
            },
            Event::Cancel { .. }
            | Event::Deadlock { .. }
            | Event::Stall { .. }
            | Event::Late { .. } => return,
        });
    }
}

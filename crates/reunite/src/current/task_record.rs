//! The live record of a task, and the context in which a thread runs it.

use std::panic::Location;

use crate::cancel::CancelNode;
use crate::deadlock::{WaitObject, WaitSite};
use crate::error::NOT_STARTED;
use crate::id::{Label, LabelKind, TaskId};
use crate::part::{Part, Whole};
use crate::primitive::{
    Arc, AtomicU8, Duration, Instant, Mutex, Ordering, coarse_millis, foreign_thread_name, now,
};

/// The task that a thread is running, and the cancel node under which it runs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) record: Part<TaskRecord>,
    pub(crate) node: Part<CancelNode>,
}

impl Context {
    /// Creates the context of a thread that this library did not start: nothing cancels it.
    #[track_caller]
    pub(super) fn foreign() -> Self {
        let label = Label::new(
            LabelKind::Foreign,
            foreign_thread_name(),
            Location::caller(),
        );
        Self {
            node: CancelNode::root(label.clone(), None),
            record: TaskRecord::new(label, None),
        }
    }
}

/// A task whose record and node are made on demand.
pub(crate) trait TaskContext: Whole {
    fn record(&self) -> &TaskRecord;

    fn node(&self) -> &CancelNode;

    /// Returns the node, if it was made. A task without one cannot have been cancelled.
    fn known_node(&self) -> Option<&CancelNode>;
}

impl From<&Arc<dyn TaskContext>> for Context {
    fn from(task: &Arc<dyn TaskContext>) -> Self {
        let task = || Arc::clone(task);
        Self {
            record: Part::of(task(), |task| task.record(), |task| task as _),
            node: Part::of(task(), |task| task.node(), |task| task as _),
        }
    }
}

/// The live record of one task: its label, its parent, and what it is doing.
#[derive(Debug)]
pub(crate) struct TaskRecord {
    pub(crate) label: Label,
    /// The task that waits for this one, at the end of a scope or when it drops the handle.
    parent: Mutex<Option<Part<TaskRecord>>>,
    created: SpawnTime,
    stage: AtomicU8,
    waiting: Mutex<Option<Waiting>>,
}

/// One wait, as other threads see it.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) site: WaitSite,
    pub(crate) since: Instant,
}

/// The time at which a task was spawned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SpawnTime {
    At(Instant),
    /// A time to a few milliseconds, read from a clock that costs little.
    About(u32),
}

impl SpawnTime {
    #[inline]
    pub(crate) fn now() -> Self {
        Self::At(now())
    }

    #[inline]
    pub(crate) fn about_now() -> Self {
        Self::About(coarse_millis())
    }
}

// The bits of `stage`. They are set and never cleared.

/// The stage without any bit: the task is queued.
const QUEUED: u8 = 0;
/// A thread has begun to run the task.
const RUNNING: u8 = 1;
/// The task was detached: it has no parent.
const DETACHED: u8 = 2;
/// The task only runs other tasks.
const CARRIER: u8 = 4;

impl TaskRecord {
    pub(crate) fn new(label: Label, parent: Option<Part<TaskRecord>>) -> Part<Self> {
        Self::created_at(now(), label, parent)
    }

    /// Creates the record of a task, of which it is a part.
    #[inline]
    pub(crate) fn of_task(
        label: Label,
        created: SpawnTime,
        parent: Option<Part<TaskRecord>>,
    ) -> Self {
        Self::since(created, label, parent)
    }

    /// Creates the record of a task that was created before its record.
    pub(crate) fn created_at(
        created: Instant,
        label: Label,
        parent: Option<Part<TaskRecord>>,
    ) -> Part<Self> {
        Part::new(Self::since(SpawnTime::At(created), label, parent))
    }

    #[inline]
    fn since(created: SpawnTime, label: Label, parent: Option<Part<TaskRecord>>) -> Self {
        Self {
            label,
            parent: Mutex::new(parent),
            created,
            stage: AtomicU8::new(QUEUED),
            waiting: Mutex::new(None),
        }
    }

    /// Marks the task as detached: no task waits for it any more, so it has no ancestors from here on.
    pub(crate) fn detach(&self) {
        self.stage.fetch_or(DETACHED, Ordering::Relaxed);
        self.forget_parent();
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.stage.load(Ordering::Relaxed) & DETACHED != 0
    }

    /// Marks the task as a carrier: it only runs other tasks, and the live tree shows these instead.
    pub(crate) fn mark_carrier(&self) {
        self.stage.fetch_or(CARRIER, Ordering::Relaxed);
    }

    pub(crate) fn is_carrier(&self) -> bool {
        self.stage.load(Ordering::Relaxed) & CARRIER != 0
    }

    /// Drops the reference to the parent, because the task has completed or was detached. Otherwise a chain
    /// of tasks, each spawned by the one before, would keep the records of all of them.
    pub(crate) fn forget_parent(&self) {
        // The reference is moved out of the lock before it is dropped, because it may be the last one.
        let _parent = self.parent.lock().take();
    }

    /// Returns the task that waits for this one.
    #[cfg(all(test, not(reunite_model)))]
    pub(crate) fn parent(&self) -> Option<Part<TaskRecord>> {
        self.parent.lock().clone()
    }

    /// Marks the task as begun. Returns true if it was not.
    pub(crate) fn start(&self) -> bool {
        self.stage.fetch_or(RUNNING, Ordering::SeqCst) & RUNNING == 0
    }

    pub(crate) fn age(&self) -> Duration {
        match self.created {
            SpawnTime::At(created) => now().saturating_duration_since(created),
            SpawnTime::About(millis) => {
                Duration::from_millis(coarse_millis().wrapping_sub(millis).into())
            }
        }
    }

    /// Describes what the task is doing, for messages: "running", "not started yet", "in join of task … for
    /// 2.0 s (…)".
    pub(crate) fn doing(&self) -> String {
        if let Some(Waiting { site, since }) = &*self.waiting.lock() {
            let object = match &site.object {
                WaitObject::None => String::new(),
                object => format!(" of {object}"),
            };
            let seconds = now().saturating_duration_since(*since).as_secs_f64();
            let (file, line) = (site.at.file(), site.at.line());
            return format!(
                "in {}{object} for {seconds:.1} s ({file}:{line})",
                site.verb
            );
        }
        let doing = if self.has_begun() {
            "running"
        } else {
            NOT_STARTED
        };
        doing.to_owned()
    }

    /// Returns true if a thread has begun to run the task.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage.load(Ordering::SeqCst) & RUNNING != 0
    }

    /// Returns true if this stands for a thread that the library did not start.
    pub(crate) fn is_foreign(&self) -> bool {
        self.label.is_foreign()
    }

    /// Returns what the task waits for and where, and for how long it has waited.
    pub(crate) fn waiting(&self) -> Option<(WaitSite, Duration)> {
        let waiting = self.waiting.lock().clone()?;
        Some((waiting.site, now().saturating_duration_since(waiting.since)))
    }

    /// Sets the task's wait. Returns the previous one, because a wait may be inside another.
    pub(crate) fn set_waiting(&self, waiting: Option<Waiting>) -> Option<Waiting> {
        std::mem::replace(&mut *self.waiting.lock(), waiting)
    }
}

impl Part<TaskRecord> {
    /// Returns this task, then those that wait for it, up to the outermost that is not older than `oldest`.
    /// Each is older than those below it; chains may be thousands long.
    pub(crate) fn lineage(&self, oldest: TaskId) -> impl Iterator<Item = Self> {
        self.ancestors()
            .take_while(move |record| record.label.id() >= oldest)
    }

    /// Returns this task, then those that wait for it, up to the outermost.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), |record| record.parent.lock().clone())
    }
}

//! The live record of a task, and what a thread runs it in.

use crate::cancel::Node;
use crate::deadlock::{Object, Site};
use crate::error::NOT_STARTED;
use crate::id::{Label, TaskId};
use crate::primitive::{Arc, AtomicU8, Duration, Instant, Mutex, Ordering, now};

/// What a thread is running, and under which cancel node.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) who: Arc<Who>,
    pub(crate) node: Arc<Node>,
}

/// The live record of one task: who it is, whose child, and what it is doing.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) label: Label,
    /// The task that waits for this one at the end of a scope or when it drops the handle.
    parent: Mutex<Option<Arc<Who>>>,
    created: Instant,
    stage: AtomicU8,
    waiting: Mutex<Option<Waiting>>,
}

/// One wait, as others see it.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) site: Site,
    pub(crate) since: Instant,
}

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const DETACHED: u8 = 2;
const CARRIER: u8 = 4;

impl Who {
    pub(crate) fn new(label: Label, parent: Option<Arc<Who>>) -> Arc<Self> {
        Self::created_at(now(), label, parent)
    }

    /// The record of a task that is older than it.
    pub(crate) fn created_at(
        created: Instant,
        label: Label,
        parent: Option<Arc<Who>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            label,
            parent: Mutex::new(parent),
            created,
            stage: AtomicU8::new(QUEUED),
            waiting: Mutex::new(None),
        })
    }

    /// Nobody waits for it any more: it has no ancestors from here on.
    pub(crate) fn detach(&self) {
        self.stage.fetch_or(DETACHED, Ordering::Relaxed);
        self.forget_parent();
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.stage.load(Ordering::Relaxed) & DETACHED != 0
    }

    /// It only runs tasks of others, which the live tree shows in its stead.
    pub(crate) fn carry_tasks(&self) {
        self.stage.fetch_or(CARRIER, Ordering::Relaxed);
    }

    pub(crate) fn is_carrier(&self) -> bool {
        self.stage.load(Ordering::Relaxed) & CARRIER != 0
    }

    /// It completed or was detached. Records must not hold each other for ever: a chain of tasks, each
    /// spawned by the one before, may be endless.
    pub(crate) fn forget_parent(&self) {
        // Taken out of the lock's reach first: it may be the last reference.
        let _parent = self.parent.lock().take();
    }

    pub(crate) fn start(&self) {
        self.stage.fetch_or(RUNNING, Ordering::Relaxed);
    }

    pub(crate) fn age(&self) -> Duration {
        now().saturating_duration_since(self.created)
    }

    /// This task, then those that wait for it, up to the outermost that is not older than `oldest`: each is older than
    /// those below it, and chains may be thousands long.
    pub(crate) fn lineage(self: &Arc<Self>, oldest: TaskId) -> impl Iterator<Item = Arc<Self>> {
        self.ancestors()
            .take_while(move |who| who.label.id() >= oldest)
    }

    /// This task, then those that wait for it, up to the outermost.
    pub(super) fn ancestors(self: &Arc<Self>) -> impl Iterator<Item = Arc<Self>> {
        std::iter::successors(Some(Arc::clone(self)), |who| who.parent.lock().clone())
    }

    /// A few words for messages: "running", "not started yet", "in join of task … for 2.0 s (…)".
    pub(crate) fn doing(&self) -> String {
        if let Some(Waiting { site, since }) = &*self.waiting.lock() {
            let object = match &site.object {
                Object::None => String::new(),
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

    /// Whether somebody has begun to run it.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage.load(Ordering::Relaxed) & RUNNING != 0
    }

    /// Whether it is a thread that this library did not start.
    pub(crate) fn is_foreign(&self) -> bool {
        self.label.is_foreign()
    }

    /// What it waits for, where, and for how long.
    pub(crate) fn waiting(&self) -> Option<(Site, Duration)> {
        let waiting = self.waiting.lock().clone()?;
        Some((waiting.site, now().saturating_duration_since(waiting.since)))
    }

    /// Returns what it waited for before: a wait may be inside another.
    pub(crate) fn set_waiting(&self, waiting: Option<Waiting>) -> Option<Waiting> {
        std::mem::replace(&mut *self.waiting.lock(), waiting)
    }
}

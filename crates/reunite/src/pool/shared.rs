//! The state that the members of a pool share, and how they carry out what its roster decides.

use std::io;
use std::panic::Location;

use super::life::Left;
use super::roster::{Roster, Rouse};
use super::seat::Seat;
use crate::contain::contain;
use crate::id::{Kind, Label, TaskId};
use crate::primitive::{Arc, AtomicBool, Counter, Duration, OnceLock, Ordering};
use crate::task::{Group, Picture, Visible, hide};
use crate::thread::start_worker;

/// The least patience: with less the watch itself would keep a core busy.
pub(super) const LEAST_PATIENCE: Duration = Duration::from_millis(1);

/// The longest patience of a pool that is watched so often that its looks can stand in for a clock: ages may
/// be off by that.
const OFTEN: Duration = Duration::from_millis(50);

/// The part of a pool's state that the watch uses; see `watch`.
pub(super) struct Watch {
    /// How long a member may stand still; `None` means for ever.
    pub(super) patience: Option<Duration>,
    pub(super) is_watched: AtomicBool,
    /// The number of looks at the pool.
    pub(super) looks: Counter,
    /// True if a standstill was reported that is not over.
    pub(super) has_reported: AtomicBool,
    /// True if it was reported that other threads get the places of members that stand still.
    pub(super) has_told: AtomicBool,
}

impl Watch {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self {
            patience: patience.map(|patience| patience.max(LEAST_PATIENCE)),
            is_watched: AtomicBool::new(false),
            looks: Counter::new(0),
            has_reported: AtomicBool::new(false),
            has_told: AtomicBool::new(false),
        }
    }

    /// Returns the number of looks at the pool: while work is queued and no thread is free to take it, that
    /// shows that time passes. `None` if the pool is watched rarely.
    #[inline]
    pub(super) fn looks(&self) -> Option<u64> {
        let is_often = self.patience.is_some_and(|patience| patience <= OFTEN);
        is_often.then(|| self.looks.load(Ordering::Relaxed))
    }
}

/// The state that the members of a pool share.
pub(super) struct Shared {
    pub(super) number: TaskId,
    pub(super) roster: Roster,
    pub(super) name: String,
    /// The line of the user that built the pool.
    pub(super) built_at: &'static Location<'static>,
    pub(super) stack_size: Option<usize>,
    pub(super) on_start: Option<Hook>,
    pub(super) on_exit: Option<Hook>,
    pub(super) group: OnceLock<Arc<Group>>,
    /// True if the system has granted the pool a thread.
    pub(super) has_thread: AtomicBool,
    pub(super) watch: Watch,
    pub(super) duties: Duties,
}

/// The functions that a pool's threads run. Set when the pool is made, as their code is in modules above.
#[derive(Clone, Copy)]
pub(super) struct Duties {
    /// Runs a worker.
    pub(super) work: fn(&Arc<Shared>) -> Counted,
    /// Has the pool watched.
    pub(super) watch: fn(&Arc<Shared>),
}

pub(super) type Hook = Box<dyn Fn() + Send + Sync>;

impl Shared {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn label(&self, at: &'static Location<'static>) -> Label {
        Label::new(Kind::Pool, Some(self.name.clone()), at)
    }

    /// Does what the roster decided. Returns false if no thread is left to work.
    pub(super) fn follow(self: &Arc<Self>, rouse: Rouse) -> bool {
        match rouse {
            Rouse::Nothing => true,
            Rouse::Start => self.start_thread().is_ok() || self.roster.is_awake(),
            Rouse::Starved => false,
            Rouse::Full => {
                self.watch();
                true
            }
        }
    }

    /// Has the pool watched, as work is queued and all places are taken: the watch sees if their members make
    /// progress.
    pub(super) fn watch(self: &Arc<Self>) {
        (self.duties.watch)(self);
    }

    /// Lets other threads have what is left of batches at `seats` without progress for `patience`. Returns
    /// true if any batch had something left.
    pub(super) fn divide(
        self: &Arc<Self>,
        seats: impl Iterator<Item = &'static Seat>,
        patience: Duration,
    ) -> bool {
        let (mut is_left, mut is_queued) = (false, false);
        for seat in seats {
            seat.life().each_divided(|work| match work.look(patience) {
                Left::Nothing => {}
                Left::Something => is_left = true,
                Left::Queued => is_queued = true,
            });
        }
        if is_queued {
            self.published();
        }
        is_left || is_queued
    }

    /// Makes a publication known. If no thread is left to do the work, blocked members check again, and one
    /// of them fails.
    pub(super) fn published(self: &Arc<Self>) {
        if !self.follow(self.roster.published()) {
            self.roster.wake_blocked(None);
        }
    }

    /// Starts a thread more than the spares allow: for a wait that cannot fail, and so must not starve. If
    /// the system refuses, the wait asks again when it checks its condition.
    pub(super) fn start_beyond_limit(self: &Arc<Self>) {
        self.roster.count_thread();
        let _later = self.start_thread();
    }

    /// Starts a thread that the roster has counted.
    pub(super) fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        let pool = Arc::clone(self);
        start_worker(self.name.clone(), self.stack_size, move || {
            // The panic hook has reported a panic of a hook; the thread works all the same.
            let call = |hook: &Option<Hook>| {
                if let Some(hook) = hook {
                    contain(hook);
                }
            };
            if pool.on_start.is_some() {
                // A thread in its hook does not look for work: others are woken for that.
                if pool.roster.stop_searching() {
                    pool.follow(pool.roster.look());
                }
                call(&pool.on_start);
                pool.roster.search_again();
            }
            let end = (pool.duties.work)(&pool);
            call(&pool.on_exit);
            drop(end);
        })
        .inspect(|()| self.has_thread.store(true, Ordering::Relaxed))
        .inspect_err(|error| self.roster.not_started(error))
    }

    /// Ensures that there is a thread, which then stays until the pool closes.
    ///
    /// # Errors
    /// There is none, and the system refuses one.
    pub(super) fn ensure_thread(self: &Arc<Self>) -> io::Result<()> {
        if self.has_thread.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.roster.count_thread();
        self.start_thread()
    }
}

impl Visible for Shared {
    fn pictures(&self) -> Vec<Picture> {
        self.roster.backlog.pictures()
    }
}

/// A guard: a worker's thread counts as one of its pool's until it is dropped.
pub(super) struct Counted(pub(super) Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.roster.end();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        hide(self.number);
    }
}

//! The state that the members of a pool share, and how they carry out what `members` decides.

use std::io;
use std::panic::Location;

use super::member_state::RemainingWork;
use super::members::{Members, WakeDecision};
use super::seat::Seat;
use crate::contain::contain;
use crate::id::{Label, LabelKind, TaskId};
use crate::primitive::{Arc, AtomicBool, Counter, Duration, OnceLock, Ordering};
use crate::task::{Group, ScopeSnapshot, Visible, hide};
use crate::thread::start_worker;

/// The least value of `spare_after`: with less, the watch itself would keep a core busy.
pub(super) const LEAST_SPARE_AFTER: Duration = Duration::from_millis(1);

/// The greatest value of `spare_after` with which the looks of the watch serve as a clock. Ages may be wrong
/// by that much.
const OFTEN: Duration = Duration::from_millis(50);

/// The part of a pool's state that the watch uses; see `watch`.
pub(super) struct WatchState {
    /// The time for which a member may stand still; `None` means for ever.
    pub(super) spare_after: Option<Duration>,
    pub(super) is_watched: AtomicBool,
    /// The number of looks at the pool.
    pub(super) looks: Counter,
    /// True if a standstill was reported that is not over.
    pub(super) has_reported: AtomicBool,
    /// True if it was reported that other threads get the places of members that stand still.
    pub(super) has_told: AtomicBool,
}

impl WatchState {
    pub(super) fn new(spare_after: Option<Duration>) -> Self {
        Self {
            spare_after: spare_after.map(|spare_after| spare_after.max(LEAST_SPARE_AFTER)),
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
        let is_often = self
            .spare_after
            .is_some_and(|spare_after| spare_after <= OFTEN);
        is_often.then(|| self.looks.load(Ordering::Relaxed))
    }
}

/// The state that the members of a pool share.
pub(super) struct PoolShared {
    pub(super) number: TaskId,
    pub(super) members: Members,
    pub(super) name: String,
    /// The line of the user that built the pool.
    pub(super) built_at: &'static Location<'static>,
    pub(super) stack_size: Option<usize>,
    pub(super) on_start: Option<Hook>,
    pub(super) on_exit: Option<Hook>,
    pub(super) group: OnceLock<Arc<Group>>,
    /// True if a thread of the pool was started.
    pub(super) has_thread: AtomicBool,
    pub(super) watch: WatchState,
    pub(super) duties: Duties,
}

/// The functions that a pool's threads run. Set when the pool is made, as their code is in modules above.
#[derive(Clone, Copy)]
pub(super) struct Duties {
    /// Runs a worker.
    pub(super) work: fn(&Arc<PoolShared>) -> WorkerGuard,
    /// Has the pool watched.
    pub(super) watch: fn(&Arc<PoolShared>),
}

pub(super) type Hook = Box<dyn Fn() + Send + Sync>;

impl PoolShared {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn label(&self, at: &'static Location<'static>) -> Label {
        Label::new(LabelKind::Pool, Some(self.name.clone()), at)
    }

    /// Does what `members` decided. Returns false if no thread is left to work.
    pub(super) fn follow(self: &Arc<Self>, rouse: WakeDecision) -> bool {
        match rouse {
            WakeDecision::Nothing => true,
            WakeDecision::Start => self.start_thread().is_ok() || self.members.is_awake(),
            WakeDecision::Starved => false,
            WakeDecision::Full => {
                self.watch();
                true
            }
        }
    }

    /// Makes the watch watch the pool, because work is queued and all places are taken: the watch then checks
    /// whether their members make progress.
    pub(super) fn watch(self: &Arc<Self>) {
        (self.duties.watch)(self);
    }

    /// Queues the rests of batches at `seats` that have made no progress for `spare_after`, so that other
    /// threads can take them. Returns true if any batch had items that have not begun.
    pub(super) fn divide(
        self: &Arc<Self>,
        seats: impl Iterator<Item = &'static Seat>,
        spare_after: Duration,
    ) -> bool {
        let (mut is_left, mut is_queued) = (false, false);
        for seat in seats {
            seat.member_state()
                .each_divided(|work| match work.look(spare_after) {
                    RemainingWork::Nothing => {}
                    RemainingWork::Something => is_left = true,
                    RemainingWork::Queued => is_queued = true,
                });
        }
        if is_queued {
            self.published();
        }
        is_left || is_queued
    }

    /// Makes published work known to the pool. If every thread of the pool blocks, makes them check for
    /// starvation, so that one of their waits is refused.
    pub(super) fn published(self: &Arc<Self>) {
        if !self.follow(self.members.published()) {
            self.members.wake_blocked(None);
        }
    }

    /// Starts one thread more than the spares allow, for a wait that cannot return an error. If the system
    /// refuses the thread, the wait tries again when it checks its condition next time.
    pub(super) fn start_beyond_limit(self: &Arc<Self>) {
        self.members.count_thread();
        let _later = self.start_thread();
    }

    /// Starts a thread that `members` has counted.
    pub(super) fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        let pool = Arc::clone(self);
        start_worker(self.name.clone(), self.stack_size, move || {
            // A panic of a hook was reported by the panic hook; the thread works nevertheless.
            let call = |hook: &Option<Hook>| {
                if let Some(hook) = hook {
                    contain(hook);
                }
            };
            if pool.on_start.is_some() {
                // A thread in its hook does not look for work: others are woken for that.
                if pool.members.stop_searching() {
                    pool.follow(pool.members.look());
                }
                call(&pool.on_start);
                pool.members.search_again();
            }
            let end = (pool.duties.work)(&pool);
            call(&pool.on_exit);
            drop(end);
        })
        .inspect(|()| self.has_thread.store(true, Ordering::Relaxed))
        .inspect_err(|error| self.members.not_started(error))
    }

    /// Ensures that the pool has a thread, which then stays until the pool closes.
    ///
    /// # Errors
    /// The pool has no thread, and the system refuses one.
    pub(super) fn ensure_thread(self: &Arc<Self>) -> io::Result<()> {
        if self.has_thread.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.members.count_thread();
        self.start_thread()
    }
}

impl Visible for PoolShared {
    fn snapshots(&self) -> Vec<ScopeSnapshot> {
        self.members.backlog.snapshots()
    }
}

/// A guard: until it is dropped, the thread of a worker counts as a thread of its pool.
pub(super) struct WorkerGuard(pub(super) Arc<PoolShared>);

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        self.0.members.end();
    }
}

impl Drop for PoolShared {
    fn drop(&mut self) {
        hide(self.number);
    }
}

//! What happens, told to whoever installed an observer.
//!
//! While nobody did, each event costs one relaxed load. An observer is called on the thread on which the event
//! happens, between the things it tells of, so it should be brief; one that panics is removed, and that is
//! told on standard error.
//!
//! It is called without a lock or a borrow of this library's, so it may do whatever other code may. What it does
//! itself, and what the tasks do that it spawns, is told to no observer: it would be called for its own calls, and
//! for those in turn. A thread, or a task, that observers are not told of is *quiet*.
//!
//! # Protocol
//! *Quiet* is a mark of the thread, which a guard sets ([`Quiet`]). Whatever hands work to another thread asks for the mark
//! where the work is made, keeps it with the work, and sets it on the thread that does the work: a task of a group
//! (`Entry`), a pool's scope for all its tasks (`Parent`), a fork (`Parcel`). To make a fork costs too little to ask for
//! anything: it is quiet if its thread was quiet before it was made, which is found out when it is published. For that the
//! pool writes down, on each thread that becomes quiet ([`on_quiet`]), which fork was the newest then. A thread stays quiet for
//! longer than any fork is open that it makes so.

use std::cell::Cell;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::{Stall, Straggler, Verb};
use crate::contain::{assert_outside, contain};
use crate::error::{Cancelled, CutShort, Deadlock};
use crate::id::Label;
use crate::primitive::{
    Arc, Counter, OnceLock, Ordering, StaticMutex, StaticMutexGuard, thread_local,
};

/// Something that happened to a task or a scope.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A scope was opened.
    Open {
        /// The scope.
        scope: &'a Label,
        /// Who opened it.
        by: &'a Label,
    },
    /// A scope has ended: its tasks are back.
    End {
        /// The scope.
        scope: &'a Label,
        /// Who opened it, and waited for its end.
        by: &'a Label,
    },
    /// A task was spawned. It has not begun. The half of a [`join`](crate::join()) is one if another thread takes it, which
    /// tells of it just before it begins: `by` has forked it, and its scope is the fork.
    Spawn {
        /// The task.
        task: &'a Label,
        /// Who spawned it.
        by: &'a Label,
        /// The scope it belongs to.
        scope: &'a Label,
    },
    /// A task begins to run, on the calling thread.
    Start {
        /// The task.
        task: &'a Label,
    },
    /// A task has completed, on the calling thread. Nobody has its result yet.
    Complete {
        /// The task.
        task: &'a Label,
        /// How.
        how: Completion,
    },
    /// A task waits: what it wants is not there. The calling thread asks a few times more, and then sleeps.
    Block {
        /// The task.
        task: &'a Label,
        /// The operation.
        verb: Verb,
        /// The task or scope it waits for, if it is one.
        object: Option<&'a Label>,
        /// The line where it waits.
        at: &'static Location<'static>,
        /// How many locks it holds.
        holds: usize,
    },
    /// A task that waited goes on, on the calling thread.
    Resume {
        /// The task.
        task: &'a Label,
    },
    /// The result of a task was taken.
    Join {
        /// Whose result.
        task: &'a Label,
        /// By whom.
        by: &'a Label,
        /// The line that took it.
        at: &'static Location<'static>,
    },
    /// A wait was refused, as it would never have ended.
    Deadlock {
        /// Who was refused what, and why.
        deadlock: &'a Deadlock,
    },
    /// A wait lasts suspiciously long; also told to [`on_stall`](crate::on_stall).
    Stall {
        /// Which.
        stall: &'a Stall,
    },
    /// Tasks that were asked to stop have not come back; also told to [`on_stragglers`](crate::on_stragglers).
    Late {
        /// Who waits for them.
        waiting: &'a Label,
        /// Which.
        stragglers: &'a [Straggler],
    },
    /// A task or a scope, and with it all below, was cancelled.
    Cancel {
        /// Which.
        of: &'a Label,
        /// Why, and by whom.
        cause: &'a Cancelled,
    },
}

/// How a task completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// With a value.
    Value,
    /// With an error of its own, because the system refused it a thread, or because a wait that it could not return was
    /// refused.
    Error,
    /// By a panic.
    Panic,
    /// Cancelled.
    Cancelled,
}

/// Is told what happens; see [`observe`].
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// static STARTED: AtomicUsize = AtomicUsize::new(0);
///
/// struct Count;
/// impl reunite::Observer for Count {
///     fn on_event(&self, event: &reunite::Event<'_>) {
///         if let reunite::Event::Start { .. } = event {
///             STARTED.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let observing = reunite::observe(Count);
/// reunite::scope(|s| (0..3).for_each(|_| drop(s.spawn(|| ()))));
/// drop(observing);
/// assert!(STARTED.load(Ordering::Relaxed) >= 3);
/// ```
pub trait Observer: Send + Sync {
    /// Called on the thread on which it happens, which goes on when this returns. It may use this library: wait,
    /// lock, spawn, cancel, add and remove observers. What it does so, and what tasks that it spawns do, is told to
    /// no observer. If it panics, it is removed.
    fn on_event(&self, event: &Event<'_>);
}

/// How many observers there are. Whoever looks a moment too early or too late misses an event at the edge.
static COUNT: Counter = Counter::new(0);
static OBSERVERS: StaticMutex<Vec<Arc<dyn Observer>>> = StaticMutex::new(Vec::new());

fn observers() -> StaticMutexGuard<'static, Vec<Arc<dyn Observer>>> {
    OBSERVERS.lock()
}

/// Removes its observer when dropped.
#[must_use = "the observer is removed when this is dropped"]
pub struct Observing(Arc<dyn Observer>);

/// From now on `observer` is told what happens, beside those that are there already.
pub fn observe(observer: impl Observer + 'static) -> Observing {
    let observer: Arc<dyn Observer> = Arc::new(observer);
    let mut all = observers();
    all.push(Arc::clone(&observer));
    COUNT.store(all.len() as u64, Ordering::Relaxed);
    Observing(observer)
}

fn remove(observer: &Arc<dyn Observer>) {
    let mut all = observers();
    let gone = all.iter().position(|other| Arc::ptr_eq(other, observer));
    let gone = gone.map(|at| all.swap_remove(at));
    COUNT.store(all.len() as u64, Ordering::Relaxed);
    drop(all);
    // Outside the lock: its destructor is the user's code.
    drop(gone);
}

impl Drop for Observing {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

impl std::fmt::Debug for Observing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observing")
    }
}

/// Whether anybody observes.
#[inline]
pub(crate) fn is_on() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Tells the observers, if there are any.
#[inline]
pub(crate) fn tell<'a>(event: impl FnOnce() -> Event<'a>) {
    assert_outside();
    if is_on() {
        tell_all(&event());
    }
}

#[cold]
fn tell_all(event: &Event<'_>) {
    if is_quiet() {
        return;
    }
    let _quiet = Quiet::keep();
    let all = observers().clone();
    for observer in all {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| observer.on_event(event))) {
            // One that left because the task is cancelled, or was refused a wait, has no fault.
            if let Err(payload) = CutShort::from_payload(payload) {
                contain(|| drop(payload));
                contain(|| remove(&observer));
                let _closed = writeln!(stderr(), "reunite: an observer panicked, and was removed");
            }
        }
        // If it was removed meanwhile, this is the last of it.
        contain(|| drop(observer));
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Who is told that a thread becomes quiet.
static LISTENER: OnceLock<fn()> = OnceLock::new();

/// Calls `listener` on each thread that becomes quiet, from now on. There is one listener.
pub(crate) fn on_quiet(listener: fn()) {
    LISTENER.get_or_init(|| listener);
}

/// What the calling thread does is told to nobody until this is dropped.
pub(crate) struct Quiet {
    before: bool,
}

impl Quiet {
    pub(crate) fn keep() -> Self {
        // A thread that has lost its locals is ending.
        let before = QUIET.try_with(|quiet| quiet.replace(true)).unwrap_or(true);
        if !before && let Some(listener) = LISTENER.get() {
            listener();
        }
        Self { before }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ending = QUIET.try_with(|quiet| quiet.set(self.before));
    }
}

/// Whether observers are told nothing of what the calling thread does.
pub(crate) fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).unwrap_or(true)
}

//! Events, and the observers that are called for them.
//!
//! While there is no observer, each event costs one relaxed load. An observer is called on the thread on which the
//! event happens, and that thread waits for it, so it should be brief. An observer that panics is removed, with a
//! message on standard error.
//!
//! An observer is called without any lock or borrow of this library, so it may do whatever other code may. No observer
//! is called for what an observer itself does, or for the tasks that an observer spawns. Otherwise an observer would be
//! called for what it does in its own calls, without end. A thread, or a task, for which observers are not called is
//! *quiet*.
//!
//! # Protocol
//! *Quiet* is a mark of the thread, which a guard sets ([`Quiet`]). Code that hands work to another thread reads the
//! mark where the work is made, keeps it with the work, and sets it on the thread that does the work. That holds for a
//! task of a group (`TaskHeader`), for all tasks of a pool's scope (`Parent`), and for a fork (`Parcel`). Making a fork
//! is too cheap to read the mark: a fork is quiet if its thread was quiet before the fork was made, which is determined
//! when it is published. For that, the pool stores for each thread that becomes quiet ([`on_quiet`]) which fork was the
//! newest then. All forks that a thread makes while it is quiet have ended before it ceases to be quiet.

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
        /// The task or thread that opened it.
        by: &'a Label,
    },
    /// A scope has ended: all its tasks have completed.
    End {
        /// The scope.
        scope: &'a Label,
        /// The task or thread that opened it and waited for its end.
        by: &'a Label,
    },
    /// A task was spawned. It has not begun. A half of a [`join`](crate::join()) becomes a task if another thread takes
    /// it; that thread reports this event just before the half begins. `by` is then the task that forked it, and its
    /// scope is the fork.
    Spawn {
        /// The task.
        task: &'a Label,
        /// The task or thread that spawned it.
        by: &'a Label,
        /// The scope it belongs to.
        scope: &'a Label,
    },
    /// A task begins to run, on the calling thread.
    Start {
        /// The task.
        task: &'a Label,
    },
    /// A task has completed, on the calling thread. Its result has not been taken yet.
    Complete {
        /// The task.
        task: &'a Label,
        /// The way in which it completed.
        how: Completion,
    },
    /// A task waits: what it waits for is not there. The calling thread tries a few more times, and then sleeps.
    Block {
        /// The task.
        task: &'a Label,
        /// The operation.
        verb: Verb,
        /// The task or scope it waits for, if it is one.
        object: Option<&'a Label>,
        /// The line where it waits.
        at: &'static Location<'static>,
        /// The number of locks that it holds.
        holds: usize,
    },
    /// A task that waited continues, on the calling thread.
    Resume {
        /// The task.
        task: &'a Label,
    },
    /// The result of a task was taken.
    Join {
        /// The task whose result was taken.
        task: &'a Label,
        /// The task or thread that took it.
        by: &'a Label,
        /// The line that took it.
        at: &'static Location<'static>,
    },
    /// A wait was refused, because it would never have ended.
    Deadlock {
        /// The waits that depend on each other, the refused one first.
        deadlock: &'a Deadlock,
    },
    /// A wait lasts suspiciously long; also reported to [`on_stall`](crate::on_stall).
    Stall {
        /// The wait.
        stall: &'a Stall,
    },
    /// Tasks that were asked to stop have not completed; also reported to [`on_stragglers`](crate::on_stragglers).
    Late {
        /// The task or scope that waits for them.
        waiting: &'a Label,
        /// The tasks.
        stragglers: &'a [Straggler],
    },
    /// A task or a scope was cancelled, and with it the tasks and scopes inside it.
    Cancel {
        /// The task or scope.
        of: &'a Label,
        /// The reason and the source.
        cause: &'a Cancelled,
    },
}

/// The way in which a task completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The task completed with a value.
    Value,
    /// The task completed with an error: its own; or the system refused it a thread; or one of its waits was refused,
    /// and the task left because it could not return that as an error.
    Error,
    /// The task panicked.
    Panic,
    /// The task was cancelled.
    Cancelled,
}

/// Receives events; see [`observe`].
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an observer",
    note = "implement `Observer` for a type of yours; closures are not observers, because the lifetime of an event could not \
            be inferred"
)]
pub trait Observer: Send + Sync {
    /// Called for each event, on the thread on which the event happens; that thread continues when this returns. This
    /// method may use the library: wait, lock, spawn, cancel, add and remove observers. No observer is called for what
    /// this method does, or for the tasks that it spawns. If it panics, the observer is removed.
    fn on_event(&self, event: &Event<'_>);
}

/// The number of observers. Another thread may see a change a moment later, so events of that moment may be missed.
static COUNT: Counter = Counter::new(0);
static OBSERVERS: StaticMutex<Vec<Arc<dyn Observer>>> = StaticMutex::new(Vec::new());

fn observers() -> StaticMutexGuard<'static, Vec<Arc<dyn Observer>>> {
    OBSERVERS.lock()
}

/// A guard that removes an observer when it is dropped; returned by [`observe`].
#[must_use = "the observer is removed when this is dropped"]
pub struct Observing(Arc<dyn Observer>);

/// Adds an observer, which is called for each event from now on. Other observers stay. Dropping the returned guard
/// removes the observer. See [`Observer`] for an example.
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

/// Returns true if there is any observer.
#[inline]
pub(crate) fn is_on() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Calls the observers, if there are any.
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
            // An observer that left because the task is cancelled, or was refused a wait, is not at fault.
            if let Err(payload) = CutShort::from_payload(payload) {
                contain(|| drop(payload));
                contain(|| remove(&observer));
                let _closed = writeln!(stderr(), "reunite: an observer panicked and was removed");
            }
        }
        // If the observer was removed in the meantime, this is the last reference to it.
        contain(|| drop(observer));
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// The function to call when a thread becomes quiet.
static LISTENER: OnceLock<fn()> = OnceLock::new();

/// Calls `listener` on each thread that becomes quiet, from now on. There is only one listener.
pub(crate) fn on_quiet(listener: fn()) {
    LISTENER.get_or_init(|| listener);
}

/// Makes the calling thread quiet until this is dropped.
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

/// Returns true if observers are not called for what the calling thread does.
pub(crate) fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).unwrap_or(true)
}

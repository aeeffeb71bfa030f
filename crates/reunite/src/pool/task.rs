//! A task of a pool's scope: a closure until somebody takes it, a result until its joiner does.
//!
//! # Protocol
//! One word, `state`, of these bits, which are set and never cleared:
//!
//! * `BEGUN`: somebody has taken the closure: a worker, the scope's owner, a thief, the joiner. References to the
//!   task may lie in several places; whoever sets this bit runs it, and the others leave it alone.
//! * `DONE`: the closure has returned, and `content` holds the result unless `EMPTY` is set as well.
//! * `AWAITED`: the joiner is about to block; whoever completes the task wakes it.
//! * `LEFT`: the handle is gone.
//! * `EMPTY`: the result was taken or dropped.
//!
//! Who may touch `content`:
//!
//! 1. Before `BEGUN`, nobody. Whoever sets it has the closure, and the content until it sets `DONE`.
//! 2. After `DONE`, whoever sets `EMPTY`: the handle; or, once it is gone, a thread that runs the scope's tasks.
//!
//! # Where results are dropped
//! A result may have a destructor of the user's, which may do anything. It runs on the thread that ran the task if
//! the handle is gone by then; or where the handle's owner takes it; or else, if the handle is dropped after the
//! task has completed, the task is queued once more, and whoever takes it from there drops the result. It never
//! runs in a call that has nothing to do with it, such as a spawn: that may hold a lock which the destructor wants.
//! To drop the last reference to a task frees memory, and no more.
//!
//! # Lifetimes
//! A task may borrow what lives for `'scope`. [`erase`] forgets that for the queue; the scope's end waits
//! until every queued reference to a task was dropped and every closure has returned (see `scope`).

use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr;

use super::fork;
use super::job::{Ancestor, Lineage};
use super::life::Life;
use super::scope::Core;
use crate::contain::assert_outside;
use crate::cut_short::catch_task;
use crate::error::JoinError;
use crate::primitive::{Arc, AtomicU8, Mutex, Ordering};

/// A failure, until its joiner or the scope's end takes it.
type Slot = Arc<Mutex<Option<JoinError>>>;

const BEGUN: u8 = 1;
const DONE: u8 = 2;
const AWAITED: u8 = 4;
const LEFT: u8 = 8;
const EMPTY: u8 = 16;

pub(super) struct Task<F, T> {
    lineage: Lineage,
    at: &'static Location<'static>,
    state: AtomicU8,
    content: UnsafeCell<Content<F, T>>,
}

union Content<F, T> {
    closure: ManuallyDrop<F>,
    result: ManuallyDrop<Result<T, Slot>>,
}

// SAFETY: one thread at a time touches the content, by the rules above, and it may be sent from one to the other;
// the rest is atomic or never changes.
unsafe impl<F: Send, T: Send> Sync for Task<F, T> {}

/// What the queue knows of a task.
pub(super) trait Run: Send + Sync {
    /// Runs the task here, unless somebody else has begun; or drops what it left, if it was queued again for that.
    /// Does not unwind. `life` is the thread's in its pool.
    fn run(&self, core: &Core, life: Option<&Life>);

    /// Whether [`run`](Self::run) would do nothing: somebody has begun the task, and nothing was left behind.
    fn is_begun(&self) -> bool;

    /// Where it was spawned.
    fn at(&self) -> &'static Location<'static>;
}

/// What the handle knows of a task.
pub(super) trait Join<T>: Run {
    fn as_ancestor(&self) -> Ancestor;

    fn is_done(&self) -> bool;

    /// Done, or else marked as awaited: its completion wakes the waiters of `core`.
    fn is_done_or_awaited(&self) -> bool;

    /// Whether nobody has begun it.
    fn is_queued(&self) -> bool;

    /// The result, if it is there.
    fn take(&self) -> Option<Result<T, Slot>>;

    /// The handle is gone. True if it leaves a result behind: the task is to be queued once more.
    fn leave(&self) -> bool;
}

impl<F, T> Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    pub(super) fn new(up: Ancestor, at: &'static Location<'static>, f: F) -> Self {
        Self {
            lineage: Lineage::new(Some(up)),
            at,
            state: AtomicU8::new(0),
            content: UnsafeCell::new(Content {
                closure: ManuallyDrop::new(f),
            }),
        }
    }

    fn has(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits == bits
    }

    /// Takes the closure.
    ///
    /// # Safety
    /// The caller has set `BEGUN`, and calls this once.
    unsafe fn take_closure(&self) -> F {
        // SAFETY: rule 1: nobody else touches it.
        let content = unsafe { &mut *self.content.get() };
        // SAFETY: it holds the closure until the one who set `BEGUN` takes it.
        let closure = unsafe { &mut content.closure };
        // SAFETY: taken once.
        unsafe { ManuallyDrop::take(closure) }
    }

    /// Leaves the result to whoever sets `EMPTY`.
    ///
    /// # Safety
    /// The caller has set `BEGUN`, has taken the closure, and has not set `DONE`.
    unsafe fn put_result(&self, result: Result<T, Slot>) {
        let content = Content {
            result: ManuallyDrop::new(result),
        };
        // SAFETY: rule 1: nobody else touches it.
        unsafe { self.content.get().write(content) };
    }

    /// Takes the result, unless that was taken: once in all.
    fn empty(&self) -> Option<Result<T, Slot>> {
        if self.state.load(Ordering::Acquire) & (DONE | EMPTY) != DONE
            || self.state.fetch_or(EMPTY, Ordering::AcqRel) & EMPTY != 0
        {
            return None;
        }
        // SAFETY: rule 2: this call has set `EMPTY`.
        let content = unsafe { &mut *self.content.get() };
        // SAFETY: written before `DONE`, which the load has seen.
        let result = unsafe { &mut content.result };
        // SAFETY: taken once, as `EMPTY` is set once.
        Some(unsafe { ManuallyDrop::take(result) })
    }

    /// Drops a result that was left behind.
    fn drop_result(&self, core: &Core) {
        if let Some(result) = self.empty()
            && let Err(payload) = self.run_below(|| drop(result))
        {
            core.record(self.at, Some(payload), None);
        }
    }

    /// Calls `f` as a part of the task: what it forks descends from that.
    fn run_below<R>(&self, f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
        assert_outside();
        fork::running(self.lineage.as_ancestor(), || {
            catch_unwind(AssertUnwindSafe(f))
        })
    }

    /// Runs the closure, or drops it if the scope is cancelled. `None` if the handle was gone, and the value was
    /// dropped.
    fn complete(&self, f: F, core: &Core) -> Option<Result<T, Slot>> {
        let failed = |payload, cancelled| Some(Err(core.record(self.at, payload, cancelled)));
        if let Some(cancelled) = core.cause() {
            let dropped = self.run_below(|| drop(f));
            return failed(dropped.err(), Some(cancelled));
        }
        let unless_left = || {
            let value = f();
            if self.has(LEFT) {
                drop(value);
                return None;
            }
            Some(value)
        };
        assert_outside();
        let value = fork::running(self.lineage.as_ancestor(), || catch_task(unless_left));
        match value {
            Ok(value) => value.map(Ok),
            Err(payload) => failed(Some(payload), None),
        }
    }
}

impl<F, T> Run for Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn at(&self) -> &'static Location<'static> {
        self.at
    }

    fn is_begun(&self) -> bool {
        let state = self.state.load(Ordering::Acquire);
        state & BEGUN != 0 && state & (DONE | LEFT | EMPTY) != DONE | LEFT
    }

    fn run(&self, core: &Core, life: Option<&Life>) {
        if self.state.fetch_or(BEGUN, Ordering::AcqRel) & BEGUN != 0 {
            if self.has(DONE | LEFT) {
                self.drop_result(core);
            }
            return;
        }
        // SAFETY: this call has set `BEGUN`.
        let f = unsafe { self.take_closure() };
        let before = life.map(|life| (life, life.runs_at(ptr::from_ref(self.at).cast_mut())));
        let result = self.complete(f, core);
        if let Some((life, line)) = before {
            life.runs_at(line);
        }
        let Some(result) = result else {
            // Nobody waits for it.
            self.state.fetch_or(DONE | EMPTY, Ordering::AcqRel);
            return;
        };
        // SAFETY: this call has set `BEGUN` and taken the closure.
        unsafe { self.put_result(result) };
        let before = self.state.fetch_or(DONE, Ordering::AcqRel);
        if before & AWAITED != 0 {
            core.wake();
        }
        if before & LEFT != 0 {
            self.drop_result(core);
        }
    }
}

impl<F, T> Join<T> for Task<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    fn is_done(&self) -> bool {
        self.has(DONE)
    }

    fn is_done_or_awaited(&self) -> bool {
        self.state.fetch_or(AWAITED, Ordering::AcqRel) & DONE != 0
    }

    fn is_queued(&self) -> bool {
        !self.has(BEGUN)
    }

    fn take(&self) -> Option<Result<T, Slot>> {
        self.empty()
    }

    fn leave(&self) -> bool {
        // What the handle took itself it finds taken.
        self.state.load(Ordering::Relaxed) & EMPTY == 0
            && self.state.fetch_or(LEFT, Ordering::AcqRel) & (DONE | EMPTY) == DONE
    }
}

impl<F, T> Drop for Task<F, T> {
    fn drop(&mut self) {
        let state = self.state.load(Ordering::Acquire);
        // Every queued task is run, and every result taken or dropped before: only a handle that was forgotten
        // keeps its task, for ever.
        debug_assert!(
            state & BEGUN != 0 && state & (DONE | EMPTY) != DONE,
            "a task is freed with what it holds"
        );
    }
}

/// Forgets how long a task may live.
///
/// # Safety
/// The reference must be dropped, and the task's closure have returned, when `'a` ends.
pub(super) unsafe fn erase<'a>(task: Arc<dyn Run + 'a>) -> Arc<dyn Run> {
    // SAFETY: the two types differ in the lifetime bound of a trait object only, which has no influence
    // on layout or vtable; that the task is gone when `'a` ends is the caller's promise.
    unsafe { std::mem::transmute::<Arc<dyn Run + 'a>, Arc<dyn Run>>(task) }
}

//! A task of a pool's scope: a closure until a thread takes it, a result until its joiner takes that.
//!
//! # States
//! One word, `state`, of these bits, which are set and never cleared:
//!
//! * `BEGUN`: a thread has taken the closure: a worker, the scope's owner, a thief, the joiner. References to
//!   the task may lie in several places; the thread that sets this bit runs it, and the others leave it
//!   alone.
//! * `DONE`: the closure has returned, and `content` holds the result unless `EMPTY` is set as well.
//! * `FAILED`: set together with `DONE`, if the result is a failure and no value.
//! * `AWAITED`: the joiner is about to block; the thread that completes the task wakes it.
//! * `LEFT`: the handle is gone.
//! * `EMPTY`: the result was taken or dropped.
//! * `UNDONE`: the task is cancelled with its scope, and the thread that has set `BEGUN` drops the closure
//!   undone, or has done so. With `DONE` and without `FAILED`, `content` holds nothing: the error that a join
//!   returns is made by the join.
//! * `WATCHED`: a callback was left. Of the two threads that leave it (and set this bit) and that set `DONE`,
//!   the one that comes second calls the callbacks.
//!
//! # Access rules for `content`
//! 1. Before `BEGUN`, no thread touches it. The thread that sets `BEGUN` owns the closure, and the content
//!    until it sets `DONE`.
//! 2. After `DONE`, the thread that sets `EMPTY` owns it: the handle's owner, or, once the handle is gone, a
//!    thread that runs the scope's tasks.
//!
//! # Where results are dropped
//! A result may have a user's destructor, which may do anything. It runs
//! - on the thread that ran the task, if the handle is gone by then;
//! - where the handle's owner takes the result;
//! - otherwise, if the handle is dropped after the task has completed, on the thread that takes the task from
//!   the queue, where it is put once more for that purpose.
//!
//! It never runs in a call that has nothing to do with it, such as a spawn: that call may hold a lock which
//! the destructor needs. Giving up the last reference to a task only frees memory (see `cells`).
//!
//! # Tasks that are cancelled with their scope
//! There may be many, at once. So nothing is made for a task that was not asked for anything: it is counted
//! with the scope's failures, and its closure is dropped. If the closure's destructor, or anything later,
//! asks for its context, that is made as the context of a task that was told of the cancellation. If there is
//! no destructor and no observer, and no thread waits for the task, its whole life is one change of its
//! state, and a batch of such tasks is counted at once ([`RunTask::drop_unobserved`]).
//!
//! # Lifetimes
//! A task may borrow what lives for `'scope`. [`erase`](super::task_traits::erase) erases that for the queue. The
//! scope's end waits until every queued reference to a task was given up and every closure has returned (see
//! `scope_state`).

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::mem::{ManuallyDrop, needs_drop};
use std::panic::Location;

use super::lineage::{Ancestor, Lineage};
use super::member_state::MemberState;
use super::parent::Parent;
use super::piece::{
    CoarseSpawnCell, CoarseSpawnTime, LazyPieceIdentity, Piece, PieceFacts, PieceIdentity,
};
use super::task_traits::{JoinTask, PoolFailureSlot, RunTask, TaskRole};
use crate::context::Inherited;
use crate::current::{Context, TaskRecord};
use crate::error::{Failure, JoinError};
use crate::id::{LabelKind, TaskId};
use crate::observe::is_on;
use crate::part::Part;
use crate::primitive::{Arc, AtomicU8, Ordering};
use crate::task::{Callback, Unjoined};

const BEGUN: u8 = 1;
const DONE: u8 = 2;
const AWAITED: u8 = 4;
pub(super) const LEFT: u8 = 8;
const EMPTY: u8 = 16;
const WATCHED: u8 = 32;
const FAILED: u8 = 64;
const UNDONE: u8 = 128;

/// The failure of a task.
pub(super) enum Failed {
    /// The failure in the slot.
    Known(PoolFailureSlot),
    /// The task was cancelled with its scope, and its closure dropped undone.
    Undone,
}

/// Returns true if the task has completed undone, and left nothing.
fn is_undone(state: u8) -> bool {
    state & (DONE | FAILED | UNDONE) == DONE | UNDONE
}

pub(super) struct ScopeTask<F, T> {
    lineage: Lineage,
    at: &'static Location<'static>,
    pub(super) own: LazyPieceIdentity,
    spawned: CoarseSpawnCell,
    pub(super) role: TaskRole,
    state: AtomicU8,
    content: UnsafeCell<Content<F, T>>,
}

/// The closure, the value or the failure, as the state says.
union Content<F, T> {
    closure: ManuallyDrop<F>,
    value: ManuallyDrop<T>,
    failure: ManuallyDrop<PoolFailureSlot>,
}

// SAFETY: one thread at a time touches the content (rules 1, 2), and it may be sent from one to the other;
// the rest is atomic or never changes.
unsafe impl<F: Send, T: Send> Sync for ScopeTask<F, T> {}

impl<F, T> ScopeTask<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    pub(super) fn new(up: Ancestor, at: &'static Location<'static>, role: TaskRole, f: F) -> Self {
        Self {
            lineage: Lineage::new(Some(up)),
            at,
            own: LazyPieceIdentity::unknown(),
            spawned: CoarseSpawnCell::default(),
            role,
            state: AtomicU8::new(0),
            content: UnsafeCell::new(Content {
                closure: ManuallyDrop::new(f),
            }),
        }
    }

    /// Sets the task's number: once, before it is queued.
    #[inline]
    pub(super) fn number_as(&self, number: u64) {
        self.own.number_as(number);
    }

    /// Sets when the task was spawned: once, before it is queued.
    #[inline]
    pub(super) fn spawned_at(&self, spawned: CoarseSpawnTime) {
        self.spawned.tell(spawned);
    }

    /// Sets the name, and what the task inherits: before it is queued, but after it has its number.
    pub(super) fn prepare(
        &self,
        around: &Context,
        name: Option<String>,
        inherited: Inherited,
    ) -> &PieceIdentity {
        let made = self.own.make(around, || name, || self.facts());
        *made.inherited.lock() = inherited;
        made
    }

    fn facts(&self) -> PieceFacts {
        PieceFacts {
            id: TaskId::of_block(self.own.number()),
            kind: LabelKind::Task,
            at: self.at,
            spawned: self.spawned.get(),
        }
    }

    /// Returns the task's own context, made if need be and brought up to date.
    pub(super) fn made(&self, around: &Context) -> &PieceIdentity {
        let made = self.own.make(around, || None, || self.facts());
        if self.has(BEGUN) {
            made.context.record.start();
        }
        if self.has(UNDONE)
            && let Some(cancelled) = around.node.cause()
        {
            made.context.node.record_cause(&cancelled);
            made.context.node.mark_observed_here();
        }
        made
    }

    pub(super) fn fail(&self, parent: &Parent, failure: Failure<Infallible>) -> Failed {
        let made = self.made(parent.tasks());
        let after_cancel = made.context.node.was_observed();
        Failed::Known(parent.record(made.label().clone(), failure, after_cancel))
    }

    pub(super) fn has(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits == bits
    }

    /// Records that the task is cancelled, and that its closure is dropped undone.
    pub(super) fn mark_undone(&self) {
        self.state.fetch_or(UNDONE, Ordering::AcqRel);
    }

    /// Takes the closure.
    ///
    /// # Safety
    /// The caller has set `BEGUN`, and calls this once.
    unsafe fn take_closure(&self) -> F {
        // SAFETY: rule 1: the caller has set `BEGUN`, so no other thread touches it.
        let content = unsafe { &mut *self.content.get() };
        // SAFETY: it holds the closure until the thread that set `BEGUN` takes it.
        let closure = unsafe { &mut content.closure };
        // SAFETY: it is taken once, as the caller guarantees.
        unsafe { ManuallyDrop::take(closure) }
    }

    /// Stores the result for the thread that will set `EMPTY`. Returns the bits to set in the state.
    ///
    /// # Safety
    /// The caller has set `BEGUN`, has taken the closure, and has not set `DONE`.
    unsafe fn put_result(&self, result: Result<T, Failed>) -> u8 {
        let (content, bits) = match result {
            Ok(value) => {
                let value = ManuallyDrop::new(value);
                (Content { value }, DONE)
            }
            Err(Failed::Known(failure)) => {
                let failure = ManuallyDrop::new(failure);
                (Content { failure }, DONE | FAILED)
            }
            Err(Failed::Undone) => return DONE | UNDONE,
        };
        // SAFETY: rule 1: the caller has set `BEGUN`, so no other thread touches it.
        unsafe { self.content.get().write(content) };
        bits
    }

    /// Takes the result, unless it was taken before.
    fn empty(&self) -> Option<Result<T, Failed>> {
        let state = self.state.load(Ordering::Acquire);
        if state & (DONE | EMPTY) != DONE
            || self.state.fetch_or(EMPTY, Ordering::AcqRel) & EMPTY != 0
        {
            return None;
        }
        if is_undone(state) {
            return Some(Err(Failed::Undone));
        }
        // SAFETY: rule 2: this call has set `EMPTY`.
        let content = unsafe { &mut *self.content.get() };
        Some(if state & FAILED == 0 {
            // SAFETY: it was written before `DONE`, which the load has seen, and without `FAILED`.
            let value = unsafe { &mut content.value };
            // SAFETY: it is taken once, as `EMPTY` is set once.
            Ok(unsafe { ManuallyDrop::take(value) })
        } else {
            // SAFETY: it was written before `DONE`, which the load has seen, and with `FAILED`.
            let failure = unsafe { &mut content.failure };
            // SAFETY: it is taken once, as `EMPTY` is set once.
            Err(Failed::Known(unsafe { ManuallyDrop::take(failure) }))
        })
    }

    /// Returns what reports an untaken error that the task has returned as its value.
    pub(super) fn unjoined(&self) -> Option<Unjoined> {
        self.own.known()?.unjoined.lock().take()
    }

    /// Drops a result that the handle left behind.
    fn drop_result(&self, parent: &Parent) {
        drop(self.unjoined());
        if let Some(result) = self.empty()
            && let Err(payload) = self.run_below(parent, || drop(result))
        {
            self.fail(parent, Failure::panicked(payload));
        }
    }
}

impl<F, T> Piece for ScopeTask<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn as_ancestor(&self) -> Ancestor {
        self.lineage.as_ancestor()
    }

    fn context(&self, around: &Arc<Context>) -> Arc<Context> {
        Arc::clone(&self.made(around).context)
    }

    fn known_context(&self, around: &Arc<Context>) -> Option<Arc<Context>> {
        // A task that is dropped undone was told of the cancellation; the tasks around it may not have been.
        let has_its_own = self.own.known().is_some() || self.has(UNDONE);
        has_its_own.then(|| self.context(around))
    }
}

impl<F, T> RunTask for ScopeTask<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn number(&self) -> u64 {
        self.own.number()
    }

    fn shown(&self, around: &Arc<Context>) -> Option<Part<TaskRecord>> {
        let is_shown = self.role == TaskRole::Task && !self.has(DONE);
        is_shown.then(|| self.made(around).context.record.clone())
    }

    fn is_begun(&self) -> bool {
        let state = self.state.load(Ordering::Acquire);
        state & BEGUN != 0 && state & (DONE | LEFT | EMPTY) != DONE | LEFT
    }

    fn is_queued(&self) -> bool {
        !self.has(BEGUN)
    }

    fn drop_unobserved(&self) -> bool {
        let has_more = needs_drop::<F>() || self.role == TaskRole::Batch || is_on();
        if has_more || self.own.known().is_some() {
            return false;
        }
        let before = self.state.load(Ordering::Relaxed);
        let after = match before {
            0 => BEGUN | DONE | UNDONE,
            LEFT => LEFT | BEGUN | DONE | EMPTY,
            _ => return false,
        };
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.state
            .compare_exchange(before, after, success, failure)
            .is_ok()
    }

    fn run(&self, parent: &Parent, member_state: Option<&MemberState>) {
        if self.state.fetch_or(BEGUN, Ordering::AcqRel) & BEGUN != 0 {
            if self.has(DONE | LEFT) {
                self.drop_result(parent);
            }
            return;
        }
        // SAFETY: this call has set `BEGUN`, once.
        let f = unsafe { self.take_closure() };
        let before = member_state
            .map(|member_state| (member_state, member_state.runs_of_scope(self.number())));
        let result = if is_on() {
            self.complete_and_tell(f, parent)
        } else {
            self.complete(f, parent)
        };
        if let Some((member_state, number)) = before {
            member_state.runs_of_scope(number);
        }
        let Some(result) = result else {
            // The handle is gone, so no thread waits for the task.
            if self.state.fetch_or(DONE | EMPTY, Ordering::AcqRel) & WATCHED != 0 {
                self.call_back_and_tell(parent);
            }
            return;
        };
        // SAFETY: this call has set `BEGUN` and taken the closure, and has not set `DONE` yet.
        let done = unsafe { self.put_result(result) };
        let before = self.state.fetch_or(done, Ordering::AcqRel);
        if before & AWAITED != 0 {
            parent.wake();
        }
        if before & WATCHED != 0 {
            self.call_back_and_tell(parent);
        }
        if before & LEFT != 0 {
            self.drop_result(parent);
        }
    }
}

impl<F, T> JoinTask<T> for ScopeTask<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn at(&self) -> &'static Location<'static> {
        self.at
    }

    fn role(&self) -> TaskRole {
        self.role
    }

    fn is_done(&self) -> bool {
        self.has(DONE)
    }

    fn is_done_or_awaited(&self) -> bool {
        self.state.fetch_or(AWAITED, Ordering::AcqRel) & DONE != 0
    }

    fn take(&self, parent: &Parent) -> Option<Result<T, Option<JoinError>>> {
        let result = self.empty()?;
        if let Some(unjoined) = self.unjoined() {
            unjoined.take();
        }
        Some(result.map_err(|failed| match failed {
            Failed::Known(slot) => slot.lock().take(),
            Failed::Undone => {
                let label = self.made(parent.tasks()).label().clone();
                parent.failures.claim_undone(label)
            }
        }))
    }

    fn leave(&self) -> bool {
        // The handle has taken the result itself.
        if self.state.load(Ordering::Relaxed) & EMPTY != 0 {
            return false;
        }
        let before = self.state.fetch_or(LEFT, Ordering::AcqRel);
        if is_undone(before) {
            self.state.fetch_or(EMPTY, Ordering::AcqRel);
            return false;
        }
        before & (DONE | EMPTY) == DONE
    }

    fn on_complete(&self, around: &Arc<Context>, callback: Callback) {
        self.made(around).callbacks.lock().push(callback);
        if self.state.fetch_or(WATCHED, Ordering::AcqRel) & DONE != 0 {
            // On the calling thread: locks that a callback leaks are the caller's.
            self.call_back();
        }
    }
}

impl<F, T> Drop for ScopeTask<F, T> {
    fn drop(&mut self) {
        let state = self.state.load(Ordering::Acquire);
        // By then every queued task was run, and every result taken or dropped. A task whose handle was
        // forgotten is not dropped.
        debug_assert!(
            state & BEGUN != 0 && state & (DONE | EMPTY) != DONE,
            "a task is freed before its closure was run or its result taken"
        );
    }
}

#[cfg(all(test, not(reunite_model), target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::pool::cells::Ref;

    /// A cache line holds a task with the count of its references, and a closure and a result of three words
    /// each.
    #[test]
    fn a_small_task_fits_into_the_smallest_cell() {
        assert_eq!(
            size_of::<ScopeTask<fn() -> u64, u64>>(),
            5 * size_of::<u64>()
        );
        let layout = Ref::<ScopeTask<fn() -> u64, [u64; 3]>>::layout();
        assert_eq!(layout.size(), 64);
    }
}

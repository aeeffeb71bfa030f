//! What others may know of a member of a pool: whether it has a place, whether it gets on, and with what.
//!
//! # Protocol
//! A member *holds* a place from when it is counted as awake (`active`, see `roster`) until it blocks at the door, goes
//! to sleep, or leaves. `place` says so to others, who may take the place away from a member that blocks where the
//! library does not see it:
//!
//! * `NONE` → `HELD`: by the member, beside counting itself (or having been counted) as awake.
//! * `HELD` → `NONE`: by the member. It uncounts itself.
//! * `HELD` → `RETAKEN`: by somebody else, who uncounts it. The member is not asked, and may notice late.
//! * `RETAKEN` → `NONE`: by the member, who is uncounted already.
//! * `RETAKEN` → `HELD`: by the member, between two pieces of work. It counts itself anew, and may thereby be one too
//!   many: then it sleeps as soon as it has nothing to do, as after any wait.
//!
//! Each step is one swap or exchange, and whoever makes a step changes the count: so the count is exact, except between
//! a step and its count, after which whoever uncounts looks whether there is work (see `roster`).

use super::half::Half;
use crate::current::Who;
use crate::id::{Label, TaskId};
use crate::part::Part;
use crate::primitive::{Arc, AtomicU8, Counter, Duration, Mutex, Ordering, thread_number};
use crate::task::Task;

const NONE: u8 = 0;
const HELD: u8 = 1;
const RETAKEN: u8 = 2;

#[derive(Default)]
pub(super) struct Life {
    place: AtomicU8,
    /// Pieces of work that its members have begun.
    begun: Counter,
    /// The system's number of the member's thread, zero where it has none.
    thread: Counter,
    /// The number of the task that it runs, if it runs one of a scope.
    task_of_scope: Counter,
    /// The tasks of no scope that it runs, the innermost last.
    tasks: Mutex<Vec<Arc<dyn Task>>>,
    /// The halves of forks of others that it runs, the innermost last.
    halves: Mutex<Vec<Arc<Half>>>,
    /// What it runs and others may take from, the innermost last.
    divided: Mutex<Vec<&'static dyn Divide>>,
}

/// Work of a member of which others may take what it has not begun.
pub(super) trait Divide: Sync {
    /// Lets others have what is left, if nothing of it was begun for as long as `patience`.
    fn look(&self, patience: Duration) -> Left;

    /// What is at hand, and the scope that it belongs to.
    fn shown(&self) -> Option<(TaskId, Part<Who>)>;
}

/// What is left of a piece of work.
pub(super) enum Left {
    Nothing,
    Something,
    /// Something was, and is queued as a task of its own now.
    Queued,
}

impl Life {
    /// A member sits down: the calling thread.
    pub(super) fn welcome(&self) {
        let number = thread_number().map_or(0, u64::from);
        self.thread.store(number, Ordering::Relaxed);
    }

    /// Of the member, which is counted.
    pub(super) fn hold(&self) {
        self.place.store(HELD, Ordering::SeqCst);
        self.begin();
    }

    /// Of the member. Whether it is still counted.
    pub(super) fn give_up(&self) -> bool {
        self.place.swap(NONE, Ordering::SeqCst) == HELD
    }

    /// Of the member: whether it had lost its place, and has it again, but is not counted yet.
    pub(super) fn take_again(&self) -> bool {
        self.place.load(Ordering::Relaxed) == RETAKEN && self.change(RETAKEN, HELD)
    }

    /// Takes the place away from a member that blocks. If true, the caller uncounts it.
    pub(super) fn retake(&self) -> bool {
        self.change(HELD, RETAKEN)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.place
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Whether it holds a place, or has lost it and has not noticed.
    pub(super) fn has_held(&self) -> bool {
        self.place.load(Ordering::SeqCst) != NONE
    }

    /// Of the member: another piece of work.
    pub(super) fn begin(&self) {
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(begun + 1, Ordering::Relaxed);
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn thread(&self) -> u64 {
        self.thread.load(Ordering::Relaxed)
    }

    /// Of the member: it runs the task of a scope that has this number. Returns what it ran before.
    #[inline]
    pub(super) fn runs_of_scope(&self, number: u64) -> u64 {
        let before = self.task_of_scope.load(Ordering::Relaxed);
        self.task_of_scope.store(number, Ordering::Relaxed);
        before
    }

    /// Of the member: it runs the half of a fork until this is dropped.
    pub(super) fn runs_half(&self, half: &Arc<Half>) -> impl Drop {
        self.halves.lock().push(Arc::clone(half));
        RunsHalf(self)
    }

    /// The member is about to run a task of no scope.
    #[inline]
    pub(super) fn begin_task(&self, task: Arc<dyn Task>) {
        self.tasks.lock().push(task);
    }

    /// Of the member: the last that it has begun is over.
    #[inline]
    pub(super) fn end_task(&self) {
        let task = self.tasks.lock().pop();
        drop(task);
    }

    /// Whether there is such work.
    pub(super) fn is_divided(&self) -> bool {
        !self.divided.lock().is_empty()
    }

    /// Calls `f` with each piece of work of the member that others may take from.
    pub(super) fn each_divided(&self, mut f: impl FnMut(&dyn Divide)) {
        for work in &*self.divided.lock() {
            f(*work);
        }
    }

    /// The number of the task that the member runs, if it runs one of a scope, or zero.
    pub(super) fn task_of_scope(&self) -> u64 {
        self.task_of_scope.load(Ordering::Relaxed)
    }

    /// The halves of forks that the member runs, the innermost last.
    pub(super) fn halves(&self) -> Vec<Arc<Half>> {
        self.halves.lock().clone()
    }

    /// The half of a fork that the member runs, the innermost.
    pub(super) fn half(&self) -> Option<Label> {
        let half = self.halves.lock().last().cloned();
        half.map(|half| half.label().clone())
    }

    /// The tasks of no scope that the member runs, the innermost last.
    pub(super) fn tasks(&self) -> Vec<Arc<dyn Task>> {
        self.tasks.lock().clone()
    }
}

struct RunsHalf<'a>(&'a Life);

impl Drop for RunsHalf<'_> {
    fn drop(&mut self) {
        let half = self.0.halves.lock().pop();
        drop(half);
    }
}

/// Calls `f`. While it runs, others may take from `work`, if the calling thread is a member of a pool, which has that life.
#[inline]
pub(super) fn divide<R>(life: Option<&Life>, work: &dyn Divide, f: impl FnOnce() -> R) -> R {
    let _listed = life.map(|life| {
        // SAFETY: the types differ in lifetimes only. Others use the reference under the lock, and never keep it (see
        // `each_divided`); it is taken off the list before this call ends, and what is listed inside of it before that.
        let work = unsafe { std::mem::transmute::<&dyn Divide, &'static dyn Divide>(work) };
        life.divided.lock().push(work);
        Listed(life)
    });
    f()
}

struct Listed<'a>(&'a Life);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.divided.lock().pop();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// Whoever saw it stand still before sees that it has got on since.
    #[test]
    fn a_member_that_has_its_place_again_is_at_another_piece_of_work() {
        let life = Life::default();
        life.hold();
        let before = life.begun();
        assert!(life.give_up());
        life.hold();
        assert_ne!(life.begun(), before);
    }
}

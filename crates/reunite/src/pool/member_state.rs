//! The state of a member of a pool that other threads may read: its place, its progress, and the work that it
//! runs.
//!
//! # Protocol
//! A member *holds* a place from when it is counted as awake (`active`, see `members`) until it blocks in
//! `wait`, goes to sleep, or leaves. `place` shows that to other threads, which may take the place away from
//! a member that blocks where the library does not see it. Its transitions:
//!
//! 1. `NONE` → `HELD`: by the member, when it counts itself (or was counted) as awake.
//! 2. `HELD` → `NONE`: by the member. It uncounts itself.
//! 3. `HELD` → `REVOKED`: by another thread, which uncounts the member. The member is not asked, and may
//!    notice late.
//! 4. `REVOKED` → `NONE`: by the member, which is uncounted already.
//! 5. `REVOKED` → `HELD`: by the member, between two pieces of work. It counts itself again. If more members
//!    are awake than there are places then, it sleeps as soon as it has nothing to do, as after any wait.
//!
//! Each transition is one swap or exchange, and the thread that makes it changes the count. So the count is
//! exact, except between a transition and its count; a thread that uncounts checks for work afterwards (see
//! `members`).

use super::stolen_half::StolenHalf;
use crate::current::TaskRecord;
use crate::id::{Label, TaskId};
use crate::part::Part;
use crate::primitive::{Arc, AtomicU8, Counter, Duration, Mutex, Ordering, thread_number};
use crate::task::Task;

/// The member holds no place.
const NONE: u8 = 0;
/// The member holds a place, and is counted.
const HELD: u8 = 1;
/// The member's place was taken away, and it is not counted.
const REVOKED: u8 = 2;

#[derive(Default)]
pub(super) struct MemberState {
    place: AtomicU8,
    /// The number of pieces of work that its members have begun.
    begun: Counter,
    /// The system's number of the member's thread; zero on systems without such numbers.
    thread: Counter,
    /// The number of the scope's task that the member runs; zero if it runs none.
    scope_task: Counter,
    /// The tasks outside scopes that the member runs, the innermost last.
    tasks: Mutex<Vec<Arc<dyn Task>>>,
    /// The halves of other threads' forks that the member runs, the innermost last.
    halves: Mutex<Vec<Arc<StolenHalf>>>,
    /// The work that the member runs and from which other threads may take, the innermost last.
    divided: Mutex<Vec<&'static dyn Divide>>,
}

/// The work of a member from which other threads may take what has not begun.
pub(super) trait Divide: Sync {
    /// Queues the part that has not begun as a task of its own, if no item was begun for as long as
    /// `spare_after`.
    fn look(&self, spare_after: Duration) -> RemainingWork;

    /// Returns the item that is being run, and the number of the scope that it belongs to.
    fn shown(&self) -> Option<(TaskId, Part<TaskRecord>)>;
}

/// The rest of a piece of work.
pub(super) enum RemainingWork {
    Nothing,
    Something,
    /// There was a part that had not begun. It is now queued as a task of its own.
    Queued,
}

impl MemberState {
    /// Records that the calling thread is the member from now on.
    pub(super) fn begin_membership(&self) {
        let number = thread_number().map_or(0, u64::from);
        self.thread.store(number, Ordering::Relaxed);
    }

    /// Transition 1, by the member, which is counted.
    pub(super) fn hold(&self) {
        self.place.store(HELD, Ordering::SeqCst);
        self.begin();
    }

    /// Transition 2 or 4, by the member. Returns true if it is still counted.
    pub(super) fn give_up(&self) -> bool {
        self.place.swap(NONE, Ordering::SeqCst) == HELD
    }

    /// Transition 5, by the member. Returns true if it had lost its place and holds it again; it is not
    /// counted yet.
    pub(super) fn take_again(&self) -> bool {
        self.place.load(Ordering::Relaxed) == REVOKED && self.change(REVOKED, HELD)
    }

    /// Transition 3, for a member that blocks. Returns true if it was made: then the caller must uncount the
    /// member.
    pub(super) fn revoke_place(&self) -> bool {
        self.change(HELD, REVOKED)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.place
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Returns true if the member holds a place, or has lost it and has not noticed.
    pub(super) fn has_held(&self) -> bool {
        self.place.load(Ordering::SeqCst) != NONE
    }

    /// Counts a piece of work that begins. Called by the member.
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

    /// Records that the member runs the task of a scope that has this number. Returns the previous number.
    /// Called by the member.
    #[inline]
    pub(super) fn runs_of_scope(&self, number: u64) -> u64 {
        let before = self.scope_task.load(Ordering::Relaxed);
        self.scope_task.store(number, Ordering::Relaxed);
        before
    }

    /// Records that the member runs the half of a fork, until the guard is dropped. Called by the member.
    pub(super) fn runs_half(&self, half: &Arc<StolenHalf>) -> impl Drop {
        self.halves.lock().push(Arc::clone(half));
        RunsHalf(self)
    }

    /// Records that the member is about to run a task outside scopes.
    #[inline]
    pub(super) fn begin_task(&self, task: Arc<dyn Task>) {
        self.tasks.lock().push(task);
    }

    /// Removes the task that the member has begun last and that is over. Called by the member.
    #[inline]
    pub(super) fn end_task(&self) {
        let task = self.tasks.lock().pop();
        drop(task);
    }

    /// Returns true if the member runs work from which other threads may take.
    pub(super) fn is_divided(&self) -> bool {
        !self.divided.lock().is_empty()
    }

    /// Calls `f` with each piece of work of the member from which other threads may take.
    pub(super) fn each_divided(&self, mut f: impl FnMut(&dyn Divide)) {
        for work in &*self.divided.lock() {
            f(*work);
        }
    }

    /// Returns the number of the scope's task that the member runs; zero if it runs none.
    pub(super) fn task_of_scope(&self) -> u64 {
        self.scope_task.load(Ordering::Relaxed)
    }

    /// Returns the halves of forks that the member runs, the innermost last.
    pub(super) fn halves(&self) -> Vec<Arc<StolenHalf>> {
        self.halves.lock().clone()
    }

    /// Returns the innermost half of a fork that the member runs.
    pub(super) fn half(&self) -> Option<Label> {
        let half = self.halves.lock().last().cloned();
        half.map(|half| half.label().clone())
    }

    /// Returns the tasks outside scopes that the member runs, the innermost last.
    pub(super) fn tasks(&self) -> Vec<Arc<dyn Task>> {
        self.tasks.lock().clone()
    }
}

struct RunsHalf<'a>(&'a MemberState);

impl Drop for RunsHalf<'_> {
    fn drop(&mut self) {
        let half = self.0.halves.lock().pop();
        drop(half);
    }
}

/// Calls `f`. Meanwhile other threads may take from `work`, if the calling thread is a member of a pool.
/// `member_state` is that of the member.
#[inline]
pub(super) fn divide<R>(
    member_state: Option<&MemberState>,
    work: &dyn Divide,
    f: impl FnOnce() -> R,
) -> R {
    let _listed = member_state.map(|member_state| {
        // SAFETY: the types differ only in lifetimes. Other threads use the reference under the lock, and
        // never keep it (see `each_divided`). It is taken off the list before this call ends; work listed
        // inside this call is taken off earlier.
        let work = unsafe { std::mem::transmute::<&dyn Divide, &'static dyn Divide>(work) };
        member_state.divided.lock().push(work);
        DividedGuard(member_state)
    });
    f()
}

struct DividedGuard<'a>(&'a MemberState);

impl Drop for DividedGuard<'_> {
    fn drop(&mut self) {
        self.0.divided.lock().pop();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// An observer that saw the member without progress sees afterwards that it has made some.
    #[test]
    fn a_member_that_holds_its_place_again_has_begun_another_piece_of_work() {
        let member_state = MemberState::default();
        member_state.hold();
        let before = member_state.begun();
        assert!(member_state.give_up());
        member_state.hold();
        assert_ne!(member_state.begun(), before);
    }
}

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

use std::panic::Location;

use crate::id::{Kind, Label};
use crate::primitive::{AtomicU8, Counter, Mark, Mutex, Ordering, thread_number};

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
    /// Where the task was spawned that it runs, if it runs one of a scope.
    line: Mark<Location<'static>>,
    /// The task it runs, if that has a label.
    task: Mutex<Option<Label>>,
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

    /// Of the member: it runs a task that was spawned at `line`. Returns what it ran before.
    pub(super) fn runs_at(&self, line: *mut Location<'static>) -> *mut Location<'static> {
        let before = self.line.load(Ordering::Relaxed);
        self.line.store(line, Ordering::Relaxed);
        before
    }

    /// Of the member: it runs `task`. Returns what it ran before.
    pub(super) fn runs(&self, task: Option<Label>) -> Option<Label> {
        std::mem::replace(&mut *self.task.lock(), task)
    }

    /// What the member runs, as far as it has said.
    pub(super) fn task(&self) -> Option<Label> {
        let line = self.line.load(Ordering::Relaxed);
        if line.is_null() {
            return self.task.lock().clone();
        }
        // SAFETY: only ever a location of the program, which is never freed.
        let line: &'static Location<'static> = unsafe { &*line };
        Some(Label::new(Kind::Task, None, line))
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

//! Leaving a task by unwinding its stack, because of a cancellation or a refused wait, without a failure of
//! the task itself.
//!
//! A lock whose guard is dropped by a panic is poisoned, because the data that it protects may be half
//! changed. A task that leaves because it was cancelled stops at a place that it chose, so its locks are not
//! poisoned. The standard library tells only that a thread unwinds, not why. Therefore a thread that leaves
//! sets a *mark* before it unwinds.
//!
//! # Protocol
//! 1. [`leave`] makes a mark, lists it for the calling thread, and puts it into the payload with which the
//!    thread unwinds from there on. [`UnwindMark::raise`] lists it for a thread that resumes unwinding with a
//!    payload it was handed.
//! 2. A thread *leaves* while it unwinds and one of its listed marks is alive. A mark lives as long as its
//!    payload, which the unwinding itself owns until code catches it.
//! 3. Code that catches the payload may keep it, and panic afterwards. So a thread that is found not to be
//!    unwinding forgets its marks ([`clear_marks_unless_unwinding`]): whenever it takes a lock, and whenever this library catches a
//!    payload.
//!
//! One case is not recognised: user code takes a guard, catches the leaving by its own `catch_unwind` while
//! it holds the guard, keeps the payload, and then panics without taking a lock in between. That lock is not
//! poisoned.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

use crate::primitive::{Arc, Weak, panicking, thread_local};

thread_local! {
    /// True if there may be marks. It has no destructor, and lowering it is one store.
    static MARKED: Cell<bool> = const { Cell::new(false) };
    static MARKS: RefCell<Vec<Weak<()>>> = const { RefCell::new(Vec::new()) };
}

/// A part of the payload with which a thread leaves. As long as it exists, the payload exists.
pub(crate) struct UnwindMark(Arc<()>);

impl UnwindMark {
    pub(crate) fn new() -> Self {
        Self(Arc::new(()))
    }

    /// Records that the calling thread is about to unwind with the payload that contains this mark.
    pub(crate) fn raise(&self) {
        clear_marks_unless_unwinding();
        // A thread that is ending and has lost its locals cannot record it, and poisons the locks that it
        // holds: too many locks are poisoned, never too few.
        let _ending = MARKS.try_with(|marks| {
            let mut marks = marks.borrow_mut();
            if !MARKED
                .try_with(|marked| marked.replace(true))
                .unwrap_or(true)
            {
                marks.clear();
            }
            marks.retain(|mark| mark.strong_count() > 0);
            marks.push(Arc::downgrade(&self.0));
        });
    }
}

/// Unwinds the calling thread's stack without calling the panic hook. `payload` must keep the mark that it is
/// given.
pub(crate) fn leave<P: Any + Send>(payload: impl FnOnce(UnwindMark) -> P) -> ! {
    let mark = UnwindMark::new();
    mark.raise();
    resume_unwind(Box::new(payload(mark)))
}

/// Returns true if the calling thread unwinds because it leaves, and not because of a panic.
#[cold]
pub(crate) fn is_leaving() -> bool {
    let alive = |marks: &RefCell<Vec<Weak<()>>>| {
        let marks = marks.borrow();
        marks.iter().any(|mark| mark.strong_count() > 0)
    };
    panicking()
        && MARKED.try_with(Cell::get).unwrap_or(false)
        && MARKS.try_with(alive).unwrap_or(false)
}

/// Forgets the marks of the calling thread if it does not unwind any more: its payload was caught.
#[inline]
pub(crate) fn clear_marks_unless_unwinding() {
    if !panicking() {
        clear_marks();
    }
}

/// Forgets the marks of the calling thread, which is known not to unwind.
#[inline]
pub(crate) fn clear_marks() {
    let _ending = MARKED.try_with(|marked| marked.set(false));
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

    use super::{clear_marks_unless_unwinding, is_leaving, leave};

    struct LeavingProbe<'a>(&'a mut Option<bool>);

    impl Drop for LeavingProbe<'_> {
        fn drop(&mut self) {
            *self.0 = Some(is_leaving());
        }
    }

    fn caught(f: impl FnOnce()) -> (Box<dyn std::any::Any + Send>, Option<bool>) {
        let mut seen = None;
        let payload = catch_unwind(AssertUnwindSafe(|| {
            let _seen = LeavingProbe(&mut seen);
            f();
        }));
        (payload.unwrap_err(), seen)
    }

    #[test]
    fn leaving_is_distinguished_from_a_panic() {
        assert_eq!(caught(|| leave(|mark| mark)).1, Some(true));
        assert!(!is_leaving());
        assert_eq!(caught(|| panic_any(1)).1, Some(false));
    }

    #[test]
    fn a_panic_counts_as_a_panic_although_the_payload_of_an_earlier_leaving_is_kept() {
        let (_kept, seen) = caught(|| leave(|mark| mark));
        assert_eq!(seen, Some(true));
        clear_marks_unless_unwinding();
        assert_eq!(caught(|| panic_any(1)).1, Some(false));
    }

    #[test]
    fn leaving_continues_after_another_leaving_was_caught_in_a_destructor() {
        struct LeavesInDrop;

        impl Drop for LeavesInDrop {
            fn drop(&mut self) {
                drop(caught(|| leave(|mark| mark)));
                clear_marks_unless_unwinding();
            }
        }

        let (_, seen) = caught(|| {
            let _inner = LeavesInDrop;
            leave(|mark| mark);
        });
        assert_eq!(seen, Some(true));
    }
}

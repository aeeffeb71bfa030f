//! Leaving a task by unwinding its stack, for a cancellation and the like: no failure of the task's own.
//!
//! A lock whose guard is dropped by a panic is poisoned, as what it protects may be half done. A task that
//! leaves because it was cancelled stopped at a place that it chose, so its locks are not poisoned. The
//! system tells only that a thread unwinds, not why; so whoever leaves says so beforehand, in a *mark*.
//!
//! # Protocol
//! 1. [`leave`] makes a mark, lists it for the calling thread, and puts it into the payload with which the thread
//!    unwinds from there on. [`Mark::raise`] lists it for a thread that goes on with a payload it was handed.
//! 2. A thread *leaves* while it unwinds and one of its listed marks is alive. A mark lives as long as its payload:
//!    the unwinding itself owns that until somebody catches it.
//! 3. Whoever catches it may keep the payload, and then panic. So a thread that is seen not to unwind forgets its
//!    marks ([`settle`]): where it takes a lock, and where this library catches.
//!
//! Not seen is only this: a guard taken before the leaving was caught by the user's own `catch_unwind`, below
//! which its payload is kept, followed by a panic without any lock in between. That lock is not poisoned.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

use crate::primitive::{Arc, Weak, panicking, thread_local};

thread_local! {
    /// Whether there may be marks. Without a destructor, and one store to lower.
    static MARKED: Cell<bool> = const { Cell::new(false) };
    static MARKS: RefCell<Vec<Weak<()>>> = const { RefCell::new(Vec::new()) };
}

/// Part of the payload of a thread that leaves: lives as long as the payload.
pub(crate) struct Mark(Arc<()>);

impl Mark {
    pub(crate) fn new() -> Self {
        Self(Arc::new(()))
    }

    /// The calling thread is about to unwind with the payload that this is part of.
    pub(crate) fn raise(&self) {
        settle();
        // A thread that is ending and has lost its locals poisons what it holds: that says too much, not too little.
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

/// Unwinds the calling thread's stack, without a word of the panic hook. `payload` is given the mark that it
/// has to keep.
pub(crate) fn leave<P: Any + Send>(payload: impl FnOnce(Mark) -> P) -> ! {
    let mark = Mark::new();
    mark.raise();
    resume_unwind(Box::new(payload(mark)))
}

/// Whether the calling thread unwinds, and not for a panic: the locks it holds are as they should be.
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

/// Forgets the marks of the calling thread, unless it unwinds: whoever left was caught.
#[inline]
pub(crate) fn settle() {
    if !panicking() {
        settled();
    }
}

/// [`settle`] for a thread that is known not to unwind.
#[inline]
pub(crate) fn settled() {
    let _ending = MARKED.try_with(|marked| marked.set(false));
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

    use super::{is_leaving, leave, settle};

    struct Seen<'a>(&'a mut Option<bool>);

    impl Drop for Seen<'_> {
        fn drop(&mut self) {
            *self.0 = Some(is_leaving());
        }
    }

    fn caught(f: impl FnOnce()) -> (Box<dyn std::any::Any + Send>, Option<bool>) {
        let mut seen = None;
        let payload = catch_unwind(AssertUnwindSafe(|| {
            let _seen = Seen(&mut seen);
            f();
        }));
        (payload.unwrap_err(), seen)
    }

    #[test]
    fn a_thread_that_leaves_is_told_from_one_that_panics() {
        assert_eq!(caught(|| leave(|mark| mark)).1, Some(true));
        assert!(!is_leaving());
        assert_eq!(caught(|| panic_any(1)).1, Some(false));
    }

    #[test]
    fn a_panic_after_a_payload_that_is_kept_is_a_panic_once_the_thread_was_seen_not_to_unwind() {
        let (_kept, seen) = caught(|| leave(|mark| mark));
        assert_eq!(seen, Some(true));
        settle();
        assert_eq!(caught(|| panic_any(1)).1, Some(false));
    }

    #[test]
    fn leaving_goes_on_around_one_that_was_caught_in_a_destructor() {
        struct Inner;

        impl Drop for Inner {
            fn drop(&mut self) {
                drop(caught(|| leave(|mark| mark)));
                settle();
            }
        }

        let (_, seen) = caught(|| {
            let _inner = Inner;
            leave(|mark| mark);
        });
        assert_eq!(seen, Some(true));
    }
}

//! User code: where it is called, and how far its panics reach.
//!
//! No user code (closures, callbacks, observers, policies, hooks, destructors of values, iterators) runs
//! while the calling thread holds a lock of this library or a borrow of one of its thread-locals: user code
//! could wait for something that this thread keeps. Values to be dropped and functions to be called are taken
//! out under the lock, and dropped or called after it. Debug builds check that: locks and borrows mark their
//! thread (`Inside`), and [`assert_outside`] stands wherever user code is called, and in what user code calls
//! in turn: [`checkpoint`](crate::checkpoint), every wait, spawning, the live tree.

use std::cell::Cell;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::primitive::{Inside, panicking, thread_local};

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if what unwinds here would be contained, unseen by any caller. False on a thread that is
/// ending.
pub(crate) fn is_contained() -> bool {
    IS_CONTAINED.try_with(Cell::get).unwrap_or(false)
}

/// Sets whether what unwinds from here on is contained. Returns the setting before.
#[inline]
pub(crate) fn set_contained(is_contained: bool) -> bool {
    let before = IS_CONTAINED.try_with(|here| here.replace(is_contained));
    before.unwrap_or(false)
}

/// A guard that aborts the process with this message when dropped. It guards code that must not unwind
/// because other threads use its frame; the code forgets the guard at its end.
pub(crate) struct AbortOnUnwind(pub(crate) &'static str);

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        let _closed = writeln!(stderr(), "reunite: {}", self.0);
        std::process::abort();
    }
}

/// Asserts that the thread holds no lock and no borrow of this library's: user code is about to run, or has
/// called.
///
/// # Panics
/// In debug builds, if the thread holds one.
#[inline]
#[track_caller]
pub(crate) fn assert_outside() {
    // During unwinding a second panic would only hide the first.
    debug_assert!(
        !Inside::is_marked() || panicking(),
        "user code runs while the thread holds a lock of the library"
    );
}

/// Calls `f` and contains its panic, which the panic hook has reported. The payload is dropped here. Even if
/// that drop panics, the library's thread goes on.
pub(crate) fn contain(f: impl FnOnce()) {
    assert_outside();
    let before = set_contained(true);
    let ended = catch_unwind(AssertUnwindSafe(f));
    set_contained(before);
    let Err(payload) = ended else {
        return;
    };
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // The payload of that second panic is leaked, because its destructor could panic as well.
        std::mem::forget(worse);
    }
}

#[cfg(all(test, debug_assertions, not(reunite_model)))]
mod tests {
    use std::panic::catch_unwind;

    use super::{assert_outside, contain};
    use crate::primitive::{Inside, Mutex, StaticMutex};

    /// Calls user code; returns true if the checks pass.
    fn passes() -> bool {
        catch_unwind(|| contain(|| ())).is_ok()
            && catch_unwind(crate::checkpoint).is_ok()
            && catch_unwind(assert_outside).is_ok()
    }

    #[test]
    fn user_code_that_runs_under_a_lock_or_a_borrow_is_found() {
        static REGISTRY: StaticMutex<()> = StaticMutex::new(());
        let (outer, inner) = (Mutex::new(1), Mutex::new(2));
        assert!(passes());
        let guards = (outer.lock(), inner.lock());
        assert!(!passes());
        drop(guards.0);
        assert!(!passes(), "one of the two locks is still held");
        drop(guards.1);
        assert!(passes());
        let guard = REGISTRY.lock();
        assert!(!passes());
        drop(guard);
        let borrow = Inside::mark();
        assert!(!passes());
        drop(borrow);
        assert!(passes());
    }
}

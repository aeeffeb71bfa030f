//! Code of this library's users: where it is called, and what its panic must not end.
//!
//! No code of users (closures, callbacks, observers, policies, hooks, destructors of values, iterators) runs while
//! the calling thread holds a lock of this library or a borrow of one of its thread-locals: it could wait, for what
//! that very thread keeps. What is to be dropped or called is taken out under the lock, and dropped or
//! called after it. Debug builds watch over that: locks and borrows mark their thread
//! ([`Inside`](crate::primitive::Inside)), and [`assert_outside`] stands wherever code of users is called, and in what
//! it calls in turn: [`checkpoint`](crate::checkpoint), every wait, spawning, the live tree.

use std::cell::Cell;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::primitive::{Inside, panicking, thread_local};

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether what unwinds here would be contained, and nobody told. A thread that is ending contains nothing.
pub(crate) fn is_contained() -> bool {
    IS_CONTAINED.try_with(Cell::get).unwrap_or(false)
}

/// From here on what unwinds is contained, or is not. Returns what was so before.
#[inline]
pub(crate) fn set_contained(is_contained: bool) -> bool {
    let before = IS_CONTAINED.try_with(|here| here.replace(is_contained));
    before.unwrap_or(false)
}

/// Aborts the process with this message when dropped. Guards code that must not unwind because other threads use its frame; the
/// code forgets the guard at its end.
pub(crate) struct AbortOnUnwind(pub(crate) &'static str);

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        let _closed = writeln!(stderr(), "reunite: {}", self.0);
        std::process::abort();
    }
}

/// Code of users is about to run, or has called: the thread holds no lock and no borrow of this library's.
///
/// # Panics
/// In debug builds, if it does.
#[inline]
#[track_caller]
pub(crate) fn assert_outside() {
    // While it unwinds, a second panic would only hide the first.
    debug_assert!(
        !Inside::is_marked() || panicking(),
        "code of users runs under a lock of the library's"
    );
}

/// Calls `f`. Of its panic the panic hook has told; what it panicked with is dropped here, and should that
/// panic in turn, the library's thread goes on all the same.
pub(crate) fn contain(f: impl FnOnce()) {
    assert_outside();
    let before = set_contained(true);
    let ended = catch_unwind(AssertUnwindSafe(f));
    set_contained(before);
    let Err(payload) = ended else {
        return;
    };
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A third destructor could panic as well: better a leak.
        std::mem::forget(worse);
    }
}

#[cfg(all(test, debug_assertions, not(reunite_model)))]
mod tests {
    use std::panic::catch_unwind;

    use super::{assert_outside, contain};
    use crate::primitive::{Inside, Mutex, StaticMutex};

    /// Calls code of users; true if the checker lets it pass.
    fn passes() -> bool {
        catch_unwind(|| contain(|| ())).is_ok()
            && catch_unwind(crate::checkpoint).is_ok()
            && catch_unwind(assert_outside).is_ok()
    }

    #[test]
    fn code_of_users_that_runs_under_a_lock_or_a_borrow_is_found() {
        static REGISTRY: StaticMutex<()> = StaticMutex::new(());
        let (outer, inner) = (Mutex::new(1), Mutex::new(2));
        assert!(passes());
        let guards = (outer.lock(), inner.lock());
        assert!(!passes());
        drop(guards.0);
        assert!(!passes(), "one of two is held still");
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

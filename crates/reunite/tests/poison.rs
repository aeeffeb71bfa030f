//! Which unwinding poisons a lock: a panic does, a task that leaves because it was cancelled does not.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use reunite::sync::{Mutex, OnceCell, RwLock};
use reunite::{Cancelled, Pool};

mod common;

/// Waits until its task is cancelled, and gives the cancellation.
fn cancellation() -> Cancelled {
    loop {
        if let Err(cancelled) = reunite::checkpoint() {
            return cancelled;
        }
        std::thread::yield_now();
    }
}

fn leave() -> ! {
    cancellation().unwind()
}

/// Runs `f` in a task of its own, which is cancelled once `f` has said so.
fn in_cancelled_task(f: impl FnOnce(&(dyn Fn() + Sync)) + Send) -> reunite::JoinError {
    let _watchdog = common::watchdog();
    let begun = AtomicBool::new(false);
    let begun = &begun;
    reunite::scope(|s| {
        let task = s.spawn(move || f(&|| begun.store(true, Ordering::SeqCst)));
        while !begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        task.cancel();
        task.join().unwrap_err()
    })
}

#[test]
fn a_task_that_leaves_because_it_was_cancelled_poisons_nothing() {
    let (mutex, lock, cell) = (Mutex::new(0), RwLock::new(0), OnceCell::<u32>::new());
    let error = in_cancelled_task(|begun| {
        let _guard = mutex.lock().unwrap();
        let _write = lock.write().unwrap();
        begun();
        cell.get_or_init(|| leave()).unwrap();
    });
    assert!(error.is_cancelled());
    assert_eq!(*mutex.lock().unwrap(), 0);
    assert_eq!(*lock.read().unwrap(), 0);
    assert_eq!(*cell.get_or_init(|| 1).unwrap(), 1);
}

#[test]
fn it_leaves_through_scopes_and_forks_without_poisoning_what_is_held_around_them() {
    let (one, two) = (Mutex::new(0), Mutex::new(0));
    let pool = Pool::builder().threads(2).build().unwrap();
    let error = in_cancelled_task(|begun| {
        let _one = one.lock().unwrap();
        reunite::scope(|s| {
            let _two = two.lock().unwrap();
            s.spawn(|| {});
            pool.scope(|_| {
                reunite::join(
                    || {
                        begun();
                        leave()
                    },
                    || {},
                )
            });
        });
    });
    assert!(error.is_cancelled());
    assert!(!one.is_poisoned() && !two.is_poisoned());
}

#[test]
fn a_half_of_a_join_that_another_thread_ran_leaves_without_poisoning_here() {
    let mutex = Mutex::new(0);
    let stolen = AtomicBool::new(false);
    let error = in_cancelled_task(|begun| {
        let _guard = mutex.lock().unwrap();
        reunite::join(
            || {
                while !stolen.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            },
            || {
                stolen.store(true, Ordering::SeqCst);
                begun();
                leave()
            },
        );
    });
    assert!(error.is_cancelled(), "{error}");
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_panic_after_a_cancellation_was_caught_poisons() {
    let mutex = Mutex::new(0);
    let error = in_cancelled_task(|begun| {
        begun();
        let caught = catch_unwind(|| -> () { leave() });
        let _guard = mutex.lock().unwrap();
        assert!(caught.is_err());
        panic_any(1);
    });
    assert!(error.is_panic());
    assert!(mutex.is_poisoned());
}

#[test]
fn a_panic_under_a_guard_around_a_cancellation_that_was_caught_poisons() {
    let mutex = Mutex::new(0);
    let error = in_cancelled_task(|begun| {
        let _guard = mutex.lock().unwrap();
        begun();
        let caught = catch_unwind(|| -> () { leave() });
        assert!(caught.is_err());
        panic_any(1);
    });
    assert!(error.is_panic());
    assert!(mutex.is_poisoned());
}

#[test]
fn a_cancellation_that_was_caught_and_resumed_poisons_nothing() {
    let mutex = Mutex::new(0);
    let error = in_cancelled_task(|begun| {
        let _guard = mutex.lock().unwrap();
        begun();
        if let Err(payload) = catch_unwind(|| -> () { leave() }) {
            resume_unwind(payload);
        }
    });
    assert!(error.is_cancelled());
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_cancellation_that_a_destructor_catches_leaves_a_panic_a_panic() {
    struct CatchesOne;

    impl Drop for CatchesOne {
        fn drop(&mut self) {
            assert!(catch_unwind(|| -> () { leave() }).is_err());
        }
    }

    let mutex = Mutex::new(0);
    let error = in_cancelled_task(|begun| {
        let _guard = mutex.lock().unwrap();
        let _catches = CatchesOne;
        begun();
        panic_any(1);
    });
    assert!(error.is_panic());
    assert!(mutex.is_poisoned());
}

#[test]
fn a_destructor_that_locks_and_panics_inside_a_leaving_task_changes_nothing() {
    struct Locks<'a>(&'a Mutex<i32>);

    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            let _caught = catch_unwind(AssertUnwindSafe(|| {
                let _guard = self.0.lock().unwrap();
                panic_any(2);
            }));
        }
    }

    let (outer, inner) = (Mutex::new(0), Mutex::new(0));
    let error = in_cancelled_task(|begun| {
        let _guard = outer.lock().unwrap();
        let _locks = Locks(&inner);
        begun();
        leave();
    });
    assert!(error.is_cancelled());
    // As in std: whoever takes a lock while its thread unwinds poisons nothing.
    assert!(!outer.is_poisoned() && !inner.is_poisoned());
}

#[test]
fn the_next_task_of_a_recycled_thread_poisons_as_any() {
    for _ in 0..20 {
        let mutex = Mutex::new(0);
        let first = in_cancelled_task(|begun| {
            begun();
            leave()
        });
        let second = reunite::scope(|s| {
            s.spawn(|| {
                let _guard = mutex.lock().unwrap();
                panic_any(first);
            })
            .join()
        });
        assert!(second.is_err());
        assert!(mutex.is_poisoned());
    }
}

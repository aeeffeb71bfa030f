//! The state after a task was left because it was cancelled, wherever it runs: its locks are not poisoned, and its
//! destructors run to their ends.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::homes::{ALL, in_homes};
use common::{open_channel, payload_of, until, until_cancelled};
use reunite::channel::{Receiver, unbounded};
use reunite::sync::{Mutex, OnceCell, RwLock};
use reunite::{Cancelled, Pool};

/// Waits until its task is cancelled, and returns the cancellation.
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

#[test]
fn a_task_that_leaves_because_it_was_cancelled_poisons_nothing() {
    in_homes(ALL, |at| {
        let (mutex, lock, cell) = (Mutex::new(0), RwLock::new(0), OnceCell::<u32>::new());
        let error = at
            .cancelled_in(|waits| {
                let _guard = mutex.lock().unwrap();
                let _write = lock.write().unwrap();
                waits.store(true, Ordering::SeqCst);
                cell.get_or_init(|| leave()).unwrap();
            })
            .unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(*mutex.lock().unwrap(), 0);
        assert_eq!(*lock.read().unwrap(), 0);
        assert_eq!(*cell.get_or_init(|| 1).unwrap(), 1);
    });
}

#[test]
fn a_task_leaves_through_scopes_and_forks_without_poisoning_locks_held_around_them() {
    in_homes(ALL, |at| {
        let (one, two) = (Mutex::new(0), Mutex::new(0));
        let pool = Pool::builder().threads(2).build().unwrap();
        let error = at.cancelled_in(|waits| {
            let _one = one.lock().unwrap();
            reunite::scope(|s| {
                let _two = two.lock().unwrap();
                s.spawn(|| {});
                pool.scope(|_| {
                    reunite::join(
                        || {
                            waits.store(true, Ordering::SeqCst);
                            leave()
                        },
                        || {},
                    )
                });
            });
        });
        assert!(error.unwrap_err().is_cancelled());
        assert!(!one.is_poisoned() && !two.is_poisoned());
    });
}

#[test]
fn a_half_of_a_join_that_another_thread_ran_leaves_without_poisoning_here() {
    in_homes(ALL, |at| {
        let mutex = Mutex::new(0);
        let stolen = AtomicBool::new(false);
        let error = at
            .cancelled_in(|waits| {
                let _guard = mutex.lock().unwrap();
                reunite::join(
                    || {
                        while !stolen.load(Ordering::SeqCst) {
                            std::thread::yield_now();
                        }
                    },
                    || {
                        stolen.store(true, Ordering::SeqCst);
                        waits.store(true, Ordering::SeqCst);
                        leave()
                    },
                );
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert!(!mutex.is_poisoned());
    });
}

#[test]
fn a_panic_after_a_cancellation_was_caught_poisons() {
    in_homes(ALL, |at| {
        let mutex = Mutex::new(0);
        let error = at
            .cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                let caught = catch_unwind(|| -> () { leave() });
                let _guard = mutex.lock().unwrap();
                assert!(caught.is_err());
                panic_any(1);
            })
            .unwrap_err();
        assert!(error.is_panic());
        assert!(mutex.is_poisoned());
    });
}

#[test]
fn a_panic_under_a_guard_around_a_cancellation_that_was_caught_poisons() {
    in_homes(ALL, |at| {
        let mutex = Mutex::new(0);
        let error = at
            .cancelled_in(|waits| {
                let _guard = mutex.lock().unwrap();
                waits.store(true, Ordering::SeqCst);
                let caught = catch_unwind(|| -> () { leave() });
                assert!(caught.is_err());
                panic_any(1);
            })
            .unwrap_err();
        assert!(error.is_panic());
        assert!(mutex.is_poisoned());
    });
}

#[test]
fn a_cancellation_that_was_caught_and_resumed_poisons_nothing() {
    in_homes(ALL, |at| {
        let mutex = Mutex::new(0);
        let error = at
            .cancelled_in(|waits| {
                let _guard = mutex.lock().unwrap();
                waits.store(true, Ordering::SeqCst);
                if let Err(payload) = catch_unwind(|| -> () { leave() }) {
                    resume_unwind(payload);
                }
            })
            .unwrap_err();
        assert!(error.is_cancelled());
        assert!(!mutex.is_poisoned());
    });
}

#[test]
fn a_cancellation_that_a_destructor_catches_leaves_a_panic_a_panic() {
    in_homes(ALL, |at| {
        struct CatchesOne;

        impl Drop for CatchesOne {
            fn drop(&mut self) {
                assert!(catch_unwind(|| -> () { leave() }).is_err());
            }
        }

        let mutex = Mutex::new(0);
        let error = at
            .cancelled_in(|waits| {
                let _guard = mutex.lock().unwrap();
                let _catches = CatchesOne;
                waits.store(true, Ordering::SeqCst);
                panic_any(1);
            })
            .unwrap_err();
        assert!(error.is_panic());
        assert!(mutex.is_poisoned());
    });
}

#[test]
fn a_destructor_that_locks_and_panics_inside_a_leaving_task_changes_nothing() {
    in_homes(ALL, |at| {
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
        let error = at
            .cancelled_in(|waits| {
                let _guard = outer.lock().unwrap();
                let _locks = Locks(&inner);
                waits.store(true, Ordering::SeqCst);
                leave();
            })
            .unwrap_err();
        assert!(error.is_cancelled());
        // As in std: a lock taken while the thread unwinds is not poisoned.
        assert!(!outer.is_poisoned() && !inner.is_poisoned());
    });
}

#[test]
fn the_next_task_of_a_recycled_thread_poisons_as_usual() {
    in_homes(ALL, |at| {
        for _ in 0..20 {
            let mutex = Mutex::new(0);
            let first = at
                .cancelled_in(|waits| {
                    waits.store(true, Ordering::SeqCst);
                    leave()
                })
                .unwrap_err();
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
    });
}

#[test]
fn a_task_that_is_left_poisons_no_lock() {
    in_homes(ALL, |at| {
        let (lock, rx) = (reunite::sync::Mutex::new(0), open_channel(8));
        let error = at.cancelled_in(|waits| {
            let mut sum = lock.lock().unwrap();
            waits.store(true, Ordering::SeqCst);
            rx.iter().for_each(|n| *sum += n);
        });
        assert!(error.unwrap_err().is_cancelled());
        assert_eq!(*lock.lock().unwrap(), 3);
    });
}

/// Receives what is left in its channel when it is dropped.
struct Drains<'a>(&'a Receiver<u64>, &'a AtomicUsize);

impl Drop for Drains<'_> {
    fn drop(&mut self) {
        self.1.fetch_add(self.0.iter().count(), Ordering::SeqCst);
        // A scope's body is part of the destructor, and so are the halves of a fork, on whichever thread.
        assert_eq!(reunite::scope(|_| self.0.iter().count()), 0);
        assert_eq!(Pool::global().scope(|_| self.0.iter().count()), 0);
        let halves = reunite::join(|| self.0.iter().count(), || self.0.iter().count());
        assert_eq!(halves, (0, 0));
        let nested = || reunite::scope(|_| reunite::join(|| (), || self.0.iter().count()).1);
        assert_eq!(nested(), 0);
        // A task in here is a task of its own: it is left, and its join reports that.
        let inside = reunite::scope(|s| s.spawn(|| self.0.iter().count()).join());
        assert!(inside.unwrap_err().is_cancelled());
    }
}

#[test]
fn a_destructor_that_drains_a_channel_while_its_task_is_left_receives_what_was_sent() {
    in_homes(ALL, |at| {
        let (first, second) = (open_channel(8), open_channel(8));
        let drained = AtomicUsize::new(0);
        let error = at.cancelled_in(|waits| {
            let _drains = Drains(&second, &drained);
            waits.store(true, Ordering::SeqCst);
            first.iter().count()
        });
        assert!(error.unwrap_err().is_cancelled());
        assert_eq!(drained.load(Ordering::SeqCst), 3);
        let error = at.cancelled_in(|waits| {
            let _drains = Drains(&second, &drained);
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            panic!("for another reason");
        });
        assert!(error.unwrap_err().is_panic());
    });
}

/// Forks when it is dropped, in a pool with an idle thread, until that thread could have begun.
struct Forks<'a>(&'a Receiver<u64>, &'a Pool);

impl Drop for Forks<'_> {
    fn drop(&mut self) {
        let stolen = AtomicBool::new(false);
        let ((), counted) = self.1.join(
            || {
                for n in 0..2_000 {
                    // Only now and then, as each may take a while on a busy machine.
                    let pause = || (n % 20 == 0).then(std::thread::yield_now);
                    reunite::join(pause, || ());
                    if stolen.load(Ordering::SeqCst) {
                        return;
                    }
                }
            },
            || {
                stolen.store(true, Ordering::SeqCst);
                self.0.iter().count()
            },
        );
        assert_eq!(counted, 3);
    }
}

#[test]
fn a_half_of_a_fork_in_a_destructor_receives_what_was_sent() {
    in_homes(ALL, |at| {
        let pool = Pool::builder().threads(2).build().unwrap();
        let rx = open_channel(8);
        let error = at.cancelled_in(|waits| {
            let _forks = Forks(&rx, &pool);
            waits.store(true, Ordering::SeqCst);
            until_cancelled().unwind();
        });
        assert!(error.unwrap_err().is_cancelled());
    });
}

/// Waits when it is dropped, and then runs something.
struct Waits<'a>(&'a Receiver<()>, &'a AtomicBool);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
        self.0.recv().unwrap();
    }
}

/// The fork is older than the panic, which is caught below it.
#[test]
fn a_half_of_a_fork_that_a_destructor_publishes_is_left_all_the_same() {
    in_homes(ALL, |at| {
        let pool = Pool::builder().threads(2).build().unwrap();
        let (messages, (begins, begun)) = (open_channel(8), unbounded());
        let (is_busy, is_free) = (&AtomicBool::new(false), &AtomicBool::new(false));
        let went_on = AtomicBool::new(false);
        let error = at.cancelled_in(|waits| {
            let halves = || {
                until(|| is_busy.load(Ordering::SeqCst));
                // A member that is asked for work answers, and then is not asked any more.
                for _ in 0..10 {
                    let ((), ()) = reunite::join(|| (), || ());
                }
                reunite::join(
                    || {
                        payload_of(|| {
                            let _waits = Waits(&begun, is_free);
                            panic!("caught here");
                        })
                    },
                    || {
                        begins.send(()).unwrap();
                        waits.store(true, Ordering::SeqCst);
                        messages.iter().for_each(drop);
                        went_on.store(true, Ordering::SeqCst);
                    },
                )
            };
            pool.join(halves, || {
                is_busy.store(true, Ordering::SeqCst);
                until(|| is_free.load(Ordering::SeqCst));
            });
        });
        assert!(error.unwrap_err().is_cancelled());
        assert!(!went_on.into_inner());
    });
}

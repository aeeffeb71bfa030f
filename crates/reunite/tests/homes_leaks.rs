//! Locks whose guard was forgotten: a wait for one is refused, with an error that names the task that forgot
//! it, wherever that ran.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::homes::{NAMED, SCOPES, in_homes, in_homes_with};
use common::until;
use reunite::Pool;
use reunite::sync::{Barrier, Mutex};

/// Waits for the lock that the caller holds, and returns the reason why that would never end.
fn taken_twice(lock: &Mutex<()>) -> String {
    let _guard = lock.lock().unwrap();
    lock.lock().unwrap_err().to_string()
}

#[test]
fn a_lock_whose_guard_was_forgotten_is_refused() {
    in_homes(NAMED, |at| {
        let lock = Mutex::new(1);
        let told = at.scope(|s| {
            let forgets = || std::mem::forget(lock.lock().unwrap());
            s.spawn_named("careless", forgets).join().unwrap();
            let wants = s.spawn(|| lock.lock().map(drop)).join().unwrap();
            wants.unwrap_err().to_string()
        });
        let careless = at.home.names(0, "careless");
        assert!(told.contains(&careless), "{careless} in {told}");
        assert!(told.contains("leaked"), "{told}");
    });
}

/// Before its joiner, who runs it in its own place, or after, as another.
#[test]
fn a_guard_that_a_worker_or_the_joiner_forgets_is_reported() {
    in_homes(SCOPES, |at| {
        for in_its_own_place in [true, false] {
            let lock = Mutex::new(());
            at.scope(|s| {
                let forgets = || std::mem::forget(lock.lock().unwrap());
                let careless = s.spawn_named("careless", forgets);
                if !in_its_own_place {
                    until(|| careless.is_finished());
                }
                careless.join().unwrap();
            });
            let told = lock.lock().unwrap_err().to_string();
            assert!(told.contains("task `careless`"), "{told}");
        }
    });
}

#[test]
fn a_lock_that_moves_takes_its_leak_with_it() {
    in_homes(NAMED, |at| {
        let lock = Box::new(Mutex::new(()));
        at.scope(|s| {
            let careless = s.spawn(|| std::mem::forget(lock.lock().unwrap()));
            careless.join().unwrap();
        });
        let moved = *lock;
        let told = moved.lock().unwrap_err().to_string();
        assert!(told.contains("leaked its guard"), "{told}");
    });
}

#[test]
fn a_lock_in_the_place_of_another_inherits_nothing() {
    in_homes(NAMED, |at| {
        let mut lock = Mutex::new(());
        at.scope(|s| {
            let careless = s.spawn(|| std::mem::forget(lock.lock().unwrap()));
            careless.join().unwrap();
        });
        // Its destructor never runs.
        std::mem::forget(std::mem::replace(&mut lock, Mutex::new(())));
        let told = taken_twice(&lock);
        assert!(!told.contains("leaked"), "{told}");
    });
}

/// The guard of the lock that was there before was forgotten by a task that still runs.
#[test]
fn a_lock_in_the_place_of_another_is_seen_in_cycles() {
    in_homes(NAMED, |at| {
        let place = std::sync::RwLock::new(Mutex::new(()));
        let meet = Barrier::new(2);
        at.scope(|s| {
            let careless = s.spawn(|| {
                std::mem::forget(place.read().unwrap().lock().unwrap());
                meet.wait().unwrap();
                meet.wait().unwrap();
            });
            meet.wait().unwrap();
            *place.write().unwrap() = Mutex::new(());
            let told = taken_twice(&place.read().unwrap());
            assert!(!told.contains("leaked"), "{told}");
            meet.wait().unwrap();
            careless.join().unwrap();
        });
        let told = taken_twice(&place.read().unwrap());
        assert!(!told.contains("leaked"), "{told}");
    });
}

/// A lock is gone, and then the task ends that forgot its guard: a lock that lies at the same address by now
/// has no leaked guard.
#[test]
fn a_lock_that_is_gone_before_its_leak_is_known_leaves_nothing_behind() {
    use std::sync::Arc;
    in_homes(NAMED, |at| {
        let meet = Barrier::new(2);
        let lock = Arc::new(Mutex::new(()));
        let address = Arc::as_ptr(&lock);
        let mut others: Vec<_> = at.scope(|s| {
            let careless = s.spawn({
                let (lock, meet) = (Arc::clone(&lock), &meet);
                move || {
                    std::mem::forget(lock.lock().unwrap());
                    drop(lock);
                    meet.wait().unwrap();
                    meet.wait().unwrap();
                }
            });
            meet.wait().unwrap();
            drop(lock);
            // The allocator decides what is placed there; it is another lock soon, and otherwise nothing is
            // tested.
            let others = (0..1000).map(|_| Arc::new(Mutex::new(()))).collect();
            meet.wait().unwrap();
            careless.join().unwrap();
            others
        });
        others.retain(|other| Arc::as_ptr(other) == address);
        for other in others {
            // Refused, as a thread that waits holds the lock; not because a guard was leaked.
            let told = taken_twice(&other);
            assert!(!told.contains("leaked"), "{told}");
        }
    });
}

/// Many locks may be held, and released in any order: a task that runs inside another's join has leaked its
/// own guard, and not one of the other's.
#[test]
fn a_leak_is_distinguished_from_the_many_locks_of_the_joiner() {
    // There is no other place: the inner task runs where it is joined.
    in_homes_with(1, SCOPES, |at| {
        let locks: Vec<_> = (0..12).map(|_| Mutex::new(())).collect();
        let leaked = Mutex::new(());
        let (locks, leaked) = (&locks, &leaked);
        at.limited_scope(|s| {
            let outer = s.spawn(move || {
                let mut guards: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
                drop(guards.remove(0));
                drop(guards.remove(5));
                let inner = s.spawn(move || std::mem::forget(leaked.lock().unwrap()));
                inner.join().unwrap();
                // Each lock is still this task's, as the refusal to take it again says.
                let again = locks[7..].iter().map(|lock| lock.lock().unwrap_err());
                again.map(|error| error.to_string()).collect::<Vec<_>>()
            });
            for told in outer.join().unwrap() {
                assert!(!told.contains("leaked"), "{told}");
            }
        });
        let told = leaked.lock().unwrap_err().to_string();
        assert!(told.contains("leaked its guard"), "{told}");
    });
}

/// Even where no task of its own ends: a worker that goes on to other work holds nothing.
#[test]
fn a_guard_that_is_forgotten_in_a_half_that_another_thread_runs_is_reported() {
    let forked = Mutex::new(());
    let over = std::sync::atomic::AtomicBool::new(false);
    let pool = Pool::builder().threads(2).build().unwrap();
    pool.enter(|| {
        let elsewhere = || {
            std::mem::forget(forked.lock().unwrap());
            over.store(true, Ordering::SeqCst);
        };
        // Forks are shared when another is made.
        let shares = || reunite::join(|| (), || over.load(Ordering::SeqCst)).1;
        reunite::join(|| until(shares), elsewhere);
    });
    let told = forked.lock().unwrap_err().to_string();
    assert!(told.contains("leaked its guard"), "{told}");
}

/// For tasks that wait already when it happens.
#[test]
fn a_guard_that_is_forgotten_while_tasks_wait_ends_their_waits() {
    // The first half of the outermost fork is a part of the thread that forked, which goes on.
    in_homes(NAMED, |at| {
        let lock = Mutex::new(());
        let (all, end) = (Barrier::new(6), Barrier::new(2));
        let names = ["careless", "b", "c", "d", "e", "f", "ends it"];
        let refused = at.run(&names, |n| match n {
            0 => {
                std::mem::forget(lock.lock().unwrap());
                all.wait().unwrap();
                end.wait().unwrap();
                None
            }
            6 => {
                // Long enough for the other waits to be known; otherwise they find it when they begin.
                reunite::sleep(Duration::from_millis(20)).unwrap();
                end.wait().unwrap();
                None
            }
            _ => {
                all.wait().unwrap();
                lock.lock().map(drop).err()
            }
        });
        let refused = refused.into_iter().filter_map(Result::unwrap);
        let refused: Vec<_> = refused.map(|error| error.to_string()).collect();
        assert_eq!(refused.len(), 5);
        let careless = at.home.names(0, "careless");
        for told in refused {
            assert!(told.contains("leaked"), "{told}");
            assert!(told.contains(&careless), "{careless} in {told}");
        }
    });
}

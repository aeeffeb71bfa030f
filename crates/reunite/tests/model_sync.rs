//! Locks and deadlock detection under the model checker; see `model.rs`.

#![cfg(reunite_model)]

use reunite::sync::{
    Barrier, Condvar, Mutex, OnceCell, RwLock, UpgradableGuard, WaitGroup, WriteGuard,
};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{check_pct, check_random};

const RUNS: usize = 20_000;

/// Another thread could come between the two steps, if the lock let it.
fn bump(count: &mut usize) {
    let before = *count;
    shuttle::thread::yield_now();
    *count = before + 1;
}

#[test]
fn a_mutex_lets_one_in_and_wakes_the_next() {
    check_random(
        || {
            let count = Mutex::new(0);
            reunite::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| (0..2).for_each(|_| bump(&mut count.lock().unwrap())));
                }
            });
            assert_eq!(count.into_inner(), 6);
        },
        RUNS,
    );
}

#[test]
fn a_cancelled_waiter_loses_no_release() {
    check_random(
        || {
            let count = Mutex::new(0);
            reunite::scope(|s| {
                let guard = count.lock().unwrap();
                let cancelled = s.spawn(|| count.lock().is_ok());
                let waits = s.spawn(|| bump(&mut count.lock().unwrap()));
                cancelled.cancel();
                drop(guard);
                waits.join().unwrap();
                // It may have got the lock in time.
                let _either = cancelled.join();
            });
            assert_eq!(count.into_inner(), 1);
        },
        RUNS,
    );
}

#[test]
fn readers_and_writers_all_get_the_lock() {
    check_random(
        || {
            let count = RwLock::new(0);
            reunite::scope(|s| {
                s.spawn(|| bump(&mut count.write().unwrap()));
                s.spawn(|| {
                    let before = *count.read().unwrap();
                    bump(&mut count.write().unwrap());
                    assert!(*count.read().unwrap() > before);
                });
                s.spawn(|| {
                    let guard = count.read().unwrap();
                    let before = *guard;
                    shuttle::thread::yield_now();
                    assert_eq!(*guard, before, "nobody writes meanwhile");
                });
            });
            assert_eq!(count.into_inner(), 2);
        },
        RUNS,
    );
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_in() {
    check_random(
        || {
            let lock = RwLock::new(0);
            reunite::scope(|s| {
                let read = lock.read().unwrap();
                let writer = s.spawn(|| lock.write().is_ok());
                let reader = s.spawn(|| *lock.read().unwrap());
                writer.cancel();
                // The first read lock is still held: only the writer stands in the way.
                let _either = writer.join();
                assert_eq!(reader.join().unwrap(), 0);
                drop(read);
            });
        },
        RUNS,
    );
}

#[test]
fn upgrades_lose_no_write_and_no_wake_up() {
    check_random(
        || {
            let count = RwLock::new(0);
            reunite::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        let upgradable = count.upgradable_read().unwrap();
                        let before = *upgradable;
                        shuttle::thread::yield_now();
                        let mut writer = UpgradableGuard::upgrade(upgradable).unwrap();
                        assert_eq!(*writer, before, "nobody writes in between");
                        bump(&mut writer);
                    });
                }
                s.spawn(|| bump(&mut count.write().unwrap()));
                s.spawn(|| {
                    let reader = count.read().unwrap();
                    let before = *reader;
                    let again = count.read_recursive().unwrap();
                    assert_eq!(*again, before, "nobody writes meanwhile");
                });
            });
            assert_eq!(count.into_inner(), 3);
        },
        RUNS,
    );
}

#[test]
fn downgrades_let_all_in_that_they_do_not_exclude() {
    check_random(
        || {
            let count = RwLock::new(0);
            reunite::scope(|s| {
                let mut writer = count.write().unwrap();
                let reads = s.spawn(|| *count.read().unwrap());
                let upgradable = s.spawn(|| *count.upgradable_read().unwrap());
                bump(&mut writer);
                let held = WriteGuard::downgrade_to_upgradable(writer);
                assert_eq!(reads.join().unwrap(), 1);
                let held = UpgradableGuard::downgrade(held);
                assert_eq!(upgradable.join().unwrap(), 1);
                drop(held);
            });
        },
        RUNS,
    );
}

/// Threads for upgradable reads and writers are woken, another thread is faster, and they go back to their queues in any
/// order.
#[test]
fn threads_of_both_queues_that_go_back_do_not_wait_for_each_other() {
    check_random(
        || {
            let count = RwLock::new(0);
            reunite::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| drop(count.upgradable_read().unwrap()));
                }
                s.spawn(|| bump(&mut count.write().unwrap()));
                for _ in 0..2 {
                    drop(count.read_recursive().unwrap());
                    drop(count.try_upgradable_read());
                }
            });
            assert_eq!(count.into_inner(), 1);
        },
        RUNS * 2,
    );
}

#[test]
fn an_upgrade_that_is_cancelled_lets_those_behind_it_in() {
    check_random(
        || {
            let lock = RwLock::new(0);
            reunite::scope(|s| {
                let read = lock.read().unwrap();
                let upgrades = s.spawn(|| {
                    let upgradable = lock.upgradable_read().ok()?;
                    UpgradableGuard::upgrade(upgradable).ok().map(drop)
                });
                let reader = s.spawn(|| *lock.read().unwrap());
                let next = s.spawn(|| *lock.upgradable_read().unwrap());
                upgrades.cancel();
                // The first read lock is still held: the upgrade cannot succeed.
                assert!(!upgrades.join().is_ok_and(|upgraded| upgraded.is_some()));
                assert_eq!((reader.join().unwrap(), next.join().unwrap()), (0, 0));
                drop(read);
            });
        },
        RUNS,
    );
}

#[test]
fn a_cancelled_wait_for_an_upgradable_read_loses_no_wake_up() {
    check_random(
        || {
            let lock = RwLock::new(0);
            reunite::scope(|s| {
                let held = lock.upgradable_read().unwrap();
                let cancelled = s.spawn(|| lock.upgradable_read().is_ok());
                let writer = s.spawn(|| bump(&mut lock.write().unwrap()));
                let next = s.spawn(|| *lock.upgradable_read().unwrap());
                cancelled.cancel();
                drop(held);
                // It may have got the lock in time.
                let _either = cancelled.join();
                writer.join().unwrap();
                assert!(next.join().unwrap() <= 1);
            });
            assert_eq!(lock.into_inner(), 1);
        },
        RUNS,
    );
}

/// Checks that the newest of the two waits is refused, whichever that is.
#[test]
fn a_second_read_behind_an_upgrade_is_refused_or_the_upgrade() {
    check_random(
        || {
            let lock = RwLock::new(0);
            reunite::scope(|s| {
                let upgrades = s.spawn(|| {
                    let upgradable = lock.upgradable_read().unwrap();
                    UpgradableGuard::upgrade(upgradable)
                        .map(drop)
                        .err()
                        .map(Into::into)
                });
                let reader = lock.read().unwrap();
                let again = lock.read();
                let refused = again.as_ref().err().cloned();
                drop((reader, again));
                let other: Option<reunite::WaitError> = upgrades.join().unwrap();
                assert!(refused.is_none() || other.is_none(), "one of them went on");
                assert!(
                    refused
                        .iter()
                        .chain(&other)
                        .all(reunite::WaitError::is_deadlock)
                );
            });
        },
        RUNS,
    );
}

#[test]
fn a_notification_is_not_lost() {
    check_random(
        || {
            let (ready, changed) = (Mutex::new(0), Condvar::new());
            reunite::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        let mut ready = ready.lock().unwrap();
                        changed.wait_while(&mut ready, |ready| *ready == 0).unwrap();
                        *ready -= 1;
                    });
                }
                for _ in 0..2 {
                    *ready.lock().unwrap() += 1;
                    changed.notify_one();
                }
            });
            assert_eq!(ready.into_inner(), 0);
        },
        RUNS,
    );
}

#[test]
fn a_cancelled_waiter_passes_its_notification_on() {
    check_random(
        || {
            let (ready, changed) = (Mutex::new(false), Condvar::new());
            reunite::scope(|s| {
                let wait = || {
                    let mut guard = ready.lock().ok()?;
                    changed.wait_while(&mut guard, |ready| !*ready).ok()
                };
                let cancelled = s.spawn(wait);
                let waits = s.spawn(wait);
                cancelled.cancel();
                *ready.lock().unwrap() = true;
                changed.notify_one();
                let first = cancelled.join();
                if first.is_ok_and(|went_on| went_on.is_some()) {
                    changed.notify_one();
                }
                assert_eq!(waits.join().unwrap(), Some(()));
            });
        },
        RUNS,
    );
}

#[test]
fn a_barrier_opens_for_all_and_again() {
    check_random(
        || {
            let barrier = Barrier::new(3);
            let led = AtomicUsize::new(0);
            reunite::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        for _ in 0..2 {
                            led.fetch_add(usize::from(barrier.wait().unwrap()), Ordering::SeqCst);
                        }
                    });
                }
            });
            assert_eq!(led.load(Ordering::SeqCst), 2);
        },
        RUNS,
    );
}

#[test]
fn a_wait_group_waits_for_all_others_and_misses_no_drop() {
    check_random(
        || {
            let (group, done) = (WaitGroup::new(), AtomicUsize::new(0));
            let held = [group.clone(), group.clone()];
            let also_waits = group.clone();
            reunite::scope(|s| {
                for held in held {
                    let done = &done;
                    s.spawn(move || {
                        // A clone made meanwhile counts as well.
                        let more = held.clone();
                        drop(held);
                        done.fetch_add(1, Ordering::SeqCst);
                        drop(more);
                    });
                }
                let other = s.spawn(|| {
                    also_waits.wait().unwrap();
                    done.load(Ordering::SeqCst)
                });
                group.wait().unwrap();
                assert_eq!(done.load(Ordering::SeqCst), 2);
                assert_eq!(other.join().unwrap(), 2);
            });
        },
        RUNS,
    );
}

#[test]
fn a_later_clone_prolongs_no_wait_of_a_group() {
    check_random(
        || {
            let mut group = WaitGroup::new();
            let (held, waits) = (group.clone(), group.clone());
            let _timed_out = group.wait_timeout(std::time::Duration::ZERO);
            reunite::scope(|s| {
                let waits = s.spawn(|| waits.wait());
                s.spawn(|| drop(held));
                // This one counts from now on. If the group had no holder before, the other wait is for this one.
                let later = group.clone();
                shuttle::thread::yield_now();
                drop(later);
                waits.join().unwrap().unwrap();
            });
        },
        RUNS,
    );
}

#[test]
fn a_once_cell_wakes_all_that_wait_for_its_value() {
    check_random(
        || {
            let cell = OnceCell::new();
            reunite::scope(|s| {
                let waits = [(); 2].map(|()| s.spawn(|| *cell.wait().unwrap()));
                let sets = s.spawn(|| cell.set(1).is_ok());
                let made = *cell.get_or_init(|| 2).unwrap();
                assert_eq!(made, if sets.join().unwrap() { 1 } else { 2 });
                for waited in waits {
                    assert_eq!(waited.join().unwrap(), made);
                }
            });
        },
        RUNS,
    );
}

#[test]
fn a_once_cell_is_made_once() {
    check_random(
        || {
            let cell = OnceCell::new();
            let made = AtomicUsize::new(0);
            let make = || {
                shuttle::thread::yield_now();
                made.fetch_add(1, Ordering::SeqCst) + 1
            };
            reunite::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| assert_eq!(*cell.get_or_init(make).unwrap(), 1));
                }
            });
        },
        RUNS,
    );
}

/// `count` tasks, each of which holds a lock and wants its neighbour's: exactly one is refused, whatever the
/// order. If they do not all hold their locks at the same time, it may be that none is refused.
fn ring(members: usize, meet: bool) {
    let locks: Vec<_> = (0..members).map(Mutex::new).collect();
    let all = Barrier::new(members);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..members {
            let (locks, all, refused) = (&locks, &all, &refused);
            s.spawn(move || {
                let _mine = locks[n].lock().unwrap();
                if meet {
                    all.wait().unwrap();
                }
                if let Err(error) = locks[(n + 1) % members].lock() {
                    assert_eq!(error.deadlock().unwrap().links().len(), members);
                    refused.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let refused = refused.load(Ordering::SeqCst);
    assert!(
        refused == 1 || (!meet && refused == 0),
        "{refused} were refused"
    );
}

#[test]
fn a_cycle_of_two_has_one_victim() {
    check_random(|| ring(2, true), RUNS);
    check_random(|| ring(2, false), RUNS);
}

#[test]
fn a_cycle_of_three_has_one_victim() {
    check_random(|| ring(3, true), RUNS);
    check_random(|| ring(3, false), RUNS);
}

#[test]
fn a_join_under_a_lock_the_child_wants_has_one_victim() {
    check_random(
        || {
            let lock = Mutex::new(());
            reunite::scope(|s| {
                let guard = lock.lock().unwrap();
                let child = s.spawn(|| lock.lock().is_err());
                match child.join() {
                    Ok(refused) => assert!(refused, "it cannot have had the lock"),
                    Err(error) => assert!(error.is_deadlock()),
                }
                drop(guard);
            });
        },
        RUNS,
    );
}

/// Checks that no wait is refused: the lock is released by a task that waits for nothing.
#[test]
fn a_lock_that_will_be_released_is_no_cycle() {
    check_random(
        || {
            let (a, b) = (Mutex::new(()), Mutex::new(()));
            reunite::scope(|s| {
                let first = s.spawn(|| {
                    let _a = a.lock().unwrap();
                    let _b = b.lock().unwrap();
                });
                let second = s.spawn(|| {
                    drop(b.lock().unwrap());
                    let _a = a.lock().unwrap();
                });
                first.join().unwrap();
                second.join().unwrap();
            });
        },
        RUNS,
    );
}

/// The joiner has its result before it notices: what the child waits for afterwards is a thread that goes on.
#[test]
fn a_join_that_has_its_result_is_not_part_of_a_cycle() {
    check_random(
        || {
            let lock = std::sync::Arc::new(Mutex::new(()));
            let refused = std::sync::Arc::new(AtomicUsize::new(0));
            reunite::scope(|s| {
                let guard = lock.lock().unwrap();
                let (go, told) = reunite::channel::bounded(1);
                let child = s.spawn(move || told.recv().unwrap());
                let (wanted, count) = (lock.clone(), refused.clone());
                child.on_complete(move || {
                    count.fetch_add(usize::from(wanted.lock().is_err()), Ordering::SeqCst);
                });
                // Not earlier: the callback of a task that has completed would run here, under the lock.
                go.send(()).unwrap();
                child.join().unwrap();
                drop(guard);
            });
            assert_eq!(refused.load(Ordering::SeqCst), 0);
        },
        RUNS,
    );
}

/// A task that has not begun may have its thread starting already, or may get the thread of a task that has just ended:
/// its joiner waits for neither of the blocked tasks.
#[test]
fn a_place_whose_thread_is_starting_is_not_part_of_a_cycle() {
    check_pct(
        || {
            let lock = Mutex::new(0);
            let guard = lock.lock().unwrap();
            let scope = reunite::ScopeBuilder::new().max_threads(2);
            let near = AtomicUsize::new(0);
            let sum = scope.scope(|s| {
                let blocked = s.spawn(|| {
                    near.store(1, Ordering::SeqCst);
                    *lock.lock().unwrap() + 1
                });
                while near.load(Ordering::SeqCst) == 0 {
                    shuttle::thread::yield_now();
                }
                let (soon, queued) = (s.spawn(|| 2), s.spawn(|| 3));
                let sum = soon.join().unwrap() + queued.join().unwrap();
                drop(guard);
                sum + blocked.join().unwrap()
            });
            assert_eq!(sum.unwrap(), 6);
        },
        RUNS,
        3,
    );
}

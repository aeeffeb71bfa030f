//! Shapes of cycles, and of what only looks like one, beyond the classic ones in `deadlock.rs`; and what a lock is
//! known by. As there, whoever else runs is of no importance.

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use reunite::sync::{Barrier, Mutex, MutexGuard, OnceCell, ReadGuard, RwLock};

/// Waits for the lock that the caller holds, and tells why that would never end.
fn taken_twice(lock: &Mutex<()>) -> String {
    let _guard = lock.lock().unwrap();
    lock.lock().unwrap_err().to_string()
}

/// Runs `f` as a task of the pool's worker, never of the joiner.
fn on_worker(pool: &reunite::Pool, f: impl FnOnce() + Send + 'static) {
    let task = pool.spawn(f);
    common::until(|| task.is_finished());
    task.join().unwrap();
}

thread_local! {
    static KEPT: RefCell<Vec<MutexGuard<'static, ()>>> = const { RefCell::new(Vec::new()) };
    static KEPT_TO_READ: RefCell<Vec<ReadGuard<'static, ()>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn a_guard_that_outlives_its_task_and_is_released() {
    static LOCK: Mutex<()> = Mutex::new(());
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    on_worker(&pool, || {
        KEPT.with(|kept| kept.borrow_mut().push(LOCK.lock().unwrap()));
    });
    // As far as anybody knows.
    let error = LOCK.lock().unwrap_err().to_string();
    assert!(error.contains("leaked its guard"), "{error}");
    on_worker(&pool, || KEPT.with(|kept| kept.borrow_mut().clear()));
    let error = taken_twice(&LOCK);
    assert!(!error.contains("leaked"), "{error}");
}

#[test]
fn of_two_guards_that_outlive_their_task_one_is_released() {
    static LOCK: RwLock<()> = RwLock::new(());
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    on_worker(&pool, || {
        let read = || LOCK.read().unwrap();
        KEPT_TO_READ.with(|kept| kept.borrow_mut().extend([read(), read()]));
    });
    for _ in 0..2 {
        let error = LOCK.write().unwrap_err().to_string();
        assert!(error.contains("leaked its guard"), "{error}");
        on_worker(&pool, || {
            drop(KEPT_TO_READ.with(|kept| kept.borrow_mut().pop()));
        });
    }
    drop(LOCK.write().unwrap());
    let _reads = LOCK.read().unwrap();
    let error = LOCK.write().unwrap_err().to_string();
    assert!(!error.contains("leaked"), "{error}");
}

#[test]
fn a_lock_that_moves_takes_its_leak_with_it() {
    let _watchdog = common::watchdog();
    let lock = Box::new(Mutex::new(()));
    reunite::scope(|s| {
        s.spawn(|| std::mem::forget(lock.lock().unwrap()));
    });
    let moved = *lock;
    let error = moved.lock().unwrap_err().to_string();
    assert!(error.contains("leaked its guard"), "{error}");
}

#[test]
fn a_lock_in_the_place_of_another_inherits_nothing() {
    let _watchdog = common::watchdog();
    let mut lock = Mutex::new(());
    reunite::scope(|s| {
        s.spawn(|| std::mem::forget(lock.lock().unwrap()));
    });
    // Its destructor never runs.
    std::mem::forget(std::mem::replace(&mut lock, Mutex::new(())));
    let error = taken_twice(&lock);
    assert!(!error.contains("leaked"), "{error}");
}

/// The guard of the lock before it was forgotten by a task that still runs.
#[test]
fn a_lock_in_the_place_of_another_is_seen_in_cycles() {
    let _watchdog = common::watchdog();
    let place = Arc::new(std::sync::RwLock::new(Mutex::new(())));
    let (leaked, has_leaked) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let careless = reunite::spawn({
        let place = Arc::clone(&place);
        move || {
            std::mem::forget(place.read().unwrap().lock().unwrap());
            leaked.send(()).unwrap();
            ends.recv().unwrap();
        }
    });
    has_leaked.recv().unwrap();
    *place.write().unwrap() = Mutex::new(());
    let error = taken_twice(&place.read().unwrap());
    assert!(!error.contains("leaked"), "{error}");
    end.send(()).unwrap();
    careless.join().unwrap();
    let error = taken_twice(&place.read().unwrap());
    assert!(!error.contains("leaked"), "{error}");
}

/// Those that wait already when it happens.
#[test]
fn a_guard_that_is_forgotten_under_those_who_wait() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let (held, is_held) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let refused = reunite::scope(|s| {
        let lock = &lock;
        s.spawn(move || {
            std::mem::forget(lock.lock().unwrap());
            held.send(()).unwrap();
            ends.recv().unwrap();
        });
        is_held.recv().unwrap();
        let waits: Vec<_> = (0..5).map(|_| s.spawn(|| lock.lock().is_err())).collect();
        // Long enough for them to be known to wait; if not, they find it when they do.
        reunite::sleep(Duration::from_millis(20)).unwrap();
        end.send(()).unwrap();
        let waits = waits.into_iter().map(|wait| wait.join().unwrap());
        waits.filter(|refused| *refused).count()
    });
    assert_eq!(refused, 5);
}

/// A ring of so many locks: one wait is refused, and tells of them all.
fn ring(count: usize) {
    let _watchdog = common::watchdog();
    let locks: Vec<_> = (0..count).map(|_| Mutex::new(())).collect();
    let all = Barrier::new(count);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..count {
            let (locks, all, refused) = (&locks, &all, &refused);
            s.spawn(move || {
                let _mine = locks[n].lock().unwrap();
                all.wait().unwrap();
                if let Err(error) = locks[(n + 1) % count].lock() {
                    assert_eq!(error.deadlock().unwrap().links().len(), count);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 1);
}

#[test]
fn a_long_ring() {
    ring(300);
}

/// In whatever order its links come to be known, and whether or not it is closed in the end.
#[test]
fn a_chain_that_is_closed_when_all_of_it_waits() {
    let _watchdog = common::watchdog();
    const COUNT: usize = 100;
    for closes in [false, true] {
        let locks: Vec<_> = (0..COUNT).map(|_| Mutex::new(())).collect();
        let all = Barrier::new(COUNT);
        let (go, goes) = mpsc::channel::<()>();
        let refused = reunite::scope(|s| {
            let mut goes = Some(goes);
            let tasks: Vec<_> = (0..COUNT)
                .map(|n| {
                    let (locks, all) = (&locks, &all);
                    let goes = (n == COUNT - 1).then(|| goes.take().unwrap());
                    s.spawn(move || {
                        let _mine = locks[n].lock().unwrap();
                        all.wait().unwrap();
                        match goes {
                            None => locks[n + 1].lock().is_err(),
                            Some(goes) => {
                                goes.recv().unwrap();
                                closes && locks[0].lock().is_err()
                            }
                        }
                    })
                })
                .collect();
            reunite::sleep(Duration::from_millis(20)).unwrap();
            go.send(()).unwrap();
            let tasks = tasks.into_iter().map(|task| task.join().unwrap());
            tasks.filter(|refused| *refused).count()
        });
        assert_eq!(refused, usize::from(closes));
    }
}

#[test]
fn deep_nests_of_joins_are_no_cycle() {
    fn nest(depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        reunite::scope(|s| s.spawn(move || nest(depth - 1) + 1).join().unwrap())
    }
    let _watchdog = common::watchdog();
    assert_eq!(nest(1000), 1000);
}

#[test]
fn the_innermost_of_a_nest_wants_what_the_outermost_holds() {
    fn nest(depth: usize, lock: &Mutex<()>) -> usize {
        if depth == 0 {
            return usize::from(lock.lock().is_err());
        }
        // The end of each scope waits, not its body: nothing but the lock can be refused.
        let refused = AtomicUsize::new(0);
        reunite::scope(|s| {
            s.spawn(|| refused.store(nest(depth - 1, lock), Ordering::Relaxed));
        });
        refused.into_inner()
    }
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let _guard = lock.lock().unwrap();
    assert_eq!(nest(100, &lock), 1);
}

#[test]
fn all_that_want_what_the_end_of_their_scope_holds() {
    let _watchdog = common::watchdog();
    const COUNT: usize = 200;
    let lock = Mutex::new(());
    let refused = AtomicUsize::new(0);
    let guard = lock.lock().unwrap();
    reunite::scope(|s| {
        for _ in 0..COUNT {
            s.spawn(|| refused.fetch_add(usize::from(lock.lock().is_err()), Ordering::Relaxed));
        }
    });
    drop(guard);
    assert_eq!(refused.into_inner(), COUNT);
}

#[test]
fn the_end_of_a_pools_scope_holds_what_its_task_wants() {
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let lock = Mutex::new(());
    let refused = AtomicUsize::new(0);
    pool.enter(|| {
        let guard = lock.lock().unwrap();
        pool.scope(|s| {
            for _ in 0..8 {
                s.spawn(|| refused.fetch_add(usize::from(lock.lock().is_err()), Ordering::Relaxed));
            }
        });
        drop(guard);
    });
    assert_eq!(refused.into_inner(), 8);
}

/// Once all are in, each half waits for the lock that the other half's task holds.
#[test]
fn two_forks_that_cross() {
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let locks = [Mutex::new(()), Mutex::new(())];
    let both = Barrier::new(2);
    let cross = |one: usize, other: usize| {
        let _guard = locks[one].lock().unwrap();
        both.wait().unwrap();
        locks[other].lock().is_err()
    };
    let refused = reunite::scope(|s| {
        let [x, y] = [(0, 1), (1, 0)].map(|(one, other)| {
            let (pool, cross) = (&pool, &cross);
            s.spawn(move || pool.enter(|| reunite::join(|| cross(one, other), || false).0))
        });
        [x.join().unwrap(), y.join().unwrap()]
    });
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1);
}

#[test]
fn two_values_that_need_each_other() {
    let _watchdog = common::watchdog();
    let cells = [OnceCell::new(), OnceCell::new()];
    let both = Barrier::new(2);
    let refused = reunite::scope(|s| {
        let tasks = [(0, 1), (1, 0)].map(|(one, other)| {
            let (cells, both): (&[OnceCell<u8>; 2], _) = (&cells, &both);
            s.spawn(move || {
                let mut refused = false;
                let _value = cells[one].get_or_init(|| {
                    both.wait().unwrap();
                    refused = cells[other].get_or_init(|| 1).is_err();
                    2
                });
                refused
            })
        });
        tasks.map(|task| task.join().unwrap())
    });
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1);
}

/// One link of the cycle ends by itself, so nothing is refused.
#[test]
fn a_ring_with_one_deadline() {
    let _watchdog = common::watchdog();
    let locks = [Mutex::new(()), Mutex::new(()), Mutex::new(())];
    let all = Barrier::new(3);
    reunite::scope(|s| {
        let tasks = [0, 1, 2].map(|n| {
            let (locks, all) = (&locks, &all);
            s.spawn(move || {
                let _mine = locks[n].lock().unwrap();
                all.wait().unwrap();
                let next = &locks[(n + 1) % 3];
                if n == 0 {
                    assert!(
                        next.lock_timeout(Duration::from_millis(30))
                            .unwrap_err()
                            .is_timeout()
                    );
                } else {
                    drop(next.lock().unwrap());
                }
            })
        });
        let [(), (), ()] = tasks.map(|task| task.join().unwrap());
    });
}

/// A cycle that a cancellation breaks is one no more, and the next to come closes none.
#[test]
fn a_chain_whose_middle_is_cancelled() {
    let _watchdog = common::watchdog();
    let (a, b, c) = (Mutex::new(()), Mutex::new(()), Mutex::new(()));
    let (held, is_held) = mpsc::channel();
    reunite::scope(|s| {
        let c_guard = c.lock().unwrap();
        let one = |mine, next| {
            let (mine, next): (&Mutex<()>, &Mutex<()>) = (mine, next);
            let held = held.clone();
            s.spawn(move || {
                let _mine = mine.lock().unwrap();
                held.send(()).unwrap();
                next.lock().map(drop)
            })
        };
        let (first, second) = (one(&a, &b), one(&b, &c));
        is_held.recv().unwrap();
        is_held.recv().unwrap();
        reunite::sleep(Duration::from_millis(10)).unwrap();
        second.cancel();
        match second.join() {
            Ok(locked) => assert!(locked.unwrap_err().is_cancelled()),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
        // Held by the first until it has got `b`, which nobody keeps any more.
        drop(a.lock().unwrap());
        assert!(first.join().unwrap().is_ok());
        drop(c_guard);
    });
}

/// Of two who could have let a queued task begin, the one that was started beyond the limit ends, and the other waits
/// for the joiner: nobody files another wait, and yet it is a cycle from then on.
#[test]
fn a_queued_task_when_the_last_who_ran_is_gone() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let (go, goes) = mpsc::channel::<()>();
    let (late, is_late) = mpsc::channel();
    let mut guard = Some(lock.lock().unwrap());
    let refused = reunite::ScopeBuilder::new()
        .max_threads(1)
        .scope(|s| {
            let lock = &lock;
            let holder = s.spawn(move || {
                let mut beyond = s.spawn(move || goes.recv().unwrap());
                let beyond_the_limit = beyond.join_timeout(Duration::from_millis(1));
                assert!(beyond_the_limit.unwrap_err().is_timeout());
                late.send(()).unwrap();
                lock.lock().is_err()
            });
            is_late.recv().unwrap();
            let queued = s.spawn(|| ());
            let helper = std::thread::spawn(move || {
                // Long enough for the others to be known to wait; if not, they find it when they do.
                std::thread::sleep(Duration::from_millis(20));
                go.send(()).unwrap();
            });
            let joined = queued.join().is_err();
            drop(guard.take());
            helper.join().unwrap();
            joined || holder.join().unwrap()
        })
        .unwrap();
    assert!(refused);
}

/// A reader queues behind a writer that has a limit, so not for ever; a writer that comes after it does not keep it.
#[test]
fn a_reader_does_not_wait_for_a_writer_that_comes_later() {
    let _watchdog = common::watchdog();
    let (lock, made) = (RwLock::new(()), line!());
    let (lock, other, go) = (&lock, &Mutex::new(()), &Barrier::new(2));
    // What holds a lock is told of whoever waits, once its wait is in the graph.
    let is_told = |waits: &str, holds: &str| {
        let waits = format!("{waits} a lock ({}:{made})", file!());
        let dump = reunite::dump().to_string();
        let mut lines = dump.lines();
        lines.any(|line| line.contains(&waits) && line.contains(holds))
    };
    reunite::scope(|s| {
        let reads = s.spawn(|| {
            let _first = lock.read().unwrap();
            go.wait().unwrap();
            go.wait().unwrap();
            lock.read().map(drop)
        });
        go.wait().unwrap();
        let gives_up = s.spawn(|| lock.write_timeout(common::LONG).is_err());
        common::until(|| is_told("writes", ""));
        go.wait().unwrap();
        common::until(|| is_told("reads", "holding"));
        let writes = s.spawn(|| {
            let _held = other.lock().unwrap();
            lock.write().map(drop)
        });
        let is_over = || reads.is_finished() || writes.is_finished();
        common::until(|| is_told("writes", "holding") || is_over());
        gives_up.cancel();
        reads.join().unwrap().unwrap();
        writes.join().unwrap().unwrap();
    });
}

/// The consumer asks before there is an item, and finds out whom it waits for when there is one.
#[test]
fn a_map_whose_first_item_wants_what_its_consumer_holds() {
    let _watchdog = common::watchdog();
    let lock = &Mutex::new(());
    let asks = || {
        let dump = reunite::dump().to_string();
        let mut lines = dump.lines();
        lines.any(|line| line.contains("waits for the next of") && line.contains("`kept`"))
    };
    reunite::scope(|s| {
        let consumer = s.spawn(|| {
            let source = (0..1).inspect(|_| common::until(asks));
            let items = s.map(source, |_| lock.lock().is_err()).name("kept");
            let mut outcomes = items.threads(1).into_iter();
            let held = lock.lock().unwrap();
            let is_refused = outcomes.next().unwrap();
            drop(held);
            is_refused.is_err() || is_refused.unwrap()
        });
        assert!(consumer.join().unwrap());
    });
}

#[test]
fn readers_and_writers_in_a_ring() {
    let _watchdog = common::watchdog();
    let locks = [RwLock::new(()), RwLock::new(()), RwLock::new(())];
    let all = Barrier::new(3);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..3 {
            let (locks, all, refused) = (&locks, &all, &refused);
            s.spawn(move || {
                let _mine = locks[n].read().unwrap();
                all.wait().unwrap();
                if locks[(n + 1) % 3].write().is_err() {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 1);
}

/// One worker waits, and the pool is not starved by that; when the other one blocks where nobody sees what for, it is.
#[test]
fn a_wait_that_starves_when_the_other_worker_blocks_elsewhere() {
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder()
        .threads(2)
        .spares(0)
        .build()
        .unwrap();
    let (tx, rx) = reunite::channel::bounded::<u8>(1);
    let (end, ends) = mpsc::channel::<()>();
    let waits = pool.spawn(move || rx.recv().unwrap_err().is_starved());
    // Long enough for it to be known to wait.
    reunite::sleep(Duration::from_millis(20)).unwrap();
    let blocks = pool.spawn(move || reunite::blocking(|| ends.recv().unwrap()));
    let queued = pool.spawn(|| ());
    // A join would run it.
    common::until(|| queued.is_finished() && waits.is_finished());
    assert!(waits.join().unwrap());
    end.send(()).unwrap();
    blocks.join().unwrap();
    drop(tx);
}

//! One wake-up, or one look before going to sleep, to each test: the schedule in which nothing else makes up for it;
//! see `model.rs`.

#![cfg(reunite_model)]

use std::sync::Arc;
use std::time::Duration;

use reunite::channel;
use reunite::sync::{Mutex, RwLock, Semaphore};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const RUNS: usize = 20_000;

/// Runs what a lost wake-up must hang: nothing is refused that waits in vain.
fn check(program: impl Fn() + Send + Sync + Clone + 'static, runs: usize) {
    reunite::refuse_deadlocks(false);
    shuttle::check_random(program.clone(), runs / 2);
    shuttle::check_pct(program, runs / 2, 3);
}

fn pool(threads: usize) -> reunite::Pool {
    let builder = reunite::Pool::builder().threads(threads).spares(0);
    builder.build().unwrap()
}

/// What the task returned, if it was cancelled only after it had begun.
fn if_begun<T, E: std::fmt::Debug>(joined: Result<T, reunite::JoinError<E>>) -> Option<T> {
    match joined {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_cancelled(), "{error:?}");
            None
        }
    }
}

/// A large request stands in front of a small one that there are permits for, and gives up. Nobody releases
/// anything meanwhile.
#[test]
fn a_large_request_that_gives_up_lets_the_small_one_behind_it_in() {
    check(
        || {
            let semaphore = Semaphore::new(2);
            let held = semaphore.acquire().unwrap();
            reunite::scope(|s| {
                let large = s.spawn(|| semaphore.acquire_many(2).is_ok());
                let small = s.spawn(|| semaphore.acquire().is_ok());
                large.cancel();
                assert!(small.join().unwrap());
                assert_ne!(if_begun(large.join()), Some(true));
            });
            drop(held);
            assert_eq!(semaphore.available(), 2);
        },
        RUNS,
    );
}

/// Two requests wait for permits that are given back at once, and neither gives any back before the other has its own.
#[test]
fn a_release_lets_in_as_many_as_it_is_enough_for() {
    check(
        || {
            let semaphore = Semaphore::new(2);
            let both = shuttle::sync::Barrier::new(2);
            let held = semaphore.acquire_many(2).unwrap();
            reunite::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        let _permit = semaphore.acquire().unwrap();
                        both.wait();
                    });
                }
                drop(held);
            });
            assert_eq!(semaphore.available(), 2);
        },
        RUNS,
    );
}

/// The joiner of a pool's task sleeps, and no other task of the scope ends that would wake it.
#[test]
fn the_end_of_a_pools_task_wakes_its_joiner() {
    check(
        || {
            let pool = pool(2);
            let (open, gate) = shuttle::sync::mpsc::channel::<()>();
            pool.scope(|s| {
                let slow = s.spawn(move || gate.recv().is_err());
                let quick = s.spawn(shuttle::thread::yield_now);
                // With a time limit, as otherwise the joiner may run the task itself.
                let mut quick = quick;
                quick.join_timeout(Duration::MAX).unwrap();
                drop(open);
                assert!(slow.join().unwrap());
            });
        },
        RUNS,
    );
}

/// The same while another joiner sleeps, whose task goes on: whoever is woken first, the right one is, too.
#[test]
fn the_end_of_a_pools_task_wakes_its_joiner_among_others() {
    check(
        || {
            let pool = pool(3);
            let (open, gate) = shuttle::sync::mpsc::channel::<()>();
            pool.scope(|s| {
                let mut slow = s.spawn(move || gate.recv().is_err());
                let mut quick = s.spawn(shuttle::thread::yield_now);
                reunite::scope(|threads| {
                    let waits = threads.spawn(move || slow.join_timeout(Duration::MAX).unwrap());
                    quick.join_timeout(Duration::MAX).unwrap();
                    drop(open);
                    assert!(waits.join().unwrap());
                });
            });
        },
        RUNS,
    );
}

/// A pool that has no more threads for those that block, and two that block: one of them is called back, not both.
#[test]
fn a_pool_that_starves_calls_one_back() {
    check(
        || {
            let pool = reunite::Pool::builder().threads(1).spares(1);
            let pool = pool.build().unwrap();
            let (tell, told) = channel::unbounded();
            let (end, ends) = shuttle::sync::mpsc::channel();
            let starved = Arc::new(AtomicUsize::new(0));
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let (told, starved) = (told.clone(), Arc::clone(&starved));
                tasks.push(pool.spawn(move || {
                    if told.recv().is_err_and(|error| error.is_starved()) {
                        starved.fetch_add(1, Ordering::SeqCst);
                    }
                }));
            }
            // One more than there may be to take.
            tasks.push(pool.spawn(move || (0..2).for_each(|_| tell.send(()).unwrap())));
            for task in &tasks {
                let end = end.clone();
                // The threads of the pool are to do it, and not whoever joins.
                task.on_complete(move || end.send(()).unwrap());
            }
            (0..3).for_each(|_| ends.recv().unwrap());
            assert_eq!(starved.load(Ordering::SeqCst), 1);
            tasks.into_iter().for_each(|task| task.join().unwrap());
            drop(told);
        },
        RUNS / 4,
    );
}

/// It queues for the only place while the thread that this is for is being refused: no other comes for it.
#[test]
fn a_task_that_queues_behind_a_refused_thread_is_refused_with_it() {
    check(
        || {
            let scope = reunite::ScopeBuilder::new().max_threads(1);
            let too_large = || reunite::Builder::new().stack_size(usize::MAX);
            let joined = scope.scope(|s| {
                let spawns = || s.spawn_with(too_large(), || ());
                reunite::scope(|threads| {
                    let (end, ended) = shuttle::sync::mpsc::channel::<()>();
                    let refused = threads.spawn(move || drop(spawns().join()));
                    let queued = s.spawn(move || drop(end));
                    // Nobody joins it who could run it in the place of a thread.
                    ended.recv().unwrap_err();
                    refused.join().unwrap();
                    queued.join()
                })
            });
            if let Err(error) = joined.unwrap() {
                assert!(error.is_refused(), "{error}");
            }
        },
        RUNS / 4,
    );
}

/// Two who publish at the same time find one place free: a thread comes for one of them alone, although there may be more
/// for those that block, and nobody does.
#[test]
fn one_place_is_given_to_one_thread() {
    check(
        || {
            let started = Arc::new(AtomicUsize::new(0));
            let counts = Arc::clone(&started);
            let pool = reunite::Pool::builder().threads(1).spares(1);
            let pool = pool.on_start(move || _ = counts.fetch_add(1, Ordering::SeqCst));
            let pool = pool.build().unwrap();
            let (end, ends) = shuttle::sync::mpsc::channel();
            reunite::scope(|s| {
                for _ in 0..2 {
                    let (pool, end) = (&pool, end.clone());
                    s.spawn(move || pool.spawn(move || end.send(()).unwrap()).detach());
                }
            });
            (0..2).for_each(|_| ends.recv().unwrap());
            drop(pool);
            assert_eq!(started.load(Ordering::SeqCst), 1);
        },
        RUNS / 4,
    );
}

/// Two tasks need each other. The second came while the first worker still searched, so nobody was woken for it:
/// that worker does so when it finds the first.
#[test]
fn a_searcher_that_finds_work_wakes_another_for_the_rest() {
    check(
        || {
            // The caller takes one of the places, though it waits where nobody sees it.
            let pool = pool(3);
            let both = shuttle::sync::Barrier::new(2);
            let (tell, told) = shuttle::sync::mpsc::channel();
            pool.scope(|s| {
                for _ in 0..2 {
                    let (tell, both) = (tell.clone(), &both);
                    s.spawn(move || {
                        both.wait();
                        tell.send(()).unwrap();
                    });
                }
                (0..2).for_each(|_| told.recv().unwrap());
            });
        },
        RUNS,
    );
}

/// A worker goes to sleep while another thread has forked something that it has shown to nobody: it has to leave its
/// wish behind, so that the next fork there shows it.
#[test]
fn a_worker_that_goes_to_sleep_asks_for_what_nobody_can_see() {
    check(
        || {
            let pool = pool(2);
            let done = AtomicBool::new(false);
            pool.enter(|| {
                // Answers the wish that a new member finds.
                reunite::join(|| (), || ());
                reunite::join(
                    || {
                        while !done.load(Ordering::SeqCst) {
                            reunite::join(|| (), || ());
                            shuttle::thread::yield_now();
                        }
                    },
                    || done.store(true, Ordering::SeqCst),
                );
            });
        },
        RUNS / 4,
    );
}

/// What a wait was for came first, and the cancellation after it: the wait has its result, however late it looks.
#[test]
fn a_result_beats_a_cancellation_that_came_after_it() {
    check(
        || {
            reunite::scope(|s| {
                let task = s.spawn(|| 7);
                let (tell, told) = shuttle::sync::mpsc::channel();
                task.on_complete(move || tell.send(()).unwrap());
                let joins = s.spawn(move || task.join());
                told.recv().unwrap();
                joins.cancel();
                if let Some(joined) = if_begun(joins.join()) {
                    assert_eq!(joined.unwrap(), 7);
                }
            });
        },
        RUNS,
    );
}

#[test]
fn a_message_beats_a_cancellation_that_came_after_it() {
    for capacity in [1, 2] {
        check(
            move || {
                let (tx, rx) = channel::bounded(capacity);
                reunite::scope(|s| {
                    let receives = s.spawn(|| rx.recv());
                    tx.send(7).unwrap();
                    receives.cancel();
                    if let Some(received) = if_begun(receives.join()) {
                        assert_eq!(received.unwrap(), 7);
                    }
                });
                let (tx, rx) = channel::bounded(capacity);
                (0..capacity).for_each(|n| tx.send(n).unwrap());
                reunite::scope(|s| {
                    let sends = s.spawn(|| tx.send(7));
                    rx.recv().unwrap();
                    sends.cancel();
                    if let Some(sent) = if_begun(sends.join()) {
                        sent.unwrap();
                    }
                });
            },
            RUNS / 2,
        );
    }
}

#[test]
fn a_release_beats_a_cancellation_that_came_after_it() {
    check(
        || {
            let (lock, shared) = (Mutex::new(()), RwLock::new(()));
            let (guard, write) = (lock.lock().unwrap(), shared.write().unwrap());
            reunite::scope(|s| {
                let locks = s.spawn(|| lock.lock().is_ok());
                let reads = s.spawn(|| shared.read().is_ok());
                drop((guard, write));
                locks.cancel();
                reads.cancel();
                assert_ne!(if_begun(locks.join()), Some(false));
                assert_ne!(if_begun(reads.join()), Some(false));
            });
        },
        RUNS,
    );
}

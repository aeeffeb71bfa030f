//! One test for each wake-up, and for each look before going to sleep: in the schedule in which nothing else makes up
//! for a lost one. See `model.rs`.

#![cfg(reunite_model)]

use std::sync::Arc;
use std::time::Duration;

use reunite::channel;
use reunite::prelude::*;
use reunite::sync::{Mutex, RwLock, Semaphore};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const RUNS: usize = 20_000;

/// Runs a program in which a lost wake-up must hang: no wait is refused.
fn check(program: impl Fn() + Send + Sync + Clone + 'static, runs: usize) {
    reunite::refuse_deadlocks(false);
    shuttle::check_random(program.clone(), runs / 2);
    shuttle::check_pct(program, runs / 2, 3);
}

fn pool(threads: usize) -> reunite::Pool {
    let builder = reunite::Pool::builder().threads(threads).spares(0);
    builder.build().unwrap()
}

/// Returns the value of the task; `None` if it was cancelled before it began.
fn if_begun<T, E: std::fmt::Debug>(joined: Result<T, reunite::JoinError<E>>) -> Option<T> {
    match joined {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_cancelled(), "{error:?}");
            None
        }
    }
}

/// A large request waits in front of a small one for which there are permits, and gives up. No permit is released
/// meanwhile.
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

/// Two requests wait for permits that are given back together; neither gives any back before the other has its own.
#[test]
fn a_release_grants_as_many_requests_as_it_can() {
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

/// The joiner of a pool's task sleeps, and no other task of the scope ends, which would wake it.
#[test]
fn the_end_of_a_pools_task_wakes_its_joiner() {
    check(
        || {
            let pool = pool(2);
            let (open, gate) = shuttle::sync::mpsc::channel::<()>();
            pool.scope(|s| {
                let slow = s.spawn(move || gate.recv().is_err());
                let quick = s.spawn(shuttle::thread::yield_now);
                // With a time limit, because otherwise the joiner may run the task itself.
                let mut quick = quick;
                quick.join_timeout(Duration::MAX).unwrap();
                drop(open);
                assert!(slow.join().unwrap());
            });
        },
        RUNS,
    );
}

/// The same while another joiner sleeps, whose task goes on: even if that one is woken first, the right one is woken,
/// too.
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

/// The pool has no more threads to replace blocked ones, and two tasks block: one of the waits is refused, not both.
#[test]
fn a_starved_pool_refuses_one_wait_only() {
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
            // One message more than may be taken.
            tasks.push(pool.spawn(move || (0..2).for_each(|_| tell.send(()).unwrap())));
            for task in &tasks {
                let end = end.clone();
                // The threads of the pool are to run it, not the joiner.
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

/// It queues for the only place while the thread for that place is being refused: no other thread comes for it.
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
                    // No task joins it, which could run it in place of a thread.
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

/// Two threads publish at the same time and find one free place: a thread comes for one of the forks only. The pool may
/// start more threads, but only to replace blocked ones, and none blocks.
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

/// Two tasks need each other. The second came while the first worker still searched, so no worker was woken for it:
/// that worker wakes one when it finds the first task.
#[test]
fn a_searcher_that_finds_work_wakes_another_for_the_rest() {
    check(
        || {
            // The caller takes one of the places, although it waits where the library does not see it.
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

/// A worker goes to sleep while another thread has a private fork: the worker has to leave a request behind, so that
/// the next fork of that thread is published.
#[test]
fn a_worker_that_goes_to_sleep_requests_private_forks() {
    check(
        || {
            let pool = pool(2);
            let done = AtomicBool::new(false);
            pool.enter(|| {
                // Answers the request that a new member finds.
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

/// The result of a wait came first, and the cancellation after it: the wait returns the result, however late it looks.
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

/// Three participants of a bridge hand its iterator to each other: each item is worked on once, and the parts are appended
/// in the order of their items, also by the participant that goes on meanwhile.
#[test]
fn the_parts_of_a_bridge_are_appended_in_order() {
    check(
        || {
            let pool = pool(3);
            let mut left = 0..6_usize;
            let items = std::iter::from_fn(move || {
                shuttle::thread::yield_now();
                left.next()
            });
            let items = items.par_bridge().map(|n| {
                shuttle::thread::yield_now();
                n
            });
            let collected: Vec<usize> = pool.enter(|| items.collect());
            assert_eq!(collected, [0, 1, 2, 3, 4, 5]);
        },
        RUNS / 8,
    );
}

/// A split of a range against the first find: the parts to its left are searched to their end.
#[test]
fn the_first_of_two_parts_is_found() {
    check(
        || {
            let pool = pool(2);
            let found = pool.enter(|| {
                (0..4_usize).into_par_iter().find_first(|n| {
                    shuttle::thread::yield_now();
                    *n >= 1
                })
            });
            assert_eq!(found, Some(1));
        },
        RUNS / 8,
    );
}

/// A select that sends and one that receives meet on a channel without storage, although neither can be handed
/// anything while it tries its arms. Each has another arm, which never becomes ready.
#[test]
fn a_select_that_sends_meets_one_that_receives() {
    check(
        || {
            let (tx, rx) = channel::bounded(0);
            let (_quiet_tx, quiet) = channel::bounded::<u8>(0);
            reunite::scope(|s| {
                let sender = s.spawn(|| {
                    reunite::select! {
                        recv(quiet) -> message => panic!("{message:?}"),
                        send(tx, 7) -> sent => sent.unwrap(),
                    }
                });
                let receiver = s.spawn(|| {
                    reunite::select! {
                        recv(quiet) -> message => panic!("{message:?}"),
                        recv(rx) -> message => message.unwrap(),
                    }
                });
                assert_eq!(receiver.join().unwrap(), 7);
                sender.join().unwrap();
            });
        },
        RUNS,
    );
}

/// Two selects that both send and receive on one channel without storage: one sends and the other receives, and neither
/// meets itself.
#[test]
fn two_selects_on_both_ends_of_a_rendezvous_meet_each_other() {
    check(
        || {
            let (tx, rx) = channel::bounded(0);
            let both = || {
                reunite::select! {
                    send(tx, 1) -> sent => { sent.unwrap(); 0 }
                    recv(rx) -> message => message.unwrap(),
                }
            };
            reunite::scope(|s| {
                let [one, other] = [(); 2].map(|()| s.spawn(both));
                assert_eq!(one.join().unwrap() + other.join().unwrap(), 1);
            });
        },
        RUNS,
    );
}

/// Two selects compete for one message: one gets it, and the other waits on, until the second message comes.
#[test]
fn of_two_selects_one_gets_the_message() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (tx, rx) = channel::bounded(capacity);
                let (other_tx, other) = channel::bounded(capacity);
                let receive = || {
                    reunite::select! {
                        recv(rx) -> message => message.unwrap(),
                        recv(other) -> message => message.unwrap(),
                    }
                };
                reunite::scope(|s| {
                    let receivers = [(); 2].map(|()| s.spawn(receive));
                    let sender = s.spawn(|| tx.send(1).unwrap());
                    other_tx.send(2).unwrap();
                    let [one, two] = receivers.map(|it| it.join().unwrap());
                    assert_eq!(one + two, 3);
                    sender.join().unwrap();
                });
            },
            RUNS / 3,
        );
    }
}

/// Two selects and a plain sender compete for the room that one receive makes; each gets its turn.
#[test]
fn selects_that_send_lose_no_wake_up() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (tx, rx) = channel::bounded(capacity);
                (0..capacity).for_each(|_| tx.send(0).unwrap());
                let (_quiet_tx, quiet) = channel::bounded::<u8>(1);
                let send = || {
                    reunite::select! {
                        recv(quiet) -> message => panic!("{message:?}"),
                        send(tx, 1) -> sent => sent.unwrap(),
                    }
                };
                reunite::scope(|s| {
                    s.spawn(send);
                    s.spawn(send);
                    s.spawn(|| tx.send(1).unwrap());
                    let sum: i32 = (0..3 + capacity).map(|_| rx.recv().unwrap()).sum();
                    assert_eq!(sum, 3);
                });
            },
            RUNS / 3,
        );
    }
}

/// A select that is cancelled passes on the wake-up that it got instead of another sender, or another receiver.
#[test]
fn a_cancelled_select_passes_its_wake_up_on() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (tx, rx) = channel::bounded(capacity);
                let (_quiet_tx, quiet) = channel::bounded::<u8>(1);
                (0..capacity).for_each(|_| tx.send(0).unwrap());
                reunite::scope(|s| {
                    let hasty = s.spawn(|| {
                        reunite::select! {
                            recv(quiet) -> _ => false,
                            send(tx, 1) -> sent => sent.is_ok(),
                        }
                    });
                    let patient = s.spawn(|| {
                        reunite::select! {
                            recv(quiet) -> message => panic!("{message:?}"),
                            send(tx, 2) -> sent => sent.is_ok(),
                        }
                    });
                    s.spawn(|| rx.recv().unwrap());
                    hasty.cancel();
                    if if_begun(hasty.join()) == Some(true) {
                        rx.recv().unwrap();
                    }
                    assert!(patient.join().unwrap());
                });
            },
            RUNS / 3,
        );
    }
}

/// A select claims a receiver whose task is cancelled meanwhile. Either the receiver has the message, or the select goes
/// on to the other receiver.
#[test]
fn a_claimed_receiver_that_is_cancelled_has_the_message_or_not() {
    check(
        || {
            let (tx, rx) = channel::bounded(0);
            let (_quiet_tx, quiet) = channel::bounded::<u8>(1);
            reunite::scope(|s| {
                let hasty = s.spawn(|| rx.recv().is_ok());
                let select = s.spawn(|| {
                    reunite::select! {
                        recv(quiet) -> message => panic!("{message:?}"),
                        send(tx, 1) -> sent => sent.unwrap(),
                    }
                });
                hasty.cancel();
                if if_begun(hasty.join()) != Some(true) {
                    rx.recv().unwrap();
                }
                select.join().unwrap();
            });
        },
        RUNS,
    );
}

/// A select that a sender has chosen waits for a message that comes only when another receiver has got its own. That
/// receiver is woken, although the select was listed before it.
#[test]
fn a_chosen_select_passes_the_wake_ups_of_its_other_channels_on() {
    for capacity in [1, 2] {
        check(
            move || {
                let (tx, rx) = channel::bounded(0);
                let (other, from_other) = channel::bounded(capacity);
                let (open, gate) = channel::bounded(1);
                let (_quiet_tx, quiet) = channel::bounded::<u8>(1);
                reunite::scope(|s| {
                    let chosen = s.spawn(|| {
                        reunite::select! {
                            recv(rx) -> message => message.unwrap(),
                            recv(from_other) -> message => message.unwrap(),
                        }
                    });
                    let sender = s.spawn(|| {
                        reunite::select! {
                            recv(quiet) -> message => panic!("{message:?}"),
                            send(tx, { gate.recv().unwrap(); 7 }) -> sent => sent.unwrap(),
                        }
                    });
                    let second = s.spawn(|| {
                        from_other.recv().unwrap();
                        open.send(()).unwrap();
                    });
                    other.send(8).unwrap();
                    if chosen.join().unwrap() == 8 {
                        other.send(8).unwrap();
                        assert_eq!(rx.recv().unwrap(), 7);
                    }
                    second.join().unwrap();
                    sender.join().unwrap();
                });
            },
            RUNS / 2,
        );
    }
}

/// A ring becomes a queue while a plain sender and a plain receiver wait at it, or are about to.
#[test]
fn a_ring_that_becomes_a_queue_wakes_all_who_wait() {
    check(
        || {
            let (tx, rx) = channel::bounded(2);
            (0..2).for_each(|n| tx.send(n).unwrap());
            reunite::scope(|s| {
                let plain = s.spawn(|| {
                    tx.send(2).unwrap();
                    tx.send(3).unwrap();
                });
                let select = s.spawn(|| {
                    reunite::select! {
                        send(tx, 9) -> sent => sent.unwrap(),
                    }
                });
                let received = s.spawn(|| (0..2).map(|_| rx.recv().unwrap()).collect::<Vec<_>>());
                let mine: Vec<_> = (0..3).map(|_| rx.recv().unwrap()).collect();
                let other = received.join().unwrap();
                for part in [&mine, &other] {
                    assert!(part.iter().filter(|n| **n < 9).is_sorted());
                }
                assert_eq!(mine.iter().chain(&other).sum::<i32>(), 15);
                plain.join().unwrap();
                select.join().unwrap();
            });
        },
        RUNS,
    );
}

/// A ring is closed while it becomes a queue: what was put is received, and every wait ends.
#[test]
fn a_ring_that_becomes_a_queue_may_be_closed_meanwhile() {
    check(
        || {
            let (tx, rx) = channel::bounded(2);
            reunite::scope(|s| {
                let plain = s.spawn(|| i32::from(tx.send(1).is_ok()));
                let select = s.spawn(|| {
                    reunite::select! {
                        send(tx, 2) -> sent => if sent.is_ok() { 2 } else { 0 },
                    }
                });
                let receiver = s.spawn(|| rx.iter().sum::<i32>());
                tx.close();
                let sent = plain.join().unwrap() + select.join().unwrap();
                assert_eq!(receiver.join().unwrap(), sent);
                assert!(tx.send(3).is_err() && rx.recv().unwrap_err().is_closed());
            });
        },
        RUNS,
    );
}

/// A receiver that was woken takes a message, and another message takes its place in the channel: the next receiver is
/// woken for that.
#[test]
fn a_woken_receiver_that_takes_a_message_wakes_the_next_one_for_the_rest() {
    check(
        || {
            let (tx, rx) = channel::bounded(1);
            let (elsewhere, from_elsewhere) = channel::unbounded();
            let (_quiet_tx, quiet) = channel::unbounded::<i32>();
            reunite::scope(|s| {
                s.spawn(|| {
                    let (which, message) = channel::select(&[&from_elsewhere, &rx]).unwrap();
                    if which == 1 {
                        tx.send(message.unwrap()).unwrap();
                        from_elsewhere.recv().unwrap();
                    }
                });
                s.spawn(|| rx.recv().unwrap());
                s.spawn(|| channel::select(&[&rx, &quiet]).unwrap());
                s.spawn(|| tx.send(1).unwrap());
                elsewhere.send(0).unwrap();
                tx.send(2).unwrap();
            });
        },
        RUNS * 2,
    );
}

/// A select that has chosen to send is still listed as a sender, so that the next receiver may wake it instead of another
/// sender.
#[test]
fn a_select_that_was_woken_after_its_choice_passes_the_receiver_on() {
    check(
        || {
            let (tx, rx) = channel::bounded(0);
            let (elsewhere, from_elsewhere) = channel::unbounded();
            let (_quiet_tx, quiet) = channel::unbounded::<i32>();
            reunite::scope(|s| {
                s.spawn(|| {
                    loop {
                        reunite::select! {
                            biased;
                            send(tx, 1) -> sent => break sent.unwrap(),
                            recv(from_elsewhere) -> message => message.unwrap(),
                        }
                    }
                });
                s.spawn(|| {
                    reunite::select! {
                        biased;
                        send(tx, 2) -> sent => sent.unwrap(),
                        recv(quiet) -> message => panic!("{message:?}"),
                    }
                });
                for _ in 0..2 {
                    s.spawn(|| rx.recv().unwrap());
                }
                elsewhere.send(()).unwrap();
                // A wake-up that is in vain.
                let _taken = from_elsewhere.try_recv();
            });
        },
        RUNS * 2,
    );
}

/// Two rooms become free. One select has the first, and its message is there only when the other has sent.
#[test]
fn a_select_that_was_woken_after_its_choice_passes_the_room_on() {
    check(
        || {
            let (tx, rx) = channel::bounded(2);
            let (open, gate) = channel::unbounded();
            let (elsewhere, from_elsewhere) = channel::unbounded();
            let (_quiet_tx, quiet) = channel::unbounded::<i32>();
            (0..2).for_each(|n| tx.send(n).unwrap());
            reunite::scope(|s| {
                s.spawn(|| {
                    loop {
                        reunite::select! {
                            biased;
                            send(tx, { gate.recv().unwrap(); 1 }) -> sent => break sent.unwrap(),
                            recv(from_elsewhere) -> message => message.unwrap(),
                        }
                    }
                });
                s.spawn(|| {
                    reunite::select! {
                        biased;
                        send(tx, 2) -> sent => sent.unwrap(),
                        recv(quiet) -> message => panic!("{message:?}"),
                    }
                    open.send(()).unwrap();
                });
                elsewhere.send(()).unwrap();
                let _taken = from_elsewhere.try_recv();
                (0..4).for_each(|_| _ = rx.recv().unwrap());
            });
        },
        RUNS * 2,
    );
}

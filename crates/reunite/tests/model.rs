//! The protocols under the model checker: every interleaving that a random scheduler finds in this many runs. A
//! lost wake-up shows as a deadlock, which the checker reports.
//!
//! `RUSTFLAGS="--cfg reunite_model" cargo test -p reunite --release --test model`

#![cfg(reunite_model)]

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

const RUNS: usize = 20_000;

/// Runs a program in which a lost wake-up must hang: no wait is refused. Half of the runs schedule at random. The other
/// half let one thread run as long as it can and switch at three points, which finds bugs for which one thread must be
/// slow.
fn check(program: impl Fn() + Send + Sync + Clone + 'static, runs: usize) {
    reunite::refuse_deadlocks(false);
    shuttle::check_random(program.clone(), runs / 2);
    shuttle::check_pct(program, runs / 2, 3);
}

/// Result cell, completion and wake-up: the joiner parks before, while and after the task completes.
#[test]
fn a_join_always_wakes_with_the_value() {
    check(
        || {
            let value = reunite::scope(|s| {
                let task = s.spawn(|| {
                    shuttle::thread::yield_now();
                    42
                });
                task.join().unwrap()
            });
            assert_eq!(value, 42);
        },
        RUNS,
    );
}

#[test]
fn a_callback_runs_exactly_once() {
    check(
        || {
            let calls = Arc::new(AtomicUsize::new(0));
            reunite::scope(|s| {
                let task = s.spawn(|| ());
                let ours = Arc::clone(&calls);
                task.on_complete(move || {
                    ours.fetch_add(1, Ordering::SeqCst);
                });
                task.join().unwrap();
            });
            assert_eq!(calls.load(Ordering::SeqCst), 1);
        },
        RUNS,
    );
}

/// The end of a scope against its last child, with a grandchild that is spawned while the owner already waits.
#[test]
fn the_end_of_a_scope_sees_the_last_child() {
    check(
        || {
            let done = AtomicUsize::new(0);
            reunite::scope(|s| {
                s.spawn(|| {
                    s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                    done.fetch_add(1, Ordering::SeqCst);
                });
                s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
            });
            assert_eq!(done.load(Ordering::SeqCst), 3);
        },
        RUNS,
    );
}

/// Cancellation against a beginning wait, and against completion: the sleeper always wakes, and the task
/// completes in exactly one way.
#[test]
fn a_cancellation_wakes_a_waiting_task() {
    check(
        || {
            reunite::scope(|s| {
                let sleeper = s.spawn(|| reunite::sleep(std::time::Duration::MAX));
                sleeper.cancel();
                match sleeper.join() {
                    Ok(slept) => assert!(slept.is_err()),
                    Err(error) => assert!(error.is_cancelled()),
                }
            });
        },
        RUNS,
    );
}

#[test]
fn a_cancellation_loses_to_a_completion_or_wins_but_never_both() {
    check(
        || {
            reunite::scope(|s| {
                let task = s.spawn(|| 7);
                task.cancel();
                match task.join() {
                    Ok(value) => assert_eq!(value, 7),
                    Err(error) => assert!(error.is_cancelled()),
                }
            });
        },
        RUNS,
    );
}

/// A child that links itself into the tree while the tree is being cancelled.
#[test]
fn no_child_slips_past_a_cancellation() {
    check(
        || {
            reunite::scope(|s| {
                let canceller = s.canceller();
                s.spawn(move || canceller.cancel("now"));
                s.spawn(|| {
                    reunite::scope(|inner| {
                        inner.spawn(|| reunite::sleep(std::time::Duration::MAX));
                    })
                });
            });
        },
        RUNS,
    );
}

/// A failure wakes a body that is blocked on a sibling, and the root cause is the failure.
#[test]
fn a_failure_wakes_a_blocked_body() {
    check(
        || {
            let result: Result<(), reunite::ScopeError<&str>> = reunite::try_scope(|s| {
                let sleeper =
                    s.spawn(|| reunite::sleep(std::time::Duration::MAX).map_err(|_| "woken"));
                drop(s.spawn(|| Err::<(), _>("root")));
                sleeper.join()
            });
            assert_eq!(result.unwrap_err().into_error().unwrap(), "root");
        },
        RUNS,
    );
}

/// Places of a limited scope: no task stays in the queue, and a joiner inside runs what queues behind it.
#[test]
fn a_limited_scope_never_starves() {
    check(
        || {
            let sum = reunite::ScopeBuilder::new()
                .max_threads(1)
                .scope(|s| {
                    let outer = s.spawn(|| {
                        let queued = s.spawn(|| 1);
                        queued.join().unwrap() + 1
                    });
                    let other = s.spawn(|| 10);
                    outer.join().unwrap() + other.join().unwrap()
                })
                .unwrap();
            assert_eq!(sum, 12);
        },
        RUNS,
    );
}

/// The map's hand-offs: source, window, seats, consumer, and dropping it early.
#[test]
fn a_map_keeps_order_and_comes_to_its_end() {
    check(
        || {
            let outcomes: Vec<u32> = reunite::scope(|s| {
                s.map(0..4u32, |n| n * 2)
                    .threads(2)
                    .window(2)
                    .into_iter()
                    .map(Result::unwrap)
                    .collect()
            });
            assert_eq!(outcomes, [0, 2, 4, 6]);
        },
        RUNS / 4,
    );
}

/// A thread that puts the source back wakes another one for the next item, and does so before it runs its own item.
#[test]
fn items_of_a_map_that_need_each_other_meet() {
    check(
        || {
            let meet = reunite::sync::Barrier::new(2);
            let count = reunite::scope(|s| {
                let items = s.map(0..4, |_| meet.wait().unwrap()).threads(2).window(2);
                items.into_iter().map(Result::unwrap).count()
            });
            assert_eq!(count, 4);
        },
        RUNS / 4,
    );
}

/// A consumer may hold two outcomes while only the first counts as taken: items are pulled as if both were.
#[test]
fn a_consumer_that_has_two_outcomes_gives_them_in_order_and_lets_items_be_pulled() {
    check(
        || {
            let fourth = reunite::sync::Semaphore::new(0);
            reunite::scope(|s| {
                let items = s.map(0..4_u64, |n| {
                    if n == 3 {
                        fourth.release(1).unwrap();
                    }
                    n
                });
                let mut outcomes = items.threads(1).into_iter().map(Result::unwrap);
                assert_eq!([outcomes.next(), outcomes.next()], [Some(0), Some(1)]);
                drop(fourth.acquire().unwrap());
                assert_eq!(outcomes.collect::<Vec<_>>(), [2, 3]);
            });
        },
        RUNS / 4,
    );
}

/// The outcomes that the consumer holds are dropped with it, once each.
#[test]
fn a_consumer_dropped_while_it_holds_outcomes_joins_its_threads() {
    check(
        || {
            let dropped = Arc::new(AtomicUsize::new(0));
            struct Counts(Arc<AtomicUsize>);
            impl Drop for Counts {
                fn drop(&mut self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
            }
            let made = Arc::new(AtomicUsize::new(0));
            reunite::scope(|s| {
                let items = s.map(0..4, |_: i32| {
                    made.fetch_add(1, Ordering::SeqCst);
                    Counts(Arc::clone(&dropped))
                });
                let mut outcomes = items.threads(2).into_iter();
                drop(outcomes.next().unwrap().unwrap());
            });
            assert_eq!(dropped.load(Ordering::SeqCst), made.load(Ordering::SeqCst));
        },
        RUNS / 4,
    );
}

#[test]
fn a_map_dropped_early_joins_its_threads() {
    check(
        || {
            reunite::scope(|s| {
                let mut outcomes = s.map(0.., |n: u64| n).threads(2).window(2).into_iter();
                assert_eq!(outcomes.next().unwrap().unwrap(), 0);
            });
        },
        RUNS / 4,
    );
}

/// The last thread to become idle, or to leave, wakes the scope's end, which cancels the map; no earlier thread does.
#[test]
fn a_map_whose_outcomes_were_forgotten_lets_its_scope_end() {
    check(
        || {
            reunite::scope(|s| {
                let mut outcomes = s.map(0.., |n: u64| n).threads(2).window(2).into_iter();
                s.spawn(move || {
                    for n in 0..2 {
                        assert_eq!(outcomes.next().unwrap().unwrap(), n);
                    }
                    std::mem::forget(outcomes);
                });
            });
        },
        RUNS / 4,
    );
}

/// The semaphore: no permit is lost between a release and a waiter that is cancelled.
#[test]
fn a_semaphore_loses_no_permit() {
    check(
        || {
            let semaphore = reunite::sync::Semaphore::new(2);
            reunite::scope(|s| {
                let hasty = s.spawn(|| semaphore.acquire_many(2).map(drop).is_ok());
                s.spawn(|| semaphore.acquire_many(2).map(drop).unwrap());
                s.spawn(|| semaphore.acquire().map(drop).unwrap());
                hasty.cancel();
            });
            assert_eq!(semaphore.available(), 2);
        },
        RUNS,
    );
}

fn pool(threads: usize, spares: usize) -> reunite::Pool {
    let builder = reunite::Pool::builder().threads(threads).spares(spares);
    builder.build().unwrap()
}

fn sum(depth: u32) -> u32 {
    if depth == 0 {
        shuttle::thread::yield_now();
        return 1;
    }
    let (a, b) = reunite::join(|| sum(depth - 1), || sum(depth - 1));
    a + b
}

/// Publishing, stealing, taking back, waiting: the job of a fork is run once, its joiner wakes, the workers
/// fall asleep and end.
#[test]
fn a_fork_is_run_once_and_its_joiner_wakes() {
    check(
        || {
            let pool = pool(2, 0);
            assert_eq!(pool.enter(|| sum(2)), 4);
        },
        RUNS,
    );
}

/// Falling asleep against publishing, in a pool whose only place the visitor gives up: a worker that gives up its
/// search while a fork is made either sees the fork or is woken. The other half waits for it, so a lost wake-up is a
/// deadlock.
#[test]
fn a_sleeping_worker_is_woken_for_a_fork() {
    check(
        || {
            let pool = pool(1, 0);
            let (tell, told) = shuttle::sync::mpsc::channel();
            for _ in 0..2 {
                let tell = tell.clone();
                pool.join(
                    || reunite::blocking(|| told.recv().unwrap()),
                    move || tell.send(()).unwrap(),
                );
            }
        },
        RUNS,
    );
}

/// The same for tasks that a thread outside the pool spawns, whose joiner does not run them.
#[test]
fn a_sleeping_worker_is_woken_for_a_spawn() {
    check(
        || {
            let pool = pool(1, 0);
            pool.scope(|s| {
                for n in 0..2 {
                    let (tell, told) = shuttle::sync::mpsc::channel();
                    let task = s.spawn(move || tell.send(n).unwrap());
                    assert_eq!(reunite::blocking(|| told.recv().unwrap()), n);
                    task.join().unwrap();
                }
            });
        },
        RUNS,
    );
}

/// Called from outside, and by a visitor that has the only place and gives it up.
#[test]
fn an_installed_closure_runs_and_wakes_its_caller() {
    check(
        || {
            let pool = pool(1, 1);
            let mut runs = 0;
            pool.install(|| runs += 1);
            pool.enter(|| pool.install(|| runs += sum(1)));
            assert_eq!(runs, 1 + 2);
        },
        RUNS / 4,
    );
}

/// A member that blocks gives up its place; the spare thread that takes the place finds the work.
#[test]
fn a_blocked_worker_is_replaced() {
    check(
        || {
            let pool = pool(1, 1);
            let (tell, told) = shuttle::sync::mpsc::channel();
            let waits = pool.spawn(move || {
                reunite::join(
                    || reunite::blocking(|| told.recv().unwrap()),
                    || tell.send(7).unwrap(),
                )
                .0
            });
            assert_eq!(waits.join().unwrap(), 7);
        },
        RUNS / 4,
    );
}

/// Two tasks pass a message back and forth, each blocked while the other has just been given it, and the pool has no
/// thread for a third task that is queued: the pool is not starved, because one of the two is always about to go on.
#[test]
fn a_task_that_was_given_a_message_does_not_count_as_blocked() {
    let program = || {
        let pool = pool(1, 1);
        let (ping, pings) = reunite::channel::unbounded();
        let (pong, pongs) = reunite::channel::unbounded();
        let one = pool.spawn(move || {
            pings.recv().unwrap();
            pong.send(()).unwrap();
            pings.recv().unwrap();
        });
        let other = pool.spawn(move || {
            ping.send(()).unwrap();
            pongs.recv().unwrap();
            ping.send(()).unwrap();
        });
        let third = pool.spawn(|| 3);
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!(third.join().unwrap(), 3);
    };
    check(program, RUNS);
}

/// The only thread of a pool waits for a result of a task that is queued behind it; the task was queued before, or
/// comes from outside. The wait is refused, and the thread goes on.
#[test]
fn a_wait_that_starves_its_pool_is_refused() {
    let program = || {
        let pool = pool(1, 0);
        let (tell, told) = reunite::channel::unbounded::<()>();
        let waits = pool.spawn(move || match told.recv() {
            Ok(()) => true,
            Err(error) => error.is_starved(),
        });
        let brings = pool.spawn(move || tell.send(()).is_ok());
        // The threads of the pool are to run it, not the joiner.
        let (end, ends) = shuttle::sync::mpsc::channel();
        for task in [&waits, &brings] {
            let end = end.clone();
            task.on_complete(move || end.send(()).unwrap());
        }
        (0..2).for_each(|_| ends.recv().unwrap());
        assert!(waits.join().unwrap());
        // The receiver may be gone.
        let _either = brings.join().unwrap();
    };
    check(program, RUNS);
}

/// The end of a pool's scope against its last tasks, one of which is spawned by a task.
#[test]
fn the_end_of_a_pools_scope_sees_the_last_task() {
    check(
        || {
            let pool = pool(2, 0);
            let done = AtomicUsize::new(0);
            pool.scope(|s| {
                s.spawn(|| {
                    s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                    done.fetch_add(1, Ordering::SeqCst);
                });
                let joined = s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                joined.join().unwrap();
            });
            assert_eq!(done.load(Ordering::SeqCst), 3);
        },
        RUNS / 4,
    );
}

/// The callback is called once, by the second of the two: the thread that sets it, or the task that completes.
#[test]
fn a_pools_task_calls_back_once() {
    check(
        || {
            let pool = pool(2, 0);
            let called = std::sync::Arc::new(AtomicUsize::new(0));
            pool.scope(|s| {
                let task = s.spawn(|| ());
                for _ in 0..2 {
                    let ours = std::sync::Arc::clone(&called);
                    task.on_complete(move || {
                        ours.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
            assert_eq!(called.load(Ordering::SeqCst), 2);
        },
        RUNS / 4,
    );
}

/// Two threads look at a task that a third runs and a fourth cancels: they find the same identity, and the task ends.
#[test]
fn a_pools_task_has_one_identity_for_all_threads() {
    check(
        || {
            let pool = pool(2, 0);
            let seen = pool.scope(|s| {
                let task = s.spawn(|| reunite::checkpoint().is_ok());
                let (first, second) = (task.label(), task.id());
                task.cancel();
                assert_eq!(first.id(), second);
                match task.join() {
                    Ok(_) => second,
                    Err(error) => {
                        assert!(error.is_cancelled());
                        error.task().unwrap().id()
                    }
                }
            });
            assert_ne!(seen.as_u64(), 0);
        },
        RUNS / 4,
    );
}

/// A joiner is woken when its own task is done, although another task of the scope goes on.
#[test]
fn a_join_does_not_wait_for_the_siblings() {
    check(
        || {
            let pool = pool(2, 0);
            let (open, gate) = shuttle::sync::mpsc::channel::<()>();
            let (begun, has_begun) = shuttle::sync::mpsc::channel();
            pool.scope(|s| {
                let slow = s.spawn(move || reunite::blocking(|| gate.recv().is_err()));
                let quick = s.spawn(move || begun.send(()).unwrap());
                reunite::blocking(|| has_begun.recv().unwrap());
                quick.join().unwrap();
                drop(open);
                assert!(slow.join().unwrap());
            });
        },
        RUNS / 4,
    );
}

fn channel(
    capacity: usize,
) -> (
    reunite::channel::Sender<usize>,
    reunite::channel::Receiver<usize>,
) {
    match capacity {
        0 => reunite::channel::rendezvous(),
        some => reunite::channel::bounded(some),
    }
}

/// Senders and receivers of a channel: no message is lost or doubled, and no thread sleeps for ever.
#[test]
fn a_channel_brings_every_message_once() {
    for capacity in [0, 1, 2, 3] {
        check(
            move || {
                let (tx, rx) = channel(capacity);
                let sum = AtomicUsize::new(0);
                reunite::scope(|s| {
                    for n in [1, 2] {
                        let tx = tx.clone();
                        s.spawn(move || tx.send(n).unwrap());
                    }
                    drop(tx);
                    for _ in 0..2 {
                        let rx = rx.clone();
                        let sum = &sum;
                        s.spawn(move || {
                            for n in &rx {
                                sum.fetch_add(n, Ordering::SeqCst);
                            }
                        });
                    }
                    drop(rx);
                });
                assert_eq!(sum.load(Ordering::SeqCst), 3);
            },
            RUNS / 4,
        );
    }
}

/// A receiver that is cancelled while a message comes for it leaves the message to the other receiver.
#[test]
fn a_cancelled_receiver_loses_no_wake_up() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (tx, rx) = channel(capacity);
                reunite::scope(|s| {
                    let hasty = s.spawn(|| rx.recv().is_ok());
                    let patient = s.spawn(|| rx.recv().is_ok());
                    let sender = s.spawn(|| tx.send(1).unwrap());
                    hasty.cancel();
                    if hasty.join().unwrap_or(false) {
                        tx.send(2).unwrap();
                    }
                    assert!(patient.join().unwrap());
                    sender.join().unwrap();
                });
            },
            RUNS / 2,
        );
    }
}

/// A thread that waits for two channels takes from one. It leaves the other's messages, and the threads that wait for
/// them, as if it had never waited there.
#[test]
fn a_select_loses_no_wake_up() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (first_tx, first) = channel(capacity);
                let (second_tx, second) = channel(capacity);
                reunite::scope(|s| {
                    let both = s.spawn(|| {
                        let (which, message) =
                            reunite::channel::select(&[&first, &second]).unwrap();
                        message.unwrap();
                        which
                    });
                    let one = s.spawn(|| second.recv().unwrap());
                    s.spawn(|| first_tx.send(1).unwrap());
                    s.spawn(|| second_tx.send(2).unwrap());
                    if both.join().unwrap() == 1 {
                        second_tx.send(3).unwrap();
                        first.recv().unwrap();
                    }
                    one.join().unwrap();
                });
            },
            RUNS / 4,
        );
    }
}

/// The same for senders and room.
#[test]
fn a_cancelled_sender_loses_no_wake_up() {
    for capacity in [1, 2] {
        check(
            move || {
                let (tx, rx) = channel(capacity);
                (0..capacity).for_each(|_| tx.send(0).unwrap());
                reunite::scope(|s| {
                    let hasty = s.spawn(|| tx.send(1).is_ok());
                    let patient = s.spawn(|| tx.send(1).is_ok());
                    s.spawn(|| rx.recv().unwrap());
                    hasty.cancel();
                    if hasty.join().unwrap_or(false) {
                        rx.recv().unwrap();
                    }
                    assert!(patient.join().unwrap());
                });
            },
            RUNS / 2,
        );
    }
}

/// A thread that waits for room, and one that waits for a message, learn that none will come.
#[test]
fn a_channel_that_closes_wakes_all_waiters() {
    for capacity in [0, 1, 2] {
        check(
            move || {
                let (full, never_taken) = channel(capacity);
                let (never_sent, empty) = channel(capacity);
                (0..capacity).for_each(|_| full.send(0).unwrap());
                reunite::scope(|s| {
                    let senders = [1, 2].map(|n| {
                        s.spawn({
                            let full = &full;
                            move || full.send(n)
                        })
                    });
                    let receivers = [(); 2].map(|()| s.spawn(|| empty.recv()));
                    never_taken.close();
                    never_sent.close();
                    for (n, sender) in [1, 2].into_iter().zip(senders) {
                        assert_eq!(sender.join().unwrap().unwrap_err().into_message(), n);
                    }
                    for receiver in receivers {
                        assert!(receiver.join().unwrap().unwrap_err().is_closed());
                    }
                });
            },
            RUNS / 4,
        );
    }
}

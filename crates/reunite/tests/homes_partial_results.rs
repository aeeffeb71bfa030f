//! A partial result never passes for a whole one, wherever the cancelled task runs: what each kind of ending
//! reports then. `partial_results.rs` has what does not depend on the home of a task.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::homes::{ALL, SCOPES, in_homes};
use common::{LONG, consumed, open_channel, until, until_cancelled};
use reunite::channel::{bounded, select, unbounded};
use reunite::{JoinError, Pool};

#[test]
fn a_task_that_sums_messages_completes_cancelled_and_not_with_a_sum() {
    in_homes(ALL, |at| {
        for capacity in [0, 1, 8, usize::MAX] {
            let rx = open_channel(capacity);
            let error = at
                .cancelled_in(|waits| {
                    waits.store(true, Ordering::SeqCst);
                    rx.iter().sum::<u64>()
                })
                .unwrap_err();
            assert!(error.is_cancelled(), "{error}");
            let why = error.as_cancelled().unwrap();
            assert_eq!(why.reason(), "cancelled through its handle");
            if SCOPES.contains(&at.home) {
                assert_eq!(why.source().id(), error.task().unwrap().id());
            }
        }
    });
}

#[test]
fn a_loop_over_messages_is_left_too_and_so_is_one_through_adaptors() {
    in_homes(ALL, |at| {
        let rx = open_channel(8);
        let error = at.cancelled_in(|waits| {
            let mut sum = 0;
            for n in &rx {
                sum += n;
                waits.store(true, Ordering::SeqCst);
            }
            sum
        });
        assert!(error.unwrap_err().is_cancelled());
        let rx = open_channel(8);
        let error = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            let firsts = rx.iter().map(|n| n + 1).filter(|n| n % 2 == 0);
            firsts.chain(7..9).collect::<Vec<_>>()
        });
        assert!(error.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_body_that_is_left_leaves_the_task_around_its_plain_scope() {
    in_homes(ALL, |at| {
        let rx = open_channel(8);
        let error = at
            .cancelled_in(|waits| {
                reunite::scope(|s| {
                    s.spawn(|| waits.store(true, Ordering::SeqCst));
                    rx.iter().count()
                })
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
    });
}

#[test]
fn results_say_why_they_end_and_end_once() {
    in_homes(ALL, |at| {
        let rx = open_channel(8);
        let last = at
            .cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                let mut results = rx.results();
                let got: Vec<_> = results.by_ref().collect();
                assert!(results.next().is_none());
                got
            })
            .unwrap();
        let (last, before) = last.split_last().unwrap();
        assert!(last.as_ref().unwrap_err().is_cancelled());
        assert!(before.iter().all(Result::is_ok));

        let (tx, rx) = bounded(8);
        (0..5).for_each(|n| tx.send(n).unwrap());
        drop(tx);
        let all: Result<Vec<_>, _> = rx.results().collect();
        assert_eq!(all.unwrap(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_producer_that_was_told_of_its_cancellation_cuts_the_channel_short() {
    in_homes(ALL, |at| {
        let error = consumed(|tx| {
            let error = at.cancelled_in(|waits| {
                tx.send(1).unwrap();
                waits.store(true, Ordering::SeqCst);
                // It heeds the cancellation, and ends with a value.
                until_cancelled();
                drop(tx);
            });
            error.unwrap();
        })
        .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(
            error.as_cancelled().unwrap().reason(),
            "cancelled through its handle"
        );
    });
}

#[test]
fn one_producer_of_several_that_is_cut_short_is_enough() {
    in_homes(ALL, |at| {
        let (tx, rx) = bounded(8);
        let second = tx.clone();
        at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            drop(second);
        })
        .unwrap();
        (0..5).for_each(|n| tx.send(n).unwrap());
        drop(tx);
        // The messages that were sent come first.
        let got: Vec<_> = rx.results().collect();
        assert_eq!(got.len(), 6);
        assert!(got[5].as_ref().unwrap_err().is_cut_short());
        assert!(rx.try_recv().unwrap_err().is_cut_short());
        assert!(rx.recv_timeout(LONG).unwrap_err().is_cut_short());
        let (which, ended) = select(&[&rx]).unwrap();
        assert!(which == 0 && ended.unwrap_err().is_cut_short());
    });
}

#[test]
fn an_explicit_close_says_that_all_was_sent() {
    in_homes(ALL, |at| {
        let count = consumed(|tx| {
            at.cancelled_in(|waits| {
                tx.send(1).unwrap();
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                tx.close();
            })
            .unwrap();
        });
        assert_eq!(count.unwrap(), 1);
        // So does a producer that is done before it is told.
        let count = consumed(|tx| {
            at.cancelled_in(|waits| {
                tx.send(1).unwrap();
                drop(tx);
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
            })
            .unwrap();
        });
        assert_eq!(count.unwrap(), 1);
    });
}

#[test]
fn a_plain_scope_whose_tasks_never_began_is_left_and_not_ended_as_if_they_had() {
    in_homes(ALL, |at| {
        let done = AtomicUsize::new(0);
        let count = || {
            reunite::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                }
            });
            done.load(Ordering::SeqCst)
        };
        let error = at
            .cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                count()
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        let in_pool = || {
            Pool::global().scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                }
            });
            done.load(Ordering::SeqCst)
        };
        let error = at
            .cancelled_in(|waits| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                in_pool()
            })
            .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(done.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_plain_scope_that_was_cancelled_by_its_own_body_or_whose_tasks_were_joined_has_its_value() {
    in_homes(ALL, |at| {
        let joined = reunite::scope(|s| {
            s.cancel("by its body");
            drop(s.spawn(|| 1));
            s.spawn(|| 2).join().is_err()
        });
        assert!(joined);
        let joined = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            reunite::scope(|s| s.spawn(|| 2).join().is_err())
        });
        assert!(joined.unwrap());
        // All its tasks completed with their values: nothing is missing.
        let whole = at.cancelled_in(|waits| {
            reunite::scope(|s| {
                s.spawn(|| {
                    waits.store(true, Ordering::SeqCst);
                    until_cancelled();
                });
            });
            1
        });
        assert_eq!(whole.unwrap(), 1);
    });
}

#[test]
fn a_panic_of_a_task_comes_before_what_a_cancellation_left_undone() {
    in_homes(ALL, |at| {
        let error = at
            .cancelled_in(|waits| {
                let begun = AtomicBool::new(false);
                reunite::scope(|s| {
                    s.spawn(|| {
                        begun.store(true, Ordering::SeqCst);
                        while reunite::checkpoint().is_ok() {
                            std::thread::yield_now();
                        }
                        panic!("while it stopped");
                    });
                    until(|| begun.load(Ordering::SeqCst));
                    waits.store(true, Ordering::SeqCst);
                    // Not told, as it checks nothing.
                    while !s.is_cancelled() {
                        std::thread::yield_now();
                    }
                    s.spawn(|| {});
                });
            })
            .unwrap_err();
        assert!(error.is_panic(), "{error}");
    });
}

#[test]
fn a_body_that_was_told_of_the_cancellation_has_its_value() {
    in_homes(ALL, |at| {
        let told = at.cancelled_in(|waits| {
            reunite::scope(|s| {
                waits.store(true, Ordering::SeqCst);
                let told = until_cancelled();
                s.spawn(|| {});
                told.reason().len()
            })
        });
        assert_ne!(told.unwrap(), 0);
        let told = at.cancelled_in(|waits| {
            Pool::global().scope(|s| {
                waits.store(true, Ordering::SeqCst);
                let told = reunite::try_scope(|_| {
                    until_cancelled();
                    Ok::<_, JoinError<String>>(())
                });
                s.spawn(|| {});
                told.is_err()
            })
        });
        assert!(told.unwrap());
    });
}

#[test]
fn a_body_is_not_told_when_only_the_tasks_and_maps_of_its_scope_are() {
    in_homes(ALL, |at| {
        let left_after = |inside: &(dyn Fn(&AtomicBool, &dyn Fn()) + Sync)| {
            let left = at.cancelled_in(|waits| {
                reunite::scope(|s| {
                    // A check that does not count as being told.
                    inside(waits, &|| until(|| s.canceller().is_cancelled()));
                    s.spawn(|| {});
                    "as if the task had run"
                })
            });
            assert!(left.unwrap_err().is_cancelled());
        };
        let told = |waits: &AtomicBool| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
        };
        // A task of an inner scope, and the end of that scope.
        left_after(&|waits, _| {
            reunite::scope(|s| drop(s.spawn(|| told(waits))));
        });
        // A task in a pool.
        let pool = Pool::builder().threads(2).build().unwrap();
        left_after(&|waits, _| pool.scope(|s| drop(s.spawn(|| told(waits)))));
        // A thread of a map, which has nothing to do.
        left_after(&|waits, until_cancelled| {
            let mut squares = reunite::map(0..1000, |n| n * n).into_iter();
            assert_eq!(squares.next().unwrap().unwrap(), 0);
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            drop(squares);
        });
    });
}

#[test]
fn a_task_that_only_waited_for_its_scopes_is_not_told_and_its_channel_is_whole() {
    in_homes(ALL, |at| {
        let (tx, rx) = unbounded();
        let sent = at.cancelled_in(move |waits| {
            reunite::scope(|s| {
                s.spawn(|| {
                    waits.store(true, Ordering::SeqCst);
                    // A check that does not count as being told.
                    until(|| s.canceller().is_cancelled());
                    std::thread::yield_now();
                });
            });
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        sent.unwrap();
        assert_eq!(rx.results().map(Result::unwrap).sum::<i32>(), 3);
    });
}

/// A wait that is cancelled when its condition may have come true counts as telling its task only if it had
/// not.
#[test]
fn a_producer_whose_wait_for_others_was_cancelled_cuts_the_channel_short() {
    in_homes(ALL, |at| {
        let barrier = reunite::sync::Barrier::new(2);
        let permits = reunite::sync::Semaphore::new(1);
        let _taken = permits.acquire().unwrap();
        let ways: [&(dyn Fn() -> bool + Sync); 2] =
            [&|| barrier.wait().unwrap_err().is_cancelled(), &|| {
                permits.acquire().unwrap_err().is_cancelled()
            }];
        for wait in ways {
            let error = consumed(|tx| {
                let ended = at.cancelled_in(|waits| {
                    tx.send(1).unwrap();
                    waits.store(true, Ordering::SeqCst);
                    assert!(wait());
                    drop(tx);
                });
                ended.unwrap();
            });
            let error = error.unwrap_err();
            assert!(error.is_cancelled(), "{error}");
        }
    });
}

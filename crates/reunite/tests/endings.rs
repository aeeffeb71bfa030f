//! A partial result never passes for a whole one: what every ending of the library says when its task is cancelled, or
//! one of its waits refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reunite::channel::{Receiver, bounded, rendezvous, select, unbounded};
use reunite::{JoinError, Pool, ScopeBuilder};

mod common;
use common::{LONG, payload_of, until, until_cancelled, watchdog};

/// What a task completes with that is cancelled while it does `work`, which raises the flag when it is about to wait.
fn cancelled_in<T: Send>(work: impl FnOnce(&AtomicBool) -> T + Send) -> Result<T, JoinError> {
    let waits = AtomicBool::new(false);
    let waits = &waits;
    reunite::scope(|s| {
        let task = s.spawn(move || work(waits));
        until(|| waits.load(Ordering::SeqCst));
        task.cancel();
        task.join()
    })
}

/// A channel that holds some messages, and whose sender lives for ever.
fn open_channel(capacity: usize) -> Receiver<u64> {
    let (tx, rx) = match capacity {
        0 => rendezvous(),
        usize::MAX => unbounded(),
        capacity => bounded(capacity),
    };
    for n in 0..3 {
        let _full = tx.try_send(n);
    }
    std::mem::forget(tx);
    rx
}

#[test]
fn a_task_that_sums_messages_completes_cancelled_and_not_with_a_sum() {
    let _watch = watchdog();
    for capacity in [0, 1, 8, usize::MAX] {
        let rx = open_channel(capacity);
        let error = cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            rx.iter().sum::<u64>()
        })
        .unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        let why = error.as_cancelled().unwrap();
        assert_eq!(why.reason(), "cancelled through its handle");
        assert_eq!(why.source().id(), error.task().unwrap().id());
    }
}

#[test]
fn a_loop_over_messages_is_left_too_and_so_is_one_through_adaptors() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        let mut sum = 0;
        for n in &rx {
            sum += n;
            waits.store(true, Ordering::SeqCst);
        }
        sum
    });
    assert!(error.unwrap_err().is_cancelled());
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        let firsts = rx.iter().map(|n| n + 1).filter(|n| n % 2 == 0);
        firsts.chain(7..9).collect::<Vec<_>>()
    });
    assert!(error.unwrap_err().is_cancelled());
}

#[test]
fn a_sum_whose_scope_is_cancelled_in_the_middle() {
    let _watch = watchdog();
    for _ in 0..20 {
        let (tx, rx) = bounded::<u64>(4);
        let error = reunite::scope(|s| {
            s.spawn(move || {
                for n in 0..100 {
                    if n == 50 {
                        until_cancelled();
                    }
                    if tx.send(n).is_err() {
                        return;
                    }
                }
            });
            let (begun, begins) = bounded(1);
            let sum = s.spawn(move || {
                begun.send(()).unwrap();
                rx.iter().sum::<u64>()
            });
            begins.recv().unwrap();
            s.cancel("enough");
            sum.join().unwrap_err()
        });
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(error.as_cancelled().unwrap().reason(), "enough");
    }
}

#[test]
fn a_deadline_of_the_scope_is_that_scopes_error_and_of_its_task_a_cancellation() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let scope = || ScopeBuilder::new().timeout(Duration::from_millis(5));
    let error = scope().scope(|_| rx.iter().sum::<u64>()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let error = scope()
        .try_scope(|_| Ok::<_, JoinError<String>>(rx.iter().sum::<u64>()))
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let joined = std::sync::Mutex::new(None);
    let error = scope()
        .scope(|s| *joined.lock().unwrap() = Some(s.spawn(|| rx.iter().count()).join()))
        .unwrap_err();
    assert!(error.is_timeout());
    assert!(
        joined
            .into_inner()
            .unwrap()
            .unwrap()
            .unwrap_err()
            .is_cancelled()
    );
}

#[test]
fn a_body_that_is_left_leaves_the_task_around_its_plain_scope() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        reunite::scope(|s| {
            s.spawn(|| waits.store(true, Ordering::SeqCst));
            rx.iter().count()
        })
    })
    .unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[test]
fn outside_any_task_a_scope_that_is_left_panics_with_the_reason() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let payload = payload_of(|| {
        reunite::scope(|s| {
            s.cancel("the user pressed Ctrl-C");
            rx.iter().count()
        })
    });
    let message = payload.downcast::<String>().unwrap();
    assert!(message.contains("the user pressed Ctrl-C"), "{message}");
}

#[test]
fn a_refused_wait_of_an_iteration_completes_its_task_deadlocked() {
    let _watch = watchdog();
    // A pool of one thread that may start no other: its one task waits for what is queued behind it.
    let pool = Pool::builder().threads(1).spares(0).build().unwrap();
    let (tx, rx) = bounded::<u64>(8);
    let waits = std::sync::Arc::new(AtomicBool::new(false));
    let begun = std::sync::Arc::clone(&waits);
    let count = pool.spawn(move || {
        begun.store(true, Ordering::SeqCst);
        rx.iter().count()
    });
    until(|| waits.load(Ordering::SeqCst));
    let sends = pool.spawn(move || tx.send(1).is_ok());
    let error = count.join().unwrap_err();
    assert!(error.is_starved(), "{error}");
    assert!(error.to_string().contains("cut short"), "{error}");
    let _sent = sends.join().unwrap();
}

#[test]
fn results_say_why_they_end_and_end_once() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let last = cancelled_in(|waits| {
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
}

/// The reason for which an iteration over what `produce` sends is left, in a task of its own.
fn consumed(
    produce: impl FnOnce(reunite::channel::Sender<u64>) + Send,
) -> Result<usize, JoinError> {
    let (tx, rx) = bounded(8);
    reunite::scope(|s| {
        let consumer = s.spawn(move || rx.iter().count());
        produce(tx);
        consumer.join()
    })
}

#[test]
fn a_producer_that_was_told_of_its_cancellation_cuts_the_channel_short() {
    let _watch = watchdog();
    let error = consumed(|tx| {
        let error = cancelled_in(|waits| {
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
}

#[test]
fn a_producer_that_never_began_cuts_the_channel_short() {
    let _watch = watchdog();
    let error = consumed(|tx| {
        reunite::scope(|s| {
            s.cancel("before it began");
            assert!(s.spawn(move || tx.send(1)).join().is_err());
        });
    })
    .unwrap_err();
    assert_eq!(error.as_cancelled().unwrap().reason(), "before it began");
    let error = consumed(|tx| {
        Pool::global().scope(|s| {
            s.cancel("before it began");
            assert!(s.spawn(move || tx.send(1)).join().is_err());
        });
    })
    .unwrap_err();
    assert_eq!(error.as_cancelled().unwrap().reason(), "before it began");
}

#[test]
fn a_producer_that_panics_cuts_the_channel_short_and_its_panic_is_the_root_cause() {
    let _watch = watchdog();
    let error = consumed(|tx| {
        reunite::scope(|s| {
            let producer = s.spawn(move || {
                tx.send(1).unwrap();
                panic!("half-way");
            });
            assert!(producer.join().unwrap_err().is_panic());
        });
    })
    .unwrap_err();
    assert_eq!(error.as_cancelled().unwrap().reason(), "it failed");

    let payload = payload_of(|| {
        let (tx, rx) = bounded(8);
        reunite::scope(|s| {
            s.spawn(move || {
                tx.send(1).unwrap();
                panic!("half-way");
            });
            rx.iter().count()
        })
    });
    assert_eq!(*payload.downcast::<&str>().unwrap(), "half-way");
}

#[test]
fn one_producer_of_several_that_is_cut_short_is_enough() {
    let _watch = watchdog();
    let (tx, rx) = bounded(8);
    let second = tx.clone();
    cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        drop(second);
    })
    .unwrap();
    (0..5).for_each(|n| tx.send(n).unwrap());
    drop(tx);
    // What was sent comes first.
    let got: Vec<_> = rx.results().collect();
    assert_eq!(got.len(), 6);
    assert!(got[5].as_ref().unwrap_err().is_cut_short());
    assert!(rx.try_recv().unwrap_err().is_cut_short());
    assert!(rx.recv_timeout(LONG).unwrap_err().is_cut_short());
    let (which, ended) = select(&[&rx]).unwrap();
    assert!(which == 0 && ended.unwrap_err().is_cut_short());
}

#[test]
fn an_explicit_close_says_that_all_was_sent() {
    let _watch = watchdog();
    let count = consumed(|tx| {
        cancelled_in(|waits| {
            tx.send(1).unwrap();
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            tx.close();
        })
        .unwrap();
    });
    assert_eq!(count.unwrap(), 1);
    // And so does a producer that is done before it is told.
    let count = consumed(|tx| {
        cancelled_in(|waits| {
            tx.send(1).unwrap();
            drop(tx);
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
        })
        .unwrap();
    });
    assert_eq!(count.unwrap(), 1);
}

#[test]
fn a_refusal_that_was_coped_with_cuts_nothing_short() {
    let _watch = watchdog();
    let lock = reunite::sync::Mutex::new(());
    let refused = || {
        let _held = lock.lock().unwrap();
        assert!(lock.lock().unwrap_err().is_deadlock());
    };
    // It sent after that, so it went on.
    let count = consumed(|tx| {
        refused();
        tx.send(1).unwrap();
    });
    assert_eq!(count.unwrap(), 1);
    let error = consumed(|tx| {
        tx.send(1).unwrap();
        refused();
    })
    .unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert!(error.deadlock().is_some());
    // And a channel made afterwards does not know of it.
    refused();
    assert_eq!(consumed(drop).unwrap(), 0);
}

#[test]
fn a_consumer_that_is_cut_short_passes_it_on_to_both_sides() {
    let _watch = watchdog();
    // first -> middle -> last; the middle one is cancelled, or told by its source.
    for told_by_source in [false, true] {
        let (to_middle, middle) = bounded::<u64>(1);
        let (to_last, last) = bounded::<u64>(1);
        let (log_tx, log) = unbounded::<u64>();
        let first = move || {
            for n in 0.. {
                if told_by_source && n == 3 {
                    until_cancelled();
                    return;
                }
                if to_middle.send(n).is_err() || log_tx.send(n).is_err() {
                    return;
                }
            }
        };
        let relay = move || {
            while let Ok(n) = middle.recv() {
                if to_last.send(n).is_err() {
                    return;
                }
            }
        };
        reunite::scope(|s| {
            let first = s.spawn(first);
            let relay = s.spawn(relay);
            assert_eq!(last.recv().unwrap(), 0);
            if told_by_source {
                first.cancel();
            } else {
                relay.cancel();
            }
            let ended = |rx: &Receiver<u64>| rx.results().last().unwrap().unwrap_err();
            assert!(ended(&last).is_cut_short());
            assert!(ended(&log).is_cut_short());
            first.join().unwrap();
            relay.join().unwrap();
        });
    }
}

#[test]
fn a_consumer_that_stops_early_of_its_own_accord_closes_cleanly() {
    let _watch = watchdog();
    let (tx, rx) = bounded::<u64>(1);
    let error = reunite::scope(|s| {
        let producer = s.spawn(move || (0..).find_map(|n| tx.send(n).err()).unwrap());
        assert_eq!(rx.iter().take(3).count(), 3);
        drop(rx);
        producer.join().unwrap()
    });
    assert!(error.is_closed() && !error.is_cut_short());
}

#[test]
fn a_plain_scope_whose_tasks_never_began_is_left_and_not_ended_as_if_they_had() {
    let _watch = watchdog();
    let done = AtomicUsize::new(0);
    let count = || {
        reunite::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
            }
        });
        done.load(Ordering::SeqCst)
    };
    let error = cancelled_in(|waits| {
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
    let error = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        in_pool()
    })
    .unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

#[test]
fn a_plain_scope_that_was_cancelled_by_its_own_body_or_whose_tasks_were_joined_has_its_value() {
    let _watch = watchdog();
    let joined = reunite::scope(|s| {
        s.cancel("by its body");
        drop(s.spawn(|| 1));
        s.spawn(|| 2).join().is_err()
    });
    assert!(joined);
    let joined = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        reunite::scope(|s| s.spawn(|| 2).join().is_err())
    });
    assert!(joined.unwrap());
    // All its tasks completed with their values: nothing is missing.
    let whole = cancelled_in(|waits| {
        reunite::scope(|s| {
            s.spawn(|| {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
            });
        });
        1
    });
    assert_eq!(whole.unwrap(), 1);
}

#[test]
fn a_task_that_was_cut_short_by_another_and_that_nobody_joins_is_told_by_its_scope() {
    let _watch = watchdog();
    let payload = payload_of(|| {
        let (tx, rx) = bounded::<u64>(4);
        reunite::scope(|s| {
            let producer = s.spawn_with(reunite::Builder::new().name("producer"), move || {
                until_cancelled();
                drop(tx);
            });
            producer.cancel();
            s.spawn_with(reunite::Builder::new().name("consumer"), move || {
                rx.iter().count()
            });
        });
    });
    let message = payload.downcast::<String>().unwrap();
    assert!(
        message.contains("`consumer`") && message.contains("`producer`"),
        "{message}"
    );
}

#[test]
fn so_it_is_told_by_a_scope_that_was_cancelled_itself_afterwards() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new().scope(|s| {
        let (tx, rx) = bounded::<u64>(4);
        let producer = s.spawn_with(reunite::Builder::new().name("producer"), move || {
            until_cancelled();
            drop(tx);
        });
        producer.cancel();
        let consumer = reunite::Builder::new().name("consumer");
        let consumer = s.spawn_with(consumer, move || rx.iter().count());
        until(|| consumer.is_finished());
        s.cancel("enough");
    });
    let message = ended.unwrap_err().to_string();
    assert!(message.contains("`consumer`"), "{message}");
}

#[test]
fn what_a_failure_cancelled_that_was_joined_fails_nothing() {
    let _watch = watchdog();
    let value = reunite::try_scope(|s| {
        let fails = s.spawn(|| Err::<(), _>("known"));
        s.spawn(|| -> Result<(), &str> { until_cancelled().unwind() });
        assert_eq!(fails.join().unwrap_err().into_error().unwrap(), "known");
        Ok(7)
    });
    assert_eq!(value.unwrap(), 7);
}

#[test]
fn fail_fast_takes_a_cancellation_for_no_failure_and_a_deadlock_for_one() {
    let _watch = watchdog();
    let (tx, rx) = bounded::<u64>(4);
    let error = reunite::try_scope(|s| {
        s.spawn(move || {
            rx.iter().count();
            Ok(())
        });
        s.spawn(move || {
            let _tx = tx;
            Err::<(), _>("the root cause")
        });
        until_cancelled();
        Ok::<_, JoinError<&str>>(())
    })
    .unwrap_err();
    assert_eq!(error.into_error().unwrap(), "the root cause");
}

#[test]
fn the_outcomes_of_maps_say_that_they_were_cut_short() {
    let _watch = watchdog();
    let last = |outcomes: Vec<Result<u64, JoinError>>| outcomes.into_iter().last().unwrap();
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        reunite::scope(|s| last(s.map(&rx, |n| n).into_iter().collect()))
    });
    // Told by a value, or, as the map's threads never began, by the scope.
    assert!(error.map_or_else(
        |e| e.is_cancelled(),
        |last| last.unwrap_err().is_cancelled()
    ));
    let error = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        Pool::global().scope(|s| last(s.map(&rx, |n| n).collect()))
    });
    assert!(error.map_or_else(
        |e| e.is_cancelled(),
        |last| last.unwrap_err().is_cancelled()
    ));
    let error = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        reunite::for_each(&rx, |_| Ok::<_, String>(()))
    });
    assert!(error.map_or_else(|e| e.is_cancelled(), |ended| ended.is_err()));
    let values = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        let outcomes = reunite::map(0..2, |_| -> u64 { until_cancelled().unwind() });
        outcomes.into_iter().collect_values()
    });
    assert!(values.unwrap().is_err());
}

#[test]
fn a_map_whose_source_is_cut_short_says_so_after_its_outcomes() {
    let _watch = watchdog();
    let cut_short = || {
        let (tx, rx) = bounded(8);
        (0..3).for_each(|n| tx.send(n).unwrap());
        cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            drop(tx);
        })
        .unwrap();
        rx
    };
    let rx = cut_short();
    let outcomes = reunite::scope(|s| s.map(&rx, |n| n).into_iter().collect::<Vec<_>>());
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes[3].as_ref().unwrap_err().is_cancelled());
    let rx = cut_short();
    let outcomes = Pool::global().scope(|s| s.map(&rx, |n| n).collect::<Vec<_>>());
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes[3].as_ref().unwrap_err().is_cancelled());
    let rx = cut_short();
    assert!(reunite::for_each(&rx, |_| Ok::<_, String>(())).is_err());
}

#[test]
fn an_item_that_is_left_has_no_outcome_but_that() {
    let _watch = watchdog();
    let cut_short = || {
        let (tx, rx) = bounded::<u64>(8);
        cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            drop(tx);
        })
        .unwrap();
        rx
    };
    let (a, b, c) = (cut_short(), cut_short(), cut_short());
    let count = |n: u64| if n == 1 { a.iter().count() } else { 0 };
    let cancelled = |outcomes: Vec<Result<usize, JoinError>>| {
        let is_cancelled =
            |outcome: &Result<_, JoinError>| outcome.as_ref().is_err_and(JoinError::is_cancelled);
        outcomes.iter().map(is_cancelled).collect::<Vec<_>>()
    };
    let outcomes = reunite::scope(|s| s.map(0..3, count).into_iter().collect());
    assert_eq!(cancelled(outcomes), [false, true, false]);
    let outcomes = Pool::global().scope(|s| s.map(0..3, count).collect());
    assert_eq!(cancelled(outcomes), [false, true, false]);
    let joined = Pool::global().scope(|s| s.spawn(|| b.iter().count()).join());
    assert!(joined.unwrap_err().is_cancelled());
    let joined = Pool::global().spawn(move || c.iter().count()).join();
    assert!(joined.unwrap_err().is_cancelled());
}

#[test]
fn parallel_work_that_cannot_fail_is_done_whole_in_a_cancelled_task() {
    let _watch = watchdog();
    let whole = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        let squares = reunite::par(0..1000_u64).map(|n| n * n);
        let sum = reunite::par(0..1000_u64).reduce(|| 0, |a, n| a + n, |a, b| a + b);
        let first = reunite::par(0..1000_u64).find_first(|n| (n == 999).then_some(n));
        let mut sorted: Vec<_> = (0..10_000).rev().collect();
        reunite::par_sort_unstable(&mut sorted);
        let (a, b) = reunite::join(|| 1, || 2);
        (squares.len(), sum, first, sorted.is_sorted(), a + b)
    });
    assert_eq!(whole.unwrap(), (1000, 499_500, Some(999), true, 3));
    let part: Result<Vec<u64>, Box<dyn std::error::Error + Send + Sync>> = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        reunite::par(0..1000_u64).try_map(Ok)
    })
    .unwrap();
    assert!(part.is_err());
}

#[test]
fn parallel_work_that_is_left_leaves_its_task() {
    let _watch = watchdog();
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        reunite::par(0..4_u64).map(|n| {
            waits.store(true, Ordering::SeqCst);
            if n == 3 { rx.iter().count() } else { 0 }
        })
    })
    .unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let error = cancelled_in(|waits| {
        reunite::join(|| waits.store(true, Ordering::SeqCst), || rx.iter().count())
    })
    .unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[test]
fn races_and_quorums_of_a_cancelled_task_are_errors() {
    let _watch = watchdog();
    let ended = cancelled_in(|waits| {
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        let won = reunite::race([|| Ok::<_, String>(1), || Ok(2)]).is_err();
        let agreed = reunite::quorum(2, [|| Ok::<_, String>(1), || Ok(2)]).is_err();
        (won, agreed)
    });
    assert_eq!(ended.unwrap(), (true, true));
}

#[test]
fn a_callback_of_a_task_that_has_ended_cuts_nothing_short() {
    let _watch = watchdog();
    let (tx, rx) = bounded::<u64>(1);
    let waits = AtomicBool::new(false);
    reunite::scope(|s| {
        let task = s.spawn(|| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
        });
        task.on_complete(move || drop(tx));
        until(|| waits.load(Ordering::SeqCst));
        task.cancel();
        task.join().unwrap();
    });
    assert!(rx.recv().unwrap_err().is_closed());
}

#[test]
fn in_a_callback_which_nobody_joins_it_is_a_panic_with_a_message() {
    let _watch = watchdog();
    let rx = std::sync::Arc::new(open_channel(8));
    let (told, tells) = std::sync::mpsc::channel();
    let waits = AtomicBool::new(false);
    reunite::scope(|s| {
        let task = s.spawn(|| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
        });
        task.on_complete(move || {
            told.send(payload_of(|| rx.iter().count())).unwrap();
        });
        until(|| waits.load(Ordering::SeqCst));
        task.cancel();
        task.join().unwrap();
        let message = tells.recv().unwrap().downcast::<String>().unwrap();
        assert!(message.contains("was cut short"), "{message}");
    });
}

#[test]
fn a_panic_of_a_task_comes_before_what_a_cancellation_left_undone() {
    let _watch = watchdog();
    let error = cancelled_in(|waits| {
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
            // Not told, as it looks at nothing.
            while !s.is_cancelled() {
                std::thread::yield_now();
            }
            s.spawn(|| {});
        });
    })
    .unwrap_err();
    assert!(error.is_panic(), "{error}");
}

#[test]
fn a_body_that_was_told_of_the_cancellation_has_its_value() {
    let _watch = watchdog();
    let told = cancelled_in(|waits| {
        reunite::scope(|s| {
            waits.store(true, Ordering::SeqCst);
            let told = until_cancelled();
            s.spawn(|| {});
            told.reason().len()
        })
    });
    assert_ne!(told.unwrap(), 0);
    let told = cancelled_in(|waits| {
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
}

#[test]
fn a_body_is_not_told_by_what_only_its_scopes_tasks_and_maps_are_told() {
    let _watch = watchdog();
    let left_after = |inside: &(dyn Fn(&AtomicBool, &dyn Fn()) + Sync)| {
        let left = cancelled_in(|waits| {
            reunite::scope(|s| {
                // A look that tells nobody.
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
    // A task of a scope inside, and that scope's end.
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
}

#[test]
fn a_task_that_is_left_poisons_no_lock() {
    let _watch = watchdog();
    let (lock, rx) = (reunite::sync::Mutex::new(0), open_channel(8));
    let error = cancelled_in(|waits| {
        let mut sum = lock.lock().unwrap();
        waits.store(true, Ordering::SeqCst);
        rx.iter().for_each(|n| *sum += n);
    });
    assert!(error.unwrap_err().is_cancelled());
    assert_eq!(*lock.lock().unwrap(), 3);
}

/// Takes what is left, when it goes.
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
        // A task inside is a task: it is left, and that is told here.
        let inside = reunite::scope(|s| s.spawn(|| self.0.iter().count()).join());
        assert!(inside.unwrap_err().is_cancelled());
    }
}

#[test]
fn a_destructor_that_drains_a_channel_while_its_task_is_left_ends_with_what_there_was() {
    let _watch = watchdog();
    let (first, second) = (open_channel(8), open_channel(8));
    let drained = AtomicUsize::new(0);
    let error = cancelled_in(|waits| {
        let _drains = Drains(&second, &drained);
        waits.store(true, Ordering::SeqCst);
        first.iter().count()
    });
    assert!(error.unwrap_err().is_cancelled());
    assert_eq!(drained.load(Ordering::SeqCst), 3);
    let error = cancelled_in(|waits| {
        let _drains = Drains(&second, &drained);
        waits.store(true, Ordering::SeqCst);
        until_cancelled();
        panic!("for another reason");
    });
    assert!(error.unwrap_err().is_panic());
}

/// Forks when it goes, in a pool with a thread that has nothing else to do, until that could have begun.
struct Forks<'a>(&'a Receiver<u64>, &'a Pool);

impl Drop for Forks<'_> {
    fn drop(&mut self) {
        let stolen = AtomicBool::new(false);
        let ((), counted) = self.1.join(
            || {
                for _ in 0..20_000 {
                    reunite::join(std::thread::yield_now, || ());
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
fn a_half_of_a_fork_in_a_destructor_ends_with_what_there_was() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    let rx = open_channel(8);
    let error = cancelled_in(|waits| {
        let _forks = Forks(&rx, &pool);
        waits.store(true, Ordering::SeqCst);
        until_cancelled().unwind();
    });
    assert!(error.unwrap_err().is_cancelled());
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
    let _watch = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    let (messages, (begins, begun)) = (open_channel(8), unbounded());
    let (is_busy, is_free) = (&AtomicBool::new(false), &AtomicBool::new(false));
    let went_on = AtomicBool::new(false);
    let error = cancelled_in(|waits| {
        let halves = || {
            until(|| is_busy.load(Ordering::SeqCst));
            // Whoever is asked for work answers, and then nobody asks.
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
}

#[test]
fn a_task_that_only_waited_for_its_scopes_is_not_told_and_its_channel_is_whole() {
    let _watch = watchdog();
    let (tx, rx) = unbounded();
    let sent = cancelled_in(move |waits| {
        reunite::scope(|s| {
            s.spawn(|| {
                waits.store(true, Ordering::SeqCst);
                // A look that tells nobody.
                until(|| s.canceller().is_cancelled());
                std::thread::yield_now();
            });
        });
        tx.send(1).unwrap();
        tx.send(2).unwrap();
    });
    sent.unwrap();
    assert_eq!(rx.results().map(Result::unwrap).sum::<i32>(), 3);
}

/// Runs `wait` in a task that is cancelled when what it waits for comes, too: if it gets that, and then sends all, the
/// channel must be whole. For that to meet takes many rounds; where each costs time slices of others, there are fewer.
fn beats_a_cancellation<T: Send + Sync>(
    make: impl Fn() -> T,
    wait: impl Fn(&T) -> bool + Sync,
    bring: impl Fn(&T),
) {
    let start = Instant::now();
    for round in 0..2_000_u32 {
        if round >= 100 && start.elapsed() > Duration::from_secs(2) {
            return;
        }
        let (tx, rx) = unbounded();
        let (what, begun) = (&make(), &AtomicBool::new(false));
        let wait = &wait;
        let came = reunite::scope(|s| {
            let task = s.spawn(move || {
                begun.store(true, Ordering::SeqCst);
                wait(what) && tx.send(1).is_ok()
            });
            until(|| begun.load(Ordering::SeqCst));
            if round % 2 == 0 {
                // Until it sleeps.
                std::thread::yield_now();
            }
            task.cancel();
            bring(what);
            task.join()
        });
        if came.is_ok_and(|came| came) {
            assert_eq!(rx.results().map(Result::unwrap).count(), 1);
        }
    }
}

#[test]
fn a_task_whose_wait_beats_its_cancellation_is_not_told() {
    let _watch = watchdog();
    for capacity in [1, 8] {
        beats_a_cancellation(
            || bounded(capacity),
            |(_, rx)| rx.recv().is_ok(),
            |(tx, _)| tx.send(7).unwrap(),
        );
        beats_a_cancellation(
            || {
                let (tx, rx) = bounded(capacity);
                (0..capacity).for_each(|n| tx.send(n).unwrap());
                (tx, rx)
            },
            |(tx, _)| tx.send(7).is_ok(),
            |(_, rx)| assert!(rx.recv().is_ok()),
        );
    }
    beats_a_cancellation(
        || reunite::sync::Semaphore::new(0),
        |permits| permits.acquire().is_ok(),
        |permits| permits.release(1).unwrap(),
    );
    beats_a_cancellation(
        || reunite::sync::Barrier::new(2),
        |both| both.wait().is_ok(),
        |both| {
            let _alone = both.wait_timeout(Duration::ZERO);
        },
    );
}

/// The message of the panic in a scope whose only task does this, and which returns then.
fn failure_of(task: impl FnOnce() + Send) -> String {
    let payload = payload_of(|| {
        reunite::scope(|s| drop(s.spawn(task)));
    });
    *payload.downcast::<String>().unwrap()
}

#[test]
fn what_a_caught_panic_cut_short_is_no_cancellation_of_the_task_around() {
    let _watch = watchdog();
    let told = failure_of(|| {
        let (tx, rx) = unbounded::<u64>();
        reunite::scope(|s| {
            s.spawn(move || assert_eq!(rx.iter().sum::<u64>(), 0, "a part"));
            let caught = payload_of(move || {
                tx.send(1).unwrap();
                panic!("in the body");
            });
            drop(caught);
        });
    });
    assert!(told.contains("it failed"), "{told}");
    let pool = Pool::builder().threads(2).build().unwrap();
    let told = failure_of(|| {
        let (tx, rx) = unbounded::<u64>();
        pool.scope(|s| {
            s.spawn(move || assert_eq!(rx.iter().sum::<u64>(), 0, "a part"));
            let producer = s.spawn(move || {
                tx.send(1).unwrap();
                panic!("in a task of the pool");
            });
            assert!(producer.join().unwrap_err().is_panic());
        });
    });
    assert!(told.contains("it failed"), "{told}");
}

/// Has a channel of its own when it goes, and whose tasks, if any, send into it.
struct Pipeline<'a>(Option<&'a Pool>, &'a AtomicUsize);

impl Drop for Pipeline<'_> {
    fn drop(&mut self) {
        let (tx, rx) = unbounded::<usize>();
        let sum = reunite::spawn(move || rx.iter().sum::<usize>());
        match self.0 {
            None => tx.send(3).unwrap(),
            Some(pool) => pool.scope(|s| {
                for _ in 0..3 {
                    let tx = tx.clone();
                    s.spawn(move || tx.send(1).unwrap());
                }
            }),
        }
        drop(tx);
        self.1
            .store(sum.join().unwrap_or(usize::MAX), Ordering::SeqCst);
    }
}

#[test]
fn a_channel_that_a_destructor_makes_during_a_panic_is_whole() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    for pool in [None, Some(&pool)] {
        let sum = AtomicUsize::new(0);
        drop(payload_of(|| {
            let _pipeline = Pipeline(pool, &sum);
            panic!("around the destructor");
        }));
        assert_eq!(sum.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn a_refusal_inside_a_shield_cuts_the_channels_of_its_task_short() {
    let _watch = watchdog();
    let is_refused = || {
        let lock = reunite::sync::Mutex::new(());
        let _held = lock.lock().unwrap();
        lock.lock().unwrap_err().is_deadlock()
    };
    let nested = || reunite::scope(|_| reunite::shield(|| reunite::shield(is_refused)));
    let ways: [&(dyn Fn() -> bool + Sync); 3] =
        [&is_refused, &|| reunite::shield(is_refused), &nested];
    for refused in ways {
        let (tx, rx) = unbounded();
        reunite::scope(|s| {
            s.spawn(move || {
                tx.send(1).unwrap();
                assert!(refused());
            });
        });
        let last = rx.results().last().unwrap();
        assert!(last.unwrap_err().is_cut_short());
    }
}

/// There is nothing to leave. The panic hook cannot show the reason, so it is on standard error besides.
#[test]
fn a_cancellation_that_unwinds_outside_any_task_is_a_panic_with_itself() {
    const CHILD: &str = "REUNITE_TEST_CHILD";
    let _watch = watchdog();
    let cancelled = reunite::scope(|s| {
        s.cancel("enough of it");
        until_cancelled()
    });
    let payload = payload_of(|| cancelled.unwind());
    let cancelled = payload.downcast::<reunite::Cancelled>().unwrap();
    assert_eq!(cancelled.reason(), "enough of it");
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let test = "a_cancellation_that_unwinds_outside_any_task_is_a_panic_with_itself";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("enough of it"), "{text}");
    assert!(text.contains("panicked at"), "{text}");
}

/// The other half of a fork, on a thread that has nothing else of the task.
#[test]
fn a_refusal_in_a_half_that_another_thread_runs_cuts_the_channels_of_its_task_short() {
    let _watch = watchdog();
    let pool = &Pool::builder().threads(2).build().unwrap();
    let (tx, rx) = unbounded();
    reunite::scope(|s| {
        s.spawn(move || {
            tx.send(1).unwrap();
            reunite::scope(|_| {
                let (tell, told) = std::sync::mpsc::channel();
                let waits = || reunite::blocking(|| told.recv().unwrap());
                pool.join(waits, move || {
                    let lock = reunite::sync::Mutex::new(());
                    let _held = lock.lock().unwrap();
                    assert!(lock.lock().unwrap_err().is_deadlock());
                    tell.send(()).unwrap();
                });
            });
            drop(tx);
        });
    });
    let last = rx.results().last().unwrap();
    assert!(last.unwrap_err().is_cut_short());
}

/// The task copes with the first, and goes on.
#[test]
fn the_second_refusal_of_a_task_cuts_its_channel_short() {
    let _watch = watchdog();
    let refused = || {
        let lock = reunite::sync::Mutex::new(());
        let _held = lock.lock().unwrap();
        assert!(lock.lock().unwrap_err().is_deadlock());
    };
    let (tx, rx) = unbounded();
    let task = reunite::spawn(move || {
        refused();
        tx.send(1).unwrap();
        refused();
        drop(tx);
    });
    task.join().unwrap();
    let last = rx.results().last().unwrap();
    assert!(last.unwrap_err().is_cut_short());
}

/// Its own cancellation comes later, and finds nobody who asks for it.
#[test]
fn a_task_that_was_told_only_of_what_it_cancelled_itself_closes_its_channel() {
    let _watch = watchdog();
    let (tx, rx) = unbounded();
    let (tell, told) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    reunite::scope(|s| {
        let task = s.spawn(move || {
            reunite::scope(|s| {
                s.cancel("enough");
                until_cancelled();
            });
            tell.send(()).unwrap();
            wait.recv().unwrap();
            tx.send(1).unwrap();
        });
        told.recv().unwrap();
        task.cancel();
        go.send(()).unwrap();
        task.join().unwrap();
    });
    assert_eq!(rx.results().map(Result::unwrap).sum::<i32>(), 1);
}

/// Waits that may have had what they waited for when they are cancelled tell their task only if they had not.
#[test]
fn a_producer_whose_wait_for_others_was_cancelled_cuts_the_channel_short() {
    let _watch = watchdog();
    let barrier = reunite::sync::Barrier::new(2);
    let permits = reunite::sync::Semaphore::new(1);
    let _taken = permits.acquire().unwrap();
    let ways: [&(dyn Fn() -> bool + Sync); 2] =
        [&|| barrier.wait().unwrap_err().is_cancelled(), &|| {
            permits.acquire().unwrap_err().is_cancelled()
        }];
    for wait in ways {
        let error = consumed(|tx| {
            let ended = cancelled_in(|waits| {
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
}

#[test]
fn a_producer_that_was_refused_a_thread_cuts_the_channel_short() {
    let _watch = watchdog();
    let (tx, rx) = unbounded();
    let too_large = reunite::Builder::new().stack_size(usize::MAX / 2);
    let refused = too_large.spawn_checked(move || tx.send(1).unwrap());
    assert!(refused.unwrap_err().is_refused());
    let end = rx.recv().unwrap_err();
    assert!(end.is_cut_short(), "{end}");
}

#[test]
fn values_of_a_map_that_others_cut_short_come_with_the_reason() {
    let _watch = watchdog();
    let (tx, rx) = unbounded::<u64>();
    let producer = reunite::spawn(move || {
        tx.send(1).unwrap();
        until_cancelled();
    });
    let first = rx.recv().unwrap();
    producer.cancel();
    assert_eq!(first, 1);
    let of_producer = |error: &reunite::ScopeError<_>| {
        let root = error.root().expect("a reason");
        let why = root.as_cancelled().expect("a cancellation");
        assert_eq!(why.reason(), "cancelled through its handle");
    };
    let values = reunite::scope(|s| {
        let map = s.map(0..2, |_| rx.iter().sum::<u64>());
        map.into_iter().collect_values()
    });
    of_producer(&values.unwrap_err());
    let each = reunite::for_each(0..2, |_| {
        rx.iter().for_each(|_| ());
        Ok::<_, std::convert::Infallible>(())
    });
    of_producer(&each.unwrap_err());
    // A cancellation of the map itself is told as that of its scope, as before.
    let ended = cancelled_in(|waits| {
        let each = reunite::for_each(0..2, |_| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled().unwind();
            #[allow(unreachable_code, reason = "says the type")]
            Ok::<_, String>(())
        });
        each.unwrap_err()
            .root()
            .is_none_or(JoinError::is_interrupted)
    });
    assert!(ended.unwrap());
}
/// As in a scope of threads: whoever waits for a task learns of it by the task's result.
#[test]
fn a_refusal_that_a_pools_task_copes_with_does_not_cut_short_whoever_opened_the_scope() {
    let _watch = watchdog();
    let refused = || {
        let lock = reunite::sync::Mutex::new(0);
        let held = lock.lock().unwrap();
        assert!(lock.lock().is_err());
        drop(held);
    };
    let pool = &Pool::builder().threads(2).build().unwrap();
    let in_body = |joins: bool| {
        let (tx, rx) = unbounded();
        let (inner, inner_rx) = unbounded();
        reunite::scope(|s| {
            s.spawn(move || {
                tx.send(1).unwrap();
                pool.scope(|s| {
                    inner.send(1).unwrap();
                    let task = s.spawn(refused);
                    if joins {
                        task.join().unwrap();
                    } else {
                        until(|| task.is_finished());
                    }
                    drop(inner);
                });
            });
        });
        [rx, inner_rx].map(|rx| rx.results().map(|one| one.is_ok()).collect::<Vec<_>>())
    };
    for joins in [true, false] {
        assert_eq!(in_body(joins), [vec![true], vec![true]], "{joins}");
    }
    // Its own senders are, and those of the body that is refused itself.
    let (tx, rx) = unbounded();
    pool.scope(|s| {
        s.spawn(move || {
            tx.send(1).unwrap();
            refused();
        });
    });
    assert_eq!(
        rx.results().map(|one| one.is_ok()).collect::<Vec<_>>(),
        [true, false]
    );
    let (tx, rx) = unbounded();
    reunite::scope(|s| {
        s.spawn(move || {
            tx.send(1).unwrap();
            pool.scope(|_| refused());
        });
    });
    assert_eq!(
        rx.results().map(|one| one.is_ok()).collect::<Vec<_>>(),
        [true, false]
    );
}

//! A partial result never passes for a whole one: what each kind of ending reports when its task is
//! cancelled, or one of its waits is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reunite::channel::{Receiver, bounded, unbounded};
use reunite::{JoinError, Pool, ScopeBuilder};

mod common;
use common::{consumed, open_channel, payload_of, until, until_cancelled, watchdog};

#[test]
fn a_sum_that_is_cancelled_in_the_middle_never_passes_for_the_whole() {
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
    // A pool of one thread that may start no other: its one task waits for a task queued behind it.
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
fn a_refusal_that_the_task_handled_cuts_nothing_short() {
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
    // A channel made afterwards is not affected.
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
fn an_unjoined_task_that_was_cut_short_by_another_is_reported_by_its_scope() {
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
fn a_scope_that_is_cancelled_afterwards_also_reports_a_task_cut_short_by_another() {
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
fn tasks_cancelled_by_a_joined_failure_fail_nothing() {
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
fn being_cut_short_in_a_callback_is_a_panic_with_a_message() {
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

/// Runs `wait` in a task that is cancelled at the moment when what it waits for comes. If the wait succeeds,
/// and the task then sends everything, the channel must be whole. Hitting that moment takes many rounds;
/// where each round is slow, there are fewer.
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

/// Returns the message of the panic in a scope whose only task does this and then returns.
fn failure_of(task: impl FnOnce() + Send) -> String {
    let payload = payload_of(|| {
        reunite::scope(|s| drop(s.spawn(task)));
    });
    *payload.downcast::<String>().unwrap()
}

#[test]
fn a_channel_cut_short_by_a_caught_panic_does_not_cancel_the_task_around() {
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

/// Makes a channel of its own when it is dropped, into which its tasks, if any, send.
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

/// There is no task to leave. The panic hook cannot show the reason, so that is written to standard error as
/// well.
#[test]
fn a_cancellation_that_unwinds_outside_any_task_is_a_panic_with_that_payload() {
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
    let test = "a_cancellation_that_unwinds_outside_any_task_is_a_panic_with_that_payload";
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

/// The other half of a fork runs on a thread that has nothing else of the task.
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

/// The task copes with the first refusal, and goes on.
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

/// The cancellation of the task itself comes later, when nothing asks for it any more.
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

/// As in a scope on threads: the tasks that wait for it learn of the refusal from the task's result.
#[test]
fn a_refusal_that_a_pools_task_handles_does_not_cut_the_opener_of_its_scope_short() {
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
    // The senders of a task that is refused, and those of a body that is, are cut short.
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

//! Forgotten values (`mem::forget`) are never dropped: their scope ends all the same, or a wait is refused
//! and says why.

#![allow(
    clippy::forget_non_drop,
    reason = "what has no destructor today may have one tomorrow"
)]

mod common;

use std::mem::forget;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{until_cancelled, watchdog};
use reunite::{Builder, Event, Observer, Pool, ScopeBuilder, channel, sync};

#[test]
fn the_outcomes_of_a_scopes_map_may_be_forgotten() {
    let _watchdog = watchdog();
    // Forgotten before the first outcome: nothing was started.
    reunite::scope(|s| forget(s.map(0..100, |n| n).into_iter()));
    // More items than the window: the workers wait for the consumer.
    for taken in [1, 5] {
        for threads in [1, 2, 4] {
            let sum: u32 = reunite::scope(|s| {
                let mut outcomes = s.map(0..100, |n| n).threads(threads).window(3).into_iter();
                let sum = outcomes.by_ref().take(taken).map(Result::unwrap).sum();
                forget(outcomes);
                sum
            });
            assert_eq!(sum, (0..taken as u32).sum());
        }
    }
    // The map itself, which has not started.
    reunite::scope(|s| forget(s.map(0..100, |n| n)));
}

#[test]
fn outcomes_may_be_forgotten_in_nested_limited_and_fail_fast_scopes() {
    let _watchdog = watchdog();
    let nested = reunite::spawn(|| {
        reunite::scope(|s| {
            s.spawn(|| {
                let mut outcomes = s.map(0..100, |n| n).threads(2).window(2).into_iter();
                assert_eq!(outcomes.next().unwrap().unwrap(), 0);
                forget(outcomes);
            });
            4
        })
    });
    assert_eq!(nested.join().unwrap(), 4);
    let limited = ScopeBuilder::new().max_threads(2).scope(|s| {
        let mut outcomes = s.map(0..100, |n| n).window(1).into_iter();
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        forget(outcomes);
        s.spawn(|| 5).join().unwrap()
    });
    assert_eq!(limited.unwrap(), 5);
    reunite::scope(|s| {
        let mut outcomes = s
            .try_map(0..100, Ok::<_, ()>)
            .unordered()
            .fail_fast()
            .window(1)
            .into_iter();
        assert!(outcomes.next().is_some());
        forget(outcomes);
    });
}

/// Items have been pulled whose outcomes no task will take; those that run are waited for, like all tasks of
/// a scope.
#[test]
fn items_that_run_are_joined_and_may_borrow() {
    let _watchdog = watchdog();
    let ended = AtomicUsize::new(0);
    let begun = AtomicUsize::new(0);
    reunite::scope(|s| {
        let (begun, ended) = (&begun, &ended);
        let mut outcomes = s.map(0..100, move |n| {
            begun.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            ended.fetch_add(1, Ordering::SeqCst);
            n
        });
        outcomes = outcomes.threads(3).window(6);
        let mut outcomes = outcomes.into_iter();
        drop(outcomes.next());
        forget(outcomes);
    });
    assert_eq!(begun.into_inner(), ended.into_inner());
}

#[test]
fn the_outcomes_of_a_free_map_may_be_forgotten() {
    let _watchdog = watchdog();
    let mut outcomes = reunite::map(0..100, |n| n).threads(2).window(2).into_iter();
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    forget(outcomes);
    reunite::scope(|_| {
        let mut outcomes = reunite::map(0..100, |n| n).threads(2).window(2).into_iter();
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        forget(outcomes);
    });
}

#[test]
fn maps_and_tasks_of_a_pool_may_be_forgotten() {
    let _watchdog = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    pool.scope(|s| {
        let mut outcomes = s.map(0..10_000, |n| n).window(8);
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        forget(outcomes);
        forget(s.map(0..10, |n| n));
        forget(s.spawn(|| 1));
        let task = s.spawn(|| 2);
        while !task.is_finished() {
            std::thread::yield_now();
        }
        forget(task);
        forget(s.canceller());
    });
    forget(pool.spawn(|| 3));
    assert_eq!(pool.spawn(|| 4).join().unwrap(), 4);
    drop(pool);
    let forgotten = Pool::builder().threads(2).build().unwrap();
    assert_eq!(forgotten.spawn(|| 5).join().unwrap(), 5);
    forget(forgotten);
    forget(Pool::builder());
}

#[test]
fn handles_may_be_forgotten() {
    let _watchdog = watchdog();
    let done = Arc::new(AtomicUsize::new(0));
    reunite::scope(|s| {
        forget(s.spawn(|| done.fetch_add(1, Ordering::SeqCst)));
        let (value, handle) = s
            .spawn_ready(Builder::new(), |ready| {
                ready.up(7);
                done.fetch_add(1, Ordering::SeqCst)
            })
            .unwrap();
        assert_eq!(value, 7);
        forget(handle);
    });
    assert_eq!(done.load(Ordering::SeqCst), 2);
    // A task whose handle is forgotten runs on, like one that is detached.
    let (tell, told) = mpsc::channel();
    forget(reunite::spawn(move || tell.send(1).unwrap()));
    assert_eq!(told.recv().unwrap(), 1);
    let limited = ScopeBuilder::new().max_threads(1).scope(|s| {
        (0..5).for_each(|_| forget(s.spawn(|| ())));
        s.spawn(|| 6).join().unwrap()
    });
    assert_eq!(limited.unwrap(), 6);
    let failed: Result<(), _> = reunite::try_scope(|s| {
        forget(s.spawn(|| Err::<(), _>("told")));
        Ok(())
    });
    assert_eq!(
        *failed.unwrap_err().root().unwrap().error().unwrap(),
        "told"
    );
    forget(Builder::new());
    forget(ScopeBuilder::new());
}

#[test]
fn the_hand_shake_of_a_service_may_be_forgotten() {
    let _watchdog = watchdog();
    // Forgotten by a service that completes: it was never ready.
    let refused = reunite::scope(|s| s.spawn_ready::<u32, _, _>(Builder::new(), forget).map(drop));
    assert!(refused.unwrap_err().is_refused());
    // Forgotten by a service that goes on: until it is cancelled.
    let interrupted = ScopeBuilder::new()
        .timeout(Duration::from_millis(20))
        .scope(|s| {
            s.spawn_ready::<u32, _, _>(Builder::new(), |ready| {
                forget(ready);
                drop(until_cancelled());
            })
            .map(drop)
            .unwrap_err()
            .is_cancelled()
        });
    assert!(interrupted.unwrap_err().is_timeout());
}

#[test]
fn a_lock_whose_guard_was_forgotten_is_refused() {
    let _watchdog = watchdog();
    let mutex = sync::Mutex::new(0);
    forget(mutex.lock().unwrap());
    assert!(mutex.lock().unwrap_err().is_deadlock());
    let (lock, other) = (sync::RwLock::new(0), sync::RwLock::new(0));
    reunite::scope(|s| {
        let forgets = s.spawn(|| {
            forget(lock.write().unwrap());
            forget(other.read().unwrap());
        });
        forgets.join().unwrap();
        let error = lock.read().unwrap_err();
        assert!(error.is_deadlock(), "{error}");
        assert!(error.to_string().contains("forgot"), "{error}");
        assert!(lock.write().unwrap_err().is_deadlock());
        assert!(other.write().unwrap_err().is_deadlock());
        assert!(other.try_read().is_ok());
    });
}

#[test]
fn permits_that_were_forgotten_are_waited_for_with_a_reason() {
    let _watchdog = watchdog();
    let permits = Arc::new(sync::Semaphore::new(2));
    forget(permits.acquire().unwrap());
    forget(permits.acquire_many_owned(1).unwrap());
    let ended = permits.acquire_timeout(Duration::from_millis(5));
    assert!(ended.unwrap_err().is_timeout());
    assert!(permits.try_acquire().unwrap_err().is_busy());
}

/// Ends the waits by a timeout: no deadlock is detected here, as other threads of the test process might still send.
/// In a process with this test alone it would be.
#[test]
fn ends_of_channels_may_be_forgotten() {
    let _watchdog = watchdog();
    let ended = ScopeBuilder::new()
        .timeout(Duration::from_millis(20))
        .scope(|s| {
            let (tx, rx) = channel::bounded::<u32>(1);
            forget(tx);
            s.spawn(move || rx.recv().is_err());
            let (tx, rx) = channel::bounded::<u32>(1);
            forget(rx);
            s.spawn(move || (0..3).map(|n| tx.send(n)).any(|sent| sent.is_err()));
        });
    assert!(ended.is_err_and(|error| error.is_timeout()));
    let (tx, rx) = channel::unbounded();
    tx.send(1).unwrap();
    let mut iter = rx.iter();
    assert_eq!(iter.next(), Some(1));
    forget(iter);
    drop(tx);
    assert!(rx.recv().is_err());
}

#[test]
fn observers_and_recorders_may_be_forgotten() {
    struct Count(Arc<AtomicUsize>);

    impl Observer for Count {
        fn on_event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let _watchdog = watchdog();
    let told = Arc::new(AtomicUsize::new(0));
    forget(reunite::observe(Count(Arc::clone(&told))));
    forget(reunite::profile::start());
    reunite::scope(|s| drop(s.spawn(|| 1)));
    assert!(told.load(Ordering::SeqCst) > 0);
}

#[test]
fn results_and_errors_may_be_forgotten() {
    let _watchdog = watchdog();
    reunite::scope(|s| {
        forget(s.spawn(|| vec![1]).join());
        let throws = || -> u32 { std::panic::resume_unwind(Box::new(1)) };
        forget(s.spawn(throws).join());
    });
    forget(reunite::race((|| Ok::<_, ()>(1), || Ok(2))));
    let barrier = sync::Barrier::new(1);
    forget(barrier.wait());
    forget(barrier);
}

/// The owner waits at the scope's end already when the worker finds no room, and no task will take outcomes.
#[test]
fn a_worker_that_finds_no_room_after_the_body_has_ended_is_stopped() {
    let _watchdog = watchdog();
    for threads in [1, 2] {
        let (open, gate) = mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let task = reunite::spawn(move || {
            reunite::scope(|s| {
                let item = |n| {
                    if n == 1 {
                        gate.lock().unwrap().recv().unwrap_err();
                    }
                };
                let mut outcomes = s.map(0..100, item).threads(threads).window(2).into_iter();
                outcomes.next().unwrap().unwrap();
                forget(outcomes);
            });
        });
        common::until(|| format!("{task:?}").contains("in end"));
        // A wait checks its condition again by itself at first.
        std::thread::sleep(Duration::from_millis(5));
        drop(open);
        task.join().unwrap();
    }
}

/// Another task of the scope goes on meanwhile: it could take the outcomes until it has ended.
#[test]
fn a_worker_is_stopped_when_the_last_other_task_has_ended() {
    let _watchdog = watchdog();
    for _ in 0..5 {
        let (open, gate) = mpsc::channel::<()>();
        let task = reunite::spawn(move || {
            reunite::scope(|s| {
                s.spawn(move || gate.recv().unwrap_err());
                let mut outcomes = s.map(0..100, |n| n).threads(1).window(1).into_iter();
                assert_eq!(outcomes.next().unwrap().unwrap(), 0);
                forget(outcomes);
            });
        });
        common::until(|| format!("{task:?}").contains("in end"));
        // A wait checks its condition again by itself at first.
        std::thread::sleep(Duration::from_millis(5));
        drop(open);
        task.join().unwrap();
    }
}

/// On standard error, once for each map.
#[test]
fn forgotten_outcomes_are_reported() {
    const CHILD: &str = "REUNITE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        reunite::scope(|s| {
            let mut outcomes = s.map(0..100, |n| n).threads(2).window(2).into_iter();
            assert_eq!(outcomes.next().unwrap().unwrap(), 0);
            forget(outcomes);
        });
        return;
    }
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["forgotten_outcomes_are_reported", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(
        text.matches("its outcomes were forgotten").count(),
        1,
        "{text}"
    );
}

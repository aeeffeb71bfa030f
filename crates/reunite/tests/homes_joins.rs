//! Joins of tasks wherever they run: every value, error and payload arrives exactly once, in whichever join
//! and at any time.

mod common;

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::homes::{ALL, Handle, NAMED, Place, SCOPES, in_homes};
use common::{Counted, LONG, payload_of, until, until_cancelled};
use reunite::sync::Mutex;

#[derive(Debug, PartialEq)]
struct Custom(Vec<u8>);

#[test]
fn every_payload_keeps_its_type() {
    in_homes(NAMED, |at| {
        at.scope(|s| {
            let throws = || -> () { panic_any(Custom(vec![1, 2])) };
            let error = s.spawn(throws).join().unwrap_err();
            assert!(error.is_panic() && !error.is_error());
            assert!(!error.is_refused() && !error.is_timeout());
            assert_eq!(error.panic_message(), Some("a payload that is not text"));
            let payload = error.into_panic().unwrap().downcast::<Custom>();
            assert_eq!(*payload.unwrap(), Custom(vec![1, 2]));

            let throws = || -> () { panic!("literal") };
            let error = s.spawn(throws).join().unwrap_err();
            assert_eq!(error.panic_message(), Some("literal"));
            let payload = error.into_panic().unwrap().downcast::<&str>();
            assert_eq!(*payload.unwrap(), "literal");

            let n = 3;
            let throws = move || -> () { panic!("formatted {n}") };
            let error = s.spawn_named("throws", throws).join().unwrap_err();
            assert_eq!(error.panic_message(), Some("formatted 3"));
            let told = error.to_string();
            assert!(told.starts_with(&at.home.names(0, "throws")), "{told}");
            assert!(told.contains("homes_joins.rs"), "{told}");
            assert!(told.contains("panicked: formatted 3"), "{told}");
            let payload = error.into_panic().unwrap().downcast::<String>();
            assert_eq!(*payload.unwrap(), "formatted 3");
        });
    });
}

#[test]
fn resume_goes_on_with_the_payload_itself() {
    in_homes(NAMED, |at| {
        at.scope(|s| {
            let throws = || -> () { panic_any(Custom(vec![9])) };
            let error = s.spawn(throws).join().unwrap_err();
            let payload = payload_of(|| error.resume());
            assert_eq!(*payload.downcast::<Custom>().unwrap(), Custom(vec![9]));
        });
    });
}

#[test]
fn a_task_that_panics_harms_no_other() {
    in_homes(NAMED, |at| {
        let outcomes = at.run(&["first", "second", "third"], |n| {
            assert_ne!(n, 1, "as expected");
            n
        });
        let [first, second, third] = outcomes.try_into().unwrap();
        assert_eq!((first.unwrap(), third.unwrap()), (0, 2));
        let told = second.unwrap_err().to_string();
        let name = at.home.names(1, "second");
        assert!(
            told.starts_with(&name) && told.contains("as expected"),
            "{told}"
        );
    });
}

#[test]
fn a_result_is_taken_only_once() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let mut task = s.spawn_named("once", || String::from("only"));
            until(|| task.is_finished());
            assert_eq!(task.try_join().unwrap().unwrap(), "only");
            assert!(task.try_join().is_none());
            assert!(task.is_finished());
            for error in [
                task.join_timeout(Duration::ZERO).unwrap_err(),
                task.join_timeout(LONG).unwrap_err(),
                task.join_deadline(Instant::now()).unwrap_err(),
                task.join().unwrap_err(),
            ] {
                assert!(error.is_refused() && !error.is_timeout());
                let told = error.to_string();
                assert!(told.contains("`once`"), "{told}");
                assert!(told.contains("was already joined"), "{told}");
            }
            let mut task = s.spawn(|| -> () { panic!("taken") });
            assert!(task.join_timeout(LONG).unwrap_err().is_panic());
            assert!(task.join().unwrap_err().is_refused());
        });
    });
}

#[test]
fn a_task_cannot_join_itself() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let (give, take) = reunite::channel::bounded::<Handle<'_, ()>>(1);
            let (tell, told) = reunite::channel::unbounded();
            let task = s.spawn_named("me", move || {
                let mut me = take.recv().unwrap();
                let error = me.join_timeout(LONG).unwrap_err();
                assert!(error.is_refused() && !error.is_timeout());
                tell.send(error.to_string()).unwrap();
                assert!(me.join().unwrap_err().is_refused());
                tell.send("went on".to_owned()).unwrap();
            });
            give.send(task).unwrap();
            let text = told.recv().unwrap();
            assert!(text.contains("task `me`"), "{text}");
            assert!(text.contains("joins itself"), "{text}");
            assert_eq!(told.recv().unwrap(), "went on");
        });
    });
}

/// Joins the outermost task from the innermost of `depth` nested scopes, each of which is in a task of the
/// one around.
fn join_from_below(at: &Place, depth: usize, target: &Mutex<Option<Handle<'_, ()>>>) -> String {
    if depth == 0 {
        let mut target = target.lock().unwrap();
        let refused = target.as_mut().unwrap().join_timeout(LONG);
        return refused.unwrap_err().to_string();
    }
    at.scope(|s| {
        let below = s.spawn(|| join_from_below(at, depth - 1, target));
        below.join().unwrap()
    })
}

#[test]
fn a_task_cannot_join_one_that_waits_for_it() {
    in_homes(SCOPES, |at| {
        for depth in 1..4 {
            let (tell, told) = reunite::channel::bounded(1);
            at.scope(|s| {
                let target = Arc::new(Mutex::new(None));
                let mut guard = target.lock().unwrap();
                let inside = Arc::clone(&target);
                *guard = Some(s.spawn_named("outermost", move || {
                    tell.send(join_from_below(at, depth, &inside)).unwrap();
                }));
                drop(guard);
                let text = told.recv().unwrap();
                assert!(text.contains("deadlock"), "{text}");
                assert!(text.contains("task `outermost`"), "{text}");
                assert!(text.contains("homes_joins.rs:"), "{text}");
                let task = target.lock().unwrap().take().unwrap();
                task.join().unwrap();
            });
        }
    });
}

#[test]
fn a_sibling_may_join_a_sibling() {
    in_homes(NAMED, |at| {
        let sum = at.scope(|s| {
            let mut last = s.spawn(|| 0_u64);
            for n in 1..=100 {
                last = s.spawn(move || last.join().unwrap() + n);
            }
            last.join().unwrap()
        });
        assert_eq!(sum, 5050);
    });
}

#[test]
fn a_timed_out_join_keeps_the_handle_and_says_what_the_task_does() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let mut job = s.spawn_named("job", || until_cancelled().reason().to_owned());
            let spawned_at = job.spawned_at();
            let error = loop {
                let error = job.join_timeout(Duration::from_millis(2)).unwrap_err();
                assert!(error.is_timeout() && !error.is_refused() && !error.is_cancelled());
                let doing = error.doing().unwrap();
                if doing.starts_with("in sleep") {
                    break error;
                }
                assert!(["running", "not started yet"].contains(&doing), "{doing}");
            };
            assert!(error.age().unwrap() >= Duration::from_millis(2));
            let told = error.to_string();
            let (file, line) = (file!(), spawned_at.line());
            let begins = format!("task `job` ({file}:{line}) still running after ");
            assert!(told.starts_with(&begins), "{told}");
            assert!(told.contains("in sleep for"), "{told}");
            job.cancel();
            assert_eq!(job.join().unwrap(), "cancelled through its handle");
        });
    });
}

#[test]
fn a_timeout_says_what_a_blocked_joiner_waits_for() {
    in_homes(SCOPES, |at| {
        let result = at.scope(|s| {
            let (held, hold) = reunite::channel::bounded::<()>(1);
            let (started, has_started) = reunite::channel::bounded(1);
            let inner = s.spawn_named("inner", move || {
                started.send(()).unwrap();
                hold.recv().is_err()
            });
            has_started.recv().unwrap();
            let mut outer = s.spawn_named("outer", || inner.join().unwrap());
            let is_told = |error: reunite::JoinError| {
                let doing = error.doing().unwrap();
                doing.starts_with("in join of task `inner`")
            };
            until(|| is_told(outer.join_timeout(Duration::from_millis(1)).unwrap_err()));
            drop(held);
            outer.join().unwrap()
        });
        assert!(result);
    });
}

#[test]
fn a_result_that_is_ready_beats_every_limit_and_a_cancellation() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            for n in 0..200 {
                let mut task = s.spawn(move || n);
                until(|| task.is_finished());
                assert_eq!(task.join_timeout(Duration::ZERO).unwrap(), n);
                let mut task = s.spawn(move || n);
                until(|| task.is_finished());
                let before = Instant::now() - Duration::from_millis(1);
                assert_eq!(task.join_deadline(before).unwrap(), n);
            }
            let task = s.spawn(|| 1);
            until(|| task.is_finished());
            s.cancel("everything");
            assert_eq!(task.join().unwrap(), 1);
        });
    });
}

/// Results and timeouts race: the value arrives once, in the first join that does not time out.
#[test]
fn a_value_arrives_exactly_once_whatever_the_timeouts() {
    const ROUNDS: usize = 2000;
    in_homes(SCOPES, |at| {
        let (drops, mut timeouts) = (AtomicUsize::new(0), 0);
        at.scope(|s| {
            for round in 0..ROUNDS {
                let drops = &drops;
                let mut task = s.spawn(move || {
                    (0..round % 97).for_each(|_| std::hint::spin_loop());
                    (round, Counted(drops))
                });
                let mut timeout = Duration::from_nanos((round % 61) as u64 * 300);
                let value = loop {
                    match task.join_timeout(timeout) {
                        Ok(value) => break value,
                        Err(error) => {
                            assert!(error.is_timeout(), "{error}");
                            timeouts += 1;
                            timeout += Duration::from_micros(1);
                        }
                    }
                };
                assert_eq!((value.0, drops.load(Ordering::SeqCst)), (round, round));
                assert!(task.try_join().is_none());
                drop(value);
                assert_eq!(drops.load(Ordering::SeqCst), round + 1);
            }
        });
        assert!(timeouts > 0, "the race was never lost");
        assert_eq!(drops.into_inner(), ROUNDS);
    });
}

#[test]
fn a_handle_may_be_joined_on_any_thread() {
    in_homes(NAMED, |at| {
        let sum = at.scope(|s| {
            let task = s.spawn(|| 11);
            let elsewhere = std::thread::scope(|threads| {
                let joins = threads.spawn(|| task.join().unwrap());
                joins.join().unwrap()
            });
            assert_eq!(elsewhere, 11);

            let (give, take) = reunite::channel::unbounded::<Handle<'_, usize>>();
            let join_all = move || take.iter().map(|task| task.join().unwrap()).sum::<usize>();
            let collector = s.spawn(join_all);
            (0..50).for_each(|n| give.send(s.spawn(move || n)).unwrap());
            drop(give);
            collector.join().unwrap()
        });
        assert_eq!(sum, 49 * 25);
    });
}

#[test]
fn a_handle_dropped_by_its_own_task_stops_no_task() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let (give, take) = reunite::channel::bounded::<Handle<'_, ()>>(1);
            let task = s.spawn(move || {
                drop(take.recv().unwrap());
                reunite::checkpoint().unwrap();
            });
            give.send(task).unwrap();
        });
    });
}

#[test]
fn a_cancelled_joiner_is_interrupted_and_the_task_goes_on() {
    in_homes(SCOPES, |at| {
        let value = at.scope(|s| {
            let (go, gone) = reunite::channel::bounded::<()>(1);
            let (give_back, taken_back) = reunite::channel::bounded(1);
            let (joining, is_joining) = reunite::channel::bounded(1);
            let mut task = s.spawn_named("steady", move || gone.recv().is_err());
            let joiner = s.spawn(move || {
                joining.send(()).unwrap();
                let error = task.join_timeout(LONG).unwrap_err();
                give_back.send(task).unwrap();
                error
            });
            is_joining.recv().unwrap();
            joiner.cancel();
            let error = joiner.join().unwrap();
            assert!(error.is_interrupted() && error.is_cancelled() && !error.is_timeout());
            let told = error.to_string();
            assert!(told.contains("the join of task `steady`"), "{told}");
            assert!(told.contains("interrupted"), "{told}");
            drop(go);
            taken_back.recv().unwrap().join().unwrap()
        });
        assert!(value);
    });
}

#[test]
fn nothing_that_a_task_owned_is_left_after_its_join() {
    in_homes(NAMED, |at| {
        let owned = Arc::new(());
        at.scope(|s| {
            for round in 0..500 {
                let inside = Arc::clone(&owned);
                let task = s.spawn(move || {
                    assert!(round % 3 != 1, "some panic");
                    inside
                });
                if round % 3 == 2 && !at.home.is_map() {
                    task.cancel();
                }
                let _ = task.join();
                assert_eq!(Arc::strong_count(&owned), 1);
            }
        });
    });
}

#[test]
fn labels_tell_name_number_and_line() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let (first, second) = (s.spawn(|| ()), s.spawn_named("named", || ()));
            let [one, two] = [first.label(), second.label()];
            assert!(one.id() < two.id());
            assert_eq!((one.name(), two.name()), (None, Some("named")));
            assert_eq!(two.spawned_at().line(), one.spawned_at().line());
            assert_eq!(two.spawned_at().file(), file!());
            let line = one.spawned_at().line();
            let told = format!("task {} ({}:{line})", one.id(), file!());
            assert_eq!(one.to_string(), told);
            first.join().unwrap();
            second.join().unwrap();
        });
    });
}

/// Each task unwraps the join of the next; the texts of nested errors once doubled with every task.
#[test]
fn the_message_of_a_deep_failure_stays_short_and_tells_what_happened() {
    fn nested(at: &Place, depth: usize) {
        assert!(depth > 0, "on purpose: ü");
        at.scope(|s| s.spawn(|| nested(at, depth - 1)).join().unwrap());
    }
    in_homes(NAMED, |at| {
        let payload = payload_of(|| nested(at, 30));
        let message = payload.downcast::<String>().unwrap();
        assert!(message.len() < 2_000, "{} bytes", message.len());
        assert!(message.contains("on purpose: ü"), "{message}");
    });
}

#[test]
fn a_wait_inside_a_task_ends_when_what_is_around_it_is_cancelled() {
    in_homes(ALL, |at| {
        let waiting = AtomicUsize::new(0);
        let reasons = reunite::scope(|s| {
            let task = s.spawn(|| {
                let outcomes = at.run(&["a", "b"], |_| {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    let why = until_cancelled();
                    // Level-triggered.
                    assert!(reunite::checkpoint().is_err());
                    why.reason().to_owned()
                });
                let outcomes = outcomes.into_iter().filter_map(Result::ok);
                outcomes.collect::<Vec<_>>()
            });
            until(|| waiting.load(Ordering::SeqCst) == 2);
            task.cancel();
            task.join()
        });
        match reasons {
            Ok(reasons) => assert!(
                reasons.iter().all(|it| it.contains("through its handle")),
                "{reasons:?}"
            ),
            // A wait that could not return an error left the body.
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    });
}

#[test]
fn every_later_wait_of_a_cancelled_task_fails_too() {
    in_homes(ALL, |at| {
        let permits = reunite::sync::Semaphore::new(1);
        let _permit = permits.acquire().unwrap();
        let barrier = reunite::sync::Barrier::new(2);
        let locked = Mutex::new(());
        let _guard = locked.lock().unwrap();
        let reasons = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            let first = until_cancelled();
            let (_tx, rx) = reunite::channel::bounded::<()>(1);
            let later = [
                reunite::checkpoint().err(),
                reunite::sleep(LONG).err(),
                reunite::sleep_deadline(Instant::now() + LONG).err(),
                permits.acquire().unwrap_err().as_cancelled().cloned(),
                barrier.wait().unwrap_err().as_cancelled().cloned(),
                locked.lock().unwrap_err().as_cancelled().cloned(),
            ];
            assert!(rx.recv().unwrap_err().is_cancelled());
            assert!(rx.recv_timeout(LONG).unwrap_err().is_cancelled());
            let told = |it: Option<reunite::Cancelled>| it.map(|it| it.reason().to_owned());
            let later = later.into_iter().map(told);
            (first.reason().to_owned(), later.collect::<Vec<_>>())
        });
        let (first, later) = reasons.unwrap();
        assert_eq!(first, "cancelled through its handle");
        for (call, reason) in later.iter().enumerate() {
            assert_eq!(reason.as_ref(), Some(&first), "call {call}");
        }
    });
}

#[test]
fn a_shield_covers_what_is_spawned_inside_and_ends_with_it() {
    in_homes(ALL, |at| {
        let seen = at.cancelled_in(|waits| {
            let saved = reunite::shield(|| {
                waits.store(true, Ordering::SeqCst);
                // Long enough for the task to be cancelled meanwhile.
                reunite::sleep(Duration::from_millis(5)).unwrap();
                reunite::scope(|clean_up| {
                    let mut saved = clean_up.spawn(|| {
                        reunite::sleep(Duration::from_millis(1))?;
                        reunite::checkpoint().map(|()| "saved")
                    });
                    saved.join_timeout(LONG).unwrap().unwrap()
                })
            });
            (saved, until_cancelled().reason().to_owned())
        });
        let expected = ("saved", "cancelled through its handle".to_owned());
        assert_eq!(seen.unwrap(), expected);
    });
}

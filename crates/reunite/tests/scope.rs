//! Scopes on threads: fallible ones, deadlines, and the order of failures. `homes_scopes.rs` tests what holds wherever
//! tasks run.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{LONG, until_cancelled, watchdog, with_time_enough};
use reunite::{JoinError, ScopeBuilder, ScopeError, scope, try_scope};

#[test]
fn results_may_borrow_what_outlives_the_scope() {
    let _watch = watchdog();
    fn longest<'a>(left: &'a [String], right: &'a [String]) -> Option<&'a str> {
        let best = |words: &'a [String]| words.iter().map(String::as_str).max_by_key(|w| w.len());
        scope(|s| {
            let left = s.spawn(|| best(left));
            let right = s.spawn(|| best(right));
            let (left, right) = (left.join().unwrap(), right.join().unwrap());
            left.max_by_len(right)
        })
    }
    trait MaxByLen {
        fn max_by_len(self, other: Self) -> Self;
    }
    impl MaxByLen for Option<&str> {
        fn max_by_len(self, other: Self) -> Self {
            if self.map_or(0, str::len) >= other.map_or(0, str::len) {
                self
            } else {
                other
            }
        }
    }
    let left = ["to".to_owned(), "question".to_owned()];
    let right = ["or".to_owned(), "not".to_owned()];
    assert_eq!(longest(&left, &right), Some("question"));
}

#[derive(Debug, PartialEq)]
struct Custom {
    code: i32,
    text: String,
}

/// Fails tasks 0..n in the order given; each fails only after the one before it has failed.
fn fail_in_order(order: &[usize]) -> ScopeError<usize> {
    try_scope::<(), usize, _>(|s| {
        let (started, have_started) = mpsc::channel();
        let tasks: Vec<_> = (0..order.len())
            .map(|i| {
                let started = started.clone();
                let (go, gone) = mpsc::channel::<()>();
                let (over, is_over) = mpsc::channel::<()>();
                let task = s.spawn(move || {
                    started.send(()).unwrap();
                    gone.recv().unwrap();
                    Err::<(), _>(i)
                });
                task.on_complete(move || over.send(()).unwrap());
                (go, is_over)
            })
            .collect();
        order.iter().for_each(|_| have_started.recv().unwrap());
        for &i in order {
            tasks[i].0.send(()).unwrap();
            tasks[i].1.recv().unwrap();
        }
        Ok(())
    })
    .unwrap_err()
}

#[test]
fn all_failures_arrive_the_root_cause_first_the_others_in_spawn_order() {
    let _watch = watchdog();
    for order in [[3, 4, 1, 0, 2], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]] {
        let error = fail_in_order(&order);
        let failed: Vec<usize> = error
            .failures()
            .iter()
            .map(|e| *e.error().unwrap())
            .collect();
        let mut expected: Vec<usize> = (0..5).filter(|i| *i != order[0]).collect();
        expected.insert(0, order[0]);
        assert_eq!(failed, expected);
        assert!(
            error.failures().iter().all(|e| !e.is_after_cancel()),
            "nobody was told"
        );
        assert!(
            error.to_string().ends_with("(and 4 more failed)"),
            "{error}"
        );
        assert_eq!(error.into_error().unwrap(), order[0]);
    }
}

#[test]
fn a_hundred_simultaneous_failures_all_arrive() {
    let _watch = watchdog();
    for _ in 0..50 {
        let start = Barrier::new(100);
        let error = try_scope::<(), usize, _>(|s| {
            for i in 0..100 {
                let start = &start;
                s.spawn(move || {
                    start.wait();
                    if i % 10 == 3 {
                        std::panic::resume_unwind(Box::new(i))
                    } else {
                        Err::<(), _>(i)
                    }
                });
            }
            Ok(())
        })
        .unwrap_err();
        let mut seen: Vec<usize> = error
            .into_failures()
            .into_iter()
            .map(|failure| match failure.into_error() {
                Ok(i) => i,
                Err(panic) => *panic.into_panic().unwrap().downcast::<usize>().unwrap(),
            })
            .collect();
        assert!(seen[1..].is_sorted());
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..100));
    }
}

#[test]
fn the_first_failure_cancels_blocked_siblings_and_wakes_a_blocked_body() {
    let _watch = watchdog();
    let error = try_scope::<(), String, _>(|s| {
        let (blocked, are_blocked) = mpsc::channel();
        for _ in 0..3 {
            let blocked = blocked.clone();
            s.spawn(move || {
                blocked.send(()).unwrap();
                until_cancelled().unwrap_completed()
            });
        }
        let sleeper = s.spawn(move || {
            blocked.send(()).unwrap();
            until_cancelled().unwrap_completed()
        });
        s.spawn(move || {
            (0..4).for_each(|_| are_blocked.recv().unwrap());
            Err::<(), _>("root".to_owned())
        });
        // Blocked here until the failure wakes it.
        sleeper.join()?;
        unreachable!("the body goes on past a join that was interrupted")
    })
    .unwrap_err();
    assert!(
        error.failures()[1..].iter().all(JoinError::is_cancelled),
        "{error:?}"
    );
    assert_eq!(error.cancelled_tasks(), 4);
    assert_eq!(error.cancelled().unwrap().reason(), "it failed");
    assert_eq!(error.into_error().unwrap(), "root");
}

trait UnwrapCompleted {
    /// Completes the task cancelled.
    fn unwrap_completed(self) -> Result<(), String>;
}

impl UnwrapCompleted for reunite::Cancelled {
    fn unwrap_completed(self) -> Result<(), String> {
        self.unwind()
    }
}

#[test]
fn consequences_are_listed_after_the_root_cause_and_marked() {
    let _watch = watchdog();
    for _ in 0..200 {
        let error = try_scope::<(), &str, _>(|s| {
            let (blocked, is_blocked) = mpsc::channel();
            s.spawn(move || {
                blocked.send(()).unwrap();
                reunite::sleep(LONG).map_err(|_| "consequence")
            });
            s.spawn(move || {
                is_blocked.recv().unwrap();
                Err::<(), _>("root")
            });
            Ok(())
        })
        .unwrap_err();
        let told: Vec<_> = error
            .failures()
            .iter()
            .map(|e| (*e.error().unwrap(), e.is_after_cancel()))
            .collect();
        assert_eq!(told, [("root", false), ("consequence", true)]);
    }
}

#[test]
fn a_failure_after_a_requested_cancellation_still_arrives() {
    let _watch = watchdog();
    let error = try_scope::<(), &str, _>(|s| {
        s.spawn(|| reunite::sleep(LONG).map_err(|_| "could not flush"));
        s.spawn(|| until_cancelled().unwrap_completed().map_err(|_| ""));
        s.cancel("enough");
        Ok(())
    });
    // Either task may have been cancelled before it started; a failure that did happen is returned.
    if let Err(error) = error {
        assert_eq!(error.cancelled().unwrap().reason(), "enough");
        assert_eq!(*error.root().unwrap().error().unwrap(), "could not flush");
        assert!(error.root().unwrap().is_after_cancel());
    }
}

#[test]
fn the_failures_of_body_and_child_both_arrive() {
    let _watch = watchdog();
    // The child fails first.
    let error = try_scope::<(), &str, _>(|s| {
        let (over, is_over) = mpsc::channel();
        let child = s.spawn(|| Err::<(), _>("child"));
        child.on_complete(move || over.send(()).unwrap());
        is_over.recv().unwrap();
        Err("body".into())
    })
    .unwrap_err();
    let told: Vec<_> = error
        .failures()
        .iter()
        .map(|e| *e.error().unwrap())
        .collect();
    assert_eq!(told, ["child", "body"]);
    assert!(error.failures()[1].task().is_none());

    // The body fails first: the child fails because it is cancelled.
    let error = try_scope::<(), &str, _>(|s| {
        let (blocked, is_blocked) = mpsc::channel();
        s.spawn(move || {
            blocked.send(()).unwrap();
            reunite::sleep(LONG).map_err(|why| {
                assert_eq!(why.reason(), "its body failed");
                "child"
            })
        });
        is_blocked.recv().unwrap();
        Err("body".into())
    })
    .unwrap_err();
    let told: Vec<_> = error
        .failures()
        .iter()
        .map(|e| *e.error().unwrap())
        .collect();
    assert_eq!(told, ["body", "child"]);
}

#[test]
fn a_childs_panic_takes_precedence_over_the_body_error_it_caused() {
    let _watch = watchdog();
    let error = try_scope::<(), String, _>(|s| {
        let (over, is_over) = mpsc::channel();
        let child = s.spawn(|| -> Result<(), String> {
            std::panic::panic_any(Custom {
                code: 1,
                text: String::new(),
            })
        });
        child.on_complete(move || over.send(()).unwrap());
        is_over.recv().unwrap();
        assert_eq!(until_cancelled().reason(), "it failed");
        Err("body gave up".to_owned().into())
    })
    .unwrap_err();
    assert!(error.root().unwrap().is_panic());
    assert_eq!(error.failures().len(), 2);
    let root = error.into_failures().remove(0).into_panic().unwrap();
    assert!(root.is::<Custom>());
}

#[test]
fn a_failure_that_the_body_took_does_not_fail_the_scope() {
    let _watch = watchdog();
    let value = try_scope::<_, &str, _>(|s| {
        let error = s.spawn(|| Err::<(), _>("expected")).join().unwrap_err();
        assert_eq!(error.task().unwrap().spawned_at().file(), file!());
        Ok(error.into_error().unwrap())
    });
    assert_eq!(value.unwrap(), "expected");
}

#[test]
fn an_error_that_the_body_passes_on_is_listed_once() {
    let _watch = watchdog();
    let error = try_scope::<(), &str, _>(|s| s.spawn(|| Err("passed on")).join()).unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert!(error.root().unwrap().task().is_some());
}

#[test]
fn an_expired_deadline_cancels_what_blocks() {
    let _watch = watchdog();
    for expired in [
        ScopeBuilder::new().timeout(Duration::ZERO),
        ScopeBuilder::new().deadline(Instant::now()),
        ScopeBuilder::new()
            .timeout(Duration::MAX)
            .deadline(Instant::now())
            .timeout(LONG),
    ] {
        let seen = Mutex::new(None);
        let error = expired
            .name("late")
            .scope(|s| {
                s.spawn(|| *seen.lock().unwrap() = Some(until_cancelled()));
                until_cancelled()
            })
            .unwrap_err();
        assert!(error.is_timeout());
        assert!(error.root().is_none(), "nobody failed");
        assert_eq!(error.scope().name(), Some("late"));
        assert_eq!(error.cancelled().unwrap().source().name(), Some("late"));
        assert!(error.to_string().contains("its deadline passed"), "{error}");
        if let Some(cancelled) = seen.into_inner().unwrap() {
            assert!(cancelled.is_deadline());
        }
    }
}

#[test]
fn a_deadline_that_passes_while_all_wait_ends_the_scope() {
    let _watch = watchdog();
    with_time_enough(|time| {
        let begun = AtomicUsize::new(0);
        let ended = ScopeBuilder::new()
            .timeout(time)
            .try_scope::<(), String, _>(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        begun.fetch_add(1, Ordering::SeqCst);
                        reunite::sleep(LONG).map_err(|why| why.to_string())
                    });
                }
                Ok(())
            });
        let error = ended.unwrap_err();
        assert!(error.is_timeout());
        (begun.into_inner() == 4).then(|| {
            assert_eq!(
                error.failures().len(),
                4,
                "not all their errors are returned"
            );
            assert!(error.failures().iter().all(JoinError::is_after_cancel));
        })
    });
}

#[test]
fn a_distant_deadline_changes_nothing() {
    let _watch = watchdog();
    for distant in [
        ScopeBuilder::new().timeout(Duration::MAX),
        ScopeBuilder::new().timeout(LONG),
        ScopeBuilder::new().timeout(Duration::from_secs(u64::MAX)),
        ScopeBuilder::new().deadline(Instant::now() + LONG * 24 * 365 * 50),
    ] {
        let value = distant.scope(|s| {
            let mut task = s.spawn(|| {
                reunite::sleep(Duration::from_millis(1)).unwrap();
                reunite::checkpoint().map(|()| 4)
            });
            let early = task.join_timeout(Duration::MAX).unwrap();
            early.unwrap() + s.spawn(|| 1).join().unwrap()
        });
        assert_eq!(value.unwrap(), 5);
    }
}

#[test]
fn the_deadline_above_holds_inside_a_scope_with_a_later_one() {
    let _watch = watchdog();
    let error = ScopeBuilder::new()
        .name("outer")
        .timeout(Duration::from_millis(10))
        .scope(|_| {
            let inner = ScopeBuilder::new().name("inner").timeout(LONG).scope(|s| {
                s.spawn(until_cancelled)
                    .join()
                    .map(|cancelled| cancelled.source().to_string())
            });
            let inner = inner.unwrap_err();
            assert_eq!(inner.cancelled().unwrap().source().name(), Some("outer"));
            assert!(inner.is_timeout());
        })
        .unwrap_err();
    assert!(error.is_timeout());
}

#[test]
fn an_inner_deadline_leaves_the_outer_scope_alone() {
    let _watch = watchdog();
    let value = ScopeBuilder::new().timeout(LONG).scope(|s| {
        let inner = ScopeBuilder::new()
            .timeout(Duration::from_millis(5))
            .scope(|_| until_cancelled());
        assert!(inner.unwrap_err().is_timeout());
        assert!(!s.is_cancelled());
        reunite::checkpoint().unwrap();
        s.spawn(|| 9).join().unwrap()
    });
    assert_eq!(value.unwrap(), 9);
}

#[test]
fn a_scope_waits_past_its_deadline_for_what_borrows() {
    let _watch = watchdog();
    with_time_enough(|time| {
        let (begun, back) = (AtomicBool::new(false), AtomicBool::new(false));
        let ended = ScopeBuilder::new().timeout(time).scope(|s| {
            let canceller = s.canceller();
            let (begun, back) = (&begun, &back);
            s.spawn(move || {
                begun.store(true, Ordering::SeqCst);
                // Does not heed its cancellation, of which it learns in another way.
                let started = Instant::now();
                while !canceller.is_cancelled() && started.elapsed() < LONG {
                    std::thread::yield_now();
                }
                back.store(true, Ordering::SeqCst);
            });
        });
        assert!(ended.unwrap_err().is_timeout());
        begun.into_inner().then(|| assert!(back.into_inner()))
    });
}

#[test]
fn a_value_takes_precedence_over_a_deadline_that_leaves_nothing_undone() {
    let _watch = watchdog();
    let value = ScopeBuilder::new()
        .timeout(Duration::ZERO)
        .scope(|_| "computed, and nobody waited");
    assert_eq!(value.unwrap(), "computed, and nobody waited");
}

#[test]
fn a_scope_nested_in_a_task_keeps_its_failures_to_itself() {
    let _watch = watchdog();
    let value = try_scope::<_, &str, _>(|outer| {
        let task = outer.spawn(|| {
            let inner = try_scope::<(), u8, _>(|s| {
                s.spawn(|| Err::<(), _>(1));
                Ok(())
            });
            Ok(inner.unwrap_err().into_error().unwrap())
        });
        let value = task.join()?;
        reunite::checkpoint().unwrap();
        Ok(value)
    });
    assert_eq!(value.unwrap(), 1);
}

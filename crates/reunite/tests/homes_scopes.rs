//! Scopes wherever their tasks run: what may be borrowed, what is returned, and which failures are reported.

mod common;

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::homes::{ALL, NAMED, Place, SCOPES, in_homes};
use common::{Counted, payload_of, until, until_cancelled};
use reunite::sync::{Barrier, RwLock};
use reunite::{Cancelled, UnjoinedError};

#[test]
fn children_borrow_the_stack_and_change_disjoint_parts() {
    in_homes(SCOPES, |at| {
        let mut numbers: Vec<u64> = (0..1000).collect();
        let factor = &3;
        at.scope(|s| {
            for part in numbers.chunks_mut(100) {
                s.spawn(move || part.iter_mut().for_each(|n| *n *= factor));
            }
        });
        assert!(numbers.iter().zip(0..).all(|(n, i)| *n == i * 3));
    });
}

#[test]
fn tasks_mix_lifetimes_of_nested_scopes() {
    in_homes(NAMED, |at| {
        let outer_data = &[1u64, 2, 3];
        let total = at.scope(|outer| {
            let sum = outer.spawn(move || {
                let inner_data = outer_data.map(|n| n * 10);
                at.scope(|inner| {
                    let a = inner.spawn(|| inner_data.iter().sum::<u64>());
                    let b = inner.spawn(|| outer_data.iter().sum::<u64>());
                    // A sibling in the outer scope, which may not borrow `inner_data` but may be joined here.
                    let c = outer.spawn(|| outer_data.len() as u64);
                    a.join().unwrap() + b.join().unwrap() + c.join().unwrap()
                })
            });
            sum.join().unwrap()
        });
        assert_eq!(total, 60 + 6 + 3);
    });
}

#[test]
fn a_scope_waits_for_tasks_that_tasks_spawned() {
    in_homes(SCOPES, |at| {
        let done = &AtomicUsize::new(0);
        at.scope(|s| {
            for _ in 0..20 {
                s.spawn(move || {
                    for _ in 0..5 {
                        s.spawn(move || {
                            s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                            done.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 200);
    });
}

#[test]
fn scopes_in_scopes_in_tasks_all_come_back() {
    fn tree(at: &Place, depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        at.scope(|s| {
            let left = s.spawn(|| tree(at, depth - 1));
            let right = s.spawn(|| tree(at, depth - 1));
            left.join().unwrap() + right.join().unwrap()
        })
    }
    in_homes(NAMED, |at| assert_eq!(tree(at, 6), 64));
}

#[test]
fn a_panic_leaves_the_siblings_unharmed_and_is_reported_once() {
    in_homes(NAMED, |at| {
        let (tell, told) = reunite::channel::bounded(1);
        let (sum, message) = at.scope(|s| {
            // Goes on only when the panic is over.
            let healthy = s.spawn(move || told.recv().map(|()| 42));
            let broken = s.spawn(|| -> u32 { panic!("broken {}", 7) });
            let error = broken.join().unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            tell.send(()).unwrap();
            let message = error.panic_message().unwrap().to_owned();
            (healthy.join().unwrap().unwrap(), message)
        });
        assert_eq!((sum, &*message), (42, "broken 7"));
    });
}

#[derive(Debug, PartialEq)]
struct Custom(&'static str);

#[test]
fn a_payload_rises_through_nested_scopes_as_it_was() {
    fn nest(at: &Place, depth: usize) {
        if depth == 0 {
            panic_any(Custom("deep"));
        }
        at.scope(|s| drop(s.spawn(|| nest(at, depth - 1))));
    }
    in_homes(SCOPES, |at| {
        let payload = payload_of(|| nest(at, 3));
        assert_eq!(*payload.downcast::<Custom>().unwrap(), Custom("deep"));
    });
}

#[test]
fn a_panic_of_the_body_arrives_after_its_tasks_have_completed() {
    in_homes(SCOPES, |at| {
        let back = AtomicBool::new(false);
        let payload = payload_of(|| {
            at.scope(|s| {
                let (ready, is_ready) = reunite::channel::bounded(1);
                let back = &back;
                s.spawn(move || {
                    ready.send(()).unwrap();
                    let cancelled = until_cancelled();
                    assert_eq!(cancelled.reason(), "its body failed");
                    back.store(true, Ordering::SeqCst);
                });
                is_ready.recv().unwrap();
                panic_any(5_u8)
            })
        });
        assert_eq!(*payload.downcast::<u8>().unwrap(), 5);
        assert!(back.into_inner());
    });
}

#[test]
fn a_plain_scope_panics_with_the_first_of_several_payloads() {
    in_homes(SCOPES, |at| {
        let payload = payload_of(|| {
            at.scope(|s| {
                let is_over = &*Box::leak(Box::new(AtomicBool::new(false)));
                let first = s.spawn(|| -> () { panic_any("first") });
                until(|| first.is_finished());
                first.on_complete(|| is_over.store(true, Ordering::SeqCst));
                s.spawn(|| {
                    until(|| is_over.load(Ordering::SeqCst));
                    panic_any("second")
                });
            });
        });
        assert_eq!(*payload.downcast::<&str>().unwrap(), "first");
    });
}

#[test]
fn unjoined_results_are_dropped_before_the_scope_returns() {
    in_homes(SCOPES, |at| {
        for _ in 0..200 {
            let drops = &AtomicUsize::new(0);
            at.scope(|s| {
                for kept in [true, false, true] {
                    let handle = s.spawn(move || Counted(drops));
                    if kept {
                        drop(handle);
                    } else {
                        s.spawn(move || drop(handle));
                    }
                }
            });
            assert_eq!(drops.load(Ordering::SeqCst), 3);
        }
    });
}

#[test]
fn what_a_task_captured_is_dropped_before_the_scope_returns() {
    in_homes(SCOPES, |at| {
        for _ in 0..200 {
            let drops = &AtomicUsize::new(0);
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                at.scope(|s| {
                    for i in 0..6 {
                        let captured = Counted(drops);
                        let task = s.spawn(move || {
                            let _captured = captured;
                            assert!(i != 2, "one of them panics");
                        });
                        if i == 3 {
                            task.cancel();
                        }
                    }
                    s.cancel("half-way");
                    let late = Counted(drops);
                    s.spawn(move || drop(late));
                });
            }));
            // The task that panics may have begun or not.
            drop(ended);
            assert_eq!(drops.load(Ordering::SeqCst), 7);
        }
    });
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in the drop of a result");
    }
}

#[test]
fn a_result_that_panics_when_dropped_is_a_failure_of_the_scope() {
    in_homes(SCOPES, |at| {
        let done = AtomicBool::new(false);
        let payload = payload_of(|| {
            at.scope(|s| {
                let (go, gone) = reunite::channel::bounded::<()>(1);
                // The handle is gone before the result is stored.
                drop(s.spawn(move || {
                    gone.recv().unwrap();
                    PanicsInDrop
                }));
                go.send(()).unwrap();
                s.spawn(|| done.store(true, Ordering::SeqCst));
            });
        });
        let message = payload.downcast::<&str>().unwrap();
        assert_eq!(*message, "in the drop of a result");
        assert!(done.into_inner(), "the sibling ran");
    });
}

#[test]
fn a_captured_value_that_panics_when_dropped_unrun_is_a_failure_of_the_scope() {
    in_homes(SCOPES, |at| {
        let payload = payload_of(|| {
            at.scope(|s| {
                s.cancel("nothing starts any more");
                let bomb = PanicsInDrop;
                drop(s.spawn(move || std::mem::forget(bomb)));
            });
        });
        assert!(payload.is::<&str>());
    });
}

#[test]
fn nothing_starts_in_a_cancelled_scope() {
    in_homes(NAMED, |at| {
        let ran = AtomicBool::new(false);
        at.scope(|s| {
            s.cancel("stop");
            let task = s.spawn(|| ran.store(true, Ordering::SeqCst));
            let error = task.join().unwrap_err();
            assert!(error.is_cancelled(), "{error}");
            assert_eq!(error.is_interrupted(), at.home.is_map(), "{error}");
            assert_eq!(error.as_cancelled().unwrap().reason(), "stop");
        });
        assert!(!ran.into_inner());
    });
}

/// As soon as anything has told the task.
#[test]
fn a_checkpoint_after_a_wait_that_was_cancelled_fails_too() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            for _ in 0..500 {
                let waits = Arc::new(AtomicBool::new(false));
                let is_waiting = Arc::clone(&waits);
                let task = s.spawn(move || {
                    waits.store(true, Ordering::SeqCst);
                    // Nothing else wakes it.
                    until_cancelled();
                    reunite::checkpoint().is_err()
                });
                until(|| is_waiting.load(Ordering::SeqCst));
                task.cancel();
                assert!(task.join().unwrap());
            }
        });
    });
}

#[test]
fn cancelling_one_handle_leaves_the_siblings_alone() {
    in_homes(SCOPES, |at| {
        let (started, release) = (&Barrier::new(6), &AtomicBool::new(false));
        at.scope(|s| {
            let names = ["0", "1", "2", "3", "4"];
            let tasks = names.map(|name| {
                s.spawn_named(name, move || -> Result<(), Cancelled> {
                    at.scope(|below| {
                        let below = below.spawn(move || -> Result<(), Cancelled> {
                            started.wait().unwrap();
                            // Whichever comes first: its cancellation or its release.
                            while !release.load(Ordering::SeqCst) {
                                reunite::checkpoint()?;
                                std::thread::yield_now();
                            }
                            Ok(())
                        });
                        reunite::shield(|| below.join().unwrap())
                    })
                })
            });
            started.wait().unwrap();
            tasks[2].cancel();
            until(|| tasks[2].is_finished());
            // The others had every opportunity to notice it.
            let finished = tasks.each_ref().map(|task| task.is_finished());
            assert_eq!(finished, [false, false, true, false, false]);
            reunite::checkpoint().unwrap();
            release.store(true, Ordering::SeqCst);
            for (n, task) in tasks.into_iter().enumerate() {
                match task.join().unwrap() {
                    Ok(()) => assert_ne!(n, 2),
                    Err(cancelled) => {
                        assert_eq!((n, cancelled.source().name()), (2, Some("2")));
                        assert_eq!(cancelled.reason(), "cancelled through its handle");
                    }
                }
            }
        });
    });
}

#[test]
fn reason_and_source_reach_grandchildren() {
    in_homes(SCOPES, |at| {
        let there = &Barrier::new(4);
        let told = &Mutex::new(Vec::new());
        let tell = move |who: &'static str| {
            there.wait().unwrap();
            told.lock().unwrap().push((who, until_cancelled()));
        };
        let source = at.scope(|top| {
            top.spawn(move || {
                at.scope(|middle| {
                    middle.spawn(move || {
                        at.scope(|s| drop(s.spawn(move || tell("great-grandchild"))));
                    });
                    tell("body");
                });
            });
            top.spawn(move || tell("sibling"));
            there.wait().unwrap();
            top.cancel("rain");
            until_cancelled().source().id()
        });
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(told.len(), 3, "{told:?}");
        for (who, cancelled) in told {
            assert_eq!(cancelled.reason(), "rain", "{who}");
            assert_eq!(cancelled.source().id(), source, "{who}");
            assert!(!cancelled.is_deadline(), "{who}");
        }
    });
}

#[test]
fn a_wait_for_a_poisoned_lock_reports_it() {
    in_homes(NAMED, |at| {
        let lock = RwLock::new(1);
        let panicked = at.scope(|s| {
            let panics = || -> () {
                let _guard = lock.write().unwrap();
                panic!("half done");
            };
            s.spawn(panics).join()
        });
        assert!(panicked.is_err());
        assert!(lock.read().unwrap_err().is_poisoned());
        assert!(lock.write().unwrap_err().is_poisoned());
        assert!(lock.try_read().unwrap_err().is_poisoned());
        lock.clear_poison();
        assert_eq!(*lock.read().unwrap(), 1);
    });
}

static TOLD: Mutex<Vec<UnjoinedError>> = Mutex::new(Vec::new());

/// Returns the reports about tasks of this name.
fn told(name: &str) -> Vec<UnjoinedError> {
    let mut told = TOLD.lock().unwrap();
    told.extract_if(.., |it| it.task.name() == Some(name))
        .collect()
}

#[test]
fn the_err_of_an_unjoined_task_is_reported() {
    fn fails() -> Result<u32, std::num::ParseIntError> {
        "x".parse()
    }
    reunite::on_unjoined_error(|unjoined| TOLD.lock().unwrap().push(unjoined.clone()));
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            s.spawn_named("statement", fails);
            // Its handle is dropped before it completes, or after.
            for _ in 0..100 {
                let (go, gone) = reunite::channel::bounded::<()>(1);
                drop(s.spawn_named("first", move || gone.recv().map_err(|_| "first")));
                drop(go);
                let late = s.spawn_named("late", fails);
                until(|| late.is_finished());
                drop(late);
            }
            // An error that was taken, a value that is no error, and an error after a cancellation.
            assert!(s.spawn_named("quiet", fails).join().unwrap().is_err());
            let mut tried = s.spawn_named("quiet", fails);
            until(|| tried.is_finished());
            assert!(tried.try_join().unwrap().unwrap().is_err());
            s.spawn_named("quiet", || Ok::<_, String>(1));
            s.spawn_named("quiet", || Some(Err::<u8, _>("inside")));
            s.spawn_named("quiet", || fails().ok());
            let waits = &*Box::leak(Box::new(AtomicBool::new(false)));
            let cancelled = s.spawn_named("quiet", || {
                waits.store(true, Ordering::SeqCst);
                Err::<(), _>(until_cancelled())
            });
            until(|| waits.load(Ordering::SeqCst));
            cancelled.cancel();
            // One whose join was interrupted.
            let (go, gone) = reunite::channel::bounded::<()>(1);
            let (begin, begun) = reunite::channel::bounded(1);
            let task = s.spawn_named("interrupted", move || {
                begin.send(()).unwrap();
                gone.recv()
            });
            // Otherwise the joiner might run it in its own place.
            begun.recv().unwrap();
            let joiner = s.spawn(move || task.join().unwrap_err().is_interrupted());
            joiner.cancel();
            // It may not have begun.
            assert!(joiner.join().unwrap_or(true));
            drop(go);
        });
        let counts = ["statement", "first", "late", "interrupted"].map(|name| told(name).len());
        assert_eq!(counts, [1, 100, 100, 1]);
        assert!(told("quiet").is_empty());
        at.scope(|s| drop(s.spawn_named("facts", fails)));
        let [facts] = told("facts").try_into().unwrap();
        assert!(facts.returned.contains("ParseIntError"));
        let text = facts.to_string();
        assert!(text.contains("`facts`"), "{text}");
        assert!(text.contains("homes_scopes.rs"), "{text}");
    });
}

#[test]
fn a_task_that_is_left_tells_its_joiner_why() {
    in_homes(ALL, |at| {
        let error = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled().unwind();
        });
        let error = error.unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic(), "{error}");
        let why = error.as_cancelled().unwrap();
        assert_eq!(why.reason(), "cancelled through its handle");
    });
}

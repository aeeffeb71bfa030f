//! Cycles with the join of a task, or with the end of its scope, wherever the tasks run.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::homes::{Handle, Home, NAMED, Nest, Place, SCOPES, in_homes, in_homes_with};
use common::{LONG, shown, until};
use reunite::channel::{Sender, bounded};
use reunite::sync::{Barrier, Condvar, Mutex, MutexGuard, RwLock};

/// Returns the words by which a deadlock's text describes a join of that task.
fn joins(at: &Place, name: &str) -> String {
    if at.home.is_map() {
        "waits for the next outcome of".to_owned()
    } else {
        format!("joins task `{name}`")
    }
}

/// Checks that the text names the holder of the lock, and that the task that wants it runs in the holder's
/// place, or is waited for by it.
fn check_holder(told: &str, wants: &str) {
    let test = std::thread::current();
    let opener = format!("by thread `{}`", test.name().unwrap());
    let by_itself = format!("by {wants}");
    let waits_or_runs_it = told.contains("waits for") || told.contains("in whose wait");
    let is_told = waits_or_runs_it || told.contains("joins");
    assert!(is_told && !told.contains(&by_itself), "{told}");
    assert!(
        told.contains(&opener) || !told.contains("held since"),
        "{told}"
    );
    let advice = "release the lock before waiting for a task that wants it";
    assert!(told.contains(advice), "{told}");
}

#[test]
fn joining_a_child_that_needs_a_held_lock_is_a_deadlock() {
    in_homes(NAMED, |at| {
        let lock = Mutex::new(());
        let guard = lock.lock().unwrap();
        at.scope(|s| {
            let child = s.spawn_named("child", || lock.lock().map(drop));
            let name = at.home.names(0, "child");
            let told = match child.join() {
                // The join was the newer wait.
                Err(error) => {
                    let told = error.to_string();
                    let joins = joins(at, "child");
                    assert!(error.is_deadlock() && told.contains(&joins), "{told}");
                    drop(guard);
                    told
                }
                // The wait for the lock was.
                Ok(refused) => {
                    let error = refused.unwrap_err();
                    assert!(error.is_deadlock(), "{error}");
                    error.to_string()
                }
            };
            assert!(told.contains(&name), "{told}");
            check_holder(&told, &name);
        });
    });
}

#[test]
fn the_end_of_a_scope_is_never_the_victim() {
    in_homes(SCOPES, |at| {
        let lock = Mutex::new(());
        let guard = lock.lock().unwrap();
        let outcome = Mutex::new(None);
        at.scope(|s| {
            s.spawn_named("child", || {
                *outcome.lock().unwrap() = Some(lock.lock().map(drop))
            });
        });
        drop(guard);
        let outcome = outcome.into_inner().expect("the child went on");
        let told = outcome.unwrap_err().deadlock().unwrap().to_string();
        check_holder(&told, "task `child`");
    });
}

/// A thread runs a task inside the wait of another: the locks of the outer one are not the inner one's.
#[test]
fn the_locks_of_a_joiner_are_not_those_of_the_task_that_runs_in_its_place() {
    in_homes_with(1, SCOPES, |at| {
        let (outer_lock, inner_lock, wanted) = (Mutex::new(()), Mutex::new(()), Mutex::new(()));
        let (outer_lock, inner_lock, wanted) = (&outer_lock, &inner_lock, &wanted);
        let guard = wanted.lock().unwrap();
        at.limited_scope(|s| {
            let outer = s.spawn_named("outer", move || {
                let _held = outer_lock.lock().unwrap();
                let inner = s.spawn_named("inner", || {
                    let _held = inner_lock.lock().unwrap();
                    wanted.lock().map(drop)
                });
                inner.join().unwrap().unwrap();
            });
            let mut holds = Vec::new();
            let is_seen = || {
                let shown = shown().into_iter().map(|(_, task)| task);
                let inner = shown.filter(|task| task.task.name() == Some("inner"));
                let waits = inner.filter_map(|task| task.waits);
                holds = waits.flat_map(|waits| waits.holds).collect();
                !holds.is_empty()
            };
            // In a pool the body has the only place.
            reunite::blocking(|| until(is_seen));
            assert_eq!(holds.len(), 1, "{holds:?}");
            drop(guard);
            outer.join().unwrap();
        });
    });
}

#[test]
fn tasks_that_need_a_lock_held_at_the_end_of_their_scope_are_refused() {
    const COUNT: usize = 200;
    in_homes(SCOPES, |at| {
        let lock = Mutex::new(());
        let refused = AtomicUsize::new(0);
        let guard = lock.lock().unwrap();
        at.scope(|s| {
            for _ in 0..COUNT {
                s.spawn(|| refused.fetch_add(usize::from(lock.lock().is_err()), Ordering::Relaxed));
            }
        });
        drop(guard);
        assert_eq!(refused.into_inner(), COUNT);
    });
}

/// Spawns a task that joins the one it is given.
fn joins_another<'scope>(
    (s, at): (Nest<'scope, '_>, &'scope Place),
    (name, other): (&'static str, &'static str),
    end: Sender<()>,
) -> (Sender<Handle<'scope, bool>>, Handle<'scope, bool>) {
    let (give, given) = bounded::<Handle<'_, bool>>(1);
    let task = s.spawn_named(name, move || {
        let _end = end;
        match given.recv().unwrap().join() {
            Ok(refused) => refused,
            Err(error) => {
                assert!(error.is_deadlock(), "{error}");
                let joins = joins(at, other);
                assert!(error.to_string().contains(&joins), "{joins} in {error}");
                true
            }
        }
    });
    (give, task)
}

/// As items of maps on threads, the one that is refused drops the outcomes of the other, which does the same.
#[test]
fn tasks_that_join_each_other_are_a_deadlock() {
    in_homes(NAMED, |at| {
        at.scope(|s| {
            let (end, ended) = bounded::<()>(1);
            let (to_a, a) = joins_another((s, at), ("a", "b"), end.clone());
            let (to_b, b) = joins_another((s, at), ("b", "a"), end);
            to_a.send(b).unwrap();
            to_b.send(a).unwrap();
            // Both have completed.
            assert!(ended.recv().is_err());
        });
    });
}

#[test]
fn a_wait_that_ends_by_itself_is_no_deadlock() {
    in_homes(NAMED, |at| {
        let lock = Mutex::new(());
        let _guard = lock.lock().unwrap();
        at.scope(|s| {
            let child = s.spawn(|| lock.lock_timeout(Duration::from_millis(50)).map(drop));
            // The child timed out, and the join had its result.
            assert!(child.join().unwrap().unwrap_err().is_timeout());
        });
    });
}

#[test]
fn deep_nests_of_joins_are_no_cycle() {
    fn nest(at: &Place, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        at.scope(|s| s.spawn(|| nest(at, depth - 1) + 1).join().unwrap())
    }
    in_homes(NAMED, |at| assert_eq!(nest(at, 100), 100));
}

#[test]
fn an_innermost_task_that_needs_a_lock_of_the_outermost_is_a_deadlock() {
    fn nest(at: &Place, depth: usize, lock: &Mutex<()>) -> usize {
        if depth == 0 {
            return usize::from(lock.lock().is_err());
        }
        // The end of each scope waits, not its body, so only the wait for the lock can be refused.
        let refused = AtomicUsize::new(0);
        at.scope(|s| {
            s.spawn(|| refused.store(nest(at, depth - 1, lock), Ordering::Relaxed));
        });
        refused.into_inner()
    }
    in_homes(SCOPES, |at| {
        let lock = Mutex::new(());
        let _guard = lock.lock().unwrap();
        assert_eq!(nest(at, 100, &lock), 1);
    });
}

/// A cycle that a cancellation breaks is a cycle no more, and the next wait closes none.
#[test]
fn a_cancellation_in_the_middle_of_a_chain_breaks_the_cycle() {
    in_homes(SCOPES, |at| {
        let (a, b, c) = (Mutex::new(()), Mutex::new(()), Mutex::new(()));
        let held = Barrier::new(3);
        at.scope(|s| {
            let c_guard = c.lock().unwrap();
            let one = |mine, next| {
                let (mine, next): (&Mutex<()>, &Mutex<()>) = (mine, next);
                let held = &held;
                s.spawn(move || {
                    let _mine = mine.lock().unwrap();
                    held.wait().unwrap();
                    next.lock().map(drop)
                })
            };
            let (first, second) = (one(&a, &b), one(&b, &c));
            held.wait().unwrap();
            reunite::sleep(Duration::from_millis(10)).unwrap();
            second.cancel();
            match second.join() {
                Ok(locked) => assert!(locked.unwrap_err().is_cancelled()),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
            // The first holds it until it has got `b`, which is free by now.
            drop(a.lock().unwrap());
            assert!(first.join().unwrap().is_ok());
            drop(c_guard);
        });
    });
}

/// A reader queues behind a writer that has a limit, so not for ever. A writer that comes after the reader
/// does not delay it.
#[test]
fn a_reader_does_not_wait_for_a_writer_that_comes_later() {
    in_homes(SCOPES, |at| {
        let (lock, made) = (RwLock::new(()), line!());
        let (lock, other, go) = (&lock, &Mutex::new(()), &Barrier::new(2));
        // The library knows which task waits for the lock once that wait is in the graph.
        let is_told = |waits: &str, holds: &str| {
            let waits = format!("{waits} a lock ({}:{made})", file!());
            let dump = reunite::dump().to_string();
            let mut lines = dump.lines();
            lines.any(|line| line.contains(&waits) && line.contains(holds))
        };
        at.scope(|s| {
            let reads = s.spawn(|| {
                let _first = lock.read().unwrap();
                go.wait().unwrap();
                go.wait().unwrap();
                lock.read().map(drop)
            });
            go.wait().unwrap();
            let gives_up = s.spawn(|| lock.write_timeout(LONG).is_err());
            until(|| is_told("writes", ""));
            go.wait().unwrap();
            until(|| is_told("reads", "holding"));
            let writes = s.spawn(|| {
                let _held = other.lock().unwrap();
                lock.write().map(drop)
            });
            let is_over = || reads.is_finished() || writes.is_finished();
            until(|| is_told("writes", "holding") || is_over());
            gives_up.cancel();
            reads.join().unwrap().unwrap();
            writes.join().unwrap().unwrap();
        });
    });
}

fn waits_until<'scope>(
    s: Nest<'scope, '_>,
    flag: &'scope Mutex<bool>,
    wait: impl FnOnce(MutexGuard<'scope, bool>) + Send + 'scope,
) -> Handle<'scope, ()> {
    let (waits, waiting) = bounded(1);
    let task = s.spawn(move || {
        let guard = flag.lock().unwrap();
        waits.send(()).unwrap();
        wait(guard);
    });
    waiting.recv().unwrap();
    task
}

/// The end of a scope cannot be refused, so the child that it waits for is refused the lock that the opener
/// holds, even in the middle of a wait for a condition.
#[test]
fn a_wait_for_a_condition_is_refused_if_the_end_of_the_scope_holds_its_lock() {
    in_homes(SCOPES, |at| {
        let (flag, changed) = (Mutex::new(false), Condvar::new());
        let (flag, changed) = (&flag, &changed);
        let refused = std::sync::Mutex::new(None);
        let mut held = None;
        at.scope(|s| {
            let refused = &refused;
            let task = waits_until(s, flag, move |mut guard| {
                let outcome = changed.wait_while(&mut guard, |ready| !*ready);
                let looks = std::panic::AssertUnwindSafe(|| *guard);
                let panics = std::panic::catch_unwind(looks).is_err();
                // Nor does it wait again, and no notification is lost by that.
                let waits = std::panic::AssertUnwindSafe(|| changed.wait(&mut guard).is_ok());
                let panics = panics && std::panic::catch_unwind(waits).is_err();
                *refused.lock().unwrap() = Some((outcome, panics));
            });
            // The lock was free only once the other task waited for the change.
            let mut guard = flag.lock().unwrap();
            *guard = true;
            changed.notify_all();
            held = Some(guard);
            drop(task);
        });
        let (outcome, panics) = refused.into_inner().unwrap().unwrap();
        let error = outcome.unwrap_err();
        let told = error.deadlock().unwrap().to_string();
        assert!(told.contains("waits for the end of scope"), "{told}");
        assert!(panics, "the guard has no lock");
        drop(held);
        assert!(*flag.lock().unwrap(), "it was not released by the other");
        *flag.lock().unwrap() = false;
        at.scope(|s| {
            let task = waits_until(s, flag, move |mut guard| {
                changed.wait_while(&mut guard, |ready| !*ready).unwrap();
            });
            *flag.lock().unwrap() = true;
            changed.notify_one();
            drop(task);
        });
    });
}

/// The consumer of a map learns, when it takes the next outcome, that its wait was refused; the error names
/// the line of its user.
#[test]
fn a_pool_map_whose_item_needs_a_lock_of_its_consumer_is_a_deadlock() {
    in_homes(&[Home::Map, Home::PoolMap], |at| {
        let lock = &Mutex::new(());
        let (begin, begun) = bounded(1);
        let told = at.scope(|s| {
            let held = lock.lock().unwrap();
            let item = s.spawn(move || {
                begin.send(()).unwrap();
                lock.lock().map(drop)
            });
            begun.recv().unwrap();
            let outcome = item.join();
            drop(held);
            match outcome {
                Ok(refused) => refused.unwrap_err().to_string(),
                Err(error) => error.to_string(),
            }
        });
        assert!(
            told.contains("waits for the next outcome of scope"),
            "{told}"
        );
        assert!(!told.contains("/src/"), "{told}");
    });
}

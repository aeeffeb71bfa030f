//! Observers are told of every task, wherever it runs: when it begins, and how it completes; and an
//! inheritance hook is called for each.

mod common;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use common::homes::{ALL, Home, NAMED, Place, in_homes};
use common::{payload_of, until, until_cancelled};
use reunite::sync::Barrier;
use reunite::{Completion, Event, Observer, TaskId};

/// Runs these tests one at a time, as every observer is told of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Spawn,
    Start,
    Complete(Completion),
    Join,
}

/// The events that observers were told of the tasks that the harness spawned.
#[derive(Clone, Default)]
struct Log {
    seen: Arc<Mutex<BTreeMap<TaskId, Vec<Seen>>>>,
    /// Does not record the threads of a map, which are tasks, too.
    only_items: bool,
}

impl Observer for Log {
    fn on_event(&self, event: &Event<'_>) {
        let (task, seen) = match *event {
            Event::Spawn { task, .. } => (task, Seen::Spawn),
            Event::Start { task } => (task, Seen::Start),
            Event::Complete { task, how } => (task, Seen::Complete(how)),
            Event::Join { task, .. } => (task, Seen::Join),
            _ => return,
        };
        let is_asked_for = task.item().is_some() || !self.only_items;
        if is_asked_for && task.spawned_at().file().ends_with("homes.rs") {
            let mut log = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            log.entry(task.id()).or_default().push(seen);
        }
    }
}

fn observed(at: &Place, program: impl FnOnce(&Place)) -> Vec<Vec<Seen>> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let log = Log {
        only_items: at.home.is_map(),
        ..Log::default()
    };
    let observing = reunite::observe(log.clone());
    program(at);
    drop(observing);
    let log = log.seen.lock().unwrap_or_else(PoisonError::into_inner);
    log.values().cloned().collect()
}

#[test]
fn a_task_is_spawned_begins_completes_and_is_joined() {
    in_homes(NAMED, |at| {
        let seen = observed(at, |at| drop(at.run_many(20, |n| n)));
        let whole = [
            Seen::Spawn,
            Seen::Start,
            Seen::Complete(Completion::Value),
            Seen::Join,
        ];
        assert_eq!(seen.len(), 20);
        for task in seen {
            assert_eq!(task, whole);
        }
    });
    // The half of a fork is a task if another thread takes it, which happens to all, as they wait for each
    // other.
    in_homes(&[Home::Forks], |at| {
        let all = Barrier::new(3);
        let meet = |_| all.wait().map(drop);
        let seen = observed(at, |at| {
            at.run_many(3, meet).into_iter().for_each(Result::unwrap)
        });
        let whole = [
            Seen::Spawn,
            Seen::Start,
            Seen::Complete(Completion::Value),
            Seen::Join,
        ];
        // The last half forks as well, though it has nothing left to do.
        assert!((2..=3).contains(&seen.len()), "{seen:?}");
        assert!(seen.iter().all(|half| *half == whole), "{seen:?}");
    });
}

/// Returns how tasks complete in a program that may panic.
fn completions(at: &Place, program: impl FnOnce(&Place)) -> Vec<Completion> {
    let seen = observed(at, |at| {
        let program = std::panic::AssertUnwindSafe(|| program(at));
        drop(std::panic::catch_unwind(program));
    });
    let all = seen.into_iter().flatten();
    let how = all.filter_map(|it| match it {
        Seen::Complete(how) => Some(how),
        _ => None,
    });
    how.collect()
}

/// Returns how the only task completes if it is cancelled while it does `work`.
fn completes(at: &Place, work: impl FnOnce() + Send) -> Vec<Completion> {
    completions(at, |at| {
        let _ended = at.cancelled_in(|waits| {
            waits.store(true, Ordering::SeqCst);
            work();
        });
    })
}

#[test]
fn a_task_that_is_left_has_not_panicked() {
    in_homes(ALL, |at| {
        let how = completes(at, || until_cancelled().unwind());
        assert!(how.contains(&Completion::Cancelled), "{how:?}");
        assert!(!how.contains(&Completion::Panic), "{how:?}");
    });
}

#[test]
fn a_task_that_panics_has_panicked() {
    in_homes(ALL, |at| {
        let how = completes(at, || panic_any(7));
        assert!(how.contains(&Completion::Panic), "{how:?}");
    });
}

#[test]
fn a_task_that_is_refused_a_wait_and_leaves_completes_with_an_error() {
    in_homes(ALL, |at| {
        let both = reunite::sync::Barrier::new(2);
        let how = completions(at, |at| {
            let _outcomes = at.run(&["waits", "is refused"], |n| {
                both.wait().unwrap();
                if n == 1 {
                    let lock = reunite::sync::Mutex::new(());
                    let _held = lock.lock().unwrap();
                    panic_any(lock.lock().unwrap_err());
                }
            });
        });
        assert!(how.contains(&Completion::Error), "{how:?}");
        assert!(!how.contains(&Completion::Panic), "{how:?}");
    });
}

static THROWS: AtomicBool = AtomicBool::new(false);
static ENTERED: AtomicUsize = AtomicUsize::new(0);

struct Throws;

impl reunite::Inherit for Throws {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
        let throws = THROWS.load(Ordering::SeqCst);
        Box::new(move || {
            if throws {
                ENTERED.fetch_add(1, Ordering::SeqCst);
                panic_any("the hook's");
            }
            Box::new(())
        })
    }
}

/// Otherwise the task would run without what it should have inherited.
#[test]
fn a_panic_of_a_hook_when_a_task_begins_is_the_panic_of_the_task() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    reunite::inherit(Throws);
    // In a map on threads it is called for the threads, not for the items.
    let homes = [Home::Threads, Home::PoolScope, Home::PoolMap, Home::Forks];
    in_homes(&homes, |at| {
        THROWS.store(true, Ordering::SeqCst);
        let ran = AtomicUsize::new(0);
        let count = |_| {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        if at.home == Home::Forks {
            ENTERED.store(0, Ordering::SeqCst);
            let payload = payload_of(|| {
                let until_begun = || {
                    until(|| {
                        // Forks are shared when another is made.
                        THROWS.store(false, Ordering::SeqCst);
                        reunite::join(|| (), || ());
                        ENTERED.load(Ordering::SeqCst) > 0
                    });
                };
                at.pool.join(until_begun, || count(0))
            });
            assert_eq!(*payload.downcast::<&str>().unwrap(), "the hook's");
        } else {
            for error in at
                .run(&["a", "b"], count)
                .into_iter()
                .map(Result::unwrap_err)
            {
                assert_eq!(error.panic_message(), Some("the hook's"));
            }
        }
        THROWS.store(false, Ordering::SeqCst);
        assert_eq!(ran.into_inner(), 0);
    });
}

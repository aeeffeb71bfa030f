//! User code that runs in a pool around a task: callbacks, and destructors of the task's result and of what the task
//! holds. And what becomes of the items of a map that never begin.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, mpsc};
use std::time::Duration;

use common::{until, watchdog};
use reunite::sync::Mutex;
use reunite::{Event, Observer, Pool, TaskId};

/// Forgets the guard of a lock when it is dropped.
struct Careless(Arc<Mutex<()>>);

impl Drop for Careless {
    fn drop(&mut self) {
        std::mem::forget(self.0.lock().unwrap());
    }
}

/// The error of an attempt to take the lock.
fn refusal(lock: &Mutex<()>) -> String {
    lock.lock().map(drop).unwrap_err().to_string()
}

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

#[test]
fn a_guard_that_a_callback_forgets_is_attributed_to_its_task() {
    let _watch = watchdog();
    let lock = Arc::new(Mutex::new(()));
    pool(2).scope(|s| {
        let (go, gate) = reunite::channel::bounded::<()>(1);
        let task = s.spawn_named("careless", move || gate.recv());
        let careless = Arc::clone(&lock);
        task.on_complete(move || std::mem::forget(careless.lock().unwrap()));
        go.send(()).unwrap();
    });
    let told = refusal(&lock);
    assert!(told.contains("task `careless`"), "{told}");
}

#[test]
fn a_guard_that_a_results_destructor_forgets_is_attributed_to_its_task() {
    let _watch = watchdog();
    let lock = Arc::new(Mutex::new(()));
    pool(2).scope(|s| {
        let holds = Careless(Arc::clone(&lock));
        let task = s.spawn_named("careless", move || holds);
        until(|| task.is_finished());
    });
    let told = refusal(&lock);
    assert!(told.contains("task `careless`"), "{told}");
}

#[test]
fn a_guard_that_a_cancelled_tasks_closure_forgets_is_attributed_to_it() {
    let _watch = watchdog();
    let lock = Arc::new(Mutex::new(()));
    let pool = Pool::builder().threads(1).spare_after(None);
    pool.build().unwrap().scope(|s| {
        let (begin, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        // The only thread is busy, so the task does not begin before it is cancelled.
        s.spawn(move || {
            begin.send(()).unwrap();
            assert!(gate.recv().is_err());
        });
        begun.recv().unwrap();
        let holds = Careless(Arc::clone(&lock));
        let task = s.spawn_named("careless", move || drop(holds));
        task.cancel();
        drop(go);
        assert!(task.join().is_err());
    });
    let told = refusal(&lock);
    assert!(told.contains("task `careless`"), "{told}");
}

/// The joiner itself waits for nothing, but a task that it runs in its own place does.
#[test]
fn a_lock_that_a_joiner_holds_around_a_task_that_waits_is_shown() {
    let _watch = watchdog();
    let pool = pool(1);
    let lock = Mutex::new(());
    let (go, gate) = reunite::channel::bounded::<()>(1);
    reunite::scope(|threads| {
        threads.spawn(|| {
            let outer = || {
                pool.scope(|s| {
                    let _held = lock.lock().unwrap();
                    let inner = s.spawn_named("inner", || gate.recv());
                    inner.join().unwrap().unwrap();
                });
            };
            pool.scope(|s| s.spawn_named("outer", outer).join().unwrap());
        });
        let mut shown = String::new();
        until(|| {
            shown = reunite::dump().to_string();
            let outer = shown.lines().find(|line| line.contains("task `outer`"));
            outer.is_some_and(|line| line.contains("holding a lock since"))
        });
        let inner = shown.lines().find(|line| line.contains("task `inner`"));
        assert!(!inner.unwrap().contains("holding"), "{shown}");
        go.send(()).unwrap();
    });
}

#[test]
fn a_map_in_a_pool_that_starves_is_not_lost() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).spares(0).build().unwrap();
    pool.install(|| {
        pool.scope(|s| {
            let mut doubled = s.map([1, 2], |n| 2 * n);
            // A consumer that waits with a limit runs no items, and there is no other thread.
            let starved = doubled.next_timeout(Duration::MAX).unwrap_err();
            assert!(starved.is_starved(), "{starved}");
            let all: Vec<_> = doubled.map(Result::unwrap).collect();
            assert_eq!(all, [2, 4]);
        });
    });
}

#[test]
fn no_item_begins_in_a_scope_that_is_cancelled() {
    const COUNT: usize = 2_000;
    let _watch = watchdog();
    let (begun, after, cancelled) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let ended = reunite::scope(|around| {
        let task = around.spawn(|| {
            pool(1).scope(|s| {
                let stop = s.canceller();
                let (begun, after, cancelled) = (&begun, &after, &cancelled);
                let item = move |_| {
                    after.fetch_add(cancelled.load(Ordering::SeqCst), Ordering::SeqCst);
                    // Late enough that batches have many items.
                    if begun.fetch_add(1, Ordering::SeqCst) == COUNT / 2 {
                        stop.cancel("enough");
                        cancelled.store(1, Ordering::SeqCst);
                    }
                };
                let outcomes = s.map(0..COUNT, item).window(COUNT);
                let failed = outcomes.filter_map(Result::err);
                failed.filter(reunite::JoinError::is_cancelled).count()
            })
        });
        task.join()
    });
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);
    // One item that another thread was about to begin.
    assert!(after.load(Ordering::SeqCst) <= 1, "{after:?}");
    // A part does not pass for the whole: the task left, or its map returned an error.
    match ended {
        Ok(failed) => assert!(failed > 0),
        Err(error) => assert!(error.is_cancelled(), "{error}"),
    }
}

/// For each item of that name, the number of its spawn events minus that of its completion events.
#[derive(Clone, Default)]
struct Balance(Arc<StdMutex<BTreeMap<TaskId, i32>>>);

impl Observer for Balance {
    fn on_event(&self, event: &Event<'_>) {
        let (task, change) = match *event {
            Event::Spawn { task, .. } => (task, 1),
            Event::Complete { task, .. } => (task, -1),
            _ => return,
        };
        if task.name() == Some("counted") {
            let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *balance.entry(task.id()).or_default() += change;
        }
    }
}

#[test]
fn observers_are_told_of_the_end_of_items_that_never_begin() {
    let _watch = watchdog();
    let balance = Balance::default();
    let observing = reunite::observe(balance.clone());
    let name = |_: &usize| "counted".to_owned();
    pool(1).scope(|s| {
        // Dropped after the first outcome, with the others pulled.
        assert!(
            s.map(0..100, |n| n)
                .label(name)
                .window(100)
                .next()
                .is_some()
        );
    });
    pool(1).scope(|s| {
        let stop = s.canceller();
        let item = move |n| {
            if n == 10 {
                stop.cancel("enough");
            }
        };
        assert!(
            s.map(0..100, item)
                .label(name)
                .window(100)
                .any(|outcome| outcome.is_err())
        );
    });
    drop(observing);
    let balance = balance.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(balance.len() >= 10, "{balance:?}");
    let open: Vec<_> = balance.iter().filter(|(_, left)| **left != 0).collect();
    assert!(open.is_empty(), "{open:?}");
}

/// Checks that the values inherited by a fork are dropped with the task that made the fork, even if that task is in
/// no scope.
#[test]
fn what_forks_inherit_ends_with_the_task() {
    struct Hook(Arc<()>);
    impl reunite::Inherit for Hook {
        fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn std::any::Any> + Send> {
            let kept = Arc::clone(&self.0);
            Box::new(move || Box::new(kept))
        }
    }
    let _watch = watchdog();
    let kept = Arc::new(());
    reunite::inherit(Hook(Arc::clone(&kept)));
    let pool = pool(1);
    pool.install(|| pool.enter(|| reunite::join(|| reunite::join(|| 1, || 2), || 3)));
    pool.spawn(|| reunite::join(|| reunite::join(|| 1, || 2), || 3))
        .join()
        .unwrap();
    // The hook, and this one. The thread of the pool still exists, and is idle.
    until(|| Arc::strong_count(&kept) == 2);
    drop(pool);
}

//! Tasks on threads that were never used before: their thread-locals are gone when they complete.

mod common;

use std::cell::{Cell, RefCell};
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use common::{LONG, until, until_cancelled, watchdog};
use reunite::{Builder, ScopeBuilder};

/// Calls its closure when its thread ends.
struct AtTheEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

thread_local! {
    static LAST: RefCell<AtTheEnd> = const { RefCell::new(AtTheEnd(None)) };
    static USES: Cell<u32> = const { Cell::new(0) };
}

/// Leaves `act` to the end of the calling thread.
fn at_the_end(act: impl FnOnce() + 'static) {
    LAST.with(|last| last.borrow_mut().0 = Some(Box::new(act)));
}

/// Counts up when the calling thread ends, after a short time.
fn count_at_the_end(count: &Arc<AtomicUsize>) {
    let count = Arc::clone(count);
    at_the_end(move || {
        (0..100).for_each(|_| std::thread::yield_now());
        count.fetch_add(1, Ordering::SeqCst);
    });
}

fn fresh() -> Builder {
    Builder::new().fresh_threads(true)
}

#[test]
fn destructors_have_run_when_a_join_returns() {
    let _watch = watchdog();
    let count = Arc::new(AtomicUsize::new(0));
    for n in 1..=20 {
        let ours = Arc::clone(&count);
        let mut task = fresh().spawn(move || count_at_the_end(&ours));
        match n % 3 {
            0 => task.join().unwrap(),
            1 => until(|| task.try_join().is_some()),
            _ => task.join_timeout(LONG).unwrap(),
        }
        assert_eq!(count.load(Ordering::SeqCst), n);
    }
}

#[test]
fn destructors_have_run_when_a_scope_ends_whose_tasks_nobody_joined() {
    let _watch = watchdog();
    let count = Arc::new(AtomicUsize::new(0));
    for n in 1..=20 {
        let ended = ScopeBuilder::new().fresh_threads(true).scope(|s| {
            for _ in 0..3 {
                s.spawn(|| count_at_the_end(&count));
            }
        });
        ended.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 3 * n);
    }
}

#[test]
fn a_thread_was_never_used_before() {
    let _watch = watchdog();
    // Threads that wait for their next task.
    reunite::scope(|s| (0..4).for_each(|_| drop(s.spawn(|| USES.set(9)))));
    for _ in 0..20 {
        let before = fresh().spawn(|| USES.replace(1)).join().unwrap();
        assert_eq!(before, 0);
    }
    let ended = ScopeBuilder::new()
        .fresh_threads(true)
        .max_threads(1)
        .scope(|s| {
            let tasks: Vec<_> = (0..4).map(|_| s.spawn(|| USES.replace(1))).collect();
            tasks
                .into_iter()
                .map(|task| task.join().unwrap())
                .sum::<u32>()
        });
    assert_eq!(ended.unwrap(), 0);
}

/// A task in a limited scope that joins a queued one must not run it on its own thread.
#[test]
fn a_queued_task_that_is_joined_has_a_thread_of_its_own() {
    let _watch = watchdog();
    let limited = ScopeBuilder::new().fresh_threads(true).max_threads(1);
    let ended = limited.scope(|s| {
        let outer = s.spawn(|| {
            USES.set(7);
            s.spawn(|| USES.get()).join().unwrap()
        });
        outer.join().unwrap()
    });
    assert_eq!(ended.unwrap(), 0);
}

/// A joiner that waited for a thread, and not in the library, would be in no cycle that can be found.
#[test]
fn a_queued_task_that_needs_a_lock_of_its_joiner_is_a_deadlock() {
    let _watch = watchdog();
    let lock = reunite::sync::Mutex::new(());
    let limited = ScopeBuilder::new().fresh_threads(true).max_threads(1);
    let ended = limited.scope(|s| {
        let outer = s.spawn(|| {
            let _held = lock.lock().unwrap();
            let refused = s.spawn(|| lock.lock().is_err_and(|error| error.is_deadlock()));
            match refused.join() {
                Ok(is_refused) => is_refused,
                Err(error) => error.is_deadlock(),
            }
        });
        outer.join().unwrap()
    });
    assert!(ended.unwrap());
}

#[test]
fn a_join_with_a_timeout_does_not_wait_for_a_long_destructor() {
    let _watch = watchdog();
    let (go, gone) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let mut task = fresh().spawn(move || {
        at_the_end(move || {
            tell.send(()).unwrap();
            gone.recv().unwrap();
        });
        7
    });
    told.recv().unwrap();
    assert!(
        task.join_timeout(Duration::from_millis(1))
            .unwrap_err()
            .is_timeout()
    );
    assert!(!task.is_finished() && task.try_join().is_none());
    go.send(()).unwrap();
    assert_eq!(task.join().unwrap(), 7);
}

#[test]
fn a_wait_in_a_destructor_counts_as_the_tasks_and_heeds_its_cancellation() {
    let _watch = watchdog();
    let (tell, told) = mpsc::channel();
    let task = fresh().name("ending").spawn(move || {
        at_the_end(move || tell.send(until_cancelled().to_string()).unwrap());
    });
    let mut shown = None;
    until(|| {
        let tree = reunite::dump();
        let mut tasks = tree.scopes.iter().flat_map(|scope| &scope.tasks);
        let found = tasks.find(|task| task.task.name() == Some("ending"));
        shown = found.and_then(|task| task.waits.clone());
        shown.is_some()
    });
    assert_eq!(shown.unwrap().what, "sleeps");
    task.cancel();
    assert!(
        told.recv()
            .unwrap()
            .contains("cancelled through its handle")
    );
    // The closure had returned before.
    task.join().unwrap();
}

#[test]
fn a_destructor_that_needs_a_lock_of_the_joiner_is_a_deadlock() {
    let _watch = watchdog();
    let lock = Arc::new(reunite::sync::Mutex::new(()));
    let (tell, told) = mpsc::channel();
    let held = lock.lock().unwrap();
    let wants = Arc::clone(&lock);
    let task = fresh().spawn(move || {
        at_the_end(move || {
            let refused = wants.lock().is_err_and(|error| error.is_deadlock());
            tell.send(refused).unwrap();
        });
    });
    let joined = task.join();
    drop(held);
    let refused = joined.is_err_and(|error| error.is_deadlock());
    assert!(refused != told.recv().unwrap(), "one of the two is refused");
}

#[test]
fn callbacks_come_after_the_destructors() {
    let _watch = watchdog();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (go, gone) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let first = Arc::clone(&order);
    let task = fresh().spawn(move || {
        at_the_end(move || first.lock().unwrap().push("destructor"));
        gone.recv().is_err()
    });
    let second = Arc::clone(&order);
    task.on_complete(move || {
        second.lock().unwrap().push("callback");
        tell.send(()).unwrap();
    });
    drop(go);
    assert!(task.join().unwrap());
    told.recv().unwrap();
    assert_eq!(*order.lock().unwrap(), ["destructor", "callback"]);
}

#[test]
fn a_panic_arrives_after_the_destructors() {
    let _watch = watchdog();
    let count = Arc::new(AtomicUsize::new(0));
    let ours = Arc::clone(&count);
    let task = fresh().spawn(move || {
        count_at_the_end(&ours);
        panic_any(7_u32)
    });
    let payload = task.join().unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&7_u32));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_thread_that_the_system_refuses_is_an_error() {
    let _watch = watchdog();
    let too_large = || fresh().stack_size(isize::MAX as usize & !0xffff);
    let error = too_large().spawn(|| ()).join().unwrap_err();
    assert!(error.is_refused() && error.io_error().is_some(), "{error}");
    let ended = ScopeBuilder::new().scope(|s| drop(s.spawn_with(too_large(), || ())));
    assert!(ended.unwrap_err().root().unwrap().is_refused());
}

#[test]
fn the_workers_of_a_map_are_fresh_too() {
    let _watch = watchdog();
    let count = Arc::new(AtomicUsize::new(0));
    let ended = ScopeBuilder::new().fresh_threads(true).scope(|s| {
        let squares = s.map(0..20_usize, |n| {
            count_at_the_end(&count);
            (n * n, USES.get())
        });
        squares.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    let squares = ended.unwrap();
    assert_eq!(squares[19], (361, 0));
    assert!(count.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_stack_size_and_a_name_apply_to_the_fresh_thread() {
    let _watch = watchdog();
    let task = fresh().name("large").stack_size(64 << 20).spawn(|| {
        let used = std::hint::black_box([1_u8; 24 << 20]);
        let name = std::thread::current().name().map(str::to_owned);
        (usize::from(used[7]), name)
    });
    assert_eq!(task.join().unwrap(), (1, Some("large".to_owned())));
}

#[test]
fn a_task_that_is_cancelled_before_it_begins_starts_no_thread() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new().fresh_threads(true).scope(|s| {
        s.cancel("too late");
        let task = s.spawn(|| count_at_the_end(&Arc::default()));
        task.join().unwrap_err().is_cancelled()
    });
    assert!(ended.is_err() || ended.unwrap());
}

//! Closures that run on a thread of the pool, on its stack, while the caller waits.

mod common;

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, ThreadId};

use common::{until, until_cancelled, watchdog};
use reunite::prelude::*;
use reunite::sync::Mutex;
use reunite::{Dump, DumpScope, DumpTask, Pool, channel};

const MIB: usize = 1 << 20;

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

fn here() -> ThreadId {
    thread::current().id()
}

/// Recurses until it has used `bytes` of the stack; returns the depth reached.
#[inline(never)]
fn deep(bytes: usize, from: Option<usize>) -> u64 {
    let frame = black_box([0_u8; 256]);
    let here = black_box(&frame).as_ptr().addr();
    let from = from.unwrap_or(here);
    if from.abs_diff(here) >= bytes {
        return 1;
    }
    let below = deep(bytes, Some(from));
    below + u64::from(black_box(&frame)[0]) + 1
}

#[test]
fn a_recursion_of_32_mib_runs_by_install_from_a_thread_with_2_mib() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).stack_size(64 * MIB);
    let pool = pool.build().unwrap();
    let caller = thread::Builder::new().stack_size(2 * MIB);
    let depth = thread::scope(|s| {
        let caller = caller.spawn_scoped(s, || pool.install(|| deep(32 * MIB, None)));
        caller.unwrap().join().unwrap()
    });
    assert!(depth > 1_000, "it was {depth} levels deep");
}

/// A level of such a program took 0.8 KiB (1.8 in rayon 1.12), without optimisation 3.4 (8.4). A thread whose half was
/// stolen runs what comes back to it on top of its stack, so it may be more.
#[test]
fn nested_loops_and_joins_fit_a_small_stack() {
    fn nested(depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let inner = |item: u32| match item {
            0 => reunite::join(|| nested(depth - 1), || 0).0,
            _ => 0,
        };
        let outer = |item: u32| match item {
            0 => reunite::par(0..2_u32).map(inner).sum::<u32>(),
            _ => 0,
        };
        reunite::par(0..2_u32).map(outer).sum()
    }
    let _watch = watchdog();
    let stack = if cfg!(debug_assertions) { 512 } else { 256 } << 10;
    for threads in [1, 2] {
        let pool = Pool::builder().threads(threads).stack_size(stack);
        let pool = pool.build().unwrap();
        for _ in 0..20 {
            assert_eq!(pool.install(|| nested(32)), 1);
        }
    }
}

#[test]
fn it_borrows_and_runs_on_a_worker_and_its_calls_use_the_pool() {
    let _watch = watchdog();
    let pool = pool(2);
    let caller = here();
    let mut words = vec!["to", "be"];
    let (threads, count) = pool.install(|| {
        words.push("or not");
        assert_ne!(here(), caller);
        let nested = pool.install(here);
        assert_eq!(nested, here(), "a worker runs it where it is");
        let names = reunite::join(thread_name, thread_name);
        (names, words.len())
    });
    assert_eq!((words.len(), count), (3, 3));
    assert_eq!(
        threads,
        (Some("reunite-pool".into()), Some("reunite-pool".into()))
    );
}

fn thread_name() -> Option<String> {
    thread::current().name().map(str::to_owned)
}

#[test]
fn a_panic_arrives_with_its_payload_after_the_closure_is_gone() {
    let _watch = watchdog();
    let pool = pool(1);
    let dropped = AtomicUsize::new(0);
    let payload = common::payload_of(|| {
        let captured = common::Counted(&dropped);
        pool.install(move || {
            let _captured = captured;
            std::panic::panic_any(7_u32)
        })
    });
    assert_eq!(payload.downcast_ref(), Some(&7_u32));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(pool.install(|| 8), 8);
}

/// A caller that takes part in the pool on its own stack has the only place, and gives it up.
#[test]
fn a_visitor_hands_its_closure_to_a_worker_too() {
    let _watch = watchdog();
    let pool = pool(1);
    let caller = here();
    assert_ne!(pool.enter(|| pool.install(here)), caller);
    let inside = pool.scope(|s| {
        let task = s.spawn(|| 1);
        let installed = pool.install(here);
        task.join().unwrap();
        installed
    });
    assert_ne!(inside, caller);
}

#[test]
fn pools_of_one_that_install_in_each_other_do_not_starve() {
    let _watch = watchdog();
    fn bounce(here: &Pool, there: &Pool, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let (deeper, one) =
            reunite::join(|| there.install(|| bounce(there, here, depth - 1)), || 1);
        deeper + one
    }
    let (a, b) = (pool(1), pool(1));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| assert_eq!(a.install(|| bounce(&a, &b, 8)), 8));
            s.spawn(|| assert_eq!(b.install(|| bounce(&b, &a, 8)), 8));
        }
    });
}

/// All threads of the pool wait, in the library, for something that only the closure brings.
#[test]
fn a_pool_whose_threads_all_wait_still_runs_it() {
    let _watch = watchdog();
    let pool = pool(2);
    let (tx, rx) = channel::bounded(2);
    let waits: Vec<_> = (0..2)
        .map(|_| {
            pool.spawn({
                let rx = rx.clone();
                move || rx.recv().unwrap()
            })
        })
        .collect();
    pool.install(move || {
        tx.send(1).unwrap();
        tx.send(2).unwrap();
    });
    let sum: i32 = waits.into_iter().map(|task| task.join().unwrap()).sum();
    assert_eq!(sum, 3);
}

/// The same, but they sleep where the library does not see it.
#[test]
fn a_pool_whose_threads_all_sleep_outside_the_library_still_runs_it() {
    let _watch = watchdog();
    let pool = pool(1);
    let ((tell, told), (give, given)) = (mpsc::channel(), mpsc::channel());
    let waits = pool.spawn(move || {
        tell.send(()).unwrap();
        given.recv().unwrap()
    });
    told.recv().unwrap();
    pool.install(move || give.send(7).unwrap());
    assert_eq!(waits.join().unwrap(), 7);
}

#[test]
fn a_cancellation_of_the_caller_reaches_it() {
    let _watch = watchdog();
    let pool = pool(1);
    let (tell, told) = mpsc::channel();
    let cause = reunite::scope(|s| {
        let caller = s.spawn(|| {
            pool.install(|| {
                tell.send(()).unwrap();
                until_cancelled().to_string()
            })
        });
        told.recv().unwrap();
        caller.cancel();
        caller.join().unwrap()
    });
    assert!(cause.contains("cancelled through its handle"), "{cause}");
}

#[test]
fn it_begins_in_a_cancelled_task_too() {
    let _watch = watchdog();
    let pool = pool(1);
    let (tell, told) = mpsc::channel();
    let (seen, is_told) = reunite::scope(|s| {
        let caller = s.spawn(|| {
            tell.send(()).unwrap();
            drop(until_cancelled());
            let caller = here();
            let seen = pool.install(|| (here() != caller, reunite::checkpoint().is_err()));
            // A plain scope whose body was told of the cancellation keeps its value.
            let is_told = pool.install(|| reunite::scope(|_| reunite::checkpoint().is_err()));
            (seen, is_told)
        });
        told.recv().unwrap();
        caller.cancel();
        caller.join().unwrap()
    });
    assert_eq!((seen, is_told), ((true, true), true));
}

/// The body knows that its value may be partial, because it was told of the cancellation, although by a thread of the
/// pool.
#[test]
fn a_cancellation_that_it_is_told_counts_as_told_to_its_caller() {
    let _watch = watchdog();
    let pool = pool(1);
    let (tell, told) = mpsc::channel();
    let value = reunite::scope(|s| {
        let caller = s.spawn(|| {
            reunite::scope(|inner| {
                let undone = inner.spawn(|| drop(until_cancelled()));
                tell.send(()).unwrap();
                pool.install(|| drop(until_cancelled()));
                // It never begins, and it is not joined.
                drop(inner.spawn(|| ()));
                drop(undone);
                "partial"
            })
        });
        told.recv().unwrap();
        caller.cancel();
        caller.join()
    });
    assert_eq!(value.unwrap(), "partial");
}

/// Otherwise the sum of a part would pass for the whole.
#[test]
fn a_closure_that_leaves_makes_its_callers_task_leave() {
    let _watch = watchdog();
    let pool = pool(1);
    let (tx, rx) = channel::unbounded();
    tx.send(1).unwrap();
    let joined = reunite::scope(|s| {
        let caller = s.spawn(|| pool.install(|| rx.iter().sum::<u32>()));
        until(|| rx.is_empty());
        caller.cancel();
        caller.join()
    });
    assert!(joined.unwrap_err().is_cancelled());
    // A thread outside the library has nothing to leave: a panic reports the reason.
    let torn = catch_unwind(AssertUnwindSafe(|| {
        pool.install(|| reunite::Cancelled::unwind(cancelled()))
    }));
    let message = torn.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("cut short"), "{message}");
    drop(tx);
}

fn cancelled() -> reunite::Cancelled {
    let (tell, told) = mpsc::channel();
    let task = reunite::spawn(move || {
        tell.send(()).unwrap();
        until_cancelled()
    });
    told.recv().unwrap();
    task.cancel();
    task.join().unwrap()
}

#[test]
fn a_closure_that_wants_its_callers_lock_is_refused_and_names_both() {
    let _watch = watchdog();
    let pool = pool(1);
    let lock = Mutex::new(0);
    let guard = lock.lock().unwrap();
    let line = line!() + 1;
    let refused = pool.install(|| lock.lock().map(|value| *value));
    let error = refused.unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("pool_install.rs:{line}")), "{text}");
    assert!(
        text.contains("waits for a thread of a pool to run"),
        "{text}"
    );
    drop(guard);
}

#[test]
fn the_live_tree_shows_what_was_installed_and_who_waits_for_it() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).name("deep").build().unwrap();
    let (tx, rx) = channel::bounded::<()>(1);
    reunite::ScopeBuilder::new()
        .name("callers")
        .scope(|s| {
            let line = line!() + 1;
            let caller = s.spawn(|| pool.install(|| rx.recv()));
            let tree = reunite::dump();
            let (mut installed, mut waiting) = (None, None);
            until(|| {
                let tree = reunite::dump();
                installed = task_in(&tree, "deep", |task| task.waits.is_some());
                waiting = task_in(&tree, "callers", |task| task.waits.is_some());
                installed.is_some() && waiting.is_some()
            });
            drop(tree);
            let installed = installed.unwrap();
            assert_eq!(installed.task.spawned_at().line(), line);
            assert!(installed.waits.unwrap().what.contains("receives"));
            let waits = waiting.unwrap().waits.unwrap();
            assert!(
                waits.what.contains(&installed.task.to_string()),
                "{}",
                waits.what
            );
            assert_eq!(waits.at.line(), line);
            tx.send(()).unwrap();
            caller.join().unwrap().unwrap();
        })
        .unwrap();
    until(|| task_in(&reunite::dump(), "deep", |_| true).is_none());
}

fn task_in(tree: &Dump, scope: &str, is_meant: impl Fn(&DumpTask) -> bool) -> Option<DumpTask> {
    let is_it = |found: &&DumpScope| found.scope.name() == Some(scope);
    let found = tree.scopes.iter().find(is_it)?;
    found.tasks.iter().find(|task| is_meant(task)).cloned()
}

thread_local! {
    static REQUEST: Cell<u64> = const { Cell::new(0) };
}

struct Request;

impl reunite::Inherit for Request {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn std::any::Any> + Send> {
        let id = REQUEST.get();
        Box::new(move || {
            REQUEST.set(id);
            Box::new(())
        })
    }
}

#[test]
fn it_inherits_the_callers_context() {
    let _watch = watchdog();
    reunite::inherit(Request);
    REQUEST.set(7);
    assert_eq!(pool(1).install(|| REQUEST.get()), 7);
}

/// Checks that the closure runs on the calling thread: if it left on another one, the reason could not be reported.
#[test]
fn in_a_destructor_of_a_stack_that_unwinds_it_stays_where_it_is() {
    let _watch = watchdog();
    struct Installs<'a>(&'a Pool, &'a Cell<Option<ThreadId>>);
    impl Drop for Installs<'_> {
        fn drop(&mut self) {
            self.1.set(Some(self.0.install(here)));
        }
    }
    let (pool, ran_on) = (pool(1), Cell::new(None));
    let torn = catch_unwind(AssertUnwindSafe(|| {
        let _installs = Installs(&pool, &ran_on);
        panic!("unwinds");
    }));
    assert!(torn.is_err());
    assert_eq!(ran_on.get(), Some(here()));
}

#[test]
fn many_simultaneous_callers_each_get_their_own_value() {
    let _watch = watchdog();
    let pool = pool(2);
    thread::scope(|s| {
        for caller in 0..8_u64 {
            let pool = &pool;
            s.spawn(move || {
                for n in 0..500 {
                    let value = vec![caller, n];
                    assert_eq!(pool.install(|| value.clone()), value);
                }
            });
        }
    });
}

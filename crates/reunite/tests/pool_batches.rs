//! Items that a thread of a pool has taken and not begun can be taken by other threads at any time; and what a task
//! leaves behind is dropped where it belongs.

mod common;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex, mpsc};
use std::thread::ThreadId;

use common::watchdog;
use reunite::{Pool, PoolScope};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// A number of short tasks that makes batches grow.
const SHORT: usize = 3_000;

/// Spawns short tasks, then a task that blocks outside the library, then the task that ends that: all of them lie in
/// one batch, or in two.
fn behind<'scope>(
    s: &'scope PoolScope<'scope, '_>,
    blocks: impl FnOnce() + Send + 'scope,
    frees: impl FnOnce() + Send + 'scope,
) {
    for _ in 0..SHORT {
        s.spawn(|| ());
    }
    s.spawn(blocks);
    s.spawn(frees);
}

#[test]
fn a_task_behind_one_that_blocks_outside_the_library_is_taken_by_another_thread() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..20 {
        let (tx, rx) = mpsc::channel();
        pool.scope(|s| behind(s, move || rx.recv().unwrap(), move || tx.send(()).unwrap()));

        let both = Barrier::new(2);
        let meets = || _ = both.wait();
        pool.scope(|s| behind(s, meets, meets));

        let (open, changed) = (Mutex::new(false), Condvar::new());
        let waits = || {
            let open = open.lock().unwrap();
            drop(changed.wait_while(open, |open| !*open).unwrap());
        };
        let opens = || {
            *open.lock().unwrap() = true;
            changed.notify_all();
        };
        pool.scope(|s| behind(s, waits, opens));

        let sleeper: Mutex<Option<std::thread::Thread>> = Mutex::new(None);
        let woken = AtomicBool::new(false);
        let parks = || {
            *sleeper.lock().unwrap() = Some(std::thread::current());
            while !woken.load(Ordering::SeqCst) {
                std::thread::park();
            }
        };
        let wakes = || {
            woken.store(true, Ordering::SeqCst);
            if let Some(thread) = &*sleeper.lock().unwrap() {
                thread.unpark();
            }
        };
        pool.scope(|s| behind(s, parks, wakes));
    }
}

#[test]
fn a_worker_that_blocks_outside_leaves_its_batch_to_one_that_sleeps() {
    let _watch = watchdog();
    let pool = pool(3);
    for _ in 0..20 {
        let (tx, rx) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let done = AtomicUsize::new(0);
        let ours = &done;
        pool.scope(|s| {
            for _ in 0..SHORT {
                s.spawn(|| ());
            }
            s.spawn(move || {
                begun.send(()).unwrap();
                rx.recv().unwrap_err();
            });
            for _ in 0..50 {
                s.spawn(move || ours.fetch_add(1, Ordering::SeqCst));
            }
            has_begun.recv().unwrap();
            // The body runs no tasks: other threads must.
            common::until(|| done.load(Ordering::SeqCst) == 50);
            drop(tx);
        });
    }
}

/// A task of a batch waits for one that another thread has taken from that batch, and the other way round.
#[test]
fn tasks_of_a_batch_that_two_threads_share_may_wait_for_each_other() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..20 {
        let (tx, rx) = reunite::channel::bounded::<u32>(0);
        let total = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..SHORT {
                s.spawn(|| ());
            }
            for n in 0..50 {
                let (tx, rx, total) = (tx.clone(), rx.clone(), &total);
                s.spawn(move || total.fetch_add(rx.recv().unwrap() as usize, Ordering::SeqCst));
                s.spawn(move || tx.send(n).unwrap());
            }
        });
        assert_eq!(total.into_inner(), 49 * 50 / 2);
    }
}

#[test]
fn tasks_that_many_threads_take_from_each_other_run_once() {
    let _watch = watchdog();
    let pool = pool(4);
    for _ in 0..20 {
        let ran: Vec<AtomicUsize> = (0..5_000).map(|_| AtomicUsize::new(0)).collect();
        pool.scope(|s| {
            for (n, ran) in ran.iter().enumerate() {
                let task = s.spawn(move || {
                    if n % 500 == 499 {
                        std::thread::yield_now();
                    }
                    ran.fetch_add(1, Ordering::SeqCst)
                });
                if n % 7 == 0 {
                    assert_eq!(task.join().unwrap(), 0);
                }
            }
        });
        assert!(ran.iter().all(|ran| ran.load(Ordering::SeqCst) == 1));
    }
}

thread_local! {
    /// True while this thread is in a call that has nothing to do with a task's result.
    static ELSEWHERE: Cell<bool> = const { Cell::new(false) };
}

/// The result of a task: its destructor takes a lock, and must not run inside a spawn.
struct Leaves<'a> {
    lock: &'a Mutex<usize>,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        assert!(!ELSEWHERE.get(), "a destructor ran where it must not");
        *self.lock.lock().unwrap() += 1;
    }
}

/// Calls `f`, a call that has nothing to do with any task's result.
fn elsewhere<R>(f: impl FnOnce() -> R) -> R {
    ELSEWHERE.set(true);
    let result = f();
    ELSEWHERE.set(false);
    result
}

#[test]
fn a_spawn_runs_no_destructor_of_another_tasks_result() {
    let _watch = watchdog();
    for threads in [2, 3] {
        let pool = pool(threads);
        let lock = Mutex::new(0);
        for _ in 0..20 {
            pool.scope(|s| {
                for _ in 0..1_000 {
                    // A lock that the destructors take.
                    let guard = lock.lock().unwrap();
                    elsewhere(|| drop(s.spawn(|| Leaves { lock: &lock })));
                    drop(guard);
                }
            });
        }
        assert_eq!(lock.into_inner().unwrap(), 20_000);
    }
}

#[test]
fn a_handle_dropped_after_its_task_has_completed_runs_no_destructor_there() {
    let _watch = watchdog();
    let pool = pool(2);
    let lock = Mutex::new(0);
    pool.scope(|s| {
        let tasks: Vec<_> = (0..1_000)
            .map(|_| s.spawn(|| Leaves { lock: &lock }))
            .collect();
        common::until(|| tasks.iter().all(reunite::PoolTask::is_finished));
        let guard = lock.lock().unwrap();
        elsewhere(|| drop(tasks));
        drop(guard);
        // They are dropped soon, and not only when the scope ends.
        common::until(|| *lock.lock().unwrap() == 1_000);
    });
}

#[test]
fn results_without_a_joiner_are_dropped_while_the_scope_lasts() {
    let _watch = watchdog();
    let pool = pool(2);
    let lock = Mutex::new(0);
    pool.scope(|s| {
        for _ in 0..1_000 {
            s.spawn(|| Leaves { lock: &lock });
        }
        common::until(|| *lock.lock().unwrap() == 1_000);
    });
}

#[test]
fn a_taken_result_is_dropped_by_its_taker() {
    let _watch = watchdog();
    let pool = pool(2);
    struct Where<'a>(&'a Mutex<Vec<ThreadId>>);
    impl Drop for Where<'_> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(std::thread::current().id());
        }
    }
    let dropped = Mutex::new(Vec::new());
    pool.scope(|s| {
        let tasks: Vec<_> = (0..100).map(|_| s.spawn(|| Where(&dropped))).collect();
        for task in tasks {
            drop(task.join().unwrap());
        }
    });
    let here = std::thread::current().id();
    let dropped = dropped.into_inner().unwrap();
    assert_eq!(dropped.len(), 100);
    assert!(dropped.iter().all(|thread| *thread == here));
}

/// The destructor of a result that is not joined panics: that is the task's failure, and the scope's.
#[test]
fn a_destructor_that_panics_is_the_tasks_failure_wherever_it_runs() {
    let _watch = watchdog();
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let pool = pool(2);
    for late in [false, true] {
        let torn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.scope(|s| {
                let task = s.spawn(|| Panics);
                if late {
                    common::until(|| task.is_finished());
                }
            });
        }));
        assert_eq!(*torn.unwrap_err().downcast::<&str>().unwrap(), "dropped");
    }
}

#[test]
fn a_panic_is_labelled_with_the_line_of_its_own_task() {
    let _watch = watchdog();
    let pool = pool(2);
    pool.scope(|s| {
        let line = line!() + 1;
        let task = s.spawn(|| panic!("at its line"));
        let error = task.join().unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("pool_batches.rs:{line})")),
            "{error}"
        );
    });
}

//! Past bugs of the pool; each test is named after what went wrong.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{LONG, payload_of, watchdog};
use reunite::prelude::*;
use reunite::{Pool, PoolScope, blocking, channel, join, par};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// The scope had waited, and dropped what its tasks left behind. A destructor among that spawned once more, and
/// the task ran when its borrowed data was gone.
#[test]
fn a_task_spawned_by_the_destructor_of_a_result_outlived_its_scope() {
    let _watch = watchdog();
    struct Spawns<'scope, 'env>(&'scope PoolScope<'scope, 'env>, &'scope AtomicUsize, u32);
    impl Drop for Spawns<'_, '_> {
        fn drop(&mut self) {
            let Self(s, ran, again) = *self;
            s.spawn(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                (again > 0).then(|| Spawns(s, ran, again - 1))
            });
        }
    }
    let pool = pool(2);
    for _ in 0..100 {
        let ran = AtomicUsize::new(0);
        pool.scope(|s| {
            let ran = &ran;
            for _ in 0..3 {
                s.spawn(move || Spawns(s, ran, 4));
            }
        });
        assert_eq!(ran.load(Ordering::SeqCst), 15);
    }
}

/// Short tasks are taken many at a time; a task that waited for one of the same batch waited for ever.
#[test]
fn a_task_was_hidden_behind_one_that_waits_for_it() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        for _ in 0..5 {
            let (tx, rx) = channel::bounded::<u32>(0);
            pool.scope(|s| {
                // Makes batches grow.
                for _ in 0..20_000 {
                    s.spawn(|| ());
                }
                for n in 0..50 {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    s.spawn(move || rx.recv().unwrap());
                    s.spawn(move || tx.send(n).unwrap());
                }
            });
        }
    }
}

/// A wait inside `blocking` had no place to give up any more, and so did not offer its work to other threads either.
#[test]
fn a_fork_made_inside_blocking_was_never_offered() {
    let _watch = watchdog();
    for _ in 0..100 {
        let pool = pool(1);
        let (tx, rx) = channel::bounded::<u32>(1);
        let ((got, ()), seven) = pool.enter(|| {
            blocking(|| {
                // The outer fork serves the hungry thread: the inner one stays private until the wait.
                let inner = || join(|| rx.recv().unwrap(), || tx.send(1).unwrap());
                join(inner, || 7)
            })
        });
        assert_eq!((got, seven), (1, 7));
    }
}

/// A wait in an inner pool, inside `blocking`, gave up the place in the outer pool a second time. The outer pool then
/// counted a negative number of threads awake, and woke none.
#[test]
fn a_place_was_given_up_twice() {
    let _watch = watchdog();
    let outer = pool(1);
    let (tx, rx) = channel::bounded::<u32>(1);
    let waits = outer.spawn(move || {
        let inner = pool(1);
        blocking(|| inner.enter(|| rx.recv().unwrap()))
    });
    while !format!("{waits:?}").contains("in recv") {
        std::thread::yield_now();
    }
    outer.spawn(move || tx.send(1).unwrap()).detach();
    let (tell, told) = mpsc::channel();
    waits.on_complete(move || tell.send(()).unwrap());
    told.recv().unwrap();
    assert_eq!(waits.join().unwrap(), 1);
}

/// The end of a scope cannot fail: where another wait would be refused because the pool starves, it hung.
#[test]
fn a_scopes_end_starved_silently() {
    let _watch = watchdog();
    for _ in 0..50 {
        let pool = Pool::builder().threads(1).spares(0).build().unwrap();
        let (tx, rx) = channel::bounded::<u32>(1);
        let (begin, has_begun) = mpsc::channel();
        pool.scope(|s| {
            s.spawn(move || {
                begin.send(()).unwrap();
                // If this wait is the last to block, it is refused.
                rx.recv()
                    .map_or_else(|error| assert!(error.is_starved()), |_| ());
            });
            has_begun.recv().unwrap();
            pool.spawn(move || {
                // The receiver may be gone.
                let _unheard = tx.send(1);
            })
            .detach();
            (0..20).for_each(|_| std::thread::yield_now());
        });
    }
}

/// A worker that ended because its pool closed had counted as searching when the task was published, so
/// no worker was woken for the task, and this one did not look again.
#[test]
fn a_task_spawned_just_before_the_pool_was_dropped_was_lost() {
    let _watch = watchdog();
    let round = |n: u64| {
        let pool = pool(1);
        let done = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        // At about the time at which the worker gives up its first search.
        while start.elapsed() < Duration::from_nanos(20_000 + n * 137 % 60_000) {}
        let task = Arc::clone(&done);
        pool.spawn(move || task.fetch_add(1, Ordering::SeqCst))
            .detach();
        drop(pool);
        assert_eq!(done.load(Ordering::SeqCst), 1);
    };
    // Several pools at a time, so that the worker is interrupted at that point now and then.
    std::thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| (0..2_000).for_each(round));
        }
    });
}

/// A closing pool did not pass on the place of a task that waits.
#[test]
fn a_task_that_waits_while_its_pool_closes_hung() {
    let _watch = watchdog();
    for _ in 0..20 {
        let pool = Arc::new(pool(1));
        let held = Arc::downgrade(&pool);
        let (tx, rx) = channel::bounded::<u32>(1);
        pool.spawn(move || {
            // Dropped before the pool is closed.
            while held.strong_count() > 0 {
                std::thread::yield_now();
            }
            (0..20).for_each(|_| std::thread::yield_now());
            rx.recv().unwrap()
        })
        .detach();
        pool.spawn(move || tx.send(1).unwrap()).detach();
        drop(pool);
    }
}

#[test]
fn a_pool_that_was_shut_down_kept_its_hooks() {
    let _watch = watchdog();
    let held = Arc::new(());
    let hook = Arc::clone(&held);
    let builder = Pool::builder().threads(2);
    let pool = builder
        .on_exit(move || assert!(Arc::strong_count(&hook) > 0))
        .build()
        .unwrap();
    pool.shutdown(Duration::from_secs(60)).unwrap();
    // The threads have ended except for their last instructions.
    while Arc::strong_count(&held) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_pool_shut_down_by_its_own_task_waited_for_that_task() {
    let _watch = watchdog();
    let own = Arc::new(Mutex::new(None::<Pool>));
    let task_own = Arc::clone(&own);
    let (begin, may_begin) = mpsc::channel::<()>();
    let pool = pool(1);
    let task = pool.spawn(move || {
        blocking(|| may_begin.recv().unwrap());
        let pool = task_own.lock().unwrap().take().unwrap();
        pool.shutdown(Duration::MAX).unwrap_err()
    });
    let id = task.id();
    *own.lock().unwrap() = Some(pool);
    begin.send(()).unwrap();
    while !task.is_finished() {
        std::thread::yield_now();
    }
    let late = task.join().unwrap();
    let named: Vec<_> = late.iter().map(|late| late.task.id()).collect();
    assert_eq!((named, *late.done()), (vec![id], 0), "{late}");
}

/// A thread in its hook counted as searching for work, so no other thread was woken.
#[test]
fn a_slow_start_hook_kept_the_other_workers_asleep() {
    let _watch = watchdog();
    let begun = Arc::new(AtomicUsize::new(0));
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let count = Arc::clone(&begun);
    let pool = Pool::builder()
        .threads(2)
        .on_start(move || {
            if count.fetch_add(1, Ordering::SeqCst) == 1 {
                gate.lock().unwrap().recv().unwrap_err();
            }
        })
        .build()
        .unwrap();
    while begun.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    for _ in 0..200 {
        let (tell, told) = mpsc::channel();
        pool.spawn(move || tell.send(()).unwrap()).detach();
        told.recv().unwrap();
        // Long enough for the working thread to fall asleep, now and then.
        let pause = Instant::now() + Duration::from_micros(100);
        while Instant::now() < pause {
            std::thread::yield_now();
        }
    }
    drop(open);
}

/// A joiner with a limit does not run the task, and its mark was lost when another thread began the task: it was not
/// woken when the task was done.
#[test]
fn a_timed_join_of_a_queued_task_slept_until_its_limit() {
    let _watch = watchdog();
    for _ in 0..50 {
        let pool = pool(2);
        let (begin, has_begun) = mpsc::channel();
        let (open, gate) = channel::bounded::<()>(1);
        let (release, waits) = channel::bounded::<()>(1);
        pool.scope(|s| {
            // Occupies a worker; and the scope, once that worker has gone on.
            s.spawn(move || {
                begin.send(()).unwrap();
                while gate.is_empty() {
                    std::thread::yield_now();
                }
                waits.recv().unwrap();
            });
            has_begun.recv().unwrap();
            let mut queued = s.spawn(|| 7);
            s.spawn(move || open.send(()).unwrap());
            let seven = reunite::scope(|threads| {
                let waiter = threads.spawn(move || queued.join_timeout(Duration::MAX).unwrap());
                waiter.join().unwrap()
            });
            assert_eq!(seven, 7);
            release.send(()).unwrap();
        });
    }
}

/// Each joiner ran the task before its own, on its own stack.
#[test]
fn a_long_chain_of_joins_overflowed_the_stack() {
    let _watch = watchdog();
    let pool = &pool(1);
    let (begin, has_begun) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let chain = move || {
        pool.scope(|s| {
            // Keeps the worker from the old end of the chain until the joins have begun at the young end.
            s.spawn(move || {
                begin.send(()).unwrap();
                gate.recv().unwrap_err();
            });
            has_begun.recv().unwrap();
            let mut last = s.spawn(move || {
                drop(open);
                0
            });
            for _ in 0..2_000 {
                last = s.spawn(move || last.join().unwrap() + 1);
            }
            last.join().unwrap()
        })
    };
    std::thread::scope(|s| {
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let thread = small.spawn_scoped(s, chain).unwrap();
        assert_eq!(thread.join().unwrap(), 2_000);
    });
}

/// Blocks grow with quick items. If slow ones followed, one thread kept thousands of them to itself.
#[test]
fn slow_items_after_quick_ones_were_not_shared() {
    let _watch = watchdog();
    const QUICK: usize = 100_000;
    let pool = pool(2);
    // The first slow item runs until another thread has one, too.
    let slow = Mutex::new(Vec::new());
    pool.enter(|| {
        par(0..QUICK + 4_096).for_each(|item| {
            if item < QUICK {
                return;
            }
            let mut slow = slow.lock().unwrap();
            slow.push(std::thread::current().id());
            let alone = slow.iter().all(|id| *id == slow[0]);
            // A block of quick items is thousands long.
            assert!(slow.len() < 2_500 || !alone, "one thread has them all");
            drop(slow);
            if alone {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    });
}

#[test]
fn a_source_that_panicked_lost_outcomes_that_were_there() {
    let _watch = watchdog();
    let pool = pool(2);
    let mut seen = Vec::new();
    let payload = payload_of(|| {
        pool.scope(|s| {
            let source = (0..100).inspect(|n| {
                if *n == 50 {
                    std::panic::resume_unwind(Box::new("the source"));
                }
            });
            seen.extend(s.map(source, |n| n).map(|outcome| outcome.unwrap()));
        });
    });
    assert_eq!(*payload.downcast::<&str>().unwrap(), "the source");
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
}

/// Calls of a pool in the destructor of a thread-local, when the pool's own thread-locals may be gone.
#[test]
fn pool_calls_in_a_destructor_of_a_thread_local_aborted() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            let (a, b) = reunite::join(|| 1, || 2);
            let sum = reunite::Pool::global().scope(|s| {
                let tasks: Vec<_> = (0..10).map(|n| s.spawn(move || n)).collect();
                tasks
                    .into_iter()
                    .map(|task| task.join().unwrap())
                    .sum::<i32>()
            });
            DONE.store(a + b + sum, std::sync::atomic::Ordering::SeqCst);
        }
    }
    static DONE: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);
    thread_local! { static LAST: Last = const { Last } }

    for _ in 0..20 {
        DONE.store(0, std::sync::atomic::Ordering::SeqCst);
        std::thread::spawn(|| {
            // Before and after the library's thread-locals were made: either may be dropped first.
            LAST.with(|_| ());
            assert_eq!(reunite::join(|| 1, || 2), (1, 2));
            reunite::Pool::global().scope(|s| s.spawn(|| 1).join().unwrap());
        })
        .join()
        .unwrap();
        assert_eq!(DONE.load(std::sync::atomic::Ordering::SeqCst), 48);
        std::thread::spawn(|| {
            reunite::Pool::global().scope(|s| s.spawn(|| 1).join().unwrap());
            LAST.with(|_| ());
        })
        .join()
        .unwrap();
    }
}

/// The waits that had blocked before the task was queued did not check again.
#[test]
fn a_task_queued_from_outside_never_ran_while_all_threads_blocked() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).spares(0).build().unwrap();
    let semaphore = std::sync::Arc::new(reunite::sync::Semaphore::new(1));
    let permit = semaphore.acquire().unwrap();
    let wanted = semaphore.clone();
    let waits = pool.spawn(move || wanted.acquire().map(drop).unwrap_err().is_starved());
    common::until(|| reunite::dump().to_string().contains("acquires permits"));
    assert_eq!(pool.spawn(|| 1).join_timeout(LONG).unwrap(), 1);
    assert!(waits.join().unwrap());
    drop(permit);
}

/// A thread that only dropped a result took it for a task dropped before it ran: its channel ended as cut short.
#[test]
fn a_channel_of_a_cancelled_scope_was_cut_short_by_an_untaken_result() {
    let _watch = watchdog();
    struct Tells(mpsc::Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (tell, told) = mpsc::channel();
    let (tx, rx) = channel::bounded(1);
    pool(2).scope(|s| {
        let tell = tell.clone();
        let task = s.spawn(move || Tells(tell));
        common::until(|| task.is_finished());
        s.cancel("a test's own");
        drop(task);
        // A worker drops the result, in a batch of its own.
        told.recv().unwrap();
        reunite::shield(|| tx.send(1)).unwrap();
        drop(tx);
    });
    assert_eq!(rx.recv().unwrap(), 1);
    assert!(rx.recv().unwrap_err().is_closed());
}

/// Its last worker made room for a joiner that ran a task in its own place, and ended: the queued tasks never ran.
#[test]
fn a_pool_that_closed_while_a_joiner_had_the_last_place_lost_what_was_queued() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).spares(0).build().unwrap();
    let (begin, begun) = mpsc::channel();
    let has_begun = begin.clone();
    let (leave, left) = mpsc::channel::<()>();
    let busy = pool.spawn(move || {
        begin.send(()).unwrap();
        blocking(|| left.recv().unwrap_err());
    });
    begun.recv().unwrap();
    let (end, ended) = mpsc::channel::<()>();
    let joined = pool.spawn(move || {
        has_begun.send(()).unwrap();
        ended.recv().unwrap_err();
    });
    let joiner = std::thread::spawn(move || joined.join());
    begun.recv().unwrap();
    let (run, ran) = mpsc::channel();
    pool.spawn(move || run.send(()).unwrap()).detach();
    busy.detach();
    assert!(pool.shutdown(Duration::ZERO).is_err());
    drop(leave);
    ran.recv().unwrap();
    drop(end);
    joiner.join().unwrap().unwrap();
}

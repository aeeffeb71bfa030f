//! The pool as its users see it: forks, joins, and what happens when they fail.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::Duration;

use common::watchdog;
use reunite::{Pool, blocking, join};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(move || fib(n - 1), move || fib(n - 2));
    a + b
}

#[test]
fn forks_all_the_way_down_give_the_right_sum() {
    let _watch = watchdog();
    for threads in [1, 2, 3, 8] {
        let pool = pool(threads);
        for _ in 0..20 {
            assert_eq!(pool.enter(|| fib(20)), 6765);
        }
    }
    assert_eq!(fib(25), 75_025);
}

#[test]
fn half_a_million_joins_from_many_threads() {
    let _watch = watchdog();
    let pool = pool(2);
    std::thread::scope(|s| {
        for _ in 0..5 {
            s.spawn(|| {
                for n in 0..100_000_u64 {
                    assert_eq!(pool.join(|| n, || n + 1), (n, n + 1));
                }
            });
        }
    });
}

#[test]
fn the_halves_may_borrow_and_change_local_data() {
    let mut data: Vec<u64> = (0..10_000).rev().collect();
    fn sort(slice: &mut [u64]) {
        if slice.len() < 2 {
            return;
        }
        let (pivot, rest) = slice.split_last_mut().unwrap();
        let mut cut = 0;
        for at in 0..rest.len() {
            if rest[at] < *pivot {
                rest.swap(at, cut);
                cut += 1;
            }
        }
        let last = slice.len() - 1;
        slice.swap(cut, last);
        let (left, right) = slice.split_at_mut(cut);
        join(|| sort(left), || sort(&mut right[1..]));
    }
    // Shuffled without randomness: the reversed order would be quicksort's worst case.
    for at in 0..data.len() {
        let other = at * 7919 % data.len();
        data.swap(at, other);
    }
    sort(&mut data);
    assert!(data.is_sorted());
}

/// Runs both halves at the same time: each waits until the other has begun.
fn both_run(pool: &Pool) {
    let (a_tx, a_rx) = mpsc::channel();
    let (b_tx, b_rx) = mpsc::channel();
    pool.join(
        move || {
            a_tx.send(()).unwrap();
            blocking(|| b_rx.recv().unwrap());
        },
        move || {
            b_tx.send(()).unwrap();
            blocking(|| a_rx.recv().unwrap());
        },
    );
}

#[test]
fn two_halves_that_wait_for_each_other_both_run() {
    let _watch = watchdog();
    for threads in [1, 2, 4] {
        let pool = pool(threads);
        for _ in 0..50 {
            both_run(&pool);
        }
    }
}

#[test]
fn a_wait_of_this_library_gives_the_place_up_too() {
    let _watch = watchdog();
    let pool = pool(1);
    for _ in 0..50 {
        let (open, gate) = mpsc::channel();
        let task = reunite::spawn(move || gate.recv().unwrap());
        let (seen, ()) = pool.join(|| task.join().unwrap(), || open.send(7).unwrap());
        assert_eq!(seen, 7);
    }
}

fn payload_of(result: std::thread::Result<(u32, u32)>) -> String {
    *result.unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn a_panic_in_either_half_arrives_with_its_payload() {
    let _watch = watchdog();
    let pool = pool(2);
    for round in 0..500 {
        let left = catch_unwind(|| {
            pool.join(
                || -> u32 { resume_unwind(Box::new(format!("left {round}"))) },
                || 2,
            )
        });
        assert_eq!(payload_of(left), format!("left {round}"));
        let right = catch_unwind(|| {
            pool.join(
                || 1,
                || -> u32 { resume_unwind(Box::new(format!("right {round}"))) },
            )
        });
        assert_eq!(payload_of(right), format!("right {round}"));
    }
}

#[test]
fn a_panic_here_waits_for_the_half_that_was_stolen() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..200 {
        let finished = AtomicUsize::new(0);
        let (begun, has_begun) = mpsc::channel();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let local = vec![7_u8; 4096];
            pool.join(
                || {
                    blocking(|| has_begun.recv().unwrap());
                    resume_unwind(Box::new("here"));
                },
                || {
                    begun.send(()).unwrap();
                    // Reads the stack frame that the panic is about to unwind.
                    let sum: u64 = (0..200)
                        .map(|_| local.iter().map(|&b| u64::from(b)).sum::<u64>())
                        .sum();
                    assert_eq!(sum, 200 * 7 * 4096);
                    finished.fetch_add(1, Ordering::SeqCst);
                },
            )
        }));
        assert!(result.is_err());
        assert_eq!(
            finished.load(Ordering::SeqCst),
            1,
            "the frame outlived the thief"
        );
    }
}

/// Stolen or not: what the other half owned is dropped once, before the panic leaves the join.
#[test]
fn the_other_half_is_dropped_once_when_one_panics() {
    let _watch = watchdog();
    struct Counts<'a>(&'a AtomicUsize);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = pool(2);
    for round in 1..=500 {
        let dropped = AtomicUsize::new(0);
        let owned = Counts(&dropped);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.join(
                || {
                    fib(round % 7);
                    resume_unwind(Box::new(1))
                },
                move || owned,
            )
        }));
        assert!(result.is_err());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn results_and_closures_are_dropped_once() {
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    struct Thing(Vec<u8>);
    fn thing() -> Thing {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Thing(vec![1, 2, 3])
    }
    impl Drop for Thing {
        fn drop(&mut self) {
            assert_eq!(self.0, [1, 2, 3]);
            LIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    fn tree(depth: u32) -> Thing {
        if depth == 0 {
            return thing();
        }
        let kept = thing();
        let (left, _right) = join(
            || tree(depth - 1),
            move || {
                drop(kept);
                tree(depth - 1)
            },
        );
        left
    }
    let pool = pool(3);
    for _ in 0..50 {
        drop(pool.enter(|| tree(8)));
        assert_eq!(LIVE.load(Ordering::SeqCst), 0);
    }
}

/// rayon#592: every task holds a lock across a fork.
#[test]
fn a_lock_held_across_a_fork_does_not_deadlock() {
    let _watch = watchdog();
    let pool = pool(2);
    let lock = Mutex::new(0_u64);
    let tasks = |depth| nested(&lock, depth);
    fn nested(lock: &Mutex<u64>, depth: u32) {
        if depth == 0 {
            let mut sum = lock.lock().unwrap();
            let (a, b) = join(|| fib(12), || fib(11));
            *sum += a + b;
            return;
        }
        join(|| nested(lock, depth - 1), || nested(lock, depth - 1));
    }
    pool.enter(|| tasks(8));
    assert_eq!(*lock.lock().unwrap(), 256 * (144 + 89));
}

/// rayon#1251: a lazy value whose initialiser forks.
#[test]
fn a_lazy_value_whose_making_forks_does_not_deadlock() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..100 {
        let lazy = OnceLock::new();
        let ask = || *lazy.get_or_init(|| fib(10));
        fn many(ask: &(impl Fn() -> u64 + Sync), depth: u32) -> u64 {
            if depth == 0 {
                return ask();
            }
            let (a, b) = join(|| many(ask, depth - 1), || many(ask, depth - 1));
            a + b
        }
        assert_eq!(pool.enter(|| many(&ask, 5)), 32 * 55);
    }
}

#[test]
fn pools_that_call_each_other_do_not_deadlock() {
    let _watch = watchdog();
    let (one, two) = (pool(1), pool(1));
    fn bounce(here: &Pool, there: &Pool, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let (a, b) = here.join(
            || bounce(there, here, depth - 1),
            || bounce(there, here, depth - 1),
        );
        a + b
    }
    for _ in 0..10 {
        assert_eq!(bounce(&one, &two, 8), 256);
    }
}

#[test]
fn a_pool_of_one_that_enters_itself_does_not_deadlock() {
    let _watch = watchdog();
    let pool = pool(1);
    let (a, b) = pool.join(
        || pool.join(|| pool.enter(|| fib(10)), || 1),
        || pool.join(|| 2, || fib(9)),
    );
    assert_eq!((a, b), ((55, 1), (2, 34)));
}

#[test]
fn a_pool_dropped_while_it_sleeps_or_has_just_worked_ends() {
    let _watch = watchdog();
    for round in 0..100 {
        let pool = pool(2);
        if round % 2 == 0 {
            pool.enter(|| fib(12));
        }
        drop(pool);
    }
}

#[test]
fn shutdown_returns_whether_all_threads_have_ended() {
    let _watch = watchdog();
    assert_eq!(pool(3).shutdown(Duration::from_secs(60)).unwrap(), 3);
}

#[test]
fn hooks_run_on_every_thread_once() {
    let _watch = watchdog();
    let (events, seen) = mpsc::channel();
    let exits = events.clone();
    let pool = Pool::builder()
        .threads(3)
        .on_start(move || events.send("start").unwrap())
        .on_exit(move || exits.send("exit").unwrap())
        .build()
        .unwrap();
    drop(pool);
    let mut seen: Vec<_> = seen.iter().collect();
    seen.sort_unstable();
    assert_eq!(seen, ["exit", "exit", "exit", "start", "start", "start"]);
}

#[test]
fn a_build_that_the_system_refuses_is_an_error() {
    let _watch = watchdog();
    let error = Pool::builder()
        .threads(2)
        .stack_size(usize::MAX / 2)
        .build()
        .unwrap_err();
    assert!(!error.to_string().is_empty());
}

/// The first threads start, a later one does not: the started ones end, and the build returns the reason.
#[cfg(target_os = "linux")]
#[test]
fn a_build_that_fails_half_way_ends_what_it_started() {
    let _watch = watchdog();
    if std::env::var_os("REUNITE_REFUSED").is_none() {
        // In a process with a limited address space.
        let program = std::env::current_exe().unwrap();
        let script = "ulimit -v 4000000; exec \"$0\" a_build_that_fails_half_way_ends_what_it_started --exact";
        let mut child = std::process::Command::new("sh");
        child
            .arg("-c")
            .arg(script)
            .arg(program)
            .env("REUNITE_REFUSED", "1");
        let output = child.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        return;
    }
    let (started, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let counts: &'static (AtomicUsize, AtomicUsize) = Box::leak(Box::new((started, ended)));
    let error = Pool::builder()
        .threads(64)
        .stack_size(500 << 20)
        .on_start(|| _ = counts.0.fetch_add(1, Ordering::SeqCst))
        .on_exit(|| _ = counts.1.fetch_add(1, Ordering::SeqCst))
        .build()
        .unwrap_err();
    assert!(!error.to_string().is_empty());
    let started = counts.0.load(Ordering::SeqCst);
    assert!(0 < started && started < 64, "{started} started");
    assert_eq!(counts.1.load(Ordering::SeqCst), started);
}

#[test]
fn a_stolen_half_inherits_the_cancellation_of_its_scope() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        let cancelled = reunite::scope(|s| {
            let task = s.spawn(|| {
                let (begun, has_begun) = mpsc::channel();
                pool.join(
                    || blocking(|| has_begun.recv().unwrap()),
                    || {
                        begun.send(()).unwrap();
                        while reunite::checkpoint().is_ok() {
                            std::hint::spin_loop();
                        }
                        true
                    },
                )
                .1
            });
            s.cancel("enough");
            task.join()
        });
        // A task that was cancelled before it began never ran.
        assert!(cancelled.unwrap_or_else(|error| error.is_cancelled()));
    }
}

#[test]
fn a_fork_made_before_a_shield_is_not_shielded() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        reunite::scope(|s| {
            s.cancel("before it begins");
            let (begun, has_begun) = mpsc::channel();
            let (_, seen) = pool.join(
                || {
                    reunite::shield(|| {
                        // Publishes the other half from inside the shield.
                        let (_, inner) = join(
                            || blocking(|| has_begun.recv().unwrap()),
                            || reunite::checkpoint().is_ok(),
                        );
                        assert!(inner, "a fork inside the shield is shielded");
                    });
                },
                || {
                    let outside = reunite::checkpoint().is_err();
                    begun.send(()).unwrap();
                    outside
                },
            );
            assert!(seen, "a fork outside the shield is not");
        });
    }
}

#[test]
fn a_scopes_results_come_in_order() {
    let _watch = watchdog();
    for threads in [1, 2, 4] {
        let pool = pool(threads);
        for count in [0, 1, 10, 100_000] {
            let results = pool.scope(|s| {
                let tasks: Vec<_> = (0..count).map(|n| s.spawn(move || n)).collect();
                let results = tasks.into_iter().map(|task| task.join().unwrap());
                results.collect::<Vec<usize>>()
            });
            assert!(results.into_iter().eq(0..count));
        }
    }
}

#[test]
fn a_scope_waits_for_tasks_that_are_not_joined() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..200 {
        let done = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..50 {
                s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 50);
    }
}

#[test]
fn tasks_may_spawn_tasks_and_fork() {
    let _watch = watchdog();
    let pool = pool(2);
    let done = AtomicUsize::new(0);
    fn spread<'scope>(
        s: &'scope reunite::PoolScope<'scope, '_>,
        done: &'scope AtomicUsize,
        depth: u32,
    ) {
        done.fetch_add(1, Ordering::SeqCst);
        if depth > 0 {
            s.spawn(move || spread(s, done, depth - 1));
            join(|| s.spawn(move || spread(s, done, depth - 1)), || fib(5));
        }
    }
    pool.scope(|s| spread(s, &done, 10));
    assert_eq!(done.load(Ordering::SeqCst), (1 << 11) - 1);
}

/// A chain of spawns does not deepen the stack: otherwise this one would overflow it a hundred times.
#[test]
fn a_chain_of_spawns_runs_on_a_constant_stack() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .threads(2)
        .stack_size(256 * 1024)
        .build()
        .unwrap();
    let deepest = AtomicUsize::new(0);
    fn next<'scope>(
        s: &'scope reunite::PoolScope<'scope, '_>,
        deepest: &'scope AtomicUsize,
        left: u32,
    ) {
        let here = 0_u8;
        deepest.fetch_max(std::ptr::from_ref(&here).addr(), Ordering::Relaxed);
        if left > 0 {
            s.spawn(move || next(s, deepest, left - 1));
        }
    }
    pool.scope(|s| next(s, &deepest, 200_000));
    assert_ne!(deepest.load(Ordering::Relaxed), 0);
}

#[test]
fn a_spawn_from_a_foreign_thread_is_never_forgotten() {
    let _watch = watchdog();
    let pool = pool(1);
    pool.scope(|s| {
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for n in 0..500 {
                        let (tell, told) = mpsc::channel();
                        let task = s.spawn(move || tell.send(n).unwrap());
                        // Waits for the worker: no other thread runs the task before it is joined.
                        assert_eq!(told.recv().unwrap(), n);
                        task.join().unwrap();
                    }
                });
            }
        });
    });
}

#[test]
fn a_task_that_waits_for_another_of_its_pool_does_not_starve() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        for _ in 0..20 {
            let total = pool.scope(|s| {
                let first: Vec<_> = (0..50_u64).map(|n| s.spawn(move || fib(n % 10))).collect();
                let second: Vec<_> = first
                    .into_iter()
                    .map(|task| s.spawn(move || task.join().unwrap()))
                    .collect();
                second
                    .into_iter()
                    .map(|task| task.join().unwrap())
                    .sum::<u64>()
            });
            assert_eq!(total, 5 * (1 + 1 + 2 + 3 + 5 + 8 + 13 + 21 + 34));
        }
    }
}

#[test]
fn a_timed_join_leaves_the_handle_usable() {
    let _watch = watchdog();
    let pool = pool(1);
    let (open, gate) = mpsc::channel::<()>();
    pool.scope(|s| {
        let mut task = s.spawn(move || blocking(|| gate.recv().is_err()));
        let error = task.join_timeout(Duration::from_millis(1)).unwrap_err();
        assert!(error.is_timeout());
        drop(open);
        assert!(task.join().unwrap());
    });
}

#[test]
fn a_panic_goes_to_the_joiner_or_else_to_the_scope() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..100 {
        let joined = pool.scope(|s| {
            let bad = s.spawn(|| -> u32 { resume_unwind(Box::new("joined")) });
            bad.join().unwrap_err().is_panic()
        });
        assert!(joined);
        let unjoined = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                s.spawn(|| resume_unwind(Box::new("not joined")));
            });
        }));
        assert_eq!(
            *unjoined.unwrap_err().downcast::<&str>().unwrap(),
            "not joined"
        );
    }
}

#[test]
fn a_cancelled_pool_scope_starts_nothing_more() {
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    pool.scope(|s| {
        s.cancel("enough");
        let task = s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
        assert!(task.join().unwrap_err().is_cancelled());
    });
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn untaken_results_are_dropped_before_the_scope_ends() {
    let _watch = watchdog();
    struct Borrows<'a>(&'a AtomicUsize);
    impl Drop for Borrows<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = pool(3);
    for _ in 0..300 {
        let dropped = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..20 {
                s.spawn(|| Borrows(&dropped));
            }
        });
        assert_eq!(dropped.load(Ordering::SeqCst), 20);
    }
}

#[test]
fn spawned_tasks_run_in_the_pool_and_are_joined_by_their_handles() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..200 {
        let tasks: Vec<_> = (0..20_u64)
            .map(|n| pool.spawn(move || fib(n % 10)))
            .collect();
        let sum: u64 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(sum, 2 * (1 + 1 + 2 + 3 + 5 + 8 + 13 + 21 + 34));
        // Not joined by hand: dropping its handle joins it, and so does the end of the pool.
        drop(pool.spawn(|| fib(10)));
    }
}

#[test]
fn what_was_spawned_before_the_pool_is_dropped_is_done() {
    let _watch = watchdog();
    let done = std::sync::Arc::new(AtomicUsize::new(0));
    for round in 1..=100 {
        let pool = pool(1);
        for _ in 0..10 {
            let done = done.clone();
            pool.spawn(move || done.fetch_add(1, Ordering::SeqCst))
                .detach();
        }
        drop(pool);
        assert_eq!(done.load(Ordering::SeqCst), round * 10);
    }
}

/// Every thread that the pool may have waits for a task that is queued: the last of these waits is refused.
#[test]
fn a_pool_without_spares_refuses_a_wait_that_starves_it() {
    let _watch = watchdog();
    let pool = std::sync::Arc::new(Pool::builder().threads(1).spares(0).build().unwrap());
    let semaphore = std::sync::Arc::new(reunite::sync::Semaphore::new(1));
    let permit = semaphore.acquire().unwrap();
    let (inside, wanted) = (pool.clone(), semaphore.clone());
    let waits = pool.spawn(move || {
        // Work that only this pool can do, queued behind this task.
        inside.spawn(|| 1).detach();
        wanted.acquire().map(drop).unwrap_err().is_starved()
    });
    let (tell, told) = mpsc::channel();
    waits.on_complete(move || tell.send(()).unwrap());
    told.recv().unwrap();
    assert!(waits.join().unwrap());
    drop(permit);
}

#[test]
fn a_cancelled_scope_starts_no_queued_task() {
    let _watch = watchdog();
    let pool = pool(1);
    let (open, gate) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let blocker = pool.spawn(move || {
        begun.send(()).unwrap();
        gate.recv().is_err()
    });
    has_begun.recv().unwrap();
    let queued = pool.spawn(|| unreachable!("cancelled before it began"));
    queued.cancel();
    assert!(queued.join().unwrap_err().is_cancelled());
    drop(open);
    assert!(blocker.join().unwrap());
}

/// It grows if the items are short, and only then, if the user does not set the window.
#[test]
fn a_window_that_is_not_set_grows_for_short_items_only() {
    let _watch = watchdog();
    let most_ahead = |pool: &Pool, count: usize, item: fn(usize) -> usize| {
        let (pulled, mut most) = (AtomicUsize::new(0), 0);
        pool.scope(|s| {
            let source = (0..count).inspect(|_| _ = pulled.fetch_add(1, Ordering::SeqCst));
            for (taken, outcome) in s.map(source, item).enumerate() {
                outcome.unwrap();
                most = most.max(pulled.load(Ordering::SeqCst) - taken);
            }
        });
        most
    };
    for threads in [1, 2, 8] {
        let pool = pool(threads);
        let short = most_ahead(&pool, 200_000, |n| n);
        assert!((65..=4_096).contains(&short), "{short}");
        let long = most_ahead(&pool, 200, |n| {
            std::thread::sleep(Duration::from_millis(1));
            n
        });
        assert!(long <= 64, "{long}");
    }
}

#[test]
fn a_streaming_map_keeps_the_order_and_the_window() {
    let _watch = watchdog();
    for threads in [1, 2, 4] {
        let pool = pool(threads);
        for window in [1, 2, 7, 64, 1_000] {
            let (pulled, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.scope(|s| {
                let source = (0..3_000_usize).inspect(|_| {
                    let pulled = pulled.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(pulled - taken.load(Ordering::SeqCst) <= window);
                });
                let mut expected = 0;
                for outcome in s.map(source, |n| n * 2).window(window) {
                    taken.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(outcome.unwrap(), expected * 2);
                    expected += 1;
                }
                assert_eq!(expected, 3_000);
            });
        }
    }
}

#[test]
fn a_panic_in_a_streaming_map_is_the_outcome_of_its_item() {
    let _watch = watchdog();
    let pool = pool(2);
    let failed: Vec<usize> = pool.scope(|s| {
        let outcomes = s.map(0..1_000_usize, |n| {
            if n % 100 == 7 {
                resume_unwind(Box::new(n));
            }
            n
        });
        let failed = outcomes.filter_map(|outcome| outcome.err()?.into_panic().ok());
        failed.map(|payload| *payload.downcast().unwrap()).collect()
    });
    assert!(failed.into_iter().eq((0..10).map(|n| n * 100 + 7)));
}

#[test]
fn a_streaming_map_dropped_early_begins_nothing_more() {
    let _watch = watchdog();
    let pool = pool(2);
    let begun = AtomicUsize::new(0);
    pool.scope(|s| {
        let mut outcomes = s.map(0.., |n: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            n
        });
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    });
    assert!(begun.load(Ordering::SeqCst) <= 64);
}

#[test]
fn a_cancelled_streaming_map_ends_with_that() {
    let _watch = watchdog();
    let pool = pool(2);
    let (count, last) = pool.scope(|s| {
        let mut outcomes = s.map(0.., |n: usize| n);
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        s.cancel("enough");
        let rest: Vec<_> = outcomes.collect();
        (rest.len(), rest.into_iter().next_back().unwrap())
    });
    assert!(count <= 65);
    assert!(last.unwrap_err().is_cancelled());
}

#[test]
fn a_hook_that_panics_affects_nothing_else() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .threads(2)
        .on_start(|| resume_unwind(Box::new("start")))
        .on_exit(|| resume_unwind(Box::new("exit")))
        .build()
        .unwrap();
    assert_eq!(pool.enter(|| fib(15)), 610);
    drop(pool);

    // The payload of the hook's panic panics, too, when it is dropped.
    struct Worse;
    impl Drop for Worse {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let hook = || resume_unwind(Box::new(Worse));
    let pool = Pool::builder().threads(2).on_start(hook).on_exit(hook);
    let pool = pool.build().unwrap();
    assert_eq!(pool.spawn(|| 1).join().unwrap(), 1);
    drop(pool);
}

/// The joiner of a task is woken as soon as the task is done, not when the others of its scope are.
#[test]
fn a_join_does_not_wait_for_the_siblings() {
    let _watch = watchdog();
    let pool = pool(3);
    for _ in 0..100 {
        let (open, gate) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        pool.scope(|s| {
            let slow = s.spawn(move || blocking(|| gate.recv().is_err()));
            let quick = s.spawn(move || {
                begun.send(()).unwrap();
                fib(10)
            });
            // Begun by a worker, so that it is not run here.
            has_begun.recv().unwrap();
            assert_eq!(quick.join().unwrap(), 55);
            drop(open);
            assert!(slow.join().unwrap());
        });
    }
}

/// Divide and conquer over a tree.
#[test]
fn divide_and_conquer() {
    struct Tree {
        value: u64,
        children: Option<Box<(Tree, Tree)>>,
    }
    fn grow(depth: u32) -> Tree {
        let children = (depth > 0).then(|| Box::new((grow(depth - 1), grow(depth - 1))));
        Tree {
            value: depth.into(),
            children,
        }
    }
    fn sum(t: &Tree) -> u64 {
        let Some(children) = &t.children else {
            return t.value;
        };
        let (l, r) = join(|| sum(&children.0), || sum(&children.1));
        t.value + l + r
    }
    let _watch = watchdog();
    // Each level has twice the nodes of the one above.
    let expected = (0..=16_u64).map(|depth| depth << (16 - depth)).sum();
    assert_eq!(sum(&grow(16)), expected);
}

/// The threads of a pool that has nothing to do use no processor time: none spins or polls.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_pool_uses_no_processor_time() {
    let _watch = watchdog();
    if std::env::var_os("REUNITE_IDLE").is_none() {
        // In a process of its own, because other tests compute.
        let program = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(program);
        child.args([
            "an_idle_pool_uses_no_processor_time",
            "--exact",
            "--test-threads=1",
        ]);
        let status = child
            .env("REUNITE_IDLE", "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let pool = pool(2);
    assert_eq!(pool.enter(|| fib(20)), 6765);
    // Voluntary context switches: each wake-up is one.
    let switches = || {
        let mut sum = 0;
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let name = status.lines().next().unwrap().to_owned();
            if name.contains("reunite") {
                let line = status
                    .lines()
                    .find(|line| line.starts_with("voluntary"))
                    .unwrap();
                sum += line
                    .split_whitespace()
                    .last()
                    .unwrap()
                    .parse::<u64>()
                    .unwrap();
            }
        }
        sum
    };
    // They fall asleep some time after the work; from then on nothing wakes them.
    loop {
        let before = switches();
        std::thread::sleep(Duration::from_secs(1));
        if switches() == before {
            break;
        }
    }
}

/// Recursion that is too deep ends the process with a message, as in std, and does not corrupt memory.
#[cfg(target_os = "linux")]
#[test]
fn a_stack_overflow_is_reported() {
    fn deep(n: u64) -> u64 {
        if n == u64::MAX {
            return 0;
        }
        let (a, b) = join(move || std::hint::black_box(deep(n + 1)), || 1);
        a + b
    }
    if std::env::var_os("REUNITE_OVERFLOW").is_some() {
        let pool = pool(1);
        pool.spawn(|| deep(0)).join().unwrap();
        return;
    }
    let program = std::env::current_exe().unwrap();
    let mut child = std::process::Command::new(program);
    child.args([
        "a_stack_overflow_is_reported",
        "--exact",
        "--test-threads=1",
    ]);
    let output = child.env("REUNITE_OVERFLOW", "1").output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("overflowed its stack"), "{told}");
}

#[test]
fn a_join_in_the_destructor_of_a_thread_local_works_alone() {
    let _watch = watchdog();
    struct Joins(mpsc::Sender<(u64, u64)>);
    impl Drop for Joins {
        fn drop(&mut self) {
            self.0.send(join(|| fib(10), || fib(9))).unwrap();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Joins>> = const { std::cell::RefCell::new(None) };
    }
    let (tell, told) = mpsc::channel();
    // Used before the library's own thread-locals, or after: they are destroyed in some order.
    for first in [true, false] {
        let tell = tell.clone();
        std::thread::spawn(move || {
            if first {
                fib(10);
            }
            LAST.set(Some(Joins(tell)));
            fib(10);
        })
        .join()
        .unwrap();
        assert_eq!(told.recv().unwrap(), (55, 34));
    }
}

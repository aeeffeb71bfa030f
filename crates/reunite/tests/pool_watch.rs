//! Threads of a pool that block where the library does not see it lose their places to other threads; and no more
//! threads compute at the same time than the pool has places. In a process of its own, because the reporter is global.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{stalls_of, watchdog};
use reunite::prelude::*;
use reunite::{Pool, PoolBuilder};

fn builder(threads: usize) -> PoolBuilder {
    Pool::builder().threads(threads)
}

fn pool(threads: usize) -> Pool {
    builder(threads).build().unwrap()
}

#[test]
fn a_task_that_would_free_all_threads_is_run_by_a_spare() {
    let _watch = watchdog();
    for threads in [1, 2, 3] {
        let pool = pool(threads);
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel();
            let rx = Arc::new(Mutex::new(rx));
            let waits: Vec<_> = (0..5)
                .map(|_| {
                    let rx = Arc::clone(&rx);
                    pool.spawn(move || rx.lock().unwrap().recv().unwrap())
                })
                .collect();
            pool.spawn(move || (0..5).for_each(|n| tx.send(n).unwrap()))
                .detach();
            let sum: i32 = waits.into_iter().map(|task| task.join().unwrap()).sum();
            assert_eq!(sum, 10);
        }
    }
}

#[test]
fn tasks_of_a_scope_that_wait_for_each_other_outside_the_library_all_run() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        let all = Barrier::new(6);
        pool.scope(|s| {
            for _ in 0..6 {
                s.spawn(|| all.wait());
            }
        });
        let (tx, rx) = mpsc::channel();
        pool.scope(|s| {
            let _task = s.spawn(move || tx.send(7).unwrap());
            // The body blocks, and has the only place.
            assert_eq!(rx.recv().unwrap(), 7);
        });
        let (tx, rx) = mpsc::channel();
        let (seven, ()) = pool.join(|| rx.recv().unwrap(), move || tx.send(7).unwrap());
        assert_eq!(seven, 7);
    }
}

#[test]
fn tasks_that_keep_the_threads_are_reported_with_their_lines_once() {
    let _watch = watchdog();
    assert!(stalls_of("kept").is_empty());
    let pool = builder(2).name("kept").build().unwrap();
    let (tx, rx) = mpsc::channel::<()>();
    let rx = Arc::new(Mutex::new(rx));
    let blocks = {
        let rx = Arc::clone(&rx);
        move || rx.lock().unwrap().recv().unwrap_err()
    };
    let first = line!() + 1;
    let one = pool.spawn(blocks.clone());
    let second = line!() + 1;
    let other = pool.spawn(blocks.clone());
    // They are not freed before they are reported: neither the spares, nor those that block as well.
    let more: Vec<_> = (0..4).map(|_| pool.spawn(blocks.clone())).collect();
    let queued: Vec<_> = (0..4).map(|_| pool.spawn(|| ())).collect();
    common::until(|| queued.iter().all(|task| task.is_finished()));
    common::until(|| !stalls_of("kept").is_empty());
    drop(tx);
    for task in [one, other].into_iter().chain(more) {
        task.join().unwrap();
    }
    let stalls = stalls_of("kept");
    assert_eq!(stalls.len(), 1, "{stalls:?}");
    let text = stalls[0].to_string();
    for line in [first, second] {
        assert!(
            text.contains(&format!("pool_watch.rs:{line})")),
            "{line} is missing in {text}"
        );
    }
    assert!(!stalls[0].is_idle);
}

#[test]
fn a_scopes_task_that_keeps_a_thread_is_reported_with_its_own_line() {
    let _watch = watchdog();
    assert!(stalls_of("scoped").is_empty());
    let pool = builder(1).name("scoped").build().unwrap();
    let (tx, rx) = mpsc::channel();
    let mut lines = (0, 0);
    pool.scope(|s| {
        lines.0 = line!() + 1;
        s.spawn(move || rx.recv().unwrap());
        lines.1 = line!() + 1;
        s.spawn(move || tx.send(()).unwrap());
    });
    common::until(|| !stalls_of("scoped").is_empty());
    let text = stalls_of("scoped")[0].to_string();
    for line in [lines.0, lines.1] {
        assert!(text.contains(&format!("pool_watch.rs:{line}")), "{text}");
    }
}

#[test]
fn the_report_of_a_standstill_escapes_the_name_of_its_pool() {
    let _watch = watchdog();
    let _told = common::stalls();
    let pool = builder(1).name("turned\u{202e}\u{1b}[2J").build().unwrap();
    let (tx, rx) = mpsc::channel::<()>();
    let blocks = pool.spawn(move || rx.recv().unwrap_err());
    let queued = pool.spawn(|| ());
    let report = || {
        let mut texts = common::stalls().into_iter().map(|stall| stall.to_string());
        texts.find(|text| text.contains("`turned"))
    };
    common::until(|| report().is_some());
    let text = report().unwrap();
    drop(tx);
    blocks.join().unwrap();
    queued.join().unwrap();
    assert!(text.contains("`turned\\u{202e}\\u{1b}[2J`"), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text:?}");
}

#[test]
fn a_pool_set_not_to_watch_adds_no_thread() {
    let _watch = watchdog();
    let pool = builder(1).spare_after(None).build().unwrap();
    let (tx, rx) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let waits = pool.spawn(move || {
        begin.send(()).unwrap();
        rx.recv().unwrap()
    });
    begun.recv().unwrap();
    let queued = pool.spawn(|| ());
    std::thread::sleep(Duration::from_millis(200));
    assert!(!queued.is_finished());
    tx.send(3).unwrap();
    assert_eq!(waits.join().unwrap(), 3);
}

#[test]
fn a_joiner_runs_a_task_for_which_no_thread_was_found() {
    let _watch = watchdog();
    for builder in [builder(1).spare_after(None), builder(1).spares(0)] {
        let pool = builder.build().unwrap();
        let (tx, rx) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let waits = pool.spawn(move || {
            begin.send(()).unwrap();
            rx.recv().unwrap()
        });
        begun.recv().unwrap();
        pool.spawn(move || tx.send(1).unwrap()).join().unwrap();
        assert_eq!(waits.join().unwrap(), 1);
        // The same in a scope, whose body has a place as well.
        let (begin, begun) = mpsc::channel();
        let (tx, rx) = mpsc::channel();
        pool.scope(|s| {
            let waits = s.spawn(move || {
                begin.send(()).unwrap();
                rx.recv().unwrap()
            });
            begun.recv().unwrap();
            let frees = s.spawn(move || tx.send(2).unwrap());
            frees.join().unwrap();
            assert_eq!(waits.join().unwrap(), 2);
        });
    }
}

#[test]
fn a_body_that_blocks_does_not_keep_the_last_place_of_a_pool_that_is_not_watched() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = builder(threads).spare_after(None).build().unwrap();
        std::thread::scope(|callers| {
            for _ in 0..3 {
                callers.spawn(|| {
                    let (tx, rx) = mpsc::channel();
                    pool.scope(|s| {
                        let _task = s.spawn(move || tx.send(7).unwrap());
                        assert_eq!(rx.recv().unwrap(), 7);
                    });
                });
            }
        });
    }
}

#[test]
fn a_wait_is_not_refused_while_a_member_that_lost_its_place_still_works() {
    let _watch = watchdog();
    let pool = builder(1)
        .spares(1)
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    let (tx, rx) = reunite::channel::unbounded();
    let (go_on, goes_on) = mpsc::channel();
    let works = pool.spawn(move || {
        // The other task gets its place meanwhile.
        goes_on.recv().unwrap();
        tx.send(1).unwrap();
    });
    let (asks, asked) = mpsc::channel();
    let waits = pool.spawn(move || {
        asks.send(()).unwrap();
        rx.recv()
    });
    asked.recv().unwrap();
    // No thread can be added for this task.
    let more = pool.spawn(|| 3);
    std::thread::sleep(Duration::from_millis(100));
    go_on.send(()).unwrap();
    assert_eq!(waits.join().unwrap().unwrap(), 1);
    works.join().unwrap();
    assert_eq!(more.join().unwrap(), 3);
}

#[test]
fn a_visitor_that_lost_its_place_and_leaves_lets_those_it_kept_from_starving() {
    let _watch = watchdog();
    let pool = builder(1)
        .spares(0)
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    let (never, rx) = reunite::channel::unbounded::<u32>();
    let (asks, asked) = mpsc::channel();
    let (waits, more) = pool.enter(|| {
        let waits = pool.spawn(move || {
            asks.send(()).unwrap();
            rx.recv().map_err(|error| error.is_starved())
        });
        // Outside the library, until the worker has the place.
        asked.recv().unwrap();
        let more = pool.spawn(|| 3);
        std::thread::sleep(Duration::from_millis(50));
        (waits, more)
    });
    common::until(|| waits.is_finished());
    assert_eq!(waits.join().unwrap(), Err(true));
    assert_eq!(more.join().unwrap(), 3);
    drop(never);
}

#[test]
fn a_joined_task_is_not_reported_as_waiting() {
    let _watch = watchdog();
    assert!(stalls_of("joined").is_empty());
    let pool = builder(1)
        .name("joined")
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    pool.scope(|s| {
        for _ in 0..10 {
            s.spawn(|| ()).join().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    });
    assert_eq!(stalls_of("joined").len(), 0);
}

#[test]
fn tasks_that_sleep_for_a_while_are_reported_once_as_others_have_their_places() {
    let _watch = watchdog();
    assert!(stalls_of("sleepy").is_empty());
    let pool = builder(2)
        .name("sleepy")
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    for _ in 0..10 {
        pool.scope(|s| {
            for _ in 0..8 {
                s.spawn(|| std::thread::sleep(Duration::from_millis(10)));
            }
        });
        // All have their places again.
        pool.scope(|s| s.map(0..100, |n| n).for_each(|_| ()));
    }
    let stalls = stalls_of("sleepy");
    assert!(stalls.len() <= 1, "{stalls:?}");
}

#[test]
fn tasks_that_keep_the_threads_are_reported_when_no_thread_can_be_added() {
    let _watch = watchdog();
    assert!(stalls_of("spent").is_empty());
    let pool = builder(1).spares(1).name("spent").build().unwrap();
    let (tx, rx) = mpsc::channel::<()>();
    let rx = Arc::new(Mutex::new(rx));
    let blocks = {
        let rx = Arc::clone(&rx);
        move || rx.lock().unwrap().recv().unwrap_err()
    };
    // One blocks, another takes its place and blocks as well, and then there are no more threads.
    let tasks: Vec<_> = (0..2).map(|_| pool.spawn(blocks.clone())).collect();
    let last = line!() + 1;
    let queued = pool.spawn(|| ());
    common::until(|| stalls_of("spent").len() == 2);
    drop(tx);
    tasks.into_iter().for_each(|task| _ = task.join().unwrap());
    queued.join().unwrap();
    let stalls = stalls_of("spent");
    assert_eq!(stalls.len(), 2, "{stalls:?}");
    let (text, line) = (stalls[1].to_string(), format!("pool_watch.rs:{last}"));
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_task_that_lost_its_place_to_one_that_waits_is_reported() {
    let _watch = watchdog();
    assert!(stalls_of("lent").is_empty());
    let pool = builder(1).spares(1).name("lent").build().unwrap();
    let (tx, rx) = mpsc::channel();
    let first = line!() + 1;
    let blocks = pool.spawn(move || rx.recv().unwrap());
    let (never, waits_for) = reunite::channel::unbounded::<u32>();
    // It has the place of the first, and waits where the library sees it.
    let waits = pool.spawn(move || waits_for.recv().is_err());
    let queued = pool.spawn(move || tx.send(1).unwrap());
    common::until(|| stalls_of("lent").len() == 2);
    let text = stalls_of("lent")[1].to_string();
    assert!(text.contains(&format!("pool_watch.rs:{first}")), "{text}");
    queued.join().unwrap();
    assert_eq!(blocks.join().unwrap(), 1);
    drop(never);
    assert!(waits.join().unwrap());
}

#[test]
fn there_are_no_more_threads_than_the_spares_allow() {
    let _watch = watchdog();
    let threads = Arc::new(AtomicUsize::new(0));
    let ours = Arc::clone(&threads);
    let pool = builder(1)
        .spares(2)
        .on_start(move || _ = ours.fetch_add(1, Ordering::SeqCst))
        .build()
        .unwrap();
    let (tx, rx) = mpsc::channel::<()>();
    let rx = Arc::new(Mutex::new(rx));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let rx = Arc::clone(&rx);
            pool.spawn(move || rx.lock().unwrap().recv().unwrap_err())
        })
        .collect();
    common::until(|| threads.load(Ordering::SeqCst) == 3);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(threads.load(Ordering::SeqCst), 3);
    drop(tx);
    for task in tasks {
        task.join().unwrap();
    }
}

/// Counts how many run at the same time.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    /// Computes for a while, during which other threads may run if they can.
    fn compute(&self) -> u64 {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_micros(200);
        let mut rounds = 0;
        while Instant::now() < until {
            rounds += 1;
            std::thread::yield_now();
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        rounds
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn forks(crowd: &Crowd, depth: u32) {
    if depth == 0 {
        crowd.compute();
        return;
    }
    reunite::join(|| forks(crowd, depth - 1), || forks(crowd, depth - 1));
}

#[test]
fn no_more_tasks_compute_at_a_time_than_there_are_places() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = builder(threads).build().unwrap();
        let crowd = &Crowd::default();
        for _ in 0..10 {
            pool.scope(|s| {
                for _ in 0..20 {
                    s.spawn(|| crowd.compute());
                }
                crowd.compute();
                let task = s.spawn(|| crowd.compute());
                task.join().unwrap();
            });
            pool.enter(|| forks(crowd, 4));
            pool.scope(|s| s.map(0..40, |_| crowd.compute()).for_each(|_| ()));
            pool.enter(|| reunite::par(0..40_usize).for_each(|_| _ = crowd.compute()));
        }
        assert!(crowd.most() <= threads, "{} at a time", crowd.most());
    }
}

#[test]
fn a_joiner_computes_in_its_own_place_only_if_one_is_free() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = builder(threads).build().unwrap();
        let crowd = Arc::new(Crowd::default());
        for _ in 0..20 {
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let crowd = Arc::clone(&crowd);
                    pool.spawn(move || crowd.compute())
                })
                .collect();
            for task in tasks {
                task.join().unwrap();
            }
        }
        assert!(crowd.most() <= threads, "{} at a time", crowd.most());
    }
}

/// Linux can distinguish a thread that computes from one that sleeps.
#[cfg(target_os = "linux")]
#[test]
fn a_task_that_computes_for_long_keeps_its_place() {
    let _watch = watchdog();
    let pool = builder(1)
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    let crowd = Arc::new(Crowd::default());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let crowd = Arc::clone(&crowd);
            pool.spawn(move || {
                let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
                crowd.most.fetch_max(now, Ordering::SeqCst);
                let until = Instant::now() + Duration::from_millis(100);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                crowd.now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for task in tasks {
        task.join().unwrap();
    }
    assert_eq!(crowd.most(), 1);
}

#[test]
fn a_member_that_goes_on_gets_its_place_back() {
    let _watch = watchdog();
    assert!(stalls_of("nobody").is_empty());
    let pool = builder(1)
        .spare_after(Duration::from_millis(1))
        .build()
        .unwrap();
    for _ in 0..20 {
        let (tx, rx) = mpsc::channel();
        let waits = pool.spawn(move || rx.recv().unwrap());
        pool.spawn(move || tx.send(1).unwrap()).detach();
        assert_eq!(waits.join().unwrap(), 1);
    }
    // All are back, and there is one place, as before.
    let done = Arc::new(AtomicBool::new(false));
    let ours = Arc::clone(&done);
    pool.spawn(move || ours.store(true, Ordering::SeqCst))
        .detach();
    common::until(|| done.load(Ordering::SeqCst));
    pool.shutdown(common::LONG).unwrap();
}

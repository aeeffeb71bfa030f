//! Contract program 8 and similar ones: a cycle of waits is an error, not a hang. This file has the programs
//! that only some homes of tasks have; `homes_deadlock.rs` and `homes_deadlock_joins.rs` have those that all
//! have. The cycles here are found no matter what else runs in the process; `quiet` has those that need the
//! rest of the process to be quiet.

mod common;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use reunite::Builder;
use reunite::sync::{Barrier, Mutex, MutexGuard, ReadGuard, RwLock, Semaphore};

#[test]
fn semaphore_over_release() {
    let _watchdog = common::watchdog();
    let permits = Semaphore::new(2);
    assert!(permits.release(1).unwrap_err().is_refused());
    permits.acquire().unwrap().forget();
    assert_eq!(permits.available(), 1);
    permits.release(1).unwrap();
    assert!(
        permits
            .release(1)
            .unwrap_err()
            .to_string()
            .contains("forgotten permits: 0")
    );
}

/// A permit whose holder exists comes back by itself: given back twice, there would be more than there are.
#[test]
fn a_permit_that_is_still_held_cannot_be_released() {
    let permits = std::sync::Arc::new(Semaphore::new(3));
    let held = permits.acquire_many(2).unwrap();
    let owned = permits.acquire_many_owned(1).unwrap();
    assert!(permits.release(1).unwrap_err().is_refused());
    drop(held);
    assert_eq!(permits.available(), 2);
    assert!(permits.release(1).unwrap_err().is_refused());
    owned.forget();
    assert_eq!(permits.available(), 2);
    permits.release(1).unwrap();
    assert_eq!(permits.available(), permits.permits());
}

#[test]
fn a_lock_cycle_with_the_other_half_of_a_fork_is_a_deadlock() {
    let _watchdog = common::watchdog();
    // Whichever thread runs the other half, a thread that waits for that half holds the lock.
    let lock = Mutex::new(());
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let refused = pool.enter(|| {
        let _guard = lock.lock().unwrap();
        let ((), refused) = reunite::join(|| (), || lock.lock().map(drop));
        refused
    });
    assert!(refused.unwrap_err().is_deadlock());
}

#[test]
fn joining_a_task_queued_behind_one_that_waits_for_the_joiner_is_a_deadlock() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let guard = lock.lock().unwrap();
    reunite::ScopeBuilder::new()
        .max_threads(1)
        .scope(|s| {
            let holder = s.spawn(|| lock.lock().map(drop));
            let queued = s.spawn(|| 1);
            let joined = queued.join();
            drop(guard);
            let refused = holder.join().unwrap();
            assert!(
                refused.is_err() || joined.is_err(),
                "one of the two was refused"
            );
            if let Err(error) = joined {
                assert!(error.is_deadlock(), "{error}");
            }
        })
        .unwrap();
}

/// The holder of the only place waits for the scope's body, which waits for a task that queues. Another task
/// runs beyond the limit, or is dropped as it is refused a thread, when they begin to wait: it could give its
/// place to the queued one. When it has ended, the rest is a deadlock, and no further wait begins that would
/// find it.
#[test]
fn a_queued_task_that_can_get_no_place_any_more_is_a_deadlock() {
    let _watchdog = common::watchdog();
    for last in [Builder::new(), Builder::new().stack_size(usize::MAX)] {
        closed_by_the_end_of(last);
    }
}

/// Sends when its drop begins, and waits for the other end.
struct Gate(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        self.1.recv().unwrap_err();
    }
}

fn closed_by_the_end_of(last: Builder) {
    let lock = Mutex::new(());
    let (give, given) = mpsc::channel::<reunite::JoinHandle<()>>();
    let (begin, begun) = mpsc::channel();
    let (open, opened) = mpsc::channel::<()>();
    let gate = Gate(begin, opened);
    let ended = reunite::ScopeBuilder::new().max_threads(1).scope(|s| {
        let guard = lock.lock().unwrap();
        let lock = &lock;
        let holder = s.spawn(move || {
            let last = given.recv().unwrap();
            // With a time limit, so that it gets a thread of its own.
            let joins = reunite::spawn(move || drop({ last }.join_timeout(common::LONG)));
            let locked = lock.lock().map(drop);
            joins.join().unwrap();
            locked
        });
        let queued = s.spawn(|| 1);
        give.send(s.spawn_with(last, move || drop(gate))).unwrap();
        begun.recv().unwrap();
        common::until(|| format!("{holder:?}").contains("in lock"));
        let opens = std::thread::spawn(move || {
            // Long enough for both to be listed as waiting. Otherwise the later one finds the cycle itself.
            std::thread::sleep(Duration::from_millis(20));
            drop(open);
        });
        let joined = queued.join();
        drop(guard);
        opens.join().unwrap();
        (joined.map_err(|error| error.is_deadlock()), holder.join())
    });
    let (joined, locked) = ended.unwrap();
    match locked.unwrap() {
        Ok(()) => assert_eq!(joined, Err(true)),
        Err(error) => assert!(error.is_deadlock() && joined == Ok(1), "{error}"),
    }
}

/// Destructors of thread-locals run when some of the library's own thread-locals are gone already. A wait
/// that is given up there leaves the queue all the same: a writer left behind would keep readers out.
#[test]
fn a_wait_given_up_by_a_thread_that_is_ending_leaves_the_queue() {
    static LOCK: RwLock<()> = RwLock::new(());
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            let outcome = LOCK.write_timeout(Duration::from_millis(1));
            assert!(outcome.unwrap_err().is_timeout());
        }
    }
    thread_local! {
        static LAST: Waits = const { Waits };
    }
    let wait = || drop(LOCK.write_timeout(Duration::from_millis(1)));
    let begin = || LAST.with(|_| ());
    let _watchdog = common::watchdog();
    let _read = LOCK.read().unwrap();
    // Whichever thread-local is destroyed first.
    for steps in [[wait as fn(), begin as fn()], [begin, wait]] {
        let thread = std::thread::spawn(move || steps.iter().for_each(|step| step()));
        thread.join().unwrap();
        assert!(LOCK.try_read().is_ok(), "nobody queues");
    }
}

/// Every wait has a form with a timeout, also those for owned permits.
#[test]
fn waits_for_a_permit_that_comes_too_late_time_out() {
    let _watchdog = common::watchdog();
    let short = Duration::from_millis(2);
    let soon = || std::time::Instant::now() + short;
    let permits = std::sync::Arc::new(Semaphore::new(1));
    let held = permits.try_acquire_many_owned(1).unwrap();
    assert!(permits.try_acquire_many_owned(1).unwrap_err().is_busy());
    let late = permits.acquire_many_owned_timeout(1, short).unwrap_err();
    assert!(late.is_timeout(), "{late}");
    let late = permits.acquire_many_owned_deadline(1, soon()).unwrap_err();
    assert!(late.is_timeout(), "{late}");
    drop(held);
    assert_eq!(
        permits
            .acquire_many_owned_timeout(1, short)
            .unwrap()
            .count(),
        1
    );
    assert_eq!(permits.available(), 1);
}

/// Waits for the lock that the caller holds, and returns the reason why that would never end.
fn taken_twice(lock: &Mutex<()>) -> String {
    let _guard = lock.lock().unwrap();
    lock.lock().unwrap_err().to_string()
}

/// Runs `f` as a task on the pool's worker, never on the joiner's thread.
fn on_worker(pool: &reunite::Pool, f: impl FnOnce() + Send + 'static) {
    let task = pool.spawn(f);
    common::until(|| task.is_finished());
    task.join().unwrap();
}

thread_local! {
    static KEPT: RefCell<Vec<MutexGuard<'static, ()>>> = const { RefCell::new(Vec::new()) };
    static KEPT_TO_READ: RefCell<Vec<ReadGuard<'static, ()>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn a_guard_that_outlives_its_task_is_no_leak_after_its_release() {
    static LOCK: Mutex<()> = Mutex::new(());
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    on_worker(&pool, || {
        KEPT.with(|kept| kept.borrow_mut().push(LOCK.lock().unwrap()));
    });
    // As far as the library knows.
    let error = LOCK.lock().unwrap_err().to_string();
    assert!(error.contains("leaked its guard"), "{error}");
    on_worker(&pool, || KEPT.with(|kept| kept.borrow_mut().clear()));
    let error = taken_twice(&LOCK);
    assert!(!error.contains("leaked"), "{error}");
}

#[test]
fn one_of_two_guards_that_outlive_their_task_can_be_released() {
    static LOCK: RwLock<()> = RwLock::new(());
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    on_worker(&pool, || {
        let read = || LOCK.read().unwrap();
        KEPT_TO_READ.with(|kept| kept.borrow_mut().extend([read(), read()]));
    });
    for _ in 0..2 {
        let error = LOCK.write().unwrap_err().to_string();
        assert!(error.contains("leaked its guard"), "{error}");
        on_worker(&pool, || {
            drop(KEPT_TO_READ.with(|kept| kept.borrow_mut().pop()));
        });
    }
    drop(LOCK.write().unwrap());
    let _reads = LOCK.read().unwrap();
    let error = LOCK.write().unwrap_err().to_string();
    assert!(!error.contains("leaked"), "{error}");
}

/// Makes a ring of `count` locks: one wait is refused, and its error names all of them.
fn ring(count: usize) {
    let _watchdog = common::watchdog();
    let locks: Vec<_> = (0..count).map(|_| Mutex::new(())).collect();
    let all = Barrier::new(count);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..count {
            let (locks, all, refused) = (&locks, &all, &refused);
            s.spawn(move || {
                let _mine = locks[n].lock().unwrap();
                all.wait().unwrap();
                if let Err(error) = locks[(n + 1) % count].lock() {
                    assert_eq!(error.deadlock().unwrap().links().len(), count);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 1);
}

#[test]
fn a_long_ring_of_locks_is_a_deadlock() {
    ring(300);
}

/// Once all have begun, each half waits for the lock that the other half's task holds.
#[test]
fn two_forks_that_cross_are_a_deadlock() {
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let locks = [Mutex::new(()), Mutex::new(())];
    let both = Barrier::new(2);
    let cross = |one: usize, other: usize| {
        let _guard = locks[one].lock().unwrap();
        both.wait().unwrap();
        locks[other].lock().is_err()
    };
    let refused = reunite::scope(|s| {
        let [x, y] = [(0, 1), (1, 0)].map(|(one, other)| {
            let (pool, cross) = (&pool, &cross);
            s.spawn(move || pool.enter(|| reunite::join(|| cross(one, other), || false).0))
        });
        [x.join().unwrap(), y.join().unwrap()]
    });
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1);
}

/// Two threads could let a queued task begin. The one that was started beyond the limit ends, and the other
/// waits for the joiner: no further wait begins, and yet it is a cycle from then on.
#[test]
fn a_queued_task_is_a_deadlock_once_no_running_task_is_left_to_start_it() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let (go, goes) = mpsc::channel::<()>();
    let (late, is_late) = mpsc::channel();
    let mut guard = Some(lock.lock().unwrap());
    let refused = reunite::ScopeBuilder::new()
        .max_threads(1)
        .scope(|s| {
            let lock = &lock;
            let holder = s.spawn(move || {
                let mut beyond = s.spawn(move || goes.recv().unwrap());
                let beyond_the_limit = beyond.join_timeout(Duration::from_millis(1));
                assert!(beyond_the_limit.unwrap_err().is_timeout());
                late.send(()).unwrap();
                lock.lock().is_err()
            });
            is_late.recv().unwrap();
            let queued = s.spawn(|| ());
            let helper = std::thread::spawn(move || {
                // Long enough for the other waits to be known; otherwise they find the cycle when they begin.
                std::thread::sleep(Duration::from_millis(20));
                go.send(()).unwrap();
            });
            let joined = queued.join().is_err();
            drop(guard.take());
            helper.join().unwrap();
            joined || holder.join().unwrap()
        })
        .unwrap();
    assert!(refused);
}

/// The consumer waits before there is an item, and learns which item it waits for when there is one.
#[test]
fn a_map_whose_first_item_needs_a_lock_of_its_consumer_is_a_deadlock() {
    let _watchdog = common::watchdog();
    let lock = &Mutex::new(());
    let asks = || {
        let dump = reunite::dump().to_string();
        let mut lines = dump.lines();
        lines.any(|line| line.contains("waits for the next outcome of") && line.contains("`kept`"))
    };
    reunite::scope(|s| {
        let consumer = s.spawn(|| {
            let source = (0..1).inspect(|_| common::until(asks));
            let items = s.map(source, |_| lock.lock().is_err()).name("kept");
            let mut outcomes = items.threads(1).into_iter();
            let held = lock.lock().unwrap();
            let is_refused = outcomes.next().unwrap();
            drop(held);
            is_refused.is_err() || is_refused.unwrap()
        });
        assert!(consumer.join().unwrap());
    });
}

/// One worker waits, which does not starve the pool. Then the other one blocks outside the library, and the
/// pool is starved.
#[test]
fn a_wait_starves_when_the_other_worker_blocks_outside_the_library() {
    let _watchdog = common::watchdog();
    let pool = reunite::Pool::builder()
        .threads(2)
        .spares(0)
        .build()
        .unwrap();
    let (tx, rx) = reunite::channel::bounded::<u8>(1);
    let (end, ends) = mpsc::channel::<()>();
    let waits = pool.spawn(move || rx.recv().unwrap_err().is_starved());
    // Long enough for its wait to be known.
    reunite::sleep(Duration::from_millis(20)).unwrap();
    let blocks = pool.spawn(move || reunite::blocking(|| ends.recv().unwrap()));
    let queued = pool.spawn(|| ());
    // A join would run it.
    common::until(|| queued.is_finished() && waits.is_finished());
    assert!(waits.join().unwrap());
    end.send(()).unwrap();
    blocks.join().unwrap();
    drop(tx);
}

//! Contract program 8 and its kin: a cycle of waits is an error, not a hang. Here the cycles are certain
//! whoever else runs; those that need the whole process to be quiet are in `quiet.rs`.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use reunite::sync::{Barrier, Mutex, OnceCell, RwLock, Semaphore};
use reunite::{Builder, Deadlock, WaitError};

fn story(error: &WaitError) -> &Deadlock {
    error.deadlock().expect("a deadlock")
}

#[test]
fn two_locks_in_opposite_order() {
    let _watchdog = common::watchdog();
    let (a, b) = (Mutex::new('a'), Mutex::new('b'));
    let both = Barrier::new(2);
    let outcomes = reunite::scope(|s| {
        let cross = |one: &'static str, first, second| {
            let both = &both;
            s.spawn_with(reunite::Builder::new().name(one), move || {
                let first: &Mutex<char> = first;
                let second: &Mutex<char> = second;
                let _first = first.lock()?;
                both.wait()?;
                second.lock().map(|value| *value)
            })
        };
        let (x, y) = (cross("x", &a, &b), cross("y", &b, &a));
        [x.join().unwrap(), y.join().unwrap()]
    });
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .collect();
    assert_eq!(
        failed.len(),
        1,
        "one is refused, the other goes on: {outcomes:?}"
    );
    let deadlock = story(failed[0]);
    assert_eq!(deadlock.links().len(), 2);
    let text = deadlock.to_string();
    for part in [
        "task `x`",
        "task `y`",
        "locks a mutex",
        "held since",
        "same order",
        "deadlock.rs:",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(deadlock.links().iter().all(|link| link.holds.len() == 1));
}

#[test]
fn three_locks_in_a_ring() {
    let _watchdog = common::watchdog();
    let locks = [Mutex::new(0), Mutex::new(1), Mutex::new(2)];
    let all = Barrier::new(3);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..3 {
            let (locks, all, refused) = (&locks, &all, &refused);
            s.spawn(move || {
                let _mine = locks[n].lock().unwrap();
                all.wait().unwrap();
                if let Err(error) = locks[(n + 1) % 3].lock() {
                    assert_eq!(story(&error).links().len(), 3);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 1);
}

#[test]
fn taking_a_lock_twice() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let _guard = lock.lock().unwrap();
    let error = lock.lock().unwrap_err();
    assert_eq!(story(&error).links().len(), 1);
    assert!(
        error
            .to_string()
            .contains("release the lock before taking it again"),
        "{error}"
    );
    assert!(
        lock.lock_timeout(Duration::from_millis(5))
            .unwrap_err()
            .is_timeout()
    );
    assert!(lock.try_lock().unwrap_err().is_busy());
}

#[test]
fn join_under_a_lock_the_child_wants() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let guard = lock.lock().unwrap();
    let child_waits = reunite::scope(|s| {
        let child = s.spawn_with(reunite::Builder::new().name("child"), || {
            lock.lock().map(drop)
        });
        match child.join() {
            // The join was the newer wait.
            Err(error) => {
                let text = error.to_string();
                assert!(
                    error.is_deadlock() && text.contains("joins task `child`"),
                    "{text}"
                );
                assert!(text.contains("release the lock before waiting"), "{text}");
                drop(guard);
                true
            }
            // The child's lock was.
            Ok(refused) => {
                assert!(refused.unwrap_err().is_deadlock());
                false
            }
        }
    });
    // Either way the scope has ended.
    let _ = child_waits;
}

#[test]
fn the_end_of_a_scope_is_never_the_victim() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let guard = lock.lock().unwrap();
    let outcome = Mutex::new(None);
    reunite::scope(|s| {
        s.spawn(|| *outcome.lock().unwrap() = Some(lock.lock().map(drop)));
    });
    drop(guard);
    let outcome = outcome.into_inner().expect("the child went on");
    let error = outcome.unwrap_err();
    assert!(
        story(&error)
            .to_string()
            .contains("waits for the end of scope"),
        "{error}"
    );
}

#[test]
fn tasks_that_join_each_other() {
    let _watchdog = common::watchdog();
    use reunite::channel::bounded;
    let (to_a, from_main_a) = bounded::<reunite::JoinHandle<bool>>(1);
    let (to_b, from_main_b) = bounded::<reunite::JoinHandle<bool>>(1);
    let wait_for_the_other = |inbox: reunite::channel::Receiver<reunite::JoinHandle<bool>>| {
        move || match inbox.recv().unwrap().join() {
            Ok(refused) => refused,
            Err(error) => {
                assert!(error.is_deadlock(), "{error}");
                assert!(error.to_string().contains("joins task"), "{error}");
                true
            }
        }
    };
    let done = reunite::channel::bounded::<()>(0);
    let a = reunite::Builder::new()
        .name("a")
        .spawn(wait_for_the_other(from_main_a));
    let b = reunite::Builder::new()
        .name("b")
        .spawn(wait_for_the_other(from_main_b));
    a.on_complete({
        let tx = done.0.clone();
        move || drop(tx)
    });
    b.on_complete({
        let tx = done.0.clone();
        move || drop(tx)
    });
    drop(done.0);
    to_a.send(b).unwrap();
    to_b.send(a).unwrap();
    assert!(
        done.1.recv().unwrap_err().is_closed(),
        "both have completed"
    );
}

#[test]
fn upgrade_of_a_read_lock() {
    let _watchdog = common::watchdog();
    let lock = RwLock::new(1);
    let _read = lock.read().unwrap();
    let error = lock.write().unwrap_err();
    assert!(
        story(&error).to_string().contains("writes a lock"),
        "{error}"
    );
}

#[test]
fn two_readers_that_both_upgrade() {
    let _watchdog = common::watchdog();
    let lock = RwLock::new(0);
    let both = Barrier::new(2);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                let read = lock.read().unwrap();
                both.wait().unwrap();
                let refusal = lock.write().err();
                drop(read);
                if let Some(error) = refusal {
                    assert!(error.is_deadlock());
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    // Each waits for its own read: both are refused, whatever the other does.
    assert_eq!(refused.into_inner(), 2);
}

#[test]
fn reading_again_behind_a_writer() {
    let _watchdog = common::watchdog();
    let lock = RwLock::new(0);
    let (writing, written) = reunite::channel::bounded(1);
    let writer_refused = reunite::scope(|s| {
        let read = lock.read().unwrap();
        let writer = s.spawn(|| {
            writing.send(()).unwrap();
            lock.write().map(drop)
        });
        written.recv().unwrap();
        // The writer queues in a moment: from then on nobody reads anew.
        let refusal = loop {
            match lock.read() {
                Ok(again) => drop(again),
                Err(error) => break Some(error),
            }
            if writer.is_finished() {
                break None;
            }
        };
        drop(read);
        if let Some(error) = &refusal {
            assert!(
                story(error).to_string().contains("waits to write before"),
                "{error}"
            );
        }
        (refusal.is_some(), writer.join().unwrap().is_err())
    });
    assert!(
        writer_refused.0 != writer_refused.1,
        "one of the two, not both: {writer_refused:?}"
    );
}

#[test]
fn lazy_initialisation_that_re_enters_itself() {
    let _watchdog = common::watchdog();
    static CELL: OnceCell<u8> = OnceCell::new();
    let error = CELL.get_or_init(|| match CELL.get_or_init(|| 1) {
        Ok(_) => 0,
        Err(error) => {
            assert!(error.is_deadlock(), "{error}");
            assert!(error.to_string().contains("do without it"), "{error}");
            7
        }
    });
    assert_eq!(*error.unwrap(), 7);
}

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
            .contains("0 are forgotten")
    );
}

/// A permit that somebody has comes back by itself: given back twice, there would be more than there are.
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
fn dining_philosophers_in_order_eat() {
    let _watchdog = common::watchdog();
    let forks: Vec<_> = (0..5).map(Mutex::new).collect();
    let meals = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..5_usize {
            let (forks, meals) = (&forks, &meals);
            s.spawn(move || {
                let (low, high) = (n.min((n + 1) % 5), n.max((n + 1) % 5));
                for _ in 0..100 {
                    let _low = forks[low].lock().unwrap();
                    let _high = forks[high].lock().unwrap();
                    meals.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(meals.into_inner(), 500);
}

#[test]
fn dining_philosophers_naively_are_refused_once() {
    let _watchdog = common::watchdog();
    let forks: Vec<_> = (0..5).map(Mutex::new).collect();
    let seated = Barrier::new(5);
    let refused = AtomicUsize::new(0);
    reunite::scope(|s| {
        for n in 0..5 {
            let (forks, seated, refused) = (&forks, &seated, &refused);
            s.spawn(move || {
                let _left = forks[n].lock().unwrap();
                seated.wait().unwrap();
                if let Err(error) = forks[(n + 1) % 5].lock() {
                    assert_eq!(story(&error).links().len(), 5);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 1);
}

#[test]
fn a_lock_whose_guard_was_forgotten() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(1);
    reunite::scope(|s| {
        s.spawn_with(reunite::Builder::new().name("careless"), || {
            std::mem::forget(lock.lock().unwrap());
        })
        .join()
        .unwrap();
        let error = s
            .spawn(|| lock.lock().map(drop))
            .join()
            .unwrap()
            .unwrap_err();
        assert!(error.to_string().contains("task `careless`"), "{error}");
        assert!(error.to_string().contains("leaked"), "{error}");
    });
}

#[test]
fn a_lock_in_the_other_half_of_a_fork() {
    let _watchdog = common::watchdog();
    // Whichever thread runs the other half, the lock is held by one who waits for it.
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
fn a_queued_task_behind_one_that_waits_for_the_joiner() {
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

/// Who holds the only place waits for the scope's body, and that for a task which queues. Another task runs beyond the
/// limit, or is dropped as it is refused a thread, when they begin to wait: it could give its place to the one that
/// queues. What is left when it has ended is a deadlock, and nobody begins to wait any more who would notice.
#[test]
fn a_queued_task_that_nobody_gives_a_place_to_any_more() {
    let _watchdog = common::watchdog();
    for last in [Builder::new(), Builder::new().stack_size(usize::MAX)] {
        closed_by_the_end_of(last);
    }
}

/// Tells that its drop has begun, and waits for the other end.
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
            // For a limited time, so that it gets a thread of its own.
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
            // Long enough for both to be listed as waiting. If it is not, the later finds it by itself.
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

#[test]
fn a_wait_that_ends_by_itself_is_no_deadlock() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    let guard = lock.lock().unwrap();
    let (refused, joined) = reunite::scope(|s| {
        let child = s.spawn(|| lock.lock_timeout(Duration::from_millis(50)).map(drop));
        let joined = child.join();
        drop(guard);
        (joined.as_ref().unwrap().is_err(), joined.is_ok())
    });
    assert!(
        refused && joined,
        "the child timed out, and the join had its result"
    );
}

#[test]
fn a_poisoned_lock_says_so() {
    let _watchdog = common::watchdog();
    let lock = RwLock::new(1);
    let panicked = reunite::scope(|s| {
        s.spawn(|| {
            let _guard = lock.write().unwrap();
            panic!("half done");
        })
        .join()
    });
    assert!(panicked.is_err());
    assert!(lock.read().unwrap_err().is_poisoned());
    assert!(lock.write().unwrap_err().is_poisoned());
    assert!(lock.try_read().unwrap_err().is_poisoned());
    lock.clear_poison();
    assert_eq!(*lock.read().unwrap(), 1);
}

/// Destructors of a thread's locals run when some of what the library keeps for the thread is gone already. Who
/// gives up waiting there leaves the queue all the same: a writer left behind would keep readers out.
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
    // Whichever local goes first.
    for steps in [[wait as fn(), begin as fn()], [begin, wait]] {
        let thread = std::thread::spawn(move || steps.iter().for_each(|step| step()));
        thread.join().unwrap();
        assert!(LOCK.try_read().is_ok(), "nobody queues");
    }
}

/// However many locks are held and in which order they are released, a task that runs inside another's join has
/// leaked its own, and not one of the other's.
#[test]
fn a_leak_is_told_from_the_many_locks_of_the_joiner() {
    let _watchdog = common::watchdog();
    let locks: Vec<_> = (0..12).map(|_| Mutex::new(())).collect();
    let leaked = Mutex::new(());
    reunite::ScopeBuilder::new()
        .max_threads(1)
        .scope(|s| {
            let outer = s.spawn(|| {
                let mut guards: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
                drop(guards.remove(0));
                drop(guards.remove(5));
                // There is no other place: it runs here.
                let inner = s.spawn(|| std::mem::forget(leaked.lock().unwrap()));
                inner.join().unwrap();
                // Each is still this task's, and so says the refusal to take it again.
                let again = locks[7..].iter().map(|lock| lock.lock().unwrap_err());
                again.map(|error| error.to_string()).collect::<Vec<_>>()
            });
            for error in outer.join().unwrap() {
                assert!(!error.contains("leaked"), "{error}");
            }
        })
        .unwrap();
    let error = leaked.lock().unwrap_err();
    assert!(error.to_string().contains("leaked its guard"), "{error}");
}

/// A lock is gone, and then the task ends that forgot its guard: whatever lies at that address by now is no lock
/// of which anybody has leaked anything.
#[test]
fn a_lock_that_is_gone_before_its_leak_is_known_leaves_nothing_behind() {
    use std::sync::Arc;
    let _watchdog = common::watchdog();
    let (leaked, has_leaked) = reunite::channel::bounded(1);
    let (end, ends) = reunite::channel::bounded(1);
    let lock = Arc::new(Mutex::new(()));
    let address = Arc::as_ptr(&lock);
    let careless = reunite::spawn({
        let lock = Arc::clone(&lock);
        move || {
            std::mem::forget(lock.lock().unwrap());
            drop(lock);
            leaked.send(()).unwrap();
            ends.recv().unwrap();
        }
    });
    has_leaked.recv().unwrap();
    drop(lock);
    // The allocator decides what comes to lie there; it is another lock soon, and if not, nothing is tested.
    let mut others: Vec<_> = (0..1000).map(|_| Arc::new(Mutex::new(()))).collect();
    end.send(()).unwrap();
    careless.join().unwrap();
    others.retain(|other| Arc::as_ptr(other) == address);
    for other in others {
        // Refused, as the lock is held by a thread that waits; and not because anything was leaked.
        let guard = other.lock().unwrap();
        let error = other.lock().unwrap_err();
        drop(guard);
        assert!(!error.to_string().contains("leaked"), "{error}");
    }
}

/// Every wait has a form with a timeout, those for a value that another makes and for owned permits, too.
#[test]
fn a_value_or_a_permit_that_comes_too_late() {
    let _watchdog = common::watchdog();
    let short = Duration::from_millis(2);
    let soon = || std::time::Instant::now() + short;
    let cell = OnceCell::new();
    let lazy = reunite::sync::Lazy::new(|| *cell.get().unwrap());
    let (making, made) = (Barrier::new(2), Barrier::new(2));
    reunite::scope(|s| {
        s.spawn(|| {
            cell.get_or_init(|| {
                making.wait().unwrap();
                made.wait().unwrap();
                1
            })
            .map(drop)
        });
        making.wait().unwrap();
        let late = cell.get_or_init_timeout(|| 2, short).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        let late = cell.get_or_init_deadline(|| 2, soon()).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        made.wait().unwrap();
    });
    assert_eq!(cell.get_or_init_timeout(|| 2, Duration::ZERO).unwrap(), &1);
    assert_eq!(lazy.force_timeout(short).unwrap(), &1);
    assert_eq!(lazy.force_deadline(soon()).unwrap(), &1);

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

/// A condition that came true with the end of the time beats that; one that did not, does not.
#[test]
fn a_condition_is_waited_for_until_a_deadline() {
    use reunite::sync::Condvar;
    let _watchdog = common::watchdog();
    let (count, changed) = (Mutex::new(0), Condvar::new());
    let mut guard = count.lock().unwrap();
    let soon = std::time::Instant::now() + Duration::from_millis(2);
    let late = changed.wait_while_deadline(&mut guard, |_| true, soon);
    assert!(late.unwrap_err().is_timeout());
    let mut asked = 0;
    let in_time = changed.wait_while_deadline(
        &mut guard,
        |_| {
            asked += 1;
            asked == 1
        },
        soon,
    );
    in_time.unwrap();
    assert_eq!(asked, 2);
}

/// The end of a scope cannot give way, so the child that it waits for is refused the lock that the opener holds, also
/// in the middle of a wait for a condition.
#[test]
fn a_condition_whose_lock_the_end_of_the_scope_holds() {
    use reunite::sync::Condvar;
    let _watchdog = common::watchdog();
    let (flag, changed) = (Mutex::new(false), Condvar::new());
    let refused = std::sync::Mutex::new(None);
    let mut held = None;
    reunite::scope(|s| {
        let (waits, waiting) = reunite::channel::bounded(1);
        let (flag, changed, refused) = (&flag, &changed, &refused);
        s.spawn(move || {
            let mut guard = flag.lock().unwrap();
            waits.send(()).unwrap();
            let outcome = changed.wait_while(&mut guard, |ready| !*ready);
            let looks = std::panic::AssertUnwindSafe(|| *guard);
            let panics = std::panic::catch_unwind(looks).is_err();
            // Nor does it wait again, and no notification gets lost by that.
            let waits = std::panic::AssertUnwindSafe(|| changed.wait(&mut guard).is_ok());
            let panics = panics && std::panic::catch_unwind(waits).is_err();
            *refused.lock().unwrap() = Some((outcome, panics));
        });
        waiting.recv().unwrap();
        // Had only once the other waits for the change.
        let mut guard = flag.lock().unwrap();
        *guard = true;
        changed.notify_all();
        held = Some(guard);
    });
    let (outcome, panics) = refused.into_inner().unwrap().unwrap();
    let error = outcome.unwrap_err();
    let told = story(&error).to_string();
    assert!(told.contains("waits for the end of scope"), "{told}");
    assert!(panics, "the guard has no lock");
    drop(held);
    assert!(*flag.lock().unwrap(), "it was not released by the other");
    *flag.lock().unwrap() = false;
    reunite::scope(|s| {
        let (waits, waiting) = reunite::channel::bounded(1);
        let (flag, changed) = (&flag, &changed);
        s.spawn(move || {
            let mut guard = flag.lock().unwrap();
            waits.send(()).unwrap();
            changed.wait_while(&mut guard, |ready| !*ready).unwrap();
        });
        waiting.recv().unwrap();
        *flag.lock().unwrap() = true;
        changed.notify_one();
    });
}

/// Also where no task of its own is over: a worker that goes on to other work holds nothing.
#[test]
fn a_guard_that_is_forgotten_on_a_worker() {
    let _watchdog = common::watchdog();
    let (queued, forked) = (Mutex::new(()), Mutex::new(()));
    let over = std::sync::atomic::AtomicBool::new(false);
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    pool.scope(|s| {
        s.spawn(|| {
            std::mem::forget(queued.lock().unwrap());
            over.store(true, Ordering::SeqCst);
        });
        // Else the scope's opener would run it.
        common::until(|| over.swap(false, Ordering::SeqCst));
    });
    pool.enter(|| {
        let elsewhere = || {
            std::mem::forget(forked.lock().unwrap());
            over.store(true, Ordering::SeqCst);
        };
        // Forks are shared where another is made.
        let shares = || reunite::join(|| (), || over.load(Ordering::SeqCst)).1;
        reunite::join(|| common::until(shares), elsewhere);
    });
    for lock in [&queued, &forked] {
        let error = lock.lock().unwrap_err();
        assert!(error.to_string().contains("leaked its guard"), "{error}");
    }
}

//! Cycles of waits among tasks, wherever those run: one wait is refused, and its error names the tasks of the
//! cycle.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::homes::{ALL, Home, Place, in_homes, in_homes_with};
use reunite::channel::bounded;
use reunite::sync::{Barrier, Condvar, Lazy, Mutex, OnceCell, RwLock};
use reunite::{Deadlock, TaskId, WaitError};

/// Checks the links of a deadlock: one for each task, none for a thread, and no line of the library.
fn check_links(at: &Place, names: &[&str], deadlock: &Deadlock) {
    let links = deadlock.links();
    let ids: BTreeSet<TaskId> = links.iter().map(|link| link.task.id()).collect();
    assert_eq!(ids.len(), names.len(), "{deadlock}");
    for link in links {
        let spawned_at = link.task.spawned_at();
        // The first half of the outermost fork runs as a part of the forking task.
        let is_forker = at.home == Home::Forks && link.task.to_string().starts_with("thread `");
        let is_users = spawned_at.file().ends_with("homes.rs");
        assert!(is_users || is_forker, "{deadlock}");
        assert_eq!(link.holds.len(), 1, "{deadlock}");
        assert!(link.at.file().ends_with("homes_deadlock.rs"), "{deadlock}");
    }
    if at.home != Home::Forks {
        let told = deadlock.to_string();
        for (number, name) in names.iter().enumerate() {
            let name = at.home.names(number, name);
            assert!(told.contains(&name), "{name} in {told}");
        }
    }
}

/// Runs a program in which one wait is refused. Returns the text of its error.
fn one_is_refused(
    names: &[&str],
    program: impl Fn() -> Box<dyn Fn(usize) -> Result<(), WaitError> + Send + Sync>,
) -> Vec<String> {
    let told = std::cell::RefCell::new(Vec::new());
    in_homes(ALL, |at| {
        let outcomes = at.run(names, program());
        let outcomes = outcomes.into_iter().map(Result::unwrap);
        let refused: Vec<_> = outcomes.filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let deadlock = refused[0].deadlock().expect("a deadlock");
        check_links(at, names, deadlock);
        told.borrow_mut().push(deadlock.to_string());
    });
    told.into_inner()
}

#[test]
fn two_locks_in_opposite_order_are_a_deadlock() {
    let told = one_is_refused(&["x", "y"], || {
        let locks = [Mutex::new(()), Mutex::new(())];
        let both = Barrier::new(2);
        Box::new(move |n| {
            let _mine = locks[n].lock()?;
            both.wait()?;
            locks[1 - n].lock().map(drop)
        })
    });
    for text in told {
        for part in ["locks a mutex", "held since", "same order"] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }
}

#[test]
fn three_locks_in_a_ring_are_a_deadlock() {
    ring(&["a", "b", "c"]);
}

#[test]
fn five_philosophers_who_take_the_left_fork_first_are_a_deadlock() {
    ring(&["a", "b", "c", "d", "e"]);
}

fn ring(names: &[&str]) {
    let count = names.len();
    one_is_refused(names, || {
        let locks: Vec<_> = (0..count).map(Mutex::new).collect();
        let all = Barrier::new(count);
        Box::new(move |n| {
            let _mine = locks[n].lock()?;
            all.wait()?;
            locks[(n + 1) % count].lock().map(drop)
        })
    });
}

#[test]
fn a_long_ring_of_locks_is_a_deadlock() {
    const COUNT: usize = 60;
    in_homes_with(COUNT / 4, ALL, |at| {
        let locks: Vec<_> = (0..COUNT).map(Mutex::new).collect();
        let all = Barrier::new(COUNT);
        let outcomes = at.run_many(COUNT, |n| {
            let _mine = locks[n].lock().unwrap();
            all.wait().unwrap();
            locks[(n + 1) % COUNT].lock().map(drop)
        });
        let refused = outcomes.into_iter().filter_map(Result::err);
        let links = refused.map(|error| error.deadlock().unwrap().links().len());
        assert_eq!(links.collect::<Vec<_>>(), [COUNT]);
    });
}

#[test]
fn readers_that_write_what_the_next_reads_are_a_deadlock() {
    one_is_refused(&["a", "b", "c"], || {
        let locks: Vec<_> = (0..3).map(RwLock::new).collect();
        let all = Barrier::new(3);
        Box::new(move |n| {
            let _mine = locks[n].read()?;
            all.wait()?;
            locks[(n + 1) % 3].write().map(drop)
        })
    });
}

#[test]
fn two_values_that_need_each_other_are_a_deadlock() {
    one_is_refused(&["x", "y"], || {
        let cells: [OnceCell<()>; 2] = [OnceCell::new(), OnceCell::new()];
        let both = Barrier::new(2);
        Box::new(move |n| {
            let mut inner = Ok(());
            let outer = cells[n].get_or_init(|| {
                inner = both
                    .wait()
                    .and_then(|_| cells[1 - n].get_or_init(|| ()).copied());
            });
            outer?;
            inner
        })
    });
}

#[test]
fn two_readers_that_both_upgrade_are_a_deadlock() {
    in_homes(ALL, |at| {
        let lock = RwLock::new(0);
        let both = Barrier::new(2);
        let refused = at.run_many(2, |_| {
            let _read = lock.read().unwrap();
            both.wait().unwrap();
            lock.write().is_err_and(|error| error.is_deadlock())
        });
        // Each waits for its own read: both are refused, whatever the other does.
        assert_eq!(refused, [true, true]);
    });
}

#[test]
fn reading_again_behind_a_writer_is_a_deadlock() {
    in_homes(ALL, |at| {
        let lock = RwLock::new(0);
        let both = Barrier::new(2);
        let is_over = AtomicBool::new(false);
        let refused = at.run_many(2, |n| {
            if n == 1 {
                both.wait().unwrap();
                let is_refused = lock.write().is_err();
                is_over.store(true, Ordering::SeqCst);
                return is_refused;
            }
            let _read = lock.read().unwrap();
            both.wait().unwrap();
            // The writer queues in a moment: from then on no thread reads anew.
            loop {
                match lock.read() {
                    Ok(again) => drop(again),
                    Err(error) => {
                        let told = error.deadlock().unwrap().to_string();
                        assert!(told.contains("waits to write first"), "{told}");
                        return true;
                    }
                }
                if is_over.load(Ordering::SeqCst) {
                    return false;
                }
            }
        });
        assert!(refused[0] != refused[1], "one of the two: {refused:?}");
    });
}

/// The links may become known in any order, and the chain may be closed in the end or not.
#[test]
fn a_chain_of_waits_is_a_deadlock_only_once_it_is_closed() {
    const COUNT: usize = 40;
    for closes in [false, true] {
        in_homes_with(COUNT.div_ceil(4) + 1, ALL, |at| {
            let locks: Vec<_> = (0..COUNT).map(|_| Mutex::new(())).collect();
            let all = Barrier::new(COUNT);
            let (go, goes) = bounded(1);
            let refused = at.run_many(COUNT + 1, |n| {
                if n == COUNT {
                    // Long enough for the other waits to be known; otherwise they find the cycle when they
                    // begin.
                    reunite::sleep(Duration::from_millis(20)).unwrap();
                    go.send(()).unwrap();
                    return false;
                }
                let _mine = locks[n].lock().unwrap();
                all.wait().unwrap();
                if n < COUNT - 1 {
                    return locks[n + 1].lock().is_err();
                }
                goes.recv().unwrap();
                closes && locks[0].lock().is_err()
            });
            let refused = refused.into_iter().filter(|refused| *refused).count();
            assert_eq!(refused, usize::from(closes));
        });
    }
}

/// One wait of the cycle has a deadline, so nothing is refused.
#[test]
fn a_ring_with_one_deadline_is_no_deadlock() {
    in_homes(ALL, |at| {
        let locks = [Mutex::new(()), Mutex::new(()), Mutex::new(())];
        let all = Barrier::new(3);
        at.run_many(3, |n| {
            let _mine = locks[n].lock().unwrap();
            all.wait().unwrap();
            let next = &locks[(n + 1) % 3];
            if n == 0 {
                let late = next.lock_timeout(Duration::from_millis(30));
                assert!(late.unwrap_err().is_timeout());
            } else {
                drop(next.lock().unwrap());
            }
        });
    });
}

#[test]
fn philosophers_in_order_eat() {
    in_homes(ALL, |at| {
        let forks: Vec<_> = (0..5).map(Mutex::new).collect();
        let meals = AtomicUsize::new(0);
        at.run_many(5, |n| {
            let (low, high) = (n.min((n + 1) % 5), n.max((n + 1) % 5));
            for _ in 0..50 {
                let _low = forks[low].lock().unwrap();
                let _high = forks[high].lock().unwrap();
                meals.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(meals.into_inner(), 250);
    });
}

/// Waits of a task that only the task itself could end.
#[test]
fn a_wait_that_only_its_own_task_could_end_is_refused() {
    in_homes(ALL, |at| {
        at.run_many(2, |_| {
            let lock = Mutex::new(());
            let guard = lock.lock().unwrap();
            let error = lock.lock().unwrap_err();
            assert_eq!(error.deadlock().unwrap().links().len(), 1);
            let advice = "release the lock before taking it again";
            assert!(error.to_string().contains(advice), "{error}");
            let late = lock.lock_timeout(Duration::from_millis(5));
            assert!(late.unwrap_err().is_timeout());
            assert!(lock.try_lock().unwrap_err().is_busy());
            drop(guard);

            let lock = RwLock::new(1);
            let _read = lock.read().unwrap();
            let told = lock.write().unwrap_err().deadlock().unwrap().to_string();
            assert!(told.contains("writes a lock"), "{told}");

            let cell = OnceCell::new();
            let value = cell.get_or_init(|| {
                let error = cell.get_or_init(|| 1).unwrap_err();
                assert!(error.is_deadlock(), "{error}");
                assert!(error.to_string().contains("without using it"), "{error}");
                7
            });
            assert_eq!(value.unwrap(), &7);
        });
    });
}

/// Every wait has a form with a timeout, also those for a value that another task makes.
#[test]
fn waits_for_a_value_that_comes_too_late_time_out() {
    in_homes(ALL, |at| {
        let short = Duration::from_millis(2);
        let soon = || std::time::Instant::now() + short;
        let cell = OnceCell::new();
        let (making, made) = (Barrier::new(2), Barrier::new(2));
        at.run_many(2, |n| {
            if n == 0 {
                let value = cell.get_or_init(|| {
                    making.wait().unwrap();
                    made.wait().unwrap();
                    1
                });
                assert_eq!(value.unwrap(), &1);
                return;
            }
            making.wait().unwrap();
            let late = cell.get_or_init_timeout(|| 2, short).unwrap_err();
            assert!(late.is_timeout(), "{late}");
            let late = cell.get_or_init_deadline(|| 2, soon()).unwrap_err();
            assert!(late.is_timeout(), "{late}");
            made.wait().unwrap();
        });
        assert_eq!(cell.get_or_init_timeout(|| 2, Duration::ZERO).unwrap(), &1);
        let lazy = Lazy::new(|| *cell.get().unwrap());
        assert_eq!(lazy.force_timeout(short).unwrap(), &1);
        assert_eq!(lazy.force_deadline(soon()).unwrap(), &1);
    });
}

/// A condition that becomes true as the time ends counts; one that does not, times out.
#[test]
fn a_condition_is_waited_for_until_a_deadline() {
    in_homes(ALL, |at| {
        at.run_many(2, |_| {
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
        });
    });
}

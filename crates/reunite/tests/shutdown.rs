//! The shutdown of the program. One test at a time, because it concerns every task of the process.

mod common;

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use common::{LONG, until, until_cancelled, watchdog, with_time_enough};

fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn shutdown_stops_what_stops_and_names_what_does_not() {
    let _alone = alone();
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel::<()>();
    let builder = |name| reunite::Builder::new().name(name);
    builder("obedient").spawn(until_cancelled).detach();
    let ours = started.clone();
    builder("deaf")
        .spawn(move || {
            ours.send(()).unwrap();
            wait.recv().unwrap();
        })
        .detach();
    let held = builder("held").spawn(until_cancelled);
    starting.recv().unwrap();
    let names = |list: &[reunite::Straggler]| -> Vec<String> {
        list.iter()
            .map(|late| late.task.name().unwrap_or("?").to_owned())
            .collect()
    };
    assert!(names(&reunite::detached()).contains(&"deaf".to_owned()));

    with_time_enough(|time| {
        let late = reunite::shutdown(time).unwrap_err();
        assert!(late.to_string().contains("task `deaf`"), "{late}");
        let named: Vec<_> = late.iter().cloned().collect();
        // The others need time, too.
        (names(&named) == ["deaf"]).then_some(())
    });
    assert!(held.is_finished());

    go.send(()).unwrap();
    reunite::shutdown(Duration::from_secs(50)).unwrap();
    assert!(reunite::detached().is_empty());
    // The shutdown is not final.
    assert_eq!(reunite::spawn(|| 1).join().unwrap(), 1);
}

/// Longer than a task would take that waited for its caller. The number of tasks it waited for is not compared: a
/// joined task may be about to end.
const NEVER: Duration = LONG;

#[test]
fn a_task_that_shuts_down_does_not_wait_for_itself() {
    let _alone = alone();
    let _watchdog = watchdog();
    let stopped = reunite::spawn(|| reunite::shutdown(NEVER).unwrap()).join();
    stopped.unwrap();
    // It does not cancel its caller either.
    let goes_on = reunite::spawn(|| {
        reunite::shutdown(NEVER).unwrap();
        reunite::checkpoint().is_ok()
    });
    assert!(goes_on.join().unwrap());
    let (tell, told) = mpsc::channel();
    let detached = move || tell.send(reunite::shutdown(NEVER).unwrap()).unwrap();
    reunite::spawn(detached).detach();
    told.recv().unwrap();
}

#[test]
fn a_task_that_shuts_down_does_not_wait_for_the_tasks_that_wait_for_it() {
    let _alone = alone();
    let _watchdog = watchdog();
    let nested = reunite::spawn(|| {
        reunite::scope(|s| {
            let inner = s.spawn(|| {
                let deep = || {
                    reunite::spawn(|| reunite::shutdown(NEVER).unwrap())
                        .join()
                        .unwrap()
                };
                reunite::scope(|s| s.spawn(deep).join().unwrap())
            });
            inner.join().unwrap()
        })
    });
    nested.join().unwrap();
    let mapped = reunite::spawn(|| {
        let items = reunite::map(0..3, |_| reunite::shutdown(NEVER)).threads(1);
        items.into_iter().all(|outcome| outcome.unwrap().is_ok())
    });
    assert!(mapped.join().unwrap());
    let scoped = reunite::spawn(|| {
        reunite::scope(|s| {
            let mut items = s
                .map(0..2, |_| reunite::shutdown(NEVER))
                .threads(1)
                .into_iter();
            items.all(|outcome| outcome.unwrap().is_ok())
        })
    });
    assert!(scoped.join().unwrap());
}

#[test]
fn a_task_of_a_pool_that_shuts_down_does_not_wait_for_itself() {
    let _alone = alone();
    let _watchdog = watchdog();
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let pool = &pool;
    reunite::scope(|s| {
        let by_join = s.spawn(|| {
            pool.spawn(|| reunite::shutdown(NEVER).unwrap())
                .join()
                .unwrap()
        });
        by_join.join().unwrap();
    });
    let global = reunite::spawn(|| {
        let spawned = reunite::Pool::global().spawn(|| reunite::shutdown(NEVER).unwrap());
        let spawned = spawned.join().unwrap();
        let scoped = reunite::Pool::global().scope(|s| {
            let task = s.spawn(|| reunite::shutdown(NEVER).unwrap());
            task.join().unwrap()
        });
        let (one, two) = reunite::join(
            || reunite::shutdown(NEVER).unwrap(),
            || reunite::shutdown(NEVER).unwrap(),
        );
        spawned + scoped + one + two
    });
    global.join().unwrap();
}

#[test]
fn an_installed_closure_that_shuts_down_does_not_wait_for_its_caller() {
    let _alone = alone();
    let _watchdog = watchdog();
    let pool = reunite::Pool::builder().threads(1).build().unwrap();
    let caller = reunite::spawn(move || pool.install(|| reunite::shutdown(NEVER).is_ok()));
    assert!(caller.join().unwrap());
}

#[test]
fn a_shutdown_waits_for_the_other_tasks() {
    let _alone = alone();
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel::<()>();
    let builder = |name| reunite::Builder::new().name(name);
    let obedient = builder("obedient").spawn(until_cancelled);
    let deaf = builder("deaf").spawn(move || {
        started.send(()).unwrap();
        wait.recv().unwrap();
    });
    starting.recv().unwrap();
    let late = builder("caller").spawn(|| reunite::shutdown(Duration::from_millis(50)));
    let late = late.join().unwrap().unwrap_err();
    let names: Vec<_> = late.iter().map(|late| late.task.name()).collect();
    assert_eq!(names, [Some("deaf")], "{late}");
    assert!(obedient.is_finished());
    // It is woken when the last of the others has ended, although its caller still runs.
    let caller = builder("caller").spawn(|| reunite::shutdown(NEVER).unwrap());
    go.send(()).unwrap();
    caller.join().unwrap();
    drop((obedient, deaf));
}

#[test]
fn two_tasks_that_shut_down_do_not_wait_for_each_other() {
    let _alone = alone();
    let _watchdog = watchdog();
    let both = std::sync::Arc::new(std::sync::Barrier::new(2));
    let shut_down = || {
        let both = std::sync::Arc::clone(&both);
        reunite::spawn(move || {
            both.wait();
            reunite::shutdown(NEVER).unwrap()
        })
    };
    let (one, two) = (shut_down(), shut_down());
    one.join().unwrap();
    two.join().unwrap();
    let both = std::sync::Barrier::new(2);
    reunite::spawn(move || {
        let items = reunite::map(0..2, move |_| {
            both.wait();
            reunite::shutdown(NEVER).unwrap()
        });
        // It may have been cancelled before it knew that there are no more, and reports that.
        let done = items.threads(2).into_iter().filter(Result::is_ok);
        assert_eq!(done.count(), 2);
    })
    .join()
    .unwrap();
}

/// Neither waits for the other, nor for the tasks that the other leaves out. So there is no cycle through them,
/// although a third task keeps both waiting.
#[test]
fn two_tasks_that_shut_down_are_in_no_deadlock_with_a_task_that_waits_for_one() {
    let _alone = alone();
    let _watchdog = watchdog();
    // A task that holds a lock is found once its wait is in the graph.
    let waiting = || reunite::dump().to_string().matches("holding").count();
    let hold_and_shut_down = || {
        let lock = reunite::sync::Mutex::new(());
        let _held = lock.lock().unwrap();
        reunite::shutdown(Duration::MAX).unwrap()
    };
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel::<()>();
    let deaf = reunite::spawn(move || {
        started.send(()).unwrap();
        wait.recv().unwrap();
    });
    starting.recv().unwrap();
    let one = reunite::spawn(hold_and_shut_down);
    until(|| waiting() == 1);
    let around = reunite::spawn(move || {
        let lock = reunite::sync::Mutex::new(());
        let _held = lock.lock().unwrap();
        let two = reunite::spawn(hold_and_shut_down);
        two.join().map_err(|error| error.to_string())
    });
    // If the second runs in the place of its joiner, the joiner does not wait.
    let joins = || reunite::dump().to_string().contains("joins task");
    until(|| waiting() == 3 || (waiting() == 2 && !joins()) || around.is_finished());
    go.send(()).unwrap();
    around.join().unwrap().unwrap();
    one.join().unwrap();
    drop(deaf);
}

/// A task that shuts down is left out of its own shutdown, but not of later ones.
#[test]
fn a_task_left_out_of_one_shutdown_is_waited_for_by_the_next() {
    let _alone = alone();
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let busy = reunite::Builder::new().name("busy").spawn(move || {
        reunite::shutdown(NEVER).unwrap();
        tell.send(()).unwrap();
        wait.recv().unwrap_err();
    });
    told.recv().unwrap();
    let late = reunite::shutdown(Duration::ZERO).unwrap_err();
    assert!(late.to_string().contains("task `busy`"), "{late}");
    drop(go);
    busy.join().unwrap();
}

/// The caller of the shutdown holds the lock and waits for this task, which no cancellation reaches.
#[test]
fn a_wait_for_a_task_that_shuts_down_is_refused() {
    let _alone = alone();
    let _watchdog = watchdog();
    // As above.
    let waiting = || reunite::dump().to_string().matches("holding").count();
    let lock = std::sync::Arc::new(reunite::sync::Mutex::new(()));
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel();
    let wants = reunite::spawn({
        let lock = std::sync::Arc::clone(&lock);
        move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
            reunite::shield(|| lock.lock().map(drop))
        }
    });
    starting.recv().unwrap();
    let shuts_down = reunite::spawn(move || {
        let _held = lock.lock().unwrap();
        reunite::shutdown(Duration::MAX).unwrap()
    });
    until(|| waiting() == 1);
    go.send(()).unwrap();
    let error = wants.join().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    shuts_down.join().unwrap();
}

/// A task of a scope is not waited for by a shutdown, but may wait itself: until the tasks have ended that the shutdown
/// concerns.
#[test]
fn a_task_that_the_shutdown_does_not_wait_for_waits_for_its_end() {
    let _alone = alone();
    let _watchdog = watchdog();
    // As above.
    let waiting = || reunite::dump().to_string().matches("holding").count();
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel();
    let deaf = reunite::spawn(move || {
        started.send(()).unwrap();
        wait.recv().unwrap();
    });
    starting.recv().unwrap();
    let lock = std::sync::Arc::new(reunite::sync::Mutex::new(()));
    let shuts_down = reunite::spawn({
        let lock = std::sync::Arc::clone(&lock);
        move || {
            let _held = lock.lock().unwrap();
            reunite::shutdown(Duration::MAX).unwrap()
        }
    });
    until(|| waiting() == 1);
    let locked = reunite::scope(|s| {
        let waits = s.spawn(|| {
            let other = reunite::sync::Mutex::new(());
            let _held = other.lock().unwrap();
            lock.lock().map(drop)
        });
        until(|| waiting() == 2 || waits.is_finished());
        go.send(()).unwrap();
        waits.join().unwrap()
    });
    locked.unwrap();
    shuts_down.join().unwrap();
    drop(deaf);
}

/// The outcomes are no longer taken, so the workers wait for room for ever.
#[test]
fn a_map_outside_any_scope_stops_though_its_outcomes_were_forgotten() {
    let _alone = alone();
    let _watchdog = watchdog();
    for (threads, window) in [(1, 1), (2, 2), (4, 8)] {
        let items = reunite::map(0..100, |n| n).threads(threads).window(window);
        let mut outcomes = items.into_iter();
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        std::mem::forget(outcomes);
    }
    let (begin, begun) = mpsc::channel();
    let sleeps = reunite::map(0..2, move |_| {
        begin.send(()).unwrap();
        until_cancelled().reason().to_owned()
    });
    let mut outcomes = sleeps.threads(2).into_iter();
    let (tell, told) = mpsc::channel();
    let consumer = reunite::spawn(move || {
        tell.send(outcomes.next().is_some()).unwrap();
        std::mem::forget(outcomes);
    });
    (0..2).for_each(|_| begun.recv().unwrap());
    reunite::shutdown(NEVER).unwrap();
    assert!(told.recv().unwrap());
    drop(consumer);
}

#[test]
fn the_shutdown_of_a_pool_names_late_tasks() {
    let _alone = alone();
    let _watchdog = watchdog();
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    let deaf = pool.spawn(move || {
        tell.send(()).unwrap();
        wait.recv().unwrap_err();
    });
    begun.recv().unwrap();
    let late = pool.shutdown_deadline(Instant::now()).unwrap_err();
    drop(go);
    let named: Vec<_> = late.iter().map(|late| late.task.id()).collect();
    assert_eq!(named, [deaf.id()], "{late}");
    let told = late.to_string();
    assert!(
        told.starts_with("1 task did not stop in time; task #"),
        "{told}"
    );
    deaf.join().unwrap();
}

#[test]
fn the_shutdown_of_a_pool_names_the_pool_if_only_a_hook_is_late() {
    let _alone = alone();
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let pool = reunite::Pool::builder()
        .threads(1)
        .name("slow to leave")
        .on_exit(move || assert!(wait.lock().unwrap().recv().is_err()))
        .build()
        .unwrap();
    let late = pool.shutdown(Duration::from_millis(1)).unwrap_err();
    drop(go);
    let told = late.to_string();
    assert!(told.contains("pool `slow to leave`"), "{told}");
    assert!(told.ends_with("1 of its threads have not ended"), "{told}");
}

#[test]
fn a_late_task_does_not_count_as_stopped() {
    let _alone = alone();
    let _watchdog = watchdog();
    // Tasks of other tests that are about to end.
    reunite::shutdown(NEVER).unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    let deaf = reunite::spawn(move || {
        tell.send(()).unwrap();
        wait.recv().unwrap_err();
    });
    begun.recv().unwrap();
    let late = reunite::shutdown_deadline(Instant::now()).unwrap_err();
    drop(go);
    assert_eq!((late.iter().len(), *late.done()), (1, 0), "{late}");
    deaf.join().unwrap();
}
